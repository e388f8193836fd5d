"""Reminders as signed webhooks, after Standard Webhooks 1.0.0 (its id, timestamp and signature headers).

Every copy of one reminder has the same webhook-id and the same body, so that a receiver that drops duplicates sees one.
"""

from __future__ import annotations

import base64
import binascii
import datetime as dt
import json
import re
import secrets
import ssl
import time
from collections.abc import Iterable
from email.utils import parsedate_to_datetime

from standardwebhooks import Webhook

from api.reminders.addresses import Resolver, addresses_of, check_webhook_url, read_url, system_resolver
from api.reminders.exchange import Answer, exchange
from api.reminders.notice import Address, NotDelivered, Notice, TryLater, Undeliverable
from pumpcalc.errors import Refusal

__all__ = ["WebhookChannel", "new_secret"]

_GONE = 410
_BUSY = (429, 503)
_PREFIX = "whsec_"
_SHORTEST_SECRET, _LONGEST_SECRET = 24, 64
"""In bytes [Standard Webhooks 1.0.0, signature scheme]."""


def new_secret() -> str:
    """A new secret to sign with: 32 bytes from the system's dice."""
    return _PREFIX + base64.b64encode(secrets.token_bytes(32)).decode("ascii")


class WebhookChannel:
    """Sends each notice as one signed POST, to addresses of the public internet or of the networks that are allowed.

    Through no proxy: a proxy would resolve the name a second time, and the check would be worth nothing.
    """

    def __init__(
        self,
        allowed_networks: Iterable[str] = (),
        seconds: float = 10,
        *,
        resolve: Resolver = system_resolver,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        """``tls``: whom to trust; by default whom this machine trusts. Raises ValueError for what is no network."""
        self.allowed_networks = tuple(allowed_networks)
        self.seconds = seconds
        self.resolve = resolve
        self._tls = tls
        check_webhook_url("https://hooks.hospital.example/", self.allowed_networks)

    def send(self, notice: Notice, to: Address) -> str:
        """Post one copy, blocking, at most ``seconds`` with everything. The host that took it.

        Raises TryLater, Undeliverable, or NotDelivered for all else that is not a 2xx.
        """
        deadline = time.monotonic() + self.seconds
        try:
            target = read_url(check_webhook_url(to.address, self.allowed_networks))
        except Refusal as error:
            raise Undeliverable(str(error)) from None
        body = _body(notice)
        headers = {"Content-Type": "application/json", **_signature(notice, body, to.secret)}
        addresses = addresses_of(target, self.resolve, self.seconds, self.allowed_networks)
        answer = exchange(
            "POST",
            target,
            addresses,
            headers=headers,
            body=body.encode(),
            seconds=deadline - time.monotonic(),
            tls=self._tls,
        )
        if not answer.is_success:
            raise _refusal(answer, notice.now)
        return f"{target.authority} answered {answer.status}"


def _body(notice: Notice) -> str:
    due_at = _instant(notice.due_at)
    # The timestamp is when the event took place, which is not when a copy is sent: that one is in the headers.
    data = {
        "id": notice.idem,
        "kind": notice.kind,
        "severity": notice.severity,
        "due_at": due_at,
        "link": notice.link,
    }
    return json.dumps({"type": "pump.reminder", "timestamp": due_at, "data": data}, separators=(",", ":"))


def _instant(when: dt.datetime) -> str:
    return when.astimezone(dt.UTC).isoformat().replace("+00:00", "Z")


def _signature(notice: Notice, body: str, secret: str | None) -> dict[str, str]:
    made_at = notice.now.astimezone(dt.UTC)  # the library takes the digits for UTC, whatever the offset says
    return {
        "webhook-id": notice.idem,
        "webhook-timestamp": str(int(made_at.timestamp())),
        "webhook-signature": Webhook(_key(secret)).sign(notice.idem, made_at, body),
    }


def _key(secret: str | None) -> bytes:
    """The bytes of a secret. The library would skip what is not base64 and sign with the rest."""
    try:
        key = base64.b64decode((secret or "").removeprefix(_PREFIX), validate=True)
    except (binascii.Error, ValueError):
        key = b""
    if not (secret or "").startswith(_PREFIX) or not _SHORTEST_SECRET <= len(key) <= _LONGEST_SECRET:
        raise Undeliverable("the webhook has no usable secret to sign with")
    return key


def _refusal(answer: Answer, now: dt.datetime) -> NotDelivered:
    if answer.status == _GONE:
        return Undeliverable("the receiver answered 410: this webhook is gone for good")
    if answer.status in _BUSY and (seconds := _retry_after(answer.retry_after or "", now)) is not None:
        return TryLater(f"the receiver answered {answer.status} and asked to wait", seconds)
    redirected = "; a redirect is not followed" if 300 <= answer.status < 400 else ""
    return NotDelivered(f"the receiver answered {answer.status}{redirected}")


def _retry_after(written: str, now: dt.datetime) -> float | None:
    """How long to wait, in seconds: a number or an HTTP date; None for neither [RFC 9110 section 10.2.3]."""
    if re.fullmatch("[0-9]{1,9}", written):
        return int(written)
    try:
        until = parsedate_to_datetime(written)
    except (ValueError, OverflowError):
        return None
    return (until.replace(tzinfo=until.tzinfo or dt.UTC) - now).total_seconds()
