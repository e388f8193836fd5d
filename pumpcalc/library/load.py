"""Read the drug library from its files. A library with a defect does not load, and says where."""

from __future__ import annotations

import hashlib
import tomllib
from collections.abc import Iterator, Mapping
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any

from pumpcalc.errors import LibraryDefect, Refusal, echo
from pumpcalc.library.facts import ROLES, SOURCE_KINDS, STATUSES, Fact, Source, Statement
from pumpcalc.quantities import Kind, read

__all__ = [
    "Table",
    "digest",
    "files",
    "read_source",
    "read_sources",
    "read_table",
    "read_toml",
    "read_version",
    "shipped_folder",
]

_FOLDERS = ("catheters", "compounding", "conversions", "drugs", "external_pumps", "mixtures", "pumps", "refill")
_FILES = ("library.toml", "policy.toml", "sources.toml", "statements.toml")
_KNOWN_KEYS = {"value", "source", "where", "status", "role", "note"}
_UNVERIFIED_KEYS = {"quoted", "source", "where", "status", "note"}
_UNKNOWN_KEYS = {"status", "looked_in", "note"}
_STATEMENT_KEYS = _KNOWN_KEYS - {"role"}


@cache
def shipped_folder() -> Path:
    """The drug library that came with this software: the folder beside the package."""
    return Path(__file__).resolve().parents[2] / "drug_library"


def files(folder: Path) -> list[Path]:
    """Every data file, in a fixed order."""
    found = sorted(folder.rglob("*.toml"), key=lambda path: path.relative_to(folder).as_posix())
    if not found:
        raise LibraryDefect(f"{folder.name}: no drug library there")
    for path in found:
        place = path.relative_to(folder)
        if place.parent.as_posix() not in _FOLDERS and place.as_posix() not in _FILES:
            raise LibraryDefect(f"{place.as_posix()}: is in no folder that is read: {', '.join(_FOLDERS)}")
    return found


def digest(folder: Path) -> str:
    """SHA-256 over the names and contents of all data files. It travels in every result."""
    total = hashlib.sha256()
    for path in files(folder):
        content = path.read_bytes()
        total.update(f"{path.relative_to(folder).as_posix()}\0{len(content)}\0".encode())
        total.update(content)
    return total.hexdigest()


