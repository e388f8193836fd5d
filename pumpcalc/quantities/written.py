"""The one written form of a quantity: number, one space, unit. Read strictly, written plainly.

    number   (0|[1-9][0-9]{0,8})(\\.[0-9]{1,9})?      ASCII; no sign, exponent, grouping or comma
    unit     exact spelling from a closed list; a few aliases are normalised and shown back

Nothing here evaluates anything. A text is matched whole or refused, and the refusal says what to write.
"""

from __future__ import annotations

import re
from fractions import Fraction

from pumpcalc.errors import Problem, Refusal, echo, refused
from pumpcalc.quantities.kinds import KINDS, Kind, Quantity

__all__ = ["ALIASES", "NUMBER", "UNITS", "read", "read_number", "write", "write_number"]

NUMBER = r"(?:0|[1-9][0-9]{0,8})(?:\.[0-9]{1,9})?"
_NUMBER = re.compile(NUMBER, re.ASCII)
_LONGEST = 64
_SIGNIFICANT_FIGURES = 6

UNITS = ("mg", "mcg", "mL", "mg/mL", "mcg/mL", "mg/day", "mcg/day", "mg/h", "mcg/h", "mL/day", "mL/h", "day", "h",
         "min", "cm", "mL/cm")  # fmt: skip
"""Every unit that a person may write, exactly so spelled."""


def _aliases() -> dict[str, str]:
    """ug and both micro signs for mcg, ml for mL, hr for h, /d for /day: the contract's closed list."""
    found: dict[str, str] = {}
    for unit in UNITS:
        over, slash, under = unit.partition("/")
        overs = {over} | ({"ug", "\u00b5g", "\u03bcg"} if over == "mcg" else {"ml"} if over == "mL" else set())
        overs |= {"hr"} if unit == "h" else set()
        unders = {under} | {"day": {"d"}, "h": {"hr"}, "mL": {"ml"}}.get(under, set())
        found |= {o + slash + u: unit for o in overs for u in unders if o + slash + u != unit}
    return found


ALIASES = _aliases()
"""Other spellings that are understood, each with the unit it stands for."""
_KIND_OF_UNIT = {unit: [kind for kind in KINDS if unit in kind.spellings] for unit in UNITS}


def _number_problem(number: str, unit: str = "") -> Problem:
    """Why a number is not understood, and how to write it. ``unit`` is what was written, where that is understood.

    No unit is ever suggested that was not written: a hint must not turn micrograms into milligrams.
    """
    tail = f" {unit}" if unit else ""
    if "," in number:
        return Problem(
            code="number-comma",
            detail=f"{echo(number)} has a comma, and 1,5 and 1.5 differ tenfold: "
            f'write a point, and no grouping, as in "1.5{tail}".',
        )
    if re.fullmatch(r"\.[0-9]{1,9}", number, re.ASCII):
        return Problem(
            code="number-format", detail=f'{echo(number)} lacks the zero before the point: write "0{number}{tail}".'
        )
    return Problem(
        code="number-format",
        detail=f"{echo(number)} is not a plain number: write digits with at most one point, such as 1.5 or 20 "
        "(at most 9 digits before and 9 after it; no sign, exponent, leading zero or grouping).",
    )


def read_number(text: object) -> Fraction:
    """A number that stands alone (a ratio, a percent, a count), written as text in the number grammar.

    Raises Refusal for anything else: a JSON number, ``1,5``, ``1e3``, ``.5``, ``-1``, digits of other scripts.
    """
    if not isinstance(text, str):
        raise refused("number-as-text", f'{echo(text)} is not text: write the number in quotes, such as "0.5".')
    if len(text) > _LONGEST or _NUMBER.fullmatch(text) is None:
        raise Refusal([_number_problem(text)])
    return Fraction(text)


def _unit_problem(number: str, unit: str, kind: Kind) -> Problem:
    """Why a unit is not understood, or not of this kind."""
    allowed = list(kind.spellings)
    wanted = f"write it in {' or '.join(allowed)}, for example {echo(kind.example)}"
    known = ALIASES.get(unit, unit)
    if known in UNITS:
        other = _KIND_OF_UNIT[known][0]
        return Problem(
            code="wrong-kind",
            detail=f"{echo(f'{number} {known}')} is {other.article} {other.name}, "
            f"not {kind.article} {kind.name}; {wanted}.",
            allowed=allowed,
        )
    turned = "/".join(reversed(unit.split("/")))
    if turned in UNITS or turned in ALIASES:
        return Problem(
            code="wrong-kind",
            detail=f"{echo(unit)} is {echo(turned)} upside down, which is not {kind.article} {kind.name}; {wanted}.",
            allowed=allowed,
        )
    if re.fullmatch(r"(?:mg|mcg|mL|day|h)(?:[\u00b7*.](?:mg|mcg|mL|day|h))+", unit):
        return Problem(
            code="wrong-kind",
            detail=f"{echo(unit)} multiplies two units, which is not {kind.article} {kind.name}; {wanted}.",
            allowed=allowed,
        )
    percent = " A percentage is not a concentration here: 1 % is 10 mg/mL." if "%" in unit else ""
    return Problem(
        code="unit-unknown",
        detail=f"{echo(unit)} is not one of the units of pumpcalc; {wanted}.{percent}",
        allowed=allowed,
        did_you_mean=_meant(unit, kind),
    )


