"""The sign of life: one ping at a time, and whatever becomes of it, the sweep goes on."""

from __future__ import annotations

import logging
import socket
import threading
import time
from collections.abc import Callable

import pytest
from api_fiction import until
from loopback import OK, Answering, drips, endless, listening, resets_after, says, silent, status

from api.reminders.dead_man import DeadManPing

_LOGGER = "pumpcalc.dead_man"


def _settled(ping: DeadManPing) -> None:
    until(lambda: not [each for each in threading.enumerate() if each.name == "dead-man-ping"])


def _beat(ping: DeadManPing) -> float:
    """One beat; how long it held up the sweep, in seconds."""
    began = time.monotonic()
    ping.beat()
    return time.monotonic() - began


def test_a_beat_is_one_get_to_the_url() -> None:
    with listening(says(OK)) as server:
        ping = DeadManPing(server.url)
        ping.beat()
        _settled(ping)
    (asked,) = server.asked
    assert asked.line == "GET /reminders?clinic=secret-path HTTP/1.1"
    assert (ping.failing, ping.failures) == (False, 0)


def test_many_beats_are_at_most_one_ping_in_each_period() -> None:
    with listening(says(OK)) as server:
        ping = DeadManPing(server.url, every_seconds=0.4)
        ping.beat()
        _settled(ping)
        for _ in range(50):
            ping.beat()
        assert len(server.asked) == 1
        time.sleep(0.4)
        for _ in range(50):
            ping.beat()
        _settled(ping)
    assert len(server.asked) == 2


def test_beats_from_several_threads_at_once_are_one_ping() -> None:
    with listening(says(OK)) as server:
        ping = DeadManPing(server.url)
        threads = [threading.Thread(target=ping.beat) for _ in range(20)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        _settled(ping)
    assert server.connections == 1


def test_without_beats_there_is_no_ping() -> None:
    with listening(says(OK)) as server:
        ping = DeadManPing(server.url, every_seconds=0.05)
        ping.beat()
        _settled(ping)
        time.sleep(0.3)
    assert len(server.asked) == 1


def test_an_endpoint_that_hangs_holds_up_no_sweep_and_is_not_asked_twice_at_once() -> None:
    with listening(silent) as server:
        ping = DeadManPing(server.url, every_seconds=0.01, seconds=0.6)
        assert _beat(ping) < 0.1
        until(lambda: server.asked)
        for _ in range(10):
            time.sleep(0.02)  # so that every beat is due
            assert _beat(ping) < 0.1
        assert server.connections == 1
        until(lambda: ping.failing)
    assert ping.failures == 1


def test_a_resolver_that_hangs_holds_up_no_sweep() -> None:
    let_go = threading.Event()

    def hangs(_host: str, _port: int) -> list[str]:
        let_go.wait(10)
        return []

    ping = DeadManPing("https://ping.hospital.example/x", seconds=0.2, resolve=hangs)
    assert _beat(ping) < 0.1
    until(lambda: ping.failing)
    let_go.set()


@pytest.mark.parametrize(
    ("answer", "says_why"),
    [
        pytest.param(status(500), "it answered 500", id="500"),
        pytest.param(status(404), "it answered 404", id="404"),
        pytest.param(status(301, "Location: http://127.0.0.1:1/"), "it answered 301", id="301"),
        pytest.param(silent, "no whole answer in time", id="silence"),
        pytest.param(drips(b"HTTP/1.1 200 OK\r\nX: " + b"x" * 9999), "no whole answer in time", id="slow drip"),
        pytest.param(says(b"\x00 garbage\r\n\r\n"), "connection broke", id="garbage"),
        pytest.param(endless(b"HTTP/1.1 200 OK\r\nX: "), "connection broke", id="endless head"),
        pytest.param(resets_after(b"HTTP/1.1 2"), "connection broke", id="reset"),
    ],
)
def test_a_ping_that_goes_wrong_is_logged_and_counted_and_never_raised(
    answer: Answering, says_why: str, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING, logger=_LOGGER), listening(answer) as server:
        ping = DeadManPing(server.url, seconds=0.5)
        ping.beat()
        _settled(ping)
    assert (ping.failing, ping.failures) == (True, 1)
    (record,) = [each for each in caplog.records if each.name == _LOGGER]
    assert record.getMessage().startswith("dead_man_ping_failed ")
    assert says_why in record.getMessage()
    assert "secret-path" not in caplog.text


def _refuses(_host: str, _port: int) -> list[str]:
    raise OSError("Name or service not known")


def _breaks(_host: str, _port: int) -> list[str]:
    return ["no address at all"]


@pytest.mark.parametrize("resolve", [_refuses, _breaks])
def test_a_resolver_that_fails_is_a_ping_that_goes_wrong(resolve: Callable[[str, int], list[str]]) -> None:
    ping = DeadManPing("https://ping.hospital.example/x", seconds=1, resolve=resolve)
    ping.beat()
    until(lambda: ping.failing)
    assert ping.failures == 1


def test_a_ping_that_goes_well_again_ends_the_failing_and_keeps_the_count() -> None:
    answers = [says(OK), status(500)]

    def first_badly_then_well(connection: socket.socket) -> None:
        answers.pop()(connection)

    with listening(first_badly_then_well) as server:
        ping = DeadManPing(server.url, every_seconds=0.01)
        ping.beat()
        _settled(ping)
        assert ping.failing
        time.sleep(0.02)
        ping.beat()
        _settled(ping)
    assert (ping.failing, ping.failures) == (False, 1)


@pytest.mark.parametrize("url", ["", "ping.example.org", "ftp://ping.example.org/", "https://u:sesame@ping.example/"])
def test_what_is_no_url_is_refused_at_the_start_without_repeating_it(url: str) -> None:
    with pytest.raises(ValueError, match="write it") as refused:
        DeadManPing(url)
    assert "sesame" not in str(refused.value)
