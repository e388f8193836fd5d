"""A sign of life to somebody outside. When it stops, they raise the alarm that we can no longer raise ourselves."""

from __future__ import annotations

import logging
import ssl
import threading
import time

from api.reminders.addresses import Resolver, addresses_of, read_url, system_resolver
from api.reminders.exchange import exchange
from api.reminders.notice import NotDelivered

__all__ = ["DeadManPing"]

_LOG = logging.getLogger("pumpcalc.dead_man")


class DeadManPing:
    """One GET each ``every_seconds``, as long as somebody calls ``beat``.

    The URL comes from the operator, is a secret, and may lie in any network.
    """

    def __init__(
        self,
        url: str,
        every_seconds: float = 60,
        seconds: float = 5,
        *,
        resolve: Resolver = system_resolver,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        """``seconds``: how long one ping may take. Raises ValueError, which does not repeat the URL."""
        self.every_seconds = every_seconds
        self.seconds = seconds
        self.failing = False
        """Whether the last ping that ended went wrong."""
        self.failures = 0
        """How many pings went wrong since the start."""
        self._target = read_url(url)
        self._resolve = resolve
        self._tls = tls
        self._lock = threading.Lock()
        self._began: float | None = None
        self._under_way = False

    def beat(self) -> None:
        """Say that a sweep went well. Returns at once and never raises: a ping that is due goes from its own thread."""
        with self._lock:
            now = time.monotonic()
            if self._under_way or (self._began is not None and now - self._began < self.every_seconds):
                return
            self._began, self._under_way = now, True
        try:
            threading.Thread(target=self._ping, name="dead-man-ping", daemon=True).start()
        except RuntimeError:  # the machine gives no more threads
            self._ended("no thread")

    def _ping(self) -> None:
        deadline = time.monotonic() + self.seconds
        try:
            addresses = addresses_of(self._target, self._resolve, self.seconds)
            left = deadline - time.monotonic()
            answer = exchange("GET", self._target, addresses, headers={}, body=None, seconds=left, tls=self._tls)
            self._ended(None if answer.is_success else f"it answered {answer.status}")
        except NotDelivered as error:
            self._ended(str(error))
        except Exception as error:  # whatever it is, the sweep goes on
            self._ended(type(error).__name__)

    def _ended(self, problem: str | None) -> None:
        with self._lock:
            self._under_way = False
            self.failing = problem is not None
            self.failures += problem is not None
        if problem is not None:
            _LOG.warning("dead_man_ping_failed %s", problem)
