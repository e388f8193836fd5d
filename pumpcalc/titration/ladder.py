"""The steps of a titration: when each falls, and what it raises the dose to."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from pumpcalc import formulas
from pumpcalc.library import Pump, TitrationRule
from pumpcalc.limits import check_flow_rate
from pumpcalc.worksheet import Count, Day, Value, Worksheet

__all__ = ["Plan", "Rung", "days_of", "row_of", "rungs"]

_MOST_STEPS = 200


@dataclass
class Plan:
    """What every step of a plan needs."""

    work: Worksheet
    rule: TitrationRule
    start: Value
    step: Value
    between: Value
    end: Value
    """Where the plan ends: a dose, or a number of days."""
    started: Day | None
    strength: Value | None
    device: Pump | None

    @property
    def ends_by_dose(self) -> bool:
        """Does the plan end at a dose, and not on a day?"""
        return self.end.unit == self.start.unit


@dataclass
class Rung:
    """One dose of a course, and the day from which it is in force."""

    name: str
    """What its lines are called after: ``given_2``; empty for a step of the plan."""
    day: Value | None
    """None: the day of the start."""
    dose: Value


def days_of(rung: Rung) -> Fraction:
    """The day of a rung, counted from the start."""
    return rung.day.amount if rung.day is not None else Fraction(0)


def rungs(plan: Plan, first: Rung, elapsed: Value, prefix: str = "") -> list[Rung]:
    """The steps that follow a dose, to the end of the plan. ``elapsed`` is when the next one falls, exactly."""
    work, found = plan.work, [first]
    ceiling = plan.rule.maximum_daily_dose.quantity
    while True:
        last = found[-1].dose
        reached = last.amount + plan.step.amount
        if plan.ends_by_dose and reached > plan.end.amount:
            if last.amount < plan.end.amount:
                work.note(
                    "ends-below-until", f"{plan.end} is not on this ladder; its last step not above it is {last}."
                )
            break
        whole = -(-elapsed.amount.numerator // elapsed.amount.denominator)
        if not plan.ends_by_dose and whole > plan.end.amount:
            break
        if not plan.ends_by_dose and ceiling is not None and reached > ceiling.amount:
            work.note(
                "stops-at-maximum",
                f"The plan stops at {last}: another step would go above {ceiling}, the maximum of {plan.rule.name}.",
                work.cite(plan.rule.maximum_daily_dose),
            )
            break
        number = len(found)
        if number > _MOST_STEPS:
            raise work.refuse(
                "too-many-steps", f"The plan has more than {_MOST_STEPS} steps: state a larger step.", "/step"
            )
        day = work.whole_rounded_up(f"{prefix}day_{number}", elapsed)
        dose = work.step(
            formulas.increased_dose,
            name=f"{prefix}daily_dose_after_{number}",
            daily_dose=last,
            step=plan.step,
            show=plan.start.spelling,
        )
        found.append(Rung(f"{prefix}{number}", day, dose))
        elapsed = work.step(
            formulas.days_until_next_step,
            name=f"{prefix}days_until_{number + 1}",
            days=elapsed,
            days_between_steps=plan.between,
            show="day",
        )
    return found


def row_of(plan: Plan, number: int, rung: Rung, prefix: str = "") -> dict[str, Any]:
    """A step as the answer shows it, its flow checked against the pump."""
    work = plan.work
    row: dict[str, Any] = {"day": Count(rung.day) if rung.day is not None else 0}
    if plan.started is not None:
        date = plan.started
        if rung.day is not None:
            date = work.day_after(f"{prefix}date_{number}", plan.started, rung.day, pointer="/start_date")
        row["date"] = date
    row["daily_dose"] = rung.dose
    if plan.strength is not None:
        row["flow_rate"] = work.step(
            formulas.flow_rate,
            name=f"{prefix}flow_rate_{number}",
            daily_dose=rung.dose,
            concentration=plan.strength,
            show="mL/day",
        )
        if plan.device is not None:
            check_flow_rate(work, plan.device, row["flow_rate"])
    return row
