"""Whether each part of the installation is ready."""

import logging
from collections.abc import Callable, Mapping
from datetime import timedelta
from functools import cache
from typing import Final

from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from payymo.api.services import ApiServices
from payymo.postgres.readiness import find_last_heartbeat, is_queue_reachable
from payymo.postgres.schema import database_revision, latest_revision

logger = logging.getLogger(__name__)

#: A worker gives a sign of life every ten seconds.
HEARTBEAT_AGE_MAX: Final = timedelta(seconds=60)

READY: Final = "ok"


def check_readiness(services: ApiServices) -> dict[str, str]:
    """Return what is the matter with each part: :data:`READY`, or a sentence.

    :param services: The machines that the API was started with.
    """
    return {name: _run(services, name, check) for name, check in _CHECKS.items()}


def _run(services: ApiServices, name: str, check: Callable[[Session, ApiServices], str]) -> str:
    try:
        with services.sessions.begin() as session:
            return check(session, services)
    except SQLAlchemyError:
        logger.warning("readiness check failed", extra={"check": name}, exc_info=True)
        return "The database does not answer."


def _check_database(session: Session, _: ApiServices) -> str:
    session.connection()
    return READY


def _check_migrations(session: Session, _: ApiServices) -> str:
    if database_revision(session) == _latest_revision():
        return READY
    return "The tables are not those of this version: run `payymo db upgrade`."


def _check_queue(session: Session, _: ApiServices) -> str:
    return READY if is_queue_reachable(session) else "The queue's tables may not be written."


def _check_worker(session: Session, services: ApiServices) -> str:
    heartbeat = find_last_heartbeat(session)
    if heartbeat is not None and services.clock() - heartbeat <= HEARTBEAT_AGE_MAX:
        return READY
    return "No worker gave a sign of life lately: start one with `payymo worker`."


@cache
def _latest_revision() -> str:
    return latest_revision()


_CHECKS: Final[Mapping[str, Callable[[Session, ApiServices], str]]] = {
    "database": _check_database,
    "migrations": _check_migrations,
    "queue": _check_queue,
    "worker": _check_worker,
}
