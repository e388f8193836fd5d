"""Refills: the named limits of a fill, the earliest of them, and the day that the clinic can keep."""

from pumpcalc.refill.entry import LastAccepted
from pumpcalc.refill.schedule import refill_schedule

__all__ = ["LastAccepted", "refill_schedule"]
