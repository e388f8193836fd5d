"""The board as JSON and as a page, the private calendar, the figures of the engine, a request that is sent twice."""

from __future__ import annotations

import datetime as dt
from concurrent.futures import ThreadPoolExecutor
from html.parser import HTMLParser
from typing import Any

import httpx
import icalendar
import pytest
from api_fiction import CLINIC, ZICONOTIDE, is_problem

from api import clock
from api.board_page import page
from api.models import Board, BoardRow, PlanView

TODAY = clock.now().date()
FILLED = str(TODAY - dt.timedelta(days=2))


@pytest.fixture(scope="module")
def clinic(client: httpx.Client) -> str:
    """A clinic with a pump that has a date, and one that has none."""
    made = str(client.post("/v1/clinics", json=CLINIC).json()["id"])
    patient = client.post(f"/v1/clinics/{made}/patients", json={}).json()["id"]
    for reference in ("7F3K", "9H2K"):
        body = {"patient_id": patient, "model": "synchromed-ii-20", "reference": reference}
        pump = client.post(f"/v1/clinics/{made}/pumps", json=body).json()["id"]
        if reference == "7F3K":
            kept = client.post(f"/v1/clinics/{made}/pumps/{pump}/refills", json=ZICONOTIDE | {"fill_date": FILLED})
            assert kept.status_code == 201, kept.text
    return made


def test_the_board_shows_what_has_no_date_first(client: httpx.Client, clinic: str) -> None:
    board = client.get(f"/v1/clinics/{clinic}/board").json()
    assert [(row["reference"], row["plan"]["kind"]) for row in board["rows"]] == [("9H2K", "unknown"), ("7F3K", "date")]
    assert board["rows"][0]["days_left"] is None
    assert board["rows"][1]["days_left"] in (20, 21, 22)  # the clinic's day, in New York
    assert board["dead_deliveries"] == []


