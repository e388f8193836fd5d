"""What the pages of the service share: head, style, the headers that keep them closed, tables, and days in words.

A page loads nothing, from no host. Its style, and its script where it has one, stand in it and are named by their hash
in the Content-Security-Policy: text that got in by mistake would not run. Whoever writes a page escapes its texts.
"""

from __future__ import annotations

import base64
import datetime as dt
import hashlib
from collections.abc import Iterable, Sequence
from html import escape
from zoneinfo import ZoneInfo

from fastapi.responses import HTMLResponse

__all__ = ["answer", "count", "day", "document", "limit", "moment", "table"]

_STYLE = """
* { box-sizing: border-box }
body { font: 1rem/1.5 system-ui, sans-serif; margin: 1.5rem auto; max-width: 70rem; padding: 0 1rem; color: #111;
  background: #fff; overflow-wrap: break-word }
h1 { font-size: 1.4rem; margin: .5rem 0 }
h2 { font-size: 1.1rem; margin: 2rem 0 .5rem }
a { color: #00468b }
table { border-collapse: collapse; width: 100% }
caption { text-align: left; margin-bottom: .5rem }
th, td { text-align: left; padding: .4rem .8rem .4rem 0; border-bottom: 1px solid #bbb; vertical-align: top }
tr.late td, tr.unknown td { background: #fde8e8 }
tr.binding td { font-weight: bold }
strong, .wrong { color: #8a0000 }
ul { padding-left: 1.2rem }
.lead { font-size: 1.25rem; font-weight: bold; border-left: .4rem solid #00468b; padding: .3rem .8rem; margin: 1rem 0 }
.lead.late, .lead.unknown { border-color: #8a0000; background: #fde8e8 }
form, #without { border: 1px solid #bbb; padding: 1rem; max-width: 40rem }
fieldset { border: 0; padding: 0; margin: 0 0 1rem; min-width: 0 }
legend, .field > label { display: block; font-weight: bold; padding: 0; margin-bottom: .2rem }
fieldset label { display: flex; gap: .6rem; padding: .25rem 0 }
fieldset input { flex: none; width: 1.1rem; height: 1.1rem; margin: .2rem 0 0 }
.field { margin-bottom: 1rem }
.field select, .field input { font: inherit; width: 100%; max-width: 24rem; padding: .4rem }
.wrong { margin: .2rem 0; font-weight: bold }
.wrong:empty { margin: 0 }
[hidden] { display: none }
.hint { margin: .2rem 0; color: #444 }
button { font: inherit; font-weight: bold; padding: .6rem 1.4rem; color: #fff; background: #00468b; border: 0;
  border-radius: .2rem }
button:disabled { background: #666 }
:focus-visible { outline: .2rem solid #e08a00; outline-offset: .1rem }
@media (max-width: 45rem) {
  table, caption, tbody, tr, td { display: block }
  thead { display: none }
  tr { border-bottom: 1px solid #bbb; padding: .4rem 0 }
  td { border: 0; padding: .1rem .4rem }
  td[data-head]::before { content: attr(data-head) ": "; color: #444; font-weight: normal }
  td:empty { display: none }
}
@media print { body { margin: 0; max-width: none } form { display: none } }
"""

_LIMITS = {
    "low-reservoir-alarm": "the low-reservoir alarm",
    "accuracy": "the pump running dry, within its stated accuracy",
    "in-pump-stability": "the stability of the solution in the pump",
    "maximum-interval": "the longest interval between two refills of this pump",
    "beyond-use-date": "the beyond-use date of the solution",
    "end-of-service": "the end of service of the pump",
}


def _source(text: str) -> str:
    digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
    return f"'sha256-{digest}'"


def answer(text: str, script: str | None = None) -> HTMLResponse:
    """A page as it is sent. With a script, that one may run and may ask this host; nothing else may."""
    allowed = "" if script is None else f"script-src {_source(script)}; connect-src 'self'; "
    policy = (
        f"default-src 'none'; style-src {_source(_STYLE)}; {allowed}base-uri 'none'; form-action 'none'; "
        "frame-ancestors 'none'"
    )
    headers = {
        "Content-Security-Policy": policy,
        "Cache-Control": "no-store",
        "Referrer-Policy": "no-referrer",
        "X-Content-Type-Options": "nosniff",
    }
    return HTMLResponse(text, headers=headers)


def document(title: str, body: Iterable[str], *, script: str | None = None, again_after: int | None = None) -> str:
    """A whole page. ``body``: lines of HTML. ``again_after``: seconds after which it asks for itself again."""
    lines = [
        "<!DOCTYPE html>",
        '<html lang="en">',
        "<head>",
        '<meta charset="utf-8">',
        '<meta name="viewport" content="width=device-width, initial-scale=1">',
        *([] if again_after is None else [f'<meta http-equiv="refresh" content="{again_after}">']),
        f"<title>{escape(title)}</title>",
        f"<style>{_STYLE}</style>",
        "</head>",
        "<body>",
        "<main>",
        *body,
        "</main>",
        *([] if script is None else [f"<script>{script}</script>"]),
        "</body>",
        "</html>",
    ]
    return "\n".join(lines) + "\n"


def table(caption: str, heads: Sequence[str], rows: Iterable[tuple[str | None, Sequence[str]]]) -> list[str]:
    """A table: its caption and heads as text, its rows each as a class or None, and its cells as HTML.

    On a narrow screen each row stands as a block, and each cell after the first says under which head it stands.
    """
    lines = ["<table>", f"<caption>{escape(caption)}</caption>", "<thead>", "<tr>"]
    lines += [f'<th scope="col">{escape(head)}</th>' for head in heads]
    lines += ["</tr>", "</thead>", "<tbody>"]
    for kind, cells in rows:
        lines.append("<tr>" if kind is None else f'<tr class="{kind}">')
        lines.append(f"<td>{cells[0]}</td>")
        lines += [
            f'<td data-head="{escape(head)}">{cell}</td>' for head, cell in zip(heads[1:], cells[1:], strict=True)
        ]
        lines.append("</tr>")
    return [*lines, "</tbody>", "</table>"]


def count(number: int, what: str) -> str:
    """So many of something, as in 3 days."""
    return f"{number} {what}{'' if number == 1 else 's'}"


def day(date: dt.date) -> str:
    """A day in words, as in Friday 18 December 2026."""
    return f"{date:%A} {date.day} {date:%B %Y}"


def moment(instant: dt.datetime, zone: str) -> str:
    """An instant by the clock on the wall of a zone, to the minute."""
    local = instant.astimezone(ZoneInfo(zone))
    return f"{local:%a} {local.day} {local:%b %Y}, {local:%H:%M}"


def limit(name: str) -> str:
    """A limit of a schedule in words."""
    return _LIMITS.get(name, name.replace("-", " "))
