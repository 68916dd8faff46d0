"""What becomes of consents: only the provider's own answer counts.

No transaction is open while the provider is asked.
"""

import logging
from collections.abc import Collection, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from sqlalchemy.orm import Session, sessionmaker

from payymo.domain.banking import AccountRecord, Clock, Consent
from payymo.domain.enums import (
    AccessScope,
    AccountSelection,
    AccountStatus,
    AccountType,
    ConsentStatus,
    EventKind,
    EventSubject,
    FaultKind,
    SyncTrigger,
)
from payymo.domain.errors import (
    ConfigurationError,
    NotFoundError,
    PayymoError,
    ProviderError,
    ProviderNotFoundError,
)
from payymo.domain.faults import is_passing, kind_of
from payymo.postgres.common.models import BankConsent, Connection
from payymo.postgres.common.operations import accounts, connections, consents, doubles
from payymo.postgres.common.operations.events import record_event
from payymo.postgres.common.operations.quotas import Target, record_made_call
from payymo.postgres.gocardless.operations import documents
from payymo.postgres.jobs.operations.tenants import list_tenant_ids
from payymo.postgres.tenancy import tenant_transaction
from payymo.providers.base import BankDataProvider, ProviderDirectory
from payymo.workflows.queue import JobQueue

logger = logging.getLogger(__name__)

#: How long the account holder has, from our asking to the bank's answer.
CONSENT_TIME_MAX: Final = timedelta(hours=24)

#: How long a consent may wait for a provider that cannot be asked what became of it.
UNHEARD_TIME_MAX: Final = timedelta(days=7)

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
_UNHEARD = (
    "consent_not_finished",
    f"For {UNHEARD_TIME_MAX.days} days the provider could not be asked what became of the consent: "
    "start again.",
)
_NO_ACCOUNT = (
    "consent_without_accounts",
    "The consent covers no account: start again and choose at least one.",
)

_NOT_REVOKED = "replaced, but not revoked at the provider"
_ENDED_BY_BANK = "ended at the bank before its successor had delivered: one consent at a time"


@dataclass(frozen=True, slots=True)
class _FoundAccount:
    """An account that a consent opens.

    :ivar details_fetched_at: When the bank told the details; absent when it did not.
    """

    record: AccountRecord
    details_fetched_at: datetime | None


def check_consents(
    sessions: sessionmaker[Session],
    providers: ProviderDirectory,
    queue: JobQueue,
    *,
    clock: Clock,
) -> None:
    """Bring every tenant's connections in line with the calendar and with the provider.

    Connections whose consent ran out or is about to are marked, and warnings written. Consents
    that are still pending are asked for, since the account holder may have consented and closed
    the browser; one that is not given after :data:`CONSENT_TIME_MAX` is given up, and so is one
    of which nothing can be learnt for :data:`UNHEARD_TIME_MAX`.

    :param sessions: Opener of transactions.
    :param providers: Finds the providers to ask.
    :param queue: Takes first syncs.
    :param clock: Tells the time.
    """
    for tenant_id in _list_tenants(sessions):
        with tenant_transaction(sessions, tenant_id) as session:
            connections.age_connections(session, tenant_id, now=clock())
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


def settle_consent(
    sessions: sessionmaker[Session],
    providers: ProviderDirectory,
    queue: JobQueue,
    *,
    connection: Connection,
    consent: BankConsent,
    clock: Clock,
) -> Connection:
    """Ask what became of a pending consent, and return its connection as it then stands.

    Whoever is first to learn that it was given makes the connection active, records its accounts
    and queues a sync, all at once; the others change nothing.

    :param sessions: Opener of transactions.
    :param providers: Finds the provider to ask.
    :param queue: Takes the sync.
    :param connection: Connection that the consent is for.
    :param consent: Consent that was pending when it was looked at.
    :param clock: Tells the time.
    :raises ProviderError: If the provider cannot be asked: the consent stays as it is.
    :raises ConfigurationError: If there are no credentials to ask with.
    """
    tenant_id = consent.tenant_id
    provider = providers.provider_for(tenant_id, connection.provider)
    answer = _read_consent(provider, consent)
    with_details = connection.account_selection is AccountSelection.ALL
    found = [
        _read_account(provider, name, clock, with_details=with_details)
        for name in answer.account_references
    ]
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
        _revoke_given_up(sessions, provider, old)
    return connection


