"""The fourth reading of a formula: many pumps at once, in integer columns, bit for bit the same answer.

    days = run(days_to_low_reservoir_alarm, fill_volume=..., alarm_volume=..., concentration=..., daily_dose=...)
    days.whole()       # an int64 array, equal to the floor of the exact fraction for every pump

A column is integers over integers, never a float. Units are checked once per column, by the same rule as on a
worksheet. Where a product could pass 63 bits the column goes on in Python's own integers: slower, never wrong.

Needs NumPy (extra ``fleet``).
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Sequence
from fractions import Fraction
from math import lcm
from typing import Any

import numpy as np

from pumpcalc.errors import refused
from pumpcalc.formulas import Formula
from pumpcalc.quantities import Quantity

__all__ = ["Column", "run"]

_INT64 = 2**63


class _Integers:
    """Whole numbers side by side (or one that stands for all), with bounds that are known to hold.

    The bounds follow from those of the operands, so no pass over the data is spent on asking whether a product fits.
    """

    __slots__ = ("high", "low", "values")

    def __init__(self, values: Any, low: int, high: int) -> None:
        self.values = values
        self.low = low
        self.high = high

    @classmethod
    def one(cls, value: int) -> _Integers:
        """One number for the whole column."""
        return cls(value, value, value)

    @classmethod
    def array(cls, values: Any) -> _Integers:
        """A column; its bounds are measured here, once."""
        return cls(values, int(values.min()), int(values.max()))

    def _made(self, other: _Integers, low: int, high: int, operate: Callable[[Any, Any], Any]) -> _Integers:
        """The result of an operation whose bounds are these; past 63 bits, in Python's own integers."""
        fits = all(each.low > -_INT64 and each.high < _INT64 for each in (self, other))
        if fits and low > -_INT64 and high < _INT64:
            return _Integers(operate(self.values, other.values), low, high)
        wide = [each.astype(object) if isinstance(each, np.ndarray) else each for each in (self.values, other.values)]
        return _Integers(operate(*wide), low, high)

    def __add__(self, other: _Integers) -> _Integers:
        return self._made(other, self.low + other.low, self.high + other.high, operator.add)

    def __sub__(self, other: _Integers) -> _Integers:
        return self._made(other, self.low - other.high, self.high - other.low, operator.sub)

    def __mul__(self, other: _Integers) -> _Integers:
        corners = [left * right for left in (self.low, self.high) for right in (other.low, other.high)]
        if isinstance(self.values, int) and self.values == 1:
            return other
        if isinstance(other.values, int) and other.values == 1:
            return self
        return self._made(other, min(corners), max(corners), operator.mul)


class _Cells:
    """Exact numbers side by side: ``over / under``, both integers. What a formula is run over."""

    __slots__ = ("over", "under")

    def __init__(self, over: _Integers, under: _Integers) -> None:
        self.over = over
        self.under = under

    @staticmethod
    def _of(other: _Cells | int) -> _Cells:
        return other if isinstance(other, _Cells) else _Cells(_Integers.one(other), _Integers.one(1))

    def _aligned(self, right: _Cells) -> tuple[_Integers, _Integers, _Integers]:
        """Both numerators over one denominator."""
        if self.under.low == self.under.high == right.under.low == right.under.high:
            return self.over, right.over, self.under
        return self.over * right.under, right.over * self.under, self.under * right.under

    def __add__(self, other: _Cells | int) -> _Cells:
        left, right, under = self._aligned(self._of(other))
        return _Cells(left + right, under)

    __radd__ = __add__

    def __sub__(self, other: _Cells | int) -> _Cells:
        left, right, under = self._aligned(self._of(other))
        return _Cells(left - right, under)

    def __rsub__(self, other: int) -> _Cells:
        return self._of(other) - self

    def __mul__(self, other: _Cells | int) -> _Cells:
        right = self._of(other)
        return _Cells(self.over * right.over, self.under * right.under)

    __rmul__ = __mul__

    def __truediv__(self, other: _Cells | int) -> _Cells:
        right = self._of(other)
        if right.over.low <= 0:
            raise refused("out-of-range", "A value that is divided by is zero or below it for some pump.")
        return _Cells(self.over * right.under, self.under * right.over)

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
        over = _Integers.array(np.array(exact, dtype=np.int64 if fits else object))
        return cls(_Cells(over, _Integers.one(under)), kinds.popitem()[1].unit(substance))

    @classmethod
    def of_integers(cls, values: Any, unit: str, per: int = 1) -> Column:
        """A column from an integer array, each value ``per`` times the canonical unit: nL is 1,000,000 per mL.

        ``unit`` is canonical with its substance, such as ``mcg[morphine]/day``. Raises Refusal for any other dtype:
        a float is never a dose.
        """
        if not isinstance(values, np.ndarray) or values.dtype.kind != "i" or not values.size:
            raise refused("wrong-type", "A column is an array of signed integers; state the scale in per.")
        return cls(_Cells(_Integers.array(values.astype(np.int64, copy=False)), _Integers.one(per)), unit)

    def __len__(self) -> int:
        return len(self._cells.over.values)

    def fractions(self) -> list[Fraction]:
        """The exact value of every pump, in the canonical unit."""
        under = np.broadcast_to(np.asarray(self._cells.under.values, dtype=object), (len(self),))
        return [Fraction(int(n), int(d)) for n, d in zip(self._cells.over.values, under, strict=True)]

    def whole(self) -> Any:
        """The whole part of every pump's value: part days are dropped.

        Raises Refusal when a value is negative: such as an alarm volume above the fill is a mistake, not a day.
        """
        over, under = self._cells.over, self._cells.under
        if over.low < 0 and np.any(over.values < 0):
            raise refused(
                "out-of-range", "A value of this column is below zero: look for an alarm volume above the fill."
            )
        if over.values.dtype != np.int64 or not isinstance(under.values, np.ndarray) or under.values.dtype != np.int64:
            return over.values // under.values
        # Neither is negative, so the division may be unsigned, which NumPy does three times as fast.
        return (over.values.view(np.uint64) // under.values.view(np.uint64)).view(np.int64)


def run(formula: Formula, **columns: Column) -> Column:
    """One formula over columns of equal length. Raises Refusal when units, substances or lengths do not fit."""
    unit = formula.unit({argument: column.unit for argument, column in columns.items()})
    if unit is None:
        listed = ", ".join(f"{argument} in {column.unit}" for argument, column in columns.items())
        raise refused("substance-mismatch", f"{formula.name} = {formula.text} cannot be used with {listed}.")
    if len({len(column) for column in columns.values()}) != 1:
        raise refused("wrong-length", "The columns do not have the same length.")
    cells = formula(**{argument: column._cells for argument, column in columns.items()})
    if not isinstance(cells.over.values, np.ndarray):  # a formula with 1 on top has the same number over every pump
        over = np.full(len(next(iter(columns.values()))), cells.over.values)
        cells = _Cells(_Integers(over, cells.over.low, cells.over.high), cells.under)
    return Column(cells, unit)
