"""Opening the store. A write transaction takes the write lock at once; a read never waits for a writer.

SQLite: write-ahead log with full synchronisation (a commit that was answered survives a power cut), foreign
keys on, ``BEGIN IMMEDIATE`` for every write (two writers queue up instead of failing half-way).
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import sqlalchemy as sa

__all__ = ["Store", "open_store"]

_BUSY_MILLISECONDS = 30_000
_PRAGMAS = (
    "journal_mode=WAL",
    "synchronous=FULL",
    "foreign_keys=ON",
    f"busy_timeout={_BUSY_MILLISECONDS}",
    "trusted_schema=OFF",
)


@dataclass(frozen=True)
class Store:
    """One open store. Connections are only ever borrowed, and always given back rolled back or committed."""

    engine: sa.Engine

    @contextlib.contextmanager
    def writing(self) -> Iterator[sa.Connection]:
        """One write transaction: everything inside is kept, or nothing is."""
        with self.engine.begin() as connection:
            yield connection

    @contextlib.contextmanager
    def reading(self) -> Iterator[sa.Connection]:
        """One consistent view for reading."""
        with self.engine.connect().execution_options(reading=True) as connection:
            yield connection

    def close(self) -> None:
        """Give back every connection."""
        self.engine.dispose()


def open_store(url: str) -> Store:
    """The store at a database URL. Raises ValueError for a database that pumpcalc does not know.

    The file of a SQLite store, and its folder, are made when they do not exist; its tables are not: see
    ``migrate``.
    """
    parsed = sa.make_url(url)
    if parsed.get_backend_name() != "sqlite":
        raise ValueError("the database URL must begin with sqlite:/// followed by the path of a file")
    if not parsed.database or parsed.database == ":memory:":
        raise ValueError("the store needs a file: write sqlite:///path/to/pumpcalc.db")
    Path(parsed.database).parent.mkdir(parents=True, exist_ok=True)
    # hide_parameters: no value of a row may reach a log through an error message.
    engine = sa.create_engine(
        parsed,
        hide_parameters=True,
        connect_args={
            "isolation_level": None,
            "timeout": _BUSY_MILLISECONDS / 1000,
            "check_same_thread": False,
        },
    )
    sa.event.listen(engine, "connect", _prepare)
    sa.event.listen(engine, "begin", _begin)
    return Store(engine)


def _prepare(connection: Any, _record: object) -> None:
    for pragma in _PRAGMAS:
        connection.execute(f"PRAGMA {pragma}")


def _begin(connection: sa.Connection) -> None:
    reading = connection.get_execution_options().get("reading", False)
    connection.exec_driver_sql("BEGIN" if reading else "BEGIN IMMEDIATE")
