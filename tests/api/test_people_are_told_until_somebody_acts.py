"""A reminder goes on until somebody answers, and comes back until the pump is refilled."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from api_fiction import CLINIC, MORPHINE, NOON, ZICONOTIDE, House, Recorder, at

from api import board_page, people, responses, views
from api.engine import digests_due
from api.problems import NotFound
from api.reminders import sweep
from api.reminders.ladder import held_until
from api.reminders.notice import Address, Notice, Undeliverable
from pumpcalc import Refusal

FIRST_RUNG = at("2026-12-04T14:00:00Z")
DUE_DAY = at("2026-12-18T14:00:00Z")
DAY = dt.timedelta(days=1)
MINUTE = dt.timedelta(minutes=1)


def _to(channel: Recorder) -> list[str]:
    """Who was told since the last question, in alphabetical order."""
    told = sorted(to.address for _, to in channel.told)
    channel.told.clear()
    return told


def _told(fiction: House, channel: Recorder, now: dt.datetime) -> list[str]:
    fiction.sweep(channel, now)
    return _to(channel)


@pytest.fixture
def escalating(fiction: House) -> tuple[House, str]:
    """A clinic whose mailbox and nurse are told at once, the pharmacist after an hour, the supervisor after four."""
    fiction.record()
    nurse, _ = fiction.person()
    fiction.person("60", "pharmacist")
    fiction.person("240", "supervisor")
    return fiction, nurse


def test_when_nobody_answers_the_next_person_is_told_and_then_the_next(
    escalating: tuple[House, str], channel: Recorder
) -> None:
    fiction, _ = escalating
    at_once = ["refills@clinic.example", "told-0@clinic.example"]
    assert _told(fiction, channel, FIRST_RUNG) == at_once
    assert _told(fiction, channel, FIRST_RUNG + 60 * MINUTE - dt.timedelta(microseconds=1)) == []
    assert _told(fiction, channel, FIRST_RUNG + 60 * MINUTE) == ["told-60@clinic.example"]
    assert _told(fiction, channel, FIRST_RUNG + 240 * MINUTE) == ["told-240@clinic.example"]
    assert _told(fiction, channel, FIRST_RUNG + 5 * DAY) == [], "without a repeat it ends there, until the next rung"
    assert _told(fiction, channel, at("2026-12-15T14:00:00Z")) == at_once


def test_a_clinic_may_have_a_reminder_repeated_to_everybody(fiction: House, channel: Recorder) -> None:
    from api import house

    house.change_settings(fiction.store, fiction.clinic, {"repeat_after_minutes": "90"}, NOON)
    fiction.record()
    fiction.person("60")
    _told(fiction, channel, FIRST_RUNG)
    _told(fiction, channel, FIRST_RUNG + 60 * MINUTE)
    everybody = ["refills@clinic.example", "told-60@clinic.example"]
    assert _told(fiction, channel, FIRST_RUNG + 149 * MINUTE) == []
    assert _told(fiction, channel, FIRST_RUNG + 150 * MINUTE) == everybody
    assert _told(fiction, channel, FIRST_RUNG + 240 * MINUTE) == everybody


def test_a_new_reminder_begins_its_chain_anew_and_ends_the_one_before(fiction: House, channel: Recorder) -> None:
    from api import house

    house.change_settings(fiction.store, fiction.clinic, {"repeat_after_minutes": "1440"}, NOON)
    fiction.record()
    at_once = ["refills@clinic.example"]
    for days in range(11):  # the 4th to the 14th of December, each day one
        assert _told(fiction, channel, FIRST_RUNG + days * DAY) == at_once
    for days in range(11, 20):  # the 15th has a rung of its own, the 18th too: still each day one
        assert _told(fiction, channel, FIRST_RUNG + days * DAY) == at_once
        pending = [row for row in fiction.rows("reminder", "state, round, id") if row[0] == "pending" and row[1] > 0]
        assert len(pending) == 1


def test_an_answer_ends_the_chain_and_never_the_plan(escalating: tuple[House, str], channel: Recorder) -> None:
    fiction, nurse = escalating
    _told(fiction, channel, FIRST_RUNG)
    fiction.respond(nurse, FIRST_RUNG + 59 * MINUTE)
    assert _told(fiction, channel, FIRST_RUNG + 10 * DAY) == []
    assert fiction.plan()["closed_at"] is None
    assert "told-0@clinic.example" in _told(fiction, channel, at("2026-12-15T14:00:00Z")), "the next rung still comes"


def test_answering_twice_changes_nothing_more(escalating: tuple[House, str], channel: Recorder) -> None:
    fiction, nurse = escalating
    _told(fiction, channel, FIRST_RUNG)
    fiction.respond(nurse, FIRST_RUNG)
    before = fiction.rows("reminder", "id, state, due_at")
    fiction.respond(nurse, FIRST_RUNG)
    assert fiction.rows("reminder", "id, state, due_at") == before


def test_after_the_last_safe_day_a_reminder_comes_each_day_until_the_refill(fiction: House, channel: Recorder) -> None:
    fiction.record()
    nurse, _ = fiction.person()
    for days in range(5):
        assert "told-0@clinic.example" in _told(fiction, channel, DUE_DAY + days * DAY)
        fiction.respond(nurse, DUE_DAY + days * DAY)
    late = ZICONOTIDE | {"fill_date": "2026-12-22"}
    with pytest.raises(Refusal, match="The old dose cannot be"):  # by its programme it ran dry on the 21st
        fiction.record(late, DUE_DAY + 4 * DAY)
    found = {"withdrawn_volume": "0 mL", "left_volume": "0 mL"}
    fiction.record(late | found | {"daily_dose": "2.4 mcg/day", "new_start": True}, DUE_DAY + 4 * DAY)
    assert _told(fiction, channel, DUE_DAY + 5 * DAY) == []


def test_a_pump_without_a_fill_is_told_of_each_morning(fiction: House, channel: Recorder) -> None:
    # registered on Wednesday noon: first on Thursday at nine
    assert _told(fiction, channel, at("2026-11-26T13:59:59Z")) == []
    assert _told(fiction, channel, at("2026-11-26T14:00:00Z")) == ["refills@clinic.example"]
    assert _told(fiction, channel, at("2026-11-27T14:00:00Z")) == ["refills@clinic.example"]
    fiction.record()
    assert _told(fiction, channel, at("2026-11-28T14:00:00Z")) == []


def test_a_visit_that_is_booked_stops_the_counting_down_and_is_asked_after(fiction: House, channel: Recorder) -> None:
    fiction.record()
    nurse, _ = fiction.person()
    _told(fiction, channel, FIRST_RUNG)
    fiction.respond(nurse, FIRST_RUNG, "booked", day="2026-12-16")
    assert _told(fiction, channel, at("2026-12-15T14:00:00Z")) == [], "3 days before: the visit is tomorrow"
    fiction.sweep(channel, at("2026-12-17T14:00:00Z"))
    assert {notice.kind for notice, _ in channel.told} == {"booking-passed"}
    assert any("no refill is recorded" in line for notice, _ in channel.told for line in notice.lines)
    _to(channel)
    assert _told(fiction, channel, DUE_DAY) != [], "the last safe day keeps its reminder"


@pytest.mark.parametrize(
    ("answer", "code", "pointer"),
    [
        ({"kind": "booked", "day": "2026-12-19"}, "after-last-safe-day", "/day"),
        ({"kind": "booked", "day": "2026-12-03"}, "out-of-range", "/day"),
        ({"kind": "booked"}, "missing", "/day"),
        ({"kind": "acknowledged", "day": "2026-12-17"}, "unknown-field", "/day"),
        ({"kind": "rescheduled", "day": "2026-12-17"}, "nothing-booked", "/kind"),
        ({"kind": "declined"}, "missing", "/reason"),
        ({"kind": "snoozed"}, "missing", "/until"),
        ({"kind": "snoozed", "until": "2026-12-04T15:00:00Z"}, "clinic-setting-missing", "/kind"),
        ({"kind": "acknowledged", "person_id": "person-none"}, "unknown-person", "/person_id"),
        ({"kind": "acknowledged", "plan_id": "plan-none"}, "plan-changed", "/plan_id"),
        ({"kind": "refilled"}, "not-one-of", "/kind"),
    ],
)
def test_an_answer_that_cannot_be_is_refused_and_changes_nothing(
    fiction: House, answer: dict[str, Any], code: str, pointer: str
) -> None:
    fiction.record()
    nurse, _ = fiction.person()
    before = fiction.everything()
    with pytest.raises(Refusal) as caught:
        responses.respond(fiction.store, fiction.clinic, fiction.pump, {"person_id": nurse} | answer, FIRST_RUNG)
    assert [(problem.code, problem.pointer) for problem in caught.value.problems] == [(code, pointer)]
    assert fiction.everything() == before


@pytest.mark.parametrize(
    ("until", "code"),
    [
        ("2026-12-04T16:00:00Z", None),
        ("2026-12-04T16:00:01Z", "silence-too-long"),
        ("2026-12-04T14:00:00Z", "out-of-range"),
    ],
)
def test_a_reminder_is_put_off_for_as_long_as_the_clinic_allows(
    fiction: House, channel: Recorder, until: str, code: str | None
) -> None:
    from api import house

    house.change_settings(fiction.store, fiction.clinic, {"snooze_minutes_at_most": "120"}, NOON)
    fiction.record()
    nurse, _ = fiction.person()
    _told(fiction, channel, FIRST_RUNG)
    if code is not None:
        with pytest.raises(Refusal) as caught:
            fiction.respond(nurse, FIRST_RUNG, "snoozed", until=until)
        assert caught.value.problems[0].code == code
        return
    fiction.respond(nurse, FIRST_RUNG, "snoozed", until=until)
    assert _told(fiction, channel, at(until) - MINUTE) == []
    assert "told-0@clinic.example" in _told(fiction, channel, at(until)), "it comes back"


def test_a_reminder_is_not_put_off_past_the_last_safe_day(fiction: House) -> None:
    from api import house

    house.change_settings(fiction.store, fiction.clinic, {"snooze_minutes_at_most": "10080"}, NOON)
    fiction.record()
    nurse, _ = fiction.person()
    # the 18th ends at 05:00 UTC on the 19th in New York
    with pytest.raises(Refusal, match="past the last safe day"):
        fiction.respond(nurse, DUE_DAY, "snoozed", until="2026-12-19T05:00:00Z")
    fiction.respond(nurse, DUE_DAY, "snoozed", until="2026-12-19T04:59:59Z")


QUIET = {"quiet_from": "08:00", "quiet_until": "10:00"}


def test_quiet_hours_hold_a_copy_and_never_drop_it(fiction: House, channel: Recorder) -> None:
    fiction.record()
    fiction.person(**QUIET)
    assert _told(fiction, channel, FIRST_RUNG) == ["refills@clinic.example"]
    assert _told(fiction, channel, FIRST_RUNG + 59 * MINUTE) == []
    assert _told(fiction, channel, FIRST_RUNG + 60 * MINUTE) == ["told-0@clinic.example"]


def test_quiet_hours_hold_a_copy_that_is_late_or_tried_again(fiction: House, channel: Recorder) -> None:
    fiction.record()
    fiction.person(quiet_from="09:05", quiet_until="10:00")
    channel.failing = True
    assert _told(fiction, channel, FIRST_RUNG) == []  # both fail before the quiet hours begin
    channel.failing = False
    assert _told(fiction, channel, FIRST_RUNG + 5 * MINUTE) == ["refills@clinic.example"]
    with fiction.store.reading() as connection:
        (held,) = connection.exec_driver_sql("SELECT attempts FROM delivery WHERE state = 'pending'").scalars()
    assert held == 1, "what was not tried is not counted as a try"
    assert _told(fiction, channel, FIRST_RUNG + 59 * MINUTE) == []
    assert _told(fiction, channel, FIRST_RUNG + 60 * MINUTE) == ["told-0@clinic.example"]


def test_quiet_hours_never_pass_the_end_of_the_last_safe_day(fiction: House, channel: Recorder) -> None:
    fiction.record()
    fiction.person(quiet_from="08:00", quiet_until="07:00")
    assert "told-0@clinic.example" in _told(fiction, channel, DUE_DAY)


def test_once_the_last_safe_day_has_passed_a_visit_can_be_booked_and_a_reminder_comes_each_day(
    fiction: House, channel: Recorder
) -> None:
    fiction.record()
    nurse, _ = fiction.person()
    ends = at("2026-12-19T05:00:00Z")  # the 18th in New York
    with pytest.raises(Refusal, match="The last safe day is 2026-12-18"):
        fiction.respond(nurse, ends - dt.timedelta(seconds=1), "booked", day="2026-12-21")
    fiction.respond(nurse, ends, "booked", day="2026-12-21")
    everybody = ["refills@clinic.example", "told-0@clinic.example"]
    for days in range(1, 6):
        assert _told(fiction, channel, DUE_DAY + days * DAY) == everybody


BACLOFEN = {
    "fill_date": "2026-11-25",
    "fill_volume": "20 mL",
    "components": [{"drug": "baclofen", "concentration": "0.5 mg/mL"}],
    "daily_dose": "0.24 mg/day",
    "stability": "77 day",
}


def test_the_board_says_when_a_critical_pump_is_told_of_by_one_channel_only(fiction: House) -> None:
    def is_alone() -> bool:
        with fiction.store.reading() as connection:
            return views.board(connection, fiction.clinic, dt.date(2026, 12, 1)).critical_on_one_channel

    fiction.record()
    assert not is_alone(), "a miss of it is no matter of life"
    fiction.record(BACLOFEN, pump=fiction.another_pump())
    assert is_alone()
    fiction.person()
    assert is_alone(), "the mailbox and a person's e-mail fail together"
    _, hook = fiction.person(channel="webhook", address="https://hooks.clinic.example/x")
    assert not is_alone()
    people.end_contact(fiction.store, fiction.clinic, hook, NOON)
    assert is_alone()


def test_one_channel_is_down_and_the_other_delivers(fiction: House, channel: Recorder) -> None:
    fiction.record(BACLOFEN)
    fiction.person(channel="webhook", address="https://hooks.clinic.example/x")
    first = dt.datetime.combine(fiction.plan()["refill_by"] - 14 * DAY, dt.time(14), dt.UTC)
    channels = {"email": Recorder(failing=True), "webhook": channel}
    for after in range(3):  # while the mail server does not answer, again and again
        now = first + after * DAY
        sweep(fiction.store, channels, lambda now=now: now, public_url="http://127.0.0.1:8000", lease=2 * MINUTE)  # type: ignore[misc]
    assert _to(channel)[0] == "https://hooks.clinic.example/x"
    assert channels["email"].told == []


def test_the_board_names_the_address_that_cannot_be_reached_and_no_secret(fiction: House) -> None:
    class Gone:
        def send(self, notice: Notice, to: Address) -> str:
            raise Undeliverable("410")

    fiction.record()
    fiction.person(channel="webhook", address="https://hooks.clinic.example/a-secret")
    gone = dict.fromkeys(("email", "webhook"), Gone())
    sweep(fiction.store, gone, lambda: FIRST_RUNG, public_url="http://127.0.0.1:8000", lease=2 * MINUTE)
    with fiction.store.reading() as connection:
        board = views.board(connection, fiction.clinic, dt.date(2026, 12, 4))
    page = board_page.page("Fictional Clinic", board)
    assert "2 reminders could not be delivered" in page
    for address in ("email to refills@clinic.example", "webhook to https://hooks.clinic.example..."):
        assert f"<li>{address}</li>" in page
    assert "a-secret" not in page + board.model_dump_json()


def test_quiet_hours_never_hold_the_worst(fiction: House, channel: Recorder) -> None:
    fiction.record(BACLOFEN)
    fiction.person(**QUIET)
    first = dt.datetime.combine(fiction.plan()["refill_by"] - 14 * DAY, dt.time(14), dt.UTC)
    assert fiction.plan()["severity"] == "critical"
    assert "told-0@clinic.example" in _told(fiction, channel, first)


@pytest.mark.parametrize(
    ("now", "begins", "ends", "held"),
    [
        ("2026-12-04T03:00:00Z", "22:00", "07:00", "2026-12-04T12:00:00Z"),  # the first minute: 22:00 in New York
        ("2026-12-04T02:59:59Z", "22:00", "07:00", "2026-12-04T02:59:59Z"),
        ("2026-12-04T11:59:59Z", "22:00", "07:00", "2026-12-04T12:00:00Z"),
        ("2026-12-04T12:00:00Z", "22:00", "07:00", "2026-12-04T12:00:00Z"),
        ("2026-03-08T06:30:00Z", "22:00", "02:30", "2026-03-08T07:30:00Z"),  # the clocks skip 02:30
    ],
)
def test_quiet_hours_are_the_clinics_own(now: str, begins: str, ends: str, held: str) -> None:
    found = held_until(at(now), dt.time.fromisoformat(begins), dt.time.fromisoformat(ends), "America/New_York")
    assert found == at(held)


def test_a_dead_copy_is_an_alarm_on_another_channel(fiction: House, channel: Recorder) -> None:
    class Gone:
        def send(self, notice: Notice, to: Address) -> str:
            raise Undeliverable("410")

    fiction.record()
    fiction.person(channel="webhook", address="https://hooks.clinic.example/x")
    channels = {"email": channel, "webhook": Gone()}

    def swept(now: dt.datetime) -> None:
        sweep(fiction.store, channels, lambda: now, public_url="http://127.0.0.1:8000", lease=2 * MINUTE)

    swept(FIRST_RUNG)
    states = dict(row[:2] for row in fiction.rows("delivery", "channel, state, id"))
    assert states == {"email": "sent", "webhook": "dead"}
    channel.told.clear()
    swept(FIRST_RUNG + MINUTE)
    assert [(notice.kind, to.address) for notice, to in channel.told] == [("dead-delivery", "refills@clinic.example")]
    assert "hooks" not in str(channel.told[0][0]), "the address is a secret"


def test_two_contacts_with_one_address_get_one_copy(fiction: House, channel: Recorder) -> None:
    fiction.record()
    fiction.person(address="refills@clinic.example")
    assert _told(fiction, channel, FIRST_RUNG) == ["refills@clinic.example"]


def test_who_has_left_is_told_nothing_more(fiction: House, channel: Recorder) -> None:
    fiction.record()
    nurse, _ = fiction.person()
    people.end_person(fiction.store, fiction.clinic, nurse, NOON)
    assert _told(fiction, channel, FIRST_RUNG) == ["refills@clinic.example"]
    with pytest.raises(Refusal, match="no such person"):
        fiction.respond(nurse, FIRST_RUNG)


def test_the_morning_list_comes_once_a_day_and_names_no_drug(fiction: House, channel: Recorder) -> None:
    from api import house

    house.change_settings(fiction.store, fiction.clinic, {"digest_time": "07:30"}, NOON)
    fiction.record()
    fiction.record(MORPHINE, pump=fiction.another_pump())
    fiction.another_pump()
    fiction.person("10000", digest=True)
    morning = at("2026-12-01T12:30:00Z")

    def listed(now: dt.datetime) -> list[Any]:
        with fiction.store.writing() as connection:
            digests_due(connection, now)
        fiction.sweep(channel, now)
        found = [notice for notice, to in channel.told if to.address == "told-10000@clinic.example"]
        channel.told.clear()
        return found

    assert listed(morning - MINUTE) == []
    (digest,) = listed(morning)
    assert digest.subject == "Pump refills: 3 pumps on Tuesday 1 December 2026"
    assert len([line for line in digest.lines if line.startswith("Pump ")]) == 3
    assert digest.link == f"http://127.0.0.1:8000/clinics/{fiction.clinic}/board", "a page, for a person"
    assert "no fill of it is recorded" in digest.lines[0], "what has no date comes first"
    for secret in ("ziconotide", "morphine", "mcg", "mL"):
        assert secret not in " ".join(digest.lines)
    assert listed(morning + 60 * MINUTE) == []
    assert len(listed(morning + DAY)) == 1


def test_another_clinics_pump_cannot_be_answered_for(fiction: House) -> None:
    fiction.record()
    nurse, _ = fiction.person()
    with pytest.raises(NotFound):
        responses.respond(
            fiction.store, "clinic-none", fiction.pump, {"person_id": nurse, "kind": "acknowledged"}, NOON
        )


def test_a_change_of_the_clinics_rules_moves_the_plans_that_rest_on_them(fiction: House, channel: Recorder) -> None:
    from api import house
    from api.engine import replan_stale

    fiction.record()
    first = fiction.plan()
    assert str(first["refill_by"]) == "2026-12-18"
    house.change_settings(fiction.store, fiction.clinic, {"low_reservoir_alarm_volume": "4 mL"}, NOON + DAY)
    assert replan_stale(fiction.store, lambda: NOON + DAY) == 1
    second = fiction.plan()
    # 19.2 mcg/day of 25 mcg/mL is 0.768 mL/day; 16 mL last 20.8 days: 20, to the 15th
    assert (second["revision"], second["why"], str(second["refill_by"])) == (
        first["revision"] + 1,
        "settings",
        "2026-12-15",
    )
    fiction.sweep(channel, NOON + DAY)
    assert [notice.kind for notice, _ in channel.told] == ["moved-earlier"], "an earlier day is told at once"
    house.change_settings(fiction.store, fiction.clinic, {"closed_dates": CLINIC["closed_dates"]}, NOON + DAY)
    replan_stale(fiction.store, lambda: NOON + DAY)
    assert fiction.plan()["id"] == second["id"], "what comes to the same stays as it is"


def test_a_booked_visit_stays_booked_when_it_lies_within_the_new_last_safe_day(fiction: House) -> None:
    from api import house
    from api.engine import replan_stale

    fiction.record()
    nurse, _ = fiction.person()
    fiction.respond(nurse, NOON, "booked", day="2026-12-14")
    house.change_settings(fiction.store, fiction.clinic, {"low_reservoir_alarm_volume": "4 mL"}, NOON + DAY)
    replan_stale(fiction.store, lambda: NOON + DAY)
    kinds = {row[0]: row[1] for row in fiction.rows("response", "plan_id, day, id")}
    assert kinds[fiction.plan()["id"]] == "2026-12-14"


def test_public_holidays_lead_times_and_the_booking_window_are_the_clinics(fiction: House) -> None:
    from api import house
    from api.engine import replan_stale
    from api.store.queries import plans
    from pumpcalc import Calculation, verify

    settings = {
        "public_holidays": "US", "closed_weekdays": ["saturday", "sunday"], "compounding_lead_days": "2",
        "controlled_drug_lead_days": "3", "controlled_drugs": ["morphine"], "booking_window_days": "7",
    }  # fmt: skip
    house.change_settings(fiction.store, fiction.clinic, settings, NOON)
    replan_stale(fiction.store, lambda: NOON)
    # 0.5 mL/day: 18 mL last 36 days, to Thursday the 31st; 31 days of 0.58 mL to Christmas
    fiction.record(MORPHINE | {"daily_dose": "12 mg/day"})
    plan = fiction.plan()
    # 18 / 0.6 = 30 days: 25 December, a holiday; Thursday the 24th is open
    assert str(plan["refill_by"]) == "2026-12-24"
    # five open days before it: 23, 22, 21, 18, 17
    assert str(plan["order_by"]) == "2026-12-17"
    with fiction.store.reading() as connection:
        row = plans.plan_by_id(connection, fiction.clinic, plan["id"])
    assert row is not None
    record = Calculation.model_validate_json(row["record"])
    verify(record)
    assert record.answers["book_from"] == "2026-12-17"
    assert [each["date"] for each in record.answers["best_days"]][-1] == "2026-12-24"
    assert any(each["what"] == "closed-days" for each in record.answers["would_move"])
