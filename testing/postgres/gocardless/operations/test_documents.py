"""What was received is kept once for each thing that it said."""

from datetime import timedelta
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import func, select
from sqlalchemy.orm import Session
from testing.consenting_bank import an_account, an_institution
from testing.factories import NOW

from payymo.domain.banking import RawDocument
from payymo.postgres.core import Base
from payymo.postgres.gocardless.models import (
    GcAgreement,
    GcBankAccount,
    GcInstitution,
    GcRequisitionLink,
)
from payymo.postgres.gocardless.operations.documents import (
    find_institution_document,
    hash_document,
    record_account_documents,
    record_documents,
    record_institution_documents,
)


def count(session: Session, table: type[Base]) -> int:
    return session.scalar(select(func.count()).select_from(table)) or 0


def test_an_equal_document_is_kept_once_and_a_changed_one_again(
    session: Session, tenant_id: UUID
) -> None:
    for status in ("CR", "CR", "LN"):
        documents = [
            RawDocument("requisition", "r", {"id": "r", "status": status}),
            RawDocument("agreement", "a", {"id": "a"}),
        ]
        record_documents(session, tenant_id, documents, now=NOW)

    assert count(session, GcRequisitionLink) == 2
    assert count(session, GcAgreement) == 1


def test_an_account_of_which_nothing_was_received_leaves_nothing(
    session: Session, tenant_id: UUID
) -> None:
    records = [an_account("a"), an_account("b", payload={})]

    record_account_documents(session, tenant_id, records, now=NOW)

    assert session.scalars(select(GcBankAccount.reference)).all() == ["a"]


def test_a_bank_is_found_as_it_last_was(session: Session) -> None:
    assert find_institution_document(session, "B") is None
    record_institution_documents(session, [], now=NOW)
    for day, name in enumerate(("Old", "New")):
        record_institution_documents(
            session,
            [an_institution("B", payload={"name": name})],
            now=NOW + timedelta(days=day),
        )

    assert count(session, GcInstitution) == 2
    assert find_institution_document(session, "B") == {"name": "New"}


@given(st.dictionaries(st.text(), st.one_of(st.none(), st.booleans(), st.integers(), st.text())))
def test_the_order_of_fields_does_not_change_a_documents_hash(
    payload: dict[str, object],
) -> None:
    turned = dict(reversed(payload.items()))

    assert hash_document(payload) == hash_document(turned)
    assert hash_document({**payload, "more": 1}) != hash_document(
        {key: value for key, value in payload.items() if key != "more"}
    )
