"""Queue what is due, claim it under a lease, record how it went.

A crash between sending and recording sends again: a copy is never lost, and every copy carries the same id.

One reminder becomes one copy for everybody who is told at once; whoever is told only when nobody has answered is a
later step of the same reminder, kept as a row when the earlier step is queued, and cancelled by an answer.
"""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from api.reminders.ladder import Rung, at_once, next_morning, not_before, step
from api.store.ids import new_id
from api.store.queries import outbox, plans
from api.store.types import Row

__all__ = ["Claim", "claim", "complete", "count_as_told", "fail", "hold", "idem", "queue_due"]

MAILBOX = "email"
"""The channel of a clinic's own mailbox."""

_BATCH = 500
_FIRST_WAIT = dt.timedelta(seconds=30)
_LONGEST_WAIT = dt.timedelta(hours=1)
_DEAD_AFTER = dt.timedelta(hours=24)
_DEAD = "dead-delivery"
_EVERY_DAY = {"due-day": "overdue", "overdue": "overdue", "unknown": "unknown"}
"""Reminders that are followed by one on the next day, until the plan is closed."""


@dataclass(frozen=True)
class Claim:
    """One copy that this owner may send until its lease ends."""

    clinic_id: str
    delivery_id: str
    reminder_id: str
    contact_id: str | None
    channel: str
    recipient: str
    idem: str
    urgency: str
    owner: str
    state: str
    attempts: int
    queued_at: dt.datetime


def idem(clinic_id: str, reminder_id: str, channel: str, recipient: str) -> str:
    """The id that every copy of one reminder to one recipient carries: SHA-256 in hexadecimal."""
    return hashlib.sha256("\n".join((clinic_id, reminder_id, channel, recipient)).encode()).hexdigest()


def queue_due(connection: sa.Connection, now: dt.datetime) -> int:
    """Put a copy of every due reminder into the outbox, the worst first. How many reminders, at most one batch.

    Meant to run inside one write transaction: a reminder is queued together with its copies, or not at all. Of several
    reminders of one plan that are due together one speaks for all, and an older copy to the same receiver is taken
    back. Whichever speaks, a last safe day that has come is followed by a reminder on the next day. A new
    rung begins its chain anew, and the repetitions of an older one end.
    """
    due = outbox.due_plans(connection, now, _BATCH)
    keys = [(row["clinic_id"], row["id"]) for row in due]
    of_plans = outbox.due_reminders(connection, keys, now)
    own = outbox.due_of_clinics(connection, now, _BATCH)
    if not due and not own:
        return 0
    clinic_ids = sorted({row["clinic_id"] for row in (*due, *own)})
    batch = _Batch(
        now, outbox.clinics_with(connection, clinic_ids), _by_clinic(outbox.contacts_of(connection, clinic_ids))
    )
    groups = _by_plan(of_plans)
    speaking = {key: _speaks(rows) for key, rows in groups.items()}
    for found in due:
        key = (found["clinic_id"], found["id"])
        if key in groups:
            batch.queue(speaking[key], found, _daily(groups[key]))
    for row in own:
        batch.queue_own(row, _died(connection, row))
    spoken = {row["id"] for row in speaking.values()}
    silent = [(row["clinic_id"], row["id"]) for row in of_plans if row["id"] not in spoken]
    outbox.coalesce(connection, silent, now)
    outbox.mark_queued(connection, batch.queued, now)
    outbox.cancel_superseded(connection, batch.take_over(outbox.unsent_of_plans(connection, list(groups))))
    outbox.cancel_chains(connection, [key for key, row in speaking.items() if _is_rung(row)])
    outbox.add_deliveries(connection, batch.copies)
    plans.add_reminders(connection, batch.steps)
    return len(batch.queued) + len(silent)


def count_as_told(connection: sa.Connection, now: dt.datetime) -> int:
    """Count what is due as told, and send none of it. How many reminders, at most one batch.

    What must come each day comes on the next.
    """
    due = outbox.due_plans(connection, now, _BATCH)
    of_plans = outbox.due_reminders(connection, [(row["clinic_id"], row["id"]) for row in due], now)
    own = outbox.due_of_clinics(connection, now, _BATCH)
    rows = [*of_plans, *own]
    batch = _Batch(now, outbox.clinics_with(connection, sorted({row["clinic_id"] for row in rows})), {})
    for reminders in _by_plan(of_plans).values():
        batch.come_again(_speaks(reminders), _daily(reminders))
    outbox.coalesce(connection, [(row["clinic_id"], row["id"]) for row in rows], now)
    plans.add_reminders(connection, batch.steps)
    return len(rows)


def _by_plan(reminders: Iterable[sa.RowMapping]) -> dict[tuple[str, str], list[sa.RowMapping]]:
    found: dict[tuple[str, str], list[sa.RowMapping]] = {}
    for row in reminders:
        found.setdefault((row["clinic_id"], row["plan_id"]), []).append(row)
    return found


