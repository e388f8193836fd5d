"""From concentrations to the syringe: stock volumes, diluent, vials, mass, and the back-calculation."""

from __future__ import annotations

from collections.abc import Sequence

from pumpcalc import formulas
from pumpcalc.compounding.clocks import Asked, Ingredient, clocks, in_pump_stability
from pumpcalc.compounding.entry import CompoundedComponent, ErrorPercent, Lot
from pumpcalc.compounding.measuring import Syringe, check_measurable, given_syringe
from pumpcalc.compounding.part import Part, back_calculated, in_the_syringe, part_of
from pumpcalc.compounding.rules import check_products
from pumpcalc.library import Drug, Purpose, Storage
from pumpcalc.limits import check_approval
from pumpcalc.quantities import Quantity
from pumpcalc.worksheet import Value, Worksheet, calculator
from pumpcalc.worksheet.fields import Acknowledged, Calendar, CategoryName, Days, Instant, Listed, VolumeField

__all__ = ["compounding"]


@calculator("compounding")
def compounding(
    work: Worksheet,
    *,
    final_volume: VolumeField,
    components: Listed[CompoundedComponent],
    overfill: VolumeField | None = None,
    priming_allowance: VolumeField | None = None,
    graduation: VolumeField | None = None,
    minimum_measurable_volume: VolumeField | None = None,
    error_percent_at_most: ErrorPercent | None = None,
    purpose: Purpose = "pump",
    compounded_at: Instant | None = None,
    category: CategoryName | None = None,
    storage: Storage | None = None,
    chemical_stability: Days | None = None,
    diluent_lot: Lot | None = None,
    diluent_expiry: Calendar | None = None,
    acknowledged: Acknowledged = (),
) -> None:
    """The stock volumes, the diluent and the vials of a preparation, with the drug that it holds.

        stock_volume = concentration * prepared_volume / stock_concentration
        prepared_volume = final_volume + overfill + priming_allowance

    Parameters
    ----------
    final_volume : what goes into the pump [mL]
    components : each drug with the concentration wanted and its stock, a stock_concentration or a product of the
        library, and where they are known its lot, its expiry and the assayed_concentration of the laboratory
    overfill : what is prepared beyond the final volume, at the same concentrations [mL]
    priming_allowance : what is prepared to prime the refill assembly, at the same concentrations [mL]
    graduation : of the syringe; each stock volume is then measured to the nearest one, and the error shown [mL]
    minimum_measurable_volume : the site's own, in place of the library's [mL]
    error_percent_at_most : of the concentration that the measured volumes make, the site's own, in place of the
        library's [%]
    purpose : pump, or single-dose for a trial bolus
    compounded_at, category, storage : when it was compounded, and its category and storage under USP <797>; together
    chemical_stability : how long it keeps chemically in this container, where that is known [day or h]
    diluent_lot, diluent_expiry : of the diluent
    acknowledged : statements that were read, such as fda-2018

    Returns
    -------
    components, in the order of the request: drug, stock_volume [mL], drug_mass in what is prepared [mg or mcg],
    mass_in_final_volume [mg or mcg], concentration_back_calculated from the final volumes [mg/mL or mcg/mL], vials
    (count, for a product); with a graduation measured_volume [mL], concentration_made [mg/mL or mcg/mL] and
    error_percent; with an assay assay_error_percent; diluent_volume [mL]; sum_of_fractions; and with compounded_at
    earliest_ingredient_expiry, beyond_use with beyond_use_binding, and for a pump in_pump_stability: fill_kind and
    stability, for each kind of fill that it can be

    Limits
    ------
    concentration at most ``maximum_concentration`` and ``strongest_product``, and within ``usual_concentration``;
    stock_volume and diluent_volume at least ``minimum_measurable_volume``; the error at most
    ``error_percent_at_most``, the assay's at most ``assay_error_at_most``, either way; purpose one of the product's
    ``uses``; compounded at most ``earliest_ingredient_expiry``; mass in is mass out, and the back-calculation gives
    the concentration; fda_2018_statement acknowledged

    Raises
    ------
    Refusal ``target-exceeds-stock`` for a concentration above its stock; ``infeasible`` when the stocks together are
    more than the preparation: powders are needed, and with them other beyond-use dates; ``too-small-to-measure`` for
    less than half a graduation

    Source
    ------
    [definition] C1 V1 = C2 V2; [pumpcalc-policy] what is measurable; [angers-assays] 15 %

    Example
    -------
    >>> half = {"drug": "morphine", "concentration": "5 mg/mL", "product": "infumorph-200"}
    >>> compounding(final_volume="20 mL", components=[half]).answers["diluent_volume"]
    '10 mL'
    """
    volume = work.given("final_volume", final_volume)
    prepared = _prepared(work, volume, overfill, priming_allowance)
    syringe = given_syringe(work, graduation, minimum_measurable_volume, error_percent_at_most)
    drugs = [work.drug(each.drug, f"/components/{n}/drug") for n, each in enumerate(components)]
    work.refuse_duplicates(drugs)
    parts = [
        part_of(work, position, drug, component, prepared, syringe)
        for position, (drug, component) in enumerate(zip(drugs, components, strict=True))
    ]
    diluent = _diluted(work, parts, prepared, volume, syringe)
    asked = Asked(compounded_at, category, storage, chemical_stability)
    ingredients = _ingredients(drugs, components)
    if diluent.amount > 0 or diluent_lot is not None or diluent_expiry is not None:
        ingredients.append(Ingredient("diluent", "diluent_expiry", diluent_lot, diluent_expiry))
    if clocks(work, asked, ingredients) and purpose == "pump":
        in_pump_stability(work, drugs, [each.concentration for each in components], diluent)
    check_products(work, parts, purpose)
    check_approval(work, drugs, acknowledged)
    for part in parts:
        in_the_syringe(work, part, purpose)
    if purpose == "pump":
        work.note(
            "pocket-fill",
            "What is in the syringe is what a fill into the pocket instead of the pump would be. "
            "Observe the patient after the refill.",
        )


