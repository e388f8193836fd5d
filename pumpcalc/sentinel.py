"""The entry sentinel: a well-formed number that is probably a slip of the hand.

A value outside what the library calls usual, or far from the last value that was accepted, is a soft limit with its
reason. The sentinel reads the number back in words and says which slip would explain it: a point that moved, mg for
mcg, an hour for a day, the other reservoir. It never corrects anything.
"""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

from pumpcalc.library import ConversionTable, Pump, Range
from pumpcalc.quantities import KINDS, in_words, write
from pumpcalc.worksheet import Value, Worksheet, plain_unit

__all__ = [
    "check_against_last",
    "check_lockout",
    "check_reservoir_size",
    "check_usual",
    "check_usual_total",
    "how_far",
]

_MOVED_POINT = (
    (Fraction(10), "ten times"),
    (Fraction(1, 10), "a tenth of"),
    (Fraction(100), "a hundred times"),
    (Fraction(1, 100), "a hundredth of"),
    (Fraction(1000), "a thousand times"),
    (Fraction(1, 1000), "a thousandth of"),
)
"""A decimal point that moved, and what is said of it."""
_AGAINST_LAST = (
    *_MOVED_POINT[:4],
    (Fraction(24), "twenty-four times (per hour for per day?)"),
    (Fraction(1, 24), "a twenty-fourth of (per day for per hour?)"),
    (Fraction(1000), "a thousand times (mg for mcg?)"),
    (Fraction(1, 1000), "a thousandth of (mcg for mg?)"),
)
_HOURS_PER_DAY = Fraction(24)
_NEAR = Fraction(1, 5)
"""How near a ratio must be to a slip's factor: an ordinary change of dose is far from all of them."""


_MOST_OF_LAST = _MOVED_POINT[0][0] * (1 - _NEAR)
_LEAST_OF_LAST = _MOVED_POINT[1][0] * (1 + _NEAR)
"""Between these a change is no slip of a point: from a tenth to ten times, and what is near them."""


def _read_back(value: Value) -> str:
    return f"Read back: {value.name.replace('_', ' ')} is {in_words(value.exact, value.spelling)} ({value})."


def _is_one_slip_away(spelling: str, written: str) -> bool:
    """Does one part of the unit differ, mg for mcg or h for day, and no more?"""
    return sum(one != other for one, other in zip(spelling.split("/"), written.split("/"), strict=True)) == 1


def _would_be_usual(value: Value, low: Fraction, high: Fraction) -> list[str]:
    """What the value would be without the slip that makes it unusual, the likeliest first."""
    kind = next(kind for kind in KINDS if value.spelling in kind.spellings and plain_unit(value.unit) == kind.plain)
    other_units = [
        f"{write(value.exact, spelling)} (the same number, in another unit)"
        for spelling, factor in kind.factors.items()
        if _is_one_slip_away(spelling, value.spelling) and low <= value.exact * factor <= high
    ]
    moved = [
        f"{write(value.exact / factor, value.spelling)} (this is {said} that)"
        for factor, said in _MOVED_POINT
        if low <= value.amount / factor <= high
    ]
    return [*moved, *other_units]


def check_usual(work: Worksheet, value: Value, usual: Range) -> None:
    """Is this an ordinary value? Both ends are soft limits; outside them, what slip would explain it is said."""
    low, high = usual.at_least.quantity, usual.at_most.quantity
    if low is None or high is None:
        for fact in (usual.at_least, usual.at_most):
            if not fact.is_known:
                work.not_checked(fact)
        return
    work.at_least(value, usual.at_least, f"usual_{value.name}_at_least")
    work.at_most(value, usual.at_most, f"usual_{value.name}_at_most")
    if low.amount <= value.amount <= high.amount:
        return
    below = value.amount < low.amount
    # Nothing but a verified figure may make a low dose look like a slip for a higher one.
    silent = below and usual.at_least.status != "verified"
    likely = [] if silent else _would_be_usual(value, low.amount, high.amount)
    work.note(
        "possible-slip" if likely else "outside-usual-band",
        f"{_read_back(value)} That is outside what is usual, {low} to {high}."
        + (f" Inside would be: {'; '.join(likely)}." if likely else ""),
        work.cite(usual.at_least if below else usual.at_most),
    )


def check_usual_total(work: Worksheet, total: Value, table: ConversionTable) -> None:
    """Is this an ordinary total of oral opioids?"""
    high = table.usual_total_at_most.quantity
    if high is None:
        work.not_checked(table.usual_total_at_most)
        return
    work.at_most(total, table.usual_total_at_most)
    if total.amount > high.amount:
        work.note(
            "possible-slip",
            f"{_read_back(total)} That is above {high}, past which an entry is read back: "
            "was a point or a unit mistaken?",
            work.cite(table.usual_total_at_most),
        )


def how_far(value: Value, other: Value) -> str:
    """How far a value is from another of its kind, and the slip that it would be, in words before "the other"."""
    ratio = value.amount / other.amount
    near = [(factor, said) for factor, said in _AGAINST_LAST if abs(ratio / factor - 1) <= _NEAR]
    if near:
        factor, said = min(near, key=lambda slip: abs(ratio / slip[0] - 1))
        return said if ratio == factor else f"{write(ratio, '1')} times (about {said})"
    return f"{write(ratio, '1')} times"


def check_against_last(work: Worksheet, value: Value, last: Value) -> None:
    """Is this far from the value that was last accepted, and which slip would make it so?

    Both ends are soft limits: the nearest slip each way, ten times and a tenth, with what is near them.
    """
    lowest, highest = last.amount * _LEAST_OF_LAST, last.amount * _MOST_OF_LAST
    name = f"{value.name}_against_last"
    work.soft_bound(value, "at most", replace(last, amount=highest), f"{name}_at_most")
    work.soft_bound(value, "at least", replace(last, amount=lowest), f"{name}_at_least")
    if lowest <= value.amount <= highest:
        return
    work.note(
        "slip-against-last", f"{_read_back(value)} That is {how_far(value, last)} the last accepted value, {last}."
    )


def check_lockout(work: Worksheet, lockout: Value, often: Value, allotted: Value) -> None:
    """Does the lockout spread the allotted boluses over the day, or could all of them be had within an hour?

    The case of 2004: an interval typed in minutes that was meant in hours. A soft limit, with the slip said.
    """
    within_an_hour = replace(allotted, amount=allotted.amount * _HOURS_PER_DAY)
    work.soft_bound(often, "at most", within_an_hour, "lockout_against_boluses_per_day")
    if often.amount <= within_an_hour.amount:
        return
    in_hours = f"{write(lockout.exact, 'h')}" if lockout.spelling == "min" else ""
    work.note(
        "possible-slip",
        f"{_read_back(lockout)} It would let {often.exact // 1} boluses through in a day, and all "
        f"{allotted.exact} that are allotted within an hour."
        + (f" Is {in_hours} meant: minutes for hours?" if in_hours else " Is the lockout, or its unit, mistaken?"),
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
                f"{_read_back(volume)} That is the reservoir of {other.label}; this pump is the "
                f"{pump.label}, which holds {own}. Which pump is it?",
                work.cite(other.reservoir_volume),
            )
