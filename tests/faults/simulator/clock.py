"""The true time, and what the clock of the machine shows."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field

__all__ = ["Clock"]

_NOTHING = dt.timedelta()


@dataclass
class Clock:
    """A clock that shows the true time, unless something is wrong with it. ``monotonic`` is always right."""

    true: dt.datetime
    boot: dt.datetime = field(init=False)
    offset: dt.timedelta = _NOTHING
    frozen: dt.datetime | None = None

    def __post_init__(self) -> None:
        self.boot = self.true

    def now(self) -> dt.datetime:
        """What the clock shows."""
        return self.frozen if self.frozen is not None else self.true + self.offset

    def monotonic(self) -> float:
        """Seconds since the machine was started."""
        return (self.true - self.boot).total_seconds()

    @property
    def is_right(self) -> bool:
        """Whether it shows the true time and moves."""
        return self.offset == _NOTHING and self.frozen is None

    def advance(self, length: dt.timedelta) -> None:
        """True time passes."""
        self.true += length

    def advance_to(self, instant: dt.datetime) -> None:
        """True time passes until an instant; none when it is over already."""
        self.true = max(self.true, instant)

    def set_wrong(self, offset: dt.timedelta) -> None:
        """It runs, and shows another time."""
        self.offset, self.frozen = offset, None

    def freeze(self) -> None:
        """It stands still."""
        self.frozen = self.now()

    def set_right(self) -> None:
        """Somebody has set it."""
        self.offset, self.frozen = _NOTHING, None
