"""Bridges of mixtures against the plug-flow simulator: every dose, every mass and every error of every drug.

The suite tries 500 random changes. For the long run: PUMPCALC_BRIDGES=10000 pytest tests/test_plug_flow_of_mixtures.py
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import pytest
from asking import lines, size
from drawing import numbers
from hypothesis import assume, event, given, settings
from hypothesis import strategies as st

from pumpcalc import Calculation, calculate
from pumpcalc.bridge import Course, Run, Slug, simulate

_BRIDGES = int(os.environ.get("PUMPCALC_BRIDGES", "500"))
_DAY = Fraction(1)
_DRUGS = ("morphine", "bupivacaine", "clonidine", "baclofen", "hydromorphone", "ziconotide")
_STRENGTHS = st.one_of(
    numbers("0.05", "30").map(lambda number: f"{number} mg/mL"),
    numbers("1", "900").map(lambda number: f"{number} mcg/mL"),
)
_DOSES = st.one_of(
    numbers("0.5", "40").map(lambda number: f"{number} mg/day"),
    numbers("20", "900").map(lambda number: f"{number} mcg/h"),
)


def _canonical(written: str) -> Fraction:
    """A quantity in mcg, mL and day, read here a second time on purpose."""
    number, unit = written.split(" ")
    return Fraction(number) * size(unit)


@st.composite
def _changes(draw: st.DrawFn) -> dict[str, Any]:
    """A change of mixtures: drugs come, go and change; the primary one stays or not; with or without doses for it."""
    old, new = (draw(st.lists(st.sampled_from(_DRUGS), min_size=1, max_size=4, unique=True)) for _ in range(2))
    if draw(st.booleans()):
        new = [old[0], *(drug for drug in new if drug != old[0])]
    request: dict[str, Any] = {
        "pump": draw(st.sampled_from(("synchromed-ii-20", "synchromed-ii-40"))),
        "old_components": [{"drug": drug, "concentration": draw(_STRENGTHS)} for drug in old],
        "new_components": [{"drug": drug, "concentration": draw(_STRENGTHS)} for drug in new],
        "daily_dose": draw(_DOSES),
        "catheter_volume": f"{draw(numbers('0.001', '0.6'))} mL",
    }
    if old[0] != new[0] or draw(st.booleans()):
        request["new_daily_dose"] = draw(_DOSES)
    if old[0] != new[0] and draw(st.booleans()):
        request["bridge_daily_dose_of_old"] = draw(_DOSES)
    return request


@dataclass
class _Change:
    """What was asked, in canonical numbers, and what was answered."""

    request: Mapping[str, Any]
    found: Calculation

    def __post_init__(self) -> None:
        self.old, self.new = (
            {each["drug"]: _canonical(each["concentration"]) for each in self.request[f"{side}_components"]}
            for side in ("old", "new")
        )

    def number(self, *path: str | int) -> Fraction | None:
        """A number of the answers, unrounded and canonical; None where there is none."""
        name = self.found.answer_lines.get("".join(f"/{part}" for part in path))
        if name is None:
            return None
        line = lines(self.found)[name]
        return Fraction(line.exact) * size(line.value.partition(" ")[2])

    def needed(self, *path: str | int) -> Fraction:
        number = self.number(*path)
        assert number is not None, path
        return number

    def of_each(self, cell: str) -> dict[str, Fraction]:
        """One cell of every drug that has it."""
        cells = {
            row["drug"]: self.number("components", n, cell) for n, row in enumerate(self.found.answers["components"])
        }
        return {drug: number for drug, number in cells.items() if number is not None}

    def course(self, true_volume: Fraction, *runs: Run) -> Course:
        """What arrives when the line in truth holds this volume of the old solution."""
        return simulate(Slug(Fraction(10**6), self.new), [Slug(true_volume, self.old)], runs)


@pytest.mark.timeout(3600)
@settings(max_examples=_BRIDGES)
@given(_changes(), numbers("0.001", "0.9"))
def test_every_number_of_every_drug_agrees_with_the_simulator_on_random_changes(
    request_: dict[str, Any], part: str
) -> None:
    assume(not _is_below_the_minimum(request_))
    change = _Change(request_, calculate("bridge-bolus", request_))
    keeps = next(iter(change.old)) == next(iter(change.new))
    event("the primary drug stays" if keeps else "the primary drug changes")
    assert (change.number("rate") is None) == (not keeps and "bridge_daily_dose_of_old" not in request_)
    _without_a_bridge_it_is_as_said(change)
    if change.number("rate") is None:
        event("there is no bridge by dose")
        return
    _with_the_bridge_it_is_as_said(change)
    _a_wrong_volume_is_wrong_by_as_much_as_said_of_every_drug(change, Fraction(part))


def _is_below_the_minimum(request: Mapping[str, Any]) -> bool:
    """Is the rate below the least that the pump can run, worked out here a second time? Then there is no bridge."""
    (old, *_), (new, *_) = request["old_components"], request["new_components"]
    dose = request.get("bridge_daily_dose_of_old", request["daily_dose"])
    bridged = old["drug"] == new["drug"] or "bridge_daily_dose_of_old" in request
    return bridged and _canonical(dose) / _canonical(old["concentration"]) < Fraction(48, 1000)


def _spans(course: Course) -> list[tuple[Fraction, Fraction, dict[str, Fraction]]]:
    return [(span.begins, span.ends, dict(span.doses)) for span in course.arrives]


def _one_after_the_other(
    turns: Fraction, first: dict[str, Fraction], then: dict[str, Fraction], *, same_flow: bool
) -> list[tuple[Fraction, Fraction, dict[str, Fraction]]]:
    """Two spans; one, where nothing changes in between."""
    if first == then and same_flow:
        return [(Fraction(0), turns + _DAY, first)]
    return [(Fraction(0), turns, first), (turns, turns + _DAY, then)]


def _without_a_bridge_it_is_as_said(change: _Change) -> None:
    """The old solution at the new flow until it has left, then the new one, and not an instant of anything else."""
    flow, hours, volume = (change.needed(name) for name in ("new_flow_rate", "hours_if_omitted", "volume"))
    course = change.course(volume, Run(flow, hours + _DAY))
    omitted, after = change.of_each("daily_dose_if_omitted"), change.of_each("new_daily_dose")
    assert _spans(course) == _one_after_the_other(hours, omitted, after, same_flow=True)
    assert change.of_each("drug_in_line") == {drug: course.arrived(drug, ends=hours) for drug in change.old}


def _with_the_bridge_it_is_as_said(change: _Change) -> None:
    """Every old drug at its dose of the bridge until it ends, every new one at its new dose from then on."""
    rate, turns, volume = (change.needed(name) for name in ("rate", "duration", "volume"))
    flow = change.needed("new_flow_rate")
    course = change.course(volume, Run(rate, turns), Run(flow, _DAY))
    meanwhile, after = change.of_each("bridge_daily_dose"), change.of_each("new_daily_dose")
    assert _spans(course) == _one_after_the_other(turns, meanwhile, after, same_flow=rate == flow)
    primary = next(iter(change.old))
    asked = change.request.get("bridge_daily_dose_of_old", change.request["daily_dose"])
    assert meanwhile[primary] == _canonical(asked)
    assert change.number("drug_delivered") == course.arrived(primary, ends=turns)
    before = {drug: _canonical(change.request["daily_dose"]) * strength / change.old[primary]
              for drug, strength in change.old.items()}  # fmt: skip
    assert change.of_each("old_daily_dose") == before
    for row in change.found.answers["components"]:
        drug = row["drug"]
        dose = meanwhile.get(drug, Fraction(0))
        assert ("old-dose" in row["bridge_is_above"]) == (dose > before.get(drug, 0))
        assert ("new-dose" in row["bridge_is_above"]) == (dose > after.get(drug, 0))


def _a_wrong_volume_is_wrong_by_as_much_as_said_of_every_drug(change: _Change, part: Fraction) -> None:
    """The true line shorter, then longer, than the bridge was made for."""
    rate, turns, volume, flow = (change.needed(name) for name in ("rate", "duration", "volume", "new_flow_rate"))
    by = volume * part
    per = Fraction("0.01")
    bridge, rest = Run(rate, turns), by / flow
    large, small = change.course(volume - by, bridge), change.course(volume + by, bridge, Run(flow, rest))
    for n, row in enumerate(change.found.answers["components"]):
        drug = row["drug"]
        sign = {"more": 1, "less": -1, "the same": 0}[row["volume_too_large_gives"]]
        error = change.needed("components", n, "error_per_0.01_mL") / per * by
        assert (error == 0) == (sign == 0)
        meant = change.old.get(drug, Fraction(0)) * volume
        assert large.arrived(drug) - meant == sign * error
        meant += change.new.get(drug, Fraction(0)) * by
        assert small.arrived(drug) - meant == -sign * error
