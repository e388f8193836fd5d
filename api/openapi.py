"""The OpenAPI document. Routes read their bodies strictly themselves, so their schemas are put in here."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from pydantic import BaseModel

from api.problems import ProblemDocument

__all__ = ["describe", "takes"]

_PLACE = "#/components/schemas/{model}"


def takes(model: type[BaseModel]) -> dict[str, Any]:
    """``openapi_extra`` of a route whose body has this model."""
    schema = {"$ref": _PLACE.format(model=model.__name__)}
    return {"requestBody": {"required": True, "content": {"application/json": {"schema": schema}}}}


def _without_fastapis_own_422(document: dict[str, Any]) -> None:
    """Drop the validation error that FastAPI writes to every route with a parameter: ours are problem documents."""
    own = {"$ref": _PLACE.format(model="HTTPValidationError")}
    for operations in document["paths"].values():
        for operation in operations.values():
            content = operation["responses"].get("422", {}).get("content", {})
            if content.get("application/json", {}).get("schema") == own:
                del operation["responses"]["422"]
    for name in ("HTTPValidationError", "ValidationError"):
        document.get("components", {}).get("schemas", {}).pop(name, None)


def describe(app: FastAPI, models: Iterable[type[BaseModel]]) -> None:
    """Give the application its OpenAPI document, with these models among its schemas."""
    named: list[type[BaseModel]] = [*models, ProblemDocument]

    def openapi() -> dict[str, Any]:
        if app.openapi_schema is None:
            made = get_openapi(
                title=app.title,
                version=app.version,
                summary=app.summary,
                description=app.description,
                routes=app.routes,
                license_info=app.license_info,
            )
            _without_fastapis_own_422(made)
            schemas = made.setdefault("components", {}).setdefault("schemas", {})
            for model in named:
                schema = model.model_json_schema(ref_template=_PLACE)
                schemas |= schema.pop("$defs", {})
                schemas[model.__name__] = schema
            app.openapi_schema = made
        return app.openapi_schema

    app.openapi = openapi  # type: ignore[method-assign]
