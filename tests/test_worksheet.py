"""The record of a calculation: complete, re-doable from its own page, and withheld when any of it was altered."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Iterator
from fractions import Fraction
from typing import Any

import pytest
from asking import flow, lines, refusal
from records import RECORDS

import pumpcalc
from pumpcalc import CALCULATORS, NOTICE, Calculation, CalculationWithheld, Refusal, verify
from pumpcalc.quantities import DAILY_DOSE, VOLUME, read
from pumpcalc.worksheet import Worksheet, replay

every_record = pytest.mark.parametrize("record", RECORDS.values(), ids=RECORDS)


@every_record
def test_the_record_has_the_contracts_fields(record: Calculation) -> None:
    shape = record.model_dump(mode="json")
    contract = {"calculation", "outcome", "answers", "given", "steps", "limits", "notes", "unknown", "library"}
    assert contract | {"software", "notice"} <= set(shape)
    assert shape["notice"] == NOTICE
    assert shape["software"] == pumpcalc.__version__
    assert re.fullmatch(r"[0-9a-f]{64}", shape["library"]["sha256"])
    for line in shape["given"]:
        assert {"name", "value", "exact", "source"} <= set(line)
    for line in shape["steps"]:
        assert {"name", "formula", "value", "exact"} <= set(line)
    for each in shape["limits"]:
        assert {"name", "rule", "actual", "bound", "level", "hit", "source"} <= set(each)
    assert json.loads(record.model_dump_json()) == shape


def test_every_calculator_is_among_these_records() -> None:
    assert {record.calculation for record in RECORDS.values()} == set(CALCULATORS)


def _leaves(answer: Any) -> Iterator[Any]:
    if isinstance(answer, dict | list | tuple):
        for entry in answer.values() if isinstance(answer, dict) else answer:
            yield from _leaves(entry)
    else:
        yield answer


@every_record
def test_every_number_of_the_answers_follows_from_the_givens_through_the_steps(record: Calculation) -> None:
    reached = {each.name for each in record.given}
    for step in record.steps:
        named = {node.id for node in ast.walk(ast.parse(step.formula)) if isinstance(node, ast.Name)}
        choices = {
            "min",
            "max",
            "floor",
            "ceil",
            "count",
            "last_open_day",
            "next_open_day",
            "open_days_before",
            "nearest",
            "abs",
            "down",
            "whole_hours",
            "since_monday",
            "walked",
        }
        assert named - choices <= reached
        reached.add(step.name)
    shown = {line.value for line in lines(record).values()}
    counted = {value.partition(" ")[0] for value in shown}
    for answer in _leaves(record.answers):
        if isinstance(answer, int):
            assert answer == 0 or str(answer) in counted
        elif answer[0].isdigit():
            assert answer in shown


@every_record
def test_every_given_that_is_not_the_users_has_a_source_in_the_library(record: Calculation) -> None:
    sources = pumpcalc.library.load().sources
    entered = json.dumps(record.request)
    for each in record.given:
        if each.source is None:
            number = each.value if re.match(r"\d{4}-", each.value) else each.value.partition(" ")[0]
            assert number in entered, f"{each.name} has no source and was not entered"
        else:
            assert each.source.key in sources
            assert each.source.where
    assert all(each.source.key in sources for each in (*record.limits, *record.notes) if each.source)
    assert {step.source for step in record.steps} - {None} <= set(sources)


@every_record
def test_a_sound_record_replays_and_is_verified_and_asked_again(record: Calculation) -> None:
    replay(record.model_dump(mode="json"))
    said = verify(json.loads(record.model_dump_json()))
    assert "recomputed from the page and agrees" in said
    assert "it gives the same record" in said


# Writing a worksheet


def _work() -> Worksheet:
    return Worksheet("test", pumpcalc.library.load(), {})


def test_a_line_has_a_name_of_its_own() -> None:
    work = _work()
    work.given("dose", read("1 mg/day", DAILY_DOSE), "morphine")
    for name in ("dose", "not a name"):
        with pytest.raises(ValueError, match="a name of its own"):
            work.given(name, read("1 mg/day", DAILY_DOSE), "morphine")


def test_a_limit_of_one_drug_does_not_bound_the_dose_of_another() -> None:
    work, library = _work(), pumpcalc.library.load()
    dose = work.given("dose", read("1 mg/day", DAILY_DOSE), "morphine")
    volume = work.given("volume", read("1 mL", VOLUME))
    with pytest.raises(ValueError, match="does not bound"):
        work.at_most(dose, library.drugs["ziconotide"].maximum_daily_dose)
    with pytest.raises(ValueError, match="does not bound"):
        work.at_most(volume, library.drugs["ziconotide"].maximum_daily_dose)
    with pytest.raises(ValueError, match="information"):
        work.at_most(volume, library.pumps["synchromed-ii-20"].undeliverable_volume)


def test_unlike_quantities_are_not_totalled() -> None:
    work = _work()
    oral_dose = work.given("oral", read("1 mg/day", DAILY_DOSE), "oral morphine")
    spinal = work.given("spinal", read("1 mg/day", DAILY_DOSE), "morphine")
    for fold in (work.total, work.least, work.greatest):
        with pytest.raises(Refusal) as caught:
            fold("both", [oral_dose, spinal], "mg/day")
        assert caught.value.problems[0].code == "substance-mismatch"


def test_a_page_that_does_not_replay_never_leaves_the_worksheet() -> None:
    work = _work()
    work.answer(work.given("dose", read("1 mg/day", DAILY_DOSE), "morphine"))
    work.answer_with("dose_per_hour", "0.05 mg/h")
    with pytest.raises(CalculationWithheld, match="dose_per_hour"):
        work.finish()


def test_a_record_is_frozen() -> None:
    for part in (RECORDS["refill"], RECORDS["refill"].given[0], RECORDS["refill"].limits[0]):
        with pytest.raises(Exception, match="frozen"):
            part.name = "other"  # type: ignore[misc]


def test_what_is_shown_is_rounded_once_and_what_is_exact_stands_beside_it() -> None:
    for record in RECORDS.values():
        for line in lines(record).values():
            shown, _, unit = line.value.partition(" ")
            if unit:
                assert abs(Fraction(shown) - Fraction(line.exact)) * 10**5 <= abs(Fraction(line.exact))


def test_a_request_to_no_calculator_or_with_no_fields_is_refused() -> None:
    assert refusal("flow-rates", flow(), "unknown-calculation", "").did_you_mean == "flow-rate"
    refusal("flow-rate", [], "wrong-type", "")
    refusal("flow-rate", {1: "x"}, "wrong-type", "")
