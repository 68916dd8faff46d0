"""Connections to banks."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import ColumnElement, Select, delete, func, or_, select, update
from sqlalchemy.orm import Session

from payymo.domain.enums import ConnectionStatus, ConsentStatus
from payymo.domain.errors import NotFoundError
from payymo.postgres.common.models import BankConsent, Connection, Institution
from payymo.postgres.core import Page

EXPIRED_MESSAGE = "The bank's consent has run out: renew the connection."
_REVOKED_MESSAGE = "The connection was ended and its history kept: renew it to go on from there."


def list_connections(
    session: Session,
    tenant_id: UUID,
    *,
    status: ConnectionStatus | None = None,
    page: int,
    per_page: int,
) -> Page[Connection]:
    """Return the tenant's connections, newest first.

    :param session: Open session; the caller manages the transaction.
    :param tenant_id: Tenant that owns them.
    :param status: Only those that stand so.
    :param page: Page, from 1.
    :param per_page: Rows of a page.
    """
    statement = select(Connection).where(Connection.tenant_id == tenant_id)
    if status is not None:
        statement = statement.where(Connection.status == status)
    total = session.scalar(
        select(func.count()).select_from(statement.with_only_columns(Connection.id).subquery())
    )
    rows = session.scalars(
        statement.order_by(Connection.id.desc()).offset((page - 1) * per_page).limit(per_page)
    )
    return Page(rows=rows.all(), total=total or 0)


def get_connection(session: Session, tenant_id: UUID, connection_id: UUID) -> Connection:
    """Return one of the tenant's connections.

    :param session: Open session; the caller manages the transaction.
    :param tenant_id: Tenant that must own it.
    :param connection_id: Connection to return.
    :raises NotFoundError: If the tenant has no such connection.
    """
    return _one(session, select(Connection).where(_is(tenant_id, connection_id)))


def lock_connection(session: Session, tenant_id: UUID, connection_id: UUID) -> Connection:
    """Return a connection as it stands now, and keep others from changing it.

    :param session: Open session; the lock lasts as long as its transaction.
    :param tenant_id: Tenant that must own it.
    :param connection_id: Connection to lock.
    :raises NotFoundError: If the tenant has no such connection.
    """
    statement = select(Connection).where(_is(tenant_id, connection_id))
    return _one(
        session,
        statement.with_for_update(of=Connection).execution_options(populate_existing=True),
    )


def create_connection(
    session: Session, tenant_id: UUID, institution: Institution, *, created_by: UUID | None
) -> Connection:
    """Add a connection that waits for its first consent, and return it.

    :param session: Open session; the caller manages the transaction.
    :param tenant_id: Tenant that will own it.
    :param institution: Bank to connect.
    :param created_by: User who asked for it.
    """
    connection = Connection(
        tenant_id=tenant_id,
        provider=institution.provider,
        institution=institution,
        status=ConnectionStatus.PENDING,
        created_by=created_by,
    )
    session.add(connection)
    session.flush()
    return connection


def mark_pending(session: Session, connection: Connection) -> None:
    """Let a connection wait for a consent.

    :param session: Open session; the caller manages the transaction.
    :param connection: Connection, locked.
    """
    _mark(connection, ConnectionStatus.PENDING, error_code=None, error_message=None)
    session.flush()


def mark_active(session: Session, connection: Connection, *, expires_at: datetime | None) -> None:
    """Let a connection be read.

    :param session: Open session; the caller manages the transaction.
    :param connection: Connection, locked.
    :param expires_at: When the consent ends (aware), where known.
    """
    _mark(connection, ConnectionStatus.ACTIVE, error_code=None, error_message=None)
    connection.expires_at = expires_at
    connection.next_sync_at = None
    session.flush()


def mark_stopped(
    session: Session,
    connection: Connection,
    status: ConnectionStatus,
    *,
    error_code: str,
    error_message: str,
) -> None:
    """Note that a connection cannot be read, and why.

    :param session: Open session; the caller manages the transaction.
    :param connection: Connection to mark.
    :param status: How it stands.
    :param error_code: Why, for programs.
    :param error_message: Why and what to do, in a sentence.
    """
    _mark(connection, status, error_code=error_code, error_message=error_message)
    session.flush()


def mark_revoked(session: Session, connection: Connection) -> None:
    """Note that a connection was ended on our side: no consent opens it, and it is never due.

    :param session: Open session; the caller manages the transaction.
    :param connection: Connection, locked.
    """
    _mark(
        connection,
        ConnectionStatus.REVOKED,
        error_code="disconnected",
        error_message=_REVOKED_MESSAGE,
    )
    connection.expires_at = None
    connection.next_sync_at = None
    session.flush()


def expire_connections(session: Session, tenant_id: UUID, *, now: datetime) -> int:
    """Mark the tenant's connections whose consent has run out by date.

    :param session: Open session; the caller manages the transaction.
    :param tenant_id: Tenant that owns them.
    :param now: The time (aware).
    :returns: How many were marked.
    """
    expired = session.scalars(
        update(Connection)
        .where(
            Connection.tenant_id == tenant_id,
            Connection.status == ConnectionStatus.ACTIVE,
            Connection.expires_at <= now,
        )
        .values(
            status=ConnectionStatus.EXPIRED,
            error_code="consent_expired",
            error_message=EXPIRED_MESSAGE,
        )
        .returning(Connection.id)
    ).all()
    session.execute(
        update(BankConsent)
        .where(
            BankConsent.tenant_id == tenant_id,
            BankConsent.status == ConsentStatus.GRANTED,
            BankConsent.expires_at <= now,
        )
        .values(status=ConsentStatus.EXPIRED)
    )
    return len(expired)


def list_due_connections(
    session: Session, tenant_id: UUID, *, now: datetime
) -> Sequence[Connection]:
    """Return the tenant's connections that may be synced by now, oldest first.

    :param session: Open session; the caller manages the transaction.
    :param tenant_id: Tenant that owns them.
    :param now: The time (aware).
    """
    return session.scalars(
        select(Connection)
        .where(
            _is_readable(tenant_id, now),
            or_(Connection.next_sync_at.is_(None), Connection.next_sync_at <= now),
        )
        .order_by(Connection.id)
    ).all()


def claim_postponed_connections(
    session: Session, tenant_id: UUID, *, now: datetime
) -> Sequence[UUID]:
    """Return the connections whose postponed sync has come due, once: the date is cleared.

    :param session: Open session; the caller manages the transaction.
    :param tenant_id: Tenant that owns them.
    :param now: The time (aware).
    """
    return session.scalars(
        update(Connection)
        .where(_is_readable(tenant_id, now), Connection.next_sync_at <= now)
        .values(next_sync_at=None)
        .returning(Connection.id)
    ).all()


def delete_connection(session: Session, tenant_id: UUID, connection_id: UUID) -> None:
    """Remove a connection with its consents, accounts, balances and transactions.

    :param session: Open session; the caller manages the transaction.
    :param tenant_id: Tenant that must own it.
    :param connection_id: Connection to remove.
    :raises NotFoundError: If the tenant has no such connection.
    """
    deleted = session.scalars(
        delete(Connection).where(_is(tenant_id, connection_id)).returning(Connection.id)
    ).one_or_none()
    if deleted is None:
        raise NotFoundError("There is no such connection.")


def _is(tenant_id: UUID, connection_id: UUID) -> ColumnElement[bool]:
    return (Connection.tenant_id == tenant_id) & (Connection.id == connection_id)


def _is_readable(tenant_id: UUID, now: datetime) -> ColumnElement[bool]:
    return (
        (Connection.tenant_id == tenant_id)
        & (Connection.status == ConnectionStatus.ACTIVE)
        & or_(Connection.expires_at.is_(None), Connection.expires_at > now)
    )


def _one(session: Session, statement: Select[Connection]) -> Connection:
    connection = session.scalars(statement).one_or_none()
    if connection is None:
        raise NotFoundError("There is no such connection.")
    return connection


def _mark(
    connection: Connection,
    status: ConnectionStatus,
    *,
    error_code: str | None,
    error_message: str | None,
) -> None:
    connection.status = status
    connection.error_code = error_code
    connection.error_message = error_message
