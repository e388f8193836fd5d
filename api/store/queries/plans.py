"""What pumps wait for: plans, their reminders, what people answered. A changed plan closes the old one."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from typing import Any

import sqlalchemy as sa

from api.store.tables import calculation, delivery, plan, pump, reminder, response

__all__ = [
    "add_or_revive",
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


def _plan(clinic_id: str, plan_id: str) -> sa.ColumnElement[bool]:
    return sa.and_(plan.c.clinic_id == clinic_id, plan.c.id == plan_id)


def _of_plan(clinic_id: str, plan_id: str) -> sa.ColumnElement[bool]:
    return sa.and_(reminder.c.clinic_id == clinic_id, reminder.c.plan_id == plan_id)


def plan_by_id(connection: sa.Connection, clinic_id: str, plan_id: str) -> Row | None:
    """One plan of this clinic, with the record that it rests on."""
    of_calculation = sa.and_(calculation.c.clinic_id == plan.c.clinic_id, calculation.c.id == plan.c.calculation_id)
    statement = sa.select(plan, calculation.c.record).outerjoin_from(plan, calculation, of_calculation)
    return connection.execute(statement.where(_plan(clinic_id, plan_id))).mappings().one_or_none()


def plan_of_refill(connection: sa.Connection, clinic_id: str, refill_id: str) -> Row:
    """The newest plan that rests on a refill."""
    statement = sa.select(plan).where(plan.c.clinic_id == clinic_id, plan.c.refill_id == refill_id)
    return connection.execute(statement.order_by(plan.c.revision.desc()).limit(1)).mappings().one()


def plans_after(connection: sa.Connection, clinic_id: str, pump_id: str, after: int, limit: int) -> Sequence[Row]:
    """The plans of a pump whose revision follows ``after``."""
    statement = sa.select(plan).where(plan.c.clinic_id == clinic_id, plan.c.pump_id == pump_id, plan.c.revision > after)
    return connection.execute(statement.order_by(plan.c.revision).limit(limit)).mappings().all()


def lock_plan(connection: sa.Connection, clinic_id: str, plan_id: str) -> Row | None:
    """One plan, locked until the transaction ends: nobody queues its reminders, answers or closes it meanwhile."""
    statement = sa.select(plan).where(_plan(clinic_id, plan_id)).with_for_update(key_share=True)
    return connection.execute(statement).mappings().one_or_none()


def add_plan(connection: sa.Connection, values: Mapping[str, Any]) -> None:
    """Keep a new plan. The database refuses a second open plan of a pump."""
    connection.execute(sa.insert(plan), [dict(values)])


def close_plan(connection: sa.Connection, clinic_id: str, plan_id: str, now: dt.datetime) -> int:
    """Close an open plan. How many changed: 1, or 0 when it is closed already."""
    statement = sa.update(plan).where(_plan(clinic_id, plan_id), plan.c.closed_at.is_(None)).values(closed_at=now)
    return connection.execute(statement).rowcount


def point_at(connection: sa.Connection, clinic_id: str, pump_id: str, plan_id: str | None, state: str) -> None:
    """What the pump waits for from now on, and the state that it is in."""
    statement = sa.update(pump).where(pump.c.clinic_id == clinic_id, pump.c.id == pump_id)
    connection.execute(statement.values(plan_id=plan_id, state=state, stale_since=None, stale_why=None))


def add_reminders(connection: sa.Connection, steps: Sequence[Mapping[str, Any]]) -> None:
    """Keep every step of a ladder."""
    if steps:
        connection.execute(sa.insert(reminder), [dict(step) for step in steps])


def add_or_revive(connection: sa.Connection, wanted: Mapping[str, Any]) -> None:
    """Keep one step; where the same step stands there cancelled, it is to come again."""
    same = [reminder.c[name] == wanted[name] for name in ("kind", "round", "after_minutes", "due_at")]
    statement = sa.update(reminder).where(
        _of_plan(wanted["clinic_id"], wanted["plan_id"]), reminder.c.state == "cancelled", *same
    )
    if connection.execute(statement.values(state="pending")).rowcount == 0:
        add_reminders(connection, [wanted])


def has_untold(connection: sa.Connection, clinic_id: str, plan_id: str, now: dt.datetime) -> bool:
    """Whether a reminder of this plan is due and not queued, or a copy of one has not been sent."""
    of_reminder = sa.and_(delivery.c.clinic_id == reminder.c.clinic_id, delivery.c.reminder_id == reminder.c.id)
    unsent = sa.exists().where(of_reminder, delivery.c.state.in_(("pending", "dead")))
    due = sa.and_(reminder.c.state == "pending", reminder.c.due_at <= now)
    statement = sa.select(sa.exists().where(_of_plan(clinic_id, plan_id), sa.or_(due, unsent)))
    return bool(connection.execute(statement).scalar_one())


def cancel_undelivered(connection: sa.Connection, clinic_id: str, plan_id: str) -> int:
    """Take back the copies of a plan's reminders that have not been sent. How many."""
    of_plan = sa.select(reminder.c.id).where(_of_plan(clinic_id, plan_id))
    statement = (
        sa.update(delivery)
        .where(
            delivery.c.clinic_id == clinic_id,
            delivery.c.state.in_(("pending", "dead")),
            delivery.c.reminder_id.in_(of_plan),
        )
        .values(state="cancelled", lease_owner=None, lease_until=None)
    )
    return connection.execute(statement).rowcount


