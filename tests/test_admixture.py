"""Mixtures: one flow for every drug, a ceiling for each, days that were read and not reckoned, a statement to read."""

from __future__ import annotations

import shutil
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from asking import days_of, exact, fill, hard_hits, limit, lines, notes, refusal, solution
from drawing import numbers
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from pumpcalc import Calculation, LibraryDefect, Refusal, calculate
from pumpcalc.library import load, shipped_folder

_PAIR = solution("ziconotide", "1 mcg/mL", "morphine", "10 mg/mL")
_DOSE = {"ziconotide": "0.5 mcg/day", "baclofen": "100 mcg/day"}


def _mixed(*pairs: str, **more: Any) -> Calculation:
    dose = _DOSE.get(pairs[0], "1 mg/day")
    return calculate("admixture-dose", {"components": solution(*pairs), "daily_dose": dose} | more)


def _filled(*pairs: str, **more: Any) -> Calculation:
    return calculate("refill-schedule", _fill(*pairs, **more))


def _fill(*pairs: str, **more: Any) -> dict[str, Any]:
    return fill(components=solution(*pairs), daily_dose=_DOSE.get(pairs[0], "1 mg/day"), **more)


def _with_morphine(strength: str, **more: Any) -> dict[str, Any]:
    return _fill("ziconotide", "1 mcg/mL", "morphine", strength, **more)


def _text(found: Calculation, code: str) -> str:
    (text,) = [note.text for note in found.notes if note.code == code]
    return text


# One flow


@given(numbers("0.1", "30"), numbers("0.1", "30"), numbers("0.1", "30"), numbers("0.05", "20"))
def test_every_dose_is_exactly_the_one_flow_times_its_concentration(one: str, two: str, three: str, dose: str) -> None:
    mixed = solution("morphine", f"{one} mg/mL", "bupivacaine", f"{two} mg/mL", "clonidine", f"{three} mg/mL")
    found = calculate("admixture-dose", {"components": mixed, "daily_dose": f"{dose} mg/day"})
    flow = exact(found, "flow_rate")
    assert flow * Fraction(one) == exact(found, "daily_dose") == Fraction(dose)
    assert flow * Fraction(two) == exact(found, "daily_dose_2")
    assert flow * Fraction(three) == exact(found, "daily_dose_3")


# A change


@given(numbers("0.1", "20"), numbers("0.1", "20"))
def test_a_change_moves_every_drug_by_the_same_part(before: str, after: str) -> None:
    found = _mixed("morphine", "10 mg/mL", "bupivacaine", "20 mg/mL",
                   daily_dose=f"{after} mg/day", previous_daily_dose=f"{before} mg/day")  # fmt: skip
    change = (Fraction(after) / Fraction(before) - 1) * 100
    assert exact(found, "change_percent_1") == exact(found, "change_percent_2") == change
    assert exact(found, "previous_daily_dose_2") == 2 * Fraction(before)
    assert ("change-moves-every-drug" in notes(found)) is (Fraction(before) != Fraction(after))


def test_every_ceiling_is_that_of_the_new_dose() -> None:
    mixed = ("morphine", "1 mg/mL", "ziconotide", "19.2 mcg/mL")
    for dose, over in (("1 mg/day", []), ("1.000000001 mg/day", ["maximum_daily_dose"])):
        found = _mixed(*mixed, daily_dose=dose, previous_daily_dose="0.9 mg/day")
        assert hard_hits(found) == over
        assert "maximum_daily_dose" in [each.name for each in found.limits]
    assert _text(found, "change-moves-every-drug") == (
        "This change moves morphine from 0.9 mg/day to 1 mg/day, ziconotide from 17.28 mcg/day to 19.2 mcg/day. "
        "Each limit is that of the new dose."
    )


def test_a_change_by_ten_is_read_back_as_a_slip() -> None:
    assert "slip-against-last" in notes(_mixed("morphine", "10 mg/mL", "baclofen", "1 mg/mL", daily_dose="5 mg/day",
                                               previous_daily_dose="0.5 mg/day"))  # fmt: skip


