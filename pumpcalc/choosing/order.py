"""What is asked of the search and what bounds it: the products, the fill, the alarm, how long each fill keeps."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction

from pumpcalc.library import Drug, Product, Pump
from pumpcalc.quantities import Quantity
from pumpcalc.sentinel import check_reservoir_size
from pumpcalc.worksheet import Value, Worksheet

__all__ = [
    "Order",
    "Stock",
    "chosen_products",
    "given_alarm",
    "given_days",
    "given_fill",
    "given_stock",
    "in_whole_steps",
    "is_strength_of",
    "keeping_days",
    "kind_of_fill",
    "volumes",
    "why_aside",
]


@dataclass(frozen=True)
class Stock:
    """One product that may be drawn from."""

    product: Product
    strength: Value
    vial: Value


@dataclass(frozen=True)
class Order:
    """What is asked, and what bounds it, as lines of the page."""

    drug: Drug
    pump: Pump
    dose: Value
    highest: Value
    """The highest planned dose, or the daily dose where none is planned."""
    fill: Value
    alarm: Value
    step: Value | None
    """Of the pump's flow."""
    wanted: Value | None
    """The interval that is wanted."""
    naive: bool
    keeps: Mapping[str, Value]
    """Whole days for which the solution keeps in the pump, by kind of fill."""
    longest: Value | None
    """Whole days of the pump's maximum refill interval."""

    @property
    def plans_a_higher_dose(self) -> bool:
        return self.highest is not self.dose


def chosen_products(work: Worksheet, drug: Drug, products: Sequence[str] | None) -> list[Product]:
    """The products that are tried, in the order of the request or of the library."""
    held = {product.id: product for product in drug.products}
    if not held:
        raise work.refuse(
            "no-product", f"The library holds no product of {drug.label}: there is nothing to choose from.", "/drug"
        )
    if products is None:
        return [product for product in held.values() if product.is_for_pumps]
    for position, name in enumerate(products):
        if name not in held:
            raise work.refuse(
                "unknown-product",
                f"The library has no such product of {drug.label}; it has {', '.join(held)}.",
                f"/products/{position}",
            )
        if name in products[:position]:
            raise work.refuse("duplicate", f"{name} is listed twice: write it once.", f"/products/{position}")
    return [held[name] for name in products]


def why_aside(pump: Pump, fill: Value, product: Product) -> tuple[str, str] | None:
    """Why no fill at all can be made of a product: the reason and its sentence; None where one may be."""
    holds = pump.reservoir_volume.quantity
    if holds is not None and fill.amount > holds.amount:
        return "fill-above-reservoir", f"The fill of {fill} is more than the {holds} that the {pump.label} holds."
    if not product.is_for_pumps:
        return "product-not-for-pumps", f"{product.brand} of this strength is not for use in an implanted pump."
    if not product.concentration.is_known:
        return "concentration-unknown", "Its concentration is not in the library."
    if not product.volume.is_known:
        return "vial-volume-unknown", "How much a vial holds is not in the library, so its waste cannot be counted."
    return None


def given_stock(work: Worksheet, drug: Drug, product: Product) -> Stock:
    """A product as two lines of the page."""
    name = product.id.replace("-", "_")
    return Stock(
        product,
        work.fact(f"concentration_of_{name}", product.concentration, drug.name),
        work.fact(f"vial_volume_of_{name}", product.volume),
    )


def given_fill(work: Worksheet, pump: Pump, volume: Quantity) -> Value:
    """The fill, against the reservoir; against the largest that there is, where the pump's own is unknown."""
    fill = work.given("fill_volume", volume)
    work.at_most(fill, pump.reservoir_volume)
    check_reservoir_size(work, fill, pump)
    if not pump.reservoir_volume.is_known:
        held = [each.reservoir_volume.quantity for each in work.library.pumps.values()]
        largest = max((each for each in held if each is not None), key=lambda each: each.amount, default=None)
        if largest is None or fill.amount > largest.amount:
            most = "" if largest is None else f"; the largest reservoir is {largest}"
            raise work.refuse(
                "out-of-range",
                f"The library does not hold the reservoir volume of the {pump.label}, and no pump in it holds "
                f"{fill}{most}.",
                "/fill_volume",
            )
    return fill


