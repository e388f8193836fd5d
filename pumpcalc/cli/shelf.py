"""The commands of the drug library: check, show, diff, dry-run.

    pumpcalc library check [FOLDER]           loads it: version, counts, what is off, unknown or not confirmed
    pumpcalc library show NAME                the page of a drug, a pump or a table
    pumpcalc library diff OLD NEW             what differs; NEW may be a clinic's file, with --on
    pumpcalc library dry-run FILE RECORDS     which of these saved records a clinic's file changes

RECORDS has one record on each line, as ``calculate --lines`` writes them, or {"id": ..., "record": ...}, as
``pumpcalc plans`` does. Exit codes: 0 loads, the same, nothing changes; 1 different, a plan changes; 2 the library
does not load, or a line is no record.
"""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pumpcalc.cli.shared import (
    ANSWERED,
    DIFFERENT,
    LONGEST_RECORD,
    REFUSED,
    add_overlay,
    chosen_library,
    opened,
    overlay_in_force,
    read_json,
)
from pumpcalc.errors import LibraryDefect, Refusal, echo, refused
from pumpcalc.library import Library, Overlay, load, overlay

__all__ = ["add_commands"]

_PLAIN = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:-]{0,63}")


def add_commands(parser: argparse.ArgumentParser) -> None:
    """The commands, under ``pumpcalc library``; its help says how a clinic's file is written."""
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.epilog = overlay.__doc__
    commands = parser.add_subparsers(dest="library_command", required=True, metavar="COMMAND")
    check = commands.add_parser("check", help="version, counts, and what is off, unknown or not confirmed")
    check.add_argument("folder", nargs="?", metavar="FOLDER", help="a drug library; the one of the software if none")
    add_overlay(check)
    check.set_defaults(run=_check)
    show = commands.add_parser("show", help="the page of a drug, a pump or a table, every figure with its source")
    show.add_argument("name", metavar="NAME", help="such as morphine or synchromed-ii-20")
    add_overlay(show)
    show.set_defaults(run=_show)
    diff = commands.add_parser("diff", help="the figures that differ; exit 1 when there are any")
    diff.add_argument("old", metavar="OLD", help="folder of a drug library")
    diff.add_argument("new", metavar="NEW", help="folder of a drug library, or a clinic's file for OLD")
    diff.add_argument("--on", metavar="DATE", help="the day on which the clinic's file answers, such as 2026-12-01")
    diff.set_defaults(run=_diff)
    dry_run = commands.add_parser("dry-run", help="the saved records that a clinic's file changes; exit 1 when any")
    dry_run.add_argument("file", metavar="FILE", help="the clinic's file")
    dry_run.add_argument("records", metavar="RECORDS", help="one saved record on each line; - for standard input")
    dry_run.add_argument("--on", required=True, metavar="DATE", help="the day on which it answers")
    dry_run.add_argument(
        "--overlay", action="append", metavar="FILE", help="what answers now, where that is an earlier version of it"
    )
    dry_run.set_defaults(run=_dry_run)


def _check(arguments: argparse.Namespace) -> int:
    from pumpcalc.printing import print_check

    folder = None if arguments.folder is None else Path(arguments.folder)
    plain = load(folder)
    site = overlay_in_force(arguments.overlay, arguments.on, folder)
    if site is not None:
        sys.stdout.write(f"{site}, effective from {site.effective_from}, is in force on {arguments.on}.\n")
    elif arguments.overlay:
        sys.stdout.write(f"No clinic's file is in force on {arguments.on}: the library answers unchanged.\n")
    sys.stdout.write(print_check(site.library if site else plain))
    return ANSWERED


def _show(arguments: argparse.Namespace) -> int:
    from pumpcalc.printing import print_monograph

    library = chosen_library(arguments)
    shelf = _shelf(library)
    if arguments.name not in shelf:
        raise refused(
            "unknown-name", f"The library has no {echo(arguments.name)}; it has {', '.join(shelf)}.", allowed=shelf
        )
    sys.stdout.write(print_monograph(library, shelf[arguments.name]))
    return ANSWERED


