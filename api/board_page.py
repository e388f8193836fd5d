"""The board of a clinic as a page: what waits, the worst first. Each pump is answered on its page, to which it links.

No script, nothing from another host, and every text in it made inert. It asks for itself again each minute.
"""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from fastapi import FastAPI, Request
from fastapi.responses import HTMLResponse

from api import clock, house, pages, views
from api.models import Board, BoardRow
from api.reminders.message import because
from api.store import Store

__all__ = ["install", "page"]

_HEADS = ("Pump", "Last safe day", "Left", "Order by", "Decided by", "Reminders sent", "Answer")
_CAPTION = "What each pump waits for, what has no date first, then the soonest."


def install(app: FastAPI) -> None:
    """Serve /clinics/{clinic}/board."""

    @app.get("/clinics/{clinic}/board", include_in_schema=False)
    def board(request: Request, clinic: str) -> HTMLResponse:
        store: Store = request.app.state.store
        with store.reading() as connection:
            found = house.clinic(connection, clinic)
            shown = views.board(connection, clinic, house.today(found, clock.now()))
        return pages.answer(page(found["name"], shown))


def page(name: str, board: Board) -> str:
    """The board as HTML."""
    waiting = sum(row.needs_someone for row in board.rows)
    dead = len(board.dead_deliveries)
    lines = [
        f"<h1>{escape(name)}, {pages.day(board.today)}</h1>",
        f"<p>{pages.count(waiting, 'pump')} with a reminder that nobody has answered.</p>",
    ]
    if dead:
        lines.append(
            f"<p><strong>{pages.count(dead, 'reminder')} could not be delivered.</strong> "
            "Each is tried again every hour. Correct these addresses:</p>"
        )
        lost = sorted({f"{copy.channel} to {copy.recipient}" for copy in board.dead_deliveries})
        lines += ["<ul>", *(f"<li>{escape(each)}</li>" for each in lost), "</ul>"]
    if board.critical_on_one_channel:
        lines.append(
            "<p><strong>Critical reminders go by one channel only.</strong> "
            "What fails there reaches nobody: add a contact on another channel.</p>"
        )
    lines += pages.table(_CAPTION, _HEADS, [_row(row) for row in board.rows])
    return pages.document(f"{waiting} waiting: {name}", lines, again_after=60)


def _row(row: BoardRow) -> tuple[str | None, Sequence[str]]:
    plan = row.plan
    kind = "unknown" if plan.kind == "unknown" else "late" if row.days_left is not None and row.days_left < 0 else None
    answer = "" if row.last_response is None else f"{row.last_response.kind} {row.last_response.day or ''}".strip()
    return kind, (
        f'<a href="pumps/{escape(row.pump_id)}">{escape(row.reference)}</a>',
        f"{plan.refill_by:%a %d %b %Y}" if plan.refill_by else f"<strong>not known: {because(plan.why)}</strong>",
        _left(row.days_left),
        "" if plan.order_by is None else f"{plan.order_by:%a %d %b}",
        "" if plan.binding is None else escape(pages.limit(plan.binding)),
        str(row.reminders_sent),
        f"<strong>nobody yet</strong>{f', before: {escape(answer)}' if answer else ''}"
        if row.needs_someone
        else escape(answer),
    )


def _left(days: int | None) -> str:
    if days is None:
        return ""
    if days == 0:
        return "<strong>today</strong>"
    return f"<strong>{pages.count(-days, 'day')} past</strong>" if days < 0 else pages.count(days, "day")
