"""A clinic's own file: what it may change, what it may not, from which day, and what every record says of it."""

from __future__ import annotations

import shutil
import tomllib
from dataclasses import replace
from datetime import date
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from asking import fill, flow, ladder, limit, notes, oral, ziconotide_fill
from clinic_files import DAY_BEFORE, FIRST_DAY, NORTH, change, library_of, library_unless_crossed, overlay_of, text_of
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from records import RECORDS

from pumpcalc import Calculation, LibraryDefect, Refusal, calculate, verify
from pumpcalc.library import Fact, Library, figures, fingerprint, in_force, load, read_overlay, shipped_folder
from pumpcalc.library.signed import side
from pumpcalc.quantities import write

_SHELF = figures(load())
_KNOWN = {name: fact for name, fact in _SHELF.items() if fact.is_known}
_MOVABLE = {name: fact for name, fact in _KNOWN.items() if fact.role != "information" and side(name)}


@pytest.fixture
def north(tmp_path: Path) -> Library:
    return overlay_of(tmp_path, NORTH).library


# What is changed, and how a record says so


def test_a_quoted_figure_is_off_until_a_named_person_confirms_it(north: Library) -> None:
    asked = flow(concentration="25 mg/mL")
    assert "morphine.maximum_concentration" in calculate("flow-rate", asked).unknown
    found = limit(calculate("flow-rate", asked, north), "maximum_concentration")
    assert (found.bound, found.level, found.hit) == ("20 mg/mL", "soft", True)
    assert found.source is not None
    assert found.source.status == "verified"
    assert found.source.where == (
        "table 3, printed copy held in the pharmacy; confirmed by A. Pharmacist on 2026-11-20 (North Clinic, overlay 3)"
    )


def test_a_tightened_limit_says_what_it_was_and_whose_decision_it_is(north: Library) -> None:
    found = limit(calculate("flow-rate", flow(daily_dose="12.1 mg/day"), north), "caution_daily_dose")
    assert (found.bound, found.level, found.hit) == ("12 mg/day", "soft", True)
    assert found.source is not None
    assert found.source.key == "north-policy-2026"
    assert "tightened from 20 mg/day [infumorph-us-label, verified] by A. Pharmacist" in found.source.where


def test_a_loosened_limit_names_two_people_the_reason_and_what_it_was_and_stays_hard(north: Library) -> None:
    asked = {"drug": "ziconotide", "daily_dose": "20 mcg/day", "concentration": "25 mcg/mL"}
    assert limit(calculate("flow-rate", asked), "maximum_daily_dose").hit
    found = limit(calculate("flow-rate", asked, north), "maximum_daily_dose")
    assert (found.bound, found.level, found.hit) == ("21.6 mcg/day", "hard", False)
    assert found.source is not None
    assert found.source.where == (
        "section 7; loosened from 19.2 mcg/day [prialt-us-label, verified] by A. Pharmacist and C. Physician on "
        "2026-11-20: the European label is followed (North Clinic, overlay 3)"
    )


@pytest.mark.parametrize(
    ("asked", "name", "at", "past"),
    [
        ({"drug": "morphine", "concentration": "20 mg/mL"}, "caution_daily_dose", "12 mg/day", "12.000000001 mg/day"),
        (
            {"drug": "ziconotide", "concentration": "25 mcg/mL"},
            "maximum_daily_dose",
            "21.6 mcg/day",
            "21.600000001 mcg/day",
        ),
    ],
)
def test_a_moved_limit_is_hit_just_past_its_bound_and_not_at_it(
    north: Library, asked: dict[str, str], name: str, at: str, past: str
) -> None:
    assert not limit(calculate("flow-rate", asked | {"daily_dose": at}, north), name).hit
    assert limit(calculate("flow-rate", asked | {"daily_dose": past}, north), name).hit


def test_a_confirmed_pump_loses_its_note_and_the_others_keep_it(north: Library) -> None:
    confirmed, other = flow(pump="synchromed-ii-20"), flow(pump="synchromed-ii-40")
    assert "pump-not-confirmed-on-site" in notes(calculate("flow-rate", confirmed))
    assert "pump-not-confirmed-on-site" not in notes(calculate("flow-rate", confirmed, north))
    assert "pump-not-confirmed-on-site" in notes(calculate("flow-rate", other, north))
    assert north.pumps["synchromed-ii-20"].verified_by.startswith("B. Engineer on 2026-11-18, against synchromed-ii-")


