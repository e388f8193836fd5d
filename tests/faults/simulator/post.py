"""What carries the messages: working, failing, failing for a day, refusing an address for good, delivering twice."""

from __future__ import annotations

import datetime as dt
import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from api.reminders.notice import Address, NotDelivered, Notice, TryLater, Undeliverable

from .clock import Clock
from .disk import Crash

__all__ = ["Arrival", "Mistake", "Post"]


class Mistake(BaseException):
    """The simulator itself is wrong. The engine must not take it for a message that did not go out."""


@contextmanager
def _of_the_simulator() -> Iterator[None]:
    try:
        yield
    except Exception as error:
        raise Mistake(f"{type(error).__name__}: {error}") from error


@dataclass(frozen=True)
class Arrival:
    """One copy at its receiver."""

    idem: str
    channel: str
    address: str
    link: str


@dataclass
class Post:
    """One channel. ``claimed`` is told of every attempt before it, ``arrived`` of every copy that came through."""

    name: str
    clock: Clock
    chance: random.Random
    claimed: Callable[[Notice, Address], None]
    arrived: Callable[[Arrival], None]
    meanwhile: Callable[[], None]
    is_down: bool = False
    refused: set[str] = field(default_factory=set)
    sent: int = 0
    row_of_failures: int = 0
    """How many attempts failed in a row since the tick began, not counting those refused for good."""
    crashes: list[str] = field(default_factory=list)
    """Copies that arrived, after which the process died or was told that they had not."""

    def send(self, notice: Notice, to: Address) -> str:
        """One attempt."""
        with _of_the_simulator():
            self.claimed(notice, to)
        self.clock.advance(dt.timedelta(seconds=self.chance.choice((0.05, 0.2, 0.2, 1, 3))))
        with _of_the_simulator():
            self.meanwhile()
        try:
            self._attempt(notice, to)
        except Undeliverable:
            self.row_of_failures = 0
            raise
        except Exception:
            self.row_of_failures += 1
            raise
        self.row_of_failures = 0
        return self.name

    def _attempt(self, notice: Notice, to: Address) -> None:
        arrival = Arrival(notice.idem, self.name, to.address, notice.link)
        if self.is_down:
            if self.chance.random() < 0.05:
                self.clock.advance(dt.timedelta(seconds=45))
                raise TimeoutError("nothing for 45 s")
            raise ConnectionRefusedError("no server")
        if to.address in self.refused:
            raise Undeliverable("the server refuses this address for good (550)")
        luck = self.chance.random()
        if luck < 0.02:
            raise NotDelivered("the line was cut")
        if luck < 0.03:
            raise TryLater("too many", self.chance.choice((1, 300, 86_400)))
        self.sent += 1
        with _of_the_simulator():
            self.arrived(arrival)
            if luck < 0.05:
                self.arrived(arrival)  # the carrier delivers it twice
        if luck > 0.99:
            self.crashes.append(notice.idem)
            raise Crash
        if luck > 0.98:
            self.crashes.append(notice.idem)
            raise NotDelivered("the line was cut after the message, before the answer")
