from datetime import date, timedelta
from uuid import UUID

import pytest
from sqlalchemy.orm import Session
from testing.factories import NOW, add_account

from payymo.domain.enums import AccessScope, RunStatus, SyncTrigger
from payymo.postgres.common.models import SyncRun
from payymo.postgres.gocardless.operations.fetches import find_last_look_back, record_fetch


@pytest.mark.parametrize(
    ("scope", "since", "is_found"),
    [
        (AccessScope.TRANSACTIONS, None, True),
        (AccessScope.TRANSACTIONS, NOW.date() - timedelta(days=90), True),
        (AccessScope.TRANSACTIONS, NOW.date() - timedelta(days=89), False),
        (AccessScope.BALANCES, None, False),
    ],
)
def test_a_long_look_at_the_transactions_is_remembered(
    session: Session, tenant_id: UUID, scope: AccessScope, since: date | None, is_found: bool
) -> None:
    account = add_account(session, tenant_id)
    run = SyncRun(
        tenant_id=tenant_id,
        connection_id=account.connection_id,
        trigger=SyncTrigger.SCHEDULE,
        status=RunStatus.RUNNING,
        started_at=NOW,
    )
    session.add(run)
    session.flush()
    record_fetch(
        session,
        tenant_id,
        account.id,
        run.id,
        scope=scope,
        since=since,
        row_count=0,
        last_updated="2026-03-01T10:00:00Z",
        now=NOW,
    )

    found = find_last_look_back(session, tenant_id, account.id, days_min=90)

    assert found == (NOW if is_found else None)
