"""Whatever the bank does between pulls, the ledger is what the account holder did."""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import func, select, update
from sqlalchemy.orm import Session, sessionmaker
from testing import fakes
from testing.factories import NOW, add_account, add_connection
from testing.fakes import FakeBank, FakeBooks, FakeClock, FakeDirectory, FakeQueue, a_payload

from payymo.domain.enums import (
    AccessScope,
    ChangeKind,
    RunStatus,
    SyncTrigger,
    TransactionStatus,
)
from payymo.domain.ledger import book as book_rules
from payymo.postgres.common.models import Transaction, TransactionChange
from payymo.postgres.gocardless.models import GcFetch, GcTransaction
from payymo.postgres.tenancy import tenant_transaction
from payymo.providers.gocardless.translate import translate
from payymo.workflows.sync import sync_connection
from payymo.workflows.sync_outcomes import SyncReport

DEDUP_CASES = Path(__file__).resolve().parents[2] / "../shared/gocardless/dedup_cases.jsonl"

type Rows = Sequence[Mapping[str, Any]]


class Book:
    """One connection whose accounts are pulled again and again."""

    def __init__(self, sessions: sessionmaker[Session], tenant_id: UUID, names: set[str]) -> None:
        self.sessions, self.tenant_id = sessions, tenant_id
        self.bank, self.clock = FakeBank(), FakeClock()
        self.first_day = self.clock.now + timedelta(days=1)
        self.accounts: dict[UUID, str] = {}
        with tenant_transaction(sessions, tenant_id) as session:
            connection = add_connection(session, tenant_id)
            self.connection_id = connection.id
            for name in names:
                account = add_account(
                    session, tenant_id, connection, provider_reference=name, details_fetched_at=NOW
                )
                self.accounts[account.id] = name

    def pull(self, name: str, booked: Rows, pending: Rows, *, balances: Rows = ()) -> SyncReport:
        self.bank.books[name] = FakeBooks(list(booked), list(pending), list(balances))
        return sync_connection(
            self.sessions,
            FakeDirectory(self.bank),
            FakeQueue(),
            tenant_id=self.tenant_id,
            connection_id=self.connection_id,
            trigger=SyncTrigger.RENEWAL,
            clock=self.clock,
        )

    def rows(self) -> list[Transaction]:
        with tenant_transaction(self.sessions, self.tenant_id) as session:
            return list(session.scalars(select(Transaction).order_by(Transaction.id)))


