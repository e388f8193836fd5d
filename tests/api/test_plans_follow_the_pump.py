"""What a pump waits for is worked out again at every change: of dose, of programme, of what the pump does."""

from __future__ import annotations

import datetime as dt
import json
from typing import Any

import pytest
from api_fiction import MORPHINE, NOON, House, at
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from ledger_fiction import DOSE, happens

from api import house, ledger, reservoirs
from api.engine import replan_stale
from api.reservoirs import to_text
from api.store.queries import plans
from pumpcalc import verify

SHOWN = ("kind", "why", "refill_by", "binding", "severity")
BOLUSES = {"dose_per_bolus": "0.5 mg", "lockout": "6 h", "boluses_per_day": 4}
WEEK = {
    "filled_at": "2026-11-25T09:00:00-05:00", "fill_volume": "20 mL", "stability": "77 day",
    "components": [{"drug": "baclofen", "concentration": "0.5 mg/mL"}], "daily_dose": "0.24 mg/day",
    "base_rate": "0.01 mg/h", "day_total": "0.24 mg/day",
}  # fmt: skip


def waits(fiction: House, pump: str | None = None) -> dict[str, Any]:
    """The open plan of a pump, with the state of the pump."""
    with fiction.store.reading() as connection:
        found = house.pump_of(connection, fiction.clinic, pump or fiction.pump)
        plan = plans.plan_by_id(connection, fiction.clinic, found["plan_id"])
    assert plan is not None
    return {**plan, "state": found["state"]}


def shown(fiction: House, pump: str | None = None) -> tuple[str, ...]:
    """The state of a pump, and what it waits for."""
    plan = waits(fiction, pump)
    return (plan["state"], *("-" if plan[name] is None else str(plan[name]) for name in SHOWN))


def revisions(fiction: House) -> int:
    return len(fiction.rows("plan"))


def test_a_change_of_dose_moves_the_day_by_what_is_left(fiction: House) -> None:
    fiction.record(MORPHINE)
    assert shown(fiction) == ("active", "date", "refill", "2026-12-31", "low-reservoir-alarm", "high")
    happens(fiction, "rate-change", "2026-12-05T12:00:00-05:00", **DOSE)
    # 10.5 days at 0.5 mL leave 14.75 mL; 12.75 mL above the alarm at 0.6 mL/day are 21 days from 5 December.
    assert shown(fiction) == ("active", "date", "rate-change", "2026-12-26", "low-reservoir-alarm", "high")
    assert waits(fiction)["detail"].startswith("By the ledger the reservoir held 14.75 mL at 2026-12-05T17:00:00+00:00")
    assert "counts from the beginning of its day" in waits(fiction)["detail"]
    kinds = {row[0] for row in fiction.rows("reminder", "kind, state, id") if row[1] == "pending"}
    assert "moved-earlier" in kinds


def test_a_lower_dose_moves_the_day_later_and_never_past_the_solution(fiction: House) -> None:
    fiction.record(MORPHINE)
    happens(fiction, "rate-change", "2026-12-05T12:00:00-05:00", **DOSE | {"daily_dose": "1 mg/day"})
    assert shown(fiction)[2:5] == ("rate-change", "2027-02-23", "in-pump-stability")
    kinds = {row[0] for row in fiction.rows("reminder", "kind, state, id") if row[1] == "pending"}
    assert "moved-earlier" not in kinds


def test_both_calculations_behind_a_plan_are_kept_and_can_be_done_again(fiction: House) -> None:
    fiction.record(MORPHINE)
    happens(fiction, "rate-change", "2026-12-05T12:00:00-05:00", **DOSE)
    plan = waits(fiction)
    rows = {row[0]: json.loads(row[1]) for row in fiction.rows("calculation", "id, record, name")}
    schedule = rows[plan["calculation_id"]]
    state = next(record for name, record in rows.items() if name in plan["detail"])
    for record in (schedule, state):
        verify(record)
    asked = {name: schedule["request"][name] for name in ("as_of", "volume_then", "least_volume_then", "daily_dose")}
    assert asked == {
        "as_of": "2026-12-05", "volume_then": "14.75 mL", "least_volume_then": "13.98875 mL", "daily_dose": "12 mg/day",
    }  # fmt: skip
    assert (state["answers"]["volume"], state["request"]["at"]) == ("14.75 mL", "2026-12-05T17:00:00+00:00")


def test_a_dose_that_ends_in_no_decimal_is_rounded_up(fiction: House) -> None:
    fiction.record(MORPHINE)
    third = {"drug": "morphine", "daily_dose": "7 mg/day", "concentration": "15 mg/mL"}  # 7/15 mL/day of 20 mg/mL
    happens(fiction, "rate-change", "2026-12-05T12:00:00-05:00", **third)
    record = json.loads(waits(fiction)["record"])
    assert record["request"]["daily_dose"] == "9.333333334 mg/day"


