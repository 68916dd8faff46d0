"""Customers in the database."""

from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session
from testing.factories import add_customer, add_invoice

from payymo.domain.errors import DuplicateError, NotFoundError, RuleError
from payymo.postgres.auth.models import AuditEntry
from payymo.postgres.reconciliation.operations.customers import (
    CustomerValues,
    create_customer,
    delete_customer,
    find_customer_ids,
    get_customer,
    list_customers,
    record_customers,
    update_customer,
)
from payymo.postgres.tenancy import enter_tenant

ACTOR = uuid4()
IBAN = "DE89370400440532013000"
OTHER_IBAN = "GB82WEST12345698765432"


def test_a_customer_is_added_changed_and_removed(session: Session, tenant_id: Any) -> None:
    values = CustomerValues("C-1", "Example Ltd", ibans=(IBAN,))

    customer = create_customer(session, tenant_id, values, actor_id=ACTOR)
    changed = update_customer(
        session, tenant_id, customer.id, actor_id=ACTOR, name="Example plc", ibans=(OTHER_IBAN,)
    )
    update_customer(session, tenant_id, customer.id, actor_id=ACTOR, name="Example plc")

    assert (changed.name, changed.ibans, changed.number) == ("Example plc", [OTHER_IBAN], "C-1")
    delete_customer(session, tenant_id, customer.id, actor_id=ACTOR)
    with pytest.raises(NotFoundError):
        get_customer(session, tenant_id, customer.id)
    entries = session.scalars(
        select(AuditEntry).where(AuditEntry.entity_id == customer.id).order_by(AuditEntry.id)
    ).all()
    assert [entry.action for entry in entries] == ["created", "changed", "deleted"]
    assert entries[1].before == {"name": "Example Ltd", "ibans": [IBAN]}


def test_numbers_are_unique(session: Session, tenant_id: Any) -> None:
    create_customer(session, tenant_id, CustomerValues("C-1", "One"), actor_id=ACTOR)
    two = create_customer(session, tenant_id, CustomerValues("C-2", "Two"), actor_id=ACTOR)

    with pytest.raises(DuplicateError):
        create_customer(session, tenant_id, CustomerValues("C-1", "Three"), actor_id=ACTOR)
    with pytest.raises(DuplicateError):
        update_customer(session, tenant_id, two.id, actor_id=ACTOR, number="C-1")


def test_a_customer_with_invoices_stays(session: Session, tenant_id: Any) -> None:
    customer = add_customer(session, tenant_id)
    add_invoice(session, tenant_id, customer)

    with pytest.raises(RuleError) as refusal:
        delete_customer(session, tenant_id, customer.id, actor_id=ACTOR)

    assert refusal.value.code == "customer_has_invoices"


def test_customers_are_found_by_words_and_listed_by_name(session: Session, tenant_id: Any) -> None:
    for number, name in (("C-3", "Beta"), ("C-1", "Alpha"), ("X-2", "Gamma")):
        add_customer(session, tenant_id, number=number, name=name, email=f"{name}@example.com")

    page = list_customers(session, tenant_id, page=1, per_page=2)

    assert ([customer.name for customer in page.rows], page.total) == (["Alpha", "Beta"], 3)
    assert [row.name for row in list_customers(session, tenant_id, q="c-").rows] == [
        "Alpha",
        "Beta",
    ]
    assert [row.name for row in list_customers(session, tenant_id, q="gamma@").rows] == ["Gamma"]
    assert list_customers(session, tenant_id, q="_").total == 0


def test_a_file_adds_customers_and_completes_known_ones(session: Session, tenant_id: Any) -> None:
    known = add_customer(
        session, tenant_id, number="C-1", name="Old", email="old@example.com", ibans=[IBAN]
    )
    same = add_customer(session, tenant_id, number="C-2", name="Same")

    ids = record_customers(
        session,
        tenant_id,
        [
            CustomerValues("C-1", "New", country="GB", ibans=(OTHER_IBAN,)),
            CustomerValues("C-2", "Same"),
            CustomerValues("C-3", "Third"),
        ],
    )

    session.expire_all()
    customer = get_customer(session, tenant_id, known.id)
    assert (customer.name, customer.email, customer.country) == ("New", "old@example.com", "GB")
    assert customer.ibans == [IBAN, OTHER_IBAN]
    assert (ids["C-1"], ids["C-2"]) == (known.id, same.id)
    assert get_customer(session, tenant_id, ids["C-3"]).name == "Third"


def test_another_tenant_finds_nothing(
    session: Session, tenant_id: Any, other_tenant_id: Any
) -> None:
    customer_id = add_customer(session, tenant_id, number="C-1").id
    enter_tenant(session, other_tenant_id)
    session.expunge_all()

    with pytest.raises(NotFoundError):
        get_customer(session, other_tenant_id, customer_id)
    assert list_customers(session, other_tenant_id).total == 0
    assert find_customer_ids(session, other_tenant_id, ["C-1"]) == {}
