"""Fictional clinics: their settings, their people, their pumps, and how each pump's next visit will go."""

from __future__ import annotations

import datetime as dt
import random
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

__all__ = ["FILLS", "Clinic", "Fill", "Person", "Pump", "drawn_settings", "visit_after"]

_ZONES = ("America/New_York", "Europe/Zurich", "Australia/Lord_Howe", "Asia/Tokyo", "Africa/Casablanca")
_HOURS = ("09:00", "07:30", "02:30", "01:45", "23:30")


@dataclass(frozen=True)
class Fill:
    """What is put into a pump, again and again. Volumes in mL, the dose and the strength in one unit of mass."""

    model: str
    volume: int
    strength: Fraction
    dose: Fraction
    body: dict[str, Any]
    keeps: int | None
    """For how many days at most it keeps, where the body or the library says."""


def _fill(
    model: str, volume: int, unit: str, strength: str, dose: str, drug: str, *more: tuple[str, str],
    keeps: int | None = None, states: bool = False, **body: Any,
) -> Fill:  # fmt: skip
    components = [{"drug": drug, "concentration": f"{strength} {unit}/mL"}]
    components += [{"drug": name, "concentration": concentration} for name, concentration in more]
    body |= {"fill_volume": f"{volume} mL", "components": components, "daily_dose": f"{dose} {unit}/day"}
    if states:
        body["stability"] = f"{keeps} day"
    return Fill(model, volume, Fraction(strength), Fraction(dose), body, keeps)


FILLS = (
    _fill("synchromed-ii-20", 20, "mcg", "25", "19.2", "ziconotide", keeps=84, fill_kind="undiluted"),
    _fill("synchromed-ii-20", 20, "mcg", "25", "6", "ziconotide", keeps=84, fill_kind="undiluted"),
    _fill("synchromed-ii-20", 20, "mg", "20", "10", "morphine", keeps=90),
    _fill("synchromed-ii-40", 40, "mg", "20", "5", "morphine", keeps=90),
    _fill("synchromed-ii-40", 40, "mg", "20", "2.5", "morphine", keeps=180, states=True),
    _fill("synchromed-ii-20", 20, "mcg", "2000", "300", "baclofen", keeps=120, states=True),
    _fill("synchromed-ii-40", 40, "mcg", "2000", "350", "baclofen", keeps=180, states=True),
    _fill("synchromed-ii-20", 20, "mg", "20", "3", "morphine", ("baclofen", "500 mcg/mL"), keeps=60, states=True),
    _fill("synchromed-ii-20", 20, "mcg", "2.5", "1.25", "ziconotide", ("morphine", "10 mg/mL"), keeps=34, states=True),
)
"""Intervals from 23 to 180 days; critical, high and less."""


@dataclass
class Person:
    """Somebody who may answer, and how they do."""

    id: str
    contacts: list[str] = field(default_factory=list)
    habit: str = "prompt"
    """prompt, late or never."""


@dataclass
class Pump:
    """One pump, and what is put into it."""

    id: str
    clinic: Clinic
    fill: Fill
    ran_dry: bool = False
    visit: int = 0
    """Which visit is the planned one: an older plan of a visit is forgotten."""


@dataclass
class Clinic:
    """One clinic as its people know it."""

    id: str
    zone: str
    mailbox: str
    people: list[Person] = field(default_factory=list)
    pumps: list[Pump] = field(default_factory=list)
    count: int = 0
    """How many addresses there were."""


def drawn_settings(chance: random.Random, number: int) -> dict[str, Any]:
    """The first settings of a clinic."""
    return {
        "name": f"Fictional Clinic {number}",
        "time_zone": _ZONES[0] if number == 0 else chance.choice(_ZONES),
        "reminder_email": f"refills@clinic{number}.example",
        **{name: draw(chance) for name, draw in CHANGES.items()},
    }


CHANGES = {
    "low_reservoir_alarm_volume": lambda chance: chance.choice(["1 mL", "2 mL", "2 mL", "3 mL"]),
    "closed_weekdays": lambda chance: chance.choice([[], ["saturday", "sunday"], ["sunday"]]),
    "closed_dates": lambda chance: sorted(
        {f"{chance.choice([2026, 2027, 2028])}-{chance.randint(1, 12):02}-{chance.randint(1, 28):02}" for _ in range(6)}
    ),
    "reminder_days_before": lambda chance: chance.choice([["14", "3"], ["7"], [], ["30", "10", "1"], ["3", "2", "1"]]),
    "reminder_time": lambda chance: chance.choice(_HOURS),
    "repeat_after_minutes": lambda chance: chance.choice([None, None, None, "1440", "720", "360"]),
    "snooze_minutes_at_most": lambda chance: chance.choice([None, "60", "1440", "10080"]),
    "digest_time": lambda chance: chance.choice([None, None, None, "06:45"]),
}
"""Every setting that the clinic may change, and how it is drawn."""


def visit_after(chance: random.Random, fill_date: dt.date, refill_by: dt.date, lateness: float) -> tuple[dt.date, int]:
    """The day on which the next refill is done, and how many days later somebody records it."""
    span = (refill_by - fill_date).days
    kinds = ("early", "very-early", "on-the-day", "late", "very-late")
    kind = chance.choices(kinds, (66, 6, 14, 15 * lateness, 4 * lateness))[0]
    days = {
        "early": lambda: -chance.randint(1, 10),
        "very-early": lambda: -span // 2,
        "on-the-day": lambda: 0,
        "late": lambda: chance.randint(1, 6),
        "very-late": lambda: chance.randint(10, 25),
    }[kind]()
    day = max(refill_by + dt.timedelta(days=days), fill_date + dt.timedelta(days=1))
    return day, chance.choice([0, 0, 0, 0, 0, 0, 1, 3])
