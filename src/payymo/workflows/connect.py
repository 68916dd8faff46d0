"""Connecting a bank: asking for consent, coming back from it, renewing and ending it.

What the browser brings back is a hint, never a fact: only the provider's own answer counts. No
transaction is open while anybody else is waited for.
"""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final
from uuid import UUID

from sqlalchemy.orm import Session, sessionmaker

from payymo.domain.banking import Authorisation, Clock, InstitutionRecord
from payymo.domain.consents import ACCESS_DAYS_USUAL, REFUSED_IN_USE, renewal_history_days
from payymo.domain.enums import AccountSelection, ConnectionStatus, ConsentStatus
from payymo.domain.errors import ConflictError, NotFoundError, RuleError
from payymo.postgres.auth.operations.audit import record_audit
from payymo.postgres.common.models import BankConsent, Connection, Institution
from payymo.postgres.common.operations import connections, consents, institutions
from payymo.postgres.gocardless.operations import documents
from payymo.postgres.jobs.operations.jobs import cancel_connection_jobs
from payymo.postgres.reconciliation.operations.allocations import has_allocations
from payymo.postgres.tenancy import tenant_transaction
from payymo.providers.base import ProviderDirectory
from payymo.providers.registry import gives_long_history_once
from payymo.workflows.consents import revoke_before_deletion, settle_consent
from payymo.workflows.institutions import find_bank
from payymo.workflows.queue import JobQueue

_REFERENCE_BYTES: Final = 24
_TENANT_HEX_LENGTH: Final = 32
_LASTING: Final = tuple(status for status in ConsentStatus if status is not ConsentStatus.REVOKED)


@dataclass(frozen=True, slots=True)
class StartedConnection:
    """A connection whose account holder is to be asked.

    :ivar consent_url: The page to send the account holder's browser to.
    :ivar reference: Names the attempt; whoever knows it may ask what became of it.
    """

    connection: Connection
    consent_url: str
    reference: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class FinishedConnection:
    """A connection after its account holder came back.

    :ivar consent_status: What became of the consent; a connection may stand on another one.
    :ivar consent_error: Why it was not given, in a sentence.
    :ivar return_url: Where whoever started it wants the browser to go; absent if nowhere.
    """

    connection: Connection
    consent_status: ConsentStatus
    consent_error: str | None
    return_url: str | None


def start_connection(
    sessions: sessionmaker[Session],
    providers: ProviderDirectory,
    *,
    tenant_id: UUID,
    institution: str,
    callback_url: str,
    return_url: str | None,
    actor_id: UUID | None,
    clock: Clock,
    name: str | None = None,
    account_selection: AccountSelection = AccountSelection.ALL,
) -> StartedConnection:
    """Ask for a first consent, and return the connection that waits for it.

    :param sessions: Opener of transactions.
    :param providers: Finds the provider to ask.
    :param tenant_id: Tenant that will own the connection.
    :param institution: Bank to connect: Payymo's id of it, or the provider's.
    :param callback_url: Our own address for the account holder's return.
    :param return_url: Where to send the browser from there.
    :param actor_id: User who asks.
    :param clock: Tells the time.
    :param name: What to call the connection.
    :param account_selection: Whether its accounts are read at once, or offered first.
    :raises NotFoundError: If there is no such institution.
    :raises ProviderError: If the provider does not give a page for the consent.
    """
    bank = find_bank(sessions, providers, tenant_id, institution, clock)
    reference = _make_reference(tenant_id)
    authorisation = _authorise(
        sessions, providers, tenant_id, bank, reference=reference, callback_url=callback_url
    )
    with tenant_transaction(sessions, tenant_id) as session:
        connection = connections.create_connection(
            session,
            tenant_id,
            institutions.get_institution(session, bank.id),
            created_by=actor_id,
            name=name,
            account_selection=account_selection,
        )
        _record_attempt(
            session,
            connection,
            authorisation,
            reference=reference,
            return_url=return_url,
            now=clock(),
        )
        _record_deed(session, connection, actor_id, "started")
    return StartedConnection(connection, authorisation.url, reference)


