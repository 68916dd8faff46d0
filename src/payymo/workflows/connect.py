"""Connecting a bank: asking for consent, learning what became of it, renewing and ending it.

What the browser brings back is a hint, never a fact: only the provider's own answer counts. No
transaction is open while anybody else is waited for.
"""

import logging
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from sqlalchemy.orm import Session, sessionmaker

from payymo.domain.banking import (
    AccountRecord,
    Authorisation,
    Clock,
    Consent,
    InstitutionRecord,
)
from payymo.domain.enums import (
    AccountStatus,
    AccountType,
    ConnectionStatus,
    ConsentStatus,
    Provider,
    SyncTrigger,
)
from payymo.domain.errors import (
    AccountForbiddenError,
    AccountInactiveError,
    AccountNotReadyError,
    ConfigurationError,
    NotFoundError,
    PayymoError,
    ProviderError,
    ProviderNotFoundError,
    ProviderQuotaError,
    ProviderUnavailableError,
    RuleError,
)
from payymo.postgres.auth.operations.audit import record_audit
from payymo.postgres.common.models import BankConsent, Connection, Institution
from payymo.postgres.common.operations import accounts, connections, consents, institutions
from payymo.postgres.common.operations.quotas import record_quota
from payymo.postgres.gocardless.operations import documents
from payymo.postgres.jobs.operations.jobs import cancel_connection_jobs
from payymo.postgres.jobs.operations.tenants import list_tenant_ids
from payymo.postgres.reconciliation.operations.allocations import has_allocations
from payymo.postgres.tenancy import tenant_transaction
from payymo.providers.base import BankDataProvider, ProviderDirectory
from payymo.workflows.queue import JobQueue

logger = logging.getLogger(__name__)

#: How long the account holder has, from our asking to the bank's answer.
CONSENT_TIME_MAX: Final = timedelta(hours=24)
#: How long what a provider said of its banks is good.
INSTITUTIONS_AGE_MAX: Final = timedelta(days=1)

_REFERENCE_BYTES: Final = 24
_TENANT_HEX_LENGTH: Final = 32

#: Why a connection did not come about, for programs and for people.
_REFUSALS: Final = {
    ConsentStatus.REJECTED: (
        "consent_rejected",
        "Consent was not given at the bank: start again when the account holder is ready.",
    ),
    ConsentStatus.EXPIRED: (
        "consent_expired",
        "The consent ran out before it was used: start again.",
    ),
    ConsentStatus.SUSPENDED: (
        "consent_suspended",
        "The provider suspended the consent after repeated failures: start again.",
    ),
    ConsentStatus.REVOKED: ("consent_revoked", "The consent was withdrawn: start again."),
}
_FAILURE = (
    "consent_failed",
    "The bank or the provider could not finish the consent: start again.",
)
_UNFINISHED = ("consent_not_finished", "The consent was not finished: start again.")
_NO_ACCOUNT = (
    "consent_without_accounts",
    "The consent covers no account: start again and choose at least one.",
)


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

    :ivar return_url: Where whoever started it wants the browser to go; absent if nowhere.
    """

    connection: Connection
    return_url: str | None


@dataclass(frozen=True, slots=True)
class _FoundAccount:
    """An account that a consent opens.

    :ivar details_fetched_at: When the bank told the details; absent when it did not.
    """

    record: AccountRecord
    details_fetched_at: datetime | None


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
    :raises NotFoundError: If there is no such institution.
    :raises ProviderError: If the provider does not give a page for the consent.
    """
    bank = _find_bank(sessions, providers, tenant_id, institution, clock)
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
        bank = connections.get_connection(session, tenant_id, connection_id).institution
    reference = _make_reference(tenant_id)
    authorisation = _authorise(
        sessions, providers, tenant_id, bank, reference=reference, callback_url=callback_url
    )
    with tenant_transaction(sessions, tenant_id) as session:
        connection = connections.lock_connection(session, tenant_id, connection_id)
        if connection.status is ConnectionStatus.ERROR:
            connections.mark_pending(session, connection)
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
        connection = _settle(
            sessions, providers, queue, connection=connection, consent=consent, clock=clock
        )
    return FinishedConnection(connection, consent.return_url)


