"""How a message leaves the house. A channel either returns, and the message has left, or raises."""

from __future__ import annotations

import asyncio
import os
import secrets
from email.message import EmailMessage
from pathlib import Path
from typing import Protocol
from urllib.parse import unquote, urlsplit

from api.settings import SEND_SECONDS, Settings

__all__ = ["Channel", "MailFolderChannel", "SmtpChannel", "channel_of"]

_LOOPBACK = ("127.0.0.1", "::1", "localhost")


class Channel(Protocol):
    """Anything that can carry a message."""

    def send(self, message: EmailMessage, idem: str) -> str:
        """Send one copy, blocking. Where it went, for a person. Raises when it may not have left."""
        ...


class MailFolderChannel:
    """Messages as .eml files, for a house without an SMTP server. A copy sent twice is one file."""

    def __init__(self, folder: str | Path) -> None:
        self.folder = Path(folder)

    def send(self, message: EmailMessage, idem: str) -> str:
        """Write the message under its idem: whole and on disk, or not there at all."""
        self.folder.mkdir(parents=True, exist_ok=True)
        path = self.folder / f"{idem}.eml"
        draft = self.folder / f".{idem}.{secrets.token_hex(4)}.part"
        try:
            with draft.open("xb") as file:
                file.write(message.as_bytes())
                file.flush()
                os.fsync(file.fileno())
            draft.replace(path)
        finally:
            draft.unlink(missing_ok=True)
        folder = os.open(self.folder, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
        return str(path)


class SmtpChannel:
    """Messages by SMTP. A password only travels encrypted, unless the server is this very machine."""

    def __init__(self, url: str, seconds: float = SEND_SECONDS) -> None:
        parts = urlsplit(url)
        if parts.scheme not in ("smtp", "smtps") or not parts.hostname:
            raise ValueError("write it as smtp://user:password@host:port or smtps://user:password@host:port")
        self.host = parts.hostname
        self.use_tls = parts.scheme == "smtps"
        self.port = parts.port or (465 if self.use_tls else 587 if parts.username else 25)
        self.username = unquote(parts.username) if parts.username else None
        self.password = unquote(parts.password) if parts.password else None
        # None: encrypt when the server offers it. True: refuse a server that does not.
        must_encrypt = self.username is not None and self.host not in _LOOPBACK
        self.start_tls = False if self.use_tls else True if must_encrypt else None
        self.seconds = seconds

    def send(self, message: EmailMessage, idem: str) -> str:
        """Hand the message to the server and wait for its acceptance, at most ``seconds`` in all."""
        asyncio.run(asyncio.wait_for(self._send(message), self.seconds))
        return f"{self.host}:{self.port}"

    async def _send(self, message: EmailMessage) -> None:
        import aiosmtplib

        await aiosmtplib.send(
            message,
            hostname=self.host,
            port=self.port,
            username=self.username,
            password=self.password,
            use_tls=self.use_tls,
            start_tls=self.start_tls,
            timeout=self.seconds,
        )


def channel_of(settings: Settings) -> Channel:
    """The channel that the settings name: SMTP when there is a server, else the mail folder."""
    if settings.smtp_url is not None:
        return SmtpChannel(settings.smtp_url.get_secret_value())
    return MailFolderChannel(settings.mail_folder)
