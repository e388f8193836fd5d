"""The scheduler's calendar: when to order, when to book, and what would move the day."""

from __future__ import annotations

from typing import Any

import pytest
from asking import exact, fill, leads, notes, refusal, volume_then, ziconotide_fill

from pumpcalc import Calculation, Refusal, calculate, cli

_WEEKEND = ["saturday", "sunday"]


def _asked(**changes: Any) -> Calculation:
    return calculate("refill-schedule", fill(**changes))


def _moved(found: Calculation) -> dict[str, tuple[str, int]]:
    return {row["what"]: (row["date"], row["days"]) for row in found.answers["would_move"]}


# Ordering


def test_the_order_is_counted_back_over_open_days() -> None:
    # Due on Tuesday 10 February. Five open days back: Friday 6 (Monday 9 is closed), Thursday 5, Wednesday 4,
    # Tuesday 3, Monday 2.
    found = _asked(lead_times=leads("2", "3"), closed_weekdays=_WEEKEND, closed_dates=["2026-02-09"])
    assert (found.answers["refill_by"], found.answers["order_by"]) == ("2026-02-10", "2026-02-02")
    assert exact(found, "open_days_ahead") == 5
    # With every day open, five days back is five days back.
    assert _asked(lead_times=leads("2", "3")).answers["order_by"] == "2026-02-05"


def test_lead_times_are_added_and_their_order_does_not_matter() -> None:
    one = _asked(lead_times=leads("1", "2", "4"), closed_weekdays=_WEEKEND)
    other = _asked(lead_times=leads("1", "2", "4")[::-1], closed_weekdays=_WEEKEND)
    assert one.answers["order_by"] == other.answers["order_by"] == "2026-01-30"


def test_no_open_day_ahead_is_to_order_on_the_day_of_the_refill() -> None:
    found = _asked(lead_times=leads("0"), closed_weekdays=["tuesday"])
    assert found.answers["order_by"] == found.answers["refill_by"] == "2026-02-09"


def test_an_order_on_the_fill_day_is_in_time_and_one_before_it_stands_with_a_note() -> None:
    # The fill of 5 January is due 36 days later.
    at, past = _asked(lead_times=leads("36")), _asked(lead_times=leads("37"))
    assert (at.answers["order_by"], past.answers["order_by"]) == ("2026-01-05", "2026-01-04")
    assert "order-before-the-fill" not in notes(at)
    assert "order-before-the-fill" in notes(past)
    assert past.answers["refill_by"] == "2026-02-10", "the refill stays where it is"


def test_an_order_whose_day_has_gone_by_when_the_volume_is_known_is_to_be_made_at_once() -> None:
    # 11 mL on 20 January are 9 mL above the alarm, 18 days: due on 7 February. 18 open days back is that same day.
    assert "order-day-passed" not in notes(_asked(**volume_then(), lead_times=leads("18")))
    found = _asked(**volume_then(), lead_times=leads("19"))
    assert found.answers["order_by"] == "2026-01-19"
    assert "order-day-passed" in notes(found)


def test_sixty_open_days_are_the_longest_lead_time() -> None:
    # 60 open days of five in a week are 12 weeks: from Tuesday 10 February back to Tuesday 18 November.
    found = _asked(lead_times=leads("60"), closed_weekdays=_WEEKEND)
    assert found.answers["order_by"] == "2025-11-18"
    refusal("refill-schedule", fill(lead_times=leads("61")), "whole-days", "/lead_times/0/open_days")


