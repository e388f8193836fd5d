"""One tick of the engine: look at the clock, work out again what has changed, queue what is due, send it.

Whoever wakes it only wakes it. Any number of engines may tick over one store; a tick that is missed loses nothing.
"""

from __future__ import annotations

import datetime as dt
import logging
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from zoneinfo import ZoneInfo

import sqlalchemy as sa

from api.reminders.dead_man import DeadManPing
from api.reminders.guard import ClockGuard, Verdict
from api.reminders.ladder import at_once, instant_of, step, urgency
from api.reminders.notice import Channel
from api.reminders.sweep import Swept, sweep
from api.replanning import replan
from api.store import Store
from api.store.queries import engine, outbox, plans
from pumpcalc import library

__all__ = ["RESTORED", "Engine", "Post", "check_all", "digests_due", "replan_stale"]

_LOG = logging.getLogger("pumpcalc.engine")
_AT_A_TIME = 200
_MINUTE = dt.timedelta(minutes=1)
_REPLANS_FOR = 10
"""Seconds of one tick in which plans are worked out again."""
_LOOKS_AGAIN_AFTER = 15
"""Seconds of a long sweep after which the clock is looked at again."""
_NIGHTLY = dt.timedelta(hours=24)
_AHEAD = dt.timedelta(hours=1)
RESTORED = "restored"
"""The mark of a store that was put back from a copy, among the marks of the engine: when the copy was made."""
_KEPT_FOR = dt.timedelta(days=30)
"""How long the answer to an Idempotency-Key is kept."""


@dataclass(frozen=True)
class Post:
    """How this process sends: its channels by name, the address that messages link to, lease and number of senders."""

    channels: Mapping[str, Channel]
    public_url: str
    lease: dt.timedelta
    senders: int = 1


class Engine:
    """The engine of one process over one store."""

    def __init__(
        self,
        store: Store,
        post: Post,
        now: Callable[[], dt.datetime],
        monotonic: Callable[[], float] = time.monotonic,
        ping: DeadManPing | None = None,
    ) -> None:
        self.store = store
        self.post = post
        self.verdict = Verdict(may_send=True, may_schedule=True)
        """What the last look at the clock said."""
        self.wrong: dict[str, int] = {}
        """What the last nightly check found that must not be: how many of each."""
        self.late = 0
        """Copies that were sent and were by then not this process' to record: another had sent them, or they were taken
        back."""
        self._now = now
        self._monotonic = monotonic
        self._guard = ClockGuard()
        self._ping = ping
        self._beats: dict[str, dt.datetime] = {}
        """What went well last, when the clock was last looked at."""
        self._library: str | None = None
        self._was_believed = False

    def tick(self, carry_on: Callable[[], bool] = lambda: True) -> Swept:
        """Do everything that is due. What goes wrong with one pump or one copy is logged and stops no other."""
        self.look()
        looked = self._monotonic()
        turn = threading.Lock()

        def goes_on() -> bool:
            """Asked between copies, by every sender: a clock that jumps during a long sweep stops it."""
            nonlocal looked
            with turn:
                if self._monotonic() - looked >= _LOOKS_AGAIN_AFTER:
                    self.look()
                    looked = self._monotonic()
                return self.verdict.may_send and carry_on()

        if not goes_on() or self.is_held:
            return Swept()
        self._after_a_doubt()
        self._new_library()
        self._nightly()
        with self.store.writing() as connection:
            digests_due(connection, self._now())
        swept = self._sweep(goes_on)
        # What is due goes first, and what is to be worked out again takes so long of each tick at the most: a new drug
        # library marks every pump there is.
        until = self._monotonic() + _REPLANS_FOR
        if replan_stale(self.store, self._now, lambda: self._monotonic() < until and goes_on()):
            swept.add(self._sweep(goes_on))
        self.late += swept.late
        self._beat()
        return swept

    def _sweep(self, goes_on: Callable[[], bool]) -> Swept:
        return sweep(
            self.store,
            self.post.channels,
            self._now,
            public_url=self.post.public_url,
            lease=self.post.lease,
            senders=self.post.senders,
            carry_on=goes_on,
        )

    def look(self) -> Verdict:
        """Look at the clock: whether it may be believed."""
        with self.store.reading() as connection:
            self._beats, server = engine.beats(connection), engine.database_now(connection)
        self.verdict = self._guard.look(self._now(), self._monotonic(), self._beats.get("clock"), server)
        if self.verdict.alarm is not None:
            _LOG.error("clock_not_believed %s", self.verdict.alarm)
        if self.is_held:
            _LOG.error("store_was_restored nothing is sent before an operator has looked: pumpcalc restored")
        return self.verdict

    @property
    def is_held(self) -> bool:
        """Whether the store was put back from a copy, and nobody has looked at it yet: nothing is sent."""
        return RESTORED in self._beats

    def _after_a_doubt(self) -> None:
        """At the first tick by a clock that is believed: what one that was ahead has left is told anew."""
        if self.verdict.may_schedule and not self._was_believed:
            with self.store.writing() as connection:
                now = self._now()
                count = engine.with_future(connection, now, now + _AHEAD)
            if count:
                _LOG.warning("clock_was_ahead pumps=%d", count)
        self._was_believed = self.verdict.may_schedule

    def _new_library(self) -> None:
        """A drug library that is new to this process: the plans that rest on another are worked out again."""
        sha256 = library.load().sha256
        if sha256 == self._library:
            return
        with self.store.writing() as connection:
            count = engine.with_other_library(connection, self._now(), sha256)
        self._library = sha256
        if count:
            _LOG.info("library_changed pumps=%d", count)

    def _nightly(self) -> None:
        now, last = self._now(), self._beats.get("nightly")
        if last is None or abs(now - last) >= _NIGHTLY:
            self.wrong = check_all(self.store, now)

    def _beat(self) -> None:
        now = self._now()
        with self.store.writing() as connection:
            engine.mark_beat(connection, "sweep", now)
            kept = engine.beats(connection).get("clock")
            if self.verdict.may_schedule and (kept is None or now > kept):
                engine.mark_beat(connection, "clock", now)
        if self._ping is not None:
            self._ping.beat()


