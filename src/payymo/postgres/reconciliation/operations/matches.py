"""Matches between payments and invoices, as the engine proposes them and as people read them.

What becomes of them is decided in ``decisions.py``.
"""

from collections.abc import Collection, Hashable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from types import MappingProxyType
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy import ColumnElement, any_, exists, func, select, update
from sqlalchemy.orm import Session, raiseload
from sqlalchemy.orm.attributes import set_committed_value
from uuid_utils.compat import uuid7

from payymo.domain.enums import (
    AdjustmentKind,
    CreditKind,
    MatchOrigin,
    MatchSort,
    MatchStatus,
    WaitReason,
)
from payymo.domain.errors import NotFoundError
from payymo.domain.matching.gate import Wait
from payymo.domain.matching.records import PaymentId, Proposal, Rejection
from payymo.domain.settlement import Paid, Settlement
from payymo.postgres.bulk import insert_rows
from payymo.postgres.common.models import Transaction
from payymo.postgres.core import Base, Page
from payymo.postgres.reconciliation.models import Match, MatchDifference, MatchLine
from payymo.postgres.reconciliation.operations.payments import update_match_status
from payymo.postgres.reconciliation.operations.review_queue import (
    pays_between,
    pays_customer,
    teaching_most_first,
    waits_because,
)
from payymo.postgres.reconciliation.operations.settlements import uuids

_MATCHES = Base.metadata.tables[Match.__tablename__]
_LINES = Base.metadata.tables[MatchLine.__tablename__]
_DIFFERENCES = Base.metadata.tables[MatchDifference.__tablename__]

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


# ----------------------------------------------------------------- proposals


def record_proposals(
    session: Session,
    tenant_id: UUID,
    proposals: Collection[Proposal],
    *,
    considered: Collection[Hashable],
    match_run_id: UUID,
    engine_version: str,
    engine_confidences: Mapping[Hashable, float] = MappingProxyType({}),
    waits: Mapping[Hashable, Sequence[Wait]] = MappingProxyType({}),
    settlements: Mapping[PaymentId, Settlement] = MappingProxyType({}),
) -> Mapping[UUID, UUID]:
    """Make the open suggestions of some payments those of the engine.

    A suggestion that is proposed again stays as it is; others are withdrawn. What people have
    decided is not touched.

    :param session: Open session; the caller manages the transaction.
    :param tenant_id: Tenant that owns payments and invoices.
    :param proposals: What the engine proposes, at most one for each payment.
    :param considered: All payments that the engine has looked at.
    :param match_run_id: Matching that the proposals come from.
    :param engine_version: Version of the engine.
    :param engine_confidences: What the engine's own model said of each payment's proposal, where
        the proposal says otherwise.
    :param waits: Why each payment's proposal waits for a person; nothing where it is applied.
    :param settlements: What each proposal would book; where absent, its allocations and no more.
    :returns: The open suggestion of each payment that has one.
    """
    books = {
        proposal.payment_id: settlements.get(proposal.payment_id) or _as_settlement(proposal)
        for proposal in proposals
    }
    known = {
        suggestion.transaction_id: suggestion
        for suggestion in list_suggestions(session, tenant_id)
        if suggestion.transaction_id in considered
    }
    wanted = {proposal.payment_id: proposal for proposal in proposals}
    kept = {
        payment_id: suggestion.id
        for payment_id, suggestion in known.items()
        if payment_id in wanted
        and _says(
            suggestion,
            wanted[payment_id],
            books[payment_id],
            _waits_as_json(waits.get(payment_id, ())),
        )
    }
    _withdraw(session, tenant_id, [known[at].id for at in known.keys() - kept.keys()])
    new = {
        proposal: books[proposal.payment_id]
        for proposal in proposals
        if proposal.payment_id not in kept
    }
    added = _insert(
        session,
        tenant_id,
        new,
        match_run_id=match_run_id,
        engine_version=engine_version,
        engine_confidences=engine_confidences,
        waits=waits,
    )
    changed = (set(known) | set(added)) - set(kept)
    if changed:
        update_match_status(session, tenant_id, changed)
    return kept | added


type DifferenceKey = tuple[
    UUID | None, AdjustmentKind | None, UUID | None, UUID | None, CreditKind | None, Decimal
]


@dataclass(frozen=True, slots=True)
class Suggestion:
    """A match that waits, without what the database would have to read besides.

    :ivar lines: Invoice, amount, and what that settles where the currencies differ.
    :ivar differences: As the columns of a match's difference have them.
    """

    id: UUID
    transaction_id: UUID
    confidence: Decimal
    is_tie: bool
    waits: Mapping[str, Any] | None
    lines: list[tuple[UUID, Decimal, Decimal | None]]
    differences: list[DifferenceKey]


