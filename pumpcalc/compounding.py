"""From concentrations to the syringe: stock volumes, diluent, vials, mass, and the back-calculation."""

from __future__ import annotations

from typing import Any

from pydantic import ConfigDict

from pumpcalc import formulas
from pumpcalc.library import Drug, Product
from pumpcalc.limits import check_approval, check_concentration
from pumpcalc.quantities import Quantity
from pumpcalc.worksheet import Count, Value, Worksheet, calculator
from pumpcalc.worksheet.fields import (
    Acknowledged,
    ConcentrationField,
    DrugName,
    Listed,
    ProductName,
    Request,
    VolumeField,
)

__all__ = ["CompoundedComponent", "compounding"]


class CompoundedComponent(Request):
    """One drug of the preparation, and the stock that it is drawn from."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"drug": "ziconotide", "concentration": "5 mcg/mL", "product": "prialt-25-20"}]}
    )

    drug: DrugName
    concentration: ConcentrationField
    stock_concentration: ConcentrationField | None = None
    product: ProductName | None = None


@calculator("compounding")
def compounding(
    work: Worksheet,
    *,
    final_volume: VolumeField,
    components: Listed[CompoundedComponent],
    overfill: VolumeField | None = None,
    graduation: VolumeField | None = None,
    acknowledged: Acknowledged = (),
) -> None:
    """The stock volumes, the diluent and the vials of a preparation, with the drug that it holds.

        stock_volume = concentration * prepared_volume / stock_concentration

    Parameters
    ----------
    final_volume : what goes into the pump [mL]
    components : each drug with the concentration wanted, and its stock: a stock_concentration, or a product of the
        library
    overfill : what is prepared beyond the final volume, at the same concentrations [mL]
    graduation : of the syringe; each stock volume is then measured to the nearest one, and the error shown [mL]
    acknowledged : statements that were read, such as fda-2018

    Returns
    -------
    components, in the order of the request: drug, stock_volume [mL], drug_mass [mg or mcg], vials (count, for a
    product), and with a graduation measured_volume [mL], concentration_made [mg/mL or mcg/mL] and error_percent;
    diluent_volume [mL]; sum_of_fractions

    Limits
    ------
    concentration at most ``maximum_concentration`` and ``strongest_product``, and within ``usual_concentration``;
    fda_2018_statement acknowledged

    Raises
    ------
    Refusal ``target-exceeds-stock`` for a concentration above its stock; ``infeasible`` when the stocks together are
    more than the preparation: powders are needed, and with them other beyond-use dates

    Source
    ------
    [definition] C1 V1 = C2 V2
    """
    volume = work.given("final_volume", final_volume)
    prepared = volume
    if overfill is not None:
        prepared = work.step(
            formulas.prepared_volume, final_volume=volume, overfill=work.given("overfill", overfill), show="mL"
        )
    step = work.given("graduation", graduation) if graduation is not None else None
    drugs = [work.drug(each.drug, f"/components/{n}/drug") for n, each in enumerate(components)]
    work.refuse_duplicates(drugs)
    rows, stocks, fractions = [], [], []
    for position, (drug, component) in enumerate(zip(drugs, components, strict=True)):
        row, stock, fraction = _component(work, position, drug, component, prepared, step)
        rows.append(row)
        stocks.append(stock)
        fractions.append(fraction)
    sum_of_fractions = work.total("sum_of_fractions", fractions, "1")
    if sum_of_fractions.amount > 1:
        raise work.refuse(
            "infeasible",
            f"The stocks together are {sum_of_fractions} of the preparation, more than the whole: use stronger stock, "
            "weaker concentrations, or powder, which changes the beyond-use date.",
            "/components",
        )
    together = work.total("stock_together", stocks, "mL")
    work.answer_with("components", rows)
    work.answer(work.step(formulas.diluent_volume, prepared_volume=prepared, stock=together, show="mL"))
    work.answer(sum_of_fractions)
    check_approval(work, drugs, acknowledged)
    work.note(
        "pocket-fill",
        "The drug mass of each component is what a fill into the pocket instead of the pump would be. "
        "Observe the patient after the refill.",
    )


def _component(
    work: Worksheet,
    position: int,
    drug: Drug,
    component: CompoundedComponent,
    prepared: Value,
    graduation: Value | None,
) -> tuple[dict[str, Any], Value, Value]:
    """One drug of the preparation: its row, its volume of stock, its part of the whole."""
    number = f"_{position + 1}"
    pointer = f"/components/{position}"
    wanted = work.given(f"concentration{number}", component.concentration, drug.name)
    product = _product(work, drug, component, pointer)
    if product is not None:
        strength = work.fact(f"stock_concentration{number}", product.concentration, drug.name)
    else:
        strength = work.given(f"stock_concentration{number}", _stated(work, component, pointer), drug.name)
    if wanted.amount > strength.amount:
        raise work.refuse(
            "target-exceeds-stock",
            f"{wanted} of {drug.label} cannot be made from a stock of {strength}: nothing is concentrated by diluting.",
            f"{pointer}/concentration",
        )
    fraction = work.step(
        formulas.fraction_of_stock,
        name=f"fraction_of_stock{number}",
        concentration=wanted,
        stock_concentration=strength,
        show="1",
    )
    stock = work.step(
        formulas.stock_volume,
        name=f"stock_volume{number}",
        concentration=wanted,
        prepared_volume=prepared,
        stock_concentration=strength,
        show="mL",
    )
    mass = work.step(
        formulas.drug_mass,
        name=f"drug_mass{number}",
        concentration=wanted,
        volume=prepared,
        show=wanted.spelling.partition("/")[0],
    )
    row: dict[str, Any] = {"drug": drug.name, "stock_volume": stock, "drug_mass": mass}
    if product is not None:
        row["vials"] = _vials(work, number, product, stock)
    if graduation is not None:
        row |= _measured(work, number, wanted, strength, stock, prepared, graduation)
    check_concentration(work, drug, wanted)
    return row, row.get("measured_volume", stock), fraction


def _product(work: Worksheet, drug: Drug, component: CompoundedComponent, pointer: str) -> Product | None:
    """The product that is named, if one is."""
    if (component.product is None) == (component.stock_concentration is None):
        raise work.refuse(
            "one-of-two",
            'State the stock once: either "stock_concentration", or "product" from the library.',
            f"{pointer}/stock_concentration",
        )
    if component.product is None:
        return None
    found = [product for product in drug.products if product.id == component.product]
    if not found:
        held = ", ".join(product.id for product in drug.products) or "none"
        raise work.refuse(
            "unknown-product", f"The library has no such product of {drug.label}; it has {held}.", f"{pointer}/product"
        )
    return found[0]


def _stated(work: Worksheet, component: CompoundedComponent, pointer: str) -> Quantity:
    if component.stock_concentration is None:
        raise work.refuse("missing", "stock_concentration is missing.", f"{pointer}/stock_concentration")
    return component.stock_concentration


def _vials(work: Worksheet, number: str, product: Product, stock: Value) -> Count:
    """Whole vials: what is opened."""
    holds = work.fact(f"vial_volume{number}", product.volume)
    exact = work.step(formulas.vials, name=f"vials_exact{number}", stock_volume=stock, vial_volume=holds, show="1")
    return Count(work.whole_rounded_up(f"vials{number}", exact))


def _measured(
    work: Worksheet, number: str, wanted: Value, strength: Value, stock: Value, prepared: Value, graduation: Value
) -> dict[str, Value]:
    """What the syringe can measure, the concentration that this makes, and how far it is from the one wanted."""
    measured = work.nearest(f"measured_volume{number}", stock, graduation)
    if measured.amount == 0:
        raise work.refuse(
            "too-small-to-measure",
            f"{stock} of stock is less than half a graduation of {graduation}: use a weaker stock or a finer syringe.",
            "/graduation",
        )
    made = work.step(
        formulas.concentration_from_volumes,
        name=f"concentration_made{number}",
        stock_volume=measured,
        stock_concentration=strength,
        prepared_volume=prepared,
        show=wanted.spelling,
    )
    error = work.step(
        formulas.error_of_concentration,
        name=f"error_percent{number}",
        concentration_made=made,
        concentration=wanted,
        show="%",
    )
    return {"measured_volume": measured, "concentration_made": made, "error_percent": error}
