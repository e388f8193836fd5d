"""How a message leaves the house. A channel either returns, and the message has left, or raises."""

from __future__ import annotations

import asyncio
import os
import secrets
from email.message import EmailMessage
from pathlib import Path
from urllib.parse import unquote, urlsplit

from api.reminders.apprise_channel import AppriseChannel
from api.reminders.message import email
from api.reminders.notice import Address, Channel, Notice, Undeliverable
from api.reminders.webhook import WebhookChannel
from api.settings import SEND_SECONDS, Settings

__all__ = ["MailFolderChannel", "SmtpChannel", "channels_of"]

_PERMANENT = 500
_LOOPBACK = ("127.0.0.1", "::1", "localhost")


class MailFolderChannel:
    """Messages as .eml files, for a house without an SMTP server. A copy sent twice is one file."""

    def __init__(self, folder: str | Path, sender: str) -> None:
        self.folder = Path(folder)
        self.sender = sender

    def send(self, notice: Notice, to: Address) -> str:
        """Write the message under its idem: whole and on disk, or not there at all."""
        message = email(notice, self.sender, to.address)
        self.folder.mkdir(parents=True, exist_ok=True)
        path = self.folder / f"{notice.idem}.eml"
        draft = self.folder / f".{notice.idem}.{secrets.token_hex(4)}.part"
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

    def __init__(self, url: str, sender: str, seconds: float = SEND_SECONDS) -> None:
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
        self.sender = sender
        self.seconds = seconds

    def send(self, notice: Notice, to: Address) -> str:
        """Hand the message to the server and wait for its acceptance, at most ``seconds`` in all.

        Raises Undeliverable when the server says that it will never take mail for this address.
        """
        message = email(notice, self.sender, to.address)
        asyncio.run(asyncio.wait_for(self._send(message), self.seconds))
        return f"{self.host}:{self.port}"

    async def _send(self, message: EmailMessage) -> None:
        import aiosmtplib

        try:
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
        except aiosmtplib.SMTPRecipientsRefused as refusal:
            codes = [each.code for each in refusal.recipients]
            if all(code >= _PERMANENT for code in codes):
                raise Undeliverable(f"the server refuses this address for good ({codes[0]})") from None
            raise


def channels_of(settings: Settings) -> dict[str, Channel]:
    """The channels that the settings name, by name. E-mail goes to the mail folder where there is no server."""
    if settings.smtp_url is not None:
        mail: Channel = SmtpChannel(settings.smtp_url.get_secret_value(), settings.mail_from)
    else:
        mail = MailFolderChannel(settings.mail_folder, settings.mail_from)
    channels: dict[str, Channel] = {"email": mail, "webhook": WebhookChannel(settings.webhook_networks.split())}
    if settings.apprise_schemes.split():
        channels["apprise"] = AppriseChannel(settings.apprise_schemes.split())
    return channels
