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
from ledger_fiction import DOSE, EMPTIED, happens, held, lines, refused, refused_refill

from api import house, ledger, people, responses
from api.problems import NotFound
from api.store.queries import plans, records
from pumpcalc import Refusal


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
    before = held(fiction, now)
    back = {"event": "reversal", "of": logged}
    ledger.record_event(fiction.store, fiction.clinic, fiction.pump, back, now)
    assert refused(fiction, back, now) == ("already-reversed", "/of")
    assert (before, held(fiction, now)) == ("13.275 mL", "14.275 mL"), "10.5 days at 0.5 mL, 19 hours at 0.6 mL"
    assert [line[2] for line in lines(fiction)] == ["fill", "rate-change", "rate-change", "bolus-log", "reversal"]


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
        held(unread, NOON)


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
        held(fiction, now)


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
    state = client.get(f"{pump}/reservoir").json()
    assert (state["calculation"], state["answers"]["running"]) == ("reservoir-state", "running")
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
