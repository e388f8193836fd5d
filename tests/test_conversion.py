"""Oral opioids: counted by one named table, never a dose of ziconotide, and intrathecal only by a chosen ratio."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from typing import Any

import pytest
from asking import exact, limit, notes, oral, refusal

from pumpcalc import CalculationWithheld, calculate, library
from pumpcalc.quantities import DAILY_DOSE, read
from pumpcalc.worksheet import replay

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


def test_an_opioid_that_is_counted_twice_is_named_with_its_lines() -> None:
    twice = _line("oxycodone", "20 mg/day")
    found = _counted(twice, _line("codeine", "60 mg/day"), twice)
    (told,) = [note.text for note in found.notes if note.code == "counted-twice"]
    assert told.startswith("oxycodone stands on lines 1 and 3 of the regimen, and each of them is counted.")
    assert "counted-twice" not in notes(_counted(twice, _line("codeine", "60 mg/day")))
    uncounted = _line("buprenorphine-sublingual", "8 mg/day")
    assert "counted-twice" not in notes(_counted(twice, uncounted, uncounted)), "what is excluded is counted never"
    spinal = calculate("oral-to-intrathecal", oral(regimen=[twice, twice], ratio="100", reduction_percent="0"))
    assert "counted-twice" in notes(spinal)
    assert exact(spinal, "intrathecal_daily_dose") == Fraction("0.6")


@pytest.mark.parametrize(
    "name",
    ["morphine-intrathecal", "intrathecal-morphine", "Morphine-Intrathecal", "morphine-intrathecl", "morphine-it",
     "IT-morphine", "morphine-epidural", "epidural-fentanyl", "hydromorphone-pca", "pca-morphine", "morphine-pcea",
     "spinal-morphine", "morphine-neuraxial", "ziconotide-intrathecal"],
)  # fmt: skip
@pytest.mark.parametrize("calculation", ["oral-morphine-equivalent", "oral-to-intrathecal", "ziconotide"])
def test_a_spinal_or_pca_dose_has_no_place_in_an_oral_total(calculation: str, name: str) -> None:
    regimen = [_line("morphine", "60 mg/day"), _line(name, "1 mg/day")]
    asked = {
        "oral-morphine-equivalent": ("oral-morphine-equivalent", {"table": "anzca-2021", "regimen": regimen}),
        "oral-to-intrathecal": ("oral-to-intrathecal", oral(regimen=regimen)),
        "ziconotide": ("oral-to-intrathecal", oral(drug="ziconotide", regimen=regimen)),
    }[calculation]
    problem = refusal(*asked, "not-in-oral-total", "/regimen/1/opioid")
    assert "intrathecal, epidural and PCA doses are not included in an oral total" in problem.detail
    assert problem.did_you_mean is None


def test_a_name_that_only_looks_like_a_route_is_an_unknown_opioid() -> None:
    for name in ("itramadol", "capca", "morphine-itx"):
        refusal("oral-morphine-equivalent", {"table": "cdc-2022", "regimen": [_line(name, "1 mg/day")]},
                "unknown-opioid", "/regimen/0/opioid")  # fmt: skip


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
        ({"opioid": "morphine-pca", "daily_dose": "20 mg/day"}, "not-in-oral-total", "/regimen/0/opioid"),
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
        ({"direction": "intrathecal-to-oral"}, "not-reversible", "/direction"),
        (
            {"direction": "intrathecal-to-oral", "ratio": "300", "reduction_percent": "0"},
            "not-reversible",
            "/direction",
        ),
        ({"direction": "intrathecal-to-oral", "drug": "ziconotide"}, "not-reversible", "/direction"),
        ({"direction": "intrathecal-to-oral", "drug": "hydromorphone"}, "not-reversible", "/direction"),
        ({"direction": "both"}, "not-one-of", "/direction"),
        ({"pump": "synchromed-ii"}, "unknown-pump", "/pump"),
        ({"drug": "ziconotide", "pump": "synchromed-ii"}, "unknown-pump", "/pump"),
        ({"concentration": "10 mg/day"}, "wrong-kind", "/concentration"),
    ],
)
def test_a_conversion_that_cannot_be_made_is_refused(changes: dict[str, Any], code: str, pointer: str) -> None:
    refusal("oral-to-intrathecal", oral(**changes), code, pointer)


def test_three_hundred_milligrams_at_300_to_1_halved_is_half_a_milligram_with_its_range() -> None:
    found = calculate("oral-to-intrathecal", oral(ratio="300", reduction_percent="50"))
    assert {name: answer for name, answer in found.answers.items() if isinstance(answer, str)} == {
        "oral_morphine_equivalent": "300 mg/day",
        "intrathecal_daily_dose_lowest": "0.5 mg/day",
        "intrathecal_daily_dose_highest": "15 mg/day",
        "intrathecal_daily_dose": "0.5 mg/day",
    }
    assert {"range-after-reduction", "reduction-of-route", "never-reverse-the-ratio"} <= set(notes(found))


def test_without_a_ratio_there_is_a_range_and_no_dose() -> None:
    found = calculate("oral-to-intrathecal", oral())
    assert set(found.answers) == {
        "oral_morphine_equivalent", "intrathecal_daily_dose_lowest", "intrathecal_daily_dose_highest", "evidence",
        "evidence_not_used",
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
        "steps_per_week_at_most": "3 /week",
    }  # fmt: skip
    assert not found.steps
    assert {"no-oral-form", "taper-opioids", "psychiatric-boxed-warning"} <= set(notes(found))
    assert all(given.source is not None for given in found.given), "nothing of the regimen is on the page"


# The evidence


def test_every_published_ratio_stands_in_the_evidence_with_its_provenance() -> None:
    found = calculate("oral-to-intrathecal", oral(ratio="100", reduction_percent="25"))
    published = library.load().ratios["morphine"]
    rows = found.answers["evidence"]
    assert [row["ratio_id"] for row in rows] == [each.id for each in published.forward]
    for row, each in zip(rows, published.forward, strict=True):
        number = Fraction(row["ratio"].removesuffix(" mg/mg"))
        assert row["ratio"] == str(each.ratio.quantity)
        assert exact(found, f"dose_at_{each.id.replace('-', '_')}") == 300 * Fraction(3, 4) / number
        assert row["population"] == each.population
        assert row["year"] == (f"published {each.year}" if each.year else "year not recorded")
        assert row["direction"] == "oral-to-intrathecal"
        assert row["source"] == f"{each.ratio.source}: {each.ratio.where}"
    assert rows[1] == {
        "ratio_id": "sindt-2021-median", "ratio": "105.5 mg/mg", "intrathecal_daily_dose": "2.1327 mg/day",
        "year": "published 2021", "population": "cancer patients (n = 275)", "direction": "oral-to-intrathecal",
        "source": "sindt-2021: as read at PMID 34375481",
    }  # fmt: skip


def test_a_number_of_the_evidence_is_a_line_of_the_page_or_the_page_is_withheld() -> None:
    record = calculate("oral-to-intrathecal", oral()).model_dump(mode="json")
    record["answers"]["evidence"][0]["intrathecal_daily_dose"] = "10 mg/day"
    with pytest.raises(CalculationWithheld, match="/evidence/0/intrathecal_daily_dose"):
        replay(record)


def test_the_ratios_of_the_other_direction_are_listed_as_not_used() -> None:
    found = calculate("oral-to-intrathecal", oral())
    assert found.answers["evidence_not_used"] == [
        {"ratio_id": "sylvester-2004-12", "year": "published 2004", "population": "one case",
         "direction": "intrathecal-to-oral", "source": "sylvester-2004: abstract of PMID 15055516"},
    ]  # fmt: skip
    assert "ratio-of-the-other-direction" in notes(found)
    assert not any("sylvester" in line.name for line in (*found.given, *found.steps))


def test_the_reverse_direction_is_refused_with_its_figures_and_its_sources() -> None:
    detail = refusal(
        "oral-to-intrathecal", oral(direction="intrathecal-to-oral"), "not-reversible", "/direction"
    ).detail
    for told in ("12 mg/mg was observed", "one case", "Sylvester 2004", "300 mg/mg", "Krames", "25 times the oral dose",
                 "Practical Pain Management"):  # fmt: skip
        assert told in detail
    forward = calculate("oral-to-intrathecal", oral(direction="oral-to-intrathecal"))
    assert forward.answers == calculate("oral-to-intrathecal", oral()).answers


# The start against the consensus, once a site has confirmed it


def _confirmed(low: str, high: str) -> library.Library:
    shelf = library.load()
    morphine = shelf.drugs["morphine"]
    assert morphine.consensus_start is not None
    span = replace(
        morphine.consensus_start,
        at_least=replace(morphine.consensus_start.at_least, quantity=read(low, DAILY_DOSE), role="soft"),
        at_most=replace(morphine.consensus_start.at_most, quantity=read(high, DAILY_DOSE), role="soft"),
    )
    return replace(shelf, drugs={**shelf.drugs, "morphine": replace(morphine, consensus_start=span)})


def test_a_consensus_that_no_site_has_confirmed_is_named_as_not_checked() -> None:
    found = calculate("oral-to-intrathecal", oral(ratio="300", reduction_percent="0"))
    assert {"morphine.consensus_start.at_least", "morphine.consensus_start.at_most"} <= set(found.unknown)
    assert not [each.name for each in found.limits if each.name.startswith("consensus")]


@pytest.mark.parametrize(
    ("dose", "low", "high"),
    [("30", False, False), ("29.999999999", True, False), ("150", False, False), ("150.000000001", False, True)],
)
def test_a_consensus_that_a_site_has_confirmed_is_a_soft_limit_at_both_ends(dose: str, low: bool, high: bool) -> None:
    regimen = [_line("morphine", f"{dose} mg/day")]
    asked = oral(regimen=regimen, ratio="300", reduction_percent="0")
    found = calculate("oral-to-intrathecal", asked, _confirmed("0.1 mg/day", "0.5 mg/day"))
    least, most = limit(found, "consensus_start_at_least"), limit(found, "consensus_start_at_most")
    assert (least.hit, most.hit) == (low, high)
    assert least.level == most.level == "soft"
    assert not [name for name in found.unknown if "consensus" in name]


# What a pump can deliver


def _in_a_pump(drug: str = "ziconotide", **changes: Any) -> Any:
    return calculate("oral-to-intrathecal", oral(drug=drug, **{"pump": "synchromed-ii-20"} | changes))


def test_each_strength_has_its_least_dose_in_the_chosen_pump_and_the_strong_vial_cannot_give_the_start() -> None:
    found = _in_a_pump()
    assert exact(found, "least_daily_dose_at_25_mcg_per_ml") == Fraction("1.2")
    assert exact(found, "least_daily_dose_at_100_mcg_per_ml") == Fraction("4.8")
    weak, strong = (limit(found, f"start_dose_at_most_at_{number}_mcg_per_ml") for number in (25, 100))
    assert (weak.hit, strong.hit) == (False, True)
    assert weak.level == strong.level == "soft", "another strength can be ordered"
    assert strong.source is not None
    assert strong.source.key == "synchromed-ii-table"
    told = [note.text for note in found.notes if note.code == "least-deliverable-dose"]
    assert told[0].startswith("25 mcg/mL cannot give less than 1.2 mcg/day in the SynchroMed II")
    (undeliverable,) = [note.text for note in found.notes if note.code == "start-not-deliverable"]
    assert undeliverable.startswith("2.4 mcg/day from 100 mcg/mL would flow at 0.024 mL/day")
    assert found.outcome == "no_conversion"


@pytest.mark.parametrize(("strength", "hit"), [("50 mcg/mL", False), ("50.000000001 mcg/mL", True)])
def test_a_stated_concentration_is_held_to_the_pumps_least_flow(strength: str, hit: bool) -> None:
    found = _in_a_pump(concentration=strength)
    least = limit(found, "minimum_flow_rate")
    assert (least.hit, least.level) == (hit, "hard")
    (row,) = found.answers["deliverability"]
    assert row["reaches_minimum_flow"] == ("no" if hit else "yes")
    assert ("start-not-deliverable" in notes(found)) == hit


def test_a_pump_whose_least_flow_nobody_has_read_says_so_and_promises_nothing() -> None:
    found = _in_a_pump(pump="synchromed-iii-20")
    assert "synchromed-iii-20.minimum_flow_rate" in found.unknown
    assert [set(row) for row in found.answers["deliverability"]] == [{"concentration", "flow_rate"}] * 2
    assert not [each.name for each in found.limits if each.name.startswith("start_dose")]


def test_the_chosen_morphine_dose_flows_from_the_stated_concentration_and_is_checked() -> None:
    asked = {"ratio": "100", "reduction_percent": "0", "concentration": "10 mg/mL"}
    found = _in_a_pump("morphine", **asked)
    assert found.answers["flow_rate"] == "0.3 mL/day"
    assert not limit(found, "minimum_flow_rate").hit
    assert limit(found, "strongest_product").actual == "10 mg/mL"
    alone = calculate("oral-to-intrathecal", oral(**asked))
    assert alone.answers["flow_rate"] == "0.3 mL/day"
    assert "deliverability" not in alone.answers


def test_without_a_ratio_a_pump_shows_its_least_doses_and_judges_no_dose() -> None:
    found = _in_a_pump("morphine")
    assert found.answers["deliverability"] == [
        {"concentration": "10 mg/mL", "least_daily_dose": "0.48 mg/day"},
        {"concentration": "25 mg/mL", "least_daily_dose": "1.2 mg/day"},
    ]
    assert not [each.name for each in found.limits if "at_10" in each.name]


@pytest.mark.parametrize(("oral_dose", "hit"), [("48", False), ("47.999999999", True)])
def test_a_morphine_start_below_the_least_dose_of_a_strength_is_a_soft_limit(oral_dose: str, hit: bool) -> None:
    regimen = [_line("morphine", f"{oral_dose} mg/day")]
    found = _in_a_pump("morphine", regimen=regimen, ratio="100", reduction_percent="0", opioid_status="naive")
    assert limit(found, "intrathecal_daily_dose_at_10_mg_per_ml").hit is hit
    assert limit(found, "intrathecal_daily_dose_at_25_mg_per_ml").hit