def _shelf(library: Library) -> dict[str, Any]:
    """Everything that has a page, by name."""
    ratios = {ratios.name: ratios for ratios in library.ratios.values()}
    return {**library.drugs, **library.pumps, **library.tables, **ratios, **library.beyond_use}


def _diff(arguments: argparse.Namespace) -> int:
    from pumpcalc.library import differences
    from pumpcalc.printing import print_differences

    old, new = Path(arguments.old), Path(arguments.new)
    before = _loaded("OLD", old)
    if new.is_dir():
        overlay_in_force(None, arguments.on)
        after = _loaded("NEW", new)
    else:
        site = overlay_in_force([str(new)], arguments.on, old)
        if site is None:
            sys.stdout.write(f"{new.name} is not in force on {arguments.on}.\n")
        after = site.library if site else before
    sys.stdout.write(print_differences(before, after))
    return DIFFERENT if differences(before, after) else ANSWERED


def _loaded(which: str, folder: Path) -> Library:
    try:
        return load(folder)
    except LibraryDefect as defect:
        raise LibraryDefect(f"{which}: {defect}") from None


def _dry_run(arguments: argparse.Namespace) -> int:
    from pumpcalc.dry_run import dry_run
    from pumpcalc.printing import print_dry_run

    before, tried = _before_and_after(arguments)
    changed = alike = refused_both = elsewhere = unread = 0
    with opened(arguments.records) as stream:
        for number, line in enumerate(stream, 1):
            if not line.strip():
                continue
            try:
                title, record = _record(line)
            except Refusal as refusal:
                unread += 1
                sys.stdout.write(f"line {number}: {refusal}\n\n")
                continue
            run = dry_run(record["calculation"], record["request"], before, tried.library)
            elsewhere += _made_by(record) != before.sha256
            if run.is_changed:
                changed += 1
                sys.stdout.write(print_dry_run(f"line {number}, {title}", run) + "\n")
            elif isinstance(run.after, Refusal):
                refused_both += 1
            else:
                alike += 1
    sys.stdout.write(f"{tried}, on {arguments.on}: {changed} changed, {alike} unchanged.\n")
    for count, what in (
        (refused_both, "refused with it and without it"),
        (elsewhere, "recorded with another library than answers here without it; both answers are of now"),
        (unread, "no record"),
    ):
        if count:
            sys.stdout.write(f"{count} {what}.\n")
    return REFUSED if unread else DIFFERENT if changed else ANSWERED


def _before_and_after(arguments: argparse.Namespace) -> tuple[Library, Overlay]:
    """What answers now, and the file that is tried. Raises Refusal when it does not hold on the day that is stated."""
    now = overlay_in_force(arguments.overlay, arguments.on if arguments.overlay else None)
    tried = overlay_in_force([*(arguments.overlay or ()), arguments.file], arguments.on)
    if tried is None or tried == now:
        raise refused(
            "not-in-force", f"{echo(arguments.file)} is not in force on {arguments.on}: state a day on which it is."
        )
    return now.library if now else load(), tried


def _record(line: bytes) -> tuple[str, Mapping[str, Any]]:
    """What a line calls its plan, and the record. Raises Refusal for anything else."""
    said = read_json(line, LONGEST_RECORD)
    wrapped = isinstance(said, Mapping) and "record" in said
    record = said["record"] if wrapped else said
    if (
        not isinstance(record, Mapping)
        or not isinstance(record.get("calculation"), str)
        or not isinstance(record.get("request"), Mapping)
    ):
        raise refused("not-a-record", "This is not the record of a calculation that was answered.")
    called = [said[key] for key in ("clinic", "id") if wrapped and key in said]
    return ", ".join(_plain(name) for name in (*called, record["calculation"])), record


def _plain(name: object) -> str:
    """A name as it is, where it can do no harm on a terminal."""
    return name if isinstance(name, str) and _PLAIN.fullmatch(name) else echo(name)


def _made_by(record: Mapping[str, Any]) -> object:
    library = record.get("library")
    return library.get("sha256") if isinstance(library, Mapping) else None
