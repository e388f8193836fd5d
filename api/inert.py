"""How text leaves the house: for each sink, the form in which it is text there and nothing else.

csv_table     a spreadsheet takes no cell for a formula
log_line      one JSON object, one line, ASCII: a log viewer shows it and obeys nothing
ics_text      a calendar takes no character of it for the end of a line

What came in was checked at the door; here it is made harmless once more, because text also comes from elsewhere.
"""

from __future__ import annotations

import csv
import io
import json
import logging
import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from types import TracebackType

__all__ = ["LogLines", "csv_table", "ics_text", "log_line", "plain_cell"]

# = + - @ tab, line breaks, and the full-width forms that some spreadsheets fold to them. An apostrophe that already
# stands before one of these gets another, so that taking one off always gives back what was written.
_TRIGGER = re.compile("'*[=+\\-@\t\r\n\uff1d\uff0b\uff0d\uff20]")
_LONGEST_LOGGED = 500
_OURS = ("api.", "pumpcalc.")


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


def log_line(fields: Mapping[str, str | int]) -> str:
    """One JSON object on one line of ASCII.

    >>> log_line({"event": "worker_started"})
    '{"event": "worker_started"}'
    """
    return json.dumps(dict(fields), ensure_ascii=True)


def ics_text(text: str) -> str:
    r"""Text for a calendar: each line break is ``\n``; what the door refuses (control, format, separator) is U+FFFD.

    >>> ascii(ics_text("a\r\nb\u2028c"))
    "'a\\nb\\ufffdc'"
    """
    lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    return "\n".join("".join("\ufffd" if _obeyed(character) else character for character in line) for line in lines)


def _obeyed(character: str) -> bool:
    category = unicodedata.category(character)
    return category[0] == "C" or category in ("Zl", "Zp")


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
