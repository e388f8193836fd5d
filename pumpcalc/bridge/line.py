"""The line that a bridge clears: its volume as stated, and what makes a bridge through it impossible."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from pumpcalc import formulas
from pumpcalc.bridge.volumes import ImplantedCatheter, Tubing, given_catheter, given_tubing
from pumpcalc.library import Pump
from pumpcalc.limits import check_flow_rate
from pumpcalc.quantities import Quantity
from pumpcalc.worksheet import Value, Worksheet

__all__ = ["Line", "StatedLine", "answer_line", "given_line", "refuse_undeliverable"]


@dataclass(frozen=True)
class StatedLine:
    """What a request says of the tubing, the catheter and the change before this one."""

    catheter: ImplantedCatheter | None
    catheter_volume: Quantity | None
    pump_tubing_volume: Quantity | None
    calculated_on: date | None
    elapsed_volume_since_last_change: Quantity | None


@dataclass(frozen=True)
class Line:
    """What lies between the reservoir and the tip."""

    inside: Value
    """The volume of the catheter."""
    tubing: Tubing
    volume: Value
    """Of both: what must leave before the new solution arrives."""


def given_line(work: Worksheet, device: Pump, stated: StatedLine) -> Line:
    """The volume from the reservoir to the tip. Raises Refusal when three concentrations are in it."""
    inside = given_catheter(work, stated.catheter, stated.catheter_volume)
    tubing = given_tubing(work, device, stated.pump_tubing_volume, stated.calculated_on)
    volume = work.step(
        formulas.volume_to_tip, name="volume", pump_tubing_volume=tubing.volume, catheter_volume=inside, show="mL"
    )
    elapsed = stated.elapsed_volume_since_last_change
    if elapsed is not None:
        _refuse_three(work, work.given("elapsed_volume_since_last_change", elapsed), volume)
    return Line(inside, tubing, volume)


def _refuse_three(work: Worksheet, elapsed: Value, volume: Value) -> None:
    if elapsed.amount < volume.amount:
        raise work.refuse(
            "three-concentrations-in-line",
            f"Since the last change {elapsed} were pumped, less than the {volume} to the tip: three concentrations are "
            "in line, and no single rate continues the old dose. A bridge is computed when the last change has "
            "cleared.",
            "/elapsed_volume_since_last_change",
        )


def refuse_undeliverable(work: Worksheet, pump: Pump, rate: Value, pointer: str = "/daily_dose") -> None:
    """A bridge that the pump cannot run is no bridge. ``pointer`` is the field of the dose that it would deliver."""
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
                pointer,
            )
    check_flow_rate(work, pump, rate)


def answer_line(work: Worksheet, line: Line, rate: Value | None) -> None:
    """The volumes of the line; and what another tubing volume than the library's of today does to a bridge."""
    work.answer(line.inside, "catheter_volume")
    work.answer(line.tubing.volume, "pump_tubing_volume")
    if line.tubing.difference is None:
        return
    work.answer(line.tubing.difference)
    if rate is not None:
        work.answer(
            work.step(
                formulas.days_to_deliver,
                name="duration_difference",
                volume=line.tubing.difference,
                flow_rate=rate,
                show="h",
            )
        )
