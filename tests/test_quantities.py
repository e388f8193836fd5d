"""The one written form: what is read, what is refused and with which words, what is written."""

from __future__ import annotations

import random
import re
from decimal import ROUND_HALF_EVEN, Context, Decimal
from fractions import Fraction
from typing import Any

import pint
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from pumpcalc import Refusal
from pumpcalc.quantities import (
    ALIASES,
    CONCENTRATION,
    DAILY_DOSE,
    DURATION,
    FLOW_RATE,
    KINDS,
    REGISTRY,
    UNITS,
    VOLUME,
    Kind,
    Quantity,
    factor,
    pint_unit,
    read,
    read_number,
    write,
    write_number,
)

_SPELLINGS = (*UNITS, *ALIASES)


# An oracle for the grammar, character by character, without regular expressions


def _is_number(text: str) -> bool:
    whole, point, part = text.partition(".")
    digits = set("0123456789")
    if not whole or set(whole) - digits or len(whole) > 9 or (len(whole) > 1 and whole[0] == "0"):
        return False
    return not point or (0 < len(part) <= 9 and not set(part) - digits)


def _is_of(text: str, kind: Kind) -> bool:
    cut = text.find(" ")
    if cut < 0:
        return False
    unit = text[cut + 1 :]
    return _is_number(text[:cut]) and ALIASES.get(unit, unit) in kind.spellings


def _accepted(text: str, kind: Kind) -> bool:
    try:
        read(text, kind)
    except Refusal:
        return False
    return True


_NEAR_NUMBERS = st.text(alphabet="0123456789..,-+eE_ \u0661\u00bd\uff11", min_size=1, max_size=12)
_NEAR_UNITS = st.one_of(st.sampled_from(_SPELLINGS), st.text(alphabet="mcgLuhdaynr/ \u00b5\u03bc%", max_size=9))
_NEAR_TEXTS = st.one_of(
    st.builds("{} {}".format, _NEAR_NUMBERS, _NEAR_UNITS),
    st.builds("{} {}".format, st.decimals(0, 10**9, places=3).map(str), _NEAR_UNITS),
    st.text(max_size=70),
)


@given(_NEAR_TEXTS, st.sampled_from(KINDS))
@example("0.000000001 mg/day", DAILY_DOSE)
@example("1234567890 mg/day", DAILY_DOSE)
@example("1 mg/day\n", DAILY_DOSE)
def test_exactly_the_grammar_is_read(text: str, kind: Kind) -> None:
    assert _accepted(text, kind) == _is_of(text, kind)


def test_exactly_the_grammar_is_read_in_a_hundred_thousand_near_misses() -> None:
    """Numbers and units one or two edits away from right, from a fixed seed."""
    dice = random.Random(20261125)
    characters = "0123456789.., -+eE/mcgLdayhurin\u00b5\u03bc\u0660\u2013"
    right = 0
    for _ in range(100_000):
        text = (
            f"{dice.choice(('0', '1', '2.4', '19.2', '0.048', '123456789', '7.000000001'))} {dice.choice(_SPELLINGS)}"
        )
        for _ in range(dice.choice((0, 1, 1, 2))):
            place = dice.randrange(len(text) + 1)
            text = text[:place] + dice.choice(("", dice.choice(characters))) + text[place + dice.choice((0, 1)) :]
        kind = dice.choice((DAILY_DOSE, CONCENTRATION, FLOW_RATE, VOLUME, DURATION))
        accepted = _accepted(text, kind)
        assert accepted == _is_of(text, kind), text
        right += accepted
    assert right > 5_000, "the loop must meet both sides of the boundary"


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_a_unit_with_one_slip_is_refused_or_is_itself_a_spelling(kind: Kind) -> None:
    characters = "mcgLdayhurinMCGDHU/%. \u00b5\u03bck2"
    for unit in kind.spellings:
        slips = {unit[:i] + c + unit[i + 1 :] for i in range(len(unit)) for c in ("", *characters)}
        slips |= {unit[:i] + c + unit[i:] for i in range(len(unit) + 1) for c in characters}
        slips |= {unit[:i] + unit[i + 1] + unit[i] + unit[i + 2 :] for i in range(len(unit) - 1)}
        for slip in slips:
            allowed = ALIASES.get(slip, slip) in kind.spellings
            assert _accepted(f"1.5 {slip}", kind) == allowed, slip


# Round trips, and pint as the judge of conversions


@st.composite
def quantities(draw: st.DrawFn, kinds: tuple[Kind, ...] = KINDS) -> tuple[str, Kind]:
    kind = draw(st.sampled_from(kinds))
    whole, part = draw(st.integers(0, 999_999_999)), draw(st.integers(0, 9))
    digits = f"{whole}.{draw(st.integers(0, 10**part - 1)):0{part}d}" if part else str(whole)
    return f"{digits} {draw(st.sampled_from(kind.spellings))}", kind


