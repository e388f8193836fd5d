"""Fixtures of the service's tests: an empty store, a fictional clinic, a channel that can be told to fail, a server."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest
from api_fiction import House, Recorder, fictional, serving

from api.settings import Settings
from api.store import Store, migrate, open_store


@pytest.fixture
def url(tmp_path: Path) -> str:
    found = f"sqlite:///{tmp_path}/store/pumpcalc.db"
    migrate(found)
    return found


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
