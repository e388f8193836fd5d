"""The events of a reservoir, followed in the order of time from its first fill to an instant."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from pumpcalc.library import Pump
from pumpcalc.reservoir.course import Course
from pumpcalc.reservoir.events import BolusLog, Event, Fill, Interrogation, Mri, RateChange, Resume, Withdraw
from pumpcalc.reservoir.needle import filled, withdrawn
from pumpcalc.reservoir.programmer import bolused, programmed, resumed
from pumpcalc.reservoir.state import State
from pumpcalc.worksheet import Value, Worksheet, days_between

__all__ = ["follow"]


def follow(
    work: Worksheet,
    pump: Pump,
    timeline: Sequence[tuple[int, Event]],
    until: datetime | None = None,
    state: State | None = None,
) -> State:
    """The state after the events, or at an instant: events that lie after it do not count.

    Each event comes with its position in the ledger, which a refusal points at. ``state`` is where to go on from, when
    the events before are followed already. Raises Refusal ``before-first-fill``.
    """
    course = Course(work, pump)
    for position, event in timeline:
        if until is None or event.at <= until:
            course.pointer = f"/events/{position}"
            state = _after(course, state, str(position + 1), event)
    course.pointer = ""
    if state is None:
        raise course.refuse("before-first-fill", "Before its first fill nothing is known of a reservoir.", "/at")
    return state if until is None else course.advanced(state, work.given_moment("at", until), "now")


def _after(course: Course, state: State | None, n: str, event: Event) -> State:
    """The state right after an event."""
    now = course.work.given_moment(f"at_{n}", event.at)
    if state is None:
        if not isinstance(event, Fill):
            raise course.refuse("before-first-fill", "The first event of a reservoir is a fill.", "/at")
        return filled(course, None, now, n, event)
    if state.unknown_since is not None and not isinstance(event, Interrogation | Mri):
        raise course.refuse(
            "not-interrogated",
            f"After the scan of {state.unknown_since} nobody knows whether the pump runs: record its interrogation "
            "first.",
            "/at",
        )
    state = course.advanced(state, now, n, _stood(course, state, n, event))
    match event:
        case Fill():
            state = filled(course, state, now, n, event)
        case Withdraw():
            state = withdrawn(course, state, now, n, event)
        case RateChange():
            state = programmed(course, state, n, event)
        case BolusLog():
            state = bolused(course, state, now, n, event)
        case Resume():
            state = resumed(course, state)
        case Mri():
            state = state if state.unknown_since else replace(state, unknown_since=now, scanned_volume=state.volume)
        case Interrogation():
            state = replace(state, unknown_since=None, scanned_volume=None)
        case _:
            state = replace(state, stopped_since=state.stopped_since or now)
    return state


def _stood(course: Course, state: State, n: str, event: Event) -> Value | None:
    """For how long the pump stood since the event before, by its log. Without a log nothing is credited."""
    if not isinstance(event, Interrogation) or event.stopped_for is None:
        return None
    if event.stopped_for.amount > days_between(state.at.instant, event.at):
        raise course.refuse(
            "out-of-range",
            f"The pump cannot have stood for {event.stopped_for} since {state.at}, the event before it was "
            "interrogated.",
            "/stopped_for",
        )
    return course.work.given(f"stopped_for_{n}", event.stopped_for)
