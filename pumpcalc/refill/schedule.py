"""From how long a fill lasts to the day by which it must be replaced, and the limit that decides it.

A refill date is the earliest of several named limits. Part days are dropped, lead days and closed days move it
earlier, and nothing moves it later.
"""

from __future__ import annotations

from collections.abc import Sequence

from pumpcalc import formulas
from pumpcalc.delivery import Component, doses_by_flow
from pumpcalc.library import SEVERITIES, Drug, FillKind, Pump
from pumpcalc.limits import check_approval, check_daily_dose, check_flow_rate, check_indication, check_patient_bolus
from pumpcalc.programmes import WeekdayGroup, check_week
from pumpcalc.quantities import Quantity
from pumpcalc.refill.bounds import Bound, bound_of, end_of_service, low_reservoir_alarm, stability_bound, worst_case
from pumpcalc.refill.calendar import Closed, Due, LeadTime, book, due_day, order, without
from pumpcalc.refill.entry import (
    Boluses,
    Fill,
    LastAccepted,
    compare_with_last,
    fill_day,
    given_fill,
    given_then,
)
from pumpcalc.refill.programme import Schedule
from pumpcalc.sentinel import check_reservoir_size
from pumpcalc.worksheet import Count, Worksheet, calculator
from pumpcalc.worksheet.fields import (
    Acknowledged,
    Calendar,
    ClosedDates,
    ClosedWeekdays,
    DailyDoseField,
    Days,
    DayTotalField,
    DrugMassField,
    DurationField,
    HourlyRateOrZeroField,
    Instant,
    Listed,
    PerDay,
    PumpName,
    TimeZone,
    VolumeField,
    VolumeOrZeroField,
    YesNo,
)

__all__ = ["refill_schedule"]


