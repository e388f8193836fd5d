"""The check right after a fill: is what was injected in the reservoir?"""

from __future__ import annotations

from pumpcalc import formulas
from pumpcalc.library import Pump
from pumpcalc.reservoir.residual import check_capacity
from pumpcalc.worksheet import Value, Worksheet, calculator
from pumpcalc.worksheet.fields import PumpName, VolumeField, VolumeOrZeroField

__all__ = ["post_fill_check"]


@calculator("post-fill-check")
def post_fill_check(
    work: Worksheet,
    *,
    pump: PumpName,
    injected_volume: VolumeField,
    measured_volume: VolumeOrZeroField,
) -> None:
    """The difference between what was injected and what was measured in the reservoir right after the fill.

        discrepancy = injected_volume - measured_volume

    Parameters
    ----------
    pump : pump model
    injected_volume : put in at this fill [mL]
    measured_volume : measured in the reservoir right after it [mL]

    Returns
    -------
    discrepancy [mL], whichever of the two is larger less the other; findings: codes (post-fill-discrepancy,
    fill-above-capacity)

    Limits
    ------
    discrepancy at most ``post_fill_discrepancy`` of a pump of this reservoir volume; injected_volume at most
    ``reservoir_volume``

    Source
    ------
    [maino-2017] 1 mL for a 20 mL pump, 2 mL for a 40 mL pump

    Example
    -------
    >>> post_fill_check(pump="synchromed-ii-20", injected_volume="20 mL",
    ...                 measured_volume="18.7 mL").answers["findings"]
    ['post-fill-discrepancy']
    """
    device = work.pump(pump)
    injected = work.given("injected_volume", injected_volume)
    measured = work.given("measured_volume", measured_volume)
    less, more = sorted((injected, measured), key=lambda each: each.amount)
    difference = work.step(formulas.volume_left, name="discrepancy", volume=more, taken=less, show="mL")
    findings = [*check_capacity(work, device, injected, injected), *_threshold(work, device, difference)]
    work.answer(difference)
    work.answer_with("findings", findings)
    if measured.amount < injected.amount:
        work.note(
            "pocket-fill",
            "What is missing from the reservoir may be in the pocket. No software detects a fill into the pocket: "
            "observe the patient.",
        )


def _threshold(work: Worksheet, pump: Pump, difference: Value) -> list[str]:
    """Is the difference potentially consequential for a pump of this size?"""
    size = pump.reservoir_volume.quantity
    bounds = [fact for volume, fact in work.library.residual_rules.post_fill_discrepancy if volume == size]
    if not bounds:
        work.not_checked(pump.reservoir_volume)
        work.note(
            "no-threshold",
            f"No threshold for a difference after a fill is known for the {pump.label}: nothing checked {difference}.",
        )
        return []
    work.at_most(difference, bounds[0], "discrepancy_at_most")
    return ["post-fill-discrepancy"] if difference.amount > bounds[0].required().amount else []
