"""Refills as a calendar that a person subscribes to (iCalendar, RFC 5545). A view: it reminds nobody.

It names no drug, no dose and no person, because calendars are shared, synchronised and shown on locked screens.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass

import icalendar

from api.inert import ics_text

__all__ = ["A_VIEW", "Entry", "calendar"]

A_VIEW = "A view, not an alarm: reminders come by the channels that the clinic has set up, never from this calendar."
"""What every description begins with."""

_REFRESH = dt.timedelta(hours=1)


@dataclass(frozen=True)
class Entry:
    """One day in the calendar."""

    uid: str
    """The same for as long as the entry lives: printable ASCII."""
    sequence: int
    """How often the entry has changed; a calendar takes the highest."""
    day: dt.date
    summary: str
    description: str
    link: str
    """Printable ASCII."""
    cancelled: bool = False


def calendar(name: str, entries: Iterable[Entry], now: dt.datetime) -> bytes:
    """The entries as a calendar, each a whole day without a clock time. ``now``: when it was made, with its offset.

    Characters that a calendar could take for the end of a line or obey are shown as U+FFFD.
    Raises ValueError for a uid or a link that is not printable ASCII, or a negative sequence.
    """
    made = icalendar.Calendar()
    made.add("PRODID", "-//pumpcalc//refills//EN")
    made.add("VERSION", "2.0")
    made.add("METHOD", "PUBLISH")
    made.add("X-WR-CALNAME", _Text(ics_text(f"{name} (a view, not an alarm)")))
    made.add("REFRESH-INTERVAL", _REFRESH, parameters={"VALUE": "DURATION"})
    for entry in entries:
        made.add_component(_event(entry, now))
    return bytes(made.to_ical())


def _event(entry: Entry, now: dt.datetime) -> icalendar.Event:
    if entry.sequence < 0:
        raise ValueError("a sequence begins at 0")
    event = icalendar.Event()
    event.add("UID", _Text(_plain(entry.uid)))
    event.add("SEQUENCE", entry.sequence)
    event.add("DTSTAMP", now.astimezone(dt.UTC))
    event.add("DTSTART", entry.day)
    event.add("SUMMARY", _Text(ics_text(entry.summary)))
    event.add("DESCRIPTION", _Text(ics_text(f"{A_VIEW}\n{entry.description}")))
    event.add("URL", _plain(entry.link))
    event.add("STATUS", "CANCELLED" if entry.cancelled else "CONFIRMED")
    event.add("TRANSP", "TRANSPARENT")  # a refill that is due does not make anybody busy
    return event


def _plain(text: str) -> str:
    if not text or not all("!" <= character <= "~" for character in text):
        raise ValueError("a uid and a link are printable ASCII without spaces")
    return text


class _Text(icalendar.vText):
    """Text escaped as RFC 5545 section 3.3.11 says. The library's own turns a backslash before N into a line break."""

    def to_ical(self) -> bytes:
        escaped = self.replace("\\", "\\\\").replace(";", "\\;").replace(",", "\\,").replace("\n", "\\n")
        return escaped.encode()
