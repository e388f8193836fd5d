"""The record of a calculation: one frozen shape for Python, the command line, HTTP, the store and the page."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from pumpcalc.library import Status

__all__ = ["Calculation", "Cited", "Given", "LibraryRevision", "Limit", "Note", "Step"]

Shown = Annotated[str, Field(description="Number, space, unit; at most 6 significant figures, rounded half even.")]
Exact = Annotated[str, Field(description="The same number unrounded, as a fraction, in the unit shown; or the date.")]
Of = Annotated[
    str | None, Field(description="The substance. Oral morphine, morphine and ziconotide are different dimensions.")
]


class _Record(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Cited(_Record):
    """Where a figure or an equation was read."""

    key: str = Field(description="Key of the document in the library's sources.")
    where: str = Field(description="Place in the document.")
    status: Status = Field(description="Evidence status of the figure as it was read.")
    fact: str | None = Field(default=None, description="Name of the figure in the library, so that its uses are found.")


class Given(_Record):
    """Something that the calculation starts from: entered by the user (no source) or read from the library."""

    name: str
    value: Shown
    exact: Exact
    of: Of = None
    source: Cited | None = None


class Step(_Record):
    """One use of one equation, or one named choice or rounding. The formula printed is the formula run."""

    name: str
    formula: str = Field(description="Arithmetic over the names of givens and of earlier steps.")
    value: Shown
    exact: Exact
    of: Of = None
    equation: str | None = Field(default=None, description="Name of the equation in pumpcalc.formulas, if it is one.")
    source: str | None = Field(default=None, description="Source key of the equation.")


class Limit(_Record):
    """One limit that was looked at, whether hit or not. Nothing is clamped to it."""

    name: str
    rule: Literal["at most", "at least", "one of"]
    actual: str
    actual_exact: str
    bound: str
    bound_exact: str
    level: Literal["hard", "soft"] = Field(description="hard: cannot be ordered. soft: can be ordered with a reason.")
    hit: bool
    source: Cited | None = Field(default=None, description="Null when the bound is the user's own.")


class Note(_Record):
    """Something that the reader must know beside the numbers."""

    code: str
    text: str
    source: Cited | None = None


class LibraryRevision(_Record):
    """Which drug library answered."""

    version: str
    sha256: str


class Calculation(_Record):
    """An answer with everything that is needed to redo it by hand."""

    calculation: str
    outcome: Literal["answer", "no_conversion"]
    request: dict[str, Any] = Field(description="The request as it was understood, in normal spelling.")
    answers: dict[str, Any] = Field(description="The answers by name. Every number stands in the steps or givens.")
    answer_lines: dict[str, str] = Field(
        description="Where each number of the answers stands: pointer into answers, name of the given or step."
    )
    given: tuple[Given, ...]
    steps: tuple[Step, ...]
    limits: tuple[Limit, ...]
    notes: tuple[Note, ...]
    unknown: tuple[str, ...] = Field(
        description="Facts that the library does not hold and that would have been checked."
    )
    library: LibraryRevision
    software: str
    notice: str

    @property
    def limits_hit(self) -> tuple[Limit, ...]:
        """The limits that the answer crosses."""
        return tuple(limit for limit in self.limits if limit.hit)
