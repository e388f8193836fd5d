"""A plan against what was really given: each dose beside the planned one, the course against the rule, and the rest."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pydantic import ConfigDict

from pumpcalc import formulas
from pumpcalc.library import Fact
from pumpcalc.quantities import DURATION, Quantity, factor
from pumpcalc.titration.ladder import Plan, Rung, days_of, row_of, rungs
from pumpcalc.worksheet import Cited, Count, Value
from pumpcalc.worksheet.fields import Calendar, DailyDoseField, Days, Request

__all__ = ["GivenDose", "recheck"]


class GivenDose(Request):
    """A dose that was really given, and the day from which it was in force."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"day": "4", "daily_dose": "4.8 mcg/day"}]})

    day: Days | None = None
    date: Calendar | None = None
    daily_dose: DailyDoseField


def recheck(plan: Plan, ladder: list[Rung], given: Sequence[GivenDose], drug: str, *, longest: int) -> None:
    """Answer ``given`` and ``remaining_steps``."""
    work = plan.work
    course = _course(plan, given, drug, longest)
    rows = [_compared(plan, ladder, rung) for rung in course]
    last = course[-1]
    assert last.day is not None
    next_step = work.step(
        formulas.days_until_next_step,
        name="remaining_days_until_1",
        days=last.day,
        days_between_steps=plan.between,
        show="day",
    )
    remaining = rungs(plan, last, next_step, "remaining_")[1:]
    hits = _check_course(plan, [*course, *remaining])
    for row, rung in zip(rows, course, strict=True):
        if hits[rung.name]:
            row["hits"] = ", ".join(hits[rung.name])
    work.answer_with("given", rows)
    left = []
    for number, rung in enumerate(remaining, start=1):
        before = len(work.hits)
        row = row_of(plan, number, rung, "remaining_")
        if hit := [*hits[rung.name], *work.hits[before:]]:
            row["hits"] = ", ".join(dict.fromkeys(hit))
        left.append(row)
    work.answer_with("remaining_steps", left)
    if not remaining:
        work.note(
            "nothing-remains",
            f"No step of the plan remains after the {last.dose} that was given on day {days_of(last)}.",
        )


def _course(plan: Plan, given: Sequence[GivenDose], drug: str, longest: int) -> list[Rung]:
    """What was given, in order of day. Raises Refusal at the first entry that is not later than the one before it."""
    work, course = plan.work, list[Rung]()
    for position, entry in enumerate(given):
        name, pointer = f"given_{position + 1}", f"/given/{position}"
        day = _day(plan, entry, name, pointer, longest)
        if course and day.amount <= days_of(course[-1]):
            raise work.refuse(
                "not-in-order",
                f"Day {day.amount} does not come after day {days_of(course[-1])}: list each day once, in order.",
                f"{pointer}/{'day' if entry.day is not None else 'date'}",
            )
        course.append(Rung(name, day, work.given(f"{name}_daily_dose", entry.daily_dose, drug)))
    return course


def _day(plan: Plan, entry: GivenDose, name: str, pointer: str, longest: int) -> Value:
    """The day of a given dose, counted from the start of the plan."""
    work = plan.work
    if (entry.day is None) == (entry.date is None):
        raise work.refuse(
            "one-of-two", 'State the day once: either "day", counted from the start, or "date".', f"{pointer}/day"
        )
    if entry.day is not None:
        if entry.day.amount.denominator != 1:
            raise work.refuse("whole-days", f"{entry.day} is not a whole number of days.", f"{pointer}/day")
        day = work.given(f"{name}_day", entry.day)
    else:
        assert entry.date is not None
        if plan.started is None:
            raise work.refuse("missing", "start_date is missing: a date of given is counted from it.", "/start_date")
        if entry.date < plan.started.day:
            raise work.refuse(
                "out-of-range", f"{entry.date} lies before the start of the plan, {plan.started}.", f"{pointer}/date"
            )
        day = work.days_until(f"{name}_day", plan.started, work.given_day(f"{name}_date", entry.date))
    if day.amount > longest:
        field = "day" if entry.day is not None else "date"
        raise work.refuse("out-of-range", f"Day {day.amount} lies after any plan.", f"{pointer}/{field}")
    return day


