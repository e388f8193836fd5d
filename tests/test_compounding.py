"""The syringe and the mixture: mass in is mass out, order and batch change nothing, the impossible is refused."""

from __future__ import annotations

import re
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest
from asking import exact, limit, lines, notes, refusal, solution
from drawing import numbers
from hypothesis import given
from hypothesis import strategies as st

from pumpcalc import Calculation, calculate
from pumpcalc.compounding.part import Part, back_calculated
from pumpcalc.library import load
from pumpcalc.quantities import CONCENTRATION, VOLUME, read
from pumpcalc.worksheet import Worksheet


def _syringe(**changes: Any) -> dict[str, Any]:
    component = {"drug": "morphine", "concentration": "10 mg/mL", "stock_concentration": "25 mg/mL"}
    request = {"final_volume": "20 mL", "components": [component | changes.pop("component", {})]} | changes
    request["components"] = [{k: v for k, v in each.items() if v is not None} for each in request["components"]]
    return request


_STOCKS = {
    "morphine": ("50", "mg"),
    "baclofen": ("2000", "mcg"),
    "ziconotide": ("100", "mcg"),
    "clonidine": ("0.5", "mg"),
}
_VOLUMES = ("final_volume", "overfill", "priming_allowance")


def _two(morphine: int, baclofen: int, volume: int) -> dict[str, Any]:
    return {
        "final_volume": f"{volume} mL",
        "components": [
            {"drug": "morphine", "concentration": f"{morphine} mg/mL", "stock_concentration": "50 mg/mL"},
            {"drug": "baclofen", "concentration": f"{baclofen} mcg/mL", "stock_concentration": "2000 mcg/mL"},
        ],
    }


