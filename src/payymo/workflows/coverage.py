"""Which days of an account are known: asked before a sync, noted after its answer."""

from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime
from uuid import UUID

from sqlalchemy.orm import Session

from payymo.domain.banking import Statement
from payymo.domain.ledger.book import Changes
from payymo.domain.ledger.coverage import (
    AnswerFacts,
    CoverageSpan,
    DayRange,
    assess,
    claim,
    merge,
    next_window,
)
from payymo.postgres.common.models import Account
from payymo.postgres.common.operations.consents import find_first_day
from payymo.postgres.common.operations.coverage import (
    find_last_row_day,
    has_booked_rows,
    has_rows_lost,
    list_coverage,
    record_coverage,
)


def plan_window(
    session: Session, tenant_id: UUID, account: Account, *, is_anew: bool, now: datetime
) -> date | None:
    """Return the first day to ask for of an account; ``None`` is all that its consent allows.

    :param session: Open session; the caller manages the transaction.
    :param tenant_id: Tenant that owns the account.
    :param account: The account.
    :param is_anew: Whether its consent is new.
    :param now: The time (aware).
    """
    spans = list_coverage(session, tenant_id, account.id)
    coverage = assess(spans, today=now.date())
    landmarks = {
        hole.first_day: day
        for hole in coverage.holes
        if hole.last_day < coverage.known[-1].last_day
        and (day := find_last_row_day(session, tenant_id, account.id, before=hole.first_day))
    }
    return next_window(
        spans,
        consent_id=account.consent_id,
        reachable_from=find_first_day(session, tenant_id, account.consent_id),
        landmarks=landmarks,
        is_anew=is_anew,
        now=now,
    )


def note_coverage(
    session: Session,
    account: Account,
    statement: Statement,
    changes: Changes,
    *,
    consent_id: UUID,
    sync_run_id: UUID,
    since: date | None,
    now: datetime,
) -> None:
    """Note which days an answer made known; one that was not understood in whole makes none.

    :param session: Open session; the caller has locked the account and entered the answer.
    :param account: The account, as it stood before the answer.
    :param statement: The answer.
    :param changes: What entering it changed.
    :param consent_id: Under which consent it was given.
    :param sync_run_id: Run that asked.
    :param since: First day asked for; ``None`` when all was.
    :param now: When the answer came (aware).
    """
    if changes.unreadable:
        return
    tenant_id = account.tenant_id
    known = merge(_days(list_coverage(session, tenant_id, account.id)))
    learnt = claim(
        AnswerFacts(
            asked_from=since,
            reachable_from=find_first_day(session, tenant_id, consent_id),
            answered_at=now,
            bank_asked_at=read_moment(statement.last_updated),
            oldest_booked=changes.oldest_booked,
            has_known_rows=has_booked_rows(session, tenant_id, account.id, since=since),
            has_rows_before=has_booked_rows(
                session, tenant_id, account.id, since=since, before=changes.oldest_booked
            ),
            is_after_failure=account.failure_count > 0,
            speaks_from=changes.speaks_from,
            newest_booked=changes.newest_booked,
            has_rows_after=changes.newest_booked is not None
            and has_rows_lost(
                session, tenant_id, account.id, after=changes.newest_booked, until=now
            ),
            lag=changes.lag,
        ),
        known,
    )
    if learnt is not None:
        record_coverage(
            session,
            tenant_id,
            account.id,
            learnt,
            consent_id=consent_id,
            sync_run_id=sync_run_id,
            asked_from=since,
            now=now,
        )
    known = merge(_days(list_coverage(session, tenant_id, account.id)))
    account.synced_through = known[-1].last_day if known else None


def _days(spans: Sequence[CoverageSpan]) -> Iterator[DayRange]:
    return (span.days for span in spans)


def read_moment(written: str | None) -> datetime | None:
    """Return a timestamp as written, in UTC unless it says otherwise; ``None`` if it is none.

    :param written: The timestamp, as a provider wrote it.
    """
    try:
        moment = datetime.fromisoformat(written or "")
    except ValueError:
        return None
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
