"""What a pump waits for: one open plan, a last safe day or an alert that none can be stated, with its reminders.

A plan is never changed: it is closed, and its reminders with it, in the transaction that opens the next one.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from zoneinfo import ZoneInfo

import sqlalchemy as sa

from api.reminders.ladder import Rung, at_once, instant_of, ladder, next_morning, step, urgency
from api.store import new_id
from api.store.queries import plans
from api.store.types import Row

__all__ = [
    "SAID",
    "UNKNOWN",
    "Due",
    "close_plan",
    "keep_booking",
    "open_date",
    "open_first",
    "open_unknown",
    "same_alert",
    "same_as_open",
]

UNKNOWN = "critical"
"""How bad a missed refill is taken to be when nobody knows what is in the pump: the worst."""

SAID = ("refill_id", "refill_by", "binding", "order_by", "severity")
"""What a plan with a day says."""

_BOOKINGS = ("booked", "rescheduled")


@dataclass(frozen=True)
class Due:
    """A last safe day, and what it rests on."""

    refill_id: str
    fill_date: dt.date
    calculation_id: str
    refill_by: dt.date
    binding: str
    order_by: dt.date | None
    severity: str
    detail: str | None = None
    """What else is to be known of it."""


def open_date(connection: sa.Connection, clinic: Row, pump: Row, due: Due, why: str, now: dt.datetime) -> str:
    """Open a plan with a last safe day, and close the one before. Its id.

    ``pump`` is locked by the caller. A day that moved earlier is told at once, and a visit that was booked stays
    booked when it still lies within the last safe day. What the plan before had to tell and has not told is told now.
    """
    before = _lock(connection, pump)
    rungs = _rungs(clinic, due, now)
    if why != "refill":
        rungs = [rung for rung in rungs if rung.due_at > now] or [at_once("overdue", now, clinic["time_zone"])]
        if before["kind"] == "date" and due.refill_by < before["refill_by"]:
            rungs = [at_once("moved-earlier", now, clinic["time_zone"]), *rungs]
        elif rungs[0].due_at > now and plans.has_untold(connection, clinic["id"], before["id"], now):
            rungs = [at_once(_left(due.refill_by, clinic, now), now, clinic["time_zone"]), *rungs]
    plan_id = _replace(
        connection, pump, before, now,
        state=pump["state"], rungs=rungs, kind="date", why=why, refill_id=due.refill_id,
        refill_by=due.refill_by, binding=due.binding, order_by=due.order_by, calculation_id=due.calculation_id,
        severity=due.severity, detail=due.detail,
    )  # fmt: skip
    if why != "refill":
        _carry_booking(connection, clinic, before, plan_id, now)
    return plan_id


def open_first(connection: sa.Connection, clinic: Row, pump: Row, now: dt.datetime) -> None:
    """The plan that a new pump points at already: nothing was filled, so no last safe day can be stated.

    It is told of first at the clinic's next hour: its first fill may be recorded in a minute.
    """
    rung = next_morning("unknown", now, _hour(clinic), clinic["time_zone"])
    _open(
        connection, pump, pump["plan_id"], now,
        revision=1, rungs=[rung], kind="unknown", why="no-fill", severity=UNKNOWN, refill_by=None,
    )  # fmt: skip


def open_unknown(
    connection: sa.Connection,
    clinic: Row,
    pump: Row,
    why: str,
    now: dt.datetime,
    *,
    state: str | None = None,
    severity: str | None = None,
    detail: str | None = None,
) -> str:
    """Open an alert that no last safe day can be stated, and close the plan before. Its id.

    It is told at once, and each day at the clinic's hour until there is a day again. ``pump`` is locked by the caller.
    """
    before = _lock(connection, pump)
    return _replace(
        connection, pump, before, now,
        state=state or pump["state"], rungs=[at_once("unknown", now, clinic["time_zone"])], kind="unknown", why=why,
        detail=detail, refill_id=before["refill_id"], refill_by=None, severity=severity or before["severity"],
    )  # fmt: skip


def close_plan(connection: sa.Connection, pump: Row, now: dt.datetime) -> None:
    """The pump is explanted: its plan ends and no other begins. ``pump`` is locked by the caller."""
    _close(connection, _lock(connection, pump), now)
    plans.point_at(connection, pump["clinic_id"], pump["id"], None, "explanted")


def same_as_open(connection: sa.Connection, pump: Row, due: Due) -> bool:
    """Whether the open plan of a pump says the same already: the day, its limit, the order day, how bad a miss is."""
    found = plans.plan_by_id(connection, pump["clinic_id"], pump["plan_id"])
    return found is not None and all(found[name] == getattr(due, name) for name in SAID)


def same_alert(connection: sa.Connection, pump: Row, why: str) -> bool:
    """Whether the open plan of a pump is an alert already, for the same reason."""
    found = plans.plan_by_id(connection, pump["clinic_id"], pump["plan_id"])
    return found is not None and (found["kind"], found["why"]) == ("unknown", why)


def keep_booking(connection: sa.Connection, clinic: Row, plan: Row, day: dt.date, now: dt.datetime) -> None:
    """A visit is booked: no counting down before it, and a reminder on the day after it, if no refill is recorded.

    The last safe day keeps its own reminder, whatever is booked. ``plan`` is locked by the caller.
    """
    zone, hour = clinic["time_zone"], _hour(clinic) or dt.time()
    plans.cancel_rungs(connection, clinic["id"], plan["id"], "booking-passed")
    passed = next_morning("booking-passed", instant_of(dt.datetime.combine(day, dt.time(23, 59)), zone), hour, zone)
    plans.cancel_rungs(connection, clinic["id"], plan["id"], "%-days-before", before=passed.due_at)
    plans.add_or_revive(connection, _steps(plan, [passed], now)[0])


def _left(refill_by: dt.date, clinic: Row, now: dt.datetime) -> str:
    """The kind of a reminder that is sent today: how many days are left."""
    days = (refill_by - now.astimezone(ZoneInfo(clinic["time_zone"])).date()).days
    return f"{days}-days-before" if days > 0 else "due-day" if days == 0 else "overdue"


def _steps(plan: Row, rungs: Sequence[Rung], now: dt.datetime) -> list[dict[str, Any]]:
    """The reminders of a plan as they are kept."""
    rank = urgency(plan["severity"], plan["refill_by"])
    return [
        step(rung, now, clinic_id=plan["clinic_id"], plan_id=plan["id"], severity=plan["severity"], urgency=rank)
        for rung in rungs
    ]


def _hour(clinic: Row) -> dt.time | None:
    return None if clinic["reminder_time"] is None else dt.time.fromisoformat(clinic["reminder_time"])


def _rungs(clinic: Row, due: Due, now: dt.datetime) -> list[Rung]:
    hour = _hour(clinic)
    if hour is None:  # taken back since the refill was recorded: the reminders keep an hour all the same
        hour = now.astimezone(ZoneInfo(clinic["time_zone"])).time().replace(second=0, microsecond=0, tzinfo=None)
    return ladder(
        fill_date=due.fill_date,
        refill_by=due.refill_by,
        days_before=[int(days) for days in clinic["reminder_days_before"] or ()],
        time_of_day=hour,
        zone=clinic["time_zone"],
    )


def _lock(connection: sa.Connection, pump: Row) -> sa.RowMapping:
    """The open plan of a pump, with nobody queueing or answering its reminders until the transaction ends."""
    found = plans.lock_plan(connection, pump["clinic_id"], pump["plan_id"])
    assert found is not None  # the database refuses a pump without one
    return found


def _close(connection: sa.Connection, before: Row, now: dt.datetime) -> None:
    clinic_id, plan_id = before["clinic_id"], before["id"]
    plans.cancel_undelivered(connection, clinic_id, plan_id)
    plans.cancel_pending(connection, clinic_id, plan_id)
    plans.close_plan(connection, clinic_id, plan_id, now)


def _replace(
    connection: sa.Connection, pump: Row, before: Row, now: dt.datetime, *,
    state: str, **values: Any,
) -> str:  # fmt: skip
    """Close the plan before, and open another in its place."""
    plan_id = new_id("plan")
    _close(connection, before, now)
    _open(connection, pump, plan_id, now, revision=before["revision"] + 1, **values)
    plans.point_at(connection, pump["clinic_id"], pump["id"], plan_id, state)
    return plan_id


def _open(
    connection: sa.Connection, pump: Row, plan_id: str, now: dt.datetime, *,
    rungs: Sequence[Rung], **values: Any,
) -> None:  # fmt: skip
    row = {"clinic_id": pump["clinic_id"], "id": plan_id, "pump_id": pump["id"], "opened_at": now, **values}
    plans.add_plan(connection, row)
    plans.add_reminders(connection, _steps(row, rungs, now))


def _carry_booking(connection: sa.Connection, clinic: Row, before: Row, plan_id: str, now: dt.datetime) -> None:
    """A visit that was booked stays booked, when it lies within the new last safe day."""
    answers = plans.responses_of(connection, clinic["id"], [before["id"]])
    booked = [row for row in answers if row["kind"] in _BOOKINGS]
    found = plans.lock_plan(connection, clinic["id"], plan_id)
    assert found is not None
    today = now.astimezone(ZoneInfo(clinic["time_zone"])).date()
    if booked and today <= booked[-1]["day"] <= found["refill_by"]:
        kept = {**booked[-1], "id": new_id("response"), "plan_id": plan_id, "recorded_at": now}
        plans.add_response(connection, kept)
        keep_booking(connection, clinic, found, booked[-1]["day"], now)
