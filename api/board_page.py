"""The board of a clinic as a page: what waits, the worst first. It reads; answers go through the API for now.

No script, nothing from another host, and every text in it made inert. It asks for itself again each minute.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Sequence
from html import escape

from fastapi import FastAPI, Request
from fastapi.responses import HTMLResponse

from api import clock, house, views
from api.models import Board, BoardRow
from api.store import Store

__all__ = ["install", "page"]

_STYLE = """
body { font: 1rem/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 70rem; padding: 0 1rem; color: #111 }
h1 { font-size: 1.4rem }
table { border-collapse: collapse; width: 100% }
caption { text-align: left; margin-bottom: .5rem }
th, td { text-align: left; padding: .4rem .8rem .4rem 0; border-bottom: 1px solid #bbb; vertical-align: top }
tr.late td, tr.unknown td { background: #fde8e8 }
strong { color: #8a0000 }
@media print { body { margin: 0; max-width: none } }
"""
_HASH = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()
_HEADERS = {
    "Content-Security-Policy": f"default-src 'none'; style-src 'sha256-{_HASH}'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'",
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}
_HEADS = ("Pump", "Last safe day", "Left", "Order by", "Decided by", "Reminders sent", "Answer")


def install(app: FastAPI) -> None:
    """Serve /clinics/{clinic}/board."""

    @app.get("/clinics/{clinic}/board", include_in_schema=False)
    def board(request: Request, clinic: str) -> HTMLResponse:
        store: Store = request.app.state.store
        with store.reading() as connection:
            found = house.clinic(connection, clinic)
            shown = views.board(connection, clinic, house.today(found, clock.now()))
        return HTMLResponse(page(found["name"], shown), headers=_HEADERS)


def page(name: str, board: Board) -> str:
    """The board as HTML."""
    waiting = sum(row.needs_someone for row in board.rows)
    dead = len(board.dead_deliveries)
    lines = [
        "<!DOCTYPE html>",
        '<html lang="en">',
        "<head>",
        '<meta charset="utf-8">',
        '<meta name="viewport" content="width=device-width, initial-scale=1">',
        '<meta http-equiv="refresh" content="60">',
        f"<title>{waiting} waiting: {escape(name)}</title>",
        f"<style>{_STYLE}</style>",
        "</head>",
        "<body>",
        f"<h1>{escape(name)}, {board.today:%A} {board.today.day} {board.today:%B %Y}</h1>",
        f"<p>{_count(waiting, 'pump')} with a reminder that nobody has answered.</p>",
    ]
    if dead:
        lines.append(
            f"<p><strong>{_count(dead, 'reminder')} could not be delivered.</strong> "
            "Each is tried again every hour; see the addresses of the clinic.</p>"
        )
    lines += ["<table>", "<caption>What each pump waits for, what has no date first, then the soonest.</caption>"]
    lines += ["<thead>", _cells("th", _HEADS, scope="col"), "</thead>", "<tbody>"]
    lines += [_row(row) for row in board.rows]
    lines += ["</tbody>", "</table>", "</body>", "</html>"]
    return "\n".join(lines) + "\n"


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"


def _cells(tag: str, texts: Sequence[str], scope: str | None = None, kind: str | None = None) -> str:
    attribute = f' scope="{scope}"' if scope else ""
    row = f'<tr class="{kind}">' if kind else "<tr>"
    return row + "".join(f"<{tag}{attribute}>{text}</{tag}>" for text in texts) + "</tr>"


def _row(row: BoardRow) -> str:
    plan = row.plan
    kind = "unknown" if plan.kind == "unknown" else "late" if row.days_left is not None and row.days_left < 0 else None
    answer = "" if row.last_response is None else f"{row.last_response.kind} {row.last_response.day or ''}".strip()
    return _cells(
        "td",
        (
            escape(row.reference),
            f"{plan.refill_by:%a %d %b %Y}" if plan.refill_by else f"<strong>not known: {escape(plan.why)}</strong>",
            _left(row.days_left),
            "" if plan.order_by is None else f"{plan.order_by:%a %d %b}",
            escape(plan.binding or ""),
            str(row.reminders_sent),
            f"<strong>nobody yet</strong>{f', before: {escape(answer)}' if answer else ''}"
            if row.needs_someone
            else escape(answer),
        ),
        kind=kind,
    )


def _left(days: int | None) -> str:
    if days is None:
        return ""
    if days == 0:
        return "<strong>today</strong>"
    return f"<strong>{_count(-days, 'day')} past</strong>" if days < 0 else _count(days, "day")