def _prepared(work: Worksheet, volume: Value, overfill: Quantity | None, priming: Quantity | None) -> Value:
    """What goes into the pump, and what is prepared beyond it."""
    more = {"overfill": overfill, "priming_allowance": priming}
    volumes = [volume, *(work.given(name, each) for name, each in more.items() if each is not None)]
    return work.total("prepared_volume", volumes, "mL") if len(volumes) > 1 else volume


def _diluted(work: Worksheet, parts: Sequence[Part], prepared: Value, volume: Value, syringe: Syringe) -> Value:
    """The diluent that is left room for, and the back-calculation from it. Raises Refusal ``infeasible``."""
    sum_of_fractions = work.total("sum_of_fractions", [part.fraction for part in parts], "1")
    if sum_of_fractions.amount > 1:
        raise work.refuse(
            "infeasible",
            f"The stocks together are {sum_of_fractions} of the preparation, more than the whole: use stronger stock, "
            "weaker concentrations, or powder, which changes the beyond-use date.",
            "/components",
        )
    together = work.total("stock_together", [part.drawn for part in parts], "mL")
    if together.amount > prepared.amount:
        raise work.refuse(
            "infeasible",
            f"The stocks as measured are {together}, more than the {prepared} that are prepared: use a finer syringe, "
            "or prepare a volume that it can measure.",
            "/graduation",
        )
    diluent = work.step(formulas.diluent_volume, prepared_volume=prepared, stock=together, show="mL")
    if diluent.amount > 0:
        check_measurable(work, syringe, diluent, "_of_diluent")
    if syringe.graduation is not None and (diluent.amount / syringe.graduation.amount).denominator != 1:
        work.note(
            "diluent-between-graduations",
            f"{diluent} of diluent lies between two graduations of {syringe.graduation}: add diluent up to {prepared} "
            "in all, for otherwise the concentrations are others than those shown.",
        )
    for part in parts:
        back_calculated(work, part, together, diluent, volume)
    work.answer_with("components", [part.row for part in parts])
    work.answer(diluent)
    work.answer(sum_of_fractions)
    return diluent


def _ingredients(drugs: Sequence[Drug], components: Sequence[CompoundedComponent]) -> list[Ingredient]:
    return [
        Ingredient(f"stock of {drug.label}", f"expiry_{n}", each.lot, each.expiry)
        for n, (drug, each) in enumerate(zip(drugs, components, strict=True), 1)
    ]
