"""Refills: the named limits of a fill, the earliest of them, and the day that the clinic can keep."""

from pumpcalc.refill.entry import Component, LastAccepted
from pumpcalc.refill.schedule import refill_schedule

__all__ = ["Component", "LastAccepted", "refill_schedule"]
