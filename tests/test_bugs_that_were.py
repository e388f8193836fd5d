"""Bugs that were in the core, each a promise now. A new one is added here before it is mended."""

from __future__ import annotations

import copy
import doctest
import json
import re
import shutil
import subprocess
import sys
from fractions import Fraction

import pytest
from asking import fill, flow, ladder, notes, oral, solution, ziconotide_fill

import pumpcalc
from pumpcalc import CalculationWithheld, LibraryDefect, Refusal, calculate, cli
from pumpcalc.library import load, shipped_folder
from pumpcalc.quantities import CONCENTRATION, DAILY_DOSE, PER_WEEK, VOLUME, Quantity, read
from pumpcalc.worksheet import replay

# 1. A refusal tells the user to write a dose a thousand times too large


@pytest.mark.parametrize(
    "text", ["1,5 ug/day", ".5 \u00b5g/day", ".5 \u03bcg/h", "1,5mcg/day", ".5 mcg/d", "1,5 mcg/24h", ".5 MCG/day"]
)
def test_a_refused_microgram_dose_is_never_suggested_in_milligrams(text: str) -> None:
    with pytest.raises(Refusal) as caught:
        read(text, DAILY_DOSE)
    assert not re.search(r"[0-9] mg/", caught.value.problems[0].detail), caught.value.problems[0].detail


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("5 g/day", DAILY_DOSE),
        ("5 ng/day", DAILY_DOSE),
        ("5 g/mL", CONCENTRATION),
        ("5 ng/mL", CONCENTRATION),
        ("5 mg/min", DAILY_DOSE),
        ("5 ng", VOLUME),
    ],
)
def test_a_suggestion_never_changes_the_size_or_the_kind_of_the_unit(text: str, kind: object) -> None:
    with pytest.raises(Refusal) as caught:
        read(text, kind)
    assert caught.value.problems[0].did_you_mean is None, caught.value.problems[0].did_you_mean


# 3. pumpcalc verify withholds every saved titration and refill schedule


@pytest.mark.parametrize(("name", "request_"), [("titration", ladder()), ("refill-schedule", fill())])
def test_a_record_with_counts_saved_by_calculate_is_verified_by_verify(name, request_, tmp_path, capsys) -> None:
    file = tmp_path / "request.json"
    file.write_text(json.dumps(request_))
    assert cli.main(["calculate", name, str(file)]) == 0
    file.write_text(capsys.readouterr().out)
    assert cli.main(["verify", str(file)]) == 0, capsys.readouterr().err


# 4. The alarm volume that the note names does not avoid the hazard (rounded half even, here downwards)


def test_the_alarm_volume_that_the_note_names_avoids_it() -> None:
    found = calculate("refill-schedule", ziconotide_fill())
    (note,) = [n.text for n in found.notes if n.code == "dry-before-alarm-possible"]
    (named,) = re.findall(r"An alarm volume of ([0-9.]+ mL) or more", note)
    again = calculate("refill-schedule", ziconotide_fill(low_reservoir_alarm_volume=named))
    assert "dry-before-alarm-possible" not in notes(again)


# 5. A naive ziconotide fill outlasts 14 days when anything is mixed with it (pharmacology.md section 7, invariant 6)


def test_a_naive_fill_of_ziconotide_is_due_by_day_14_in_an_admixture_too() -> None:
    mixed = solution("ziconotide", "25 mcg/mL", "morphine", "10 mg/mL")
    found = calculate(
        "refill-schedule",
        ziconotide_fill(
            components=mixed, fill_kind="naive", fill_volume="14 mL", daily_dose="2.4 mcg/day", stability="90 day"
        ),
    )
    assert found.answers["refill_by"] <= "2026-01-19"


def test_stated_stability_never_outlasts_the_labels_for_undiluted_or_diluted_ziconotide_in_an_admixture() -> None:
    mixed = solution("ziconotide", "25 mcg/mL", "morphine", "10 mg/mL")
    found = calculate(
        "refill-schedule",
        ziconotide_fill(components=mixed, fill_kind="diluted", daily_dose="2.4 mcg/day", stability="180 day"),
    )
    assert min(row["days"] for row in found.answers["limits"]) <= 40


# 6. The replay does not look at words, lists and one-of limits


def _altered(record, change):
    page = copy.deepcopy(record.model_dump(mode="json"))
    change(page)
    return page


_REFILL, _TITRATION = (
    calculate("refill-schedule", ziconotide_fill()),
    calculate("titration", ladder(concentration="25 mcg/mL")),
)


