"""The same random SIGKILLs against jobs of APScheduler 3 in a shared SQLite file, beside the reminders of pumpcalc.

    python tests/faults/against_apscheduler.py [trials]

One date job for each pump stands against one reminder for each pump; both are killed at a random moment while they
work, started again, and left until nothing waits. What is counted: reminders that never left the house, and reminders
that left it more than once. For APScheduler twice: with its misfire_grace_time as it is, and with None.
"""

from __future__ import annotations

import datetime as dt
import json
import os
import random
import signal
import statistics
import sys
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "tests"), str(ROOT / "tests" / "api"), str(Path(__file__).resolve().parent)]

from world import DUE, FILLS, Postbox, World, end_of, in_child, scratch, sqlite_world, start_child  # noqa: E402

PUMPS = 5
SEND_SECONDS = 0.05
"""How long one send takes, of either: a quick mail server."""
_GRACES: dict[str, object] = {"default (1 s)": "default", "None": None}


def told(postbox: str, pump: str) -> None:
    """The job: as long as a quick send takes, then one line that stays."""
    time.sleep(SEND_SECONDS)
    box = os.open(postbox, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    os.write(box, (json.dumps({"idem": pump}) + "\n").encode())
    os.fsync(box)
    os.close(box)


def _scheduler(folder: Path, grace: object):  # type: ignore[no-untyped-def]
    from apscheduler.jobstores.sqlalchemy import SQLAlchemyJobStore
    from apscheduler.schedulers.background import BackgroundScheduler

    made = BackgroundScheduler(
        jobstores={"default": SQLAlchemyJobStore(f"sqlite:///{folder}/jobs.db")},
        timezone=dt.UTC,
        job_defaults={} if grace == "default" else {"misfire_grace_time": grace},
    )
    made.start(paused=True)
    return made


def _serve(folder: Path, grace: object) -> None:
    """A process of APScheduler: it works until nothing is left."""
    scheduler = _scheduler(folder, grace)
    scheduler.resume()
    while scheduler.get_jobs():
        time.sleep(0.005)
    scheduler.shutdown(wait=True)


def _plant(folder: Path, grace: object) -> None:
    from against_apscheduler import told as job

    scheduler = _scheduler(folder, grace)
    due = dt.datetime.now(dt.UTC) + dt.timedelta(milliseconds=300)
    for number in range(PUMPS):
        scheduler.add_job(job, "date", run_date=due, args=[str(folder / "postbox"), f"pump-{number}"], id=str(number))
    # No shutdown: it would look once more at what is due. The process just ends; the jobs are in the file.


def _whole(work: Callable[[], object], folder: Path) -> None:
    ended = end_of(start_child(work, folder / "said"), folder / "said")
    assert ended.code == 0, ended.said


def _apscheduler(trials: int, grace: object, chance: random.Random) -> tuple[int, int, int]:
    lost = duplicated = killed = 0
    window = []
    for trial in range(-3, trials):  # the first three are not killed: they say how long it takes
        with scratch() as folder:
            _whole(lambda folder=folder: _plant(folder, grace), folder)  # type: ignore[misc]
            begun = time.monotonic()
            child = start_child(lambda folder=folder: _serve(folder, grace), folder / "said")  # type: ignore[misc]
            if trial >= 0:
                time.sleep(chance.uniform(0, 1.1 * statistics.median(window)))
                os.kill(child, signal.SIGKILL)
            killed += end_of(child, folder / "said").signal == signal.SIGKILL
            if trial < 0:
                window.append(time.monotonic() - begun)
            _whole(lambda folder=folder: _serve(folder, grace), folder)  # type: ignore[misc]
            box = folder / "postbox"
            left = Counter(json.loads(line)["idem"] for line in box.read_text().splitlines()) if box.exists() else {}
            if trial >= 0:
                lost += PUMPS - len(left)
                duplicated += sum(count > 1 for count in left.values())
    return lost, duplicated, killed


def _pumpcalc(trials: int, chance: random.Random) -> tuple[int, int, int]:
    lost = duplicated = killed = 0
    fills = {f"pump-{number}": FILLS["ziconotide"] for number in range(PUMPS)}
    with sqlite_world(fills=fills) as world:
        with world.store.writing() as connection:  # one receiver for each pump, as there
            connection.exec_driver_sql("UPDATE contact SET ended_at = created_at")
        world.keep()

        def work(world: World = world) -> None:
            world.sweep(DUE, Postbox(world.path, lambda *_: time.sleep(SEND_SECONDS)))

        window = []
        for trial in range(-3, trials):
            world.reset()
            begun = time.monotonic()
            after = chance.uniform(0, 1.1 * statistics.median(window)) if trial >= 0 else None
            ended = in_child(world, work, kill_after=after)
            if trial < 0:
                window.append(time.monotonic() - begun)
                continue
            killed += ended.signal == signal.SIGKILL
            verdict = world.judged(DUE)
            assert verdict.wrong == []
            lost += PUMPS - verdict.sent
            duplicated += verdict.duplicates
    return lost, duplicated, killed


def main() -> None:
    """Print one line for each column."""
    trials = int(sys.argv[1]) if len(sys.argv) > 1 else 200
    import logging

    import apscheduler

    logging.disable(logging.CRITICAL)
    print(f"SIGKILL at a random moment, {trials} trials of {PUMPS} reminders each; then started again")
    print(f"{'':54}{'lost':>8}{'duplicated':>12}{'killed':>8}{'trials':>8}")
    for name, grace in _GRACES.items():
        lost, duplicated, killed = _apscheduler(trials, grace, random.Random(20261125))
        title = f"APScheduler {apscheduler.version}, misfire_grace_time {name}"
        print(f"{title:54}{lost:>8}{duplicated:>12}{killed:>8}{trials:>8}", flush=True)
    lost, duplicated, killed = _pumpcalc(trials, random.Random(20261125))
    print(f"{'pumpcalc (each duplicate under one id)':54}{lost:>8}{duplicated:>12}{killed:>8}{trials:>8}")


if __name__ == "__main__":
    main()