@pytest.mark.parametrize(
    ("lead_times", "code", "pointer"),
    [
        ([{"for": "compounding", "open_days": "1.5"}], "whole-days", "/lead_times/0/open_days"),
        ([{"for": "compounding", "open_days": "-1"}], "number-format", "/lead_times/0/open_days"),
        ([{"for": "compounding", "open_days": 3}], "number-as-text", "/lead_times/0/open_days"),
        ([{"for": "compounding", "open_days": "3 day"}], "number-format", "/lead_times/0/open_days"),
        ([{"for": "compounding"}], "missing", "/lead_times/0/open_days"),
        ([{"open_days": "3"}], "missing", "/lead_times/0/for"),
        ([{"for": "shipping", "open_days": "3"}], "not-one-of", "/lead_times/0/for"),
        ([{"what": "delivery", "open_days": "3"}], "missing", "/lead_times/0/for"),
        (leads("1", "2") + leads("3"), "duplicate", "/lead_times/2/for"),
        ([], "wrong-type", "/lead_times"),
        ("3", "wrong-type", "/lead_times"),
    ],
)
def test_a_lead_time_that_cannot_be_counted_is_refused(lead_times: Any, code: str, pointer: str) -> None:
    refusal("refill-schedule", fill(lead_times=lead_times), code, pointer)


def test_a_lead_time_is_refused_with_the_words_that_it_may_be_for() -> None:
    problem = refusal(
        "refill-schedule", fill(lead_times=[{"for": "delivry", "open_days": "3"}]), "not-one-of", "/lead_times/0/for"
    )
    assert problem.did_you_mean == "delivery"
    assert set(problem.allowed or ()) == {"compounding", "controlled-drug", "delivery"}
    request = fill(lead_times=[{"for": "delivery", "open_days": "3", "until": "noon"}])
    with pytest.raises(Refusal) as caught:
        calculate("refill-schedule", request)
    assert caught.value.problems[0].allowed == ["for", "open_days"]


def test_the_command_takes_lead_times_one_by_one(capsys: pytest.CaptureFixture[str]) -> None:
    words = ["refill-schedule", "--pump", "synchromed-ii-20", "--fill-date", "2026-01-05", "--fill-volume", "20 mL",
             "--low-reservoir-alarm-volume", "2 mL", "--components", "drug=morphine", "concentration=20 mg/mL",
             "--daily-dose", "10 mg/day", "--lead-times", "for=compounding", "open_days=2", "--lead-times",
             "for=controlled-drug", "open_days=3", "--booking-window", "3", "--would-move"]  # fmt: skip
    assert cli.main(words) == 0
    printed = capsys.readouterr().out
    assert "order by: 2026-02-05" in printed
    assert "what: without low-reservoir-alarm and in-pump-stability" in printed


# Booking


def test_the_window_is_booked_from_its_first_open_day_and_each_day_says_what_is_left() -> None:
    # Due on Tuesday 10 February, which is the last safe day. Seven days before is Tuesday 3, closed: Wednesday 4.
    found = _asked(booking_window="7 day", closed_weekdays=_WEEKEND, closed_dates=["2026-02-03"])
    assert found.answers["book_from"] == "2026-02-04"
    assert found.answers["best_days"] == [
        {"date": "2026-02-04", "days_left": 6}, {"date": "2026-02-05", "days_left": 5},
        {"date": "2026-02-06", "days_left": 4}, {"date": "2026-02-09", "days_left": 1},
        {"date": "2026-02-10", "days_left": 0},
    ]  # fmt: skip
    assert "no-day-to-rebook" not in notes(found)


def test_the_days_left_are_counted_to_the_last_safe_day_past_the_lead_days() -> None:
    found = _asked(booking_window="1", days_before="3")
    assert found.answers["best_days"] == [
        {"date": "2026-02-06", "days_left": 4},
        {"date": "2026-02-07", "days_left": 3},
    ]


def test_at_most_the_last_ten_open_days_are_offered() -> None:
    at, past = _asked(booking_window="9"), _asked(booking_window="10")
    days = [f"2026-02-{day:02}" for day in range(1, 11)]
    assert [row["date"] for row in at.answers["best_days"]] == days
    assert [row["date"] for row in past.answers["best_days"]] == days
    assert (at.answers["book_from"], past.answers["book_from"]) == ("2026-02-01", "2026-01-31")


