"""What a formula is, and its proof: units by pint, form by reading, once, at import."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache, cached_property
from typing import Any, Self

import pint
from pint.util import to_units_container

from pumpcalc.errors import FormulaDefect
from pumpcalc.quantities import CANONICAL, SUBSTANCE, pint_unit

__all__ = ["FORMULAS", "Formula", "formula"]


def _shown(unit: pint.Unit) -> str:
    """A unit for a message, in our words: pint's own formatting never reaches a person."""
    powers = sorted((str(name), power) for name, power in to_units_container(unit).items())
    return " ".join(f"{name.removeprefix('substance_')}^{power}" for name, power in powers) or "1"


@cache
def _times(one: pint.Unit, other: pint.Unit) -> pint.Unit:
    """pint's product of two units, asked once: most formulas are made of the same few."""
    product: pint.Unit = one * other
    return product


@cache
def _over(one: pint.Unit, other: pint.Unit) -> pint.Unit:
    """pint's quotient of two units, asked once."""
    quotient: pint.Unit = one / other
    return quotient


class _Unit:
    """Stands in for a number while a formula is proved: only its unit is carried."""

    __slots__ = ("unit",)

    def __init__(self, unit: pint.Unit) -> None:
        self.unit = unit

    @staticmethod
    def _of(other: object) -> pint.Unit:
        if isinstance(other, _Unit):
            return other.unit
        if type(other) is int and other == 1:
            return pint_unit("1")
        raise FormulaDefect(f"the only number in a formula is 1, not {other!r}; a figure comes in as an argument")

    def _same(self, other: object) -> Self:
        if self._of(other) != self.unit:
            raise FormulaDefect(f"adds or subtracts {_shown(self.unit)} and {_shown(self._of(other))}")
        return self

    __add__ = __radd__ = __sub__ = __rsub__ = _same

    def __mul__(self, other: object) -> _Unit:
        return _Unit(_times(self.unit, self._of(other)))

    __rmul__ = __mul__

    def __truediv__(self, other: object) -> _Unit:
        return _Unit(_over(self.unit, self._of(other)))

    def __rtruediv__(self, other: object) -> _Unit:
        return _Unit(_over(self._of(other), self.unit))

    def __bool__(self) -> bool:
        raise FormulaDefect("a formula is one expression, without a branch or a comparison")

    def _comparison(self, _other: object) -> bool:
        raise FormulaDefect("a formula is one expression, without a branch or a comparison")

    __eq__ = __lt__ = __le__ = __gt__ = __ge__ = _comparison
    __hash__ = object.__hash__


class _Written:
    """Stands in for a number while a formula is written down: only its text is carried."""

    __slots__ = ("rank", "text")
    _SUM, _PRODUCT, _NAME = 1, 2, 3

    def __init__(self, text: str, rank: int = _NAME) -> None:
        self.text = text
        self.rank = rank

    def _in(self, rank: int) -> str:
        return self.text if self.rank >= rank else f"({self.text})"

    def _join(self, sign: str, other: object, rank: int, *, swapped: bool = False) -> _Written:
        right = other if isinstance(other, _Written) else _Written(str(other))
        left, right = (right, self) if swapped else (self, right)
        # To the right of - and / a term of the same rank keeps its brackets: a - (b - c).
        return _Written(f"{left._in(rank)} {sign} {right._in(rank + (sign in '-/'))}", rank)

    def __add__(self, other: object) -> _Written:
        return self._join("+", other, self._SUM)

    def __radd__(self, other: object) -> _Written:
        return self._join("+", other, self._SUM, swapped=True)

    def __sub__(self, other: object) -> _Written:
        return self._join("-", other, self._SUM)

    def __rsub__(self, other: object) -> _Written:
        return self._join("-", other, self._SUM, swapped=True)

    def __mul__(self, other: object) -> _Written:
        return self._join("*", other, self._PRODUCT)

    def __rmul__(self, other: object) -> _Written:
        return self._join("*", other, self._PRODUCT, swapped=True)

    def __truediv__(self, other: object) -> _Written:
        return self._join("/", other, self._PRODUCT)

    def __rtruediv__(self, other: object) -> _Written:
        return self._join("/", other, self._PRODUCT, swapped=True)


