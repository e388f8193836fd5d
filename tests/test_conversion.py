"""Oral opioids: counted by one named table, never a dose of ziconotide, and intrathecal only by a chosen ratio."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import pytest
from asking import exact, limit, notes, oral, refusal

from pumpcalc import calculate, library

_TABLES = ("anzca-2021", "cdc-2016", "cdc-2022", "heal-2025")


def _counted(*regimen: dict[str, str], table: str = "cdc-2022") -> Any:
    return calculate("oral-morphine-equivalent", {"table": table, "regimen": list(regimen)})


def _line(opioid: str, amount: str) -> dict[str, str]:
    return {"opioid": opioid, ("rate" if amount.endswith("mcg/h") else "daily_dose"): amount}


@pytest.mark.parametrize("table", _TABLES)
def test_every_factor_of_a_table_counts_as_printed(table: str) -> None:
    for opioid, fact in library.load().tables[table].factors.items():
        patch = library.load().opioids[opioid].taken_as == "rate"
        found = _counted(_line(opioid, "10 mcg/h" if patch else "10 mg/day"), table=table)
        printed = Fraction(str(fact.quantity).partition(" ")[0])
        assert exact(found, "oral_morphine_equivalent") == 10 * printed


def test_the_tables_disagree_and_are_never_mixed() -> None:
    line = _line("tapentadol", "500 mg/day")
    assert exact(_counted(line), "oral_morphine_equivalent") == 200
    assert exact(_counted(line, table="anzca-2021"), "oral_morphine_equivalent") == 150
    methadone = _counted(_line("methadone", "30 mg/day"), _line("morphine", "10 mg/day"), table="anzca-2021")
    assert exact(methadone, "oral_morphine_equivalent") == 10
    assert "excluded" in notes(methadone)


def test_an_opioid_named_twice_is_counted_twice() -> None:
    once, twice = _line("oxycodone", "20 mg/day"), _line("oxycodone", "40 mg/day")
    assert exact(_counted(once, once), "oral_morphine_equivalent") == exact(_counted(twice), "oral_morphine_equivalent")
    assert exact(_counted(once, once), "oral_morphine_equivalent") == 60


def test_an_excluded_opioid_is_named_and_is_never_a_zero() -> None:
    both = _counted(_line("buprenorphine-sublingual", "16 mg/day"), _line("morphine", "10 mg/day"))
    assert both.answers == {"oral_morphine_equivalent": "10 mg/day"}
    (excluded,) = [note.text for note in both.notes if note.code == "excluded"]
    assert excluded.startswith("buprenorphine-sublingual is not counted")
    alone = _counted(_line("buprenorphine-sublingual", "16 mg/day"))
    assert (alone.outcome, alone.answers) == ("no_conversion", {})
    assert {"excluded", "nothing-counted"} <= set(notes(alone))
    assert not alone.steps


def test_the_opioids_with_doubtful_factors_carry_their_warning() -> None:
    found = _counted(*[_line(opioid, "10 mg/day") for opioid in ("methadone", "tapentadol", "tramadol", "codeine")])
    warned = [code for code in notes(found) if code.endswith("-factor")]
    assert warned == ["methadone-factor", "tapentadol-factor", "tramadol-factor"]
    assert "equivalent-is-not-a-dose" in notes(found)


@pytest.mark.parametrize(
    ("line", "code", "pointer"),
    [
        ({"opioid": "fentanyl-transdermal", "daily_dose": "0.6 mg/day"}, "wrong-kind", "/regimen/0/daily_dose"),
        ({"opioid": "fentanyl-transdermal", "rate": "25 mcg/h", "daily_dose": "1 mg/day"}, "wrong-kind",
         "/regimen/0/daily_dose"),
        ({"opioid": "fentanyl-transdermal"}, "missing", "/regimen/0/rate"),
        ({"opioid": "fentanyl-transdermal", "rate": "600 mcg/day"}, "wrong-kind", "/regimen/0/rate"),
        ({"opioid": "oxycodone", "rate": "25 mcg/h"}, "wrong-kind", "/regimen/0/rate"),
        ({"opioid": "oxycodone"}, "missing", "/regimen/0/daily_dose"),
        ({"opioid": "oxycodone", "daily_dose": "0 mg/day"}, "zero", "/regimen/0/daily_dose"),
        ({"opioid": "oxycodon", "daily_dose": "1 mg/day"}, "unknown-opioid", "/regimen/0/opioid"),
        ({"opioid": "oxycodone", "daily_dose": "1 mg/day", "per": "day"}, "unknown-field", "/regimen/0/per"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("calculation", ["oral-morphine-equivalent", "oral-to-intrathecal", "ziconotide"])
def test_a_line_of_a_regimen_that_cannot_be_counted_is_refused(
    calculation: str, line: dict[str, str], code: str, pointer: str
) -> None:
    if calculation == "ziconotide":
        refusal("oral-to-intrathecal", oral(drug="ziconotide", regimen=[line]), code, pointer)
    elif calculation == "oral-to-intrathecal":
        refusal(calculation, oral(regimen=[line]), code, pointer)
    else:
        refusal(calculation, {"table": "cdc-2022", "regimen": [line]}, code, pointer)


@pytest.mark.parametrize(
    ("changes", "code", "pointer"),
    [
        ({"table": None}, "missing", "/table"),
        ({"table": "cdc-2015"}, "unknown-table", "/table"),
        ({"regimen": []}, "wrong-type", "/regimen"),
        ({"regimen": "morphine 300 mg/day"}, "wrong-type", "/regimen"),
        ({"regimen": [{"opioid": "morphine", "daily_dose": "1 mg/day"}] * 51}, "wrong-type", "/regimen"),
        ({"opioid_status": "some"}, "not-one-of", "/opioid_status"),
        ({"ratio": "300"}, "missing", "/reduction_percent"),
        ({"reduction_percent": "50"}, "missing", "/ratio"),
        ({"ratio": "0", "reduction_percent": "50"}, "zero", "/ratio"),
        ({"ratio": 300, "reduction_percent": "50"}, "number-as-text", "/ratio"),
        ({"ratio": "300:1", "reduction_percent": "50"}, "number-format", "/ratio"),
        ({"ratio": "300", "reduction_percent": "50 %"}, "number-format", "/reduction_percent"),
        ({"ratio": "300", "reduction_percent": "100"}, "out-of-range", "/reduction_percent"),
        ({"ratio": "300", "reduction_percent": "-5"}, "number-format", "/reduction_percent"),
        ({"drug": "baclofen"}, "no-ratio", "/drug"),
    ],
)
def test_a_conversion_that_cannot_be_made_is_refused(changes: dict[str, Any], code: str, pointer: str) -> None:
    refusal("oral-to-intrathecal", oral(**changes), code, pointer)


def test_three_hundred_milligrams_at_300_to_1_halved_is_half_a_milligram_with_its_range() -> None:
    found = calculate("oral-to-intrathecal", oral(ratio="300", reduction_percent="50"))
    assert found.answers == {
        "oral_morphine_equivalent": "300 mg/day",
        "intrathecal_daily_dose_lowest": "0.5 mg/day",
        "intrathecal_daily_dose_highest": "15 mg/day",
        "intrathecal_daily_dose": "0.5 mg/day",
    }
    assert {"range-after-reduction", "reduction-of-route", "never-reverse-the-ratio"} <= set(notes(found))


def test_without_a_ratio_there_is_a_range_and_no_dose() -> None:
    found = calculate("oral-to-intrathecal", oral())
    assert set(found.answers) == {
        "oral_morphine_equivalent", "intrathecal_daily_dose_lowest", "intrathecal_daily_dose_highest",
    }  # fmt: skip
    assert (exact(found, "intrathecal_daily_dose_lowest"), exact(found, "intrathecal_daily_dose_highest")) == (1, 30)


def test_a_ratio_that_was_read_backwards_is_never_used_forwards() -> None:
    found = calculate("oral-to-intrathecal", oral(ratio="12", reduction_percent="0"))
    assert limit(found, "published_ratio").hit
    assert not any("sylvester_2004_12" in given.name for given in found.given)
    backwards = [r for r in library.load().ratios["morphine"].ratios if r.direction == "intrathecal-to-oral"]
    assert [str(each.ratio.quantity) for each in backwards] == ["12 mg/mg"]


def test_a_chosen_ratio_cites_the_publication_that_it_is() -> None:
    for ratio, source in (("300", "krames-1996"), ("105.5", "sindt-2021"), ("35", "jjspc-eight-patients")):
        found = calculate("oral-to-intrathecal", oral(ratio=ratio, reduction_percent="0"))
        cited = limit(found, "published_ratio")
        assert not cited.hit
        assert cited.source is not None
        assert cited.source.key == source


def test_ziconotide_answers_no_conversion_with_the_labels_start_and_nothing_else() -> None:
    found = calculate("oral-to-intrathecal", oral(drug="ziconotide"))
    assert found.outcome == "no_conversion"
    assert found.answers == {
        "start_dose_at_most": "2.4 mcg/day", "step_at_most": "2.4 mcg/day", "maximum_daily_dose": "19.2 mcg/day",
    }  # fmt: skip
    assert not found.steps
    assert {"no-oral-form", "taper-opioids", "psychiatric-boxed-warning"} <= set(notes(found))
    assert all(given.source is not None for given in found.given), "nothing of the regimen is on the page"
