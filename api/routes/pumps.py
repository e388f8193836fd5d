"""What happens to a pump, what its reservoir holds, what it has waited for, and what used a figure of the library."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Query

from api import clock, house, ledger, models, views
from api.body import JsonBody
from api.openapi import takes
from api.problems import documented
from api.routes.clinics import AfterId, Limit, StoreOf, next_page
from api.store.queries import events, plans, records
from pumpcalc.worksheet import Calculation
from pumpcalc.worksheet.fields import Request

__all__ = ["requests", "router"]

_READS = documented(404, 422, 431, 503)
_TAKES = documented(400, 404, 408, 413, 415, 422, 431, 503)

AfterNumber = Annotated[
    str,
    Query(pattern="^(?:[1-9][0-9]{0,8})?$", max_length=9, description="The ``next`` of the page before."),
]
FactName = Annotated[
    str,
    Path(pattern=r"^[a-z0-9][a-z0-9_-]{0,99}(?:\.[a-z0-9_-]{1,99}){1,9}$", examples=["synchromed-ii-20.flow_accuracy"]),
]

router = APIRouter(prefix="/v1/clinics/{clinic}", tags=["pumps"])


def requests() -> tuple[type[Request], ...]:
    """The bodies that these routes take."""
    return (ledger.event_request(), ledger.ExplantRequest)


@router.post("/pumps/{pump}/events", status_code=201, responses=_TAKES, openapi_extra=takes(ledger.event_request()))
def record_event(store: StoreOf, clinic: str, pump: str, body: JsonBody) -> models.RecordedEvent:
    """Something that happened to a pump, and what it waits for since: both recorded, or neither.

    What happened before something that is recorded already is taken in its place in time, and what follows is worked
    out again. Nothing is changed or erased: a ``reversal`` takes an event back. A fill is recorded as a refill.
    """
    event_id = ledger.record_event(store, clinic, pump, body, clock.now())
    with store.reading() as connection:
        return views.happened(connection, house.pump_of(connection, clinic, pump), event_id)


@router.get("/pumps/{pump}/events", responses=_READS)
def events_of_pump(
    store: StoreOf, clinic: str, pump: str, after: AfterNumber = "", limit: Limit = 100
) -> models.Listing[models.EventView]:
    """The ledger of a pump, in the order in which it was written."""
    with store.reading() as connection:
        house.pump_of(connection, clinic, pump)
        rows = events.events_after(connection, clinic, pump, int(after or 0), limit)
    following = str(rows[-1]["position"]) if len(rows) == limit else None
    return models.Listing(items=[views.event(row) for row in rows], next=following)


@router.get("/pumps/{pump}/reservoir", responses=_READS)
def reservoir(store: StoreOf, clinic: str, pump: str) -> Calculation:
    """What the reservoir of a pump holds and does now, by its ledger."""
    with store.reading() as connection:
        found = house.clinic(connection, clinic)
        return ledger.reservoir_now(connection, found, house.pump_of(connection, clinic, pump), clock.now())


@router.get("/pumps/{pump}/plans", responses=_READS)
def plans_of_pump(
    store: StoreOf, clinic: str, pump: str, after: AfterNumber = "", limit: Limit = 100
) -> models.Listing[models.PlanView]:
    """Everything that a pump has waited for, the oldest first; the open plan is the last, if there is one."""
    with store.reading() as connection:
        house.pump_of(connection, clinic, pump)
        rows = plans.plans_after(connection, clinic, pump, int(after or 0), limit)
    following = str(rows[-1]["revision"]) if len(rows) == limit else None
    return models.Listing(items=[views.plan(row) for row in rows], next=following)


@router.post("/pumps/{pump}/explant", responses=_TAKES, openapi_extra=takes(ledger.ExplantRequest))
def explant(store: StoreOf, clinic: str, pump: str, body: JsonBody) -> models.Pump:
    """A pump was taken out: it waits for nothing more, and nothing more is recorded of it."""
    ledger.explant(store, clinic, pump, body, clock.now())
    with store.reading() as connection:
        return views.pump(house.pump_of(connection, clinic, pump))


@router.get("/facts/{fact}/uses", responses=_READS)
def uses_of_fact(
    store: StoreOf, clinic: str, fact: FactName, after: AfterId = "", limit: Limit = 100
) -> models.Listing[models.FactUse]:
    """The calculations of a clinic that used a figure of the library, by id, each with the open plan that rests on it.

    It is what is asked when a figure turns out to be wrong: which results used it, and which pumps still wait by it.
    """
    with store.reading() as connection:
        house.clinic(connection, clinic)
        rows = records.calculations_that_used(connection, clinic, fact, after, limit)
    return models.Listing(items=[views.fact_use(row) for row in rows], next=next_page(rows, limit, "id"))
