"""The priming bolus: what fills the tubing and the catheter before a drug reaches the tip."""

from __future__ import annotations

from typing import Literal

from pumpcalc import formulas
from pumpcalc.bridge.volumes import (
    ImplantedCatheter,
    Tubing,
    given_catheter,
    given_tubing,
    mass_of,
    note_independent_check,
)
from pumpcalc.limits import check_concentration, check_indication
from pumpcalc.worksheet import Worksheet, calculator
from pumpcalc.worksheet.fields import Calendar, ConcentrationField, DrugName, PumpName, VolumeField

__all__ = ["priming_bolus"]


@calculator("priming-bolus")
def priming_bolus(
    work: Worksheet,
    *,
    pump: PumpName,
    drug: DrugName,
    concentration: ConcentrationField,
    extent: Literal["full-system", "catheter-only"],
    catheter: ImplantedCatheter | None = None,
    catheter_volume: VolumeField | None = None,
    pump_tubing_volume: VolumeField | None = None,
    calculated_on: Calendar | None = None,
) -> None:
    """The volume of a priming bolus and the drug in it, as an independent check.

        volume = pump_tubing_volume + catheter_volume,  drug_mass = concentration * volume

    Parameters
    ----------
    pump : pump model
    drug : name of the drug in the reservoir
    concentration : of the drug in the reservoir [mg/mL or mcg/mL]
    extent : full-system (before the implant) or catheter-only (after it, or after a revision of the catheter)
    catheter : the patient's catheter: its model, with implanted_length or trimmed_length [cm]; or
    catheter_volume : of this patient's catheter, as recorded [mL]
    pump_tubing_volume : where the library has none, or as the programmer shows it; compared with the library's [mL]
    calculated_on : the day whose tubing volume holds; left out, the latest holds

    Returns
    -------
    volume [mL], drug_mass [mg or mcg], catheter_volume [mL], pump_tubing_volume [mL]; where the tubing volume is not
    the library's of today also tubing_volume_difference [mL] and drug_mass_difference [mg or mcg]

    Limits
    ------
    pump_tubing_volume is not a superseded one (``superseded_tubing_volume``, hard) and is the library's
    (``tubing_volume_of_library``, soft); concentration as for flow-rate; a full system is primed with the strengths
    of a naive fill

    Raises
    ------
    Refusal ``one-of-two`` without catheter facts; ``not-in-library`` for a catheter whose volume per length, or a pump
    whose tubing volume, nobody has read; ``out-of-range`` for more trimmed or implanted than there is

    Source
    ------
    [prometra-ii-ifu-13827] catheter volume; [tga-rc-2017-rn-00065-1] tubing volume; [definition] volumes add

    Example
    -------
    >>> found = priming_bolus(pump="prometra-ii-20", drug="morphine", concentration="10 mg/mL", extent="catheter-only",
    ...                       catheter={"model": "prometra-catheter", "implanted_length": "80 cm"})
    >>> found.answers["volume"], found.answers["drug_mass"]
    ('0.208 mL', '2.08 mg')
    """
    note_independent_check(work)
    device = work.pump(pump)
    monograph = work.drug(drug)
    strength = work.given("concentration", concentration, monograph.name)
    inside = given_catheter(work, catheter, catheter_volume)
    tubing: Tubing | None = None
    if extent == "full-system":
        tubing = given_tubing(work, device, pump_tubing_volume, calculated_on)
        volume = work.step(
            formulas.volume_to_tip,
            name="volume",
            pump_tubing_volume=tubing.volume,
            catheter_volume=inside,
            show="mL",
        )
    elif pump_tubing_volume is not None:
        raise work.refuse(
            "not-used",
            "A catheter-only bolus does not fill the tubing: leave pump_tubing_volume out, or write full-system.",
            "/pump_tubing_volume",
        )
    else:
        volume = work.shown_as("volume", inside, "mL")
    mass = mass_of(strength.spelling)
    work.answer(volume)
    work.answer(work.step(formulas.drug_mass, concentration=strength, volume=volume, show=mass))
    work.answer(inside, "catheter_volume")
    if tubing is not None:
        work.answer(tubing.volume, "pump_tubing_volume")
        if tubing.difference is not None:
            work.answer(tubing.difference)
            work.answer(
                work.step(
                    formulas.drug_mass,
                    name="drug_mass_difference",
                    concentration=strength,
                    volume=tubing.difference,
                    show=mass,
                )
            )
        if "naive" in monograph.fill_concentration:
            strengths = monograph.fill_concentration["naive"]
            work.one_of(
                f"{monograph.name}_fill_concentration",
                strength,
                strengths.concentrations,
                work.cite(strengths.stated),
                hard=strengths.stated.status == "verified",
            )
    work.cautions(device.cautions, "priming-mixes", "priming-extent")
    check_concentration(work, monograph, strength)
    check_indication(work, monograph, device)
