"""The simulator finds what is planted, replays what it finds, and finds nothing in the engine as it is: F-45."""

from __future__ import annotations

import datetime as dt
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from simulator.chance import stream
from simulator.disk import Disk
from simulator.expected import hours_after, is_quiet, wall_instant
from simulator.house import FILLS, drawn_settings
from simulator.weather import Weather
from simulator.world import START, Broken, Figures, run

from api.engine import replan_stale
from api.house import add_clinic, add_patient, add_pump, change_settings
from api.people import add_person
from api.refills import record_refill
from api.reminders import outbox
from api.responses import respond
from api.store.queries import outbox as outbox_queries
from api.store.queries import plans
from pumpcalc.errors import Refusal

WORST = Weather.worst()
REPOSITORY = Path(__file__).parents[2]


def test_the_engine_keeps_every_promise() -> None:
    found = [run(seed, 0.2) for seed in range(4)] + [run(seed, 0.2, weather=WORST) for seed in range(4)]
    assert all(isinstance(each, Figures) for each in found)
    # It is no empty world: there were refills, answers, messages, crashes.
    for name in ("ticks", "refills", "answers", "reminders", "copies", "crashes"):
        assert sum(getattr(each, name) for each in found) >= 10, name


def _digest_elsewhere(seed: int, hash_seed: str) -> str:
    environment = {**os.environ, "PYTHONPATH": str(REPOSITORY), "PYTHONHASHSEED": hash_seed}
    command = [sys.executable, "-m", "tests.faults.simulator", "--seed", str(seed), "--pump-years", "0.05"]
    done = subprocess.run(command, env=environment, cwd=REPOSITORY, capture_output=True, text=True, check=True)
    return done.stdout.split()[-1]


def test_the_same_seed_is_the_same_run_to_the_last_row_and_another_is_another() -> None:
    here = run(7, 0.05).digest
    assert run(7, 0.05).digest == here
    assert _digest_elsewhere(7, "1") == here
    assert run(8, 0.05).digest != here


# What is planted


def _none(*_given: Any, **_more: Any) -> int:
    return 0


def _never(*_given: Any) -> None:
    """Nothing comes on the next day."""


FAULTS: dict[str, tuple[Any, dict[str, Callable[..., Any]], str, int]] = {
    "what waits is not taken back when a plan closes": (plans, {"cancel_pending": _none}, "R-06", 0),
    "nothing comes on the day after": (outbox, {"_daily": _never}, "R-02 R-14", 0),
    "nobody is next": (outbox._Batch, {"_escalate": _none}, "R-12", 1),
    "each missed reminder goes out by itself": (
        outbox_queries, {"coalesce": _none, "cancel_superseded": _none}, "R-05", 1,
    ),
    "an answer stops nothing": (plans, {"cancel_chain": _none}, "R-13", 0),
    "a copy is sent after the answer": (plans, {"cancel_undelivered": _none}, "R-13 R-06", 5),
    "the dead make no alarm": (outbox, {"_alarm": _none}, "R-02", 5),
}  # fmt: skip
"""What is taken away from the engine; which promise is then seen to break; the first seed, where others take longer."""


def _first_found(first: int) -> tuple[int, Broken]:
    for seed in range(first, first + 20):
        try:
            run(seed, 0.3, weather=WORST)
        except Broken as broken:
            return seed, broken
    raise AssertionError("20 seeds find nothing")


@pytest.mark.parametrize("planted", FAULTS)
def test_a_planted_fault_is_found_and_its_seed_finds_it_again(planted: str, monkeypatch: pytest.MonkeyPatch) -> None:
    module, taken, promises, first = FAULTS[planted]
    for name, fault in taken.items():
        monkeypatch.setattr(module, name, fault)
    seed, broken = _first_found(first)
    assert broken.promise in promises.split()
    assert f"(seed {seed}, 2026" in str(broken)
    with pytest.raises(Broken, match=f"^{re.escape(str(broken))}$"):
        run(seed, 0.3, weather=WORST)


# What it found


