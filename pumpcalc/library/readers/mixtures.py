"""Mixtures that were studied, and what regulators have said of more than one drug."""

from __future__ import annotations

from collections.abc import Iterable
from fractions import Fraction
from itertools import pairwise
from typing import get_args

from pumpcalc.library.facts import (
    Fact,
    Statement,
    StatementName,
)
from pumpcalc.library.load import Table
from pumpcalc.library.monographs import (
    Mixture,
    Reading,
    StudiedSolution,
)
from pumpcalc.library.readers.shared import cautions_of, evidence_of
from pumpcalc.quantities import (
    CONCENTRATION,
    DURATION,
    FRACTION,
)

__all__ = ["read_mixture", "read_statements"]


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
        stability_evidence=tuple(evidence_of(evidence) for evidence in table.tables("stability_evidence")),
        cautions=cautions_of(table),
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
