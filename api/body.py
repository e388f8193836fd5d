"""The body of a request, read strictly: size, media type, then the reader of every door. In this order.

A body is never held beyond its cap. What comes after the cap is read to the end and dropped, so that the sender
hears the answer; a sender that goes on and on, or that stops half-way, is cut off.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Callable, Coroutine
from typing import Annotated, Any

from fastapi import Depends, Request
from fastapi.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect

from api.problems import BodyTooSlow, WrongMediaType
from pumpcalc import strict_json

__all__ = ["LONGEST_BATCH", "BatchBody", "JsonBody"]

LONGEST_BATCH = 1024 * 1024
_DROPPED_AT_MOST = 16 * 1024 * 1024

# Whole strings are skipped, and so is the beginning of one that the cap cut.
_BRACKET = re.compile(rb'"(?:[^"\\]|\\.)*(?:"|\\?$)|[\[\]{}]', re.DOTALL)


def _must_be_json(request: Request) -> None:
    """Raises WrongMediaType for anything but application/json in UTF-8, and for every compression."""
    kind, _, parameters = request.headers.get("content-type", "").partition(";")
    charset = parameters.strip().lower().replace('"', "")
    if kind.strip().lower() != "application/json" or charset not in ("", "charset=utf-8"):
        raise WrongMediaType("Send JSON: Content-Type: application/json, in UTF-8.")
    if "content-encoding" in request.headers:
        raise WrongMediaType("Send JSON as it is: a body with a Content-Encoding is not taken.")
    if len(request.headers.getlist("content-type")) > 1:
        raise WrongMediaType("Say once what the body is: there is more than one Content-Type.")


def _is_nested_too_deep(beginning: bytes) -> bool:
    """Whether what was kept of a body that is too long already shows that it is none of ours."""
    depth = 0
    for bracket in _BRACKET.finditer(beginning):
        depth += 1 if bracket[0] in (b"[", b"{") else -1 if bracket[0] in (b"]", b"}") else 0
        if depth > strict_json.DEEPEST:
            return True
    return False


async def _kept(chunks: AsyncIterator[bytes], longest: int) -> tuple[bytes, int]:
    """The first ``longest`` bytes of a body, and how many bytes it has in all."""
    kept, length = bytearray(), 0
    async for chunk in chunks:
        kept += chunk[: longest - len(kept)]
        length += len(chunk)
        if length > _DROPPED_AT_MOST:
            break
    return bytes(kept), length


async def _body(request: Request, longest: int) -> Any:
    too_large = strict_json.TooLarge(f"The body is longer than {longest} bytes.")
    waits = request.headers.get("expect", "").lower() == "100-continue"
    declared = request.headers.get("content-length", "")
    if waits and declared.isdecimal() and int(declared) > longest:
        raise too_large
    try:
        async with asyncio.timeout(request.app.state.body_seconds):
            body, length = await _kept(request.stream(), longest)
    except (TimeoutError, ClientDisconnect):
        raise BodyTooSlow from None
    if length > longest:
        if _is_nested_too_deep(body):
            raise strict_json.NotJson(f"This JSON is nested deeper than {strict_json.DEEPEST} levels.")
        raise too_large
    _must_be_json(request)
    if length > strict_json.LONGEST:  # long enough to hold up the others
        return await run_in_threadpool(strict_json.read, body, longest)
    return strict_json.read(body, longest)


def _reads(longest: int) -> Callable[[Request], Coroutine[Any, Any, Any]]:
    async def read(request: Request) -> Any:
        return await _body(request, longest)

    return read


JsonBody = Annotated[Any, Depends(_reads(strict_json.LONGEST))]
"""Parameter of a route that takes JSON. Its schema for OpenAPI comes from ``api.openapi.takes``."""
BatchBody = Annotated[Any, Depends(_reads(LONGEST_BATCH))]
"""The same for many requests at once."""
