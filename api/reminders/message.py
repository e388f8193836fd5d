"""The text of a reminder. It names a pump by its reference and counts days: no drug, no dose, no person.

E-mail is read by scanners, previews and shared screens; whoever may know more follows the link.
"""

from __future__ import annotations

import datetime as dt
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime

__all__ = ["message", "message_id"]

_DOMAIN = "pumpcalc.invalid"


def message_id(idem: str) -> str:
    """The Message-ID of every copy of one reminder, so that a receiver that drops duplicates sees one."""
    return f"<{idem}@{_DOMAIN}>"


def message(
    *, idem: str, sender: str, recipient: str, pump_reference: str, last_safe_day: dt.date, today: dt.date,
    link: str, now: dt.datetime,
) -> EmailMessage:  # fmt: skip
    """A reminder as an e-mail message. ``today`` is the clinic's day at ``now``.

    Raises ValueError when a header would hold a line break (the policy refuses it).
    """
    made = EmailMessage(policy=SMTP)
    made["Message-ID"] = message_id(idem)
    made["Date"] = format_datetime(now)
    made["From"] = sender
    made["To"] = recipient
    made["Subject"] = f"Pump refill: pump {pump_reference}, {_remaining(last_safe_day, today)}"
    made["Auto-Submitted"] = "auto-generated"
    made.set_content(
        f"Refill of pump {pump_reference}: {_remaining(last_safe_day, today)}.\n"
        f"Counted on {today:%A} {today.day} {today:%B %Y}, the day on which this message was sent.\n"
        "\n"
        f"Its schedule: {link}\n"
        "\n"
        "This message names no drug, no dose and no person on purpose.\n",
        cte="7bit",  # everything here is ASCII; another encoding would break the link across lines
    )
    return made


def _remaining(last_safe_day: dt.date, today: dt.date) -> str:
    days = (last_safe_day - today).days
    if days == 0:
        return "today is the last safe day"
    plural = "" if abs(days) == 1 else "s"
    return f"{days} day{plural} to the last safe day" if days > 0 else f"{-days} day{plural} past the last safe day"