def _is_rung(row: Row) -> bool:
    """Whether a reminder begins a chain of its own: it is no later step of another, nor one that was put off."""
    return bool(row["round"] == 0 and row["after_minutes"] == 0 and row["kind"] != "snoozed")


def _speaks(due: Sequence[sa.RowMapping]) -> sa.RowMapping:
    """Of reminders of one plan that are due together, soonest first, the last; a rung before any step of a chain."""
    return next((row for row in reversed(due) if _is_rung(row)), due[-1])


def _daily(due: Sequence[sa.RowMapping]) -> str | None:
    """The kind of the reminder on the next day, where one of these must be followed by one, spoken for or not."""
    return next((_EVERY_DAY[row["kind"]] for row in due if _is_rung(row) and row["kind"] in _EVERY_DAY), None)


def _by_clinic(contacts: Iterable[sa.RowMapping]) -> dict[str, list[sa.RowMapping]]:
    found: dict[str, list[sa.RowMapping]] = {}
    for row in contacts:
        found.setdefault(row["clinic_id"], []).append(row)
    return found


def _died(connection: sa.Connection, row: Row) -> Row | None:
    """The copy that an alarm is about."""
    return outbox.delivery_by_id(connection, row["clinic_id"], row["about"]) if row["kind"] == _DEAD else None


class _Batch:
    """What one transaction queues: reminders, their copies, and the steps that follow if nobody answers."""

    def __init__(
        self,
        now: dt.datetime,
        clinics: Mapping[str, Row],
        contacts: Mapping[str, Sequence[Row]],
    ) -> None:
        self.now = now
        self.clinics = clinics
        self.contacts = contacts
        self.queued: list[tuple[str, str]] = []
        self.copies: list[dict[str, Any]] = []
        self.steps: list[dict[str, Any]] = []
        self._names: set[str] = set()
        self._plan_of: dict[str, str | None] = {}

    def queue(self, row: Row, plan: Row, daily: str | None) -> None:
        """One step of a plan's reminder, and what follows it: a chain, and ``daily`` on the next day."""
        clinic, contacts = self.clinics[row["clinic_id"]], self.contacts.get(row["clinic_id"], ())
        self.queued.append((row["clinic_id"], row["id"]))
        told = [each for each in contacts if row["round"] > 0 or each["after_minutes"] == row["after_minutes"]]
        if row["after_minutes"] == 0:
            self._mailbox(row, clinic)
        for each in told:
            held = not_before(each, row["severity"], plan["refill_by"], self.now, clinic["time_zone"])
            self._copy(row, each["channel"], each["address"], each["id"], held)
        self._escalate(row, clinic, contacts)
        self.come_again(row, daily)

    def come_again(self, row: Row, daily: str | None) -> None:
        """``daily`` on the next day, where there is such a thing."""
        if daily is None:
            return
        clinic = self.clinics[row["clinic_id"]]
        hour = clinic["reminder_time"]
        time = None if hour is None else dt.time.fromisoformat(hour)
        self._follow(row, next_morning(daily, self.now, time, clinic["time_zone"]))

    def queue_own(self, row: Row, died: Row | None) -> None:
        """A reminder of the clinic's own: a digest to its contact; an alarm to everybody on another channel."""
        clinic, contacts = self.clinics[row["clinic_id"]], self.contacts.get(row["clinic_id"], ())
        self.queued.append((row["clinic_id"], row["id"]))
        if died is None:
            wanted = row["about"].partition(" ")[0]
            told = [each for each in contacts if each["id"] == wanted]
        else:
            others = [each for each in contacts if each["channel"] != died["channel"]]
            if died["channel"] != MAILBOX or (not others and died["recipient"] != clinic["reminder_email"]):
                self._mailbox(row, clinic)
            told = others or [each for each in contacts if each["address"] != died["recipient"]]
        for each in told:
            self._copy(row, each["channel"], each["address"], each["id"], self.now)

    def take_over(self, unsent: Iterable[Mapping[str, Any]]) -> list[tuple[str, str]]:
        """The copies of which each has a newer one to the same receiver now: that one waits since the oldest of them.

        Without that, a receiver who can never be reached would hear a new reminder each day, of which none would be
        old enough to raise the alarm.
        """
        newer = {(copy["clinic_id"], self._plan_of[copy["reminder_id"]], copy["channel"], copy["recipient"]): copy
                 for copy in self.copies}  # fmt: skip
        taken = []
        for row in unsent:
            key = (row["clinic_id"], row["plan_id"], row["channel"], row["recipient"])
            if (copy := newer.get(key)) is not None:
                copy["queued_at"] = min(copy["queued_at"], row["queued_at"])
                taken.append((row["clinic_id"], row["id"]))
        return taken

    def _mailbox(self, row: Row, clinic: Row) -> None:
        if clinic["reminder_email"] is not None:
            self._copy(row, MAILBOX, clinic["reminder_email"], None, self.now)

    def _copy(self, row: Row, channel: str, recipient: str, contact_id: str | None, not_before: dt.datetime) -> None:
        name = idem(row["clinic_id"], row["id"], channel, recipient)
        if name in self._names:
            return  # two contacts have one address, or one has the mailbox's
        self._names.add(name)
        self._plan_of[row["id"]] = row["plan_id"]
        self.copies.append(
            {
                "clinic_id": row["clinic_id"],
                "id": new_id("delivery"),
                "reminder_id": row["id"],
                "contact_id": contact_id,
                "channel": channel,
                "recipient": recipient,
                "idem": name,
                "urgency": row["urgency"],
                "state": "pending",
                "attempts": 0,
                "queued_at": self.now,
                "next_try_at": not_before,
            }
        )

    def _escalate(self, row: Row, clinic: Row, contacts: Sequence[Row]) -> None:
        """Whoever is told next if nobody answers; then everybody again, as often as the clinic says."""
        later = [each["after_minutes"] for each in contacts if each["after_minutes"] > row["after_minutes"]]
        if row["round"] == 0 and later:
            soonest = min(later)
            self._chain(row, 0, soonest, dt.timedelta(minutes=soonest - row["after_minutes"]), clinic)
        elif clinic["repeat_after_minutes"] is not None:
            wait = dt.timedelta(minutes=int(clinic["repeat_after_minutes"]))
            self._chain(row, row["round"] + 1, 0, wait, clinic)

    def _chain(self, row: Row, round_: int, after: int, wait: dt.timedelta, clinic: Row) -> None:
        self._follow(row, at_once(row["kind"], self.now + wait, clinic["time_zone"]), round_, after)

    def _follow(self, row: Row, rung: Rung, round_: int = 0, after: int = 0) -> None:
        kept = {name: row[name] for name in ("clinic_id", "plan_id", "severity", "urgency")}
        self.steps.append(step(rung, self.now, round=round_, after_minutes=after, **kept))


