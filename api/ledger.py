"""What happens to a pump: recorded in its ledger, and what the pump waits for is worked out again, together or not.

Nothing is changed and nothing is erased. A mistake is taken back by a reversal; what is recorded late takes its place
in time. A pump that is stopped, whose state nobody knows, or that may have been empty has no date: it has an alert.
"""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Mapping
from functools import cache
from typing import Any, Literal

import sqlalchemy as sa
from pydantic import create_model

from api import plans
from api.house import clinic as clinic_row
from api.house import pump_of, today, understood
from api.problems import NotFound
from api.replanning import replan_now
from api.reservoirs import Reservoir, keep, reservoir_of
from api.store import Store, new_id
from api.store.queries import events, records
from api.store.types import Row
from api.unmeasured import Unmeasured
from pumpcalc import calculate, library
from pumpcalc.errors import Refusal, refused
from pumpcalc.reservoir.entry import ReservoirEvent
from pumpcalc.worksheet import Calculation
from pumpcalc.worksheet.fields import Calendar, Request, written_request

__all__ = ["ExplantRequest", "event_request", "explant", "record_event", "reservoir_now"]

_OURS = ("event", "id", "recorded_at", "components", "programmed_reservoir_volume")
"""Fields of a ledger's event that are not the body's to say, and those that only a fill has."""

Happening = Literal[
    "withdraw", "rate-change", "new-start", "bolus-log", "stop", "resume", "mri", "interrogation", "reversal"
]


class ExplantRequest(Request):
    """A pump was taken out, on this day at the clinic."""

    on: Calendar


@cache
def event_request() -> type[Request]:
    """The body of an event: one of the ledger's, without what a fill has and without what the service gives."""
    own = {name: field for name, field in ReservoirEvent.model_fields.items() if name not in _OURS}
    fields: dict[str, Any] = {"event": (Happening, ...)}
    fields |= {name: (field.annotation, field) for name, field in own.items()}
    return create_model(
        "PumpEventRequest",
        __base__=Request,
        __doc__="Something that happened to a pump. Which fields it has depends on its event.",
        **fields,
    )


def record_event(store: Store, clinic_id: str, pump_id: str, body: Any, now: dt.datetime) -> str:
    """Keep what happened to a pump, and work out again what it waits for, in one transaction. The id of the event.

    The core's ledger takes the event after everything that is recorded, or refuses it. Of a pump whose reservoir volume
    nobody has read it is kept only whether it runs. Raises NotFound for a clinic or
    pump that is not there, and Refusal, pointing at the field of the body, for an event that cannot be so; then nothing
    is kept.
    """
    event = _understood(body, now)
    with store.writing() as connection:
        pump, clinic = _standing(connection, clinic_id, pump_id)
        held = reservoir_of(connection, clinic, pump)
        _not_a_fill(held, event)
        try:
            after = held.recorded([event], now)
        except Refusal as refusal:
            # Every pointer begins with /0: the one event that was listed.
            raise Refusal(
                problem.model_copy(update={"pointer": problem.pointer.removeprefix("/0")})
                for problem in refusal.problems
            ) from None
        kept = keep(connection, pump, after, now)[-1]
        replan_now(connection, clinic, pump, event["event"], now)
        return kept


def _standing(connection: sa.Connection, clinic_id: str, pump_id: str) -> tuple[Row, Row]:
    """A pump, locked, and its clinic. Raises Refusal for a pump that is explanted: nothing happens to it any more."""
    pump = pump_of(connection, clinic_id, pump_id, lock=True)
    if pump["state"] == "explanted":
        raise refused("pump-not-active", "This pump is explanted, so nothing is recorded of it any more.")
    return pump, clinic_row(connection, clinic_id)


def _understood(body: Any, now: dt.datetime) -> dict[str, Any]:
    """The event of a body, as a ledger writes it."""
    if isinstance(body, Mapping) and body.get("event") == "fill":
        raise refused(
            "fill-is-a-refill",
            "A fill is recorded as a refill, with POST .../refills: its last safe day and its reminders come with it.",
            "/event",
        )
    event: dict[str, Any] = written_request(understood(event_request(), body))
    if "at" in event:
        at = dt.datetime.fromisoformat(event["at"]).replace(microsecond=0)
        if at > now:
            raise refused("not-happened-yet", "This instant is still to come: a ledger holds what has happened.", "/at")
        event["at"] = at.isoformat()
    return event


def _not_a_fill(held: Reservoir | Unmeasured, event: Mapping[str, Any]) -> None:
    """Raises Refusal for the reversal of a fill, which would leave its refill without one."""
    fills = {each["id"] for each in held.written if each["event"] == "fill"}
    if event["event"] == "reversal" and event.get("of") in fills:
        raise refused(
            "not-reversible",
            "A fill belongs to its refill and is not taken back here: record the refill as it was. Without "
            "withdrawn_volume its fill counts as the whole content.",
            "/of",
        )


def explant(store: Store, clinic_id: str, pump_id: str, body: Any, now: dt.datetime) -> None:
    """A pump was taken out: its plan ends, no other begins, and nothing can be recorded of it afterwards.

    Raises NotFound for a clinic or pump that is not there, and Refusal for a pump that is explanted already, or for a
    day that has not come yet or lies before its implantation.
    """
    request = understood(ExplantRequest, body)
    with store.writing() as connection:
        pump, clinic = _standing(connection, clinic_id, pump_id)
        if request.on > today(clinic, now):
            raise refused(
                "not-happened-yet",
                f"{request.on} has not come yet at the clinic, where it is {today(clinic, now)}: an explantation is "
                "recorded when it is done.",
                "/on",
            )
        if pump["implanted_on"] is not None and request.on < pump["implanted_on"]:
            raise refused(
                "out-of-range", f"This pump was implanted on {pump['implanted_on']}: write that day or a later one.",
                "/on",
            )  # fmt: skip
        last = events.last_epoch(connection, clinic_id, pump_id)[-1:]
        line = {
            "clinic_id": clinic_id,
            "id": new_id("event"),
            "pump_id": pump_id,
            "position": last[0]["position"] + 1 if last else 1,
            "epoch": last[0]["epoch"] if last else 1,
            "event": "explant",
            "written": json.dumps({"event": "explant", "on": request.on.isoformat()}),
            "recorded_at": now,
        }
        events.add_events(connection, [line])
        records.close_open_refill(connection, clinic_id, pump_id, now)
        plans.close_plan(connection, pump, now)


def reservoir_now(connection: sa.Connection, clinic: Row, pump: Row, now: dt.datetime) -> Calculation:
    """What the reservoir holds and does now, from everything that is recorded.

    Raises NotFound for a pump of which no fill is recorded or that is explanted, and Refusal when the clinic has not
    stated its alarm volume or the library does not hold the volume of the reservoir.
    """
    held = reservoir_of(connection, clinic, pump)
    if isinstance(held, Unmeasured):
        library.load().pump(pump["model"]).reservoir_volume.required()
    if isinstance(held, Unmeasured) or held.state is None or pump["state"] == "explanted":
        raise NotFound("reservoir")
    alarm = clinic["low_reservoir_alarm_volume"]
    if alarm is None:
        raise refused(
            "clinic-setting-missing",
            "The clinic has not stated its low_reservoir_alarm_volume: state it with PATCH "
            f'/v1/clinics/{clinic["id"]}, written as "2 mL".',
        )
    return calculate("reservoir-state", held.question(pump["model"], alarm, now))
