"""JSON bytes to values, so that nothing is silently reinterpreted: the one reader of every door.

Refused: more than 64 KiB, anything but UTF-8 without a byte order mark, the same key twice, NaN and Infinity,
a field's name that holds half a character (a lone surrogate), nesting deeper than 32, more than 2,000 members.
A JSON number stays a ``JsonNumber``: its text, never a float. A quantity is text with a unit, so where one is
wanted the core refuses a number and says what to write.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any, NoReturn

__all__ = ["DEEPEST", "LONGEST", "MOST_MEMBERS", "JsonNumber", "NotJson", "TooLarge", "read"]

LONGEST = 64 * 1024
DEEPEST = 32
MOST_MEMBERS = 2_000

# Whole strings are skipped: a bracket inside one does not count. Each alternative begins differently: linear.
_STRUCTURE = re.compile(r'"(?:[^"\\]|\\.)*"|[\[\]{},]', re.DOTALL)
_SURROGATE = re.compile("[\ud800-\udfff]")


class NotJson(Exception):
    """The bytes are not JSON as pumpcalc reads it. The message says what is wrong with them."""


class TooLarge(Exception):
    """The request is larger than any request needs to be."""


@dataclass(frozen=True)
class JsonNumber:
    """A number as it was written, such as ``0.10``. It has no unit, and it never becomes a float."""

    text: str

    def __str__(self) -> str:
        return self.text


def read(body: bytes, longest: int = LONGEST) -> Any:
    """The value that the bytes write down. Raises NotJson or TooLarge.

    Where more than 64 KiB are allowed, such as for a batch or a saved record, so are more members, in proportion.
    """
    if len(body) > longest:
        raise TooLarge
    try:
        text = body.decode("utf-8")
    except UnicodeDecodeError:
        raise NotJson("This is not UTF-8 text.") from None
    if text.startswith("\ufeff"):
        raise NotJson("This begins with a byte order mark: send UTF-8 without one.")
    _measure(text, MOST_MEMBERS * max(1, longest // LONGEST))
    try:
        value = json.loads(
            text,
            object_pairs_hook=_object,
            parse_float=JsonNumber,
            parse_int=JsonNumber,
            parse_constant=_constant,
        )
    except json.JSONDecodeError as error:
        raise NotJson(f"This is not JSON: see line {error.lineno}, column {error.colno}.") from None
    if "\\u" in text:
        _whole_keys(value)
    return value


def _measure(text: str, most_members: int) -> None:
    """Refuse depth and breadth before anything is built."""
    depth = members = 0
    for token in _STRUCTURE.finditer(text):
        mark = token[0]
        if mark in "[{":
            depth += 1
            members += 1
        elif mark in "]}":
            depth -= 1
        elif mark == ",":
            members += 1
        if depth > DEEPEST:
            raise NotJson(f"This JSON is nested deeper than {DEEPEST} levels.")
        if members > most_members:
            raise NotJson(f"This JSON has more than {most_members} members.")


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) != len(pairs):
        raise NotJson("This JSON has the same key twice in one object: which one is meant cannot be known.")
    return made


def _constant(_text: str) -> NoReturn:
    raise NotJson("This holds NaN or Infinity, which are not JSON.")


def _whole_keys(value: Any) -> None:
    """The name of a field is whole characters. A value with half of one is its field's to refuse, at its place."""
    if isinstance(value, dict):
        for key, item in value.items():
            if _SURROGATE.search(key):
                raise NotJson("The name of a field holds half of a character (a lone surrogate).")
            _whole_keys(item)
    elif isinstance(value, list):
        for item in value:
            _whole_keys(item)
