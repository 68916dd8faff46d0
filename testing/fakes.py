"""A bank whose answers a test writes down beforehand, and a queue that remembers."""

import json
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from hashlib import sha256
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy.orm import Session
from testing.factories import NOW

from payymo.domain.banking import (
    AccountRecord,
    Authorisation,
    BalanceAnswer,
    Consent,
    InstitutionRecord,
    PulledRow,
    RawDocument,
    Statement,
    TransactionRecord,
)
from payymo.domain.enums import (
    AccountStatus,
    AccountType,
    ConsentStatus,
    JobKind,
    Provider,
    SyncTrigger,
)
from payymo.domain.errors import ConfigurationError, ProviderError, ProviderNotFoundError
from payymo.postgres.jobs.models import Job
from payymo.postgres.jobs.operations.jobs import create_job


def an_institution(reference: str = "EXAMPLE_BANK", **fields: Any) -> InstitutionRecord:
    """Return a bank as a provider describes it."""
    record = InstitutionRecord(
        reference=reference,
        name="Example Bank",
        bic="EXAMGB2L",
        logo_url=None,
        countries=("GB",),
        history_days_max=730,
        consent_days_max=90,
        features=(),
        payload={"id": reference, "name": "Example Bank"},
    )
    return replace(record, **fields)


def an_account(reference: str = "account-1", **fields: Any) -> AccountRecord:
    """Return an account as a provider describes it."""
    record = AccountRecord(
        reference=reference,
        resource_id=None,
        iban=None,
        bban=None,
        bic=None,
        masked_number=None,
        name=None,
        owner_name=None,
        product=None,
        currency="EUR",
        account_type=AccountType.CURRENT,
        status=AccountStatus.ACTIVE,
        quota=None,
        payload={"id": reference},
    )
    return replace(record, **fields)


def a_consent(status: ConsentStatus = ConsentStatus.GRANTED, *accounts: str) -> Consent:
    """Return what a provider says of a consent that was given a minute ago for 90 days."""
    is_granted = status is ConsentStatus.GRANTED
    return Consent(
        status=status,
        account_references=accounts,
        granted_at=NOW - timedelta(minutes=1) if is_granted else None,
        expires_at=NOW + timedelta(days=90) if is_granted else None,
        detail=status.value,
        documents=(RawDocument("requisition", "requisition-1", {"status": status.value}),),
    )


