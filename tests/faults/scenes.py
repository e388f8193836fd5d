"""What a process may be doing when it dies: each scene is a state that is kept, and the work that is done from it."""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import os
import signal
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Any

from world import DUE, FILLS, Postbox, World

from api import house
from api.engine import replan_stale
from api.refills import record_refill
from api.reminders.notice import Address, Notice, Undeliverable
from api.responses import respond

__all__ = ["SCENES", "WATCHED", "Camera", "Fuse", "Scene", "is_down"]

SOON = DUE + dt.timedelta(minutes=1)
MORNING = dt.datetime(2026, 12, 15, 14, 0, tzinfo=dt.UTC)
"""Three days before the last safe day of the first pump."""


def is_down(_notice: Notice, _to: Address) -> None:
    """The receiver does not answer."""
    raise ConnectionRefusedError("no server")


def _refuses_one(_notice: Notice, to: Address) -> None:
    """One receiver will never take it, another does not answer, the third does."""
    if to.channel == "webhook":
        raise Undeliverable("gone")
    if to.address.startswith("head"):
        raise ConnectionRefusedError("no server")


@dataclass(frozen=True)
class Scene:
    """How it begins, what is done, and the instant at which it is done."""

    before: Callable[[World], object]
    work: Callable[[World], object]
    at: dt.datetime


def _nothing(_world: World) -> None:
    pass


def _waiting(world: World) -> None:
    """Everything that is due is queued, and no channel takes it."""
    world.sweep(DUE, Postbox(world.path, is_down))


def _changed(world: World) -> None:
    """The same, and the clinic has changed its hour."""
    world.sweep(MORNING, Postbox(world.path, is_down))
    house.change_settings(world.store, world.clinic, {"reminder_time": "10:00"}, MORNING)


def _refill(world: World) -> None:
    body: dict[str, Any] = FILLS["ziconotide"] | {"fill_date": "2026-12-16"}
    record_refill(world.store, world.clinic, world.pumps["ziconotide"], body, SOON)


def _answer(world: World) -> None:
    body = {"person_id": world.nurse, "kind": "snoozed", "until": (SOON + dt.timedelta(hours=1)).isoformat()}
    respond(world.store, world.clinic, world.pumps["ziconotide"], body, SOON)


def _book(world: World) -> None:
    body = {"person_id": world.nurse, "kind": "booked", "day": "2026-12-16"}
    respond(world.store, world.clinic, world.pumps["ziconotide"], body, MORNING)


SCENES = {
    "sweep": Scene(_nothing, lambda world: world.sweep(DUE), DUE),
    "fail": Scene(_nothing, lambda world: world.sweep(DUE, Postbox(world.path, _refuses_one)), DUE),
    "retry": Scene(_waiting, lambda world: world.sweep(SOON), SOON),
    "answer": Scene(_waiting, _answer, SOON),
    "book": Scene(
        lambda world: world.sweep(MORNING, Postbox(world.path, is_down)), _book, MORNING + dt.timedelta(seconds=1)
    ),
    "refill": Scene(_waiting, _refill, SOON),
    "replan": Scene(
        _changed,
        lambda world: replan_stale(world.store, lambda: MORNING + dt.timedelta(minutes=5)),
        MORNING + dt.timedelta(minutes=5),
    ),
}
"""The reminder path, one piece of it at a time: queue, claim, send, record; fail; try again; answer; refill; replan."""

WATCHED = ("api.reminders.", "api.plans", "api.responses", "api.refills", "api.engine", "api.store.")
"""The modules of which every bytecode is a moment to die at."""


class Fuse:
    """Counts the bytecodes of the watched modules, and kills its own process at one of them."""

    def __init__(self, at: int | None = None, tally: Path | None = None) -> None:
        self.at, self.tally, self.count = at, tally, 0

    def __call__(self, frame: FrameType, _event: str, _arg: object) -> Any:
        if not frame.f_globals.get("__name__", "").startswith(WATCHED):
            return None
        frame.f_trace_opcodes, frame.f_trace_lines = True, False
        return self._step

    def _step(self, _frame: FrameType, event: str, _arg: object) -> Any:
        if event == "opcode":
            self.count += 1
            self._counted()
        return self._step

    def _counted(self) -> None:
        if self.count == self.at:
            os.kill(os.getpid(), signal.SIGKILL)

    def burn(self, work: Callable[[], object]) -> None:
        """Do work with this fuse burning."""
        sys.settrace(self)
        try:
            work()
        finally:
            sys.settrace(None)
            if self.tally is not None:
                self.tally.write_text(self._told())

    def _told(self) -> str:
        return str(self.count)


class Camera(Fuse):
    """Looks at every bytecode at what a process that dies there would leave: the bytes of some files, and no more.

    The tally is how many bytecodes there were, and those at which the files were no longer what they had been.
    """

    def __init__(self, files: Sequence[Path], tally: Path) -> None:
        super().__init__(tally=tally)
        self.files = files
        self.changes: list[int] = []
        self._left = self._leaves()

    def _counted(self) -> None:
        left = self._leaves()
        if left != self._left:
            self.changes.append(self.count)
            self._left = left

    def _leaves(self) -> bytes:
        found = hashlib.blake2b()
        for file in self.files:
            found.update(file.read_bytes() if file.exists() else b"-")
            found.update(b"/")
        return found.digest()

    def _told(self) -> str:
        return json.dumps([self.count, self.changes])
