"""The command: many seeds, or one again."""

from __future__ import annotations

import argparse
import multiprocessing
import sys
import time
import traceback

from .post import Mistake
from .world import Broken, Figures, run

_SHOWN = ("pump_years", "ticks", "refills", "answers", "reminders", "copies", "crashes", "clock_faults", "downtimes")


def _one(asked: tuple[int, float, bool]) -> Figures | tuple[int, str]:
    seed, pump_years, believed = asked
    try:
        return run(seed, pump_years, believed=believed)
    except Broken as broken:
        return seed, str(broken)
    except (Exception, Mistake):
        return seed, traceback.format_exc()


def main() -> int:
    """0, or 1 when a promise is broken, with the command that shows it again."""
    parser = argparse.ArgumentParser(prog="python -m tests.faults.simulator", description=__doc__)
    parser.add_argument("--seed", type=int, help="one run of this seed, with its digest")
    parser.add_argument("--seeds", type=int, default=10, help="how many seeds")
    parser.add_argument("--first", type=int, default=0, help="the first of them")
    parser.add_argument("--pump-years", type=float, default=100, help="of each seed")
    parser.add_argument("--jobs", type=int, default=1, help="processes")
    parser.add_argument("--minutes", type=float, help="no new seed after so long")
    parser.add_argument("--believed", action="store_true", help="processes may start by a clock that is ahead")
    options = parser.parse_args()
    if options.seed is not None:
        figures = run(options.seed, options.pump_years, believed=options.believed)
        print(_told([figures], 1, 0), f"digest {figures.digest}", sep="\n")
        return 0
    began, done, failed = time.monotonic(), [], 0
    asked = ((options.first + number, options.pump_years, options.believed) for number in range(options.seeds))
    with multiprocessing.Pool(options.jobs) as pool:
        for found in pool.imap_unordered(_one, asked):
            if isinstance(found, Figures):
                done.append(found)
            else:
                failed += 1
                seed, what = found
                again = f"--seed {seed} --pump-years {options.pump_years:g}{' --believed' * options.believed}"
                print(f"{what}\n  python -m tests.faults.simulator {again}", flush=True)
            if options.minutes is not None and time.monotonic() - began > options.minutes * 60:
                pool.terminate()
                break
    print(_told(done, len(done) + failed, failed), f"{time.monotonic() - began:.0f} s")
    return 1 if failed else 0


def _told(done: list[Figures], seeds: int, failed: int) -> str:
    parts = [f"seeds {seeds}"]
    parts += [f"{name.replace('_', '-')} {sum(getattr(each, name) for each in done):,.0f}" for name in _SHOWN]
    return ", ".join([*parts, f"failures {failed}"])


if __name__ == "__main__":
    sys.exit(main())
