"""What leaves the house is text at its sink and nothing else: a spreadsheet, a log."""

from __future__ import annotations

import csv
import io
import json
import logging

import pytest
from hostile_cases import CASES
from hypothesis import given
from hypothesis import strategies as st

from api.inert import LogLines, csv_table, log_line, plain_cell

_TRIGGERS = tuple("=+-@\t\r\n\uff1d\uff0b\uff0d\uff20")
_HOSTILE = [case["value"] for case in CASES if isinstance(case["value"], str)]

anything = st.text(st.characters(exclude_categories=()))
whole = st.text(st.characters(exclude_categories=["Cs"]))
likely = st.one_of(
    whole,
    st.sampled_from(_HOSTILE),
    st.builds(
        lambda quotes, trigger, rest: "'" * quotes + trigger + rest,
        st.integers(0, 3),
        st.sampled_from(_TRIGGERS),
        whole,
    ),
)
tables = st.lists(st.lists(likely, min_size=1, max_size=4), max_size=4)


def _read(written: str) -> list[list[str]]:
    return list(csv.reader(io.StringIO(written, newline=""), strict=True))


@given(tables)
def test_a_table_read_again_is_the_table_once_the_apostrophes_are_taken_off(rows: list[list[str]]) -> None:
    assert [[plain_cell(cell) for cell in row] for row in _read(csv_table(rows))] == rows


@given(tables)
def test_no_cell_begins_like_a_formula(rows: list[list[str]]) -> None:
    written = csv_table(rows)
    assert not [cell for row in _read(written) for cell in row if cell.startswith(_TRIGGERS)]
    # Nor for a reader that splits at every comma, semicolon and line break that stands outside quotes.
    assert not [line for line in written.split("\r\n") if line.startswith(_TRIGGERS)]


@given(anything)
def test_a_cell_that_is_no_formula_is_left_alone(text: str) -> None:
    marked = csv_table([[text, "x"]]).lstrip('"').startswith("'")
    assert marked == (text.lstrip("'").startswith(_TRIGGERS) or text.startswith("'"))


@given(st.dictionaries(st.text(), st.one_of(anything, st.integers())))
def test_one_record_is_one_line_of_ascii_and_reads_back(fields: dict[str, str | int]) -> None:
    line = log_line(fields)
    assert line.isascii()
    assert line.isprintable()
    assert len(line.splitlines()) == 1
    assert json.loads(line) == fields


@given(anything)
def test_a_log_record_is_one_line_whatever_it_says_and_an_exception_leaves_only_its_kind_and_place(text: str) -> None:
    try:
        raise ValueError(text)
    except ValueError as error:
        record = logging.LogRecord(
            "pumpcalc", logging.ERROR, "/x.py", 1, "%s", (text,), (type(error), error, error.__traceback__)
        )
    line = LogLines().format(record)
    assert len(line.splitlines()) == 1
    assert line.isascii()
    found = json.loads(line)
    assert set(found) == {"time", "level", "logger", "event", "error", "at"}
    assert found["error"] == "ValueError"
    assert found["at"].startswith(__name__)


@pytest.mark.parametrize(
    ("text", "csv_says"),
    [
        ("=cmd|' /C calc'!A0", "'=cmd|' /C calc'!A0"),
        ("\uff1d1+1", "'\uff1d1+1"),
        ("'t Hooft", "'t Hooft"),
        ("'=1", "''=1"),
        ("Clinic;X=Y\\,Z", '"Clinic;X=Y\\,Z"'),
    ],
)
def test_some_texts_by_hand(text: str, csv_says: str) -> None:
    assert csv_table([[text]]) == f"{csv_says}\r\n"
