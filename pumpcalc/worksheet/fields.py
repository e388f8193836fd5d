"""The fields of a request: each reads its own written form, strictly, and says what to write instead.

Every door uses these: the Python function, the command line, HTTP. Nothing is coerced.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable
from datetime import date, datetime, timedelta
from fractions import Fraction
from functools import cache
from typing import Annotated, Any, TypeVar, get_args
from zoneinfo import ZoneInfo, available_timezones

from pydantic import BaseModel, ConfigDict, Field, PlainValidator, StrictBool, ValidationError, WithJsonSchema
from pydantic_core import PydanticCustomError

from pumpcalc.errors import Problem, Refusal, echo, refused
from pumpcalc.quantities import (
    CONCENTRATION,
    DAILY_DOSE,
    DURATION,
    FLOW_RATE,
    FRACTION,
    NUMBER,
    PATCH_RATE,
    PER_WEEK,
    RATIO,
    VOLUME,
    Kind,
    Quantity,
    read,
    read_number,
)
from pumpcalc.strict_json import JsonNumber
from pumpcalc.worksheet.sheet import WEEKDAYS

__all__ = [
    "Calendar",
    "ClosedDates",
    "ClosedWeekdays",
    "ConcentrationField",
    "DailyDoseField",
    "Days",
    "FlowRateField",
    "Identifier",
    "Instant",
    "Listed",
    "PatchRateField",
    "PerWeek",
    "Percent",
    "Ratio",
    "Request",
    "TimeZone",
    "VolumeField",
    "VolumeOrZeroField",
    "YesNo",
    "refusal_of",
    "strictly",
    "written_request",
]

_PLAIN = (FRACTION, RATIO, PER_WEEK)
"""Kinds that a request writes as a plain number, its meaning being the field's."""
_FIRST_YEAR, _LAST_YEAR = 1990, 2199
_LONGEST_LIST = 400
_MOST_PROBLEMS = 20


class Request(BaseModel):
    """Base of every request: unknown fields are refused, records are frozen."""

    model_config = ConfigDict(extra="forbid", frozen=True, arbitrary_types_allowed=True)


def strictly(reader: Callable[[Any], Any]) -> PlainValidator:
    """A reader that raises our Refusal, as a validator of pydantic: for fields of one's own."""

    def validate(value: Any) -> Any:
        try:
            return reader(value)
        except Refusal as refusal:
            problem = refusal.problems[0]
            raise PydanticCustomError("pumpcalc", "{detail}", {"detail": problem.detail, "problem": problem}) from None

    return PlainValidator(validate)


def _positive(kind: Kind) -> Callable[[Any], Quantity]:
    def reader(value: Any) -> Quantity:
        quantity = read(value, kind)
        if quantity.amount == 0:
            raise refused(
                "zero", f"{kind.article.capitalize()} {kind.name} of zero is not a question: write one above 0."
            )
        return quantity

    return reader


def _quantity_schema(kind: Kind) -> WithJsonSchema:
    units = "|".join(re.escape(unit) for unit in kind.spellings)
    return WithJsonSchema(
        {
            "type": "string",
            "description": f"{kind.article.capitalize()} {kind.name}: number, one space, "
            f"{' or '.join(kind.spellings)}.",
            "pattern": f"^{NUMBER} (?:{units})$",
            "examples": [kind.example],
        }
    )


DailyDoseField = Annotated[Quantity, strictly(_positive(DAILY_DOSE)), _quantity_schema(DAILY_DOSE)]
ConcentrationField = Annotated[Quantity, strictly(_positive(CONCENTRATION)), _quantity_schema(CONCENTRATION)]
FlowRateField = Annotated[Quantity, strictly(_positive(FLOW_RATE)), _quantity_schema(FLOW_RATE)]
VolumeField = Annotated[Quantity, strictly(_positive(VOLUME)), _quantity_schema(VOLUME)]
VolumeOrZeroField = Annotated[Quantity, strictly(lambda value: read(value, VOLUME)), _quantity_schema(VOLUME)]
PatchRateField = Annotated[Quantity, strictly(_positive(PATCH_RATE)), _quantity_schema(PATCH_RATE)]


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


_NUMBER_SCHEMA = {"type": "string", "pattern": f"^{NUMBER}$"}
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
            "type": "string",
            "description": "Days: a number, or a duration with its unit.",
            "pattern": f"^{NUMBER}(?: (?:day|h|min))?$",
            "examples": ["90 day"],
        }
    ),
]


def _identifier(value: Any) -> str:
    if not isinstance(value, str) or re.fullmatch(r"[a-zA-Z0-9][a-zA-Z0-9-]{0,39}", value, re.ASCII) is None:
        raise refused(
            "identifier-format", f"{echo(value)} is not an identifier: write lower-case letters, digits and hyphens."
        )
    return value


Identifier = Annotated[
    str,
    strictly(_identifier),
    WithJsonSchema({"type": "string", "pattern": "^[a-zA-Z0-9][a-zA-Z0-9-]{0,39}$", "examples": ["morphine"]}),
]


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
    r"(?P<day>[0-9]{4}-[0-9]{2}-[0-9]{2})T(?P<time>[0-9]{2}:[0-9]{2}:[0-9]{2})(?:\.[0-9]{1,6})?"
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


def _closed_weekdays(value: Any) -> tuple[str, ...]:
    closed = []
    for day in _listed(value, "weekdays, such as saturday and sunday"):
        match = [w for w in WEEKDAYS if isinstance(day, str) and day.lower() in (w, w[:3])]
        if not match:
            raise refused("weekday", f"{echo(day)} is not a weekday: write {', '.join(WEEKDAYS)}.", allowed=WEEKDAYS)
        closed.append(match[0])
    if len(set(closed)) == len(WEEKDAYS):
        raise refused("never-open", "A clinic that is closed on all seven weekdays has no day for a refill.")
    return tuple(closed)


