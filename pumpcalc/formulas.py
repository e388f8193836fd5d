"""Every equation of the field, written once, with its units and its source.

A formula is one line of ordinary arithmetic. The same line is read in four ways:

    proof      unit tracers, once, at import, judged by pint: a wrong dimension stops ``import pumpcalc``
    answer     exact fractions: the number, unrounded
    worksheet  names: the text of the formula as it ran
    fleet      integer columns: many pumps at once, bit for bit the same answer

Rules, checked at import: one expression; no branch; no number but 1 (figures come in as arguments, with their
source); canonical units only; every argument used; a docstring in the clinic's words; a source key.

To add an equation, write the function at the end of this file. The proof, the worksheet, the fleet, the
documentation and the validation kit find it in ``FORMULAS``.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Self

import pint
from pint.util import to_units_container

from pumpcalc.errors import FormulaDefect
from pumpcalc.quantities import CANONICAL, SUBSTANCE, pint_unit

__all__ = ["FORMULAS", "Formula", "formula"]


def _shown(unit: pint.Unit) -> str:
    """A unit for a message, in our words: pint's own formatting never reaches a person."""
    powers = sorted((str(name), power) for name, power in to_units_container(unit).items())
    return " ".join(f"{name.removeprefix('substance_')}^{power}" for name, power in powers) or "1"


class _Unit:
    """Stands in for a number while a formula is proved: only its unit is carried."""

    __slots__ = ("unit",)

    def __init__(self, unit: pint.Unit) -> None:
        self.unit = unit

    @staticmethod
    def _of(other: object) -> pint.Unit:
        if isinstance(other, _Unit):
            return other.unit
        if type(other) is int and other == 1:
            return pint_unit("1")
        raise FormulaDefect(f"the only number in a formula is 1, not {other!r}; a figure comes in as an argument")

    def _same(self, other: object) -> Self:
        if self._of(other) != self.unit:
            raise FormulaDefect(f"adds or subtracts {_shown(self.unit)} and {_shown(self._of(other))}")
        return self

    __add__ = __radd__ = __sub__ = __rsub__ = _same

    def __mul__(self, other: object) -> _Unit:
        return _Unit(self.unit * self._of(other))

    __rmul__ = __mul__

    def __truediv__(self, other: object) -> _Unit:
        return _Unit(self.unit / self._of(other))

    def __rtruediv__(self, other: object) -> _Unit:
        return _Unit(self._of(other) / self.unit)

    def __bool__(self) -> bool:
        raise FormulaDefect("a formula is one expression, without a branch or a comparison")

    def _comparison(self, _other: object) -> bool:
        raise FormulaDefect("a formula is one expression, without a branch or a comparison")

    __eq__ = __lt__ = __le__ = __gt__ = __ge__ = _comparison
    __hash__ = object.__hash__


class _Written:
    """Stands in for a number while a formula is written down: only its text is carried."""

    __slots__ = ("rank", "text")
    _SUM, _PRODUCT, _NAME = 1, 2, 3

    def __init__(self, text: str, rank: int = _NAME) -> None:
        self.text = text
        self.rank = rank

    def _in(self, rank: int) -> str:
        return self.text if self.rank >= rank else f"({self.text})"

    def _join(self, sign: str, other: object, rank: int, *, swapped: bool = False) -> _Written:
        right = other if isinstance(other, _Written) else _Written(str(other))
        left, right = (right, self) if swapped else (self, right)
        # To the right of - and / a term of the same rank keeps its brackets: a - (b - c).
        return _Written(f"{left._in(rank)} {sign} {right._in(rank + (sign in '-/'))}", rank)

    def __add__(self, other: object) -> _Written:
        return self._join("+", other, self._SUM)

    def __radd__(self, other: object) -> _Written:
        return self._join("+", other, self._SUM, swapped=True)

    def __sub__(self, other: object) -> _Written:
        return self._join("-", other, self._SUM)

    def __rsub__(self, other: object) -> _Written:
        return self._join("-", other, self._SUM, swapped=True)

    def __mul__(self, other: object) -> _Written:
        return self._join("*", other, self._PRODUCT)

    def __rmul__(self, other: object) -> _Written:
        return self._join("*", other, self._PRODUCT, swapped=True)

    def __truediv__(self, other: object) -> _Written:
        return self._join("/", other, self._PRODUCT)

    def __rtruediv__(self, other: object) -> _Written:
        return self._join("/", other, self._PRODUCT, swapped=True)


