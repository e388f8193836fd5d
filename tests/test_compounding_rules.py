"""What a preparation must keep to: its products' uses, its syringe, its assay, and three clocks that stay apart."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from typing import Any

import pytest
from asking import exact, hard_hits, limit, lines, notes, refusal

from pumpcalc import Calculation, Refusal, calculate, library
from pumpcalc.printing import print_worksheet

_WHEN = {"compounded_at": "2026-11-25T23:30:00-05:00", "category": "2-aseptic-tested", "storage": "fridge"}


def _asked(drug: str = "morphine", /, **changes: Any) -> dict[str, Any]:
    """20 mL of morphine 10 mg/mL from Infumorph 500, with changes of the preparation and of its component."""
    component = {"drug": drug, "concentration": "10 mg/mL", "product": "infumorph-500"} | changes.pop("component", {})
    component = {field: value for field, value in component.items() if value is not None}
    return {"final_volume": "20 mL", "components": [component]} | changes


def _made(drug: str = "morphine", /, **changes: Any) -> Calculation:
    return calculate("compounding", _asked(drug, **changes))


def _ziconotide(strength: str, product: str, **changes: Any) -> Calculation:
    return _made("ziconotide", component={"concentration": strength, "product": product}, **changes)


# What each product is for


@pytest.mark.parametrize(
    ("drug", "product", "strength", "for_a_pump", "for_a_single_dose"),
    [
        ("morphine", "infumorph-200", "10 mg/mL", None, "hard"),
        ("morphine", "infumorph-500", "10 mg/mL", None, "hard"),
        ("morphine", "mitigo-10", "10 mg/mL", None, "hard"),
        ("morphine", "mitigo-25", "10 mg/mL", None, "hard"),
        ("morphine", "duramorph-500-mcg-per-ml", "0.5 mg/mL", "hard", None),
        ("morphine", "duramorph-1-mg-per-ml", "1 mg/mL", "hard", None),
        ("ziconotide", "prialt-25-20", "25 mcg/mL", None, "soft"),
        ("ziconotide", "prialt-100-5", "25 mcg/mL", None, "soft"),
    ],
)
def test_a_product_is_held_to_what_its_label_says_it_is_for(
    drug: str, product: str, strength: str, for_a_pump: str | None, for_a_single_dose: str | None
) -> None:
    for purpose, hit in (("pump", for_a_pump), ("single-dose", for_a_single_dose)):
        found = _made(drug, component={"concentration": strength, "product": product}, purpose=purpose)
        uses = limit(found, f"{drug}_product_uses")
        assert (uses.hit, uses.actual) == (hit is not None, purpose)
        assert hit in (None, uses.level)
        assert uses.source is not None


def test_the_purpose_is_a_pump_unless_another_is_stated() -> None:
    assert limit(_made(), "morphine_product_uses").actual == "pump"
    refusal("compounding", _asked(purpose="epidural"), "not-one-of", "/purpose")


def test_the_strongest_product_of_a_drug_is_the_strongest_of_those_for_pumps() -> None:
    for drug in library.load().drugs.values():
        for_pumps = [each.concentration.required().amount for each in drug.products if each.is_for_pumps]
        if for_pumps:
            assert drug.strongest_product.required().amount == max(for_pumps), drug.name


def test_a_stock_without_a_product_is_said_to_be_unchecked() -> None:
    found = _made(component={"product": None, "stock_concentration": "1 mg/mL", "concentration": "1 mg/mL"})
    assert {"product-not-named", "not-duramorph"} <= set(notes(found))
    assert "morphine_product_uses" not in [each.name for each in found.limits]
    assert not {"product-not-named", "not-duramorph"} & set(notes(_made()))


def test_a_use_that_nobody_has_read_is_not_checked_and_said_so() -> None:
    shipped = library.load()
    morphine = shipped.drugs["morphine"]
    unread = replace(morphine.products[1].uses, value=(), status="unknown")
    products = tuple(replace(each, uses=unread) for each in morphine.products)
    unknown = replace(shipped, drugs={**shipped.drugs, "morphine": replace(morphine, products=products)})
    found = calculate("compounding", _asked(), unknown)
    assert unread.name in found.unknown
    assert "morphine_product_uses" not in [each.name for each in found.limits]


@pytest.mark.parametrize(
    ("found", "codes"),
    [
        (_ziconotide("5 mcg/mL", "prialt-25-20"), {"diluent", "start-within-24-h"}),
        (_made(), {"microfilter", "precipitation", "diluent"}),
        (_made(component={"product": "mitigo-25"}), {"precipitation", "diluent"}),
        (_made("baclofen", component={"concentration": "500 mcg/mL", "product": None,
                                      "stock_concentration": "2000 mcg/mL"}), {"diluent"}),
    ],
    ids=["ziconotide", "infumorph", "mitigo", "baclofen"],
)  # fmt: skip
def test_the_monographs_cautions_for_a_preparation_are_shown(found: Calculation, codes: set[str]) -> None:
    about = {"microfilter", "diluent", "start-within-24-h", "precipitation"}
    assert set(notes(found)) & about == codes
    assert all(each.source is not None for each in found.notes if each.code in about)


def test_only_preservative_free_saline_thins_ziconotide() -> None:
    (told,) = [each.text for each in _ziconotide("5 mcg/mL", "prialt-25-20").notes if each.code == "diluent"]
    assert "only with preservative-free sodium chloride 0.9 %" in told


# What a syringe can measure


def test_a_volume_is_measurable_at_the_least_volume_and_not_below_it() -> None:
    at = _made(component={"concentration": "0.25 mg/mL"})
    below = _made(component={"concentration": "0.249999999 mg/mL"})
    for found, hit in ((at, False), (below, True)):
        least = limit(found, "minimum_measurable_volume_1")
        assert (least.hit, least.level, least.bound) == (hit, "soft", "0.2 mL")
        assert least.source is not None
        assert least.source.key == "pumpcalc-policy"


def test_a_diluent_too_small_to_measure_is_seen_and_none_is_not_looked_at() -> None:
    name = "minimum_measurable_volume_of_diluent"
    assert not limit(_made(component={"concentration": "24.75 mg/mL"}), name).hit
    assert limit(_made(component={"concentration": "24.750000001 mg/mL"}), name).hit
    assert name not in [each.name for each in _made(component={"concentration": "25 mg/mL"}).limits]


def test_the_least_volume_is_of_what_was_calculated_and_not_of_what_rounding_makes_of_it() -> None:
    found = _made(component={"concentration": "0.2 mg/mL"}, graduation="0.2 mL")
    assert exact(found, "measured_volume_1") == Fraction("0.2")
    assert limit(found, "minimum_measurable_volume_1").actual == "0.16 mL"
    assert limit(found, "minimum_measurable_volume_1").hit


def test_a_diluent_that_the_syringe_cannot_measure_is_said_to_be() -> None:
    for volume, told in (("20.5 mL", False), ("20.3 mL", True)):
        found = _made(final_volume=volume, graduation="0.5 mL")
        assert ("diluent-between-graduations" in notes(found)) is told
    assert "diluent-between-graduations" not in notes(_made(final_volume="20.3 mL"))


def test_a_sites_own_least_volume_replaces_the_librarys() -> None:
    kept, hit = (_made(minimum_measurable_volume=own) for own in ("8 mL", "8.000000001 mL"))
    assert [limit(each, "minimum_measurable_volume_1").hit for each in (kept, hit)] == [False, True]
    least = limit(kept, "minimum_measurable_volume_1")
    assert (least.bound, least.source, least.level) == ("8 mL", None, "soft")
    assert not limit(_made(component={"concentration": "0.1 mg/mL"}, minimum_measurable_volume="0.05 mL"),
                     "minimum_measurable_volume_1").hit  # fmt: skip


def _error(concentration: str, graduation: str, **changes: Any) -> Calculation:
    """40 mL from 10 mg/mL, so that 5 mg/mL is 20 mL of stock."""
    component = {"concentration": concentration, "product": None, "stock_concentration": "10 mg/mL"}
    return _made(component=component, final_volume="40 mL", graduation=graduation, **changes)


@pytest.mark.parametrize(
    ("concentration", "graduation", "error", "hit"),
    [
        ("5 mg/mL", "21 mL", "5 %", False),
        ("4.999999999 mg/mL", "21 mL", "5 %", True),
        ("5 mg/mL", "19 mL", "-5 %", False),
        ("5.000000001 mg/mL", "19 mL", "-5 %", True),
    ],
)
def test_the_concentration_that_is_made_may_be_5_percent_off_either_way(
    concentration: str, graduation: str, error: str, hit: bool
) -> None:
    found = _error(concentration, graduation)
    off = limit(found, "error_percent_at_most_1")
    assert (off.hit, off.level, off.bound) == (hit, "soft", "5 %")
    assert found.answers["components"][0]["error_percent"] == error
    assert exact(found, "error_size_1") == abs(exact(found, "error_percent_1"))


def test_a_sites_own_largest_error_replaces_the_librarys() -> None:
    for own, hit in (("5.000000001", False), ("5", False), ("4.999999999", True), ("0", True)):
        off = limit(_error("5 mg/mL", "21 mL", error_percent_at_most=own), "error_percent_at_most_1")
        assert (off.hit, off.source, off.level) == (hit, None, "soft")


def test_a_largest_error_without_a_graduation_would_bound_nothing_and_is_refused() -> None:
    refusal("compounding", _asked(error_percent_at_most="5"), "missing", "/graduation")
    for wrong, code in (("100", "out-of-range"), ("5 %", "number-format"), (5, "number-as-text")):
        refusal("compounding", _asked(graduation="0.5 mL", error_percent_at_most=wrong), code, "/error_percent_at_most")


def test_stocks_that_measure_more_than_the_preparation_are_refused() -> None:
    full = {"component": {"concentration": "25 mg/mL"}, "final_volume": "20.3 mL"}
    refusal("compounding", _asked(graduation="0.5 mL", **full), "infeasible", "/graduation")
    assert exact(_made(graduation="0.1 mL", **full), "diluent_volume") == 0


def test_a_vial_more_is_opened_when_the_syringe_rounds_past_it() -> None:
    asked: dict[str, Any] = {"final_volume": "25 mL", "component": {"concentration": "20 mg/mL"}}
    assert _made(**asked).answers["components"][0]["vials"] == 1
    assert exact(_made(**asked, graduation="0.3 mL"), "measured_volume_1") == Fraction("20.1")
    assert _made(**asked, graduation="0.3 mL").answers["components"][0]["vials"] == 2


# The laboratory's result


@pytest.mark.parametrize(
    ("assayed", "error", "hit"),
    [
        ("11.5 mg/mL", "15 %", False),
        ("11.500000001 mg/mL", "15 %", True),
        ("8.5 mg/mL", "-15 %", False),
        ("8.499999999 mg/mL", "-15 %", True),
        ("10 mg/mL", "0 %", False),
    ],
)
def test_an_assay_may_be_15_percent_off_either_way(assayed: str, error: str, hit: bool) -> None:
    found = _made(component={"assayed_concentration": assayed})
    accepted = limit(found, "assay_error_at_most_1")
    assert (accepted.hit, accepted.level, accepted.bound) == (hit, "soft", "15 %")
    assert accepted.source is not None
    assert accepted.source.key == "angers-assays"
    assert found.answers["components"][0]["assay_error_percent"] == error


def test_an_assay_is_held_against_what_was_wanted_and_not_against_what_was_measured() -> None:
    found = _made(component={"concentration": "10.1 mg/mL", "assayed_concentration": "10 mg/mL"}, graduation="0.5 mL")
    assert exact(found, "concentration_made_1") == 10
    assert exact(found, "assay_error_percent_1") == (Fraction(10) / Fraction("10.1") - 1) * 100


def test_a_thousandfold_assay_is_not_accepted() -> None:
    found = _made(component={"assayed_concentration": "10 mcg/mL"})
    assert limit(found, "assay_error_at_most_1").hit
    assert found.answers["components"][0]["assay_error_percent"] == "-99.9 %"


# Three clocks


def test_an_ingredient_may_be_used_on_the_day_it_expires_and_not_after() -> None:
    for expiry, hit in (("2026-11-25", False), ("2026-11-24", True)):
        found = _made(component={"expiry": expiry}, **_WHEN)
        first = limit(found, "earliest_ingredient_expiry")
        assert (first.hit, first.level, first.actual, first.bound) == (hit, "hard", "2026-11-25", expiry)
        assert ("earliest_ingredient_expiry" in hard_hits(found)) is hit


def test_the_day_of_compounding_is_the_day_where_it_was_compounded() -> None:
    found = _made(component={"expiry": "2026-11-25"}, **_WHEN | {"compounded_at": "2026-11-25T23:59:59-11:00"})
    assert lines(found)["compounded_on"].value == "2026-11-25"
    assert not limit(found, "earliest_ingredient_expiry").hit


def test_the_first_expiry_of_all_ingredients_counts_the_diluents_too() -> None:
    asked = _asked(component={"expiry": "2027-03-31"}, diluent_expiry="2026-12-24", **_WHEN)
    found = calculate("compounding", asked)
    assert found.answers["earliest_ingredient_expiry"] == "2026-12-24"
    later = calculate("compounding", asked | {"diluent_expiry": "2028-01-01"})
    assert later.answers["earliest_ingredient_expiry"] == "2027-03-31"


def test_an_ingredient_whose_expiry_is_not_stated_is_named() -> None:
    (told,) = [each.text for each in _made(component={"expiry": "2027-03-31"}, **_WHEN).notes
               if each.code == "expiry-not-stated"]  # fmt: skip
    assert told == "Nothing checked an expiry of the diluent: none is stated."
    both = _made(component={"expiry": "2027-03-31"}, diluent_expiry="2027-03-31", **_WHEN)
    assert "expiry-not-stated" not in notes(both)
    undiluted = _made(component={"expiry": "2027-03-31", "concentration": "25 mg/mL"}, **_WHEN)
    assert "expiry-not-stated" not in notes(undiluted)


def test_lots_are_kept_as_printed() -> None:
    found = _made(component={"lot": "B2043/17", "expiry": "2027-03-31"}, diluent_lot="0077.a", **_WHEN)
    told = [each.text for each in found.notes if each.code == "ingredient"]
    assert told == [
        "Ingredient: stock of morphine, lot B2043/17, expires 2027-03-31.",
        "Ingredient: diluent, lot 0077.a.",
    ]
    assert found.request["components"][0]["lot"] == "B2043/17"
    for lot in ("=1+1", "", "A B", "L\u00f6t", "x" * 41, 7):
        refusal("compounding", _asked(diluent_lot=lot), "lot-format", "/diluent_lot")


def test_the_clocks_need_the_moment_the_category_and_the_storage_together() -> None:
    for stated, value in _WHEN.items():
        missing = [f"/{name}" for name in _WHEN if name != stated]
        with pytest.raises(Refusal) as caught:
            _made(**{stated: value})
        assert [(each.code, each.pointer) for each in caught.value.problems] == [("missing", each) for each in missing]
    refusal("compounding", _asked(chemical_stability="5 day"), "missing", "/compounded_at")
    refusal("compounding", _asked(component={"expiry": "2027-03-31"}), "missing", "/compounded_at")
    refusal("compounding", _asked(diluent_expiry="2027-03-31"), "missing", "/compounded_at")
    assert "lot" not in _made(diluent_lot="A1").answers


def test_without_them_no_clock_is_shown() -> None:
    assert set(_made().answers) == {"components", "diluent_volume", "sum_of_fractions"}


@pytest.mark.parametrize("category", ["1", "2-aseptic-sterile-notest", "2-terminal-tested"])
@pytest.mark.parametrize("storage", ["room", "fridge"])
@pytest.mark.parametrize("stability", [None, "13 h", "20 day"])
def test_the_beyond_use_date_is_the_one_of_its_own_calculator(
    category: str, storage: str, stability: str | None
) -> None:
    asked = _WHEN | {"category": category, "storage": storage}
    asked |= {"chemical_stability": stability} if stability else {}
    alone = calculate("beyond-use-date", asked)
    found = _made(**asked)
    assert found.answers["beyond_use"] == alone.answers["beyond_use"]
    assert found.answers["beyond_use_binding"] == alone.answers["binding"]
    assert [each for each in found.notes if each.code == "begin-by"] == list(alone.notes)


def test_a_limit_of_the_chapter_that_nobody_has_read_is_refused_here_too() -> None:
    refusal("compounding", _asked(**_WHEN | {"category": "3-aseptic"}), "not-in-library", "/storage")
    refusal("compounding", _asked(**_WHEN | {"category": "4"}), "unknown-category", "/category")
    refusal("compounding", _asked(**_WHEN, chemical_stability="0 day"), "zero", "/chemical_stability")


def test_no_clock_moves_another() -> None:
    plain = _ziconotide("5 mcg/mL", "prialt-25-20", **_WHEN)
    names = ("beyond_use", "in_pump_stability")
    expired = _made("ziconotide", component={"concentration": "5 mcg/mL", "product": "prialt-25-20",
                                             "expiry": "2026-11-25"}, **_WHEN)  # fmt: skip
    assert [plain.answers[name] for name in names] == [expired.answers[name] for name in names]
    assert "expires-before-beyond-use" in notes(expired)
    begun_soon = _ziconotide("5 mcg/mL", "prialt-25-20", **_WHEN, chemical_stability="1 h")
    assert begun_soon.answers["in_pump_stability"] == plain.answers["in_pump_stability"]
    assert begun_soon.answers["beyond_use"] == "2026-11-26T00:30:00-05:00"
    (told,) = [each.text for each in begun_soon.notes if each.code == "begin-by"]
    assert "must begin before 2026-11-26T00:30:00-05:00. That does not shorten the interval in the pump" in told


def test_an_expiry_on_the_last_day_to_begin_is_not_before_it() -> None:
    found = _made(component={"expiry": "2026-11-26"}, **_WHEN, chemical_stability="1 h")
    assert found.answers["beyond_use"] == "2026-11-26T00:30:00-05:00"
    assert "expires-before-beyond-use" not in notes(found)


@pytest.mark.parametrize(
    ("strength", "product", "rows"),
    [
        ("25 mcg/mL", "prialt-25-20", {"naive": "14 day", "undiluted": "84 day"}),
        ("100 mcg/mL", "prialt-100-5", {"undiluted": "84 day"}),
        ("5 mcg/mL", "prialt-25-20", {"diluted": "40 day"}),
        ("25 mcg/mL", "prialt-100-5", {"diluted": "40 day"}),
    ],
)
def test_the_stability_in_the_pump_is_of_the_fills_that_this_preparation_can_be(
    strength: str, product: str, rows: dict[str, str]
) -> None:
    found = _ziconotide(strength, product, **_WHEN)
    assert {row["fill_kind"]: row["stability"] for row in found.answers["in_pump_stability"]} == rows


def test_the_stability_of_morphine_is_of_any_fill_and_of_a_mixture_unknown() -> None:
    assert _made(**_WHEN).answers["in_pump_stability"] == [{"fill_kind": "any", "stability": "90 day"}]
    asked = _asked(**_WHEN)
    asked["components"].append({"drug": "baclofen", "concentration": "200 mcg/mL", "stock_concentration": "2 mg/mL"})
    mixed = calculate("compounding", asked)
    assert mixed.answers["in_pump_stability"] == [{"fill_kind": "any", "stability": "unknown"}]
    assert "in-pump-stability-unknown" in notes(mixed)


def test_a_single_dose_has_no_stability_in_a_pump() -> None:
    assert "in_pump_stability" not in _made(purpose="single-dose", **_WHEN).answers


# What a pocket fill would be


def _large(found: Calculation) -> list[str]:
    page = print_worksheet(found).splitlines()
    first, last = [n for n, line in enumerate(page) if set(line.strip()) == {"="}]
    return [line.strip() for line in page[first + 1 : last]]


def test_the_drug_in_the_syringe_is_printed_large_in_both_units_and_once() -> None:
    found = _made(component={"concentration": "20 mg/mL"}, overfill="2 mL")
    assert _large(found) == ["IN THE SYRINGE FOR THE PUMP: 400 mg MORPHINE (400000 mcg)"]
    assert print_worksheet(found).count("IN THE SYRINGE") == 1
    assert found.answers["components"][0]["mass_in_final_volume"] == "400 mg"
    assert found.answers["components"][0]["drug_mass"] == "440 mg"
    assert exact(found, "mass_in_final_volume_mcg_1") == 400_000
    assert "pocket-fill" in notes(found)


def test_each_drug_is_printed_large_and_a_look_alike_name_keeps_its_tall_letters() -> None:
    components = [
        {"drug": "ziconotide", "concentration": "5 mcg/mL", "product": "prialt-25-20"},
        {"drug": "hydromorphone", "concentration": "0.2 mg/mL", "stock_concentration": "10 mg/mL"},
    ]
    assert _large(calculate("compounding", {"final_volume": "20 mL", "components": components})) == [
        "IN THE SYRINGE FOR THE PUMP: 0.1 mg ZICONOTIDE (100 mcg)",
        "IN THE SYRINGE FOR THE PUMP: 4 mg HYDROmorphone (4000 mcg)",
    ]


def test_the_syringe_holds_what_was_measured_and_not_what_was_wanted() -> None:
    found = _error("5 mg/mL", "21 mL")
    assert _large(found) == ["IN THE SYRINGE FOR THE PUMP: 210 mg MORPHINE (210000 mcg)"]


def test_a_single_dose_is_for_no_pump_and_no_pocket() -> None:
    component = {"concentration": "0.5 mg/mL", "product": "duramorph-500-mcg-per-ml"}
    found = _made(component=component, final_volume="1 mL", purpose="single-dose")
    assert _large(found) == ["IN THE SYRINGE FOR A SINGLE DOSE: 0.5 mg MORPHINE (500 mcg)"]
    assert "pocket-fill" not in notes(found)
    assert hard_hits(found) == []


def test_a_wide_table_is_turned_so_that_it_fits_the_page() -> None:
    page = print_worksheet(_made(graduation="0.5 mL", component={"assayed_concentration": "10 mg/mL"}))
    table = page.partition("\n  components\n")[2].partition("\n\n")[0].splitlines()
    assert table[0].split() == ["drug", "morphine"]
    assert "assay error percent" in table[-3]
    assert max(len(line) for line in table) <= 110
