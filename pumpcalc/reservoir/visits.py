"""What a refill finds: the volume expected and the volume delivered, and their trend over refills."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

from pydantic import ConfigDict

from pumpcalc import formulas
from pumpcalc.quantities import Quantity
from pumpcalc.worksheet import Value, Worksheet
from pumpcalc.worksheet.fields import Request, VolumeField, VolumeOrZeroField

__all__ = ["EarlierVisit", "Visit", "trend", "visit_of"]


class EarlierVisit(Request):
    """What an earlier refill found."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"fill_volume": "20 mL", "programmed_volume": "16 mL", "withdrawn_volume": "4.4 mL"}]
        }
    )

    fill_volume: VolumeField
    programmed_volume: VolumeField
    withdrawn_volume: VolumeOrZeroField


@dataclass
class Visit:
    """One refill on the worksheet."""

    held: Value
    """In the reservoir after the fill."""
    programmed: Value
    withdrawn: Value
    expected: Value
    """Negative when the programme counted more than the reservoir held."""
    delivered: Value
    percent: Value
    """Of the programmed volume."""


def visit_of(
    work: Worksheet,
    fill: Quantity,
    programmed: Quantity,
    withdrawn: Quantity,
    left: Quantity | None = None,
    *,
    number: str = "",
    pointer: str = "",
) -> Visit:
    """What was expected and what was delivered, of this refill or of an earlier, numbered one."""
    held = work.given(f"fill_volume{number}", fill)
    if left is not None:
        held = work.total(f"volume_after_fill{number}", [work.given(f"left_volume{number}", left), held], "mL")
    counted = work.given(f"programmed_volume{number}", programmed)
    found = work.given(f"withdrawn_volume{number}", withdrawn)
    if found.amount > held.amount:
        raise work.refuse(
            "out-of-range",
            f"{found} cannot be withdrawn from a reservoir that held {held} after its fill: check the fill volume, and "
            "state as left_volume what was left in the reservoir before it.",
            f"{pointer}/withdrawn_volume",
        )
    expected = work.step(formulas.volume_left, name=f"expected_residual{number}", volume=held, taken=counted, show="mL")
    delivered = work.step(formulas.volume_left, name=f"delivered_volume{number}", volume=held, taken=found, show="mL")
    percent = work.step(
        formulas.part_of_volume, name=f"delivered_percent{number}", part=delivered, whole=counted, show="%"
    )
    return Visit(held, counted, found, expected, delivered, percent)


def trend(work: Worksheet, history: Sequence[EarlierVisit], now: Visit) -> None:
    """The parts delivered over all refills: where they go and their mean; what was withdrawn above expected in all."""
    visits = [
        visit_of(
            work,
            each.fill_volume,
            each.programmed_volume,
            each.withdrawn_volume,
            number=f"_{position + 1}",
            pointer=f"/history/{position}",
        )
        for position, each in enumerate(history)
    ]
    visits.append(now)
    percents = [visit.percent for visit in visits]
    count = work.count("visits", percents)
    work.answer_with("visits", count)
    work.answer_with("trend", _direction(percents))
    total = work.total("delivered_percent_total", percents, "%")
    work.answer(
        work.step(formulas.mean_of_visits, name="mean_delivered_percent", total=total, visits=count.line, show="%")
    )
    delivered = work.total("delivered_in_all", [visit.delivered for visit in visits], "mL")
    programmed = work.total("programmed_in_all", [visit.programmed for visit in visits], "mL")
    work.answer(
        work.step(formulas.volume_left, name="cumulative_discrepancy", volume=delivered, taken=programmed, show="mL")
    )


def _direction(percents: Sequence[Value]) -> str:
    """rising, falling, level or mixed, from refill to refill."""
    amounts = [each.amount for each in percents]
    steps = {(later > earlier) - (later < earlier) for earlier, later in itertools.pairwise(amounts)}
    return {1: "rising", -1: "falling", 0: "level"}[steps.pop()] if len(steps) == 1 else "mixed"
