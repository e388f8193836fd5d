"""Speed as a ratio to a named rival, both in the same run, interleaved, the median of several rounds.

    .venv/bin/python benchmarks/run.py

A ratio below 1 means that pumpcalc is quicker than its rival.

A start is timed from bytecode, as every installed package has it: both sides keep theirs in one folder, filled by a
first start that does not count. Otherwise a checkout whose bytecode is not kept would be compiled anew at each start,
and its installed rivals not.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from fractions import Fraction

import numpy as np
import pint
from reminders import reminders

from pumpcalc import CALCULATORS, formulas, library
from pumpcalc.fleet import Column, run
from pumpcalc.quantities import CONCENTRATION, DAILY_DOSE, VOLUME, read

ROUNDS = 9


def ratio(ours: Callable[[], object], rival: Callable[[], object], rounds: int = ROUNDS) -> float:
    """Time of ours over time of the rival: median of interleaved rounds."""
    ratios = []
    for _ in range(rounds):
        started = time.perf_counter()
        ours()
        between = time.perf_counter()
        rival()
        ratios.append((between - started) / (time.perf_counter() - between))
    return statistics.median(ratios)


def show(what: str, rival: str, value: float) -> None:
    print(f"{what:58} {value:8.2f} x  {rival}")


def start_up() -> None:
    rival = "import pint; pint.UnitRegistry()"
    command = ["-m", "pumpcalc.cli", "flow-rate", "--drug", "morphine", "--daily-dose", "10 mg/day",
               "--concentration", "20 mg/mL"]  # fmt: skip
    with tempfile.TemporaryDirectory() as bytecode:
        kept = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
        environment = kept | {"PYTHONPYCACHEPREFIX": bytecode}

        def python(*words: str) -> Callable[[], object]:
            def start() -> None:
                subprocess.run([sys.executable, *words], check=True, stdout=subprocess.DEVNULL, env=environment)

            start()
            return start

        pint_starts = python("-c", rival)
        show("import pumpcalc, every formula proved", rival, ratio(python("-c", "import pumpcalc"), pint_starts))
        what = "pumpcalc flow-rate, from the shell to the printed worksheet"
        show(what, rival, ratio(python(*command), pint_starts))


def one_answer() -> None:
    registry = pint.UnitRegistry(non_int_type=Fraction)

    def with_pint() -> None:
        for _ in range(200):
            fill, alarm = registry.Quantity("20 ml"), registry.Quantity("2 ml")
            dose, strength = registry.Quantity("19.2 ug/day"), registry.Quantity("25 ug/ml")
            ((fill - alarm) * strength / dose).to("day")
            (dose / strength).to("ml/day")

    work = {"fill_volume": "20 mL", "alarm_volume": "2 mL", "concentration": "25 mcg/mL", "daily_dose": "19.2 mcg/day"}
    kinds = {"fill_volume": VOLUME, "alarm_volume": VOLUME, "concentration": CONCENTRATION, "daily_dose": DAILY_DOSE}

    def with_formulas() -> None:
        for _ in range(200):
            read_in = {name: read(text, kinds[name]).amount for name, text in work.items()}
            formulas.days_to_low_reservoir_alarm(**read_in)
            formulas.flow_rate(daily_dose=read_in["daily_dose"], concentration=read_in["concentration"])

    show(
        "four texts read strictly, two formulas, exact",
        "the same with pint quantities",
        ratio(with_formulas, with_pint),
    )

    def whole_record() -> None:
        for _ in range(200):
            CALCULATORS["flow-rate"](drug="morphine", daily_dose="10 mg/day", concentration="20 mg/mL")

    library.load()
    show(
        "flow-rate: request to replayed record with its trace",
        "pint: four texts, two quotients, no record",
        ratio(whole_record, with_pint),
    )


def fleet() -> None:
    count = 1_000_000
    random = np.random.default_rng(20261125)
    fill, alarm = random.integers(10, 41, count), random.integers(0, 5, count)
    strength, dose = random.integers(1, 5_001, count), random.integers(1, 10_000, count)
    floats = [column.astype(float) for column in (fill, alarm, strength, dose)]

    def column(values: np.ndarray, unit: str) -> Column:
        return Column.of_integers(values, unit)

    columns = {
        "fill_volume": column(fill, "mL"),
        "alarm_volume": column(alarm, "mL"),
        "concentration": column(strength, "mcg[morphine]/mL"),
        "daily_dose": column(dose, "mcg[morphine]/day"),
    }
    exact = run(formulas.days_to_low_reservoir_alarm, **columns).whole()
    show(
        "a million pumps: whole days to the alarm, exact",
        "NumPy float64, floor",
        ratio(
            lambda: run(formulas.days_to_low_reservoir_alarm, **columns).whole(),
            lambda: np.floor((floats[0] - floats[1]) * floats[2] / floats[3]),
        ),
    )
    sample = random.integers(0, count, 2_000)
    wrong = sum(
        int(exact[i]) != (Fraction(int(fill[i] - alarm[i])) * int(strength[i]) / int(dose[i])).__floor__()
        for i in sample
    )
    print(f"{'':58} {wrong} of {len(sample)} sampled pumps differ from the fraction")


if __name__ == "__main__":
    start_up()
    one_answer()
    fleet()
    reminders(show)
