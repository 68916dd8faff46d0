"""Matches that people refused, with the evidence that they refused."""

from collections import defaultdict
from collections.abc import Hashable, Sequence
from math import fsum
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from payymo.domain.enums import EvidenceKind, MatchStatus
from payymo.domain.matching.rejections import RefusedMatch
from payymo.postgres.common.models import Transaction
from payymo.postgres.reconciliation.models import Match, MatchLine

_QUOTES = frozenset(
    (
        EvidenceKind.STRUCTURED_REFERENCE,
        EvidenceKind.INVOICE_NUMBER,
        EvidenceKind.INVOICE_NUMBER_DIGITS,
        EvidenceKind.END_TO_END_ID,
    )
)


def list_refused_matches(
    session: Session, tenant_id: UUID, *, engine_version: str
) -> Sequence[RefusedMatch]:
    """Return what people refused for payments that are still to be explained.

    :param session: Open session; the caller manages the transaction.
    :param tenant_id: Tenant that owns the matches.
    :param engine_version: Version whose evidence can be compared with today's.
    """
    rows = session.execute(
        select(
            Match.id,
            Match.transaction_id,
            Match.decided_at,
            Match.evidence,
            MatchLine.invoice_id,
        )
        .join(
            MatchLine, (MatchLine.tenant_id == Match.tenant_id) & (MatchLine.match_id == Match.id)
        )
        .join(
            Transaction,
            (Transaction.tenant_id == Match.tenant_id) & (Transaction.id == Match.transaction_id),
        )
        .where(
            Match.tenant_id == tenant_id,
            Match.status == MatchStatus.REJECTED,
            Match.engine_version == engine_version,
            Transaction.amount > Transaction.allocated,
        )
        .order_by(Match.id)
    ).all()
    invoices: dict[UUID, set[Hashable]] = defaultdict(set)
    for row in rows:
        invoices[row.id].add(row.invoice_id)
    return [
        RefusedMatch(
            payment_id=row.transaction_id,
            invoice_ids=frozenset(invoices[row.id]),
            was_quoted=any(item["kind"] in _QUOTES for item in row.evidence["items"]),
            bits=fsum(item["weight"] for item in row.evidence["items"]),
            refused_on=row.decided_at.date(),
        )
        for row in {row.id: row for row in rows}.values()
    ]
