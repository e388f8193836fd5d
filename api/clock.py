"""The only reader of the time. It wakes the sweep and holds nothing: losing it loses no reminder.

APScheduler keeps one interval job in memory, in UTC. A tick that was missed is made up once; a sweep that is
still running is not started twice; nothing is ever dropped for being late.
"""

from __future__ import annotations

import datetime as dt
import logging
import threading
import time
from collections.abc import Callable

from apscheduler.schedulers.background import BackgroundScheduler
from apscheduler.triggers.interval import IntervalTrigger

__all__ = ["Clock", "now", "uptime"]

_LOG = logging.getLogger("pumpcalc.clock")


def now() -> dt.datetime:
    """The present instant, in UTC."""
    return dt.datetime.now(dt.UTC)


def uptime() -> float:
    """Seconds that only ever go on; the time in which the machine slept counts, or waking would be a jump."""
    return time.clock_gettime(getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC))


class Clock:
    """Wakes one piece of work in a thread of its own, at once and then every so many seconds."""

    def __init__(self, work: Callable[[Callable[[], bool]], object], seconds: float) -> None:
        """``work`` takes a function to ask, between pieces, whether to carry on."""
        self._work = work
        self._stopping = threading.Event()
        self._ticked: float | None = None
        # "maximum number of running instances reached" only says that a sweep is long.
        logging.getLogger("apscheduler").setLevel(logging.ERROR)
        self._scheduler = BackgroundScheduler(
            timezone=dt.UTC,
            executors={"default": {"type": "threadpool", "max_workers": 1}},
            job_defaults={"coalesce": True, "max_instances": 1, "misfire_grace_time": None},
        )
        self._scheduler.add_job(
            self._tick, IntervalTrigger(seconds=seconds, timezone=dt.UTC), id="sweep", next_run_time=now()
        )

    def start(self) -> None:
        """Begin to tick."""
        self._scheduler.start()

    def stop(self) -> None:
        """End after the copy that is being sent."""
        self._stopping.set()
        self._scheduler.shutdown(wait=True)

    def seconds_since_tick(self) -> float | None:
        """How long ago the work last went well, in seconds; None when it never has."""
        return None if self._ticked is None else time.monotonic() - self._ticked

    def _tick(self) -> None:
        asked = 0

        def carry_on() -> bool:
            # The second question comes after a transaction that went well: a long sweep is alive, not stuck.
            nonlocal asked
            asked += 1
            if asked > 1:
                self._ticked = time.monotonic()
            return not self._stopping.is_set()

        try:
            self._work(carry_on)
        except Exception:
            # The next tick tries again; readiness fails when this goes on.
            _LOG.exception("sweep_failed")
            return
        self._ticked = time.monotonic()
