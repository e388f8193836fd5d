"""Every due reminder is queued once, claimed by one, sent under one id, and recorded once."""

from __future__ import annotations

import datetime as dt
import threading
from pathlib import Path

import pytest
import sqlalchemy as sa
from api_fiction import MORPHINE, NOON, ZICONOTIDE, House, Recorder, at
from hypothesis import given
from hypothesis import strategies as st

from api.reminders import MailFolderChannel
from api.reminders.ladder import ladder, worst
from api.reminders.notice import Address, Notice
from api.reminders.outbox import claim, complete, fail, idem, queue_due
from api.store import Store, open_store

FIRST_RUNG = at("2026-12-04T14:00:00Z")
LEASE = dt.timedelta(seconds=120)


def _queue(store: Store, now: dt.datetime) -> int:
    with store.writing() as connection:
        return queue_due(connection, now)


def test_nothing_leaves_before_it_is_due_and_everything_when_it_is(fiction: House, channel: Recorder) -> None:
    fiction.record()
    fiction.sweep(channel, FIRST_RUNG - dt.timedelta(microseconds=1))
    assert channel.sent == []
    fiction.sweep(channel, FIRST_RUNG)
    assert len(channel.sent) == 1


def test_after_any_downtime_everything_missed_leaves_the_worst_first(fiction: House, channel: Recorder) -> None:
    fiction.record()
    fiction.record(MORPHINE, pump=fiction.another_pump())
    swept = fiction.sweep(channel, at("2027-03-01T00:00:00Z"))
    assert (swept.queued, swept.sent, swept.failed, swept.late) == (6, 2, 0, 0), "one message speaks for each pump"
    severity = {
        row[0]: row[2]
        for row in fiction.rows(
            "delivery JOIN reminder ON reminder.id = delivery.reminder_id", "idem, delivery.id, severity"
        )
    }
    assert [severity[name] for name, _ in channel.sent] == ["high", "analgesia-loss"]


def test_a_reminder_is_sent_once_however_often_we_sweep(fiction: House, channel: Recorder) -> None:
    fiction.record()
    for _ in range(5):
        fiction.sweep(channel, FIRST_RUNG)
    assert len(channel.sent) == 1
    assert [row[:2] for row in fiction.rows("delivery", "state, attempts, id")] == [("sent", 1)]


