"""A service that was started on a clock that was years ahead, and what it leaves when the clock is right again."""

from __future__ import annotations

import datetime as dt

from api_fiction import NOON, House, Recorder, at

from api.engine import Engine, Post
from api.store.queries import engine as marks

AHEAD = at("2036-11-25T17:00:00Z")
LEASE = dt.timedelta(seconds=120)


def _engine(fiction: House, channel: Recorder, now: list[dt.datetime]) -> Engine:
    post = Post(dict.fromkeys(("email", "webhook"), channel), "http://127.0.0.1:8000", LEASE)
    return Engine(fiction.store, post, lambda: now[0], (now[0] - NOON).total_seconds)


def test_what_it_used_up_is_told_anew_and_what_it_put_off_comes_in_time(fiction: House, channel: Recorder) -> None:
    fiction.record()
    never_filled = fiction.another_pump()
    channel.failing = True  # so that a copy is put off, too: by the clock of 2036
    now = [AHEAD]
    first = _engine(fiction, channel, now)
    first.tick()
    if fiction.store.is_shared:  # the server has a clock of its own: this one is not believed to begin with
        assert not first.verdict.may_send
        assert fiction.rows("delivery") == []
        return
    assert {row[0] for row in fiction.rows("delivery", "state, id, attempts")} == {"pending"}
    channel.failing = False

    # The clock is right again. What was kept lies ahead, so no refill is recorded, until an operator has looked.
    now = [NOON]
    again = _engine(fiction, channel, now)
    again.tick()
    assert not again.verdict.may_schedule
    assert {row[0] for row in fiction.rows("delivery", "state, id, attempts")} == {"sent"}, "nothing waits for 2036"
    with fiction.store.writing() as connection:
        marks.mark_beat(connection, "clock", NOON)
    channel.told.clear()
    again.tick()
    assert again.verdict.may_schedule
    assert fiction.plan()["why"] == "clock"
    pending = [row for row in fiction.rows("reminder", "state, due_at, kind, plan_id") if row[0] == "pending"]
    dated = {row[1][:10] for row in pending if row[3] == fiction.plan()["id"]}
    assert dated == {"2026-12-04", "2026-12-15", "2026-12-18"}, "the whole ladder is still to come"
    assert fiction.plan(never_filled)["kind"] == "unknown"
    assert all(row[1] < "2026-12-19" for row in pending)
    assert marks_are_whole(fiction)
    again.tick()
    assert [row[0] for row in fiction.rows("plan", "revision, id, why") if row[2] == "clock"] == [3], "once"


def marks_are_whole(fiction: House) -> bool:
    with fiction.store.reading() as connection:
        return not marks.pumps_without_a_plan(connection) and not marks.quiet_plans(connection)
