"""What pumps wait for: plans, their reminders, what people answered. A changed plan closes the old one."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from typing import Any

import sqlalchemy as sa

from api.store.queries.prepared import Given, prepared
from api.store.tables import calculation, delivery, plan, pump, reminder, response

__all__ = [
    "add_plan",
    "add_reminders",
    "add_response",
    "board",
    "calendar_rows",
    "cancel_chain",
    "cancel_pending",
    "cancel_rungs",
    "cancel_undelivered",
    "close_plan",
    "dead_deliveries",
    "deliveries_of",
    "due_list",
    "has_untold",
    "last_told",
    "lock_plan",
    "next_due",
    "plan_by_id",
    "plan_of_refill",
    "plans_after",
    "point_at",
    "reminders_after",
    "reminders_of_plan",
    "response_by_id",
    "responses_of",
]

Row = sa.RowMapping


def _plan(clinic_id: Given, plan_id: Given) -> sa.ColumnElement[bool]:
    return sa.and_(plan.c.clinic_id == clinic_id, plan.c.id == plan_id)


def _of_plan(clinic_id: Given, plan_id: Given) -> sa.ColumnElement[bool]:
    return sa.and_(reminder.c.clinic_id == clinic_id, reminder.c.plan_id == plan_id)


@prepared
def _plan_by_id(clinic_id: Given, plan_id: Given) -> sa.Select[Any]:
    of_calculation = sa.and_(calculation.c.clinic_id == plan.c.clinic_id, calculation.c.id == plan.c.calculation_id)
    joined = sa.select(plan, calculation.c.record).outerjoin_from(plan, calculation, of_calculation)
    return joined.where(_plan(clinic_id, plan_id))


def plan_by_id(connection: sa.Connection, clinic_id: str, plan_id: str) -> Row | None:
    """One plan of this clinic, with the record that it rests on."""
    return _plan_by_id(connection, clinic_id, plan_id).mappings().one_or_none()


@prepared
def _plan_of_refill(clinic_id: Given, refill_id: Given) -> sa.Select[Any]:
    of_refill = sa.select(plan).where(plan.c.clinic_id == clinic_id, plan.c.refill_id == refill_id)
    return of_refill.order_by(plan.c.revision.desc()).limit(1)


def plan_of_refill(connection: sa.Connection, clinic_id: str, refill_id: str) -> Row:
    """The newest plan that rests on a refill."""
    return _plan_of_refill(connection, clinic_id, refill_id).mappings().one()


def plans_after(connection: sa.Connection, clinic_id: str, pump_id: str, after: int, limit: int) -> Sequence[Row]:
    """The plans of a pump whose revision follows ``after``."""
    statement = sa.select(plan).where(plan.c.clinic_id == clinic_id, plan.c.pump_id == pump_id, plan.c.revision > after)
    return connection.execute(statement.order_by(plan.c.revision).limit(limit)).mappings().all()


@prepared
def _lock_plan(clinic_id: Given, plan_id: Given) -> sa.Select[Any]:
    return sa.select(plan).where(_plan(clinic_id, plan_id)).with_for_update(key_share=True)


def lock_plan(connection: sa.Connection, clinic_id: str, plan_id: str) -> Row | None:
    """One plan, locked until the transaction ends: nobody queues its reminders, answers or closes it meanwhile."""
    return _lock_plan(connection, clinic_id, plan_id).mappings().one_or_none()


_ADD_PLAN, _ADD_REMINDERS, _ADD_RESPONSE = sa.insert(plan), sa.insert(reminder), sa.insert(response)


def add_plan(connection: sa.Connection, values: Mapping[str, Any]) -> None:
    """Keep a new plan. The database refuses a second open plan of a pump."""
    connection.execute(_ADD_PLAN, [dict(values)])


@prepared
def _close_plan(clinic_id: Given, plan_id: Given, now: Given) -> sa.Update:
    return sa.update(plan).where(_plan(clinic_id, plan_id), plan.c.closed_at.is_(None)).values(closed_at=now)


def close_plan(connection: sa.Connection, clinic_id: str, plan_id: str, now: dt.datetime) -> int:
    """Close an open plan. How many changed: 1, or 0 when it is closed already."""
    return _close_plan(connection, clinic_id, plan_id, now).rowcount


@prepared
def _point_at(clinic_id: Given, pump_id: Given, plan_id: Given, state: Given) -> sa.Update:
    of_pump = sa.update(pump).where(pump.c.clinic_id == clinic_id, pump.c.id == pump_id)
    return of_pump.values(plan_id=plan_id, state=state, stale_since=None, stale_why=None)


def point_at(connection: sa.Connection, clinic_id: str, pump_id: str, plan_id: str | None, state: str) -> None:
    """What the pump waits for from now on, and the state that it is in."""
    _point_at(connection, clinic_id, pump_id, plan_id, state)


def add_reminders(connection: sa.Connection, steps: Sequence[Mapping[str, Any]]) -> None:
    """Keep every step of a ladder."""
    if steps:
        connection.execute(_ADD_REMINDERS, [dict(step) for step in steps])


@prepared
def _has_untold(clinic_id: Given, plan_id: Given, now: Given) -> sa.Select[Any]:
    of_reminder = sa.and_(delivery.c.clinic_id == reminder.c.clinic_id, delivery.c.reminder_id == reminder.c.id)
    unsent = sa.exists().where(of_reminder, delivery.c.state.in_(("pending", "dead")))
    due = sa.and_(reminder.c.state == "pending", reminder.c.due_at <= now)
    return sa.select(sa.exists().where(_of_plan(clinic_id, plan_id), sa.or_(due, unsent)))


def has_untold(connection: sa.Connection, clinic_id: str, plan_id: str, now: dt.datetime) -> bool:
    """Whether a reminder of this plan is due and not queued, or a copy of one has not been sent."""
    return bool(_has_untold(connection, clinic_id, plan_id, now).scalar_one())


@prepared
def _cancel_undelivered(clinic_id: Given, plan_id: Given) -> sa.Update:
    of_plan = sa.select(reminder.c.id).where(_of_plan(clinic_id, plan_id))
    return (
        sa.update(delivery)
        .where(
            delivery.c.clinic_id == clinic_id,
            delivery.c.state.in_(("pending", "dead")),
            delivery.c.reminder_id.in_(of_plan),
        )
        .values(state="cancelled", lease_owner=None, lease_until=None)
    )


def cancel_undelivered(connection: sa.Connection, clinic_id: str, plan_id: str) -> int:
    """Take back the copies of a plan's reminders that have not been sent. How many."""
    return _cancel_undelivered(connection, clinic_id, plan_id).rowcount


