"""A bundle that can be shown to anybody: it says how a connection stands, and names nobody."""

import json
import re
from collections.abc import Iterator, Mapping
from datetime import date, timedelta
from enum import StrEnum
from uuid import UUID

import pytest
from sqlalchemy import select, text
from sqlalchemy.orm import Session, sessionmaker
from testing.factories import NOW, add_account, add_connection
from testing.fakes import (
    FakeBank,
    FakeBooks,
    FakeClock,
    FakeDirectory,
    FakeQueue,
    a_balance,
    a_payload,
)

from payymo.cli.terminal import _plain_value
from payymo.domain import enums
from payymo.domain.banking import Quota
from payymo.domain.enums import AccessScope, FaultKind, JobKind, JobStatus, SyncTrigger
from payymo.domain.errors import NotFoundError, ProviderUnavailableError
from payymo.domain.ledger.coverage import DayRange
from payymo.domain.ledger.identity import IDENTITY_VERSION
from payymo.domain.quotas import Standing
from payymo.postgres.auth.operations.users import create_user
from payymo.postgres.common.models import Account, BankConsent, Connection
from payymo.postgres.jobs.models import Job
from payymo.postgres.schema import latest_revision
from payymo.postgres.tenancy import tenant_transaction
from payymo.workflows.diagnostics import Diagnosis, alias_of, diagnose
from payymo.workflows.sync import sync_connection

IBAN = "DE75512108001245126199"
RAYS = ("912d33138a2171ec-LHR", "912d33138a2171ed-FRA", "912d33138a2171ee-FRA")


class Patient:
    """A connection of which everything that could be told is known."""

    def __init__(self, sessions: sessionmaker[Session], tenant_id: UUID) -> None:
        self.sessions, self.tenant_id, self.clock = sessions, tenant_id, FakeClock()
        self.bank = FakeBank()
        with tenant_transaction(sessions, tenant_id) as session:
            connection = add_connection(session, tenant_id, name="Joint login of Ada Lovelace")
            self.connection_id = connection.id
            self.account_ids = [
                add_account(
                    session,
                    tenant_id,
                    connection,
                    provider_reference=name,
                    name="Ada's giro",
                    provider_name="Giro Lovelace",
                    owner_name="Ada Lovelace",
                    resource_id="resource-4711",
                    iban=IBAN,
                    bban="512108001245126199",
                    masked_number="412345XXXXXX1234",
                    product="Private banking Lovelace",
                    details_fetched_at=NOW,
                ).id
                for name in ("reference-one", "reference-two")
            ]
        self.books.booked = [
            a_payload(
                text="Rent for Baker Street",
                creditorName="Sherlock Holmes",
                creditorAccount={"iban": IBAN},
                transactionId="tx-0815",
            )
        ]
        self.books.balances = [a_balance("4711.42")]
        self.books.request_ids[AccessScope.TRANSACTIONS] = RAYS[1]
        self.books.request_ids[AccessScope.BALANCES] = RAYS[2]
        self.books.quotas[AccessScope.TRANSACTIONS] = Quota(
            AccessScope.TRANSACTIONS, limit=4, remaining=3, resets_at=NOW + timedelta(hours=20)
        )

    @property
    def books(self) -> FakeBooks:
        return self.bank.books.setdefault("reference-one", FakeBooks())

    def sync(self) -> None:
        sync_connection(
            self.sessions,
            FakeDirectory(self.bank),
            FakeQueue(),
            tenant_id=self.tenant_id,
            connection_id=self.connection_id,
            trigger=SyncTrigger.FIRST,
            clock=self.clock,
        )

    def diagnose(self) -> Diagnosis:
        with tenant_transaction(self.sessions, self.tenant_id) as session:
            return diagnose(session, self.tenant_id, self.connection_id, now=self.clock())


@pytest.fixture
def patient(sessions: sessionmaker[Session], tenant_id: UUID) -> Patient:
    patient = Patient(sessions, tenant_id)
    patient.bank.refusals["reference-two", AccessScope.TRANSACTIONS] = ProviderUnavailableError(
        "Down.", http_status=503, provider_code="ServiceError", request_id=RAYS[0]
    )
    patient.sync()
    return patient


