"""Monographs from tables: every key is asked for by name, with its kind, and bounds may not cross."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterable, Mapping
from fractions import Fraction
from itertools import pairwise
from typing import get_args

from pumpcalc.errors import Refusal
from pumpcalc.library.facts import (
    SEVERITIES,
    Fact,
    FillKind,
    OpioidStatus,
    Origin,
    Phase,
    Purpose,
    RuleName,
    Source,
    Statement,
    StatementName,
    Storage,
)
from pumpcalc.library.load import Table
from pumpcalc.library.monographs import (
    Adjustment,
    BeyondUseTable,
    Catheter,
    Caution,
    CompoundingLimits,
    ConversionTable,
    Drug,
    ExternalPump,
    Mixture,
    Opioid,
    Policy,
    Product,
    PublishedRatio,
    Pump,
    Range,
    RatioSet,
    Reading,
    ResidualRules,
    Screening,
    Strengths,
    StudiedSolution,
    TitrationRule,
)
from pumpcalc.quantities import (
    CONCENTRATION,
    DAILY_DOSE,
    DRUG_MASS,
    DURATION,
    FLOW_RATE,
    FRACTION,
    LENGTH,
    PATCH_FACTOR,
    PER_DAY,
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
    "read_catheter",
    "read_compounding_limits",
    "read_conversion",
    "read_drug",
    "read_external_pump",
    "read_mixture",
    "read_opioid",
    "read_policy",
    "read_pump",
    "read_ratio_set",
    "read_residual_rules",
    "read_statements",
]

_DIRECTIONS = ("oral-to-intrathecal", "intrathecal-to-oral")
_ANY = "any"
_STATUSES = (*get_args(OpioidStatus), _ANY)
_FILLS = (*get_args(FillKind), _ANY)
_RULES = get_args(RuleName)
_STORAGES = get_args(Storage)
_PURPOSES = get_args(Purpose)
_ORIGINS = get_args(Origin)
_PHASES = get_args(Phase)
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


def _above_zero(table: Table, *facts: Fact) -> None:
    """What a calculation divides by, or counts in."""
    for fact in facts:
        if fact.quantity is not None and fact.quantity.amount == 0:
            raise table.defect(fact.name.rpartition(".")[2], "is above 0")


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
        _in_order(table, low, high)
    return made


def _adjustment(table: Table) -> Adjustment:
    increase = {
        origin: {phase: _span(each, FRACTION) for phase, each in inner.each(_PHASES)}
        for origin, inner in table.table("increase").each(_ORIGINS)
    }
    usual = {origin: _range(each) for origin, each in table.table("usual_daily_dose").each(_ORIGINS)}
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
    _in_order(table, made.at_least, made.at_most)
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
    _above_zero(table, made.concentration, made.volume)
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
        missed_refill=table.word("missed_refill", one_of=SEVERITIES),
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
        naive_rinse=tuple(rinse.own_figure(VOLUME) for rinse in table.tables("naive_rinse")),
        titration={rule: _titration(rule, t) for rule, t in table.table("titration", optional=True).each(_RULES)},
        consensus_start=_range(table.table("consensus_start")) if "consensus_start" in table else None,
        screening=_screening(table.table("screening")) if "screening" in table else None,
        adjustment=_adjustment(table.table("adjustment")) if "adjustment" in table else None,
        cautions=_cautions(table),
    )
    table.done()
    _in_order(table, made.caution_daily_dose, made.maximum_daily_dose)
    _once(table, "products", (product.id for product in made.products))
    for product in made.products:
        if product.is_for_pumps:
            _in_order(table, product.concentration, made.strongest_product)
    return made


def _reading(table: Table) -> Reading:
    made = Reading(table.figure("remaining", FRACTION), table.figure("days", DURATION))
    table.done()
    if not (made.remaining.is_known and made.days.is_known):
        raise table.defect("days", "a reading is of something left after some days: neither may be unknown")
    return made


def _amounts(facts: Iterable[Fact]) -> list[Fraction]:
    return [fact.required().amount for fact in facts]


def _studied(table: Table, drugs: Iterable[str]) -> StudiedSolution:
    way = "exactly" if "exactly" in table else "at_most"
    strengths = table.table(way)
    made = StudiedSolution(
        conditions=table.statement("conditions"),
        concentrations={drug: strengths.figure(drug, CONCENTRATION) for drug in drugs},
        exactly=way == "exactly",
        readings=tuple(_reading(reading) for reading in table.tables("readings")),
    )
    strengths.done()
    table.done()
    if not made.known or (made.exactly and len(made.known) < len(made.concentrations)):
        raise table.defect(way, "no solution can be matched to it: put it under stability_evidence")
    if len([reading for reading in made.readings if reading.days.role != "information"]) != 1:
        raise table.defect("readings", "one of them, and no more, is the one that counts: its days are hard or soft")
    days, left = (_amounts(getattr(reading, part) for reading in made.readings) for part in ("days", "remaining"))
    if any(b <= a for a, b in pairwise(days)) or any(b >= a for a, b in pairwise(left)):
        raise table.defect("readings", "are in the order of their days, with less left each time")
    return made


def _next_is_stronger(weaker: StudiedSolution, stronger: StudiedSolution) -> bool:
    """Is the second a step up from the first in every concentration that was read, and does it keep no longer?"""
    return (
        weaker.known.keys() == stronger.known.keys()
        and all(weaker.known[drug].amount < stronger.known[drug].amount for drug in weaker.known)
        and stronger.keeps.required().amount <= weaker.keeps.required().amount
    )


def read_mixture(table: Table) -> Mixture:
    """What is known about a solution of several drugs. The file is called after them, in the order of ``drugs``."""
    drugs = table.words("drugs")
    made = Mixture(
        name=table.name,
        drugs=drugs,
        in_pump_stability=table.figure("in_pump_stability", DURATION),
        studied=tuple(_studied(solution, drugs) for solution in table.tables("studied")),
        stability_evidence=tuple(_evidence(evidence) for evidence in table.tables("stability_evidence")),
        cautions=_cautions(table),
    )
    table.done()
    if len(set(drugs)) < 2 or table.name != "-".join(drugs):
        raise table.defect("drugs", "are the two or more after which the file is called")
    if made.in_pump_stability.is_known:
        raise table.defect("in_pump_stability", "is known for a solution with its concentrations only: see studied")
    for weaker, stronger in pairwise(made.studied):
        if weaker.exactly or stronger.exactly:
            if weaker.exactly != stronger.exactly:
                raise table.defect("studied", "all say at_most, or all say exactly")
        elif not _next_is_stronger(weaker, stronger):
            raise table.defect("studied", "go from the weakest to the strongest, and a stronger one keeps no longer")
    return made


def read_statements(table: Table) -> dict[str, Statement]:
    """What regulators have said of more than one drug: every statement that a result shows, by its key."""
    made = {name: table.statement(name) for name in get_args(StatementName)}
    table.done()
    return made


def _history(table: Table, key: str) -> tuple[tuple[str, Fact], ...]:
    """Every value of a constant that changed, in order, the first from the beginning."""
    history = [(entry.day("effective_from"), entry.own_figure(VOLUME)) for entry in table.tables(key)]
    days = [day for day, _ in history]
    if days != sorted(set(days)) or days[:1] != [""]:
        raise table.defect(key, "the first value has an empty effective_from, and each later one a later day")
    return tuple(history)


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
        most_steps_per_day=table.bound("most_steps_per_day", PER_DAY),
        stopped_alarm_after=table.bound("stopped_alarm_after", DURATION),
        stopped_at_most=table.bound("stopped_at_most", DURATION),
        patient_bolus_drugs=table.statement("patient_bolus_drugs"),
        pump_tubing_volume=_history(table, "pump_tubing_volume"),
        cautions=_cautions(table),
    )
    table.done()
    _above_zero(table, made.flow_step)
    _in_order(table, made.minimum_flow_rate, made.maximum_flow_rate)
    _in_order(table, made.undeliverable_volume, made.reservoir_volume)
    return made


def read_catheter(table: Table) -> Catheter:
    made = Catheter(
        name=table.name,
        label=table.text("label"),
        verified_by=table.text("verified_by", empty=True),
        volume_per_length=table.figure("volume_per_length", VOLUME_PER_LENGTH),
        total_length=table.figure("total_length", LENGTH),
        cautions=_cautions(table),
    )
    table.done()
    return made


def read_policy(table: Table) -> Policy:
    made = Policy(sensitivity_volume=table.figure("sensitivity_volume", VOLUME))
    table.done()
    return made


def read_external_pump(table: Table) -> ExternalPump:
    made = ExternalPump(
        name=table.name,
        label=table.text("label"),
        demand_increment_volume=table.figure("demand_increment_volume", VOLUME),
        demand_dose_volume=table.bound("demand_dose_volume", VOLUME),
        clinician_bolus_volume=table.bound("clinician_bolus_volume", VOLUME),
        cautions=_cautions(table),
    )
    table.done()
    _in_order(table, made.demand_increment_volume, made.demand_dose_volume)
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


def read_compounding_limits(table: Table) -> CompoundingLimits:
    """What a syringe can measure and how exact a preparation must be."""
    made = CompoundingLimits(
        minimum_measurable_volume=table.bound("minimum_measurable_volume", VOLUME),
        error_percent_at_most=table.bound("error_percent_at_most", FRACTION),
        assay_error_at_most=table.bound("assay_error_at_most", FRACTION),
    )
    table.done()
    return made


def _post_fill(table: Table) -> tuple[Quantity, Fact]:
    try:
        size = read(table.text("reservoir_volume"), VOLUME)
    except Refusal as refusal:
        raise table.defect("reservoir_volume", str(refusal)) from None
    made = (size, table.bound("at_most", VOLUME))
    table.done()
    return made


def _words(table: Table, key: str) -> str:
    """A text that a result shows among its answers, where whatever begins with a digit is a number of the page."""
    text = table.text(key)
    if not text[0].isalpha():
        raise table.defect(key, "begins with a letter: a result shows it as words, not as a number")
    return text


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
        id=_words(table, "id"),
        ratio=table.figure("ratio", RATIO),
        direction=table.text("direction", one_of=_DIRECTIONS),
        population=_words(table, "population"),
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
