"""What waits for a person, narrowed down and put in order."""

from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from fastapi.testclient import TestClient
from sqlalchemy.orm import Session, sessionmaker
from testing.factories import add_account, add_customer, add_invoice, add_transaction

from payymo.domain.enums import MatchOrigin, MatchStatus
from payymo.postgres.reconciliation.models import Match, MatchLine
from payymo.postgres.tenancy import tenant_transaction

URL = "/api/v1/matches"

#: Name, amount, confidence, whether the account is known, why it waits.
ROWS = [
    # 0.9 * 0.1 * 1 payment * 1 = 0.09
    ("Known", 10, "0.9000", True, "below_threshold"),
    # 0.9 * 0.1 * 1 * 2 = 0.18
    ("Alone", 20, "0.9000", False, "below_threshold"),
    # 0.8 * 0.2 * 2 * 2 = 0.64 and 0.95 * 0.05 * 2 * 2 = 0.19
    ("Often", 30, "0.8000", False, "tie"),
    ("Often", 40, "0.9500", False, "precision_unproven"),
]


@pytest.fixture
def customers(sessions: sessionmaker[Session], tenant_id: UUID) -> list[UUID]:
    """The customers of four suggestions, in the order of :data:`ROWS`."""
    with tenant_transaction(sessions, tenant_id) as session:
        account = add_account(session, tenant_id)
        found = []
        for name, amount, confidence, is_known, reason in ROWS:
            customer = add_customer(session, tenant_id, name=f"{name} {amount}")
            found.append(customer.id)
            invoice = add_invoice(session, tenant_id, customer, total=Decimal(amount))
            payment = add_transaction(
                session,
                tenant_id,
                account,
                amount=Decimal(amount),
                counterparty_name=name,
                counterparty_iban=None,
            )
            match = Match(
                tenant_id=tenant_id,
                transaction_id=payment.id,
                status=MatchStatus.SUGGESTED,
                origin=MatchOrigin.ENGINE,
                confidence=Decimal(confidence),
                evidence={
                    "items": [
                        {
                            "kind": "payer_iban" if is_known else "payer_name",
                            "invoice_id": None,
                            "weight": 3.0,
                            "text": "The payer is known.",
                        }
                    ]
                },
                waits={"items": [{"reason": reason, "text": "Waits because of a test."}]},
            )
            session.add(match)
            session.flush()
            session.add(
                MatchLine(
                    tenant_id=tenant_id,
                    match_id=match.id,
                    invoice_id=invoice.id,
                    amount=Decimal(amount),
                )
            )
        return found


def amounts(client: TestClient, **query: Any) -> list[str]:
    answer = client.get(URL, params={"status": "suggested"} | query)
    assert answer.status_code == 200, answer.text
    assert answer.json()["meta"]["total"] == len(answer.json()["data"])
    return [row["transaction"]["amount"] for row in answer.json()["data"]]


@pytest.mark.usefixtures("customers")
def test_the_surest_come_first_unless_others_teach_more(viewer: TestClient) -> None:
    assert amounts(viewer) == ["40.00", "20.00", "10.00", "30.00"]
    assert amounts(viewer, sort="-teaches") == ["30.00", "40.00", "20.00", "10.00"]


@pytest.mark.usefixtures("customers")
def test_they_are_narrowed_down_by_amount_and_reason(viewer: TestClient) -> None:
    assert amounts(viewer, min_amount="20", max_amount="30.00") == ["20.00", "30.00"]
    assert amounts(viewer, wait_reason="below_threshold") == ["20.00", "10.00"]
    assert amounts(viewer, wait_reason="tie", max_amount="29.99") == []


@pytest.mark.parametrize("sort", ["-teaches", "-confidence", "-created_at"])
def test_they_are_narrowed_down_in_any_order(
    viewer: TestClient, customers: list[UUID], sort: str
) -> None:
    conditions = {
        "min_amount": "20",
        "max_amount": "40",
        "min_confidence": "0.9",
        "wait_reason": "below_threshold",
        "customer_id": str(customers[1]),
    }
    assert amounts(viewer, sort=sort, **conditions) == ["20.00"]


def test_they_are_narrowed_down_by_customer(viewer: TestClient, customers: list[UUID]) -> None:
    assert amounts(viewer, customer_id=str(customers[2])) == ["30.00"]


def test_another_tenant_finds_none_of_them(stranger: TestClient, customers: list[UUID]) -> None:
    assert amounts(stranger, sort="-teaches") == []
    assert amounts(stranger, customer_id=str(customers[0])) == []
    assert amounts(stranger, wait_reason="tie") == []


@pytest.mark.usefixtures("customers")
def test_each_says_why_it_waits(viewer: TestClient) -> None:
    [found] = viewer.get(URL, params={"wait_reason": "tie"}).json()["data"]

    assert found["waits"] == [{"reason": "tie", "text": "Waits because of a test."}]
