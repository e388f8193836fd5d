"""The drug library: every figure with its value, unit, source, place, evidence status and role."""

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
    ResidualRules,
    Strengths,
    TitrationRule,
)
from pumpcalc.library.shelf import Library, load

__all__ = [
    "BeyondUseTable",
    "Caution",
    "ConversionTable",
    "Drug",
    "Fact",
    "FillKind",
    "Library",
    "Opioid",
    "OpioidStatus",
    "Product",
    "PublishedRatio",
    "Pump",
    "Range",
    "RatioSet",
    "ResidualRules",
    "Role",
    "RuleName",
    "Source",
    "Statement",
    "Status",
    "Storage",
    "Strengths",
    "TitrationRule",
    "load",
    "shipped_folder",
]