def test_many_workers_send_each_reminder_once(fiction: House, url: str) -> None:
    for _ in range(15):
        fiction.record(pump=fiction.another_pump())
    workers = [(House(open_store(url), fiction.clinic, fiction.patient, fiction.pump), Recorder()) for _ in range(4)]
    start = threading.Barrier(len(workers))

    def work(mine: House, channel: Recorder) -> None:
        start.wait()
        mine.sweep(channel, at("2027-03-01T00:00:00Z"))

    threads = [threading.Thread(target=work, args=worker) for worker in workers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    sent = [name for _, channel in workers for name, _ in channel.sent]
    assert len(sent) == len(set(sent)) == 15 + 1, "one for each pump with a fill, and one without"
    assert {row[0] for row in fiction.rows("delivery", "state, id, attempts")} == {"sent"}
    for mine, _ in workers:
        mine.store.close()


def test_a_crash_after_sending_sends_again_under_the_same_id(fiction: House, tmp_path: Path) -> None:
    fiction.record()
    folder = MailFolderChannel(tmp_path / "mail", "pumpcalc@pumpcalc.invalid")

    class DiesAfterSending:
        def send(self, notice: Notice, to: Address) -> str:
            folder.send(notice, to)
            raise SystemExit  # as a kill does: nothing after it runs, the lease stays

    with pytest.raises(SystemExit):
        fiction.sweep(DiesAfterSending(), FIRST_RUNG)
    first = {file.name: file.read_bytes() for file in folder.folder.iterdir()}
    # Under the lease nobody else takes it; after the lease anybody does.
    assert fiction.sweep(folder, FIRST_RUNG + LEASE - dt.timedelta(seconds=1)).sent == 0
    assert fiction.sweep(folder, FIRST_RUNG + LEASE).sent == 1
    second = {file.name: file.read_bytes() for file in folder.folder.iterdir()}
    assert list(first) == list(second)
    assert len(second) == 1
    assert _header(first) == _header(second)
    assert [row[:2] for row in fiction.rows("delivery", "state, attempts, id")] == [("sent", 2)]


def _header(files: dict[str, bytes]) -> list[bytes]:
    return [line for text in files.values() for line in text.split(b"\r\n") if line.startswith(b"Message-ID")]


def test_a_sleeper_that_wakes_after_its_lease_records_nothing(fiction: House) -> None:
    fiction.record()
    _queue(fiction.store, FIRST_RUNG)
    later = FIRST_RUNG + LEASE
    with fiction.store.writing() as connection:
        sleeper = claim(connection, FIRST_RUNG, "sleeper", LEASE, ["email"])
        assert sleeper is not None
        assert claim(connection, FIRST_RUNG, "other", LEASE, ["email"]) is None
    with fiction.store.writing() as connection:
        other = claim(connection, later, "other", LEASE, ["email"])
        assert other is not None
        assert not complete(connection, sleeper, later)
        assert not fail(connection, sleeper, later, "too late")
    assert [row[:2] for row in fiction.rows("delivery", "state, lease_owner, id")] == [("pending", "other")]
    with fiction.store.writing() as connection:
        assert complete(connection, other, later)
        assert not complete(connection, other, later), "sent is recorded once"


def test_a_refill_recorded_while_a_copy_is_in_flight_wins(fiction: House, channel: Recorder) -> None:
    fiction.record()
    body = ZICONOTIDE | {"fill_date": "2026-12-04"}
    channel.before = lambda: fiction.record(body, FIRST_RUNG)
    swept = fiction.sweep(channel, FIRST_RUNG)
    assert (swept.sent, swept.late) == (0, 1)
    assert [row[0] for row in fiction.rows("delivery", "state, id, attempts")] == ["cancelled"]


def test_failure_waits_longer_each_time_and_is_never_given_up(fiction: House, channel: Recorder) -> None:
    fiction.record()
    channel.failing = True
    now, waits = FIRST_RUNG, []
    while True:
        fiction.sweep(channel, now)
        ((state, next_try, error),) = fiction.rows("delivery", "state, next_try_at, last_error")
        waits.append((at(next_try) - now).total_seconds())
        if state == "dead":
            break
        now = at(next_try)
    wanted = [30, 60, 120, 240, 480, 960, 1920, 3600]
    assert all(least <= wait <= least * 1.1 for wait, least in zip(waits, wanted, strict=False)), waits[:8]
    assert all(3600 <= wait <= 3960 for wait in waits[8:])
    assert dt.timedelta(hours=24) <= now - FIRST_RUNG < dt.timedelta(hours=25, minutes=6)
    assert error == "ConnectionRefusedError: no server"
    # Dead is an alarm, and it is tried on: the first moment at which the server is back, it leaves.
    alarms = [row[1] for row in fiction.rows("reminder", "kind, about, id") if row[0] == "dead-delivery"]
    assert alarms == [row[0] for row in fiction.rows("delivery", "id, state, attempts")]
    channel.failing = False
    fiction.sweep(channel, now + dt.timedelta(hours=1, minutes=6))
    assert [row[0] for row in fiction.rows("delivery", "state, id, attempts")] == ["sent"]


def test_a_newer_reminder_takes_the_place_of_a_copy_that_still_waits(fiction: House, channel: Recorder) -> None:
    fiction.record()
    channel.failing = True
    fiction.sweep(channel, FIRST_RUNG)
    channel.failing = False
    fiction.sweep(channel, at("2026-12-15T14:00:00Z"))
    assert sorted(row[0] for row in fiction.rows("delivery", "state, id, attempts")) == ["cancelled", "sent"]
    assert ["3 days to" in made["Subject"] for _, made in channel.sent] == [True], "no older one comes after it"


def test_one_poisoned_reminder_does_not_hold_up_the_others(fiction: House, channel: Recorder) -> None:
    fiction.record(MORPHINE)
    fiction.record(pump=fiction.another_pump())
    with fiction.store.writing() as connection:  # past the door, straight into the store
        poisoned = sa.text("UPDATE pump SET reference = :reference WHERE id = :id")
        connection.execute(poisoned, {"reference": "x\nBcc: all@x.example", "id": fiction.pump})
    swept = fiction.sweep(channel, at("2027-03-01T00:00:00Z"))
    assert (swept.sent, swept.failed) == (1, 1)
    assert {row[2] is None for row in fiction.rows("delivery", "id, state, last_error") if row[1] == "sent"} == {True}


def test_a_reminder_is_queued_together_with_its_copy_or_not_at_all(fiction: House) -> None:
    fiction.record()

    def dies() -> None:
        with fiction.store.writing() as connection:
            queue_due(connection, FIRST_RUNG)
            raise SystemExit

    with pytest.raises(SystemExit):
        dies()
    assert fiction.rows("delivery") == []
    assert _queue(fiction.store, FIRST_RUNG) == 1


def test_a_clock_that_goes_back_resends_nothing(fiction: House, channel: Recorder) -> None:
    fiction.record()
    fiction.sweep(channel, FIRST_RUNG)
    fiction.sweep(channel, NOON)
    fiction.sweep(channel, FIRST_RUNG)
    assert len(channel.sent) == 1


def test_the_id_of_a_copy_depends_on_all_that_makes_it_one(fiction: House) -> None:
    names = {idem(*parts) for parts in (("c", "r", "email", "x"), ("d", "r", "email", "x"), ("c", "s", "email", "x"))}
    assert len(names | {idem("c", "r", "sms", "x"), idem("c", "r", "email", "y")}) == 5


def test_a_copy_that_was_half_written_is_not_in_the_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_descriptor: int) -> None:
        raise OSError("no space left on device")

    told = Notice("a" * 64, "due-day", "high", "x", ("text",), "http://127.0.0.1/", FIRST_RUNG, FIRST_RUNG)
    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(OSError, match="no space"):
        MailFolderChannel(tmp_path, "pumpcalc@pumpcalc.invalid").send(told, Address("email", "a@clinic.example"))
    assert list(tmp_path.iterdir()) == []


