"""The fields of a request: each reads its own written form, strictly, and says what to write instead.

Every door uses these: the Python function, the command line, HTTP. Nothing is coerced.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable
from datetime import date, datetime, timedelta
from functools import cache
from typing import Annotated, Any, TypeVar
from zoneinfo import ZoneInfo, available_timezones

from pydantic import Field, StrictBool, WithJsonSchema

from pumpcalc.errors import echo, refused
from pumpcalc.library import ACKNOWLEDGED
from pumpcalc.quantities import (
    CONCENTRATION,
    DAILY_DOSE,
    DAY_TOTAL,
    DRUG_MASS,
    DURATION,
    FLOW_RATE,
    FRACTION,
    HOURLY_RATE,
    LENGTH,
    NUMBER,
    PATCH_RATE,
    PER_DAY,
    PER_WEEK,
    RATIO,
    VOLUME,
    Kind,
    Quantity,
    read,
    read_number,
)
from pumpcalc.strict_json import JsonNumber
from pumpcalc.worksheet.fields.requests import strictly
from pumpcalc.worksheet.lines import WEEKDAYS, ClockTime

__all__ = [
    "Acknowledged",
    "Calendar",
    "CategoryName",
    "CatheterName",
    "Clock",
    "ClosedDates",
    "ClosedWeekdays",
    "ConcentrationField",
    "DailyDoseField",
    "DayTotalField",
    "Days",
    "DrugMassField",
    "DrugName",
    "DurationField",
    "FlowRateField",
    "HourlyRateField",
    "HourlyRateOrZeroField",
    "Instant",
    "LengthField",
    "LengthOrZeroField",
    "Listed",
    "OpioidName",
    "PatchRateField",
    "PerDay",
    "PerDayOrLess",
    "PerWeek",
    "Percent",
    "ProductName",
    "PumpName",
    "Ratio",
    "TableName",
    "TimeZone",
    "TolerancePercent",
    "VolumeField",
    "VolumeOrZeroField",
    "Weekdays",
    "YesNo",
    "read_identifier",
]

_FIRST_YEAR, _LAST_YEAR = 1990, 2199
_LONGEST_LIST = 400


def _positive(kind: Kind) -> Callable[[Any], Quantity]:
    def reader(value: Any) -> Quantity:
        quantity = read(value, kind)
        if quantity.amount == 0:
            raise refused(
                "zero", f"{kind.article.capitalize()} {kind.name} of zero is not a question: write one above 0."
            )
        return quantity

    return reader


def _quantity_schema(kind: Kind, example: str | None = None) -> WithJsonSchema:
    units = "|".join(re.escape(unit) for unit in kind.spellings)
    return WithJsonSchema(
        {
            "type": "string",
            "description": f"{kind.article.capitalize()} {kind.name}: number, one space, "
            f"{' or '.join(kind.spellings)}.",
            "pattern": f"^{NUMBER} (?:{units})$",
            "examples": [example or kind.example],
        }
    )


DailyDoseField = Annotated[Quantity, strictly(_positive(DAILY_DOSE)), _quantity_schema(DAILY_DOSE)]
ConcentrationField = Annotated[Quantity, strictly(_positive(CONCENTRATION)), _quantity_schema(CONCENTRATION)]
FlowRateField = Annotated[Quantity, strictly(_positive(FLOW_RATE)), _quantity_schema(FLOW_RATE)]
VolumeField = Annotated[Quantity, strictly(_positive(VOLUME)), _quantity_schema(VOLUME)]
VolumeOrZeroField = Annotated[Quantity, strictly(lambda value: read(value, VOLUME)), _quantity_schema(VOLUME, "2 mL")]
LengthField = Annotated[Quantity, strictly(_positive(LENGTH)), _quantity_schema(LENGTH)]
LengthOrZeroField = Annotated[Quantity, strictly(lambda value: read(value, LENGTH)), _quantity_schema(LENGTH, "25 cm")]
PatchRateField = Annotated[Quantity, strictly(_positive(PATCH_RATE)), _quantity_schema(PATCH_RATE)]
DrugMassField = Annotated[Quantity, strictly(_positive(DRUG_MASS)), _quantity_schema(DRUG_MASS)]
DurationField = Annotated[Quantity, strictly(_positive(DURATION)), _quantity_schema(DURATION, "4 h")]
HourlyRateField = Annotated[Quantity, strictly(_positive(HOURLY_RATE)), _quantity_schema(HOURLY_RATE)]
HourlyRateOrZeroField = Annotated[
    Quantity, strictly(lambda value: read(value, HOURLY_RATE)), _quantity_schema(HOURLY_RATE)
]
DayTotalField = Annotated[Quantity, strictly(_positive(DAY_TOTAL)), _quantity_schema(DAY_TOTAL)]


def _ratio(value: Any) -> Quantity:
    """A ratio, oral mg per intrathecal mg, written as a plain number."""
    ratio = Quantity(read_number(value) * RATIO.factors["mg/mg"], RATIO, "mg/mg")
    if ratio.amount == 0:
        raise refused("zero", 'A ratio of zero is not a question: write oral mg per intrathecal mg, such as "300".')
    return ratio


def _per_week(value: Any) -> Quantity:
    """A number of times a week, written as a plain number."""
    often = Quantity(read_number(value) * PER_WEEK.factors["/week"], PER_WEEK, "/week")
    if often.amount == 0:
        raise refused("zero", 'No step a week is not a plan: write how many, such as "2".')
    return often


def _percent(value: Any) -> Quantity:
    """A reduction, in percent, that leaves something."""
    reduction = Quantity(read_number(value) * FRACTION.factors["%"], FRACTION, "%")
    if reduction.amount >= 1:
        raise refused(
            "out-of-range",
            f'A reduction of {echo(value)} percent leaves nothing: write a number below 100, such as "50".',
        )
    return reduction


def _times_per_day(value: Any) -> Quantity:
    """How often in a day, on the average: a plain number, which need not be whole."""
    if isinstance(value, JsonNumber) or (type(value) is int and 0 <= value <= 999_999_999):
        value = str(value)  # a count has no unit to forget
    return Quantity(read_number(value) * PER_DAY.factors["/day"], PER_DAY, "/day")


def _count_per_day(value: Any) -> Quantity:
    """How often in a day: a whole number above 0."""
    often = _times_per_day(value)
    if often.amount == 0 or often.amount.denominator != 1:
        raise refused(
            "whole-number", f'{echo(value)} is not a whole number above 0: write how many a day, such as "4".'
        )
    return often


def _tolerance(value: Any) -> Quantity:
    """How far off, in percent, is near enough."""
    return Quantity(read_number(value) * FRACTION.factors["%"], FRACTION, "%")


_NUMBER_SCHEMA = {"type": "string", "pattern": f"^{NUMBER}$"}
_COUNT_SCHEMA = {"type": "integer", "minimum": 1, "maximum": 999_999_999}
_WHOLE_SCHEMA = {"type": "string", "pattern": r"^[1-9][0-9]{0,8}(?:\.0{1,9})?$"}
PerDay = Annotated[
    Quantity,
    strictly(_count_per_day),
    WithJsonSchema({"anyOf": [_WHOLE_SCHEMA, _COUNT_SCHEMA], "examples": ["4"]}),
]
PerDayOrLess = Annotated[
    Quantity,
    strictly(_times_per_day),
    WithJsonSchema({"anyOf": [_NUMBER_SCHEMA, {**_COUNT_SCHEMA, "minimum": 0}], "examples": ["2.5"]}),
]
TolerancePercent = Annotated[Quantity, strictly(_tolerance), WithJsonSchema({**_NUMBER_SCHEMA, "examples": ["5"]})]
Ratio = Annotated[Quantity, strictly(_ratio), WithJsonSchema({**_NUMBER_SCHEMA, "examples": ["300"]})]
PerWeek = Annotated[Quantity, strictly(_per_week), WithJsonSchema({**_NUMBER_SCHEMA, "examples": ["2"]})]
Percent = Annotated[Quantity, strictly(_percent), WithJsonSchema({**_NUMBER_SCHEMA, "examples": ["50"]})]


def _days(value: Any) -> Quantity:
    """Days, where the field's meaning is days: ``"90"``, ``"90 day"`` or the count 90."""
    if isinstance(value, JsonNumber) or (type(value) is int and 0 <= value <= 999_999_999):
        value = str(value)  # a count of days is the one number that needs no unit
    if isinstance(value, str) and re.fullmatch(NUMBER, value, re.ASCII):
        value = f"{value} day"
    return read(value, DURATION)


