"""Calculations, refills and reminders. A changed plan closes the old one; it never edits history."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import sqlalchemy as sa

from api.store.tables import calculation, delivery, pump, refill, reminder

__all__ = [
    "add_calculation",
    "add_refill",
    "add_reminders",
    "cancel_reminders",
    "cancel_undelivered",
    "close_open_refill",
    "deliveries_of",
    "due_list",
    "lock_reminders",
    "open_plans",
    "open_refill",
    "refill_by_id",
    "refills_after",
    "reminders_after",
    "reminders_of_refill",
]

Row = sa.RowMapping

_ROWS_AT_A_TIME = 100


def add_calculation(connection: sa.Connection, values: Mapping[str, Any]) -> None:
    """Keep a record of the core, word for word."""
    connection.execute(sa.insert(calculation), [dict(values)])


def add_refill(connection: sa.Connection, values: Mapping[str, Any]) -> None:
    """Keep a new refill, which is then the open one of its pump."""
    connection.execute(sa.insert(refill), [dict(values)])


def add_reminders(connection: sa.Connection, rungs: Sequence[Mapping[str, Any]]) -> None:
    """Keep every rung of a ladder."""
    connection.execute(sa.insert(reminder), [dict(rung) for rung in rungs])


def _open(clinic_id: str, pump_id: str) -> sa.ColumnElement[bool]:
    return sa.and_(refill.c.clinic_id == clinic_id, refill.c.pump_id == pump_id, refill.c.superseded_at.is_(None))


def close_open_refill(connection: sa.Connection, clinic_id: str, pump_id: str, now: dt.datetime) -> str | None:
    """Close the open refill of a pump, if there is one. Its id."""
    statement = sa.update(refill).where(_open(clinic_id, pump_id)).values(superseded_at=now).returning(refill.c.id)
    return connection.execute(statement).scalar_one_or_none()


def lock_reminders(connection: sa.Connection, clinic_id: str, refill_id: str) -> None:
    """Wait for whoever is queueing a reminder of this refill, and keep others away until the transaction ends.

    After it, every copy that was queued is seen by ``cancel_undelivered``, and no new one comes.
    """
    statement = sa.select(reminder.c.id).where(reminder.c.clinic_id == clinic_id, reminder.c.refill_id == refill_id)
    connection.execute(statement.order_by(reminder.c.id).with_for_update(key_share=True)).all()


def cancel_undelivered(connection: sa.Connection, clinic_id: str, refill_id: str) -> int:
    """Take back the copies of a closed refill's reminders that have not been sent. How many."""
    of_refill = sa.select(reminder.c.id).where(reminder.c.clinic_id == clinic_id, reminder.c.refill_id == refill_id)
    statement = (
        sa.update(delivery)
        .where(
            delivery.c.clinic_id == clinic_id,
            delivery.c.state == "pending",
            delivery.c.reminder_id.in_(of_refill),
        )
        .values(state="cancelled", lease_owner=None, lease_until=None)
    )
    return connection.execute(statement).rowcount


def cancel_reminders(connection: sa.Connection, clinic_id: str, refill_id: str) -> int:
    """Cancel a closed refill's reminders that are not due yet or whose copy was taken back. How many."""
    taken_back = sa.exists().where(
        delivery.c.clinic_id == reminder.c.clinic_id,
        delivery.c.reminder_id == reminder.c.id,
        delivery.c.state == "cancelled",
    )
    statement = (
        sa.update(reminder)
        .where(reminder.c.clinic_id == clinic_id, reminder.c.refill_id == refill_id)
        .where(sa.or_(reminder.c.state == "pending", taken_back))
        .values(state="cancelled")
    )
    return connection.execute(statement).rowcount


def _with_record() -> sa.Select[Any]:
    joined = refill.join(
        calculation,
        sa.and_(calculation.c.clinic_id == refill.c.clinic_id, calculation.c.id == refill.c.calculation_id),
    )
    return sa.select(refill, calculation.c.record).select_from(joined)


def open_refill(connection: sa.Connection, clinic_id: str, pump_id: str) -> Row | None:
    """The open refill of a pump with its calculation's record, if it has one."""
    return connection.execute(_with_record().where(_open(clinic_id, pump_id))).mappings().one_or_none()


def refill_by_id(connection: sa.Connection, clinic_id: str, refill_id: str) -> Row | None:
    """One refill of this clinic with its calculation's record."""
    statement = _with_record().where(refill.c.clinic_id == clinic_id, refill.c.id == refill_id)
    return connection.execute(statement).mappings().one_or_none()


