"""A request that is sent again with the same Idempotency-Key is done once and answered alike.

The key is kept in the transaction that does the work, so a crash between the two is not possible. A refusal is not
kept: what was corrected may be sent under the same key.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Annotated, TypeVar, cast

import sqlalchemy as sa
from fastapi import Depends, Header, Request, Response
from pydantic import BaseModel

from api import clock
from api.body import JsonBody
from api.store import Store
from api.store.queries import engine
from pumpcalc.errors import refused

__all__ = ["Once"]

_ModelT = TypeVar("_ModelT", bound=BaseModel)
_HEADER = "Idempotency-Key"
_KEY = re.compile(r"[!-~]{1,100}")


@dataclass(frozen=True)
class _Within(Store):
    """The store inside a transaction that is open: what is written and read, is written and read in it."""

    connection: sa.Connection

    @contextlib.contextmanager
    def writing(self) -> Iterator[sa.Connection]:
        yield self.connection

    @contextlib.contextmanager
    def reading(self) -> Iterator[sa.Connection]:
        yield self.connection


@dataclass(frozen=True)
class _Once:
    """One request, and the key under which it was sent, if there is one."""

    scope: str
    key: str | None
    body_sha256: str
    status: int

    def run(self, store: Store, work: Callable[[Store], _ModelT]) -> _ModelT:
        """Do the work, or give the answer that was given before. Raises Refusal when the key was another body's."""
        if self.key is None:
            return work(store)
        with store.writing() as connection:
            now = clock.now()
            if engine.begin_once(connection, self.scope, self.key, self.body_sha256, self.status, now):
                made = work(_Within(store.engine, connection))
                engine.end_once(connection, self.scope, self.key, made.model_dump_json())
                return made
            before = engine.once_by_key(connection, self.scope, self.key)
        if before["body_sha256"] != self.body_sha256:
            raise refused(
                "idempotency-key-reused",
                f"This {_HEADER} was sent before with another body: a new request gets a new key.",
            )
        answer = Response(before["answer"], before["status"], {"Idempotency-Replayed": "true"}, "application/json")
        return cast("_ModelT", answer)


def _once(
    request: Request,
    body: JsonBody,
    key: Annotated[
        str | None,
        Header(alias=_HEADER, description="Up to 100 characters that name this request; sent again, it is done once."),
    ] = None,
) -> _Once:
    if key is not None and _KEY.fullmatch(key) is None:
        raise refused("idempotency-key", f"{_HEADER} is 1 to 100 characters of ASCII without spaces, such as a UUID.")
    written = json.dumps(body, sort_keys=True, ensure_ascii=True, default=str)
    route = request.scope["route"]
    scope = f"{request.method} {request.url.path}"
    return _Once(scope, key, hashlib.sha256(written.encode()).hexdigest(), route.status_code or 200)


Once = Annotated[_Once, Depends(_once)]
"""Parameter of a route that writes: ``once.run(store, work)``."""
