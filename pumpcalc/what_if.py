"""What if: one request and the same with something changed, both answered, both curves, nothing kept."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from fractions import Fraction
from typing import Any

from pumpcalc import formulas
from pumpcalc.dry_run import DryRun, answer_or_refusal
from pumpcalc.errors import Refusal
from pumpcalc.library import Library
from pumpcalc.quantities import write
from pumpcalc.worksheet import Calculation
from pumpcalc.worksheet.record import Given, Step

__all__ = ["Point", "course", "what_if"]

_WEEK = 7
_MOST_STEPS = 104
"""Of a curve: one that runs for more than two years is told in steps of several weeks."""


def what_if(calculation: str, request: Mapping[str, Any], changes: Mapping[str, Any], library: Library) -> DryRun:
    """A request of this calculation, and the same with some fields changed; a change to None leaves a field out.

    Either answer may be a refusal: a change that cannot be is what the reader wants to know. Raises
    CalculationWithheld when the replay of either answer disagrees.
    """
    changed = {field: value for field, value in {**request, **changes}.items() if value is not None}
    return DryRun(
        answer_or_refusal(calculation, request, library),
        answer_or_refusal(calculation, changed, library),
    )


@dataclass(frozen=True)
class Point:
    """What is left in the reservoir after so many days, before and after the change.

    None where no fill is asked, and before the day from which the volume of one is known.
    """

    day: int
    before: str | None
    after: str | None


def course(run: DryRun) -> list[Point]:
    """The volume in the reservoir for two refill schedules, until the later of the two is due.

    Week by week; a course of years in steps of several weeks, so that it has at most 106 points.
    """
    both = [_falls(answer) for answer in (run.before, run.after)]
    last = max((falls.until for falls in both if falls is not None), default=None)
    if last is None:
        return []
    every = _WEEK * max(1, -(-last // (_WEEK * _MOST_STEPS)))
    ends = {day for falls in both if falls is not None for day in (falls.since, falls.until)}
    days = sorted({*range(0, last + 1, every), *ends})
    return [Point(day, *(None if falls is None else falls.left(day) for falls in both)) for day in days]


@dataclass(frozen=True)
class _Falls:
    """A fill that leaves at one flow, from a day on which its volume is known."""

    volume: Fraction
    flow: Fraction
    since: int
    until: int

    def left(self, day: int) -> str | None:
        if day < self.since:
            return None
        taken = formulas.programmed_volume(flow_rate=self.flow, days=Fraction(0) + day - self.since)
        left: Fraction = formulas.volume_left(volume=self.volume, taken=min(taken, self.volume))
        return write(left, "mL")


def _falls(answer: Calculation | Refusal) -> _Falls | None:
    if isinstance(answer, Refusal) or "refill_by" not in answer.answers:
        return None
    lines: dict[str, Given | Step] = {line.name: line for line in answer.given}
    lines |= {line.name: line for line in answer.steps}
    flow = lines.get("flow_rate_with_boluses", lines["flow_rate"])
    days = [row["days"] for row in answer.answers["limits"] if row["limit"] == answer.answers["binding"]]
    volume, since = lines["fill_volume"], 0
    if "as_of" in lines:
        volume = lines["volume_then"]
        since = (date.fromisoformat(lines["as_of"].exact) - date.fromisoformat(lines["fill_date"].exact)).days
    return _Falls(_exactly(volume), _exactly(flow), since, max(since, days[0]))


def _exactly(line: Given | Step) -> Fraction:
    """The number of a line of our own page, digits or digits over digits."""
    over, _, under = line.exact.partition("/")
    return Fraction(int(over), int(under or "1"))
