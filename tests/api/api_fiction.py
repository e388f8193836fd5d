"""A fictional clinic in an empty store, a channel that can be told to fail, and a real server when one is wanted."""

from __future__ import annotations

import contextlib
import datetime as dt
import re
import socket
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from email.message import EmailMessage
from typing import Any

import httpx

from api import house, people, refills, responses, wire
from api.app import create_app
from api.reminders import sweep
from api.reminders.message import email
from api.reminders.notice import Address, Channel, Notice
from api.reminders.webhook import WebhookChannel
from api.settings import Settings
from api.store import Store
from api.store.queries import house as house_queries
from api.store.queries import plans

NOON = dt.datetime(2026, 11, 25, 17, 0, tzinfo=dt.UTC)
"""Noon of a Wednesday in New York."""

CLINIC = {
    "name": "Fictional Clinic",
    "time_zone": "America/New_York",
    "low_reservoir_alarm_volume": "2 mL",
    "reminder_days_before": ["14", "3"],
    "reminder_time": "09:00",
    "closed_weekdays": [],
    "closed_dates": [],
    "reminder_email": "refills@clinic.example",
}
ZICONOTIDE = {
    "fill_date": "2026-11-25",
    "fill_volume": "20 mL",
    "fill_kind": "undiluted",
    "components": [{"drug": "ziconotide", "concentration": "25 mcg/mL"}],
    "daily_dose": "19.2 mcg/day",
}
"""Lasts 23 days, bound by volume: due on 2026-12-18, reminders on 12-04, 12-15 and 12-18 at 09:00 (14:00 UTC)."""
MORPHINE = {
    "fill_date": "2026-11-25",
    "fill_volume": "20 mL",
    "components": [{"drug": "morphine", "concentration": "20 mg/mL"}],
    "daily_dose": "10 mg/day",
}

FLOW_RATE = {"drug": "morphine", "daily_dose": "10 mg/day", "concentration": "20 mg/mL"}


def at(text: str) -> dt.datetime:
    """An instant from its RFC 3339 text."""
    return dt.datetime.fromisoformat(text)


def until(true: Callable[[], Any], seconds: float = 15) -> Any:
    """The first true answer of a question that is asked again and again, with a deadline."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if answer := true():
            return answer
        time.sleep(0.02)
    raise AssertionError(f"not within {seconds} s")


@dataclass
class Recorder:
    """A channel that keeps what it is given, and fails when it is told to."""

    sent: list[tuple[str, EmailMessage]] = field(default_factory=list)
    failing: bool = False
    before: Callable[[], object] = lambda: None
    told: list[tuple[Notice, Address]] = field(default_factory=list)

    def send(self, notice: Notice, to: Address) -> str:
        self.before()
        if self.failing:
            raise ConnectionRefusedError("no server")
        self.told.append((notice, to))
        self.sent.append((notice.idem, email(notice, "pumpcalc@pumpcalc.invalid", to.address)))
        return "kept"


CHANNELS: dict[str, Channel] = {"email": Recorder(), "webhook": WebhookChannel(resolve=lambda *_: ["93.184.216.34"])}
"""What a service that is set up for nothing more sends by."""


@dataclass
class House:
    """One fictional clinic, patient and pump in a store."""

    store: Store
    clinic: str
    patient: str
    pump: str

    def record(self, body: dict[str, Any] = ZICONOTIDE, now: dt.datetime = NOON, pump: str | None = None) -> str:
        return refills.record_refill(self.store, self.clinic, pump or self.pump, body, now)

    def person(self, after: str = "0", role: str = "nurse", **contact: Any) -> tuple[str, str]:
        """A person who is told so many minutes after nobody answered: their id, and that of their contact."""
        name = people.add_person(self.store, self.clinic, {"name": "Fictional Person", "role": role}, NOON)["id"]
        body = {
            "person_id": name,
            "channel": "email",
            "address": f"told-{after}@clinic.example",
            "after_minutes": after,
        }
        row, _secret = people.add_contact(self.store, self.clinic, body | contact, NOON, CHANNELS)
        return str(name), str(row["id"])

    def respond(self, person: str, now: dt.datetime, kind: str = "acknowledged", **more: Any) -> str:
        return responses.respond(self.store, self.clinic, self.pump, {"person_id": person, "kind": kind, **more}, now)

    def plan(self, pump: str | None = None) -> dict[str, Any]:
        """What a pump waits for."""
        with self.store.reading() as connection:
            found = house_queries.pump_by_id(connection, self.clinic, pump or self.pump)
            assert found is not None
            row = plans.plan_by_id(connection, self.clinic, found["plan_id"])
            assert row is not None
            return dict(row)

    def another_pump(self) -> str:
        body = {"patient_id": self.patient, "model": "synchromed-ii-20"}
        return str(house.add_pump(self.store, self.clinic, body, NOON)["id"])

    def sweep(self, channel: Channel, now: dt.datetime, lease_seconds: float = 120) -> Any:
        return sweep(
            self.store,
            dict.fromkeys(("email", "webhook"), channel),
            lambda: now,
            public_url="http://127.0.0.1:8000",
            lease=dt.timedelta(seconds=lease_seconds),
        )

    def rows(self, table: str, columns: str = "*") -> list[tuple[Any, ...]]:
        with self.store.reading() as connection:
            found = connection.exec_driver_sql(f"SELECT {columns} FROM {table} ORDER BY 1, 2, 3").all()
        return [tuple(row) for row in found]

    def everything(self) -> dict[str, list[tuple[Any, ...]]]:
        tables = ("clinic", "patient", "pump", "calculation", "refill", "plan", "reminder", "delivery")
        return {table: self.rows(table) for table in tables}


def fictional(store: Store, **settings: Any) -> House:
    """A fictional clinic with one pump."""
    clinic = house.add_clinic(store, CLINIC | settings, NOON)["id"]
    patient = house.add_patient(store, clinic, {}, NOON)["id"]
    body = {"patient_id": patient, "model": "synchromed-ii-20"}
    return House(store, clinic, patient, house.add_pump(store, clinic, body, NOON)["id"])


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextlib.contextmanager
def serving(settings: Settings, port: int | None = None) -> Iterator[httpx.Client]:
    """The application behind a real server on a free port, or on this one."""
    port = port or free_port()
    server = wire.server(create_app(settings), settings, port)
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        until(lambda: server.started)
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=10) as client:
            yield client
    finally:
        server.should_exit = True
        thread.join()


def is_problem(answer: httpx.Response, status: int, code: str) -> dict[str, Any]:
    """The problem document, if it is one of this status and code."""
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    document: dict[str, Any] = answer.json()
    assert document["type"] == f"https://pumpcalc.invalid/problems/{code}"
    assert document["status"] == status
    assert document["title"]
    assert document["detail"]
    assert re.fullmatch(r"urn:uuid:[0-9a-f-]{36}", document["instance"])
    assert 1 <= len(document["errors"]) <= 20
    assert all(error["code"] and error["detail"] for error in document["errors"])
    return document
