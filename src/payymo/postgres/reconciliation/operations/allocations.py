"""Money of payments that pays invoices: written when a match is confirmed, undone with it."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import exists, or_, select
from sqlalchemy.orm import Session

from payymo.postgres.common.models import Account, Transaction
from payymo.postgres.reconciliation.models import Allocation, CreditUse, CustomerCredit


def list_allocations(
    session: Session,
    tenant_id: UUID,
    *,
    invoice_id: UUID | None = None,
    transaction_id: UUID | None = None,
) -> Sequence[Allocation]:
    """Return allocations in the order in which they were made, those undone too.

    :param session: Open session; the caller manages the transaction.
    :param tenant_id: Tenant that owns them.
    :param invoice_id: Only those of this invoice.
    :param transaction_id: Only those of this payment.
    """
    statement = select(Allocation).where(Allocation.tenant_id == tenant_id)
    if invoice_id is not None:
        statement = statement.where(Allocation.invoice_id == invoice_id)
    if transaction_id is not None:
        statement = statement.where(Allocation.transaction_id == transaction_id)
    return session.scalars(statement.order_by(Allocation.id)).all()


def has_allocations(session: Session, tenant_id: UUID, connection_id: UUID) -> bool:
    """Return whether payments of a connection ever settled or refunded anything.

    :param session: Open session; the caller manages the transaction.
    :param tenant_id: Tenant that owns it.
    :param connection_id: Connection whose payments are meant.
    """
    is_used = (
        exists().where(model.tenant_id == tenant_id, model.transaction_id == Transaction.id)
        for model in (Allocation, CustomerCredit, CreditUse)
    )
    statement = (
        exists()
        .where(
            Transaction.tenant_id == tenant_id,
            Account.tenant_id == tenant_id,
            Account.id == Transaction.account_id,
            Account.connection_id == connection_id,
            or_(*is_used),
        )
        .select()
    )
    return bool(session.scalar(statement))
