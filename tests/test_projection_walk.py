"""The projection of a day schedule agrees with a walk minute by minute, over both days on which the clocks change.

PUMPCALC_PROGRAMMES=10000 pytest tests/test_projection_walk.py      the long run
"""

from __future__ import annotations

import os
import random
from collections import Counter
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from asking import notes
from hypothesis import given, settings
from hypothesis import strategies as st
from walking import DAYS, minutes, walked, whole_minutes

from pumpcalc import calculate
from pumpcalc.programmes import Running, Segment, Week
from pumpcalc.quantities import write

PROGRAMMES = int(os.environ.get("PUMPCALC_PROGRAMMES", "200"))
"""How many programmes are drawn."""
_PARTS = 10
_SEED = 20261125
_CHANGES = {
    "America/New_York": (date(2026, 3, 8), date(2026, 11, 1)),
    "Europe/Berlin": (date(2026, 3, 29), date(2026, 10, 25)),
    "Australia/Sydney": (date(2026, 4, 5), date(2026, 10, 4)),
    "Australia/Lord_Howe": (date(2026, 4, 5), date(2026, 10, 4)),
    "America/Santiago": (date(2026, 4, 4), date(2026, 9, 6)),
}
"""The two days of 2026 on which the clocks change, from the tables of each place and not from the core."""


def _text(number: Fraction, unit: str) -> str:
    """A quantity as it may be entered: exactly where nine places are enough, else to the six figures shown."""
    places = number * 10**9
    if places.denominator != 1:
        return write(number, unit)
    return f"{Decimal(int(places)).scaleb(-9).normalize():f} {unit}"


def _steps(dice: random.Random) -> list[dict[str, str]]:
    """One to 13 steps between random minutes, in random order, each by its dose or by its rate."""
    edges = sorted(dice.sample(range(1441), 2 * dice.randint(1, 13)))
    steps = []
    for start, end in zip(edges[::2], edges[1::2], strict=True):
        what = (
            {"dose": f"{dice.randint(1, 400)} mcg"} if dice.random() < 0.5 else {"rate": f"{dice.randint(1, 90)} mcg/h"}
        )
        steps.append({"start": f"{start // 60:02}:{start % 60:02}", "end": f"{end // 60:02}:{end % 60:02}"} | what)
    dice.shuffle(steps)
    return steps


def _programme(dice: random.Random) -> dict[str, Any]:
    """A schedule with every day total worked out here, and a fill that is in the pump when the clocks change."""
    weekdays = dice.sample(DAYS, 7)
    cuts = sorted(dice.sample(range(8), dice.randint(2, 4)))
    listed = [weekdays[a:b] for a, b in pairwise(cuts)]
    all_stepped = sum(map(len, listed)) == 7
    request: dict[str, Any] = {
        "drug": "baclofen", "pump": dice.choice(["synchromed-ii-20", "prometra-ii-40"]),
        "concentration": f"{dice.choice([50, 333, 500, 2000])} mcg/mL",
        "base_rate": f"{dice.choice([0, 3, 10.5]) if all_stepped else dice.choice([0.7, 3, 10.5])} mcg/h",
        "groups": [{"weekdays": days, "steps": _steps(dice)} for days in listed],
    }  # fmt: skip
    table, grain = minutes(request)
    for group in request["groups"]:
        day = DAYS.index(group["weekdays"][0])
        group["day_total"] = _text(Fraction(sum(table[1440 * day : 1440 * (day + 1)]), grain), "mcg/day")
    if not all_stepped:
        request["day_total"] = _text(Fraction(request["base_rate"].split(" ")[0]) * 24, "mcg/day")
    zone = dice.choice(sorted(_CHANGES))
    lasts = dice.randint(1, 40)
    before = dice.randint(0, lasts * 1440 - 1)
    change = datetime.combine(dice.choice(_CHANGES[zone]), datetime.min.time(), ZoneInfo(zone)) + timedelta(hours=3)
    filled = (change.astimezone(UTC) - timedelta(minutes=before)).astimezone(ZoneInfo(zone))
    strength = Fraction(request["concentration"].split(" ")[0])
    volume = round(Fraction(sum(table), 7 * grain) * lasts / strength, 3) or Fraction(1, 1000)
    alarm = round(volume * dice.randint(0, 90) / 100, 4)
    return request | {
        "fill_volume": _text(volume, "mL"), "low_reservoir_alarm_volume": _text(alarm, "mL"),
        "filled_at": filled.isoformat(timespec="seconds"), "time_zone": zone,
    }  # fmt: skip


