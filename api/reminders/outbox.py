"""Queue what is due, claim it under a lease, record how it went.

A crash between sending and recording sends again: a copy is never lost, and every copy carries the same id.
"""

from __future__ import annotations

import datetime as dt
import hashlib
from dataclasses import dataclass

import sqlalchemy as sa

from api.store.ids import new_id
from api.store.queries import outbox

__all__ = ["CHANNEL", "Claim", "claim", "complete", "fail", "idem", "queue_due"]

CHANNEL = "email"

_BATCH = 200
_FIRST_WAIT = dt.timedelta(seconds=30)
_LONGEST_WAIT = dt.timedelta(hours=1)
_GIVES_UP_AFTER = dt.timedelta(hours=24)


@dataclass(frozen=True)
class Claim:
    """One copy that this owner may send until its lease ends."""

    clinic_id: str
    delivery_id: str
    reminder_id: str
    recipient: str
    idem: str
    owner: str
    attempts: int
    queued_at: dt.datetime


def idem(clinic_id: str, reminder_id: str, channel: str, recipient: str) -> str:
    """The id that every copy of one reminder to one recipient carries: SHA-256 in hexadecimal."""
    return hashlib.sha256("\n".join((clinic_id, reminder_id, channel, recipient)).encode()).hexdigest()


def queue_due(connection: sa.Connection, now: dt.datetime) -> int:
    """Put a copy of every due reminder into the outbox, the worst first. How many, at most one batch.

    Meant to run inside one write transaction: a reminder is queued together with its copy, or not at all.
    """
    due = outbox.queue_due_reminders(connection, now, _BATCH)
    if due:
        outbox.add_deliveries(connection, [_copy(row, now) for row in due])
    return len(due)


def _copy(row: sa.RowMapping, now: dt.datetime) -> dict[str, object]:
    return {
        "clinic_id": row["clinic_id"],
        "id": new_id("delivery"),
        "reminder_id": row["id"],
        "channel": CHANNEL,
        "recipient": row["recipient"],
        "idem": idem(row["clinic_id"], row["id"], CHANNEL, row["recipient"]),
        "state": "pending",
        "attempts": 0,
        "queued_at": now,
        "next_try_at": now,
    }


def claim(connection: sa.Connection, now: dt.datetime, owner: str, lease: dt.timedelta) -> Claim | None:
    """Claim the next copy to send, with its attempt already counted; None when nothing waits."""
    rows = outbox.claim_deliveries(connection, now, owner, now + lease, limit=1)
    if not rows:
        return None
    row = rows[0]
    return Claim(
        clinic_id=row["clinic_id"],
        delivery_id=row["id"],
        reminder_id=row["reminder_id"],
        recipient=row["recipient"],
        idem=row["idem"],
        owner=owner,
        attempts=row["attempts"],
        queued_at=row["queued_at"],
    )


def complete(connection: sa.Connection, claimed: Claim, now: dt.datetime) -> bool:
    """Record a copy as sent. False when it is no longer this owner's to record."""
    return outbox.mark_sent(connection, claimed.clinic_id, claimed.delivery_id, claimed.owner, now) == 1


def fail(connection: sa.Connection, claimed: Claim, now: dt.datetime, error: str) -> bool:
    """Record a failed attempt: again after 30 s, 1 min, 2 min ... 1 h; after 24 h dead, kept and visible."""
    wait = min(_FIRST_WAIT * 2 ** min(claimed.attempts - 1, 16), _LONGEST_WAIT)
    state = "dead" if now - claimed.queued_at >= _GIVES_UP_AFTER else "pending"
    changed = outbox.mark_failed(
        connection,
        claimed.clinic_id,
        claimed.delivery_id,
        claimed.owner,
        state=state,
        next_try_at=now + wait,
        last_error=error,
    )
    return changed == 1
