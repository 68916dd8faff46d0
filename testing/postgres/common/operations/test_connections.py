"""Connections, as their tenant sees them."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy.orm import Session, sessionmaker
from testing.factories import NOW, add_connection

from payymo.domain.enums import ConnectionEvent, ConnectionStatus, ConsentStatus
from payymo.domain.errors import NotFoundError
from payymo.domain.faults import consent_fault
from payymo.postgres.common.models import Connection
from payymo.postgres.common.operations.connections import (
    age_connections,
    claim_postponed_connections,
    delete_connection,
    get_connection,
    list_connections,
    list_due_connections,
    lock_connection,
    mark_active,
    mark_asked,
    mark_refused,
    mark_revoked,
    mark_stopped,
)
from payymo.postgres.common.operations.events import list_events
from payymo.postgres.tenancy import tenant_transaction

HOUR = timedelta(hours=1)


@pytest.mark.parametrize("read", [get_connection, lock_connection, delete_connection])
def test_another_tenants_connection_is_not_found(
    sessions: sessionmaker[Session],
    tenant_id: UUID,
    other_tenant_id: UUID,
    read: Callable[[Session, UUID, UUID], object],
) -> None:
    with tenant_transaction(sessions, other_tenant_id) as session:
        foreign = add_connection(session, other_tenant_id)

    with tenant_transaction(sessions, tenant_id) as session:
        for tenant in (tenant_id, other_tenant_id):
            with pytest.raises(NotFoundError, match="no such connection"):
                read(session, tenant, foreign.id)


def test_the_newest_comes_first_and_a_status_may_be_asked_for(
    session: Session, tenant_id: UUID
) -> None:
    first = add_connection(session, tenant_id)
    second = add_connection(session, tenant_id, status=ConnectionStatus.PENDING)

    everything = list_connections(session, tenant_id, page=1, per_page=1)
    active = list_connections(
        session, tenant_id, status=ConnectionStatus.ACTIVE, page=1, per_page=10
    )

    assert ([one.id for one in everything.rows], everything.total) == ([second.id], 2)
    assert [one.id for one in active.rows] == [first.id]


def test_a_mark_says_how_it_stands_and_the_next_one_replaces_it(
    session: Session, tenant_id: UUID
) -> None:
    connection = add_connection(
        session, tenant_id, status=ConnectionStatus.PENDING, next_sync_at=NOW
    )

    mark_refused(
        session,
        connection,
        consent_id=uuid4(),
        error_code="broken",
        error_message="Broken.",
        now=NOW,
    )
    assert (connection.status, connection.error_code) == (ConnectionStatus.ERROR, "broken")
    mark_asked(session, connection)
    assert (connection.status, connection.error_message) == (ConnectionStatus.PENDING, None)
    mark_active(session, connection, consent_id=uuid4(), expires_at=NOW, is_renewal=False, now=NOW)
    assert (connection.status, connection.expires_at) == (ConnectionStatus.ACTIVE, NOW)
    assert connection.next_sync_at is None
    mark_stopped(
        session,
        connection,
        ConnectionEvent.SUSPENDED,
        consent_fault(ConsentStatus.SUSPENDED),
        now=NOW,
    )
    assert connection.status is ConnectionStatus.SUSPENDED
    mark_revoked(session, connection, now=NOW)
    assert (connection.status, connection.expires_at) == (ConnectionStatus.REVOKED, None)
    told = list_events(session, tenant_id, subject_id=connection.id, page=1, per_page=10)
    assert sorted(event.kind for event in told.rows) == [
        "connection_activated",
        "connection_failed",
        "connection_revoked",
        "connection_suspended",
    ]


DUE = [
    ({}, True),
    ({"expires_at": NOW + HOUR}, True),
    ({"expires_at": NOW}, False),
    ({"next_sync_at": NOW + HOUR}, True),
    ({"status": ConnectionStatus.EXPIRING, "expires_at": NOW + HOUR}, True),
    ({"status": ConnectionStatus.PENDING}, False),
    ({"status": ConnectionStatus.EXPIRED}, False),
]


@pytest.mark.parametrize(("columns", "is_due"), DUE)
def test_only_what_may_be_read_by_now_is_due(
    session: Session, tenant_id: UUID, columns: dict[str, Any], is_due: bool
) -> None:
    connection = add_connection(session, tenant_id, **columns)

    due = list_due_connections(session, tenant_id, now=NOW)

    assert [one.id for one in due] == ([connection.id] if is_due else [])


def test_a_postponed_sync_is_claimed_once(session: Session, tenant_id: UUID) -> None:
    postponed = add_connection(session, tenant_id, next_sync_at=NOW)
    add_connection(session, tenant_id, next_sync_at=NOW + HOUR)
    add_connection(session, tenant_id)

    assert claim_postponed_connections(session, tenant_id, now=NOW) == [postponed.id]
    assert claim_postponed_connections(session, tenant_id, now=NOW) == []


def test_only_active_connections_expire(session: Session, tenant_id: UUID) -> None:
    active = add_connection(session, tenant_id, expires_at=NOW)
    pending = add_connection(session, tenant_id, expires_at=NOW, status=ConnectionStatus.PENDING)

    age_connections(session, tenant_id, now=NOW)

    session.expire_all()
    statuses = [
        session.get_one(Connection, (tenant_id, one.id)).status for one in (active, pending)
    ]
    assert statuses == [ConnectionStatus.EXPIRED, ConnectionStatus.PENDING]