def test_a_pump_is_confirmed_as_it_was_read_and_not_as_it_became(tmp_path: Path) -> None:
    shutil.copytree(shipped_folder(), tmp_path / "later")
    file = tmp_path / "later" / "pumps" / "synchromed-ii-20.toml"
    file.write_text(file.read_text(encoding="utf-8").replace('"1.4 mL"', '"1.5 mL"'), encoding="utf-8")
    (tmp_path / "clinic.toml").write_text(NORTH, encoding="utf-8")
    with pytest.raises(LibraryDefect, match=r"^clinic.toml: changes.1: page: .*library show synchromed-ii-20"):
        read_overlay(tmp_path / "clinic.toml", tmp_path / "later")


def test_a_limit_that_the_library_changed_is_looked_at_again(tmp_path: Path) -> None:
    """Two people agreed to go from 19.2 to 21.6; nobody agreed to go from a lower figure to 21.6."""
    shutil.copytree(shipped_folder(), tmp_path / "later")
    file = tmp_path / "later" / "drugs" / "ziconotide.toml"
    file.write_text(file.read_text(encoding="utf-8").replace('"19.2 mcg/day"', '"9.6 mcg/day"', 1), encoding="utf-8")
    (tmp_path / "clinic.toml").write_text(NORTH, encoding="utf-8")
    with pytest.raises(LibraryDefect, match=r"^clinic.toml: changes.3: was: 19.2 mcg/day is not what the library has"):
        read_overlay(tmp_path / "clinic.toml", tmp_path / "later")


def test_an_unknown_figure_is_confirmed_with_what_was_read_and_then_answers(tmp_path: Path) -> None:
    accuracy = change("synchromed-iii-20.flow_accuracy", "confirm", "14.5 %", role="information")
    site = library_of(tmp_path, accuracy, change("morphine.maximum_daily_dose", "confirm", "25 mg/day", role="hard"))
    assert not load().pumps["synchromed-iii-20"].flow_accuracy.is_known
    asked = fill(pump="synchromed-iii-20", accuracy_caps_interval=True)
    with pytest.raises(Refusal, match=r"needs synchromed-iii-20.flow_accuracy"):
        calculate("refill-schedule", asked)
    assert "worst_case_dry_date" in calculate("refill-schedule", asked, site).answers
    found = limit(calculate("flow-rate", flow(daily_dose="26 mg/day"), site), "maximum_daily_dose")
    assert (found.bound, found.level, found.hit) == ("25 mg/day", "hard", True)


def test_a_known_figure_that_is_confirmed_keeps_its_value_and_says_who(tmp_path: Path) -> None:
    dose = change("morphine.caution_daily_dose", "confirm", "20000 mcg/day", role="hard")
    ratio = change("oral-to-intrathecal-morphine.ratios.0.ratio", "confirm", "300 mg/mg")
    shelf = figures(library_of(tmp_path, dose, ratio))
    assert shelf["morphine.caution_daily_dose"].role == "hard", "a soft limit that was verified here may be hard"
    assert shelf["morphine.caution_daily_dose"].quantity == replace(
        _known("morphine.caution_daily_dose"), spelling="mcg/day"
    )
    assert shelf["oral-to-intrathecal-morphine.ratios.0.ratio"].role == "information"
    for name in ("morphine.caution_daily_dose", "oral-to-intrathecal-morphine.ratios.0.ratio"):
        assert "confirmed by D. Pharmacist" in shelf[name].where
        assert _SHELF[name].where in shelf[name].note, "what the library has is kept"
        assert _SHELF[name].source in shelf[name].note


def _known(name: str) -> Any:
    return _SHELF[name].quantity


@pytest.mark.parametrize("role", ["soft", "information"])
def test_a_confirmation_never_makes_a_hard_limit_soft(tmp_path: Path, role: str) -> None:
    maximum = change("ziconotide.maximum_daily_dose", "confirm", "19.2 mcg/day", role=role)
    with pytest.raises(LibraryDefect, match=r"changes.0: role: was hard: a confirmation may make a soft limit hard"):
        library_of(tmp_path, maximum)


@pytest.mark.parametrize(("value", "is_confirmed"), [("15 mg/day", True), ("20 mg/day", True), ("17 mg/day", False)])
def test_of_a_quoted_range_either_end_can_be_confirmed_and_nothing_between(
    tmp_path: Path, value: str, is_confirmed: bool
) -> None:
    confirmed = change("bupivacaine.maximum_daily_dose", "confirm", value, role="soft")
    if is_confirmed:
        assert str(library_of(tmp_path, confirmed).drugs["bupivacaine"].maximum_daily_dose.quantity) == value
    else:
        with pytest.raises(LibraryDefect, match=r"17 mg/day is not what the library has, 15 to 20 mg/day"):
            library_of(tmp_path, confirmed)


