"""A record of which any line was altered is withheld, by the replay of its page or by asking again."""

from __future__ import annotations

import ast
import copy
import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from records import RECORDS

import pumpcalc
from pumpcalc import CalculationWithheld, Refusal, calculate, verify
from pumpcalc.worksheet import replay


def _altered(name: str, change: Callable[[dict[str, Any]], None]) -> dict[str, Any]:
    record = copy.deepcopy(RECORDS[name].model_dump(mode="json"))
    change(record)
    assert record != RECORDS[name].model_dump(mode="json"), "nothing was altered"
    return record


def _line(record: dict[str, Any], name: str) -> dict[str, Any]:
    (found,) = [each for part in ("given", "steps", "limits") for each in record[part] if each["name"] == name]
    return found


def _set(name: str, /, **fields: Any) -> Callable[[dict[str, Any]], None]:
    return lambda record: _line(record, name).update(fields)


def _in_centimetres(line: dict[str, Any]) -> None:
    """The same number in a unit of the same size and of another kind."""
    line["value"] = line["value"].replace(" mL", " cm")


@pytest.mark.parametrize(
    ("asked", "change"),
    [
        pytest.param("flow-rate", _set("flow_rate", exact="1/3"), id="step-exact"),
        pytest.param("flow-rate", _set("flow_rate", value="0.6 mL/day"), id="step-value"),
        pytest.param("flow-rate", _set("flow_rate", value="0.6 mL/day", exact="3/5"), id="step-value-and-exact"),
        pytest.param("flow-rate", _set("flow_rate", value="0.5 mL/h"), id="step-unit"),
        pytest.param("flow-rate", _set("flow_rate", value="0.5 mg/day"), id="step-dimension"),
        pytest.param("flow-rate", _set("flow_rate", formula="daily_dose * concentration"), id="operator"),
        pytest.param("flow-rate", _set("flow_rate", formula="concentration / daily_dose"), id="operands-swapped"),
        pytest.param("flow-rate", _set("flow_rate", formula="flow_rate"), id="circular"),
        pytest.param("flow-rate", _set("flow_rate", formula="daily_dose / concentration / 2"), id="a-number"),
        pytest.param("flow-rate", _set("flow_rate", formula="(daily_dose / concentration"), id="not-a-formula"),
        pytest.param("flow-rate", _set("flow_rate", formula="__import__('os')"), id="code"),
        pytest.param("flow-rate", _set("flow_rate", formula="daily_dose ** concentration"), id="a-power"),
        pytest.param("flow-rate", _set("flow_rate", formula="daily_dose + concentration"), id="unlike-sum"),
        pytest.param("flow-rate", _set("flow_rate", exact="1/0"), id="zero-denominator"),
        pytest.param("flow-rate", _set("flow_rate", exact=None), id="no-exact"),
        pytest.param("flow-rate", _set("daily_dose", exact="100"), id="given-exact"),
        pytest.param("flow-rate", _set("daily_dose", value="100 mg/day"), id="given-value"),
        pytest.param("flow-rate", _set("daily_dose", value="100 mg/day", exact="100"), id="given-value-and-exact"),
        pytest.param("flow-rate", _set("daily_dose", value="10 mcg/day"), id="given-unit"),
        pytest.param("flow-rate", _set("daily_dose", value="10 mg/week"), id="given-time"),
        pytest.param("flow-rate", _set("daily_dose", value="10 furlong"), id="unit-unknown"),
        pytest.param("refill", lambda r: _in_centimetres(_line(r, "alarm_volume_that_warns_in_time")), id="step-kind"),
        pytest.param("flow-rate", _set("daily_dose", name="concentration"), id="name-twice"),
        pytest.param("flow-rate", lambda r: r["given"].append(dict(r["given"][0])), id="line-twice"),
        pytest.param("flow-rate", _set("concentration", name="strength"), id="name-missing"),
        pytest.param("flow-rate", _set("minimum_flow_rate", hit=True), id="limit-hit"),
        pytest.param("flow-rate", _set("minimum_flow_rate", bound="0.48 mL/day"), id="limit-bound"),
        pytest.param("flow-rate", _set("minimum_flow_rate", bound_exact="12/25"), id="limit-bound-exact"),
        pytest.param("flow-rate", _set("minimum_flow_rate", bound="0.6 mL/day", bound_exact="3/5"), id="bound-past"),
        pytest.param("flow-rate", _set("minimum_flow_rate", bound="48 mcg/day", bound_exact="48"), id="bound-kind"),
        pytest.param("flow-rate", _set("minimum_flow_rate", bound="0.048 cm/day"), id="bound-kind-of-the-same-size"),
        pytest.param("flow-rate", _set("minimum_flow_rate", rule="at most"), id="limit-rule"),
        pytest.param("flow-rate", _set("minimum_flow_rate", actual="0.6 mL/day", actual_exact="3/5"), id="actual"),
        pytest.param("refill", _set("ziconotide_indicated_pumps", actual_exact="prometra-ii"), id="not-in-the-list"),
        pytest.param("refill", _set("refill_by", value="2026-01-24"), id="date-shown"),
        pytest.param("refill", _set("refill_by", value="2026-01-24", exact="2026-01-24"), id="date"),
        pytest.param("refill", _set("refill_by", formula="latest_day"), id="closed-day-forgotten"),
        pytest.param("refill", _set("days_that_fit", formula="max(low_reservoir_alarm_days, in_pump_stability_days, "
                                    "maximum_interval_days)"), id="latest-instead-of-earliest"),
        pytest.param("refill", _set("low_reservoir_alarm_days", formula="ceil(days_to_low_reservoir_alarm)"), id="up"),
        pytest.param("refill", _set("latest_day", formula="last_safe_day + days_before"), id="days-after"),
        pytest.param("refill", lambda r: r["request"].update(closed_weekdays=[]), id="open-on-the-closed-day"),
        pytest.param("refill", lambda r: r["answers"].update(refill_by="2026-01-28"), id="answer-date"),
        pytest.param("flow-rate", lambda r: r["answers"].update(flow_rate="5 mL/day"), id="answer-text"),
        pytest.param("flow-rate", lambda r: r["answers"].update(flow_rate="10 mg/day"), id="answer-of-another-line"),
        pytest.param("flow-rate", lambda r: r["answers"].update(flow_rate=None), id="answer-null"),
        pytest.param("flow-rate", lambda r: r["answers"].update(flow_rate=True), id="answer-true"),
        pytest.param("flow-rate", lambda r: r["answers"].update(other="7 mL/day"), id="answer-from-nowhere"),
        pytest.param("titration", lambda r: r["answers"].update(increments=8), id="answer-count"),
        pytest.param("titration", lambda r: r["answers"]["steps"][1].update(daily_dose="48 mcg/day"), id="list-dose"),
        pytest.param("titration", lambda r: r["answers"]["steps"][1].update(day=99), id="list-day"),
        pytest.param("titration", lambda r: r["answers"]["steps"][1].update(date="2027-01-08"), id="list-date"),
        pytest.param("oral", _set("kept", exact="1"), id="reduction-forgotten"),
        pytest.param("oral", _set("intrathecal_daily_dose", formula="oral_morphine_equivalent / ratio"), id="once"),
        pytest.param("oral", _set("intrathecal_daily_dose_lowest", formula="dose_at_krames_300 + dose_at_krames_300"),
                     id="sum-for-least"),
        pytest.param("schedule", _set("days_to_dry", exact="100", value="100 day"), id="walk-shorter"),
        pytest.param("schedule", _set("days_to_dry", formula="walked(usable_volume, concentration, pump_week_at_fill)"),
                     id="walk-of-another-volume"),
        pytest.param("schedule", _set("days_to_dry", formula="walked(fill_volume, pump_week_at_fill, concentration)"),
                     id="walk-with-its-arguments-swapped"),
        pytest.param("schedule", _set("dry_after", formula="down(days_to_dry, day)"), id="down-to-whole-days"),
        pytest.param("schedule", _set("pump_week_at_fill", value="2.5 day", exact="5/2"), id="another-point"),
        pytest.param("schedule", _set("dry_at", value="2026-06-15T00:00:00-04:00", exact="2026-06-15T00:00:00-04:00"),
                     id="instant"),
        pytest.param("schedule", _set("start_1_2", value="07:00"), id="time-of-day-shown"),
        pytest.param("schedule", _set("start_1_2", value="07:00", exact="07:00"), id="time-of-day"),
        pytest.param("schedule", _set("start_1_2", value="6 o'clock", exact="6"), id="time-of-day-in-words"),
        pytest.param("schedule", lambda r: r["request"].update(time_zone="Europe/Berlin"), id="another-zone"),
        pytest.param("schedule", lambda r: r["request"].update(time_zone="../etc/passwd"), id="no-zone"),
        pytest.param("schedule", lambda r: r["request"].update(base_rate="10.1 mcg/h"), id="another-base-rate"),
        pytest.param("schedule", lambda r: r["request"]["groups"][0]["weekdays"].pop(), id="a-weekday-less"),
        pytest.param("schedule", lambda r: r["request"]["groups"].append(r["request"]["groups"][0]), id="group-twice"),
        pytest.param("schedule", lambda r: r["request"]["groups"][0]["steps"][1].update(dose="76 mcg"), id="more-dose"),
        pytest.param("schedule", lambda r: r["request"]["groups"][0]["steps"][0].update(rate="0 mg/h"), id="no-rate"),
        pytest.param("schedule", lambda r: r["answers"]["day_totals"][1].update(day_total="315 mcg/day"), id="row"),
        pytest.param("boluses", _set("boluses_by_lockout", formula="ceil(times_per_day)"), id="lockout-rounded-up"),
        pytest.param("boluses", _set("boluses_per_day_possible", formula="max(boluses_per_day, boluses_by_lockout)"),
                     id="more-than-the-lockout"),
        pytest.param("actuations", _set("deliverable_dose", value="0.51 mg/day", exact="51/100"), id="dose-snapped"),
        pytest.param("actuations", _set("difference_within_tolerance", hit=False), id="tolerance-kept"),
        pytest.param("stopped", _set("dose_missed", formula="daily_dose * stopped_for"), id="minimum-rate-forgotten"),
        pytest.param("reservoir", _set("hours_to_worst_case_dry", formula="days_to_worst_case_dry"), id="part-hours"),
        pytest.param("reservoir", _set("days_to_5", formula="at_2 - at_5"), id="instants-swapped"),
        pytest.param("reservoir", _set("days_to_5", formula="at_5 + at_2"), id="instants-added"),
        pytest.param("reservoir", _set("volume_5", formula="volume_before_5"), id="bolus-forgotten"),
        pytest.param("dry", _set("taken_for_volume_before_now", formula="max(fill_volume_1, programmed_to_now)"),
                     id="below-nothing"),
        pytest.param("residual", lambda r: r["answers"].update(expected_residual="-1.7 mL"), id="answer-negative"),
        pytest.param("flow-rate", lambda r: r.pop("steps"), id="no-steps"),
        pytest.param("flow-rate", lambda r: r["steps"].reverse(), id="steps-out-of-order"),
        pytest.param("flow-rate", lambda r: r["given"].clear(), id="no-givens"),
    ],
)  # fmt: skip
def test_one_altered_line_withholds_the_calculation(asked: str, change: Callable[[dict[str, Any]], None]) -> None:
    with pytest.raises(CalculationWithheld):
        replay(_altered(asked, change))


