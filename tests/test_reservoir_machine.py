"""The ledger against a model of plain fractions: anything that may be recorded, in any order, and what must then hold.

0 <= remaining <= capacity; the mass of each drug is conserved; any prefix of the entries gives the state that was;
a late entry equals the same entry in order; a reversal restores; a rate change does not touch what was before it.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from reservoir_model import CAPACITY, NotPossible, Tank, possible, tank_at

from pumpcalc import Refusal
from pumpcalc.quantities import CONCENTRATION, DAILY_DOSE, DURATION, VOLUME, Quantity
from pumpcalc.reservoir import (
    BolusLog,
    Entry,
    Fill,
    Interrogation,
    Ledger,
    Mri,
    NewStart,
    RateChange,
    Resume,
    Reversal,
    State,
    Stop,
    Withdraw,
)

_START = datetime.fromisoformat("2026-01-05T09:00:00-05:00")
_DRUGS = ("morphine", "baclofen")
_WAYS = ("filled", "delivered", "withdrawn", "unaccounted")
_SOON = st.sampled_from([0, 10, 90, 24 * 60, 9 * 24 * 60, 40 * 24 * 60])
"""Minutes until the next entry: at once, later in the visit, the next day, weeks."""
_BACK = st.sampled_from([0, 0, 0, 0, 5, 60, 3 * 24 * 60])
"""Minutes by which an entry is late."""
_STRENGTHS = st.sampled_from([Fraction(1, 2), Fraction(2), Fraction(10), Fraction(25)])
_DOSES = st.sampled_from([Fraction(1, 10), Fraction(1, 2), Fraction(1), Fraction(4), Fraction(9)])
_SOLUTIONS = st.dictionaries(st.sampled_from(_DRUGS), _STRENGTHS, max_size=2)


def _at(hour: Fraction) -> datetime:
    return _START + timedelta(minutes=int(hour * 60))


def _ml(amount: Fraction) -> Quantity:
    return Quantity(Fraction(amount), VOLUME, "mL")


def _entry(what: dict[str, Any], name: str, recorded: Fraction) -> Entry:
    """The same event as an entry of the ledger."""
    when = {"id": name, "recorded_at": _at(recorded), "at": _at(what["hour"])}
    if what["kind"] == "fill":
        told = {"programmed_reservoir_volume": _ml(what["told"])} if "told" in what else {}
        solution = tuple((drug, Quantity(mg * 1000, CONCENTRATION, "mg/mL")) for drug, mg in what["mg"].items())
        return Fill(**when, volume=_ml(what["ml"]), components=solution, **told)
    if what["kind"] == "withdraw":
        return Withdraw(**when, volume=_ml(what["ml"]), left_volume=_ml(what["left"]))
    if what["kind"] in ("program", "new-start"):
        kind = NewStart if what["kind"] == "new-start" else RateChange
        return kind(**when, drug=what["drug"], daily_dose=Quantity(what["dose"] * 1000, DAILY_DOSE, "mg/day"),
                    concentration=Quantity(what["strength"] * 1000, CONCENTRATION, "mg/mL"))  # fmt: skip
    if what["kind"] == "bolus":
        return BolusLog(**when, volume=_ml(what["ml"]))
    if what["kind"] == "interrogation":
        stood = {"stopped_for": Quantity(what["stood"] / 24, DURATION, "h")} if "stood" in what else {}
        return Interrogation(**when, **stood)
    return {"stop": Stop, "resume": Resume, "mri": Mri}[what["kind"]](**when)


def _tried(ledger: Ledger, entry: Entry) -> Ledger | Refusal:
    """The ledger with the entry, or why it is refused; the ledger that was is untouched either way."""
    entries = ledger.entries
    try:
        return ledger.record(entry)
    except Refusal as refusal:
        return refusal
    finally:
        assert ledger.entries is entries


def plainly(state: State) -> dict[str, Any]:
    """A state as fractions and words."""
    least = state.least
    assert least is not None
    return {
        "volume": state.volume.amount,
        "least": least.amount,
        "most": state.most,
        "flow": None if state.flow is None else state.flow.amount,
        "running": state.running,
        "naive": state.naive,
        "mass": {drug: state.mass(drug) for drug in _DRUGS},
        "moved": {way: state.total(way) for way in _WAYS},
        "mass moved": {(way, drug): state.total(way, drug) for way in _WAYS for drug in _DRUGS},
    }


def _as_modelled(tank: Tank) -> dict[str, Any]:
    empty = "emptied" if tank.emptied is not None else "dry"
    running = "unknown" if tank.scanned else "not-programmed" if tank.per_day is None else "stopped" if tank.stopped \
        else "running" if tank.volume else empty  # fmt: skip
    return {
        "volume": tank.volume,
        "least": tank.at_worst,
        "most": tank.at_best,
        "flow": tank.per_day,
        "running": running,
        "naive": tank.naive,
        "mass": {drug: 1000 * tank.volume * tank.mg.get(drug, 0) for drug in _DRUGS},
        "moved": {way: tank.moved.get(way, 0) for way in _WAYS},
        "mass moved": {(way, drug): 1000 * tank.mass_moved.get((way, drug), 0) for way in _WAYS for drug in _DRUGS},
    }


class LedgerAgainstFractions(RuleBasedStateMachine):
    """Records what may happen to a reservoir, in the ledger and in the model."""

    def __init__(self) -> None:
        super().__init__()
        self.ledger = Ledger.of("synchromed-ii-20")
        self.happened: dict[str, dict[str, Any]] = {}
        self.now = Fraction(0)
        self.snapshots: list[tuple[Ledger, Fraction, dict[str, Any]]] = []

    def _tank(self, hour: Fraction) -> Tank | None:
        try:
            return tank_at(list(self.happened.values()), hour)
        except NotPossible:
            return None

    def _unknown(self) -> bool:
        """Nobody has interrogated the pump since a scan: everything but an interrogation is refused."""
        tank = self._tank(self.now)
        return tank is not None and tank.scanned and len(self.happened) % 4 != 0

    def _moves_on(self, soon: int, back: int) -> Fraction:
        self.now += Fraction(soon, 60)
        return max(Fraction(0), self.now - Fraction(back, 60))

    def _record(self, **what: Any) -> None:
        """In both, or in neither."""
        name = f"entry-{len(self.ledger.entries)}"
        before = self.ledger
        after = _tried(before, _entry(what, name, self.now))
        assert isinstance(after, Ledger) == possible([*self.happened.values(), what]), (what, str(after))
        if isinstance(after, Refusal):
            assert after.problems[0].pointer.startswith(f"/events/{len(before.entries)}")
            return
        self.ledger = after
        self.happened[name] = what
        self._touches_nothing_before(before, what["hour"])
        restored = self.ledger.record(Reversal(id="taken-back", recorded_at=_at(self.now), of=name))
        assert self._states(restored) == self._states(before), "a reversal restores"

    def _touches_nothing_before(self, before: Ledger, hour: Fraction) -> None:
        """What was delivered before an event is what it was without it. A rate change counts from its own instant."""
        for minutes in {1, int(hour * 30), int(hour * 60)} - {0}:
            earlier = hour - Fraction(minutes, 60)
            assert self._states(self.ledger, earlier) == self._states(before, earlier)
        if self.happened[next(reversed(self.happened))]["kind"] in ("program", "new-start"):
            new, old = self._states(self.ledger, hour), self._states(before, hour)
            assert old is not None
            assert new is not None
            assert new["moved"] == old["moved"]
            assert new["volume"] == old["volume"]

    def _states(self, ledger: Ledger, hour: Fraction | None = None) -> dict[str, Any] | None:
        at = _at(self.now if hour is None else hour)
        if not ledger.timeline or at < ledger.timeline[0][1].at:
            with pytest.raises(Refusal, match="first fill"):
                ledger.state_at(at)
            return None
        return plainly(ledger.state_at(at))

    @initialize(strength=_STRENGTHS, more=_SOLUTIONS, running=st.booleans())
    def begin(self, strength: Fraction, more: dict[str, Fraction], running: bool) -> None:
        """Nearly always a reservoir that was filled and runs; sometimes nothing yet."""
        if running or more:
            self._record(kind="fill", hour=Fraction(0), ml=Fraction(18), mg={**more, "morphine": strength})
        if running:
            dose = strength * Fraction(2, 5)
            self._record(kind="program", hour=Fraction(0), drug="morphine", dose=dose, strength=strength)

    @precondition(lambda self: not self._unknown())
    @rule(soon=_SOON, back=_BACK, part=st.sampled_from([1, 2, 3, 10, 11]), mg=_SOLUTIONS,
          told=st.sampled_from([None, None, "right", "seen", "double"]))  # fmt: skip
    def fill(self, soon: int, back: int, part: int, mg: dict[str, Fraction], told: str | None) -> None:
        hour = self._moves_on(soon, back)
        tank = self._tank(hour)
        room = CAPACITY - (tank.volume if tank else 0)
        ml = room * part / 10 if part < 11 else room + Fraction(1, 10)
        if ml == 0:
            return
        there = ml + (tank.volume if tank else 0)
        seen = ml + (tank.seen if tank is not None and tank.seen is not None else there - ml)
        volumes = {"right": there, "seen": seen, "double": 2 * there}
        self._record(kind="fill", hour=hour, ml=ml, mg=mg, **({"told": volumes[told]} if told else {}))

    @precondition(lambda self: not self._unknown())
    @rule(soon=_SOON, back=_BACK, how=st.sampled_from(["all", "nothing", "a drop", "half", "more", "too much"]))
    def withdraw(self, soon: int, back: int, how: str) -> None:
        hour = self._moves_on(soon, back)
        tank = self._tank(hour)
        if tank is None:
            return
        ml, left = {
            "all": (tank.volume, Fraction(0)),
            "nothing": (Fraction(0), Fraction(0)),
            "a drop": (min(Fraction(1, 10), tank.at_best), Fraction(0)),
            "half": (tank.volume / 3, tank.volume / 2),
            "more": ((tank.volume + tank.at_best) / 2, Fraction(0)),
            "too much": (tank.at_best, Fraction(1, 10)),
        }[how]
        self._record(kind="withdraw", hour=hour, ml=ml, left=left)

    @precondition(lambda self: not self._unknown())
    @rule(soon=_SOON, back=_BACK, kind=st.sampled_from(["program", "program", "new-start"]),
          drug=st.sampled_from(_DRUGS), dose=_DOSES, strength=_STRENGTHS)  # fmt: skip
    def program(self, soon: int, back: int, kind: str, drug: str, dose: Fraction, strength: Fraction) -> None:
        self._record(kind=kind, hour=self._moves_on(soon, back), drug=drug, dose=dose, strength=strength)

    @precondition(lambda self: not self._unknown())
    @rule(soon=_SOON, back=_BACK, ml=st.sampled_from([Fraction(0), Fraction(1, 7), Fraction(3), Fraction(21)]))
    def bolus(self, soon: int, back: int, ml: Fraction) -> None:
        self._record(kind="bolus", hour=self._moves_on(soon, back), ml=ml)

    @precondition(lambda self: not self._unknown())
    @rule(soon=_SOON, back=_BACK, kind=st.sampled_from(["stop", "resume"]))
    def switch(self, soon: int, back: int, kind: str) -> None:
        self._record(kind=kind, hour=self._moves_on(soon, back))

    @precondition(lambda self: not self._unknown())
    @rule(soon=_SOON, back=_BACK)
    def scan(self, soon: int, back: int) -> None:
        self._record(kind="mri", hour=self._moves_on(soon, back))

    @precondition(lambda self: self._unknown() or len(self.happened) % 5 == 0)
    @rule(soon=_SOON, back=_BACK, stood=st.none() | st.integers(0, 30))
    def interrogate(self, soon: int, back: int, stood: int | None) -> None:
        log = {} if stood is None else {"stood": Fraction(stood)}
        self._record(kind="interrogation", hour=self._moves_on(soon, back), **log)

    @precondition(lambda self: len(self.happened) > 2)
    @rule(data=st.data())
    def reverse(self, data: st.DataObject) -> None:
        name = data.draw(st.sampled_from(sorted(self.happened)))
        without = {other: what for other, what in self.happened.items() if other != name}
        entry = Reversal(id=f"entry-{len(self.ledger.entries)}", recorded_at=_at(self.now), of=name)
        after = _tried(self.ledger, entry)
        assert isinstance(after, Ledger) == possible(list(without.values()))
        if isinstance(after, Refusal):
            return
        self.ledger, self.happened = after, without
        with pytest.raises(Refusal):
            self.ledger.record(Reversal(id="again", recorded_at=_at(self.now), of=name))

    @precondition(lambda self: self.ledger.entries)
    @rule(part=st.fractions(0, 1))
    def look_back(self, part: Fraction) -> None:
        """At any instant that has been, the ledger says what the model says."""
        hour = Fraction(int(self.now * 60 * part), 60)
        tank = self._tank(hour)
        assert self._states(self.ledger, hour) == (None if tank is None else _as_modelled(tank))

    @precondition(lambda self: self.ledger.entries)
    @rule()
    def in_order(self) -> None:
        """The same events, recorded in the order in which they happened, give the same state."""
        ordered = Ledger.of("synchromed-ii-20")
        for name, what in sorted(self.happened.items(), key=lambda pair: pair[1]["hour"]):
            ordered = ordered.record(_entry(what, name, what["hour"]))
        assert ordered.late == ()
        assert self._states(ordered) == self._states(self.ledger)

    @rule()
    def keep(self) -> None:
        """Remember what the ledger says now."""
        state = self._states(self.ledger)
        if state is not None:
            self.snapshots.append((self.ledger, self.now, state))

    @precondition(lambda self: self.snapshots)
    @rule(data=st.data())
    def replay(self, data: st.DataObject) -> None:
        """Any prefix of the entries, followed from the beginning, gives the state that was."""
        then, hour, state = data.draw(st.sampled_from(self.snapshots))
        prefix = Ledger(then.pump, then.library, self.ledger.entries[: len(then.entries)])
        assert prefix.entries == then.entries
        assert self._states(prefix, hour) == self._states(then, hour) == state
        if then.entries[-1].recorded_at < self.ledger.entries[-1].recorded_at:
            known = self.ledger.as_known_at(then.entries[-1].recorded_at)
            assert known.entries[: len(then.entries)] == then.entries

    @invariant()
    def the_ledger_says_what_the_model_says(self) -> None:
        tank, state = self._tank(self.now), self._states(self.ledger)
        assert state == (None if tank is None else _as_modelled(tank))

    @invariant()
    def nothing_is_made_and_nothing_is_lost(self) -> None:
        state = self._states(self.ledger)
        if state is None:
            return
        assert 0 <= state["least"] <= state["volume"] <= CAPACITY
        assert state["volume"] <= state["most"]
        moved = state["moved"]
        assert moved["filled"] == moved["delivered"] + moved["withdrawn"] + moved["unaccounted"] + state["volume"]
        for drug in _DRUGS:
            gone = sum(state["mass moved"][way, drug] for way in _WAYS[1:])
            assert state["mass moved"]["filled", drug] == gone + state["mass"][drug]


TestTheLedgerAgainstFractions = LedgerAgainstFractions.TestCase
TestTheLedgerAgainstFractions.settings = settings(
    max_examples=60, stateful_step_count=20, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
