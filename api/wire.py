"""The server, below the application: uvicorn, with a head that must arrive in time and faults that are problems."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import h11
import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

from api.door import HEAD_TOO_LARGE, LONGEST_HEAD
from api.problems import MEDIA_TYPE, problem_document
from api.settings import Settings

__all__ = ["server"]

_HEAD_SECONDS = 10


class _Protocol(H11Protocol):
    """HTTP/1.1 by uvicorn. A head that is not whole in time ends the connection, however slowly it drips."""

    _deadline: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._watch()

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        self._watch()

    def connection_lost(self, exc: Exception | None) -> None:
        self._forget()
        super().connection_lost(exc)

    def _watch(self) -> None:
        if self.conn.their_state is not h11.IDLE or self.transport.is_closing():
            self._forget()
        elif self._deadline is None:
            self._deadline = self.loop.call_later(_HEAD_SECONDS, self._too_slow)

    def _forget(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _too_slow(self) -> None:
        self._deadline = None
        if self.conn.their_state is h11.IDLE and not self.transport.is_closing():
            self.transport.close()

    def send_400_response(self, msg: str) -> None:
        """What is no request of HTTP at all is answered with a problem document too."""
        status, code, detail = 400, "malformed", "This is not a request of HTTP/1.1."
        if len(self.conn.trailing_data[0]) > LONGEST_HEAD:
            status, code, detail = HEAD_TOO_LARGE
        body = json.dumps(problem_document(status, code, detail)).encode("ascii")
        headers = [
            ("Content-Type", MEDIA_TYPE),
            ("Content-Length", str(len(body))),
            ("X-Content-Type-Options", "nosniff"),
            ("Connection", "close"),
        ]
        reason = b"Bad Request" if status == 400 else b"Request Header Fields Too Large"
        answer: list[Any] = [h11.Response(status_code=status, headers=headers, reason=reason), h11.Data(data=body)]
        if self.conn.our_state in (h11.IDLE, h11.SEND_RESPONSE):  # else an answer is on its way already
            for event in (*answer, h11.EndOfMessage()):
                self.transport.write(self.conn.send(event) or b"")
        self.transport.close()


def server(app: Any, settings: Settings, port: int | None = None) -> uvicorn.Server:
    """A server of the application, ready to run. It believes no header about who or where the caller is."""
    return uvicorn.Server(
        uvicorn.Config(
            app,
            host=settings.host,
            port=settings.port if port is None else port,
            http=_Protocol,
            ws="none",
            log_config=None,
            access_log=False,
            proxy_headers=False,
            server_header=False,
        )
    )
