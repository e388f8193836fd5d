"""What the README and docs/ say is what the software does."""

from __future__ import annotations

import doctest
import importlib
import pkgutil
import re
import shlex
from pathlib import Path

import pytest

import pumpcalc
from pumpcalc import CALCULATORS, NOTICE, cli, library
from pumpcalc.printing import print_formulas

_ROOT = Path(__file__).parents[1]
README = (_ROOT / "README.md").read_text(encoding="utf-8")


AFTERNOON = (_ROOT / "docs" / "a-pharmacists-afternoon.md").read_text(encoding="utf-8")


def _examples(page: str) -> list[tuple[str, str]]:
    """Every ``$ pumpcalc`` command of a page with what is printed below it."""
    blocks = [block for block in re.findall(r"```\n(.*?)```", page, re.DOTALL) if block.startswith("$ ")]
    found = []
    for block in blocks:
        for example in block[2:].split("\n$ "):
            command, _, printed = example.replace(" \\\n", " ").partition("\n")
            found.append((command, printed.strip()))
    return found


def _run(command: str, capsys: pytest.CaptureFixture[str], folder: Path, *, refused: bool = False) -> str:
    """A command of a page in a folder of its own: an optional echo, pumpcalc, an optional file."""
    *feed, asked = command.split(" | ")
    asked, _, kept = asked.partition(" > ")
    words = shlex.split(asked)[1:]
    if feed:
        (folder / "request.json").write_text(shlex.split(feed[0])[1], encoding="utf-8")
        words.append(str(folder / "request.json"))
    words = [str(folder / word) if word == "record.json" else word for word in words]
    assert cli.main(words) == (cli.REFUSED if refused else cli.ANSWERED)
    printed = capsys.readouterr()
    if kept:
        (folder / kept).write_text(printed.out, encoding="utf-8")
    return printed.err if refused else printed.out


@pytest.mark.parametrize(("page", "commands"), [(README, 3), (AFTERNOON, 11)], ids=["README", "afternoon"])
def test_the_commands_of_a_page_print_what_it_shows(
    page: str, commands: int, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    examples = _examples(page)
    assert len(examples) == commands
    for command, shown in examples:
        refused = shown.startswith("refused:")
        printed = " ".join(_run(command, capsys, tmp_path, refused=refused).split())
        for part in shown.removeprefix("refused:").split("\n...\n"):
            wanted = " ".join(part.split())
            before, found, after = printed.partition(wanted) if wanted else ("", True, printed)
            printed = after if found else printed
            assert found, f"{command}\nprints no:\n{part}\nbut:\n{before}"


def test_the_readme_leads_with_the_two_commands_and_carries_the_notice() -> None:
    assert re.search(r"make demo.*\n.*make test", README[:500])
    assert NOTICE in " ".join(README.replace("\n> ", " ").split())


def test_the_page_of_equations_is_what_the_formulas_are() -> None:
    assert (_ROOT / "docs" / "formulas.md").read_text(encoding="utf-8") == print_formulas(library.load())


def test_every_calculator_is_listed_with_its_meaning(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["list"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == list(CALCULATORS)
    assert all(len(line.split(maxsplit=1)[1]) > 20 for line in lines)


@pytest.mark.parametrize("name", [module.name for module in pkgutil.walk_packages(pumpcalc.__path__, "pumpcalc.")])
def test_the_examples_in_the_docstrings_run(name: str) -> None:
    assert doctest.testmod(importlib.import_module(name)).failed == 0