def test_a_previous_dose_that_is_no_dose_is_refused() -> None:
    asked = {"components": _PAIR, "daily_dose": "0.5 mcg/day", "previous_daily_dose": "0 mcg/day"}
    refusal("admixture-dose", asked, "zero", "/previous_daily_dose")


# Stocks


def _of_stock(*rows: tuple[str, str, str]) -> dict[str, Any]:
    components = [
        {"drug": drug, "concentration": wanted, "product" if stock[0].isalpha() else "stock_concentration": stock}
        for drug, wanted, stock in rows
    ]
    return {"components": components, "daily_dose": "1 mg/day"}


@given(st.integers(1, 30), st.integers(1, 30), st.integers(1, 30), st.integers(1, 30))
def test_a_mixture_can_be_made_if_and_only_if_its_parts_are_at_most_the_whole(a: int, s: int, b: int, t: int) -> None:
    asked = _of_stock(("morphine", f"{a} mg/mL", f"{s} mg/mL"), ("bupivacaine", f"{b} mg/mL", f"{t} mg/mL"))
    found = calculate("admixture-dose", asked)
    together = Fraction(a, s) + Fraction(b, t)
    assert exact(found, "sum_of_fractions") == together
    assert limit(found, "sum_of_fractions").hit is (together > 1) is ("infeasible" in notes(found))
    made = {"final_volume": "20 mL", "components": asked["components"]}
    try:
        assert exact(calculate("compounding", made), "sum_of_fractions") == together <= 1
    except Refusal:
        assert together > 1


def test_the_whole_is_the_bound_of_the_parts() -> None:
    full = [("morphine", "12.5 mg/mL", "infumorph-500"), ("baclofen", "1000 mcg/mL", "lioresal-2000")]
    at = calculate("admixture-dose", _of_stock(*full))
    past = calculate("admixture-dose", _of_stock(full[0], ("baclofen", "1000.000000001 mcg/mL", "lioresal-2000")))
    for found, hit in ((at, False), (past, True)):
        assert (limit(found, "sum_of_fractions").level, limit(found, "sum_of_fractions").hit) == ("hard", hit)
    assert at.answers["sum_of_fractions"] == "1"


@pytest.mark.parametrize(
    ("change", "code", "pointer"),
    [
        ({"stock_concentration": None}, "missing", "/components/1/stock_concentration"),
        ({"product": "lioresal-2000"}, "one-of-two", "/components/1/product"),
        ({"stock_concentration": None, "product": "nothing"}, "unknown-product", "/components/1/product"),
        ({"stock_concentration": "2 mg"}, "wrong-kind", "/components/1/stock_concentration"),
        ({"stock_concentration": "0 mg/mL"}, "zero", "/components/1/stock_concentration"),
    ],
)
def test_a_stock_is_stated_once_and_for_every_drug(change: dict[str, Any], code: str, pointer: str) -> None:
    asked = _of_stock(("morphine", "10 mg/mL", "25 mg/mL"), ("baclofen", "500 mcg/mL", "2 mg/mL"))
    asked["components"][1] = {k: v for k, v in (asked["components"][1] | change).items() if v is not None}
    refusal("admixture-dose", asked, code, pointer)


# How long it keeps: the next higher row, never between two, never above the highest


@pytest.mark.parametrize(
    ("morphine", "days", "to_80"),
    [
        ("0.000000001 mg/mL", 34, 65),
        ("9.999999999 mg/mL", 34, 65),
        ("10 mg/mL", 34, 65),
        ("10000 mcg/mL", 34, 65),
        ("10.000000001 mg/mL", 19, 37),
        ("15 mg/mL", 19, 37),
        ("20 mg/mL", 19, 37),
    ],
)
def test_ziconotide_is_held_to_the_next_higher_morphine_that_was_studied(morphine: str, days: int, to_80: int) -> None:
    due = calculate("refill-schedule", _with_morphine(morphine))
    assert days_of(due)["in-pump-stability"] == days
    found = _mixed("ziconotide", "1 mcg/mL", "morphine", morphine)
    assert found.answers["in_pump_stability"] == f"{days} day"
    (row,) = [row for row in found.answers["stability"] if row["remaining"] == "80 %"]
    assert row["days"] == to_80
    for shown in (due, found):
        assert f"80 % left after {to_80} day" in _text(shown, "mixture-stability")
        assert [each for each in shown.unknown if each.endswith("at_most.ziconotide")], "its strength was not read"


