"""What differs between two libraries, or between a library and the same with a clinic's file."""

from __future__ import annotations

from dataclasses import dataclass

from pumpcalc.library.shelf import Library
from pumpcalc.library.walk import figures, statements

__all__ = ["Difference", "differences"]


@dataclass(frozen=True)
class Difference:
    """A figure or statement that one of two libraries lacks, or that they do not have alike."""

    name: str
    before: str
    """How it stands in the first; empty: it is not there."""
    after: str


def _written(library: Library) -> dict[str, tuple[str, str]]:
    """Every figure, every statement and who confirmed each pump: in words, and with its note."""
    written = {
        name: (f"{fact.summary} [{': '.join(filter(None, (fact.source, fact.where)))}]", fact.note)
        for name, fact in figures(library).items()
    }
    for name, said in statements(library).items():
        words = ", ".join(said.listed)
        cited = ": ".join(filter(None, (said.source, said.where)))
        written[name] = (f"{f'{words}, ' if words else ''}{said.status} [{cited}]", said.note)
    for pump in library.pumps.values():
        written[f"{pump.name}.verified_by"] = (pump.verified_by or "nobody", "")
    return written


def differences(old: Library, new: Library) -> list[Difference]:
    """Every figure or statement that was added, removed or changed, by name."""
    before, after = _written(old), _written(new)
    found = []
    for name in sorted(before.keys() | after.keys()):
        (was, was_noted), (now, now_noted) = before.get(name, ("", "")), after.get(name, ("", ""))
        if was != now:
            found.append(Difference(name, was, now))
        elif was_noted != now_noted:
            found.append(Difference(name, f"{was} {was_noted}".strip(), f"{now} {now_noted}".strip()))
    return found
