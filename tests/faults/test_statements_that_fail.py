"""F-06, F-07, F-33: a statement that raises, a disk that is full, a store that cannot be written, at every place."""

from __future__ import annotations

import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import sqlalchemy as sa
from judging import judge
from scenes import SCENES
from world import DUE, World, full, postgresql_world, sqlite_world, trials

_CODES = {
    "busy": "database is locked",
    "ioerr": "disk I/O error",
    "full": "database or disk is full",
    "corrupt": "database disk image is malformed",
    "interrupt": "interrupted",
}


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    with sqlite_world() as made:
        yield made


class Nth:
    """Counts the statements that go to the database, commits among them, and lets one of them raise."""

    def __init__(self, at: int | None, words: str) -> None:
        self.at, self.words, self.count = at, words, 0

    def _step(self) -> None:
        self.count += 1
        if self.count == self.at:
            raise sqlite3.OperationalError(self.words)

    def on_execute(self, cursor: Any, statement: str, _parameters: Any, _context: Any) -> None:
        self._step()

    def on_many(self, cursor: Any, statement: str, _parameters: Any, _context: Any) -> None:
        self._step()

    def on_plain(self, cursor: Any, statement: str, _context: Any) -> None:
        self._step()

    def on_commit(self, _connection: Any) -> None:
        self._step()


def _raising(world: World, at: int | None, words: str, work: Callable[[World], object]) -> tuple[int, bool]:
    """Do work while the n-th statement raises. How many statements came, and whether the work raised."""
    nth, engine = Nth(at, words), world.store.engine
    hooks: list[tuple[Any, str, Any]] = [
        (engine, "do_execute", nth.on_execute),
        (engine, "do_executemany", nth.on_many),
        (engine, "do_execute_no_params", nth.on_plain),
        (engine, "commit", nth.on_commit),
    ]
    for target, name, hook in hooks:
        sa.event.listen(target, name, hook)
    try:
        work(world)
    except (sa.exc.OperationalError, sqlite3.OperationalError):
        return nth.count, True
    finally:
        for target, name, hook in hooks:
            sa.event.remove(target, name, hook)
    return nth.count, False


@pytest.mark.parametrize("scene", ["sweep", "answer", "refill", "replan"])
def test_whichever_statement_raises_the_next_tick_mends_it(world: World, scene: str) -> None:
    begins, kept = SCENES[scene], world._kept
    world.reset()
    begins.before(world)
    world.keep().reset()
    codes = _CODES if full() else {"full": _CODES["full"]}
    try:
        count, raised = _raising(world, None, "", begins.work)
        assert count > 3
        assert not raised
        step = 1 if full() or scene != "sweep" else 3
        for words in codes.values():
            for at in range(1, count + 1, step):
                world.reset()
                _raising(world, at, words, begins.work)
                verdict = world.judged(begins.at)
                assert verdict.wrong == [], (scene, at, words)
        print(f"\nF-06 {scene}: {count} statements x {len(codes)} errors")
    finally:
        world._kept = kept


def test_a_disk_that_is_full_at_every_page_loses_nothing(world: World) -> None:
    world.reset()
    ((pages,),) = world.rows("PRAGMA page_count")
    hits, runs = 0, 0
    for spare in range(trials(6, 60)):
        world.reset()

        def cap(connection: Any, _record: object, most: int = pages + spare) -> None:
            connection.execute(f"PRAGMA max_page_count={most}")

        sa.event.listen(world.store.engine, "connect", cap)
        try:
            for scene in ("sweep", "refill"):
                runs += 1
                try:
                    SCENES[scene].work(world)
                except sa.exc.OperationalError as fault:
                    hits += "full" in str(fault)
        finally:
            sa.event.remove(world.store.engine, "connect", cap)
            world.store.close()
        verdict = world.judged(SCENES["refill"].at)
        assert verdict.wrong == [], f"{spare} pages to spare"
    print(f"\nF-07: {runs} runs, {hits} hit a full disk, 0 lost")
    assert hits > 0


def test_a_store_that_cannot_be_written_raises_and_loses_nothing(world: World) -> None:
    world.reset()

    def cap(connection: Any, _record: object) -> None:
        connection.execute("PRAGMA query_only=ON")

    sa.event.listen(world.store.engine, "connect", cap)
    try:
        with pytest.raises(sa.exc.OperationalError, match="readonly"):
            world.sweep(DUE)
    finally:
        sa.event.remove(world.store.engine, "connect", cap)
        world.store.close()
    assert world.judged(DUE).wrong == []


@pytest.mark.parametrize("make", [sqlite_world, postgresql_world], ids=["sqlite", "postgresql"])
def test_an_exception_inside_a_transaction_holds_nobody_up(make: Any) -> None:
    class Oops(Exception):
        pass

    with make() as world:
        world.reset()
        raised = threading.Event()

        def falls() -> None:
            try:
                with world.store.writing() as connection:
                    connection.exec_driver_sql("UPDATE delivery SET attempts = attempts")
                    connection.exec_driver_sql("UPDATE plan SET detail = 'touched'")
                    raise Oops
            except Oops:
                raised.set()

        thread = threading.Thread(target=falls)
        thread.start()
        thread.join()
        assert raised.is_set()
        begun = time.monotonic()
        assert world.sweep(DUE).sent == 4
        assert time.monotonic() - begun < 1
        assert world.rows("SELECT count(*) FROM plan WHERE detail IS NOT NULL") == [(0,)]
        assert judge(world.store, DUE, world.path).wrong == []
