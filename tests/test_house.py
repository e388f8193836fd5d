"""The rules of the house, read from the source itself: floors, purity, exactness, words and their meaning."""

from __future__ import annotations

import ast
import doctest
import importlib
import os
import pkgutil
import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

import pumpcalc
from pumpcalc import CALCULATORS

_HOUSE = Path(pumpcalc.__file__).parents[1]
_MODULES = sorted(["pumpcalc", *(m.name for m in pkgutil.walk_packages(pumpcalc.__path__, "pumpcalc."))])
_READS_NUMBERS = {"pumpcalc.quantities.written", "pumpcalc.worksheet.replay"}
every_module = pytest.mark.parametrize("name", _MODULES)
every_calculator = pytest.mark.parametrize("name", CALCULATORS)


def _module(name: str) -> ModuleType:
    return importlib.import_module(name)


def _tree(name: str) -> ast.Module:
    return ast.parse(Path(str(_module(name).__file__)).read_text(encoding="utf-8"))


def _dotted(node: ast.expr) -> str:
    """``datetime.now`` of a name or an attribute, from its last two parts."""
    if isinstance(node, ast.Attribute):
        return f"{_dotted(node.value).rpartition('.')[2]}.{node.attr}"
    return node.id if isinstance(node, ast.Name) else ""


