"""Dose, flow and concentration: any two give the third."""

from __future__ import annotations

from collections.abc import Sequence

from pydantic import ConfigDict

from pumpcalc import formulas
from pumpcalc.library import Drug
from pumpcalc.limits import check_concentration, check_daily_dose, check_flow_rate, check_indication
from pumpcalc.quantities import Quantity
from pumpcalc.worksheet import Value, Worksheet, calculator
from pumpcalc.worksheet.fields import (
    ConcentrationField,
    DailyDoseField,
    DrugName,
    FlowRateField,
    PumpName,
    Request,
)

__all__ = ["Component", "concentration", "daily_dose", "doses_by_flow", "flow_rate"]


def _check(work: Worksheet, drug: Drug, dose: Value, strength: Value, flow: Value, pump: str | None) -> None:
    """Every limit that the three quantities meet."""
    check_daily_dose(work, drug, dose)
    check_concentration(work, drug, strength)
    if pump is not None:
        device = work.pump(pump)
        check_flow_rate(work, device, flow)
        check_indication(work, drug, device)


def _mass(spelling: str) -> str:
    """The mass unit in which somebody wrote a dose or a concentration."""
    return spelling.partition("/")[0]


@calculator("flow-rate")
def flow_rate(
    work: Worksheet,
    *,
    drug: DrugName,
    daily_dose: DailyDoseField,
    concentration: ConcentrationField,
    pump: PumpName | None = None,
) -> None:
    """The flow rate that delivers a daily dose from a solution.

        flow_rate = daily_dose / concentration

    Parameters
    ----------
    drug : name of the drug in the reservoir
    daily_dose : background infusion per 24 h, boluses excluded [mg/day or mcg/day]
    concentration : of the drug in the reservoir, not in the vial [mg/mL or mcg/mL]
    pump : pump model, to check the flow against what it can deliver

    Returns
    -------
    flow_rate [mL/day], flow_rate_per_hour [mL/h], dose_per_hour [mg/h or mcg/h]

    Limits
    ------
    daily_dose at most ``maximum_daily_dose`` and ``caution_daily_dose`` of the drug
    concentration at most ``maximum_concentration`` and ``strongest_product`` of the drug
    flow_rate at least ``minimum_flow_rate``, at most ``maximum_flow_rate`` of the pump

    Source
    ------
    [definition] dose over concentration

    Example
    -------
    >>> flow_rate(drug="morphine", daily_dose="10 mg/day", concentration="20 mg/mL").answers["flow_rate"]
    '0.5 mL/day'
    """
    monograph = work.drug(drug)
    dose = work.given("daily_dose", daily_dose, monograph.name)
    strength = work.given("concentration", concentration, monograph.name)
    flow = work.step(formulas.flow_rate, daily_dose=dose, concentration=strength, show="mL/day")
    work.answer(flow)
    work.answer(work.shown_as("flow_rate_per_hour", flow, "mL/h"))
    work.answer(work.shown_as("dose_per_hour", dose, f"{_mass(dose.spelling)}/h"))
    _check(work, monograph, dose, strength, flow, pump)


@calculator("daily-dose")
def daily_dose(
    work: Worksheet,
    *,
    drug: DrugName,
    concentration: ConcentrationField,
    flow_rate: FlowRateField,
    pump: PumpName | None = None,
) -> None:
    """The daily dose that a flow of a solution delivers.

        daily_dose = flow_rate * concentration

    Parameters
    ----------
    drug : name of the drug in the reservoir
    concentration : of the drug in the reservoir [mg/mL or mcg/mL]
    flow_rate : volume that leaves the pump [mL/day or mL/h]
    pump : pump model, to check the flow against what it can deliver

    Returns
    -------
    daily_dose [mg/day or mcg/day], dose_per_hour [mg/h or mcg/h]

    Limits
    ------
    as for flow-rate

    Source
    ------
    [definition] flow times concentration

    Example
    -------
    >>> daily_dose(drug="ziconotide", concentration="25 mcg/mL", flow_rate="0.048 mL/day").answers["daily_dose"]
    '1.2 mcg/day'
    """
    monograph = work.drug(drug)
    strength = work.given("concentration", concentration, monograph.name)
    flow = work.given("flow_rate", flow_rate)
    mass = _mass(strength.spelling)
    dose = work.step(formulas.daily_dose, flow_rate=flow, concentration=strength, show=f"{mass}/day")
    work.answer(dose)
    work.answer(work.shown_as("dose_per_hour", dose, f"{mass}/h"))
    _check(work, monograph, dose, strength, flow, pump)


@calculator("concentration")
def concentration(
    work: Worksheet,
    *,
    drug: DrugName,
    daily_dose: DailyDoseField,
    flow_rate: FlowRateField,
    pump: PumpName | None = None,
) -> None:
    """The concentration at which a flow delivers a daily dose.

        concentration = daily_dose / flow_rate

    Parameters
    ----------
    drug : name of the drug in the reservoir
    daily_dose : background infusion per 24 h [mg/day or mcg/day]
    flow_rate : volume that leaves the pump [mL/day or mL/h]
    pump : pump model, to check the flow against what it can deliver

    Returns
    -------
    concentration [mg/mL or mcg/mL]

    Limits
    ------
    as for flow-rate

    Source
    ------
    [definition] dose over flow

    Example
    -------
    >>> concentration(drug="morphine", daily_dose="5 mg/day", flow_rate="0.25 mL/day").answers["concentration"]
    '20 mg/mL'
    """
    monograph = work.drug(drug)
    dose = work.given("daily_dose", daily_dose, monograph.name)
    flow = work.given("flow_rate", flow_rate)
    mass = _mass(dose.spelling)
    strength = work.step(formulas.concentration, daily_dose=dose, flow_rate=flow, show=f"{mass}/mL")
    work.answer(strength)
    _check(work, monograph, dose, strength, flow, pump)


class Component(Request):
    """One drug in the reservoir."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"drug": "morphine", "concentration": "20 mg/mL"}]})

    drug: DrugName
    concentration: ConcentrationField


def doses_by_flow(
    work: Worksheet,
    drugs: Sequence[Drug],
    concentrations: Sequence[Quantity],
    flow: Value,
    dose: Value,
    strength: Value,
) -> list[Value]:
    """The daily dose of every drug of a solution, the primary first, each checked against its own limits."""
    doses = [dose]
    strengths = [strength]
    for position, (drug, concentration) in enumerate(zip(drugs[1:], concentrations[1:], strict=True), start=1):
        number = f"_{position + 1}"
        strengths.append(work.given(f"concentration{number}", concentration, drug.name))
        doses.append(
            work.step(
                formulas.daily_dose,
                name=f"daily_dose{number}",
                flow_rate=flow,
                concentration=strengths[-1],
                show=f"{_mass(strengths[-1].spelling)}/day",
            )
        )
    for drug, each_dose, each_strength in zip(drugs, doses, strengths, strict=True):
        check_daily_dose(work, drug, each_dose)
        check_concentration(work, drug, each_strength)
    return doses