def given_alarm(work: Worksheet, pump: Pump, fill: Value, stated: Quantity | None) -> Value:
    """The volume at which the alarm sounds: the clinic's; else what the library holds for this pump, and said so."""
    pointer = "/low_reservoir_alarm_volume"
    if stated is not None:
        alarm = work.given("low_reservoir_alarm_volume", stated)
    else:
        held = [fact for fact in (pump.recommended_alarm_volume, pump.refill_reference_volume) if fact.is_known]
        if not held:
            raise work.refuse(
                "missing",
                "low_reservoir_alarm_volume is missing, and the library holds no such volume for the "
                f'{pump.label}: state the clinic\'s setting, such as "2 mL".',
                pointer,
            )
        alarm = work.fact("low_reservoir_alarm_volume", held[0])
        work.note(
            "alarm-volume-not-stated",
            f"No low-reservoir alarm volume is stated, so {alarm} of the library is used. It is the clinic's setting: "
            "state it as it is set on this pump.",
            work.cite(held[0]),
        )
    if alarm.amount >= fill.amount:
        raise work.refuse(
            "out-of-range",
            f"The low-reservoir alarm volume of {alarm} is not below the fill volume of {fill}: "
            "the alarm would be due at once.",
            "/fill_volume" if stated is None else pointer,
        )
    return alarm


def given_days(work: Worksheet, name: str, days: Quantity | None) -> Value | None:
    """A duration that may be stated, and is then above 0."""
    if days is None:
        return None
    if days.amount == 0:
        raise work.refuse("zero", f"{name} of no time is not a question: write days above 0.", f"/{name}")
    return work.given(name, days)


def in_whole_steps(step: Fraction, below: Fraction) -> Iterator[Fraction]:
    """One step, two, ... below a bound."""
    amount = step
    while amount < below:
        yield amount
        amount += step


def volumes(stock: Stock, fill: Value) -> list[Fraction]:
    """The grid: whole millilitres and whole vials below the fill volume, and the fill volume itself."""
    millilitres = in_whole_steps(Fraction(1), fill.amount)
    return sorted({*millilitres, *in_whole_steps(stock.vial.amount, fill.amount), fill.amount})


def keeping_days(
    work: Worksheet, drug: Drug, stocks: Sequence[Stock], fill: Value, stated: Value | None, *, naive: bool
) -> dict[str, Value]:
    """Whole days for which each kind of fill keeps in the pump: of the library and of the request, the earlier."""
    kinds = {kind_of_fill(drug, stock, drawn, fill, naive=naive) for stock in stocks for drawn in volumes(stock, fill)}
    keeps = {}
    for kind in sorted(kinds):
        end = "" if kind == "any" else f"_{kind}"
        held = drug.in_pump_stability.get(kind)
        lasting = [] if held is None or not held.is_known else [work.fact(f"in_pump_stability{end}", held)]
        lasting += [] if stated is None else [stated]
        if not lasting:
            solution = drug.label if kind == "any" else f"a {kind} fill of {drug.label}"
            raise work.refuse(
                "stability-unknown",
                f"The library does not hold how long {solution} keeps in this pump: "
                'state it, as "stability": "90 day".',
                "/stability",
            )
        shortest = lasting[0] if len(lasting) == 1 else work.least(f"keeps_in_pump{end}", lasting, "day")
        keeps[kind] = work.whole(f"in_pump_stability_days{end}", shortest)
    return keeps


def kind_of_fill(drug: Drug, stock: Stock, drawn: Fraction, fill: Value, *, naive: bool) -> str:
    """The kind of fill on which stability depends. A strength that nobody lists as undiluted counts as diluted."""
    if "any" in drug.in_pump_stability or not drug.in_pump_stability:
        return "any"
    if naive:
        return "naive"
    return "undiluted" if drawn == fill.amount and is_strength_of(drug, "undiluted", stock) else "diluted"


def is_strength_of(drug: Drug, kind: str, stock: Stock) -> bool:
    """Is a product, as it is, one of the strengths that this kind of fill has? Any is, where none is listed."""
    strengths = drug.fill_concentration.get(kind)
    return strengths is None or stock.strength.amount in {each.amount for each in strengths.concentrations}
