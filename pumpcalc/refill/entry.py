"""What a fill is: its drugs, its day, its volumes, and what was accepted the last time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import NamedTuple
from zoneinfo import ZoneInfo

from pumpcalc.delivery import Component
from pumpcalc.programmes import with_all_boluses
from pumpcalc.quantities import Quantity
from pumpcalc.refill.programme import Programme, Schedule, given_programme
from pumpcalc.sentinel import check_against_last
from pumpcalc.worksheet import Day, Value, Worksheet
from pumpcalc.worksheet.fields import ConcentrationField, DailyDoseField, Request, VolumeField

__all__ = ["Boluses", "Fill", "LastAccepted", "Then", "compare_with_last", "fill_day", "given_fill", "given_then"]


class LastAccepted(Request):
    """What was accepted at the last fill, to tell a slip of the hand from a change of plan."""

    daily_dose: DailyDoseField | None = None
    concentration: ConcentrationField | None = None
    fill_volume: VolumeField | None = None


class Boluses(NamedTuple):
    """A patient's boluses, stated together or not at all."""

    dose_per_bolus: Quantity | None
    lockout: Quantity | None
    boluses_per_day: Quantity | None


@dataclass
class Then:
    """What the reservoir held at the start of a later day than the fill, when it is not what the dose stated leaves."""

    day: Day
    volume: Value
    """By the programme."""
    least: Value
    """If the pump ran fast until then."""


@dataclass
class Fill:
    """The fill as the worksheet knows it."""

    filled: Day
    volume: Value
    alarm: Value
    strength: Value
    dose: Value
    """Of the primary drug, as constant infusion."""
    leaving: Value
    """What counts for how long the fill lasts: the dose with every bolus that the lockout lets through."""
    programme: Programme | None = None
    """The day schedule that it runs under, when it is no constant infusion."""
    then: Then | None = None
    """From when its volume counts, when that is not the fill."""

    @property
    def since(self) -> Day:
        """The day from which its volume counts: nothing can be done before it."""
        return self.filled if self.then is None else self.then.day


def fill_day(work: Worksheet, fill_date: date | None, filled_at: datetime | None, time_zone: ZoneInfo | None) -> Day:
    """The day of the fill on the clinic's calendar."""
    if (fill_date is None) == (filled_at is None):
        raise work.refuse(
            "one-of-two", 'State the fill once: either "fill_date", or "filled_at" with "time_zone".', "/fill_date"
        )
    if fill_date is not None:
        return work.given_day("fill_date", fill_date)
    if filled_at is None or time_zone is None:
        raise work.refuse(
            "missing", "time_zone is missing: write the clinic's zone beside filled_at, such as America/New_York.",
            "/time_zone",
        )  # fmt: skip
    return work.given_day("fill_date", filled_at.astimezone(time_zone).date())


def given_fill(
    work: Worksheet,
    filled: Day,
    volume: Quantity,
    alarm: Quantity,
    components: Sequence[Component],
    daily_dose: Quantity,
    boluses: Boluses,
    schedule: Schedule,
    hour: tuple[datetime | None, ZoneInfo | None],
) -> Fill:
    if alarm.amount >= volume.amount:
        raise work.refuse(
            "out-of-range",
            f"The low-reservoir alarm volume of {alarm} is not below the fill volume of {volume}: "
            "the alarm would be due at once.",
            "/low_reservoir_alarm_volume",
        )
    primary = components[0]
    given_volume, given_alarm = work.given("fill_volume", volume), work.given("low_reservoir_alarm_volume", alarm)
    strength = work.given("concentration", primary.concentration, primary.drug)
    dose = work.given("daily_dose", daily_dose, primary.drug)
    programme = given_programme(work, primary.drug, dose, schedule, *hour)
    if programme is not None and any(each is not None for each in boluses):
        raise work.refuse(
            "one-of-two", "State boluses or a day schedule: how the two go together was not read.", "/dose_per_bolus"
        )
    leaving = _with_boluses(work, primary.drug, dose, boluses)
    return Fill(filled, given_volume, given_alarm, strength, dose, leaving, programme)


def given_then(
    work: Worksheet, fill: Fill, as_of: date | None, volume: Quantity | None, least: Quantity | None
) -> Then | None:
    """What the reservoir held on a later day; None when the volume counts from the fill.

    Raises Refusal for a day or a volume that cannot be so after this fill. An alarm volume that is reached is no
    mistake: it is an answer.
    """
    if as_of is None and volume is None and least is None:
        return None
    if as_of is None or volume is None:
        name = "as_of" if as_of is None else "volume_then"
        raise work.refuse(
            "missing",
            f"{name} is missing: state what the reservoir holds later than at the fill by its day, as_of, and by "
            "volume_then.",
            f"/{name}",
        )
    if fill.programme is not None:
        raise work.refuse(
            "one-of-two",
            "as_of does not go with a day schedule, of which the hour of that day is not stated. Leave it out, or ask "
            "day-schedule with volume_then as its fill_volume and an instant of that day as filled_at.",
            "/as_of",
        )
    day = work.given_day("as_of", as_of)
    if day.day < fill.filled.day:
        raise work.refuse(
            "out-of-range", f"{day} lies before the fill of {fill.filled}: write that day or a later one.", "/as_of"
        )
    held = work.given("volume_then", volume)
    if held.amount > fill.volume.amount:
        raise work.refuse(
            "out-of-range",
            f"The {held} of {day} are more than the fill volume of {fill.volume}: correct the one or the other, or "
            "count from the fill that was put in since.",
            "/volume_then",
        )
    if least is None:
        work.note(
            "least-volume-not-stated",
            f"The least volume of {day} is not stated, so the worst case takes the pump to have run exactly as "
            "programmed until then.",
        )
        return Then(day, held, held)
    fast = work.given("least_volume_then", least)
    if fast.amount > held.amount:
        raise work.refuse(
            "out-of-range",
            f"The least volume of {fast} is more than the {held} by the programme: write that or less.",
            "/least_volume_then",
        )
    return Then(day, held, fast)


def _with_boluses(work: Worksheet, drug: str, dose: Value, boluses: Boluses) -> Value:
    """The daily dose with every bolus that is allotted and that the lockout lets through."""
    stated = {name: value for name, value in zip(Boluses._fields, boluses, strict=True) if value is not None}
    if not stated:
        return dose
    if missing := [name for name in Boluses._fields if name not in stated]:
        raise work.refuse(
            "missing",
            f"{missing[0]} is missing: state a bolus by its dose, its lockout and how many a day are allotted.",
            f"/{missing[0]}",
        )
    work.note(
        "boluses-counted",
        "Every bolus that is allotted and that the lockout lets through is counted, as if it were delivered each day.",
    )
    return with_all_boluses(work, drug, dose, **stated).highest


def compare_with_last(work: Worksheet, fill: Fill, last: LastAccepted) -> None:
    """Each value against the one that was accepted at the last fill."""
    drug = work.request["components"][0]["drug"]
    for now, before, of in (
        (fill.dose, last.daily_dose, drug),
        (fill.strength, last.concentration, drug),
        (fill.volume, last.fill_volume, None),
    ):
        if before is not None:
            check_against_last(work, now, work.given(f"last_{now.name}", before, of))
