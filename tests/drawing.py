"""What hypothesis draws, and the same quantity in other units."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction

from asking import lines, size
from hypothesis import strategies as st

from pumpcalc import Calculation


def numbers(low: str, high: str, places: int = 3) -> st.SearchStrategy[str]:
    """Decimal texts in the grammar, in a range."""
    drawn = st.decimals(low, high, places=places, allow_nan=False, allow_infinity=False)
    return drawn.map(lambda number: f"{number.normalize():f}")


def in_units(number: str, unit: str, other: str) -> str | None:
    """The same quantity in another unit, when the grammar can write it exactly."""
    value = Fraction(number) * size(unit) / size(other)
    scaled = value * 10**9
    if scaled.denominator != 1 or not 0 < value < 10**9:
        return None
    return f"{Decimal(int(scaled)).scaleb(-9).normalize():f} {other}"


def canonical(found: Calculation) -> dict[str, Fraction]:
    """Every number of the page, in canonical units."""
    return {
        name: Fraction(line.exact) * size(line.value.partition(" ")[2])
        for name, line in lines(found).items()
        if " " in line.value
    }
