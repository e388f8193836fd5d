"""When the reminders of one refill are due: counted back from the last safe day, at the clinic's hour."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from pumpcalc.library import SEVERITIES

__all__ = ["Rung", "instant_of", "ladder", "worst"]

_DUE_DAY = 0


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


def worst(severities: Sequence[str]) -> str:
    """The worst of several severities. Raises ValueError for one that is not known."""
    return SEVERITIES[min(SEVERITIES.index(severity) for severity in severities)]
