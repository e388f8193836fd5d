"""Day schedules: what they add up to, what stops a slip, and that the pump's time is elapsed time."""

from __future__ import annotations

import re
from dataclasses import replace
from fractions import Fraction
from typing import Any

import pytest
from asking import exact, hard_hits, limit, lines, notes, refusal
from hypothesis import given, settings
from hypothesis import strategies as st
from walking import DAYS

import pumpcalc
from pumpcalc import calculate
from pumpcalc.quantities import FLOW_RATE, read

WEEK = list(DAYS)


def step(start: str, end: str, dose: str) -> dict[str, str]:
    """One step; its dose is a rate if it is written as one."""
    return {"start": start, "end": end, ("rate" if dose.endswith("/h") else "dose"): dose}


def group(*steps: dict[str, str], total: str, weekdays: list[str] = WEEK) -> dict[str, Any]:
    return {"weekdays": weekdays, "steps": list(steps), "day_total": total}


def schedule(*groups: dict[str, Any], **changes: Any) -> dict[str, Any]:
    """Baclofen at 10 mcg/h with these groups, with changes. A change to None leaves the field out."""
    request = {
        "drug": "baclofen",
        "concentration": "500 mcg/mL",
        "pump": "synchromed-ii-20",
        "base_rate": "10 mcg/h",
        "groups": list(groups),
    } | changes
    return {field: value for field, value in request.items() if value is not None}


MORNING, EVENING = step("06:00", "09:00", "75 mcg"), step("21:00", "22:00", "40 mcg")
WEEKDAYS = group(MORNING, EVENING, total="315 mcg/day", weekdays=WEEK[:5])
FILL = {
    "fill_volume": "18 mL",
    "low_reservoir_alarm_volume": "2 mL",
    "filled_at": "2026-02-25T09:00:00-05:00",
    "time_zone": "America/New_York",
}


def asked(*groups: dict[str, Any], **changes: Any) -> pumpcalc.Calculation:
    return calculate("day-schedule", schedule(*groups, **changes))


# What it adds up to


def test_a_step_entered_by_its_rate_and_by_its_dose_is_the_same_step() -> None:
    by_dose = asked(group(MORNING, total="285 mcg/day"))
    by_rate = asked(group(step("06:00", "09:00", "25 mcg/h"), total="285 mcg/day"))
    assert by_dose.answers == by_rate.answers
    in_milligrams = asked(group(step("06:00", "09:00", "0.075 mg"), total="0.285 mg/day"), base_rate="0.01 mg/h")
    assert exact(in_milligrams, "mean_daily_dose", "mcg/day") == 285


def test_day_total_number_of_steps_and_largest_rate_stand_beside_each_other() -> None:
    found = asked(WEEKDAYS, day_total="240 mcg/day")
    assert found.answers["day_totals"] == [
        {"weekdays": WEEK[:5], "day_total": "315 mcg/day", "highest_rate": "40 mcg/h", "steps": 2},
        {"weekdays": WEEK[5:], "day_total": "240 mcg/day", "highest_rate": "10 mcg/h"},
    ]
    assert (found.answers["highest_rate"], found.answers["steps_per_day"]) == ("40 mcg/h", 2)
    assert exact(found, "mean_daily_dose") == Fraction(5 * 315 + 2 * 240, 7)


def test_a_day_that_is_stepped_from_midnight_to_midnight_never_runs_at_its_base_rate() -> None:
    found = asked(group(step("00:00", "12:00", "20 mcg/h"), step("12:00", "24:00", "30 mcg/h"), total="600 mcg/day"))
    assert [row["rate"] for row in found.answers["flow_rates"]] == ["20 mcg/h", "30 mcg/h"]
    assert exact(found, "time_at_base_1", "h") == 0


def test_each_rate_is_shown_once_with_its_flow() -> None:
    twice = step("21:00", "22:00", "25 mcg/h")
    found = asked(group(MORNING, twice, total="300 mcg/day"))
    assert found.answers["flow_rates"] == [
        {"rate": "10 mcg/h", "flow_rate": "0.48 mL/day"},
        {"rate": "25 mcg/h", "flow_rate": "1.2 mL/day"},
    ]


@settings(max_examples=6)
@given(st.permutations([MORNING, EVENING, step("12:00", "12:30", "10 mcg")]))
def test_the_order_in_which_steps_are_entered_changes_nothing(steps: list[dict[str, str]]) -> None:
    found = asked(group(*steps, total="320 mcg/day"), **FILL)
    first = asked(group(MORNING, EVENING, step("12:00", "12:30", "10 mcg"), total="320 mcg/day"), **FILL)
    for name in ("mean_daily_dose", "highest_rate", "low_reservoir_alarm_at", "dry_at", "steps_per_day"):
        assert found.answers[name] == first.answers[name]


