"""Fixtures of the service's tests: an empty store, a fictional clinic, a channel that can be told to fail, a server."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import postgres
import pytest
from api_fiction import House, Recorder, fictional, serving

from api.settings import Settings
from api.store import Store, migrate, open_store


@pytest.fixture(params=["sqlite", "postgresql"])
def backend(request: pytest.FixtureRequest) -> str:
    """Every test of the store runs on both databases, unless it is about one of them."""
    return str(request.param)


@pytest.fixture
def empty_url(backend: str, tmp_path: Path) -> Iterator[str]:
    """A database without tables."""
    if backend == "sqlite":
        yield f"sqlite:///{tmp_path}/store/pumpcalc.db"
    else:
        with postgres.database() as found:
            yield found


@pytest.fixture
def url(backend: str, tmp_path: Path) -> Iterator[str]:
    """A database with the present tables."""
    if backend == "sqlite":
        found = f"sqlite:///{tmp_path}/store/pumpcalc.db"
        migrate(found)
        yield found
    else:
        with postgres.database(migrated=True) as found:
            yield found


@pytest.fixture
def store(url: str) -> Iterator[Store]:
    opened = open_store(url)
    yield opened
    opened.close()


@pytest.fixture
def fiction(store: Store) -> House:
    return fictional(store)


@pytest.fixture
def make_fiction(store: Store) -> Callable[..., House]:
    return lambda **settings: fictional(store, **settings)


@pytest.fixture
def channel() -> Recorder:
    return Recorder()


@pytest.fixture
def serve() -> Callable[[Settings], contextlib.AbstractContextManager[httpx.Client]]:
    return serving


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    """One server for a module's tests, over a store of its own."""
    folder = tmp_path_factory.mktemp("service")
    settings = Settings(database_url=f"sqlite:///{folder}/pumpcalc.db", mail_folder=f"{folder}/mail")
    migrate(settings.database_url)
    with serving(settings) as made:
        yield made