@pytest.mark.parametrize(("window", "rows"), [("0", 1), ("1", 1), ("2", 1), ("3", 1), ("4", 2)])
def test_a_window_of_one_open_day_leaves_no_day_to_rebook(window: str, rows: int) -> None:
    # The Tuesday is due; Monday is closed like the weekend, so the open day before it is Friday, four days earlier.
    found = _asked(booking_window=window, closed_weekdays=[*_WEEKEND, "monday"])
    assert len(found.answers["best_days"]) == rows
    assert ("no-day-to-rebook" in notes(found)) is (rows == 1)
    assert found.answers["book_from"] == found.answers["best_days"][0]["date"]


def test_no_day_before_the_fill_or_before_the_volume_is_known_is_offered() -> None:
    # 36 days back from 10 February is the fill day itself.
    at, past = _asked(booking_window="36"), _asked(booking_window="37")
    assert at.answers["book_from"] == past.answers["book_from"] == "2026-01-05"
    assert "booking-window-cut" not in notes(at)
    assert "booking-window-cut" in notes(past)
    later = _asked(**volume_then("2026-02-05", "3 mL"), booking_window="7")  # due on 7 February
    assert [row["date"] for row in later.answers["best_days"]] == ["2026-02-05", "2026-02-06", "2026-02-07"]
    assert "booking-window-cut" in notes(later)


@pytest.mark.parametrize(
    ("window", "code"),
    [("1.5", "whole-days"), ("12 h", "whole-days"), ("7 mL", "wrong-kind"), ("999999999", "beyond-calendar"),
     (-1, "quantity-as-text")],
)  # fmt: skip
def test_a_window_that_is_no_number_of_days_is_refused(window: Any, code: str) -> None:
    refusal("refill-schedule", fill(booking_window=window), code, "/booking_window")


# What would move the day


def test_what_holds_the_day_is_said_with_the_day_that_would_result() -> None:
    # The last safe day is Tuesday 10 February. Less 2 days is Sunday 8, so Friday 6 is the day.
    found = _asked(would_move=True, closed_weekdays=_WEEKEND, days_before="2")
    assert found.answers["refill_by"] == "2026-02-06"
    assert _moved(found) == {
        # Stability: Sunday 5 April less 2 is Friday 3 April, 56 days after 6 February.
        "without low-reservoir-alarm": ("2026-04-03", 56),
        # The longest interval: Saturday 4 July less 2 is Thursday 2 July, 90 more days.
        "without low-reservoir-alarm and in-pump-stability": ("2026-07-02", 146),
        "closed-days": ("2026-02-08", 2),
        "days-before": ("2026-02-10", 4),
    }


def test_what_moves_the_day_by_nothing_is_left_out() -> None:
    # Stability of 36 days ties with the alarm of 36 days; the closed day is another; no day before is no day.
    found = _asked(would_move=True, stability="36 day", closed_dates=["2026-01-20"], days_before="0")
    assert _moved(found) == {"without low-reservoir-alarm and in-pump-stability": ("2026-07-04", 144)}
    beside = _asked(would_move=True, stability="37 day")
    assert _moved(beside)["without low-reservoir-alarm"] == ("2026-02-11", 1)


def test_two_limits_on_the_same_day_and_no_other_leave_nothing_to_name() -> None:
    found = _asked(**volume_then("2026-01-05", "20 mL"), would_move=True, pump="synchromed-iii-20", stability="36 day")
    assert found.answers["would_move"] == []


def test_the_binding_limit_is_the_first_that_is_taken_away() -> None:
    found = calculate("refill-schedule", ziconotide_fill(fill_kind="naive", daily_dose="2.4 mcg/day", would_move=True))
    assert found.answers["binding"] == "in-pump-stability"
    # 18 mL at 0.096 mL/day last 187 days, so the longest interval of 180 days comes next.
    assert found.answers["would_move"][0] == {"what": "without in-pump-stability", "date": "2026-07-04", "days": 166}


def test_what_would_move_the_day_is_only_said_when_it_is_asked() -> None:
    assert "would_move" not in _asked(would_move=False).answers
    refusal("refill-schedule", fill(would_move="yes"), "wrong-type", "/would_move")
