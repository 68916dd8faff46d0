"""One account's answer, brought into both layers: as received, and in Payymo's words."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from uuid import UUID

from sqlalchemy.orm import Session
from uuid_utils.compat import uuid7

from payymo.domain.enums import ChangeKind, IdentityTier
from payymo.domain.ledger.book import (
    Answer,
    Changes,
    KnownPayload,
    RawEntry,
    RawKey,
    TransactionEntry,
    Translate,
    post_answer,
)
from payymo.domain.ledger.sightings import KnownRow
from payymo.postgres.common.operations import ledger
from payymo.postgres.common.operations.categorisation import categorise_transactions
from payymo.postgres.common.operations.reviews import tell_of_restated
from payymo.postgres.gocardless.operations import transactions as raw_transactions
from payymo.postgres.gocardless.operations.fetches import record_positions


@dataclass(frozen=True, slots=True)
class Entry:
    """Where an answer is entered.

    :ivar account_id: Account that it is of, which the caller has locked.
    :ivar fetch_id: The note of the answer in the raw layer.
    :ivar sync_run_id: Run that brought it.
    """

    account_id: UUID
    fetch_id: UUID
    sync_run_id: UUID


def standardise(
    session: Session, tenant_id: UUID, entry: Entry, answer: Answer, *, translate: Translate
) -> Changes:
    """Write an account's answer into both layers, and return what it changed.

    The rules are :func:`payymo.domain.ledger.book.post_answer`'s.

    :param session: Open session; the caller manages the transaction, and has locked the account.
    :param tenant_id: Tenant that owns the account.
    :param entry: Where the answer belongs.
    :param answer: The answer.
    :param translate: Puts a row in Payymo's words; raises ProviderResponseError if it cannot.
    """
    standing = _PostgresLedger(session, tenant_id, entry, answer.received_at)
    changes = post_answer(standing, answer, translate=translate)
    categorise_transactions(session, tenant_id, standing.written, now=answer.received_at)
    record_positions(
        session,
        tenant_id,
        entry.fetch_id,
        changes.positions,
        position_max=changes.last_position,
    )
    return changes


@dataclass(slots=True)
class _PostgresLedger:
    """An account's rows in PostgreSQL, as one sync run writes them.

    :ivar written: Transactions that were added or written anew.
    """

    session: Session
    tenant_id: UUID
    entry: Entry
    now: datetime
    written: set[UUID] = field(default_factory=set)

    def make_id(self) -> UUID:
        return uuid7()

    def has_raw_rows(self) -> bool:
        return raw_transactions.has_raw_transactions(
            self.session, self.tenant_id, self.entry.account_id
        )

    def find_last_position(self) -> int:
        return raw_transactions.find_last_position(
            self.session, self.tenant_id, self.entry.account_id
        )

    def list_payloads(
        self, *, since: date | None, closed_after: datetime
    ) -> Sequence[KnownPayload]:
        return raw_transactions.list_known_payloads(
            self.session,
            self.tenant_id,
            self.entry.account_id,
            since=since,
            closed_after=closed_after,
        )

    def list_rows(self, *, since: date | None, closed_after: datetime) -> Sequence[KnownRow]:
        return ledger.list_known_rows(
            self.session,
            self.tenant_id,
            self.entry.account_id,
            since=since,
            closed_after=closed_after,
        )

    def list_raw_keys(self, content_hashes: Collection[bytes]) -> Sequence[RawKey]:
        return raw_transactions.list_raw_keys(
            self.session, self.tenant_id, self.entry.account_id, content_hashes
        )

    def add_raw(self, entries: Sequence[RawEntry]) -> None:
        raw_transactions.add_raw_transactions(
            self.session, self.tenant_id, self.entry.account_id, self.entry.fetch_id, entries
        )

    def assign_raw(self, raw_id: UUID, transaction_id: UUID, tier: IdentityTier) -> None:
        raw_transactions.assign_raw_transaction(
            self.session, self.tenant_id, raw_id, transaction_id, tier
        )

    def add(self, entries: Sequence[TransactionEntry]) -> None:
        self.written.update(entry.id for entry in entries)
        ledger.add_transactions(
            self.session,
            self.tenant_id,
            self.entry.account_id,
            entries,
            sync_run_id=self.entry.sync_run_id,
        )

    def rewrite(self, entries: Sequence[TransactionEntry]) -> None:
        ids = [entry.id for entry in entries]
        self.written.update(ids)
        self._keep(ids, ChangeKind.REWRITTEN)
        ledger.rewrite_transactions(self.session, self.tenant_id, entries)
        tell_of_restated(self.session, self.tenant_id, ids, now=self.now)

    def mark_found(self, transaction_ids: Collection[UUID]) -> None:
        self._keep(transaction_ids, ChangeKind.FOUND)
        ledger.mark_found(self.session, self.tenant_id, transaction_ids)

    def mark_missing(self, transaction_ids: Collection[UUID], *, now: datetime) -> None:
        self._keep(transaction_ids, ChangeKind.MISSING)
        ledger.mark_missing(self.session, self.tenant_id, transaction_ids, now=now)

    def close(self, transaction_ids: Collection[UUID], *, now: datetime) -> None:
        self._keep(transaction_ids, ChangeKind.CLOSED)
        ledger.close_pending(self.session, self.tenant_id, transaction_ids, now=now)

    def remove(self, transaction_ids: Collection[UUID]) -> None:
        self._keep(transaction_ids, ChangeKind.REMOVED)
        ledger.remove_transactions(self.session, self.tenant_id, transaction_ids)

    def _keep(self, transaction_ids: Collection[UUID], kind: ChangeKind) -> None:
        ledger.record_changes(
            self.session,
            self.tenant_id,
            transaction_ids,
            kind=kind,
            sync_run_id=self.entry.sync_run_id,
            now=self.now,
        )
