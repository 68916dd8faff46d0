"""An installation's database and its clock: all that some commands need of it."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

from sqlalchemy.exc import DBAPIError, OperationalError
from sqlalchemy.orm import Session, sessionmaker

from payymo.domain.errors import ConfigurationError, OutageError
from payymo.postgres.core import create_app_engine, create_sessions
from payymo.postgres.embedded import embedded_server
from payymo.postgres.schema import database_revision, init_database, latest_revision
from payymo.settings import Settings


def system_clock() -> datetime:
    """Return the present moment by the process's clock (aware, UTC)."""
    return datetime.now(UTC)


@contextmanager
def open_database(settings: Settings) -> Iterator[str]:
    """Keep the installation's database within reach, and give its address.

    An embedded server is started where no server is named.

    :param settings: The installation's settings.
    :returns: Address with the owner's login.
    """
    if settings.database_url is not None:
        yield settings.database_url.get_secret_value()
        return
    with embedded_server(settings.data_dir / "postgres") as server:
        yield server.url()


@contextmanager
def open_current_database(settings: Settings) -> Iterator[str]:
    """Keep the installation's database within reach, at this version's revision.

    The embedded database is set up and upgraded by itself; a named server's only by
    ``payymo db init`` and ``payymo db upgrade``, because it may not be ours alone.

    :param settings: The installation's settings.
    :returns: Address with the owner's login.
    :raises ConfigurationError: If something is not set up; the message says what to do.
    :raises OutageError: If the database goes away within the block.
    """
    with open_database(settings) as url, _naming_outages():
        if settings.database_url is None:
            init_database(url)
        else:
            _check_revision(url)
        yield url


@contextmanager
def _naming_outages() -> Iterator[None]:
    """Say in a sentence that the database went away while it was worked with."""
    try:
        yield
    except OperationalError:
        # Not chained: the driver's own words may hold the address.
        raise OutageError(
            "The database went away in the middle of the work: check its server, and run the "
            "command again. Nothing is half-written."
        ) from None


def read_revision(sessions: sessionmaker[Session]) -> str | None:
    """Return which revision a database's tables are at; ``None`` if it has none.

    :param sessions: Opener of transactions.
    :raises ConfigurationError: If the database cannot be used.
    """
    try:
        with sessions.begin() as session:
            return database_revision(session)
    except DBAPIError:
        # Not chained: the driver's own words may hold the address.
        raise ConfigurationError(
            "The database cannot be used: check that its server runs and that `payymo db init` "
            "was run with this login."
        ) from None


def _check_revision(url: str) -> None:
    engine = create_app_engine(url)
    try:
        revision = read_revision(create_sessions(engine))
    finally:
        engine.dispose()
    if revision is None:
        raise ConfigurationError("The database is empty: run `payymo db init` first.")
    if revision != latest_revision():
        raise ConfigurationError(
            "The database's tables are not those of this version: run `payymo db upgrade`."
        )