def renew_connection(
    sessions: sessionmaker[Session],
    providers: ProviderDirectory,
    *,
    tenant_id: UUID,
    connection_id: UUID,
    callback_url: str,
    return_url: str | None,
    actor_id: UUID | None,
    clock: Clock,
) -> StartedConnection:
    """Ask for another consent of a connection; until it is given, the present one stays.

    :param sessions: Opener of transactions.
    :param providers: Finds the provider to ask.
    :param tenant_id: Tenant that must own the connection.
    :param connection_id: Connection to renew.
    :param callback_url: Our own address for the account holder's return.
    :param return_url: Where to send the browser from there.
    :param actor_id: User who asks.
    :param clock: Tells the time.
    :raises NotFoundError: If the tenant has no such connection.
    :raises ProviderError: If the provider does not give a page for the consent.
    """
    with tenant_transaction(sessions, tenant_id) as session:
        connection = connections.get_connection(session, tenant_id, connection_id)
        before = consents.list_consents(session, tenant_id, connection_id=connection_id)
    bank, was_read = connection.institution, connection.last_synced_at is not None
    is_refused = any(consent.error_code == REFUSED_IN_USE for consent in before)
    reference = _make_reference(tenant_id)
    authorisation = _authorise(
        sessions,
        providers,
        tenant_id,
        bank,
        reference=reference,
        callback_url=callback_url,
        history_days=renewal_history_days(
            is_given_once=gives_long_history_once(bank.provider, bank.reference, bank.features),
            was_read=was_read,
            is_refused=is_refused,
        ),
        access_days=ACCESS_DAYS_USUAL if is_refused else None,
    )
    with tenant_transaction(sessions, tenant_id) as session:
        connection = connections.lock_connection(session, tenant_id, connection_id)
        connections.mark_asked(session, connection)
        _record_attempt(
            session,
            connection,
            authorisation,
            reference=reference,
            return_url=return_url,
            now=clock(),
        )
        _record_deed(session, connection, actor_id, "renewed")
    return StartedConnection(connection, authorisation.url, reference)


def finish_connection(
    sessions: sessionmaker[Session],
    providers: ProviderDirectory,
    queue: JobQueue,
    *,
    reference: str,
    clock: Clock,
) -> FinishedConnection:
    """Learn what became of a consent, and return its connection as it then stands.

    The first call that finds the consent given makes the connection active, records its accounts
    and queues its first sync, all at once; every other call changes nothing.

    :param sessions: Opener of transactions.
    :param providers: Finds the provider to ask.
    :param queue: Takes the sync.
    :param reference: Our own name for the consent, as the browser brought it.
    :param clock: Tells the time.
    :raises NotFoundError: If we asked for no such consent.
    :raises ProviderError: If the provider cannot be asked: the consent stays as it is.
    """
    tenant_id = _read_tenant(reference)
    with tenant_transaction(sessions, tenant_id) as session:
        consent = consents.get_consent_by_reference(session, tenant_id, reference)
        connection = connections.get_connection(session, tenant_id, consent.connection_id)
    if consent.status is ConsentStatus.PENDING:
        connection = settle_consent(
            sessions, providers, queue, connection=connection, consent=consent, clock=clock
        )
        with tenant_transaction(sessions, tenant_id) as session:
            consent = consents.get_consent_by_reference(session, tenant_id, reference)
    return FinishedConnection(connection, consent.status, consent.error_message, consent.return_url)


