"""How rough one world is. Each seed draws its own: what always happens hides what only shows when it does not."""

from __future__ import annotations

import random
from dataclasses import dataclass

__all__ = ["Weather"]

_MOST = {"disk": 150, "downtimes": 40, "clock": 30, "channel": 25, "refusals": 12, "changes": 60, "lateness": 1}
_PEOPLE = (
    ("prompt", "prompt", "prompt", "prompt", "late"),
    ("prompt", "prompt", "late", "never"),
    ("late", "late", "never"),
)


@dataclass(frozen=True)
class Weather:
    """What goes wrong in a year, and how people are."""

    disk: float
    downtimes: float
    clock: float
    channel: float
    refusals: float
    changes: float
    """So many in a year of each: from the most down to a thirtieth, each by itself."""
    lateness: float
    """How many visits are late, as a part of the most."""
    habits: tuple[str, ...]
    """What people are drawn from."""

    @classmethod
    def drawn(cls, chance: random.Random) -> Weather:
        """The weather of one world."""
        rates = {name: most * 10 ** chance.uniform(-1.5, 0) for name, most in _MOST.items()}
        return cls(**rates, habits=chance.choices(_PEOPLE, (4, 3, 1))[0])

    @classmethod
    def worst(cls) -> Weather:
        """The most of everything."""
        return cls(**_MOST, habits=_PEOPLE[1])