def _cancel(connection: sa.Connection, *which: sa.ColumnElement[bool]) -> int:
    statement = sa.update(reminder).where(reminder.c.state == "pending", *which).values(state="cancelled")
    return connection.execute(statement).rowcount


def cancel_pending(connection: sa.Connection, clinic_id: str, plan_id: str) -> int:
    """Cancel every reminder of a plan that has not been queued. How many."""
    return _cancel(connection, _of_plan(clinic_id, plan_id))


def cancel_chain(connection: sa.Connection, clinic_id: str, plan_id: str) -> int:
    """Cancel what follows a reminder that was queued: the next person, the next round, a snooze. How many."""
    chain = sa.or_(reminder.c.round > 0, reminder.c.after_minutes > 0, reminder.c.kind == "snoozed")
    return _cancel(connection, _of_plan(clinic_id, plan_id), chain)


def cancel_rungs(
    connection: sa.Connection, clinic_id: str, plan_id: str, kinds: str, before: dt.datetime | None = None
) -> int:
    """Cancel the reminders of a plan whose kind is LIKE ``kinds``, or those due before an instant. How many."""
    earlier = sa.true() if before is None else reminder.c.due_at < before
    return _cancel(connection, _of_plan(clinic_id, plan_id), reminder.c.kind.like(kinds), earlier)


def reminders_of_plan(connection: sa.Connection, clinic_id: str, plan_id: str) -> Sequence[Row]:
    """Every reminder of one plan, soonest first."""
    statement = sa.select(reminder).where(_of_plan(clinic_id, plan_id))
    return connection.execute(statement.order_by(reminder.c.due_at, reminder.c.id)).mappings().all()


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
    connection.execute(sa.insert(response), [dict(values)])


def response_by_id(connection: sa.Connection, clinic_id: str, response_id: str) -> Row:
    """One answer that was kept."""
    statement = sa.select(response).where(response.c.clinic_id == clinic_id, response.c.id == response_id)
    return connection.execute(statement).mappings().one()


def responses_of(connection: sa.Connection, clinic_id: str, plan_ids: Sequence[str]) -> Sequence[Row]:
    """Every answer to the reminders of these plans, oldest first."""
    statement = sa.select(response).where(response.c.clinic_id == clinic_id, response.c.plan_id.in_(list(plan_ids)))
    return connection.execute(statement.order_by(response.c.recorded_at, response.c.id)).mappings().all()


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


def board(connection: sa.Connection, clinic_id: str) -> Sequence[Row]:
    """Every open plan of this clinic with its pump: what has no date first, then the soonest."""
    columns = (plan, pump.c.reference, pump.c.model, pump.c.state, _sent().label("reminders_sent"))
    statement = _open_of(clinic_id, *columns)
    first = sa.case({"unknown": 0}, value=plan.c.kind, else_=1)
    return connection.execute(statement.order_by(first, plan.c.refill_by, pump.c.reference)).mappings().all()


def _open_of(clinic_id: str, *columns: Any) -> sa.Select[Any]:
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