class _Texts(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.texts: list[str] = []
        self.tags: set[str] = set()

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        self.tags.add(tag)

    def handle_data(self, data: str) -> None:
        self.texts.append(data)


def test_the_board_is_a_page_that_loads_nothing_and_runs_nothing(client: httpx.Client, clinic: str) -> None:
    answer = client.get(f"/clinics/{clinic}/board")
    assert answer.status_code == 200
    assert "default-src 'none'" in answer.headers["content-security-policy"]
    read = _Texts()
    read.feed(answer.text)
    assert {"7F3K", "9H2K", "not known: no fill of it is recorded"} <= set(read.texts)
    assert not read.tags & {"script", "img", "link", "iframe", "form"}
    is_problem(client.get("/clinics/clinic-none/board"), 404, "not-found")


def test_no_text_becomes_a_tag_on_the_board() -> None:
    hostile = "<script>alert(1)</script>&\"'"
    plan = PlanView(
        id="p", pump_id="q", revision=1, kind="unknown", why=hostile, detail=None, refill_id=None, refill_by=None,
        binding=None, order_by=None, calculation_id=None, severity="critical", opened_at=clock.now(), closed_at=None,
    )  # fmt: skip
    row = BoardRow(
        pump_id="q", reference=hostile, model="m", state="active", plan=plan, days_left=None, reminders_sent=0,
        last_response=None, needs_someone=True,
    )  # fmt: skip
    read = _Texts()
    read.feed(page(hostile, Board(today=TODAY, rows=[row], dead_deliveries=[], critical_on_one_channel=True)))
    assert "script" not in read.tags
    assert hostile in "".join(read.texts)


def test_a_calendar_is_private_and_says_of_itself_that_it_is_no_alarm(client: httpx.Client, clinic: str) -> None:
    person = client.post(f"/v1/clinics/{clinic}/people", json={"name": "Fictional Person", "role": "nurse"}).json()
    for body in ({}, {"person_id": person["id"]}):
        feed = client.post(f"/v1/clinics/{clinic}/feeds", json=body).json()
        answer = client.get(feed["url"])
        assert answer.headers["content-type"].startswith("text/calendar")
        (event,) = icalendar.Calendar.from_ical(answer.text).walk("VEVENT")
        assert event["SUMMARY"] == "Pump refill: pump 7F3K, last safe day"
        assert "not an alarm" in event["DESCRIPTION"]
        for secret in ("ziconotide", "mcg", "mL", "Fictional Person"):
            assert secret not in answer.text
        assert client.delete(f"/v1/clinics/{clinic}/feeds/{feed['id']}").status_code == 204
        is_problem(client.get(feed["url"]), 404, "not-found")
    is_problem(client.post(f"/v1/clinics/{clinic}/feeds", json={"person_id": "person-none"}), 422, "unknown-person")


def test_a_calendars_entry_keeps_its_uid_and_counts_up(client: httpx.Client, clinic: str) -> None:
    feed = client.post(f"/v1/clinics/{clinic}/feeds", json={}).json()["url"]

    def entry() -> tuple[str, int, dt.date]:
        (event,) = icalendar.Calendar.from_ical(client.get(feed).text).walk("VEVENT")
        return str(event["UID"]), int(event["SEQUENCE"]), event["DTSTART"].dt

    before = entry()
    client.patch(f"/v1/clinics/{clinic}", json={"low_reservoir_alarm_volume": "4 mL"})
    after = entry()
    assert after[0] == before[0]
    assert after[1] > before[1]
    assert after[2] < before[2]
    client.patch(f"/v1/clinics/{clinic}", json={"low_reservoir_alarm_volume": "2 mL"})


def test_metrics_name_no_clinic_and_no_pump(client: httpx.Client, clinic: str) -> None:
    text = client.get("/metrics").text
    for name in (
        "reminders_due",
        "oldest_overdue_seconds",
        'deliveries{state="dead"}',
        "clock_believed 1.0",
        "misses 0.0",
    ):
        assert f"pumpcalc_{name}" in text
    for secret in (clinic, "7F3K", "Fictional"):
        assert secret not in text


def test_the_days_on_which_a_clinic_is_closed_are_shown_with_their_reason(client: httpx.Client) -> None:
    made = client.post("/v1/clinics", json=CLINIC | {"public_holidays": "US"}).json()["id"]
    closures = client.get(f"/v1/clinics/{made}/closures").json()["closures"]
    assert any(each["date"].endswith("-12-25") and "Christmas" in each["why"] for each in closures)
    for wrong in ("UA", "XX", "us"):
        answer = client.post("/v1/clinics", json=CLINIC | {"public_holidays": wrong})
        assert answer.status_code == 422, wrong
        assert answer.json()["errors"][0]["pointer"] == "/public_holidays"


def test_a_request_that_is_sent_twice_is_done_once(client: httpx.Client, clinic: str) -> None:
    address, body = f"/v1/clinics/{clinic}/patients", {"reference": "ONCE-1"}
    headers = {"Idempotency-Key": "6f1c1f9e-1"}
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: client.post(address, json=body, headers=headers), range(8)))
    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.json()["id"] for answer in answers}) == 1
    assert sum(answer.headers.get("idempotency-replayed") == "true" for answer in answers) == 7
    reused = client.post(address, json={"reference": "ONCE-2"}, headers=headers)
    is_problem(reused, 422, "idempotency-key-reused")
    is_problem(client.post(address, json=body, headers={"Idempotency-Key": "a b"}), 422, "idempotency-key")


def test_a_refusal_is_not_kept_under_its_key(client: httpx.Client, clinic: str) -> None:
    address, headers = f"/v1/clinics/{clinic}/patients", {"Idempotency-Key": "corrected-1"}
    assert client.post(address, json={"reference": "x"}, headers=headers).status_code == 422
    assert client.post(address, json={"reference": "CORRECTED-1"}, headers=headers).status_code == 201


def test_a_webhook_contact_shows_its_secret_once_and_its_address_never_again(client: httpx.Client, clinic: str) -> None:
    person = client.post(f"/v1/clinics/{clinic}/people", json={"name": "A Bot", "role": "nurse"}).json()["id"]
    body = {
        "person_id": person,
        "channel": "webhook",
        "address": "https://93.184.216.34/sesame",
        "after_minutes": "0",
    }
    made = client.post(f"/v1/clinics/{clinic}/contacts", json=body).json()
    assert made["secret"].startswith("whsec_")
    shown = client.get(f"/v1/clinics/{clinic}/contacts").text
    assert "sesame" not in shown
    assert "whsec" not in shown
    for wrong in ("http://93.184.216.34/", "https://127.0.0.1/", "https://user@93.184.216.34/"):
        answer = client.post(f"/v1/clinics/{clinic}/contacts", json=body | {"address": wrong})
        assert answer.json()["errors"][0]["pointer"] == "/address", wrong
    unknown = client.post(f"/v1/clinics/{clinic}/contacts", json=body | {"channel": "apprise", "address": "x://y"})
    is_problem(unknown, 422, "channel-not-set-up")
    assert client.delete(f"/v1/clinics/{clinic}/contacts/{made['contact']['id']}").json()["ended_at"] is not None
