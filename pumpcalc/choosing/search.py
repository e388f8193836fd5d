"""Every possibility worked out, the impossible told from the possible, and the options that none betters."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

from pumpcalc import formulas
from pumpcalc.choosing.order import Order, Stock, is_strength_of, kind_of_fill, volumes
from pumpcalc.library import Fact
from pumpcalc.quantities import VOLUME, Quantity
from pumpcalc.worksheet import Cited, Draft, Value, Worksheet

__all__ = ["GRID", "Judged", "Option", "search", "worked"]

GRID = Cited(
    key="pumpcalc-policy",
    where="decision: stock is drawn in whole millilitres or whole vials, or undiluted",
    status="derived",
)
"""Where the volumes of stock come from that are tried."""


@dataclass(frozen=True)
class Option:
    """One possibility: so much stock of one product, diluted to the fill volume."""

    stock: Stock
    drawn: Value
    diluent: Value
    concentration: Value
    flow: Value
    programmed: Value
    """The flow on the pump's nearest step; the flow itself where the step is unknown."""
    error: Value
    interval: Value
    binding: str
    highest_flow: Value
    """The flow at the highest planned dose."""
    shortest: Value
    """The interval at the highest planned dose."""
    vials: Value
    waste: Value

    @property
    def is_undiluted(self) -> bool:
        return self.diluent.amount == 0

    @property
    def words(self) -> str:
        """How it is made: "prialt-100-1, 2 mL of stock"."""
        return f"{self.stock.product.id}, {'undiluted' if self.is_undiluted else f'{self.drawn} of stock'}"

    def beats(self, other: Option) -> bool:
        """It lasts as long or longer and wastes as little or less, and is not equal in both."""
        as_long, as_little = self.interval.amount >= other.interval.amount, self.waste.amount <= other.waste.amount
        equal = self.interval.amount == other.interval.amount and self.waste.amount == other.waste.amount
        return as_long and as_little and not equal


@dataclass(frozen=True)
class Judged:
    """A possibility with the reason for which it is not an option; None for an option."""

    option: Option
    reason: str | None


def worked(sheet: Worksheet, order: Order, stock: Stock, volume: Fraction, number: str) -> Option:
    """One possibility, line by line: on the draft while searching, and with its number on the page."""
    if volume == order.fill.amount:
        drawn = sheet.shown_as(f"stock_volume{number}", order.fill, "mL")
    else:
        drawn = sheet.given(f"stock_volume{number}", Quantity(volume, VOLUME, "mL"), source=GRID)
    diluent = sheet.step(
        formulas.diluent_volume, name=f"diluent_volume{number}", prepared_volume=order.fill, stock=drawn, show="mL"
    )
    concentration = sheet.step(
        formulas.concentration_from_volumes,
        name=f"concentration{number}",
        stock_volume=drawn,
        stock_concentration=stock.strength,
        prepared_volume=order.fill,
        show=stock.strength.spelling,
    )
    flow = _flow(sheet, f"flow_rate{number}", order.dose, concentration)
    programmed, error = _programmed(sheet, order, flow, concentration, number)
    keeps = order.keeps[kind_of_fill(order.drug, stock, volume, order.fill, naive=order.naive)]
    interval, binding = _interval(sheet, order, concentration, order.dose, keeps, number)
    highest_flow, shortest = flow, interval
    if order.plans_a_higher_dose:
        at = f"_at_highest_dose{number}"
        highest_flow = _flow(sheet, f"flow_rate{at}", order.highest, concentration)
        shortest, _ = _interval(sheet, order, concentration, order.highest, keeps, at)
    vials, waste = _waste(sheet, order, stock, drawn, concentration, interval, number)
    return Option(
        stock=stock,
        drawn=drawn,
        diluent=diluent,
        concentration=concentration,
        flow=flow,
        programmed=programmed,
        error=error,
        interval=interval,
        binding=binding,
        highest_flow=highest_flow,
        shortest=shortest,
        vials=vials,
        waste=waste,
    )


def _flow(sheet: Worksheet, name: str, dose: Value, concentration: Value) -> Value:
    return sheet.step(formulas.flow_rate, name=name, daily_dose=dose, concentration=concentration, show="mL/day")


