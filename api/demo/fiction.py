"""A clearly fictional clinic with twelve pumps, reckoned from today, so that something is always due.

Doses and solutions are made up within the limits of the drug library. No patient, clinic or plan is real.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Any
from zoneinfo import ZoneInfo

from api import house, people, refills
from api.reminders import MailFolderChannel, sweep
from api.store import Store
from api.store.queries import plans
from pumpcalc import calculate

__all__ = ["SENDER", "ZONE", "Plan", "load", "play_until"]

ZONE = "America/New_York"
SENDER = "pumpcalc@demo.invalid"
_NAME = "Fictional Demonstration Clinic (no real clinic, no real patients)"
_CLOSED_WEEKDAYS = ["saturday", "sunday"]
_ALARM = "2 mL"


@dataclass(frozen=True)
class Plan:
    """One made-up pump: what is in it, and how many days it should have left today."""

    reference: str
    model: str
    drug: str
    concentration: str
    daily_dose: str
    fill_volume: str
    days_left: int
    fill_kind: str | None = None

    def refill(self, fill_date: dt.date) -> dict[str, Any]:
        """The refill as a request."""
        request: dict[str, Any] = {
            "fill_date": fill_date.isoformat(),
            "fill_volume": self.fill_volume,
            "components": [{"drug": self.drug, "concentration": self.concentration}],
            "daily_dose": self.daily_dose,
        }
        return request | ({"fill_kind": self.fill_kind} if self.fill_kind else {})

    def fill_date(self, today: dt.date) -> dt.date:
        """The day on which it was filled, if it has ``days_left`` today, and never after today."""
        asked = self.refill(today) | {"pump": self.model, "low_reservoir_alarm_volume": _ALARM}
        lasts = min(limit["days"] for limit in calculate("refill-schedule", asked).answers["limits"])
        return min(today, today + dt.timedelta(days=self.days_left - lasts))


PLANS = (
    Plan("P-01", "synchromed-ii-20", "morphine", "20 mg/mL", "8 mg/day", "20 mL", -1),
    Plan("P-02", "synchromed-ii-20", "ziconotide", "25 mcg/mL", "19.2 mcg/day", "20 mL", 2, "undiluted"),
    Plan("P-03", "synchromed-ii-20", "ziconotide", "25 mcg/mL", "2.4 mcg/day", "14 mL", 6, "naive"),
    Plan("P-04", "synchromed-ii-40", "morphine", "25 mg/mL", "12 mg/day", "40 mL", 13),
    Plan("P-05", "prometra-ii-20", "morphine", "10 mg/mL", "2.5 mg/day", "20 mL", -4),
    Plan("P-06", "synchromed-ii-40", "ziconotide", "20 mcg/mL", "9.6 mcg/day", "40 mL", 0, "diluted"),
    Plan("P-07", "synchromed-ii-40", "ziconotide", "100 mcg/mL", "14.4 mcg/day", "40 mL", 30, "undiluted"),
    Plan("P-08", "prometra-ii-40", "morphine", "25 mg/mL", "6 mg/day", "40 mL", 52),
    Plan("P-09", "synchromed-ii-20", "morphine", "10 mg/mL", "1.5 mg/day", "18 mL", 20),
    Plan("P-10", "synchromed-ii-20", "ziconotide", "100 mcg/mL", "12 mcg/day", "20 mL", 3, "undiluted"),
    Plan("P-11", "synchromed-ii-40", "morphine", "10 mg/mL", "4 mg/day", "40 mL", 90),
    Plan("P-12", "prometra-ii-20", "morphine", "25 mg/mL", "5 mg/day", "20 mL", 41),
)


def load(store: Store, now: dt.datetime) -> str:
    """The clinic, its pumps, and one recorded fill of each. The id of the clinic."""
    today = now.astimezone(ZoneInfo(ZONE)).date()
    fills = {plan: plan.fill_date(today) for plan in PLANS}
    opened = _morning(min(fills.values()), now)
    clinic_id = str(house.add_clinic(store, _clinic(today), opened)["id"])
    for role in ("scheduler", "nurse"):  # they have no address of their own: they answer on the pages
        people.add_person(store, clinic_id, {"name": f"Fictional {role.title()}", "role": role}, opened)
    for number, plan in enumerate(PLANS, start=1):
        patient = house.add_patient(store, clinic_id, {"reference": f"DEMO-{number:02}"}, opened)["id"]
        body = {"patient_id": patient, "model": plan.model, "reference": plan.reference}
        pump = house.add_pump(store, clinic_id, body, opened)["id"]
        refills.record_refill(store, clinic_id, pump, plan.refill(fills[plan]), _morning(fills[plan], now))
    return clinic_id


def _clinic(today: dt.date) -> dict[str, Any]:
    return {
        "name": _NAME,
        "time_zone": ZONE,
        "low_reservoir_alarm_volume": _ALARM,
        "reminder_days_before": ["14", "7", "3"],
        "reminder_time": "09:00",
        "closed_weekdays": _CLOSED_WEEKDAYS,
        "closed_dates": [],
        "reminder_email": "refills@demo.invalid",
        "public_holidays": "US",
        "compounding_lead_days": "2",
        "booking_window_days": "7",
        "snooze_minutes_at_most": "240",
    }


def _morning(day: dt.date, now: dt.datetime) -> dt.datetime:
    """Half past ten of that day at the clinic, or now when that has not come yet."""
    return min(now, dt.datetime.combine(day, dt.time(10, 30), ZoneInfo(ZONE)).astimezone(dt.UTC))


def play_until(store: Store, clinic_id: str, channel: MailFolderChannel, end: dt.datetime, public_url: str) -> None:
    """Let the reminders until ``end`` go out, each at its own time, as they did while the service was running."""
    while True:
        with store.reading() as connection:
            when = plans.next_due(connection, clinic_id)
        if when is None or when > end:
            return
        sweep(
            store,
            {"email": channel},
            lambda when=when: when,  # type: ignore[misc]
            public_url=public_url,
            lease=dt.timedelta(seconds=120),
        )
