"""Matches between payments and invoices, as people read them."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from uuid import UUID

from sqlalchemy import ColumnElement, any_, exists, func, select
from sqlalchemy.orm import Session, raiseload
from sqlalchemy.orm.attributes import set_committed_value

from payymo.domain.enums import MatchSort, MatchStatus, WaitReason
from payymo.domain.errors import NotFoundError
from payymo.domain.matching.records import Rejection
from payymo.postgres.core import Page
from payymo.postgres.reconciliation.models import Match, MatchDifference, MatchLine
from payymo.postgres.reconciliation.operations.review_queue import (
    pays_between,
    pays_customer,
    teaching_most_first,
    waits_because,
)
from payymo.postgres.reconciliation.operations.settlements import uuids

_ORDERS = {
    MatchSort.LATEST_FIRST: (Match.id.desc(),),
    MatchSort.SUREST_FIRST: (Match.confidence.desc(), Match.id.desc()),
}


@dataclass(frozen=True, slots=True)
class MatchFilter:
    """Which matches to list; all given conditions must hold."""

    status: MatchStatus | None = None
    min_confidence: Decimal | None = None
    invoice_id: UUID | None = None
    transaction_id: UUID | None = None
    customer_id: UUID | None = None
    min_amount: Decimal | None = None
    max_amount: Decimal | None = None
    wait_reason: WaitReason | None = None


def get_match(session: Session, tenant_id: UUID, match_id: UUID) -> Match:
    """Return one of the tenant's matches, with its lines.

    :param session: Open session; the caller manages the transaction.
    :param tenant_id: Tenant that must own it.
    :param match_id: Match to return.
    :raises NotFoundError: If the tenant has no such match.
    """
    match = session.scalars(
        select(Match).where(Match.tenant_id == tenant_id, Match.id == match_id)
    ).one_or_none()
    if match is None:
        raise NotFoundError("There is no such match.")
    return match


def list_matches(
    session: Session,
    tenant_id: UUID,
    *,
    where: MatchFilter = MatchFilter(),  # frozen
    sort: MatchSort = MatchSort.LATEST_FIRST,
    page: int = 1,
    per_page: int = 100,
) -> Page[Match]:
    """Return the tenant's matches with their lines.

    :param session: Open session; the caller manages the transaction.
    :param tenant_id: Tenant that owns them.
    :param where: Which ones.
    :param sort: In which order.
    :param page: Page, from 1.
    :param per_page: Rows of a page.
    """
    conditions = [Match.tenant_id == tenant_id, *_conditions(where)]
    total = session.scalar(select(func.count()).select_from(Match).where(*conditions))
    statement = (
        select(Match)
        .options(raiseload(Match.lines), raiseload(Match.differences))
        .where(*conditions)
    )
    if sort is MatchSort.TEACHING_MOST_FIRST:
        statement = teaching_most_first(statement, tenant_id)
    else:
        statement = statement.order_by(*_ORDERS[sort])
    rows = session.scalars(statement.offset((page - 1) * per_page).limit(per_page)).all()
    _attach_lines(session, tenant_id, rows)
    return Page(rows=rows, total=total or 0)


def _attach_lines(session: Session, tenant_id: UUID, matches: Sequence[Match]) -> None:
    """Read the lines of a page of matches: by one array of ids, not by a thousand parameters."""
    ids = [match.id for match in matches]
    lines = _by_match(session, tenant_id, MatchLine, ids)
    differences = _by_match(session, tenant_id, MatchDifference, ids)
    for match in matches:
        set_committed_value(match, "lines", lines[match.id])
        set_committed_value(match, "differences", differences[match.id])


def _by_match[Line: (MatchLine, MatchDifference)](
    session: Session, tenant_id: UUID, model: type[Line], match_ids: Sequence[UUID]
) -> Mapping[UUID, list[Line]]:
    found: dict[UUID, list[Line]] = {match_id: [] for match_id in match_ids}
    statement = (
        select(model)
        .where(model.tenant_id == tenant_id, model.match_id == any_(uuids(match_ids)))
        .order_by(model.id)
    )
    for line in session.scalars(statement):
        found[line.match_id].append(line)
    return found


def list_rejections(session: Session, tenant_id: UUID) -> Sequence[Rejection]:
    """Return the pairs of payment and invoice that people refused.

    :param session: Open session; the caller manages the transaction.
    :param tenant_id: Tenant that owns them.
    """
    pairs = _list_pairs(session, tenant_id, MatchStatus.REJECTED)
    return [Rejection(transaction_id, invoice_id) for transaction_id, invoice_id in pairs]


def list_reversed_pairs(session: Session, tenant_id: UUID) -> Collection[tuple[UUID, UUID]]:
    """Return the pairs of payment and invoice that were taken back: applied by people alone.

    :param session: Open session; the caller manages the transaction.
    :param tenant_id: Tenant that owns them.
    """
    return set(_list_pairs(session, tenant_id, MatchStatus.REVERSED))


def _list_pairs(
    session: Session, tenant_id: UUID, status: MatchStatus
) -> Sequence[tuple[UUID, UUID]]:
    rows = session.execute(
        select(Match.transaction_id, MatchLine.invoice_id)
        .join(
            MatchLine, (MatchLine.tenant_id == Match.tenant_id) & (MatchLine.match_id == Match.id)
        )
        .where(Match.tenant_id == tenant_id, Match.status == status)
        .distinct()
    )
    return [(row.transaction_id, row.invoice_id) for row in rows]


def _conditions(where: MatchFilter) -> list[ColumnElement[bool]]:
    has_invoice = exists().where(
        MatchLine.tenant_id == Match.tenant_id,
        MatchLine.match_id == Match.id,
        MatchLine.invoice_id == where.invoice_id,
    )
    found: list[ColumnElement[bool] | None] = [
        Match.status == where.status if where.status else None,
        Match.confidence >= where.min_confidence if where.min_confidence is not None else None,
        has_invoice if where.invoice_id else None,
        Match.transaction_id == where.transaction_id if where.transaction_id else None,
        pays_customer(where.customer_id) if where.customer_id else None,
        pays_between(where.min_amount, where.max_amount)
        if where.min_amount is not None or where.max_amount is not None
        else None,
        waits_because(where.wait_reason) if where.wait_reason else None,
    ]
    return [condition for condition in found if condition is not None]
