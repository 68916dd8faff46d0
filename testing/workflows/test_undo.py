"""What a sync run did, taken back."""

from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select, update
from sqlalchemy.orm import Session, sessionmaker
from testing.fakes import FakeQueue, a_balance, a_payload
from testing.workflows.test_standardise import Book

from payymo.domain.enums import SyncTrigger, TransactionStatus
from payymo.domain.errors import NotFoundError, RuleError
from payymo.postgres.auth.models import AuditEntry
from payymo.postgres.common.models import (
    Account,
    Balance,
    BalanceProof,
    CoverageRow,
    SyncRun,
    Transaction,
)
from payymo.postgres.common.operations.balances import latest_balances, list_balances
from payymo.postgres.tenancy import tenant_transaction
from payymo.workflows.replay import replay
from payymo.workflows.undo import Reversal, revert_run

A = a_payload("-10.00", "2026-02-20", "Bakery", internalTransactionId="a")
A_RESTATED = a_payload("-10.00", "2026-02-21", "Bakery GmbH", internalTransactionId="a")
B = a_payload("-25.00", "2026-02-02", "Garage", internalTransactionId="b")
RESERVED = a_payload("-10.00", "2026-02-19", "Bakery reserved")

#: What a reversal cannot and need not bring back.
_MOVING = {"updated_at"}


@pytest.fixture
def book(sessions: sessionmaker[Session], tenant_id: UUID) -> Book:
    return Book(sessions, tenant_id, {"a"})


def pull(
    book: Book, *booked: Any, pending: tuple[Any, ...] = (), balances: tuple[Any, ...] = ()
) -> UUID:
    book.clock.now += timedelta(days=1)
    return book.pull("a", booked, pending, balances=balances).sync_run_id


def revert(book: Book, run_id: UUID, **how: Any) -> Reversal:
    book.clock.now += timedelta(minutes=1)
    return revert_run(
        book.sessions,
        how.pop("queue", FakeQueue()),
        tenant_id=how.pop("tenant_id", book.tenant_id),
        sync_run_id=run_id,
        connection_id=how.pop("connection_id", None),
        is_trial=how.pop("is_trial", False),
        actor_id=None,
        clock=book.clock,
    )


def standing(book: Book) -> list[dict[str, object]]:
    """Return all that is known of the rows that stand."""
    return [
        {
            column.key: getattr(row, column.key)
            for column in Transaction.__table__.columns
            if column.key not in _MOVING
        }
        for row in book.rows()
        if row.status in {TransactionStatus.BOOKED, TransactionStatus.PENDING}
    ]


def said_at(book: Book, moment: datetime) -> list[Decimal]:
    """Return the balances that were reported at some moment, as far as that counts."""
    with tenant_transaction(book.sessions, book.tenant_id) as session:
        rows = session.scalars(
            select(Balance.amount)
            .where(
                Balance.account_id.in_(book.accounts),
                Balance.retracted_at.is_(None),
                Balance.observed_at <= moment,
                Balance.last_observed_at >= moment,
            )
            .order_by(Balance.amount)
        )
        return list(rows)


def learnt(book: Book, *, before: date) -> dict[str, list[tuple[Any, ...]]]:
    """Return what is known of balances, of days, and of what adds up before some day."""
    with tenant_transaction(book.sessions, book.tenant_id) as session:
        balances = session.execute(
            select(Balance.id, Balance.observed_at, Balance.last_observed_at)
            .where(Balance.account_id.in_(book.accounts), Balance.retracted_at.is_(None))
            .order_by(Balance.id)
        )
        coverage = session.execute(
            select(CoverageRow.id)
            .where(CoverageRow.account_id.in_(book.accounts), CoverageRow.retracted_at.is_(None))
            .order_by(CoverageRow.id)
        )
        proofs = session.execute(
            select(
                BalanceProof.day,
                BalanceProof.status,
                BalanceProof.reason,
                BalanceProof.opening,
                BalanceProof.booked,
                BalanceProof.closing,
            )
            .where(BalanceProof.account_id.in_(book.accounts), BalanceProof.day < before)
            .order_by(BalanceProof.day)
        )
        return {
            "balances": [tuple(row) for row in balances],
            "coverage": [tuple(row) for row in coverage],
            "proofs": [tuple(row) for row in proofs],
        }


def replay_findings(book: Book) -> list[str]:
    reports = replay(
        book.sessions,
        tenant_id=book.tenant_id,
        account_id=None,
        apply=False,
        clock=book.clock,
        progress=lambda done, total: None,
    )
    return [finding.explain() for report in reports for finding in report.findings]


def blockers(book: Book, run_id: UUID) -> list[str]:
    with pytest.raises(RuleError) as raised:
        revert(book, run_id)
    assert raised.value.code == "sync_run_not_revertible"
    return [problem.message for problem in raised.value.problems]


