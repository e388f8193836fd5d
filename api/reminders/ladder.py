"""When reminders are due: counted back from the last safe day at the clinic's hour, and on until somebody acts."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from zoneinfo import ZoneInfo

from api.store.ids import new_id
from api.store.types import Row
from pumpcalc.library import SEVERITIES

__all__ = [
    "Rung",
    "at_once",
    "held_until",
    "instant_of",
    "ladder",
    "next_morning",
    "not_before",
    "step",
    "urgency",
    "worst",
]

_DUE_DAY = 0
_A_DAY = dt.timedelta(days=1)
_NEVER_HELD = "critical"
"""No quiet hours hold a reminder of which a miss is as bad as this."""


@dataclass(frozen=True)
class Rung:
    """One reminder: which one, meant as which local time, and the instant that this is."""

    kind: str
    local_intent: str
    zone: str
    due_at: dt.datetime


def instant_of(wall: dt.datetime, zone: str) -> dt.datetime:
    """The instant of a local wall time.

    A time that the clocks skip is moved forward by what they skip (02:30 becomes 03:30);
    a time that comes twice is its first coming (RFC 5545, java.time).
    """
    # fold=0 is the earlier of two; in a gap it keeps the offset from before, which moves the time forward.
    return wall.replace(tzinfo=ZoneInfo(zone), fold=0).astimezone(dt.UTC)


def ladder(
    *, fill_date: dt.date, refill_by: dt.date, days_before: Sequence[int], time_of_day: dt.time, zone: str
) -> list[Rung]:
    """The rungs of one refill, soonest first.

    A rung that would fall on or before the fill day is left out. The due day always has one.
    """
    ahead = sorted({days for days in days_before if days > _DUE_DAY}, reverse=True)
    days = [refill_by - dt.timedelta(days=count) for count in ahead]
    kinds = [(f"{count}-days-before", day) for count, day in zip(ahead, days, strict=True) if day > fill_date]
    return [_rung(kind, day, time_of_day, zone) for kind, day in [*kinds, ("due-day", refill_by)]]


def _rung(kind: str, day: dt.date, time_of_day: dt.time, zone: str) -> Rung:
    wall = dt.datetime.combine(day, time_of_day)
    return Rung(kind=kind, local_intent=wall.strftime("%Y-%m-%dT%H:%M"), zone=zone, due_at=instant_of(wall, zone))


def at_once(kind: str, now: dt.datetime, zone: str) -> Rung:
    """A reminder of something that has just come to be known."""
    local = now.astimezone(ZoneInfo(zone))
    return Rung(kind=kind, local_intent=local.strftime("%Y-%m-%dT%H:%M"), zone=zone, due_at=now)


def next_morning(kind: str, after: dt.datetime, time_of_day: dt.time | None, zone: str) -> Rung:
    """The next reminder at the clinic's hour, after an instant; a day later where the clinic has stated no hour."""
    if time_of_day is None:
        return at_once(kind, after + _A_DAY, zone)
    day = after.astimezone(ZoneInfo(zone)).date()
    rung = _rung(kind, day, time_of_day, zone)
    return rung if rung.due_at > after else _rung(kind, day + _A_DAY, time_of_day, zone)


def held_until(now: dt.datetime, quiet_from: dt.time, quiet_until: dt.time, zone: str) -> dt.datetime:
    """The end of the quiet hours in which an instant lies; the instant itself, when it lies in none.

    Quiet hours may pass midnight. They begin with their first minute and end before their last: from 22:00 until 07:00
    holds what comes at 22:00, and not what comes at 07:00. The same two times are a whole quiet day.
    """
    local = now.astimezone(ZoneInfo(zone))
    for day in (local.date() - _A_DAY, local.date()):
        ends = day if quiet_from < quiet_until else day + _A_DAY
        begin = instant_of(dt.datetime.combine(day, quiet_from), zone)
        end = instant_of(dt.datetime.combine(ends, quiet_until), zone)
        if begin <= now < end:
            return end
    return now


def not_before(contact: Row, severity: str, refill_by: dt.date | None, now: dt.datetime, zone: str) -> dt.datetime:
    """Until when the quiet hours of a contact hold a copy; the instant itself, when they do not.

    They never hold the worst, nor what has no last safe day, nor anything past the end of that day.
    """
    if contact["quiet_from"] is None or severity == _NEVER_HELD or refill_by is None:
        return now
    begins, ends = (dt.time.fromisoformat(contact[name]) for name in ("quiet_from", "quiet_until"))
    held = held_until(now, begins, ends, zone)
    over = instant_of(dt.datetime.combine(refill_by + _A_DAY, dt.time()), zone)
    return held if held < over else now


def step(rung: Rung, now: dt.datetime, **values: Any) -> dict[str, Any]:
    """A reminder as it is kept: its clinic, its plan or what it is about, severity and urgency are given by name."""
    return {
        "id": new_id("reminder"),
        "kind": rung.kind,
        "round": 0,
        "after_minutes": 0,
        "due_at": rung.due_at,
        "local_intent": rung.local_intent,
        "zone": rung.zone,
        "state": "pending",
        "created_at": now,
        **values,
    }


def urgency(severity: str, day: dt.date | None) -> str:
    """A text by which reminders sort, the worst first: how bad a miss is, then the last safe day; none comes first."""
    return f"{SEVERITIES.index(severity)} {day.isoformat() if day else ''}"


def worst(severities: Sequence[str]) -> str:
    """The worst of several severities. Raises ValueError for one that is not known."""
    return SEVERITIES[min(SEVERITIES.index(severity) for severity in severities)]
