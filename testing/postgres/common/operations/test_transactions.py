from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy.orm import Session
from testing.factories import add_account, add_connection, add_institution, add_transaction, say

from payymo.domain.enums import (
    Direction,
    TransactionMatchStatus,
    TransactionSort,
    TransactionStatus,
)
from payymo.domain.errors import NotFoundError
from payymo.postgres.common.models import Account
from payymo.postgres.common.operations.transactions import (
    CurrencySummary,
    TransactionCursor,
    TransactionFilter,
    TransactionLine,
    annotate_transaction,
    get_transaction,
    list_transactions,
    list_transactions_after,
    summarise_transactions,
)
from payymo.postgres.tenancy import enter_tenant

NEWEST, OLDEST = TransactionSort.NEWEST_FIRST, TransactionSort.OLDEST_FIRST
LARGEST, SMALLEST = TransactionSort.LARGEST_FIRST, TransactionSort.SMALLEST_FIRST


@pytest.fixture
def account(session: Session, tenant_id: UUID) -> Account:
    connection = add_connection(session, tenant_id, add_institution(session, name="North Bank"))
    return add_account(session, tenant_id, connection, name="Giro")


def find(
    session: Session,
    tenant_id: UUID,
    *,
    sort: TransactionSort = NEWEST,
    page: int = 1,
    per_page: int = 50,
    **criteria: Any,
) -> list[str | None]:
    """Return the notes of the transactions found: each test writes its name for a row there."""
    found = list_transactions(
        session,
        tenant_id,
        TransactionFilter(**criteria),
        sort=sort,
        page=page,
        per_page=per_page,
    )
    return [line.note for line in found.rows]


class TestList:
    def test_a_line_says_whose_account_and_which_bank(
        self, session: Session, tenant_id: UUID, account: Account
    ) -> None:
        added = add_transaction(session, tenant_id, account, payee="Customer Ltd")

        page = list_transactions(
            session, tenant_id, TransactionFilter(), sort=NEWEST, page=1, per_page=10
        )

        assert page.total == 1
        (line,) = page.rows
        assert (line.id, line.amount, line.payee) == (added.id, Decimal(100), "Customer Ltd")
        assert (line.account_name, line.institution_name) == ("Giro", "North Bank")
        assert line.connection_id == account.connection_id
        assert line.status is TransactionStatus.BOOKED
        assert line.match_status is TransactionMatchStatus.UNMATCHED

    def test_rows_that_were_replaced_are_left_out_unless_asked_for(
        self, session: Session, tenant_id: UUID, account: Account
    ) -> None:
        for status in TransactionStatus:
            add_transaction(session, tenant_id, account, status=status, note=status)

        assert set(find(session, tenant_id)) == {"pending", "booked"}
        assert find(session, tenant_id, status=TransactionStatus.SUPERSEDED) == ["superseded"]

    def test_another_tenants_rows_are_not_there(
        self, session: Session, tenant_id: UUID, other_tenant_id: UUID, account: Account
    ) -> None:
        added = add_transaction(session, tenant_id, account)
        enter_tenant(session, other_tenant_id)

        assert find(session, other_tenant_id) == []
        with pytest.raises(NotFoundError):
            get_transaction(session, other_tenant_id, added.id)

    @pytest.mark.parametrize(
        ("sort", "expected"),
        [
            (NEWEST, ["new", "middle", "old"]),
            (OLDEST, ["old", "middle", "new"]),
            (LARGEST, ["old", "new", "middle"]),
            (SMALLEST, ["middle", "new", "old"]),
        ],
    )
    def test_in_every_order_by_pages_and_by_cursor(
        self,
        session: Session,
        tenant_id: UUID,
        account: Account,
        sort: TransactionSort,
        expected: list[str],
    ) -> None:
        for note, day, amount in (("middle", 2, "-5"), ("new", 3, "7"), ("old", 1, "90")):
            add_transaction(
                session,
                tenant_id,
                account,
                note=note,
                transaction_date=date(2026, 2, day),
                amount=Decimal(amount),
            )

        assert find(session, tenant_id, sort=sort) == expected
        assert find(session, tenant_id, sort=sort, page=2, per_page=2) == expected[2:]
        assert [line.note for line in walk(session, tenant_id, sort)] == expected

    def test_rows_of_one_day_are_neither_skipped_nor_repeated(
        self, session: Session, tenant_id: UUID, account: Account
    ) -> None:
        added = {add_transaction(session, tenant_id, account).id for _ in range(5)}

        walked = [line.id for line in walk(session, tenant_id, NEWEST)]

        assert len(walked) == 5
        assert set(walked) == added

    @pytest.mark.parametrize(
        ("criteria", "expected"),
        [
            ({"start_date": date(2026, 2, 2)}, {"in", "out"}),
            ({"end_date": date(2026, 2, 1)}, {"early"}),
            ({"min_amount": Decimal(50)}, {"in", "early"}),
            ({"max_amount": Decimal("-20.01")}, set()),
            ({"max_amount": Decimal(-20)}, {"out"}),
            ({"currency": "SEK"}, {"out"}),
            ({"direction": Direction.CREDIT}, {"in", "early"}),
            ({"direction": Direction.DEBIT}, {"out"}),
            ({"match_status": TransactionMatchStatus.SUGGESTED}, {"in"}),
            ({"match_status": TransactionMatchStatus.SUGGESTED, "currency": "SEK"}, set()),
            ({"q": "hosting"}, {"in"}),
            ({"q": "RF18"}, {"in"}),
            ({"q": "100%"}, {"out"}),
            ({"q": "a_b"}, {"early"}),
            ({"q": "%"}, {"out"}),
            ({"q": "\\"}, set()),
        ],
    )
    def test_every_filter(
        self,
        session: Session,
        tenant_id: UUID,
        account: Account,
        criteria: dict[str, Any],
        expected: set[str],
    ) -> None:
        add_transaction(
            session,
            tenant_id,
            account,
            note="in",
            remittance="Invoice 7 Hosting",
            structured_reference="RF18539007547034",
            match_status=TransactionMatchStatus.SUGGESTED,
        )
        add_transaction(
            session,
            tenant_id,
            account,
            note="out",
            amount=Decimal(-20),
            currency="SEK",
            payee="100% cotton",
            transaction_date=date(2026, 2, 28),
        )
        add_transaction(
            session,
            tenant_id,
            account,
            note="early",
            provider_transaction_id="a_b",
            transaction_date=date(2026, 2, 1),
        )

        assert set(find(session, tenant_id, **criteria)) == expected

    def test_by_account_connection_and_bank(
        self, session: Session, tenant_id: UUID, account: Account
    ) -> None:
        other = add_account(session, tenant_id)
        add_transaction(session, tenant_id, account, note="mine")
        add_transaction(session, tenant_id, other, note="other")
        bank = account.connection.institution_id

        assert find(session, tenant_id, account_id=other.id) == ["other"]
        assert find(session, tenant_id, connection_id=account.connection_id) == ["mine"]
        assert find(session, tenant_id, institution_id=bank) == ["mine"]
        assert find(session, tenant_id, institution_id=uuid4()) == []