@pytest.mark.parametrize("flow", ["0.6 mL/day"])
def test_a_flow_that_is_programmed_counts_as_the_dose_that_it_delivers(fiction: House, flow: str) -> None:
    fiction.record(MORPHINE)
    happens(fiction, "rate-change", "2026-12-05T12:00:00-05:00", flow_rate=flow)
    assert shown(fiction)[3] == "2026-12-26"


def test_a_stopped_pump_has_no_date_but_an_alert_and_its_resumption_a_date_again(fiction: House) -> None:
    fiction.record(MORPHINE)
    happens(fiction, "stop", "2026-12-05T12:00:00-05:00")
    assert shown(fiction) == ("stopped", "unknown", "stopped", "-", "-", "high")
    pending = [row for row in fiction.rows("reminder", "kind, state, plan_id") if row[1] == "pending"]
    assert [row[0::2] for row in pending] == [("unknown", waits(fiction)["id"])]
    happens(fiction, "resume", "2026-12-07T12:00:00-05:00")
    # Two days stood still: 14.75 mL on the 7th, 12.75 mL above the alarm are 25 days.
    assert shown(fiction) == ("active", "date", "resume", "2027-01-01", "low-reservoir-alarm", "high")


def test_after_a_scan_nothing_is_known_until_the_interrogation(fiction: House) -> None:
    fiction.record(MORPHINE)
    happens(fiction, "mri", "2026-12-05T12:00:00-05:00")
    assert shown(fiction) == ("unknown", "unknown", "unknown-state", "-", "-", "high")
    happens(fiction, "interrogation", "2026-12-05T13:00:00-05:00")
    assert shown(fiction)[:3] == ("active", "date", "interrogation")
    happens(fiction, "mri", "2026-12-06T12:00:00-05:00")
    happens(fiction, "interrogation", "2026-12-08T13:00:00-05:00", stopped_for="48 h")
    # Without the two days by the log 11 days and 13 hours at 0.5 mL: 14.229 mL, 24 days.
    assert shown(fiction)[3] == "2027-01-01"


def test_a_second_scan_tells_nobody_anew(fiction: House) -> None:
    fiction.record(MORPHINE)
    happens(fiction, "mri", "2026-12-05T12:00:00-05:00")
    before = fiction.everything()
    happens(fiction, "mri", "2026-12-05T13:00:00-05:00")
    assert fiction.everything() == before


def test_a_stop_that_is_taken_back_never_was(fiction: House) -> None:
    fiction.record(MORPHINE)
    before = waits(fiction)
    made = happens(fiction, "stop", "2026-12-05T12:00:00-05:00")
    body = {"event": "reversal", "of": made}
    ledger.record_event(fiction.store, fiction.clinic, fiction.pump, body, at("2026-12-09T12:00:00Z"))
    after = waits(fiction)
    assert (after["state"], after["refill_by"], after["binding"]) == ("active", before["refill_by"], before["binding"])
    assert after["detail"] is None


def test_without_a_programme_there_is_no_date(fiction: House) -> None:
    fiction.record(MORPHINE)
    rate = next(row[1] for row in fiction.rows("pump_event", "position, id, event") if row[2] == "rate-change")
    body = {"event": "reversal", "of": rate}
    ledger.record_event(fiction.store, fiction.clinic, fiction.pump, body, NOON)
    assert shown(fiction)[:3] == ("active", "unknown", "not-programmed")
    happens(fiction, "rate-change", "2026-11-25T17:00:00Z", **DOSE)
    assert shown(fiction)[1] == "date"


def test_a_reservoir_that_may_have_been_empty_has_no_date_until_a_new_start(fiction: House) -> None:
    fiction.record(MORPHINE)
    happens(fiction, "withdraw", "2026-12-05T12:00:00-05:00", volume="0 mL", left_volume="0 mL")
    assert shown(fiction) == ("active", "unknown", "possibly-empty", "-", "-", "high")
    assert "up to about 11 days" in waits(fiction)["detail"]
    fresh = MORPHINE | {"fill_date": "2026-12-05", "withdrawn_volume": "0 mL", "left_volume": "0 mL"}
    fiction.record(fresh | {"new_start": True, "daily_dose": "1 mg/day"}, at("2026-12-05T18:00:00Z"))
    assert shown(fiction)[:3] == ("active", "date", "refill")


