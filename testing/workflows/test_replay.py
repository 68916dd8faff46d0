"""The raw archive, entered anew, is the ledger."""

from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select, update
from sqlalchemy.orm import Session, sessionmaker
from testing import fakes
from testing.fakes import a_payload
from testing.workflows.test_standardise import Book

from payymo.domain.banking import PulledRow, TransactionRecord
from payymo.domain.enums import ReplayVerdict, SyncTrigger, TransactionStatus
from payymo.domain.errors import InvalidInputError, NotFoundError, ProviderResponseError
from payymo.postgres.common.models import SyncRun, Transaction, TransactionChange
from payymo.postgres.gocardless.models import GcFetch, GcTransaction
from payymo.postgres.gocardless.operations import archive
from payymo.postgres.tenancy import tenant_transaction
from payymo.providers.gocardless.translate import translate
from payymo.workflows.replay import AccountReplay, replay

A = a_payload("-10.00", "2026-02-20", "Bakery", internalTransactionId="a")
B = a_payload("-25.00", "2026-02-02", "Garage", internalTransactionId="b")
RESERVED = a_payload("-10.00", "2026-02-19", "Bakery reserved")


@pytest.fixture
def book(sessions: sessionmaker[Session], tenant_id: UUID) -> Book:
    return Book(sessions, tenant_id, {"a"})


def play(book: Book, *, apply: bool = False) -> AccountReplay:
    (report,) = replay(
        book.sessions,
        tenant_id=book.tenant_id,
        account_id=next(iter(book.accounts)),
        apply=apply,
        clock=book.clock,
        progress=lambda done, total: None,
    )
    return report


def change(book: Book, **values: object) -> None:
    """Write something into the ledger that no answer says."""
    with tenant_transaction(book.sessions, book.tenant_id) as session:
        session.execute(update(Transaction).where(Transaction.internal_id == "a").values(**values))


def row(book: Book, internal_id: str = "a") -> Transaction:
    (found,) = [row for row in book.rows() if row.internal_id == internal_id]
    return found


def pull(book: Book, *booked: object, pending: tuple[object, ...] = ()) -> None:
    book.clock.now += timedelta(days=1)
    book.pull("a", booked, pending)  # type: ignore[arg-type]  # payloads, all of them


class TestNothingDiffers:
    def test_after_a_life_with_every_turn(self, book: Book) -> None:
        pull(book, B, pending=(RESERVED,))
        pull(book, A, B)
        pull(book, a_payload("-10.00", "2026-02-21", "Bakery GmbH", internalTransactionId="a"), B)
        pull(book, B)
        pull(book, B)
        pull(book, B, B, pending=(RESERVED, RESERVED))

        report = play(book)

        assert report.findings == []
        assert report.counts == {ReplayVerdict.KEPT: 5}
        assert (report.answer_count, report.partial_answer_count) == (6, 0)

    def test_where_rows_state_the_balance_after_them(self, book: Book) -> None:
        after = {"balanceAmount": {"amount": "90.00", "currency": "USD"}}

        pull(book, a_payload("-10.00", "2026-02-20", "Bakery", balanceAfterTransaction=after))

        assert play(book).findings == []
        assert [row.balance_after_currency for row in book.rows()] == ["USD"]

    def test_where_people_wrote_something(self, book: Book) -> None:
        pull(book, A, B)
        change(book, note="mine", category_source="user")
        pull(book, B)
        pull(book, B)

        assert play(book).findings == []

    @settings(
        max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
    )
    @given(
        pulls=st.lists(
            st.tuples(
                st.lists(st.integers(0, 5), max_size=5),
                st.lists(st.integers(0, 2), max_size=2),
                st.booleans(),
            ),
            min_size=1,
            max_size=6,
        )
    )
    def test_whatever_the_bank_answered(
        self,
        sessions: sessionmaker[Session],
        tenant_id: UUID,
        pulls: list[tuple[list[int], list[int], bool]],
    ) -> None:
        book = Book(sessions, tenant_id, {"a"})
        for number, (booked, pending, is_reissued) in enumerate(pulls):
            ids = f"r{number}" if is_reissued else "r"
            pull(
                book,
                *(
                    a_payload(
                        f"-{each % 3 + 1}.00",
                        f"2026-02-1{each}",
                        "Shop",
                        internalTransactionId=f"{ids}-{each}",
                    )
                    for each in booked
                ),
                pending=tuple(
                    a_payload(f"-{each + 1}.00", "2026-02-12", "Reserved Shop") for each in pending
                ),
            )

        report = play(book)

        assert [finding.explain() for finding in report.findings] == []


