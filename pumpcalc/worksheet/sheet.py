"""The worksheet: arithmetic that shows its working.

A calculator writes on a worksheet, line by line: what is given, each use of a formula, each choice, each limit,
each answer. Nothing is computed that is not written down, and nothing is written down that was not computed.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from datetime import UTC, date, datetime, timedelta
from fractions import Fraction
from typing import Any, Literal, TypeVar
from zoneinfo import ZoneInfo

from pumpcalc.errors import Problem, Refusal, refused
from pumpcalc.formulas import Formula
from pumpcalc.library import (
    Caution,
    Drug,
    Fact,
    Library,
)
from pumpcalc.quantities import Quantity, factor
from pumpcalc.version import NOTICE, VERSION
from pumpcalc.worksheet.bounds import Bounds
from pumpcalc.worksheet.lines import (
    ClockTime,
    Count,
    Day,
    Moment,
    Value,
    days_between,
    open_day,
    substance_of,
)
from pumpcalc.worksheet.lookups import Lookups
from pumpcalc.worksheet.record import Calculation, Cited, Given, LibraryRevision, Limit, Note, Step
from pumpcalc.worksheet.replay import replay

__all__ = ["Worksheet"]

_T = TypeVar("_T")


class Worksheet(Bounds, Lookups):
    """One calculation being written. ``finish()`` replays it and gives the record."""

    def __init__(self, calculation: str, library: Library, request: dict[str, Any]) -> None:
        self.calculation = calculation
        self.library = library
        self.request = request
        self.outcome: Literal["answer", "no_conversion"] = "answer"
        self._given: list[Given] = []
        self._steps: list[Step] = []
        self._limits: list[Limit] = []
        self._notes: list[Note] = []
        self._unknown: list[str] = []
        self._answers: dict[str, Any] = {}
        self._answer_lines: dict[str, str] = {}
        self._names: set[str] = set()
        self.days: dict[str, Day] = {}
        """Every calendar day on the page, by name."""
        self.lines: list[Value] = []
        """Every quantity on the page, in order."""

    # What it starts from

    def _name(self, name: str) -> str:
        if name in self._names or not name.isidentifier():
            raise ValueError(f"a line of a worksheet needs a name of its own, not {name!r}")
        self._names.add(name)
        return name

    def given(self, name: str, quantity: Quantity, of: str | None = None, source: Cited | None = None) -> Value:
        """Something entered by the user; with a source, something read from the library."""
        unit = quantity.kind.unit(of)
        value = Value(self._name(name), quantity.amount, unit, quantity.spelling)
        self.lines.append(value)
        shown, exact = value.on_page
        self._given.append(Given(name=name, value=shown, exact=exact, of=substance_of(unit), source=source))
        return value

    def line(self, name: str) -> Value:
        """The quantity of this name, already on the page."""
        return next(value for value in self.lines if value.name == name)

    def given_day(self, name: str, day: date) -> Day:
        """A calendar day entered by the user."""
        self._given.append(Given(name=self._name(name), value=day.isoformat(), exact=day.isoformat()))
        self.days[name] = Day(name, day)
        return self.days[name]

    def fact(self, name: str, fact: Fact, of: str | None = None, *, pointer: str = "") -> Value:
        """A figure of the library that the calculation needs. Raises Refusal when nobody has read it.

        ``pointer`` is the field of the request that makes it needed.
        """
        try:
            return self.given(name, fact.required(), of, self.cite(fact))
        except Refusal as refusal:
            raise Refusal([problem.at(pointer) for problem in refusal.problems]) from None

    def given_moment(self, name: str, instant: datetime) -> Moment:
        """An instant entered by the user."""
        moment = Moment(self._name(name), instant.replace(microsecond=0))
        self._given.append(Given(name=name, value=str(moment), exact=str(moment)))
        return moment

    def given_clock(self, name: str, clock: ClockTime) -> Value:
        """A time of day entered by the user: how long after midnight of the pump's clock."""
        self._given.append(Given(name=self._name(name), value=str(clock), exact=str(clock)))
        return Value(name, clock.amount, "day", "h")

    # What follows from it

    def step(self, formula: Formula, *, show: str, name: str | None = None, **operands: Value) -> Value:
        """One use of one formula. ``show`` is the unit in which the result is printed.

        Raises Refusal ``substance-mismatch`` when the units do not fit, such as a ziconotide dose over a morphine
        concentration, or a ratio used twice.
        """
        unit = formula.unit({argument: value.unit for argument, value in operands.items()})
        if unit is None:
            listed = ", ".join(f"{value.name} in {value.unit}" for value in operands.values())
            raise refused(
                "substance-mismatch",
                f"{formula.name} = {formula.text} cannot be used with {listed}: "
                "the substances or the kinds are not the same.",
            )
        amount = formula(**{argument: value.amount for argument, value in operands.items()})
        text = formula.written(**{argument: value.name for argument, value in operands.items()})
        return self._line(name or formula.name, text, amount, unit, show, equation=formula.name, source=formula.source)

    def _line(
        self,
        name: str,
        text: str,
        amount: Fraction,
        unit: str,
        show: str,
        *,
        equation: str | None = None,
        source: str | None = None,
    ) -> Value:
        value = Value(self._name(name), amount, unit, show)
        self.lines.append(value)
        shown, exact = value.on_page
        self._steps.append(
            Step(
                name=name,
                formula=text,
                value=shown,
                exact=exact,
                of=substance_of(unit),
                equation=equation,
                source=source,
            )
        )
        return value

    def shown_as(self, name: str, value: Value, show: str) -> Value:
        """The same quantity in another unit, on a line of its own."""
        return self._line(name, value.name, value.amount, value.unit, show)

    def total(self, name: str, values: Sequence[Value], show: str) -> Value:
        """The sum of like quantities."""
        return self._fold(name, values, sum((v.amount for v in values), Fraction(0)), " + ".join, show)

    def least(self, name: str, values: Sequence[Value], show: str) -> Value:
        """The smallest of like quantities: a named choice."""
        return self._fold(name, values, min(v.amount for v in values), lambda n: f"min({', '.join(n)})", show)

    def greatest(self, name: str, values: Sequence[Value], show: str) -> Value:
        """The largest of like quantities: a named choice."""
        return self._fold(name, values, max(v.amount for v in values), lambda n: f"max({', '.join(n)})", show)

    def count(self, name: str, values: Sequence[Value]) -> Count:
        """How many lines there are of a sort."""
        written = f"count({', '.join(value.name for value in values)})"
        return Count(self._line(name, written, Fraction(len(values)), "1", "1"))

    def _fold(self, name: str, values: Sequence[Value], amount: Fraction, written: Any, show: str) -> Value:
        if len({value.unit for value in values}) != 1:
            raise refused("substance-mismatch", f"{name}: {', '.join(v.unit for v in values)} are not alike.")
        return self._line(name, written([value.name for value in values]), amount, values[0].unit, show)

    def whole(self, name: str, days: Value, show: str = "day") -> Value:
        """Part days are dropped: a date too early costs a visit, a date too late costs therapy."""
        whole = Fraction(days.amount.numerator // days.amount.denominator)
        return self._line(name, f"floor({days.name})", whole, days.unit, show)

    def whole_rounded_up(self, name: str, value: Value, show: str | None = None) -> Value:
        """The first whole day, or whole number, that is not less."""
        whole = -Fraction(-value.amount.numerator // value.amount.denominator)
        return self._line(name, f"ceil({value.name})", whole, value.unit, show or value.unit)

    def whole_multiple(self, name: str, value: Value, step: Value) -> Value:
        """The largest multiple of a step that is not more, such as whole minutes: what is left over is dropped."""
        amount = (value.amount // step.amount) * step.amount
        return self._line(name, f"down({value.name}, {step.name})", amount, value.unit, step.spelling)

    def chosen(self, name: str, choice: str, of: Sequence[Value | Moment], amount: Fraction, unit: str) -> Value:
        """A named choice over lines that a calculator works out itself; the replay works it out again, its own way."""
        return self._line(name, f"{choice}({', '.join(each.name for each in of)})", amount, unit, unit)

    def nearest(self, name: str, value: Value, step: Value) -> Value:
        """The nearest multiple of a step, half to even: a named rounding, such as to a syringe's graduation."""
        if value.unit != step.unit:
            raise refused("substance-mismatch", f"{name}: {value.unit} is not rounded by {step.unit}.")
        amount = round(value.amount / step.amount) * step.amount
        return self._line(name, f"nearest({value.name}, {step.name})", amount, value.unit, value.spelling)

    def size(self, name: str, value: Value) -> Value:
        """How large a difference is, either way: a named choice."""
        return self._line(name, f"abs({value.name})", abs(value.amount), value.unit, value.spelling)

    def day_after(self, name: str, start: Day, days: Value, *, pointer: str) -> Day:
        """The day that lies so many whole days after another. Raises Refusal ``beyond-calendar``."""
        return self._day(name, f"{start.name} + {days.name}", start, int(days.amount), pointer)

    def day_before(self, name: str, start: Day, days: Value, *, pointer: str) -> Day:
        """The day that lies so many whole days before another."""
        return self._day(name, f"{start.name} - {days.name}", start, -int(days.amount), pointer)

    def moment_after(
        self, name: str, start: Moment, lasts: Value, *, pointer: str, zone: ZoneInfo | None = None
    ) -> Moment:
        """The instant that lies a duration of whole seconds after another. Elapsed time: clock changes do not count.

        It is written in the offset of the start, or in the one that a zone has by then.
        """
        seconds = lasts.amount * 24 * 60 * 60
        if seconds.denominator != 1:
            raise self.refuse("whole-seconds", f"{lasts.name} is not a whole number of seconds.", pointer)
        try:
            instant = start.instant.astimezone(UTC) + timedelta(seconds=int(seconds))
            moment = Moment(self._name(name), instant.astimezone(zone or start.instant.tzinfo))
        except OverflowError:
            raise self.refuse("beyond-calendar", f"{name} would lie beyond any calendar.", pointer) from None
        formula = f"{start.name} + {lasts.name}"
        self._steps.append(Step(name=name, formula=formula, value=str(moment), exact=str(moment)))
        return moment

    def elapsed(self, name: str, start: Moment, end: Moment) -> Value:
        """The time from one instant to another."""
        days = days_between(start.instant, end.instant)
        return self._line(name, f"{end.name} - {start.name}", days, "day", "day")

    def whole_hours(self, name: str, lasts: Value) -> Value:
        """Part hours are dropped: an instant too early costs a look, one too late costs therapy."""
        hour = factor("h", "day")
        return self._line(name, f"whole_hours({lasts.name})", lasts.amount // hour * hour, lasts.unit, "h")

    def same_day(self, name: str, day: Day) -> Day:
        """The same calendar day under another name, on a line of its own."""
        return self._write_day(name, day.name, day.day)

    def earliest_day(self, name: str, days: Sequence[Day]) -> Day:
        """The first of several calendar days: a named choice."""
        return self._write_day(name, f"min({', '.join(day.name for day in days)})", min(day.day for day in days))

    def latest_day(self, name: str, days: Sequence[Day]) -> Day:
        """The last of several calendar days: a named choice."""
        return self._write_day(name, f"max({', '.join(day.name for day in days)})", max(day.day for day in days))

    def days_until(self, name: str, start: Day, end: Day) -> Value:
        """The whole days from one day to another."""
        days = Fraction((end.day - start.day).days)
        return self._line(name, f"{end.name} - {start.name}", days, "day", "day")

    def _day(self, name: str, formula: str, start: Day, days: int, pointer: str) -> Day:
        try:
            day = start.day + timedelta(days=days)
        except OverflowError:
            raise refused(
                "beyond-calendar",
                f"{name} would lie {abs(days)} days away, beyond any calendar: check the dose and its unit.",
                pointer,
            ) from None
        return self._write_day(name, formula, day)

    def _write_day(self, name: str, formula: str, day: date) -> Day:
        self._steps.append(Step(name=self._name(name), formula=formula, value=day.isoformat(), exact=day.isoformat()))
        self.days[name] = Day(name, day)
        return self.days[name]

    def last_open_day(self, name: str, latest: Day, weekdays: Collection[str], dates: Collection[date]) -> Day:
        """The last day, not later than this one, on which the clinic is open. Only ever earlier."""
        return self._write_day(name, f"last_open_day({latest.name})", open_day(latest.day, weekdays, dates, -1))

    def next_open_day(self, name: str, earliest: Day, weekdays: Collection[str], dates: Collection[date]) -> Day:
        """The first day, not earlier than this one, on which the clinic is open."""
        return self._write_day(name, f"next_open_day({earliest.name})", open_day(earliest.day, weekdays, dates, 1))

    def open_days_before(
        self, name: str, day: Day, count: Value | None, weekdays: Collection[str], dates: Collection[date]
    ) -> Day:
        """So many open days of the clinic before another day; one when no count is named."""
        found = day.day
        for _ in range(1 if count is None else int(count.amount)):
            found = open_day(found - timedelta(days=1), weekdays, dates, -1)
        return self._write_day(name, f"open_days_before({day.name}, {1 if count is None else count.name})", found)

    # What it says

    def note(self, code: str, text: str, source: Cited | None = None) -> None:
        """Words that belong to the result."""
        note = Note(code=code, text=text, source=source)
        if note not in self._notes:
            self._notes.append(note)

    def cautions(self, cautions: Iterable[Caution], *codes: str) -> None:
        """The library's own words of caution: all of them, or those with these codes."""
        for caution in cautions:
            if not codes or caution.code in codes:
                self.note(caution.code, " ".join(caution.text.listed), self.cite(caution.text))

    def answer(self, line: Value | Day | Moment, name: str | None = None) -> None:
        """A line of the worksheet as an answer, under its own name."""
        self.answer_with(name or line.name, line)

    def answer_with(self, name: str, answer: Any) -> None:
        """An answer made of lines, counts, words, and lists and rows of them."""
        self._answers[name] = self._shown(f"/{name}", answer)

    def _shown(self, pointer: str, answer: Any) -> Any:
        """An answer as it is shown; where each of its numbers stands on the page is kept."""
        if isinstance(answer, list):
            return [self._shown(f"{pointer}/{position}", each) for position, each in enumerate(answer)]
        if isinstance(answer, dict):
            return {key: self._shown(f"{pointer}/{key}", each) for key, each in answer.items()}
        if isinstance(answer, Count):
            self._answer_lines[pointer] = answer.line.name
            return int(answer.line.exact)
        if isinstance(answer, Value | Day | Moment):
            self._answer_lines[pointer] = answer.name
            return str(answer)
        return answer

    def refuse_duplicates(self, drugs: Sequence[Drug], pointer: str = "/components") -> None:
        """Each drug of a solution stands once among the components. Raises Refusal at the second."""
        for position, drug in enumerate(drugs):
            if drug in drugs[:position]:
                raise self.refuse(
                    "duplicate",
                    f"{drug.label} is listed twice: write each drug of the solution once.",
                    f"{pointer}/{position}/drug",
                )

    def refuse(self, code: str, detail: str, pointer: str) -> Refusal:
        """A refusal of this request, ready to raise."""
        return Refusal([Problem(code=code, detail=detail, pointer=pointer)])

    def finish(self) -> Calculation:
        """The record, after the independent replay. Raises CalculationWithheld when the two disagree."""
        calculation = Calculation(
            calculation=self.calculation,
            outcome=self.outcome,
            request=self.request,
            answers=self._answers,
            answer_lines=self._answer_lines,
            given=tuple(self._given),
            steps=tuple(self._steps),
            limits=tuple(self._limits),
            notes=tuple(self._notes),
            unknown=tuple(self._unknown),
            library=LibraryRevision(version=self.library.version, sha256=self.library.sha256),
            software=VERSION,
            notice=NOTICE,
        )
        replay(calculation.model_dump(mode="json"))
        return calculation
