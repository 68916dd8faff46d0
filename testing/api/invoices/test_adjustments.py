from decimal import Decimal
from uuid import UUID, uuid4

import pytest
from fastapi.testclient import TestClient
from sqlalchemy.orm import Session, sessionmaker
from testing.factories import NOW, add_account, add_invoice, add_transaction

from payymo.domain.enums import AdjustmentKind
from payymo.domain.settlement import Adjusted, Paid, Settlement
from payymo.postgres.reconciliation.operations.decisions import create_match
from payymo.postgres.tenancy import tenant_transaction

INVOICES = "/api/v1/invoices"


@pytest.fixture
def invoice_id(sessions: sessionmaker[Session], tenant_id: UUID) -> UUID:
    with tenant_transaction(sessions, tenant_id) as session:
        invoice = add_invoice(session, tenant_id, total=Decimal("100.00"))
    return invoice.id


@pytest.fixture
def url(invoice_id: UUID) -> str:
    return f"{INVOICES}/{invoice_id}/adjustments"


def test_an_invoice_is_written_off_and_opened_again(
    member: TestClient, viewer: TestClient, url: str, invoice_id: UUID
) -> None:
    answer = member.post(url, json={"amount": "100.00", "reason": "Insolvent."})

    assert answer.status_code == 201
    created = answer.json()["data"]
    assert viewer.get(answer.headers["Location"]).json()["data"] == created
    assert created | {"id": 0, "created_by": 0, "created_at": 0} == {
        "id": 0,
        "invoice_id": str(invoice_id),
        "kind": "write_off",
        "status": "booked",
        "amount": "100.00",
        "currency": "EUR",
        "reason": "Insolvent.",
        "match_id": None,
        "created_by": 0,
        "created_at": 0,
        "reversed_by": None,
        "reversed_at": None,
    }
    row = viewer.get(f"{INVOICES}/{invoice_id}").json()["data"]
    assert (row["status"], row["adjusted"], row["balance"]) == ("written_off", "100.00", "0.00")
    listed = viewer.get(INVOICES, params={"status": "written_off"}).json()["data"]
    assert [each["id"] for each in listed] == [str(invoice_id)]

    for _ in range(2):
        assert member.delete(answer.headers["Location"]).status_code == 204
    (line,) = viewer.get(url).json()["data"]
    assert line["status"] == "reversed"
    assert line["reversed_by"] is not None
    assert viewer.get(f"{INVOICES}/{invoice_id}").json()["data"]["balance"] == "100.00"


def test_what_cannot_be_is_refused(member: TestClient, url: str) -> None:
    over = member.post(url, json={"amount": "100.01"})
    assert (over.status_code, over.json()["error"]["code"]) == (422, "over_allocation")
    assert over.json()["error"]["details"][0]["field"] == "amount"
    for body in ({"amount": "0"}, {"amount": "0.001"}, {"amount": "1", "kind": "gift"}, {}):
        assert member.post(url, json=body).status_code == 400


def test_one_of_a_match_goes_with_the_match(
    member: TestClient, sessions: sessionmaker[Session], tenant_id: UUID, invoice_id: UUID, url: str
) -> None:
    with tenant_transaction(sessions, tenant_id) as session:
        payment = add_transaction(
            session, tenant_id, add_account(session, tenant_id), amount=Decimal("98.00")
        )
        discounted = Settlement(
            (Paid(invoice_id, Decimal("98.00")),),
            adjusted=(Adjusted(invoice_id, AdjustmentKind.DISCOUNT, Decimal("2.00")),),
        )
        create_match(session, tenant_id, payment.id, discounted, actor_id=None, now=NOW)
    (line,) = member.get(url).json()["data"]

    answer = member.delete(f"{url}/{line['id']}")

    assert (answer.status_code, answer.json()["error"]["code"]) == (422, "line_of_match")
    assert line["match_id"] in answer.json()["error"]["message"]


def test_another_tenants_do_not_exist_and_viewers_do_not_touch(
    member: TestClient, stranger: TestClient, viewer: TestClient, url: str
) -> None:
    made = member.post(url, json={"amount": "1.00"}).headers["Location"]

    answers = [
        stranger.get(url),
        stranger.post(url, json={"amount": "1.00"}),
        stranger.get(made),
        stranger.delete(made),
        member.get(f"{url}/{uuid4()}"),
        member.get(f"{INVOICES}/{uuid4()}/adjustments"),
    ]

    assert [answer.status_code for answer in answers] == [404] * len(answers)
    assert viewer.post(url, json={"amount": "1.00"}).status_code == 403
    assert viewer.delete(made).status_code == 403