def test_above_20_mg_per_ml_of_morphine_there_are_no_data() -> None:
    asked = _with_morphine("20.000000001 mg/mL")
    problem = refusal("refill-schedule", asked, "stability-unknown", "/stability")
    assert "ziconotide with morphine" in problem.detail
    assert "no data above 20 mg/mL of morphine" in problem.detail
    found = _mixed("ziconotide", "1 mcg/mL", "morphine", "20.000000001 mg/mL")
    assert not {"in_pump_stability", "stability"} & set(found.answers)
    assert "ziconotide-morphine.in_pump_stability" in found.unknown
    assert "no data above 20 mg/mL of morphine" in _text(found, "stability-unknown")
    assert "stronger-partner" in notes(found)


def test_what_is_stated_above_the_data_is_the_clinics_own_and_outlasts_no_weaker_mixture() -> None:
    for stated, days in (("14 day", 14), ("19 day", 19), ("30 day", 19)):
        found = calculate("refill-schedule", _with_morphine("25 mg/mL", stability=stated))
        assert days_of(found)["in-pump-stability"] == days
        said = _text(found, "stability-stated-by-the-clinic")
        assert "no data above 20 mg/mL of morphine" in said
        assert f"{stated} stated is the clinic's own" in said
        assert "a stronger mixture keeps no longer" in _text(found, "mixture-stability")


def test_the_earlier_of_the_row_the_label_and_what_is_stated_counts() -> None:
    for more, days in (
        ({"stability": "30 day"}, 30), ({"stability": "60 day"}, 34), ({"fill_kind": "diluted"}, 34),
        ({"fill_kind": "naive", "stability": "60 day"}, 14),
    ):  # fmt: skip
        found = calculate("refill-schedule", _with_morphine("10 mg/mL", **more))
        assert days_of(found)["in-pump-stability"] == days
        assert "stability-stated-by-the-clinic" not in notes(found)


def test_which_drug_is_the_primary_does_not_change_how_long_they_keep() -> None:
    turned = _filled("morphine", "10 mg/mL", "ziconotide", "1 mcg/mL")
    assert days_of(turned)["in-pump-stability"] == 34


@pytest.mark.parametrize(
    ("baclofen", "morphine", "days"),
    [
        ("1.5 mg/mL", "7.5 mg/mL", 30),
        ("1000 mcg/mL", "15 mg/mL", 30),
        ("0.2 mg/mL", "21 mg/mL", 30),
        ("1.5 mg/mL", "7.499999999 mg/mL", None),
        ("1 mg/mL", "15.000000001 mg/mL", None),
        ("0.199999999 mg/mL", "21 mg/mL", None),
        ("0.2 mg/mL", "7.5 mg/mL", None),
        ("0.5 mg/mL", "5 mg/mL", None),
    ],
)
def test_baclofen_with_morphine_keeps_only_as_the_three_solutions_that_were_studied(
    baclofen: str, morphine: str, days: int | None
) -> None:
    asked = _fill("baclofen", baclofen, "morphine", morphine)
    if days is None:
        problem = refusal("refill-schedule", asked, "stability-unknown", "/stability")
        assert "baclofen 1.5 mg/mL with morphine 7.5 mg/mL; baclofen 1 mg/mL" in problem.detail
    else:
        assert days_of(calculate("refill-schedule", asked))["in-pump-stability"] == days


