"""What the database knows of the queue's health."""

from datetime import datetime

from sqlalchemy import text
from sqlalchemy.orm import Session


def find_last_heartbeat(session: Session) -> datetime | None:
    """Return when a worker last gave a sign of life; ``None`` if none is known.

    :param session: Open session; the caller manages the transaction.
    """
    heartbeat: datetime | None = session.scalar(
        text("SELECT max(last_heartbeat) FROM procrastinate_workers")
    )
    return heartbeat


def is_queue_reachable(session: Session) -> bool:
    """Return whether jobs can be left in the queue.

    :param session: Open session; the caller manages the transaction.
    """
    statement = "SELECT has_table_privilege('procrastinate_jobs', 'INSERT')"
    return bool(session.scalar(text(statement)))
