"""The units of pumpcalc: one pint registry with our own definitions, and nothing else in it.

pint has three jobs here, none of them per request: it holds these definitions, it gives the exact factor from
each allowed spelling to its canonical unit (mcg, mL, day, cm), and it proves every formula at import. No text
from a user reaches it: its parser reads ``1,5 mg`` as 15 mg.

A substance is a dimension. ``mcg[morphine]`` (in the spinal fluid), ``mcg[oral morphine]`` and
``mcg[ziconotide]`` cannot be added, compared or cancelled against each other.
"""

from __future__ import annotations

import re
from fractions import Fraction
from functools import cache
from typing import Any

import pint

__all__ = ["CANONICAL", "REGISTRY", "SUBSTANCE", "factor", "pint_unit"]

_DEFINITIONS = [
    "milligram = [mass] = mg",
    "microgram = 1/1000 milligram = mcg",
    "milliliter = [volume] = mL",
    "day = [time]",
    "hour = 1/24 day = h",
    "minute = 1/60 hour = min",
    "week = 7 day",
    "centimeter = [length] = cm",
    "percent = 1/100",
]
_ATOMS = {
    "mg": "milligram",
    "mcg": "microgram",
    "mL": "milliliter",
    "day": "day",
    "h": "hour",
    "min": "minute",
    "week": "week",
    "cm": "centimeter",
    "%": "percent",
}
CANONICAL = frozenset({"mcg", "mL", "day", "cm"})
"""The atoms in which all arithmetic is done. A quantity is brought to them once, on entry."""

SUBSTANCE = re.compile(r"[A-Z]|[a-z][a-z -]{1,39}")
"""A substance's name as it stands in a unit: lower case words, or one capital letter for a formula's variable."""
_ATOM = re.compile(rf"(?P<atom>[a-zA-Z%]+)(?:\[(?P<substance>{SUBSTANCE.pattern})\])?")


def _registry() -> pint.UnitRegistry[Any]:
    registry: pint.UnitRegistry[Any] = pint.UnitRegistry(
        None, non_int_type=Fraction, on_redefinition="raise", case_sensitive=True
    )
    registry.load_definitions(_DEFINITIONS)
    return registry


REGISTRY = _registry()
_ONE = REGISTRY.Unit("")
_UNITS = {atom: REGISTRY.Unit(text) for atom, text in _ATOMS.items()}
"""Every unit of our own, made at import: later pint parses nothing."""


@cache
def _substance(name: str) -> pint.Unit:
    """The dimension of one substance, defined in the registry when it is first named."""
    identifier = "substance_" + name.replace(" ", "_").replace("-", "_")
    REGISTRY.define(f"{identifier} = [{identifier}]")
    return REGISTRY.Unit(identifier)


def _product(text: str) -> pint.Unit:
    unit = _ONE
    for part in text.split("*"):
        if part == "1" or not part:
            continue
        match = _ATOM.fullmatch(part)
        if match is None or match["atom"] not in _ATOMS:
            raise ValueError(f"{text!r} is not written in the units of pumpcalc")
        unit = unit * _UNITS[match["atom"]]
        if match["substance"] is not None:
            unit = unit * _substance(match["substance"])
    return unit


@cache
def pint_unit(text: str) -> pint.Unit:
    """pint's unit for a unit text of our own: ``mcg[X]/day``, ``mg/day per mcg/h``, ``/week``.

    Only texts from the code and the library come here; they are taken apart here, not by pint.
    """
    unit = _ONE
    for position, group in enumerate(text.split(" per ")):
        over, *under = group.split("/")
        ratio = _product(over)
        for part in under:
            ratio = ratio / _product(part)
        unit = ratio if position == 0 else unit / ratio
    return unit


@cache
def factor(spelling: str, canonical: str) -> Fraction:
    """How many of the canonical unit make one of this spelling, exactly: ``factor("mg/h", "mcg/day")`` is 24000.

    Raises pint.DimensionalityError when the two are not the same kind of thing.
    """
    return Fraction(REGISTRY.Quantity(Fraction(1), pint_unit(spelling)).to(pint_unit(canonical)).magnitude)