class Table:
    """One table of a library file: every key is asked for once, and what nobody asked for is a defect."""

    def __init__(
        self,
        place: str,
        entries: Mapping[str, Any],
        sources: Mapping[str, Source],
        name: str = "",
        instead: Mapping[str, Fact] | None = None,
    ) -> None:
        self.place = place
        self.name = name
        self._left = dict(entries)
        self._sources = sources
        self._instead = instead or {}
        self.cited: set[str] = set()

    def defect(self, key: str, why: str) -> LibraryDefect:
        """A defect of this table, ready to raise."""
        return LibraryDefect(f"{self.place}: {key}: {why}")

    def _take(self, key: str, *, optional: bool = False) -> Any:
        if key not in self._left:
            if optional:
                return None
            # Only what cites its source can be unknown; the head of a file, or a document, cannot.
            hint = " (write it as unknown if nobody has read it)" if self._sources else ""
            raise self.defect(key, f"is missing{hint}")
        return self._left.pop(key)

    def text(self, key: str, *, one_of: tuple[str, ...] = (), empty: bool = False) -> str:
        """A plain text."""
        value = self._take(key)
        if not isinstance(value, str) or (not value and not empty):
            raise self.defect(key, "is a text")
        if one_of and value not in one_of:
            raise self.defect(key, f"{echo(value)} is not one of {', '.join(one_of)}")
        return value

    def words(self, key: str) -> tuple[str, ...]:
        """A list of plain texts."""
        value = self._take(key)
        if not isinstance(value, list) or not all(isinstance(text, str) and text for text in value):
            raise self.defect(key, "is a list of texts")
        return tuple(value)

    def flag(self, key: str) -> bool:
        """true or false."""
        value = self._take(key)
        if not isinstance(value, bool):
            raise self.defect(key, "is true or false")
        return value

    def year(self, key: str) -> int | None:
        """A year, or None where it is left out."""
        value = self._take(key, optional=True)
        if value is not None and (type(value) is not int or not 1900 <= value <= 2199):
            raise self.defect(key, "is a year")
        return value

    def count(self, key: str) -> int:
        """A whole number, 1 or more."""
        value = self._take(key)
        if type(value) is not int or value < 1:
            raise self.defect(key, "is a whole number, 1 or more")
        return value

    def calendar_day(self, key: str) -> date:
        """A date as TOML writes it: 2026-12-01, without quotes."""
        value = self._take(key)
        if type(value) is not date:
            raise self.defect(key, "is a date, written YYYY-MM-DD without quotes")
        return value

    def table(self, key: str, *, optional: bool = False) -> Table:
        """A table inside this one."""
        value = self._take(key, optional=optional)
        if value is None:
            value = {}
        if not isinstance(value, dict):
            raise self.defect(key, "is a table")
        return self._inner(key, value)

    def tables(self, key: str) -> list[Table]:
        """A list of tables; empty where the key is left out."""
        value = self._take(key, optional=True) or []
        if not isinstance(value, list) or not all(isinstance(entry, dict) for entry in value):
            raise self.defect(key, "is a list of tables")
        return [self._inner(f"{key}.{position}", entry) for position, entry in enumerate(value)]

    def each(self, one_of: tuple[str, ...] = ()) -> Iterator[tuple[str, Table]]:
        """Every table of this one, with its key; the keys from a closed list where there is one."""
        for key in list(self._left):
            if one_of and key not in one_of:
                raise self.defect(key, f"is not one of {', '.join(one_of)}")
            yield key, self.table(key)

    def _inner(self, key: str, entries: Mapping[str, Any]) -> Table:
        inner = Table(f"{self.place}: {key}", entries, self._sources, f"{self.name}.{key}", self._instead)
        inner.cited = self.cited
        return inner

    def __contains__(self, key: object) -> bool:
        return key in self._left

    def __iter__(self) -> Iterator[str]:
        """The keys not asked for yet."""
        return iter(list(self._left))

    def done(self) -> None:
        """Raises LibraryDefect when a key is left that nobody asked for: a misspelt figure must not be lost."""
        if self._left:
            raise self.defect(next(iter(self._left)), "is not a key of this table")

    def _provenance(self, key: str, entry: Mapping[str, Any]) -> None:
        for needed in ("source", "where"):
            if not isinstance(entry.get(needed), str) or not entry[needed]:
                raise self.defect(key, f"has no {needed}: a figure without its source does not load")
        if entry["source"] not in self._sources:
            raise self.defect(key, f"source {echo(entry['source'])} is not in sources.toml")
        self.cited.add(entry["source"])

    def _shape(self, key: str, entry: Mapping[str, Any], keys: set[str]) -> None:
        if strange := sorted(set(entry) - keys):
            raise self.defect(key, f"has {', '.join(strange)}, which such a fact does not have")
        for name, value in entry.items():
            if name != "value" and not isinstance(value, str):
                raise self.defect(key, f"{name} is a text")

    def figure(self, key: str, kind: Kind) -> Fact:
        """A fact with a quantity of this kind; or an unverified one, as quoted; or an unknown one."""
        entry = self._take(key)
        if not isinstance(entry, dict):
            raise self.defect(key, "is a figure: value, source, where, status and role")
        return self._figure(key, entry, kind)

    def bound(self, key: str, kind: Kind) -> Fact:
        """A figure that acts as a limit: where it is known, its role is hard or soft."""
        return self._is_bound(key, self.figure(key, kind))

    def _is_bound(self, key: str, fact: Fact) -> Fact:
        if fact.is_known and fact.role == "information":
            raise self.defect(key, "acts as a limit: its role is hard or soft")
        return fact

    def own_figure(self, kind: Kind, *, bound: bool = False) -> Fact:
        """This whole table, read as a figure."""
        entry, self._left = self._left, {}
        fact = self._figure("figure", entry, kind)
        return self._is_bound("figure", fact) if bound else fact

    def _figure(self, key: str, entry: Mapping[str, Any], kind: Kind) -> Fact:
        """The figure as it is written; where a clinic's overlay has one of this name, that one."""
        fact = self._written(key, entry, kind)
        return self._instead.get(fact.name, fact)

    def _written(self, key: str, entry: Mapping[str, Any], kind: Kind) -> Fact:
        name = self.name if key == "figure" else f"{self.name}.{key}"
        status = entry.get("status")
        if status not in STATUSES:
            raise self.defect(key, f"status {echo(status)} is not one of {', '.join(STATUSES)}")
        if status == "unknown":
            self._shape(key, entry, _UNKNOWN_KEYS)
            if not entry.get("looked_in"):
                raise self.defect(key, "is unknown: say in looked_in where people looked")
            return Fact(name, None, status, where=entry["looked_in"], note=entry.get("note", ""), kind=kind)
        self._provenance(key, entry)
        if status == "unverified":
            self._shape(key, entry, _UNVERIFIED_KEYS)
            if not entry.get("quoted"):
                raise self.defect(key, "is unverified: write it in quoted, never in value")
            return Fact(
                name,
                None,
                status,
                source=entry["source"],
                where=entry["where"],
                note=entry.get("note", ""),
                quoted=entry["quoted"],
                kind=kind,
            )
        self._shape(key, entry, _KNOWN_KEYS)
        try:
            quantity = read(entry.get("value"), kind)
        except Refusal as refusal:
            raise self.defect(key, str(refusal)) from None
        if entry.get("role") not in ROLES:
            raise self.defect(key, f"role {echo(entry.get('role'))} is not one of {', '.join(ROLES)}")
        if entry["role"] == "hard" and status != "verified":
            raise self.defect(key, f"is {status}: only a verified figure may be hard")
        return Fact(
            name,
            quantity,
            status,
            entry["role"],
            entry["source"],
            entry["where"],
            note=entry.get("note", ""),
            kind=kind,
        )

    def statement(self, key: str, *, one_of: tuple[str, ...] = ()) -> Statement:
        """A fact in words."""
        entry = self._take(key)
        if not isinstance(entry, dict):
            raise self.defect(key, "is a statement: value, source, where and status")
        return self._statement(key, entry, one_of)

    def word(self, key: str, *, one_of: tuple[str, ...]) -> Statement:
        """A fact in one word of a closed list."""
        statement = self.statement(key, one_of=one_of)
        if statement.is_known and not isinstance(statement.value, str):
            raise self.defect(key, "value is one word, not a list")
        return statement

    def own_statement(self, under: str = "value") -> Statement:
        """This whole table, read as a statement; its words stand under this key."""
        entry, self._left = self._left, {}
        if under != "value":
            entry = {("value" if key == under else key): value for key, value in entry.items()}
        return self._statement("statement", entry, ())

    def _statement(self, key: str, entry: Mapping[str, Any], one_of: tuple[str, ...]) -> Statement:
        name = self.name if key == "statement" else f"{self.name}.{key}"
        if entry.get("status") not in STATUSES:
            raise self.defect(key, f"status {echo(entry.get('status'))} is not one of {', '.join(STATUSES)}")
        if entry["status"] == "unknown":
            self._shape(key, entry, _UNKNOWN_KEYS)
            if not entry.get("looked_in"):
                raise self.defect(key, "is unknown: say in looked_in where people looked")
            return Statement(name, (), "unknown", where=entry["looked_in"], note=entry.get("note", ""))
        self._provenance(key, entry)
        self._shape(key, entry, _STATEMENT_KEYS)
        value = entry.get("value")
        listed: list[Any] = value if isinstance(value, list) else [value]
        if not listed or not all(isinstance(text, str) and text for text in listed):
            raise self.defect(key, "value is a text or a list of texts")
        if one_of and (strange := [text for text in listed if text not in one_of]):
            raise self.defect(key, f"{echo(strange[0])} is not one of {', '.join(one_of)}")
        return Statement(
            name,
            tuple(listed) if isinstance(value, list) else listed[0],
            entry["status"],
            entry["source"],
            entry["where"],
            entry.get("note", ""),
        )

    def day(self, key: str) -> str:
        """A date, YYYY-MM-DD, or empty."""
        text = self.text(key, empty=True)
        try:
            if text and date.fromisoformat(text).isoformat() != text:
                raise ValueError
        except ValueError:
            raise self.defect(key, "is a date, YYYY-MM-DD, or empty") from None
        return text