class _Pattern:
    """A unit with substance variables, matched against the unit of a value: ``mcg[X]/day``."""

    def __init__(self, text: str) -> None:
        self.text = text
        pieces = re.split(r"\[([A-Z])\]", text)
        seen: set[str] = set()
        source = ""
        for position, piece in enumerate(pieces):
            if position % 2 == 0:
                source += re.escape(piece)
            elif piece in seen:
                source += rf"\[(?P={piece})\]"
            else:
                seen.add(piece)
                source += rf"\[(?P<{piece}>{SUBSTANCE.pattern})\]"
        self._regex = re.compile(source)

    def bind(self, unit: str) -> dict[str, str] | None:
        """The substances that make the pattern equal to this unit, or None."""
        match = self._regex.fullmatch(unit)
        return None if match is None else match.groupdict()

    def filled(self, substances: Mapping[str, str]) -> str:
        """The unit that the pattern stands for."""
        return re.sub(r"\[([A-Z])\]", lambda m: f"[{substances[m[1]]}]", self.text)


@dataclass(frozen=True)
class Formula:
    """One equation: called with numbers of any of the four readings, it gives that reading's result."""

    name: str
    function: Callable[..., Any]
    arguments: Mapping[str, _Pattern]
    returns: _Pattern
    source: str
    text: str
    """The arithmetic as the function itself wrote it: ``daily_dose / concentration``."""
    meaning: str
    """First line of the docstring."""

    def __call__(self, **operands: Any) -> Any:
        return self.function(**operands)

    def written(self, **names: str) -> str:
        """The arithmetic over other names, as it will be printed."""
        outcome = self.function(**{argument: _Written(name) for argument, name in names.items()})
        return str(outcome.text)

    def unit(self, units: Mapping[str, str]) -> str | None:
        """The unit of the result for these units of the arguments; None when a substance or a kind does not fit.

        Plain text equality: no arithmetic on units happens outside the proof.
        """
        substances: dict[str, str] = {}
        for argument, pattern in self.arguments.items():
            bound = pattern.bind(units[argument])
            if bound is None or any(substances.setdefault(x, s) != s for x, s in bound.items()):
                return None
        return self.returns.filled(substances)


FORMULAS: dict[str, Formula] = {}
"""Every equation, by name."""


def _canonical(unit: str) -> str:
    atoms = re.findall(r"[a-zA-Z%]+", re.sub(r"\[[^]]*\]", "", unit))
    if strange := [atom for atom in atoms if atom not in CANONICAL]:
        raise FormulaDefect(f"{unit} is not canonical: write {', '.join(sorted(CANONICAL))}, not {strange[0]}")
    if re.search(r"mcg(?!\[)", unit):
        raise FormulaDefect(f"{unit} does not say of which substance: write mcg[X]")
    return unit


def _proved(function: Callable[..., Any], returns: str, arguments: Mapping[str, str]) -> str:
    """The text of a formula whose units pint has judged."""
    if list(inspect.signature(function).parameters) != list(arguments):
        raise FormulaDefect("declare a unit for each argument, in their order")
    outcome = function(**{a: _Unit(pint_unit(_canonical(u))) for a, u in arguments.items()})
    if not isinstance(outcome, _Unit):
        raise FormulaDefect(f"gives {outcome!r}, which has no unit")
    if outcome.unit != pint_unit(_canonical(returns)):
        raise FormulaDefect(f"gives {_shown(outcome.unit)}, but declares {_shown(pint_unit(returns))}")
    text = str(function(**{a: _Written(a) for a in arguments}).text)
    if unused := set(arguments) - set(re.findall(r"[a-z_]+", text)):
        raise FormulaDefect(f"does not use {', '.join(sorted(unused))}")
    return text


