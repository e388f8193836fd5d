"""A small clinic in a database that a trial may ruin, the world outside it, and how a trial is killed and mended.

One trial: the database is put back to how it was, a child process works on it and dies, this process mends what is
left as any other worker would, and the judge looks at it. No database is open while a child is made.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import json
import os
import secrets
import shutil
import signal
import statistics
import tempfile
import time
import traceback
import warnings
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import postgres
import psycopg
from judging import Verdict, instant, judge, witnessed

from api import house, people, refills
from api.engine import replan_stale
from api.reminders.channels import MailFolderChannel
from api.reminders.notice import Address, Channel, Notice
from api.reminders.sweep import Swept, sweep
from api.reminders.webhook import WebhookChannel
from api.store import Store, migrate, open_store
from api.store.tables import metadata

__all__ = [
    "CLINIC",
    "DUE",
    "FILLS",
    "LEASE",
    "NOON",
    "Killed",
    "Postbox",
    "World",
    "end_of",
    "full",
    "in_child",
    "postgresql_world",
    "scratch",
    "seconds_of",
    "sqlite_world",
    "start_child",
    "trials",
]

NOON = dt.datetime(2026, 11, 25, 17, 0, tzinfo=dt.UTC)
DUE = dt.datetime(2026, 12, 28, 14, 0, tzinfo=dt.UTC)
"""Every last safe day of the first fills has passed: each of the two pumps has one reminder that speaks for all."""
LEASE = dt.timedelta(seconds=120)
URL = "http://127.0.0.1:8000"
_TABLES = (*sorted(metadata.tables), "misdeed")
CHANNELS = ("email", "webhook", "apprise")

CLINIC = {
    "name": "Fictional Clinic",
    "time_zone": "America/New_York",
    "low_reservoir_alarm_volume": "2 mL",
    "reminder_days_before": ["14", "3"],
    "reminder_time": "09:00",
    "closed_weekdays": [],
    "closed_dates": [],
    "reminder_email": "refills@clinic.example",
    "repeat_after_minutes": "240",
    "snooze_minutes_at_most": "240",
}
_FILL = {"fill_date": "2026-11-25", "fill_volume": "20 mL"}
FILLS: dict[str, dict[str, Any]] = {
    "ziconotide": {
        **_FILL,
        "fill_kind": "undiluted",
        "components": [{"drug": "ziconotide", "concentration": "25 mcg/mL"}],
        "daily_dose": "19.2 mcg/day",
    },
    "baclofen": {
        **_FILL,
        "components": [{"drug": "baclofen", "concentration": "500 mcg/mL"}],
        "daily_dose": "300 mcg/day",
        "stability": "180 day",
    },
}
"""Refills that are due on 2026-12-18 and 2026-12-25; the first a loss of analgesia if missed, the second critical."""


def full() -> bool:
    """Whether the long counts are wanted: ``make faults``."""
    return os.environ.get("PUMPCALC_FAULTS") == "full"


def trials(quick: int, long: int) -> int:
    """How many trials: few in ``make test``, many in ``make faults``; PUMPCALC_FAULTS=3000: so many at the most."""
    asked = os.environ.get("PUMPCALC_FAULTS", "")
    return min(int(asked), long) if asked.isdecimal() else long if full() else quick


@contextlib.contextmanager
def scratch() -> Iterator[Path]:
    """A folder for a trial: in memory where there is such a place. A killed process loses nothing that it wrote."""
    memory = Path("/dev/shm")
    folder = Path(tempfile.mkdtemp(prefix="pumpcalc-faults-", dir=memory if memory.is_dir() else None))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@dataclass(frozen=True)
class Postbox:
    """The world outside: what reaches it stays there, one line for each copy, whatever happens to the sender."""

    path: Path
    before: Callable[[Notice, Address], object] = lambda _notice, _to: None
    """Called before a copy leaves; may raise, wait, or kill."""
    after: Callable[[Notice, Address], object] = lambda _notice, _to: None

    def send(self, notice: Notice, to: Address) -> str:
        self.before(notice, to)
        line = {
            "idem": notice.idem,
            "channel": to.channel,
            "to": to.address,
            "kind": notice.kind,
            "severity": notice.severity,
            "link": notice.link,
            "due": notice.due_at.isoformat(),
            "now": notice.now.isoformat(),
        }
        box = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        try:
            os.write(box, (json.dumps(line) + "\n").encode())
            os.fsync(box)
        finally:
            os.close(box)
        self.after(notice, to)
        return "postbox"


CHANNELS: dict[str, Channel] = {
    "email": MailFolderChannel("unused", "pumpcalc@pumpcalc.invalid"),
    "webhook": WebhookChannel(resolve=lambda *_: ["93.184.216.34"]),
}
"""What the door holds contacts to; what carries the messages of a trial is its postbox."""


@dataclass
class World:
    """One store, one postbox, and the ids of the clinic in it."""

    store: Store
    folder: Path
    clinic: str = ""
    pumps: dict[str, str] = field(default_factory=dict)
    nurse: str = ""
    _kept: bytes | dict[str, list[Any]] | None = None

    @property
    def path(self) -> Path:
        return self.folder / "postbox"

    @property
    def files(self) -> list[Path]:
        """Everything that outlives a process: the database with its log, and what has left the house."""
        return [Path(self._database), Path(f"{self._database}-wal"), self.path]

    def furnish(self, fills: Mapping[str, Mapping[str, Any]] = FILLS, **settings: Any) -> World:
        """Two pumps that were filled, a nurse who is told at once and a supervisor who is told after half an hour."""
        store = self.store
        self.clinic = house.add_clinic(store, CLINIC | settings, NOON)["id"]
        patient = house.add_patient(store, self.clinic, {}, NOON)["id"]
        people_of = {}
        for role in ("nurse", "supervisor"):
            body = {"name": role.title(), "role": role}
            people_of[role] = people.add_person(store, self.clinic, body, NOON)["id"]
        self.nurse = people_of["nurse"]
        hook = {
            "person_id": self.nurse,
            "channel": "webhook",
            "address": "https://hooks.example/7",
            "after_minutes": "0",
        }
        people.add_contact(store, self.clinic, hook, NOON, CHANNELS)
        mail = {
            "person_id": people_of["supervisor"], "channel": "email", "address": "head@clinic.example",
            "after_minutes": "30",
        }  # fmt: skip
        people.add_contact(store, self.clinic, mail, NOON, CHANNELS)
        for name, fill in fills.items():
            pump = house.add_pump(store, self.clinic, {"patient_id": patient, "model": "synchromed-ii-20"}, NOON)["id"]
            self.pumps[name] = pump
            refills.record_refill(store, self.clinic, pump, fill, NOON)
        return self

    def warm(self) -> World:
        """Whatever a process does only once is done here, and not in every child."""
        self.recover(DUE)
        self.reset()
        return self

    def keep(self) -> World:
        """From now on ``reset`` leads back to this state."""
        self.store.close()
        if self.store.is_shared:
            with self._session() as connection:
                self._kept = {name: connection.execute(f'SELECT * FROM "{name}"').fetchall() for name in _TABLES}  # type: ignore[call-overload]
        else:
            self._kept = _whole(Path(self._database))
        return self

    @property
    def _database(self) -> str:
        name = self.store.engine.url.database
        assert name is not None
        return name

    def _session(self) -> psycopg.Connection[Any]:
        plain = self.store.engine.url.set(drivername="postgresql").render_as_string(hide_password=False)
        return psycopg.connect(plain)

    def reset(self) -> None:
        """Everything as it was kept; nothing has left the house."""
        self.store.close()
        self.path.unlink(missing_ok=True)
        if isinstance(self._kept, bytes):
            file = Path(self._database)
            for suffix in ("-wal", "-shm", "-journal"):
                Path(f"{file}{suffix}").unlink(missing_ok=True)
            file.write_bytes(self._kept)
            return
        assert self._kept is not None
        with self._session() as connection:  # what a killed worker began is rolled back first
            connection.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
            connection.execute("SET LOCAL session_replication_role = replica")
            connection.execute(f"TRUNCATE {', '.join(_TABLES)}")  # type: ignore[call-overload]
            for name, rows in self._kept.items():
                if rows:
                    places = ", ".join(["%s"] * len(rows[0]))
                    with connection.cursor() as cursor:
                        cursor.executemany(f'INSERT INTO "{name}" VALUES ({places})', rows)  # type: ignore[arg-type]

    def sweep(
        self, now: dt.datetime, channel: Channel | None = None, *, carry_on: Callable[[], bool] = lambda: True,
        senders: int = 1, clock: Callable[[], dt.datetime] | None = None,
    ) -> Swept:  # fmt: skip
        """One sweep by the code as it is."""
        return sweep(
            self.store,
            dict.fromkeys(CHANNELS, channel or Postbox(self.path)),
            clock or (lambda: now),
            public_url=URL,
            lease=LEASE,
            senders=senders,
            carry_on=carry_on,
        )

    def recover(self, now: dt.datetime) -> dt.datetime:
        """Work as a fresh process does until nothing waits that can be sent. The instant at which that was so.

        A server may take a moment to see that a process is dead: what its session holds locked is stepped over until
        then, and comes with a later tick.
        """
        stepped_over = 0
        for _ in range(60):
            replan_stale(self.store, lambda now=now: now)
            self.sweep(now)
            with self.store.reading() as connection:
                waits = connection.exec_driver_sql(
                    "SELECT min(CASE WHEN lease_until > next_try_at THEN lease_until ELSE next_try_at END)"
                    " FROM delivery WHERE state IN ('pending', 'dead')"
                ).scalar_one()
                due = connection.exec_driver_sql(
                    f"SELECT count(*) FROM reminder WHERE state = 'pending' AND due_at <= '{instant(now)}'"
                ).scalar_one()
            if waits is None and due and stepped_over < 25:
                stepped_over += 1
                time.sleep(0.02)
                continue
            if waits is None:
                return now
            now = max(now, dt.datetime.fromisoformat(waits))
        raise AssertionError("it does not come to rest")

    def judged(self, now: dt.datetime) -> Verdict:
        """Mended, and looked at."""
        return judge(self.store, self.recover(now), self.path)

    def rows(self, statement: str) -> list[tuple[Any, ...]]:
        """What the store says."""
        with self.store.reading() as connection:
            return [tuple(row) for row in connection.exec_driver_sql(statement)]


def _whole(file: Path) -> bytes:
    assert not Path(f"{file}-wal").exists(), "somebody still has the database open"
    return file.read_bytes()


@contextlib.contextmanager
def sqlite_world(**settings: Any) -> Iterator[World]:
    """A furnished world in a file."""
    with scratch() as folder:
        url = f"sqlite:///{folder}/pumpcalc.db"
        migrate(url)
        world = World(open_store(url), folder).furnish(**settings)
        witnessed(world.store, LEASE)
        try:
            yield world.keep().warm()
        finally:
            world.store.close()


@contextlib.contextmanager
def postgresql_world(**settings: Any) -> Iterator[World]:
    """A furnished world on a server."""
    with scratch() as folder, postgres.database(migrated=True) as url:
        world = World(open_store(url), folder).furnish(**settings)
        witnessed(world.store, LEASE)
        try:
            yield world.keep().warm()
        finally:
            world.store.close()


@dataclass(frozen=True)
class Killed:
    """How a child ended: by which signal, or with which exit code; what it had to say."""

    signal: int
    code: int
    said: str


def start_child(work: Callable[[], object], said: Path) -> int:
    """Begin work in a process of its own, made from this one. Its id."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # the threads of the test runner are not in the child
        child = os.fork()
    if child:
        return child
    code = 1
    try:
        work()
        code = 0
    except BaseException:
        said.write_text(traceback.format_exc())
    finally:
        os._exit(code)


