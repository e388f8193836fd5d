"""Whether the wall clock of this process may be believed. Pure: it is told the time and reads nothing.

    what is seen                                              send  schedule  until
    a year before 2020 or after 2100                          no    no        the year is right
    more than 1 h ahead of the time that has passed           no    no        it comes back; else 15 min
    more than 5 min from the database server's clock          no    no        it comes back; else 15 min
    the clock stood still for more than 90 s                  yes   no        it moves
    more than 5 s behind what was kept                        yes   no        it has passed what was kept

*Send* is to queue what is due and to send it; *schedule* is to record a refill, and to be ready at /readyz.
A clock that is behind may send: what is due by an earlier clock is due. Nothing is sent twice: that is the store's.

The brake (the second and third line) holds for 15 minutes of monotonic time. A clock that still stands where it stood
is then accepted: it was true, and the one before it was not. A clock that moves on the way is doubted anew.

The first look after a start has nothing to compare with: time that passed while the process was down is not a jump.
Nor is the first look that is believed after a start with a clock that was behind.

**What is kept** is one instant in the store, of all processes: each writes its wall time there when ``may_schedule``,
and never an earlier one. A clock that was wrong, and was accepted, can leave an instant there that lies years ahead.
No rule here sets it aside: a clock that is years behind looks just the same, and would send every reminder late while
the service says that it is ready. An operator who has read a clock that is right writes the kept instant anew; each
guard sees that it is lower than it was, and goes by it. Until then what is due is sent, and /readyz fails.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

__all__ = ["BEHIND", "BRAKE", "FIRST_YEAR", "FROZEN", "JUMP", "LAST_YEAR", "SKEW", "ClockGuard", "Verdict"]

FIRST_YEAR, LAST_YEAR = 2020, 2100
"""Years that a clock may show: a machine without a battery starts in 1970, a broken one shows 9999."""

JUMP = dt.timedelta(hours=1)
"""How far a clock may run ahead of the time that has passed."""

SKEW = dt.timedelta(minutes=5)
"""How far two clocks may stand apart, and how far one may move and still stand where it stood."""

BRAKE = dt.timedelta(minutes=15)
"""How long a clock that is ahead is doubted, in monotonic time."""

BEHIND = dt.timedelta(seconds=5)
"""How far a clock may be behind what another process kept."""

FROZEN = dt.timedelta(seconds=90)
"""How long a clock may show the same time."""

_NOTHING = dt.timedelta()
_BEHIND_WHAT_WAS_KEPT = (
    "The clock is behind an instant that the store has kept. Set the clock; if it is right, the kept instant is not."
)


@dataclass(frozen=True)
class Verdict:
    """What may be done by this clock now.

    ``reason``: why not everything may, in words for /readyz. ``alarm``: the same words, once for each time that a
    doubt begins; for the operator.
    """

    may_send: bool
    may_schedule: bool
    reason: str | None = None
    alarm: str | None = None


@dataclass(frozen=True)
class _Stand:
    """Where a clock stood when it was first doubted: ``origin`` is its wall time at monotonic zero."""

    since: dt.timedelta
    origin: dt.datetime
    skew: dt.timedelta

    def is_left(self, origin: dt.datetime, skew: dt.timedelta) -> bool:
        return abs(origin - self.origin) > SKEW or abs(skew - self.skew) > SKEW


class ClockGuard:
    """The guard of one process. Feed it at every tick, and between the copies of a long sweep. Not for two threads."""

    def __init__(self) -> None:
        self._origin: dt.datetime | None = None  # wall time at monotonic zero, by the clock that was last believed
        self._skew = self._accepted_skew = _NOTHING
        self._doubted: _Stand | None = None
        self._to_pass: dt.datetime | None = None
        self._moved: tuple[dt.datetime, dt.timedelta] | None = None
        self._doubt: str | None = None
        self.last: Verdict | None = None

    @property
    def is_trusted(self) -> bool:
        """Whether the last look believed the clock. False before the first."""
        return self.last is not None and self.last.may_schedule

    def look(
        self, wall: dt.datetime, monotonic: float, kept: dt.datetime | None, server: dt.datetime | None = None
    ) -> Verdict:
        """What may be done now.

        Parameters
        ----------
        wall : what this process' clock shows, aware
        monotonic : of the same moment [s]; it should count the time in which the machine slept, or waking is a jump
        kept : the last wall instant that any process kept in the store; None when there is none, or it is unknown
        server : what the clock of the database server shows; None when it has none of its own, or it is unknown
        """
        passed = dt.timedelta(seconds=monotonic)
        is_frozen, is_behind = self._is_frozen(wall, passed), self._is_behind(wall, kept)
        if not FIRST_YEAR <= wall.year <= LAST_YEAR:
            self._doubted = None
            return self._say("year", f"The clock shows the year {wall.year}.", may_send=False)
        if doubt := self._brake(wall, passed, server):
            return self._say("brake", doubt, may_send=False)
        if is_frozen:
            return self._say("frozen", "The clock stands still.", may_send=True)
        if is_behind:
            return self._say("behind", _BEHIND_WHAT_WAS_KEPT, may_send=True)
        origin = wall - passed
        # Downwards only: a clock that creeps ahead, less than an hour at each look, is still measured from below.
        self._origin = origin if self._origin is None else min(self._origin, origin)
        self._doubt = None
        self.last = Verdict(may_send=True, may_schedule=True)
        return self.last

    def _say(self, doubt: str, text: str, *, may_send: bool) -> Verdict:
        begins, self._doubt = doubt != self._doubt, doubt
        text += " What is due by it is sent." if may_send else " Nothing is sent."
        self.last = Verdict(may_send=may_send, may_schedule=False, reason=text, alarm=text if begins else None)
        return self.last

    def _brake(self, wall: dt.datetime, passed: dt.timedelta, server: dt.datetime | None) -> str | None:
        """Why nothing may be sent, or None when the clock is where it should be, or has stood for long enough."""
        origin = wall - passed
        # A server that does not answer takes no doubt back: its last word holds.
        self._skew = self._skew if server is None else wall - server
        if abs(self._skew) <= SKEW:
            self._accepted_skew = _NOTHING
        ahead = _NOTHING if self._origin is None else origin - self._origin
        apart = abs(self._skew - self._accepted_skew)
        if ahead <= JUMP and apart <= SKEW:
            self._doubted = None
            return None
        if self._doubted is None or self._doubted.is_left(origin, self._skew):
            self._doubted = _Stand(passed, origin, self._skew)
        if passed - self._doubted.since >= BRAKE:
            self._doubted = None
            if ahead > JUMP:
                self._origin = origin
            if apart > SKEW:
                self._accepted_skew = self._skew
            return None
        if ahead > JUMP:
            return f"The clock jumped ahead by {_words(ahead)}. In 15 minutes it is believed."
        return f"The clock is {_words(abs(self._skew))} from the database server's. In 15 minutes it is believed."

    def _is_behind(self, wall: dt.datetime, kept: dt.datetime | None) -> bool:
        if kept is not None:
            if kept - wall > BEHIND:
                self._to_pass = kept
            elif self._to_pass is not None and (wall >= self._to_pass or kept < self._to_pass):
                self._to_pass = None  # it was passed, or an operator has set it right
        return self._to_pass is not None

    def _is_frozen(self, wall: dt.datetime, passed: dt.timedelta) -> bool:
        if self._moved is None or self._moved[0] != wall:
            self._moved = (wall, passed)
        return passed - self._moved[1] > FROZEN


def _words(length: dt.timedelta) -> str:
    """A length of time in the largest unit of which it has two."""
    seconds = int(length.total_seconds())
    for unit, size in (("days", 86_400), ("hours", 3600), ("minutes", 60)):
        if seconds >= 2 * size:
            return f"{seconds // size} {unit}"
    return f"{seconds} seconds"
