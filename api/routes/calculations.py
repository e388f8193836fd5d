"""The calculators over HTTP: one route each, all from the one registry."""

from __future__ import annotations

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict

from api.body import JsonBody
from api.openapi import takes
from api.problems import documented
from pumpcalc import CALCULATORS, calculate
from pumpcalc.worksheet import Calculation, Calculator

__all__ = ["router"]

PREFIX = "/v1/calculations"


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


def router() -> APIRouter:
    """Routes for every calculator of the registry."""
    made = APIRouter(prefix=PREFIX, tags=["calculations"])

    @made.get("", summary="Every calculator")
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

    to.add_api_route(
        f"/{found.name}",
        answer,
        methods=["POST"],
        name=found.name,
        operation_id=found.name,
        summary=found.summary,
        description=found.description or found.summary,
        response_description="The calculation, with its steps, limits, notes and sources.",
        responses=documented(400, 413, 415, 422, 503),
        openapi_extra=takes(found.request),
    )
