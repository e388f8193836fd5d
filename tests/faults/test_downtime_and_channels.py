"""F-14, F-17, F-31: a channel that is down, a service that is down, a reminder that is poisoned."""

from __future__ import annotations

import datetime as dt
import random
from collections import defaultdict
from collections.abc import Iterator
from itertools import pairwise

import pytest
from judging import judge, posted
from scenes import is_down
from world import DUE, NOON, Postbox, World, sqlite_world, trials

from api.reminders.notice import Address, Notice

MORNING = dt.datetime(2026, 12, 15, 14, 0, tzinfo=dt.UTC)
HOUR = dt.timedelta(hours=1)
DAY = dt.timedelta(days=1)
DOWN = {"1 min": HOUR / 60, "1 h": HOUR, "1 day": DAY, "7 days": 7 * DAY, "90 days": 90 * DAY}


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    with sqlite_world() as made:
        yield made


@pytest.fixture(scope="module")
def quiet() -> Iterator[World]:
    """The same clinic, which repeats nothing within a day."""
    with sqlite_world(repeat_after_minutes=None) as made:
        yield made


def _in_order(world: World) -> bool:
    """Whether no receiver was told an older reminder of a pump after a newer one."""
    last: dict[tuple[str, str], str] = defaultdict(str)
    for line in posted(world.path):
        key = (line["link"], line["to"])
        if line["kind"] == "dead-delivery":
            continue  # it is of no pump
        if line["due"] < last[key]:
            return False
        last[key] = line["due"]
    return True


def test_a_channel_that_is_down_for_a_day_delivers_everything_when_it_is_up(quiet: World) -> None:
    for trial in range(trials(2, 20)):
        chance = random.Random(trial)
        quiet.reset()
        tries: dict[str, list[dt.datetime]] = defaultdict(list)

        def fails(notice: Notice, to: Address, tries: dict[str, list[dt.datetime]] = tries) -> None:
            tries[notice.idem].append(notice.now)
            is_down(notice, to)

        now = MORNING
        while now < MORNING + 26 * HOUR:
            quiet.sweep(now, Postbox(quiet.path, fails))
            now += chance.uniform(4, 12) * HOUR / 60
        for times in tries.values():
            assert len(times) <= 34, "eight tries until the hour is reached, then one each hour"
            late = [after - before for before, after in pairwise(times[8:])]
            assert all(gap >= HOUR for gap in late)
        assert max(len(times) for times in tries.values()) >= 25
        now = quiet.recover(now)
        verdict = judge(quiet.store, now, quiet.path)
        assert verdict.wrong == []
        assert verdict.duplicates == 0
        assert _in_order(quiet)
        assert quiet.rows("SELECT count(*) FROM delivery WHERE state NOT IN ('sent', 'cancelled')") == [(0,)]


def test_one_channel_that_is_down_for_good_is_told_of_on_another(world: World) -> None:
    """Though each day, and each repetition, has a newer reminder that takes the place of the older."""
    world.reset()

    def no_hooks(notice: Notice, to: Address) -> None:
        if to.channel == "webhook":
            is_down(notice, to)

    now = DUE
    while now < DUE + 50 * HOUR:
        world.sweep(now, Postbox(world.path, no_hooks))
        now += HOUR / 6
    alarms = [line for line in posted(world.path) if line["kind"] == "dead-delivery"]
    assert {line["channel"] for line in alarms} == {"email"}
    pumps = world.rows(
        "SELECT DISTINCT plan.pump_id FROM reminder alarm JOIN delivery ON delivery.id = alarm.about JOIN reminder ON"
        " reminder.id = delivery.reminder_id JOIN plan ON plan.id = reminder.plan_id WHERE alarm.kind = 'dead-delivery'"
    )
    assert len(pumps) == 2


