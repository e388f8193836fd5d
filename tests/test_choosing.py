"""The choice of a concentration: at each bound and just past it, what it starts from, and what it refuses."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from typing import Any

import pytest
from asking import choice, exact, lines, notes, refusal

from pumpcalc import Calculation, calculate, formulas
from pumpcalc.formulas import FORMULAS
from pumpcalc.library import Fact, Library, load
from pumpcalc.quantities import CONCENTRATION, DAILY_DOSE, FLOW_RATE, VOLUME, Kind, read
from pumpcalc.worksheet import Draft

_NAME = "choose-concentration"


def _zinc(**changes: Any) -> dict[str, Any]:
    return choice(**{"drug": "ziconotide", "daily_dose": "2.4 mcg/day"} | changes)


def _choose(asked: dict[str, Any], library: Library | None = None) -> Calculation:
    return calculate(_NAME, asked, library)


def _figure(name: str, value: str, kind: Kind, role: str = "hard") -> Fact:
    return Fact(name, read(value, kind), "verified", role, "definition", "of this site")


def _site(*, drug: str = "morphine", pump: str = "synchromed-ii-20", **figures: Fact) -> Library:
    """The shipped library with figures that a site has confirmed, of one drug and of one pump."""
    shipped = load()
    mine = {field: fact for field, fact in figures.items() if field in vars(shipped.pumps[pump])}
    its = {field: fact for field, fact in figures.items() if field not in mine}
    return replace(
        shipped,
        drugs={**shipped.drugs, drug: replace(shipped.drugs[drug], **its)},  # type: ignore[arg-type]
        pumps={**shipped.pumps, pump: replace(shipped.pumps[pump], **mine)},  # type: ignore[arg-type]
    )


def _ways(found: Calculation) -> list[tuple[str, str]]:
    """The product and the stock volume of each option."""
    return [(row["product"], row["stock_volume"]) for row in found.answers["options"]]


def _why_not(found: Calculation) -> dict[str, str]:
    return {row["option"]: row["reason"] for row in found.answers["not_listed"]}


def _said(found: Calculation, option: str) -> str:
    (row,) = [row for row in found.answers["not_listed"] if row["option"] == option]
    return str(row["text"])


# At each bound, and just past it


def _only(**changes: Any) -> dict[str, Any]:
    """An order of undiluted 25 mg/mL of one product, which flows at 0.4 mL/day and lasts 45 days."""
    return choice(products=["infumorph-500"], **changes)


def test_a_flow_at_the_pumps_minimum_is_possible_and_below_it_is_not() -> None:
    at = _choose(_only(daily_dose="1.2 mg/day"))
    assert {"20 mL": "0.048 mL/day"}.items() <= {
        row["stock_volume"]: row["flow_rate"] for row in at.answers["options"]
    }.items()
    below = _choose(_only(daily_dose="1.199 mg/day"))
    assert _why_not(below)["infumorph-500, 20 mL in 20 mL"] == "flow-below-minimum"
    assert _said(below, "infumorph-500, 20 mL in 20 mL") == (
        "At 1.199 mg/day it would flow at 0.04796 mL/day, below the least that the pump delivers, 0.048 mL/day."
    )


def test_a_flow_at_the_pumps_maximum_is_possible_and_above_it_at_the_highest_planned_dose_is_not() -> None:
    site = _site(maximum_flow_rate=_figure("synchromed-ii-20.maximum_flow_rate", "0.6 mL/day", FLOW_RATE))
    at = _choose(_only(highest_planned_dose="15 mg/day"), site)
    assert _ways(at) == [("infumorph-500", "20 mL")]
    assert not at.limits_hit
    above = _choose(_only(highest_planned_dose="15.001 mg/day"), site)
    assert _why_not(above) == {"infumorph-500, 1 to 20 mL in 20 mL": "flow-above-maximum"}
    assert "At 15.001 mg/day it would flow at 0.60004 to 12.0008 mL/day" in _said(above, *_why_not(above))
    assert "no-option" in notes(above)
    assert "no-option" not in notes(at)


def test_a_concentration_at_the_sites_maximum_is_possible_and_above_it_is_not() -> None:
    site = _site(maximum_concentration=_figure("morphine.maximum_concentration", "20 mg/mL", CONCENTRATION))
    found = _choose(_only(), site)
    assert _ways(found) == [("infumorph-500", "16 mL")]
    assert found.answers["options"][0]["concentration"] == "20 mg/mL"
    assert _why_not(found)["infumorph-500, 17 to 20 mL in 20 mL"] == "above-maximum-concentration"
    assert _said(found, "infumorph-500, 17 to 20 mL in 20 mL") == (
        "It would be 21.25 to 25 mg/mL, above the maximum concentration of 20 mg/mL."
    )
    assert "morphine.maximum_concentration" not in found.unknown
    assert "morphine.maximum_concentration" in _choose(_only()).unknown


def test_a_flow_of_whole_steps_is_possible_and_any_other_is_not_with_the_error_that_it_would_make() -> None:
    site = _site(flow_step=_figure("synchromed-ii-20.flow_step", "0.1 mL/day", FLOW_RATE, "information"))
    found = _choose(_only(), site)
    assert [row["flow_rate"] for row in found.answers["options"]] == ["0.4 mL/day"]
    assert [row["dose_error_percent"] for row in found.answers["options"]] == ["0 %"]
    assert lines(found)["programmed_flow_rate_1"].formula == "nearest(flow_rate_1, flow_step)"
    # 19 mL make 23.75 mg/mL and a flow of 0.4210526 mL/day; 0.4 mL/day of it is 9.5 mg/day.
    assert _why_not(found)["infumorph-500, 17 to 19 mL in 20 mL"] == "not-on-a-step"
    assert _said(found, "infumorph-500, 17 to 19 mL in 20 mL") == (
        "The flow of 0.421053 to 0.470588 mL/day is no whole number of steps of 0.1 mL/day; "
        "the nearest is off the dose by -10 to 6.25 %."
    )
    assert _why_not(found)["infumorph-500, 16 mL in 20 mL"] == "another-is-better"
    assert "flow-step-unknown" not in notes(found)
    assert {"synchromed-ii-20.flow_step"} & set(_choose(_only()).unknown)
    assert "flow-step-unknown" in notes(_choose(_only()))


@pytest.mark.parametrize(
    ("wanted", "highest", "possible"),
    [
        ("45 day", None, True),
        ("46 day", None, False),
        ("45.001 day", None, False),
        ("45", "10 mg/day", True),
        ("45", "10.001 mg/day", False),
        ("36", "12.5 mg/day", True),
        ("36", "12.501 mg/day", False),
    ],
)
def test_the_wanted_interval_holds_to_the_day_at_the_daily_and_at_the_highest_planned_dose(
    wanted: str, highest: str | None, possible: bool
) -> None:
    found = _choose(_only(wanted_interval=wanted, highest_planned_dose=highest))
    assert (_ways(found) == [("infumorph-500", "20 mL")]) is possible
    assert possible or set(_why_not(found).values()) == {"interval-too-short"}
    assert [each.hit for each in found.limits if each.name == "wanted_interval"] == ([False] if possible else [])


def test_a_fill_that_lasts_one_day_is_possible_and_one_that_lasts_less_is_not() -> None:
    at = _choose(_only(daily_dose="450 mg/day"))
    assert [row["interval"] for row in at.answers["options"]] == ["1 day"]
    assert _choose(_only(daily_dose="450 mg/day", highest_planned_dose="450.001 mg/day")).answers["options"] == []
    less = _choose(_only(daily_dose="450.001 mg/day", wanted_interval="12 h"))
    assert less.answers["options"] == []
    assert _said(less, *_why_not(less)) == "At 450.001 mg/day it would last 0 day, less than one day."


def test_a_fill_of_the_whole_reservoir_is_possible_and_more_hits_the_hard_limit_and_offers_nothing() -> None:
    full, over = _choose(choice()), _choose(choice(fill_volume="20.000000001 mL"))
    assert full.answers["options"]
    assert over.answers["options"] == []
    assert [(each.name, each.level) for each in over.limits_hit] == [("reservoir_volume", "hard")]
    assert set(_why_not(over).values()) == {"fill-above-reservoir"}
    assert len(_why_not(over)) == 4
    huge = _choose(choice(fill_volume="999999999 mL"))
    assert set(_why_not(huge).values()) == {"fill-above-reservoir"}


def test_the_earliest_limit_binds_and_of_two_on_one_day_the_first_of_the_contract() -> None:
    def binding(**changes: Any) -> tuple[str, str]:
        row = _choose(_only(**changes)).answers["options"][0]
        return row["interval"], row["binding"]

    assert binding() == ("45 day", "low-reservoir-alarm")
    assert binding(daily_dose="5 mg/day") == ("90 day", "low-reservoir-alarm")
    assert binding(daily_dose="4.9 mg/day") == ("90 day", "in-pump-stability")
    assert binding(stability="45.9 day") == ("45 day", "low-reservoir-alarm")
    assert binding(stability="44.9 day") == ("44 day", "in-pump-stability")
    baclofen = {"drug": "baclofen", "daily_dose": "100 mcg/day", "stability": "300 day", "products": ["lioresal-2000"]}
    site = _site(drug="baclofen", products=_baclofen())  # type: ignore[arg-type]
    strongest = _choose(choice(**baclofen), site).answers["options"][-1]
    assert strongest["concentration"] == "2000 mcg/mL"
    assert (strongest["interval"], strongest["binding"]) == ("180 day", "maximum-interval")
    strongest = _choose(choice(**baclofen | {"stability": "180 day"}), site).answers["options"][-1]
    assert (strongest["interval"], strongest["binding"]) == ("180 day", "in-pump-stability")


def _baclofen() -> tuple[Any, ...]:
    """The products of baclofen, in vials of 20 mL."""
    vial = _figure("baclofen.products.0.volume", "20 mL", VOLUME, "information")
    return tuple(replace(product, volume=vial) for product in load().drugs["baclofen"].products)


# Ziconotide, and the first fill of a new pump


def test_a_new_pump_gets_25_mcg_per_ml_as_it_comes_for_14_days() -> None:
    found = _choose(_zinc(naive_pump=True, fill_volume="14 mL"))
    assert _ways(found) == [("prialt-25-20", "14 mL")]
    assert found.answers["options"][0]["interval"] == "14 day"
    assert _why_not(found) == {
        "prialt-25-20, 1 to 13 mL in 14 mL": "not-a-naive-fill",
        **{f"prialt-{each}, 1 to 14 mL in 14 mL": "not-a-naive-fill" for each in ("100-1", "100-5", "100-2-eu")},
    }
    assert {"naive-pump-rinse", "naive-fill-volume", "rinse-not-counted"} <= set(notes(found))


def test_100_mcg_per_ml_thinned_to_25_is_a_diluted_fill_and_keeps_for_40_days() -> None:
    found = _choose(_zinc(products=["prialt-100-5"]))
    assert {"25 mcg/mL": "40 day"}.items() <= {
        row["concentration"]: row["interval"] for row in found.answers["options"]
    }.items()
    assert {row["interval"] for row in found.answers["options"]} == {"40 day"}
    plain = _choose(_zinc(products=["prialt-25-20"]))
    assert [row["interval"] for row in plain.answers["options"]] == ["84 day"]


def test_a_low_dose_that_no_undiluted_product_delivers_is_met_by_a_dilution() -> None:
    """1.2 mcg/day is the least of 25 mcg/mL in SynchroMed II: half a microgram a day needs a weaker solution."""
    found = _choose(_zinc(daily_dose="0.5 mcg/day"))
    assert found.answers["options"]
    assert all(
        exact(found, found.answer_lines[f"/options/{n}/concentration"], "mcg/mL") <= Fraction("0.5") / Fraction("0.048")
        for n in range(len(found.answers["options"]))
    )
    assert _choose(_zinc(daily_dose="0.5 mcg/day", naive_pump=True)).answers["options"] == []


def test_what_is_usual_is_said_of_each_option_and_hides_none() -> None:
    found = _choose(_zinc(daily_dose="0.05 mcg/day", pump="synchromed-ii-40", fill_volume="40 mL"))
    assert "usual_concentration_1_at_least" in {each.name for each in found.limits_hit}
    assert found.answers["options"]
    over = _choose(_zinc(daily_dose="24 mcg/day", highest_planned_dose="30 mcg/day"))
    assert [each.actual for each in over.limits_hit if each.name == "maximum_daily_dose"] == [
        "24 mcg/day",
        "30 mcg/day",
    ]


# What it starts from


def test_the_librarys_alarm_volume_is_used_only_when_none_is_stated_and_is_said() -> None:
    for pump, alarm in (("synchromed-ii-20", "2 mL"), ("prometra-ii-20", "3 mL")):
        found = _choose(choice(pump=pump, low_reservoir_alarm_volume=None))
        given = lines(found)["low_reservoir_alarm_volume"]
        assert given.value == alarm
        assert given.source is not None
        assert "alarm-volume-not-stated" in notes(found)
    assert "alarm-volume-not-stated" not in notes(_choose(choice()))
    refusal(_NAME, choice(pump="synchromed-iii-20", low_reservoir_alarm_volume=None), "missing",
            "/low_reservoir_alarm_volume")  # fmt: skip


def test_where_both_the_library_and_the_request_know_how_long_it_keeps_the_earlier_counts() -> None:
    for stated, interval in (("60 day", "60 day"), ("84.5 day", "84 day"), ("200 day", "84 day")):
        found = _choose(_zinc(stability=stated, products=["prialt-25-20"]))
        assert found.answers["options"][0]["interval"] == interval
    refusal(_NAME, choice(drug="baclofen"), "stability-unknown", "/stability",
            _site(drug="baclofen", products=_baclofen()))  # type: ignore[arg-type]  # fmt: skip


def test_products_that_cannot_be_counted_are_set_aside_and_only_those() -> None:
    found = _choose(choice(drug="baclofen", daily_dose="100 mcg/day"))
    assert found.answers["options"] == []
    assert set(_why_not(found).values()) == {"vial-volume-unknown"}
    held = load().drugs["morphine"].products
    unread = replace(held[0].concentration, quantity=None, status="unknown")
    site = _site(products=(replace(held[0], concentration=unread), *held[1:]))  # type: ignore[arg-type]
    partly = _choose(choice(), site)
    assert _why_not(partly)["infumorph-200, any volume in 20 mL"] == "concentration-unknown"
    assert {product for product, _ in _ways(partly)} == {"infumorph-500", "mitigo-25", "mitigo-10"}


def test_whole_vials_are_tried_where_they_are_no_whole_millilitres() -> None:
    vial = _figure("ziconotide.products.1.volume", "0.7 mL", VOLUME, "information")
    products = tuple(
        replace(product, volume=vial) if product.id == "prialt-100-1" else product
        for product in load().drugs["ziconotide"].products
    )
    site = _site(drug="ziconotide", products=products)  # type: ignore[arg-type]
    found = _choose(_zinc(products=["prialt-100-1"], fill_volume="20 mL"), site)
    # 0.7 mL: 3.5 mcg/mL lasts 26 days. 1.4 mL: 7 mcg/mL would last 52 and keeps for 40: two vials hold 140 mcg.
    assert _ways(found) == [("prialt-100-1", "1.4 mL"), ("prialt-100-1", "0.7 mL")]
    assert [(row["interval"], row["vials"], row["waste"]) for row in found.answers["options"]] == [
        ("40 day", 2, "44 mcg"),
        ("26 day", 1, "7.6 mcg"),
    ]


def test_a_strength_that_nobody_lists_as_undiluted_keeps_as_a_diluted_one() -> None:
    odd = _figure("ziconotide.products.0.concentration", "30 mcg/mL", CONCENTRATION, "information")
    first, *others = load().drugs["ziconotide"].products
    site = _site(drug="ziconotide", products=(replace(first, concentration=odd), *others))  # type: ignore[arg-type]
    for library, interval in ((load(), "84 day"), (site, "40 day")):
        found = _choose(_zinc(products=["prialt-25-20"]), library)
        assert found.answers["options"][-1]["stock_volume"] == "20 mL"
        assert found.answers["options"][-1]["interval"] == interval


def test_products_are_tried_as_named_and_equals_are_all_listed_in_thatchoice() -> None:
    for named in (["mitigo-25", "infumorph-500"], ["infumorph-500", "mitigo-25"]):
        assert [product for product, _ in _ways(_choose(choice(products=named)))] == named


@pytest.mark.parametrize(
    ("change", "code", "pointer"),
    [
        ({"drug": "bupivacaine", "stability": "30 day"}, "no-product", "/drug"),
        ({"drug": "morphin"}, "unknown-drug", "/drug"),
        ({"pump": "synchromed"}, "unknown-pump", "/pump"),
        ({"products": ["infumorph-200", "prialt-25-20"]}, "unknown-product", "/products/1"),
        ({"products": ["infumorph-200", "infumorph-200"]}, "duplicate", "/products/1"),
        ({"products": []}, "wrong-type", "/products"),
        ({"products": ["infumorph 200"]}, "identifier-format", "/products/0"),
        ({"highest_planned_dose": "9.999 mg/day"}, "out-of-range", "/highest_planned_dose"),
        ({"highest_planned_dose": "12 mg/mL"}, "wrong-kind", "/highest_planned_dose"),
        ({"wanted_interval": "0 day"}, "zero", "/wanted_interval"),
        ({"stability": "0"}, "zero", "/stability"),
        ({"fill_volume": "2 mL"}, "out-of-range", "/low_reservoir_alarm_volume"),
        ({"fill_volume": "2 mL", "low_reservoir_alarm_volume": None}, "out-of-range", "/fill_volume"),
        ({"pump": "synchromed-iii-40", "fill_volume": "40.1 mL"}, "out-of-range", "/fill_volume"),
        ({"naive_pump": "yes"}, "wrong-type", "/naive_pump"),
    ],
)
def test_what_cannot_be_answered_is_refused_at_its_field(change: dict[str, Any], code: str, pointer: str) -> None:
    refusal(_NAME, choice(**change), code, pointer)


def test_a_pump_of_which_nothing_is_known_is_answered_with_all_that_was_not_checked() -> None:
    found = _choose(choice(pump="synchromed-iii-40", fill_volume="40 mL"))
    assert found.answers["options"]
    unknown = {"reservoir_volume", "minimum_flow_rate", "maximum_flow_rate", "flow_step", "maximum_refill_interval"}
    assert {f"synchromed-iii-40.{name}" for name in unknown} <= set(found.unknown)


# Formulas, and the draft


def test_what_is_left_is_worked_by_hand() -> None:
    """Definition: two vials of 5 mL at 100 mcg/mL, 7 mL drawn: 300 mcg stay. 20 mL at 35 mcg/mL less 40 x 2.4: 604."""
    vials, holds, drawn, strength = Fraction(2), Fraction(5), Fraction(7), Fraction(100)
    assert (
        formulas.left_in_vials(vials=vials, vial_volume=holds, stock_volume=drawn, stock_concentration=strength) == 300
    )
    fill, made, days, dose = Fraction(20), Fraction(35), Fraction(40), Fraction("2.4")
    assert formulas.left_in_pump(fill_volume=fill, concentration=made, interval=days, daily_dose=dose) == 604
    assert formulas.change_of_dose(daily_dose=Fraction("9.5"), previous_daily_dose=Fraction(10)) == Fraction(-1, 20)


@pytest.mark.parametrize("name", ["left_in_vials", "left_in_pump"])
def test_what_is_left_of_one_drug_is_not_counted_with_another(name: str) -> None:
    units = {
        argument: pattern.text.replace("[X]", "[morphine]") for argument, pattern in FORMULAS[name].arguments.items()
    }
    assert FORMULAS[name].unit(units) is not None
    last = [argument for argument, unit in units.items() if "morphine" in unit][-1]
    assert FORMULAS[name].unit(units | {last: "mL/day"}) is None
    if name != "left_in_vials":  # which has one drug only
        assert FORMULAS[name].unit(units | {last: units[last].replace("morphine", "ziconotide")}) is None


def test_a_draft_gives_the_same_numbers_and_keeps_no_line() -> None:
    draft = Draft(_NAME, load(), {})
    dose = draft.given("daily_dose", read("10 mg/day", DAILY_DOSE), "morphine")
    strength = draft.given("concentration", read("20 mg/mL", CONCENTRATION), "morphine")
    volumes = {
        name: draft.given(name, read(f"{mL} mL", VOLUME)) for name, mL in (("fill_volume", 20), ("alarm_volume", 1))
    }
    days = draft.step(
        formulas.days_to_low_reservoir_alarm, daily_dose=dose, concentration=strength, show="day", **volumes
    )
    assert (str(days), str(draft.whole("whole", days)), str(draft.least("least", [days, days], "day"))) == (
        "38 day", "38 day", "38 day"
    )  # fmt: skip
    record = draft.finish()
    assert (record.given, record.steps, record.answers) == ((), (), {})
