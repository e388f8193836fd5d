"""A reservoir in plain fractions of millilitres, milligrams and hours, written without looking at the core.

One list of what happened, sorted by time; one loop over it. It knows no formula, worksheet or quantity.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

CAPACITY = Fraction(20)
FAST = Fraction(1145, 1000)
CANNOT_DELIVER = Fraction(14, 10)
NAIVE_START = {"morphine": Fraction(1)}
"""mg a day; of baclofen no starting dose is known."""


class NotPossible(Exception):
    """This cannot have happened, or must not be done."""


@dataclass
class Tank:
    """What is in the reservoir at one hour."""

    hour: Fraction
    volume: Fraction = Fraction(0)
    at_worst: Fraction = Fraction(0)
    at_best: Fraction = Fraction(0)
    mg: dict[str, Fraction] = field(default_factory=dict)
    """Of each drug in one millilitre."""
    per_day: Fraction | None = None
    dose: tuple[str, Fraction] | None = None
    stopped: bool = False
    scanned: bool = False
    emptied: Fraction | None = None
    naive: bool = False
    found_empty: bool = False
    refilled_since_dry: bool = False
    moved: dict[str, Fraction] = field(default_factory=dict)
    mass_moved: dict[tuple[str, str], Fraction] = field(default_factory=dict)
    seen: Fraction | None = None
    """What a withdrawal saw left, until the next fill."""

    def move(self, way: str, volume: Fraction) -> None:
        self.moved[way] = self.moved.get(way, Fraction(0)) + volume
        for drug, per_ml in self.mg.items():
            self.mass_moved[way, drug] = self.mass_moved.get((way, drug), Fraction(0)) + volume * per_ml

    def wait(self, until: Fraction, stood: Fraction = Fraction(0)) -> None:
        hours = until - self.hour
        if stood > hours:
            raise NotPossible("stood longer than the time that went by")
        runs = self.per_day is not None and not self.stopped
        if self.emptied is not None and runs and not self.scanned and until - self.emptied >= 24 and not self.naive:
            self.naive = True
        if runs and self.volume > 0:
            assert self.per_day is not None
            self.pour(self.per_day * (hours - stood) / 24)
        self.hour = until

    def pour(self, wanted: Fraction) -> None:
        if wanted == 0 or self.volume == 0:
            return
        gone = min(wanted, self.volume)
        self.move("delivered", gone)
        self.volume -= gone
        self.at_worst = max(Fraction(0), self.at_worst - wanted * FAST)
        if self.volume == 0:
            self.naive, self.refilled_since_dry = True, False


def happen(tank: Tank | None, what: dict[str, Any]) -> Tank:
    """One event. Raises NotPossible."""
    kind, hour = what["kind"], what["hour"]
    if tank is None:
        if kind != "fill":
            raise NotPossible("before the first fill")
        tank = Tank(hour)
    if tank.scanned and kind not in ("interrogation", "mri"):
        raise NotPossible("not interrogated")
    tank.wait(hour, what.get("stood", Fraction(0)))
    {"fill": _fill, "withdraw": _withdraw, "program": _program, "new-start": _program, "bolus": _bolus, "stop": _stop,
     "resume": _resume, "mri": _mri, "interrogation": _interrogation}[kind](tank, what)  # fmt: skip
    return tank


def _fill(tank: Tank, what: dict[str, Any]) -> None:
    after = tank.volume + what["ml"]
    if what["ml"] == 0 or after > CAPACITY:
        raise NotPossible("does not fit")
    seen = tank.seen if tank.seen is not None else tank.volume
    if "told" in what and not after <= what["told"] <= seen + what["ml"]:
        raise NotPossible("told another volume")
    if tank.naive and tank.per_day is not None and not tank.stopped:
        raise NotPossible("would go on at the old dose")
    drugs = {*what["mg"], *(tank.mg if tank.volume else ())}
    mixed = {}
    for drug in drugs:
        old = tank.mg.get(drug, Fraction(0)) * tank.volume
        mixed[drug] = (old + what["mg"].get(drug, Fraction(0)) * what["ml"]) / after
    tank.mg = dict(what["mg"])
    tank.move("filled", what["ml"])
    tank.mg, tank.volume = mixed, after
    tank.at_worst, tank.at_best = tank.at_worst + what["ml"], tank.at_best + what["ml"]
    tank.emptied, tank.seen = None, None
    tank.refilled_since_dry = True


def _withdraw(tank: Tank, what: dict[str, Any]) -> None:
    found = what["ml"] + what["left"]
    if found > min(tank.at_best, CAPACITY):
        raise NotPossible("more than can be there")
    expected = tank.volume
    nearly = found <= CANNOT_DELIVER and not 0 < expected <= CANNOT_DELIVER
    empty = tank.emptied is None and (found == 0 or nearly)
    tank.move("withdrawn", what["ml"])
    tank.move("unaccounted", expected - found)
    if empty:
        tank.naive = tank.found_empty = True
        tank.refilled_since_dry = False
    elif tank.naive and not (tank.refilled_since_dry or tank.found_empty or tank.emptied is not None):
        tank.naive = False
    tank.volume = tank.at_worst = tank.at_best = tank.seen = what["left"]
    tank.emptied = (tank.emptied if tank.emptied is not None else tank.hour) if what["left"] == 0 else None


def _program(tank: Tank, what: dict[str, Any]) -> None:
    drug, dose = what["drug"], what["dose"]
    anew = what["kind"] == "new-start"
    if tank.naive and not anew:
        raise NotPossible("the old dose")
    if tank.volume > 0 and drug not in tank.mg:
        raise NotPossible("not in the reservoir")
    if tank.naive:
        if drug in NAIVE_START:
            if dose > NAIVE_START[drug]:
                raise NotPossible("not a naive start")
        elif tank.dose is not None and tank.dose[0] == drug and dose >= tank.dose[1]:
            raise NotPossible("the old dose")
    tank.per_day, tank.dose = dose / what["strength"], (drug, dose)
    if anew:
        tank.stopped = tank.naive = tank.found_empty = False


def _bolus(tank: Tank, what: dict[str, Any]) -> None:
    if what["ml"] > CAPACITY:
        raise NotPossible("more than the reservoir")
    tank.pour(what["ml"])


def _stop(tank: Tank, _what: dict[str, Any]) -> None:
    tank.stopped = True


def _resume(tank: Tank, _what: dict[str, Any]) -> None:
    if tank.naive or tank.per_day is None:
        raise NotPossible("nothing to resume")
    tank.stopped = False


def _mri(tank: Tank, _what: dict[str, Any]) -> None:
    tank.scanned = True


def _interrogation(tank: Tank, _what: dict[str, Any]) -> None:
    tank.scanned = False


def tank_at(happened: list[dict[str, Any]], hour: Fraction) -> Tank:
    """What is in the reservoir at an hour. Events of one hour happen in the order of the list."""
    tank: Tank | None = None
    for what in sorted(happened, key=lambda each: each["hour"]):
        if what["hour"] <= hour:
            tank = happen(tank, what)
    if tank is None:
        raise NotPossible("before the first fill")
    tank.wait(hour)
    return tank


def possible(happened: list[dict[str, Any]]) -> bool:
    """Can all of this have happened?"""
    tank: Tank | None = None
    try:
        for what in sorted(happened, key=lambda each: each["hour"]):
            tank = happen(tank, what)
    except NotPossible:
        return False
    return True
