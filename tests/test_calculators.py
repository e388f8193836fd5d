"""Dose, flow, concentration and titration: what each answers, refuses and bounds."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import pytest
from asking import days_of, exact, fill, flow, hard_hits, ladder, limit, notes, oral, refusal, solution, ziconotide_fill

from pumpcalc import CALCULATORS, Refusal, calculate

_ZICONOTIDE = {"drug": "ziconotide", "daily_dose": "19.2 mcg/day", "concentration": "25 mcg/mL"}
_SM2, _SM3 = {"pump": "synchromed-ii-20"}, {"pump": "synchromed-iii-20"}


def _of(**changes: Any) -> dict[str, Any]:
    return _ZICONOTIDE | changes


# Every limit: kept at its bound, hit just past it


_NAIVE = {"opioid_status": "naive"}


def _mg(amount: str) -> list[dict[str, str]]:
    return [{"opioid": "morphine", "daily_dose": f"{amount} mg/day"}]


def _at_100_to_1(**more: Any) -> dict[str, Any]:
    return oral(ratio="100", reduction_percent="0", **more)


@pytest.mark.parametrize(
    ("calculation", "request_", "field", "at", "past", "name", "level"),
    [
        ("flow-rate", _of(), "daily_dose", "19.2 mcg/day", "19.200000001 mcg/day", "maximum_daily_dose", "hard"),
        ("flow-rate", _of(), "daily_dose", "0.8 mcg/h", "0.800000001 mcg/h", "maximum_daily_dose", "hard"),
        ("flow-rate", _of(), "daily_dose", "19.2 mcg/day", "19.2 mg/day", "maximum_daily_dose", "hard"),
        ("flow-rate", _of(), "concentration", "100 mcg/mL", "100.000000001 mcg/mL", "strongest_product", "soft"),
        ("flow-rate", flow(), "daily_dose", "20 mg/day", "20.000000001 mg/day", "caution_daily_dose", "soft"),
        ("flow-rate", flow(), "concentration", "25 mg/mL", "25.000000001 mg/mL", "strongest_product", "soft"),
        ("flow-rate", flow(drug="baclofen", concentration="2 mg/mL"), "daily_dose", "1000 mcg/day",
         "1000.000000001 mcg/day", "caution_daily_dose", "soft"),
        ("flow-rate", flow(drug="baclofen", daily_dose="1 mg/day"), "concentration", "2000 mcg/mL",
         "2000.000000001 mcg/mL", "strongest_product", "soft"),
        ("daily-dose", {"drug": "ziconotide", "concentration": "25 mcg/mL", **_SM2}, "flow_rate", "0.048 mL/day",
         "0.047999999 mL/day", "minimum_flow_rate", "hard"),
        ("daily-dose", {"drug": "ziconotide", "concentration": "25 mcg/mL", **_SM2}, "flow_rate", "0.002 mL/h",
         "0.001999999 mL/h", "minimum_flow_rate", "hard"),
        ("daily-dose", {"drug": "ziconotide", "concentration": "25 mcg/mL"}, "flow_rate", "0.768 mL/day",
         "0.768000001 mL/day", "maximum_daily_dose", "hard"),
        ("concentration", {"drug": "ziconotide", "daily_dose": "4.8 mcg/day", **_SM2}, "flow_rate", "0.048 mL/day",
         "0.047999999 mL/day", "strongest_product", "soft"),
        ("concentration", {"drug": "ziconotide", "daily_dose": "4.8 mcg/day", **_SM2}, "flow_rate", "0.048 mL/day",
         "0.047999999 mL/day", "minimum_flow_rate", "hard"),
        ("refill-schedule", fill(), "fill_volume", "20 mL", "20.000000001 mL", "reservoir_volume", "hard"),
        ("refill-schedule", fill(pump="synchromed-ii-40"), "fill_volume", "40 mL", "40.000000001 mL",
         "reservoir_volume", "hard"),
        ("refill-schedule", fill(pump="prometra-ii-20"), "fill_volume", "20 mL", "20.000000001 mL",
         "reservoir_volume", "hard"),
        ("refill-schedule", ziconotide_fill(), "daily_dose", "19.2 mcg/day", "19.200000001 mcg/day",
         "maximum_daily_dose", "hard"),
        ("refill-schedule", ziconotide_fill(), "daily_dose", "1.2 mcg/day", "1.199999999 mcg/day",
         "minimum_flow_rate", "hard"),
        ("refill-schedule", fill(beyond_use_date="2026-01-05"), "fill_date", "2026-01-05", "2026-01-06",
         "beyond_use_date", "hard"),
        ("refill-schedule", ziconotide_fill(fill_kind="naive", daily_dose="2.4 mcg/day"), "components",
         solution("ziconotide", "25 mcg/mL"), solution("ziconotide", "24.999999999 mcg/mL"),
         "ziconotide_fill_concentration", "hard"),
        ("titration", ladder(), "start", "2.4 mcg/day", "2.400000001 mcg/day", "start_at_most", "soft"),
        ("titration", ladder(), "step", "2.4 mcg/day", "2.400000001 mcg/day", "step_at_most", "hard"),
        ("titration", ladder(), "steps_per_week", "3", "3.000000001", "steps_per_week_at_most", "hard"),
        ("titration", ladder(days=None), "until", "19.2 mcg/day", "19.200000001 mcg/day", "maximum_daily_dose", "hard"),
        ("titration", ladder(rule="eu-label"), "start", "2.4 mcg/day", "2.400000001 mcg/day", "start_at_most", "soft"),
        ("titration", ladder(rule="eu-label"), "step", "0.1 mcg/h", "0.100000001 mcg/h", "step_at_most", "hard"),
        ("titration", ladder(rule="eu-label", days=None), "until", "21.6 mcg/day", "21.600000001 mcg/day",
         "maximum_daily_dose", "hard"),
        ("titration", ladder(rule="eu-label"), "steps_per_week", "7", "7.000000001", "interval_at_least", "hard"),
        ("titration", ladder(rule="eu-label"), "steps_per_week", "3.5", "3.500000001", "interval_recommended", "soft"),
        ("titration", ladder(rule="low-and-slow"), "start", "0.5 mcg/day", "0.499999999 mcg/day", "start_at_least",
         "soft"),
        ("titration", ladder(rule="low-and-slow"), "start", "1.2 mcg/day", "1.200000001 mcg/day", "start_at_most",
         "soft"),
        ("titration", ladder(rule="low-and-slow"), "step", "0.5 mcg/day", "0.500000001 mcg/day", "step_at_most",
         "soft"),
        ("titration", ladder(rule="low-and-slow"), "steps_per_week", "1", "1.000000001", "interval_at_least", "soft"),
        ("titration", ladder(rule="low-and-slow", days=None), "until", "19.2 mcg/day", "19.200000001 mcg/day",
         "maximum_daily_dose", "hard"),
        ("titration", ladder(days="1"), "concentration", "100 mcg/mL", "100.000000001 mcg/mL", "strongest_product",
         "soft"),
        ("titration", ladder(days="1", **_SM2), "concentration", "50 mcg/mL", "50.000000001 mcg/mL",
         "minimum_flow_rate", "hard"),
        ("oral-to-intrathecal", _at_100_to_1(**_NAIVE), "regimen", _mg("20"), _mg("19.999999999"),
         "naive_start_at_least", "soft"),
        ("oral-to-intrathecal", _at_100_to_1(**_NAIVE), "regimen", _mg("100"), _mg("100.000000001"),
         "naive_start_at_most", "soft"),
        ("oral-to-intrathecal", _at_100_to_1(), "regimen", _mg("100"), _mg("99.999999999"),
         "tolerant_start_at_least", "soft"),
        ("oral-to-intrathecal", _at_100_to_1(), "regimen", _mg("1000"), _mg("1000.000000001"),
         "tolerant_start_at_most", "soft"),
        ("oral-to-intrathecal", _at_100_to_1(), "regimen", _mg("2000"), _mg("2000.000000001"),
         "caution_daily_dose", "soft"),
        ("oral-to-intrathecal", _at_100_to_1(), "ratio", "105.5", "105.500000001", "published_ratio", "soft"),
        ("oral-to-intrathecal", _at_100_to_1(), "ratio", "300", "299", "published_ratio", "soft"),
    ],
)  # fmt: skip
def test_a_limit_is_kept_at_its_bound_and_hit_just_past_it(
    calculation: str, request_: dict[str, Any], field: str, at: Any, past: Any, name: str, level: str
) -> None:
    kept = limit(calculate(calculation, request_ | {field: at}), name)
    over = limit(calculate(calculation, request_ | {field: past}), name)
    assert (kept.hit, over.hit) == (False, True)
    assert kept.level == over.level == level


def test_every_limit_that_the_library_holds_is_looked_at() -> None:
    """A figure with the role of a limit that no calculation looks at would be a limit in name only."""
    asked = [
        calculate("flow-rate", flow(**_SM2)), calculate("flow-rate", flow(drug="baclofen")),
        calculate("refill-schedule", ziconotide_fill()), calculate("refill-schedule", fill()),
        calculate("oral-to-intrathecal", _at_100_to_1()),
        *[calculate("titration", ladder(rule=rule)) for rule in ("us-label", "eu-label", "low-and-slow")],
    ]  # fmt: skip
    looked_at = {each.name for found in asked for each in found.limits}
    assert looked_at >= {
        "maximum_daily_dose", "caution_daily_dose", "strongest_product", "minimum_flow_rate", "reservoir_volume",
        "start_at_least", "start_at_most", "step_at_most", "steps_per_week_at_most", "interval_at_least",
        "interval_recommended", "tolerant_start_at_least", "tolerant_start_at_most", "published_ratio",
        "ziconotide_fill_concentration", "ziconotide_indicated_pumps",
    }  # fmt: skip
    assert "maximum-interval" in days_of(asked[2])


def test_the_example_of_the_issue_is_answered() -> None:
    found = calculate("flow-rate", flow())
    assert found.answers == {
        "flow_rate": "0.5 mL/day", "flow_rate_per_hour": "0.0208333 mL/h", "dose_per_hour": "0.416667 mg/h",
    }  # fmt: skip
    assert found.unknown == ("morphine.maximum_daily_dose", "morphine.maximum_concentration")


def test_a_start_of_ziconotide_from_the_strong_vial_is_below_the_minimum_flow_of_synchromed_ii() -> None:
    found = calculate("flow-rate", _of(daily_dose="2.4 mcg/day", concentration="100 mcg/mL", **_SM2))
    assert hard_hits(found) == ["minimum_flow_rate"]
    assert found.answers["flow_rate"] == "0.024 mL/day", "a limit that is hit never clamps the answer"


def test_what_nobody_has_read_of_synchromed_iii_is_listed_and_never_carried_over() -> None:
    found = calculate("flow-rate", _of(daily_dose="0.001 mcg/day", **_SM3))
    assert "minimum_flow_rate" not in [each.name for each in found.limits]
    assert {"synchromed-iii-20.minimum_flow_rate", "synchromed-iii-20.maximum_flow_rate"} <= set(found.unknown)


def test_an_unverified_maximum_flow_is_not_a_limit() -> None:
    found = calculate("flow-rate", flow(daily_dose="999 mg/day", concentration="0.5 mg/mL", **_SM2))
    assert exact(found, "flow_rate") == 1998
    assert "synchromed-ii-20.maximum_flow_rate" in found.unknown


def test_a_drug_is_indicated_in_some_pumps_only() -> None:
    assert limit(calculate("flow-rate", _of(pump="prometra-ii-20")), "ziconotide_indicated_pumps").hit
    assert not limit(calculate("flow-rate", _of(**_SM3)), "ziconotide_indicated_pumps").hit
    unread = calculate("flow-rate", flow(**_SM2))
    assert "morphine.indicated_pumps" in unread.unknown
    assert "pump-not-confirmed-on-site" in notes(unread)


# Titration


def test_the_steps_of_a_titration_are_spread_over_the_week_and_dated() -> None:
    found = calculate("titration", ladder(steps_per_week="3", start_date="2026-02-25", concentration="25 mcg/mL"))
    rows = found.answers["steps"]
    assert [row["day"] for row in rows] == [0, 3, 5, 7, 10, 12, 14, 17]
    assert [row["date"] for row in rows][:3] == ["2026-02-25", "2026-02-28", "2026-03-02"]
    assert rows[1] == {"day": 3, "date": "2026-02-28", "daily_dose": "4.8 mcg/day", "flow_rate": "0.192 mL/day"}
    assert (found.answers["increments"], found.answers["final_daily_dose"]) == (7, "19.2 mcg/day")
    assert "stops-at-maximum" in notes(found)


def test_a_plan_that_ends_between_two_rungs_ends_on_the_lower() -> None:
    found = calculate("titration", ladder(days=None, until="10 mcg/day"))
    assert found.answers["final_daily_dose"] == "9.6 mcg/day"
    assert "ends-below-until" in notes(found)
    assert "ends-below-until" not in notes(calculate("titration", ladder(days=None, until="9.6 mcg/day")))


def test_a_plan_of_no_days_has_its_start_only() -> None:
    found = calculate("titration", ladder(days="0"))
    assert found.answers["steps"] == [{"day": 0, "daily_dose": "2.4 mcg/day"}]
    assert found.answers["increments"] == 0


@pytest.mark.parametrize(
    ("changes", "code", "pointer"),
    [
        ({"until": "19.2 mcg/day"}, "one-of-two", "/until"),
        ({"days": None}, "one-of-two", "/until"),
        ({"days": None, "until": "2.3 mcg/day"}, "out-of-range", "/until"),
        ({"days": "3661"}, "out-of-range", "/days"),
        ({"step": "0.001 mcg/day", "days": "3660"}, "too-many-steps", "/step"),
        ({"drug": "morphine"}, "no-titration-rule", "/rule"),
        ({"rule": "us"}, "not-one-of", "/rule"),
        ({"drug": "ziconotid"}, "unknown-drug", "/drug"),
        ({"pump": "synchromed-2"}, "unknown-pump", "/pump"),
        ({"steps_per_week": 2}, "number-as-text", "/steps_per_week"),
        ({"steps_per_week": "0"}, "zero", "/steps_per_week"),
        ({"steps_per_week": "2,5"}, "number-comma", "/steps_per_week"),
        ({"start": "0 mcg/day"}, "zero", "/start"),
        ({"step": None}, "missing", "/step"),
        ({"start_date": "2026-02-30"}, "date-impossible", "/start_date"),
        ({"start_date": "25.02.2026"}, "date-format", "/start_date"),
        ({"start_date": "1889-01-01"}, "out-of-range", "/start_date"),
    ],
)
def test_a_titration_that_cannot_be_planned_is_refused(changes: dict[str, Any], code: str, pointer: str) -> None:
    refusal("titration", ladder(**changes), code, pointer)


# The form of a request


@pytest.mark.parametrize(
    ("changes", "code", "pointer"),
    [
        ({"daily_dose": 10}, "quantity-as-text", "/daily_dose"),
        ({"daily_dose": "10"}, "unit-missing", "/daily_dose"),
        ({"daily_dose": "1,5 mg/day"}, "number-comma", "/daily_dose"),
        ({"daily_dose": "0 mg/day"}, "zero", "/daily_dose"),
        ({"daily_dose": "10 mg"}, "wrong-kind", "/daily_dose"),
        ({"concentration": "20 mg/ml "}, "number-format", "/concentration"),
        ({"concentration": None}, "quantity-as-text", "/concentration"),
        ({"drug": "heroin"}, "unknown-drug", "/drug"),
        ({"drug": 5}, "identifier-format", "/drug"),
        ({"drug": "a/b"}, "identifier-format", "/drug"),
        ({"pump": "synchromed-ii"}, "unknown-pump", "/pump"),
        ({"dose": "10 mg/day"}, "unknown-field", "/dose"),
        ({"a/b~c": 1}, "unknown-field", "/a~1b~0c"),
    ],
)
def test_a_request_with_a_wrong_field_is_refused_at_that_field(
    changes: dict[str, Any], code: str, pointer: str
) -> None:
    refusal("flow-rate", flow(**changes), code, pointer)


def test_every_wrong_field_is_named_at_once() -> None:
    with pytest.raises(Refusal) as caught:
        calculate("flow-rate", {"daily_dose": 10, "concentration": "20", "flow": "1"})
    pointers = {problem.pointer for problem in caught.value.problems}
    assert pointers == {"/drug", "/daily_dose", "/concentration", "/flow"}
    assert len(caught.value.record()["problems"]) == 4  # type: ignore[arg-type]


def test_a_misspelt_name_is_suggested_and_never_used() -> None:
    assert refusal("flow-rate", flow(drug="Morphine"), "unknown-drug", "/drug").did_you_mean == "morphine"
    assert refusal("flow-rate", flow(daily_dos="1 mg/day"), "unknown-field", "/daily_dos").did_you_mean == "daily_dose"


_MIRRORED = [
    ("flow-rate", flow(daily_dose="1,5 mg/day")),
    ("flow-rate", flow(drug="heroin")),
    ("flow-rate", flow(concentration="20 mg/day")),
    ("titration", ladder(until="19.2 mcg/day")),
    ("refill-schedule", ziconotide_fill(fill_kind=None)),
    ("refill-schedule", fill(components=solution("baclofen", "2000 mcg/mL"))),
    ("oral-to-intrathecal", oral(ratio="300")),
]


@pytest.mark.parametrize(("name", "request_"), _MIRRORED)
def test_python_and_the_command_line_refuse_with_the_same_sentence(name: str, request_: dict[str, Any]) -> None:
    with pytest.raises(Refusal) as caught:
        calculate(name, request_)
    done = subprocess.run(
        [sys.executable, "-m", "pumpcalc.cli", "calculate", name],
        input=json.dumps(request_), capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 2
    assert json.loads(done.stdout) == caught.value.record()


def test_a_calculator_is_called_by_its_fields_as_well() -> None:
    assert CALCULATORS["flow-rate"](**flow()) == calculate("flow-rate", flow())
