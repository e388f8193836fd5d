"""Worked examples: a request and its answers, worked by hand from a source. The file's name is the promise."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
from asking import notes

from pumpcalc import CALCULATORS, calculate

_FILES = sorted((Path(__file__).parent / "worked_examples").glob("*.toml"))
_KEYS = {"calculation", "source", "worked", "request", "answers", "outcome", "notes", "hit"}


def _read(file: Path) -> dict[str, Any]:
    return tomllib.loads(file.read_text(encoding="utf-8"))


@pytest.mark.parametrize("file", _FILES, ids=lambda file: file.stem)
def test_the_example_is_answered_as_worked_by_hand(file: Path) -> None:
    example = _read(file)
    found = calculate(example["calculation"], example["request"])
    assert {name: found.answers[name] for name in example["answers"]} == example["answers"]
    assert found.outcome == example.get("outcome", "answer")
    assert set(example.get("notes", ())) <= set(notes(found))
    assert [limit.name for limit in found.limits_hit if limit.level == "hard"] == example.get("hit", [])


@pytest.mark.parametrize("file", _FILES, ids=lambda file: file.stem)
def test_the_example_says_where_it_comes_from_and_shows_its_arithmetic(file: Path) -> None:
    example = _read(file)
    assert set(example) <= _KEYS
    assert len(example["source"]) > 20
    worked = set(re.findall(r"\d+(?:\.\d+)?", example["worked"]))
    numbers = {n for v in example["answers"].values() if isinstance(v, str) for n in re.findall(r"^[\d.]+(?= )", v)}
    assert numbers <= worked, "every number of the answers stands in the line of arithmetic"


def test_every_calculator_has_an_example() -> None:
    assert {_read(file)["calculation"] for file in _FILES} == set(CALCULATORS)