def test_a_quoted_limit_may_be_held_stricter_than_it_is_quoted(tmp_path: Path) -> None:
    stricter = change("morphine.maximum_concentration", "tighten", "15 mg/mL", was="20 mg/mL", role="soft")
    site = library_of(tmp_path, stricter)
    assert limit(calculate("flow-rate", flow(concentration="15.1 mg/mL"), site), "maximum_concentration").hit
    with pytest.raises(LibraryDefect, match=r'role: "hard" is not|role: "information" is not'):
        library_of(tmp_path, stricter | {"role": "information"})


def test_whatever_a_library_holds_a_clinic_can_confirm(tmp_path: Path) -> None:
    """Every place for a figure takes a clinic's: none is read past the changes."""
    everything = [change(name, "confirm", fact.quantity) for name, fact in _KNOWN.items()]
    for name, fact in _SHELF.items():
        if fact.quoted:
            number, _, unit = fact.quoted.partition(" ")
            everything.append(
                change(name, "confirm", f"{number} {unit.rpartition(' to ')[2].split(' ')[-1]}", role="soft")
            )
    site = library_of(tmp_path, *everything)
    changed = {name: fact for name, fact in figures(site).items() if fact.is_known}
    assert len(changed) == len(everything)
    for name, fact in changed.items():
        assert (fact.status, fact.source) == ("verified", "south-policy")
        assert fact.role in (_SHELF[name].role, "soft")
    assert {name for name, fact in figures(site).items() if not fact.is_known} == {
        name for name, fact in _SHELF.items() if fact.status == "unknown"
    }


# What is refused


_DEFECTS = tomllib.loads((Path(__file__).parent / "broken_overlays.toml").read_text(encoding="utf-8"))


@pytest.mark.parametrize("defect", _DEFECTS.values(), ids=_DEFECTS)
def test_a_file_with_one_defect_does_not_load_and_says_where(tmp_path: Path, defect: dict[str, str]) -> None:
    page = fingerprint(load().pumps["synchromed-ii-20"])
    was, becomes = (defect[key].replace("FINGERPRINT", page) for key in ("was", "becomes"))
    assert was in NORTH, "the defect must be planted"
    with pytest.raises(LibraryDefect) as caught:
        overlay_of(tmp_path, NORTH.replace(was, becomes, 1))
    assert str(caught.value).startswith(f"clinic.toml: {defect['names']}")


def test_a_file_that_is_not_there_or_changes_nothing_does_not_load(tmp_path: Path) -> None:
    with pytest.raises(LibraryDefect, match=r"^nowhere.toml: cannot be read"):
        read_overlay(tmp_path / "nowhere.toml")
    with pytest.raises(LibraryDefect, match=r"^clinic.toml: changes: are missing: this file changes nothing"):
        overlay_of(tmp_path, text_of())


@pytest.mark.parametrize("other", ["E Physician", "e.physician", " E.  PHYSICIAN ", "\uff25. Physician"])
def test_a_person_is_not_two_people_however_the_name_is_written(tmp_path: Path, other: str) -> None:
    looser = change("ziconotide.maximum_daily_dose", "loosen", "20 mcg/day", was="19.2 mcg/day", by=other)
    with pytest.raises(LibraryDefect, match=r"changes.0: second: .*two people are needed"):
        library_of(tmp_path, looser)
    assert library_of(tmp_path, looser | {"by": "F. Physician"})


def test_bounds_that_two_changes_move_together_may_pass_where_one_alone_would_cross(tmp_path: Path) -> None:
    low, high = "morphine.start.naive.at_least", "morphine.start.naive.at_most"
    up = change(high, "loosen", "3 mg/day", was="1 mg/day")
    above = change(low, "tighten", "2 mg/day", was="0.2 mg/day")
    assert library_of(tmp_path, above, up).drugs["morphine"].start["naive"].at_least.quantity
    with pytest.raises(LibraryDefect, match=r"changes.0: figure: with this change .* the bounds cross"):
        library_of(tmp_path, above)


# From which day, and which library answered


def test_the_file_holds_from_its_day_and_not_on_the_day_before(tmp_path: Path) -> None:
    third = overlay_of(tmp_path, NORTH)
    assert in_force([third], DAY_BEFORE) is None
    assert in_force([third], FIRST_DAY) is third
    assert in_force([], FIRST_DAY) is None


