"""A refill, its calculation and its reminders are kept together or not at all."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import sqlalchemy as sa
from api_fiction import CLINIC, MORPHINE, NOON, ZICONOTIDE, House, at

from api import house
from api.problems import NotFound
from api.store import Store
from api.store.queries import engine, plans, records
from api.store.tables import metadata
from pumpcalc import Calculation, Refusal, verify

OF_REFILL = "reminder JOIN plan ON plan.id = reminder.plan_id"


def _refused(fiction: House, body: dict[str, Any], now: Any = NOON) -> Refusal:
    before = fiction.everything()
    with pytest.raises(Refusal) as caught:
        fiction.record(body, now)
    assert fiction.everything() == before, "a refused refill leaves nothing"
    return caught.value


def test_a_refill_keeps_its_calculation_word_for_word_and_its_whole_ladder(fiction: House) -> None:
    refill_id = fiction.record()
    with fiction.store.reading() as connection:
        kept = records.open_refill(connection, fiction.clinic, fiction.pump)
        assert kept is not None
        plan = plans.plan_of_refill(connection, fiction.clinic, refill_id)
        rungs = plans.reminders_of_plan(connection, fiction.clinic, plan["id"])
    assert (kept["id"], str(kept["refill_by"]), kept["binding"]) == (refill_id, "2026-12-18", "low-reservoir-alarm")
    record = json.loads(kept["record"])
    assert Calculation.model_validate(record).answers["refill_by"] == "2026-12-18"
    verify(record)
    assert [(r["kind"], r["local_intent"], r["due_at"], r["severity"], r["state"]) for r in rungs] == [
        ("14-days-before", "2026-12-04T09:00", at("2026-12-04T14:00:00Z"), "analgesia-loss", "pending"),
        ("3-days-before", "2026-12-15T09:00", at("2026-12-15T14:00:00Z"), "analgesia-loss", "pending"),
        ("due-day", "2026-12-18T09:00", at("2026-12-18T14:00:00Z"), "analgesia-loss", "pending"),
    ]


def test_a_fault_at_any_statement_leaves_nothing_or_everything(fiction: House) -> None:
    fiction.record()
    fiction.sweep(_Silent(), at("2026-12-04T14:00:00Z"))
    before = fiction.everything()
    with _Faults(fiction.store) as faults:
        while faults.planned < 100:
            faults.plan_next()
            try:
                fiction.record(MORPHINE)
            except (sqlite3.OperationalError, sa.exc.OperationalError):
                faults.off()
                assert fiction.everything() == before, f"statement {faults.planned} left something"
            else:
                break
    assert faults.planned > 9, "every statement of the transaction was made to fail once"
    after = fiction.everything()
    added = [len(after[table]) - len(before[table]) for table in ("calculation", "refill", "plan", "reminder")]
    assert added == [1, 1, 1, 3]


class _Faults:
    """The disk fails at the first statement, then at the second, and so on."""

    def __init__(self, store: Store) -> None:
        self.engine = store.engine
        self.planned = self.seen = 0
        self.on = False

    def __enter__(self) -> _Faults:
        sa.event.listen(self.engine, "before_cursor_execute", self._statement)
        return self

    def __exit__(self, *_: object) -> None:
        sa.event.remove(self.engine, "before_cursor_execute", self._statement)

    def plan_next(self) -> None:
        self.planned, self.seen, self.on = self.planned + 1, 0, True

    def off(self) -> None:
        self.on = False

    def _statement(self, *_: object) -> None:
        self.seen += 1
        if self.on and self.seen == self.planned:
            raise sqlite3.OperationalError("disk I/O error")


class _Silent:
    def send(self, notice: object, to: object) -> str:
        raise TimeoutError


def test_a_new_refill_ends_the_old_ladder_also_what_waits_in_the_outbox(fiction: House) -> None:
    old = fiction.record()
    fiction.sweep(_Silent(), at("2026-12-04T14:00:00Z"))  # one copy waits in the outbox, not delivered
    new = fiction.record(ZICONOTIDE | {"fill_date": "2026-12-05"}, at("2026-12-05T17:00:00Z"))
    states = {(row[0], row[1]) for row in fiction.rows(OF_REFILL, "refill_id, state, reminder.id")}
    assert states == {(None, "cancelled"), (old, "cancelled"), (old, "queued"), (new, "pending")}
    assert [row[0] for row in fiction.rows("delivery", "state, id, attempts")] == ["cancelled"]
    open_ones = [row for row in fiction.rows("refill", "id, superseded_at, pump_id") if row[1] is None]
    assert [row[0] for row in open_ones] == [new]


def test_refills_recorded_while_reminders_are_swept_leave_one_open_refill_and_no_stray_copy(fiction: House) -> None:
    overdue = ZICONOTIDE | {"fill_date": "2026-01-05"}
    pumps = [fiction.pump, fiction.another_pump()]
    with ThreadPoolExecutor(6) as pool:
        recorded = [pool.submit(fiction.record, overdue, pump=pumps[n % 2]) for n in range(24)]
        swept = [pool.submit(fiction.sweep, _Silent(), at("2027-01-01T00:00:00Z")) for _ in range(24)]
        assert len({each.result() for each in recorded}) == 24
        assert all(each.result() for each in swept)
    open_ones = [row[0] for row in fiction.rows("refill", "pump_id, superseded_at, id") if row[1] is None]
    assert sorted(open_ones) == sorted(pumps)
    with fiction.store.reading() as connection:
        stray = connection.exec_driver_sql(
            "SELECT count(*) FROM plan JOIN reminder ON reminder.plan_id = plan.id "
            "LEFT JOIN delivery ON delivery.reminder_id = reminder.id WHERE plan.closed_at IS NOT NULL "
            "AND (reminder.state = 'pending' OR delivery.state = 'pending')"
        ).scalar_one()
        assert engine.pumps_without_a_plan(connection) == []
        assert engine.quiet_plans(connection) == []
    assert stray == 0


def test_what_was_delivered_stays_delivered_when_a_new_refill_comes(fiction: House, channel: Any) -> None:
    old = fiction.record()
    fiction.sweep(channel, at("2026-12-04T14:00:00Z"))
    fiction.record(ZICONOTIDE | {"fill_date": "2026-12-05"}, at("2026-12-05T17:00:00Z"))
    states = sorted(row[0] for row in fiction.rows(OF_REFILL, "state, reminder.id, refill_id") if row[2] == old)
    assert states == ["cancelled", "cancelled", "queued"]
    assert [row[0] for row in fiction.rows("delivery", "state, id, attempts")] == ["sent"]


def test_one_pump_never_has_two_open_refills(fiction: House) -> None:
    fiction.record()
    statement = sa.text("UPDATE refill SET superseded_at = NULL")
    fiction.record()
    with pytest.raises(sa.exc.IntegrityError, match=r"(?i)unique"), fiction.store.writing() as connection:
        connection.execute(statement)


@pytest.mark.parametrize(
    ("change", "limit", "pointer"),
    [
        ({"daily_dose": "19.3 mcg/day"}, "maximum_daily_dose", "/daily_dose"),
        ({"fill_volume": "20.1 mL"}, "reservoir_volume", "/fill_volume"),
        ({"daily_dose": "1.1 mcg/day"}, "minimum_flow_rate", "/daily_dose"),
        ({"beyond_use_date": "2026-11-24"}, "beyond_use_date", "/beyond_use_date"),
    ],
)
def test_a_hard_limit_is_refused_at_its_field(fiction: House, change: dict[str, str], limit: str, pointer: str) -> None:
    (problem,) = _refused(fiction, ZICONOTIDE | change).problems
    assert (problem.code, problem.pointer) == ("hard-limit", pointer)
    assert problem.detail.startswith(f"{limit}: ")


def test_the_hard_limits_of_a_programme_and_of_the_end_of_service_are_refused_at_their_fields(fiction: House) -> None:
    late = {"replacement_indicator_date": "2026-11-20", "replace_by_date": "2027-03-01"}
    (problem,) = _refused(fiction, ZICONOTIDE | late).problems
    assert (problem.code, problem.pointer) == ("hard-limit", "/replace_by_date")
    weekdays = ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"]
    steps = [{"start": f"{hour:02}:00", "end": f"{hour:02}:30", "dose": "0.005 mg"} for hour in range(14)]
    scheduled = {
        "filled_at": "2026-11-25T09:00:00-05:00", "fill_volume": "20 mL", "stability": "77 day",
        "components": [{"drug": "baclofen", "concentration": "0.5 mg/mL"}], "daily_dose": "0.24 mg/day",
        "base_rate": "0.01 mg/h", "groups": [{"weekdays": weekdays, "day_total": "0.24 mg/day", "steps": steps}],
    }  # fmt: skip
    (problem,) = _refused(fiction, scheduled).problems
    assert (problem.code, problem.pointer) == ("hard-limit", "/groups")


def test_a_plan_past_a_hard_limit_is_refused_with_bound_and_source(fiction: House) -> None:
    problem = _refused(fiction, ZICONOTIDE | {"daily_dose": "19.3 mcg/day"}).problems[0]
    assert problem.code == "hard-limit"
    assert "19.3 mcg/day" in problem.detail
    assert "19.2 mcg/day" in problem.detail
    assert "prialt" in problem.detail


def test_a_soft_limit_is_recorded_and_not_refused(make_fiction: Callable[..., House]) -> None:
    fiction = make_fiction()
    pump = house.add_pump(
        fiction.store, fiction.clinic, {"patient_id": fiction.patient, "model": "prometra-ii-20"}, NOON
    )["id"]
    fiction.record(ZICONOTIDE | {"daily_dose": "6 mcg/day"}, pump=pump)
    with fiction.store.reading() as connection:
        kept = records.open_refill(connection, fiction.clinic, pump)
    assert kept is not None
    hits = Calculation.model_validate_json(kept["record"]).limits_hit
    assert [(limit.name, limit.level) for limit in hits] == [("ziconotide_indicated_pumps", "soft")]


@pytest.mark.parametrize(
    "setting",
    ["low_reservoir_alarm_volume", "closed_weekdays", "closed_dates", "reminder_days_before", "reminder_time",
     "reminder_email"],
)  # fmt: skip
def test_a_setting_that_the_clinic_has_not_stated_is_named(make_fiction: Callable[..., House], setting: str) -> None:
    refusal = _refused(make_fiction(**{setting: None}), ZICONOTIDE)
    assert [problem.code for problem in refusal.problems] == ["clinic-setting-missing"]
    assert f"stated its {setting}" in refusal.problems[0].detail
    assert "written as" in refusal.problems[0].detail


def test_a_clinic_states_a_missing_setting_later(make_fiction: Callable[..., House]) -> None:
    fiction = make_fiction(reminder_email=None)
    _refused(fiction, ZICONOTIDE)
    house.change_settings(fiction.store, fiction.clinic, {"reminder_email": "new@clinic.example"}, NOON)
    refill_id = fiction.record()
    with fiction.store.reading() as connection:
        kept = records.open_refill(connection, fiction.clinic, fiction.pump)
    assert kept is not None
    assert kept["id"] == refill_id


@pytest.mark.parametrize(
    "field", ["pump", "low_reservoir_alarm_volume", "closed_weekdays", "closed_dates", "time_zone"]
)
def test_the_body_does_not_say_what_pump_and_clinic_say(fiction: House, field: str) -> None:
    refusal = _refused(fiction, ZICONOTIDE | {field: "2 mL"})
    assert [(problem.code, problem.pointer) for problem in refusal.problems] == [("set-elsewhere", f"/{field}")]


def test_a_fill_that_has_not_been_done_is_not_recorded(fiction: House) -> None:
    refusal = _refused(fiction, ZICONOTIDE | {"fill_date": "2027-11-25"})
    assert [(problem.code, problem.pointer) for problem in refusal.problems] == [("fill-not-done", "/fill_date")]


def test_the_day_of_a_fill_is_the_clinics_day(fiction: House) -> None:
    # 02:30 UTC on the 26th is still the evening of the 25th in New York.
    late = at("2026-11-26T02:30:00Z")
    _refused(fiction, ZICONOTIDE | {"fill_date": "2026-11-26"}, late)
    body = {name: value for name, value in ZICONOTIDE.items() if name != "fill_date"}
    fiction.record(body | {"filled_at": "2026-11-26T02:00:00Z"}, late)
    assert [row[0] for row in fiction.rows("refill", "fill_date, id, pump_id")] == ["2026-11-25"]


def test_a_pump_that_does_not_run_gets_no_plan(fiction: House) -> None:
    with fiction.store.writing() as connection:
        connection.execute(metadata.tables["pump"].update().values(state="explanted", plan_id=None))
    assert _refused(fiction, ZICONOTIDE).problems[0].code == "pump-not-active"


def test_another_clinics_pump_is_not_there(make_fiction: Callable[..., House]) -> None:
    ours, theirs = make_fiction(), make_fiction()
    for clinic, pump in ((ours.clinic, theirs.pump), ("clinic-none", ours.pump), (ours.clinic, "pump-none")):
        with pytest.raises(NotFound):
            House(ours.store, clinic, ours.patient, pump).record()


def test_an_admixture_takes_the_severity_of_its_worst(fiction: House) -> None:
    both = [
        {"drug": "ziconotide", "concentration": "25 mcg/mL"},
        {"drug": "morphine", "concentration": "10 mg/mL"},
    ]
    fiction.record(ZICONOTIDE | {"components": both, "daily_dose": "6 mcg/day", "stability": "28 day"})
    pending = {row[0] for row in fiction.rows("reminder", "severity, id, state") if row[2] == "pending"}
    assert pending == {"high"}


@pytest.mark.parametrize("acknowledged", [[], ["fda-2018"]])
def test_what_was_acknowledged_is_kept_with_the_refill(fiction: House, acknowledged: list[str]) -> None:
    both = [
        {"drug": "ziconotide", "concentration": "25 mcg/mL"},
        {"drug": "morphine", "concentration": "10 mg/mL"},
    ]
    fiction.record(ZICONOTIDE | {"components": both, "daily_dose": "6 mcg/day", "acknowledged": acknowledged})
    with fiction.store.reading() as connection:
        kept = records.open_refill(connection, fiction.clinic, fiction.pump)
    assert kept is not None
    assert json.loads(kept["request"])["acknowledged"] == acknowledged
    hit = {each["name"] for each in json.loads(kept["record"])["limits"] if each["hit"]}
    assert ("fda_2018_statement" in hit) is (not acknowledged), "a soft limit is marked and does not stop the record"


def test_the_clinic_is_written_as_it_was_understood(fiction: House) -> None:
    changed = house.change_settings(
        fiction.store, fiction.clinic, {"low_reservoir_alarm_volume": "1.50 ml", "closed_weekdays": ["Sat"]}, NOON
    )
    assert changed["low_reservoir_alarm_volume"] == "1.5 mL"
    assert changed["closed_weekdays"] == ["saturday"]
    assert changed["reminder_days_before"] == CLINIC["reminder_days_before"]


def _notes(fiction: House) -> list[str]:
    with fiction.store.reading() as connection:
        kept = records.open_refill(connection, fiction.clinic, fiction.pump)
    assert kept is not None
    return [note["code"] for note in json.loads(kept["record"])["notes"]]


def test_a_refill_is_compared_with_the_fill_before_it(fiction: House) -> None:
    fiction.record(MORPHINE | {"daily_dose": "1 mg/day"})
    assert "slip-against-last" not in _notes(fiction), "the first fill has nothing before it"
    fiction.record(MORPHINE | {"daily_dose": "10 mg/day"})
    assert "slip-against-last" in _notes(fiction)
    fiction.record(MORPHINE | {"daily_dose": "12 mg/day"})
    assert "slip-against-last" not in _notes(fiction)


def test_a_dose_is_not_compared_with_that_of_another_drug(fiction: House) -> None:
    fiction.record(MORPHINE)
    fiction.record(ZICONOTIDE)
    assert "slip-against-last" not in _notes(fiction)


def test_what_was_accepted_the_last_time_is_not_the_bodys_to_say(fiction: House) -> None:
    refusal = _refused(fiction, MORPHINE | {"last_accepted": {"daily_dose": "1 mg/day"}})
    assert [(problem.code, problem.pointer) for problem in refusal.problems] == [("set-elsewhere", "/last_accepted")]
