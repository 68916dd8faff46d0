"""Prove that an account adds up, and keep what is told of each day.

The rules are :mod:`payymo.domain.ledger.proof`'s. After a sync only the days since the last one
that is settled are looked at, and those whose rows changed; a failure is believed only once the
whole account was looked at.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from operator import attrgetter
from typing import Final
from uuid import UUID

from sqlalchemy.orm import Session

from payymo.domain.enums import (
    BalanceType,
    EventKind,
    EventSubject,
    ProofReason,
    ProofStatus,
)
from payymo.domain.ledger.balances import BookedBalance, reckon_balances
from payymo.domain.ledger.book import Changes
from payymo.domain.ledger.coverage import DayRange, merge
from payymo.domain.ledger.proof import (
    SETTLES_WITHIN,
    DayProof,
    Evidence,
    Opening,
    ProofRow,
    Reading,
    prove,
)
from payymo.domain.ledger.suspects import NearbyRow, Suspect, find_suspects
from payymo.postgres.common.models import Account, Balance, BalanceProof
from payymo.postgres.common.operations.coverage import list_coverage
from payymo.postgres.common.operations.events import record_event
from payymo.postgres.common.operations.proofs import (
    StatedProof,
    find_first_changed_day,
    find_running_since,
    forget_other_currencies,
    list_failed_days,
    list_nearby_rows,
    list_not_running,
    list_proof_rows,
    list_reported_balances,
    list_stated_proofs,
    note_proof_status,
    record_proofs,
)
from payymo.providers.registry import balance_rule_of

_DAY: Final = timedelta(days=1)

#: A closed day's balance: nothing is added to it any more.
_CLOSING: Final = (BalanceType.CLOSING_BOOKED,)

#: A balance that may hold pending rows, where a bank reports no other.
_PENDING_ONLY: Final = (BalanceType.EXPECTED,)

#: What is told of a day may change while it says so, without its rows changing.
_OPEN_REASONS: Final = frozenset({ProofReason.WITHIN_DAY, ProofReason.NOT_COVERED})

#: Days before and after one that fails whose rows are looked at.
_NEARBY: Final = timedelta(days=3)
_NEARBY_ROWS_MAX: Final = 200


@dataclass(frozen=True, slots=True)
class Failure:
    """A day that does not add up.

    :ivar rows: Rows near it, whatever their status, the latest first.
    :ivar suspects: Those of which a single one would explain it.
    """

    proof: BalanceProof
    rows: Sequence[NearbyRow]
    suspects: Sequence[Suspect]


def prove_after_sync(
    session: Session, account: Account, changes: Changes, *, sync_run_id: UUID, now: datetime
) -> None:
    """Prove the days that a sync may have settled or changed.

    :param session: Open session; the caller has locked the account and written the answers.
    :param account: The account.
    :param changes: What the answer about its transactions changed.
    :param sync_run_id: Run that wrote it.
    :param now: The time (aware).
    """
    changed = find_first_changed_day(session, account.tenant_id, account.id, sync_run_id)
    days = [day for day in (changed, changes.oldest_written) if day is not None]
    prove_account(session, account, changed_from=min(days, default=now.date()), now=now)


def prove_account(
    session: Session, account: Account, *, changed_from: date | None = None, now: datetime
) -> None:
    """Prove an account's days, and tell once of the first that fails anew.

    :param session: Open session; the caller manages the transaction, and has locked the account.
    :param account: The account.
    :param changed_from: First day of which rows changed since it was last proved; ``None`` proves
        all days.
    :param now: The time (aware).
    """
    tenant_id = account.tenant_id
    failed_before = {
        (proof.currency, proof.day) for proof in list_failed_days(session, tenant_id, account.id)
    }
    prover = _Prover(session, account, now)
    told = None
    if changed_from is not None:
        openings = prover.find_openings(changed_from)
        told = prover.tell_from(openings) if openings else None
        if told is not None and _find_new_failure(told, failed_before):
            told = None
    is_whole = told is None
    told = told if told is not None else prover.tell_all()
    for currency, proofs in told.items():
        since = None if is_whole or not proofs else proofs[0].day
        record_proofs(session, tenant_id, account.id, currency, proofs, since=since, now=now)
    if is_whole:
        forget_other_currencies(session, tenant_id, account.id, told)
    note_proof_status(session, account, is_pending_balance=prover.is_pending_balance)
    failure = _find_new_failure(told, failed_before)
    if failure is not None:
        _tell_of_failure(session, account, *failure, now=now)


def explain_failures(
    session: Session, account: Account, *, limit: int | None = None
) -> Sequence[Failure]:
    """Return the days of an account that do not add up, the first one first, each explained.

    :param session: Open session; the caller manages the transaction.
    :param account: The account.
    :param limit: Days to return at most.
    """
    proofs = list_failed_days(session, account.tenant_id, account.id)[:limit]
    return [_explain(session, account, proof) for proof in proofs]


def _explain(session: Session, account: Account, proof: BalanceProof) -> Failure:
    agreed_on = proof.agreed_on or proof.day
    rows = list_nearby_rows(
        session,
        account.tenant_id,
        account.id,
        proof.currency,
        first_day=max(agreed_on, proof.day - SETTLES_WITHIN) - _NEARBY,
        last_day=proof.day + _NEARBY,
        limit=_NEARBY_ROWS_MAX,
    )
    suspects: Sequence[Suspect] = ()
    if proof.difference is not None:
        suspects = find_suspects(proof.difference, rows, day=proof.day)
    return Failure(proof, rows, suspects)


def _find_new_failure(
    told: Mapping[str, Sequence[DayProof]], failed_before: Collection[tuple[str, date]]
) -> tuple[str, DayProof] | None:
    """Return the first day that fails and did not before, with its currency."""
    new = [
        (proof.day, currency, proof)
        for currency, proofs in told.items()
        for proof in proofs
        if proof.status is ProofStatus.FAILED and (currency, proof.day) not in failed_before
    ]
    if not new:
        return None
    _, currency, proof = min(new, key=lambda each: each[:2])
    return currency, proof


def _tell_of_failure(
    session: Session, account: Account, currency: str, proof: DayProof, *, now: datetime
) -> None:
    record_event(
        session,
        account.tenant_id,
        EventKind.BALANCE_PROOF_FAILED,
        subject=(EventSubject.ACCOUNT, account.id),
        key=f"{currency}:{proof.day}",
        payload={
            "day": proof.day.isoformat(),
            "currency": currency,
            "difference": None if proof.difference is None else f"{proof.difference:f}",
        },
        now=now,
    )


class _Prover:
    """Looks up what an account is proved by.

    :ivar is_pending_balance: The bank reports only balances that may hold pending rows.
    """

    def __init__(self, session: Session, account: Account, now: datetime) -> None:
        self.session, self.account, self.now = session, account, now
        self.is_pending_balance = False
        self.known = merge(_days_read(session, account))

    def find_openings(self, changed_from: date) -> Mapping[str, Opening]:
        """Return where to go on from in each currency; empty to begin at the beginning.

        That is the last proved day before all that may be told otherwise now: days whose rows
        changed, and days that are still open.
        """
        stated: defaultdict[str, list[StatedProof]] = defaultdict(list)
        since = self.now.date() - 2 * SETTLES_WITHIN
        for proof in list_stated_proofs(
            self.session, self.account.tenant_id, self.account.id, since=since
        ):
            stated[proof.currency].append(proof)
        found: dict[str, Opening] = {}
        for currency, proofs in stated.items():
            opening = self._find_opening(proofs, changed_from)
            if opening is None:
                return {}
            found[currency] = opening
        return found

    def _find_opening(self, proofs: Sequence[StatedProof], changed_from: date) -> Opening | None:
        settled_from = self.now.date() - SETTLES_WITHIN
        limit = min(
            (
                proof.day
                for proof in proofs
                if proof.day >= settled_from
                and (proof.status is ProofStatus.FAILED or proof.reason in _OPEN_REASONS)
            ),
            default=self.now.date(),
        )
        limit = min(limit, changed_from)
        return next(
            (
                Opening(proof.day, proof.closing)
                for proof in reversed(proofs)
                if proof.day < limit
                and proof.status is ProofStatus.PROVED
                and proof.closing is not None
            ),
            None,
        )

    def tell_from(self, openings: Mapping[str, Opening]) -> Mapping[str, Sequence[DayProof]] | None:
        """Return what is told of the days after some; ``None`` if that takes the whole account."""
        since = min(opening.day for opening in openings.values()) + _DAY
        readings = self._list_readings(since=since)
        if not readings.keys() <= openings.keys():
            return None
        rows = self._list_rows(since)
        not_running = list_not_running(self.session, self.account.tenant_id, self.account.id)
        return {
            currency: prove(
                Evidence(
                    rows=rows.get(currency, ()),
                    readings=readings.get(currency, ()),
                    known=self.known,
                    today=self.now.date(),
                    opening=opening,
                    foreign_days=_foreign_days(rows, openings.keys()),
                    is_running=currency not in not_running,
                )
            )
            for currency, opening in openings.items()
        }

    def tell_all(self) -> Mapping[str, Sequence[DayProof]]:
        """Return what is told of all days."""
        tenant_id, account_id = self.account.tenant_id, self.account.id
        readings = self._list_readings(since=None)
        days = [reading.taken_at.date() for each in readings.values() for reading in each]
        running_since = find_running_since(self.session, tenant_id, account_id)
        if running_since is not None:
            days.append(running_since)
        if not days or not self.known:
            return {}
        rows = self._list_rows(min(days))
        running = {
            currency
            for currency, each in rows.items()
            if any(row.balance_after is not None for row in each)
        }
        currencies = readings.keys() | running
        return {
            currency: prove(
                Evidence(
                    rows=rows.get(currency, ()),
                    readings=readings.get(currency, ()),
                    known=self.known,
                    today=self.now.date(),
                    foreign_days=_foreign_days(rows, currencies),
                )
            )
            for currency in sorted(currencies)
        }

    def _list_rows(self, since: date) -> Mapping[str, Sequence[ProofRow]]:
        rows: defaultdict[str, list[ProofRow]] = defaultdict(list)
        for currency, row in list_proof_rows(
            self.session, self.account.tenant_id, self.account.id, since=since
        ):
            rows[currency].append(row)
        return rows

    def _list_readings(self, *, since: date | None) -> Mapping[str, Sequence[Reading]]:
        """Return the booked balances that were reported, by currency."""
        connection = self.account.connection
        rule = balance_rule_of(connection.provider, connection.institution.reference)
        found: defaultdict[str, list[Reading]] = defaultdict(list)
        pending: set[str] = set()
        balances = list_reported_balances(
            self.session, self.account.tenant_id, self.account.id, since=since
        )
        for taken_at, answer in _answers(balances):
            if since is not None and taken_at.date() < since:
                continue  # not all that was said then is still said
            reckoned = reckon_balances(answer, rule=rule, currency=self.account.currency)
            for currency, ways in reckoned.items():
                booked = [way for way in ways if way.balance_types != _PENDING_ONLY]
                found[currency].extend(_reading(way, taken_at) for way in booked)
                if ways and not booked:
                    pending.add(currency)
        self.is_pending_balance = bool(pending)
        return {currency: readings for currency, readings in found.items() if readings}


def _days_read(session: Session, account: Account) -> Iterator[DayRange]:
    """Yield the days that were read after they had ended."""
    for span in list_coverage(session, account.tenant_id, account.id):
        last_day = min(span.days.last_day, span.learnt_at.date() - _DAY)
        if span.days.first_day <= last_day:
            yield DayRange(span.days.first_day, last_day)


def _answers(balances: Iterable[Balance]) -> Iterator[tuple[datetime, Sequence[Balance]]]:
    """Yield what was reported at each moment at which it was another, or was last the same."""
    waiting = sorted(balances, key=attrgetter("observed_at"))
    moments = {balance.observed_at for balance in waiting}
    moments.update(balance.last_observed_at for balance in waiting)
    open_ones: list[Balance] = []
    begun = 0
    for moment in sorted(moments):
        while begun < len(waiting) and waiting[begun].observed_at <= moment:
            open_ones.append(waiting[begun])
            begun += 1
        open_ones = [balance for balance in open_ones if balance.last_observed_at >= moment]
        yield moment, open_ones


def _reading(booked: BookedBalance, taken_at: datetime) -> Reading:
    is_closing = booked.balance_types == _CLOSING
    return Reading(booked.amount, taken_at, booked.reference_date, is_closing)


def _foreign_days(
    rows: Mapping[str, Sequence[ProofRow]], currencies: Collection[str]
) -> Collection[date]:
    """Return the days with rows in currencies in which the bank tells no balance."""
    return {
        row.day
        for currency, each in rows.items()
        if currency not in currencies
        for row in each
        if row.known_until is None
    }
