"""Clinics, patients, pumps, refills and reminders over HTTP. The clinic is named in the path, for now."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Annotated, Any

import sqlalchemy as sa
from fastapi import APIRouter, Depends, Query, Request, Response
from pydantic import BeforeValidator

from api import clock, due, house, models, refills, views
from api.body import JsonBody
from api.engine import replan_stale
from api.once import Once
from api.openapi import takes
from api.problems import NotReady, documented
from api.store import Store
from api.store.queries import house as house_queries
from api.store.queries import plans, records
from api.store.types import written_instant

__all__ = ["REQUESTS", "AfterId", "ByTheClock", "Limit", "StoreOf", "next_page", "router"]

REQUESTS = (models.ClinicRequest, models.ClinicSettings, models.PatientRequest, models.PumpRequest)
_READS = documented(404, 422, 431, 503)
_TAKES = documented(400, 404, 408, 413, 415, 422, 431, 503)


def _store(request: Request) -> Store:
    store: Store = request.app.state.store
    return store


StoreOf = Annotated[Store, Depends(_store)]


def _clock_is_believed(request: Request) -> None:
    """Raises NotReady while the clock is not believed: days that are counted from it would be wrong."""
    if not request.app.state.engine.verdict.may_schedule:
        raise NotReady(["clock"])


ByTheClock = Depends(_clock_is_believed)
"""Of a route whose answer rests on what day it is."""


def _after(place: str) -> Any:
    """A parameter that names the end of the page before. What was not given as a ``next`` is refused."""
    return Query(pattern=f"^(?:{place})?$", max_length=100, description="The ``next`` of the page before.")


def _whole_number(written: str) -> int:
    if re.fullmatch(r"-?(?:0|[1-9][0-9]{0,29})", written, re.ASCII) is None:
        raise ValueError("write a whole number")
    return int(written)


_INSTANT = r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{6}Z"
AfterId = Annotated[str, _after(r"[a-z]{4,11}-[0-9a-f]{24}")]
AfterInstant = Annotated[str, _after(_INSTANT + r"~[a-z]{6,8}-[0-9a-f]{24}")]
Limit = Annotated[int, BeforeValidator(_whole_number), Query(ge=1, le=500, description="Longest page.")]

router = APIRouter(prefix="/v1/clinics", tags=["clinics"])


def next_page(rows: Sequence[sa.RowMapping], limit: int, *columns: str) -> str | None:
    """Where the next page begins: the place of the last row, when the page is full."""
    if len(rows) < limit:
        return None
    place = [rows[-1][column] for column in columns]
    return "~".join(part if isinstance(part, str) else written_instant(part) for part in place)


def _place(after: str) -> tuple[str, str]:
    when, _, name = after.partition("~")
    return when, name


@router.post(
    "",
    status_code=201,
    responses=documented(400, 408, 413, 415, 422, 431, 503),
    openapi_extra=takes(models.ClinicRequest),
)
def add_clinic(store: StoreOf, body: JsonBody, once: Once) -> models.Clinic:
    """A new clinic."""
    return once.run(store, lambda within: views.clinic(house.add_clinic(within, body, clock.now())))


@router.get("", responses=documented(422, 431, 503))
def clinics(store: StoreOf, after: AfterId = "", limit: Limit = 100) -> models.Listing[models.Clinic]:
    """Clinics, by id."""
    with store.reading() as connection:
        rows = house_queries.clinics_after(connection, after, limit)
    return models.Listing(items=[views.clinic(row) for row in rows], next=next_page(rows, limit, "id"))


@router.get("/{clinic}", responses=_READS)
def clinic(store: StoreOf, clinic: str) -> models.Clinic:
    """One clinic with its settings."""
    with store.reading() as connection:
        return views.clinic(house.clinic(connection, clinic))


@router.patch("/{clinic}", responses=_TAKES, openapi_extra=takes(models.ClinicSettings))
def change_settings(store: StoreOf, clinic: str, body: JsonBody) -> models.Clinic:
    """Change settings of a clinic. Every plan that rests on them is worked out again: at once, and surely."""
    changed = house.change_settings(store, clinic, body, clock.now())
    replan_stale(store, clock.now, clinic=clinic)
    return views.clinic(changed)


@router.post("/{clinic}/patients", status_code=201, responses=_TAKES, openapi_extra=takes(models.PatientRequest))
def add_patient(store: StoreOf, clinic: str, body: JsonBody, once: Once) -> models.Patient:
    """A new patient: an opaque reference and nothing about the person."""
    return once.run(store, lambda within: views.patient(house.add_patient(within, clinic, body, clock.now())))


@router.get("/{clinic}/patients", responses=_READS)
def patients(store: StoreOf, clinic: str, after: AfterId = "", limit: Limit = 100) -> models.Listing[models.Patient]:
    """Patients of a clinic, by id."""
    with store.reading() as connection:
        house.clinic(connection, clinic)
        rows = house_queries.patients_after(connection, clinic, after, limit)
    return models.Listing(items=[views.patient(row) for row in rows], next=next_page(rows, limit, "id"))


@router.post("/{clinic}/pumps", status_code=201, responses=_TAKES, openapi_extra=takes(models.PumpRequest))
def add_pump(store: StoreOf, clinic: str, body: JsonBody, once: Once) -> models.Pump:
    """A new pump of a patient of this clinic. Until a refill is recorded, it waits with an alert and without a date."""
    return once.run(store, lambda within: views.pump(house.add_pump(within, clinic, body, clock.now())))


@router.get("/{clinic}/pumps", responses=_READS)
def pumps(store: StoreOf, clinic: str, after: AfterId = "", limit: Limit = 100) -> models.Listing[models.Pump]:
    """Pumps of a clinic, by id."""
    with store.reading() as connection:
        house.clinic(connection, clinic)
        rows = house_queries.pumps_after(connection, clinic, after, limit)
    return models.Listing(items=[views.pump(row) for row in rows], next=next_page(rows, limit, "id"))


@router.post(
    "/{clinic}/pumps/{pump}/refills",
    status_code=201,
    responses=_TAKES,
    openapi_extra=takes(refills.refill_request()),
    dependencies=[ByTheClock],
)
def record_refill(store: StoreOf, clinic: str, pump: str, body: JsonBody, once: Once) -> models.RecordedRefill:
    """A refill that was done: its calculation, its last safe day and its reminders, all recorded or none."""

    def work(within: Store) -> models.RecordedRefill:
        refill_id = refills.record_refill(within, clinic, pump, body, clock.now())
        with within.reading() as connection:
            return views.recorded(connection, clinic, refill_id)

    return once.run(store, work)


@router.get("/{clinic}/pumps/{pump}/refills", responses=_READS)
def refills_of_pump(
    store: StoreOf, clinic: str, pump: str, after: AfterInstant = "", limit: Limit = 100
) -> models.Listing[models.RefillView]:
    """Refills of a pump, in the order in which they were recorded."""
    with store.reading() as connection:
        house.pump_of(connection, clinic, pump)
        rows = records.refills_after(connection, clinic, pump, _place(after), limit)
    return models.Listing(items=[views.refill(row) for row in rows], next=next_page(rows, limit, "recorded_at", "id"))


@router.get("/{clinic}/pumps/{pump}/schedule", responses=_READS)
def schedule(store: StoreOf, clinic: str, pump: str) -> models.Schedule:
    """The open refill of a pump: its last safe day, the calculation behind it, and its reminders."""
    with store.reading() as connection:
        return views.schedule(connection, clinic, house.pump_of(connection, clinic, pump))


@router.get("/{clinic}/reminders", responses=_READS)
def reminders(
    store: StoreOf, clinic: str, after: AfterInstant = "", limit: Limit = 100
) -> models.Listing[models.ReminderView]:
    """Reminders of a clinic, soonest first, with what became of each copy."""
    with store.reading() as connection:
        house.clinic(connection, clinic)
        rows = plans.reminders_after(connection, clinic, _place(after), limit)
        shown = views.reminders(connection, clinic, rows)
    return models.Listing(items=shown, next=next_page(rows, limit, "due_at", "id"))


@router.get("/{clinic}/closures", responses=_READS)
def closed_days(store: StoreOf, clinic: str) -> models.Closures:
    """The days of the coming year on which the clinic is closed, each with its reason."""
    with store.reading() as connection:
        found = house.clinic(connection, clinic)
    return models.Closures(closures=house.closures(found, house.today(found, clock.now())))


@router.get(
    "/{clinic}/due.csv",
    response_class=due.CsvResponse,
    responses={200: {"description": "One line for each pump, the soonest first.", **due.CONTENT}, **_READS},
)
def due_list(store: StoreOf, clinic: str) -> Response:
    """The scheduler's list: which pump is refilled by which day, and which reminders have gone out."""
    with store.reading() as connection:
        found = house.clinic(connection, clinic)
        rows = plans.due_list(connection, clinic)
    return due.CsvResponse(due.table(rows, found["time_zone"], clock.now()))