def change_connection(
    sessions: sessionmaker[Session],
    providers: ProviderDirectory,
    *,
    tenant_id: UUID,
    connection_id: UUID,
    name: str | None,
    is_ended: bool,
    actor_id: UUID | None,
    clock: Clock,
) -> None:
    """Name a connection, or end it, or both.

    :param sessions: Opener of transactions.
    :param providers: Finds the provider to tell.
    :param tenant_id: Tenant that must own it.
    :param connection_id: Connection to change.
    :param name: What to call it; ``None`` leaves it.
    :param is_ended: Whether to end it, as :func:`disconnect` does.
    :param actor_id: User who asks.
    :param clock: Tells the time.
    :raises NotFoundError: If the tenant has no such connection.
    :raises ConflictError: If it is to be ended and renewed meanwhile.
    :raises ProviderError: If the provider does not end a consent.
    """
    if name is not None:
        with tenant_transaction(sessions, tenant_id) as session:
            connections.rename_connection(session, tenant_id, connection_id, name=name)
    if is_ended:
        disconnect(
            sessions,
            providers,
            tenant_id=tenant_id,
            connection_id=connection_id,
            actor_id=actor_id,
            clock=clock,
        )


def disconnect(
    sessions: sessionmaker[Session],
    providers: ProviderDirectory,
    *,
    tenant_id: UUID,
    connection_id: UUID,
    actor_id: UUID | None,
    clock: Clock,
) -> None:
    """End a connection's consents at the provider, and keep all that it brought.

    It is not synced any more; renewing it goes on with the same history. Doing it twice changes
    nothing.

    :param sessions: Opener of transactions.
    :param providers: Finds the provider to tell.
    :param tenant_id: Tenant that must own it.
    :param connection_id: Connection to end.
    :param actor_id: User who asks.
    :param clock: Tells the time.
    :raises NotFoundError: If the tenant has no such connection.
    :raises ConflictError: If it is renewed meanwhile.
    :raises ProviderError: If the provider does not end a consent: the connection stays as it is.
    :raises ConfigurationError: If there are no credentials to ask with.
    """
    with tenant_transaction(sessions, tenant_id) as session:
        connection = connections.get_connection(session, tenant_id, connection_id)
        lasting = _list_lasting(session, connection)
    if not lasting and connection.status is ConnectionStatus.REVOKED:
        return
    for consent in lasting:
        provider = providers.provider_for(tenant_id, connection.provider)
        provider.revoke_consent(consent.provider_reference)
    with tenant_transaction(sessions, tenant_id) as session:
        connection = connections.lock_connection(session, tenant_id, connection_id)
        for consent in _check_ended(session, connection, lasting):
            consents.close_consent(session, consent, ConsentStatus.REVOKED)
        cancel_connection_jobs(session, tenant_id, connection_id, now=clock())
        connections.mark_revoked(session, connection, now=clock())
        _record_deed(session, connection, actor_id, "disconnected")


def delete_connection(
    sessions: sessionmaker[Session],
    providers: ProviderDirectory,
    *,
    tenant_id: UUID,
    connection_id: UUID,
    actor_id: UUID | None,
    clock: Clock,
) -> None:
    """End a connection's consents at the provider, and remove it with all that it brought.

    What the provider said of its consents and accounts goes too; who did it stays in the audit
    log.

    :param sessions: Opener of transactions.
    :param providers: Finds the provider to tell.
    :param tenant_id: Tenant that must own it.
    :param connection_id: Connection to delete.
    :param actor_id: User who asks.
    :param clock: Tells the time.
    :raises NotFoundError: If the tenant has no such connection.
    :raises RuleError: If payments of it were ever allocated to invoices: :func:`disconnect` then.
    :raises ConflictError: If it is renewed meanwhile.
    :raises ProviderUnavailableError: If the provider cannot be reached: nothing is removed, so
        that no consent lives on unknown to anybody.
    """
    with tenant_transaction(sessions, tenant_id) as session:
        connection = connections.get_connection(session, tenant_id, connection_id)
        _check_deletable(session, connection)
        lasting = _list_lasting(session, connection)
    for consent in lasting:
        revoke_before_deletion(providers, connection, consent)
    with tenant_transaction(sessions, tenant_id) as session:
        connection = connections.lock_connection(session, tenant_id, connection_id)
        _check_deletable(session, connection)
        _check_ended(session, connection, lasting)
        cancel_connection_jobs(session, tenant_id, connection_id, now=clock())
        _record_deed(session, connection, actor_id, "deleted")
        documents.delete_connection_documents(session, tenant_id, connection_id)
        connections.delete_connection(session, tenant_id, connection_id)


