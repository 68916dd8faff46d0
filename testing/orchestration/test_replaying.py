"""Whose a connection is, and which partitions there are."""

from uuid import UUID, uuid4

import pytest
from sqlalchemy.orm import Session, sessionmaker
from testing.factories import add_connection

from payymo.domain.errors import NotFoundError
from payymo.orchestration.replaying import find_owner, list_partitions
from payymo.orchestration.services import OrchestrationServices
from payymo.postgres.tenancy import tenant_transaction


def test_connections_are_partitions_and_have_one_owner(
    services: OrchestrationServices, own_sessions: sessionmaker[Session], own_tenant: UUID
) -> None:
    with tenant_transaction(own_sessions, own_tenant) as session:
        connection_id = add_connection(session, own_tenant).id

    assert str(connection_id) in list_partitions(services)
    assert find_owner(services, connection_id) == own_tenant
    with pytest.raises(NotFoundError):
        find_owner(services, uuid4())
