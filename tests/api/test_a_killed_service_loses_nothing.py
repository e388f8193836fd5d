"""kill -9 of the real service between the commit of a refill and the delivery of its reminder."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest
from api_fiction import CLINIC, ZICONOTIDE, free_port, until

from api.store import Store

OVERDUE = ZICONOTIDE | {"fill_date": "2026-01-05"}
"""A fill whose whole ladder lies in the past: its reminders are due the moment it is recorded, and go as one."""


@contextmanager
def _service(folder: Path, store: Store, **settings: str) -> Iterator[tuple[subprocess.Popen[bytes], httpx.Client]]:
    port = free_port()
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PUMPCALC_")}
    environment |= {
        "PYTHONPATH": os.pathsep.join(path for path in sys.path if path),
        "PUMPCALC_DATABASE_URL": store.engine.url.render_as_string(hide_password=False),
        "PUMPCALC_MAIL_FOLDER": str(folder / "mail"),
        **{f"PUMPCALC_{name.upper()}": value for name, value in settings.items()},
    }
    with (folder / "log.txt").open("ab") as log:
        command = [sys.executable, "-m", "api.cli", "serve", "--port", str(port)]
        process = subprocess.Popen(command, env=environment, cwd=folder, stdout=log, stderr=log)
    try:
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=10) as client:
            until(lambda: _is_ready(client, process), 30)
            yield process, client
    finally:
        if process.poll() is None:
            process.terminate()
        process.wait(15)


def _is_ready(client: httpx.Client, process: subprocess.Popen[bytes]) -> bool:
    assert process.poll() is None, "the service ended"
    try:
        return client.get("/readyz").status_code == 200
    except httpx.TransportError:
        return False


def _record_overdue_refill(client: httpx.Client) -> str:
    clinic = client.post("/v1/clinics", json=CLINIC).json()["id"]
    patient = client.post(f"/v1/clinics/{clinic}/patients", json={}).json()["id"]
    body = {"patient_id": patient, "model": "synchromed-ii-20"}
    pump = client.post(f"/v1/clinics/{clinic}/pumps", json=body).json()["id"]
    answer = client.post(f"/v1/clinics/{clinic}/pumps/{pump}/refills", json=OVERDUE)
    assert answer.status_code == 201, answer.text
    return str(clinic)


def _states(store: Store) -> list[tuple[str, int]]:
    with store.reading() as connection:
        found = connection.exec_driver_sql("SELECT state, attempts FROM delivery ORDER BY 1, 2").all()
    return [(state, attempts) for state, attempts in found]


def _end_leases(store: Store) -> None:
    """A lease is made to end now: the test does not wait for it."""
    with store.writing() as connection:
        connection.exec_driver_sql(
            "UPDATE delivery SET lease_until = '2026-01-01T00:00:00.000000Z' WHERE lease_until IS NOT NULL"
        )


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path


def test_killed_after_the_commit_and_before_any_sweep(folder: Path, store: Store) -> None:
    # The first sweep comes at the start, the next after a minute: the refill is committed, nothing is queued.
    with _service(folder, store, sweep_seconds="60") as (process, client):
        _record_overdue_refill(client)
        process.kill()
        assert process.wait(15) == -signal.SIGKILL
    assert _states(store) == []
    assert not (folder / "mail").exists()
    with _service(folder, store) as (_, client):
        until(lambda: _states(store) == [("sent", 1)])
    assert len(list((folder / "mail").iterdir())) == 1


def test_killed_while_the_mail_server_holds_the_message(folder: Path, store: Store) -> None:
    with socket.create_server(("127.0.0.1", 0)) as stalls:  # accepts, and never says a word
        url = f"smtp://127.0.0.1:{stalls.getsockname()[1]}"
        with _service(folder, store, sweep_seconds="0.2", lease_seconds="46", smtp_url=url) as (process, client):
            _record_overdue_refill(client)
            stalls.settimeout(20)
            held, _ = stalls.accept()
            process.kill()
            process.wait(15)
            held.close()
    assert _states(store) == [("pending", 1)]
    _end_leases(store)
    with _service(folder, store) as (_, client):
        until(lambda: _states(store) == [("sent", 2)])
    assert len(list((folder / "mail").iterdir())) == 1


def test_killed_at_many_moments_every_reminder_arrives_and_is_one_file(folder: Path, store: Store) -> None:
    for moment in (0.0, 0.01, 0.03):
        with _service(folder, store, sweep_seconds="0.05", lease_seconds="46") as (process, client):
            _record_overdue_refill(client)
            with pytest.raises(subprocess.TimeoutExpired):
                process.wait(moment or 0.001)
            process.kill()
            process.wait(15)
    _end_leases(store)
    with _service(folder, store) as (_, client):
        until(lambda: [state for state, _ in _states(store)] == ["sent"] * 3)
    files = list((folder / "mail").iterdir())
    assert len([file for file in files if file.suffix == ".eml"]) == 3
    assert len({file.name for file in files if file.suffix == ".eml"}) == 3


@pytest.mark.parametrize("asked", [signal.SIGINT, signal.SIGTERM])
def test_a_polite_end_is_quick_and_clean(folder: Path, store: Store, asked: signal.Signals) -> None:
    with _service(folder, store) as (process, _client):
        process.send_signal(asked)
        assert process.wait(10) in (0, -asked)
    assert b"Traceback" not in (folder / "log.txt").read_bytes()
