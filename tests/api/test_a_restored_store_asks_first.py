"""R-19, F-37, F-38: a store that was put back from a copy neither loses a reminder nor sends them all again."""

from __future__ import annotations

import contextlib
import datetime as dt
import os
import sqlite3
import subprocess
import sys
import threading
from pathlib import Path

import httpx
import pytest
from api_fiction import NOON, ZICONOTIDE, House, Recorder, at, serving, until
from loopback import OK, listening, says

from api import house, restoring
from api.engine import RESTORED, Engine, Post
from api.reminders.dead_man import DeadManPing
from api.settings import Settings
from api.store import Store, is_current, migrate, open_store

FIRST_RUNG = at("2026-12-04T14:00:00Z")
LATER = at("2027-01-03T17:00:00Z")
"""Thirty days after the copy was made; the last safe day was 18 December."""
DAY = dt.timedelta(days=1)
on_sqlite = pytest.mark.parametrize("backend", ["sqlite"], indirect=True)
"""A server has a clock of its own, which is not that of a test: an engine does not believe the test's."""


def _engine(store: Store, channel: Recorder, now: dt.datetime, ping: DeadManPing | None = None) -> Engine:
    post = Post(dict.fromkeys(("email", "webhook"), channel), "http://127.0.0.1:8000", dt.timedelta(seconds=120))
    return Engine(store, post, lambda: now, (now - NOON).total_seconds, ping)


def _told(channel: Recorder) -> list[str]:
    found = [notice.kind for notice, _ in channel.told]
    channel.told.clear()
    return sorted(found)


@pytest.fixture
def restored(fiction: House, channel: Recorder) -> House:
    """Two pumps; the first was told of once before the copy was made. What happened since is lost."""
    fiction.record()
    fiction.another_pump()
    fiction.sweep(channel, FIRST_RUNG)
    channel.told.clear()
    restoring.mark(fiction.store, FIRST_RUNG + dt.timedelta(hours=1))
    return fiction


@on_sqlite
def test_nothing_is_sent_and_nothing_queued_before_an_operator_has_looked(restored: House, channel: Recorder) -> None:
    before = restored.everything()
    with listening(says(OK)) as outside:
        for days in range(3):
            engine = _engine(restored.store, channel, LATER + days * DAY, DeadManPing(outside.url))
            engine.tick()
            assert engine.is_held
        assert channel.told == []
        assert restored.everything() == before
        assert outside.connections == 0, "somebody outside hears the silence"
        restoring.release(restored.store, LATER, as_told=True)
        engine = _engine(restored.store, channel, LATER + 3 * DAY, DeadManPing(outside.url))
        engine.tick()
        assert not engine.is_held
        until(lambda: outside.connections == 1)


def test_the_review_says_what_would_be_sent(restored: House) -> None:
    found = restoring.review(restored.store, LATER)
    assert found is not None
    # The first pump: its second rung and its due day. The second, never filled: the alert of the next day.
    assert (found.pumps, found.reminders, found.copies, found.past) == (2, 3, 0, 1)
    assert found.copied_at == FIRST_RUNG + dt.timedelta(hours=1)
    for words in ("2026-12-04 15:00 UTC", "3 reminders of 2 pumps", "0 messages", "1 pump.", "--send", "--as-told"):
        assert words in found.told()


def test_sent_each_pump_is_told_of_once(restored: House, channel: Recorder) -> None:
    restoring.release(restored.store, LATER, as_told=False)
    restored.sweep(channel, LATER)
    assert _told(channel) == ["due-day", "unknown"]
    restored.sweep(channel, LATER + dt.timedelta(minutes=1))
    assert _told(channel) == []


def test_counted_as_told_nothing_goes_out_and_the_next_morning_nothing_is_lost(
    restored: House, channel: Recorder
) -> None:
    assert restoring.release(restored.store, LATER, as_told=True) == 3
    restored.sweep(channel, LATER)
    assert _told(channel) == []
    restored.sweep(channel, at("2027-01-04T13:59:59Z"))
    assert _told(channel) == []
    restored.sweep(channel, at("2027-01-04T14:00:00Z"))
    assert _told(channel) == ["overdue", "unknown"]
    restored.sweep(channel, at("2027-01-05T14:00:00Z"))
    assert _told(channel) == ["overdue", "unknown"]


