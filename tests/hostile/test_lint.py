"""No text of a user reaches anything that evaluates or guesses: read in the code, and watched while it runs."""

from __future__ import annotations

import ast
import tomllib
from collections.abc import Iterator
from typing import Any

import pint
import pytest
from hostile_service import ROOT

from pumpcalc import CALCULATORS, calculate

_READS_NUMBERS = {
    "pumpcalc/quantities/written.py",
    "pumpcalc/worksheet/replay.py",
    "pumpcalc/worksheet/fields/types.py",
}
"""Where a number is read from text that a grammar has matched whole, or that the software itself wrote."""
_EVALUATES = {"eval", "exec", "compile", "literal_eval", "__import__", "Decimal", "float", "complex"}
_OF_PINT = {"parse_expression", "parse_units", "parse_unit_name", "parse_pattern", "Quantity", "Measurement"}
_REGISTRIES = {"ureg", "registry"}

_FILES = sorted(
    path.relative_to(ROOT).as_posix() for folder in ("pumpcalc", "api") for path in (ROOT / folder).rglob("*.py")
)


def _name(node: ast.expr) -> str:
    return node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ""


def _is_number(node: ast.expr) -> bool:
    """An expression that cannot be text: a whole number, arithmetic, or an attribute or a call that gives one."""
    match node:
        case ast.Constant(value=value):
            return type(value) is int
        case ast.BinOp(left=left, right=right):
            return _is_number(left) or _is_number(right)
        case ast.UnaryOp(operand=operand):
            return _is_number(operand)
        case ast.Call(func=called):
            return _name(called) in {"len", "int", "Fraction", "round", "sum", "abs"}
        case ast.Attribute(attr=attribute):
            return attribute in {"amount", "numerator", "denominator", "exact", "days", "magnitude"}
    return False


def _is_unit(node: ast.expr) -> bool:
    return isinstance(node, ast.Call) and _name(node.func) == "pint_unit"


def _findings(tree: ast.Module, file: str) -> Iterator[str]:
    """Each call that could take a text for code, for a unit or for a number."""
    pints = {
        alias.asname or alias.name
        for node in ast.walk(tree)
        if isinstance(node, ast.Import | ast.ImportFrom)
        for alias in node.names
        if "pint" in (alias.name, getattr(node, "module", None))
    }
    counted = _counted(tree)
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            called = _name(node.func)
            of = _name(node.func.value) if isinstance(node.func, ast.Attribute) else ""
            if called in _EVALUATES and of not in ("re", "sa"):
                yield f"{file}:{node.lineno} calls {called}"
            if called in _OF_PINT and (
                called != "Quantity" or "Quantity" in pints or of in pints | {"ureg", "registry"}
            ):
                yield f"{file}:{node.lineno} calls {called} of pint"
            if called == "Fraction" and file not in _READS_NUMBERS:
                texts = [each for each in node.args if not (_is_number(each) or _name(each) in counted)]
                if texts:
                    yield f"{file}:{node.lineno} makes a Fraction of {ast.unparse(texts[0])}"
            if called == "from_float" or (called == "Fraction" and node.keywords):
                yield f"{file}:{node.lineno} makes a Fraction in another way"


def _counted(tree: ast.Module) -> set[str]:
    """Names that the module itself says are whole numbers."""
    return {
        node.arg
        for node in ast.walk(tree)
        if isinstance(node, ast.arg) and isinstance(node.annotation, ast.Name) and node.annotation.id == "int"
    }


@pytest.mark.parametrize("file", _FILES)
def test_no_text_of_a_user_reaches_a_parser_that_evaluates_or_guesses(file: str) -> None:
    assert list(_findings(ast.parse((ROOT / file).read_text(encoding="utf-8")), file)) == []


@pytest.mark.parametrize(
    "planted",
    [
        "from fractions import Fraction\ndef f(text): return Fraction(text)",
        "from fractions import Fraction\ndef f(body): return Fraction(body['dose'])",
        "import fractions\ndef f(a): return fractions.Fraction(a.strip())",
        "from decimal import Decimal\ndef f(a): return Decimal(a)",
        "def f(a): return eval(a)",
        "def f(a): return float(a)",
        "import pint\ndef f(a): return pint.Quantity(a)",
        "from pint import Quantity\ndef f(a): return Quantity(a)",
        "def f(ureg, a): return ureg.parse_expression(a)",
        "def f(ureg, a): return ureg.Quantity(a)",
        "import ast\ndef f(a): return ast.literal_eval(a)",
        "from fractions import Fraction\ndef f(a): return Fraction.from_float(a)",
    ],
)
def test_the_lint_sees_what_it_looks_for(planted: str) -> None:
    assert list(_findings(ast.parse(planted), "pumpcalc/planted.py"))


_SOLUTION = [{"drug": "morphine", "concentration": "10 mg/mL"}]
_WITHOUT_A_WORKED_EXAMPLE: dict[str, dict[str, Any]] = {
    "compounding": {"final_volume": "20 mL", "components": [{**_SOLUTION[0], "stock_concentration": "25 mg/mL"}]},
    "admixture-dose": {"components": _SOLUTION, "daily_dose": "5 mg/day"},
    "beyond-use-date": {"category": "1", "storage": "room", "compounded_at": "2026-11-25T09:00:00-05:00"},
}


def _examples() -> dict[str, tuple[str, dict[str, Any]]]:
    """The worked examples, and more: the calculator and the request of each."""
    found = {name: (name, request) for name, request in _WITHOUT_A_WORKED_EXAMPLE.items()}
    for path in sorted((ROOT / "tests" / "worked_examples").glob("*.toml")):
        example = tomllib.loads(path.read_text(encoding="utf-8"))
        found[path.stem] = (example["calculation"], example["request"])
    return found


def test_every_calculator_is_watched() -> None:
    assert set(CALCULATORS) <= {name for name, _ in _examples().values()}


@pytest.mark.parametrize("example", _examples())
def test_pint_parses_nothing_while_a_calculator_runs(example: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def parses(*arguments: object, **_: object) -> None:
        raise AssertionError(f"pint was asked to parse {arguments[1:]}")

    for kind in pint.UnitRegistry.__mro__:
        for method in ("parse_expression", "parse_units", "parse_units_as_container", "parse_unit_name"):
            if method in vars(kind):
                monkeypatch.setattr(kind, method, parses)
    name, request = _examples()[example]
    assert calculate(name, request).answers
    with pytest.raises(AssertionError, match="pint was asked"):
        pint.UnitRegistry(None).parse_expression("1 mg")
