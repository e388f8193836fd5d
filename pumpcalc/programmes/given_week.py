"""A day schedule on the worksheet: each step's dose and rate, each day's total, and the total that was entered.

The ISMP case is stopped here: 60 mcg for a day, programmed for every hour, is 1440 mcg a day. The day total is entered
a second time, independently of the steps, and the two must be equal.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

from pumpcalc import formulas
from pumpcalc.errors import Refusal
from pumpcalc.programmes.entry import DoseStep, WeekdayGroup, base_days, check_steps, check_weekdays
from pumpcalc.programmes.week import Segment, Week
from pumpcalc.quantities import DAY_TOTAL, DURATION, Quantity, read, write_number
from pumpcalc.worksheet import WEEKDAYS, Cited, Value, Worksheet
from pumpcalc.worksheet.fields import written_request

__all__ = ["GivenDay", "GivenWeek", "given_day_length", "given_week"]

_DAY = read("24 h", DURATION)
_PLACES = Fraction(10**9)
"""A quantity is entered with nine places: a total that has more cannot be entered exactly."""
_SLIPS = {
    Fraction(24): "per hour for per day",
    Fraction(1, 24): "per day for per hour",
    Fraction(60): "minutes for hours",
    Fraction(1, 60): "minutes for hours",
    Fraction(1000): "mg for mcg",
    Fraction(1, 1000): "mcg for mg",
    Fraction(10): "a point that moved",
    Fraction(1, 10): "a point that moved",
}
"""What explains a day total that is exactly so many times the one that was entered."""


@dataclass(frozen=True)
class GivenDay:
    """The day of one group of weekdays, or of those at the base rate."""

    weekdays: tuple[str, ...]
    total: Value
    highest_rate: Value
    rates: tuple[Value, ...]
    segments: tuple[Segment, ...]
    """From midnight, in days."""
    steps: Value | None = None
    """How many; None at the base rate alone."""


@dataclass(frozen=True)
class GivenWeek:
    """A programme on the worksheet."""

    days: tuple[GivenDay, ...]
    mean: Value
    """Mean daily dose of the week."""
    rates: tuple[Value, ...]
    """Every rate at which the pump runs, each once."""
    week: Week
    """In mcg per day."""


def given_day_length(work: Worksheet) -> Value:
    """24 h, as a line of the page."""
    return work.given("day", _DAY, source=Cited(key="definition", where="a day has 24 hours", status="verified"))


def given_week(
    work: Worksheet,
    drug: str,
    base_rate: Quantity,
    groups: Sequence[WeekdayGroup],
    day_total: Quantity | None,
) -> GivenWeek:
    """A day schedule, with every day total matched against the one that was entered.

    Raises Refusal ``day-total-mismatch``, ``steps-overlap``, ``crosses-midnight`` and their like.
    """
    check_weekdays(work, groups)
    plain = base_days(groups)
    if (day_total is None) == bool(plain):
        raise _day_total_misplaced(work, plain)
    if plain and base_rate.amount == 0:
        raise work.refuse(
            "nothing-delivered",
            f"{', '.join(plain)} would deliver nothing, which is a stopped pump: write a base rate above 0, or put "
            "these weekdays in a group with steps.",
            "/base_rate",
        )
    base = work.given("base_rate", base_rate, drug)
    day = given_day_length(work)
    days = [_group_day(work, drug, number, group, base, day) for number, group in enumerate(groups, start=1)]
    if day_total is not None:
        days.append(_base_day(work, drug, plain, base, day_total))
    of_weekday = {weekday: each for each in days for weekday in each.weekdays}
    totals = [of_weekday[weekday].total for weekday in WEEKDAYS]
    week_total = work.total("sum_of_day_totals", totals, totals[0].spelling)
    number = work.count("number_of_days", totals).line
    mean = work.step(formulas.mean_daily_dose, total=week_total, number=number, show=totals[0].spelling)
    return GivenWeek(tuple(days), mean, _rates(days), _week(of_weekday))


def _day_total_misplaced(work: Worksheet, plain: Sequence[str]) -> Refusal:
    if plain:
        return work.refuse(
            "missing",
            f"day_total is missing: {', '.join(plain)} run at the base rate all day; write what that makes in a day, "
            'such as "240 mcg/day".',
            "/day_total",
        )
    return work.refuse(
        "not-used",
        "Every weekday is in a group, which has a day_total of its own: leave this one out.",
        "/day_total",
    )


def _mass(spelling: str) -> str:
    return spelling.partition("/")[0]


@dataclass(frozen=True)
class _Step:
    """One step as the worksheet knows it."""

    segment: Segment
    lasts: Value
    dose: Value
    rate: Value


def _given_step(work: Worksheet, drug: str, of: str, step: DoseStep) -> _Step:
    """A step by its dose has a rate, and a step by its rate has a dose."""
    start, end = work.given_clock(f"start_{of}", step.start), work.given_clock(f"end_{of}", step.end)
    lasts = work.step(formulas.step_lasts, name=f"lasts_{of}", end=end, start=start, show="h")
    if step.dose is not None:
        dose = work.given(f"dose_{of}", step.dose, drug)
        show = f"{dose.spelling}/h"
        rate = work.step(formulas.rate_of_dose, name=f"rate_{of}", dose=dose, lasts=lasts, show=show)
    elif step.rate is not None:  # check_steps has seen that it has one of the two
        rate = work.given(f"rate_{of}", step.rate, drug)
        show = _mass(rate.spelling)
        dose = work.step(formulas.dose_over, name=f"dose_{of}", rate=rate, lasts=lasts, show=show)
    return _Step(Segment(start.amount, end.amount, rate.amount), lasts, dose, rate)


def _group_day(work: Worksheet, drug: str, number: int, group: WeekdayGroup, base: Value, day: Value) -> GivenDay:
    """The day of one group: its steps, then the base rate for what is left of it."""
    pointer = f"/groups/{number - 1}"
    check_steps(work, group, pointer)
    steps = [_given_step(work, drug, f"{number}_{place}", step) for place, step in enumerate(group.steps, start=1)]
    doses = [step.dose for step in steps]
    stepped = work.total(f"stepped_{number}", [step.lasts for step in steps], "h")
    at_base = work.step(formulas.time_at_base, name=f"time_at_base_{number}", day=day, stepped=stepped, show="h")
    mass = _mass(base.spelling)
    base_dose = work.step(formulas.dose_over, name=f"base_dose_{number}", rate=base, lasts=at_base, show=mass)
    dose_of_day = work.total(f"dose_of_day_{number}", [base_dose, *doses], mass)
    stated = work.given(f"stated_day_total_{number}", group.day_total, drug)
    total = work.step(
        formulas.rate_of_dose, name=f"day_total_{number}", dose=dose_of_day, lasts=day, show=stated.spelling
    )
    _match(work, group.weekdays, total, stated, base, f"{pointer}/day_total")
    rates = [*([base] if at_base.amount else []), *(step.rate for step in steps)]
    counted = work.count(f"steps_{number}", doses).line
    return GivenDay(
        weekdays=group.weekdays,
        total=total,
        highest_rate=work.greatest(f"highest_rate_{number}", rates, base.spelling),
        rates=tuple(rates),
        segments=_filled([step.segment for step in steps], base.amount, day.amount),
        steps=work.step(formulas.number_per_day, name=f"steps_per_day_{number}", number=counted, day=day, show="/day"),
    )


def _base_day(work: Worksheet, drug: str, weekdays: Sequence[str], base: Value, stated: Quantity) -> GivenDay:
    """A day at the base rate."""
    entered = work.given("day_total", stated, drug)
    total = work.shown_as("day_total_at_base", base, entered.spelling)
    _match(work, weekdays, total, entered, base, "/day_total")
    return GivenDay(tuple(weekdays), total, base, (base,), (Segment(Fraction(0), Fraction(1), base.amount),))


def _filled(segments: Sequence[Segment], base: Fraction, day: Fraction) -> tuple[Segment, ...]:
    """The segments of a day in order, the base rate between them."""
    whole: list[Segment] = []
    reached = Fraction(0)
    for segment in sorted(segments, key=lambda each: each.start):
        whole += [Segment(reached, segment.start, base)] if reached < segment.start else []
        whole.append(segment)
        reached = segment.end
    return (*whole, Segment(reached, day, base)) if reached < day else tuple(whole)


def _week(of_weekday: dict[str, GivenDay]) -> Week:
    return Week(
        tuple(
            Segment(number + each.start, number + each.end, each.rate)
            for number, weekday in enumerate(WEEKDAYS)
            for each in of_weekday[weekday].segments
        )
    )


def _rates(days: Sequence[GivenDay]) -> tuple[Value, ...]:
    """Every rate at which the pump runs, each once, as they are met."""
    met: dict[Fraction, Value] = {}
    for rate in (rate for day in days for rate in day.rates):
        met.setdefault(rate.amount, rate)
    return tuple(met.values())


def _match(work: Worksheet, weekdays: Sequence[str], total: Value, stated: Value, base: Value, pointer: str) -> None:
    """Is what the steps make in a day what was entered? Exactly; to the figures shown where it has no end of places."""
    endless = (total.exact * _PLACES).denominator != 1
    if total.amount == stated.amount or (endless and str(total) == str(stated)):
        return
    made = str(total) if endless else written_request(Quantity(total.amount, DAY_TOTAL, total.spelling))
    raise work.refuse(
        "day-total-mismatch",
        f"The programme of {', '.join(weekdays)} makes {made}, and the day total entered is {stated}: "
        f"{_times(total.amount, stated.amount, base.amount)}. Nothing was changed: correct the one that is wrong.",
        pointer,
    )


def _times(made: Fraction, stated: Fraction, base: Fraction) -> str:
    """How many times too much, and the slip that would explain it: of the whole day, or of what the steps add."""
    ratio = made / stated
    if ratio in _SLIPS:
        return f"{write_number(ratio)} times, {_SLIPS[ratio]}"
    steps = (made - base) / (stated - base) if stated != base else ratio
    if steps in _SLIPS:
        return f"{write_number(ratio)} times, and what the steps add {write_number(steps)} times, {_SLIPS[steps]}"
    return f"{write_number(ratio)} times"