def test_a_later_version_replaces_the_earlier_from_its_own_day_on(tmp_path: Path) -> None:
    dose = change("morphine.caution_daily_dose", "tighten", "10 mg/day", was="20 mg/day")
    first = overlay_of(tmp_path, text_of(dose, version=1), "one.toml")
    second = overlay_of(tmp_path, text_of(dose, version=2, effective_from=date(2027, 1, 1)), "two.toml")
    assert in_force([second, first], date(2026, 12, 31)) is first
    assert in_force([second, first], date(2027, 1, 1)) is second


def test_versions_that_do_not_follow_each_other_are_refused(tmp_path: Path) -> None:
    dose = change("morphine.caution_daily_dose", "tighten", "10 mg/day", was="20 mg/day")
    first = overlay_of(tmp_path, text_of(dose, version=1))
    same = overlay_of(tmp_path, text_of(dose, version=1))
    earlier = overlay_of(tmp_path, text_of(dose, version=2, effective_from=date(2026, 11, 30)))
    for others, says in (
        ([first, same], "^version: two files"),
        ([first, earlier], "^effective_from: South Clinic, overlay 2"),
        ([first, overlay_of(tmp_path, NORTH)], "^clinic: South Clinic, overlay 1 and North Clinic, overlay 3"),
    ):
        with pytest.raises(LibraryDefect, match=says):
            in_force(others, FIRST_DAY)


def test_every_record_says_which_file_of_which_clinic_answered(tmp_path: Path) -> None:
    site = overlay_of(tmp_path, NORTH).library
    record = calculate("flow-rate", flow(), site)
    assert record.library.version == f"{load().version}+north-clinic.3"
    assert record.library.sha256 == site.sha256 != load().sha256
    assert "was not asked again" in verify(record)
    assert verify(record, site).endswith("Asked again with the same library, it gives the same record.")
    with pytest.raises(Refusal, match="not the record"):
        verify({})


def test_the_checksum_is_the_same_again_and_changes_with_one_letter_of_either(tmp_path: Path) -> None:
    site = overlay_of(tmp_path, NORTH).library.sha256
    assert overlay_of(tmp_path, NORTH, "another-name.toml").library.sha256 == site
    assert overlay_of(tmp_path, f"{NORTH}# a comment\n").library.sha256 != site
    shutil.copytree(shipped_folder(), tmp_path / "other")
    assert read_overlay(tmp_path / "another-name.toml", tmp_path / "other").library.sha256 == site
    shutil.copytree(shipped_folder(), tmp_path / "changed")
    with (tmp_path / "changed" / "sources.toml").open("a", encoding="utf-8") as file:
        file.write("# a comment\n")
    assert read_overlay(tmp_path / "another-name.toml", tmp_path / "changed").library.sha256 != site


def test_a_library_that_changed_after_it_was_loaded_is_not_mixed_with_what_it_was(tmp_path: Path) -> None:
    shutil.copytree(shipped_folder(), tmp_path / "moving")
    (tmp_path / "clinic.toml").write_text(NORTH, encoding="utf-8")
    assert read_overlay(tmp_path / "clinic.toml", tmp_path / "moving")
    with (tmp_path / "moving" / "library.toml").open("a", encoding="utf-8") as file:
        file.write("# a comment\n")
    with pytest.raises(LibraryDefect, match="have changed since it was loaded"):
        read_overlay(tmp_path / "clinic.toml", tmp_path / "moving")


def test_the_library_itself_is_never_changed_by_a_clinics_file(tmp_path: Path) -> None:
    overlay_of(tmp_path, NORTH)
    assert figures(load()) == _SHELF
    assert calculate("flow-rate", flow()).library.sha256 == load().sha256


# Which way is stricter


def test_every_limit_of_the_library_has_a_side_or_is_a_size() -> None:
    """A limit with a new kind of name must say which way is stricter before a clinic can move it the wrong way."""
    without = {
        name.rpartition(".")[2] for name, fact in _KNOWN.items() if fact.role != "information" and not side(name)
    }
    assert without == {"reservoir_volume", "strongest_product", "clinician_bolus_volume", "demand_dose_volume"}


@pytest.mark.parametrize("name", RECORDS)
def test_the_side_of_a_limit_is_the_rule_by_which_calculators_check_it(name: str) -> None:
    checked = [each for each in RECORDS[name].limits if each.source is not None and each.rule != "one of"]
    for each in checked:
        assert each.source is not None
        if each.source.key == "definition" or each.bound.isdigit():
            continue  # what the words mean, or how many figures there are, is no figure
        cited = (each.source.key, each.source.where)
        meant = [
            fact.name
            for fact in _KNOWN.values()
            if (fact.source, fact.where) == cited and str(fact.quantity) == each.bound
        ]
        if not meant:
            assert each.bound in {step.value for step in RECORDS[name].steps}, "it follows from a figure, on the page"
            continue
        sides = {side(fact) for fact in meant} - {None}
        assert not sides or each.rule in sides, (each.name, meant)


