"""Fills and withdrawals: what goes in mixes with what remained; what is seen takes the place of what was calculated."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

from pumpcalc import formulas
from pumpcalc.reservoir.course import Course
from pumpcalc.reservoir.events import Fill, Withdraw
from pumpcalc.reservoir.restart import was_empty
from pumpcalc.reservoir.state import Contents, Found, Moved, State
from pumpcalc.worksheet import Moment, Value

__all__ = ["filled", "withdrawn"]


def filled(course: Course, state: State | None, now: Moment, n: str, event: Fill) -> State:
    """A solution goes in. Refused above the capacity, and where it would make a pump go on at the old dose."""
    held = Fraction(0) if state is None else state.volume.amount
    _check_components(course, event)
    _check_fits(course, event, held, state.most if state is not None and state.just_measured else held)
    if state is not None and state.naive and state.flow is not None and state.stopped_since is None:
        raise course.refuse(
            "restart-as-naive",
            f"{course.dry_words(state)} With this fill the pump would go on at the old dose: record a stop or a new "
            "start before it.",
        )
    work = course.work
    volume = work.given(f"fill_volume_{n}", event.volume)
    contents = tuple(
        (drug, work.given(f"concentration_{n}_{place + 1}", strength, drug))
        for place, (drug, strength) in enumerate(event.components)
    )
    into = Moved("filled", volume.amount, contents)
    least = None if course.accuracy is None else volume
    if state is None:
        return State(now, volume, least, volume.amount, contents, filled_at=now, moved=(into,))
    if state.least is not None and state.least.amount > 0:
        least = work.total(f"least_{n}", [state.least, volume], "mL")
    after = replace(state, volume=volume, contents=contents)
    if held > 0:
        mixed = work.total(f"volume_{n}", [state.volume, volume], "mL")
        after = replace(state, volume=mixed, contents=_mixed(course, state, volume, contents, mixed, n))
    return replace(
        after,
        at=now,
        least=least,
        most=state.most + volume.amount,
        filled_at=now,
        emptied_since=None,
        possibly_dry_since=state.possibly_dry_since if state.naive else None,
        dry_since=state.dry_since if state.naive else None,
        dry_until=now if state.naive else None,
        moved=(*state.moved, into),
    )


def _check_components(course: Course, event: Fill) -> None:
    if event.volume.amount == 0:
        raise course.refuse("zero", "A fill of nothing is no fill: write a volume above 0.", "/volume")
    drugs = [drug for drug, _ in event.components]
    for place, drug in enumerate(drugs):
        course.drug(drug, f"/components/{place}/drug")
        if drug in drugs[:place]:
            raise course.refuse(
                "duplicate",
                f"{drug} is listed twice: write each drug of the solution once.",
                f"/components/{place}/drug",
            )


def _check_fits(course: Course, event: Fill, held: Fraction, seen: Fraction) -> None:
    """Does it go into the reservoir, and is the programmer told what is in there?

    What was seen at the withdrawal counts as well as what the pump has left of it since: a visit takes some minutes.
    """
    holds = f"The reservoir of the {course.pump.label} holds {course.capacity}"
    if event.volume.amount > course.capacity.amount:
        raise course.refuse("above-capacity", f"{holds}: {event.volume} does not go into it.", "/volume")
    there = replace(event.volume, amount=held + event.volume.amount)
    if there.amount > course.capacity.amount:
        raise course.refuse(
            "above-capacity",
            f"{holds}: {event.volume} does not go on top of what remains in it, which makes {there}. Record what was "
            "withdrawn first.",
            "/volume",
        )
    told = event.programmed_reservoir_volume
    if told is None or there.amount <= told.amount <= seen + event.volume.amount or str(told) == str(there):
        return
    field = "/programmed_reservoir_volume"
    if told.amount > course.capacity.amount:
        raise course.refuse("above-capacity", f"{holds}, not {told}: correct what was programmed.", field)
    raise course.refuse(
        "programmed-not-filled",
        f"The programmer was told {told}, but with this fill of {event.volume} the reservoir holds {there}: correct "
        "what was programmed. A pump that is told more than it holds runs dry before its alarm.",
        field,
    )


def _mixed(course: Course, state: State, volume: Value, new: Contents, mixed: Value, n: str) -> Contents:
    """The concentrations when a fill mixes with what remained."""
    remained, fill = dict(state.contents), dict(new)
    contents = []
    for drug in dict.fromkeys([*fill, *remained]):
        name = f"concentration_of_{drug.replace('-', '_')}_{n}"
        strength = fill.get(drug) or remained[drug]
        if drug in remained and drug in fill:
            after = course.work.step(
                formulas.mixed_concentration,
                name=name,
                reservoir_residual_volume=state.volume,
                old_concentration=remained[drug],
                fill_volume=volume,
                new_concentration=fill[drug],
                show=strength.spelling,
            )
        else:
            after = course.work.step(
                formulas.concentration_from_volumes,
                name=name,
                stock_volume=volume if drug in fill else state.volume,
                stock_concentration=strength,
                prepared_volume=mixed,
                show=strength.spelling,
            )
        contents.append((drug, after))
    return tuple(contents)


def withdrawn(course: Course, state: State, now: Moment, n: str, event: Withdraw) -> State:
    """A volume comes out. What was seen takes the place of what was calculated; the difference is kept."""
    out = course.work.given(f"withdrawn_volume_{n}", event.volume)
    left = course.work.given(f"left_volume_{n}", event.left_volume)
    there = out.amount + left.amount
    most = min(state.most, course.capacity.amount)
    if there > most:
        raise course.refuse(
            "more-than-there-can-be",
            f"{out} with {left} left is more than the {replace(event.volume, amount=most)} that can be there: check "
            "the volumes of the fills.",
            "/volume",
        )
    # Nothing in a reservoir that was emptied on purpose is no surprise.
    empty = state.emptied_since is None and was_empty(there, state.volume.amount, course.pump)
    after = replace(
        state,
        volume=left,
        least=None if course.accuracy is None else left,
        most=left.amount,
        filled_at=now,
        emptied_since=(state.emptied_since or now) if left.amount == 0 else None,
        visits=(*state.visits, Found(now, state.volume, out, left, empty=empty)),
        moved=(
            *state.moved,
            Moved("withdrawn", out.amount, state.contents),
            Moved("unaccounted", state.volume.amount - there, state.contents),
        ),
    )
    if empty:
        since = state.possibly_dry_since or state.filled_at
        return replace(after, naive=True, found_empty=True, possibly_dry_since=since, dry_until=None)
    if not state.naive:
        return replace(after, possibly_dry_since=None)
    refuted = state.dry_until is None and not state.found_empty and state.emptied_since is None
    if refuted and course.pump.undeliverable_volume.is_known:
        # More than nearly nothing was there, so it never ran dry, whatever the programme counted.
        return replace(after, naive=False, dry_since=None, possibly_dry_since=None)
    return after
