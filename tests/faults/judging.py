"""What must always hold once a service has recovered, whatever happened to it: by the store, and by the world.

The judge reads the tables and the postbox of the world outside. It asks nothing of the code that it judges: who had to
be told, under which id, and which reminders a refill has are worked out here a second time.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from api.store import Store

__all__ = ["Verdict", "instant", "judge", "posted", "witnessed"]

Row = Mapping[str, Any]
_TABLES = ("clinic", "contact", "pump", "refill", "plan", "reminder", "delivery", "response")
_UNSENT = ("pending", "dead")
_ALARM = "dead-delivery"

# What no final state can tell is written down by the database itself at the moment when it happens.
_MISDEEDS = {
    "a copy that was sent is changed": ("delivery", "OLD.state = 'sent'"),
    "a copy that was taken back returns": ("delivery", "OLD.state = 'cancelled' AND NEW.state <> 'cancelled'"),
    "a copy is claimed that was taken back or sent": (
        "delivery",
        "NEW.lease_owner IS NOT NULL AND (OLD.state NOT IN ('pending', 'dead')"
        " OR NEW.state NOT IN ('pending', 'dead'))",
    ),
    "a copy is claimed after its plan was closed": (
        "delivery",
        "NEW.lease_owner IS NOT NULL AND EXISTS"
        " (SELECT 1 FROM reminder JOIN plan ON plan.clinic_id = reminder.clinic_id"
        " AND plan.id = reminder.plan_id WHERE reminder.clinic_id = NEW.clinic_id AND reminder.id = NEW.reminder_id"
        " AND plan.closed_at IS NOT NULL)",
    ),
    "a copy is claimed under another's lease": (
        "delivery",
        "OLD.lease_owner IS NOT NULL AND NEW.lease_owner IS NOT NULL AND NEW.lease_owner <> OLD.lease_owner"
        " AND NEW.lease_until < {after_old_lease}",
    ),
    "a reminder that was settled is changed": (
        "reminder",
        "OLD.state <> 'pending' AND NOT (OLD.state = 'cancelled' AND NEW.state = 'pending')",
    ),
}


def witnessed(store: Store, lease: dt.timedelta) -> None:
    """Let the database of a trial write down the transitions that must never be."""
    seconds = int(lease.total_seconds()) - 1  # SQLite counts in thousandths: a claim on the very instant is right
    is_shared = store.is_shared
    after = (
        f"to_char((OLD.lease_until::timestamptz + interval '{seconds} seconds') AT TIME ZONE 'UTC',"
        ' \'YYYY-MM-DD"T"HH24:MI:SS.US"Z"\')'
        if is_shared
        else f"strftime('%Y-%m-%dT%H:%M:%f000Z', OLD.lease_until, '+{seconds} seconds')"
    )
    with store.writing() as connection:
        connection.exec_driver_sql("CREATE TABLE misdeed (what TEXT NOT NULL)")
        for number, (what, (table, when)) in enumerate(_MISDEEDS.items()):
            said = what.replace("'", "''")
            condition = when.format(after_old_lease=after)
            if is_shared:
                connection.exec_driver_sql(
                    f"CREATE FUNCTION misdeed_{number}() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
                    f" IF {condition} THEN INSERT INTO misdeed VALUES ('{said}'); END IF; RETURN NEW; END $$"
                )
                connection.exec_driver_sql(
                    f"CREATE TRIGGER misdeed_{number} AFTER UPDATE ON {table}"
                    f" FOR EACH ROW EXECUTE FUNCTION misdeed_{number}()"
                )
            else:
                connection.exec_driver_sql(
                    f"CREATE TRIGGER misdeed_{number} AFTER UPDATE ON {table} WHEN {condition}"
                    f" BEGIN INSERT INTO misdeed VALUES ('{said}'); END"
                )


@dataclass
class Verdict:
    """What was found: ``wrong`` in sentences, none when everything holds."""

    wrong: list[str] = field(default_factory=list)
    sent: int = 0
    """Copies recorded as sent."""
    duplicates: int = 0
    """Copies that left twice or more, each under one id: a receiver that drops duplicates sees one."""

    def __bool__(self) -> bool:
        return not self.wrong


def instant(when: dt.datetime) -> str:
    """An instant as the tables write it; such texts sort as the instants do."""
    return when.astimezone(dt.UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def posted(postbox: Path) -> list[dict[str, Any]]:
    """What left the house, by the world's account, in the order in which it left."""
    if not postbox.exists():
        return []
    return [json.loads(line) for line in postbox.read_text().splitlines()]


