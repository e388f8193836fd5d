"""What every request passes before any route, and every answer before it leaves."""

from __future__ import annotations

from collections import Counter

from fastapi import Request
from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.problems import MOST_ERRORS, problem_response
from pumpcalc.errors import Problem, Refusal, echo

__all__ = ["HEAD_TOO_LARGE", "LONGEST_HEAD", "Door", "only_known_parameters"]

LONGEST_HEAD = 16 * 1024
_MOST_HEADERS = 100
HEAD_TOO_LARGE = (431, "headers-too-large", f"The head of a request holds at most {LONGEST_HEAD} bytes.")
"""Status, code and sentence."""


class Door:
    """Refuses a head that is larger than any request needs; no answer is taken for another kind than it says."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def send_plainly(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message)["X-Content-Type-Options"] = "nosniff"
            await send(message)

        headers = scope["headers"]
        size = sum(len(name) + len(value) for name, value in headers)
        if size > LONGEST_HEAD or len(headers) > _MOST_HEADERS:
            await problem_response(*HEAD_TOO_LARGE)(scope, receive, send_plainly)
        else:
            await self._app(scope, receive, send_plainly)


def only_known_parameters(request: Request) -> None:
    """Of every route: a parameter that it does not have, or has twice, is refused, never ignored.

    A filter that is misspelt and ignored shows everything as if it had been filtered.
    """
    route = request.scope["route"]
    known = sorted(parameter.alias for parameter in route.dependant.query_params)
    given = Counter(name for name, _ in request.query_params.multi_items())
    problems = []
    for name, times in list(given.items())[:MOST_ERRORS]:
        pointer = "/" + name.replace("~", "~0").replace("/", "~1")
        if name not in known:
            there = f"they are {', '.join(known)}" if known else "there are none"
            detail = f"{echo(name)} is not a parameter of this address; {there}."
            problems.append(Problem(code="unknown-field", detail=detail, pointer=pointer, allowed=known))
        elif times > 1:
            detail = f"{name} stands more than once in the address: write it once."
            problems.append(Problem(code="parameter", detail=detail, pointer=pointer))
    if problems:
        raise Refusal(problems)
