"""Balances as GoCardless sent them."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session
from uuid_utils.compat import uuid7

from payymo.domain.banking import BalanceRecord
from payymo.postgres.gocardless.models import GcBalance
from payymo.postgres.gocardless.operations.documents import hash_document


def record_raw_balances(
    session: Session,
    tenant_id: UUID,
    account_id: UUID,
    fetch_id: UUID,
    records: Sequence[BalanceRecord],
) -> None:
    """Keep the balances of one answer as received; equal ones are kept once.

    :param session: Open session; the caller manages the transaction.
    :param tenant_id: Tenant that owns the account.
    :param account_id: Account that they belong to.
    :param fetch_id: Answer that brought them.
    :param records: The balances, with their payloads.
    """
    rows = [
        {
            "tenant_id": tenant_id,
            "id": uuid7(),
            "account_id": account_id,
            "fetch_id": fetch_id,
            "content_hash": hash_document(record.payload),
            "payload": record.payload,
        }
        for record in records
    ]
    if rows:
        session.execute(insert(GcBalance).on_conflict_do_nothing(), rows)