def judge(store: Store, now: dt.datetime, postbox: Path | None) -> Verdict:
    """Look at everything, at an instant when every channel is up again and every lease has ended."""
    with store.reading() as connection:
        tables = {name: _rows(connection, name) for name in _TABLES}
        has_witness = sa.inspect(connection).has_table("misdeed")
        misdeeds = [row["what"] for row in _rows(connection, "misdeed")] if has_witness else []
    case = _Case(tables, instant(now), posted(postbox) if postbox is not None else None)
    verdict = Verdict([*misdeeds, *case.wrong()])
    verdict.sent = sum(copy["state"] == "sent" for copy in tables["delivery"])
    verdict.duplicates = sum(count - 1 for count in Counter(line["idem"] for line in case.post or ()).values())
    return verdict


def _rows(connection: sa.Connection, table: str) -> list[Row]:
    return [dict(row) for row in connection.exec_driver_sql(f"SELECT * FROM {table}").mappings()]


class _Case:
    def __init__(self, tables: Mapping[str, list[Row]], now: str, post: list[dict[str, Any]] | None) -> None:
        self.tables, self.now, self.post = tables, now, post
        self.clinics = {row["id"]: row for row in tables["clinic"]}
        self.plans = {row["id"]: row for row in tables["plan"]}
        self.reminders = {row["id"]: row for row in tables["reminder"]}
        self.contacts = _by(tables["contact"], "clinic_id")
        self.copies = _by(tables["delivery"], "reminder_id")
        self.of_plan = _by(tables["reminder"], "plan_id")
        self.answers = _by(tables["response"], "plan_id")
        self.alarms = {row["about"] for row in tables["reminder"] if row["kind"] == _ALARM}

    def wrong(self) -> Iterator[str]:
        for reminder in self.tables["reminder"]:
            yield from self._reminder(reminder)
        for copy in self.tables["delivery"]:
            yield from self._copy(copy)
        yield from self._once()
        for pump in self.tables["pump"]:
            yield from self._pump(pump)
        for answer in self.tables["response"]:
            yield from self._answer(answer)
        yield from self._world()

    def _reminder(self, reminder: Row) -> Iterator[str]:
        name = f"{reminder['kind']} {reminder['id']}"
        clinic = self.clinics[reminder["clinic_id"]]
        is_reachable = clinic["reminder_email"] is not None or self._told_at(reminder, self.now)
        if reminder["state"] == "pending" and reminder["due_at"] <= self.now and is_reachable:
            yield f"{name} is due and neither queued, coalesced nor cancelled"
        if reminder["state"] == "queued" and reminder["plan_id"] is not None:
            copies = {(copy["channel"], copy["recipient"]) for copy in self.copies[reminder["id"]]}
            if copies != (expected := self._recipients(reminder)):
                yield f"{name} is queued for {sorted(copies)}, not for {sorted(expected)}"
        if reminder["state"] == "coalesced" and not any(
            other["state"] == "queued" and other["queued_at"] == reminder["queued_at"]
            for other in self.of_plan[reminder["plan_id"]]
        ):
            yield f"{name} is coalesced, and nothing speaks for it"
        if reminder["state"] == "cancelled" and reminder["plan_id"] is not None:
            plan = self.plans[reminder["plan_id"]]
            ended = plan["closed_at"] or self.now
            is_untold = reminder["due_at"] <= ended and not self._chain_ended(reminder)
            if is_untold and not self._answered_since(plan, "") and not self._taken_over(plan):
                yield f"{name} was due, was cancelled, and nothing speaks for it"

    def _chain_ended(self, reminder: Row) -> bool:
        """Whether a step of an older chain was ended by a reminder that begins a chain of its own."""
        return not _is_rung(reminder) and any(
            row["state"] == "queued" and _is_rung(row) and row["queued_at"] >= reminder["created_at"]
            for row in self.of_plan[reminder["plan_id"]]
        )

    def _told_at(self, reminder: Row, when: str) -> list[Row]:
        return [
            each
            for each in self.contacts[reminder["clinic_id"]]
            if each["created_at"] <= when and (each["ended_at"] is None or each["ended_at"] > when)
        ]

    def _recipients(self, reminder: Row) -> set[tuple[str, str]]:
        told = {
            (each["channel"], each["address"])
            for each in self._told_at(reminder, reminder["queued_at"])
            if reminder["round"] > 0 or each["after_minutes"] == reminder["after_minutes"]
        }
        mailbox = self.clinics[reminder["clinic_id"]]["reminder_email"]
        if reminder["after_minutes"] == 0 and mailbox is not None:
            told.add(("email", mailbox))
        return told

    def _answered_since(self, plan: Row, when: str) -> bool:
        return any(answer["recorded_at"] >= when for answer in self.answers[plan["id"]])

    def _taken_over(self, plan: Row) -> bool:
        """Whether what a closed plan left untold needs no telling, or the next plan told something as it opened."""
        if plan["closed_at"] is None:
            return False
        later = [
            row
            for row in self.plans.values()
            if row["pump_id"] == plan["pump_id"] and row["revision"] == plan["revision"] + 1
        ]
        if not later:
            return True  # explanted
        (after,) = later
        if after["why"] == "refill":
            return True
        return any(row["due_at"] <= after["opened_at"] for row in self.of_plan[after["id"]])

    def _copy(self, copy: Row) -> Iterator[str]:
        reminder = self.reminders[copy["reminder_id"]]
        name = f"{copy['state']} copy {copy['id']} of {reminder['kind']}"
        parts = (copy["clinic_id"], copy["reminder_id"], copy["channel"], copy["recipient"])
        if copy["idem"] != hashlib.sha256("\n".join(parts).encode()).hexdigest():
            yield f"{name} has an id of its own"
        if copy["lease_owner"] is not None or copy["lease_until"] is not None:
            yield f"{name} is still leased"
        if reminder["state"] != "queued":
            yield f"{name} belongs to a reminder that is {reminder['state']}"
        if copy["state"] == "pending" and copy["next_try_at"] <= self.now:
            yield f"{name} waits, and nobody sends it"
        if copy["state"] == "dead" and reminder["kind"] != _ALARM and copy["id"] not in self.alarms:
            yield f"{name} raised no alarm"
        if copy["state"] == "cancelled" and not self._superseded(copy, reminder):
            yield f"{name} was taken back for nothing"

    def _superseded(self, copy: Row, reminder: Row) -> bool:
        if reminder["plan_id"] is None:
            return False
        plan = self.plans[reminder["plan_id"]]
        newer = any(
            other["state"] == "queued"
            and other["id"] != reminder["id"]
            and (to["channel"], to["recipient"]) == (copy["channel"], copy["recipient"])
            for other in self.of_plan[plan["id"]]
            for to in self.copies[other["id"]]
            if to["state"] != "cancelled" or other["queued_at"] > reminder["queued_at"]
        )
        return newer or self._answered_since(plan, reminder["queued_at"]) or self._taken_over(plan)

    def _once(self) -> Iterator[str]:
        """Each reminder, channel and recipient has one copy; so each is recorded as sent at most once."""
        counts = Counter((row["reminder_id"], row["channel"], row["recipient"]) for row in self.tables["delivery"])
        yield from (f"{key} has {count} copies" for key, count in counts.items() if count > 1)
        idems = Counter((row["clinic_id"], row["idem"]) for row in self.tables["delivery"])
        yield from (f"the id {key} stands on {count} copies" for key, count in idems.items() if count > 1)

    def _pump(self, pump: Row) -> Iterator[str]:
        name = f"{pump['state']} pump {pump['id']}"
        is_open = [row for row in self.plans.values() if row["pump_id"] == pump["id"] and row["closed_at"] is None]
        if [row["id"] for row in is_open] != ([] if pump["state"] == "explanted" else [pump["plan_id"]]):
            yield f"{name} does not point at exactly one open plan"
        refills = [
            row for row in self.tables["refill"] if row["pump_id"] == pump["id"] and row["superseded_at"] is None
        ]
        if len(refills) > 1:
            yield f"{name} has {len(refills)} open refills"
        for plan in is_open:
            if not any(row["state"] == "pending" and _is_lasting(row) for row in self.of_plan[plan["id"]]):
                yield f"{name} has an open plan of which nobody will hear again"
            if refills and plan["refill_id"] != refills[0]["id"]:
                yield f"{name} waits for another refill than its last"
            if refills and plan["why"] == "refill":
                kinds = {row["kind"] for row in self.of_plan[plan["id"]]}
                if missing := self._rungs(plan, refills[0]) - kinds:
                    yield f"{name} lacks {sorted(missing)}"

    def _rungs(self, plan: Row, refill: Row) -> set[str]:
        written = self.clinics[plan["clinic_id"]]["reminder_days_before"]
        filled, last_day = (dt.date.fromisoformat(row) for row in (refill["fill_date"], plan["refill_by"]))
        days = {int(count) for count in json.loads(written or "[]")}
        return {"due-day"} | {
            f"{count}-days-before" for count in days if count > 0 and last_day - dt.timedelta(days=count) > filled
        }

    def _answer(self, answer: Row) -> Iterator[str]:
        for row in self.of_plan[answer["plan_id"]]:
            is_next = row["round"] > 0 or row["after_minutes"] > 0
            before = row["created_at"] < answer["recorded_at"]
            if is_next and before and row["state"] == "pending":
                yield f"{row['kind']} {row['id']} goes on to the next person, though somebody has answered"
            if row["state"] == "queued" and row["queued_at"] < answer["recorded_at"]:
                for copy in self.copies[row["id"]]:
                    if copy["state"] in _UNSENT:
                        yield f"{copy['state']} copy {copy['id']} still goes out, though somebody has answered"

    def _world(self) -> Iterator[str]:
        if self.post is None:
            return
        copies = {(row["idem"], row["channel"], row["recipient"]): row for row in self.tables["delivery"]}
        left = {(line["idem"], line["channel"], line["to"]) for line in self.post}
        yield from (f"{key} left the house and stands nowhere" for key in left - set(copies))
        for key, copy in copies.items():
            if copy["state"] == "sent" and key not in left:
                yield f"copy {copy['id']} is recorded as sent and never left"


def _is_lasting(reminder: Row) -> bool:
    """Whether no answer cancels it, and another follows it each day: the chain that only a refill ends."""
    return _is_rung(reminder) and reminder["kind"] in ("due-day", "overdue", "unknown")


def _is_rung(reminder: Row) -> bool:
    """Whether it begins a chain of its own."""
    return reminder["round"] == 0 and reminder["after_minutes"] == 0 and reminder["kind"] != "snoozed"


def _by(rows: Iterable[Row], column: str) -> dict[Any, list[Row]]:
    found: dict[Any, list[Row]] = defaultdict(list)
    for row in rows:
        found[row[column]].append(row)
    return found
