"""Which results used a figure of the library: the question after every recall."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pumpcalc.errors import refused
from pumpcalc.worksheet.record import Calculation

__all__ = ["uses"]


def uses(record: Calculation | Mapping[str, Any], fact: str) -> tuple[str, ...]:
    """Where a record used the figure or statement of this name: its givens and limits by name, its notes by code.

    Empty: it did not. The name is the library's, such as ``synchromed-ii-20.pump_tubing_volume.0``, and stands in the
    record as ``"fact"`` of each source, so a store finds the records with one search through their text.
    """
    page = record.model_dump(mode="json") if isinstance(record, Calculation) else record
    if not isinstance(page, Mapping):
        raise refused("not-a-calculation", "This is not the record of a calculation.")
    lines = (*page.get("given", ()), *page.get("limits", ()), *page.get("notes", ()))
    found = (line.get("name", line.get("code")) for line in lines if (line.get("source") or {}).get("fact") == fact)
    return tuple(dict.fromkeys(found))
