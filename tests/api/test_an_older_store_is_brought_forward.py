"""A store of the first version is brought to the present tables: nothing is lost, and what was due goes out."""

from __future__ import annotations

import hashlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import sqlalchemy as sa
from api_fiction import MORPHINE, ZICONOTIDE, House, Recorder, at
from ledger_fiction import happens, lines

from api import ledger
from api.engine import check_all, replan_stale
from api.house import change_settings
from api.store import Store, is_current, migrate, open_store
from api.store.queries import engine
from pumpcalc import calculate

NOW = at("2026-12-20T12:00:00Z")
FILLED, RECORDED, BEFORE = "2026-11-25", "2026-11-25T17:00:00.000000Z", "2026-10-25T17:00:00.000000Z"
COLUMNS = {
    "clinic": "id name time_zone low_reservoir_alarm_volume reminder_days_before reminder_time closed_weekdays "
    "closed_dates reminder_email created_at",
    "patient": "clinic_id id reference created_at",
    "pump": "clinic_id id patient_id reference model implanted_on state created_at",
    "calculation": "clinic_id id name library_version library_sha256 software record created_at",
    "refill": "clinic_id id pump_id fill_date request refill_by binding calculation_id recorded_at superseded_at",
    "reminder": "clinic_id id refill_id kind due_at local_intent zone severity state created_at",
    "delivery": "clinic_id id reminder_id channel recipient idem state lease_owner lease_until attempts queued_at "
    "next_try_at sent_at last_error",
}
"""What the first version kept, parents first."""


def _calculated(clinic: str, fill: dict[str, Any]) -> dict[str, Any]:
    asked = fill | {"pump": "synchromed-ii-20", "low_reservoir_alarm_volume": "2 mL"}
    made = calculate("refill-schedule", asked | {"closed_weekdays": [], "closed_dates": []})
    return {
        "clinic_id": clinic, "name": made.calculation, "library_version": made.library.version,
        "library_sha256": made.library.sha256, "software": made.software, "record": made.model_dump_json(),
        "created_at": RECORDED,
    }  # fmt: skip


class _Older:
    """A store as the first version left it: rows, written by hand."""

    def __init__(self, connection: sa.Connection) -> None:
        self.connection = connection
        self.made = 0

    def add(self, table: str, **values: Any) -> str:
        names = COLUMNS[table].split()
        row = dict.fromkeys(names) | values
        assert set(row) == set(names)
        places = ", ".join(f":{name}" for name in names)
        self.connection.execute(sa.text(f"INSERT INTO {table} ({', '.join(names)}) VALUES ({places})"), row)
        return str(values["id"])

    def name(self, kind: str) -> str:
        self.made += 1
        return f"{kind}-{self.made:024x}"

    def clinic(self, name: str) -> str:
        return self.add(
            "clinic", id=name, name="Fictional", time_zone="America/New_York", low_reservoir_alarm_volume="2 mL",
            reminder_days_before='["14", "3"]', reminder_time="09:00", closed_weekdays="[]", closed_dates="[]",
            reminder_email="refills@clinic.example", created_at=BEFORE,
        )  # fmt: skip

    def pump(self, clinic: str, name: str, state: str = "active") -> str:
        patient = self.add("patient", clinic_id=clinic, id=self.name("patient"), reference=name, created_at=BEFORE)
        return self.add(
            "pump", clinic_id=clinic, id=self.name("pump"), patient_id=patient, reference=name,
            model="synchromed-ii-20", state=state, created_at=BEFORE,
        )  # fmt: skip

    def refill(
        self, clinic: str, pump: str, fill: dict[str, Any], superseded: str | None = None, recorded: str = RECORDED
    ) -> str:
        calculation = self.name("calculation")
        made = _calculated(clinic, fill)
        self.add("calculation", id=calculation, **made)
        record = json.loads(made["record"])
        return self.add(
            "refill", clinic_id=clinic, id=self.name("refill"), pump_id=pump, fill_date=fill["fill_date"],
            request=json.dumps(record["request"]), refill_by=record["answers"]["refill_by"],
            binding=record["answers"]["binding"], calculation_id=calculation, recorded_at=recorded,
            superseded_at=superseded,
        )  # fmt: skip

    def reminder(self, clinic: str, refill: str, kind: str, day: str, state: str) -> str:
        return self.add(
            "reminder", clinic_id=clinic, id=self.name("reminder"), refill_id=refill, kind=kind,
            due_at=f"{day}T14:00:00.000000Z", local_intent=f"{day}T09:00", zone="America/New_York",
            severity="analgesia-loss", state=state, created_at=RECORDED,
        )  # fmt: skip

    def delivery(self, clinic: str, reminder: str, state: str) -> str:
        name = self.name("delivery")
        queued = "2026-12-04T14:00:00.000000Z"
        return self.add(
            "delivery", clinic_id=clinic, id=name, reminder_id=reminder, channel="email",
            recipient="refills@clinic.example", idem=hashlib.sha256(name.encode()).hexdigest(), state=state,
            attempts=1, queued_at=queued, next_try_at=queued, sent_at=queued if state == "sent" else None,
            last_error="TimeoutError" if state != "sent" else None,
        )  # fmt: skip


