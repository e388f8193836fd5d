"""The worksheet: a calculation that shows its working, its record, and the replay that checks it."""

from pumpcalc.worksheet.calculator import CALCULATORS, Calculator, calculate, calculator
from pumpcalc.worksheet.draft import Draft
from pumpcalc.worksheet.lines import (
    WEEKDAYS,
    ClockTime,
    Count,
    Day,
    Moment,
    Value,
    days_between,
    open_day,
    plain_unit,
)
from pumpcalc.worksheet.record import Calculation, Cited, Given, LibraryRevision, Limit, Note, Step
from pumpcalc.worksheet.replay import replay
from pumpcalc.worksheet.sheet import Worksheet
from pumpcalc.worksheet.uses import uses
from pumpcalc.worksheet.verify import verify

__all__ = [
    "CALCULATORS",
    "WEEKDAYS",
    "Calculation",
    "Calculator",
    "Cited",
    "ClockTime",
    "Count",
    "Day",
    "Draft",
    "Given",
    "LibraryRevision",
    "Limit",
    "Moment",
    "Note",
    "Step",
    "Value",
    "Worksheet",
    "calculate",
    "calculator",
    "days_between",
    "open_day",
    "plain_unit",
    "replay",
    "uses",
    "verify",
]
