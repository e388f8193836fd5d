"""One HTTP request to addresses that were chosen beforehand, within a deadline that nothing on the other side moves.

No redirect is followed, no proxy asked, no cookie kept, and nothing of the URL is logged.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
import ssl
from collections.abc import AsyncGenerator, Mapping, Sequence
from dataclasses import dataclass
from typing import cast

import httpx

from api.reminders.addresses import Target
from api.reminders.notice import NotDelivered

__all__ = ["LONGEST_BODY", "Answer", "exchange"]

LONGEST_BODY = 64 * 1024
"""How much of an answer is read at most, in bytes."""


@dataclass(frozen=True)
class Answer:
    """What the other side said."""

    status: int
    retry_after: str | None

    @property
    def is_success(self) -> bool:
        """A status of 2xx."""
        return 200 <= self.status < 300


def exchange(
    method: str,
    target: Target,
    addresses: Sequence[str],
    *,
    headers: Mapping[str, str],
    body: bytes | None,
    seconds: float,
    tls: ssl.SSLContext | None = None,
) -> Answer:
    """Ask once and wait for the answer, blocking, at most ``seconds`` in all.

    The connection goes to one of ``addresses``; the certificate and the Host header are those of the target's name.
    A 2xx counts as soon as its head is here: the body is read as a courtesy, to a limit, and what we cut off is no
    failure. One that the other side breaks off is. ``tls``: whom to trust; by default whom this machine trusts.
    Raises NotDelivered.
    """
    try:
        return asyncio.run(_first_that_connects(method, target, addresses, headers, body, seconds, tls or _trusted()))
    except TimeoutError as error:
        raise NotDelivered("no whole answer in time") from error
    except (httpx.ConnectError, httpx.ConnectTimeout) as error:
        raise NotDelivered(f"no connection ({_why(error)})") from error
    except (httpx.HTTPError, OSError) as error:
        # The text of these may hold bytes of the other side.
        raise NotDelivered(f"the connection broke ({type(error).__name__})") from error


@functools.cache
def _trusted() -> ssl.SSLContext:
    """The certificates of the machine count: hospital networks often have their own."""
    return ssl.create_default_context()


def _why(error: BaseException | None) -> str:
    """The verdict on a certificate where there is one, or else the kind of error."""
    first = error
    while error is not None:
        if isinstance(error, ssl.SSLCertVerificationError):
            return f"certificate: {error.verify_message}"
        error = error.__cause__ or error.__context__
    return type(first).__name__


async def _first_that_connects(
    method: str, target: Target, addresses: Sequence[str], headers: Mapping[str, str], body: bytes | None,
    seconds: float, tls: ssl.SSLContext,
) -> Answer:  # fmt: skip
    deadline = asyncio.get_running_loop().time() + max(seconds, 0)
    for number, address in enumerate(addresses, start=1):
        host = f"[{address}]" if ":" in address else address
        request = httpx.Request(
            method,
            f"{target.scheme}://{host}:{target.port}{target.path}",
            headers={"Host": target.authority, "User-Agent": "pumpcalc", "Accept-Encoding": "identity", **headers},
            content=body,
            extensions={
                "sni_hostname": target.host,
                # For TCP and again for TLS: a silent address leaves time for the others. httpcore closes the socket
                # when this ends a handshake, and would not when our deadline did. All else has the one deadline.
                "timeout": {"connect": seconds / len(addresses) / 2, "read": None, "write": None, "pool": None},
            },
        )
        try:
            return await _asked(request, deadline, tls)
        except (httpx.ConnectError, httpx.ConnectTimeout):
            if number == len(addresses):
                raise
    raise NotDelivered("there is no address to connect to")


async def _asked(request: httpx.Request, deadline: float, tls: ssl.SSLContext) -> Answer:
    # The transport alone, without a client: no redirects, no proxies, and no URL in the log.
    async with httpx.AsyncHTTPTransport(verify=tls, trust_env=False) as transport:
        async with asyncio.timeout_at(deadline):
            response = await transport.handle_async_request(request)
        try:
            answer = Answer(response.status_code, response.headers.get("Retry-After"))
            if answer.is_success:
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout_at(deadline):
                        await _drained(response)
            return answer
        finally:
            await response.aclose()


async def _drained(response: httpx.Response) -> None:
    """Read the body, so that the other side is not cut off while it writes; never decoded, never kept."""
    read = 0
    async with contextlib.aclosing(cast("AsyncGenerator[bytes, None]", response.aiter_raw())) as pieces:
        async for piece in pieces:
            read += len(piece)
            if read >= LONGEST_BODY:
                return
