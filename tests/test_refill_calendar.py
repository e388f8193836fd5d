"""The scheduler's calendar: when to order, when to book, what would move the day, and a volume known later."""

from __future__ import annotations

import copy
from collections.abc import Callable
from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest
from asking import days_of, exact, fill, lines, notes, refusal, solution, ziconotide_fill
from drawing import numbers
from hypothesis import given, settings
from hypothesis import strategies as st
from records import RECORDS

from pumpcalc import Calculation, CalculationWithheld, Refusal, calculate, cli, verify
from pumpcalc.library import load
from pumpcalc.what_if import course, what_if
from pumpcalc.worksheet import replay

_WEEKEND = ["saturday", "sunday"]
_FILLED = date(2026, 1, 5)


def _asked(**changes: Any) -> Calculation:
    return calculate("refill-schedule", fill(**changes))


def _leads(*days: str) -> list[dict[str, str]]:
    """Lead times of these open days, one after the other."""
    return [
        {"for": what, "open_days": each}
        for what, each in zip(("compounding", "controlled-drug", "delivery"), days, strict=False)
    ]


def _then(day: str = "2026-01-20", volume: str = "11 mL", least: str | None = None) -> dict[str, Any]:
    return {"as_of": day, "volume_then": volume, "least_volume_then": least}


def _moved(found: Calculation) -> dict[str, tuple[str, int]]:
    return {row["what"]: (row["date"], row["days"]) for row in found.answers["would_move"]}


# Ordering


def test_the_order_is_counted_back_over_open_days() -> None:
    # Due on Tuesday 10 February. Five open days back: Friday 6 (Monday 9 is closed), Thursday 5, Wednesday 4,
    # Tuesday 3, Monday 2.
    found = _asked(lead_times=_leads("2", "3"), closed_weekdays=_WEEKEND, closed_dates=["2026-02-09"])
    assert (found.answers["refill_by"], found.answers["order_by"]) == ("2026-02-10", "2026-02-02")
    assert exact(found, "open_days_ahead") == 5
    # With every day open, five days back is five days back.
    assert _asked(lead_times=_leads("2", "3")).answers["order_by"] == "2026-02-05"


def test_lead_times_are_added_and_their_order_does_not_matter() -> None:
    one = _asked(lead_times=_leads("1", "2", "4"), closed_weekdays=_WEEKEND)
    other = _asked(lead_times=_leads("1", "2", "4")[::-1], closed_weekdays=_WEEKEND)
    assert one.answers["order_by"] == other.answers["order_by"] == "2026-01-30"


def test_no_open_day_ahead_is_to_order_on_the_day_of_the_refill() -> None:
    found = _asked(lead_times=_leads("0"), closed_weekdays=["tuesday"])
    assert found.answers["order_by"] == found.answers["refill_by"] == "2026-02-09"


def test_an_order_on_the_fill_day_is_in_time_and_one_before_it_stands_with_a_note() -> None:
    # The fill of 5 January is due 36 days later.
    at, past = _asked(lead_times=_leads("36")), _asked(lead_times=_leads("37"))
    assert (at.answers["order_by"], past.answers["order_by"]) == ("2026-01-05", "2026-01-04")
    assert "order-before-the-fill" not in notes(at)
    assert "order-before-the-fill" in notes(past)
    assert past.answers["refill_by"] == "2026-02-10", "the refill stays where it is"


def test_an_order_whose_day_has_gone_by_when_the_volume_is_known_is_to_be_made_at_once() -> None:
    # 11 mL on 20 January are 9 mL above the alarm, 18 days: due on 7 February. 18 open days back is that same day.
    assert "order-day-passed" not in notes(_asked(**_then(), lead_times=_leads("18")))
    found = _asked(**_then(), lead_times=_leads("19"))
    assert found.answers["order_by"] == "2026-01-19"
    assert "order-day-passed" in notes(found)


def test_sixty_open_days_are_the_longest_lead_time() -> None:
    # 60 open days of five in a week are 12 weeks: from Tuesday 10 February back to Tuesday 18 November.
    found = _asked(lead_times=_leads("60"), closed_weekdays=_WEEKEND)
    assert found.answers["order_by"] == "2025-11-18"
    refusal("refill-schedule", fill(lead_times=_leads("61")), "whole-days", "/lead_times/0/open_days")


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
        (_leads("1", "2") + _leads("3"), "duplicate", "/lead_times/2/for"),
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
    later = _asked(**_then("2026-02-05", "3 mL"), booking_window="7")  # due on 7 February
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


