"""Bridges of mixtures: the primary drug keeps its dose, and every other drug is shown with what it gets meanwhile."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from typing import Any

import pytest
from asking import exact, hard_hits, limit, notes, refusal
from drawing import numbers
from hypothesis import assume, given
from hypothesis import strategies as st

import pumpcalc
from pumpcalc import Calculation, calculate, cli, verify
from pumpcalc.library import Library
from pumpcalc.quantities import DAILY_DOSE, FLOW_RATE, read


def _solution(**strengths: str) -> list[dict[str, str]]:
    """A mixture, the primary drug first."""
    return [{"drug": drug, "concentration": strength} for drug, strength in strengths.items()]


def _mixtures(**changes: Any) -> dict[str, Any]:
    """Morphine with bupivacaine: more of the one and less of the other, clonidine new. A change to None leaves out."""
    request = {
        "pump": "synchromed-ii-20",
        "old_components": _solution(morphine="20 mg/mL", bupivacaine="10 mg/mL"),
        "new_components": _solution(morphine="25 mg/mL", bupivacaine="5 mg/mL", clonidine="100 mcg/mL"),
        "daily_dose": "5 mg/day",
        "catheter_volume": "0.2 mL",
    } | changes
    return {field: value for field, value in request.items() if value is not None}


_TO_ZICONOTIDE = {
    "old_components": _solution(morphine="20 mg/mL", bupivacaine="10 mg/mL"),
    "new_components": _solution(ziconotide="25 mcg/mL", morphine="5 mg/mL"),
    "new_daily_dose": "2.4 mcg/day",
}


def _asked(library: Library | None = None, **changes: Any) -> Calculation:
    return calculate("bridge-bolus", _mixtures(**changes), library)


def _row(found: Calculation, drug: str) -> dict[str, Any]:
    (row,) = [row for row in found.answers["components"] if row["drug"] == drug]
    return dict(row)


def _said(found: Calculation, code: str) -> str:
    (note,) = [note.text for note in found.notes if note.code == code]
    return note


# The primary drug stays


def test_the_primary_drug_keeps_its_dose_and_every_other_gets_what_follows_from_the_flow() -> None:
    found = _asked()
    assert found.answers.items() >= {
        "volume": "0.34 mL", "rate": "0.25 mL/day", "duration": "32.64 h", "drug_delivered": "6.8 mg",
        "new_flow_rate": "0.2 mL/day", "dose_if_omitted": "4 mg/day", "hours_if_omitted": "40.8 h",
        "error_per_0.01_mL": "0.05 mg",
    }.items()  # fmt: skip
    assert _row(found, "morphine") == {
        "drug": "morphine", "old_daily_dose": "5 mg/day", "bridge_daily_dose": "5 mg/day",
        "daily_dose_if_omitted": "4 mg/day", "new_daily_dose": "5 mg/day", "drug_in_line": "6.8 mg",
        "error_per_0.01_mL": "0.05 mg", "volume_too_large_gives": "more", "bridge_is_above": [],
    }  # fmt: skip
    assert _row(found, "bupivacaine") == {
        "drug": "bupivacaine", "old_daily_dose": "2.5 mg/day", "bridge_daily_dose": "2.5 mg/day",
        "daily_dose_if_omitted": "2 mg/day", "new_daily_dose": "1 mg/day", "drug_in_line": "3.4 mg",
        "error_per_0.01_mL": "0.05 mg", "volume_too_large_gives": "less", "bridge_is_above": ["new-dose"],
    }  # fmt: skip
    assert _row(found, "clonidine") == {
        "drug": "clonidine", "new_daily_dose": "20 mcg/day", "error_per_0.01_mL": "1 mcg",
        "volume_too_large_gives": "more", "bridge_is_above": [],
    }  # fmt: skip
    verify(found.model_dump(mode="json"))


def test_it_is_said_of_each_drug_what_the_tip_gets_with_the_bridge_and_without_it() -> None:
    found = _asked()
    assert _said(found, "while-the-bridge-runs") == (
        "While the bridge runs the tip gets, for 32.64 h: 5 mg/day of morphine; 2.5 mg/day of bupivacaine, above its "
        "new dose of 1 mg/day; nothing of cloNIDine, which arrives when the bridge ends."
    )
    assert _said(found, "if-omitted") == (
        "Without a bridge the tip gets, for 40.8 h: 4 mg/day of morphine instead of 5 mg/day: too little, with a risk "
        "of withdrawal; 2 mg/day of bupivacaine instead of 1 mg/day: too much, with a risk of overdose; nothing of "
        "the 20 mcg/day of cloNIDine that is meant."
    )
    assert "0.05 mg more of morphine; 0.05 mg less of bupivacaine; 1 mcg more of cloN" in _said(
        found, "error-of-volume"
    )


def test_a_drug_that_the_new_solution_does_not_hold_goes_on_until_the_line_has_cleared() -> None:
    found = _asked(new_components=_solution(morphine="25 mg/mL"))
    row = _row(found, "bupivacaine")
    assert "new_daily_dose" not in row
    assert (row["bridge_daily_dose"], row["bridge_is_above"]) == ("2.5 mg/day", ["new-dose"])
    assert (row["error_per_0.01_mL"], row["volume_too_large_gives"]) == ("0.1 mg", "less")
    assert "2.5 mg/day of bupivacaine, of which the new solution holds none" in _said(found, "while-the-bridge-runs")
    assert [(each["course"], each["drug"], each["from_hour"]) for each in found.answers["arrival"]] == [
        ("with-bridge", "morphine", "0 h"), ("with-bridge", "bupivacaine", "0 h"),
        ("with-bridge", "morphine", "32.64 h"), ("without-bridge", "morphine", "0 h"),
        ("without-bridge", "bupivacaine", "0 h"), ("without-bridge", "morphine", "40.8 h"),
    ]  # fmt: skip


def test_two_mixtures_that_are_the_same_need_no_bridge_and_the_same_flow_needs_none_either() -> None:
    old = _solution(morphine="20 mg/mL", bupivacaine="10 mg/mL")
    for new in (old, _solution(morphine="20000 mcg/mL", bupivacaine="10 mg/mL")):
        assert {"no-bridge-needed", "same-flow"} & set(notes(_asked(new_components=new))) == {"no-bridge-needed"}
    other = _asked(new_components=_solution(morphine="20 mg/mL", bupivacaine="10.000001 mg/mL"))
    assert {"no-bridge-needed", "same-flow"} & set(notes(other)) == {"same-flow"}
    assert other.answers["dose_if_omitted"] == "5 mg/day"
    assert not {"no-bridge-needed", "same-flow"} & set(notes(_asked()))


def test_of_a_mixture_of_one_drug_the_numbers_are_those_of_the_request_for_one_drug() -> None:
    for old, new, more in (
        ("500 mcg/mL", "2000 mcg/mL", {}),
        ("2 mg/mL", "500 mcg/mL", {"new_daily_dose": "150 mcg/day"}),
    ):
        plain = {"pump": "synchromed-ii-20", "daily_dose": "200 mcg/day", "catheter_volume": "0.2 mL"} | more
        alone = calculate(
            "bridge-bolus", plain | {"drug": "baclofen", "old_concentration": old, "new_concentration": new}
        )
        lists = {"old_components": _solution(baclofen=old), "new_components": _solution(baclofen=new)}
        found = calculate("bridge-bolus", plain | lists)
        same = {name: answer for name, answer in found.answers.items() if name != "components"}
        assert same == alone.answers


# The limits of each drug


def test_the_dose_of_every_drug_is_held_to_its_own_limits_before_meanwhile_and_after() -> None:
    shelf = pumpcalc.library.load()
    drug = shelf.drugs["bupivacaine"]
    highest = replace(drug.maximum_daily_dose, quantity=read("2.5 mg/day", DAILY_DOSE), status="verified",
                      source="infumorph-us-label", where="fiction", role="hard")  # fmt: skip
    library = replace(shelf, drugs={**shelf.drugs, drug.name: replace(drug, maximum_daily_dose=highest)})
    assert hard_hits(_asked(library)) == []
    over = _asked(library, old_components=_solution(morphine="20 mg/mL", bupivacaine="10.000001 mg/mL"))
    assert hard_hits(over) == ["maximum_daily_dose"]
    assert _row(over, "bupivacaine")["bridge_is_above"] == ["new-dose", "maximum_daily_dose"]
    (hit,) = [each for each in over.limits_hit if each.level == "hard"]
    assert (hit.actual_exact, hit.bound_exact) == ("10000001/4000000", "5/2")


def test_a_dose_that_is_above_what_is_usual_while_the_bridge_runs_is_told_apart_from_one_below() -> None:
    found = _asked(old_components=_solution(morphine="20 mg/mL", bupivacaine="100 mg/mL"))
    assert _row(found, "bupivacaine")["bridge_is_above"] == ["new-dose", "usual_old_daily_dose_2_at_most"]
    assert limit(_asked(), "usual_old_daily_dose_2_at_least").hit
    assert _row(_asked(), "bupivacaine")["bridge_is_above"] == ["new-dose"]


def test_every_drug_of_both_solutions_is_held_to_the_pump_and_to_its_concentrations() -> None:
    found = _asked(**_TO_ZICONOTIDE, pump="prometra-ii-20", pump_tubing_volume="0.3 mL")
    assert [hit.name for hit in found.limits_hit].count("ziconotide_indicated_pumps") == 1
    assert "morphine_indicated_pumps" not in [hit.name for hit in found.limits_hit]
    strong = _asked(new_components=_solution(morphine="25 mg/mL", bupivacaine="900 mg/mL"))
    assert limit(strong, "new_concentration_2_against_last_at_most").hit


# The primary drug changes


def test_where_the_primary_drug_changes_there_is_no_bridge_by_dose() -> None:
    found = _asked(**_TO_ZICONOTIDE)
    assert not {"rate", "duration", "drug_delivered", "error_per_0.01_mL"} & set(found.answers)
    assert (found.answers["volume"], found.answers["new_flow_rate"]) == ("0.34 mL", "0.096 mL/day")
    assert (found.answers["dose_if_omitted"], found.answers["hours_if_omitted"]) == ("1.92 mg/day", "85 h")
    assert {row["course"] for row in found.answers["arrival"]} == {"without-bridge"}
    assert all(not {"bridge_daily_dose", "bridge_is_above"} & set(row) for row in found.answers["components"])
    said = _said(found, "no-bridge-by-dose")
    assert said.startswith("The primary drug changes from morphine to ziconotide")
    for words in ("0.34 mL of it must leave", "bridge_daily_dose_of_old", "prescriber"):
        assert words in said
    assert "while-the-bridge-runs" not in notes(found)
    assert "nothing of the 2.4 mcg/day of ziconotide that is meant" in _said(found, "if-omitted")
    assert "1.92 mg/day of morphine instead of 0.48 mg/day: too much" in _said(found, "if-omitted")
    verify(found.model_dump(mode="json"))


def test_with_the_dose_of_the_old_primary_drug_that_may_go_on_there_is_a_rate_for_it() -> None:
    found = _asked(**_TO_ZICONOTIDE, bridge_daily_dose_of_old="4 mg/day")
    assert (found.answers["rate"], found.answers["duration"]) == ("0.2 mL/day", "40.8 h")
    morphine, bupivacaine = (_row(found, drug) for drug in ("morphine", "bupivacaine"))
    assert (morphine["old_daily_dose"], morphine["bridge_daily_dose"]) == ("5 mg/day", "4 mg/day")
    assert (bupivacaine["old_daily_dose"], bupivacaine["bridge_daily_dose"]) == ("2.5 mg/day", "2 mg/day")
    assert morphine["bridge_is_above"] == ["new-dose"]
    assert "below its old dose of 5 mg/day, above its new dose of 0.48 mg/day" in _said(found, "while-the-bridge-runs")
    faster = _asked(**_TO_ZICONOTIDE, bridge_daily_dose_of_old="5.000001 mg/day")
    assert _row(faster, "bupivacaine")["bridge_is_above"][:2] == ["old-dose", "new-dose"]
    same = _asked(**_TO_ZICONOTIDE, bridge_daily_dose_of_old="5 mg/day")
    assert _row(same, "bupivacaine")["bridge_is_above"][:2] == ["new-dose"]


def test_a_drug_that_becomes_the_primary_one_is_a_change_of_the_primary_drug() -> None:
    turned = {"old_components": _solution(morphine="20 mg/mL", bupivacaine="10 mg/mL"),
              "new_components": _solution(bupivacaine="10 mg/mL", morphine="20 mg/mL")}  # fmt: skip
    found = _asked(**turned, new_daily_dose="2.5 mg/day")
    assert "no-bridge-by-dose" in notes(found)
    assert "no-bridge-needed" in notes(found)


# What is refused


@pytest.mark.parametrize(
    ("changes", "code", "pointer"),
    [
        ({"old_components": None}, "missing", "/old_components"),
        ({"new_components": None}, "missing", "/new_components"),
        ({"old_components": []}, "wrong-type", "/old_components"),
        ({"drug": "morphine"}, "one-of-two", "/drug"),
        ({"old_concentration": "20 mg/mL"}, "one-of-two", "/old_concentration"),
        ({"new_concentration": "20 mg/mL"}, "one-of-two", "/new_concentration"),
        ({"new_drug": "ziconotide"}, "one-of-two", "/new_drug"),
        ({"old_components": _solution(heroin="1 mg/mL")}, "unknown-drug", "/old_components/0/drug"),
        ({"new_components": [*_solution(morphine="1 mg/mL"), *_solution(heroin="1 mg/mL")]}, "unknown-drug",
         "/new_components/1/drug"),
        ({"new_components": _solution(morphine="1 mg/mL") * 2}, "duplicate", "/new_components/1/drug"),
        ({"old_components": _solution(morphine="1 mg/mL") * 2}, "duplicate", "/old_components/1/drug"),
        ({"old_components": _solution(morphine="1 mg")}, "wrong-kind", "/old_components/0/concentration"),
        ({"old_dose_may_continue": False}, "old-dose-must-not-continue", "/old_dose_may_continue"),
        ({"catheter_volume": None}, "one-of-two", "/catheter"),
        ({"elapsed_volume_since_last_change": "0.339999999 mL"}, "three-concentrations-in-line",
         "/elapsed_volume_since_last_change"),
        ({"daily_dose": "0.959999999 mg/day"}, "outside-flow-range", "/daily_dose"),
        ({"bridge_daily_dose_of_old": "5 mg/day"}, "not-used", "/bridge_daily_dose_of_old"),
        (_TO_ZICONOTIDE | {"new_daily_dose": None}, "missing", "/new_daily_dose"),
        (_TO_ZICONOTIDE | {"bridge_daily_dose_of_old": "0.959999999 mg/day"}, "outside-flow-range",
         "/bridge_daily_dose_of_old"),
        (_TO_ZICONOTIDE | {"old_dose_may_continue": False}, "old-dose-must-not-continue", "/old_dose_may_continue"),
    ],
)  # fmt: skip
def test_what_makes_no_bridge_is_refused_at_its_field(changes: dict[str, Any], code: str, pointer: str) -> None:
    refusal("bridge-bolus", _mixtures(**changes), code, pointer)


def test_just_inside_each_of_these_bounds_there_is_a_bridge() -> None:
    assert _asked(elapsed_volume_since_last_change="0.34 mL").answers["volume"] == "0.34 mL"
    assert _asked(daily_dose="0.96 mg/day").answers["rate"] == "0.048 mL/day"
    slowest = _asked(**_TO_ZICONOTIDE, bridge_daily_dose_of_old="0.96 mg/day")
    assert slowest.answers["rate"] == "0.048 mL/day"


def test_a_rate_faster_than_a_pump_that_states_its_maximum_is_refused() -> None:
    shelf = pumpcalc.library.load()
    pump = shelf.pumps["synchromed-ii-20"]
    most = replace(
        pump.minimum_flow_rate, name="synchromed-ii-20.maximum_flow_rate", quantity=read("0.25 mL/day", FLOW_RATE)
    )
    library = replace(shelf, pumps={pump.name: replace(pump, maximum_flow_rate=most)})
    assert _asked(library).answers["rate"] == "0.25 mL/day"
    request = _mixtures(daily_dose="5.000001 mg/day")
    assert "above the maximum" in refusal("bridge-bolus", request, "outside-flow-range", "/daily_dose", library).detail


def test_one_drug_alone_takes_no_dose_of_an_old_primary_drug_and_names_every_field_that_it_lacks() -> None:
    alone = {"pump": "synchromed-ii-20", "drug": "baclofen", "old_concentration": "500 mcg/mL",
             "new_concentration": "2 mg/mL", "daily_dose": "200 mcg/day", "catheter_volume": "0.2 mL"}  # fmt: skip
    asked = alone | {"bridge_daily_dose_of_old": "200 mcg/day"}
    refusal("bridge-bolus", asked, "not-used", "/bridge_daily_dose_of_old")
    with pytest.raises(pumpcalc.Refusal) as caught:
        calculate("bridge-bolus", {"pump": "synchromed-ii-20", "daily_dose": "200 mcg/day"})
    assert [problem.pointer for problem in caught.value.problems] == [
        "/drug", "/old_concentration", "/new_concentration",
    ]  # fmt: skip
    assert {problem.code for problem in caught.value.problems} == {"missing"}
    assert caught.value.problems[0].detail == 'drug is missing: write it as "morphine".'


# Any mixture


@given(st.data(), numbers("0.5", "30"), numbers("1", "20"))
def test_the_order_of_the_other_drugs_changes_no_dose(data: st.DataObject, strength: str, dose: str) -> None:
    assume(Fraction(dose) / Fraction(strength) >= Fraction("0.048"))
    old = _solution(morphine=f"{strength} mg/mL", bupivacaine="10 mg/mL", clonidine="100 mcg/mL")
    new = _solution(morphine="12 mg/mL", clonidine="50 mcg/mL", baclofen="500 mcg/mL")
    shuffled = [[each[0], *data.draw(st.permutations(each[1:]))] for each in (old, new)]
    one = _asked(old_components=old, new_components=new, daily_dose=f"{dose} mg/day")
    other = _asked(old_components=shuffled[0], new_components=shuffled[1], daily_dose=f"{dose} mg/day")
    for row in one.answers["components"]:
        cells = {name: cell for name, cell in row.items() if name != "bridge_is_above"}
        assert cells == {name: cell for name, cell in _row(other, row["drug"]).items() if name != "bridge_is_above"}
    assert exact(one, "duration") == exact(other, "duration")


def test_the_mixtures_are_written_on_the_command_line_drug_by_drug(capsys: pytest.CaptureFixture[str]) -> None:
    words = ["--pump", "synchromed-ii-20", "--daily-dose", "5 mg/day", "--catheter-volume", "0.2 mL"]
    words += ["--old-components", "drug=morphine", "concentration=20 mg/mL"]
    words += ["--old-components", "drug=bupivacaine", "concentration=10 mg/mL"]
    words += ["--new-components", "drug=morphine", "concentration=25 mg/mL"]
    assert cli.main(["bridge-bolus", *words]) == cli.ANSWERED
    printed = capsys.readouterr().out
    assert "bridge daily dose        5 mg/day   2.5 mg/day" in printed
    assert "bridge is above                     new-dose" in printed
