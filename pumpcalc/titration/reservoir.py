"""What a plan uses of a fill: the volume until each next step, what is left, and the day of the alarm."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from pumpcalc import formulas
from pumpcalc.quantities import Quantity
from pumpcalc.sentinel import check_reservoir_size
from pumpcalc.titration.ladder import Plan, Rung, days_of
from pumpcalc.worksheet import Count, Day, Value

__all__ = ["Reservoir", "given_reservoir", "use_of_reservoir"]


@dataclass
class Reservoir:
    """A fill, and the volume at which the alarm sounds."""

    fill: Value
    alarm: Value


def given_reservoir(plan: Plan, fill: Quantity | None, alarm: Quantity | None) -> Reservoir | None:
    """The fill on day 0, if one is stated: whole, with a concentration, and above the alarm."""
    work = plan.work
    if fill is None and alarm is None:
        return None
    for name, stated, why in (
        ("fill_volume", fill, "an alarm volume alone says nothing of the reservoir"),
        ("low_reservoir_alarm_volume", alarm, "without it nobody knows how much of the fill the plan may use"),
        ("concentration", plan.strength, "without it nobody knows the volume that a dose uses"),
    ):
        if stated is None:
            raise work.refuse("missing", f"{name} is missing: {why}.", f"/{name}")
    assert fill is not None
    assert alarm is not None
    if alarm.amount >= fill.amount:
        raise work.refuse(
            "out-of-range",
            f"The low-reservoir alarm volume of {alarm} is not below the fill volume of {fill}: "
            "the alarm would be due at once.",
            "/low_reservoir_alarm_volume",
        )
    reservoir = Reservoir(work.given("fill_volume", fill), work.given("low_reservoir_alarm_volume", alarm))
    if plan.device is not None:
        work.at_most(reservoir.fill, plan.device.reservoir_volume)
        check_reservoir_size(work, reservoir.fill, plan.device)
    return reservoir


def use_of_reservoir(
    plan: Plan, ladder: list[Rung], rows: list[dict[str, Any]], hits: list[list[str]], reservoir: Reservoir
) -> dict[str, Count | Day]:
    """Writes in the rows what each dose uses and what is left, until the alarm; gives the day of the alarm.

    From the alarm on a refill decides what is left, and nothing is said of it.
    """
    work, left = plan.work, reservoir.fill
    alarm = dict[str, Count | Day]()
    for number, (rung, row) in enumerate(zip(ladder, rows, strict=True)):
        days = _days_at(plan, ladder, number)
        if days is not None:
            row["volume_used"] = work.step(
                formulas.programmed_volume,
                name=f"volume_used_{number}",
                flow_rate=row["flow_rate"],
                days=days,
                show="mL",
            )
        if alarm:
            continue
        row["reservoir_left"] = left
        lasts = work.step(
            formulas.days_to_low_reservoir_alarm,
            name=f"days_to_alarm_{number}",
            fill_volume=left,
            alarm_volume=reservoir.alarm,
            concentration=work.line("concentration"),
            daily_dose=rung.dose,
            show="day",
        )
        if days is None:
            alarm = _alarm(plan, rung, lasts, short=False)
            continue
        before = len(work.hits)
        work.soft_bound(lasts, "at least", days, f"reservoir_lasts_{number}")
        hits[number] += work.hits[before:]
        short = lasts.amount < days.amount
        if short or rung is ladder[-1]:
            alarm = _alarm(plan, rung, lasts, short=short)
        else:
            left = work.step(
                formulas.volume_left,
                name=f"reservoir_left_{number + 1}",
                volume=left,
                taken=row["volume_used"],
                show="mL",
            )
    work.note(
        "stability-not-checked",
        "How long the solution keeps in the pump is not part of this plan: refill-schedule says by when the fill must "
        "be replaced, which may be earlier.",
    )
    return alarm


def _days_at(plan: Plan, ladder: list[Rung], number: int) -> Value | None:
    """How long a dose of the plan is in force within it; None for the last, where the plan ends with it."""
    rung = ladder[number]
    if rung is not ladder[-1]:
        until = ladder[number + 1].day
    else:
        until = None if plan.ends_by_dose or plan.end.amount == days_of(rung) else plan.end
    if until is None or rung.day is None:
        return until
    return plan.work.step(
        formulas.days_between_doses, name=f"days_at_dose_{number}", later=until, earlier=rung.day, show="day"
    )


def _alarm(plan: Plan, rung: Rung, lasts: Value, *, short: bool) -> dict[str, Count | Day]:
    """The day of the low-reservoir alarm, the dose of this step kept until then. Part days are dropped."""
    work, name = plan.work, "low_reservoir_alarm_day"
    if rung.day is None:
        day = work.whole(name, lasts)
    else:
        whole = work.whole("whole_days_to_alarm", lasts)
        day = work.step(formulas.days_until_next_step, name=name, days=rung.day, days_between_steps=whole, show="day")
    found: dict[str, Count | Day] = {name: Count(day)}
    on = ""
    if plan.started is not None:
        date = work.day_after("low_reservoir_alarm_date", plan.started, day, pointer="/start")
        found["low_reservoir_alarm_date"] = date
        on = f", {date}"
    if short:
        work.note(
            "alarm-before-the-plan-ends",
            f"The reservoir is down to its alarm volume on day {day.amount}{on}, at {rung.dose}, before the plan "
            "ends: it needs a refill by then.",
        )
    return found
