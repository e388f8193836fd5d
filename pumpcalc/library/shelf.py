"""The library as a whole: drugs, pumps, tables and ratios, checked against each other when it loads."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path
from typing import TypeVar

from pumpcalc.errors import LibraryDefect, echo, refused
from pumpcalc.library.facts import Fact, Source, Statement
from pumpcalc.library.load import Table, digest, read_sources, read_table, read_version, shipped_folder
from pumpcalc.library.monographs import (
    BeyondUseTable,
    Catheter,
    CompoundingLimits,
    ConversionTable,
    Drug,
    ExternalPump,
    Mixture,
    Opioid,
    Policy,
    Pump,
    RatioSet,
    ResidualRules,
)
from pumpcalc.library.readers import (
    read_beyond_use,
    read_catheter,
    read_compounding_limits,
    read_conversion,
    read_drug,
    read_external_pump,
    read_mixture,
    read_opioid,
    read_policy,
    read_pump,
    read_ratio_set,
    read_residual_rules,
    read_statements,
)
from pumpcalc.library.walk import figures, statements

__all__ = ["Library", "load", "read_library"]

_T = TypeVar("_T")
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
    beyond_use: Mapping[str, BeyondUseTable]
    mixtures: Mapping[str, Mixture]
    statements: Mapping[str, Statement]
    compounding: CompoundingLimits
    catheters: Mapping[str, Catheter]
    policy: Policy
    external_pumps: Mapping[str, ExternalPump]
    residual_rules: ResidualRules

    def drug(self, name: str) -> Drug:
        """The monograph of a drug. Raises Refusal ``unknown-drug`` with the nearest name as a suggestion only."""
        return _found(self.drugs, name, "drug")

    def pump(self, name: str) -> Pump:
        """The monograph of a pump model. Raises Refusal ``unknown-pump``."""
        return _found(self.pumps, name, "pump")

    def catheter(self, name: str) -> Catheter:
        """The monograph of a catheter model. Raises Refusal ``unknown-catheter``."""
        return _found(self.catheters, name, "catheter")

    def external_pump(self, name: str) -> ExternalPump:
        """The monograph of an external pump. Raises Refusal ``unknown-pump``."""
        return _found(self.external_pumps, name, "pump")

    def opioid(self, name: str) -> Opioid:
        """An opioid of the conversion tables. Raises Refusal ``unknown-opioid``."""
        return _found(self.opioids, name, "opioid")

    def table(self, name: str) -> ConversionTable:
        """A named table of oral morphine equivalents. Raises Refusal ``unknown-table``."""
        return _found(self.tables, name, "table")

    def mixtures_within(self, drugs: Iterable[str]) -> list[Mixture]:
        """What is known of these drugs together, and of any part of them; the whole comes last."""
        named = set(drugs)
        return sorted((m for m in self.mixtures.values() if named.issuperset(m.drugs)), key=lambda m: len(m.drugs))

    @cached_property
    def facts(self) -> Mapping[str, Fact | Statement]:
        """Every figure and statement by its name, such as ``synchromed-ii-20.pump_tubing_volume.1``."""
        return {**figures(self), **statements(self)}

    def fact(self, name: str) -> Fact | Statement:
        """The figure or statement of this name. Raises Refusal ``unknown-fact``."""
        if name not in self.facts:
            near = difflib.get_close_matches(name, self.facts, n=1, cutoff=0.8)
            raise refused(
                "unknown-fact",
                f"The library has no figure and no statement called {echo(name)}.",
                did_you_mean=near[0] if near else None,
            )
        return self.facts[name]


def _found(shelf: Mapping[str, _T], name: str, what: str) -> _T:
    if name in shelf:
        return shelf[name]
    # Two names that look alike are a reason to ask, not to suggest: fentanil is like fentanyl and like sufentanil.
    near = difflib.get_close_matches(name.lower(), shelf, n=2, cutoff=0.8)
    near = [name.lower()] if name.lower() in shelf else near if len(near) == 1 else []
    raise refused(
        f"unknown-{what}",
        f"The library has no {what} {echo(name)}; it has {', '.join(shelf)}.",
        allowed=shelf,
        did_you_mean=near[0] if near else None,
    )


def read_library(folder: Path, instead: Mapping[str, Fact] | None = None) -> Library:
    """The library of a folder, with the figures that a clinic has instead of those in the files, by name.

    Whatever the files must keep to, those figures must keep to as well: the same readers read both.
    """
    version = read_version(folder)
    sources = read_sources(folder)
    cited = set(_ALWAYS_CITED)

    def each(kind: str) -> list[Table]:
        return [read_table(folder, path, sources, instead=instead) for path in sorted((folder / kind).glob("*.toml"))]

    drug_tables, pump_tables = each("drugs"), each("pumps")
    drugs = {table.name: read_drug(table) for table in drug_tables}
    pumps = {table.name: read_pump(table) for table in pump_tables}
    external_tables = each("external_pumps")
    external_pumps = {table.name: read_external_pump(table) for table in external_tables}
    names = read_table(folder, folder / "conversions" / "opioids.toml", sources, named=False)
    opioids = {name: read_opioid(name, table) for name, table in names.each()}
    tables: dict[str, ConversionTable] = {}
    ratios: dict[str, RatioSet] = {}
    conversion_tables = [
        read_table(folder, path, sources, instead=instead)
        for path in sorted((folder / "conversions").glob("*.toml"))
        if path.stem != "opioids"
    ]
    for table in conversion_tables:
        if "ratios" in table:
            made = read_ratio_set(table)
            if made.drug not in drugs:
                raise table.defect("drug", f"{echo(made.drug)} is not a drug of the library")
            if made.drug in ratios:
                raise table.defect("drug", f"{made.drug} has its ratios in {ratios[made.drug].name}.toml already")
            ratios[made.drug] = made
        else:
            tables[table.name] = read_conversion(table, opioids, sources)
    measurement_table = read_table(folder, folder / "compounding" / "measurement.toml", sources, instead=instead)
    compounding = read_compounding_limits(measurement_table)
    beyond_use_tables = [table for table in each("compounding") if table.name != measurement_table.name]
    beyond_use = {table.name: read_beyond_use(table) for table in beyond_use_tables}
    mixture_tables = each("mixtures")
    mixtures = {table.name: read_mixture(table) for table in mixture_tables}
    _of_known_drugs(mixtures, drugs)
    statements_table = read_table(folder, folder / "statements.toml", sources, named=False)
    statements = read_statements(statements_table)
    catheter_tables = each("catheters")
    catheters = {table.name: read_catheter(table) for table in catheter_tables}
    policy_table = read_table(folder, folder / "policy.toml", sources, instead=instead)
    policy = read_policy(policy_table)
    rules_table = read_table(folder, folder / "refill" / "residual-rules.toml", sources, instead=instead)
    rules = read_residual_rules(rules_table)
    sizes = {pump.reservoir_volume.quantity for pump in pumps.values()}
    if odd := [size for size, _ in rules.post_fill_discrepancy if size not in sizes]:
        raise rules_table.defect("post_fill_discrepancy", f"no pump of the library holds {odd[0]}")
    families = {pump.family for pump in pumps.values()}
    for drug in drugs.values():
        if strange := [family for family in drug.indicated_pumps.listed if family not in families]:
            raise LibraryDefect(f"drugs/{drug.name}.toml: indicated_pumps: no pump is a {strange[0]}")
    for pump in pumps.values():
        if strange := [name for name in pump.patient_bolus_drugs.listed if name not in drugs]:
            raise LibraryDefect(f"pumps/{pump.name}.toml: patient_bolus_drugs: no drug is {strange[0]}")
    for table in (
        *drug_tables,
        *pump_tables,
        *catheter_tables,
        *external_tables,
        *conversion_tables,
        *beyond_use_tables,
        *mixture_tables,
        statements_table,
        measurement_table,
        policy_table,
        rules_table,
    ):
        cited |= table.cited
    if idle := sorted(set(sources) - cited):
        raise LibraryDefect(f"sources.toml: {idle[0]}: no figure is read from it")
    return Library(
        version,
        digest(folder),
        sources,
        drugs,
        pumps,
        opioids,
        tables,
        ratios,
        beyond_use,
        mixtures,
        statements,
        compounding,
        catheters,
        policy,
        external_pumps,
        rules,
    )


def _of_known_drugs(mixtures: Mapping[str, Mixture], drugs: Mapping[str, Drug]) -> None:
    """Raises LibraryDefect for a mixture of a drug that is not there, and for the second file on the same drugs."""
    seen: dict[frozenset[str], str] = {}
    for name, mixture in mixtures.items():
        if strange := [drug for drug in mixture.drugs if drug not in drugs]:
            raise LibraryDefect(f"mixtures/{name}.toml: drugs: {strange[0]} is not a drug of the library")
        if (other := seen.setdefault(frozenset(mixture.drugs), name)) != name:
            raise LibraryDefect(f"mixtures/{name}.toml: drugs: stand in mixtures/{other}.toml already")


@cache
def load(folder: Path | None = None) -> Library:
    """The drug library: the one that came with the software, or another folder of the same shape.

    Raises LibraryDefect, naming file and figure, when anything in it is wrong: a missing source, a wrong unit,
    crossed bounds, a dangling reference, a duplicate, a hard limit that is not verified.
    """
    return read_library(folder or shipped_folder())