def test_the_next_person_is_told_and_the_first_one_still_is(world: World) -> None:
    world.reset()

    def no_hooks(notice: Notice, to: Address) -> None:
        if to.channel == "webhook":
            is_down(notice, to)

    for minutes in range(0, 40, 5):
        world.sweep(MORNING + minutes * HOUR / 60, Postbox(world.path, no_hooks))
    world.sweep(MORNING + HOUR)
    told = {(line["to"], line["link"]) for line in posted(world.path)}
    assert len(told) == 6, "two pumps; the mailbox, the head after half an hour, and the hook that was down till then"


@pytest.mark.parametrize("down", list(DOWN))
def test_after_any_downtime_each_pump_is_told_of_once_the_worst_first(world: World, down: str) -> None:
    for seed in range(trials(3, 100)):
        chance = random.Random(f"{down} {seed}")
        world.reset()
        stopped = NOON + chance.uniform(0, 40) * DAY
        now = NOON
        while now < stopped:  # it works, coarsely, and stops
            world.sweep(now)
            now += chance.uniform(0.5, 30) * HOUR
        world.sweep(stopped)
        before = len(posted(world.path))
        now = stopped + DOWN[down]
        world.sweep(now)
        after = posted(world.path)[before:]
        assert len({(line["link"], line["to"]) for line in after}) == len(after), (
            "coalesced: one copy for each receiver"
        )
        assert [line["severity"] for line in after] == sorted(
            (line["severity"] for line in after), key=["critical", "analgesia-loss"].index
        ), "the worst first"
        verdict = judge(world.store, now, world.path)
        assert verdict.wrong == [], (down, seed)
        assert _in_order(world)
        coming = world.rows(
            "SELECT reminder.local_intent, reminder.due_at FROM reminder JOIN plan ON plan.id = reminder.plan_id"
            " WHERE plan.closed_at IS NULL AND reminder.state = 'pending' AND reminder.kind IN ('due-day', 'overdue')"
            " AND reminder.round = 0 AND reminder.after_minutes = 0"
        )
        assert len(coming) == 2, "each pump has its next day"
        assert all(local.endswith("T09:00") for local, _ in coming), "at the clinic's hour, also across a change"
        assert all(due > now.strftime("%Y-%m-%dT%H:%M:%S") for _, due in coming)


def test_the_clinics_hour_stays_across_the_changes_of_its_clocks(world: World) -> None:
    """Down over the night of the change, in spring: at nine it is 13:00 UTC where it was 14:00."""
    world.reset()
    for now, hour in (("2027-03-13T15:00:00Z", "2027-03-14T13:00"), ("2027-11-06T15:00:00Z", "2027-11-07T14:00")):
        world.sweep(dt.datetime.fromisoformat(now))
        due = world.rows(
            "SELECT due_at FROM reminder WHERE state = 'pending' AND kind = 'overdue' AND round = 0"
            " AND after_minutes = 0 ORDER BY due_at"
        )
        assert [text[:16] for (text,) in due] == [hour] * 2


def test_a_poisoned_reminder_is_seen_and_holds_nobody_up(world: World) -> None:
    poison = {
        "a message that cannot be written": "UPDATE pump SET reference = 'x' || char(10) || 'Bcc: all@x.example'"
        f" WHERE id = '{world.pumps['ziconotide']}'",
        "a reason that nobody knows": "UPDATE clinic SET name = name",
    }

    def refuses(notice: Notice, to: Address) -> None:
        if "\n" in notice.subject or world.pumps["ziconotide"] in notice.link:
            raise ValueError("a header holds a line break")

    for _what, statement in poison.items():
        world.reset()
        with world.store.writing() as connection:
            connection.exec_driver_sql(statement)
        swept = world.sweep(DUE, Postbox(world.path, refuses))
        assert (swept.sent, swept.failed) == (2, 2)
        seen = world.rows("SELECT last_error FROM delivery WHERE state = 'pending' AND attempts = 1")
        assert seen == [("ValueError: a header holds a line break",)] * 2
        assert {line["severity"] for line in posted(world.path)} == {"critical"}
        assert world.judged(DUE).wrong == [], "and when it can be written again, it goes"
