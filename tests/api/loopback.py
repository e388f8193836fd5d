"""A real server on loopback that answers as badly as it is told to, and keeps what it was asked."""

from __future__ import annotations

import contextlib
import socket
import socketserver
import ssl
import struct
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

CERTIFICATE = Path(__file__).with_name("hooks.example.org.pem")
LOOPBACK = ("127.0.0.0/8",)

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


@dataclass(frozen=True)
class Asked:
    """One request, as it came."""

    line: str
    headers: dict[str, str]
    body: bytes


@dataclass
class Loopback:
    """A server that is running: where, and what it was asked."""

    port: int = 0
    asked: list[Asked] = field(default_factory=list)
    connections: int = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/reminders?clinic=secret-path"


Answering = Callable[[socket.socket], object]


def says(raw: bytes) -> Answering:
    """Answers with these bytes, and closes."""
    return lambda connection: connection.sendall(raw)


def status(code: int, *headers: str) -> Answering:
    """Answers with a status and an empty body."""
    return says("\r\n".join([f"HTTP/1.1 {code} Status", *headers, "Content-Length: 0", "", ""]).encode())


def drips(raw: bytes, seconds: float = 0.05) -> Answering:
    """One byte after the other, until the other side has had enough."""

    def answer(connection: socket.socket) -> None:
        for byte in raw:
            connection.sendall(bytes([byte]))
            time.sleep(seconds)

    return answer


def endless(head: bytes) -> Answering:
    """A head, and a body that never ends."""

    def answer(connection: socket.socket) -> None:
        connection.sendall(head)
        while True:
            connection.sendall(b"x" * 4096)

    return answer


def resets_after(raw: bytes) -> Answering:
    """Sends the beginning and resets the connection."""

    def answer(connection: socket.socket) -> None:
        connection.sendall(raw)
        time.sleep(0.1)
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        connection.close()

    return answer


def silent(connection: socket.socket) -> None:
    """Reads, and says nothing until the other side goes."""
    connection.recv(1)


@contextlib.contextmanager
def listening(answer: Answering, *, encrypted: bool = False) -> Iterator[Loopback]:
    """A server on a free port of 127.0.0.1, with the certificate of hooks.example.org where it is encrypted."""
    found = Loopback()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(CERTIFICATE)

    class Handler(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            found.connections += 1
            # Whatever the other side does to the connection is what these tests are about.
            with contextlib.suppress(OSError):
                connection = self.request
                if encrypted:
                    connection = context.wrap_socket(connection, server_side=True)
                with connection:
                    if (asked := _read(connection)) is not None:
                        found.asked.append(asked)
                        answer(connection)

    class Server(socketserver.ThreadingTCPServer):
        daemon_threads = True
        allow_reuse_address = True

    with Server(("127.0.0.1", 0), Handler) as server:
        found.port = server.server_address[1]
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        thread.start()
        try:
            yield found
        finally:
            server.shutdown()
            thread.join()


def _read(connection: socket.socket) -> Asked | None:
    read = b""
    while b"\r\n\r\n" not in read:
        if not (piece := connection.recv(65536)):
            return None
        read += piece
    head, _, body = read.partition(b"\r\n\r\n")
    line, *fields = head.decode("ascii").split("\r\n")
    headers = {name.lower(): value for name, _, value in (each.partition(": ") for each in fields)}
    while len(body) < int(headers.get("content-length", "0")):
        if not (piece := connection.recv(65536)):
            return None
        body += piece
    return Asked(line, headers, body)
