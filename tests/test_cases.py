"""Every row of the two published case files: answered here, or named in cases_later.py with what will answer it."""

from __future__ import annotations

import csv
import json
import re
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from cases_bridge import BY_CASE as BRIDGE
from cases_fills import Asked
from cases_later import LATER, PARTLY_LATER
from cases_pharmacology import BY_CASE as PHARMACOLOGY
from cases_pharmacology import BY_GROUP
from cases_programmes import BY_CASE as PROGRAMMES
from cases_pumps import BY_CASE as PUMPS
from cases_reservoir import BY_CASE as RESERVOIR

_FOLDER = Path(__file__).parent / "cases"
BY_CASE = PHARMACOLOGY | PUMPS | BRIDGE | PROGRAMMES | RESERVOIR
_BINDING = {
    "volume": "low-reservoir-alarm",
    "stability": "in-pump-stability",
    "naive pump 14 d": "in-pump-stability",
    "180 d": "maximum-interval",
    "BUD": "beyond-use-date",
}
"""The case files' words for a binding limit, in the contract's words."""


def _rows(file: str) -> dict[str, dict[str, str]]:
    with (_FOLDER / file).open(encoding="utf-8", newline="") as stream:
        return {row["case"]: row for row in csv.DictReader(stream)}


ROWS = _rows("pharmacology.csv") | _rows("pumps.csv")


def _how(case: str) -> Asked | None:
    return None if case in LATER else BY_CASE.get(case) or BY_GROUP.get(ROWS[case].get("group", ""))


ANSWERED = {case: how for case in ROWS if (how := _how(case)) is not None}


def _agrees(expected: Any, found: Any, tolerance: str) -> bool:
    """Exactly, unless the row states how near is near enough, or prints so many decimals that it must be rounded."""
    if isinstance(expected, dict):
        return expected.keys() == found.keys() and all(_agrees(expected[k], found[k], tolerance) for k in expected)
    if isinstance(expected, list):
        return len(expected) == len(found) and all(map(lambda e, f: _agrees(e, f, tolerance), expected, found))
    if isinstance(expected, bool) or expected is None or isinstance(found, str):
        return bool(_BINDING.get(str(expected), expected) == found)
    wanted, got = Fraction(str(expected)), Fraction(found)
    near = re.fullmatch(r"(?:abs )?([0-9.e-]+)( rel)?(?: abs)?", tolerance)
    bound = Fraction(near[1]) * (abs(wanted) if near[2] else 1) if near else Fraction(0)
    decimals = len(str(expected).partition(".")[2])
    printed = Fraction(1, 2 * 10**decimals) if decimals >= 5 else Fraction(0)
    return abs(got - wanted) <= max(bound, printed)


@pytest.mark.parametrize("case", ANSWERED)
def test_the_published_case_is_answered_as_printed(case: str) -> None:
    row = ROWS[case]
    found = ANSWERED[case](json.loads(row["inputs"], parse_float=Decimal))
    expected = json.loads(row["expected"], parse_float=Decimal)
    for name in expected.keys() - PARTLY_LATER.get(case, {}).keys():
        assert _agrees(expected[name], found[name], row["tolerance"]), (name, expected[name], found[name])


def test_no_case_is_forgotten_and_none_is_invented() -> None:
    assert set(ANSWERED) | set(LATER) == set(ROWS)
    assert not set(ANSWERED) & set(LATER)
    assert set(BY_CASE) <= set(ANSWERED)
    assert all(PARTLY_LATER[case].keys() < json.loads(ROWS[case]["expected"]).keys() for case in PARTLY_LATER)
    assert len(ROWS) == 98 + 75


@pytest.mark.parametrize(
    ("expected", "found", "tolerance"),
    [
        ("23", Fraction(24), "floor"),
        (Decimal("0.1"), Fraction("0.1000001"), "exact"),
        (33, Fraction("33.51"), "abs 0.5"),
        (Decimal("96.1"), Fraction("96.16"), "0.05 abs"),
        (Decimal("43.478261"), Fraction("43.4784"), "1e-6 rel"),
        ("volume", "in-pump-stability", "floor"),
        ([30, 60], [Fraction(30), Fraction(61)], "1e-9"),
        (None, Fraction(0), "exact"),
    ],
)
def test_a_wrong_answer_would_not_pass_for_the_printed_one(expected: Any, found: Any, tolerance: str) -> None:
    assert not _agrees(expected, found, tolerance)
