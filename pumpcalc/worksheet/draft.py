"""A draft: the arithmetic of a worksheet, for a search that looks at many possibilities and writes few of them down."""

from __future__ import annotations

from fractions import Fraction

from pumpcalc.formulas import Formula
from pumpcalc.quantities import Quantity
from pumpcalc.worksheet.lines import Value
from pumpcalc.worksheet.record import Cited
from pumpcalc.worksheet.sheet import Worksheet

__all__ = ["Draft"]


class Draft(Worksheet):
    """A worksheet that is not kept: the same calls give the same numbers, and nothing is written down.

    A search works every possibility out on a draft, and what it offers once more, with the same code, on the page. So
    the formula that chose is the formula printed. Units are judged on the page.
    """

    def given(self, name: str, quantity: Quantity, of: str | None = None, source: Cited | None = None) -> Value:
        return Value(name, quantity.amount, quantity.kind.unit(of), quantity.spelling)

    def step(self, formula: Formula, *, show: str, name: str | None = None, **operands: Value) -> Value:
        amount = formula(**{argument: value.amount for argument, value in operands.items()})
        return Value(name or formula.name, amount, formula.returns.text, show)

    def _line(
        self,
        name: str,
        text: str,
        amount: Fraction,
        unit: str,
        show: str,
        *,
        equation: str | None = None,
        source: str | None = None,
    ) -> Value:
        return Value(name, amount, unit, show)
