"""Boluses: those that a patient may call for, at their expected and at their highest number, and a single one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from pumpcalc import formulas
from pumpcalc.library import Drug, Pump
from pumpcalc.limits import (
    check_concentration,
    check_daily_dose,
    check_flow_rate,
    check_indication,
    check_patient_bolus,
)
from pumpcalc.programmes.given_week import given_day_length
from pumpcalc.programmes.stopped import say_stopped
from pumpcalc.quantities import Quantity
from pumpcalc.sentinel import check_lockout, check_usual
from pumpcalc.worksheet import Count, Value, Worksheet, calculator
from pumpcalc.worksheet.fields import (
    ConcentrationField,
    DailyDoseField,
    DrugMassField,
    DrugName,
    DurationField,
    FlowRateField,
    PerDay,
    PerDayOrLess,
    PumpName,
)

__all__ = ["AllBoluses", "patient_bolus", "single_bolus", "with_all_boluses"]


@dataclass(frozen=True)
class AllBoluses:
    """What every allotted bolus that the lockout lets through makes."""

    possible: Value
    """In 24 h, as the lockout divides them."""
    daily_dose: Value
    """With that many."""
    highest: Value
    """In the fullest 24 h there can be: what ceilings and refill dates are held to."""


def with_all_boluses(
    work: Worksheet, drug: str, dose: Value, *, dose_per_bolus: Quantity, lockout: Quantity, boluses_per_day: Quantity
) -> AllBoluses:
    """The daily dose with every bolus delivered, the base rate running on during each.

    A lockout that does not divide the day lets one more bolus into some 24 hours than floor(24 h / lockout):
    every 5 hours is at 0, 5, 10, 15 and 20 h. That day is ``highest``.
    """
    if lockout.amount > 1:
        raise work.refuse(
            "out-of-range",
            f"A lockout of {lockout} is longer than a day: write at most 24 h, and fewer boluses a day.",
            "/lockout",
        )
    bolus = work.given("dose_per_bolus", dose_per_bolus, drug)
    locked = work.given("lockout", lockout)
    allotted = work.given("boluses_per_day", boluses_per_day)
    often = work.step(formulas.times_per_day, name="times_per_day", interval=locked, show="/day")
    by_lockout = work.whole("boluses_by_lockout", often, "/day")
    possible = work.least("boluses_per_day_possible", [allotted, by_lockout], "/day")
    check_lockout(work, locked, often, allotted)

    def with_them(name: str, number: Value) -> Value:
        return work.step(
            formulas.daily_dose_with_boluses, name=name, daily_dose=dose, dose_per_bolus=bolus, boluses_per_day=number,
            show=dose.spelling,
        )  # fmt: skip

    daily = highest = with_them("daily_dose_with_boluses", possible)
    if by_lockout.amount < min(often.amount, allotted.amount):
        one_more = work.whole_rounded_up("boluses_by_lockout_at_most", often, "/day")
        most = work.least("boluses_in_any_24_h", [allotted, one_more], "/day")
        highest = with_them("dose_in_any_24_h", most)
        work.note(
            "one-more-in-some-24-hours",
            f"A lockout of {lockout} does not divide the day. It lets {most.exact} boluses into some 24 hours, not "
            f"{possible.exact}: {highest}. The limits are held to that.",
        )
    if by_lockout.amount < allotted.amount:
        work.note(
            "lockout-governs",
            f"The lockout of {lockout} lets fewer boluses through than the {allotted.exact} a day that are allotted.",
        )
    return AllBoluses(possible, daily, highest)


@calculator("patient-bolus")
def patient_bolus(
    work: Worksheet,
    *,
    drug: DrugName,
    concentration: ConcentrationField,
    daily_dose: DailyDoseField,
    dose_per_bolus: DrugMassField,
    lockout: DurationField,
    boluses_per_day: PerDay,
    pump: PumpName | None = None,
    bolus_duration: DurationField | None = None,
    expected_boluses_per_day: PerDayOrLess | None = None,
) -> None:
    """The daily dose and the flow of a base rate with patient boluses: at the base, at the most and as expected.

        daily_dose_with_boluses = daily_dose + dose_per_bolus * boluses_per_day_possible
        boluses_per_day_possible = min(boluses_per_day, floor(24 h / lockout))

    Parameters
    ----------
    drug : name of the drug in the reservoir
    concentration : of the drug in the reservoir [mg/mL or mcg/mL]
    daily_dose : base rate per 24 h, boluses excluded [mg/day or mcg/day]
    dose_per_bolus : of one patient bolus [mg or mcg]
    lockout : from the start of one bolus to the earliest start of the next [h or min]
    boluses_per_day : how many are allotted in 24 h
    pump : pump model, to check the drug and the flows
    bolus_duration : over which one bolus is given [min], to check the flow during it
    expected_boluses_per_day : how many are expected on the average, such as since the last refill

    Returns
    -------
    boluses_per_day_possible; daily_dose_with_boluses [mg/day or mcg/day]; flow_rate and flow_rate_with_boluses
    [mL/day]; boluses_in_any_24_h and dose_in_any_24_h where the lockout does not divide the day; with an expected
    number expected_daily_dose and expected_flow_rate; with a duration flow_rate_during_bolus

    Limits
    ------
    the highest daily dose with boluses within the drug's limits; the base flow at least ``minimum_flow_rate``, the
    highest flow at most ``maximum_flow_rate``; drug one of ``patient_bolus_drugs`` of the pump

    Source
    ------
    [prometra-ptc-guide] p5: every allotted bolus is assumed to be delivered

    Example
    -------
    >>> found = patient_bolus(drug="morphine", concentration="20 mg/mL", daily_dose="5 mg/day",
    ...     dose_per_bolus="0.25 mg", lockout="4 h", boluses_per_day="4")
    >>> found.answers["daily_dose_with_boluses"], found.answers["flow_rate_with_boluses"]
    ('6 mg/day', '0.3 mL/day')
    """
    monograph = work.drug(drug)
    strength = work.given("concentration", concentration, monograph.name)
    dose = work.given("daily_dose", daily_dose, monograph.name)
    boluses = with_all_boluses(
        work, monograph.name, dose, dose_per_bolus=dose_per_bolus, lockout=lockout, boluses_per_day=boluses_per_day
    )
    work.answer_with("boluses_per_day_possible", Count(boluses.possible))
    work.answer(boluses.daily_dose)
    base = _flow(work, "flow_rate", dose, strength)
    highest = _flow(work, "flow_rate_with_boluses", boluses.daily_dose, strength)
    work.answer(base)
    work.answer(highest)
    if boluses.highest is not boluses.daily_dose:
        work.answer_with("boluses_in_any_24_h", Count(work.line("boluses_in_any_24_h")))
        work.answer(boluses.highest)
        highest = _flow(work, "flow_rate_in_any_24_h", boluses.highest, strength)
    if expected_boluses_per_day is not None:
        _expected(work, dose, boluses, expected_boluses_per_day, strength)
    if bolus_duration is not None:
        highest = _during(work, dose, strength, bolus_duration, lockout)
    check_usual(work, dose, monograph.usual_daily_dose)
    check_daily_dose(work, monograph, boluses.highest)
    check_concentration(work, monograph, strength)
    work.note("base-runs-on", "The base rate is taken to run on during a bolus, which is the more careful assumption.")
    if pump is not None:
        device = work.pump(pump)
        work.at_least(base, device.minimum_flow_rate)
        work.at_most(highest, device.maximum_flow_rate)
        _check_drug(work, monograph, device)


def _flow(work: Worksheet, name: str, dose: Value, strength: Value) -> Value:
    return work.step(formulas.flow_rate, name=name, daily_dose=dose, concentration=strength, show="mL/day")


def _expected(work: Worksheet, dose: Value, boluses: AllBoluses, expected: Quantity, strength: Value) -> None:
    """The dose and the flow at the number of boluses that the patient is expected to call for."""
    most = next((line for line in work.lines if line.name == "boluses_in_any_24_h"), boluses.possible)
    if expected.amount > most.amount:
        raise work.refuse(
            "out-of-range",
            f"At most {most.exact} boluses a day can be delivered, so no more can be expected.",
            "/expected_boluses_per_day",
        )
    number = work.given("expected_boluses_per_day", expected)
    daily = work.step(
        formulas.daily_dose_with_boluses, name="expected_daily_dose", daily_dose=dose,
        dose_per_bolus=work.line("dose_per_bolus"), boluses_per_day=number, show=dose.spelling,
    )  # fmt: skip
    work.answer(daily)
    work.answer(_flow(work, "expected_flow_rate", daily, strength))
    work.note("expected-is-not-highest", "A refill date is worked out with every bolus, not with the expected ones.")


def _during(work: Worksheet, dose: Value, strength: Value, duration: Quantity, lockout: Quantity) -> Value:
    """The flow while a bolus is given."""
    if duration.amount > lockout.amount:
        raise work.refuse(
            "out-of-range",
            f"A bolus over {duration} is not over when the lockout of {lockout} ends: write a shorter duration.",
            "/bolus_duration",
        )
    lasts = work.given("bolus_duration", duration)
    bolus = work.line("dose_per_bolus")
    rate = work.step(formulas.rate_of_dose, name="bolus_rate", dose=bolus, lasts=lasts, show=f"{bolus.spelling}/h")
    both = work.total("rate_during_bolus", [dose, rate], rate.spelling)
    flow = _flow(work, "flow_rate_during_bolus", both, strength)
    work.answer(flow)
    return flow


def _check_drug(work: Worksheet, drug: Drug, device: Pump) -> None:
    """Is this pump for this drug, and are its patient boluses?"""
    check_patient_bolus(work, drug, device)
    check_indication(work, drug, device)


@calculator("single-bolus")
def single_bolus(
    work: Worksheet,
    *,
    drug: DrugName,
    concentration: ConcentrationField,
    dose: DrugMassField,
    duration: DurationField,
    before: Literal["constant", "minimum-rate", "stopped"],
    end_state: Literal["returns-to-previous", "stopped"],
    daily_dose: DailyDoseField | None = None,
    minimum_rate: FlowRateField | None = None,
    pump: PumpName | None = None,
) -> None:
    """The volume, the rate and the whole delivery of a single bolus, and the state in which it leaves the pump.

        total_delivered = dose + daily_dose * duration

    Parameters
    ----------
    drug : name of the drug in the reservoir
    concentration : of the drug in the reservoir [mg/mL or mcg/mL]
    dose : of the bolus [mg or mcg]
    duration : over which the bolus is given [min or h]
    before : constant, minimum-rate or stopped: what the pump does until the bolus
    end_state : returns-to-previous or stopped: what it does after the bolus, as it is programmed; there is no default
    daily_dose : of the constant infusion before [mg/day or mcg/day]; with constant only
    minimum_rate : the flow of the minimum rate, as the programmer shows it [mL/day]; with minimum-rate only
    pump : pump model, to check the flow against what it can deliver

    Returns
    -------
    bolus_volume [mL]; rate_during_bolus [mg/h or mcg/h] and flow_rate_during_bolus [mL/day], the base rate running on;
    total_delivered [mg or mcg] and volume_delivered [mL] while it lasts; state_after: constant, minimum-rate or stopped

    Limits
    ------
    the dose of a day with this bolus and the concentration within the drug's limits; the flow within the pump's

    Source
    ------
    [definition] dose over concentration, dose over duration; [functionalneuro-surgery] the end state

    Example
    -------
    >>> found = single_bolus(drug="morphine", concentration="20 mg/mL", dose="0.5 mg", duration="30 min",
    ...     before="constant", daily_dose="4.8 mg/day", end_state="returns-to-previous")
    >>> found.answers["bolus_volume"], found.answers["total_delivered"]
    ('0.025 mL', '0.6 mg')
    """
    monograph = work.drug(drug)
    strength = work.given("concentration", concentration, monograph.name)
    bolus = work.given("dose", dose, monograph.name)
    lasts = work.given("duration", duration)
    base = _base_before(work, monograph.name, strength, before, daily_dose, minimum_rate)
    day = _while_it_lasts(work, bolus, lasts, base, strength)
    device = None if pump is None else work.pump(pump)
    after = before if end_state == "returns-to-previous" else end_state
    work.answer_with("state_after", after)
    if after == "stopped":
        say_stopped(work, device)
    check_daily_dose(work, monograph, day)
    check_concentration(work, monograph, strength)
    if device is not None:
        check_flow_rate(work, device, work.line("flow_rate_during_bolus"))
        check_indication(work, monograph, device)
        work.cautions(device.cautions, "single-bolus-ends-stopped")


def _while_it_lasts(work: Worksheet, bolus: Value, lasts: Value, base: Value | None, strength: Value) -> Value:
    """What is delivered, and how fast, while a bolus lasts; and the dose of a day that has it."""
    volume = work.step(formulas.volume_of_dose, name="bolus_volume", dose=bolus, concentration=strength, show="mL")
    rate = work.step(formulas.rate_of_dose, name="bolus_rate", dose=bolus, lasts=lasts, show=f"{bolus.spelling}/h")
    of_day = work.step(
        formulas.rate_of_dose, name="bolus_in_a_day", dose=bolus, lasts=given_day_length(work),
        show=f"{bolus.spelling}/day",
    )  # fmt: skip
    rates, doses, days = [rate], [bolus], [of_day]
    if base is not None:
        meanwhile = work.step(
            formulas.dose_over, name="base_dose_meanwhile", rate=base, lasts=lasts, show=bolus.spelling
        )
        rates, doses, days = [base, rate], [bolus, meanwhile], [base, of_day]
    during = work.total("rate_during_bolus", rates, rate.spelling)
    flow = _flow(work, "flow_rate_during_bolus", during, strength)
    total = work.total("total_delivered", doses, bolus.spelling)
    leaves = work.step(formulas.volume_of_dose, name="volume_delivered", dose=total, concentration=strength, show="mL")
    for line in (volume, during, flow, total, leaves):
        work.answer(line)
    return work.total("dose_of_the_day", days, of_day.spelling)


def _base_before(
    work: Worksheet, drug: str, strength: Value, before: str, daily_dose: Quantity | None, minimum_rate: Quantity | None
) -> Value | None:
    """The dose per day that runs before the bolus and on during it; None for a stopped pump."""
    for state, field, stated in (
        ("constant", "daily_dose", daily_dose),
        ("minimum-rate", "minimum_rate", minimum_rate),
    ):
        if before == state and stated is None:
            raise work.refuse(
                "missing",
                f"{field} is missing: before is {before}; the library holds no figure to put in its place.",
                f"/{field}",
            )
        if before != state and stated is not None:
            raise work.refuse(
                "not-used", f"{field} is for a pump whose before is {state}, and before is {before}: leave one out.",
                f"/{field}",
            )  # fmt: skip
    if daily_dose is not None:
        return work.given("daily_dose", daily_dose, drug)
    if minimum_rate is None:
        return None
    flow = work.given("minimum_rate", minimum_rate)
    return work.step(
        formulas.daily_dose, name="dose_at_minimum_rate", flow_rate=flow, concentration=strength,
        show=f"{strength.spelling.partition('/')[0]}/day",
    )  # fmt: skip
