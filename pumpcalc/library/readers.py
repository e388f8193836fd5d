"""Monographs from tables: every key is asked for by name, with its kind, and bounds may not cross."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import get_args

from pumpcalc.errors import Refusal
from pumpcalc.library.facts import Fact, FillKind, OpioidStatus, RuleName, Source, Storage
from pumpcalc.library.load import Table
from pumpcalc.library.monographs import (
    BeyondUseTable,
    Caution,
    ConversionTable,
    Drug,
    Opioid,
    Product,
    PublishedRatio,
    Pump,
    Range,
    RatioSet,
    ResidualRules,
    Strengths,
    TitrationRule,
)
from pumpcalc.quantities import (
    CONCENTRATION,
    DAILY_DOSE,
    DURATION,
    FLOW_RATE,
    FRACTION,
    PATCH_FACTOR,
    PER_WEEK,
    RATIO,
    VOLUME,
    VOLUME_PER_LENGTH,
    Kind,
    Quantity,
    read,
)

__all__ = [
    "read_beyond_use",
    "read_conversion",
    "read_drug",
    "read_opioid",
    "read_pump",
    "read_ratio_set",
    "read_residual_rules",
]

_SEVERITIES = ("critical", "high", "low", "analgesia-loss")
_DIRECTIONS = ("oral-to-intrathecal", "intrathecal-to-oral")
_ANY = "any"
_STATUSES = (*get_args(OpioidStatus), _ANY)
_FILLS = (*get_args(FillKind), _ANY)
_RULES = get_args(RuleName)
_STORAGES = get_args(Storage)
_EXPLAINED = ("more-delivered", "less-delivered", "programmed-exceeds-fill")


def _once(table: Table, key: str, names: Iterable[str]) -> None:
    listed = list(names)
    if len(set(listed)) < len(listed):
        raise table.defect(key, "two have the same name")


def _range(table: Table, kind: Kind = DAILY_DOSE) -> Range:
    made = Range(table.bound("at_least", kind), table.bound("at_most", kind))
    table.done()
    _in_order(table, made.at_least, made.at_most)
    return made


def _in_order(table: Table, low: Fact, high: Fact) -> None:
    if low.quantity is not None and high.quantity is not None and low.quantity.amount > high.quantity.amount:
        raise table.defect(high.name, f"{high.quantity} is below {low.name}, {low.quantity}: the bounds cross")


def _cautions(table: Table) -> tuple[Caution, ...]:
    cautions = []
    for note in table.tables("notes"):
        code = note.text("code")
        cautions.append(Caution(code, note.own_statement(under="text")))
    _once(table, "notes", (caution.code for caution in cautions))
    return tuple(cautions)


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
    _in_order(table, made.start_at_least, made.start_at_most)
    _in_order(table, made.start_at_most, made.maximum_daily_dose)
    _in_order(table, made.interval_at_least, made.interval_recommended)
    return made


def _product(table: Table) -> Product:
    made = Product(
        id=table.text("id"),
        brand=table.text("brand"),
        concentration=table.figure("concentration", CONCENTRATION),
        volume=table.figure("volume", VOLUME),
    )
    if "note" in table:
        table.text("note")
    table.done()
    return made


def _evidence(table: Table) -> tuple[str, Fact]:
    made = (table.text("what"), table.figure("figure", DURATION))
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
        missed_refill=table.word("missed_refill", one_of=_SEVERITIES),
        indicated_pumps=table.statement("indicated_pumps"),
        maximum_daily_dose=table.bound("maximum_daily_dose", DAILY_DOSE),
        caution_daily_dose=table.bound("caution_daily_dose", DAILY_DOSE),
        maximum_concentration=table.bound("maximum_concentration", CONCENTRATION),
        strongest_product=table.bound("strongest_product", CONCENTRATION),
        usual_daily_dose=_range(table.table("usual_daily_dose"), DAILY_DOSE),
        usual_concentration=_range(table.table("usual_concentration"), CONCENTRATION),
        products=tuple(_product(product) for product in table.tables("products")),
        start={status: _range(inner) for status, inner in table.table("start", optional=True).each(_STATUSES)},
        in_pump_stability={
            fill: inner.own_figure(DURATION, bound=True)
            for fill, inner in table.table("in_pump_stability", optional=True).each(_FILLS)
        },
        stability_evidence=tuple(_evidence(evidence) for evidence in table.tables("stability_evidence")),
        fill_concentration={
            fill: _strengths(inner) for fill, inner in table.table("fill_concentration", optional=True).each(_FILLS)
        },
        titration={rule: _titration(rule, t) for rule, t in table.table("titration", optional=True).each(_RULES)},
        cautions=_cautions(table),
    )
    table.done()
    _in_order(table, made.caution_daily_dose, made.maximum_daily_dose)
    _once(table, "products", (product.id for product in made.products))
    return made


def _tubing(table: Table) -> tuple[str, Fact]:
    return table.day("effective_from") if "effective_from" in table else "", table.own_figure(VOLUME)


def read_pump(table: Table) -> Pump:
    made = Pump(
        name=table.name,
        label=table.text("label"),
        family=table.text("family"),
        verified_by=table.text("verified_by", empty=True),
        reservoir_volume=table.bound("reservoir_volume", VOLUME),
        undeliverable_volume=table.figure("undeliverable_volume", VOLUME),
        minimum_flow_rate=table.bound("minimum_flow_rate", FLOW_RATE),
        maximum_flow_rate=table.bound("maximum_flow_rate", FLOW_RATE),
        flow_step=table.figure("flow_step", FLOW_RATE),
        flow_accuracy=table.figure("flow_accuracy", FRACTION),
        recommended_alarm_volume=table.figure("recommended_alarm_volume", VOLUME),
        refill_reference_volume=table.figure("refill_reference_volume", VOLUME),
        maximum_refill_interval=table.bound("maximum_refill_interval", DURATION),
        days_from_replacement_indicator=table.figure("days_from_replacement_indicator", DURATION),
        stopped_at_most=table.bound("stopped_at_most", DURATION),
        catheter_volume_per_length=table.figure("catheter_volume_per_length", VOLUME_PER_LENGTH),
        pump_tubing_volume=tuple(_tubing(entry) for entry in table.tables("pump_tubing_volume")),
        cautions=_cautions(table),
    )
    table.done()
    _in_order(table, made.minimum_flow_rate, made.maximum_flow_rate)
    _in_order(table, made.undeliverable_volume, made.reservoir_volume)
    return made


def read_opioid(name: str, table: Table) -> Opioid:
    made = Opioid(
        name, table.text("label"), table.text("substance"), table.text("taken_as", one_of=("daily_dose", "rate"))
    )
    table.done()
    return made


def read_conversion(table: Table, opioids: Mapping[str, Opioid], sources: Mapping[str, Source]) -> ConversionTable:
    factors = table.table("factors")
    excluded = table.table("excluded", optional=True)
    warnings = table.table("warnings", optional=True)
    for named in (factors, excluded, warnings):
        if strange := [key for key in named if key not in opioids]:
            raise named.defect(strange[0], "is not in opioids.toml")
    if both := set(factors) & set(excluded):
        raise excluded.defect(sorted(both)[0], "has a factor and is excluded")
    made = ConversionTable(
        name=table.name,
        label=table.text("label"),
        source=table.text("source", one_of=tuple(sources)),
        superseded=table.flag("superseded"),
        usual_total_at_most=table.bound("usual_total_at_most", DAILY_DOSE),
        factors={
            name: factors.figure(name, PATCH_FACTOR if opioids[name].taken_as == "rate" else RATIO) for name in factors
        },
        excluded={name: excluded.statement(name) for name in excluded},
        warnings={name: warnings.statement(name) for name in warnings},
    )
    table.cited.add(made.source)
    if "note" in table:
        table.text("note")
    table.done()
    return made


def read_beyond_use(table: Table) -> BeyondUseTable:
    """The limits of one chapter on compounding: a duration for each category and storage."""
    made = BeyondUseTable(
        name=table.name,
        label=table.text("label"),
        limits={
            category: {storage: inner.bound(storage, DURATION) for storage in inner}
            for category, inner in table.table("limits").each()
        },
    )
    table.done()
    for category, limits in made.limits.items():
        if set(limits) != set(_STORAGES):
            raise table.defect(
                f"limits.{category}", f"says every storage, as unknown if need be: {', '.join(_STORAGES)}"
            )
    return made


def _post_fill(table: Table) -> tuple[Quantity, Fact]:
    try:
        size = read(table.text("reservoir_volume"), VOLUME)
    except Refusal as refusal:
        raise table.defect("reservoir_volume", str(refusal)) from None
    made = (size, table.bound("at_most", VOLUME))
    table.done()
    return made


def read_residual_rules(table: Table) -> ResidualRules:
    """When a withdrawn volume that is not the expected one is an event."""
    explanations = table.table("explanations")
    table.text("label")
    made = ResidualRules(
        name=table.name,
        over_volume=table.bound("over_volume", VOLUME),
        over_part_of_residual=table.bound("over_part_of_residual", FRACTION),
        post_fill_discrepancy=tuple(_post_fill(entry) for entry in table.tables("post_fill_discrepancy")),
        emptied_counts_as_dry_after=table.bound("emptied_counts_as_dry_after", DURATION),
        restart=table.statement("restart"),
        explanations={way: explanations.statement(way) for way in _EXPLAINED},
    )
    explanations.done()
    table.done()
    _once(table, "post_fill_discrepancy", (str(size) for size, _ in made.post_fill_discrepancy))
    return made


def _published(table: Table) -> PublishedRatio:
    made = PublishedRatio(
        id=table.text("id"),
        ratio=table.figure("ratio", RATIO),
        direction=table.text("direction", one_of=_DIRECTIONS),
        population=table.text("population"),
        year=table.year("year"),
    )
    if "note" in table:
        table.text("note")
    table.done()
    return made


def _reduction(table: Table) -> Range:
    made = Range(table.figure("at_least", FRACTION), table.figure("at_most", FRACTION))
    for words in ("population", "when", "note"):
        if words in table:
            table.text(words)
    table.done()
    _in_order(table, made.at_least, made.at_most)
    return made


def read_ratio_set(table: Table) -> RatioSet:
    ratios = tuple(_published(entry) for entry in table.tables("ratios"))
    reductions = [(entry.text("id"), _reduction(entry)) for entry in table.tables("reductions")]
    made = RatioSet(
        name=table.name,
        drug=table.text("drug"),
        substance=table.text("from"),
        ratios=ratios,
        reductions=dict(reductions),
    )
    table.done()
    _once(table, "ratios", (ratio.id for ratio in ratios))
    _once(table, "reductions", (name for name, _ in reductions))
    if not made.forward:
        raise table.defect("ratios", "none is read in the direction oral-to-intrathecal")
    return made
