"""A dry run: one request answered by two libraries, and what differs for the plan that rests on it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pumpcalc.errors import Refusal
from pumpcalc.library import Library
from pumpcalc.worksheet import Calculation, Limit, calculate

__all__ = ["DryRun", "answer_or_refusal", "dry_run"]


@dataclass(frozen=True)
class DryRun:
    """One request with two answers, either of which may be a refusal."""

    before: Calculation | Refusal
    after: Calculation | Refusal

    @property
    def is_changed(self) -> bool:
        """Does anything change that a plan rests on: an answer, a limit that is hit, whether there is an answer?"""
        if isinstance(self.before, Refusal) and isinstance(self.after, Refusal):
            return False
        return bool(self.is_refused_anew or self.is_answered_anew or self.answers or self.newly_hit or self.not_hit_now)

    @property
    def is_refused_anew(self) -> bool:
        """Was there an answer, and is there none now?"""
        return isinstance(self.after, Refusal) and not isinstance(self.before, Refusal)

    @property
    def is_answered_anew(self) -> bool:
        """Was there no answer, and is there one now?"""
        return isinstance(self.before, Refusal) and not isinstance(self.after, Refusal)

    @property
    def answers(self) -> dict[str, tuple[Any, Any]]:
        """The answers that differ, by name: before and after; None where there is no such answer."""
        if isinstance(self.before, Refusal) or isinstance(self.after, Refusal):
            return {}
        was, now = self.before.answers, self.after.answers
        return {name: (was.get(name), now.get(name)) for name in {**was, **now} if was.get(name) != now.get(name)}

    @property
    def newly_hit(self) -> tuple[Limit, ...]:
        """The limits that are hit now and were not, or were not hard."""
        return _only(self.after, self.before)

    @property
    def not_hit_now(self) -> tuple[Limit, ...]:
        """The limits that were hit and are not any more, or are not hard any more."""
        return _only(self.before, self.after)


def _hit(answer: Calculation | Refusal) -> dict[tuple[str, ...], Limit]:
    """The limits that are hit, each by what it is: its bound may move without a change."""
    if isinstance(answer, Refusal):
        return {}
    return {(limit.name, limit.rule, limit.level, limit.actual_exact): limit for limit in answer.limits_hit}


def _only(one: Calculation | Refusal, other: Calculation | Refusal) -> tuple[Limit, ...]:
    if isinstance(one, Refusal) or isinstance(other, Refusal):
        return ()
    hit, also = _hit(one), _hit(other)
    return tuple(limit for what, limit in hit.items() if what not in also)


def dry_run(calculation: str, request: Mapping[str, Any], before: Library, after: Library) -> DryRun:
    """A request of this calculation, answered by each of two libraries. Nothing is kept.

    Raises CalculationWithheld when the replay of either answer disagrees.
    """
    return DryRun(answer_or_refusal(calculation, request, before), answer_or_refusal(calculation, request, after))


def answer_or_refusal(calculation: str, request: Mapping[str, Any], library: Library) -> Calculation | Refusal:
    """The record of a request, or why there is none."""
    try:
        return calculate(calculation, request, library)
    except Refusal as refusal:
        return refusal
