"""What every command shares: the exit codes, how words, files and JSON are read, and which library answers."""

from __future__ import annotations

import argparse
import sys
from datetime import date
from pathlib import Path
from typing import IO, Any, NoReturn

from pumpcalc import strict_json
from pumpcalc.errors import echo, refused
from pumpcalc.library import Library, Overlay, in_force, load, read_overlay

__all__ = [
    "ANSWERED",
    "DIFFERENT",
    "LONGEST_RECORD",
    "REFUSED",
    "SOME_LINES_REFUSED",
    "WITHHELD",
    "Parser",
    "add_overlay",
    "chosen_library",
    "opened",
    "overlay_in_force",
    "read_json",
]

ANSWERED, SOME_LINES_REFUSED, REFUSED, WITHHELD = 0, 1, 2, 3
DIFFERENT = SOME_LINES_REFUSED
LONGEST_RECORD = 16 * 1024 * 1024


class Parser(argparse.ArgumentParser):
    """argparse, refusing in our own form: one sentence, exit 2."""

    def error(self, message: str) -> NoReturn:
        self.exit(REFUSED, f"pumpcalc: {message}. See: {self.prog} --help\n")


def read_json(text: bytes, longest: int = strict_json.LONGEST) -> Any:
    """JSON, by the reader of every door. Raises Refusal."""
    try:
        return strict_json.read(text, longest)
    except strict_json.NotJson as fault:
        raise refused("not-json", str(fault)) from None
    except strict_json.TooLarge:
        raise refused("too-large", f"This is longer than {longest} bytes.") from None


def opened(file: str) -> IO[bytes]:
    """A file, or standard input for a dash."""
    if file == "-":
        return open(sys.stdin.fileno(), "rb", closefd=False)
    try:
        return Path(file).open("rb")
    except OSError as fault:
        raise refused("file", f"{echo(file)} cannot be read: {fault.strerror}.") from None


def add_overlay(parser: argparse.ArgumentParser) -> None:
    """The options that let a clinic's figures answer."""
    parser.add_argument(
        "--overlay", action="append", metavar="FILE", help="a clinic's own figures; repeat it for each version"
    )
    parser.add_argument("--on", metavar="DATE", help="the day on which they answer, such as 2026-12-01")


def overlay_in_force(files: list[str] | None, on: str | None, folder: Path | None = None) -> Overlay | None:
    """Of the versions of a clinic's file, the one in force on the day; None where none is named, or none holds yet.

    Raises Refusal for a file without a day, or a day without a file: no clock is read here.
    """
    if not files:
        if on is not None:
            raise refused("option", "--on is the day of a clinic's file, and none is named.")
        return None
    if on is None:
        raise refused(
            "option", "A clinic's file needs --on: state the day on which it answers, such as --on 2026-12-01."
        )
    return in_force([read_overlay(Path(file), folder) for file in files], _day(on))


def _day(text: str) -> date:
    try:
        day = date.fromisoformat(text)
    except ValueError:
        day = None
    if day is None or day.isoformat() != text:
        raise refused("date-format", f"{echo(text)} is not a day: write it as 2026-12-01.", "/on")
    return day


def chosen_library(arguments: argparse.Namespace) -> Library:
    """The library that answers: the one that came with the software, or a clinic's on the day that is stated."""
    overlay = overlay_in_force(arguments.overlay, arguments.on)
    return overlay.library if overlay else load()
