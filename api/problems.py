"""Every error as one shape: RFC 9457 application/problem+json. One table says what becomes what.

    malformed JSON              400     no such thing              404     not for this method     405
    body too slow               408     body too large             413     other media type        415
    a refusal of the core       422     headers too large          431
    answer withheld, no library, no store                          503     anything else           500

Every document names at least one field, or the whole request. What a caller wrote is shown back in at most 64
escaped characters. A 500 says that something failed and under which number it is logged, and not a word more.
"""

from __future__ import annotations

import logging
import re
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
from starlette.routing import Match

from pumpcalc.errors import CalculationWithheld, LibraryDefect, Problem, Refusal
from pumpcalc.strict_json import NotJson, TooLarge

__all__ = [
    "MEDIA_TYPE",
    "MOST_ERRORS",
    "BodyTooSlow",
    "NotFound",
    "NotReady",
    "ProblemDocument",
    "WrongMediaType",
    "documented",
    "install",
    "problem_document",
    "problem_response",
    "shown_problem",
]

MEDIA_TYPE = "application/problem+json"
MOST_ERRORS = 20
_LONGEST_NAME = 64
_METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
_UNKNOWN_NAMES = ("unknown-drug", "unknown-pump", "unknown-opioid", "unknown-table")
"""Refusals that say: there is no such thing in the library. A calculator answers 404, as for any thing that is not.

Where the address itself names something, a pump of a clinic, its 404 is about that, and this is a 422.
"""
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
    """The body is not said to be plain JSON. The message says what to send."""


class BodyTooSlow(Exception):
    """The body did not arrive in time."""


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
    errors: list[FieldProblem] = Field(min_length=1, max_length=MOST_ERRORS)


_DESCRIPTIONS = {
    400: "The body is not JSON as pumpcalc reads it.",
    404: "There is no such thing, here or in the drug library.",
    408: "The body did not arrive in time.",
    413: "The body is too large.",
    415: "The body is not application/json, or is compressed.",
    431: "The headers are too large.",
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


def _shown_pointer(pointer: str) -> str:
    """A pointer that shows nothing long and nothing hidden: where a name in it would, that of the object around it."""
    parts = pointer.split("/")
    for number, part in enumerate(parts):
        if len(part) > _LONGEST_NAME or re.fullmatch("[ -~]*", part) is None:
            return "/".join(parts[:number])
    return pointer


def shown_problem(problem: Problem) -> dict[str, Any]:
    """One problem as callers see it. Where the allowed texts are listed, the nearest is named, or null."""
    cut = problem.model_copy(update={"pointer": _shown_pointer(problem.pointer)})
    shown = cut.model_dump(exclude_none=True)
    return shown | {"did_you_mean": problem.did_you_mean} if problem.allowed is not None else shown


def problem_document(status: int, code: str, detail: str, problems: Sequence[Problem] = ()) -> dict[str, Any]:
    """A problem document, and a line in the log with its number and code, without any value."""
    instance = f"urn:uuid:{uuid.uuid4()}"
    _LOG.info("problem status=%d code=%s instance=%s", status, code, instance)
    listed = problems or [Problem(code=code, detail=detail)]
    return {
        "type": f"https://pumpcalc.invalid/problems/{code}",
        "title": code.replace("-", " ").capitalize(),
        "status": status,
        "detail": detail,
        "instance": instance,
        "errors": [shown_problem(problem) for problem in listed[:MOST_ERRORS]],
    }


def problem_response(
    status: int,
    code: str,
    detail: str,
    problems: Sequence[Problem] = (),
    headers: Mapping[str, str] | None = None,
) -> JSONResponse:
    """The answer that is a problem document. After some, the connection holds nothing that could be read on."""
    more = {"Connection": "close"} if status in (408, 413, 431) else {}
    document = problem_document(status, code, detail, problems)
    return JSONResponse(document, status, {**(headers or {}), **more}, media_type=MEDIA_TYPE)


# What each error becomes: status, code, and its sentence, or None where the error brings its own.
_TABLE: dict[type[Exception], tuple[int, str, str | None]] = {
    NotJson: (400, "malformed", None),
    NotFound: (404, "not-found", None),
    BodyTooSlow: (408, "too-slow", "The body did not arrive in time."),
    TooLarge: (413, "too-large", None),
    WrongMediaType: (415, "media-type", None),
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


async def _refusal(request: Request, refusal: Exception) -> JSONResponse:
    """A refusal of the core or of the store: every field that is wrong, with the core's own sentences."""
    assert isinstance(refusal, Refusal)
    first = refusal.problems[0]
    status = 404 if first.code in _UNKNOWN_NAMES and not request.path_params else 422
    return problem_response(status, first.code, first.detail, refusal.problems)


async def _parameter(_request: Request, error: Exception) -> JSONResponse:
    """A query parameter that FastAPI refused; bodies never come this way."""
    assert isinstance(error, RequestValidationError)
    problems = []
    for found in error.errors():
        name = str(found["loc"][-1])
        code = "out-of-range" if found["type"].endswith("_than_equal") else "parameter"
        problems.append(Problem(code=code, detail=f"{name}: {found['msg']}.", pointer=f"/{name}"))
    return problem_response(422, problems[0].code, problems[0].detail, problems)


def _methods_there(request: Request) -> str:
    """What the address of a request takes. The router itself names only the first route that it finds."""
    there = []
    for method in _METHODS:
        scope = {**request.scope, "method": method}
        if any(route.matches(scope)[0] is Match.FULL for route in request.app.router.routes):
            there.append(method)
    return ", ".join(there)


async def _http(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)
    headers = dict(error.headers or {})
    if error.status_code == 405:
        headers["Allow"] = _methods_there(request)
    code, detail = {
        404: ("not-found", "There is nothing at this address."),
        405: ("method-not-allowed", "This address does not take this method."),
    }.get(error.status_code, ("http-error", "The request was not answered."))
    return problem_response(error.status_code, code, detail, headers=headers)


def install(app: FastAPI) -> None:
    """Make every error of the application a problem document. To be called before the first request."""
    for kind in _TABLE:
        app.add_exception_handler(kind, _from_table)
    app.add_exception_handler(Refusal, _refusal)
    app.add_exception_handler(RequestValidationError, _parameter)
    app.add_exception_handler(HTTPException, _http)