def _fill_older(connection: sa.Connection) -> dict[str, str]:
    """Two clinics; a pump with an open and a superseded refill, one never filled, one stopped, one explanted."""
    older = _Older(connection)
    found: dict[str, str] = {}
    for clinic in ("clinic-a", "clinic-b"):
        older.clinic(clinic)
    for clinic in ("clinic-a", "clinic-b"):
        runs = found[f"{clinic} runs"] = older.pump(clinic, "R1")
        first = older.refill(clinic, runs, ZICONOTIDE | {"fill_date": "2026-11-05"}, RECORDED, BEFORE)
        last = older.refill(clinic, runs, ZICONOTIDE)
        found[f"{clinic} refill"] = last
        older.delivery(clinic, older.reminder(clinic, first, "14-days-before", "2026-11-14", "queued"), "sent")
        older.reminder(clinic, first, "due-day", "2026-11-28", "cancelled")
        queued = older.reminder(clinic, last, "14-days-before", "2026-12-04", "queued")
        for state in ("pending", "sent", "dead"):
            found[f"{clinic} {state}"] = older.delivery(clinic, queued, state)
        older.reminder(clinic, last, "3-days-before", "2026-12-15", "cancelled")
        found[f"{clinic} due"] = older.reminder(clinic, last, "due-day", "2026-12-18", "pending")
        found[f"{clinic} to come"] = older.reminder(clinic, last, "late", "2027-01-18", "pending")
    found["empty"] = older.pump("clinic-a", "R2")
    for state in ("stopped", "explanted"):
        pump = found[state] = older.pump("clinic-a", state.upper()[:2] + "3", state)
        refill = older.refill("clinic-a", pump, MORPHINE)
        older.reminder("clinic-a", refill, "due-day", "2026-12-31", "pending")
    # Recorded by a clock that was put back meanwhile: the open refill looks older than the one that it ended.
    back = found["clock put back"] = older.pump("clinic-b", "R4")
    older.refill("clinic-b", back, MORPHINE, "2026-11-25T17:00:05.000000Z", "2026-11-25T17:00:09.000000Z")
    found["put back refill"] = older.refill("clinic-b", back, MORPHINE)
    return found


@pytest.fixture
def older(empty_url: str) -> dict[str, str]:
    migrate(empty_url, "0001")
    store = open_store(empty_url)
    with store.writing() as connection:
        found = _fill_older(connection)
    store.close()
    return found


@contextmanager
def opened(url: str) -> Iterator[Store]:
    store = open_store(url)
    try:
        yield store
    finally:
        store.close()


def _kept(store: Store) -> dict[str, list[tuple[Any, ...]]]:
    """Every row of the first version's tables, but not yet where a reminder belongs, which is its plan from now on."""
    with store.reading() as connection:
        return {
            table: [
                tuple(row)
                for row in connection.exec_driver_sql(f"SELECT {', '.join(names.split())} FROM {table} ORDER BY id, 1")
            ]
            for table, names in COLUMNS.items()
        }


def _asked(store: Store, statement: str) -> list[tuple[Any, ...]]:
    with store.reading() as connection:
        return [tuple(row) for row in connection.exec_driver_sql(statement).all()]


