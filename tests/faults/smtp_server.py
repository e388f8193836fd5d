"""A real SMTP server on the loopback that does what its script says, once for each connection."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field

__all__ = ["Script", "Server", "smtp_server"]

_GOOD = {
    "EHLO": "250 here",
    "MAIL": "250 ok",
    "RCPT": "250 ok",
    "DATA": "354 go on",
    "QUIT": "221 bye",
    "RSET": "250 ok",
}


@dataclass(frozen=True)
class Script:
    """What a connection meets: other answers to some commands, silence, or an end of the line at some place."""

    answers: dict[str, str] = field(default_factory=dict)
    """By command; by BANNER, the first line; by DOT, what follows the message."""
    hangs_at: str | None = None
    drops_at: str | None = None
    """The line is cut instead of the answer."""
    drops_after: str | None = None
    offers_tls: bool = False


@dataclass
class Server:
    """The messages that were accepted, and how often it was called."""

    port: int
    script: Script = field(default_factory=Script)
    accepted: list[bytes] = field(default_factory=list)
    """Every message of which the end arrived, whatever was answered."""
    calls: int = 0
    _stop: threading.Event = field(default_factory=threading.Event)

    def _answer(self, line: socket.socket, what: str, usual: str) -> bool:
        script = self.script
        if script.hangs_at == what:
            self._stop.wait(20)
            return False
        if script.drops_at == what:
            return False
        line.sendall((script.answers.get(what, usual) + "\r\n").encode())
        return script.drops_after != what

    def _talk(self, line: socket.socket) -> None:
        self.calls += 1
        file = line.makefile("rb")
        with contextlib.suppress(OSError), line:
            if not self._answer(line, "BANNER", "220 here"):
                return
            while heard := file.readline():
                command = heard[:4].decode("ascii", "replace").upper()
                usual = _GOOD.get(command, "500 what")
                if command == "EHLO" and self.script.offers_tls:
                    usual = "250-here\r\n250 STARTTLS"
                if command == "STAR":
                    line.sendall(b"220 go on\r\nthis is no handshake\r\n")
                    return
                if not self._answer(line, command, usual) or command == "QUIT":
                    return
                if command == "DATA" and "DATA" not in self.script.answers:
                    message = b""
                    while not message.endswith(b"\r\n.\r\n"):
                        more = file.readline()
                        if not more:
                            return
                        message += more
                    self.accepted.append(message)
                    if not self._answer(line, "DOT", "250 taken"):
                        return


@contextlib.contextmanager
def smtp_server(script: Script) -> Iterator[Server]:
    """A server behind a socket."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        server = Server(listening.getsockname()[1], script)

        def serve() -> None:
            while True:
                try:
                    line, _ = listening.accept()
                except OSError:
                    return
                threading.Thread(target=server._talk, args=(line,), daemon=True).start()

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        try:
            yield server
        finally:
            server._stop.set()
            listening.shutdown(socket.SHUT_RDWR)
            listening.close()
            thread.join(5)