@settings(max_examples=40)
@given(st.integers(6 * 60 + 1, 9 * 60 - 1))
def test_a_step_cut_in_two_of_the_same_rate_changes_no_total_and_no_date(minute: int) -> None:
    middle = f"{minute // 60:02}:{minute % 60:02}"
    whole = asked(group(step("06:00", "09:00", "25 mcg/h"), total="285 mcg/day"), **FILL)
    cut = asked(
        group(step("06:00", middle, "25 mcg/h"), step(middle, "09:00", "25 mcg/h"), total="285 mcg/day"), **FILL
    )
    for name in ("mean_daily_dose", "highest_rate", "low_reservoir_alarm_at", "dry_at"):
        assert cut.answers[name] == whole.answers[name]


# What stops a slip


def test_60_mcg_per_hour_for_60_mcg_per_day_is_stopped_with_these_words() -> None:
    """ISMP: 60 mcg meant for a day was programmed for every hour of a SynchroMed II: 1440 mcg a day."""
    for request, pointer in (
        (schedule(base_rate="60 mcg/h", day_total="60 mcg/day"), "/day_total"),
        (schedule(group(step("00:00", "24:00", "60 mcg/h"), total="60 mcg/day"), base_rate="0 mcg/h"),
         "/groups/0/day_total"),
    ):  # fmt: skip
        problem = refusal("day-schedule", request, "day-total-mismatch", pointer)
        assert "makes 1440 mcg/day, and the day total entered is 60 mcg/day" in problem.detail
        assert "24 times, per hour for per day" in problem.detail
    meant = asked(group(step("08:00", "09:00", "60 mcg"), total="60 mcg/day"), base_rate="0 mcg/h")
    assert meant.answers["mean_daily_dose"] == "60 mcg/day"
    assert "per-hour-for-per-day" in notes(meant)


def test_minutes_typed_for_hours_in_the_time_of_a_step_are_stopped_with_these_words() -> None:
    """As in 2004, when an interval was typed in minutes: 20 mcg/h for 8 min, where 8 h were meant."""
    slipped = group(step("06:00", "06:08", "20 mcg/h"), total="320 mcg/day")
    problem = refusal("day-schedule", schedule(slipped), "day-total-mismatch", "/groups/0/day_total")
    assert "what the steps add 0.0166667 times, minutes for hours" in problem.detail
    assert asked(group(step("06:00", "14:00", "20 mcg/h"), total="320 mcg/day")).answers["steps_per_day"] == 1


@pytest.mark.parametrize(
    ("rate", "total", "said"),
    [
        ("10 mg/h", "240 mcg/day", "1000 times, mg for mcg"),
        ("10 mcg/h", "240 mg/day", "0.001 times, mcg for mg"),
        ("100 mcg/h", "240 mcg/day", "10 times, a point that moved"),
        ("1 mcg/h", "240 mcg/day", "0.1 times, a point that moved"),
        ("10 mcg/h", "10 mcg/day", "24 times, per hour for per day"),
        ("10 mcg/h", "5760 mcg/day", "0.0416667 times, per day for per hour"),
        ("10 mcg/h", "14400 mcg/day", "0.0166667 times, minutes for hours"),
        ("10 mcg/h", "4 mcg/day", "60 times, minutes for hours"),
        ("10 mcg/h", "241 mcg/day", ": 0.995851 times. Nothing was changed"),
        ("10 mcg/h", "240.000000001 mcg/day", "makes 240 mcg/day"),
    ],
)
def test_a_day_total_that_is_not_matched_says_by_how_much_and_what_would_explain_it(
    rate: str, total: str, said: str
) -> None:
    problem = refusal("day-schedule", schedule(base_rate=rate, day_total=total), "day-total-mismatch", "/day_total")
    assert said in problem.detail


def test_a_total_without_an_end_of_places_is_matched_to_the_figures_shown_and_no_other_is() -> None:
    steps = step("06:00", "06:01", "5 mcg")  # The base rate for 23 h 59 min is 239.8333... mcg.
    found = asked(group(steps, total="244.833 mcg/day"))
    assert exact(found, "mean_daily_dose") == 5 + Fraction(10 * 1439, 60)
    for wrong in ("244.834 mcg/day", "244.83 mcg/day"):
        problem = refusal("day-schedule", schedule(group(steps, total=wrong)), "day-total-mismatch",
                          "/groups/0/day_total")  # fmt: skip
        assert "makes 244.833 mcg/day" in problem.detail
    long = group(step("06:00", "07:00", "1.000001 mcg"), total="231 mcg/day")
    assert "makes 231.000001 mcg/day" in refusal("day-schedule", schedule(long), "day-total-mismatch",
                                                 "/groups/0/day_total").detail  # fmt: skip


