"""As what payments and invoices were last looked at by a matching."""

from collections.abc import Collection, Hashable, Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import ARRAY, Uuid, any_, delete, func, literal, select, text
from sqlalchemy.orm import Session

from payymo.domain.enums import MatchStatus
from payymo.postgres.bulk import insert_rows
from payymo.postgres.core import Base
from payymo.postgres.reconciliation.models import (
    InvoiceLook,
    Match,
    MatchDifference,
    MatchLine,
    PaymentLook,
)

_PAYMENTS = Base.metadata.tables[PaymentLook.__tablename__]
_INVOICES = Base.metadata.tables[InvoiceLook.__tablename__]


@dataclass(frozen=True, slots=True)
class Look:
    """As what a payment was looked at.

    :ivar is_suggested: Whether a match was suggested then, or applied.
    """

    fingerprint: int
    is_suggested: bool


#: All that a matching reads, as two numbers for each table: how many rows, and a sum that changes
#: with any of them. What it writes itself in its last round is not among it.
_INPUTS = """
    SELECT 'payments' AS part, count(*) AS row_count, sum(hash_record_extended(ROW(
        id, amount, allocated, currency, booking_date, transaction_date, counterparty_name,
        counterparty_iban, remittance, description, structured_reference, end_to_end_id,
        instructed_amount, instructed_currency, missing_since, deleted_at
    ), 0)) AS digest
    FROM transactions WHERE tenant_id = :tenant_id AND status = 'booked' AND amount > 0
    UNION ALL
    SELECT 'invoices', count(*), sum(hash_record_extended(ROW(
        id, number, customer_id, currency, total, balance, issue_date, due_date,
        structured_reference, voided_at
    ), 0))
    FROM invoices WHERE tenant_id = :tenant_id
    UNION ALL
    SELECT 'customers', count(*), sum(hash_record_extended(ROW(id, number, name, ibans), 0))
    FROM customers WHERE tenant_id = :tenant_id
    UNION ALL
    SELECT 'accounts', count(*), sum(hash_record_extended(ROW(id, iban), 0))
    FROM accounts WHERE tenant_id = :tenant_id
    UNION ALL
    SELECT 'credits', count(*), sum(hash_record_extended(ROW(id, balance), 0))
    FROM customer_credits WHERE tenant_id = :tenant_id
    UNION ALL
    SELECT 'decisions', count(*), sum(hash_record_extended(ROW(
        id, status, decided_by, decided_at
    ), 0))
    FROM matches
    WHERE tenant_id = :tenant_id AND status IN ('confirmed', 'rejected', 'reversed')
"""


def digest_inputs(session: Session, tenant_id: UUID) -> str:
    """Return a text that changes with anything that a matching reads of the books.

    Ask for it before they are read: what is written in between makes it differ the next time.

    :param session: Open session; the caller manages the transaction.
    :param tenant_id: Tenant whose books are meant.
    """
    rows = session.execute(text(_INPUTS), {"tenant_id": tenant_id}).all()
    return "; ".join(f"{part} {count} {digest}" for part, count, digest in sorted(rows))


def digest_suggestions(session: Session, tenant_id: UUID) -> str:
    """Return a text that changes with the payments for which a match is suggested.

    :param session: Open session; the caller manages the transaction.
    :param tenant_id: Tenant that owns them.
    """
    count, digest = session.execute(
        select(func.count(), func.sum(func.uuid_hash_extended(Match.transaction_id, 0))).where(
            Match.tenant_id == tenant_id, Match.status == MatchStatus.SUGGESTED
        )
    ).one()
    return f"suggestions {count} {digest}"


def find_payment_looks(session: Session, tenant_id: UUID) -> Mapping[Hashable, Look]:
    """Return as what payments were last looked at.

    :param session: Open session; the caller manages the transaction.
    :param tenant_id: Tenant that owns them.
    """
    rows = session.execute(
        select(PaymentLook.id, PaymentLook.fingerprint, PaymentLook.is_suggested).where(
            PaymentLook.tenant_id == tenant_id
        )
    )
    return {row.id: Look(row.fingerprint, row.is_suggested) for row in rows}


