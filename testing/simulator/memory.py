"""The house in memory: the real rules of ledger, coverage and translation, without a database."""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Final
from uuid import UUID

from testing.simulator.bank import Bank, Row, Told, instant
from testing.simulator.judge import EndRow, Held, Judge, PayloadKey, Rewritten
from testing.simulator.truth import HOURS, Day, Moment

from payymo.domain.banking import PulledRow, TransactionRecord
from payymo.domain.enums import TransactionStatus
from payymo.domain.ledger.book import Answer, Changes, TransactionEntry, Translate
from payymo.domain.ledger.coverage import (
    AnswerFacts,
    CoverageSpan,
    assess,
    claim,
    merge,
    next_window,
)
from payymo.domain.ledger.identity import IDENTITY_VERSION
from payymo.domain.ledger.shadow import _DRAWER_DAYS, ShadowLedger, ShadowRow
from payymo.providers.gocardless.api.statement import read_statement
from payymo.providers.gocardless.translate import translate

#: Spans older than this are remembered by their days alone.
_SPAN_DAYS: Final = timedelta(days=8)
_SPANS_MAX: Final = 32
_LIVE: Final = (TransactionStatus.BOOKED, TransactionStatus.PENDING)


@dataclass(frozen=True, slots=True)
class Consent:
    """A right to read an account.

    :ivar reach: First day that it lets anybody read.
    :ivar ends_at: When it is over.
    """

    id: UUID
    reach: Day
    ends_at: Moment


class WatchedLedger(ShadowLedger):
    """A ledger in memory that says what an answer did to it."""

    def __init__(
        self, touched: Collection[UUID] = (), *, identity_version: int = IDENTITY_VERSION
    ) -> None:
        """Begin without any row.

        :param touched: Rows that a person touched; looked at anew each time.
        :param identity_version: By which version of the rules rows are recognised.
        """
        super().__init__(
            is_touched=lambda row: row.id in touched, identity_version=identity_version
        )
        self.touched = touched
        self.rewritten: list[Rewritten] = []
        self.removed: list[PayloadKey] = []

    def watch(self) -> None:
        """Forget what was seen, before the next answer."""
        self.rewritten, self.removed = [], []

    def rewrite(self, entries: Sequence[TransactionEntry]) -> None:
        """Write known rows anew, and remember what they were."""
        before = [(entry.id, self.rows[entry.id].key) for entry in entries]
        super().rewrite(entries)
        self.rewritten += [Rewritten(row_id, key, self.rows[row_id].key) for row_id, key in before]

    def remove(self, transaction_ids: Collection[UUID]) -> None:
        """Take rows out of every list, and remember which."""
        super().remove(transaction_ids)
        self.removed += [self.rows[row_id].key for row_id in transaction_ids]

    def rows_since(self, since: date | None) -> Iterator[ShadowRow]:
        """Return the rows that ever booked, from a day on."""
        for number in self._drawers:
            if since is None or (number + 1) * _DRAWER_DAYS > since.toordinal():
                yield from (self.rows[row_id] for row_id in self._drawers[number])

    def holders(self, key: PayloadKey) -> Sequence[Held]:
        """Return the rows that were last written from a payload."""
        return [
            Held(row.id, row.status in _LIVE and row.missing_since is None)
            for row in self.list_holders(key)
        ]


