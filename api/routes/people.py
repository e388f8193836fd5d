"""The people of a clinic, how they are told, what they answer, and their calendar addresses."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response

from api import clock, house, models, people, responses, views
from api.body import JsonBody
from api.once import Once
from api.openapi import takes
from api.problems import documented
from api.routes.clinics import AfterId, ByTheClock, Limit, StoreOf, next_page
from api.store import Store
from api.store.queries import people as people_queries
from api.store.queries import plans

__all__ = ["REQUESTS", "router"]

REQUESTS = (models.PersonRequest, models.ContactRequest, models.FeedRequest, models.ResponseRequest)
_READS = documented(404, 422, 431, 503)
_TAKES = documented(400, 404, 408, 413, 415, 422, 431, 503)

router = APIRouter(prefix="/v1/clinics/{clinic}", tags=["people"])


@router.post("/people", status_code=201, responses=_TAKES, openapi_extra=takes(models.PersonRequest))
def add_person(store: StoreOf, clinic: str, body: JsonBody, once: Once) -> models.Person:
    """A new person of the clinic: who may answer a reminder."""
    return once.run(store, lambda within: views.person(people.add_person(within, clinic, body, clock.now())))


@router.get("/people", responses=_READS)
def persons(store: StoreOf, clinic: str, after: AfterId = "", limit: Limit = 100) -> models.Listing[models.Person]:
    """The people of a clinic, by id, with those who have left."""
    with store.reading() as connection:
        house.clinic(connection, clinic)
        rows = people_queries.persons_after(connection, clinic, after, limit)
    return models.Listing(items=[views.person(row) for row in rows], next=next_page(rows, limit, "id"))


@router.delete("/people/{person}", responses=_READS)
def end_person(store: StoreOf, clinic: str, person: str) -> models.Person:
    """A person has left: nothing more is told to them, their calendars open nothing. What they answered stays."""
    return views.person(people.end_person(store, clinic, person, clock.now()))


@router.post("/contacts", status_code=201, responses=_TAKES, openapi_extra=takes(models.ContactRequest))
def add_contact(request: Request, store: StoreOf, clinic: str, body: JsonBody) -> models.NewContact:
    """A new way of telling a person. The secret of a webhook is shown this once."""
    channels = request.app.state.engine.post.channels
    row, secret = people.add_contact(store, clinic, body, clock.now(), channels)
    return models.NewContact(contact=views.contact(row), secret=secret)


@router.get("/contacts", responses=_READS)
def contacts(store: StoreOf, clinic: str, after: AfterId = "", limit: Limit = 100) -> models.Listing[models.Contact]:
    """The contacts of a clinic, by id, with those that have ended."""
    with store.reading() as connection:
        house.clinic(connection, clinic)
        rows = people_queries.contacts_after(connection, clinic, after, limit)
    return models.Listing(items=[views.contact(row) for row in rows], next=next_page(rows, limit, "id"))


@router.delete("/contacts/{contact}", responses=_READS)
def end_contact(store: StoreOf, clinic: str, contact: str) -> models.Contact:
    """A contact is told nothing more. What it was told stays."""
    return views.contact(people.end_contact(store, clinic, contact, clock.now()))


@router.post(
    "/pumps/{pump}/responses",
    status_code=201,
    responses=_TAKES,
    openapi_extra=takes(models.ResponseRequest),
    dependencies=[ByTheClock],
)
def respond(store: StoreOf, clinic: str, pump: str, body: JsonBody, once: Once) -> models.ResponseView:
    """What a person answers to the reminders of a pump.

    ``acknowledged``: somebody deals with it, nobody else is told now; ``snoozed``: the same, until an instant;
    ``booked`` and ``rescheduled``: a visit on a day, the last safe day at the latest; ``declined``: with a reason.
    None of them ends the plan: only its refill does, which is recorded as such.
    """

    def work(within: Store) -> models.ResponseView:
        answer = responses.respond(within, clinic, pump, body, clock.now())
        with within.reading() as connection:
            return views.response(plans.response_by_id(connection, clinic, answer))

    return once.run(store, work)


@router.get("/board", responses=_READS)
def board(store: StoreOf, clinic: str) -> models.Board:
    """Everything that waits at a clinic: pumps without a date first, then the soonest; and what could not be sent."""
    with store.reading() as connection:
        found = house.clinic(connection, clinic)
        return views.board(connection, clinic, house.today(found, clock.now()))


@router.post("/feeds", status_code=201, responses=_TAKES, openapi_extra=takes(models.FeedRequest))
def add_feed(store: StoreOf, clinic: str, body: JsonBody) -> models.Feed:
    """A new private calendar address, shown this once: a view, not an alarm. Whoever has it sees it."""
    feed_id, token = people.add_feed(store, clinic, body, clock.now())
    return models.Feed(id=feed_id, url=f"/feeds/{token}.ics")


@router.delete("/feeds/{feed}", status_code=204, responses=_READS, response_class=Response)
def revoke_feed(store: StoreOf, clinic: str, feed: str) -> Response:
    """A calendar address opens nothing more."""
    people.revoke_feed(store, clinic, feed, clock.now())
    return Response(status_code=204)