def test_the_stricter_side_of_a_stability_is_a_shorter_one() -> None:
    for name, fact in _KNOWN.items():
        if ".in_pump_stability." in name or ".limits." in name:
            assert side(name) == "at most", fact


_REQUESTS: dict[str, list[dict[str, Any]]] = {
    "flow-rate": [
        flow(pump="synchromed-ii-20"), flow(daily_dose="25 mg/day"), flow(daily_dose="0.04 mg/day"),
        {"drug": "ziconotide", "daily_dose": "19.2 mcg/day", "concentration": "100 mcg/mL", "pump": "synchromed-ii-40"},
        {"drug": "baclofen", "daily_dose": "900 mcg/day", "concentration": "2000 mcg/mL", "pump": "prometra-ii-20"},
    ],
    "refill-schedule": [fill(), fill(fill_volume="20.5 mL"), ziconotide_fill(), ziconotide_fill(fill_kind="naive"),
                        ziconotide_fill(daily_dose="2.4 mcg/day")],
    "titration": [ladder(days=None, until="16.8 mcg/day"), ladder(days=None, until="24 mcg/day", steps_per_week="5"),
                  ladder(days=None, rule="low-and-slow", start="0.4 mcg/day", step="0.5 mcg/day", until="4 mcg/day")],
    "oral-to-intrathecal": [oral(ratio="300", reduction_percent="0"), oral(ratio="12", reduction_percent="0")],
    "beyond-use-date": [{"category": "1", "storage": "room", "compounded_at": "2026-11-25T09:00:00-05:00"}],
}  # fmt: skip
"""Requests of every kind that meets a limit. With `until`, a titration is the same plan whatever its maximum is."""


def _hit(record: Calculation) -> set[tuple[str, str, str]]:
    return {(each.name, each.rule, each.actual_exact) for each in record.limits_hit} | {
        (each.name, "hard", each.actual_exact) for each in record.limits_hit if each.level == "hard"
    }


def _stricter(fact: Fact, share: Fraction) -> str:
    """A value on the stricter side: that share of it, or its inverse, to as many places as can be written."""
    assert fact.quantity is not None
    exact = fact.quantity.amount / fact.quantity.kind.factors[fact.quantity.spelling]
    return write(exact * share if side(fact.name) == "at most" else exact / share, fact.quantity.spelling)


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.sampled_from(sorted(name for name in _MOVABLE if ".studied." not in name)),  # they keep an order of their own
    st.sampled_from([Fraction(99, 100), Fraction(9, 10), Fraction(2, 3), Fraction(1, 4)]),
    st.sampled_from([(name, request) for name, requests in _REQUESTS.items() for request in requests]),
)
def test_a_tightening_never_takes_away_a_limit_that_is_hit_nor_makes_a_refill_later(
    tmp_path: Path, figure: str, share: Fraction, asked: tuple[str, dict[str, Any]]
) -> None:
    fact = _MOVABLE[figure]
    tighter = change(figure, "tighten", _stricter(fact, share), was=str(fact.quantity))
    site = library_unless_crossed(tmp_path, tighter)
    if site is None:
        return
    before, after = calculate(*asked), calculate(*asked, site)
    assert _hit(before) <= _hit(after)
    for day in {"refill_by", "beyond_use"} & set(before.answers):
        assert after.answers[day] <= before.answers[day]


@pytest.mark.parametrize("figure", sorted(_MOVABLE))
def test_a_limit_moves_the_stricter_way_alone_and_the_other_way_with_two_people(tmp_path: Path, figure: str) -> None:
    fact = _MOVABLE[figure]
    was = str(fact.quantity)
    ninety, inverse = _stricter(fact, Fraction(99, 100)), _stricter(fact, Fraction(100, 99))
    for action, value in (("tighten", inverse), ("loosen", ninety), ("tighten", was), ("loosen", was)):
        with pytest.raises(LibraryDefect, match=f"does not {action} {was}"):
            library_of(tmp_path, change(figure, action, value, was=was))
    for action, value in (("tighten", ninety), ("loosen", inverse)):
        site = library_unless_crossed(tmp_path, change(figure, action, value, was=was))
        if site is not None:
            moved = figures(site)[figure]
            assert (str(moved.quantity), moved.role) == (value, fact.role)
