"""A volume that is known at a later day than the fill: the dose was changed in between, or boluses were counted."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import pytest
from asking import days_of, exact, fill, leads, notes, refusal, solution, volume_then

from pumpcalc import Calculation, calculate
from pumpcalc.library import load
from pumpcalc.what_if import course, what_if

_WEEKEND = ["saturday", "sunday"]


def _asked(**changes: Any) -> Calculation:
    return calculate("refill-schedule", fill(**changes))


def test_the_volume_counts_from_the_day_on_which_it_is_known_and_the_rest_from_the_fill() -> None:
    # On 20 January 11 mL: 9 mL above the alarm at 0.5 mL/day are 18 days, 7 February, 33 days after the fill.
    # At worst 10 mL: 8 mL at 0.5 x 1.145 mL/day are 13.97 days, 2 February; dry after 17.47 days, 6 February.
    found = _asked(**volume_then(least="10 mL"))
    assert {name: value for name, value in found.answers.items() if name != "limits"} == {
        "refill_by": "2026-02-07",
        "binding": "low-reservoir-alarm",
        "low_reservoir_alarm_date": "2026-02-07",
        "worst_case_alarm_date": "2026-02-02",
        "worst_case_dry_date": "2026-02-06",
    }
    assert days_of(found) == {"low-reservoir-alarm": 33, "in-pump-stability": 90, "maximum-interval": 180}
    assert exact(found, "days_to_low_reservoir_alarm") == 18
    assert exact(found, "days_to_dry_at_worst") == Fraction(10 * 1000, 5 * 1145) * 10
    assert "least-volume-not-stated" not in notes(found)


def test_without_a_least_volume_the_worst_case_counts_from_the_programme_and_says_so() -> None:
    # 9 mL at 0.5 x 1.145 mL/day are 15.7 days, 4 February; 11 mL are 19.2 days, 8 February.
    found = _asked(**volume_then())
    assert found.answers["worst_case_alarm_date"] == "2026-02-04"
    assert found.answers["worst_case_dry_date"] == "2026-02-08"
    assert "least-volume-not-stated" in notes(found)


def test_with_the_clinics_policy_the_worst_dry_day_binds_from_then_too() -> None:
    found = _asked(**volume_then(least="10 mL"), accuracy_caps_interval=True)
    assert (found.answers["refill_by"], found.answers["binding"]) == ("2026-02-06", "accuracy")
    assert days_of(found)["accuracy"] == 32


def test_the_dose_that_is_stated_counts_fromvolume_then() -> None:
    # 9 mL of 20 mg/mL at 12 mg a day: 15 days; with four boluses of 0.5 mg in 24 h at 10 mg: 180 mg over 12 mg.
    assert _asked(**volume_then(), daily_dose="12 mg/day").answers["refill_by"] == "2026-02-04"
    boluses = {"dose_per_bolus": "0.5 mg", "lockout": "6 h", "boluses_per_day": 4}
    assert _asked(**volume_then(), **boluses).answers["refill_by"] == "2026-02-04"


@pytest.mark.parametrize(
    ("volume", "due", "reached"),
    [
        ("3 mL", "2026-01-22", False),
        ("2.5 mL", "2026-01-21", False),
        ("2.499999999 mL", "2026-01-20", False),
        ("2.000000001 mL", "2026-01-20", False),
        ("2 mL", "2026-01-20", True),
        ("1.999999999 mL", "2026-01-20", True),
        ("0 mL", "2026-01-20", True),
    ],
)
def test_an_alarm_volume_that_is_reached_is_due_on_that_day_and_never_refused(
    volume: str, due: str, reached: bool
) -> None:
    found = _asked(**volume_then(volume=volume), booking_window="7", lead_times=leads("2"), would_move=True)
    assert (found.answers["refill_by"], found.answers["binding"]) == (due, "low-reservoir-alarm")
    assert ("alarm-reached" in notes(found)) is reached
    if reached:
        assert exact(found, "days_to_low_reservoir_alarm") == 0
        assert days_of(found)["low-reservoir-alarm"] == 15, "20 January is 15 days after the fill"
        assert found.answers["best_days"] == [{"date": "2026-01-20", "days_left": 0}]
        assert found.answers["worst_case_alarm_date"] == "2026-01-20"
    assert "refill-overdue" not in notes(found)


@pytest.mark.parametrize(("least", "possible"), [("2.000000001 mL", False), ("2 mL", True), ("0 mL", True)])
def test_a_least_volume_at_the_alarm_says_that_the_alarm_is_possible_now(least: str, possible: bool) -> None:
    found = _asked(**volume_then(least=least))
    assert ("alarm-possible-now" in notes(found)) is possible
    assert found.answers["worst_case_alarm_date"] == "2026-01-20"
    assert found.answers["refill_by"] == "2026-02-07"


def test_a_refill_that_should_have_been_before_that_day_is_overdue_and_still_answered() -> None:
    # 1 February is a Sunday, and the alarm volume is reached: the last open day was Friday 30 January.
    closed = _asked(**volume_then("2026-02-01", "2 mL"), closed_weekdays=_WEEKEND, booking_window="7")
    assert closed.answers["refill_by"] == "2026-01-30"
    assert "refill-overdue" in notes(closed)
    assert closed.answers["book_from"] == "2026-01-30"
    assert closed.answers["best_days"] == [{"date": "2026-01-30", "days_left": 2}]
    lead = _asked(**volume_then("2026-01-06", "2 mL"), days_before="3")
    assert lead.answers["refill_by"] == "2026-01-03", "three days before, even where that is before the fill"
    assert "refill-overdue" in notes(lead)
    # 90 days of stability end on 5 April, whatever the reservoir still holds a day later.
    assert "refill-overdue" not in notes(_asked(**volume_then("2026-04-05", "19 mL")))
    expired = _asked(**volume_then("2026-04-06", "19 mL"))
    assert (expired.answers["refill_by"], expired.answers["binding"]) == ("2026-04-05", "in-pump-stability")
    assert "refill-overdue" in notes(expired)


def test_a_solution_past_its_beyond_use_date_at_the_fill_has_no_day_left_then_either() -> None:
    past = fill(beyond_use_date="2026-01-04", beyond_use_caps_interval=True, **volume_then())
    refusal("refill-schedule", past, "no-day-left", "/days_before")


def test_the_alarm_volume_that_would_warn_in_time_counts_fromvolume_then() -> None:
    # If 10 mL are left of the 11 mL by the programme, the pump is dry when it has counted 10 / 1.145 mL more.
    enough = 11 - Fraction(10 * 1000, 1145)
    found = _asked(**volume_then(least="10 mL"))
    assert exact(found, "alarm_volume_that_warns_in_time") == enough
    assert "dry-before-alarm-possible" in notes(found)
    assert 2 < enough < Fraction(23, 10)
    warned = _asked(**volume_then(least="10 mL"), low_reservoir_alarm_volume="2.3 mL")
    assert "dry-before-alarm-possible" not in notes(warned)


@pytest.mark.parametrize(
    ("changes", "code", "pointer"),
    [
        (volume_then("2026-01-04"), "out-of-range", "/as_of"),
        (volume_then(volume="20.000000001 mL"), "out-of-range", "/volume_then"),
        (volume_then(least="11.000000001 mL"), "out-of-range", "/least_volume_then"),
        ({"as_of": "2026-01-20"}, "missing", "/volume_then"),
        ({"volume_then": "11 mL"}, "missing", "/as_of"),
        ({"least_volume_then": "11 mL"}, "missing", "/as_of"),
        ({"as_of": "2026-01-20", "least_volume_then": "11 mL"}, "missing", "/volume_then"),
        (volume_then(volume="11"), "unit-missing", "/volume_then"),
        (volume_then("20 January"), "date-format", "/as_of"),
    ],
)
def test_a_volume_that_cannot_be_so_is_refused(changes: dict[str, Any], code: str, pointer: str) -> None:
    refusal("refill-schedule", fill(**changes), code, pointer)


def test_the_fill_day_the_whole_fill_and_the_volume_by_the_programme_are_the_last_that_can_be_so() -> None:
    assert _asked(**volume_then("2026-01-05", "20 mL", "20 mL")).answers == _asked().answers


def test_a_day_schedule_counts_from_the_fill_only() -> None:
    request = fill(
        fill_date=None, filled_at="2026-02-26T12:00:00-05:00", time_zone="America/New_York", stability="77 day",
        components=solution("baclofen", "0.5 mg/mL"), daily_dose="0.24 mg/day", base_rate="0.01 mg/h",
        day_total="0.24 mg/day", **volume_then("2026-03-10"),
    )  # fmt: skip
    problem = refusal("refill-schedule", request, "one-of-two", "/as_of")
    assert "day-schedule" in problem.detail


def test_the_curve_of_a_what_if_begins_where_the_volume_is_known() -> None:
    run = what_if("refill-schedule", fill(), volume_then(), load())
    points = {point.day: (point.before, point.after) for point in course(run)}
    assert points[0] == ("20 mL", None)
    assert points[15] == ("12.5 mL", "11 mL")
    assert points[33] == ("3.5 mL", "2 mL")
    at_the_fill = what_if("refill-schedule", fill(), volume_then("2026-01-05", "15 mL"), load())
    assert course(at_the_fill)[0].after == "15 mL"
    expired = what_if("refill-schedule", fill(), volume_then("2026-04-06", "19 mL"), load())
    assert course(expired)[-1].after == "19 mL", (
        "a fill that is overdue has one point, the day on which it is looked at"
    )
