"""The page of a pump, to which its reminders link: what it says, what it keeps to itself, what it lets nobody do."""

from __future__ import annotations

import datetime as dt
import re
from html.parser import HTMLParser
from typing import Any

import httpx
import pytest
from api_fiction import CLINIC, NOON, ZICONOTIDE, House, Recorder, at, is_problem

from api import clock, house, ledger, people, views
from api.answer_form import SCRIPT, silences
from api.pump_page import page
from api.store.queries import people as people_queries

DUE = dt.date(2026, 12, 18)
MINUTE = dt.timedelta(minutes=1)
NEW_YORK = "America/New_York"


class _Read(HTMLParser):
    """What stands on a page: its texts in one line, its tags, its attributes, and the choices of its form."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: list[tuple[str, str | None]] = []
        self.kinds: list[str | None] = []
        self._texts: list[str] = []
        self._skipping = False
        self.feed(text)
        self.text = " ".join(" ".join(self._texts).split())

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        self.tags.add(tag)
        self.attributes += attrs
        self._skipping = tag in ("script", "style")
        if ("name", "kind") in attrs:
            self.kinds.append(dict(attrs)["value"])

    def handle_endtag(self, tag: str) -> None:
        self._skipping = False

    def handle_data(self, data: str) -> None:
        if not self._skipping:
            self._texts.append(data)


def _read(fiction: House, now: dt.datetime, pump: str | None = None) -> _Read:
    with fiction.store.reading() as connection:
        clinic = house.clinic(connection, fiction.clinic)
        shown = views.schedule(connection, clinic["id"], house.pump_of(connection, clinic["id"], pump or fiction.pump))
        everybody = people_queries.persons_after(connection, clinic["id"], "", 100)
    return _Read(page(clinic, shown, everybody, now))


@pytest.fixture
def backend() -> str:
    """What the page says does not depend on the database."""
    return "sqlite"


@pytest.mark.parametrize(
    ("now", "says"),
    [
        ("2026-12-15T12:00:00-05:00", "Refill by Friday 18 December 2026: 3 days left."),
        ("2026-12-17T12:00:00-05:00", "Refill by Friday 18 December 2026: 1 day left."),
        ("2026-12-18T23:59:59-05:00", "Refill today, Friday 18 December 2026: it is the last safe day."),
        ("2026-12-19T00:00:00-05:00", "Refill now: 1 day past the last safe day, Friday 18 December 2026."),
        ("2026-12-21T12:00:00-05:00", "Refill now: 3 days past the last safe day, Friday 18 December 2026."),
    ],
)
def test_one_sentence_says_what_has_to_happen_and_by_when(fiction: House, now: str, says: str) -> None:
    fiction.record()
    assert says in _read(fiction, at(now).astimezone(dt.UTC)).text


def test_the_page_says_which_limit_decides_and_every_limit_with_its_day(make_fiction: Any) -> None:
    fiction = make_fiction(compounding_lead_days="3", booking_window_days="7")
    fiction.record()
    text = _read(fiction, NOON).text
    assert "SynchroMed II 20 mL" in text
    assert "What decides it: the low-reservoir alarm." in text
    assert "The low-reservoir alarm: decides Friday 18 December 2026 23 days" in text
    assert "The stability of the solution in the pump Wednesday 17 February 2027 84 days" in text
    assert "The longest interval between two refills of this pump Monday 24 May 2027 180 days" in text
    assert "Without the low-reservoir alarm: Wednesday 17 February 2027, 61 days later" in text
    assert "Order the solution by Tuesday 15 December 2026 (in 20 days)" in text
    assert "Book from Friday 11 December 2026 (in 16 days)" in text
    assert "Best days for the visit: Friday 11 December 2026" in text


def test_a_refill_that_closed_days_bring_forward_says_so(make_fiction: Any) -> None:
    fiction = make_fiction(closed_weekdays=["friday"])
    fiction.record()
    text = _read(fiction, NOON).text
    assert "Refill by Thursday 17 December 2026" in text
    assert "It is reached on Friday 18 December 2026; closed days and lead days bring the refill forward." in text
    assert "If the clinic were open every day: Friday 18 December 2026, 1 day later" in text


def test_a_pump_without_a_last_safe_day_says_why_and_what_to_do(fiction: House) -> None:
    fiction.person()
    read = _read(fiction, NOON)
    assert "No last safe day can be stated, because no fill of it is recorded. Record the fill that is in it." in (
        read.text
    )
    assert read.kinds == ["acknowledged", "declined"], "no visit is held against a day that is not known"
    assert "No visit can be recorded here, because there is no last safe day to hold it against." in read.text
    fiction.record()
    ledger.record_event(
        fiction.store, fiction.clinic, fiction.pump, {"event": "stop", "at": "2026-11-26T12:00:00-05:00"},
        NOON + dt.timedelta(days=2),
    )  # fmt: skip
    text = _read(fiction, NOON + dt.timedelta(days=2)).text
    assert "because it is stopped. Record that it runs again, or its refill." in text


def test_a_pump_that_is_explanted_waits_for_nothing_and_is_not_answered(fiction: House) -> None:
    fiction.record()
    fiction.person()
    ledger.explant(fiction.store, fiction.clinic, fiction.pump, {"on": "2026-11-25"}, NOON)
    read = _read(fiction, NOON)
    assert "This pump is explanted: it waits for nothing more." in read.text
    assert not read.tags & {"form", "script", "table"}


@pytest.mark.parametrize(
    ("now", "earliest", "latest", "words"),
    [
        (
            "2026-12-18T23:59:59-05:00",
            "2026-12-18",
            "2026-12-18",
            "At the latest Friday 18 December 2026, the last safe",
        ),
        ("2026-12-19T00:00:00-05:00", "2026-12-19", None, "The last safe day has passed: as soon as can be."),
    ],
)
def test_a_visit_is_held_to_the_last_safe_day_until_it_has_passed(
    fiction: House, now: str, earliest: str, latest: str | None, words: str
) -> None:
    fiction.record()
    fiction.person()
    read = _read(fiction, at(now).astimezone(dt.UTC))
    assert read.kinds == ["acknowledged", "booked", "declined"]
    assert dict(read.attributes)["min"] == earliest
    assert dict(read.attributes).get("max") == latest
    assert words in read.text


def test_who_has_left_answers_nothing_more_and_what_they_answered_keeps_their_name(fiction: House) -> None:
    fiction.record()
    nurse, _ = fiction.person()
    fiction.respond(nurse, NOON + MINUTE, "booked", day="2026-12-16")
    people.end_person(fiction.store, fiction.clinic, nurse, NOON + 2 * MINUTE)
    read = _read(fiction, NOON + 3 * MINUTE)
    assert "Wed 25 Nov 2026, 12:01, Fictional Person: a visit is booked for Wednesday 16 December 2026" in read.text
    assert "Nobody of this clinic is recorded who could answer. Add its people first." in read.text
    assert "form" not in read.tags


def test_each_reminder_is_shown_with_its_copies_and_no_address(fiction: House, channel: Recorder) -> None:
    fiction.record()
    nurse, _ = fiction.person("60")
    due = at("2026-12-15T14:00:00Z")
    fiction.sweep(channel, due)
    read = _read(fiction, due + MINUTE)
    assert "Nobody has answered the reminder of Tue 15 Dec 2026, 09:00." in read.text
    assert "Fri 4 Dec 2026, 09:00 14 days left a later one spoke for it" in read.text
    assert "Tue 15 Dec 2026, 09:00 3 days left e-mail sent Tue 15 Dec 2026, 09:00" in read.text
    assert "Tue 15 Dec 2026, 10:00 3 days left, to those told 60 minutes later to come" in read.text
    assert "clinic.example" not in read.text
    fiction.respond(nurse, due + 2 * MINUTE)
    assert "Nobody has answered" not in _read(fiction, due + 3 * MINUTE).text


def test_a_copy_that_could_not_be_delivered_is_an_alarm_on_the_page(fiction: House, channel: Recorder) -> None:
    fiction.record()
    channel.failing = True
    due = at("2026-12-15T14:00:00Z")
    fiction.sweep(channel, due)
    assert "3 days left e-mail not sent yet" in _read(fiction, due + MINUTE).text
    fiction.sweep(channel, due + dt.timedelta(days=1, minutes=1))
    text = _read(fiction, due + dt.timedelta(days=1, minutes=2)).text
    assert "e-mail could not be delivered, is tried again each hour" in text


def test_the_page_of_a_pump_with_a_last_safe_day_names_no_drug_and_no_dose(fiction: House) -> None:
    fiction.record()
    text = _read(fiction, NOON).text
    for secret in ("ziconotide", "mcg", "19.2"):
        assert secret not in text


@pytest.mark.parametrize(
    ("at_most", "offered"),
    [
        (None, []),
        ("0", []),
        ("29", ["29 minutes"]),
        ("30", ["30 minutes"]),
        ("59", ["30 minutes"]),
        ("60", ["30 minutes", "1 hour"]),
        ("239", ["30 minutes", "1 hour"]),
        ("240", ["30 minutes", "1 hour", "4 hours"]),
        ("1259", ["30 minutes", "1 hour", "4 hours"]),
        ("1260", ["30 minutes", "1 hour", "4 hours", "until tomorrow morning"]),
    ],
)
def test_a_silence_is_offered_at_the_ceiling_and_not_past_it(at_most: str | None, offered: list[str]) -> None:
    """From noon it is 21 hours, 1260 minutes, to nine o'clock."""
    assert [words for words, _ in silences(at_most, DUE, NEW_YORK, NOON)] == offered