@pytest.mark.parametrize(
    ("pairs", "evidence", "warns"),
    [
        (("morphine", "5 mg/mL", "bupivacaine", "5 mg/mL", "clonidine", "0.1 mg/mL"), ["more than 96 % left, 90 day"],
         "not-at-body-temperature"),
        (("morphine", "5 mg/mL", "clonidine", "0.1 mg/mL"), ["at least 94 % left, 90 day", "in a pump at 37 C, 28 day"],
         "in-the-syringe"),
        (("baclofen", "1 mg/mL", "clonidine", "0.1 mg/mL"), ["at least 90 % left, 98 day"], None),
        (("sufentanil", "0.05 mg/mL", "clonidine", "0.1 mg/mL"), [], "unstable-mixture"),
        (("ziconotide", "1 mcg/mL", "hydromorphone", "1 mg/mL"), [], "degraded-in-a-sample"),
        (("ziconotide", "1 mcg/mL", "baclofen", "1 mg/mL"), [], "degraded-in-a-sample"),
        (("ziconotide", "1 mcg/mL", "hydromorphone", "1 mg/mL", "baclofen", "1 mg/mL"), [], "stable-in-a-sample"),
    ],
)  # fmt: skip
def test_what_was_read_without_its_concentrations_is_shown_and_never_used(
    pairs: tuple[str, ...], evidence: list[str], warns: str | None
) -> None:
    refusal("refill-schedule", _fill(*pairs), "stability-unknown", "/stability")
    found = _filled(*pairs, stability="14 day")
    assert days_of(found)["in-pump-stability"] == 14
    shown = [note for note in found.notes if note.code == "stability-evidence"]
    assert all(note.source is not None for note in shown)
    assert [any(said in note.text for note in shown) for said in evidence] == [True] * len(evidence)
    assert len(shown) == len(evidence)
    assert warns is None or warns in notes(found)
    assert "stability-stated-by-the-clinic" in notes(found)
    held = {line.removeprefix("in_pump_stability_of_") for line in lines(found) if "stability_of_" in line}
    assert held <= set(pairs[::2]), "nothing but what is held of each drug alone"


@pytest.mark.parametrize("partner", ["hydromorphone", "clonidine", "bupivacaine", "baclofen", "fentanyl", "sufentanil"])
def test_no_days_of_ziconotide_with_another_partner_were_read(partner: str) -> None:
    asked = _fill("ziconotide", "1 mcg/mL", partner, "0.5 mg/mL")
    assert partner in refusal("refill-schedule", asked, "stability-unknown", "/stability").detail.lower()
    found = _mixed("ziconotide", "1 mcg/mL", partner, "0.5 mg/mL")
    assert f"ziconotide-{partner}.in_pump_stability" in found.unknown


def test_a_mixture_without_a_file_in_the_library_is_unknown_by_its_name() -> None:
    found = _mixed("baclofen", "1 mg/mL", "bupivacaine", "5 mg/mL")
    assert "baclofen-bupivacaine.in_pump_stability" in found.unknown
    assert "in_pump_stability" not in found.answers


def test_a_drug_alone_of_which_nothing_is_held_shows_what_was_read() -> None:
    found = _filled("baclofen", "2000 mcg/mL", stability="60 day")
    assert len([note for note in found.notes if note.code == "stability-evidence"]) == 3
    assert "baclofen keeps in the pump. The 60 day stated is the clinic's own." in _text(
        found, "stability-stated-by-the-clinic"
    )


_PARTNERS = {"bupivacaine": "mg/mL", "clonidine": "mg/mL", "baclofen": "mg/mL", "hydromorphone": "mg/mL"}


def _keeps(request: dict[str, Any]) -> Fraction:
    """Days of the stability; below every number when it is refused."""
    try:
        return Fraction(days_of(calculate("refill-schedule", request))["in-pump-stability"])
    except Refusal as refused:
        if refused.problems[0].code != "stability-unknown":
            raise
        return Fraction(-1)


_STATED = st.none() | st.integers(1, 120).map(lambda days: f"{days} day")
_KIND = st.sampled_from((None, "naive", "diluted"))


@settings(max_examples=100)
@given(numbers("0.1", "40", 2), numbers("0.1", "40", 2), _STATED, _KIND)
def test_more_of_the_partner_never_keeps_longer(one: str, other: str, stated: str | None, kind: str | None) -> None:
    low, high = sorted((one, other), key=Fraction)
    less, more = (_keeps(_with_morphine(f"{c} mg/mL", stability=stated, fill_kind=kind)) for c in (low, high))
    assert more <= less


