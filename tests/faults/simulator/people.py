"""What people do: read and answer, or not; come for a refill, early, late, very late; change the settings."""

from __future__ import annotations

import datetime as dt
import random
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from api import house as api_house
from api import people as api_people
from api import refills, responses
from api.store.queries import people as people_queries
from pumpcalc.errors import Refusal

from .chance import minutes
from .house import CHANGES, FILLS, Clinic, Person, Pump, drawn_settings, visit_after
from .post import Arrival

if TYPE_CHECKING:
    from .world import World

__all__ = ["People"]

_TIERS = ((0, "scheduler"), (60, "nurse"), (240, "prescriber"), (1440, "supervisor"))
_EMPTIED = {"withdrawn_volume": "0 mL", "left_volume": "0 mL", "new_start": True}


@dataclass
class People:
    """Everybody at every clinic, by one stream of chance."""

    world: World
    chance: random.Random
    clinics: list[Clinic] = field(default_factory=list)
    answers: int = 0
    refills: int = 0
    refused: dict[str, int] = field(default_factory=dict)
    _answering: set[tuple[str, str]] = field(default_factory=set)

    @property
    def now(self) -> dt.datetime:
        return self.world.clock.now()

    def found(self, pumps: int) -> None:
        """The clinics open, with all their pumps filled for the first time or soon."""
        for number in range(2):
            settings = drawn_settings(self.chance, number)
            row = api_house.add_clinic(self.world.store, settings, self.now)
            clinic = Clinic(row["id"], settings["time_zone"], settings["reminder_email"])
            self.clinics.append(clinic)
            for after, role in _TIERS[: self.chance.choice((1, 2, 2, 3, 4))]:
                self._join(clinic, after, role)
            for _ in range(pumps // 2 + (pumps % 2 if number == 0 else 0)):
                self._implant(clinic)

    def _join(self, clinic: Clinic, after: int, role: str) -> None:
        body = {"name": f"Fictional {role}", "role": role}
        row = api_people.add_person(self.world.store, clinic.id, body, self.now)
        person = Person(row["id"], habit=self.chance.choice(self.world.weather.habits))
        clinic.people.append(person)
        self._contact(clinic, person, after)

    def _contact(self, clinic: Clinic, person: Person, after: int) -> None:
        clinic.count += 1
        channel = self.chance.choice(("email", "email", "webhook"))
        host = clinic.mailbox.partition("@")[2]
        name = f"someone{clinic.count}"
        body: dict[str, Any] = {
            "person_id": person.id,
            "channel": channel,
            "address": f"{name}@{host}",  # of a webhook too: its own rules are tested where it is
            "after_minutes": str(after),
        }
        if self.chance.random() < 0.3:
            body["digest"] = True
        if self.chance.random() < 0.4:
            quiet_from, quiet_until = self.chance.choice((("22:00", "06:30"), ("12:00", "13:00"), ("00:30", "05:00")))
            body |= {"quiet_from": quiet_from, "quiet_until": quiet_until}
        row, _ = api_people.add_contact(self.world.store, clinic.id, body, self.now, self.world.channels)
        person.contacts.append(row["id"])

    def _implant(self, clinic: Clinic) -> None:
        fill = self.chance.choice(FILLS)
        patient = api_house.add_patient(self.world.store, clinic.id, {}, self.now)["id"]
        row = api_house.add_pump(self.world.store, clinic.id, {"patient_id": patient, "model": fill.model}, self.now)
        pump = Pump(row["id"], clinic, fill)
        clinic.pumps.append(pump)
        self.world.judge.knows(pump)
        wait = minutes(self.chance, 1, 60 * 24 * 3)
        self._plan_visit(pump, self.world.clock.true + wait, 0)

    # Visits

    def _plan_visit(self, pump: Pump, at: dt.datetime, recorded_later: int) -> None:
        pump.visit += 1
        visit, day = pump.visit, at.astimezone(ZoneInfo(pump.clinic.zone)).date()
        at += dt.timedelta(days=recorded_later)
        self.world.act(at, "refill", lambda: self._refill(pump, visit, day))

    def _refill(self, pump: Pump, visit: int, day: dt.date) -> None:
        if visit != pump.visit:
            return
        before = self._open_refill(pump)
        if before is None or before["fill_date"] != day.isoformat():  # recorded, and then the line was cut
            body = {**pump.fill.body, "fill_date": day.isoformat(), **(_EMPTIED if pump.ran_dry else {})}
            try:
                refills.record_refill(self.world.store, pump.clinic.id, pump.id, body, self.now)
            except Refusal as refusal:
                self.refuses(refusal, "fill-not-done", "restart-as-naive", "events-after-fill")
                if refusal.problems[0].code == "restart-as-naive" and not pump.ran_dry:
                    pump.ran_dry = True  # it is looked into, found empty, and the patient begins anew
                    self._refill(pump, visit, day)
                    return
                self._plan_visit(pump, self.world.clock.true + minutes(self.chance, 60, 3000), 0)
                return
            self.refills += 1
            pump.ran_dry = False
        opened = self._open_refill(pump)
        assert opened is not None
        next_day, later = visit_after(
            self.chance, day, dt.date.fromisoformat(opened["refill_by"]), self.world.weather.lateness
        )
        hour = dt.time(self.chance.randint(8, 17), self.chance.randint(0, 59))
        at = dt.datetime.combine(next_day, hour, ZoneInfo(pump.clinic.zone)).astimezone(dt.UTC)
        self._plan_visit(pump, max(at, self.world.clock.true + dt.timedelta(hours=2)), later)

    def _open_refill(self, pump: Pump) -> Any:
        found = self.world.disk.rows("SELECT * FROM refill WHERE pump_id = ? AND superseded_at IS NULL", pump.id)
        return found[0] if found else None

    # Answers

    def told(self, arrival: Arrival) -> None:
        """A copy has come. Whoever reads it may answer, and nobody plans two answers about one pump."""
        _, _, tail = arrival.link.partition("/clinics/")
        clinic_id, _, rest = tail.partition("/")
        if not rest.startswith("pumps/"):
            return
        clinic = next(each for each in self.clinics if each.id == clinic_id)
        pump_id = rest.split("/")[1]
        reader = self._reader(clinic, arrival)
        if reader.habit == "never" or self.chance.random() < 0.15:
            return
        if (reader.id, pump_id) in self._answering:
            return
        self._answering.add((reader.id, pump_id))
        wait = minutes(self.chance, 2, 50) if reader.habit == "prompt" else minutes(self.chance, 120, 60 * 36)
        kind = self.chance.choices(("acknowledged", "snoozed", "booked", "rescheduled", "declined"), (6, 2, 4, 1, 1))[0]
        at = self.world.clock.true + wait
        self.world.act(at, "answer", lambda: self._answer(clinic, pump_id, reader, kind))
        if self.chance.random() < 0.1:  # the button is pressed twice
            again = at + dt.timedelta(seconds=self.chance.choice((1, 2, 600)))
            self.world.act(again, "answer", lambda: self._answer(clinic, pump_id, reader, kind))

    def _reader(self, clinic: Clinic, arrival: Arrival) -> Person:
        found = self.world.disk.rows(
            "SELECT person_id FROM contact WHERE clinic_id = ? AND address = ?", clinic.id, arrival.address
        )
        wanted = found[0]["person_id"] if found else None
        return next((each for each in clinic.people if each.id == wanted), clinic.people[0])

    def _answer(self, clinic: Clinic, pump_id: str, reader: Person, kind: str) -> None:
        chance, now = self.chance, self.now
        self._answering.discard((reader.id, pump_id))
        body: dict[str, Any] = {"person_id": reader.id, "kind": kind}
        if kind == "declined":
            body["reason"] = "moved to hospice"
        if kind in ("booked", "rescheduled"):
            body["day"] = (now + dt.timedelta(days=chance.choice((0, 1, 1, 2, 3, 7, 12)))).date().isoformat()
        if kind == "snoozed":
            until = now + dt.timedelta(minutes=chance.choice((30, 30, 60, 600, 1440, 20_000)))
            body["until"] = until.replace(second=0, microsecond=0).isoformat()
        with self.world.disk.spared():
            before = self.world.judge.before_answer(pump_id)
        try:
            answer = responses.respond(self.world.store, clinic.id, pump_id, body, now)
        except Refusal as refusal:
            self.refuses(
                refusal, "after-last-safe-day", "no-last-safe-day", "out-of-range", "nothing-booked", "unknown-person",
                "clinic-setting-missing", "silence-too-long",
            )  # fmt: skip
            return
        self.answers += 1
        self.world.judge.answered(answer, body, before)

    def refuses(self, refusal: Refusal, *codes: str) -> None:
        """The service says no: for one of these reasons, or it is a promise broken."""
        code = refusal.problems[0].code
        self.refused[code] = self.refused.get(code, 0) + 1
        if code not in codes:
            self.world.broken("yes or a reason", f"{code}: {refusal.problems[0].detail}")

    # The house

    def change_something(self) -> Callable[[], None]:
        """The next change that somebody makes at a clinic."""
        clinic = self.chance.choice(self.clinics)
        kind = self.chance.choices(("settings", "contact", "end", "leave"), (12, 3, 2, 1))[0]
        if kind == "settings":
            names = self.chance.sample(sorted(CHANGES), self.chance.choice((1, 1, 2)))
            body = {name: CHANGES[name](self.chance) for name in names}
            return lambda: self._settings(clinic, body)
        if kind == "contact":
            after = self.chance.choice(_TIERS)[0]
            return lambda: self._contact(clinic, self.chance.choice(clinic.people), after)
        if kind == "end":
            return lambda: self._end_contact(clinic)
        return lambda: self._leave(clinic)

    def _settings(self, clinic: Clinic, body: dict[str, Any]) -> None:
        api_house.change_settings(self.world.store, clinic.id, body, self.now)

    def _end_contact(self, clinic: Clinic) -> None:
        with self.world.store.reading() as connection:
            rows = people_queries.contacts_after(connection, clinic.id, "", 100)
        running = [row["id"] for row in rows if row["ended_at"] is None]
        if running:
            api_people.end_contact(self.world.store, clinic.id, self.chance.choice(running), self.now)

    def _leave(self, clinic: Clinic) -> None:
        if len(clinic.people) > 1:
            person = clinic.people.pop()
            api_people.end_person(self.world.store, clinic.id, person.id, self.now)
            self._join(clinic, *self.chance.choice(_TIERS))
