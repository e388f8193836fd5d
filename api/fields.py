"""Fields of the service's own requests, beside those of the core. Each says what to write instead.

What may be about a person (a name, a reference, an address) is never shown back, not even to say that it is wrong.
"""

from __future__ import annotations

import re
import unicodedata
from string import ascii_uppercase, digits
from typing import Annotated, Any

from pydantic import WithJsonSchema

from pumpcalc import library
from pumpcalc.errors import Refusal, echo, refused
from pumpcalc.worksheet.fields import read_identifier, strictly

__all__ = [
    "DayCount",
    "DayCounts",
    "DrugNames",
    "EmailAddress",
    "MinuteCount",
    "Name",
    "OpaqueId",
    "PatientId",
    "Reason",
    "Reference",
    "SomeMinutes",
    "TimeOfDay",
    "YesOrNo",
    "read_email",
]

_LONGEST_NAME = 100
_LONGEST_ADDRESS = 254
_MOST_RUNGS = 20
_MOST_MARKS = 4
_MOST_DRUGS = 50
_MOST_MINUTES = 10_080
_MOST_DAYS = 60
# Words between single points, and a domain that is not just the name of a machine. Each piece is bounded: linear.
_WORD = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]{1,64}"
_LABEL = r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_ADDRESS = rf"(?=[^@]{{1,64}}@){_WORD}(?:\.{_WORD})*@(?:{_LABEL}\.)+[A-Za-z][A-Za-z0-9-]{{0,61}}[A-Za-z0-9]"
_LETTER, _DIGIT = set(ascii_uppercase), set(digits)


def _name(value: Any) -> str:
    """A name, in the composed form (NFC), in which it is kept and found again."""
    if not isinstance(value, str) or not 0 < len(value) <= _LONGEST_NAME:
        raise refused("name", f"A name is text of 1 to {_LONGEST_NAME} characters.")
    # Categories C*, Zl, Zp: control, format (also bidirectional), surrogate, line separator.
    if any(unicodedata.category(c)[0] == "C" or unicodedata.category(c) in ("Zl", "Zp") for c in value):
        raise refused("name", "A name holds no control characters and no line breaks.")
    name = unicodedata.normalize("NFC", value)
    if len(name) > _LONGEST_NAME:  # some characters have no composed form of one piece
        raise refused("name", f"A name is text of 1 to {_LONGEST_NAME} characters.")
    if name != name.strip():
        raise refused("name", "A name begins and ends with something that can be seen, not with a space.")
    if _has_stacked_marks(name):
        raise refused("name", f"A name holds at most {_MOST_MARKS} marks on one letter.")
    return name


def _has_stacked_marks(text: str) -> bool:
    """Whether more marks stand on one letter than any language writes: they run into the lines around them."""
    row = 0
    for character in text:
        row = row + 1 if unicodedata.category(character)[0] == "M" else 0
        if row > _MOST_MARKS:
            return True
    return False


def read_email(value: Any) -> str:
    """One plain e-mail address. Raises Refusal, which does not show it back."""
    if not isinstance(value, str) or len(value) > _LONGEST_ADDRESS or re.fullmatch(_ADDRESS, value, re.ASCII) is None:
        raise refused("email", "That is not one e-mail address: write it as refills@clinic.example.")
    return value


def _time_of_day(value: Any) -> str:
    if not isinstance(value, str) or re.fullmatch(r"(?:[01][0-9]|2[0-3]):[0-5][0-9]", value, re.ASCII) is None:
        raise refused("time-of-day", f"{echo(value)} is not a time of day: write hours and minutes, such as 09:00.")
    return value


def _day_counts(value: Any) -> tuple[str, ...]:
    if not isinstance(value, list | tuple) or len(value) > _MOST_RUNGS:
        raise refused("wrong-type", f'Write a list of whole days as texts, at most {_MOST_RUNGS}, such as ["14", "3"].')
    for days in value:
        if not isinstance(days, str) or re.fullmatch(r"0|[1-9][0-9]{0,2}", days, re.ASCII) is None:
            raise refused(
                "day-count",
                f'{echo(days)} is not a count of days: write a whole number as text, such as "14".',
            )
    if len(set(value)) < len(value):
        raise refused("day-count", "The same count of days stands twice in the list.")
    return tuple(value)


def _reference(value: Any) -> str:
    right = isinstance(value, str) and re.fullmatch(r"[A-Z0-9][A-Z0-9-]{1,14}[A-Z0-9]", value, re.ASCII)
    # A birth date, a telephone number or a record number has six digits or more in a row; a name has none.
    if (
        not right
        or re.search(r"[0-9]{6}", value.replace("-", ""))
        or not (_LETTER & set(value) and _DIGIT & set(value))
    ):
        raise refused(
            "reference",
            "That is not a reference: write 3 to 16 capital letters, digits and hyphens with a letter, a digit and no "
            "six digits in a row, such as 7F3K. Reminders name it, so it may not tell who the person is.",
        )
    return str(value)


