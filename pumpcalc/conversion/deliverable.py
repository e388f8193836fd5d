"""Can the chosen pump give this start? The least daily dose of each strength, and the flow of the start from it."""

from __future__ import annotations

from typing import Any

from pumpcalc import formulas
from pumpcalc.library import Drug, Pump
from pumpcalc.limits import check_concentration, check_flow_rate, check_indication
from pumpcalc.quantities import Quantity, write_number
from pumpcalc.worksheet import Value, Worksheet

__all__ = ["deliverability"]


def deliverability(
    work: Worksheet, drug: Drug, pump: str | None, concentration: Quantity | None, dose: Value | None
) -> None:
    """What a pump, a concentration, or both make of a start; nothing when neither is stated.

    A stated concentration is checked as any flow is. Without one, every strength on the market is looked at, and a
    start that a strength cannot give is a soft limit: another strength may.
    """
    device = work.pump(pump) if pump is not None else None
    if device is not None:
        check_indication(work, drug, device)
    if concentration is not None:
        strength = work.given("concentration", concentration, drug.name)
        check_concentration(work, drug, strength)
        flow = _flow(work, "flow_rate", dose, strength)
        if flow is not None:
            work.answer(flow)
            if device is not None:
                check_flow_rate(work, device, flow)
        if device is not None:
            work.answer_with("deliverability", [_row(work, device, "", strength, dose, flow)])
    elif device is not None:
        rows = []
        for strength in _strengths(work, drug):
            at = strength.name.removeprefix("concentration")
            flow = _flow(work, f"flow_rate{at}", dose, strength)
            rows.append(_row(work, device, at, strength, dose, flow, soft=True))
        work.answer_with("deliverability", rows)
    if device is not None or concentration is not None:
        work.cautions(drug.cautions, "lowest-undiluted-dose", "naive-pump-rinse")


def _strengths(work: Worksheet, drug: Drug) -> list[Value]:
    """Every strength on the market that may go in a pump, once, in the order of the monograph's products."""
    found: dict[Any, Value] = {}
    for product in (each for each in drug.products if each.is_for_pumps):
        quantity = product.concentration.quantity
        if quantity is None:
            work.not_checked(product.concentration)
        elif quantity.amount not in found:
            number = write_number(quantity.amount / quantity.kind.factors[quantity.spelling]).replace(".", "_")
            unit = quantity.spelling.lower().replace("/", "_per_")
            name = f"concentration_{number}_{unit}"
            found[quantity.amount] = work.fact(name, product.concentration, drug.name)
    return list(found.values())


def _flow(work: Worksheet, name: str, dose: Value | None, strength: Value) -> Value | None:
    if dose is None:
        return None
    return work.step(formulas.flow_rate, name=name, daily_dose=dose, concentration=strength, show="mL/day")


def _row(
    work: Worksheet,
    pump: Pump,
    at: str,
    strength: Value,
    dose: Value | None,
    flow: Value | None,
    *,
    soft: bool = False,
) -> dict[str, Any]:
    """One strength in this pump. ``at`` is what its lines are called after."""
    row: dict[str, Any] = {"concentration": strength}
    if flow is not None:
        row["flow_rate"] = flow
    if not pump.minimum_flow_rate.is_known:
        work.not_checked(pump.minimum_flow_rate)
        return row
    if "minimum_flow_rate" in {line.name for line in work.lines}:
        minimum = work.line("minimum_flow_rate")
    else:
        minimum = work.fact("minimum_flow_rate", pump.minimum_flow_rate)
    mass = strength.spelling.partition("/")[0]
    least = work.step(
        formulas.daily_dose,
        name=f"least_daily_dose_at{at}" if at else "least_daily_dose",
        flow_rate=minimum,
        concentration=strength,
        show=f"{mass}/day",
    )
    row["least_daily_dose"] = least
    cited = work.cite(pump.minimum_flow_rate)
    work.note(
        "least-deliverable-dose",
        f"{strength} cannot give less than {least} in the {pump.label}: its least flow is {minimum}.",
        cited,
    )
    if dose is None or flow is None:
        return row
    if soft:
        work.soft_bound(dose, "at least", least, f"{dose.name}_at{at}", cited)
    reached = flow.amount >= minimum.amount
    row["reaches_minimum_flow"] = "yes" if reached else "no"
    if not reached:
        work.note(
            "start-not-deliverable",
            f"{dose} from {strength} would flow at {flow}, below the {minimum} of the {pump.label}: "
            "it cannot be delivered.",
            cited,
        )
    return row