class TestAnnotate:
    def test_what_a_person_says_is_kept_and_cleared(
        self, session: Session, tenant_id: UUID, account: Account
    ) -> None:
        added = add_transaction(session, tenant_id, account)

        say(session, tenant_id, added.id, category="Rent", note="March")
        line = get_transaction(session, tenant_id, added.id)
        assert (line.category, line.note) == ("Rent", "March")

        say(session, tenant_id, added.id, category=None, note=None)
        line = get_transaction(session, tenant_id, added.id)
        assert (line.category, line.note) == (None, None)

    def test_there_has_to_be_one(self, session: Session, tenant_id: UUID) -> None:
        with pytest.raises(NotFoundError):
            annotate_transaction(session, tenant_id, uuid4(), note=None)


class TestSummarise:
    def test_each_currency_has_its_own_sums(
        self, session: Session, tenant_id: UUID, account: Account
    ) -> None:
        for amount, currency in (("10.50", "EUR"), ("-4.25", "EUR"), ("0", "EUR"), ("-7", "SEK")):
            add_transaction(session, tenant_id, account, amount=Decimal(amount), currency=currency)

        assert summarise_transactions(session, tenant_id, TransactionFilter()) == [
            CurrencySummary("EUR", 3, Decimal("10.50"), Decimal("-4.25")),
            CurrencySummary("SEK", 1, Decimal(0), Decimal(-7)),
        ]
        assert summarise_transactions(session, tenant_id, TransactionFilter(q="none")) == []


def walk(session: Session, tenant_id: UUID, sort: TransactionSort) -> list[TransactionLine]:
    """Return the whole list, two rows at a time."""
    walked: list[TransactionLine] = []
    cursor: TransactionCursor | None = None
    while True:
        lines: Sequence[TransactionLine] = list_transactions_after(
            session, tenant_id, TransactionFilter(), sort=sort, cursor=cursor, limit=2
        )
        if not lines:
            return walked
        walked += lines
        last = lines[-1]
        value = last.amount if sort in {LARGEST, SMALLEST} else last.transaction_date
        cursor = TransactionCursor(value, last.id)
