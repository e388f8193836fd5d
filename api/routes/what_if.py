"""What if, over HTTP: a request and the same with something changed, side by side. Nothing is kept."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import asdict
from functools import cache
from typing import Annotated, Any, get_type_hints

from fastapi import APIRouter
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Field, create_model

from api.body import JsonBody
from api.openapi import takes
from api.problems import documented
from api.routes.calculations import PREFIX, Refused, refused_item
from pumpcalc import CALCULATORS
from pumpcalc.errors import Problem, Refusal, refused
from pumpcalc.library import load
from pumpcalc.what_if import course, what_if
from pumpcalc.worksheet import Calculation, Calculator, Limit
from pumpcalc.worksheet.fields import Request

__all__ = ["router", "what_if_of"]

_PARTS = {"request": "the request as it is", "change": "the fields that change"}


class _View(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Difference(_View):
    """One answer that differs; null where there is no such answer."""

    answer: str
    before: Any
    after: Any


class RefillDates(_View):
    """The day by which the fill must be replaced, before and after; null where that request is refused."""

    before: str | None
    after: str | None


class LeftInReservoir(_View):
    """What is left in the reservoir so many days after the fill; null where that request is refused."""

    day: int
    before: str | None
    after: str | None


class WhatIf(_View):
    """Two answers side by side. Either may be refused; where both are, the request itself is."""

    before: Annotated[Calculation | Refused, Field(union_mode="left_to_right")]
    after: Annotated[Calculation | Refused, Field(union_mode="left_to_right")]
    is_changed: bool = Field(description="Does an answer, a limit that is hit, or whether there is an answer change?")
    differences: list[Difference] = Field(description="Where both are answered: the answers that differ.")
    newly_hit: tuple[Limit, ...]
    not_hit_now: tuple[Limit, ...]
    refill_by: RefillDates | None = Field(description="Of two refill schedules; null for any other calculation.")
    left_in_reservoir: list[LeftInReservoir] = Field(
        description="Of two refill schedules, week by week to the later date; empty for any other calculation."
    )


class Change(Request):
    """The fields of a request that change; null leaves a field out."""

    model_config = ConfigDict(json_schema_extra={"minProperties": 1})


@cache
def what_if_of(found: Calculator) -> type[Request]:
    """The body that asks one calculator twice: every field of the change may be left out, or be null."""
    hints = get_type_hints(found.function, include_extras=True)
    fields: dict[str, Any] = {name: (hints[name] | None, None) for name in found.request.model_fields}
    name = found.request.__name__
    change = create_model(f"{name}Change", __base__=Change, __doc__=Change.__doc__, **fields)
    return create_model(
        f"{name}WhatIf",
        __base__=Request,
        __doc__="A request, and what is changed in it.",
        request=(found.request, ...),
        change=(change, ...),
    )


def router() -> APIRouter:
    """Routes for every calculator of the registry."""
    made = APIRouter(prefix=PREFIX, tags=["calculations"])
    for found in CALCULATORS.values():
        _add(made, found)
    return made


def _add(to: APIRouter, found: Calculator) -> None:
    def answer(body: JsonBody) -> JSONResponse:
        return JSONResponse(_shown(_answer(found, body)))

    to.add_api_route(
        f"/{found.name}/what-if",
        answer,
        methods=["POST"],
        name=f"{found.name}-what-if",
        operation_id=f"{found.name}-what-if",
        summary=f"What if: {found.summary[0].lower()}{found.summary[1:]}",
        description="The request as it is and with the change, side by side. Nothing is kept. A field that is not well "
        "formed is refused; what is well formed and cannot be is said beside the other answer.",
        response_description="Both calculations, and what differs between them.",
        response_model=WhatIf,
        responses=documented(400, 404, 408, 413, 415, 422, 431, 503),
        openapi_extra=takes(what_if_of(found)),
    )


def _answer(found: Calculator, body: Any) -> WhatIf:
    """The two answers to one body.

    Raises Refusal, its pointers under /request or /change, for a body that is not well formed and where neither
    request is answered; CalculationWithheld when the replay of either answer disagrees.
    """
    request, change = _read(found, body)
    run = what_if(found.name, request, change, load())
    if isinstance(run.before, Refusal) and isinstance(run.after, Refusal):
        raise Refusal(_joined(_placed(run.before), _placed(run.after, change)))
    before, after = _refill_by(run.before), _refill_by(run.after)
    return WhatIf(
        before=_side(run.before, {}),
        after=_side(run.after, change),
        is_changed=run.is_changed,
        differences=[Difference(answer=name, before=was, after=now) for name, (was, now) in run.answers.items()],
        newly_hit=run.newly_hit,
        not_hit_now=run.not_hit_now,
        refill_by=RefillDates(before=before, after=after) if before or after else None,
        left_in_reservoir=[LeftInReservoir(**asdict(point)) for point in course(run)],
    )


def _shown(answer: WhatIf) -> dict[str, Any]:
    """The answer as JSON; a refusal in it as it is in a batch."""
    shown = answer.model_dump(mode="json")
    for side in ("before", "after"):
        if isinstance(refusal := getattr(answer, side), Refused):
            shown[side] = refusal.model_dump(exclude_unset=True)
    return shown


def _read(found: Calculator, body: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    """The request and the change, each well formed, the request also with the change. Raises Refusal."""
    request, change = _parts(body)
    named = found.request.model_fields
    # A null that leaves out what is no field stays, to be refused as any other unknown field.
    changed = {name: value for name, value in {**request, **change}.items() if value is not None or name not in named}
    problems: list[Problem] = []
    for fields, of in ((request, {}), (changed, change)):
        try:
            found.read(fields)
        except Refusal as refusal:
            problems = _joined(problems, _placed(refusal, of))
    if problems:
        raise Refusal(problems)
    return request, change


def _parts(body: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    if not isinstance(body, Mapping):
        raise refused("wrong-type", "The body is an object with fields.")
    problems = [
        Problem(code="unknown-field", detail="A what-if holds a request and a change.", pointer=_pointer(name))
        for name in body
        if name not in _PARTS
    ]
    for name, what in _PARTS.items():
        if name not in body:
            problems.append(Problem(code="missing", detail=f"{name} is missing: write {what}.", pointer=f"/{name}"))
        elif not isinstance(body[name], Mapping):
            detail = f"{name} must be an object with fields: {what}."
            problems.append(Problem(code="wrong-type", detail=detail, pointer=f"/{name}"))
    if not problems and not body["change"]:
        detail = "change is empty: write at least one field that changes, with null to leave one out."
        problems = [Problem(code="no-change", detail=detail, pointer="/change")]
    if problems:
        raise Refusal(problems)
    return dict(body["request"]), dict(body["change"])


def _pointer(name: str) -> str:
    return "/" + name.replace("~", "~0").replace("/", "~1")


def _placed(refusal: Refusal, change: Collection[str] = ()) -> list[Problem]:
    """The problems of a request, seen from the body: in the change, where that has the field; else in the request."""
    of_change = tuple(_pointer(name) for name in change)
    return [
        problem.at("/change" if "/".join(problem.pointer.split("/")[:2]) in of_change else "/request")
        for problem in refusal.problems
    ]


def _joined(*lists: list[Problem]) -> list[Problem]:
    """One list of problems, each once: what is wrong in the request is wrong in the changed one too."""
    told: list[Problem] = []
    for problem in (each for problems in lists for each in problems):
        if problem not in told:
            told.append(problem)
    return told


def _side(answer: Calculation | Refusal, change: Collection[str]) -> Calculation | Refused:
    return refused_item(_placed(answer, change)) if isinstance(answer, Refusal) else answer


def _refill_by(answer: Calculation | Refusal) -> str | None:
    return None if isinstance(answer, Refusal) else answer.answers.get("refill_by")