def test_a_silence_ends_before_the_last_safe_day_does() -> None:
    midnight = at("2026-12-19T05:00:00Z")  # in New York
    for minutes, offered in ((31, ["30 minutes"]), (30, []), (1, [])):
        found = silences("240", DUE, NEW_YORK, midnight - minutes * MINUTE)
        assert [words for words, _ in found] == offered, f"{minutes} minutes before it ends"
    after = silences("240", DUE, NEW_YORK, midnight)
    assert [words for words, _ in after] == ["30 minutes", "1 hour", "4 hours"], "the day is over: reminders go on"


def test_every_silence_that_is_offered_is_taken(make_fiction: Any) -> None:
    fiction = make_fiction(snooze_minutes_at_most="1440")
    fiction.record()
    nurse, _ = fiction.person()
    now = NOON + dt.timedelta(seconds=59, microseconds=999_999)
    offered = silences("1440", DUE, NEW_YORK, now)
    assert len(offered) == 4
    for _, until in offered:
        fiction.respond(nurse, now, "snoozed", until=until.isoformat())


def test_tomorrow_morning_is_nine_by_the_clock_of_the_clinic_when_the_clocks_change() -> None:
    saturday = at("2026-10-31T12:00:00-04:00").astimezone(dt.UTC)
    assert silences("2880", None, NEW_YORK, saturday)[-1][1] == at("2026-11-01T09:00:00-05:00")


