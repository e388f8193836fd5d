"""Local times become instants rightly at every change of every clock (F-19, F-26), by an oracle of whole seconds."""

from __future__ import annotations

import datetime as dt
import os
import subprocess
import sys
import zoneinfo
from collections.abc import Callable, Iterator

import pytest
import zone_oracle
from hypothesis import given
from hypothesis import strategies as st

from api.reminders.ladder import instant_of, ladder

_Reader = Callable[[dt.datetime, str], dt.datetime]
_EPOCH = dt.datetime(1970, 1, 1)
_EPOCH_UTC = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
_SECOND = dt.timedelta(seconds=1)
_QUARTER = 15 * 60
_FROM, _UNTIL = (zone_oracle.day_number(year, 1, 1) * 86_400 for year in (2025, 2036))


def _changes() -> Iterator[tuple[str, zone_oracle.Change]]:
    """Every change of every clock from 2025 to 2035."""
    for zone in zone_oracle.zone_names():
        yield from ((zone, each) for each in zone_oracle.read_zone(zone).changes if _FROM <= each.at < _UNTIL)


def _walls(change: zone_oracle.Change) -> list[int]:
    """Two hours before to two hours after a change, each quarter of an hour, on the clock before it."""
    return [change.at + change.before + quarter * _QUARTER for quarter in range(-8, 9)]


def _read(reader: _Reader, wall: int, zone: str) -> int:
    return (reader(_EPOCH + wall * _SECOND, zone) - _EPOCH_UTC) // _SECOND


def _mismatches(reader: _Reader) -> list[tuple[str, int]]:
    return [
        (zone, wall)
        for zone, change in _changes()
        for wall in _walls(change)
        if _read(reader, wall, zone) != zone_oracle.read_zone(zone).instant(wall)
    ]


def test_every_change_of_every_clock_from_2025_to_2035_is_read_as_the_oracle_reads_it() -> None:
    changes = list(_changes())
    # tzdata 2026f: 597 zones, 4,213 changes, 71,621 instants. Another edition has others; far fewer would prove little.
    assert len(zone_oracle.zone_names()) > 590
    assert len(changes) > 4000
    assert {change.after - change.before for _, change in changes} >= {-3600, -1800, 1800, 3600}
    assert _mismatches(instant_of) == []


def _second_coming(wall: dt.datetime, zone: str) -> dt.datetime:
    return wall.replace(tzinfo=zoneinfo.ZoneInfo(zone), fold=1).astimezone(dt.UTC)


def _end_of_the_gap(wall: dt.datetime, zone: str) -> dt.datetime:
    found = instant_of(wall, zone)
    shown = found.astimezone(zoneinfo.ZoneInfo(zone)).replace(tzinfo=None)
    return found if shown == wall else found - dt.timedelta(minutes=wall.minute)


def _winter_time_all_year(wall: dt.datetime, zone: str) -> dt.datetime:
    found = instant_of(wall, zone)
    return found + (found.astimezone(zoneinfo.ZoneInfo(zone)).dst() or dt.timedelta())


@pytest.mark.parametrize("wrong", [_second_coming, _end_of_the_gap, _winter_time_all_year])
def test_the_oracle_finds_a_reader_that_is_wrong(wrong: _Reader) -> None:
    assert len(_mismatches(wrong)) > 4000


def test_the_oracle_finds_every_time_that_comes_twice_or_never_and_no_other() -> None:
    planted = set(_mismatches(_second_coming))
    moved = {
        (zone, wall)
        for zone, each in _changes()
        for wall in _walls(each)
        if min(each.before, each.after) <= wall - each.at < max(each.before, each.after)
    }
    assert planted == moved


