"""Every figure and statement of a library or of one monograph, found by walking it: no list of places to keep up."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import fields, is_dataclass
from typing import Any, TypeVar

from pumpcalc.errors import LibraryDefect
from pumpcalc.library.facts import Fact, Statement

__all__ = ["figures", "fingerprint", "statements"]

_T = TypeVar("_T", Fact, Statement)
_SHORT = 12


def _walk(thing: Any, kind: type[_T]) -> Iterator[_T]:
    """Everything of one kind in a thing made of records, mappings and lists, in its own order."""
    if isinstance(thing, kind):
        yield thing
    elif isinstance(thing, Mapping):
        for each in thing.values():
            yield from _walk(each, kind)
    elif isinstance(thing, list | tuple):
        for each in thing:
            yield from _walk(each, kind)
    elif is_dataclass(thing):
        for field in fields(thing):
            yield from _walk(getattr(thing, field.name), kind)


def _by_name(thing: Any, kind: type[_T]) -> dict[str, _T]:
    found: dict[str, _T] = {}
    for each in _walk(thing, kind):
        if each.name in found:
            raise LibraryDefect(f"{each.name}: two figures have this name")
        found[each.name] = each
    return found


def figures(thing: Any) -> dict[str, Fact]:
    """Every figure of a library or a monograph, known or not, by its name."""
    return _by_name(thing, Fact)


def statements(thing: Any) -> dict[str, Statement]:
    """Every fact in words of a library or a monograph, by its name."""
    return _by_name(thing, Statement)


def fingerprint(thing: Any) -> str:
    """Twelve characters that change when any figure or statement does: what was read when it was confirmed."""
    total = hashlib.sha256()
    for name, fact in sorted(figures(thing).items()):
        total.update(f"{name}\0{fact.summary}\0{fact.source}\0{fact.where}\0{fact.note}\n".encode())
    for name, said in sorted(statements(thing).items()):
        words = "\0".join(said.listed)
        total.update(f"{name}\0{words}\0{said.status}\0{said.source}\0{said.where}\0{said.note}\n".encode())
    return total.hexdigest()[:_SHORT]
