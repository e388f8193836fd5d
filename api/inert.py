"""How text leaves the house: for each sink, the form in which it is text there and nothing else.

csv_table     a spreadsheet takes no cell for a formula
mail_header   one line: no header can follow another inside it
log_line      one JSON object, one line, ASCII: a log viewer shows it and obeys nothing
html_text     text between tags or inside a quoted attribute
ics_text      a TEXT value of RFC 5545

What came in was checked at the door; here it is made harmless once more, because text also comes from elsewhere.
"""

from __future__ import annotations

import csv
import html
import io
import json
import logging
import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from types import TracebackType

__all__ = ["LogLines", "csv_table", "html_text", "ics_text", "log_line", "mail_header", "plain_cell"]

# = + - @ tab, line breaks, and the full-width forms that some spreadsheets fold to them. An apostrophe that already
# stands before one of these gets another, so that taking one off always gives back what was written.
_TRIGGER = re.compile("'*[=+\\-@\t\r\n\uff1d\uff0b\uff0d\uff20]")
_LONGEST_LOGGED = 500
_OURS = ("api.", "pumpcalc.")


def _is_hidden(character: str) -> bool:
    """A control, format (also bidirectional), surrogate or line-separating character."""
    return unicodedata.category(character) in ("Cc", "Cf", "Cs", "Zl", "Zp")


def _cell(text: str) -> str:
    return f"'{text}" if _TRIGGER.match(text) else text


def plain_cell(cell: str) -> str:
    """What was written, from a cell of ``csv_table``: the apostrophe is taken off."""
    return cell[1:] if cell.startswith("'") and _TRIGGER.match(cell) else cell


def csv_table(rows: Iterable[Sequence[str]]) -> str:
    """Rows as CSV (RFC 4180). A cell that a spreadsheet would take for a formula begins with an apostrophe.

    >>> csv_table([["7F3K", "-3", "two, three"]])
    '7F3K,\\'-3,"two, three"\\r\\n'
    """
    written = io.StringIO(newline="")
    writer = csv.writer(written, lineterminator="\r\n")
    writer.writerows([_cell(text) for text in row] for row in rows)
    return written.getvalue()


def mail_header(text: str) -> str:
    """The text on one line, each hidden character a space.

    >>> mail_header("Refill\\r\\nBcc: x")
    'Refill  Bcc: x'
    """
    return "".join(" " if _is_hidden(character) else character for character in text)


def html_text(text: str) -> str:
    """The text for HTML: no tag, no end of an attribute, and hidden characters made visible as U+FFFD.

    >>> html_text('"><img onerror=x>')
    '&quot;&gt;&lt;img onerror=x&gt;'
    """
    shown = "".join("\ufffd" if _is_hidden(c) and c not in "\t\n" else c for c in text)
    return html.escape(shown, quote=True)


def ics_text(text: str) -> str:
    """The text as a TEXT value of a calendar: its marks escaped, every kind of line break the one that is escaped.

    >>> ics_text("Clinic; Room 2, left" + chr(10) + "X:Y")
    'Clinic\\\\; Room 2\\\\, left\\\\nX:Y'
    """
    broken = re.sub("\r\n|[\r\n\v\f\x85\u2028\u2029]", "\n", text)
    escaped = re.sub(r"([\\;,])", r"\\\1", broken).replace("\n", "\\n")
    return "".join(" " if _is_hidden(character) else character for character in escaped)


def log_line(fields: Mapping[str, str | int]) -> str:
    """One JSON object on one line of ASCII.

    >>> log_line({"event": "worker_started"})
    '{"event": "worker_started"}'
    """
    return json.dumps(dict(fields), ensure_ascii=True)


class LogLines(logging.Formatter):
    """Every record as one line: when, how bad, whose, what. An exception gives its kind and place, never its text.

    The text of an exception may hold a value that somebody entered, and a stack trace the paths of this machine.
    """

    def format(self, record: logging.LogRecord) -> str:
        fields: dict[str, str | int] = {
            "time": self.formatTime(record, "%Y-%m-%dT%H:%M:%S%z"),
            "level": record.levelname,
            "logger": record.name,
            "event": record.getMessage().strip()[:_LONGEST_LOGGED],
        }
        if record.exc_info and record.exc_info[0] is not None:
            fields["error"] = record.exc_info[0].__name__
            fields["at"] = _place(record.exc_info[2])
        return log_line(fields)


def _place(trace: TracebackType | None) -> str:
    """Module and line: the innermost of ours, or else the innermost."""
    places = []
    while trace is not None:
        places.append(f"{trace.tb_frame.f_globals.get('__name__', '?')}:{trace.tb_lineno}")
        trace = trace.tb_next
    ours = [place for place in places if place.startswith(_OURS)]
    return (ours or places or ["?"])[-1]
