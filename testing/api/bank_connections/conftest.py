"""A bank whose consents and accounts a test decides on."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import timedelta

import pytest
from testing.api.conftest import HandClock
from testing.fakes import FakeBank, FakeDirectory

from payymo.domain.banking import Authorisation, Consent, InstitutionRecord
from payymo.domain.enums import ConsentStatus
from payymo.domain.errors import ProviderError

BANK = "SANDBOXFINANCE_SFIN0000"


@dataclass
class ConsentingBank(FakeBank):
    """A bank that can be connected.

    :ivar status: Where every consent stands.
    :ivar account_references: What a granted consent opens.
    :ivar error: Raised instead of any answer about institutions and consents.
    :ivar countries: What it was asked for, each time.
    :ivar return_urls: Where browsers are sent back to.
    """

    clock: HandClock = field(default_factory=HandClock)
    status: ConsentStatus = ConsentStatus.GRANTED
    account_references: tuple[str, ...] = ("account-1", "account-2")
    error: ProviderError | None = None
    countries: list[str | None] = field(default_factory=list)
    return_urls: list[str] = field(default_factory=list)
    revoked: list[str] = field(default_factory=list)
    last_reference: str = ""

    def list_institutions(self, country: str | None) -> Iterable[InstitutionRecord]:
        self._fail()
        self.countries.append(country)
        names = {BANK: "Sandbox Finance", "BANK_OF_ADA_ADAXGB21": "Bank of Ada"}
        return [
            InstitutionRecord(
                reference=reference,
                name=name,
                bic=reference[-8:],
                logo_url=None,
                countries=("GB", "XX"),
                history_days_max=730,
                consent_days_max=90,
                features=(),
                payload={"id": reference},
            )
            for reference, name in names.items()
        ]

    def authorise(
        self,
        institution: InstitutionRecord,
        *,
        reference: str,
        return_url: str,
        history_days: int | None = None,
        access_days: int | None = None,
    ) -> Authorisation:
        self._fail()
        self.last_reference = reference
        self.return_urls.append(return_url)
        return super().authorise(
            institution,
            reference=reference,
            return_url=return_url,
            history_days=history_days,
            access_days=access_days,
        )

    def read_consent(self, consent_reference: str) -> Consent:
        self._fail()
        is_granted = self.status is ConsentStatus.GRANTED
        return Consent(
            status=self.status,
            account_references=self.account_references if is_granted else (),
            granted_at=self.clock.now if is_granted else None,
            expires_at=self.clock.now + timedelta(days=90) if is_granted else None,
            detail="LN" if is_granted else "RJ",
            documents=(),
        )

    def revoke_consent(self, consent_reference: str) -> None:
        self._fail()
        self.revoked.append(consent_reference)

    def _fail(self) -> None:
        if self.error is not None:
            raise self.error


@pytest.fixture
def bank(clock: HandClock) -> ConsentingBank:
    return ConsentingBank(clock=clock)


@pytest.fixture
def providers(bank: ConsentingBank) -> FakeDirectory:
    return FakeDirectory(bank)
