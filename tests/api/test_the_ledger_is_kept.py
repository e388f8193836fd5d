"""What happens to a pump is written at the end of its ledger, checked by the core, and never changed."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest
import sqlalchemy as sa
from api_fiction import CLINIC, MORPHINE, NOON, House, at, is_problem

from api import house, ledger, people, responses
from api.problems import NotFound
from api.store.queries import plans, records
from pumpcalc import Refusal, verify

DOSE = {"drug": "morphine", "daily_dose": "12 mg/day", "concentration": "20 mg/mL"}
"""Another dose than the 10 mg/day of MORPHINE."""
EMPTIED = {"withdrawn_volume": "0 mL", "left_volume": "0 mL"}


def happens(fiction: House, event: str, when: str, pump: str | None = None, **fields: Any) -> str:
    """An event that is recorded at the instant at which it happens."""
    body = {"event": event, "at": when, **fields}
    return ledger.record_event(fiction.store, fiction.clinic, pump or fiction.pump, body, at(when))


def refused(fiction: House, body: Any, now: dt.datetime) -> tuple[str, str]:
    """The code and the pointer of a refused event, which leaves nothing."""
    before = fiction.everything() | {"pump_event": fiction.rows("pump_event")}
    with pytest.raises(Refusal) as caught:
        ledger.record_event(fiction.store, fiction.clinic, fiction.pump, body, now)
    assert fiction.everything() | {"pump_event": fiction.rows("pump_event")} == before, "nothing is kept"
    return caught.value.problems[0].code, caught.value.problems[0].pointer


def refused_refill(fiction: House, body: dict[str, Any], now: dt.datetime) -> tuple[str, str, str]:
    before = fiction.everything() | {"pump_event": fiction.rows("pump_event")}
    with pytest.raises(Refusal) as caught:
        fiction.record(body, now)
    assert fiction.everything() | {"pump_event": fiction.rows("pump_event")} == before, "nothing is kept"
    problem = caught.value.problems[0]
    return problem.code, problem.pointer, problem.detail


def lines(fiction: House, pump: str | None = None) -> list[tuple[int, int, str]]:
    """Position, epoch and event of every line of a ledger."""
    rows = fiction.rows("pump_event", "position, epoch, event, pump_id")
    return [(row[0], row[1], row[2]) for row in rows if row[3] == (pump or fiction.pump)]


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


@pytest.mark.parametrize("statement", ["UPDATE {} SET recorded_at = recorded_at", "DELETE FROM {}"])
@pytest.mark.parametrize("table", ["pump_event", "response"])
def test_the_database_changes_no_line_of_a_ledger_and_no_answer(fiction: House, table: str, statement: str) -> None:
    fiction.record(MORPHINE)
    person = people.add_person(fiction.store, fiction.clinic, {"name": "Fictional Nurse", "role": "nurse"}, NOON)
    answer = {"person_id": person["id"], "kind": "acknowledged"}
    responses.respond(fiction.store, fiction.clinic, fiction.pump, answer, NOON)
    before = fiction.rows(table)
    assert before
    with pytest.raises(sa.exc.IntegrityError, match=f"{table} is never changed"), fiction.store.writing() as connection:
        connection.exec_driver_sql(statement.format(table))
    assert fiction.rows(table) == before


def test_an_event_is_kept_as_it_was_understood(fiction: House) -> None:
    fiction.record(MORPHINE)
    when = "2026-12-05T12:00:00.7-05:00"
    made = happens(fiction, "rate-change", when, drug="morphine", daily_dose="12.0 mg/d", concentration="20 mg/ml")
    row = next(row for row in fiction.rows("pump_event", "position, written, at, refill_id") if made in row[1])
    assert row[2:] == ("2026-12-05T17:00:00.000000Z", None)
    assert json.loads(row[1]) == {
        "event": "rate-change", "id": made, "at": "2026-12-05T12:00:00-05:00",
        "recorded_at": "2026-12-05T17:00:00+00:00", "drug": "morphine", "daily_dose": "12 mg/day",
        "concentration": "20 mg/mL",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("body", "code", "pointer"),
    [
        ({"event": "fill", "at": "2026-12-05T12:00:00Z", "volume": "20 mL"}, "fill-is-a-refill", "/event"),
        ({"event": "refuel", "at": "2026-12-05T12:00:00Z"}, "not-one-of", "/event"),
        ({"event": "stop"}, "missing", "/at"),
        ({"event": "stop", "at": "2026-12-05T12:00:01Z"}, "not-happened-yet", "/at"),
        ({"event": "stop", "at": "2026-11-25T04:59:59Z"}, "before-first-fill", "/at"),
        ({"event": "stop", "at": "2026-12-05T12:00:00"}, "offset-missing", "/at"),
        ({"event": "stop", "at": "2026-12-05T12:00:00Z", "id": "mine"}, "unknown-field", "/id"),
        ({"event": "stop", "at": "2026-12-05T12:00:00Z", "recorded_at": "2026-12-05T12:00:00Z"}, "unknown-field",
         "/recorded_at"),
        ({"event": "stop", "at": "2026-12-05T12:00:00Z", "volume": "1 mL"}, "unknown-field", "/volume"),
        ({"event": "withdraw", "at": "2026-12-05T12:00:00Z", "volume": "1 mL"}, "missing", "/left_volume"),
        ({"event": "withdraw", "at": "2026-12-05T12:00:00Z", "volume": "20.000000001 mL", "left_volume": "0 mL"},
         "more-than-there-can-be", "/volume"),
        ({"event": "rate-change", "at": "2026-12-05T12:00:00Z", **DOSE, "drug": "baclofen"}, "not-in-reservoir",
         "/drug"),
        ({"event": "rate-change", "at": "2026-12-05T12:00:00Z", **DOSE, "daily_dose": "0 mg/day"}, "zero",
         "/daily_dose"),
        ({"event": "reversal", "of": "event-none"}, "unknown-event", "/of"),
        ({"event": "reversal"}, "missing", "/of"),
        ([], "wrong-type", ""),
    ],
)  # fmt: skip
def test_an_event_that_cannot_be_so_is_refused_at_the_field_of_the_body(
    fiction: House, body: Any, code: str, pointer: str
) -> None:
    fiction.record(MORPHINE)
    assert refused(fiction, body, at("2026-12-05T12:00:00Z")) == (code, pointer)


def test_an_event_at_this_very_second_has_happened(fiction: House) -> None:
    fiction.record(MORPHINE)
    happens(fiction, "stop", "2026-12-05T12:00:00Z")
    happens(fiction, "resume", "2026-12-05T12:00:00.999999Z")
    assert [line[2] for line in lines(fiction)] == ["fill", "rate-change", "stop", "resume"]


def test_before_the_first_fill_nothing_can_be_recorded(fiction: House) -> None:
    body = {"event": "stop", "at": "2026-11-25T12:00:00Z"}
    assert refused(fiction, body, NOON) == ("before-first-fill", "/at")


def test_an_event_recorded_late_takes_its_place_and_a_reversal_takes_it_back(fiction: House) -> None:
    fiction.record(MORPHINE)
    happens(fiction, "rate-change", "2026-12-05T12:00:00-05:00", **DOSE)
    now = at("2026-12-06T12:00:00Z")
    late = {"event": "bolus-log", "at": "2026-12-01T12:00:00Z", "volume": "1 mL"}
    logged = ledger.record_event(fiction.store, fiction.clinic, fiction.pump, late, now)
    held = _held(fiction, now)
    back = {"event": "reversal", "of": logged}
    ledger.record_event(fiction.store, fiction.clinic, fiction.pump, back, now)
    assert refused(fiction, back, now) == ("already-reversed", "/of")
    assert (held, _held(fiction, now)) == ("13.275 mL", "14.275 mL"), "10.5 days at 0.5 mL, 19 hours at 0.6 mL"
    assert [line[2] for line in lines(fiction)] == ["fill", "rate-change", "rate-change", "bolus-log", "reversal"]


def _held(fiction: House, now: dt.datetime) -> Any:
    with fiction.store.reading() as connection:
        clinic = house.clinic(connection, fiction.clinic)
        pump = house.pump_of(connection, fiction.clinic, fiction.pump)
        found = ledger.reservoir_now(connection, clinic, pump, now)
    verify(found.model_dump(mode="json"))
    return found.answers["volume"]


def test_a_late_event_after_which_a_later_one_could_not_stand_is_refused(fiction: House) -> None:
    fiction.record(MORPHINE)
    happens(fiction, "stop", "2026-12-05T12:00:00Z")
    scan = {"event": "mri", "at": "2026-12-04T12:00:00Z"}
    code, pointer = refused(fiction, scan, at("2026-12-06T12:00:00Z"))
    assert (code, pointer) == ("not-interrogated", "")


def test_a_fill_is_not_taken_back_without_its_refill(fiction: House) -> None:
    fiction.record(MORPHINE)
    fill = next(row[1] for row in fiction.rows("pump_event", "position, id, event") if row[2] == "fill")
    assert refused(fiction, {"event": "reversal", "of": fill}, NOON) == ("not-reversible", "/of")


def test_an_event_of_an_earlier_epoch_is_not_there_to_be_reversed(fiction: House) -> None:
    fiction.record(MORPHINE)
    logged = happens(fiction, "bolus-log", "2026-11-25T16:00:00Z", volume="1 mL")
    fiction.record(MORPHINE | {"fill_date": "2026-11-26"}, at("2026-11-26T17:00:00Z"))
    code, pointer = refused(fiction, {"event": "reversal", "of": logged}, at("2026-11-26T18:00:00Z"))
    assert (code, pointer) == ("unknown-event", "/of")


def test_without_a_withdrawn_volume_a_fill_begins_a_new_epoch(fiction: House) -> None:
    fiction.record(MORPHINE)
    fiction.record(MORPHINE | {"fill_date": "2026-12-05"}, at("2026-12-05T17:00:00Z"))
    assert lines(fiction) == [(1, 1, "fill"), (2, 1, "rate-change"), (3, 2, "fill"), (4, 2, "rate-change")]
    assert _held(fiction, at("2026-12-07T05:00:00Z")) == "19 mL"


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
    assert _held(fiction, at("2026-12-07T05:00:00Z")) == "19 mL"


def test_what_was_left_is_in_the_reservoir_with_the_next_fill(fiction: House) -> None:
    fiction.record(MORPHINE)
    body = MORPHINE | {"fill_date": "2026-12-05", "withdrawn_volume": "13 mL", "left_volume": "2 mL"}
    too_much = refused_refill(fiction, body | {"fill_volume": "18.000000001 mL"}, at("2026-12-05T17:00:00Z"))
    assert too_much[:2] == ("above-capacity", "/fill_volume")
    fiction.record(body | {"fill_volume": "18 mL"}, at("2026-12-05T17:00:00Z"))
    assert _held(fiction, at("2026-12-05T05:00:00Z")) == "20 mL"
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


def _unread(fiction: House) -> House:
    """A pump whose reservoir volume nobody has read."""
    body = {"patient_id": fiction.patient, "model": "synchromed-iii-20"}
    pump = house.add_pump(fiction.store, fiction.clinic, body, NOON)["id"]
    return House(fiction.store, fiction.clinic, fiction.patient, pump)


def test_a_pump_whose_reservoir_nobody_has_read_is_filled_without_a_ledger(fiction: House) -> None:
    unread = _unread(fiction)
    unread.record(MORPHINE)
    assert lines(unread) == []
    assert refused_refill(unread, MORPHINE | EMPTIED, NOON)[0] == "not-in-library"
    change = {"event": "rate-change", "at": "2026-11-25T12:00:00Z", **DOSE}
    assert refused(unread, change, NOON)[0] == "not-in-library"
    with pytest.raises(Refusal, match="reservoir"):
        _held(unread, NOON)


def test_of_a_pump_whose_reservoir_nobody_has_read_it_is_kept_whether_it_runs(fiction: House) -> None:
    unread = _unread(fiction)
    unread.record(MORPHINE)
    states = []
    for event, when in (
        ("stop", "12-01"),
        ("resume", "12-02"),
        ("mri", "12-03"),
        ("interrogation", "12-04"),
        ("stop", "12-05"),
        ("mri", "12-06"),
        ("interrogation", "12-07"),
    ):
        made = happens(unread, event, f"2026-{when}T12:00:00Z")
        with unread.store.reading() as connection:
            pump = house.pump_of(connection, unread.clinic, unread.pump)
            plan = plans.plan_by_id(connection, unread.clinic, pump["plan_id"])
        assert plan is not None
        states.append((pump["state"], plan["kind"], plan["why"]))
        if event == "mri":
            stop = {"event": "stop", "at": f"2026-{when}T12:00:00Z"}
            assert refused(unread, stop, at("2026-12-08T12:00:00Z")) == ("not-interrogated", "/at")
    stopped, scanned = ("stopped", "unknown", "stopped"), ("unknown", "unknown", "unknown-state")
    assert states == [
        stopped, ("active", "date", "resume"), scanned, ("active", "date", "interrogation"), stopped, scanned, stopped,
    ]  # fmt: skip
    now = at("2026-12-08T12:00:00Z")
    fifth = next(row[1] for row in unread.rows("pump_event", "position, id, event") if row[0] == 5)
    back = {"event": "reversal", "of": fifth}
    ledger.record_event(unread.store, unread.clinic, unread.pump, back, now)
    assert refused(unread, back, now) == ("unknown-event", "/of")
    assert refused(unread, {"event": "reversal", "of": made, "at": "2026-12-07T12:00:00Z"}, now) == (
        "unknown-field", "/at",
    )  # fmt: skip
    assert refused(unread, {"event": "stop"}, now) == ("missing", "/at")
    unread.record(MORPHINE | {"fill_date": "2026-12-08"}, now)
    assert lines(unread)[-1] == (8, 1, "reversal")


def test_an_explanted_pump_waits_for_nothing_and_nothing_is_recorded_of_it(fiction: House) -> None:
    fiction.record(MORPHINE)
    now = at("2026-12-05T17:00:00Z")
    ledger.explant(fiction.store, fiction.clinic, fiction.pump, {"on": "2026-12-05"}, now)
    assert fiction.rows("pump", "state, plan_id, id")[0][:2] == ("explanted", None)
    assert [row for row in fiction.rows("plan", "closed_at, id, kind") if row[0] is None] == []
    assert {row[0] for row in fiction.rows("reminder", "state, id, kind")} == {"cancelled"}
    assert lines(fiction)[-1] == (3, 1, "explant")
    assert refused(fiction, {"event": "stop", "at": "2026-12-05T12:00:00Z"}, now) == ("pump-not-active", "")
    assert refused_refill(fiction, MORPHINE | {"fill_date": "2026-12-05"}, now)[:2] == ("pump-not-active", "")
    with pytest.raises(Refusal, match="explanted"):
        ledger.explant(fiction.store, fiction.clinic, fiction.pump, {"on": "2026-12-05"}, now)
    with pytest.raises(NotFound):
        _held(fiction, now)


@pytest.mark.parametrize(
    ("body", "code"),
    [({"on": "2026-12-06"}, "not-happened-yet"), ({"on": "2026-10-31"}, "out-of-range"), ({}, "missing")],
)
def test_a_pump_is_explanted_between_its_implantation_and_today(
    fiction: House, body: dict[str, str], code: str
) -> None:
    implanted = {"patient_id": fiction.patient, "model": "synchromed-ii-20", "implanted_on": "2026-11-01"}
    pump = house.add_pump(fiction.store, fiction.clinic, implanted, NOON)["id"]
    now = at("2026-12-06T04:59:59Z")  # still the 5th in New York
    with pytest.raises(Refusal) as caught:
        ledger.explant(fiction.store, fiction.clinic, pump, body, now)
    assert (caught.value.problems[0].code, caught.value.problems[0].pointer) == (code, "/on")
    ledger.explant(fiction.store, fiction.clinic, pump, {"on": "2026-11-01"}, now)


def test_another_clinics_pump_is_not_there(make_fiction: Callable[..., House]) -> None:
    ours, theirs = make_fiction(), make_fiction()
    body = {"event": "stop", "at": "2026-11-25T12:00:00Z"}
    for clinic, pump in ((ours.clinic, theirs.pump), ("clinic-none", ours.pump), (ours.clinic, "pump-none")):
        with pytest.raises(NotFound):
            ledger.record_event(ours.store, clinic, pump, body, NOON)
        with pytest.raises(NotFound):
            ledger.explant(ours.store, clinic, pump, {"on": "2026-11-25"}, NOON)


def test_which_results_and_plans_used_a_figure_is_one_question(make_fiction: Callable[..., House]) -> None:
    ours, theirs = make_fiction(), make_fiction()
    theirs.record(MORPHINE)
    ours.record(MORPHINE)
    happens(ours, "rate-change", "2026-12-05T12:00:00-05:00", **DOSE)
    open_plan = ours.rows("pump", "plan_id, clinic_id, id")
    pointed = next(row[0] for row in open_plan if row[1] == ours.clinic)
    with ours.store.reading() as connection:
        used = records.calculations_that_used(connection, ours.clinic, "synchromed-ii-20.flow_accuracy", "", 100)
        capacity = records.calculations_that_used(connection, ours.clinic, "synchromed-ii-20.reservoir_volume", "", 100)
        none = records.calculations_that_used(connection, ours.clinic, "prometra-ii-20.flow_accuracy", "", 100)
        first = records.calculations_that_used(connection, ours.clinic, "synchromed-ii-20.flow_accuracy", "", 1)
    assert sorted(row["name"] for row in used) == ["refill-schedule", "refill-schedule", "reservoir-state"]
    assert [row["plan_id"] for row in used if row["plan_id"] is not None] == [pointed], "the open plan only"
    assert pointed in [row["plan_id"] for row in capacity], "a plan used what its volume by the ledger used"
    assert none == []
    assert [row["id"] for row in first] == [used[0]["id"]]


@pytest.mark.parametrize("threads", [8])
def test_whoever_writes_at_once_the_ledger_has_no_gap_and_the_pump_one_open_plan(fiction: House, threads: int) -> None:
    fiction.record(MORPHINE)
    now = at("2026-12-05T17:00:00Z")

    def work(number: int) -> str:
        when = f"2026-12-0{1 + number % 4}T{number % 24:02}:00:00Z"
        if number % 4 == 3:
            seen = {"withdrawn_volume": "15 mL", "left_volume": "0 mL"} if number % 8 == 3 else {}
            return fiction.record(MORPHINE | {"fill_date": "2026-12-05"} | seen, now)
        bodies: list[dict[str, Any]] = [
            {"event": "rate-change", "at": when, **DOSE},
            {"event": "stop", "at": "2026-12-05T17:00:00Z"},
            {"event": "bolus-log", "at": when, "volume": "0.01 mL"},
        ]
        return ledger.record_event(fiction.store, fiction.clinic, fiction.pump, bodies[number % 4], now)

    def done(number: int) -> bool:
        try:
            work(number)
        except Refusal:  # the order decides who is refused: a stopped pump is not filled
            return False
        return True

    with ThreadPoolExecutor(threads) as pool:
        assert any(pool.map(done, range(4 * threads)))
    positions = [row[0] for row in fiction.rows("pump_event", "position, id, event")]
    assert positions == list(range(1, len(positions) + 1))
    assert len(positions) > 4
    found = [row for row in fiction.rows("plan", "closed_at, id, revision") if row[0] is None]
    assert [row[1] for row in found] == [fiction.rows("pump", "plan_id, id, state")[0][0]]
    refills = [row for row in fiction.rows("refill", "superseded_at, id, pump_id") if row[0] is None]
    assert len(refills) == 1


def _house_over_http(client: httpx.Client) -> str:
    clinic = client.post("/v1/clinics", json=CLINIC).json()["id"]
    patient = client.post(f"/v1/clinics/{clinic}/patients", json={}).json()["id"]
    body = {"patient_id": patient, "model": "synchromed-ii-20"}
    pump = client.post(f"/v1/clinics/{clinic}/pumps", json=body).json()["id"]
    return f"/v1/clinics/{clinic}/pumps/{pump}"


def test_over_http_a_ledger_is_written_read_and_ended(client: httpx.Client) -> None:
    pump = _house_over_http(client)
    is_problem(client.get(f"{pump}/reservoir"), 404, "not-found")
    now = dt.datetime.now(dt.UTC).replace(microsecond=0)
    filled = now - dt.timedelta(days=4)
    body = {name: value for name, value in MORPHINE.items() if name != "fill_date"} | {"filled_at": filled.isoformat()}
    recorded = client.post(f"{pump}/refills", json=body)
    assert recorded.status_code == 201, recorded.text
    assert [line["event"] for line in recorded.json()["events"]] == ["fill", "rate-change"]
    assert recorded.json()["residual"] is None
    stop = {"event": "stop", "at": (now - dt.timedelta(days=2)).isoformat()}
    answer = client.post(f"{pump}/events", json=stop)
    assert answer.status_code == 201, answer.text
    made = answer.json()
    assert (made["event"]["position"], made["event"]["event"], made["pump"]["state"]) == (3, "stop", "stopped")
    assert (made["plan"]["kind"], made["plan"]["why"], made["plan"]["refill_by"]) == ("unknown", "stopped", None)
    client.post(f"{pump}/events", json={"event": "resume", "at": now.isoformat()})
    seen = {"withdrawn_volume": "19 mL", "left_volume": "0 mL"}
    again = client.post(f"{pump}/refills", json=body | seen | {"filled_at": now.isoformat()}).json()
    assert again["residual"]["answers"]["findings"] == []
    assert [line["event"] for line in again["events"]] == ["withdraw", "fill", "rate-change"]
    page = client.get(f"{pump}/events", params={"limit": 3}).json()
    rest = client.get(f"{pump}/events", params={"limit": 5, "after": page["next"]}).json()
    assert [line["position"] for line in page["items"]] + [line["position"] for line in rest["items"]] == list(
        range(1, 8)
    )
    assert rest["next"] is None
    held = client.get(f"{pump}/reservoir").json()
    assert (held["calculation"], held["answers"]["running"]) == ("reservoir-state", "running")
    listed = client.get(f"{pump}/plans").json()["items"]
    assert [plan["why"] for plan in listed] == ["no-fill", "refill", "stopped", "resume", "refill"]
    assert [plan["closed_at"] is None for plan in listed] == [False] * 4 + [True]
    assert client.get(f"{pump}/plans", params={"after": "4"}).json()["items"] == listed[4:]
    clinic = pump.rpartition("/pumps/")[0]
    uses = client.get(f"{clinic}/facts/synchromed-ii-20.flow_accuracy/uses", params={"limit": 2}).json()
    assert len(uses["items"]) == 2
    everything = client.get(f"{clinic}/facts/synchromed-ii-20.flow_accuracy/uses").json()["items"]
    after = client.get(f"{clinic}/facts/synchromed-ii-20.flow_accuracy/uses", params={"after": uses["next"]}).json()
    assert uses["items"] + after["items"] == everything
    assert [use["plan_id"] for use in everything if use["plan_id"]] == [listed[-1]["id"]]
    gone = client.post(f"{pump}/explant", json={"on": (now - dt.timedelta(days=1)).date().isoformat()})
    assert (gone.status_code, gone.json()["state"]) == (200, "explanted")
    is_problem(client.post(f"{pump}/events", json=stop), 422, "pump-not-active")
    is_problem(client.get(f"{pump}/reservoir"), 404, "not-found")


def test_over_http_what_is_wrong_is_said_and_another_clinic_sees_nothing(client: httpx.Client) -> None:
    pump = _house_over_http(client)
    other = _house_over_http(client).partition("/pumps/")[0] + "/pumps/" + pump.rpartition("/")[2]
    is_problem(client.post(f"{pump}/events", json={"event": "fill"}), 422, "fill-is-a-refill")
    is_problem(client.post(f"{pump}/explant", json={"on": "2026-01-01", "why": "x"}), 422, "unknown-field")
    is_problem(client.get(f"{pump}/events", params={"after": "0"}), 422, "parameter")
    is_problem(client.get(f"{pump}/plans", params={"after": "-1"}), 422, "parameter")
    is_problem(client.get(f"{pump.partition('/pumps/')[0]}/facts/no%00thing/uses"), 422, "parameter")
    for path in ("events", "plans", "reservoir"):
        is_problem(client.get(f"{other}/{path}"), 404, "not-found")
    is_problem(client.post(f"{other}/events", json={"event": "stop", "at": "2026-01-01T00:00:00Z"}), 404, "not-found")
    is_problem(client.post(f"{other}/explant", json={"on": "2026-01-01"}), 404, "not-found")
    is_problem(client.get("/v1/clinics/clinic-none/facts/morphine.missed_refill/uses"), 404, "not-found")
