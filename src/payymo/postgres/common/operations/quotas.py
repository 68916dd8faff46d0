"""What the provider said is left of an account's calls."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session
from uuid_utils.compat import uuid7

from payymo.domain.banking import Quota
from payymo.domain.enums import AccessScope, SyncTrigger
from payymo.domain.quotas import calls_kept_back
from payymo.postgres.common.models import AccountQuota


def record_quota(session: Session, tenant_id: UUID, account_id: UUID, quota: Quota) -> None:
    """Store what is left of one account's calls; what was said before is forgotten.

    :param session: Open session; the caller manages the transaction.
    :param tenant_id: Tenant that owns the account.
    :param account_id: Account that is meant.
    :param quota: What the provider says now.
    """
    statement = insert(AccountQuota).values(
        tenant_id=tenant_id,
        id=uuid7(),
        account_id=account_id,
        scope=quota.scope,
        calls_limit=quota.limit,
        calls_remaining=quota.remaining,
        resets_at=quota.resets_at,
    )
    session.execute(
        statement.on_conflict_do_update(
            index_elements=[AccountQuota.tenant_id, AccountQuota.account_id, AccountQuota.scope],
            set_={
                "calls_limit": statement.excluded.calls_limit,
                "calls_remaining": statement.excluded.calls_remaining,
                "resets_at": statement.excluded.resets_at,
                "updated_at": func.now(),
            },
        )
    )


def list_exhausted_scopes(
    session: Session,
    tenant_id: UUID,
    account_id: UUID,
    *,
    trigger: SyncTrigger,
    now: datetime,
) -> Mapping[AccessScope, datetime]:
    """Return the scopes of which no call is left, each with the time at which there is again.

    :param session: Open session; the caller manages the transaction.
    :param tenant_id: Tenant that owns the account.
    :param account_id: Account that is meant.
    :param trigger: Why the bank is to be asked: what happens by itself leaves a call to people.
    :param now: The time (aware).
    """
    rows = session.execute(
        select(
            AccountQuota.scope,
            AccountQuota.resets_at,
            AccountQuota.calls_limit,
            AccountQuota.calls_remaining,
        ).where(
            AccountQuota.tenant_id == tenant_id,
            AccountQuota.account_id == account_id,
            AccountQuota.calls_remaining.is_not(None),
            AccountQuota.resets_at > now,
        )
    )
    return {
        row.scope: row.resets_at
        for row in rows
        if row.calls_remaining <= calls_kept_back(trigger, row.calls_limit)
    }


def list_quotas(session: Session, tenant_id: UUID, account_id: UUID) -> Sequence[Quota]:
    """Return what the provider last said is left of one account's calls, scope by scope.

    :param session: Open session; the caller manages the transaction.
    :param tenant_id: Tenant that owns the account.
    :param account_id: Account that is meant.
    """
    rows = session.scalars(
        select(AccountQuota)
        .where(AccountQuota.tenant_id == tenant_id, AccountQuota.account_id == account_id)
        .order_by(AccountQuota.scope)
    )
    return [Quota(row.scope, row.calls_limit, row.calls_remaining, row.resets_at) for row in rows]
