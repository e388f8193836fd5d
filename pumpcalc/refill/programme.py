"""A fill under a day schedule: how long it lasts is walked over the real calendar, hour by hour of the programme."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple
from zoneinfo import ZoneInfo

from pumpcalc.programmes import GivenWeek, Running, WeekdayGroup, given_week
from pumpcalc.quantities import Quantity
from pumpcalc.worksheet import Value, Worksheet

__all__ = ["Programme", "Schedule", "given_programme"]


class Schedule(NamedTuple):
    """A day schedule as a request states it: with a base rate, or not at all."""

    base_rate: Quantity | None
    groups: Sequence[WeekdayGroup]
    day_total: Quantity | None


@dataclass
class Programme:
    """A day schedule that a fill runs under, on the worksheet."""

    week: GivenWeek
    running: Running
    point: Value
    """Where the pump's week stands at the fill."""

    def lasts(self, work: Worksheet, name: str, volume: Value, strength: Value) -> Value:
        """How long a volume lasts. The replay walks the programme of the request again."""
        days = self.running.time_to_deliver(volume.amount * strength.amount)
        return work.chosen(name, "walked", [volume, strength, self.point], days, "day")


def given_programme(
    work: Worksheet, drug: str, dose: Value, schedule: Schedule, filled_at: datetime | None, zone: ZoneInfo | None
) -> Programme | None:
    """The day schedule of a request, held against the mean daily dose that is stated beside it; None without one."""
    if schedule.base_rate is None:
        if schedule.groups or schedule.day_total is not None:
            raise work.refuse("missing", "base_rate is missing: a day schedule runs on it.", "/base_rate")
        return None
    if filled_at is None or zone is None:
        raise work.refuse(
            "missing", "filled_at is missing: a day schedule is walked from the hour of the fill.", "/filled_at"
        )
    week = given_week(work, drug, schedule.base_rate, schedule.groups, schedule.day_total)
    if str(week.mean) != str(dose) and week.mean.amount != dose.amount:
        raise work.refuse(
            "day-total-mismatch",
            f"The schedule makes {week.mean} on average, and the daily dose entered is {dose}: enter the mean of the "
            "week, or correct the schedule.",
            "/daily_dose",
        )
    filled = work.given_moment("filled_at", filled_at)
    running = Running(week.week, filled.instant, zone)
    point = work.chosen("pump_week_at_fill", "since_monday", [filled], running.point(filled.instant), "day")
    work.note(
        "elapsed-pump-time",
        f"The week is walked in elapsed time from the fill, at which the pump's clock is taken to show the wall clock "
        f"of {zone.key}.",
    )
    return Programme(week, running, point)
