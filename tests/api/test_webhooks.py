"""Webhooks: signed so that a receiver can trust them, and unable to reach what they must not reach."""

from __future__ import annotations

import base64
import datetime as dt
import logging
import re
import ssl
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest
from loopback import CERTIFICATE, LOOPBACK, OK, Answering, drips, endless, listening, resets_after, says, silent, status
from standardwebhooks import Webhook
from standardwebhooks.webhooks import WebhookVerificationError

from api.reminders.addresses import check_webhook_addresses
from api.reminders.notice import Address, NotDelivered, Notice, TryLater, Undeliverable
from api.reminders.webhook import WebhookChannel, new_secret

SECRET = "whsec_" + base64.b64encode(b"a fictional secret, 32 bytes....").decode()
NEW_YORK = dt.timezone(dt.timedelta(hours=-5))
_PRIVATE = "https://hooks.example.org/sesame"


def notice(now: dt.datetime | None = None) -> Notice:
    return Notice(
        idem="7f3k" * 16,
        kind="due-day",
        severity="critical",
        subject="Pump refill: pump 7F3K, today is the last safe day",
        lines=("Refill of pump 7F3K: today is the last safe day.",),
        link="https://pumpcalc.example/clinics/c/pumps/p",
        due_at=dt.datetime(2026, 12, 18, 9, 0, tzinfo=NEW_YORK),
        now=now or dt.datetime.now(NEW_YORK),
    )


def to(url: str, secret: str | None = SECRET) -> Address:
    return Address("webhook", url, secret)


def fails(answer: Answering, seconds: float = 2.0) -> NotDelivered:
    """How a sending fails that gets this answer."""
    with listening(answer) as server, pytest.raises(NotDelivered) as failed:
        WebhookChannel(LOOPBACK, seconds).send(notice(), to(server.url))
    assert "secret-path" not in str(failed.value)
    return failed.value


# What is sent


def test_a_real_receiver_gets_a_signed_reminder_that_says_only_what_it_must() -> None:
    with listening(says(OK)) as server:
        went = WebhookChannel(LOOPBACK).send(notice(), to(server.url))
    assert went == f"127.0.0.1:{server.port} answered 200"
    (asked,) = server.asked
    assert asked.line == "POST /reminders?clinic=secret-path HTTP/1.1"
    assert asked.headers["content-type"] == "application/json"
    assert asked.headers["webhook-id"] == "7f3k" * 16
    assert Webhook(SECRET).verify(asked.body, asked.headers) == {
        "type": "pump.reminder",
        "timestamp": "2026-12-18T14:00:00Z",
        "data": {
            "id": "7f3k" * 16,
            "kind": "due-day",
            "severity": "critical",
            "due_at": "2026-12-18T14:00:00Z",
            "link": "https://pumpcalc.example/clinics/c/pumps/p",
        },
    }


def _received(now: dt.datetime) -> tuple[bytes, dict[str, str]]:
    with listening(says(OK)) as server:
        WebhookChannel(LOOPBACK).send(notice(now), to(server.url))
    return server.asked[0].body, server.asked[0].headers


def test_a_tampered_reminder_is_refused_by_the_receivers_own_verifier() -> None:
    body, headers = _received(dt.datetime.now(dt.UTC))
    with pytest.raises(WebhookVerificationError, match="No matching signature"):
        Webhook(SECRET).verify(body.replace(b"due-day", b"overdue"), headers)
    with pytest.raises(WebhookVerificationError, match="No matching signature"):
        Webhook(SECRET).verify(body, headers | {"webhook-id": "another"})
    with pytest.raises(WebhookVerificationError, match="No matching signature"):
        Webhook(new_secret()).verify(body, headers)


@pytest.mark.parametrize(("age", "verdict"), [(270, None), (330, "too old"), (-330, "too new")])
def test_a_reminder_is_as_old_as_its_copy_and_an_old_one_is_refused(age: int, verdict: str | None) -> None:
    # The verifier's bound is 300 s by the clock of the machine, which a busy one does not keep to the second.
    body, headers = _received(dt.datetime.now(NEW_YORK) - dt.timedelta(seconds=age))
    if verdict is None:
        Webhook(SECRET).verify(body, headers)
    else:
        with pytest.raises(WebhookVerificationError, match=verdict):
            Webhook(SECRET).verify(body, headers)


def test_two_copies_of_one_reminder_are_the_same_to_a_receiver() -> None:
    first, second = (_received(dt.datetime.now(dt.UTC) - dt.timedelta(seconds=age)) for age in (60, 0))
    assert first[0] == second[0]
    assert first[1]["webhook-id"] == second[1]["webhook-id"]
    assert first[1]["webhook-timestamp"] != second[1]["webhook-timestamp"]