class TestTakenBack:
    def test_added_rows_are_gone_and_changed_ones_as_they_were(self, book: Book) -> None:
        pull(book, A)
        before = standing(book)
        run = pull(book, A_RESTATED, B)

        reversal = revert(book, run)

        assert standing(book) == before
        assert (reversal.removed_count, reversal.restored_count) == (1, 1)
        assert len(book.rows()) == 2

    def test_a_pending_row_that_had_booked_is_pending_again(self, book: Book) -> None:
        pull(book, B, pending=(RESERVED,))
        before = standing(book)

        revert(book, pull(book, A, B))

        assert standing(book) == before

    def test_a_row_that_was_removed_stands_again(self, book: Book) -> None:
        pull(book, A, B)
        pull(book, B)
        before = standing(book)

        revert(book, pull(book, B))

        assert standing(book) == before

    def test_the_next_sync_brings_it_back_under_the_same_ids(self, book: Book) -> None:
        pull(book, A)
        run = pull(book, A_RESTATED, B)
        after = standing(book)

        revert(book, run)
        pull(book, A_RESTATED, B)

        ids = [(row["id"], row["amount"], row["remittance"]) for row in after]
        assert [(row["id"], row["amount"], row["remittance"]) for row in standing(book)] == ids

    def test_it_is_a_run_of_its_own_that_names_the_other(self, book: Book) -> None:
        run = pull(book, A)

        reversal = revert(book, run)

        assert reversal.run is not None
        assert (reversal.run.trigger, reversal.run.reverts) == (SyncTrigger.REVERSAL, run)
        with tenant_transaction(book.sessions, book.tenant_id) as session:
            entry = session.scalars(select(AuditEntry).where(AuditEntry.action == "reverted")).one()
        assert entry.entity_id == run

    def test_a_reversal_can_be_taken_back_too(self, book: Book) -> None:
        pull(book, A)
        run = pull(book, A_RESTATED, B)
        after = standing(book)

        reversal = revert(book, run)
        assert reversal.run is not None
        revert(book, reversal.run.id)

        assert standing(book) == after
        revert(book, run)

    def test_the_account_is_known_only_as_far_as_the_other_runs_say(self, book: Book) -> None:
        pull(book, A)
        known = book.clock.now.date()

        revert(book, pull(book, A, B))

        with tenant_transaction(book.sessions, book.tenant_id) as session:
            assert session.scalars(select(Account.synced_through)).one() == known

    def test_balances_that_only_it_brought_count_no_more(self, book: Book) -> None:
        pull(book, A, balances=(a_balance("90.00"),))
        first = book.clock.now
        run = pull(book, A_RESTATED, B, balances=(a_balance("90.00"), a_balance("65.00")))
        second = book.clock.now

        reversal = revert(book, run)

        assert (said_at(book, first), said_at(book, second)) == ([Decimal(90)], [])
        with tenant_transaction(book.sessions, book.tenant_id) as session:
            (account_id,) = book.accounts
            latest = latest_balances(session, book.tenant_id, [account_id])[account_id]
            listed = list_balances(session, book.tenant_id, account_id, page=1, per_page=9)
        assert [balance.amount for balance in latest] == [90]
        assert listed.total == 1
        assert reversal.run is not None
        revert(book, reversal.run.id)
        assert (said_at(book, first), said_at(book, second)) == (
            [Decimal(90)],
            [Decimal(65), Decimal(90)],
        )

    def test_balances_that_other_runs_brought_too_count_by_those(self, book: Book) -> None:
        run = pull(book, A, balances=(a_balance("90.00"),))
        first = book.clock.now
        pull(book, A, balances=(a_balance("90.00"),))

        revert(book, run)

        assert said_at(book, first) == []
        assert said_at(book, book.clock.now - timedelta(minutes=1)) == [90]

    def test_matching_follows(self, book: Book) -> None:
        queue = FakeQueue()

        revert(book, pull(book, A), queue=queue)

        assert queue.matches == [book.tenant_id]

    def test_a_replay_agrees(self, book: Book) -> None:
        pull(book, A)
        revert(book, pull(book, A_RESTATED, B))

        assert replay_findings(book) == []

    @settings(
        max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
    )
    @given(
        answers=st.lists(
            st.tuples(
                st.sets(st.integers(0, 5)),
                st.sets(st.integers(0, 2)),
                st.integers(0, 1),
                st.sets(st.integers(0, 2), min_size=1),
            ),
            min_size=2,
            max_size=5,
        ),
        count=st.integers(1, 4),
    )
    def test_whatever_the_runs_did(
        self,
        sessions: sessionmaker[Session],
        tenant_id: UUID,
        answers: list[tuple[set[int], set[int], int, set[int]]],
        count: int,
    ) -> None:
        book = Book(sessions, tenant_id, {"a"})
        states, known, runs = [standing(book)], [learnt(book, before=date.min)], []
        moments: list[tuple[datetime, list[Decimal]]] = []
        for booked, pending, version, balances in answers:
            run = pull(
                book,
                *(
                    a_payload(
                        f"-{each + 1}.00",
                        f"2026-02-1{each}",
                        f"Shop {version}",
                        internalTransactionId=f"i{each}",
                    )
                    for each in sorted(booked)
                ),
                pending=tuple(
                    a_payload(f"-{each + 1}.00", "2026-02-12", "Shop") for each in sorted(pending)
                ),
                balances=tuple(a_balance(f"{each}.00") for each in balances),
            )
            runs.append(run)
            states.append(standing(book))
            known.append(learnt(book, before=book.clock.now.date()))
            moments.append((book.clock.now, sorted(map(Decimal, balances))))

        counted = list(moments)
        is_as_before = True
        for number in range(len(runs) - 1, max(len(runs) - 1 - count, -1), -1):
            trial = revert(book, runs[number], is_trial=True)
            if trial.removed_count + trial.restored_count:
                assert trial.blockers == []
                reversal = revert(book, runs[number]).run
                assert reversal is not None
                again = revert(book, reversal.id).run
                assert again is not None
                assert standing(book) == states[number + 1]
                assert [said_at(book, moment) for moment, _ in counted] == [s for _, s in counted]
                revert(book, again.id)
                moment, _ = moments[number]
                counted.remove(moments[number])
                # What answers before and after it say counts for the time between, too.
                if all(other < moment for other, _ in counted):
                    assert said_at(book, moment) == []
            else:
                is_as_before = False
            assert standing(book) == states[number]
            assert [said_at(book, moment) for moment, _ in counted] == [s for _, s in counted]
            if is_as_before and number:
                assert learnt(book, before=moments[number - 1][0].date()) == known[number]
        assert replay_findings(book) == []
        pull(book, a_payload("-1.00", "2026-02-10", "Shop 0", internalTransactionId="i0"))
        assert replay_findings(book) == []