def delete_connection(
    sessions: sessionmaker[Session],
    providers: ProviderDirectory,
    *,
    tenant_id: UUID,
    connection_id: UUID,
    actor_id: UUID | None,
) -> None:
    """End a connection's consents at the provider, and remove it with all that it brought.

    :param sessions: Opener of transactions.
    :param providers: Finds the provider to tell.
    :param tenant_id: Tenant that must own it.
    :param connection_id: Connection to delete.
    :param actor_id: User who asks.
    :raises NotFoundError: If the tenant has no such connection.
    :raises RuleError: If payments of it are allocated to invoices.
    :raises ProviderUnavailableError: If the provider cannot be reached: nothing is removed, so
        that no consent lives on unknown to anybody.
    """
    with tenant_transaction(sessions, tenant_id) as session:
        connection = connections.get_connection(session, tenant_id, connection_id)
        _check_deletable(session, connection)
        known = consents.list_consents(session, tenant_id, connection_id=connection_id)
    for consent in known:
        if consent.status not in {ConsentStatus.REPLACED, ConsentStatus.REVOKED}:
            _revoke_before_deletion(providers, connection, consent)
    with tenant_transaction(sessions, tenant_id) as session:
        connection = connections.lock_connection(session, tenant_id, connection_id)
        _check_deletable(session, connection)
        cancel_connection_jobs(session, tenant_id, connection_id)
        _record_deed(session, connection, actor_id, "deleted")
        connections.delete_connection(session, tenant_id, connection_id)


def refresh_institutions(
    sessions: sessionmaker[Session],
    providers: ProviderDirectory,
    *,
    tenant_id: UUID,
    provider: Provider,
    country: str | None,
    clock: Clock,
) -> int:
    """Ask a provider for its banks, and return how many it named.

    :param sessions: Opener of transactions.
    :param providers: Finds the provider to ask.
    :param tenant_id: Tenant on whose behalf.
    :param provider: Whose banks.
    :param country: ISO 3166-1 alpha-2 code; ``None`` for all.
    :param clock: Tells the time.
    :raises ProviderError: If the provider cannot be asked, or knows no such country.
    """
    records = list(providers.provider_for(tenant_id, provider).list_institutions(country))
    now = clock()
    with sessions.begin() as session:
        documents.record_institution_documents(session, records, now=now)
        count = institutions.record_institutions(session, provider, records, now=now)
        institutions.record_refresh(session, provider, country, now=now)
    return count


def ensure_institutions(
    sessions: sessionmaker[Session],
    providers: ProviderDirectory,
    *,
    tenant_id: UUID,
    provider: Provider,
    country: str | None,
    clock: Clock,
) -> None:
    """Ask a provider for its banks, unless that was done within the last day.

    :param sessions: Opener of transactions.
    :param providers: Finds the provider to ask.
    :param tenant_id: Tenant on whose behalf.
    :param provider: Whose banks.
    :param country: ISO 3166-1 alpha-2 code; ``None`` for all.
    :param clock: Tells the time.
    :raises ProviderError: If the provider cannot be asked, or knows no such country.
    """
    code = country.upper() if country is not None else None
    with sessions.begin() as session:
        refreshed_at = institutions.find_last_refresh(session, provider, code)
    if refreshed_at is None or clock() - refreshed_at > INSTITUTIONS_AGE_MAX:
        refresh_institutions(
            sessions, providers, tenant_id=tenant_id, provider=provider, country=code, clock=clock
        )


