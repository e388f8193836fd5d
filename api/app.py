"""The one place that wires everything: settings, store, channel, clock, routes, errors, docs."""

from __future__ import annotations

import contextlib
import datetime as dt
from collections.abc import AsyncIterator

from fastapi import Depends, FastAPI

from api import board_page, clock, docs_page, openapi, problems, pump_page
from api.door import Door, only_known_parameters
from api.engine import Engine, Post
from api.refills import refill_request
from api.reminders.channels import channels_of
from api.reminders.dead_man import DeadManPing
from api.routes import calculations, clinics, health, outside, people, pumps, what_if
from api.settings import Settings, read_settings
from api.store import Store, open_store
from pumpcalc import CALCULATORS, NOTICE, library
from pumpcalc.version import VERSION

__all__ = ["create_app", "engine_of"]


def engine_of(settings: Settings, store: Store) -> Engine:
    """The engine of this process: what the clock wakes."""
    post = Post(
        channels=channels_of(settings),
        public_url=settings.public_url,
        lease=dt.timedelta(seconds=settings.lease_seconds),
        senders=settings.senders,
    )
    ping = None if settings.ping_url is None else DeadManPing(settings.ping_url.get_secret_value())
    return Engine(store, post, clock.now, clock.uptime, ping)


def create_app(settings: Settings | None = None) -> FastAPI:
    """The application. Its clock starts with it and ends with it; its store must have been migrated."""
    settings = settings or read_settings()
    library.load()
    store = open_store(settings.database_url)
    engine = engine_of(settings, store)
    ticker = clock.Clock(engine.tick, settings.sweep_seconds)

    @contextlib.asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        ticker.start()
        try:
            yield
        finally:
            ticker.stop()
            store.close()

    app = FastAPI(
        title="pumpcalc",
        version=VERSION,
        summary="Intrathecal pump dosing and refills: every number with its steps, limits and sources.",
        description=NOTICE,
        license_info={"name": "Apache-2.0", "identifier": "Apache-2.0"},
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        lifespan=lifespan,
        dependencies=[Depends(only_known_parameters)],
        telemetry={"tracing": False, "metrics": False, "logs": False},
    )
    app.state.store = store
    app.state.clock = ticker
    app.state.engine = engine
    app.state.body_seconds = settings.body_seconds
    app.add_middleware(Door)
    problems.install(app)
    docs_page.install(app)
    board_page.install(app)
    pump_page.install(app)
    app.include_router(calculations.router())
    app.include_router(what_if.router())
    app.include_router(clinics.router)
    app.include_router(people.router)
    app.include_router(pumps.router)
    app.include_router(outside.router)
    app.include_router(health.router)
    requests = [found.request for found in CALCULATORS.values()]
    batches = [calculations.batch_of(found) for found in CALCULATORS.values()]
    changes = [what_if.what_if_of(found) for found in CALCULATORS.values()]
    requests += [*batches, *changes, *clinics.REQUESTS, *people.REQUESTS, *pumps.requests(), refill_request()]
    openapi.describe(app, requests)
    return app
