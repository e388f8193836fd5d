"""A copy of the store, and what a store that was put back from one does: nothing leaves it until somebody has looked.

A copy that is older than what happened since remembers reminders as still to come that have been sent, and knows
nothing of the refills that were recorded. So every copy carries a mark, however it is put back. A store with the mark
takes requests (what was lost can be recorded again) and sends nothing; ``/readyz`` fails, and the ping outside stops.
An operator reads what would be sent, and says whether it is sent or counts as told. Either way nothing is lost: a pump
whose last safe day has passed is told of each day, and every later reminder comes on its day.

On PostgreSQL the copy is made and put back by its own tools, and the operator sets the mark before the service starts.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import os
import sqlite3
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from api.engine import RESTORED
from api.reminders.outbox import count_as_told
from api.store import Store
from api.store.queries import engine, outbox
from api.store.types import written_instant

__all__ = ["Review", "backup", "mark", "release", "restore", "review"]


class _NoBackup(ValueError):
    """A copy that cannot be made, or put back."""


@dataclass(frozen=True)
class Review:
    """What a store that was put back would send now."""

    copied_at: dt.datetime
    pumps: int
    """So many have something to be told of: one message to each of their receivers."""
    reminders: int
    """Due since, and not queued in the copy."""
    copies: int
    """Queued in the copy, and not sent."""
    past: int
    """Pumps whose last safe day has passed, as far as the copy knows."""

    def told(self) -> str:
        """The same for an operator."""
        return (
            f"This store is a copy of {self.copied_at:%Y-%m-%d %H:%M} UTC. It sends nothing until you have looked.\n"
            f"Due since, and not queued in the copy: {_count(self.reminders, 'reminder')} of "
            f"{_count(self.pumps, 'pump')}. Queued and not sent: {_count(self.copies, 'message')}.\n"
            f"Past the last safe day, as far as the copy knows: {_count(self.past, 'pump')}. Refills that were "
            "recorded after the copy was made are not in it: record them first.\n"
            "Then one of:\n"
            "  pumpcalc restored --send      tell of each pump once, the worst first. A message that was sent before "
            "carries the same id.\n"
            "  pumpcalc restored --as-told   send none of it. A pump past its last safe day is told of tomorrow and "
            "each day, every later reminder comes on its day."
        )


def _count(number: int, what: str) -> str:
    return f"{number:,} {what}{'' if number == 1 else 's'}"


def mark(store: Store, now: dt.datetime) -> None:
    """This store was put back from a copy: it sends nothing until ``release``. A mark that stands there stays."""
    with store.writing() as connection:
        if RESTORED not in engine.beats(connection):
            engine.mark_beat(connection, RESTORED, now)


def review(store: Store, now: dt.datetime) -> Review | None:
    """What would be sent; None where the store was not put back from a copy."""
    with store.reading() as connection:
        copied_at = engine.beats(connection).get(RESTORED)
        if copied_at is None:
            return None
        pumps, reminders = engine.due_by_plan(connection, now)
        states = outbox.states(connection)
        return Review(
            copied_at=copied_at,
            pumps=pumps,
            reminders=reminders,
            copies=states.get("pending", 0) + states.get("dead", 0),
            past=engine.plans_past(connection, now.date()),
        )


def release(store: Store, now: dt.datetime, *, as_told: bool) -> int:
    """Send from now on. ``as_told``: what is due counts as told, and what waits is taken back. How many of both.

    All of it, or nothing: the mark goes in the same transaction.
    """
    count = 0
    with store.writing() as connection:
        if as_told:
            while batch := count_as_told(connection, now):
                count += batch
            count += outbox.cancel_all_unsent(connection)
        engine.forget_beat(connection, RESTORED)
    return count


# SQLite


def backup(store: Store, path: Path, now: dt.datetime) -> None:
    """Write a copy of the store as it is now into a new file, with the mark. The service may go on meanwhile.

    Raises ValueError where there is a file already, and on PostgreSQL, whose own tools do it.
    """
    if path.exists():
        raise _NoBackup(f"{path} is there already: name a new file.")
    with _beside(path) as copy:
        with _open(_file_of(store)) as source, _open(copy) as made:
            source.backup(made)
            _set_mark(made, now)
            _must_be_whole(made, path)
            made.execute("PRAGMA journal_mode=DELETE")  # one file, and no log beside it
        _sync(copy)
        os.link(copy, path)  # a name that somebody took meanwhile is not replaced
        _sync(path.parent)


def restore(store: Store, path: Path, now: dt.datetime) -> Path | None:
    """Put a copy in the place of the store, with the mark. The file in which is kept what stood there, if anything did.

    Whole or not at all, also for a process that has the store open. Only where the store that stood there is damaged,
    the files themselves change places: no process may have them open.

    Raises ValueError for a file that is no store, or is damaged, and on PostgreSQL.
    """
    place = _file_of(store)
    if not path.is_file():
        raise _NoBackup(f"{path} is not there.")
    kept = place.with_name(f"{place.stem}.before-{now:%Y%m%dT%H%M%S}Z{place.suffix}")
    with _beside(place) as copy:
        _marked_copy(path, copy, now)
        if not place.exists() or place.stat().st_size == 0:
            os.replace(copy, place)
            _sync(place.parent)
            return None
        try:
            backup(store, kept, now)
        except (_NoBackup, sqlite3.DatabaseError):
            for ending in ("", "-wal", "-shm"):
                if (left := Path(f"{place}{ending}")).exists():
                    os.replace(left, f"{kept}{ending}")
            os.replace(copy, place)
            _sync(place.parent)
            return kept
        with _open(copy) as made, _open(place) as target:
            made.backup(target)
    return kept


def _marked_copy(path: Path, copy: Path, now: dt.datetime) -> None:
    with _open(path, "?mode=ro") as source, _open(copy) as made:
        try:
            source.backup(made)
        except sqlite3.DatabaseError:
            raise _NoBackup(f"{path} is not a store of pumpcalc, or is damaged.") from None
        _must_be_whole(made, path)
        seen = made.execute("SELECT at FROM beat WHERE name = 'clock'").fetchone()
        _set_mark(made, now if seen is None else dt.datetime.fromisoformat(seen[0]))
        made.execute("PRAGMA journal_mode=DELETE")
    _sync(copy)


def _open(path: Path, how: str = "") -> contextlib.closing[sqlite3.Connection]:
    return contextlib.closing(sqlite3.connect(f"{path.resolve().as_uri()}{how}", uri=True, timeout=30))


def _file_of(store: Store) -> Path:
    name = store.engine.url.database
    if store.is_shared or name is None:
        raise _NoBackup(
            "PostgreSQL is copied by pg_dump and put back by pg_restore; then run pumpcalc restored --mark, before the "
            "service starts."
        )
    return Path(name)


@contextlib.contextmanager
def _beside(path: Path) -> Iterator[Path]:
    """A new file in the same folder, which is gone afterwards."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f".{path.name}-", dir=path.parent) as folder:
        yield Path(folder) / "copy.db"


def _must_be_whole(made: sqlite3.Connection, path: Path) -> None:
    try:
        whole = made.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        tables = {row[0] for row in made.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    except sqlite3.DatabaseError:
        whole, tables = False, set()
    if not whole or not {"beat", "alembic_version", "reminder"} <= tables:
        raise _NoBackup(f"{path} is not a store of pumpcalc, or is damaged.")


def _set_mark(made: sqlite3.Connection, copied_at: dt.datetime) -> None:
    marked = "INSERT INTO beat (name, at) VALUES (?, ?) ON CONFLICT DO NOTHING"
    with made:
        made.execute(marked, (RESTORED, written_instant(copied_at)))


def _sync(path: Path) -> None:
    """What stands in a file, or which files stand in a folder, survives a power cut from now on."""
    opened = os.open(path, os.O_RDONLY)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)
