"""A request as a model: strict, frozen, and refused in our own words; and shown back as it was understood."""

from __future__ import annotations

import difflib
import json
from collections.abc import Callable
from datetime import date, datetime
from fractions import Fraction
from typing import Any, get_args

from pydantic import BaseModel, ConfigDict, PlainValidator, ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import PydanticCustomError

from pumpcalc.errors import Problem, Refusal, echo
from pumpcalc.quantities import FRACTION, PER_DAY, PER_WEEK, RATIO, Quantity

__all__ = ["Request", "refusal_of", "strictly", "written_request"]

_MOST_PROBLEMS = 20
_PLAIN = (FRACTION, RATIO, PER_WEEK, PER_DAY)
"""Kinds that a request writes as a plain number, its meaning being the field's."""


class Request(BaseModel):
    """Base of every request: unknown fields are refused, records are frozen."""

    # Built when it is first used: a start pays for no request that is not asked.
    model_config = ConfigDict(extra="forbid", frozen=True, arbitrary_types_allowed=True, defer_build=True)


def strictly(reader: Callable[[Any], Any]) -> PlainValidator:
    """A reader that raises our Refusal, as a validator of pydantic: for fields of one's own."""

    def validate(value: Any) -> Any:
        try:
            return reader(value)
        except Refusal as refusal:
            problem = refusal.problems[0]
            raise PydanticCustomError("pumpcalc", "{detail}", {"detail": problem.detail, "problem": problem}) from None

    return PlainValidator(validate)


def _pointer(location: tuple[int | str, ...]) -> str:
    return "".join("/" + str(part).replace("~", "~0").replace("/", "~1") for part in location)


def _fields(model: type[BaseModel]) -> dict[str, FieldInfo]:
    """The fields of a request as they are written: ``for`` is one, and a word of Python's own."""
    return {field.alias or name: field for name, field in model.model_fields.items()}


def _model_at(model: type[BaseModel], location: tuple[int | str, ...]) -> type[BaseModel] | None:
    """The request model in which a field lies, for its example and its neighbours."""
    here: Any = model
    for part in location:
        if isinstance(part, int):
            continue
        field = _fields(here).get(part)
        inner = (
            [a for a in _arguments(field.annotation) if isinstance(a, type) and issubclass(a, BaseModel)]
            if field
            else []
        )
        here = inner[0] if inner else None
        if here is None:
            return None
    return here if isinstance(here, type) else None


def _arguments(annotation: Any) -> list[Any]:
    found, left = [], [annotation]
    while left:
        found.append(left.pop())
        left.extend(get_args(found[-1]))
    return found


def _example(model: type[BaseModel] | None, name: str) -> str:
    """How a field may be written, from its schema."""
    if model is None:
        return ""
    schema = model.model_json_schema()
    field = schema.get("properties", {}).get(name, {})
    if "$ref" in (line := field.get("items", {})):
        of = schema["$defs"][line["$ref"].rpartition("/")[2]]
        return f": write it as {json.dumps(of['examples'])}"
    if "examples" in field:
        return f": write it as {echo(field['examples'][0])}"
    return f": write one of {', '.join(field['enum'])}" if "enum" in field else ""


def _problem(model: type[BaseModel], error: Any) -> Problem:
    location, kind = tuple(error["loc"]), error["type"]
    pointer = _pointer(location)
    name = str(location[-1]) if location else ""
    around = _model_at(model, location[:-1]) if location else model
    if kind == "pumpcalc":
        inner: Problem = error["ctx"]["problem"]
        return inner.at(pointer)
    if kind == "missing":
        return Problem(code="missing", detail=f"{name} is missing{_example(around, name)}.", pointer=pointer)
    if kind == "extra_forbidden":
        fields = list(_fields(around)) if around else []
        near = difflib.get_close_matches(name, fields, n=1)
        return Problem(
            code="unknown-field",
            detail=f"{echo(name)} is not a field here; the fields are {', '.join(fields)}.",
            pointer=pointer,
            allowed=fields,
            did_you_mean=near[0] if near else None,
        )
    if kind in ("literal_error", "enum"):
        field = _fields(around).get(name) if around else None
        allowed = [a for a in _arguments(field.annotation) if isinstance(a, str)] if field else []
        near = difflib.get_close_matches(str(error["input"]), allowed, n=1)
        return Problem(
            code="not-one-of",
            detail=f"{echo(error['input'])} is not one of {', '.join(reversed(allowed))}.",
            pointer=pointer,
            allowed=allowed[::-1],
            did_you_mean=near[0] if near else None,
        )
    wanted = {
        "bool_type": "true or false",
        "list_type": "a list",
        "tuple_type": "a list",
        "too_short": "a list that is not empty",
        "too_long": "a shorter list",
        "model_type": "an object with fields",
        "dict_type": "an object with fields",
        "model_attributes_type": "an object with fields",
    }.get(kind, "another value")
    return Problem(code="wrong-type", detail=f"{name or 'The request'} must be {wanted}.", pointer=pointer)


def refusal_of(model: type[BaseModel], fault: ValidationError) -> Refusal:
    """What pydantic found wrong with a request, in our words: at most 20 problems, each with its pointer."""
    errors = fault.errors(include_url=False, include_input=True)[:_MOST_PROBLEMS]
    problems = [_problem(model, error) for error in errors]
    return Refusal(_with_swaps(problems, [error.get("input") for error in errors]))


def _with_swaps(problems: list[Problem], inputs: list[Any]) -> list[Problem]:
    """Two fields of which each holds what the other wants, such as a dose and a flow: say so, and change nothing."""
    told = list(problems)
    for one, first in enumerate(problems):
        for other, second in enumerate(problems):
            if one != other and _fits(inputs[one], second) and _fits(inputs[other], first):
                name = second.pointer.rpartition("/")[2]
                told[one] = first.model_copy(
                    update={"detail": f"{first.detail} It would fit {name}: the two look swapped."}
                )
    return told


def _fits(text: Any, problem: Problem) -> bool:
    """Is this text in a unit that the other field may be written in?"""
    return problem.code == "wrong-kind" and isinstance(text, str) and text.partition(" ")[2] in (problem.allowed or ())


def written_request(value: Any) -> Any:
    """A request as it was understood, in normal spelling and unrounded: what the record shows back."""
    if isinstance(value, BaseModel):
        fields = type(value).model_fields.items()
        stated = {field.alias or name: getattr(value, name) for name, field in fields if name in value.model_fields_set}
        return {name: written_request(entry) for name, entry in stated.items() if entry is not None}
    if isinstance(value, list | tuple):
        return [written_request(entry) for entry in value]
    if isinstance(value, Quantity):
        number = _decimal(value.amount / value.kind.factors[value.spelling])
        return number if value.kind in _PLAIN else f"{number} {value.spelling}"
    if isinstance(value, Fraction):
        return _decimal(value)
    if isinstance(value, datetime | date):
        return value.isoformat()
    return value if isinstance(value, bool) else str(value)


def _decimal(number: Fraction) -> str:
    """A number that was read from decimal text, as decimal text again, exactly."""
    places = 0
    while (number * 10**places).denominator != 1:
        places += 1
    digits = str(int(number * 10**places)).rjust(places + 1, "0")
    return f"{digits[:-places]}.{digits[-places:]}" if places else digits
