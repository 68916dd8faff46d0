"""An ASGI server of one's own serves the API, and leaves nothing behind when it stops."""

import asyncio
import logging
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from payymo.asgi import create
from payymo.cli.stack import free_port

START_SECONDS_MAX = 60
STOP_SECONDS_MAX = 60


@pytest.fixture
def _logging_afterwards_as_before() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)


@pytest.mark.usefixtures("_logging_afterwards_as_before")
def test_the_installation_is_open_until_the_application_shuts_down(
    monkeypatch: pytest.MonkeyPatch, database: str, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DATABASE_URL", database)
    monkeypatch.setenv("PAYYMO_DATA_DIR", str(tmp_path))
    app = create()
    engine = app.state.services.sessions.kw["bind"]

    async def visit() -> None:
        transport = httpx.ASGITransport(app)
        async with (
            app.router.lifespan_context(app),
            httpx.AsyncClient(transport=transport, base_url="http://payymo.test") as client,
        ):
            assert (await client.get("/healthz")).status_code == 200
            await client.get("/readyz")
            assert engine.pool.checkedin() > 0

    asyncio.run(visit())

    assert engine.pool.checkedin() == 0


def test_uvicorn_opens_and_closes_it(data_folder: Path) -> None:
    environment = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("PAYYMO_", "GOCARDLESS_")) and name != "DATABASE_URL"
    }
    port = free_port()
    process = subprocess.Popen(
        [sys.executable, "-m", "uvicorn", "--factory", "payymo.asgi:create", "--port", str(port)],
        cwd=data_folder,
        env=environment | {"PAYYMO_DATA_DIR": str(data_folder)},
        stderr=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
    )
    server_pid = data_folder / "postgres" / "data" / "postmaster.pid"
    try:
        assert wait_for_answer(f"http://127.0.0.1:{port}/healthz") == 200
        assert server_pid.exists()
        process.send_signal(signal.SIGTERM)
        process.wait(STOP_SECONDS_MAX)
    finally:
        process.kill()
        process.wait()

    assert not server_pid.exists()


def wait_for_answer(url: str) -> int:
    deadline = time.monotonic() + START_SECONDS_MAX
    while True:
        try:
            return httpx.get(url).status_code
        except httpx.TransportError:
            assert time.monotonic() < deadline
            time.sleep(0.1)
