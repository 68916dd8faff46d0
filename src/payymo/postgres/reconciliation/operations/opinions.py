"""What matches say, and the lines that follow when they are confirmed."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import any_, select
from sqlalchemy.orm import Session

from payymo.domain.enums import AdjustmentKind, CreditKind, CreditUseKind, MatchStatus
from payymo.postgres.common.models import Transaction
from payymo.postgres.reconciliation.models import Match, MatchDifference, MatchLine
from payymo.postgres.reconciliation.operations.settlements import (
    AdjustmentValues,
    AllocationValues,
    CreditUseValues,
    CreditValues,
    Lines,
    uuids,
)

#: As the columns of a match's difference have it; see :data:`DIFFERENCE_KEY`.
type DifferenceKey = tuple[
    UUID | None, AdjustmentKind | None, UUID | None, UUID | None, CreditKind | None, Decimal
]

DIFFERENCE_KEY = (
    MatchDifference.invoice_id,
    MatchDifference.adjustment,
    MatchDifference.credit_id,
    MatchDifference.customer_id,
    MatchDifference.credit_kind,
    MatchDifference.amount,
)


@dataclass(frozen=True, slots=True)
class Opinion:
    """What a match says, without what the database would have to read besides.

    :ivar lines: Invoice, amount, and what that settles where the currencies differ.
    """

    id: UUID
    transaction_id: UUID
    confidence: Decimal
    is_tie: bool
    waits: Mapping[str, Any] | None
    lines: list[tuple[UUID, Decimal, Decimal | None]]
    differences: list[DifferenceKey]


def list_opinions(
    session: Session,
    tenant_id: UUID,
    *,
    status: MatchStatus = MatchStatus.SUGGESTED,
    match_ids: Collection[UUID] | None = None,
) -> Collection[Opinion]:
    """Return what matches say, and keep others from deciding on those asked for.

    :param session: Open session; the caller manages the transaction.
    :param tenant_id: Tenant that owns them.
    :param status: How they stand.
    :param match_ids: Only these, which are locked; all of them, unlocked, where absent.
    """
    if match_ids is not None and not match_ids:
        return ()
    chosen = [Match.tenant_id == tenant_id, Match.status == status]
    if match_ids is not None:
        chosen.append(Match.id == any_(uuids(match_ids)))
    statement = (
        select(
            Match.id,
            Match.transaction_id,
            Match.confidence,
            Match.is_tie,
            Match.waits,
            MatchLine.invoice_id,
            MatchLine.amount,
            MatchLine.settled,
        )
        .outerjoin(
            MatchLine, (MatchLine.tenant_id == Match.tenant_id) & (MatchLine.match_id == Match.id)
        )
        .where(*chosen)
        .order_by(Match.id, MatchLine.id)
    )
    if match_ids is not None:
        statement = statement.with_for_update(of=Match)
    found: dict[UUID, Opinion] = {}
    for row in session.execute(statement):
        opinion = found.get(row.id)
        if opinion is None:
            opinion = Opinion(
                row.id, row.transaction_id, row.confidence, row.is_tie, row.waits, [], []
            )
            found[row.id] = opinion
        if row.invoice_id is not None:
            opinion.lines.append((row.invoice_id, row.amount, row.settled))
    differences = session.execute(
        select(MatchDifference.match_id, *DIFFERENCE_KEY)
        .join(
            Match,
            (Match.tenant_id == MatchDifference.tenant_id) & (Match.id == MatchDifference.match_id),
        )
        .where(*chosen)
        .order_by(MatchDifference.id)
    )
    for (
        match_id,
        invoice_id,
        adjustment,
        credit_id,
        customer_id,
        credit_kind,
        amount,
    ) in differences:
        if match_id in found:
            key = invoice_id, adjustment, credit_id, customer_id, credit_kind, amount
            found[match_id].differences.append(key)
    return found.values()


def lines_of(session: Session, tenant_id: UUID, opinions: Iterable[Opinion]) -> Lines:
    """Return what matches book.

    :param session: Open session; the caller manages the transaction.
    :param tenant_id: Tenant that owns them.
    :param opinions: What they say.
    """
    opinions = list(opinions)
    allocations = [
        AllocationValues(opinion.id, opinion.transaction_id, invoice_id, amount, settled)
        for opinion in opinions
        for invoice_id, amount, settled in opinion.lines
    ]
    payments = _get_payments(
        session, tenant_id, [opinion.transaction_id for opinion in opinions if opinion.differences]
    )
    adjustments: list[AdjustmentValues] = []
    created: list[CreditValues] = []
    uses: list[CreditUseValues] = []
    for opinion in opinions:
        for invoice_id, adjustment, credit_id, customer_id, kind, amount in opinion.differences:
            if adjustment is not None and invoice_id is not None:
                adjustments.append(AdjustmentValues(invoice_id, adjustment, amount, opinion.id))
            elif credit_id is not None:
                uses.append(
                    CreditUseValues(
                        credit_id,
                        CreditUseKind.APPLIED,
                        amount,
                        invoice_id=invoice_id,
                        match_id=opinion.id,
                    )
                )
            elif kind is not None and customer_id is not None:
                payment = payments[opinion.transaction_id]
                created.append(
                    CreditValues(
                        customer_id,
                        kind,
                        payment.currency,
                        amount,
                        payment.transaction_date,
                        match_id=opinion.id,
                        transaction_id=payment.id,
                    )
                )
    return Lines(allocations, adjustments, created, uses)


def _get_payments(
    session: Session, tenant_id: UUID, transaction_ids: Collection[UUID]
) -> dict[UUID, Transaction]:
    if not transaction_ids:
        return {}
    rows = session.scalars(
        select(Transaction).where(
            Transaction.tenant_id == tenant_id, Transaction.id == any_(uuids(transaction_ids))
        )
    )
    return {row.id: row for row in rows}
