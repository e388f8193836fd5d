"""Bringing a store to the present tables, and asking whether it is there. Whole or not at all."""

from __future__ import annotations

from pathlib import Path

import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory

from api.store.engine import Store, open_store

__all__ = ["is_current", "migrate"]

_FOLDER = Path(__file__).parent / "migrations"
_ONE_AT_A_TIME = 0x70756D7063616C63
"""The advisory lock of a migration on PostgreSQL: the letters of pumpcalc."""


def _config(connection: sa.Connection | None = None) -> Config:
    config = Config()
    config.set_main_option("script_location", str(_FOLDER).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    return config


def migrate(url: str, revision: str = "head") -> None:
    """Bring the store at a URL to the present tables, in one transaction, if it is not there already."""
    store = open_store(url)
    try:
        with store.writing() as connection:
            if store.is_shared:
                connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_ONE_AT_A_TIME)))
            command.upgrade(_config(connection), revision)
    finally:
        store.close()


def is_current(store: Store) -> bool:
    """Whether the store has exactly the tables that this software expects."""
    with store.reading() as connection:
        present = MigrationContext.configure(connection).get_current_revision()
    return present == ScriptDirectory.from_config(_config()).get_current_head()