def _count(most: int, of: str, example: str, least: int = 0) -> Any:
    """A reader of one whole number as text, from ``least`` to ``most``."""

    def read(value: Any) -> str:
        right = isinstance(value, str) and re.fullmatch(r"0|[1-9][0-9]{0,4}", value, re.ASCII)
        if not right or not least <= int(value) <= most:
            span = f"from {least} to {most}" if least else f"up to {most}"
            raise refused(
                f"{of}-count",
                f'{echo(value)} is not a count of {of}s {span}: write it as text, such as "{example}".',
            )
        return str(value)

    return read


def _reason(value: Any) -> str:
    """A few words. They are never shown back: they may be about a person."""
    try:
        return _name(value)
    except Refusal:
        raise refused(
            "reason", f"A reason is text of 1 to {_LONGEST_NAME} characters in one line, without naming anybody."
        ) from None


def _yes_or_no(value: Any) -> str:
    if not isinstance(value, bool):
        raise refused("wrong-type", f"{echo(value)} is neither true nor false: write one of them, without quotes.")
    return "yes" if value else "no"


def _drug_names(value: Any) -> tuple[str, ...]:
    if not isinstance(value, list | tuple) or len(value) > _MOST_DRUGS:
        raise refused("wrong-type", f'Write a list of drugs, at most {_MOST_DRUGS}, such as ["morphine"].')
    names = tuple(read_identifier(each) for each in value)
    if len(set(names)) < len(names):
        raise refused("duplicate", "The same drug stands twice in the list.")
    for name in names:
        library.load().drug(name)
    return names


PatientId = Annotated[
    str,
    strictly(read_identifier),
    WithJsonSchema({"type": "string", "examples": ["patient-5f0c1e9a8ff4b96087a026db"]}),
]
Name = Annotated[
    str,
    strictly(_name),
    WithJsonSchema(
        {"type": "string", "minLength": 1, "maxLength": _LONGEST_NAME, "examples": ["Fictional Pain Clinic"]}
    ),
]
EmailAddress = Annotated[
    str,
    strictly(read_email),
    WithJsonSchema({"type": "string", "format": "email", "maxLength": 254, "examples": ["refills@clinic.example"]}),
]
TimeOfDay = Annotated[
    str,
    strictly(_time_of_day),
    WithJsonSchema({"type": "string", "pattern": "^(?:[01][0-9]|2[0-3]):[0-5][0-9]$", "examples": ["09:00"]}),
]
DayCounts = Annotated[
    tuple[str, ...],
    strictly(_day_counts),
    WithJsonSchema(
        {
            "type": "array",
            "items": {"type": "string", "pattern": "^(?:0|[1-9][0-9]{0,2})$"},
            "maxItems": _MOST_RUNGS,
            "description": "Whole days before the last safe day, each with a reminder. "
            "The last safe day itself always has one.",
            "examples": [["14", "3"]],
        }
    ),
]
Reference = Annotated[
    str,
    strictly(_reference),
    WithJsonSchema({"type": "string", "pattern": "^[A-Z0-9][A-Z0-9-]{1,14}[A-Z0-9]$", "examples": ["7F3K"]}),
]
OpaqueId = Annotated[
    str,
    strictly(read_identifier),
    WithJsonSchema({"type": "string", "examples": ["person-5f0c1e9a8ff4b96087a026db"]}),
]
MinuteCount = Annotated[
    str,
    strictly(_count(_MOST_MINUTES, "minute", "60")),
    WithJsonSchema({"type": "string", "pattern": "^(?:0|[1-9][0-9]{0,4})$", "examples": ["60"]}),
]
SomeMinutes = Annotated[
    str,
    strictly(_count(_MOST_MINUTES, "minute", "60", least=1)),
    WithJsonSchema({"type": "string", "pattern": "^[1-9][0-9]{0,4}$", "examples": ["60"]}),
]
DayCount = Annotated[
    str,
    strictly(_count(_MOST_DAYS, "day", "3")),
    WithJsonSchema({"type": "string", "pattern": "^(?:0|[1-9][0-9]?)$", "examples": ["3"]}),
]
Reason = Annotated[
    str,
    strictly(_reason),
    WithJsonSchema({"type": "string", "minLength": 1, "maxLength": _LONGEST_NAME, "examples": ["moved to hospice"]}),
]
YesOrNo = Annotated[str, strictly(_yes_or_no), WithJsonSchema({"type": "boolean"})]
DrugNames = Annotated[
    tuple[str, ...],
    strictly(_drug_names),
    WithJsonSchema({"type": "array", "items": {"type": "string"}, "maxItems": _MOST_DRUGS, "examples": [["morphine"]]}),
]
