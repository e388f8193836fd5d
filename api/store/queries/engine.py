"""The marks of the engine: when each piece last went well, which plans are stale, and what must always hold."""

from __future__ import annotations

import datetime as dt
import functools
from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa

from api.store.queries.prepared import Given, insert_for, prepared, unless_there
from api.store.tables import beat, calculation, clinic, contact, delivery, once, plan, pump, reminder

__all__ = [
    "beats",
    "begin_once",
    "clinics_with_digest",
    "database_now",
    "due_by_plan",
    "end_once",
    "forget_beat",
    "forget_once",
    "local_intents",
    "mark_beat",
    "mark_stale",
    "misses",
    "move_due",
    "oldest_overdue",
    "once_by_key",
    "plans_past",
    "pumps_without_a_plan",
    "quiet_plans",
    "reminders_due",
    "stale_pumps",
    "with_future",
    "with_other_library",
]

Row = sa.RowMapping


@prepared
def _beats() -> sa.Select[Any]:
    return sa.select(beat.c.name, beat.c.at)


def beats(connection: sa.Connection) -> dict[str, dt.datetime]:
    """When each piece of the engine last went well, in any process, by name."""
    return {row["name"]: row["at"] for row in _beats(connection).mappings()}


@functools.cache
def _marked(dialect: str) -> sa.Executable:
    statement = insert_for(dialect)(beat)
    found: sa.Executable = statement.on_conflict_do_update(index_elements=["name"], set_={"at": statement.excluded.at})
    return found


def mark_beat(connection: sa.Connection, name: str, at: dt.datetime) -> None:
    """This piece of the engine went well at an instant of the present clock."""
    connection.execute(_marked(connection.dialect.name), {"name": name, "at": at})


def forget_beat(connection: sa.Connection, name: str) -> None:
    """Take a mark away."""
    connection.execute(sa.delete(beat).where(beat.c.name == name))


_CLOCK = sa.select(sa.func.clock_timestamp())


def database_now(connection: sa.Connection) -> dt.datetime | None:
    """The clock of a database server that is another machine's; None where there is none."""
    if connection.dialect.name != "postgresql":
        return None
    found: dt.datetime = connection.execute(_CLOCK).scalar_one()
    return found


def mark_stale(connection: sa.Connection, now: dt.datetime, why: str, clinic_id: str | None = None) -> int:
    """The plans of these pumps are to be worked out again: those of a clinic, or all. How many are newly marked.

    ``reminders`` outweighs another reason that stands there: such a plan gets a new ladder though its day is the same.
    """
    of_clinic = sa.true() if clinic_id is None else pump.c.clinic_id == clinic_id
    if why == "reminders":
        marked = sa.update(pump).where(pump.c.stale_since.is_not(None), of_clinic)
        connection.execute(marked.values(stale_why=why))
    statement = sa.update(pump).where(pump.c.state != "explanted", pump.c.stale_since.is_(None), of_clinic)
    return connection.execute(statement.values(stale_since=now, stale_why=why)).rowcount


def _stale() -> sa.Select[Any]:
    marked = sa.select(pump.c.clinic_id, pump.c.id, pump.c.stale_why).where(pump.c.stale_since.is_not(None))
    return marked.order_by(pump.c.stale_since, pump.c.id)


@prepared
def _stale_anywhere(limit: Given) -> sa.Select[Any]:
    return _stale().limit(limit)


@prepared
def _stale_of_clinic(clinic_id: Given, limit: Given) -> sa.Select[Any]:
    return _stale().where(pump.c.clinic_id == clinic_id).limit(limit)


def stale_pumps(connection: sa.Connection, clinic_id: str | None, limit: int) -> Sequence[Row]:
    """The pumps whose plans are to be worked out again, those that wait longest first."""
    if clinic_id is None:
        return _stale_anywhere(connection, limit).mappings().all()
    return _stale_of_clinic(connection, clinic_id, limit).mappings().all()


@prepared
def _with_future(now: Given, after: Given) -> sa.Update:
    made_ahead = sa.exists().where(
        reminder.c.clinic_id == pump.c.clinic_id,
        reminder.c.plan_id == pump.c.plan_id,
        sa.or_(reminder.c.created_at > after, reminder.c.queued_at > after),
    )
    return sa.update(pump).where(pump.c.stale_since.is_(None), made_ahead).values(stale_since=now, stale_why="clock")


