"""A clinic of the running service, and a window of the browser that keeps what it asked for and complained of."""

from __future__ import annotations

import datetime as dt
import email
from dataclasses import dataclass, field
from email.policy import default
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import httpx
from api_fiction import CLINIC, ZICONOTIDE, until
from playwright.sync_api import Page

_LASTS = 23
"""Days from the fill of the fictional pump to its last safe day."""


@dataclass
class Clinic:
    """A clinic of the running service, with two people."""

    client: httpx.Client
    mail: Path
    id: str
    patient: str
    nurse: str
    scheduler: str

    @property
    def url(self) -> str:
        """Where its pages are."""
        return f"{str(self.client.base_url).rstrip('/')}/clinics/{self.id}"

    @property
    def today(self) -> dt.date:
        return dt.datetime.now(ZoneInfo(CLINIC["time_zone"])).date()

    def post(self, what: str, body: dict[str, Any]) -> dict[str, Any]:
        answer = self.client.post(f"/v1/clinics/{self.id}/{what}", json=body)
        assert answer.status_code == 201, answer.text
        return answer.json()

    def pump(self, reference: str, days_left: int | None) -> str:
        """A pump with so many days to its last safe day; with None nothing was ever filled."""
        body = {"patient_id": self.patient, "model": "synchromed-ii-20", "reference": reference}
        made = str(self.post("pumps", body)["id"])
        if days_left is not None:
            self.fill(made, days_left)
        return made

    def fill(self, pump: str, days_left: int) -> None:
        filled = self.today - dt.timedelta(days=_LASTS - days_left)
        self.post(f"pumps/{pump}/refills", ZICONOTIDE | {"fill_date": str(filled)})

    def schedule(self, pump: str) -> dict[str, Any]:
        return self.client.get(f"/v1/clinics/{self.id}/pumps/{pump}/schedule").json()

    def answers(self, pump: str) -> list[dict[str, Any]]:
        return self.schedule(pump)["responses"]

    def mailed_link(self, reference: str) -> str:
        """The link of the reminder of a pump, from the mail that the service wrote."""

        def find() -> str | None:
            for path in self.mail.glob("*.eml"):
                made = email.message_from_bytes(path.read_bytes(), policy=default)
                if f"pump {reference}," in made["Subject"]:
                    return made.get_content().partition("See ")[2].split()[0]
            return None

        return str(until(find))


@dataclass
class Window:
    """A page of the browser, with everything that it asked for and complained of."""

    page: Page
    asked: list[str] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.page.on("request", lambda request: self.asked.append(request.url))
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on(
            "console",
            lambda said: self.complaints.append(said.text) if said.type in ("error", "warning") else None,
        )
