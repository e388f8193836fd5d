"""A clinic's own file of figures: what it confirms, tightens or, with two people, loosens.

    clinic = "North Clinic"
    version = 3
    effective_from = 2026-12-01              # before this day the library answers unchanged

    [[changes]]
    figure = "morphine.maximum_concentration"
    action = "confirm"
    value = "20 mg/mL"                       # stated again, by hand
    role = "soft"                            # hard, soft or information; where the figure has one, it may be left out
    source = "pacc-2012-2017"                # of sources.toml, or of [sources.KEY] in this file
    where = "table 3, printed copy held in the pharmacy"
    by = "A. Pharmacist"
    on = 2026-11-20                          # not after effective_from

confirm   a quoted figure, with the value that is quoted: it is on. An unknown one, with the value that was read. A
          known one, with the value that the library has; a soft limit may become hard. A pump, by its name, with
          page = its fingerprint, which "library show" prints, in place of a value and a role.
tighten   a limit becomes stricter: was = what it is in the library, value = what it becomes. The source is a document
          of the clinic's own, in [sources.KEY] with title, kind, edition and read_at: the library's does not say it.
loosen    the other way: the same, and second = another person, and reason = why.

Each version is a whole file, which replaces the one before from its day on. A moved limit keeps its role. The status
of a changed figure is verified: a named person at the site read it in the document named; where says who, when and
what it was before, in every record. A file that says what a figure was stops loading when the library changes under
it, so that people look again.
"""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import date
from itertools import pairwise
from pathlib import Path

from pumpcalc.errors import LibraryDefect, echo
from pumpcalc.library.facts import Fact, Source
from pumpcalc.library.load import Table, read_source, read_toml, shipped_folder
from pumpcalc.library.shelf import Library, load, read_library
from pumpcalc.library.signed import Signature, changed_figure, confirmed_pump, line_of_text, read_signature
from pumpcalc.library.walk import figures

__all__ = ["Overlay", "in_force", "read_overlay"]

_KEY = re.compile(r"[a-z0-9]+(?:-[a-z0-9]+)*")


@dataclass(frozen=True)
class Overlay:
    """One version of a clinic's file, and the library with its changes."""

    clinic: str
    version: int
    effective_from: date
    library: Library

    def __str__(self) -> str:
        return f"{self.clinic}, overlay {self.version}"


def in_force(overlays: Iterable[Overlay], day: date) -> Overlay | None:
    """Of the versions of one clinic's file, the one that holds on a day; None before the first.

    Raises LibraryDefect for files of two clinics, one version twice, and a later version that holds from earlier.
    """
    listed = sorted(overlays, key=lambda each: each.version)
    for earlier, later in pairwise(listed):
        if earlier.clinic != later.clinic:
            raise LibraryDefect(f"clinic: {earlier} and {later} are of two clinics")
        if earlier.version == later.version:
            raise LibraryDefect(f"version: two files say that they are {later}")
        if later.effective_from < earlier.effective_from:
            raise LibraryDefect(f"effective_from: {later} would hold from a day before {earlier}")
    holding = [each for each in listed if each.effective_from <= day]
    return holding[-1] if holding else None


def read_overlay(path: Path, folder: Path | None = None) -> Overlay:
    """A clinic's file, read strictly against the library of a folder, or the one that came with the software.

    The library with the changes is read again by its own readers: whatever its files must keep to, a clinic's figures
    must keep to as well. Raises LibraryDefect, naming the file, the position of the change and the field.
    """
    plain = load(folder)
    content, written = read_toml(path, path.name)
    table = Table(path.name, written, {})
    clinic, version = line_of_text(table, "clinic"), table.count("version")
    effective_from = table.calendar_day("effective_from")
    revision = f"{plain.version}+{_slug(table, clinic)}.{version}"
    own = _own_sources(table, plain)
    entries = table.tables("changes")
    table.done()
    if not entries:
        raise table.defect("changes", "are missing: this file changes nothing")
    sources = {**plain.sources, **own}
    changes = _Changes(plain)
    for entry in entries:
        figure = entry.text("figure")
        changes.add(figure, entry, read_signature(entry, f"{clinic}, overlay {version}", effective_from, sources, own))
        entry.done()
    if idle := sorted(set(own) - changes.cited):
        raise table.defect("sources", f"{idle[0]}: no change is read from it")
    made = replace(
        changes.made(folder or shipped_folder()),
        version=revision,
        sha256=hashlib.sha256(f"{plain.sha256}\0".encode() + content).hexdigest(),
        sources=sources,
    )
    return Overlay(clinic, version, effective_from, made)


