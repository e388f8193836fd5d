"""Verify a saved calculation, years later: redo its page, and ask the installed software the same question."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError

from pumpcalc import library as drug_library
from pumpcalc.errors import CalculationWithheld, Refusal, refused
from pumpcalc.library import Library
from pumpcalc.strict_json import JsonNumber
from pumpcalc.version import VERSION
from pumpcalc.worksheet.calculator import calculate
from pumpcalc.worksheet.record import Calculation
from pumpcalc.worksheet.replay import replay

__all__ = ["verify"]


def _counts(value: Any) -> Any:
    """A record as it was read from text, its counts as integers again. Any other bare number is left to be refused."""
    if isinstance(value, JsonNumber):
        return int(value.text) if value.text.isdecimal() and value.text.isascii() else value
    if isinstance(value, Mapping):
        return {name: _counts(entry) for name, entry in value.items()}
    return [_counts(entry) for entry in value] if isinstance(value, list) else value


def verify(record: Calculation | Mapping[str, Any], library: Library | None = None) -> str:
    """Check a calculation and say, in one sentence, what was checked.

    Every step, limit and answer is recomputed from the printed exact values. If the record was made by this software
    with the installed drug library, the request is also answered again and must give the same record.

    Raises CalculationWithheld when anything disagrees; Refusal when the text is not a calculation.
    """
    if not isinstance(record, Calculation):
        try:
            record = Calculation.model_validate(_counts(record))
        except ValidationError as fault:
            place = "/".join(str(part) for part in fault.errors()[0]["loc"])
            raise refused("not-a-calculation", f"This is not the record of a calculation: look at {place}.") from None
    replay(record.model_dump(mode="json"))
    redone = f"Every step, limit and answer of this {record.calculation} was recomputed from the page and agrees."
    shelf = library or drug_library.load()
    if record.library.sha256 != shelf.sha256 or record.software != VERSION:
        return (
            f"{redone} It was made by software {record.software} with library {record.library.version} "
            f"({record.library.sha256[:12]}); installed are {VERSION} and {shelf.version} ({shelf.sha256[:12]}), so "
            "it was not asked again."
        )
    try:
        again = calculate(record.calculation, record.request, shelf)
    except Refusal as refusal:
        raise CalculationWithheld(f"asked again, this request is refused: {refusal}") from None
    if again.model_dump(mode="json") != record.model_dump(mode="json"):
        raise CalculationWithheld("asked again, this request does not give the same record")
    return f"{redone} Asked again with the same library, it gives the same record."
