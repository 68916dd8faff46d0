from uuid import UUID, uuid4

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session
from testing.factories import add_customer

from payymo.postgres.bulk import insert_rows, update_rows
from payymo.postgres.core import Base
from payymo.postgres.reconciliation.models import Customer
from payymo.postgres.tenancy import enter_tenant

CUSTOMERS = Base.metadata.tables["customers"]
COLUMNS = ("tenant_id", "id", "number", "name", "ibans")


def names(session: Session) -> list[str]:
    session.expire_all()
    return list(session.scalars(select(Customer.name).order_by(Customer.number)))


def test_rows_are_inserted_whatever_their_text(session: Session, tenant_id: UUID) -> None:
    texts = ["", "\\N", "tab\there", 'quote"', "line\nfeed", "Łódź"]
    ibans: list[str] = []
    rows = [(tenant_id, uuid4(), f"C{number}", text, ibans) for number, text in enumerate(texts)]

    assert insert_rows(session, CUSTOMERS, COLUMNS, rows) == 6
    assert names(session) == texts


def test_no_rows_are_no_work(session: Session, tenant_id: UUID) -> None:
    assert insert_rows(session, CUSTOMERS, COLUMNS, []) == 0
    assert update_rows(session, CUSTOMERS, COLUMNS, [], also={}) == 0


def test_only_the_named_rows_are_updated(session: Session, tenant_id: UUID) -> None:
    one, two = (add_customer(session, tenant_id, number=f"C{n}", name="Old") for n in (1, 2))

    count = update_rows(
        session,
        CUSTOMERS,
        ("tenant_id", "id", "name"),
        [(tenant_id, one.id, "New"), (tenant_id, uuid4(), "Nobody")],
        also={"email": "lower(old.name || '@' || new.name)"},
    )

    assert count == 1
    assert names(session) == ["New", "Old"]
    session.refresh(one)
    session.refresh(two)
    assert (one.email, two.email) == ("old@new", None)


def test_the_walls_hold(session: Session, tenant_id: UUID, other_tenant_id: UUID) -> None:
    mine = add_customer(session, tenant_id, name="Mine")
    enter_tenant(session, other_tenant_id)

    row = (tenant_id, mine.id, "Stolen")
    assert update_rows(session, CUSTOMERS, ("tenant_id", "id", "name"), [row], also={}) == 0
    with pytest.raises(Exception, match="row-level security"):
        insert_rows(session, CUSTOMERS, COLUMNS, [(tenant_id, uuid4(), "C9", "Planted", [])])
