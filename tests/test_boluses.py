"""Boluses, delivery in whole steps, and a pump that stands still."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import pytest
from asking import exact, hard_hits, limit, notes, refusal
from drawing import numbers
from hypothesis import given
from hypothesis import strategies as st

import pumpcalc
from pumpcalc import Calculation, calculate


def _with(request: dict[str, Any], changes: dict[str, Any]) -> dict[str, Any]:
    return {field: value for field, value in (request | changes).items() if value is not None}


def boluses(**changes: Any) -> dict[str, Any]:
    """Morphine at 5 mg/day with four boluses of 0.25 mg, with changes. A change to None leaves the field out."""
    plain = {"drug": "morphine", "concentration": "20 mg/mL", "daily_dose": "5 mg/day", "dose_per_bolus": "0.25 mg",
             "lockout": "4 h", "boluses_per_day": "4"}  # fmt: skip
    return _with(plain, changes)


def single(**changes: Any) -> dict[str, Any]:
    plain = {"drug": "morphine", "concentration": "20 mg/mL", "dose": "0.5 mg", "duration": "30 min",
             "before": "constant", "daily_dose": "4.8 mg/day", "end_state": "returns-to-previous"}  # fmt: skip
    return _with(plain, changes)


def valve(**changes: Any) -> dict[str, Any]:
    plain = {"drug": "morphine", "concentration": "20 mg/mL", "daily_dose": "0.5 mg/day",
             "chamber_volume": "0.0025 mL"}  # fmt: skip
    return _with(plain, changes)


def cadd(**changes: Any) -> dict[str, Any]:
    plain = {"pump": "cadd-prizm-pcs-ii", "drug": "morphine", "concentration": "10 mg/mL", "demand_dose": "1.5 mg"}
    return _with(plain, changes)


def stopped(**changes: Any) -> dict[str, Any]:
    plain = {"pump": "synchromed-ii-20", "stopped_for": "24 h", "from_log": True, "drug": "morphine",
             "concentration": "20 mg/mL", "daily_dose": "6 mg/day"}  # fmt: skip
    return _with(plain, changes)


_ZICONOTIDE = {"drug": "ziconotide", "concentration": "25 mcg/mL"}


# Patient boluses


def _window(lockout: int, allotted: int, closed: int) -> int:
    """The most boluses, a lockout (in minutes) apart, that any 24 hours can hold: by trying every minute."""
    given_at: list[int] = []
    for minute in range(3 * 1440):
        recent = [at for at in given_at if minute - at < 1440]
        if len(recent) < allotted and (not given_at or minute - given_at[-1] >= lockout):
            given_at.append(minute)
    return max(sum(first <= at < first + 1440 + closed for at in given_at) for first in given_at)


@pytest.mark.parametrize(
    ("lockout", "allotted", "possible"),
    [("4 h", 4, 4), ("6 h", 6, 4), ("12 h", 4, 2), ("24 h", 4, 1), ("30 min", 48, 48), ("30 min", 49, 48),
     ("1 h", 24, 24), ("0.5 day", 3, 2)],
)  # fmt: skip
def test_a_rolling_half_open_day_holds_the_smaller_of_what_is_allotted_and_what_the_lockout_lets_through(
    lockout: str, allotted: int, possible: int
) -> None:
    found = calculate("patient-bolus", boluses(lockout=lockout, boluses_per_day=allotted))
    assert found.answers["boluses_per_day_possible"] == possible
    minutes = int(exact(found, "lockout", "min"))
    assert _window(minutes, allotted, 0) == possible
    assert "boluses_in_any_24_h" not in found.answers
    assert ("lockout-governs" in notes(found)) == (possible < allotted)


def test_a_closed_window_would_let_one_more_through() -> None:
    assert _window(12 * 60, 4, 0) == 2
    assert _window(12 * 60, 4, 1) == 3


@pytest.mark.parametrize(
    ("lockout", "allotted", "divided", "fullest"),
    [("5 h", 6, 4, 5), ("7 h", 9, 3, 4), ("23 h", 2, 1, 2), ("13 h", 4, 1, 2), ("50 min", 30, 28, 29)],
)
def test_a_lockout_that_does_not_divide_the_day_shows_the_fullest_24_hours_and_is_held_to_it(
    lockout: str, allotted: int, divided: int, fullest: int
) -> None:
    found = calculate("patient-bolus", boluses(lockout=lockout, boluses_per_day=allotted))
    assert found.answers["boluses_per_day_possible"] == divided
    assert found.answers["boluses_in_any_24_h"] == fullest
    assert _window(int(exact(found, "lockout", "min")), allotted, 0) == fullest
    assert exact(found, "dose_in_any_24_h", "mg/day") == 5 + Fraction(fullest, 4)
    assert limit(found, "caution_daily_dose").actual == found.answers["dose_in_any_24_h"]
    assert "one-more-in-some-24-hours" in notes(found)


def test_where_fewer_are_allotted_than_the_lockout_lets_through_the_fullest_day_is_the_same() -> None:
    found = calculate("patient-bolus", boluses(lockout="5 h", boluses_per_day="4"))
    assert found.answers["boluses_per_day_possible"] == 4
    assert "one-more-in-some-24-hours" not in notes(found)


def test_base_highest_and_expected_use_are_three_numbers() -> None:
    found = calculate("patient-bolus", boluses(expected_boluses_per_day="2.5"))
    assert [found.answers[name] for name in ("flow_rate", "expected_flow_rate", "flow_rate_with_boluses")] == [
        "0.25 mL/day", "0.28125 mL/day", "0.3 mL/day"]  # fmt: skip
    assert (found.answers["expected_daily_dose"], found.answers["daily_dose_with_boluses"]) == (
        "5.625 mg/day", "6 mg/day")  # fmt: skip
    assert "expected-is-not-highest" in notes(found)
    none = calculate("patient-bolus", boluses(expected_boluses_per_day=0))
    assert none.answers["expected_daily_dose"] == "5 mg/day"


def test_the_flow_during_a_bolus_has_the_base_rate_in_it() -> None:
    found = calculate("patient-bolus", boluses(bolus_duration="10 min"))
    assert found.answers["flow_rate_during_bolus"] == "2.05 mL/day"  # 5 mg/day and 36 mg/day over 20 mg/mL
    assert "base-runs-on" in notes(found)


@given(numbers("0.1", "19"), numbers("0.01", "2"), st.integers(1, 20), st.integers(1, 20))
def test_another_allotted_bolus_never_lowers_the_highest_dose(base: str, bolus: str, few: int, more: int) -> None:
    few, more = sorted((few, more))
    found = [
        calculate("patient-bolus", boluses(daily_dose=f"{base} mg/day", dose_per_bolus=f"{bolus} mg", lockout="1 h",
                                           boluses_per_day=number)) for number in (few, more)
    ]  # fmt: skip
    low, high = (exact(each, "daily_dose_with_boluses") for each in found)
    assert exact(found[0], "daily_dose") < low <= high
    assert set(hard_hits(found[0])) <= set(hard_hits(found[1]))


def test_8_minutes_typed_for_8_hours_are_stopped_with_these_words() -> None:
    """Class I recall of 22 September 2004: the interval of a periodic bolus in minutes, not hours; two deaths."""
    found = calculate("patient-bolus", boluses(lockout="8 min", boluses_per_day="3", pump="synchromed-ii-20"))
    assert limit(found, "lockout_against_boluses_per_day").hit
    (text,) = [note.text for note in found.notes if note.code == "possible-slip"]
    assert text == (
        "Read back: lockout is eight minutes (8 min). It would let 180 boluses through in a day, and all 3 that are "
        "allotted within an hour. Is 8 h meant: minutes for hours?"
    )
    assert "minutes-for-hours" in notes(found)
    meant = calculate("patient-bolus", boluses(lockout="8 h", boluses_per_day="3"))
    assert "possible-slip" not in notes(meant)


@given(st.integers(1, 24), st.integers(1, 24))
def test_every_lockout_of_whole_hours_that_fits_the_day_is_noticed_when_typed_in_minutes(
    hours: int, number: int
) -> None:
    if hours * number > 24:
        return
    plain, slipped = (
        calculate("patient-bolus", boluses(lockout=f"{hours} {unit}", boluses_per_day=number)) for unit in ("h", "min")
    )
    assert not limit(plain, "lockout_against_boluses_per_day").hit
    assert limit(slipped, "lockout_against_boluses_per_day").hit
    assert "possible-slip" in notes(slipped)


@pytest.mark.parametrize(("drug", "hit"), [("morphine", False), ("baclofen", True), ("hydromorphone", True)])
def test_patient_boluses_of_a_prometra_are_for_infumorph_only(drug: str, hit: bool) -> None:
    strength, dose = {"baclofen": ("2000 mcg/mL", "0.1 mg/day")}.get(drug, ("10 mg/mL", "1 mg/day"))
    found = calculate("patient-bolus", boluses(drug=drug, concentration=strength, daily_dose=dose,
                                               dose_per_bolus="10 mcg", pump="prometra-ii-20"))  # fmt: skip
    checked = limit(found, "patient_bolus_drugs")
    assert (checked.hit, checked.level) == (hit, "soft")
    assert "bolus-infumorph-only" in notes(found)
    unread = calculate("patient-bolus", boluses(pump="synchromed-ii-20"))
    assert "synchromed-ii-20.patient_bolus_drugs" in unread.unknown


@pytest.mark.parametrize(
    ("changes", "code", "pointer"),
    [
        ({"lockout": "24.000000001 h"}, "out-of-range", "/lockout"),
        ({"lockout": "0 h"}, "zero", "/lockout"),
        ({"lockout": "4"}, "unit-missing", "/lockout"),
        ({"lockout": 4}, "quantity-as-text", "/lockout"),
        ({"boluses_per_day": "0"}, "whole-number", "/boluses_per_day"),
        ({"boluses_per_day": "2.5"}, "whole-number", "/boluses_per_day"),
        ({"boluses_per_day": True}, "number-as-text", "/boluses_per_day"),
        ({"boluses_per_day": -1}, "number-as-text", "/boluses_per_day"),
        ({"boluses_per_day": 2.0}, "number-as-text", "/boluses_per_day"),
        ({"boluses_per_day": "4 /day"}, "number-format", "/boluses_per_day"),
        ({"boluses_per_day": None}, "missing", "/boluses_per_day"),
        ({"expected_boluses_per_day": "4.1"}, "out-of-range", "/expected_boluses_per_day"),
        ({"bolus_duration": "4.000000001 h"}, "out-of-range", "/bolus_duration"),
        ({"dose_per_bolus": "0 mg"}, "zero", "/dose_per_bolus"),
        ({"dose_per_bolus": "0.25 mg/day"}, "wrong-kind", "/dose_per_bolus"),
        ({"pump": "cadd-prizm-pcs-ii"}, "unknown-pump", "/pump"),
    ],
)
def test_boluses_that_cannot_be_meant_are_refused(changes: dict[str, Any], code: str, pointer: str) -> None:
    refusal("patient-bolus", boluses(**changes), code, pointer)


# A single bolus


def test_the_state_after_a_single_bolus_is_stated_and_a_stopped_pump_is_said_aloud() -> None:
    problem = refusal("single-bolus", single(end_state=None), "missing", "/end_state")
    assert problem.detail == "end_state is missing: write one of returns-to-previous, stopped."
    refusal("single-bolus", single(end_state="previous"), "not-one-of", "/end_state")
    back = calculate("single-bolus", single(pump="synchromed-ii-20"))
    assert back.answers["state_after"] == "constant"
    assert "ends-stopped" not in notes(back)
    assert "single-bolus-ends-stopped" in notes(back)
    for changes in ({"end_state": "stopped"}, {"before": "stopped", "daily_dose": None}):
        left = calculate("single-bolus", single(pump="synchromed-ii-20", **changes))
        assert left.answers["state_after"] == "stopped"
        (text,) = [note.text for note in left.notes if note.code == "ends-stopped"]
        assert "Stopped for more than 48 h, it sounds its critical alarm." in text
        assert {"stopped-48-h", "left-stopped"} <= set(notes(left))
    unread = calculate("single-bolus", single(pump="prometra-ii-20", end_state="stopped"))
    (text,) = [note.text for note in unread.notes if note.code == "ends-stopped"]
    assert "48 h" not in text


def test_a_bolus_from_a_stopped_pump_is_all_that_is_delivered() -> None:
    found = calculate("single-bolus", single(before="stopped", daily_dose=None))
    assert (found.answers["total_delivered"], found.answers["rate_during_bolus"]) == ("0.5 mg", "1 mg/h")
    assert found.answers["volume_delivered"] == found.answers["bolus_volume"] == "0.025 mL"


def test_a_single_bolus_of_which_the_point_moved_is_read_back() -> None:
    found = calculate("single-bolus", single(dose="50 mg"))
    assert limit(found, "usual_dose_of_the_day_at_most").hit
    assert "possible-slip" in notes(found)
    assert "possible-slip" not in notes(calculate("single-bolus", single(dose="5 mg")))


def test_the_minimum_rate_is_the_users_because_the_library_holds_none() -> None:
    request = single(before="minimum-rate", daily_dose=None, minimum_rate="0.06 mL/day")
    found = calculate("single-bolus", request)
    assert found.answers["state_after"] == "minimum-rate"
    assert exact(found, "total_delivered", "mg") == Fraction(1, 2) + Fraction(6, 100) * 20 / 48
    problem = refusal("single-bolus", single(before="minimum-rate", daily_dose=None), "missing", "/minimum_rate")
    assert "the library holds no figure" in problem.detail


@pytest.mark.parametrize(
    ("changes", "code", "pointer"),
    [
        ({"daily_dose": None}, "missing", "/daily_dose"),
        ({"before": "stopped"}, "not-used", "/daily_dose"),
        ({"minimum_rate": "0.06 mL/day"}, "not-used", "/minimum_rate"),
        ({"before": None}, "missing", "/before"),
        ({"before": "off"}, "not-one-of", "/before"),
        ({"duration": "0 min"}, "zero", "/duration"),
        ({"dose": "0.5 mg/h"}, "wrong-kind", "/dose"),
    ],
)
def test_a_single_bolus_that_cannot_be_meant_is_refused(changes: dict[str, Any], code: str, pointer: str) -> None:
    refusal("single-bolus", single(**changes), code, pointer)


# Delivery in whole steps


def test_the_nearest_dose_is_shown_and_the_order_is_left_as_it_is() -> None:
    found = calculate("deliverable-dose", valve(daily_dose="0.54 mg/day"))
    assert (found.answers["deliverable_dose"], found.answers["difference"]) == ("0.55 mg/day", "0.01 mg/day")
    assert found.request["daily_dose"] == "0.54 mg/day"
    (text,) = [note.text for note in found.notes if note.code == "not-deliverable-exactly"]
    assert "Nothing was changed" in text
    assert "State tolerance_percent" in text
    whole = calculate("deliverable-dose", valve())
    assert (whole.answers["difference"], whole.answers["whole_actuations_per_day"]) == ("0 mg/day", 10)
    assert "not-deliverable-exactly" not in notes(whole)


@given(numbers("0.026", "5"), numbers("0.002", "0.003", 4), st.integers(1, 3))
def test_the_nearest_dose_is_whole_actuations_and_at_most_half_a_step_away(dose: str, chamber: str, times: int) -> None:
    found = calculate("deliverable-dose", valve(daily_dose=f"{dose} mg/day", chamber_volume=f"{chamber} mL",
                                                concentration="1 mg/mL", deliveries_per_day=times))  # fmt: skip
    one = exact(found, "dose_per_actuation", "mg")
    assert exact(found, "deliverable_dose", "mg/day") % (one * times) == 0
    assert abs(exact(found, "difference", "mg/day")) <= one * times / 2
    assert found.answers["whole_actuations_per_day"] * one == exact(found, "deliverable_dose", "mg/day")


def test_a_dose_of_which_nothing_can_be_delivered_is_refused_and_no_zero_is_shown() -> None:
    refusal("deliverable-dose", valve(daily_dose="0.025 mg/day"), "nothing-deliverable", "/daily_dose")
    assert calculate("deliverable-dose", valve(daily_dose="0.025000001 mg/day")).answers["deliverable_dose"] == (
        "0.05 mg/day"
    )
    refusal("deliverable-dose", valve(chamber_volume=None), "missing", "/chamber_volume")
    refusal("external-pump-steps", cadd(demand_dose="0.25 mg"), "nothing-deliverable", "/demand_dose")
    refusal("external-pump-steps", cadd(pump="synchromed-ii-20"), "unknown-pump", "/pump")


def test_a_demand_dose_between_two_steps_is_shown_with_the_nearest() -> None:
    found = calculate("external-pump-steps", cadd(demand_dose="1.7 mg"))
    assert (found.answers["nearest_demand_dose"], found.answers["difference"]) == ("1.5 mg", "-0.2 mg")
    assert "not-deliverable-exactly" in notes(found)
    assert "not-deliverable-exactly" not in notes(calculate("external-pump-steps", cadd()))
    assert "difference" not in calculate("external-pump-steps", cadd(demand_dose=None)).answers


# A pump that stands still


def test_a_stopped_pump_sounds_its_alarm_after_48_hours_and_not_at_48() -> None:
    for lasted, alarm in (("48 h", "no"), ("2 day", "no"), ("48.000000001 h", "yes"), ("49 h", "yes")):
        found = calculate("pump-stopped", {"pump": "synchromed-ii-20", "stopped_for": lasted})
        assert found.answers == {"alarm_expected": alarm}
        assert limit(found, "stopped_alarm_after").hit == (alarm == "yes")
        assert {"stopped-48-h", "until-interrogated", "mri"} <= set(notes(found))
    unread = calculate("pump-stopped", {"pump": "prometra-ii-20", "stopped_for": "49 h"})
    assert unread.answers == {"alarm_expected": "unknown"}
    assert "prometra-ii-20.stopped_alarm_after" in unread.unknown
    assert "mri-empty-first" in notes(unread)


def test_a_volume_is_credited_only_when_the_log_says_how_long() -> None:
    found = calculate("pump-stopped", stopped())
    assert (found.answers["dose_missed"], found.answers["volume_not_delivered"]) == ("6 mg", "0.3 mL")
    for changes in ({"from_log": None}, {"from_log": False}):
        problem = refusal("pump-stopped", stopped(**changes), "not-from-log", "/from_log")
        assert "only when the pump's log says how long" in problem.detail
    refusal("pump-stopped", stopped(concentration=None), "missing", "/concentration")
    refusal("pump-stopped", stopped(daily_dose=None), "missing", "/daily_dose")


def test_a_pump_at_its_minimum_rate_misses_the_rest_and_sounds_no_alarm() -> None:
    found = calculate("pump-stopped", stopped(stopped_for="3 day", minimum_rate="0.048 mL/day"))
    assert found.answers["alarm_expected"] == "no"
    assert exact(found, "dose_missed", "mg") == (6 - Fraction("0.96")) * 3
    assert exact(found, "volume_not_delivered") == Fraction("0.252") * 3
    refusal("pump-stopped", stopped(minimum_rate="0.3 mL/day"), "out-of-range", "/minimum_rate")
    only = {"pump": "synchromed-ii-20", "stopped_for": "1 h", "minimum_rate": "0.048 mL/day"}
    refusal("pump-stopped", only, "missing", "/drug")


# Limits: kept at the bound, hit just past it

_SM2 = {"pump": "synchromed-ii-20"}


@pytest.mark.parametrize(
    ("name", "request_", "field", "at", "past", "bound", "level"),
    [
        ("patient-bolus", boluses(**_ZICONOTIDE, daily_dose="15.2 mcg/day", dose_per_bolus="1 mcg"), "dose_per_bolus",
         "1 mcg", "1.000000001 mcg", "maximum_daily_dose", "hard"),
        ("patient-bolus", boluses(**_ZICONOTIDE, daily_dose="15.2 mcg/day", dose_per_bolus="1 mcg", lockout="5 h"),
         "boluses_per_day", "4", "5", "maximum_daily_dose", "hard"),
        ("patient-bolus", boluses(), "daily_dose", "19 mg/day", "19.000000001 mg/day", "caution_daily_dose", "soft"),
        ("patient-bolus", boluses(**_SM2), "daily_dose", "0.96 mg/day", "0.959999999 mg/day", "minimum_flow_rate",
         "hard"),
        ("patient-bolus", boluses(), "concentration", "25 mg/mL", "25.000000001 mg/mL", "strongest_product", "soft"),
        ("patient-bolus", boluses(), "lockout", "15 min", "14.999999999 min", "lockout_against_boluses_per_day",
         "soft"),
        ("single-bolus", single(**_ZICONOTIDE, daily_dose="9.2 mcg/day"), "dose", "10 mcg", "10.000000001 mcg",
         "maximum_daily_dose", "hard"),
        ("single-bolus", single(), "dose", "15.2 mg", "15.200000001 mg", "caution_daily_dose", "soft"),
        ("single-bolus", single(before="stopped", daily_dose=None, dose="0.02 mg", **_SM2), "duration", "30 min",
         "30.000000001 min", "minimum_flow_rate", "hard"),
        ("deliverable-dose", valve(daily_dose="0.51 mg/day"), "tolerance_percent", "1.960784314", "1.960784313",
         "difference_within_tolerance", "soft"),
        ("deliverable-dose", valve(daily_dose="0.48 mg/day"), "tolerance_percent", "4.166666667", "4.166666666",
         "difference_within_tolerance", "soft"),
        ("external-pump-steps", cadd(), "demand_dose", "99 mg", "99.000000001 mg", "demand_dose_volume", "hard"),
        ("pump-stopped", stopped(), "stopped_for", "48 h", "48.000000001 h", "stopped_alarm_after", "soft"),
    ],
)  # fmt: skip
def test_a_limit_is_kept_at_its_bound_and_hit_just_past_it(
    name: str, request_: dict[str, Any], field: str, at: str, past: str, bound: str, level: str
) -> None:
    def asked(value: str) -> Calculation:
        return calculate(name, request_ | {field: value})

    assert not limit(asked(at), bound).hit
    assert (limit(asked(past), bound).hit, limit(asked(past), bound).level) == (True, level)


def test_an_external_pump_is_not_an_implanted_one() -> None:
    shelf = pumpcalc.library.load()
    assert set(shelf.external_pumps) == {"cadd-prizm-pcs-ii"}
    assert not set(shelf.external_pumps) & set(shelf.pumps)
