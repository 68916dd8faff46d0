"""A bank that a test controls, written to the provider's Protocol."""

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy.orm import Session
from testing.factories import NOW

from payymo.domain.banking import (
    AccountRecord,
    Authorisation,
    BalanceAnswer,
    Consent,
    InstitutionRecord,
    PulledRow,
    Quota,
    Statement,
    TransactionRecord,
)
from payymo.domain.enums import (
    AccessScope,
    AccountStatus,
    AccountType,
    ConsentStatus,
    JobKind,
    JobStatus,
    Provider,
    SyncTrigger,
)
from payymo.domain.errors import ProviderError, ProviderNotFoundError
from payymo.postgres.jobs.models import Job
from payymo.providers.base import BankDataProvider, Permit
from payymo.providers.gocardless.api.statement import read_statement
from payymo.providers.gocardless.balances import read_balance_records
from payymo.providers.gocardless.translate import translate

type Payload = Mapping[str, Any]


@dataclass
class FakeClock:
    """A clock that stands still until a test moves it."""

    now: datetime = NOW

    def __call__(self) -> datetime:
        return self.now


@dataclass
class FakeBooks:
    """What the bank has of one account: the payloads as GoCardless would send them.

    :ivar last_updated: When the provider last asked the bank; it does not say where absent.
    :ivar quotas: What it says is left of each scope; more than enough where a test says nothing.
    :ivar request_ids: By what name it can find the request of a scope again.
    """

    booked: list[Payload] = field(default_factory=list)
    pending: list[Payload] = field(default_factory=list)
    balances: list[Payload] = field(default_factory=list)
    quotas: dict[AccessScope, Quota] = field(default_factory=dict)
    request_ids: dict[AccessScope, str] = field(default_factory=dict)
    last_updated: str | None = None


@dataclass
class FakeBank:
    """A provider whose answers a test writes down beforehand.

    :ivar books: What it has of each account, by its id of the account.
    :ivar refusals: Errors to raise, by account and scope, until they are taken out.
    :ivar calls: The account and scope of each call so far.
    :ivar since: First day asked for, for each call of the transactions scope.
    :ivar before_call: Called before each answer, as to look at what is open meanwhile.
    :ivar consent_status: How every consent stands; ``None`` is one that is not known any more.
    :ivar consent_refusal: Error to raise when a consent is asked for.
    :ivar consents_asked: Each consent that was asked for, by its id.
    :ivar today: Present day, after which no pending row is dated; ``None`` lets them be.
    """

    books: dict[str, FakeBooks] = field(default_factory=dict)
    refusals: dict[tuple[str, AccessScope], ProviderError] = field(default_factory=dict)
    calls: list[tuple[str, AccessScope]] = field(default_factory=list)
    since: list[date | None] = field(default_factory=list)
    before_call: Callable[[], None] = lambda: None
    consent_status: ConsentStatus | None = ConsentStatus.GRANTED
    consent_refusal: ProviderError | None = None
    consents_asked: list[str] = field(default_factory=list)
    today: date | None = None

    def list_institutions(self, country: str | None) -> Iterable[InstitutionRecord]:
        return ()

    def authorise(
        self,
        institution: InstitutionRecord,
        *,
        reference: str,
        return_url: str,
        history_days: int | None = None,
        access_days: int | None = None,
    ) -> Authorisation:
        return Authorisation(
            consent_reference=f"consent-{reference}",
            url=f"https://bank.test/{institution.reference}",
            history_days=history_days or institution.history_days_max,
            access_days=access_days or institution.consent_days_max,
            documents=(),
        )

    def read_consent(self, consent_reference: str) -> Consent:
        self.consents_asked.append(consent_reference)
        if self.consent_refusal is not None:
            raise self.consent_refusal
        if self.consent_status is None:
            raise ProviderNotFoundError("The bank knows no such consent.")
        return Consent(
            status=self.consent_status,
            account_references=(),
            granted_at=None,
            expires_at=None,
            detail=self.consent_status.value,
            documents=(),
        )

    def revoke_consent(self, consent_reference: str) -> None:
        return

    def read_account(
        self, account_reference: str, *, with_details: bool, permit: Permit | None = None
    ) -> AccountRecord:
        books = self._answer(account_reference, AccessScope.DETAILS)
        return AccountRecord(
            reference=account_reference,
            resource_id=f"resource-{account_reference}",
            iban=None,
            bban=None,
            bic=None,
            masked_number=None,
            name="Current account",
            owner_name=None,
            product=None,
            currency="EUR",
            account_type=AccountType.CURRENT,
            status=AccountStatus.ACTIVE,
            quota=books.quotas.get(AccessScope.DETAILS, _ample(AccessScope.DETAILS)),
            payload={"id": account_reference},
        )

    def read_balances(
        self, account_reference: str, *, permit: Permit | None = None
    ) -> BalanceAnswer:
        books = self._answer(account_reference, AccessScope.BALANCES)
        return BalanceAnswer(
            balances=tuple(read_balance_records({"balances": books.balances})),
            quota=books.quotas.get(AccessScope.BALANCES, _ample(AccessScope.BALANCES)),
            request_id=books.request_ids.get(AccessScope.BALANCES),
        )

    def read_transactions(
        self,
        account_reference: str,
        *,
        since: date | None,
        until: date | None = None,
        permit: Permit | None = None,
    ) -> Statement:
        self.since.append(since)
        books = self._answer(account_reference, AccessScope.TRANSACTIONS)
        lists = {
            "booked": [row for row in books.booked if _is_asked_for(row, since)],
            "pending": books.pending,
        }
        document = {"transactions": lists, "last_updated": books.last_updated}
        rows, last_updated = read_statement(json.dumps(document).encode())
        return Statement(
            rows=rows,
            last_updated=last_updated,
            quota=books.quotas.get(AccessScope.TRANSACTIONS, _ample(AccessScope.TRANSACTIONS)),
            request_id=books.request_ids.get(AccessScope.TRANSACTIONS),
        )

    def translate(
        self,
        row: PulledRow,
        *,
        institution_reference: str | None,
        account_currency: str | None = None,
    ) -> TransactionRecord:
        return translate(
            row,
            institution_reference=institution_reference,
            account_currency=account_currency,
            today=self.today,
        )

    def _answer(self, account_reference: str, scope: AccessScope) -> FakeBooks:
        self.before_call()
        self.calls.append((account_reference, scope))
        if (refusal := self.refusals.get((account_reference, scope))) is not None:
            raise refusal
        return self.books.setdefault(account_reference, FakeBooks())


