"""The text of a reminder. It names a pump by its reference and counts days: no drug, no dose, no person.

E-mail is read by scanners, previews and shared screens; whoever may know more follows the link.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from zoneinfo import ZoneInfo

from api.reminders.notice import Notice
from api.store.types import Row

__all__ = ["because", "email", "message_id", "next_step", "notice"]

_DOMAIN = "pumpcalc.invalid"
_LATE = dt.timedelta(hours=1)
_MOST_ROWS = 500
_WHY = {
    "no-fill": "no fill of it is recorded",
    "stopped": "it is stopped",
    "unknown-state": "nobody has interrogated it since a scan",
    "not-computable": "its schedule could not be worked out again",
    "possibly-empty": "its reservoir may have been empty",
    "not-programmed": "it is not recorded how it is programmed",
}
_NEXT = {
    "no-fill": "Record the fill that is in it.",
    "stopped": "Record that it runs again, or its refill.",
    "unknown-state": "Interrogate it, and record what it does.",
    "not-computable": "Put right what its page names, or record its refill.",
    "possibly-empty": "At its refill, record what was withdrawn and what was left, as a new start.",
    "not-programmed": "Record how it is programmed.",
}
_ABOUT = {
    "moved-earlier": "The last safe day has moved to an earlier day.",
    "booking-passed": "A visit was booked for the day before, and no refill is recorded.",
    "snoozed": "This reminder was put off until now.",
}
_ON_PURPOSE = "This message names no drug, no dose and no person on purpose."


def message_id(idem: str) -> str:
    """The Message-ID of every copy of one reminder, so that a receiver that drops duplicates sees one."""
    return f"<{idem}@{_DOMAIN}>"


def notice(facts: Row, idem: str, public_url: str, now: dt.datetime, listed: Iterable[Row] = ()) -> Notice:
    """What is told of one reminder. ``facts``: the row of ``outbox.letter``; ``listed``: the board, for a digest."""
    today = now.astimezone(ZoneInfo(facts["time_zone"])).date()
    clinic = f"{public_url}/clinics/{facts['clinic_id']}"  # the pages: whoever is told reads them, and answers there
    board = f"{clinic}/board"
    if facts["kind"] == "digest":
        subject, body = _digest(listed, today)
        link = board
    elif facts["kind"] == "dead-delivery":
        subject = "Pump refill: a reminder could not be delivered"
        body = [
            "A reminder could not be delivered to one of the addresses of this clinic. It is tried again each hour.",
            "What to do: see on the board which, and correct that contact.",
        ]
        link = board
    else:
        subject, body = _of_pump(facts, today)
        link = f"{clinic}/pumps/{facts['pump_id']}"
    lines = [*body, f"Counted on {_day(today)}, the day on which this message was sent."]
    if now - facts["due_at"] > _LATE:
        due = facts["due_at"].astimezone(ZoneInfo(facts["time_zone"])).date()
        lines.append(f"It was due on {_day(due)}: it is late.")
    return Notice(
        idem=idem,
        kind=facts["kind"],
        severity=facts["severity"],
        subject=subject,
        lines=tuple(lines),
        link=link,
        due_at=facts["due_at"],
        now=now,
    )


def email(told: Notice, sender: str, recipient: str) -> EmailMessage:
    """A notice as an e-mail message. Raises ValueError when a header would hold a line break."""
    made = EmailMessage(policy=SMTP)
    made["Message-ID"] = message_id(told.idem)
    made["Date"] = format_datetime(told.now)
    made["From"] = sender
    made["To"] = recipient
    made["Subject"] = told.subject
    made["Auto-Submitted"] = "auto-generated"
    body = "\n".join(told.lines)
    made.set_content(
        f"{body}\n\nSee {told.link}\n\n{_ON_PURPOSE}\n",
        cte="7bit",  # everything here is ASCII; another encoding would break the link across lines
    )
    return made


def _of_pump(facts: Row, today: dt.date) -> tuple[str, list[str]]:
    reference = facts["pump_reference"]
    if facts["plan_kind"] == "unknown":
        return (
            f"Pump refill: pump {reference}, no last safe day is known",
            [
                f"Refill of pump {reference}: no last safe day can be stated, because {because(facts['why'])}.",
                f"What to do: {_lower(next_step(facts['why']))}",
            ],
        )
    left = _remaining(facts["refill_by"], today)
    lines = [f"Refill of pump {reference}: {left}."]
    if facts["kind"] in _ABOUT:
        lines.append(_ABOUT[facts["kind"]])
    if facts["refill_by"] > today:
        lines.append("What to do: book its refill, and answer on its page.")
    else:
        lines.append("What to do: refill it and record that, or answer on its page what stands in the way.")
    return f"Pump refill: pump {reference}, {left}", lines


def because(why: str) -> str:
    """Why a pump has no last safe day, in words. ``why``: of its plan."""
    return _WHY.get(why, "what it does is not known")


def next_step(why: str) -> str:
    """What gives a pump a last safe day again, as a sentence. ``why``: of its plan."""
    return _NEXT.get(why, "Record what it does, or its refill.")


def _lower(sentence: str) -> str:
    return sentence[:1].lower() + sentence[1:]


def _digest(listed: Iterable[Row], today: dt.date) -> tuple[str, list[str]]:
    rows = list(listed)
    lines = [
        f"Pump {row['reference']}: no last safe day, because {because(row['why'])}."
        if row["kind"] == "unknown"
        else f"Pump {row['reference']}: {_remaining(row['refill_by'], today)} ({row['refill_by']})."
        for row in rows[:_MOST_ROWS]
    ]
    if len(rows) > _MOST_ROWS:
        lines.append(f"And {len(rows) - _MOST_ROWS} more: see the board.")
    plural = "" if len(rows) == 1 else "s"
    return f"Pump refills: {len(rows)} pump{plural} on {_day(today)}", lines


def _day(day: dt.date) -> str:
    return f"{day:%A} {day.day} {day:%B %Y}"


def _remaining(last_safe_day: dt.date, today: dt.date) -> str:
    days = (last_safe_day - today).days
    if days == 0:
        return "today is the last safe day"
    plural = "" if abs(days) == 1 else "s"
    return f"{days} day{plural} to the last safe day" if days > 0 else f"{-days} day{plural} past the last safe day"
