"""Everything that goes wrong, and when: the disk, the process, the clock, the channels, the addresses."""

from __future__ import annotations

import datetime as dt
import random
from dataclasses import dataclass
from typing import TYPE_CHECKING

from api.store.queries import engine as engine_queries

from .chance import minutes
from .disk import Trouble
from .expected import instant

if TYPE_CHECKING:
    from .world import World

__all__ = ["Troubles"]

_DAY = dt.timedelta(days=1)
_YEAR = dt.timedelta(days=365.25)
_CLOCKS = ("ahead", "ahead", "a little", "behind", "behind", "frozen", "1970", "9999")


@dataclass
class Troubles:
    """What happens to one world, by a stream of chance of its own."""

    world: World
    chance: random.Random

    def plan(self) -> None:
        """Everything that goes wrong, and when, over the whole run."""
        chance, start = self.chance, self.world.clock.true
        years = (self.world.end - start) / _YEAR

        def often(per_year: float) -> list[dt.datetime]:
            count = int(per_year * years + chance.random())
            return sorted(start + (self.world.end - start) * chance.random() for _ in range(count))

        weather = self.world.weather
        for when in often(weather.disk):
            self.world.at(when, "disk", self._disk_fails)
        for when in often(weather.downtimes):
            self.world.at(when, "down", self._goes_down)
        for when in often(weather.clock):
            self.world.at(when, "clock", self._clock_fails)
        for name in self.world.channels:
            for when in often(weather.channel):
                self.world.at(when, "channel", lambda name=name: self._channel_fails(name))  # type: ignore[misc]
        for when in often(weather.refusals):
            self.world.at(when, "refusal", self._address_refused)
        for when in often(weather.changes):
            self._change(when)

    def _change(self, when: dt.datetime) -> None:
        """Somebody changes something at a clinic, and often something else before the next tick."""
        self.world.act(when, "change", self.world.people.change_something())
        if self.chance.random() < 0.3:
            self.world.act(when + dt.timedelta(seconds=5), "change", self.world.people.change_something())

    def _disk_fails(self) -> None:
        self.world.disk.trouble = Trouble.drawn(self.chance)

    def _goes_down(self) -> None:
        if not self.world.is_up:
            return
        self.world.is_up = False
        self.world.figures.downtimes += 1
        spans = ((1, 30), (60, 600), (1440, 4320), (60 * 24 * 7, 60 * 24 * 21))
        wait = minutes(self.chance, *self.chance.choices(spans, (3, 3, 4, 1))[0])
        self.world.at(self.world.clock.true + wait, "up", self._comes_up)

    def _comes_up(self) -> None:
        self.world.is_up = True
        self.world.starts()
        if self.world.wrong_until is None:
            self.world.tick()

    def _channel_fails(self, name: str) -> None:
        channel = self.world.channels[name]
        channel.is_down = True
        wait = minutes(self.chance, *self.chance.choices(((1, 20), (30, 300), (1440, 2400)), (3, 2, 2))[0])
        self.world.at(self.world.clock.true + wait, "channel", lambda: setattr(channel, "is_down", False))
        if self.chance.random() < 0.5:
            self._change(self.world.clock.true + wait * self.chance.random())

    def _address_refused(self) -> None:
        rows = self.world.disk.rows("SELECT channel, address FROM contact WHERE ended_at IS NULL ORDER BY id")
        wanted = [(row["channel"], row["address"]) for row in rows]
        wanted += [("email", clinic.mailbox) for clinic in self.world.people.clinics]
        name, address = self.chance.choice(wanted)
        self.world.channels[name].refused.add(address)
        wait = minutes(self.chance, 60, 60 * 24 * 3)
        self.world.at(
            self.world.clock.true + wait, "refusal", lambda: self.world.channels[name].refused.discard(address)
        )

    def _clock_fails(self) -> None:
        """Ahead for a while and then right again, behind, standing still, in 1970 or in 9999."""
        if self.world.wrong_until is not None or not self.world.is_up:
            return
        self.world.figures.clock_faults += 1
        chance = self.chance
        kind = chance.choice(_CLOCKS)
        wait = minutes(chance, 1, 13) if kind == "ahead" else minutes(chance, *chance.choice(((2, 40), (60, 1500))))
        if kind == "frozen":
            self.world.clock.freeze()
        elif kind == "1970":
            self.world.clock.set_wrong(dt.datetime(1970, 1, 1, tzinfo=dt.UTC) - self.world.clock.true)
        elif kind == "9999":
            self.world.clock.set_wrong(dt.datetime(9990, 1, 1, tzinfo=dt.UTC) - self.world.clock.true)
        elif kind == "behind":
            self.world.clock.set_wrong(-chance.choice((minutes(chance, 0.1, 90), minutes(chance, 1440, 14_400))))
        elif kind == "a little":
            self.world.clock.set_wrong(minutes(chance, 1, 50))
        else:
            self.world.clock.set_wrong(chance.choice((minutes(chance, 61, 600), _DAY, 10 * _YEAR)))
        self.world.wrong_until = self.world.clock.true + wait
        self.world.judge.clock_turns(kind)
        self.world.at(self.world.wrong_until, "clock", self.clock_right)

    def clock_right(self) -> None:
        if self.world.wrong_until is None:
            return
        self.world.clock.set_right()
        self.world.wrong_until = None
        self.world.judge.clock_turns("right")
        kept = self.world.disk.rows("SELECT at FROM beat WHERE name = 'clock'")
        if kept and instant(kept[0]["at"]) > self.world.clock.true:  # an operator has read a clock that is right
            with self.world.disk.spared(), self.world.store.writing() as connection:
                engine_queries.mark_beat(connection, "clock", self.world.clock.true)
        self.world.at(self.world.clock.true + minutes(self.chance, 0.1, 1), "tick", self.world.tick_if_up)
