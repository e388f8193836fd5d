"""The way of a reminder out of the house: due, queued, claimed under a lease, sent or tried again.

Claims and completions are conditional: each says what it expects to find, and counts what it changed. On PostgreSQL
a claim steps over what another worker holds; it stands in a CTE, so that its LIMIT is applied once.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import sqlalchemy as sa

from api.store.queries.prepared import Given, prepared, unless_there
from api.store.tables import clinic, contact, delivery, plan, pump, reminder

__all__ = [
    "add_deliveries",
    "add_unless_there",
    "cancel_all_unsent",
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
    "mark_held",
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


def _due(now: Given) -> sa.ColumnElement[bool]:
    return sa.and_(_PENDING, reminder.c.due_at <= now)


@prepared
def _due_plans(now: Given, limit: Given) -> sa.Select[Any]:
    # Nothing is grouped: SQLite keeps the worst ``limit`` of an index scan, however many are due.
    due = (
        sa.select(reminder.c.clinic_id, reminder.c.plan_id, reminder.c.urgency)
        .where(_due(now), reminder.c.plan_id.is_not(None), reminder.c.clinic_id.not_in(_unreachable()))
        .order_by(reminder.c.urgency, reminder.c.clinic_id, reminder.c.plan_id)
        .limit(limit)
        .subquery()
    )
    return (
        sa.select(plan, due.c.urgency)
        .join(due, sa.and_(plan.c.clinic_id == due.c.clinic_id, plan.c.id == due.c.plan_id))
        .where(plan.c.closed_at.is_(None))
        .order_by(due.c.urgency, plan.c.clinic_id, plan.c.id)
        .with_for_update(skip_locked=True, of=plan, key_share=True)
    )


def due_plans(connection: sa.Connection, now: dt.datetime, limit: int) -> Sequence[Row]:
    """The open plans that have a reminder due, the worst first, locked until the transaction ends.

    A plan that another worker holds is stepped over.
    """
    found = _due_plans(connection, now, limit).mappings().all()
    return list({(row["clinic_id"], row["id"]): row for row in found}.values())  # one plan may have several due


@prepared
def _due_reminders(keys: Given, now: Given) -> sa.Select[Any]:
    of_plans = sa.tuple_(reminder.c.clinic_id, reminder.c.plan_id).in_(keys)
    return sa.select(reminder).where(_due(now), of_plans).order_by(reminder.c.due_at, reminder.c.id)


def due_reminders(connection: sa.Connection, plans: Sequence[Key], now: dt.datetime) -> Sequence[Row]:
    """Every reminder of these plans that is due and not queued, soonest first."""
    found: list[Row] = []
    for some in _portions(plans):
        found += _due_reminders(connection, some, now).mappings().all()
    return found


@prepared
def _due_of_clinics(now: Given, limit: Given) -> sa.Select[Any]:
    return (
        sa.select(reminder)
        .where(_due(now), reminder.c.plan_id.is_(None), reminder.c.clinic_id.not_in(_unreachable()))
        .order_by(reminder.c.urgency, reminder.c.due_at, reminder.c.id)
        .limit(limit)
        .with_for_update(skip_locked=True, of=reminder)
    )


def due_of_clinics(connection: sa.Connection, now: dt.datetime, limit: int) -> Sequence[Row]:
    """The reminders that are a clinic's own, of no plan, that are due: digests, alarms. Locked; others step over."""
    return _due_of_clinics(connection, now, limit).mappings().all()


@prepared
def _clinics_with(clinic_ids: Given) -> sa.Select[Any]:
    return sa.select(clinic).where(clinic.c.id.in_(clinic_ids))


def clinics_with(connection: sa.Connection, clinic_ids: Sequence[str]) -> dict[str, Row]:
    """The settings of these clinics, by id."""
    return {row["id"]: row for row in _clinics_with(connection, list(clinic_ids)).mappings()}


@prepared
def _contacts_of(clinic_ids: Given) -> sa.Select[Any]:
    running = sa.select(contact).where(contact.c.clinic_id.in_(clinic_ids), contact.c.ended_at.is_(None))
    return running.order_by(contact.c.after_minutes, contact.c.id)


def contacts_of(connection: sa.Connection, clinic_ids: Sequence[str]) -> Sequence[Row]:
    """How the people of these clinics are told now: those that are told at once first."""
    return _contacts_of(connection, list(clinic_ids)).mappings().all()


_SETTLED = (
    sa.update(reminder)
    .where(reminder.c.clinic_id == sa.bindparam("of_clinic"), reminder.c.id == sa.bindparam("of_reminder"), _PENDING)
    .values(state=sa.bindparam("becomes"), queued_at=sa.bindparam("now"))
)


