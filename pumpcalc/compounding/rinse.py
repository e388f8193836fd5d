"""The rinses of a new pump before its first fill: what they take of the vial, and what is left to fill with."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from typing import Annotated, Any

from pydantic import WithJsonSchema

from pumpcalc import formulas
from pumpcalc.compounding.entry import product_of
from pumpcalc.compounding.rules import check_product
from pumpcalc.errors import echo, refused
from pumpcalc.library import Drug
from pumpcalc.limits import check_indication
from pumpcalc.quantities import read_number
from pumpcalc.strict_json import JsonNumber
from pumpcalc.worksheet import Value, Worksheet, calculator
from pumpcalc.worksheet.fields import DrugName, ProductName, PumpName, strictly

__all__ = ["naive_pump_rinse"]


def _whole_number(value: Any) -> Fraction:
    """A whole number of rinses: ``"1"``, or the count 1."""
    if isinstance(value, JsonNumber) or type(value) is int:
        value = str(value)  # a count needs no unit
    rinses = read_number(value)
    if rinses < 1 or rinses.denominator != 1:
        raise refused("whole-number", f'{echo(value)} is not a number of rinses: write a whole one, such as "1".')
    return rinses


_Rinses = Annotated[
    Fraction,
    strictly(_whole_number),
    WithJsonSchema({"type": "string", "pattern": "^[1-9][0-9]{0,8}$", "examples": ["1"]}),
]


@calculator("naive-pump-rinse")
def naive_pump_rinse(
    work: Worksheet,
    *,
    drug: DrugName,
    product: ProductName,
    pump: PumpName | None = None,
    rinses: _Rinses | None = None,
) -> None:
    """What the rinses of a new pump take of a vial, and what is left of it for the first fill.

        left_to_fill = vial_volume - rinse_volume,  rinse_volume = the sum of the rinses, each discarded

    Parameters
    ----------
    drug : name of the drug
    product : the vial that the pump is rinsed and filled with
    pump : pump model, to check what is left against its reservoir
    rinses : how many are done, where that is fewer than the label's

    Returns
    -------
    rinse_volume [mL], drug_discarded [mg or mcg], left_to_fill [mL], left_to_fill_mass [mg or mcg], and remaining: for
    each rinse, in order, its number and the volume [mL] that is left after it

    Limits
    ------
    the product's strength one of ``fill_concentration.naive``; rinses at least the label's number; left_to_fill at most
    ``reservoir_volume``; the product's ``uses``

    Raises
    ------
    Refusal ``not-in-library`` for a drug without a rule for rinses; ``vial-too-small`` when the rinses take all of it

    Source
    ------
    [prialt-pump-use-page] three rinses of 2 mL

    Example
    -------
    >>> naive_pump_rinse(drug="ziconotide", product="prialt-25-20").answers["left_to_fill"]
    '14 mL'
    """
    monograph = work.drug(drug)
    vial = product_of(work, monograph, product, "/product")
    done, labelled = _done(work, monograph, rinses)
    volume = work.fact("vial_volume", vial.volume, pointer="/product")
    strength = work.fact("vial_concentration", vial.concentration, monograph.name, pointer="/product")
    taken = work.total("rinse_volume", done, "mL")
    if taken.amount >= volume.amount:
        raise work.refuse(
            "vial-too-small", f"The rinses take {taken}; the vial holds {volume}, so nothing is left to fill with.",
            "/product",
        )  # fmt: skip
    mass = strength.spelling.partition("/")[0]
    work.answer(taken)
    work.answer(work.step(formulas.drug_mass, name="drug_discarded", concentration=strength, volume=taken, show=mass))
    left = work.step(formulas.volume_left, name="left_to_fill", volume=volume, taken=taken, show="mL")
    work.answer(left)
    work.answer(work.step(formulas.drug_mass, name="left_to_fill_mass", concentration=strength, volume=left, show=mass))
    work.answer_with("remaining", _remaining(work, volume, done))
    work.soft_bound(work.line("rinses"), "at least", labelled, "rinses", work.cite(monograph.naive_rinse[0]))
    if "naive" in monograph.fill_concentration:
        allowed = monograph.fill_concentration["naive"]
        work.one_of(
            f"{monograph.name}_fill_concentration",
            strength,
            allowed.concentrations,
            work.cite(allowed.stated),
            hard=allowed.stated.status == "verified",
        )
    if pump is not None:
        device = work.pump(pump)
        work.at_most(left, device.reservoir_volume)
        check_indication(work, monograph, device)
    check_product(work, monograph, vial, "pump")
    work.cautions(monograph.cautions, "naive-pump-rinse")


def _done(work: Worksheet, drug: Drug, rinses: Fraction | None) -> tuple[list[Value], Value]:
    """The rinses that are done, and how many the label asks for. Raises Refusal where it asks for none, or fewer."""
    if not drug.naive_rinse:
        raise work.refuse(
            "not-in-library", f"The library holds no rule for rinsing a new pump with {drug.label}.", "/drug"
        )
    every = [work.fact(f"rinse_{n}", each, pointer="/drug") for n, each in enumerate(drug.naive_rinse, 1)]
    labelled = work.count("rinses_on_the_label", every).line
    if rinses is not None and rinses > labelled.amount:
        raise work.refuse(
            "out-of-range",
            f"The library holds {labelled} rinses with {drug.label}: write at most as many, or leave it out.",
            "/rinses",
        )
    done = every if rinses is None else every[: int(rinses)]
    work.count("rinses", done)
    return done, labelled


def _remaining(work: Worksheet, volume: Value, done: Sequence[Value]) -> list[dict[str, object]]:
    """What is left of the vial after each rinse."""
    rows: list[dict[str, object]] = []
    for n, rinse in enumerate(done, 1):
        number = work.count(f"rinse_number_{n}", done[:n])
        volume = work.step(formulas.volume_left, name=f"remaining_{n}", volume=volume, taken=rinse, show="mL")
        rows.append({"rinse": number, "volume": volume})
    return rows