@dataclass
class FakeDirectory:
    """Finds the one bank there is."""

    bank: BankDataProvider

    def provider_for(self, tenant_id: UUID, provider: Provider) -> BankDataProvider:
        return self.bank


@dataclass
class FakeQueue:
    """Takes jobs, and keeps count of them; a job is a row like any other.

    :ivar planned: When those syncs may start that are not to start at once.
    """

    matches: list[UUID] = field(default_factory=list)
    planned: list[datetime] = field(default_factory=list)

    def queue_sync(
        self,
        session: Session,
        tenant_id: UUID,
        connection_id: UUID,
        *,
        trigger: SyncTrigger,
        requested_by: UUID | None,
        not_before: datetime | None = None,
    ) -> Job:
        if not_before is not None:
            self.planned.append(not_before)
        return _add_job(session, tenant_id, JobKind.SYNC, connection_id)

    def queue_match(self, session: Session, tenant_id: UUID, *, requested_by: UUID | None) -> Job:
        self.matches.append(tenant_id)
        return _add_job(session, tenant_id, JobKind.MATCH, None)

    def queue_build(self, session: Session, tenant_id: UUID, *, requested_by: UUID | None) -> Job:
        return _add_job(session, tenant_id, JobKind.BUILD, None)

    def queue_categorise(
        self, session: Session, tenant_id: UUID, *, requested_by: UUID | None
    ) -> Job:
        return _add_job(session, tenant_id, JobKind.CATEGORISE, None)

    def queue_refresh(self, session: Session, *, now: datetime) -> None:
        """Nobody builds."""


def a_payload(
    amount: str = "-10.00",
    day: str | None = "2026-02-20",
    text: str = "Office supplies",
    *,
    currency: str = "EUR",
    **fields: Any,
) -> dict[str, Any]:
    """Return a row as GoCardless sends it, without any id unless one is given."""
    row: dict[str, Any] = {
        "transactionAmount": {"amount": amount, "currency": currency},
        "remittanceInformationUnstructured": text,
    }
    if day is not None:
        row |= {"bookingDate": day, "valueDate": day}
    return row | fields


def a_balance(amount: str, kind: str = "closingBooked", currency: str = "EUR") -> dict[str, Any]:
    """Return a balance as GoCardless sends it."""
    return {
        "balanceAmount": {"amount": amount, "currency": currency},
        "balanceType": kind,
    }


def _ample(scope: AccessScope) -> Quota:
    """Return what a bank says that may be asked all day long."""
    return Quota(scope, limit=1000, remaining=1000, resets_at=None)


def _is_asked_for(row: Payload, since: date | None) -> bool:
    if since is None:
        return True
    days: Sequence[str] = [row[name] for name in ("bookingDate", "valueDate") if name in row]
    return any(date.fromisoformat(day) >= since for day in days)


def _add_job(session: Session, tenant_id: UUID, kind: JobKind, connection_id: UUID | None) -> Job:
    job = Job(tenant_id=tenant_id, kind=kind, status=JobStatus.QUEUED, connection_id=connection_id)
    session.add(job)
    session.flush()
    return job