@settings(max_examples=100)
@given(
    st.sampled_from((("ziconotide", "1 mcg/mL"), ("ziconotide", "1 mcg/mL", "morphine", "10 mg/mL"),
                     ("morphine", "20 mg/mL"), ("morphine", "21 mg/mL", "baclofen", "0.2 mg/mL"),
                     ("ziconotide", "1 mcg/mL", "morphine", "30 mg/mL"))),
    st.sampled_from(tuple(_PARTNERS)), numbers("0.1", "5", 1), _STATED,
)  # fmt: skip
def test_one_more_partner_never_lengthens_the_interval(
    pairs: tuple[str, ...], partner: str, strength: str, stated: str | None
) -> None:
    kind = "diluted" if pairs[0] == "ziconotide" else None
    assume(partner not in pairs)
    before = _keeps(_fill(*pairs, stability=stated, fill_kind=kind))
    after = _keeps(_fill(*pairs, partner, f"{strength} mg/mL", stability=stated, fill_kind=kind))
    assert after <= before or before < 0, "what was refused alone may be stated of the two"


def test_a_part_that_was_studied_bounds_the_mixture_that_holds_it() -> None:
    three = ("ziconotide", "1 mcg/mL", "morphine", "20 mg/mL", "bupivacaine", "5 mg/mL")
    refusal("refill-schedule", _fill(*three), "stability-unknown", "/stability")
    found = _filled(*three, stability="60 day")
    assert days_of(found)["in-pump-stability"] == 19
    assert "in_pump_stability" not in _mixed(*three).answers, "a part does not stand for the whole"


def test_the_days_are_those_of_the_library_that_is_named(tmp_path: Path) -> None:
    shutil.copytree(shipped_folder(), tmp_path / "site")
    file = tmp_path / "site" / "mixtures" / "ziconotide-morphine.toml"
    file.write_text(file.read_text(encoding="utf-8").replace('"34 day"', '"21 day"'), encoding="utf-8")
    found = calculate("refill-schedule", _with_morphine("10 mg/mL"), load(tmp_path / "site"))
    assert days_of(found)["in-pump-stability"] == 21


def test_two_files_on_the_same_drugs_do_not_load(tmp_path: Path) -> None:
    shutil.copytree(shipped_folder(), tmp_path / "site")
    folder = tmp_path / "site" / "mixtures"
    text = (folder / "ziconotide-fentanyl.toml").read_text(encoding="utf-8")
    text = text.replace('"ziconotide", "fentanyl"', '"fentanyl", "ziconotide"').replace("ziconotide-f", "f", 1)
    (folder / "fentanyl-ziconotide.toml").write_text(text.replace('"fentanyl"', '"fentanyl-ziconotide"', 1))
    with pytest.raises(LibraryDefect, match=r"ziconotide-fentanyl.toml: drugs: stand in mixtures/fentanyl-ziconotide"):
        load(tmp_path / "site")


# The statement of 2018


_DOORS = {
    "admixture-dose": {"daily_dose": "0.5 mcg/day"},
    "refill-schedule": {field: value for field, value in fill(stability="14 day").items() if field != "components"},
    "compounding": {"final_volume": "20 mL"},
}


def _asked(door: str, *pairs: str, **more: Any) -> Calculation:
    components: list[dict[str, str]] = solution(*pairs)
    if door == "compounding":
        components = [each | {"stock_concentration": "100 mg/mL"} for each in components]
    dose = {} if door == "compounding" else {"daily_dose": _DOSE.get(pairs[0], "1 mg/day")}
    kind = {"fill_kind": "diluted"} if door == "refill-schedule" and pairs[0] == "ziconotide" else {}
    return calculate(door, _DOORS[door] | dose | kind | {"components": components} | more)


