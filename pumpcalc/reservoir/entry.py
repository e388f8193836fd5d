"""The entries of a ledger as a request writes them: one shape, of which each kind of event has its own fields."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields
from datetime import datetime
from fractions import Fraction
from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field, WithJsonSchema

from pumpcalc.delivery import Component
from pumpcalc.errors import Refusal, echo, refused
from pumpcalc.quantities import DRUG_MASS, NUMBER, Quantity, read, read_number
from pumpcalc.reservoir import events
from pumpcalc.reservoir.ledger import Ledger
from pumpcalc.worksheet.fields import (
    ConcentrationField,
    DailyDoseField,
    Days,
    DrugName,
    FlowRateField,
    Instant,
    Request,
    VolumeOrZeroField,
    read_identifier,
    strictly,
)

__all__ = ["ReservoirEvent", "record_all"]

_MOST_COMPONENTS = 50
_KINDS: dict[str, type[events.Entry]] = {
    "fill": events.Fill,
    "withdraw": events.Withdraw,
    "rate-change": events.RateChange,
    "new-start": events.NewStart,
    "bolus-log": events.BolusLog,
    "stop": events.Stop,
    "resume": events.Resume,
    "mri": events.Mri,
    "interrogation": events.Interrogation,
    "reversal": events.Reversal,
}


def _count(value: Any) -> Fraction:
    """How many boluses, a whole number."""
    number = read_number(value)
    if number.denominator != 1:
        raise refused("whole-number", f'{echo(value)} is not a number of boluses: write a whole one, such as "6".')
    return number


_IdField = Annotated[
    str,
    strictly(read_identifier),
    WithJsonSchema({"type": "string", "pattern": "^[a-zA-Z0-9][a-zA-Z0-9-]{0,39}$", "examples": ["fill-of-january"]}),
]
_CountField = Annotated[
    Fraction, strictly(_count), WithJsonSchema({"type": "string", "pattern": f"^{NUMBER}$", "examples": ["6"]})
]
_MassField = Annotated[
    Quantity,
    strictly(lambda value: read(value, DRUG_MASS)),
    WithJsonSchema({"type": "string", "pattern": f"^{NUMBER} (?:mg|mcg)$", "examples": ["0.5 mg"]}),
]


class ReservoirEvent(Request):
    """One entry of the ledger. Which fields it has depends on its event."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "event": "fill",
                    "at": "2026-01-05T09:00:00-05:00",
                    "volume": "20 mL",
                    "components": [{"drug": "morphine", "concentration": "20 mg/mL"}],
                }
            ]
        }
    )

    event: Literal[
        "fill",
        "withdraw",
        "rate-change",
        "new-start",
        "bolus-log",
        "stop",
        "resume",
        "mri",
        "interrogation",
        "reversal",
    ]
    id: _IdField | None = None
    at: Instant | None = None
    recorded_at: Instant | None = None
    volume: VolumeOrZeroField | None = None
    components: Annotated[list[Component], Field(max_length=_MOST_COMPONENTS)] | None = None
    programmed_reservoir_volume: VolumeOrZeroField | None = None
    left_volume: VolumeOrZeroField | None = None
    flow_rate: FlowRateField | None = None
    drug: DrugName | None = None
    daily_dose: DailyDoseField | None = None
    concentration: ConcentrationField | None = None
    boluses: _CountField | None = None
    dose_per_bolus: _MassField | None = None
    stopped_for: Days | None = None
    of: _IdField | None = None


_NEEDED = {
    "fill": ("at", "volume", "components"),
    "withdraw": ("at", "volume", "left_volume"),
    "new-start": ("at", "drug", "daily_dose", "concentration"),
    "reversal": ("of",),
}
"""Every other event needs its instant."""


def record_all(ledger: Ledger, listed: Sequence[ReservoirEvent]) -> Ledger:
    """The ledger with every entry of a request, in their order. Raises Refusal, pointing at the entry."""
    for position, each in enumerate(listed):
        try:
            entry = _entry(ledger, position, each)
        except Refusal as refusal:
            raise Refusal([problem.at(f"/events/{position}") for problem in refusal.problems]) from None
        ledger = ledger.record(entry)
    return ledger


def _entry(ledger: Ledger, position: int, written: ReservoirEvent) -> events.Entry:
    kind = _KINDS[written.event]
    stated = {name: value for name, value in written if name != "event" and value is not None}
    own = {each.name for each in fields(kind)}
    for name in stated:
        if name not in own:
            raise refused(
                "unknown-field",
                f"{echo(name)} is not a field of {written.event}; its fields are {', '.join(sorted(own))}.",
                f"/{name}",
                allowed=sorted(own),
            )
    for name in _NEEDED.get(written.event, ("at",)):
        if name not in stated:
            raise refused("missing", f"{name} is missing: {written.event} needs it{_HINTS.get(name, '')}.", f"/{name}")
    for name in ("at", "recorded_at"):
        if name in stated:
            stated[name] = stated[name].replace(microsecond=0)
    if "components" in stated:
        stated["components"] = tuple((each.drug, each.concentration) for each in written.components or ())
    if "boluses" in stated:
        stated["boluses"] = Quantity(stated["boluses"], events.COUNT, "1")
    stated.setdefault("id", f"event-{position + 1}")
    stated.setdefault("recorded_at", _recorded(ledger, stated))
    return kind(**stated)


_HINTS = {
    "at": ", such as 2026-01-05T09:00:00-05:00",
    "left_volume": ': write what was left in the reservoir, "0 mL" when it was emptied',
    "components": ": write [] for saline",
}


def _recorded(ledger: Ledger, stated: dict[str, Any]) -> datetime:
    """The earliest instant at which an entry can have been written where it stands."""
    instants = [entry.recorded_at for entry in ledger.entries[-1:]]
    if "at" in stated:
        instants.append(stated["at"])
    if not instants:
        raise refused("unknown-event", "There is no entry to reverse.", "/of")
    return max(instants)
