"""What must hold after every step, and which promise it is when it does not."""

from __future__ import annotations

import datetime as dt
import json
from sqlite3 import Row
from zoneinfo import ZoneInfo

from api.engine import Engine
from api.store.types import written_instant

from .copies import BRAKE, CLOSED_AFTER, DAY, CopyJudge
from .expected import Plan, instant, is_closed, latest_day, wall_instant

__all__ = ["Judge"]

_HOUR = dt.timedelta(hours=1)
_CAP = dt.timedelta(minutes=66)
"""The longest wait between two tries: an hour, and a tenth by chance."""
_LEASE = dt.timedelta(seconds=120)


class Judge(CopyJudge):
    """It looks at the store past the engine, and at what arrives outside."""

    # A plan

    def look(self) -> None:
        """SR-53 for every pump; R-01 and R-08 for every plan that has opened; R-06 for every one that is closed."""
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
        left = self._rows(
            "SELECT reminder.kind FROM reminder JOIN plan ON plan.clinic_id = reminder.clinic_id"
            " AND plan.id = reminder.plan_id WHERE reminder.state = 'pending' AND closed_at IS NOT NULL UNION ALL"
            " SELECT reminder.kind FROM delivery JOIN reminder ON reminder.clinic_id = delivery.clinic_id"
            " AND reminder.id = delivery.reminder_id JOIN plan ON plan.clinic_id = reminder.clinic_id"
            " AND plan.id = reminder.plan_id WHERE delivery.state IN ('pending', 'dead') AND closed_at IS NOT NULL"
        )
        if left:
            self._broken("R-06", f"{left[0]['kind']} of a closed plan is still to come")
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
        plan.settings = (plan.hour, settings["reminder_days_before"])
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
            if self.world.clock.true - self._again[worker] > BRAKE + dt.timedelta(minutes=10):
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
            if next_try - self._now > (_CAP if row["quiet_from"] is None else DAY + _HOUR) + slack:
                self._broken("R-02", f"a copy is not tried again before {next_try} (attempt {row['attempts']})")
            if row["lease_until"] is not None and instant(row["lease_until"]) - self._now > _LEASE + slack:
                self._broken("R-10", f"a copy is held until {row['lease_until']}")
            failures = self.world.channels[row["channel"]].row_of_failures
            waits = row["next_try_at"] <= began and (row["lease_until"] or "") <= began
            if waits and row["queued_at"] < began and failures < CLOSED_AFTER:
                self._broken("R-02", f"a copy ({row['id']}) could be sent since {row['next_try_at']} and was not tried")
            # It dies at a try that fails, and in quiet hours it is not tried.
            old = self._now - instant(row["queued_at"]) > (1 if row["quiet_from"] is None else 2) * DAY + 2 * _CAP
            if row["state"] == "pending" and old and not waits and row["attempts"] > 12:
                self._broken("R-02", f"a copy is not delivered since {row['queued_at']} and is not dead")
            if row["state"] == "dead" and not self._is_alarmed(row):
                self._broken("R-02", "a copy is dead and there is no alarm")

    def _is_alarmed(self, row: Row) -> bool:
        """A newer copy takes the place of a dead one to the same receiver: the alarm is about the first."""
        receiver = (row["clinic_id"], row["channel"], row["recipient"])
        if receiver not in self._alarmed:
            alarms = self._rows(
                "SELECT delivery.channel, recipient FROM reminder JOIN delivery ON delivery.clinic_id ="
                " reminder.clinic_id AND delivery.id = about WHERE reminder.clinic_id = ? AND kind = 'dead-delivery'",
                row["clinic_id"],
            )
            self._alarmed |= {(row["clinic_id"], each["channel"], each["recipient"]) for each in alarms}
        return receiver in self._alarmed or bool(
            self._rows(
                "SELECT 1 FROM reminder WHERE clinic_id = ? AND id = ? AND kind = 'dead-delivery'",
                row["clinic_id"], row["reminder_id"],
            )
        )  # fmt: skip

    def _everybody_is_told(self) -> None:
        now_set = {
            row["id"]: (dt.time.fromisoformat(row["reminder_time"]), row["reminder_days_before"])
            for row in self._rows("SELECT id, reminder_time, reminder_days_before FROM clinic")
        }
        answered = self._answered()
        for plan in self.plans.values():
            if plan.settings != now_set[plan.clinic_id] and not self._is_marked(plan):
                if plan.kind == "date":
                    self._broken("R-08", f"pump {plan.pump_id} keeps the reminders of settings that have changed")
                continue  # an alert takes the new hour when it comes again
            if plan.opened >= self._began or (plan.told is not None and self._began - plan.told < dt.timedelta(0)):
                continue
            answers = answered.get(plan.id, [])
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

    def _answered(self) -> dict[str, list[Row]]:
        """The answers to every open plan."""
        found: dict[str, list[Row]] = {}
        for row in self._rows(
            "SELECT response.* FROM plan JOIN response ON response.clinic_id = plan.clinic_id"
            " AND response.plan_id = plan.id WHERE closed_at IS NULL ORDER BY recorded_at, response.id"
        ):
            found.setdefault(row["plan_id"], []).append(row)
        return found

    def _is_marked(self, plan: Plan) -> bool:
        """Whether a change came in this very tick, after its plans were worked out again."""
        return bool(self._rows("SELECT 1 FROM pump WHERE id = ? AND stale_since IS NOT NULL", plan.pump_id))

    def _escalates(self) -> None:
        """Whoever is next is told when nobody has answered: R-12."""
        answered = self._answered()
        for pump_id, plan in self.plans.items():
            step = self._last_step(plan)
            if step is None:
                continue
            answers = answered.get(plan.id, [])
            queued = instant(step["queued_at"])
            # A clock that was less than an hour ahead was believed: what it queued seems to follow a later answer.
            if (answers and instant(answers[-1]["recorded_at"]) >= queued) or self._turn[1] + _HOUR > queued:
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

    def _last_step(self, plan: Plan) -> Row | None:
        """The reminder of a plan that was queued last, looked for again only where something was queued since."""
        newest = self._rows(
            "SELECT id, queued_at, count(*) AS queued, max(queued_at) FROM reminder"
            " WHERE clinic_id = ? AND plan_id = ? AND state = 'queued'",
            plan.clinic_id, plan.id,
        )[0]  # fmt: skip
        if newest["id"] is None:
            return None
        return self._rows("SELECT * FROM reminder WHERE clinic_id = ? AND id = ?", plan.clinic_id, newest["id"])[0]

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
            both = [wall_instant(day, hour, zone) for day in (today, today + DAY)]
            found |= {at for at in both if self.world.clock.true <= at < self.world.clock.true + DAY}
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
