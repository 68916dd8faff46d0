"""An account, and a way to give it transactions."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy.orm import Session, sessionmaker
from testing.factories import add_account, add_connection, add_institution, add_transaction

from payymo.postgres.common.models import Account, Transaction
from payymo.postgres.tenancy import tenant_transaction

type AddTransaction = Callable[..., Transaction]


@pytest.fixture
def account(sessions: sessionmaker[Session], tenant_id: UUID) -> Account:
    with tenant_transaction(sessions, tenant_id) as session:
        bank = add_institution(session, name="Example Bank")
        return add_account(session, tenant_id, add_connection(session, tenant_id, bank))


@pytest.fixture
def add(sessions: sessionmaker[Session], tenant_id: UUID, account: Account) -> AddTransaction:
    def add(owner: Account | None = None, **columns: Any) -> Transaction:
        if isinstance(columns.get("amount"), str):
            columns["amount"] = Decimal(columns["amount"])
        with tenant_transaction(sessions, tenant_id) as session:
            return add_transaction(session, tenant_id, owner or account, **columns)

    return add
