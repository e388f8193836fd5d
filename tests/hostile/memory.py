"""How much memory many hostile requests leave behind, on loopback.

python tests/hostile/memory.py --requests 100000
"""

from __future__ import annotations

import argparse
import itertools
import json
import tempfile
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from hostile_cases import CASES, trials
from hostile_service import Service, service

_WARM_UP = 3


@dataclass(frozen=True)
class Memory:
    """Resident bytes after the warm-up and at the end, and what was asked between."""

    requests: int
    seconds: float
    before: int
    after: int
    answered: dict[int, int]

    @property
    def grown(self) -> int:
        return self.after - self.before


def memory(running: Service, requests: int) -> Memory:
    """Ask every case of the file, over and over. What is made once (imports, caches, threads) is made before."""
    everything = [trial.ask for case in CASES for trial in trials(case, running)]
    for ask in everything * _WARM_UP:
        running.ask(ask)
    before, began = running.resident(), time.monotonic()
    answered = Counter(running.ask(ask).status for ask in itertools.islice(itertools.cycle(everything), requests))
    return Memory(requests, time.monotonic() - began, before, running.resident(), dict(answered))


def main() -> int:
    parser = argparse.ArgumentParser(description="Memory that hostile requests leave behind, on loopback.")
    parser.add_argument("--requests", type=int, default=100_000, help="default 100000")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, service(Path(folder)) as running:
        found = memory(running, asked.requests)
    print(json.dumps({**vars(found), "grown": found.grown}, indent=2))
    return 0 if found.grown < 5 * 1024 * 1024 else 1


if __name__ == "__main__":
    raise SystemExit(main())
