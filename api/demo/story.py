"""The demonstration as it runs: a store made afresh, a clinic loaded, the real service started, a reminder awaited."""

from __future__ import annotations

import contextlib
import datetime as dt
import logging
import shutil
import signal
import socket
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from types import FrameType
from zoneinfo import ZoneInfo

from api import clock, house, views, wire
from api.app import create_app
from api.demo import fiction, shown
from api.models import DeliveryView, Schedule
from api.reminders import MailFolderChannel
from api.settings import Settings
from api.store import Store, migrate, open_store
from api.store.queries import house as house_queries
from pumpcalc import calculate
from pumpcalc.printing import print_worksheet

__all__ = ["demo"]

_FOLDER = Path("var/demo")
_PATIENCE_SECONDS = 60
_WORKSHEET = {
    "drug": "morphine",
    "daily_dose": "10 mg/day",
    "concentration": "20 mg/mL",
    "pump": "synchromed-ii-20",
}


def demo(*, port: int, once: bool) -> int:
    """Show the main job from end to end. 0 when the reminder was delivered; 1, with a sentence, when it was not."""
    # One line per reminder is for a service's log; here it would run through the text.
    logging.getLogger().setLevel(logging.WARNING)
    if not _is_free(port):
        print(f"pumpcalc demo: port {port} is in use; choose another, such as --port {port + 1}", file=sys.stderr)
        return 1
    shutil.rmtree(_FOLDER, ignore_errors=True)
    settings = Settings(
        database_url=f"sqlite:///{_FOLDER}/pumpcalc-demo.db",
        mail_folder=str(_FOLDER / "mail"),
        smtp_url=None,
        mail_from=fiction.SENDER,
        public_url=f"http://127.0.0.1:{port}",
        host="127.0.0.1",
        port=port,
        sweep_seconds=5,
    )
    _say("pumpcalc demonstration. Everything below is fictional; the drug library and its limits are real.\n")
    migrate(settings.database_url)
    store = open_store(settings.database_url)
    started = clock.now()
    clinic_id = fiction.load(store, started)
    # The service has stood still since yesterday morning: what it missed goes out when it starts, the worst first.
    down_since = _yesterday_morning(started)
    channel = MailFolderChannel(settings.mail_folder, settings.mail_from)
    fiction.play_until(store, clinic_id, channel, down_since, settings.public_url)
    with _service(settings) as ended:
        delivered = _await_reminders(store, clinic_id, started)
        if not delivered:
            print("pumpcalc demo: no reminder was delivered in time", file=sys.stderr)
            return 1
        _show(store, clinic_id, delivered, started, settings, once=once)
        if not once:
            ended.wait()
    store.close()
    return 0


def _say(text: str) -> None:
    print(text, flush=True)


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def _yesterday_morning(now: dt.datetime) -> dt.datetime:
    """Eight o'clock of yesterday at the clinic: an hour before yesterday's reminders."""
    yesterday = now.astimezone(ZoneInfo(fiction.ZONE)).date() - dt.timedelta(days=1)
    return dt.datetime.combine(yesterday, dt.time(8), ZoneInfo(fiction.ZONE)).astimezone(dt.UTC)


@contextlib.contextmanager
def _service(settings: Settings) -> Iterator[threading.Event]:
    """The real service, in a thread. The event is set when somebody asks for the end."""
    server = wire.server(create_app(settings), settings)
    thread = threading.Thread(target=server.run, name="pumpcalc-service")
    ended = threading.Event()

    def asked(_number: int, _frame: FrameType | None) -> None:
        ended.set()

    before = {number: signal.signal(number, asked) for number in (signal.SIGINT, signal.SIGTERM)}
    thread.start()
    try:
        yield ended
    finally:
        server.should_exit = True
        thread.join()
        for number, handler in before.items():
            signal.signal(number, handler)


def _schedules(store: Store, clinic_id: str) -> list[Schedule]:
    with store.reading() as connection:
        pumps = house_queries.pumps_after(connection, clinic_id, "", limit=500)
        return [views.schedule(connection, clinic_id, pump) for pump in pumps]


def _await_reminders(store: Store, clinic_id: str, since: dt.datetime) -> list[tuple[Schedule, DeliveryView]]:
    """The copies that the running service delivered, in the order of their going; empty when none came in time."""
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while time.monotonic() < deadline:
        copies = [
            (each, copy) for each in _schedules(store, clinic_id) for rung in each.reminders for copy in rung.deliveries
        ]
        gone = [(each, copy) for each, copy in copies if copy.sent_at is not None and copy.sent_at >= since]
        if gone and all(copy.state != "pending" for _, copy in copies):
            return sorted(gone, key=lambda pair: pair[1].sent_at or since)
        time.sleep(0.1)
    return []


def _show(
    store: Store,
    clinic_id: str,
    delivered: list[tuple[Schedule, DeliveryView]],
    now: dt.datetime,
    settings: Settings,
    *,
    once: bool,
) -> None:
    today = now.astimezone(ZoneInfo(fiction.ZONE)).date()
    first, copy = delivered[0]
    assert first.calculation is not None
    record = _FOLDER / f"schedule-{first.pump.reference}.json"
    record.write_text(first.calculation.model_dump_json(indent=2), encoding="utf-8")
    with store.reading() as connection:
        name = house.clinic(connection, clinic_id)["name"]
    _say(shown.heading("1. A worksheet: what a pharmacist checks by hand"))
    _say(print_worksheet(calculate("flow-rate", _WORKSHEET)))
    _say(shown.heading(f"2. The clinic on {today:%A %Y-%m-%d}: what a scheduler sees first"))
    _say(f"  {name}\n")
    _say(shown.table(_schedules(store, clinic_id), today))
    _say(shown.heading(f"3. The schedule of pump {first.pump.reference}, and the limit that decides it"))
    _say(shown.schedule(first, today))
    _say(shown.heading("4. The reminder that was just delivered"))
    _say("  The service had stood still since yesterday morning; what it missed went out when it started.")
    _say(shown.reminder(Path(settings.mail_folder) / f"{copy.idem}.eml", len(delivered)))
    _say(shown.heading("5. Where to look next"))
    _say(shown.next_steps(settings.public_url, clinic_id, first.pump.id, record, once=once))