class _Pattern:
    """A unit with substance variables, matched against the unit of a value: ``mcg[X]/day``."""

    def __init__(self, text: str) -> None:
        self.text = text

    @cached_property
    def _regex(self) -> re.Pattern[str]:
        """Made when the formula is first used: a start pays for no formula that is not used."""
        pieces = re.split(r"\[([A-Z])\]", self.text)
        seen: set[str] = set()
        source = ""
        for position, piece in enumerate(pieces):
            if position % 2 == 0:
                source += re.escape(piece)
            elif piece in seen:
                source += rf"\[(?P={piece})\]"
            else:
                seen.add(piece)
                source += rf"\[(?P<{piece}>{SUBSTANCE.pattern})\]"
        return re.compile(source)

    def bind(self, unit: str) -> dict[str, str] | None:
        """The substances that make the pattern equal to this unit, or None."""
        match = self._regex.fullmatch(unit)
        return None if match is None else match.groupdict()

    def filled(self, substances: Mapping[str, str]) -> str:
        """The unit that the pattern stands for."""
        return re.sub(r"\[([A-Z])\]", lambda m: f"[{substances[m[1]]}]", self.text)


@dataclass(frozen=True)
class Formula:
    """One equation: called with numbers of any of the four readings, it gives that reading's result."""

    name: str
    function: Callable[..., Any]
    arguments: Mapping[str, _Pattern]
    returns: _Pattern
    source: str
    text: str
    """The arithmetic as the function itself wrote it: ``daily_dose / concentration``."""
    meaning: str
    """First line of the docstring."""

    def __call__(self, **operands: Any) -> Any:
        return self.function(**operands)

    def written(self, **names: str) -> str:
        """The arithmetic over other names, as it will be printed."""
        outcome = self.function(**{argument: _Written(name) for argument, name in names.items()})
        return str(outcome.text)

    def unit(self, units: Mapping[str, str]) -> str | None:
        """The unit of the result for these units of the arguments; None when a substance or a kind does not fit.

        Plain text equality: no arithmetic on units happens outside the proof.
        """
        substances: dict[str, str] = {}
        for argument, pattern in self.arguments.items():
            bound = pattern.bind(units[argument])
            if bound is None or any(substances.setdefault(x, s) != s for x, s in bound.items()):
                return None
        return self.returns.filled(substances)


FORMULAS: dict[str, Formula] = {}
"""Every equation, by name."""


def _canonical(unit: str) -> str:
    atoms = re.findall(r"[a-zA-Z%]+", re.sub(r"\[[^]]*\]", "", unit))
    if strange := [atom for atom in atoms if atom not in CANONICAL]:
        raise FormulaDefect(f"{unit} is not canonical: write {', '.join(sorted(CANONICAL))}, not {strange[0]}")
    if re.search(r"mcg(?!\[)", unit):
        raise FormulaDefect(f"{unit} does not say of which substance: write mcg[X]")
    return unit


def _proved(function: Callable[..., Any], returns: str, arguments: Mapping[str, str]) -> str:
    """The text of a formula whose units pint has judged."""
    if list(inspect.signature(function).parameters) != list(arguments):
        raise FormulaDefect("declare a unit for each argument, in their order")
    outcome = function(**{a: _Unit(pint_unit(_canonical(u))) for a, u in arguments.items()})
    if not isinstance(outcome, _Unit):
        raise FormulaDefect(f"gives {outcome!r}, which has no unit")
    if outcome.unit != pint_unit(_canonical(returns)):
        raise FormulaDefect(f"gives {_shown(outcome.unit)}, but declares {_shown(pint_unit(returns))}")
    text = str(function(**{a: _Written(a) for a in arguments}).text)
    if unused := set(arguments) - set(re.findall(r"[a-z_]+", text)):
        raise FormulaDefect(f"does not use {', '.join(sorted(unused))}")
    return text


def formula(returns: str, *, source: str, **arguments: str) -> Callable[[Callable[..., Any]], Formula]:
    """Declare an equation: the unit that it gives, the source it is read from, the unit of each argument.

    Raises FormulaDefect, at import, when the units do not prove or a rule of this module is broken.
    """

    def declare(function: Callable[..., Any]) -> Formula:
        name = function.__name__
        meaning = inspect.getdoc(function)
        try:
            if not meaning:
                raise FormulaDefect("say in a docstring what it means, in the clinic's words")
            if name in FORMULAS:
                raise FormulaDefect("is written twice")
            text = _proved(function, returns, arguments)
        except (FormulaDefect, TypeError) as defect:
            raise FormulaDefect(f"formula {name}: {defect}") from None
        made = Formula(
            name=name,
            function=function,
            arguments={a: _Pattern(u) for a, u in arguments.items()},
            returns=_Pattern(returns),
            source=source,
            text=text,
            meaning=meaning.splitlines()[0],
        )
        FORMULAS[name] = made
        return made

    return declare