def with_future(connection: sa.Connection, now: dt.datetime, after: dt.datetime) -> int:
    """Mark the pumps whose open plan has reminders that were made or queued after an instant to come. How many.

    A clock that was ahead and was believed left them; what it used up is told anew, and what it put off comes in time.
    """
    return _with_future(connection, now, after).rowcount


@prepared
def _with_other_library(now: Given, sha256: Given) -> sa.Update:
    other = (
        sa.select(plan.c.id)
        .join(
            calculation,
            sa.and_(calculation.c.clinic_id == plan.c.clinic_id, calculation.c.id == plan.c.calculation_id),
        )
        .where(
            plan.c.clinic_id == pump.c.clinic_id, plan.c.id == pump.c.plan_id, calculation.c.library_sha256 != sha256
        )
        .exists()
    )
    return sa.update(pump).where(pump.c.stale_since.is_(None), other).values(stale_since=now, stale_why="library")


def with_other_library(connection: sa.Connection, now: dt.datetime, sha256: str) -> int:
    """Mark the pumps whose open plan was worked out with another drug library. How many."""
    return _with_other_library(connection, now, sha256).rowcount


def _open() -> sa.Select[tuple[str, str, str]]:
    return sa.select(plan.c.clinic_id, plan.c.pump_id, plan.c.id).where(plan.c.closed_at.is_(None))


@prepared
def _pumps_without_a_plan() -> sa.Select[Any]:
    own = sa.exists().where(
        plan.c.clinic_id == pump.c.clinic_id,
        plan.c.pump_id == pump.c.id,
        plan.c.id == pump.c.plan_id,
        plan.c.closed_at.is_(None),
    )
    others = sa.exists().where(
        plan.c.clinic_id == pump.c.clinic_id,
        plan.c.pump_id == pump.c.id,
        plan.c.closed_at.is_(None),
        sa.or_(pump.c.plan_id.is_(None), plan.c.id != pump.c.plan_id),
    )
    wrong = sa.or_(sa.and_(pump.c.state != "explanted", sa.not_(own)), others)
    return sa.select(pump.c.clinic_id, pump.c.id).where(wrong).order_by(pump.c.clinic_id, pump.c.id)


def pumps_without_a_plan(connection: sa.Connection) -> Sequence[Row]:
    """The pumps that are not explanted and do not point at one open plan of their own. There should be none."""
    return _pumps_without_a_plan(connection).mappings().all()


@prepared
def _quiet_plans() -> sa.Select[Any]:
    coming = sa.exists().where(
        reminder.c.clinic_id == plan.c.clinic_id, reminder.c.plan_id == plan.c.id, reminder.c.state == "pending"
    )
    return _open().where(sa.not_(coming)).order_by(plan.c.clinic_id, plan.c.pump_id)


def quiet_plans(connection: sa.Connection) -> Sequence[Row]:
    """The open plans for which no reminder is still to come: nobody would hear of them again. There should be none."""
    return _quiet_plans(connection).mappings().all()


@prepared
def _local_intents() -> sa.Select[Any]:
    columns = (reminder.c.clinic_id, reminder.c.id, reminder.c.due_at, reminder.c.local_intent, reminder.c.zone)
    rungs = sa.and_(
        reminder.c.state == sa.literal_column("'pending'"),
        reminder.c.round == 0,
        reminder.c.after_minutes == 0,
        reminder.c.kind != "snoozed",
    )
    return sa.select(*columns).where(rungs)


def local_intents(connection: sa.Connection) -> Sequence[Row]:
    """Every reminder that is still to come, with the local time that was meant."""
    return _local_intents(connection).mappings().all()


def move_due(connection: sa.Connection, clinic_id: str, reminder_id: str, due_at: dt.datetime) -> None:
    """The zone's rules have changed: the same local time is another instant."""
    statement = sa.update(reminder).where(
        reminder.c.clinic_id == clinic_id, reminder.c.id == reminder_id, reminder.c.state == "pending"
    )
    connection.execute(statement.values(due_at=due_at))


@prepared
def _clinics_with_digest() -> sa.Select[Any]:
    return (
        sa.select(contact.c.clinic_id, contact.c.id, clinic.c.time_zone, clinic.c.digest_time)
        .join(clinic, clinic.c.id == contact.c.clinic_id)
        .where(contact.c.digest == "yes", contact.c.ended_at.is_(None), clinic.c.digest_time.is_not(None))
        .order_by(contact.c.clinic_id, contact.c.id)
    )


