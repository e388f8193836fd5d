"""The scheduler's list as a file for a spreadsheet."""

from __future__ import annotations

import csv
import datetime as dt
import io
from pathlib import Path

import pytest
from hostile_service import Service, refill

from api import due, house, refills
from api.store import migrate, open_store
from api.store.queries import plans

pytestmark = pytest.mark.xdist_group("hostile")

NOON = dt.datetime(2026, 11, 25, 17, 0, tzinfo=dt.UTC)


def _lines(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text, newline="")))


def test_the_list_names_each_pump_its_last_day_and_what_decided_it(running: Service) -> None:
    at = f"/v1/clinics/{running.clinic}"
    assert running.post(running.refills, refill()).status == 201
    bare = {"patient_id": running.patient, "model": "synchromed-ii-40"}
    assert running.post(f"{at}/pumps", bare).status == 201
    answer = running.get(f"{at}/due.csv")
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    assert answer.headers["content-disposition"] == 'attachment; filename="due.csv"'
    assert answer.headers["x-content-type-options"] == "nosniff"
    schedule = running.get(f"{at}/pumps/{running.pump}/schedule").json()
    (line,) = _lines(answer.body.decode())  # the pump without a refill is not due
    assert tuple(line) == due.COLUMNS
    assert line["reference"] == schedule["pump"]["reference"]
    assert (line["refill_by"], line["binding"]) == (schedule["refill"]["refill_by"], schedule["refill"]["binding"])
    assert line["reminders_sent"] == "0"
    assert running.get("/v1/clinics/clinic-none/due.csv").status == 404


def test_days_are_the_clinics_days_and_an_overdue_pump_comes_first_in_words(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/pumpcalc.db"
    migrate(url)
    store = open_store(url)
    settings = {
        "name": "Fictional Clinic", "time_zone": "America/New_York", "low_reservoir_alarm_volume": "2 mL",
        "reminder_days_before": [], "reminder_time": "09:00", "closed_weekdays": [], "closed_dates": [],
        "reminder_email": "refills@clinic.example",
    }  # fmt: skip
    clinic = house.add_clinic(store, settings, NOON)["id"]
    patient = house.add_patient(store, clinic, {}, NOON)["id"]
    for reference, day in (("LATE7", "2026-10-26"), ("SOON7", "2026-11-25")):
        body = {"patient_id": patient, "model": "synchromed-ii-20", "reference": reference}
        pump = house.add_pump(store, clinic, body, NOON)["id"]
        refills.record_refill(store, clinic, pump, refill(fill_date=day, daily_dose="19.2 mcg/day"), NOON)
    with store.reading() as connection:
        rows = plans.due_list(connection, clinic)
        assert plans.due_list(connection, "clinic-none") == []
    store.close()
    # 20 mL of 25 mcg/mL at 19.2 mcg/day last 23 days above the alarm: until 18 November and 18 December.
    late, soon = _lines(due.table(rows, "America/New_York", NOON))
    assert (late["reference"], late["refill_by"], late["days_left"]) == ("LATE7", "2026-11-18", "overdue by 7")
    assert (soon["reference"], soon["refill_by"], soon["days_left"]) == ("SOON7", "2026-12-18", "23")
    # At 02:00 UTC of the 26th it is still the 25th in New York.
    assert _lines(due.table(rows, "America/New_York", NOON + dt.timedelta(hours=9)))[1]["days_left"] == "23"
    assert _lines(due.table(rows, "Asia/Tokyo", NOON))[1]["days_left"] == "22"
