"""The core's commands: calculate, a worksheet for a person, verify.

    pumpcalc calculate NAME [FILE|-] [--lines]     the request as JSON in, the record as JSON out
    pumpcalc NAME --daily-dose "10 mg/day" ...     the worksheet for a person
    pumpcalc verify FILE                           replay a saved calculation
    pumpcalc list                                  the calculations, a line each
    pumpcalc formulas                              every equation with its units and its source

Exit codes: 0 answered or agrees; 1 a line of --lines was refused; 2 refused, or a command that is not understood;
3 withheld: the independent replay disagrees.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import IO, Any, NoReturn

from pumpcalc import strict_json
from pumpcalc.errors import CalculationWithheld, LibraryDefect, Refusal, echo, refused

__all__ = ["ANSWERED", "REFUSED", "SOME_LINES_REFUSED", "WITHHELD", "main"]

ANSWERED, SOME_LINES_REFUSED, REFUSED, WITHHELD = 0, 1, 2, 3
_LONGEST_RECORD = 16 * 1024 * 1024


class _Parser(argparse.ArgumentParser):
    """argparse, refusing in our own form: one sentence, exit 2."""

    def error(self, message: str) -> NoReturn:
        self.exit(REFUSED, f"pumpcalc: {message}. See: {self.prog} --help\n")


def _read(text: bytes, longest: int = strict_json.LONGEST) -> Any:
    """JSON, by the reader of every door. Raises Refusal."""
    try:
        return strict_json.read(text, longest)
    except strict_json.NotJson as fault:
        raise refused("not-json", str(fault)) from None
    except strict_json.TooLarge:
        raise refused("too-large", f"This is longer than {longest} bytes.") from None


def _answer(name: str, text: bytes) -> tuple[dict[str, Any], bool]:
    """The record of one request, and whether it was answered."""
    from pumpcalc.worksheet import calculate

    try:
        return calculate(name, _read(text)).model_dump(mode="json"), True
    except Refusal as refusal:
        return refusal.record(), False


def _calculate(arguments: argparse.Namespace) -> int:
    with _opened(arguments.file) as stream:
        if arguments.lines:
            return _lines(arguments.name, stream)
        record, answered = _answer(arguments.name, stream.read(strict_json.LONGEST + 1))
    json.dump(record, sys.stdout, indent=2, ensure_ascii=False)
    sys.stdout.write("\n")
    return ANSWERED if answered else REFUSED


def _opened(file: str) -> IO[bytes]:
    if file == "-":
        return open(sys.stdin.fileno(), "rb", closefd=False)
    try:
        return Path(file).open("rb")
    except OSError as fault:
        raise refused("file", f"{echo(file)} cannot be read: {fault.strerror}.") from None


def _lines(name: str, stream: IO[bytes]) -> int:
    """One record per line, in the order of the requests, refusals included."""
    refused_lines = 0
    for line in _with_progress(stream):
        record, answered = _answer(name, line)
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

    with _opened(arguments.file) as stream:
        record = _read(stream.read(_LONGEST_RECORD + 1), _LONGEST_RECORD)
    sys.stdout.write(verify(record) + "\n")
    return ANSWERED


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
    parser = _Parser(prog=f"pumpcalc {name}", description=calculator.summary, allow_abbrev=False)
    for field, shape in schema["properties"].items():
        option = "--" + field.replace("_", "-")
        about = _about(shape)
        if _type(shape) == "boolean":
            parser.add_argument(option, action="store_true", default=None, help=about)
        elif _type(shape) == "array" and _is_of_objects(shape):
            parser.add_argument(option, nargs="+", action="append", metavar="FIELD=VALUE", help=about)
        elif _type(shape) == "array":
            parser.add_argument(option, nargs="+", metavar="VALUE", help=about)
        else:
            parser.add_argument(option, metavar="VALUE", help=about)
    chosen = {f: v for f, v in vars(parser.parse_args(arguments)).items() if v is not None}
    for field, value in chosen.items():
        if isinstance(value, list) and value and isinstance(value[0], list):
            chosen[field] = [_pairs(option, field) for option in value]
    sys.stdout.write(print_worksheet(calculator.answer(chosen)))
    return ANSWERED


def _type(shape: dict[str, Any]) -> str:
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
    """``opioid=oxycodone "daily_dose=60 mg/day"`` as the fields of one line. A list within a line is JSON."""
    line: dict[str, Any] = {}
    for word in words:
        name, equals, value = word.partition("=")
        if not equals or name in line:
            raise refused("option", f"{echo(word)}: write each part of --{field} once, as field=value in quotes.")
        line[name.replace("-", "_")] = _read(value.encode()) if value.startswith("[") else value
    return line


def _parser() -> _Parser:
    parser = _Parser(prog="pumpcalc", description="Intrathecal pump dosing and refills.", allow_abbrev=False)
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    calculate = commands.add_parser("calculate", help="a request as JSON in, the record as JSON out")
    calculate.add_argument("name", metavar="NAME", help="name of the calculation; see: pumpcalc list")
    calculate.add_argument("file", nargs="?", default="-", metavar="FILE", help="the request; - for standard input")
    calculate.add_argument("--lines", action="store_true", help="one request per line in, one record per line out")
    calculate.set_defaults(run=_calculate)
    verify = commands.add_parser("verify", help="replay a saved calculation")
    verify.add_argument("file", metavar="FILE", help="the record of a calculation; - for standard input")
    verify.set_defaults(run=_verify)
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
        # argparse takes an option between NAME and FILE for the end of the command.
        arguments = _parser().parse_args(sorted(words, key="--lines".__eq__))
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


if __name__ == "__main__":
    sys.exit(main())
