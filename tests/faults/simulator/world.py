"""One run: a seed, some pumps, some years. Time jumps to the next instant at which anything can happen."""

from __future__ import annotations

import datetime as dt
import heapq
import itertools
import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import sqlalchemy as sa

from api.engine import Engine
from api.engine import Post as EnginePost
from api.store.types import written_instant

from .chance import chosen_by, minutes, stream
from .clock import Clock
from .disk import Crash, Disk, digest, memory_disk
from .expected import instant
from .people import People
from .post import Arrival, Post
from .promises import Judge
from .troubles import Troubles
from .weather import Weather

__all__ = ["Broken", "Figures", "World", "run"]

START = dt.datetime(2026, 1, 5, 17, tzinfo=dt.UTC)
LEASE = dt.timedelta(seconds=120)
TICK = 15
_YEAR = dt.timedelta(days=365.25)
_DAY = dt.timedelta(days=1)
_HOUR = dt.timedelta(hours=1)
_MOST_PIECES = 2000
"""Of one tick: more than any that ends."""
_NEVER_AGAIN = 40
"""How often a thing that people want is tried again before it is taken that it cannot be."""


class Broken(BaseException):
    """A promise that does not hold, by this seed, at this simulated time. No engine catches it, whatever it sends."""

    def __init__(self, promise: str, what: str, seed: int, at: dt.datetime) -> None:
        super().__init__(f"{promise}: {what} (seed {seed}, {at:%Y-%m-%d %H:%M:%S} UTC)")
        self.promise = promise
        self.seed = seed


@dataclass
class Figures:
    """What a run did."""

    seed: int
    digest: str = ""
    pump_years: float = 0
    ticks: int = 0
    refills: int = 0
    answers: int = 0
    reminders: int = 0
    copies: int = 0
    crashes: int = 0
    clock_faults: int = 0
    downtimes: int = 0


@dataclass(order=True)
class _Event:
    at: dt.datetime
    number: int
    kind: str = field(compare=False)
    act: Callable[[], None] = field(compare=False)
    tries: int = field(compare=False, default=0)


