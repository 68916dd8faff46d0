from datetime import timedelta
from uuid import UUID, uuid4

import pytest
from sqlalchemy.orm import Session
from testing.factories import NOW, add_account, add_connection

from payymo.domain.enums import RunStatus, SyncTrigger
from payymo.domain.errors import NotFoundError
from payymo.postgres.common.operations.sync_runs import (
    AccountResult,
    RunCounts,
    finish_sync_run,
    list_sync_runs,
    lock_account,
    record_sync_run_account,
    start_sync_run,
)


def test_runs_are_listed_newest_first_with_their_accounts(
    session: Session, tenant_id: UUID
) -> None:
    connection = add_connection(session, tenant_id)
    account = add_account(session, tenant_id, connection)
    for hour in range(2):
        now = NOW + timedelta(hours=hour)
        run = start_sync_run(
            session, tenant_id, connection.id, trigger=SyncTrigger.REQUEST, job_id=None, now=now
        )
        counts = RunCounts(pulled=3, added=2, unchanged=1)
        result = AccountResult(account.id, RunStatus.SUCCEEDED, counts)
        record_sync_run_account(session, tenant_id, run.id, result)
        finish_sync_run(
            session,
            tenant_id,
            run.id,
            status=RunStatus.SUCCEEDED,
            fault=None,
            remark=None,
            now=now,
        )
    session.expire_all()

    page = list_sync_runs(session, tenant_id, connection.id, page=1, per_page=1)

    assert page.total == 2
    assert page.rows[0].id == run.id
    assert [row.added_count for row in page.rows[0].accounts] == [2]


def test_what_is_not_there_cannot_be_finished_or_locked(session: Session, tenant_id: UUID) -> None:
    with pytest.raises(NotFoundError):
        finish_sync_run(
            session,
            tenant_id,
            uuid4(),
            status=RunStatus.FAILED,
            fault=None,
            remark=None,
            now=NOW,
        )
    with pytest.raises(NotFoundError):
        lock_account(session, tenant_id, uuid4())
