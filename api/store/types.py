"""How texts, instants, dates and lists are kept: as exact text, alike on every database.

SQLite drops the offset of a date-time and STRICT tables refuse DATETIME, so an instant is fixed-width UTC
text. Fixed width makes text order the order of time.
"""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Mapping
from typing import Any

import sqlalchemy as sa

__all__ = ["TEXT", "Day", "Instant", "Row", "TextList", "written_instant"]

Row = sa.RowMapping | Mapping[str, Any]
"""A row as it was read, or as it is about to be kept."""

TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
"""Text in the order of its code points on every database, whatever the language of the server."""

INSTANT_SHAPE = "____-__-__T__:__:__.______Z"
DAY_SHAPE = "____-__-__"


def written_instant(value: dt.datetime) -> str:
    """``2026-11-25T02:30:00.000000Z``. Raises ValueError for a date-time without an offset."""
    if value.tzinfo is None or value.utcoffset() is None:
        raise ValueError("a date-time without an offset is refused: it names no instant")
    return value.astimezone(dt.UTC).isoformat(timespec="microseconds").removesuffix("+00:00") + "Z"


class Instant(sa.TypeDecorator[dt.datetime]):
    """An aware date-time, kept as UTC text and read back as UTC."""

    impl = TEXT
    cache_ok = True

    def process_bind_param(self, value: dt.datetime | None, dialect: Any) -> str | None:
        return None if value is None else written_instant(value)

    def process_result_value(self, value: str | None, dialect: Any) -> dt.datetime | None:
        return None if value is None else dt.datetime.fromisoformat(value)


class Day(sa.TypeDecorator[dt.date]):
    """A calendar day, kept as ``YYYY-MM-DD``. A date-time is refused: its day depends on a zone."""

    impl = TEXT
    cache_ok = True

    def process_bind_param(self, value: dt.date | None, dialect: Any) -> str | None:
        if isinstance(value, dt.datetime):
            raise ValueError("a date-time is not a day: say in which zone first")
        return None if value is None else value.isoformat()

    def process_result_value(self, value: str | None, dialect: Any) -> dt.date | None:
        return None if value is None else dt.date.fromisoformat(value)


class TextList(sa.TypeDecorator[list[str]]):
    """A short list of texts, kept as JSON text, in the order in which it was written."""

    impl = TEXT
    cache_ok = True

    def process_bind_param(self, value: list[str] | None, dialect: Any) -> str | None:
        if value is None:
            return None
        if not all(isinstance(item, str) for item in value):
            raise ValueError("a list of texts holds texts only")
        return json.dumps(list(value))

    def process_result_value(self, value: str | None, dialect: Any) -> list[str] | None:
        return None if value is None else json.loads(value)
