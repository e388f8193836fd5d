"""The concentration and the fill, chosen from the products that exist.

Every possibility is worked out on a draft. What is offered is worked out again, by the same lines of code, on the page.
What is not offered is said with its reason: each possibility is an option, or stands in exactly one row.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pumpcalc.choosing.order import (
    Order,
    chosen_products,
    given_alarm,
    given_days,
    given_fill,
    given_stock,
    keeping_days,
    why_aside,
)
from pumpcalc.choosing.reasons import not_listed
from pumpcalc.choosing.search import GRID, Option, search, worked
from pumpcalc.library import Pump
from pumpcalc.limits import check_concentration, check_daily_dose, check_flow_rate, check_indication
from pumpcalc.quantities import Quantity
from pumpcalc.worksheet import Count, Draft, Value, Worksheet, calculator
from pumpcalc.worksheet.fields import (
    DailyDoseField,
    Days,
    DrugName,
    Listed,
    ProductName,
    PumpName,
    VolumeField,
    VolumeOrZeroField,
    YesNo,
)

__all__ = ["choose_concentration"]


@calculator("choose-concentration")
def choose_concentration(
    work: Worksheet,
    *,
    drug: DrugName,
    daily_dose: DailyDoseField,
    pump: PumpName,
    fill_volume: VolumeField,
    products: Listed[ProductName] | None = None,
    highest_planned_dose: DailyDoseField | None = None,
    wanted_interval: Days | None = None,
    low_reservoir_alarm_volume: VolumeOrZeroField | None = None,
    stability: Days | None = None,
    naive_pump: YesNo = False,
) -> None:
    """The concentrations that deliver a dose from the products that exist: the longest interval with the least waste.

        concentration = stock_volume * stock_concentration / fill_volume
        interval = min(whole days to the low-reservoir alarm, of in-pump stability, of the maximum refill interval)
        waste = left_in_vials + left_in_pump

    Every product is tried alone: its stock drawn in whole millilitres or in whole vials below the fill volume and
    diluted to it; and undiluted, the stock being the whole fill. A possibility is left out for the first of these
    reasons that holds: not-a-naive-fill, above-maximum-concentration, flow-below-minimum, flow-above-maximum,
    not-on-a-step, interval-too-short. Of the rest, another-is-better leaves out each one to which another is as good
    or better in interval and in waste, and better in one; equals are all listed. A whole product is left out as
    fill-above-reservoir, product-not-for-pumps, concentration-unknown or vial-volume-unknown.

    Parameters
    ----------
    drug : name of the drug in the reservoir
    daily_dose : constant infusion that the fill is chosen for; it is delivered exactly [mg/day or mcg/day]
    pump : pump model
    fill_volume : put in at the refill [mL]
    products : of the library, by name; every product of the drug that may go into a pump where none is named
    highest_planned_dose : that the same fill may have to deliver; the pump must be able to, for at least a day and for
        the wanted interval [mg/day or mcg/day]
    wanted_interval : that the fill must last, at the highest planned dose too [day]
    low_reservoir_alarm_volume : as set on the pump; the library's figure, with a note, where it is not stated [mL]
    stability : how long this solution keeps in this pump, where the library has none [day]
    naive_pump : is this the first fill of a new pump?

    Returns
    -------
    options, the longest interval first, then the least waste: concentration [mg/mL or mcg/mL], product, flow_rate
    [mL/day], interval [day], binding, waste [mg or mcg], dose_error_percent, stock_volume [mL], diluent_volume [mL],
    vials (count) and, with a highest planned dose, interval_at_highest_dose [day]; not_listed, in the order of the
    products: option, reason and text

    Limits
    ------
    fill_volume at most ``reservoir_volume``; daily_dose and highest_planned_dose within the drug's limits; of each
    option, concentration within the drug's limits, flow_rate within the pump's, and the wanted interval kept

    Raises
    ------
    Refusal ``stability-unknown`` where neither the library nor the request says how long the solution keeps

    Source
    ------
    [definition] C1 V1 = C2 V2, volume over flow; [pumpcalc-policy] the volumes of stock that are tried

    Example
    -------
    >>> found = choose_concentration(drug="morphine", daily_dose="10 mg/day", pump="synchromed-ii-20",
    ...                              fill_volume="20 mL", low_reservoir_alarm_volume="2 mL")
    >>> [(each["product"], each["interval"], each["waste"]) for each in found.answers["options"]][1:3]
    [('mitigo-25', '45 day', '50 mg'), ('infumorph-200', '18 day', '20 mg')]
    """
    monograph, device = work.drug(drug), work.pump(pump)
    chosen = chosen_products(work, monograph, products)
    dose = work.given("daily_dose", daily_dose, monograph.name)
    highest = dose
    if highest_planned_dose is not None:
        highest = _given_highest(work, highest_planned_dose, dose, monograph.name)
    fill = given_fill(work, device, fill_volume)
    alarm = given_alarm(work, device, fill, low_reservoir_alarm_volume)
    wanted = given_days(work, "wanted_interval", wanted_interval)
    stated = given_days(work, "stability", stability)
    aside = {product.id: why for product in chosen if (why := why_aside(device, fill, product)) is not None}
    stocks = [given_stock(work, monograph, product) for product in chosen if product.id not in aside]
    order = Order(
        drug=monograph,
        pump=device,
        dose=dose,
        highest=highest,
        fill=fill,
        alarm=alarm,
        step=work.fact("flow_step", device.flow_step) if device.flow_step.is_known else None,
        wanted=wanted,
        naive=naive_pump,
        keeps=keeping_days(work, monograph, stocks, fill, stated, naive=naive_pump),
        longest=_longest(work, device),
    )
    found, judged = search(Draft(work.calculation, work.library, work.request), order, stocks)
    options = [worked(work, order, each.stock, each.drawn.amount, f"_{n}") for n, each in enumerate(found, start=1)]
    work.answer_with("options", [_row(order, option) for option in options])
    work.answer_with("not_listed", not_listed(order, chosen, aside, judged, options))
    _check(work, order, options)
    _say(work, order, options)


def _given_highest(work: Worksheet, planned: Quantity, dose: Value, drug: str) -> Value:
    highest = work.given("highest_planned_dose", planned, drug)
    if highest.amount < dose.amount:
        raise work.refuse(
            "out-of-range",
            f"The highest planned dose of {highest} is below the daily dose of {dose}: write the higher of the two.",
            "/highest_planned_dose",
        )
    return highest


def _longest(work: Worksheet, pump: Pump) -> Value | None:
    fact = pump.maximum_refill_interval
    if not fact.is_known:
        return None
    return work.whole("maximum_interval_days", work.fact("maximum_refill_interval", fact))


def _row(order: Order, option: Option) -> dict[str, Any]:
    row: dict[str, Any] = {
        "concentration": option.concentration,
        "product": option.stock.product.id,
        "flow_rate": option.programmed,
        "interval": option.interval,
        "binding": option.binding,
        "waste": option.waste,
        "dose_error_percent": option.error,
        "stock_volume": option.drawn,
        "diluent_volume": option.diluent,
        "vials": Count(option.vials),
    }
    if order.plans_a_higher_dose:
        row["interval_at_highest_dose"] = option.shortest
    return row


def _check(work: Worksheet, order: Order, options: Sequence[Option]) -> None:
    """Every limit that the doses and each option meet, and every figure that nobody has read."""
    drug, pump = order.drug, order.pump
    check_daily_dose(work, drug, order.dose)
    if order.plans_a_higher_dose:
        check_daily_dose(work, drug, order.highest)
    check_indication(work, drug, pump)
    judging = (pump.minimum_flow_rate, pump.maximum_flow_rate, pump.flow_step, pump.maximum_refill_interval)
    for fact in (drug.maximum_concentration, *judging):
        if not fact.is_known:
            work.not_checked(fact)
    for option in options:
        check_concentration(work, drug, option.concentration)
        check_flow_rate(work, pump, option.flow)
        if order.plans_a_higher_dose:
            check_flow_rate(work, pump, option.highest_flow)
        if order.wanted is not None:
            work.soft_bound(option.shortest, "at least", order.wanted, "wanted_interval")


def _say(work: Worksheet, order: Order, options: Sequence[Option]) -> None:
    """What must be known beside the numbers."""
    drug, pump = order.drug, order.pump
    if not options:
        work.note("no-option", "No fill of these products does what is asked: not_listed says why for each.")
    if order.step is None:
        work.note(
            "flow-step-unknown",
            f"The steps in which the flow of the {pump.label} is set are not in the library: every flow is the exact "
            "one. Read on the programmer whether it can be set, and which dose the nearest one gives.",
        )
    work.note(
        "how-searched",
        "Tried: each product alone, drawn in whole millilitres or whole vials and diluted to the fill volume, or "
        "undiluted. Waste is the drug of the vials that are opened, less what the patient gets until the refill.",
        GRID,
    )
    if order.naive:
        work.cautions(drug.cautions, "naive-pump-rinse", "naive-fill-volume")
        work.note("rinse-not-counted", "The vials and the waste are those of the fill: what rinses the pump is extra.")
    if not all(option.is_undiluted for option in options):
        work.cautions(drug.cautions, "diluent", "start-within-24-h")
    work.cautions(drug.cautions, "granuloma-concentration", "precipitation")
