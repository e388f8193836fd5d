"""Delivery in whole steps: a valve's chamber, a pump's stroke, an external pump's increments.

The nearest dose that can be delivered is shown beside the one that was ordered, with the difference. It is never taken
in its place.
"""

from __future__ import annotations

from dataclasses import replace

from pumpcalc import formulas
from pumpcalc.quantities import PER_DAY, Quantity, read
from pumpcalc.worksheet import Cited, Count, Value, Worksheet, calculator
from pumpcalc.worksheet.fields import (
    ConcentrationField,
    DailyDoseField,
    DrugMassField,
    DrugName,
    PerDay,
    PumpName,
    TolerancePercent,
    VolumeField,
)

__all__ = ["deliverable_dose", "external_pump_steps"]

_ONCE = read("1 /day", PER_DAY)


@calculator("deliverable-dose")
def deliverable_dose(
    work: Worksheet,
    *,
    drug: DrugName,
    concentration: ConcentrationField,
    daily_dose: DailyDoseField,
    chamber_volume: VolumeField,
    deliveries_per_day: PerDay | None = None,
    tolerance_percent: TolerancePercent | None = None,
) -> None:
    """The dose nearest to the one ordered that a pump can deliver in whole actuations of its valve or stroke.

        deliverable_dose = nearest(daily_dose, chamber_volume * concentration * deliveries_per_day)

    Parameters
    ----------
    drug : name of the drug in the reservoir
    concentration : of the drug in the reservoir [mg/mL or mcg/mL]
    daily_dose : as ordered [mg/day or mcg/day]
    chamber_volume : of one actuation of this very pump, from its calibration [mL]
    deliveries_per_day : equal deliveries in a day, each of whole actuations; without it the day is divided freely
    tolerance_percent : how far from the order is near enough (text)

    Returns
    -------
    dose_per_actuation [mg or mcg]; actuations_per_day, as ordered, unrounded; whole_actuations_per_day;
    time_between_actuations [min], as ordered; deliverable_dose and difference [mg/day or mcg/day]; difference_percent

    Limits
    ------
    difference_percent within ``tolerance_percent``, when one is stated

    Raises
    ------
    Refusal ``nothing-deliverable`` when the nearest dose is none

    Source
    ------
    [definition] dose over the dose of one actuation; the calibration is the pump's own

    Example
    -------
    >>> found = deliverable_dose(drug="morphine", concentration="20 mg/mL", daily_dose="0.51 mg/day",
    ...     chamber_volume="0.0025 mL")
    >>> found.answers["deliverable_dose"], found.answers["difference"]
    ('0.5 mg/day', '-0.01 mg/day')
    """
    monograph = work.drug(drug)
    strength = work.given("concentration", concentration, monograph.name)
    ordered = work.given("daily_dose", daily_dose, monograph.name)
    chamber = work.given("chamber_volume", chamber_volume)
    mass = ordered.spelling.partition("/")[0]
    dose = work.step(formulas.drug_mass, name="dose_per_actuation", concentration=strength, volume=chamber, show=mass)
    often = work.step(formulas.actuations_per_day, daily_dose=ordered, dose_per_actuation=dose, show="/day")
    if deliveries_per_day is None:
        times = work.given(
            "once", _ONCE, source=Cited(key="definition", where="whole actuations in a day", status="verified")
        )
    else:
        times = work.given("deliveries_per_day", deliveries_per_day)
    step = work.step(formulas.daily_dose_of_times, name="dose_step", dose=dose, times_per_day=times, show=f"{mass}/day")
    nearest = work.nearest("deliverable_dose", ordered, step)
    if nearest.amount == 0:
        raise work.refuse(
            "nothing-deliverable",
            f"{ordered} is not half of {step}, the smallest dose that can be delivered: the nearest is none. "
            "Choose a weaker solution.",
            "/daily_dose",
        )
    whole = work.step(
        formulas.actuations_per_day, name="whole_actuations_per_day", daily_dose=nearest, dose_per_actuation=dose,
        show="/day",
    )  # fmt: skip
    for line in (dose, often):
        work.answer(line)
    work.answer_with("whole_actuations_per_day", Count(whole))
    work.answer(
        work.step(formulas.days_between_steps, name="time_between_actuations", steps_per_week=often, show="min")
    )
    work.answer(nearest)
    _difference(work, ordered, nearest, tolerance_percent)
    work.note(
        "chamber-is-per-unit",
        "The chamber volume differs from pump to pump: take it from the calibration of this one.",
    )


