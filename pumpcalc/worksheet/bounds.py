"""What bounds a line of a worksheet: every limit is recorded, whether hit or not, and nothing is clamped to it."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from typing import Literal

from pumpcalc.library import Fact, Library, Statement
from pumpcalc.worksheet.lines import Day, Value, exactly, plain_unit, substance_of
from pumpcalc.worksheet.record import Cited, Limit

__all__ = ["Bounds"]


class Bounds:
    """The part of a worksheet that holds its limits, and what nobody has read to check."""

    library: Library
    _limits: list[Limit]
    _unknown: list[str]

    def cite(self, fact: Fact | Statement) -> Cited:
        """Where a fact was read, for the record."""
        return Cited.model_validate({"key": fact.source, "where": fact.where, "status": fact.status, "fact": fact.name})

    def at_most(self, value: Value, fact: Fact, name: str | None = None, *, hard: bool = False) -> None:
        """A limit from above, recorded whether hit or not. An unknown fact goes to ``unknown``.

        ``hard`` makes a verified figure hard where it is soft elsewhere, such as a naive start after a dry period.
        """
        self._limit(value, fact, "at most", name, hard=hard)

    def at_least(self, value: Value, fact: Fact, name: str | None = None) -> None:
        """A limit from below, recorded whether hit or not. An unknown fact goes to ``unknown``."""
        self._limit(value, fact, "at least", name)

    def _limit(
        self, value: Value, fact: Fact, rule: Literal["at most", "at least"], name: str | None, *, hard: bool = False
    ) -> None:
        if fact.quantity is None:
            self.not_checked(fact)
            return
        bound = fact.quantity
        if plain_unit(value.unit) != plain_unit(bound.kind.canonical):
            raise ValueError(f"{fact.name} does not bound {value.name}: it is a {bound.kind.name}")
        substance = substance_of(value.unit)
        if substance in self.library.drugs and fact.name.partition(".")[0] != substance:
            raise ValueError(f"{fact.name} does not bound {value.name}, which is of {substance}")
        if fact.role == "information":
            raise ValueError(f"{fact.name} is information, not a limit")
        if hard and fact.status != "verified":
            raise ValueError(f"{fact.name} is {fact.status}: only a verified figure may be hard")
        self._compare(
            value,
            rule,
            Value(fact.name, bound.amount, value.unit, bound.spelling),
            name or fact.name.rpartition(".")[2],
            "hard" if hard or fact.role == "hard" else "soft",
            self.cite(fact),
        )

    def at_most_the_whole(self, parts: Value) -> None:
        """Parts of one whole are together at most 1: a hard limit by what the words mean."""
        source = Cited(key="definition", where="the parts of a whole", status="derived")
        self._compare(parts, "at most", Value("whole", Fraction(1), parts.unit, "1"), parts.name, "hard", source)

    def soft_bound(
        self,
        value: Value,
        rule: Literal["at most", "at least"],
        bound: Value,
        name: str,
        source: Cited | None = None,
    ) -> None:
        """A soft limit that follows from other lines, such as from the last accepted value.

        ``source`` is where the figure behind it was read; None when it follows from the request alone.
        """
        if value.unit != bound.unit:
            raise ValueError(f"{bound.name} does not bound {value.name}")
        self._compare(value, rule, bound, name, "soft", source)

    def _compare(
        self,
        value: Value,
        rule: Literal["at most", "at least"],
        bound: Value,
        name: str,
        level: Literal["hard", "soft"],
        source: Cited | None,
    ) -> None:
        (actual, actual_exact), (shown, exact) = value.on_page, bound.on_page
        self._limits.append(
            Limit(
                name=name,
                rule=rule,
                actual=actual,
                actual_exact=actual_exact,
                bound=shown,
                bound_exact=exact,
                level=level,
                hit=value.amount > bound.amount if rule == "at most" else value.amount < bound.amount,
                source=source,
            )
        )

    def one_of(
        self, name: str, actual: object, allowed: Sequence[object], source: Cited | None = None, *, hard: bool = False
    ) -> None:
        """A limit that is a closed list: of words, or of lines and quantities, which are compared exactly."""
        self._limits.append(
            Limit(
                name=name,
                rule="one of",
                actual=str(actual),
                actual_exact=exactly(actual),
                bound=", ".join(dict.fromkeys(str(each) for each in allowed)),
                bound_exact=", ".join(dict.fromkeys(exactly(each) for each in allowed)),
                level="hard" if hard else "soft",
                hit=exactly(actual) not in {exactly(each) for each in allowed},
                source=source,
            )
        )

    def begun_by(self, name: str, day: Day, last: Day) -> None:
        """A hard limit that the user's own date sets: something must begin on or before it."""
        self._limits.append(
            Limit(
                name=name,
                rule="at most",
                actual=str(day),
                actual_exact=str(day),
                bound=str(last),
                bound_exact=str(last),
                level="hard",
                hit=day.day > last.day,
            )
        )

    @property
    def hits(self) -> tuple[str, ...]:
        """Names of the limits that are hit so far, in order."""
        return tuple(limit.name for limit in self._limits if limit.hit)

    def not_checked(self, fact: Fact | Statement) -> None:
        """A fact that would have been checked, and that nobody has read."""
        if fact.name not in self._unknown:
            self._unknown.append(fact.name)