def test_what_waited_in_the_copy_is_taken_back_when_it_counts_as_told(fiction: House, channel: Recorder) -> None:
    fiction.record()
    channel.failing = True
    fiction.sweep(channel, FIRST_RUNG)
    channel.failing = False
    restoring.mark(fiction.store, FIRST_RUNG)
    found = restoring.review(fiction.store, FIRST_RUNG)
    assert found is not None
    assert found.copies == 1
    assert restoring.release(fiction.store, FIRST_RUNG + DAY, as_told=True) == 1
    fiction.sweep(channel, FIRST_RUNG + DAY)
    assert channel.told == []


def test_a_refill_that_is_recorded_first_takes_the_place_of_what_would_have_been_sent(
    restored: House, channel: Recorder
) -> None:
    restored.record(ZICONOTIDE | {"fill_date": "2026-12-17"}, LATER)
    found = restoring.review(restored.store, LATER)
    assert found is not None
    assert found.past == 0
    restoring.release(restored.store, LATER, as_told=False)
    restored.sweep(channel, LATER)
    assert _told(channel) == ["14-days-before", "unknown"], "of the refill that was recorded, and no longer of the old"


def test_a_store_that_was_never_put_back_has_nothing_to_review(fiction: House) -> None:
    assert restoring.review(fiction.store, NOON) is None


def test_the_service_takes_requests_and_is_not_ready(restored: House, url: str) -> None:
    with serving(Settings(database_url=url, sweep_seconds=0.1)) as client:
        answer = client.get("/readyz")
        assert answer.status_code == 503
        assert "restored" in answer.text
        assert "pumpcalc_store_restored 1.0" in client.get("/metrics").text
        assert client.get(f"/v1/clinics/{restored.clinic}").status_code == httpx.codes.OK


# The copy itself, on SQLite


@pytest.fixture
def sqlite_url(tmp_path: Path) -> str:
    url = f"sqlite:///{tmp_path}/store/pumpcalc.db"
    migrate(url)
    return url


def _pumpcalc(url: str, *words: str) -> subprocess.CompletedProcess[str]:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PUMPCALC_")}
    environment |= {"PYTHONPATH": os.pathsep.join(sys.path), "PUMPCALC_DATABASE_URL": url}
    command = [sys.executable, "-m", "api.cli", *words]
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=50, check=False)


def _names(url: str) -> list[str]:
    store = open_store(url)
    with store.reading() as connection:
        found = connection.exec_driver_sql("SELECT name FROM clinic ORDER BY name").scalars().all()
    store.close()
    return list(found)


def _add(url: str, *names: str) -> None:
    store = open_store(url)
    for name in names:
        house.add_clinic(store, {"name": name, "time_zone": "America/New_York"}, NOON)
    store.close()


def test_a_copy_is_put_back_by_an_operator_and_what_stood_there_is_kept(sqlite_url: str, tmp_path: Path) -> None:
    _add(sqlite_url, "Before")
    copy = tmp_path / "copy.db"
    made = _pumpcalc(sqlite_url, "backup", str(copy))
    assert (made.returncode, made.stderr) == (0, "")
    again = _pumpcalc(sqlite_url, "backup", str(copy))
    assert again.returncode == 1
    assert "is there already" in again.stderr
    _add(sqlite_url, "Since")
    assert "was not put back" in _pumpcalc(sqlite_url, "restored").stdout
    put = _pumpcalc(sqlite_url, "restore", str(copy))
    assert (put.returncode, put.stderr) == (0, "")
    assert _names(sqlite_url) == ["Before"]
    (kept,) = (tmp_path / "store").glob("pumpcalc.before-*.db")
    assert str(kept) in put.stdout
    assert _names(f"sqlite:///{kept}") == ["Before", "Since"]
    assert "It sends nothing until you have looked" in _pumpcalc(sqlite_url, "restored").stdout
    assert _pumpcalc(sqlite_url, "restored", "--as-told").returncode == 0
    assert "was not put back" in _pumpcalc(sqlite_url, "restored").stdout
    assert sorted(each.name for each in tmp_path.iterdir()) == ["copy.db", "store"], "nothing is left lying about"


def test_a_copy_is_put_back_where_there_is_no_store_yet(sqlite_url: str, tmp_path: Path) -> None:
    _add(sqlite_url, "Before")
    copy = tmp_path / "copy.db"
    assert _pumpcalc(sqlite_url, "backup", str(copy)).returncode == 0
    elsewhere = f"sqlite:///{tmp_path}/another machine/pumpcalc.db"
    assert _pumpcalc(elsewhere, "restore", str(copy)).returncode == 0
    assert _names(elsewhere) == ["Before"]
    assert "It sends nothing" in _pumpcalc(elsewhere, "restored").stdout


