"""What becomes of matches, and what they book.

A match is suggested, and then confirmed, rejected or withdrawn; a confirmed one can be reversed,
and a reversed one confirmed again. Confirming books all that the match says, reversing takes all
of it back.
"""

from collections.abc import Collection
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import any_, insert, select, update
from sqlalchemy.orm import Session
from uuid_utils.compat import uuid7

from payymo.domain.enums import MatchOrigin, MatchStatus, TransactionStatus
from payymo.domain.errors import NotFoundError, RuleError
from payymo.domain.settlement import Settlement
from payymo.postgres.auth.operations.audit import record_audit, record_audits
from payymo.postgres.reconciliation.models import Match
from payymo.postgres.reconciliation.operations.manual_lines import check_manual_lines
from payymo.postgres.reconciliation.operations.matches import get_match
from payymo.postgres.reconciliation.operations.obstacles import as_problems, find_obstacles
from payymo.postgres.reconciliation.operations.opinions import Opinion, lines_of, list_opinions
from payymo.postgres.reconciliation.operations.payments import get_payment, update_match_status
from payymo.postgres.reconciliation.operations.proposals import (
    insert_match_lines,
    withdraw_suggestions,
)
from payymo.postgres.reconciliation.operations.settlements import (
    Lines,
    book_lines,
    reverse_lines,
    uuids,
)
from payymo.postgres.reconciliation.operations.track_records import note_correction

_TRANSITIONS = {
    MatchStatus.CONFIRMED: (MatchStatus.SUGGESTED, MatchStatus.REVERSED),
    MatchStatus.REJECTED: (MatchStatus.SUGGESTED,),
    MatchStatus.REVERSED: (MatchStatus.CONFIRMED,),
}


