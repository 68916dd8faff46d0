"""Syncs against a bank that the test controls, into a real PostgreSQL."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from uuid import UUID

import pytest
from sqlalchemy import event, func, select
from sqlalchemy.orm import Session, sessionmaker
from testing.factories import NOW, add_account, add_connection, add_consent
from testing.fakes import (
    FakeBank,
    FakeBooks,
    FakeClock,
    FakeDirectory,
    FakeQueue,
    a_balance,
    a_payload,
)

from payymo.domain.banking import Quota
from payymo.domain.enums import (
    AccessScope,
    AccountStatus,
    ConnectionStatus,
    ConsentStatus,
    IdentityTier,
    Provider,
    RunStatus,
    SyncRemark,
    SyncTrigger,
    TransactionStatus,
)
from payymo.domain.errors import (
    AccountForbiddenError,
    AccountInactiveError,
    AccountNotReadyError,
    ConfigurationError,
    ConsentExpiredError,
    ConsentSuspendedError,
    NotFoundError,
    ProviderCredentialsError,
    ProviderError,
    ProviderNotFoundError,
    ProviderPaymentRequiredError,
    ProviderQuotaError,
    ProviderRequestError,
    ProviderResponseError,
    ProviderUnavailableError,
    RuleError,
)
from payymo.domain.ledger.coverage import DayRange, assess
from payymo.domain.syncing import stagger
from payymo.postgres.common.models import Account, Connection, Faulted, SyncRun, Transaction
from payymo.postgres.common.operations.connections import delete_connection
from payymo.postgres.common.operations.consents import list_consents
from payymo.postgres.common.operations.coverage import list_coverage
from payymo.postgres.common.operations.sync_runs import list_sync_runs
from payymo.postgres.common.operations.transactions import update_transaction
from payymo.postgres.gocardless.models import GcTransaction
from payymo.postgres.gocardless.operations.transactions import list_raw_versions
from payymo.postgres.tenancy import tenant_transaction
from payymo.providers.base import BankDataProvider
from payymo.workflows.permits import RESET_SPREAD
from payymo.workflows.sync import sync_connection
from payymo.workflows.sync_outcomes import SyncReport

BOOKED, PENDING = TransactionStatus.BOOKED, TransactionStatus.PENDING
SUPERSEDED = TransactionStatus.SUPERSEDED
TRANSACTIONS, BALANCES = AccessScope.TRANSACTIONS, AccessScope.BALANCES
#: The first day that the consents of these tests let us read: 730 days before they were given.
FIRST_DAY = date(2024, 3, 1)
MIDNIGHT = datetime(2026, 3, 2, tzinfo=UTC)


class PowerCutError(Exception):
    """What nobody expects."""


class House:
    """A tenant's connection with some accounts, the bank behind it, and syncs of it."""

    def __init__(self, sessions: sessionmaker[Session], tenant_id: UUID, *references: str) -> None:
        self.sessions, self.tenant_id = sessions, tenant_id
        self.bank, self.queue, self.clock = FakeBank(), FakeQueue(), FakeClock()
        self.account_ids = {}
        with tenant_transaction(sessions, tenant_id) as session:
            connection = add_connection(session, tenant_id)
            self.connection_id = connection.id
            consent = add_consent(session, tenant_id, connection, granted_at=NOW)
            for name in references:
                account = add_account(
                    session,
                    tenant_id,
                    connection,
                    consent_id=consent.id,
                    provider_reference=name,
                    details_fetched_at=NOW,
                )
                self.account_ids[name] = account.id
                self.bank.books[name] = FakeBooks(balances=[a_balance("100.00")])

    @property
    def books(self) -> FakeBooks:
        return self.bank.books["a"]

    def sync(self, trigger: SyncTrigger = SyncTrigger.SCHEDULE) -> SyncReport:
        return sync_connection(
            self.sessions,
            FakeDirectory(self.bank),
            self.queue,
            tenant_id=self.tenant_id,
            connection_id=self.connection_id,
            trigger=trigger,
            clock=self.clock,
        )

    def next_day(self, days: int = 1) -> None:
        self.clock.now += timedelta(days=days)

    def refuse(
        self, error: ProviderError, name: str = "a", scope: AccessScope = TRANSACTIONS
    ) -> None:
        self.bank.refusals[name, scope] = error

    def rows(self, *statuses: TransactionStatus, name: str = "a") -> list[Transaction]:
        with self.read() as session:
            statement = select(Transaction).where(Transaction.account_id == self.account_ids[name])
            rows = session.scalars(statement.order_by(Transaction.id)).all()
        return [row for row in rows if not statuses or row.status in statuses]

    def row(self, *statuses: TransactionStatus) -> Transaction:
        (row,) = self.rows(*statuses)
        return row

    def account(self, name: str = "a") -> Account:
        with self.read() as session:
            return session.get_one(Account, (self.tenant_id, self.account_ids[name]))

    def connection(self) -> Connection:
        with self.read() as session:
            return session.get_one(Connection, (self.tenant_id, self.connection_id))

    def last_run(self) -> SyncRun:
        with self.read() as session:
            page = list_sync_runs(session, self.tenant_id, self.connection_id, page=1, per_page=1)
        return page.rows[0]

    @contextmanager
    def read(self) -> Iterator[Session]:
        with tenant_transaction(self.sessions, self.tenant_id) as session:
            yield session


