"""One drug of a preparation: its stock, its volume, its mass, and the back-calculation from the final volumes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from pumpcalc import formulas
from pumpcalc.compounding.entry import CompoundedComponent, stock_of
from pumpcalc.compounding.measuring import Syringe, check_assay, check_measurable, measured
from pumpcalc.library import Drug, Product, Purpose
from pumpcalc.limits import check_concentration
from pumpcalc.worksheet import Count, Value, Worksheet

__all__ = ["Part", "back_calculated", "in_the_syringe", "part_of"]

_IN_THE_SYRINGE_FOR: dict[Purpose, str] = {"pump": "THE PUMP", "single-dose": "A SINGLE DOSE"}


@dataclass
class Part:
    """One drug of the preparation, as the worksheet knows it."""

    number: str
    drug: Drug
    product: Product | None
    strength: Value
    fraction: Value
    drawn: Value
    """What is drawn of the stock: as calculated, or as the syringe measures it."""
    made: Value
    """The concentration that this makes."""
    row: dict[str, Any]


def part_of(
    work: Worksheet, position: int, drug: Drug, component: CompoundedComponent, prepared: Value, syringe: Syringe
) -> Part:
    """The stock of one drug, its part of the whole, and the drug in it.

    Raises Refusal ``target-exceeds-stock`` for a concentration above its stock.
    """
    number, pointer = f"_{position + 1}", f"/components/{position}"
    wanted = work.given(f"concentration{number}", component.concentration, drug.name)
    strength, product = stock_of(work, drug, component, number, pointer)
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
    check_measurable(work, syringe, stock, number)
    drawn, made, measures = measured(work, syringe, number, wanted, strength, stock, prepared)
    poured = _mass(work, f"mass_in{number}", strength, drawn, wanted)
    mass = _mass(work, f"drug_mass{number}", made, prepared, wanted)
    work.one_of(f"mass_in_is_mass_out{number}", poured, [mass], hard=True)
    row: dict[str, Any] = {"drug": drug.name, "stock_volume": stock, "drug_mass": mass}
    if product is not None:
        row["vials"] = _vials(work, number, product, drawn, pointer)
    row |= measures
    if component.assayed_concentration is not None:
        assayed = work.given(f"assayed_concentration{number}", component.assayed_concentration, drug.name)
        row["assay_error_percent"] = check_assay(work, number, assayed, wanted)
    check_concentration(work, drug, wanted)
    return Part(number, drug, product, strength, fraction, drawn, made, row)


def _mass(work: Worksheet, name: str, concentration: Value, volume: Value, wanted: Value) -> Value:
    return work.step(
        formulas.drug_mass,
        name=name,
        concentration=concentration,
        volume=volume,
        show=wanted.spelling.partition("/")[0],
    )


def _vials(work: Worksheet, number: str, product: Product, drawn: Value, pointer: str) -> Count:
    """Whole vials: what is opened."""
    holds = work.fact(f"vial_volume{number}", product.volume, pointer=f"{pointer}/product")
    exact = work.step(formulas.vials, name=f"vials_exact{number}", stock_volume=drawn, vial_volume=holds, show="1")
    return Count(work.whole_rounded_up(f"vials{number}", exact))


def back_calculated(work: Worksheet, part: Part, together: Value, diluent: Value, volume: Value) -> None:
    """From the final volumes alone: the concentration of the drug, and what of it goes into the pump."""
    found = work.step(
        formulas.concentration_back_calculated,
        name=f"concentration_back_calculated{part.number}",
        stock_volume=part.drawn,
        stock_concentration=part.strength,
        stock_together=together,
        diluent_volume=diluent,
        show=part.made.spelling,
    )
    work.one_of(f"back_calculation{part.number}", found, [part.made], hard=True)
    part.row["concentration_back_calculated"] = found
    part.row["mass_in_final_volume"] = _mass(work, f"mass_in_final_volume{part.number}", found, volume, part.made)


def in_the_syringe(work: Worksheet, part: Part, purpose: Purpose) -> None:
    """The drug that is in the syringe, in capitals, in mg and in mcg."""
    mass: Value = part.row["mass_in_final_volume"]
    shown = {mass.spelling: mass}
    for unit in ("mg", "mcg"):
        if unit not in shown:
            shown[unit] = work.shown_as(f"mass_in_final_volume_{unit}{part.number}", mass, unit)
    # HYDROmorphone keeps its tall letters: they tell it from morphine.
    label = part.drug.label.upper() if part.drug.label.islower() else part.drug.label
    work.note(
        "in-the-syringe",
        f"IN THE SYRINGE FOR {_IN_THE_SYRINGE_FOR[purpose]}: {shown['mg']} {label} ({shown['mcg']})",
    )
