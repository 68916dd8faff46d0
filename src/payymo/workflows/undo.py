"""Take back what a sync run did: a run of its own, all or nothing.

Nothing is deleted. Rows that the run added stand in no list any more, rows that it changed are
written again from the payloads that they had before, and balances and known days count only as
far as the other runs learnt them; what is proved of each day follows from that. The next sync asks
again, and brings back what the bank still says under the same ids.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from uuid import UUID

from sqlalchemy.orm import Session, sessionmaker

from payymo.domain.banking import Clock, TransactionRecord
from payymo.domain.enums import ChangeKind, RunStatus, SyncTrigger, TransactionStatus
from payymo.domain.errors import Problem, RuleError
from payymo.domain.ledger.book import TransactionEntry
from payymo.domain.ledger.sightings import observe
from payymo.postgres.auth.operations.audit import record_audit
from payymo.postgres.common.models import Account, SyncRun, TransactionChange
from payymo.postgres.common.operations import ledger, transactions
from payymo.postgres.common.operations.accounts import list_connection_accounts
from payymo.postgres.common.operations.balances import retake_balance
from payymo.postgres.common.operations.changes import (
    AddedTransaction,
    list_added,
    list_changes,
    list_later_changes,
    list_paying,
    restore_state,
)
from payymo.postgres.common.operations.connections import lock_connection
from payymo.postgres.common.operations.coverage import find_known_through, retract_coverage
from payymo.postgres.common.operations.reviews import tell_of_restated
from payymo.postgres.common.operations.sync_runs import (
    get_sync_run,
    list_reverted_runs,
    lock_account,
    record_own_run,
)
from payymo.postgres.gocardless.operations.archive import get_raw_payload
from payymo.postgres.gocardless.operations.fetches import list_balance_sightings
from payymo.postgres.tenancy import tenant_transaction
from payymo.providers.registry import find_translator
from payymo.workflows.proof import prove_account
from payymo.workflows.queue import JobQueue

_NAMED_MAX = 20


@dataclass(frozen=True, slots=True)
class Reversal:
    """What taking a run back does, or would do.

    :ivar run: The reversal's own run; absent where it was only tried.
    :ivar removed_count: Rows that the run had added.
    :ivar restored_count: Rows that it had changed.
    :ivar blockers: Why it cannot be done; empty where it was, or could be.
    """

    run: SyncRun | None
    removed_count: int
    restored_count: int
    blockers: Sequence[Problem]


def revert_run(
    sessions: sessionmaker[Session],
    queue: JobQueue,
    *,
    tenant_id: UUID,
    sync_run_id: UUID,
    connection_id: UUID | None,
    is_trial: bool,
    actor_id: UUID | None,
    clock: Clock,
) -> Reversal:
    """Take back what a sync run did, and return what that was.

    :param sessions: Opener of transactions.
    :param queue: Takes the matching that follows.
    :param tenant_id: Tenant that must own the run.
    :param sync_run_id: Run to take back.
    :param connection_id: Connection that it must be of, where that is said.
    :param is_trial: Only say what would happen, and what stands in the way.
    :param actor_id: User who asks.
    :param clock: Tells the time (aware).
    :raises NotFoundError: If there is no such run.
    :raises RuleError: If something stands in the way (``sync_run_not_revertible``); each blocker
        is among its problems, and nothing is changed.
    """
    now = clock()
    with tenant_transaction(sessions, tenant_id) as session:
        run = get_sync_run(session, tenant_id, sync_run_id, connection_id=connection_id)
        lock_connection(session, tenant_id, run.connection_id)
        undo = _Undo.plan(session, run, now)
        if is_trial or undo.blockers:
            if undo.blockers and not is_trial:
                raise RuleError(
                    "The sync cannot be taken back: see what stands in the way.",
                    code="sync_run_not_revertible",
                    problems=undo.blockers,
                )
            return Reversal(None, len(undo.added), len(undo.changes), undo.blockers)
        reversal = undo.carry_out()
        record_audit(
            session,
            tenant_id,
            actor_id=actor_id,
            action="reverted",
            entity="sync_runs",
            entity_id=run.id,
            after={"removed": reversal.removed_count, "restored": reversal.restored_count},
        )
        queue.queue_match(session, tenant_id, requested_by=actor_id)
        return reversal


def _bears(amount: Decimal, used: Decimal) -> bool:
    """Return whether so much of an amount can be used; both are signed: money in is positive."""
    return used * amount > 0 and abs(used) <= abs(amount)


@dataclass(slots=True)
class _Undo:
    """A run that is to be taken back.

    :ivar added: Rows that it added and that stand.
    :ivar changes: What other rows were before it, one for each.
    """

    session: Session
    run: SyncRun
    now: datetime
    accounts: Mapping[UUID, Account]
    added: Sequence[AddedTransaction]
    changes: Sequence[TransactionChange]
    blockers: list[Problem] = field(default_factory=list)

    @classmethod
    def plan(cls, session: Session, run: SyncRun, now: datetime) -> "_Undo":
        """Return what there is to do, and what stands in the way; its accounts are locked."""
        tenant_id = run.tenant_id
        accounts = {
            account.id: lock_account(session, tenant_id, account.id)
            for account in list_connection_accounts(session, tenant_id, run.connection_id)
        }
        for part in run.accounts:  # one may be read through another connection by now
            if part.account_id not in accounts:
                accounts[part.account_id] = lock_account(session, tenant_id, part.account_id)
        added = list_added(session, tenant_id, run.id)
        own = {one.id for one in added}
        first: dict[UUID, TransactionChange] = {}
        for change in list_changes(session, tenant_id, run.id):
            if change.transaction_id not in own:
                first.setdefault(change.transaction_id, change)
        undo = cls(
            session,
            run,
            now,
            accounts,
            added=[
                one
                for one in added
                if one.status in {TransactionStatus.BOOKED, TransactionStatus.PENDING}
            ],
            changes=list(first.values()),
        )
        undo._look_for_blockers()
        return undo

    def _look_for_blockers(self) -> None:
        tenant_id, run = self.run.tenant_id, self.run
        reverted = list_reverted_runs(self.session, tenant_id, run.connection_id)
        if run.status is RunStatus.RUNNING:
            self._block("The sync is still running: wait until it has ended.")
        if run.id in reverted:
            self._block("The sync was taken back already.")
            return
        if not self.added and not self.changes:
            is_noted = not any(
                result.added_count + result.updated_count + result.superseded_count
                for result in run.accounts
            )
            self._block(
                "The sync changed nothing: there is nothing to take back."
                if is_noted
                else "The sync is from before it was noted what each one changed."
            )
        affected = [added.id for added in self.added]
        affected += [change.transaction_id for change in self.changes]
        later = list_later_changes(self.session, tenant_id, run, affected, reverted=reverted)
        for later_id in dict.fromkeys(change.sync_run_id for change in later):
            count = sum(change.sync_run_id == later_id for change in later)
            self._block(
                f"A later run, {later_id}, changed {count} of its transactions again: "
                "take that one back first."
            )
        self._block_each(
            [added.id for added in self.added if added.is_worked_on],
            "was edited, split or matched with invoices since: undo that first.",
        )
        self._look_for_payments()

    def _look_for_payments(self) -> None:
        """Block what would be used for more than it would come to, or before it is booked.

        Whatever stays within the amount that it had before may be restored: taking a sync back is
        how an amount that the bank restated by mistake becomes the paid one again.
        """
        before = {change.transaction_id: change for change in self.changes}
        paying = list_paying(self.session, self.run.tenant_id, list(before))
        unbooked, short = [], []
        for transaction_id in paying:
            change = before[transaction_id]
            line = transactions.get_transaction(
                self.session, self.run.tenant_id, change.transaction_id
            )
            if change.status is not TransactionStatus.BOOKED:
                unbooked.append(transaction_id)
            elif line.raw_id != change.raw_id:
                record = self._record_before(change, line)
                if record.currency != line.currency or not _bears(record.amount, line.allocated):
                    short.append(transaction_id)
        self._block_each(
            unbooked,
            "pays invoices, and was not booked before the sync: reverse that match first.",
        )
        self._block_each(
            short,
            "pays invoices with more than it came to before the sync: reverse that match first.",
        )

    def _block(self, message: str) -> None:
        self.blockers.append(Problem(None, message))

    def _block_each(self, transaction_ids: Sequence[UUID], why: str) -> None:
        for transaction_id in transaction_ids[:_NAMED_MAX]:
            self._block(f"Transaction {transaction_id} {why}")
        if len(transaction_ids) > _NAMED_MAX:
            self._block(f"{len(transaction_ids) - _NAMED_MAX} more transactions: the same.")

    def carry_out(self) -> Reversal:
        """Take the run back."""
        tenant_id, session = self.run.tenant_id, self.session
        reversal = record_own_run(
            session,
            tenant_id,
            self.run.connection_id,
            trigger=SyncTrigger.REVERSAL,
            reverts=self.run.id,
            now=self.now,
        )
        affected = [added.id for added in self.added]
        affected += [change.transaction_id for change in self.changes]
        ledger.record_changes(
            session,
            tenant_id,
            affected,
            kind=ChangeKind.REVERTED,
            sync_run_id=reversal.id,
            now=self.now,
        )
        for change in self.changes:
            self._restore(change)
        booked = [one.id for one in self.added if one.status is TransactionStatus.BOOKED]
        ledger.mark_missing(session, tenant_id, booked, now=self.now)
        ledger.remove_transactions(session, tenant_id, booked)
        pending = [one.id for one in self.added if one.status is TransactionStatus.PENDING]
        ledger.close_pending(session, tenant_id, pending, now=self.now)
        self._retract_learning()
        for account in self.accounts.values():
            account.synced_through = find_known_through(session, tenant_id, account.id)
            prove_account(session, account, now=self.now)
        session.flush()
        return Reversal(reversal, len(self.added), len(self.changes), ())

    def _retract_learning(self) -> None:
        """Let what the run learnt count no more, or what a reversal took back count again."""
        session, run, is_taken_back = self.session, self.run, True
        while run.reverts is not None:
            run = get_sync_run(session, run.tenant_id, run.reverts)
            is_taken_back = not is_taken_back
        retract_coverage(session, run.tenant_id, run.id, now=self.now if is_taken_back else None)
        reverted = list_reverted_runs(session, run.tenant_id, run.connection_id)
        for said in list_balance_sightings(session, run.tenant_id, run.id, reverted=reverted):
            retake_balance(
                session,
                run.tenant_id,
                said.balance_id,
                first_at=said.first_at,
                last_at=said.last_at,
                now=self.now,
            )

    def _restore(self, change: TransactionChange) -> None:
        """Write a transaction again from the payload that it had before."""
        tenant_id = self.run.tenant_id
        line = transactions.get_transaction(self.session, tenant_id, change.transaction_id)
        if line.raw_id != change.raw_id:
            record = self._record_before(change, line)
            content_hash = get_raw_payload(self.session, tenant_id, change.raw_id).content_hash
            entry = TransactionEntry(
                id=change.transaction_id,
                raw_id=change.raw_id,
                record=record,
                fingerprint=observe(record, content_hash).fingerprint,
                occurrence=change.occurrence,
                tier=change.identity_tier,
                day_seen=change.transaction_date,
            )
            ledger.rewrite_transactions(self.session, tenant_id, [entry])
            tell_of_restated(self.session, tenant_id, [change.transaction_id], now=self.now)
        restore_state(self.session, tenant_id, change)

    def _record_before(
        self, change: TransactionChange, line: transactions.TransactionLine
    ) -> TransactionRecord:
        """Return what the bank said of a transaction before the run, in Payymo's words."""
        tenant_id = self.run.tenant_id
        account = self.accounts.get(line.account_id) or lock_account(
            self.session, tenant_id, line.account_id
        )
        translate = find_translator(account.connection.provider)
        return translate(
            get_raw_payload(self.session, tenant_id, change.raw_id),
            institution_reference=account.connection.institution.reference,
            account_currency=account.currency,
            today=change.transaction_date,
        )
