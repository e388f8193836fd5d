"""What the tables share: how constraints are named, and how a column says what it may hold."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

__all__ = ["metadata", "never_changed", "one_of", "shape", "where", "within_clinic"]

metadata = sa.MetaData(
    naming_convention={
        "pk": "pk_%(table_name)s",
        "fk": "fk_%(table_name)s_%(referred_table_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    }
)


def shape(column: str, shape: str) -> sa.CheckConstraint:
    """The column holds text of this shape, or nothing."""
    return sa.CheckConstraint(f"{column} LIKE '{shape}'", name=column)


def one_of(column: str, *allowed: str) -> sa.CheckConstraint:
    """The column holds one word of a closed list."""
    listed = ", ".join(f"'{word}'" for word in allowed)
    return sa.CheckConstraint(f"{column} IN ({listed})", name=column)


def within_clinic(table: str, column: str) -> sa.ForeignKeyConstraint:
    """The column points at a row of the same clinic."""
    return sa.ForeignKeyConstraint(["clinic_id", column], [f"{table}.clinic_id", f"{table}.id"])


def where(condition: str) -> dict[str, Any]:
    """An index over some rows only."""
    return {"sqlite_where": sa.text(condition), "postgresql_where": sa.text(condition)}


_REFUSES = """
CREATE OR REPLACE FUNCTION never_changed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION USING MESSAGE = TG_TABLE_NAME || ' is never changed', ERRCODE = '23000';
END $$
"""


def never_changed(table: sa.Table) -> None:
    """The rows of a table are added and never changed or removed: the database itself refuses it."""
    name = table.name
    for what in ("UPDATE", "DELETE"):
        trigger = f"CREATE TRIGGER {name}_no_{what.lower()} BEFORE {what} ON {name} "
        _with(table, "sqlite", f"{trigger}BEGIN SELECT RAISE(ABORT, '{name} is never changed'); END")
    _with(table, "postgresql", _REFUSES)
    trigger = f"CREATE TRIGGER {name}_never_changed BEFORE UPDATE OR DELETE OR TRUNCATE ON {name} "
    _with(table, "postgresql", f"{trigger}FOR EACH STATEMENT EXECUTE FUNCTION never_changed()")


def _with(table: sa.Table, dialect: str, statement: str) -> None:
    """A statement that makes a part of the table that SQLAlchemy has no word for, on one database."""
    made = sa.DDL(statement)  # type: ignore[no-untyped-call]
    sa.event.listen(table, "after_create", made.execute_if(dialect=dialect))