@pytest.mark.parametrize(
    ("record", "change"),
    [
        pytest.param(_REFILL, lambda r: r["answers"].update(binding="in-pump-stability"), id="binding"),
        pytest.param(_REFILL, lambda r: r["answers"]["limits"][0].update(days=84), id="days-of-another-limit"),
        pytest.param(
            _REFILL, lambda r: r["answers"]["limits"][0].update(date="2026-03-30"), id="date-of-another-limit"
        ),
        pytest.param(_REFILL, lambda r: r["answers"]["limits"].pop(0), id="limit-row-removed"),
        pytest.param(
            _TITRATION, lambda r: r["answers"]["steps"][1].update(daily_dose="7.2 mcg/day"), id="dose-of-another-step"
        ),
        pytest.param(_TITRATION, lambda r: r["answers"]["steps"][1].update(day=7), id="day-of-another-step"),
        pytest.param(_TITRATION, lambda r: r["answers"]["steps"][1].update(day=25), id="day-that-is-a-concentration"),
        pytest.param(
            _TITRATION, lambda r: r["answers"].update(final_daily_dose="2.4 mcg/day"), id="final-dose-of-another-step"
        ),
        pytest.param(_REFILL, lambda r: r["limits"][4].update(bound="250 mcg/mL, 100 mcg/mL"), id="one-of-bound-shown"),
        pytest.param(_REFILL, lambda r: r["limits"][4].update(actual="100 mcg/mL"), id="one-of-actual-shown"),
        pytest.param(_REFILL, lambda r: r["limits"][1].update(actual_exact="0.7680001"), id="limit-actual-exact"),
        pytest.param(_REFILL, lambda r: r["request"].update(daily_dose="1.92 mcg/day"), id="request-unlike-the-givens"),
    ],
)
def test_an_altered_word_list_or_limit_withholds_the_page(record, change) -> None:
    with pytest.raises(CalculationWithheld):
        replay(_altered(record, change))


# 7. verify on a hostile file: MemoryError, and a number that takes minutes and gigabytes


def test_a_formula_that_is_nested_too_deeply_is_withheld() -> None:
    page = _altered(_REFILL, lambda r: r["steps"][0].update(formula="-" * 50_000 + "fill_volume"))
    with pytest.raises(CalculationWithheld):
        replay(page)


def test_an_exact_number_is_digits_over_digits_and_not_a_power_of_ten() -> None:
    code = "import json, sys; from pumpcalc.worksheet import replay; replay(json.load(sys.stdin))"
    page = _altered(_REFILL, lambda r: r["given"][1].update(exact="1e400000000"))
    done = subprocess.run(
        [sys.executable, "-c", code], check=False, input=json.dumps(page), text=True, capture_output=True, timeout=30
    )
    assert "CalculationWithheld" in done.stderr


# 8. --lines FILE is "unrecognized"


def test_options_may_stand_before_the_file(tmp_path) -> None:
    file = tmp_path / "requests.jsonl"
    file.write_text(json.dumps(flow()) + "\n")
    assert cli.main(["calculate", "flow-rate", "--lines", str(file)]) == 0


# 9. A formula with 1 on top has no fleet reading


def test_every_formula_reads_over_columns() -> None:
    from pumpcalc.fleet import Column, run
    from pumpcalc.formulas import FORMULAS

    often = Column.of([Quantity(Fraction(3, 7), PER_WEEK, "/week"), Quantity(Fraction(2, 7), PER_WEEK, "/week")])
    days = run(FORMULAS["days_between_steps"], steps_per_week=often)
    assert days.fractions() == [Fraction(7, 3), Fraction(7, 2)]
    assert list(days.whole()) == [2, 3]


# 10. A titration in a pump without a concentration: nothing of the pump is checked, and nothing says so


def test_a_pump_whose_flow_cannot_be_checked_is_refused_or_said_so() -> None:
    with pytest.raises(Refusal) as caught:
        calculate("titration", ladder(pump="synchromed-ii-20"))
    assert caught.value.problems[0].pointer == "/concentration"


def test_the_policy_on_beyond_use_without_a_date_is_refused_or_said_so() -> None:
    with pytest.raises(Refusal) as caught:
        calculate("refill-schedule", fill(beyond_use_caps_interval=True))
    assert caught.value.problems[0].pointer == "/beyond_use_date"


def test_a_refusal_for_an_unknown_figure_points_at_the_field_that_asked_for_it() -> None:
    with pytest.raises(Refusal) as caught:
        calculate("refill-schedule", ziconotide_fill(pump="synchromed-iii-20", accuracy_caps_interval=True))
    assert caught.value.problems[0].pointer in ("/accuracy_caps_interval", "/pump")


# 11. Libraries with a defect that load


