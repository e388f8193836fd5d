"""What old solution, left in the reservoir, does to a new one."""

from __future__ import annotations

from pumpcalc import formulas
from pumpcalc.limits import check_concentration
from pumpcalc.worksheet import Worksheet, calculator
from pumpcalc.worksheet.fields import ConcentrationField, DrugName, PumpName, VolumeField

__all__ = ["residual_dilution"]


@calculator("residual-dilution")
def residual_dilution(
    work: Worksheet,
    *,
    pump: PumpName,
    drug: DrugName,
    old_concentration: ConcentrationField,
    new_concentration: ConcentrationField,
    reservoir_residual_volume: VolumeField,
    fill_volume: VolumeField,
) -> None:
    """What old solution that was left in the reservoir makes of the concentration of a fill.

        mixed_concentration = (reservoir_residual_volume * old_concentration + fill_volume * new_concentration)
            / (reservoir_residual_volume + fill_volume)

    Parameters
    ----------
    pump : pump model, to check the volume against its reservoir
    drug : in both solutions
    old_concentration : of what was left [mg/mL or mcg/mL]
    new_concentration : of what was put in [mg/mL or mcg/mL]
    reservoir_residual_volume : old solution that could not be withdrawn, or was not [mL]
    fill_volume : put in at this refill [mL]

    Returns
    -------
    mixed_concentration [mg/mL or mcg/mL], error_percent: by which it differs from the new one;
    volume_in_reservoir [mL]

    Limits
    ------
    fill_volume at most ``reservoir_volume`` (hard), with the residual too (``reservoir_volume_with_residual``, soft)

    Source
    ------
    [definition] mass and volume are conserved
    """
    device = work.pump(pump)
    monograph = work.drug(drug)
    old = work.given("old_concentration", old_concentration, monograph.name)
    new = work.given("new_concentration", new_concentration, monograph.name)
    left = work.given("reservoir_residual_volume", reservoir_residual_volume)
    fill = work.given("fill_volume", fill_volume)
    mixed = work.step(
        formulas.mixed_concentration,
        reservoir_residual_volume=left,
        old_concentration=old,
        fill_volume=fill,
        new_concentration=new,
        show=new.spelling,
    )
    together = work.total("volume_in_reservoir", [left, fill], "mL")
    work.answer(mixed)
    work.answer(
        work.step(
            formulas.error_of_concentration,
            name="error_percent",
            concentration_made=mixed,
            concentration=new,
            show="%",
        )
    )
    work.answer(together)
    work.at_most(fill, device.reservoir_volume)
    if device.reservoir_volume.is_known:
        holds = work.fact("reservoir_volume", device.reservoir_volume)
        cited = work.cite(device.reservoir_volume)
        work.soft_bound(together, "at most", holds, "reservoir_volume_with_residual", cited)
    check_concentration(work, monograph, old)
    check_concentration(work, monograph, new)
    work.note(
        "rinse",
        "The error stays until the next fill. A reservoir that is rinsed with the new solution before the fill has "
        "less of it; the volumes of each rinse are those of the drug's own label.",
    )
