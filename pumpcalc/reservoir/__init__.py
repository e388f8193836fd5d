"""The reservoir: what is in it, what was withdrawn against what was expected, and when it was dry."""

from pumpcalc.reservoir.events import (
    COUNT,
    BolusLog,
    Entry,
    Event,
    Fill,
    Interrogation,
    Mri,
    NewStart,
    RateChange,
    Resume,
    Reversal,
    Stop,
    Withdraw,
)
from pumpcalc.reservoir.ledger import Ledger
from pumpcalc.reservoir.now import reservoir_state
from pumpcalc.reservoir.post_fill import post_fill_check
from pumpcalc.reservoir.projection import Projection
from pumpcalc.reservoir.residual import residual_check
from pumpcalc.reservoir.state import Found, Moved, State

__all__ = [
    "COUNT",
    "BolusLog",
    "Entry",
    "Event",
    "Fill",
    "Found",
    "Interrogation",
    "Ledger",
    "Moved",
    "Mri",
    "NewStart",
    "Projection",
    "RateChange",
    "Resume",
    "Reversal",
    "State",
    "Stop",
    "Withdraw",
    "post_fill_check",
    "reservoir_state",
    "residual_check",
]