_LOADS = {
    "misspelt start: its limit is silently lost": ("drugs/morphine.toml", "[start.tolerant]", "[start.tolerent]"),
    "misspelt kind of fill": ("drugs/ziconotide.toml", "[in_pump_stability.undiluted]", "[in_pump_stability.undilute]"),
    "misspelt fill concentration": ("drugs/ziconotide.toml", "[fill_concentration.naive]", "[fill_concentration.naiv]"),
    "misspelt rule": ("drugs/ziconotide.toml", "[titration.us-label]", "[titration.us-lable]"),
    "maximum dose that is only information": (
        "drugs/ziconotide.toml",
        'status = "verified"\nrole = "hard"\nnote = "0.8 mcg/h, by day 21. US label; the EU',
        'status = "verified"\nrole = "information"\nnote = "0.8 mcg/h, by day 21. US label; the EU',
    ),
    "reduction twice": (
        "conversions/oral-to-intrathecal-morphine.toml",
        'id = "champ-25-50"',
        'id = "elitelearning-33-50"',
    ),
    "caution code twice": ("drugs/morphine.toml", 'code = "restart-dose"', 'code = "observe-24-h"'),
    "version that is a number": ("library.toml", 'version = "2026.11"', "version = 2026.11"),
    "library with a stray key": ("library.toml", 'version = "2026.11"', 'version = "2026.11"\nverified = "yes"'),
    "word as a list": ("drugs/ziconotide.toml", 'value = "none"', 'value = ["none"]'),
}


@pytest.mark.parametrize(("file", "was", "becomes"), _LOADS.values(), ids=_LOADS)
def test_a_library_with_this_defect_does_not_load(tmp_path, file, was, becomes) -> None:
    folder = tmp_path / "drug_library"
    shutil.copytree(shipped_folder(), folder)
    text = (folder / file).read_text()
    assert was in text
    (folder / file).write_text(text.replace(was, becomes, 1))
    with pytest.raises(LibraryDefect):
        load(folder)


@pytest.mark.parametrize("gone", ["sources.toml", "conversions/opioids.toml"])
def test_a_missing_file_is_a_defect_and_not_a_traceback(tmp_path, gone) -> None:
    folder = tmp_path / "drug_library"
    shutil.copytree(shipped_folder(), folder)
    (folder / gone).unlink()
    with pytest.raises(LibraryDefect):
        load(folder)


def test_two_sets_of_ratios_for_one_drug_are_a_duplicate(tmp_path) -> None:
    folder = tmp_path / "drug_library"
    shutil.copytree(shipped_folder(), folder)
    text = (folder / "conversions/oral-to-intrathecal-morphine.toml").read_text()
    (folder / "conversions/zz.toml").write_text(text.replace('name = "oral-to-intrathecal-morphine"', 'name = "zz"'))
    with pytest.raises(LibraryDefect):
        load(folder)


def test_a_file_in_a_folder_that_is_not_read_is_a_defect(tmp_path) -> None:
    folder = tmp_path / "drug_library"
    shutil.copytree(shipped_folder(), folder)
    (folder / "drug").mkdir()
    shutil.copy(folder / "drugs/morphine.toml", folder / "drug/morphine.toml")
    with pytest.raises(LibraryDefect):
        load(folder)


# 12. Small ones


def test_the_example_in_written_read_runs() -> None:
    import pumpcalc.quantities.written as written

    assert doctest.testmod(written).failed == 0


def test_a_long_number_is_echoed_without_a_stray_quotation_mark() -> None:
    from pumpcalc.errors import echo
    from pumpcalc.strict_json import JsonNumber

    assert echo(JsonNumber("1" * 100)).count('"') % 2 == 0


@pytest.mark.parametrize("text", [".1234567891 mcg/day", ".5 mcg/day", "1,5 mg/h", ".5", ",5 mg/day"])
def test_whatever_is_suggested_can_be_read(text: str) -> None:
    with pytest.raises(Refusal) as caught:
        read(text, DAILY_DOSE)
    for suggested in re.findall(r'(?:write|as in) "([^"]+)"', caught.value.problems[0].detail):
        assert read(suggested if " " in suggested else f"{suggested} mg/day", DAILY_DOSE).amount > 0


def test_weekdays_do_not_depend_on_the_language_of_the_process() -> None:
    import ast
    from pathlib import Path

    tree = ast.parse((Path(pumpcalc.__file__).parent / "worksheet" / "sheet.py").read_text())
    assert not [n for n in ast.walk(tree) if isinstance(n, ast.Attribute) and n.attr == "strftime"]


