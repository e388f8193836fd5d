"""Whether the process lives, and whether it should be sent requests."""

from __future__ import annotations

from fastapi import APIRouter, Request
from pydantic import BaseModel, ConfigDict
from sqlalchemy.exc import SQLAlchemyError

from api.clock import Clock
from api.problems import NotReady, documented
from api.store import Store, is_current
from pumpcalc import library
from pumpcalc.errors import LibraryDefect

__all__ = ["router"]

TICK_SECONDS = 90
"""A sweep that has not gone well for so long is an alarm: reminders may not be going out."""

router = APIRouter(tags=["health"])


class Alive(BaseModel):
    """The process answers."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    status: str = "alive"


class Ready(BaseModel):
    """Every check passes."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    status: str = "ready"
    checks: list[str]


@router.get("/healthz", responses=documented(422, 431))
async def healthz() -> Alive:
    """The process lives."""
    return Alive()


@router.get("/readyz", responses=documented(422, 431, 503))
def readyz(request: Request) -> Ready:
    """The store answers with current tables, the library loads, reminders are swept, the clock can be believed.

    ``restored`` fails in a store that was put back from a copy, until an operator has looked at what it would send.
    """
    checks = {
        "store": _store_is_current(request.app.state.store),
        "library": _library_loads(),
        "sweep": _sweep_ticks(request.app.state.clock),
        "clock": request.app.state.engine.verdict.may_schedule,
        "restored": not request.app.state.engine.is_held,
    }
    if failing := [name for name, passes in checks.items() if not passes]:
        raise NotReady(failing)
    return Ready(checks=list(checks))


def _store_is_current(store: Store) -> bool:
    try:
        return is_current(store)
    except SQLAlchemyError:
        return False


def _library_loads() -> bool:
    try:
        library.load()
    except LibraryDefect:
        return False
    return True


def _sweep_ticks(clock: Clock) -> bool:
    ago = clock.seconds_since_tick()
    return ago is not None and ago <= TICK_SECONDS
