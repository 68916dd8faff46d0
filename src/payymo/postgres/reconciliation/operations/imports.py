"""Files of invoices that were taken in."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from payymo.domain.errors import NotFoundError
from payymo.postgres.auth.operations.audit import record_audit
from payymo.postgres.core import Page
from payymo.postgres.reconciliation.models import InvoiceImport


def get_import(session: Session, tenant_id: UUID, import_id: UUID) -> InvoiceImport:
    """Return one of the tenant's imports of invoices.

    :param session: Open session; the caller manages the transaction.
    :param tenant_id: Tenant that must own it.
    :param import_id: Import to return.
    :raises NotFoundError: If the tenant has no such import.
    """
    found = session.scalars(
        select(InvoiceImport).where(
            InvoiceImport.tenant_id == tenant_id, InvoiceImport.id == import_id
        )
    ).one_or_none()
    if found is None:
        raise NotFoundError("There is no such import.")
    return found


def list_imports(
    session: Session, tenant_id: UUID, *, page: int = 1, per_page: int = 100
) -> Page[InvoiceImport]:
    """Return the tenant's imports of invoices, the latest first.

    :param session: Open session; the caller manages the transaction.
    :param tenant_id: Tenant that owns them.
    :param page: Page, from 1.
    :param per_page: Rows of a page.
    """
    own = InvoiceImport.tenant_id == tenant_id
    total = session.scalar(select(func.count()).select_from(InvoiceImport).where(own))
    rows = session.scalars(
        select(InvoiceImport)
        .where(own)
        .order_by(InvoiceImport.id.desc())
        .offset((page - 1) * per_page)
        .limit(per_page)
    )
    return Page(rows=rows.all(), total=total or 0)


def record_import(
    session: Session,
    tenant_id: UUID,
    *,
    filename: str | None,
    content_hash: bytes,
    invoice_count: int,
    customer_count: int,
    actor_id: UUID | None,
    now: datetime,
) -> InvoiceImport:
    """Write down that a file was taken in, and return the record.

    :param session: Open session; the caller manages the transaction.
    :param tenant_id: Tenant whose file it is.
    :param filename: Its name, where known.
    :param content_hash: SHA-256 of the file.
    :param invoice_count: Invoices that it brought.
    :param customer_count: Customers that were new.
    :param actor_id: User who sent it.
    :param now: Present time.
    """
    record = InvoiceImport(
        tenant_id=tenant_id,
        filename=filename,
        content_hash=content_hash,
        invoice_count=invoice_count,
        customer_count=customer_count,
        created_by=actor_id,
        created_at=now,
    )
    session.add(record)
    session.flush()
    record_audit(
        session,
        tenant_id,
        actor_id=actor_id,
        action="imported",
        entity="invoice_imports",
        entity_id=record.id,
        after={"invoice_count": invoice_count, "customer_count": customer_count},
    )
    return record
