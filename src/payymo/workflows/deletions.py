"""A transaction that a person deletes, or restores, with what follows for matching."""

from datetime import datetime
from uuid import UUID

from sqlalchemy.orm import Session

from payymo.postgres.common.operations.deletions import hide_transaction, show_transaction
from payymo.postgres.reconciliation.operations.proposals import withdraw_suggestions_of_deleted
from payymo.workflows.queue import JobQueue


def delete_transaction(
    session: Session,
    tenant_id: UUID,
    transaction_id: UUID,
    *,
    queue: JobQueue,
    actor_id: UUID | None,
    now: datetime,
) -> None:
    """Delete a transaction for people: nothing shows or counts it, and no sync brings it back.

    Deleting it again changes nothing. A match that was suggested for it is withdrawn, and what
    that leaves open is matched anew.

    :param session: Open session; the caller manages the transaction.
    :param tenant_id: Tenant that must own it.
    :param transaction_id: Transaction to delete.
    :param queue: Takes the matching that follows.
    :param actor_id: User who deletes it.
    :param now: Present time (aware).
    :raises NotFoundError: If the tenant has no such transaction.
    :raises RuleError: ``transaction_is_allocated`` if invoices are paid with it.
    """
    if hide_transaction(session, tenant_id, transaction_id, actor_id=actor_id, now=now):
        withdraw_suggestions_of_deleted(session, tenant_id)
        queue.queue_match(session, tenant_id, requested_by=actor_id)


def restore_transaction(
    session: Session,
    tenant_id: UUID,
    transaction_id: UUID,
    *,
    queue: JobQueue,
    actor_id: UUID | None,
) -> None:
    """Take the deletion of a transaction back; one that was not deleted stays as it is.

    :param session: Open session; the caller manages the transaction.
    :param tenant_id: Tenant that must own it.
    :param transaction_id: Transaction to restore.
    :param queue: Takes the matching that follows.
    :param actor_id: User who restores it.
    :raises NotFoundError: If the tenant has no such transaction.
    """
    if show_transaction(session, tenant_id, transaction_id, actor_id=actor_id):
        queue.queue_match(session, tenant_id, requested_by=actor_id)
