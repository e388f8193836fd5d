"""When a clinic must be told, worked out a second time: from the plan, the clinic's settings and the answers alone."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from fractions import Fraction
from sqlite3 import Row
from zoneinfo import ZoneInfo

from .house import Fill

__all__ = ["Booking", "Plan", "hours_after", "instant", "is_quiet", "latest_day", "wall_instant"]

_DAY = dt.timedelta(days=1)


def instant(text: str) -> dt.datetime:
    """An instant as it is kept."""
    return dt.datetime.fromisoformat(text.replace("Z", "+00:00"))


def wall_instant(day: dt.date, hour: dt.time, zone: str) -> dt.datetime:
    """The instant of a wall time, by trying the offsets before and after: R-08.

    The first instant that shows this time; where none does, the time moves forward by what the clocks skip.
    """
    wall, place = dt.datetime.combine(day, hour), ZoneInfo(zone)
    around = [wall.replace(tzinfo=dt.UTC) + days for days in (-_DAY, _DAY)]
    before, after = (at.astimezone(place).utcoffset() or dt.timedelta() for at in around)
    tried = sorted({(wall - offset).replace(tzinfo=dt.UTC) for offset in (before, after)})
    for at in tried:
        if at.astimezone(place).replace(tzinfo=None) == wall:
            return at
    return (wall - before).replace(tzinfo=dt.UTC)


def hours_after(start: dt.datetime, until: dt.datetime, hour: dt.time, zone: str) -> dt.datetime | None:
    """The last of the clinic's hours after ``start``, of one each day, that is not after ``until``."""
    day = until.astimezone(ZoneInfo(zone)).date()
    for back in range(3):
        at = wall_instant(day - back * _DAY, hour, zone)
        if at <= until:
            return at if at > start else None
    return None


def latest_day(fill: Fill, fill_date: dt.date, settings: Row) -> dt.date:
    """The last safe day at the latest: what lasts to the alarm, and what keeps. In whole days, cut off."""
    alarm = Fraction(settings["low_reservoir_alarm_volume"].removesuffix(" mL"))
    days = (fill.volume - alarm) * fill.strength / fill.dose
    lasts = days.numerator // days.denominator
    return fill_date + dt.timedelta(days=lasts if fill.keeps is None else min(lasts, fill.keeps))


def is_closed(day: dt.date, settings: Row) -> bool:
    """Whether the clinic is closed on a day."""
    name = f"{day:%A}".lower()
    return name in json.loads(settings["closed_weekdays"]) or day.isoformat() in json.loads(settings["closed_dates"])


def is_quiet(now: dt.datetime, quiet_from: str, quiet_until: str, zone: str) -> dt.datetime | None:
    """The end of the quiet hours in which an instant lies; None when it lies in none."""
    local = now.astimezone(ZoneInfo(zone))
    time, begins, ends = local.time(), dt.time.fromisoformat(quiet_from), dt.time.fromisoformat(quiet_until)
    inside = begins <= time < ends if begins < ends else time >= begins or time < ends
    if not inside:
        return None
    day = local.date() if time < ends else local.date() + _DAY
    return wall_instant(day, ends, zone)


@dataclass(frozen=True)
class Booking:
    """A visit, and when somebody must be told that it has passed."""

    recorded: dt.datetime
    passed: dt.datetime


@dataclass
class Plan:
    """One open plan, as it must be: the instants at which somebody must be told of its pump."""

    id: str
    clinic_id: str
    pump_id: str
    kind: str
    why: str
    zone: str
    hour: dt.time
    opened: dt.datetime
    refill_by: dt.date | None
    rungs: dict[str, dt.datetime] = field(default_factory=dict)
    """By kind, as the clinic's settings are when it opens: before the last safe day and on it."""
    at_once: bool = False
    """Whether it must be told of when it opens."""
    told: dt.datetime | None = None
    """When somebody was last told, by the clock of the engine."""
    last_step: str | None = None
    settings: tuple[dt.time, str] | None = None
    """The clinic's hour and its days before, as they were when it opened."""

    def expect(self, settings: Row, fill_date: dt.date) -> None:
        """The ladder of a last safe day. A plan that follows another has only what is still to come."""
        assert self.refill_by is not None
        for text in json.loads(settings["reminder_days_before"]):
            day = self.refill_by - int(text) * _DAY
            if int(text) > 0 and day > fill_date:
                self.rungs[f"{int(text)}-days-before"] = wall_instant(day, self.hour, self.zone)
        self.rungs["due-day"] = wall_instant(self.refill_by, self.hour, self.zone)
        if self.why != "refill":
            self.rungs = {kind: at for kind, at in self.rungs.items() if at > self.opened}
            self.at_once = not self.rungs

    def owed(self, now: dt.datetime, answers: Iterable[Row]) -> dt.datetime | None:
        """The last instant, not after ``now``, at which somebody was to be told of this pump."""
        answers = list(answers)
        bookings = [self.booking(row) for row in answers if row["day"] is not None]
        owed = [self.opened] if self.at_once else []
        for kind, at in self.rungs.items():
            if kind != "due-day" and any(each.recorded < at < each.passed for each in bookings):
                continue  # no counting down before a visit
            owed.append(max(at, self.opened))
        if bookings:
            owed.append(bookings[-1].passed)
        if answers and answers[-1]["until"] is not None:
            owed.append(instant(answers[-1]["until"]))
        starts = self._daily_from()
        if starts <= now and (daily := hours_after(starts, now, self.hour, self.zone)) is not None:
            owed.append(daily)
        return max((at for at in owed if at <= now), default=None)

    def _daily_from(self) -> dt.datetime:
        """After which instant one comes each day."""
        if self.kind == "unknown":
            return self.opened
        return max(self.rungs.get("due-day", self.opened), self.opened)

    def booking(self, row: Row) -> Booking:
        """A visit that was answered with."""
        day = dt.date.fromisoformat(row["day"])
        ends = wall_instant(day, dt.time(23, 59), self.zone)
        at = ends.astimezone(ZoneInfo(self.zone)).date()
        while (passed := wall_instant(at, self.hour, self.zone)) <= ends:
            at += _DAY
        return Booking(instant(row["recorded_at"]), passed)
