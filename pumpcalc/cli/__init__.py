"""The core's commands: calculate, a worksheet for a person, verify.

    pumpcalc calculate NAME [FILE|-] [--lines]     the request as JSON in, the record as JSON out
    pumpcalc NAME --daily-dose "10 mg/day" ...     the worksheet for a person
    pumpcalc what-if NAME FILE --change F=V ...    the same with something changed, side by side; nothing is kept
    pumpcalc verify FILE                           replay a saved calculation
    pumpcalc library check|show|diff|dry-run       what the drug library holds, and what a clinic's file changes
    pumpcalc uses FACT FILE                        which records, one on a line, used a figure of the library
    pumpcalc list                                  the calculations, a line each
    pumpcalc formulas                              every equation with its units and its source

With --overlay FILE --on DATE a clinic's own figures answer, as they hold on that day.

Exit codes: 0 answered or agrees; 1 a line of --lines was refused, or library diff or dry-run found a difference;
2 refused, or a command that is not understood; 3 withheld: the independent replay disagrees.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import IO, Any

from pumpcalc import strict_json
from pumpcalc.cli.shared import (
    ANSWERED,
    LONGEST_RECORD,
    REFUSED,
    SOME_LINES_REFUSED,
    WITHHELD,
    Parser,
    add_overlay,
    chosen_library,
    opened,
    read_json,
)
from pumpcalc.errors import CalculationWithheld, LibraryDefect, Refusal, echo, refused
from pumpcalc.library import Library

__all__ = ["ANSWERED", "REFUSED", "SOME_LINES_REFUSED", "WITHHELD", "main"]

_LAST = {"--lines": 0, "--overlay": 1, "--on": 1}
"""Options that may stand anywhere, each with how many words belong to it."""


def _answer(name: str, text: bytes, library: Library) -> tuple[dict[str, Any], bool]:
    """The record of one request, and whether it was answered."""
    from pumpcalc.worksheet import calculate

    try:
        return calculate(name, read_json(text), library).model_dump(mode="json"), True
    except Refusal as refusal:
        return refusal.record(), False


def _calculate(arguments: argparse.Namespace) -> int:
    library = chosen_library(arguments)
    with opened(arguments.file) as stream:
        if arguments.lines:
            return _lines(arguments.name, stream, library)
        record, answered = _answer(arguments.name, stream.read(strict_json.LONGEST + 1), library)
    json.dump(record, sys.stdout, indent=2, ensure_ascii=False)
    sys.stdout.write("\n")
    return ANSWERED if answered else REFUSED


def _lines(name: str, stream: IO[bytes], library: Library) -> int:
    """One record per line, in the order of the requests, refusals included."""
    refused_lines = 0
    for line in _with_progress(stream):
        record, answered = _answer(name, line, library)
        refused_lines += not answered
        sys.stdout.write(json.dumps(record, ensure_ascii=False) + "\n")
    return SOME_LINES_REFUSED if refused_lines else ANSWERED


def _with_progress(stream: IO[bytes]) -> Iterator[bytes]:
    """The lines of a file; on a terminal, a bar on standard error shows how far it is."""
    size = Path(stream.name).stat().st_size if isinstance(stream.name, str) else 0
    watched = bool(size) and sys.stderr.isatty()
    done = shown = 0
    for line in stream:
        if line.strip():
            yield line
        done += len(line)
        if watched and (percent := 100 * done // size) > shown:
            shown = percent
            sys.stderr.write(f"\r[{'#' * (percent // 4):25}] {percent:3} %")
            sys.stderr.flush()
    if watched:
        sys.stderr.write("\n")


def _verify(arguments: argparse.Namespace) -> int:
    from pumpcalc.worksheet import verify

    with opened(arguments.file) as stream:
        record = read_json(stream.read(LONGEST_RECORD + 1), LONGEST_RECORD)
    sys.stdout.write(verify(record, chosen_library(arguments)) + "\n")
    return ANSWERED


def _uses(arguments: argparse.Namespace) -> int:
    """The records of a file that used one figure, each with its line and where on its page the figure stands."""
    from pumpcalc import library
    from pumpcalc.worksheet import uses

    read = used = 0
    with opened(arguments.file) as stream:
        for line in _with_progress(stream):
            read += 1
            record = read_json(line, LONGEST_RECORD)
            if isinstance(record, dict) and isinstance(record.get("record"), dict):
                record = record["record"]  # as `pumpcalc plans` writes it
            if found := uses(record, arguments.fact):
                used += 1
                sys.stdout.write(f"{read}: {record['calculation']}: {', '.join(found)}\n")
    if not used:
        library.load().fact(arguments.fact)  # a misspelt name must not look like a figure that nobody used
    sys.stderr.write(f"{used} of {read} records used {arguments.fact}.\n")
    return ANSWERED


def _what_if(arguments: argparse.Namespace) -> int:
    from pumpcalc.printing import print_what_if
    from pumpcalc.what_if import what_if

    with opened(arguments.file) as stream:
        request = read_json(stream.read(strict_json.LONGEST + 1))
    if not isinstance(request, dict):
        raise refused("wrong-type", f"A request to {arguments.name} is an object with fields.")
    changes = _pairs([word for words in arguments.change for word in words], "change")
    run = what_if(
        arguments.name, request, {field: value or None for field, value in changes.items()}, chosen_library(arguments)
    )
    told = ", ".join(f"{field} = {value or 'left out'}" for field, value in changes.items())
    sys.stdout.write(print_what_if(f"WHAT IF, {arguments.name}: {told}", run))
    return REFUSED if isinstance(run.after, Refusal) else ANSWERED


def _list(_arguments: argparse.Namespace) -> int:
    from pumpcalc import CALCULATORS

    for name, calculator in CALCULATORS.items():
        sys.stdout.write(f"{name:26}{calculator.summary}\n")
    return ANSWERED


def _formulas(_arguments: argparse.Namespace) -> int:
    from pumpcalc import library
    from pumpcalc.printing import print_formulas

    sys.stdout.write(print_formulas(library.load()))
    return ANSWERED


def _person(name: str, arguments: Sequence[str]) -> int:
    """The worksheet for a person: the fields of the request are the options."""
    from pumpcalc import CALCULATORS
    from pumpcalc.printing import print_worksheet

    calculator = CALCULATORS[name]
    schema = calculator.request.model_json_schema()
    parser = Parser(prog=f"pumpcalc {name}", description=calculator.summary, allow_abbrev=False)
    add_overlay(parser)
    for field, shape in schema["properties"].items():
        option = "--" + field.replace("_", "-")
        about = _about(shape)
        if _type(shape) == "boolean":
            parser.add_argument(option, action="store_true", default=None, help=about)
        elif _type(shape) == "array" and _is_of_objects(shape):
            parser.add_argument(option, nargs="+", action="append", metavar="FIELD=VALUE", help=about)
        elif _type(shape) == "array":
            parser.add_argument(option, nargs="+", metavar="VALUE", help=about)
        elif _type(shape) == "object":
            parser.add_argument(option, nargs="+", metavar="FIELD=VALUE", help=about)
        else:
            parser.add_argument(option, metavar="VALUE", help=about)
    read = parser.parse_args(arguments)
    chosen = {field: vars(read)[field] for field in schema["properties"] if vars(read)[field] is not None}
    for field, value in chosen.items():
        if _type(schema["properties"][field]) == "object":
            chosen[field] = _pairs(value, field)
        elif isinstance(value, list) and value and isinstance(value[0], list):
            chosen[field] = [_pairs(option, field) for option in value]
    sys.stdout.write(print_worksheet(calculator.answer(chosen, chosen_library(read))))
    return ANSWERED


def _type(shape: dict[str, Any]) -> str:
    if any("$ref" in s for s in (shape, *shape.get("anyOf", ()))):
        return "object"
    return str(next((s["type"] for s in (shape, *shape.get("anyOf", ())) if s.get("type", "null") != "null"), "string"))


def _is_of_objects(shape: dict[str, Any]) -> bool:
    return any("$ref" in s.get("items", {}) for s in (shape, *shape.get("anyOf", ())))


def _about(shape: dict[str, Any]) -> str:
    for each in (shape, *shape.get("anyOf", ())):
        if "examples" in each:
            return f"such as {each['examples'][0]}".replace("%", "%%")
        if "enum" in each:
            return ", ".join(each["enum"])
    return "may be repeated" if _is_of_objects(shape) else ""


def _pairs(words: Iterable[str], field: str) -> dict[str, Any]:
    """``opioid=oxycodone "daily_dose=60 mg/day"`` as the fields of one line; a list inside it is written as JSON."""
    line: dict[str, Any] = {}
    for word in words:
        name, equals, value = word.partition("=")
        if not equals or name in line:
            raise refused("option", f"{echo(word)}: write each part of --{field} once, as field=value in quotes.")
        line[name.replace("-", "_")] = read_json(value.encode()) if value[:1] in ("[", "{") else value
    return line


def _options_last(words: Sequence[str]) -> list[str]:
    """The same words, options after all others: argparse takes an option between NAME and FILE for the end of it."""
    others: list[str] = []
    options: list[str] = []
    left = list(words)
    while left:
        word = left.pop(0)
        if word.partition("=")[0] not in _LAST:
            others.append(word)
            continue
        options.append(word)
        if "=" not in word:
            options += [left.pop(0) for _ in range(_LAST[word]) if left]
    return [*others, *options]


def _parser() -> Parser:
    from pumpcalc.cli.shelf import add_commands

    parser = Parser(prog="pumpcalc", description="Intrathecal pump dosing and refills.", allow_abbrev=False)
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    calculate = commands.add_parser("calculate", help="a request as JSON in, the record as JSON out")
    calculate.add_argument("name", metavar="NAME", help="name of the calculation; see: pumpcalc list")
    calculate.add_argument("file", nargs="?", default="-", metavar="FILE", help="the request; - for standard input")
    calculate.add_argument("--lines", action="store_true", help="one request per line in, one record per line out")
    add_overlay(calculate)
    calculate.set_defaults(run=_calculate)
    what_if = commands.add_parser("what-if", help="the same request with something changed; nothing is kept")
    what_if.add_argument("name", metavar="NAME", help="name of the calculation; see: pumpcalc list")
    what_if.add_argument("file", metavar="FILE", help="the request; - for standard input")
    what_if.add_argument("--change", nargs="+", action="append", required=True, metavar="FIELD=VALUE",
                         help="what is changed; FIELD= leaves a field out")  # fmt: skip
    add_overlay(what_if)
    what_if.set_defaults(run=_what_if)
    verify = commands.add_parser("verify", help="replay a saved calculation")
    verify.add_argument("file", metavar="FILE", help="the record of a calculation; - for standard input")
    add_overlay(verify)
    verify.set_defaults(run=_verify)
    add_commands(commands.add_parser("library", help="what the drug library holds, and what a clinic's file changes"))
    uses = commands.add_parser("uses", help="which of the records in a file, one on a line, used a figure")
    uses.add_argument("fact", metavar="FACT", help="its name, such as synchromed-ii-20.pump_tubing_volume.0")
    uses.add_argument("file", nargs="?", default="-", metavar="FILE", help="the records; - for standard input")
    uses.set_defaults(run=_uses)
    commands.add_parser("formulas", help="every equation with its units and its source").set_defaults(run=_formulas)
    commands.add_parser("list", help="the calculations, a line each").set_defaults(run=_list)
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command of the core. Returns the exit code; writes refusals to standard error in one sentence each."""
    words = list(sys.argv[1:] if argv is None else argv)
    try:
        if words and not words[0].startswith("-"):
            from pumpcalc import CALCULATORS

            if words[0] in CALCULATORS:
                return _person(words[0], words[1:])
        arguments = _parser().parse_args(_options_last(words))
        return int(arguments.run(arguments))
    except Refusal as refusal:
        for problem in refusal.problems:
            field = f"{problem.pointer[1:]}: " if problem.pointer else ""
            hint = f" Did you mean {problem.did_you_mean}?" if problem.did_you_mean else ""
            sys.stderr.write(f"pumpcalc: {field}{problem.detail}{hint}\n")
        return REFUSED
    except CalculationWithheld as withheld:
        sys.stderr.write(f"pumpcalc: withheld: {withheld}\n")
        return WITHHELD
    except LibraryDefect as defect:
        sys.stderr.write(f"pumpcalc: the drug library does not load: {defect}\n")
        return REFUSED
    except BrokenPipeError:
        return ANSWERED