def test_every_row_is_still_there(empty_url: str, older: dict[str, str]) -> None:
    with opened(empty_url) as store:
        before = _kept(store)
    migrate(empty_url)
    with opened(empty_url) as store:
        assert is_current(store)
        for table in ("clinic", "patient", "pump", "calculation", "refill", "delivery"):
            names = ", ".join(COLUMNS[table].split())
            assert _asked(store, f"SELECT {names} FROM {table} ORDER BY id, 1") == before[table]
        names = "m.clinic_id, m.id, p.refill_id, m.kind, m.due_at, m.local_intent, m.zone, m.severity, m.created_at"
        after = _asked(
            store,
            f"SELECT {names} FROM reminder m JOIN plan p ON p.clinic_id = m.clinic_id AND p.id = m.plan_id "
            "WHERE m.kind <> 'unknown' ORDER BY m.id, 1",
        )
        assert after == [row[:8] + row[9:] for row in before["reminder"]], "due when they were, of the refill they were"
        states = dict(_asked(store, "SELECT id, state FROM reminder"))
        moved = {row[1]: (row[8], states[row[1]]) for row in before["reminder"] if states[row[1]] != row[8]}
        assert list(moved.values()) == [("pending", "cancelled")] * 2, "only of the stopped and the explanted pump"
        assert _asked(store, "SELECT count(*) FROM pump_event") == [(0,)]
        tables = set(sa.inspect(store.engine).get_table_names())
        assert not {name for name in tables if name.startswith("before_")}


def test_each_pump_waits_for_one_open_plan_and_an_explanted_one_for_none(empty_url: str, older: dict[str, str]) -> None:
    migrate(empty_url)
    with opened(empty_url) as store:
        rows = _asked(
            store,
            "SELECT pump.id, pump.state, p.kind, p.why, p.refill_id, p.refill_by FROM pump "
            "LEFT JOIN plan p ON p.clinic_id = pump.clinic_id AND p.id = pump.plan_id AND p.closed_at IS NULL",
        )
        assert {row[0]: row[1:] for row in rows} == {
            older["clinic-a runs"]: ("active", "date", "refill", older["clinic-a refill"], "2026-12-18"),
            older["clinic-b runs"]: ("active", "date", "refill", older["clinic-b refill"], "2026-12-18"),
            older["clock put back"]: ("active", "date", "refill", older["put back refill"], "2026-12-31"),
            older["empty"]: ("active", "unknown", "no-fill", None, None),
            older["stopped"]: ("stopped", "unknown", "stopped", None, None),
            older["explanted"]: ("explanted", None, None, None, None),
        }
        open_ones = _asked(store, "SELECT count(*) FROM plan WHERE closed_at IS NULL")
        assert open_ones == [(5,)]
        with store.reading() as connection:
            assert engine.pumps_without_a_plan(connection) == []
        check_all(store, NOW)
        with store.reading() as connection:
            assert engine.quiet_plans(connection) == []


def test_what_was_pending_goes_out_and_what_was_sent_does_not_again(empty_url: str, older: dict[str, str]) -> None:
    migrate(empty_url)
    with opened(empty_url) as store:
        channel = Recorder()
        House(store, "clinic-a", "", older["clinic-a runs"]).sweep(channel, NOW)
        states = dict(_asked(store, "SELECT id, state FROM delivery"))
        for clinic in ("clinic-a", "clinic-b"):
            assert states[older[f"{clinic} sent"]] == "sent"
            assert states[older[f"{clinic} pending"]] in ("sent", "cancelled"), "sent, or spoken for by the due day's"
        told = _asked(
            store,
            "SELECT d.clinic_id, m.kind FROM delivery d JOIN reminder m ON m.clinic_id = d.clinic_id "
            "AND m.id = d.reminder_id WHERE d.sent_at > '2026-12-20' ORDER BY 1, 2",
        )
        assert ("clinic-a", "due-day") in told
        assert ("clinic-b", "due-day") in told
        assert [kind for _, kind in told].count("unknown") >= 2, "the pump without a fill and the stopped one"
        reminders = dict(_asked(store, "SELECT id, state FROM reminder"))
        assert reminders[older["clinic-a due"]] == "queued"
        assert reminders[older["clinic-a to come"]] == "pending"
        assert len(channel.sent) == len({idem for idem, _ in channel.sent}), "no copy went twice"


def test_before_anything_is_due_a_copy_that_waited_is_sent_with_the_id_that_it_had(
    empty_url: str, older: dict[str, str]
) -> None:
    migrate(empty_url)
    with opened(empty_url) as store:
        channel = Recorder()
        House(store, "clinic-b", "", older["clinic-b runs"]).sweep(channel, at("2026-12-10T12:00:00Z"))
        for state in ("pending", "dead"):
            idem = hashlib.sha256(older[f"clinic-b {state}"].encode()).hexdigest()
            assert idem in [sent for sent, _ in channel.sent], f"what was {state} is tried"