def read_version(folder: Path) -> str:
    """library.toml: the version of the library, and nothing else."""
    table = Table("library.toml", read_toml(folder / "library.toml", "library.toml")[1], {})
    version = table.text("version")
    table.done()
    return version


def read_toml(path: Path, place: str) -> tuple[bytes, dict[str, Any]]:
    """A file's bytes, and what they say. Raises LibraryDefect, naming the file as this place."""
    try:
        content = path.read_bytes()
        return content, tomllib.loads(content.decode("utf-8"))
    except OSError as fault:
        raise LibraryDefect(f"{place}: cannot be read: {fault.strerror}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as fault:
        raise LibraryDefect(f"{place}: is not a TOML file: {fault}") from None


def read_table(
    folder: Path,
    path: Path,
    sources: Mapping[str, Source],
    *,
    named: bool = True,
    instead: Mapping[str, Fact] | None = None,
) -> Table:
    """A library file as a table. A monograph's name is its file's name.

    ``instead`` holds the figures, by name, that a clinic has in place of those in the file.
    """
    place = path.relative_to(folder).as_posix()
    table = Table(place, read_toml(path, place)[1], sources, path.stem, instead)
    if named and table.text("name") != path.stem:
        raise table.defect("name", f"is {path.stem}, as the file is called")
    return table


def read_sources(folder: Path) -> dict[str, Source]:
    """sources.toml: every document once."""
    _, entries = read_toml(folder / "sources.toml", "sources.toml")
    return {key: read_source(key, table) for key, table in Table("sources.toml", entries, {}).each()}


def read_source(key: str, table: Table) -> Source:
    """One document."""
    source = Source(
        key=key,
        title=table.text("title"),
        kind=table.text("kind", one_of=SOURCE_KINDS),
        edition=table.text("edition"),
        read_at=table.text("read_at"),
        note=table.text("note") if "note" in table else "",
    )
    table.done()
    return source
