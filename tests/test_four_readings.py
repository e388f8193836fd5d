"""The same line of arithmetic over fractions, as a text and over columns: one answer, bit for bit."""

from __future__ import annotations

import ast
import operator
from collections.abc import Callable
from fractions import Fraction

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

import pumpcalc
from pumpcalc import Refusal, formulas
from pumpcalc.fleet import Column, run
from pumpcalc.formulas import FORMULAS, Formula
from pumpcalc.quantities import CONCENTRATION, DAILY_DOSE, FLOW_RATE, KINDS, PER_WEEK, VOLUME, Kind, Quantity, read

_OPERATORS: dict[type, Callable[[Fraction, Fraction], Fraction]] = {
    ast.Add: operator.add, ast.Sub: operator.sub, ast.Mult: operator.mul, ast.Div: operator.truediv,
}  # fmt: skip


def _by_text(node: ast.expr, values: dict[str, Fraction]) -> Fraction:
    """The arithmetic of a formula's text, read as a person reads it."""
    if isinstance(node, ast.BinOp):
        return _OPERATORS[type(node.op)](_by_text(node.left, values), _by_text(node.right, values))
    if isinstance(node, ast.Name):
        return values[node.id]
    assert isinstance(node, ast.Constant)
    assert node.value == 1
    return Fraction(1)


def _kind_of(pattern: str) -> Kind:
    """A kind that has an argument's unit, for a column of it."""
    plain = pattern.replace("[Y]", "[X]")
    return next(kind for kind in KINDS if kind.canonical.replace("[Y]", "[X]") == plain)


_SMALL = st.fractions(Fraction(1, 1000), 1000, max_denominator=1000)
_HUGE = st.builds(Fraction, st.integers(1, 10**24), st.integers(1, 10**18))
_SUBSTANCES = {"X": "xylitol", "Y": "yarrow"}


@pytest.mark.parametrize("name", sorted(FORMULAS))
@settings(max_examples=60)
@given(data=st.data())
def test_the_four_readings_of_a_formula_agree(name: str, data: st.DataObject) -> None:
    each = FORMULAS[name]
    rows = data.draw(st.lists(st.tuples(*[st.one_of(_SMALL, _HUGE)] * len(each.arguments)), min_size=1, max_size=4))
    _agree(each, rows)


def _agree(each: Formula, rows: list[tuple[Fraction, ...]]) -> None:
    text = ast.parse(each.text, mode="eval").body
    by_number = [each(**dict(zip(each.arguments, row, strict=True))) for row in rows]
    by_text = [_by_text(text, dict(zip(each.arguments, row, strict=True))) for row in rows]
    columns = {}
    for position, (argument, pattern) in enumerate(each.arguments.items()):
        kind = _kind_of(pattern.text)
        of = "/".join(_SUBSTANCES[part[0]] for part in pattern.text.split("[")[1:]) or None
        columns[argument] = Column.of([Quantity(row[position], kind, kind.spellings[0]) for row in rows], of)
    by_column = run(each, **columns).fractions()
    assert by_number == by_text == by_column


@pytest.mark.parametrize("scale", [1, 10**9, 10**18, 10**30])
def test_a_column_that_outgrows_its_integers_stays_exact(scale: int) -> None:
    rows = [tuple(Fraction(scale * n + 1, n + 2) for n in range(start, start + 4)) for start in (3, 7, 11)]
    _agree(FORMULAS["days_to_low_reservoir_alarm"], rows)


@given(st.lists(st.tuples(st.integers(3, 40), st.integers(1, 900), st.integers(1, 3000)), min_size=1, max_size=20))
@example([(20, 192, 2500)])
def test_whole_days_of_a_fleet_are_the_floor_of_each_pumps_own_days(pumps: list[tuple[int, int, int]]) -> None:
    fill, alarm = [read(f"{v} mL", VOLUME) for v, _, _ in pumps], [read("2 mL", VOLUME)] * len(pumps)
    dose = [read(f"{d / 10:g} mcg/day", DAILY_DOSE) for _, d, _ in pumps]
    strength = [read(f"{c} mcg/mL", CONCENTRATION) for _, _, c in pumps]
    days = run(
        formulas.days_to_low_reservoir_alarm,
        fill_volume=Column.of(fill), alarm_volume=Column.of(alarm),
        concentration=Column.of(strength, "ziconotide"), daily_dose=Column.of(dose, "ziconotide"),
    )  # fmt: skip
    assert [int(day) for day in days.whole()] == [
        (f.amount - 2) * c.amount // d.amount for f, c, d in zip(fill, strength, dose, strict=True)
    ]


def test_a_fleet_with_an_alarm_above_its_fill_or_a_dose_of_zero_is_refused() -> None:
    two, three = (Column.of([read(text, VOLUME)]) for text in ("2 mL", "3 mL"))
    of = {"concentration": Column.of([read("20 mg/mL", CONCENTRATION)], "morphine")}
    dose = Column.of([read("1 mg/day", DAILY_DOSE)], "morphine")
    none = Column.of([read("0 mg/day", DAILY_DOSE)], "morphine")
    days = run(formulas.days_to_low_reservoir_alarm, fill_volume=two, alarm_volume=three, daily_dose=dose, **of)
    with pytest.raises(Refusal) as caught:
        days.whole()
    assert caught.value.problems[0].code == "out-of-range"
    with pytest.raises(Refusal) as caught:
        run(formulas.days_to_low_reservoir_alarm, fill_volume=three, alarm_volume=two, daily_dose=none, **of)
    assert caught.value.problems[0].code == "out-of-range"
    with pytest.raises(Refusal) as caught:
        Column.of([read("1 mL/day", FLOW_RATE), Quantity(Fraction(1), PER_WEEK, "/week")])
    assert caught.value.problems[0].code == "wrong-kind"


@pytest.mark.parametrize("each", FORMULAS.values(), ids=FORMULAS)
def test_a_formulas_text_source_and_meaning_stand(each: Formula) -> None:
    text = ast.parse(each.text, mode="eval").body
    named = {node.id for node in ast.walk(text) if isinstance(node, ast.Name)}
    assert named == set(each.arguments)
    assert each.source in pumpcalc.library.load().sources
    assert each.meaning[0].isupper()
    assert each.meaning.endswith(".")
    assert each.written(**{a: f"{a}_2" for a in each.arguments}).count("_2") == sum(
        isinstance(node, ast.Name) for node in ast.walk(text)
    )


def test_a_column_of_one_drug_over_a_column_of_another_is_refused() -> None:
    dose = Column.of([read("2.4 mcg/day", DAILY_DOSE)], "ziconotide")
    strength = Column.of([read("20 mg/mL", CONCENTRATION)], "morphine")
    for columns, code in (
        ({"daily_dose": dose, "concentration": strength}, "substance-mismatch"),
        ({"daily_dose": dose, "concentration": Column.of([read("25 mcg/mL", CONCENTRATION)] * 2, "ziconotide")},
         "wrong-length"),
    ):  # fmt: skip
        with pytest.raises(Refusal) as caught:
            run(formulas.flow_rate, **columns)
        assert caught.value.problems[0].code == code
