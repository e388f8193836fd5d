"""The pumpcalc command, the settings, the clock, and the demonstration as people start them."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from api_fiction import ZICONOTIDE, House, free_port, until

from api import cli
from api.clock import Clock
from api.settings import Settings, SettingsError, read_settings
from api.store import is_current, open_store


def _pumpcalc(folder: Path, *words: str, **settings: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "api.cli", *words],
        cwd=folder,
        env=_environment(**settings),
        capture_output=True,
        text=True,
        timeout=50,
        check=False,
    )


def _environment(**settings: str) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PUMPCALC_")}
    return kept | {"PYTHONPATH": os.pathsep.join(path for path in sys.path if path)} | settings


def test_the_cores_commands_need_nothing_of_the_service() -> None:
    script = (
        "import sys; from api import cli; code = cli.main(['list']);"
        "print([m for m in ('fastapi', 'sqlalchemy', 'apscheduler', 'api.store') if m in sys.modules], code)"
    )
    ran = subprocess.run([sys.executable, "-c", script], env=_environment(), capture_output=True, text=True, check=True)
    assert ran.stdout.splitlines()[-1] == "[] 0"


def test_help_names_every_command_of_both_halves(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["--help"]) == 0
    said = capsys.readouterr().out
    assert all(
        f"pumpcalc {command}" in said
        for command in ("calculate", "verify", "library", "serve", "worker", "migrate", "plans", "demo")
    )
    assert cli.main([]) == 2
    assert capsys.readouterr().err == said


@pytest.mark.parametrize("command", ["serve", "worker", "migrate", "plans", "demo"])
def test_without_the_extra_a_service_command_says_what_to_install(
    command: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    assert cli.main([command]) == 1
    assert 'pip install "pumpcalc[server]"' in capsys.readouterr().err


def test_a_store_is_migrated_before_it_is_served(tmp_path: Path) -> None:
    for command in ("serve", "worker"):
        ran = _pumpcalc(tmp_path, command)
        assert (ran.returncode, ran.stderr.count("\n")) == (1, 1)
        assert "run: pumpcalc migrate" in ran.stderr
    assert _pumpcalc(tmp_path, "migrate").returncode == 0
    store = open_store(f"sqlite:///{tmp_path}/var/pumpcalc.db")
    assert is_current(store)
    store.close()


def test_a_wrong_setting_is_named_in_one_sentence(tmp_path: Path) -> None:
    ran = _pumpcalc(tmp_path, "migrate", PUMPCALC_PORT="http")
    assert ran.returncode == 1
    assert ran.stderr.startswith("pumpcalc migrate: PUMPCALC_PORT: ")
    assert ran.stderr.count("\n") == 1


OF_OPEN_PLANS = (
    "delivery JOIN reminder ON reminder.id = delivery.reminder_id JOIN plan ON plan.id = reminder.plan_id "
    "AND plan.closed_at IS NULL"
)


def test_two_worker_processes_send_each_reminder_once(fiction: House, tmp_path: Path) -> None:
    settings = {
        "PUMPCALC_DATABASE_URL": fiction.store.engine.url.render_as_string(hide_password=False),
        "PUMPCALC_MAIL_FOLDER": str(tmp_path / "mail"),
        "PUMPCALC_SWEEP_SECONDS": "0.05",
    }
    command = [sys.executable, "-m", "api.cli", "worker"]
    logs = [tmp_path / "one.log", tmp_path / "two.log"]
    workers = []
    for log in logs:
        with log.open("wb") as stream:
            workers.append(subprocess.Popen(command, cwd=tmp_path, env=_environment(**settings), stderr=stream))
    try:
        # Both are at work before there is anything to do, so that they do compete.
        until(lambda: all(b"worker_started" in log.read_bytes() for log in logs), 40)
        for _ in range(10):  # and the first pump, of which no fill is recorded, is told of too
            fiction.record(ZICONOTIDE | {"fill_date": "2026-01-05"}, pump=fiction.another_pump())
        until(lambda: [row[0] for row in fiction.rows(OF_OPEN_PLANS, "delivery.state, 1, 1")] == ["sent"] * 11, 40)
    finally:
        for worker in workers:
            worker.terminate()
        ended = [worker.wait(15) for worker in workers]
    assert ended == [0, 0]
    # A worker may have told of a pump in the moment between its registration and its fill: that copy is taken back.
    states = [row[:2] for row in fiction.rows("delivery", "state, attempts, id")]
    sent = states.count(("sent", 1))
    assert set(states) <= {("sent", 1), ("cancelled", 0), ("cancelled", 1)}
    assert sum(log.read_bytes().count(b"attempt=1 kept=True") for log in logs) == sent
    assert len(list((tmp_path / "mail").glob("*.eml"))) == sent + states.count(("cancelled", 1))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("SMTP_URL", "mail.hospital.example"),
        ("MAIL_FROM", "a@b.example\nBcc: c@d.example"),
        ("PUBLIC_URL", "javascript:x"),
        ("LEASE_SECONDS", "10"),
        ("SWEEP_SECONDS", "0"),
        ("PORT", "70000"),
    ],
)
def test_settings_that_cannot_work_are_refused(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    monkeypatch.setenv(f"PUMPCALC_{name}", value)
    with pytest.raises(SettingsError, match=f"PUMPCALC_{name}"):
        read_settings()


def test_nothing_clinical_is_a_setting_of_the_service() -> None:
    technical = {"database_url", "smtp_url", "mail_folder", "mail_from", "public_url", "sweep_seconds", "lease_seconds",
                 "body_seconds", "host", "port", "senders", "ping_url", "webhook_networks",
                 "apprise_schemes"}  # fmt: skip
    assert set(Settings.model_fields) == technical


def test_the_clock_ticks_at_once_again_after_a_fault_and_never_twice_at_a_time() -> None:
    ran: list[int] = []
    inside = threading.Semaphore(1)
    twice: list[bool] = []

    def work(carry_on: object) -> None:
        twice.append(not inside.acquire(blocking=False))
        ran.append(len(ran))
        threading.Event().wait(0.05)
        inside.release()
        if len(ran) == 1:
            raise OSError("the store is busy")

    clock = Clock(work, 0.01)
    assert clock.seconds_since_tick() is None
    clock.start()
    until(lambda: len(ran) >= 3)
    ago = clock.seconds_since_tick()
    clock.stop()
    assert ago is not None
    assert ago < 5
    assert not any(twice)


def test_a_clock_that_only_fails_has_never_ticked() -> None:
    tried = threading.Event()

    def work(carry_on: object) -> None:
        tried.set()
        raise OSError("the store is gone")

    clock = Clock(work, 0.01)
    clock.start()
    assert tried.wait(10)
    clock.stop()
    assert clock.seconds_since_tick() is None


def test_stopping_the_clock_ends_a_long_sweep_between_two_copies() -> None:
    begun = threading.Event()

    def work(carry_on) -> None:  # type: ignore[no-untyped-def]
        while carry_on():
            begun.set()

    clock = Clock(work, 60)
    clock.start()
    assert begun.wait(10)
    clock.stop()


def test_the_demonstration_delivers_a_reminder_and_ends(tmp_path: Path) -> None:
    ran = _pumpcalc(tmp_path, "demo", "--once", "--port", str(free_port()))
    assert ran.returncode == 0, ran.stderr
    assert ran.stderr == ""
    for said in ("FLOW RATE", "Fictional", "<- decides", "to the last safe day|last safe day", "/docs", "verify"):
        assert re.search(said, ran.stdout), said
    path = re.search(r"var/demo/mail/[0-9a-f]{64}\.eml", ran.stdout)
    assert path is not None
    assert b"Refill of pump P-" in (tmp_path / path[0]).read_bytes()
    again = _pumpcalc(tmp_path, "demo", "--once", "--port", str(free_port()))
    assert again.returncode == 0, "made afresh each time"


def test_the_demonstration_serves_until_it_is_interrupted(tmp_path: Path) -> None:
    command = [sys.executable, "-u", "-m", "api.cli", "demo", "--port", str(free_port())]
    with subprocess.Popen(command, cwd=tmp_path, env=_environment(), stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        for line in process.stdout:
            if "Ctrl-C" in line:
                break
        assert process.poll() is None
        process.send_signal(signal.SIGINT)
        assert process.wait(15) == 0


def test_the_demonstration_says_when_its_port_is_taken(tmp_path: Path) -> None:
    import socket

    with socket.create_server(("127.0.0.1", 0)) as taken:
        ran = _pumpcalc(tmp_path, "demo", "--once", "--port", str(taken.getsockname()[1]))
    assert ran.returncode == 1
    assert "is in use; choose another" in ran.stderr
