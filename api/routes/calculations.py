"""The calculators over HTTP: one route each, all from the one registry."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from typing import Annotated, Any, Literal

from fastapi import APIRouter
from fastapi.responses import StreamingResponse
from pydantic import BaseModel, ConfigDict, Field, create_model

from api.body import BatchBody, JsonBody
from api.openapi import takes
from api.problems import FieldProblem, documented, shown_problem
from pumpcalc import CALCULATORS, calculate
from pumpcalc.errors import CalculationWithheld, Problem, Refusal, refused
from pumpcalc.worksheet import Calculation, Calculator
from pumpcalc.worksheet.fields import Request

__all__ = ["PREFIX", "Refused", "batch_of", "refused_item", "router"]

PREFIX = "/v1/calculations"
MOST_IN_A_BATCH = 1_000
_WITHHELD = Problem(
    code="calculation-withheld", detail="The independent replay disagrees with the answer, so it is withheld."
)


class CalculatorView(BaseModel):
    """One calculator: where it is asked, and what it answers."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    summary: str
    path: str


class CalculatorList(BaseModel):
    """Every calculator."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    items: list[CalculatorView]


class Refused(BaseModel):
    """One request of a batch that was refused: the same problems as when it is asked alone."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    outcome: Literal["refused"]
    problem: FieldProblem
    problems: list[FieldProblem] | None = Field(default=None, description="All of them, where there are several.")


class BatchAnswer(BaseModel):
    """One record or refusal for each request, in the order of the requests."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    items: list[Annotated[Calculation | Refused, Field(union_mode="left_to_right")]]


@cache
def batch_of(found: Calculator) -> type[Request]:
    """The body that asks one calculator many times."""
    requests = Annotated[list[found.request], Field(min_length=1, max_length=MOST_IN_A_BATCH)]  # type: ignore[name-defined]
    name = f"{found.request.__name__}Batch"
    return create_model(name, __base__=Request, __doc__="Many requests, answered one by one.", requests=(requests, ...))


def router() -> APIRouter:
    """Routes for every calculator of the registry."""
    made = APIRouter(prefix=PREFIX, tags=["calculations"])

    @made.get("", summary="Every calculator", responses=documented(422, 431))
    async def calculators() -> CalculatorList:
        return CalculatorList(
            items=[
                CalculatorView(name=name, summary=c.summary, path=f"{PREFIX}/{name}") for name, c in CALCULATORS.items()
            ]
        )

    for found in CALCULATORS.values():
        _add(made, found)
    return made


def _add(to: APIRouter, found: Calculator) -> None:
    async def answer(body: JsonBody) -> Calculation:
        return calculate(found.name, body)

    def answers(body: BatchBody) -> StreamingResponse:
        return StreamingResponse(_items(found.name, _requests(body)), media_type="application/json")

    to.add_api_route(
        f"/{found.name}",
        answer,
        methods=["POST"],
        name=found.name,
        operation_id=found.name,
        summary=found.summary,
        description=found.description or found.summary,
        response_description="The calculation, with its steps, limits, notes and sources.",
        responses=documented(400, 404, 408, 413, 415, 422, 431, 503),
        openapi_extra=takes(found.request),
    )
    to.add_api_route(
        f"/{found.name}/batch",
        answers,
        methods=["POST"],
        name=f"{found.name}-batch",
        operation_id=f"{found.name}-batch",
        summary=f"Many at once: {found.summary[0].lower()}{found.summary[1:]}",
        description=f"At most {MOST_IN_A_BATCH} requests. One that is refused changes nothing for the others.",
        response_description="One calculation or refusal for each request, in order.",
        response_model=BatchAnswer,
        responses=documented(400, 408, 413, 415, 422, 431, 503),
        openapi_extra=takes(batch_of(found)),
    )


def _requests(body: Any) -> list[Any]:
    """The requests of a batch, each still to be read. Raises Refusal when this is no batch."""
    if not isinstance(body, Mapping):
        raise refused("wrong-type", "The body is an object with fields.")
    problems = [
        Problem(code="unknown-field", detail="A batch holds requests and nothing else.", pointer=f"/{name}")
        for name in body
        if name != "requests"
    ]
    if "requests" not in body:
        problems.append(Problem(code="missing", detail="requests is missing: write a list.", pointer="/requests"))
    elif not isinstance(body["requests"], list) or not 1 <= len(body["requests"]) <= MOST_IN_A_BATCH:
        sentence = f"requests is a list of 1 to {MOST_IN_A_BATCH} requests."
        problems.append(Problem(code="wrong-type", detail=sentence, pointer="/requests"))
    if problems:
        raise Refusal(problems)
    return list(body["requests"])


def _items(name: str, requests: Sequence[Any]) -> Iterator[bytes]:
    """The answer, one record after the other: never all of them in memory, and others are answered in between."""
    before = b'{"items":['
    for request in requests:
        yield before + _record(name, request)
        before = b","
    yield b"]}"


def _record(name: str, request: Any) -> bytes:
    """One record or refusal, as JSON. The pointers of a refusal start at the request itself."""
    try:
        return calculate(name, request).model_dump_json().encode()
    except Refusal as refusal:
        problems = refusal.problems
    except CalculationWithheld:
        problems = (_WITHHELD,)
    return json.dumps(refused_item(problems).model_dump(exclude_unset=True)).encode()


def refused_item(problems: Sequence[Problem]) -> Refused:
    """A refusal as one item of an answer, with the same problems as when it is the whole answer."""
    shown = [FieldProblem(**shown_problem(problem)) for problem in problems]
    more = {"problems": shown} if len(shown) > 1 else {}
    return Refused(outcome="refused", problem=shown[0], **more)
