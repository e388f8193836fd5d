"""What is done with the programmer, and what the pump's log says."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

from pumpcalc import formulas
from pumpcalc.reservoir.course import Course
from pumpcalc.reservoir.events import BolusLog, NewStart, RateChange
from pumpcalc.reservoir.restart import naive_start
from pumpcalc.reservoir.state import State
from pumpcalc.worksheet import Moment, Value

__all__ = ["bolused", "programmed", "resumed"]

_Dose = tuple[str, Fraction]


def programmed(course: Course, state: State, n: str, event: RateChange) -> State:
    """A flow is programmed. After an empty interval only a new start is."""
    new_start = isinstance(event, NewStart)
    if state.naive and not new_start:
        raise course.refuse(
            "restart-as-naive",
            f"{course.dry_words(state)} The old dose cannot be changed or resumed: record a new start.",
        )
    flow, dose = _flow(course, state, n, event)
    if state.naive and dose is not None:
        _begins_anew(course, state, dose)
    fast = course.accuracy and course.work.step(
        formulas.flow_if_fast,
        name=f"flow_if_fast_{n}",
        flow_rate=flow,
        flow_accuracy=course.accuracy,
        show="mL/day",
    )
    state = replace(state, flow=flow, fast_flow=fast, dose=dose, begun_anew=state.naive)
    if not new_start:
        return state
    state = replace(state, stopped_since=None, naive=False, found_empty=False)
    if state.volume.amount == 0:
        return state
    return replace(state, dry_since=None, possibly_dry_since=None, dry_until=None)


def _flow(course: Course, state: State, n: str, event: RateChange) -> tuple[Value, _Dose | None]:
    """The flow that is programmed, and the daily dose that it is of the primary drug."""
    work = course.work
    if event.flow_rate is not None:
        flow = work.given(f"flow_rate_{n}", event.flow_rate)
        doses = [
            (drug, formulas.daily_dose(flow_rate=flow.amount, concentration=strength.amount))
            for drug, strength in state.contents
        ]
        return flow, doses[0] if doses else None
    assert event.drug is not None
    assert event.daily_dose is not None
    assert event.concentration is not None
    _check_in_reservoir(course, state, event.drug)
    flow = work.step(
        formulas.flow_rate,
        name=f"flow_rate_{n}",
        daily_dose=work.given(f"daily_dose_{n}", event.daily_dose, event.drug),
        concentration=work.given(f"concentration_{n}", event.concentration, event.drug),
        show="mL/day",
    )
    return flow, (event.drug, event.daily_dose.amount)


def _check_in_reservoir(course: Course, state: State, drug: str) -> None:
    """A dose of a drug that is not in the reservoir is a dose of the wrong drug."""
    course.drug(drug, "/drug")
    held = [name for name, _ in state.contents]
    if state.volume.amount > 0 and drug not in held:
        raise course.refuse(
            "not-in-reservoir", f"{drug} is not in the reservoir; it holds {', '.join(held) or 'no drug'}.", "/drug"
        )


def _begins_anew(course: Course, state: State, dose: _Dose) -> None:
    """A new start after an empty interval is the start of a naive patient."""
    drug = course.drug(dose[0], "/drug")
    bound = naive_start(drug)
    if bound is not None and bound.quantity is not None:
        if dose[1] > bound.quantity.amount:
            raise course.refuse(
                "restart-as-naive",
                f"{course.dry_words(state)} This dose is above {bound.quantity}, the most with which a naive patient "
                f"starts {drug.label}.",
                "/daily_dose",
            )
    elif state.dose is not None and state.dose[0] == dose[0] and dose[1] >= state.dose[1]:
        raise course.refuse(
            "restart-as-naive",
            f"{course.dry_words(state)} This dose is not below the one before, and the library holds no starting dose "
            f"of {drug.label} for a naive patient.",
            "/daily_dose",
        )


def resumed(course: Course, state: State) -> State:
    """The pump is started again at the flow that is programmed; never after an empty interval."""
    if state.naive:
        raise course.refuse(
            "restart-as-naive", f"{course.dry_words(state)} The old dose cannot be resumed: record a new start."
        )
    if state.flow is None:
        raise course.refuse("not-programmed", "Nothing is programmed that could be resumed: record a rate change.")
    return replace(state, stopped_since=None)


def bolused(course: Course, state: State, now: Moment, n: str, event: BolusLog) -> State:
    """Boluses leave the reservoir, in addition to the base infusion; counted at the instant of the log."""
    work = course.work
    if event.volume is not None:
        volume = work.given(f"bolus_volume_{n}", event.volume)
    else:
        assert event.boluses is not None
        assert event.drug is not None
        assert event.dose_per_bolus is not None
        assert event.concentration is not None
        _check_in_reservoir(course, state, event.drug)
        volume = work.step(
            formulas.volume_of_boluses,
            name=f"bolus_volume_{n}",
            boluses=work.given(f"boluses_{n}", event.boluses),
            dose_per_bolus=work.given(f"dose_per_bolus_{n}", event.dose_per_bolus, event.drug),
            concentration=work.given(f"concentration_{n}", event.concentration, event.drug),
            show="mL",
        )
    if volume.amount > course.capacity.amount:
        raise course.refuse("out-of-range", f"Boluses of {volume} are more than the reservoir holds.", "/volume")
    if volume.amount == 0 or state.volume.amount == 0:
        return state
    after = course.delivered(state, volume, f"volume_{n}")
    if after.volume.amount == 0:
        after = course.dry(after, now)
    if state.least is None or course.accuracy is None or state.least.amount == 0:
        return after
    fast = work.step(
        formulas.volume_if_fast,
        name=f"bolus_volume_if_fast_{n}",
        volume=volume,
        flow_accuracy=course.accuracy,
        show="mL",
    )
    least = course.taken(state.least, fast, f"least_{n}")
    return replace(after, least=least, possibly_dry_since=now if least.amount == 0 else after.possibly_dry_since)