@pytest.fixture
def house(tmp_path: Path) -> Iterator[tuple[Disk, str, str]]:
    """A store with one clinic and one filled pump."""
    disk = Disk(tmp_path / "pumpcalc.db")
    clinic = add_clinic(disk.store, {**drawn_settings(stream(1, "house"), 0), **SETTINGS}, START)["id"]
    patient = add_patient(disk.store, clinic, {}, START)["id"]
    pump = add_pump(disk.store, clinic, {"patient_id": patient, "model": FILLS[0].model}, START)["id"]
    record_refill(disk.store, clinic, pump, {**FILLS[0].body, "fill_date": "2026-01-05"}, START)
    yield disk, clinic, pump
    disk.close()


SETTINGS = {"reminder_time": "09:00", "closed_weekdays": [], "closed_dates": [], "snooze_minutes_at_most": "600"}


def test_two_changes_before_one_tick_both_count(house: tuple[Disk, str, str]) -> None:
    disk, clinic, _ = house
    change_settings(disk.store, clinic, {"closed_dates": ["2027-12-24"]}, START)
    change_settings(disk.store, clinic, {"reminder_time": "17:00"}, START)
    replan_stale(disk.store, lambda: START)
    hours = disk.rows("SELECT DISTINCT substr(local_intent, 12) FROM reminder WHERE state = 'pending'")
    assert [row[0] for row in hours] == ["17:00"]


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        ({"kind": "snoozed", "until": "2026-01-05T20:00:00Z"}, "snoozed"),
        ({"kind": "booked", "day": "2026-01-12"}, "booking-passed"),
    ],
)
def test_the_same_answer_twice_is_no_fault_and_leaves_one_reminder(
    house: tuple[Disk, str, str], answer: dict[str, str], kind: str
) -> None:
    disk, clinic, pump = house
    person = add_person(disk.store, clinic, {"name": "Fictional Nurse", "role": "nurse"}, START)["id"]
    for _ in range(2):
        respond(disk.store, clinic, pump, {"person_id": person, **answer}, START)
    states = sorted(row[0] for row in disk.rows("SELECT state FROM reminder WHERE kind = ?", kind))
    assert states == ["cancelled", "pending"]


def test_a_reminder_is_repeated_after_one_minute_at_the_soonest(house: tuple[Disk, str, str]) -> None:
    disk, clinic, _ = house
    change_settings(disk.store, clinic, {"repeat_after_minutes": "1"}, START)
    with pytest.raises(Refusal, match="from 1 to 10080"):  # again after no time at all: the tick would never end
        change_settings(disk.store, clinic, {"repeat_after_minutes": "0"}, START)


# The second opinion is by hand


@pytest.mark.parametrize(
    ("day", "hour", "zone", "at"),
    [
        ("2026-03-08", "02:30", "America/New_York", "2026-03-08T07:30:00+00:00"),  # skipped: 03:30 EDT
        ("2026-11-01", "01:30", "America/New_York", "2026-11-01T05:30:00+00:00"),  # twice: the first, EDT
        ("2026-10-04", "02:15", "Australia/Lord_Howe", "2026-10-03T15:45:00+00:00"),  # half an hour is skipped
        ("2026-06-30", "09:00", "Asia/Tokyo", "2026-06-30T00:00:00+00:00"),
    ],
)
def test_its_own_wall_times_are_those_of_the_rule(day: str, hour: str, zone: str, at: str) -> None:
    found = wall_instant(dt.date.fromisoformat(day), dt.time.fromisoformat(hour), zone)
    assert found == dt.datetime.fromisoformat(at)


def test_its_own_quiet_hours_pass_midnight() -> None:
    def ends(text: str) -> str | None:
        at = dt.datetime.fromisoformat(text).replace(tzinfo=ZoneInfo("Europe/Zurich"))
        found = is_quiet(at, "22:00", "06:30", "Europe/Zurich")
        return None if found is None else f"{found.astimezone(ZoneInfo('Europe/Zurich')):%d %H:%M}"

    assert [ends(f"2026-01-05T{time}") for time in ("21:59", "22:00", "23:59")] == [None, "06 06:30", "06 06:30"]
    assert [ends(f"2026-01-05T{time}") for time in ("00:00", "06:29", "06:30")] == ["05 06:30", "05 06:30", None]


def test_its_own_daily_hour_is_the_last_that_has_come() -> None:
    start, hour = dt.datetime(2026, 1, 5, 9, tzinfo=dt.UTC), dt.time(9)
    assert hours_after(start, start + dt.timedelta(hours=23), hour, "UTC") is None
    assert hours_after(start, start + dt.timedelta(hours=24), hour, "UTC") == start + dt.timedelta(days=1)