def test_a_ratio_given_for_ziconotide_is_refused_or_said_to_be_unused() -> None:
    found = calculate("oral-to-intrathecal", oral(drug="ziconotide", ratio="300", reduction_percent="50"))
    assert "ratio-not-used" in notes(found)


def test_a_scale_past_63_bits_over_a_column_of_zeros_is_exact_too() -> None:
    from pumpcalc.fleet import Column, run
    from pumpcalc.formulas import FORMULAS
    from pumpcalc.quantities import FRACTION

    fast = Column.of([Quantity(Fraction(1, 9223372036854776) / 1000, FRACTION, "%")])
    none = Column.of([Quantity(Fraction(0), VOLUME, "mL")])
    assert run(FORMULAS["alarm_volume_that_warns_in_time"], fill_volume=none, flow_accuracy=fast).fractions() == [0]


@pytest.mark.parametrize("text", ["1 000 mg/day", "10  mg/day", "10 mg/day ", " 10 mg/day", "1 5 mg/day"])
def test_a_space_too_many_is_a_matter_of_the_number(text: str) -> None:
    with pytest.raises(Refusal) as caught:
        read(text, DAILY_DOSE)
    assert caught.value.problems[0].code == "number-format"


def test_a_unit_upside_down_is_said_to_be() -> None:
    with pytest.raises(Refusal) as caught:
        read("20 mL/mg", CONCENTRATION)
    assert (caught.value.problems[0].code, "upside down" in str(caught.value)) == ("wrong-kind", True)


def test_half_a_character_in_a_value_is_refused_at_its_field() -> None:
    from pumpcalc import strict_json

    asked = strict_json.read(b'{"drug": "\\ud800", "daily_dose": "10 \\udfff", "concentration": "20 mg/mL"}')
    with pytest.raises(Refusal) as caught:
        calculate("flow-rate", asked)
    assert [problem.pointer for problem in caught.value.problems] == ["/drug", "/daily_dose"]
    assert all(problem.detail.isascii() for problem in caught.value.problems)
    with pytest.raises(strict_json.NotJson):
        strict_json.read(b'{"\\ud800": 1}')


def test_a_long_record_of_our_own_is_read_and_verified(tmp_path, capsys) -> None:
    asked = ladder(start="0.1 mcg/day", step="0.1 mcg/day", steps_per_week="3", days=None, until="19 mcg/day")
    file = tmp_path / "record.json"
    file.write_text(calculate("titration", asked).model_dump_json())
    assert file.stat().st_size > 100_000
    assert cli.main(["verify", str(file)]) == 0, capsys.readouterr().err


def test_an_ordinary_request_still_holds_at_most_two_thousand_members() -> None:
    from pumpcalc import strict_json

    assert len(strict_json.read(b"[" + b",".join([b"1"] * strict_json.MOST_MEMBERS) + b"]")) == strict_json.MOST_MEMBERS
    with pytest.raises(strict_json.NotJson):
        strict_json.read(b"[" + b",".join([b"1"] * (strict_json.MOST_MEMBERS + 1)) + b"]")


@pytest.mark.parametrize(("field", "example"), [("pump", '"synchromed-ii-20"'), ("components", "concentration")])
def test_a_missing_field_is_answered_with_an_example_of_its_own(field: str, example: str) -> None:
    asked = fill()
    del asked[field]
    with pytest.raises(Refusal) as caught:
        calculate("refill-schedule", asked)
    (problem,) = caught.value.problems
    assert (problem.pointer, example in problem.detail, "morphine" in problem.detail) == (
        f"/{field}",
        True,
        field == "components",
    )


@pytest.mark.parametrize(("strength", "said"), [("5 mcg/mL", "weaker"), ("25 mg/mL", "stronger")])
def test_an_undiluted_fill_of_another_strength_is_said_to_be_weaker_or_stronger_as_it_is(strength, said) -> None:
    with pytest.raises(Refusal) as caught:
        calculate("refill-schedule", ziconotide_fill(components=solution("ziconotide", strength)))
    other = {"weaker": "stronger", "stronger": "weaker"}[said]
    assert (said in caught.value.problems[0].detail, other in caught.value.problems[0].detail) == (True, False)


@pytest.mark.parametrize("clock", ["24:00:00", "23:60:00", "23:59:60"])
def test_an_hour_minute_or_second_that_no_clock_shows_is_refused_by_our_own_rule(clock: str) -> None:
    with pytest.raises(Refusal) as caught:
        calculate("refill-schedule", fill(fill_date=None, filled_at=f"2026-01-05T{clock}Z", time_zone="UTC"))
    assert (caught.value.problems[0].code, caught.value.problems[0].pointer) == ("instant-format", "/filled_at")
