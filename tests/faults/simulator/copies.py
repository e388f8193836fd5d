"""What must hold of every copy that leaves, and of every answer that is taken."""

from __future__ import annotations

import datetime as dt
import hashlib
from sqlite3 import Row
from typing import TYPE_CHECKING, Any

from api.engine import Engine
from api.reminders.notice import Address, Notice
from api.store.types import written_instant

from .expected import Plan, instant, is_quiet, wall_instant
from .house import Pump
from .post import Arrival

if TYPE_CHECKING:
    from .world import World

__all__ = ["BRAKE", "CLOSED_AFTER", "DAY", "CopyJudge"]

DAY = dt.timedelta(days=1)
CLOSED_AFTER = 5
"""A channel that fails so often in a row is left alone until the next tick."""
BRAKE = dt.timedelta(minutes=16)


class CopyJudge:
    """It stands where copies leave and where answers come in."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.plans: dict[str, Plan] = {}
        """The open plans, by pump."""
        self._pumps: dict[str, Pump] = {}
        self._arrived: dict[str, int] = {}
        self._alarmed: set[tuple[str, str, str]] = set()
        """The receivers of whose dead copies there was an alarm."""
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

    def look(self) -> None:
        """Look at everything that has changed."""
        raise NotImplementedError

    def _answers(self, plan_id: str) -> list[Row]:
        return self._rows(
            "SELECT * FROM response WHERE clinic_id IN (SELECT id FROM clinic) AND plan_id = ?"
            " ORDER BY recorded_at, id",
            plan_id,
        )

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
            kind == "ahead" and self._worker in self._looked and self.world.clock.true - since < BRAKE
        ):
            self._broken("R-11", f"a copy leaves by a clock that is wrong ({kind})")
        row = self._rows(
            "SELECT delivery.*, reminder.plan_id, reminder.kind, reminder.severity,"
            " reminder.queued_at AS reminder_queued_at, plan.closed_at, plan.refill_by, plan.pump_id, clinic.time_zone"
            " FROM delivery JOIN reminder ON reminder.clinic_id = delivery.clinic_id"
            " AND reminder.id = delivery.reminder_id JOIN clinic ON clinic.id = delivery.clinic_id"
            " LEFT JOIN plan ON plan.clinic_id = reminder.clinic_id AND plan.id = reminder.plan_id"
            " WHERE delivery.clinic_id IN (SELECT id FROM clinic) AND delivery.idem = ?",
            notice.idem,
        )[0]
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
        running = [name for name, each in self.world.channels.items() if each.row_of_failures < CLOSED_AFTER]
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
        if contact["quiet_from"] is None:
            return
        ends = is_quiet(self._now, contact["quiet_from"], contact["quiet_until"], row["time_zone"])
        last = wall_instant(dt.date.fromisoformat(row["refill_by"]) + DAY, dt.time(), row["time_zone"])
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
        last = wall_instant(dt.date.fromisoformat(row["refill_by"]) + DAY, dt.time(), row["time_zone"])
        if recorded < last <= until:
            self._broken("snooze", f"until {until}, past the last safe day")