def replan_stale(
    store: Store, now: Callable[[], dt.datetime], carry_on: Callable[[], bool] = lambda: True, clinic: str | None = None
) -> int:
    """Work out again every plan that is marked, or those of one clinic, each in a transaction of its own. How many."""
    done = 0
    failed: set[tuple[str, str]] = set()
    while carry_on():
        with store.reading() as connection:
            rows = engine.stale_pumps(connection, clinic, _AT_A_TIME + len(failed))
        waiting = [row for row in rows if (row["clinic_id"], row["id"]) not in failed]
        if not waiting:
            break
        for row in waiting:
            if not carry_on():
                return done
            try:
                replan(store, row["clinic_id"], row["id"], now())
                done += 1
            except Exception:
                # It stays marked, is tried again at the next tick, and is counted at /metrics.
                failed.add((row["clinic_id"], row["id"]))
                _LOG.exception("replan_failed clinic=%s pump=%s", row["clinic_id"], row["id"])
    return done


def digests_due(connection: sa.Connection, now: dt.datetime) -> int:
    """The morning's list for each contact that wants one, once a day, when the clinic's hour has come. How many."""
    steps = []
    for row in engine.clinics_with_digest(connection):
        zone = row["time_zone"]
        day = now.astimezone(ZoneInfo(zone)).date()
        due_at = instant_of(dt.datetime.combine(day, dt.time.fromisoformat(row["digest_time"])), zone)
        if due_at > now:
            continue
        rung = at_once("digest", due_at, zone)
        about = f"{row['id']} {day}"
        steps.append(
            step(
                rung,
                now,
                clinic_id=row["clinic_id"],
                plan_id=None,
                about=about,
                severity="low",
                urgency=urgency("low", day),
            )
        )
    return outbox.add_unless_there(connection, steps)


def check_all(store: Store, now: dt.datetime) -> dict[str, int]:
    """The nightly check of what must always hold, over every clinic. What was found that must not be, by name.

    A pump that waits for nothing cannot be kept by the database; it is looked for all the same. A plan of which nobody
    would hear again gets a reminder at once. Where the rules of a zone have changed, the reminders keep their local
    time.
    """
    with store.writing() as connection:
        lost = engine.pumps_without_a_plan(connection)
        quiet = engine.quiet_plans(connection)
        for row in quiet:
            plan = plans.lock_plan(connection, row["clinic_id"], row["id"])
            if plan is not None and plan["closed_at"] is None:
                _speak_up(connection, plan, now)
        moved = _retime(connection)
        engine.with_future(connection, now, now + _AHEAD)
        engine.forget_once(connection, now - _KEPT_FOR)
        engine.mark_beat(connection, "nightly", now)
    found = {"pumps_without_a_plan": len(lost), "plans_without_a_reminder": len(quiet)}
    for row in (*lost, *quiet):
        _LOG.error("nightly_check_failed clinic=%s row=%s", row["clinic_id"], row["id"])
    _LOG.info("nightly_check pumps_without_a_plan=%d plans_without_a_reminder=%d moved=%d", *found.values(), moved)
    return found


def _speak_up(connection: sa.Connection, plan: sa.RowMapping, now: dt.datetime) -> None:
    clinic = outbox.clinics_with(connection, [plan["clinic_id"]])[plan["clinic_id"]]
    kind = "unknown" if plan["kind"] == "unknown" else "overdue"
    rank = urgency(plan["severity"], plan["refill_by"])
    reminder = step(
        at_once(kind, now, clinic["time_zone"]), now, clinic_id=plan["clinic_id"], plan_id=plan["id"],
        severity=plan["severity"], urgency=rank,
    )  # fmt: skip
    plans.add_reminders(connection, [reminder])


def _retime(connection: sa.Connection) -> int:
    """Reminders at a local time whose instant has changed with the rules of its zone. How many moved."""
    moved = 0
    for row in engine.local_intents(connection):
        meant = instant_of(dt.datetime.fromisoformat(row["local_intent"]), row["zone"])
        if abs(meant - row["due_at"]) >= _MINUTE:  # what is due at an instant keeps its seconds
            engine.move_due(connection, row["clinic_id"], row["id"], meant)
            _LOG.warning(
                "reminder_moved clinic=%s reminder=%s from=%s to=%s", row["clinic_id"], row["id"], row["due_at"], meant
            )
            moved += 1
    return moved
