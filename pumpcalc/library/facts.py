"""Sources, facts and statements: what may stand in the drug library, and what each may be used for.

A fact has a value, a unit, a source, a place in it and an evidence status, or it is unknown. Only a *verified*
fact may act as a hard limit. An *unverified* figure keeps the words in which it is quoted and has no value:
nothing can be computed with it until a named person of a clinic confirms it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

from pumpcalc.errors import refused
from pumpcalc.quantities import Kind, Quantity

__all__ = [
    "ACKNOWLEDGED",
    "ROLES",
    "SEVERITIES",
    "SOURCE_KINDS",
    "STATUSES",
    "Fact",
    "FillKind",
    "OpioidStatus",
    "Origin",
    "Phase",
    "Purpose",
    "Role",
    "RuleName",
    "Source",
    "Statement",
    "StatementName",
    "Status",
    "Storage",
]

Status = Literal["verified", "secondary copy", "derived", "unverified", "unknown"]
Role = Literal["hard", "soft", "information"]
FillKind = Literal["naive", "undiluted", "diluted"]
"""The first fill of a new pump; a product as it is; a product that was thinned."""
OpioidStatus = Literal["naive", "tolerant"]
Purpose = Literal["pump", "single-dose"]
"""What a preparation, and a product, is for: the infusion by a pump; one dose, such as a trial bolus."""
RuleName = Literal["us-label", "eu-label", "low-and-slow"]
Origin = Literal["spinal", "cerebral"]
"""Where spasticity comes from: it decides by how much baclofen is changed."""
Phase = Literal["titration", "refill"]
"""Finding the dose after the start; keeping it, at the refills."""
Storage = Literal["room", "fridge", "frozen"]
StatementName = Literal["fda-2018", "off-label-failures"]
"""What regulators have said of more than one drug."""
STATUSES: tuple[str, ...] = get_args(Status)
ROLES: tuple[str, ...] = get_args(Role)
SEVERITIES = ("critical", "high", "analgesia-loss", "low")
"""How bad a missed refill is, the worst first."""
ACKNOWLEDGED: tuple[StatementName, ...] = ("fda-2018",)
"""The statements that a person acknowledges."""
SOURCE_KINDS = (
    "drug label",
    "device manual",
    "regulator notice",
    "guideline",
    "study",
    "review",
    "manufacturer page",
    "compendium",
    "policy",
    "definition",
)


@dataclass(frozen=True)
class Source:
    """One document, once. The key carries the edition; a new edition is a new key and the old one stays."""

    key: str
    title: str
    kind: str
    edition: str
    read_at: str
    note: str = ""


@dataclass(frozen=True)
class Fact:
    """One figure of a monograph, with its provenance. ``quantity`` is None when it is unknown or unverified."""

    name: str
    """Where it stands in the library: ``synchromed-ii-20.minimum_flow_rate``."""
    quantity: Quantity | None
    status: str
    role: str = "information"
    source: str = ""
    where: str = ""
    """The place in the source; of an unknown figure, where people looked."""
    note: str = ""
    quoted: str = ""
    """An unverified figure, in the words in which it is quoted."""
    kind: Kind | None = None
    """What it measures, known or not."""

    @property
    def is_known(self) -> bool:
        """Can it be computed with?"""
        return self.quantity is not None

    @property
    def summary(self) -> str:
        """What it is and what it may do, in a few words: ``20 mg/day, soft, verified``."""
        if self.quantity is not None:
            return f"{self.quantity}, {self.role}, {self.status}"
        return f"quoted as {self.quoted}, not verified, off" if self.quoted else self.status

    def required(self) -> Quantity:
        """The figure, for a calculation that cannot do without it.

        Raises Refusal ``not-in-library`` when nobody has read it: an unknown fact is refused, never defaulted.
        """
        if self.quantity is None:
            quoted = f" It is quoted as {self.quoted}, which is not verified." if self.quoted else ""
            raise refused(
                "not-in-library",
                f"This calculation needs {self.name}, which the library does not hold.{quoted}",
            )
        return self.quantity


@dataclass(frozen=True)
class Statement:
    """A fact in words, or a list of words, with its provenance. The empty list is an unknown one."""

    name: str
    value: str | tuple[str, ...]
    status: str
    source: str = ""
    where: str = ""
    note: str = ""

    @property
    def is_known(self) -> bool:
        """Has anybody read it?"""
        return self.status != "unknown"

    @property
    def listed(self) -> tuple[str, ...]:
        """The value as a list."""
        return (self.value,) if isinstance(self.value, str) else self.value