class TestWhatItSays:
    def test_it_says_what_was_installed(self, patient: Patient) -> None:
        found = patient.diagnose()

        assert found.schema_version == latest_revision()
        assert found.identity_version == IDENTITY_VERSION
        assert found.payymo_version.count(".") == 2
        assert (found.connection_id, found.made_at) == (patient.connection_id, NOW)

    def test_it_says_how_each_account_stands(self, patient: Patient) -> None:
        well, ill = patient.diagnose().accounts

        assert (well.alias, ill.alias) == tuple(alias_of(one) for one in patient.account_ids)
        assert (well.fault, well.failure_count) == (None, 0)
        assert list(well.known) == [DayRange(date(2026, 2, 20), NOW.date())]
        resets_at = NOW + timedelta(hours=20, seconds=1)
        assert well.quotas[AccessScope.TRANSACTIONS] == Standing(4, 1, 2, 3, resets_at)
        assert ill.fault is not None
        assert (ill.fault.kind, ill.fault.code) == (FaultKind.BANK, "provider_unavailable")
        assert (ill.fault.provider_code, ill.fault.http_status) == ("ServiceError", 503)
        assert (ill.failure_count, ill.retry_at) == (1, NOW + timedelta(minutes=15))

    def test_it_says_what_the_last_runs_did(self, patient: Patient) -> None:
        patient.clock.now += timedelta(hours=2)
        patient.sync()
        second, first = patient.diagnose().runs

        assert (first.seconds, first.started_at) == (0.0, NOW)
        assert [(part.pulled, part.added) for part in first.accounts] == [(1, 1), (0, 0)]
        assert second.accounts[0].remark == "all_known"
        assert first.fault is not None
        assert first.fault.code == "provider_unavailable"

    def test_it_says_by_what_name_the_provider_finds_each_request(self, patient: Patient) -> None:
        (run,) = patient.diagnose().runs
        well, ill = run.accounts

        assert well.request_ids == {
            AccessScope.TRANSACTIONS: RAYS[1],
            AccessScope.BALANCES: RAYS[2],
        }
        assert (well.fault, ill.request_ids) == (None, {})
        for fault in (ill.fault, run.fault, patient.diagnose().accounts[1].fault):
            assert fault is not None
            assert fault.request_id == RAYS[0]

    def test_it_says_which_jobs_wait(self, patient: Patient) -> None:
        with tenant_transaction(patient.sessions, patient.tenant_id) as session:
            for status in (JobStatus.QUEUED, JobStatus.SUCCEEDED):
                session.add(
                    Job(
                        tenant_id=patient.tenant_id,
                        kind=JobKind.SYNC,
                        status=status,
                        connection_id=patient.connection_id,
                    )
                )

        assert [(job.kind, job.status) for job in patient.diagnose().jobs] == [
            (JobKind.SYNC, JobStatus.QUEUED)
        ]

    def test_it_says_how_the_consents_stand(self, patient: Patient) -> None:
        consents = patient.diagnose().consents

        assert [(one.status, one.history_days) for one in consents] == [("granted", 730)] * 2

    def test_another_tenants_connection_does_not_exist(
        self, patient: Patient, other_tenant_id: UUID
    ) -> None:
        patient.tenant_id = other_tenant_id

        with pytest.raises(NotFoundError):
            patient.diagnose()


class TestWhatItLeavesOut:
    def test_no_word_of_the_tenants_data_is_in_it(self, patient: Patient) -> None:
        """Whatever text any row of the tenant holds is looked for, so that new columns are too."""
        with tenant_transaction(patient.sessions, patient.tenant_id) as session:
            _spoil(session, patient)
            held = set(_texts(session, patient.tenant_id))
        told = json.dumps(patient.diagnose(), default=_plain_value, ensure_ascii=False)

        private = {word for word in held if word not in _public(patient)}
        assert {"Ada Lovelace", IBAN, "Rent for Baker Street", "ada@example.com"} <= private
        assert sorted(word for word in private if word in told) == []

    def test_aliases_are_the_same_each_time_and_no_part_of_an_id(self, patient: Patient) -> None:
        for account_id in patient.account_ids:
            alias = alias_of(account_id).removeprefix("account-")

            assert alias == alias_of(account_id).removeprefix("account-")
            assert alias not in account_id.hex


def _spoil(session: Session, patient: Patient) -> None:
    """Write what should never be there where free text can stand."""
    create_user(session, email="ada@example.com", password_hash="secret-hash")
    mail = "write to ada@example.com"
    connection = session.get_one(Connection, (patient.tenant_id, patient.connection_id))
    connection.error_code = "provider_error"
    connection.error_message = connection.error_provider_code = mail
    for account in session.scalars(select(Account)):
        account.error_code = "provider_error"
        account.error_message = account.error_provider_code = f"{IBAN} is overdrawn"
    for consent in session.scalars(select(BankConsent)):
        consent.detail = consent.error_message = mail
    session.execute(text("UPDATE sync_runs SET error_provider_code = :mail"), {"mail": mail})
    session.execute(
        text("UPDATE sync_run_accounts SET error_code = 'x', error_provider_code = :iban"),
        {"iban": IBAN},
    )
    session.flush()


def _texts(session: Session, tenant_id: UUID) -> Iterator[str]:
    """Yield every text that a row of the tenant holds, in any table, however deep."""
    tables = session.scalars(
        text(
            "SELECT table_name FROM information_schema.columns"
            " WHERE column_name = 'tenant_id' AND table_schema = 'public'"
        )
    ).all()
    assert {"accounts", "consents", "transactions", "gc_transactions"} <= set(tables)
    for table in tables:
        for row in session.scalars(
            text(
                f"SELECT to_jsonb(t) FROM {table} t WHERE tenant_id = :id"
            ),  # names come from the catalogue
            {"id": tenant_id},
        ):
            yield from _leaves(row)
    yield from session.scalars(text("SELECT email FROM users"))


def _leaves(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for one in value.values():
            yield from _leaves(one)
    elif isinstance(value, list):
        for one in value:
            yield from _leaves(one)


_MOMENT = re.compile(r"\d{4}-\d\d-\d\d([T ][\d:.+Z-]+)?")


class _Public:
    """Words of closed sets, codes of ours, moments, and ids that only this installation knows."""

    def __init__(self, patient: Patient) -> None:
        found = patient.diagnose()
        self.words = {
            str(member.value)
            for family in vars(enums).values()
            if isinstance(family, type) and issubclass(family, StrEnum)
            for member in family
        }
        self.words |= {"provider_unavailable", "provider_error", "ServiceError", "EUR", "x", ""}
        self.words |= {str(found.connection_id), *(str(run.id) for run in found.runs), *RAYS}

    def __contains__(self, word: str) -> bool:
        return word in self.words or bool(_MOMENT.fullmatch(word))


def _public(patient: Patient) -> _Public:
    return _Public(patient)