def formula(returns: str, *, source: str, **arguments: str) -> Callable[[Callable[..., Any]], Formula]:
    """Declare an equation: the unit that it gives, the source it is read from, the unit of each argument.

    Raises FormulaDefect, at import, when the units do not prove or a rule of this module is broken.
    """

    def declare(function: Callable[..., Any]) -> Formula:
        name = function.__name__
        meaning = inspect.getdoc(function)
        try:
            if not meaning:
                raise FormulaDefect("say in a docstring what it means, in the clinic's words")
            if name in FORMULAS:
                raise FormulaDefect("is written twice")
            text = _proved(function, returns, arguments)
        except (FormulaDefect, TypeError) as defect:
            raise FormulaDefect(f"formula {name}: {defect}") from None
        made = Formula(
            name=name,
            function=function,
            arguments={a: _Pattern(u) for a, u in arguments.items()},
            returns=_Pattern(returns),
            source=source,
            text=text,
            meaning=meaning.splitlines()[0],
        )
        FORMULAS[name] = made
        return made

    return declare


# --- Dose, flow and concentration


@formula("mL/day", source="definition", daily_dose="mcg[X]/day", concentration="mcg[X]/mL")
def flow_rate(daily_dose: Any, concentration: Any) -> Any:
    """The flow that delivers a daily dose from a solution."""
    return daily_dose / concentration


@formula("mcg[X]/day", source="definition", flow_rate="mL/day", concentration="mcg[X]/mL")
def daily_dose(flow_rate: Any, concentration: Any) -> Any:
    """The dose that a flow of a solution delivers in a day."""
    return flow_rate * concentration


@formula("mcg[X]/mL", source="definition", daily_dose="mcg[X]/day", flow_rate="mL/day")
def concentration(daily_dose: Any, flow_rate: Any) -> Any:
    """The concentration at which a flow delivers a daily dose."""
    return daily_dose / flow_rate


@formula("1", source="definition", daily_dose="mcg[X]/day", previous_daily_dose="mcg[X]/day")
def change_of_dose(daily_dose: Any, previous_daily_dose: Any) -> Any:
    """By which part of it a daily dose differs from another: the one before it, or the one that was wanted."""
    return daily_dose / previous_daily_dose - 1


# --- Oral opioids and the intrathecal dose


@formula("mcg[Y]/day", source="definition", daily_dose="mcg[X]/day", factor="mcg[Y]/mcg[X]")
def oral_morphine_equivalent(daily_dose: Any, factor: Any) -> Any:
    """The oral morphine that one line of a regimen counts as, by the factor of a named table."""
    return daily_dose * factor


@formula("1", source="definition", reduction="1")
def kept(reduction: Any) -> Any:
    """The part of a dose that is kept after a reduction."""
    return 1 - reduction


@formula("mcg[Y]/day", source="krames-1996", oral="mcg[X]/day", ratio="mcg[X]/mcg[Y]", kept="1")
def intrathecal_dose(oral: Any, ratio: Any, kept: Any) -> Any:
    """The intrathecal dose that stands for an oral one at a published ratio, after the reduction that was chosen."""
    return oral * kept / ratio


@formula("mcg[Y]/day", source="krames-1996", oral="mcg[X]/day", ratio="mcg[X]/mcg[Y]")
def intrathecal_dose_unreduced(oral: Any, ratio: Any) -> Any:
    """The intrathecal dose that stands for an oral one at a published ratio, with nothing taken off."""
    return oral / ratio


# --- Titration


@formula("mcg[X]/day", source="definition", daily_dose="mcg[X]/day", step="mcg[X]/day")
def increased_dose(daily_dose: Any, step: Any) -> Any:
    """The daily dose after one increase."""
    return daily_dose + step


