"""The bridge bolus: the old dose goes on until the old solution between the reservoir and the tip has cleared."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from pumpcalc import formulas
from pumpcalc.bridge.line import StatedLine, answer_line, given_line, refuse_undeliverable
from pumpcalc.bridge.mixture import Mixtures, passage_of
from pumpcalc.bridge.one_drug import Change, answer_change, check_change
from pumpcalc.bridge.passed import answer_passage, say_passage
from pumpcalc.bridge.volumes import ImplantedCatheter, mass_of, note_independent_check
from pumpcalc.delivery import Component
from pumpcalc.errors import Problem, Refusal
from pumpcalc.library import Drug, Pump
from pumpcalc.quantities import Quantity
from pumpcalc.worksheet import Worksheet, calculator
from pumpcalc.worksheet.fields import (
    Calendar,
    ConcentrationField,
    DailyDoseField,
    DrugName,
    Listed,
    PumpName,
    VolumeField,
    VolumeOrZeroField,
    YesNo,
)

__all__ = ["bridge_bolus"]


@calculator("bridge-bolus")
def bridge_bolus(
    work: Worksheet,
    *,
    pump: PumpName,
    drug: DrugName | None = None,
    old_concentration: ConcentrationField | None = None,
    new_concentration: ConcentrationField | None = None,
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
    old_components: Listed[Component] | None = None,
    new_components: Listed[Component] | None = None,
    bridge_daily_dose_of_old: DailyDoseField | None = None,
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
    old_components, new_components : instead of drug, concentrations and new_drug, where a solution is a mixture. Each
        lists its drugs with their concentrations, the first primary. daily_dose and new_daily_dose are of the primary
        ones, and every other drug gets what follows from the flow
    bridge_daily_dose_of_old : where the primary drug of the mixtures changes, the dose of the old one that the
        prescriber lets go on until the line has cleared. Left out, no rate is worked out [mg/day or mcg/day]

    Returns
    -------
    volume [mL], rate [mL/day], duration [h], drug_delivered (the old drug, during the bridge), new_flow_rate [mL/day],
    dose_if_omitted [mg/day or mcg/day] and hours_if_omitted [h]: what would arrive without a bridge, and for how long;
    error_per_0.01_mL: the drug by which the bridge is wrong for each 0.01 mL in its volume; catheter_volume,
    pump_tubing_volume [mL]; arrival: the dose at the tip with and without the bridge, row by row. Where the tubing
    volume is not the library's of today also tubing_volume_difference [mL] and duration_difference [h]. Of mixtures
    these are of the primary drug while it stays; components says of every drug: old_daily_dose, bridge_daily_dose,
    daily_dose_if_omitted, new_daily_dose, drug_in_line, its error, whether a volume_too_large_gives more or less, and
    what its dose while the bridge runs (bridge_is_above) is above: old-dose, new-dose, or limits by their names

    Limits
    ------
    pump_tubing_volume is not a superseded one (``superseded_tubing_volume``, hard) and is the library's
    (``tubing_volume_of_library``, soft); doses, concentrations and new_flow_rate within their limits; new values not
    far from the old ones

    Raises
    ------
    Refusal as for priming-bolus; ``old-dose-must-not-continue``;
    ``three-concentrations-in-line`` when less than the volume was pumped since the last change; ``outside-flow-range``
    for a rate that the pump cannot run; ``one-of-two`` for mixtures and one drug at once

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
    line = StatedLine(catheter, catheter_volume, pump_tubing_volume, calculated_on, elapsed_volume_since_last_change)
    single = {
        "drug": drug,
        "old_concentration": old_concentration,
        "new_concentration": new_concentration,
    }
    lists = {"old_components": old_components, "new_components": new_components}
    if old_components is None and new_components is None:
        if drug is None or old_concentration is None or new_concentration is None:
            raise _missing(single)
        if bridge_daily_dose_of_old is not None:
            raise work.refuse(
                "not-used",
                "The bridge of one drug continues daily_dose: leave bridge_daily_dose_of_old out.",
                "/bridge_daily_dose_of_old",
            )
        old = work.drug(drug)
        new = _drug_after(
            work, old, new_drug, new_daily_dose=new_daily_dose, old_dose_may_continue=old_dose_may_continue
        )
        _one_drug(work, device, line, (old, old_concentration), (new, new_concentration), (daily_dose, new_daily_dose))
    else:
        if old_components is None or new_components is None:
            raise _missing(lists)
        _refuse_both_ways(work, {**single, "new_drug": new_drug})
        if old_dose_may_continue is False:
            raise _must_not_continue(work, work.drug(old_components[0].drug, "/old_components/0/drug"))
        mixtures = Mixtures(old_components, new_components, daily_dose, new_daily_dose, bridge_daily_dose_of_old)
        passage = passage_of(work, device, line, mixtures)
        answer_passage(work, passage)
        say_passage(work, passage)
    if elapsed_volume_since_last_change is None:
        work.note(
            "last-change-not-checked",
            "Nothing was stated about an earlier change. A bridge is right only if the volume to the tip has been "
            'pumped since then: "elapsed_volume_since_last_change" is checked against it.',
        )


def _one_drug(
    work: Worksheet,
    device: Pump,
    stated: StatedLine,
    before: tuple[Drug, Quantity],
    after: tuple[Drug, Quantity],
    doses: tuple[Quantity, Quantity | None],
) -> None:
    """The bridge from one drug at one concentration to another concentration, or to another drug."""
    (old, old_concentration), (new, new_concentration), (daily_dose, new_daily_dose) = before, after, doses
    if new is old and old_concentration.amount == new_concentration.amount:
        work.note(
            "no-bridge-needed",
            f"The old and the new concentration are both {new_concentration}: no bridge is needed, and none is wrong.",
        )
    dose = work.given("daily_dose", daily_dose, old.name)
    old_strength = work.given("old_concentration", old_concentration, old.name)
    new_strength = work.given("new_concentration", new_concentration, new.name)
    new_dose = work.given("new_daily_dose", new_daily_dose, new.name) if new_daily_dose is not None else dose
    line = given_line(work, device, stated)
    rate = work.step(formulas.flow_rate, name="rate", daily_dose=dose, concentration=old_strength, show="mL/day")
    refuse_undeliverable(work, device, rate)
    change = Change(
        old_drug=old,
        new_drug=new,
        old_strength=old_strength,
        new_strength=new_strength,
        old_dose=dose,
        new_dose=new_dose,
        volume=line.volume,
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
    answer_change(work, change)
    answer_line(work, line, rate)
    check_change(work, device, change)


# What is refused


_WRITTEN = {
    "drug": '"morphine"',
    "old_concentration": '"20 mg/mL"',
    "new_concentration": '"20 mg/mL"',
    "old_components": '[{"drug": "morphine", "concentration": "20 mg/mL"}]',
    "new_components": '[{"drug": "morphine", "concentration": "20 mg/mL"}]',
}
"""How the fields are written of which one set or the other is needed."""


def _missing(fields: Mapping[str, object]) -> Refusal:
    """Every field of a set that is not stated."""
    return Refusal(
        Problem(code="missing", detail=f"{name} is missing: write it as {_WRITTEN[name]}.", pointer=f"/{name}")
        for name, value in fields.items()
        if value is None
    )


def _refuse_both_ways(work: Worksheet, single: Mapping[str, object]) -> None:
    """Solutions are stated as lists, or one drug by its concentrations: never both."""
    for name, value in single.items():
        if value is not None:
            raise work.refuse(
                "one-of-two",
                f"State the change once: {name} is for one drug alone, and old_components and new_components hold the "
                "drugs and concentrations of both solutions.",
                f"/{name}",
            )


def _must_not_continue(work: Worksheet, old: Drug) -> Refusal:
    return work.refuse(
        "old-dose-must-not-continue",
        f"A bridge continues the old dose of {old.label} until it has cleared. Where that dose must not continue "
        "there is no bridge: the line has to be emptied in another way.",
        "/old_dose_may_continue",
    )


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
        raise _must_not_continue(work, old)
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
