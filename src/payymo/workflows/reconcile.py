"""Matching all unexplained payments of a tenant with all its open invoices."""

import logging
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from uuid import UUID

from sqlalchemy.exc import OperationalError, SQLAlchemyError
from sqlalchemy.orm import Session, sessionmaker

from payymo.domain.banking import Clock
from payymo.domain.enums import MatchScope
from payymo.domain.errors import PayymoError, RuleError, StoppedError
from payymo.domain.matching.engine import ENGINE_VERSION
from payymo.domain.settlement import SettlementPolicy
from payymo.postgres.jobs.operations.jobs import get_job
from payymo.postgres.reconciliation.models import MatchRun
from payymo.postgres.reconciliation.operations.decisions import apply_matches
from payymo.postgres.reconciliation.operations.invoices import (
    list_open_invoices,
)
from payymo.postgres.reconciliation.operations.looks import digest_inputs, digest_suggestions
from payymo.postgres.reconciliation.operations.match_runs import (
    find_last_run,
    finish_match_run,
    lock_matching,
    record_failed_run,
    start_match_run,
)
from payymo.postgres.reconciliation.operations.payments import (
    list_unexplained_payments,
)
from payymo.postgres.reconciliation.operations.policies import get_policy
from payymo.postgres.reconciliation.operations.proposals import (
    record_proposals,
    withdraw_suggestions_of_deleted,
)
from payymo.postgres.tenancy import tenant_transaction
from payymo.workflows.credits import apply_credits
from payymo.workflows.garbage import nobody_looks_for_garbage
from payymo.workflows.judging import Judge, learn
from payymo.workflows.looking import look, remember
from payymo.workflows.settling import settle_proposals, settlement_waits

logger = logging.getLogger(__name__)

#: A run that a person's decision overtakes begins anew, so often in all.
RUNS_MAX = 3

#: What is applied makes the rest clearer, so we look again at what that changed, until nothing
#: more is sure. After so many rounds the rest waits for the next run.
ROUNDS_MAX = 10

#: So long after a full run the next one is full again, though only news were asked for.
FULL_EVERY = timedelta(hours=20)

#: What a run is refused for whose money people used, or deleted, while it was thinking.
_OVERTAKEN = frozenset(
    {
        "credit_exhausted",
        "credit_is_used",
        "invoice_is_void",
        "over_allocation",
        "transaction_is_deleted",
    }
)

#: Told now and then: how many payments were looked at, of how many that are known to need it.
type Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class MatchReport:
    """What a matching found.

    :ivar payment_count: Unexplained payments that it looked at.
    :ivar invoice_count: Open invoices that it looked at.
    :ivar applied_count: Matches so sure that they were applied.
    :ivar suggested_count: Payments with a match that waits for a person.
    :ivar unexplained_count: Payments that nothing explains.
    """

    match_run_id: UUID
    payment_count: int
    invoice_count: int
    applied_count: int
    suggested_count: int
    unexplained_count: int


@dataclass(frozen=True, slots=True)
class _Round:
    """What one look at payments and invoices found.

    :ivar inputs: As what it found the books.
    :ivar considered: Payments that it thought over.
    :ivar applied: Payments whose match was applied.
    :ivar suggested: Payments whose match waits for a person.
    """

    inputs: str
    considered: Collection[UUID]
    invoice_count: int
    applied: Collection[UUID]
    suggested: Collection[UUID]


def reconcile(
    sessions: sessionmaker[Session],
    tenant_id: UUID,
    *,
    clock: Clock,
    job_id: UUID | None = None,
    progress: Progress | None = None,
) -> MatchReport:
    """Match what came in with what is owed in a transaction of its own, and say what was found.

    A person may allocate the same money while the engine thinks. What the person decided counts:
    nothing of the run is kept, and another one begins.

    One that fails leaves a record that says why, and nothing else. It is no failure when the
    progress raises :exc:`StoppedError`: then somebody wants it to end.

    :param sessions: Opener of transactions.
    :param tenant_id: Tenant whose payments are matched.
    :param clock: Tells the time (aware).
    :param job_id: Background job that it runs in: looks at what has changed, unless a person asked
        for it. Without one, everything is looked at.
    :param progress: As for :func:`match_payments`.
    :raises NotFoundError: If there is no such tenant.
    :raises RuleError: ``over_allocation``, ``transaction_is_deleted`` and the like if people
        decide faster than the engine thinks.
    """
    for runs_left in reversed(range(RUNS_MAX)):
        started_at = clock()
        try:
            with tenant_transaction(sessions, tenant_id) as session:
                return match_payments(
                    session,
                    tenant_id,
                    now=started_at,
                    clock=clock,
                    job_id=job_id,
                    scope=_scope_of(session, tenant_id, job_id),
                    progress=progress,
                )
        except StoppedError:
            raise
        except Exception as error:
            if isinstance(error, RuleError) and error.code in _OVERTAKEN and runs_left:
                continue
            _note_failure(
                sessions, tenant_id, error, job_id=job_id, started_at=started_at, clock=clock
            )
            raise
    raise AssertionError("the last run returns or raises")


