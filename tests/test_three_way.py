"""Order, syringe and programme: whatever one of the three says differently is found, with what it would do."""

from __future__ import annotations

from typing import Any

import pytest
from asking import exact, hard_hits, limit, notes, refusal, solution
from hypothesis import given
from hypothesis import strategies as st

from pumpcalc import calculate


def entries(**changes: Any) -> dict[str, Any]:
    """Three entries that agree; ``programme__daily_dose="6 mg/day"`` changes one thing that one of them says."""
    parts = {"components": solution("morphine", "20 mg/mL")}
    made: dict[str, Any] = {
        "order": {"pump": "synchromed-ii-20", "fill_volume": "20 mL", "daily_dose": "5 mg/day", **parts},
        "compounding": {"final_volume": "20 mL", **parts},
        "programme": {"pump": "synchromed-ii-20", "reservoir_volume": "20 mL", "daily_dose": "5 mg/day", **parts},
    }
    for name, value in changes.items():
        entry, _, field = name.partition("__")
        made[entry] = made[entry] | {field: value}
    return made


def fields(found: Any) -> list[str]:
    return [row["field"] for row in found.answers["mismatches"]]


def text(found: Any, field: str) -> str:
    return str(next(row["text"] for row in found.answers["mismatches"] if row["field"] == field))


def test_three_that_agree_have_no_mismatch_and_no_limit_hit() -> None:
    found = calculate("three-way-check", entries())
    assert fields(found) == []
    assert hard_hits(found) == []
    assert found.answers["delivered"] == [
        {"drug": "morphine", "daily_dose": "5 mg/day", "ordered": "5 mg/day", "text": "as ordered"}
    ]
    assert notes(found)[-1] == "three-way-check"
    assert "agree in everything" in found.notes[-1].text


@pytest.mark.parametrize("time", ["January 2018", "July 2018"])
def test_the_tmlt_case_20_ml_filled_and_40_ml_programmed_is_impossible(time: str) -> None:
    # TMLT: a 20 mL pump was programmed as if 40 mL had been filled, at two refills; it ran dry months early.
    found = calculate("three-way-check", entries(programme__reservoir_volume="40 mL"))
    assert fields(found) == ["fill_volume"]
    assert "The order says 20 mL, the syringe says 20 mL, the programme says 40 mL." in text(found, "fill_volume")
    assert "holds 20 mL: more is impossible" in text(found, "fill_volume")
    assert "empty while it still counts 20 mL, and no alarm would come" in text(found, "fill_volume")
    assert {"programme_fill_volume", "programme_in_reservoir_volume"} == set(hard_hits(found))


def test_a_programme_that_counts_on_too_weak_a_syringe_overdoses_by_the_ratio() -> None:
    found = calculate("three-way-check", entries(compounding__components=solution("morphine", "25 mg/mL")))
    assert fields(found) == ["morphine/concentration"]
    assert exact(found, "delivered_daily_dose_of_morphine") == exact(found, "order_daily_dose") * 25 / 20
    assert found.answers["delivered"][0]["text"] == "gives 1.25 times the order"
    assert found.answers["recomputed"][2]["value"] == "20 mg/mL"


def test_a_dose_per_hour_typed_as_per_day_is_twenty_four_times() -> None:
    found = calculate("three-way-check", entries(programme__daily_dose="5 mg/h"))
    assert fields(found) == ["daily_dose", "flow_rate"]
    assert "twenty-four times (per hour for per day?) the order" in text(found, "daily_dose")
    assert limit(found, "caution_daily_dose").hit


def test_mg_for_mcg_is_a_thousand_times() -> None:
    found = calculate("three-way-check", entries(programme__components=solution("morphine", "20 mcg/mL")))
    assert "a thousand times (mg for mcg?) the dose that the pump shows" in text(found, "morphine/concentration")


def test_another_drug_in_the_syringe_is_found() -> None:
    found = calculate("three-way-check", entries(compounding__components=solution("hydromorphone", "20 mg/mL")))
    assert "drugs" in fields(found)
    assert "recomputed" not in found.answers
    assert found.answers["delivered"][0]["drug"] == "hydromorphone"


def test_the_order_of_the_drugs_matters_because_the_first_drives_the_flow() -> None:
    both = ("morphine", "20 mg/mL"), ("bupivacaine", "7.5 mg/mL")
    parts = solution(*both[0], *both[1])
    found = calculate(
        "three-way-check",
        entries(order__components=parts, compounding__components=parts, programme__components=parts[::-1]),
    )
    assert "drugs" in fields(found)


def test_a_programme_for_another_pump_model_is_found() -> None:
    assert fields(calculate("three-way-check", entries(programme__pump="synchromed-ii-40"))) == ["pump"]


@pytest.mark.parametrize(
    ("change", "code", "pointer"),
    [
        ({"programme__pump": "synchromed-ii-30"}, "unknown-pump", "/programme/pump"),
        ({"order__components": solution("morphin", "20 mg/mL")}, "unknown-drug", "/order/components/0/drug"),
        (
            {"compounding__components": solution("morphine", "20 mg/mL", "morphine", "10 mg/mL")},
            "duplicate",
            "/compounding/components/1/drug",
        ),
        ({"programme__daily_dose": "5 mg"}, "wrong-kind", "/programme/daily_dose"),
    ],
)
def test_what_cannot_be_read_is_refused_where_it_stands(change: dict[str, Any], code: str, pointer: str) -> None:
    refusal("three-way-check", entries(**change), code, pointer)


_AMOUNTS = st.integers(1, 40)


@given(_AMOUNTS, _AMOUNTS, _AMOUNTS, _AMOUNTS, _AMOUNTS)
def test_every_difference_is_a_row_and_every_row_is_a_difference(
    volume: int, filled: int, programmed: int, strength: int, dose: int
) -> None:
    found = calculate(
        "three-way-check",
        entries(
            order__fill_volume=f"{volume} mL",
            compounding__final_volume=f"{filled} mL",
            programme__reservoir_volume=f"{programmed} mL",
            programme__components=solution("morphine", f"{strength} mg/mL"),
            programme__daily_dose=f"{dose} mg/day",
        ),
    )
    wanted = [
        ("fill_volume", len({volume, filled, programmed}) > 1),
        ("morphine/concentration", strength != 20),
        ("daily_dose", dose != 5),
        ("flow_rate", dose * 20 != 5 * strength),
    ]
    assert fields(found) == [field for field, differs in wanted if differs]
    assert exact(found, "delivered_daily_dose_of_morphine") * strength == dose * 20
