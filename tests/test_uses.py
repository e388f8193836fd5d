"""Which results used this constant? The question after a recall, answered exactly."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import fields, is_dataclass, replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from asking import figures
from records import ASKED, RECORDS

import pumpcalc
from pumpcalc import Calculation, Refusal, calculate, cli, uses
from pumpcalc.library import Fact
from pumpcalc.quantities import Quantity

_TUBING = "synchromed-ii-20.pump_tubing_volume"


def _planted(thing: Any, name: str) -> Any:
    """The same library with one figure half as large again."""
    if isinstance(thing, Fact):
        if thing.name != name or thing.quantity is None:
            return thing
        return replace(thing, quantity=replace(thing.quantity, amount=thing.quantity.amount * Fraction(3, 2)))
    if isinstance(thing, Mapping):
        return {key: _planted(each, name) for key, each in thing.items()}
    if isinstance(thing, tuple):
        return tuple(_planted(each, name) for each in thing)
    if is_dataclass(thing) and not isinstance(thing, type | Quantity):
        return replace(thing, **{each.name: _planted(getattr(thing, each.name), name) for each in fields(thing)})
    return thing


def _shown(calculation: str, request: dict[str, Any], library: Any) -> Any:
    try:
        return calculate(calculation, request, library).model_dump(mode="json")
    except Refusal as refusal:
        return refusal.record()


_OF_DEVICES = [
    name
    for name, fact in figures().items()
    if fact.is_known and name.split(".")[0].split("-")[0] in ("synchromed", "prometra", "indura", "policy", "morphine")
]


def test_a_figure_that_is_planted_changes_exactly_the_records_that_say_they_used_it() -> None:
    shelf = pumpcalc.library.load()
    found = 0
    for name in _OF_DEVICES:
        library = _planted(shelf, name)
        changed = {
            record for record, asked in ASKED.items()
            if _shown(*asked, library) != RECORDS[record].model_dump(mode="json")
        }  # fmt: skip
        assert changed == {record for record, each in RECORDS.items() if uses(each, name)}, name
        found += bool(changed)
    assert found > 10


def test_the_record_with_the_superseded_tubing_volume_is_found_by_it() -> None:
    assert {name for name, each in RECORDS.items() if uses(each, f"{_TUBING}.0")} == {"prime"}
    assert uses(RECORDS["prime"], f"{_TUBING}.0") == ("superseded-tubing-volume",)
    assert uses(RECORDS["prime"], f"{_TUBING}.1") == ("pump_tubing_volume_of_today", "superseded_tubing_volume")
    assert uses(RECORDS["prime"], "ascenda-8780.volume_per_length") == ()


@pytest.mark.parametrize("name", RECORDS)
def test_every_figure_of_a_record_says_which_one_it_is_and_the_text_of_the_record_finds_it(name: str) -> None:
    record, shelf = RECORDS[name], pumpcalc.library.load()
    cited = [line.source for line in (*record.given, *record.limits, *record.notes) if line.source]
    # What follows from a definition, or from how a search is made, is no figure of the library.
    facts = {each.fact for each in cited if each.fact or each.key not in ("definition", "pumpcalc-policy")}
    assert None not in facts
    for fact in facts:
        assert shelf.fact(str(fact)).name == fact
        assert uses(record, str(fact))
        assert f'"fact":"{fact}"' in record.model_dump_json()


def test_the_command_lists_the_records_that_used_a_figure(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    kept = tmp_path / "records.jsonl"
    records = [RECORDS[name].model_dump_json() for name in ("flow-rate", "bridge", "prime")]
    records.append(json.dumps({"outcome": "refused", "problem": {"code": "zero", "detail": "Zero."}}))
    kept.write_text("\n".join(records), encoding="utf-8")
    assert cli.main(["uses", f"{_TUBING}.0", str(kept)]) == cli.ANSWERED
    printed = capsys.readouterr()
    assert printed.out == "3: priming-bolus: superseded-tubing-volume\n"
    assert printed.err == f"1 of 4 records used {_TUBING}.0.\n"
    assert cli.main(["uses", "ascenda-8780.volume_per_length", str(kept)]) == cli.ANSWERED
    assert capsys.readouterr().err.startswith("0 of 4 records")


def test_a_misspelt_figure_is_not_reported_as_unused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    kept = tmp_path / "records.jsonl"
    kept.write_text(RECORDS["prime"].model_dump_json(), encoding="utf-8")
    assert cli.main(["uses", "synchromed-ii-20.pump_tubing_volumes.0", str(kept)]) == cli.REFUSED
    printed = capsys.readouterr()
    assert f"Did you mean {_TUBING}.0?" in printed.err
    assert printed.out == ""
    for text in ("[1]", "{"):
        kept.write_text(text, encoding="utf-8")
        assert cli.main(["uses", "policy.sensitivity_volume", str(kept)]) == cli.REFUSED


def test_a_record_from_before_figures_were_named_is_still_read() -> None:
    old = RECORDS["flow-rate"].model_dump(mode="json")
    for line in (*old["given"], *old["limits"], *old["notes"]):
        if line["source"]:
            del line["source"]["fact"]
    assert Calculation.model_validate(old).answers == RECORDS["flow-rate"].answers
    assert uses(old, "synchromed-ii-20.minimum_flow_rate") == ()
