"""Why each possibility that is not an option is not one, in words; neighbours with the same reason together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import groupby

from pumpcalc.choosing.order import Order
from pumpcalc.choosing.search import Judged, Option
from pumpcalc.library import Product
from pumpcalc.quantities import write_number
from pumpcalc.worksheet import Value

__all__ = ["not_listed"]


def not_listed(
    order: Order,
    products: Sequence[Product],
    aside: Mapping[str, tuple[str, str]],
    judged: Sequence[Judged],
    options: Sequence[Option],
) -> list[dict[str, str]]:
    """One row for each product that is set aside, and for each run of volumes with one reason."""

    def alike(each: Judged) -> tuple[str, int]:
        """The reason, and where it is another option, the first that betters this one. No reason: an option."""
        if each.reason != "another-is-better":
            return each.reason or "", 0
        return each.reason, next(place for place, option in enumerate(options) if option.beats(each.option))

    rows = []
    for product in products:
        if product.id in aside:
            reason, text = aside[product.id]
            rows.append({"option": f"{product.id}, any volume in {order.fill}", "reason": reason, "text": text})
        mine = [each for each in judged if each.option.stock.product.id == product.id]
        for (reason, place), entries in groupby(mine, alike):
            if reason:
                group = [each.option for each in entries]
                text = _bettered(group, options, place) if reason == "another-is-better" else _why(order, reason, group)
                drawn = _span([each.drawn for each in group])
                rows.append({"option": f"{product.id}, {drawn} in {order.fill}", "reason": reason, "text": text})
    return rows


def _span(values: Sequence[Value]) -> str:
    """From the least to the greatest of some values: "1 to 9 mL"."""
    low, high = min(values, key=lambda each: each.amount), max(values, key=lambda each: each.amount)
    return str(low) if str(low) == str(high) else f"{write_number(low.exact)} to {high}"


def _bettered(group: Sequence[Option], options: Sequence[Option], place: int) -> str:
    best = options[place]
    return (
        f"It would last {_span([each.interval for each in group])} and waste {_span([each.waste for each in group])}; "
        f"option {place + 1} ({best.words}) lasts {best.interval} and wastes {best.waste}."
    )


def _why(order: Order, reason: str, group: Sequence[Option]) -> str:
    """The sentence for a run of volumes that cannot be ordered."""
    drug, pump = order.drug, order.pump
    flow = _span([each.flow for each in group])
    if reason == "not-a-naive-fill":
        strengths = " or ".join(drug.fill_concentration["naive"].stated.listed)
        return f"The first fill of a new pump is a product of {strengths}, undiluted."
    if reason == "above-maximum-concentration":
        made = _span([each.concentration for each in group])
        return f"It would be {made}, above the maximum concentration of {drug.maximum_concentration.quantity}."
    if reason == "flow-below-minimum":
        least = pump.minimum_flow_rate.quantity
        return f"At {order.dose} it would flow at {flow}, below the least that the pump delivers, {least}."
    if reason == "flow-above-maximum":
        fast, most = _span([each.highest_flow for each in group]), pump.maximum_flow_rate.quantity
        return f"At {order.highest} it would flow at {fast}, above the most that the pump delivers, {most}."
    if reason == "not-on-a-step":
        off = _span([each.error for each in group])
        return f"The flow of {flow} is no whole number of steps of {order.step}; the nearest is off the dose by {off}."
    wanted = "one day" if order.wanted is None or order.wanted.amount < 1 else f"the {order.wanted} wanted"
    return f"At {order.highest} it would last {_span([each.shortest for each in group])}, less than {wanted}."
