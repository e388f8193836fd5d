"""Where every random number of a run comes from: a stream for each part of the world, all from one seed."""

from __future__ import annotations

import base64
import datetime as dt
import random
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from unittest.mock import patch

__all__ = ["chosen_by", "minutes", "stream"]


def stream(seed: int, name: str) -> random.Random:
    """The random numbers of one part of the world. What is drawn in one part moves nothing in another."""
    return random.Random(f"{seed} {name}")


def minutes(chance: random.Random, least: float, most: float) -> dt.timedelta:
    """A length of time in whole seconds."""
    return dt.timedelta(seconds=chance.randint(round(least * 60), round(most * 60)))


@contextmanager
def chosen_by(chance: random.Random) -> Iterator[None]:
    """The operating system's source of randomness, replaced: names that are made up inside are the seed's."""

    def token_bytes(count: int = 32) -> bytes:
        return chance.randbytes(count)

    def token_hex(count: int = 32) -> str:
        return chance.randbytes(count).hex()

    def token_urlsafe(count: int = 32) -> str:
        return base64.urlsafe_b64encode(chance.randbytes(count)).rstrip(b"=").decode()

    replaced = {
        "token_bytes": token_bytes, "token_hex": token_hex, "token_urlsafe": token_urlsafe, "choice": chance.choice
    }  # fmt: skip
    with patch.multiple(secrets, **replaced):
        yield
