"""From how long a fill lasts to the day by which it must be replaced, and the limit that decides it.

A refill date is the earliest of several named limits. Part days are dropped, lead days and closed days move it
earlier, and nothing moves it later.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from pumpcalc import formulas
from pumpcalc.library import Drug, FillKind, Pump
from pumpcalc.limits import check_concentration, check_daily_dose, check_flow_rate, check_indication
from pumpcalc.quantities import Quantity, write_number
from pumpcalc.worksheet import Count, Day, Value, Worksheet, calculator
from pumpcalc.worksheet.fields import (
    Calendar,
    ClosedDates,
    ClosedWeekdays,
    ConcentrationField,
    DailyDoseField,
    Days,
    Identifier,
    Instant,
    Listed,
    Request,
    TimeZone,
    VolumeField,
    VolumeOrZeroField,
    YesNo,
)

__all__ = ["Component", "refill_schedule"]


class Component(Request):
    """One drug in the reservoir."""

    drug: Identifier
    concentration: ConcentrationField


@dataclass
class _Bound:
    """One named limit: the whole days that fit, and the day that they reach."""

    limit: str
    days: Value
    day: Day


@dataclass
class _Fill:
    """The fill as the worksheet knows it."""

    filled: Day
    volume: Value
    alarm: Value
    strength: Value
    dose: Value


@calculator("refill-schedule")
def refill_schedule(
    work: Worksheet,
    *,
    pump: Identifier,
    fill_volume: VolumeField,
    low_reservoir_alarm_volume: VolumeOrZeroField,
    components: Listed[Component],
    daily_dose: DailyDoseField,
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
    fill_date : day of the fill at the clinic; or
    filled_at, time_zone : the instant of the fill and the clinic's zone
    fill_kind : naive (first fill of a new pump), undiluted or diluted; needed where stability depends on it
    stability : how long this solution keeps in this pump, where the library has none [day]
    beyond_use_date : last day on which the compounded fill may be begun
    beyond_use_caps_interval : the clinic's policy: that day also ends the interval
    accuracy_caps_interval : the clinic's policy: the day on which the pump can be dry within its accuracy binds too
    closed_weekdays, closed_dates : when the clinic is closed
    days_before : how many days before the last safe day the clinic refills

    Returns
    -------
    refill_by, binding, low_reservoir_alarm_date, worst_case_alarm_date, worst_case_dry_date, and limits: every limit
    that counts, with its day and its whole days, in the contract's order

    Limits
    ------
    fill_volume at most ``reservoir_volume``; flow_rate within the pump's limits; daily_dose and concentrations
    within the drugs' limits; fill_date at most ``beyond_use_date``

    Source
    ------
    [definition] volume over flow; [prialt-pump-use-page] 14, 84 and 40 days; [tga-rc-2014-rn-00357-1] accuracy
    """
    device = work.pump(pump)
    drugs = [work.drug(each.drug, f"/components/{n}/drug") for n, each in enumerate(components)]
    _refuse_duplicates(work, drugs)
    fill = _given_fill(
        work,
        _fill_day(work, fill_date, filled_at, time_zone),
        fill_volume,
        low_reservoir_alarm_volume,
        components,
        daily_dose,
    )
    bounds = [_low_reservoir_alarm(work, fill)]
    worst_dry = _worst_case(work, device, fill, bounds[0], required=accuracy_caps_interval)
    if accuracy_caps_interval and worst_dry is not None:
        days = work.shown_as("accuracy_days", worst_dry.days, "day")
        bounds.append(_Bound("accuracy", days, work.same_day("accuracy_date", worst_dry.day)))
    bounds.append(_stability(work, fill, drugs, components, fill_kind, stability))
    if beyond_use_caps_interval and beyond_use_date is None:
        raise work.refuse(
            "missing", "beyond_use_date is missing: the clinic's policy lets it end the interval.", "/beyond_use_date"
        )
    if beyond_use_date is not None:
        last = work.given_day("beyond_use_date", beyond_use_date)
        work.begun_by("beyond_use_date", fill.filled, last)
        if beyond_use_caps_interval:
            days = work.days_until("beyond_use_date_days", fill.filled, last)
            bounds.append(_Bound("beyond-use-date", days, last))
    if device.maximum_refill_interval.is_known:
        interval = work.fact("maximum_refill_interval", device.maximum_refill_interval)
        bounds.append(_bound(work, "maximum-interval", fill.filled, interval))
    else:
        work.not_checked(device.maximum_refill_interval)
    _answer(work, fill, bounds, days_before, closed_weekdays, closed_dates)
    _check(work, device, drugs, components, fill)


