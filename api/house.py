"""Clinics, patients and pumps: taken in, kept, shown."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from typing import Any, TypeVar
from zoneinfo import ZoneInfo

import sqlalchemy as sa
from pydantic import ValidationError

from api import plans
from api.closures import closed_dates
from api.models import ClinicRequest, ClinicSettings, Closure, PatientRequest, PumpRequest
from api.problems import NotFound
from api.store import Store, new_id
from api.store.ids import new_reference
from api.store.queries import engine, house
from api.store.tables import patient, pump
from api.store.types import Row
from pumpcalc import library
from pumpcalc.errors import Refusal, refused
from pumpcalc.worksheet.fields import Request, refusal_of, written_request

__all__ = [
    "add_clinic",
    "add_patient",
    "add_pump",
    "change_settings",
    "clinic",
    "closures",
    "pump_of",
    "today",
    "understood",
]

_OF_REMINDERS = frozenset({"reminder_days_before", "reminder_time"})
_OF_PLANS = _OF_REMINDERS | {
    "low_reservoir_alarm_volume",
    "closed_weekdays",
    "closed_dates",
    "public_holidays",
    "accuracy_caps_interval",
    "beyond_use_caps_interval",
    "compounding_lead_days",
    "controlled_drug_lead_days",
    "controlled_drugs",
    "booking_window_days",
}
"""Settings on which a plan, or only the hours of its reminders, rests."""

_RequestT = TypeVar("_RequestT", bound=Request)


def understood(model: type[_RequestT], body: Any) -> _RequestT:
    """A request's fields, read strictly. Raises Refusal with a pointer to every field that is wrong."""
    if not isinstance(body, Mapping):
        raise refused("wrong-type", "The body is an object with fields.")
    try:
        return model.model_validate(body)
    except ValidationError as fault:
        raise refusal_of(model, fault) from None


def _settings(request: ClinicSettings) -> dict[str, Any]:
    """The settings as they are kept: in their written form. A null takes a setting back."""
    names = set(ClinicSettings.model_fields) & request.model_fields_set
    return {name: _kept(getattr(request, name)) for name in names}


def _kept(value: Any) -> Any:
    return None if value is None else written_request(value)


def add_clinic(store: Store, body: Any, now: dt.datetime) -> sa.RowMapping:
    """A new clinic."""
    request = understood(ClinicRequest, body)
    clinic_id = new_id("clinic")
    values = {"id": clinic_id, "name": request.name, "time_zone": str(request.time_zone), "created_at": now}
    with store.writing() as connection:
        house.add_clinic(connection, values | _settings(request))
        made = clinic(connection, clinic_id)
        _must_be_known(made, now)
        return made


def _must_be_known(row: Row, now: dt.datetime) -> None:
    """Raises Refusal, at once and not at the first refill, for a place whose holidays of this year are not known."""
    try:
        closures(row, today(row, now))
    except Refusal as refusal:
        pointed = [problem.model_copy(update={"pointer": "/public_holidays"}) for problem in refusal.problems]
        raise Refusal(pointed) from None


def change_settings(store: Store, clinic_id: str, body: Any, now: dt.datetime) -> sa.RowMapping:
    """Settings of a clinic, changed.

    What its pumps wait for rests on them: every plan is marked, in the same transaction, to be worked out again.
    """
    request = understood(ClinicSettings, body)
    with store.writing() as connection:
        before = clinic(connection, clinic_id, lock=True)
        changed = {name: value for name, value in _settings(request).items() if value != before[name]}
        if changed:
            house.change_clinic(connection, clinic_id, changed)
        if _OF_PLANS & set(changed):
            why = "reminders" if _OF_REMINDERS & set(changed) else "settings"
            engine.mark_stale(connection, now, why, clinic_id)
        made = clinic(connection, clinic_id)
        if "public_holidays" in changed:
            _must_be_known(made, now)
        return made


def clinic(connection: sa.Connection, clinic_id: str, *, lock: bool = False) -> sa.RowMapping:
    """One clinic; locked when the transaction decides something about it. Raises NotFound."""
    found = house.clinic_by_id(connection, clinic_id, lock=lock)
    if found is None:
        raise NotFound("clinic")
    return found


def closures(row: Row, start: dt.date) -> list[Closure]:
    """The days of the year from ``start`` on which a clinic is closed: public holidays and its own.

    Raises Refusal for a place whose public holidays are not known for that year.
    """
    stated = [dt.date.fromisoformat(day) for day in row["closed_dates"] or ()]
    found = closed_dates(
        public_holidays=row["public_holidays"], stated=stated, start=start, end=start + dt.timedelta(days=365)
    )
    return [Closure(date=day, why=why) for day, why in found.items()]


def today(row: Row, now: dt.datetime) -> dt.date:
    """The day at a clinic."""
    return now.astimezone(ZoneInfo(row["time_zone"])).date()


def pump_of(connection: sa.Connection, clinic_id: str, pump_id: str, *, lock: bool = False) -> sa.RowMapping:
    """One pump of a clinic; locked when the transaction decides something about it. Raises NotFound."""
    found = house.pump_by_id(connection, clinic_id, pump_id, lock=lock)
    if found is None:
        raise NotFound("pump")
    return found


def _reference(connection: sa.Connection, table: sa.Table, clinic_id: str, wanted: str | None) -> str:
    """The reference that was asked for, or a new one. Raises Refusal when it is taken."""
    if wanted is None:
        wanted = new_reference()
        while house.reference_is_taken(connection, table, clinic_id, wanted):
            wanted = new_reference()
    elif house.reference_is_taken(connection, table, clinic_id, wanted):
        raise refused(
            "reference-taken",
            f"Another {table.name} of this clinic has this reference: choose another.",
            "/reference",
        )
    return wanted


def add_patient(store: Store, clinic_id: str, body: Any, now: dt.datetime) -> sa.RowMapping:
    """A new patient of a clinic."""
    request = understood(PatientRequest, body)
    with store.writing() as connection:
        clinic(connection, clinic_id, lock=True)
        reference = _reference(connection, patient, clinic_id, request.reference)
        patient_id = new_id("patient")
        house.add_patient(
            connection, {"clinic_id": clinic_id, "id": patient_id, "reference": reference, "created_at": now}
        )
        found = house.patient_by_id(connection, clinic_id, patient_id)
        assert found is not None
        return found


def add_pump(store: Store, clinic_id: str, body: Any, now: dt.datetime) -> sa.RowMapping:
    """A new pump, of a patient of the same clinic and a model of the drug library."""
    request = understood(PumpRequest, body)
    try:
        library.load().pump(request.model)
    except Refusal as refusal:
        raise Refusal(problem.model_copy(update={"pointer": "/model"}) for problem in refusal.problems) from None
    with store.writing() as connection:
        of_clinic = clinic(connection, clinic_id, lock=True)
        if house.patient_by_id(connection, clinic_id, request.patient_id) is None:
            raise refused("unknown-patient", "There is no such patient in this clinic.", "/patient_id")
        reference = _reference(connection, pump, clinic_id, request.reference)
        pump_id = new_id("pump")
        row = {
            "clinic_id": clinic_id,
            "id": pump_id,
            "patient_id": request.patient_id,
            "reference": reference,
            "model": request.model,
            "implanted_on": request.implanted_on,
            "state": "active",
            "plan_id": new_id("plan"),
            "created_at": now,
        }
        house.add_pump(connection, row)
        plans.open_first(connection, of_clinic, row, now)
        return pump_of(connection, clinic_id, pump_id)