class MemoryHouse:
    """One account that is kept up to date with its bank.

    :ivar pulls: Answers that were entered.
    :ivar pulled: Rows of them.
    :ivar last: The answer that was entered last.
    :ivar claims: Days that were learnt, and when.
    """

    def __init__(
        self,
        bank: Bank,
        judge: Judge,
        *,
        touched: Collection[UUID] = (),
        identity_version: int = IDENTITY_VERSION,
    ) -> None:
        """Begin with nothing known.

        :param bank: The bank.
        :param judge: Who looks at each step.
        :param touched: Rows that a person touched.
        :param identity_version: By which version of the rules rows are recognised.
        """
        self.bank = bank
        self.judge = judge
        self.ledger = WatchedLedger(touched, identity_version=identity_version)
        self.consent = Consent(UUID(int=0), 0, 0)
        self.is_anew = True
        self.has_failed = False
        self.pulls = self.pulled = self.failures = self.consents = 0
        self.last: Told | None = None
        self.claims: list[tuple[Day, Day, Moment]] = []
        self._spans: list[CoverageSpan] = []

    def renew(self, moment: Moment, *, history_days: int, access_days: int) -> None:
        """Let the account holder consent anew."""
        self.consents += 1
        self.consent = Consent(
            UUID(int=self.consents), moment // HOURS - history_days, moment + access_days * HOURS
        )
        self.is_anew = True

    def fail(self) -> None:
        """Note that the bank refused."""
        self.failures += 1
        self.has_failed = True

    def window(self, moment: Moment) -> date | None:
        """Return the first day that the house would ask for."""
        coverage = assess(self._spans, today=instant(moment).date())
        landmarks = {
            hole.first_day: day
            for hole in coverage.holes
            if hole.last_day < coverage.known[-1].last_day
            and (day := self._last_row_day(hole.first_day)) is not None
        }
        return next_window(
            self._spans,
            consent_id=self.consent.id,
            reachable_from=date.fromordinal(self.consent.reach),
            landmarks=landmarks,
            is_anew=self.is_anew,
            now=instant(moment),
        )

    def pull(
        self, moment: Moment, *, is_settled: bool = False, is_empty: bool = False
    ) -> Changes | None:
        """Ask the bank, and enter its answer; ``None`` if it refuses.

        :param moment: The present.
        :param is_settled: The bank has its good day.
        :param is_empty: The bank answers with nothing at all.
        """
        if moment >= self.consent.ends_at:
            self.fail()
            return None
        since = self.window(moment)
        told = self.bank.tell(
            moment, since, reach=self.consent.reach, pull=self.pulls, is_settled=is_settled
        )
        if is_empty:
            told = Told([], told.last_updated, is_fair=False, since=told.since)
        return self.enter(told, since, moment)

    def enter(self, told: Told, since: date | None, moment: Moment) -> Changes:
        """Enter an answer as a sync does, and let the judge look at it."""
        now = instant(moment)
        rows, last_updated = read_statement(told.body)
        self.ledger.watch()
        changes = self.ledger.enter(
            Answer(rows, since, now),
            translate=self._translator(now.date()),
        )
        self._note_coverage(changes, since, last_updated, now, moment)
        self.pulls += 1
        self.pulled += len(rows)
        self.is_anew = self.has_failed = False
        self.last = told
        ordered = _as_listed(told)
        self.judge.entered(
            ordered,
            [_key(row) for row in rows],
            self.ledger,
            moment=moment,
            rewritten=self.ledger.rewritten,
            removed=self.ledger.removed,
        )
        return changes

    def finish(self, moment: Moment) -> None:
        """Let the judge compare the whole ledger with the truth."""
        rows = [
            EndRow(
                row.id,
                row.key,
                row.record.amount,
                row.record.currency,
                is_booked=row.status is TransactionStatus.BOOKED,
                is_pending=row.status is TransactionStatus.PENDING,
                is_kept=row.missing_since is not None and row.id in self.ledger.touched,
            )
            for row in self.ledger.rows.values()
        ]
        self.judge.finish(rows, moment=moment, claims=self.claims)

    def _translator(self, today: date) -> Translate:
        """Return the provider's translation, which an answer's rows go through twice."""
        known: dict[PayloadKey, TransactionRecord] = {}

        def translated(row: PulledRow) -> TransactionRecord:
            record = known.get(_key(row))
            if record is None:
                record = known[_key(row)] = translate(
                    row,
                    institution_reference=self.bank.family.institution,
                    account_currency=self.bank.life.currency,
                    today=today,
                )
            return record

        return translated

    def _note_coverage(
        self,
        changes: Changes,
        since: date | None,
        last_updated: str | None,
        now: datetime,
        moment: Moment,
    ) -> None:
        if changes.unreadable:
            return
        known = merge(span.days for span in self._spans)
        reach = date.fromordinal(self.consent.reach)
        learnt = claim(
            AnswerFacts(
                asked_from=since,
                reachable_from=reach,
                answered_at=now,
                bank_asked_at=datetime.fromisoformat(last_updated) if last_updated else None,
                oldest_booked=changes.oldest_booked,
                has_known_rows=self._has_booked(since, None),
                has_rows_before=self._has_booked(since, changes.oldest_booked),
                is_after_failure=self.has_failed,
                speaks_from=changes.speaks_from,
                newest_booked=changes.newest_booked,
                has_rows_after=self._has_lost(changes.newest_booked, now),
                lag=changes.lag,
            ),
            known,
        )
        if learnt is None:
            return
        self._spans.append(
            CoverageSpan(
                days=learnt.days,
                asked_from=since,
                due_from=max(since or reach, reach),
                learnt_at=now,
                consent_id=self.consent.id,
                completeness=learnt.completeness,
                is_firm=learnt.is_firm,
            )
        )
        days = learnt.days
        self.claims.append((days.first_day.toordinal(), days.last_day.toordinal(), moment))
        self._shelve(now)

    def _shelve(self, now: datetime) -> None:
        """Keep of old spans that lack nothing their days alone: the last tells what was asked."""
        if len(self._spans) < _SPANS_MAX:
            return
        old = [
            span
            for span in self._spans
            if span.lacking is None and now - span.learnt_at > _SPAN_DAYS
        ]
        if not old:
            return
        gone = set(map(id, old))
        merged = [replace(old[-1], days=days) for days in merge(span.days for span in old)]
        self._spans = merged + [span for span in self._spans if id(span) not in gone]

    def _last_row_day(self, before: date) -> date | None:
        """Return the day of the last booked row before a day that the bank still has."""
        return max(
            (
                row.day
                for row in self.ledger.rows_since(None)
                if row.status is TransactionStatus.BOOKED
                and row.missing_since is None
                and row.day < before
            ),
            default=None,
        )

    def _has_booked(self, since: date | None, before: date | None) -> bool:
        """Return whether booked rows of some days are known, as the database is asked."""
        return any(
            row.status is TransactionStatus.BOOKED
            and (since is None or row.day >= since)
            and (before is None or row.day < before)
            for row in self.ledger.rows_since(since)
        )

    def _has_lost(self, newest: date | None, now: datetime) -> bool:
        """Return whether rows after an answer's newest are known, as the database is asked."""
        return newest is not None and any(
            row.status is TransactionStatus.BOOKED
            and newest < row.day <= now.date()
            and (row.missing_since is None or row.missing_since >= now)
            for row in self.ledger.rows_since(newest)
        )


def _as_listed(told: Told) -> Told:
    """Return an answer with its rows in the order in which the lists have them."""
    rows: list[Row] = [row for row in told.rows if row.is_listed_as_booked]
    rows += [row for row in told.rows if not row.is_listed_as_booked]
    return Told(rows, told.last_updated, told.is_fair, told.since)


def _key(row: PulledRow) -> PayloadKey:
    return row.content_hash, row.is_booked