@given(quantities())
def test_reading_gives_the_exact_number_in_the_unit_that_pint_says(written: tuple[str, Kind]) -> None:
    text, kind = written
    number, unit = text.split(" ", 1)
    canonical = kind.canonical.replace("[X]", "").replace("[Y]", "")
    judged = REGISTRY.Quantity(Fraction(number), pint_unit(unit)).to(pint_unit(canonical)).magnitude
    assert read(text, kind).amount == judged == Fraction(number) * factor(unit, canonical)


@given(st.sampled_from(KINDS), st.integers(0, 999_999), st.integers(-9, 3))
def test_what_was_written_is_read_back_as_the_same_quantity(kind: Kind, figures: int, power: int) -> None:
    number = Fraction(figures) * Fraction(10) ** power
    for spelling in kind.spellings:
        quantity = Quantity(number * kind.factors[spelling], kind, spelling)
        if number < 10**9:
            assert read(str(quantity), kind) == quantity


@pytest.mark.parametrize("alias", sorted(ALIASES))
def test_an_alias_is_the_unit_it_stands_for_and_is_shown_as_that_unit(alias: str) -> None:
    kind = next(kind for kind in KINDS if ALIASES[alias] in kind.spellings)
    quantity = read(f"2.50 {alias}", kind)
    assert quantity == read(f"2.5 {ALIASES[alias]}", kind)
    assert str(quantity) == f"2.5 {ALIASES[alias]}"


def test_the_contracts_aliases_and_no_others_are_understood() -> None:
    assert set(ALIASES.values()) <= set(UNITS)
    plain = {a for a in ALIASES if "/" not in a}
    assert plain == {"ug", "\u00b5g", "\u03bcg", "ml", "hr"}
    overs, unders = {"ug", "\u00b5g", "\u03bcg", "ml", "mg", "mcg", "mL"}, {"d", "day", "hr", "h", "ml", "mL", "cm"}
    assert {tuple(a.split("/")) for a in ALIASES if "/" in a} <= {(o, u) for o in overs for u in unders}


@pytest.mark.parametrize("number", [2.4, 2, True, "2.4"])
def test_a_quantity_is_made_of_an_exact_fraction_only(number: Any) -> None:
    with pytest.raises(TypeError, match="exact Fraction"):
        Quantity(number, DAILY_DOSE, "mcg/day")


# Refusals, and what they say


@pytest.mark.parametrize(
    ("text", "code", "says"),
    [
        (2.4, "quantity-as-text", '"10 mg/day"'),
        (25, "quantity-as-text", '"10 mg/day"'),
        (None, "quantity-as-text", '"10 mg/day"'),
        (["1 mg/day"], "quantity-as-text", '"10 mg/day"'),
        ("1,5 mg/day", "number-comma", '"1.5 mg/day"'),
        ("1,000 mg/day", "number-comma", "write a point, and no grouping"),
        (".5 mg/day", "number-format", 'write "0.5 mg/day"'),
        ("5. mg/day", "number-format", "digits with at most one point"),
        ("010 mg/day", "number-format", "leading zero"),
        ("1e3 mg/day", "number-format", "exponent"),
        ("-1 mg/day", "number-format", "no sign"),
        ("+1 mg/day", "number-format", "no sign"),
        ("\u221225 mg/day", "number-format", "no sign"),
        ("1\u20132 mg/day", "number-format", "not a plain number"),
        ("1_000 mg/day", "number-format", "grouping"),
        ("\u0661\u0662 mg/day", "number-format", "not a plain number"),
        ("\uff11 mg/day", "number-format", "not a plain number"),
        ("NaN mg/day", "number-format", "not a plain number"),
        ("Infinity mg/day", "number-format", "not a plain number"),
        ("1/2 mg/day", "number-format", "not a plain number"),
        ("1234567890 mg/day", "number-format", "at most 9 digits"),
        ("0.1234567890 mg/day", "number-format", "at most 9 digits"),
        ("", "number-format", "not a plain number"),
        (" 1 mg/day", "number-format", "a space too many"),
        ("10mg/day", "unit-missing-space", 'write "10 mg/day"'),
        ("10", "unit-missing", '"10 mg/day"'),
        ("10 ", "unit-missing", "has no unit"),
        ("10  mg/day", "number-format", "a space too many"),
        ("10 mg/day ", "number-format", "a space too many"),
        ("10 MG/DAY", "unit-unknown", "mg/day or mcg/day"),
        ("10 \u043cg/day", "unit-unknown", "mg/day or mcg/day"),
        ("10 mg/24h", "unit-unknown", "mg/day or mcg/day"),
        ("10 g/day", "unit-unknown", "mg/day or mcg/day"),
        ("10 mg/day\x00", "unit-unknown", "mg/day or mcg/day"),
        ("10 mg", "wrong-kind", "is a drug mass, not a daily dose"),
        ("10 mL/day", "wrong-kind", "is a flow rate, not a daily dose"),
        ("10 mg\u00b7mL", "wrong-kind", "multiplies two units"),
        ("1" * 65 + " mg/day", "too-long", '"10 mg/day"'),
    ],
)
def test_the_refusal_names_the_rule_and_says_what_to_write(text: Any, code: str, says: str) -> None:
    with pytest.raises(Refusal) as caught:
        read(text, DAILY_DOSE)
    (problem,) = caught.value.problems
    assert problem.code == code
    assert says in problem.detail


