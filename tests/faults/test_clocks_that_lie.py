"""F-20, F-21, F-22: a clock that goes back, runs ahead, stands still or walks about, through the whole engine."""

from __future__ import annotations

import datetime as dt
import random
from collections import Counter
from collections.abc import Iterator

import pytest
from judging import judge, posted
from world import DUE, LEASE, URL, Postbox, World, sqlite_world, trials

from api.engine import Engine, Post

SECOND, MINUTE = dt.timedelta(seconds=1), dt.timedelta(minutes=1)
HOUR, DAY = dt.timedelta(hours=1), dt.timedelta(days=1)
BEFORE = DUE - 20 * DAY
"""The first reminders of the first pump are told; the others are not due."""


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    with sqlite_world() as made:
        yield made


class Time:
    """A wall clock that lies by ``off``, and a monotonic one that does not."""

    def __init__(self, true: dt.datetime) -> None:
        self.true, self.off, self.frozen, self.passed = true, dt.timedelta(), False, 1000.0

    def wall(self) -> dt.datetime:
        return self.true + self.off

    def pass_(self, length: dt.timedelta) -> None:
        self.true += length
        self.passed += length.total_seconds()
        if self.frozen:
            self.off -= length


def _engine(world: World, time: Time) -> Engine:
    post = Post(dict.fromkeys(("email", "webhook", "apprise"), Postbox(world.path)), URL, LEASE)
    return Engine(world.store, post, time.wall, lambda: time.passed)


def _ticks(engine: Engine, time: Time, length: dt.timedelta, every: dt.timedelta = MINUTE) -> int:
    """Tick for so long. How many copies were sent."""
    sent, end = 0, time.true + length
    while time.true < end:
        sent += engine.tick().sent
        time.pass_(every)
    return sent


def _once(world: World) -> bool:
    return set(Counter(line["idem"] for line in posted(world.path)).values()) <= {1}


@pytest.mark.parametrize("back", [SECOND, HOUR, DAY, 3653 * DAY], ids=["1s", "1h", "1day", "10years"])
def test_a_clock_that_goes_back_resends_nothing_and_is_mended(world: World, back: dt.timedelta) -> None:
    for trial in range(trials(1, 200)):
        chance = random.Random(trial)
        world.reset()
        time = Time(BEFORE + chance.uniform(0, 1) * HOUR)
        engine = _engine(world, time)
        engine.tick()
        told = len(posted(world.path))
        assert told
        time.off = -back
        _ticks(engine, time, 5 * MINUTE)
        assert len(posted(world.path)) == told, "nothing that was sent is sent again"
        time.off = dt.timedelta()
        _ticks(engine, time, 2 * MINUTE)
        time.pass_(DUE - time.true)
        engine = _engine(world, time)  # it starts anew: what passed is no jump
        assert engine.tick().sent == 4, "nothing is later than the tick after its true time"
        assert _once(world)
        assert judge(world.store, time.true, world.path).wrong == []


@pytest.mark.parametrize("ahead", [2 * HOUR, DAY, 3653 * DAY], ids=["2h", "1day", "10years"])
def test_a_clock_that_jumps_ahead_is_braked_and_comes_back_without_a_storm(world: World, ahead: dt.timedelta) -> None:
    for trial in range(trials(1, 200)):
        chance = random.Random(trial)
        world.reset()
        time = Time(BEFORE)
        engine = _engine(world, time)
        _ticks(engine, time, 2 * MINUTE)
        told = len(posted(world.path))
        time.off = ahead
        assert _ticks(engine, time, chance.uniform(1, 14) * MINUTE) == 0, "the brake holds for 15 minutes"
        assert not engine.verdict.may_send
        time.off = dt.timedelta()
        engine.tick()
        assert engine.verdict.may_send
        assert len(posted(world.path)) == told
        time.pass_(DUE - time.true)
        engine = _engine(world, time)
        assert engine.tick().sent == 4
        assert _once(world)
        assert judge(world.store, time.true, world.path).wrong == []


def test_a_clock_that_is_really_ahead_is_believed_after_the_brake(world: World) -> None:
    world.reset()
    time = Time(DUE - 2 * HOUR)
    engine = _engine(world, time)
    engine.tick()
    told = len(posted(world.path))
    time.off = 3 * HOUR
    assert _ticks(engine, time, 15 * MINUTE) == 0
    _ticks(engine, time, 3 * MINUTE)
    assert engine.verdict.may_send
    assert len(posted(world.path)) > told, "sent once the brake is off: late, never lost"
    assert _once(world)


def test_a_clock_that_stands_still_sends_what_is_due_and_resends_nothing(world: World) -> None:
    world.reset()
    time = Time(BEFORE)
    engine = _engine(world, time)
    engine.tick()
    told = len(posted(world.path))
    time.frozen = True
    assert _ticks(engine, time, 10 * MINUTE) == 0
    assert not engine.verdict.may_schedule
    time.frozen = False
    time.off = dt.timedelta()
    _ticks(engine, time, 20 * MINUTE)
    assert len(posted(world.path)) == told
    assert _once(world)


def test_a_clock_that_walks_about_loses_nothing_and_resends_nothing(world: World) -> None:
    for trial in range(trials(3, 200)):
        chance = random.Random(trial)
        world.reset()
        time = Time(DUE - 16 * DAY)
        engine = _engine(world, time)
        while time.true < DUE + DAY:
            time.off = chance.choice((-1, 0, 0, 1)) * chance.uniform(0, 26) * HOUR
            engine.tick()
            time.pass_(chance.uniform(0, 10) * HOUR)
        time.off = dt.timedelta()
        assert _once(world), trial
        now = world.recover(time.true + 2 * DAY)
        verdict = judge(world.store, now, world.path)
        assert (verdict.wrong, verdict.duplicates) == ([], 0), trial
