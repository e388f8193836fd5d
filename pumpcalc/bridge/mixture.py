"""A bridge of mixtures: one flow drives every drug in the line, and its rate keeps the dose of the primary drug.

Drugs may come, go, and change their concentrations. Where the primary drug itself changes, no dose of the new one says
how fast the old solution should leave: a rate needs the dose of the old primary drug that may go on meanwhile.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from pumpcalc import formulas
from pumpcalc.bridge.line import Line, StatedLine, given_line, refuse_undeliverable
from pumpcalc.bridge.volumes import mass_of
from pumpcalc.delivery import Component
from pumpcalc.library import Drug, Pump
from pumpcalc.limits import check_concentration, check_daily_dose, check_indication
from pumpcalc.quantities import Quantity
from pumpcalc.sentinel import check_against_last
from pumpcalc.worksheet import Value, Worksheet

__all__ = ["Mixtures", "Passage", "Passing", "passage_of"]


@dataclass(frozen=True)
class Mixtures:
    """What a request says of the two solutions and of the doses of their primary drugs."""

    old: Sequence[Component]
    new: Sequence[Component]
    daily_dose: Quantity
    new_daily_dose: Quantity | None
    bridge_daily_dose_of_old: Quantity | None


@dataclass(eq=False)
class Passing:
    """One drug of the old solution, of the new one, or of both: its concentrations, and its doses at the tip."""

    drug: Drug
    old: Value | None = None
    new: Value | None = None
    before: Value | None = None
    meanwhile: Value | None = None
    """While the bridge runs; None where the old solution holds none of the drug, and where there is no rate."""
    omitted: Value | None = None
    """Without a bridge, until the old solution has left."""
    after: Value | None = None
    in_line: Value | None = None
    error: Value | None = None
    """The drug by which the bridge is wrong for each step in its volume."""
    above: list[str] = field(default_factory=list)
    """What its dose while the bridge runs is above: old-dose, new-dose, and limits by their names."""

    @property
    def too_large_gives(self) -> str:
        """Whether a volume that is too large gives more of the drug than meant, or less."""
        old, new = (each.amount if each is not None else 0 for each in (self.old, self.new))
        return "more" if new > old else "less" if new < old else "the same"


@dataclass
class Passage:
    """From one solution to the other: their drugs, primary first, and the flows at which the old one may leave."""

    old: list[Passing]
    new: list[Passing]
    line: Line
    rate: Value | None
    """Of the bridge; None where no dose says how fast the old solution should leave."""
    duration: Value | None
    new_flow: Value
    hours: Value
    """How long the old solution takes to leave at the new flow."""
    step: Value
    """Of the volume, for which the errors are stated."""

    @property
    def drugs(self) -> list[Passing]:
        """Every drug of both solutions, the old ones first."""
        return [*self.old, *(each for each in self.new if each not in self.old)]

    @property
    def keeps_primary(self) -> bool:
        """Is the primary drug of both solutions the same?"""
        return self.old[0] is self.new[0]

    @property
    def is_of_nothing(self) -> bool:
        """Are the two solutions the same?"""
        return all(each.old and each.new and each.old.amount == each.new.amount for each in self.drugs)


def passage_of(work: Worksheet, device: Pump, stated: StatedLine, mixtures: Mixtures) -> Passage:
    """The passage from one mixture to another, every number of it on the worksheet and every limit looked at."""
    old, new = _drugs(work, mixtures)
    _refuse_doses(work, mixtures, old[0].drug, new[0].drug)
    dose = work.given("daily_dose", mixtures.daily_dose, old[0].drug.name)
    new_dose = mixtures.new_daily_dose
    after = work.given("new_daily_dose", new_dose, new[0].drug.name) if new_dose is not None else dose
    old_strengths = _strengths(work, "old", old, mixtures.old)
    new_strengths = _strengths(work, "new", new, mixtures.new)
    line = given_line(work, device, stated)
    rate, flow_before = _flows(work, device, old, mixtures, dose, old_strengths[0], keeps=old[0] is new[0])
    new_flow = _flow(work, "new_flow_rate", after, new_strengths[0])
    passage = Passage(
        old,
        new,
        line,
        rate,
        _time(work, "duration", line, rate) if rate is not None else None,
        new_flow,
        _time(work, "hours_if_omitted", line, new_flow),
        work.fact("sensitivity_volume", work.library.policy.sensitivity_volume),
    )
    for position, (each, strength) in enumerate(zip(old, old_strengths, strict=True)):
        number = _number(position)
        each.before = _dose(work, f"old_daily_dose{number}", flow_before, strength) if position else dose
        if rate is flow_before:
            each.meanwhile = each.before
        elif rate is not None and position:
            each.meanwhile = _dose(work, f"bridge_daily_dose{number}", rate, strength)
        each.omitted = _dose(work, f"dose_if_omitted{number}", new_flow, strength, None if position else dose)
        each.in_line = _mass(work, f"drug_in_line{number}", strength, line.volume, each.before)
    for position, (each, strength) in enumerate(zip(new, new_strengths, strict=True)):
        each.after = _dose(work, f"new_daily_dose{_number(position)}", new_flow, strength) if position else after
    for position, each in enumerate(passage.drugs):
        each.error = _error(work, f"error_of_volume{_number(position)}", passage.step, each)
    _check(work, device, passage)
    return passage


# What the two solutions are


def _drugs(work: Worksheet, mixtures: Mixtures) -> tuple[list[Passing], list[Passing]]:
    """The drugs of both solutions, each in its own order; a drug of both is one and the same."""
    known: dict[str, Passing] = {}
    solutions = []
    for side, solution in (("old", mixtures.old), ("new", mixtures.new)):
        drugs = [work.drug(each.drug, f"/{side}_components/{n}/drug") for n, each in enumerate(solution)]
        work.refuse_duplicates(drugs, f"/{side}_components")
        solutions.append([known.setdefault(drug.name, Passing(drug)) for drug in drugs])
    return solutions[0], solutions[1]


def _refuse_doses(work: Worksheet, mixtures: Mixtures, old: Drug, new: Drug) -> None:
    """The doses that a change of the primary drug needs, and that any other change does not take."""
    if old is not new and mixtures.new_daily_dose is None:
        raise work.refuse(
            "missing",
            f"new_daily_dose is missing: the primary drug changes from {old.label} to {new.label}, so state the dose "
            f"of {new.label}.",
            "/new_daily_dose",
        )
    if old is new and mixtures.bridge_daily_dose_of_old is not None:
        raise work.refuse(
            "not-used",
            f"{old.label} stays the primary drug, so the bridge continues its daily_dose: leave "
            "bridge_daily_dose_of_old out.",
            "/bridge_daily_dose_of_old",
        )


def _number(position: int) -> str:
    """What the names of a drug's lines end in: nothing for the primary drug."""
    return f"_{position + 1}" if position else ""


