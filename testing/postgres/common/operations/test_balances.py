from datetime import timedelta
from decimal import Decimal
from uuid import UUID

import pytest
from sqlalchemy.orm import Session
from testing.factories import NOW, add_account

from payymo.domain.banking import BalanceRecord
from payymo.domain.enums import BalanceType
from payymo.postgres.common.models import Account
from payymo.postgres.common.operations.balances import (
    latest_balances,
    list_balances,
    record_balances,
)


@pytest.fixture
def account(session: Session, tenant_id: UUID) -> Account:
    return add_account(session, tenant_id)


def a_record(amount: str, kind: BalanceType = BalanceType.CLOSING_BOOKED) -> BalanceRecord:
    return BalanceRecord(
        balance_type=kind,
        amount=Decimal(amount),
        currency="EUR",
        credit_limit_included=None,
        reference_date=None,
        changed_at=None,
        payload={},
    )


def test_a_changed_balance_is_a_new_row_and_an_equal_one_is_seen_again(
    session: Session, tenant_id: UUID, account: Account
) -> None:
    said = [["10"], ["10"], ["12"], ["10"]]
    rows = [
        record_balances(
            session,
            tenant_id,
            account.id,
            [a_record(amount) for amount in amounts],
            now=NOW + timedelta(days=day),
        )
        for day, amounts in enumerate(said)
    ]

    page = list_balances(session, tenant_id, account.id, page=1, per_page=2)
    assert rows[0] == rows[1]
    assert page.total == 3
    assert [row.amount for row in page.rows] == [10, 12]
    oldest = list_balances(session, tenant_id, account.id, page=2, per_page=2).rows[0]
    assert (oldest.observed_at, oldest.last_observed_at) == (NOW, NOW + timedelta(days=1))


def test_the_latest_are_those_of_the_last_answer(
    session: Session, tenant_id: UUID, account: Account
) -> None:
    other = add_account(session, tenant_id)
    both = [a_record("10"), a_record("90", BalanceType.INTERIM_AVAILABLE)]
    record_balances(session, tenant_id, account.id, both, now=NOW)
    record_balances(session, tenant_id, account.id, both[:1], now=NOW + timedelta(days=1))

    latest = latest_balances(session, tenant_id, [account.id, other.id])

    assert [(row.balance_type, row.amount) for row in latest[account.id]] == [
        (BalanceType.CLOSING_BOOKED, Decimal(10))
    ]
    assert other.id not in latest


def test_two_equal_balances_of_one_answer_are_two(
    session: Session, tenant_id: UUID, account: Account
) -> None:
    twice = [a_record("10"), a_record("10")]

    said = record_balances(session, tenant_id, account.id, twice, now=NOW)

    assert len(set(said)) == 2
    assert set(record_balances(session, tenant_id, account.id, twice, now=NOW)) == set(said)
    assert len(latest_balances(session, tenant_id, [account.id])[account.id]) == 2
