"""The library as a whole: drugs, pumps, tables and ratios, checked against each other when it loads."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TypeVar

from pumpcalc.errors import LibraryDefect, echo, refused
from pumpcalc.library.facts import Source
from pumpcalc.library.load import Table, digest, read_sources, read_table, read_version, shipped_folder
from pumpcalc.library.monographs import BeyondUseTable, ConversionTable, Drug, Opioid, Pump, RatioSet, ResidualRules
from pumpcalc.library.readers import (
    read_beyond_use,
    read_conversion,
    read_drug,
    read_opioid,
    read_pump,
    read_ratio_set,
    read_residual_rules,
)

__all__ = ["Library", "load"]

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
    residual_rules: ResidualRules

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
    # Two names that look alike are a reason to ask, not to suggest: fentanil is like fentanyl and like sufentanil.
    near = difflib.get_close_matches(name.lower(), shelf, n=2, cutoff=0.8)
    near = [name.lower()] if name.lower() in shelf else near if len(near) == 1 else []
    raise refused(
        f"unknown-{what}",
        f"The library has no {what} {echo(name)}; it has {', '.join(shelf)}.",
        allowed=shelf,
        did_you_mean=near[0] if near else None,
    )


def _load(folder: Path) -> Library:
    version = read_version(folder)
    sources = read_sources(folder)
    cited = set(_ALWAYS_CITED)

    def each(kind: str) -> list[Table]:
        return [read_table(folder, path, sources) for path in sorted((folder / kind).glob("*.toml"))]

    drug_tables, pump_tables = each("drugs"), each("pumps")
    drugs = {table.name: read_drug(table) for table in drug_tables}
    pumps = {table.name: read_pump(table) for table in pump_tables}
    names = read_table(folder, folder / "conversions" / "opioids.toml", sources, named=False)
    opioids = {name: read_opioid(name, table) for name, table in names.each()}
    tables: dict[str, ConversionTable] = {}
    ratios: dict[str, RatioSet] = {}
    conversion_tables = [
        read_table(folder, path, sources)
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
    beyond_use_tables = each("compounding")
    beyond_use = {table.name: read_beyond_use(table) for table in beyond_use_tables}
    rules_table = read_table(folder, folder / "refill" / "residual-rules.toml", sources)
    rules = read_residual_rules(rules_table)
    sizes = {pump.reservoir_volume.quantity for pump in pumps.values()}
    if odd := [size for size, _ in rules.post_fill_discrepancy if size not in sizes]:
        raise rules_table.defect("post_fill_discrepancy", f"no pump of the library holds {odd[0]}")
    families = {pump.family for pump in pumps.values()}
    for drug in drugs.values():
        if strange := [family for family in drug.indicated_pumps.listed if family not in families]:
            raise LibraryDefect(f"drugs/{drug.name}.toml: indicated_pumps: no pump is a {strange[0]}")
    for table in (*drug_tables, *pump_tables, *conversion_tables, *beyond_use_tables, rules_table):
        cited |= table.cited
    if idle := sorted(set(sources) - cited):
        raise LibraryDefect(f"sources.toml: {idle[0]}: no figure is read from it")
    return Library(version, digest(folder), sources, drugs, pumps, opioids, tables, ratios, beyond_use, rules)


@cache
def load(folder: Path | None = None) -> Library:
    """The drug library: the one that came with the software, or another folder of the same shape.

    Raises LibraryDefect, naming file and figure, when anything in it is wrong: a missing source, a wrong unit,
    crossed bounds, a dangling reference, a duplicate, a hard limit that is not verified.
    """
    return _load(folder or shipped_folder())