# The ladder


def _ladder(refill_by: str, *days: int, zone: str = "America/New_York", time: str = "09:00", fill: str = "2026-01-01",
            ) -> list[tuple[str, str, str]]:  # fmt: skip
    rungs = ladder(
        fill_date=dt.date.fromisoformat(fill),
        refill_by=dt.date.fromisoformat(refill_by),
        days_before=days,
        time_of_day=dt.time.fromisoformat(time),
        zone=zone,
    )
    return [(rung.kind, rung.local_intent, f"{rung.due_at:%Y-%m-%dT%H:%MZ}") for rung in rungs]


def test_a_time_that_the_clocks_skip_moves_forward_by_what_they_skip() -> None:
    # 2026-03-08 02:30 does not exist in New York: 03:30 EDT = 07:30 UTC.
    assert _ladder("2026-03-08", time="02:30") == [("due-day", "2026-03-08T02:30", "2026-03-08T07:30Z")]
    # Lord Howe skips half an hour on 2026-10-04: 02:15 +10:30 becomes 02:45 +11.
    assert _ladder("2026-10-04", time="02:15", zone="Australia/Lord_Howe")[0][2] == "2026-10-03T15:45Z"


def test_a_time_that_comes_twice_is_its_first_coming() -> None:
    # 2026-11-01 01:30 comes as EDT (05:30 UTC) and as EST (06:30 UTC).
    assert _ladder("2026-11-01", time="01:30") == [("due-day", "2026-11-01T01:30", "2026-11-01T05:30Z")]


def test_nine_in_the_morning_stays_nine_in_the_morning_across_the_change() -> None:
    assert [rung[2] for rung in _ladder("2026-03-10", 3)] == ["2026-03-07T14:00Z", "2026-03-10T13:00Z"]


def test_a_rung_on_or_before_the_fill_day_is_left_out_and_the_due_day_is_always_there() -> None:
    assert [rung[0] for rung in _ladder("2026-01-15", 14, 13, 0)] == ["13-days-before", "due-day"]
    assert [rung[0] for rung in _ladder("2026-01-01", 14, 3)] == ["due-day"]


@given(st.integers(0, 400), st.lists(st.integers(0, 400), unique=True, max_size=8))
def test_every_ladder_ends_on_the_due_day_and_climbs(lasts: int, days: list[int]) -> None:
    fill = dt.date(2026, 1, 1)
    rungs = ladder(
        fill_date=fill,
        refill_by=fill + dt.timedelta(days=lasts),
        days_before=days,
        time_of_day=dt.time(9),
        zone="Europe/Zurich",
    )
    assert rungs[-1].kind == "due-day"
    assert [rung.due_at for rung in rungs] == sorted({rung.due_at for rung in rungs})
    assert len(rungs) == 1 + sum(0 < count < lasts for count in days)


def test_the_worst_severity_decides() -> None:
    assert worst(["low", "analgesia-loss", "high"]) == "high"
    assert worst(["analgesia-loss", "critical"]) == "critical"
    with pytest.raises(ValueError, match="not in tuple"):
        worst(["odd"])
