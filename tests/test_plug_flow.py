"""The plug-flow simulator, and the bridges that must agree with it.

The suite tries 500 random changes. For the long run: PUMPCALC_BRIDGES=10000 pytest tests/test_plug_flow.py
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import pytest
from asking import exact
from drawing import numbers
from hypothesis import assume, event, given, settings
from hypothesis import strategies as st

from pumpcalc import Calculation, Refusal, calculate
from pumpcalc.bridge import Course, Refill, Run, Slug, simulate

_BRIDGES = int(os.environ.get("PUMPCALC_BRIDGES", "500"))
_DAY = Fraction(1)


# Ten thousand changes


@dataclass
class _Change:
    """A change as it was answered, in canonical numbers."""

    old: str
    new: str
    old_strength: Fraction
    new_strength: Fraction
    old_dose: Fraction
    new_dose: Fraction
    volume: Fraction
    rate: Fraction
    duration: Fraction
    new_flow: Fraction
    omitted: Fraction
    cleared: Fraction
    errors: dict[str, Fraction]
    """For each drug, the error of one mL."""

    def course(self, true_volume: Fraction, *runs: Run) -> Course:
        """What arrives when the line in truth holds this volume of the old solution."""
        line = [Slug(true_volume, {self.old: self.old_strength})]
        return simulate(Slug(Fraction(10**6), {self.new: self.new_strength}), line, runs)

    @property
    def bridge(self) -> Run:
        return Run(self.rate, self.duration)


def _change(found: Calculation, request: dict[str, Any]) -> _Change:
    changes_drug = "new_drug" in request
    per = exact(found, "sensitivity_volume")
    new_dose = "new_daily_dose" if "new_daily_dose" in request else "daily_dose"
    old, new = request["drug"], request.get("new_drug", request["drug"])
    errors = {old: exact(found, "error_of_old_drug" if changes_drug else "error_of_volume", "mcg") / per}
    if changes_drug:
        errors[new] = exact(found, "error_of_new_drug", "mcg") / per
    return _Change(
        old=old,
        new=new,
        old_strength=exact(found, "old_concentration", "mcg/mL"),
        new_strength=exact(found, "new_concentration", "mcg/mL"),
        old_dose=exact(found, "daily_dose", "mcg/day"),
        new_dose=exact(found, new_dose, "mcg/day"),
        volume=exact(found, "volume"),
        rate=exact(found, "rate", "mL/day"),
        duration=exact(found, "duration", "day"),
        new_flow=exact(found, "new_flow_rate", "mL/day"),
        omitted=exact(found, "dose_if_omitted", "mcg/day"),
        cleared=exact(found, "hours_if_omitted", "day"),
        errors=errors,
    )


_DOSES = numbers("0.5", "40").map(lambda number: f"{number} mg/day")
_HOURLY_DOSES = numbers("20", "900").map(lambda number: f"{number} mcg/h")


@st.composite
def _changes(draw: st.DrawFn) -> dict[str, Any]:
    """A change of concentration or of drug, with or without a change of dose, of any catheter."""
    old, new = draw(st.lists(numbers("0.05", "30"), min_size=2, max_size=2, unique=True))
    request: dict[str, Any] = {
        "pump": draw(st.sampled_from(("synchromed-ii-20", "synchromed-ii-40"))),
        "drug": "morphine",
        "old_concentration": f"{old} mg/mL",
        "new_concentration": f"{new} mg/mL",
        "daily_dose": draw(st.one_of(_DOSES, _HOURLY_DOSES)),
    }
    if draw(st.booleans()):
        length = draw(st.sampled_from(("implanted_length", "trimmed_length")))
        request["catheter"] = {"model": "prometra-catheter", length: f"{draw(numbers('1', '109', 1))} cm"}
    else:
        request["catheter_volume"] = f"{draw(numbers('0.001', '0.6'))} mL"
    if draw(st.booleans()):
        request["pump_tubing_volume"] = f"{draw(numbers('0.001', '0.5'))} mL"
    if draw(st.booleans()):
        request["new_daily_dose"] = draw(_DOSES)
        if draw(st.booleans()):
            request |= {"new_drug": "hydromorphone", "old_dose_may_continue": True}
    return request


@pytest.mark.timeout(3600)
@settings(max_examples=_BRIDGES)
@given(_changes(), numbers("0.001", "0.9"))
def test_the_bridge_formulas_agree_with_the_simulator_on_random_changes(request_: dict[str, Any], part: str) -> None:
    assume(not _below_the_minimum(request_))
    event("a change of drug" if "new_drug" in request_ else "a change of concentration")
    change = _change(calculate("bridge-bolus", request_), request_)
    wrong_by = change.volume * Fraction(part)
    _the_right_bridge_is_right(change)
    _without_a_bridge_it_is_as_said(change)
    _a_volume_too_large_is_wrong_by_as_much_as_said(change, wrong_by)
    _a_volume_too_small_is_wrong_by_as_much_as_said(change, wrong_by)


def _below_the_minimum(request: dict[str, Any]) -> bool:
    """Is the rate below the least that the pump can run, worked out here a second time? Then there is no bridge."""
    number, unit = request["daily_dose"].split(" ")
    milligrams = Fraction(number) if unit == "mg/day" else Fraction(number) * 24 / 1000
    return milligrams / Fraction(request["old_concentration"].split(" ")[0]) < Fraction(48, 1000)


def _the_right_bridge_is_right(change: _Change) -> None:
    """The old dose until the bridge ends, the new one from then on, and not an instant of anything else."""
    course = change.course(change.volume, change.bridge, Run(change.new_flow, _DAY))
    found = [(span.begins, span.ends, dict(span.doses)) for span in course.arrives]
    turns = change.duration
    expected = [(0, turns, {change.old: change.old_dose}), (turns, turns + 1, {change.new: change.new_dose})]
    assert found == expected
    assert course.arrived(change.old, ends=turns) == change.volume * change.old_strength


def _without_a_bridge_it_is_as_said(change: _Change) -> None:
    course = change.course(change.volume, Run(change.new_flow, change.cleared + 1))
    expected = [(0, change.cleared, {change.old: change.omitted}),
                (change.cleared, change.cleared + 1, {change.new: change.new_dose})]  # fmt: skip
    assert [(span.begins, span.ends, dict(span.doses)) for span in course.arrives] == expected
    if change.old == change.new:
        assert (change.omitted < change.new_dose) == (change.old_strength < change.new_strength)


def _a_volume_too_large_is_wrong_by_as_much_as_said(change: _Change, by: Fraction) -> None:
    """The true line is shorter: the new solution arrives at the rate of the bridge."""
    course = change.course(change.volume - by, change.bridge)
    _is_wrong_by(change, by, course, {change.old: change.old_dose * change.duration}, sign=1)


def _a_volume_too_small_is_wrong_by_as_much_as_said(change: _Change, by: Fraction) -> None:
    """The true line is longer: the rest of the old solution arrives at the new rate."""
    rest = by / change.new_flow
    course = change.course(change.volume + by, change.bridge, Run(change.new_flow, rest))
    meant = {change.old: change.old_dose * change.duration}
    meant[change.new] = meant.get(change.new, Fraction(0)) + change.new_dose * rest
    _is_wrong_by(change, by, course, meant, sign=-1)


def _is_wrong_by(change: _Change, by: Fraction, course: Course, meant: dict[str, Fraction], *, sign: int) -> None:
    if change.old == change.new:
        more = 1 if change.new_strength > change.old_strength else -1
        assert course.arrived(change.old) - meant[change.old] == sign * more * by * change.errors[change.old]
        return
    assert course.arrived(change.new) - meant.get(change.new, 0) == sign * by * change.errors[change.new]
    assert course.arrived(change.old) - meant[change.old] == -sign * by * change.errors[change.old]


def test_the_table_of_errors_in_the_reference_is_what_the_simulator_gives() -> None:
    old, new = {"baclofen": Fraction(500)}, {"baclofen": Fraction(2000)}
    line, bridge, after = Fraction("0.34"), Run(Fraction("0.4"), Fraction("0.85")), Run(Fraction("0.1"), Fraction(9))

    def course(solutions: tuple[dict[str, Fraction], dict[str, Fraction]], volume: Fraction, *runs: Run) -> Course:
        return simulate(Slug(Fraction(20), solutions[1]), [Slug(volume, solutions[0])], runs)

    up, down = (old, new), (new, old)
    omitted = course(up, line, after).arrives[0]
    assert (omitted.doses["baclofen"], omitted.ends * 24) == (50, Fraction("81.6"))
    omitted = course(down, line, Run(Fraction("0.4"), Fraction(9))).arrives[0]
    assert (omitted.doses["baclofen"], omitted.ends * 24) == (800, Fraction("20.4"))
    large = course(up, line - Fraction("0.1"), bridge).arrives[1]
    assert (large.doses["baclofen"], (large.ends - large.begins) * 24) == (800, 6)
    small = course(up, line + Fraction("0.1"), bridge, after).arrives[1]
    assert (small.doses["baclofen"], (small.ends - small.begins) * 24) == (50, 24)


# The simulator itself

_FRACTIONS = st.fractions(0, 5, max_denominator=50)
_SOLUTIONS = st.dictionaries(st.sampled_from(("morphine", "baclofen", "clonidine")), _FRACTIONS, max_size=3)
_SLUGS = st.builds(Slug, _FRACTIONS, _SOLUTIONS)
_RUNS = st.builds(Run, _FRACTIONS, st.fractions(0, 3, max_denominator=20))


@given(_SOLUTIONS, st.lists(_SLUGS, max_size=4), st.lists(st.one_of(_RUNS, _SLUGS), max_size=6))
def test_what_left_the_reservoir_has_arrived_or_is_in_line(
    solution: dict[str, Fraction], line: list[Slug], events: list[Run | Slug]
) -> None:
    reservoir = Slug(Fraction(1000), solution)
    # A slug among the events is a fill on top of what is in the reservoir.
    told, volume = list[Run | Refill](), reservoir.volume
    for each in events:
        if isinstance(each, Run):
            volume -= each.flow_rate * each.duration
            told.append(each)
        else:
            told.append(Refill(volume, each))
            volume += each.volume
    course = simulate(reservoir, line, told)
    filled = [each for each in events if isinstance(each, Slug)]
    for drug in ("morphine", "baclofen", "clonidine"):
        before = sum((slug.mass(drug) for slug in line), Fraction(0))
        after = sum((slug.mass(drug) for slug in course.line), Fraction(0))
        assert before + course.pumped.get(drug, 0) == course.arrived(drug) + after
        put_in = reservoir.mass(drug) + sum((slug.mass(drug) for slug in filled), Fraction(0))
        assert put_in == course.pumped.get(drug, 0) + course.reservoir.mass(drug)
    assert sum(slug.volume for slug in course.line) == sum(slug.volume for slug in line)
    assert course.reservoir.volume == volume


@given(st.lists(_SLUGS, max_size=4), st.lists(_RUNS, max_size=6))
def test_the_curve_has_no_gap_and_neighbours_differ(line: list[Slug], runs: list[Run]) -> None:
    course = simulate(Slug(Fraction(1000), {"morphine": Fraction(7)}), line, runs)
    ends = [Fraction(0), *(span.ends for span in course.arrives)]
    assert [span.begins for span in course.arrives] == ends[:-1]
    assert ends[-1] == sum(run.duration for run in runs)
    assert all(span.begins < span.ends for span in course.arrives)
    for one, other in zip(course.arrives, course.arrives[1:], strict=False):
        assert (one.flow_rate, one.doses) != (other.flow_rate, other.doses)


@given(st.lists(_SLUGS, max_size=4), st.fractions(0, 3, max_denominator=20), st.fractions(0, 3, max_denominator=20))
def test_what_arrives_in_two_stretches_is_what_arrives_in_both(line: list[Slug], one: Fraction, two: Fraction) -> None:
    course = simulate(Slug(Fraction(1000), {"morphine": Fraction(7)}), line, [Run(Fraction(2), one + two)])
    parts = course.arrived("morphine", ends=one) + course.arrived("morphine", begins=one)
    assert parts == course.arrived("morphine", Fraction(0), one + two) == course.arrived("morphine")
    in_two = simulate(
        Slug(Fraction(1000), {"morphine": Fraction(7)}), line, [Run(Fraction(2), one), Run(Fraction(2), two)]
    )
    assert in_two == course


def test_a_stopped_pump_delivers_nothing_and_keeps_its_line() -> None:
    line = [Slug(Fraction(1, 5), {"morphine": Fraction(7)})]
    course = simulate(Slug(Fraction(20), {}), line, [Run(Fraction(0), Fraction(2))])
    assert [(span.ends, span.doses) for span in course.arrives] == [(2, {})]
    assert list(course.line) == line
    assert course.arrived("morphine") == 0


@given(numbers("0.1", "1.4"), numbers("0.1", "10"), numbers("0.1", "10"), numbers("1", "18"))
def test_a_fill_on_old_solution_mixes_as_residual_dilution_says(left: str, old: str, new: str, fill: str) -> None:
    found = calculate(
        "residual-dilution",
        {"pump": "synchromed-ii-20", "drug": "morphine", "old_concentration": f"{old} mg/mL",
         "new_concentration": f"{new} mg/mL", "reservoir_residual_volume": f"{left} mL", "fill_volume": f"{fill} mL"},
    )  # fmt: skip
    reservoir = Slug(Fraction(20), {"morphine": Fraction(old)})
    refill = Refill(Fraction(left), Slug(Fraction(fill), {"morphine": Fraction(new)}))
    mixed = simulate(reservoir, [], [refill]).reservoir
    assert mixed.solution["morphine"] == exact(found, "mixed_concentration", "mg/mL")
    assert mixed.volume == exact(found, "volume_in_reservoir")
    low, high = sorted((Fraction(old), Fraction(new)))
    assert low <= mixed.solution["morphine"] <= high


_ONE = Fraction(1)


@pytest.mark.parametrize(
    ("reservoir", "line", "events", "code"),
    [
        (Slug(_ONE, {}), [], [Run(_ONE, Fraction("1.001"))], "reservoir-dry"),
        (Slug(_ONE, {}), [], [Run(-_ONE, _ONE)], "out-of-range"),
        (Slug(_ONE, {}), [], [Run(_ONE, -_ONE)], "out-of-range"),
        (Slug(-_ONE, {}), [], [], "out-of-range"),
        (Slug(_ONE, {"morphine": -_ONE}), [], [], "out-of-range"),
        (Slug(_ONE, {}), [Slug(-_ONE, {})], [], "out-of-range"),
        (Slug(_ONE, {}), [], [Refill(Fraction("1.001"), Slug(_ONE, {}))], "out-of-range"),
        (Slug(_ONE, {}), [], [Refill(-_ONE, Slug(_ONE, {}))], "out-of-range"),
    ],
)
def test_what_cannot_happen_is_not_simulated(
    reservoir: Slug, line: list[Slug], events: list[Run | Refill], code: str
) -> None:
    with pytest.raises(Refusal) as caught:
        simulate(reservoir, line, events)
    assert caught.value.problems[0].code == code


def test_a_reservoir_may_be_pumped_to_its_last_drop() -> None:
    course = simulate(Slug(_ONE, {"morphine": _ONE}), [], [Run(_ONE, _ONE)])
    assert (course.reservoir.volume, course.arrived("morphine"), course.line) == (0, 1, ())