def end_of(child: int, said: Path, seconds: float = 60) -> Killed:
    """Wait for a child to end."""
    deadline = time.monotonic() + seconds
    while True:
        found, status = os.waitpid(child, os.WNOHANG)
        if found:
            break
        if time.monotonic() > deadline:
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
            raise AssertionError(f"a child did not end within {seconds} s")
        time.sleep(0.0005)
    words = said.read_text() if said.exists() else ""
    said.unlink(missing_ok=True)
    return Killed(os.WTERMSIG(status) if os.WIFSIGNALED(status) else 0, os.waitstatus_to_exitcode(status), words)


def in_child(world: World, work: Callable[[], object], *, kill_after: float | None = None) -> Killed:
    """Work in a process of its own, to its end or until it is killed so many seconds after it began."""
    world.store.close()
    said = world.folder / f"said-{secrets.token_hex(4)}"
    child = start_child(work, said)
    if kill_after is not None:
        time.sleep(kill_after)
        with contextlib.suppress(ProcessLookupError):
            os.kill(child, signal.SIGKILL)
    return end_of(child, said)


def seconds_of(world: World, work: Callable[[], object]) -> float:
    """How long a child takes for this work, from when it is made: the median of five."""
    took = []
    for _ in range(5):
        world.reset()
        begun = time.monotonic()
        ended = in_child(world, work)
        assert ended.code == 0, ended.said
        took.append(time.monotonic() - begun)
    return statistics.median(took)