def _cancel(*which: sa.ColumnElement[bool]) -> sa.Update:
    return sa.update(reminder).where(reminder.c.state == "pending", *which).values(state="cancelled")


@prepared
def _cancel_pending(clinic_id: Given, plan_id: Given) -> sa.Update:
    return _cancel(_of_plan(clinic_id, plan_id))


def cancel_pending(connection: sa.Connection, clinic_id: str, plan_id: str) -> int:
    """Cancel every reminder of a plan that has not been queued. How many."""
    return _cancel_pending(connection, clinic_id, plan_id).rowcount


@prepared
def _cancel_chain(clinic_id: Given, plan_id: Given) -> sa.Update:
    chain = sa.or_(reminder.c.round > 0, reminder.c.after_minutes > 0, reminder.c.kind == "snoozed")
    return _cancel(_of_plan(clinic_id, plan_id), chain)


def cancel_chain(connection: sa.Connection, clinic_id: str, plan_id: str) -> int:
    """Cancel what follows a reminder that was queued: the next person, the next round, a snooze. How many."""
    return _cancel_chain(connection, clinic_id, plan_id).rowcount


@prepared
def _cancel_kinds(clinic_id: Given, plan_id: Given, kinds: Given) -> sa.Update:
    return _cancel(_of_plan(clinic_id, plan_id), reminder.c.kind.like(kinds))


@prepared
def _cancel_kinds_before(clinic_id: Given, plan_id: Given, kinds: Given, before: Given) -> sa.Update:
    return _cancel(_of_plan(clinic_id, plan_id), reminder.c.kind.like(kinds), reminder.c.due_at < before)


