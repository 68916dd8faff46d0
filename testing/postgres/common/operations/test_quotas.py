from datetime import timedelta
from uuid import UUID

from sqlalchemy.orm import Session
from testing.factories import NOW, add_account

from payymo.domain.banking import Quota
from payymo.domain.enums import AccessScope
from payymo.postgres.common.operations.quotas import list_exhausted_scopes, record_quota


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

    assert list_exhausted_scopes(session, tenant_id, account.id, now=NOW) == {
        AccessScope.BALANCES: soon
    }


def test_what_is_said_last_counts(session: Session, tenant_id: UUID) -> None:
    account = add_account(session, tenant_id)
    soon = NOW + timedelta(hours=1)
    for remaining in (0, 3):
        quota = Quota(AccessScope.BALANCES, limit=4, remaining=remaining, resets_at=soon)
        record_quota(session, tenant_id, account.id, quota)

    assert list_exhausted_scopes(session, tenant_id, account.id, now=NOW) == {}
