"""A real store on a disk of memory, and the moments at which the process dies or the disk fails."""

from __future__ import annotations

import functools
import hashlib
import random
import shutil
import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from api.store import Store, migrate, open_store
from api.store import engine as engine_module

__all__ = ["Crash", "Disk", "Trouble", "digest", "memory_disk"]

_SHARED_MEMORY = Path("/dev/shm")
_COUNTED = {"crash", "error"}
KINDS = ("crash", "crash", "crash", "error", "crash-before-commit", "crash-after-commit", "error-at-commit")


class Crash(BaseException):
    """The process is dead: nothing of it runs any more. What was not committed is gone."""


@dataclass
class Trouble:
    """What will go wrong: at the statement, or the commit, that is so many away."""

    kind: str
    left: int

    @classmethod
    def drawn(cls, chance: random.Random) -> Trouble:
        """Any kind of trouble, some statements or commits ahead."""
        kind = chance.choice(KINDS)
        return cls(kind, 1 + int(chance.expovariate(1 / 12 if kind in _COUNTED else 1 / 3)))


class Disk:
    """One store of the real kind, with a wire to cut. It is as fast as memory: nothing here is about power cuts."""

    def __init__(self, path: Path) -> None:
        shutil.copy(_template(), path)
        self.store: Store = open_store(f"sqlite:///{path}")
        self.trouble: Trouble | None = None
        self.happened = 0
        """How much trouble there was."""
        engine = self.store.engine
        sa.event.remove(engine, "connect", engine_module._prepare)  # a log beside the file, and fsync: of no use here
        sa.event.listen(engine, "connect", _in_memory)
        sa.event.listen(engine, "before_cursor_execute", self._statement)
        commit = engine.dialect.do_commit

        def do_commit(connection: Any) -> None:
            ends = self._counts_down("crash-before-commit", "crash-after-commit", "error-at-commit")
            if ends == "error-at-commit":
                raise sqlite3.OperationalError("disk I/O error")
            if ends == "crash-before-commit":
                raise Crash
            commit(connection)
            if ends == "crash-after-commit":
                raise Crash

        engine.dialect.do_commit = do_commit  # type: ignore[method-assign]
        with self.store.reading():
            pass  # the connection is made, and its journal chosen, before anybody else looks
        self.looking = sqlite3.connect(path, isolation_level=None)
        self.looking.row_factory = sqlite3.Row

    def rows(self, question: str, *values: Any) -> list[sqlite3.Row]:
        """What stands there now, past the engine's own statements."""
        return self.looking.execute(question, values).fetchall()

    def _statement(self, *_given: Any) -> None:
        ends = self._counts_down("crash", "error")
        if ends == "crash":
            raise Crash
        if ends == "error":
            raise sa.exc.OperationalError("statement", None, sqlite3.OperationalError("disk I/O error"))

    def _counts_down(self, *kinds: str) -> str | None:
        if self.trouble is None or self.trouble.kind not in kinds:
            return None
        self.trouble.left -= 1
        if self.trouble.left > 0:
            return None
        kind, self.trouble = self.trouble.kind, None
        self.happened += 1
        return kind

    @contextmanager
    def spared(self) -> Iterator[None]:
        """Nothing goes wrong with the disk meanwhile."""
        kept, self.trouble = self.trouble, None
        try:
            yield
        finally:
            self.trouble = kept

    def close(self) -> None:
        """Let go of the file."""
        self.looking.close()
        self.store.close()


def _in_memory(connection: Any, _record: object) -> None:
    for pragma in ("journal_mode=MEMORY", "synchronous=OFF", "foreign_keys=ON", "trusted_schema=OFF"):
        connection.execute(f"PRAGMA {pragma}")


@contextmanager
def memory_disk() -> Iterator[Path]:
    """A new folder in memory, where there is such a thing; else on the disk."""
    where = _SHARED_MEMORY if _SHARED_MEMORY.is_dir() else None
    with tempfile.TemporaryDirectory(prefix="pumpcalc-simulator-", dir=where) as folder:
        yield Path(folder)


@functools.cache
def _template() -> Path:
    """An empty store with the present tables, made once for each process."""
    folder = tempfile.TemporaryDirectory(prefix="pumpcalc-simulator-")
    _KEPT.append(folder)
    path = Path(folder.name) / "template.db"
    migrate(f"sqlite:///{path}")
    with sqlite3.connect(path, isolation_level=None) as connection:
        connection.execute("PRAGMA journal_mode=DELETE")
    connection.close()
    return path


_KEPT: list[tempfile.TemporaryDirectory[str]] = []


def digest(disk: Disk) -> str:
    """SHA-256 of every row of every table. Of a lease only the part that is drawn: a process has another number."""
    found = hashlib.sha256()
    tables = disk.rows("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name")
    for table in tables:
        lines = []
        for row in disk.rows(f'SELECT * FROM "{table["name"]}"'):
            values = dict(row)
            if values.get("lease_owner"):
                values["lease_owner"] = values["lease_owner"].rpartition(":")[2]
            lines.append(repr(sorted(values.items())))
        found.update("\n".join([table["name"], *sorted(lines), ""]).encode())
    return found.hexdigest()