Days = Annotated[
    Quantity,
    strictly(_days),
    WithJsonSchema(
        {
            "type": ["string", "number"],
            "description": "Days: a number, or a duration with its unit.",
            "pattern": f"^{NUMBER}(?: (?:day|h|min))?$",
            "minimum": 0,
            "examples": ["90 day"],
        }
    ),
]


def _clock(value: Any) -> ClockTime:
    """A time of day, HH:MM, on the 24-hour clock."""
    match = (
        re.fullmatch(r"([01][0-9]|2[0-3]):([0-5][0-9])|(24):(00)", value, re.ASCII)
        if isinstance(value, str) and len(value) <= len("00:00")
        else None
    )
    if match is None:
        raise refused(
            "clock-format",
            f"{echo(value)} is not a time of day: write HH:MM from 00:00 to 24:00, such as 06:00.",
        )
    return ClockTime(int(match[1] or match[3]) * 60 + int(match[2] or match[4]))


Clock = Annotated[
    ClockTime,
    strictly(_clock),
    WithJsonSchema(
        {
            "type": "string",
            "description": "A time of day on the pump's clock, HH:MM; 24:00 is the end of the day.",
            "pattern": "^(?:(?:[01][0-9]|2[0-3]):[0-5][0-9]|24:00)$",
            "examples": ["06:00"],
        }
    ),
]