def test_a_copy_is_put_back_in_the_place_of_a_damaged_store(sqlite_url: str, tmp_path: Path) -> None:
    _add(sqlite_url, "Before")
    copy, place = tmp_path / "copy.db", tmp_path / "store" / "pumpcalc.db"
    assert _pumpcalc(sqlite_url, "backup", str(copy)).returncode == 0
    whole = place.read_bytes()
    place.write_bytes(b"\0" * 4096 + whole[4096:])
    put = _pumpcalc(sqlite_url, "restore", str(copy))
    assert (put.returncode, put.stderr) == (0, "")
    assert _names(sqlite_url) == ["Before"]
    (kept,) = (tmp_path / "store").glob("pumpcalc.before-*.db")
    assert kept.read_bytes()[:4096] == b"\0" * 4096


@pytest.mark.parametrize("content", [b"", b"not a database at all\n" * 400])
def test_what_is_no_store_is_refused_and_the_store_stays(sqlite_url: str, tmp_path: Path, content: bytes) -> None:
    _add(sqlite_url, "Before")
    wrong = tmp_path / "wrong.db"
    wrong.write_bytes(content)
    for path in (wrong, tmp_path / "nowhere.db"):
        refused = _pumpcalc(sqlite_url, "restore", str(path))
        assert refused.returncode == 1
        assert str(path) in refused.stderr
        assert "Traceback" not in refused.stderr
    assert _names(sqlite_url) == ["Before"]
    assert [each.name for each in (tmp_path / "store").iterdir() if "before" in each.name] == []


def test_a_copy_of_another_make_is_marked_all_the_same(sqlite_url: str, tmp_path: Path) -> None:
    raw = tmp_path / "raw.db"
    with contextlib.closing(sqlite3.connect(tmp_path / "store" / "pumpcalc.db")) as source:
        source.execute("INSERT INTO beat VALUES ('clock', '2026-12-04T14:00:00.000000Z')")
        source.commit()
        source.execute("VACUUM INTO ?", (str(raw),))
    assert _pumpcalc(sqlite_url, "restore", str(raw)).returncode == 0
    assert "a copy of 2026-12-04 14:00 UTC" in _pumpcalc(sqlite_url, "restored").stdout


def test_a_copy_that_is_made_while_others_write_is_whole_and_holds_what_was_answered(
    sqlite_url: str, tmp_path: Path
) -> None:
    answered: list[str] = []
    stop = threading.Event()

    def write() -> None:
        while not stop.is_set():
            _add(sqlite_url, f"{len(answered):06}")
            answered.append(f"{len(answered):06}")

    writer = threading.Thread(target=write)
    writer.start()
    store = open_store(sqlite_url)
    try:
        for number in range(10):
            least = len(answered)
            copy = tmp_path / f"copy-{number}.db"
            restoring.backup(store, copy, NOON)
            names = _names(f"sqlite:///{copy}")
            assert names == [f"{each:06}" for each in range(len(names))], "a prefix of what was written"
            assert len(names) >= least
            copied = open_store(f"sqlite:///{copy}")
            assert is_current(copied)
            copied.close()
    finally:
        stop.set()
        writer.join()
        store.close()


def test_a_process_that_has_the_store_open_sees_the_copy_or_what_stood_there(sqlite_url: str, tmp_path: Path) -> None:
    _add(sqlite_url, "Before")
    open_all_the_time = open_store(sqlite_url)
    copy = tmp_path / "copy.db"
    restoring.backup(open_all_the_time, copy, NOON)
    _add(sqlite_url, "Since")
    with open_all_the_time.reading() as connection:
        assert connection.exec_driver_sql("SELECT count(*) FROM clinic").scalar_one() == 2
    restoring.restore(open_all_the_time, copy, NOON)
    with open_all_the_time.reading() as connection:
        assert connection.exec_driver_sql("SELECT name FROM clinic").scalars().all() == ["Before"]
        assert connection.exec_driver_sql("SELECT name FROM beat").scalars().all() == [RESTORED]
    open_all_the_time.close()


@pytest.mark.parametrize("backend", ["postgresql"], indirect=True)
def test_postgresql_is_copied_by_its_own_tools(fiction: House, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="pg_dump"):
        restoring.backup(fiction.store, tmp_path / "copy.db", NOON)
    with pytest.raises(ValueError, match="restored --mark"):
        restoring.restore(fiction.store, Path(__file__), NOON)