def _refuse_duplicates(work: Worksheet, drugs: Sequence[Drug]) -> None:
    for position, drug in enumerate(drugs):
        if drug in drugs[:position]:
            raise work.refuse(
                "duplicate", f"{drug.label} is listed twice: write each drug of the solution once.",
                f"/components/{position}/drug",
            )  # fmt: skip


def _fill_day(work: Worksheet, fill_date: date | None, filled_at: datetime | None, time_zone: ZoneInfo | None) -> Day:
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


def _given_fill(
    work: Worksheet,
    filled: Day,
    volume: Quantity,
    alarm: Quantity,
    components: Sequence[Component],
    daily_dose: Quantity,
) -> _Fill:
    if alarm.amount >= volume.amount:
        raise work.refuse(
            "out-of-range",
            f"The low-reservoir alarm volume of {alarm} is not below the fill volume of {volume}: "
            "the alarm would be due at once.",
            "/low_reservoir_alarm_volume",
        )
    primary = components[0]
    return _Fill(
        filled=filled,
        volume=work.given("fill_volume", volume),
        alarm=work.given("low_reservoir_alarm_volume", alarm),
        strength=work.given("concentration", primary.concentration, primary.drug),
        dose=work.given("daily_dose", daily_dose, primary.drug),
    )


def _bound(work: Worksheet, limit: str, filled: Day, lasts: Value, pointer: str = "/daily_dose") -> _Bound:
    """A limit as whole days and a date."""
    name = limit.replace("-", "_")
    whole = work.whole(f"{name}_days", lasts)
    return _Bound(limit, whole, work.day_after(f"{name}_date", filled, whole, pointer=pointer))


def _low_reservoir_alarm(work: Worksheet, fill: _Fill) -> _Bound:
    lasts = work.step(
        formulas.days_to_low_reservoir_alarm,
        fill_volume=fill.volume,
        alarm_volume=fill.alarm,
        concentration=fill.strength,
        daily_dose=fill.dose,
        show="day",
    )
    return _bound(work, "low-reservoir-alarm", fill.filled, lasts)


def _worst_case(work: Worksheet, pump: Pump, fill: _Fill, alarm: _Bound, *, required: bool) -> _Bound | None:
    """When the pump can be at its alarm volume, and dry, if it runs fast within its stated accuracy."""
    if not pump.flow_accuracy.is_known and not required:
        work.not_checked(pump.flow_accuracy)
        work.note(
            "worst-case-unknown",
            f"The accuracy of the {pump.label} is not in the library, so no worst-case day can be stated.",
        )
        return None
    accuracy = work.fact("flow_accuracy", pump.flow_accuracy, pointer="/accuracy_caps_interval")
    fast: dict[str, Any] = {"concentration": fill.strength, "daily_dose": fill.dose, "flow_accuracy": accuracy}
    at_alarm = work.step(
        formulas.days_to_alarm_volume_at_worst,
        fill_volume=fill.volume,
        alarm_volume=fill.alarm,
        show="day",
        **fast,
    )
    _bound(work, "worst-case-alarm", fill.filled, at_alarm)
    dry = work.step(formulas.days_to_dry_at_worst, fill_volume=fill.volume, show="day", **fast)
    bound = _bound(work, "worst-case-dry", fill.filled, dry)
    if dry.amount < work.line("days_to_low_reservoir_alarm").amount:
        enough = work.step(
            formulas.alarm_volume_that_warns_in_time, fill_volume=fill.volume, flow_accuracy=accuracy, show="mL"
        )
        work.note(
            "dry-before-alarm-possible",
            f"Within its stated accuracy of {accuracy} this pump can be dry on {bound.day}, before its low-reservoir "
            f"alarm on {alarm.day}. The alarm is calculated from the programmed rate. "
            f"An alarm volume of {write_number(enough.exact, up=True)} mL or more (rounded up) would come first.",
            work.cite(pump.flow_accuracy),
        )
    return bound


def _stability(
    work: Worksheet,
    fill: _Fill,
    drugs: Sequence[Drug],
    components: Sequence[Component],
    fill_kind: str | None,
    stated: Quantity | None,
) -> _Bound:
    """How long the solution keeps in the pump: what the library holds, what the request states, the earlier of both."""
    held = [
        each
        for drug, component in zip(drugs, components, strict=True)
        if (each := _held_stability(work, drug, component, fill_kind, alone=len(drugs) == 1)) is not None
    ]
    lasting = list(held)
    if stated is not None:
        if stated.amount == 0:
            raise work.refuse("zero", "A solution that keeps for no time is not a fill: state its days.", "/stability")
        lasting.append(work.given("stability", stated))
    # A mixture keeps no longer than each of its drugs alone, but how much less is a fact of its own.
    if not lasting or (len(drugs) > 1 and stated is None):
        solution = " with ".join(drug.label for drug in drugs)
        raise work.refuse(
            "stability-unknown",
            f'The library does not hold how long {solution} keeps in this pump: state it, as "stability": "90 day".',
            "/stability",
        )
    keeps = lasting[0] if len(lasting) == 1 else work.least("keeps_in_pump", lasting, "day")
    return _bound(work, "in-pump-stability", fill.filled, keeps, "/stability")