def find_invoice_looks(session: Session, tenant_id: UUID) -> Mapping[Hashable, int]:
    """Return the fingerprints of invoices that were open when they were last looked at.

    :param session: Open session; the caller manages the transaction.
    :param tenant_id: Tenant that owns them.
    """
    rows = session.execute(
        select(InvoiceLook.id, InvoiceLook.fingerprint).where(InvoiceLook.tenant_id == tenant_id)
    )
    return {row.id: row.fingerprint for row in rows}


def record_payment_looks(
    session: Session,
    tenant_id: UUID,
    looks: Mapping[Hashable, Look],
    *,
    gone: Collection[Hashable] = (),
) -> None:
    """Remember as what payments were looked at.

    :param session: Open session; the caller manages the transaction.
    :param tenant_id: Tenant that owns them.
    :param looks: What is new.
    :param gone: Payments that need no look any more.
    """
    old = [*looks, *gone]
    if old:
        session.execute(
            delete(PaymentLook).where(
                PaymentLook.tenant_id == tenant_id, PaymentLook.id == any_(_uuids(old))
            )
        )
    insert_rows(
        session,
        _PAYMENTS,
        ("tenant_id", "id", "fingerprint", "is_suggested"),
        [(tenant_id, at, look.fingerprint, look.is_suggested) for at, look in looks.items()],
    )


def record_invoice_looks(
    session: Session,
    tenant_id: UUID,
    fingerprints: Mapping[Hashable, int],
    *,
    gone: Collection[Hashable] = (),
) -> None:
    """Remember as what open invoices were looked at.

    :param session: Open session; the caller manages the transaction.
    :param tenant_id: Tenant that owns them.
    :param fingerprints: What is new.
    :param gone: Invoices that are not open any more.
    """
    old = [*fingerprints, *gone]
    if old:
        session.execute(
            delete(InvoiceLook).where(
                InvoiceLook.tenant_id == tenant_id, InvoiceLook.id == any_(_uuids(old))
            )
        )
    rows = [(tenant_id, at, fingerprint) for at, fingerprint in fingerprints.items()]
    insert_rows(session, _INVOICES, ("tenant_id", "id", "fingerprint"), rows)


def find_suggested_ids(
    session: Session, tenant_id: UUID
) -> Mapping[Hashable, Collection[Hashable]]:
    """Return the invoices of each payment's open suggestion and of its runner-up, and its credits.

    :param session: Open session; the caller manages the transaction.
    :param tenant_id: Tenant that owns them.
    """
    rows = session.execute(
        select(Match.transaction_id, Match.runner_up, MatchLine.invoice_id)
        .join(
            MatchLine, (MatchLine.tenant_id == Match.tenant_id) & (MatchLine.match_id == Match.id)
        )
        .where(Match.tenant_id == tenant_id, Match.status == MatchStatus.SUGGESTED)
    )
    found: dict[Hashable, set[Hashable]] = {}
    for row in rows:
        named = found.setdefault(row.transaction_id, set())
        named.add(row.invoice_id)
        if row.runner_up is not None:
            named |= {UUID(line["invoice_id"]) for line in row.runner_up["lines"]}
    for payment_id, credit_ids in find_suggested_credits(session, tenant_id).items():
        found.setdefault(payment_id, set()).update(credit_ids)
    return found


def find_suggested_credits(
    session: Session, tenant_id: UUID
) -> Mapping[Hashable, Collection[Hashable]]:
    """Return the credits that each payment's open suggestion would use, where it would use any.

    :param session: Open session; the caller manages the transaction.
    :param tenant_id: Tenant that owns them.
    """
    rows = session.execute(
        select(Match.transaction_id, MatchDifference.credit_id)
        .join(
            MatchDifference,
            (MatchDifference.tenant_id == Match.tenant_id) & (MatchDifference.match_id == Match.id),
        )
        .where(
            Match.tenant_id == tenant_id,
            Match.status == MatchStatus.SUGGESTED,
            MatchDifference.credit_id.is_not(None),
        )
    )
    found: dict[Hashable, set[Hashable]] = {}
    for row in rows:
        found.setdefault(row.transaction_id, set()).add(row.credit_id)
    return found


def _uuids(ids: Collection[Hashable]) -> Any:
    return literal(list(ids), ARRAY(Uuid))
