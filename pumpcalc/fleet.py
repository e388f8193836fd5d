"""The fourth reading of a formula: many pumps at once, in integer columns, bit for bit the same answer.

    days = run(days_to_low_reservoir_alarm, fill_volume=..., alarm_volume=..., concentration=..., daily_dose=...)
    days.whole()       # an int64 array, equal to the floor of the exact fraction for every pump

A column is integers over integers, never a float. Units are checked once per column, by the same rule as on a
worksheet. Where a product could pass 63 bits the column goes on in Python's own integers: slower, never wrong.

Needs NumPy (extra ``fleet``).
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from math import lcm
from typing import Any

import numpy as np

from pumpcalc.errors import refused
from pumpcalc.formulas import Formula
from pumpcalc.quantities import Quantity

__all__ = ["Column", "run"]

_Integers = Any  # an ndarray of int64 or of Python ints; or one int, which stands for a whole column
_INT64 = 2**63


def _size(values: _Integers) -> int:
    return int(np.abs(values).max()) if isinstance(values, np.ndarray) and values.size else abs(int(values or 0))


def _wide(values: _Integers) -> _Integers:
    return values.astype(object) if isinstance(values, np.ndarray) else values


def _times(left: _Integers, right: _Integers) -> _Integers:
    if _size(left) * _size(right) >= _INT64:
        return _wide(left) * _wide(right)
    return left * right


def _plus(left: _Integers, right: _Integers) -> _Integers:
    if _size(left) + _size(right) >= _INT64:
        return _wide(left) + _wide(right)
    return left + right


class _Cells:
    """Exact numbers side by side: ``over / under``, both integers. What a formula is run over."""

    __slots__ = ("over", "under")

    def __init__(self, over: _Integers, under: _Integers = 1) -> None:
        self.over = over
        self.under = under

    @staticmethod
    def _of(other: _Cells | int) -> _Cells:
        return other if isinstance(other, _Cells) else _Cells(other)

    def __add__(self, other: _Cells | int) -> _Cells:
        right = self._of(other)
        if isinstance(self.under, int) and self.under == right.under:
            return _Cells(_plus(self.over, right.over), self.under)
        crossed = _plus(_times(self.over, right.under), _times(right.over, self.under))
        return _Cells(crossed, _times(self.under, right.under))

    __radd__ = __add__

    def __neg__(self) -> _Cells:
        return _Cells(-self.over, self.under)

    def __sub__(self, other: _Cells | int) -> _Cells:
        return self + -self._of(other)

    def __rsub__(self, other: int) -> _Cells:
        return -self + other

    def __mul__(self, other: _Cells | int) -> _Cells:
        right = self._of(other)
        return _Cells(_times(self.over, right.over), _times(self.under, right.under))

    __rmul__ = __mul__

    def __truediv__(self, other: _Cells | int) -> _Cells:
        right = self._of(other)
        if np.any(np.asarray(right.over) == 0):
            raise refused("zero", "A value is zero for some pump, and nothing is divided by zero.")
        return _Cells(_times(self.over, right.under), _times(self.under, right.over))

    def __rtruediv__(self, other: int) -> _Cells:
        return self._of(other) / self


class Column:
    """The same quantity of many pumps, in one canonical unit with its substance."""

    def __init__(self, cells: _Cells, unit: str) -> None:
        self._cells = cells
        self.unit = unit

    @classmethod
    def of(cls, quantities: Sequence[Quantity], substance: str | None = None) -> Column:
        """A column of quantities of one kind and one substance, one per pump, in their order."""
        kinds = {quantity.kind.name: quantity.kind for quantity in quantities}
        if len(kinds) != 1:
            raise refused("wrong-kind", f"A column holds one kind of quantity, not {', '.join(kinds) or 'nothing'}.")
        under = lcm(*(quantity.amount.denominator for quantity in quantities))
        exact = [q.amount.numerator * (under // q.amount.denominator) for q in quantities]
        fits = max(map(abs, exact)) < _INT64
        return cls(
            _Cells(np.array(exact, dtype=np.int64 if fits else object), under), kinds.popitem()[1].unit(substance)
        )

    def __len__(self) -> int:
        return len(self._cells.over)

    def fractions(self) -> list[Fraction]:
        """The exact value of every pump, in the canonical unit."""
        under = np.broadcast_to(np.asarray(self._cells.under, dtype=object), (len(self),))
        return [Fraction(int(over), int(each)) for over, each in zip(self._cells.over, under, strict=True)]

    def whole(self) -> Any:
        """The whole part of every pump's value: part days are dropped.

        Raises Refusal when a value is negative: such as an alarm volume above the fill is a mistake, not a day.
        """
        cells = self._cells
        if np.any(np.asarray(cells.over) < 0):
            raise refused(
                "out-of-range", "A value of this column is below zero: look for an alarm volume above the fill."
            )
        return cells.over // cells.under


def run(formula: Formula, **columns: Column) -> Column:
    """One formula over columns of equal length. Raises Refusal when units, substances or lengths do not fit."""
    unit = formula.unit({argument: column.unit for argument, column in columns.items()})
    if unit is None:
        listed = ", ".join(f"{argument} in {column.unit}" for argument, column in columns.items())
        raise refused("substance-mismatch", f"{formula.name} = {formula.text} cannot be used with {listed}.")
    if len({len(column) for column in columns.values()}) != 1:
        raise refused("wrong-length", "The columns do not have the same length.")
    return Column(formula(**{argument: column._cells for argument, column in columns.items()}), unit)
