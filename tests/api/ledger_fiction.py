"""Events of a fictional pump, and what must be left as it was when one is refused."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from api_fiction import House, at

from api import house, ledger
from pumpcalc import Refusal, verify

DOSE = {"drug": "morphine", "daily_dose": "12 mg/day", "concentration": "20 mg/mL"}
"""Another dose than the 10 mg/day of MORPHINE."""
EMPTIED = {"withdrawn_volume": "0 mL", "left_volume": "0 mL"}


def happens(fiction: House, event: str, when: str, pump: str | None = None, **fields: Any) -> str:
    """An event that is recorded at the instant at which it happens."""
    body = {"event": event, "at": when, **fields}
    return ledger.record_event(fiction.store, fiction.clinic, pump or fiction.pump, body, at(when))


def refused(fiction: House, body: Any, now: dt.datetime) -> tuple[str, str]:
    """The code and the pointer of a refused event, which leaves nothing."""
    before = fiction.everything() | {"pump_event": fiction.rows("pump_event")}
    with pytest.raises(Refusal) as caught:
        ledger.record_event(fiction.store, fiction.clinic, fiction.pump, body, now)
    assert fiction.everything() | {"pump_event": fiction.rows("pump_event")} == before, "nothing is kept"
    return caught.value.problems[0].code, caught.value.problems[0].pointer


def refused_refill(fiction: House, body: dict[str, Any], now: dt.datetime) -> tuple[str, str, str]:
    before = fiction.everything() | {"pump_event": fiction.rows("pump_event")}
    with pytest.raises(Refusal) as caught:
        fiction.record(body, now)
    assert fiction.everything() | {"pump_event": fiction.rows("pump_event")} == before, "nothing is kept"
    problem = caught.value.problems[0]
    return problem.code, problem.pointer, problem.detail


def lines(fiction: House, pump: str | None = None) -> list[tuple[int, int, str]]:
    """Position, epoch and event of every line of a ledger."""
    rows = fiction.rows("pump_event", "position, epoch, event, pump_id")
    return [(row[0], row[1], row[2]) for row in rows if row[3] == (pump or fiction.pump)]


def held(fiction: House, now: dt.datetime) -> Any:
    with fiction.store.reading() as connection:
        clinic = house.clinic(connection, fiction.clinic)
        pump = house.pump_of(connection, fiction.clinic, fiction.pump)
        found = ledger.reservoir_now(connection, clinic, pump, now)
    verify(found.model_dump(mode="json"))
    return found.answers["volume"]
