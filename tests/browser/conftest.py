"""A real service with its engine, and a real browser that opens its pages as a person does."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from playwright.sync_api import Browser, sync_playwright

sys.path.append(str(Path(__file__).resolve().parents[1] / "api"))  # the fictions of the service's tests

from api_fiction import CLINIC, free_port, serving
from browsing import Clinic, Window

from api.settings import Settings
from api.store import migrate

_BROWSERS = ("chromium", "chromium-browser", "google-chrome")
_ARGUMENTS = (
    "--no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking "
    "--disable-component-update --disable-sync"
).split()


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """A browser without a window. Skips where none is installed; in CI it fails.

    While it is there, an event loop counts as running in this thread: it ends with the module, before others begin.
    """
    path = next((found for name in _BROWSERS if (found := shutil.which(name))), None)
    if path is None:
        missing = f"no browser on PATH: {', '.join(_BROWSERS)}"
        if os.environ.get("CI") == "true":
            pytest.fail(missing)
        pytest.skip(missing)
    with sync_playwright() as playwright:
        made = playwright.chromium.launch(executable_path=path, args=_ARGUMENTS)
        yield made
        made.close()


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[httpx.Client, Path]]:
    """A running service, and the folder of its mail."""
    folder, port = tmp_path_factory.mktemp("pages"), free_port()
    settings = Settings(
        database_url=f"sqlite:///{folder}/pumpcalc.db",
        mail_folder=f"{folder}/mail",
        public_url=f"http://127.0.0.1:{port}",
        sweep_seconds=0.5,
    )
    migrate(settings.database_url)
    with serving(settings, port) as client:
        yield client, folder / "mail"


@pytest.fixture
def make_clinic(service: tuple[httpx.Client, Path]) -> Callable[..., Clinic]:
    """A new clinic with settings of its own."""
    client, mail = service

    def make(**settings: Any) -> Clinic:
        made = client.post("/v1/clinics", json=CLINIC | {"reminder_time": "00:00"} | settings).json()["id"]
        found = Clinic(client, mail, made, "", "", "")
        found.patient = found.post("patients", {})["id"]
        found.nurse = found.post("people", {"name": "Fictional Nurse", "role": "nurse"})["id"]
        found.scheduler = found.post("people", {"name": "A <b>Fictional</b> & Person", "role": "scheduler"})["id"]
        return found

    return make


@pytest.fixture
def clinic(make_clinic: Callable[..., Clinic]) -> Clinic:
    return make_clinic()


@pytest.fixture
def open_window(browser: Browser) -> Iterator[Callable[..., Window]]:
    """A new window, of a person whose own clock is in another zone than the clinic's."""
    contexts = []

    def make(width: int = 1200, *, scripts: bool = True) -> Window:
        context = browser.new_context(
            viewport={"width": width, "height": 800}, timezone_id="Asia/Tokyo", java_script_enabled=scripts
        )
        contexts.append(context)
        context.set_default_timeout(15_000)
        return Window(context.new_page())

    yield make
    for context in contexts:
        context.close()


@pytest.fixture
def window(open_window: Callable[..., Window]) -> Window:
    return open_window()
