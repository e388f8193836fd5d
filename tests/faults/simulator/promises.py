"""What must hold after every step, and which promise it is when it does not."""

from __future__ import annotations

import datetime as dt
import hashlib
import json
from sqlite3 import Row
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from api.engine import Engine
from api.reminders.notice import Address, Notice
from api.store.types import written_instant

from .expected import Plan, instant, is_closed, is_quiet, latest_day, wall_instant
from .house import Pump
from .post import Arrival

if TYPE_CHECKING:
    from .world import World

__all__ = ["Judge"]

_DAY = dt.timedelta(days=1)
_HOUR = dt.timedelta(hours=1)
_CAP = dt.timedelta(minutes=66)
"""The longest wait between two tries: an hour, and a tenth by chance."""
_CLOSED_AFTER = 5
"""A channel that fails so often in a row is left alone until the next tick."""
_BRAKE = dt.timedelta(minutes=16)
_LEASE = dt.timedelta(seconds=120)


class Judge:
    """It looks at the store past the engine, and at what arrives outside."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.plans: dict[str, Plan] = {}
        """The open plans, by pump."""
        self._pumps: dict[str, Pump] = {}
        self._arrived: dict[str, int] = {}
        self._worker: Engine | None = None
        self._looked: set[Engine] = set()
        self._whole = 0
        self._wanted: list[Row] = []
        self._again: dict[Engine, dt.datetime] = {}
        self._told: dict[tuple[str, str], str] = {}
        self._turn = ("right", world.clock.true)
        self._began = world.clock.true
        self._repeat: dict[str, tuple[str | None, dt.datetime]] = {}

    def _broken(self, promise: str, what: str) -> None:
        self.world.broken(promise, what)

    @property
    def _now(self) -> dt.datetime:
        return self.world.clock.now()

    def _rows(self, question: str, *values: Any) -> list[Row]:
        return self.world.disk.rows(question, *values)

    def knows(self, pump: Pump) -> None:
        """A pump that is new."""
        self._pumps[pump.id] = pump

    def clock_turns(self, kind: str) -> None:
        """The clock goes wrong, or right again."""
        self._turn = (kind, self.world.clock.true)

    # A plan

    def look(self) -> None:
        """SR-53 for every pump; R-01 and R-08 for every plan that has opened."""
        found = self._rows(
            "SELECT pump.id, pump.plan_id, count(plan.id) AS open, min(plan.id) AS which FROM pump LEFT JOIN plan"
            " ON plan.clinic_id = pump.clinic_id AND plan.pump_id = pump.id AND plan.closed_at IS NULL GROUP BY pump.id"
        )
        for row in found:
            if row["open"] != 1 or row["which"] != row["plan_id"]:
                self._broken("SR-53", f"pump {row['id']} has {row['open']} open plans, and points at {row['plan_id']}")
            known = self.plans.get(row["id"])
            if known is None or known.id != row["plan_id"]:
                self._opened(row["plan_id"], known)
        for row in self._rows("SELECT id, repeat_after_minutes AS repeat FROM clinic"):
            if row["id"] not in self._repeat or self._repeat[row["id"]][0] != row["repeat"]:
                self._repeat[row["id"]] = (row["repeat"], self._now)

    def _opened(self, plan_id: str, before: Plan | None) -> None:
        row = self._rows("SELECT * FROM plan WHERE id = ?", plan_id)[0]
        settings = self._rows("SELECT * FROM clinic WHERE id = ?", row["clinic_id"])[0]
        plan = Plan(
            row["id"], row["clinic_id"], row["pump_id"], row["kind"], row["why"], settings["time_zone"],
            dt.time.fromisoformat(settings["reminder_time"]), instant(row["opened_at"]),
            None if row["refill_by"] is None else dt.date.fromisoformat(row["refill_by"]),
        )  # fmt: skip
        self.plans[plan.pump_id] = plan
        steps = self._rows(
            "SELECT * FROM reminder WHERE clinic_id = ? AND plan_id = ? AND round = 0 AND after_minutes = 0",
            plan.clinic_id, plan.id,
        )  # fmt: skip
        if plan.refill_by is None:
            plan.at_once = plan.why != "no-fill"
            if not steps:
                self._broken("R-01", f"an unknown plan of pump {plan.pump_id} has no reminder")
            return
        refill = self._rows("SELECT * FROM refill WHERE id = ?", row["refill_id"])[0]
        fill_date = dt.date.fromisoformat(refill["fill_date"])
        self._day_is_safe(plan, row, settings, fill_date)
        plan.expect(settings, fill_date)
        kept = {
            each["kind"]: instant(each["due_at"])
            for each in steps
            if (each["kind"] == "due-day" or each["kind"].endswith("-days-before"))
            and (plan.why == "refill" or each["due_at"] != row["opened_at"])  # what the plan before had not told
        }
        if kept != plan.rungs:
            self._broken("R-01", f"plan {plan.why} of pump {plan.pump_id}: {_shown(kept)}, not {_shown(plan.rungs)}")
        kinds = {each["kind"] for each in steps}
        if plan.at_once and "overdue" not in kinds:
            self._broken("R-01", f"plan {plan.why} of pump {plan.pump_id} is past everything and says nothing")
        if before is not None and plan.why != "refill":
            self._follows(plan, before, kinds)

    def _day_is_safe(self, plan: Plan, row: Row, settings: Row, fill_date: dt.date) -> None:
        assert plan.refill_by is not None
        latest = latest_day(self._pumps[plan.pump_id].fill, fill_date, settings)
        if plan.refill_by > latest:
            self._broken("last safe day", f"{plan.refill_by} for pump {plan.pump_id}, which lasts until {latest}")
        if plan.refill_by > fill_date and is_closed(plan.refill_by, settings):
            self._broken("last safe day", f"{plan.refill_by}, on which the clinic is closed")
        record = self._rows("SELECT record FROM calculation WHERE id = ?", row["calculation_id"])[0]["record"]
        if json.loads(record)["answers"]["refill_by"] != plan.refill_by.isoformat():
            self._broken("last safe day", f"{plan.refill_by}, where the calculation says another")

    def _follows(self, plan: Plan, before: Plan, kinds: set[str]) -> None:
        """A plan that was worked out anew owes what the one before it owed."""
        assert plan.refill_by is not None
        if before.refill_by is not None and plan.refill_by < before.refill_by:
            plan.at_once = True
            if "moved-earlier" not in kinds:
                self._broken("R-01", f"the last safe day of pump {plan.pump_id} moved earlier and nobody is told")
        answers = self._answers(before.id)
        owed = before.owed(plan.opened, answers)
        if owed is not None and not self._is_met(before, owed, answers):
            plan.at_once = True

    def _answers(self, plan_id: str) -> list[Row]:
        return self._rows("SELECT * FROM response WHERE plan_id = ? ORDER BY recorded_at, id", plan_id)

    def _is_met(self, plan: Plan, owed: dt.datetime, answers: list[Row]) -> bool:
        """Whether somebody was told, or has answered, since."""
        if plan.told is not None and plan.told >= owed:
            return True
        return any(instant(row["recorded_at"]) >= owed for row in answers)

    # A copy

    def ticks(self, worker: Engine) -> None:
        """A tick begins."""
        self._worker, self._began, self._whole = worker, self._now, self.world.disk.happened
        self._told.clear()
        self._wanted = self._wanted_digests()
        self.looks(worker)

    def looks(self, worker: Engine) -> None:
        """A process looks at its clock."""
        if self.world.clock.is_right:
            self._looked.add(worker)
            self._again.setdefault(worker, self.world.clock.true)
        else:
            self._again.clear()

    def claimed(self, notice: Notice, to: Address) -> None:
        """A copy is about to be sent."""
        kind, since = self._turn
        if kind in ("1970", "9999") or (
            kind == "ahead" and self._worker in self._looked and self.world.clock.true - since < _BRAKE
        ):
            self._broken("R-11", f"a copy leaves by a clock that is wrong ({kind})")
        row = self._rows(
            "SELECT delivery.*, reminder.plan_id, reminder.kind, reminder.severity,"
            " reminder.queued_at AS reminder_queued_at, plan.closed_at, plan.refill_by, plan.pump_id, clinic.time_zone"
            " FROM delivery JOIN reminder ON reminder.clinic_id = delivery.clinic_id"
            " AND reminder.id = delivery.reminder_id JOIN clinic ON clinic.id = delivery.clinic_id"
            " LEFT JOIN plan ON plan.clinic_id = reminder.clinic_id AND plan.id = reminder.plan_id"
            " WHERE delivery.clinic_id = ? AND delivery.idem = ?",
            notice.link.partition("/v1/clinics/")[2].split("/")[0], notice.idem,
        )[0]  # fmt: skip
        self._is_itself(row, to)
        if row["closed_at"] is not None:
            self._broken("R-06", f"a copy of {row['kind']} is claimed after its plan was closed")
        self._is_worst(row)
        if row["plan_id"] is None:
            return
        if self._told.setdefault((row["plan_id"], to.address), notice.idem) != notice.idem:
            self._broken("R-05", f"pump {row['pump_id']} is told twice in one tick")
        if self.world.clock.is_right:
            self._may_come_now(row)

    def _is_itself(self, row: Row, to: Address) -> None:
        parts = "\n".join((row["clinic_id"], row["reminder_id"], to.channel, to.address))
        if hashlib.sha256(parts.encode()).hexdigest() != row["idem"]:
            self._broken("R-04", f"a copy of {row['kind']} carries another id")
        if row["state"] not in ("pending", "dead"):
            self._broken("R-03", f"a copy of {row['kind']} is sent, and it is {row['state']}")
        if self._arrived.get(row["idem"], self._mishaps) != self._mishaps:
            return
        if row["idem"] in self._arrived and row["idem"] not in self.world.channels[row["channel"]].crashes:
            self._broken("R-03", f"a copy of {row['kind']} is sent again, and nothing had gone wrong")

    @property
    def _mishaps(self) -> int:
        return self.world.disk.happened + self.world.figures.crashes

    def _is_worst(self, row: Row) -> None:
        now = written_instant(self._now)
        running = [name for name, each in self.world.channels.items() if each.row_of_failures < _CLOSED_AFTER]
        worse = self._rows(
            "SELECT urgency FROM delivery WHERE state IN ('pending', 'dead') AND urgency < ? AND next_try_at <= ?"
            f" AND (lease_until IS NULL OR lease_until <= ?) AND channel IN ({', '.join('?' * len(running))}) LIMIT 1",
            row["urgency"], now, now, *running,
        )  # fmt: skip
        if worse:
            self._broken("R-05", f"urgency {row['urgency']} goes before {worse[0]['urgency']}")

    def _may_come_now(self, row: Row) -> None:
        answers = self._answers(row["plan_id"])
        if answers and answers[-1]["recorded_at"] > row["reminder_queued_at"] > written_instant(self._turn[1]):
            self._broken("R-13", f"a copy of {row['kind']} that was queued before an answer is sent after it")
        if row["contact_id"] is None or row["severity"] == "critical" or row["refill_by"] is None:
            return
        contact = self._rows("SELECT * FROM contact WHERE id = ?", row["contact_id"])[0]
        if contact["quiet_from"] is None or row["attempts"] > 1:
            return
        ends = is_quiet(self._now, contact["quiet_from"], contact["quiet_until"], row["time_zone"])
        last = wall_instant(dt.date.fromisoformat(row["refill_by"]) + _DAY, dt.time(), row["time_zone"])
        if ends is not None and ends < last:
            self._broken("quiet hours", f"a copy of {row['kind']} is sent in them")

    def arrived(self, arrival: Arrival) -> None:
        """A copy has come through."""
        self._arrived[arrival.idem] = self._mishaps
        _, is_of_pump, rest = arrival.link.partition("/pumps/")
        if is_of_pump and (plan := self.plans.get(rest.split("/")[0])) is not None:
            row = self._rows(
                "SELECT plan_id FROM reminder JOIN delivery ON delivery.clinic_id = reminder.clinic_id"
                " AND delivery.reminder_id = reminder.id WHERE delivery.clinic_id = ? AND delivery.idem = ?",
                plan.clinic_id, arrival.idem,
            )[0]  # fmt: skip
            if row["plan_id"] != plan.id:  # it opened in this very tick
                self.look()
                plan = self.plans[plan.pump_id]
            plan.told = self._now

    # An answer

    def before_answer(self, pump_id: str) -> str:
        """The plan that an answer is about to be given to."""
        found: str = self._rows("SELECT plan_id FROM pump WHERE id = ?", pump_id)[0]["plan_id"]
        return found

    def answered(self, answer: str, body: dict[str, Any], before: str) -> None:
        """An answer was taken: it ends the chain, and never the plan."""
        row = self._rows(
            "SELECT response.*, plan.closed_at, plan.refill_by, clinic.time_zone, clinic.snooze_minutes_at_most"
            " FROM response JOIN plan ON plan.clinic_id = response.clinic_id AND plan.id = response.plan_id"
            " JOIN clinic ON clinic.id = response.clinic_id WHERE response.id = ?", answer,
        )[0]  # fmt: skip
        if row["closed_at"] is not None or row["plan_id"] != before:
            self._broken("R-14", f"{body['kind']} ended a plan")
        key = (row["clinic_id"], before)
        waiting = self._rows(
            "SELECT count(*) FROM delivery JOIN reminder ON reminder.clinic_id = delivery.clinic_id"
            " AND reminder.id = delivery.reminder_id WHERE delivery.clinic_id = ? AND plan_id = ?"
            " AND delivery.state IN ('pending', 'dead')", *key,
        )  # fmt: skip
        coming = self._rows("SELECT * FROM reminder WHERE clinic_id = ? AND plan_id = ? AND state = 'pending'", *key)
        if waiting[0][0] or any(each["round"] or each["after_minutes"] for each in coming):
            self._broken("R-13", f"after {body['kind']} the chain goes on")
        if not coming:
            self._broken("R-14", f"pump {before}: after {body['kind']} nobody would hear again")
        if row["until"] is not None:
            self._silence_ends(row)

    def _silence_ends(self, row: Row) -> None:
        until, recorded = instant(row["until"]), instant(row["recorded_at"])
        if until > recorded + dt.timedelta(minutes=int(row["snooze_minutes_at_most"])):
            self._broken("snooze", f"until {until}, past the ceiling")
        if row["refill_by"] is None:
            return
        last = wall_instant(dt.date.fromisoformat(row["refill_by"]) + _DAY, dt.time(), row["time_zone"])
        if recorded < last <= until:
            self._broken("snooze", f"until {until}, past the last safe day")

    # A tick

    def ticked(self, worker: Engine) -> None:
        """A tick went to its end: everything that was due by it is queued, sent, or being tried.

        Where the disk failed in it, one pump or one copy may wait for the next.
        """
        if any(worker.wrong.values()):
            self._broken("nightly check", ", ".join(f"{count} {name}" for name, count in worker.wrong.items()))
        if not self.world.clock.is_right or self.world.disk.happened != self._whole:
            return
        if not worker.verdict.may_send:
            if self.world.clock.true - self._again[worker] > _BRAKE + dt.timedelta(minutes=10):
                self._broken("R-10", f"the clock is right, and nothing is sent: {worker.verdict.reason}")
            return
        began = written_instant(self._began)
        late = self._rows(
            "SELECT kind, due_at FROM reminder WHERE state = 'pending' AND due_at <= ? AND created_at < ?", began, began
        )
        if late:
            self._broken("R-02", f"{late[0]['kind']} was due at {late[0]['due_at']} and is not queued")
        if stale := self._rows("SELECT id, stale_since FROM pump WHERE stale_since < ?", began):
            self._broken("stale", f"pump {stale[0]['id']} waits since {stale[0]['stale_since']} to be worked out again")
        self._copies_move(began)
        self._everybody_is_told()
        self._escalates()
        self._digests_went()

    def _copies_move(self, began: str) -> None:
        """Every copy that is not sent is tried again within an hour, or dead with an alarm: R-02, R-10, F-14."""
        unsent = self._rows(
            "SELECT delivery.*, contact.quiet_from FROM delivery LEFT JOIN contact"
            " ON contact.clinic_id = delivery.clinic_id AND contact.id = delivery.contact_id"
            " WHERE delivery.state IN ('pending', 'dead')"
        )
        # A clock that was less than an hour ahead was believed.
        slack = _HOUR if self.world.clock.true - self._turn[1] < 2 * _HOUR else dt.timedelta()
        for row in unsent:
            next_try = instant(row["next_try_at"])
            held = row["attempts"] == 0 and row["quiet_from"] is not None
            if next_try - self._now > (_DAY + _HOUR if held else _CAP) + slack:
                self._broken("R-02", f"a copy is not tried again before {next_try} (attempt {row['attempts']})")
            if row["lease_until"] is not None and instant(row["lease_until"]) - self._now > _LEASE + slack:
                self._broken("R-10", f"a copy is held until {row['lease_until']}")
            failures = self.world.channels[row["channel"]].row_of_failures
            waits = row["next_try_at"] <= began and (row["lease_until"] or "") <= began
            if waits and row["queued_at"] < began and failures < _CLOSED_AFTER:
                self._broken("R-02", f"a copy could be sent since {row['next_try_at']} and was not tried")
            old = self._now - instant(row["queued_at"]) > _DAY + 2 * _CAP
            if row["state"] == "pending" and old and not waits and row["attempts"] > 12:
                self._broken("R-02", f"a copy is not delivered since {row['queued_at']} and is not dead")
            if row["state"] == "dead" and not self._rows(
                # A newer copy takes the place of a dead one to the same receiver: the alarm is about the first.
                "SELECT 1 FROM delivery AS of JOIN reminder ON reminder.clinic_id = of.clinic_id AND about = of.id"
                " WHERE of.clinic_id = ? AND of.channel = ? AND of.recipient = ? UNION ALL SELECT 1 FROM reminder"
                " WHERE clinic_id = ? AND id = ? AND kind = 'dead-delivery'",
                row["clinic_id"], row["channel"], row["recipient"], row["clinic_id"], row["reminder_id"],
            ):  # fmt: skip
                self._broken("R-02", "a copy is dead and there is no alarm")

    def _everybody_is_told(self) -> None:
        for plan in self.plans.values():
            if plan.opened >= self._began or (plan.told is not None and self._began - plan.told < dt.timedelta(0)):
                continue
            answers = self._answers(plan.id)
            owed = plan.owed(self._began, answers)
            if owed is None or self._is_met(plan, owed, answers):
                continue
            tried = self._rows(
                "SELECT 1 FROM reminder JOIN delivery ON delivery.clinic_id = reminder.clinic_id"
                " AND delivery.reminder_id = reminder.id WHERE reminder.clinic_id = ? AND plan_id = ?"
                " AND delivery.state IN ('pending', 'dead') AND reminder.queued_at >= ? LIMIT 1",
                plan.clinic_id, plan.id, written_instant(owed),
            )  # fmt: skip
            if not tried:
                self._broken(
                    "R-02",
                    f"pump {plan.pump_id} (plan {plan.why}, {plan.kind}, opened {plan.opened}, last safe day "
                    f"{plan.refill_by}) was to be told of at {owed} and was last told of at {plan.told}",
                )

    def _escalates(self) -> None:
        """Whoever is next is told when nobody has answered: R-12."""
        steps = self._rows(
            "SELECT reminder.*, plan.pump_id FROM plan JOIN reminder ON reminder.clinic_id = plan.clinic_id"
            " AND reminder.plan_id = plan.id WHERE plan.closed_at IS NULL AND reminder.state = 'queued'"
            " ORDER BY reminder.queued_at"
        )
        last = {row["pump_id"]: row for row in steps}
        for pump_id, step in last.items():
            plan = self.plans[pump_id]
            answers = self._answers(plan.id)
            queued = instant(step["queued_at"])
            if (answers and instant(answers[-1]["recorded_at"]) >= queued) or self._turn[1] > queued:
                continue
            contacts = self._rows(
                "SELECT * FROM contact WHERE clinic_id = ? AND created_at <= ? AND (ended_at IS NULL OR ended_at > ?)",
                plan.clinic_id, step["queued_at"], step["queued_at"],
            )  # fmt: skip
            if plan.last_step != step["id"]:
                plan.last_step = step["id"]
                self._all_are_told(plan, step, contacts)
            wait = self._wait(step, contacts, queued)
            if wait is not None and queued + wait <= self._began:
                self._broken(
                    "R-12",
                    f"nobody answers {step['kind']} of pump {pump_id}, queued at {queued}, and nobody is told next",
                )

    def _wait(self, step: Row, contacts: list[Row], queued: dt.datetime) -> dt.timedelta | None:
        """After how long somebody else is told; None when that is everybody."""
        later = [each["after_minutes"] for each in contacts if each["after_minutes"] > step["after_minutes"]]
        if step["round"] == 0 and later:
            return dt.timedelta(minutes=min(later) - step["after_minutes"])
        repeat, since = self._repeat[step["clinic_id"]]
        return None if repeat is None or since >= queued else dt.timedelta(minutes=int(repeat))

    def _all_are_told(self, plan: Plan, step: Row, contacts: list[Row]) -> None:
        """A step goes to everybody of its step: the mailbox first, then each contact when it is their turn."""
        turn = [each for each in contacts if step["round"] or each["after_minutes"] == step["after_minutes"]]
        wanted = {(each["channel"], each["address"]) for each in turn}
        if step["after_minutes"] == 0:
            mailbox = self._rows("SELECT reminder_email FROM clinic WHERE id = ?", plan.clinic_id)[0][0]
            wanted.add(("email", mailbox))
        copies = self._rows(
            "SELECT channel, recipient FROM delivery WHERE clinic_id = ? AND reminder_id = ?",
            plan.clinic_id, step["id"],
        )  # fmt: skip
        if {(each["channel"], each["recipient"]) for each in copies} != wanted:
            self._broken("R-12", f"{step['kind']} goes to {len(copies)} addresses and not to the {len(wanted)} of it")

    # The morning's list

    def _wanted_digests(self) -> list[Row]:
        return self._rows(
            "SELECT contact.*, clinic.time_zone, clinic.digest_time FROM contact JOIN clinic"
            " ON clinic.id = contact.clinic_id WHERE digest = 'yes' AND ended_at IS NULL AND digest_time IS NOT NULL"
        )

    def digests_of_the_day(self) -> list[dt.datetime]:
        """When the lists of the coming 24 hours are due."""
        found = set()
        for row in self._wanted_digests():
            hour, zone = dt.time.fromisoformat(row["digest_time"]), row["time_zone"]
            today = self.world.clock.true.astimezone(ZoneInfo(zone)).date()
            both = [wall_instant(day, hour, zone) for day in (today, today + _DAY)]
            found |= {at for at in both if self.world.clock.true <= at < self.world.clock.true + _DAY}
        return sorted(found)

    def _digests_went(self) -> None:
        for row in self._wanted:
            zone = row["time_zone"]
            today = self._began.astimezone(ZoneInfo(zone)).date()
            due = wall_instant(today, dt.time.fromisoformat(row["digest_time"]), zone)
            about = f"{row['id']} {today}"
            if due <= self._began and not self._rows(
                "SELECT 1 FROM reminder WHERE clinic_id = ? AND kind = 'digest' AND about = ?", row["clinic_id"], about
            ):
                self._broken("R-02", f"the list of {today} does not go out")

    # The end

    def at_the_end(self) -> None:
        """Over everything that was kept: R-03, R-04, and that the database is whole."""
        copies = self._rows("SELECT * FROM delivery")
        if len({row["idem"] for row in copies}) != len(copies):
            self._broken("R-03", "two copies carry one id")
        known = {row["idem"] for row in copies}
        if not set(self._arrived) <= known:
            self._broken("R-04", "a copy arrived that is not kept")
        for row in copies:
            if row["state"] == "sent" and row["idem"] not in self._arrived:
                self._broken("R-03", "a copy is recorded as sent and never arrived")
        twice = self._rows(
            "SELECT 1 FROM delivery GROUP BY clinic_id, reminder_id, channel, recipient HAVING count(*) > 1"
        )
        if twice:
            self._broken("R-03", "one reminder has two copies to one recipient")
        if self._rows("PRAGMA foreign_key_check") or self._rows("PRAGMA integrity_check")[0][0] != "ok":
            self._broken("R-01", "the database is not whole")


def _shown(rungs: dict[str, dt.datetime]) -> str:
    return ", ".join(f"{kind} {at:%Y-%m-%dT%H:%MZ}" for kind, at in sorted(rungs.items())) or "nothing"
