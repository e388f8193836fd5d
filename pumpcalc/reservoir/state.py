"""What a reservoir holds and does at one instant."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

from pumpcalc import formulas
from pumpcalc.worksheet import Moment, Value

__all__ = ["Contents", "Found", "Moved", "State"]

Contents = tuple[tuple[str, Value], ...]
"""The concentration of each drug, the primary first."""


@dataclass(frozen=True)
class Moved:
    """A volume that went somewhere, with the concentration of each drug in it."""

    way: str
    """filled, delivered, withdrawn; or unaccounted: found to be less (or, negative, more) than was calculated."""
    volume: Fraction
    contents: Contents

    def mass(self, drug: str) -> Fraction:
        """Of one drug in it, in mcg."""
        strengths = [strength.amount for name, strength in self.contents if name == drug]
        return sum((formulas.drug_mass(concentration=each, volume=self.volume) for each in strengths), Fraction(0))


@dataclass(frozen=True)
class Found:
    """What a withdrawal found."""

    at: Moment
    expected: Value
    withdrawn: Value
    left: Value
    empty: bool
    """Is an empty interval suspected?"""


@dataclass(frozen=True)
class State:
    """The reservoir as the ledger has it. Each value is a line of a worksheet, exact."""

    at: Moment
    volume: Value
    """By the programme, from what was filled, withdrawn and measured."""
    least: Value | None
    """If the pump has run as fast as its stated accuracy allows; None where that is not known."""
    most: Fraction
    """If it has delivered nothing since the reservoir was last measured: more than this cannot be found in it [mL]."""
    contents: Contents
    """Of an empty reservoir, what was last in it."""
    filled_at: Moment
    """When it was last filled or measured."""
    flow: Value | None = None
    """What is programmed."""
    fast_flow: Value | None = None
    dose: tuple[str, Fraction] | None = None
    """The drug and the daily dose that were last programmed [mcg/day]."""
    stopped_since: Moment | None = None
    unknown_since: Moment | None = None
    """A scan after which nobody has interrogated the pump."""
    scanned_volume: Value | None = None
    """What it held then, and holds still if it stood ever since."""
    emptied_since: Moment | None = None
    possibly_dry_since: Moment | None = None
    """If the pump ran as fast as its accuracy allows; since the last fill where it cannot be said better."""
    dry_since: Moment | None = None
    """By the programme."""
    dry_until: Moment | None = None
    naive: bool = False
    """Is an empty interval suspected, after which nobody has begun anew? Then the old dose cannot be resumed."""
    found_empty: bool = False
    """Was it found so, and not only calculated?"""
    begun_anew: bool = False
    """Is what is programmed a new start after an empty interval?"""
    visits: tuple[Found, ...] = ()
    moved: tuple[Moved, ...] = ()

    @property
    def just_measured(self) -> bool:
        """Was it measured at a withdrawal, and not filled since?"""
        return bool(self.visits) and self.visits[-1].at is self.filled_at

    @property
    def running(self) -> str:
        """unknown, not-programmed, stopped, dry, emptied or running."""
        if self.unknown_since is not None:
            return "unknown"
        if self.flow is None:
            return "not-programmed"
        if self.stopped_since is not None:
            return "stopped"
        if self.volume.amount == 0:
            return "emptied" if self.emptied_since is not None else "dry"
        return "running"

    def mass(self, drug: str) -> Fraction:
        """Of one drug in the reservoir, in mcg."""
        return Moved("held", self.volume.amount, self.contents).mass(drug)

    def total(self, way: str, drug: str | None = None) -> Fraction:
        """The volume [mL], or the mass of a drug [mcg], that was filled, delivered, withdrawn or is unaccounted."""
        moved = [each for each in self.moved if each.way == way]
        return sum((each.volume if drug is None else each.mass(drug) for each in moved), Fraction(0))
