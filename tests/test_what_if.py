"""What if: two answers side by side, both curves, and nothing kept."""

from __future__ import annotations

import json
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import pytest
from asking import days_of, exact, fill, flow
from hypothesis import given
from hypothesis import strategies as st

from pumpcalc import Calculation, Refusal, calculate, cli
from pumpcalc.library import load
from pumpcalc.what_if import course, what_if


def test_each_side_is_what_the_calculator_itself_says() -> None:
    run = what_if("refill-schedule", fill(), {"daily_dose": "12 mg/day"}, load())
    assert run.before == calculate("refill-schedule", fill())
    assert run.after == calculate("refill-schedule", fill(daily_dose="12 mg/day"))
    assert run.answers["refill_by"] == ("2026-02-10", "2026-02-04")


def test_a_change_to_nothing_leaves_a_field_out() -> None:
    run = what_if("flow-rate", flow(pump="synchromed-ii-20"), {"pump": None}, load())
    assert run.after == calculate("flow-rate", flow())


def test_a_change_that_cannot_be_is_a_refusal_beside_the_answer() -> None:
    run = what_if("refill-schedule", fill(), {"low_reservoir_alarm_volume": "20 mL"}, load())
    assert isinstance(run.before, Calculation)
    assert isinstance(run.after, Refusal)
    assert {point.after for point in course(run)} == {None}


@given(st.integers(1, 40), st.integers(1, 40))
def test_both_curves_fall_from_the_fill_to_the_day_that_binds(before: int, after: int) -> None:
    asked = fill(daily_dose=f"{before} mg/day", pump="synchromed-ii-40")
    run = what_if("refill-schedule", asked, {"daily_dose": f"{after} mg/day"}, load())
    points = course(run)
    assert (points[0].day, points[0].before, points[0].after) == (0, "20 mL", "20 mL")
    for side, answer in (("before", run.before), ("after", run.after)):
        assert isinstance(answer, Calculation)
        left = [Fraction(getattr(point, side).partition(" ")[0]) for point in points]
        assert left == sorted(left, reverse=True)
        until = min(days_of(answer).values())
        (at,) = [getattr(point, side) for point in points if point.day == until]
        assert abs(Fraction(at.partition(" ")[0]) - (20 - until * exact(answer, "flow_rate"))) < Fraction(1, 10_000)


def test_what_is_no_refill_has_no_curve() -> None:
    assert course(what_if("flow-rate", flow(), {"daily_dose": "5 mg/day"}, load())) == []


def test_a_fill_that_would_last_for_thousands_of_years_has_a_curve_of_a_hundred_points() -> None:
    solution = [{"drug": "hydromorphone", "concentration": "1 mcg/mL"}]
    asked = fill(pump="synchromed-iii-40", components=solution, stability="900000 day", daily_dose="0.00003 mcg/day")
    points = course(what_if("refill-schedule", asked, {"daily_dose": "0.00004 mcg/day"}, load()))
    assert 90 <= len(points) <= 106
    assert points[-1].day > 365_000
    steps = [later.day - one.day for one, later in pairwise(points)]
    assert sum(step != steps[0] for step in steps) <= 3  # where the earlier of the two ends, and at the end


def test_a_curve_of_two_years_is_told_week_by_week() -> None:
    solution = [{"drug": "hydromorphone", "concentration": "1 mg/mL"}]
    asked = fill(pump="synchromed-iii-40", components=solution, daily_dose="0.001 mg/day")
    change = {"days_before": "1 day"}
    for days, step in ((7 * 104, 7), (7 * 104 + 1, 14)):
        points = course(what_if("refill-schedule", asked | {"stability": f"{days} day"}, change, load()))
        assert (points[1].day, points[-1].day) == (step, days)


def test_the_command_shows_both_and_keeps_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "refill.json"
    file.write_text(json.dumps(fill()), encoding="utf-8")
    assert cli.main(["what-if", "refill-schedule", str(file), "--change", "daily_dose=12 mg/day"]) == 0
    printed = capsys.readouterr().out
    assert "refill by: 2026-02-10 -> 2026-02-04" in printed
    assert "35    2.5 mL          0 mL" in printed
    assert "Nothing was kept." in printed
    assert [each.name for each in tmp_path.iterdir()] == ["refill.json"]
    assert cli.main(["what-if", "refill-schedule", str(file), "--change", "daily_dose=10 mg/day"]) == 0
    assert "nothing changes" in capsys.readouterr().out
    assert cli.main(["what-if", "refill-schedule", str(file), "--change", "daily_dose=1,5 mg/day"]) == 2
    assert "refused" in capsys.readouterr().out