@pytest.mark.parametrize(
    "secret",
    [
        None,
        "",
        "sesame",
        "whsec_",
        "whsec_!!!!",
        SECRET + "\u00e9",
        SECRET.replace("_", "_!"),
        base64.b64encode(b"x" * 32).decode(),
        "whsec_" + base64.b64encode(b"x" * 23).decode(),
        "whsec_" + base64.b64encode(b"x" * 65).decode(),
    ],
)
def test_a_reminder_is_never_sent_unsigned_or_with_a_weak_secret(secret: str | None) -> None:
    with listening(says(OK)) as server, pytest.raises(Undeliverable, match="no usable secret"):
        WebhookChannel(LOOPBACK).send(notice(), to(server.url, secret))
    assert server.connections == 0


@pytest.mark.parametrize("size", [24, 64])
def test_a_secret_of_the_standards_shortest_and_longest_size_signs(size: int) -> None:
    secret = "whsec_" + base64.b64encode(b"x" * size).decode()
    with listening(says(OK)) as server:
        WebhookChannel(LOOPBACK).send(notice(), to(server.url, secret))
    Webhook(secret).verify(server.asked[0].body, server.asked[0].headers)


def test_new_secrets_differ_and_can_be_used() -> None:
    first, second = new_secret(), new_secret()
    assert first != second
    assert len(base64.b64decode(first.removeprefix("whsec_"), validate=True)) == 32
    with listening(says(OK)) as server:
        WebhookChannel(LOOPBACK).send(notice(), to(server.url, first))
    Webhook(first).verify(server.asked[0].body, server.asked[0].headers)


# How a receiver may answer


@pytest.mark.parametrize("code", [200, 201, 202, 204, 299])
def test_every_2xx_is_a_delivery(code: int) -> None:
    answer = says(f"HTTP/1.1 {code} Fine\r\nConnection: close\r\n\r\n".encode())
    with listening(answer) as server:
        assert WebhookChannel(LOOPBACK).send(notice(), to(server.url)).endswith(f"answered {code}")


@pytest.mark.parametrize("code", [300, 400, 401, 403, 404, 429, 500, 502, 503])
def test_anything_else_is_a_failure_that_is_tried_again(code: int) -> None:
    failed = fails(status(code))
    assert type(failed) is NotDelivered
    assert f"answered {code}" in str(failed)


@pytest.mark.parametrize("code", [301, 302, 303, 307, 308])
def test_a_redirect_is_a_failure_and_is_not_followed(code: int) -> None:
    with listening(says(OK)) as elsewhere:
        failed = fails(status(code, f"Location: {elsewhere.url}"))
    assert str(failed) == f"the receiver answered {code}; a redirect is not followed"
    assert elsewhere.connections == 0


def test_a_receiver_that_is_gone_for_good_is_not_asked_again() -> None:
    assert type(fails(status(410))) is Undeliverable


@pytest.mark.parametrize("code", [429, 503])
@pytest.mark.parametrize(
    ("asked", "seconds"),
    [("120", 120), ("0", 0), ("3600", 3600), ("3601", 3600), ("999999999", 3600)],
)
def test_a_receiver_may_ask_for_patience_but_for_no_more_than_an_hour(code: int, asked: str, seconds: int) -> None:
    failed = fails(status(code, f"Retry-After: {asked}"))
    assert isinstance(failed, TryLater)
    assert failed.seconds == seconds


@pytest.mark.parametrize(("ahead", "seconds"), [(90, 90), (7200, 3600), (-90, 0)])
def test_a_receiver_may_ask_for_patience_until_an_instant(ahead: int, seconds: int) -> None:
    made_at = dt.datetime(2026, 12, 18, 14, 0, tzinfo=dt.UTC)
    written = f"{made_at + dt.timedelta(seconds=ahead):%a, %d %b %Y %H:%M:%S} GMT"
    with listening(status(429, f"Retry-After: {written}")) as server, pytest.raises(TryLater) as failed:
        WebhookChannel(LOOPBACK).send(notice(made_at), to(server.url))
    assert failed.value.seconds == seconds


@pytest.mark.parametrize("asked", ["soon", "-5", "1e9", "1.5", "9" * 5000, "Fri, 99 Foo 2026 00:00:00 GMT"])
def test_a_wait_that_cannot_be_read_is_an_ordinary_failure(asked: str) -> None:
    assert type(fails(status(429, f"Retry-After: {asked}"))) is NotDelivered


def test_patience_is_asked_for_by_429_and_503_alone() -> None:
    assert type(fails(status(500, "Retry-After: 60"))) is NotDelivered


# What a receiver may do to the connection