def check_consents(
    sessions: sessionmaker[Session],
    providers: ProviderDirectory,
    queue: JobQueue,
    *,
    clock: Clock,
) -> None:
    """Bring every tenant's connections in line with the calendar and with the provider.

    Connections whose consent ran out are marked. Consents that are still pending are asked for,
    since the account holder may have consented and closed the browser; one that is not given
    after :data:`CONSENT_TIME_MAX` is given up.

    :param sessions: Opener of transactions.
    :param providers: Finds the providers to ask.
    :param queue: Takes first syncs.
    :param clock: Tells the time.
    """
    for tenant_id in _list_tenants(sessions):
        with tenant_transaction(sessions, tenant_id) as session:
            connections.expire_connections(session, tenant_id, now=clock())
        _settle_pending(sessions, providers, queue, tenant_id, created_after=None, clock=clock)


def poll_consents(
    sessions: sessionmaker[Session],
    providers: ProviderDirectory,
    queue: JobQueue,
    *,
    age_max: timedelta,
    clock: Clock,
) -> None:
    """Ask what became of every tenant's young pending consents.

    :param sessions: Opener of transactions.
    :param providers: Finds the providers to ask.
    :param queue: Takes first syncs.
    :param age_max: Older ones wait for :func:`check_consents`.
    :param clock: Tells the time.
    """
    created_after = clock() - age_max
    for tenant_id in _list_tenants(sessions):
        _settle_pending(
            sessions, providers, queue, tenant_id, created_after=created_after, clock=clock
        )


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
        raise NotFoundError("There is no such consent.")
    return tenant_id


def _find_bank(
    sessions: sessionmaker[Session],
    providers: ProviderDirectory,
    tenant_id: UUID,
    name: str,
    clock: Clock,
) -> Institution:
    """Return the bank of that id, Payymo's or the provider's, asking the provider if need be."""
    try:
        institution_id = UUID(name)
    except ValueError:
        institution_id = None
    with sessions.begin() as session:
        if institution_id is not None:
            return institutions.get_institution(session, institution_id)
        known = institutions.find_institution(session, Provider.GOCARDLESS, name)
    if known is None:
        ensure_institutions(
            sessions,
            providers,
            tenant_id=tenant_id,
            provider=Provider.GOCARDLESS,
            country=None,
            clock=clock,
        )
        with sessions.begin() as session:
            known = institutions.find_institution(session, Provider.GOCARDLESS, name)
    if known is None:
        raise NotFoundError("There is no such institution.")
    return known