def _closed_dates(value: Any) -> tuple[date, ...]:
    return tuple(_calendar(day) for day in _listed(value, "dates"))


ClosedWeekdays = Annotated[
    tuple[str, ...],
    strictly(_closed_weekdays),
    WithJsonSchema({"type": "array", "items": {"type": "string", "enum": list(WEEKDAYS)}}),
]
ClosedDates = Annotated[
    tuple[date, ...], strictly(_closed_dates), WithJsonSchema({"type": "array", "items": _DATE_SCHEMA})
]
YesNo = StrictBool

_Line = TypeVar("_Line")
Listed = Annotated[list[_Line], Field(min_length=1, max_length=50)]
"""A list of one to fifty lines: a regimen, the components of a solution."""


# From pydantic's errors to ours


def _pointer(location: tuple[int | str, ...]) -> str:
    return "".join("/" + str(part).replace("~", "~0").replace("/", "~1") for part in location)


def _model_at(model: type[BaseModel], location: tuple[int | str, ...]) -> type[BaseModel] | None:
    """The request model in which a field lies, for its example and its neighbours."""
    here: Any = model
    for part in location:
        if isinstance(part, int):
            continue
        field = here.model_fields.get(part)
        inner = (
            [a for a in _arguments(field.annotation) if isinstance(a, type) and issubclass(a, BaseModel)]
            if field
            else []
        )
        here = inner[0] if inner else None
        if here is None:
            return None
    return here if isinstance(here, type) else None


def _arguments(annotation: Any) -> list[Any]:
    found, left = [], [annotation]
    while left:
        found.append(left.pop())
        left.extend(get_args(found[-1]))
    return found


def _example(model: type[BaseModel] | None, name: str) -> str:
    """How a field may be written, from its schema."""
    if model is None:
        return ""
    field = model.model_json_schema().get("properties", {}).get(name, {})
    if "examples" in field:
        return f": write it as {echo(field['examples'][0])}"
    return f": write one of {', '.join(field['enum'])}" if "enum" in field else ""


def _problem(model: type[BaseModel], error: Any) -> Problem:
    location, kind = tuple(error["loc"]), error["type"]
    pointer = _pointer(location)
    name = str(location[-1]) if location else ""
    around = _model_at(model, location[:-1]) if location else model
    if kind == "pumpcalc":
        inner: Problem = error["ctx"]["problem"]
        return inner.at(pointer)
    if kind == "missing":
        return Problem(code="missing", detail=f"{name} is missing{_example(around, name)}.", pointer=pointer)
    if kind == "extra_forbidden":
        fields = list(around.model_fields) if around else []
        near = difflib.get_close_matches(name, fields, n=1)
        return Problem(
            code="unknown-field",
            detail=f"{echo(name)} is not a field here; the fields are {', '.join(fields)}.",
            pointer=pointer,
            allowed=fields,
            did_you_mean=near[0] if near else None,
        )
    if kind in ("literal_error", "enum"):
        field = around.model_fields.get(name) if around else None
        allowed = [a for a in _arguments(field.annotation) if isinstance(a, str)] if field else []
        near = difflib.get_close_matches(str(error["input"]), allowed, n=1)
        return Problem(
            code="not-one-of",
            detail=f"{echo(error['input'])} is not one of {', '.join(reversed(allowed))}.",
            pointer=pointer,
            allowed=allowed[::-1],
            did_you_mean=near[0] if near else None,
        )
    wanted = {
        "bool_type": "true or false",
        "list_type": "a list",
        "tuple_type": "a list",
        "too_short": "a list that is not empty",
        "too_long": "a shorter list",
        "model_type": "an object with fields",
        "dict_type": "an object with fields",
        "model_attributes_type": "an object with fields",
    }.get(kind, "another value")
    return Problem(code="wrong-type", detail=f"{name or 'The request'} must be {wanted}.", pointer=pointer)


def refusal_of(model: type[BaseModel], fault: ValidationError) -> Refusal:
    """What pydantic found wrong with a request, in our words: at most 20 problems, each with its pointer."""
    errors = fault.errors(include_url=False, include_input=True)
    return Refusal([_problem(model, error) for error in errors[:_MOST_PROBLEMS]])


def written_request(value: Any) -> Any:
    """A request as it was understood, in normal spelling and unrounded: what the record shows back."""
    if isinstance(value, BaseModel):
        stated = [name for name in type(value).model_fields if name in value.model_fields_set]
        return {name: written_request(getattr(value, name)) for name in stated if getattr(value, name) is not None}
    if isinstance(value, list | tuple):
        return [written_request(entry) for entry in value]
    if isinstance(value, Quantity):
        number = _decimal(value.amount / value.kind.factors[value.spelling])
        return number if value.kind in _PLAIN else f"{number} {value.spelling}"
    if isinstance(value, Fraction):
        return _decimal(value)
    if isinstance(value, datetime | date):
        return value.isoformat()
    return value if isinstance(value, bool) else str(value)


def _decimal(number: Fraction) -> str:
    """A number that was read from decimal text, as decimal text again, exactly."""
    places = 0
    while (number * 10**places).denominator != 1:
        places += 1
    digits = str(int(number * 10**places)).rjust(places + 1, "0")
    return f"{digits[:-places]}.{digits[-places:]}" if places else digits
