"""What waits for a person: in which order it is best looked at, and how much there is of it."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from itertools import pairwise
from typing import Any, Final
from uuid import UUID

from sqlalchemy import ColumnElement, Select, and_, case, exists, func, select
from sqlalchemy.orm import Session, aliased

from payymo.domain.enums import EvidenceKind, MatchOrigin, MatchStatus, WaitReason
from payymo.postgres.common.models import Transaction
from payymo.postgres.reconciliation.models import Invoice, Match, MatchLine

#: Where one band of confidence ends and the next begins.
BAND_EDGES: Final = tuple(map(Decimal, ("0", "0.5", "0.8", "0.9", "0.95", "0.99", "1")))

#: What a payer who is not known by account counts more: the answer serves the next payments, too.
_UNKNOWN_PAYER: Final = 2


@dataclass(frozen=True, slots=True)
class Band:
    """Matches of a range of confidence: from ``low``, below ``high`` (1 is in the last).

    :ivar waiting_count: Suggestions.
    :ivar applied_count: Matches that Payymo applied and nobody has looked at.
    :ivar decided_count: Matches that people decided on.
    :ivar right_count: Those of them that they confirmed and that stand.
    """

    low: Decimal
    high: Decimal
    waiting_count: int
    applied_count: int
    decided_count: int
    right_count: int


def teaching_most_first(statement: Select[Any], tenant_id: UUID) -> Select[Any]:
    """Put the matches first of which one decision teaches most.

    That is how unsure it is, p(1 - p), times the payments of the same payer that wait, twice where
    the payer is not known by account yet.

    :param statement: Selects matches.
    :param tenant_id: Tenant that owns them.
    """
    waiting = (
        select(_payer().label("payer"), func.count().label("payment_count"))
        .select_from(Match)
        .join(Transaction, _its_payment())
        .where(Match.tenant_id == tenant_id, Match.status == MatchStatus.SUGGESTED)
        .group_by(_payer())
        .subquery()
    )
    is_known = Match.evidence.contains({"items": [{"kind": EvidenceKind.PAYER_IBAN.value}]})
    taught = (
        Match.confidence
        * (1 - Match.confidence)
        * func.coalesce(waiting.c.payment_count, 1)
        * case((is_known, 1), else_=_UNKNOWN_PAYER)
    )
    return (
        statement.join(Transaction, _its_payment())
        .outerjoin(waiting, waiting.c.payer == _payer())
        .order_by(taught.desc(), Match.id.desc())
    )


def pays_customer(customer_id: UUID) -> ColumnElement[bool]:
    """Return whether a match names an invoice of a customer."""
    return exists().where(
        MatchLine.tenant_id == Match.tenant_id,
        MatchLine.match_id == Match.id,
        Invoice.tenant_id == Match.tenant_id,
        Invoice.id == MatchLine.invoice_id,
        Invoice.customer_id == customer_id,
    )


def pays_between(low: Decimal | None, high: Decimal | None) -> ColumnElement[bool]:
    """Return whether the payment of a match is of an amount within limits, which belong to it."""
    # Another name than that of the table by which a queue may be ordered.
    payment = aliased(Transaction)
    limits = [
        limit
        for limit in (
            None if low is None else payment.amount >= low,
            None if high is None else payment.amount <= high,
        )
        if limit is not None
    ]
    return exists().where(
        payment.tenant_id == Match.tenant_id, payment.id == Match.transaction_id, *limits
    )


def waits_because(reason: WaitReason) -> ColumnElement[bool]:
    """Return whether a match waits for a reason, perhaps beside others."""
    return Match.waits.contains({"items": [{"reason": reason.value}]})


def list_bands(session: Session, tenant_id: UUID) -> Sequence[Band]:
    """Return how many matches of each band wait, were applied, and were right, surest last.

    :param session: Open session; the caller manages the transaction.
    :param tenant_id: Tenant that owns them.
    """
    place = func.width_bucket(Match.confidence, list(BAND_EDGES[1:-1]))
    is_decided = and_(Match.decided_by.is_not(None), Match.status != MatchStatus.SUGGESTED)
    is_confirmed = Match.status == MatchStatus.CONFIRMED
    rows = session.execute(
        select(
            place.label("place"),
            func.count().filter(Match.status == MatchStatus.SUGGESTED).label("waiting"),
            func.count().filter(is_confirmed, Match.decided_by.is_(None)).label("applied"),
            func.count().filter(is_decided).label("decided"),
            func.count().filter(is_decided, is_confirmed).label("right"),
        )
        .where(Match.tenant_id == tenant_id, Match.origin == MatchOrigin.ENGINE)
        .group_by(place)
    )
    found = {row.place: row for row in rows}
    return [
        Band(
            low=low,
            high=high,
            waiting_count=found[at].waiting if at in found else 0,
            applied_count=found[at].applied if at in found else 0,
            decided_count=found[at].decided if at in found else 0,
            right_count=found[at].right if at in found else 0,
        )
        for at, (low, high) in enumerate(pairwise(BAND_EDGES))
    ]


def _its_payment() -> ColumnElement[bool]:
    return (Transaction.tenant_id == Match.tenant_id) & (Transaction.id == Match.transaction_id)


def _payer() -> ColumnElement[str]:
    """Return what tells a payer from others: the account, or else the name."""
    return func.coalesce(Transaction.counterparty_iban, func.upper(Transaction.counterparty_name))
