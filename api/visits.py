"""What a refill writes into the ledger: what was withdrawn, what was left, the fill, and how the pump is programmed."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any
from zoneinfo import ZoneInfo

from api.house import understood
from api.reservoirs import Reservoir, filled_at, fills, to_text
from api.store.types import Row
from pumpcalc import calculate
from pumpcalc.errors import Refusal, refused
from pumpcalc.quantities import Quantity
from pumpcalc.reservoir import Fill, State, Withdraw
from pumpcalc.worksheet import Calculation
from pumpcalc.worksheet.fields import Request, VolumeOrZeroField, YesNo, written_request

__all__ = ["Visit", "Written", "visit_of", "written_by"]

_LONGEST_EPOCH = 100
"""Events after which a reservoir that is emptied at a visit begins a new epoch: no question to the core is endless."""

_FIELDS: Mapping[str, Mapping[str, str]] = {
    "withdraw": {"/volume": "/withdrawn_volume", "/left_volume": "/left_volume"},
    "fill": {"/volume": "/fill_volume"},
    "rate-change": {"/drug": "/components/0/drug", "/concentration": "/components/0/concentration"},
}
"""Which field of a refill an event's own field comes from, where the two have different names."""


class Visit(Request):
    """What was found in the reservoir at a refill, and whether the patient begins anew."""

    withdrawn_volume: VolumeOrZeroField | None = None
    left_volume: VolumeOrZeroField | None = None
    new_start: YesNo = False


@dataclass(frozen=True)
class Written:
    """What a refill adds to the ledger."""

    reservoir: Reservoir
    residual: Calculation | None
    """What the core says of the volume that was withdrawn; None where none was, or the programme counted nothing."""


def visit_of(request: Mapping[str, Any]) -> tuple[Visit, dict[str, Any]]:
    """The part of a refill's body that is about the visit, and the rest of it."""
    own = {name: value for name, value in request.items() if name in Visit.model_fields}
    visit = understood(Visit, own)
    for name, other in (("withdrawn_volume", "left_volume"), ("left_volume", "withdrawn_volume")):
        if getattr(visit, name) is None and getattr(visit, other) is not None:
            how = ', "0 mL" when it was emptied' if name == "left_volume" else ""
            raise refused("missing", f"{name} is missing: {other} is stated, so state it too{how}.", f"/{name}")
    return visit, {name: value for name, value in request.items() if name not in own}


def written_by(
    held: Reservoir, visit: Visit, request: Mapping[str, Any], clinic: Row, refill_id: str, residual_id: str,
    now: dt.datetime,
) -> Written:  # fmt: skip
    """What a refill writes, its request being understood; ``residual_id`` is the name of its residual check.

    Raises Refusal at a field of the body: more was withdrawn than can be there, more would be in the reservoir than it
    holds, or the old dose would be resumed after an interval in which the reservoir may have been empty.
    """
    at = _instant_of(held, request, clinic["time_zone"])
    before = _state_at(held, at)
    _nothing_follows(held, visit, request, at)
    if visit.withdrawn_volume is None:
        return Written(_anew(held, visit, request, before, at, refill_id, now), None)
    if before is None:
        raise refused(
            "no-ledger",
            "Nothing is recorded of what was in this reservoir at that time, so nothing is expected in it: leave "
            "withdrawn_volume and left_volume out.",
            "/withdrawn_volume",
        )
    withdraw = {"event": "withdraw", "at": at.isoformat(), **written_request(visit)}
    withdraw["volume"] = withdraw.pop("withdrawn_volume")
    withdraw.pop("new_start", None)
    seen = _recorded(held, [withdraw], now)
    residual = _residual(held, visit, request, before, at)
    found = seen.ledger.state_at(at)
    linked = None if residual is None else residual_id
    after = held.recorded([withdraw], now, refill_id=refill_id, calculation_id=linked)
    filling = fills(request, at, new_start=visit.new_start)
    if found.naive:
        if not visit.new_start:
            _recorded(seen, filling[1:], now)
            raise AssertionError("the core resumes no old dose after an empty interval")
        # A fill is never put in under the old dose: the pump counts as stopped until the new start.
        filling = [{"event": "stop", "at": at.isoformat()}, *filling]
    anew = not found.naive and found.volume.amount == 0 and len(held.written) >= _LONGEST_EPOCH
    return Written(_recorded(after, filling, now, refill_id, anew=anew), residual)


