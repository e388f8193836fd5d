"""Raising a dose over time, by a named rule: each step dated and checked, and the plan against what was given."""

from pumpcalc.titration.given import GivenDose
from pumpcalc.titration.plan import titration

__all__ = ["GivenDose", "titration"]
