"""What can happen to a reservoir, each as a frozen entry of its ledger.

    Fill          a solution goes in, on top of what was left
    Withdraw      a volume comes out, and it is seen what is left: the reservoir is measured
    RateChange    the pump is programmed: a flow, or a daily dose at the concentration that was programmed
    NewStart      the same, for a patient who begins anew: the only way on after an empty interval
    BolusLog      boluses of the pump's log, since they were last counted
    Stop, Resume  the pump is stopped, and started again at the flow that is programmed
    Mri           a scan: until the pump is interrogated, nobody knows whether it runs
    Interrogation the pump runs; its log may say for how long it stood
    Reversal      an earlier entry is taken back: nothing is ever erased

An entry is recorded at an instant; what it says happened at an instant that is not later. An event that happened before
one already recorded is late: it takes its place in time, and everything after it is worked out again.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from pumpcalc.errors import refused
from pumpcalc.quantities import Kind, Quantity

__all__ = [
    "COUNT",
    "BolusLog",
    "Entry",
    "Event",
    "Fill",
    "Interrogation",
    "Mri",
    "NewStart",
    "RateChange",
    "Resume",
    "Reversal",
    "Stop",
    "Withdraw",
]

COUNT = Kind("count", "1", ("1",), "6")
"""A number of boluses."""


def _whole(instant: datetime, name: str) -> None:
    if instant.tzinfo is None:
        raise refused("offset-missing", f"{name} has no offset: an instant of a ledger is aware.", f"/{name}")
    if instant.microsecond:
        raise refused(
            "instant-format", f"{name} has part seconds: an instant of a ledger is a whole second.", f"/{name}"
        )


def _above_zero(**quantities: Quantity | None) -> None:
    for name, quantity in quantities.items():
        if quantity is not None and quantity.amount == 0:
            raise refused("zero", f"A {quantity.kind.name} of zero is not programmed: write one above 0.", f"/{name}")


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One line of the ledger."""

    id: str
    recorded_at: datetime

    def __post_init__(self) -> None:
        _whole(self.recorded_at, "recorded_at")


@dataclass(frozen=True, kw_only=True)
class Event(Entry):
    """Something that happened at an instant."""

    at: datetime

    def __post_init__(self) -> None:
        super().__post_init__()
        _whole(self.at, "at")
        if self.at > self.recorded_at:
            raise refused(
                "recorded-before-it-happened",
                f"This is recorded at {self.recorded_at.isoformat()} and happened at {self.at.isoformat()}: a ledger "
                "holds what has happened.",
                "/recorded_at",
            )


@dataclass(frozen=True, kw_only=True)
class Fill(Event):
    """A solution that went in."""

    volume: Quantity
    components: tuple[tuple[str, Quantity], ...]
    """Each drug and its concentration, the primary first."""
    programmed_reservoir_volume: Quantity | None = None
    """What the programmer was told that the reservoir holds now."""


@dataclass(frozen=True, kw_only=True)
class Withdraw(Event):
    """A volume that came out."""

    volume: Quantity
    left_volume: Quantity
    """What was left in the reservoir: 0 mL when it was emptied. Without it an empty reservoir would look like a sip."""


@dataclass(frozen=True, kw_only=True)
class RateChange(Event):
    """The pump is programmed: a flow, or a daily dose of a drug at the concentration that was programmed."""

    flow_rate: Quantity | None = None
    drug: str | None = None
    daily_dose: Quantity | None = None
    concentration: Quantity | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        _above_zero(flow_rate=self.flow_rate, daily_dose=self.daily_dose, concentration=self.concentration)
        dose = (self.drug, self.daily_dose, self.concentration)
        if (self.flow_rate is None) == (dose == (None, None, None)) or (self.flow_rate is None and None in dose):
            raise refused(
                "one-of-two",
                "State what was programmed once: either flow_rate, or drug, daily_dose and concentration.",
                "/flow_rate",
            )


@dataclass(frozen=True, kw_only=True)
class NewStart(RateChange):
    """The pump is programmed for a patient who begins anew."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.daily_dose is None:
            raise refused(
                "missing", "A new start is a daily dose: state drug, daily_dose and concentration.", "/daily_dose"
            )


@dataclass(frozen=True, kw_only=True)
class BolusLog(Event):
    """Boluses of the pump's log: their volume, or their number, the dose of each and the concentration programmed."""

    volume: Quantity | None = None
    boluses: Quantity | None = None
    drug: str | None = None
    dose_per_bolus: Quantity | None = None
    concentration: Quantity | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        _above_zero(concentration=self.concentration)
        counted = (self.boluses, self.drug, self.dose_per_bolus, self.concentration)
        if (self.volume is None) == (counted == (None,) * len(counted)) or (self.volume is None and None in counted):
            raise refused(
                "one-of-two",
                "State the boluses once: either their volume, or boluses, drug, dose_per_bolus and concentration.",
                "/volume",
            )


@dataclass(frozen=True, kw_only=True)
class Stop(Event):
    """The pump is stopped."""


@dataclass(frozen=True, kw_only=True)
class Resume(Event):
    """The pump is started again at the flow that is programmed."""


@dataclass(frozen=True, kw_only=True)
class Mri(Event):
    """A scan: whether the pump runs after it is unknown until it is interrogated."""


@dataclass(frozen=True, kw_only=True)
class Interrogation(Event):
    """The pump was interrogated, and is in the state that is programmed."""

    stopped_for: Quantity | None = None
    """How long it stood since the event before, where its log says so. Nothing is credited without a log."""


@dataclass(frozen=True, kw_only=True)
class Reversal(Entry):
    """An earlier entry is taken back, as if it had never been."""

    of: str
