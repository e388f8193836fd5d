"""The way of a reminder out of the house: due, queued, claimed under a lease, sent or tried again.

Claims and completions are conditional: each says what it expects to find, and counts what it changed. On PostgreSQL
a claim steps over what another worker holds; it stands in a CTE, so that its LIMIT is applied once.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import sqlalchemy as sa

from api.store.tables import clinic, contact, delivery, plan, pump, reminder

__all__ = [
    "add_deliveries",
    "add_unless_there",
    "cancel_chains",
    "cancel_superseded",
    "claim_deliveries",
    "clinics_with",
    "coalesce",
    "contacts_of",
    "delivery_by_id",
    "due_of_clinics",
    "due_plans",
    "due_reminders",
    "letter",
    "mark_failed",
    "mark_queued",
    "mark_sent",
    "states",
    "unsent_of_plans",
]

Row = sa.RowMapping
Key = tuple[str, str]
"""A clinic and something in it."""

_AT_A_TIME = 500
_LONGEST_PUT_OFF = dt.timedelta(hours=26)
"""Longer than any quiet hours, any wait after a failure and any lease."""
# Literals, not parameters: SQLite uses a partial index only where it can see that the condition is the index's own.
_PENDING = reminder.c.state == sa.literal_column("'pending'")
_UNSENT = delivery.c.state.in_([sa.literal_column("'pending'"), sa.literal_column("'dead'")])


def _unreachable() -> sa.Select[tuple[str]]:
    """The clinics that have not said to whom a reminder can go. What cannot go to anybody stays due, and is seen."""
    has_contact = sa.exists().where(contact.c.clinic_id == clinic.c.id, contact.c.ended_at.is_(None))
    return sa.select(clinic.c.id).where(clinic.c.reminder_email.is_(None), sa.not_(has_contact))


def _due(now: dt.datetime) -> sa.ColumnElement[bool]:
    return sa.and_(_PENDING, reminder.c.due_at <= now)


def due_plans(connection: sa.Connection, now: dt.datetime, limit: int) -> Sequence[Row]:
    """The open plans that have a reminder due, the worst first, locked until the transaction ends.

    A plan that another worker holds is stepped over.
    """
    # Nothing is grouped: SQLite keeps the worst ``limit`` of an index scan, however many are due.
    due = (
        sa.select(reminder.c.clinic_id, reminder.c.plan_id, reminder.c.urgency)
        .where(_due(now), reminder.c.plan_id.is_not(None), reminder.c.clinic_id.not_in(_unreachable()))
        .order_by(reminder.c.urgency, reminder.c.clinic_id, reminder.c.plan_id)
        .limit(limit)
        .subquery()
    )
    statement = (
        sa.select(plan, due.c.urgency)
        .join(due, sa.and_(plan.c.clinic_id == due.c.clinic_id, plan.c.id == due.c.plan_id))
        .where(plan.c.closed_at.is_(None))
        .order_by(due.c.urgency, plan.c.clinic_id, plan.c.id)
        .with_for_update(skip_locked=True, of=plan, key_share=True)
    )
    found = connection.execute(statement).mappings().all()
    return list({(row["clinic_id"], row["id"]): row for row in found}.values())  # one plan may have several due


def due_reminders(connection: sa.Connection, plans: Sequence[Key], now: dt.datetime) -> Sequence[Row]:
    """Every reminder of these plans that is due and not queued, soonest first."""
    found: list[Row] = []
    for some in _portions(plans):
        statement = sa.select(reminder).where(_due(now), sa.tuple_(reminder.c.clinic_id, reminder.c.plan_id).in_(some))
        found += connection.execute(statement.order_by(reminder.c.due_at, reminder.c.id)).mappings().all()
    return found


def due_of_clinics(connection: sa.Connection, now: dt.datetime, limit: int) -> Sequence[Row]:
    """The reminders that are a clinic's own, of no plan, that are due: digests, alarms. Locked; others step over."""
    statement = (
        sa.select(reminder)
        .where(_due(now), reminder.c.plan_id.is_(None), reminder.c.clinic_id.not_in(_unreachable()))
        .order_by(reminder.c.urgency, reminder.c.due_at, reminder.c.id)
        .limit(limit)
        .with_for_update(skip_locked=True, of=reminder)
    )
    return connection.execute(statement).mappings().all()


def clinics_with(connection: sa.Connection, clinic_ids: Sequence[str]) -> dict[str, Row]:
    """The settings of these clinics, by id."""
    statement = sa.select(clinic).where(clinic.c.id.in_(list(clinic_ids)))
    return {row["id"]: row for row in connection.execute(statement).mappings()}


