"""The people of a clinic and how they are told; the private addresses of its calendar."""

from __future__ import annotations

import datetime as dt
import hashlib
import secrets
from collections.abc import Mapping
from typing import Any

import sqlalchemy as sa

from api.fields import read_email
from api.house import clinic, understood
from api.models import ContactRequest, FeedRequest, PersonRequest
from api.problems import NotFound
from api.reminders.addresses import check_webhook_addresses
from api.reminders.apprise_channel import AppriseChannel
from api.reminders.notice import Channel
from api.reminders.webhook import WebhookChannel, new_secret
from api.store import Store, new_id
from api.store.queries import people
from pumpcalc.errors import Refusal, refused

__all__ = ["add_contact", "add_feed", "add_person", "end_contact", "end_person", "revoke_feed", "token_sha256"]


def add_person(store: Store, clinic_id: str, body: Any, now: dt.datetime) -> sa.RowMapping:
    """A new person of a clinic."""
    request = understood(PersonRequest, body)
    with store.writing() as connection:
        clinic(connection, clinic_id, lock=True)
        person_id = new_id("person")
        people.add_person(
            connection,
            {
                "clinic_id": clinic_id,
                "id": person_id,
                "name": request.name,
                "role": request.role,
                "created_at": now,
            },
        )
        return _person(connection, clinic_id, person_id)


def _person(connection: sa.Connection, clinic_id: str, person_id: str) -> sa.RowMapping:
    found = people.person_by_id(connection, clinic_id, person_id)
    if found is None:
        raise NotFound("person")
    return found


def end_person(store: Store, clinic_id: str, person_id: str, now: dt.datetime) -> sa.RowMapping:
    """A person has left the clinic: nothing more is told to them."""
    with store.writing() as connection:
        clinic(connection, clinic_id, lock=True)
        _person(connection, clinic_id, person_id)
        people.end_person(connection, clinic_id, person_id, now)
        return _person(connection, clinic_id, person_id)


def add_contact(
    store: Store, clinic_id: str, body: Any, now: dt.datetime, channels: Mapping[str, Channel]
) -> tuple[sa.RowMapping, str | None]:
    """A new way of telling a person, and the secret of a webhook, which is shown this once.

    ``channels`` are those that this service is set up for; an address that its channel cannot use is refused.
    """
    request = understood(ContactRequest, body)
    _check_address(request, channels)
    if request.quiet_from == request.quiet_until and request.quiet_from is not None:
        raise refused("out-of-range", "Quiet hours end at another time than they begin.", "/quiet_until")
    if (request.quiet_from is None) != (request.quiet_until is None):
        raise refused("missing", "State quiet_from and quiet_until together, or neither.", "/quiet_until")
    secret = new_secret() if request.channel == "webhook" else None
    with store.writing() as connection:
        clinic(connection, clinic_id, lock=True)
        person = people.person_by_id(connection, clinic_id, request.person_id)
        if person is None or person["left_at"] is not None:
            raise refused("unknown-person", "There is no such person at this clinic.", "/person_id")
        contact_id = new_id("contact")
        people.add_contact(
            connection,
            {
                "clinic_id": clinic_id,
                "id": contact_id,
                "person_id": request.person_id,
                "channel": request.channel,
                "address": request.address,
                "secret": secret,
                "after_minutes": int(request.after_minutes),
                "digest": "yes" if request.digest else "no",
                "quiet_from": request.quiet_from,
                "quiet_until": request.quiet_until,
                "created_at": now,
            },
        )
        return _contact(connection, clinic_id, contact_id), secret


def _check_address(request: ContactRequest, channels: Mapping[str, Channel]) -> None:
    """Raises Refusal, pointing at the address, for one that its channel cannot use."""
    channel = channels.get(request.channel)
    if channel is None:
        there = sorted(channels)
        raise refused(
            "channel-not-set-up",
            f"This service is not set up for {request.channel}; it sends by {' and '.join(there)}.",
            "/channel",
            allowed=there,
        )
    try:
        if isinstance(channel, WebhookChannel):
            check_webhook_addresses(request.address, channel.allowed_networks, channel.resolve)
        elif isinstance(channel, AppriseChannel):
            _check_apprise(request.address, channel)
        else:
            read_email(request.address)
    except Refusal as refusal:
        pointed = [problem.model_copy(update={"pointer": "/address"}) for problem in refusal.problems]
        raise Refusal(pointed) from None


def _check_apprise(address: str, channel: AppriseChannel) -> None:
    scheme, separator, _ = address.partition("://")
    if not separator or scheme not in channel.schemes:
        there = sorted(channel.schemes)
        raise refused(
            "apprise-url", f"An address of Apprise begins with one of {', '.join(f'{each}://' for each in there)}."
        )


def _contact(connection: sa.Connection, clinic_id: str, contact_id: str) -> sa.RowMapping:
    found = people.contact_by_id(connection, clinic_id, contact_id)
    if found is None:
        raise NotFound("contact")
    return found


def end_contact(store: Store, clinic_id: str, contact_id: str, now: dt.datetime) -> sa.RowMapping:
    """A contact is told nothing more."""
    with store.writing() as connection:
        clinic(connection, clinic_id, lock=True)
        _contact(connection, clinic_id, contact_id)
        people.end_contact(connection, clinic_id, contact_id, now)
        return _contact(connection, clinic_id, contact_id)


def token_sha256(token: str) -> str:
    """What is kept of the token of a calendar address."""
    return hashlib.sha256(token.encode()).hexdigest()


def add_feed(store: Store, clinic_id: str, body: Any, now: dt.datetime) -> tuple[str, str]:
    """A new private calendar address, of the whole clinic or of one person: its id, and its token, shown this once."""
    request = understood(FeedRequest, body)
    feed_id, token = new_id("feed"), secrets.token_urlsafe(32)
    with store.writing() as connection:
        clinic(connection, clinic_id, lock=True)
        if request.person_id is not None and people.person_by_id(connection, clinic_id, request.person_id) is None:
            raise refused("unknown-person", "There is no such person at this clinic.", "/person_id")
        people.add_feed(
            connection,
            {
                "clinic_id": clinic_id,
                "id": feed_id,
                "person_id": request.person_id,
                "token_sha256": token_sha256(token),
                "created_at": now,
            },
        )
    return feed_id, token


def revoke_feed(store: Store, clinic_id: str, feed_id: str, now: dt.datetime) -> None:
    """A calendar address opens nothing more."""
    with store.writing() as connection:
        clinic(connection, clinic_id, lock=True)
        if people.revoke_feed(connection, clinic_id, feed_id, now) == 0:
            raise NotFound("feed")
