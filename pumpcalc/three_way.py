"""Order, syringe and programme, entered separately and held against each other: what does not agree, and what it does.

Each of the three is read as it is, and what the patient would really get is computed from the syringe and the
programme, not from the order. No programmer can do this: it knows only what was typed into it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from pydantic import ConfigDict

from pumpcalc import formulas
from pumpcalc.delivery import Component
from pumpcalc.library import Pump
from pumpcalc.limits import check_daily_dose
from pumpcalc.sentinel import how_far
from pumpcalc.worksheet import Value, Worksheet, calculator
from pumpcalc.worksheet.fields import DailyDoseField, Listed, PumpName, Request, VolumeField

__all__ = ["OrderEntry", "ProgrammeEntry", "SyringeEntry", "three_way_check"]

_MORPHINE: Any = {"drug": "morphine", "concentration": "20 mg/mL"}


class OrderEntry(Request):
    """What was ordered for the patient."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "pump": "synchromed-ii-20",
                    "fill_volume": "20 mL",
                    "components": [_MORPHINE],
                    "daily_dose": "5 mg/day",
                }
            ]
        }
    )

    pump: PumpName
    fill_volume: VolumeField
    components: Listed[Component]
    daily_dose: DailyDoseField


class SyringeEntry(Request):
    """What the label of the syringe says."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"final_volume": "20 mL", "components": [_MORPHINE]}]})

    final_volume: VolumeField
    components: Listed[Component]


class ProgrammeEntry(Request):
    """What the programmer shows."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "pump": "synchromed-ii-20",
                    "reservoir_volume": "20 mL",
                    "components": [_MORPHINE],
                    "daily_dose": "5 mg/day",
                }
            ]
        }
    )

    pump: PumpName
    reservoir_volume: VolumeField
    components: Listed[Component]
    daily_dose: DailyDoseField


_CALLED = {"order": "the order", "compounding": "the syringe", "programme": "the programme"}


class _Comparison:
    """The three entries on one worksheet, and what was found of them."""

    def __init__(self, work: Worksheet) -> None:
        self.work = work
        self.rows: list[dict[str, Any]] = []

    def compare(self, field: str, said: dict[str, Any], means: Callable[[], str]) -> None:
        """One thing that the entries say: a hard limit for each against the first, and a row where they differ."""
        first, *others = said
        named = field.replace("/", "_").replace("-", "_")
        different = []
        for other in others:
            self.work.one_of(f"{other}_{named}", said[other], [said[first]], hard=True)
            if not _alike(said[first], said[other]):
                different.append(other)
        if different:
            words = ", ".join(f"{_CALLED[entry]} says {value}" for entry, value in said.items())
            text = f"{words[0].upper()}{words[1:]}. {means()}".strip()
            self.rows.append({"field": field, **said, "text": text})


def _alike(one: object, other: object) -> bool:
    if isinstance(one, Value) and isinstance(other, Value):
        return (one.amount, one.unit) == (other.amount, other.unit)
    return one == other


@calculator("three-way-check")
def three_way_check(
    work: Worksheet,
    *,
    order: OrderEntry,
    compounding: SyringeEntry,
    programme: ProgrammeEntry,
) -> None:
    """What order, syringe and programme say differently, and what the patient would get.

        delivered_daily_dose = programmed_flow_rate * concentration in the syringe

    Parameters
    ----------
    order : pump, fill_volume, components (first is primary) and daily_dose of the primary, as ordered
    compounding : final_volume and components, as the label of the syringe says
    programme : pump, reservoir_volume, components, daily_dose of the primary, as the programmer shows

    Returns
    -------
    mismatches: each with field, order, compounding, programme (where that entry says something of it) and text, its
    size and meaning in words; empty when all agree. delivered: for each drug of the syringe daily_dose, what the
    programme would really deliver [mg/day or mcg/day], and what was ordered. recomputed: of the primary drug, each
    of dose, flow and concentration from the two entries that do not state it, beside what was entered

    Limits
    ------
    each entry is held to the order, field by field: hard. reservoir_volume and the volumes at most
    ``reservoir_volume`` of the pump

    Source
    ------
    [definition] flow times concentration
    """
    entries: dict[str, OrderEntry | SyringeEntry | ProgrammeEntry] = {
        "order": order,
        "compounding": compounding,
        "programme": programme,
    }
    for entry, stated in entries.items():
        drugs = [work.drug(each.drug, f"/{entry}/components/{n}/drug") for n, each in enumerate(stated.components)]
        work.refuse_duplicates(drugs, f"/{entry}/components")
    device = work.pump(order.pump, "/order/pump")
    work.pump(programme.pump, "/programme/pump")
    strengths = {
        entry: {
            each.drug: work.given(f"{entry}_concentration_of_{each.drug}", each.concentration, each.drug)
            for each in stated.components
        }
        for entry, stated in entries.items()
    }
    found = _Comparison(work)
    found.compare("pump", {"order": order.pump, "programme": programme.pump}, lambda: "Which pump is it?")
    _volumes(work, found, device, order, compounding, programme)
    _solutions(work, found, entries, strengths)
    flow = _flows(work, found, order, programme, strengths)
    work.answer_with("mismatches", found.rows)
    work.answer_with("delivered", [_delivered(work, drug, flow, strengths) for drug in strengths["compounding"]])
    primaries = {stated.components[0].drug for stated in entries.values()}
    if len(primaries) == 1:
        work.answer_with("recomputed", _recomputed(work, primaries.pop(), flow, strengths))
    work.note(
        "three-way-check",
        f"{len(found.rows)} of the things entered do not agree. Do not start: find out which entry is right."
        if found.rows
        else "Order, syringe and programme agree in everything that was entered.",
    )


