"""Which accounts are read, and which of them one that a renewal brought was before."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy.orm import Session

from payymo.domain.consents import READABLE
from payymo.domain.enums import DoublesAnswer, SyncTrigger
from payymo.domain.errors import RuleError
from payymo.postgres.auth.operations.audit import record_audit
from payymo.postgres.common.models import Account
from payymo.postgres.common.operations import accounts, connections, doubles
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
    :raises RuleError: If it is to be read and another connection has it
        (``account_already_connected``).
    """
    locked = accounts.lock_account(session, tenant_id, account_id)
    was_offered = locked.is_offered
    if is_sync_enabled and locked.error_code == accounts.ALREADY_CONNECTED:
        _check_not_held(session, locked)
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


def answer_doubles(
    session: Session,
    queue: JobQueue,
    tenant_id: UUID,
    connection_id: UUID,
    *,
    answer: DoublesAnswer,
    actor_id: UUID | None,
) -> Sequence[Account]:
    """Say once what becomes of a connection's accounts that other connections have.

    Adopted, they are read through this connection from now on, with their history, names and
    edits; the other ones read them no more. Left, they stay where they are.

    :param session: Open session; the caller manages the transaction.
    :param queue: Takes the sync that goes on with adopted histories.
    :param tenant_id: Tenant that must own the connection.
    :param connection_id: Connection that reaches them, too.
    :param answer: What is to become of all of them.
    :param actor_id: User who says so.
    :returns: The accounts that were adopted, or that are left.
    :raises NotFoundError: If the tenant has no such connection.
    :raises RuleError: If there are none (``no_doubles``), or the connection that is to read them
        cannot be read itself (``connection_not_active``).
    """
    connection = connections.lock_connection(session, tenant_id, connection_id)
    found = doubles.list_doubles(session, connection)
    if not found:
        raise RuleError(
            "No account of this connection is one that another connection has.", code="no_doubles"
        )
    if answer is DoublesAnswer.LEAVE:
        for double in found:
            doubles.leave_double(session, double.account)
            _record_answer(session, double.account, actor_id, {"left_with": str(double.holder.id)})
        return [double.account for double in found]
    if connection.status not in READABLE:
        raise RuleError(
            f"The connection is {connection.status}: renew it before it takes accounts over.",
            code="connection_not_active",
        )
    # Locked in one order, so that two who answer at once wait for each other.
    for one in sorted({one.id for double in found for one in (double.account, double.holder)}):
        accounts.lock_account(session, tenant_id, one)
    adopted = [doubles.adopt_double(session, double.account, double.holder) for double in found]
    for account in adopted:
        _record_answer(session, account, actor_id, {"adopted_by": str(connection_id)})
    _queue_first_sync(session, queue, adopted[0], actor_id)
    return adopted


def _check_not_held(session: Session, account: Account) -> None:
    held = {double.account.id for double in doubles.list_doubles(session, account.connection)}
    if account.id in held:
        raise RuleError(
            "Another connection has this account, and read twice its money would count twice: "
            "adopt it with its history, or leave it there (`payymo connections doubles`, or POST "
            "/api/v1/bank_connections/{id}/doubles).",
            code="account_already_connected",
        )


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