def clinics_with_digest(connection: sa.Connection) -> Sequence[Row]:
    """The contacts that want a list each morning, with their clinic's zone and hour."""
    return _clinics_with_digest(connection).mappings().all()


def reminders_due(connection: sa.Connection, now: dt.datetime) -> int:
    """How many reminders are due and not queued."""
    due = sa.and_(reminder.c.state == sa.literal_column("'pending'"), reminder.c.due_at <= now)
    return int(connection.execute(sa.select(sa.func.count()).select_from(reminder).where(due)).scalar_one())


def misses(connection: sa.Connection, before: dt.datetime) -> int:
    """How many open plans had a reminder due before an instant, and none of them, nor any since, was sent to anybody.

    There should be none. A clinic that has said to nobody is among them.
    """
    due = sa.exists().where(
        reminder.c.clinic_id == plan.c.clinic_id, reminder.c.plan_id == plan.c.id, reminder.c.due_at < before,
        reminder.c.state != "cancelled",
    )  # fmt: skip
    of_reminder = sa.and_(delivery.c.clinic_id == reminder.c.clinic_id, delivery.c.reminder_id == reminder.c.id)
    sent = sa.exists(
        sa.select(1)
        .select_from(reminder.join(delivery, of_reminder))
        .where(reminder.c.clinic_id == plan.c.clinic_id, reminder.c.plan_id == plan.c.id, delivery.c.state == "sent")
        .correlate(plan)
    )
    statement = sa.select(sa.func.count()).select_from(plan).where(plan.c.closed_at.is_(None), due, sa.not_(sent))
    return int(connection.execute(statement).scalar_one())


def due_by_plan(connection: sa.Connection, now: dt.datetime) -> tuple[int, int]:
    """How many open plans have reminders that are due and not queued, and how many reminders those are."""
    due = sa.and_(
        reminder.c.state == sa.literal_column("'pending'"), reminder.c.due_at <= now, reminder.c.plan_id.is_not(None)
    )
    statement = sa.select(sa.func.count(reminder.c.plan_id.distinct()), sa.func.count()).where(due)
    plans, reminders = connection.execute(statement).one()
    return int(plans), int(reminders)


def plans_past(connection: sa.Connection, today: dt.date) -> int:
    """How many open plans have a last safe day before a day."""
    past = sa.and_(plan.c.closed_at.is_(None), plan.c.refill_by < today)
    return int(connection.execute(sa.select(sa.func.count()).select_from(plan).where(past)).scalar_one())


def oldest_overdue(connection: sa.Connection, now: dt.datetime) -> dt.datetime | None:
    """Since when the oldest copy that could have been sent waits; None when nothing waits."""
    unsent = delivery.c.state.in_([sa.literal_column("'pending'"), sa.literal_column("'dead'")])
    waiting = sa.select(sa.func.min(delivery.c.queued_at)).where(unsent, delivery.c.next_try_at <= now)
    due = sa.select(sa.func.min(reminder.c.due_at)).where(
        reminder.c.state == sa.literal_column("'pending'"), reminder.c.due_at <= now
    )
    found = [
        at for statement in (waiting, due) if (at := connection.execute(statement).scalar_one_or_none()) is not None
    ]
    return min(found) if found else None


def begin_once(
    connection: sa.Connection, scope: str, key: str, body_sha256: str, status: int, now: dt.datetime
) -> bool:
    """Take a key for this transaction. False when it is taken; another that is just taking it is waited for."""
    row = {"scope": scope, "key": key, "body_sha256": body_sha256, "status": status, "answer": "", "created_at": now}
    return unless_there(connection, once, row)


def _once(scope: str, key: str) -> sa.ColumnElement[bool]:
    return sa.and_(once.c.scope == scope, once.c.key == key)


def end_once(connection: sa.Connection, scope: str, key: str, answer: str) -> None:
    """Keep what was answered under a key."""
    connection.execute(sa.update(once).where(_once(scope, key)).values(answer=answer))


def once_by_key(connection: sa.Connection, scope: str, key: str) -> Row:
    """What was answered under a key."""
    return connection.execute(sa.select(once).where(_once(scope, key))).mappings().one()


def forget_once(connection: sa.Connection, before: dt.datetime) -> int:
    """Forget what was answered before an instant. How many."""
    return connection.execute(sa.delete(once).where(once.c.created_at < before)).rowcount