def _slug(table: Table, clinic: str) -> str:
    """The clinic's name as it stands in a version: north-clinic."""
    letters = unicodedata.normalize("NFKD", clinic).encode("ascii", "ignore").decode().lower()
    slug = "-".join(re.findall(r"[a-z0-9]+", letters))
    if not slug:
        raise table.defect("clinic", "has no letter of a to z, and becomes a part of the library's version")
    return slug


def _own_sources(table: Table, plain: Library) -> dict[str, Source]:
    """The documents of the clinic."""
    listed = table.table("sources", optional=True)
    own: dict[str, Source] = {}
    for key, entry in listed.each():
        if _KEY.fullmatch(key) is None:
            raise listed.defect(echo(key), "is not a key of a document: lower case, digits and hyphens")
        if key in plain.sources:
            raise listed.defect(key, "is in sources.toml already: give a document of the clinic's own its own key")
        own[key] = read_source(key, entry)
    return own


class _Changes:
    """The changes of one file, each to a figure or a pump of its own."""

    def __init__(self, plain: Library) -> None:
        self.plain = plain
        self.shelf = figures(plain)
        self.entries: dict[str, Table] = {}
        self.instead: dict[str, Fact] = {}
        self.verified_by: dict[str, str] = {}
        self.cited: set[str] = set()

    def add(self, figure: str, entry: Table, signed: Signature) -> None:
        """One more. Raises LibraryDefect for a figure that is not there, or that was changed already."""
        if figure in self.entries:
            raise entry.defect("figure", f"{echo(figure)} has a change in this file already")
        if figure in self.plain.pumps:
            self.verified_by[figure] = confirmed_pump(entry, self.plain.pumps[figure], signed)
        elif figure in self.shelf:
            self.instead[figure] = changed_figure(entry, self.shelf[figure], signed)
        else:
            raise entry.defect("figure", f"{echo(figure)} is neither a figure nor a pump of the library")
        self.entries[figure] = entry
        self.cited.add(signed.source)

    def made(self, folder: Path) -> Library:
        """The library with these changes, read again from its files."""
        try:
            made = read_library(folder, self.instead)
        except LibraryDefect as fault:
            raise self._at_its_entry(fault, folder) from None
        if made.sha256 != self.plain.sha256:
            raise LibraryDefect("library.toml: the files of the library have changed since it was loaded: start again")
        # A reader that was not handed the changes would lose one without a word.
        found = figures(made)
        if lost := [name for name, fact in self.instead.items() if found[name] != fact]:
            raise self.entries[lost[0]].defect("figure", f"the readers of the library do not take {lost[0]}")
        pumps = {
            name: replace(pump, verified_by=self.verified_by[name]) if name in self.verified_by else pump
            for name, pump in made.pumps.items()
        }
        return replace(made, pumps=pumps)

    def _at_its_entry(self, fault: LibraryDefect, folder: Path) -> LibraryDefect:
        """A defect of the library with these changes, at the change that makes it: alone, or as the last it names."""
        words = set(re.split(r"[\s,:]+", str(fault)))
        named = [name for name in self.instead if name in words]
        alone = [name for name in self.instead if self._fault_of(name, folder) == str(fault)]
        entry = self.entries[(alone or named or list(self.instead))[-1]]
        return entry.defect("figure", f"with this change the library does not load: {fault}")

    def _fault_of(self, figure: str, folder: Path) -> str:
        try:
            read_library(folder, {figure: self.instead[figure]})
        except LibraryDefect as fault:
            return str(fault)
        return ""