def test_no_text_becomes_a_tag_on_the_page(fiction: House) -> None:
    fiction.record()
    hostile = "<script>alert(1)</script>&\"'{}"
    body = {"name": hostile, "role": "nurse"}
    person = people.add_person(fiction.store, fiction.clinic, body, NOON)["id"]
    fiction.respond(person, NOON + MINUTE, "declined", reason="<b>&\"'")
    with fiction.store.reading() as connection:
        clinic = house.clinic(connection, fiction.clinic)
        shown = views.schedule(connection, clinic["id"], house.pump_of(connection, clinic["id"], fiction.pump))
        everybody = people_queries.persons_after(connection, clinic["id"], "", 100)
    strange = {"reference": hostile, "model": hostile, "id": hostile}
    shown = shown.model_copy(update={"pump": shown.pump.model_copy(update=strange)})
    text = page({**clinic, "name": hostile}, shown, everybody, NOON + 2 * MINUTE)
    read = _Read(text)
    assert text.count("<script>") == 1
    assert not read.tags & {"b", "img"}
    for place in (f"Pump {hostile}", f"Board of {hostile}", f"{hostile} (nurse)", f"{hostile}: no refill here: <b>&"):
        assert place in read.text


@pytest.fixture(scope="module")
def pump(client: httpx.Client) -> tuple[str, str]:
    """A clinic and a pump of it that is filled, at the running service."""
    clinic = str(client.post("/v1/clinics", json=CLINIC).json()["id"])
    client.post(f"/v1/clinics/{clinic}/people", json={"name": "Fictional Person", "role": "nurse"})
    patient = client.post(f"/v1/clinics/{clinic}/patients", json={}).json()["id"]
    body = {"patient_id": patient, "model": "synchromed-ii-20"}
    made = client.post(f"/v1/clinics/{clinic}/pumps", json=body).json()["id"]
    filled = str(clock.now().date() - dt.timedelta(days=2))
    kept = client.post(f"/v1/clinics/{clinic}/pumps/{made}/refills", json=ZICONOTIDE | {"fill_date": filled})
    assert kept.status_code == 201, kept.text
    return clinic, made


