"""The plan of a titration: its steps, dated, with their flows; each checked, and the whole against what was given."""

from __future__ import annotations

from typing import Any

from pumpcalc import formulas
from pumpcalc.library import RuleName
from pumpcalc.limits import check_concentration, check_indication
from pumpcalc.titration.given import GivenDose, recheck
from pumpcalc.titration.ladder import Plan, Rung, row_of, rungs
from pumpcalc.titration.reservoir import given_reservoir, use_of_reservoir
from pumpcalc.worksheet import Value, Worksheet, calculator
from pumpcalc.worksheet.fields import (
    Calendar,
    ConcentrationField,
    DailyDoseField,
    Days,
    DrugName,
    Listed,
    PerWeek,
    PumpName,
    VolumeField,
    VolumeOrZeroField,
)

__all__ = ["titration"]

_LONGEST_PLAN_IN_DAYS = 3660


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
    fill_volume: VolumeField | None = None,
    low_reservoir_alarm_volume: VolumeOrZeroField | None = None,
    given: Listed[GivenDose] | None = None,
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
    fill_volume : in the reservoir on day 0, to show what the plan uses of it [mL]
    low_reservoir_alarm_volume : as set on the pump, needed with fill_volume [mL]
    given : what was really given: each day, or date, from which a dose was in force, in order, with the dose

    Returns
    -------
    steps, in order of day: day (count from 0), date, daily_dose, flow_rate [mL/day], and with a fill reservoir_left
    when the step begins and volume_used until the next [mL]; hits, the limits that the step crosses, where it does;
    final_daily_dose; increments (count).
    With a fill: low_reservoir_alarm_day (count) and low_reservoir_alarm_date, the last dose kept.
    With given: given, in its order: day, date, planned_daily_dose, daily_dose, difference [mg/day or mcg/day],
    compared_with_plan, hits; remaining_steps, from the last dose given on, as steps are

    Limits
    ------
    start within ``start_at_least`` and ``start_at_most``, step at most ``step_at_most``, steps_per_week at most
    ``steps_per_week_at_most``, days between steps at least ``interval_at_least`` and ``interval_recommended``,
    final_daily_dose at most ``maximum_daily_dose`` of the rule; each flow_rate within the pump's limits;
    fill_volume at most ``reservoir_volume``; the reservoir lasts at each dose until the next, above the alarm volume.
    The same limits of the rule for each dose of given, and for each step that remains: the first as a start, each
    increase with its size, the days since the last change of dose, and the increases in the week that ends with it. A
    decrease may be of any amount.

    Raises
    ------
    Refusal ``no-titration-rule``; ``not-in-order`` where a dose of given is not later than the one before it

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
    starts = work.given("start", start, drug)
    plan = Plan(
        work=work,
        rule=monograph.titration[rule],
        start=starts,
        step=work.given("step", step, drug),
        between=work.step(
            formulas.days_between_steps, steps_per_week=work.given("steps_per_week", steps_per_week), show="day"
        ),
        end=work.given("until", until, drug) if until else work.given("days", days) if days else starts,
        started=work.given_day("start_date", start_date) if start_date else None,
        strength=work.given("concentration", concentration, drug) if concentration else None,
        device=device,
    )
    if until is not None and plan.end.amount < plan.start.amount:
        raise work.refuse("out-of-range", f"The plan ends at {plan.end}, below its start of {plan.start}.", "/until")
    if days is not None and plan.end.amount > _LONGEST_PLAN_IN_DAYS:
        raise work.refuse("out-of-range", f"A plan of {plan.end} is longer than {_LONGEST_PLAN_IN_DAYS} days.", "/days")
    reservoir = given_reservoir(plan, fill_volume, low_reservoir_alarm_volume)
    ladder = rungs(plan, Rung("", None, plan.start), plan.between)
    hits_of_start, hits_of_steps = _check_rule(plan, ladder)
    if plan.strength is not None:
        check_concentration(work, monograph, plan.strength)
    if device is not None:
        check_indication(work, monograph, device)
    rows, hits = _rows(plan, ladder, hits_of_start, hits_of_steps)
    alarm = use_of_reservoir(plan, ladder, rows, hits, reservoir) if reservoir is not None else {}
    for row, hit in zip(rows, hits, strict=True):
        if hit:
            row["hits"] = ", ".join(dict.fromkeys(hit))
    work.answer_with("steps", rows)
    work.answer(ladder[-1].dose, "final_daily_dose")
    work.answer_with("increments", work.count("increments", [rung.dose for rung in ladder[1:]]))
    for name, answer in alarm.items():
        work.answer_with(name, answer)
    if given is not None:
        recheck(plan, ladder, given, drug, longest=_LONGEST_PLAN_IN_DAYS)


def _check_rule(plan: Plan, ladder: list[Rung]) -> tuple[list[str], list[str]]:
    """The rule's limits: what the start hits, what every increase hits. Bounds that a rule does not have are none."""
    work, rule = plan.work, plan.rule
    hits: list[list[str]] = []
    for checks in (
        ((rule.start_at_least, work.at_least, plan.start), (rule.start_at_most, work.at_most, plan.start)),
        (
            (rule.step_at_most, work.at_most, plan.step),
            (rule.steps_per_week_at_most, work.at_most, work.line("steps_per_week")),
            (rule.interval_at_least, work.at_least, plan.between),
            (rule.interval_recommended, work.at_least, plan.between),
        ),
    ):
        before = len(work.hits)
        for fact, check, value in checks:
            if fact.is_known:
                check(value, fact)
        hits.append(list(work.hits[before:]))
    highest: Value = ladder[-1].dose
    if plan.ends_by_dose and plan.end.amount > highest.amount:
        highest = plan.end
    work.at_most(highest, rule.maximum_daily_dose)
    return hits[0], hits[1]


def _rows(
    plan: Plan, ladder: list[Rung], hits_of_start: list[str], hits_of_steps: list[str]
) -> tuple[list[dict[str, Any]], list[list[str]]]:
    """Each step as the answer shows it, and the limits that it hits."""
    work, ceiling = plan.work, plan.rule.maximum_daily_dose
    rows, hits = [], []
    for number, rung in enumerate(ladder):
        hit = list(hits_of_steps if number else hits_of_start)
        if ceiling.quantity is not None and rung.dose.amount > ceiling.quantity.amount:
            hit.append(ceiling.name.rpartition(".")[-1])
        before = len(work.hits)
        rows.append(row_of(plan, number, rung))
        hits.append([*hit, *work.hits[before:]])
    return rows, hits
