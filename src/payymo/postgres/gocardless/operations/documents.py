"""What GoCardless said of institutions, agreements, requisitions and accounts, as received.

A document is kept each time that it says something new: an equal one is known by its hash.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import delete, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session
from uuid_utils.compat import uuid7

from payymo.domain.banking import AccountRecord, InstitutionRecord, RawDocument
from payymo.postgres.common.models import Account, BankConsent
from payymo.postgres.gocardless.models import (
    GcAgreement,
    GcBankAccount,
    GcInstitution,
    GcRequisitionLink,
)

type _DocumentTable = type[GcAgreement | GcBankAccount | GcRequisitionLink]

_TABLES: Mapping[str, _DocumentTable] = {
    "agreement": GcAgreement,
    "requisition": GcRequisitionLink,
    "account": GcBankAccount,
}


def record_institution_documents(
    session: Session, records: Sequence[InstitutionRecord], *, now: datetime
) -> None:
    """Keep what GoCardless says of banks.

    :param session: Open session; the caller manages the transaction.
    :param records: Banks, with the answer as received.
    :param now: When it was received (aware).
    """
    rows = [
        {
            "reference": record.reference,
            "content_hash": hash_document(record.payload),
            "payload": record.payload,
            "fetched_at": now,
        }
        for record in sorted(records, key=lambda record: record.reference)
    ]
    if rows:
        session.execute(insert(GcInstitution).on_conflict_do_nothing(), rows)


def find_institution_document(session: Session, reference: str) -> Mapping[str, Any] | None:
    """Return what GoCardless last said of a bank; ``None`` if nothing.

    :param session: Open session; the caller manages the transaction.
    :param reference: GoCardless's id of the bank.
    """
    return session.scalars(
        select(GcInstitution.payload)
        .where(GcInstitution.reference == reference)
        .order_by(GcInstitution.fetched_at.desc())
        .limit(1)
    ).one_or_none()


def record_documents(
    session: Session, tenant_id: UUID, documents: Sequence[RawDocument], *, now: datetime
) -> None:
    """Keep agreements and requisitions.

    :param session: Open session; the caller manages the transaction.
    :param tenant_id: Tenant whom they are about.
    :param documents: The documents, of kind ``agreement``, ``requisition`` or ``account``.
    :param now: When they were received (aware).
    """
    for document in documents:
        statement = insert(_TABLES[document.kind]).values(
            tenant_id=tenant_id,
            id=uuid7(),
            reference=document.reference,
            content_hash=hash_document(document.payload),
            payload=document.payload,
            fetched_at=now,
        )
        session.execute(statement.on_conflict_do_nothing())


def record_account_documents(
    session: Session, tenant_id: UUID, records: Sequence[AccountRecord], *, now: datetime
) -> None:
    """Keep what GoCardless says of accounts.

    :param session: Open session; the caller manages the transaction.
    :param tenant_id: Tenant who owns the accounts.
    :param records: Accounts, with the answers as received; one of which nothing was received is
        left out.
    :param now: When it was received (aware).
    """
    documents = [
        RawDocument(kind="account", reference=record.reference, payload=record.payload)
        for record in records
        if record.payload
    ]
    record_documents(session, tenant_id, documents, now=now)


def delete_connection_documents(session: Session, tenant_id: UUID, connection_id: UUID) -> None:
    """Remove what GoCardless said of a connection's consents and accounts, ever.

    Accounts change their ids with consents: the requisitions say which ids they had. What another
    connection stands on, too, stays.

    :param session: Open session; the caller manages the transaction.
    :param tenant_id: Tenant that owns the connection.
    :param connection_id: Connection that is about to be removed.
    """
    requisitions = set(
        session.scalars(
            select(BankConsent.provider_reference).where(
                BankConsent.tenant_id == tenant_id, BankConsent.connection_id == connection_id
            )
        )
    )
    payloads: Sequence[Mapping[str, Any]] = session.scalars(
        select(GcRequisitionLink.payload).where(
            GcRequisitionLink.tenant_id == tenant_id,
            GcRequisitionLink.reference.in_(requisitions),
        )
    ).all()
    agreements = {payload["agreement"] for payload in payloads if payload.get("agreement")}
    accounts = {name for payload in payloads for name in payload.get("accounts") or ()}
    owners = session.execute(
        select(Account.provider_reference, Account.connection_id).where(
            Account.tenant_id == tenant_id
        )
    ).all()
    accounts |= {name for name, owner in owners if owner == connection_id}
    accounts -= {name for name, owner in owners if owner != connection_id}
    for table, references in (
        (GcRequisitionLink, requisitions),
        (GcAgreement, agreements),
        (GcBankAccount, accounts),
    ):
        session.execute(
            delete(table).where(table.tenant_id == tenant_id, table.reference.in_(references))
        )


def hash_document(payload: Mapping[str, Any]) -> bytes:
    """Return the SHA-256 of a document's canonical JSON: keys sorted, no blanks.

    :param payload: The document as received.
    """
    canonical = json.dumps(payload, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(canonical.encode("utf-8", errors="surrogatepass")).digest()
