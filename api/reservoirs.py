"""The reservoir of one pump as its ledger has it: read from the store, carried on by the core, written at its end.

The ledger is kept in epochs. A fill of which nobody said what it was put on top of begins a new one: from then on the
content is known again. The first events of a refill that an older version recorded are made up from its request.
"""

from __future__ import annotations

import datetime as dt
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction
from typing import Any
from zoneinfo import ZoneInfo

import sqlalchemy as sa

from api.reminders.ladder import instant_of
from api.store import new_id
from api.store.queries import events, records
from api.store.types import Row
from api.unmeasured import Line, Unmeasured
from pumpcalc import calculate, formulas, library
from pumpcalc.errors import Problem, Refusal, refused
from pumpcalc.quantities import CONCENTRATION, DAILY_DOSE, DRUG_MASS, VOLUME, read, read_number
from pumpcalc.reservoir import BolusLog, Event, Fill, Ledger, State
from pumpcalc.reservoir.entry import ReservoirEvent, record_all
from pumpcalc.worksheet import Calculation
from pumpcalc.worksheet.fields import written_request

__all__ = [
    "Reservoir",
    "by_ledger",
    "filled_at",
    "fills",
    "in_words",
    "keep",
    "reservoir_of",
    "to_be_filled",
    "to_text",
]

_PLACES = 9
"""Digits after the point that a request takes."""
_HARMLESS = ("stop", "resume", "mri", "interrogation")
"""Events by which a pump never delivers more than its programme."""


@dataclass(frozen=True)
class Reservoir:
    """What is recorded of a reservoir in the present epoch, and what is about to be."""

    ledger: Ledger
    epoch: int = 0
    position: int = 0
    """Of the last event that is kept, in any epoch."""
    written: tuple[Mapping[str, Any], ...] = ()
    of_refills: frozenset[str] = frozenset()
    """The ids of the events that a refill wrote."""
    new: tuple[Line, ...] = field(default=(), repr=False)

    @property
    def is_kept(self) -> bool:
        """Whether the store holds any event of it; if not, what there is was made up from its open refill."""
        return self.position > 0

    @property
    def state(self) -> State | None:
        """Right after the last event that counts; None before the first fill."""
        return self.ledger.latest

    @property
    def last_at(self) -> dt.datetime | None:
        """When the last event that counts happened."""
        return None if self.ledger.latest is None else self.ledger.latest.at.instant

    @property
    def pump_state(self) -> str:
        """What the pump does after everything that is recorded: active, stopped or unknown."""
        running = "active" if self.state is None else self.state.running
        return running if running in ("stopped", "unknown") else "active"

    @property
    def no_date(self) -> str | None:
        """Why no last safe day can be stated; None when one can."""
        if self.state is None:
            return "no-fill"
        if self.pump_state != "active":
            return {"stopped": "stopped", "unknown": "unknown-state"}[self.pump_state]
        if self.state.naive:
            return "possibly-empty"
        return "not-programmed" if self.state.flow is None else None

    def recorded(
        self,
        listed: Sequence[Mapping[str, Any]],
        now: dt.datetime,
        *,
        refill_id: str | None = None,
        calculation_id: str | None = None,
        anew: bool = False,
    ) -> Reservoir:
        """The reservoir with more events, each as a request writes it; ``anew`` begins an epoch with them.

        Raises Refusal when the ledger cannot be so; its pointers begin with the place in ``listed``, as in ``/0/at``.
        """
        ledger = Ledger.of(self.ledger.pump.name) if anew else self.ledger
        written = () if anew else self.written
        epoch = self.epoch + 1 if anew else self.epoch
        added = []
        for place, event in enumerate(listed):
            known = [entry.recorded_at for entry in ledger.entries[-1:]]
            recorded_at = max([now.astimezone(dt.UTC).replace(microsecond=0), *known])
            entry = ReservoirEvent.model_validate(
                {**event, "id": new_id("event"), "recorded_at": recorded_at.isoformat()}
            )
            try:
                ledger = record_all(ledger, [entry])
            except Refusal as refusal:
                raise Refusal(_pointed(problem, place) for problem in refusal.problems) from None
            added.append(Line(epoch, written_request(entry), refill_id, calculation_id))
        own = {line.written["id"] for line in added} if refill_id is not None else set()
        return replace(
            self,
            ledger=ledger,
            epoch=epoch,
            written=(*written, *(line.written for line in added)),
            of_refills=(frozenset() if anew else self.of_refills) | own,
            new=(*self.new, *added),
        )

    def later_than(self, instant: dt.datetime) -> tuple[str, ...]:
        """What was recorded, not by a refill, to have happened after an instant."""
        return tuple(
            self.written[position]["event"]
            for position, event in self.ledger.timeline
            if event.at > instant and event.id not in self.of_refills
        )

    def runs_as_filled(self, request: Mapping[str, Any]) -> bool:
        """Whether the ledger says no more than the refill of this request: nothing has happened since it.

        Under a day schedule the ledger counts the mean of the week only, so that there what cannot make a pump
        deliver more is counted as nothing too.
        """
        since = self._since_the_fill()
        others = [self.written[place]["event"] for place, event in since if event.id not in self.of_refills]
        if "base_rate" in request:
            return all(name in _HARMLESS for name in others)
        return not others and self._dose(request) == read(request["daily_dose"], DAILY_DOSE).amount

    def _since_the_fill(self) -> list[tuple[int, Event]]:
        """The events that count and that follow the last fill, in the order of time."""
        timeline = self.ledger.timeline
        last = max((n for n, (_, event) in enumerate(timeline) if isinstance(event, Fill)), default=-1)
        return list(timeline[last + 1 :])

    def _dose(self, request: Mapping[str, Any]) -> Fraction | None:
        """The daily dose of a fill's primary drug that the flow delivers at the concentration that was filled."""
        if self.state is None or self.state.flow is None:
            return None
        strength = read(request["components"][0]["concentration"], CONCENTRATION).amount
        dose: Fraction = formulas.daily_dose(flow_rate=self.state.flow.amount, concentration=strength)
        return dose

    def daily_dose(self, request: Mapping[str, Any]) -> str:
        """The same as a refill schedule takes it, rounded up in its last place: a day too early, never one too late."""
        dose = self._dose(request)
        assert dose is not None
        stated = read(request["daily_dose"], DAILY_DOSE)
        return to_text(dose / stated.kind.factors[stated.spelling], stated.spelling, up=True)

    def question(self, model: str, alarm_volume: str, at: dt.datetime) -> dict[str, Any]:
        """The reservoir-state that is asked of the core at an instant."""
        return {
            "pump": model,
            "low_reservoir_alarm_volume": alarm_volume,
            "events": [dict(event) for event in self.written],
            "at": at.astimezone(dt.UTC).replace(microsecond=0).isoformat(),
        }

    def with_possible_boluses(self, request: Mapping[str, Any]) -> Reservoir:
        """The reservoir when every bolus was delivered that its fill allows and that no log has counted yet.

        A fill without boluses stays as it is. It is for a question, and never kept.
        """
        if "boluses_per_day" not in request or self.state is None or self.last_at is None:
            return self
        since = [event.at for _, event in self._since_the_fill() if isinstance(event, BolusLog)]
        counted = max([*since, self._filled()])
        days = Fraction(int((self.last_at - counted).total_seconds()), 86_400)
        strength = read(request["components"][0]["concentration"], CONCENTRATION).amount
        each = read(request["dose_per_bolus"], DRUG_MASS).amount / strength
        possible = _up(days) * read_number(str(request["boluses_per_day"])) * each
        if possible == 0 or self.state.volume.amount == 0:
            return self
        volume = to_text(min(possible, self.state.volume.amount), "mL")
        log = {"event": "bolus-log", "at": self.last_at.isoformat(), "volume": volume}
        return replace(self.recorded([log], self.last_at), new=self.new)

    def _filled(self) -> dt.datetime:
        return max(event.at for _, event in self.ledger.timeline if isinstance(event, Fill))


