"""Matches between payments and invoices, and what people decide about them.

A match is suggested, and then confirmed, rejected or withdrawn; a confirmed one can be reversed.
Nothing else happens to it.
"""

from collections.abc import Collection, Hashable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from types import MappingProxyType
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy import (
    ARRAY,
    BindParameter,
    ColumnElement,
    Uuid,
    any_,
    exists,
    func,
    insert,
    literal,
    select,
    update,
)
from sqlalchemy.orm import Session, raiseload
from sqlalchemy.orm.attributes import set_committed_value
from uuid_utils.compat import uuid7

from payymo.domain.enums import MatchOrigin, MatchSort, MatchStatus, TransactionStatus
from payymo.domain.errors import InvalidInputError, NotFoundError, Problem, RuleError
from payymo.domain.matching.gate import Wait
from payymo.domain.matching.records import Proposal, ProposedAllocation, Rejection
from payymo.domain.money import exponent_of
from payymo.postgres.auth.operations.audit import record_audit, record_audits
from payymo.postgres.bulk import insert_rows
from payymo.postgres.common.models import Transaction
from payymo.postgres.core import Base, Page
from payymo.postgres.reconciliation.models import Invoice, Match, MatchLine
from payymo.postgres.reconciliation.operations.allocations import (
    AllocationValues,
    record_allocations,
    reverse_allocations,
)
from payymo.postgres.reconciliation.operations.payments import get_payment, update_match_status
from payymo.postgres.reconciliation.operations.track_records import note_correction

_MATCHES = Base.metadata.tables[Match.__tablename__]
_LINES = Base.metadata.tables[MatchLine.__tablename__]

_TRANSITIONS = {
    MatchStatus.CONFIRMED: MatchStatus.SUGGESTED,
    MatchStatus.REJECTED: MatchStatus.SUGGESTED,
    MatchStatus.REVERSED: MatchStatus.CONFIRMED,
}

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
    rows = session.scalars(
        select(Match)
        .options(raiseload(Match.lines))
        .where(*conditions)
        .order_by(*_ORDERS[sort])
        .offset((page - 1) * per_page)
        .limit(per_page)
    ).all()
    _attach_lines(session, tenant_id, rows)
    return Page(rows=rows, total=total or 0)


def _attach_lines(session: Session, tenant_id: UUID, matches: Sequence[Match]) -> None:
    """Read the lines of a page of matches: by one array of ids, not by a thousand parameters."""
    lines: dict[UUID, list[MatchLine]] = {match.id: [] for match in matches}
    statement = (
        select(MatchLine)
        .where(MatchLine.tenant_id == tenant_id, MatchLine.match_id == any_(_uuids(lines)))
        .order_by(MatchLine.id)
    )
    for line in session.scalars(statement):
        lines[line.match_id].append(line)
    for match in matches:
        set_committed_value(match, "lines", lines[match.id])


