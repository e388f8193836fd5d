"""What people answer to the reminders of a pump: taken note of, put off, booked, declined. Each answer is kept.

An answer ends the chain of one reminder: who would be told next is not told. Only a refill, or a pump that is
explanted, ends the plan; until then its later reminders come, and after the last safe day one comes each day.
"""

from __future__ import annotations

import datetime as dt
from typing import Any
from zoneinfo import ZoneInfo

import sqlalchemy as sa

from api import plans as planning
from api.house import clinic as clinic_row
from api.house import pump_of, understood
from api.models import ResponseRequest
from api.problems import NotFound
from api.reminders.ladder import at_once, instant_of, step, urgency
from api.store import Store, new_id
from api.store.queries import people, plans
from api.store.types import Row
from pumpcalc.errors import refused

__all__ = ["respond"]

_BOOKED = ("booked", "rescheduled")


def respond(store: Store, clinic_id: str, pump_id: str, body: Any, now: dt.datetime) -> str:
    """Keep what a person answers to the reminders of a pump. The id of the answer.

    Raises NotFound for a clinic or pump that is not there, and Refusal for an answer that cannot be: by nobody of the
    clinic, about a plan that is not the open one, a visit after the last safe day, a silence without end.
    """
    request = understood(ResponseRequest, body)
    with store.writing() as connection:
        clinic = clinic_row(connection, clinic_id)
        pump = pump_of(connection, clinic_id, pump_id, lock=True)
        if pump["plan_id"] is None:
            raise NotFound("plan")
        plan = plans.lock_plan(connection, clinic_id, pump["plan_id"])
        assert plan is not None
        if request.plan_id is not None and request.plan_id != plan["id"]:
            raise refused(
                "plan-changed",
                "What this pump waits for has changed since: read its schedule again and answer that.",
                "/plan_id",
            )
        _must_be_of_clinic(connection, clinic_id, request.person_id)
        answer = {
            "clinic_id": clinic_id,
            "id": new_id("response"),
            "plan_id": plan["id"],
            "person_id": request.person_id,
            "kind": request.kind,
            "day": request.day,
            "until": request.until,
            "reason": request.reason,
            "recorded_at": now,
        }
        _check(connection, clinic, plan, request, now)
        plans.add_response(connection, answer)
        plans.cancel_chain(connection, clinic_id, plan["id"])
        plans.cancel_undelivered(connection, clinic_id, plan["id"])
        if request.kind in _BOOKED:
            assert request.day is not None
            planning.keep_booking(connection, clinic, plan, request.day, now)
        if request.until is not None:
            _wake(connection, clinic, plan, request.until, now)
        return str(answer["id"])


def _must_be_of_clinic(connection: sa.Connection, clinic_id: str, person_id: str) -> None:
    person = people.person_by_id(connection, clinic_id, person_id)
    if person is None or person["left_at"] is not None:
        raise refused("unknown-person", "There is no such person at this clinic.", "/person_id")


def _check(
    connection: sa.Connection, clinic: Row, plan: Row, request: ResponseRequest,
    now: dt.datetime,
) -> None:  # fmt: skip
    for name, kinds in (("day", _BOOKED), ("until", ("snoozed",))):
        stated = getattr(request, name) is not None
        if stated and request.kind not in kinds:
            raise refused("unknown-field", f"{name} belongs to {' and '.join(kinds)} only.", f"/{name}")
        if not stated and request.kind in kinds:
            raise refused("missing", f"{name} is missing: {request.kind} needs it.", f"/{name}")
    if request.kind == "declined" and request.reason is None:
        raise refused("missing", "reason is missing: write in a few words why, without naming anybody.", "/reason")
    if request.kind in _BOOKED:
        _check_visit(connection, clinic, plan, request, now)
    if request.kind == "snoozed":
        _check_silence(clinic, plan, request, now)


def _check_visit(
    connection: sa.Connection, clinic: Row, plan: Row, request: ResponseRequest,
    now: dt.datetime,
) -> None:  # fmt: skip
    assert request.day is not None
    if plan["refill_by"] is None:
        raise refused(
            "no-last-safe-day",
            "This pump has no last safe day, so no visit can be held against it: record what the pump does, or its "
            "refill.",
            "/kind",
        )
    today = now.astimezone(ZoneInfo(clinic["time_zone"])).date()
    if request.day < today:
        raise refused("out-of-range", f"A visit is booked for a day to come, and it is {today} at the clinic.", "/day")
    if today <= plan["refill_by"] < request.day:  # once it has passed, a visit ends nothing: each day one is told
        raise refused(
            "after-last-safe-day",
            f"The last safe day is {plan['refill_by']}: book that day or an earlier one.",
            "/day",
        )
    booked = [row for row in plans.responses_of(connection, clinic["id"], [plan["id"]]) if row["kind"] in _BOOKED]
    if request.kind == "rescheduled" and not booked:
        raise refused("nothing-booked", "No visit is booked that could be moved: write booked.", "/kind")


def _check_silence(clinic: Row, plan: Row, request: ResponseRequest, now: dt.datetime) -> None:
    assert request.until is not None
    ceiling = clinic["snooze_minutes_at_most"]
    if ceiling is None:
        raise refused(
            "clinic-setting-missing",
            "The clinic has not stated for how long a reminder may be put off: state snooze_minutes_at_most, or "
            "acknowledge it.",
            "/kind",
        )
    if request.until <= now:
        raise refused("out-of-range", "A reminder is put off until an instant to come.", "/until")
    latest = now + dt.timedelta(minutes=int(ceiling))
    if request.until > latest:
        raise refused(
            "silence-too-long",
            f"A reminder may be put off for {ceiling} minutes at most: until {latest:%Y-%m-%dT%H:%M:%SZ}.",
            "/until",
        )
    if plan["refill_by"] is not None:
        ends = instant_of(dt.datetime.combine(plan["refill_by"] + dt.timedelta(days=1), dt.time()), clinic["time_zone"])
        if now < ends <= request.until:
            raise refused(
                "silence-too-long", f"A reminder is not put off past the last safe day, {plan['refill_by']}.", "/until"
            )


def _wake(connection: sa.Connection, clinic: Row, plan: Row, until: dt.datetime, now: dt.datetime) -> None:
    """The reminder that was put off comes back."""
    rung = at_once("snoozed", until, clinic["time_zone"])
    rank = urgency(plan["severity"], plan["refill_by"])
    again = step(
        rung, now, clinic_id=clinic["id"], plan_id=plan["id"], severity=plan["severity"], urgency=rank
    )  # fmt: skip
    plans.add_reminders(connection, [again])
