"""A titration plan: each step checked, the reservoir that it uses, and the plan against what was really given."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction
from typing import Any

import pytest
from asking import exact, hard_hits, ladder, limit, notes, refusal

from pumpcalc import calculate, library
from pumpcalc.quantities import DURATION, read

_IN_SM2 = {"concentration": "25 mcg/mL", "pump": "synchromed-ii-20"}
_FILLED = _IN_SM2 | {"fill_volume": "8 mL", "low_reservoir_alarm_volume": "2 mL"}


def _given(*doses: tuple[int, str], unit: str = "mcg/day") -> list[dict[str, str]]:
    return [{"day": str(day), "daily_dose": f"{dose} {unit}"} for day, dose in doses]


def _rechecked(given: Sequence[dict[str, Any]], **changes: Any) -> Any:
    return calculate("titration", ladder(given=list(given), **changes))


def _hits(rows: list[dict[str, Any]]) -> list[str]:
    return [row.get("hits", "") for row in rows]


# Each step


def test_the_early_steps_that_the_pump_cannot_deliver_say_so_and_the_later_ones_do_not() -> None:
    found = calculate("titration", ladder(start="0.5 mcg/day", step="0.35 mcg/day", days="14", **_IN_SM2))
    rows = found.answers["steps"]
    assert [row["flow_rate"] for row in rows] == ["0.02 mL/day", "0.034 mL/day", "0.048 mL/day", "0.062 mL/day",
                                                  "0.076 mL/day"]  # fmt: skip
    assert _hits(rows) == ["minimum_flow_rate", "minimum_flow_rate", "", "", ""]
    checked = [each for each in found.limits if each.name == "minimum_flow_rate"]
    assert [(each.actual, each.hit) for each in checked] == [
        (row["flow_rate"], row.get("hits") == "minimum_flow_rate") for row in rows
    ]


def test_a_step_above_the_ceiling_says_so_from_the_first_one_on() -> None:
    rows = calculate("titration", ladder(days=None, until="24 mcg/day")).answers["steps"]
    assert _hits(rows) == [""] * 8 + ["maximum_daily_dose"] * 2
    assert rows[7]["daily_dose"] == "19.2 mcg/day", "at the ceiling a step is kept"
    european = calculate("titration", ladder(rule="eu-label", days=None, until="24 mcg/day")).answers["steps"]
    assert _hits(european) == [""] * 9 + ["maximum_daily_dose"]


def test_what_every_increase_crosses_stands_at_every_increase_and_not_at_the_start() -> None:
    found = calculate("titration", ladder(step="2.5 mcg/day", steps_per_week="4", days="7"))
    assert _hits(found.answers["steps"]) == ["", *["step_at_most, steps_per_week_at_most"] * 4]
    low = calculate("titration", ladder(rule="low-and-slow", step="0.5 mcg/day", steps_per_week="1"))
    assert _hits(low.answers["steps"]) == ["start_at_most", "", "", ""]


# The reservoir


def test_what_a_plan_uses_and_leaves_adds_up_to_the_fill() -> None:
    found = calculate("titration", ladder(**_FILLED | {"fill_volume": "20 mL"}))
    rows = found.answers["steps"]
    assert "volume_used" not in rows[-1], "the plan ends with its last step"
    for number in range(len(rows) - 1):
        left = exact(found, f"reservoir_left_{number}") if number else Fraction(20)
        assert left - exact(found, f"volume_used_{number}") == exact(found, f"reservoir_left_{number + 1}")
        assert not limit(found, f"reservoir_lasts_{number}").hit
    assert "alarm-before-the-plan-ends" not in notes(found)
    # 20 - 6.912 = 13.088 mL on day 21; (13.088 - 2) x 25 / 16.8 = 16.5 days.
    assert (rows[-1]["reservoir_left"], found.answers["low_reservoir_alarm_day"]) == ("13.088 mL", 37)


def test_the_day_of_the_alarm_is_told_and_nothing_is_said_of_the_reservoir_after_it() -> None:
    found = calculate("titration", ladder(start_date="2026-01-05", **_FILLED))
    rows = found.answers["steps"]
    assert found.answers["low_reservoir_alarm_date"] == "2026-01-24"
    assert [("reservoir_left" in row) for row in rows] == [True] * 6 + [False]
    assert _hits(rows) == [""] * 5 + ["reservoir_lasts_5", ""]
    (told,) = [note.text for note in found.notes if note.code == "alarm-before-the-plan-ends"]
    assert told.startswith("The reservoir is down to its alarm volume on day 19, 2026-01-24, at 14.4 mcg/day")
    assert hard_hits(found) == []


@pytest.mark.parametrize(
    ("fill", "short", "day"), [("2.384 mL", False, 4), ("2.383999999 mL", True, 3), ("8.912 mL", False, 21)]
)
def test_a_reservoir_that_lasts_exactly_to_the_next_step_lasts(fill: str, short: bool, day: int) -> None:
    days = "21" if fill == "8.912 mL" else "4"
    found = calculate("titration", ladder(days=days, **_FILLED | {"fill_volume": fill}))
    hit = [each for each in found.limits_hit if each.name.startswith("reservoir_lasts")]
    assert bool(hit) is short
    assert all(each.level == "soft" for each in hit)
    assert ("alarm-before-the-plan-ends" in notes(found)) is short
    assert found.answers["low_reservoir_alarm_day"] == day


def test_the_last_dose_counts_until_the_day_on_which_the_plan_ends() -> None:
    # The last step before day 20 is on day 18: 0.576 mL/day for 2 days.
    found = calculate("titration", ladder(days="20", **_FILLED | {"fill_volume": "20 mL"}))
    assert found.answers["steps"][-1]["volume_used"] == "1.152 mL"
    assert "volume_used" not in calculate("titration", ladder(days="18", **_FILLED)).answers["steps"][-1]
    whole = calculate("titration", ladder(days=None, until="14.4 mcg/day", **_FILLED))
    assert "volume_used" not in whole.answers["steps"][-1]


@pytest.mark.parametrize(
    ("changes", "code", "pointer"),
    [
        ({"low_reservoir_alarm_volume": None}, "missing", "/low_reservoir_alarm_volume"),
        ({"fill_volume": None}, "missing", "/fill_volume"),
        ({"concentration": None, "pump": None}, "missing", "/concentration"),
        ({"low_reservoir_alarm_volume": "8 mL"}, "out-of-range", "/low_reservoir_alarm_volume"),
        ({"fill_volume": "0 mL"}, "zero", "/fill_volume"),
        ({"start": "0.001 mcg/day", "concentration": "100 mcg/mL", "start_date": "2026-01-05", "days": "0",
          "fill_volume": "200 mL"}, "beyond-calendar", "/start"),
    ],
)  # fmt: skip
def test_a_reservoir_that_cannot_be_followed_is_refused(changes: dict[str, Any], code: str, pointer: str) -> None:
    refusal("titration", ladder(**_FILLED | changes), code, pointer)


def test_an_alarm_volume_just_below_the_fill_and_none_at_all_are_followed() -> None:
    for alarm in ("7.999999999 mL", "0 mL"):
        assert calculate("titration", ladder(**_FILLED | {"low_reservoir_alarm_volume": alarm})).answers


@pytest.mark.parametrize(("fill", "hit"), [("20 mL", False), ("20.000000001 mL", True)])
def test_a_plan_is_filled_into_the_reservoir_that_there_is(fill: str, hit: bool) -> None:
    found = limit(calculate("titration", ladder(**_FILLED | {"fill_volume": fill})), "reservoir_volume")
    assert (found.hit, found.level) == (hit, "hard")


# What was given


def test_what_was_given_as_planned_is_as_planned_and_hits_nothing() -> None:
    plan = calculate("titration", ladder())
    given = [{"day": row["day"], "daily_dose": row["daily_dose"]} for row in plan.answers["steps"][:3]]
    found = _rechecked(given)
    assert [row["compared_with_plan"] for row in found.answers["given"]] == ["as planned"] * 3
    assert [row["difference"] for row in found.answers["given"]] == ["0 mcg/day"] * 3
    assert "differs-from-plan" not in notes(found)
    assert not found.limits_hit
    assert found.answers["remaining_steps"] == plan.answers["steps"][3:], "the rest of the plan is the rest of it"


def test_a_dose_of_another_day_is_held_against_the_plan_of_its_own_day() -> None:
    found = _rechecked(_given((0, "2.4"), (5, "3"), (30, "16.8")))
    assert [(row["planned_daily_dose"], row["difference"], row["compared_with_plan"])
            for row in found.answers["given"]] == [
        ("2.4 mcg/day", "0 mcg/day", "as planned"), ("4.8 mcg/day", "1.8 mcg/day", "below"),
        ("16.8 mcg/day", "0 mcg/day", "as planned"),
    ]  # fmt: skip
    (told,) = [note.text for note in found.notes if note.code == "differs-from-plan"]
    assert told == "On day 5, 3 mcg/day was given, 1.8 mcg/day below the planned 4.8 mcg/day."


def test_the_unit_in_which_a_given_dose_is_written_makes_no_difference() -> None:
    found = _rechecked([{"day": "0", "daily_dose": "0.1 mcg/h"}, {"day": "4", "daily_dose": "0.0048 mg/day"}])
    assert [row["compared_with_plan"] for row in found.answers["given"]] == ["as planned"] * 2


@pytest.mark.parametrize(
    ("rule", "given", "name", "hit", "level"),
    [
        ("us-label", [(0, "2.4")], "given_1_start_at_most", False, "soft"),
        ("us-label", [(0, "2.400000001")], "given_1_start_at_most", True, "soft"),
        ("low-and-slow", [(0, "0.5")], "given_1_start_at_least", False, "soft"),
        ("low-and-slow", [(0, "0.499999999")], "given_1_start_at_least", True, "soft"),
        ("us-label", [(0, "2.4"), (4, "4.8")], "given_2_step_at_most", False, "hard"),
        ("us-label", [(0, "2.4"), (4, "4.800000001")], "given_2_step_at_most", True, "hard"),
        ("us-label", [(0, "16.8"), (4, "19.2")], "given_2_maximum_daily_dose", False, "hard"),
        ("us-label", [(0, "16.9"), (4, "19.200000001")], "given_2_maximum_daily_dose", True, "hard"),
        ("eu-label", [(0, "19.2"), (4, "21.6")], "given_2_maximum_daily_dose", False, "hard"),
        ("eu-label", [(0, "2.4"), (1, "4.8")], "given_2_interval_at_least", False, "hard"),
        ("eu-label", [(0, "2.4"), (2, "4.8")], "given_2_interval_recommended", False, "soft"),
        ("eu-label", [(0, "2.4"), (1, "4.8")], "given_2_interval_recommended", True, "soft"),
        ("low-and-slow", [(0, "0.5"), (7, "1")], "given_2_interval_at_least", False, "soft"),
        ("low-and-slow", [(0, "0.5"), (6, "1")], "given_2_interval_at_least", True, "soft"),
        ("us-label", [(0, "1"), (1, "2"), (3, "3"), (5, "4"), (8, "5")], "given_5_steps_per_week_at_most", False,
         "hard"),
        ("us-label", [(0, "1"), (1, "2"), (3, "3"), (5, "4"), (7, "5")], "given_5_steps_per_week_at_most", True,
         "hard"),
    ],
)  # fmt: skip
def test_a_limit_of_the_rule_is_kept_at_its_bound_and_hit_just_past_it_by_what_was_given(
    rule: str, given: list[tuple[int, str]], name: str, hit: bool, level: str
) -> None:
    found = _rechecked(_given(*given), rule=rule, days="0")
    assert (limit(found, name).hit, limit(found, name).level) == (hit, level)
    told = found.answers["given"][int(name.split("_")[1]) - 1].get("hits", "")
    assert (name in told.split(", ")) == hit


def test_two_doses_less_than_a_day_apart_are_not_the_eu_labels() -> None:
    """Whole days cannot lie closer than a day; a rule of a day and a half is crossed by one."""
    shelf = library.load()
    rule = shelf.drugs["ziconotide"].titration["eu-label"]
    slower = replace(rule, interval_at_least=replace(rule.interval_at_least, quantity=read("36 h", DURATION)))
    drug = replace(shelf.drugs["ziconotide"], titration={"eu-label": slower})
    asked = ladder(rule="eu-label", days="0", given=_given((0, "2.4"), (1, "4.8"), (3, "6")))
    found = calculate("titration", asked, replace(shelf, drugs={**shelf.drugs, "ziconotide": drug}))
    assert limit(found, "given_2_interval_at_least").hit
    assert not limit(found, "given_3_interval_at_least").hit


def test_a_decrease_may_be_of_any_amount_and_starts_the_interval_again() -> None:
    found = _rechecked(_given((0, "19.2"), (1, "0.1"), (2, "0.2")), rule="eu-label", days="0")
    names = {each.name for each in found.limits}
    assert not {each for each in names if each.startswith("given_2_")} - {"given_2_maximum_daily_dose"}
    assert limit(found, "given_3_interval_at_least").actual == "1 day"
    assert limit(found, "given_3_interval_recommended").hit


def test_a_dose_that_is_only_confirmed_is_neither_an_increase_nor_a_new_interval() -> None:
    found = _rechecked(_given((0, "2.4"), (3, "2.4"), (4, "4.8")), rule="eu-label", days="0")
    assert exact(found, "given_3_interval") == 4
    assert "given_2_increase" not in {line.name for line in found.steps}


def test_what_remains_is_checked_with_what_was_given_in_the_same_week() -> None:
    found = _rechecked(_given((0, "2.4"), (1, "3"), (2, "4"), (3, "5")), steps_per_week="3", days="10")
    assert [row["day"] for row in found.answers["remaining_steps"]] == [6, 8, 10]
    # Days 1, 2, 3 and 6 lie within a week, and so do 2, 3, 6 and 8; 3 and 10 do not.
    over = ["remaining_1_steps_per_week_at_most", "remaining_2_steps_per_week_at_most"]
    assert _hits(found.answers["remaining_steps"]) == [*over, ""]
    assert limit(found, "remaining_1_steps_per_week_at_most").actual == "4 /week"
    assert hard_hits(found) == over


def test_what_remains_goes_on_from_the_last_dose_given_to_the_same_end() -> None:
    found = _rechecked(
        _given((0, "2.4"), (9, "3.6")), start_date="2026-01-05", days=None, until="9.6 mcg/day", **_IN_SM2
    )
    assert found.answers["remaining_steps"] == [
        {"day": 13, "date": "2026-01-18", "daily_dose": "6 mcg/day", "flow_rate": "0.24 mL/day"},
        {"day": 16, "date": "2026-01-21", "daily_dose": "8.4 mcg/day", "flow_rate": "0.336 mL/day"},
    ]
    by_day = _rechecked(_given((0, "2.4"), (20, "16.8")))
    assert by_day.answers["remaining_steps"] == []
    assert "nothing-remains" in notes(by_day)
    above = _rechecked(_given((0, "2.4"), (3, "12")), days=None, until="9.6 mcg/day")
    assert above.answers["remaining_steps"] == []


def test_what_remains_never_goes_above_the_rules_maximum() -> None:
    found = _rechecked(_given((0, "2.4"), (7, "16.8")), days="60")
    assert [row["daily_dose"] for row in found.answers["remaining_steps"]] == ["19.2 mcg/day"]
    assert "stops-at-maximum" in notes(found)


def test_what_was_given_may_be_dated() -> None:
    dated = [{"date": "2026-01-05", "daily_dose": "2.4 mcg/day"}, {"date": "2026-01-09", "daily_dose": "4.8 mcg/day"}]
    found = _rechecked(dated, start_date="2026-01-05")
    assert [(row["day"], row["date"]) for row in found.answers["given"]] == [(0, "2026-01-05"), (4, "2026-01-09")]
    counted = _rechecked(_given((0, "2.4"), (4, "4.8")), start_date="2026-01-05")
    assert found.answers == counted.answers


@pytest.mark.parametrize(
    ("given", "code", "pointer"),
    [
        (_given((4, "2.4"), (0, "4.8")), "not-in-order", "/given/1/day"),
        (_given((0, "2.4"), (4, "3"), (4, "4.8")), "not-in-order", "/given/2/day"),
        ([{"day": "1", "daily_dose": "1 mcg/day"}, {"date": "2026-01-06", "daily_dose": "1 mcg/day"}], "not-in-order",
         "/given/1/date"),
        ([{"daily_dose": "2.4 mcg/day"}], "one-of-two", "/given/0/day"),
        ([{"day": "0", "date": "2026-01-05", "daily_dose": "2.4 mcg/day"}], "one-of-two", "/given/0/day"),
        ([{"date": "2026-01-04", "daily_dose": "2.4 mcg/day"}], "out-of-range", "/given/0/date"),
        ([{"date": "2199-01-04", "daily_dose": "2.4 mcg/day"}], "out-of-range", "/given/0/date"),
        (_given((3661, "2.4")), "out-of-range", "/given/0/day"),
        ([{"day": "1.5", "daily_dose": "2.4 mcg/day"}], "whole-days", "/given/0/day"),
        ([{"day": "36 h", "daily_dose": "2.4 mcg/day"}], "whole-days", "/given/0/day"),
        ([{"day": "-1", "daily_dose": "2.4 mcg/day"}], "number-format", "/given/0/day"),
        ([{"day": "0", "daily_dose": "2.4 mg"}], "wrong-kind", "/given/0/daily_dose"),
        ([{"day": "0", "daily_dose": "0 mcg/day"}], "zero", "/given/0/daily_dose"),
        ([{"day": "0"}], "missing", "/given/0/daily_dose"),
        ([{"day": "0", "dose": "2.4 mcg/day"}], "missing", "/given/0/daily_dose"),
        ([], "wrong-type", "/given"),
    ],
)  # fmt: skip
def test_what_cannot_have_been_given_is_refused(given: list[dict[str, Any]], code: str, pointer: str) -> None:
    refusal("titration", ladder(start_date="2026-01-05", given=given), code, pointer)


def test_a_date_needs_the_day_from_which_it_is_counted() -> None:
    refusal("titration", ladder(given=[{"date": "2026-01-05", "daily_dose": "1 mcg/day"}]), "missing", "/start_date")
    assert _rechecked(_given((3660, "2.4"))).answers["given"][0]["day"] == 3660
