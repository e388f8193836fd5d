"""What is told of one reminder, where it may go, and how a channel says that it did not go.

    NotDelivered       this copy may not have left; try again later
    ├── TryLater       the receiver said when
    └── Undeliverable  trying again would change nothing

A notice names no drug, no dose and no person: whoever may know more follows its link.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field
from typing import Protocol

__all__ = ["Address", "Channel", "NotDelivered", "Notice", "TryLater", "Undeliverable"]

_LONGEST_WAIT_SECONDS = 3600


@dataclass(frozen=True)
class Notice:
    """What is told of one reminder: no drug, no dose, no person."""

    idem: str
    """64 hexadecimal digits, the same in every copy: Message-ID and webhook-id."""
    kind: str
    """Such as 3-days-before, due-day, overdue, unknown, digest, dead-delivery."""
    severity: str
    """critical, high, analgesia-loss or low."""
    subject: str
    """One line of ASCII."""
    lines: tuple[str, ...]
    """Sentences of plain ASCII."""
    link: str
    due_at: dt.datetime
    """When it was due, with its offset."""
    now: dt.datetime
    """When this copy is made, with its offset."""


@dataclass(frozen=True)
class Address:
    """Where one copy goes. Never shown, because an Apprise URL and the path of a webhook are themselves secrets."""

    channel: str
    """email, webhook or apprise."""
    address: str = field(repr=False)
    """An e-mail address or a URL."""
    secret: str | None = field(default=None, repr=False)
    """Of a webhook: whsec_ and base64."""


class Channel(Protocol):
    """Anything that can carry a notice."""

    def send(self, notice: Notice, to: Address) -> str:
        """Send one copy, blocking, at most SEND_SECONDS. Where it went, for a person.

        Raises NotDelivered, or whatever else went wrong, when it may not have left.
        """
        ...


class NotDelivered(Exception):
    """This copy may not have left. The message is one sentence that holds no secret of the address."""


class TryLater(NotDelivered):
    """The receiver asked for patience: ``seconds`` until the next try, at most an hour."""

    def __init__(self, message: str, seconds: float) -> None:
        super().__init__(message)
        self.seconds = min(max(seconds, 0), _LONGEST_WAIT_SECONDS)


class Undeliverable(NotDelivered):
    """Trying again would change nothing: the receiver is gone, or the address cannot be used."""