def list_rejections(session: Session, tenant_id: UUID) -> Sequence[Rejection]:
    """Return the pairs of payment and invoice that people refused.

    :param session: Open session; the caller manages the transaction.
    :param tenant_id: Tenant that owns them.
    """
    rows = session.execute(
        select(Match.transaction_id, MatchLine.invoice_id)
        .join(
            MatchLine, (MatchLine.tenant_id == Match.tenant_id) & (MatchLine.match_id == Match.id)
        )
        .where(Match.tenant_id == tenant_id, Match.status == MatchStatus.REJECTED)
        .distinct()
    )
    return [Rejection(row.transaction_id, row.invoice_id) for row in rows]


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
    :returns: The open suggestion of each payment that has one.
    """
    known = {
        suggestion.transaction_id: suggestion
        for suggestion in _list_suggestions(session, tenant_id)
        if suggestion.transaction_id in considered
    }
    wanted = {proposal.payment_id: proposal for proposal in proposals}
    kept = {
        payment_id: suggestion.id
        for payment_id, suggestion in known.items()
        if payment_id in wanted
        and _says(suggestion, wanted[payment_id], _waits_as_json(waits.get(payment_id, ())))
    }
    _withdraw(session, tenant_id, [known[at].id for at in known.keys() - kept.keys()])
    new = [proposal for proposal in proposals if proposal.payment_id not in kept]
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


@dataclass(frozen=True, slots=True)
class _Suggestion:
    """A match that waits, without what the database would have to read besides."""

    id: UUID
    transaction_id: UUID
    confidence: Decimal
    is_tie: bool
    waits: Mapping[str, Any] | None
    lines: list[tuple[UUID, Decimal]]


def _list_suggestions(
    session: Session, tenant_id: UUID, *, match_ids: Collection[UUID] | None = None
) -> Collection[_Suggestion]:
    """Return the open suggestions by id, and keep others from deciding on those asked for."""
    statement = (
        select(
            Match.id,
            Match.transaction_id,
            Match.confidence,
            Match.is_tie,
            Match.waits,
            MatchLine.invoice_id,
            MatchLine.amount,
        )
        .join(
            MatchLine, (MatchLine.tenant_id == Match.tenant_id) & (MatchLine.match_id == Match.id)
        )
        .where(Match.tenant_id == tenant_id, Match.status == MatchStatus.SUGGESTED)
        .order_by(Match.id, MatchLine.id)
    )
    if match_ids is not None:
        statement = statement.where(Match.id == any_(_uuids(match_ids))).with_for_update(of=Match)
    found: dict[UUID, _Suggestion] = {}
    for row in session.execute(statement):
        suggestion = found.get(row.id)
        if suggestion is None:
            suggestion = _Suggestion(
                row.id, row.transaction_id, row.confidence, row.is_tie, row.waits, []
            )
            found[row.id] = suggestion
        suggestion.lines.append((row.invoice_id, row.amount))
    return found.values()


def _says(suggestion: _Suggestion, proposal: Proposal, waits: Mapping[str, Any]) -> bool:
    """Return whether an open suggestion says what the engine proposes now, and why it waits."""
    return (
        set(suggestion.lines)
        == {(allocation.invoice_id, allocation.amount) for allocation in proposal.allocations}
        and suggestion.confidence == _confidence(proposal.confidence)
        and suggestion.is_tie == proposal.is_tie
        and suggestion.waits == waits
    )


def _withdraw(session: Session, tenant_id: UUID, match_ids: Collection[UUID]) -> None:
    if match_ids:
        session.execute(
            update(Match)
            .where(Match.tenant_id == tenant_id, Match.id == any_(_uuids(match_ids)))
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


def _uuids(ids: Collection[UUID]) -> BindParameter[list[UUID]]:
    return literal(list(ids), ARRAY(Uuid))


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
_LINE_COLUMNS = ("tenant_id", "id", "match_id", "invoice_id", "amount")


def _insert(
    session: Session,
    tenant_id: UUID,
    proposals: Sequence[Proposal],
    *,
    match_run_id: UUID,
    engine_version: str,
    engine_confidences: Mapping[Hashable, float],
    waits: Mapping[Hashable, Sequence[Wait]],
) -> dict[UUID, UUID]:
    matches: list[Sequence[Any]] = []
    lines: list[Sequence[Any]] = []
    added: dict[UUID, UUID] = {}
    for proposal in proposals:
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
        lines += [
            (tenant_id, uuid7(), match_id, allocation.invoice_id, allocation.amount)
            for allocation in proposal.allocations
        ]
    insert_rows(session, _MATCHES, _MATCH_COLUMNS, matches)
    insert_rows(session, _LINES, _LINE_COLUMNS, lines)
    return added


def _as_text(document: Mapping[str, Any] | None) -> str | None:
    return None if document is None else msgspec.json.encode(document).decode()


def _lines(
    tenant_id: UUID, match_id: UUID, allocations: Sequence[ProposedAllocation]
) -> list[dict[str, Any]]:
    return [
        {
            "tenant_id": tenant_id,
            "id": uuid7(),
            "match_id": match_id,
            "invoice_id": allocation.invoice_id,
            "amount": allocation.amount,
        }
        for allocation in allocations
    ]


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


# ----------------------------------------------------------------- decisions


def create_match(
    session: Session,
    tenant_id: UUID,
    transaction_id: UUID,
    allocations: Sequence[ProposedAllocation],
    *,
    actor_id: UUID | None,
    now: datetime,
) -> Match:
    """Match a payment to invoices by hand, confirmed at once, and return the match.

    An open suggestion for the payment is withdrawn.

    :param session: Open session; the caller manages the transaction.
    :param tenant_id: Tenant that must own payment and invoices.
    :param transaction_id: Payment to explain.
    :param allocations: How much of it goes to which invoice; each invoice once.
    :param actor_id: User who matches.
    :param now: Present time.
    :raises NotFoundError: If the tenant has no such transaction or invoice.
    :raises InvalidInputError: If an invoice is unknown or named twice, or an amount not positive.
    :raises RuleError: ``not_a_payment``, ``transaction_is_deleted``, ``over_allocation``,
        ``currency_mismatch`` or ``invoice_is_void``.
    """
    payment = get_payment(session, tenant_id, transaction_id)
    if payment.amount <= 0 or payment.status is not TransactionStatus.BOOKED:
        raise RuleError(
            "Only booked money that came in can be matched to invoices.", code="not_a_payment"
        )
    if payment.deleted_at is not None:
        raise RuleError(
            "This transaction was deleted: restore it first.", code="transaction_is_deleted"
        )
    _check_allocations(session, tenant_id, allocations, payment.currency)
    match_id = uuid7()
    row: dict[str, Any] = {
        "tenant_id": tenant_id,
        "id": match_id,
        "transaction_id": transaction_id,
        "match_run_id": None,
        "status": MatchStatus.CONFIRMED,
        "origin": MatchOrigin.MANUAL,
        "confidence": Decimal(1),
        "engine_confidence": None,
        "is_tie": False,
        "evidence": {"items": []},
        "runner_up": None,
        "waits": None,
        "engine_version": None,
        "decided_by": actor_id,
        "decided_at": now,
    }
    with session.begin_nested():
        session.execute(insert(Match), [row])
        session.execute(insert(MatchLine), _lines(tenant_id, match_id, allocations))
        values = [
            AllocationValues(match_id, transaction_id, _uuid(given.invoice_id), given.amount)
            for given in allocations
        ]
        record_allocations(session, tenant_id, values, now=now)
        note_correction(session, tenant_id, transaction_id, allocations, actor_id=actor_id, now=now)
        _withdraw_suggestion(session, tenant_id, transaction_id)
        update_match_status(session, tenant_id, [transaction_id])
    _audit(session, tenant_id, match_id, MatchStatus.CONFIRMED, before=None, actor_id=actor_id)
    return get_match(session, tenant_id, match_id)


def _check_allocations(
    session: Session, tenant_id: UUID, allocations: Sequence[ProposedAllocation], currency: str
) -> None:
    known = set(
        session.scalars(
            select(Invoice.id).where(
                Invoice.tenant_id == tenant_id,
                Invoice.id.in_({allocation.invoice_id for allocation in allocations}),
            )
        )
    )
    absent = [
        Problem(f"allocations.{number}.invoice_id", "There is no such invoice.")
        for number, allocation in enumerate(allocations)
        if allocation.invoice_id not in known
    ]
    if absent:
        raise NotFoundError("There is no such invoice.", problems=absent)
    problems = []
    seen = set()
    for number, allocation in enumerate(allocations):
        place = f"allocations.{number}"
        if allocation.invoice_id in seen:
            problems.append(Problem(f"{place}.invoice_id", "Name each invoice once."))
        if allocation.amount <= 0:
            problems.append(Problem(f"{place}.amount", "The amount must be greater than zero."))
        decimals = exponent_of(currency)
        if round(allocation.amount, decimals) != allocation.amount:
            sentence = f"An amount in {currency} has at most {decimals} decimals."
            problems.append(Problem(f"{place}.amount", sentence))
        seen.add(allocation.invoice_id)
    if not allocations:
        problems.append(Problem("allocations", "Name at least one invoice."))
    if problems:
        raise InvalidInputError("The match is not valid.", problems=problems)


def confirm_match(
    session: Session,
    tenant_id: UUID,
    match_id: UUID,
    *,
    actor_id: UUID | None,
    now: datetime,
) -> Match:
    """Accept a suggestion: its amounts are allocated. Return the match.

    :param session: Open session; the caller manages the transaction.
    :param tenant_id: Tenant that must own it.
    :param match_id: Match to confirm.
    :param actor_id: User who confirms; ``None`` when Payymo does.
    :param now: Present time.
    :raises NotFoundError: If the tenant has no such match.
    :raises RuleError: ``match_transition`` if it is not suggested; ``over_allocation`` if less is
        left by now than it needs; ``invoice_is_void``. The match is unchanged then.
    """
    match = _get_locked(session, tenant_id, match_id, MatchStatus.CONFIRMED)
    record_allocations(session, tenant_id, _allocations_of(match), now=now)
    _decide(session, match, MatchStatus.CONFIRMED, actor_id=actor_id, now=now)
    return match


def apply_matches(
    session: Session, tenant_id: UUID, match_ids: Collection[UUID], *, now: datetime
) -> int:
    """Accept many suggestions that Payymo is sure of, and return how many there were.

    :param session: Open session; the caller manages the transaction.
    :param tenant_id: Tenant that owns them.
    :param match_ids: Suggestions to accept.
    :param now: Present time.
    :raises RuleError: ``over_allocation`` if less is left by now than they need.
    """
    matches = _list_suggestions(session, tenant_id, match_ids=match_ids)
    if not matches:
        return 0
    allocations = [
        AllocationValues(match.id, match.transaction_id, invoice_id, amount)
        for match in matches
        for invoice_id, amount in match.lines
    ]
    record_allocations(session, tenant_id, allocations, now=now)
    ids = [match.id for match in matches]
    session.execute(
        update(Match)
        .where(Match.tenant_id == tenant_id, Match.id == any_(_uuids(ids)))
        .values(status=MatchStatus.CONFIRMED, decided_by=None, decided_at=now)
        .execution_options(synchronize_session=False)
    )
    update_match_status(session, tenant_id, {match.transaction_id for match in matches})
    record_audits(
        session,
        tenant_id,
        action=MatchStatus.CONFIRMED,
        entity="matches",
        entity_ids=ids,
        before={"status": MatchStatus.SUGGESTED},
        after={"status": MatchStatus.CONFIRMED},
    )
    return len(matches)


def reject_match(
    session: Session,
    tenant_id: UUID,
    match_id: UUID,
    *,
    actor_id: UUID | None,
    now: datetime,
) -> Match:
    """Refuse a suggestion: its pairs are not proposed again. Return the match.

    :param session: Open session; the caller manages the transaction.
    :param tenant_id: Tenant that must own it.
    :param match_id: Match to reject.
    :param actor_id: User who rejects.
    :param now: Present time.
    :raises NotFoundError: If the tenant has no such match.
    :raises RuleError: ``match_transition`` if it is not suggested.
    """
    match = _get_locked(session, tenant_id, match_id, MatchStatus.REJECTED)
    _decide(session, match, MatchStatus.REJECTED, actor_id=actor_id, now=now)
    return match


def reverse_match(
    session: Session,
    tenant_id: UUID,
    match_id: UUID,
    *,
    actor_id: UUID | None,
    now: datetime,
) -> Match:
    """Undo a confirmed match: its money is free again. Return the match.

    :param session: Open session; the caller manages the transaction.
    :param tenant_id: Tenant that must own it.
    :param match_id: Match to reverse.
    :param actor_id: User who reverses.
    :param now: Present time.
    :raises NotFoundError: If the tenant has no such match.
    :raises RuleError: ``match_transition`` if it is not confirmed.
    """
    match = _get_locked(session, tenant_id, match_id, MatchStatus.REVERSED)
    reverse_allocations(session, tenant_id, match_id, now=now)
    _decide(session, match, MatchStatus.REVERSED, actor_id=actor_id, now=now)
    return match


def _get_locked(session: Session, tenant_id: UUID, match_id: UUID, wanted: MatchStatus) -> Match:
    """Return a match that may become what is wanted, and keep others from deciding on it."""
    match = session.scalars(
        select(Match)
        .where(Match.tenant_id == tenant_id, Match.id == match_id)
        .with_for_update(of=Match)
        .execution_options(populate_existing=True)
    ).one_or_none()
    if match is None:
        raise NotFoundError("There is no such match.")
    if match.status is not _TRANSITIONS[wanted]:
        raise RuleError(
            f"A {match.status} match cannot be {wanted}: only a {_TRANSITIONS[wanted]} one can.",
            code="match_transition",
        )
    return match


def _decide(
    session: Session,
    match: Match,
    status: MatchStatus,
    *,
    actor_id: UUID | None,
    now: datetime,
) -> None:
    before = match.status
    match.status = status
    match.decided_by = actor_id
    match.decided_at = now
    session.flush()
    update_match_status(session, match.tenant_id, [match.transaction_id])
    _audit(session, match.tenant_id, match.id, status, before=before, actor_id=actor_id)
    session.refresh(match)


def _allocations_of(match: Match) -> list[AllocationValues]:
    return [
        AllocationValues(match.id, match.transaction_id, line.invoice_id, line.amount)
        for line in match.lines
    ]


def _withdraw_suggestion(session: Session, tenant_id: UUID, transaction_id: UUID) -> None:
    session.execute(
        update(Match)
        .where(
            Match.tenant_id == tenant_id,
            Match.transaction_id == transaction_id,
            Match.status == MatchStatus.SUGGESTED,
        )
        .values(status=MatchStatus.WITHDRAWN)
    )


def _audit(
    session: Session,
    tenant_id: UUID,
    match_id: UUID,
    status: MatchStatus,
    *,
    before: MatchStatus | None,
    actor_id: UUID | None,
) -> None:
    record_audit(
        session,
        tenant_id,
        actor_id=actor_id,
        action=status,
        entity="matches",
        entity_id=match_id,
        before=None if before is None else {"status": before},
        after={"status": status},
    )


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
    ]
    return [condition for condition in found if condition is not None]
