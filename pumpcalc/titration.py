"""Raising a dose over time, by a named rule: each step dated, and checked against the rule."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from pumpcalc import formulas
from pumpcalc.library import RuleName, TitrationRule
from pumpcalc.limits import check_concentration, check_flow_rate, check_indication
from pumpcalc.worksheet import Count, Day, Value, Worksheet, calculator
from pumpcalc.worksheet.fields import Calendar, ConcentrationField, DailyDoseField, Days, DrugName, PerWeek, PumpName

__all__ = ["titration"]

_MOST_STEPS = 200
_LONGEST_PLAN_IN_DAYS = 3660


@dataclass
class _Plan:
    """What every step of a plan needs."""

    work: Worksheet
    rule: TitrationRule
    start: Value
    step: Value
    between: Value
    started: Day | None
    strength: Value | None


@calculator("titration")
def titration(
    work: Worksheet,
    *,
    drug: DrugName,
    rule: RuleName,
    start: DailyDoseField,
    step: DailyDoseField,
    steps_per_week: PerWeek,
    until: DailyDoseField | None = None,
    days: Days | None = None,
    start_date: Calendar | None = None,
    concentration: ConcentrationField | None = None,
    pump: PumpName | None = None,
) -> None:
    """The doses of a titration, step by step, by a named rule.

        daily_dose_after_1 = start + step

    Parameters
    ----------
    drug : name of the drug
    rule : whose rule the plan is checked against
    start : dose on day 0 [mg/day or mcg/day]
    step : what each increase adds [mg/day or mcg/day]
    steps_per_week : increases a week, spread evenly; each falls on the first whole day that is not earlier
    until : the plan ends with the last step that is not above this dose; or
    days : the plan ends with the last step that is not after this day, and never goes above the rule's maximum
    start_date : day 0 on the calendar
    concentration : in the reservoir, to show the flow of each step [mg/mL or mcg/mL]
    pump : pump model, to check each flow

    Returns
    -------
    steps, in order of day: day (count from 0), date, daily_dose, flow_rate [mL/day]; final_daily_dose;
    increments (count)

    Limits
    ------
    start within ``start_at_least`` and ``start_at_most``, step at most ``step_at_most``, steps_per_week at most
    ``steps_per_week_at_most``, days between steps at least ``interval_at_least`` and ``interval_recommended``,
    final_daily_dose at most ``maximum_daily_dose`` of the rule; each flow_rate within the pump's limits

    Source
    ------
    [prialt-us-label] and the other rules of the drug's monograph
    """
    monograph = work.drug(drug)
    if (until is None) == (days is None):
        raise work.refuse(
            "one-of-two",
            'State where the plan ends, once: either "until", a dose, or "days", a number of days.',
            "/until",
        )
    device = work.pump(pump) if pump is not None else None
    if device is not None and concentration is None:
        raise work.refuse(
            "missing", "concentration is missing: without it no flow can be checked against the pump.", "/concentration"
        )
    if rule not in monograph.titration:
        held = ", ".join(monograph.titration) or "none"
        raise work.refuse(
            "no-titration-rule", f"The library holds no rule {rule} for {drug}; it holds {held}.", "/rule"
        )
    plan = _Plan(
        work=work,
        rule=monograph.titration[rule],
        start=work.given("start", start, drug),
        step=work.given("step", step, drug),
        between=work.step(
            formulas.days_between_steps, steps_per_week=work.given("steps_per_week", steps_per_week), show="day"
        ),
        started=work.given_day("start_date", start_date) if start_date else None,
        strength=work.given("concentration", concentration, drug) if concentration else None,
    )
    end = work.given("until", until, drug) if until else work.given("days", days, None) if days else plan.start
    if until is not None and end.amount < plan.start.amount:
        raise work.refuse("out-of-range", f"The plan ends at {end}, below its start of {plan.start}.", "/until")
    if days is not None and end.amount > _LONGEST_PLAN_IN_DAYS:
        raise work.refuse("out-of-range", f"A plan of {end} is longer than {_LONGEST_PLAN_IN_DAYS} days.", "/days")
    doses, rows = _steps(plan, end, by_dose=until is not None)
    work.answer_with("steps", rows)
    work.answer(doses[-1], "final_daily_dose")
    work.answer_with("increments", work.count("increments", doses[1:]))
    _check(plan, doses, end if until is not None else doses[-1])
    if plan.strength is not None:
        check_concentration(work, monograph, plan.strength)
    if device is not None:
        check_indication(work, monograph, device)
        for flow in [line for line in work.lines if line.name.startswith("flow_rate_")]:
            check_flow_rate(work, device, flow)


def _steps(plan: _Plan, end: Value, *, by_dose: bool) -> tuple[list[Value], list[dict[str, Any]]]:
    """The doses of the plan, and its rows."""
    work, doses = plan.work, [plan.start]
    rows = [_row(plan, 0, None, plan.start)]
    ceiling = plan.rule.maximum_daily_dose.quantity
    elapsed = plan.between
    while True:
        reached = doses[-1].amount + plan.step.amount
        if by_dose and reached > end.amount:
            if doses[-1].amount < end.amount:
                work.note(
                    "ends-below-until", f"{end} is not on this ladder; its last step not above it is {doses[-1]}."
                )
            break
        whole = -(-elapsed.amount.numerator // elapsed.amount.denominator)
        if not by_dose and whole > end.amount:
            break
        if not by_dose and ceiling is not None and reached > ceiling.amount:
            work.note(
                "stops-at-maximum",
                f"The plan stops at {doses[-1]}: another step would go above {ceiling}, "
                f"the maximum of {plan.rule.name}.",
                work.cite(plan.rule.maximum_daily_dose),
            )
            break
        number = len(doses)
        if number > _MOST_STEPS:
            raise work.refuse(
                "too-many-steps", f"The plan has more than {_MOST_STEPS} steps: state a larger step.", "/step"
            )
        day = work.whole_rounded_up(f"day_{number}", elapsed)
        dose = work.step(
            formulas.increased_dose,
            name=f"daily_dose_after_{number}",
            daily_dose=doses[-1],
            step=plan.step,
            show=plan.start.spelling,
        )
        doses.append(dose)
        rows.append(_row(plan, number, day, dose))
        elapsed = work.step(
            formulas.days_until_next_step,
            name=f"days_until_{number + 1}",
            days=elapsed,
            days_between_steps=plan.between,
            show="day",
        )
    return doses, rows


def _row(plan: _Plan, number: int, day: Value | None, dose: Value) -> dict[str, Any]:
    row: dict[str, Any] = {"day": Count(day) if day is not None else 0}
    if plan.started is not None:
        date = plan.started
        if day is not None:
            date = plan.work.day_after(f"date_{number}", plan.started, day, pointer="/start_date")
        row["date"] = date
    row["daily_dose"] = dose
    if plan.strength is not None:
        row["flow_rate"] = plan.work.step(
            formulas.flow_rate,
            name=f"flow_rate_{number}",
            daily_dose=dose,
            concentration=plan.strength,
            show="mL/day",
        )
    return row


def _check(plan: _Plan, doses: list[Value], highest: Value) -> None:
    """The rule's limits. Bounds that a rule does not have are not bounds."""
    work, rule = plan.work, plan.rule
    for fact, check, value in (
        (rule.start_at_least, work.at_least, plan.start),
        (rule.start_at_most, work.at_most, plan.start),
        (rule.step_at_most, work.at_most, plan.step),
        (rule.steps_per_week_at_most, work.at_most, work.line("steps_per_week")),
        (rule.interval_at_least, work.at_least, plan.between),
        (rule.interval_recommended, work.at_least, plan.between),
    ):
        if fact.is_known:
            check(value, fact)
    work.at_most(max(highest, doses[-1], key=lambda dose: dose.amount), rule.maximum_daily_dose)