class TestSomethingDiffers:
    def test_a_value_that_no_payload_says_is_named_and_put_right(self, book: Book) -> None:
        pull(book, A, B)
        change(book, payee="Nobody", note="mine")
        before = row(book)

        (finding,) = play(book).findings
        untouched = row(book).payee
        play(book, apply=True)

        assert finding.explain() == (
            f"Transaction {before.id} would change: payee is “Nobody” and would be “Bakery”."
        )
        assert untouched == "Nobody"
        after = row(book)
        assert (after.id, after.payee, after.note) == (before.id, "Bakery", "mine")
        assert play(book).findings == []

    def test_a_transaction_that_is_two_is_parted(self, book: Book) -> None:
        pull(book, A, B)
        with tenant_transaction(book.sessions, book.tenant_id) as session:
            wrong = row(book, "b").id
            session.execute(
                update(GcTransaction)
                .where(GcTransaction.transaction_id == row(book).id)
                .values(transaction_id=wrong)
            )
            session.execute(
                update(Transaction)
                .where(Transaction.internal_id == "a")
                .values(status=TransactionStatus.SUPERSEDED, superseded_by=wrong)
            )

        report = play(book)

        verdicts = {finding.verdict for finding in report.findings}
        assert ReplayVerdict.WOULD_DUPLICATE in verdicts
        play(book, apply=True)
        standing = [each for each in book.rows() if each.status is TransactionStatus.BOOKED]
        assert sorted(each.amount for each in standing) == [-25, -10]

    def test_two_transactions_that_are_one_become_one_unless_people_touched_it(
        self, book: Book, sessions: sessionmaker[Session], tenant_id: UUID
    ) -> None:
        pull(book, B, pending=(RESERVED,))
        pull(book, A, B)
        one = row(book)
        with tenant_transaction(sessions, tenant_id) as session:
            raw = session.scalars(
                select(GcTransaction).where(
                    GcTransaction.transaction_id == one.id, GcTransaction.is_booked
                )
            ).one()
            double = Transaction(
                **{
                    column.key: getattr(one, column.key)
                    for column in Transaction.__table__.columns
                    if column.key not in {"id", "created_at", "updated_at", "is_credit"}
                }
            )
            session.add(double)
            session.flush()
            session.execute(
                update(GcTransaction)
                .where(GcTransaction.id == raw.id)
                .values(transaction_id=double.id)
            )
            session.execute(update(Transaction).where(Transaction.id == double.id).values(note="x"))

        findings = play(book).findings
        kept_back = play(book, apply=True).kept_back
        with tenant_transaction(sessions, tenant_id) as session:
            session.execute(
                update(Transaction).where(Transaction.id == double.id).values(note=None)
            )
        applied = play(book, apply=True)

        assert [finding.verdict for finding in findings] == [ReplayVerdict.WOULD_LOSE]
        assert "would become one with" in findings[0].explain()
        assert len(kept_back) == 1
        assert applied.kept_back == []
        booked = [each for each in book.rows() if each.status is TransactionStatus.BOOKED]
        assert len(booked) == 2

    def test_what_nobody_understood_is_added_once_somebody_does(
        self, book: Book, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def understand_in_part(row: PulledRow, **known: Any) -> TransactionRecord:
            if b"Bakery" in row.payload:
                raise ProviderResponseError("Not understood.")
            return translate(row, **known)

        monkeypatch.setattr(fakes, "translate", understand_in_part)
        pull(book, A, B)
        before = len(book.rows())

        (finding,) = play(book).findings
        play(book, apply=True)

        assert finding.explain() == (
            "A transaction would be added (2026-02-20, -10.00 EUR): its payload was kept, "
            "and could not be understood before."
        )
        assert (before, len(book.rows()), row(book).status) == (1, 2, TransactionStatus.BOOKED)
        assert play(book).findings == []

    def test_a_transaction_without_any_payload_would_be_lost_and_is_kept(
        self, book: Book, sessions: sessionmaker[Session], tenant_id: UUID
    ) -> None:
        pull(book, A, B)
        with tenant_transaction(sessions, tenant_id) as session:
            session.execute(
                update(GcTransaction)
                .where(GcTransaction.transaction_id == row(book).id)
                .values(transaction_id=row(book, "b").id)
            )

        report = play(book, apply=True)

        lost = [
            finding for finding in report.findings if finding.verdict is ReplayVerdict.WOULD_LOSE
        ]
        assert "no answer of the archive holds a payload of it" in lost[0].explain()
        assert report.kept_back == lost


class TestApplied:
    def test_is_a_run_that_keeps_what_was(self, book: Book) -> None:
        pull(book, A, B)
        change(book, payee="Nobody")

        play(book, apply=True)

        with tenant_transaction(book.sessions, book.tenant_id) as session:
            run = session.scalars(
                select(SyncRun).where(SyncRun.trigger == SyncTrigger.REPLAY)
            ).one()
            kept = session.scalars(
                select(TransactionChange).where(TransactionChange.sync_run_id == run.id)
            ).one()
        assert kept.transaction_id == row(book).id

    def test_with_nothing_to_do_writes_nothing(self, book: Book) -> None:
        pull(book, A, B)

        play(book, apply=True)

        with tenant_transaction(book.sessions, book.tenant_id) as session:
            runs = session.scalars(select(SyncRun.trigger)).all()
        assert SyncTrigger.REPLAY not in runs


class TestArchive:
    def test_answers_of_which_only_the_new_rows_are_known_judge_no_absence(
        self, book: Book
    ) -> None:
        pull(book, A, B)
        pull(book, A, B)
        with tenant_transaction(book.sessions, book.tenant_id) as session:
            fetches = session.scalars(select(GcFetch).order_by(GcFetch.fetched_at)).all()
            session.execute(
                update(GcFetch)
                .where(GcFetch.tenant_id == book.tenant_id, GcFetch.id.in_([f.id for f in fetches]))
                .values(positions=None)
            )

        report = play(book)

        assert report.findings == []
        assert report.partial_answer_count == 2

    def test_another_tenants_account_is_not_there(self, book: Book, other_tenant_id: UUID) -> None:
        with pytest.raises(NotFoundError):
            replay(
                book.sessions,
                tenant_id=other_tenant_id,
                account_id=next(iter(book.accounts)),
                apply=False,
                clock=book.clock,
                progress=lambda done, total: None,
            )

    def test_all_accounts_are_entered_unless_one_is_named(
        self, sessions: sessionmaker[Session], tenant_id: UUID
    ) -> None:
        book = Book(sessions, tenant_id, {"a", "b"})
        told: list[tuple[int, int]] = []

        reports = replay(
            sessions,
            tenant_id=tenant_id,
            account_id=None,
            apply=False,
            clock=book.clock,
            progress=lambda done, total: told.append((done, total)),
        )

        assert {report.account_id for report in reports} == set(book.accounts)
        assert told == [(0, 2), (1, 2), (2, 2)]


class TestInParts:
    def test_payloads_are_read_again_as_often_as_needed_and_come_to_the_same(
        self, book: Book, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(archive, "_FETCH_COUNT", 2)
        monkeypatch.setattr(archive, "_PARTS_MAX", 1)
        rows = [
            a_payload(
                f"-{number}.00", "2026-02-20", f"Shop {number}", internalTransactionId=f"{number}"
            )
            for number in range(1, 8)
        ]
        pull(book, *rows)
        pull(book, *rows[::-1], A, A)
        change(book, payee="Nobody", note="mine")

        report = play(book)
        play(book, apply=True)

        changed = [row.id for row in book.rows() if row.internal_id == "a"]
        assert report.row_count == 9
        assert report.counts == {ReplayVerdict.KEPT: 7, ReplayVerdict.CHANGED: 2}
        assert [finding.transaction_id for finding in report.findings] == changed
        assert play(book).findings == []
        assert {row.payee for row in book.rows() if row.internal_id == "a"} == {"Bakery"}

    def test_it_is_told_how_far_it_is(self, book: Book, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(archive, "_FETCH_COUNT", 1)
        pull(book, A, B)
        pull(book, A, B)
        told: list[tuple[int, int, int]] = []

        replay(
            book.sessions,
            tenant_id=book.tenant_id,
            account_id=None,
            apply=False,
            clock=book.clock,
            progress=lambda done, total: None,
            watch=lambda done, total, read: told.append((done, total, read)),
        )

        assert told == [(0, 2, 0), (0, 2, 1), (0, 2, 2), (1, 2, 2)]


class TestVersions:
    def play(self, book: Book, version: int, *, apply: bool = False) -> list[AccountReplay]:
        return replay(
            book.sessions,
            tenant_id=book.tenant_id,
            account_id=None,
            identity_version=version,
            apply=apply,
            clock=book.clock,
            progress=lambda done, total: None,
        )

    def test_an_old_version_may_be_compared_and_not_applied(self, book: Book) -> None:
        pull(book, A, B)

        (report,) = self.play(book, 1)

        assert report.findings == []
        with pytest.raises(InvalidInputError, match="is old"):
            self.play(book, 1, apply=True)

    def test_a_version_that_never_was_is_refused_with_those_that_were(self, book: Book) -> None:
        with pytest.raises(InvalidInputError, match="say 1, 2"):
            self.play(book, 99)
