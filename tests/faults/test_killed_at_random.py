"""F-02, F-04, F-48: killed, stopped and asked to end at random moments; and planted faults that must be found."""

from __future__ import annotations

import os
import random
import signal
import time
from collections.abc import Iterator

import pytest
from judging import judge
from world import DUE, LEASE, Postbox, World, end_of, in_child, seconds_of, sqlite_world, start_child, trials

SEED = int(os.environ.get("PUMPCALC_SEED", "20261125"))


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    with sqlite_world() as made:
        yield made


def test_killed_at_a_random_moment_nothing_is_lost_and_nothing_recorded_twice(world: World) -> None:
    count, chance = trials(60, 10_000), random.Random(SEED)
    window, duplicates, killed, begun = seconds_of(world, lambda: world.sweep(DUE)), 0, 0, time.monotonic()
    for trial in range(count):
        world.reset()
        ended = in_child(world, lambda: world.sweep(DUE), kill_after=chance.uniform(0, 1.1 * window))
        killed += ended.signal == signal.SIGKILL
        verdict = world.judged(DUE)
        assert verdict.wrong == [], f"trial {trial}"
        duplicates += verdict.duplicates
    each = 1000 * (time.monotonic() - begun) / count
    print(
        f"\nF-02 SQLite: {count} trials, {killed} killed, 0 lost, 0 recorded twice, {duplicates} copies left twice"
        f" under one id, {each:.0f} ms each"
    )
    assert killed > count / 3


def test_asked_to_end_it_ends_after_the_copy_in_hand_and_leaves_no_lease(world: World) -> None:
    count, chance = trials(6, 2000), random.Random(SEED)

    def work() -> None:
        asked: list[int] = []
        signal.signal(signal.SIGTERM, lambda number, _frame: asked.append(number))
        slow = Postbox(world.path, before=lambda _notice, _to: time.sleep(0.004))
        world.sweep(DUE, slow, carry_on=lambda: not asked)

    window, left = seconds_of(world, lambda: world.sweep(DUE)) + 0.02, 0
    for trial in range(count):
        world.reset()
        world.store.close()
        said = world.folder / "said"
        child = start_child(work, said)
        time.sleep(chance.uniform(0.25, 1.1) * window)
        os.kill(child, signal.SIGTERM)
        ended = end_of(child, said)
        assert ended.code in (0, -signal.SIGTERM), ended.said
        if ended.code == 0:
            leased = world.rows("SELECT count(*) FROM delivery WHERE lease_owner IS NOT NULL")
            assert leased == [(0,)], f"trial {trial}"
        left += world.rows("SELECT count(*) FROM delivery WHERE state = 'sent'") != [(4,)]
        verdict = world.judged(DUE)
        assert (verdict.wrong, verdict.duplicates) == ([], 0), f"trial {trial}"
    print(f"\nF-04 SIGTERM: {count} trials, {left} with copies left for the next process, 0 sent twice")


def test_a_zombie_that_wakes_after_its_lease_records_nothing(world: World) -> None:
    """Stopped with a copy in hand, which another worker sends; its own completion is refused and counted."""
    count = trials(3, 2000)
    late = world.folder / "late"
    for trial in range(count):
        world.reset()
        world.store.close()

        def work() -> None:
            swept = world.sweep(DUE, Postbox(world.path, after=lambda *_: os.kill(os.getpid(), signal.SIGSTOP)))
            late.write_text(str(swept.late))

        said = world.folder / "said"
        child = start_child(work, said)
        _found, status = os.waitpid(child, os.WUNTRACED)
        assert os.WIFSTOPPED(status)
        assert world.sweep(DUE).sent == 3, "what it does not hold, others send"
        assert world.sweep(DUE + LEASE).sent == 1, "what it holds, they send when its lease is over"
        os.kill(child, signal.SIGCONT)
        ended = end_of(child, said)
        assert (ended.code, late.read_text()) == (0, "1"), ended.said
        verdict = judge(world.store, DUE + LEASE, world.path)
        assert (verdict.wrong, verdict.sent, verdict.duplicates) == ([], 4, 1), f"trial {trial}"
    print(f"\nF-04 SIGSTOP: {count} zombies, {count} late completions refused")
