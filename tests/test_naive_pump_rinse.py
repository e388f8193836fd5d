"""The rinses of a new pump: what they take of the vial, and what may be used for them."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from typing import Any

import pytest
from asking import exact, hard_hits, limit, notes, refusal
from hypothesis import given
from hypothesis import strategies as st

from pumpcalc import Calculation, calculate, library
from pumpcalc.library import Library
from pumpcalc.quantities import VOLUME, read


def _asked(**changes: Any) -> dict[str, Any]:
    return {"drug": "ziconotide", "product": "prialt-25-20"} | changes


def _rinsed(shelf: Library | None = None, /, **changes: Any) -> Calculation:
    return calculate("naive-pump-rinse", _asked(**changes), shelf)


def _shelf(*, rinses: list[str] | None = None, reservoir: str | None = None) -> Library:
    """The shipped library with other rinses, or a pump with another reservoir."""
    shelf = library.load()
    if rinses is not None:
        drug = shelf.drugs["ziconotide"]
        facts = tuple(
            replace(drug.naive_rinse[0], name=f"ziconotide.naive_rinse.{n}", quantity=read(each, VOLUME))
            for n, each in enumerate(rinses)
        )
        shelf = replace(shelf, drugs={**shelf.drugs, "ziconotide": replace(drug, naive_rinse=facts)})
    if reservoir is not None:
        pump = shelf.pumps["synchromed-ii-20"]
        held = replace(pump.reservoir_volume, quantity=read(reservoir, VOLUME))
        shelf = replace(shelf, pumps={**shelf.pumps, pump.name: replace(pump, reservoir_volume=held)})
    return shelf


@given(st.lists(st.integers(1, 500), min_size=1, max_size=9))
def test_what_rinses_and_what_is_left_are_the_vial(hundredths: list[int]) -> None:
    total = Fraction(sum(hundredths), 100)
    shelf = _shelf(rinses=[f"{n / 100:.2f} mL" for n in hundredths])
    if total >= 20:
        refusal("naive-pump-rinse", _asked(), "vial-too-small", "/product", shelf)
        return
    found = _rinsed(shelf)
    assert exact(found, "rinse_volume") == total
    assert exact(found, "rinse_volume") + exact(found, "left_to_fill") == 20
    assert exact(found, "drug_discarded") + exact(found, "left_to_fill_mass") == 500
    left = [exact(found, f"remaining_{n}") for n in range(1, len(hundredths) + 1)]
    assert left == sorted(left, reverse=True)
    assert left[-1] == exact(found, "left_to_fill")
    assert [row["rinse"] for row in found.answers["remaining"]] == list(range(1, len(hundredths) + 1))


def test_a_rinse_of_the_whole_vial_leaves_nothing_and_is_refused() -> None:
    assert exact(_rinsed(_shelf(rinses=["19.999999999 mL"])), "left_to_fill") == Fraction(1, 10**9)
    refusal("naive-pump-rinse", _asked(), "vial-too-small", "/product", _shelf(rinses=["20 mL"]))
    refusal("naive-pump-rinse", _asked(product="prialt-100-5"), "vial-too-small", "/product")


def test_fewer_rinses_than_the_labels_are_answered_and_marked() -> None:
    for rinses, hit in (("3", False), ("2", True), (1, True)):
        found = _rinsed(rinses=rinses)
        label = limit(found, "rinses")
        assert (label.hit, label.level, label.bound) == (hit, "soft", "3")
        assert label.source is not None
        assert label.source.key == "prialt-pump-use-page"
    assert exact(found, "left_to_fill") == 18
    assert exact(_rinsed(), "rinses") == 3


@pytest.mark.parametrize(
    ("rinses", "code"),
    [("4", "out-of-range"), ("0", "whole-number"), ("1.5", "whole-number"), ("-1", "number-format"),
     (True, "number-as-text"), ("many", "number-format")],
)  # fmt: skip
def test_a_number_of_rinses_that_cannot_be_is_refused(rinses: Any, code: str) -> None:
    refusal("naive-pump-rinse", _asked(rinses=rinses), code, "/rinses")


def test_only_the_strength_for_a_new_pump_is_kept() -> None:
    assert not limit(_rinsed(), "ziconotide_fill_concentration").hit
    assert hard_hits(_rinsed(product="prialt-100-5", rinses="1")) == ["ziconotide_fill_concentration"]


def test_what_is_left_must_fit_into_the_pump() -> None:
    for reservoir, hit in (("14 mL", False), ("13.999999999 mL", True)):
        found = _rinsed(_shelf(reservoir=reservoir), pump="synchromed-ii-20")
        assert (limit(found, "reservoir_volume").hit, limit(found, "reservoir_volume").level) == (hit, "hard")


def test_the_pump_is_one_in_which_the_drug_is_indicated() -> None:
    assert not limit(_rinsed(pump="synchromed-ii-20"), "ziconotide_indicated_pumps").hit
    assert limit(_rinsed(pump="prometra-ii-20"), "ziconotide_indicated_pumps").hit


def test_the_rule_is_told_and_the_product_is_for_pumps() -> None:
    assert "naive-pump-rinse" in notes(_rinsed())
    assert limit(_rinsed(), "ziconotide_product_uses").actual == "pump"


def test_what_the_library_does_not_hold_is_refused_at_its_field() -> None:
    told = refusal("naive-pump-rinse", _asked(drug="morphine", product="infumorph-200"), "not-in-library", "/drug")
    assert "morphine" in told.detail
    refusal("naive-pump-rinse", _asked(product="infumorph-200"), "unknown-product", "/product")
    refusal("naive-pump-rinse", _asked(pump="synchromed-iv"), "unknown-pump", "/pump")
    refusal("naive-pump-rinse", {"drug": "ziconotide"}, "missing", "/product")
