"""Every error as one shape: RFC 9457 application/problem+json. One table says what becomes what.

    malformed JSON              400     no such thing              404     not for this method     405
    request too large           413     other media type           415     a refusal of the core   422
    answer withheld, no library, no store                          503     anything else           500

A 500 says that something failed and under which number it is logged, and not a word more.
"""

from __future__ import annotations

import logging
import uuid
from collections.abc import Mapping, Sequence
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy.exc import OperationalError
from sqlalchemy.exc import TimeoutError as StoreTimeout
from starlette.exceptions import HTTPException

from pumpcalc.errors import CalculationWithheld, LibraryDefect, Problem, Refusal
from pumpcalc.strict_json import LONGEST, NotJson, TooLarge

__all__ = [
    "NotFound",
    "NotReady",
    "ProblemDocument",
    "WrongMediaType",
    "documented",
    "install",
    "problem_response",
]

MEDIA_TYPE = "application/problem+json"
MOST_ERRORS = 20
_LOG = logging.getLogger("pumpcalc.problems")


class NotFound(Exception):
    """There is no such thing in this clinic. Another clinic's thing is answered alike."""

    def __init__(self, what: str) -> None:
        super().__init__(f"There is no such {what} here.")


class NotReady(Exception):
    """The service should not be sent requests now. The message names the checks that fail."""

    def __init__(self, failing: Sequence[str]) -> None:
        super().__init__(f"Failing checks: {', '.join(failing)}.")


class WrongMediaType(Exception):
    """The body is not said to be JSON."""


class FieldProblem(BaseModel):
    """One thing that is wrong with one field."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    pointer: str = Field(description="RFC 6901 pointer to the field; empty for the whole request.")
    code: str = Field(description="Stable name of the rule.")
    detail: str = Field(description="One sentence that says what to write instead.")
    allowed: list[str] | None = None
    did_you_mean: str | None = None


class ProblemDocument(BaseModel):
    """Why a request was not answered (RFC 9457)."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    type: str = Field(examples=["https://pumpcalc.invalid/problems/unit-missing"])
    title: str
    status: int
    detail: str
    instance: str = Field(description="urn:uuid of this occurrence; the log has it too.")
    errors: list[FieldProblem] = Field(default=[], max_length=MOST_ERRORS)


_DESCRIPTIONS = {
    400: "The body is not JSON as pumpcalc reads it.",
    404: "There is no such thing in this clinic.",
    413: "The body is too large.",
    415: "The body is not application/json.",
    422: "The request is refused: which field, why, and what to write instead.",
    503: "The answer is withheld, or something that it needs is not there.",
}


def documented(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """What a route may answer besides its answer, for OpenAPI."""
    schema = {"$ref": f"#/components/schemas/{ProblemDocument.__name__}"}
    return {
        status: {"description": _DESCRIPTIONS[status], "content": {MEDIA_TYPE: {"schema": schema}}}
        for status in statuses
    }


def problem_response(
    status: int,
    code: str,
    detail: str,
    problems: Sequence[Problem] = (),
    headers: Mapping[str, str] | None = None,
) -> JSONResponse:
    """A problem document, and a line in the log with its number and code, without any value."""
    instance = f"urn:uuid:{uuid.uuid4()}"
    _LOG.info("problem status=%d code=%s instance=%s", status, code, instance)
    document = ProblemDocument(
        type=f"https://pumpcalc.invalid/problems/{code}",
        title=code.replace("-", " ").capitalize(),
        status=status,
        detail=detail,
        instance=instance,
        errors=[FieldProblem.model_validate(problem.model_dump()) for problem in problems[:MOST_ERRORS]],
    )
    return JSONResponse(document.model_dump(exclude_none=True), status, dict(headers or {}), media_type=MEDIA_TYPE)


# What each error becomes: status, code, and its sentence, or None where the error brings its own.
_TABLE: dict[type[Exception], tuple[int, str, str | None]] = {
    NotJson: (400, "malformed-json", None),
    NotFound: (404, "not-found", None),
    TooLarge: (413, "too-large", f"The body is longer than {LONGEST} bytes."),
    WrongMediaType: (415, "media-type", "Send JSON: Content-Type: application/json, in UTF-8."),
    CalculationWithheld: (
        503,
        "calculation-withheld",
        "The independent replay disagrees with the answer, so it is withheld.",
    ),
    LibraryDefect: (503, "library-defect", "The drug library does not load, so nothing is calculated."),
    OperationalError: (503, "store-unavailable", "The store does not answer. Nothing was recorded."),
    StoreTimeout: (503, "store-unavailable", "The store does not answer. Nothing was recorded."),
    NotReady: (503, "not-ready", None),
    Exception: (500, "internal", "Something failed inside. Nothing was answered."),
}


async def _from_table(_request: Request, error: Exception) -> JSONResponse:
    status, code, detail = next(_TABLE[kind] for kind in type(error).__mro__ if kind in _TABLE)
    return problem_response(status, code, str(error) if detail is None else detail)


async def _refusal(_request: Request, refusal: Exception) -> JSONResponse:
    """A refusal of the core or of the store: every field that is wrong, with the core's own sentences."""
    assert isinstance(refusal, Refusal)
    first = refusal.problems[0]
    return problem_response(422, first.code, first.detail, refusal.problems)


async def _parameter(_request: Request, error: Exception) -> JSONResponse:
    """A query parameter that FastAPI refused; bodies never come this way."""
    assert isinstance(error, RequestValidationError)
    problems = [
        Problem(code="parameter", detail=f"{'.'.join(str(part) for part in found['loc'][1:])}: {found['msg']}.")
        for found in error.errors()
    ]
    return problem_response(422, "parameter", problems[0].detail, problems)


async def _http(_request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)
    code, detail = {
        404: ("not-found", "There is nothing at this address."),
        405: ("method-not-allowed", "This address does not take this method."),
    }.get(error.status_code, ("http-error", "The request was not answered."))
    return problem_response(error.status_code, code, detail, headers=error.headers)


def install(app: FastAPI) -> None:
    """Make every error of the application a problem document. To be called before the first request."""
    for kind in _TABLE:
        app.add_exception_handler(kind, _from_table)
    app.add_exception_handler(Refusal, _refusal)
    app.add_exception_handler(RequestValidationError, _parameter)
    app.add_exception_handler(HTTPException, _http)
