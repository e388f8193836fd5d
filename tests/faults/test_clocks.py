"""A wrong clock sends no storm, loses no reminder and is never silent, in any order of faults (F-20 to F-24)."""

from __future__ import annotations

import datetime as dt
import random
from dataclasses import dataclass

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule, run_state_machine_as_test
from wrong_clocks import (
    DAY,
    HOUR,
    LEAST,
    MINUTE,
    SECOND,
    START,
    TEN_YEARS,
    TICK,
    House,
    does_all,
    only_sends,
    sends_nothing,
    started,
)

from api.reminders.guard import BEHIND, BRAKE, JUMP, SKEW, Verdict

_SEEDS = range(200)


def _dues(dice: random.Random, within: dt.timedelta) -> list[dt.datetime]:
    return [START + dice.random() * within for _ in range(20)]


def _is_on_time(house: House, *, seed: int, late_until: dt.datetime) -> None:
    """Every letter left once, none early; late only while the clock was wrong."""
    while house.waiting:
        house.tick()
    for due, sent in house.sent.items():
        assert sent >= due, f"seed {seed}: sent early"
        assert sent <= max(due, late_until) + TICK, f"seed {seed}: sent late"


@pytest.mark.parametrize("back", [SECOND, HOUR, DAY, TEN_YEARS], ids=["1-s", "1-h", "1-day", "10-years"])
def test_a_clock_that_goes_back_sends_nothing_twice_and_all_of_it_when_the_time_is_right(back: dt.timedelta) -> None:
    for seed in _SEEDS:  # F-20
        dice = random.Random(seed)
        house = started(dues=_dues(dice, HOUR))
        house.ticks(dice.randrange(1, 100))
        house.error = -back
        wrong = house.ticks(dice.randrange(1, 100))
        if back <= BEHIND:
            assert all(does_all(seen) for seen in wrong), f"seed {seed}"
        elif back > HOUR:
            assert sends_nothing(wrong[0]) if house.wall.year < 2020 else only_sends(wrong[0]), f"seed {seed}"
            assert not any(seen.may_schedule for seen in wrong), f"seed {seed}"
            assert len(house.alarms) == 1, f"seed {seed}"
        house.set_right()
        assert does_all(house.tick()), f"seed {seed}"
        _is_on_time(house, seed=seed, late_until=house.true)


@pytest.mark.parametrize("ahead", [HOUR + SECOND, DAY, TEN_YEARS], ids=["1-h", "1-day", "10-years"])
def test_a_clock_that_jumps_ahead_and_back_sends_nothing_early(ahead: dt.timedelta) -> None:
    for seed in _SEEDS:  # F-21
        dice = random.Random(seed)
        house = started(dues=_dues(dice, HOUR))
        house.ticks(dice.randrange(100))
        house.error = ahead
        assert all(sends_nothing(seen) for seen in house.ticks(dice.randrange(1, 60))), f"seed {seed}"
        assert len(house.alarms) == 1, f"seed {seed}"
        house.set_right()
        assert does_all(house.tick()), f"seed {seed}"
        _is_on_time(house, seed=seed, late_until=house.true)


@pytest.mark.parametrize("ahead", [HOUR, HOUR + SECOND, DAY, TEN_YEARS])
def test_a_clock_that_was_accepted_and_goes_back_still_sends_and_is_trusted_again(ahead: dt.timedelta) -> None:
    for seed in _SEEDS:  # F-21, longer than the brake
        dice = random.Random(seed)
        house = started()
        house.error = ahead
        house.ticks(dice.randrange(62, 80))
        assert house.guard.is_trusted, f"seed {seed}"
        house.set_right()
        assert only_sends(house.tick()), f"seed {seed}"
        if ahead > DAY:
            house.operator_sets_what_was_kept()
            assert does_all(house.tick()), f"seed {seed}"
        else:
            kept = house.kept
            house.tick(ahead)
            assert does_all(house.tick()), f"seed {seed}"
            assert house.kept > kept


def test_a_frozen_clock_loses_nothing() -> None:
    for seed in _SEEDS:  # F-22
        dice = random.Random(seed)
        house = started(dues=_dues(dice, HOUR))
        house.ticks(dice.randrange(100))
        house.frozen_at = house.wall
        seen = house.ticks(dice.randrange(8, 400))
        assert all(does_all(each) for each in seen[:6]), f"seed {seed}"
        assert all(only_sends(each) for each in seen[6:]), f"seed {seed}"
        house.set_right()
        house.tick()
        # A clock that stood for more than an hour jumps ahead by no more than the time that has passed.
        assert house.guard.is_trusted, f"seed {seed}"
        _is_on_time(house, seed=seed, late_until=house.true)


