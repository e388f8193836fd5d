"""The scheduler's list: every pump with an open refill, as a table that a spreadsheet opens and obeys nothing in."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from typing import Any
from zoneinfo import ZoneInfo

import sqlalchemy as sa
from fastapi.responses import Response

from api.inert import csv_table

__all__ = ["COLUMNS", "CONTENT", "CsvResponse", "table"]

COLUMNS = ("reference", "model", "refill_by", "binding", "days_left", "reminders_sent")
CONTENT: dict[str, Any] = {
    "content": {"text/csv": {"schema": {"type": "string"}}},
    "headers": {
        "Content-Disposition": {"description": "attachment, with a file name", "schema": {"type": "string"}},
    },
}
"""What OpenAPI says of the answer."""


class CsvResponse(Response):
    """A table that is saved, not shown."""

    media_type = "text/csv"

    def init_headers(self, headers: Any = None) -> None:
        super().init_headers({**(headers or {}), "Content-Disposition": 'attachment; filename="due.csv"'})


def table(rows: Iterable[sa.RowMapping], zone: str, now: dt.datetime) -> str:
    """The list as CSV. Days are counted from the clinic's day at ``now``; no cell holds a negative number."""
    today = now.astimezone(ZoneInfo(zone)).date()
    lines = [
        (
            row["reference"],
            row["model"],
            row["refill_by"].isoformat(),
            row["binding"],
            _left((row["refill_by"] - today).days),
            str(row["reminders_sent"]),
        )
        for row in rows
    ]
    return csv_table([COLUMNS, *lines])


def _left(days: int) -> str:
    return str(days) if days >= 0 else f"overdue by {-days}"
