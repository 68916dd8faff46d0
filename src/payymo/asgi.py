"""The API for an ASGI server of one's own: ``uvicorn --factory payymo.asgi:create``."""

from contextlib import ExitStack

from fastapi import FastAPI

from payymo.api.app import create_app
from payymo.api.logs import configure_logging
from payymo.assembly import collect_garbage_rarely, open_installation
from payymo.settings import load_settings


def create() -> FastAPI:
    """Return the API over the installation that the environment describes.

    The installation stays open until the application shuts down. ``PAYYMO_PUBLIC_URL`` has to say
    where browsers reach it, because the ASGI server does not.

    :raises ConfigurationError: If something is not set up.
    """
    settings = load_settings()
    configure_logging(settings.log_level)
    collect_garbage_rarely()
    stack = ExitStack()
    installation = stack.enter_context(open_installation(settings))
    app = create_app(installation.api_services(fallback_url="http://127.0.0.1:8000"))
    app.router.add_event_handler("shutdown", stack.close)
    return app