def test_a_fill_with_one_limit_has_nothing_to_name() -> None:
    found = _asked(**_then("2026-01-05", "20 mL"), would_move=True, pump="synchromed-iii-20", stability="36 day")
    assert found.answers["would_move"] == []


def test_the_binding_limit_is_the_first_that_is_taken_away() -> None:
    found = calculate("refill-schedule", ziconotide_fill(fill_kind="naive", daily_dose="2.4 mcg/day", would_move=True))
    assert found.answers["binding"] == "in-pump-stability"
    # 18 mL at 0.096 mL/day last 187 days, so the longest interval of 180 days comes next.
    assert found.answers["would_move"][0] == {"what": "without in-pump-stability", "date": "2026-07-04", "days": 166}


def test_what_would_move_the_day_is_only_said_when_it_is_asked() -> None:
    assert "would_move" not in _asked(would_move=False).answers
    refusal("refill-schedule", fill(would_move="yes"), "wrong-type", "/would_move")


# A volume that is known later than at the fill


def test_the_volume_counts_from_the_day_on_which_it_is_known_and_the_rest_from_the_fill() -> None:
    # On 20 January 11 mL: 9 mL above the alarm at 0.5 mL/day are 18 days, 7 February, 33 days after the fill.
    # At worst 10 mL: 8 mL at 0.5 x 1.145 mL/day are 13.97 days, 2 February; dry after 17.47 days, 6 February.
    found = _asked(**_then(least="10 mL"))
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
    found = _asked(**_then())
    assert found.answers["worst_case_alarm_date"] == "2026-02-04"
    assert found.answers["worst_case_dry_date"] == "2026-02-08"
    assert "least-volume-not-stated" in notes(found)


def test_with_the_clinics_policy_the_worst_dry_day_binds_from_then_too() -> None:
    found = _asked(**_then(least="10 mL"), accuracy_caps_interval=True)
    assert (found.answers["refill_by"], found.answers["binding"]) == ("2026-02-06", "accuracy")
    assert days_of(found)["accuracy"] == 32


def test_the_dose_that_is_stated_counts_from_then() -> None:
    # 9 mL of 20 mg/mL at 12 mg a day: 15 days; with four boluses of 0.5 mg in 24 h at 10 mg: 180 mg over 12 mg.
    assert _asked(**_then(), daily_dose="12 mg/day").answers["refill_by"] == "2026-02-04"
    boluses = {"dose_per_bolus": "0.5 mg", "lockout": "6 h", "boluses_per_day": 4}
    assert _asked(**_then(), **boluses).answers["refill_by"] == "2026-02-04"


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
    found = _asked(**_then(volume=volume), booking_window="7", lead_times=_leads("2"), would_move=True)
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
    found = _asked(**_then(least=least))
    assert ("alarm-possible-now" in notes(found)) is possible
    assert found.answers["worst_case_alarm_date"] == "2026-01-20"
    assert found.answers["refill_by"] == "2026-02-07"


def test_a_refill_that_should_have_been_before_that_day_is_overdue_and_still_answered() -> None:
    # 1 February is a Sunday, and the alarm volume is reached: the last open day was Friday 30 January.
    closed = _asked(**_then("2026-02-01", "2 mL"), closed_weekdays=_WEEKEND, booking_window="7")
    assert closed.answers["refill_by"] == "2026-01-30"
    assert "refill-overdue" in notes(closed)
    assert closed.answers["book_from"] == "2026-01-30"
    assert closed.answers["best_days"] == [{"date": "2026-01-30", "days_left": 2}]
    lead = _asked(**_then("2026-01-06", "2 mL"), days_before="3")
    assert lead.answers["refill_by"] == "2026-01-03", "three days before, even where that is before the fill"
    assert "refill-overdue" in notes(lead)
    # 90 days of stability end on 5 April, whatever the reservoir still holds a day later.
    assert "refill-overdue" not in notes(_asked(**_then("2026-04-05", "19 mL")))
    expired = _asked(**_then("2026-04-06", "19 mL"))
    assert (expired.answers["refill_by"], expired.answers["binding"]) == ("2026-04-05", "in-pump-stability")
    assert "refill-overdue" in notes(expired)


