"""F-11, F-13: a mail server and a web server that refuse, hang, or cut the line, each at every place of the talk."""

from __future__ import annotations

import http.server
import re
import socket
import threading
from collections import Counter
from collections.abc import Iterator

import pytest
from judging import judge, posted
from smtp_server import Script, smtp_server
from world import DUE, Postbox, World, sqlite_world, trials

from api.reminders.channels import SmtpChannel
from api.reminders.notice import Address, Channel, Notice
from api.reminders.sweep import Swept
from api.reminders.webhook import WebhookChannel

SECONDS = 0.5
"""The patience of the channel in these trials."""


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    with sqlite_world() as made:
        yield made


class Both:
    """Mail goes to the server of the trial, everything else into the postbox."""

    def __init__(self, world: World, port: int) -> None:
        self.mail: Channel = SmtpChannel(f"smtp://127.0.0.1:{port}", "pumpcalc@pumpcalc.invalid", SECONDS)
        self.postbox = Postbox(world.path)

    def send(self, notice: Notice, to: Address) -> str:
        if to.channel != "email":
            return self.postbox.send(notice, to)
        taken = self.mail.send(notice, to)
        self.postbox.send(notice, to)  # the world's account holds what the server took
        return taken


def _ids(messages: list[bytes]) -> Counter[str]:
    return Counter(re.search(rb"(?im)^Message-ID: <([0-9a-f]{64})@", each)[1].decode() for each in messages)  # type: ignore[index]


LATER = {
    "a banner that says come back": Script({"BANNER": "421 too busy"}),
    "a sender refused for now": Script({"MAIL": "451 later"}),
    "a sender refused for good": Script({"MAIL": "550 no"}),
    "a receiver refused for now": Script({"RCPT": "450 mailbox busy"}),
    "no data wanted for now": Script({"DATA": "451 later"}),
    "a message refused for now": Script({"DOT": "451 later"}),
    "a message refused for good": Script({"DOT": "554 no"}),
    "silence instead of a banner": Script(hangs_at="BANNER"),
    "silence after the message": Script(hangs_at="DOT"),
    "a line cut before the message": Script(drops_at="DATA"),
    "a line cut after the message, before the answer": Script(drops_at="DOT"),
    "a handshake that fails": Script(offers_tls=True),
    "nonsense": Script({"BANNER": "hello dear"}),
}
"""What is tried again: the server may take it another time."""


@pytest.mark.parametrize("what", list(LATER))
def test_what_a_mail_server_does_not_take_is_tried_again_under_the_same_id(world: World, what: str) -> None:
    for _ in range(trials(1, 20)):
        world.reset()
        with smtp_server(LATER[what]) as server:
            swept = world.sweep(DUE, Both(world, server.port))
            assert (swept.sent, swept.failed) == (2, 2), "the two hooks are told, the two mails wait"
            waits = world.rows("SELECT state, attempts, last_error IS NOT NULL FROM delivery WHERE channel = 'email'")
            assert waits == [("pending", 1, 1)] * 2
            first = _ids(server.accepted)
            server.script = Script()
            assert world.sweep(DUE.replace(minute=2), Both(world, server.port)).sent == 2
            assert set(first) <= set(_ids(server.accepted)), "what arrived twice has one id"
            assert len(_ids(server.accepted)) == 2
        assert judge(world.store, DUE.replace(minute=2), world.path).wrong == []


def test_a_mail_server_that_is_not_there(world: World) -> None:
    world.reset()
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        swept = world.sweep(DUE, Both(world, probe.getsockname()[1]))
    assert (swept.sent, swept.failed) == (2, 2)
    assert world.judged(DUE).wrong == []


def test_a_message_taken_just_before_the_line_is_cut_is_sent(world: World) -> None:
    world.reset()
    with smtp_server(Script(drops_after="DOT")) as server:
        swept = world.sweep(DUE, Both(world, server.port))
        assert (swept.sent, swept.failed) == (4, 0), "250 was heard: what follows does not matter"
        assert set(_ids(server.accepted).values()) == {1}
    assert judge(world.store, DUE, world.path).wrong == []


def test_a_receiver_refused_for_good_is_dead_at_once_and_told_of_on_another_channel(world: World) -> None:
    world.reset()
    with smtp_server(Script({"RCPT": "550 no such mailbox"})) as server:
        world.sweep(DUE, Both(world, server.port))
        assert world.rows("SELECT DISTINCT state, attempts FROM delivery WHERE channel = 'email'") == [("dead", 1)]
        told = world.sweep(DUE, Both(world, server.port))
        assert told.sent == 2, "one alarm for each"
        alarms = [line for line in posted(world.path) if line["kind"] == "dead-delivery"]
        assert [line["channel"] for line in alarms] == ["webhook"] * 2
        assert judge(world.store, DUE, world.path).wrong == [], "dead, with an open alarm: nothing is lost silently"
    assert world.judged(DUE).wrong == []


def test_a_webhook_that_answers_each_way_arrives_once(world: World) -> None:
    answers = iter([500, 404, 302, 204])
    heard: list[tuple[str, bytes]] = []

    class Hook(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            heard.append((self.headers["webhook-id"], body))
            self.send_response(next(answers, 204))
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    world.reset()
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Hook) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        with world.store.writing() as connection:
            address = f"http://127.0.0.1:{server.server_port}/7"
            connection.exec_driver_sql(f"UPDATE contact SET address = '{address}' WHERE channel = 'webhook'")
        hook, postbox = WebhookChannel(["127.0.0.0/8"], 5), Postbox(world.path)

        class Really:
            def send(self, notice: Notice, to: Address) -> str:
                took = hook.send(notice, to)
                postbox.send(notice, to)
                return took

        def at(minute: int) -> Swept:
            return world.sweep(DUE.replace(minute=minute), Channels(postbox, Really()))

        assert [(swept.sent, swept.failed) for swept in map(at, (0, 1, 4))] == [(2, 2), (1, 1), (1, 0)]
        server.shutdown()
    assert len({name for name, _ in heard}) == 2
    assert len(set(heard)) == 2, "every copy of a reminder has the same id and the same words"
    assert judge(world.store, DUE.replace(minute=4), world.path).wrong == []


class Channels:
    """One channel for webhooks, another for everything else."""

    def __init__(self, others: Channel, hooks: Channel) -> None:
        self.others, self.hooks = others, hooks

    def send(self, notice: Notice, to: Address) -> str:
        return (self.hooks if to.channel == "webhook" else self.others).send(notice, to)
