"""A programme walked minute by minute, written down a third time on purpose: it shares nothing with the core."""

from __future__ import annotations

from bisect import bisect_left
from datetime import datetime
from fractions import Fraction
from itertools import accumulate
from math import lcm
from typing import Any
from zoneinfo import ZoneInfo

from asking import size

DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_WEEK = 7 * 24 * 60


def _amount(written: str) -> Fraction:
    number, unit = written.split(" ")
    return Fraction(number) * size(unit)


def _minute(clock: str) -> int:
    hours, minutes = clock.split(":")
    return 60 * int(hours) + int(minutes)


def _rate(step: dict[str, str]) -> Fraction:
    """What a step delivers in a minute."""
    if "rate" in step:
        return _amount(step["rate"]) / 1440
    return _amount(step["dose"]) / (_minute(step["end"]) - _minute(step["start"]))


def minutes(request: dict[str, Any]) -> tuple[list[int], int]:
    """The dose of every minute of a week, each looking for the step that it lies in; and in how many parts of a mcg."""
    base = _amount(request["base_rate"]) / 1440
    groups = request.get("groups", ())
    grain = lcm(base.denominator, *(_rate(step).denominator for group in groups for step in group["steps"]))
    week: dict[str, list[int]] = {}
    for group in groups:
        spans = [(_minute(s["start"]), _minute(s["end"]), int(_rate(s) * grain)) for s in group["steps"]]
        day = []
        for minute in range(1440):
            here = [rate for start, end, rate in spans if start <= minute < end]
            assert len(here) < 2
            day.append(here[0] if here else int(base * grain))
        week |= {_full(weekday): day for weekday in group["weekdays"]}
    return [each for day in DAYS for each in week.get(day, [int(base * grain)] * 1440)], grain


def _full(weekday: str) -> str:
    return next(day for day in DAYS if day.startswith(weekday))


def pump_week(instant: datetime, zone: str) -> Fraction:
    """Days since Monday 00:00 on the wall clock."""
    local = instant.astimezone(ZoneInfo(zone))
    return local.weekday() + Fraction(3600 * local.hour + 60 * local.minute + local.second, 86400)


def whole_minutes(table: list[int], amount: Fraction, start: int) -> int:
    """How many whole minutes pass, from a minute of the week, until so much is delivered; part minutes are dropped."""
    week = [*table[start:], *table[:start]]
    reached = [0, *accumulate(week)]
    weeks, left = divmod(amount, reached[-1])
    if not left:  # A whole number of weeks: reached with the last minute of the week that delivers anything.
        weeks, left = weeks - 1, Fraction(reached[-1])
    minute = bisect_left(reached, left)
    return int(weeks) * _WEEK + (minute if reached[minute] == left else minute - 1)


def walked(request: dict[str, Any], amount: Fraction, since: Fraction) -> Fraction:
    """The days until so much, in mcg, is delivered; the last minute in its part."""
    table, grain = minutes(request)
    weeks = (amount * grain).__ceil__() // sum(table)
    weeks -= 1 if weeks and weeks * sum(table) >= amount * grain else 0
    amount = amount * grain - weeks * sum(table)
    at, gone = since * 1440, Fraction(weeks * _WEEK)
    while True:
        minute = int(at)
        part = minute + 1 - at
        runs = table[minute % _WEEK]
        if runs * part >= amount:
            return (gone + amount / runs) / 1440
        amount, gone, at = amount - runs * part, gone + part, Fraction(minute + 1)
