"""Which results used a figure of the library: the question after every recall."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from pumpcalc.errors import refused
from pumpcalc.worksheet.record import Calculation

__all__ = ["facts_of", "uses"]


def uses(record: Calculation | Mapping[str, Any], fact: str) -> tuple[str, ...]:
    """Where a record used the figure or statement of this name: its givens and limits by name, its notes by code.

    Empty: it did not. The name is the library's, such as ``synchromed-ii-20.pump_tubing_volume.0``, and stands in the
    record as ``"fact"`` of each source, so a store finds the records with one search through their text.
    """
    found = (line.get("name", line.get("code")) for line, used in _cited(record) if used == fact)
    return tuple(dict.fromkeys(found))


def facts_of(record: Calculation | Mapping[str, Any]) -> tuple[str, ...]:
    """Every figure and statement of the library that a record used, by name, in alphabetical order."""
    return tuple(sorted({used for _, used in _cited(record)}))


def _cited(record: Calculation | Mapping[str, Any]) -> Iterator[tuple[Mapping[str, Any], str]]:
    """Each line of a record that has a source in the library, with what it used."""
    page = record.model_dump(mode="json") if isinstance(record, Calculation) else record
    if not isinstance(page, Mapping):
        raise refused("not-a-calculation", "This is not the record of a calculation.")
    for line in (*page.get("given", ()), *page.get("limits", ()), *page.get("notes", ())):
        if used := (line.get("source") or {}).get("fact"):
            yield line, used
