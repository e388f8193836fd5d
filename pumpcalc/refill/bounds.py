"""The named limits of a fill, each as the whole days that fit and the day that they reach."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from pumpcalc import formulas
from pumpcalc.admixture import nobody_has_read, note_mixture, studied_limits
from pumpcalc.delivery import Component
from pumpcalc.library import Drug, Pump
from pumpcalc.quantities import Quantity, write_number
from pumpcalc.refill.entry import Fill
from pumpcalc.worksheet import Day, Value, Worksheet

__all__ = ["Bound", "bound_of", "end_of_service", "low_reservoir_alarm", "stability_bound", "worst_case"]


@dataclass
class Bound:
    """One named limit: the whole days that fit, and the day that they reach."""

    limit: str
    days: Value
    day: Day


def bound_of(work: Worksheet, limit: str, filled: Day, lasts: Value, pointer: str = "/daily_dose") -> Bound:
    """A limit as whole days and a date."""
    name = limit.replace("-", "_")
    whole = work.whole(f"{name}_days", lasts)
    return Bound(limit, whole, work.day_after(f"{name}_date", filled, whole, pointer=pointer))


def _counted(work: Worksheet, limit: str, fill: Fill, lasts: Value) -> Bound:
    """A limit of the volume: it counts from the day on which the volume is known, its days from the fill."""
    if fill.then is None:
        return bound_of(work, limit, fill.filled, lasts)
    name = limit.replace("-", "_")
    whole = work.whole(f"{name}_days_then", lasts)
    day = work.day_after(f"{name}_date", fill.then.day, whole, pointer="/daily_dose")
    return Bound(limit, work.days_until(f"{name}_days", fill.filled, day), day)


def low_reservoir_alarm(work: Worksheet, fill: Fill) -> Bound:
    if fill.programme is not None:
        usable = work.step(formulas.volume_left, name="usable_volume", volume=fill.volume, taken=fill.alarm, show="mL")
        walked = fill.programme.lasts(work, "days_to_low_reservoir_alarm", usable, fill.strength)
        return bound_of(work, "low-reservoir-alarm", fill.filled, walked)
    volume, alarm = fill.volume, fill.alarm
    if fill.then is not None:
        volume, alarm = fill.then.volume, _still_kept(work, "alarm_volume_then", fill.then.volume, alarm)
        if volume.amount <= fill.alarm.amount:
            work.note(
                "alarm-reached",
                f"The {volume} of {fill.then.day} are not above the alarm volume: the alarm is due or sounding.",
            )
    lasts = work.step(
        formulas.days_to_low_reservoir_alarm,
        fill_volume=volume,
        alarm_volume=alarm,
        concentration=fill.strength,
        daily_dose=fill.leaving,
        show="day",
    )
    return _counted(work, "low-reservoir-alarm", fill, lasts)


def _still_kept(work: Worksheet, name: str, volume: Value, alarm: Value) -> Value:
    """The alarm volume; of a reservoir that holds less, all of it, so that no time is left."""
    return alarm if volume.amount > alarm.amount else work.least(name, [volume, alarm], "mL")


def worst_case(work: Worksheet, pump: Pump, fill: Fill, alarm: Bound, *, required: bool) -> Bound | None:
    """When the pump can be at its alarm volume, and dry, if it runs fast within its stated accuracy."""
    if not pump.flow_accuracy.is_known and not required:
        work.not_checked(pump.flow_accuracy)
        work.note(
            "worst-case-unknown",
            f"The accuracy of the {pump.label} is not in the library, so no worst-case day can be stated.",
        )
        return None
    accuracy = work.fact("flow_accuracy", pump.flow_accuracy, pointer="/accuracy_caps_interval")
    at_alarm, dry = _at_worst(work, fill, accuracy)
    _counted(work, "worst-case-alarm", fill, at_alarm)
    bound = _counted(work, "worst-case-dry", fill, dry)
    if dry.amount < work.line("days_to_low_reservoir_alarm").amount:
        enough = _alarm_volume_in_time(work, fill, accuracy)
        work.note(
            "dry-before-alarm-possible",
            f"Within its stated accuracy of {accuracy} this pump can be dry on {bound.day}, before its low-reservoir "
            f"alarm on {alarm.day}. The alarm is calculated from the programmed rate. "
            f"An alarm volume of {write_number(enough.exact, up=True)} mL or more (rounded up) would come first.",
            work.cite(pump.flow_accuracy),
        )
    return bound


def _alarm_volume_in_time(work: Worksheet, fill: Fill, accuracy: Value) -> Value:
    """The least alarm volume at which the alarm sounds before a fast pump can be dry."""
    if fill.then is None:
        return work.step(
            formulas.alarm_volume_that_warns_in_time, fill_volume=fill.volume, flow_accuracy=accuracy, show="mL"
        )
    counted = work.step(
        formulas.volume_when_fast,
        name="least_volume_then_when_fast",
        volume=fill.then.least,
        flow_accuracy=accuracy,
        show="mL",
    )
    return work.step(
        formulas.volume_left,
        name="alarm_volume_that_warns_in_time",
        volume=fill.then.volume,
        taken=counted,
        show="mL",
    )


def _at_worst(work: Worksheet, fill: Fill, accuracy: Value) -> tuple[Value, Value]:
    """How long until the alarm volume and until dry, if the pump runs as fast as its accuracy allows."""
    if fill.programme is not None:
        at_alarm, dry = (
            fill.programme.lasts(
                work,
                name,
                work.step(
                    formulas.volume_when_fast,
                    name=f"{volume.name}_when_fast",
                    volume=volume,
                    flow_accuracy=accuracy,
                    show="mL",
                ),
                fill.strength,
            )
            for name, volume in (
                ("days_to_alarm_volume_at_worst", work.line("usable_volume")),
                ("days_to_dry_at_worst", fill.volume),
            )
        )
        return at_alarm, dry
    fast: dict[str, Any] = {"concentration": fill.strength, "daily_dose": fill.leaving, "flow_accuracy": accuracy}
    volume, alarm = fill.volume, fill.alarm
    if fill.then is not None:
        volume, alarm = fill.then.least, _still_kept(work, "alarm_volume_at_worst", fill.then.least, alarm)
        if volume.amount <= fill.alarm.amount < fill.then.volume.amount:
            work.note(
                "alarm-possible-now",
                f"If it ran fast within its stated accuracy this pump held {volume} on {fill.then.day}, not more than "
                "the alarm volume.",
            )
    return (
        work.step(formulas.days_to_alarm_volume_at_worst, fill_volume=volume, alarm_volume=alarm, show="day", **fast),
        work.step(formulas.days_to_dry_at_worst, fill_volume=volume, show="day", **fast),
    )


def end_of_service(work: Worksheet, pump: Pump, fill: Fill, indicator: date, shown: date | None) -> Bound:
    """The day on which the pump stops: so many days after its replacement indicator, whatever a programmer shows."""
    since = work.given_day("replacement_indicator_date", indicator)
    runs_on = work.fact(
        "days_from_replacement_indicator",
        pump.days_from_replacement_indicator,
        pointer="/replacement_indicator_date",
    )
    ends = work.day_after("end_of_service_date", since, runs_on, pointer="/replacement_indicator_date")
    if shown is not None:
        work.begun_by("replace_by_date", work.given_day("replace_by_date", shown), ends)
    if ends.day < fill.filled.day:
        raise work.refuse(
            "past-end-of-service",
            f"The pump stopped on {ends}, {runs_on} after its replacement indicator: no fill of it can be planned.",
            "/replacement_indicator_date",
        )
    return Bound("end-of-service", work.days_until("end_of_service_days", fill.filled, ends), ends)


def stability_bound(
    work: Worksheet,
    fill: Fill,
    drugs: Sequence[Drug],
    components: Sequence[Component],
    fill_kind: str | None,
    stated: Quantity | None,
) -> Bound:
    """How long the solution keeps in the pump: the earliest of what the library holds and what the request states.

    The library holds it of each drug by the kind of fill, and of some mixtures. A mixture keeps no longer than each
    of its drugs alone, but how much less is a fact of its own.
    """
    alone = len(drugs) == 1
    lasting = [
        each
        for drug, component in zip(drugs, components, strict=True)
        if (each := _held_stability(work, drug, component, fill_kind, alone=alone)) is not None
    ]
    if alone:
        is_held = bool(lasting)
        unread = "" if is_held else _nothing_held(work, drugs[0])
    else:
        studied, is_held = studied_limits(work, {each.drug: each.concentration for each in components})
        unread = "" if is_held else nobody_has_read(work, drugs)
        lasting += studied
        note_mixture(work, drugs)
    if stated is not None:
        if stated.amount == 0:
            raise work.refuse("zero", "A solution that keeps for no time is not a fill: state its days.", "/stability")
        lasting.append(work.given("stability", stated))
        if unread:
            work.note("stability-stated-by-the-clinic", f"{unread} The {stated} stated is the clinic's own.")
    elif unread:
        raise work.refuse("stability-unknown", f'{unread} State it, as "stability": "14 day".', "/stability")
    keeps = lasting[0] if len(lasting) == 1 else work.least("keeps_in_pump", lasting, "day")
    return bound_of(work, "in-pump-stability", fill.filled, keeps, "/stability")


def _nothing_held(work: Worksheet, drug: Drug) -> str:
    """That the library holds no time for which this drug keeps; what was read of it is shown in notes."""
    for what, figure in drug.stability_evidence:
        work.note("stability-evidence", f"Read of {drug.label}: {what}, {figure.quantity}.", work.cite(figure))
    return f"The library does not hold how long {drug.label} keeps in the pump."


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
            strongest = max(each.amount for each in strengths.concentrations)
            why = (
                "it is stronger than any product; check its unit"
                if component.concentration.amount > strongest
                else "a weaker solution is a diluted fill, and keeps for less"
            )
            raise work.refuse(
                "fill-kind-contradicts-concentration",
                f"An {kind} fill of {drug.label} has {' or '.join(strengths.stated.listed)}, "
                f"not {component.concentration}: {why}.",
                "/fill_kind",
            )
    return work.fact("in_pump_stability" if alone else f"in_pump_stability_of_{drug.name}", held[kind])