@formula("day", source="definition", steps_per_week="1/day")
def days_between_steps(steps_per_week: Any) -> Any:
    """How far apart the increases lie when they are spread evenly over the week."""
    return 1 / steps_per_week


@formula("day", source="definition", days="day", days_between_steps="day")
def days_until_next_step(days: Any, days_between_steps: Any) -> Any:
    """How long after the start the next increase falls, before it is rounded up to a whole day."""
    return days + days_between_steps


@formula("mcg[X]/day", source="definition", larger="mcg[X]/day", smaller="mcg[X]/day")
def difference_of_doses(larger: Any, smaller: Any) -> Any:
    """How far apart two daily doses are: an increase, or what was given against what was planned."""
    return larger - smaller


@formula("day", source="definition", later="day", earlier="day")
def days_between_doses(later: Any, earlier: Any) -> Any:
    """How long a dose was, or will be, in force."""
    return later - earlier


@formula("1/day", source="definition", increases="1", week="day")
def increases_per_week(increases: Any, week: Any) -> Any:
    """How often the dose was raised within one week."""
    return increases / week


# --- Baclofen: trial boluses and changes of the dose


@formula("mcg[X]/day", source="baclofen-minclinic", effective_bolus="mcg[X]", start_part="1", start_over="day")
def start_after_screening(effective_bolus: Any, start_part: Any, start_over: Any) -> Any:
    """The daily dose that follows from the trial bolus that worked: a part of it, or a multiple, over a day."""
    return effective_bolus * start_part / start_over


@formula("mcg[X]/day", source="baclofen-minclinic", daily_dose="mcg[X]/day", increase="1")
def raised_dose(daily_dose: Any, increase: Any) -> Any:
    """The daily dose after an increase by a part of it."""
    return daily_dose * (1 + increase)


@formula("mcg[X]/day", source="baclofen-minclinic", daily_dose="mcg[X]/day", decrease="1")
def lowered_dose(daily_dose: Any, decrease: Any) -> Any:
    """The daily dose after a decrease by a part of it."""
    return daily_dose * (1 - decrease)


# --- Compounding


@formula("mL", source="definition", concentration="mcg[X]/mL", prepared_volume="mL", stock_concentration="mcg[X]/mL")
def stock_volume(concentration: Any, prepared_volume: Any, stock_concentration: Any) -> Any:
    """The volume of stock that holds the drug of the preparation: C1 V1 = C2 V2."""
    return concentration * prepared_volume / stock_concentration


@formula("1", source="definition", concentration="mcg[X]/mL", stock_concentration="mcg[X]/mL")
def fraction_of_stock(concentration: Any, stock_concentration: Any) -> Any:
    """The part of the preparation that is stock of one drug. The parts of all drugs cannot pass the whole."""
    return concentration / stock_concentration


@formula("mcg[X]", source="definition", concentration="mcg[X]/mL", volume="mL")
def drug_mass(concentration: Any, volume: Any) -> Any:
    """The drug in a volume: what a fill into the pocket instead of the pump would be."""
    return concentration * volume


@formula("mL", source="definition", prepared_volume="mL", stock="mL")
def diluent_volume(prepared_volume: Any, stock: Any) -> Any:
    """What is left for the diluent when every stock is in."""
    return prepared_volume - stock


@formula("1", source="definition", stock_volume="mL", vial_volume="mL")
def vials(stock_volume: Any, vial_volume: Any) -> Any:
    """How many vials a volume of stock is."""
    return stock_volume / vial_volume


@formula("mcg[X]/mL", source="definition", stock_volume="mL", stock_concentration="mcg[X]/mL", prepared_volume="mL")
def concentration_from_volumes(stock_volume: Any, stock_concentration: Any, prepared_volume: Any) -> Any:
    """The concentration that a measured volume of stock makes in the preparation."""
    return stock_volume * stock_concentration / prepared_volume