def _volumes(
    work: Worksheet,
    found: _Comparison,
    device: Pump,
    order: OrderEntry,
    compounding: SyringeEntry,
    programme: ProgrammeEntry,
) -> None:
    """20 mL filled and 40 mL programmed is a pump that runs dry while it counts on as if it were half full."""
    volumes = {
        "order": work.given("order_fill_volume", order.fill_volume),
        "compounding": work.given("compounding_final_volume", compounding.final_volume),
        "programme": work.given("programme_reservoir_volume", programme.reservoir_volume),
    }
    for entry, volume in volumes.items():
        work.at_most(volume, device.reservoir_volume, f"{entry}_in_reservoir_volume")

    def means() -> str:
        filled, counted, holds = volumes["compounding"], volumes["programme"], device.reservoir_volume.quantity
        said = []
        if holds is not None and max(volume.amount for volume in volumes.values()) > holds.amount:
            said.append(f"The reservoir of the {device.label} holds {holds}: more is impossible.")
        if counted.amount > filled.amount:
            left = replace(counted, amount=counted.amount - filled.amount)
            said.append(f"The pump would be empty while it still counts {left}, and no alarm would come.")
        elif counted.amount < filled.amount:
            said.append("The alarm would come before it is due.")
        return " ".join(said)

    found.compare("fill_volume", volumes, means)


def _solutions(
    work: Worksheet, found: _Comparison, entries: dict[str, Any], strengths: dict[str, dict[str, Value]]
) -> None:
    """Which drugs, the primary first, and how strong each is."""
    found.compare(
        "drugs",
        {entry: " + ".join(each.drug for each in stated.components) for entry, stated in entries.items()},
        lambda: "One of them is not what the patient is to get.",
    )
    for drug in dict.fromkeys(drug for held in strengths.values() for drug in held):
        said = {entry: held[drug] for entry, held in strengths.items() if drug in held}

        def means(said: dict[str, Value] = said) -> str:
            if not {"compounding", "programme"} <= set(said):
                return ""
            filled, counted = said["compounding"], said["programme"]
            if filled.amount == counted.amount:
                return "The syringe and the programme agree with each other, not with the order."
            return f"The patient would get {how_far(filled, counted)} the dose that the pump shows."

        found.compare(f"{drug}/concentration", said, means)


def _flows(
    work: Worksheet,
    found: _Comparison,
    order: OrderEntry,
    programme: ProgrammeEntry,
    strengths: dict[str, dict[str, Value]],
) -> Value:
    """What the programme makes the pump do: its flow."""
    doses, flows = {}, {}
    for entry, stated in (("order", order), ("programme", programme)):
        primary = stated.components[0].drug
        doses[entry] = work.given(f"{entry}_daily_dose", stated.daily_dose, primary)
        flows[entry] = work.step(
            formulas.flow_rate,
            name=f"{entry}_flow_rate",
            daily_dose=doses[entry],
            concentration=strengths[entry][primary],
            show="mL/day",
        )

    def means(said: dict[str, Value]) -> Callable[[], str]:
        return lambda: f"The programme is {how_far(said['programme'], said['order'])} the order."

    found.compare("daily_dose", doses, means(doses))
    found.compare("flow_rate", flows, means(flows))
    return flows["programme"]


def _delivered(work: Worksheet, drug: str, flow: Value, strengths: dict[str, dict[str, Value]]) -> dict[str, Any]:
    """What the patient really gets of one drug, held to its own limits and to what was ordered of it."""
    strength = strengths["compounding"][drug]
    dose = work.step(
        formulas.daily_dose,
        name=f"delivered_daily_dose_of_{drug}",
        flow_rate=flow,
        concentration=strength,
        show=f"{strength.spelling.partition('/')[0]}/day",
    )
    check_daily_dose(work, work.drug(drug), dose)
    row: dict[str, Any] = {"drug": drug, "daily_dose": dose}
    if drug in strengths["order"]:
        ordered = work.step(
            formulas.daily_dose,
            name=f"ordered_daily_dose_of_{drug}",
            flow_rate=work.line("order_flow_rate"),
            concentration=strengths["order"][drug],
            show=dose.spelling,
        )
        row["ordered"] = ordered
        row["text"] = "as ordered" if dose.amount == ordered.amount else f"gives {how_far(dose, ordered)} the order"
    return row


def _recomputed(
    work: Worksheet, drug: str, flow: Value, strengths: dict[str, dict[str, Value]]
) -> list[dict[str, Any]]:
    """Each of the three from the other two: where one is wrong, this is what it would have to be."""
    dose, filled = work.line("order_daily_dose"), strengths["compounding"][drug]
    needed_flow = work.step(
        formulas.flow_rate, name="flow_rate_needed", daily_dose=dose, concentration=filled, show="mL/day"
    )
    needed_strength = work.step(
        formulas.concentration, name="concentration_needed", daily_dose=dose, flow_rate=flow, show=filled.spelling
    )
    return [
        {"of": "daily dose, by syringe and programme", "value": work.line(f"delivered_daily_dose_of_{drug}"),
         "entered": dose},
        {"of": "flow rate, by order and syringe", "value": needed_flow, "entered": flow},
        {"of": "concentration, by order and programme", "value": needed_strength, "entered": filled},
    ]  # fmt: skip
