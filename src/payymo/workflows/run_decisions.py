"""Take back what a matching did by itself, and do it again: all of it, or nothing.

What it applied is reversed, with all that this booked; what its policy settled with credit comes
back; what it suggested is withdrawn. What people confirmed stands. Done again, each match and each
use of credit that was taken back with it is as it was before.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

from sqlalchemy.orm import Session

from payymo.domain.enums import MatchStatus, RunStatus
from payymo.domain.errors import Problem, RuleError
from payymo.postgres.reconciliation.models import MatchRun
from payymo.postgres.reconciliation.operations.match_runs import (
    count_credit_uses,
    get_match_run,
    list_applied,
    list_taken_back,
    list_uses_taken_back,
    lock_matching,
    redo_match_run,
    reverse_match_run,
)
from payymo.postgres.reconciliation.operations.obstacles import as_problems, find_obstacles
from payymo.postgres.reconciliation.operations.opinions import lines_of, list_opinions
from payymo.postgres.reconciliation.operations.settlements import find_uses_in_the_way


@dataclass(frozen=True, slots=True)
class RunDecision:
    """What taking a matching back, or doing it again, does or would do.

    :ivar is_done: Whether it was done; else it was only tried.
    :ivar match_count: Matches that it concerns.
    :ivar use_count: Uses of credit that it concerns.
    :ivar blockers: Why it cannot be done; empty where it was, or could be.
    """

    run: MatchRun
    is_done: bool
    match_count: int
    use_count: int
    blockers: Sequence[Problem]


def revert_match_run(
    session: Session,
    tenant_id: UUID,
    match_run_id: UUID,
    *,
    is_trial: bool,
    actor_id: UUID | None,
    now: datetime,
) -> RunDecision:
    """Take back what a matching applied, and return what that was.

    Its pairs are not applied again unless a person asks.

    :param session: Open session; the caller manages the transaction.
    :param tenant_id: Tenant that must own the matching.
    :param match_run_id: Matching to take back.
    :param is_trial: Only say what would happen, and what stands in the way.
    :param actor_id: User who asks.
    :param now: Present time (aware).
    :raises NotFoundError: If the tenant has no such matching.
    :raises RuleError: ``match_run_not_revertible`` if something stands in the way; each blocker is
        among its problems, and nothing is changed.
    """
    lock_matching(session, tenant_id)
    run = get_match_run(session, tenant_id, match_run_id)
    applied = list_applied(session, tenant_id, match_run_id)
    blockers = [*_state_in_the_way(run)]
    blockers += find_uses_in_the_way(session, tenant_id, applied.keys(), match_run_id=match_run_id)
    use_count = count_credit_uses(session, tenant_id, match_run_id)
    if blockers and not is_trial:
        raise RuleError(
            "The matching cannot be taken back: see what stands in the way.",
            code="match_run_not_revertible",
            problems=blockers,
        )
    if not is_trial:
        reverse_match_run(session, run, applied, actor_id=actor_id, now=now)
    return RunDecision(run, not is_trial, len(applied), use_count, blockers)


def reapply_match_run(
    session: Session,
    tenant_id: UUID,
    match_run_id: UUID,
    *,
    is_trial: bool,
    actor_id: UUID | None,
    now: datetime,
) -> RunDecision:
    """Do again what was taken back with a matching, and return what that was.

    What people decided on since, one by one, is left as they decided. The matching stands as if it
    had not been taken back, and can be taken back again.

    :param session: Open session; the caller manages the transaction.
    :param tenant_id: Tenant that must own the matching.
    :param match_run_id: Matching to do again.
    :param is_trial: Only say what would happen, and what stands in the way.
    :param actor_id: User who asks.
    :param now: Present time (aware).
    :raises NotFoundError: If the tenant has no such matching.
    :raises RuleError: ``match_run_not_redoable`` if something stands in the way, such as money that
        was matched otherwise since; each blocker is among its problems, and nothing is changed.
    """
    lock_matching(session, tenant_id)
    run = get_match_run(session, tenant_id, match_run_id)
    said = list_opinions(
        session,
        tenant_id,
        status=MatchStatus.REVERSED,
        match_ids=list_taken_back(session, run),
    )
    uses = list_uses_taken_back(session, run)
    of_matches = lines_of(session, tenant_id, said)
    lines = replace(of_matches, uses=[*of_matches.uses, *uses])
    blockers = (
        as_problems(find_obstacles(session, tenant_id, lines))
        if run.reversed_at is not None
        else [Problem(None, "The matching was not taken back: there is nothing to do again.")]
    )
    if blockers and not is_trial:
        raise RuleError(
            "The matching cannot be done again: see what stands in the way.",
            code="match_run_not_redoable",
            problems=blockers,
        )
    if not is_trial:
        redo_match_run(session, run, said, lines, actor_id=actor_id, now=now)
    return RunDecision(run, not is_trial, len(said), len(uses), blockers)


def _state_in_the_way(run: MatchRun) -> Sequence[Problem]:
    if run.reversed_at is not None:
        return [Problem(None, "The matching was taken back already.")]
    if run.status is RunStatus.RUNNING:
        return [Problem(None, "The matching still runs: wait for its end.")]
    if run.status is RunStatus.FAILED:
        return [Problem(None, "The matching failed: there is nothing of it to take back.")]
    return []