def read_identifier(value: Any) -> str:
    """A name of letters, digits and hyphens, at most 40."""
    if not isinstance(value, str) or re.fullmatch(r"[a-zA-Z0-9][a-zA-Z0-9-]{0,39}", value, re.ASCII) is None:
        raise refused(
            "identifier-format", f"{echo(value)} is not an identifier: write lower-case letters, digits and hyphens."
        )
    return value


_IDENTIFIER = strictly(read_identifier)


def _named(example: str) -> WithJsonSchema:
    return WithJsonSchema({"type": "string", "pattern": "^[a-zA-Z0-9][a-zA-Z0-9-]{0,39}$", "examples": [example]})


DrugName = Annotated[str, _IDENTIFIER, _named("morphine")]
PumpName = Annotated[str, _IDENTIFIER, _named("synchromed-ii-20")]
CatheterName = Annotated[str, _IDENTIFIER, _named("prometra-catheter")]
OpioidName = Annotated[str, _IDENTIFIER, _named("oxycodone")]
TableName = Annotated[str, _IDENTIFIER, _named("cdc-2022")]
ProductName = Annotated[str, _IDENTIFIER, _named("prialt-25-20")]
CategoryName = Annotated[str, _IDENTIFIER, _named("2-aseptic-sterile-notest")]


def _calendar(value: Any) -> date:
    """A day of the calendar, YYYY-MM-DD."""
    right = isinstance(value, str) and re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", value, re.ASCII)
    try:
        day = date.fromisoformat(value) if right else None
    except ValueError:
        raise refused("date-impossible", f"{echo(value)} is not a day of the calendar.") from None
    if day is None:
        raise refused("date-format", f"{echo(value)} is not a date: write YYYY-MM-DD, such as 2026-11-25.")
    if not _FIRST_YEAR <= day.year <= _LAST_YEAR:
        raise refused("out-of-range", f"{echo(value)} lies outside the years {_FIRST_YEAR} to {_LAST_YEAR}.")
    return day