def end_replaced_consents(
    sessions: sessionmaker[Session],
    providers: ProviderDirectory,
    *,
    tenant_id: UUID,
    connection_id: UUID,
    delivered: Collection[UUID],
) -> None:
    """End the consents that one which has delivered transactions took the place of.

    Until then the old consent is kept: a new one that was given and brings nothing has replaced
    nothing. A provider that is away is asked again after the next sync.

    :param sessions: Opener of transactions.
    :param providers: Finds the provider to tell.
    :param tenant_id: Tenant that owns the connection.
    :param connection_id: Connection that was synced.
    :param delivered: Ids of the consents under which transactions were read.
    """
    with tenant_transaction(sessions, tenant_id) as session:
        granted = consents.list_consents(
            session,
            tenant_id,
            connection_id=connection_id,
            statuses=(ConsentStatus.GRANTED,),
        )
        since = max((_given_at(one) for one in granted if one.id in delivered), default=None)
        replaced = [one for one in granted if since is not None and _given_at(one) < since]
        kind = connections.get_connection(session, tenant_id, connection_id).provider
    for consent in replaced:
        try:
            detail = _end_replaced(providers.provider_for(tenant_id, kind), consent)
        except (ProviderError, ConfigurationError) as error:
            logger.warning("Replaced consent is not revoked yet", extra=_describe(consent, error))
            continue
        with tenant_transaction(sessions, tenant_id) as session:
            locked = consents.lock_consent(session, tenant_id, consent.id)
            if locked.status is ConsentStatus.GRANTED:
                consents.close_consent(session, locked, ConsentStatus.REPLACED, detail=detail)


def ask_of_consent(
    sessions: sessionmaker[Session],
    provider: BankDataProvider,
    *,
    tenant_id: UUID,
    consent_id: UUID,
) -> ConsentStatus | None:
    """Return how a provider says that a consent stands; ``None`` if it cannot say.

    Asked when an account is refused for want of consent: a bank may refuse one account, and go on
    with the others. A consent that is over is noted as such.

    :param sessions: Opener of transactions.
    :param provider: The provider to ask.
    :param tenant_id: Tenant that owns the consent.
    :param consent_id: Consent that is doubted.
    :raises NotFoundError: If the tenant has no such consent.
    """
    with tenant_transaction(sessions, tenant_id) as session:
        consent = consents.get_consent(session, tenant_id, consent_id)
    try:
        status = provider.read_consent(consent.provider_reference).status
    except ProviderNotFoundError:
        status = ConsentStatus.REVOKED
    except ProviderError as error:
        logger.warning("Doubted consent could not be checked", extra=_describe(consent, error))
        return None
    if status not in {ConsentStatus.GRANTED, ConsentStatus.PENDING}:
        with tenant_transaction(sessions, tenant_id) as session:
            locked = consents.lock_consent(session, tenant_id, consent_id)
            if locked.status is ConsentStatus.GRANTED:
                consents.close_consent(session, locked, status)
    return status


def _given_at(consent: BankConsent) -> datetime:
    return consent.granted_at or consent.created_at


def revoke_before_deletion(
    providers: ProviderDirectory, connection: Connection, consent: BankConsent
) -> None:
    """End a consent at the provider, unless the provider will never let us.

    :param providers: Finds the provider to tell.
    :param connection: Connection that the consent is for.
    :param consent: Consent to end.
    :raises ProviderError: If it cannot be done now, and may be later.
    """
    try:
        provider = providers.provider_for(consent.tenant_id, connection.provider)
        provider.revoke_consent(consent.provider_reference)
    except (ProviderError, ConfigurationError) as error:
        if is_passing(error):
            raise
        logger.warning("Consent was not revoked", extra=_describe(consent, error))


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
    """Settle a tenant's pending consents, or let them lapse; one that fails leaves the others."""
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
            settle_consent(
                sessions, providers, queue, connection=connection, consent=consent, clock=clock
            )
        except (ProviderError, ConfigurationError, NotFoundError) as error:
            logger.warning("Consent could not be checked", extra=_describe(consent, error))
            if clock() - consent.created_at > UNHEARD_TIME_MAX:
                _lapse(sessions, consent, now=clock())


def _lapse(sessions: sessionmaker[Session], consent: BankConsent, *, now: datetime) -> None:
    """Give up a consent of which nothing can be learnt; one that is gone meanwhile is gone."""
    tenant_id = consent.tenant_id
    with suppress(NotFoundError), tenant_transaction(sessions, tenant_id) as session:
        connection = connections.lock_connection(session, tenant_id, consent.connection_id)
        locked = consents.lock_consent(session, tenant_id, consent.id)
        if locked.status is ConsentStatus.PENDING:
            answer = _without_word(ConsentStatus.PENDING, "the provider could not be asked")
            _refuse(session, connection, locked, answer, _UNHEARD, now=now)


def _read_consent(provider: BankDataProvider, consent: BankConsent) -> Consent:
    """Return what the provider says of a consent; one that it does not know has failed."""
    try:
        return provider.read_consent(consent.provider_reference)
    except ProviderNotFoundError:
        return _without_word(ConsentStatus.ERROR, "unknown to the provider")


def _without_word(status: ConsentStatus, detail: str) -> Consent:
    """Return how a consent stands of which the provider says nothing."""
    return Consent(
        status=status,
        account_references=(),
        granted_at=None,
        expires_at=None,
        detail=detail,
        documents=(),
    )


