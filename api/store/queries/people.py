"""The people of a clinic, how they are told, and their calendar addresses. Every question names its clinic."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from typing import Any

import sqlalchemy as sa

from api.store.queries.prepared import Given, prepared
from api.store.tables import contact, feed, person

__all__ = [
    "add_contact",
    "add_feed",
    "add_person",
    "contact_by_id",
    "contacts_after",
    "end_contact",
    "end_person",
    "feed_of_token",
    "person_by_id",
    "persons_after",
    "revoke_feed",
]

Row = sa.RowMapping


def add_person(connection: sa.Connection, values: Mapping[str, Any]) -> None:
    """Keep a new person of a clinic."""
    connection.execute(sa.insert(person), [dict(values)])


@prepared
def _person(clinic_id: Given, person_id: Given) -> sa.Select[Any]:
    return sa.select(person).where(person.c.clinic_id == clinic_id, person.c.id == person_id)


def person_by_id(connection: sa.Connection, clinic_id: str, person_id: str) -> Row | None:
    """One person of this clinic."""
    return _person(connection, clinic_id, person_id).mappings().one_or_none()


def persons_after(connection: sa.Connection, clinic_id: str, after: str, limit: int) -> Sequence[Row]:
    """The people of this clinic whose id follows ``after``, by id."""
    statement = sa.select(person).where(person.c.clinic_id == clinic_id, person.c.id > after)
    return connection.execute(statement.order_by(person.c.id).limit(limit)).mappings().all()


def end_person(connection: sa.Connection, clinic_id: str, person_id: str, now: dt.datetime) -> None:
    """A person has left: what they did stays. Their contacts are told nothing more, their calendars open nothing."""
    left = sa.update(person).where(
        person.c.clinic_id == clinic_id, person.c.id == person_id, person.c.left_at.is_(None)
    )
    connection.execute(left.values(left_at=now))
    ended = sa.update(contact).where(
        contact.c.clinic_id == clinic_id, contact.c.person_id == person_id, contact.c.ended_at.is_(None)
    )
    connection.execute(ended.values(ended_at=now))
    revoked = sa.update(feed).where(
        feed.c.clinic_id == clinic_id, feed.c.person_id == person_id, feed.c.revoked_at.is_(None)
    )
    connection.execute(revoked.values(revoked_at=now))


def add_contact(connection: sa.Connection, values: Mapping[str, Any]) -> None:
    """Keep a new way of telling a person."""
    connection.execute(sa.insert(contact), [dict(values)])


@prepared
def _contact(clinic_id: Given, contact_id: Given) -> sa.Select[Any]:
    return sa.select(contact).where(contact.c.clinic_id == clinic_id, contact.c.id == contact_id)


def contact_by_id(connection: sa.Connection, clinic_id: str, contact_id: str) -> Row | None:
    """One contact of this clinic."""
    return _contact(connection, clinic_id, contact_id).mappings().one_or_none()


def contacts_after(connection: sa.Connection, clinic_id: str, after: str, limit: int) -> Sequence[Row]:
    """The contacts of this clinic whose id follows ``after``, by id."""
    statement = sa.select(contact).where(contact.c.clinic_id == clinic_id, contact.c.id > after)
    return connection.execute(statement.order_by(contact.c.id).limit(limit)).mappings().all()


def end_contact(connection: sa.Connection, clinic_id: str, contact_id: str, now: dt.datetime) -> None:
    """A contact is told nothing more. What it was told stays."""
    statement = sa.update(contact).where(
        contact.c.clinic_id == clinic_id, contact.c.id == contact_id, contact.c.ended_at.is_(None)
    )
    connection.execute(statement.values(ended_at=now))


def add_feed(connection: sa.Connection, values: Mapping[str, Any]) -> None:
    """Keep a new calendar address: the digest of its token, never the token."""
    connection.execute(sa.insert(feed), [dict(values)])


def feed_of_token(connection: sa.Connection, token_sha256: str) -> Row | None:
    """The calendar that a token opens, unless it was revoked."""
    statement = sa.select(feed).where(feed.c.token_sha256 == token_sha256, feed.c.revoked_at.is_(None))
    return connection.execute(statement).mappings().one_or_none()


def revoke_feed(connection: sa.Connection, clinic_id: str, feed_id: str, now: dt.datetime) -> int:
    """A calendar address opens nothing more. How many changed: 1, or 0."""
    statement = sa.update(feed).where(feed.c.clinic_id == clinic_id, feed.c.id == feed_id, feed.c.revoked_at.is_(None))
    return connection.execute(statement.values(revoked_at=now)).rowcount
