"""What a pump waits for is worked out again, because something that it rests on has changed.

It rests on its open refill, on the ledger of its reservoir, on the settings of its clinic and on the drug library.
"""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import sqlalchemy as sa

from api import plans
from api.house import clinic as clinic_row
from api.house import pump_of
from api.refills import due_of, keep_calculation, refill_request, scheduled, with_house
from api.reservoirs import Reservoir, by_ledger, in_words, reservoir_of
from api.store import Store, new_id
from api.store.queries import house, records
from api.store.queries import plans as plans_queries
from api.store.types import Row
from api.unmeasured import Unmeasured
from pumpcalc import calculate
from pumpcalc.errors import Refusal

__all__ = ["replan", "replan_now"]


def replan(store: Store, clinic_id: str, pump_id: str, now: dt.datetime) -> bool:
    """Work out again what a pump waits for, because something that it rests on has changed. Whether that moved.

    One transaction. A fill whose schedule can no longer be worked out becomes an alert that its last safe day is
    unknown. What a pump without a running fill waits for stays as it is.
    """
    with store.writing() as connection:
        clinic = clinic_row(connection, clinic_id, lock=True)
        pump = pump_of(connection, clinic_id, pump_id, lock=True)
        if pump["stale_why"] is None:
            return False
        return replan_now(connection, clinic, pump, pump["stale_why"], now)


def replan_now(connection: sa.Connection, clinic: Row, pump: Row, why: str, now: dt.datetime) -> bool:
    """The same, inside the transaction of the caller, who has locked the pump and then read the clinic.

    What follows rests on the ledger and on the settings alone, not on ``now``: a plan that is worked out again without
    anything having changed says the same.
    """
    if why == "clock":
        return _told_anew(connection, clinic, pump, now)
    refill = records.open_refill(connection, clinic["id"], pump["id"])
    held = reservoir_of(connection, clinic, pump)
    kept = held if held.is_kept else None
    if refill is None or pump["state"] == "explanted" or (kept is None and pump["state"] != "active"):
        house.clear_stale(connection, clinic["id"], pump["id"])
        return False
    if kept is not None and kept.no_date is not None:
        return _without_date(connection, clinic, pump, kept, now)
    running = {**pump, "state": "active"}
    request = json.loads(refill["request"])
    rests_on = None
    try:
        asked = _asked_again(clinic, pump, request)
        if isinstance(kept, Reservoir) and not kept.runs_as_filled(request):
            rests_on, since = by_ledger(clinic, pump, kept, request)
            asked |= since
        calculation = scheduled(clinic, asked)
    except Refusal as refusal:
        detail = refusal.problems[0].detail
        plans.open_unknown(connection, clinic, running, "not-computable", now, detail=detail)
        return True
    due = due_of(calculation, new_id("calculation"), refill["id"], refill["fill_date"])
    if why != "reminders" and plans.same_as_open(connection, pump, due):
        house.clear_stale(connection, clinic["id"], pump["id"])
        return False
    if rests_on is not None:
        volume = keep_calculation(connection, clinic["id"], rests_on, now)
        due = replace(due, detail=in_words(request, rests_on, volume))
    keep_calculation(connection, clinic["id"], calculation, now, due.calculation_id, rests_on)
    plans.open_date(connection, clinic, running, due, why, now)
    return True


def _told_anew(connection: sa.Connection, clinic: Row, pump: Row, now: dt.datetime) -> bool:
    """The open plan as it is, with reminders of its own time: those that it has, a clock made that was ahead."""
    plan = plans_queries.plan_by_id(connection, clinic["id"], pump["plan_id"])
    assert plan is not None
    if plan["kind"] == "unknown":
        plans.open_unknown(connection, clinic, pump, plan["why"], now, detail=plan["detail"])
        return True
    refill = records.refill_by_id(connection, clinic["id"], plan["refill_id"])
    assert refill is not None
    told = {name: plan[name] for name in (*plans.SAID, "calculation_id", "detail")}
    plans.open_date(connection, clinic, pump, plans.Due(fill_date=refill["fill_date"], **told), "clock", now)
    return True


def _without_date(
    connection: sa.Connection, clinic: Row, pump: Row, held: Reservoir | Unmeasured, now: dt.datetime
) -> bool:
    """An alert that no last safe day can be stated, unless the open plan is that alert already."""
    assert held.no_date is not None
    if pump["state"] == held.pump_state and plans.same_alert(connection, pump, held.no_date):
        house.clear_stale(connection, clinic["id"], pump["id"])
        return False
    detail = None
    alarm = clinic["low_reservoir_alarm_volume"]
    if isinstance(held, Reservoir) and held.no_date == "possibly-empty" and alarm is not None:
        assert held.last_at is not None
        suspicion = calculate("reservoir-state", held.question(pump["model"], alarm, held.last_at))
        keep_calculation(connection, clinic["id"], suspicion, now)
        detail = next(note.text for note in suspicion.notes if note.code == "restart-as-naive")
    plans.open_unknown(connection, clinic, pump, held.no_date, now, state=held.pump_state, detail=detail)
    return True


def _asked_again(clinic: Row, pump: Row, request: Mapping[str, Any]) -> dict[str, Any]:
    """The request of a recorded refill, with what the pump and the clinic say now."""
    own = {name: value for name, value in request.items() if name in refill_request().model_fields}
    return with_house(clinic, pump, own)