def _note_failure(
    sessions: sessionmaker[Session],
    tenant_id: UUID,
    error: Exception,
    *,
    job_id: UUID | None,
    started_at: datetime,
    clock: Clock,
) -> None:
    """Record a run that failed, where the database can be reached; the error goes on its way."""
    try:
        with tenant_transaction(sessions, tenant_id) as session:
            record_failed_run(
                session,
                tenant_id,
                job_id=job_id,
                engine_version=ENGINE_VERSION,
                scope=_scope_of(session, tenant_id, job_id),
                error_message=_explain(error),
                started_at=started_at,
                now=clock(),
            )
    except (SQLAlchemyError, PayymoError) as failure:
        logger.warning(
            "A failed matching could not be recorded",
            extra={"tenant_id": str(tenant_id), "error": type(failure).__name__},
        )


def _explain(error: Exception) -> str:
    """Say why a run failed, without what an error may quote: a row, a name, an address."""
    if isinstance(error, PayymoError):
        return error.message
    if isinstance(error, OperationalError):
        return "The database could not be reached."
    return f"Something unexpected happened ({type(error).__name__}): the log says where."


def match_payments(
    session: Session,
    tenant_id: UUID,
    *,
    now: datetime,
    clock: Clock | None = None,
    job_id: UUID | None = None,
    scope: MatchScope = MatchScope.FULL,
    progress: Progress | None = None,
) -> MatchReport:
    """Match what came in with what is owed, and say what was found.

    What the gate lets through is applied, the others are left as suggestions; what people have
    taken back is applied by people alone. Customers' credit settles what is owed then, where the
    tenant's policy says so. Runs of one tenant wait for each other. Running again without news
    changes nothing.

    Where only news are asked for, everything is looked at all the same when the last full run is a
    day ago, or rested on another version, curve or setting.

    :param session: Open session; the caller manages the transaction.
    :param tenant_id: Tenant whose payments are matched.
    :param now: Present time, as which all that it writes is dated.
    :param clock: Tells the time at which it ends; as ``now`` without one.
    :param job_id: Background job that it runs in.
    :param scope: Whether to look at everything, or at what has changed.
    :param progress: Told how many payments were looked at, of how many; both go on growing when
        what was applied makes it worth looking again. What it raises ends the matching.
    :raises NotFoundError: If there is no such tenant.
    """
    lock_matching(session, tenant_id)
    withdraw_suggestions_of_deleted(session, tenant_id)
    judge = learn(session, tenant_id, now=now)
    policy = get_policy(session, tenant_id)
    basis = f"{judge.basis}; {policy}"
    last = find_last_run(session, tenant_id)
    if last is None or _is_full_due(session, last, basis, now):
        scope = MatchScope.FULL
    run = start_match_run(
        session,
        tenant_id,
        job_id=job_id,
        engine_version=ENGINE_VERSION,
        calibration_version=judge.calibration_version,
        scope=scope,
        basis=basis,
        now=now,
    )
    tell = progress or _tell_nobody
    tell(0, 0)
    inputs = digest_inputs(session, tenant_id)
    rounds: Sequence[_Round] = ()
    if scope is MatchScope.FULL or last is None or last.inputs != _left(session, tenant_id, inputs):
        look = partial(_look, session, tenant_id, run.id, judge=judge, policy=policy, now=now)
        with nobody_looks_for_garbage():
            rounds = _look_until_nothing_is_sure(look, scope, tell)
        inputs = rounds[-1].inputs
    if policy.apply_credits:
        apply_credits(session, tenant_id, match_run_id=run.id, now=now)

    suggested: set[UUID] = set()
    for each in rounds:
        suggested = (suggested - set(each.considered)) | set(each.suggested)
    applied = {payment_id for each in rounds for payment_id in each.applied} - suggested
    considered = {payment_id for each in rounds for payment_id in each.considered}
    finish_match_run(
        session,
        run,
        payment_count=len(considered),
        invoice_count=rounds[0].invoice_count if rounds else 0,
        applied_count=len(applied),
        suggested_count=len(suggested),
        inputs=_left(session, tenant_id, inputs),
        now=clock() if clock else now,
    )
    return MatchReport(
        match_run_id=run.id,
        payment_count=run.payment_count,
        invoice_count=run.invoice_count,
        applied_count=run.applied_count,
        suggested_count=run.suggested_count,
        unexplained_count=run.unexplained_count,
    )


