"""Monographs: what is known about one drug, one pump model, one conversion, as facts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date

from pumpcalc.library.facts import Fact, Statement
from pumpcalc.quantities import Quantity

__all__ = [
    "Adjustment",
    "BeyondUseTable",
    "Catheter",
    "Caution",
    "CompoundingLimits",
    "ConversionTable",
    "Drug",
    "ExternalPump",
    "Mixture",
    "Opioid",
    "Policy",
    "Product",
    "PublishedRatio",
    "Pump",
    "Range",
    "RatioSet",
    "Reading",
    "ResidualRules",
    "Screening",
    "Strengths",
    "StudiedSolution",
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
    uses: Statement
    """What it may be used for, of PURPOSES: a pump, a single dose."""
    microfilter: Statement | None = None
    """How it is drawn through a microfilter, where its label says so."""

    @property
    def is_for_pumps(self) -> bool:
        """May it go in a pump?"""
        return "pump" in self.uses.listed


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
class Screening:
    """Trial boluses before a pump: the ladder of doses, the waits between them, and the start that follows."""

    doses: tuple[Fact, ...]
    """The ladder, lowest first. No response to the last: not a candidate."""
    small_child_dose: Fact
    """Where the ladder may begin in a small child."""
    concentration: Fact
    interval_at_least: Fact
    observe_for: Range
    long_effect: Fact
    """An effect that lasts longer than this is a long one."""
    start_over: Fact
    """The time over which the start is given."""
    start_part: Fact
    """The start, as a part of the effective bolus."""
    start_part_after_long_effect: Fact


@dataclass(frozen=True)
class Adjustment:
    """By how much a dose may be changed, and what is usual, by the origin of the spasticity."""

    decrease: Range
    """At a refill, for every origin."""
    increase: Mapping[str, Mapping[str, Range]]
    """By origin (spinal, cerebral), then by phase (titration, refill)."""
    usual_daily_dose: Mapping[str, Range]
    """By origin."""


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
    naive_rinse: tuple[Fact, ...] = ()
    """What rinses a new pump before its first fill: the volume of each rinse, in order."""
    titration: Mapping[str, TitrationRule] = field(default_factory=dict)
    consensus_start: Range | None = None
    """A consensus' starting dose, beside the label's; off until a site confirms it."""
    screening: Screening | None = None
    adjustment: Adjustment | None = None
    cautions: tuple[Caution, ...] = ()


@dataclass(frozen=True)
class Reading:
    """What was left of a drug after so many days. The one whose days are a limit is the one that counts."""

    remaining: Fact
    days: Fact


@dataclass(frozen=True)
class StudiedSolution:
    """One solution of several drugs whose stability was studied."""

    conditions: Statement
    concentrations: Mapping[str, Fact]
    """By drug."""
    exactly: bool
    """It stands for itself only; otherwise also for every weaker one."""
    readings: tuple[Reading, ...]
    """In the order of their days."""

    @property
    def keeps(self) -> Fact:
        """The days that count: the others are shown beside."""
        return next(reading.days for reading in self.readings if reading.days.role != "information")

    @property
    def known(self) -> Mapping[str, Quantity]:
        """The concentrations that were read, by drug."""
        return {drug: fact.quantity for drug, fact in self.concentrations.items() if fact.quantity is not None}

    def stands_for(self, strengths: Mapping[str, Quantity]) -> bool:
        """Is this the solution itself, or a stronger one that stands for it?"""
        if self.exactly:
            return all(strengths[drug].amount == studied.amount for drug, studied in self.known.items())
        return all(strengths[drug].amount <= studied.amount for drug, studied in self.known.items())

    def is_weaker_than(self, strengths: Mapping[str, Quantity]) -> bool:
        """Is this a weaker one, which keeps at least as long? That does not follow from one that stands for itself."""
        return not self.exactly and all(strengths[drug].amount > studied.amount for drug, studied in self.known.items())


@dataclass(frozen=True)
class Mixture:
    """What is known about a solution of several drugs beyond what is known about each."""

    name: str
    drugs: tuple[str, ...]
    in_pump_stability: Fact
    """Of the solutions that no studied one stands for: always unknown."""
    studied: tuple[StudiedSolution, ...] = ()
    """From the weakest to the strongest."""
    stability_evidence: tuple[tuple[str, Fact], ...] = ()
    """Read without the concentrations, so that no solution can be held to it."""
    cautions: tuple[Caution, ...] = ()

    def solution_for(self, strengths: Mapping[str, Quantity]) -> StudiedSolution | None:
        """The studied solution that stands for this one: the same, or the next stronger. Never between two."""
        return next((solution for solution in self.studied if solution.stands_for(strengths)), None)

    def strongest_below(self, strengths: Mapping[str, Quantity]) -> StudiedSolution | None:
        """The strongest studied solution that is weaker than this one: this one keeps no longer."""
        return next((solution for solution in reversed(self.studied) if solution.is_weaker_than(strengths)), None)


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
    most_steps_per_day: Fact
    """Of a day schedule."""
    stopped_alarm_after: Fact
    """How long it may stand still before its critical alarm."""
    patient_bolus_drugs: Statement
    """The drugs that its patient boluses are for."""
    stopped_at_most: Fact
    pump_tubing_volume: tuple[tuple[str, Fact], ...]
    """Every value that the constant has had, with the day from which it held; empty day: from the beginning."""
    cautions: tuple[Caution, ...] = ()

    def pump_tubing_volume_on(self, day: date | None) -> tuple[str, Fact]:
        """The tubing volume that is in force on a day, and since when; without a day, the latest."""
        begun = [each for each in self.pump_tubing_volume if day is None or each[0] <= day.isoformat()]
        return begun[-1]


@dataclass(frozen=True)
class Catheter:
    """What is known about one catheter model. Its volume belongs to a patient: volume per length times the length."""

    name: str
    label: str
    verified_by: str
    """Who confirmed this monograph at a site against the current manual; empty: nobody."""
    volume_per_length: Fact
    total_length: Fact
    """Before anything is trimmed."""
    cautions: tuple[Caution, ...] = ()


@dataclass(frozen=True)
class Policy:
    """Figures that are our own decisions, and belong to no monograph."""

    sensitivity_volume: Fact
    """The step in which the sensitivity of a bridge to its volume is stated."""


@dataclass(frozen=True)
class ExternalPump:
    """What is known about one external pump of the trial stage. Its doses go in steps of a volume."""

    name: str
    label: str
    demand_increment_volume: Fact
    demand_dose_volume: Fact
    """Of the largest dose that a patient can call for."""
    clinician_bolus_volume: Fact
    """Of the largest bolus that a clinician can give."""
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
class CompoundingLimits:
    """What a syringe can measure, how exact a preparation must be, and what a laboratory accepts."""

    minimum_measurable_volume: Fact
    error_percent_at_most: Fact
    assay_error_at_most: Fact


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

    @property
    def backward(self) -> tuple[PublishedRatio, ...]:
        """The ratios that were read in the other direction. They are shown, and never used."""
        return tuple(ratio for ratio in self.ratios if ratio.direction != "oral-to-intrathecal")
