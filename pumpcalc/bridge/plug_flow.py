"""Plug flow: reservoir, tubing and catheter as a queue of slugs that push each other out at the tip, unmixed.

The simulator shares nothing with the formulas of the boluses: it is the second opinion that the tests hold them to,
over many changes. It takes and gives exact fractions in canonical units: mL, day, mL/day, mcg/mL, mcg, each drug by its
name.

>>> old, new = {"baclofen": Fraction(500)}, {"baclofen": Fraction(2000)}
>>> line = [Slug(Fraction(1, 5), old), Slug(Fraction(7, 50), old)]
>>> course = simulate(Slug(Fraction(20), new), line, [Run(Fraction(1, 10), Fraction(4))])
>>> [(str(span.ends * 24), str(span.doses["baclofen"])) for span in course.arrives]
[('408/5', '50'), ('96', '200')]
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction

from pumpcalc.errors import refused

__all__ = ["Course", "Refill", "Run", "Slug", "Span", "simulate"]

_NOTHING = Fraction(0)


@dataclass(frozen=True)
class Slug:
    """A volume [mL] of one solution: each drug's concentration [mcg/mL]."""

    volume: Fraction
    solution: Mapping[str, Fraction]

    def mass(self, drug: str) -> Fraction:
        """The drug in it [mcg]."""
        return self.volume * self.solution.get(drug, _NOTHING)


@dataclass(frozen=True)
class Run:
    """The pump runs at one flow rate [mL/day] for a duration [day]. A flow of zero is a stopped pump."""

    flow_rate: Fraction
    duration: Fraction


@dataclass(frozen=True)
class Refill:
    """The reservoir is emptied down to what is left [mL], and filled; in the reservoir the two mix."""

    left: Fraction
    filled: Slug


@dataclass(frozen=True)
class Span:
    """From one instant to another [day] one solution arrives at the tip, at one flow rate: the dose rates [mcg/day]."""

    begins: Fraction
    ends: Fraction
    flow_rate: Fraction
    doses: Mapping[str, Fraction]


@dataclass(frozen=True)
class Course:
    """What a simulation gives: the curve at the tip, and what lies where at the end."""

    arrives: tuple[Span, ...]
    """In order of time, without a gap; neighbours differ."""
    line: tuple[Slug, ...]
    """What is between the reservoir and the tip at the end, the tip first."""
    reservoir: Slug
    pumped: Mapping[str, Fraction]
    """What left the reservoir towards the tip [mcg]."""

    def arrived(self, drug: str, begins: Fraction | None = None, ends: Fraction | None = None) -> Fraction:
        """The drug that arrives at the tip between two instants [mcg]; without them, in the whole course."""
        total = _NOTHING
        for span in self.arrives:
            first = span.begins if begins is None else max(span.begins, begins)
            last = span.ends if ends is None else min(span.ends, ends)
            if first < last:
                total += span.doses.get(drug, _NOTHING) * (last - first)
        return total


def simulate(reservoir: Slug, line: Sequence[Slug], events: Iterable[Run | Refill]) -> Course:
    """The course of a pump through these events, from what is in its reservoir and in the line, the tip first.

    What the pump pushes in at one end comes out at the other: the line keeps its volume. Raises Refusal
    ``out-of-range`` for a negative volume, flow or duration, or more left than was there; ``reservoir-dry`` when a
    run needs more than the reservoir holds.
    """
    queue = deque(_checked(slug) for slug in line if slug.volume)
    reservoir = _checked(reservoir)
    spans: list[Span] = []
    pumped: dict[str, Fraction] = {}
    now = _NOTHING
    for event in events:
        if isinstance(event, Refill):
            reservoir = _refilled(reservoir, event)
            continue
        if event.flow_rate < 0 or event.duration < 0:
            raise refused("out-of-range", "A flow rate and a duration are not below zero.")
        out = replace(reservoir, volume=event.flow_rate * event.duration)
        if out.volume > reservoir.volume:
            raise refused("reservoir-dry", "This run needs more than the reservoir holds.")
        reservoir = replace(reservoir, volume=reservoir.volume - out.volume)
        for drug in out.solution:
            pumped[drug] = pumped.get(drug, _NOTHING) + out.mass(drug)
        if out.volume:
            queue.append(out)
        for span in _leaving(queue, event, now):
            _add(spans, span)
        now += event.duration
    return Course(tuple(spans), tuple(_joined(queue)), reservoir, pumped)


def _checked(slug: Slug) -> Slug:
    if slug.volume < 0 or any(each < 0 for each in slug.solution.values()):
        raise refused("out-of-range", "A volume and a concentration are not below zero.")
    return slug


def _refilled(reservoir: Slug, event: Refill) -> Slug:
    """The reservoir after a fill: volumes add, and so does the mass of each drug."""
    filled = _checked(event.filled)
    if not 0 <= event.left <= reservoir.volume:
        raise refused("out-of-range", "What is left in the reservoir lies between nothing and what was in it.")
    left = replace(reservoir, volume=event.left)
    volume = left.volume + filled.volume
    if not volume:
        return filled
    drugs = sorted({*left.solution, *filled.solution})
    return Slug(volume, {drug: (left.mass(drug) + filled.mass(drug)) / volume for drug in drugs})


def _leaving(queue: deque[Slug], run: Run, now: Fraction) -> Iterable[Span]:
    """What comes out at the tip while the pump runs, slug by slug."""
    if run.flow_rate == 0:
        yield Span(now, now + run.duration, run.flow_rate, {})
        return
    left = run.flow_rate * run.duration
    while left:
        slug = queue.popleft()
        moved = min(slug.volume, left)
        if moved < slug.volume:
            queue.appendleft(replace(slug, volume=slug.volume - moved))
        left -= moved
        ends = now + moved / run.flow_rate
        yield Span(now, ends, run.flow_rate, {d: run.flow_rate * c for d, c in slug.solution.items() if c})
        now = ends


def _add(spans: list[Span], span: Span) -> None:
    """One more span of the curve; a neighbour that is the same grows instead."""
    if span.begins == span.ends:
        return
    if spans and (spans[-1].flow_rate, spans[-1].doses) == (span.flow_rate, span.doses):
        spans[-1] = replace(spans[-1], ends=span.ends)
    else:
        spans.append(span)


def _joined(queue: Iterable[Slug]) -> Iterable[Slug]:
    """Neighbouring slugs of one solution are one slug."""
    last: Slug | None = None
    for slug in queue:
        if last is not None and last.solution == slug.solution:
            last = replace(last, volume=last.volume + slug.volume)
            continue
        if last is not None:
            yield last
        last = slug
    if last is not None:
        yield last