_DATE_SCHEMA = {"type": "string", "format": "date", "pattern": r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$"}
Calendar = Annotated[date, strictly(_calendar), WithJsonSchema({**_DATE_SCHEMA, "examples": ["2026-11-25"]})]

_INSTANT = re.compile(
    r"(?P<day>[0-9]{4}-[0-9]{2}-[0-9]{2})T(?P<time>(?:[01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9])(?:\.[0-9]{1,6})?"
    r"(?P<offset>Z|[+-](?:0[0-9]|1[0-9]|2[0-3]):[0-5][0-9])?",
    re.ASCII,
)


def _instant(value: Any) -> datetime:
    """An instant, RFC 3339 with its offset."""
    match = _INSTANT.fullmatch(value) if isinstance(value, str) and len(value) <= 40 else None
    if match is None:
        raise refused(
            "instant-format",
            f"{echo(value)} is not an instant: write it as 2026-11-25T09:00:00-05:00, with the offset.",
        )
    if match["offset"] is None:
        raise refused("offset-missing", f"{echo(value)} has no offset: write Z or, for example, -05:00 at its end.")
    year = int(value[:4])
    if not _FIRST_YEAR <= year <= _LAST_YEAR:
        raise refused("out-of-range", f"{echo(value)} lies outside the years {_FIRST_YEAR} to {_LAST_YEAR}.")
    try:
        instant = datetime.fromisoformat(value)
    except ValueError:
        raise refused("date-impossible", f"{echo(value)} is not an instant of the calendar.") from None
    offset = instant.utcoffset() or timedelta()
    if not timedelta(hours=-12) <= offset <= timedelta(hours=14):
        raise refused("out-of-range", f"{echo(value)}: no civil offset lies outside -12:00 to +14:00.")
    return instant


Instant = Annotated[
    datetime,
    strictly(_instant),
    WithJsonSchema({"type": "string", "format": "date-time", "examples": ["2026-11-25T09:00:00-05:00"]}),
]


@cache
def _zones() -> frozenset[str]:
    """Places, and UTC: no abbreviation, no fixed offset, no POSIX name."""
    apart = ("Etc/", "posix/", "right/", "SystemV/")
    return frozenset(z for z in available_timezones() if "/" in z and not z.startswith(apart)) | {"UTC"}


def _time_zone(value: Any) -> ZoneInfo:
    if not isinstance(value, str) or value not in _zones():
        near = difflib.get_close_matches(value, _zones(), n=1) if isinstance(value, str) and len(value) < 64 else []
        raise refused(
            "time-zone",
            f"{echo(value)} is not a time zone: write a place of the tz database, such as America/New_York.",
            did_you_mean=near[0] if near else None,
        )
    return ZoneInfo(value)


TimeZone = Annotated[
    ZoneInfo, strictly(_time_zone), WithJsonSchema({"type": "string", "examples": ["America/New_York"]})
]


def _listed(value: Any, what: str) -> list[Any]:
    if not isinstance(value, list | tuple) or len(value) > _LONGEST_LIST:
        raise refused("wrong-type", f"Write a list of {what}, at most {_LONGEST_LIST}.")
    return list(value)


def _named_weekdays(value: Any) -> tuple[str, ...]:
    named = []
    for day in _listed(value, "weekdays, such as saturday and sunday"):
        match = [w for w in WEEKDAYS if isinstance(day, str) and day.lower() in (w, w[:3])]
        if not match:
            raise refused("weekday", f"{echo(day)} is not a weekday: write {', '.join(WEEKDAYS)}.", allowed=WEEKDAYS)
        named.append(match[0])
    return tuple(named)


def _weekdays(value: Any) -> tuple[str, ...]:
    """One weekday or more, each once."""
    named = _named_weekdays(value)
    if not named:
        raise refused("no-weekday", "Write the weekdays that these steps are for, such as monday.")
    if len(set(named)) < len(named):
        raise refused("duplicate", "A weekday is listed twice: write each once.")
    return named


def _closed_weekdays(value: Any) -> tuple[str, ...]:
    closed = _named_weekdays(value)
    if len(set(closed)) == len(WEEKDAYS):
        raise refused("never-open", "A clinic that is closed on all seven weekdays has no day for a refill.")
    return closed


def _closed_dates(value: Any) -> tuple[date, ...]:
    return tuple(_calendar(day) for day in _listed(value, "dates"))


ClosedWeekdays = Annotated[
    tuple[str, ...],
    strictly(_closed_weekdays),
    WithJsonSchema({"type": "array", "items": {"type": "string", "enum": list(WEEKDAYS)}}),
]
Weekdays = Annotated[
    tuple[str, ...],
    strictly(_weekdays),
    WithJsonSchema(
        {
            "type": "array",
            "items": {"type": "string", "enum": list(WEEKDAYS)},
            "minItems": 1,
            "maxItems": 7,
            "uniqueItems": True,
            "examples": [list(WEEKDAYS[:5])],
        }
    ),
]
ClosedDates = Annotated[
    tuple[date, ...], strictly(_closed_dates), WithJsonSchema({"type": "array", "items": _DATE_SCHEMA})
]
YesNo = StrictBool


def _acknowledged(value: Any) -> tuple[str, ...]:
    codes = _listed(value, f"the statements that were read: {', '.join(ACKNOWLEDGED)}")
    if strange := [code for code in codes if code not in ACKNOWLEDGED]:
        raise refused(
            "not-one-of",
            f"{echo(strange[0])} is not a statement to acknowledge; they are {', '.join(ACKNOWLEDGED)}.",
            allowed=ACKNOWLEDGED,
        )
    return tuple(codes)


Acknowledged = Annotated[
    tuple[str, ...],
    strictly(_acknowledged),
    WithJsonSchema({"type": "array", "items": {"type": "string", "enum": list(ACKNOWLEDGED)}}),
]
"""The statements that whoever asks has read and acknowledged."""

_Line = TypeVar("_Line")
Listed = Annotated[list[_Line], Field(min_length=1, max_length=50)]
"""A list of one to fifty lines: a regimen, the components of a solution."""