def _look_until_nothing_is_sure(
    look: "Callable[..., _Round]", scope: MatchScope, tell: Progress
) -> list[_Round]:
    """Look once, and then at what changes with what was applied."""
    rounds = [look(scope=scope, progress=tell)]
    while rounds[-1].applied and len(rounds) < ROUNDS_MAX:
        rounds.append(look(scope=MatchScope.NEWS, progress=_after(rounds, tell)))
    return rounds


def _tell_nobody(_done: int, _total: int) -> None:
    """Take no notice of the progress."""


def _after(rounds: Sequence[_Round], progress: Progress) -> Progress:
    """Return the progress of the next round, those before included."""
    before = sum(len(each.considered) for each in rounds)
    return lambda done, total: progress(before + done, before + total)


def _scope_of(session: Session, tenant_id: UUID, job_id: UUID | None) -> MatchScope:
    """Return how much a job looks at: what a person asks for is done in full."""
    if job_id is None or get_job(session, tenant_id, job_id).requested_by is not None:
        return MatchScope.FULL
    return MatchScope.NEWS


def _is_full_due(session: Session, last: MatchRun, basis: str, now: datetime) -> bool:
    """Return whether everything has to be looked at, whatever was asked for."""
    last_full = find_last_run(session, last.tenant_id, scope=MatchScope.FULL)
    return last_full is None or last.basis != basis or now - last_full.started_at >= FULL_EVERY


def _left(session: Session, tenant_id: UUID, inputs: str) -> str:
    """Return as what a matching leaves the books that it read so, with what it suggests."""
    return f"{inputs}; {digest_suggestions(session, tenant_id)}"


def _look(
    session: Session,
    tenant_id: UUID,
    match_run_id: UUID,
    *,
    judge: Judge,
    policy: SettlementPolicy,
    now: datetime,
    scope: MatchScope,
    progress: Progress,
) -> _Round:
    inputs = digest_inputs(session, tenant_id)  # before they are read
    payments = list_unexplained_payments(session, tenant_id)
    invoices = list_open_invoices(session, tenant_id)
    looked = look(
        session,
        tenant_id,
        payments,
        invoices,
        scope=scope,
        now=now,
        done=lambda done: progress(done, len(payments)),
    )
    progress(len(looked.considered), len(looked.considered))
    judged = judge.judge(payments, invoices, looked.proposals)
    settlements = settle_proposals(
        session,
        tenant_id,
        judged.proposals,
        payments,
        invoices,
        considered=looked.considered,
        policy=policy,
    )
    waits = settlement_waits(
        session, tenant_id, judged.proposals, settlements, before=judged.waits, policy=policy
    )
    suggestions = record_proposals(
        session,
        tenant_id,
        judged.proposals,
        considered=looked.considered,
        match_run_id=match_run_id,
        engine_version=ENGINE_VERSION,
        engine_confidences=judged.engine_confidences,
        waits=waits,
        settlements=settlements,
        applied=[at for at, why in waits.items() if not why],
    )
    remember(session, tenant_id, looked, payments, suggested=suggestions.keys())
    applied = {at: match_id for at, match_id in suggestions.items() if not waits[at]}
    apply_matches(session, tenant_id, set(applied.values()), match_run_id=match_run_id, now=now)
    return _Round(
        inputs=inputs,
        considered=looked.considered,
        invoice_count=len(invoices),
        applied=set(applied),
        suggested=suggestions.keys() - applied.keys(),
    )
