"""One account with a long history, at a bank in this process whose days a benchmark turns."""

import os
import tempfile
from bisect import bisect_left
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Final
from uuid import UUID

import psycopg
from sqlalchemy import make_url

from payymo.assembly import Installation, open_installation
from payymo.domain.banking import (
    AccountRecord,
    Authorisation,
    BalanceAnswer,
    Consent,
    InstitutionRecord,
    PulledRow,
    Statement,
    TransactionRecord,
)
from payymo.domain.enums import (
    AccountStatus,
    AccountType,
    ConnectionStatus,
    ConsentStatus,
    Provider,
    RunStatus,
    SyncTrigger,
)
from payymo.domain.errors import ProviderNotFoundError
from payymo.postgres.auth.operations.tenants import create_tenant
from payymo.postgres.common.models import Account, BankConsent, Connection, Institution
from payymo.postgres.tenancy import tenant_transaction
from payymo.providers.base import BankDataProvider, Permit
from payymo.providers.gocardless.api.statement import read_statement
from payymo.providers.gocardless.balances import read_balance_records
from payymo.providers.gocardless.translate import translate
from payymo.sandbox.books.records import HISTORY_DAYS
from payymo.sandbox.books.volume import volume_rows
from payymo.settings import load_settings
from payymo.workflows.sync import sync_connection
from payymo.workflows.sync_outcomes import SyncReport

FIRST_DAY: Final = date(2026, 3, 1)
_ACCOUNT: Final = "main"


@dataclass
class LongHistory:
    """A bank, and the account of it that an installation reads.

    :ivar today: The day that it is; a benchmark turns it.
    :ivar days: Day of each row that the bank has, in order, and the rows as JSON.
    """

    house: Installation
    tenant_id: UUID
    account_id: UUID
    connection_id: UUID
    days: list[int]
    rows: list[bytes]
    today: date = FIRST_DAY

    def clock(self) -> datetime:
        """Tell the time: noon of the day."""
        return datetime.combine(self.today, time(12), UTC)

    def sync(self) -> SyncReport:
        """Bring the account up to date, and return what that did."""
        report = sync_connection(
            self.house.sessions,
            _Directory(_Bank(self)),
            self.house.queue,
            tenant_id=self.tenant_id,
            connection_id=self.connection_id,
            trigger=SyncTrigger.REQUEST,
            clock=self.clock,
        )
        if report.status is not RunStatus.SUCCEEDED:
            raise RuntimeError(f"the sync did not succeed: {report.error_message}")
        return report

    def list_rows(self, since: date | None) -> list[bytes]:
        """Return the rows that the bank has from a day to today."""
        start = 0 if since is None else bisect_left(self.days, since.toordinal())
        return self.rows[start : bisect_left(self.days, self.today.toordinal() + 1)]


@contextmanager
def long_history(row_count: int, *, later_days: int = 0) -> Iterator[LongHistory]:
    """Open an installation of its own with an account that nobody has read yet.

    :param row_count: Rows of the two years before the first day, to which as many a day are
        added on later days.
    :param later_days: How far the bank's days can be turned on; a year at most.
    """
    days, rows = _write_rows(row_count, later_days)
    with tempfile.TemporaryDirectory(prefix="payymo-bench-") as folder:
        os.environ["PAYYMO_DATA_DIR"] = str(Path(folder) / "data")
        os.environ.pop("DATABASE_URL", None)
        with open_installation(load_settings()) as house:
            yield _connect(house, days, rows)


def _write_rows(row_count: int, later_days: int) -> tuple[list[int], list[bytes]]:
    rows, _ = volume_rows("long history", row_count, FIRST_DAY)
    if later_days:
        last = FIRST_DAY + timedelta(days=later_days)
        more, _ = volume_rows("long history", row_count, last)
        rows += [row for row in more if row.booked > FIRST_DAY.toordinal()]
    return [row.booked for row in rows], [row.json for row in rows]


