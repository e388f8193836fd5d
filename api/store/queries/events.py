"""The ledger of each pump's reservoir: written at its end, never changed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import sqlalchemy as sa

from api.store.queries.prepared import Given, prepared
from api.store.tables import pump_event

__all__ = ["add_events", "event_by_id", "events_after", "events_of_refill", "last_epoch"]

Row = sa.RowMapping
_ADD_EVENTS = sa.insert(pump_event)


def _of_pump(clinic_id: Given, pump_id: Given) -> sa.ColumnElement[bool]:
    return sa.and_(pump_event.c.clinic_id == clinic_id, pump_event.c.pump_id == pump_id)


def add_events(connection: sa.Connection, rows: Sequence[Mapping[str, Any]]) -> None:
    """Keep these events. The database refuses a position that is taken."""
    connection.execute(_ADD_EVENTS, [dict(row) for row in rows])


@prepared
def _last_epoch(clinic_id: Given, pump_id: Given) -> sa.Select[Any]:
    newest = sa.select(sa.func.max(pump_event.c.epoch)).where(_of_pump(clinic_id, pump_id)).scalar_subquery()
    of_epoch = sa.select(pump_event).where(_of_pump(clinic_id, pump_id), pump_event.c.epoch == newest)
    return of_epoch.order_by(pump_event.c.position)


def last_epoch(connection: sa.Connection, clinic_id: str, pump_id: str) -> Sequence[Row]:
    """The events of a pump since it was last filled anew, in the order in which they were recorded."""
    return _last_epoch(connection, clinic_id, pump_id).mappings().all()


def event_by_id(connection: sa.Connection, clinic_id: str, event_id: str) -> Row:
    """One event that was kept."""
    statement = sa.select(pump_event).where(pump_event.c.clinic_id == clinic_id, pump_event.c.id == event_id)
    return connection.execute(statement).mappings().one()


def events_after(connection: sa.Connection, clinic_id: str, pump_id: str, after: int, limit: int) -> Sequence[Row]:
    """The events of a pump whose position follows ``after``."""
    statement = sa.select(pump_event).where(_of_pump(clinic_id, pump_id), pump_event.c.position > after)
    return connection.execute(statement.order_by(pump_event.c.position).limit(limit)).mappings().all()


@prepared
def _events_of_refill(clinic_id: Given, pump_id: Given, refill_id: Given) -> sa.Select[Any]:
    written = sa.select(pump_event).where(_of_pump(clinic_id, pump_id), pump_event.c.refill_id == refill_id)
    return written.order_by(pump_event.c.position)


def events_of_refill(connection: sa.Connection, clinic_id: str, pump_id: str, refill_id: str) -> Sequence[Row]:
    """The events that recording a refill of this pump wrote."""
    return _events_of_refill(connection, clinic_id, pump_id, refill_id).mappings().all()