@st.composite
def preparations(draw: st.DrawFn) -> dict[str, Any]:
    """One to four drugs whose stocks fit, with or without more than the final volume."""
    drugs = draw(st.lists(st.sampled_from(sorted(_STOCKS)), min_size=1, max_size=4, unique=True))
    parts = [draw(st.integers(1, 1000 // len(drugs))) for _ in drugs]
    components = []
    for drug, part in zip(drugs, parts, strict=True):
        strength, mass = _STOCKS[drug]
        wanted = Decimal(part) / 1000 * Decimal(strength)
        components.append({"drug": drug, "concentration": f"{wanted.normalize():f} {mass}/mL",
                           "stock_concentration": f"{strength} {mass}/mL"})  # fmt: skip
    asked: dict[str, Any] = {"final_volume": f"{draw(numbers('1', '40'))} mL", "components": components}
    for more in ("overfill", "priming_allowance"):
        if draw(st.booleans()):
            asked[more] = f"{draw(numbers('0.1', '5'))} mL"
    return asked


def _numbered(found: Calculation) -> range:
    return range(1, len(found.answers["components"]) + 1)


def _poured(found: Calculation) -> Fraction:
    drawn = "measured_volume" if "graduation" in found.request else "stock_volume"
    return sum((exact(found, f"{drawn}_{n}") for n in _numbered(found)), exact(found, "diluent_volume"))


def _fraction(component: dict[str, str]) -> Fraction:
    wanted, stock = (component[each].partition(" ")[0] for each in ("concentration", "stock_concentration"))
    return Fraction(wanted) / Fraction(stock)


def _prepared(asked: dict[str, Any]) -> Fraction:
    return sum((Fraction(asked[each].removesuffix(" mL")) for each in _VOLUMES if each in asked), Fraction(0))


def _holds(found: Calculation) -> None:
    """Mass in is mass out, volume in is volume out, and the back-calculation gives what was made."""
    made = "concentration_made" if "graduation" in found.request else "concentration"
    drawn = "measured_volume" if "graduation" in found.request else "stock_volume"
    assert _poured(found) == _prepared(found.request)
    assert exact(found, "diluent_volume") >= 0
    for n in _numbered(found):
        stock = exact(found, f"{drawn}_{n}") * exact(found, f"stock_concentration_{n}", "mcg/mL")
        assert stock == exact(found, f"mass_in_{n}", "mcg") == exact(found, f"drug_mass_{n}", "mcg")
        back = exact(found, f"concentration_back_calculated_{n}", "mcg/mL")
        assert back == exact(found, f"{made}_{n}", "mcg/mL") == stock / _prepared(found.request)
        assert exact(found, f"mass_in_final_volume_{n}", "mcg") == back * exact(found, "final_volume")
        assert not limit(found, f"mass_in_is_mass_out_{n}").hit
        assert not limit(found, f"back_calculation_{n}").hit


@given(preparations())
def test_the_mass_that_goes_in_is_the_mass_that_comes_out(asked: dict[str, Any]) -> None:
    found = calculate("compounding", asked)
    _holds(found)
    for n in _numbered(found):
        back = f"concentration_back_calculated_{n}"
        assert exact(found, back, "mcg/mL") == exact(found, f"concentration_{n}", "mcg/mL")


@given(preparations(), st.sampled_from(("0.01 mL", "0.1 mL", "0.2 mL", "0.5 mL", "0.3 mL")))
def test_what_is_measured_holds_its_mass_too(asked: dict[str, Any], graduation: str) -> None:
    asked |= {"graduation": graduation}
    step = Fraction(graduation.removesuffix(" mL"))
    measured = [round(_fraction(each) * _prepared(asked) / step) * step for each in asked["components"]]
    if 0 in measured or sum(measured) > _prepared(asked):
        code = "too-small-to-measure" if 0 in measured else "infeasible"
        refusal("compounding", asked, code, "/graduation")
        return
    found = calculate("compounding", asked)
    _holds(found)
    for n in _numbered(found):
        assert exact(found, f"measured_volume_{n}") == measured[n - 1]
        assert abs(exact(found, f"measured_volume_{n}") - exact(found, f"stock_volume_{n}")) <= step / 2


@given(preparations(), st.randoms(use_true_random=False))
def test_the_order_of_the_drugs_changes_nothing(asked: dict[str, Any], dice: Any) -> None:
    shuffled = dice.sample(asked["components"], len(asked["components"]))
    found, turned = calculate("compounding", asked), calculate("compounding", asked | {"components": shuffled})
    by_drug = [{row["drug"]: row for row in each.answers["components"]} for each in (found, turned)]
    assert by_drug[0] == by_drug[1]
    for name in ("diluent_volume", "sum_of_fractions", "stock_together"):
        assert exact(found, name) == exact(turned, name)
    assert sorted(notes(found)) == sorted(notes(turned))
    hits = [
        sorted((re.sub(r"_[1-4]", "", each.name), each.actual_exact, each.hit) for each in x.limits)
        for x in (found, turned)
    ]
    assert hits[0] == hits[1]


@given(preparations(), st.integers(2, 9))
def test_a_larger_batch_is_more_of_the_same(asked: dict[str, Any], times: int) -> None:
    larger = {each: f"{Decimal(asked[each].removesuffix(' mL')) * times:f} mL" for each in _VOLUMES if each in asked}
    one, many = calculate("compounding", asked), calculate("compounding", asked | larger)
    assert exact(many, "diluent_volume") == times * exact(one, "diluent_volume")
    assert exact(many, "sum_of_fractions") == exact(one, "sum_of_fractions")
    for n in _numbered(one):
        for name in ("stock_volume", "mass_in", "drug_mass", "mass_in_final_volume"):
            assert exact(many, f"{name}_{n}") == times * exact(one, f"{name}_{n}")
        for name in ("concentration_back_calculated", "fraction_of_stock"):
            assert exact(many, f"{name}_{n}") == exact(one, f"{name}_{n}")


def test_a_diluent_that_does_not_fit_the_stocks_would_be_seen() -> None:
    """The limit of the back-calculation is hit when the final volumes are not those of the concentration."""
    for diluent, hit in (("12 mL", False), ("12.000000001 mL", True)):
        work = Worksheet("compounding", load(), {})
        strength = work.given("stock_concentration_1", read("25 mg/mL", CONCENTRATION), "morphine")
        made = work.given("concentration_1", read("10 mg/mL", CONCENTRATION), "morphine")
        drawn, volume = (work.given(name, read(f"{v} mL", VOLUME)) for name, v in (("drawn", 8), ("final_volume", 20)))
        part = Part("_1", load().drugs["morphine"], None, strength, made, drawn, made, {})
        back_calculated(work, part, drawn, work.given("diluent_volume", read(diluent, VOLUME)), volume)
        assert limit(work.finish(), "back_calculation_1").hit is hit


def test_the_priming_allowance_is_prepared_and_does_not_go_into_the_pump() -> None:
    plain = calculate("compounding", _syringe())
    for changes, prepared in (
        ({"priming_allowance": "3 mL"}, 23),
        ({"priming_allowance": "3 mL", "overfill": "2 mL"}, 25),
    ):
        more = calculate("compounding", _syringe(**changes))
        assert exact(more, "prepared_volume") == prepared
        assert exact(more, "stock_volume_1") == exact(plain, "stock_volume_1") * prepared / 20
        assert exact(more, "mass_in_final_volume_1") == exact(plain, "mass_in_final_volume_1") == 200
        assert exact(more, "drug_mass_1") == 10 * prepared
    assert lines(more)["prepared_volume"].formula == "final_volume + overfill + priming_allowance"


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