def test_a_solution_past_its_beyond_use_date_at_the_fill_has_no_day_left_then_either() -> None:
    past = fill(beyond_use_date="2026-01-04", beyond_use_caps_interval=True, **_then())
    refusal("refill-schedule", past, "no-day-left", "/days_before")


def test_the_alarm_volume_that_would_warn_in_time_counts_from_then() -> None:
    # If 10 mL are left of the 11 mL by the programme, the pump is dry when it has counted 10 / 1.145 mL more.
    enough = 11 - Fraction(10 * 1000, 1145)
    found = _asked(**_then(least="10 mL"))
    assert exact(found, "alarm_volume_that_warns_in_time") == enough
    assert "dry-before-alarm-possible" in notes(found)
    assert 2 < enough < Fraction(23, 10)
    warned = _asked(**_then(least="10 mL"), low_reservoir_alarm_volume="2.3 mL")
    assert "dry-before-alarm-possible" not in notes(warned)


@pytest.mark.parametrize(
    ("changes", "code", "pointer"),
    [
        (_then("2026-01-04"), "out-of-range", "/as_of"),
        (_then(volume="20.000000001 mL"), "out-of-range", "/volume_then"),
        (_then(least="11.000000001 mL"), "out-of-range", "/least_volume_then"),
        ({"as_of": "2026-01-20"}, "missing", "/volume_then"),
        ({"volume_then": "11 mL"}, "missing", "/as_of"),
        ({"least_volume_then": "11 mL"}, "missing", "/as_of"),
        ({"as_of": "2026-01-20", "least_volume_then": "11 mL"}, "missing", "/volume_then"),
        (_then(volume="11"), "unit-missing", "/volume_then"),
        (_then("20 January"), "date-format", "/as_of"),
    ],
)
def test_a_volume_that_cannot_be_so_is_refused(changes: dict[str, Any], code: str, pointer: str) -> None:
    refusal("refill-schedule", fill(**changes), code, pointer)


def test_the_fill_day_the_whole_fill_and_the_volume_by_the_programme_are_the_last_that_can_be_so() -> None:
    assert _asked(**_then("2026-01-05", "20 mL", "20 mL")).answers == _asked().answers


def test_a_day_schedule_counts_from_the_fill_only() -> None:
    request = fill(
        fill_date=None, filled_at="2026-02-26T12:00:00-05:00", time_zone="America/New_York", stability="77 day",
        components=solution("baclofen", "0.5 mg/mL"), daily_dose="0.24 mg/day", base_rate="0.01 mg/h",
        day_total="0.24 mg/day", **_then("2026-03-10"),
    )  # fmt: skip
    problem = refusal("refill-schedule", request, "one-of-two", "/as_of")
    assert "day-schedule" in problem.detail


def test_the_curve_of_a_what_if_begins_where_the_volume_is_known() -> None:
    run = what_if("refill-schedule", fill(), _then(), load())
    points = {point.day: (point.before, point.after) for point in course(run)}
    assert points[0] == ("20 mL", None)
    assert points[15] == ("12.5 mL", "11 mL")
    assert points[33] == ("3.5 mL", "2 mL")
    at_the_fill = what_if("refill-schedule", fill(), _then("2026-01-05", "15 mL"), load())
    assert course(at_the_fill)[0].after == "15 mL"
    expired = what_if("refill-schedule", fill(), _then("2026-04-06", "19 mL"), load())
    assert course(expired)[-1].after == "19 mL", (
        "a fill that is overdue has one point, the day on which it is looked at"
    )


# Properties