def refills_after(
    connection: sa.Connection, clinic_id: str, pump_id: str, after: tuple[str, str], limit: int
) -> Sequence[Row]:
    """The refills of a pump in the order in which they were recorded, from after one (recorded at, id)."""
    place = sa.tuple_(sa.type_coerce(refill.c.recorded_at, sa.Text), refill.c.id)
    statement = sa.select(refill).where(refill.c.clinic_id == clinic_id, refill.c.pump_id == pump_id)
    statement = statement.where(place > after).order_by(refill.c.recorded_at, refill.c.id).limit(limit)
    return connection.execute(statement).mappings().all()


def reminders_of_refill(connection: sa.Connection, clinic_id: str, refill_id: str) -> Sequence[Row]:
    """Every reminder of one refill, soonest first."""
    statement = sa.select(reminder).where(reminder.c.clinic_id == clinic_id, reminder.c.refill_id == refill_id)
    return connection.execute(statement.order_by(reminder.c.due_at, reminder.c.id)).mappings().all()


def reminders_after(connection: sa.Connection, clinic_id: str, after: tuple[str, str], limit: int) -> Sequence[Row]:
    """The reminders of this clinic with their pump, soonest first, from after one (due at, id)."""
    place = sa.tuple_(sa.type_coerce(reminder.c.due_at, sa.Text), reminder.c.id)
    of_refill = sa.and_(refill.c.clinic_id == reminder.c.clinic_id, refill.c.id == reminder.c.refill_id)
    statement = sa.select(reminder, refill.c.pump_id, refill.c.refill_by).join_from(reminder, refill, of_refill)
    statement = statement.where(reminder.c.clinic_id == clinic_id, place > after)
    return connection.execute(statement.order_by(reminder.c.due_at, reminder.c.id).limit(limit)).mappings().all()


def deliveries_of(connection: sa.Connection, clinic_id: str, reminder_ids: Sequence[str]) -> Sequence[Row]:
    """Every copy of these reminders, oldest first."""
    statement = sa.select(delivery).where(
        delivery.c.clinic_id == clinic_id, delivery.c.reminder_id.in_(list(reminder_ids))
    )
    return connection.execute(statement.order_by(delivery.c.queued_at, delivery.c.id)).mappings().all()


def due_list(connection: sa.Connection, clinic_id: str) -> Sequence[Row]:
    """The pumps of this clinic that run and have an open refill, soonest first, with their reminders that are sent."""
    of_reminder = sa.and_(reminder.c.clinic_id == delivery.c.clinic_id, reminder.c.id == delivery.c.reminder_id)
    sent = (
        sa.select(sa.func.count())
        .select_from(delivery.join(reminder, of_reminder))
        .where(
            reminder.c.clinic_id == refill.c.clinic_id,
            reminder.c.refill_id == refill.c.id,
            delivery.c.state == "sent",
        )
        .correlate(refill)
        .scalar_subquery()
    )
    of_pump = sa.and_(pump.c.clinic_id == refill.c.clinic_id, pump.c.id == refill.c.pump_id)
    columns = (pump.c.reference, pump.c.model, refill.c.refill_by, refill.c.binding, sent.label("reminders_sent"))
    statement = (
        sa.select(*columns)
        .select_from(refill.join(pump, of_pump))
        .where(refill.c.clinic_id == clinic_id, refill.c.superseded_at.is_(None), pump.c.state == "active")
    )
    return connection.execute(statement.order_by(refill.c.refill_by, pump.c.reference)).mappings().all()


def open_plans(connection: sa.Connection) -> Iterable[Row]:
    """The record that each running pump's open refill rests on, for every clinic, as they are read."""
    of_pump = sa.and_(pump.c.clinic_id == refill.c.clinic_id, pump.c.id == refill.c.pump_id)
    of_calculation = sa.and_(calculation.c.clinic_id == refill.c.clinic_id, calculation.c.id == refill.c.calculation_id)
    statement = (
        sa.select(refill.c.clinic_id, refill.c.pump_id, calculation.c.record)
        .select_from(refill.join(pump, of_pump).join(calculation, of_calculation))
        .where(refill.c.superseded_at.is_(None), pump.c.state == "active")
        .order_by(refill.c.clinic_id, refill.c.pump_id)
        .execution_options(yield_per=_ROWS_AT_A_TIME)
    )
    return connection.execute(statement).mappings()
