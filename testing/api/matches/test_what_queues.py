"""Whatever changes what is owed, or who may have paid it, has it matched anew."""

from collections.abc import Callable
from decimal import Decimal
from uuid import UUID

from fastapi.testclient import TestClient
from httpx import Response
from sqlalchemy import func, select
from sqlalchemy.orm import Session, sessionmaker
from testing.factories import add_account, add_customer, add_invoice, add_transaction

from payymo.domain.enums import JobKind
from payymo.postgres.jobs.models import Job
from payymo.postgres.tenancy import tenant_transaction

URL = "/api/v1"


def test_every_change_of_the_books_queues_a_matching(
    client: TestClient, sessions: sessionmaker[Session], tenant_id: UUID
) -> None:
    with tenant_transaction(sessions, tenant_id) as session:
        owing = add_customer(session, tenant_id)
        customer = str(owing.id)
        invoice = str(add_invoice(session, tenant_id, owing, total=Decimal(100)).id)
        payment = str(add_transaction(session, tenant_id, add_account(session, tenant_id)).id)

    def queues(change: Callable[[], Response]) -> str:
        """Make a change, see that it queues one matching, and return the id that it answers."""
        before = count()
        answer = change()
        assert answer.is_success, answer.text
        assert count() == before + 1
        return str(answer.json()["data"].get("id")) if answer.content else ""

    def count() -> int:
        with tenant_transaction(sessions, tenant_id) as session:
            jobs = select(func.count()).where(Job.kind == JobKind.MATCH)
            return session.scalar(jobs) or 0

    credit = queues(
        lambda: client.post(
            f"{URL}/credit_notes",
            json={
                "customer_id": customer,
                "number": "CN-1",
                "currency": "EUR",
                "total": "20.00",
                "issue_date": "2026-02-01",
            },
        )
    )
    uses = f"{URL}/credits/{credit}/uses"
    applied = {"kind": "applied", "amount": "5.00", "invoice_id": invoice}
    use = queues(lambda: client.post(uses, json=applied))
    queues(lambda: client.delete(f"{uses}/{use}"))
    queues(lambda: client.delete(f"{URL}/credits/{credit}"))
    adjustments = f"{URL}/invoices/{invoice}/adjustments"
    adjustment = queues(lambda: client.post(adjustments, json={"amount": "3.00"}))
    queues(lambda: client.delete(f"{adjustments}/{adjustment}"))
    queues(lambda: client.patch(f"{URL}/settlement_policy", json={"discount_days_max": 10}))
    by_hand = {
        "transaction_id": payment,
        "allocations": [{"invoice_id": invoice, "amount": "100.00"}],
    }
    match = queues(lambda: client.post(f"{URL}/matches", json=by_hand))
    queues(lambda: client.patch(f"{URL}/matches/{match}", json={"status": "reversed"}))
