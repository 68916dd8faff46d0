"""What people decided on the engine's matches: the tenant's own proof of how right it is.

Only what somebody looked at counts. A match that Payymo applied counts once it is reversed, or
confirmed by a person all the same. A suggestion counts as wrong, too, when its payment was matched
otherwise by hand. Confirming faster than anybody reads counts for nothing.
"""

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from sqlalchemy import ColumnElement, func, or_, select, update
from sqlalchemy.orm import Session

from payymo.domain.enums import MatchOrigin, MatchStatus
from payymo.domain.errors import NotFoundError
from payymo.domain.matching.recalibration import Decision
from payymo.domain.settlement import Paid
from payymo.postgres.auth.operations.audit import record_audit
from payymo.postgres.reconciliation.models import Match, MatchLine, MatchRun

#: A confirmation sooner after the same person's last decision was not looked at.
LOOK_MIN: Final = timedelta(seconds=2)

#: What was decided before the latest so many says little about today.
DECISIONS_KEPT: Final = 5_000


def list_decisions(session: Session, tenant_id: UUID, *, engine_version: str) -> Sequence[Decision]:
    """Return what people made of the matches of one version of the engine, the latest first.

    :param session: Open session; the caller manages the transaction.
    :param tenant_id: Tenant that owns the matches.
    :param engine_version: Version whose matches count.
    """
    last = func.lag(Match.decided_at).over(
        partition_by=Match.decided_by, order_by=(Match.decided_at, Match.id)
    )
    decided = (
        select(
            Match.engine_confidence,
            Match.status,
            Match.decided_at,
            Match.id,
            Match.engine_version,
            (Match.decided_at - last).label("pause"),
        )
        .where(
            Match.tenant_id == tenant_id,
            Match.decided_by.is_not(None),
            Match.engine_confidence.is_not(None),
            Match.origin == MatchOrigin.ENGINE,
            ~_is_of_reversed_run(),
        )
        .order_by(Match.decided_at.desc(), Match.id.desc())
        .limit(DECISIONS_KEPT)
        .subquery()
    )
    rows = session.execute(
        select(decided.c.engine_confidence, decided.c.status)
        .where(
            decided.c.engine_version == engine_version,
            or_(
                decided.c.status != MatchStatus.CONFIRMED,
                decided.c.pause.is_(None),
                decided.c.pause >= LOOK_MIN,
            ),
        )
        .order_by(decided.c.decided_at.desc(), decided.c.id.desc())
    )
    return [
        Decision(float(row.engine_confidence), row.status is MatchStatus.CONFIRMED) for row in rows
    ]


def _is_of_reversed_run() -> ColumnElement[bool]:
    """Return whether a match was taken back with all that its matching applied: unseen."""
    return (
        select(MatchRun.id)
        .where(
            MatchRun.tenant_id == Match.tenant_id,
            MatchRun.id == Match.applied_run_id,
            MatchRun.reversed_at == Match.decided_at,
            Match.status == MatchStatus.REVERSED,
        )
        .exists()
    )


def note_correction(
    session: Session,
    tenant_id: UUID,
    transaction_id: UUID,
    allocations: Collection[Paid],
    *,
    actor_id: UUID | None,
    now: datetime,
) -> None:
    """Write down that somebody matches by hand what a suggestion got wrong.

    One that says what the person says is left as it is: it was right, and nobody confirmed it.

    :param session: Open session; the caller manages the transaction.
    :param tenant_id: Tenant that owns the payment.
    :param transaction_id: Payment that is matched by hand.
    :param allocations: How.
    :param actor_id: User who matches.
    :param now: Present time.
    """
    is_open = (
        Match.tenant_id == tenant_id,
        Match.transaction_id == transaction_id,
        Match.status == MatchStatus.SUGGESTED,
    )
    said = session.execute(
        select(MatchLine.invoice_id, MatchLine.amount)
        .join(Match, (Match.tenant_id == MatchLine.tenant_id) & (Match.id == MatchLine.match_id))
        .where(*is_open)
    )
    suggested = {(row.invoice_id, row.amount) for row in said}
    if suggested and suggested != {(each.invoice_id, each.amount) for each in allocations}:
        session.execute(
            update(Match)
            .where(*is_open)
            .values(decided_by=actor_id, decided_at=now)
            .execution_options(synchronize_session=False)
        )


def affirm_match(
    session: Session,
    tenant_id: UUID,
    match_id: UUID,
    *,
    actor_id: UUID | None,
    now: datetime,
) -> bool:
    """Let a person confirm what Payymo has applied, and return whether there was such a match.

    Nothing of the money changes; from then on the match counts as looked at.

    :param session: Open session; the caller manages the transaction.
    :param tenant_id: Tenant that must own it.
    :param match_id: Match to confirm.
    :param actor_id: User who confirms.
    :param now: Present time.
    :raises NotFoundError: If the tenant has no such match.
    """
    match = session.scalars(
        select(Match)
        .where(Match.tenant_id == tenant_id, Match.id == match_id)
        .with_for_update(of=Match)
        .execution_options(populate_existing=True)
    ).one_or_none()
    if match is None:
        raise NotFoundError("There is no such match.")
    is_applied = (
        match.status is MatchStatus.CONFIRMED
        and match.origin is MatchOrigin.ENGINE
        and match.decided_by is None
    )
    if is_applied:
        match.decided_by, match.decided_at = actor_id, now
        session.flush()
        record_audit(
            session,
            tenant_id,
            actor_id=actor_id,
            action="affirmed",
            entity="matches",
            entity_id=match_id,
            before={"decided_by": None},
            after={"decided_by": str(actor_id)},
        )
    return is_applied
