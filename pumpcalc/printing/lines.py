"""Lines of a printed page: how wide it is, and where a long line goes on."""

from __future__ import annotations

import textwrap

__all__ = ["WIDTH", "wrapped"]

WIDTH = 110


def wrapped(line: str, indent: int = 6) -> list[str]:
    """A line, going on below itself at this indent. No word is broken: a source's key stays one."""
    return textwrap.wrap(
        line,
        WIDTH,
        subsequent_indent=" " * indent,
        break_long_words=False,
        break_on_hyphens=False,
    )
