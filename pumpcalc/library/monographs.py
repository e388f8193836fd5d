"""Monographs: what is known about one drug, one pump model, one conversion, as facts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from pumpcalc.library.facts import Fact, Statement
from pumpcalc.quantities import Quantity

__all__ = [
    "BeyondUseTable",
    "Caution",
    "ConversionTable",
    "Drug",
    "Opioid",
    "Product",
    "PublishedRatio",
    "Pump",
    "Range",
    "RatioSet",
    "ResidualRules",
    "Strengths",
    "TitrationRule",
]


@dataclass(frozen=True)
class Range:
    """A span with a source for each end."""

    at_least: Fact
    at_most: Fact


@dataclass(frozen=True)
class Product:
    """A marketed presentation."""

    id: str
    brand: str
    concentration: Fact
    volume: Fact


@dataclass(frozen=True)
class TitrationRule:
    """How a dose may be raised: ``us-label``, ``eu-label``, ``low-and-slow``."""

    name: str
    start_at_least: Fact
    start_at_most: Fact
    step_at_most: Fact
    maximum_daily_dose: Fact
    steps_per_week_at_most: Fact
    interval_at_least: Fact
    interval_recommended: Fact


@dataclass(frozen=True)
class Caution:
    """Words that a result shows, with their source."""

    code: str
    text: Statement


@dataclass(frozen=True)
class Strengths:
    """The concentrations that a kind of fill can have, as stated and as quantities."""

    stated: Statement
    concentrations: tuple[Quantity, ...]

    def include(self, concentration: Quantity) -> bool:
        """Is this one of them, however it is written?"""
        return concentration.amount in {each.amount for each in self.concentrations}


@dataclass(frozen=True)
class Drug:
    """What is known about one drug in the spinal fluid."""

    name: str
    label: str
    oral_form: Statement
    opioid: Statement
    missed_refill: Statement
    """What a missed refill means: critical, high, low or analgesia-loss."""
    indicated_pumps: Statement
    maximum_daily_dose: Fact
    caution_daily_dose: Fact
    maximum_concentration: Fact
    strongest_product: Fact
    usual_daily_dose: Range
    usual_concentration: Range
    """What is ordinary. Outside it an entry is read back as a probable slip; it is not a recommendation."""
    products: tuple[Product, ...] = ()
    start: Mapping[str, Range] = field(default_factory=dict)
    """Starting dose by opioid status (naive, tolerant), or "any"."""
    in_pump_stability: Mapping[str, Fact] = field(default_factory=dict)
    """How long it keeps in the pump, by kind of fill (naive, undiluted, diluted), or "any"."""
    stability_evidence: tuple[tuple[str, Fact], ...] = ()
    fill_concentration: Mapping[str, Strengths] = field(default_factory=dict)
    titration: Mapping[str, TitrationRule] = field(default_factory=dict)
    cautions: tuple[Caution, ...] = ()


@dataclass(frozen=True)
class Pump:
    """What is known about one pump model of one reservoir size."""

    name: str
    label: str
    family: str
    verified_by: str
    """Who confirmed this monograph at a site against the current manual; empty: nobody."""
    reservoir_volume: Fact
    undeliverable_volume: Fact
    minimum_flow_rate: Fact
    maximum_flow_rate: Fact
    flow_step: Fact
    flow_accuracy: Fact
    recommended_alarm_volume: Fact
    refill_reference_volume: Fact
    maximum_refill_interval: Fact
    days_from_replacement_indicator: Fact
    stopped_at_most: Fact
    catheter_volume_per_length: Fact
    pump_tubing_volume: tuple[tuple[str, Fact], ...]
    """Every value that the constant has had, with the day from which it held; empty day: from the beginning."""
    cautions: tuple[Caution, ...] = ()


@dataclass(frozen=True)
class Opioid:
    """An opioid that a regimen may name."""

    name: str
    label: str
    substance: str
    """Its dimension: "oral oxycodone"."""
    taken_as: str
    """"daily_dose", or "rate" for a patch."""


@dataclass(frozen=True)
class ConversionTable:
    """One published table of oral morphine equivalents. Tables are never mixed."""

    name: str
    label: str
    source: str
    superseded: bool
    usual_total_at_most: Fact
    factors: Mapping[str, Fact]
    excluded: Mapping[str, Statement]
    warnings: Mapping[str, Statement]


@dataclass(frozen=True)
class BeyondUseTable:
    """How long a compounded preparation may wait before it is begun, by category and storage."""

    name: str
    label: str
    limits: Mapping[str, Mapping[str, Fact]]


@dataclass(frozen=True)
class ResidualRules:
    """When a withdrawn volume that is not the expected one is an event, and what can explain it."""

    name: str
    over_volume: Fact
    over_part_of_residual: Fact
    post_fill_discrepancy: tuple[tuple[Quantity, Fact], ...]
    """By reservoir volume."""
    emptied_counts_as_dry_after: Fact
    restart: Statement
    explanations: Mapping[str, Statement]
    """``more-delivered``, ``less-delivered`` and ``programmed-exceeds-fill``, the likeliest first."""


@dataclass(frozen=True)
class PublishedRatio:
    """An oral to intrathecal ratio as somebody published it."""

    id: str
    ratio: Fact
    direction: str
    population: str
    year: int | None


@dataclass(frozen=True)
class RatioSet:
    """Every ratio read for one drug, and the reductions read beside them."""

    name: str
    drug: str
    substance: str
    """What the ratio starts from: "oral morphine"."""
    ratios: tuple[PublishedRatio, ...]
    reductions: Mapping[str, Range]

    @property
    def forward(self) -> tuple[PublishedRatio, ...]:
        """The ratios that were read in the direction oral to intrathecal. The other direction is never inverted."""
        return tuple(ratio for ratio in self.ratios if ratio.direction == "oral-to-intrathecal")
