"""A bridge of one drug: its rate, its duration, what it delivers, and what would arrive without it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from pumpcalc import formulas
from pumpcalc.bridge.volumes import mass_of, start_of_bridge
from pumpcalc.library import Drug, Pump
from pumpcalc.limits import check_concentration, check_daily_dose, check_indication
from pumpcalc.sentinel import check_against_last
from pumpcalc.worksheet import Value, Worksheet

__all__ = ["Change", "answer_change", "check_change"]


@dataclass
class Change:
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


def answer_change(work: Worksheet, change: Change) -> None:
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


def _answer_sensitivity(work: Worksheet, change: Change) -> None:
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


def _arrival(work: Worksheet, change: Change, duration: Value, omitted: Value, hours: Value) -> list[dict[str, Any]]:
    """The dose that arrives at the tip over time: with the bridge, and without it."""
    start = start_of_bridge(work)
    rows = []
    for course, turns, before in (("with-bridge", duration, change.old_dose), ("without-bridge", hours, omitted)):
        old = {"course": course, "drug": change.old_drug.name, "from_hour": start, "to_hour": turns}
        rows.append(old | {"dose_rate": before})
        rows.append({"course": course, "drug": change.new_drug.name, "from_hour": turns, "dose_rate": change.new_dose})
    return rows


def _say_what_omission_means(work: Worksheet, change: Change, omitted: Value, hours: Value) -> None:
    said = f"Without a bridge {omitted} of {change.old_drug.label} reaches the tip for {hours}"
    if change.is_of_drug:
        meant = f"and nothing of the {change.new_dose} of {change.new_drug.label} that is meant"
    elif omitted.amount < change.new_dose.amount:
        meant = f"instead of {change.new_dose}: too little, with a risk of withdrawal"
    else:
        meant = f"instead of {change.new_dose}: too much, with a risk of overdose"
    work.note("if-omitted", f"{said}, {meant}.")


def check_change(work: Worksheet, pump: Pump, change: Change) -> None:
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
