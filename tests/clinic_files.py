"""Files of fictional clinics: the one that is kept beside the tests, and ones made of a few changes."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

from pumpcalc import LibraryDefect
from pumpcalc.library import Library, Overlay, fingerprint, load, read_overlay

NORTH = (Path(__file__).parent / "north_clinic.toml").read_text(encoding="utf-8").replace(
    "FINGERPRINT", fingerprint(load().pumps["synchromed-ii-20"])
)  # fmt: skip
"""Confirms morphine's ceiling of 20 mg/mL and a pump, tightens 20 to 12 mg/day, loosens 19.2 to 21.6 mcg/day."""
FIRST_DAY = date(2026, 12, 1)
DAY_BEFORE = date(2026, 11, 30)

_HEAD = """
clinic = "South Clinic"
version = {version}
effective_from = {effective_from}

[sources.south-policy]
title = "Policy of South Clinic (fictional)"
kind = "policy"
edition = "1"
read_at = "nowhere"
"""
_SIGNED = {"source": "south-policy", "where": "page 1", "by": "D. Pharmacist"}
_TWO_PEOPLE = {"second": "E. Physician", "reason": "fictional"}


def change(figure: str, action: str, value: object, **more: str) -> dict[str, str]:
    """One signed change, as loosening needs it where it loosens."""
    written = {"figure": figure, "action": action, "value": str(value), **_SIGNED}
    return written | (_TWO_PEOPLE if action == "loosen" else {}) | more


def text_of(*changes: dict[str, str], version: int = 1, effective_from: date = FIRST_DAY) -> str:
    """The file that makes these changes."""
    lines = [_HEAD.format(version=version, effective_from=effective_from)]
    for each in changes:
        lines += ["[[changes]]", *(f'{key} = "{value}"' for key, value in each.items()), "on = 2026-11-20", ""]
    return "\n".join(lines)


def overlay_of(folder: Path, text: str, name: str = "clinic.toml") -> Overlay:
    """A file with this text, read."""
    file = folder / name
    file.write_text(text, encoding="utf-8")
    return read_overlay(file)


def library_of(folder: Path, *changes: dict[str, str], **head: Any) -> Library:
    """The library with these changes."""
    return overlay_of(folder, text_of(*changes, **head)).library


def library_unless_crossed(folder: Path, *changes: dict[str, str]) -> Library | None:
    """The library with these changes; None where they would make bounds cross, for which nothing loads."""
    try:
        return library_of(folder, *changes)
    except LibraryDefect as defect:
        if "the bounds cross" not in str(defect):
            raise
        return None
