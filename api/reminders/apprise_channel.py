"""Reminders through Apprise, which speaks to pagers, text messages and chats. Needs the extra ``notify``."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterable

from api.reminders.in_time import in_time
from api.reminders.notice import Address, NotDelivered, Notice, Undeliverable
from api.settings import SettingsError

__all__ = ["AppriseChannel"]

_TYPE_OF_SEVERITY = {"critical": "failure", "high": "warning", "analgesia-loss": "warning"}


class AppriseChannel:
    """Hands each notice to the service that an Apprise URL names, such as twilio:// or pagerduty://.

    Many of Apprise's services connect to whatever host stands in the URL, or run something on this machine. So the
    operator names the ``schemes`` that may be used; no other is.
    """

    def __init__(self, schemes: Iterable[str], seconds: float = 30) -> None:
        """``seconds``: how long one send may take. Raises SettingsError when Apprise is not installed."""
        if importlib.util.find_spec("apprise") is None:
            raise SettingsError('The channel apprise needs the notify extra: pip install "pumpcalc[notify]".')
        self.schemes = frozenset(schemes)
        self.seconds = seconds

    def send(self, notice: Notice, to: Address) -> str:
        """Send one copy, blocking, at most ``seconds``. The scheme that took it: the rest of the URL is secret.

        Raises Undeliverable for a URL that cannot be used, NotDelivered when the service did not say yes in time.
        """
        import apprise

        scheme = to.address.partition("://")[0]
        if scheme not in self.schemes:
            raise Undeliverable("this service of Apprise is not one that the operator allows")
        # Its own pool is left aside: a service that hangs would fill it, and keep this process from ending.
        asset = apprise.AppriseAsset(
            app_id="pumpcalc", async_mode=False, http_redirects=False, service_timeout=0, storage_mode="memory"
        )
        service = apprise.Apprise.instantiate(to.address, asset=asset)
        if service is None:
            raise Undeliverable("Apprise cannot use this URL")
        told = apprise.Apprise(asset=asset)
        told.add(service)

        def tell() -> apprise.AppriseResult:
            return told.notify(
                title=notice.subject,
                body=_body(notice),
                notify_type=apprise.NotifyType(_TYPE_OF_SEVERITY.get(notice.severity, "info")),
                body_format=apprise.NotifyFormat.TEXT,
                interpret_escapes=False,
            )

        try:
            result = in_time(tell, self.seconds)
        except TimeoutError:
            raise NotDelivered("the service of Apprise did not answer in time") from None
        # Since 2.0 this is an object; its status is what says how it went.
        if result.status is not apprise.AppriseResultStatus.SUCCESS:
            raise NotDelivered(f"Apprise says {result.status.name.lower()}")
        return f"{scheme} by Apprise"


def _body(notice: Notice) -> str:
    # These services have no message id: the last line tells a reader that two copies are one reminder.
    return "\n".join([*notice.lines, notice.link, f"Reminder {notice.idem}"])
