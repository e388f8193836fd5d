"""Opioids, their tables of equivalents, and the ratios from oral to intrathecal."""

from __future__ import annotations

from collections.abc import Mapping

from pumpcalc.library.facts import (
    Source,
)
from pumpcalc.library.load import Table
from pumpcalc.library.monographs import (
    ConversionTable,
    Opioid,
    PublishedRatio,
    Range,
    RatioSet,
)
from pumpcalc.library.readers.shared import in_order, once
from pumpcalc.quantities import (
    DAILY_DOSE,
    FRACTION,
    PATCH_FACTOR,
    RATIO,
)

__all__ = ["read_conversion", "read_opioid", "read_ratio_set"]

_DIRECTIONS = ("oral-to-intrathecal", "intrathecal-to-oral")


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


def _words(table: Table, key: str) -> str:
    """A text that a result shows among its answers, where whatever begins with a digit is a number of the page."""
    text = table.text(key)
    if not text[0].isalpha():
        raise table.defect(key, "begins with a letter: a result shows it as words, not as a number")
    return text


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
    in_order(table, made.at_least, made.at_most)
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
    once(table, "ratios", (ratio.id for ratio in ratios))
    once(table, "reductions", (name for name, _ in reductions))
    if not made.forward:
        raise table.defect("ratios", "none is read in the direction oral-to-intrathecal")
    return made