@pytest.mark.parametrize("door", _DOORS)
@pytest.mark.parametrize(
    ("pairs", "told"),
    [
        (("morphine", "10 mg/mL"), False),
        (("ziconotide", "5 mcg/mL"), False),
        (("baclofen", "1 mg/mL"), False),
        (("hydromorphone", "1 mg/mL"), True),
        (("fentanyl", "1 mg/mL"), True),
        (("sufentanil", "1 mg/mL"), True),
        (("bupivacaine", "1 mg/mL"), True),
        (("clonidine", "1 mg/mL"), True),
        (("ziconotide", "5 mcg/mL", "morphine", "10 mg/mL"), True),
        (("baclofen", "1 mg/mL", "morphine", "15 mg/mL"), True),
    ],
)
def test_a_mixture_and_a_drug_not_approved_for_pain_are_told_and_acknowledged(
    door: str, pairs: tuple[str, ...], *, told: bool
) -> None:
    found = _asked(door, *pairs)
    assert ({"off-label", "fda-2018", "off-label-failures"} <= set(notes(found))) is told
    if not told:
        assert not [each for each in found.limits if each.name == "fda_2018_statement"]
        assert not {"off-label", "fda-2018"} & set(notes(found))
        return
    asked = limit(found, "fda_2018_statement")
    assert (asked.actual, asked.rule, asked.level, asked.hit) == ("not acknowledged", "one of", "soft", True)
    read = limit(_asked(door, *pairs, acknowledged=["fda-2018"]), "fda_2018_statement")
    assert (read.actual, read.hit) == ("acknowledged", False)
    assert read.source is not None
    assert read.source.key == "fda-pump-drugs-2018-11-14"


def test_the_notice_says_what_is_off_label() -> None:
    assert _text(_mixed("morphine", "10 mg/mL", "bupivacaine", "5 mg/mL", "clonidine", "0.1 mg/mL"), "off-label") == (
        "Off label: morphine with bupivacaine and cloNIDine is a mixture; "
        "not approved for intrathecal infusion for pain: bupivacaine, cloNIDine."
    )
    assert _text(_mixed("clonidine", "1 mg/mL"), "off-label") == (
        "Off label: not approved for intrathecal infusion for pain: cloNIDine."
    )


def test_the_statements_are_as_read() -> None:
    said = {name: (each.value, each.source, each.status) for name, each in load().statements.items()}
    assert said == {
        "fda-2018": (
            "FDA, 14 November 2018: of the drugs for pain, only morphine of the Infumorph type and Prialt (ziconotide) "
            "are approved for implanted pumps, and Prialt not for every pump. Hydromorphone, bupivacaine, fentanyl, "
            "clonidine, any mixture and any compounded drug are not.", "fda-pump-drugs-2018-11-14", "secondary copy"),
        "off-label-failures": (
            "Pumps with drugs that they are not approved for failed more often: 7 % against 2.4 % by 78 months.",
            "fda-pump-failures-2012", "secondary copy"),
    }  # fmt: skip


@pytest.mark.parametrize("said", [["fda-2017"], ["FDA-2018"], [2018], "fda-2018", {"fda-2018": True}, None])
def test_only_a_statement_that_was_shown_can_be_acknowledged(said: Any) -> None:
    code = "not-one-of" if isinstance(said, list) else "wrong-type"
    asked = {"components": _PAIR, "daily_dose": "0.5 mcg/day", "acknowledged": said}
    refusal("admixture-dose", asked, code, "/acknowledged")


# A missed refill


@pytest.mark.parametrize(
    ("pairs", "worst"),
    [
        (("ziconotide", "1 mcg/mL", "morphine", "10 mg/mL"), "high, as its worst: morphine"),
        (("ziconotide", "1 mcg/mL", "bupivacaine", "10 mg/mL"), "analgesia-loss, as its worst: ziconotide"),
        (
            ("morphine", "10 mg/mL", "bupivacaine", "5 mg/mL", "clonidine", "0.1 mg/mL"),
            "critical, as its worst: cloNIDine",
        ),
        (("baclofen", "1 mg/mL", "morphine", "15 mg/mL"), "critical, as its worst: baclofen"),
    ],
)
def test_a_missed_refill_of_a_mixture_is_as_bad_as_that_of_its_worst(pairs: tuple[str, ...], worst: str) -> None:
    assert worst in _text(_filled(*pairs, stability="14 day"), "missed-refill-of-the-mixture")
