"""The way of a reminder out of the house: due, queued, claimed under a lease, sent or tried again.

Claims and completions are conditional: each says what it expects to find, and counts what it changed. On PostgreSQL
a claim steps over what another worker holds; it stands in a CTE, so that its LIMIT is applied once.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from typing import Any

import sqlalchemy as sa

from api.store.tables import clinic, delivery, pump, refill, reminder

__all__ = [
    "add_deliveries",
    "claim_deliveries",
    "letter",
    "mark_failed",
    "mark_sent",
    "queue_due_reminders",
    "states",
]

Row = sa.RowMapping

_SEVERITY = sa.case({"critical": 0, "high": 1, "analgesia-loss": 2, "low": 3}, value=reminder.c.severity)
_WORST_FIRST = (_SEVERITY, refill.c.refill_by, reminder.c.due_at, reminder.c.id)
"""The severest first; among those, the pump whose last safe day comes first."""
_OF_REFILL = sa.and_(refill.c.clinic_id == reminder.c.clinic_id, refill.c.id == reminder.c.refill_id)


def queue_due_reminders(connection: sa.Connection, now: dt.datetime, limit: int) -> Sequence[Row]:
    """Turn due reminders from pending to queued, the worst first, and name each recipient.

    A reminder of a clinic without a reminder address stays pending, where it is seen, until there is one.
    """
    due = (
        sa.select(reminder.c.clinic_id, reminder.c.id)
        .join(clinic, clinic.c.id == reminder.c.clinic_id)
        .join(refill, _OF_REFILL)
        .where(reminder.c.state == "pending", reminder.c.due_at <= now, clinic.c.reminder_email.is_not(None))
        .order_by(*_WORST_FIRST)
        .limit(limit)
        .with_for_update(skip_locked=True, of=reminder)
        .cte("due")
    )
    recipient = sa.select(clinic.c.reminder_email).where(clinic.c.id == reminder.c.clinic_id).scalar_subquery()
    statement = (
        sa.update(reminder)
        .where(sa.tuple_(reminder.c.clinic_id, reminder.c.id).in_(sa.select(due)))
        .values(state="queued")
        .returning(reminder.c.clinic_id, reminder.c.id, recipient.label("recipient"))
    )
    return connection.execute(statement).mappings().all()


def add_deliveries(connection: sa.Connection, copies: Sequence[Mapping[str, Any]]) -> None:
    """Put copies into the outbox. The database refuses a second copy with the same idem."""
    connection.execute(sa.insert(delivery), [dict(copy) for copy in copies])


def claim_deliveries(
    connection: sa.Connection, now: dt.datetime, owner: str, lease_until: dt.datetime, limit: int
) -> Sequence[Row]:
    """Claim copies whose turn has come and that nobody holds, worst first. The attempt is counted here."""
    free = sa.or_(delivery.c.lease_until.is_(None), delivery.c.lease_until <= now)
    of_reminder = sa.and_(reminder.c.clinic_id == delivery.c.clinic_id, reminder.c.id == delivery.c.reminder_id)
    ready = (
        sa.select(delivery.c.clinic_id, delivery.c.id)
        .join(reminder, of_reminder)
        .join(refill, _OF_REFILL)
        .where(delivery.c.state == "pending", delivery.c.next_try_at <= now, free)
        .order_by(*_WORST_FIRST, delivery.c.id)
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
    """What the text of a reminder is made from: pump, last safe day and zone. No drug, no dose, no person."""
    statement = (
        sa.select(
            pump.c.id.label("pump_id"),
            pump.c.reference.label("pump_reference"),
            refill.c.refill_by,
            clinic.c.time_zone,
        )
        .select_from(reminder)
        .join(refill, _OF_REFILL)
        .join(pump, sa.and_(pump.c.clinic_id == refill.c.clinic_id, pump.c.id == refill.c.pump_id))
        .join(clinic, clinic.c.id == reminder.c.clinic_id)
        .where(reminder.c.clinic_id == clinic_id, reminder.c.id == reminder_id)
    )
    return connection.execute(statement).mappings().one()


def _held(clinic_id: str, delivery_id: str, owner: str) -> sa.ColumnElement[bool]:
    return sa.and_(
        delivery.c.clinic_id == clinic_id,
        delivery.c.id == delivery_id,
        delivery.c.state == "pending",
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
    """Record a failed attempt, if this owner still holds the copy: to be tried again, or dead and visible."""
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
