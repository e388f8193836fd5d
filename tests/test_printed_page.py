"""The printed page, redone by hand: a reader that knows only the page, the times table and its units."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from fractions import Fraction
from typing import Any

import pytest
from asking import size
from records import RECORDS
from walking import pump_week, walked

from pumpcalc import Calculation
from pumpcalc.printing import print_worksheet

_TOKEN = re.compile(
    r"\s*(?:(\d{4}-\d\d-\d\d(?:T\d\d:\d\d:\d\d[+-]\d\d:\d\d)?|\d\d:\d\d)"
    r"|([0-9.]+)( per | (?:[a-zA-Z%]*/?[a-zA-Z]+|%)(?: per [a-zA-Z/]+)?)?|(\w+)(?=\()|(.))"
)
"""A date or a time of day; a number with its unit; a word before a bracket; a sign."""


def _steps(page: str) -> Iterator[tuple[str, str]]:
    """What is written after the first and the second = of every step: the arithmetic and its result."""
    section = page.partition("\nSTEPS\n")[2].partition("\n\n")[0]
    for step in re.split(r"\n(?=  \w)", section):
        parts = re.split(r"\n      = ", step)
        assert len(parts) == 3, step
        yield " ".join(parts[1].split()), " ".join(parts[2].split())


class _Reader:
    """Arithmetic as it stands on paper: brackets first, then times and divided by, then plus and minus."""

    def __init__(self, text: str, request: dict[str, Any]) -> None:
        self.tokens = [m.groups() for m in _TOKEN.finditer(text.replace("\u00f7", "/").replace(" x ", " * "))]
        self.request = request
        self.closed = (set(request.get("closed_weekdays", ())), set(request.get("closed_dates", ())))

    def _sign(self) -> str:
        return (self.tokens[0][4] or "") if self.tokens else ""

    def total(self) -> Fraction:
        value = self._product()
        while self._sign() in ("+", "-"):
            sign = self.tokens.pop(0)[4]
            other = self._product()
            value = value + other if sign == "+" else value - other
        return value

    def _product(self) -> Fraction:
        value = self._one()
        while self._sign() in ("*", "/"):
            sign = self.tokens.pop(0)[4]
            other = self._one()
            value = value * other if sign == "*" else value / other
        return value

    def _one(self) -> Fraction:
        day, number, unit, word, sign = self.tokens.pop(0)
        if "T" in (day or ""):
            since = datetime.fromisoformat(day) - datetime(1, 1, 1, tzinfo=UTC)
            return Fraction(since.days) + Fraction(since.seconds, 86400)
        if day and ":" in day:
            return Fraction(int(day[:2]) * 60 + int(day[3:]), 1440)
        if day:
            return Fraction(date.fromisoformat(day).toordinal())
        if number:
            return Fraction(number) * size((unit or "").strip())
        if sign == "-":
            return -self._one()
        if sign == "(":
            value = self.total()
            assert self.tokens.pop(0)[4] == ")"
            return value
        if sign == "-":
            return -self._one()
        assert self.tokens.pop(0)[4] == "("
        values = [self.total()]
        while self.tokens.pop(0)[4] == ",":
            values.append(self.total())
        return self._chosen(word, values)

    def _open(self, ordinal: Fraction, step: int) -> Fraction:
        day, (weekdays, dates) = date.fromordinal(int(ordinal)), self.closed
        while f"{day:%A}".lower() in weekdays or str(day) in dates:
            day += timedelta(days=step)
        return Fraction(day.toordinal())

    def _chosen(self, word: str, values: list[Fraction]) -> Fraction:
        first = values[0]
        if word in ("last_open_day", "next_open_day"):
            return self._open(first, 1 if word == "next_open_day" else -1)
        if word == "open_days_before":
            for _ in range(int(values[1])):
                first = self._open(first - 1, -1)
            return first
        if word == "since_monday":
            return pump_week(
                datetime(1, 1, 1, tzinfo=UTC) + timedelta(seconds=int(first * 86400)), self.request["time_zone"]
            )
        if word == "walked":
            return walked(self.request, values[0] * values[1], values[2])
        return {
            "min": min(values), "max": max(values), "abs": abs(first), "count": Fraction(len(values)),
            "floor": Fraction(first.__floor__()), "ceil": Fraction(first.__ceil__()),
            "whole_hours": Fraction(int(first * 24), 24),
            "nearest": round(first / values[-1]) * values[-1] if word == "nearest" else first,
            "down": (first / values[-1]).__floor__() * values[-1] if word == "down" else first,
        }[word]  # fmt: skip


def _redone(calculation: Calculation, page: str) -> int:
    """Redo every step of a page; how many there were."""
    request = calculation.request
    done = 0
    for arithmetic, result in _steps(page):
        shown = re.split(r"\s*\((?:exactly|oral|intrathecal|transdermal)", result)[0]
        again, printed = _Reader(arithmetic, request).total(), _Reader(shown, request).total()
        if re.match(r"\d{4}-", shown):
            assert again == printed, (arithmetic, result)
        else:
            # The numbers on paper have six figures, so a result made of a few of them is good to five.
            assert abs(again - printed) * 10**5 <= 2 * abs(printed), (arithmetic, result)
        done += 1
    return done


@pytest.mark.parametrize("name", [name for name, record in RECORDS.items() if record.steps])
def test_every_step_can_be_redone_from_the_printed_page(name: str) -> None:
    assert _redone(RECORDS[name], print_worksheet(RECORDS[name])) == len(RECORDS[name].steps)


@pytest.mark.parametrize(
    ("was", "becomes"),
    [
        ("10 mg/day \u00f7 20 mg/mL", "10 mg/day x 20 mg/mL"),
        ("10 mg/day \u00f7 20 mg/mL", "10 mg/day \u00f7 20 mcg/mL"),
        ("10 mg/day \u00f7 20 mg/mL", "10 mg/h \u00f7 20 mg/mL"),
        ("      = 0.5 mL/day   (exactly", "      = 0.501 mL/day   (exactly"),
        ("      = 0.0208333 mL/h", "      = 0.0208333 mL/day"),
    ],
)
def test_a_page_that_prints_another_sum_than_its_result_would_be_noticed(was: str, becomes: str) -> None:
    page = print_worksheet(RECORDS["flow-rate"])
    assert was in page
    with pytest.raises(AssertionError):
        _redone(RECORDS["flow-rate"], page.replace(was, becomes))


def test_an_oral_and_an_intrathecal_milligram_never_look_alike() -> None:
    page = print_worksheet(RECORDS["oral"])
    assert "oral morphine equivalent: 300 mg/day (oral morphine)" in page
    assert "intrathecal daily dose: 0.5 mg/day (intrathecal morphine)" in page
    assert "ratio_krames_300 = 300 mg/mg (oral morphine per intrathecal morphine)" in page


@pytest.mark.parametrize("name", RECORDS)
def test_the_page_shows_the_whole_record(name: str) -> None:
    record, page = RECORDS[name], print_worksheet(RECORDS[name])
    flat = " ".join(page.split())
    for line in (*record.given, *record.steps):
        assert f"{line.name} = " in page
    for limit in record.limits:
        assert f"{limit.name}: {limit.actual} {limit.rule} " in flat
    assert all(note.text in flat for note in record.notes)
    assert all(f"- {name}" in page for name in record.unknown)
    assert all(part in flat for part in (record.notice, record.library.version, record.software))
    assert ("\nLIMITS HIT\n" in page) == bool(record.limits_hit)
    assert "E+" not in page
    assert not {"\u00b5", "\u03bc"} & set(page)


@pytest.mark.parametrize("name", RECORDS)
def test_every_answer_is_on_the_page_and_a_row_that_is_too_wide_for_a_table_is_wrapped(name: str) -> None:
    page = print_worksheet(RECORDS[name])
    answers = page.partition("\nGIVEN\n")[0]
    flat = " ".join(answers.split())
    for answer in RECORDS[name].answers.values():
        rows = answer if isinstance(answer, list) and all(isinstance(row, dict) for row in answer) else [{"": answer}]
        cells = [cell for row in rows for cell in row.values()]
        for cell in (str(word) for each in cells for word in (each if isinstance(each, list) else [each])):
            assert " ".join(cell.split()) in flat
    if name == "oral":
        assert "population: classical rule; population not recorded; source: krames-1996: abstract of PMID" in flat
    assert max(map(len, answers.splitlines())) <= 110