@formula(
    "mcg[X]/mL",
    source="definition",
    stock_volume="mL",
    stock_concentration="mcg[X]/mL",
    stock_together="mL",
    diluent_volume="mL",
)
def concentration_back_calculated(
    stock_volume: Any, stock_concentration: Any, stock_together: Any, diluent_volume: Any
) -> Any:
    """The back-calculation: the drug that was drawn, over everything that was drawn."""
    return stock_volume * stock_concentration / (stock_together + diluent_volume)


@formula("1", source="definition", concentration_made="mcg[X]/mL", concentration="mcg[X]/mL")
def error_of_concentration(concentration_made: Any, concentration: Any) -> Any:
    """By which part of it the concentration made differs from the one that was wanted."""
    return concentration_made / concentration - 1


# --- Choosing a concentration


@formula(
    "mcg[X]",
    source="definition",
    vials="1",
    vial_volume="mL",
    stock_volume="mL",
    stock_concentration="mcg[X]/mL",
)
def left_in_vials(vials: Any, vial_volume: Any, stock_volume: Any, stock_concentration: Any) -> Any:
    """The drug that stays in the vials that were opened."""
    return (vials * vial_volume - stock_volume) * stock_concentration


@formula(
    "mcg[X]",
    source="definition",
    fill_volume="mL",
    concentration="mcg[X]/mL",
    interval="day",
    daily_dose="mcg[X]/day",
)
def left_in_pump(fill_volume: Any, concentration: Any, interval: Any, daily_dose: Any) -> Any:
    """The drug that is still in the pump, and is thrown away, when the fill is replaced."""
    return fill_volume * concentration - interval * daily_dose


# --- How long a fill lasts


@formula(
    "day",
    source="definition",
    fill_volume="mL",
    alarm_volume="mL",
    concentration="mcg[X]/mL",
    daily_dose="mcg[X]/day",
)
def days_to_low_reservoir_alarm(fill_volume: Any, alarm_volume: Any, concentration: Any, daily_dose: Any) -> Any:
    """How long a fill lasts before the low-reservoir alarm, at the programmed flow."""
    return (fill_volume - alarm_volume) * concentration / daily_dose


@formula(
    "day",
    source="tga-rc-2014-rn-00357-1",
    fill_volume="mL",
    alarm_volume="mL",
    concentration="mcg[X]/mL",
    daily_dose="mcg[X]/day",
    flow_accuracy="1",
)
def days_to_alarm_volume_at_worst(
    fill_volume: Any, alarm_volume: Any, concentration: Any, daily_dose: Any, flow_accuracy: Any
) -> Any:
    """How soon the reservoir can be down to the alarm volume, if the pump runs fast within its stated accuracy."""
    return (fill_volume - alarm_volume) * concentration / (daily_dose * (1 + flow_accuracy))


@formula(
    "day",
    source="tga-rc-2014-rn-00357-1",
    fill_volume="mL",
    concentration="mcg[X]/mL",
    daily_dose="mcg[X]/day",
    flow_accuracy="1",
)
def days_to_dry_at_worst(fill_volume: Any, concentration: Any, daily_dose: Any, flow_accuracy: Any) -> Any:
    """How soon the reservoir can be dry, if the pump runs fast within its stated accuracy."""
    return fill_volume * concentration / (daily_dose * (1 + flow_accuracy))


@formula("mL", source="tga-rc-2014-rn-00357-1", fill_volume="mL", flow_accuracy="1")
def alarm_volume_that_warns_in_time(fill_volume: Any, flow_accuracy: Any) -> Any:
    """The least alarm volume at which the calculated alarm sounds before a pump that runs fast can be dry."""
    return fill_volume * flow_accuracy / (1 + flow_accuracy)


# --- What lies between the reservoir and the tip


@formula("cm", source="prometra-ii-ifu-13827", total_length="cm", trimmed_length="cm")
def implanted_length(total_length: Any, trimmed_length: Any) -> Any:
    """The length of a catheter that is left when it has been trimmed."""
    return total_length - trimmed_length