def _strengths(work: Worksheet, side: str, drugs: Sequence[Passing], solution: Sequence[Component]) -> list[Value]:
    strengths = []
    for position, (each, component) in enumerate(zip(drugs, solution, strict=True)):
        name = f"{side}_concentration{_number(position)}"
        strengths.append(work.given(name, component.concentration, each.drug.name))
        setattr(each, side, strengths[-1])
    return strengths


# What follows


def _flows(
    work: Worksheet,
    device: Pump,
    old: Sequence[Passing],
    mixtures: Mixtures,
    dose: Value,
    strength: Value,
    *,
    keeps: bool,
) -> tuple[Value | None, Value]:
    """The rate of the bridge, where there is one, and the flow before the change: the same, if the primary stays."""
    if keeps:
        rate = _flow(work, "rate", dose, strength)
        refuse_undeliverable(work, device, rate)
        return rate, rate
    before = _flow(work, "old_flow_rate", dose, strength)
    if mixtures.bridge_daily_dose_of_old is None:
        return None, before
    name = "bridge_daily_dose_of_old"
    old[0].meanwhile = work.given(name, mixtures.bridge_daily_dose_of_old, old[0].drug.name)
    rate = _flow(work, "rate", old[0].meanwhile, strength)
    refuse_undeliverable(work, device, rate, f"/{name}")
    return rate, before


def _flow(work: Worksheet, name: str, dose: Value, strength: Value) -> Value:
    return work.step(formulas.flow_rate, name=name, daily_dose=dose, concentration=strength, show="mL/day")


def _time(work: Worksheet, name: str, line: Line, flow: Value) -> Value:
    return work.step(formulas.days_to_deliver, name=name, volume=line.volume, flow_rate=flow, show="h")


def _dose(work: Worksheet, name: str, flow: Value, strength: Value, shown_like: Value | None = None) -> Value:
    show = f"{mass_of((shown_like or strength).spelling)}/day"
    return work.step(formulas.daily_dose, name=name, flow_rate=flow, concentration=strength, show=show)


def _mass(work: Worksheet, name: str, strength: Value, volume: Value, shown_like: Value) -> Value:
    show = mass_of(shown_like.spelling)
    return work.step(formulas.drug_mass, name=name, concentration=strength, volume=volume, show=show)


def _error(work: Worksheet, name: str, step: Value, each: Passing) -> Value:
    """By how much of one drug the bridge is wrong for each step in its volume."""
    strengths = [strength for strength in (each.old, each.new) if strength is not None]
    shown_like = each.before or each.after or strengths[0]
    if len(strengths) == 1:
        return _mass(work, name, strengths[0], step, shown_like)
    weaker, stronger = sorted(strengths, key=lambda strength: strength.amount)
    show = mass_of(shown_like.spelling)
    return work.step(formulas.error_of_volume, name=name, volume=step, stronger=stronger, weaker=weaker, show=show)


# What bounds it


def _check(work: Worksheet, pump: Pump, passage: Passage) -> None:
    """Every limit that the two solutions meet, drug by drug: before, while the bridge runs, and after."""
    work.at_least(passage.new_flow, pump.minimum_flow_rate, "new_minimum_flow_rate")
    work.at_most(passage.new_flow, pump.maximum_flow_rate, "new_maximum_flow_rate")
    for each in passage.drugs:
        check_indication(work, each.drug, pump)
        for strength in (each.old, each.new):
            if strength is not None:
                check_concentration(work, each.drug, strength)
        _check_doses(work, each)
        if each.old is not None and each.new is not None:
            check_against_last(work, each.new, each.old)
        if each.before is not None and each.after is not None and each.after is not each.before:
            check_against_last(work, each.after, each.before)
        if len(passage.new) > 1 and each.new is not None:
            work.cautions(each.drug.cautions, "monotherapy")


def _check_doses(work: Worksheet, each: Passing) -> None:
    """The limits of one drug's doses, each dose once; those of the bridge are told apart."""
    doses = {dose.name: dose for dose in (each.before, each.meanwhile, each.after) if dose is not None}
    for dose in doses.values():
        hits = len(work.hits)
        check_daily_dose(work, each.drug, dose)
        if dose is each.meanwhile:
            each.above = [name for name in work.hits[hits:] if not name.endswith("_at_least")]
    if each.meanwhile is None or each.before is None:
        return
    others = {"old-dose": each.before.amount, "new-dose": each.after.amount if each.after is not None else 0}
    each.above[:0] = [name for name, amount in others.items() if each.meanwhile.amount > amount]
