"""What the drug library holds, as a pharmacist reads it: the whole, one monograph, what differs, what would change."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import fields, is_dataclass
from typing import Any

from pumpcalc.dry_run import DryRun
from pumpcalc.errors import Refusal
from pumpcalc.library import (
    Caution,
    Fact,
    Library,
    Source,
    Statement,
    Strengths,
    differences,
    figures,
    fingerprint,
)
from pumpcalc.library.facts import STATUSES
from pumpcalc.printing.lines import wrapped
from pumpcalc.what_if import course
from pumpcalc.worksheet import Limit

__all__ = ["print_check", "print_differences", "print_dry_run", "print_monograph", "print_what_if"]

_CALLED = ("id", "code", "name", "label")
"""Fields by which a record is called; they stand in its title."""
_DAY = re.compile(r"(?:\d{4}-\d\d-\d\d)?")


def print_check(library: Library) -> str:
    """Which library this is, how many figures of each status, and by name what is off, unknown or not confirmed."""
    shelf = figures(library)
    counts = Counter(fact.status for fact in shelf.values())
    lines = [
        *_revision(library),
        f"{len(library.drugs)} drugs, {len(library.pumps)} pumps, {len(library.sources)} documents",
        f"{len(shelf)} figures: {', '.join(f'{counts[status]} {status}' for status in STATUSES)}",
    ]
    if off := [f"  {name}: {fact.quoted}" for name, fact in shelf.items() if fact.quoted]:
        lines += ["", "OFF until a named person of a clinic confirms them: quoted, not verified", *sorted(off)]
    if unknown := _by_monograph(name for name, fact in shelf.items() if fact.status == "unknown"):
        lines += ["", "UNKNOWN: looked for, not found; a calculation that needs one is refused", *unknown]
    if pumps := [name for name, pump in library.pumps.items() if not pump.verified_by]:
        lines += ["", "PUMPS that nobody at a site has confirmed against the current manual"]
        lines += wrapped(f"  {', '.join(pumps)}", indent=2)
    return _page(lines)


def _revision(library: Library) -> list[str]:
    return [f"Drug library {library.version}", f"sha256 {library.sha256}"]


def _by_monograph(names: Iterator[str] | Sequence[str]) -> list[str]:
    """Names of figures, those of one monograph on one line."""
    gathered: dict[str, list[str]] = {}
    for name in names:
        monograph, _, figure = name.partition(".")
        gathered.setdefault(monograph, []).append(figure)
    return [line for monograph, found in sorted(gathered.items())
            for line in wrapped(f"  {monograph}: {', '.join(found)}")]  # fmt: skip


def print_monograph(library: Library, monograph: Any) -> str:
    """Everything that the library holds of one drug, pump or table: each figure with its source, place and status."""
    label = getattr(monograph, "label", monograph.name)
    lines = [
        monograph.name.upper() if label == monograph.name else f"{monograph.name.upper()}: {label}",
        *_revision(library),
        f"Fingerprint of this page: {fingerprint(monograph)}",
    ]
    for called, part in _parts(monograph):
        if written := _outline(called, part, library.sources, ""):
            lines += ["", *written]
    return _page(lines)


def _outline(called: str, thing: Any, sources: Mapping[str, Source], pad: str) -> list[str]:
    """A part of a monograph under its name, and its own parts below it, each two further in."""
    match thing:
        case Fact() | Statement():
            return _fact(f"{pad}{called}", thing, sources)
        case Strengths():
            return _fact(f"{pad}{called}", thing.stated, sources)
        case Caution():
            return _fact(f"{pad}{thing.code}", thing.text, sources)
        case bool():
            return [f"{pad}{called}: {'yes' if thing else 'no'}"]
        case str() | int():
            return wrapped(f"{pad}{called}: {str(thing) or 'nobody'}", indent=len(pad) + 4)
    inner = [line for name, part in _parts(thing) for line in _outline(name, part, sources, f"{pad}  ")]
    return [f"{pad}{called}", *inner] if inner else []


def _parts(thing: Any) -> Iterator[tuple[str, Any]]:
    """The parts of a record, a mapping or a list, each with what it is called."""
    if isinstance(thing, Mapping):
        yield from thing.items()
    elif isinstance(thing, list | tuple):
        for each in thing:
            match each:
                case (str() as what, Fact() as fact):
                    yield f"from {what or 'the first'}" if _DAY.fullmatch(what) else what, fact
                case _:
                    yield next(str(getattr(each, field)) for field in _CALLED if hasattr(each, field)), each
    elif is_dataclass(thing):
        for field in fields(thing):
            if field.name not in _CALLED:
                yield field.name.replace("_", " "), getattr(thing, field.name)


def _fact(called: str, fact: Fact | Statement, sources: Mapping[str, Source]) -> list[str]:
    """What it is; below it, where it was read, and the note."""
    pad = " " * (len(called) - len(called.lstrip()) + 4)
    said = f"{fact.summary}  ({fact.name})" if isinstance(fact, Fact) else ", ".join(fact.listed) or fact.status
    status = "" if isinstance(fact, Fact) or not fact.is_known else f"; {fact.status}"
    place = f"{sources[fact.source].title} [{fact.source}]: {fact.where}" if fact.source else f"looked in {fact.where}"
    below = [f"{pad}{place}{status}", *([f"{pad}{fact.note}"] if fact.note else [])]
    return [line for text in (f"{called}: {said}", *below) for line in wrapped(text, indent=len(pad))]


def print_differences(old: Library, new: Library) -> str:
    """Every figure or statement that is not alike in two libraries: as it stands in the first, and in the second."""
    found = differences(old, new)
    lines = [f"- Drug library {old.version}, sha256 {old.sha256}", f"+ Drug library {new.version}, sha256 {new.sha256}"]
    for each in found:
        lines += ["", each.name]
        lines += wrapped(f"  - {each.before or 'is not there'}") + wrapped(f"  + {each.after or 'is not there'}")
    alike = "The two are the same." if old.sha256 == new.sha256 else "Every figure and statement is the same."
    return _page([*lines, "", f"{len(found)} differ." if found else alike])


def print_dry_run(title: str, run: DryRun) -> str:
    """What changes for one plan: its answers, the limits that it hits, whether there is an answer at all."""
    lines = [title]
    if isinstance(run.after, Refusal) and run.is_changed:
        lines += wrapped(f"  refused: {run.after}")
    if isinstance(run.before, Refusal) and run.is_changed:
        lines += wrapped(f"  answered, where it was refused: {run.before}")
    for name, (was, now) in run.answers.items():
        lines += wrapped(f"  {name.replace('_', ' ')}: {_answer(was, now)}")
    lines += [line for limit in run.newly_hit for line in wrapped(f"  newly hit: {_limit(limit)}")]
    lines += [line for limit in run.not_hit_now for line in wrapped(f"  not hit any more: {_limit(limit)}")]
    return _page(lines)


def print_what_if(title: str, run: DryRun) -> str:
    """What a change does: every answer before and after, the limits, and what is left in the reservoir meanwhile."""
    lines = print_dry_run(title, run).rstrip("\n").split("\n")
    if isinstance(run.before, Refusal):
        lines += wrapped(f"  refused as it is: {run.before}")
    elif not run.is_changed:
        lines.append("  nothing changes: no answer, and no limit that is hit")
    if points := course(run):
        lines += ["", "  left in the reservoir", f"    {'day':6}{'as it is':16}changed".rstrip()]
        lines += [f"    {p.day:<6}{p.before or '-':16}{p.after or '-'}" for p in points]
    lines += ["", "Nothing was kept."]
    return _page(lines)


def _answer(was: Any, now: Any) -> str:
    if isinstance(was, list) and isinstance(now, list):
        alike = sum(one == other for one, other in zip(was, now, strict=False))
        return f"{max(len(was), len(now)) - alike} of {max(len(was), len(now))} rows differ"
    return f"{'none' if was is None else was} -> {'none' if now is None else now}"


def _limit(limit: Limit) -> str:
    cited = f" [{limit.source.key}: {limit.source.where}; {limit.source.status}]" if limit.source else ""
    return f"{limit.name}: {limit.actual} {limit.rule} {limit.bound}, {limit.level}{cited}"


def _page(lines: Sequence[str]) -> str:
    return "\n".join(lines) + "\n"