def _settle(connection: sa.Connection, reminders: Sequence[Key], state: str, now: dt.datetime) -> None:
    if reminders:
        each = {"becomes": state, "now": now}
        connection.execute(_SETTLED, [{"of_clinic": of, "of_reminder": name, **each} for of, name in reminders])


def mark_queued(connection: sa.Connection, reminders: Sequence[Key], now: dt.datetime) -> None:
    """These reminders have their copies in the outbox."""
    _settle(connection, reminders, "queued", now)


def coalesce(connection: sa.Connection, reminders: Sequence[Key], now: dt.datetime) -> None:
    """These reminders are due together with a later one of the same plan, which speaks for them."""
    _settle(connection, reminders, "coalesced", now)


@prepared
def _cancel_chains(clinic_ids: Given, plan_ids: Given) -> sa.Update:
    return (
        sa.update(reminder)
        .where(
            reminder.c.state == "pending",
            reminder.c.round > 0,
            reminder.c.clinic_id.in_(clinic_ids),
            reminder.c.plan_id.in_(plan_ids),
        )
        .values(state="cancelled")
    )


def cancel_chains(connection: sa.Connection, plans: Sequence[Key]) -> int:
    """Cancel the repetitions of these plans that are still to come: a new rung begins a chain of its own. How many.

    Whoever has not been told yet still is: a step that comes after more than a day would be cancelled every day.
    """
    return sum(_cancel_chains(connection, *_apart(some)).rowcount for some in _portions(plans))


@prepared
def _queued_of_plans(clinic_ids: Given, plan_ids: Given) -> sa.Select[Any]:
    return sa.select(reminder.c.clinic_id, reminder.c.id, reminder.c.plan_id).where(
        reminder.c.clinic_id.in_(clinic_ids), reminder.c.plan_id.in_(plan_ids), reminder.c.state == "queued"
    )


@prepared
def _unsent_of_reminders(clinic_ids: Given, reminder_ids: Given) -> sa.Select[Any]:
    return sa.select(delivery).where(
        delivery.c.clinic_id.in_(clinic_ids),
        delivery.c.reminder_id.in_(reminder_ids),
        delivery.c.state.in_(("pending", "dead")),
    )


def unsent_of_plans(connection: sa.Connection, plans: Sequence[Key]) -> list[dict[str, Any]]:
    """The copies of these plans that were queued and not sent, the oldest first, each with its plan.

    Two questions, and each column by itself: for pairs, or for a join, SQLite would read every reminder there ever was,
    or every copy of these clinics.
    """
    plan_of: dict[Key, str] = {}
    for some in _portions(plans):
        for row in _queued_of_plans(connection, *_apart(some)).mappings():
            plan_of[row["clinic_id"], row["id"]] = row["plan_id"]
    found = []
    for some in _portions(list(plan_of)):
        for row in _unsent_of_reminders(connection, *_apart(some)).mappings():
            found.append({**row, "plan_id": plan_of[row["clinic_id"], row["reminder_id"]]})
    return sorted(found, key=lambda row: row["queued_at"])


def _portions(keys: Sequence[Key]) -> Iterator[Sequence[Key]]:
    for start in range(0, len(keys), _AT_A_TIME):
        yield keys[start : start + _AT_A_TIME]


def _apart(keys: Sequence[Key]) -> tuple[list[str], list[str]]:
    """The clinics and the ids, each by themselves."""
    return sorted({clinic_id for clinic_id, _ in keys}), [name for _, name in keys]


_ADD_DELIVERIES = sa.insert(delivery)
_SUPERSEDED = (
    sa.update(delivery)
    .where(delivery.c.clinic_id == sa.bindparam("of_clinic"), delivery.c.id == sa.bindparam("of_copy"), _UNSENT)
    .values(state="cancelled", lease_owner=None, lease_until=None)
)


def cancel_superseded(connection: sa.Connection, copies: Sequence[Key]) -> None:
    """Take back these copies, unless they were sent meanwhile: a newer one goes out to the same receiver."""
    if copies:
        connection.execute(_SUPERSEDED, [{"of_clinic": of, "of_copy": name} for of, name in copies])


@prepared
def _cancel_all_unsent() -> sa.Update:
    return sa.update(delivery).where(_UNSENT).values(state="cancelled", lease_owner=None, lease_until=None)


def cancel_all_unsent(connection: sa.Connection) -> int:
    """Take back every copy that has not been sent. How many."""
    return _cancel_all_unsent(connection).rowcount


def add_deliveries(connection: sa.Connection, copies: Sequence[Mapping[str, Any]]) -> None:
    """Put copies into the outbox. The database refuses a second copy with the same idem."""
    if copies:
        connection.execute(_ADD_DELIVERIES, [dict(copy) for copy in copies])


