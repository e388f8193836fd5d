"""Every equation proves its units before anything is calculated, and its four readings agree."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import pumpcalc
from pumpcalc import FormulaDefect, Refusal, formulas
from pumpcalc.formulas import FORMULAS, formula
from pumpcalc.quantities import CONCENTRATION, DAILY_DOSE, read
from pumpcalc.worksheet import Worksheet

_HOUSE = Path(pumpcalc.__file__).parents[1]


# Planted faults: a copy of the package with one slip in one formula must not import


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    house = tmp_path_factory.mktemp("house")
    for part in ("pumpcalc", "drug_library"):
        shutil.copytree(_HOUSE / part, house / part, ignore=shutil.ignore_patterns("__pycache__"))
    return house


@pytest.fixture
def plant(copy: Path) -> Iterator[Callable[[str, str], subprocess.CompletedProcess[str]]]:
    sound = {file: file.read_text(encoding="utf-8") for file in (copy / "pumpcalc" / "formulas").glob("*.py")}

    def planted(was: str, becomes: str) -> subprocess.CompletedProcess[str]:
        assert sum(text.count(was) for text in sound.values()) == 1, f"planted in one place: {was}"
        (file,) = (file for file, text in sound.items() if was in text)
        file.write_text(sound[file].replace(was, becomes), encoding="utf-8")
        return subprocess.run(
            [sys.executable, "-B", "-c", "import pumpcalc, os; print(os.path.dirname(pumpcalc.__file__))"],
            cwd=copy, env=os.environ | {"PYTHONPATH": str(copy)}, capture_output=True, text=True, check=False,
        )  # fmt: skip

    yield planted
    for file, text in sound.items():
        file.write_text(text, encoding="utf-8")


_RATIO = "return oral * kept / ratio"
_FLOW = '"""The flow that delivers a daily dose from a solution."""\n    return daily_dose'


@pytest.mark.parametrize(
    ("name", "was", "becomes"),
    [
        pytest.param("intrathecal_dose", _RATIO, "return oral * kept", id="ratio-forgotten"),
        pytest.param("intrathecal_dose", _RATIO, "return oral * kept * ratio", id="ratio-inverted"),
        pytest.param("flow_rate", f"{_FLOW} / concentration", f"{_FLOW} * concentration", id="concentration-inverted"),
        pytest.param("increased_dose", 'step="mcg[X]/day"', 'step="mL"', id="volume-added-to-dose"),
        pytest.param("days_to_low_reservoir_alarm", "return (fill_volume - alarm_volume) * concentration / daily_dose",
                     "return (fill_volume - daily_dose) * concentration / daily_dose", id="dose-taken-from-volume"),
        pytest.param("days_between_steps", '@formula("day", source="definition", steps_per_week="1/day")',
                     '@formula("h", source="definition", steps_per_week="1/day")', id="day-for-hour"),
        pytest.param("daily_dose", '@formula("mcg[X]/day", source="definition", flow_rate="mL/day"',
                     '@formula("mcg[X]/day", source="definition", flow_rate="mL/h"', id="hour-for-day"),
        pytest.param("days_between_steps", "return 1 / steps_per_week", "return steps_per_week", id="rate-for-time"),
        pytest.param("left_in_vials", "return (vials * vial_volume - stock_volume)", "return (vials - stock_volume)",
                     id="vials-for-their-volume"),
        pytest.param("left_in_pump", "- interval * daily_dose", "- daily_dose", id="a-day-for-the-interval"),
    ],
)  # fmt: skip
def test_a_fault_in_a_formula_stops_the_import(
    plant: Callable[[str, str], subprocess.CompletedProcess[str]], name: str, was: str, becomes: str
) -> None:
    done = plant(was, becomes)
    assert done.returncode != 0
    assert f"FormulaDefect: formula {name}: " in done.stderr


def test_the_copy_in_which_the_faults_are_planted_imports_without_them(
    copy: Path, plant: Callable[[str, str], subprocess.CompletedProcess[str]]
) -> None:
    done = plant("return oral * kept / ratio", "return oral * kept / ratio  # as it is")
    assert done.returncode == 0, done.stderr
    assert Path(done.stdout.strip()) == copy / "pumpcalc"


# The rules of the module, through the decorator


def _declared(body: Callable[..., Any], returns: str, **units: str) -> None:
    try:
        formula(returns, source="definition", **units)(body)
    finally:
        FORMULAS.pop(body.__name__, None)


_DOSE = {"oral": "mcg[X]/day", "ratio": "mcg[X]/mcg[Y]"}


def _ratio_twice(oral: Any, ratio: Any) -> Any:
    """A dose."""
    return oral / ratio / ratio


def _ratio_not_used(oral: Any, ratio: Any) -> Any:
    """A dose."""
    return oral


def _doubled(oral: Any, ratio: Any) -> Any:
    """A dose."""
    return oral / ratio * 2


def _doubled_by_ones(oral: Any, ratio: Any) -> Any:
    """A dose."""
    return oral / ratio * (1 + 1)


def _squared(oral: Any, ratio: Any) -> Any:
    """A dose."""
    return oral**2 / oral / ratio


def _floating(oral: Any, ratio: Any) -> Any:
    """A dose."""
    return oral / ratio * 1.0


def _branching(oral: Any, ratio: Any) -> Any:
    """A dose."""
    return oral / ratio if oral else ratio


def _comparing(oral: Any, ratio: Any) -> Any:
    """A dose."""
    return ratio if oral > ratio else oral


def _clamped(oral: Any, ratio: Any) -> Any:
    """A dose."""
    return min(oral / ratio, oral / ratio)


def _silent(oral: Any, ratio: Any) -> Any:
    return oral / ratio


def _constant(oral: Any, ratio: Any) -> Any:
    """A dose."""
    return 1


def _unit_bearing_one(oral: Any, ratio: Any) -> Any:
    """A dose."""
    return oral / ratio + 1


@pytest.mark.parametrize(
    ("body", "says"),
    [
        (_ratio_twice, "but declares"),
        (_ratio_not_used, "but declares"),
        (_doubled, "the only number in a formula is 1"),
        (_doubled_by_ones, "the only number in a formula is 1"),
        (_squared, "unsupported operand"),
        (_floating, "the only number in a formula is 1"),
        (_branching, "without a branch"),
        (_comparing, "without a branch"),
        (_clamped, "without a branch"),
        (_silent, "docstring"),
        (_constant, "which has no unit"),
        (_unit_bearing_one, "adds or subtracts"),
    ],
)
def test_a_formula_that_breaks_a_rule_is_not_declared(body: Callable[..., Any], says: str) -> None:
    with pytest.raises(FormulaDefect, match=says) as caught:
        _declared(body, "mcg[Y]/day", **_DOSE)
    assert str(caught.value).startswith(f"formula {body.__name__}: ")
    assert body.__name__ not in FORMULAS


def _flow(daily_dose: Any, concentration: Any) -> Any:
    """A flow."""
    return daily_dose / concentration


def _kept_once(oral: Any, kept: Any) -> Any:
    """A dose."""
    return oral


@pytest.mark.parametrize(
    ("body", "returns", "units", "says"),
    [
        (_flow, "mL/h", {"daily_dose": "mcg[X]/day", "concentration": "mcg[X]/mL"}, "not canonical"),
        (_flow, "mL/day", {"daily_dose": "mg[X]/day", "concentration": "mg[X]/mL"}, "not canonical"),
        (_flow, "mL/day", {"daily_dose": "mcg/day", "concentration": "mcg/mL"}, "of which substance"),
        (_flow, "mL/day", {"daily_dose": "mcg[X]/day", "concentration": "mcg[Y]/mL"}, "but declares"),
        (_flow, "mL/day", {"concentration": "mcg[X]/mL", "daily_dose": "mcg[X]/day"}, "in their order"),
        (_flow, "mL/day", {"daily_dose": "mcg[X]/day"}, "in their order"),
        (_kept_once, "mcg[X]/day", {"oral": "mcg[X]/day", "kept": "1"}, "does not use kept"),
    ],
)
def test_a_declaration_that_does_not_fit_is_refused(
    body: Callable[..., Any], returns: str, units: dict[str, str], says: str
) -> None:
    with pytest.raises(FormulaDefect, match=says):
        _declared(body, returns, **units)


def test_a_formula_is_written_once() -> None:
    def flow_rate(daily_dose: Any, concentration: Any) -> Any:
        """Another."""
        return daily_dose / concentration

    was = FORMULAS["flow_rate"]
    with pytest.raises(FormulaDefect, match="written twice"):
        formula("mL/day", source="definition", daily_dose="mcg[X]/day", concentration="mcg[X]/mL")(flow_rate)
    assert FORMULAS["flow_rate"] is was


# Substances


def test_a_ziconotide_dose_over_a_morphine_concentration_is_refused() -> None:
    crossed = {"daily_dose": "mcg[ziconotide]/day", "concentration": "mcg[morphine]/mL"}
    assert formulas.flow_rate.unit(crossed) is None
    assert formulas.flow_rate.unit(crossed | {"concentration": "mcg[ziconotide]/mL"}) == "mL/day"
    work = Worksheet("flow-rate", pumpcalc.library.load(), {})
    dose = work.given("daily_dose", read("2.4 mcg/day", DAILY_DOSE), "ziconotide")
    strength = work.given("concentration", read("20 mg/mL", CONCENTRATION), "morphine")
    with pytest.raises(Refusal) as caught:
        work.step(formulas.flow_rate, daily_dose=dose, concentration=strength, show="mL/day")
    assert caught.value.problems[0].code == "substance-mismatch"


_ORAL, _ORAL_PER_SPINAL = "mcg[oral morphine]/day", "mcg[oral morphine]/mcg[morphine]"


@pytest.mark.parametrize(
    ("name", "units"),
    [
        ("intrathecal_dose_unreduced", {"oral": "mcg[morphine]/day", "ratio": _ORAL_PER_SPINAL}),
        ("intrathecal_dose_unreduced", {"oral": "mcg[oral oxycodone]/day", "ratio": _ORAL_PER_SPINAL}),
        ("intrathecal_dose_unreduced", {"oral": _ORAL, "ratio": "mcg[morphine]/mcg[oral morphine]"}),
        ("flow_rate", {"daily_dose": "mL/day", "concentration": "mcg[morphine]/mL"}),
        ("increased_dose", {"daily_dose": "mcg[morphine]/day", "step": "mcg[ziconotide]/day"}),
        ("change_of_dose", {"daily_dose": "mcg[morphine]/day", "previous_daily_dose": "mcg[ziconotide]/day"}),
        ("increased_dose", {"daily_dose": "mcg[morphine]/day", "step": "mcg[morphine]"}),
    ],
)  # fmt: skip
def test_a_formula_does_not_take_another_substance_or_kind(name: str, units: dict[str, str]) -> None:
    assert FORMULAS[name].unit(units) is None