def _imported(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.module or ""


def _calls(tree: ast.Module) -> Iterator[tuple[str, ast.Call]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            yield _dotted(node.func), node


def test_imports_go_down_only(tmp_path: Path) -> None:
    """The contracts of pyproject.toml that concern the core, by import-linter itself."""
    linter = tomllib.loads((_HOUSE / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["importlinter"]
    mine = [each for each in linter["contracts"] if "pumpcalc" in each.get("containers", each.get("source_modules"))]
    assert {each["type"] for each in mine} == {"forbidden", "layers"}
    config = ["[importlinter]", "root_packages =\n  pumpcalc", "include_external_packages = True"]
    for number, contract in enumerate(mine):
        config.append(f"\n[importlinter:contract:{number}]")
        for key, value in contract.items():
            listed = "".join(f"\n  {each}" for each in value) if isinstance(value, list) else value
            config.append(f"{key} = {listed}")
    (tmp_path / "contracts.ini").write_text("\n".join(config), encoding="utf-8")
    command = [Path(sys.executable).with_name("lint-imports"), "--no-cache", "--config", tmp_path / "contracts.ini"]
    here = os.environ | {"PYTHONPATH": str(_HOUSE)}
    done = subprocess.run(command, env=here, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"{len(mine)} kept, 0 broken" in done.stdout


def test_the_core_imports_without_the_service_and_without_numpy_of_its_own() -> None:
    code = "import pumpcalc, sys; print(*sys.modules)"
    here = os.environ | {"PYTHONPATH": str(_HOUSE)}
    done = subprocess.run([sys.executable, "-c", code], env=here, capture_output=True, text=True, check=True)
    loaded = set(done.stdout.split())
    assert not loaded & {"fastapi", "starlette", "sqlalchemy", "alembic", "apscheduler", "uvicorn", "aiosmtplib", "api"}
    assert "pumpcalc.fleet" not in loaded, "the only module that needs NumPy is imported by whoever uses it"
    assert {name for name in _MODULES if "numpy" in set(_imported(_tree(name)))} == {"pumpcalc.fleet"}


@every_module
def test_the_core_reads_no_clock_no_network_no_environment_and_no_dice(name: str) -> None:
    tree = _tree(name)
    foreign = {module.partition(".")[0] for module in _imported(tree)}
    assert not foreign & {"time", "random", "secrets", "socket", "http", "urllib", "ssl", "os", "uuid", "threading"}
    asked = {called for called, _ in _calls(tree)}
    clocks = {"datetime.now", "datetime.utcnow", "datetime.today", "date.today", "time.time", "os.getenv"}
    assert not asked & clocks
    assert "os.environ" not in {_dotted(node) for node in ast.walk(tree) if isinstance(node, ast.Attribute)}


@every_module
def test_no_binary_float_takes_part(name: str) -> None:
    tree = _tree(name)
    floats = [node.value for node in ast.walk(tree) if isinstance(node, ast.Constant) and isinstance(node.value, float)]
    # One float may stand there: how alike two words must be for a suggestion.
    assert set(floats) <= {0.6, 0.7, 0.8}
    for called, node in _calls(tree):
        assert called not in ("float", "math.floor", "math.ceil", "Decimal", "Fraction.from_float")
        if set(floats) & {k.value.value for k in node.keywords if isinstance(k.value, ast.Constant)}:
            assert called == "difflib.get_close_matches"


@every_module
def test_no_text_of_a_user_reaches_a_parser_that_evaluates(name: str) -> None:
    for called, node in _calls(_tree(name)):
        assert called not in ("eval", "exec", "compile", "literal_eval", "ast.literal_eval", "ureg", "REGISTRY")
        assert called.rpartition(".")[2] not in ("parse_expression", "parse_units", "parse_unit_name")
        if called == "ast.parse":
            assert name == "pumpcalc.worksheet.replay"
        if called == "Fraction" and name not in _READS_NUMBERS:
            assert not any(isinstance(each, ast.Name | ast.Constant | ast.JoinedStr) and not _whole(each)
                           for each in node.args), f"{name}:{node.lineno} makes a Fraction of a name"  # fmt: skip


def _whole(node: ast.expr) -> bool:
    """A whole number that is written in the code, or a name that holds one."""
    return (isinstance(node, ast.Constant) and type(node.value) is int) or (
        isinstance(node, ast.Name) and node.id in {"whole", "over", "each"}
    )


@every_module
def test_a_module_lists_exactly_what_it_offers(name: str) -> None:
    module, tree = _module(name), _tree(name)
    offered = set(module.__all__)
    assert list(module.__all__) == sorted(module.__all__, key=_dunder_all_order), f"{name}.__all__ is in order"
    assert all(hasattr(module, each) for each in offered)
    defined = set()
    for node in tree.body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            defined.add(node.name)
        elif isinstance(node, ast.Assign | ast.AnnAssign):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            named = [each for target in targets for each in ast.walk(target)]
            defined |= {each.id for each in named if isinstance(each, ast.Name) and isinstance(each.ctx, ast.Store)}
    public = {each for each in defined if not each.startswith("_")}
    fields_only = {"Shown", "Exact", "Of"} if name == "pumpcalc.worksheet.record" else set()
    if Path(str(module.__file__)).name != "__init__.py":
        assert public - fields_only == offered, public ^ offered


def _dunder_all_order(word: str) -> tuple[int, str]:
    """Constants, then classes, then functions, as ruff sorts them."""
    return (0 if word.isupper() else 1 if word[0].isupper() else 2, word)


# Docstrings


def _section(name: str, title: str) -> str:
    match = re.search(rf"^{title}\n-+\n(.*?)(?=\n\n[A-Z]\w+\n-+\n|\Z)", CALCULATORS[name].description, re.S | re.M)
    return match[1] if match else ""


@every_calculator
def test_the_documented_parameters_are_the_fields_of_the_request(name: str) -> None:
    documented = [
        word
        for line in _section(name, "Parameters").splitlines()
        if re.match(r"[a-z_, ]+ ?(:|;)", line)
        for word in re.split(r", ?", line.partition(" :")[0])
    ]
    assert sorted(documented) == sorted(CALCULATORS[name].request.model_fields)


@every_calculator
def test_a_calculator_says_what_it_gives_back_and_cites_sources_that_exist(name: str) -> None:
    assert re.match(r"The |What ", CALCULATORS[name].summary)
    assert CALCULATORS[name].summary.endswith(".")
    assert _section(name, "Returns")
    sources = pumpcalc.library.load().sources
    cited = re.findall(r"^\[([a-z0-9-]+)\]|; \[([a-z0-9-]+)\]", _section(name, "Source"), re.M)
    keys = {first or second for first, second in cited}
    assert keys
    assert keys <= set(sources)


@every_calculator
def test_the_examples_of_a_calculator_run(name: str) -> None:
    calculator = CALCULATORS[name]
    module = vars(_module(calculator.__module__))
    example = doctest.DocTestParser().get_doctest(calculator.__doc__ or "", dict(module), name, None, 0)
    assert doctest.DocTestRunner(optionflags=doctest.ELLIPSIS).run(example).failed == 0


@every_module
def test_every_module_says_what_it_is_for(name: str) -> None:
    assert (_module(name).__doc__ or "").strip()[0].isalpha()


def test_the_library_that_is_shipped_is_the_folder_beside_the_package() -> None:
    assert pumpcalc.library.shipped_folder() == _HOUSE / "drug_library"
    assert shutil.which("lint-imports", path=str(Path(sys.executable).parent))
