"""Programmes of a pump: day schedules, boluses, delivery in whole steps, and a pump that stands still."""

from pumpcalc.programmes.boluses import patient_bolus, single_bolus, with_all_boluses
from pumpcalc.programmes.day_schedule import check_week, day_schedule
from pumpcalc.programmes.entry import DoseStep, WeekdayGroup
from pumpcalc.programmes.given_week import GivenWeek, given_week
from pumpcalc.programmes.in_steps import deliverable_dose, external_pump_steps
from pumpcalc.programmes.projection import project
from pumpcalc.programmes.stopped import pump_stopped
from pumpcalc.programmes.week import Running, Segment, Week

__all__ = [
    "DoseStep",
    "GivenWeek",
    "Running",
    "Segment",
    "Week",
    "WeekdayGroup",
    "check_week",
    "day_schedule",
    "deliverable_dose",
    "external_pump_steps",
    "given_week",
    "patient_bolus",
    "project",
    "pump_stopped",
    "single_bolus",
    "with_all_boluses",
]
