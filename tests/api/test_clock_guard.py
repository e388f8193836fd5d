"""Each rule of the clock guard at its bound and just past it (R-10, R-11, SR-92, F-23)."""

from __future__ import annotations

import datetime as dt

import pytest
from wrong_clocks import (
    DAY,
    HOUR,
    LEAST,
    MINUTE,
    SECOND,
    START,
    TEN_YEARS,
    House,
    does_all,
    only_sends,
    sends_nothing,
    started,
)

from api.reminders.guard import BEHIND, BRAKE, FROZEN, JUMP, SKEW, ClockGuard


def test_a_clock_is_not_trusted_before_it_was_looked_at() -> None:
    guard = ClockGuard()
    assert not guard.is_trusted
    assert guard.last is None
    seen = guard.look(START, 0.0, None)
    assert guard.is_trusted
    assert guard.last == seen


def test_the_bounds_are_those_that_were_promised() -> None:
    assert (JUMP, SKEW, BRAKE) == (HOUR, 5 * MINUTE, 15 * MINUTE)
    assert (BEHIND, FROZEN) == (5 * SECOND, 90 * SECOND)


@pytest.mark.parametrize(("ahead", "brakes"), [(JUMP, False), (JUMP + LEAST, True), (TEN_YEARS, True)])
def test_a_clock_may_run_ahead_by_an_hour_and_no_more(ahead: dt.timedelta, brakes: bool) -> None:
    house = started()
    house.error = ahead
    seen = house.tick()
    assert sends_nothing(seen) if brakes else does_all(seen)
    assert house.guard.is_trusted is not brakes


def test_a_clock_that_creeps_ahead_is_measured_from_where_it_began() -> None:
    house = started()
    house.error = 50 * MINUTE
    assert does_all(house.tick())
    house.error = 61 * MINUTE
    assert sends_nothing(house.tick())


def test_a_clock_that_went_back_and_is_believed_is_measured_from_there() -> None:
    house = started()
    house.error = -30 * MINUTE
    assert only_sends(house.tick())
    assert does_all(house.tick(30 * MINUTE))
    house.error = 31 * MINUTE
    assert sends_nothing(house.tick())


@pytest.mark.parametrize("sign", [1, -1])
@pytest.mark.parametrize(("skew", "brakes"), [(SKEW, False), (SKEW + LEAST, True)])
def test_two_clocks_may_stand_five_minutes_apart_and_no_more(skew: dt.timedelta, sign: int, brakes: bool) -> None:
    house = House()
    house.server_error = sign * skew
    seen = house.tick()  # at the first look too
    assert sends_nothing(seen) if brakes else does_all(seen)


def test_a_server_that_does_not_answer_takes_no_doubt_back() -> None:
    house = started()
    house.server_error = HOUR
    assert sends_nothing(house.tick())
    house.server_error = None
    assert sends_nothing(house.tick())
    house.server_error = dt.timedelta()
    assert does_all(house.tick())


@pytest.mark.parametrize("by", ["own", "server"])
def test_the_brake_holds_for_fifteen_minutes_and_alarms_once(by: str) -> None:
    house = started()
    if by == "own":
        house.error = DAY
    else:
        house.server_error = DAY
    first = house.tick()
    assert sends_nothing(first)
    assert first.alarm == first.reason
    still = house.tick(BRAKE - LEAST)
    assert sends_nothing(still)
    assert still.reason == first.reason
    assert still.alarm is None
    assert does_all(house.tick(LEAST))
    assert all(does_all(seen) for seen in house.ticks(100)), "what was accepted is not doubted again"
    assert len(house.alarms) == 1


@pytest.mark.parametrize(("moves", "again"), [(SKEW, False), (SKEW + LEAST, True), (-SKEW - LEAST, True)])
def test_a_clock_that_moves_on_during_the_brake_is_doubted_anew(moves: dt.timedelta, again: bool) -> None:
    house = started()
    house.error = DAY
    house.tick()
    house.error += moves
    house.tick(MINUTE)
    seen = house.tick(BRAKE - MINUTE)
    assert sends_nothing(seen) if again else does_all(seen)
    assert len(house.alarms) == 1
    assert does_all(house.tick(MINUTE))


