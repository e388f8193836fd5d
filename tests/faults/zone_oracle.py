"""A second reading of time zones, by whole seconds: the TZif files of the tzdata package and their footer rules.

It shares the data with the service, and nothing else: no zoneinfo, no datetime, no fold. RFC 8536 says what a
file holds, POSIX.1 section 8.3 (with the hours to 167 of RFC 8536) what its footer means.
"""

from __future__ import annotations

import importlib.resources
import re
import struct
from bisect import bisect_right
from dataclasses import dataclass
from functools import cache

__all__ = ["Change", "Zone", "day_number", "read_zone", "zone_names"]

_DAY = 86_400
_FIRST_YEAR, _LAST_YEAR = 1970, 2040
_HEADER = struct.Struct(">4sc15x6l")
_TYPE = struct.Struct(">lBB")
_NAME = r"(?:<[A-Za-z0-9+-]+>|[A-Za-z]+)"
_HOURS = r"[+-]?\d{1,3}(?::\d{2}(?::\d{2})?)?"
_FOOTER = re.compile(rf"{_NAME}({_HOURS})(?:{_NAME}({_HOURS})?,([^,]+),([^,]+))?")


@dataclass(frozen=True)
class Change:
    """The clocks of a zone are moved: when [seconds since 1970, UTC], and their lead on UTC before and after [s]."""

    at: int
    before: int
    after: int


@dataclass(frozen=True)
class Zone:
    """The clocks of one zone, oldest change first; ``opening`` is the lead on UTC before the first of them [s]."""

    opening: int
    changes: tuple[Change, ...]
    instants: tuple[int, ...]

    def lead(self, at: int) -> int:
        """How far the clocks are ahead of UTC at an instant [s]."""
        passed = bisect_right(self.instants, at)
        return self.changes[passed - 1].after if passed else self.opening

    def instant(self, wall: int) -> int:
        """The instant at which the clocks show ``wall`` [s, both]: the first one; in a gap, moved on by the gap."""
        about = bisect_right(self.instants, wall)
        near = self.changes[max(0, about - 3) : about + 3]
        leads = {self.lead(wall), *(change.before for change in near), *(change.after for change in near)}
        if shown := [wall - lead for lead in leads if self.lead(wall - lead) == lead]:
            return min(shown)
        (gap,) = [each for each in near if each.at + each.before <= wall < each.at + each.after]
        return wall - gap.before


def zone_names() -> list[str]:
    """Every zone and link that the tzdata package holds, without Factory, which is no place."""
    listed = importlib.resources.files("tzdata").joinpath("zones").read_text(encoding="ascii").split()
    return sorted(set(listed) - {"Factory"})


@cache
def read_zone(name: str) -> Zone:
    """One zone, to the end of 2040."""
    raw = importlib.resources.files("tzdata").joinpath("zoneinfo", *name.split("/")).read_bytes()
    skipped = _HEADER.size + _block_length(raw, 0, seconds_in=4)
    version, counts = _header(raw, skipped)
    assert version >= b"2"
    _, _, _, times, types, _ = counts
    start = skipped + _HEADER.size
    at = struct.unpack_from(f">{times}q", raw, start)
    kinds = struct.unpack_from(f">{times}B", raw, start + 8 * times)
    leads = [_TYPE.unpack_from(raw, start + 9 * times + _TYPE.size * each)[0] for each in range(types)]
    footer = raw[start + _block_length(raw, skipped, seconds_in=8) :].strip(b"\n").decode("ascii")
    moves = [(when, leads[kind]) for when, kind in zip(at, kinds, strict=True)]
    last = moves[-1][0] if moves else -(2**62)
    moves += [(when, lead) for when, lead in _ruled(footer) if when > last]
    changes, lead_now = [], leads[0]
    for when, lead in moves:
        if lead != lead_now:  # a change of name alone moves no clock
            changes.append(Change(when, lead_now, lead))
        lead_now = lead
    return Zone(leads[0], tuple(changes), tuple(change.at for change in changes))


def _header(raw: bytes, at: int) -> tuple[bytes, tuple[int, ...]]:
    magic, version, *counts = _HEADER.unpack_from(raw, at)
    assert magic == b"TZif"
    return version, tuple(counts)


def _block_length(raw: bytes, at: int, *, seconds_in: int) -> int:
    """How long the data after a header is, in bytes; an instant takes 4 in the first block and 8 in the second."""
    _, (on_utc, on_standard, leaps, times, types, letters) = _header(raw, at)
    return times * (seconds_in + 1) + types * _TYPE.size + letters + leaps * (seconds_in + 4) + on_standard + on_utc


def _ruled(footer: str) -> list[tuple[int, int]]:
    """The moves of the clocks that a footer rules, oldest first: when, and the lead from then on."""
    found = _FOOTER.fullmatch(footer)
    assert found is not None, footer
    standard, summer, begins, ends = found.groups()
    usual = -_seconds(standard)  # POSIX counts westwards
    if begins is None:
        return []
    ahead = usual + 3600 if summer is None else -_seconds(summer)
    moves = []
    for year in range(_FIRST_YEAR, _LAST_YEAR + 1):
        moves.append((_moment(begins, year) - usual, ahead))
        moves.append((_moment(ends, year) - ahead, usual))
    return sorted(moves)


def _seconds(text: str) -> int:
    sign = -1 if text.startswith("-") else 1
    parts = [int(part) for part in text.lstrip("+-").split(":")]
    return sign * sum(part * unit for part, unit in zip(parts, (3600, 60, 1), strict=False))


def _moment(rule: str, year: int) -> int:
    """What the clocks show when a rule strikes in a year [s since 1970, on those clocks]."""
    day, _, hours = rule.partition("/")
    assert day.startswith("M"), day
    month, week, weekday = (int(part) for part in day[1:].split("."))
    first = day_number(year, month, 1)
    date = first + (weekday - (first + 4)) % 7 + 7 * (week - 1)  # 1970-01-01 was a Thursday: 4, Sunday being 0
    following = day_number(year + month // 12, month % 12 + 1, 1)
    while date >= following:  # the fifth week of a month is its last
        date -= 7
    return date * _DAY + (_seconds(hours) if hours else 7200)


def day_number(year: int, month: int, day: int) -> int:
    """Days since 1970-01-01 in the Gregorian calendar, counted from a March that begins the year."""
    year, month = (year - 1, month + 9) if month < 3 else (year, month - 3)
    return 365 * year + year // 4 - year // 100 + year // 400 + (153 * month + 2) // 5 + day - 1 - 719_468
