"""The drug library: every figure with its value, unit, source, place, evidence status and role."""

from pumpcalc.library.compare import Difference, differences
from pumpcalc.library.facts import Fact, FillKind, OpioidStatus, Role, RuleName, Source, Statement, Status, Storage
from pumpcalc.library.load import shipped_folder
from pumpcalc.library.monographs import (
    BeyondUseTable,
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
from pumpcalc.library.overlay import Overlay, in_force, read_overlay
from pumpcalc.library.shelf import Library, load
from pumpcalc.library.walk import figures, fingerprint, statements

__all__ = [
    "BeyondUseTable",
    "Caution",
    "ConversionTable",
    "Difference",
    "Drug",
    "Fact",
    "FillKind",
    "Library",
    "Opioid",
    "OpioidStatus",
    "Overlay",
    "Product",
    "PublishedRatio",
    "Pump",
    "Range",
    "RatioSet",
    "Role",
    "RuleName",
    "Source",
    "Statement",
    "Status",
    "Storage",
    "Strengths",
    "TitrationRule",
    "differences",
    "figures",
    "fingerprint",
    "in_force",
    "load",
    "read_overlay",
    "shipped_folder",
    "statements",
]
