"""What the trials found, each as the shortest story that shows it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator

import pytest
from judging import judge, posted
from scenes import is_down
from world import NOON, Postbox, World, sqlite_world

from api import house
from api.responses import respond

DAY = dt.datetime(2026, 12, 18, 14, 0, tzinfo=dt.UTC)
"""Nine in the morning of the last safe day of the first pump."""
MORNING = DAY - dt.timedelta(days=3)
MINUTE = dt.timedelta(minutes=1)


@pytest.fixture(scope="module")
def kept() -> Iterator[World]:
    with sqlite_world() as made:
        yield made


@pytest.fixture
def world(kept: World) -> World:
    kept.reset()
    return kept


def _answer(world: World, now: dt.datetime, **body: str) -> None:
    respond(world.store, world.clinic, world.pumps["ziconotide"], {"person_id": world.nurse, **body}, now)


def test_the_same_visit_is_booked_twice(world: World) -> None:
    for _ in range(2):
        _answer(world, NOON, kind="booked", day="2026-12-10")
    assert judge(world.store, NOON, world.path).wrong == []


def test_a_visit_is_moved_and_moved_back(world: World) -> None:
    _answer(world, NOON, kind="booked", day="2026-12-10")
    for day in ("2026-12-11", "2026-12-10"):
        _answer(world, NOON, kind="rescheduled", day=day)
    coming = world.rows("SELECT local_intent FROM reminder WHERE kind = 'booking-passed' AND state = 'pending'")
    assert coming == [("2026-12-11T09:00",)]


def test_the_same_silence_is_asked_for_twice(world: World) -> None:
    for _ in range(2):
        _answer(world, NOON, kind="snoozed", until="2026-11-25T19:00:00Z")
    assert world.rows("SELECT count(*) FROM reminder WHERE kind = 'snoozed' AND state = 'pending'") == [(1,)]


def test_a_reminder_that_was_put_off_into_the_due_day_does_not_end_the_days_that_follow(world: World) -> None:
    _answer(world, DAY - 30 * MINUTE, kind="snoozed", until=(DAY + 2 * MINUTE).isoformat())
    world.sweep(DAY + 10 * MINUTE)  # nobody was up at nine: both are due together
    _answer(world, DAY + 20 * MINUTE, kind="acknowledged")
    assert judge(world.store, DAY + 20 * MINUTE, world.path).wrong == []


def test_a_repetition_that_meets_the_due_day_does_not_end_the_days_that_follow(world: World) -> None:
    now = MORNING
    while now < DAY - MINUTE:
        world.sweep(now)
        now += 7 * MINUTE * 5
    world.sweep(DAY + dt.timedelta(hours=4))
    assert judge(world.store, DAY + dt.timedelta(hours=4), world.path).wrong == []


@pytest.mark.parametrize("is_queued", [True, False], ids=["queued", "not-queued"])
def test_a_clinic_that_changes_its_hour_hears_what_was_due_all_the_same(world: World, is_queued: bool) -> None:
    world.sweep(MORNING - dt.timedelta(days=1))
    before = len(posted(world.path))
    if is_queued:
        world.sweep(MORNING, Postbox(world.path, is_down))
    house.change_settings(world.store, world.clinic, {"reminder_time": "10:00"}, MORNING + 10 * MINUTE)
    verdict = world.judged(MORNING + 20 * MINUTE)
    assert verdict.wrong == []
    told = [line for line in posted(world.path)[before:] if world.pumps["ziconotide"] in line["link"]]
    assert {line["kind"] for line in told} == {"3-days-before"}
    assert len(told) == 2


def test_who_is_told_after_more_than_a_day_is_told_though_each_day_has_a_reminder_of_its_own(world: World) -> None:
    with world.store.writing() as connection:
        connection.exec_driver_sql("UPDATE contact SET after_minutes = 1500 WHERE channel = 'email'")
    now = DAY
    while now < DAY + dt.timedelta(days=2):
        world.sweep(now)
        now += 30 * MINUTE
    told = [line["now"] for line in posted(world.path) if line["to"] == "head@clinic.example"
            and world.pumps["ziconotide"] in line["link"]]  # fmt: skip
    assert [dt.datetime.fromisoformat(text) for text in told[:1]] == [DAY + 1500 * MINUTE]
