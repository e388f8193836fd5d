"""The scheduler's calendar of a fill: by when to order, on which days to book, and what would move the day."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from fractions import Fraction
from typing import Annotated, Any, Literal, NamedTuple

from pydantic import Field, WithJsonSchema

from pumpcalc.errors import echo, refused
from pumpcalc.quantities import Kind, Quantity, read_number
from pumpcalc.refill.bounds import Bound
from pumpcalc.refill.entry import Fill
from pumpcalc.worksheet import Count, Day, Value, Worksheet, open_day
from pumpcalc.worksheet.fields import Request, strictly

__all__ = ["Closed", "Due", "LeadTime", "book", "due_day", "order", "without"]

_COUNT = Kind("count", "1", ("1",), "3")
_MOST_OPEN_DAYS = 60
_MOST_BEST_DAYS = 10


def _open_days(value: Any) -> Fraction:
    """How many open days, a whole number."""
    days = read_number(value)
    if days.denominator != 1 or days > _MOST_OPEN_DAYS:
        raise refused(
            "whole-days",
            f'{echo(value)} is not a number of open days: write a whole one from 0 to {_MOST_OPEN_DAYS}, such as "3".',
        )
    return days


class LeadTime(Request):
    """How long something takes before the day of a refill, in days on which the clinic is open."""

    what: Literal["compounding", "controlled-drug", "delivery"] = Field(alias="for")
    open_days: Annotated[
        Fraction,
        strictly(_open_days),
        WithJsonSchema({"type": "string", "pattern": r"^(?:[1-5]?[0-9]|60)(?:\.0{1,9})?$", "examples": ["3"]}),
    ]


class Closed(NamedTuple):
    """When the clinic is closed."""

    weekdays: Sequence[str]
    dates: Sequence[date]


@dataclass
class Due:
    """The day by which a fill must be replaced, and the days from which it follows."""

    last_safe: Day
    before: Value | None
    latest: Day
    """Less the days before the last safe day on which the clinic refills."""
    by: Day
    """And back to the last open day."""


def due_day(work: Worksheet, fill: Fill, fits: Value, before: Value | None, closed: Closed, *, past: str = "") -> Due:
    """From the days that fit to the day by which to refill. ``past`` names the limits that are left out."""
    last_safe = work.day_after(f"last_safe_day{past}", fill.filled, fits, pointer="/daily_dose")
    latest = last_safe
    if before is not None:
        latest = work.day_before(f"latest_day{past}", last_safe, before, pointer="/days_before")
    return Due(last_safe, before, latest, work.last_open_day(f"refill_by{past}", latest, *closed))


def order(work: Worksheet, fill: Fill, due: Due, lead_times: Sequence[LeadTime], closed: Closed) -> None:
    """The day by which to order the next solution, so many open days before the refill. It may have gone by."""
    taken: dict[str, Value] = {}
    for position, each in enumerate(lead_times):
        if each.what in taken:
            raise work.refuse(
                "duplicate", f"{each.what} is listed twice: write each lead time once.", f"/lead_times/{position}/for"
            )
        name = f"open_days_for_{each.what.replace('-', '_')}"
        taken[each.what] = work.given(name, Quantity(each.open_days, _COUNT, "1"))
    ahead = work.total("open_days_ahead", list(taken.values()), "1")
    by = work.open_days_before("order_by", due.by, ahead, *closed)
    work.answer(by)
    if by.day < fill.filled.day:
        work.note(
            "order-before-the-fill",
            f"With {ahead} open days ahead of the refill, the solution for it must have been ordered by {by}: before "
            f"the fill of {fill.filled}, and at the latest with it.",
        )
    elif by.day < fill.since.day:
        work.note("order-day-passed", f"The day by which to order lies before {fill.since}: order at once.")


def book(work: Worksheet, fill: Fill, due: Due, window: Quantity, closed: Closed) -> None:
    """The open days on which to book the refill, up to the day by which it must be done."""
    if window.amount.denominator != 1:
        raise work.refuse("whole-days", "booking_window is a whole number of days.", "/booking_window")
    stated = work.given("booking_window", window)
    opens = work.day_before("booking_opens", due.by, stated, pointer="/booking_window")
    if opens.day < fill.since.day:
        opens = work.latest_day("booking_opens_at_earliest", [opens, fill.since])
        opens = work.earliest_day("booking_opens_at_latest", [opens, due.by])
        if fill.since.day <= due.by.day:
            work.note(
                "booking-window-cut",
                f"A window of {window} would open before {fill.since}: no day before that one is offered.",
            )
    begins = work.next_open_day("book_from", opens, *closed)
    days = [due.by]
    while len(days) < _MOST_BEST_DAYS and _open_before(days[-1], closed) >= begins.day:
        days.append(work.open_days_before(f"open_day_{len(days)}_earlier", days[-1], None, *closed))
    rows = [
        {"date": day, "days_left": Count(work.days_until(f"days_left_{number}", day, due.last_safe))}
        for number, day in enumerate(reversed(days), start=1)
    ]
    work.answer(begins)
    work.answer_with("best_days", rows)
    if len(days) == 1:
        work.note(
            "no-day-to-rebook",
            f"{due.by} is the only open day of the booking window: a visit that is missed on it cannot be booked again "
            "in time.",
        )


def _open_before(day: Day, closed: Closed) -> date:
    return open_day(day.day - timedelta(days=1), *closed, -1)


def without(work: Worksheet, fill: Fill, bounds: Sequence[Bound], due: Due, closed: Closed) -> None:
    """Where the day would be without the limits that come first, without the closed days and without the lead days.

    Each row is of one change alone, or of the first limits together. What moves the day by nothing is left out.
    """
    rows: list[dict[str, Any]] = []

    def add(what: str, name: str, day: Day) -> None:
        later = work.days_until(f"days_later_{name}", due.by, day)
        if later.amount > 0:
            rows.append({"what": what, "date": day, "days": Count(later)})

    ordered = sorted(bounds, key=lambda bound: bound.days.amount)
    for taken in range(1, len(ordered)):
        name = f"past_{ordered[taken - 1].limit.replace('-', '_')}"
        fits = work.least(f"days_that_fit_{name}", [bound.days for bound in ordered[taken:]], "day")
        moved = due_day(work, fill, fits, due.before, closed, past=f"_{name}").by
        add(f"without {' and '.join(bound.limit for bound in ordered[:taken])}", name, moved)
    if any(closed):
        add("closed-days", "but_for_closed_days", due.latest)
    if due.before is not None:
        add(
            "days-before",
            "but_for_days_before",
            work.last_open_day("refill_by_but_for_days_before", due.last_safe, *closed),
        )
    work.answer_with("would_move", rows)