def _connect(house: Installation, days: list[int], rows: list[bytes]) -> LongHistory:
    with house.sessions.begin() as session:
        tenant_id = create_tenant(session, name="Bench", currency="EUR").id
        institution = Institution(
            provider=Provider.GOCARDLESS,
            reference="BENCH_BANK",
            name="Bench",
            countries=["GB"],
            history_days_max=HISTORY_DAYS,
            consent_days_max=HISTORY_DAYS,
            features=[],
            fetched_at=house.clock(),
        )
        session.add(institution)
    with tenant_transaction(house.sessions, tenant_id) as session:
        connection = Connection(
            tenant_id=tenant_id,
            institution=institution,
            provider=Provider.GOCARDLESS,
            status=ConnectionStatus.ACTIVE,
        )
        session.add(connection)
        session.flush()
        consent = BankConsent(
            tenant_id=tenant_id,
            connection_id=connection.id,
            status=ConsentStatus.GRANTED,
            reference="bench",
            provider_reference="bench",
            consent_url="https://bank.test/consent",
            history_days=HISTORY_DAYS,
            access_days=HISTORY_DAYS,
        )
        session.add(consent)
        session.flush()
        account = Account(
            tenant_id=tenant_id,
            connection_id=connection.id,
            consent_id=consent.id,
            provider_reference=_ACCOUNT,
            name="Collection account",
            currency="EUR",
            account_type=AccountType.CURRENT,
            status=AccountStatus.ACTIVE,
            details_fetched_at=datetime.combine(FIRST_DAY, time(), UTC),
        )
        session.add(account)
        session.flush()
        return LongHistory(house, tenant_id, account.id, connection.id, days, rows)


@contextmanager
def superuser(house: Installation) -> Iterator[psycopg.Connection]:
    """Connect as the server's superuser, for whom no wall stands."""
    url = make_url(house.database_url).set(drivername="postgresql", username="postgres")
    with psycopg.connect(url.render_as_string(hide_password=False), autocommit=True) as connection:
        yield connection


@dataclass
class _Bank:
    """The bank, written to the provider's Protocol; nothing of it is waited for."""

    history: LongHistory

    def list_institutions(self, country: str | None) -> Iterator[InstitutionRecord]:
        return iter(())

    def authorise(self, institution: InstitutionRecord, **_: object) -> Authorisation:
        raise ProviderNotFoundError("The bank gives no further consent.")

    def read_consent(self, consent_reference: str) -> Consent:
        raise ProviderNotFoundError("The bank knows no such consent.")

    def revoke_consent(self, consent_reference: str) -> None:
        return

    def read_account(
        self, account_reference: str, *, with_details: bool, permit: Permit | None = None
    ) -> AccountRecord:
        return AccountRecord(
            reference=account_reference,
            resource_id="main",
            iban=None,
            bban=None,
            bic=None,
            masked_number=None,
            name="Collection account",
            owner_name=None,
            product=None,
            currency="EUR",
            account_type=AccountType.CURRENT,
            status=AccountStatus.ACTIVE,
            quota=None,
            payload={"id": account_reference},
        )

    def read_balances(
        self, account_reference: str, *, permit: Permit | None = None
    ) -> BalanceAnswer:
        amount = f"{self.history.today.toordinal()}.00"
        balance = {
            "balanceAmount": {"amount": amount, "currency": "EUR"},
            "balanceType": "closingBooked",
            "referenceDate": self.history.today.isoformat(),
        }
        return BalanceAnswer(tuple(read_balance_records({"balances": [balance]})), quota=None)

    def read_transactions(
        self,
        account_reference: str,
        *,
        since: date | None,
        until: date | None = None,
        permit: Permit | None = None,
    ) -> Statement:
        booked = b",".join(self.history.list_rows(since))
        rows, last_updated = read_statement(b'{"transactions":{"booked":[%s]}}' % booked)
        return Statement(rows=rows, last_updated=last_updated, quota=None)

    def translate(
        self,
        row: PulledRow,
        *,
        institution_reference: str | None,
        account_currency: str | None = None,
    ) -> TransactionRecord:
        return translate(
            row, institution_reference=institution_reference, account_currency=account_currency
        )


@dataclass
class _Directory:
    """Finds the one bank there is."""

    bank: BankDataProvider

    def provider_for(self, tenant_id: UUID, provider: Provider) -> BankDataProvider:
        return self.bank
