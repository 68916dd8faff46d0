"""A real web server that publishes files as the European Central Bank does."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass
class Publisher:
    """What is published, and what was asked for.

    :ivar files: Content by name.
    :ivar status: What is answered instead, where it is not 200.
    """

    url: str
    files: dict[str, bytes] = field(default_factory=dict)
    status: HTTPStatus = HTTPStatus.OK
    asked: list[str] = field(default_factory=list)


@contextmanager
def publishing() -> Iterator[Publisher]:
    """Serve files within the block."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            name = self.path.removeprefix("/stats/eurofxref/")
            publisher.asked.append(name)
            status = publisher.status
            if status is HTTPStatus.OK and name not in publisher.files:
                status = HTTPStatus.NOT_FOUND
            body = publisher.files[name] if status is HTTPStatus.OK else b"<html></html>"
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        publisher = Publisher(f"http://127.0.0.1:{server.server_port}/stats/eurofxref")
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield publisher
        finally:
            server.shutdown()
            thread.join()
