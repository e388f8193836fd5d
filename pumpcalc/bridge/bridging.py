"""The bridge bolus: the old dose goes on until the old solution between the reservoir and the tip has cleared."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import Any, Literal

from pumpcalc import formulas
from pumpcalc.bridge.volumes import (
    ImplantedCatheter,
    Tubing,
    given_catheter,
    given_tubing,
    mass_of,
    note_independent_check,
)
from pumpcalc.library import Drug, Pump
from pumpcalc.limits import check_concentration, check_daily_dose, check_flow_rate, check_indication
from pumpcalc.quantities import DURATION, Quantity
from pumpcalc.sentinel import check_against_last
from pumpcalc.worksheet import Cited, Value, Worksheet, calculator
from pumpcalc.worksheet.fields import (
    Calendar,
    ConcentrationField,
    DailyDoseField,
    DrugName,
    PumpName,
    VolumeField,
    VolumeOrZeroField,
    YesNo,
)

__all__ = ["bridge_bolus"]


@dataclass
class _Change:
    """The old and the new therapy, and what lies between the reservoir and the tip."""

    old_drug: Drug
    new_drug: Drug
    old_strength: Value
    new_strength: Value
    old_dose: Value
    new_dose: Value
    volume: Value
    rate: Value
    new_flow: Value
    mass: str
    """The mass unit of the old dose, in which masses are shown."""

    @property
    def is_of_drug(self) -> bool:
        """Does the drug change, and not only its concentration?"""
        return self.old_drug is not self.new_drug


@calculator("bridge-bolus")
def bridge_bolus(
    work: Worksheet,
    *,
    pump: PumpName,
    drug: DrugName,
    old_concentration: ConcentrationField,
    new_concentration: ConcentrationField,
    daily_dose: DailyDoseField,
    extent: Literal["full-system"] | None = None,
    catheter: ImplantedCatheter | None = None,
    catheter_volume: VolumeField | None = None,
    pump_tubing_volume: VolumeField | None = None,
    calculated_on: Calendar | None = None,
    new_daily_dose: DailyDoseField | None = None,
    new_drug: DrugName | None = None,
    old_dose_may_continue: YesNo | None = None,
    elapsed_volume_since_last_change: VolumeOrZeroField | None = None,
) -> None:
    """The volume, rate and duration of a bridge bolus after a change of concentration, as an independent check.

        volume = pump_tubing_volume + catheter_volume,  rate = daily_dose / old_concentration,  duration = volume / rate

    Parameters
    ----------
    pump : pump model
    drug : in the line and, without a new_drug, in the reservoir
    old_concentration : what lies in the tubing and the catheter [mg/mL or mcg/mL]
    new_concentration : in the reservoir after the fill, mixed with what was left in it [mg/mL or mcg/mL]
    daily_dose : the old dose, which goes on until the old solution has cleared [mg/day or mcg/day]
    extent : full-system, if it is stated: a bridge always clears the tubing and the catheter
    catheter : the patient's catheter: its model, with implanted_length or trimmed_length [cm]; or
    catheter_volume : of this patient's catheter, as recorded [mL]
    pump_tubing_volume : where the library has none, or as the programmer shows it; compared with the library's [mL]
    calculated_on : the day whose tubing volume holds; left out, the latest holds
    new_daily_dose : after the bridge; left out, the dose does not change; needed with new_drug [mg/day or mcg/day]
    new_drug : where the drug changes too
    old_dose_may_continue : needed with new_drug: the prescriber's word that the old dose may go on meanwhile
    elapsed_volume_since_last_change : pumped since the change before this one [mL]

    Returns
    -------
    volume [mL], rate [mL/day], duration [h], drug_delivered (the old drug, during the bridge), new_flow_rate [mL/day],
    dose_if_omitted [mg/day or mcg/day] and hours_if_omitted [h]: what would arrive without a bridge, and for how long;
    error_per_0.01_mL: the drug by which the bridge is wrong for each 0.01 mL in its volume; catheter_volume,
    pump_tubing_volume [mL]; arrival: the dose at the tip with and without the bridge, row by row. Where the tubing
    volume is not the library's of today also tubing_volume_difference [mL] and duration_difference [h]

    Limits
    ------
    pump_tubing_volume is not a superseded one (``superseded_tubing_volume``, hard) and is the library's
    (``tubing_volume_of_library``, soft); doses, concentrations and new_flow_rate within their limits; new values not
    far from the old ones

    Raises
    ------
    Refusal as for priming-bolus; ``old-dose-must-not-continue``;
    ``three-concentrations-in-line`` when less than the volume was pumped since the last change; ``outside-flow-range``
    for a rate that the pump cannot run

    Source
    ------
    [definition] plug flow: volume over flow; [tga-rc-2017-rn-00065-1] tubing volume

    Example
    -------
    >>> found = bridge_bolus(pump="synchromed-ii-20", drug="baclofen", old_concentration="500 mcg/mL",
    ...                      new_concentration="2000 mcg/mL", daily_dose="200 mcg/day", catheter_volume="0.2 mL")
    >>> found.answers["volume"], found.answers["rate"], found.answers["duration"]
    ('0.34 mL', '0.4 mL/day', '20.4 h')
    """
    note_independent_check(work)
    device = work.pump(pump)
    old = work.drug(drug)
    new = _drug_after(work, old, new_drug, new_daily_dose=new_daily_dose, old_dose_may_continue=old_dose_may_continue)
    if new is old and old_concentration.amount == new_concentration.amount:
        work.note(
            "no-bridge-needed",
            f"The old and the new concentration are both {new_concentration}: no bridge is needed, and none is wrong.",
        )
    dose = work.given("daily_dose", daily_dose, old.name)
    old_strength = work.given("old_concentration", old_concentration, old.name)
    new_strength = work.given("new_concentration", new_concentration, new.name)
    new_dose = work.given("new_daily_dose", new_daily_dose, new.name) if new_daily_dose is not None else dose
    inside = given_catheter(work, catheter, catheter_volume)
    tubing = given_tubing(work, device, pump_tubing_volume, calculated_on)
    volume = work.step(
        formulas.volume_to_tip, name="volume", pump_tubing_volume=tubing.volume, catheter_volume=inside, show="mL"
    )
    if elapsed_volume_since_last_change is not None:
        _refuse_three(work, work.given("elapsed_volume_since_last_change", elapsed_volume_since_last_change), volume)
    rate = work.step(formulas.flow_rate, name="rate", daily_dose=dose, concentration=old_strength, show="mL/day")
    _refuse_undeliverable(work, device, rate)
    change = _Change(
        old_drug=old,
        new_drug=new,
        old_strength=old_strength,
        new_strength=new_strength,
        old_dose=dose,
        new_dose=new_dose,
        volume=volume,
        rate=rate,
        new_flow=work.step(
            formulas.flow_rate,
            name="new_flow_rate",
            daily_dose=new_dose,
            concentration=new_strength,
            show="mL/day",
        ),
        mass=mass_of(dose.spelling),
    )
    _answer(work, change)
    work.answer(inside, "catheter_volume")
    work.answer(tubing.volume, "pump_tubing_volume")
    _answer_difference(work, change, tubing)
    _check(work, device, change)
    if elapsed_volume_since_last_change is None:
        work.note(
            "last-change-not-checked",
            "Nothing was stated about an earlier change. A bridge is right only if the volume to the tip has been "
            'pumped since then: "elapsed_volume_since_last_change" is checked against it.',
        )


# What is refused


def _drug_after(
    work: Worksheet,
    old: Drug,
    new_drug: str | None,
    *,
    new_daily_dose: Quantity | None,
    old_dose_may_continue: bool | None,
) -> Drug:
    """The drug after the change, when the old dose may go on until it arrives."""
    if old_dose_may_continue is False:
        raise work.refuse(
            "old-dose-must-not-continue",
            f"A bridge continues the old dose of {old.label} until it has cleared. Where that dose must not continue "
            "there is no bridge: the line has to be emptied in another way.",
            "/old_dose_may_continue",
        )
    if new_drug is None:
        return old
    new = work.drug(new_drug, "/new_drug")
    if new is old:
        raise work.refuse(
            "same-drug", f"new_drug is {old.label} too: leave it out where only the concentration changes.", "/new_drug"
        )
    for name, value in (("old_dose_may_continue", old_dose_may_continue), ("new_daily_dose", new_daily_dose)):
        if value is None:
            raise work.refuse(
                "missing",
                f"{name} is missing: with a change of drug state whether the old dose may continue until the old drug "
                f"has cleared, and the dose of {new.label} after that.",
                f"/{name}",
            )
    return new


def _refuse_three(work: Worksheet, elapsed: Value, volume: Value) -> None:
    if elapsed.amount < volume.amount:
        raise work.refuse(
            "three-concentrations-in-line",
            f"Since the last change {elapsed} were pumped, less than the {volume} to the tip: three concentrations are "
            "in line, and no single rate continues the old dose. A bridge is computed when the last change has "
            "cleared.",
            "/elapsed_volume_since_last_change",
        )


def _refuse_undeliverable(work: Worksheet, pump: Pump, rate: Value) -> None:
    """A bridge that the pump cannot run is no bridge."""
    least, most = pump.minimum_flow_rate.quantity, pump.maximum_flow_rate.quantity
    for bound, is_outside, said in (
        (least, least is not None and rate.amount < least.amount, "below the minimum"),
        (most, most is not None and rate.amount > most.amount, "above the maximum"),
    ):
        if is_outside:
            raise work.refuse(
                "outside-flow-range",
                f"The bridge would run at {rate}, {said} flow rate of the {pump.label}, {bound}: it cannot be "
                "delivered at the old dose and concentration.",
                "/daily_dose",
            )
    check_flow_rate(work, pump, rate)


# What is answered


def _answer(work: Worksheet, change: _Change) -> None:
    """The bridge, and what would arrive without it."""
    duration = work.step(
        formulas.days_to_deliver, name="duration", volume=change.volume, flow_rate=change.rate, show="h"
    )
    omitted = work.step(
        formulas.daily_dose,
        name="dose_if_omitted",
        flow_rate=change.new_flow,
        concentration=change.old_strength,
        show=f"{change.mass}/day",
    )
    hours = work.step(
        formulas.days_to_deliver, name="hours_if_omitted", volume=change.volume, flow_rate=change.new_flow, show="h"
    )
    delivered = work.step(
        formulas.drug_mass,
        name="drug_delivered",
        concentration=change.old_strength,
        volume=change.volume,
        show=change.mass,
    )
    for line in (change.volume, change.rate, duration, delivered, change.new_flow, omitted, hours):
        work.answer(line)
    _answer_sensitivity(work, change)
    work.answer_with("arrival", _arrival(work, change, duration, omitted, hours))
    _say_what_omission_means(work, change, omitted, hours)
    displayed = work.step(
        formulas.drug_mass,
        name="drug_shown_at_new_concentration",
        concentration=change.new_strength,
        volume=change.volume,
        show=mass_of(change.new_strength.spelling),
    )
    work.note(
        "display-at-new-concentration",
        f"Whoever multiplies the volume by the new concentration shows {displayed} of {change.new_drug.label}; what "
        f"passes the tip during the bridge is {delivered} of {change.old_drug.label}.",
    )


def _answer_sensitivity(work: Worksheet, change: _Change) -> None:
    """By how much drug the bridge is wrong for each step in its volume."""
    step = work.fact("sensitivity_volume", work.library.policy.sensitivity_volume)
    key = f"error_per_{str(step).replace(' ', '_')}"
    if change.is_of_drug:
        new, old = (
            work.step(
                formulas.drug_mass, name=name, concentration=strength, volume=step, show=mass_of(strength.spelling)
            )
            for name, strength in (
                ("error_of_new_drug", change.new_strength),
                ("error_of_old_drug", change.old_strength),
            )
        )
        work.answer(new, key)
        work.answer(old, f"{key}_of_old_drug")
        work.note(
            "error-of-volume",
            f"For each {step} by which the volume is too large, {new} of {change.new_drug.label} arrives at the rate "
            f"of the bridge; for each by which it is too small, {old} of {change.old_drug.label} at the new rate.",
        )
        return
    is_stronger = change.new_strength.amount > change.old_strength.amount
    strengths = (change.new_strength, change.old_strength)
    stronger, weaker = strengths if is_stronger else strengths[::-1]
    error = work.step(
        formulas.error_of_volume,
        name="error_of_volume",
        volume=step,
        stronger=stronger,
        weaker=weaker,
        show=change.mass,
    )
    work.answer(error, key)
    too_large, too_small = ("more", "less") if is_stronger else ("less", "more")
    work.note(
        "error-of-volume",
        f"For each {step} by which the volume is too large, {error} {too_large} than meant reaches the tip; for each "
        f"by which it is too small, as much {too_small}.",
    )


def _arrival(work: Worksheet, change: _Change, duration: Value, omitted: Value, hours: Value) -> list[dict[str, Any]]:
    """The dose that arrives at the tip over time: with the bridge, and without it."""
    start = work.given(
        "start",
        Quantity(Fraction(0), DURATION, "h"),
        source=Cited(
            key="definition", where="the instant at which the reservoir holds the new solution", status="derived"
        ),
    )
    rows = []
    for course, turns, before in (("with-bridge", duration, change.old_dose), ("without-bridge", hours, omitted)):
        old = {"course": course, "drug": change.old_drug.name, "from_hour": start, "to_hour": turns}
        rows.append(old | {"dose_rate": before})
        rows.append({"course": course, "drug": change.new_drug.name, "from_hour": turns, "dose_rate": change.new_dose})
    return rows


def _say_what_omission_means(work: Worksheet, change: _Change, omitted: Value, hours: Value) -> None:
    said = f"Without a bridge {omitted} of {change.old_drug.label} reaches the tip for {hours}"
    if change.is_of_drug:
        meant = f"and nothing of the {change.new_dose} of {change.new_drug.label} that is meant"
    elif omitted.amount < change.new_dose.amount:
        meant = f"instead of {change.new_dose}: too little, with a risk of withdrawal"
    else:
        meant = f"instead of {change.new_dose}: too much, with a risk of overdose"
    work.note("if-omitted", f"{said}, {meant}.")


def _answer_difference(work: Worksheet, change: _Change, tubing: Tubing) -> None:
    """What another tubing volume than the library's of today does to the bridge."""
    if tubing.difference is not None:
        work.answer(tubing.difference)
        work.answer(
            work.step(
                formulas.days_to_deliver,
                name="duration_difference",
                volume=tubing.difference,
                flow_rate=change.rate,
                show="h",
            )
        )


def _check(work: Worksheet, pump: Pump, change: _Change) -> None:
    """Every limit that the two therapies meet."""
    work.at_least(change.new_flow, pump.minimum_flow_rate, "new_minimum_flow_rate")
    work.at_most(change.new_flow, pump.maximum_flow_rate, "new_maximum_flow_rate")
    check_daily_dose(work, change.old_drug, change.old_dose)
    check_concentration(work, change.old_drug, change.old_strength)
    check_concentration(work, change.new_drug, change.new_strength)
    check_indication(work, change.old_drug, pump)
    if change.new_dose is not change.old_dose:
        check_daily_dose(work, change.new_drug, change.new_dose)
    if change.is_of_drug:
        check_indication(work, change.new_drug, pump)
    else:
        check_against_last(work, change.new_strength, change.old_strength)
        if change.new_dose is not change.old_dose:
            check_against_last(work, change.new_dose, change.old_dose)
    work.note(
        "one-drug",
        "For one drug in the solution. In a mixture every other drug passes at the same flow; where their ratio to the "
        "first one changes, this bridge does not hold for them.",
    )
    work.note(
        "residual-in-reservoir",
        "Old solution that was left in the reservoir changes the new concentration: residual-dilution says by how "
        "much.",
    )
