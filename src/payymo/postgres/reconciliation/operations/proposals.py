"""What the engine proposes: written as matches that wait, and withdrawn where it thinks otherwise.

What becomes of them is decided in ``decisions.py``.
"""

from collections.abc import Collection, Hashable, Mapping, Sequence
from decimal import Decimal
from types import MappingProxyType
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy import any_, exists, update
from sqlalchemy.orm import Session
from uuid_utils.compat import uuid7

from payymo.domain.enums import MatchOrigin, MatchStatus
from payymo.domain.matching.gate import Wait
from payymo.domain.matching.records import PaymentId, Proposal
from payymo.domain.settlement import Paid, Settlement
from payymo.postgres.bulk import insert_rows
from payymo.postgres.common.models import Transaction
from payymo.postgres.core import Base
from payymo.postgres.reconciliation.models import Match, MatchDifference, MatchLine
from payymo.postgres.reconciliation.operations.opinions import (
    DIFFERENCE_KEY,
    Opinion,
    list_opinions,
)
from payymo.postgres.reconciliation.operations.payments import update_match_status
from payymo.postgres.reconciliation.operations.settlements import uuids

_MATCHES = Base.metadata.tables[Match.__tablename__]
_LINES = Base.metadata.tables[MatchLine.__tablename__]
_DIFFERENCES = Base.metadata.tables[MatchDifference.__tablename__]


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
    applied: Collection[PaymentId] = (),
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
    :param applied: Payments whose suggestion is applied next, which then says how they stand.
    :returns: The open suggestion of each payment that has one.
    """
    books = {
        proposal.payment_id: settlements.get(proposal.payment_id) or _as_settlement(proposal)
        for proposal in proposals
    }
    known = {
        suggestion.transaction_id: suggestion
        for suggestion in list_opinions(session, tenant_id)
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
    changed = (set(known) | set(added)).difference(kept, applied)
    if changed:
        update_match_status(session, tenant_id, changed)
    return kept | added


def _as_settlement(proposal: Proposal) -> Settlement:
    return Settlement(
        tuple(Paid(each.invoice_id, each.amount, each.settled) for each in proposal.allocations)
    )


def _says(
    suggestion: Opinion, proposal: Proposal, books: Settlement, waits: Mapping[str, Any]
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


def withdraw_suggestions(
    session: Session, tenant_id: UUID, transaction_ids: Collection[UUID]
) -> None:
    """Withdraw what was suggested for some payments: they are explained otherwise now.

    :param session: Open session; the caller manages the transaction.
    :param tenant_id: Tenant that owns them.
    :param transaction_ids: The payments.
    """
    session.execute(
        update(Match)
        .where(
            Match.tenant_id == tenant_id,
            Match.transaction_id == any_(uuids(transaction_ids)),
            Match.status == MatchStatus.SUGGESTED,
        )
        .values(status=MatchStatus.WITHDRAWN)
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

_DIFFERENCE_COLUMNS = ("tenant_id", "id", "match_id", *(each.key for each in DIFFERENCE_KEY))


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