def test_a_clock_that_walks_about_is_right_again_within_the_brake_of_being_right() -> None:
    for seed in _SEEDS:  # F-22
        dice = random.Random(seed)
        house = started(dues=_dues(dice, DAY))
        for _ in range(300):
            house.error += dice.choice([0, 0, 1]) * dice.uniform(-1, 1) * dice.choice([SECOND, HOUR, DAY])
            house.tick()
        house.set_right()
        house.operator_sets_what_was_kept()
        house.tick()
        house.tick(BRAKE)
        assert does_all(house.tick()), f"seed {seed}"
        while house.waiting:
            house.tick(HOUR)
        assert len(house.sent) == 20, f"seed {seed}"


@given(skew=st.timedeltas(-2 * SKEW, 2 * SKEW))
@settings(max_examples=500)  # F-24
def test_two_workers_of_which_one_is_wrong_agree_when_it_is_right(skew: dt.timedelta) -> None:
    right, wrong = House(), House()
    right.server_error = wrong.server_error = dt.timedelta()
    wrong.error = skew
    for _ in range(10):
        assert right.tick().may_send
        assert wrong.tick().may_send is (abs(skew) <= SKEW)
        right.kept = wrong.kept = max(each.kept for each in (right, wrong) if each.kept)
    wrong.set_right()
    assert wrong.tick().may_send


@dataclass(frozen=True)
class _Look:
    """What an observer writes down of one look: ``drift`` is of the clock against the time that has passed."""

    at: dt.datetime
    drift: dt.timedelta
    skew: dt.timedelta
    verdict: Verdict


class _AnyClock(RuleBasedStateMachine):
    """Any clock, in any order of faults, and what an observer who knows the true time says of each verdict."""

    @initialize(shared=st.booleans())
    def start(self, shared: bool) -> None:
        self.house = House()
        self.house.server_error = dt.timedelta() if shared else None
        self.looks: list[_Look] = []
        self.highest: dt.timedelta | None = None  # drift that was believed, or that stood for as long as the brake
        self.agreed = dt.timedelta()  # skew that stood for as long as the brake

    def _tick(self, after: dt.timedelta) -> Verdict:
        house, verdict = self.house, self.house.tick(after)
        drift = house.wall - house.true
        skew = dt.timedelta() if house.server_error is None else drift - house.server_error
        look = _Look(house.true, drift, skew, verdict)
        self.looks.append(look)
        if verdict.may_send:
            assert 2020 <= house.wall.year <= 2100
            stood = self._stood() >= BRAKE
            assert stood or self.highest is None or drift - self.highest <= JUMP, "sent during the brake"
            assert stood or abs(skew) <= SKEW or abs(skew - self.agreed) <= 2 * SKEW, "sent during the brake"
            if stood:
                self.agreed = skew
                self.highest = drift if self.highest is None else max(self.highest, drift)
            if verdict.may_schedule:
                self.highest = drift
        assert (verdict.reason is None) is verdict.may_schedule
        assert verdict.may_send or not verdict.may_schedule
        assert verdict.alarm in (None, verdict.reason)
        return verdict

    def _stood(self) -> dt.timedelta:
        """For how long neither clock has moved by more than twice what is allowed, in true time."""
        last = since = self.looks[-1]
        for look in reversed(self.looks):
            if max(abs(look.drift - last.drift), abs(look.skew - last.skew)) > 2 * SKEW:
                break
            since = look
        return last.at - since.at

    @rule(after=st.timedeltas(LEAST, 10 * MINUTE), count=st.integers(1, 8))
    def time_passes(self, after: dt.timedelta, count: int) -> None:
        for _ in range(count):
            self._tick(after)

    @rule(by=st.one_of(st.timedeltas(-2 * HOUR, 2 * HOUR), st.timedeltas(-TEN_YEARS, TEN_YEARS)))
    def the_clock_jumps(self, by: dt.timedelta) -> None:
        self.house.error = max(-5 * TEN_YEARS, min(5 * TEN_YEARS, self.house.error + by))

    @rule()
    def the_clock_stops(self) -> None:
        self.house.frozen_at = self.house.wall

    @rule()
    def the_clock_goes_again(self) -> None:
        self.house.frozen_at = None

    @rule(year=st.sampled_from([1970, 2019, 2101, 9999]))
    def the_clock_shows_a_wrong_year(self, year: int) -> None:
        self.house.frozen_at = dt.datetime(year, 6, 1, tzinfo=dt.UTC)

    @rule(error=st.timedeltas(-2 * HOUR, 2 * HOUR))
    def the_server_moves(self, error: dt.timedelta) -> None:
        if self.house.server_error is not None:
            self.house.server_error = error

    @rule()
    def the_clock_is_set_right(self) -> None:
        self.house.set_right()

    def teardown(self) -> None:
        self.house.set_right()
        if self.house.server_error is not None:
            self.house.server_error = dt.timedelta()
        self.house.operator_sets_what_was_kept()
        self._tick(SECOND)
        self._tick(BRAKE)
        assert does_all(self._tick(SECOND)), "a clock that is right is believed"


def test_no_order_of_faults_sends_during_the_brake_or_locks_a_clock_that_is_right() -> None:
    run_state_machine_as_test(_AnyClock, settings=settings(max_examples=150, stateful_step_count=30, deadline=None))
