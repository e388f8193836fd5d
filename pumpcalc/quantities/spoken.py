"""A quantity in words, as it would be read back on the telephone: "two point four micrograms per day"."""

from __future__ import annotations

from fractions import Fraction

from pumpcalc.quantities.written import write_number

__all__ = ["in_words"]

_SMALL = (
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen "
    "seventeen eighteen nineteen"
).split()
_TENS = ("", "", *"twenty thirty forty fifty sixty seventy eighty ninety".split())
_GROUPS = ((10**9, "billion"), (10**6, "million"), (1000, "thousand"))
_UNITS = {
    "mg": ("milligram", "milligrams"),
    "mcg": ("microgram", "micrograms"),
    "mL": ("millilitre", "millilitres"),
    "day": ("day", "days"),
    "h": ("hour", "hours"),
    "min": ("minute", "minutes"),
    "cm": ("centimetre", "centimetres"),
    "%": ("percent", "percent"),
    "week": ("week", "weeks"),
}


def _whole(number: int) -> str:
    """A whole number below a million million in words."""
    for size, name in _GROUPS:
        if number >= size:
            rest = number % size
            return f"{_whole(number // size)} {name}{f' {_whole(rest)}' if rest else ''}"
    if number >= 100:
        rest = number % 100
        return f"{_SMALL[number // 100]} hundred{f' {_whole(rest)}' if rest else ''}"
    if number >= 20:
        return _TENS[number // 10] + (f"-{_SMALL[number % 10]}" if number % 10 else "")
    return _SMALL[number]


def in_words(number: Fraction, spelling: str) -> str:
    """How a quantity is read back: the number digit by digit after the point, the unit in full.

    >>> in_words(Fraction(400), "mcg/day"), in_words(Fraction(1, 20), "mg/h")
    ('four hundred micrograms per day', 'zero point zero five milligrams per hour')
    """
    whole, _, places = write_number(number).partition(".")
    spoken = _whole(int(whole)) + (f" point {' '.join(_SMALL[int(digit)] for digit in places)}" if places else "")
    over, _, under = spelling.partition("/")
    unit = _UNITS[over][number != 1] if over else ""
    return " ".join(part for part in (spoken, unit, f"per {_UNITS[under][0]}" if under else "") if part)
