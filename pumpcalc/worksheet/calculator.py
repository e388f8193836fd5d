"""Calculators: a function over a worksheet, reached by name from every door.

    @calculator("flow-rate")
    def flow_rate(work, *, drug: DrugName, daily_dose: DailyDoseField, ...): ...

The signature is the request: its fields, their kinds, what may be left out. Python, the command line and HTTP all
read a request with it, so the same input gets the same record, and the same mistake the same sentence.
"""

from __future__ import annotations

import difflib
import inspect
from collections.abc import Callable, Mapping
from functools import cached_property
from typing import Any, get_type_hints

from pydantic import ValidationError, create_model

from pumpcalc import library as drug_library
from pumpcalc.errors import echo, refused
from pumpcalc.library import Library
from pumpcalc.worksheet.fields import Request, refusal_of, written_request
from pumpcalc.worksheet.record import Calculation
from pumpcalc.worksheet.sheet import Worksheet

__all__ = ["CALCULATORS", "Calculator", "calculate", "calculator"]


class Calculator:
    """One calculator: called with a request's fields, it gives the record or raises a Refusal."""

    def __init__(self, name: str, function: Callable[..., None]) -> None:
        self.name = name
        self.function = function
        first, _, rest = (inspect.getdoc(function) or "").partition("\n\n")
        self.summary = " ".join(first.split())
        self.description = rest
        self.__doc__ = function.__doc__
        self.__name__ = function.__name__
        self.__module__ = function.__module__

    @cached_property
    def request(self) -> type[Request]:
        """The signature as a pydantic model, made when it is first asked for: extra fields forbidden, all strict."""
        hints = get_type_hints(self.function, include_extras=True)
        fields: dict[str, Any] = {}
        for parameter in inspect.signature(self.function).parameters.values():
            if parameter.kind is inspect.Parameter.KEYWORD_ONLY:
                default = ... if parameter.default is inspect.Parameter.empty else parameter.default
                fields[parameter.name] = (hints[parameter.name], default)
        title = "".join(word.capitalize() for word in self.name.split("-")) + "Request"
        return create_model(title, __base__=Request, __doc__=self.summary, **fields)

    def read(self, fields: Mapping[str, Any]) -> Request:
        """A request, checked field by field. Raises Refusal with a pointer to every field that is wrong."""
        if not isinstance(fields, Mapping) or not all(isinstance(key, str) for key in fields):
            raise refused("wrong-type", f"A request to {self.name} is an object with fields.")
        try:
            return self.request.model_validate(dict(fields))
        except ValidationError as fault:
            raise refusal_of(self.request, fault) from None

    def __call__(self, library: Library | None = None, /, **fields: Any) -> Calculation:
        """Answer a request given as keyword arguments."""
        return self.answer(fields, library)

    def answer(self, fields: Mapping[str, Any], library: Library | None = None) -> Calculation:
        """Answer a request. The library is the one that came with the software unless another is named."""
        request = self.read(fields)
        work = Worksheet(self.name, library or drug_library.load(), written_request(request))
        self.function(work, **{name: getattr(request, name) for name in self.request.model_fields})
        return work.finish()


CALCULATORS: dict[str, Calculator] = {}
"""Every calculator by name. The service, the command line, the pages and the validation kit walk this list."""


def calculator(name: str) -> Callable[[Callable[..., None]], Calculator]:
    """Register a function over a worksheet as a calculator of the contract."""

    def register(function: Callable[..., None]) -> Calculator:
        made = CALCULATORS[name] = Calculator(name, function)
        return made

    return register


def calculate(name: str, request: Mapping[str, Any], library: Library | None = None) -> Calculation:
    """Answer a request to the calculator of this name.

    Raises Refusal when the question cannot be answered as asked; CalculationWithheld when the independent replay
    disagrees with the answer.
    """
    if name not in CALCULATORS:
        near = difflib.get_close_matches(str(name), CALCULATORS, n=1)
        raise refused(
            "unknown-calculation",
            f"{echo(name)} is not a calculation; they are {', '.join(CALCULATORS)}.",
            allowed=CALCULATORS,
            did_you_mean=near[0] if near else None,
        )
    return CALCULATORS[name].answer(request, library)
