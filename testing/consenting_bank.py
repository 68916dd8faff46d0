"""A bank at which account holders consent, or do not; and a queue that remembers why."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy.orm import Session
from testing.factories import NOW
from testing.fakes import FakeBank, FakeQueue

from payymo.domain.banking import (
    AccountRecord,
    Authorisation,
    Consent,
    InstitutionRecord,
    RawDocument,
)
from payymo.domain.enums import (
    AccountStatus,
    AccountType,
    ConsentStatus,
    Provider,
    SyncTrigger,
)
from payymo.domain.errors import ConfigurationError, ProviderError, ProviderNotFoundError
from payymo.postgres.jobs.models import Job
from payymo.providers.base import Permit


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


def a_consent(status: ConsentStatus, *accounts: str) -> Consent:
    """Return what a provider says of a consent; one that is given ends 90 days from now."""
    is_granted = status is ConsentStatus.GRANTED
    return Consent(
        status=status,
        account_references=accounts,
        granted_at=NOW if is_granted else None,
        expires_at=NOW + timedelta(days=90) if is_granted else None,
        detail=status.value,
        documents=(RawDocument("requisition", "requisition-1", {"status": status.value}),),
    )


@dataclass
class ConsentingBank(FakeBank):
    """A provider that notes what it is asked, and answers as told.

    :ivar consents: Answers by the provider's id of the consent; those asked for are pending.
    :ivar accounts: Answers by the provider's id of the account.
    :ivar failures: Errors to raise, by the name of a call and what it is about.
    :ivar asked: Each call's name, and what it was about.
    :ivar on_call: Called before each answer.
    """

    institutions: list[InstitutionRecord] = field(default_factory=lambda: [an_institution()])
    consents: dict[str, Consent] = field(default_factory=dict)
    accounts: dict[str, AccountRecord] = field(default_factory=dict)
    failures: dict[tuple[str, str], ProviderError] = field(default_factory=dict)
    asked: list[tuple[str, str]] = field(default_factory=list)
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
        agreement = f"agreement-{name}"
        return Authorisation(
            consent_reference=name,
            url=f"https://bank.test/{name}?ref={reference}&back={return_url}",
            history_days=history_days or institution.history_days_max,
            access_days=access_days or institution.consent_days_max,
            documents=(
                RawDocument("agreement", agreement, {"accepted": None}),
                RawDocument("requisition", name, {"status": "CR", "agreement": agreement}),
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

    def read_account(
        self, account_reference: str, *, with_details: bool, permit: Permit | None = None
    ) -> AccountRecord:
        self._note("read_account", account_reference)
        if with_details:
            self._note("read_details", account_reference)
        return self.accounts[account_reference]

    def grant(self, consent_reference: str, *accounts: AccountRecord) -> None:
        """Let the account holder consent."""
        names = [account.reference for account in accounts]
        self.accounts |= {account.reference: account for account in accounts}
        self.consents[consent_reference] = a_consent(ConsentStatus.GRANTED, *names)

    def count(self, call: str) -> int:
        """Return how often a call was made."""
        return [name for name, _ in self.asked].count(call)

    def _note(self, call: str, about: str) -> None:
        self.asked.append((call, about))
        self.on_call()
        if (call, about) in self.failures:
            raise self.failures[call, about]


@dataclass
class Providers:
    """A directory that knows one bank, for every tenant, as long as there are credentials."""

    bank: ConsentingBank = field(default_factory=ConsentingBank)
    has_credentials: bool = True

    def provider_for(self, tenant_id: UUID, provider: Provider) -> ConsentingBank:
        if not self.has_credentials:
            raise ConfigurationError("There are no credentials.")
        return self.bank


@dataclass
class RecordingQueue(FakeQueue):
    """A queue that remembers which connections it was to sync, and why."""

    syncs: list[tuple[UUID, SyncTrigger]] = field(default_factory=list)

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
        self.syncs.append((connection_id, trigger))
        return super().queue_sync(
            session, tenant_id, connection_id, trigger=trigger, requested_by=requested_by
        )
