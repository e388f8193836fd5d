"""F-01: a process that is killed at any bytecode of the reminder path leaves nothing that another cannot mend."""

from __future__ import annotations

import random
import signal
from collections.abc import Iterator

import pytest
from judging import judge
from scenes import SCENES, Fuse, Scene
from world import World, full, in_child, sqlite_world, trials

_STRIDE = 499
"""In ``make test`` every so manieth bytecode, a prime; in ``make faults`` every one."""


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    with sqlite_world() as made:
        yield made


def _kept(world: World, scene: Scene) -> bytes | str | None:
    """The world with the state that this scene begins in; what it was before, to put back."""
    before = world._kept
    world.reset()
    scene.before(world)
    world.keep()
    return before


def _points(world: World, scene: Scene) -> int:
    """How many bytecodes a scene has, by a run that lives."""
    tally = world.folder / "tally"
    world.reset()
    ended = in_child(world, lambda: Fuse(tally=tally).burn(lambda: scene.work(world)))
    assert ended.code == 0, ended.said
    return int(tally.read_text())


@pytest.mark.parametrize("name", list(SCENES))
def test_killed_at_a_bytecode_nothing_is_lost_and_nothing_recorded_twice(world: World, name: str) -> None:
    scene = SCENES[name]
    before = _kept(world, scene)
    try:
        count = _points(world, scene)
        step, duplicates, killed = (1 if full() else _STRIDE), 0, 0
        places = range(random.randrange(step) + 1, count + 1, step)
        for at in places:
            world.reset()
            ended = in_child(world, lambda at=at: Fuse(at).burn(lambda: scene.work(world)))
            killed += ended.signal == signal.SIGKILL
            verdict = world.judged(scene.at)
            assert verdict.wrong == [], (name, at)
            duplicates += verdict.duplicates
        print(f"\nF-01 {name}: {count} bytecodes, {len(places)} killed at, {duplicates} copies left twice under one id")
        assert killed >= 0.98 * len(places), "the fuse burns out, or else nothing was tried"
    finally:
        world._kept = before


def test_killed_once_and_killed_again_while_it_is_mended(world: World) -> None:
    pairs, chance = trials(6, 2000), random.Random(20261125)
    names = list(SCENES)
    counts: dict[str, int] = {}
    first = world._kept
    states = {}
    for name in names:
        world._kept = first
        _kept(world, SCENES[name])
        states[name] = world._kept
    try:
        for _ in range(pairs):
            name = chance.choice(names)
            scene, world._kept = SCENES[name], states[name]
            counts[name] = counts.get(name) or _points(world, scene)
            at = chance.randint(1, counts[name])
            world.reset()
            in_child(world, lambda at=at, scene=scene: Fuse(at).burn(lambda: scene.work(world)))
            again = chance.randint(1, 3000)
            in_child(world, lambda again=again, scene=scene: Fuse(again).burn(lambda: world.recover(scene.at)))
            now = world.recover(scene.at)
            verdict = judge(world.store, now, world.path)
            assert verdict.wrong == [], (name, at, again)
        print(f"\nF-01 pairs: {pairs} recoveries killed as well")
    finally:
        world._kept = first
