"""Priming and bridge boluses: what lies between the reservoir and the tip, and a plug-flow simulator of it.

Every number here is an independent check, from a model without mixing, for a clinician to compare. None is what a
programmer will compute: the text of the programmers' own rules could not be read.
"""

from pumpcalc.bridge.bridging import bridge_bolus
from pumpcalc.bridge.dilution import residual_dilution
from pumpcalc.bridge.plug_flow import Course, Refill, Run, Slug, Span, simulate
from pumpcalc.bridge.priming import priming_bolus
from pumpcalc.bridge.volumes import ImplantedCatheter

__all__ = [
    "Course",
    "ImplantedCatheter",
    "Refill",
    "Run",
    "Slug",
    "Span",
    "bridge_bolus",
    "priming_bolus",
    "residual_dilution",
    "simulate",
]
