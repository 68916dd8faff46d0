"""Whatever people edit is soon shown by the warehouse: one look at it waits, for all of them."""

from collections.abc import Callable
from datetime import datetime
from typing import Any
from uuid import UUID

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import text
from sqlalchemy.orm import Session, sessionmaker
from testing.factories import (
    add_account,
    add_category,
    add_customer,
    add_invoice,
    add_transaction,
)

from payymo.jobs.app import REFRESH_AFTER, PostgresJobQueue
from payymo.postgres.tenancy import tenant_transaction
from payymo.workflows.queue import JobQueue

URL = "/api/v1"

type Edit = Callable[[TestClient, "Books"], Any]


@pytest.fixture
def queue() -> JobQueue:
    """The queue as it is, whose jobs nobody takes here."""
    return PostgresJobQueue()


class Books:
    """One payment, one invoice and one category of a tenant."""

    def __init__(self, sessions: sessionmaker[Session], tenant_id: UUID) -> None:
        self.sessions = sessions
        with tenant_transaction(sessions, tenant_id) as session:
            customer = add_customer(session, tenant_id)
            self.invoice = str(add_invoice(session, tenant_id, customer).id)
            self.payment = str(
                add_transaction(session, tenant_id, add_account(session, tenant_id)).id
            )
            self.category = str(add_category(session, tenant_id).id)

    def looks(self) -> list[datetime]:
        """Return when the looks at the warehouse start that wait."""
        statement = text(
            "SELECT scheduled_at FROM procrastinate_jobs"
            " WHERE task_name = 'warehouse_build' AND status = 'todo'"
        )
        with self.sessions.begin() as session:
            return list(session.scalars(statement))


@pytest.fixture
def books(sessions: sessionmaker[Session], tenant_id: UUID) -> Books:
    return Books(sessions, tenant_id)


EDITS: dict[str, Edit] = {
    "a category": lambda client, books: client.patch(
        f"{URL}/transactions/{books.payment}", json={"category_id": books.category}
    ),
    "a category that is taken back": lambda client, books: client.patch(
        f"{URL}/transactions/{books.payment}", json={"category_source": "none"}
    ),
    "a rule": lambda client, books: client.post(
        f"{URL}/category_rules",
        json={"name": "Hosting", "category_id": books.category, "payees": ["Hosting"]},
    ),
    "parts": lambda client, books: client.put(
        f"{URL}/transactions/{books.payment}/splits",
        json={"splits": [{"amount": "60.00"}, {"amount": "40.00"}]},
    ),
    "a deletion": lambda client, books: client.delete(f"{URL}/transactions/{books.payment}"),
    "a match": lambda client, books: client.post(
        f"{URL}/matches",
        json={
            "transaction_id": books.payment,
            "allocations": [{"invoice_id": books.invoice, "amount": "100.00"}],
        },
    ),
    "a rate": lambda client, _: client.put(f"{URL}/fx_rates/USD/2026-02-27", json={"rate": "1.05"}),
    "the currency of reports": lambda client, _: client.patch(
        f"{URL}/tenant", json={"currency": "SEK"}
    ),
}


@pytest.mark.parametrize("edit", EDITS.values(), ids=EDITS.keys())
def test_an_edit_has_the_warehouse_looked_at_soon_and_once(
    client: TestClient, books: Books, clock: Any, edit: Edit
) -> None:
    first = edit(client, books)
    began = clock.now
    clock.advance(seconds=30)
    client.patch(f"{URL}/tenant", json={"name": "Renamed Ltd"})

    assert first.is_success, first.text
    assert books.looks() == [began + REFRESH_AFTER]


def test_what_is_read_or_refused_has_not(client: TestClient, books: Books) -> None:
    client.get(f"{URL}/transactions/{books.payment}")
    client.post(f"{URL}/match_runs")
    refused = client.patch(f"{URL}/tenant", json={"auto_apply_threshold": "7"})

    assert refused.status_code == 400
    assert books.looks() == []