def claim(
    connection: sa.Connection, now: dt.datetime, owner: str, lease: dt.timedelta, channels: Sequence[str]
) -> Claim | None:
    """Claim the next copy to send, with its attempt already counted; None when nothing waits."""
    rows = outbox.claim_deliveries(connection, now, owner, now + lease, channels, limit=1)
    if not rows:
        return None
    row = rows[0]
    return Claim(
        clinic_id=row["clinic_id"],
        delivery_id=row["id"],
        reminder_id=row["reminder_id"],
        contact_id=row["contact_id"],
        channel=row["channel"],
        recipient=row["recipient"],
        idem=row["idem"],
        urgency=row["urgency"],
        owner=owner,
        state=row["state"],
        attempts=row["attempts"],
        queued_at=row["queued_at"],
    )


def complete(connection: sa.Connection, claimed: Claim, now: dt.datetime) -> bool:
    """Record a copy as sent. False when it is no longer this owner's to record."""
    return outbox.mark_sent(connection, claimed.clinic_id, claimed.delivery_id, claimed.owner, now) == 1


def hold(connection: sa.Connection, claimed: Claim, until: dt.datetime) -> bool:
    """Give a copy back untried, for its receiver's quiet hours. False when it is no longer this owner's."""
    return outbox.mark_held(connection, claimed.clinic_id, claimed.delivery_id, claimed.owner, until) == 1


def fail(
    connection: sa.Connection,
    claimed: Claim,
    now: dt.datetime,
    error: str,
    *,
    not_before: dt.timedelta = dt.timedelta(),
    is_final: bool = False,
) -> bool:
    """Record a failed attempt: again after 30 s, 1 min, 2 min ... 1 h, each a little longer by chance of its id.

    After 24 h, or at once when the receiver says that it will never take it, the copy is dead: an alarm goes out on
    another channel, and it is still tried each hour. Nothing is ever given up.
    """
    wait = min(_FIRST_WAIT * 2 ** min(claimed.attempts - 1, 16), _LONGEST_WAIT)
    spread = wait / 10 * (int(claimed.idem[:2], 16) / 255)
    dies = is_final or now - claimed.queued_at >= _DEAD_AFTER
    state = "dead" if dies or claimed.state == "dead" else "pending"
    if is_final:
        wait = _LONGEST_WAIT
    changed = outbox.mark_failed(
        connection,
        claimed.clinic_id,
        claimed.delivery_id,
        claimed.owner,
        state=state,
        next_try_at=now + max(wait + spread, not_before),
        last_error=error,
    )
    if changed and state == "dead" and claimed.state != "dead":
        _alarm(connection, claimed, now)
    return changed == 1


def _alarm(connection: sa.Connection, claimed: Claim, now: dt.datetime) -> None:
    """A dead copy is itself something to be told, on another channel. A dead alarm is only seen."""
    facts = outbox.letter(connection, claimed.clinic_id, claimed.reminder_id)
    if facts["kind"] == _DEAD:
        return
    rung = at_once(_DEAD, now, facts["time_zone"])
    alarm = step(
        rung, now, clinic_id=claimed.clinic_id, plan_id=None, about=claimed.delivery_id, severity=facts["severity"],
        urgency=claimed.urgency,
    )  # fmt: skip
    outbox.add_unless_there(connection, [alarm])
