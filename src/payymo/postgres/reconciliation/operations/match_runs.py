"""Matchings of all unexplained payments with all open invoices."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import any_, func, select, text, update
from sqlalchemy.orm import Session

from payymo.domain.enums import MatchScope, MatchStatus, RunStatus
from payymo.domain.errors import NotFoundError
from payymo.postgres.auth.operations.audit import record_audit, record_audits
from payymo.postgres.core import Page
from payymo.postgres.reconciliation.models import CreditUse, Match, MatchRun
from payymo.postgres.reconciliation.operations.decisions import reapply_matches
from payymo.postgres.reconciliation.operations.opinions import Opinion
from payymo.postgres.reconciliation.operations.payments import update_match_status
from payymo.postgres.reconciliation.operations.settlements import (
    CreditUseValues,
    Lines,
    book_lines,
    reverse_lines,
    uuids,
)


def lock_matching(session: Session, tenant_id: UUID) -> None:
    """Wait until no other matching of the tenant runs, and keep others out.

    The lock ends with the transaction.

    :param session: Open session; the caller manages the transaction.
    :param tenant_id: Tenant whose payments are to be matched.
    """
    session.execute(
        text("SELECT pg_advisory_xact_lock(hashtextextended(:name, 0))"),
        {"name": f"payymo.matching.{tenant_id}"},
    )


def get_match_run(session: Session, tenant_id: UUID, match_run_id: UUID) -> MatchRun:
    """Return one of the tenant's matchings.

    :param session: Open session; the caller manages the transaction.
    :param tenant_id: Tenant that must own it.
    :param match_run_id: Matching to return.
    :raises NotFoundError: If the tenant has no such matching.
    """
    run = session.scalars(
        select(MatchRun).where(MatchRun.tenant_id == tenant_id, MatchRun.id == match_run_id)
    ).one_or_none()
    if run is None:
        raise NotFoundError("There is no such match run.")
    return run


def list_match_runs(
    session: Session, tenant_id: UUID, *, page: int = 1, per_page: int = 100
) -> Page[MatchRun]:
    """Return the tenant's matchings, the latest first.

    :param session: Open session; the caller manages the transaction.
    :param tenant_id: Tenant that owns them.
    :param page: Page, from 1.
    :param per_page: Rows of a page.
    """
    own = MatchRun.tenant_id == tenant_id
    total = session.scalar(select(func.count()).select_from(MatchRun).where(own))
    rows = session.scalars(
        select(MatchRun)
        .where(own)
        .order_by(MatchRun.started_at.desc(), MatchRun.id.desc())
        .offset((page - 1) * per_page)
        .limit(per_page)
    )
    return Page(rows=rows.all(), total=total or 0)


def list_applied(session: Session, tenant_id: UUID, match_run_id: UUID) -> Mapping[UUID, UUID]:
    """Return the payments of the matches that a matching applied and that stand, by match.

    What people confirmed is not among them. Others are kept from deciding on them.

    :param session: Open session; the caller manages the transaction.
    :param tenant_id: Tenant that owns them.
    :param match_run_id: Matching that is meant.
    """
    rows = session.execute(
        select(Match.id, Match.transaction_id)
        .where(
            Match.tenant_id == tenant_id,
            Match.applied_run_id == match_run_id,
            Match.status == MatchStatus.CONFIRMED,
            Match.decided_by.is_(None),
        )
        .order_by(Match.id)
        .with_for_update()
    )
    return {row.id: row.transaction_id for row in rows}


def count_credit_uses(session: Session, tenant_id: UUID, match_run_id: UUID) -> int:
    """Return how many uses of credit a matching made by the tenant's policy, that stand.

    :param session: Open session; the caller manages the transaction.
    :param tenant_id: Tenant that owns them.
    :param match_run_id: Matching that is meant.
    """
    statement = select(func.count()).where(
        CreditUse.tenant_id == tenant_id,
        CreditUse.match_run_id == match_run_id,
        CreditUse.reversed_at.is_(None),
    )
    return session.scalar(statement) or 0


def reverse_match_run(
    session: Session,
    run: MatchRun,
    applied: Mapping[UUID, UUID],
    *,
    actor_id: UUID | None,
    now: datetime,
) -> None:
    """Take back what a matching applied, and withdraw what it suggested.

    :param session: Open session; the caller manages the transaction.
    :param run: The matching.
    :param applied: Its matches of :func:`list_applied`.
    :param actor_id: User who takes it back.
    :param now: Present time (aware).
    :raises RuleError: ``credit_is_used`` if credit that it created is used by something else.
    """
    tenant_id = run.tenant_id
    reverse_lines(
        session,
        tenant_id,
        match_ids=applied.keys(),
        match_run_id=run.id,
        actor_id=actor_id,
        now=now,
    )
    session.execute(
        update(Match)
        .where(Match.tenant_id == tenant_id, Match.id == any_(uuids(applied.keys())))
        .values(status=MatchStatus.REVERSED, decided_by=actor_id, decided_at=now)
    )
    withdrawn = session.scalars(
        update(Match)
        .where(
            Match.tenant_id == tenant_id,
            Match.match_run_id == run.id,
            Match.status == MatchStatus.SUGGESTED,
        )
        .values(status=MatchStatus.WITHDRAWN)
        .returning(Match.transaction_id)
    ).all()
    update_match_status(session, tenant_id, {*applied.values(), *withdrawn})
    run.reversed_at = now
    run.reversed_by = actor_id
    session.flush()
    for entity, entity_ids in (("matches", list(applied)), ("match_runs", [run.id])):
        record_audits(
            session,
            tenant_id,
            actor_id=actor_id,
            action=MatchStatus.REVERSED,
            entity=entity,
            entity_ids=entity_ids,
            before={},
            after={"match_run_id": str(run.id)},
        )


def list_taken_back(session: Session, run: MatchRun) -> Collection[UUID]:
    """Return the matches that were reversed with their matching, and that nobody touched since.

    :param session: Open session; the caller manages the transaction.
    :param run: A matching that was taken back.
    """
    statement = select(Match.id).where(
        Match.tenant_id == run.tenant_id,
        Match.applied_run_id == run.id,
        Match.status == MatchStatus.REVERSED,
        Match.decided_at == run.reversed_at,
    )
    return session.scalars(statement.order_by(Match.id)).all()


def list_uses_taken_back(session: Session, run: MatchRun) -> Sequence[CreditUseValues]:
    """Return the uses of credit that were reversed with their matching, to be booked once more.

    :param session: Open session; the caller manages the transaction.
    :param run: A matching that was taken back.
    """
    rows = session.scalars(
        select(CreditUse)
        .where(
            CreditUse.tenant_id == run.tenant_id,
            CreditUse.match_run_id == run.id,
            CreditUse.reversed_at == run.reversed_at,
        )
        .order_by(CreditUse.id)
    )
    return [
        CreditUseValues(
            row.credit_id, row.kind, row.amount, invoice_id=row.invoice_id, match_run_id=run.id
        )
        for row in rows
    ]


def redo_match_run(
    session: Session,
    run: MatchRun,
    said: Collection[Opinion],
    lines: Lines,
    *,
    actor_id: UUID | None,
    now: datetime,
) -> None:
    """Apply again what was taken back with a matching.

    :param session: Open session; the caller manages the transaction.
    :param run: The matching, which is as if it had not been taken back then.
    :param said: What its matches of :func:`list_taken_back` say.
    :param lines: What they book, and its uses of credit.
    :param actor_id: User who has it done again.
    :param now: Present time (aware).
    :raises RuleError: ``over_allocation`` and the like if less is left by now than it needs.
    """
    tenant_id = run.tenant_id
    book_lines(session, tenant_id, lines, actor_id=None, now=now)
    reapply_matches(session, tenant_id, said, match_run_id=run.id, actor_id=actor_id, now=now)
    before = {"reversed_at": run.reversed_at.isoformat() if run.reversed_at else None}
    run.reversed_at = run.reversed_by = None
    session.flush()
    record_audit(
        session,
        tenant_id,
        actor_id=actor_id,
        action="redone",
        entity="match_runs",
        entity_id=run.id,
        before=before,
        after={"reversed_at": None},
    )


def find_last_run(
    session: Session, tenant_id: UUID, *, scope: MatchScope | None = None
) -> MatchRun | None:
    """Return the latest matching that succeeded; ``None`` if there was none.

    :param session: Open session; the caller manages the transaction.
    :param tenant_id: Tenant that owns it.
    :param scope: How much it must have looked at, if that matters.
    """
    conditions = [MatchRun.tenant_id == tenant_id, MatchRun.status == RunStatus.SUCCEEDED]
    if scope is not None:
        conditions.append(MatchRun.scope == scope)
    return session.scalars(
        select(MatchRun)
        .where(*conditions)
        .order_by(MatchRun.started_at.desc(), MatchRun.id.desc())
        .limit(1)
    ).one_or_none()


def start_match_run(
    session: Session,
    tenant_id: UUID,
    *,
    job_id: UUID | None,
    engine_version: str,
    calibration_version: int | None = None,
    scope: MatchScope = MatchScope.FULL,
    basis: str | None = None,
    now: datetime,
) -> MatchRun:
    """Write down that a matching begins, and return the record.

    :param session: Open session; the caller manages the transaction.
    :param tenant_id: Tenant whose payments are matched.
    :param job_id: Background job that it runs in.
    :param engine_version: Version of the engine that judges.
    :param calibration_version: Version of the tenant's curve; ``None`` for the shipped one.
    :param scope: How much it looks at.
    :param basis: Versions and settings on which it rests.
    :param now: Present time.
    """
    run = MatchRun(
        tenant_id=tenant_id,
        job_id=job_id,
        status=RunStatus.RUNNING,
        engine_version=engine_version,
        calibration_version=calibration_version,
        scope=scope,
        basis=basis,
        started_at=now,
    )
    session.add(run)
    session.flush()
    return run


def finish_match_run(
    session: Session,
    run: MatchRun,
    *,
    payment_count: int,
    invoice_count: int,
    applied_count: int,
    suggested_count: int,
    inputs: str | None,
    now: datetime,
) -> None:
    """Write down what a matching found.

    :param session: Open session; the caller manages the transaction.
    :param run: The matching.
    :param payment_count: Unexplained payments that it looked at.
    :param invoice_count: Open invoices that it looked at.
    :param applied_count: Payments whose match was applied.
    :param suggested_count: Payments whose match waits for a person.
    :param inputs: As what it left the books, where it looked at all of them to the end.
    :param now: Present time.
    """
    run.inputs = inputs
    run.status = RunStatus.SUCCEEDED
    run.payment_count = payment_count
    run.invoice_count = invoice_count
    run.applied_count = applied_count
    run.suggested_count = suggested_count
    run.unexplained_count = payment_count - applied_count - suggested_count
    run.finished_at = now
    session.flush()


def record_failed_run(
    session: Session,
    tenant_id: UUID,
    *,
    job_id: UUID | None,
    engine_version: str,
    scope: MatchScope,
    error_message: str,
    started_at: datetime,
    now: datetime,
) -> MatchRun:
    """Write down that a matching came to nothing, and return the record.

    What it had written until then is gone with its transaction: this is one of its own.

    :param session: Open session; the caller manages the transaction.
    :param tenant_id: Tenant whose payments were to be matched.
    :param job_id: Background job that it ran in.
    :param engine_version: Version of the engine that judged.
    :param scope: How much it was to look at.
    :param error_message: Why, in a sentence without secrets and personal data.
    :param started_at: When it began (aware).
    :param now: Present time (aware).
    """
    run = start_match_run(
        session,
        tenant_id,
        job_id=job_id,
        engine_version=engine_version,
        scope=scope,
        now=started_at,
    )
    run.status = RunStatus.FAILED
    run.error_message = error_message
    run.finished_at = now
    session.flush()
    return run


def find_latest_run(session: Session, tenant_id: UUID) -> MatchRun | None:
    """Return the matching that began last, however it ended; ``None`` if there was none.

    :param session: Open session; the caller manages the transaction.
    :param tenant_id: Tenant that owns it.
    """
    return session.scalars(
        select(MatchRun)
        .where(MatchRun.tenant_id == tenant_id)
        .order_by(MatchRun.started_at.desc(), MatchRun.id.desc())
        .limit(1)
    ).one_or_none()


def find_last_finding(session: Session, tenant_id: UUID) -> datetime | None:
    """Return when a matching last changed anything, or was taken back (aware); ``None`` if never.

    :param session: Open session; the caller manages the transaction.
    :param tenant_id: Tenant that owns the matchings.
    """
    moment: datetime | None = session.scalar(
        select(func.max(func.greatest(MatchRun.finished_at, MatchRun.reversed_at))).where(
            MatchRun.tenant_id == tenant_id,
            MatchRun.applied_count + MatchRun.suggested_count > 0,
        )
    )
    return moment
