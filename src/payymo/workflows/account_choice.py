"""Which accounts are read, and which of them one that a renewal brought was before."""

from uuid import UUID

from sqlalchemy.orm import Session

from payymo.domain.consents import READABLE
from payymo.domain.enums import SyncTrigger
from payymo.postgres.auth.operations.audit import record_audit
from payymo.postgres.common.models import Account
from payymo.postgres.common.operations import accounts
from payymo.workflows.queue import JobQueue


def change_account(
    session: Session,
    queue: JobQueue,
    tenant_id: UUID,
    account_id: UUID,
    *,
    name: str | None,
    is_sync_enabled: bool | None,
    actor_id: UUID | None,
) -> Account:
    """Name an account, or choose whether it is read, and return it.

    Choosing one that was offered says that it is new; its first sync is queued.

    :param session: Open session; the caller manages the transaction.
    :param queue: Takes the sync.
    :param tenant_id: Tenant that must own it.
    :param account_id: Account to change.
    :param name: What to call it; ``None`` leaves it.
    :param is_sync_enabled: Whether it is read; ``None`` leaves it.
    :param actor_id: User who says so.
    :raises NotFoundError: If the tenant has no such account.
    """
    was_offered = accounts.lock_account(session, tenant_id, account_id).is_offered
    account = accounts.update_account(
        session, tenant_id, account_id, name=name, is_sync_enabled=is_sync_enabled
    )
    if was_offered and not account.is_offered:
        _record_answer(session, account, actor_id, {"is_sync_enabled": account.is_sync_enabled})
        if account.is_sync_enabled:
            _queue_first_sync(session, queue, account, actor_id)
    return account


def join_account(
    session: Session,
    queue: JobQueue,
    tenant_id: UUID,
    account_id: UUID,
    *,
    predecessor_id: UUID,
    actor_id: UUID | None,
) -> Account:
    """Let an account that was offered be one that we had, and return that one.

    :param session: Open session; the caller manages the transaction.
    :param queue: Takes the sync that goes on with its history.
    :param tenant_id: Tenant that must own both.
    :param account_id: Account that was offered.
    :param predecessor_id: Account whose history it goes on with.
    :param actor_id: User who says so.
    :raises NotFoundError: If the tenant has no such accounts.
    :raises RuleError: If the two cannot be one account.
    """
    account = accounts.join_account(session, tenant_id, account_id, predecessor_id=predecessor_id)
    _record_answer(session, account, actor_id, {"joined_account_id": str(account_id)})
    if account.is_sync_enabled:
        _queue_first_sync(session, queue, account, actor_id)
    return account


def _record_answer(
    session: Session, account: Account, actor_id: UUID | None, after: dict[str, object]
) -> None:
    record_audit(
        session,
        account.tenant_id,
        actor_id=actor_id,
        action="chosen",
        entity="accounts",
        entity_id=account.id,
        after=after,
    )


def _queue_first_sync(
    session: Session, queue: JobQueue, account: Account, actor_id: UUID | None
) -> None:
    if account.connection.status in READABLE:
        queue.queue_sync(
            session,
            account.tenant_id,
            account.connection_id,
            trigger=SyncTrigger.REQUEST,
            requested_by=actor_id,
        )
