"""Which tenant a transaction works for: what row-level security believes."""

from collections.abc import Iterator
from contextlib import contextmanager
from uuid import UUID

from sqlalchemy import Connection, text
from sqlalchemy.orm import Session, sessionmaker

#: The setting that every row-level policy compares ``tenant_id`` with.
TENANT_SETTING = "payymo.tenant_id"

_ENTER = text("SELECT set_config(:setting, :tenant_id, true)")


def enter_tenant(session: Session | Connection, tenant_id: UUID) -> None:
    """Show the transaction one tenant's rows, and no others, until it ends.

    :param session: Open session or connection; the caller manages the transaction.
    :param tenant_id: Tenant to work for.
    """
    session.execute(_ENTER, {"setting": TENANT_SETTING, "tenant_id": str(tenant_id)})


@contextmanager
def tenant_transaction(sessions: sessionmaker[Session], tenant_id: UUID) -> Iterator[Session]:
    """Open a transaction that works for one tenant: commit on success, else roll back.

    :param sessions: Opener of transactions.
    :param tenant_id: Tenant to work for.
    """
    with sessions.begin() as session:
        enter_tenant(session, tenant_id)
        yield session
