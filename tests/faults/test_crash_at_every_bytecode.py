"""F-01: a process that is killed at any bytecode of the reminder path leaves nothing that another cannot mend.

What a killed process leaves is what stands in its files. So every bytecode is looked at, and the process is killed at
the last one before, and at the first one after, each change of those files: between them it leaves the same.
``make faults`` kills it at every one.
"""

from __future__ import annotations

import json
import random
import signal
from collections.abc import Iterator

import pytest
from judging import judge
from scenes import SCENES, Camera, Fuse, Scene
from world import World, full, in_child, sqlite_world, trials


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    with sqlite_world() as made:
        yield made


POINTS: dict[str, tuple[int, list[int]]] = {}
"""What was found of each scene."""


def _kept(world: World, scene: Scene) -> bytes | str | None:
    """The world with the state that this scene begins in; what it was before, to put back."""
    before = world._kept
    world.reset()
    scene.before(world)
    world.keep()
    scene.work(world)  # what a process does only once, a statement being built, is done here
    return before


def _points(world: World, scene: Scene) -> tuple[int, list[int]]:
    """How many bytecodes a scene has, and at which of them its files are no longer what they were: a run that lives."""
    tally = world.folder / "tally"
    world.reset()
    ended = in_child(world, lambda: Camera(world.files, tally).burn(lambda: scene.work(world)))
    assert ended.code == 0, ended.said
    count, changes = json.loads(tally.read_text())
    return count, changes


def _apart(count: int, changes: list[int]) -> list[int]:
    """The bytecodes on both sides of each change, the first and the last."""
    return sorted({1, count, *changes, *(at - 1 for at in changes if at > 1)})


@pytest.mark.parametrize("name", list(SCENES))
def test_killed_at_a_bytecode_nothing_is_lost_and_nothing_recorded_twice(world: World, name: str) -> None:
    scene = SCENES[name]
    before = _kept(world, scene)
    try:
        count, changes = POINTS[name] = _points(world, scene)
        duplicates, killed = 0, 0
        places = range(1, count + 1) if full() else _apart(count, changes)
        for at in places:
            world.reset()
            ended = in_child(world, lambda at=at: Fuse(at).burn(lambda: scene.work(world)))
            killed += ended.signal == signal.SIGKILL
            verdict = world.judged(scene.at)
            assert verdict.wrong == [], (name, at)
            duplicates += verdict.duplicates
        print(
            f"\nF-01 {name}: {count} bytecodes, {len(changes)} at which the files are others; "
            f"{killed} killed, {duplicates} copies left twice under one id"
        )
        assert len(changes) >= 1, "nothing was written: nothing was tried"
        assert killed >= 0.98 * len(places), "the fuse burns out, or else nothing was tried"
    finally:
        world._kept = before


def test_killed_once_and_killed_again_while_it_is_mended(world: World) -> None:
    pairs, chance = trials(6, 2000), random.Random(20261125)
    names = list(SCENES)
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
            if name not in POINTS:
                POINTS[name] = _points(world, scene)
            at = chance.randint(1, POINTS[name][0])
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
