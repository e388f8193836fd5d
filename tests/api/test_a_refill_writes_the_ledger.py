"""A refill is written into the ledger: what was withdrawn, what was left, the fill, how the pump is programmed."""

from __future__ import annotations

import json

import pytest
from api_fiction import MORPHINE, NOON, House, at
from ledger_fiction import DOSE, EMPTIED, happens, held, lines, refused_refill

from api import ledger
from api.store.queries import records
from pumpcalc import verify


def test_a_refill_writes_its_fill_and_its_dose_from_the_beginning_of_its_day(fiction: House) -> None:
    refill = fiction.record(MORPHINE)
    assert lines(fiction) == [(1, 1, "fill"), (2, 1, "rate-change")]
    rows = fiction.rows("pump_event", "position, at, refill_id, written")
    assert [row[1] for row in rows] == ["2026-11-25T05:00:00.000000Z"] * 2, "midnight in New York"
    assert [row[2] for row in rows] == [refill] * 2
    fill, programmed = (json.loads(row[3]) for row in rows)
    assert (fill["volume"], fill["components"]) == ("20 mL", MORPHINE["components"])
    assert (programmed["drug"], programmed["daily_dose"]) == ("morphine", "10 mg/day")


def test_a_fill_whose_hour_is_stated_is_written_at_that_instant(fiction: House) -> None:
    body = {name: value for name, value in MORPHINE.items() if name != "fill_date"}
    fiction.record(body | {"filled_at": "2026-11-25T11:00:00.5-05:00"})
    assert {row[1] for row in fiction.rows("pump_event", "position, at, id")} == {"2026-11-25T16:00:00.000000Z"}
    later = body | {"filled_at": "2026-11-25T18:00:00-05:00"}
    code, pointer, _ = refused_refill(fiction, later, NOON)
    assert (code, pointer) == ("recorded-before-it-happened", "/filled_at")


def test_without_a_withdrawn_volume_a_fill_begins_a_new_epoch(fiction: House) -> None:
    fiction.record(MORPHINE)
    fiction.record(MORPHINE | {"fill_date": "2026-12-05"}, at("2026-12-05T17:00:00Z"))
    assert lines(fiction) == [(1, 1, "fill"), (2, 1, "rate-change"), (3, 2, "fill"), (4, 2, "rate-change")]
    assert held(fiction, at("2026-12-07T05:00:00Z")) == "19 mL"


def test_a_withdrawal_at_a_refill_is_checked_against_the_ledger_and_kept_with_it(fiction: House) -> None:
    fiction.record(MORPHINE)
    # Ten days at 0.5 mL/day: 15 mL are expected; 12 mL are found, which is 3 mL too little, and just 20 % of 15 mL.
    body = MORPHINE | {"fill_date": "2026-12-05", "withdrawn_volume": "12 mL", "left_volume": "0 mL"}
    refill = fiction.record(body, at("2026-12-05T17:00:00Z"))
    assert lines(fiction)[2:] == [(3, 1, "withdraw"), (4, 1, "fill"), (5, 1, "rate-change")]
    kept = fiction.rows("pump_event", "position, refill_id, calculation_id")
    assert [row[1] for row in kept[2:]] == [refill] * 3
    with fiction.store.reading() as connection:
        record = json.loads(records.calculation_by_id(connection, fiction.clinic, kept[2][2])["record"])
    verify(record)
    assert record["calculation"] == "residual-check"
    assert record["answers"]["expected_residual"] == "15 mL"
    assert record["answers"]["findings"] == ["outside-accuracy", "over-2-mL"]
    assert held(fiction, at("2026-12-07T05:00:00Z")) == "19 mL"


def test_what_was_left_is_in_the_reservoir_with_the_next_fill(fiction: House) -> None:
    fiction.record(MORPHINE)
    body = MORPHINE | {"fill_date": "2026-12-05", "withdrawn_volume": "13 mL", "left_volume": "2 mL"}
    too_much = refused_refill(fiction, body | {"fill_volume": "18.000000001 mL"}, at("2026-12-05T17:00:00Z"))
    assert too_much[:2] == ("above-capacity", "/fill_volume")
    fiction.record(body | {"fill_volume": "18 mL"}, at("2026-12-05T17:00:00Z"))
    assert held(fiction, at("2026-12-05T05:00:00Z")) == "20 mL"
    second = MORPHINE | {"fill_date": "2026-12-15", "withdrawn_volume": "15 mL", "left_volume": "0 mL"}
    fiction.record(second, at("2026-12-15T17:00:00Z"))
    checks = [row for row in fiction.rows("calculation", "created_at, record, name") if row[2] == "residual-check"]
    last = json.loads(checks[-1][1])
    assert (last["request"]["fill_volume"], last["request"]["left_volume"]) == ("18 mL", "2 mL")
    assert last["answers"]["findings"] == []


@pytest.mark.parametrize(
    ("change", "code", "pointer"),
    [
        ({"withdrawn_volume": "15 mL"}, "missing", "/left_volume"),
        ({"left_volume": "15 mL"}, "missing", "/withdrawn_volume"),
        ({"withdrawn_volume": "20.000000001 mL", "left_volume": "0 mL"}, "more-than-there-can-be", "/withdrawn_volume"),
        ({"withdrawn_volume": "15", "left_volume": "0 mL"}, "unit-missing", "/withdrawn_volume"),
        ({"new_start": "yes"}, "wrong-type", "/new_start"),
        ({"volume_then": "15 mL"}, "set-elsewhere", "/volume_then"),
        ({"as_of": "2026-12-05"}, "set-elsewhere", "/as_of"),
    ],
)
def test_what_a_refill_says_of_its_visit_is_refused_at_its_own_field(
    fiction: House, change: dict[str, str], code: str, pointer: str
) -> None:
    fiction.record(MORPHINE)
    body = MORPHINE | {"fill_date": "2026-12-05"} | change
    assert refused_refill(fiction, body, at("2026-12-05T17:00:00Z"))[:2] == (code, pointer)


