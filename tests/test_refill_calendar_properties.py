"""What holds of every calendar of a refill, and that an altered one is withheld."""

from __future__ import annotations

import copy
from collections.abc import Callable
from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest
from asking import fill, leads, lines, notes
from drawing import numbers
from hypothesis import given, settings
from hypothesis import strategies as st
from records import RECORDS

from pumpcalc import Calculation, CalculationWithheld, Refusal, calculate, verify
from pumpcalc.worksheet import replay

_FILLED = date(2026, 1, 5)


def _moved(found: Calculation) -> dict[str, tuple[str, int]]:
    return {row["what"]: (row["date"], row["days"]) for row in found.answers["would_move"]}


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
    request["lead_times"] = leads(*map(str, draw(st.lists(st.integers(0, 60), min_size=1, max_size=3))))
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