@pytest.mark.parametrize(
    ("request_", "code", "pointer", "said"),
    [
        (schedule(group(step("22:00", "02:00", "40 mcg"), total="1 mcg/day")), "crosses-midnight",
         "/groups/0/steps/0/end", "write 22:00 to 24:00 and 00:00 to 02:00 on the weekday after"),
        (schedule(group(step("22:00", "00:00", "40 mcg"), total="1 mcg/day")), "crosses-midnight",
         "/groups/0/steps/0/end", "write 22:00 to 24:00, each"),
        (schedule(group(step("06:00", "06:00", "40 mcg"), total="1 mcg/day")), "no-time", "/groups/0/steps/0/end",
         "lasts no time: a whole day is 00:00 to 24:00"),
        (schedule(group(step("24:00", "06:00", "40 mcg"), total="1 mcg/day")), "no-time", "/groups/0/steps/0/end", ""),
        (schedule(group(MORNING, step("08:59", "10:00", "5 mcg"), total="1 mcg/day")), "steps-overlap",
         "/groups/0/steps/1/start", "08:59 to 10:00 begins before the step of 06:00 to 09:00 has ended"),
        (schedule(group(step("08:59", "10:00", "5 mcg"), MORNING, total="1 mcg/day")), "steps-overlap",
         "/groups/0/steps/0/start", ""),
        (schedule(group({"start": "06:00", "end": "09:00"}, total="1 mcg/day")), "one-of-two",
         "/groups/0/steps/0/dose", ""),
        (schedule(group(MORNING | {"rate": "5 mcg/h"}, total="1 mcg/day")), "one-of-two", "/groups/0/steps/0/dose", ""),
        (schedule(WEEKDAYS, WEEKDAYS, day_total="240 mcg/day"), "duplicate", "/groups/1/weekdays", "monday is in two"),
        (schedule(WEEKDAYS | {"weekdays": ["mon", "monday"]}), "duplicate", "/groups/0/weekdays", ""),
        (schedule(WEEKDAYS | {"weekdays": []}), "no-weekday", "/groups/0/weekdays", ""),
        (schedule(WEEKDAYS | {"weekdays": ["funday"]}), "weekday", "/groups/0/weekdays", ""),
        (schedule(WEEKDAYS), "missing", "/day_total", "saturday, sunday run at the base rate all day"),
        (schedule(group(MORNING, total="285 mcg/day"), day_total="240 mcg/day"), "not-used", "/day_total", ""),
        (schedule(WEEKDAYS, base_rate="0 mcg/h", day_total="1 mcg/day"), "nothing-delivered", "/base_rate",
         "saturday, sunday would deliver nothing, which is a stopped pump"),
        (schedule(base_rate="240 mcg/day", day_total="240 mcg/day"), "wrong-kind", "/base_rate",
         "is a daily dose, not an hourly rate"),
        (schedule(day_total="10 mcg/h"), "wrong-kind", "/day_total", "not a day total"),
        (schedule(day_total="0 mcg/day"), "zero", "/day_total", ""),
        (schedule(WEEKDAYS | {"steps": []}, day_total="240 mcg/day"), "wrong-type", "/groups/0/steps", ""),
        (schedule(*[WEEKDAYS] * 8), "wrong-type", "/groups", "a shorter list"),
        (schedule(group(step("6:00", "09:00", "75 mcg"), total="1 mcg/day")), "clock-format",
         "/groups/0/steps/0/start", "write HH:MM"),
        (schedule(group(step("06:00", "24:01", "75 mcg"), total="1 mcg/day")), "clock-format",
         "/groups/0/steps/0/end", ""),
        (schedule(group(step("06:00", "09:00\n", "75 mcg"), total="1 mcg/day")), "clock-format",
         "/groups/0/steps/0/end", ""),
        (schedule(group(step("06:00", "09:00", "0 mcg"), total="1 mcg/day")), "zero", "/groups/0/steps/0/dose", ""),
        (schedule(group(step("06:00", "09:00", "75 mcg/day"), total="1 mcg/day")), "wrong-kind",
         "/groups/0/steps/0/dose", ""),
        (schedule(day_total="240 mcg/day", **FILL | {"time_zone": None}), "missing", "/time_zone", ""),
        (schedule(day_total="240 mcg/day", fill_volume="18 mL"), "missing", "/low_reservoir_alarm_volume", ""),
        (schedule(day_total="240 mcg/day", **FILL | {"low_reservoir_alarm_volume": "18 mL"}), "out-of-range",
         "/low_reservoir_alarm_volume", "due at once"),
        (schedule(base_rate="0.001 mcg/h", day_total="0.024 mcg/day", **FILL), "beyond-calendar", "/base_rate", ""),
        (schedule(day_total="240 mcg/day", drug="heroin"), "unknown-drug", "/drug", ""),
        (schedule(day_total="240 mcg/day", pump="synchromed"), "unknown-pump", "/pump", ""),
    ],
)  # fmt: skip
def test_a_schedule_that_cannot_be_meant_is_refused(
    request_: dict[str, Any], code: str, pointer: str, said: str
) -> None:
    assert said in refusal("day-schedule", request_, code, pointer).detail