def _timed(work: Callable[[], object]) -> float:
    began = time.monotonic()
    work()
    return time.monotonic() - began


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(silent, id="silence"),
        pytest.param(drips(b"HTTP/1.1 200 OK\r\nX-Slow: " + b"x" * 10_000), id="a head that drips"),
        pytest.param(drips(b"HTTP/1.1 102 Wait\r\n\r\n" * 1000, 0.001), id="a wait without end"),
    ],
)
def test_an_answer_that_does_not_come_is_given_up_at_the_deadline(answer: Answering) -> None:
    assert _timed(lambda: fails(answer, seconds=0.6)) < 1.5


def test_a_body_that_drips_is_cut_at_the_deadline_and_the_status_counts() -> None:
    with listening(drips(b"HTTP/1.1 200 OK\r\n\r\n", 0)) as quick:
        WebhookChannel(LOOPBACK).send(notice(), to(quick.url))
    answer = drips(b"HTTP/1.1 200 OK\r\nContent-Length: 10000\r\n\r\n" + b"x" * 10_000, 0.01)
    with listening(answer) as server:
        seconds = _timed(lambda: WebhookChannel(LOOPBACK, 1.0).send(notice(), to(server.url)))
    assert 0.9 < seconds < 2


def test_an_endless_body_is_cut_at_64_kib() -> None:
    sent = 0

    def answer(connection: Any) -> None:
        nonlocal sent
        connection.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
        while True:
            sent += connection.send(b"x" * 1024)

    with listening(answer) as server:
        assert _timed(lambda: WebhookChannel(LOOPBACK, 5).send(notice(), to(server.url))) < 2
    # What the kernels of both sides hold in between is not ours to limit.
    assert 64 * 1024 <= sent < 16 * 1024 * 1024


@pytest.mark.parametrize("encoding", ["gzip", "deflate", "br"])
def test_a_body_is_never_decompressed(encoding: str) -> None:
    head = f"HTTP/1.1 200 OK\r\nContent-Encoding: {encoding}\r\nContent-Length: 4\r\n\r\nnone"
    with listening(says(head.encode())) as server:
        WebhookChannel(LOOPBACK).send(notice(), to(server.url))
    assert server.asked[0].headers["accept-encoding"] == "identity"


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(says(b"\x00\xff garbage\r\n\r\n"), id="garbage"),
        pytest.param(says(b"SSH-2.0-OpenSSH_9.2\r\n"), id="another protocol"),
        pytest.param(says(b""), id="nothing at all"),
        pytest.param(says(b"HTTP/1.1 200"), id="half a head"),
        pytest.param(endless(b"HTTP/1.1 200 OK\r\nX-Long: "), id="a head without end"),
        pytest.param(says(b"HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\nten bytes."), id="half a body"),
        pytest.param(resets_after(b""), id="reset before the answer"),
        pytest.param(resets_after(b"HTTP/1.1 200 OK\r\nContent-"), id="reset in the head"),
        pytest.param(resets_after(b"HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\nten"), id="reset in the body"),
    ],
)
def test_what_is_no_whole_answer_is_a_failure_that_is_tried_again(answer: Answering) -> None:
    failed = fails(answer)
    assert type(failed) is NotDelivered
    assert re.search(r"connection broke \(\w+\)$", str(failed)), "no byte of the other side is repeated"