def cancel_rungs(
    connection: sa.Connection, clinic_id: str, plan_id: str, kinds: str, before: dt.datetime | None = None
) -> int:
    """Cancel the reminders of a plan whose kind is LIKE ``kinds``, or those due before an instant. How many."""
    if before is None:
        return _cancel_kinds(connection, clinic_id, plan_id, kinds).rowcount
    return _cancel_kinds_before(connection, clinic_id, plan_id, kinds, before).rowcount


@prepared
def _reminders_of_plan(clinic_id: Given, plan_id: Given) -> sa.Select[Any]:
    return sa.select(reminder).where(_of_plan(clinic_id, plan_id)).order_by(reminder.c.due_at, reminder.c.id)


def reminders_of_plan(connection: sa.Connection, clinic_id: str, plan_id: str) -> Sequence[Row]:
    """Every reminder of one plan, soonest first."""
    return _reminders_of_plan(connection, clinic_id, plan_id).mappings().all()


def reminders_after(connection: sa.Connection, clinic_id: str, after: tuple[str, str], limit: int) -> Sequence[Row]:
    """The reminders of this clinic with their pump, soonest first, from after one (due at, id)."""
    place = sa.tuple_(sa.type_coerce(reminder.c.due_at, sa.Text), reminder.c.id)
    of_plan = sa.and_(plan.c.clinic_id == reminder.c.clinic_id, plan.c.id == reminder.c.plan_id)
    statement = sa.select(reminder, plan.c.pump_id, plan.c.refill_id).outerjoin_from(reminder, plan, of_plan)
    statement = statement.where(reminder.c.clinic_id == clinic_id, place > after)
    return connection.execute(statement.order_by(reminder.c.due_at, reminder.c.id).limit(limit)).mappings().all()


def next_due(connection: sa.Connection, clinic_id: str) -> dt.datetime | None:
    """When the next reminder of this clinic is due; None when none is still to come."""
    pending = sa.and_(reminder.c.clinic_id == clinic_id, reminder.c.state == "pending")
    return connection.execute(sa.select(sa.func.min(reminder.c.due_at)).where(pending)).scalar_one_or_none()


def deliveries_of(connection: sa.Connection, clinic_id: str, reminder_ids: Sequence[str]) -> Sequence[Row]:
    """Every copy of these reminders, oldest first."""
    statement = sa.select(delivery).where(
        delivery.c.clinic_id == clinic_id, delivery.c.reminder_id.in_(list(reminder_ids))
    )
    return connection.execute(statement.order_by(delivery.c.queued_at, delivery.c.id)).mappings().all()


def add_response(connection: sa.Connection, values: Mapping[str, Any]) -> None:
    """Keep what a person answered."""
    connection.execute(_ADD_RESPONSE, [dict(values)])


@prepared
def _response(clinic_id: Given, response_id: Given) -> sa.Select[Any]:
    return sa.select(response).where(response.c.clinic_id == clinic_id, response.c.id == response_id)


def response_by_id(connection: sa.Connection, clinic_id: str, response_id: str) -> Row:
    """One answer that was kept."""
    return _response(connection, clinic_id, response_id).mappings().one()


@prepared
def _responses_of(clinic_id: Given, plan_ids: Given) -> sa.Select[Any]:
    of_plans = sa.select(response).where(response.c.clinic_id == clinic_id, response.c.plan_id.in_(plan_ids))
    return of_plans.order_by(response.c.recorded_at, response.c.id)


def responses_of(connection: sa.Connection, clinic_id: str, plan_ids: Sequence[str]) -> Sequence[Row]:
    """Every answer to the reminders of these plans, oldest first."""
    return _responses_of(connection, clinic_id, list(plan_ids)).mappings().all()


def _sent() -> sa.ScalarSelect[Any]:
    """How many copies of a plan's reminders have been sent."""
    of_reminder = sa.and_(reminder.c.clinic_id == delivery.c.clinic_id, reminder.c.id == delivery.c.reminder_id)
    return (
        sa.select(sa.func.count())
        .select_from(delivery.join(reminder, of_reminder))
        .where(
            reminder.c.clinic_id == plan.c.clinic_id,
            reminder.c.plan_id == plan.c.id,
            delivery.c.state == "sent",
        )
        .correlate(plan)
        .scalar_subquery()
    )