def list_suggestions(
    session: Session, tenant_id: UUID, *, match_ids: Collection[UUID] | None = None
) -> Collection[Suggestion]:
    """Return the open suggestions, and keep others from deciding on those asked for.

    :param session: Open session; the caller manages the transaction.
    :param tenant_id: Tenant that owns them.
    :param match_ids: Only these, which are locked; all of them, unlocked, where absent.
    """
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
        .where(Match.tenant_id == tenant_id, Match.status == MatchStatus.SUGGESTED)
        .order_by(Match.id, MatchLine.id)
    )
    if match_ids is not None:
        statement = statement.where(Match.id == any_(uuids(match_ids))).with_for_update(of=Match)
    found: dict[UUID, Suggestion] = {}
    for row in session.execute(statement):
        suggestion = found.get(row.id)
        if suggestion is None:
            suggestion = Suggestion(
                row.id, row.transaction_id, row.confidence, row.is_tie, row.waits, [], []
            )
            found[row.id] = suggestion
        if row.invoice_id is not None:
            suggestion.lines.append((row.invoice_id, row.amount, row.settled))
    differences = session.execute(
        select(MatchDifference.match_id, *_DIFFERENCE_KEY)
        .join(
            Match,
            (Match.tenant_id == MatchDifference.tenant_id) & (Match.id == MatchDifference.match_id),
        )
        .where(Match.tenant_id == tenant_id, Match.status == MatchStatus.SUGGESTED)
        .order_by(MatchDifference.id)
    )
    for match_id, *key in differences:
        if match_id in found:
            found[match_id].differences.append(tuple(key))  # type: ignore[arg-type] # see above
    return found.values()


_DIFFERENCE_KEY = (
    MatchDifference.invoice_id,
    MatchDifference.adjustment,
    MatchDifference.credit_id,
    MatchDifference.customer_id,
    MatchDifference.credit_kind,
    MatchDifference.amount,
)


def _as_settlement(proposal: Proposal) -> Settlement:
    return Settlement(
        tuple(Paid(each.invoice_id, each.amount, each.settled) for each in proposal.allocations)
    )


def _says(
    suggestion: Suggestion, proposal: Proposal, books: Settlement, waits: Mapping[str, Any]
) -> bool:
    """Return whether an open suggestion says what the engine proposes now, and why it waits."""
    return (
        set(suggestion.lines)
        == {(paid.invoice_id, paid.amount, paid.settled) for paid in books.paid}
        and set(suggestion.differences) == set(_difference_keys(books))
        and suggestion.confidence == _confidence(proposal.confidence)
        and suggestion.is_tie == proposal.is_tie
        and suggestion.waits == waits
    )


def _difference_keys(books: Settlement) -> Sequence[tuple[Any, ...]]:
    """Return what a settlement books besides money on invoices, as the columns have it."""
    keys: list[tuple[Any, ...]] = [
        (each.invoice_id, each.kind, None, None, None, each.amount) for each in books.adjusted
    ]
    keys += [
        (each.invoice_id, None, each.credit_id, None, None, each.amount) for each in books.applied
    ]
    if books.credited is not None:
        credited = books.credited
        keys.append((None, None, None, credited.customer_id, credited.kind, credited.amount))
    return keys


def _withdraw(session: Session, tenant_id: UUID, match_ids: Collection[UUID]) -> None:
    if match_ids:
        session.execute(
            update(Match)
            .where(Match.tenant_id == tenant_id, Match.id == any_(uuids(match_ids)))
            .values(status=MatchStatus.WITHDRAWN)
            .execution_options(synchronize_session=False)
        )


def withdraw_suggestions_of_deleted(session: Session, tenant_id: UUID) -> None:
    """Withdraw what was suggested for transactions that people deleted.

    :param session: Open session; the caller manages the transaction.
    :param tenant_id: Tenant that owns them.
    """
    withdrawn = session.scalars(
        update(Match)
        .where(
            Match.tenant_id == tenant_id,
            Match.status == MatchStatus.SUGGESTED,
            exists().where(
                Transaction.tenant_id == Match.tenant_id,
                Transaction.id == Match.transaction_id,
                Transaction.deleted_at.is_not(None),
            ),
        )
        .values(status=MatchStatus.WITHDRAWN)
        .returning(Match.transaction_id)
        .execution_options(synchronize_session=False)
    ).all()
    if withdrawn:
        update_match_status(session, tenant_id, withdrawn)


