"""The library as a whole: drugs, pumps, tables and ratios, checked against each other when it loads."""

from __future__ import annotations

import difflib
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TypeVar

from pumpcalc.errors import LibraryDefect, Refusal, echo, refused
from pumpcalc.library.facts import Fact, Source
from pumpcalc.library.load import Table, digest, read_sources, read_table, shipped_folder
from pumpcalc.library.monographs import (
    Caution,
    ConversionTable,
    Drug,
    Opioid,
    Product,
    PublishedRatio,
    Pump,
    Range,
    RatioSet,
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
    read,
)

__all__ = ["Library", "load"]

_T = TypeVar("_T")
_SEVERITIES = ("critical", "high", "low", "analgesia-loss")
_DIRECTIONS = ("oral-to-intrathecal", "intrathecal-to-oral")
_ALWAYS_CITED = {"definition", "pumpcalc-policy"}


@dataclass(frozen=True)
class Library:
    """Everything that pumpcalc knows, from one folder of files. Its version and SHA-256 travel in every result."""

    version: str
    sha256: str
    sources: Mapping[str, Source]
    drugs: Mapping[str, Drug]
    pumps: Mapping[str, Pump]
    opioids: Mapping[str, Opioid]
    tables: Mapping[str, ConversionTable]
    ratios: Mapping[str, RatioSet]
    """By drug."""

    def drug(self, name: str) -> Drug:
        """The monograph of a drug. Raises Refusal ``unknown-drug`` with the nearest name as a suggestion only."""
        return _found(self.drugs, name, "drug")

    def pump(self, name: str) -> Pump:
        """The monograph of a pump model. Raises Refusal ``unknown-pump``."""
        return _found(self.pumps, name, "pump")

    def opioid(self, name: str) -> Opioid:
        """An opioid of the conversion tables. Raises Refusal ``unknown-opioid``."""
        return _found(self.opioids, name, "opioid")

    def table(self, name: str) -> ConversionTable:
        """A named table of oral morphine equivalents. Raises Refusal ``unknown-table``."""
        return _found(self.tables, name, "table")


def _found(shelf: Mapping[str, _T], name: str, what: str) -> _T:
    if name in shelf:
        return shelf[name]
    near = difflib.get_close_matches(name.lower(), shelf, n=1, cutoff=0.6)
    raise refused(
        f"unknown-{what}",
        f"The library has no {what} {echo(name)}; it has {', '.join(shelf)}.",
        allowed=shelf,
        did_you_mean=near[0] if near else None,
    )


def _range(table: Table) -> Range:
    made = Range(table.figure("at_least", DAILY_DOSE), table.figure("at_most", DAILY_DOSE))
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
        note._left["value"] = note._left.pop("text", None)
        cautions.append(Caution(code, note.own_statement()))
    return tuple(cautions)


