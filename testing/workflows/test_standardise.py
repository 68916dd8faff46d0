"""Whatever the bank does between pulls, the ledger is what the account holder did."""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import func, select
from sqlalchemy.orm import Session, sessionmaker
from testing.factories import NOW, add_account, add_connection
from testing.fakes import FakeBank, FakeBooks, FakeClock, FakeDirectory, FakeQueue, a_payload

from payymo.domain.enums import RunStatus, SyncTrigger, TransactionStatus
from payymo.postgres.common.models import Transaction
from payymo.postgres.gocardless.models import GcTransaction
from payymo.postgres.tenancy import tenant_transaction
from payymo.workflows import standardise
from payymo.workflows.sync import SyncReport, sync_connection

DEDUP_CASES = Path(__file__).resolve().parents[2] / "../shared/gocardless/dedup_cases.jsonl"

type Rows = Sequence[Mapping[str, Any]]


class Book:
    """One connection whose accounts are pulled again and again."""

    def __init__(self, sessions: sessionmaker[Session], tenant_id: UUID, names: set[str]) -> None:
        self.sessions, self.tenant_id = sessions, tenant_id
        self.bank, self.clock = FakeBank(), FakeClock()
        self.accounts: dict[UUID, str] = {}
        with tenant_transaction(sessions, tenant_id) as session:
            connection = add_connection(session, tenant_id)
            self.connection_id = connection.id
            for name in names:
                account = add_account(
                    session, tenant_id, connection, provider_reference=name, details_fetched_at=NOW
                )
                self.accounts[account.id] = name

    def pull(self, name: str, booked: Rows, pending: Rows) -> SyncReport:
        self.bank.books[name] = FakeBooks(booked=list(booked), pending=list(pending))
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
        monkeypatch.setattr(standardise, "ROW_COUNT_MAX", 2)
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