@pytest.mark.parametrize(("found", "why"), [("1.4 mL", "possibly-empty"), ("1.400000001 mL", "withdraw")])
def test_nearly_nothing_in_the_reservoir_is_an_empty_interval_and_just_more_is_not(
    fiction: House, found: str, why: str
) -> None:
    # What the pump cannot deliver is 1.4 mL; 14.75 mL were expected.
    fiction.record(MORPHINE)
    happens(fiction, "withdraw", "2026-12-05T12:00:00-05:00", volume="0 mL", left_volume=found)
    assert shown(fiction)[2] == why


def test_boluses_that_are_logged_leave_the_reservoir(fiction: House) -> None:
    fiction.record(MORPHINE)
    happens(fiction, "bolus-log", "2026-12-05T00:00:00-05:00", volume="3 mL")
    # 15 mL less 3 mL on the 5th: 10 mL above the alarm are 20 days.
    assert shown(fiction)[2:4] == ("bolus-log", "2026-12-25")


def test_boluses_that_no_log_has_counted_are_taken_as_delivered(fiction: House) -> None:
    fiction.record(MORPHINE | BOLUSES)
    assert shown(fiction)[3] == "2026-12-25", "12 mg a day with every bolus: 18 mL at 0.6 mL are 30 days"
    happens(fiction, "rate-change", "2026-12-05T00:00:00-05:00", **DOSE | {"daily_dose": "10 mg/day"})
    # Ten days of 0.5 mL and of four boluses of 0.025 mL: 14 mL, the same as from the fill.
    assert shown(fiction)[2:4] == ("refill", "2026-12-25"), "the plan stands"
    happens(fiction, "bolus-log", "2026-12-06T00:00:00-05:00", volume="0.1 mL")
    # The log counts 0.1 mL since the fill, the boluses before it being known now: 14.4 mL on the 6th.
    assert shown(fiction)[3] == "2026-12-26"
    assert "Boluses that no log has counted are taken as delivered" in waits(fiction)["detail"]


def test_under_a_day_schedule_a_stop_counts_for_nothing_and_a_change_of_dose_ends_the_date(fiction: House) -> None:
    fiction.record(WEEK)
    first = waits(fiction)["refill_by"]
    happens(fiction, "stop", "2026-12-05T12:00:00-05:00")
    happens(fiction, "resume", "2026-12-06T12:00:00-05:00")
    assert (waits(fiction)["kind"], waits(fiction)["refill_by"]) == ("date", first)
    dose = {"drug": "baclofen", "daily_dose": "0.3 mg/day", "concentration": "0.5 mg/mL"}
    happens(fiction, "rate-change", "2026-12-07T12:00:00-05:00", **dose)
    assert shown(fiction)[1:3] == ("unknown", "not-computable")
    assert "day schedule" in waits(fiction)["detail"]


def test_what_was_left_before_a_fill_is_never_counted_as_more_than_was_filled(fiction: House) -> None:
    fiction.record(MORPHINE)
    body = MORPHINE | {"fill_date": "2026-12-05", "fill_volume": "15 mL"}
    fiction.record(body | {"withdrawn_volume": "10 mL", "left_volume": "5 mL"}, at("2026-12-05T17:00:00Z"))
    assert shown(fiction)[3] == "2026-12-31", "13 mL of 15 at 0.5 mL/day from the 5th"
    happens(fiction, "interrogation", "2026-12-06T00:00:00-05:00")
    # 19.5 mL are there on the 6th; 15 are counted: 26 days.
    assert shown(fiction)[3] == "2027-01-01"


def test_a_setting_that_changes_moves_the_day_from_the_ledger_and_a_plan_that_stands_stays(fiction: House) -> None:
    fiction.record(MORPHINE)
    happens(fiction, "rate-change", "2026-12-05T12:00:00-05:00", **DOSE)
    later = at("2026-12-15T22:22:22Z")
    before = fiction.everything()
    house.change_settings(fiction.store, fiction.clinic, {"closed_dates": ["2027-06-01"]}, later)
    replan_stale(fiction.store, lambda: later)
    assert fiction.everything()["plan"] == before["plan"], "worked out ten days later it says the same"
    house.change_settings(fiction.store, fiction.clinic, {"low_reservoir_alarm_volume": "3.2 mL"}, later)
    replan_stale(fiction.store, lambda: later)
    assert shown(fiction)[2:4] == ("settings", "2026-12-24"), "11.55 mL at 0.6 mL/day are 19 days"


def test_a_stopped_pump_keeps_its_alert_when_a_setting_changes(fiction: House) -> None:
    fiction.record(MORPHINE)
    happens(fiction, "stop", "2026-12-05T12:00:00-05:00")
    before = revisions(fiction)
    house.change_settings(fiction.store, fiction.clinic, {"low_reservoir_alarm_volume": "3 mL"}, NOON)
    assert replan_stale(fiction.store, lambda: NOON) == 1
    assert revisions(fiction) == before
    assert shown(fiction)[:3] == ("stopped", "unknown", "stopped")


