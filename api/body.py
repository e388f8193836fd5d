"""The body of a request, read strictly: media type, size while it arrives, then the reader of every door."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import Depends, Request

from api.problems import WrongMediaType
from pumpcalc import strict_json

__all__ = ["JsonBody"]


def _is_json(content_type: str) -> bool:
    kind, _, parameters = content_type.partition(";")
    charset = parameters.strip().lower().replace('"', "")
    return kind.strip().lower() == "application/json" and charset in ("", "charset=utf-8")


async def _json_body(request: Request) -> Any:
    if not _is_json(request.headers.get("content-type", "")):
        raise WrongMediaType
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > strict_json.LONGEST:
            raise strict_json.TooLarge
    return strict_json.read(bytes(body))


JsonBody = Annotated[Any, Depends(_json_body)]
"""Parameter of a route that takes JSON. Its schema for OpenAPI comes from ``api.openapi.takes``."""
