"""Apprise: other services, as far as the operator allows them, and never a delivery that did not take place."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
from loopback import Loopback, drips, listening, says, silent, status
from test_webhooks import notice

from api.reminders.apprise_channel import AppriseChannel
from api.reminders.notice import Address, NotDelivered, Undeliverable
from api.settings import SettingsError

# One of Apprise's 170 services, loaded with the others, imports a module that is on its way out.
pytestmark = pytest.mark.filterwarnings("ignore:'imghdr' is deprecated:DeprecationWarning")

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"


def to(server: Loopback, query: str = "") -> Address:
    return Address("apprise", f"json://127.0.0.1:{server.port}/sesame{query}")


def test_a_real_service_gets_the_reminder_and_its_id() -> None:
    with listening(says(OK)) as server:
        assert AppriseChannel(["json"]).send(notice(), to(server)) == "json by Apprise"
    (asked,) = server.asked
    told = json.loads(asked.body)
    assert told["title"] == "Pump refill: pump 7F3K, today is the last safe day"
    assert told["message"].splitlines() == [
        "Refill of pump 7F3K: today is the last safe day.",
        "https://pumpcalc.example/clinics/c/pumps/p",
        "Reminder " + "7f3k" * 16,
    ]
    assert told["type"] == "failure", "the severity critical, in Apprise's words"


@pytest.mark.parametrize("code", [301, 404, 500, 503])
def test_a_service_that_does_not_say_yes_is_a_failure_that_is_tried_again(
    code: int, caplog: pytest.LogCaptureFixture
) -> None:
    answer = status(code, "Location: http://127.0.0.1:1/", "Connection: close")
    with listening(answer) as server, pytest.raises(NotDelivered, match="Apprise says failure") as failed:
        AppriseChannel(["json"]).send(notice(), to(server))
    assert type(failed.value) is NotDelivered
    assert "sesame" not in str(failed.value) + caplog.text


@pytest.mark.parametrize("answer", [silent, drips(b"HTTP/1.1 200 OK\r\nX-Slow: " + b"x" * 10_000)])
def test_a_service_that_does_not_answer_is_given_up_in_time(answer: object) -> None:
    with listening(answer) as server:  # type: ignore[arg-type]
        began = time.monotonic()
        with pytest.raises(NotDelivered, match="did not answer in time"):
            AppriseChannel(["json"], seconds=0.5).send(notice(), to(server))
        assert time.monotonic() - began < 1.5


def test_a_service_that_hangs_does_not_keep_the_process_from_ending() -> None:
    code = """if True:
        import sys, warnings
        warnings.simplefilter("ignore")
        from api.reminders.apprise_channel import AppriseChannel
        from api.reminders.notice import Address, NotDelivered
        from test_webhooks import notice
        try:
            AppriseChannel(["json"], seconds=0.3).send(notice(), Address("apprise", sys.argv[1]))
        except NotDelivered as error:
            print(error)
        """
    path = os.pathsep.join([str(Path(__file__).parent), *sys.path])
    with listening(drips(b"HTTP/1.1 200 OK\r\nX-Slow: " + b"x" * 10_000)) as server:
        command = [sys.executable, "-c", code, to(server).address]
        done = subprocess.run(
            command, env=os.environ | {"PYTHONPATH": path}, capture_output=True, text=True, check=True, timeout=60
        )
    assert done.stdout == "the service of Apprise did not answer in time\n"


@pytest.mark.parametrize("url", ["xml://127.0.0.1/", "JSON://127.0.0.1/", " json://127.0.0.1/", "127.0.0.1", ""])
def test_a_service_that_the_operator_did_not_name_is_never_used(url: str) -> None:
    with pytest.raises(Undeliverable, match="not one that the operator allows"):
        AppriseChannel(["json"]).send(notice(), Address("apprise", url))


def test_without_a_list_of_services_there_is_none() -> None:
    with listening(says(OK)) as server, pytest.raises(Undeliverable):
        AppriseChannel([]).send(notice(), to(server))
    assert server.connections == 0


@pytest.mark.parametrize("url", ["json://", "json://:::", "twilio://only-half"])
def test_a_url_that_apprise_cannot_use_is_undeliverable(url: str) -> None:
    with pytest.raises(Undeliverable, match="cannot use this URL"):
        AppriseChannel(["json", "twilio"]).send(notice(), Address("apprise", url))


def test_two_urls_in_one_are_not_two_services() -> None:
    with listening(says(OK)) as server, listening(says(OK)) as other:
        url = f"json://127.0.0.1:{server.port}/, xml://127.0.0.1:{other.port}/"
        AppriseChannel(["json"]).send(notice(), Address("apprise", url))
    assert other.connections == 0


def test_without_the_library_the_operator_is_told_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "apprise", None)
    with pytest.raises(SettingsError, match=r"pip install \"pumpcalc\[notify\]\""):
        AppriseChannel(["json"])