@formula("mL", source="prometra-ii-ifu-13827", implanted_length="cm", volume_per_length="mL/cm")
def catheter_volume(implanted_length: Any, volume_per_length: Any) -> Any:
    """The volume inside an implanted catheter."""
    return implanted_length * volume_per_length


@formula("mL", source="definition", pump_tubing_volume="mL", catheter_volume="mL")
def volume_to_tip(pump_tubing_volume: Any, catheter_volume: Any) -> Any:
    """The volume between the reservoir and the tip of the catheter: what a priming bolus fills and a bridge clears."""
    return pump_tubing_volume + catheter_volume


@formula("mL", source="definition", volume="mL", volume_held="mL")
def difference_of_volume(volume: Any, volume_held: Any) -> Any:
    """By how much a volume that is used is larger than the one that the library holds."""
    return volume - volume_held


@formula("mcg[X]", source="definition", volume="mL", stronger="mcg[X]/mL", weaker="mcg[X]/mL")
def error_of_volume(volume: Any, stronger: Any, weaker: Any) -> Any:
    """The drug by which a bridge is wrong when its volume is wrong by this much."""
    return volume * (stronger - weaker)


@formula(
    "mcg[X]/mL",
    source="definition",
    reservoir_residual_volume="mL",
    old_concentration="mcg[X]/mL",
    fill_volume="mL",
    new_concentration="mcg[X]/mL",
)
def mixed_concentration(
    reservoir_residual_volume: Any, old_concentration: Any, fill_volume: Any, new_concentration: Any
) -> Any:
    """The concentration in the reservoir when a fill mixes with the old solution that was left in it."""
    return (reservoir_residual_volume * old_concentration + fill_volume * new_concentration) / (
        reservoir_residual_volume + fill_volume
    )


# --- Programmes: day schedules, boluses, deliveries in steps, a pump that stands still


@formula("day", source="definition", end="day", start="day")
def step_lasts(end: Any, start: Any) -> Any:
    """How long a step of a day schedule lasts, from its two times of day."""
    return end - start


@formula("day", source="definition", day="day", stepped="day")
def time_at_base(day: Any, stepped: Any) -> Any:
    """The part of a day for which a schedule runs at its base rate."""
    return day - stepped


@formula("mcg[X]", source="definition", rate="mcg[X]/day", lasts="day")
def dose_over(rate: Any, lasts: Any) -> Any:
    """The dose that a rate delivers over a time."""
    return rate * lasts


@formula("mcg[X]/day", source="definition", dose="mcg[X]", lasts="day")
def rate_of_dose(dose: Any, lasts: Any) -> Any:
    """The rate that delivers a dose over a time."""
    return dose / lasts


@formula("mcg[X]/day", source="definition", total="mcg[X]/day", number="1")
def mean_daily_dose(total: Any, number: Any) -> Any:
    """The mean of the day totals of a week."""
    return total / number


@formula("1/day", source="definition", number="1", day="day")
def number_per_day(number: Any, day: Any) -> Any:
    """How many there are in a day."""
    return number / day


@formula("1/day", source="definition", interval="day")
def times_per_day(interval: Any) -> Any:
    """How often something can happen in a day that happens at most once in an interval."""
    return 1 / interval


@formula(
    "mcg[X]/day", source="prometra-ptc-guide", daily_dose="mcg[X]/day", dose_per_bolus="mcg[X]", boluses_per_day="1/day"
)
def daily_dose_with_boluses(daily_dose: Any, dose_per_bolus: Any, boluses_per_day: Any) -> Any:
    """The daily dose with the patient's boluses, the base rate running on during each."""
    return daily_dose + dose_per_bolus * boluses_per_day


@formula("mL", source="definition", dose="mcg[X]", concentration="mcg[X]/mL")
def volume_of_dose(dose: Any, concentration: Any) -> Any:
    """The volume of a solution that holds a dose."""
    return dose / concentration