def _authorise(
    sessions: sessionmaker[Session],
    providers: ProviderDirectory,
    tenant_id: UUID,
    bank: Institution,
    *,
    reference: str,
    callback_url: str,
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
    return provider.authorise(record, reference=reference, return_url=callback_url)


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


def _list_tenants(sessions: sessionmaker[Session]) -> Sequence[UUID]:
    with sessions.begin() as session:
        return list_tenant_ids(session)


def _settle_pending(
    sessions: sessionmaker[Session],
    providers: ProviderDirectory,
    queue: JobQueue,
    tenant_id: UUID,
    *,
    created_after: datetime | None,
    clock: Clock,
) -> None:
    """Settle a tenant's pending consents; one that fails leaves the others."""
    with tenant_transaction(sessions, tenant_id) as session:
        pending = [
            (connections.get_connection(session, tenant_id, consent.connection_id), consent)
            for consent in consents.list_consents(
                session,
                tenant_id,
                statuses=(ConsentStatus.PENDING,),
                created_after=created_after,
            )
        ]
    for connection, consent in pending:
        try:
            _settle(sessions, providers, queue, connection=connection, consent=consent, clock=clock)
        except (ProviderError, ConfigurationError, NotFoundError) as error:
            logger.warning("Consent could not be checked", extra=_describe(consent, error))


def _settle(
    sessions: sessionmaker[Session],
    providers: ProviderDirectory,
    queue: JobQueue,
    *,
    connection: Connection,
    consent: BankConsent,
    clock: Clock,
) -> Connection:
    """Ask what became of a pending consent, and return its connection as it then stands."""
    tenant_id = consent.tenant_id
    provider = providers.provider_for(tenant_id, connection.provider)
    answer = _read_consent(provider, consent)
    found = [_read_account(provider, name, clock) for name in answer.account_references]
    with tenant_transaction(sessions, tenant_id) as session:
        connection = connections.lock_connection(session, tenant_id, connection.id)
        consent = consents.lock_consent(session, tenant_id, consent.id)
        replaced = _apply(
            session,
            queue,
            connection=connection,
            consent=consent,
            answer=answer,
            found=found,
            now=clock(),
        )
    for old in replaced:
        _revoke_replaced(sessions, provider, old)
    return connection


def _read_consent(provider: BankDataProvider, consent: BankConsent) -> Consent:
    """Return what the provider says of a consent; one that it does not know has failed."""
    try:
        return provider.read_consent(consent.provider_reference)
    except ProviderNotFoundError:
        return Consent(
            status=ConsentStatus.ERROR,
            account_references=(),
            granted_at=None,
            expires_at=None,
            detail="unknown to the provider",
            documents=(),
        )


def _read_account(provider: BankDataProvider, reference: str, clock: Clock) -> _FoundAccount:
    """Return what can be learnt of an account.

    The bank may refuse the details, or their quota be used up, and the account is found all the
    same. When even the provider's own knowledge of it cannot be had for reasons that pass, the
    error is raised: a nameless account could not be found again.
    """
    try:
        return _FoundAccount(provider.read_account(reference, with_details=True), clock())
    except ProviderError as error:
        logger.warning("Account details are missing", extra=_describe_error(error))
    try:
        return _FoundAccount(provider.read_account(reference, with_details=False), None)
    except (AccountForbiddenError, AccountInactiveError, AccountNotReadyError) as error:
        logger.warning("Account is unreadable", extra=_describe_error(error))
        return _FoundAccount(_unreadable(reference), None)


def _unreadable(reference: str) -> AccountRecord:
    return AccountRecord(
        reference=reference,
        resource_id=None,
        iban=None,
        bban=None,
        bic=None,
        masked_number=None,
        name=None,
        owner_name=None,
        product=None,
        currency=None,
        account_type=AccountType.OTHER,
        status=AccountStatus.UNAVAILABLE,
        quota=None,
        payload={},
    )


def _apply(
    session: Session,
    queue: JobQueue,
    *,
    connection: Connection,
    consent: BankConsent,
    answer: Consent,
    found: Sequence[_FoundAccount],
    now: datetime,
) -> Sequence[BankConsent]:
    """Write down what the provider said, and return the consents that are of no use any more.

    :param connection: Connection, locked.
    :param consent: Consent, locked: as it stands after whoever was faster.
    """
    if consent.status is not ConsentStatus.PENDING:
        return ()
    documents.record_documents(session, consent.tenant_id, answer.documents, now=now)
    if answer.status is ConsentStatus.PENDING:
        if now - consent.created_at > CONSENT_TIME_MAX:
            _refuse(session, connection, consent, answer, _UNFINISHED)
        return ()
    if answer.status is ConsentStatus.GRANTED and found:
        return _open(
            session,
            queue,
            connection=connection,
            consent=consent,
            answer=answer,
            found=found,
            now=now,
        )
    is_empty = answer.status is ConsentStatus.GRANTED
    reason = _NO_ACCOUNT if is_empty else _REFUSALS.get(answer.status, _FAILURE)
    _refuse(session, connection, consent, answer, reason)
    return ()


def _open(
    session: Session,
    queue: JobQueue,
    *,
    connection: Connection,
    consent: BankConsent,
    answer: Consent,
    found: Sequence[_FoundAccount],
    now: datetime,
) -> Sequence[BankConsent]:
    """Let a consent that was given take effect, and return those that it replaces."""
    tenant_id = connection.tenant_id
    known = accounts.list_connection_accounts(session, tenant_id, connection.id)
    granted_at = answer.granted_at or now
    expires_at = answer.expires_at or granted_at + timedelta(days=consent.access_days)
    consents.record_consent_state(
        session, consent, replace(answer, granted_at=granted_at, expires_at=expires_at)
    )
    records = [account.record for account in found]
    documents.record_account_documents(session, tenant_id, records, now=now)
    recorded = accounts.record_accounts(
        session,
        tenant_id,
        connection.id,
        consent.id,
        records,
        details_fetched_at={
            account.record.reference: account.details_fetched_at
            for account in found
            if account.details_fetched_at is not None
        },
    )
    for account, record in zip(recorded, records, strict=True):
        if record.quota is not None:
            record_quota(session, tenant_id, account.id, record.quota)
    accounts.close_left_out_accounts(session, tenant_id, connection.id, consent.id)
    connections.mark_active(session, connection, expires_at=expires_at)
    queue.queue_sync(
        session,
        tenant_id,
        connection.id,
        trigger=SyncTrigger.RENEWAL if known else SyncTrigger.FIRST,
        requested_by=None,
    )
    return _replace_others(session, consent)


def _replace_others(session: Session, consent: BankConsent) -> Sequence[BankConsent]:
    others = [
        other
        for other in consents.list_consents(
            session,
            consent.tenant_id,
            connection_id=consent.connection_id,
            statuses=(ConsentStatus.PENDING, ConsentStatus.GRANTED),
        )
        if other.id != consent.id
    ]
    for other in others:
        consents.close_consent(session, other, ConsentStatus.REPLACED)
    return others


def _refuse(
    session: Session,
    connection: Connection,
    consent: BankConsent,
    answer: Consent,
    reason: tuple[str, str],
) -> None:
    """Close a consent that was not given; a connection that has another keeps standing on it."""
    is_open = answer.status in {ConsentStatus.PENDING, ConsentStatus.GRANTED}
    status = ConsentStatus.ERROR if is_open else answer.status
    consents.record_consent_state(session, consent, replace(answer, status=status))
    if connection.status in {ConnectionStatus.PENDING, ConnectionStatus.ERROR}:
        code, message = reason
        connections.mark_stopped(
            session, connection, ConnectionStatus.ERROR, error_code=code, error_message=message
        )


def _revoke_replaced(
    sessions: sessionmaker[Session], provider: BankDataProvider, consent: BankConsent
) -> None:
    """End a replaced consent at the provider; a failure is noted, since the new one stands."""
    try:
        provider.revoke_consent(consent.provider_reference)
    except ProviderError as error:
        logger.warning("Replaced consent was not revoked", extra=_describe(consent, error))
        with tenant_transaction(sessions, consent.tenant_id) as session:
            consents.record_consent_detail(
                session,
                consent.tenant_id,
                consent.id,
                detail=f"replaced, but not revoked at the provider: {error.message}",
            )


def _check_deletable(session: Session, connection: Connection) -> None:
    if has_allocations(session, connection.tenant_id, connection.id):
        raise RuleError(
            "Payments of this connection were allocated to invoices, and that history is kept: "
            "the connection cannot be deleted. Switch off the sync of its accounts instead.",
            code="connection_has_payments",
        )


def _revoke_before_deletion(
    providers: ProviderDirectory, connection: Connection, consent: BankConsent
) -> None:
    """End a consent at the provider, unless the provider will never let us."""
    try:
        provider = providers.provider_for(consent.tenant_id, connection.provider)
        provider.revoke_consent(consent.provider_reference)
    except (ProviderUnavailableError, ProviderQuotaError):
        raise
    except (ProviderError, ConfigurationError) as error:
        logger.warning("Consent was not revoked", extra=_describe(consent, error))


def _describe(consent: BankConsent, error: PayymoError) -> dict[str, str]:
    return {
        "tenant_id": str(consent.tenant_id),
        "connection_id": str(consent.connection_id),
        "consent_id": str(consent.id),
        **_describe_error(error),
    }


def _describe_error(error: PayymoError) -> dict[str, str]:
    return {"error": type(error).__name__, "error_code": error.code}