class TestChunks:
    def test_a_long_history_is_written_in_parts_that_count_on(
        self, sessions: sessionmaker[Session], tenant_id: UUID, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(book_rules, "ROW_COUNT_MAX", 2)
        book = Book(sessions, tenant_id, {"a"})
        first = book.pull("a", [a_payload()] * 5, [])
        restated = book.pull("a", [a_payload(purposeCode="OTHR")] * 5, [])

        assert (first.added_count, restated.added_count, restated.updated_count) == (5, 0, 5)
        assert sorted(row.occurrence for row in book.rows()) == [1, 2, 3, 4, 5]
        with tenant_transaction(sessions, tenant_id) as session:
            occurrences = session.scalars(select(GcTransaction.occurrence)).all()
        assert Counter(occurrences) == dict.fromkeys(range(1, 6), 2)


class TestReferenceCases:
    """Scenarios that peers assert, where the reference data is at hand."""

    @pytest.mark.parametrize(
        "case",
        [
            pytest.param(case, id=case["source"].split("@")[0].replace(" ", "-")[:40])
            for case in (
                map(json.loads, DEDUP_CASES.read_text().splitlines())
                if DEDUP_CASES.exists()
                else ()
            )
        ],
    )
    def test_as_many_transactions_as_there_were(
        self, sessions: sessionmaker[Session], tenant_id: UUID, case: dict[str, Any]
    ) -> None:
        if not any("transactionAmount" in row for row in case["pulls"][0]["booked"]):
            pytest.skip("rows without an amount, and two equal rows of one answer that it merges")
        book = Book(sessions, tenant_id, {pull["account"] for pull in case["pulls"]})
        for pull in case["pulls"]:
            report = book.pull(pull["account"], pull["booked"], pull.get("pending", []))
            assert report.status is RunStatus.SUCCEEDED

        booked = [row for row in book.rows() if row.status is TransactionStatus.BOOKED]
        assert len(booked) == case.get("expected_distinct", case.get("expected_distinct_booked"))
        for name, value in case.get("expected", {}).items():
            column = {"creditor_name": "counterparty_name", "notes": "remittance"}[name]
            assert [getattr(row, column) for row in booked] == [value]


# --- A history of what really happened, and pulls of it by a bank of bad habits. ---

_FIRST_DAY = date(2026, 2, 3)

#: What happened: amount, day, shop, and after how many days it booked.
_happened = st.lists(
    st.tuples(
        st.sampled_from(["-3.00", "-4.50", "120.00"]),
        st.integers(0, 20),
        st.sampled_from(["Coffee corner", "Book shop", "Grand hotel"]),
        st.integers(0, 4),
    ),
    max_size=10,
)
#: Days on which it is pulled, and whether the bank makes all its ids anew.
_pulls = st.lists(st.tuples(st.integers(0, 26), st.booleans(), st.booleans()), max_size=6)


@settings(
    max_examples=25,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(happened=_happened, pulls=_pulls)
def test_any_sequence_of_pulls_ends_in_the_truth(
    sessions: sessionmaker[Session],
    tenant_id: UUID,
    happened: list[tuple[str, int, str, int]],
    pulls: list[tuple[int, bool, bool]],
) -> None:
    book = Book(sessions, tenant_id, {"a"})
    with tenant_transaction(sessions, tenant_id) as session:
        before = session.scalar(select(func.count()).select_from(Transaction)) or 0
    last = (27, False, False)
    for round_number, (day, is_reissued, is_reversed) in enumerate([*sorted(pulls), last, last]):
        salt = f"r{round_number}" if is_reissued else "r"
        booked, pending = [], []
        for number, (amount, start, shop, delay) in enumerate(happened):
            when = (_FIRST_DAY + timedelta(days=start)).isoformat()
            if start + delay <= day:
                ids = {"internalTransactionId": f"{salt}-{number}", "transactionId": "9998"}
                booked.append(a_payload(amount, when, f"{shop} Berlin", **ids))
            elif start <= day:
                pending.append(a_payload(amount, when, f"Reserved {shop}"))
        book.pull("a", booked[::-1] if is_reversed else booked, pending)

    rows = [row for row in book.rows() if row.account_id in book.accounts]
    found = Counter(
        (row.amount, row.transaction_date, row.remittance)
        for row in rows
        if row.status is TransactionStatus.BOOKED
    )
    assert found == Counter(
        (Decimal(amount), _FIRST_DAY + timedelta(days=start), f"{shop} Berlin")
        for amount, start, shop, _ in happened
    )
    assert not [row for row in rows if row.status is TransactionStatus.PENDING]
    assert not [row for row in rows if row.missing_since and row.status is TransactionStatus.BOOKED]
    assert len(book.rows()) - before == len(rows)


class TestWithdrawn:
    """A booked row that the bank leaves out of complete answers."""

    KEPT = a_payload(day="2026-01-02", internalTransactionId="kept")
    GONE = a_payload(day="2026-01-20", internalTransactionId="gone")

    @pytest.fixture
    def book(self, sessions: sessionmaker[Session], tenant_id: UUID) -> Book:
        book = Book(sessions, tenant_id, {"a"})
        book.pull("a", [self.KEPT, self.GONE], [])
        return book

    def pull_without(self, book: Book) -> Transaction:
        book.clock.now += timedelta(days=1)
        book.pull("a", [self.KEPT], [])
        (row,) = [row for row in book.rows() if row.internal_id == "gone"]
        return row

    def test_is_marked_by_the_first_and_removed_by_the_second(self, book: Book) -> None:
        first, second = self.pull_without(book), self.pull_without(book)

        assert (first.status, first.missing_since) == (TransactionStatus.BOOKED, book.first_day)
        assert second.status is TransactionStatus.REMOVED

    def test_comes_back_as_itself(self, book: Book) -> None:
        self.pull_without(book)
        removed = self.pull_without(book)
        book.pull("a", [self.KEPT, self.GONE], [])

        (row,) = [row for row in book.rows() if row.internal_id == "gone"]
        assert (row.id, row.status, row.missing_since) == (
            removed.id,
            TransactionStatus.BOOKED,
            None,
        )

    def test_stays_where_people_wrote_something_of_it(self, book: Book) -> None:
        with tenant_transaction(book.sessions, book.tenant_id) as session:
            session.execute(update(Transaction).values(note="mine"))
        self.pull_without(book)

        row = self.pull_without(book)

        assert (row.status, row.note) == (TransactionStatus.BOOKED, "mine")
        assert row.missing_since is not None

    def test_each_change_keeps_what_the_row_was(self, book: Book) -> None:
        self.pull_without(book)
        self.pull_without(book)

        with tenant_transaction(book.sessions, book.tenant_id) as session:
            changes = session.scalars(
                select(TransactionChange).order_by(TransactionChange.changed_at)
            ).all()
        assert [(change.kind, change.status) for change in changes] == [
            (ChangeKind.MISSING, TransactionStatus.BOOKED),
            (ChangeKind.REMOVED, TransactionStatus.BOOKED),
        ]
        assert changes[0].missing_since is None
        assert changes[1].missing_since == book.first_day


class TestDatedAhead:
    """A pending row that carries the last day on which it can book."""

    def pull(self, book: Book, day: int, **fields: Any) -> Transaction:
        book.clock.now = datetime(2026, 2, day, 9, tzinfo=UTC)
        hold = a_payload(day="2026-02-05", internalTransactionId="p", **fields)
        book.bank.today = book.clock.now.date()
        book.pull("a", [], [hold])
        (row,) = book.rows()
        return row

    def test_keeps_the_day_on_which_it_was_first_seen(
        self, sessions: sessionmaker[Session], tenant_id: UUID
    ) -> None:
        book = Book(sessions, tenant_id, {"a"})
        # Another purpose with each answer: so the row is written anew each time.
        rows = [self.pull(book, day, purposeCode=f"OTH{day}") for day in (3, 4, 5, 6)]

        assert [row.transaction_date for row in rows] == [date(2026, 2, 3)] * 4

    def test_takes_another_day_that_the_bank_gives_it(
        self, sessions: sessionmaker[Session], tenant_id: UUID
    ) -> None:
        book = Book(sessions, tenant_id, {"a"})
        self.pull(book, 3)

        row = self.pull(book, 6, bookingDate="2026-02-06")

        assert row.transaction_date == date(2026, 2, 6)


class TestUnreadable:
    def test_a_row_that_nobody_understands_is_kept_and_becomes_one_when_somebody_does(
        self, sessions: sessionmaker[Session], tenant_id: UUID, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        book = Book(sessions, tenant_id, {"a"})
        odd = a_payload(internalTransactionId="odd", transactionAmount="a lot")
        book.pull("a", [a_payload(), odd, odd], [])
        again = book.pull("a", [a_payload(), odd, odd], [])

        with tenant_transaction(sessions, tenant_id) as session:
            kept = session.scalars(
                select(GcTransaction).where(GcTransaction.transaction_id.is_(None))
            ).all()
            assert sorted(raw.position for raw in kept) == [2, 3]
        assert (again.added_count, len(book.rows())) == (0, 1)

        understand = translate
        mended = json.dumps(a_payload(internalTransactionId="odd")).encode()
        monkeypatch.setattr(
            fakes,
            "translate",
            lambda row, **known: understand(
                replace(row, payload=mended) if b"a lot" in row.payload else row, **known
            ),
        )
        report = book.pull("a", [a_payload(), odd, odd], [])

        assert (report.added_count, len(book.rows())) == (2, 3)
        with tenant_transaction(sessions, tenant_id) as session:
            raw = session.scalars(select(GcTransaction)).all()
        assert len(raw) == 3
        assert {one.transaction_id for one in raw} == {row.id for row in book.rows()}


class TestAnswers:
    def test_each_answer_remembers_the_raw_rows_that_it_consists_of(
        self, sessions: sessionmaker[Session], tenant_id: UUID
    ) -> None:
        rows = [
            a_payload(
                internalTransactionId=str(number),
                transactionAmount={"amount": f"{number + 1}.00", "currency": "EUR"},
            )
            for number in range(5)
        ]
        book = Book(sessions, tenant_id, {"a"})
        for answer in (rows[:3], [rows[1], rows[3]], [rows[4], rows[0], rows[3]]):
            book.clock.now += timedelta(days=1)
            book.pull("a", answer, [])

        with tenant_transaction(sessions, tenant_id) as session:
            fetches = session.scalars(
                select(GcFetch)
                .where(GcFetch.scope == AccessScope.TRANSACTIONS)
                .order_by(GcFetch.fetched_at)
            ).all()
        assert [
            [(part.lower, part.upper) for part in fetch.positions or ()] for fetch in fetches
        ] == [[(1, 4)], [(2, 3), (4, 5)], [(1, 2), (4, 6)]]
        assert [fetch.position_max for fetch in fetches] == [3, 4, 5]