# Limits: kept at the bound, hit just past it


def _steps(number: int) -> dict[str, Any]:
    each = [step(f"{n:02}:00", f"{n:02}:30", "10 mcg") for n in range(number)]
    return schedule(group(*each, total=f"{240 + 5 * number} mcg/day"))


def _flat(rate: str, total: str, **changes: Any) -> dict[str, Any]:
    return schedule(base_rate=rate, day_total=total, **changes)


_ZICONOTIDE = {"drug": "ziconotide", "concentration": "25 mcg/mL"}


@pytest.mark.parametrize(
    ("at", "past", "name", "level"),
    [
        (_steps(13), _steps(14), "most_steps_per_day", "hard"),
        (_flat("1 mcg/h", "24 mcg/day"), _flat("0.999999999 mcg/h", "23.999999976 mcg/day"), "minimum_flow_rate",
         "hard"),
        (_flat("0.8 mcg/h", "19.2 mcg/day", **_ZICONOTIDE), _flat("0.800000001 mcg/h", "19.200000024 mcg/day",
         **_ZICONOTIDE), "maximum_daily_dose", "hard"),
        (_flat("20 mcg/h", "480 mcg/day", concentration="2000 mcg/mL"),
         _flat("20 mcg/h", "480 mcg/day", concentration="2000.000000001 mcg/mL"), "strongest_product", "soft"),
        (_flat("10 mcg/h", "240 mcg/day", **FILL | {"fill_volume": "20 mL"}),
         _flat("10 mcg/h", "240 mcg/day", **FILL | {"fill_volume": "20.000000001 mL"}), "reservoir_volume", "hard"),
        (schedule(group(step("00:00", "24:00", "0.01 mg/h"), total="240 mcg/day"), base_rate="0 mcg/h"),
         schedule(group(step("00:00", "23:59", "0.01 mg/h"), total="239.833 mcg/day"), base_rate="0 mcg/h"),
         "minimum_flow_rate", "hard"),
    ],
)  # fmt: skip
def test_a_limit_is_kept_at_its_bound_and_hit_just_past_it(
    at: dict[str, Any], past: dict[str, Any], name: str, level: str
) -> None:
    kept, hit = (limit(calculate("day-schedule", request), name) for request in (at, past))
    assert not kept.hit
    assert (hit.hit, hit.level) == (True, level)
    assert hit.source is not None


def test_the_highest_of_the_day_totals_meets_the_drugs_limits_and_the_highest_rate_the_pumps() -> None:
    shelf = pumpcalc.library.load()
    known = shelf.pumps["synchromed-ii-20"]
    fact = replace(known.minimum_flow_rate, name="synchromed-ii-20.maximum_flow_rate",
                   quantity=read("1.92 mL/day", FLOW_RATE))  # fmt: skip
    library = replace(shelf, pumps={**shelf.pumps, known.name: replace(known, maximum_flow_rate=fact)})
    for evening, total, hit in (("40 mcg", "315 mcg/day", False), ("40.000001 mcg", "315.000001 mcg/day", True)):
        days = group(MORNING, step("21:00", "22:00", evening), total=total)
        assert limit(calculate("day-schedule", schedule(days), library), "maximum_flow_rate").hit == hit
    found = asked(WEEKDAYS, day_total="240 mcg/day")
    assert limit(found, "caution_daily_dose").actual == "315 mcg/day"
    assert "synchromed-ii-20.maximum_flow_rate" in found.unknown