@pytest.fixture
def house(sessions: sessionmaker[Session], tenant_id: UUID) -> House:
    return House(sessions, tenant_id, "a")


@pytest.fixture
def pair_house(sessions: sessionmaker[Session], tenant_id: UUID) -> House:
    house = House(sessions, tenant_id, "a", "b")
    house.bank.books["b"].booked = [a_payload("5.00", text="Interest")]
    return house


class TestWindow:
    def test_the_first_sync_asks_for_all_and_later_ones_overlap(self, house: House) -> None:
        house.books.booked = [a_payload()]
        house.sync(SyncTrigger.FIRST)
        house.next_day()
        house.sync()

        assert house.bank.since == [None, date(2026, 2, 15)]
        assert house.account().synced_through == date(2026, 3, 2)

    def test_once_a_week_it_looks_back_longer(self, house: House) -> None:
        house.books.booked = [a_payload(day=FIRST_DAY.isoformat())]
        house.sync()
        house.next_day(7)
        house.sync()
        house.next_day(6)
        house.sync()
        house.next_day(1)
        house.sync()

        assert house.bank.since == [
            None,
            date(2026, 3, 8) - timedelta(days=90),
            date(2026, 3, 8) - timedelta(days=14),
            date(2026, 3, 15) - timedelta(days=90),
        ]

    def test_a_renewal_looks_back_at_once(self, house: House) -> None:
        house.books.booked = [a_payload(day=FIRST_DAY.isoformat())]
        house.sync()
        house.sync(SyncTrigger.RENEWAL)

        assert house.bank.since[-1] == date(2026, 3, 1) - timedelta(days=90)

    def test_history_that_a_bank_cuts_is_asked_for_once_more(self, house: House) -> None:
        house.books.booked = [a_payload(day="2026-02-20")]
        house.sync()
        for _ in range(3):
            house.next_day(7)
            house.sync()

        assert house.bank.since == [
            None,
            FIRST_DAY,
            date(2026, 3, 15) - timedelta(days=90),
            date(2026, 3, 22) - timedelta(days=90),
        ]

    def test_after_a_long_silence_the_row_before_it_shows_that_nothing_is_cut(
        self, house: House
    ) -> None:
        house.books.booked = [a_payload(day=FIRST_DAY.isoformat()), a_payload(day="2026-01-05")]
        house.sync()
        house.next_day(60)  # to 30 April, on which there is the first row in all this time
        house.books.booked.append(a_payload(day="2026-04-30"))
        looked_back = house.sync()
        house.next_day()
        house.sync()

        assert looked_back.status is RunStatus.SUCCEEDED
        assert house.bank.since == [None, date(2026, 1, 30), date(2025, 12, 29)]
        with house.read() as session:
            spans = list_coverage(session, house.tenant_id, house.account_ids["a"])
        coverage = assess(spans, today=date(2026, 5, 1))
        assert coverage.known == [DayRange(FIRST_DAY, date(2026, 5, 1))]


