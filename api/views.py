"""From rows of the store to what the service shows."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa

from api.models import Clinic, DeliveryView, Patient, Pump, RecordedRefill, RefillView, ReminderView, Schedule
from api.store.queries import plans
from pumpcalc.worksheet import Calculation

__all__ = ["clinic", "patient", "pump", "recorded", "refill", "reminders", "schedule"]


def _of(model: Any, row: sa.RowMapping, **more: Any) -> Any:
    return model(**{name: row[name] for name in model.model_fields if name not in more}, **more)


def clinic(row: sa.RowMapping) -> Clinic:
    """A clinic."""
    shown: Clinic = _of(Clinic, row)
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


def reminders(
    connection: sa.Connection, clinic_id: str, rows: Sequence[sa.RowMapping], pump_id: str | None = None
) -> list[ReminderView]:
    """Reminders with their copies, in the order given."""
    copies: dict[str, list[DeliveryView]] = {row["id"]: [] for row in rows}
    for copy in plans.deliveries_of(connection, clinic_id, list(copies)):
        copies[copy["reminder_id"]].append(_of(DeliveryView, copy))
    return [
        _of(
            ReminderView,
            row,
            deliveries=copies[row["id"]],
            pump_id=pump_id if pump_id is not None else row["pump_id"],
        )
        for row in rows
    ]


def recorded(connection: sa.Connection, clinic_id: str, refill_id: str) -> RecordedRefill:
    """A refill with its calculation and reminders."""
    row = plans.refill_by_id(connection, clinic_id, refill_id)
    assert row is not None
    rungs = plans.reminders_of_refill(connection, clinic_id, refill_id)
    return RecordedRefill(
        refill=refill(row),
        calculation=Calculation.model_validate_json(row["record"]),
        reminders=reminders(connection, clinic_id, rungs, row["pump_id"]),
    )


def schedule(connection: sa.Connection, clinic_id: str, pump_row: sa.RowMapping) -> Schedule:
    """The open refill of a pump with its calculation and reminders."""
    row = plans.open_refill(connection, clinic_id, pump_row["id"])
    if row is None:
        return Schedule(pump=pump(pump_row), refill=None, calculation=None, reminders=[])
    rungs = plans.reminders_of_refill(connection, clinic_id, row["id"])
    return Schedule(
        pump=pump(pump_row),
        refill=refill(row),
        calculation=Calculation.model_validate_json(row["record"]),
        reminders=reminders(connection, clinic_id, rungs, pump_row["id"]),
    )