@formula("1/day", source="definition", daily_dose="mcg[X]/day", dose_per_actuation="mcg[X]")
def actuations_per_day(daily_dose: Any, dose_per_actuation: Any) -> Any:
    """How often a day a valve or a stroke must deliver its dose to make a daily dose."""
    return daily_dose / dose_per_actuation


@formula("mcg[X]/day", source="definition", dose="mcg[X]", times_per_day="1/day")
def daily_dose_of_times(dose: Any, times_per_day: Any) -> Any:
    """The daily dose that a dose makes when it is given so often a day."""
    return dose * times_per_day


@formula("mcg[X]", source="definition", one="mcg[X]", other="mcg[X]")
def difference_of_masses(one: Any, other: Any) -> Any:
    """By how much one dose is above another."""
    return one - other


# --- The reservoir: what the programme counts, what is there, and how long it lasts


@formula("mL", source="definition", flow_rate="mL/day", days="day")
def programmed_volume(flow_rate: Any, days: Any) -> Any:
    """The volume that a flow takes from the reservoir, and that the programme counts as delivered."""
    return flow_rate * days


@formula("mL", source="definition", boluses="1", dose_per_bolus="mcg[X]", concentration="mcg[X]/mL")
def volume_of_boluses(boluses: Any, dose_per_bolus: Any, concentration: Any) -> Any:
    """The volume that boluses take from the reservoir, in addition to the base infusion."""
    return boluses * dose_per_bolus / concentration


@formula("mL", source="definition", volume="mL", taken="mL")
def volume_left(volume: Any, taken: Any) -> Any:
    """What is left of a volume when some of it is taken away."""
    return volume - taken


@formula("day", source="definition", days="day", taken="day")
def days_left(days: Any, taken: Any) -> Any:
    """What is left of a time when some of it is taken away."""
    return days - taken


@formula("1", source="definition", part="mL", whole="mL")
def part_of_volume(part: Any, whole: Any) -> Any:
    """Which part one volume is of another."""
    return part / whole


@formula("mL", source="tga-rc-2014-rn-00357-1", volume="mL", flow_accuracy="1")
def volume_if_fast(volume: Any, flow_accuracy: Any) -> Any:
    """The most that can have been delivered for a programmed volume, within the pump's stated accuracy."""
    return volume * (1 + flow_accuracy)


@formula("mL", source="tga-rc-2014-rn-00357-1", volume="mL", flow_accuracy="1")
def volume_if_slow(volume: Any, flow_accuracy: Any) -> Any:
    """The least that can have been delivered for a programmed volume, within the pump's stated accuracy."""
    return volume * (1 - flow_accuracy)


@formula("mL/day", source="tga-rc-2014-rn-00357-1", flow_rate="mL/day", flow_accuracy="1")
def flow_if_fast(flow_rate: Any, flow_accuracy: Any) -> Any:
    """The flow of a pump that runs as fast as its stated accuracy allows."""
    return flow_rate * (1 + flow_accuracy)


@formula("mL/day", source="tga-rc-2014-rn-00357-1", flow_rate="mL/day", flow_accuracy="1")
def flow_if_slow(flow_rate: Any, flow_accuracy: Any) -> Any:
    """The flow of a pump that runs as slowly as its stated accuracy allows."""
    return flow_rate * (1 - flow_accuracy)


@formula("day", source="definition", volume="mL", flow_rate="mL/day")
def days_to_deliver(volume: Any, flow_rate: Any) -> Any:
    """How long a flow takes to deliver a volume."""
    return volume / flow_rate


@formula("mL/day", source="definition", programmed_volume="mL", days="day")
def mean_flow_rate(programmed_volume: Any, days: Any) -> Any:
    """The flow that the programme had on average."""
    return programmed_volume / days


@formula("1", source="definition", total="1", visits="1")
def mean_of_visits(total: Any, visits: Any) -> Any:
    """The mean over visits."""
    return total / visits
