"""What is read by machines outside: a private calendar, and the figures of the engine."""

from __future__ import annotations

import datetime as dt

from fastapi import APIRouter, Request, Response

from api import clock, people
from api.calendar_feed import Entry, calendar
from api.problems import NotFound, documented
from api.routes.clinics import StoreOf
from api.store.queries import engine, house, outbox, plans
from api.store.queries import people as people_queries

__all__ = ["router"]

_A_DAY = dt.timedelta(days=1)

router = APIRouter(tags=["outside"])


@router.get(
    "/feeds/{token}.ics",
    response_class=Response,
    responses={
        200: {"description": "An iCalendar: one day for each pump.", "content": {"text/calendar": {}}},
        **documented(404, 422, 431, 503),
    },
)
def feed(request: Request, store: StoreOf, token: str) -> Response:
    """The last safe days of a clinic as a calendar. A view, not an alarm; whoever has the address sees it."""
    with store.reading() as connection:
        found = people_queries.feed_of_token(connection, people.token_sha256(token))
        if found is None:
            raise NotFound("calendar")
        of_clinic = house.clinic_by_id(connection, found["clinic_id"])
        rows = plans.calendar_rows(connection, found["clinic_id"])
    assert of_clinic is not None
    public_url = request.app.state.engine.post.public_url
    entries = [
        Entry(
            uid=f"{row['pump_id']}@pumpcalc.invalid",
            sequence=row["revision"],
            day=row["refill_by"],
            summary=f"Pump refill: pump {row['reference']}, last safe day",
            description="The pump is refilled on this day at the latest.",
            link=f"{public_url}/clinics/{found['clinic_id']}/pumps/{row['pump_id']}",
            cancelled=row["is_open"] == 0,
        )
        for row in rows
    ]
    made = calendar(of_clinic["name"], entries, clock.now())
    return Response(made, media_type="text/calendar", headers={"Cache-Control": "private, max-age=900"})


@router.get(
    "/metrics",
    response_class=Response,
    responses={200: {"description": "Prometheus text.", "content": {"text/plain": {}}}, **documented(422, 431, 503)},
)
def metrics(request: Request, store: StoreOf) -> Response:
    """What waits, what could not be sent, and what must not be, as Prometheus reads it. No clinic and no pump."""
    from prometheus_client import CollectorRegistry, Gauge, generate_latest

    registry = CollectorRegistry()

    def gauge(name: str, value: float, text: str, **labels: str) -> None:
        made = registry_of.get(name) or Gauge(f"pumpcalc_{name}", text, list(labels), registry=registry)
        registry_of[name] = made
        (made.labels(**labels) if labels else made).set(value)

    registry_of: dict[str, Gauge] = {}
    now = clock.now()
    with store.reading() as connection:
        oldest = engine.oldest_overdue(connection, now)
        gauge("reminders_due", engine.reminders_due(connection, now), "Reminders that are due and not queued.")
        overdue = 0.0 if oldest is None else (now - oldest).total_seconds()
        gauge("oldest_overdue_seconds", overdue, "How long the oldest reminder or copy waits that could have gone.")
        counted = dict.fromkeys(("pending", "sent", "dead", "cancelled"), 0) | outbox.states(connection)
        for state, count in counted.items():
            gauge("deliveries", count, "Copies by state; dead is an alarm.", state=state)
        missed = engine.misses(connection, now - _A_DAY)
        gauge("misses", missed, "Open plans with a reminder due for a day of which nobody was told: an alarm.")
        stale = engine.stale_pumps(connection, None, 10_000)
        gauge("plans_stale", len(stale), "Plans that wait to be worked out again.")
    ticked = request.app.state.clock.seconds_since_tick()
    gauge("seconds_since_sweep", -1.0 if ticked is None else ticked, "Since the last sweep went well; -1: never.")
    verdict = request.app.state.engine.verdict
    gauge("clock_believed", 1 if verdict.may_schedule else 0, "1 when the clock of this process is believed.")
    held = request.app.state.engine.is_held
    gauge("store_restored", 1 if held else 0, "1 when the store is a copy at which nobody has looked: nothing is sent.")
    late = request.app.state.engine.late
    gauge("duplicates_suppressed", late, "Copies of this process that were sent and not recorded a second time.")
    for name, count in request.app.state.engine.wrong.items():
        gauge("nightly_check", count, "What the last nightly check found that must not be.", what=name)
    return Response(generate_latest(registry), media_type="text/plain; version=0.0.4; charset=utf-8")
