"""How a connection stands, to be pasted into a report: states, dates, counts and codes.

Nothing in it names a person, an account, a payment or a secret. That holds because of what it is
made of: numbers, moments, and words of closed sets. Free text, even our own, is left out.
"""

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from importlib.metadata import version
from typing import Final
from uuid import UUID

from sqlalchemy.orm import Session

from payymo.domain.enums import (
    AccessScope,
    AccountSelection,
    AccountStatus,
    AccountType,
    ConnectionStatus,
    ConsentStatus,
    FaultKind,
    JobKind,
    JobStatus,
    Provider,
    RunStatus,
    SyncRemark,
    SyncTrigger,
)
from payymo.domain.ledger.coverage import DayRange, assess
from payymo.domain.ledger.identity import IDENTITY_VERSION
from payymo.domain.quotas import Standing
from payymo.postgres.common.models import (
    Account,
    BankConsent,
    Faulted,
    SyncRun,
    SyncRunAccount,
)
from payymo.postgres.common.operations.accounts import list_connection_accounts
from payymo.postgres.common.operations.connections import get_connection
from payymo.postgres.common.operations.consents import list_consents
from payymo.postgres.common.operations.coverage import list_coverage
from payymo.postgres.common.operations.quotas import list_standings
from payymo.postgres.common.operations.sync_runs import list_sync_runs
from payymo.postgres.gocardless.operations.fetches import list_request_ids
from payymo.postgres.jobs.operations.jobs import list_waiting_jobs
from payymo.postgres.schema import database_revision

#: The latest of each that are shown.
RUNS_SHOWN: Final = 20
CONSENTS_SHOWN: Final = 5

#: A word that a program wrote, rather than a person: ``AccessExpiredError``, ``LN``.
_WORD: Final = re.compile(r"[A-Za-z][A-Za-z_]{0,59}")
_ALIAS_LENGTH: Final = 8

#: By what names the provider can find a run's requests about an account again.
type RequestIds = Mapping[tuple[UUID, UUID], Mapping[AccessScope, str]]


@dataclass(frozen=True, slots=True)
class FaultFacts:
    """What went wrong, in codes.

    :ivar provider_code: The provider's own word for it, where it is one word.
    :ivar request_id: By what name the provider can find the request again.
    """

    kind: FaultKind | None
    code: str
    provider_code: str | None
    http_status: int | None
    request_id: str | None


@dataclass(frozen=True, slots=True)
class ConsentFacts:
    """One consent that was asked for.

    :ivar provider_status: The provider's word for how it stands, where it is one word.
    """

    status: ConsentStatus
    provider_status: str | None
    history_days: int
    access_days: int
    asked_at: datetime
    granted_at: datetime | None
    expires_at: datetime | None
    error_code: str | None


@dataclass(frozen=True, slots=True)
class AccountFacts:
    """One account.

    :ivar alias: Stands for it in this report: the same each time, and nothing else.
    :ivar failure_count: Failures in a row.
    """

    alias: str
    account_type: AccountType
    currency: str | None
    status: AccountStatus
    fault: FaultFacts | None
    is_sync_enabled: bool
    is_offered: bool
    failure_count: int
    retry_at: datetime | None
    details_fetched_at: datetime | None
    last_synced_at: datetime | None
    synced_through: date | None
    known: Sequence[DayRange]
    holes: Sequence[DayRange]
    not_given: Sequence[DayRange]
    quotas: Mapping[AccessScope, Standing]


@dataclass(frozen=True, slots=True)
class RunPartFacts:
    """What one run did for one account.

    :ivar request_ids: By what names the provider can find again the requests that it answered.
    """

    alias: str
    status: RunStatus
    since: date | None
    until: date | None
    pulled: int
    added: int
    updated: int
    unchanged: int
    superseded: int
    fault: FaultFacts | None
    remark: SyncRemark | None
    retry_at: datetime | None
    request_ids: Mapping[AccessScope, str]


@dataclass(frozen=True, slots=True)
class RunFacts:
    """One attempt to bring the connection up to date.

    :ivar seconds: How long it took; ``None`` while it runs.
    """

    id: UUID
    trigger: SyncTrigger
    status: RunStatus
    started_at: datetime
    seconds: float | None
    fault: FaultFacts | None
    remark: SyncRemark | None
    accounts: Sequence[RunPartFacts]


@dataclass(frozen=True, slots=True)
class JobFacts:
    """A job that waits or runs."""

    id: UUID
    kind: JobKind
    status: JobStatus
    attempt_count: int
    asked_at: datetime
    error_code: str | None


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """How a connection stands.

    :ivar schema_version: Last migration that the database has seen.
    :ivar institution: The provider's id of the bank.
    :ivar consents: The latest first.
    :ivar runs: The latest first.
    """

    made_at: datetime
    payymo_version: str
    schema_version: str | None
    identity_version: int
    connection_id: UUID
    provider: Provider
    institution: str
    status: ConnectionStatus
    fault: FaultFacts | None
    account_selection: AccountSelection
    created_at: datetime
    expires_at: datetime | None
    last_synced_at: datetime | None
    next_sync_at: datetime | None
    consents: Sequence[ConsentFacts]
    accounts: Sequence[AccountFacts]
    jobs: Sequence[JobFacts]
    runs: Sequence[RunFacts]


