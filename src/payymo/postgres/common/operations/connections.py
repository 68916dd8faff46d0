"""Connections to banks."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import ColumnElement, Select, delete, func, or_, select, update
from sqlalchemy.orm import Session

from payymo.domain.consents import EXPIRING_WITHIN, READABLE, due_warning, next_status
from payymo.domain.enums import (
    AccountSelection,
    ConnectionEvent,
    ConnectionStatus,
    ConsentStatus,
    EventKind,
    EventSubject,
    FaultKind,
    FaultReach,
)
from payymo.domain.errors import NotFoundError
from payymo.domain.faults import Fault, consent_fault
from payymo.postgres.common.models import Account, BankConsent, Connection, Institution
from payymo.postgres.common.operations.doubles import release_adopted
from payymo.postgres.common.operations.events import record_event
from payymo.postgres.common.operations.faults import note_fault
from payymo.postgres.core import Page

_DISCONNECTED = Fault(
    FaultKind.CONSENT,
    FaultReach.CONNECTION,
    "disconnected",
    "The connection was ended and its history kept: renew it to go on from there.",
)

_STOPS = {
    ConnectionEvent.RAN_OUT: EventKind.CONNECTION_EXPIRED,
    ConnectionEvent.SUSPENDED: EventKind.CONNECTION_SUSPENDED,
}


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

    Rows that belong to it can be added meanwhile: whoever holds its accounts needs not wait.

    :param session: Open session; the lock lasts as long as its transaction.
    :param tenant_id: Tenant that must own it.
    :param connection_id: Connection to lock.
    :raises NotFoundError: If the tenant has no such connection.
    """
    statement = select(Connection).where(_is(tenant_id, connection_id))
    return _one(
        session,
        statement.with_for_update(of=Connection, key_share=True).execution_options(
            populate_existing=True
        ),
    )


def create_connection(
    session: Session,
    tenant_id: UUID,
    institution: Institution,
    *,
    created_by: UUID | None,
    name: str | None = None,
    account_selection: AccountSelection = AccountSelection.ALL,
) -> Connection:
    """Add a connection that waits for its first consent, and return it.

    :param session: Open session; the caller manages the transaction.
    :param tenant_id: Tenant that will own it.
    :param institution: Bank to connect.
    :param created_by: User who asked for it.
    :param name: What the tenant calls it.
    :param account_selection: Whether its accounts are read at once, or offered first.
    """
    connection = Connection(
        tenant_id=tenant_id,
        provider=institution.provider,
        institution=institution,
        status=ConnectionStatus.PENDING,
        created_by=created_by,
        name=name,
        account_selection=account_selection,
    )
    session.add(connection)
    session.flush()
    return connection


def rename_connection(session: Session, tenant_id: UUID, connection_id: UUID, *, name: str) -> None:
    """Change what a tenant calls a connection.

    :param session: Open session; the caller manages the transaction.
    :param tenant_id: Tenant that must own it.
    :param connection_id: Connection to rename.
    :param name: What to call it.
    :raises NotFoundError: If the tenant has no such connection.
    """
    get_connection(session, tenant_id, connection_id).name = name
    session.flush()


def mark_asked(session: Session, connection: Connection) -> None:
    """Note that a consent is asked for: a connection that failed waits again.

    :param session: Open session; the caller manages the transaction.
    :param connection: Connection, locked.
    """
    status = next_status(connection.status, ConnectionEvent.ASKED)
    if status is not connection.status:
        _mark(connection, status, None)
    session.flush()


def mark_active(
    session: Session,
    connection: Connection,
    *,
    consent_id: UUID,
    expires_at: datetime | None,
    is_renewal: bool,
    now: datetime,
) -> None:
    """Let a connection be read.

    :param session: Open session; the caller manages the transaction.
    :param connection: Connection, locked.
    :param consent_id: Consent that opens it.
    :param expires_at: When that ends (aware), where known.
    :param is_renewal: Whether another consent opened it before.
    :param now: The time (aware).
    """
    status = next_status(connection.status, ConnectionEvent.GRANTED)
    _mark(connection, status, None)
    connection.expires_at = expires_at
    connection.next_sync_at = None
    session.flush()
    kind = EventKind.CONNECTION_RENEWED if is_renewal else EventKind.CONNECTION_ACTIVATED
    _tell(session, connection, kind, key=str(consent_id), now=now)


def mark_refused(
    session: Session,
    connection: Connection,
    *,
    consent_id: UUID,
    error_code: str,
    error_message: str,
    now: datetime,
) -> None:
    """Note that a consent was not given: a connection that has another goes on standing.

    :param session: Open session; the caller manages the transaction.
    :param connection: Connection, locked.
    :param consent_id: Consent that was not given.
    :param error_code: Why, for programs.
    :param error_message: Why and what to do, in a sentence.
    :param now: The time (aware).
    """
    status = next_status(connection.status, ConnectionEvent.REFUSED)
    is_failed = status is ConnectionStatus.ERROR
    if is_failed:
        reason = Fault(FaultKind.CONSENT, FaultReach.CONNECTION, error_code, error_message)
        _mark(connection, status, reason)
    session.flush()
    kind = EventKind.CONNECTION_FAILED if is_failed else EventKind.CONNECTION_RENEWAL_FAILED
    _tell(session, connection, kind, key=str(consent_id), now=now, reason=error_code)


