"""Rows are counted for each table, and never another tenant's."""

from uuid import UUID

from sqlalchemy.orm import Session
from testing.factories import add_account, add_transaction

from payymo.postgres.common.operations.row_counts import count_rows


def test_rows_are_counted_by_table(session: Session, tenant_id: UUID) -> None:
    account = add_account(session, tenant_id)
    for _ in range(3):
        add_transaction(session, tenant_id, account)

    assert count_rows(session, tenant_id, ["accounts", "transactions", "gc_transactions"]) == {
        "accounts": 1,
        "transactions": 3,
        "gc_transactions": 0,
    }


def test_another_tenants_rows_are_not_counted(
    session: Session, tenant_id: UUID, other_tenant_id: UUID
) -> None:
    add_account(session, tenant_id)

    assert count_rows(session, other_tenant_id, ["accounts"]) == {"accounts": 0}