def _compared(plan: Plan, ladder: list[Rung], rung: Rung) -> dict[str, Any]:
    """A dose that was given, beside the one that the plan has for its day."""
    work = plan.work
    assert rung.day is not None
    planned = [each for each in ladder if days_of(each) <= days_of(rung)][-1].dose
    above = rung.dose.amount >= planned.amount
    difference = work.step(
        formulas.difference_of_doses,
        name=f"{rung.name}_difference",
        larger=rung.dose if above else planned,
        smaller=planned if above else rung.dose,
        show=plan.start.spelling,
    )
    said = "as planned" if difference.amount == 0 else "above" if above else "below"
    row: dict[str, Any] = {"day": Count(rung.day)}
    if plan.started is not None:
        name = f"{rung.name}_date"
        row["date"] = work.days.get(name) or work.day_after(name, plan.started, rung.day, pointer="/start_date")
    row |= {
        "planned_daily_dose": planned,
        "daily_dose": rung.dose,
        "difference": difference,
        "compared_with_plan": said,
    }
    if said != "as planned":
        work.note(
            "differs-from-plan",
            f"On day {days_of(rung)}, {rung.dose} was given, {difference} {said} the planned {planned}.",
        )
    return row


def _check_course(plan: Plan, course: list[Rung]) -> dict[str, list[str]]:
    """Each dose of a course against the rule, whoever chose it. Gives the limits that each one hits, by its name."""
    work, rule, hits = plan.work, plan.rule, dict[str, list[str]]()
    week = _week(plan) if rule.steps_per_week_at_most.is_known else None
    changed, raised = course[0], list[tuple[Rung, Value]]()
    for number, rung in enumerate(course):
        before = len(work.hits)
        work.at_most(rung.dose, rule.maximum_daily_dose, f"{rung.name}_maximum_daily_dose")
        if number == 0:
            _known(plan, rung, "at least", rung.dose, rule.start_at_least)
            _known(plan, rung, "at most", rung.dose, rule.start_at_most)
        elif rung.dose.amount > course[number - 1].dose.amount:
            raised.append((rung, _increase(plan, course[number - 1], rung)))
            _check_increase(plan, rung, changed, raised, week)
        if number and rung.dose.amount != course[number - 1].dose.amount:
            changed = rung
        hits[rung.name] = list(work.hits[before:])
    return hits


def _increase(plan: Plan, before: Rung, rung: Rung) -> Value:
    return plan.work.step(
        formulas.difference_of_doses,
        name=f"{rung.name}_increase",
        larger=rung.dose,
        smaller=before.dose,
        show=plan.start.spelling,
    )


def _check_increase(
    plan: Plan, rung: Rung, changed: Rung, raised: list[tuple[Rung, Value]], week: Value | None
) -> None:
    """The size of an increase, the days since the last change, and the increases in the week that ends with it."""
    work, rule = plan.work, plan.rule
    assert rung.day is not None
    assert changed.day is not None
    _known(plan, rung, "at most", raised[-1][1], rule.step_at_most)
    interval = work.step(
        formulas.days_between_doses, name=f"{rung.name}_interval", later=rung.day, earlier=changed.day, show="day"
    )
    _known(plan, rung, "at least", interval, rule.interval_at_least)
    _known(plan, rung, "at least", interval, rule.interval_recommended)
    if week is not None:
        recent = [increase for each, increase in raised if days_of(rung) - days_of(each) < week.amount]
        rate = work.step(
            formulas.increases_per_week,
            name=f"{rung.name}_increases_per_week",
            increases=work.count(f"{rung.name}_increases_in_a_week", recent).line,
            week=week,
            show="/week",
        )
        _known(plan, rung, "at most", rate, rule.steps_per_week_at_most)


def _known(plan: Plan, rung: Rung, rule: str, value: Value, fact: Fact) -> None:
    """A limit of the rule for one dose of a course, named after it. A bound that the rule does not have is none."""
    if fact.is_known:
        check = plan.work.at_most if rule == "at most" else plan.work.at_least
        check(value, fact, f"{rung.name}_{fact.name.rpartition('.')[-1]}")


def _week(plan: Plan) -> Value:
    """One week, in days: a definition of the units."""
    return plan.work.given(
        "week",
        Quantity(factor("week", "day"), DURATION, "day"),
        source=Cited(key="definition", where="the days of a week", status="derived"),
    )