def _meant(unit: str, kind: Kind) -> str | None:
    """The unit of this kind that is meant, where only case, plural, a full stop or a word differ.

    Never by mere likeness: g and ng look like mg, and a suggestion must not change the size of a dose.
    """
    plain = re.sub(r"\s+per\s+", "/", unit.casefold().rstrip("."))
    for word, short in (("hours", "h"), ("hour", "h"), ("hrs", "h"), ("days", "day"), ("mgs", "mg"), ("mcgs", "mcg"),
                        ("mls", "ml"), ("minutes", "min"), ("minute", "min")):  # fmt: skip
        plain = re.sub(rf"\b{word}\b", short, plain)
    known = {u.casefold(): u for u in kind.factors} | {u.casefold(): a for u, a in ALIASES.items() if a in kind.factors}
    return known.get(plain)


def read(text: object, kind: Kind) -> Quantity:
    """A quantity from its written form, exactly, in the kind's canonical unit.

    Raises Refusal, saying what to write, when the text is not a number, a space and a unit of this kind.

    >>> from pumpcalc.quantities import DAILY_DOSE
    >>> read("2.4 mcg/day", DAILY_DOSE).amount
    Fraction(12, 5)
    """
    if not isinstance(text, str):
        raise refused(
            "quantity-as-text",
            f"{echo(text)} has no unit: write {kind.article} {kind.name} as text with its unit, "
            f"such as {echo(kind.example)}.",
            allowed=kind.spellings,
        )
    if len(text) > _LONGEST:
        raise refused("too-long", f"{echo(text)} is longer than any quantity: write it as {echo(kind.example)}.")
    number, _space, unit = text.partition(" ")
    if unit[:1].isdigit() or unit != unit.strip():
        raise refused(
            "number-format",
            f"{echo(text)} has a space too many: write the number without spaces, one space, and the unit, "
            f"as in {echo(kind.example)}.",
        )
    if _NUMBER.fullmatch(number) is None:
        fused = re.fullmatch(rf"({NUMBER})([a-zA-Z].*)", text, re.ASCII)
        if fused is not None and (fused[2] in UNITS or fused[2] in ALIASES):
            raise refused("unit-missing-space", f'Put one space before the unit: write "{fused[1]} {fused[2]}".')
        written = ALIASES.get(unit, unit)
        raise Refusal([_number_problem(number, written if written in kind.factors else "")])
    if not unit:
        raise refused(
            "unit-missing",
            f"{echo(text)} has no unit: write {kind.article} {kind.name} as {echo(kind.example)}.",
            allowed=kind.spellings,
        )
    spelling = ALIASES.get(unit, unit)
    if spelling not in kind.factors:
        raise Refusal([_unit_problem(number, unit, kind)])
    return Quantity(Fraction(number) * kind.factors[spelling], kind, spelling)


def write_number(number: Fraction, *, up: bool = False) -> str:
    """A number for people: at most 6 significant figures, rounded half even once; leading zero, no trailing zeros.

    ``up`` rounds upwards instead, for a number that must not be shown too small.

    >>> write_number(Fraction(1, 48)), write_number(Fraction(10)), write_number(Fraction(1, 3))
    ('0.0208333', '10', '0.333333')
    """
    if number == 0:
        return "0"
    # In integers: every number of every page is written here.
    over, under = abs(number.numerator), number.denominator
    exponent = len(str(over)) - len(str(under))
    if over * 10 ** max(-exponent, 0) < under * 10 ** max(exponent, 0):
        exponent -= 1
    places = _SIGNIFICANT_FIGURES - 1 - exponent
    under *= 10 ** max(-places, 0)
    scaled, rest = divmod(over * 10 ** max(places, 0), under)
    if up:
        scaled += rest > 0
    elif 2 * rest != under:
        scaled += 2 * rest > under
    else:
        scaled += scaled % 2  # half even
    digits = str(scaled) if places > 0 else str(scaled * 10 ** (-places))
    if places > 0:
        digits = digits.rjust(places + 1, "0")
        digits = f"{digits[:-places]}.{digits[-places:]}".rstrip("0").rstrip(".")
    return digits if number > 0 else f"-{digits}"


def write(number: Fraction, spelling: str) -> str:
    """The written form of a number in a unit. A pure number (spelling "1") stands alone."""
    return write_number(number) if spelling == "1" else f"{write_number(number)} {spelling}"
