"""Redo a calculation from its printed page, and withhold it when anything disagrees.

This module is the second pair of eyes. It reads only the record: the printed exact values, the printed formulas,
the printed units. It shares no code with the formulas, the worksheet, the quantities or pint: its own table of
unit factors, its own arithmetic (Python's ``ast``, four operators, fractions), its own rounding. Keep it so.
"""

from __future__ import annotations

import ast
import math
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import ROUND_HALF_EVEN, Context
from fractions import Fraction
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo

from pumpcalc.errors import CalculationWithheld

__all__ = ["replay"]

# Unit atom: (dimension, size in that dimension's base).
_ATOMS: dict[str, tuple[str, Fraction]] = {
    "mcg": ("mass", Fraction(1)),
    "mg": ("mass", Fraction(1000)),
    "mL": ("volume", Fraction(1)),
    "day": ("time", Fraction(1)),
    "h": ("time", Fraction(1, 24)),
    "min": ("time", Fraction(1, 1440)),
    "week": ("time", Fraction(7)),
    "cm": ("length", Fraction(1)),
    "%": ("", Fraction(1, 100)),
}
_DAY = {"date": 1}
_INSTANT = {"instant": 1}
_TIME = {"time": 1}
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_EXACT = re.compile(r"-?[0-9]{1,2000}(?:/[0-9]{1,2000})?", re.ASCII)
_ASKED = re.compile(r"[0-9]{1,9}(?:\.[0-9]{1,9})?", re.ASCII)
_LONGEST_FORMULA = 20_000
_MOST_OPEN_DAYS = 180
_MOST_BEST_DAYS = 10
_MOMENT = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}(?::[0-9]{2})?[+-][0-9]{2}:[0-9]{2}", re.ASCII)
_CLOCK = re.compile(r"(?:[01][0-9]|2[0-4]):[0-5][0-9]", re.ASCII)
_WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_OF_MANY: dict[str, Callable[[list[Fraction]], Fraction]] = {"min": min, "max": max}
_OF_SOME: dict[str, tuple[int, Callable[..., Fraction]]] = {
    "floor": (1, lambda x: Fraction(x.numerator // x.denominator)),
    "ceil": (1, lambda x: Fraction(-(-x.numerator // x.denominator))),
    "nearest": (2, lambda x, step: round(x / step) * step),
    "abs": (1, abs),
    "whole_hours": (1, lambda x: Fraction((x * 24).__floor__(), 24)),
    "down": (2, lambda x, step: Fraction((x / step).__floor__()) * step),
}
_OF_REQUEST: dict[str, tuple[list[dict[str, int]], dict[str, int]]] = {
    "since_monday": ([_INSTANT], _TIME),
    "walked": ([{"volume": 1}, {"mass": 1, "volume": -1}, _TIME], _TIME),
    "last_open_day": ([_DAY], _DAY),
    "next_open_day": ([_DAY], _DAY),
    "open_days_before": ([_DAY, {}], _DAY),
}
"""Choices that look at the request: its programme, its zone, its closed days. What each takes and gives."""
_SIX_FIGURES = Context(prec=6, rounding=ROUND_HALF_EVEN)


@dataclass(frozen=True)
class _Value:
    number: Fraction
    dimension: Mapping[str, int]


def _withheld(where: str, why: str) -> CalculationWithheld:
    return CalculationWithheld(f"the independent replay of {where} disagrees: {why}")


@lru_cache(maxsize=256)
def _unit(text: str) -> tuple[Fraction, Mapping[str, int]]:
    """Size and dimension of a printed unit such as ``mg/day per mcg/h``."""
    size, dimension = Fraction(1), dict[str, int]()
    for position, group in enumerate(text.split(" per ")):
        outer = 1 if position == 0 else -1
        for place, atom in enumerate(group.split("/")):
            if not atom:
                continue
            sign = outer if place == 0 else -outer
            of, factor = _ATOMS[atom]
            size *= factor if sign == 1 else 1 / factor
            if of:
                dimension[of] = dimension.get(of, 0) + sign
    return size, {of: power for of, power in dimension.items() if power}


def _fraction(where: str, text: str) -> Fraction:
    """An exact number: digits, or digits over digits. Nothing that takes longer to read than to write."""
    if _EXACT.fullmatch(text) is None:
        raise _withheld(where, "an exact number is digits, or digits over digits")
    over, _, under = text.partition("/")
    return Fraction(int(over), int(under or "1"))


def _decimal(where: str, text: str) -> Fraction:
    """A number as it was asked: digits with at most one point."""
    if _ASKED.fullmatch(text) is None:
        raise _withheld(where, f"{text[:20]} is not a plain number")
    return Fraction(text)


def _rounded(exact: Fraction) -> str:
    text = format(_SIX_FIGURES.divide(exact.numerator, exact.denominator), "f")
    return text.rstrip("0").rstrip(".") if "." in text else text


def _printed(where: str, value: str, exact: str) -> _Value:
    """A printed value, from its exact text; the shown number must be the exact one, rounded."""
    if _DATE.fullmatch(value):
        if value != exact:
            raise _withheld(where, f"shows {value} for {exact}")
        return _Value(Fraction(date.fromisoformat(value).toordinal()), _DAY)
    if _MOMENT.fullmatch(value):
        if value != exact:
            raise _withheld(where, f"shows {value} for {exact}")
        since = datetime.fromisoformat(value) - datetime(1970, 1, 1, tzinfo=UTC)
        return _Value(Fraction(since.days) + Fraction(since.seconds, 86400), _INSTANT)
    if _CLOCK.fullmatch(value):
        if value != exact:
            raise _withheld(where, f"shows {value} for {exact}")
        return _Value(Fraction(_minute(value), 1440), {"time": 1})
    shown, _, unit = value.partition(" ")
    number = _fraction(where, exact)
    if shown != _rounded(number):
        raise _withheld(where, f"shows {shown} for {exact}")
    size, dimension = _unit(unit)
    return _Value(number * size, dimension)


def _minute(clock: str) -> int:
    """The minute of the day of a time such as 06:30."""
    return int(clock[:2]) * 60 + int(clock[3:])


class _Evaluator:
    """Arithmetic over named values: + - * / and the choices min, max, abs, floor, ceil, nearest, down, whole_hours,
    count, last_open_day, next_open_day, open_days_before, since_monday and walked. Nothing else."""

    def __init__(self, where: str, values: Mapping[str, _Value], request: Mapping[str, Any]) -> None:
        self.where = where
        self.values = values
        self.request = request

    def of(self, formula: str) -> _Value:
        if len(formula) > _LONGEST_FORMULA:
            raise _withheld(self.where, "its formula is longer than any formula")
        return self._node(ast.parse(formula, mode="eval").body)

    def _node(self, node: ast.expr) -> _Value:
        if isinstance(node, ast.Name) and node.id in self.values:
            return self.values[node.id]
        if isinstance(node, ast.Constant) and type(node.value) is int and node.value == 1:
            return _Value(Fraction(1), {})
        if isinstance(node, ast.BinOp):
            return self._binary(node.op, self._node(node.left), self._node(node.right))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and not node.keywords:
            return self._call(node.func.id, [self._node(argument) for argument in node.args])
        raise _withheld(self.where, f"{ast.unparse(node)} is not arithmetic over what is printed before it")

    def _binary(self, sign: ast.operator, left: _Value, right: _Value) -> _Value:
        if isinstance(sign, ast.Mult | ast.Div):
            power = 1 if isinstance(sign, ast.Mult) else -1
            dimension = dict(left.dimension)
            for of, exponent in right.dimension.items():
                dimension[of] = dimension.get(of, 0) + power * exponent
            number = left.number * right.number if power == 1 else left.number / right.number
            return _Value(number, {of: exponent for of, exponent in dimension.items() if exponent})
        if not isinstance(sign, ast.Add | ast.Sub):
            raise _withheld(self.where, "an operator is not one of + - * /")
        number = left.number + right.number if isinstance(sign, ast.Add) else left.number - right.number
        if left.dimension == _DAY and right.dimension == {"time": 1} and right.number.denominator == 1:
            return _Value(number, _DAY)
        if left.dimension == _INSTANT and right.dimension == {"time": 1} and isinstance(sign, ast.Add):
            return _Value(number, _INSTANT)
        if left.dimension == right.dimension and left.dimension in (_DAY, _INSTANT) and isinstance(sign, ast.Sub):
            return _Value(number, {"time": 1})
        if left.dimension == right.dimension and left.dimension not in (_DAY, _INSTANT):
            return _Value(number, left.dimension)
        raise _withheld(self.where, "unlike things are added or subtracted")

    def _call(self, name: str, arguments: list[_Value]) -> _Value:
        if name == "count":
            return _Value(Fraction(len(arguments)), {})
        if name in _OF_REQUEST and [each.dimension for each in arguments] == _OF_REQUEST[name][0]:
            numbers = [argument.number for argument in arguments]
            return _Value(getattr(self, f"_{name}")(*numbers), _OF_REQUEST[name][1])
        first = arguments[0]
        if any(argument.dimension != first.dimension for argument in arguments):
            raise _withheld(self.where, f"{name} compares unlike things")
        numbers = [argument.number for argument in arguments]
        if name in _OF_MANY:
            return _Value(_OF_MANY[name](numbers), first.dimension)
        if name in _OF_SOME and len(numbers) == _OF_SOME[name][0]:
            return _Value(_OF_SOME[name][1](*numbers), first.dimension)
        raise _withheld(self.where, f"{name} is not a known choice")

    def _since_monday(self, instant: Fraction) -> Fraction:
        """How far the week of the request's time zone has gone by at an instant."""
        zone = ZoneInfo(self.request["time_zone"])
        seconds = int(instant * 86400)
        if seconds != instant * 86400:
            raise _withheld(self.where, "an instant is a whole second")
        local = (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=seconds)).astimezone(zone)
        return Fraction(((local.weekday() * 24 + local.hour) * 60 + local.minute) * 60 + local.second, 86400)

    def _minutes(self) -> tuple[list[Fraction], list[int]]:
        """The rates of the request's programme, in mcg per minute, and which of them each minute of the week has."""
        rates, week = [self._rate(self.request["base_rate"])], [0] * 7 * 1440
        groups = self.request.get("groups") or ()
        if sum(len(group["weekdays"]) for group in groups) > len(_WEEKDAYS):
            raise _withheld(self.where, "a weekday is listed twice")
        for group in groups:
            for step in group["steps"]:
                start, end = _minute(step["start"]), _minute(step["end"])
                rates.append(self._rate(step["rate"]) if "rate" in step else self._rate(step["dose"]) / (end - start))
                for day in map(_WEEKDAYS.index, group["weekdays"]):
                    week[day * 1440 + start : day * 1440 + end] = [len(rates) - 1] * (end - start)
        return rates, week

    def _rate(self, asked: str) -> Fraction:
        """An hourly rate in mcg per minute; a mass in mcg."""
        number, _, unit = asked.partition(" ")
        size, dimension = _unit(unit)
        return _decimal(self.where, number) * size / (1440 if dimension.get("time") else 1)

    def _walked(self, volume: Fraction, concentration: Fraction, since: Fraction) -> Fraction:
        """How long the request's programme takes to deliver a volume, from a point of its week: minute by minute."""
        rates, table = self._minutes()
        at, amount = since * 1440, volume * concentration
        grain = math.lcm(*(rate.denominator for rate in rates)) * at.denominator * amount.denominator
        grains = [int(rate * grain) for rate in rates]
        week = [grains[which] for which in table]
        left = int(amount * grain)
        weeks = -(-left // sum(week)) - 1
        left -= weeks * sum(week)
        begun: Fraction | int = at
        minute = int(at)
        runs = int(week[minute] * (1 - at % 1))
        while runs < left:
            left -= runs
            begun = minute = minute + 1
            runs = week[minute % len(week)]
        return (weeks * len(week) + begun - at + Fraction(left, week[minute % len(week)])) / 1440

    def _last_open_day(self, day: Fraction) -> Fraction:
        return _open(_closed(self.request), day, -1)

    def _next_open_day(self, day: Fraction) -> Fraction:
        return _open(_closed(self.request), day, 1)

    def _open_days_before(self, day: Fraction, count: Fraction) -> Fraction:
        if count.denominator != 1 or not 0 <= count <= _MOST_OPEN_DAYS:
            raise _withheld(self.where, f"open days are counted whole, up to {_MOST_OPEN_DAYS}")
        closed = _closed(self.request)
        for _ in range(int(count)):
            day = _open(closed, day - 1, -1)
        return day


def _closed(request: Mapping[str, Any]) -> set[str]:
    """The days of the calendar and of the week that the request names as closed."""
    return {*(request.get("closed_dates") or ()), *(request.get("closed_weekdays") or ())}


def _open(closed: set[str], day: Fraction, step: int) -> Fraction:
    """The first open day, from this one on and by this step."""
    found = date.fromordinal(int(day))
    while found.isoformat() in closed or _WEEKDAYS[found.weekday()] in closed:
        found += timedelta(days=step)
    return Fraction(found.toordinal())


def _same(where: str, computed: _Value, printed: _Value) -> None:
    if computed.dimension != printed.dimension:
        raise _withheld(where, "the unit printed is not the unit that the formula gives")
    if computed.number != printed.number:
        raise _withheld(where, "the number printed is not the number that the formula gives")


def _check_limit(limit: Mapping[str, Any], printed: Mapping[tuple[str, str], _Value]) -> None:
    """Is the limit hit as it says, and is what it compares what stands on the page?"""
    where = f"limit {limit['name']}"
    actual_text, bound_text = limit["actual"], limit["bound"]
    if limit["rule"] == "one of":
        allowed = limit["bound_exact"].split(", ")
        hit = limit["actual_exact"] not in allowed
        for shown, exact in ((actual_text, limit["actual_exact"]), *zip(bound_text.split(", "), allowed, strict=True)):
            _check_word_or_quantity(where, shown, exact)
    else:
        actual = printed.get((actual_text, limit["actual_exact"]))
        if actual is None:
            raise _withheld(where, f"{actual_text} is neither a given nor a step")
        bound = _printed(where, bound_text, limit["bound_exact"])
        if actual.dimension != bound.dimension:
            raise _withheld(where, "the bound is not of the same kind")
        hit = actual.number > bound.number if limit["rule"] == "at most" else actual.number < bound.number
    if hit is not limit["hit"]:
        raise _withheld(where, "hit or not is the other way round")


def _check_word_or_quantity(where: str, shown: str, exact: str) -> None:
    """One entry of a closed list: a word as it is, or a quantity whose exact form is in base units."""
    if shown == exact:
        return
    number, _, unit = shown.partition(" ")
    exact_number, _, exact_unit = exact.partition(" ")
    size, dimension = _unit(unit)
    base, same = _unit(exact_unit)
    if dimension != same or _rounded(_fraction(where, exact_number) * base / size) != number:
        raise _withheld(where, f"shows {shown} for {exact}")


def _leaves(pointer: str, answer: Any) -> Iterator[tuple[str, Any]]:
    """Every number and word of the answers, with its pointer."""
    if isinstance(answer, list | tuple):
        for position, entry in enumerate(answer):
            yield from _leaves(f"{pointer}/{position}", entry)
    elif isinstance(answer, dict):
        for key, entry in answer.items():
            yield from _leaves(f"{pointer}/{key}", entry)
    else:
        yield pointer, answer


def _check_answers(answers: Mapping[str, Any], lines: Mapping[str, str], shown: Mapping[str, str]) -> None:
    """Every number of the answers is the number of the line that it names; every line named is answered."""
    leaves = dict(_leaves("", dict(answers)))
    for pointer, name in lines.items():
        answer = leaves.get(pointer)
        text = str(answer) if type(answer) is int else answer
        wanted = shown[name].partition(" ")[0] if type(answer) is int else shown[name]
        if text != wanted:
            raise _withheld(f"answer {pointer}", f"{answer} is not what {name} says")
    for pointer, answer in leaves.items():
        number = type(answer) is int or (isinstance(answer, str) and answer[:1].isdigit())
        if (
            not isinstance(answer, str | int)
            or isinstance(answer, bool)
            or (number and answer and pointer not in lines)
        ):
            raise _withheld(f"answer {pointer}", f"{answer} names no line of the page")
    if "limits" in answers and "binding" in answers:
        _check_binding(answers, lines)


def _check_binding(answers: Mapping[str, Any], lines: Mapping[str, str]) -> None:
    """The limit that decides is the first with the fewest days, and each row speaks of its own limit's lines."""
    rows = answers["limits"]
    if min(rows, key=lambda row: row["days"])["limit"] != answers["binding"]:
        raise _withheld("answer /binding", "another limit comes first")
    for position, row in enumerate(rows):
        for key in ("date", "days"):
            if not lines[f"/limits/{position}/{key}"].startswith(row["limit"].replace("-", "_")):
                raise _withheld(f"answer /limits/{position}", f"{row['limit']} shows the {key} of another limit")


def _check_calendar(answers: Mapping[str, Any], request: Mapping[str, Any]) -> None:
    """The best days are all the open days of the window, its last ten; what would move a day says by how much."""
    closed = _closed(request)
    by = day = Fraction(date.fromisoformat(answers["refill_by"]).toordinal())
    if "book_from" in answers:
        wanted: list[str] = []
        while day >= date.fromisoformat(answers["book_from"]).toordinal() and len(wanted) < _MOST_BEST_DAYS:
            wanted.insert(0, date.fromordinal(int(day)).isoformat())
            day = _open(closed, day - 1, -1)
        if [row["date"] for row in answers["best_days"]] != wanted:
            raise _withheld("answer /best_days", "they are not the last open days of the window")
    for row in answers.get("would_move") or ():
        if date.fromisoformat(row["date"]).toordinal() - by != row["days"]:
            raise _withheld("answer /would_move", f"{row['what']} does not move the day by {row['days']}")


def _check_request(request: Mapping[str, Any], given: Mapping[str, Any]) -> None:
    """What was entered is what was asked, where the two have the same name."""
    asked = request.get(given["name"])
    if given["source"] is not None or not isinstance(asked, str):
        return
    where = f"given {given['name']}"
    number, _, unit = asked.partition(" ")
    shown_unit = given["value"].partition(" ")[2]
    if _MOMENT.fullmatch(given["exact"]):
        if datetime.fromisoformat(asked).replace(microsecond=0) != datetime.fromisoformat(given["exact"]):
            raise _withheld(where, f"{asked} was asked")
    elif _DATE.fullmatch(asked) or _DATE.fullmatch(given["exact"]):
        if asked != given["exact"]:
            raise _withheld(where, f"{asked} was asked")
    elif _decimal(where, number) != _fraction(where, given["exact"]) or (unit and unit != shown_unit):
        raise _withheld(where, f"{asked} was asked")


def replay(record: Mapping[str, Any]) -> None:
    """Recompute every step of a calculation's record (as JSON), every limit and every answer, and compare.

    Raises CalculationWithheld, naming the line, on any difference. Returns nothing when the page holds.
    """
    values: dict[str, _Value] = {}
    shown: dict[str, str] = {}
    pairs: dict[tuple[str, str], _Value] = {}
    try:
        for line in (*record["given"], *record["steps"]):
            name = line["name"]
            if name in values:
                raise _withheld(name, "it is printed twice")
            printed = _printed(name, line["value"], line["exact"])
            if "formula" in line:
                _same(name, _Evaluator(name, values, record["request"]).of(line["formula"]), printed)
            else:
                _check_request(record["request"], line)
            values[name], shown[name] = printed, line["value"]
            pairs[line["value"], line["exact"]] = printed
        for limit in record["limits"]:
            _check_limit(limit, pairs)
        _check_answers(record["answers"], record["answer_lines"], shown)
        if "refill_by" in record["answers"]:
            _check_calendar(record["answers"], record["request"])
    except (
        ArithmeticError,
        AttributeError,
        KeyError,
        OSError,
        SyntaxError,
        TypeError,
        ValueError,
        RecursionError,
        MemoryError,
    ) as fault:
        raise CalculationWithheld(f"the page cannot be replayed: {type(fault).__name__}: {fault}") from None
