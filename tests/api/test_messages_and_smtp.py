"""What a reminder says, and that a real SMTP server gets it under one id."""

from __future__ import annotations

import asyncio
import datetime as dt
from collections.abc import Iterator
from email.message import Message
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.handlers import Message as MessageHandler
from api_fiction import MORPHINE, ZICONOTIDE, House, Recorder, at, free_port

from api.reminders import SmtpChannel
from api.reminders.message import email, notice
from api.reminders.notice import Address, Notice
from api.settings import Settings

SENDER = "pumpcalc@pumpcalc.invalid"
FIRST_RUNG = at("2026-12-04T14:00:00Z")


class _Postbox(MessageHandler):
    """Keeps what arrives; answers with an error after having kept it, when told to."""

    def __init__(self) -> None:
        super().__init__()
        self.got: list[Message] = []
        self.drops_after_data = False

    def handle_message(self, message: Message) -> None:
        self.got.append(message)

    async def handle_DATA(self, server: object, session: object, envelope: object) -> str:
        await super().handle_DATA(server, session, envelope)
        return "451 try again" if self.drops_after_data else "250 OK"


@pytest.fixture
def postbox() -> Iterator[tuple[_Postbox, str]]:
    box = _Postbox()
    controller = Controller(box, hostname="127.0.0.1", port=free_port())
    controller.start()
    yield box, f"smtp://127.0.0.1:{controller.port}"
    controller.stop()


def test_a_real_smtp_server_gets_the_reminder(fiction: House, postbox: tuple[_Postbox, str]) -> None:
    box, url = postbox
    fiction.record()
    assert fiction.sweep(SmtpChannel(url, SENDER), FIRST_RUNG).sent == 1
    (got,) = box.got
    ((idem, _, _),) = fiction.rows("delivery", "idem, id, state")
    assert got["Message-ID"] == f"<{idem}@pumpcalc.invalid>"
    assert got["To"] == "refills@clinic.example"
    assert got["Auto-Submitted"] == "auto-generated"


def test_a_server_that_keeps_a_message_and_then_fails_gets_the_same_id_again(
    fiction: House, postbox: tuple[_Postbox, str]
) -> None:
    box, url = postbox
    fiction.record()
    box.drops_after_data = True
    assert fiction.sweep(SmtpChannel(url, SENDER), FIRST_RUNG).failed == 1
    box.drops_after_data = False
    assert fiction.sweep(SmtpChannel(url, SENDER), FIRST_RUNG + dt.timedelta(seconds=33)).sent == 1
    first, second = box.got
    assert first["Message-ID"] == second["Message-ID"]


def test_a_server_that_is_not_there_is_a_failure_that_is_tried_again(fiction: House) -> None:
    fiction.record()
    assert fiction.sweep(SmtpChannel(f"smtp://127.0.0.1:{free_port()}", SENDER), FIRST_RUNG).failed == 1
    ((state, attempts, error),) = fiction.rows("delivery", "state, attempts, last_error")
    assert (state, attempts) == ("pending", 1)
    assert error