def contacts_of(connection: sa.Connection, clinic_ids: Sequence[str]) -> Sequence[Row]:
    """How the people of these clinics are told now: those that are told at once first."""
    statement = sa.select(contact).where(contact.c.clinic_id.in_(list(clinic_ids)), contact.c.ended_at.is_(None))
    return connection.execute(statement.order_by(contact.c.after_minutes, contact.c.id)).mappings().all()


def _settle(connection: sa.Connection, reminders: Sequence[Key], state: str, now: dt.datetime) -> None:
    statement = (
        sa.update(reminder)
        .where(
            reminder.c.clinic_id == sa.bindparam("of_clinic"),
            reminder.c.id == sa.bindparam("of_reminder"),
            _PENDING,
        )
        .values(state=state, queued_at=now)
    )
    if reminders:
        connection.execute(statement, [{"of_clinic": of, "of_reminder": name} for of, name in reminders])


def mark_queued(connection: sa.Connection, reminders: Sequence[Key], now: dt.datetime) -> None:
    """These reminders have their copies in the outbox."""
    _settle(connection, reminders, "queued", now)


def coalesce(connection: sa.Connection, reminders: Sequence[Key], now: dt.datetime) -> None:
    """These reminders are due together with a later one of the same plan, which speaks for them."""
    _settle(connection, reminders, "coalesced", now)


def cancel_chains(connection: sa.Connection, plans: Sequence[Key]) -> int:
    """Cancel the repetitions of these plans that are still to come: a new rung begins a chain of its own. How many.

    Whoever has not been told yet still is: a step that comes after more than a day would be cancelled every day.
    """
    count = 0
    for some in _portions(plans):
        statement = (
            sa.update(reminder)
            .where(
                reminder.c.state == "pending",
                reminder.c.round > 0,
                reminder.c.clinic_id.in_(sorted({clinic_id for clinic_id, _ in some})),
                reminder.c.plan_id.in_([plan_id for _, plan_id in some]),
            )
            .values(state="cancelled")
        )
        count += connection.execute(statement).rowcount
    return count


def unsent_of_plans(connection: sa.Connection, plans: Sequence[Key]) -> list[dict[str, Any]]:
    """The copies of these plans that were queued and not sent, the oldest first, each with its plan.

    Two questions, and each column by itself: for pairs, or for a join, SQLite would read every reminder there ever was,
    or every copy of these clinics.
    """
    plan_of: dict[Key, str] = {}
    for some in _portions(plans):
        statement = sa.select(reminder.c.clinic_id, reminder.c.id, reminder.c.plan_id).where(
            reminder.c.clinic_id.in_(sorted({clinic_id for clinic_id, _ in some})),
            reminder.c.plan_id.in_([plan_id for _, plan_id in some]),
            reminder.c.state == "queued",
        )
        plan_of |= {(row[0], row[1]): row[2] for row in connection.execute(statement)}
    found = []
    for some in _portions(list(plan_of)):
        copies = sa.select(delivery).where(
            delivery.c.clinic_id.in_(sorted({clinic_id for clinic_id, _ in some})),
            delivery.c.reminder_id.in_([reminder_id for _, reminder_id in some]),
            delivery.c.state.in_(("pending", "dead")),
        )
        for row in connection.execute(copies).mappings():
            found.append({**row, "plan_id": plan_of[row["clinic_id"], row["reminder_id"]]})
    return sorted(found, key=lambda row: row["queued_at"])


def _portions(keys: Sequence[Key]) -> Iterator[Sequence[Key]]:
    for start in range(0, len(keys), _AT_A_TIME):
        yield keys[start : start + _AT_A_TIME]


def cancel_superseded(connection: sa.Connection, copies: Sequence[Key]) -> None:
    """Take back these copies, unless they were sent meanwhile: a newer one goes out to the same receiver."""
    statement = (
        sa.update(delivery)
        .where(delivery.c.clinic_id == sa.bindparam("of_clinic"), delivery.c.id == sa.bindparam("of_copy"), _UNSENT)
        .values(state="cancelled", lease_owner=None, lease_until=None)
    )
    if copies:
        connection.execute(statement, [{"of_clinic": of, "of_copy": name} for of, name in copies])


def add_deliveries(connection: sa.Connection, copies: Sequence[Mapping[str, Any]]) -> None:
    """Put copies into the outbox. The database refuses a second copy with the same idem."""
    if copies:
        connection.execute(sa.insert(delivery), [dict(copy) for copy in copies])


def add_unless_there(connection: sa.Connection, steps: Sequence[Mapping[str, Any]]) -> int:
    """Keep reminders of the clinic's own, unless the same stands there already. How many are new."""
    if not steps:
        return 0
    if connection.dialect.name == "postgresql":
        from sqlalchemy.dialects.postgresql import insert
    else:
        from sqlalchemy.dialects.sqlite import insert  # type: ignore[assignment]
    return sum(
        connection.execute(insert(reminder).values(dict(step)).on_conflict_do_nothing()).rowcount for step in steps
    )


