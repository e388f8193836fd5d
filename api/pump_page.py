"""The page of a pump, to which its reminders link: what has to happen and by when, why, who was told, who answered.

It names no address, and no drug or dose but where the reason for having no last safe day is about one. Reading it
changes nothing, so a scanner of mail may; a person answers by the form on it, which the API takes.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from html import escape
from typing import Any
from zoneinfo import ZoneInfo

from fastapi import FastAPI, Request
from fastapi.responses import HTMLResponse

from api import clock, house, pages, views
from api.answer_form import SCRIPT, form
from api.models import DeliveryView, ReminderView, ResponseView, Schedule
from api.reminders.message import because, next_step
from api.store import Store
from api.store.queries import people as people_queries
from api.store.types import Row
from pumpcalc import library

__all__ = ["install", "page"]

_MOST_PEOPLE = 10_000
_MOST_REMINDERS = 60
_KINDS = {
    "due-day": "the last safe day",
    "overdue": "past the last safe day",
    "unknown": "no last safe day is known",
    "moved-earlier": "the last safe day moved earlier",
    "booking-passed": "a booked visit, if no refill is recorded",
    "snoozed": "put off until then",
}
_STATES = {
    "queued": "nobody was there to be told",
    "coalesced": "a later one spoke for it",
    "cancelled": "taken back before it went out",
}
_COPIES = {
    "pending": "not sent yet",
    "dead": "<strong>could not be delivered, is tried again each hour</strong>",
    "cancelled": "taken back before it went out",
}
_CHANNELS = {"email": "e-mail", "apprise": "message"}
_ANSWERS = {
    "acknowledged": "taken note of",
    "booked": "a visit is booked",
    "rescheduled": "the visit is moved",
    "snoozed": "put off",
    "declined": "no refill here",
}


def install(app: FastAPI) -> None:
    """Serve /clinics/{clinic}/pumps/{pump}."""

    @app.get("/clinics/{clinic}/pumps/{pump}", include_in_schema=False)
    def pump_page(request: Request, clinic: str, pump: str) -> HTMLResponse:
        store: Store = request.app.state.store
        with store.reading() as connection:
            found = house.clinic(connection, clinic)
            shown = views.schedule(connection, clinic, house.pump_of(connection, clinic, pump))
            people = people_queries.persons_after(connection, clinic, "", _MOST_PEOPLE)
        return pages.answer(page(found, shown, people, clock.now()), SCRIPT)


def page(clinic: Row, shown: Schedule, people: Sequence[Row], now: dt.datetime) -> str:
    """The page of a pump as HTML. ``people``: of the clinic, with those who have left; ``now`` is UTC."""
    zone = clinic["time_zone"]
    today = now.astimezone(ZoneInfo(zone)).date()
    model = library.load().pumps.get(shown.pump.model)
    kind, lead = _lead(shown, today)
    lines = [
        f'<p><a href="../board">Board of {escape(clinic["name"])}</a></p>',
        f"<h1>Pump {escape(shown.pump.reference)}</h1>",
        f"<p>{escape(shown.pump.model if model is None else model.label)}</p>",
        f'<p class="lead {kind}">{escape(lead)}</p>',
    ]
    answers = []
    if shown.plan is not None:
        lines += _so_far(shown, today, zone)
        answers = form(clinic, shown, people, now)
        lines += ["<h2>Answer</h2>", *_before_answering(shown, today), *answers]
    if shown.calculation is not None:
        lines += _why(shown.calculation.answers, today)
    if shown.plan is not None:
        lines += [*_reminders(shown.reminders, zone, now), *_answers(shown.responses, people, zone)]
    lines.append(f'<p class="hint">Now {pages.moment(now, zone)}. Days and times are those of the clinic ({zone}).</p>')
    script = SCRIPT if any(line.startswith("<form") for line in answers) else None
    return pages.document(f"Pump {shown.pump.reference}: {lead}", lines, script=script)


def _lead(shown: Schedule, today: dt.date) -> tuple[str, str]:
    """What has to happen and by when, in one sentence, and how it looks."""
    plan = shown.plan
    if plan is None:
        return "", "This pump is explanted: it waits for nothing more."
    if plan.refill_by is None:
        detail = "" if plan.detail is None else f" {plan.detail}"
        return "unknown", f"No last safe day can be stated, because {because(plan.why)}.{detail} {next_step(plan.why)}"
    left = (plan.refill_by - today).days
    if left < 0:
        return "late", f"Refill now: {pages.count(-left, 'day')} past the last safe day, {pages.day(plan.refill_by)}."
    if left == 0:
        return "late", f"Refill today, {pages.day(plan.refill_by)}: it is the last safe day."
    return "", f"Refill by {pages.day(plan.refill_by)}: {pages.count(left, 'day')} left."


def _so_far(shown: Schedule, today: dt.date, zone: str) -> list[str]:
    """Whether somebody is waited for, and the visit that is booked."""
    told = [reminder.queued_at for reminder in shown.reminders if reminder.state == "queued" and reminder.queued_at]
    last = shown.responses[-1].recorded_at if shown.responses else None
    lines = []
    if told and (last is None or last < max(told)):
        lines.append(f"<p><strong>Nobody has answered the reminder of {pages.moment(max(told), zone)}.</strong></p>")
    visits = [answer.day for answer in shown.responses if answer.day is not None]
    if visits:
        passed = visits[-1] < today
        how = "was booked for that day, and no refill is recorded" if passed else "is booked for that day"
        lines.append(f"<p>{_when(visits[-1], today)}: a visit {how}.</p>")
    return lines


def _before_answering(shown: Schedule, today: dt.date) -> list[str]:
    assert shown.plan is not None
    lines = ["<p>An answer ends one reminder. Others come until the refill is recorded.</p>"]
    if shown.plan.refill_by is None:
        lines.append("<p>No visit can be recorded here, because there is no last safe day to hold it against.</p>")
    elif shown.plan.refill_by < today:
        lines.append("<p>The last safe day has passed: whatever is answered, a reminder comes each day.</p>")
    return lines


def _why(answers: Mapping[str, Any], today: dt.date) -> list[str]:
    """The limit that binds, every limit with its day, what would move it, and when to order and to book."""
    binding = next(row for row in answers["limits"] if row["limit"] == answers["binding"])
    decides = f"<p>What decides it: {escape(pages.limit(binding['limit']))}."
    if binding["date"] != answers["refill_by"]:
        decides += f" It is reached on {_day_of(binding['date'])}; closed days and lead days bring the refill forward."
    lines = [
        "<h2>Why this day</h2>",
        f"{decides}</p>",
        *pages.table(
            "Every limit that counts, with its days from the fill.",
            ("Limit", "Day", "From the fill"),
            [_limit(row, binds=row is binding) for row in answers["limits"]],
        ),
    ]
    if answers.get("would_move"):
        moved = [
            f"{_without(row['what'])}: {_day_of(row['date'])}, {pages.count(row['days'], 'day')} later"
            for row in answers["would_move"]
        ]
        lines += ["<h2>What would move it</h2>", *_list(moved)]
    dates = [
        f"{words} {_when(dt.date.fromisoformat(answers[name]), today)}"
        for name, words in (("order_by", "Order the solution by"), ("book_from", "Book from"))
        if answers.get(name)
    ]
    best = [dt.date.fromisoformat(row["date"]) for row in answers.get("best_days", ())]
    if best:
        ahead = [pages.day(date) for date in best if date >= today]
        dates.append(f"Best days for the visit: {', '.join(ahead) or 'all have passed'}")
    return [*lines, *(["<h2>Order and book</h2>", *_list(dates)] if dates else [])]


def _limit(row: Mapping[str, Any], *, binds: bool) -> tuple[str | None, Sequence[str]]:
    words = _capital(escape(pages.limit(row["limit"]))) + (": decides" if binds else "")
    return "binding" if binds else None, (words, _day_of(row["date"]), pages.count(row["days"], "day"))


def _without(what: str) -> str:
    """What would be left out for a later day, in words."""
    if what == "closed-days":
        return "If the clinic were open every day"
    if what == "days-before":
        return "If the clinic refilled on the last safe day, and not some days before"
    limits = [escape(pages.limit(limit)) for limit in what.removeprefix("without ").split(" and ")]
    return f"Without {'; without '.join(limits)}"


def _reminders(reminders: Sequence[ReminderView], zone: str, now: dt.datetime) -> list[str]:
    """Every reminder of the plan with its copies; those that were taken back before they went out are left out."""
    shown = [each for each in reminders if each.state != "cancelled" or each.deliveries]
    rows = [
        (None, (pages.moment(each.due_at, zone), _about(each), _became(each, zone, now)))
        for each in shown[-_MOST_REMINDERS:]
    ]
    caption = "When each is due, what it says, and what became of it."
    if len(shown) > len(rows):
        caption += f" {pages.count(len(shown) - len(rows), 'earlier one')} are not listed."
    return ["<h2>Reminders</h2>", *pages.table(caption, ("Due", "About", "State"), rows)]


def _about(reminder: ReminderView) -> str:
    days, is_before, _ = reminder.kind.partition("-days-before")
    words = f"{pages.count(int(days), 'day')} left" if is_before else _KINDS.get(reminder.kind, reminder.kind)
    after = "" if reminder.after_minutes == 0 else f", to those told {reminder.after_minutes} minutes later"
    return escape(f"{words}{after}{'' if reminder.round == 0 else ', again'}")


def _became(reminder: ReminderView, zone: str, now: dt.datetime) -> str:
    if reminder.state == "pending":
        return "to come" if reminder.due_at > now else "about to go out"
    if not reminder.deliveries:
        return _STATES[reminder.state]
    return "; ".join(_copy(each, zone) for each in reminder.deliveries)


def _copy(copy: DeliveryView, zone: str) -> str:
    channel = escape(_CHANNELS.get(copy.channel, copy.channel))
    if copy.sent_at is not None:
        return f"{channel} sent {pages.moment(copy.sent_at, zone)}"
    return f"{channel} {_COPIES[copy.state]}"


def _answers(responses: Sequence[ResponseView], people: Sequence[Row], zone: str) -> list[str]:
    names = {person["id"]: person["name"] for person in people}
    told = []
    for each in responses:
        more = ""
        if each.day is not None:
            more += f" for {pages.day(each.day)}"
        if each.until is not None:
            more += f" until {pages.moment(each.until, zone)}"
        if each.reason is not None:
            more += f": {escape(each.reason)}"
        who = escape(names.get(each.person_id, "somebody"))
        told.append(f"{pages.moment(each.recorded_at, zone)}, {who}: {_ANSWERS[each.kind]}{more}")
    return ["<h2>Answers so far</h2>", *(_list(told) if told else ["<p>None yet.</p>"])]


def _list(items: Sequence[str]) -> list[str]:
    return ["<ul>", *(f"<li>{item}</li>" for item in items), "</ul>"]


def _day_of(written: str) -> str:
    return pages.day(dt.date.fromisoformat(written))


def _when(date: dt.date, today: dt.date) -> str:
    days = (date - today).days
    how = "today" if days == 0 else f"in {pages.count(days, 'day')}" if days > 0 else f"{pages.count(-days, 'day')} ago"
    return f"{pages.day(date)} ({how})"


def _capital(words: str) -> str:
    return words[:1].upper() + words[1:]