def due_list(connection: sa.Connection, clinic_id: str) -> Sequence[Row]:
    """The pumps of this clinic that have a last safe day, soonest first, with how many reminders were sent."""
    columns = (pump.c.reference, pump.c.model, plan.c.refill_by, plan.c.binding, _sent().label("reminders_sent"))
    statement = _open_of(clinic_id, *columns).where(plan.c.kind == "date")
    return connection.execute(statement.order_by(plan.c.refill_by, pump.c.reference)).mappings().all()


@prepared
def _board(clinic_id: Given) -> sa.Select[Any]:
    columns = (plan, pump.c.reference, pump.c.model, pump.c.state, _sent().label("reminders_sent"))
    statement = _open_of(clinic_id, *columns)
    first = sa.case({"unknown": 0}, value=plan.c.kind, else_=1)
    return statement.order_by(first, plan.c.refill_by, pump.c.reference)


def board(connection: sa.Connection, clinic_id: str) -> Sequence[Row]:
    """Every open plan of this clinic with its pump: what has no date first, then the soonest."""
    return _board(connection, clinic_id).mappings().all()


def _open_of(clinic_id: Given, *columns: Any) -> sa.Select[Any]:
    pointed = sa.and_(plan.c.clinic_id == pump.c.clinic_id, plan.c.id == pump.c.plan_id)
    return sa.select(*columns).select_from(pump.join(plan, pointed)).where(pump.c.clinic_id == clinic_id)


def last_told(connection: sa.Connection, clinic_id: str) -> dict[str, dt.datetime]:
    """When a reminder of each open plan of this clinic was last queued, by plan."""
    of_plan = sa.and_(plan.c.clinic_id == reminder.c.clinic_id, plan.c.id == reminder.c.plan_id)
    statement = (
        sa.select(reminder.c.plan_id, sa.func.max(reminder.c.queued_at))
        .join(plan, of_plan)
        .where(reminder.c.clinic_id == clinic_id, reminder.c.state == "queued", plan.c.closed_at.is_(None))
        .group_by(reminder.c.plan_id)
    )
    return {row[0]: row[1] for row in connection.execute(statement)}


def dead_deliveries(connection: sa.Connection, clinic_id: str) -> Sequence[Row]:
    """The copies of this clinic that could not be delivered, the worst first."""
    statement = sa.select(delivery).where(delivery.c.clinic_id == clinic_id, delivery.c.state == "dead")
    return connection.execute(statement.order_by(delivery.c.urgency, delivery.c.id)).mappings().all()


def calendar_rows(connection: sa.Connection, clinic_id: str) -> Sequence[Row]:
    """The last plan with a date of every pump of this clinic, with the pump's latest revision.

    ``is_open`` is 1 where the pump waits for that date, and 0 where it no longer does.
    """
    latest = (
        sa.select(
            plan.c.pump_id,
            sa.func.max(plan.c.revision).label("revision"),
            sa.func.max(sa.case((plan.c.kind == "date", plan.c.revision))).label("dated"),
        )
        .where(plan.c.clinic_id == clinic_id)
        .group_by(plan.c.pump_id)
        .subquery()
    )
    of_plan = sa.and_(plan.c.pump_id == latest.c.pump_id, plan.c.revision == latest.c.dated)
    is_open = sa.case((plan.c.closed_at.is_(None), 1), else_=0)
    statement = (
        sa.select(plan.c.pump_id, plan.c.refill_by, latest.c.revision, pump.c.reference, is_open.label("is_open"))
        .join(latest, of_plan)
        .join(pump, sa.and_(pump.c.clinic_id == plan.c.clinic_id, pump.c.id == plan.c.pump_id))
        .where(plan.c.clinic_id == clinic_id)
    )
    return connection.execute(statement.order_by(plan.c.refill_by, pump.c.reference)).mappings().all()
