"""A pump whose reservoir volume nobody has read: it is recorded whether it runs, and nothing of what it holds."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from api.store import new_id
from pumpcalc import library
from pumpcalc.errors import echo, refused
from pumpcalc.reservoir.entry import ReservoirEvent
from pumpcalc.worksheet.fields import written_request

__all__ = ["Line", "Unmeasured"]

_FIELDS = {"stop": ("at",), "resume": ("at",), "mri": ("at",), "interrogation": ("at",), "reversal": ("of",)}
"""What can be said of such a pump, and what each needs."""
_MORE = {"interrogation": ("stopped_for",)}


@dataclass(frozen=True)
class Line:
    """One event that is to be kept."""

    epoch: int
    written: Mapping[str, Any]
    refill_id: str | None
    calculation_id: str | None


@dataclass(frozen=True)
class Unmeasured:
    """What is recorded of such a pump, and what is about to be. Its dates are those of its fill."""

    model: str
    position: int = 0
    """Of the last event that is kept."""
    written: tuple[Mapping[str, Any], ...] = ()
    new: tuple[Line, ...] = ()

    @property
    def is_kept(self) -> bool:
        """Whether the store holds any event of it."""
        return self.position > 0

    @property
    def pump_state(self) -> str:
        """What the pump does after everything that is recorded: active, stopped or unknown."""
        return _followed(self.written)

    @property
    def no_date(self) -> str | None:
        """Why no last safe day can be stated; None when one can."""
        return {"stopped": "stopped", "unknown": "unknown-state"}.get(self.pump_state)

    def recorded(self, listed: Sequence[Mapping[str, Any]], now: dt.datetime) -> Unmeasured:
        """The pump with more events. Raises Refusal, its pointers beginning with the place in ``listed``.

        What changes or measures the content is refused: the library does not hold what the reservoir takes.
        """
        added = []
        for place, event in enumerate(listed):
            if event["event"] not in _FIELDS:
                library.load().pump(self.model).reservoir_volume.required()
            self._check(event, f"/{place}")
            recorded_at = now.astimezone(dt.UTC).replace(microsecond=0).isoformat()
            entry = ReservoirEvent.model_validate({**event, "id": new_id("event"), "recorded_at": recorded_at})
            added.append(Line(1, written_request(entry), None, None))
            _followed((*self.written, *(line.written for line in added)), f"/{place}")
        written = (*self.written, *(line.written for line in added))
        return replace(self, written=written, new=(*self.new, *added))

    def _check(self, event: Mapping[str, Any], pointer: str) -> None:
        name = event["event"]
        allowed = (*_FIELDS[name], *_MORE.get(name, ()))
        for field in event:
            if field not in ("event", *allowed):
                raise refused(
                    "unknown-field",
                    f"{echo(field)} is not a field of {name}; its fields are {', '.join(allowed)}.",
                    f"{pointer}/{field}",
                    allowed=allowed,
                )
        for field in _FIELDS[name]:
            if field not in event:
                raise refused("missing", f"{field} is missing: {name} needs it.", f"{pointer}/{field}")
        if name == "reversal":
            there = {each["id"] for each in self.written if each["event"] != "reversal"}
            if event["of"] not in there - _taken_back(self.written):
                raise refused("unknown-event", f"There is no entry {echo(event['of'])} to reverse.", f"{pointer}/of")


def _taken_back(written: Sequence[Mapping[str, Any]]) -> set[str]:
    return {each["of"] for each in written if each["event"] == "reversal"}


def _followed(written: Sequence[Mapping[str, Any]], pointer: str = "") -> str:
    """What the pump does after these events, in the order of time. Raises Refusal where nobody can have known it."""
    counting = [each for each in written if "at" in each and each["id"] not in _taken_back(written)]
    stopped = unknown = False
    for each in sorted(counting, key=lambda each: dt.datetime.fromisoformat(each["at"])):
        name = each["event"]
        if unknown and name not in ("mri", "interrogation"):
            raise refused(
                "not-interrogated",
                "After a scan nobody knows whether the pump runs: record its interrogation first.",
                f"{pointer}/at",
            )
        stopped = name == "stop" or (stopped and name not in ("resume", "new-start"))
        unknown = name == "mri"
    return "unknown" if unknown else "stopped" if stopped else "active"
