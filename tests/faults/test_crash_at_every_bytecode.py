"""F-01: a process that is killed at any bytecode of the reminder path leaves nothing that another cannot mend.

What a killed process leaves is what stands in its files. So every bytecode is looked at, and the process is killed at
the last one before, and at the first one after, each change of those files: between them it leaves the same.
``make faults`` kills it at every one; and whoever mends each state that it can leave, in the same way.
"""

from __future__ import annotations

import json
import random
import signal
from collections.abc import Callable, Iterator

import pytest
from judging import judge
from scenes import SCENES, Camera, Fuse, Scene
from world import World, full, in_child, sqlite_world


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
    scene.work(world)  # what a process does only once, a statement being built, is done here
    return before


def _points(world: World, work: Callable[[], object]) -> tuple[int, list[int]]:
    """How many bytecodes some work has, and at which of them the files are no longer what they were: a run that lives.

    It begins from the world as it is.
    """
    tally = world.folder / "tally"
    ended = in_child(world, lambda: Camera(world.files, tally).burn(work))
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
        world.reset()
        count, changes = _points(world, lambda: scene.work(world))
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


@pytest.mark.parametrize("name", list(SCENES))
def test_killed_once_and_killed_again_while_it_is_mended(world: World, name: str) -> None:
    scene = SCENES[name]
    before = _kept(world, scene)

    def die_first(at: int) -> None:
        world.reset()
        in_child(world, lambda: Fuse(at).burn(lambda: scene.work(world)))

    def mend() -> None:
        world.recover(scene.at)

    try:
        world.reset()
        _, changes = _points(world, lambda: scene.work(world))
        firsts = [1, *changes]  # every state in which the first can leave it
        pairs = 0
        for at in firsts if full() else random.sample(firsts, 1):
            die_first(at)
            again = _apart(*_points(world, mend))
            for place in again if full() else random.sample(again, 3):
                die_first(at)
                in_child(world, lambda place=place: Fuse(place).burn(mend))
                verdict = judge(world.store, world.recover(scene.at), world.path)
                assert verdict.wrong == [], (name, at, place)
                pairs += 1
        print(f"\nF-01 {name}: {len(firsts)} states to be mended; {pairs} times killed again meanwhile")
    finally:
        world._kept = before
