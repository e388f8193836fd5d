"""What was withdrawn against what was expected: every published rule, the empty pump that keeps them, the restart."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest
from asking import exact, hard_hits, limit, notes, refusal
from drawing import numbers
from hypothesis import assume, given
from hypothesis import strategies as st
from reservoirs import visit

from pumpcalc import Calculation, calculate


def _check(**changes: Any) -> Calculation:
    return calculate("residual-check", visit(**changes))


def _note(found: Calculation, code: str) -> str:
    (text,) = [note.text for note in found.notes if note.code == code]
    return text


# The cases that the field has paid for


def test_20_18_0_is_in_spec_but_empty_and_is_stopped() -> None:
    found = _check(programmed_volume="18 mL", withdrawn_volume="0 mL", days_since_fill="45", drug="morphine",
                   resume_daily_dose="8 mg/day")  # fmt: skip
    assert not limit(found, "delivered_within_accuracy_at_most").hit
    assert not limit(found, "discrepancy_at_most").hit
    assert found.answers["findings"][0] == "unexpectedly-empty"
    assert "2 mL was expected and 0 mL was found" in _note(found, "unexpectedly-empty")
    assert "111.111 % is what was delivered at least" in _note(found, "at-least")
    said = _note(found, "restart-as-naive")
    assert "may have been dry for up to about 2 days" in said
    assert "must not be the old dose: restart as for a naive patient" in said
    assert hard_hits(found) == ["naive_start_at_most"]
    assert limit(found, "naive_start_at_most").bound == "1 mg/day"


def test_tmlt_the_first_time_20_filled_and_40_programmed_does_not_fit_the_pump() -> None:
    found = _check(fill_volume="40 mL", programmed_volume="38 mL", withdrawn_volume="0 mL", days_since_fill="184")
    assert hard_hits(found) == ["reservoir_volume"]
    assert "fill-above-capacity" in found.answers["findings"]
    assert "The reservoir of the SynchroMed II 20 mL (8637-20) holds 20 mL: 40 mL cannot have gone into it" in _note(
        found, "reservoir-holds"
    )
    assert "other-reservoir-size" in notes(found)
    assert "dry_days_at_most" not in found.answers, "no number follows from a fill that cannot have been"
    assert "restart-as-naive" in notes(found)


def test_tmlt_the_second_time_the_reservoir_of_40_was_dry_from_about_day_95_to_day_181() -> None:
    found = _check(pump="synchromed-ii-40", programmed_volume="38 mL", withdrawn_volume="0 mL",
                   days_since_fill="181", drug="morphine", resume_daily_dose="4 mg/day")  # fmt: skip
    assert round(exact(found, "days_to_dry")) == 95
    assert found.answers["findings"][:2] == ["empty-at-visit", "programmed-exceeds-fill"]
    assert found.answers["explanations"][0].startswith("a wrong volume at the previous fill")
    assert "The programme counted 38 mL, but the reservoir held 20 mL" in _note(found, "programmed-exceeds-fill")
    assert "The reservoir was dry for about 69 to 98 days." in _note(found, "restart-as-naive")
    assert hard_hits(found) == ["naive_start_at_most"]


# Every rule at its bound and just past it


@pytest.mark.parametrize(
    ("changes", "field", "at", "past", "name", "finding"),
    [
        ({"programmed_volume": "10 mL"}, "withdrawn_volume", "8.55 mL", "8.549999999 mL",
         "delivered_within_accuracy_at_most", "outside-accuracy"),
        ({"programmed_volume": "10 mL"}, "withdrawn_volume", "11.45 mL", "11.450000001 mL",
         "delivered_within_accuracy_at_least", "outside-accuracy"),
        ({"pump": "prometra-ii-20", "programmed_volume": "10 mL"}, "withdrawn_volume", "8.5 mL", "8.499999999 mL",
         "delivered_within_accuracy_at_most", "outside-accuracy"),
        ({"pump": "prometra-ii-20", "programmed_volume": "10 mL"}, "withdrawn_volume", "11.5 mL", "11.500000001 mL",
         "delivered_within_accuracy_at_least", "outside-accuracy"),
        ({}, "withdrawn_volume", "6 mL", "6.000000001 mL", "discrepancy_at_most", "over-2-mL"),
        ({}, "withdrawn_volume", "2 mL", "1.999999999 mL", "discrepancy_at_most", "over-2-mL"),
        ({}, "withdrawn_volume", "4.8 mL", "4.800000001 mL", "discrepancy_of_residual_at_most",
         "over-20-percent-of-residual"),
        ({}, "withdrawn_volume", "3.2 mL", "3.199999999 mL", "discrepancy_of_residual_at_most",
         "over-20-percent-of-residual"),
        ({"withdrawn_volume": "0 mL"}, "fill_volume", "20 mL", "20.000000001 mL", "reservoir_volume",
         "fill-above-capacity"),
        ({"fill_volume": "18 mL"}, "left_volume", "2 mL", "2.000000001 mL", "volume_after_fill_at_most",
         "content-above-capacity"),
    ],
)  # fmt: skip
def test_a_rule_is_kept_at_its_bound_and_broken_just_past_it(
    changes: dict[str, Any], field: str, at: str, past: str, name: str, finding: str
) -> None:
    kept, broken = (_check(**changes | {field: value}) for value in (at, past))
    assert (limit(kept, name).hit, limit(broken, name).hit) == (False, True)
    assert (finding in kept.answers["findings"], finding in broken.answers["findings"]) == (False, True)


@pytest.mark.parametrize(
    ("pump", "expected", "withdrawn", "finding"),
    [
        ("synchromed-ii-20", "4", "0", "unexpectedly-empty"),
        ("synchromed-ii-20", "0.001", "0", "unexpectedly-empty"),
        ("synchromed-ii-20", "4", "1.4", "unexpectedly-empty"),
        ("synchromed-ii-20", "4", "1.400000001", None),
        ("synchromed-ii-20", "1.400000001", "1.4", "unexpectedly-empty"),
        ("synchromed-ii-20", "1.4", "1.3", None),
        ("synchromed-ii-20", "0", "0", "empty-at-visit"),
        ("prometra-ii-20", "4", "0", "unexpectedly-empty"),
        ("prometra-ii-20", "4", "0.1", None),
    ],
)
def test_an_empty_or_nearly_empty_reservoir_is_an_event_when_more_was_expected(
    pump: str, expected: str, withdrawn: str, finding: str | None
) -> None:
    programmed = f"{20 - Decimal(expected):f} mL"
    found = _check(pump=pump, programmed_volume=programmed, withdrawn_volume=f"{withdrawn} mL")
    empty = {"unexpectedly-empty", "empty-at-visit"} & set(found.answers["findings"])
    assert empty == ({finding} if finding else set())
    assert ("restart-as-naive" in notes(found)) == (finding is not None)


def test_what_is_nearly_empty_is_unknown_where_nobody_has_read_what_cannot_be_delivered() -> None:
    assert "prometra-ii-20.undeliverable_volume" in _check(pump="prometra-ii-20").unknown
    assert "synchromed-ii-20.undeliverable_volume" not in _check().unknown


def test_a_pump_without_a_stated_accuracy_is_checked_by_the_other_rules() -> None:
    found = _check(pump="synchromed-iii-20", withdrawn_volume="0 mL", days_since_fill="40")
    assert "synchromed-iii-20.flow_accuracy" in found.unknown
    assert found.answers["findings"] == ["unexpectedly-empty", "over-2-mL", "over-20-percent-of-residual"]
    assert found.answers["dry_days_at_most"] == "40 day"


def test_a_reservoir_that_no_pump_of_this_accuracy_empties_may_have_been_dry_all_the_time() -> None:
    found = _check(programmed_volume="10 mL", withdrawn_volume="0 mL", days_since_fill="25")
    assert found.answers["dry_days_at_most"] == "25 day"
    assert "dry_days_at_least" not in found.answers


def test_the_mean_flow_is_checked_and_nothing_is_said_of_dry_days_where_nothing_was_empty() -> None:
    found = _check(days_since_fill="40")
    assert found.answers["mean_flow_rate"] == "0.4 mL/day"
    assert not any(name.startswith("dry_days") for name in found.answers)
    assert hard_hits(_check(programmed_volume="1 mL", withdrawn_volume="19 mL", days_since_fill="21")) == [
        "minimum_flow_rate"
    ]


# Explanations


@pytest.mark.parametrize(
    ("withdrawn", "first"),
    [("1 mL", "over-infusion by the pump"), ("7 mL", "a motor stall"), ("4.1 mL", None)],
)
def test_the_explanations_go_by_the_direction_of_the_difference(withdrawn: str, first: str | None) -> None:
    found = _check(withdrawn_volume=withdrawn)
    assert found.answers.get("explanations", [None])[0] == first
    assert ("dose-not-adjusted" in notes(found)) == (first is not None)


def test_nothing_that_is_found_changes_a_dose() -> None:
    found = _check(withdrawn_volume="0 mL", drug="morphine", resume_daily_dose="8 mg/day")
    assert [line.value for line in found.given if line.name == "resume_daily_dose"] == ["8 mg/day"]
    assert not any("dose" in name for name in found.answers)


# The restart


def test_without_an_empty_interval_a_dose_goes_on() -> None:
    found = _check(drug="morphine", resume_daily_dose="8 mg/day")
    assert not hard_hits(found)
    assert "restart-as-naive" not in notes(found)


@pytest.mark.parametrize(
    ("drug", "at", "past"),
    [
        ("morphine", "1 mg/day", "1.000000001 mg/day"),
        ("ziconotide", "2.4 mcg/day", "2.400000001 mcg/day"),
    ],
)
def test_after_an_empty_interval_a_dose_goes_on_up_to_the_naive_start(drug: str, at: str, past: str) -> None:
    kept, over = (_check(withdrawn_volume="0 mL", drug=drug, resume_daily_dose=dose) for dose in (at, past))
    assert (hard_hits(kept), hard_hits(over)) == ([], ["naive_start_at_most"])


@pytest.mark.parametrize("drug", ["baclofen", "hydromorphone", "clonidine"])
def test_where_no_naive_start_is_known_no_dose_goes_on(drug: str) -> None:
    found = _check(withdrawn_volume="0 mL", drug=drug, resume_daily_dose="50 mcg/day")
    assert hard_hits(found) == ["restart"]
    assert f"{drug}.start.any.at_most" in found.unknown
    assert "naive-start-unknown" in notes(found)
    assert "missed-refill" in notes(found)


# The trend


def test_the_trend_over_visits_is_shown_with_its_mean_and_its_sum() -> None:
    earlier = [
        {"fill_volume": "20 mL", "programmed_volume": "16 mL", "withdrawn_volume": w} for w in ("4 mL", "3.6 mL")
    ]
    found = _check(withdrawn_volume="3.2 mL", history=earlier)
    assert found.answers["visits"] == 3
    assert found.answers["trend"] == "rising"
    assert exact(found, "mean_delivered_percent", "") == Fraction(16 + Fraction("16.4") + Fraction("16.8"), 48)
    assert exact(found, "cumulative_discrepancy") == Fraction("1.2")
    assert _check(withdrawn_volume="4.4 mL", history=earlier[:1]).answers["trend"] == "falling"
    assert _check(history=earlier[:1]).answers["trend"] == "level"
    assert _check(history=earlier).answers["trend"] == "mixed"


# What is refused


@pytest.mark.parametrize(
    ("changes", "code", "pointer"),
    [
        ({"withdrawn_volume": "20.1 mL"}, "out-of-range", "/withdrawn_volume"),
        ({"history": [visit(withdrawn_volume="20.1 mL", pump=None)]}, "out-of-range", "/history/0/withdrawn_volume"),
        ({"programmed_volume": "0 mL"}, "zero", "/programmed_volume"),
        ({"days_since_fill": "0"}, "zero", "/days_since_fill"),
        ({"resume_daily_dose": "8 mg/day"}, "missing", "/drug"),
        ({"fill_volume": "20"}, "unit-missing", "/fill_volume"),
        ({"withdrawn_volume": None}, "missing", "/withdrawn_volume"),
        ({"history": []}, "wrong-type", "/history"),
        ({"pump": "synchromed-ii"}, "unknown-pump", "/pump"),
    ],
)
def test_a_visit_that_cannot_be_is_refused(changes: dict[str, Any], code: str, pointer: str) -> None:
    request = visit(**changes) | ({"withdrawn_volume": "4 mL"} if "history" in changes else {})
    refusal("residual-check", request, code, pointer)


def test_more_can_be_withdrawn_when_something_was_left_before_the_fill() -> None:
    found = _check(fill_volume="18 mL", left_volume="2 mL", programmed_volume="1 mL", withdrawn_volume="19 mL")
    assert found.answers["expected_residual"] == "19 mL"
    assert found.answers["findings"] == []


# What holds for every visit


@given(numbers("0.5", "20"), numbers("0.1", "25"), st.fractions(0, 1, max_denominator=100))
def test_what_was_there_was_delivered_or_withdrawn_and_the_ratio_is_of_what_was_programmed(
    fill: str, programmed: str, part: Fraction
) -> None:
    withdrawn = f"{round(Decimal(fill) * part.numerator / part.denominator, 6):f}"
    assume(Fraction(withdrawn) <= Fraction(fill))
    found = _check(fill_volume=f"{fill} mL", programmed_volume=f"{programmed} mL", withdrawn_volume=f"{withdrawn} mL")
    delivered = exact(found, "delivered_volume")
    assert delivered + Fraction(withdrawn) == Fraction(fill)
    assert exact(found, "expected_residual") + Fraction(programmed) == Fraction(fill)
    assert exact(found, "delivered_percent", "") * Fraction(programmed) == delivered
    low, high = (exact(found, f"expected_residual_{end}") for end in ("lowest", "highest"))
    outside = "outside-accuracy" in found.answers["findings"]
    assert outside == (not low <= Fraction(withdrawn) <= high)
    # Zero withdrawn when anything else was expected is always an event.
    assert Fraction(withdrawn) or {"unexpectedly-empty", "empty-at-visit"} & set(found.answers["findings"])


# After the fill


@pytest.mark.parametrize(
    ("pump", "at", "past"),
    [
        ("synchromed-ii-20", "19 mL", "18.999999999 mL"),
        ("prometra-ii-20", "19 mL", "18.999999999 mL"),
        ("synchromed-ii-40", "18 mL", "17.999999999 mL"),
        ("prometra-ii-40", "22 mL", "22.000000001 mL"),
    ],
)
def test_after_a_fill_the_threshold_goes_by_the_reservoirs_size(pump: str, at: str, past: str) -> None:
    kept, over = (
        calculate("post-fill-check", {"pump": pump, "injected_volume": "20 mL", "measured_volume": measured})
        for measured in (at, past)
    )
    assert (limit(kept, "discrepancy_at_most").hit, limit(over, "discrepancy_at_most").hit) == (False, True)
    assert (kept.answers["findings"], over.answers["findings"]) == ([], ["post-fill-discrepancy"])
    assert limit(over, "discrepancy_at_most").level == "soft"


def test_a_pump_of_unknown_size_has_no_threshold_and_a_fill_above_the_capacity_is_stopped() -> None:
    request = {"pump": "synchromed-iii-20", "injected_volume": "20 mL", "measured_volume": "10 mL"}
    found = calculate("post-fill-check", request)
    assert found.answers == {"discrepancy": "10 mL", "findings": []}
    assert "no-threshold" in notes(found)
    assert "synchromed-iii-20.reservoir_volume" in found.unknown
    over = calculate("post-fill-check", request | {"pump": "synchromed-ii-20", "injected_volume": "20.1 mL"})
    assert hard_hits(over) == ["reservoir_volume"]
    refusal("post-fill-check", request | {"injected_volume": "0 mL"}, "zero", "/injected_volume")