def add_unless_there(connection: sa.Connection, steps: Sequence[Mapping[str, Any]]) -> int:
    """Keep reminders of the clinic's own, unless the same stands there already. How many are new."""
    return sum(unless_there(connection, reminder, step) for step in steps)


@prepared
def _claim(now: Given, absurd: Given, owner: Given, lease_until: Given, channels: Given, limit: Given) -> sa.Update:
    free = sa.or_(delivery.c.lease_until.is_(None), delivery.c.lease_until <= now, delivery.c.lease_until > absurd)
    in_turn = sa.or_(delivery.c.next_try_at <= now, delivery.c.next_try_at > absurd)
    ready = (
        sa.select(delivery.c.clinic_id, delivery.c.id)
        .where(_UNSENT, delivery.c.channel.in_(channels), in_turn, free)
        .order_by(delivery.c.urgency, delivery.c.id)
        .limit(limit)
        .with_for_update(skip_locked=True, of=delivery)
        .cte("ready")
    )
    return (
        sa.update(delivery)
        .where(sa.tuple_(delivery.c.clinic_id, delivery.c.id).in_(sa.select(ready)))
        .values(lease_owner=owner, lease_until=lease_until, attempts=delivery.c.attempts + 1)
        .returning(*delivery.c)
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
    absurd = now + _LONGEST_PUT_OFF  # nothing is put off or leased for so long: a clock that was ahead left it
    return _claim(connection, now, absurd, owner, lease_until, list(channels), limit).mappings().all()


@prepared
def _letter(clinic_id: Given, reminder_id: Given) -> sa.Select[Any]:
    of_plan = sa.and_(plan.c.clinic_id == reminder.c.clinic_id, plan.c.id == reminder.c.plan_id)
    of_pump = sa.and_(pump.c.clinic_id == plan.c.clinic_id, pump.c.id == plan.c.pump_id)
    return (
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


def letter(connection: sa.Connection, clinic_id: str, reminder_id: str) -> Row:
    """What the text of a reminder is made from: its step, pump, last safe day, zone. No drug, no dose, no person."""
    return _letter(connection, clinic_id, reminder_id).mappings().one()


@prepared
def _delivery(clinic_id: Given, delivery_id: Given) -> sa.Select[Any]:
    return sa.select(delivery).where(delivery.c.clinic_id == clinic_id, delivery.c.id == delivery_id)


def delivery_by_id(connection: sa.Connection, clinic_id: str, delivery_id: str) -> Row | None:
    """One copy of this clinic."""
    return _delivery(connection, clinic_id, delivery_id).mappings().one_or_none()


def _held(clinic_id: Given, delivery_id: Given, owner: Given) -> sa.ColumnElement[bool]:
    return sa.and_(
        delivery.c.clinic_id == clinic_id,
        delivery.c.id == delivery_id,
        _UNSENT,
        delivery.c.lease_owner == owner,
    )


@prepared
def _mark_sent(clinic_id: Given, delivery_id: Given, owner: Given, now: Given) -> sa.Update:
    held = sa.update(delivery).where(_held(clinic_id, delivery_id, owner))
    return held.values(state="sent", sent_at=now, lease_owner=None, lease_until=None, last_error=None)


def mark_sent(connection: sa.Connection, clinic_id: str, delivery_id: str, owner: str, now: dt.datetime) -> int:
    """Record a copy as sent, if this owner still holds it. How many rows changed: 1, or 0: too late."""
    return _mark_sent(connection, clinic_id, delivery_id, owner, now).rowcount


@prepared
def _mark_failed(
    clinic_id: Given, delivery_id: Given, owner: Given, state: Given, next_try_at: Given, last_error: Given
) -> sa.Update:
    held = sa.update(delivery).where(_held(clinic_id, delivery_id, owner))
    return held.values(state=state, next_try_at=next_try_at, last_error=last_error, lease_owner=None, lease_until=None)


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
    return _mark_failed(connection, clinic_id, delivery_id, owner, state, next_try_at, last_error).rowcount


@prepared
def _mark_held(clinic_id: Given, delivery_id: Given, owner: Given, until: Given) -> sa.Update:
    held = sa.update(delivery).where(_held(clinic_id, delivery_id, owner))
    return held.values(next_try_at=until, attempts=delivery.c.attempts - 1, lease_owner=None, lease_until=None)


def mark_held(connection: sa.Connection, clinic_id: str, delivery_id: str, owner: str, until: dt.datetime) -> int:
    """Put a claimed copy off, if this owner still holds it, and do not count the attempt. How many rows changed."""
    return _mark_held(connection, clinic_id, delivery_id, owner, until).rowcount


def states(connection: sa.Connection) -> dict[str, int]:
    """How many copies are in each state."""
    statement = sa.select(delivery.c.state, sa.func.count()).group_by(delivery.c.state)
    return {row[0]: row[1] for row in connection.execute(statement)}
