"""A drug's monograph."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterable
from typing import get_args

from pumpcalc.errors import Refusal
from pumpcalc.library.facts import (
    SEVERITIES,
    FillKind,
    OpioidStatus,
    Origin,
    Phase,
    Purpose,
    RuleName,
)
from pumpcalc.library.load import Table
from pumpcalc.library.monographs import (
    Adjustment,
    Drug,
    Product,
    Range,
    Screening,
    Strengths,
    TitrationRule,
)
from pumpcalc.library.readers.shared import above_zero, cautions_of, evidence_of, in_order, once, span_of
from pumpcalc.quantities import (
    CONCENTRATION,
    DAILY_DOSE,
    DRUG_MASS,
    DURATION,
    FRACTION,
    PER_WEEK,
    VOLUME,
    Kind,
    read,
)

__all__ = ["read_drug"]

_ANY = "any"
_STATUSES = (*get_args(OpioidStatus), _ANY)
_FILLS = (*get_args(FillKind), _ANY)
_RULES = get_args(RuleName)
_PURPOSES = get_args(Purpose)
_ORIGINS = get_args(Origin)
_PHASES = get_args(Phase)


def _titration(rule: str, table: Table) -> TitrationRule:
    made = TitrationRule(
        name=rule,
        start_at_least=table.bound("start_at_least", DAILY_DOSE),
        start_at_most=table.bound("start_at_most", DAILY_DOSE),
        step_at_most=table.bound("step_at_most", DAILY_DOSE),
        maximum_daily_dose=table.bound("maximum_daily_dose", DAILY_DOSE),
        steps_per_week_at_most=table.bound("steps_per_week_at_most", PER_WEEK),
        interval_at_least=table.bound("interval_at_least", DURATION),
        interval_recommended=table.bound("interval_recommended", DURATION),
    )
    table.done()
    in_order(table, made.start_at_least, made.start_at_most)
    in_order(table, made.start_at_most, made.maximum_daily_dose)
    in_order(table, made.interval_at_least, made.interval_recommended)
    return made


def _screening(table: Table) -> Screening:
    made = Screening(
        doses=tuple(dose.own_figure(DRUG_MASS) for dose in table.tables("doses")),
        small_child_dose=table.figure("small_child_dose", DRUG_MASS),
        concentration=table.figure("concentration", CONCENTRATION),
        interval_at_least=table.figure("interval_at_least", DURATION),
        observe_for=_span(table.table("observe_for"), DURATION),
        long_effect=table.figure("long_effect", DURATION),
        start_over=table.figure("start_over", DURATION),
        start_part=table.figure("start_part", FRACTION),
        start_part_after_long_effect=table.figure("start_part_after_long_effect", FRACTION),
    )
    table.done()
    if not made.doses:
        raise table.defect("doses", "a ladder has at least one dose")
    for low, high in itertools.pairwise(made.doses):
        in_order(table, low, high)
    return made


def _adjustment(table: Table) -> Adjustment:
    increase = {
        origin: {phase: _span(each, FRACTION) for phase, each in inner.each(_PHASES)}
        for origin, inner in table.table("increase").each(_ORIGINS)
    }
    usual = {origin: span_of(each) for origin, each in table.table("usual_daily_dose").each(_ORIGINS)}
    made = Adjustment(_span(table.table("decrease"), FRACTION), increase, usual)
    table.done()
    said: list[tuple[str, Iterable[str], tuple[str, ...]]] = [
        ("increase", increase, _ORIGINS),
        ("usual_daily_dose", usual, _ORIGINS),
        *((f"increase.{origin}", phases, _PHASES) for origin, phases in increase.items()),
    ]
    for key, keys, all_of in said:
        if set(keys) != set(all_of):
            raise table.defect(key, f"says each of {', '.join(all_of)}, as unknown if need be")
    return made


def _span(table: Table, kind: Kind) -> Range:
    """Two figures that a calculation uses, not a limit."""
    made = Range(table.figure("at_least", kind), table.figure("at_most", kind))
    table.done()
    in_order(table, made.at_least, made.at_most)
    return made


def _product(table: Table) -> Product:
    made = Product(
        id=table.text("id"),
        brand=table.text("brand"),
        concentration=table.figure("concentration", CONCENTRATION),
        volume=table.figure("volume", VOLUME),
        uses=table.statement("uses", one_of=_PURPOSES),
        microfilter=table.statement("microfilter") if "microfilter" in table else None,
    )
    if re.fullmatch(r"[a-z][a-z0-9-]{0,39}", made.id, re.ASCII) is None:
        raise table.defect("id", "is a letter, then letters, digits and hyphens, all lower case")
    above_zero(table, made.concentration, made.volume)
    if "note" in table:
        table.text("note")
    table.done()
    return made


def _strengths(table: Table) -> Strengths:
    stated = table.own_statement()
    try:
        return Strengths(stated, tuple(read(text, CONCENTRATION) for text in stated.listed))
    except Refusal as refusal:
        raise table.defect("value", str(refusal)) from None


def read_drug(table: Table) -> Drug:
    made = Drug(
        name=table.name,
        label=table.text("label"),
        oral_form=table.word("oral_form", one_of=("none", "exists")),
        opioid=table.word("opioid", one_of=("yes", "no")),
        missed_refill=table.word("missed_refill", one_of=SEVERITIES),
        indicated_pumps=table.statement("indicated_pumps"),
        maximum_daily_dose=table.bound("maximum_daily_dose", DAILY_DOSE),
        caution_daily_dose=table.bound("caution_daily_dose", DAILY_DOSE),
        maximum_concentration=table.bound("maximum_concentration", CONCENTRATION),
        strongest_product=table.bound("strongest_product", CONCENTRATION),
        usual_daily_dose=span_of(table.table("usual_daily_dose"), DAILY_DOSE),
        usual_concentration=span_of(table.table("usual_concentration"), CONCENTRATION),
        products=tuple(_product(product) for product in table.tables("products")),
        start={status: span_of(inner) for status, inner in table.table("start", optional=True).each(_STATUSES)},
        in_pump_stability={
            fill: inner.own_figure(DURATION, bound=True)
            for fill, inner in table.table("in_pump_stability", optional=True).each(_FILLS)
        },
        stability_evidence=tuple(evidence_of(evidence) for evidence in table.tables("stability_evidence")),
        fill_concentration={
            fill: _strengths(inner) for fill, inner in table.table("fill_concentration", optional=True).each(_FILLS)
        },
        naive_rinse=tuple(rinse.own_figure(VOLUME) for rinse in table.tables("naive_rinse")),
        titration={rule: _titration(rule, t) for rule, t in table.table("titration", optional=True).each(_RULES)},
        consensus_start=span_of(table.table("consensus_start")) if "consensus_start" in table else None,
        screening=_screening(table.table("screening")) if "screening" in table else None,
        adjustment=_adjustment(table.table("adjustment")) if "adjustment" in table else None,
        cautions=cautions_of(table),
    )
    table.done()
    in_order(table, made.caution_daily_dose, made.maximum_daily_dose)
    once(table, "products", (product.id for product in made.products))
    for product in made.products:
        if product.is_for_pumps:
            in_order(table, product.concentration, made.strongest_product)
    return made