@calculator("refill-schedule")
def refill_schedule(
    work: Worksheet,
    *,
    pump: PumpName,
    fill_volume: VolumeField,
    low_reservoir_alarm_volume: VolumeOrZeroField,
    components: Listed[Component],
    daily_dose: DailyDoseField,
    dose_per_bolus: DrugMassField | None = None,
    lockout: DurationField | None = None,
    boluses_per_day: PerDay | None = None,
    base_rate: HourlyRateOrZeroField | None = None,
    groups: Listed[WeekdayGroup] | None = None,
    day_total: DayTotalField | None = None,
    fill_date: Calendar | None = None,
    filled_at: Instant | None = None,
    time_zone: TimeZone | None = None,
    fill_kind: FillKind | None = None,
    stability: Days | None = None,
    beyond_use_date: Calendar | None = None,
    beyond_use_caps_interval: YesNo = False,
    accuracy_caps_interval: YesNo = False,
    closed_weekdays: ClosedWeekdays = (),
    closed_dates: ClosedDates = (),
    days_before: Days | None = None,
    lead_times: Listed[LeadTime] | None = None,
    booking_window: Days | None = None,
    would_move: YesNo = False,
    as_of: Calendar | None = None,
    volume_then: VolumeOrZeroField | None = None,
    least_volume_then: VolumeOrZeroField | None = None,
    replacement_indicator_date: Calendar | None = None,
    replace_by_date: Calendar | None = None,
    last_accepted: LastAccepted | None = None,
    acknowledged: Acknowledged = (),
) -> None:
    """The day by which a fill must be replaced, and the limit that decides it.

        refill_by = last_open_day(last_safe_day - days_before),  last_safe_day = fill_date + min(days of every limit)

    Parameters
    ----------
    pump : pump model
    fill_volume : put in at this refill [mL]
    low_reservoir_alarm_volume : as set on the pump [mL]
    components : drugs in the reservoir with their concentrations; the first is primary and drives the flow
    daily_dose : of the primary drug, constant infusion [mg/day or mcg/day]
    dose_per_bolus, lockout, boluses_per_day : of the patient's boluses, together: every one that is allotted and that
        the lockout lets through is counted
    base_rate, groups, day_total : a day schedule, as for day-schedule; daily_dose is then its mean over the week
    fill_date : day of the fill at the clinic; or
    filled_at, time_zone : the instant of the fill and the clinic's zone
    fill_kind : naive (first fill of a new pump), undiluted or diluted; needed where stability depends on it
    stability : how long this solution keeps in this pump, where the library has none; the earlier counts [day]
    beyond_use_date : last day on which the compounded fill may be begun
    beyond_use_caps_interval : the clinic's policy: that day also ends the interval
    accuracy_caps_interval : the clinic's policy: the day on which the pump can be dry within its accuracy binds too
    closed_weekdays, closed_dates : when the clinic is closed
    days_before : how many days before the last safe day the clinic refills
    lead_times : what must be done before the refill, each for compounding, controlled-drug or delivery, in open days
        of the clinic, one after the other
    booking_window : how many days before the refill the clinic begins to book it [day]
    would_move : whether to say what holds the day where it is
    as_of, volume_then, least_volume_then : a later day than the fill, what the reservoir holds at its start by the
        programme, and the least that it can hold if the pump ran fast [mL], such as after a change of dose. The limits
        of volume count from that day, the others from the fill
    replacement_indicator_date : when the pump said that it is to be replaced
    replace_by_date : the day that a programmer shows for the replacement; later than the end of service is wrong
    last_accepted : the primary drug's daily dose and concentration and the fill volume of the last fill; a value near
        ten times, a tenth, a thousand times ... of them is read back
    acknowledged : statements that were read, such as fda-2018

    Returns
    -------
    refill_by, binding, low_reservoir_alarm_date, worst_case_alarm_date, worst_case_dry_date, and limits: every limit
    that counts, with its day and its whole days from the fill, in the contract's order; with lead_times order_by; with
    a booking_window book_from, and best_days: the last open days up to the refill, at most ten, each with its days_left
    to the last safe day; on request would_move: without the first limits, the closed-days or the days-before, which
    date, how many days later

    Limits
    ------
    fill_volume at most ``reservoir_volume``; flow_rate within the pump's limits; daily_dose and concentrations
    within the drugs' limits; fill_date at most ``beyond_use_date``;
    replace_by_date at most the end of service; fda_2018_statement acknowledged

    Source
    ------
    [definition] volume over flow; [prialt-pump-use-page] 14, 84 and 40 days;
    [ziconotide-morphine-admixture-2008] days with morphine; [tga-rc-2014-rn-00357-1] accuracy
    """
    device = work.pump(pump)
    drugs = [work.drug(each.drug, f"/components/{n}/drug") for n, each in enumerate(components)]
    work.refuse_duplicates(drugs)
    fill = given_fill(
        work,
        fill_day(work, fill_date, filled_at, time_zone),
        fill_volume,
        low_reservoir_alarm_volume,
        components,
        daily_dose,
        Boluses(dose_per_bolus, lockout, boluses_per_day),
        Schedule(base_rate, groups or (), day_total),
        (filled_at, time_zone),
    )
    fill.then = given_then(work, fill, as_of, volume_then, least_volume_then)
    bounds = [low_reservoir_alarm(work, fill)]
    worst_dry = worst_case(work, device, fill, bounds[0], required=accuracy_caps_interval)
    if accuracy_caps_interval and worst_dry is not None:
        days = work.shown_as("accuracy_days", worst_dry.days, "day")
        bounds.append(Bound("accuracy", days, work.same_day("accuracy_date", worst_dry.day)))
    bounds.append(stability_bound(work, fill, drugs, components, fill_kind, stability))
    if beyond_use_caps_interval and beyond_use_date is None:
        raise work.refuse(
            "missing", "beyond_use_date is missing: the clinic's policy lets it end the interval.", "/beyond_use_date"
        )
    if beyond_use_date is not None:
        last = work.given_day("beyond_use_date", beyond_use_date)
        work.begun_by("beyond_use_date", fill.filled, last)
        if beyond_use_caps_interval:
            days = work.days_until("beyond_use_date_days", fill.filled, last)
            bounds.append(Bound("beyond-use-date", days, last))
    if device.maximum_refill_interval.is_known:
        interval = work.fact("maximum_refill_interval", device.maximum_refill_interval)
        bounds.append(bound_of(work, "maximum-interval", fill.filled, interval))
    else:
        work.not_checked(device.maximum_refill_interval)
    if replacement_indicator_date is not None:
        bounds.append(end_of_service(work, device, fill, replacement_indicator_date, replace_by_date))
    elif replace_by_date is not None:
        raise work.refuse(
            "missing",
            "replacement_indicator_date is missing: the day shown for replacement is held against it.",
            "/replacement_indicator_date",
        )
    closed = Closed(closed_weekdays, closed_dates)
    due = _answer(work, fill, bounds, days_before, closed)
    if lead_times is not None:
        order(work, fill, due, lead_times, closed)
    if booking_window is not None:
        book(work, fill, due, booking_window, closed)
    if would_move:
        without(work, fill, bounds, due, closed)
    _check(work, device, drugs, components, fill)
    check_approval(work, drugs, acknowledged)
    if last_accepted is not None:
        compare_with_last(work, fill, last_accepted)


