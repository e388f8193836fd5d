"""Reminders against one APScheduler job for each pump, both in SQLite files with full synchronisation."""

from __future__ import annotations

import datetime as dt
import logging
import shutil
import sqlite3
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from apscheduler.jobstores.sqlalchemy import SQLAlchemyJobStore
from apscheduler.schedulers.background import BackgroundScheduler

from api.engine import Engine, Post
from api.reminders.outbox import queue_due
from api.store import Store, migrate, open_store
from api.store.tables import calculation, clinic, patient, plan, pump, reminder
from pumpcalc import library

DUE, PARKED, ROUNDS = 2_000, 10_000, 5
NOW = dt.datetime(2026, 12, 28, 14, tzinfo=dt.UTC)
LATER = NOW + dt.timedelta(days=30)


def _store(folder: Path, count: int, due_at: dt.datetime) -> Path:
    """A store with so many pumps, of which each has one reminder."""
    path = folder / f"{count}-{due_at:%m}.db"
    migrate(f"sqlite:///{path}")
    store = open_store(f"sqlite:///{path}")
    of = {"clinic_id": "clinic", "created_at": NOW}
    with store.writing() as connection:
        settings = {"time_zone": "America/New_York", "reminder_email": "a@clinic.example", "reminder_time": "09:00"}
        connection.execute(clinic.insert(), [{"id": "clinic", "name": "Fictional", "created_at": NOW, **settings}])
        connection.execute(patient.insert(), [{**of, "id": "patient", "reference": "P"}])
        record = {"name": "refill-schedule", "library_version": "1", "software": "1", "record": "{}"}
        sha256 = library.load().sha256
        connection.execute(calculation.insert(), [{**of, "id": "record", "library_sha256": sha256, **record}])
        numbers = range(count)
        connection.execute(
            pump.insert(),
            [
                {**of, "id": f"pump-{number}", "patient_id": "patient", "reference": f"P{number}", "state": "active",
                 "model": "synchromed-ii-20", "plan_id": f"plan-{number}"}
                for number in numbers
            ],
        )  # fmt: skip
        connection.execute(
            plan.insert(),
            [
                {"clinic_id": "clinic", "id": f"plan-{number}", "pump_id": f"pump-{number}", "revision": 1,
                 "kind": "date", "why": "refill", "refill_by": due_at.date(), "binding": "volume",
                 "calculation_id": "record", "severity": "critical", "opened_at": NOW}
                for number in numbers
            ],
        )  # fmt: skip
        connection.execute(
            reminder.insert(),
            [
                {**of, "id": f"reminder-{number}", "plan_id": f"plan-{number}", "kind": "due-day", "round": 0,
                 "after_minutes": 0, "due_at": due_at, "local_intent": f"{due_at:%Y-%m-%dT%H:%M}", "state": "pending",
                 "zone": "America/New_York", "severity": "critical", "urgency": f"0 {due_at:%Y-%m-%d}"}
                for number in numbers
            ],
        )  # fmt: skip
    store.close()
    return path


def _opened(path: Path, folder: Path) -> Store:
    for suffix in ("-wal", "-shm"):
        (folder / f"now.db{suffix}").unlink(missing_ok=True)
    shutil.copy(path, folder / "now.db")
    return open_store(f"sqlite:///{folder}/now.db")


def _queue_all(store: Store) -> None:
    while True:
        with store.writing() as connection:
            if not queue_due(connection, NOW):
                return


def told(path: str, number: int) -> None:
    """The job: a row that survives a power cut."""
    with sqlite3.connect(path, timeout=30, isolation_level=None) as connection:
        connection.execute("PRAGMA synchronous=FULL")
        connection.execute("INSERT INTO outbox VALUES (?)", (number,))
    connection.close()


def _scheduler(folder: Path, count: int, due_at: dt.datetime) -> BackgroundScheduler:
    for path in folder.glob("*jobs.db*"):
        path.unlink()
    rows = folder / "rows.db"
    rows.unlink(missing_ok=True)
    with sqlite3.connect(rows) as connection:
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("CREATE TABLE outbox (number INTEGER PRIMARY KEY)")
    connection.close()
    made = BackgroundScheduler(
        jobstores={"default": SQLAlchemyJobStore(f"sqlite:///{folder}/jobs.db")},
        timezone=dt.UTC,
        job_defaults={"misfire_grace_time": None},  # else it drops most of them
    )
    made.start(paused=True)
    for number in range(count):
        made.add_job(told, "date", run_date=due_at, args=[str(rows), number], id=str(number))
    return made


def _fire_all(scheduler: BackgroundScheduler) -> None:
    scheduler.resume()
    while scheduler.get_jobs():
        time.sleep(0.005)
    scheduler.shutdown(wait=True)


def _seconds(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


class _Takes:
    def send(self, *_given: object) -> str:
        return "taken"


def reminders(show: Callable[[str, str, float], None]) -> None:
    """Everything due at once; and a look when nothing is due."""
    logging.disable(logging.ERROR)
    past = dt.datetime.now(dt.UTC) - dt.timedelta(hours=1)
    future = dt.datetime.now(dt.UTC) + dt.timedelta(days=30)
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        due = _store(folder, DUE, NOW)
        ratios = []
        for _ in range(ROUNDS):
            store = _opened(due, folder)
            ours = _seconds(lambda store=store: _queue_all(store))  # type: ignore[misc]
            store.close()
            scheduler = _scheduler(folder, DUE, past)
            ratios.append(ours / _seconds(lambda scheduler=scheduler: _fire_all(scheduler)))  # type: ignore[misc]
        rival = "APScheduler, a job for each pump, a row for each"
        show(f"{DUE:,} reminders due at once, each in the outbox", rival, statistics.median(ratios))
        store = _opened(_store(folder, PARKED, LATER), folder)
        post = Post({"email": _Takes()}, "http://127.0.0.1:8000", dt.timedelta(seconds=120))
        engine = Engine(store, post, lambda: NOW, time.monotonic)
        scheduler = _scheduler(folder, PARKED, future)
        engine.tick()
        scheduler.resume()
        time.sleep(1)  # its own thread has looked, and sleeps until the jobs are due
        ratios = [_seconds(engine.tick) / _seconds(scheduler._process_jobs) for _ in range(40)]
        show(f"one tick of the engine, {PARKED:,} parked, none due", "APScheduler's wake-up", statistics.median(ratios))
        print(f"{'':58} {statistics.median(_seconds(engine.tick) for _ in range(40)) * 1000:.1f} ms a tick")
        store.close()
        scheduler.shutdown()