def test_a_clock_that_shows_a_wrong_year_during_the_brake_is_doubted_anew() -> None:
    house = started()
    house.error = DAY
    house.tick()
    house.frozen_at = dt.datetime(9999, 1, 1, tzinfo=dt.UTC)
    house.tick(MINUTE)
    house.frozen_at = None
    assert sends_nothing(house.tick(BRAKE - MINUTE))
    assert does_all(house.tick(BRAKE))


def test_a_servers_clock_that_moves_on_during_the_brake_is_doubted_anew() -> None:
    house = started()
    house.server_error = DAY
    house.tick()
    house.server_error = 2 * DAY
    house.tick(MINUTE)
    assert sends_nothing(house.tick(BRAKE - MINUTE))
    assert does_all(house.tick(MINUTE))


def test_a_clock_that_comes_back_during_the_brake_is_believed_at_once_and_the_next_jump_alarms_again() -> None:
    house = started()
    for _ in range(3):
        house.error = DAY
        assert all(sends_nothing(seen) for seen in house.ticks(30))
        house.set_right()
        assert does_all(house.tick())
    assert len(house.alarms) == 3


def test_a_jump_that_was_accepted_says_nothing_about_the_server() -> None:
    house = started()
    house.error, house.server_error = DAY, DAY - 3 * MINUTE
    house.tick()
    assert does_all(house.tick(BRAKE))
    house.server_error = DAY - SKEW - LEAST
    assert sends_nothing(house.tick())


def test_what_was_accepted_of_a_server_is_forgotten_when_it_agrees_again() -> None:
    house = started()
    house.server_error = HOUR
    house.tick()
    assert does_all(house.tick(BRAKE))
    house.server_error = dt.timedelta()
    assert does_all(house.tick())
    house.server_error = HOUR
    assert sends_nothing(house.tick())


@pytest.mark.parametrize(("behind", "seen"), [(BEHIND, True), (BEHIND + LEAST, False)])
def test_a_clock_may_be_five_seconds_behind_what_was_kept_and_no_more(behind: dt.timedelta, seen: bool) -> None:
    verdict = ClockGuard().look(START, 0.0, START + behind)
    assert does_all(verdict) if seen else only_sends(verdict)


def test_a_clock_that_was_behind_is_trusted_when_it_has_passed_what_was_kept() -> None:
    guard, kept = ClockGuard(), START + HOUR
    assert only_sends(guard.look(START, 0.0, kept))
    assert only_sends(guard.look(kept - LEAST, 3599.0, kept)), "near is not past"
    assert only_sends(guard.look(kept - LEAST / 2, 3599.5, None)), "a store that does not answer proves nothing"
    assert does_all(guard.look(kept, 3600.0, kept))


def test_a_clock_that_was_behind_need_not_catch_up_with_what_others_keep_meanwhile() -> None:
    guard, kept = ClockGuard(), START + HOUR
    assert only_sends(guard.look(START, 0.0, kept))
    right = kept + MINUTE
    assert does_all(guard.look(right, 60.0, right + SECOND))


def test_a_kept_instant_that_lies_years_ahead_is_set_right_by_an_operator_and_no_restart_is_needed() -> None:
    house = started()
    house.kept = START + TEN_YEARS
    seen = house.ticks(1000)
    assert all(only_sends(each) for each in seen), "no wait makes a clock right that is behind"
    assert len(house.alarms) == 1
    house.operator_sets_what_was_kept()
    assert does_all(house.tick())


@pytest.mark.parametrize(("still", "frozen"), [(FROZEN, False), (FROZEN + LEAST, True)])
def test_a_clock_may_show_the_same_time_for_ninety_seconds_and_no_longer(still: dt.timedelta, frozen: bool) -> None:
    house = started()
    house.frozen_at = house.wall
    seen = house.tick(still)
    assert only_sends(seen) if frozen else does_all(seen)
    house.set_right()
    assert does_all(house.tick()), "when it is right again, what it skipped is not a jump"


