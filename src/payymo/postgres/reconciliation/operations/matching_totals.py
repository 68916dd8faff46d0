"""How matching fares, in figures: for those who watch over an installation."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple
from uuid import UUID

from sqlalchemy import Double, cast, func, select
from sqlalchemy.orm import Session

from payymo.domain.enums import MatchOrigin, MatchScope, MatchStatus, RunStatus
from payymo.postgres.reconciliation.models import Match, MatchRun

#: Upper ends of the ranges in which the durations of runs are counted, in seconds.
SECONDS_EDGES: Final = (0.1, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0, 1800.0)


@dataclass(frozen=True, slots=True)
class RunTotals:
    """What the match runs of one scope came to, over all time.

    :ivar seconds: How long they took together.
    :ivar counts: Runs in each range of :data:`SECONDS_EDGES`, longer ones last.
    :ivar applied_count: Payments whose match was applied; each counts with each run.
    :ivar suggested_count: Payments whose match was left to a person.
    :ivar unexplained_count: Payments of which nothing was said.
    """

    seconds: float
    counts: tuple[int, ...]
    applied_count: int
    suggested_count: int
    unexplained_count: int


class MatchTotals(NamedTuple):
    """How many matches stand in one way.

    :ivar is_decided_by_person: Whether a person confirmed, rejected, reversed or corrected them.
    """

    status: MatchStatus
    origin: MatchOrigin
    is_decided_by_person: bool
    match_count: int


def summarise_runs(session: Session, tenant_id: UUID) -> Mapping[MatchScope, RunTotals]:
    """Return what the tenant's match runs came to, by how much they looked at.

    :param session: Open session; the caller manages the transaction.
    :param tenant_id: Tenant whose payments were matched.
    """
    seconds = func.extract("epoch", MatchRun.finished_at - MatchRun.started_at)
    place = func.width_bucket(cast(seconds, Double), list(SECONDS_EDGES))
    rows = session.execute(
        select(
            MatchRun.scope,
            place.label("place"),
            func.count().label("run_count"),
            func.sum(seconds).label("seconds"),
            func.sum(MatchRun.applied_count).label("applied_count"),
            func.sum(MatchRun.suggested_count).label("suggested_count"),
            func.sum(MatchRun.unexplained_count).label("unexplained_count"),
        )
        .where(MatchRun.tenant_id == tenant_id, MatchRun.status == RunStatus.SUCCEEDED)
        .group_by(MatchRun.scope, place)
    ).all()
    return {
        scope: RunTotals(
            seconds=float(sum(row.seconds for row in rows if row.scope is scope)),
            counts=tuple(
                sum(row.run_count for row in rows if row.scope is scope and row.place == at)
                for at in range(len(SECONDS_EDGES) + 1)
            ),
            applied_count=sum(row.applied_count for row in rows if row.scope is scope),
            suggested_count=sum(row.suggested_count for row in rows if row.scope is scope),
            unexplained_count=sum(row.unexplained_count for row in rows if row.scope is scope),
        )
        for scope in MatchScope
    }


def count_runs(session: Session, tenant_id: UUID) -> Mapping[tuple[MatchScope, RunStatus], int]:
    """Return how many of the tenant's match runs ended how, by how much they looked at.

    :param session: Open session; the caller manages the transaction.
    :param tenant_id: Tenant whose payments were matched.
    """
    rows = session.execute(
        select(MatchRun.scope, MatchRun.status, func.count().label("run_count"))
        .where(MatchRun.tenant_id == tenant_id)
        .group_by(MatchRun.scope, MatchRun.status)
    )
    return {(row.scope, row.status): row.run_count for row in rows}


def summarise_matches(session: Session, tenant_id: UUID) -> Sequence[MatchTotals]:
    """Return how many of the tenant's matches stand how.

    :param session: Open session; the caller manages the transaction.
    :param tenant_id: Tenant that owns them.
    """
    is_decided = Match.decided_by.is_not(None)
    rows = session.execute(
        select(Match.status, Match.origin, is_decided, func.count())
        .where(Match.tenant_id == tenant_id)
        .group_by(Match.status, Match.origin, is_decided)
    )
    return list(map(MatchTotals._make, rows))
