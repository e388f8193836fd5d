"""The lines of a worksheet: quantities, days, instants and counts, each with its name and how it is shown."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from fractions import Fraction
from functools import cache

from pumpcalc.quantities import Quantity, factor, write

__all__ = [
    "WEEKDAYS",
    "ClockTime",
    "Count",
    "Day",
    "Moment",
    "Value",
    "days_between",
    "exactly",
    "open_day",
    "plain_unit",
    "substance_of",
]

WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")


@dataclass(frozen=True, slots=True)
class Value:
    """A line of the worksheet, to be used in the next: an exact fraction, its unit with its substance, its name."""

    name: str
    amount: Fraction
    unit: str
    """Canonical, with the substance: ``mcg[morphine]/day``. Units are compared as texts, never computed."""
    spelling: str
    """The unit in which it is shown."""

    @property
    def factor(self) -> Fraction:
        """How many canonical units make one of the unit shown."""
        return factor(self.spelling, plain_unit(self.unit))

    @property
    def exact(self) -> Fraction:
        """The number in the unit shown."""
        return self.amount / self.factor

    @property
    def on_page(self) -> tuple[str, str]:
        """As it is shown, and its exact number as text."""
        exact = self.exact
        return write(exact, self.spelling), str(exact)

    def __str__(self) -> str:
        return write(self.exact, self.spelling)


@dataclass(frozen=True, slots=True)
class Day:
    """A line of the worksheet that is a calendar day."""

    name: str
    day: date

    def __str__(self) -> str:
        return self.day.isoformat()


@dataclass(frozen=True, slots=True)
class Moment:
    """A line of the worksheet that is an instant, in the offset in which it was written."""

    name: str
    instant: datetime

    def __str__(self) -> str:
        return self.instant.isoformat(timespec="seconds")


@dataclass(frozen=True, slots=True)
class ClockTime:
    """A time of day on the pump's clock, to the minute: from 00:00 to 24:00, the end of the day."""

    minutes: int

    def __str__(self) -> str:
        return f"{self.minutes // 60:02}:{self.minutes % 60:02}"

    @property
    def amount(self) -> Fraction:
        """The part of a day that has gone by."""
        return Fraction(int(self.minutes), 24 * 60)


@dataclass(frozen=True, slots=True)
class Count:
    """A whole number of a line, as an answer: a JSON integer."""

    line: Value


def days_between(start: datetime, end: datetime) -> Fraction:
    """Elapsed time between two instants, exactly: clock changes do not count. Part seconds do not exist."""
    since = end - start
    return since.days + Fraction(int(since.seconds), 24 * 60 * 60)


def open_day(day: date, weekdays: Collection[str], dates: Collection[date], step: int) -> date:
    """The day itself if the clinic is open on it, or else the nearest open one, earlier (step -1) or later (step 1)."""
    while WEEKDAYS[day.weekday()] in weekdays or day in dates:
        day += timedelta(days=step)
    return day


@cache
def plain_unit(unit: str) -> str:
    """A unit without its substances."""
    while "[" in unit:
        unit = unit[: unit.index("[")] + unit[unit.index("]") + 1 :]
    return unit


@cache
def substance_of(unit: str) -> str | None:
    """The substances of a unit: "morphine", "oral morphine/morphine"."""
    named = [part.partition("]")[0] for part in unit.split("[")[1:]]
    return "/".join(named) or None


def exactly(thing: object) -> str:
    """A word as it is; a quantity as its exact canonical number and unit, so that 300 mg/mg is 300 mg/mg."""
    if isinstance(thing, Value):
        return f"{thing.amount} {plain_unit(thing.unit)}"
    if isinstance(thing, Quantity):
        return f"{thing.amount} {plain_unit(thing.kind.canonical)}"
    return str(thing)