def _walk(request: dict[str, Any]) -> dict[str, datetime]:
    """Both instants, from a walk over elapsed minutes: the pump's clock is set at the fill and never again."""
    filled = datetime.fromisoformat(request["filled_at"])
    table, grain = minutes(request)
    at = filled.weekday() * 1440 + filled.hour * 60 + filled.minute
    strength = Fraction(request["concentration"].split(" ")[0])
    volume, alarm = (Fraction(request[f].split(" ")[0]) for f in ("fill_volume", "low_reservoir_alarm_volume"))
    return {
        name: filled.astimezone(UTC) + timedelta(minutes=whole_minutes(table, out * strength * grain, at))
        for name, out in (("low_reservoir_alarm_at", volume - alarm), ("dry_at", volume))
    }


@pytest.mark.parametrize("part", range(_PARTS))
@pytest.mark.timeout(1800)
def test_the_projection_agrees_with_a_walk_minute_by_minute_over_both_changes_of_the_clocks(part: int) -> None:
    dice = random.Random(_SEED + part)
    met: Counter[date] = Counter()
    for _ in range(PROGRAMMES // _PARTS):
        request = _programme(dice)
        found = calculate("day-schedule", request)
        walk = _walk(request)
        for name, instant in walk.items():
            told = datetime.fromisoformat(found.answers[name])
            assert told == instant, (name, request)
            assert told.utcoffset() == instant.astimezone(ZoneInfo(request["time_zone"])).utcoffset()
        filled = datetime.fromisoformat(request["filled_at"])
        told_days = {note.text.split()[1] for note in found.notes if note.code == "clock-change"}
        zone = ZoneInfo(request["time_zone"])
        if filled.utcoffset() != walk["dry_at"].astimezone(zone).utcoffset():
            (day,) = told_days
            assert date.fromisoformat(day) in _CHANGES[request["time_zone"]]
            met[date.fromisoformat(day)] += 1
        else:
            assert "clock-change" not in notes(found)
    spring = sum(number for day, number in met.items() if day.month < 7)
    autumn = sum(met.values()) - spring
    assert min(spring, autumn) * 5 > PROGRAMMES // _PARTS, "both days are met, and often"


# The walk itself


def _week(*rates: tuple[str, str, int]) -> Week:
    """A week of the same day, from (start hour, end hour, rate)."""
    day = [(Fraction(start) / 24, Fraction(end) / 24, Fraction(rate)) for start, end, rate in rates]
    return Week(tuple(Segment(n + start, n + end, rate) for n in range(7) for start, end, rate in day))


_NIGHT = _week(("0", "2", 0), ("2", "3", 240), ("3", "24", 0))
"""10 in the hour from 02:00, and nothing besides."""
_NEW_YORK = ZoneInfo("America/New_York")


def _at(text: str) -> datetime:
    return datetime.fromisoformat(text)


@pytest.mark.parametrize(
    ("since", "until", "delivered"),
    [
        ("2026-03-07T02:00:00-05:00", "2026-03-07T03:00:00-05:00", 10),
        ("2026-03-08T01:59:00-05:00", "2026-03-08T04:00:00-04:00", 10),  # 02:00 is no time of that day in New York
        ("2026-03-09T02:00:00-04:00", "2026-03-09T03:00:00-04:00", 0),
        ("2026-03-09T03:00:00-04:00", "2026-03-09T04:00:00-04:00", 10),
        ("2026-03-09T03:30:00-04:00", "2026-03-09T03:45:30-04:00", Fraction(31, 12)),
        ("2026-03-07T00:00:00-05:00", "2026-03-21T01:00:00-04:00", 140),
        ("2026-11-01T01:00:00-05:00", "2026-11-02T01:00:00-05:00", 10),
        ("2026-11-02T02:00:00-05:00", "2026-11-02T03:00:00-05:00", 10),  # both changes: the clocks agree again
    ],
)
def test_a_step_of_two_o_clock_moves_by_an_hour_on_the_wall_when_the_clocks_change(
    since: str, until: str, delivered: Fraction
) -> None:
    running = Running(_NIGHT, _at("2026-02-25T09:00:00-05:00"), _NEW_YORK)
    assert running.delivered(_at(since), _at(until)) == delivered


def test_a_pump_programmed_in_summer_time_is_an_hour_early_on_the_wall_in_winter() -> None:
    running = Running(_NIGHT, _at("2026-10-20T09:00:00-04:00"), _NEW_YORK)
    assert running.delivered(_at("2026-11-02T01:00:00-05:00"), _at("2026-11-02T02:00:00-05:00")) == 10
    assert running.delivered(_at("2026-11-02T02:00:00-05:00"), _at("2026-11-02T03:00:00-05:00")) == 0


_POINTS = st.fractions(0, 30, max_denominator=10_000)


@given(_POINTS, _POINTS, _POINTS)
def test_what_is_delivered_in_two_stretches_is_what_is_delivered_in_both(
    one: Fraction, two: Fraction, three: Fraction
) -> None:
    first, middle, last = sorted((one, two, three))
    assert _NIGHT.delivered(first, middle) + _NIGHT.delivered(middle, last) == _NIGHT.delivered(first, last)
    assert _NIGHT.delivered(first, first + 7) == 70


@given(_POINTS, st.fractions(0, 300, max_denominator=1000))
def test_the_time_to_deliver_is_the_first_instant_at_which_so_much_is_delivered(
    since: Fraction, amount: Fraction
) -> None:
    since = since % 7
    lasts = _NIGHT.time_to_deliver(amount, since)
    assert _NIGHT.delivered(since, since + lasts) == amount
    if amount:
        earlier = since + lasts - Fraction(1, 10**9)
        assert _NIGHT.delivered(since, earlier) < amount


@settings(max_examples=60)
@given(st.integers(1, 10**6), st.integers(0, 604_799))
def test_the_walk_by_segments_is_the_walk_by_minutes_also_from_the_middle_of_one(amount: int, second: int) -> None:
    request = {
        "base_rate": "0 mcg/h",
        "groups": [{"weekdays": list(DAYS), "steps": [{"start": "02:00", "end": "03:00", "dose": "10 mcg"}]}],
    }
    since, mcg = Fraction(second, 86400), Fraction(amount, 10_000)
    assert _NIGHT.time_to_deliver(mcg, since) == walked(request, mcg, since)


@pytest.mark.parametrize(
    "segments",
    [
        [Segment(Fraction(0), Fraction(6), Fraction(1))],
        [Segment(Fraction(1), Fraction(7), Fraction(1))],
        [Segment(Fraction(0), Fraction(3), Fraction(1)), Segment(Fraction(4), Fraction(7), Fraction(1))],
        [Segment(Fraction(0), Fraction(7), Fraction(-1))],
        [Segment(Fraction(0), Fraction(0), Fraction(1)), Segment(Fraction(0), Fraction(7), Fraction(1))],
    ],
)
def test_a_week_with_a_hole_or_a_negative_rate_is_not_made(segments: list[Segment]) -> None:
    with pytest.raises(ValueError, match="follow one another"):
        Week(tuple(segments))