def _numbers(part: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[tuple[Any, ...], str]]:
    """Every text or count of a record that prints a number, with its path."""
    if isinstance(part, dict | list):
        for key, entry in part.items() if isinstance(part, dict) else enumerate(part):
            yield from _numbers(entry, (*path, key))
    elif not isinstance(part, bool) and re.search(r"\d", str(part)):
        yield path, str(part)


_PRINTED = {
    name: [
        place
        for part in ("answers", "given", "steps", "limits", "request")
        for place in _numbers(record.model_dump(mode="json")[part], (part,))
    ]
    for name, record in RECORDS.items()
}


@settings(max_examples=300)
@given(st.data())
def test_one_altered_digit_anywhere_on_the_page_is_never_verified(data: st.DataObject) -> None:
    name = data.draw(st.sampled_from(sorted(_PRINTED)))
    path, text = data.draw(st.sampled_from(_PRINTED[name]))
    place = data.draw(st.sampled_from([m.start() for m in re.finditer(r"\d", text)]))
    digit = data.draw(st.sampled_from("0123456789"))
    record = copy.deepcopy(RECORDS[name].model_dump(mode="json"))
    holder: Any = record
    for key in path[:-1]:
        holder = holder[key]
    changed = text[:place] + digit + text[place + 1 :]
    holder[path[-1]] = int(changed) if isinstance(holder[path[-1]], int) else changed
    try:
        verify(record)
    except (CalculationWithheld, Refusal):
        return
    # Only a page that is also the true answer to its own request may pass, such as an oral regimen beside ziconotide.
    assert calculate(record["calculation"], record["request"]).model_dump(mode="json") == record