@dataclass
class FakeBank:
    """A provider that answers as told, and notes what it was asked.

    :ivar consents: Answers by the provider's id of the consent; those asked for are pending.
    :ivar failures: Errors to raise, by the name of a call and what it is about.
    :ivar calls: Each call's name, and what it was about.
    :ivar on_call: Called before each answer.
    """

    institutions: list[InstitutionRecord] = field(default_factory=lambda: [an_institution()])
    consents: dict[str, Consent] = field(default_factory=dict)
    accounts: dict[str, AccountRecord] = field(default_factory=dict)
    balances: dict[str, BalanceAnswer] = field(default_factory=dict)
    statements: dict[str, Statement] = field(default_factory=dict)
    failures: dict[tuple[str, str], ProviderError] = field(default_factory=dict)
    calls: list[tuple[str, str]] = field(default_factory=list)
    on_call: Callable[[], object] = lambda: None

    def list_institutions(self, country: str | None) -> Iterable[InstitutionRecord]:
        self._note("list_institutions", country or "")
        return [bank for bank in self.institutions if country in {None, *bank.countries}]

    def authorise(
        self,
        institution: InstitutionRecord,
        *,
        reference: str,
        return_url: str,
        history_days: int | None = None,
        access_days: int | None = None,
    ) -> Authorisation:
        self._note("authorise", institution.reference)
        name = f"consent-{uuid4().hex}"
        self.consents[name] = a_consent(ConsentStatus.PENDING)
        return Authorisation(
            consent_reference=name,
            url=f"https://bank.test/{name}?ref={reference}&back={return_url}",
            history_days=history_days or institution.history_days_max,
            access_days=access_days or institution.consent_days_max,
            documents=(
                RawDocument("agreement", f"agreement-{name}", {"days": access_days}),
                RawDocument("requisition", name, {"status": "CR"}),
            ),
        )

    def read_consent(self, consent_reference: str) -> Consent:
        self._note("read_consent", consent_reference)
        if consent_reference not in self.consents:
            raise ProviderNotFoundError("There is no such consent.")
        return self.consents[consent_reference]

    def revoke_consent(self, consent_reference: str) -> None:
        self._note("revoke_consent", consent_reference)
        self.consents.pop(consent_reference, None)

    def read_account(self, account_reference: str, *, with_details: bool) -> AccountRecord:
        self._note("read_account", account_reference)
        if with_details:
            self._note("read_details", account_reference)
        return self.accounts[account_reference]

    def read_balances(self, account_reference: str) -> BalanceAnswer:
        self._note("read_balances", account_reference)
        return self.balances.get(account_reference, BalanceAnswer((), None))

    def read_transactions(
        self, account_reference: str, *, since: date | None, until: date | None = None
    ) -> Statement:
        self._note("read_transactions", account_reference)
        return self.statements.get(account_reference, Statement((), None, None))

    def translate(self, row: PulledRow, *, institution_reference: str | None) -> TransactionRecord:
        raw = json.loads(row.payload)
        on = date.fromisoformat(raw["date"])
        blank = dict.fromkeys(TransactionRecord.__slots__)
        known = {
            "amount": Decimal(raw["amount"]),
            "currency": raw.get("currency", "EUR"),
            "is_booked": row.is_booked,
            "booking_date": on if row.is_booked else None,
            "transaction_date": on,
            "remittance": raw.get("text"),
            "description": raw.get("text"),
            "internal_id": raw.get("internal_id"),
            "transaction_id": raw.get("transaction_id"),
        }
        return TransactionRecord(**blank | known)  # type: ignore[arg-type]  # filled by name

    def grant(self, consent_reference: str, *accounts: AccountRecord) -> None:
        """Let the account holder consent."""
        names = [account.reference for account in accounts]
        self.accounts |= {account.reference: account for account in accounts}
        self.consents[consent_reference] = a_consent(ConsentStatus.GRANTED, *names)

    def pulled(self, *, is_booked: bool = True, **fields: str) -> PulledRow:
        """Return a row of a statement."""
        payload = json.dumps(fields, sort_keys=True).encode()
        return PulledRow(payload, sha256(payload).digest(), is_booked)

    def count(self, call: str) -> int:
        """Return how often a call was made."""
        return Counter(name for name, _ in self.calls)[call]

    def _note(self, call: str, about: str) -> None:
        self.calls.append((call, about))
        self.on_call()
        if (call, about) in self.failures:
            raise self.failures[call, about]


@dataclass
class FakeProviders:
    """A directory that knows one bank, for every tenant; none where it has no credentials."""

    bank: FakeBank = field(default_factory=FakeBank)
    has_credentials: bool = True

    def provider_for(self, tenant_id: UUID, provider: Provider) -> FakeBank:
        if not self.has_credentials:
            raise ConfigurationError("There are no credentials.")
        return self.bank


@dataclass
class RecordingQueue:
    """A queue that adds jobs, and remembers what they were for; nobody works on them."""

    syncs: list[tuple[UUID, SyncTrigger]] = field(default_factory=list)
    matches: list[UUID] = field(default_factory=list)

    def queue_sync(
        self,
        session: Session,
        tenant_id: UUID,
        connection_id: UUID,
        *,
        trigger: SyncTrigger,
        requested_by: UUID | None,
    ) -> Job:
        self.syncs.append((connection_id, trigger))
        return create_job(
            session,
            tenant_id,
            kind=JobKind.SYNC,
            connection_id=connection_id,
            requested_by=requested_by,
        )

    def queue_match(self, session: Session, tenant_id: UUID, *, requested_by: UUID | None) -> Job:
        self.matches.append(tenant_id)
        return create_job(session, tenant_id, kind=JobKind.MATCH, requested_by=requested_by)


@dataclass
class FakeClock:
    """A clock that stands still until it is moved."""

    now: datetime = NOW

    def __call__(self) -> datetime:
        return self.now

    def move(self, step: timedelta) -> None:
        """Let time pass."""
        self.now += step
