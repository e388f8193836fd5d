"""The trial boluses of baclofen before a pump, and the start that follows from the one that worked."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Literal

from pydantic import ConfigDict

from pumpcalc import formulas
from pumpcalc.library import Drug, Fact, Screening
from pumpcalc.limits import check_daily_dose
from pumpcalc.quantities import Quantity
from pumpcalc.worksheet import Moment, Value, Worksheet, calculator
from pumpcalc.worksheet.fields import Days, DrugMassField, DurationField, Instant, Listed, Request, YesNo

__all__ = ["Trial", "baclofen_screening"]

_DRUG = "baclofen"
_SECOND = timedelta(seconds=1)
_SECONDS_OF_A_DAY = timedelta(days=1) // _SECOND


class Trial(Request):
    """One trial bolus: when it was given, whether it worked, and for how long."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"dose": "50 mcg", "response": "no", "given_at": "2026-11-25T09:00:00-05:00"}]}
    )

    dose: DrugMassField
    response: Literal["yes", "no"]
    effect_duration: DurationField | None = None
    day: Days | None = None
    given_at: Instant | None = None


@calculator("baclofen-screening")
def baclofen_screening(work: Worksheet, *, trials: Listed[Trial] | None = None, small_child: YesNo = False) -> None:
    """What the trial boluses of baclofen say: the next one, or the start, or that a pump is not for this patient.

        start_daily_dose = effective_bolus * start_part / start_over,  next_volume = next_dose / screening_concentration

    Parameters
    ----------
    trials : every trial so far, in order; none before the first. Each has its dose [mcg], response (yes or no), for one
        that worked its effect_duration [h], and either given_at or day, in all of them alike
    small_child : the ladder begins at the dose for a small child

    Returns
    -------
    candidate: open, yes or no. open: next_dose [mcg], next_volume [mL] at the screening strength, observe_for_at_least
    and observe_for_at_most [h], and next_trial_at or next_trial_day, the earliest. yes: effect, long or short, and
    start_daily_dose [mcg/day]

    Limits
    ------
    each trial the next dose of the ladder (a soft limit)
    start_daily_dose at most ``caution_daily_dose``, and within ``usual_daily_dose``

    Raises
    ------
    Refusal ``not-on-ladder``; ``too-soon`` after the trial before; ``already-effective`` and ``not-a-candidate`` for a
    trial that comes after the answer is known; ``missing`` effect_duration of a trial that worked

    Source
    ------
    [baclofen-drugs-com] the ladder; [baclofen-minclinic] the start

    Example
    -------
    >>> found = baclofen_screening(trials=[{"dose": "50 mcg", "response": "yes", "effect_duration": "6 h", "day": "0"}])
    >>> found.answers["start_daily_dose"]
    '100 mcg/day'
    """
    drug = work.drug(_DRUG)
    screening = drug.screening
    if screening is None:
        raise work.refuse("not-in-library", f"The library holds no screening of {drug.label}.", "")
    ladder = [screening.small_child_dose, *screening.doses] if small_child else list(screening.doses)
    tried = trials or []
    when = [_trial(work, screening, ladder, tried, position) for position in range(len(tried))]
    work.cautions(drug.cautions, "screening", "screening-strength")
    last = tried[-1] if tried else None
    if last is not None and last.response == "yes":
        work.answer_with("candidate", "yes")
        _start(work, drug, screening, f"trial_{len(tried)}")
    elif last is not None and last.dose.amount == ladder[-1].required().amount:
        work.answer_with("candidate", "no")
        work.note(
            "not-a-candidate",
            f"No response to {last.dose}, the highest trial: not a candidate for a pump.",
            work.cite(ladder[-1]),
        )
    else:
        work.answer_with("candidate", "open")
        _next(work, screening, ladder, tried, when)


def _trial(
    work: Worksheet, screening: Screening, ladder: list[Fact], tried: Sequence[Trial], position: int
) -> Value | Moment:
    """One trial on the page; gives when it was. Raises Refusal when it cannot have been."""
    trial, pointer, name = tried[position], f"/trials/{position}", f"trial_{position + 1}"
    before = tried[position - 1] if position else None
    if before is not None:
        _may_follow(work, ladder, before, pointer)
    dose = work.given(f"{name}_dose", _on_ladder(work, screening, ladder, trial, pointer), _DRUG)
    expected = ladder[0] if before is None else _above(ladder, before.dose)
    work.one_of(f"{name}_next_of_the_ladder", dose, [expected.required()], work.cite(expected))
    when = _given_when(work, trial, name, pointer)
    if before is not None:
        _check_apart(work, screening.interval_at_least.required(), before, trial, pointer)
    if trial.response == "no" and trial.effect_duration is not None:
        raise work.refuse(
            "contradiction", "A trial without a response has no effect that lasts.", f"{pointer}/effect_duration"
        )
    if trial.response == "yes" and trial.effect_duration is None:
        raise work.refuse(
            "missing",
            'effect_duration is missing: how long the effect lasted decides the start; write it as "6 h".',
            f"{pointer}/effect_duration",
        )
    if trial.effect_duration is not None:
        work.given(f"{name}_effect_duration", trial.effect_duration)
    return when


