"""Priming and bridge boluses: the volumes that are used, what is refused, and what is said beside the numbers."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from fractions import Fraction
from typing import Any

import pytest
from asking import exact, hard_hits, limit, lines, notes, refusal
from drawing import canonical, in_units, numbers
from hypothesis import assume, given
from hypothesis import strategies as st

import pumpcalc
from pumpcalc import Calculation, calculate, cli, uses
from pumpcalc.library import Library
from pumpcalc.quantities import FLOW_RATE, read


def _prime(**changes: Any) -> dict[str, Any]:
    """A full system of a SynchroMed II primed with morphine, with changes; a change to None leaves the field out."""
    request = {
        "pump": "synchromed-ii-20",
        "drug": "morphine",
        "concentration": "25 mg/mL",
        "extent": "full-system",
        "catheter_volume": "0.2 mL",
    } | changes
    return {field: value for field, value in request.items() if value is not None}


def _bridge(**changes: Any) -> dict[str, Any]:
    """The bridge of the reference, from 500 to 2000 mcg/mL of baclofen at 200 mcg/day, with changes."""
    request = {
        "pump": "synchromed-ii-20",
        "drug": "baclofen",
        "old_concentration": "500 mcg/mL",
        "new_concentration": "2000 mcg/mL",
        "daily_dose": "200 mcg/day",
        "catheter_volume": "0.2 mL",
    } | changes
    return {field: value for field, value in request.items() if value is not None}


BOLUSES = {"priming-bolus": _prime, "bridge-bolus": _bridge}
both = pytest.mark.parametrize("bolus", BOLUSES)


def _asked(bolus: str, library: Library | None = None, **changes: Any) -> Calculation:
    return calculate(bolus, BOLUSES[bolus](**changes), library)


def _said(found: Calculation, code: str) -> str:
    (note,) = [note.text for note in found.notes if note.code == code]
    return note


# The tubing volume that was superseded


@both
def test_the_tubing_volume_of_0_199_ml_is_stopped_as_superseded_in_words(bolus: str) -> None:
    found = _asked(bolus, pump_tubing_volume="0.199 mL")
    assert hard_hits(found) == ["superseded_tubing_volume"]
    said = _said(found, "superseded-tubing-volume")
    assert said.startswith("0.199 mL is a superseded tubing volume of the SynchroMed II 20 mL (8637-20): 0.14 mL holds")
    for words in ("before the software card change", "October 2016", "March 2017", "is not for a bolus of today"):
        assert words in said
    assert found.answers["tubing_volume_difference"] == "0.059 mL"
    assert uses(found, "synchromed-ii-20.pump_tubing_volume.0") == ("superseded-tubing-volume",)
    assert "superseded_tubing_volume" in uses(found, "synchromed-ii-20.pump_tubing_volume.1")


@both
@pytest.mark.parametrize(
    ("stated", "hit", "level"),
    [
        ("0.14 mL", None, "hard"),
        ("0.199 mL", "superseded_tubing_volume", "hard"),
        ("0.198999999 mL", "tubing_volume_of_library", "soft"),
        ("0.199000001 mL", "tubing_volume_of_library", "soft"),
        ("0.140000001 mL", "tubing_volume_of_library", "soft"),
    ],
)
def test_only_the_superseded_value_itself_is_stopped_and_any_other_is_marked(
    bolus: str, stated: str, hit: str | None, level: str
) -> None:
    found = _asked(bolus, pump_tubing_volume=stated)
    assert [each.name for each in found.limits_hit] == ([hit] if hit else [])
    assert limit(found, hit or "superseded_tubing_volume").level == level
    assert ("tubing-volume-not-of-library" in notes(found)) == (hit == "tubing_volume_of_library")
    assert ("tubing_volume_difference" in found.answers) == (hit is not None)


@both
def test_the_tubing_volume_is_the_one_in_force_on_the_day(bolus: str) -> None:
    for day, used, hits in (
        ("2016-09-30", "0.199 mL", ["superseded_tubing_volume"]),
        ("2016-10-01", "0.14 mL", []),
        ("2026-01-05", "0.14 mL", []),
        (None, "0.14 mL", []),
    ):
        found = _asked(bolus, calculated_on=day)
        assert found.answers["pump_tubing_volume"] == used
        assert hard_hits(found) == hits
        held = f"synchromed-ii-20.pump_tubing_volume.{0 if hits else 1}"
        assert "pump_tubing_volume" in uses(found, held)


def test_a_tubing_volume_of_0_199_ml_makes_the_bridge_3_54_hours_too_long() -> None:
    found = _asked("bridge-bolus", pump_tubing_volume="0.199 mL")
    right = _asked("bridge-bolus")
    assert found.answers["duration_difference"] == "3.54 h"
    assert exact(found, "duration", "h") - exact(right, "duration", "h") == Fraction("3.54")


@both
@pytest.mark.parametrize("pump", ["prometra-ii-20", "prometra-ii-40", "synchromed-iii-20", "synchromed-iii-40"])
def test_a_tubing_volume_that_nobody_has_read_is_stated_or_the_bolus_is_refused(bolus: str, pump: str) -> None:
    problem = refusal(bolus, BOLUSES[bolus](pump=pump), "not-in-library", "/pump_tubing_volume")
    assert problem.detail.startswith(f"This calculation needs {pump}.pump_tubing_volume.0")
    found = _asked(bolus, pump=pump, pump_tubing_volume="0.3 mL")
    assert found.answers["volume"] == "0.5 mL"
    assert f"{pump}.pump_tubing_volume.0" in found.unknown


# The catheter


_LENGTH = {"model": "prometra-catheter", "implanted_length": "80 cm"}


@both
@pytest.mark.parametrize(
    ("changes", "code", "pointer", "says"),
    [
        ({"catheter_volume": None}, "one-of-two", "/catheter", "No catheter stands for another"),
        ({"catheter": _LENGTH}, "one-of-two", "/catheter", "once"),
        ({"catheter_volume": "0 mL"}, "zero", "/catheter_volume", "zero"),
        ({"catheter": {"model": "prometra-catheter"}}, "one-of-two", "/catheter/implanted_length", "once"),
        ({"catheter": _LENGTH | {"trimmed_length": "30 cm"}}, "one-of-two", "/catheter/implanted_length", "once"),
        ({"catheter": {"implanted_length": "80 cm"}}, "missing", "/catheter/model", "model"),
        ({"catheter": _LENGTH | {"model": "prometra"}}, "unknown-catheter", "/catheter/model", "no catheter"),
        ({"catheter": {"model": "prometra-catheter", "trimmed_length": "110.1 cm"}}, "out-of-range",
         "/catheter/trimmed_length", "trimmed length exceeds catheter length"),
        ({"catheter": {"model": "prometra-catheter", "trimmed_length": "110 cm"}}, "out-of-range",
         "/catheter/trimmed_length", "trimmed length is the whole catheter length"),
        ({"catheter": _LENGTH | {"implanted_length": "110.1 cm"}}, "out-of-range", "/catheter/implanted_length",
         "implanted length exceeds catheter length"),
        ({"catheter": _LENGTH | {"model": "ascenda-8780"}}, "not-in-library", "/catheter/model",
         "quoted as 0.0022 mL/cm, which is not verified"),
        ({"catheter": _LENGTH | {"model": "ascenda-8781"}}, "not-in-library", "/catheter/model", "catheter_volume"),
        ({"catheter": _LENGTH | {"model": "indura-1p-8709sc"}}, "not-in-library", "/catheter/model", "per_length"),
        ({"catheter": _LENGTH | {"model": "medtronic-8731sc"}}, "not-in-library", "/catheter/model", "per_length"),
    ],
)  # fmt: skip
def test_without_the_facts_of_the_patients_own_catheter_there_is_no_bolus(
    bolus: str, changes: dict[str, Any], code: str, pointer: str, says: str
) -> None:
    request = BOLUSES[bolus](**{"catheter_volume": "0.2 mL" if changes.get("catheter") is _LENGTH else None} | changes)
    assert says in refusal(bolus, request, code, pointer).detail


@both
def test_an_implanted_length_and_what_was_trimmed_from_the_whole_are_the_same_catheter(bolus: str) -> None:
    by_length = _asked(bolus, catheter_volume=None, catheter=_LENGTH)
    by_trim = _asked(bolus, catheter_volume=None, catheter={"model": "prometra-catheter", "trimmed_length": "30 cm"})
    assert by_length.answers == by_trim.answers
    assert by_length.answers["catheter_volume"] == "0.208 mL"
    whole = _asked(bolus, catheter_volume=None, catheter={"model": "prometra-catheter", "trimmed_length": "0 cm"})
    assert whole.answers["catheter_volume"] == "0.286 mL"
    assert {"trim-at-reconnection", "catheter-not-confirmed-on-site"} <= set(notes(whole))
    most = _asked(bolus, catheter_volume=None, catheter=_LENGTH | {"implanted_length": "110 cm"})
    assert most.answers["catheter_volume"] == "0.286 mL"


def test_a_catheter_whose_whole_length_is_unknown_takes_its_implanted_length_and_says_so() -> None:
    shelf = pumpcalc.library.load()
    known = shelf.catheters["prometra-catheter"]
    unread = replace(known, total_length=shelf.catheters["ascenda-8780"].total_length)
    library = replace(shelf, catheters={known.name: unread})
    found = _asked("priming-bolus", library, catheter_volume=None, catheter=_LENGTH)
    assert "ascenda-8780.total_length" in found.unknown
    trimmed = {"model": "prometra-catheter", "trimmed_length": "30 cm"}
    request = _prime(catheter_volume=None, catheter=trimmed)
    refusal("priming-bolus", request, "not-in-library", "/catheter/trimmed_length", library)


# Priming


def test_a_catheter_only_bolus_needs_no_tubing_volume_and_takes_none() -> None:
    found = _asked("priming-bolus", extent="catheter-only", pump="synchromed-iii-20")
    assert (found.answers["volume"], found.answers["drug_mass"]) == ("0.2 mL", "5 mg")
    assert "pump_tubing_volume" not in found.answers
    request = _prime(extent="catheter-only", pump_tubing_volume="0.14 mL")
    refusal("priming-bolus", request, "not-used", "/pump_tubing_volume")


def test_a_new_system_is_primed_with_ziconotide_of_25_mcg_per_ml_only() -> None:
    full = {"drug": "ziconotide", "concentration": "25 mcg/mL"}
    assert hard_hits(_asked("priming-bolus", **full)) == []
    strong = _asked("priming-bolus", **full | {"concentration": "100 mcg/mL"})
    assert hard_hits(strong) == ["ziconotide_fill_concentration"]
    later = _asked("priming-bolus", extent="catheter-only", **full | {"concentration": "100 mcg/mL"})
    assert hard_hits(later) == []


@given(numbers("0.1", "25"), numbers("1", "110", 1), st.sampled_from(("mg/mL", "mcg/mL")))
def test_the_drug_in_a_priming_bolus_is_its_volume_times_the_concentration(
    strength: str, length: str, unit: str
) -> None:
    written = in_units(strength, "mg/mL", unit)
    assume(written is not None)
    catheter = {"model": "prometra-catheter", "implanted_length": f"{length} cm"}
    found = _asked("priming-bolus", catheter_volume=None, catheter=catheter, concentration=written)
    volume = Fraction(length) * Fraction("0.0026") + Fraction("0.14")
    assert exact(found, "volume") == volume
    assert exact(found, "drug_mass", "mg") == volume * Fraction(strength)
    alone = _asked(
        "priming-bolus", catheter_volume=None, catheter=catheter, concentration=written, extent="catheter-only"
    )
    assert exact(found, "drug_mass", "mg") > exact(alone, "drug_mass", "mg")


# The bridge


def test_what_a_bridge_says_is_an_independent_check_and_never_what_a_programmer_will_do() -> None:
    for bolus in BOLUSES:
        found = _asked(bolus)
        assert notes(found)[0] == "independent-check"
        assert pumpcalc.CALCULATORS[bolus].summary.endswith("as an independent check.")
        page = json.dumps(found.model_dump(mode="json")).lower()
        assert not re.search(
            r"programmer (will|would|computes \w)|will compute|\bgive\b|\bset\b|\bprogramme? it\b", page
        )
        for part in ("rounding", "could not be read", "not imitated"):
            assert part in _said(found, "independent-check")


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("500 mcg/mL", "2000 mcg/mL", "50 mcg/day of baclofen reaches the tip for 81.6 h, instead of 200 mcg/day: "
         "too little, with a risk of withdrawal"),
        ("2000 mcg/mL", "500 mcg/mL", "800 mcg/day of baclofen reaches the tip for 20.4 h, instead of 200 mcg/day: "
         "too much, with a risk of overdose"),
    ],
)  # fmt: skip
def test_without_a_bridge_up_means_withdrawal_and_down_means_overdose(old: str, new: str, words: str) -> None:
    found = _asked("bridge-bolus", old_concentration=old, new_concentration=new)
    assert words in _said(found, "if-omitted")


def test_a_volume_too_large_gives_more_on_the_way_up_and_less_on_the_way_down() -> None:
    up = _asked("bridge-bolus")
    down = _asked("bridge-bolus", old_concentration="2000 mcg/mL", new_concentration="500 mcg/mL")
    assert up.answers["error_per_0.01_mL"] == down.answers["error_per_0.01_mL"] == "15 mcg"
    assert "too large, 15 mcg more than meant" in _said(up, "error-of-volume")
    assert "too large, 15 mcg less than meant" in _said(down, "error-of-volume")


def test_the_step_of_the_sensitivity_is_a_figure_of_the_library() -> None:
    shelf = pumpcalc.library.load()
    step = shelf.policy.sensitivity_volume
    wider = replace(step, quantity=read("0.05 mL", step.required().kind))
    found = _asked("bridge-bolus", replace(shelf, policy=replace(shelf.policy, sensitivity_volume=wider)))
    assert found.answers["error_per_0.05_mL"] == "75 mcg"
    assert uses(found, "policy.sensitivity_volume") == ("sensitivity_volume",)


def test_between_equal_concentrations_it_is_said_that_no_bridge_is_needed_however_they_are_written() -> None:
    for new in ("500 mcg/mL", "0.5 mg/mL"):
        found = _asked("bridge-bolus", new_concentration=new)
        assert "no-bridge-needed" in notes(found)
        assert found.answers["error_per_0.01_mL"].startswith("0 ")
        assert exact(found, "dose_if_omitted") == exact(found, "daily_dose")
    assert "no-bridge-needed" not in notes(_asked("bridge-bolus", new_concentration="500.000001 mcg/mL"))


def test_a_bridge_always_clears_the_tubing_and_the_catheter() -> None:
    assert _asked("bridge-bolus", extent="full-system").answers == _asked("bridge-bolus").answers
    refusal("bridge-bolus", _bridge(extent="catheter-only"), "not-one-of", "/extent")


def test_three_concentrations_in_line_are_refused_until_the_last_change_has_cleared() -> None:
    for elapsed in ("0 mL", "0.339999999 mL"):
        request = _bridge(elapsed_volume_since_last_change=elapsed)
        field = "/elapsed_volume_since_last_change"
        assert "three" in refusal("bridge-bolus", request, "three-concentrations-in-line", field).detail
    cleared = _asked("bridge-bolus", elapsed_volume_since_last_change="0.34 mL")
    assert "last-change-not-checked" not in notes(cleared)
    assert "last-change-not-checked" in notes(_asked("bridge-bolus"))


def test_a_bridge_that_the_pump_cannot_run_is_refused_and_the_slowest_that_it_can_is_not() -> None:
    slowest = _asked("bridge-bolus", daily_dose="24 mcg/day", new_daily_dose="200 mcg/day")
    assert slowest.answers["rate"] == "0.048 mL/day"
    request = _bridge(daily_dose="23.999999 mcg/day", new_daily_dose="200 mcg/day")
    problem = refusal("bridge-bolus", request, "outside-flow-range", "/daily_dose")
    assert "below the minimum flow rate of the SynchroMed II 20 mL (8637-20), 0.048 mL/day" in problem.detail
    assert "synchromed-ii-20.maximum_flow_rate" in slowest.unknown


def test_a_bridge_faster_than_a_pump_that_states_its_maximum_is_refused() -> None:
    shelf = pumpcalc.library.load()
    pump = shelf.pumps["synchromed-ii-20"]
    most = replace(
        pump.minimum_flow_rate, name="synchromed-ii-20.maximum_flow_rate", quantity=read("0.4 mL/day", FLOW_RATE)
    )
    library = replace(shelf, pumps={pump.name: replace(pump, maximum_flow_rate=most)})
    assert _asked("bridge-bolus", library).answers["rate"] == "0.4 mL/day"
    request = _bridge(daily_dose="200.000001 mcg/day")
    problem = refusal("bridge-bolus", request, "outside-flow-range", "/daily_dose", library)
    assert "above the maximum" in problem.detail


def test_a_new_flow_that_the_pump_cannot_run_is_a_hard_limit() -> None:
    assert hard_hits(_asked("bridge-bolus", new_daily_dose="96 mcg/day")) == []
    assert hard_hits(_asked("bridge-bolus", new_daily_dose="95.999999 mcg/day")) == ["new_minimum_flow_rate"]


_ROTATION = {
    "drug": "morphine", "old_concentration": "20 mg/mL", "daily_dose": "5 mg/day", "new_drug": "ziconotide",
    "new_concentration": "25 mcg/mL", "new_daily_dose": "2.4 mcg/day", "old_dose_may_continue": True,
}  # fmt: skip


@pytest.mark.parametrize(
    ("changes", "code", "pointer"),
    [
        ({"old_dose_may_continue": False}, "old-dose-must-not-continue", "/old_dose_may_continue"),
        ({"old_dose_may_continue": None}, "missing", "/old_dose_may_continue"),
        ({"new_daily_dose": None}, "missing", "/new_daily_dose"),
        ({"new_drug": "morphine", "new_daily_dose": "5 mg/day"}, "same-drug", "/new_drug"),
        ({"new_drug": "heroin"}, "unknown-drug", "/new_drug"),
    ],
)
def test_a_change_of_drug_is_bridged_only_on_the_word_that_the_old_dose_may_continue(
    changes: dict[str, Any], code: str, pointer: str
) -> None:
    refusal("bridge-bolus", _bridge(**_ROTATION | changes), code, pointer)


def test_where_the_old_dose_must_not_continue_no_change_of_concentration_is_bridged_either() -> None:
    request = _bridge(old_dose_may_continue=False)
    refusal("bridge-bolus", request, "old-dose-must-not-continue", "/old_dose_may_continue")


def test_a_change_of_drug_names_each_drug_with_its_own_dose_and_its_own_error() -> None:
    found = _asked("bridge-bolus", **_ROTATION)
    assert found.answers["error_per_0.01_mL"] == "0.25 mcg"
    assert found.answers["error_per_0.01_mL_of_old_drug"] == "0.2 mg"
    assert [(row["drug"], row["dose_rate"]) for row in found.answers["arrival"]] == [
        ("morphine", "5 mg/day"), ("ziconotide", "2.4 mcg/day"), ("morphine", "1.92 mg/day"),
        ("ziconotide", "2.4 mcg/day"),
    ]  # fmt: skip
    assert "nothing of the 2.4 mcg/day of ziconotide" in _said(found, "if-omitted")
    assert lines(found)["drug_shown_at_new_concentration"].of == "ziconotide"
    assert lines(found)["drug_delivered"].of == "morphine"
    prometra = _asked("bridge-bolus", **_ROTATION, pump="prometra-ii-20", pump_tubing_volume="0.3 mL")
    assert "ziconotide_indicated_pumps" in [each.name for each in prometra.limits_hit]


def test_a_new_concentration_that_looks_like_a_slip_of_the_old_one_is_read_back() -> None:
    found = _asked("bridge-bolus", new_concentration="5000 mcg/mL")
    assert limit(found, "new_concentration_against_last_at_most").hit
    assert "slip-against-last" in notes(found)
    assert "slip-against-last" not in notes(_asked("bridge-bolus"))


@given(numbers("0.2", "2"), numbers("0.2", "2"), numbers("50", "900"), numbers("0.01", "0.5"), st.data())
def test_a_bridge_does_not_depend_on_the_units_asked_in(
    old: str, new: str, dose: str, volume: str, data: st.DataObject
) -> None:
    assume(Fraction(old) != Fraction(new))
    assume(Fraction(dose) / 1000 / Fraction(old) >= Fraction("0.048"))
    plain = {"old_concentration": f"{old} mg/mL", "new_concentration": f"{new} mg/mL", "daily_dose": f"{dose} mcg/day",
             "catheter_volume": f"{volume} mL"}  # fmt: skip
    other = plain | {
        "old_concentration": in_units(old, "mg/mL", data.draw(st.sampled_from(("mg/mL", "mcg/mL")))),
        "daily_dose": in_units(dose, "mcg/day", data.draw(st.sampled_from(("mg/day", "mcg/day")))),
    }
    assert canonical(_asked("bridge-bolus", **plain)) == canonical(_asked("bridge-bolus", **other))


@given(numbers("60", "900"), numbers("60", "900"), numbers("0.01", "0.5"))
def test_a_faster_bridge_is_shorter_and_holds_the_same_drug(one: str, other: str, volume: str) -> None:
    slow, fast = sorted((Fraction(one), Fraction(other)))
    assume(slow < fast)
    found = [
        _asked("bridge-bolus", daily_dose=f"{dose} mcg/day", catheter_volume=f"{volume} mL")
        for dose in sorted((one, other), key=Fraction)
    ]
    assert exact(found[0], "duration", "h") > exact(found[1], "duration", "h")
    assert exact(found[0], "drug_delivered", "mcg") == exact(found[1], "drug_delivered", "mcg")
    for each in found:
        assert exact(each, "duration", "day") * exact(each, "rate") == exact(each, "volume")


# What was left in the reservoir


def _dilution(**changes: Any) -> dict[str, Any]:
    request = {
        "pump": "synchromed-ii-20",
        "drug": "baclofen",
        "old_concentration": "500 mcg/mL",
        "new_concentration": "2 mg/mL",
        "reservoir_residual_volume": "1.4 mL",
        "fill_volume": "18.6 mL",
    }
    return request | changes


def test_a_fill_and_what_was_left_fit_in_the_reservoir_together_or_it_is_said() -> None:
    assert not calculate("residual-dilution", _dilution()).limits_hit
    over = calculate("residual-dilution", _dilution(fill_volume="18.600000001 mL"))
    (hit,) = over.limits_hit
    assert (hit.name, hit.level) == ("reservoir_volume_with_residual", "soft")
    assert hit.source is not None
    assert hit.source.fact == "synchromed-ii-20.reservoir_volume"
    full = calculate("residual-dilution", _dilution(fill_volume="20.000000001 mL"))
    assert hard_hits(full) == ["reservoir_volume"]
    unread = calculate("residual-dilution", _dilution(pump="synchromed-iii-20"))
    assert "synchromed-iii-20.reservoir_volume" in unread.unknown


def test_nothing_left_is_no_question_of_dilution() -> None:
    request = _dilution(reservoir_residual_volume="0 mL")
    refusal("residual-dilution", request, "zero", "/reservoir_residual_volume")


# The command line


def test_a_catheter_is_written_on_the_command_line_as_its_fields(capsys: pytest.CaptureFixture[str]) -> None:
    words = ["--pump", "prometra-ii-20", "--drug", "morphine", "--concentration", "10 mg/mL", "--extent"]
    words += ["catheter-only", "--catheter", "model=prometra-catheter", "implanted-length=80 cm"]
    assert cli.main(["priming-bolus", *words]) == cli.ANSWERED
    assert "volume: 0.208 mL" in capsys.readouterr().out