def _held_stability(
    work: Worksheet, drug: Drug, component: Component, fill_kind: str | None, *, alone: bool
) -> Value | None:
    """The library's in-pump stability of one drug, by the kind of fill."""
    held = drug.in_pump_stability
    if not held:
        return None
    kind = "any" if "any" in held else fill_kind
    if kind is None and not alone and "diluted" in held:
        kind = "diluted"
        work.note(
            "mixture-counts-as-diluted",
            f"No fill_kind is stated, so {drug.label} in this mixture is held to its diluted limit. For the first fill "
            "of a new pump state naive, which keeps for less.",
        )
    if kind is None:
        raise work.refuse(
            "missing",
            f"fill_kind is missing: how long {drug.label} keeps in the pump depends on it; write {', '.join(held)}.",
            "/fill_kind",
        )
    if kind in drug.fill_concentration:
        strengths = drug.fill_concentration[kind]
        if not strengths.include(component.concentration) and kind != "naive":
            raise work.refuse(
                "fill-kind-contradicts-concentration",
                f"An {kind} fill of {drug.label} has {' or '.join(strengths.stated.listed)}, "
                f"not {component.concentration}: a weaker solution is a diluted fill, and keeps for less.",
                "/fill_kind",
            )
    return work.fact("in_pump_stability" if alone else f"in_pump_stability_of_{drug.name}", held[kind])


def _answer(
    work: Worksheet,
    fill: _Fill,
    bounds: Sequence[_Bound],
    days_before: Quantity | None,
    closed_weekdays: Sequence[str],
    closed_dates: Sequence[date],
) -> None:
    """The earliest limit, then earlier still for lead days and closed days."""
    fits = work.least("days_that_fit", [bound.days for bound in bounds], "day")
    day = work.day_after("last_safe_day", fill.filled, fits, pointer="/daily_dose")
    if days_before is not None:
        if days_before.amount.denominator != 1:
            raise work.refuse("whole-days", "days_before is a whole number of days.", "/days_before")
        before = work.given("days_before", days_before)
        day = work.day_before("latest_day", day, before, pointer="/days_before")
    by = work.last_open_day("refill_by", day, closed_weekdays, closed_dates)
    binding = next(bound for bound in bounds if bound.days.amount == fits.amount)
    if by.day < fill.filled.day:
        raise work.refuse(
            "no-day-left",
            f"The fill of {fill.filled} lasts {fits} ({binding.limit}); with the lead days and the closed days stated "
            "no day is left on which to replace it.",
            "/days_before",
        )
    work.answer(by)
    work.answer_with("binding", binding.limit)
    for name in ("low_reservoir_alarm_date", "worst_case_alarm_date", "worst_case_dry_date"):
        if name in work.days:
            work.answer(work.days[name])
    work.answer_with(
        "limits",
        [{"limit": bound.limit, "date": bound.day, "days": Count(bound.days)} for bound in bounds],
    )


def _check(work: Worksheet, pump: Pump, drugs: Sequence[Drug], components: Sequence[Component], fill: _Fill) -> None:
    """Every limit that a fill meets; for an admixture, every component's."""
    work.at_most(fill.volume, pump.reservoir_volume)
    flow = work.step(formulas.flow_rate, daily_dose=fill.dose, concentration=fill.strength, show="mL/day")
    check_flow_rate(work, pump, flow)
    for position, (drug, component) in enumerate(zip(drugs, components, strict=True)):
        strength, dose = fill.strength, fill.dose
        if position:
            strength = work.given(f"concentration_{position + 1}", component.concentration, drug.name)
            dose = work.step(
                formulas.daily_dose,
                name=f"daily_dose_{position + 1}",
                flow_rate=flow,
                concentration=strength,
                show=f"{strength.spelling.partition('/')[0]}/day",
            )
        check_daily_dose(work, drug, dose)
        check_concentration(work, drug, strength)
        if work.request.get("fill_kind") in drug.fill_concentration:
            allowed = drug.fill_concentration[work.request["fill_kind"]]
            work.one_of(
                f"{drug.name}_fill_concentration",
                strength,
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
        work.note("admixture", "One flow drives every drug: a change of the primary dose changes all doses alike.")
