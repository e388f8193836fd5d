"""Hostile requests leave no memory behind. The long run is ``python tests/hostile/memory.py``."""

from __future__ import annotations

import pytest
from hostile_service import Service
from memory import memory

pytestmark = pytest.mark.xdist_group("hostile")


def test_two_thousand_hostile_requests_leave_no_memory_behind(running: Service) -> None:
    found = memory(running, 2_000)
    assert found.grown < 5 * 1024 * 1024
    assert not [status for status in found.answered if status >= 500]