@st.composite
def calendars(draw: st.DrawFn) -> dict[str, Any]:
    """A fill with whatever a scheduler may state beside it."""
    request = fill(daily_dose=f"{draw(numbers('4', '20', 2))} mg/day")
    for field, value in (
        ("days_before", str(draw(st.integers(0, 5)))),
        ("closed_weekdays", draw(st.lists(st.sampled_from(("monday", "friday", "saturday", "sunday")), max_size=4))),
        ("closed_dates", [str(_FILLED + timedelta(days=d)) for d in draw(st.lists(st.integers(0, 60), max_size=12))]),
        ("stability", f"{draw(st.integers(10, 120))} day"),
        ("accuracy_caps_interval", draw(st.booleans())),
    ):
        if draw(st.booleans()):
            request[field] = value
    if draw(st.booleans()):
        volume = draw(st.integers(0, 2000))
        request |= {"as_of": str(_FILLED + timedelta(days=draw(st.integers(0, 40)))), "volume_then": _ml(volume)}
        if draw(st.booleans()):
            request["least_volume_then"] = _ml(draw(st.integers(0, volume)))
    request["lead_times"] = _leads(*map(str, draw(st.lists(st.integers(0, 60), min_size=1, max_size=3))))
    request["booking_window"] = str(draw(st.integers(0, 40)))
    request["would_move"] = True
    return request


def _ml(hundredths: int) -> str:
    return f"{hundredths // 100}.{hundredths % 100:02} mL"


def _answer(request: dict[str, Any]) -> Calculation | None:
    """The record; None when no day is left."""
    try:
        return calculate("refill-schedule", request)
    except Refusal as refused:
        if refused.problems[0].code != "no-day-left":
            raise
        return None


def _day(found: Calculation, name: str) -> date:
    return date.fromisoformat(lines(found)[name].value)


def _is_open(request: dict[str, Any], day: date) -> bool:
    closed = request.get("closed_weekdays", ())
    return day.strftime("%A").lower() not in closed and str(day) not in request.get("closed_dates", ())


def _between(request: dict[str, Any], start: date, end: date) -> list[date]:
    """The open days from one day to another, both included."""
    days = (start + timedelta(days=each) for each in range((end - start).days + 1))
    return [day for day in days if _is_open(request, day)]


@settings(max_examples=80)
@given(calendars())
def test_the_order_lies_as_many_open_days_ahead_as_everything_takes(request_: dict[str, Any]) -> None:
    if (found := _answer(request_)) is None:
        return
    order_by = _day(found, "order_by")
    wanted = sum(int(each["open_days"]) for each in request_["lead_times"])
    assert _is_open(request_, order_by)
    assert len(_between(request_, order_by, _day(found, "refill_by"))) == wanted + 1


@settings(max_examples=80)
@given(calendars())
def test_the_best_days_are_the_last_open_days_of_the_window(request_: dict[str, Any]) -> None:
    if (found := _answer(request_)) is None:
        return
    by, begins = _day(found, "refill_by"), _day(found, "book_from")
    since = date.fromisoformat(request_.get("as_of", request_["fill_date"]))
    opens = min(by, max(by - timedelta(days=int(request_["booking_window"])), since))
    rows = found.answers["best_days"]
    assert begins == _between(request_, opens, by)[0]
    assert [row["date"] for row in rows] == [str(day) for day in _between(request_, opens, by)[-10:]]
    last_safe = _day(found, "last_safe_day")
    assert all(date.fromisoformat(row["date"]) + timedelta(days=row["days_left"]) == last_safe for row in rows)
    assert ("no-day-to-rebook" in notes(found)) is (len(rows) == 1)


@settings(max_examples=80)
@given(calendars())
def test_each_row_of_what_would_move_is_what_the_same_request_without_it_says(request_: dict[str, Any]) -> None:
    if (found := _answer(request_)) is None:
        return
    by, moved = _day(found, "refill_by"), _moved(found)
    assert all(days == (date.fromisoformat(day) - by).days > 0 for day, days in moved.values())
    fields = {"closed-days": ("closed_weekdays", "closed_dates"), "days-before": ("days_before",)}
    for what, names in fields.items():
        other = _answer({name: value for name, value in request_.items() if name not in names})
        assert other is not None
        assert moved.get(what, (str(by), 0))[0] == other.answers["refill_by"]
    before = timedelta(days=int(request_.get("days_before", "0")))
    ordered = sorted(found.answers["limits"], key=lambda row: row["days"])
    for taken in range(1, len(ordered)):
        latest = date.fromisoformat(ordered[taken]["date"]) - before
        while not _is_open(request_, latest):
            latest -= timedelta(days=1)
        what = "without " + " and ".join(row["limit"] for row in ordered[:taken])
        assert moved.get(what, (str(by), 0))[0] == str(latest)