_MATCH_COLUMNS = (
    "tenant_id",
    "id",
    "transaction_id",
    "match_run_id",
    "status",
    "origin",
    "confidence",
    "engine_confidence",
    "is_tie",
    "evidence",
    "runner_up",
    "waits",
    "engine_version",
)
_LINE_COLUMNS = ("tenant_id", "id", "match_id", "invoice_id", "amount", "settled")
_DIFFERENCE_COLUMNS = ("tenant_id", "id", "match_id", *(each.key for each in _DIFFERENCE_KEY))


def _insert(
    session: Session,
    tenant_id: UUID,
    proposals: Mapping[Proposal, Settlement],
    *,
    match_run_id: UUID,
    engine_version: str,
    engine_confidences: Mapping[Hashable, float],
    waits: Mapping[Hashable, Sequence[Wait]],
) -> dict[UUID, UUID]:
    matches: list[Sequence[Any]] = []
    lines: list[Sequence[Any]] = []
    differences: list[Sequence[Any]] = []
    added: dict[UUID, UUID] = {}
    for proposal, books in proposals.items():
        match_id = uuid7()
        added[_uuid(proposal.payment_id)] = match_id
        matches.append(
            (
                tenant_id,
                match_id,
                proposal.payment_id,
                match_run_id,
                MatchStatus.SUGGESTED.value,
                MatchOrigin.ENGINE.value,
                _confidence(proposal.confidence),
                _confidence(engine_confidences.get(proposal.payment_id, proposal.confidence)),
                proposal.is_tie,
                _as_text(_evidence_as_json(proposal)),
                _as_text(_runner_up_as_json(proposal)),
                _as_text(_waits_as_json(waits.get(proposal.payment_id, ()))),
                engine_version,
            )
        )
        lines += _line_rows(tenant_id, match_id, books)
        differences += _difference_rows(tenant_id, match_id, books)
    insert_rows(session, _MATCHES, _MATCH_COLUMNS, matches)
    insert_rows(session, _LINES, _LINE_COLUMNS, lines)
    insert_rows(session, _DIFFERENCES, _DIFFERENCE_COLUMNS, differences)
    return added


def insert_match_lines(
    session: Session, tenant_id: UUID, match_id: UUID, books: Settlement
) -> None:
    """Write what one match would book.

    :param session: Open session; the caller manages the transaction.
    :param tenant_id: Tenant that owns the match.
    :param match_id: The match, which has no lines yet.
    :param books: What it would book.
    """
    insert_rows(session, _LINES, _LINE_COLUMNS, _line_rows(tenant_id, match_id, books))
    rows = _difference_rows(tenant_id, match_id, books)
    insert_rows(session, _DIFFERENCES, _DIFFERENCE_COLUMNS, rows)


def _line_rows(tenant_id: UUID, match_id: UUID, books: Settlement) -> list[Sequence[Any]]:
    return [
        (tenant_id, uuid7(), match_id, paid.invoice_id, paid.amount, paid.settled)
        for paid in books.paid
    ]


def _difference_rows(tenant_id: UUID, match_id: UUID, books: Settlement) -> list[Sequence[Any]]:
    return [(tenant_id, uuid7(), match_id, *key) for key in _difference_keys(books)]


def _as_text(document: Mapping[str, Any] | None) -> str | None:
    return None if document is None else msgspec.json.encode(document).decode()


def _uuid(payment_id: object) -> UUID:
    assert isinstance(payment_id, UUID)  # noqa: S101 # the engine gives back what it was given
    return payment_id


def _confidence(probability: float) -> Decimal:
    return Decimal(f"{probability:.4f}")


def _evidence_as_json(proposal: Proposal) -> dict[str, Any]:
    return {
        "items": [
            {
                "kind": item.kind,
                "invoice_id": None if item.invoice_id is None else str(item.invoice_id),
                "weight": round(item.weight, 2),
                "text": item.text,
            }
            for item in proposal.evidence
        ]
    }


def _runner_up_as_json(proposal: Proposal) -> dict[str, Any] | None:
    if proposal.runner_up is None:
        return None
    return {
        "confidence": proposal.runner_up.confidence,
        "lines": [
            {"invoice_id": str(allocation.invoice_id), "amount": str(allocation.amount)}
            for allocation in proposal.runner_up.allocations
        ],
    }


def _waits_as_json(waits: Sequence[Wait]) -> dict[str, Any]:
    return {"items": [{"reason": wait.reason.value, "text": wait.text} for wait in waits]}


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
