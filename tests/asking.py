"""How the tests ask: common requests, and how to read a record exactly and independently of the core."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from fractions import Fraction
from typing import Any

import pytest

import pumpcalc
from pumpcalc.library import Library
from pumpcalc.quantities import Kind, read
from pumpcalc.worksheet import Limit

# Sizes of the printed units, written down here a second time on purpose.
_MASS = {"mg": Fraction(1000), "mcg": Fraction(1)}
_TIME = {"day": Fraction(1), "h": Fraction(1, 24), "min": Fraction(1, 1440), "week": Fraction(7)}
_SIZES = {**_MASS, **_TIME, "mL": Fraction(1), "cm": Fraction(1), "%": Fraction(1, 100), "": Fraction(1)}


def size(unit: str) -> Fraction:
    """How many mcg, mL, day and cm make one of this unit."""
    whole = Fraction(1)
    for position, group in enumerate(unit.split(" per ")):
        over, *under = group.split("/")
        ratio = _SIZES[over]
        for part in under:
            ratio /= _SIZES[part]
        whole = ratio if position == 0 else whole / ratio
    return whole


def lines(calculation: pumpcalc.Calculation) -> dict[str, Any]:
    """Every line of the page by name, givens and steps alike."""
    return {line.name: line for line in (*calculation.given, *calculation.steps)}


def exact(calculation: pumpcalc.Calculation, name: str, unit: str | None = None) -> Fraction:
    """The unrounded number of a line; in another unit if one is named."""
    line = lines(calculation)[name]
    printed = line.value.partition(" ")[2]
    return Fraction(line.exact) * (size(printed) / size(unit) if unit is not None else 1)


def limit(calculation: pumpcalc.Calculation, name: str) -> Limit:
    """The one limit of this name."""
    (found,) = [each for each in calculation.limits if each.name == name]
    return found


def notes(calculation: pumpcalc.Calculation) -> list[str]:
    """The codes of the notes."""
    return [note.code for note in calculation.notes]


def days_of(calculation: pumpcalc.Calculation) -> dict[str, int]:
    """The whole days of every limit that a refill schedule lists."""
    return {row["limit"]: row["days"] for row in calculation.answers["limits"]}


def refusal(name: str, request: Any, code: str, pointer: str, library: Library | None = None) -> pumpcalc.Problem:
    """Ask, and be refused: the problem, after looking at its code, its pointer and its sentence."""
    with pytest.raises(pumpcalc.Refusal) as caught:
        pumpcalc.calculate(name, request, library)
    problem = caught.value.problems[0]
    assert (problem.code, problem.pointer) == (code, pointer), problem.detail
    assert problem.detail.endswith(".")
    assert problem.detail.isascii()
    return problem


def flow(**changes: Any) -> dict[str, Any]:
    """A plain flow-rate request, with changes."""
    return {"drug": "morphine", "daily_dose": "10 mg/day", "concentration": "20 mg/mL"} | changes


def fill(**changes: Any) -> dict[str, Any]:
    """A plain morphine refill, 0.5 mL/day for 36 days, with changes. A change to None leaves the field out."""
    request = {
        "pump": "synchromed-ii-20",
        "fill_date": "2026-01-05",
        "fill_volume": "20 mL",
        "low_reservoir_alarm_volume": "2 mL",
        "components": solution("morphine", "20 mg/mL"),
        "daily_dose": "10 mg/day",
    } | changes
    return {field: value for field, value in request.items() if value is not None}


def ziconotide_fill(**changes: Any) -> dict[str, Any]:
    """An undiluted ziconotide refill at the label's maximum dose, 23 days, with changes."""
    plain = {
        "components": solution("ziconotide", "25 mcg/mL"),
        "daily_dose": "19.2 mcg/day",
        "fill_kind": "undiluted",
    }
    return fill(**plain | changes)


def leads(*days: str) -> list[dict[str, str]]:
    """Lead times of so many open days, one after the other."""
    named = zip(("compounding", "controlled-drug", "delivery"), days, strict=False)
    return [{"for": what, "open_days": each} for what, each in named]


def volume_then(day: str = "2026-01-20", volume: str = "11 mL", least: str | None = None) -> dict[str, Any]:
    """What a reservoir holds at a later day than the fill, as the fields of a refill."""
    return {"as_of": day, "volume_then": volume, "least_volume_then": least}


def ladder(**changes: Any) -> dict[str, Any]:
    """A ziconotide titration by the US label, twice a week for 21 days, with changes."""
    request = {
        "drug": "ziconotide",
        "rule": "us-label",
        "start": "2.4 mcg/day",
        "step": "2.4 mcg/day",
        "steps_per_week": "2",
        "days": "21",
    } | changes
    return {field: value for field, value in request.items() if value is not None}


def choice(**changes: Any) -> dict[str, Any]:
    """10 mg of morphine a day from 20 mL, of which the concentration is to be chosen, with changes."""
    request = {
        "drug": "morphine",
        "daily_dose": "10 mg/day",
        "pump": "synchromed-ii-20",
        "fill_volume": "20 mL",
        "low_reservoir_alarm_volume": "2 mL",
    } | changes
    return {field: value for field, value in request.items() if value is not None}


def oral(**changes: Any) -> dict[str, Any]:
    """300 mg of oral morphine a day, to be given intrathecally, with changes."""
    request = {
        "drug": "morphine",
        "table": "cdc-2022",
        "regimen": [{"opioid": "morphine", "daily_dose": "300 mg/day"}],
        "opioid_status": "tolerant",
    } | changes
    return {field: value for field, value in request.items() if value is not None}


def solution(*pairs: str) -> list[dict[str, str]]:
    """Components from alternating drugs and concentrations."""
    return [{"drug": drug, "concentration": strength} for drug, strength in zip(pairs[::2], pairs[1::2], strict=True)]


def accuracy_of(pump: str, written: str, kind: Kind) -> Library:
    """The shipped library with another stated accuracy for one pump."""
    shipped = pumpcalc.library.load()
    known = shipped.pumps[pump]
    fact = replace(shipped.pumps["synchromed-ii-20"].flow_accuracy, quantity=read(written, kind))
    return replace(shipped, pumps={**shipped.pumps, pump: replace(known, flow_accuracy=fact)})


def hard_hits(calculation: pumpcalc.Calculation) -> Iterable[str]:
    """Names of the hard limits that are hit."""
    return [each.name for each in calculation.limits_hit if each.level == "hard"]


def figures(thing: Any = None) -> dict[str, Any]:
    """Every figure of the library by its name, known or not, found by walking the whole library."""
    return dict(pumpcalc.library.figures(thing or pumpcalc.library.load()))
