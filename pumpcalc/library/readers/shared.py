"""What several readers share: spans, order, names that stand once, cautions."""

from __future__ import annotations

from collections.abc import Iterable

from pumpcalc.library.facts import (
    Fact,
)
from pumpcalc.library.load import Table
from pumpcalc.library.monographs import (
    Caution,
    Range,
)
from pumpcalc.quantities import (
    DAILY_DOSE,
    DURATION,
    Kind,
)

__all__ = ["above_zero", "cautions_of", "evidence_of", "in_order", "once", "span_of"]


def once(table: Table, key: str, names: Iterable[str]) -> None:
    listed = list(names)
    if len(set(listed)) < len(listed):
        raise table.defect(key, "two have the same name")


def span_of(table: Table, kind: Kind = DAILY_DOSE) -> Range:
    made = Range(table.bound("at_least", kind), table.bound("at_most", kind))
    table.done()
    in_order(table, made.at_least, made.at_most)
    return made


def in_order(table: Table, low: Fact, high: Fact) -> None:
    if low.quantity is not None and high.quantity is not None and low.quantity.amount > high.quantity.amount:
        raise table.defect(high.name, f"{high.quantity} is below {low.name}, {low.quantity}: the bounds cross")


def above_zero(table: Table, *facts: Fact) -> None:
    """What a calculation divides by, or counts in."""
    for fact in facts:
        if fact.quantity is not None and fact.quantity.amount == 0:
            raise table.defect(fact.name.rpartition(".")[2], "is above 0")


def cautions_of(table: Table) -> tuple[Caution, ...]:
    cautions = []
    for note in table.tables("notes"):
        code = note.text("code")
        cautions.append(Caution(code, note.own_statement(under="text")))
    once(table, "notes", (caution.code for caution in cautions))
    return tuple(cautions)


def evidence_of(table: Table) -> tuple[str, Fact]:
    made = (table.text("what"), table.figure("figure", DURATION))
    table.done()
    return made
