"""A server on this machine, from which downloads are tested."""

from __future__ import annotations

import http.server
import socket
import threading
from collections.abc import Iterator
from typing import Any

import pytest


class Server(http.server.ThreadingHTTPServer):
    """Serves one file on 127.0.0.1, understands Range, and may cut its first answer."""

    def __init__(self, content: bytes, cut: int | None = None) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.content, self.cut = content, cut
        self.ranges: list[str | None] = []
        self.sent = 0
        self.url = f"http://127.0.0.1:{self.server_port}/set.zip"


class _Handler(http.server.BaseHTTPRequestHandler):
    server: Server
    timeout = 10

    def log_message(self, *args: Any) -> None:
        pass

    def do_GET(self) -> None:
        wanted = self.headers.get("Range")
        self.server.ranges.append(wanted)
        start, content = int(wanted[6:-1]) if wanted else 0, self.server.content
        if start >= len(content):
            self.send_response(416)
            self.send_header("Content-Range", f"bytes */{len(content)}")
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        self.send_response(206 if wanted else 200)
        if wanted:
            self.send_header("Content-Range", f"bytes {start}-{len(content) - 1}/{len(content)}")
        self.send_header("Content-Length", str(len(content) - start))
        self.end_headers()
        end = self.server.cut if self.server.cut and len(self.server.ranges) == 1 else len(content)
        self.wfile.write(content[start:end])
        self.wfile.flush()
        self.server.sent += end - start
        if end < len(content):
            self.connection.shutdown(socket.SHUT_RDWR)


@pytest.fixture
def serve(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    running: list[tuple[Server, threading.Thread]] = []

    def start(content: bytes, cut: int | None = None) -> Server:
        server = Server(content, cut)
        thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
        thread.start()
        running.append((server, thread))
        return server

    yield start
    for server, thread in running:
        server.shutdown()
        server.server_close()
        thread.join(5)
