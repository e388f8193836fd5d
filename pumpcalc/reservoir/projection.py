"""When the low-reservoir alarm is due, and when the pump can be at it, or dry, if it runs fast within its accuracy."""

from __future__ import annotations

from dataclasses import dataclass

from pumpcalc import formulas
from pumpcalc.reservoir.state import State
from pumpcalc.worksheet import Moment, Value, Worksheet

__all__ = ["Projection", "project"]


@dataclass(frozen=True)
class Projection:
    """What follows if nothing changes: each instant is None where it has come already, or cannot be said."""

    withdrawn: str | None = None
    """Why nothing is projected: unknown, not-programmed, stopped, dry or emptied."""
    low_reservoir_alarm: Moment | None = None
    worst_case_alarm: Moment | None = None
    worst_case_dry: Moment | None = None
    days_to_low_reservoir_alarm: Value | None = None
    """Exactly; the instants drop part hours."""


def project(work: Worksheet, state: State, alarm: Value) -> Projection:
    """The instants that follow from a state. The pump calculates its alarm from what is programmed."""
    if state.running != "running" or state.flow is None:
        return Projection(withdrawn=state.running)
    days, due = _down_to(work, state, state.volume, alarm, state.flow, "low_reservoir_alarm")
    if state.least is None or state.fast_flow is None:
        return Projection(None, due, days_to_low_reservoir_alarm=days)
    _, worst = _down_to(work, state, state.least, alarm, state.fast_flow, "worst_case_alarm")
    _, dry = _down_to(work, state, state.least, None, state.fast_flow, "worst_case_dry")
    return Projection(None, due, worst, dry, days)


def _down_to(
    work: Worksheet, state: State, volume: Value, alarm: Value | None, flow: Value, name: str
) -> tuple[Value | None, Moment | None]:
    """In how many days, and when, a volume is down to the alarm volume, or to nothing; None where it is already."""
    if volume.amount <= (0 if alarm is None else alarm.amount):
        return None, None
    usable = volume
    if alarm is not None:
        usable = work.step(formulas.volume_left, name=f"volume_to_{name}", volume=volume, taken=alarm, show="mL")
    days = work.step(formulas.days_to_deliver, name=f"days_to_{name}", volume=usable, flow_rate=flow, show="day")
    whole = work.whole_hours(f"hours_to_{name}", days)
    return days, work.moment_after(f"{name}_at", state.at, whole, pointer="/events")
