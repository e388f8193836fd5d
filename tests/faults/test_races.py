"""F-27, F-28, F-29: a refill, an answer or a new plan that comes while a reminder is on its way."""

from __future__ import annotations

import datetime as dt
import random
import threading
import time
from collections.abc import Callable, Iterator

import pytest
from judging import judge, posted
from world import DUE, FILLS, Postbox, World, postgresql_world, sqlite_world, trials

from api import house
from api.engine import replan_stale
from api.refills import record_refill
from api.responses import respond

MORNING = dt.datetime(2026, 12, 15, 14, 0, tzinfo=dt.UTC)
NEXT = MORNING + dt.timedelta(minutes=30)
"""The head is told, if nobody has answered."""


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def world(request: pytest.FixtureRequest) -> Iterator[World]:
    with (sqlite_world if request.param == "sqlite" else postgresql_world)() as made:
        yield made


def _count(world: World) -> int:
    return trials(3, 1000) if world.store.is_shared else trials(12, 10_000)


def _race(chance: random.Random, *racers: Callable[[], object]) -> None:
    """All at once, each a little late by chance. Whatever one of them raises is raised."""
    start, faults = threading.Barrier(len(racers)), []

    def run(racer: Callable[[], object], late: float) -> None:
        try:
            start.wait()
            time.sleep(late)
            racer()
        except BaseException as fault:
            faults.append(fault)

    threads = [
        threading.Thread(target=run, args=(racer, chance.choice((0, 0, chance.uniform(0, 0.03))))) for racer in racers
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if faults:
        raise faults[0]


def _sweeper(world: World, now: dt.datetime, chance: random.Random) -> Callable[[], object]:
    slow = chance.choice((0, 0, 0.002, 0.01))
    return lambda: world.sweep(now, Postbox(world.path, lambda *_: time.sleep(slow)))


def test_a_refill_recorded_while_its_reminder_is_on_its_way(world: World) -> None:
    chance, sent = random.Random(27), 0
    body = FILLS["ziconotide"] | {"fill_date": "2026-12-16"}
    for trial in range(_count(world)):
        world.reset()
        refill = lambda: record_refill(world.store, world.clinic, world.pumps["ziconotide"], body, DUE)  # noqa: E731
        _race(chance, refill, _sweeper(world, DUE, chance), _sweeper(world, DUE, chance))
        sent += len(posted(world.path))
        old = "plan.revision = 2 AND plan.closed_at IS NOT NULL AND delivery.state IN ('pending', 'dead')"
        stray = world.rows(
            "SELECT count(*) FROM delivery JOIN reminder ON reminder.id = delivery.reminder_id"
            f" JOIN plan ON plan.id = reminder.plan_id WHERE {old}"
        )
        assert stray == [(0,)], trial
        verdict = world.judged(DUE)
        assert (verdict.wrong, verdict.duplicates) == ([], 0), trial
    print(f"\nF-27 {world.store.engine.dialect.name}: {_count(world)} interleavings, {sent} copies left meanwhile")


def test_an_answer_that_races_the_step_to_the_next_person(world: World) -> None:
    chance, extra, pump = random.Random(28), 0, world.pumps["ziconotide"]
    body = {"person_id": world.nurse, "kind": "acknowledged"}
    for trial in range(_count(world)):
        world.reset()
        world.sweep(MORNING)
        before = len(posted(world.path))
        answer = lambda: respond(world.store, world.clinic, pump, body, NEXT)  # noqa: E731
        _race(chance, answer, _sweeper(world, NEXT, chance), _sweeper(world, NEXT, chance))
        world.sweep(NEXT)
        steps = [line for line in posted(world.path)[before:] if pump in line["link"]]
        assert len(steps) <= 1, "at most one extra step"
        extra += len(steps)
        coming = world.rows(
            "SELECT count(*) FROM reminder JOIN response ON response.plan_id = reminder.plan_id"
            " WHERE reminder.state = 'pending' AND (reminder.round > 0 OR reminder.after_minutes > 0)"
        )
        assert coming == [(0,)], "never a lost answer: nobody else is told of it"
        verdict = judge(world.store, NEXT, world.path)
        assert (verdict.wrong, verdict.duplicates) == ([], 0), trial
    print(
        f"\nF-28 {world.store.engine.dialect.name}: {_count(world)} interleavings, {extra} extra steps, 0 answers lost"
    )


def test_a_plan_worked_out_again_while_its_reminder_is_claimed(world: World) -> None:
    chance = random.Random(29)
    for trial in range(_count(world)):
        world.reset()
        world.sweep(MORNING - dt.timedelta(days=1))
        house.change_settings(world.store, world.clinic, {"reminder_time": "10:00"}, MORNING)
        again = lambda: replan_stale(world.store, lambda: MORNING)  # noqa: E731
        _race(chance, again, _sweeper(world, MORNING, chance), _sweeper(world, MORNING, chance))
        verdict = world.judged(MORNING)
        assert (verdict.wrong, verdict.duplicates) == ([], 0), trial
        told = {line["to"] for line in posted(world.path) if line["due"] >= MORNING.isoformat()}
        assert {"refills@clinic.example", "https://hooks.example/7"} <= told, trial
    print(f"\nF-29 {world.store.engine.dialect.name}: {_count(world)} interleavings, 0 claimed after the new plan")
