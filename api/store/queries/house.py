"""Clinics, their patients and their pumps. Every question names its clinic."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import sqlalchemy as sa

from api.store.queries.prepared import Given, prepared
from api.store.tables import clinic, patient, pump

__all__ = [
    "add_clinic",
    "add_patient",
    "add_pump",
    "change_clinic",
    "clear_stale",
    "clinic_by_id",
    "clinics_after",
    "patient_by_id",
    "patients_after",
    "pump_by_id",
    "pumps_after",
    "reference_is_taken",
]

Row = sa.RowMapping


def add_clinic(connection: sa.Connection, values: Mapping[str, Any]) -> None:
    """Keep a new clinic."""
    connection.execute(sa.insert(clinic), [dict(values)])


def change_clinic(connection: sa.Connection, clinic_id: str, settings: Mapping[str, Any]) -> int:
    """Set some settings of a clinic. How many clinics changed: 1, or 0 when there is none such."""
    return connection.execute(sa.update(clinic).where(clinic.c.id == clinic_id).values(dict(settings))).rowcount


@prepared
def _clinic(clinic_id: Given) -> sa.Select[Any]:
    return sa.select(clinic).where(clinic.c.id == clinic_id)


@prepared
def _lock_clinic(clinic_id: Given) -> sa.Select[Any]:
    """Nobody else may change or lock the row until this transaction ends. SQLite has one writer anyhow."""
    return sa.select(clinic).where(clinic.c.id == clinic_id).with_for_update(key_share=True)


def clinic_by_id(connection: sa.Connection, clinic_id: str, *, lock: bool = False) -> Row | None:
    """One clinic with its settings; locked until the transaction ends, when it decides something."""
    return (_lock_clinic if lock else _clinic)(connection, clinic_id).mappings().one_or_none()


def clinics_after(connection: sa.Connection, after: str, limit: int) -> Sequence[Row]:
    """The clinics whose id follows ``after``, by id."""
    statement = sa.select(clinic).where(clinic.c.id > after).order_by(clinic.c.id).limit(limit)
    return connection.execute(statement).mappings().all()


def add_patient(connection: sa.Connection, values: Mapping[str, Any]) -> None:
    """Keep a new patient: an opaque reference, nothing about the person."""
    connection.execute(sa.insert(patient), [dict(values)])


def patient_by_id(connection: sa.Connection, clinic_id: str, patient_id: str) -> Row | None:
    """One patient of this clinic."""
    statement = sa.select(patient).where(patient.c.clinic_id == clinic_id, patient.c.id == patient_id)
    return connection.execute(statement).mappings().one_or_none()


def patients_after(connection: sa.Connection, clinic_id: str, after: str, limit: int) -> Sequence[Row]:
    """The patients of this clinic whose id follows ``after``, by id."""
    statement = sa.select(patient).where(patient.c.clinic_id == clinic_id, patient.c.id > after)
    return connection.execute(statement.order_by(patient.c.id).limit(limit)).mappings().all()


def add_pump(connection: sa.Connection, values: Mapping[str, Any]) -> None:
    """Keep a new pump of a patient of the same clinic."""
    connection.execute(sa.insert(pump), [dict(values)])


@prepared
def _pump(clinic_id: Given, pump_id: Given) -> sa.Select[Any]:
    return sa.select(pump).where(pump.c.clinic_id == clinic_id, pump.c.id == pump_id)


@prepared
def _lock_pump(clinic_id: Given, pump_id: Given) -> sa.Select[Any]:
    return sa.select(pump).where(pump.c.clinic_id == clinic_id, pump.c.id == pump_id).with_for_update(key_share=True)


def pump_by_id(connection: sa.Connection, clinic_id: str, pump_id: str, *, lock: bool = False) -> Row | None:
    """One pump of this clinic; locked until the transaction ends, when it decides something."""
    return (_lock_pump if lock else _pump)(connection, clinic_id, pump_id).mappings().one_or_none()


@prepared
def _clear_stale(clinic_id: Given, pump_id: Given) -> sa.Update:
    of_pump = sa.update(pump).where(pump.c.clinic_id == clinic_id, pump.c.id == pump_id)
    return of_pump.values(stale_since=None, stale_why=None)


def clear_stale(connection: sa.Connection, clinic_id: str, pump_id: str) -> None:
    """The plan of this pump was worked out again, and stands."""
    _clear_stale(connection, clinic_id, pump_id)


def pumps_after(connection: sa.Connection, clinic_id: str, after: str, limit: int) -> Sequence[Row]:
    """The pumps of this clinic whose id follows ``after``, by id."""
    statement = sa.select(pump).where(pump.c.clinic_id == clinic_id, pump.c.id > after)
    return connection.execute(statement.order_by(pump.c.id).limit(limit)).mappings().all()


def reference_is_taken(connection: sa.Connection, table: sa.Table, clinic_id: str, reference: str) -> bool:
    """Whether a patient or a pump of this clinic already has this reference."""
    statement = sa.select(sa.exists().where(table.c.clinic_id == clinic_id, table.c.reference == reference))
    return bool(connection.execute(statement).scalar_one())
