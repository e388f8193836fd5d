"""What a day schedule is asked with: groups of weekdays, their steps, and the day total that is entered beside them."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Annotated

from pydantic import ConfigDict, Field, JsonValue

from pumpcalc.worksheet import WEEKDAYS, ClockTime, Worksheet
from pumpcalc.worksheet.fields import (
    Clock,
    DayTotalField,
    DrugMassField,
    HourlyRateField,
    Listed,
    Request,
    Weekdays,
)

__all__ = ["DoseStep", "WeekdayGroup", "WeekdayGroups", "base_days", "check_steps", "check_weekdays"]

_MIDNIGHT = ClockTime(24 * 60)
"""24:00, the end of a day."""
_STEP: JsonValue = {"start": "06:00", "end": "09:00", "dose": "75 mcg"}


class DoseStep(Request):
    """One step of a day: from one time to a later one of the same day, either its whole dose or its hourly rate."""

    model_config = ConfigDict(json_schema_extra={"examples": [_STEP]})

    start: Clock
    end: Clock
    dose: DrugMassField | None = None
    rate: HourlyRateField | None = None


class WeekdayGroup(Request):
    """Weekdays that have the same steps, and what a day of them adds up to, entered independently of the steps."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"weekdays": ["saturday", "sunday"], "steps": [_STEP], "day_total": "285 mcg/day"}]
        }
    )

    weekdays: Weekdays
    steps: Listed[DoseStep]
    day_total: DayTotalField


WeekdayGroups = Annotated[tuple[WeekdayGroup, ...], Field(max_length=len(WEEKDAYS))]


def check_weekdays(work: Worksheet, groups: Sequence[WeekdayGroup]) -> None:
    """Each weekday is in one group at most. Raises Refusal at the second."""
    named: set[str] = set()
    for position, group in enumerate(groups):
        if twice := [day for day in group.weekdays if day in named]:
            raise work.refuse(
                "duplicate",
                f"{twice[0]} is in two groups: each weekday has one list of steps.",
                f"/groups/{position}/weekdays",
            )
        named.update(group.weekdays)


def base_days(groups: Sequence[WeekdayGroup]) -> list[str]:
    """The weekdays that are in no group: they run at the base rate all day."""
    return [day for day in WEEKDAYS if all(day not in group.weekdays for group in groups)]


def check_steps(work: Worksheet, group: WeekdayGroup, pointer: str) -> None:
    """Every step ends after it starts, has a dose or a rate, and overlaps with none."""
    for position, step in enumerate(group.steps):
        at = f"{pointer}/steps/{position}"
        if str(step.start) in (str(step.end), str(_MIDNIGHT)):
            raise work.refuse(
                "no-time",
                f"A step from {step.start} to {step.end} lasts no time: a whole day is {ClockTime(0)} to {_MIDNIGHT}.",
                f"{at}/end",
            )
        if step.end.minutes < step.start.minutes:
            raise work.refuse("crosses-midnight", _split(step), f"{at}/end")
        if (step.dose is None) == (step.rate is None):
            raise work.refuse(
                "one-of-two",
                'A step has either its whole "dose" or its hourly "rate": write one of them.',
                f"{at}/dose",
            )
    in_order = sorted(enumerate(group.steps), key=lambda each: each[1].start.minutes)
    for (_, before), (position, after) in pairwise(in_order):
        if after.start.minutes < before.end.minutes:
            raise work.refuse(
                "steps-overlap",
                f"The step of {after.start} to {after.end} begins before the step of {before.start} to {before.end} "
                "has ended: write steps that follow one another.",
                f"{pointer}/steps/{position}/start",
            )


def _split(step: DoseStep) -> str:
    """What to write instead of a step that ends on the day after."""
    parts = [f"{step.start} to {_MIDNIGHT}"]
    if step.end.minutes:
        parts.append(f"{ClockTime(0)} to {step.end} on the weekday after")
    return (
        f"The step from {step.start} to {step.end} crosses midnight: write {' and '.join(parts)}, "
        "each with its own part of the dose."
    )