def _pointed(problem: Problem, place: int) -> Problem:
    """A problem of one event, at its place in what was listed."""
    inside = re.sub(r"^/events/\d+", "", problem.pointer)
    return problem.model_copy(update={"pointer": f"/{place}{inside}"})


def _up(number: Fraction) -> int:
    return -(-number.numerator // number.denominator)


def to_text(number: Fraction, unit: str, *, up: bool = False) -> str:
    """An exact number as a request takes it, rounded down (or up) in its ninth place where it does not end before."""
    scaled = number * 10**_PLACES
    whole = _up(scaled) if up else scaled.numerator // scaled.denominator
    digits = str(whole).rjust(_PLACES + 1, "0")
    return f"{digits[:-_PLACES]}.{digits[-_PLACES:]}".rstrip("0").rstrip(".") + f" {unit}"


def filled_at(request: Mapping[str, Any], zone: str) -> dt.datetime:
    """The instant of a refill. Of one whose hour was not stated the earliest of its day: a pump that ran longer."""
    if "filled_at" in request:
        return dt.datetime.fromisoformat(request["filled_at"]).replace(microsecond=0)
    return instant_of(dt.datetime.combine(dt.date.fromisoformat(request["fill_date"]), dt.time()), zone)


def fills(request: Mapping[str, Any], at: dt.datetime, *, new_start: bool = False) -> list[dict[str, Any]]:
    """What a refill does: it fills, and the pump is programmed."""
    primary = request["components"][0]
    fill = {
        "event": "fill",
        "at": at.isoformat(),
        "volume": request["fill_volume"],
        "components": request["components"],
    }
    programmed = {
        "event": "new-start" if new_start else "rate-change",
        "at": at.isoformat(),
        "drug": primary["drug"],
        "daily_dose": request["daily_dose"],
        "concentration": primary["concentration"],
    }
    return [fill, programmed]


def reservoir_of(connection: sa.Connection, clinic: Row, pump: Row) -> Reservoir | Unmeasured:
    """What is recorded of the reservoir of a pump, or of a pump whose reservoir volume nobody has read.

    Where nothing is, but a refill is open that an older version recorded, its events are made up: they are kept with
    the next event.
    """
    rows = events.last_epoch(connection, clinic["id"], pump["id"])
    written = tuple(json.loads(row["written"]) for row in rows if row["event"] != "explant")
    unread = not library.load().pump(pump["model"]).reservoir_volume.is_known
    if unread or (written and written[0]["event"] != "fill"):  # or it was read only after these events
        return Unmeasured(pump["model"], rows[-1]["position"] if rows else 0, written)
    empty = Reservoir(Ledger.of(pump["model"]))
    if rows:
        entries = [ReservoirEvent.model_validate(each) for each in written]
        own = frozenset(row["id"] for row in rows if row["refill_id"] is not None)
        last = rows[-1]
        return replace(
            empty,
            ledger=record_all(empty.ledger, entries),
            epoch=last["epoch"],
            position=last["position"],
            written=written,
            of_refills=own,
        )
    refill = records.open_refill(connection, clinic["id"], pump["id"])
    if refill is None:
        return empty
    request = json.loads(refill["request"])
    at = filled_at(request, clinic["time_zone"])
    try:
        return empty.recorded(fills(request, at), max(refill["recorded_at"], at), refill_id=refill["id"], anew=True)
    except Refusal:  # an older version recorded what cannot be in this reservoir: nothing is known of it
        return empty


def by_ledger(
    clinic: Row, pump: Row, held: Reservoir, request: Mapping[str, Any]
) -> tuple[Calculation, dict[str, Any]]:
    """What the ledger says right after its last event, and that as fields of a refill schedule.

    A refill schedule takes no more to be there than was filled: what was left before the fill is not counted.
    """
    if "base_rate" in request:
        raise refused(
            "day-schedule",
            "The fill runs under a day schedule, of which the ledger counts the mean of the week only: record the next "
            "refill to have a day again.",
        )
    at = held.last_at
    assert at is not None
    possible = held.with_possible_boluses(request)
    alarm = clinic["low_reservoir_alarm_volume"]
    if alarm is None:
        raise refused("clinic-setting-missing", "The clinic has taken back its low_reservoir_alarm_volume.")
    calculation = calculate("reservoir-state", possible.question(pump["model"], alarm, at))
    state = possible.state
    assert state is not None
    filled = read(request["fill_volume"], VOLUME).amount
    since: dict[str, Any] = {
        "as_of": at.astimezone(ZoneInfo(clinic["time_zone"])).date().isoformat(),
        "volume_then": to_text(min(state.volume.amount, filled), "mL"),
        "daily_dose": held.daily_dose(request),
    }
    if state.least is not None:
        since["least_volume_then"] = to_text(min(state.least.amount, state.volume.amount, filled), "mL")
    return calculation, since


def in_words(request: Mapping[str, Any], by_ledger: Calculation, calculation_id: str) -> str:
    """Where the volume of a plan comes from, in words."""
    hour = "" if "filled_at" in request else " Its fill counts from the beginning of its day, the hour being unknown."
    boluses = " Boluses that no log has counted are taken as delivered." if "boluses_per_day" in request else ""
    held, at = by_ledger.answers["volume"], by_ledger.request["at"]
    return f"By the ledger the reservoir held {held} at {at} ({calculation_id}).{hour}{boluses}"


def to_be_filled(held: Reservoir | Unmeasured) -> Reservoir | None:
    """The reservoir that a refill is written into; None where nobody has read what it holds."""
    if isinstance(held, Reservoir):
        return held
    if not library.load().pump(held.model).reservoir_volume.is_known:
        return None
    return Reservoir(Ledger.of(held.model), epoch=1 if held.is_kept else 0, position=held.position)


def keep(connection: sa.Connection, pump: Row, reservoir: Reservoir | Unmeasured, now: dt.datetime) -> list[str]:
    """Write the new events at the end of the ledger. Their ids. ``pump`` is locked by the caller."""
    rows = [
        {
            "clinic_id": pump["clinic_id"],
            "id": line.written["id"],
            "pump_id": pump["id"],
            "position": reservoir.position + number,
            "epoch": line.epoch,
            "event": line.written["event"],
            "at": dt.datetime.fromisoformat(line.written["at"]) if "at" in line.written else None,
            "written": json.dumps(line.written, ensure_ascii=False),
            "refill_id": line.refill_id,
            "calculation_id": line.calculation_id,
            "recorded_at": now,
        }
        for number, line in enumerate(reservoir.new, 1)
    ]
    events.add_events(connection, rows)
    return [row["id"] for row in rows]
