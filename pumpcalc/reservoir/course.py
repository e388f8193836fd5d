"""What time does to a reservoir: the programme delivers, and the reservoir may run dry.

Delivery takes the solution at the concentration that is in the reservoir. Beside the volume by the programme goes the
least that can be there if the pump runs as fast as its stated accuracy allows.
"""

from __future__ import annotations

from dataclasses import replace

from pumpcalc import formulas
from pumpcalc.errors import Refusal, refused
from pumpcalc.library import Drug, Pump
from pumpcalc.reservoir.restart import in_days
from pumpcalc.reservoir.state import Moved, State
from pumpcalc.worksheet import Moment, Value, Worksheet, days_between

__all__ = ["Course"]


class Course:
    """The course of one reservoir, written on a worksheet. A refusal points at the event that cannot stand."""

    def __init__(self, work: Worksheet, pump: Pump) -> None:
        self.work = work
        self.pump = pump
        self.capacity = pump.reservoir_volume.required()
        self.accuracy = work.fact("flow_accuracy", pump.flow_accuracy) if pump.flow_accuracy.is_known else None
        self.pointer = ""

    def refuse(self, code: str, detail: str, field: str = "") -> Refusal:
        """A refusal of the event that is being worked, ready to raise."""
        return refused(code, detail, f"{self.pointer}{field}")

    def drug(self, name: str, field: str) -> Drug:
        """A drug's monograph, or a refusal that points at the field."""
        return self.work.drug(name, f"{self.pointer}{field}")

    def dry_words(self, state: State) -> str:
        """For about how many days the reservoir was dry."""
        until = (state.dry_until or state.at).instant
        longest = days_between((state.possibly_dry_since or state.dry_since or state.filled_at).instant, until)
        if state.dry_since is None:
            return f"The reservoir may have been dry for up to about {in_days(longest, up=True)}."
        shortest = days_between(state.dry_since.instant, until)
        return (
            f"By its programme the reservoir was dry for about {in_days(shortest, up=False)}; for up to about "
            f"{in_days(longest, up=True)} if the pump ran fast."
        )

    def later(self, name: str, start: Moment, days: Value) -> Moment:
        """The instant so much later, part hours dropped."""
        whole = self.work.whole_hours(f"hours_to_{name}", days)
        return self.work.moment_after(name, start, whole, pointer=self.pointer)

    def advanced(self, state: State, now: Moment, n: str, stood: Value | None = None) -> State:
        """The state when time has gone by, less the time for which the pump is known to have stood."""
        state = self._stood_empty(state, now)
        delivers = state.flow is not None and state.stopped_since is None and state.volume.amount > 0
        if not delivers or now.instant == state.at.instant:
            return replace(state, at=now)
        days = self.work.elapsed(f"days_to_{n}", state.at, now)
        if stood is not None:
            days = self.work.step(formulas.days_left, name=f"days_running_to_{n}", days=days, taken=stood, show="day")
        after = self._fast(self._by_programme(state, days, n, stood), state, days, n)
        return replace(after, at=now)

    def _stood_empty(self, state: State, now: Moment) -> State:
        """A reservoir that was emptied on purpose is dry when it stands empty for long, with the pump running."""
        if state.emptied_since is None or state.running != "emptied" or state.naive:
            return state
        long = self.work.library.residual_rules.emptied_counts_as_dry_after.required().amount
        if days_between(state.emptied_since.instant, now.instant) < long:
            return state
        since = state.emptied_since
        return replace(state, naive=True, dry_since=since, possibly_dry_since=since, dry_until=None)

    def _by_programme(self, state: State, days: Value, n: str, stood: Value | None) -> State:
        """What the programme delivers in this time, and whether the reservoir then runs dry."""
        assert state.flow is not None
        programmed = self.work.step(
            formulas.programmed_volume, name=f"programmed_to_{n}", flow_rate=state.flow, days=days, show="mL"
        )
        after = self.delivered(state, programmed, f"volume_before_{n}")
        if after.volume.amount > 0:
            return after
        lasted = self.work.step(
            formulas.days_to_deliver,
            name=f"days_to_dry_{n}",
            volume=state.volume,
            flow_rate=state.flow,
            show="day",
        )
        if stood is not None:
            lasted = self.work.total(f"days_to_dry_with_stop_{n}", [lasted, stood], "day")
        return self.dry(after, self.later(f"dry_since_{n}", state.at, lasted))

    def _fast(self, after: State, before: State, days: Value, n: str) -> State:
        """What is left at least, and since when the reservoir can have been dry."""
        if before.least is None or before.fast_flow is None or before.least.amount == 0:
            return after
        fast = self.work.step(
            formulas.programmed_volume, name=f"fast_to_{n}", flow_rate=before.fast_flow, days=days, show="mL"
        )
        least = self.taken(before.least, fast, f"least_before_{n}")
        if least.amount > 0:
            return replace(after, least=least)
        lasted = self.work.step(
            formulas.days_to_deliver,
            name=f"days_to_dry_if_fast_{n}",
            volume=before.least,
            flow_rate=before.fast_flow,
            show="day",
        )
        return replace(after, least=least, possibly_dry_since=self.later(f"possibly_dry_since_{n}", before.at, lasted))

    def taken(self, volume: Value, programmed: Value, name: str) -> Value:
        """What is left when a programmed volume is taken: never less than nothing."""
        if programmed.amount > volume.amount:
            programmed = self.work.least(f"taken_for_{name}", [volume, programmed], "mL")
        return self.work.step(formulas.volume_left, name=name, volume=volume, taken=programmed, show="mL")

    def delivered(self, state: State, programmed: Value, name: str) -> State:
        """The programmed volume leaves the reservoir, or as much of it as is there."""
        volume = self.taken(state.volume, programmed, name)
        gone = Moved("delivered", state.volume.amount - volume.amount, state.contents)
        return replace(state, volume=volume, moved=(*state.moved, gone))

    def dry(self, state: State, since: Moment) -> State:
        """By the programme nothing is left: an empty interval, unless a withdrawal shows otherwise."""
        return replace(state, naive=True, dry_since=state.dry_since or since, dry_until=None)