def _answer(work: Worksheet, fill: Fill, bounds: Sequence[Bound], days_before: Quantity | None, closed: Closed) -> Due:
    """The earliest limit, then earlier still for lead days and closed days."""
    fits = work.least("days_that_fit", [bound.days for bound in bounds], "day")
    before = None
    if days_before is not None:
        if days_before.amount.denominator != 1:
            raise work.refuse("whole-days", "days_before is a whole number of days.", "/days_before")
        before = work.given("days_before", days_before)
    due = due_day(work, fill, fits, before, closed)
    by = due.by
    binding = next(bound for bound in bounds if bound.days.amount == fits.amount)
    # Of a reservoir that is looked at later, a day that has gone by is an answer: it is overdue.
    if (by if fill.then is None else due.last_safe).day < fill.filled.day:
        raise work.refuse(
            "no-day-left",
            f"The fill of {fill.filled} lasts {fits} ({binding.limit}); with the lead days and the closed days stated "
            "no day is left on which to replace it.",
            "/days_before",
        )
    if by.day < fill.since.day:
        work.note("refill-overdue", f"The day by which to refill lies before {fill.since}: refill at once.")
    work.answer(by)
    work.answer_with("binding", binding.limit)
    for name in ("low_reservoir_alarm_date", "worst_case_alarm_date", "worst_case_dry_date"):
        if name in work.days:
            work.answer(work.days[name])
    work.answer_with(
        "limits",
        [{"limit": bound.limit, "date": bound.day, "days": Count(bound.days)} for bound in bounds],
    )
    return due


def _check(work: Worksheet, pump: Pump, drugs: Sequence[Drug], components: Sequence[Component], fill: Fill) -> None:
    """Every limit that a fill meets; for an admixture, every component's."""
    work.at_most(fill.volume, pump.reservoir_volume)
    check_reservoir_size(work, fill.volume, pump)
    flow = work.step(formulas.flow_rate, daily_dose=fill.dose, concentration=fill.strength, show="mL/day")
    check_flow_rate(work, pump, flow)
    doses_by_flow(work, drugs, [each.concentration for each in components], flow, fill.dose, fill.strength)
    if fill.programme is not None:
        check_week(work, pump, drugs[0], fill.programme.week, fill.strength)
    if fill.leaving is not fill.dose:
        _check_boluses(work, pump, drugs, fill)
    for position, drug in enumerate(drugs):
        if work.request.get("fill_kind") in drug.fill_concentration:
            allowed = drug.fill_concentration[work.request["fill_kind"]]
            work.one_of(
                f"{drug.name}_fill_concentration",
                work.line(f"concentration_{position + 1}") if position else fill.strength,
                allowed.concentrations,
                work.cite(allowed.stated),
                hard=allowed.stated.status == "verified",
            )
        check_indication(work, drug, pump)
        work.note(
            "missed-refill",
            f"A missed refill of {drug.label} is graded {drug.missed_refill.value}.",
            work.cite(drug.missed_refill),
        )
    if len(drugs) > 1:
        worst = min(drugs, key=lambda drug: SEVERITIES.index(str(drug.missed_refill.value)))
        work.note(
            "missed-refill-of-the-mixture",
            f"A missed refill of this mixture is graded {worst.missed_refill.value}, as its worst: {worst.label}.",
            work.cite(worst.missed_refill),
        )


def _check_boluses(work: Worksheet, pump: Pump, drugs: Sequence[Drug], fill: Fill) -> None:
    """Every drug's limit and the pump's, on a day with every bolus."""
    for drug in drugs:
        check_patient_bolus(work, drug, pump)
    flow = work.step(
        formulas.flow_rate,
        name="flow_rate_with_boluses",
        daily_dose=fill.leaving,
        concentration=fill.strength,
        show="mL/day",
    )
    check_flow_rate(work, pump, flow)
    check_daily_dose(work, drugs[0], fill.leaving)
    for position, drug in enumerate(drugs[1:], start=1):
        strength = work.line(f"concentration_{position + 1}")
        dose = work.step(
            formulas.daily_dose,
            name=f"daily_dose_{position + 1}_with_boluses",
            flow_rate=flow,
            concentration=strength,
            show=f"{strength.spelling.partition('/')[0]}/day",
        )
        check_daily_dose(work, drug, dose)
