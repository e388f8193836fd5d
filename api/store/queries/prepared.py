"""A statement is built once, and asked again and again with other values.

Building a statement costs twenty times what the database needs to answer it, and the engine asks the same few
questions at every tick.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Mapping
from typing import Any

import sqlalchemy as sa

__all__ = ["Given", "insert_for", "prepared", "unless_there"]

Given = Any
"""A value that is given when the statement is asked. A list goes into ``column.in_(given)``."""

_Ask = Callable[..., sa.CursorResult[Any]]


def prepared(build: Callable[..., sa.Executable]) -> _Ask:
    """Turn a function that builds a statement from values into one that asks it: the connection, then the values.

    ``build`` is called once, with a parameter in the place of each value: what it decides, it decides for good.
    """
    names = [f"given_{name}" for name in inspect.signature(build).parameters]  # no column is called so

    @functools.cache
    def statement() -> sa.Executable:
        return build(*(sa.bindparam(name) for name in names))

    @functools.wraps(build)
    def ask(connection: sa.Connection, *values: Any) -> sa.CursorResult[Any]:
        return connection.execute(statement(), dict(zip(names, values, strict=True)))

    return ask


def insert_for(dialect: str) -> Any:
    """The INSERT of a database that knows what to do when the row is there already."""
    if dialect == "postgresql":
        from sqlalchemy.dialects.postgresql import insert
    else:
        from sqlalchemy.dialects.sqlite import insert  # type: ignore[assignment]
    return insert


@functools.cache
def _insert_unless_there(table: sa.Table, dialect: str) -> sa.Executable:
    found: sa.Executable = insert_for(dialect)(table).on_conflict_do_nothing()
    return found


def unless_there(connection: sa.Connection, table: sa.Table, row: Mapping[str, Any]) -> bool:
    """Keep a row, unless the same stands there; another that is just writing it is waited for. Whether it is new."""
    return connection.execute(_insert_unless_there(table, connection.dialect.name), dict(row)).rowcount == 1
