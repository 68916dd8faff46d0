"""As what payments and invoices were last looked at by a matching."""

from collections.abc import Collection, Hashable, Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import ARRAY, Uuid, any_, delete, literal, select
from sqlalchemy.orm import Session

from payymo.domain.enums import MatchStatus
from payymo.postgres.bulk import insert_rows
from payymo.postgres.core import Base
from payymo.postgres.reconciliation.models import InvoiceLook, Match, MatchLine, PaymentLook

_PAYMENTS = Base.metadata.tables[PaymentLook.__tablename__]
_INVOICES = Base.metadata.tables[InvoiceLook.__tablename__]


@dataclass(frozen=True, slots=True)
class Look:
    """As what a payment was looked at.

    :ivar is_suggested: Whether a match was suggested then, or applied.
    """

    fingerprint: int
    is_suggested: bool


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


def find_suggested_invoices(
    session: Session, tenant_id: UUID
) -> Mapping[Hashable, Collection[Hashable]]:
    """Return the invoices of each payment's open suggestion, and of its runner-up.

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
    return found


def _uuids(ids: Collection[Hashable]) -> Any:
    return literal(list(ids), ARRAY(Uuid))
