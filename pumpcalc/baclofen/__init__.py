"""Baclofen: the trial boluses before a pump, the start that follows, and by how much a dose may then be changed."""

from pumpcalc.baclofen.adjustment import baclofen_adjustment
from pumpcalc.baclofen.screening import Trial, baclofen_screening

__all__ = ["Trial", "baclofen_adjustment", "baclofen_screening"]
