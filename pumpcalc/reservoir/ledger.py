"""The ledger of one reservoir: append-only, immutable, exact.

Recording an entry gives a new ledger and leaves the old one as it was. Nothing is edited and nothing is erased: a
mistake is taken back by a reversing entry. What the reservoir holds at an instant follows from the entries alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from pumpcalc import library as drug_library
from pumpcalc.errors import Refusal, refused
from pumpcalc.library import Library, Pump
from pumpcalc.quantities import Quantity
from pumpcalc.reservoir.events import Entry, Event, Reversal
from pumpcalc.reservoir.follow import follow
from pumpcalc.reservoir.projection import Projection, project
from pumpcalc.reservoir.state import State
from pumpcalc.worksheet import Worksheet

__all__ = ["Ledger"]


@dataclass(frozen=True)
class Ledger:
    """What happened to one reservoir, in the order in which it was recorded.

    >>> from datetime import UTC, datetime
    >>> from pumpcalc.quantities import FLOW_RATE, VOLUME, read
    >>> from pumpcalc.reservoir import Fill, RateChange
    >>> now = {"at": datetime(2026, 1, 5, tzinfo=UTC), "recorded_at": datetime(2026, 1, 5, tzinfo=UTC)}
    >>> ledger = Ledger.of("synchromed-ii-20").record(Fill(id="a", volume=read("20 mL", VOLUME), components=(), **now))
    >>> ledger = ledger.record(RateChange(id="b", flow_rate=read("0.4 mL/day", FLOW_RATE), **now))
    >>> str(ledger.state_at(datetime(2026, 1, 15, tzinfo=UTC)).volume)
    '16 mL'
    """

    pump: Pump
    library: Library = field(repr=False, compare=False)
    entries: tuple[Entry, ...] = ()
    latest: State | None = field(default=None, repr=False, compare=False)
    """The state right after the last event that counts: what follows from the entries, kept so as not to repeat it."""

    @classmethod
    def of(cls, pump: str, library: Library | None = None) -> Ledger:
        """An empty ledger for a pump model. Raises Refusal for a pump whose reservoir volume nobody has read."""
        shelf = library or drug_library.load()
        device = shelf.pump(pump)
        device.reservoir_volume.required()
        return cls(device, shelf)

    def record(self, entry: Entry) -> Ledger:
        """The ledger with one more entry.

        Raises Refusal, pointing at the entry, when it cannot be so: a volume above the capacity, more withdrawn than
        there can be, an event before the first fill, a second entry of one id, a reversal of what is not there or is
        reversed already, an old dose after an empty interval; or when an entry recorded earlier could then not stand.
        """
        place = f"/events/{len(self.entries)}"
        self._check_order(entry, place)
        if isinstance(entry, Reversal):
            self._check_reversal(entry, place)
        longer = replace(self, entries=(*self.entries, entry))
        in_order = isinstance(entry, Event) and self.latest is not None and entry.at >= self.latest.at.instant
        to_follow = longer.timeline[-1:] if in_order else longer.timeline
        try:
            latest = self._follow(to_follow, start=self.latest if in_order else None) if to_follow else None
        except Refusal as refusal:
            raise _told_of(refusal, longer, place) from None
        return replace(longer, latest=latest)

    def _follow(
        self, timeline: Sequence[tuple[int, Event]], until: datetime | None = None, start: State | None = None
    ) -> State:
        return follow(self._scratch(), self.pump, timeline, until, start)

    def _check_order(self, entry: Entry, place: str) -> None:
        if any(entry.id == each.id for each in self.entries):
            raise refused(
                "duplicate", f"There is an entry {entry.id} already: give this one an id of its own.", f"{place}/id"
            )
        if self.entries and entry.recorded_at < self.entries[-1].recorded_at:
            raise refused(
                "recorded-out-of-order",
                "A ledger is written in order, and this is recorded before the entry above it. What happened earlier "
                "and is recorded late keeps its own instant, at.",
                f"{place}/recorded_at",
            )

    def _check_reversal(self, entry: Reversal, place: str) -> None:
        found = next((each for each in self.entries if each.id == entry.of), None)
        if found is None:
            raise refused("unknown-event", f"There is no entry {entry.of} to reverse.", f"{place}/of")
        if isinstance(found, Reversal):
            raise refused(
                "not-reversible", f"{entry.of} is itself a reversal: record again what it took back.", f"{place}/of"
            )
        if entry.of in self.taken_back:
            raise refused("already-reversed", f"{entry.of} is reversed already.", f"{place}/of")

    def _scratch(self) -> Worksheet:
        return Worksheet("reservoir-state", self.library, {})

    @property
    def taken_back(self) -> frozenset[str]:
        """The ids of the entries that were reversed."""
        return frozenset(each.of for each in self.entries if isinstance(each, Reversal))

    @property
    def timeline(self) -> tuple[tuple[int, Event], ...]:
        """The events that count, in the order of time, each with its position; those of one instant as recorded."""
        taken_back = self.taken_back
        events = [
            (position, each)
            for position, each in enumerate(self.entries)
            if isinstance(each, Event) and each.id not in taken_back
        ]
        return tuple(sorted(events, key=lambda pair: pair[1].at))

    @property
    def late(self) -> tuple[str, ...]:
        """The ids of the events that happened before one that was recorded before them."""
        events = [each for each in self.entries if isinstance(each, Event)]
        return tuple(
            each.id for position, each in enumerate(events) if any(each.at < before.at for before in events[:position])
        )

    def as_known_at(self, instant: datetime) -> Ledger:
        """The ledger as it was written at an instant: without what was recorded later."""
        then = Ledger(self.pump, self.library, tuple(each for each in self.entries if each.recorded_at <= instant))
        return replace(then, latest=then._follow(then.timeline)) if then.timeline else then

    def state_at(self, instant: datetime) -> State:
        """What the reservoir holds and does at an instant. Raises Refusal ``before-first-fill``."""
        if self.latest is not None and instant >= self.latest.at.instant:
            return self._follow((), instant, self.latest)
        return self._follow(self.timeline, instant)

    def projection(self, instant: datetime, alarm_volume: Quantity) -> Projection:
        """When the alarm is due, and when the pump can be at it or dry at worst; or why that cannot be said."""
        work = self._scratch()
        return project(work, self.state_at(instant), work.given("low_reservoir_alarm_volume", alarm_volume))


def _told_of(refusal: Refusal, ledger: Ledger, place: str) -> Refusal:
    """A refusal that points at the entry to be recorded, whichever event it is that could then not stand."""
    told = []
    for problem in refusal.problems:
        if problem.pointer == place or problem.pointer.startswith(f"{place}/"):
            told.append(problem)
            continue
        other = [each.id for at, each in enumerate(ledger.entries) if problem.pointer.startswith(f"/events/{at}/")]
        what = f"entry {other[-1]}" if other else "the ledger"
        told.append(
            problem.model_copy(update={"pointer": place, "detail": f"With this, {what} cannot stand: {problem.detail}"})
        )
    return Refusal(told)
