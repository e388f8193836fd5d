"""The service as an enemy meets it: a process of its own behind a real socket, asked byte for byte."""

from __future__ import annotations

import contextlib
import datetime as dt
import hashlib
import http.client
import json
import os
import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

ROOT = Path(__file__).resolve().parents[2]
SECRET = "canary-password-7F3K"
ZONE = "America/New_York"
JSON = {"Content-Type": "application/json"}
FLOW_RATE = {"drug": "morphine", "daily_dose": "10 mg/day", "concentration": "20 mg/mL"}
CLINIC = {
    "name": "Fictional Clinic",
    "time_zone": ZONE,
    "low_reservoir_alarm_volume": "2 mL",
    "reminder_days_before": [],
    "reminder_time": "09:00",
    "closed_weekdays": [],
    "closed_dates": [],
    "reminder_email": "refills@clinic.example",
}


def today() -> str:
    """The clinic's day: a fill of today has no reminder that is due yet."""
    return dt.datetime.now(ZoneInfo(ZONE)).date().isoformat()


def refill(**changes: Any) -> dict[str, Any]:
    """A ziconotide refill of today, with changes. A change to None leaves the field out."""
    plain = {
        "fill_date": today(),
        "fill_volume": "20 mL",
        "fill_kind": "undiluted",
        "components": [{"drug": "ziconotide", "concentration": "25 mcg/mL"}],
        "daily_dose": "9.6 mcg/day",
    }
    return {name: value for name, value in (plain | changes).items() if value is not None}


@dataclass(frozen=True)
class Ask:
    """One request, exactly as it is sent."""

    target: str
    body: bytes | None = None
    method: str = "POST"
    headers: Mapping[str, str] = field(default_factory=lambda: JSON)


@dataclass(frozen=True)
class Answer:
    """What came back, and after how many seconds."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    seconds: float

    def json(self) -> Any:
        return json.loads(self.body)


@dataclass
class Service:
    """A running service over a store of its own, with one fictional clinic, patient and pump."""

    folder: Path
    port: int
    process: subprocess.Popen[bytes]
    clinic: str = ""
    patient: str = ""
    pump: str = ""

    @property
    def refills(self) -> str:
        return f"/v1/clinics/{self.clinic}/pumps/{self.pump}/refills"

    def ask(self, ask: Ask, seconds: float = 20) -> Answer:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=seconds)
        began = time.perf_counter()
        try:
            connection.putrequest(ask.method, ask.target, skip_accept_encoding=True)
            for name, value in ask.headers.items():
                connection.putheader(name, value)
            if ask.body is not None:
                connection.putheader("Content-Length", str(len(ask.body)))
            connection.endheaders()
            if ask.body is not None:
                connection.send(ask.body)
            answer = connection.getresponse()
            body = answer.read()
            took = time.perf_counter() - began
            return Answer(answer.status, {n.lower(): v for n, v in answer.getheaders()}, body, took)
        finally:
            connection.close()

    def post(self, target: str, body: Any) -> Answer:
        return self.ask(Ask(target, json.dumps(body).encode()))

    def get(self, target: str, headers: Mapping[str, str] | None = None) -> Answer:
        return self.ask(Ask(target, method="GET", headers=headers or {}))

    def raw(self, *pieces: bytes, seconds: float = 20) -> bytes:
        """Everything that comes back for bytes that need be no request at all, until the service hangs up."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=seconds) as connection:
            with contextlib.suppress(ConnectionError):
                for piece in pieces:
                    connection.sendall(piece)
            got = b""
            with contextlib.suppress(ConnectionError):
                while chunk := connection.recv(65536):
                    got += chunk
            return got

    def digest(self) -> str:
        """One number for everything that the store holds."""
        with contextlib.closing(sqlite3.connect(f"file:{self.folder}/pumpcalc.db?mode=ro", uri=True)) as store:
            names = [
                name for (name,) in store.execute("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY 1")
            ]
            rows = [sorted(map(repr, store.execute(f"SELECT * FROM {name}"))) for name in names]
        return hashlib.sha256(repr(rows).encode()).hexdigest()

    def log(self, since: int = 0) -> bytes:
        return (self.folder / "log.txt").read_bytes()[since:]

    def resident(self) -> int:
        """Bytes of memory that the process holds."""
        status = Path(f"/proc/{self.process.pid}/status").read_text(encoding="ascii")
        (line,) = [line for line in status.splitlines() if line.startswith("VmRSS:")]
        return int(line.split()[1]) * 1024


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextlib.contextmanager
def service(folder: Path, **settings: str) -> Iterator[Service]:
    """A service, started as its operators start it, and ended."""
    port = _free_port()
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith("PUMPCALC_")},
        "PYTHONPATH": str(ROOT),
        "PUMPCALC_DATABASE_URL": f"sqlite:///{folder}/pumpcalc.db",
        "PUMPCALC_SMTP_URL": f"smtp://refills:{SECRET}@127.0.0.1:9",
        "PUMPCALC_SWEEP_SECONDS": "60",
        "PUMPCALC_PORT": str(port),
        **settings,
    }
    command = [sys.executable, "-m", "api.cli"]
    subprocess.run([*command, "migrate"], env=environment, cwd=folder, check=True)
    with (folder / "log.txt").open("wb") as log:
        process = subprocess.Popen([*command, "serve"], env=environment, cwd=folder, stdout=log, stderr=log)
    try:
        found = Service(folder, port, process)
        _await(found)
        found.clinic = found.post("/v1/clinics", CLINIC).json()["id"]
        found.patient = found.post(f"/v1/clinics/{found.clinic}/patients", {}).json()["id"]
        body = {"patient_id": found.patient, "model": "synchromed-ii-20"}
        found.pump = found.post(f"/v1/clinics/{found.clinic}/pumps", body).json()["id"]
        yield found
    finally:
        process.terminate()
        process.wait(20)


def _await(found: Service) -> None:
    deadline = time.monotonic() + 40
    while time.monotonic() < deadline:
        assert found.process.poll() is None, found.log().decode()
        with contextlib.suppress(OSError):
            if found.get("/readyz").status == 200:
                return
        time.sleep(0.05)
    raise AssertionError("the service did not become ready")