def test_the_second_pair_of_eyes_shares_nothing_but_the_error_tree() -> None:
    tree = ast.parse((Path(pumpcalc.__file__).parent / "worksheet" / "replay.py").read_text(encoding="utf-8"))
    imported = {node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    imported |= {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    assert {module for module in imported if module and module.startswith("pumpcalc")} == {"pumpcalc.errors"}
    assert not imported & {"pint", "numpy", "pydantic"}


# Verifying what was saved


def test_a_record_of_another_library_revision_is_redone_but_not_asked_again() -> None:
    record = _altered("refill", lambda r: r["library"].update(version="2025.03", sha256="0" * 64))
    said = verify(record)
    assert "it was not asked again" in said
    assert "2025.03 (000000000000)" in said
    later = replace(pumpcalc.library.load(), sha256="f" * 64)
    assert "it was not asked again" in verify(RECORDS["refill"], later)


def test_a_record_of_this_library_that_says_something_else_is_withheld() -> None:
    for change in (
        lambda r: r["answers"].update(binding="in-pump-stability"),
        lambda r: r["limits"].pop(0),
        lambda r: r["notes"].clear(),
        lambda r: r["request"].update(daily_dose="9.6 mcg/day"),
        lambda r: r["request"].update(daily_dose="0 mcg/day"),
        lambda r: r.update(notice="For everybody."),
    ):
        with pytest.raises(CalculationWithheld, match=r"asked again|disagrees"):
            verify(_altered("refill", change))


@pytest.mark.parametrize("text", [{}, {"outcome": "refused"}, {"calculation": "flow-rate"}])
def test_what_is_not_a_record_is_refused(text: dict[str, Any]) -> None:
    with pytest.raises(Refusal) as caught:
        verify(text)
    assert caught.value.problems[0].code == "not-a-calculation"
