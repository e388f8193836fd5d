"""F-15: any number of workers at once, stalling at random, do what one does."""

from __future__ import annotations

import os
import random
import signal
import time
from collections import Counter
from typing import Any

import pytest
from judging import judge, posted
from world import DUE, FILLS, Postbox, World, end_of, full, postgresql_world, sqlite_world, start_child, trials

MANY = {f"{name}-{number}": fill for number in range(6) for name, fill in FILLS.items()}
"""Twelve pumps, each with one reminder that is due, to two receivers."""
WORKERS = [2, 8, 32] if full() else [2, 4]


def _told(world: World) -> Counter[tuple[str, str, str]]:
    return Counter((line["link"], line["kind"], line["to"]) for line in posted(world.path))


def _at_once(world: World, count: int, chance: random.Random) -> None:
    world.store.close()
    seeds = [chance.random() for _ in range(count)]

    def work(seed: float) -> None:
        own = random.Random(seed)
        stalls = Postbox(world.path, lambda *_: time.sleep(own.choice((0, 0, 0.001, 0.02))))
        time.sleep(own.uniform(0, 0.02))
        world.sweep(DUE, stalls, senders=own.choice((1, 1, 3)))

    said = [world.folder / f"said-{number}" for number in range(count)]
    children = [
        start_child(lambda seed=seed: work(seed), words)  # type: ignore[misc]
        for seed, words in zip(seeds, said, strict=True)
    ]
    for _ in range(count):  # some stand still for a moment, with whatever they hold
        child = chance.choice(children)
        os.kill(child, signal.SIGSTOP)
        time.sleep(chance.uniform(0, 0.01))
        os.kill(child, signal.SIGCONT)
    for child, words in zip(children, said, strict=True):
        ended = end_of(child, words, 120)
        assert ended.code == 0, ended.said


@pytest.mark.parametrize("make", [sqlite_world, postgresql_world], ids=["sqlite", "postgresql"])
def test_many_workers_do_what_one_does(make: Any) -> None:
    chance = random.Random(20261125)
    with make(fills=MANY) as world:
        world.reset()
        world.sweep(DUE)
        alone = _told(world)
        assert len(alone) == 24
        assert set(alone.values()) == {1}
        for count in WORKERS:
            for trial in range(trials(2, 100)):
                world.reset()
                _at_once(world, count, chance)
                assert _told(world) == alone, (count, trial)
                verdict = judge(world.store, DUE, world.path)
                assert (verdict.wrong, verdict.sent, verdict.duplicates) == ([], 24, 0), (count, trial)
        print(f"\nF-15: {WORKERS} workers, {trials(2, 100)} runs each of 24 copies: the same as one, 0 sent twice")
