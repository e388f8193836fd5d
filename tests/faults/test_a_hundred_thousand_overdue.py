"""F-18: every pump of fifty clinics is overdue at the start: all queued in five minutes, the worst first."""

from __future__ import annotations

import datetime as dt
import json
import os
import subprocess
import sys
from pathlib import Path

from world import scratch, trials

QUEUE = """
import datetime as dt, json, resource, sys, time
from api.reminders.outbox import queue_due
from api.store import open_store
store = open_store(sys.argv[1])
now = dt.datetime.fromisoformat(sys.argv[2])
begun, batches = time.monotonic(), []
while True:
    with store.writing() as connection:
        count = queue_due(connection, now)
    if not count:
        break
    batches.append(count)
seconds = time.monotonic() - begun
print(json.dumps({"seconds": seconds, "queued": sum(batches), "batches": len(batches),
                  "mebibytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024}))
"""
"""A process of its own: its memory is its own."""

TICK = """
import datetime as dt, json, resource, sys, time
from api.engine import Engine, Post
from api.reminders.notice import Notice, Address
from api.store import open_store
store = open_store(sys.argv[1])
now = dt.datetime.fromisoformat(sys.argv[2])
class Takes:
    def send(self, notice, to):
        sent.append(notice.severity)
        return "taken"
sent, begun, first = [], time.monotonic(), []
def carry_on():
    if sent and not first:
        first.append(time.monotonic() - begun)
    return len(sent) < 200
Engine(store, Post({"email": Takes()}, "http://127.0.0.1:8000", dt.timedelta(seconds=120)), lambda: now).tick(carry_on)
print(json.dumps({"seconds": first[0], "severities": sorted(set(sent)),
                  "mebibytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024}))
"""
"""The whole engine, until two hundred copies have left."""

BUILD = """
import datetime as dt, sys
from api.store import migrate, open_store
from api.store.tables import clinic, patient, pump, calculation, plan, reminder
from pumpcalc import library
url, count = sys.argv[1], int(sys.argv[2])
now = dt.datetime.fromisoformat(sys.argv[3])
migrate(url)
store, clinics, sha = open_store(url), 50, library.load().sha256
SEVERITIES = ("low", "critical", "analgesia-loss", "high")
due = now - dt.timedelta(days=1)
def rows(numbers):
    for number in numbers:
        of, severity = f"clinic-{number % clinics:02}", SEVERITIES[number % 4]
        day = dt.date(2026, 12, 1) + dt.timedelta(days=number % 20)
        rank = f"{('critical', 'high', 'analgesia-loss', 'low').index(severity)} {day}"
        yield (
            {"clinic_id": of, "id": f"pump-{number}", "patient_id": "patient", "reference": f"P{number}",
             "model": "synchromed-ii-20", "state": "active", "plan_id": f"plan-{number}", "created_at": due},
            {"clinic_id": of, "id": f"plan-{number}", "pump_id": f"pump-{number}", "revision": 1, "kind": "date",
             "why": "refill", "refill_by": day, "binding": "volume", "calculation_id": "calculation",
             "severity": severity, "opened_at": due},
            {"clinic_id": of, "id": f"reminder-{number}", "plan_id": f"plan-{number}", "kind": "overdue", "round": 0,
             "after_minutes": 0, "due_at": due, "local_intent": "2026-12-27T09:00", "zone": "America/New_York",
             "severity": severity, "urgency": rank, "state": "pending", "created_at": due})
with store.writing() as connection:
    for number in range(clinics):
        of = f"clinic-{number:02}"
        connection.execute(clinic.insert(), [{"id": of, "name": of, "time_zone": "America/New_York",
            "reminder_email": f"{of}@clinic.example", "reminder_time": "09:00", "created_at": due}])
        connection.execute(patient.insert(), [{"clinic_id": of, "id": "patient", "reference": "P", "created_at": due}])
        connection.execute(calculation.insert(), [{"clinic_id": of, "id": "calculation", "name": "refill-schedule",
            "library_version": "1", "library_sha256": sha, "software": "1", "record": "{}", "created_at": due}])
    for start in range(0, count, 5000):
        made = list(rows(range(start, min(start + 5000, count))))
        for table, part in zip((pump, plan, reminder), zip(*made)):
            connection.execute(table.insert(), list(part))
"""

NOW = dt.datetime(2026, 12, 28, 14, 0, tzinfo=dt.UTC)
ROOT = Path(__file__).resolve().parents[2]


def _run(code: str, *arguments: str) -> dict[str, object]:
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-c", code, *arguments]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout) if done.stdout else {}


def test_every_overdue_reminder_is_queued_in_five_minutes_the_worst_first() -> None:
    import sqlite3

    count = trials(2000, 100_000)
    with scratch() as folder:
        url = f"sqlite:///{folder}/many.db"
        _run(BUILD, url, str(count), NOW.isoformat())
        kept = (folder / "many.db").read_bytes()
        found = _run(QUEUE, url, NOW.isoformat())
        print(
            f"\nF-18: {found['queued']} of {count} overdue queued in {found['seconds']:.1f} s,"
            f" {found['batches']} batches, {found['mebibytes']:.0f} MiB"
        )
        assert found["queued"] == count
        assert float(str(found["seconds"])) < 300
        assert float(str(found["mebibytes"])) < 300
        with sqlite3.connect(folder / "many.db") as connection:
            assert connection.execute("SELECT count(*) FROM delivery WHERE state = 'pending'").fetchone() == (count,)
            order = [row[0] for row in connection.execute("SELECT substr(urgency, 1, 1) FROM delivery ORDER BY rowid")]
            assert order == sorted(order), "queued the worst first"
        connection.close()
        for suffix in ("-wal", "-shm"):
            (folder / f"many.db{suffix}").unlink(missing_ok=True)
        (folder / "many.db").write_bytes(kept)
        told = _run(TICK, url, NOW.isoformat())
        print(f"F-18: the whole engine tells first after {told['seconds']:.1f} s, {told['mebibytes']:.0f} MiB")
        assert told["severities"] == ["critical"], "the worst leaves first"
        assert float(str(told["seconds"])) < 300
        assert float(str(told["mebibytes"])) < 300
