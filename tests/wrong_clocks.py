"""One process whose clock can be made wrong, its store and its letters: for every test of the clock guard."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable

from api.reminders.guard import ClockGuard, Verdict

START = dt.datetime(2026, 3, 4, 9, tzinfo=dt.UTC)
SECOND, MINUTE, HOUR, DAY = (dt.timedelta(**{unit: 1}) for unit in ("seconds", "minutes", "hours", "days"))
TEN_YEARS = 3652 * DAY
LEAST = dt.timedelta(microseconds=1)
TICK = 15 * SECOND


class House:
    """One process with its clock, its store and its letters. ``true`` time passes; the clock shows it with an error."""

    def __init__(self, dues: Iterable[dt.datetime] = ()) -> None:
        self.guard = ClockGuard()
        self.true = START
        self.error = dt.timedelta()
        self.frozen_at: dt.datetime | None = None
        self.kept: dt.datetime | None = None
        self.server_error: dt.timedelta | None = None
        self.waiting = sorted(dues)
        self.sent: dict[dt.datetime, dt.datetime] = {}  # when it was due: when it truly was sent
        self.alarms: list[str] = []

    @property
    def wall(self) -> dt.datetime:
        return self.frozen_at or self.true + self.error

    def tick(self, after: dt.timedelta = TICK) -> Verdict:
        self.true += after
        server = None if self.server_error is None else self.true + self.server_error
        passed = (self.true - START).total_seconds()
        verdict = self.guard.look(self.wall, passed, self.kept, server)
        if verdict.may_schedule:
            self.kept = self.wall if self.kept is None else max(self.kept, self.wall)
        if verdict.may_send:
            while self.waiting and self.waiting[0] <= self.wall:
                assert self.waiting[0] not in self.sent
                self.sent[self.waiting.pop(0)] = self.true
        if verdict.alarm is not None:
            self.alarms.append(verdict.alarm)
        return verdict

    def ticks(self, count: int) -> list[Verdict]:
        return [self.tick() for _ in range(count)]

    def set_right(self) -> None:
        self.error, self.frozen_at = dt.timedelta(), None

    def operator_sets_what_was_kept(self) -> None:
        """What an operator does after reading a clock that is right."""
        self.kept = self.true


def started(**house: Iterable[dt.datetime]) -> House:
    found = House(**house)
    assert found.tick() == Verdict(may_send=True, may_schedule=True)
    return found


def sends_nothing(verdict: Verdict) -> bool:
    return not verdict.may_send and not verdict.may_schedule and verdict.reason is not None


def only_sends(verdict: Verdict) -> bool:
    return verdict.may_send and not verdict.may_schedule and verdict.reason is not None


def does_all(verdict: Verdict) -> bool:
    return verdict == Verdict(may_send=True, may_schedule=True)
