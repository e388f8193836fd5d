"""Monographs from tables: every key is asked for by name, with its kind, and bounds may not cross."""

from pumpcalc.library.readers.compounding import read_beyond_use, read_compounding_limits
from pumpcalc.library.readers.conversions import read_conversion, read_opioid, read_ratio_set
from pumpcalc.library.readers.drugs import read_drug
from pumpcalc.library.readers.mixtures import read_mixture, read_statements
from pumpcalc.library.readers.pumps import (
    read_catheter,
    read_external_pump,
    read_policy,
    read_pump,
    read_residual_rules,
)

__all__ = [
    "read_beyond_use",
    "read_catheter",
    "read_compounding_limits",
    "read_conversion",
    "read_drug",
    "read_external_pump",
    "read_mixture",
    "read_opioid",
    "read_policy",
    "read_pump",
    "read_ratio_set",
    "read_residual_rules",
    "read_statements",
]