def _programmed(sheet: Worksheet, order: Order, flow: Value, concentration: Value, number: str) -> tuple[Value, Value]:
    """The flow as the pump can be set, and by how much the dose then is off."""
    programmed = flow if order.step is None else sheet.nearest(f"programmed_flow_rate{number}", flow, order.step)
    delivered = sheet.step(
        formulas.daily_dose,
        name=f"dose_delivered{number}",
        flow_rate=programmed,
        concentration=concentration,
        show=order.dose.spelling,
    )
    error = sheet.step(
        formulas.change_of_dose,
        name=f"dose_error_percent{number}",
        daily_dose=delivered,
        previous_daily_dose=order.dose,
        show="%",
    )
    return programmed, error


def _interval(
    sheet: Worksheet, order: Order, concentration: Value, dose: Value, keeps: Value, number: str
) -> tuple[Value, str]:
    """The whole days that fit, and the limit that decides: the first in the contract's order."""
    lasts = sheet.step(
        formulas.days_to_low_reservoir_alarm,
        name=f"days_to_low_reservoir_alarm{number}",
        fill_volume=order.fill,
        alarm_volume=order.alarm,
        concentration=concentration,
        daily_dose=dose,
        show="day",
    )
    bounds = {
        "low-reservoir-alarm": sheet.whole(f"low_reservoir_alarm_days{number}", lasts),
        "in-pump-stability": keeps,
    }
    if order.longest is not None:
        bounds["maximum-interval"] = order.longest
    fits = sheet.least(f"interval{number}", list(bounds.values()), "day")
    return fits, next(limit for limit, days in bounds.items() if days.amount == fits.amount)


def _waste(
    sheet: Worksheet,
    order: Order,
    stock: Stock,
    drawn: Value,
    concentration: Value,
    interval: Value,
    number: str,
) -> tuple[Value, Value]:
    """The vials that are opened, and the drug of theirs that nobody gets: left in them, and left in the pump."""
    mass = stock.strength.spelling.partition("/")[0]
    exact = sheet.step(
        formulas.vials, name=f"vials_exact{number}", stock_volume=drawn, vial_volume=stock.vial, show="1"
    )
    vials = sheet.whole_rounded_up(f"vials{number}", exact)
    in_vials = sheet.step(
        formulas.left_in_vials,
        name=f"left_in_vials{number}",
        vials=vials,
        vial_volume=stock.vial,
        stock_volume=drawn,
        stock_concentration=stock.strength,
        show=mass,
    )
    in_pump = sheet.step(
        formulas.left_in_pump,
        name=f"left_in_pump{number}",
        fill_volume=order.fill,
        concentration=concentration,
        interval=interval,
        daily_dose=order.dose,
        show=mass,
    )
    return vials, sheet.total(f"waste{number}", [in_vials, in_pump], mass)


def search(draft: Draft, order: Order, stocks: Sequence[Stock]) -> tuple[list[Option], list[Judged]]:
    """The options that none betters, in their order; and every possibility, judged."""
    tried = [worked(draft, order, stock, volume, "") for stock in stocks for volume in volumes(stock, order.fill)]
    judged = [Judged(option, _impossible(order, option)) for option in tried]
    possible = [each.option for each in judged if each.reason is None]
    possible.sort(key=lambda each: (-each.interval.amount, each.waste.amount, each.concentration.amount))
    found: list[Option] = []
    for option in possible:
        # The longest come first, and of those the least wasteful: what the last one found does not better, none does.
        if not found or not found[-1].beats(option):
            found.append(option)
    listed = {id(option) for option in found}
    return found, [
        each if each.reason is not None or id(each.option) in listed else Judged(each.option, "another-is-better")
        for each in judged
    ]


def _impossible(order: Order, option: Option) -> str | None:
    """The first reason for which this cannot be ordered as asked."""
    pump, drug = order.pump, order.drug
    naive = option.is_undiluted and is_strength_of(drug, "naive", option.stock)
    against = {
        "not-a-naive-fill": order.naive and "naive" in drug.fill_concentration and not naive,
        "above-maximum-concentration": _is_above(option.concentration, drug.maximum_concentration),
        "flow-below-minimum": _is_below(option.flow, pump.minimum_flow_rate),
        "flow-above-maximum": _is_above(option.highest_flow, pump.maximum_flow_rate),
        "not-on-a-step": option.error.amount != 0,
        "interval-too-short": option.shortest.amount < 1
        or (order.wanted is not None and option.shortest.amount < order.wanted.amount),
    }
    return next((reason for reason, holds in against.items() if holds), None)


def _is_above(value: Value, bound: Fact) -> bool:
    return bound.quantity is not None and value.amount > bound.quantity.amount


def _is_below(value: Value, bound: Fact) -> bool:
    return bound.quantity is not None and value.amount < bound.quantity.amount
