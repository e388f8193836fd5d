"""No figure hides in the code: a number in a calculation is 0, 1, or a definition with a name."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import pumpcalc

_ROOT = Path(pumpcalc.__file__).parent
_CALCULATIONS = sorted(
    path.relative_to(_ROOT).as_posix()
    for pattern in (
        "formulas/*.py",
        "admixture.py",
        "choosing/*.py",
        "conversion/*.py",
        "delivery.py",
        "titration/*.py",
        "baclofen/*.py",
        "limits.py",
        "sentinel.py",
        "programmes/*.py",
        "refill/*.py",
        "beyond_use.py",
        "compounding/*.py",
        "bridge/*.py",
        "reservoir/*.py",
    )
    for path in _ROOT.glob(pattern)
)


def _numbers(tree: ast.AST) -> Iterator[int | float | complex]:
    """Every numeric literal outside the definitions, which are module-level names in capitals."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.Assign) and isinstance(tree, ast.Module):
            names = [target.id for target in node.targets if isinstance(target, ast.Name)]
            if names and all(name.isupper() for name in names):
                continue
        if isinstance(node, ast.Constant) and type(node.value) in (int, float, complex):
            yield node.value
        yield from _numbers(node)


@pytest.mark.parametrize("name", _CALCULATIONS)
def test_a_calculation_holds_no_number_but_0_and_1(name: str) -> None:
    tree = ast.parse((_ROOT / name).read_text(encoding="utf-8"))
    strange = [number for number in _numbers(tree) if number not in (0, 1)]
    # A worksheet's helper classes in proof.py rank + and * by 2 and 3, and pint's pattern splits by 2.
    assert strange == ([2, 3, 2] if name == "formulas/proof.py" else []), name


def test_the_lint_sees_a_planted_figure() -> None:
    planted = "_DEFINITION = 300\n\ndef dose(oral):\n    return oral / 300\n"
    assert list(_numbers(ast.parse(planted))) == [300]