def test_the_pumps_of_an_older_store_go_on(empty_url: str, older: dict[str, str]) -> None:
    migrate(empty_url)
    with opened(empty_url) as store:
        runs = House(store, "clinic-a", "", older["clinic-a runs"])
        change_settings(store, "clinic-a", {"low_reservoir_alarm_volume": "3 mL"}, NOW)
        assert replan_stale(store, lambda: NOW) == 3, "all of the clinic but the explanted one"
        states = dict(_asked(store, "SELECT id, state FROM pump"))
        assert (states[runs.pump], states[older["stopped"]]) == ("active", "stopped")
        happens(runs, "bolus-log", "2026-11-26T12:00:00Z", volume="1 mL")
        assert [line[2] for line in lines(runs)] == ["fill", "rate-change", "bolus-log"]
        stopped = House(store, "clinic-a", "", older["stopped"])
        body = {"event": "resume", "at": "2026-12-20T12:00:00Z"}
        ledger.record_event(store, "clinic-a", stopped.pump, body, NOW)
        assert dict(_asked(store, "SELECT id, state FROM pump"))[stopped.pump] == "active"


def test_a_stopped_pump_of_an_older_store_runs_again_with_its_next_refill(
    empty_url: str, older: dict[str, str]
) -> None:
    migrate(empty_url)
    with opened(empty_url) as store:
        stopped = House(store, "clinic-a", "", older["stopped"])
        seen = {"withdrawn_volume": "7 mL", "left_volume": "0 mL"}
        stopped.record(MORPHINE | {"fill_date": "2026-12-20"} | seen, NOW)
        assert dict(_asked(store, "SELECT id, state FROM pump"))[stopped.pump] == "active"
        assert [line[2] for line in lines(stopped)] == ["fill", "rate-change", "withdraw", "fill", "rate-change"]


class _Stop(Exception):
    """The machine goes down at the first statement, then at the second, and so on."""


def _migrated_until(url: str, last: int) -> bool:
    """Whether the migration came to its end before this statement."""
    seen = 0

    def fails(*_: object) -> None:
        nonlocal seen
        seen += 1
        if seen == last:
            raise _Stop

    sa.event.listen(sa.Engine, "before_cursor_execute", fails)
    try:
        migrate(url)
    except _Stop:
        return False
    finally:
        sa.event.remove(sa.Engine, "before_cursor_execute", fails)
    return True


def test_whatever_stops_it_half_way_leaves_the_older_store_whole(
    empty_url: str, backend: str, older: dict[str, str]
) -> None:
    with opened(empty_url) as store:
        before = _kept(store)
    tried, step = 0, 5 if backend == "sqlite" else 11
    while not _migrated_until(empty_url, tried := tried + step):
        with opened(empty_url) as store:
            assert _kept(store) == before, f"statement {tried} left something"
            assert not is_current(store)
    with opened(empty_url) as store:
        assert is_current(store)
    assert tried > 100, "it was stopped all along the way"


def test_a_migration_that_is_killed_is_done_again_as_if_it_had_not_begun(empty_url: str, older: dict[str, str]) -> None:
    with opened(empty_url) as store:
        before = _kept(store)
    program = (
        "import os, sqlalchemy as sa\n"
        "from api.store import migrate\n"
        "seen = 0\n"
        "def kill(*_):\n"
        "    global seen\n"
        "    seen += 1\n"
        "    if seen == 90:\n"
        f"        os.kill(os.getpid(), {signal.SIGKILL.value})\n"
        "sa.event.listen(sa.Engine, 'before_cursor_execute', kill)\n"
        f"migrate({empty_url!r})\n"
    )
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
    killed = subprocess.run(
        [sys.executable, "-c", program], env=environment, capture_output=True, check=False, timeout=60
    )
    assert killed.returncode == -signal.SIGKILL, killed.stderr.decode()
    with opened(empty_url) as store:
        assert _kept(store) == before
        assert not is_current(store)
    migrate(empty_url)
    with opened(empty_url) as store:
        assert is_current(store)
        assert _asked(store, "SELECT count(*) FROM refill") == [(len(before["refill"]),)]
