"""The syringe and the mixture: mass in is mass out, order and batch change nothing, the impossible is refused."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import pytest
from asking import exact, limit, lines, refusal, solution
from hypothesis import given
from hypothesis import strategies as st

from pumpcalc import calculate


def _syringe(**changes: Any) -> dict[str, Any]:
    component = {"drug": "morphine", "concentration": "10 mg/mL", "stock_concentration": "25 mg/mL"}
    request = {"final_volume": "20 mL", "components": [component | changes.pop("component", {})]} | changes
    request["components"] = [{k: v for k, v in each.items() if v is not None} for each in request["components"]]
    return request


def _two(morphine: int, baclofen: int, volume: int) -> dict[str, Any]:
    return {
        "final_volume": f"{volume} mL",
        "components": [
            {"drug": "morphine", "concentration": f"{morphine} mg/mL", "stock_concentration": "50 mg/mL"},
            {"drug": "baclofen", "concentration": f"{baclofen} mcg/mL", "stock_concentration": "2000 mcg/mL"},
        ],
    }


_STRENGTHS = {"morphine": st.integers(1, 25), "baclofen": st.integers(50, 1000), "volume": st.integers(1, 40)}


@given(**_STRENGTHS)
def test_the_mass_that_goes_in_is_the_mass_that_comes_out(morphine: int, baclofen: int, volume: int) -> None:
    found = calculate("compounding", _two(morphine, baclofen, volume))
    for number, stock, unit in ((1, 50, "mg"), (2, 2000, "mcg")):
        assert exact(found, f"stock_volume_{number}") * stock == exact(found, f"drug_mass_{number}", unit)
    poured = exact(found, "stock_volume_1") + exact(found, "stock_volume_2") + exact(found, "diluent_volume")
    assert poured == volume
    assert exact(found, "diluent_volume") >= 0


@given(**_STRENGTHS)
def test_the_order_of_the_drugs_and_the_size_of_the_batch_change_nothing_else(
    morphine: int, baclofen: int, volume: int
) -> None:
    asked = _two(morphine, baclofen, volume)
    found = calculate("compounding", asked)
    turned = calculate("compounding", asked | {"components": asked["components"][::-1]})
    assert {r["drug"]: r for r in found.answers["components"]} == {r["drug"]: r for r in turned.answers["components"]}
    doubled = calculate("compounding", asked | {"final_volume": f"{2 * volume} mL"})
    for name in ("stock_volume_1", "stock_volume_2", "diluent_volume", "drug_mass_1"):
        assert exact(doubled, name) == 2 * exact(found, name)
    assert doubled.answers["sum_of_fractions"] == found.answers["sum_of_fractions"]


def test_overfill_makes_more_of_the_same() -> None:
    plain, more = calculate("compounding", _syringe()), calculate("compounding", _syringe(overfill="3 mL"))
    assert exact(more, "prepared_volume") == 23
    assert exact(more, "stock_volume_1") == exact(plain, "stock_volume_1") * 23 / 20


def test_a_graduation_is_a_visible_rounding_with_its_error() -> None:
    found = calculate("compounding", _syringe(graduation="0.5 mL", component={"concentration": "10.1 mg/mL"}))
    assert exact(found, "stock_volume_1") == Fraction("8.08")
    assert exact(found, "measured_volume_1") == 8
    assert exact(found, "concentration_made_1") == 10
    assert exact(found, "error_percent_1") == (Fraction(10) / Fraction("10.1") - 1) * 100
    assert exact(found, "diluent_volume") == 12
    assert lines(found)["measured_volume_1"].formula == "nearest(stock_volume_1, graduation)"


def test_the_stocks_may_fill_the_preparation_and_not_pass_it() -> None:
    full = calculate("compounding", _two(25, 1000, 20))
    assert (full.answers["sum_of_fractions"], full.answers["diluent_volume"]) == ("1", "0 mL")
    refusal("compounding", _two(26, 1000, 20), "infeasible", "/components")


def test_a_preparation_at_its_stock_is_undiluted_and_above_it_is_refused() -> None:
    at = calculate("compounding", _syringe(component={"concentration": "25 mg/mL"}))
    assert at.answers["diluent_volume"] == "0 mL"
    past = _syringe(component={"concentration": "25.000000001 mg/mL"})
    refusal("compounding", past, "target-exceeds-stock", "/components/0/concentration")


@pytest.mark.parametrize(
    ("changes", "code", "pointer"),
    [
        ({"component": {"stock_concentration": None}}, "one-of-two", "/components/0/stock_concentration"),
        ({"component": {"product": "infumorph-500"}}, "one-of-two", "/components/0/stock_concentration"),
        (
            {"component": {"stock_concentration": None, "product": "nothing"}},
            "unknown-product",
            "/components/0/product",
        ),
        ({"component": {"drug": "morphin"}}, "unknown-drug", "/components/0/drug"),
        ({"component": {"stock_concentration": "25 mg"}}, "wrong-kind", "/components/0/stock_concentration"),
        ({"final_volume": "0 mL"}, "zero", "/final_volume"),
        ({"components": []}, "wrong-type", "/components"),
        ({"component": {"concentration": "0.1 mg/mL"}, "graduation": "1 mL"}, "too-small-to-measure", "/graduation"),
    ],
)
def test_what_cannot_be_compounded_is_refused_at_its_field(changes: dict[str, Any], code: str, pointer: str) -> None:
    refusal("compounding", _syringe(**changes), code, pointer)


def test_the_same_drug_twice_is_refused() -> None:
    asked = _syringe()
    asked["components"] *= 2
    refusal("compounding", asked, "duplicate", "/components/1/drug")


def test_one_flow_gives_every_drug_its_share_and_checks_each() -> None:
    mixed = solution("morphine", "1 mg/mL", "ziconotide", "25 mcg/mL")
    found = calculate("admixture-dose", {"components": mixed, "daily_dose": "0.8 mg/day", "pump": "synchromed-ii-20"})
    assert found.answers["components"][1] == {"drug": "ziconotide", "daily_dose": "20 mcg/day"}
    assert limit(found, "maximum_daily_dose").hit
    assert exact(found, "daily_dose_2") == exact(found, "flow_rate") * 25


@given(factor=st.integers(1, 9))
def test_a_change_of_the_primary_dose_changes_every_dose_alike(factor: int) -> None:
    mixed = solution("morphine", "10 mg/mL", "baclofen", "500 mcg/mL")
    one, more = (calculate("admixture-dose", {"components": mixed, "daily_dose": f"{n} mg/day"}) for n in (1, factor))
    assert exact(more, "daily_dose_2") == factor * exact(one, "daily_dose_2")
