"""The raw archive of an account, to be read once more."""

import json
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from itertools import chain
from typing import Any
from uuid import UUID

from sqlalchemy import ARRAY, Uuid, any_, bindparam, select, update
from sqlalchemy.orm import Session

from payymo.domain.banking import PulledRow
from payymo.domain.enums import AccessScope
from payymo.domain.ledger.identity import IDENTITY_VERSION
from payymo.domain.ledger.replay import ArchivedAnswer, ArchivedRow
from payymo.postgres.gocardless.models import GcFetch, GcTransaction


def read_archive(
    session: Session, tenant_id: UUID, account_id: UUID, *, reverted: Collection[UUID]
) -> tuple[Sequence[ArchivedRow], Sequence[ArchivedAnswer]]:
    """Return everything that was received of an account's transactions, and in which answers.

    Of answers from before it was noted which raw rows they consist of, only the rows are known
    that they brought as the first.

    :param session: Open session; the caller manages the transaction.
    :param tenant_id: Tenant that owns the account.
    :param account_id: Account that is meant.
    :param reverted: Runs that were taken back: their answers count no more.
    :returns: The raw rows by position, and the answers in the order in which they came.
    """
    raw = session.execute(
        select(
            GcTransaction.id,
            GcTransaction.position,
            GcTransaction.fetch_id,
            GcTransaction.payload,
            GcTransaction.content_hash,
            GcTransaction.is_booked,
            GcTransaction.transaction_id,
        )
        .where(GcTransaction.tenant_id == tenant_id, GcTransaction.account_id == account_id)
        .order_by(GcTransaction.position)
    )
    rows: list[ArchivedRow] = []
    brought: defaultdict[UUID, list[int]] = defaultdict(list)
    for one in raw:
        pulled = _pulled(one.payload, one.content_hash, one.is_booked)
        rows.append(ArchivedRow(one.id, one.position, pulled, one.transaction_id))
        brought[one.fetch_id].append(one.position)
    fetches = session.scalars(
        select(GcFetch)
        .where(
            GcFetch.tenant_id == tenant_id,
            GcFetch.account_id == account_id,
            GcFetch.scope == AccessScope.TRANSACTIONS,
        )
        .order_by(GcFetch.fetched_at, GcFetch.id)
    )
    answers = [
        ArchivedAnswer(
            positions=brought[fetch.id]
            if fetch.positions is None
            else list(
                chain.from_iterable(
                    range(part.lower or 0, part.upper or 0) for part in fetch.positions
                )
            ),
            since=fetch.since,
            received_at=fetch.fetched_at,
            is_overtaken=fetch.is_overtaken,
            is_whole=fetch.positions is not None,
        )
        for fetch in fetches
        if fetch.sync_run_id not in reverted
    ]
    return rows, answers


def get_raw_payload(session: Session, tenant_id: UUID, raw_id: UUID) -> PulledRow:
    """Return a payload as it was received.

    :param session: Open session; the caller manages the transaction.
    :param tenant_id: Tenant that owns it.
    :param raw_id: The raw row that holds it.
    """
    raw = session.scalars(
        select(GcTransaction).where(
            GcTransaction.tenant_id == tenant_id, GcTransaction.id == raw_id
        )
    ).one()
    return _pulled(raw.payload, raw.content_hash, raw.is_booked)


def _pulled(payload: Mapping[str, Any], content_hash: bytes, is_booked: bool) -> PulledRow:
    return PulledRow(json.dumps(payload, ensure_ascii=False).encode(), content_hash, is_booked)


def reassign_raw_transactions(
    session: Session, tenant_id: UUID, raw_ids: Sequence[UUID], transaction_id: UUID
) -> None:
    """Say anew which transaction payloads speak of.

    :param session: Open session; the caller manages the transaction.
    :param tenant_id: Tenant that owns the payloads.
    :param raw_ids: The payloads.
    :param transaction_id: Transaction that they speak of.
    """
    session.execute(
        update(GcTransaction)
        .where(
            GcTransaction.tenant_id == tenant_id,
            GcTransaction.id == any_(bindparam("ids", list(raw_ids), ARRAY(Uuid()))),
        )
        .values(transaction_id=transaction_id, identity_version=IDENTITY_VERSION)
        .execution_options(synchronize_session=False)
    )
