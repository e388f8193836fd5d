"""What the demonstration prints: for a pharmacist, the numbers; for a scheduler, who is due and why."""

from __future__ import annotations

import datetime as dt
import shutil
import sys
import textwrap
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from api.models import Schedule
from pumpcalc.worksheet import Calculation

__all__ = ["heading", "next_steps", "reminder", "schedule", "table"]


def heading(text: str) -> str:
    """A title with a line under it."""
    return f"\n{text}\n{'-' * len(text)}\n"


def _columns(rows: Sequence[Sequence[str]]) -> list[str]:
    widths = [max(len(row[place]) for row in rows) for place in range(len(rows[0]))]
    return ["  " + "   ".join(c.ljust(w) for c, w in zip(row, widths, strict=True)).rstrip() for row in rows]


def _left(refill_by: dt.date, today: dt.date) -> str:
    days = (refill_by - today).days
    if days == 0:
        return "TODAY"
    return f"{days} day{'' if days == 1 else 's'}" if days > 0 else f"{-days} day{'' if days == -1 else 's'} PAST"


def table(schedules: Sequence[Schedule], today: dt.date) -> str:
    """Every pump with an open refill, the most urgent first."""
    rows = [("pump", "order by", "refill by", "left", "decided by", "filled", "solution", "reminders")]
    dated = [each for each in schedules if each.plan is not None and each.plan.refill_by is not None]
    for each in sorted(dated, key=lambda dated: (dated.plan and dated.plan.refill_by) or today):
        assert each.refill is not None
        assert each.plan is not None
        assert each.plan.refill_by is not None
        (component,) = each.refill.request["components"]
        sent = sum(copy.state == "sent" for rung in each.reminders for copy in rung.deliveries)
        rows.append(
            (
                each.pump.reference,
                "-" if each.plan.order_by is None else f"{each.plan.order_by:%a %m-%d}",
                f"{each.plan.refill_by:%a %Y-%m-%d}",
                _left(each.plan.refill_by, today),
                str(each.plan.binding),
                str(each.refill.fill_date),
                f"{component['drug']} {component['concentration']}",
                f"{sent} of {len(each.reminders)} sent",
            )
        )
    return "\n".join(_columns(rows)) + "\n"


def schedule(shown: Schedule, today: dt.date) -> str:
    """One pump: the last safe day, every limit that was weighed, and the reminders."""
    assert shown.refill is not None
    assert shown.calculation is not None
    refill, answers = shown.refill, shown.calculation.answers
    lines = [
        f"  Pump {shown.pump.reference}, filled {refill.fill_date:%A %Y-%m-%d} with "
        f"{refill.request['fill_volume']}: refill by {refill.refill_by:%A %Y-%m-%d} ({_left(refill.refill_by, today)})",
        "",
        *_columns([("limit", "reached on", "after"), *(_limit(row, refill.binding) for row in answers["limits"])]),
        "",
    ]
    lines += [
        f"  {name.replace('_', ' ')}: {answers[name]}"
        for name in (
            "low_reservoir_alarm_date",
            "worst_case_alarm_date",
            "worst_case_dry_date",
            "order_by",
            "book_from",
        )
        if answers.get(name)
    ]
    lines += [f"  {_without(row)} it would be {row['date']}" for row in answers.get("would_move", ())]
    lines += [*_notes(shown.calculation), "", "  Reminders:"]
    for rung in shown.reminders:
        copies = ", ".join(
            f"{c.state} {c.sent_at:%Y-%m-%d %H:%M} UTC" if c.sent_at else c.state for c in rung.deliveries
        )
        lines.append(f"    {rung.kind.replace('-', ' '):16} {rung.local_intent} {rung.zone}   {copies or rung.state}")
    return "\n".join(lines) + "\n"


def _without(row: dict[str, Any]) -> str:
    what = str(row["what"]).replace("-", " ")
    return what if what.startswith("without") else f"without {what}"


def _limit(row: dict[str, Any], binding: str) -> tuple[str, str, str]:
    return row["limit"], row["date"], f"{row['days']} days{'   <- decides' if row['limit'] == binding else ''}"


def _notes(calculation: Calculation) -> list[str]:
    texts = [note.text for note in calculation.notes if note.code == "dry-before-alarm-possible"]
    return [
        line
        for text in texts
        for line in textwrap.wrap(
            text, 104, initial_indent="  Note: ", subsequent_indent="    ", break_on_hyphens=False
        )
    ]


def reminder(path: Path, sent: int) -> str:
    """A message as it lies in the mail folder, headers that people read and text."""
    head, _, text = path.read_text(encoding="utf-8").replace("\r\n", "\n").partition("\n\n")
    read = [line for line in head.split("\n") if line.startswith(("Date:", "From:", "To:", "Subject:", "Message-ID:"))]
    body = [f"    | {line}".rstrip() for line in [*read, "", *text.rstrip("\n").split("\n")]]
    more = f" (the worst of {sent} that have just gone out)" if sent > 1 else ""
    return f"  {path}{more}\n\n" + "\n".join(body) + "\n"


def next_steps(url: str, clinic_id: str, pump_id: str, record: Path, *, once: bool) -> str:
    """Where to look next."""
    command = _command()
    clinic = f"{url}/v1/clinics/{clinic_id}"
    asked = '{"drug": "ziconotide", "daily_dose": "2.4 mcg/day", "concentration": "25 mcg/mL"}'
    lines = [
        "  The saved record of this schedule, replayed by a checker that shares no code with the formulas:",
        f"    {command} verify {record}",
        "  A worksheet for a person:",
        f'    {command} flow-rate --drug morphine --daily-dose "10 mg/day" --concentration "20 mg/mL"',
        "",
        f"  {'While the service runs (without --once)' if once else 'The service runs'}:",
        f"    every question that can be asked   {url}/docs",
        f"    this pump, and an answer to it     {url}/clinics/{clinic_id}/pumps/{pump_id}",
        f"    its schedule as JSON               {clinic}/pumps/{pump_id}/schedule",
        f"    the board of the clinic            {url}/clinics/{clinic_id}/board",
        f"    what became of each reminder       {clinic}/reminders",
        f"    curl {url}/v1/calculations/flow-rate \\",
        f"      -H 'Content-Type: application/json' -d '{asked}'",
    ]
    if not once:
        lines += ["", "  Ctrl-C ends it."]
    return "\n".join(lines) + "\n"


def _command() -> str:
    """How pumpcalc was called, if it cannot be called by its bare name."""
    called = Path(sys.argv[0])
    if called.name != "pumpcalc":
        return "python -m api.cli"
    if shutil.which("pumpcalc"):
        return "pumpcalc"
    return str(called.relative_to(Path.cwd()) if called.is_relative_to(Path.cwd()) else called)