def test_of_the_first_fill_nothing_can_have_been_expected(fiction: House) -> None:
    assert refused_refill(fiction, MORPHINE | EMPTIED, NOON)[:2] == ("no-ledger", "/withdrawn_volume")


def test_after_an_empty_interval_the_old_dose_is_not_resumed(fiction: House) -> None:
    fiction.record(MORPHINE)
    now = at("2026-12-05T17:00:00Z")
    body = MORPHINE | {"fill_date": "2026-12-05"} | EMPTIED
    code, pointer, detail = refused_refill(fiction, body, now)
    assert (code, pointer) == ("restart-as-naive", "/daily_dose")
    assert "may have been dry for up to about 10 days" in detail
    assert detail.endswith("record a new start.")
    again = refused_refill(fiction, body | {"new_start": True}, now)
    assert again[:2] == ("restart-as-naive", "/daily_dose"), "the old dose is no new start"
    fiction.record(body | {"new_start": True, "daily_dose": "1 mg/day"}, now)
    assert [line[2] for line in lines(fiction)[2:]] == ["withdraw", "stop", "fill", "new-start"]
    assert fiction.rows("pump", "state, id, plan_id")[0][0] == "active"


def test_a_pump_that_ran_dry_by_its_programme_is_not_refilled_as_if_nothing_had_been(fiction: House) -> None:
    fiction.record(MORPHINE)  # 20 mL at 0.5 mL/day: dry on 4 January
    now = at("2027-01-05T17:00:00Z")
    body = MORPHINE | {"fill_date": "2027-01-05"}
    code, pointer, detail = refused_refill(fiction, body, now)
    assert (code, pointer) == ("restart-as-naive", "/daily_dose")
    assert "By its programme the reservoir was dry" in detail
    assert refused_refill(fiction, body | {"new_start": True}, now)[:2] == ("missing", "/withdrawn_volume")
    # 2 mL were there after all: it never ran dry, and the therapy goes on.
    fiction.record(body | {"withdrawn_volume": "2 mL", "left_volume": "0 mL"}, now)
    assert [line[2] for line in lines(fiction)[2:]] == ["withdraw", "fill", "rate-change"]


def test_on_the_last_day_before_it_is_dry_a_pump_is_refilled_as_ever(fiction: House) -> None:
    fiction.record(MORPHINE)
    fiction.record(MORPHINE | {"fill_date": "2027-01-03"}, at("2027-01-03T17:00:00Z"))
    assert lines(fiction)[-1] == (4, 2, "rate-change")


@pytest.mark.parametrize("seen", [{}, {"withdrawn_volume": "15 mL", "left_volume": "0 mL"}])
def test_a_refill_recorded_late_loses_no_later_event(fiction: House, seen: dict[str, str]) -> None:
    fiction.record(MORPHINE)
    made = happens(fiction, "rate-change", "2026-12-07T12:00:00-05:00", **DOSE)
    now = at("2026-12-08T17:00:00Z")
    late = MORPHINE | {"fill_date": "2026-12-05"} | seen
    assert refused_refill(fiction, late, now)[:2] == ("events-after-fill", "/fill_date")
    ledger.record_event(fiction.store, fiction.clinic, fiction.pump, {"event": "reversal", "of": made}, now)
    fiction.record(late, now)
    again = {"event": "rate-change", "at": "2026-12-07T12:00:00-05:00", **DOSE}
    ledger.record_event(fiction.store, fiction.clinic, fiction.pump, again, now)
    # Of 20 mL at midnight of the 5th 2.5 days take 1.25 mL; then 16.75 mL above the alarm at 0.6 mL/day are 27 days.
    plan = fiction.rows("plan", "revision, why, refill_by, detail")[-1]
    assert plan[1:3] == ("rate-change", "2027-01-03")
    assert "held 18.75 mL" in plan[3]


def test_a_refill_dated_before_another_is_not_put_between_its_events(fiction: House) -> None:
    fiction.record(MORPHINE)
    now = at("2026-12-08T17:00:00Z")
    fiction.record(MORPHINE | {"fill_date": "2026-12-06", "withdrawn_volume": "14 mL", "left_volume": "0 mL"}, now)
    late = MORPHINE | {"fill_date": "2026-12-05"}
    seen = {"withdrawn_volume": "15 mL", "left_volume": "0 mL"}
    assert refused_refill(fiction, late | seen, now)[:2] == ("events-after-fill", "/fill_date")
    fiction.record(late, now)
    assert lines(fiction)[-2:] == [(6, 2, "fill"), (7, 2, "rate-change")]


def test_a_second_fill_of_one_day_follows_what_happened_on_it(fiction: House) -> None:
    fiction.record(MORPHINE)
    happens(fiction, "bolus-log", "2026-11-25T15:00:00Z", volume="1 mL")
    fiction.record(MORPHINE)
    assert lines(fiction)[-2:] == [(4, 2, "fill"), (5, 2, "rate-change")]
    assert fiction.rows("pump_event", "position, at, id")[-1][1] == "2026-11-25T15:00:00.000000Z"