@pytest.mark.parametrize(
    ("wall", "believed"),
    [
        ("1970-01-01T00:00:07", False),
        ("2019-12-31T23:59:59.999999", False),
        ("2020-01-01", True),
        ("2038-01-19T03:14:08", True),
        ("2100-12-31T23:59:59.999999", True),
        ("2101-01-01", False),
        ("9999-12-31T23:59:59", False),
    ],
)
def test_a_process_starts_in_no_year_before_2020_or_after_2100(wall: str, believed: bool) -> None:
    seen = ClockGuard().look(dt.datetime.fromisoformat(wall).replace(tzinfo=dt.UTC), 5.0, None)
    assert does_all(seen) if believed else sends_nothing(seen)


@pytest.mark.parametrize("year", [1970, 2038, 9999])
def test_a_running_clock_that_shows_a_wrong_year_sends_nothing_and_goes_on_when_it_is_right(year: int) -> None:
    house = started(dues=[START + 10 * MINUTE])
    house.frozen_at = dt.datetime(year, 1, 1, tzinfo=dt.UTC)
    assert sends_nothing(house.tick())
    assert len(house.alarms) == 1
    house.set_right()
    assert does_all(house.tick())
    assert not house.sent


def test_a_machine_that_starts_in_1970_is_trusted_with_the_first_right_time() -> None:
    house = House()
    house.kept = START - DAY
    house.frozen_at = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
    assert sends_nothing(house.tick())
    house.set_right()
    assert does_all(house.tick())


@pytest.mark.parametrize("down", [MINUTE, DAY, 90 * DAY])
def test_time_that_passed_while_the_process_was_down_is_no_jump(down: dt.timedelta) -> None:
    assert does_all(ClockGuard().look(START, 3.0, START - down))
    server = START - down
    seen = ClockGuard().look(START, 3.0, START - down, server)
    assert does_all(seen) if down <= SKEW else sends_nothing(seen), "unless the server's clock disagrees"


def test_a_machine_that_starts_with_a_clock_that_is_behind_is_not_braked_when_it_is_set_right() -> None:
    house = House()
    house.kept, house.error = START, -3 * DAY
    assert all(only_sends(seen) for seen in house.ticks(10))
    house.set_right()
    assert does_all(house.tick())


def test_a_doubt_about_a_server_that_was_accepted_while_behind_brakes_nothing_later() -> None:
    house = House()
    house.kept, house.error, house.server_error = START, -3 * DAY, dt.timedelta()
    assert sends_nothing(house.tick())
    assert only_sends(house.tick(BRAKE))
    house.set_right()
    assert does_all(house.tick())


@pytest.mark.parametrize("size", ["5 days", "3 hours", "119 minutes"])
def test_the_alarm_says_by_how_much(size: str) -> None:
    house = started()
    number, unit = size.split()
    house.error = dt.timedelta(**{unit: int(number)})
    assert f"jumped ahead by {size}. " in str(house.tick().alarm)


def test_no_reason_says_more_than_the_clock() -> None:
    house = started()
    house.server_error = 301 * SECOND
    house.tick()
    house.kept = START + DAY
    house.tick(BRAKE)
    house.frozen_at = house.wall
    house.tick(2 * FROZEN)
    house.frozen_at = dt.datetime(9999, 1, 1, tzinfo=dt.UTC)
    house.tick()
    assert house.alarms == [
        "The clock is 5 minutes from the database server's. In 15 minutes it is believed. Nothing is sent.",
        "The clock is behind an instant that the store has kept. Set the clock; if it is right, the kept instant is "
        "not. What is due by it is sent.",
        "The clock stands still. What is due by it is sent.",
        "The clock shows the year 9999. Nothing is sent.",
    ]
