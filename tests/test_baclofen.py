"""Baclofen: the ladder of trial boluses, the start that follows, and the changes of a dose."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from typing import Any

import pytest
from asking import exact, limit, notes, refusal
from drawing import numbers
from hypothesis import given
from hypothesis import strategies as st

from pumpcalc import calculate, library

_LADDER = ("50 mcg", "75 mcg", "100 mcg")


def _no(dose: str, day: int | str) -> dict[str, str]:
    return {"dose": dose, "response": "no", "day": str(day)}


def _yes(dose: str, day: int | str, lasted: str = "6 h") -> dict[str, str]:
    return _no(dose, day) | {"response": "yes", "effect_duration": lasted}


def _screened(*trials: dict[str, str], **changes: Any) -> Any:
    return calculate("baclofen-screening", ({"trials": list(trials)} if trials else {}) | changes)


# The ladder


@pytest.mark.parametrize(
    ("tried", "dose", "volume"), [(0, "50 mcg", "1 mL"), (1, "75 mcg", "1.5 mL"), (2, "100 mcg", "2 mL")]
)
def test_the_next_trial_and_its_volume_are_as_printed(tried: int, dose: str, volume: str) -> None:
    found = _screened(*[_no(each, day) for day, each in enumerate(_LADDER[:tried])])
    assert (found.answers["candidate"], found.answers["next_dose"]) == ("open", dose)
    assert found.answers["next_volume"] == volume
    assert (found.answers["observe_for_at_least"], found.answers["observe_for_at_most"]) == ("4 h", "8 h")
    assert found.answers.get("next_trial_day") == (f"{tried} day" if tried else None)


def test_the_earliest_next_trial_is_a_day_of_elapsed_time_later_whatever_the_clock_does() -> None:
    # The clocks go forward in the night of 8 March 2026: 24 hours later it is an hour later by the clock.
    found = _screened({"dose": "50 mcg", "response": "no", "given_at": "2026-03-07T09:00:00-05:00"})
    assert found.answers["next_trial_at"] == "2026-03-08T09:00:00-05:00"
    at = [{"dose": "50 mcg", "response": "no", "given_at": "2026-03-07T09:00:00-05:00"},
          {"dose": "75 mcg", "response": "no", "given_at": "2026-03-08T10:00:00-04:00"}]  # fmt: skip
    assert _screened(*at).answers["next_dose"] == "100 mcg"
    at[1] |= {"given_at": "2026-03-08T09:59:59-04:00"}
    refusal("baclofen-screening", {"trials": at}, "too-soon", "/trials/1/given_at")


def test_no_response_to_the_highest_trial_is_no_candidate_and_gives_no_dose() -> None:
    found = _screened(*[_no(dose, day) for day, dose in enumerate(_LADDER)])
    assert found.answers == {"candidate": "no"}
    assert not found.steps


def test_a_small_child_begins_at_25_mcg_and_what_follows_is_said_to_be_unread() -> None:
    first = _screened(small_child=True)
    assert (first.answers["next_dose"], first.answers["next_volume"]) == ("25 mcg", "0.5 mL")
    assert "small-child-ladder" not in notes(first)
    second = _screened(_no("25 mcg", 0), small_child=True)
    assert second.answers["next_dose"] == "50 mcg"
    assert "small-child-ladder" in notes(second)
    assert _screened(_yes("25 mcg", 0), small_child=True).answers["start_daily_dose"] == "50 mcg/day"


@pytest.mark.parametrize(
    ("trials", "name", "hit"),
    [
        ([_no("50 mcg", 0)], "trial_1_next_of_the_ladder", False),
        ([_no("75 mcg", 0)], "trial_1_next_of_the_ladder", True),
        ([_no("50 mcg", 0), _no("75 mcg", 1)], "trial_2_next_of_the_ladder", False),
        ([_no("50 mcg", 0), _no("100 mcg", 1)], "trial_2_next_of_the_ladder", True),
        ([_no("75 mcg", 0), _no("50 mcg", 1)], "trial_2_next_of_the_ladder", True),
        ([_no("50 mcg", 0), _no("0.075 mg", 1)], "trial_2_next_of_the_ladder", False),
    ],
)
def test_a_trial_that_is_not_the_next_of_the_ladder_is_a_soft_limit(
    trials: list[dict[str, str]], name: str, hit: bool
) -> None:
    found = limit(_screened(*trials), name)
    assert (found.hit, found.level) == (hit, "soft")


@pytest.mark.parametrize(
    ("trials", "code", "pointer"),
    [
        ([_no("60 mcg", 0)], "not-on-ladder", "/trials/0/dose"),
        ([_no("50 mg", 0)], "not-on-ladder", "/trials/0/dose"),
        ([_no("25 mcg", 0)], "not-on-ladder", "/trials/0/dose"),
        ([_no("50 mcg", 0), _no("75 mcg", 0)], "too-soon", "/trials/1/day"),
        ([_no("50 mcg", 0), _no("75 mcg", "0.999999999")], "too-soon", "/trials/1/day"),
        ([_no("50 mcg", 5), _no("75 mcg", 1)], "too-soon", "/trials/1/day"),
        ([_no("100 mcg", 0), _no("100 mcg", 1)], "not-a-candidate", "/trials/1"),
        ([_no("100 mcg", 0), _yes("50 mcg", 1)], "not-a-candidate", "/trials/1"),
        ([_yes("50 mcg", 0), _no("75 mcg", 1)], "already-effective", "/trials/1"),
        ([_yes("50 mcg", 0) | {"response": "no"}], "contradiction", "/trials/0/effect_duration"),
        ([_no("50 mcg", 0) | {"response": "yes"}], "missing", "/trials/0/effect_duration"),
        ([_no("50 mcg", 0) | {"response": "maybe"}], "not-one-of", "/trials/0/response"),
        ([_no("50 mcg", 0) | {"response": True}], "not-one-of", "/trials/0/response"),
        ([{"dose": "50 mcg", "response": "no"}], "one-of-two", "/trials/0/given_at"),
        ([_no("50 mcg", 0) | {"given_at": "2026-03-07T09:00:00Z"}], "one-of-two", "/trials/0/given_at"),
        ([_no("50 mcg", 0), {"dose": "75 mcg", "response": "no", "given_at": "2026-03-09T09:00:00Z"}], "one-of-two",
         "/trials/1/given_at"),
        ([_yes("50 mcg", 0, "6")], "unit-missing", "/trials/0/effect_duration"),
        ([_yes("50 mcg", 0, "0 h")], "zero", "/trials/0/effect_duration"),
        ([_no("50", 0)], "unit-missing", "/trials/0/dose"),
        ([_no("50 mcg/mL", 0)], "wrong-kind", "/trials/0/dose"),
        ([], "wrong-type", "/trials"),
    ],
)  # fmt: skip
def test_a_trial_that_cannot_have_been_is_refused(trials: list[dict[str, Any]], code: str, pointer: str) -> None:
    refusal("baclofen-screening", {"trials": trials}, code, pointer)


def test_a_dose_that_is_not_on_the_ladder_is_told_the_ladder() -> None:
    told = refusal("baclofen-screening", {"trials": [_no("60 mcg", 0)]}, "not-on-ladder", "/trials/0/dose").detail
    assert told == "60 mcg is not a trial dose: the ladder is 50 mcg, 75 mcg, 100 mcg."
    child = refusal("baclofen-screening", {"trials": [_no("25 mcg", 0)]}, "not-on-ladder", "/trials/0/dose").detail
    assert child.endswith('state "small_child": true.')


# The start


@pytest.mark.parametrize("dose", _LADDER)
@pytest.mark.parametrize(("lasted", "times"), [("8 h", 2), ("480 min", 2), ("8.000000001 h", 1), ("1 day", 1)])
def test_the_start_is_twice_the_bolus_or_the_bolus_itself_after_more_than_eight_hours(
    dose: str, lasted: str, times: int
) -> None:
    tried = _LADDER[: _LADDER.index(dose)]
    found = _screened(*[_no(each, day) for day, each in enumerate(tried)], _yes(dose, 9, lasted))
    assert exact(found, "start_daily_dose") == times * int(dose.split(maxsplit=1)[0])
    assert found.answers["effect"] == ("short" if times == 2 else "long")
    assert found.answers["candidate"] == "yes"
    assert {"start-from-screening", "titration-once-daily", "never-stop-abruptly"} <= set(notes(found))
    assert not limit(found, "caution_daily_dose").hit


def test_a_library_without_a_screening_or_changes_of_dose_refuses_both() -> None:
    shelf = library.load()
    bare = replace(shelf.drugs["baclofen"], screening=None, adjustment=None)
    without = replace(shelf, drugs={**shelf.drugs, "baclofen": bare})
    refusal("baclofen-screening", {}, "not-in-library", "", without)
    refusal("baclofen-adjustment", _asked(), "not-in-library", "", without)


# Changes of the dose


def _asked(**changes: Any) -> dict[str, Any]:
    return {"daily_dose": "400 mcg/day", "origin": "spinal", "phase": "refill"} | changes


def _changed(**changes: Any) -> Any:
    return calculate("baclofen-adjustment", _asked(**changes))


@pytest.mark.parametrize(
    ("origin", "phase", "parts"),
    [
        ("spinal", "titration", ("1.1", "1.3")),
        ("cerebral", "titration", ("1.05", "1.15")),
        ("spinal", "refill", ("1.1", "1.4", "0.8", "0.9")),
        ("cerebral", "refill", ("1.05", "1.2", "0.8", "0.9")),
    ],
)
def test_the_changes_are_the_printed_parts_of_the_dose(origin: str, phase: str, parts: tuple[str, ...]) -> None:
    found = _changed(origin=origin, phase=phase, daily_dose="333 mcg/day")
    names = ["increased_daily_dose_lowest", "increased_daily_dose_highest", "decreased_daily_dose_lowest",
             "decreased_daily_dose_highest"]  # fmt: skip
    assert list(found.answers) == names[: len(parts)]
    assert [exact(found, name) for name in found.answers] == [333 * Fraction(part) for part in parts]


@pytest.mark.parametrize(
    ("changes", "at", "past", "name"),
    [
        ({"phase": "titration"}, "615.38461 mcg/day", "615.384616 mcg/day",
         "increased_daily_dose_highest_spinal_usual_at_most"),
        ({"origin": "cerebral"}, "583.333333 mcg/day", "583.333334 mcg/day",
         "increased_daily_dose_highest_cerebral_usual_at_most"),
        ({}, "800 mcg/day", "800.000000001 mcg/day", "daily_dose_spinal_usual_at_most"),
        ({}, "300 mcg/day", "299.999999999 mcg/day", "daily_dose_spinal_usual_at_least"),
        ({}, "375 mcg/day", "374.999999999 mcg/day", "decreased_daily_dose_lowest_spinal_usual_at_least"),
        ({"origin": "cerebral"}, "90 mcg/day", "89.999999999 mcg/day", "daily_dose_cerebral_usual_at_least"),
        ({"origin": "cerebral"}, "700 mcg/day", "700.000000001 mcg/day", "daily_dose_cerebral_usual_at_most"),
        ({"origin": "cerebral", "phase": "titration"}, "869.565217391 mcg/day", "869.565217392 mcg/day",
         "caution_daily_dose"),
    ],
)  # fmt: skip
def test_a_dose_is_within_the_usual_range_at_its_ends_and_outside_just_past_them(
    changes: dict[str, str], at: str, past: str, name: str
) -> None:
    kept, over = limit(_changed(**changes, daily_dose=at), name), limit(_changed(**changes, daily_dose=past), name)
    assert (kept.hit, over.hit) == (False, True)
    assert kept.level == over.level == "soft", "nothing but a verified figure is hard"


@pytest.mark.parametrize(
    ("phase", "at", "past", "name"),
    [
        ("refill", "440 mcg/day", "439.999999999 mcg/day", "next_daily_dose_increased_at_least"),
        ("refill", "560 mcg/day", "560.000000001 mcg/day", "next_daily_dose_increased_at_most"),
        ("titration", "520 mcg/day", "520.000000001 mcg/day", "next_daily_dose_increased_at_most"),
        ("refill", "320 mcg/day", "319.999999999 mcg/day", "next_daily_dose_decreased_at_least"),
        ("refill", "360 mcg/day", "360.000000001 mcg/day", "next_daily_dose_decreased_at_most"),
        ("refill", "1000 mcg/day", "1000.000000001 mcg/day", "next_daily_dose_caution"),
        ("refill", "800 mcg/day", "800.000000001 mcg/day", "next_daily_dose_spinal_usual_at_most"),
        ("refill", "300 mcg/day", "299.999999999 mcg/day", "next_daily_dose_spinal_usual_at_least"),
    ],
)
def test_a_planned_dose_is_held_to_the_range_of_its_direction(phase: str, at: str, past: str, name: str) -> None:
    kept = limit(_changed(phase=phase, next_daily_dose=at), name)
    over = limit(_changed(phase=phase, next_daily_dose=past), name)
    assert (kept.hit, over.hit) == (False, True)
    assert kept.level == over.level == "soft"


def test_a_dose_that_stays_is_no_change_and_a_decrease_in_titration_is_said_to_be_unread() -> None:
    same = _changed(next_daily_dose="400 mcg/day")
    assert not [each.name for each in same.limits if "creased_at" in each.name]
    assert "decrease-not-read" in notes(_changed(phase="titration", next_daily_dose="399 mcg/day"))
    assert "decrease-not-read" not in notes(_changed(next_daily_dose="399 mcg/day"))


def test_each_next_dose_has_its_flow_and_each_flow_is_checked() -> None:
    found = _changed(daily_dose="100 mcg/day", concentration="2000 mcg/mL", pump="synchromed-ii-20")
    flows = {name: answer for name, answer in found.answers.items() if "flow" in name}
    assert flows == {
        "increased_flow_rate_lowest": "0.055 mL/day", "increased_flow_rate_highest": "0.07 mL/day",
        "decreased_flow_rate_lowest": "0.04 mL/day", "decreased_flow_rate_highest": "0.045 mL/day",
    }  # fmt: skip
    checked = {each.actual: each.hit for each in found.limits if each.name == "minimum_flow_rate"}
    assert checked == {"0.055 mL/day": False, "0.07 mL/day": False, "0.04 mL/day": True, "0.045 mL/day": True}


@pytest.mark.parametrize(
    ("changes", "code", "pointer"),
    [
        ({"origin": "both"}, "not-one-of", "/origin"),
        ({"phase": "start"}, "not-one-of", "/phase"),
        ({"daily_dose": "0 mcg/day"}, "zero", "/daily_dose"),
        ({"daily_dose": "400 mcg"}, "wrong-kind", "/daily_dose"),
        ({"next_daily_dose": "400"}, "unit-missing", "/next_daily_dose"),
        ({"pump": "synchromed-ii-20"}, "missing", "/concentration"),
        ({"pump": "synchromed-2", "concentration": "500 mcg/mL"}, "unknown-pump", "/pump"),
        ({"drug": "baclofen"}, "unknown-field", "/drug"),
    ],
)
def test_a_change_that_cannot_be_worked_out_is_refused(changes: dict[str, str], code: str, pointer: str) -> None:
    refusal("baclofen-adjustment", _asked(**changes), code, pointer)


@given(numbers("1", "3000"), st.sampled_from(("spinal", "cerebral")), st.sampled_from(("titration", "refill")))
def test_the_changed_doses_lie_on_their_side_of_the_dose_and_in_order(dose: str, origin: str, phase: str) -> None:
    found = _changed(daily_dose=f"{dose} mcg/day", origin=origin, phase=phase)
    ends = [exact(found, f"increased_daily_dose_{end}") for end in ("lowest", "highest")]
    assert Fraction(dose) < ends[0] < ends[1]
    if phase == "refill":
        down = [exact(found, f"decreased_daily_dose_{end}") for end in ("lowest", "highest")]
        assert 0 < down[0] < down[1] < Fraction(dose)
    cerebral = _changed(daily_dose=f"{dose} mcg/day", origin="cerebral", phase=phase)
    assert exact(cerebral, "increased_daily_dose_highest") <= ends[1]


@given(st.lists(st.sampled_from(_LADDER), min_size=1, max_size=3, unique=True), numbers("0.1", "24"), st.integers(1, 9))
def test_no_trial_leads_to_more_than_twice_its_bolus(doses: list[str], lasted: str, apart: int) -> None:
    tried = sorted(doses, key=lambda dose: int(dose.split()[0]))
    trials = [_no(dose, apart * n) for n, dose in enumerate(tried)]
    trials[-1] = _yes(tried[-1], apart * (len(tried) - 1), f"{lasted} h")
    bolus = int(tried[-1].split()[0])
    assert exact(_screened(*trials), "start_daily_dose") == (bolus if Fraction(lasted) > 8 else 2 * bolus)