def _may_follow(work: Worksheet, ladder: list[Fact], before: Trial, pointer: str) -> None:
    """No trial follows one that worked, nor the last of the ladder."""
    if before.response == "yes":
        raise work.refuse(
            "already-effective",
            f"The trial of {before.dose} worked: the start follows from it, and no other trial.",
            pointer,
        )
    if before.dose.amount == ladder[-1].required().amount:
        raise work.refuse(
            "not-a-candidate",
            f"There is no trial after no response to {before.dose}: a pump is not for this patient.",
            pointer,
        )


def _on_ladder(work: Worksheet, screening: Screening, ladder: list[Fact], trial: Trial, pointer: str) -> Quantity:
    doses = [fact.required() for fact in ladder]
    if trial.dose.amount in {dose.amount for dose in doses}:
        return trial.dose
    child = screening.small_child_dose.quantity
    hint = ""
    if child is not None and child.amount == trial.dose.amount:
        hint = ' That is the dose for a small child: state "small_child": true.'
    raise work.refuse(
        "not-on-ladder",
        f"{trial.dose} is not a trial dose: the ladder is {', '.join(str(dose) for dose in doses)}.{hint}",
        f"{pointer}/dose",
    )


def _above(ladder: list[Fact], dose: Quantity) -> Fact:
    """The first dose of the ladder that is above one that did not work."""
    return next(fact for fact in ladder if fact.required().amount > dose.amount)


def _given_when(work: Worksheet, trial: Trial, name: str, pointer: str) -> Value | Moment:
    if trial.given_at is not None and trial.day is None:
        return work.given_moment(f"{name}_given_at", trial.given_at)
    if trial.day is not None and trial.given_at is None:
        return work.given(f"{name}_day", trial.day)
    raise work.refuse(
        "one-of-two", 'State once when it was given: either "given_at", an instant, or "day".', f"{pointer}/given_at"
    )


def _check_apart(work: Worksheet, least: Quantity, before: Trial, trial: Trial, pointer: str) -> None:
    """Two trials lie far enough apart, in elapsed time: a clock change does not count."""
    if before.given_at is not None and trial.given_at is not None:
        field = "given_at"
        soon = (trial.given_at - before.given_at) // _SECOND < least.amount * _SECONDS_OF_A_DAY
    elif before.day is not None and trial.day is not None:
        field, soon = "day", trial.day.amount - before.day.amount < least.amount
    else:
        raise work.refuse(
            "one-of-two", 'State "given_at" in every trial, or "day" in every trial, not both.', f"{pointer}/given_at"
        )
    if soon:
        raise work.refuse(
            "too-soon", f"A trial is given at least {least} after the one before it.", f"{pointer}/{field}"
        )


def _next(
    work: Worksheet,
    screening: Screening,
    ladder: list[Fact],
    tried: Sequence[Trial],
    when: list[Value | Moment],
) -> None:
    """The next trial: its dose, its volume, how long to watch, and when at the earliest."""
    following = _above(ladder, tried[-1].dose) if tried else ladder[0]
    dose = work.fact("next_dose", following, _DRUG)
    strength = work.fact("screening_concentration", screening.concentration, _DRUG)
    work.answer(dose)
    work.answer(work.step(formulas.volume_of_dose, name="next_volume", dose=dose, concentration=strength, show="mL"))
    work.answer(work.fact("observe_for_at_least", screening.observe_for.at_least))
    work.answer(work.fact("observe_for_at_most", screening.observe_for.at_most))
    if ladder[0] is screening.small_child_dose and following is not ladder[0]:
        work.note(
            "small-child-ladder",
            f"What follows {ladder[0].required()} in a small child was not read: the ladder goes on as for others.",
        )
    if not when:
        return
    interval, last = work.fact("trial_interval", screening.interval_at_least), when[-1]
    if isinstance(last, Moment):
        pointer = f"/trials/{len(tried) - 1}/given_at"
        work.answer(work.moment_after("next_trial_at", last, interval, pointer=pointer))
    else:
        work.answer(
            work.step(
                formulas.days_until_next_step,
                name="next_trial_day",
                days=last,
                days_between_steps=interval,
                show="day",
            )
        )


def _start(work: Worksheet, drug: Drug, screening: Screening, trial: str) -> None:
    """The daily dose that follows from the bolus that worked."""
    lasted = work.line(f"{trial}_effect_duration")
    long = lasted.amount > work.fact("long_effect", screening.long_effect).amount
    part = screening.start_part_after_long_effect if long else screening.start_part
    work.answer_with("effect", "long" if long else "short")
    start = work.step(
        formulas.start_after_screening,
        name="start_daily_dose",
        effective_bolus=work.line(f"{trial}_dose"),
        start_part=work.fact("start_part", part),
        start_over=work.fact("start_over", screening.start_over),
        show="mcg/day",
    )
    work.answer(start)
    check_daily_dose(work, drug, start)
    work.cautions(drug.cautions, "start-from-screening", "titration-once-daily", "never-stop-abruptly")
