"""How the tests ask about reservoirs: a visit, a ledger, and the events of one."""

from __future__ import annotations

from datetime import datetime, timedelta
from fractions import Fraction
from typing import Any

from asking import exact, refusal, solution

from pumpcalc import Calculation, calculate

FILLED_AT = "2026-01-05T09:00:00-05:00"


def visit(**changes: Any) -> dict[str, Any]:
    """A plain refill: 20 mL filled, 16 mL programmed, 4 mL withdrawn; with changes."""
    request = {
        "pump": "synchromed-ii-20",
        "fill_volume": "20 mL",
        "programmed_volume": "16 mL",
        "withdrawn_volume": "4 mL",
    } | changes
    return {field: value for field, value in request.items() if value is not None}


def fill(at: str = FILLED_AT, **changes: Any) -> dict[str, Any]:
    """20 mL of morphine 20 mg/mL go in."""
    plain = {"event": "fill", "at": at, "volume": "20 mL", "components": solution("morphine", "20 mg/mL")}
    return plain | changes


def programmed(
    at: str = FILLED_AT, dose: str = "8 mg/day", strength: str = "20 mg/mL", **changes: Any
) -> dict[str, Any]:
    """0.4 mL a day."""
    plain = {"event": "rate-change", "at": at, "drug": "morphine", "daily_dose": dose, "concentration": strength}
    return plain | changes


def event(kind: str, at: str, **more: Any) -> dict[str, Any]:
    return {"event": kind, "at": at, **more}


def withdrawal(at: str, volume: str, left: str = "0 mL", **more: Any) -> dict[str, Any]:
    return event("withdraw", at, volume=volume, left_volume=left, **more)


def reservoir(*events: dict[str, Any], at: str, **changes: Any) -> dict[str, Any]:
    """A request for the state at an instant."""
    request = {"pump": "synchromed-ii-20", "low_reservoir_alarm_volume": "2 mL", "events": list(events), "at": at}
    return request | changes


START = datetime.fromisoformat(FILLED_AT)


def day(days: float, hours: float = 0) -> str:
    """So long after the fill."""
    return (START + timedelta(days=days, hours=hours)).isoformat()


def asked(*events: dict[str, Any], at: str, **changes: Any) -> Calculation:
    return calculate("reservoir-state", reservoir(*events, at=at, **changes))


def refused(*events: dict[str, Any], code: str, pointer: str, at: str = "", **changes: Any) -> str:
    """The sentence with which the events are refused."""
    request = reservoir(*events, at=at or day(400), **changes)
    return refusal("reservoir-state", request, code, pointer).detail


def said(found: Calculation, code: str) -> str:
    """The one note of this code."""
    (text,) = [note.text for note in found.notes if note.code == code]
    return text


def volume_of(found: Calculation) -> Fraction:
    """The volume in the reservoir, exactly."""
    return exact(found, found.answer_lines["/volume"])


def new_start(at: str, dose: str, drug: str = "morphine", strength: str = "20 mg/mL") -> dict[str, Any]:
    return event("new-start", at, drug=drug, daily_dose=dose, concentration=strength)