def _difference(work: Worksheet, ordered: Value, nearest: Value, tolerance: Quantity | None) -> None:
    """How far the nearest dose is from the one ordered, and whether that was said to be near enough."""
    work.answer(
        work.step(
            formulas.difference_of_doses, name="difference", larger=nearest, smaller=ordered, show=ordered.spelling
        )
    )
    percent = work.step(
        formulas.change_of_dose, name="difference_percent", daily_dose=nearest, previous_daily_dose=ordered, show="%"
    )
    work.answer(percent)
    if tolerance is not None:
        near = work.given("tolerance_percent", tolerance)
        if percent.amount < 0:
            work.soft_bound(percent, "at least", replace(near, amount=-near.amount), "difference_within_tolerance")
        else:
            work.soft_bound(percent, "at most", near, "difference_within_tolerance")
    if percent.amount != 0:
        asked = "" if tolerance is not None else " State tolerance_percent to have the difference judged."
        work.note(
            "not-deliverable-exactly",
            f"{ordered} cannot be delivered in whole actuations. The nearest is {nearest}, {percent} from it. Nothing "
            f"was changed: order the dose that is meant.{asked}",
        )


@calculator("external-pump-steps")
def external_pump_steps(
    work: Worksheet,
    *,
    pump: PumpName,
    drug: DrugName,
    concentration: ConcentrationField,
    demand_dose: DrugMassField | None = None,
) -> None:
    """The steps and the largest doses of an external pump, which are volumes times the concentration.

        demand_increment = concentration * demand_increment_volume

    Parameters
    ----------
    pump : external pump, such as cadd-prizm-pcs-ii
    drug : name of the drug in the reservoir
    concentration : of the drug in the reservoir [mg/mL or mcg/mL]
    demand_dose : one that is wanted, to find the nearest that can be set [mg or mcg]

    Returns
    -------
    demand_increment, demand_dose_at_most, clinician_bolus_at_most [mg or mcg]; with a demand_dose also
    nearest_demand_dose and difference [mg or mcg]

    Limits
    ------
    demand_dose at most ``demand_dose_at_most``, as a volume

    Source
    ------
    [cadd-prizm-6101-manual] p5, scroll tables

    Example
    -------
    >>> external_pump_steps(pump="cadd-prizm-pcs-ii", drug="morphine", concentration="10 mg/mL").answers
    {'demand_increment': '0.5 mg', 'demand_dose_at_most': '99 mg', 'clinician_bolus_at_most': '200 mg'}
    """
    device, monograph = work.external_pump(pump), work.drug(drug)
    strength = work.given("concentration", concentration, monograph.name)
    mass = strength.spelling.partition("/")[0]
    steps = {}
    for name, fact in (
        ("demand_increment", device.demand_increment_volume),
        ("demand_dose_at_most", device.demand_dose_volume),
        ("clinician_bolus_at_most", device.clinician_bolus_volume),
    ):
        volume = work.fact(f"{name}_volume", fact, pointer="/pump")
        steps[name] = work.step(formulas.drug_mass, name=name, concentration=strength, volume=volume, show=mass)
        work.answer(steps[name])
    if demand_dose is not None:
        _demand(work, monograph.name, demand_dose, steps["demand_increment"])
        volume = work.step(
            formulas.volume_of_dose, name="demand_volume", dose=work.line("demand_dose"), concentration=strength,
            show="mL",
        )  # fmt: skip
        work.at_most(volume, device.demand_dose_volume)
    work.cautions(device.cautions)


def _demand(work: Worksheet, drug: str, wanted: Quantity, increment: Value) -> None:
    """The nearest demand dose that can be set, beside the one that is wanted."""
    asked = work.given("demand_dose", wanted, drug)
    nearest = work.nearest("nearest_demand_dose", asked, increment)
    if nearest.amount == 0:
        raise work.refuse(
            "nothing-deliverable",
            f"{asked} is not half of {increment}, the smallest demand dose: the nearest is none. Choose a weaker "
            "solution.",
            "/demand_dose",
        )
    work.answer(nearest)
    difference = work.step(
        formulas.difference_of_masses, name="difference", one=nearest, other=asked, show=asked.spelling
    )
    work.answer(difference)
    if difference.amount != 0:
        work.note(
            "not-deliverable-exactly",
            f"A demand dose of {asked} cannot be set. The nearest is {nearest}, {difference} from it. Nothing was "
            "changed: order the dose that is meant.",
        )