def mark_stopped(
    session: Session,
    connection: Connection,
    event: ConnectionEvent,
    fault: Fault,
    *,
    now: datetime,
) -> None:
    """Note that a connection cannot be read any more, and why.

    :param session: Open session; the caller manages the transaction.
    :param connection: Connection, locked.
    :param event: ``RAN_OUT`` or ``SUSPENDED``.
    :param fault: Why, and what to do.
    :param now: The time (aware).
    """
    status = next_status(connection.status, event)
    _mark(connection, status, fault)
    session.flush()
    key = (connection.expires_at or now).isoformat()
    _tell(session, connection, _STOPS[event], key=key, now=now, reason=fault.code)


def mark_revoked(session: Session, connection: Connection, *, now: datetime) -> None:
    """Note that a connection was ended on our side: no consent opens it, and it is never due.

    :param session: Open session; the caller manages the transaction.
    :param connection: Connection, locked.
    :param now: The time (aware).
    """
    status = next_status(connection.status, ConnectionEvent.ENDED)
    _mark(connection, status, _DISCONNECTED)
    connection.expires_at = None
    connection.next_sync_at = None
    session.flush()
    _tell(session, connection, EventKind.CONNECTION_REVOKED, key=now.isoformat(), now=now)


def age_connections(session: Session, tenant_id: UUID, *, now: datetime) -> None:
    """Mark the tenant's connections whose consent ran out by date, or is about to, and warn.

    Doing it again changes nothing until a further day of warning is reached.

    :param session: Open session; the caller manages the transaction.
    :param tenant_id: Tenant that owns them.
    :param now: The time (aware).
    """
    ending = session.scalars(
        select(Connection)
        .where(
            Connection.tenant_id == tenant_id,
            Connection.status.in_(READABLE),
            Connection.expires_at <= now + EXPIRING_WITHIN,
        )
        .order_by(Connection.id)
        .with_for_update(of=Connection, key_share=True)
        .execution_options(populate_existing=True)
    ).all()
    for connection in ending:
        if connection.expires_at is not None and connection.expires_at <= now:
            mark_stopped(
                session,
                connection,
                ConnectionEvent.RAN_OUT,
                consent_fault(ConsentStatus.EXPIRED),
                now=now,
            )
        else:
            _warn(session, connection, now=now)
    session.execute(
        update(BankConsent)
        .where(
            BankConsent.tenant_id == tenant_id,
            BankConsent.status == ConsentStatus.GRANTED,
            BankConsent.expires_at <= now,
        )
        .values(status=ConsentStatus.EXPIRED)
    )


def list_due_connections(
    session: Session, tenant_id: UUID, *, now: datetime
) -> Sequence[Connection]:
    """Return the tenant's connections that may be synced, oldest first.

    Whether each of their accounts may be read is known by the account.

    :param session: Open session; the caller manages the transaction.
    :param tenant_id: Tenant that owns them.
    :param now: The time (aware).
    """
    return session.scalars(
        select(Connection).where(_is_readable(tenant_id, now)).order_by(Connection.id)
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
    # Transactions name the sync run that added them: they have to go before their runs do.
    session.execute(
        delete(Account).where(
            Account.tenant_id == tenant_id, Account.connection_id == connection_id
        )
    )
    release_adopted(session, tenant_id, connection_id)
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
        & Connection.status.in_(READABLE)
        & or_(Connection.expires_at.is_(None), Connection.expires_at > now)
    )


def _one(session: Session, statement: Select[Connection]) -> Connection:
    connection = session.scalars(statement).one_or_none()
    if connection is None:
        raise NotFoundError("There is no such connection.")
    return connection


def _mark(connection: Connection, status: ConnectionStatus, fault: Fault | None) -> None:
    connection.status = status
    note_fault(connection, fault)


def _warn(session: Session, connection: Connection, *, now: datetime) -> None:
    connection.status = next_status(connection.status, ConnectionEvent.NEARED_END)
    session.flush()
    days = due_warning(connection.expires_at, now=now)
    if days is not None and connection.expires_at is not None:
        # Named by the end: a renewal, which moves it, lets the warnings begin anew.
        key = f"{connection.expires_at.isoformat()}:{days}"
        _tell(session, connection, EventKind.CONNECTION_EXPIRING, key=key, now=now, days=days)


def _tell(
    session: Session,
    connection: Connection,
    kind: EventKind,
    *,
    key: str,
    now: datetime,
    **payload: object,
) -> None:
    ends = connection.expires_at
    record_event(
        session,
        connection.tenant_id,
        kind,
        subject=(EventSubject.BANK_CONNECTION, connection.id),
        key=key,
        payload={
            "status": connection.status.value,
            "expires_at": ends.isoformat() if ends else None,
            **payload,
        },
        now=now,
    )
