"""What a sync does besides reading rows, what is said of it, and what a crash leaves of it."""

from collections import Counter
from datetime import timedelta
from uuid import UUID

import pytest
from sqlalchemy import event
from testing.factories import NOW
from testing.fakes import FakeDirectory, a_payload
from testing.workflows.sync.house import BALANCES, EXPIRED, House

from payymo.domain.banking import Quota
from payymo.domain.enums import (
    AccessScope,
    AccountStatus,
    ConnectionStatus,
    ConsentStatus,
    FaultKind,
    RunStatus,
    SyncRemark,
    SyncTrigger,
)
from payymo.domain.errors import NotFoundError, ProviderUnavailableError, RuleError
from payymo.postgres.common.models import Account, Connection
from payymo.postgres.common.operations.connections import delete_connection
from payymo.postgres.common.operations.sync_runs import list_sync_runs
from payymo.workflows.sync import sync_connection


class PowerCutError(Exception):
    """What nobody expects."""


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
        assert Counter((run.status, run.error_kind, run.error_code) for run in runs) == {
            (RunStatus.SUCCEEDED, None, None): 1,
            (RunStatus.FAILED, FaultKind.INTERRUPTED, "interrupted"): 1,
        }

    def test_a_crash_while_writing_leaves_no_half_of_an_account(self, house: House) -> None:
        house.books.booked = [a_payload()]

        def crash(*_: object, **__: object) -> None:
            raise PowerCutError

        queue_match, house.queue.queue_match = house.queue.queue_match, crash  # type: ignore[method-assign,assignment]  # a crash on purpose
        with pytest.raises(PowerCutError):
            house.sync()
        assert house.rows() == []
        assert house.account().synced_through is None

        house.queue.queue_match = queue_match  # type: ignore[method-assign]  # as it was
        house.sync()
        assert len(house.rows()) == 1
