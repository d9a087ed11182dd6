"""A Hub that speaks huggingface.co's protocol on this machine, and a house of wheels for pip."""

from __future__ import annotations

import hashlib
import socket
import socketserver
import struct
import threading
import time
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from pfsolve.models.entry import ModelEntry
from pfsolve.models.hub import HubPlace
from pfsolve.models.place import Place
from pfsolve.models.wheels import WheelPlace

REPO = "someone/some-GGUF"
FILE = "model.gguf"
COMMIT = "0" * 40  # what every revision is
# 3 MB that do not compress, so that a connection can be cut in the middle of them
DATA = b"GGUF" + b"".join(hashlib.sha256(str(i).encode()).digest() for i in range(100_000))
SHA256 = hashlib.sha256(DATA).hexdigest()

HUB_PLACE = HubPlace(REPO, FILE, "main")
PARTS = 4
PART_BYTES = 1_000_000
WHEEL_PLACE = WheelPlace("big-part{n}", "1.0", "big_part{n}/part{n:02}.bin", PARTS, PART_BYTES)


def make_entry(
    *places: Place, size: int | None = len(DATA), sha256: str | None = SHA256
) -> ModelEntry:
    """An entry for DATA at the given places."""
    return ModelEntry("some", "policy", FILE, places, bytes=size, sha256=sha256)


def write_parts(house: Path, data: bytes = DATA) -> None:
    """The wheels of WHEEL_PLACE."""
    for n in range(1, PARTS + 1):
        part = data[(n - 1) * PART_BYTES : n * PART_BYTES]
        write_wheel(house, f"big_part{n}", {f"big_part{n}/part{n:02}.bin": part})


def write_wheel(
    house: Path, package: str, members: dict[str, bytes], compression: int = zipfile.ZIP_DEFLATED
) -> Path:
    """A wheel of version 1.0 that pip accepts."""
    house.mkdir(exist_ok=True)
    wheel = house / f"{package}-1.0-py3-none-any.whl"
    info = f"{package}-1.0.dist-info"
    with zipfile.ZipFile(wheel, "w", compression) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
        metadata = f"Metadata-Version: 2.1\nName: {package}\nVersion: 1.0\n"
        archive.writestr(f"{info}/METADATA", metadata)
        archive.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\n")
        archive.writestr(f"{info}/RECORD", "")
    return wheel


@dataclass
class FakeHub:
    """What the server has, how it misbehaves, and what it was asked."""

    url: str = ""
    cdn: str = ""
    files: dict[str, bytes] = field(default_factory=lambda: {f"/{REPO}/resolve/main/{FILE}": DATA})
    etag: str | None = None  # instead of the file's sha256
    cuts: list[int] = field(default_factory=list)  # bytes after which the next answers break off
    resets: list[int] = field(default_factory=list)  # likewise, with a reset of the connection
    stalls: list[int] = field(
        default_factory=list
    )  # bytes after which they say no more, until `go_on`
    moved: dict[str, str] = field(default_factory=dict)  # paths, and where they redirect to
    sent: bytes | None = None  # by the content network, instead of the file
    refusal: tuple[int, dict[str, str]] | None = None  # status and headers of every answer
    ignore_range: bool = False
    refuse_range: bool = False  # 416 to every range
    never_in_parts: tuple[str, ...] = ()  # how the names of files end that only come whole
    stall_after: int | None = None  # bytes after which an answer waits for `go_on`
    stall_on: str = ""  # how the names of the files end whose answers wait
    stalled: threading.Event = field(default_factory=threading.Event)
    go_on: threading.Event = field(default_factory=threading.Event)
    requests: list[tuple[str, str, dict[str, str]]] = field(default_factory=list)

    @property
    def downloads(self) -> list[dict[str, str]]:
        """Headers of the requests for bytes, as they reached the content network."""
        return [
            headers
            for method, path, headers in self.requests
            if method == "GET" and path.startswith("/cdn/")
        ]