class TestRepeating:
    def test_nothing_is_written_a_second_time(self, house: House) -> None:
        house.books.booked = [a_payload(), a_payload(), a_payload("25.50", text="Refund")]
        house.books.pending = [a_payload("-7.00", None, "Reserved lunch")]
        first = house.sync()
        before = {row.id: row.updated_at for row in house.rows()}

        with _writes(house.sessions) as written:
            again = house.sync()

        assert (first.added_count, again.added_count, again.updated_count) == (4, 0, 0)
        assert again.accounts[0].counts.unchanged == 4
        assert {row.id: row.updated_at for row in house.rows()} == before
        assert not [line for line in written if "transactions" in line.split("(")[0]]

    def test_the_order_of_the_answer_does_not_matter(self, house: House) -> None:
        house.books.booked = [a_payload(text=text) for text in ("One", "Two", "Three")]
        house.sync()
        house.books.booked.reverse()

        assert house.sync().accounts[0].counts.unchanged == 3

    def test_a_bank_that_answers_with_more_than_it_was_asked_for_adds_nothing(
        self, house: House, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("testing.fakes._is_asked_for", lambda row, since: True)
        house.books.booked = [a_payload(day="2024-05-01"), a_payload(day="2026-02-20")]
        house.sync()
        same = house.sync()
        house.books.booked[0] = a_payload(day="2024-05-01", purposeCode="OTHR")
        restated = house.sync()

        assert (same.added_count, same.updated_count) == (0, 0)
        assert (restated.added_count, restated.updated_count) == (0, 1)

    def test_two_connections_of_one_bank_keep_their_rows_apart(self, pair_house: House) -> None:
        pair_house.books.booked = [a_payload("5.00", text="Interest", internalTransactionId="x")]
        pair_house.bank.books["b"].booked = list(pair_house.books.booked)

        assert pair_house.sync().added_count == 2
        assert pair_house.sync().added_count == 0


class TestPending:
    def test_a_row_keeps_its_id_and_its_note_when_it_books(self, house: House) -> None:
        house.books.pending = [a_payload("-80.00", "2026-02-27", "Reserved Grand Hotel")]
        house.sync()
        pending = house.row()
        with house.read() as session:
            update_transaction(
                session, house.tenant_id, pending.id, category="Travel", note="Fair in Berlin"
            )
        house.books.pending = []
        house.books.booked = [
            a_payload("-80.00", "2026-03-01", "GRAND HOTEL BERLIN", internalTransactionId="i1")
        ]
        report = house.sync()

        row = house.row()
        assert (row.id, row.status, row.note) == (pending.id, BOOKED, "Fair in Berlin")
        assert row.identity_tier is IdentityTier.PENDING_BOOKED
        assert report.accounts[0].counts.updated == 1
        assert len(house.queue.matches) == 1

    def test_a_row_that_leaves_the_list_is_closed(self, house: House) -> None:
        house.books.booked = [a_payload()]
        house.books.pending = [a_payload("-80.00", "2026-02-27", "Reserved")]
        house.sync()
        house.books.pending = []
        report = house.sync()

        assert house.row(SUPERSEDED).amount == Decimal("-80.0000")
        assert report.accounts[0].counts.superseded == 1
        assert house.sync().accounts[0].counts.superseded == 0

    def test_a_row_that_was_away_comes_back_as_itself(self, house: House) -> None:
        house.books.booked = [a_payload()]
        house.books.pending = [a_payload("-80.00", "2026-02-27", "Reserved Hotel")]
        house.sync()
        pending, house.books.pending = house.books.pending, []
        house.sync()
        house.books.pending = pending
        house.sync()

        assert house.row(PENDING).missing_since is None
        assert len(house.rows()) == 2

    def test_a_row_that_was_away_before_it_booked_is_recognised(self, house: House) -> None:
        house.books.booked = [a_payload()]
        house.books.pending = [a_payload("-80.00", "2026-02-27", "Reserved Hotel")]
        house.sync()
        first = house.row(PENDING).id
        house.books.pending = []
        house.sync()
        house.next_day(2)
        house.books.booked.append(a_payload("-80.00", "2026-03-02", "Hotel Adlon"))
        house.sync()

        assert first in {row.id for row in house.rows(BOOKED)}
        assert len(house.rows()) == 2


class TestRestated:
    def test_a_row_keeps_its_id_and_gains_a_version(self, house: House) -> None:
        house.books.booked = [a_payload(text="Old name", transactionId="t1")]
        house.sync()
        first = house.row()
        house.books.booked = [a_payload(text="New name", transactionId="t1")]
        house.next_day()
        house.sync()

        row = house.row()
        assert (row.id, row.remittance) == (first.id, "New name")
        with house.read() as session:
            versions = list_raw_versions(session, house.tenant_id, row.id)
        assert [version.payload["remittanceInformationUnstructured"] for version in versions] == [
            "Old name",
            "New name",
        ]
        assert [version.identity_tier for version in versions] == [
            IdentityTier.NEW,
            IdentityTier.TRANSACTION_ID,
        ]

    def test_a_bank_that_takes_a_change_back_sends_nothing_new(self, house: House) -> None:
        for text in ("Old name", "New name", "Old name"):
            house.books.booked = [a_payload(text=text, transactionId="t1")]
            house.sync()

        with house.read() as session:
            assert session.scalar(select(func.count()).select_from(GcTransaction)) == 2
        assert house.row().remittance == "Old name"
        assert house.sync().accounts[0].counts.unchanged == 1

    def test_a_row_without_a_day_keeps_the_day_it_was_first_seen(self, house: House) -> None:
        house.books.pending = [a_payload(day=None, transactionId="t1")]
        house.sync()
        house.next_day(3)
        house.books.pending = [a_payload(day=None, transactionId="t1", purposeCode="OTHR")]
        report = house.sync()

        assert report.updated_count == 1
        assert house.row().transaction_date == NOW.date()


class TestAbsent:
    def test_a_booked_row_is_marked_and_never_removed(self, house: House) -> None:
        house.books.booked = [a_payload(day="2026-02-16"), a_payload("-9.00", "2026-02-25", "Gone")]
        house.sync()
        gone = house.books.booked.pop()
        house.next_day()
        house.sync()
        marked = next(row for row in house.rows(BOOKED) if row.remittance == "Gone")
        house.books.booked.append(gone)
        house.sync()

        assert marked.missing_since == NOW + timedelta(days=1)
        assert [row.missing_since for row in house.rows(BOOKED)] == [None, None]
        assert len(house.queue.matches) == 2  # when it came, and when it came back

    def test_an_empty_answer_loses_nothing(self, house: House) -> None:
        house.books.booked, house.books.pending = [a_payload()], [a_payload("-1.00", text="Tram")]
        house.sync()
        house.books.booked, house.books.pending = [], []
        report = house.sync()

        assert report.status is RunStatus.SUCCEEDED
        assert [(row.status, row.missing_since) for row in house.rows()] == [
            (BOOKED, None),
            (PENDING, None),
        ]


class TestUnreadable:
    def test_a_row_that_cannot_be_understood_leaves_the_others(self, house: House) -> None:
        house.books.booked = [a_payload(), {"bookingDate": "2026-02-20"}]

        for report in (house.sync(), house.sync()):
            assert report.status is RunStatus.PARTIAL
            assert report.error_code == "rows_not_understood"
        assert len(house.rows()) == 1
        assert house.account().synced_through is None

    def test_it_says_nothing_of_rows_that_are_absent(self, house: House) -> None:
        house.books.booked = [a_payload()]
        house.books.pending = [a_payload("-1.00", text="Tram")]
        house.sync()
        house.books.pending = [{"valueDate": "2026-02-20"}]
        house.sync()

        assert len(house.rows(PENDING)) == 1


class TestHostileText:
    def test_signs_that_the_database_cannot_hold_do_not_stop_a_sync(self, house: House) -> None:
        house.books.booked = [
            a_payload(text="a\x00b\\N\t\n\\.", creditorName="\x00", transactionId="t\x00")
        ]

        assert house.sync().status is RunStatus.SUCCEEDED
        assert house.sync().accounts[0].counts.unchanged == 1


class TestBalances:
    def test_they_are_kept_with_their_quota(self, house: House) -> None:
        quota = Quota(BALANCES, limit=4, remaining=3, resets_at=NOW + timedelta(hours=20))
        house.books.quotas[BALANCES] = quota
        house.sync()

        assert house.sync().status is RunStatus.SUCCEEDED

    def test_their_failure_leaves_the_transactions(self, house: House) -> None:
        house.books.booked = [a_payload()]
        house.refuse(ProviderUnavailableError("The bank is down."), scope=BALANCES)
        report = house.sync()

        assert report.status is RunStatus.PARTIAL
        assert len(house.rows()) == 1
        account = house.account()
        assert (account.status, account.failure_count) == (AccountStatus.ACTIVE, 1)
        assert account.synced_through == NOW.date()


class TestDetails:
    def test_they_are_read_weekly(self, house: House) -> None:
        house.next_day(6)
        house.sync()
        house.next_day(1)
        house.sync()
        house.sync()

        assert [scope for _, scope in house.bank.calls].count(AccessScope.DETAILS) == 1
        account = house.account()
        assert account.details_fetched_at == NOW + timedelta(days=7)
        assert account.resource_id == "resource-a"

    def test_their_quota_is_kept(self, house: House) -> None:
        house.books.quotas[AccessScope.DETAILS] = Quota(
            AccessScope.DETAILS, limit=4, remaining=0, resets_at=NOW + timedelta(days=30)
        )
        house.next_day(7)
        house.sync()
        house.next_day(7)
        house.sync()

        assert [scope for _, scope in house.bank.calls].count(AccessScope.DETAILS) == 1


class TestMatching:
    def test_it_is_queued_when_something_is_booked(self, house: House) -> None:
        house.sync()
        house.books.pending = [a_payload()]
        house.sync()
        assert house.queue.matches == []

        house.books.booked = [a_payload("77.00")]
        house.sync()
        assert house.queue.matches == [house.tenant_id]


class TestNoTransactionIsOpenWhileTheBankIsAsked:
    def test_every_call_comes_between_transactions(self, house: House) -> None:
        depth, seen = [0], []
        event.listen(house.sessions, "after_begin", lambda *_: depth.__setitem__(0, depth[0] + 1))
        event.listen(house.sessions, "after_commit", lambda _: depth.__setitem__(0, 0))
        house.bank.before_call = lambda: seen.append(depth[0])
        house.sync()

        assert seen == [0, 0]


WAITING = NOW + timedelta(hours=5)
IN_A_QUARTER = NOW + timedelta(minutes=15)
IN_A_WEEK = NOW + timedelta(days=7)
EXPIRED = ConsentExpiredError("Expired.", http_status=401, provider_code="AccessExpiredError")


class TestRefusals:
    @pytest.mark.parametrize(
        ("error", "expected"),
        [
            (
                ProviderQuotaError("No calls left.", retry_at=WAITING),
                ("partial", "active", 0, WAITING, "quota", "provider_quota_exhausted"),
            ),
            (
                ProviderQuotaError("No calls left."),
                ("partial", "active", 0, MIDNIGHT, "quota", "provider_quota_exhausted"),
            ),
            (
                ProviderUnavailableError("Down.", http_status=503, provider_code="ServiceError"),
                ("failed", "error", 1, IN_A_QUARTER, "bank", "provider_unavailable"),
            ),
            (
                AccountNotReadyError("Not ready."),
                ("failed", "error", 1, IN_A_QUARTER, "account", "account_not_ready"),
            ),
            (
                ProviderResponseError("Not JSON."),
                ("failed", "error", 1, IN_A_QUARTER, "bank", "provider_answer_not_understood"),
            ),
            (
                ProviderRequestError("Wrong dates."),
                ("failed", "error", 0, None, "ours", "provider_request_refused"),
            ),
            (
                AccountInactiveError("Closed."),
                ("failed", "inactive", 1, None, "account", "account_inactive"),
            ),
            (
                AccountForbiddenError("Forbidden."),
                ("partial", "unavailable", 0, IN_A_WEEK, "account", "account_forbidden"),
            ),
            (
                ProviderNotFoundError("Unknown."),
                ("failed", "unavailable", 1, IN_A_WEEK, "account", "account_not_found"),
            ),
        ],
        ids=lambda value: type(value).__name__ if isinstance(value, Exception) else "",
    )
    def test_each_family_has_its_consequence(
        self,
        house: House,
        error: ProviderError,
        expected: tuple[str, str, int, datetime | None, str, str],
    ) -> None:
        run, account_status, count, retry_at, kind, code = expected
        if isinstance(error, ProviderQuotaError) and retry_at is not None:
            retry_at += stagger(house.connection_id, RESET_SPREAD)
        house.refuse(error)
        report = house.sync()

        assert (report.status, report.error_code) == (run, code)
        assert report.accounts[0].retry_at == retry_at
        soon = retry_at if retry_at != IN_A_WEEK else None
        assert report.retry_at == soon
        account, connection = house.account(), house.connection()
        assert (account.status, account.failure_count) == (account_status, count)
        assert account.synced_through is None
        assert (connection.status, connection.next_sync_at) == (ConnectionStatus.ACTIVE, soon)
        stored = house.last_run()
        assert (stored.status, stored.finished_at) == (run, NOW)
        told: list[Faulted] = [stored, stored.accounts[0], connection]
        if kind != "quota":  # of which an account need not remember anything
            told.append(account)
        for row in told:
            assert (row.error_kind, row.error_code) == (kind, code)
            assert (row.error_message or "").startswith(f"{error.message} ")
            assert row.error_provider_code == error.provider_code
            assert row.error_http_status == error.http_status

    @pytest.mark.parametrize(
        ("error", "code"),
        [
            (ProviderCredentialsError("Bad key."), "provider_credentials_refused"),
            (ProviderPaymentRequiredError("Pay."), "provider_payment_required"),
        ],
    )
    def test_what_the_operator_has_to_mend_stops_all_and_is_not_tried_again(
        self, pair_house: House, error: ProviderError, code: str
    ) -> None:
        pair_house.refuse(error)
        report = pair_house.sync()

        connection, account = pair_house.connection(), pair_house.account()
        assert pair_house.bank.calls == [("a", TRANSACTIONS)]
        assert (report.status, report.error_code, report.retry_at) == (
            RunStatus.FAILED,
            code,
            None,
        )
        assert (connection.status, connection.error_kind) == (ConnectionStatus.ACTIVE, "ours")
        assert "Whoever runs this installation" in (connection.error_message or "")
        assert (account.status, account.failure_count) == (AccountStatus.ACTIVE, 0)

    def test_a_mistake_of_ours_is_not_repeated_the_same_day_whatever_else_is(
        self, pair_house: House
    ) -> None:
        pair_house.refuse(ProviderRequestError("Wrong dates."))
        pair_house.refuse(ProviderUnavailableError("Down."), "b")
        report = pair_house.sync()
        assert report.retry_at == IN_A_QUARTER
        pair_house.bank.calls.clear()
        pair_house.clock.now = IN_A_QUARTER
        again = pair_house.sync()

        assert {name for name, _ in pair_house.bank.calls} == {"b"}
        resting = again.accounts[0].fault
        assert resting is not None
        assert (resting.kind, resting.code, resting.retry_at) == ("ours", "resting", MIDNIGHT)
        assert "until 2026-03-02 00:00 UTC" in resting.message
        pair_house.clock.now = MIDNIGHT
        pair_house.sync()
        assert ("a", TRANSACTIONS) in pair_house.bank.calls

    def test_an_account_that_fails_for_ever_is_not_asked_a_tenth_time(self, house: House) -> None:
        house.refuse(ProviderUnavailableError("Down."))
        for _ in range(100):  # days, and on each as often as it is worth it
            report = house.sync()
            while report.retry_at is not None and report.retry_at < house.clock.now.replace(
                hour=23, minute=59
            ):
                house.clock.now = report.retry_at
                report = house.sync()
            house.next_day()

        assert len(house.bank.calls) == 9
        account = house.account()
        assert (account.status, account.error_code) == (AccountStatus.ERROR, "too_many_failures")
        assert house.last_run().remark_code == "no_account"


class TestConsentsThatAreDoubted:
    @pytest.mark.parametrize(
        ("standing", "status", "code"),
        [
            (ConsentStatus.EXPIRED, ConnectionStatus.EXPIRED, "consent_expired"),
            (ConsentStatus.REVOKED, ConnectionStatus.EXPIRED, "consent_revoked"),
            (ConsentStatus.SUSPENDED, ConnectionStatus.SUSPENDED, "consent_suspended"),
            (ConsentStatus.ERROR, ConnectionStatus.EXPIRED, "consent_expired"),
            (None, ConnectionStatus.EXPIRED, "consent_revoked"),
        ],
    )
    def test_one_that_is_over_stops_the_connection(
        self,
        pair_house: House,
        standing: ConsentStatus | None,
        status: ConnectionStatus,
        code: str,
    ) -> None:
        pair_house.bank.consent_status = standing
        pair_house.refuse(EXPIRED)
        report = pair_house.sync()

        assert pair_house.bank.calls == [("a", TRANSACTIONS)]
        assert (report.status, report.error_code) == (RunStatus.FAILED, code)
        connection = pair_house.connection()
        assert (connection.status, connection.error_code) == (status, code)
        assert connection.error_provider_code == "AccessExpiredError"
        assert pair_house.account().failure_count == 0
        with pair_house.read() as session:
            stands = {one.id: one.status for one in list_consents(session, pair_house.tenant_id)}
        assert stands[pair_house.account().consent_id] is (standing or ConsentStatus.REVOKED)

    @pytest.mark.parametrize("error", [EXPIRED, ConsentSuspendedError("Suspended.")])
    def test_one_that_stands_lets_the_other_accounts_go_on(
        self, pair_house: House, error: ProviderError
    ) -> None:
        pair_house.refuse(error)
        report = pair_house.sync()

        assert report.status is RunStatus.PARTIAL
        assert len(pair_house.rows(name="b")) == 1
        connection, account = pair_house.connection(), pair_house.account()
        assert connection.status is ConnectionStatus.ACTIVE
        assert (connection.error_kind, account.error_kind) == ("consent", "consent")
        assert account.status in {AccountStatus.UNAVAILABLE, AccountStatus.SUSPENDED}
        pair_house.bank.calls.clear()
        pair_house.next_day(6)
        pair_house.sync()
        assert {name for name, _ in pair_house.bank.calls} == {"b"}

    def test_an_account_that_is_refused_access_is_looked_at_again_after_a_week(
        self, pair_house: House
    ) -> None:
        pair_house.refuse(EXPIRED)
        pair_house.sync()
        pair_house.bank.refusals.clear()
        pair_house.next_day(7)

        assert pair_house.sync().status is RunStatus.SUCCEEDED
        assert pair_house.account().status is AccountStatus.ACTIVE

    def test_the_provider_is_asked_once_for_all_accounts_of_a_consent(
        self, pair_house: House
    ) -> None:
        with pair_house.read() as session:
            one, other = (
                session.get_one(Account, (pair_house.tenant_id, account_id))
                for account_id in pair_house.account_ids.values()
            )
            other.consent_id = one.consent_id
        pair_house.refuse(EXPIRED)
        pair_house.refuse(EXPIRED, "b")
        report = pair_house.sync()

        assert len(pair_house.bank.consents_asked) == 1
        assert report.status is RunStatus.FAILED
        assert pair_house.connection().status is ConnectionStatus.ACTIVE

    def test_a_provider_that_cannot_say_is_asked_again_the_next_day(
        self, pair_house: House
    ) -> None:
        pair_house.bank.consent_refusal = ProviderUnavailableError("Away.")
        pair_house.refuse(EXPIRED)
        report = pair_house.sync()

        assert pair_house.connection().status is ConnectionStatus.ACTIVE
        assert report.accounts[0].retry_at == MIDNIGHT

    def test_a_renewal_meanwhile_is_not_undone_by_what_was_learnt_of_the_old_consent(
        self, house: House
    ) -> None:
        def renew() -> None:
            with house.read() as session:
                connection = session.get_one(Connection, (house.tenant_id, house.connection_id))
                connection.expires_at = NOW + timedelta(days=90)

        house.bank.before_call = renew
        house.bank.consent_status = ConsentStatus.EXPIRED
        house.refuse(EXPIRED)
        house.sync()

        assert house.connection().status is ConnectionStatus.ACTIVE


class TestRemarks:
    def test_a_sync_that_brings_something_has_none(self, house: House) -> None:
        house.books.booked = [a_payload()]
        report = house.sync()

        assert (report.remark, report.accounts[0].remark) == (None, None)
        assert house.last_run().remark is None

    def test_rows_that_were_all_known_are_said_to_be(self, house: House) -> None:
        house.books.booked = [a_payload(), a_payload(day="2026-02-19", text="Tram")]
        house.sync()
        house.sync()

        run = house.last_run()
        assert (run.status, run.remark_code) == (RunStatus.SUCCEEDED, SyncRemark.ALL_KNOWN)
        assert run.remark == (
            "All 2 rows of the bank's answer were known already; the latest is of 2026-02-20."
        )
        assert run.accounts[0].remark == run.remark

    def test_a_quiet_account_and_an_empty_answer_are_told_apart(self, pair_house: House) -> None:
        pair_house.bank.books["b"].booked = []
        pair_house.books.booked = [a_payload()]
        pair_house.sync()
        pair_house.books.booked = []
        report = pair_house.sync()

        codes = [result.remark and result.remark.code for result in report.accounts]
        assert codes == [SyncRemark.EMPTY_ANSWER, SyncRemark.QUIET]
        run = pair_house.last_run()
        assert run.remark_code is SyncRemark.EMPTY_ANSWER
        assert (run.remark or "").startswith("None of 2 accounts had anything new. For 1 of them:")

    def test_an_answer_out_of_the_providers_store_is_named(self, house: House) -> None:
        house.books.last_updated = "2026-02-26T05:00:00Z"
        house.books.booked = [a_payload()]
        house.sync()

        assert house.last_run().accounts[0].remark_code is SyncRemark.STALE_ANSWER

    def test_a_failure_is_never_taken_for_quiet(self, house: House) -> None:
        house.refuse(ProviderUnavailableError("Down."))
        report = house.sync()

        assert (report.remark, report.accounts[0].remark) == (None, None)

    def test_a_connection_without_an_account_to_read_says_so(self, house: House) -> None:
        with house.read() as session:
            account = session.get_one(Account, (house.tenant_id, house.account_ids["a"]))
            account.is_sync_enabled = False
        report = house.sync()

        assert report.status is RunStatus.SUCCEEDED
        assert house.last_run().remark_code is SyncRemark.NO_ACCOUNT
        assert "1 switched off" in (house.last_run().remark or "")


class TestRefusalsOfOneAccount:
    @pytest.mark.parametrize(
        "error",
        [
            AccountInactiveError("Closed."),
            ConsentSuspendedError("Suspended."),
            ProviderUnavailableError("Down."),
            ProviderQuotaError("No calls left."),
            ProviderResponseError("Not JSON."),
        ],
        ids=lambda error: type(error).__name__,
    )
    def test_one_account_leaves_the_others_alone(
        self, pair_house: House, error: ProviderError
    ) -> None:
        pair_house.refuse(error)
        report = pair_house.sync()

        assert report.status is RunStatus.PARTIAL
        assert len(pair_house.rows(name="b")) == 1

    def test_a_closed_account_is_not_asked_about_again(self, pair_house: House) -> None:
        pair_house.refuse(AccountInactiveError("Closed."))
        pair_house.sync()
        pair_house.bank.calls.clear()
        report = pair_house.sync()

        assert {name for name, _ in pair_house.bank.calls} == {"b"}
        assert report.status is RunStatus.SUCCEEDED

    def test_a_success_clears_what_failed_before(self, house: House) -> None:
        house.refuse(ProviderUnavailableError("Down."))
        house.sync()
        house.bank.refusals.clear()
        house.clock.now += timedelta(minutes=15)
        house.sync()

        account, connection = house.account(), house.connection()
        assert (account.status, account.failure_count) == (AccountStatus.ACTIVE, 0)
        assert (account.error_code, account.retry_at) == (None, None)
        assert (connection.error_code, connection.next_sync_at) == (None, None)
        assert connection.last_synced_at == house.clock.now

    def test_after_three_failures_in_a_row_it_rests_until_the_next_day(self, house: House) -> None:
        house.refuse(ProviderUnavailableError("Down."))
        retries = []
        for _ in range(3):
            report = house.sync()
            assert report.retry_at is not None
            retries.append(report.retry_at - house.clock.now)
            house.clock.now = report.retry_at
        calls = len(house.bank.calls)

        assert retries[:2] == [timedelta(minutes=15), timedelta(hours=1)]
        assert house.clock.now == MIDNIGHT
        house.clock.now -= timedelta(minutes=1)
        resting = house.sync()
        assert (resting.status, resting.error_code) == (RunStatus.PARTIAL, "resting")
        assert len(house.bank.calls) == calls
        house.clock.now = MIDNIGHT
        house.sync()
        assert len(house.bank.calls) == calls + 1

    def test_a_new_consent_ends_the_rest(self, house: House) -> None:
        house.refuse(ProviderUnavailableError("Down."))
        house.sync()
        house.bank.refusals.clear()

        assert house.sync(SyncTrigger.RENEWAL).status is RunStatus.SUCCEEDED

    def test_a_scope_without_calls_is_not_asked_for(self, house: House) -> None:
        house.books.quotas[TRANSACTIONS] = Quota(
            TRANSACTIONS, limit=1, remaining=0, resets_at=WAITING
        )
        house.sync()
        house.bank.calls.clear()
        report = house.sync()

        assert house.bank.calls == [("a", BALANCES)]
        told = WAITING + timedelta(seconds=1)  # the provider cuts seconds off
        planned = told + stagger(house.connection_id, RESET_SPREAD)
        assert (report.status, report.retry_at) == (RunStatus.PARTIAL, planned)
        assert house.queue.planned == [planned]
        house.clock.now = planned
        assert house.sync().status is RunStatus.SUCCEEDED
        assert house.queue.planned == [planned]

    def test_balances_that_the_bank_forbids_are_left_out_without_ado(self, house: House) -> None:
        house.refuse(AccountForbiddenError("Forbidden."), scope=BALANCES)
        assert house.sync().status is RunStatus.PARTIAL
        house.bank.calls.clear()
        report = house.sync()

        assert report.status is RunStatus.SUCCEEDED
        assert house.bank.calls == [("a", TRANSACTIONS)]

    def test_without_credentials_the_run_fails_and_says_why(
        self, house: House, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        class Nobody(FakeDirectory):
            def provider_for(self, tenant_id: UUID, provider: Provider) -> BankDataProvider:
                raise ConfigurationError("Enter the credentials.")

        report = sync_connection(
            house.sessions,
            Nobody(house.bank),
            house.queue,
            tenant_id=house.tenant_id,
            connection_id=house.connection_id,
            trigger=SyncTrigger.REQUEST,
            clock=house.clock,
        )

        assert (report.status, report.error_code) == (RunStatus.FAILED, "configuration_error")


class TestConnection:
    def test_a_consent_that_ran_out_by_date_is_not_tried(self, house: House) -> None:
        with house.read() as session:
            connection = session.get_one(Connection, (house.tenant_id, house.connection_id))
            connection.expires_at = NOW
        report = house.sync()

        assert (report.status, report.error_code) == (RunStatus.FAILED, "consent_expired")
        assert house.connection().status is ConnectionStatus.EXPIRED
        assert house.bank.calls == []

    def test_only_an_active_connection_can_be_synced(self, house: House) -> None:
        house.refuse(EXPIRED)
        house.bank.consent_status = ConsentStatus.EXPIRED
        house.sync()

        with pytest.raises(RuleError, match="renew it first") as caught:
            house.sync()
        assert caught.value.code == "connection_not_active"

    def test_another_tenants_connection_does_not_exist(
        self, house: House, other_tenant_id: UUID
    ) -> None:
        house.tenant_id = other_tenant_id

        with pytest.raises(NotFoundError):
            house.sync()

    def test_an_account_that_is_switched_off_is_left_alone(self, house: House) -> None:
        with house.read() as session:
            account = session.get_one(Account, (house.tenant_id, house.account_ids["a"]))
            account.is_sync_enabled = False

        assert house.sync().accounts == ()
        assert house.bank.calls == []

    def test_a_connection_that_is_deleted_meanwhile_is_not_there(self, house: House) -> None:
        def delete() -> None:
            with house.read() as session:
                delete_connection(session, house.tenant_id, house.connection_id)
            house.bank.before_call = lambda: None

        house.bank.before_call = delete

        with pytest.raises(NotFoundError):
            house.sync()

    def test_progress_is_told_account_by_account(self, pair_house: House) -> None:
        told: list[tuple[int, int]] = []
        sync_connection(
            pair_house.sessions,
            FakeDirectory(pair_house.bank),
            pair_house.queue,
            tenant_id=pair_house.tenant_id,
            connection_id=pair_house.connection_id,
            trigger=SyncTrigger.REQUEST,
            clock=pair_house.clock,
            progress=lambda done, total: told.append((done, total)),
        )

        assert told == [(0, 2), (1, 2), (2, 2)]


class TestCrashes:
    @pytest.mark.parametrize("call", range(4))
    def test_a_crash_at_any_call_is_made_good_by_the_next_sync(
        self, pair_house: House, call: int
    ) -> None:
        pair_house.books.booked = [a_payload(), a_payload()]

        def crash() -> None:
            if len(pair_house.bank.calls) == call:
                raise PowerCutError

        pair_house.bank.before_call = crash
        with pytest.raises(PowerCutError):
            pair_house.sync()
        pair_house.bank.before_call = lambda: None
        report = pair_house.sync()

        assert report.status is RunStatus.SUCCEEDED
        assert (len(pair_house.rows()), len(pair_house.rows(name="b"))) == (2, 1)
        with pair_house.read() as session:
            runs = list_sync_runs(
                session, pair_house.tenant_id, pair_house.connection_id, page=1, per_page=9
            ).rows
        assert Counter((run.status, run.error_code) for run in runs) == {
            (RunStatus.SUCCEEDED, None): 1,
            (RunStatus.FAILED, "interrupted"): 1,
        }

    def test_a_crash_while_writing_leaves_no_half_of_an_account(self, house: House) -> None:
        house.books.booked = [a_payload()]

        def crash(*_: object, **__: object) -> None:
            raise PowerCutError

        queue_match, house.queue.queue_match = house.queue.queue_match, crash  # type: ignore[method-assign,assignment]
        with pytest.raises(PowerCutError):
            house.sync()
        assert house.rows() == []
        assert house.account().synced_through is None

        house.queue.queue_match = queue_match  # type: ignore[method-assign]
        house.sync()
        assert len(house.rows()) == 1


@contextmanager
def _writes(sessions: sessionmaker[Session]) -> Iterator[list[str]]:
    """Collect the statements that write, as far as SQLAlchemy sees them."""
    engine = sessions.kw["bind"].engine
    written: list[str] = []

    def note(_: object, __: object, statement: str, *___: object) -> None:
        if statement.split(maxsplit=1)[0] in {"INSERT", "UPDATE", "DELETE"}:
            written.append(statement)

    event.listen(engine, "before_cursor_execute", note)
    yield written
    event.remove(engine, "before_cursor_execute", note)