@settings(max_examples=80)
@given(calendars())
def test_what_the_scheduler_asks_beside_it_changes_no_answer_and_is_verified(request_: dict[str, Any]) -> None:
    plain = {k: v for k, v in request_.items() if k not in ("lead_times", "booking_window", "would_move")}
    found, without = _answer(request_), _answer(plain)
    assert (found is None) == (without is None)
    if found is not None and without is not None:
        assert without.answers.items() <= found.answers.items()
        assert set(found.answers) - set(without.answers) == {"order_by", "book_from", "best_days", "would_move"}
        assert "asked again" in verify(found).lower()


_STRICTER: dict[str, Callable[[dict[str, Any], int], dict[str, Any]]] = {
    "another_closed_weekday": lambda r, _: r | {"closed_weekdays": [*r.get("closed_weekdays", ()), "wednesday"]},
    "more_closed_dates": lambda r, by: r | {
        "closed_dates": [*r.get("closed_dates", ()), *(str(_FILLED + timedelta(days=30 + n)) for n in range(by))]},
    "more_lead_days": lambda r, by: r | {"days_before": str(int(r.get("days_before", "0")) + by)},
    "a_stated_stability": lambda r, by: r if "stability" in r else r | {"stability": f"{by + 1} day"},
    "an_accuracy_that_caps": lambda r, _: r | {"accuracy_caps_interval": True},
    "an_end_of_service": lambda r, by: r | {"replacement_indicator_date": str(_FILLED - timedelta(days=90 - by))},
    "a_larger_dose": lambda r, by: r | {"daily_dose": f"{Decimal(r['daily_dose'][:-7]) + by:f} mg/day"},
    "less_volume_then": lambda r, by: r if "volume_then" not in r else r | {
        "volume_then": _less(r["volume_then"], by), "least_volume_then": _less(
            r.get("least_volume_then", r["volume_then"]), by)},
}  # fmt: skip


def _less(volume: str, tenths: int) -> str:
    return _ml(max(int(Fraction(volume[:-3]) * 100) - 10 * tenths, 0))


@pytest.mark.parametrize("stricter", _STRICTER)
@settings(max_examples=40)
@given(calendars(), st.integers(0, 30))
def test_nothing_that_is_added_makes_the_refill_or_the_order_later(
    stricter: str, request_: dict[str, Any], by: int
) -> None:
    before, after = _answer(request_), _answer(_STRICTER[stricter](request_, by))
    if after is not None:
        assert before is not None
        assert after.answers["refill_by"] <= before.answers["refill_by"]
        assert after.answers["order_by"] <= before.answers["order_by"]


@settings(max_examples=60)
@given(calendars(), st.integers(0, 2))
def test_a_longer_lead_time_moves_the_order_only_and_never_later(request_: dict[str, Any], longer: int) -> None:
    place = longer % len(request_["lead_times"])
    days = int(request_["lead_times"][place]["open_days"])
    leads = copy.deepcopy(request_["lead_times"])
    leads[place]["open_days"] = str(min(days + 1, 60))
    before, after = _answer(request_), _answer(request_ | {"lead_times": leads})
    if before is not None and after is not None:
        assert after.answers["refill_by"] == before.answers["refill_by"]
        assert (after.answers["order_by"] < before.answers["order_by"]) is (days < 60)