def test_a_pump_of_which_nobody_has_read_how_many_steps_it_takes_is_not_checked() -> None:
    for pump in ("prometra-ii-20", "synchromed-iii-40"):
        found = calculate("day-schedule", _steps(14) | {"pump": pump})
        assert f"{pump}.most_steps_per_day" in found.unknown
        assert "most_steps_per_day" not in hard_hits(found)


# The projection


def test_the_week_is_walked_and_not_one_weekday_over_and_over() -> None:
    """pumps.md 2.3: a prototype projects from Monday only. Here Monday is the weakest day of all."""
    rest = group(step("06:00", "12:00", "180 mcg"), total="360 mcg/day", weekdays=WEEK[1:])
    start = {"filled_at": "2026-01-05T00:00:00Z", "time_zone": "UTC", "concentration": "500 mcg/mL"}
    found = asked(rest, day_total="240 mcg/day", **FILL | start | {"fill_volume": "16.8 mL"})
    assert exact(found, "mean_daily_dose") == Fraction(240 + 6 * 360, 7)
    # 8400 mcg: three weeks are 7200, Monday to Wednesday 960, Thursday 60 by 06:00 and the last 180 by 12:00.
    assert found.answers["dry_at"] == "2026-01-29T12:00:00+00:00"
    assert Fraction(8400, 240) == 35, "days that Monday alone would promise"


def test_without_a_fill_nothing_is_projected() -> None:
    found = asked(WEEKDAYS, day_total="240 mcg/day")
    assert not {"low_reservoir_alarm_at", "dry_at"} & set(found.answers)
    assert "elapsed-pump-time" not in notes(found)


@pytest.mark.parametrize(
    ("zone", "filled_at", "said"),
    [
        ("America/New_York", "2026-02-25T09:00:00-05:00",
         ["On 2026-03-08 the clocks of America/New_York go forward by 1 h; the pump's does not. From then on the wall "
          "clock is 1 h ahead of the pump's: every step begins 1 h later by the wall clock"]),
        ("Europe/Berlin", "2026-10-20T09:00:00+02:00",
         ["On 2026-10-25 the clocks of Europe/Berlin go back by 1 h; the pump's does not. From then on the wall clock "
          "is 1 h behind the pump's: every step begins 1 h earlier by the wall clock"]),
        ("Australia/Lord_Howe", "2026-03-30T09:00:00+11:00", ["On 2026-04-05", "back by 30 min", "30 min behind"]),
        ("Australia/Lord_Howe", "2026-09-28T09:00:00+10:30", ["On 2026-10-04", "forward by 30 min"]),
    ],
)  # fmt: skip
def test_a_change_of_the_clocks_before_the_pump_is_dry_is_named_with_its_day(
    zone: str, filled_at: str, said: list[str]
) -> None:
    found = asked(WEEKDAYS, day_total="240 mcg/day", **FILL | {"filled_at": filled_at, "time_zone": zone})
    (text,) = [note.text for note in found.notes if note.code == "clock-change"]
    assert all(words in text for words in said), text


def test_after_both_changes_the_two_clocks_agree_again() -> None:
    year = {"concentration": "2000 mcg/mL", "fill_volume": "40 mL", "pump": "synchromed-ii-40"}
    found = asked(day_total="240 mcg/day", **FILL | year)
    first, second = [note.text for note in found.notes if note.code == "clock-change"]
    assert "2026-03-08" in first
    assert "On 2026-11-01" in second
    assert "the two show the same time again" in second
    assert "clock-change" not in notes(asked(day_total="240 mcg/day", **FILL | {"time_zone": "UTC"}))


@pytest.mark.parametrize(
    "filled_at", ["2026-02-25T09:00:00-05:00", "2026-02-25T14:00:00Z", "2026-02-25T15:00:00+01:00"]
)
def test_the_fill_may_be_written_in_any_offset(filled_at: str) -> None:
    found = asked(WEEKDAYS, day_total="240 mcg/day", **FILL | {"filled_at": filled_at})
    assert found.answers["low_reservoir_alarm_at"] == "2026-03-24T19:30:00-04:00"


def test_the_page_shows_the_volume_the_point_of_the_week_and_the_time_of_the_walk() -> None:
    found = lines(asked(WEEKDAYS, day_total="240 mcg/day", **FILL))
    assert found["pump_week_at_fill"].formula == "since_monday(filled_at)"
    assert re.fullmatch(r"walked\(usable_volume, concentration, pump_week_at_fill\)",
                        found["days_to_low_reservoir_alarm"].formula)  # fmt: skip
    assert found["low_reservoir_alarm_after"].value == "39450 min"
