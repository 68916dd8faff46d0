"""What follows when a bank or the provider refuses."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from testing.factories import NOW
from testing.fakes import FakeDirectory
from testing.workflows.sync.house import BALANCES, EXPIRED, TRANSACTIONS, House

from payymo.domain.banking import Quota
from payymo.domain.enums import (
    AccountStatus,
    ConnectionStatus,
    ConsentStatus,
    Provider,
    RunStatus,
    SyncTrigger,
)
from payymo.domain.errors import (
    AccountForbiddenError,
    AccountInactiveError,
    AccountNotReadyError,
    ConfigurationError,
    ConsentSuspendedError,
    ProviderCredentialsError,
    ProviderError,
    ProviderNotFoundError,
    ProviderPaymentRequiredError,
    ProviderQuotaError,
    ProviderRequestError,
    ProviderResponseError,
    ProviderUnavailableError,
)
from payymo.domain.syncing import stagger
from payymo.postgres.common.models import Account, Connection, Faulted
from payymo.postgres.common.operations.consents import list_consents
from payymo.providers.base import BankDataProvider
from payymo.workflows.permits import RESET_SPREAD
from payymo.workflows.sync import sync_connection

MIDNIGHT = datetime(2026, 3, 2, tzinfo=UTC)
WAITING = NOW + timedelta(hours=5)
IN_A_QUARTER = NOW + timedelta(minutes=15)
IN_A_WEEK = NOW + timedelta(days=7)


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