def test_an_alarm_volume_that_is_taken_back_leaves_an_alert_and_no_wrong_day(fiction: House) -> None:
    fiction.record(MORPHINE)
    happens(fiction, "rate-change", "2026-12-05T12:00:00-05:00", **DOSE)
    house.change_settings(fiction.store, fiction.clinic, {"low_reservoir_alarm_volume": None}, NOON)
    replan_stale(fiction.store, lambda: NOON)
    assert shown(fiction)[1:3] == ("unknown", "not-computable")


def test_a_pump_filled_before_ledgers_were_kept_gets_one_with_its_first_event(fiction: House) -> None:
    refill = fiction.record(MORPHINE)
    with fiction.store.writing() as connection:
        # As an older version left it: a refill and no ledger.
        for trigger in ("DROP TRIGGER pump_event_no_delete",) if not fiction.store.is_shared else (
            "ALTER TABLE pump_event DISABLE TRIGGER pump_event_never_changed",
        ):  # fmt: skip
            connection.exec_driver_sql(trigger)
        connection.exec_driver_sql("DELETE FROM pump_event")
    happens(fiction, "rate-change", "2026-12-05T12:00:00-05:00", **DOSE)
    rows = fiction.rows("pump_event", "position, event, refill_id")
    assert rows == [(1, "fill", refill), (2, "rate-change", refill), (3, "rate-change", None)]
    assert shown(fiction)[3] == "2026-12-26"


@pytest.mark.parametrize(
    ("amount", "down", "up"),
    [
        ("1/3", "0.333333333 mL", "0.333333334 mL"),
        ("20", "20 mL", "20 mL"),
        ("100", "100 mL", "100 mL"),
        ("1/2", "0.5 mL", "0.5 mL"),
        ("0", "0 mL", "0 mL"),
        ("1/10000000000", "0 mL", "0.000000001 mL"),
    ],
)
def test_a_number_without_an_end_is_written_to_the_safe_side(amount: str, down: str, up: str) -> None:
    from fractions import Fraction

    assert (to_text(Fraction(amount), "mL"), to_text(Fraction(amount), "mL", up=True)) == (down, up)


def test_the_beginning_of_a_day_is_the_clinics(fiction: House) -> None:
    assert reservoirs.filled_at({"fill_date": "2026-03-29"}, "Europe/Berlin") == at("2026-03-28T23:00:00Z")
    assert reservoirs.filled_at({"fill_date": "2026-09-06"}, "America/Santiago") == at("2026-09-06T04:00:00Z"), (
        "where the clocks skip midnight the day begins at one"
    )


HOURS = st.integers(1, 24 * 14)
"""Since the fill of 25 November."""
HAPPENINGS = st.one_of(
    st.sampled_from(["8 mg/day", "10 mg/day", "12.5 mg/day"]).map(
        lambda dose: {"event": "rate-change", **DOSE, "daily_dose": dose}
    ),
    st.sampled_from(["0.01 mL", "0.3 mL"]).map(lambda volume: {"event": "bolus-log", "volume": volume}),
    st.sampled_from([{"event": "stop"}, {"event": "resume"}]),
)
EVENTS = st.lists(st.tuples(HOURS, HAPPENINGS, st.booleans()), min_size=1, max_size=6, unique_by=lambda each: each[0])
WHEN_RECORDED = at("2026-12-10T05:00:00Z")


def _recorded(fiction: House, listed: list[tuple[int, dict[str, Any], bool]]) -> tuple[Any, ...]:
    """What a new pump waits for after these events, of which some were mistakes that are taken back at once."""
    pump = fiction.another_pump()
    fiction.record(MORPHINE, pump=pump)
    for hours, event, mistaken in listed:
        when = at("2026-11-25T05:00:00Z") + dt.timedelta(hours=hours)
        body = {**event, "at": when.isoformat()}
        made = ledger.record_event(fiction.store, fiction.clinic, pump, body, WHEN_RECORDED)
        if mistaken:
            back = {"event": "reversal", "of": made}
            ledger.record_event(fiction.store, fiction.clinic, pump, back, WHEN_RECORDED)
    plan = waits(fiction, pump)
    return tuple(plan[name] for name in ("state", "kind", "refill_by", "binding", "severity"))


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(events=EVENTS, data=st.data())
def test_in_whatever_order_events_are_recorded_the_plan_is_the_same(fiction: House, events: Any, data: Any) -> None:
    in_order = sorted(events, key=lambda each: each[0])
    meant = [each for each in in_order if not each[2]]
    shuffled = data.draw(st.permutations(events))
    told = _recorded(fiction, meant)
    assert _recorded(fiction, in_order) == told, "what is taken back never was"
    assert _recorded(fiction, shuffled) == told, "what is recorded late takes its place"
