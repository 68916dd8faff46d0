"""Look a tenant's bank data over: does it add up, is it whole, is it fresh, can it go on."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from sqlalchemy.orm import Session, sessionmaker

from payymo.analytics.warehouse import Warehouse
from payymo.domain.banking import Clock
from payymo.domain.enums import CheckStatus, ProofReason, ProofStatus, Provider, RunStatus
from payymo.domain.errors import ConfigurationError
from payymo.domain.exchange import CARRY_DAYS_MAX
from payymo.domain.ledger.coverage import assess
from payymo.domain.money import format_amount
from payymo.postgres.auth.operations.credentials import find_credentials
from payymo.postgres.common.models import Account
from payymo.postgres.common.operations.accounts import list_accounts
from payymo.postgres.common.operations.coverage import list_coverage
from payymo.postgres.common.operations.sync_runs import list_unfinished_runs, lock_account
from payymo.postgres.encryption import KeyRing
from payymo.postgres.fx.operations.rates import find_last_rate_day, list_imports
from payymo.postgres.gocardless.operations.archive import count_unread_payloads
from payymo.postgres.reconciliation.operations.match_runs import find_latest_run
from payymo.postgres.tenancy import tenant_transaction
from payymo.workflows.proof import explain_failures, prove_account

#: A daily sync that is this late did not take place.
STALE_AFTER: Final = timedelta(days=2)

#: No sync takes so long.
UNFINISHED_AFTER: Final = timedelta(hours=6)

#: No series of holidays is as long: rates that are older were not taken in.
RATES_STALE_AFTER: Final = timedelta(days=CARRY_DAYS_MAX)

_ACCOUNTS_AT_A_TIME: Final = 100

_REASONS: Final = {
    ProofReason.NO_BALANCE: "the bank told no booked balance yet that encloses a day",
    ProofReason.PENDING_BALANCE: "the bank tells only balances that may hold pending rows",
    ProofReason.NOT_COVERED: "its days were not read after they had ended: sync it again tomorrow",
    ProofReason.WITHIN_DAY: "its balances were read within days that were not over",
    ProofReason.OTHER_DAYS: "the bank's balances go by other days than its bookings",
    ProofReason.OTHER_CURRENCIES: "rows in currencies without a balance stand between its balances",
    ProofReason.NOT_RUNNING: "the balances that its rows state are no running balances",
    ProofReason.DAY_NOT_OVER: "no day of it is over yet",
}


@dataclass(frozen=True, slots=True)
class Check:
    """How one check came out.

    :ivar name: What was checked, for programs.
    :ivar tenant_id: Whose it is; absent for the installation itself.
    :ivar account_id: The account that it is about, where it is about one.
    :ivar message: What was found, and what to do, in a sentence.
    """

    name: str
    status: CheckStatus
    message: str
    tenant_id: UUID | None = None
    account_id: UUID | None = None


def examine_rates(sessions: sessionmaker[Session], *, clock: Clock) -> Check:
    """Say whether exchange rates are known up to now, which are the same for all tenants.

    :param sessions: Opener of transactions.
    :param clock: Tells the time (aware).
    """
    with sessions.begin() as session:
        last = find_last_rate_day(session)
        attempts = list_imports(session, page=1, per_page=1).rows
    failed = attempts and attempts[0].status is RunStatus.FAILED
    if failed:
        message = f"The last attempt to take exchange rates in failed. {attempts[0].error_message}"
    elif last is None:
        message = "No exchange rates were taken in: amounts are told in their own currencies only."
    else:
        message = f"Exchange rates are known up to {last}."
    is_stale = last is not None and clock().date() - last > RATES_STALE_AFTER
    if is_stale and not failed:
        message += " Run `payymo rates update`, or import a newer file."
    status = CheckStatus.ATTENTION if failed or is_stale else CheckStatus.OK
    return Check("rates", status, message)


def examine_warehouse(warehouse: Warehouse) -> Check:
    """Say whether the latest build of the warehouse succeeded, and which moment is shown.

    :param warehouse: Where the warehouse lies.
    """
    record, failure = warehouse.current(), warehouse.latest_failure()
    shown = (
        "Nothing was built yet: `payymo analytics build` does."
        if record is None
        else f"It shows the ledger as of {record.as_of:%Y-%m-%d %H:%M} UTC."
    )
    if failure is None:
        return Check("warehouse", CheckStatus.OK, shown)
    failed_at = f"{failure.failed_at:%Y-%m-%d %H:%M} UTC"
    message = f"Its latest build failed at {failed_at}. {failure.message} {shown}"
    return Check("warehouse", CheckStatus.ATTENTION, message)


def examine_tenant(
    sessions: sessionmaker[Session], *, tenant_id: UUID, key_ring: KeyRing, clock: Clock
) -> Iterator[Check]:
    """Yield how each check of a tenant's bank data comes out; proofs are kept, nothing else is.

    :param sessions: Opener of transactions.
    :param tenant_id: Tenant whose data it is.
    :param key_ring: Opens what is encrypted.
    :param clock: Tells the time (aware).
    """
    now = clock()
    with tenant_transaction(sessions, tenant_id) as session:
        checks = [
            _check_keys(session, tenant_id, key_ring),
            _check_runs(session, tenant_id, now),
            _check_matching(session, tenant_id),
        ]
        account_ids = _list_read_accounts(session, tenant_id)
    yield from checks
    for account_id in account_ids:
        with tenant_transaction(sessions, tenant_id) as session:
            account = lock_account(session, tenant_id, account_id)
            prove_account(session, account, now=now)
            checks = [check(session, account, now) for check in _ACCOUNT_CHECKS]
        yield from checks


def _list_read_accounts(session: Session, tenant_id: UUID) -> list[UUID]:
    found: list[UUID] = []
    number = 1
    while rows := list_accounts(session, tenant_id, page=number, per_page=_ACCOUNTS_AT_A_TIME).rows:
        found.extend(row.id for row in rows if row.is_sync_enabled and not row.is_offered)
        number += 1
    return found


def _check_keys(session: Session, tenant_id: UUID, key_ring: KeyRing) -> Check:
    try:
        own = find_credentials(session, tenant_id, Provider.GOCARDLESS, key_ring=key_ring)
    except ConfigurationError as error:
        return Check("keys", CheckStatus.FAILED, error.message, tenant_id)
    message = "Its own credentials can be opened." if own else "It has no credentials of its own."
    return Check("keys", CheckStatus.OK, message, tenant_id)


def _check_runs(session: Session, tenant_id: UUID, now: datetime) -> Check:
    unfinished = list_unfinished_runs(session, tenant_id, begun_before=now - UNFINISHED_AFTER)
    if not unfinished:
        return Check("runs", CheckStatus.OK, "Every sync came to an end.", tenant_id)
    run = unfinished[0]
    return Check(
        "runs",
        CheckStatus.ATTENTION,
        f"{len(unfinished)} syncs never ended, the first of connection {run.connection_id}: sync "
        "it again, which closes them, and see that a worker runs.",
        tenant_id,
    )


def _check_matching(session: Session, tenant_id: UUID) -> Check:
    run = find_latest_run(session, tenant_id)
    if run is None:
        return Check("matching", CheckStatus.OK, "Nothing was matched yet.", tenant_id)
    began = f"{run.started_at:%Y-%m-%d %H:%M} UTC"
    if run.status is not RunStatus.FAILED:
        message = f"The last matching, of {began}, came to its end."
        return Check("matching", CheckStatus.OK, message, tenant_id)
    return Check(
        "matching",
        CheckStatus.ATTENTION,
        f"The last matching, of {began}, failed, and nothing of it was kept. {run.error_message} "
        "Run `payymo match` to try again.",
        tenant_id,
    )


def _check_proof(session: Session, account: Account, now: datetime) -> Check:  # noqa: ARG001  # as all checks
    failures = explain_failures(session, account, limit=1)
    if failures:
        proof, suspects = failures[0].proof, failures[0].suspects
        more = "another amount"
        if proof.difference is not None:
            amount = format_amount(abs(proof.difference), proof.currency)
            more = f"{amount} {proof.currency} {'more' if proof.difference > 0 else 'less'}"
        found = f" {suspects[0].explain()}" if suspects else ""
        return _of(
            account,
            "proof",
            CheckStatus.FAILED,
            f"does not add up on {proof.day}: the bank has {more} than the rows come to.{found} "
            f"Try `payymo replay --account {account.id}`, and see /accounts/{account.id}/proof.",
        )
    if account.proof_status is ProofStatus.PROVED:
        return _of(account, "proof", CheckStatus.OK, f"adds up through {account.proved_through}.")
    reason = _REASONS[account.proof_reason or ProofReason.NO_BALANCE]
    return _of(account, "proof", CheckStatus.ATTENTION, f"cannot be proved to add up: {reason}.")


def _check_coverage(session: Session, account: Account, now: datetime) -> Check:
    spans = list_coverage(session, account.tenant_id, account.id)
    coverage = assess(spans, today=now.date())
    if not coverage.known:
        message = "has no day that is known: sync its connection."
        return _of(account, "coverage", CheckStatus.ATTENTION, message)
    edge, stale = coverage.edge, now.date() - STALE_AFTER
    holes = [hole for hole in coverage.holes if hole.first_day < stale and hole != edge]
    if not holes:
        told = "has no unknown days."
        if edge is not None:
            days = f"{edge.first_day} to {edge.last_day}"
            told = f"has no unknown days after its history begins, at {days}: banks cut there."
        return _of(account, "coverage", CheckStatus.OK, told)
    told = f"{holes[0].first_day} to {holes[0].last_day}"
    return _of(
        account,
        "coverage",
        CheckStatus.ATTENTION,
        f"has {len(holes)} stretches of unknown days, the first {told}: they are asked for again "
        "by themselves as far as the consent reaches; else renew it.",
    )


def _check_rows(session: Session, account: Account, now: datetime) -> Check:  # noqa: ARG001  # as all checks
    count = count_unread_payloads(session, account.tenant_id, account.id)
    if not count:
        return _of(account, "rows", CheckStatus.OK, "has no row that was not understood.")
    return _of(
        account,
        "rows",
        CheckStatus.ATTENTION,
        f"has {count} rows that could not be understood: after an upgrade, try "
        f"`payymo replay --account {account.id}`.",
    )


def _check_freshness(session: Session, account: Account, now: datetime) -> Check:  # noqa: ARG001  # as all checks
    synced_at = account.last_synced_at
    if synced_at is not None and now - synced_at <= STALE_AFTER:
        return _of(account, "freshness", CheckStatus.OK, f"was read on {synced_at.date()}.")
    told = f"was last read on {synced_at.date()}" if synced_at else "was never read"
    why = account.error_message or account.connection.error_message
    do = why or f"run `payymo sync {account.connection_id}`, and see that a worker runs."
    return _of(account, "freshness", CheckStatus.ATTENTION, f"{told}: {do}")


def _of(account: Account, name: str, status: CheckStatus, told: str) -> Check:
    return Check(name, status, f"{account.name} {told}", account.tenant_id, account.id)


_ACCOUNT_CHECKS: Final[tuple[Callable[[Session, Account, datetime], Check], ...]] = (
    _check_proof,
    _check_coverage,
    _check_rows,
    _check_freshness,
)
