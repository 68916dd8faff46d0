from datetime import timedelta
from uuid import UUID

import pytest
from sqlalchemy.orm import Session
from testing.factories import NOW, add_account

from payymo.domain.banking import Quota
from payymo.domain.enums import AccessScope, SyncTrigger
from payymo.postgres.common.operations.quotas import list_exhausted_scopes, record_quota

REQUEST, SCHEDULE = SyncTrigger.REQUEST, SyncTrigger.SCHEDULE


def test_only_a_scope_without_calls_and_before_its_reset_is_exhausted(
    session: Session, tenant_id: UUID
) -> None:
    account = add_account(session, tenant_id)
    soon = NOW + timedelta(hours=1)
    for scope, remaining, resets_at in (
        (AccessScope.BALANCES, 0, soon),
        (AccessScope.DETAILS, None, soon),
        (AccessScope.TRANSACTIONS, 0, NOW),
    ):
        quota = Quota(scope, limit=4, remaining=remaining, resets_at=resets_at)
        record_quota(session, tenant_id, account.id, quota)

    assert list_exhausted_scopes(session, tenant_id, account.id, trigger=REQUEST, now=NOW) == {
        AccessScope.BALANCES: soon
    }


def test_what_is_said_last_counts(session: Session, tenant_id: UUID) -> None:
    account = add_account(session, tenant_id)
    soon = NOW + timedelta(hours=1)
    for remaining in (0, 3):
        quota = Quota(AccessScope.BALANCES, limit=4, remaining=remaining, resets_at=soon)
        record_quota(session, tenant_id, account.id, quota)

    assert list_exhausted_scopes(session, tenant_id, account.id, trigger=REQUEST, now=NOW) == {}


@pytest.mark.parametrize(
    ("trigger", "limit", "remaining", "is_exhausted"),
    [
        (SCHEDULE, 4, 2, False),
        (SCHEDULE, 4, 1, True),  # the last one is a person's
        (REQUEST, 4, 1, False),
        (REQUEST, 4, 0, True),
        (SyncTrigger.RENEWAL, 4, 1, False),
        (SCHEDULE, 1, 1, False),  # a bank that allows one a day is read daily
        (SCHEDULE, 1, 0, True),
        (SCHEDULE, None, 1, False),
    ],
)
def test_the_last_call_is_kept_for_a_person(
    session: Session,
    tenant_id: UUID,
    *,
    trigger: SyncTrigger,
    limit: int | None,
    remaining: int,
    is_exhausted: bool,
) -> None:
    account = add_account(session, tenant_id)
    soon = NOW + timedelta(hours=1)
    quota = Quota(AccessScope.TRANSACTIONS, limit, remaining, soon)
    record_quota(session, tenant_id, account.id, quota)

    scopes = list_exhausted_scopes(session, tenant_id, account.id, trigger=trigger, now=NOW)

    assert scopes == ({AccessScope.TRANSACTIONS: soon} if is_exhausted else {})
