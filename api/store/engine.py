"""Opening the store. What a write transaction was answered is kept; a read sees one moment and waits for nobody.

SQLite: write-ahead log with full synchronisation (a commit that was answered survives a power cut), foreign
keys on, ``BEGIN IMMEDIATE`` for every write (two writers queue up instead of failing half-way).

PostgreSQL: any number of processes share one database. A write locks the rows that it decides about (a clinic, a
pump, the reminders of a refill) before it looks at them; a read is one ``REPEATABLE READ`` snapshot.
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
_OF_SESSION = (
    f"lock_timeout={_BUSY_MILLISECONDS}",
    f"idle_in_transaction_session_timeout={2 * _BUSY_MILLISECONDS}",
    "synchronous_commit=on",
    "timezone=UTC",
)
_CONNECT_SECONDS = 10


@dataclass(frozen=True)
class Store:
    """One open store. Connections are only ever borrowed, and always given back rolled back or committed."""

    engine: sa.Engine

    @property
    def is_shared(self) -> bool:
        """Whether other machines may be writing to it: PostgreSQL."""
        return self.engine.dialect.name == "postgresql"

    @contextlib.contextmanager
    def writing(self) -> Iterator[sa.Connection]:
        """One write transaction: everything inside is kept, or nothing is."""
        with self.engine.begin() as connection:
            yield connection

    @contextlib.contextmanager
    def reading(self) -> Iterator[sa.Connection]:
        """One consistent view for reading."""
        snapshot: dict[str, Any] = (
            {"isolation_level": "REPEATABLE READ", "postgresql_readonly": True} if self.is_shared else {"reading": True}
        )
        with self.engine.connect().execution_options(**snapshot) as connection:
            yield connection

    def close(self) -> None:
        """Give back every connection."""
        self.engine.dispose()


def open_store(url: str) -> Store:
    """The store at a database URL. Raises ValueError for a database that pumpcalc does not know.

    ``sqlite:///path/to/pumpcalc.db``: the file and its folder are made when they do not exist.
    ``postgresql+psycopg://user:password@host/database``: the database exists; needs the extra ``postgres``.
    Its tables are not made: see ``migrate``.
    """
    try:
        parsed = sa.make_url(url)
    except sa.exc.ArgumentError:
        raise ValueError(_HOW_TO_WRITE) from None
    if parsed.drivername in ("postgresql", "postgresql+psycopg"):
        return _postgresql(parsed.set(drivername="postgresql+psycopg"))
    if parsed.get_backend_name() != "sqlite":
        raise ValueError(_HOW_TO_WRITE)
    if not parsed.database or parsed.database == ":memory:":
        raise ValueError("the store needs a file: write sqlite:///path/to/pumpcalc.db")
    return _sqlite(parsed)


_HOW_TO_WRITE = (
    "the database URL is sqlite:/// followed by the path of a file, or postgresql+psycopg://user:password@host/database"
)


def _postgresql(url: sa.URL) -> Store:
    try:
        # hide_parameters: no value of a row may reach a log through an error message.
        engine = sa.create_engine(
            url,
            hide_parameters=True,
            isolation_level="READ COMMITTED",
            pool_pre_ping=True,
            pool_size=10,
            max_overflow=30,
            connect_args={
                "application_name": "pumpcalc",
                "connect_timeout": _CONNECT_SECONDS,
                "options": " ".join(f"-c {setting}" for setting in _OF_SESSION),
            },
        )
    except ModuleNotFoundError:
        why = "PostgreSQL needs the extra postgres: pip install 'pumpcalc[postgres]'"
        raise ValueError(why) from None
    sa.event.listen(engine, "handle_error", _without_values)
    return Store(engine)


def _without_values(context: sa.engine.ExceptionContext) -> BaseException | None:
    """PostgreSQL puts the row that failed into the message of an error; only what kind of error it is may remain."""
    fault = context.sqlalchemy_exception
    if not isinstance(fault, sa.exc.DBAPIError) or fault.orig is None:
        return None
    primary = getattr(getattr(fault.orig, "diag", None), "message_primary", None)
    if primary is None:
        return None
    fault.orig.args = (primary,)
    return type(fault)(fault.statement, None, fault.orig, hide_parameters=True, code=fault.code)


def _sqlite(url: sa.URL) -> Store:
    assert url.database is not None
    Path(url.database).parent.mkdir(parents=True, exist_ok=True)
    engine = sa.create_engine(
        url,
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
