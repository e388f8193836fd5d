"""One sweep: queue everything that is due, then send every copy whose turn it is, until nothing waits.

Any number of sweeps may run at once, in any number of processes: the claim keeps them apart.
"""

from __future__ import annotations

import datetime as dt
import logging
import os
import secrets
import socket
from collections.abc import Callable
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from api.reminders.channels import Channel
from api.reminders.message import message
from api.reminders.outbox import Claim, claim, complete, fail, queue_due
from api.store.engine import Store
from api.store.queries import outbox

__all__ = ["Swept", "sweep"]

_LOG = logging.getLogger("pumpcalc.reminders")
_LONGEST_ERROR = 200


@dataclass(frozen=True)
class Swept:
    """What one sweep did, in copies. ``late``: sent, but by then no longer ours to record."""

    queued: int
    sent: int
    failed: int
    late: int


def sweep(
    store: Store,
    channel: Channel,
    now: Callable[[], dt.datetime],
    *,
    sender: str,
    public_url: str,
    lease: dt.timedelta,
    carry_on: Callable[[], bool] = lambda: True,
) -> Swept:
    """Queue and send everything that is due.

    ``now`` is asked again for every copy, so that a lease taken late in a long sweep is not already over.
    ``carry_on`` is asked between copies; when it says no, the sweep ends there and nothing is lost.
    """
    owner = f"{socket.gethostname()}:{os.getpid()}:{secrets.token_hex(4)}"
    queued = sent = failed = late = 0
    while carry_on():
        with store.writing() as connection:
            batch = queue_due(connection, now())
        queued += batch
        if not batch:
            break
    while carry_on():
        with store.writing() as connection:
            claimed = claim(connection, now(), owner, lease)
        if claimed is None:
            break
        error = _send(store, channel, claimed, now(), sender, public_url)
        with store.writing() as connection:
            kept = complete(connection, claimed, now()) if error is None else fail(connection, claimed, now(), error)
        sent += kept and error is None
        failed += error is not None
        late += not kept and error is None
        _LOG.info(
            "reminder_%s clinic=%s delivery=%s attempt=%d kept=%s",
            "sent" if error is None else "not_sent",
            claimed.clinic_id,
            claimed.delivery_id,
            claimed.attempts,
            kept,
        )
    return Swept(queued=queued, sent=sent, failed=failed, late=late)


def _send(store: Store, channel: Channel, claimed: Claim, now: dt.datetime, sender: str, public_url: str) -> str | None:
    """Send one copy, outside every transaction. None when it left; else why it did not, for a person."""
    try:
        with store.reading() as connection:
            facts = outbox.letter(connection, claimed.clinic_id, claimed.reminder_id)
        made = message(
            idem=claimed.idem,
            sender=sender,
            recipient=claimed.recipient,
            pump_reference=facts["pump_reference"],
            last_safe_day=facts["refill_by"],
            today=now.astimezone(ZoneInfo(facts["time_zone"])).date(),
            link=f"{public_url}/v1/clinics/{claimed.clinic_id}/pumps/{facts['pump_id']}/schedule",
            now=now,
        )
        channel.send(made, claimed.idem)
    except Exception as error:  # whatever is wrong with one copy must not stop the others
        text = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
        return ascii(text)[1:-1][:_LONGEST_ERROR]
    return None