# Worked by hand from the rule of each place; not from the oracle.
_VECTORS = [
    pytest.param("America/New_York", "2028-02-29 09:00", "2028-02-29 14:00", id="leap-day"),
    pytest.param("Europe/London", "2026-12-31 23:59", "2026-12-31 23:59", id="last-minute-of-a-year"),
    pytest.param("Pacific/Kiritimati", "2027-01-01 09:00", "2026-12-31 19:00", id="new-year-is-last-year-in-utc"),
    pytest.param("Pacific/Pago_Pago", "2026-12-31 20:00", "2027-01-01 07:00", id="last-day-is-next-year-in-utc"),
    pytest.param("America/New_York", "2027-01-03 09:00", "2027-01-03 14:00", id="last-day-of-week-53-of-2026"),
    pytest.param("Pacific/Apia", "2011-12-29 09:00", "2011-12-29 19:00", id="samoa-before"),
    pytest.param("Pacific/Apia", "2011-12-30 09:00", "2011-12-30 19:00", id="samoa-had-no-such-day"),
    pytest.param("Pacific/Apia", "2011-12-31 09:00", "2011-12-30 19:00", id="samoa-after"),
    pytest.param("Australia/Lord_Howe", "2026-10-04 02:15", "2026-10-03 15:45", id="half-an-hour-is-skipped"),
    pytest.param("Australia/Lord_Howe", "2026-04-05 01:45", "2026-04-04 14:45", id="half-an-hour-comes-twice"),
    pytest.param("Australia/Lord_Howe", "2026-04-05 02:00", "2026-04-04 15:30", id="half-an-hour-later-once"),
    pytest.param("Asia/Kathmandu", "2028-02-29 09:00", "2028-02-29 03:15", id="three-quarters-of-an-hour"),
    pytest.param("Africa/Casablanca", "2026-02-15 02:30", "2026-02-15 01:30", id="ramadan-begins-twice"),
    pytest.param("Africa/Casablanca", "2026-02-15 03:00", "2026-02-15 03:00", id="in-ramadan"),
    pytest.param("Africa/Casablanca", "2026-03-22 02:30", "2026-03-22 02:30", id="ramadan-ends-with-a-gap"),
    pytest.param("America/New_York", "2026-03-08 02:30", "2026-03-08 07:30", id="spring"),
    pytest.param("America/New_York", "2026-11-01 01:30", "2026-11-01 05:30", id="autumn-first-coming"),
]


@pytest.mark.parametrize(("zone", "wall", "utc"), _VECTORS)
def test_a_local_time_worked_by_hand(zone: str, wall: str, utc: str) -> None:
    local, instant = dt.datetime.fromisoformat(wall), dt.datetime.fromisoformat(utc).replace(tzinfo=dt.UTC)
    assert instant_of(local, zone) == instant
    assert zone_oracle.read_zone(zone).instant((local - _EPOCH) // _SECOND) == (instant - _EPOCH_UTC) // _SECOND


@given(
    zone=st.sampled_from(zone_oracle.zone_names()),
    wall=st.datetimes(dt.datetime(2000, 1, 1), dt.datetime(2040, 1, 1)).map(lambda at: at.replace(microsecond=0)),
)
def test_any_local_time_is_read_as_the_oracle_reads_it(zone: str, wall: dt.datetime) -> None:
    seconds = (wall - _EPOCH) // _SECOND
    assert _read(instant_of, seconds, zone) == zone_oracle.read_zone(zone).instant(seconds)


def test_a_ladder_counts_days_of_the_calendar_over_a_leap_day_and_a_new_year() -> None:
    nine = {"time_of_day": dt.time(9), "zone": "Asia/Kathmandu", "fill_date": dt.date(2026, 12, 1)}
    leap = ladder(refill_by=dt.date(2028, 3, 1), days_before=[1, 2], **nine)
    assert [rung.local_intent for rung in leap] == ["2028-02-28T09:00", "2028-02-29T09:00", "2028-03-01T09:00"]
    assert leap[1].due_at == dt.datetime(2028, 2, 29, 3, 15, tzinfo=dt.UTC)
    turn = ladder(refill_by=dt.date(2027, 1, 3), days_before=[3, 2], **nine)
    assert [rung.local_intent for rung in turn] == ["2026-12-31T09:00", "2027-01-01T09:00", "2027-01-03T09:00"]
    assert {dt.date.fromisoformat(rung.local_intent[:10]).isocalendar()[:2] for rung in turn} == {(2026, 53)}


@pytest.mark.parametrize(("stated", "path"), [(None, "()"), ("/nowhere", "('/nowhere',)")])
def test_the_rules_of_zones_are_the_packages_unless_the_operator_names_a_folder(stated: str | None, path: str) -> None:
    kept = {name: value for name, value in os.environ.items() if name != "PYTHONTZPATH"}
    here = kept | {"PYTHONPATH": os.pathsep.join(each for each in sys.path if each)}
    asked = here if stated is None else here | {"PYTHONTZPATH": stated}
    code = (
        "import zoneinfo; old = zoneinfo.ZoneInfo('America/New_York'); import api;"
        "print(zoneinfo.TZPATH, zoneinfo.ZoneInfo('America/New_York') is old)"
    )
    ran = subprocess.run([sys.executable, "-c", code], env=asked, capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == f"{path} {stated is not None}"
