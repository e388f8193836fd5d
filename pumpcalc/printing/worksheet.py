"""The worksheet as a person reads it, and redoes it by hand."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Sequence
from typing import Any

from pumpcalc.formulas import FORMULAS
from pumpcalc.library import Library
from pumpcalc.printing.lines import WIDTH, wrapped
from pumpcalc.worksheet import Calculation, Given, Limit, Step

__all__ = ["print_formulas", "print_worksheet"]

_SENTENCE = 40
"""A cell longer than this is read as a sentence, not looked up in a table."""
_LARGE = "in-the-syringe"
"""The note that is printed between rules, at the top: the drug that a fill into the pocket would be."""


def print_worksheet(calculation: Calculation) -> str:
    """The whole record in plain text: answers first, then givens, steps, limits, notes, unknowns, library, notice."""
    shown = {g.name: g.value for g in calculation.given} | {s.name: s.value for s in calculation.steps}
    lines = [_title(calculation), ""]
    of = {g.name: _of(g) for g in calculation.given} | {s.name: _of(s) for s in calculation.steps}
    for name, answer in calculation.answers.items():
        if _flat(answer):
            lines += wrapped(f"  {_words(name)}: {_listed(answer)}{of.get(name, '')}")
    for name, rows in calculation.answers.items():
        if not _flat(rows):
            lines += ["", f"  {_words(name)}", *_table(rows)]
    if large := [note.text for note in calculation.notes if note.code == _LARGE]:
        rule = "  " + "=" * max(len(text) for text in large)
        lines += ["", rule, *(f"  {text}" for text in large), rule]
    if hits := calculation.limits_hit:
        lines += ["", "LIMITS HIT", *(line for limit in hits for line in wrapped(_limit(limit)))]
    lines += ["", "GIVEN", *(line for given in calculation.given for line in wrapped(_given(given)))]
    if calculation.steps:
        lines += ["", "STEPS", *(line for step in calculation.steps for line in _step(step, shown))]
    if kept := [limit for limit in calculation.limits if not limit.hit]:
        lines += ["", "LIMITS KEPT", *(line for limit in kept for line in wrapped(_limit(limit)))]
    if notes := [note for note in calculation.notes if note.code != _LARGE]:
        lines += ["", "NOTES"]
        for note in notes:
            cited = f" [{note.source.key}, {note.source.status}]" if note.source else ""
            lines += textwrap.wrap(f"{note.text}{cited}", WIDTH, initial_indent="  - ", subsequent_indent="    ")
    if calculation.unknown:
        lines += ["", "NOT CHECKED, because nobody has read the figure"]
        lines += [f"  - {name}" for name in calculation.unknown]
    lines += ["", f"Library {calculation.library.version} ({calculation.library.sha256[:12]}), "
                  f"software {calculation.software}"]  # fmt: skip
    lines += textwrap.wrap(calculation.notice, WIDTH)
    return "\n".join(lines) + "\n"


def print_formulas(library: Library) -> str:
    """Every equation with its units and its source, as Markdown: what docs/formulas.md holds."""
    lines = [
        "# The equations",
        "",
        "Made by `pumpcalc formulas`; a test keeps this page equal to it. Each equation is written once, in",
        "`pumpcalc/formulas/`, and its units are proved by pint when pumpcalc is imported. `X` and `Y` stand for",
        "substances: oral morphine, morphine in the spinal fluid and ziconotide are different dimensions.",
    ]
    for formula in FORMULAS.values():
        source = library.sources[formula.source]
        lines += ["", f"## {formula.name}", "", formula.meaning, "", f"    {formula.name} = {formula.text}", ""]
        lines += [f"- {argument}: {pattern.text}" for argument, pattern in formula.arguments.items()]
        lines += [f"- gives {formula.returns.text}", f"- source: {source.title} ({source.kind})"]
    return "\n".join(lines) + "\n"


def _title(calculation: Calculation) -> str:
    drug = calculation.request.get("drug", "")
    outcome = " -- NO CONVERSION" if calculation.outcome == "no_conversion" else ""
    return f"{calculation.calculation.upper().replace('-', ' ')}{f', {drug}' if drug else ''}{outcome}"


def _flat(answer: Any) -> bool:
    return not isinstance(answer, list | tuple) or all(isinstance(word, str) for word in answer)


def _listed(answer: Any) -> Any:
    """A list of words, such as findings, on one line."""
    return ("; ".join(answer) or "none") if isinstance(answer, list | tuple) else answer


def _words(name: str) -> str:
    return name.replace("_", " ")


def _table(rows: Any) -> list[str]:
    """Rows side by side; a few wide rows stand on their side; what does not fit beside stands below its row."""
    if not rows:
        return ["    none"]
    columns = list(dict.fromkeys(column for row in sorted(rows, key=len, reverse=True) for column in row))
    shown = [{column: _cell(row.get(column, "")) for column in columns} for row in rows]
    below = [column for column in columns if max(len(row[column]) for row in shown) > _SENTENCE]
    cells = [[_words(column), *(row[column] for row in shown)] for column in columns if column not in below]
    if not below and _width(list(zip(*cells, strict=True))) > WIDTH >= _width(cells):
        return _aligned(cells)
    while _width(list(zip(*cells, strict=True))) > WIDTH:
        widest = max(cells, key=lambda column: max(map(len, column)))
        below.append(columns[[_words(column) for column in columns].index(widest[0])])
        cells.remove(widest)
    head, *lines = _aligned(list(zip(*cells, strict=True)))
    made = [head]
    for line, row in zip(lines, shown, strict=True):
        said = "; ".join(_below(column, row[column]) for column in columns if column in below and row[column])
        made += [line, *(wrapped(f"        {said}", indent=8) if said else ())]
    return made


def _width(rows: Sequence[Sequence[str]]) -> int:
    return sum(max(map(len, column)) + 3 for column in zip(*rows, strict=True))


def _aligned(rows: Sequence[Sequence[str]]) -> list[str]:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return [
        "    " + "   ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows
    ]


def _below(column: str, text: str) -> str:
    """A sentence speaks for itself; another cell needs the name of its column."""
    return text if column == "text" else f"{_words(column)}: {text}"


def _cell(value: Any) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)


def _of(line: Given | Step) -> str:
    """The substances, in brackets: an oral and an intrathecal milligram must never look alike."""
    if line.of is None:
        return ""
    named = [name if " " in name else f"intrathecal {name}" for name in line.of.split("/")]
    return f" ({' per '.join(named)})"


def _given(given: Given) -> str:
    where = f"[{given.source.key}: {given.source.where}; {given.source.status}]" if given.source else "entered"
    return f"  {given.name} = {given.value}{_of(given)}  {where}"


def _step(step: Step, shown: dict[str, str]) -> list[str]:
    cited = f"  [{step.source}]" if step.source else ""
    numbers = re.sub(r"[a-z_][a-z_0-9]*(?!\()\b", lambda m: f"{shown[m[0]]}" if m[0] in shown else m[0], step.formula)
    numbers = numbers.replace(" * ", " x ").replace(" / ", " \u00f7 ")
    exact = "" if step.exact == step.value.partition(" ")[0] else f"   (exactly {step.exact})"
    written = wrapped(f"  {step.name} = {step.formula}{cited}") + wrapped(f"      = {numbers}", indent=8)
    return [*written, f"      = {step.value}{_of(step)}{exact}"]


def _limit(limit: Limit) -> str:
    source = f"[{limit.source.key}; {limit.source.status}]" if limit.source else "[of the request]"
    verdict = f"HIT, {limit.level}" if limit.hit else f"kept, {limit.level}"
    return f"  {limit.name}: {limit.actual} {limit.rule} {limit.bound}: {verdict}  {source}"