def diagnose(session: Session, tenant_id: UUID, connection_id: UUID, *, now: datetime) -> Diagnosis:
    """Return how a connection stands, in words that can be shown to anybody.

    :param session: Open session; the caller manages the transaction.
    :param tenant_id: Tenant that must own the connection.
    :param connection_id: Connection that is meant.
    :param now: The time (aware).
    :raises NotFoundError: If the tenant has no such connection.
    """
    connection = get_connection(session, tenant_id, connection_id)
    consents = list_consents(session, tenant_id, connection_id=connection_id)
    runs = list_sync_runs(session, tenant_id, connection_id, page=1, per_page=RUNS_SHOWN)
    request_ids = list_request_ids(session, tenant_id, [run.id for run in runs.rows])
    return Diagnosis(
        made_at=now,
        payymo_version=version("payymo"),
        schema_version=database_revision(session),
        identity_version=IDENTITY_VERSION,
        connection_id=connection.id,
        provider=connection.provider,
        institution=connection.institution.reference,
        status=connection.status,
        fault=_fault(connection),
        account_selection=connection.account_selection,
        created_at=connection.created_at,
        expires_at=connection.expires_at,
        last_synced_at=connection.last_synced_at,
        next_sync_at=connection.next_sync_at,
        consents=[_consent(consent) for consent in reversed(consents[-CONSENTS_SHOWN:])],
        accounts=[
            _account(session, account, now)
            for account in list_connection_accounts(session, tenant_id, connection_id)
        ],
        jobs=[
            JobFacts(
                id=job.id,
                kind=job.kind,
                status=job.status,
                attempt_count=job.attempt_count,
                asked_at=job.created_at,
                error_code=job.error_code,
            )
            for job in list_waiting_jobs(session, tenant_id, connection_id)
        ],
        runs=[_run(run, request_ids) for run in runs.rows],
    )


def alias_of(account_id: UUID) -> str:
    """Return a short name for an account that says nothing of it.

    :param account_id: The account.
    """
    return f"account-{hashlib.sha256(account_id.bytes).hexdigest()[:_ALIAS_LENGTH]}"


def _word(text: str | None) -> str | None:
    return text if text is not None and _WORD.fullmatch(text) else None


def _fault(row: Faulted) -> FaultFacts | None:
    if row.error_code is None:
        return None
    return FaultFacts(
        kind=row.error_kind,
        code=row.error_code,
        provider_code=_word(row.error_provider_code),
        http_status=row.error_http_status,
        request_id=row.error_request_id,
    )


def _consent(consent: BankConsent) -> ConsentFacts:
    return ConsentFacts(
        status=consent.status,
        provider_status=_word(consent.detail),
        history_days=consent.history_days,
        access_days=consent.access_days,
        asked_at=consent.created_at,
        granted_at=consent.granted_at,
        expires_at=consent.expires_at,
        error_code=consent.error_code,
    )


def _account(session: Session, account: Account, now: datetime) -> AccountFacts:
    spans = list_coverage(session, account.tenant_id, account.id)
    coverage = assess(spans, today=now.date())
    return AccountFacts(
        alias=alias_of(account.id),
        account_type=account.account_type,
        currency=account.currency,
        status=account.status,
        fault=_fault(account),
        is_sync_enabled=account.is_sync_enabled,
        is_offered=account.is_offered,
        failure_count=account.failure_count,
        retry_at=account.retry_at,
        details_fetched_at=account.details_fetched_at,
        last_synced_at=account.last_synced_at,
        synced_through=account.synced_through,
        known=coverage.known,
        holes=coverage.holes,
        not_given=coverage.not_given,
        quotas=list_standings(
            session, account.tenant_id, {account.id: account.provider_reference}, now=now
        )[account.id],
    )


def _run(run: SyncRun, request_ids: RequestIds) -> RunFacts:
    ended_at = run.finished_at
    return RunFacts(
        id=run.id,
        trigger=run.trigger,
        status=run.status,
        started_at=run.started_at,
        seconds=None if ended_at is None else (ended_at - run.started_at).total_seconds(),
        fault=_fault(run),
        remark=run.remark_code,
        accounts=[
            _part(part, request_ids.get((run.id, part.account_id), {})) for part in run.accounts
        ],
    )


def _part(part: SyncRunAccount, request_ids: Mapping[AccessScope, str]) -> RunPartFacts:
    return RunPartFacts(
        alias=alias_of(part.account_id),
        status=part.status,
        since=part.since,
        until=part.until,
        pulled=part.pulled_count,
        added=part.added_count,
        updated=part.updated_count,
        unchanged=part.unchanged_count,
        superseded=part.superseded_count,
        fault=_fault(part),
        remark=part.remark_code,
        retry_at=part.retry_at,
        request_ids=request_ids,
    )