class World:
    """Everything of one run."""

    def __init__(
        self, seed: int, pump_years: float, path: Path, *, believed: bool = False, weather: Weather | None = None
    ) -> None:
        self.seed = seed
        self.believed = believed
        """Whether a process may start by a clock that is ahead, and believe it."""
        self.pumps = max(4, min(100, round(pump_years**0.5 * 10)))
        self.weather = weather or Weather.drawn(stream(seed, "weather"))
        self.figures = Figures(seed, pump_years=pump_years)
        self.clock = Clock(START)
        self.end = START + pump_years / self.pumps * _YEAR
        self.disk = Disk(path)
        self.store = self.disk.store
        self.judge = Judge(self)
        self.people = People(self, stream(seed, "people"))
        self.channels = {
            name: Post(name, self.clock, stream(seed, name), self.judge.claimed, self._arrived, self._meanwhile)
            for name in ("email", "webhook")
        }
        self.is_up = True
        self._chance = stream(seed, "world")
        self.troubles = Troubles(self, stream(seed, "troubles"))
        self._events: list[_Event] = []
        self._numbers = itertools.count()
        self.wrong_until: dt.datetime | None = None
        """When the clock is set right again."""
        self._in_act = False
        self._workers = [self._new_engine() for _ in range(self._chance.choice((1, 1, 1, 2)))]

    # What happens

    def live(self) -> Figures:
        """The whole run. Raises Broken."""
        self.people.found(self.pumps)
        self.judge.look()
        self.troubles.plan()
        self._plan_digests()
        while True:
            tick_at = self._next_tick()
            event_at = self._events[0].at if self._events else self.end
            if min(tick_at, event_at) >= self.end:
                break
            if event_at <= tick_at:
                self._happens(heapq.heappop(self._events))
            else:
                self.clock.advance_to(tick_at)
                self.tick()
        self._settle()
        self.judge.at_the_end()
        return self._counted()

    def at(self, when: dt.datetime, kind: str, act: Callable[[], None], tries: int = 0) -> None:
        """Something of the world happens at a true time."""
        heapq.heappush(self._events, _Event(when, next(self._numbers), kind, act, tries))

    def act(self, when: dt.datetime, kind: str, act: Callable[[], None]) -> None:
        """A person does something with the service at a true time, or later, when it answers again."""
        self.at(when, f"act {kind}", act)

    def broken(self, promise: str, what: str) -> None:
        """A promise does not hold."""
        raise Broken(promise, what, self.seed, self.clock.true)

    def _happens(self, event: _Event) -> None:
        self.clock.advance_to(event.at)
        if not event.kind.startswith("act "):
            event.act()
            return
        if not self.is_up or not self.clock.is_right:
            self._again(event)
            return
        self._in_act = True
        try:
            event.act()
        except Crash:
            self._crashed()
            self._again(event)
        except sa.exc.OperationalError:
            self._again(event)
        except sa.exc.SQLAlchemyError as error:
            self.broken("yes or a reason", f"{event.kind}: {type(error).__name__} {error}"[:300])
        finally:
            self._in_act = False
        self.judge.look()

    def _again(self, event: _Event) -> None:
        if event.tries > _NEVER_AGAIN:
            self.broken("yes or a reason", f"{event.kind} is never taken")
        wait = minutes(self._chance, 5, 60 * min(4 + event.tries**2, 100))
        self.at(self.clock.true + wait, event.kind, event.act, event.tries + 1)

    def _meanwhile(self) -> None:
        """While a message is on its way, which takes less than a lease, somebody may record a refill, or answer."""
        if self._events and self._events[0].at <= self.clock.true + dt.timedelta(minutes=10):
            event = self._events[0]
            event.at = min(event.at, self.clock.true + dt.timedelta(seconds=20))
            if event.kind.startswith("act ") and self.clock.is_right and self._chance.random() < 0.5:
                heapq.heappop(self._events)
                with self.disk.spared():
                    self.judge.look()
                    self._happens(event)

    # The engine

    def _new_engine(self) -> Engine:
        """A process that has started, and has looked at its clock once."""
        post = EnginePost(self.channels, "https://pumpcalc.example", LEASE)
        made = Engine(self.store, post, self.clock.now, self.clock.monotonic)
        with self.disk.spared():
            made.look()
        self.judge.looks(made)
        return made

    def _next_tick(self) -> dt.datetime:
        """When the next tick finds something to do."""
        if not self.is_up:
            return self.end
        if self.wrong_until is not None:
            near = self._chance.random() < 0.6
            return self.clock.true + (minutes(self._chance, 0.5, 5) if near else minutes(self._chance, 30, 240))
        if not all(worker.verdict.may_send for worker in self._workers):
            return self.clock.true + minutes(self._chance, 0.5, 4)
        now = self.clock.now()
        soonest = self.disk.rows(
            "SELECT min(at) AS at FROM ("
            " SELECT min(due_at) AS at FROM reminder WHERE state = 'pending'"
            " UNION ALL SELECT min(max(next_try_at, coalesce(lease_until, ''))) FROM delivery"
            "  WHERE state IN ('pending', 'dead')"
            " UNION ALL SELECT ? FROM pump WHERE stale_since IS NOT NULL)",
            written_instant(now),
        )[0]["at"]
        if soonest is None:
            return self.end
        wait = max(instant(soonest) - now, dt.timedelta())
        return self.clock.true + wait + dt.timedelta(seconds=self._chance.uniform(0.001, TICK))

    def tick(self) -> None:
        """One tick of one of the processes, and what is judged after it."""
        for channel in self.channels.values():
            channel.row_of_failures = 0
        worker = self._chance.choice(self._workers)
        pieces = itertools.count()

        def carry_on() -> bool:
            if next(pieces) > _MOST_PIECES:
                self.broken("R-15", "a tick does not end")
            return True

        self.figures.ticks += 1
        self.judge.ticks(worker)
        try:
            worker.tick(carry_on)
        except Crash:
            self._crashed()
            self.judge.look()
            return
        except sa.exc.OperationalError:
            self.judge.look()
            return
        except sa.exc.SQLAlchemyError as error:
            self.broken("R-15", f"a tick ends with {type(error).__name__} {error}"[:300])
        self.judge.look()
        self.judge.ticked(worker)

    def tick_if_up(self) -> None:
        """A tick, when there is a process and its clock is right."""
        if self.is_up and self.wrong_until is None:
            self.tick()

    def _crashed(self) -> None:
        self.figures.crashes += 1
        self.starts()
        self.clock.advance(minutes(self._chance, 0.1, 3))

    def starts(self) -> None:
        """A process that starts has no clock to compare with: the machine sets its clock before it."""
        if self.wrong_until is not None and not self.believed and self.clock.now() > self.clock.true + _HOUR:
            self.troubles.clock_right()
        self._workers = [self._new_engine() for _ in self._workers]

    def _arrived(self, arrival: Arrival) -> None:
        self.figures.copies += 1
        self.judge.arrived(arrival)
        self.people.told(arrival)

    # The morning's list, and the end

    def _plan_digests(self) -> None:
        """A digest stands in no row before it is due: the engine is woken for it."""
        day = START
        while day < self.end:
            self.at(day, "digests", self._digests)
            day += _DAY

    def _digests(self) -> None:
        for at in self.judge.digests_of_the_day():
            self.at(at + dt.timedelta(seconds=self._chance.uniform(0, TICK)), "tick", self.tick_if_up)

    def _settle(self) -> None:
        """Everything works again, and one more day passes: what waits goes out."""
        self.disk.trouble = None
        self.troubles.clock_right()
        self.is_up = True
        for channel in self.channels.values():
            channel.is_down = False
            channel.refused.clear()
        self._events.clear()
        self.end = self.clock.true + _DAY
        self._workers = [self._new_engine()]
        self.tick()
        while (tick_at := self._next_tick()) < self.end:
            self.clock.advance_to(tick_at)
            self.tick()
        self._events.clear()

    def _counted(self) -> Figures:
        figures = self.figures
        figures.refills, figures.answers = self.people.refills, self.people.answers
        figures.reminders = self.disk.rows("SELECT count(*) FROM reminder WHERE queued_at IS NOT NULL")[0][0]
        figures.digest = digest(self.disk)
        return figures


def run(seed: int, pump_years: float = 100, *, believed: bool = False, weather: Weather | None = None) -> Figures:
    """One run of a seed, in its own weather or in another: the same seed, the same run.

    Raises Broken for a promise that does not hold.
    """
    logging.disable(logging.CRITICAL)
    try:
        with chosen_by(stream(seed, "names")), memory_disk() as folder:
            world = World(seed, pump_years, folder / "pumpcalc.db", believed=believed, weather=weather)
            try:
                return world.live()
            finally:
                world.disk.close()
    finally:
        logging.disable(logging.NOTSET)