@pytest.mark.parametrize("text", [1, 0.5, "1,5", "1e3", ".5", "-1", "\u0661", "", "0.5 ", "1" * 65, None])
def test_a_number_that_stands_alone_is_text_in_the_same_grammar(text: Any) -> None:
    with pytest.raises(Refusal) as caught:
        read_number(text)
    assert caught.value.problems[0].code in ("number-as-text", "number-comma", "number-format")


@given(st.one_of(st.text(max_size=200), st.floats(), st.integers(), _NEAR_TEXTS), st.sampled_from(KINDS))
@example("\u202e52 mg/day" * 9, DAILY_DOSE)
@example("1" * 60 + "x", DAILY_DOSE)
@example("1 " + "\U0001f489" * 60, VOLUME)
def test_a_refusal_is_plain_ascii_and_echoes_at_most_64_characters(text: Any, kind: Kind) -> None:
    try:
        read(text, kind)
    except Refusal as refusal:
        detail = refusal.problems[0].detail
        assert detail.isascii()
        assert detail.isprintable()
        assert all(len(echoed) <= 64 for echoed in re.findall(r'"[^"]*"', detail)[:1])


# Substances


def test_the_same_mass_of_two_substances_cannot_be_added_compared_or_cancelled() -> None:
    oral, spinal = pint_unit("mg[oral morphine]"), pint_unit("mg[morphine]")
    for other in (spinal, pint_unit("mg[ziconotide]"), pint_unit("mg")):
        with pytest.raises(pint.DimensionalityError):
            REGISTRY.Quantity(Fraction(1), oral) + REGISTRY.Quantity(Fraction(1), other)
        with pytest.raises(pint.DimensionalityError):
            assert REGISTRY.Quantity(Fraction(1), oral) < REGISTRY.Quantity(Fraction(2), other)
        assert not (oral / other).dimensionless
    assert (oral / pint_unit("mcg[oral morphine]")).dimensionless


def test_a_unit_that_is_not_ours_is_not_in_the_registry() -> None:
    for foreign in ("kg", "mg**2", "mg mL", "ug", "grain", "d", "mg[]", "mg[Morphine!]"):
        with pytest.raises((ValueError, KeyError)):
            pint_unit(foreign)
    assert "kilogram" not in REGISTRY
    with pytest.raises(pint.DimensionalityError):
        factor("mg/day", "mcg")


# Writing


@given(st.fractions(min_value=0, max_value=10**9, max_denominator=10**9))
@example(Fraction("0.0000123456500"))
@example(Fraction("999999.5"))
@example(Fraction("0.9999995"))
@example(Fraction("1.0000005"))
def test_six_significant_figures_half_even_and_no_trailing_zero(number: Fraction) -> None:
    shown = write_number(number)
    assert re.fullmatch(r"(0|[1-9][0-9]*)(\.[0-9]*[1-9])?", shown)
    rounded = Context(prec=6, rounding=ROUND_HALF_EVEN).divide(Decimal(number.numerator), Decimal(number.denominator))
    assert Fraction(shown) == Fraction(rounded)
    assert abs(Fraction(shown) - number) <= number / 10**5


@given(st.fractions(min_value=0, max_value=10**9), st.sampled_from(UNITS))
def test_what_is_written_never_holds_an_exponent_a_micro_sign_or_a_naked_point(number: Fraction, unit: str) -> None:
    shown = write(number, unit)
    assert re.fullmatch(r"[0-9]+(\.[0-9]+)? [a-zA-Z/]+", shown, re.ASCII)
    assert "E" not in shown.partition(" ")[0]


@given(st.fractions(0, 10**6), st.fractions(0, 10**6))
def test_writing_never_turns_the_larger_into_the_smaller(one: Fraction, other: Fraction) -> None:
    low, high = sorted((one, other))
    assert Fraction(write_number(low)) <= Fraction(write_number(high))