def _read_account(
    provider: BankDataProvider, reference: str, clock: Clock, *, with_details: bool
) -> _FoundAccount:
    """Return what can be learnt of an account.

    The bank may refuse the details, or their quota be used up, and the account is found all the
    same. When even the provider's own knowledge of it cannot be had for reasons that pass, the
    error is raised: a nameless account could not be found again. Where accounts are to be chosen
    first, the bank is not asked for anything about them.
    """
    if with_details:
        try:
            return _FoundAccount(provider.read_account(reference, with_details=True), clock())
        except ProviderError as error:
            logger.warning("Account details are missing", extra=_describe_error(error))
    try:
        return _FoundAccount(provider.read_account(reference, with_details=False), None)
    except ProviderError as error:
        if kind_of(error) is not FaultKind.ACCOUNT:
            raise
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
            _refuse(session, connection, consent, answer, _UNFINISHED, now=now)
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
    _refuse(session, connection, consent, answer, reason, now=now)
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
    """Let a consent that was given take effect, and return those that nobody waits for now."""
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
        # With a renewal it may be one that we had under another name: the tenant knows.
        are_new_offered=bool(known) or connection.account_selection is AccountSelection.ASK,
    )
    known_ids = {account.id for account in known}
    fresh = [account.id for account in recorded if account.id not in known_ids]
    doubles.offer_doubles(session, connection, fresh)
    for account, seen in zip(recorded, found, strict=True):
        if seen.details_fetched_at is not None:
            target = Target(account.id, seen.record.reference, AccessScope.DETAILS)
            record_made_call(session, tenant_id, target, seen.record.quota, now=now)
    closed = accounts.close_left_out_accounts(session, tenant_id, connection.id, consent.id)
    connections.mark_active(
        session,
        connection,
        consent_id=consent.id,
        expires_at=expires_at,
        is_renewal=bool(known),
        now=now,
    )
    if known:
        appeared = {account.id for account in recorded} - known_ids
        _tell_of_accounts(session, consent, EventKind.ACCOUNT_APPEARED, appeared, now=now)
        _tell_of_accounts(session, consent, EventKind.ACCOUNT_DISAPPEARED, closed, now=now)
    if any(account.is_sync_enabled for account in recorded):
        queue.queue_sync(
            session,
            tenant_id,
            connection.id,
            trigger=SyncTrigger.RENEWAL if known else SyncTrigger.FIRST,
            requested_by=None,
        )
    return _give_up_others(session, consent)


def _tell_of_accounts(
    session: Session,
    consent: BankConsent,
    kind: EventKind,
    account_ids: Collection[UUID],
    *,
    now: datetime,
) -> None:
    for account_id in account_ids:
        record_event(
            session,
            consent.tenant_id,
            kind,
            subject=(EventSubject.ACCOUNT, account_id),
            key=str(consent.id),
            payload={"bank_connection_id": str(consent.connection_id)},
            now=now,
        )


def _give_up_others(session: Session, consent: BankConsent) -> Sequence[BankConsent]:
    """Give up what else was asked for, and return it; what was given before stays for now."""
    others = [
        other
        for other in consents.list_consents(
            session,
            consent.tenant_id,
            connection_id=consent.connection_id,
            statuses=(ConsentStatus.PENDING,),
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
    *,
    now: datetime,
) -> None:
    """Close a consent that was not given; a connection that has another keeps standing on it."""
    code, message = reason
    is_open = answer.status in {ConsentStatus.PENDING, ConsentStatus.GRANTED}
    status = ConsentStatus.ERROR if is_open else answer.status
    consents.record_consent_state(session, consent, replace(answer, status=status))
    consents.record_refusal(session, consent, error_code=code, error_message=message)
    connections.mark_refused(
        session,
        connection,
        consent_id=consent.id,
        error_code=code,
        error_message=message,
        now=now,
    )


def _revoke_given_up(
    sessions: sessionmaker[Session], provider: BankDataProvider, consent: BankConsent
) -> None:
    """End a consent at the provider that nobody waits for; a failure is noted."""
    try:
        provider.revoke_consent(consent.provider_reference)
    except ProviderError as error:
        logger.warning("Consent was not revoked", extra=_describe(consent, error))
        detail = f"{_NOT_REVOKED}: {error.message}"
        with tenant_transaction(sessions, consent.tenant_id) as session:
            consents.record_consent_detail(session, consent.tenant_id, consent.id, detail=detail)


def _end_replaced(provider: BankDataProvider, consent: BankConsent) -> str | None:
    """End a replaced consent at the provider, and return what is worth noting of it.

    Some banks allow one consent at a time, and end the old one when a new one is given.

    :raises ProviderError: If it cannot be done now, and may be later.
    """
    try:
        status = provider.read_consent(consent.provider_reference).status
        provider.revoke_consent(consent.provider_reference)
    except ProviderNotFoundError:
        return None  # we revoked it, and were cut short before that was noted
    except ProviderError as error:
        if is_passing(error):
            raise
        logger.warning("Replaced consent was not revoked", extra=_describe(consent, error))
        return f"{_NOT_REVOKED}: {error.message}"
    return None if status is ConsentStatus.GRANTED else _ENDED_BY_BANK


def _describe(consent: BankConsent, error: PayymoError) -> dict[str, str]:
    return {
        "tenant_id": str(consent.tenant_id),
        "connection_id": str(consent.connection_id),
        "consent_id": str(consent.id),
        **_describe_error(error),
    }


def _describe_error(error: PayymoError) -> dict[str, str]:
    return {"error": type(error).__name__, "error_code": error.code}
