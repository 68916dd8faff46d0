"""``payymo serve`` and ``payymo worker``: the processes that a running installation has."""

from typing import Annotated

import typer
import uvicorn

from payymo.api.app import create_app
from payymo.api.logs import configure_logging
from payymo.assembly import collect_garbage_rarely, open_installation
from payymo.cli.stack import free_port
from payymo.cli.terminal import err
from payymo.jobs.worker import run_worker
from payymo.settings import load_settings

PortOption = Annotated[
    int, typer.Option(min=0, max=65535, help="Port to listen at; 0 takes a free one.")
]

#: How long requests in flight may take to end when the server is told to stop.
_SHUTDOWN_SECONDS_MAX = 10


def serve(
    port: PortOption = 8000,
    host: Annotated[str, typer.Option(help="Address to listen at.")] = "127.0.0.1",
) -> None:
    """Serve the API until Ctrl-C."""
    settings = load_settings()
    configure_logging(settings.log_level)
    collect_garbage_rarely()
    port = port or free_port()
    with open_installation(settings) as installation:
        app = create_app(installation.api_services(fallback_url=f"http://{host}:{port}"))
        err.print(f"Payymo listens at http://{host}:{port} (documentation: /docs).")
        uvicorn.run(
            app,
            host=host,
            port=port,
            access_log=False,
            log_config=None,
            server_header=False,
            proxy_headers=False,
            timeout_graceful_shutdown=_SHUTDOWN_SECONDS_MAX,
        )


def worker(
    concurrency: Annotated[
        int | None,
        typer.Option(min=1, max=64, help="Jobs at once; PAYYMO_WORKER_CONCURRENCY if absent."),
    ] = None,
) -> None:
    """Run background jobs until Ctrl-C: syncs, matchings, and the daily schedule."""
    settings = load_settings()
    configure_logging(settings.log_level)
    collect_garbage_rarely()
    with open_installation(settings) as installation:
        run_worker(
            installation.database_url,
            installation.worker_services(),
            concurrency=concurrency or settings.worker_concurrency,
        )