def _titration(rule: str, table: Table) -> TitrationRule:
    made = TitrationRule(
        name=rule,
        start_at_least=table.figure("start_at_least", DAILY_DOSE),
        start_at_most=table.figure("start_at_most", DAILY_DOSE),
        step_at_most=table.figure("step_at_most", DAILY_DOSE),
        maximum_daily_dose=table.figure("maximum_daily_dose", DAILY_DOSE),
        steps_per_week_at_most=table.figure("steps_per_week_at_most", PER_WEEK),
        interval_at_least=table.figure("interval_at_least", DURATION),
        interval_recommended=table.figure("interval_recommended", DURATION),
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


def _drug(table: Table) -> Drug:
    made = Drug(
        name=table.name,
        label=table.text("label"),
        oral_form=table.statement("oral_form", one_of=("none", "exists")),
        opioid=table.statement("opioid", one_of=("yes", "no")),
        missed_refill=table.statement("missed_refill", one_of=_SEVERITIES),
        indicated_pumps=table.statement("indicated_pumps"),
        maximum_daily_dose=table.figure("maximum_daily_dose", DAILY_DOSE),
        caution_daily_dose=table.figure("caution_daily_dose", DAILY_DOSE),
        maximum_concentration=table.figure("maximum_concentration", CONCENTRATION),
        strongest_product=table.figure("strongest_product", CONCENTRATION),
        products=tuple(_product(product) for product in table.tables("products")),
        start={status: _range(inner) for status, inner in table.table("start", optional=True).each()},
        in_pump_stability=_figures(table.table("in_pump_stability", optional=True)),
        stability_evidence=tuple(_evidence(evidence) for evidence in table.tables("stability_evidence")),
        fill_concentration={
            fill: _strengths(inner) for fill, inner in table.table("fill_concentration", optional=True).each()
        },
        titration={rule: _titration(rule, t) for rule, t in table.table("titration", optional=True).each()},
        cautions=_cautions(table),
    )
    table.done()
    _in_order(table, made.caution_daily_dose, made.maximum_daily_dose)
    if len({product.id for product in made.products}) < len(made.products):
        raise table.defect("products", "two have the same id")
    return made


def _figures(table: Table) -> dict[str, Fact]:
    return {key: table.figure(key, DURATION) for key in table}


def _tubing(table: Table) -> tuple[str, Fact]:
    return table.day("effective_from") if "effective_from" in table else "", table.own_figure(VOLUME)


def _pump(table: Table) -> Pump:
    made = Pump(
        name=table.name,
        label=table.text("label"),
        family=table.text("family"),
        verified_by=table.text("verified_by", empty=True),
        reservoir_volume=table.figure("reservoir_volume", VOLUME),
        undeliverable_volume=table.figure("undeliverable_volume", VOLUME),
        minimum_flow_rate=table.figure("minimum_flow_rate", FLOW_RATE),
        maximum_flow_rate=table.figure("maximum_flow_rate", FLOW_RATE),
        flow_step=table.figure("flow_step", FLOW_RATE),
        flow_accuracy=table.figure("flow_accuracy", FRACTION),
        recommended_alarm_volume=table.figure("recommended_alarm_volume", VOLUME),
        refill_reference_volume=table.figure("refill_reference_volume", VOLUME),
        maximum_refill_interval=table.figure("maximum_refill_interval", DURATION),
        days_from_replacement_indicator=table.figure("days_from_replacement_indicator", DURATION),
        catheter_volume_per_length=table.figure("catheter_volume_per_length", VOLUME_PER_LENGTH),
        pump_tubing_volume=tuple(_tubing(entry) for entry in table.tables("pump_tubing_volume")),
        cautions=_cautions(table),
    )
    table.done()
    _in_order(table, made.minimum_flow_rate, made.maximum_flow_rate)
    _in_order(table, made.undeliverable_volume, made.reservoir_volume)
    return made


def _opioid(name: str, table: Table) -> Opioid:
    made = Opioid(
        name, table.text("label"), table.text("substance"), table.text("taken_as", one_of=("daily_dose", "rate"))
    )
    table.done()
    return made


def _conversion(table: Table, opioids: Mapping[str, Opioid], sources: Mapping[str, Source]) -> ConversionTable:
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


def _ratio_set(table: Table) -> RatioSet:
    ratios = tuple(_published(entry) for entry in table.tables("ratios"))
    made = RatioSet(
        name=table.name,
        drug=table.text("drug"),
        substance=table.text("from"),
        ratios=ratios,
        reductions={entry.text("id"): _reduction(entry) for entry in table.tables("reductions")},
    )
    table.done()
    if len({ratio.id for ratio in ratios}) < len(ratios):
        raise table.defect("ratios", "two have the same id")
    if not made.forward:
        raise table.defect("ratios", "none is read in the direction oral-to-intrathecal")
    return made


def _load(folder: Path) -> Library:
    try:
        version = tomllib.loads((folder / "library.toml").read_text(encoding="utf-8"))["version"]
    except (OSError, KeyError, tomllib.TOMLDecodeError, UnicodeDecodeError) as fault:
        raise LibraryDefect(f"library.toml: does not say its version: {fault}") from None
    sources = read_sources(folder)
    cited = set(_ALWAYS_CITED)

    def each(kind: str) -> list[Table]:
        return [read_table(folder, path, sources) for path in sorted((folder / kind).glob("*.toml"))]

    drug_tables, pump_tables = each("drugs"), each("pumps")
    drugs = {table.name: _drug(table) for table in drug_tables}
    pumps = {table.name: _pump(table) for table in pump_tables}
    names = read_table(folder, folder / "conversions" / "opioids.toml", sources, named=False)
    opioids = {name: _opioid(name, table) for name, table in names.each()}
    tables: dict[str, ConversionTable] = {}
    ratios: dict[str, RatioSet] = {}
    conversion_tables = [
        read_table(folder, path, sources)
        for path in sorted((folder / "conversions").glob("*.toml"))
        if path.stem != "opioids"
    ]
    for table in conversion_tables:
        if "ratios" in table:
            made = _ratio_set(table)
            if made.drug not in drugs:
                raise table.defect("drug", f"{echo(made.drug)} is not a drug of the library")
            ratios[made.drug] = made
        else:
            tables[table.name] = _conversion(table, opioids, sources)
    families = {pump.family for pump in pumps.values()}
    for drug in drugs.values():
        if strange := [family for family in drug.indicated_pumps.listed if family not in families]:
            raise LibraryDefect(f"drugs/{drug.name}.toml: indicated_pumps: no pump is a {strange[0]}")
    for table in (*drug_tables, *pump_tables, *conversion_tables):
        cited |= table.cited
    if idle := sorted(set(sources) - cited):
        raise LibraryDefect(f"sources.toml: {idle[0]}: no figure is read from it")
    return Library(version, digest(folder), sources, drugs, pumps, opioids, tables, ratios)


@cache
def load(folder: Path | None = None) -> Library:
    """The drug library: the one that came with the software, or another folder of the same shape.

    Raises LibraryDefect, naming file and figure, when anything in it is wrong: a missing source, a wrong unit,
    crossed bounds, a dangling reference, a duplicate, a hard limit that is not verified.
    """
    return _load(folder or shipped_folder())
