"""The raw archive of an account, to be read once more."""

import json
from bisect import bisect_left
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import chain
from operator import attrgetter, itemgetter
from typing import Any, Final, NamedTuple
from uuid import UUID

from sqlalchemy import ARRAY, Text, Uuid, any_, bindparam, cast, func, select, update
from sqlalchemy.dialects.postgresql import Range
from sqlalchemy.orm import Session

from payymo.domain.banking import PulledRow
from payymo.domain.enums import AccessScope
from payymo.domain.ledger.identity import IDENTITY_VERSION
from payymo.domain.ledger.replay import ArchivedAnswer, ArchivedReversal, ArchivedRow
from payymo.postgres.gocardless.models import GcFetch, GcTransaction

#: Rows and payloads that are read at a time.
_FETCH_COUNT: Final = 2000

#: So many parts of the payloads are kept: answers overlap, and pass through the archive twice.
_PARTS_MAX: Final = 4

#: Told how many payloads were read.
type Watch = Callable[[int], None]


class Archive(NamedTuple):
    """Everything that was received of an account's transactions, without the payloads.

    :ivar rows: The raw rows by position.
    :ivar answers: The answers in the order in which they came.
    :ivar events: The answers, and among them what took some of them back.
    """

    rows: Sequence[ArchivedRow]
    answers: Sequence[ArchivedAnswer]
    events: Sequence[ArchivedAnswer | ArchivedReversal]


def read_archive(
    session: Session,
    tenant_id: UUID,
    account_id: UUID,
    *,
    reversals: Sequence[ArchivedReversal],
) -> Archive:
    """Return everything that was received of an account's transactions, and in which answers.

    Of answers from before it was noted which raw rows they consist of, only the rows are known
    that they brought as the first.

    :param session: Open session; the caller manages the transaction.
    :param tenant_id: Tenant that owns the account.
    :param account_id: Account that is meant.
    :param reversals: What took runs back, of this account or of others.
    """
    fetches = session.scalars(
        select(GcFetch)
        .where(
            GcFetch.tenant_id == tenant_id,
            GcFetch.account_id == account_id,
            GcFetch.scope == AccessScope.TRANSACTIONS,
        )
        .order_by(GcFetch.fetched_at, GcFetch.id)
    ).all()
    brought: dict[UUID, list[int]] = {fetch.id: [] for fetch in fetches if fetch.positions is None}
    raw = session.execute(
        select(
            GcTransaction.id,
            GcTransaction.position,
            GcTransaction.content_hash,
            GcTransaction.is_booked,
            GcTransaction.transaction_id,
            GcTransaction.fetch_id,
        )
        .where(GcTransaction.tenant_id == tenant_id, GcTransaction.account_id == account_id)
        .order_by(GcTransaction.position)
        .execution_options(yield_per=_FETCH_COUNT)
    )
    rows: list[ArchivedRow] = []
    for raw_id, position, content_hash, is_booked, transaction_id, fetch_id in raw:
        rows.append(ArchivedRow(raw_id, position, content_hash, is_booked, transaction_id))
        if fetch_id in brought:
            brought[fetch_id].append(position)
    reverted = {reversal.reverts for reversal in reversals}
    answers = [
        ArchivedAnswer(
            positions=brought[fetch.id] if fetch.positions is None else _Positions(fetch.positions),
            since=fetch.since,
            received_at=fetch.fetched_at,
            is_overtaken=fetch.is_overtaken,
            is_whole=fetch.positions is not None,
            run_id=fetch.sync_run_id if fetch.sync_run_id in reverted else None,
        )
        for fetch in fetches
    ]
    return Archive(rows, answers, _list_events(fetches, answers, reversals))


def _list_events(
    fetches: Sequence[GcFetch],
    answers: Sequence[ArchivedAnswer],
    reversals: Sequence[ArchivedReversal],
) -> Sequence[ArchivedAnswer | ArchivedReversal]:
    """Return answers and reversals in order; of one moment, ids tell which came first."""
    events: list[tuple[datetime, UUID, ArchivedAnswer | ArchivedReversal]] = [
        (answer.received_at, fetch.id, answer)
        for fetch, answer in zip(fetches, answers, strict=True)
    ]
    events += [(each.reverted_at, each.run_id, each) for each in reversals]
    events.sort(key=itemgetter(0, 1))
    return [event for _, _, event in events]


@dataclass(frozen=True, slots=True)
class _Positions:
    """Positions in stretches, counted out when they are needed."""

    parts: Sequence[Range[int]]

    def __iter__(self) -> Iterator[int]:
        return chain.from_iterable(range(part.lower or 0, part.upper or 0) for part in self.parts)


class PayloadReader:
    """Payloads of an archive, read some at a time in the order of arrival.

    :ivar count: Payloads that were read so far; those that were forgotten meanwhile count again.
    """

    def __init__(
        self, session: Session, tenant_id: UUID, rows: Sequence[ArchivedRow], watch: Watch
    ) -> None:
        """Begin with nothing read.

        :param session: Open session; the caller manages the transaction.
        :param tenant_id: Tenant that owns the archive.
        :param rows: The archive.
        :param watch: Told how many payloads were read so far.
        """
        self._session, self._tenant_id, self._watch = session, tenant_id, watch
        self._rows = rows
        self._parts: OrderedDict[int, Mapping[UUID, bytes]] = OrderedDict()
        self.count = 0

    def read(self, archived: ArchivedRow) -> PulledRow:
        """Return a row of the archive with its payload.

        :param archived: The row.
        """
        place = bisect_left(self._rows, archived.position, key=attrgetter("position"))
        number = place // _FETCH_COUNT
        if number not in self._parts:
            if len(self._parts) == _PARTS_MAX:
                self._parts.popitem(last=False)
            self._parts[number] = self._read_part(number)
        self._parts.move_to_end(number)
        payload = self._parts[number][archived.id]
        return PulledRow(payload, archived.content_hash, archived.is_booked)

    def _read_part(self, number: int) -> Mapping[UUID, bytes]:
        part = self._rows[number * _FETCH_COUNT : (number + 1) * _FETCH_COUNT]
        ids = bindparam("ids", [archived.id for archived in part], ARRAY(Uuid()))
        rows = self._session.execute(
            select(GcTransaction.id, cast(GcTransaction.payload, Text)).where(
                GcTransaction.tenant_id == self._tenant_id, GcTransaction.id == any_(ids)
            )
        )
        found = {raw_id: payload.encode() for raw_id, payload in rows}
        self.count += len(found)
        self._watch(self.count)
        return found


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


def count_unread_payloads(session: Session, tenant_id: UUID, account_id: UUID) -> int:
    """Return how many payloads of an account could not be understood.

    :param session: Open session; the caller manages the transaction.
    :param tenant_id: Tenant that owns the account.
    :param account_id: Account that is meant.
    """
    return session.execute(
        select(func.count())
        .select_from(GcTransaction)
        .where(
            GcTransaction.tenant_id == tenant_id,
            GcTransaction.account_id == account_id,
            GcTransaction.transaction_id.is_(None),
        )
    ).scalar_one()