def claim_deliveries(
    connection: sa.Connection,
    now: dt.datetime,
    owner: str,
    lease_until: dt.datetime,
    channels: Sequence[str],
    limit: int,
) -> Sequence[Row]:
    """Claim copies of these channels whose turn has come and that nobody holds, worst first. Counts the attempt."""
    # Nothing is put off or leased for so long: a clock that was ahead left it.
    absurd = now + _LONGEST_PUT_OFF
    free = sa.or_(delivery.c.lease_until.is_(None), delivery.c.lease_until <= now, delivery.c.lease_until > absurd)
    in_turn = sa.or_(delivery.c.next_try_at <= now, delivery.c.next_try_at > absurd)
    ready = (
        sa.select(delivery.c.clinic_id, delivery.c.id)
        .where(
            _UNSENT,
            delivery.c.channel.in_(list(channels)),
            in_turn,
            free,
        )
        .order_by(delivery.c.urgency, delivery.c.id)
        .limit(limit)
        .with_for_update(skip_locked=True, of=delivery)
        .cte("ready")
    )
    statement = (
        sa.update(delivery)
        .where(sa.tuple_(delivery.c.clinic_id, delivery.c.id).in_(sa.select(ready)))
        .values(lease_owner=owner, lease_until=lease_until, attempts=delivery.c.attempts + 1)
        .returning(*delivery.c)
    )
    return connection.execute(statement).mappings().all()


def letter(connection: sa.Connection, clinic_id: str, reminder_id: str) -> Row:
    """What the text of a reminder is made from: its step, pump, last safe day, zone. No drug, no dose, no person."""
    of_plan = sa.and_(plan.c.clinic_id == reminder.c.clinic_id, plan.c.id == reminder.c.plan_id)
    of_pump = sa.and_(pump.c.clinic_id == plan.c.clinic_id, pump.c.id == plan.c.pump_id)
    statement = (
        sa.select(
            reminder.c.clinic_id,
            reminder.c.kind,
            reminder.c.about,
            reminder.c.severity,
            reminder.c.due_at,
            reminder.c.plan_id,
            plan.c.kind.label("plan_kind"),
            plan.c.why,
            plan.c.refill_by,
            pump.c.id.label("pump_id"),
            pump.c.reference.label("pump_reference"),
            clinic.c.time_zone,
        )
        .select_from(reminder)
        .join(clinic, clinic.c.id == reminder.c.clinic_id)
        .outerjoin(plan, of_plan)
        .outerjoin(pump, of_pump)
        .where(reminder.c.clinic_id == clinic_id, reminder.c.id == reminder_id)
    )
    return connection.execute(statement).mappings().one()


def delivery_by_id(connection: sa.Connection, clinic_id: str, delivery_id: str) -> Row | None:
    """One copy of this clinic."""
    statement = sa.select(delivery).where(delivery.c.clinic_id == clinic_id, delivery.c.id == delivery_id)
    return connection.execute(statement).mappings().one_or_none()


def _held(clinic_id: str, delivery_id: str, owner: str) -> sa.ColumnElement[bool]:
    return sa.and_(
        delivery.c.clinic_id == clinic_id,
        delivery.c.id == delivery_id,
        _UNSENT,
        delivery.c.lease_owner == owner,
    )


def mark_sent(connection: sa.Connection, clinic_id: str, delivery_id: str, owner: str, now: dt.datetime) -> int:
    """Record a copy as sent, if this owner still holds it. How many rows changed: 1, or 0: too late."""
    statement = (
        sa.update(delivery)
        .where(_held(clinic_id, delivery_id, owner))
        .values(state="sent", sent_at=now, lease_owner=None, lease_until=None, last_error=None)
    )
    return connection.execute(statement).rowcount


def mark_failed(
    connection: sa.Connection,
    clinic_id: str,
    delivery_id: str,
    owner: str,
    *,
    state: str,
    next_try_at: dt.datetime,
    last_error: str,
) -> int:
    """Record a failed attempt, if this owner still holds the copy: to be tried again, or dead, visible and alarmed."""
    statement = (
        sa.update(delivery)
        .where(_held(clinic_id, delivery_id, owner))
        .values(state=state, next_try_at=next_try_at, last_error=last_error, lease_owner=None, lease_until=None)
    )
    return connection.execute(statement).rowcount


def states(connection: sa.Connection) -> dict[str, int]:
    """How many copies are in each state."""
    statement = sa.select(delivery.c.state, sa.func.count()).group_by(delivery.c.state)
    return {row[0]: row[1] for row in connection.execute(statement)}