def _make_reference(tenant_id: UUID) -> str:
    """Return a new name for a consent: it names the tenant, and nobody can guess it."""
    return f"{tenant_id.hex}.{secrets.token_urlsafe(_REFERENCE_BYTES)}"


def _read_tenant(reference: str) -> UUID:
    """Return the tenant whom a consent's name names.

    :raises NotFoundError: If it is no name of ours.
    """
    tenant_hex, _, secret = reference.partition(".")
    is_ours = len(tenant_hex) == _TENANT_HEX_LENGTH and secret.isascii() and secret.isprintable()
    try:
        tenant_id = UUID(hex=tenant_hex) if is_ours else None
    except ValueError:
        tenant_id = None
    if tenant_id is None:
        raise NotFoundError("There is no such consent: connect the bank again.")
    return tenant_id


def _authorise(
    sessions: sessionmaker[Session],
    providers: ProviderDirectory,
    tenant_id: UUID,
    bank: Institution,
    *,
    reference: str,
    callback_url: str,
    history_days: int | None = None,
    access_days: int | None = None,
) -> Authorisation:
    with sessions.begin() as session:
        payload = documents.find_institution_document(session, bank.reference)
    record = InstitutionRecord(
        reference=bank.reference,
        name=bank.name,
        bic=bank.bic,
        logo_url=bank.logo_url,
        countries=tuple(bank.countries),
        history_days_max=bank.history_days_max,
        consent_days_max=bank.consent_days_max,
        features=tuple(bank.features),
        payload=payload or {},
    )
    provider = providers.provider_for(tenant_id, bank.provider)
    return provider.authorise(
        record,
        reference=reference,
        return_url=callback_url,
        history_days=history_days,
        access_days=access_days,
    )


def _record_attempt(
    session: Session,
    connection: Connection,
    authorisation: Authorisation,
    *,
    reference: str,
    return_url: str | None,
    now: datetime,
) -> None:
    consents.create_consent(
        session,
        connection.tenant_id,
        connection.id,
        authorisation,
        reference=reference,
        return_url=return_url,
        now=now,
    )
    documents.record_documents(session, connection.tenant_id, authorisation.documents, now=now)


def _record_deed(
    session: Session, connection: Connection, actor_id: UUID | None, action: str
) -> None:
    record_audit(
        session,
        connection.tenant_id,
        actor_id=actor_id,
        action=action,
        entity="connections",
        entity_id=connection.id,
        after={"institution_id": str(connection.institution_id), "status": connection.status.value},
    )


def _check_deletable(session: Session, connection: Connection) -> None:
    if has_allocations(session, connection.tenant_id, connection.id):
        raise RuleError(
            "Payments of this connection were allocated to invoices, and that history is kept. "
            "End it and keep its data instead: DELETE it with data=keep, or "
            "`payymo connections end ID`.",
            code="connection_has_payments",
        )


def _list_lasting(session: Session, connection: Connection) -> Sequence[BankConsent]:
    """Return the consents that may last at the provider, even those that we gave up or replaced."""
    return consents.list_consents(
        session, connection.tenant_id, connection_id=connection.id, statuses=_LASTING
    )


def _check_ended(
    session: Session, connection: Connection, ended: Sequence[BankConsent]
) -> Sequence[BankConsent]:
    """Return the consents that last as far as we know; all of them were ended at the provider.

    :param connection: Connection, locked.
    :raises ConflictError: If there is one that was not.
    """
    lasting = _list_lasting(session, connection)
    if not {consent.id for consent in lasting} <= {consent.id for consent in ended}:
        raise ConflictError("The connection was renewed meanwhile: try again.")
    return lasting
