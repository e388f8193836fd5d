"""Day schedules: rates that change with the hour and the weekday, and what they add up to."""

from __future__ import annotations

from collections.abc import Sequence

from pumpcalc import formulas
from pumpcalc.library import Drug, Pump
from pumpcalc.limits import check_concentration, check_daily_dose, check_indication
from pumpcalc.programmes.entry import WeekdayGroups
from pumpcalc.programmes.given_week import GivenDay, GivenWeek, given_week
from pumpcalc.programmes.projection import project
from pumpcalc.worksheet import Count, Value, Worksheet, calculator
from pumpcalc.worksheet.fields import (
    ConcentrationField,
    DayTotalField,
    DrugName,
    HourlyRateOrZeroField,
    Instant,
    PumpName,
    TimeZone,
    VolumeField,
    VolumeOrZeroField,
)

__all__ = ["check_week", "day_schedule"]


@calculator("day-schedule")
def day_schedule(
    work: Worksheet,
    *,
    drug: DrugName,
    concentration: ConcentrationField,
    pump: PumpName,
    base_rate: HourlyRateOrZeroField,
    groups: WeekdayGroups = (),
    day_total: DayTotalField | None = None,
    fill_volume: VolumeField | None = None,
    low_reservoir_alarm_volume: VolumeOrZeroField | None = None,
    filled_at: Instant | None = None,
    time_zone: TimeZone | None = None,
) -> None:
    """What a day schedule delivers on each weekday, at which rates, and how long a fill lasts under it.

        day_total = (base_rate * (day - stepped) + sum of the doses of the steps) / day

    Parameters
    ----------
    drug : name of the drug in the reservoir
    concentration : of the drug in the reservoir [mg/mL or mcg/mL]
    pump : pump model
    base_rate : rate outside the steps [mg/h or mcg/h]
    groups : weekdays with the same steps: weekdays; steps, each with start and end (HH:MM) and either its dose
        [mg or mcg] or its rate [mg/h or mcg/h]; and day_total [mg/day or mcg/day], entered independently
    day_total : of the weekdays in no group, entered independently [mg/day or mcg/day]
    fill_volume, low_reservoir_alarm_volume, filled_at, time_zone : of a fill, all or none: when it reaches its alarm
        and when it is dry [mL]

    Returns
    -------
    day_totals, for each group: weekdays, day_total [mg/day or mcg/day], highest_rate [mg/h or mcg/h], steps;
    mean_daily_dose, highest_rate, steps_per_day (the most); flow_rates, for each rate: rate, flow_rate [mL/day];
    with a fill low_reservoir_alarm_at and dry_at

    Limits
    ------
    steps_per_day at most ``most_steps_per_day`` of the pump; the lowest and the highest flow within the pump's;
    the highest day total and the concentration within the drug's limits; fill_volume at most ``reservoir_volume``

    Raises
    ------
    Refusal ``day-total-mismatch`` when the steps do not make the day total that was entered

    Source
    ------
    [definition] rate times time; [synchromed-ii-page-uk] 13 steps; [ismp-baclofen-programming-error] the day total

    Example
    -------
    >>> weekdays = ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"]
    >>> steps = [{"start": "06:00", "end": "09:00", "dose": "75 mcg"},
    ...     {"start": "21:00", "end": "22:00", "rate": "40 mcg/h"}]
    >>> found = day_schedule(drug="baclofen", concentration="500 mcg/mL", pump="synchromed-ii-20", base_rate="10 mcg/h",
    ...     groups=[{"weekdays": weekdays, "steps": steps, "day_total": "315 mcg/day"}])
    >>> found.answers["mean_daily_dose"], found.answers["highest_rate"]
    ('315 mcg/day', '40 mcg/h')
    """
    monograph, device = work.drug(drug), work.pump(pump)
    strength = work.given("concentration", concentration, monograph.name)
    week = given_week(work, monograph.name, base_rate, groups, day_total)
    _answer(work, week)
    check_week(work, device, monograph, week, strength)
    check_concentration(work, monograph, strength)
    check_indication(work, monograph, device)
    work.cautions(device.cautions, "per-hour-for-per-day")
    fill = {
        "fill_volume": fill_volume,
        "low_reservoir_alarm_volume": low_reservoir_alarm_volume,
        "filled_at": filled_at,
        "time_zone": time_zone,
    }
    if all(each is None for each in fill.values()):
        return
    if fill_volume is None or low_reservoir_alarm_volume is None or filled_at is None or time_zone is None:
        missing = next(name for name, each in fill.items() if each is None)
        raise work.refuse(
            "missing", f"{missing} is missing: a fill is projected from {', '.join(fill)}.", f"/{missing}"
        )
    project(work, device, week.week, strength, fill_volume=fill_volume, alarm_volume=low_reservoir_alarm_volume,
            filled_at=filled_at, zone=time_zone)  # fmt: skip


def _answer(work: Worksheet, week: GivenWeek) -> None:
    """The day total, the number of steps and the largest hourly rate of each group, beside each other."""
    rows = []
    for day in week.days:
        row = {"weekdays": list(day.weekdays), "day_total": day.total, "highest_rate": day.highest_rate}
        rows.append(row if day.steps is None else row | {"steps": Count(day.steps)})
    work.answer_with("day_totals", rows)
    work.answer(week.mean, "mean_daily_dose")
    highest = [day.highest_rate for day in week.days]
    work.answer(work.greatest("highest_rate", highest, highest[0].spelling))


def check_week(work: Worksheet, device: Pump, drug: Drug, week: GivenWeek, strength: Value) -> None:
    """Every flow of a programme against the pump, and its greatest day against the drug's limits."""
    _check_flows(work, device, week, strength)
    check_daily_dose(work, drug, _highest_total(work, week.days))


def _highest_total(work: Worksheet, days: Sequence[GivenDay]) -> Value:
    totals = [day.total for day in days]
    return work.greatest("highest_day_total", totals, totals[0].spelling)


def _check_flows(work: Worksheet, device: Pump, week: GivenWeek, strength: Value) -> None:
    """The flow of every rate; the lowest and the highest against what the pump can do."""
    flows = [
        work.step(
            formulas.flow_rate, name=f"flow_at_{rate.name}", daily_dose=rate, concentration=strength, show="mL/day"
        )
        for rate in week.rates
    ]
    work.answer_with(
        "flow_rates", [{"rate": rate, "flow_rate": flow} for rate, flow in zip(week.rates, flows, strict=True)]
    )
    work.at_least(work.least("lowest_flow_rate", flows, "mL/day"), device.minimum_flow_rate)
    work.at_most(work.greatest("highest_flow_rate", flows, "mL/day"), device.maximum_flow_rate)
    if counts := [day.steps for day in week.days if day.steps is not None]:
        most = work.greatest("steps_per_day", counts, "/day")
        work.answer_with("steps_per_day", Count(most))
        work.at_most(most, device.most_steps_per_day)
