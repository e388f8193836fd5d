"""Doses: flow and concentration, conversion, titration, baclofen's trial boluses and changes."""

from __future__ import annotations

from typing import Any

from pumpcalc.formulas.proof import formula

__all__ = [
    "change_of_dose",
    "concentration",
    "daily_dose",
    "days_between_doses",
    "days_between_steps",
    "days_until_next_step",
    "difference_of_doses",
    "flow_rate",
    "increased_dose",
    "increases_per_week",
    "intrathecal_dose",
    "intrathecal_dose_unreduced",
    "kept",
    "lowered_dose",
    "oral_morphine_equivalent",
    "raised_dose",
    "start_after_screening",
]


# --- Dose, flow and concentration


@formula("mL/day", source="definition", daily_dose="mcg[X]/day", concentration="mcg[X]/mL")
def flow_rate(daily_dose: Any, concentration: Any) -> Any:
    """The flow that delivers a daily dose from a solution."""
    return daily_dose / concentration


@formula("mcg[X]/day", source="definition", flow_rate="mL/day", concentration="mcg[X]/mL")
def daily_dose(flow_rate: Any, concentration: Any) -> Any:
    """The dose that a flow of a solution delivers in a day."""
    return flow_rate * concentration


@formula("mcg[X]/mL", source="definition", daily_dose="mcg[X]/day", flow_rate="mL/day")
def concentration(daily_dose: Any, flow_rate: Any) -> Any:
    """The concentration at which a flow delivers a daily dose."""
    return daily_dose / flow_rate


@formula("1", source="definition", daily_dose="mcg[X]/day", previous_daily_dose="mcg[X]/day")
def change_of_dose(daily_dose: Any, previous_daily_dose: Any) -> Any:
    """By which part of it a daily dose differs from another: the one before it, or the one that was wanted."""
    return daily_dose / previous_daily_dose - 1


# --- Oral opioids and the intrathecal dose


@formula("mcg[Y]/day", source="definition", daily_dose="mcg[X]/day", factor="mcg[Y]/mcg[X]")
def oral_morphine_equivalent(daily_dose: Any, factor: Any) -> Any:
    """The oral morphine that one line of a regimen counts as, by the factor of a named table."""
    return daily_dose * factor


@formula("1", source="definition", reduction="1")
def kept(reduction: Any) -> Any:
    """The part of a dose that is kept after a reduction."""
    return 1 - reduction


@formula("mcg[Y]/day", source="krames-1996", oral="mcg[X]/day", ratio="mcg[X]/mcg[Y]", kept="1")
def intrathecal_dose(oral: Any, ratio: Any, kept: Any) -> Any:
    """The intrathecal dose that stands for an oral one at a published ratio, after the reduction that was chosen."""
    return oral * kept / ratio


@formula("mcg[Y]/day", source="krames-1996", oral="mcg[X]/day", ratio="mcg[X]/mcg[Y]")
def intrathecal_dose_unreduced(oral: Any, ratio: Any) -> Any:
    """The intrathecal dose that stands for an oral one at a published ratio, with nothing taken off."""
    return oral / ratio


# --- Titration


@formula("mcg[X]/day", source="definition", daily_dose="mcg[X]/day", step="mcg[X]/day")
def increased_dose(daily_dose: Any, step: Any) -> Any:
    """The daily dose after one increase."""
    return daily_dose + step


@formula("day", source="definition", steps_per_week="1/day")
def days_between_steps(steps_per_week: Any) -> Any:
    """How far apart the increases lie when they are spread evenly over the week."""
    return 1 / steps_per_week


@formula("day", source="definition", days="day", days_between_steps="day")
def days_until_next_step(days: Any, days_between_steps: Any) -> Any:
    """How long after the start the next increase falls, before it is rounded up to a whole day."""
    return days + days_between_steps


@formula("mcg[X]/day", source="definition", larger="mcg[X]/day", smaller="mcg[X]/day")
def difference_of_doses(larger: Any, smaller: Any) -> Any:
    """How far apart two daily doses are: an increase, or what was given against what was planned."""
    return larger - smaller


@formula("day", source="definition", later="day", earlier="day")
def days_between_doses(later: Any, earlier: Any) -> Any:
    """How long a dose was, or will be, in force."""
    return later - earlier


@formula("1/day", source="definition", increases="1", week="day")
def increases_per_week(increases: Any, week: Any) -> Any:
    """How often the dose was raised within one week."""
    return increases / week


# --- Baclofen: trial boluses and changes of the dose


@formula("mcg[X]/day", source="baclofen-minclinic", effective_bolus="mcg[X]", start_part="1", start_over="day")
def start_after_screening(effective_bolus: Any, start_part: Any, start_over: Any) -> Any:
    """The daily dose that follows from the trial bolus that worked: a part of it, or a multiple, over a day."""
    return effective_bolus * start_part / start_over


@formula("mcg[X]/day", source="baclofen-minclinic", daily_dose="mcg[X]/day", increase="1")
def raised_dose(daily_dose: Any, increase: Any) -> Any:
    """The daily dose after an increase by a part of it."""
    return daily_dose * (1 + increase)


@formula("mcg[X]/day", source="baclofen-minclinic", daily_dose="mcg[X]/day", decrease="1")
def lowered_dose(daily_dose: Any, decrease: Any) -> Any:
    """The daily dose after a decrease by a part of it."""
    return daily_dose * (1 - decrease)
