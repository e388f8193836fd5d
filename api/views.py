"""From rows of the store to what the service shows."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa

from api.models import (
    Board,
    BoardRow,
    Clinic,
    Contact,
    DeliveryView,
    EventView,
    FactUse,
    Patient,
    Person,
    PlanView,
    Pump,
    RecordedEvent,
    RecordedRefill,
    RefillView,
    ReminderView,
    ResponseView,
    Schedule,
)
from api.store.queries import events, outbox, plans, records
from pumpcalc.worksheet import Calculation

__all__ = [
    "board",
    "clinic",
    "contact",
    "event",
    "fact_use",
    "happened",
    "patient",
    "person",
    "plan",
    "pump",
    "recorded",
    "refill",
    "reminders",
    "response",
    "schedule",
]

_POLICIES = ("accuracy_caps_interval", "beyond_use_caps_interval")


def _of(model: Any, row: sa.RowMapping, **more: Any) -> Any:
    return model(**{name: row[name] for name in model.model_fields if name not in more}, **more)


def clinic(row: sa.RowMapping) -> Clinic:
    """A clinic."""
    policies = {name: None if row[name] is None else row[name] == "yes" for name in _POLICIES}
    shown: Clinic = _of(Clinic, row, **policies)
    return shown


def person(row: sa.RowMapping) -> Person:
    """A person of a clinic."""
    shown: Person = _of(Person, row)
    return shown


def contact(row: sa.RowMapping) -> Contact:
    """A contact."""
    address = _address(row["channel"], row["address"])
    shown: Contact = _of(Contact, row, address=address, digest=row["digest"] == "yes")
    return shown


def _address(channel: str, address: str) -> str:
    """Where something goes. Of an address that is itself a secret only the place is shown."""
    if channel == "email":
        return address
    scheme, _, rest = address.partition("://")
    place = rest.partition("/")[0].rpartition("@")[2] if channel == "webhook" else ""
    return f"{scheme}://{place}..."


def _delivery(row: sa.RowMapping) -> DeliveryView:
    shown: DeliveryView = _of(DeliveryView, row, recipient=_address(row["channel"], row["recipient"]))
    return shown


def plan(row: sa.RowMapping) -> PlanView:
    """What a pump waits for."""
    shown: PlanView = _of(PlanView, row)
    return shown


def response(row: sa.RowMapping) -> ResponseView:
    """What a person answered."""
    shown: ResponseView = _of(ResponseView, row)
    return shown


def patient(row: sa.RowMapping) -> Patient:
    """A patient."""
    shown: Patient = _of(Patient, row)
    return shown


def pump(row: sa.RowMapping) -> Pump:
    """A pump."""
    shown: Pump = _of(Pump, row)
    return shown


def refill(row: sa.RowMapping) -> RefillView:
    """A refill."""
    shown: RefillView = _of(RefillView, row, request=json.loads(row["request"]))
    return shown


def event(row: sa.RowMapping) -> EventView:
    """One line of a ledger."""
    shown: EventView = _of(EventView, row, written=json.loads(row["written"]))
    return shown


def happened(connection: sa.Connection, pump_row: sa.RowMapping, event_id: str) -> RecordedEvent:
    """An event that was recorded, and what its pump waits for since."""
    found = plans.plan_by_id(connection, pump_row["clinic_id"], pump_row["plan_id"])
    assert found is not None
    line = events.event_by_id(connection, pump_row["clinic_id"], event_id)
    return RecordedEvent(event=event(line), pump=pump(pump_row), plan=plan(found))


def fact_use(row: sa.RowMapping) -> FactUse:
    """One calculation that used a figure."""
    shown: FactUse = _of(FactUse, row)
    return shown


def reminders(
    connection: sa.Connection, clinic_id: str, rows: Sequence[sa.RowMapping], of: sa.RowMapping | None = None
) -> list[ReminderView]:
    """Reminders with their copies, in the order given; ``of`` is their plan, where it does not stand in each row."""
    copies: dict[str, list[DeliveryView]] = {row["id"]: [] for row in rows}
    for copy in plans.deliveries_of(connection, clinic_id, list(copies)):
        copies[copy["reminder_id"]].append(_delivery(copy))
    return [
        _of(
            ReminderView,
            row,
            deliveries=copies[row["id"]],
            pump_id=(of or row)["pump_id"],
            refill_id=(of or row)["refill_id"],
        )
        for row in rows
    ]


def recorded(connection: sa.Connection, clinic_id: str, refill_id: str) -> RecordedRefill:
    """A refill with its calculation, and the reminders of the plan that it opened."""
    row = records.refill_by_id(connection, clinic_id, refill_id)
    assert row is not None
    opened = plans.plan_of_refill(connection, clinic_id, refill_id)
    lines = events.events_of_refill(connection, clinic_id, row["pump_id"], refill_id)
    checks = [line["calculation_id"] for line in lines if line["calculation_id"] is not None]
    residual = records.calculation_by_id(connection, clinic_id, checks[0])["record"] if checks else None
    rungs = plans.reminders_of_plan(connection, clinic_id, opened["id"])
    return RecordedRefill(
        refill=refill(row),
        plan=plan(opened),
        calculation=Calculation.model_validate_json(row["record"]),
        reminders=reminders(connection, clinic_id, rungs, opened),
        events=[event(line) for line in lines],
        residual=None if residual is None else Calculation.model_validate_json(residual),
    )


def schedule(connection: sa.Connection, clinic_id: str, pump_row: sa.RowMapping) -> Schedule:
    """What a pump waits for, and the fill in it."""
    row = records.open_refill(connection, clinic_id, pump_row["id"])
    found = None if pump_row["plan_id"] is None else plans.plan_by_id(connection, clinic_id, pump_row["plan_id"])
    rungs = [] if found is None else plans.reminders_of_plan(connection, clinic_id, found["id"])
    answers = [] if found is None else plans.responses_of(connection, clinic_id, [found["id"]])
    record = found["record"] if found is not None else None
    return Schedule(
        pump=pump(pump_row),
        plan=None if found is None else plan(found),
        refill=None if row is None else refill(row),
        calculation=None if record is None else Calculation.model_validate_json(record),
        reminders=reminders(connection, clinic_id, rungs, found),
        responses=[response(answer) for answer in answers],
    )


def board(connection: sa.Connection, clinic_id: str, today: dt.date) -> Board:
    """Everything that waits at a clinic on its day ``today``."""
    rows = plans.board(connection, clinic_id)
    last: dict[str, sa.RowMapping] = {
        answer["plan_id"]: answer for answer in plans.responses_of(connection, clinic_id, [row["id"] for row in rows])
    }
    told = plans.last_told(connection, clinic_id)
    shown = []
    for row in rows:
        answer = last.get(row["id"])
        queued = told.get(row["id"])
        shown.append(
            BoardRow(
                pump_id=row["pump_id"],
                reference=row["reference"],
                model=row["model"],
                state=row["state"],
                plan=plan(row),
                days_left=None if row["refill_by"] is None else (row["refill_by"] - today).days,
                reminders_sent=row["reminders_sent"],
                last_response=None if answer is None else response(answer),
                needs_someone=queued is not None and (answer is None or answer["recorded_at"] < queued),
            )
        )
    dead = [_delivery(row) for row in plans.dead_deliveries(connection, clinic_id)]
    critical = any(row["severity"] == "critical" for row in rows)
    return Board(
        today=today,
        rows=shown,
        dead_deliveries=dead,
        critical_on_one_channel=critical and len(_channels(connection, clinic_id)) < 2,
    )


def _channels(connection: sa.Connection, clinic_id: str) -> set[str]:
    """By what the reminders of a clinic go."""
    contacts = {row["channel"] for row in outbox.contacts_of(connection, [clinic_id])}
    mailbox = outbox.clinics_with(connection, [clinic_id])[clinic_id]["reminder_email"]
    return contacts if mailbox is None else contacts | {"email"}