def test_the_page_may_run_its_own_script_ask_this_host_and_nothing_more(
    client: httpx.Client, pump: tuple[str, str]
) -> None:
    answer = client.get(f"/clinics/{pump[0]}/pumps/{pump[1]}")
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["referrer-policy"] == "no-referrer"
    assert answer.headers["x-content-type-options"] == "nosniff"
    policy = dict(each.strip().partition(" ")[::2] for each in answer.headers["content-security-policy"].split(";"))
    assert {name: value for name, value in policy.items() if not name.startswith(("script", "style"))} == {
        "default-src": "'none'",
        "connect-src": "'self'",
        "base-uri": "'none'",
        "form-action": "'none'",
        "frame-ancestors": "'none'",
    }
    for name in ("script-src", "style-src"):
        assert re.fullmatch(r"'sha256-[A-Za-z0-9+/]{43}='", policy[name])
    read = _Read(answer.text)
    assert not read.tags & {"img", "link", "iframe", "object", "noscript"}
    assert not [name for name, _ in read.attributes if name.startswith("on") or name in ("src", "style", "action")]
    assert "innerHTML" not in SCRIPT


def test_what_is_not_there_has_no_page(client: httpx.Client, pump: tuple[str, str]) -> None:
    clinic, made = pump
    other = client.post("/v1/clinics", json=CLINIC).json()["id"]
    for address in (f"clinic-none/pumps/{made}", f"{clinic}/pumps/pump-none", f"{other}/pumps/{made}"):
        is_problem(client.get(f"/clinics/{address}"), 404, "not-found")


def test_the_page_takes_no_answer_itself(client: httpx.Client, pump: tuple[str, str]) -> None:
    clinic, made = pump
    is_problem(client.post(f"/clinics/{clinic}/pumps/{made}", json={}), 405, "method-not-allowed")
    form = client.post(f"/v1/clinics/{clinic}/pumps/{made}/responses", data={"kind": "acknowledged"})
    is_problem(form, 415, "media-type")
    assert client.get(f"/v1/clinics/{clinic}/pumps/{made}/schedule").json()["responses"] == []
    assert "/clinics/{clinic}/pumps/{pump}" not in client.get("/openapi.json").json()["paths"]