def _nothing_follows(held: Reservoir, visit: Visit, request: Mapping[str, Any], at: dt.datetime) -> None:
    """Raises Refusal for a refill that is recorded so late that something has happened since.

    In a new epoch it would be lost; in the old one it could not stand while the reservoir is empty.
    """
    pointer = "/filled_at" if "filled_at" in request else "/fill_date"
    if later := held.later_than(at):
        raise refused(
            "events-after-fill",
            f"After this fill a {later[0]} is recorded already: reverse it, record the refill, then record it again.",
            pointer,
        )
    if visit.withdrawn_volume is not None and held.last_at is not None and held.last_at > at:
        raise refused(
            "events-after-fill",
            "After this fill another refill is recorded already: leave withdrawn_volume and left_volume out, and its "
            "fill counts as the whole content.",
            pointer,
        )


def _anew(
    held: Reservoir, visit: Visit, request: Mapping[str, Any], before: State | None, at: dt.datetime, refill_id: str,
    now: dt.datetime,
) -> Reservoir:  # fmt: skip
    """A fill of which it is not stated what it was put on top of: a new epoch, of which it is the whole content."""
    filling = fills(request, at, new_start=visit.new_start)
    if before is not None and before.naive:
        if visit.new_start:
            raise refused(
                "missing",
                "withdrawn_volume is missing: the ledger suspects that the reservoir was empty, so state what was "
                "withdrawn from it and, as left_volume, what was left in it.",
                "/withdrawn_volume",
            )
        _recorded(held, filling[1:], now)
    return _recorded(held, filling, now, refill_id, anew=True)


def _recorded(
    held: Reservoir, listed: Sequence[Mapping[str, Any]], now: dt.datetime, refill_id: str | None = None, *,
    anew: bool = False,
) -> Reservoir:  # fmt: skip
    """More events; a refusal points at the field of the refill that the event's field comes from."""
    try:
        return held.recorded(listed, now, refill_id=refill_id, anew=anew)
    except Refusal as refusal:
        told = []
        for problem in refusal.problems:
            _, place, *rest = problem.pointer.split("/")
            event = listed[int(place)]["event"]
            inside = "".join(f"/{part}" for part in rest)
            own = _FIELDS.get("rate-change" if event == "new-start" else event, {})
            pointer = "/filled_at" if inside in ("/at", "/recorded_at") else own.get(inside, inside)
            if problem.code == "restart-as-naive":
                pointer = "/daily_dose"
            told.append(problem.model_copy(update={"pointer": pointer}))
        raise Refusal(told) from None


def _instant_of(held: Reservoir, request: Mapping[str, Any], zone: str) -> dt.datetime:
    """The instant of a fill. Without an hour it is the earliest of its day at which nothing else is recorded yet."""
    at = filled_at(request, zone)
    last = held.last_at
    if "filled_at" in request or last is None:
        return at
    same_day = last.astimezone(ZoneInfo(zone)).date() == dt.date.fromisoformat(request["fill_date"])
    return max(at, last) if same_day else at


def _state_at(held: Reservoir, at: dt.datetime) -> State | None:
    """What the ledger says right before a visit; None before its first fill."""
    first = held.ledger.timeline[:1]
    return held.ledger.state_at(at) if first and first[0][1].at <= at else None


def _residual(
    held: Reservoir, visit: Visit, request: Mapping[str, Any], before: State, at: dt.datetime
) -> Calculation | None:
    """The residual check of a visit against the last fill, when nothing was withdrawn in between."""
    past = [event for _, event in held.ledger.timeline if event.at <= at]
    last = max(place for place, event in enumerate(past) if isinstance(event, Fill))
    fill = past[last]
    assert isinstance(fill, Fill)
    moved = before.moved[max(n for n, each in enumerate(before.moved) if each.way == "filled") :]
    programmed = sum((each.volume for each in moved if each.way == "delivered"), Fraction(0))
    if programmed == 0 or any(isinstance(event, Withdraw) for event in past[last:]):
        return None
    assert visit.withdrawn_volume is not None
    assert visit.left_volume is not None
    found = visit.withdrawn_volume.amount + visit.left_volume.amount
    left_before = before.volume.amount + programmed - fill.volume.amount
    asked = {
        "pump": held.ledger.pump.name,
        "fill_volume": _text(fill.volume),
        "programmed_volume": to_text(programmed, "mL"),
        "withdrawn_volume": to_text(found, "mL"),
        "left_volume": to_text(left_before, "mL"),
        "days_since_fill": to_text(Fraction(int((at - fill.at).total_seconds()), 86_400), "day"),
        "drug": request["components"][0]["drug"],
        "resume_daily_dose": request["daily_dose"],
    }
    if left_before == 0:
        del asked["left_volume"]
    return calculate("residual-check", asked)


def _text(volume: Quantity) -> str:
    return to_text(volume.amount, "mL")