@settings(max_examples=60)
@given(calendars(), st.integers(0, 2000))
def test_the_least_volume_never_makes_the_worst_case_later_and_never_moves_the_alarm(
    request_: dict[str, Any], hundredths: int
) -> None:
    held = 2000 - hundredths
    request_ |= {"as_of": "2026-01-20", "volume_then": _ml(held)}
    request_.pop("least_volume_then", None)
    whole, least = _answer(request_), _answer(request_ | {"least_volume_then": _ml(held // 2)})
    assert whole is not None
    assert least is not None
    assert least.answers["low_reservoir_alarm_date"] == whole.answers["low_reservoir_alarm_date"]
    for name in ("worst_case_alarm_date", "worst_case_dry_date"):
        assert "2026-01-20" <= least.answers[name] <= whole.answers[name]
    assert whole.answers["worst_case_alarm_date"] <= whole.answers["low_reservoir_alarm_date"]


# The replay


def _altered(change: Callable[[dict[str, Any]], None]) -> dict[str, Any]:
    record = copy.deepcopy(RECORDS["calendar"].model_dump(mode="json"))
    change(record)
    assert record != RECORDS["calendar"].model_dump(mode="json"), "nothing was altered"
    return record


def _step(name: str, **fields: Any) -> Callable[[dict[str, Any]], None]:
    def change(record: dict[str, Any]) -> None:
        (found,) = [each for each in record["steps"] if each["name"] == name]
        found.update(fields)

    return change


def _drop_a_best_day(record: dict[str, Any]) -> None:
    """One day fewer to choose from, every other row with its own lines."""
    rows, named = record["answers"]["best_days"], record["answer_lines"]
    del rows[1]
    moved = {pointer: name for pointer, name in named.items() if not pointer.startswith("/best_days/")}
    for place in range(len(rows)):
        of = place + (place >= 1)
        moved |= {f"/best_days/{place}/{key}": named[f"/best_days/{of}/{key}"] for key in ("date", "days_left")}
    record["answer_lines"] = moved


def _exchange_rows(record: dict[str, Any]) -> None:
    """The days of one row of would_move beside the date of another."""
    rows, named = record["answers"]["would_move"], record["answer_lines"]
    rows[0]["days"], rows[1]["days"] = rows[1]["days"], rows[0]["days"]
    one, other = "/would_move/0/days", "/would_move/1/days"
    named[one], named[other] = named[other], named[one]


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(_step("order_by", formula="open_days_before(refill_by, 1)"), id="order-one-day-before"),
        pytest.param(_step("order_by", formula="open_days_before(refill_by, booking_window)"), id="days-for-open-days"),
        pytest.param(_step("order_by", formula="open_days_before(open_days_ahead, refill_by)"), id="swapped"),
        pytest.param(_step("order_by", formula="refill_by - booking_window"), id="closed-days-forgotten"),
        pytest.param(_step("book_from", formula="last_open_day(booking_opens)"), id="booked-too-early"),
        pytest.param(_step("open_day_1_earlier", formula="last_open_day(refill_by)"), id="the-same-day-again"),
        pytest.param(lambda r: r["request"].update(closed_dates=[]), id="open-on-a-closed-date"),
        pytest.param(lambda r: r["request"]["closed_weekdays"].append("monday"), id="another-closed-weekday"),
        pytest.param(lambda r: r["answers"]["best_days"].reverse(), id="latest-first"),
        pytest.param(lambda r: r["answers"].update(best_days=[]), id="no-best-day"),
        pytest.param(_drop_a_best_day, id="a-day-left-out"),
        pytest.param(_exchange_rows, id="days-of-another-row"),
        pytest.param(lambda r: r["answers"]["best_days"][0].update(days_left=40), id="more-days-left"),
        pytest.param(_step("low_reservoir_alarm_date", formula="fill_date + low_reservoir_alarm_days_then"),
                     id="counted-from-the-fill"),
        pytest.param(lambda r: r["request"].update(volume_then="12 mL"), id="another-volume"),
        pytest.param(lambda r: r["request"].update(as_of="2026-01-21"), id="another-day"),
    ],
)  # fmt: skip
def test_an_altered_calendar_is_withheld_by_the_replay_of_its_page(change: Callable[[dict[str, Any]], None]) -> None:
    with pytest.raises(CalculationWithheld):
        replay(_altered(change))


@pytest.mark.parametrize("count", ["1/2", "-1", "181", "9" * 200])
def test_the_replay_counts_no_more_open_days_than_there_can_be(count: str) -> None:
    def change(record: dict[str, Any]) -> None:
        for line in (*record["given"], *record["steps"]):
            if line["name"] in ("open_days_for_compounding", "open_days_ahead"):
                line.update(value=count, exact=count)

    with pytest.raises(CalculationWithheld):
        replay(_altered(change))


def test_altered_lead_times_are_found_by_asking_again() -> None:
    for change in (
        lambda r: r["request"]["lead_times"][0].update(open_days="3"),
        lambda r: r["request"]["lead_times"][0].update({"for": "controlled-drug"}),
        lambda r: r["request"].pop("lead_times"),
        lambda r: r["request"].pop("would_move"),
    ):
        with pytest.raises(CalculationWithheld, match="asked again"):
            verify(_altered(change))
