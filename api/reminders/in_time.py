"""Work that cannot be interrupted, waited for no longer than a deadline."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable
from typing import TypeVar

__all__ = ["in_time"]

_Result = TypeVar("_Result")


def in_time(work: Callable[[], _Result], seconds: float) -> _Result:
    """What ``work`` gives or raises. Raises TimeoutError when it has not ended after ``seconds``.

    It is then left behind in a daemon thread: a pool's thread would keep the process from ending.
    """
    ended: queue.SimpleQueue[tuple[_Result, None] | tuple[None, Exception]] = queue.SimpleQueue()

    def run() -> None:
        try:
            ended.put((work(), None))
        except Exception as error:
            ended.put((None, error))

    threading.Thread(target=run, name="in-time", daemon=True).start()
    try:
        result, error = ended.get(timeout=max(seconds, 0))
    except queue.Empty:
        raise TimeoutError(f"not within {seconds:g} s") from None
    if error is not None:
        raise error
    return result  # type: ignore[return-value]  # a pair without an error holds the result
