"""One sweep: queue everything that is due, then send every copy whose turn it is, until nothing waits.

Any number of sweeps may run at once, in any number of processes: the claim keeps them apart. A channel that keeps
failing is left alone until the next sweep, so that a dead server of one does not hold up the others.
"""

from __future__ import annotations

import datetime as dt
import logging
import os
import secrets
import socket
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

import sqlalchemy as sa

from api.reminders.ladder import not_before
from api.reminders.message import notice
from api.reminders.notice import Address, Channel, Notice, TryLater, Undeliverable
from api.reminders.outbox import Claim, claim, complete, fail, hold, queue_due
from api.store.engine import Store
from api.store.queries import outbox, people, plans

__all__ = ["Swept", "sweep"]

_LOG = logging.getLogger("pumpcalc.reminders")
_LONGEST_ERROR = 200
_MOST_FAILURES = 5


@dataclass
class Swept:
    """What one sweep did: reminders queued; copies sent, not sent, and sent too ``late`` to be ours to record."""

    queued: int = 0
    sent: int = 0
    failed: int = 0
    late: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False, compare=False)

    def count(self, *, sent: int = 0, failed: int = 0, late: int = 0) -> None:
        """Add what a sender did."""
        with self._lock:
            self.sent += sent
            self.failed += failed
            self.late += late

    def add(self, other: Swept) -> None:
        """Add what another sweep of the same tick did."""
        self.queued += other.queued
        self.count(sent=other.sent, failed=other.failed, late=other.late)


def sweep(
    store: Store,
    channels: Mapping[str, Channel],
    now: Callable[[], dt.datetime],
    *,
    public_url: str,
    lease: dt.timedelta,
    senders: int = 1,
    carry_on: Callable[[], bool] = lambda: True,
) -> Swept:
    """Queue and send everything that is due.

    ``now`` is asked again for every copy, so that a lease taken late in a long sweep is not already over.
    ``carry_on`` is asked between copies; when it says no, the sweep ends there and nothing is lost.
    """
    swept = Swept()
    while carry_on():
        with store.writing() as connection:
            batch = queue_due(connection, now())
        swept.queued += batch
        if not batch:
            break
    open_channels = _OpenChannels(channels)

    def work(_number: int) -> None:
        _Sender(store, open_channels, now, public_url, lease, swept).run(carry_on)

    if senders == 1:
        work(0)
    else:
        with ThreadPoolExecutor(senders, "sender") as pool:
            list(pool.map(work, range(senders)))
    return swept


class _OpenChannels:
    """The channels of one sweep. One that has failed so many times in a row is left alone until the next sweep."""

    def __init__(self, channels: Mapping[str, Channel]) -> None:
        self.channels = channels
        self._lock = threading.Lock()
        self._failures = dict.fromkeys(channels, 0)

    @property
    def names(self) -> list[str]:
        with self._lock:
            return [name for name, failures in self._failures.items() if failures < _MOST_FAILURES]

    def went(self, name: str, *, well: bool) -> None:
        with self._lock:
            self._failures[name] = 0 if well else self._failures[name] + 1


@dataclass(frozen=True)
class _Outcome:
    """How one attempt went. ``error`` is None when the copy left, or is held until the end of quiet hours."""

    error: str | None = None
    held_until: dt.datetime | None = None
    not_before: dt.timedelta = dt.timedelta()
    is_final: bool = False


@dataclass(frozen=True)
class _Sender:
    """Claims a copy, sends it outside every transaction, and records how that went together with the next claim."""

    store: Store
    channels: _OpenChannels
    now: Callable[[], dt.datetime]
    public_url: str
    lease: dt.timedelta
    swept: Swept
    owner: str = field(default_factory=lambda: f"{socket.gethostname()}:{os.getpid()}:{secrets.token_hex(4)}")

    def run(self, carry_on: Callable[[], bool]) -> None:
        """Until nothing waits."""
        done: tuple[Claim, _Outcome] | None = None
        while True:
            kept: bool | None = None
            with self.store.writing() as connection:
                if done is not None:
                    kept = self._record(connection, *done)
                claimed = None
                if carry_on() and (names := self.channels.names):
                    claimed = claim(connection, self.now(), self.owner, self.lease, names)
            if done is not None and kept is not None:
                self._tell(*done, kept=kept)
            if claimed is None:
                return
            done = (claimed, self._send(claimed))

    def _record(self, connection: sa.Connection, claimed: Claim, outcome: _Outcome) -> bool:
        if outcome.held_until is not None:
            return hold(connection, claimed, outcome.held_until)
        if outcome.error is None:
            return complete(connection, claimed, self.now())
        return fail(
            connection,
            claimed,
            self.now(),
            outcome.error,
            not_before=outcome.not_before,
            is_final=outcome.is_final,
        )

    def _tell(self, claimed: Claim, outcome: _Outcome, *, kept: bool) -> None:
        if outcome.held_until is not None:
            return
        went = outcome.error is None
        self.swept.count(sent=went and kept, failed=not went, late=went and not kept)
        _LOG.info(
            "reminder_%s clinic=%s delivery=%s attempt=%d kept=%s",
            "sent" if went else "not_sent",
            claimed.clinic_id,
            claimed.delivery_id,
            claimed.attempts,
            kept,
        )

    def _send(self, claimed: Claim) -> _Outcome:
        """Send one copy. Whatever is wrong with one must not stop the others."""
        try:
            told, to, held = self._written(claimed)
        except Exception as error:
            return _Outcome(_in_words(error))
        if held > told.now:
            return _Outcome(held_until=held)
        try:
            self.channels.channels[claimed.channel].send(told, to)
        except TryLater as error:
            outcome = _Outcome(_in_words(error), not_before=dt.timedelta(seconds=error.seconds))
        except Undeliverable as error:
            outcome = _Outcome(_in_words(error), is_final=True)
        except Exception as error:
            outcome = _Outcome(_in_words(error))
        else:
            outcome = _Outcome()
        self.channels.went(claimed.channel, well=outcome.error is None or outcome.is_final)
        return outcome

    def _written(self, claimed: Claim) -> tuple[Notice, Address, dt.datetime]:
        """What is told, where it goes, and not before when: as the store has it now.

        Quiet hours are looked at again. A copy that was queued before them may be sent in them: after a failure, or
        when nothing ran for a while.
        """
        with self.store.reading() as connection:
            facts = outbox.letter(connection, claimed.clinic_id, claimed.reminder_id)
            listed = plans.board(connection, claimed.clinic_id) if facts["kind"] == "digest" else ()
            contact = (
                people.contact_by_id(connection, claimed.clinic_id, claimed.contact_id)
                if claimed.contact_id is not None
                else None
            )
        now = self.now()
        told = notice(facts, claimed.idem, self.public_url, now, listed)
        if contact is None:
            return told, Address(claimed.channel, claimed.recipient, None), now
        held = not_before(contact, facts["severity"], facts["refill_by"], now, facts["time_zone"])
        return told, Address(claimed.channel, claimed.recipient, contact["secret"]), held


def _in_words(error: Exception) -> str:
    text = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
    return ascii(text)[1:-1][:_LONGEST_ERROR]
