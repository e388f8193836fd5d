"""A week of rates, walked in the pump's own time.

A pump counts elapsed time. Its week is set once, by the wall clock at the instant at which it is programmed, and then
runs on; when the clocks of the place go forward or back, the pump's do not. Everything here is exact.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from fractions import Fraction
from itertools import pairwise
from zoneinfo import ZoneInfo

__all__ = ["ClockChange", "Running", "Segment", "Week", "clock_changes", "since_monday"]

_WEEK = Fraction(7)
_MICROSECOND = timedelta(microseconds=1)
_DAY = timedelta(days=1)
_HALVES = 2


@dataclass(frozen=True)
class Segment:
    """A stretch of the week at one rate, in days since Monday 00:00 of the pump's clock."""

    start: Fraction
    end: Fraction
    rate: Fraction
    """Dose, or volume, per day."""

    @property
    def amount(self) -> Fraction:
        """What it delivers."""
        return self.rate * (self.end - self.start)


@dataclass(frozen=True)
class Week:
    """A week of segments, end to end, that is repeated for ever."""

    segments: tuple[Segment, ...]

    def __post_init__(self) -> None:
        edges = [segment.start for segment in self.segments] + [_WEEK]
        joined = all(s.start < s.end == after for s, after in zip(self.segments, edges[1:], strict=True))
        if edges[0] != 0 or not joined or any(segment.rate < 0 for segment in self.segments):
            raise ValueError("the segments of a week follow one another from Monday 00:00 to the next, none below zero")

    @property
    def total(self) -> Fraction:
        """What a whole week delivers."""
        return sum((segment.amount for segment in self.segments), Fraction(0))

    def _from_monday(self, until: Fraction) -> Fraction:
        """What is delivered from the Monday 00:00 of the first week to a point in days, in this week or a later one."""
        weeks, rest = divmod(until, _WEEK)
        gone = (min(segment.end, rest) - segment.start for segment in self.segments)
        part = sum(
            (s.rate * max(lasted, Fraction(0)) for s, lasted in zip(self.segments, gone, strict=True)), Fraction(0)
        )
        return weeks * self.total + part

    def delivered(self, since: Fraction, until: Fraction) -> Fraction:
        """What is delivered between two points, in days since the Monday 00:00 of one and the same week."""
        return self._from_monday(until) - self._from_monday(since)

    def time_to_deliver(self, amount: Fraction, since: Fraction) -> Fraction:
        """How many days pass, from a point of the week, until so much is delivered: the first instant at which it is.

        Raises ZeroDivisionError for a week that delivers nothing.
        """
        if amount <= 0:
            return Fraction(0)
        wanted = self._from_monday(since) + amount
        weeks = -(-wanted // self.total) - 1
        left = wanted - weeks * self.total
        reached = next(
            segment.start + (left - before) / segment.rate
            for segment, before in zip(self.segments, self._before(), strict=True)
            if before < left <= before + segment.amount
        )
        return weeks * _WEEK + reached - since

    def _before(self) -> Iterator[Fraction]:
        """What the week has delivered before each segment."""
        before = Fraction(0)
        for segment in self.segments:
            yield before
            before += segment.amount


def _days(elapsed: timedelta) -> Fraction:
    return Fraction(int(elapsed // _MICROSECOND), int(_DAY // _MICROSECOND))


def since_monday(instant: datetime, zone: ZoneInfo) -> Fraction:
    """How far the week has gone by on the wall clock of a place, in days since Monday 00:00."""
    local = instant.astimezone(zone).replace(tzinfo=None)
    midnight = local.replace(hour=0, minute=0, second=0, microsecond=0)
    return Fraction(int(local.weekday())) + _days(local - midnight)


@dataclass(frozen=True)
class Running:
    """A week that a pump runs, from the instant at which it was programmed by the wall clock of a place."""

    week: Week
    programmed_at: datetime
    zone: ZoneInfo

    def point(self, instant: datetime) -> Fraction:
        """Where the pump's own clock stands: days since the Monday 00:00 of the week in which it was programmed."""
        elapsed = instant.astimezone(UTC) - self.programmed_at.astimezone(UTC)
        return since_monday(self.programmed_at, self.zone) + _days(elapsed)

    def delivered(self, since: datetime, until: datetime) -> Fraction:
        """What is delivered between two instants, both after the pump was programmed."""
        return self.week.delivered(self.point(since), self.point(until))

    def time_to_deliver(self, amount: Fraction) -> Fraction:
        """How many days pass, from the programming, until so much is delivered."""
        return self.week.time_to_deliver(amount, self.point(self.programmed_at))


@dataclass(frozen=True)
class ClockChange:
    """One change of the clocks of a place, and how far the pump's clock is from the wall clock after it."""

    day: date
    change: timedelta
    wall_ahead_of_pump: timedelta


def clock_changes(since: datetime, until: datetime, zone: ZoneInfo) -> list[ClockChange]:
    """The changes of the clocks of a place after one instant and up to another, in order."""
    days = int((until - since) // _DAY)
    steps = [*(since.astimezone(UTC) + _DAY * each for each in range(days + 1)), until.astimezone(UTC)]
    first = _offset(since, zone)
    return [
        ClockChange(_changed_on(before, after, zone), shift, _offset(after, zone) - first)
        for before, after in pairwise(steps)
        if (shift := _offset(after, zone) - _offset(before, zone))
    ]


def _offset(instant: datetime, zone: ZoneInfo) -> timedelta:
    return instant.astimezone(zone).utcoffset() or timedelta()


def _changed_on(before: datetime, after: datetime, zone: ZoneInfo) -> date:
    """The day, by the wall clock, of the change between two instants: halved until it is found to the second."""
    was = _offset(before, zone)
    while after - before > timedelta(seconds=1):
        middle = before + (after - before) / _HALVES
        before, after = (middle, after) if _offset(middle, zone) == was else (before, middle)
    return after.astimezone(zone).date()