def test_a_2xx_with_garbage_in_its_body_is_a_delivery() -> None:
    with listening(says(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n\x00\xff\xfe\x01")) as server:
        assert WebhookChannel(LOOPBACK).send(notice(), to(server.url)).endswith("200")


def test_a_receiver_that_is_not_there_is_a_failure() -> None:
    with listening(says(OK)) as server:
        pass
    with pytest.raises(NotDelivered, match="no connection"):
        WebhookChannel(LOOPBACK, 2).send(notice(), to(server.url))


def test_the_secret_of_an_address_reaches_no_log_and_no_description(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    with listening(says(OK)) as server:
        went = WebhookChannel(LOOPBACK).send(notice(), to(server.url))
    for text in (went, caplog.text, repr(to(server.url))):
        assert "secret-path" not in text
        assert SECRET not in text


# TLS, and the address that was judged


def _trusting() -> ssl.SSLContext:
    return ssl.create_default_context(cafile=CERTIFICATE)


def test_the_connection_goes_to_the_judged_address_with_the_name_in_certificate_and_host() -> None:
    with listening(says(OK), encrypted=True) as server:
        channel = WebhookChannel(LOOPBACK, resolve=lambda _host, _port: ["127.0.0.1"], tls=_trusting())
        went = channel.send(notice(), to(f"https://hooks.example.org:{server.port}/x"))
    assert went == f"hooks.example.org:{server.port} answered 200"
    assert server.asked[0].headers["host"] == f"hooks.example.org:{server.port}"


@pytest.mark.parametrize(
    ("name", "trusts", "verdict"),
    [
        ("hooks.example.org", ssl.create_default_context, "self-signed certificate"),
        ("other.example.org", _trusting, "not valid for 'other.example.org'"),
        ("127.0.0.1", _trusting, "not valid for '127.0.0.1'"),
    ],
)
def test_a_receiver_that_cannot_prove_its_name_gets_nothing(
    name: str, trusts: Callable[[], ssl.SSLContext], verdict: str
) -> None:
    with listening(says(OK), encrypted=True) as server:
        channel = WebhookChannel(LOOPBACK, resolve=lambda _host, _port: ["127.0.0.1"], tls=trusts())
        with pytest.raises(NotDelivered, match=verdict):
            channel.send(notice(), to(f"https://{name}:{server.port}/"))
    assert server.connections == 1
    assert server.asked == []


def test_a_receiver_that_speaks_no_tls_gets_nothing() -> None:
    with listening(says(OK)) as server, pytest.raises(NotDelivered, match="no connection"):
        WebhookChannel(LOOPBACK, 0.5).send(notice(), to(f"https://127.0.0.1:{server.port}/"))
    assert server.asked == []


def test_a_second_address_is_tried_when_the_first_does_not_answer() -> None:
    with listening(says(OK)) as server:
        channel = WebhookChannel(LOOPBACK, 4, resolve=lambda _host, _port: ["127.66.66.66", "127.0.0.1"])
        channel.send(notice(), to(f"http://hooks.hospital.example:{server.port}/"))
    assert len(server.asked) == 1


def test_a_resolver_that_hangs_does_not_outlast_the_deadline() -> None:
    let_go = threading.Event()

    def hangs(_host: str, _port: int) -> list[str]:
        let_go.wait(10)
        return []

    channel = WebhookChannel(seconds=0.3, resolve=hangs)
    began = time.monotonic()
    with pytest.raises(NotDelivered, match="not resolved in time"):
        channel.send(notice(), to(_PRIVATE))
    assert time.monotonic() - began < 1
    let_go.set()


def _no_such_name(_host: str, _port: int) -> list[str]:
    raise OSError("Name or service not known")


@pytest.mark.parametrize("resolve", [_no_such_name, lambda _host, _port: []])
def test_a_name_without_an_address_is_a_failure_that_is_tried_again(resolve: Any) -> None:
    with pytest.raises(NotDelivered, match="does not resolve") as failed:
        WebhookChannel(resolve=resolve).send(notice(), to(_PRIVATE))
    assert not isinstance(failed.value, Undeliverable)


class _Alternating:
    """A resolver under somebody else's control: another answer each time."""

    def __init__(self, *answers: list[str]) -> None:
        self.answers = iter(answers)
        self.asked = 0

    def __call__(self, _host: str, _port: int) -> list[str]:
        self.asked += 1
        return next(self.answers)


def test_a_name_that_is_good_at_the_door_and_bad_at_sending_is_refused() -> None:
    with listening(says(OK)) as server:
        url = f"https://hooks.example.org:{server.port}/"
        rebinding = _Alternating(["93.184.215.14"], ["127.0.0.1"])
        assert check_webhook_addresses(url, (), rebinding) == url
        with pytest.raises(NotDelivered, match="may not reach"):
            WebhookChannel(resolve=rebinding).send(notice(), to(url))
    assert server.connections == 0


def test_one_sending_resolves_once_so_that_no_second_answer_can_differ() -> None:
    rebinding = _Alternating(["127.0.0.1"], ["10.0.0.1"])
    with listening(says(OK)) as server:
        channel = WebhookChannel(LOOPBACK, resolve=rebinding)
        channel.send(notice(), to(f"http://hooks.hospital.example:{server.port}/"))
        assert (rebinding.asked, server.connections) == (1, 1)
        with pytest.raises(NotDelivered, match="may not reach"):
            channel.send(notice(), to(f"http://hooks.hospital.example:{server.port}/"))
    assert server.connections == 1


@pytest.mark.parametrize("order", [1, -1])
def test_one_bad_address_among_good_ones_is_enough(order: int) -> None:
    answers = ["93.184.215.14", "127.0.0.1"][::order]
    with listening(says(OK)) as server, pytest.raises(NotDelivered, match="may not reach"):
        WebhookChannel(resolve=lambda _host, _port: answers).send(
            notice(), to(f"https://hooks.example.org:{server.port}/")
        )
    assert server.connections == 0


def test_without_encryption_a_webhook_stays_in_the_allowed_networks() -> None:
    channel = WebhookChannel(LOOPBACK, resolve=lambda _host, _port: ["93.184.215.14"])
    with pytest.raises(NotDelivered, match="without https"):
        channel.send(notice(), to("http://hooks.example.org/"))


def test_an_address_that_was_never_acceptable_is_undeliverable() -> None:
    with pytest.raises(Undeliverable, match="may not reach"):
        WebhookChannel().send(notice(), to("https://10.0.0.1/"))