def create_match(
    session: Session,
    tenant_id: UUID,
    transaction_id: UUID,
    settlement: Settlement,
    *,
    actor_id: UUID | None,
    now: datetime,
) -> Match:
    """Match a payment by hand, confirmed at once, and return the match.

    An open suggestion for the payment is withdrawn.

    :param session: Open session; the caller manages the transaction.
    :param tenant_id: Tenant that must own payment, invoices, credits and customer.
    :param transaction_id: Payment to explain.
    :param settlement: Where its money goes, and what settles invoices besides.
    :param actor_id: User who matches.
    :param now: Present time.
    :raises NotFoundError: If the tenant has no such transaction, invoice, credit or customer.
    :raises InvalidInputError: If something is named twice, or an amount is not one.
    :raises RuleError: ``not_a_payment``, ``transaction_is_deleted``, ``over_allocation``,
        ``credit_exhausted``, ``currency_mismatch``, ``customer_mismatch`` or ``invoice_is_void``.
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
    check_manual_lines(session, payment, settlement)
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
        insert_match_lines(session, tenant_id, match_id, settlement)
        said = list_opinions(session, tenant_id, status=MatchStatus.CONFIRMED, match_ids=[match_id])
        lines = lines_of(session, tenant_id, said)
        book_lines(session, tenant_id, lines, actor_id=actor_id, now=now)
        note_correction(
            session, tenant_id, transaction_id, settlement.paid, actor_id=actor_id, now=now
        )
        withdraw_suggestions(session, tenant_id, [transaction_id])
        update_match_status(session, tenant_id, [transaction_id])
    _audit(session, tenant_id, match_id, MatchStatus.CONFIRMED, before=None, actor_id=actor_id)
    return get_match(session, tenant_id, match_id)


def confirm_match(
    session: Session,
    tenant_id: UUID,
    match_id: UUID,
    *,
    actor_id: UUID | None,
    now: datetime,
) -> Match:
    """Accept a suggestion, or redo a reversed match: what it says is booked. Return the match.

    :param session: Open session; the caller manages the transaction.
    :param tenant_id: Tenant that must own it.
    :param match_id: Match to confirm.
    :param actor_id: User who confirms; ``None`` when Payymo does.
    :param now: Present time.
    :raises NotFoundError: If the tenant has no such match.
    :raises RuleError: ``match_transition`` if it is neither suggested nor reversed;
        ``over_allocation`` or ``credit_exhausted`` if less is left by now than it needs;
        ``invoice_is_void``, ``transaction_is_deleted``. All that stands in the way is among the
        problems, and the match is unchanged.
    """
    match = _get_locked(session, tenant_id, match_id, MatchStatus.CONFIRMED)
    said = list_opinions(session, tenant_id, status=match.status, match_ids=[match_id])
    lines = lines_of(session, tenant_id, said)
    _refuse_what_cannot_be(session, tenant_id, lines)
    book_lines(session, tenant_id, lines, actor_id=actor_id, now=now)
    if match.status is MatchStatus.REVERSED:
        withdraw_suggestions(session, tenant_id, [match.transaction_id])
    _decide(session, match, MatchStatus.CONFIRMED, actor_id=actor_id, now=now)
    return match


def apply_matches(
    session: Session,
    tenant_id: UUID,
    match_ids: Collection[UUID],
    *,
    match_run_id: UUID,
    now: datetime,
) -> int:
    """Accept many suggestions that Payymo is sure of, and return how many there were.

    :param session: Open session; the caller manages the transaction.
    :param tenant_id: Tenant that owns them.
    :param match_ids: Suggestions to accept.
    :param match_run_id: Matching that applies them, and with which they can be taken back.
    :param now: Present time.
    :raises RuleError: ``over_allocation`` or ``credit_exhausted`` if less is left by now than they
        need.
    """
    said = list_opinions(session, tenant_id, match_ids=match_ids)
    lines = lines_of(session, tenant_id, said)
    book_lines(session, tenant_id, lines, actor_id=None, now=now)
    _mark_applied(
        session, tenant_id, said, match_run_id, actor_id=None, was=MatchStatus.SUGGESTED, now=now
    )
    return len(said)


def reapply_matches(
    session: Session,
    tenant_id: UUID,
    said: Collection[Opinion],
    *,
    match_run_id: UUID,
    actor_id: UUID | None,
    now: datetime,
) -> None:
    """Note that matches which were taken back with their matching are applied by it again.

    What they book is the caller's; suggestions for their payments are withdrawn.

    :param session: Open session; the caller manages the transaction.
    :param tenant_id: Tenant that owns them.
    :param said: What they say, all of them reversed and locked.
    :param match_run_id: The matching.
    :param actor_id: User who has it done again.
    :param now: Present time.
    """
    withdraw_suggestions(session, tenant_id, [each.transaction_id for each in said])
    _mark_applied(
        session, tenant_id, said, match_run_id, actor_id=actor_id, was=MatchStatus.REVERSED, now=now
    )


def _mark_applied(
    session: Session,
    tenant_id: UUID,
    said: Collection[Opinion],
    match_run_id: UUID,
    *,
    actor_id: UUID | None,
    was: MatchStatus,
    now: datetime,
) -> None:
    if not said:
        return
    ids = [each.id for each in said]
    session.execute(
        update(Match)
        .where(Match.tenant_id == tenant_id, Match.id == any_(uuids(ids)))
        .values(
            status=MatchStatus.CONFIRMED,
            applied_run_id=match_run_id,
            decided_by=None,
            decided_at=now,
        )
        .execution_options(synchronize_session=False)
    )
    update_match_status(session, tenant_id, {each.transaction_id for each in said})
    record_audits(
        session,
        tenant_id,
        actor_id=actor_id,
        action=MatchStatus.CONFIRMED,
        entity="matches",
        entity_ids=ids,
        before={"status": was},
        after={"status": MatchStatus.CONFIRMED},
    )


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
    """Undo a confirmed match: all that it booked is taken back. Return the match.

    :param session: Open session; the caller manages the transaction.
    :param tenant_id: Tenant that must own it.
    :param match_id: Match to reverse.
    :param actor_id: User who reverses.
    :param now: Present time.
    :raises NotFoundError: If the tenant has no such match.
    :raises RuleError: ``match_transition`` if it is not confirmed; ``credit_is_used`` if credit
        that it created is used, with each use among the problems.
    """
    match = _get_locked(session, tenant_id, match_id, MatchStatus.REVERSED)
    reverse_lines(session, tenant_id, match_ids=[match_id], actor_id=actor_id, now=now)
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
    if match.status not in _TRANSITIONS[wanted]:
        only = " or ".join(_TRANSITIONS[wanted])
        raise RuleError(
            f"A {match.status} match cannot be {wanted}: only a {only} one can.",
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
    if status is MatchStatus.CONFIRMED:
        match.applied_run_id = None
    session.flush()
    update_match_status(session, match.tenant_id, [match.transaction_id])
    _audit(session, match.tenant_id, match.id, status, before=before, actor_id=actor_id)
    session.refresh(match)


def _refuse_what_cannot_be(session: Session, tenant_id: UUID, lines: Lines) -> None:
    obstacles = find_obstacles(session, tenant_id, lines)
    if obstacles:
        first = obstacles[0]
        raise RuleError(first.message, code=first.code, problems=as_problems(obstacles))


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
