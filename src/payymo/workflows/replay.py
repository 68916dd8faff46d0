"""Enter the raw archive anew, and say what today's rules make of it.

The archive is entered into a shadow of each account's ledger, in the order in which it came, and
the shadow is compared with the ledger that stands. Applying a replay brings the ledger in line:
every transaction that stands keeps its id and what people did with it.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import Final
from uuid import UUID

from sqlalchemy.orm import Session, sessionmaker
from uuid_utils.compat import uuid7

from payymo.domain.banking import Clock
from payymo.domain.enums import ChangeKind, ReplayVerdict, SyncTrigger
from payymo.domain.errors import InvalidInputError
from payymo.domain.ledger.book import TransactionEntry
from payymo.domain.ledger.identity import IDENTITY_VERSION
from payymo.domain.ledger.identity_versions import IDENTITY_VERSIONS
from payymo.domain.ledger.replay import ArchivedAnswer, ArchivedReversal, Finding, Replay
from payymo.domain.ledger.shadow import ShadowRow
from payymo.postgres.common.models import Account
from payymo.postgres.common.operations import ledger
from payymo.postgres.common.operations.accounts import list_accounts
from payymo.postgres.common.operations.categorisation import categorise_transactions
from payymo.postgres.common.operations.reviews import tell_of_restated
from payymo.postgres.common.operations.sync_runs import (
    list_reversals,
    lock_account,
    record_own_run,
)
from payymo.postgres.gocardless.operations.archive import (
    PayloadReader,
    read_archive,
    reassign_raw_transactions,
)
from payymo.postgres.tenancy import tenant_transaction
from payymo.providers.registry import find_translator
from payymo.workflows.proof import prove_account

#: Told after each account: how many are done, of how many.
type Progress = Callable[[int, int], None]

#: Told within an account: how many answers are entered, of how many, and how many payloads were
#: read so far.
type Watch = Callable[[int, int, int], None]

_ACCOUNTS_AT_A_TIME: Final = 100


@dataclass(frozen=True, slots=True)
class AccountReplay:
    """What a replay makes of one account.

    :ivar answer_count: Answers that were entered anew.
    :ivar partial_answer_count: Those of which it is not known which known rows they repeated.
    :ivar findings: What would be otherwise; what stays is counted only.
    :ivar counts: Transactions by what becomes of them.
    :ivar kept_back: Findings that were not applied; each says why (``obstacle``).
    """

    account_id: UUID
    account_name: str
    row_count: int
    answer_count: int
    partial_answer_count: int
    findings: Sequence[Finding]
    counts: Mapping[ReplayVerdict, int]
    kept_back: Sequence[Finding] = ()


def replay(
    sessions: sessionmaker[Session],
    *,
    tenant_id: UUID,
    account_id: UUID | None,
    identity_version: int | None = None,
    apply: bool,
    clock: Clock,
    progress: Progress,
    watch: Watch | None = None,
) -> list[AccountReplay]:
    """Enter a tenant's raw archive anew, and return what that makes of each account.

    Each account is a transaction of its own. Nothing is written unless the replay is applied.

    :param sessions: Opener of transactions.
    :param tenant_id: Tenant whose archive it is.
    :param account_id: Only this account; ``None`` is all.
    :param identity_version: By which version of identity's rules; ``None`` is the latest.
    :param apply: Whether to bring the ledger in line.
    :param clock: Tells the time (aware).
    :param progress: Told how many accounts are done, of how many.
    :param watch: Told how far the account is that is under way.
    :raises NotFoundError: If the tenant has no such account.
    :raises InvalidInputError: If there is no such version, or an old one is to be applied.
    """
    version = _choose_version(identity_version, apply=apply)
    chosen = [account_id] if account_id is not None else _list_accounts(sessions, tenant_id)
    reports = []
    progress(0, len(chosen))
    for done, each in enumerate(chosen, 1):
        with tenant_transaction(sessions, tenant_id) as session:
            account = lock_account(session, tenant_id, each)
            report = _replay_account(
                session,
                account,
                version,
                apply=apply,
                now=clock(),
                watch=watch or _tell_nobody,
            )
            reports.append(report)
        progress(done, len(chosen))
    return reports


def _tell_nobody(_done: int, _total: int, _read: int) -> None:
    """Take no notice of how far it is."""


def _choose_version(wanted: int | None, *, apply: bool) -> int:
    if wanted is None or wanted == IDENTITY_VERSION:
        return IDENTITY_VERSION
    if wanted not in IDENTITY_VERSIONS:
        known = ", ".join(map(str, sorted(IDENTITY_VERSIONS)))
        raise InvalidInputError(f"There is no version {wanted} of identity's rules: say {known}.")
    if apply:
        raise InvalidInputError(
            f"Version {wanted} of identity's rules is old: compare with it, and apply the latest."
        )
    return wanted


def _list_accounts(sessions: sessionmaker[Session], tenant_id: UUID) -> list[UUID]:
    found: list[UUID] = []
    with tenant_transaction(sessions, tenant_id) as session:
        for page in _pages(session, tenant_id):
            found.extend(account.id for account in page)
    return found


def _pages(session: Session, tenant_id: UUID) -> Iterator[Sequence[Account]]:
    number = 1
    while rows := list_accounts(session, tenant_id, page=number, per_page=_ACCOUNTS_AT_A_TIME).rows:
        yield rows
        number += 1


def _replay_account(
    session: Session,
    account: Account,
    version: int,
    *,
    apply: bool,
    now: datetime,
    watch: Watch,
) -> AccountReplay:
    tenant_id = account.tenant_id
    archive = read_archive(
        session,
        tenant_id,
        account.id,
        reversals=list_reversals(session, tenant_id),
    )
    standing = ledger.list_standing_rows(session, tenant_id, account.id)
    entered = Replay(
        archive.rows,
        standing,
        identity_version=version,
        values_of=ledger.preview_values,
    )
    done, total = 0, len(archive.answers)
    reader = PayloadReader(
        session, tenant_id, archive.rows, lambda count: watch(done, total, count)
    )
    reading = _Reading(account, entered, reader)
    for event in archive.events:
        if isinstance(event, ArchivedReversal):
            entered.take_back(event)
            continue
        watch(done, total, reader.count)
        reading.enter(event)
        done += 1
    counts: Counter[ReplayVerdict] = Counter()
    differing: list[Finding] = []
    values = ledger.stream_standing_values(session, tenant_id, account.id)
    for finding in entered.compare(values, reading.values_of):
        counts[finding.verdict] += 1
        if finding.verdict is not ReplayVerdict.KEPT:
            differing.append(finding)
    kept_back: list[Finding] = []
    if apply and differing:
        applying = _Applying(session, account, reading, now)
        kept_back = [finding for finding in differing if not applying.apply(finding)]
        categorise_transactions(session, tenant_id, applying.written, now=now)
        prove_account(session, account, now=now)
    return AccountReplay(
        account_id=account.id,
        account_name=account.name,
        row_count=len(archive.rows),
        answer_count=total,
        partial_answer_count=sum(not answer.is_whole for answer in archive.answers),
        findings=differing,
        counts=counts,
        kept_back=kept_back,
    )


class _Reading:
    """An account's archive, with its payloads, put in today's words."""

    def __init__(self, account: Account, entered: Replay, reader: PayloadReader) -> None:
        connection = account.connection
        self.entered = entered
        self._read = reader.read
        self._translate = partial(
            find_translator(connection.provider),
            institution_reference=connection.institution.reference,
            account_currency=account.currency,
        )

    def enter(self, answer: ArchivedAnswer) -> None:
        """Enter an answer, as of the day on which it came."""
        day = answer.received_at.date()
        self.entered.enter(answer, read=self._read, translate=partial(self._translate, today=day))

    def values_of(self, row: ShadowRow) -> Mapping[str, object]:
        """Return what would be written of a row of the shadow."""
        return ledger.preview_values(self.entry_of(row))

    def entry_of(self, row: ShadowRow, transaction_id: UUID | None = None) -> TransactionEntry:
        """Return a row of the shadow as it is written.

        :param transaction_id: The transaction that it stands for; its own id without one.
        """
        archived = self.entered.find_raw(row)
        return TransactionEntry(
            id=transaction_id or row.id,
            raw_id=archived.id,
            record=self._translate(self._read(archived), today=row.read_on),
            fingerprint=row.sighting.fingerprint,
            occurrence=row.occurrence,
            tier=row.tier,
            day_seen=row.day,
        )


@dataclass(slots=True)
class _Applying:
    """A replay that is applied to an account.

    :ivar written: Transactions that were added or written anew.
    """

    session: Session
    account: Account
    reading: _Reading
    now: datetime
    run_id: UUID | None = None
    written: set[UUID] = field(default_factory=set)

    def apply(self, finding: Finding) -> bool:
        """Bring the ledger in line with a finding, and return whether that was done."""
        if finding.obstacle is not None:
            return False
        match finding.verdict:
            case ReplayVerdict.CHANGED:
                self._change(finding)
            case ReplayVerdict.ADDED | ReplayVerdict.WOULD_DUPLICATE:
                self._add(finding)
            case _:
                assert finding.other_id is not None  # noqa: S101  # else there is an obstacle
                self._merge(finding, finding.other_id)
        return True

    def _run(self) -> UUID:
        """Return the run under which it is kept what was."""
        if self.run_id is None:
            self.run_id = record_own_run(
                self.session,
                self.account.tenant_id,
                self.account.connection_id,
                trigger=SyncTrigger.REPLAY,
                now=self.now,
            ).id
        return self.run_id

    def _change(self, finding: Finding) -> None:
        """Write a transaction as the replay has it; its id and what people said of it stay."""
        row, transaction_id = finding.replayed, finding.transaction_id
        assert row is not None and transaction_id is not None  # noqa: S101, PT018  # it is a change
        self._keep(transaction_id, ChangeKind.REWRITTEN)
        tenant_id = self.account.tenant_id
        entry = self.reading.entry_of(row, transaction_id)
        ledger.rewrite_transactions(self.session, tenant_id, [entry])
        self.written.add(transaction_id)
        tell_of_restated(self.session, tenant_id, [transaction_id], now=self.now)
        ledger.mark_state(
            self.session,
            tenant_id,
            transaction_id,
            status=row.status,
            missing_since=row.missing_since,
        )

    def _add(self, finding: Finding) -> None:
        """Add a transaction, and give it the payloads that are its own."""
        row = finding.replayed
        assert row is not None  # noqa: S101  # it is to be added
        tenant_id, transaction_id = self.account.tenant_id, uuid7()
        entry = self.reading.entry_of(row, transaction_id)
        ledger.add_transactions(
            self.session, tenant_id, self.account.id, [entry], sync_run_id=self._run()
        )
        self.written.add(transaction_id)
        ledger.mark_state(
            self.session,
            tenant_id,
            transaction_id,
            status=row.status,
            missing_since=row.missing_since,
        )
        self._reassign(finding, transaction_id)

    def _merge(self, finding: Finding, other_id: UUID) -> None:
        """Close a transaction that proved to be another one, which takes its payloads."""
        transaction_id = finding.transaction_id
        assert transaction_id is not None  # noqa: S101  # it stands
        self._keep(transaction_id, ChangeKind.CLOSED)
        ledger.supersede_transaction(
            self.session, self.account.tenant_id, transaction_id, by=other_id, now=self.now
        )
        self._reassign(finding, other_id)

    def _reassign(self, finding: Finding, transaction_id: UUID) -> None:
        archive = self.reading.entered.archive
        raw_ids = [archive[position].id for position in finding.positions]
        reassign_raw_transactions(self.session, self.account.tenant_id, raw_ids, transaction_id)

    def _keep(self, transaction_id: UUID, kind: ChangeKind) -> None:
        ledger.record_changes(
            self.session,
            self.account.tenant_id,
            [transaction_id],
            kind=kind,
            sync_run_id=self._run(),
            now=self.now,
        )
