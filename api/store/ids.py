"""Names that the service makes up: opaque, and never derived from anything about a person."""

from __future__ import annotations

import secrets

__all__ = ["new_id", "new_reference"]

# Of 0/O, 1/I, 5/S and 8/B, which are misread for each other, at most one is here.
_SPOKEN = "23456789ACDEFGHJKLMNPQRTUVWXYZ"


def new_id(kind: str) -> str:
    """A new identifier such as ``pump-9f3c...``: the kind and 96 random bits."""
    return f"{kind}-{secrets.token_hex(12)}"


def new_reference() -> str:
    """Six characters that people can say on the telephone, such as ``7F3KQ2``."""
    while True:
        made = "".join(secrets.choice(_SPOKEN) for _ in range(6))
        if not made.isdigit() and not made.isalpha():
            return made
