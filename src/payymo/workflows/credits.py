"""Using customers' credit for what they owe: proposed to people, or done where policy says so."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy.orm import Session

from payymo.domain.enums import CreditUseKind
from payymo.domain.settlement import Applied, OpenCredit, propose_uses
from payymo.postgres.auth.operations.audit import record_audits
from payymo.postgres.reconciliation.operations.credits import (
    list_open_credits,
    list_owed_with_credit,
    list_reversed_uses,
)
from payymo.postgres.reconciliation.operations.settlements import (
    CreditUseValues,
    Lines,
    book_lines,
)


def propose_credit_uses(
    session: Session, tenant_id: UUID, *, customer_id: UUID | None = None
) -> Sequence[tuple[OpenCredit, Applied]]:
    """Return how customers' credit could settle what they owe: the oldest of each first.

    :param session: Open session; the caller manages the transaction.
    :param tenant_id: Tenant that owns credits and invoices.
    :param customer_id: Only this customer's.
    """
    return propose_uses(
        list_open_credits(session, tenant_id, customer_id=customer_id),
        list_owed_with_credit(session, tenant_id, customer_id=customer_id),
        refused=list_reversed_uses(session, tenant_id),
    )


def apply_credits(session: Session, tenant_id: UUID, *, match_run_id: UUID, now: datetime) -> int:
    """Settle what customers owe with their credit, and return how many uses that took.

    What people have taken back is not done again.

    :param session: Open session; the caller manages the transaction.
    :param tenant_id: Tenant that owns credits and invoices.
    :param match_run_id: Matching that does it, and with which it can be taken back.
    :param now: Present time (aware).
    """
    uses = [
        CreditUseValues(
            _uuid(applied.credit_id),
            CreditUseKind.APPLIED,
            applied.amount,
            invoice_id=_uuid(applied.invoice_id),
            match_run_id=match_run_id,
        )
        for _, applied in propose_credit_uses(session, tenant_id)
    ]
    book_lines(session, tenant_id, Lines(uses=uses), actor_id=None, now=now)
    record_audits(
        session,
        tenant_id,
        action="created",
        entity="credit_uses",
        entity_ids=[use.id for use in uses],
        before={},
        after={"kind": CreditUseKind.APPLIED, "match_run_id": str(match_run_id)},
    )
    return len(uses)


def _uuid(given: object) -> UUID:
    assert isinstance(given, UUID)  # noqa: S101 # the rules give back what they were given
    return given