def test_a_server_that_never_answers_is_given_up_in_time() -> None:
    async def silent() -> None:
        async def hold(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.read()
            writer.close()

        server = await asyncio.start_server(hold, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        channel = SmtpChannel(f"smtp://127.0.0.1:{port}", SENDER, seconds=0.2)
        with pytest.raises(TimeoutError):
            await asyncio.to_thread(channel.send, _told(), Address("email", "refills@clinic.example"))
        server.close()

    asyncio.run(silent())


def test_a_password_is_never_sent_in_the_clear_to_another_machine() -> None:
    assert SmtpChannel("smtp://user:pw@mail.hospital.example:587", SENDER).start_tls is True
    assert SmtpChannel("smtps://user:pw@mail.hospital.example", SENDER).use_tls is True
    assert SmtpChannel("smtp://mail.hospital.example", SENDER).start_tls is None
    shown = repr(Settings(smtp_url="smtp://user:sesame@mail.hospital.example"))  # type: ignore[arg-type]
    assert "sesame" not in shown


def _told(today: str = "2026-12-15", idem: str = "a" * 64, **changed: object) -> Notice:
    """The reminder of one pump, on a day at its clinic in New York."""
    facts = {
        "clinic_id": "clinic-1",
        "kind": "3-days-before",
        "severity": "high",
        "due_at": at(f"{today}T14:00:00Z"),
        "plan_kind": "date",
        "why": "refill",
        "refill_by": dt.date(2026, 12, 18),
        "pump_id": "pump-1",
        "pump_reference": "7F3K",
        "time_zone": "America/New_York",
    }
    return notice(facts | changed, idem, "http://127.0.0.1:8000", at(f"{today}T14:00:00Z"))


def _made(sender: str = SENDER, recipient: str = "refills@clinic.example", **changed: str) -> Message:
    return email(_told(**changed), sender, recipient)


@pytest.mark.parametrize("field", ["sender", "recipient", "pump_reference", "idem"])
@pytest.mark.parametrize("end", ["\n", "\r", "\r\n"])
def test_no_header_can_be_smuggled_in(field: str, end: str) -> None:
    with pytest.raises(ValueError, match=r"linefeed|carriage return|newline|Header"):
        _made(**{field: f"x{end}Bcc: everyone@elsewhere.example"}).as_bytes()


@pytest.mark.parametrize(
    ("today", "says"),
    [
        ("2026-12-15", "3 days to the last safe day"),
        ("2026-12-17", "1 day to the last safe day"),
        ("2026-12-18", "today is the last safe day"),
        ("2026-12-19", "1 day past the last safe day"),
        ("2026-12-28", "10 days past the last safe day"),
    ],
)
def test_a_reminder_counts_the_days_and_says_when_it_counted(today: str, says: str) -> None:
    made = _made(today=today)
    assert says in made["Subject"]
    text = made.get_payload()
    assert f"Refill of pump 7F3K: {says}." in text
    assert f"{dt.date.fromisoformat(today).day} December 2026" in text


@pytest.mark.parametrize(
    ("facts", "says"),
    [
        ({}, "book its refill, and answer on its page."),
        ({"today": "2026-12-17"}, "book its refill, and answer on its page."),
        ({"today": "2026-12-18", "kind": "due-day"}, "refill it and record that"),
        ({"today": "2026-12-20", "kind": "overdue"}, "refill it and record that"),
        ({"plan_kind": "unknown", "why": "no-fill", "refill_by": None}, "record the fill that is in it."),
        ({"plan_kind": "unknown", "why": "unknown-state", "refill_by": None}, "interrogate it"),
        ({"plan_kind": "unknown", "why": "of a later version", "refill_by": None}, "record what it does"),
        ({"kind": "dead-delivery"}, "see on the board which, and correct that contact."),
    ],
)
def test_a_reminder_says_what_to_do_next(facts: dict[str, Any], says: str) -> None:
    assert f"What to do: {says}" in " ".join(_told(**facts).lines)


def test_a_reminder_names_no_drug_no_dose_and_no_person(fiction: House, channel: Recorder) -> None:
    fiction.record(ZICONOTIDE)
    fiction.record(MORPHINE, pump=fiction.another_pump())
    fiction.sweep(channel, at("2027-03-01T00:00:00Z"))
    references = {row[0] for row in fiction.rows("patient", "reference, id, clinic_id")}
    assert len(channel.sent) == 2
    for _, made in channel.sent:
        text = made.as_bytes().decode()
        for secret in ("ziconotide", "morphine", "mcg", "mg/", "mL", "synchromed", "Fictional Clinic", *references):
            assert secret not in text


def test_days_are_counted_on_the_clinics_calendar(fiction: House, channel: Recorder) -> None:
    fiction.record()
    fiction.sweep(channel, at("2026-12-19T03:00:00Z"))  # 22:00 on the 18th in New York
    assert all("today is the last safe day" in made["Subject"] for _, made in channel.sent)
