"""Every way in which pumpcalc declines, in one tree.

    PumpcalcError
    ├── Refusal              the question cannot be answered as asked: says which field, and what to write instead
    ├── CalculationWithheld  the independent replay disagreed: no answer leaves the building
    ├── LibraryDefect        the drug library does not load: says which file and which figure
    └── FormulaDefect        an equation does not prove its units: ``import pumpcalc`` fails

A refusal never looks like an answer: it is raised, and it carries no number.
"""

from __future__ import annotations

from collections.abc import Iterable

from pydantic import BaseModel, ConfigDict, Field

from pumpcalc.strict_json import JsonNumber

__all__ = [
    "CalculationWithheld",
    "FormulaDefect",
    "LibraryDefect",
    "Problem",
    "PumpcalcError",
    "Refusal",
    "echo",
    "refused",
]

_LONGEST_ECHO = 64


class PumpcalcError(Exception):
    """Base of everything that pumpcalc raises on purpose."""


class Problem(BaseModel):
    """One thing that is wrong with one field, in words that say what to write instead."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    code: str = Field(description="Stable name of the rule, lower case with hyphens.")
    detail: str = Field(description="One sentence for a person.")
    pointer: str = Field(default="", description="RFC 6901 pointer to the field; empty for the whole request.")
    allowed: list[str] | None = Field(default=None, description="What may stand there, where that is a closed list.")
    did_you_mean: str | None = Field(default=None, description="The nearest allowed text. Never used by itself.")

    def at(self, pointer: str) -> Problem:
        """The same problem, seen from the field that holds the value."""
        return self.model_copy(update={"pointer": pointer + self.pointer})


class Refusal(PumpcalcError):
    """The question cannot be answered as asked. ``problems`` is never empty."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(problems)
        if not self.problems:
            raise ValueError("a refusal names at least one problem")
        super().__init__("; ".join(problem.detail for problem in self.problems))

    def record(self) -> dict[str, object]:
        """The contract's refusal: the first problem, and all of them where there are several."""
        listed = [problem.model_dump(exclude_none=True) for problem in self.problems]
        record: dict[str, object] = {"outcome": "refused", "problem": listed[0]}
        if len(listed) > 1:
            record["problems"] = listed
        return record


class CalculationWithheld(PumpcalcError):
    """The independent replay of a calculation disagrees with what is printed, so the answer is withheld."""


class LibraryDefect(PumpcalcError):
    """The drug library has a defect and does not load. Names the file and the figure."""


class FormulaDefect(PumpcalcError):
    """An equation does not give the unit that it declares."""


def refused(
    code: str,
    detail: str,
    pointer: str = "",
    *,
    allowed: Iterable[str] | None = None,
    did_you_mean: str | None = None,
) -> Refusal:
    """A refusal of one problem, ready to raise."""
    closed = None if allowed is None else list(allowed)
    return Refusal([Problem(code=code, detail=detail, pointer=pointer, allowed=closed, did_you_mean=did_you_mean)])


def echo(text: object) -> str:
    """What was written, safe to print: quoted, escaped to ASCII, at most 64 characters."""
    if isinstance(text, str):
        shown = '"' + ascii(text[: _LONGEST_ECHO + 1])[1:-1] + '"'
    elif text is None or isinstance(text, bool):
        shown = {None: "null", True: "true", False: "false"}[text]
    elif isinstance(text, int | float | JsonNumber):
        shown = str(text)
    else:
        shown = "a list" if isinstance(text, list | tuple) else "an object"
    if len(shown) <= _LONGEST_ECHO:
        return shown
    return shown[: _LONGEST_ECHO - 4] + ('..."' if isinstance(text, str) else "...")
