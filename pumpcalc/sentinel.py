"""The entry sentinel: a well-formed number that is probably a slip of the hand.

A value outside what the library calls usual, or far from the last value that was accepted, is a soft limit with its
reason. The sentinel reads the number back in words and says which slip would explain it: a point that moved, mg for
mcg, an hour for a day, the other reservoir. It never corrects anything.
"""

from __future__ import annotations

from fractions import Fraction

from pumpcalc.library import Fact, Pump
from pumpcalc.quantities import in_words, write
from pumpcalc.worksheet import Value, Worksheet

__all__ = ["check_against_last", "check_reservoir_size", "check_usual"]

_SLIPS: tuple[tuple[Fraction, str], ...] = (
    (Fraction(10), "ten times"),
    (Fraction(1, 10), "a tenth of"),
    (Fraction(24), "twenty-four times, as per hour is to per day,"),
    (Fraction(1, 24), "a twenty-fourth of, as per day is to per hour,"),
    (Fraction(60), "sixty times, as minutes are to hours,"),
    (Fraction(1, 60), "a sixtieth of, as hours are to minutes,"),
    (Fraction(100), "a hundred times"),
    (Fraction(1, 100), "a hundredth of"),
    (Fraction(1000), "a thousand times, as mg is to mcg,"),
    (Fraction(1, 1000), "a thousandth of, as mcg is to mg,"),
)
"""The slips that are looked for, the smallest factor first, and what is said of each."""
_NEAR = Fraction(1, 5)
"""How near a ratio must be to a slip's factor: an ordinary change of dose is far from all of them."""


def _meant(value: Value, factor: Fraction) -> str:
    """The value without the slip, in the unit that was written; for mg against mcg, in the other unit."""
    mass, slash, rest = value.spelling.partition("/")
    if factor in (Fraction(1000), Fraction(1, 1000)) and mass in ("mg", "mcg"):
        return write(value.exact, ("mcg" if mass == "mg" else "mg") + slash + rest)
    return write(value.exact / factor, value.spelling)


def _read_back(value: Value) -> str:
    return f"{value.name.replace('_', ' ')} is {in_words(value.exact, value.spelling)} ({value})"


def check_usual(work: Worksheet, value: Value, at_least: Fact, at_most: Fact) -> None:
    """Is this an ordinary value? Both ends are soft limits; outside them, the slip that would explain it is named."""
    low, high = at_least.quantity, at_most.quantity
    what = f"usual_{value.name}"
    if low is None or high is None:
        for fact in (at_least, at_most):
            if not fact.is_known:
                work.not_checked(fact)
        return
    work.at_least(value, at_least, f"{what}_at_least")
    work.at_most(value, at_most, f"{what}_at_most")
    if low.amount <= value.amount <= high.amount:
        return
    likely = [(factor, said) for factor, said in _SLIPS if low.amount <= value.amount / factor <= high.amount]
    band = f"what is usual, {low} to {high}"
    if not likely:
        work.note("outside-usual-band", f"Read back: {_read_back(value)}. That is outside {band}.")
        return
    factor, said = likely[0]
    work.note(
        "possible-slip",
        f"Read back: {_read_back(value)}. That is outside {band}; {_meant(value, factor)} would be inside, "
        f"and this is {said} that.",
        work.cite(at_most if factor > 1 else at_least),
    )


def check_against_last(work: Worksheet, value: Value, last: Value) -> None:
    """Is this near ten times, a tenth, a thousand times ... the value that was last accepted?"""
    ratio = value.amount / last.amount
    near = [(factor, said) for factor, said in _SLIPS if factor * (1 - _NEAR) <= ratio <= factor * (1 + _NEAR)]
    if near:
        said = min(near, key=lambda slip: abs(ratio / slip[0] - 1))[1]
        work.note(
            "slip-against-last",
            f"Read back: {_read_back(value)}. That is about {said} the last accepted value, {last}.",
        )


def check_reservoir_size(work: Worksheet, volume: Value, pump: Pump) -> None:
    """Is the fill exactly the reservoir of this pump's sister of another size?"""
    own = pump.reservoir_volume.quantity
    for other in work.library.pumps.values():
        theirs = other.reservoir_volume.quantity
        if own is None or theirs is None or other.family != pump.family or theirs.amount == own.amount:
            continue
        if volume.amount == theirs.amount:
            work.note(
                "other-reservoir-size",
                f"Read back: {_read_back(volume)}. That is the reservoir of {other.label}; this pump is the "
                f"{pump.label}, which holds {own}. Which pump is it?",
                work.cite(other.reservoir_volume),
            )
