"""Kinds of quantity: what a field means, in which units it may be written, and what its canonical unit is."""

from __future__ import annotations

from dataclasses import dataclass, field
from fractions import Fraction

from pumpcalc.quantities.units import factor

__all__ = [
    "CONCENTRATION",
    "DAILY_DOSE",
    "DAY_TOTAL",
    "DRUG_MASS",
    "DURATION",
    "FLOW_RATE",
    "FRACTION",
    "HOURLY_RATE",
    "KINDS",
    "LENGTH",
    "PATCH_FACTOR",
    "PATCH_RATE",
    "PER_DAY",
    "PER_WEEK",
    "RATIO",
    "VOLUME",
    "VOLUME_PER_LENGTH",
    "Kind",
    "Quantity",
]


@dataclass(frozen=True)
class Kind:
    """What a quantity measures."""

    name: str
    """The field's words: "daily dose"."""
    canonical: str
    """The unit of all arithmetic, X standing for the substance: ``mcg[X]/day``."""
    spellings: tuple[str, ...]
    """The units in which it may be written, the commonest first."""
    example: str
    """A text that is right, for messages and schemas."""
    article: str = "a"
    factors: dict[str, Fraction] = field(init=False, compare=False, repr=False)
    """Exact factor from each spelling to the canonical unit, asked of pint once."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "factors", {s: factor(s, self.plain) for s in self.spellings})

    @property
    def plain(self) -> str:
        """The canonical unit without its substance."""
        return self.canonical.replace("[X]", "").replace("[Y]", "")

    def unit(self, of: str | None = None) -> str:
        """The canonical unit of one substance: ``mcg[morphine]/day``.

        For a ratio, ``of`` names both: "oral morphine/morphine".
        """
        if "[X]" not in self.canonical:
            return self.canonical
        if of is None:
            raise TypeError(f"{self.article} {self.name} is always of a substance")
        if "[Y]" in self.canonical:
            over, under = of.split("/")
            return self.canonical.replace("[Y]", f"[{over}]").replace("[X]", f"[{under}]")
        return self.canonical.replace("[X]", f"[{of}]")


@dataclass(frozen=True, slots=True)
class Quantity:
    """An exact number that knows its kind.

    ``amount`` is in the kind's canonical unit; ``spelling`` is the unit in which it was written.
    """

    amount: Fraction
    kind: Kind
    spelling: str

    def __post_init__(self) -> None:
        if type(self.amount) is not Fraction:
            raise TypeError(f"a quantity is an exact Fraction, not {type(self.amount).__name__}")

    def __str__(self) -> str:
        from pumpcalc.quantities.written import write

        return write(self.amount / self.kind.factors[self.spelling], self.spelling)


DAILY_DOSE = Kind("daily dose", "mcg[X]/day", ("mg/day", "mcg/day", "mg/h", "mcg/h"), "10 mg/day")
CONCENTRATION = Kind("concentration", "mcg[X]/mL", ("mg/mL", "mcg/mL"), "20 mg/mL")
FLOW_RATE = Kind("flow rate", "mL/day", ("mL/day", "mL/h"), "0.5 mL/day")
VOLUME = Kind("volume", "mL", ("mL",), "20 mL")
DRUG_MASS = Kind("drug mass", "mcg[X]", ("mg", "mcg"), "500 mcg")
DURATION = Kind("duration", "day", ("day", "h", "min"), "90 day")
LENGTH = Kind("length", "cm", ("cm",), "80 cm")
VOLUME_PER_LENGTH = Kind("volume per length", "mL/cm", ("mL/cm",), "0.0026 mL/cm")
PATCH_RATE = Kind("patch rate", "mcg[X]/day", ("mcg/h",), "25 mcg/h")
# Two daily doses that must not be mistaken for one another: what a pump runs at, and what a day of it adds up to.
HOURLY_RATE = Kind("hourly rate", "mcg[X]/day", ("mg/h", "mcg/h"), "10 mcg/h", "an")
DAY_TOTAL = Kind("day total", "mcg[X]/day", ("mg/day", "mcg/day"), "315 mcg/day")
# The kinds below are written in the library only.
RATIO = Kind("ratio", "mcg[Y]/mcg[X]", ("mg/mg",), "300 mg/mg")
PATCH_FACTOR = Kind("patch factor", "mcg[Y]/mcg[X]", ("mg/day per mcg/h",), "2.4 mg/day per mcg/h")
FRACTION = Kind("fraction", "1", ("%",), "14.5 %")
PER_WEEK = Kind("number per week", "1/day", ("/week",), "3 /week")
PER_DAY = Kind("number per day", "1/day", ("/day",), "4 /day")

KINDS = (
    DAILY_DOSE,
    CONCENTRATION,
    FLOW_RATE,
    VOLUME,
    DRUG_MASS,
    DURATION,
    LENGTH,
    VOLUME_PER_LENGTH,
    PATCH_RATE,
    HOURLY_RATE,
    DAY_TOTAL,
    RATIO,
    PATCH_FACTOR,
    FRACTION,
    PER_WEEK,
    PER_DAY,
)
