"""Calculations and refills. A new refill closes the old one; history is never edited."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import sqlalchemy as sa

from api.store.queries.prepared import Given, prepared
from api.store.tables import calculation, fact_use, plan, pump, refill

__all__ = [
    "add_calculation",
    "add_refill",
    "calculation_by_id",
    "calculations_that_used",
    "close_open_refill",
    "open_plans",
    "open_refill",
    "refill_by_id",
    "refills_after",
]

Row = sa.RowMapping

_ROWS_AT_A_TIME = 100
_ADD_CALCULATION, _ADD_FACT_USE, _ADD_REFILL = sa.insert(calculation), sa.insert(fact_use), sa.insert(refill)


def add_calculation(connection: sa.Connection, values: Mapping[str, Any], facts: Iterable[str] = ()) -> None:
    """Keep a record of the core, word for word, and which figures of the library it used."""
    connection.execute(_ADD_CALCULATION, [dict(values)])
    used = [{"clinic_id": values["clinic_id"], "calculation_id": values["id"], "fact": fact} for fact in facts]
    if used:
        connection.execute(_ADD_FACT_USE, used)


def calculation_by_id(connection: sa.Connection, clinic_id: str, calculation_id: str) -> Row:
    """One record of the core, word for word."""
    statement = sa.select(calculation).where(calculation.c.clinic_id == clinic_id, calculation.c.id == calculation_id)
    return connection.execute(statement).mappings().one()


def calculations_that_used(
    connection: sa.Connection, clinic_id: str, fact: str, after: str, limit: int
) -> Sequence[Row]:
    """The calculations of this clinic that used a figure, by id, each with the plan that rests on it, if it is open."""
    of_plan = sa.and_(
        plan.c.clinic_id == fact_use.c.clinic_id,
        plan.c.calculation_id == fact_use.c.calculation_id,
        plan.c.closed_at.is_(None),
    )
    of_calculation = sa.and_(
        calculation.c.clinic_id == fact_use.c.clinic_id, calculation.c.id == fact_use.c.calculation_id
    )
    statement = (
        sa.select(
            calculation.c.id,
            calculation.c.name,
            calculation.c.library_version,
            calculation.c.library_sha256,
            calculation.c.created_at,
            plan.c.id.label("plan_id"),
            plan.c.pump_id,
        )
        .select_from(fact_use.join(calculation, of_calculation).outerjoin(plan, of_plan))
        .where(fact_use.c.clinic_id == clinic_id, fact_use.c.fact == fact, calculation.c.id > after)
        .order_by(calculation.c.id)
        .limit(limit)
    )
    return connection.execute(statement).mappings().all()


def add_refill(connection: sa.Connection, values: Mapping[str, Any]) -> None:
    """Keep a new refill, which is then the open one of its pump."""
    connection.execute(_ADD_REFILL, [dict(values)])


def _open(clinic_id: Given, pump_id: Given) -> sa.ColumnElement[bool]:
    return sa.and_(refill.c.clinic_id == clinic_id, refill.c.pump_id == pump_id, refill.c.superseded_at.is_(None))


@prepared
def _close_open(clinic_id: Given, pump_id: Given, now: Given) -> sa.Update:
    return sa.update(refill).where(_open(clinic_id, pump_id)).values(superseded_at=now).returning(refill.c.id)


def close_open_refill(connection: sa.Connection, clinic_id: str, pump_id: str, now: dt.datetime) -> str | None:
    """Close the open refill of a pump, if there is one. Its id."""
    found: str | None = _close_open(connection, clinic_id, pump_id, now).scalar_one_or_none()
    return found


def _with_record() -> sa.Select[Any]:
    joined = refill.join(
        calculation,
        sa.and_(calculation.c.clinic_id == refill.c.clinic_id, calculation.c.id == refill.c.calculation_id),
    )
    return sa.select(refill, calculation.c.record).select_from(joined)


@prepared
def _open_refill(clinic_id: Given, pump_id: Given) -> sa.Select[Any]:
    return _with_record().where(_open(clinic_id, pump_id))


def open_refill(connection: sa.Connection, clinic_id: str, pump_id: str) -> Row | None:
    """The open refill of a pump with its calculation's record, if it has one."""
    return _open_refill(connection, clinic_id, pump_id).mappings().one_or_none()


@prepared
def _refill(clinic_id: Given, refill_id: Given) -> sa.Select[Any]:
    return _with_record().where(refill.c.clinic_id == clinic_id, refill.c.id == refill_id)


def refill_by_id(connection: sa.Connection, clinic_id: str, refill_id: str) -> Row | None:
    """One refill of this clinic with its calculation's record."""
    return _refill(connection, clinic_id, refill_id).mappings().one_or_none()


def refills_after(
    connection: sa.Connection, clinic_id: str, pump_id: str, after: tuple[str, str], limit: int
) -> Sequence[Row]:
    """The refills of a pump in the order in which they were recorded, from after one (recorded at, id)."""
    place = sa.tuple_(sa.type_coerce(refill.c.recorded_at, sa.Text), refill.c.id)
    statement = sa.select(refill).where(refill.c.clinic_id == clinic_id, refill.c.pump_id == pump_id)
    statement = statement.where(place > after).order_by(refill.c.recorded_at, refill.c.id).limit(limit)
    return connection.execute(statement).mappings().all()


def open_plans(connection: sa.Connection) -> Iterable[Row]:
    """The record that each running pump's open plan rests on, for every clinic, as they are read."""
    of_plan = sa.and_(plan.c.clinic_id == pump.c.clinic_id, plan.c.id == pump.c.plan_id)
    of_calculation = sa.and_(calculation.c.clinic_id == plan.c.clinic_id, calculation.c.id == plan.c.calculation_id)
    statement = (
        sa.select(plan.c.clinic_id, plan.c.pump_id, calculation.c.record)
        .select_from(pump.join(plan, of_plan).join(calculation, of_calculation))
        .where(pump.c.state == "active")
        .order_by(plan.c.clinic_id, plan.c.pump_id)
        .execution_options(yield_per=_ROWS_AT_A_TIME)
    )
    return connection.execute(statement).mappings()