class _Handler(BaseHTTPRequestHandler):
    hub: FakeHub

    def do_HEAD(self) -> None:
        self.answer()

    def do_GET(self) -> None:
        self.answer()

    def answer(self) -> None:
        hub = self.hub
        if self.path.startswith("/api/"):  # the client's own curiosity
            return self.refuse(404, {})
        hub.requests.append(
            (self.command, self.path, {k.lower(): v for k, v in self.headers.items()})
        )
        if hub.refusal:
            return self.refuse(*hub.refusal)
        if self.path.startswith("/stall/"):
            hub.stalled.set()
            hub.go_on.wait(30)
            return self.refuse(404, {})
        if self.path in hub.moved:
            return self.refuse(307, {"Location": hub.moved[self.path]})
        if self.path.startswith("/cdn"):
            file = hub.files[self.path.removeprefix("/cdn")]
            return self.give(file if hub.sent is None else hub.sent)
        data = hub.files.get(self.path)
        if data is None:
            return self.refuse(404, {"X-Error-Code": "EntryNotFound"})
        self.send_response(302)
        self.send_header("X-Repo-Commit", COMMIT)
        self.send_header("X-Linked-Size", str(len(data)))
        self.send_header("X-Linked-Etag", f'"{hub.etag or hashlib.sha256(data).hexdigest()}"')
        self.send_header("Location", f"{hub.cdn}/cdn{self.path}")
        self.send_header("Content-Length", "0")
        self.end_headers()

    def give(self, data: bytes) -> None:
        hub = self.hub
        start, end = 0, len(data)
        whole = hub.ignore_range or self.path.endswith(hub.never_in_parts)
        if hub.refuse_range and "Range" in self.headers:
            return self.refuse(416, {})
        if (wanted := self.headers.get("Range")) and not whole:
            first, _, last = wanted.removeprefix("bytes=").partition("-")
            if int(first) >= len(data):
                return self.refuse(416, {})
            start, end = int(first), min(int(last) + 1, len(data)) if last else len(data)
            self.send_response(206)
            self.send_header("Content-Range", f"bytes {start}-{end - 1}/{len(data)}")
        else:
            self.send_response(200)
        self.send_header("Accept-Ranges", "bytes")
        self.send_header("Content-Length", str(end - start))
        self.end_headers()
        body = data[start:end]
        waits = hub.stall_after is not None and self.path.endswith(hub.stall_on)
        if hub.stall_after is not None and waits and len(body) > hub.stall_after:
            self.wfile.write(body[: hub.stall_after])
            hub.stalled.set()
            hub.go_on.wait(30)
            body = body[hub.stall_after :]
        for breaks, how in (
            (hub.cuts, lambda: None),
            (hub.resets, self.reset),
            (hub.stalls, lambda: hub.go_on.wait(30)),
        ):
            if breaks:
                self.wfile.write(body[: breaks.pop(0)])
                how()
                self.close_connection = True
                return
        self.wfile.write(body)

    def reset(self) -> None:
        """Have the connection end as one of a machine that has crashed does."""
        time.sleep(0.05)  # what was sent is read first
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.connection.close()

    def refuse(self, status: int, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def handle(self) -> None:
        try:
            super().handle()
        except ConnectionError:  # the client was interrupted
            self.close_connection = True

    def log_message(self, *args: object) -> None:
        pass


@contextmanager
def serve_drips(drip: bytes, every: float) -> Iterator[str]:
    """A host that begins every answer with an endless header: `drip` again and again, or nothing at all.

    It speaks no protocol, so that its clients see what a broken one on their way gives. Gives its URL.
    """
    over = threading.Event()

    class Dripping(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            with suppress(OSError):  # the client has left
                self.request.sendall(b"HTTP/1.1 200 OK\r\nX-Slow: " if drip else b"")
                while not over.wait(every):
                    self.request.sendall(drip)

    server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), Dripping)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        over.set()
        server.shutdown()
        server.server_close()


@contextmanager
def serve_hub() -> Iterator[FakeHub]:
    """A running Hub. Its content network is another host, as with the real one."""
    fake = FakeHub()
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (_Handler,), {"hub": fake}))
    server.daemon_threads = True
    fake.url = f"http://127.0.0.1:{server.server_port}"
    fake.cdn = f"http://localhost:{server.server_port}"
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    try:
        yield fake
    finally:
        fake.go_on.set()
        server.shutdown()
        server.server_close()