class TestInTheWay:
    def test_a_run_that_changed_nothing(self, book: Book) -> None:
        pull(book, A)

        assert blockers(book, pull(book, A)) == [
            "The sync changed nothing: there is nothing to take back."
        ]

    def test_a_run_that_was_taken_back(self, book: Book) -> None:
        run = pull(book, A)
        revert(book, run)

        assert blockers(book, run) == ["The sync was taken back already."]

    def test_a_later_run_that_changed_the_same_is_named(self, book: Book) -> None:
        run = pull(book, A)
        later = pull(book, A_RESTATED)

        assert blockers(book, run) == [
            f"A later run, {later}, changed 1 of its transactions again: take that one back first."
        ]
        revert(book, later)
        revert(book, run)
        assert standing(book) == []

    def test_what_people_wrote_of_an_added_row(self, book: Book) -> None:
        run = pull(book, A)
        with tenant_transaction(book.sessions, book.tenant_id) as session:
            session.execute(update(Transaction).values(note="mine"))
        before = standing(book)

        (told,) = blockers(book, run)

        assert "was edited, split or matched with invoices since" in told
        assert standing(book) == before

    def test_a_run_from_before_changes_were_noted(self, book: Book) -> None:
        run = pull(book, A)
        with tenant_transaction(book.sessions, book.tenant_id) as session:
            session.execute(update(Transaction).values(added_by=None))

        assert blockers(book, run) == [
            "The sync is from before it was noted what each one changed."
        ]

    def test_a_run_that_is_under_way(self, book: Book) -> None:
        run = pull(book, A)
        with tenant_transaction(book.sessions, book.tenant_id) as session:
            session.execute(update(SyncRun).where(SyncRun.id == run).values(status="running"))

        assert blockers(book, run) == ["The sync is still running: wait until it has ended."]

    def test_a_trial_says_so_and_changes_nothing(self, book: Book) -> None:
        run = pull(book, A)
        before = standing(book)

        trial = revert(book, run, is_trial=True)

        assert (trial.run, trial.removed_count, trial.blockers) == (None, 1, [])
        assert standing(book) == before

    def test_another_tenants_run_is_not_there(self, book: Book, other_tenant_id: UUID) -> None:
        with pytest.raises(NotFoundError):
            revert(book, pull(book, A), tenant_id=other_tenant_id)

    def test_a_run_of_another_connection_is_not_there(self, book: Book) -> None:
        with pytest.raises(NotFoundError):
            revert(book, pull(book, A), connection_id=book.tenant_id)
