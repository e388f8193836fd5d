"""F-48: the trials are tested themselves. Faults planted in a child, never in the code, must be found by the judge."""

from __future__ import annotations

import importlib
import random
import re
import signal
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import sqlalchemy as sa
from judging import witnessed
from world import DUE, LEASE, Postbox, World, end_of, in_child, scratch, seconds_of, start_child

from api.store import migrate, open_store
from api.store.queries import outbox
from api.store.tables import delivery

sweeping: Any = importlib.import_module("api.reminders.sweep")  # the package gives this name to the function in it

MOST = 60
"""A planted fault is found within so many trials."""


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    with scratch() as folder:
        url = f"sqlite:///{folder}/pumpcalc.db"
        migrate(url)
        made = World(open_store(url), folder).furnish()
        witnessed(made.store, LEASE)
        yield made.keep().warm()
        made.store.close()


@pytest.fixture(scope="module")
def without_unique_copies() -> Iterator[World]:
    """A world whose database lets two copies have one id."""
    with scratch() as folder:
        url = f"sqlite:///{folder}/pumpcalc.db"
        migrate(url)
        store = open_store(url)
        with store.writing() as connection:
            made = connection.exec_driver_sql("SELECT sql FROM sqlite_master WHERE name = 'delivery'").scalar_one()
            lax = re.sub(r",\s*CONSTRAINT \w+ UNIQUE \(clinic_id, idem\)", "", made)
            assert lax != made
            connection.exec_driver_sql("DROP TABLE delivery")
            connection.exec_driver_sql(lax)
        made_world = World(store, folder).furnish()
        witnessed(store, LEASE)
        yield made_world.keep().warm()
        made_world.store.close()


def _slowly(world: World) -> Postbox:
    return Postbox(world.path, before=lambda *_: time.sleep(0.003))


def _is_found(world: World, trial: Callable[[random.Random], object]) -> int | None:
    """The first trial after which something is wrong, from 1."""
    chance = random.Random(20261125)
    for number in range(1, MOST + 1):
        world.reset()
        trial(chance)  # a child that falls over by itself has found nothing
        try:
            wrong = world.judged(DUE).wrong
        except (sa.exc.IntegrityError, AssertionError) as fault:
            wrong = [f"it cannot be mended: {type(fault).__name__}"]
        if wrong:
            print(f"\nF-48: found at trial {number}: {wrong[0]}")
            return number
    return None


def _killed(world: World, plant: Callable[[], object]) -> Callable[[random.Random], object]:
    """A trial with a planted fault, killed at a random moment."""
    window = seconds_of(world, lambda: (plant(), world.sweep(DUE, _slowly(world))))

    def work() -> None:
        plant()
        world.sweep(DUE, _slowly(world))

    def trial(chance: random.Random) -> None:
        ended = in_child(world, work, kill_after=chance.uniform(0.1, 1) * window)
        assert ended.code in (0, -signal.SIGKILL), ended.said

    return trial


def _sent_before_it_is_sent() -> None:
    honest = sweeping._Sender._send

    def send(self: Any, claimed: Any) -> Any:
        with self.store.writing() as connection:
            sweeping.complete(connection, claimed, self.now())
        time.sleep(0.01)  # the moment is widened: fewer trials are needed to hit it
        return honest(self, claimed)

    sweeping._Sender._send = send


def _apart(name: str) -> Callable[[], None]:
    """One statement of the queueing comes a transaction later."""

    def plant() -> None:
        honest, queue = getattr(outbox, name), sweeping.queue_due
        put_off: list[tuple[Any, ...]] = []

        def later(_connection: Any, *rest: Any) -> None:
            put_off.append(rest)

        def queue_due(connection: Any, now: Any) -> int:
            if put_off:
                time.sleep(0.03)  # the moment is widened: fewer trials are needed to hit it
            for rest in put_off:
                honest(connection, *rest)
            put_off.clear()
            return queue(connection, now)

        setattr(outbox, name, later)
        sweeping.queue_due = queue_due

    return plant


def test_recorded_as_sent_before_it_is_sent(world: World) -> None:
    assert _is_found(world, _killed(world, _sent_before_it_is_sent))


def test_the_mark_of_a_queued_reminder_committed_before_its_copies(world: World) -> None:
    assert _is_found(world, _killed(world, _apart("add_deliveries")))


def test_the_copies_of_a_reminder_committed_before_its_mark(world: World) -> None:
    assert _is_found(world, _killed(world, _apart("mark_queued")))


def test_the_same_in_a_database_that_lets_two_copies_have_one_id(without_unique_copies: World) -> None:
    assert _is_found(without_unique_copies, _killed(without_unique_copies, _apart("mark_queued")))


def _two_at_once(world: World, plant: Callable[[], object]) -> Callable[[random.Random], object]:
    def work() -> None:
        plant()
        world.sweep(DUE, _slowly(world))

    def trial(_chance: random.Random) -> None:
        world.store.close()
        said = [world.folder / f"said-{number}" for number in range(2)]
        children = [start_child(work, words) for words in said]
        for child, words in zip(children, said, strict=True):
            end_of(child, words)

    return trial


def _no_lease_check() -> None:
    def claim(connection: Any, now: Any, owner: str, lease_until: Any, channels: Any, limit: int) -> Any:
        ready = (
            sa.select(delivery.c.id)
            .where(delivery.c.state.in_(("pending", "dead")), delivery.c.next_try_at <= now)
            .order_by(delivery.c.urgency, delivery.c.id)
            .limit(limit)
        )
        statement = (
            sa.update(delivery)
            .where(delivery.c.id.in_(ready))
            .values(lease_owner=owner, lease_until=lease_until, attempts=delivery.c.attempts + 1)
            .returning(*delivery.c)
        )
        return connection.execute(statement).mappings().all()

    outbox.claim_deliveries = claim


def test_a_claim_that_does_not_look_at_the_lease(world: World) -> None:
    assert _is_found(world, _two_at_once(world, _no_lease_check))


def test_a_completion_that_does_not_look_at_its_owner(world: World) -> None:
    def plant() -> None:
        def mark_sent(connection: Any, _clinic: str, delivery_id: str, _owner: str, now: Any) -> int:
            statement = sa.update(delivery).where(delivery.c.id == delivery_id)
            values = statement.values(state="sent", sent_at=now, lease_owner=None, lease_until=None)
            return int(connection.execute(values).rowcount)

        _no_lease_check()
        outbox.mark_sent = mark_sent

    assert _is_found(world, _two_at_once(world, plant))


def test_without_a_planted_fault_nothing_is_found(world: World) -> None:
    trials = (_two_at_once(world, lambda: None), _killed(world, lambda: None))
    chance = random.Random(7)
    for trial in trials * 3:
        world.reset()
        trial(chance)
        assert world.judged(DUE).wrong == []
