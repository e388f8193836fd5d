"""The syringe: stock, diluent, mass, and what is left over."""

from __future__ import annotations

from typing import Any

from pumpcalc.formulas.proof import formula

__all__ = [
    "concentration_back_calculated",
    "concentration_from_volumes",
    "diluent_volume",
    "drug_mass",
    "error_of_concentration",
    "fraction_of_stock",
    "left_in_pump",
    "left_in_vials",
    "stock_volume",
    "vials",
]


# --- Compounding


@formula("mL", source="definition", concentration="mcg[X]/mL", prepared_volume="mL", stock_concentration="mcg[X]/mL")
def stock_volume(concentration: Any, prepared_volume: Any, stock_concentration: Any) -> Any:
    """The volume of stock that holds the drug of the preparation: C1 V1 = C2 V2."""
    return concentration * prepared_volume / stock_concentration


@formula("1", source="definition", concentration="mcg[X]/mL", stock_concentration="mcg[X]/mL")
def fraction_of_stock(concentration: Any, stock_concentration: Any) -> Any:
    """The part of the preparation that is stock of one drug. The parts of all drugs cannot pass the whole."""
    return concentration / stock_concentration


@formula("mcg[X]", source="definition", concentration="mcg[X]/mL", volume="mL")
def drug_mass(concentration: Any, volume: Any) -> Any:
    """The drug in a volume: what a fill into the pocket instead of the pump would be."""
    return concentration * volume


@formula("mL", source="definition", prepared_volume="mL", stock="mL")
def diluent_volume(prepared_volume: Any, stock: Any) -> Any:
    """What is left for the diluent when every stock is in."""
    return prepared_volume - stock


@formula("1", source="definition", stock_volume="mL", vial_volume="mL")
def vials(stock_volume: Any, vial_volume: Any) -> Any:
    """How many vials a volume of stock is."""
    return stock_volume / vial_volume


@formula("mcg[X]/mL", source="definition", stock_volume="mL", stock_concentration="mcg[X]/mL", prepared_volume="mL")
def concentration_from_volumes(stock_volume: Any, stock_concentration: Any, prepared_volume: Any) -> Any:
    """The concentration that a measured volume of stock makes in the preparation."""
    return stock_volume * stock_concentration / prepared_volume


@formula(
    "mcg[X]/mL",
    source="definition",
    stock_volume="mL",
    stock_concentration="mcg[X]/mL",
    stock_together="mL",
    diluent_volume="mL",
)
def concentration_back_calculated(
    stock_volume: Any, stock_concentration: Any, stock_together: Any, diluent_volume: Any
) -> Any:
    """The back-calculation: the drug that was drawn, over everything that was drawn."""
    return stock_volume * stock_concentration / (stock_together + diluent_volume)


@formula("1", source="definition", concentration_made="mcg[X]/mL", concentration="mcg[X]/mL")
def error_of_concentration(concentration_made: Any, concentration: Any) -> Any:
    """By which part of it the concentration made differs from the one that was wanted."""
    return concentration_made / concentration - 1


# --- Choosing a concentration


@formula(
    "mcg[X]",
    source="definition",
    vials="1",
    vial_volume="mL",
    stock_volume="mL",
    stock_concentration="mcg[X]/mL",
)
def left_in_vials(vials: Any, vial_volume: Any, stock_volume: Any, stock_concentration: Any) -> Any:
    """The drug that stays in the vials that were opened."""
    return (vials * vial_volume - stock_volume) * stock_concentration


@formula(
    "mcg[X]",
    source="definition",
    fill_volume="mL",
    concentration="mcg[X]/mL",
    interval="day",
    daily_dose="mcg[X]/day",
)
def left_in_pump(fill_volume: Any, concentration: Any, interval: Any, daily_dose: Any) -> Any:
    """The drug that is still in the pump, and is thrown away, when the fill is replaced."""
    return fill_volume * concentration - interval * daily_dose
