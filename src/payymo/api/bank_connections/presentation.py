"""Connections with the consent that was last asked for."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy.orm import Session

from payymo.api.bank_connections.models import ConnectionRead
from payymo.postgres.common.models import Connection
from payymo.postgres.common.operations.connections import get_connection
from payymo.postgres.common.operations.consents import list_latest_consents
from payymo.postgres.common.operations.doubles import count_open_doubles


def present_connections(
    session: Session, tenant_id: UUID, connections: Sequence[Connection]
) -> list[ConnectionRead]:
    """Return connections as the API shows them.

    :param session: Open session; the caller manages the transaction.
    :param tenant_id: Tenant that owns them.
    :param connections: Their rows.
    """
    ids = [connection.id for connection in connections]
    consents = list_latest_consents(session, tenant_id, ids)
    doubles = count_open_doubles(session, tenant_id, ids)
    return [
        ConnectionRead.of(connection, consents.get(connection.id), doubles.get(connection.id, 0))
        for connection in connections
    ]


def present_connection(session: Session, tenant_id: UUID, connection_id: UUID) -> ConnectionRead:
    """Return one connection as the API shows it.

    :param session: Open session; the caller manages the transaction.
    :param tenant_id: Tenant that must own it.
    :param connection_id: Connection to present.
    :raises NotFoundError: If the tenant has no such connection.
    """
    connection = get_connection(session, tenant_id, connection_id)
    (presented,) = present_connections(session, tenant_id, [connection])
    return presented
