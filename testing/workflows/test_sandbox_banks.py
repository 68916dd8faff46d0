"""Every bank of the sandbox, over HTTP and through time: is the ledger what the books say?"""

import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from uuid import UUID

import pytest
from sqlalchemy.orm import Session, sessionmaker
from testing.consenting_bank import RecordingQueue
from testing.factories import add_invoice, add_tenant, paying
from testing.sandbox_house import BOOKED, FIRST_DAY, HASTY, PENDING, Bond, SandboxHouse
from testing.workers import bury, wait_until
from testing.workflows.conftest import Settle

from payymo.domain.enums import (
    ConnectionStatus,
    JobStatus,
    RunStatus,
    SyncTrigger,
    TransactionMatchStatus,
)
from payymo.domain.errors import RuleError
from payymo.domain.syncing import stagger
from payymo.jobs.app import PostgresJobQueue
from payymo.jobs.services import WorkerServices
from payymo.jobs.worker import run_worker
from payymo.postgres.core import create_app_engine, create_sessions
from payymo.postgres.reconciliation.operations.decisions import create_match, reverse_match
from payymo.postgres.reconciliation.operations.payments import (
    get_payment,
    list_unexplained_payments,
)
from payymo.sandbox.banks import BANKS, SANDBOX_BANK
from payymo.sandbox.books.library import Library
from payymo.sandbox.state import SCOPES
from payymo.workflows.permits import RESET_SPREAD

ROOT = Path(__file__).parents[2]

BOOKS = [
    (bank.id, scenario)
    for bank in BANKS.values()
    if bank.scopes_supported == SCOPES
    for scenario in bank.scenarios
]

#: Days between syncs: first every day, so that all that a bank does later is seen as it happens,
#: and then at longer intervals, so that much happens unseen.
CLOSE_STEPS = (1, 1, 1, 1, 1, 8, 12, 16)
WIDE_STEPS = (8, 33)

#: Banks where the same row comes under other ids each time it is asked for.
RESTLESS = frozenset({"ids_reissued", "internal_ids_reissued"})


@pytest.fixture
def house(settle: Settle, sessions: sessionmaker[Session], tenant_id: UUID) -> SandboxHouse:
    """A tenant and a sandbox."""
    return settle(sessions, tenant_id)


@pytest.mark.parametrize(("institution", "scenario"), BOOKS)
def test_the_ledger_is_the_book_on_every_day(
    house: SandboxHouse, institution: str, scenario: str
) -> None:
    bond = house.connect(institution, scenario)
    assert bond.sync(SyncTrigger.FIRST).status is RunStatus.SUCCEEDED
    bond.check()

    is_special = bond.bank.quirks or institution == SANDBOX_BANK
    for days in CLOSE_STEPS if is_special else WIDE_STEPS:
        house.pass_days(days)
        assert bond.sync().status is RunStatus.SUCCEEDED
        bond.check()
    if scenario != "volume":  # which makes its rows anew each day
        bond.check_proof()

    before = bond.snapshot()
    again = bond.sync()
    bond.check()
    if RESTLESS.isdisjoint(bond.bank.quirks):
        assert bond.snapshot() == before
        assert (again.added_count, again.updated_count) == (0, 0)
    assert again.added_count == 0
    _check_that_quirks_showed(bond)


def test_a_bank_that_gives_transactions_alone_is_read_all_the_same(house: SandboxHouse) -> None:
    bond = house.connect("DONAUHAUS_DONAATWW", "household")

    report = bond.sync(SyncTrigger.FIRST)

    assert report.status is RunStatus.PARTIAL
    assert report.error_message == (
        "The consent does not cover this part of the account. "
        "It is asked for again in a week; the rest goes on."
    )
    assert report.added_count == report.pulled_count > 0
    assert bond.sync().added_count == 0


def _check_that_quirks_showed(bond: Bond) -> None:
    """Assert that what the bank is there for has happened: otherwise nothing is proven."""
    if not bond.bank.quirks:
        return
    (truth,) = bond.truths.values()
    assert truth.kept
    if "restated_row" in bond.bank.quirks:
        assert any(len(texts) > 1 for texts in truth.texts.values())
    if "removed_row" in bond.bank.quirks:
        assert any(row.is_missing for row in bond.snapshot())


def test_two_equal_coffees_stay_two_from_reservation_to_booking(house: SandboxHouse) -> None:
    bond = house.connect(SANDBOX_BANK, "household")
    bond.sync(SyncTrigger.FIRST)
    bond.check()
    while not _has_twins(house.pending_answer(bond, "current")):
        house.pass_days(1)
        bond.sync()
        bond.check()
    before = bond.snapshot()

    bond.sync()
    assert bond.snapshot() == before
    house.pass_days(1)
    bond.sync()
    bond.check()
    house.pass_days(7)
    bond.sync()
    bond.check()


def test_a_reservation_without_a_date_waits_until_it_books(house: SandboxHouse) -> None:
    bond = house.connect("GLENMORRIS_GLMOIE2D")
    bond.sync(SyncTrigger.FIRST)
    bond.check()
    before = bond.snapshot()
    reserved = {row.id for row in before if row.status is PENDING}

    bond.sync()
    assert bond.snapshot() == before
    house.pass_days(1)
    bond.sync()

    bond.check()
    assert reserved
    assert reserved <= {row.id for row in bond.snapshot() if row.status is BOOKED}


@pytest.mark.parametrize(
    "institution", ["ALPENTAL_ALPTATW1", "BRUGSEHANDEL_BRUHBEB1", "NORDSKAER_NSKANO21"]
)
def test_a_renewed_consent_goes_on_with_the_same_accounts_and_rows(
    house: SandboxHouse, institution: str
) -> None:
    house.queue = queue = RecordingQueue()
    bond = house.connect(institution)
    bond.sync(SyncTrigger.FIRST)
    bond.check()
    before = bond.accounts()
    house.pass_days(80)

    bond.renew()
    report = bond.sync(SyncTrigger.RENEWAL)

    assert [trigger for _, trigger in queue.syncs] == [SyncTrigger.FIRST, SyncTrigger.RENEWAL]
    assert report.status is RunStatus.SUCCEEDED
    bond.check()
    after = bond.accounts()
    assert [account.id for account in after] == [account.id for account in before]
    references = {account.provider_reference for account in before}
    keeps_references = references == {account.provider_reference for account in after}
    assert keeps_references is bond.bank.stable_accounts
    house.pass_days(7)
    bond.sync()
    bond.check()


def test_an_account_that_fails_leaves_the_others(house: SandboxHouse) -> None:
    bond = house.connect("ALPENTAL_ALPTATW1")
    bond.sync(SyncTrigger.FIRST)
    bond.check()
    house.pass_days(3)
    _, failing, _ = bond.accounts()
    house.fault("unknown_error", account=failing.provider_reference, endpoint="transactions")

    report = bond.sync()

    assert report.status is RunStatus.PARTIAL
    statuses = {result.account_id: result.status for result in report.accounts}
    assert statuses.pop(failing.id) is RunStatus.FAILED
    assert set(statuses.values()) == {RunStatus.SUCCEEDED}
    bond.check(but=[failing.id])
    assert bond.connection().status is ConnectionStatus.ACTIVE

    house.clear_faults()
    house.pass_days(1)
    assert bond.sync().status is RunStatus.SUCCEEDED
    bond.check()
    assert bond.accounts()[1].error_code is None


def test_a_used_up_quota_is_waited_for_and_loses_nothing(house: SandboxHouse) -> None:
    house.control("limits", {"account_success": 1})
    bond = house.connect("HAVENKAS_HAVKNL2X")
    bond.sync(SyncTrigger.FIRST)
    bond.check()
    house.pass_days(0.9)

    waiting = bond.sync()

    # The day of the quota began with the first success, 24 hours before it ends.
    assert waiting.status is RunStatus.PARTIAL
    assert waiting.error_code == "provider_quota_exhausted"
    resets_at = FIRST_DAY + timedelta(days=1, seconds=1)
    assert bond.connection().next_sync_at == resets_at
    assert bond.connection().status is ConnectionStatus.ACTIVE
    house.pass_days(0.1 + 1 / 86400)
    assert bond.sync().status is RunStatus.SUCCEEDED
    assert bond.connection().next_sync_at is None
    bond.check()


@pytest.mark.parametrize("is_first", [True, False], ids=["first", "later"])
def test_a_429_says_when_to_come_back(house: SandboxHouse, is_first: bool) -> None:
    bond = house.connect("HAVENKAS_HAVKNL2X")
    if not is_first:
        bond.sync(SyncTrigger.FIRST)
        bond.check()
        house.pass_days(1)
    before = bond.snapshot()
    house.fault("rate_limit", endpoint="transactions", seconds=7200, times=1)

    bond.sync(SyncTrigger.FIRST if is_first else SyncTrigger.SCHEDULE)

    waits = timedelta(hours=2) + stagger(bond.connection_id, RESET_SPREAD)
    assert bond.connection().next_sync_at == house.clock() + waits
    assert bond.snapshot() == before
    house.pass_days(waits / timedelta(days=1))
    assert bond.sync().status is RunStatus.SUCCEEDED
    bond.check()


@pytest.mark.parametrize("kind", ["malformed_body", "truncated_body", "html_body", "empty_body"])
def test_an_answer_that_breaks_off_is_as_if_it_never_came(house: SandboxHouse, kind: str) -> None:
    bond = house.connect("ALPENTAL_ALPTATW1")
    bond.sync(SyncTrigger.FIRST)
    bond.check()
    house.pass_days(2)
    _, broken, _ = bond.accounts()
    before = bond.rows(broken.id)
    house.fault(kind, account=broken.provider_reference, endpoint="transactions")

    report = bond.sync()

    assert report.status is RunStatus.PARTIAL
    assert bond.rows(broken.id) == before
    bond.check(but=[broken.id])
    house.clear_faults()
    house.pass_days(1 / 24)
    assert bond.sync().status is RunStatus.SUCCEEDED
    bond.check()


@pytest.mark.parametrize("how", ["expired", "revoked"])
def test_a_consent_that_ended_is_said_and_a_renewal_completes_the_ledger(
    house: SandboxHouse, how: str
) -> None:
    bond = house.connect("HAVENKAS_HAVKNL2X")
    bond.sync(SyncTrigger.FIRST)
    bond.check()
    before = bond.snapshot()
    house.pass_days(2)
    consent = bond.consent_reference()
    if how == "expired":
        house.control(f"requisitions/{consent}/expire", {})
    else:
        house.control(f"requisitions/{consent}", {"revoked": True})

    report = bond.sync()

    assert report.status is RunStatus.FAILED
    connection = bond.connection()
    assert (connection.status, connection.error_code) == (
        ConnectionStatus.EXPIRED,
        "consent_expired",
    )
    assert connection.error_message is not None
    assert connection.error_message.endswith(".")
    assert bond.snapshot() == before
    with pytest.raises(RuleError, match="renew"):
        bond.sync()

    house.pass_days(20)
    bond.renew()
    assert bond.connection().status is ConnectionStatus.ACTIVE
    assert bond.sync(SyncTrigger.RENEWAL).status is RunStatus.SUCCEEDED
    bond.check()


@pytest.mark.parametrize("cents", [-500, 500], ids=["less", "more"])
def test_a_payment_that_pays_an_invoice_can_be_restated(house: SandboxHouse, cents: int) -> None:
    house.sandbox.library = Library(seed=11)  # a book of its own, since it is changed below
    bond = house.connect("HAVENKAS_HAVKNL2X")
    bond.sync(SyncTrigger.FIRST)
    bond.check()
    # The bank lists the newest first.
    paid = next(row for row in bond.snapshot() if row.amount > 10 and row.status is BOOKED)
    with house.read() as session:
        invoice = add_invoice(session, house.tenant_id, total=paid.amount)
        shares = paying((invoice.id, paid.amount))
        match = create_match(
            session, house.tenant_id, paid.id, shares, actor_id=None, now=house.clock()
        )

    bond.restate(paid, Decimal(cents) / 100)
    house.pass_days(1)
    report = bond.sync()

    assert report.status is RunStatus.SUCCEEDED
    bond.check()
    with house.read() as session:
        restated = get_payment(session, house.tenant_id, paid.id)
        assert restated.amount == paid.amount + Decimal(cents) / 100
        assert restated.allocated == paid.amount
        assert restated.match_status is (
            TransactionMatchStatus.MATCHED
            if cents < 0
            else TransactionMatchStatus.PARTIALLY_MATCHED
        )
        reverse_match(session, house.tenant_id, match.id, actor_id=None, now=house.clock())
        freed = get_payment(session, house.tenant_id, paid.id)
        assert freed.allocated == 0
        assert freed.match_status is TransactionMatchStatus.UNMATCHED


def test_money_that_the_bank_took_back_pays_no_invoice(house: SandboxHouse) -> None:
    bond = house.connect("TEJOVELHO_TEJVPTPL")
    bond.sync(SyncTrigger.FIRST)
    house.pass_days(5)
    bond.sync()
    house.pass_days(5)
    bond.sync()

    incoming = [row for row in bond.snapshot() if row.status is BOOKED and row.amount > 0]
    gone = {row.id for row in incoming if row.is_missing}
    with house.read() as session:
        payable = {row.id for row in list_unexplained_payments(session, house.tenant_id)}
    assert gone
    assert payable == {row.id for row in incoming} - gone


class TestCommitted:
    """What only shows between transactions that are really committed."""

    @pytest.fixture
    def own_sessions(self, database: str) -> Iterator[sessionmaker[Session]]:
        engine = create_app_engine(database)
        yield create_sessions(engine)
        engine.dispose()

    @pytest.fixture
    def own_house(self, own_sessions: sessionmaker[Session], settle: Settle) -> SandboxHouse:
        with own_sessions.begin() as session:
            tenant_id = add_tenant(session)
        return settle(own_sessions, tenant_id)

    @pytest.mark.parametrize("institution", ["ALPENTAL_ALPTATW1", "NORDSKAER_NSKANO21"])
    def test_syncs_at_the_same_moment_do_what_one_does(
        self, own_house: SandboxHouse, institution: str
    ) -> None:
        own_house.control("limits", {"account_success": 1000})
        bond = own_house.connect(institution)
        for days in (3, 1, 8):
            with ThreadPoolExecutor(3) as threads:
                at_once = [threads.submit(bond.sync) for _ in range(3)]
            reports = [each.result() for each in at_once]
            assert {report.status for report in reports} == {RunStatus.SUCCEEDED}
            bond.check()
            own_house.pass_days(days)

    def test_what_a_killed_worker_began_is_completed(
        self, own_house: SandboxHouse, database: str
    ) -> None:
        own_house.queue = PostgresJobQueue()
        bond = own_house.connect("ALPENTAL_ALPTATW1")
        _, second, last = bond.accounts()
        own_house.fault(
            "timeout", account=last.provider_reference, endpoint="transactions", seconds=20, times=1
        )

        with _start_worker(own_house, database) as process:
            try:
                wait_until(lambda: bool(bond.rows(second.id)))
            finally:
                process.kill()
        bury(own_house.sessions)
        assert own_house.jobs()[0].status is JobStatus.RUNNING
        assert not bond.rows(last.id)
        _work(own_house, database, until=lambda: not own_house.has_work())

        sync, *rest = own_house.jobs()
        assert (sync.status, sync.attempt_count) == (JobStatus.SUCCEEDED, 2)
        assert {job.status for job in rest} == {JobStatus.SUCCEEDED}
        bond.check()


WORKER = """
import os, sys
from datetime import datetime
import httpx
from testing.fakes import FakeDirectory
from testing.sandbox_house import HASTY, make_bank
from payymo.jobs.services import WorkerServices
from payymo.jobs.worker import run_worker
from payymo.postgres.core import create_app_engine, create_sessions
from payymo.sandbox.server import Access

url, base_url, moment = sys.argv[1:]
access = Access(base_url, os.environ["SECRET_ID"], os.environ["SECRET_KEY"])
clock = lambda: datetime.fromisoformat(moment)
sessions = create_sessions(create_app_engine(url))
bank = make_bank(sessions, access, clock, httpx.Client(timeout=30))
services = WorkerServices(sessions=sessions, providers=FakeDirectory(bank), clock=clock)
run_worker(url, services, concurrency=1, timing=HASTY)
"""


def _start_worker(house: SandboxHouse, url: str) -> "subprocess.Popen[bytes]":
    """Start a worker as it runs in earnest: a process that can be killed."""
    access = house.access
    return subprocess.Popen(
        [sys.executable, "-c", WORKER, url, access.base_url, house.clock().isoformat()],
        cwd=ROOT,
        env={
            **os.environ,
            "PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "src")]),
            "SECRET_ID": access.secret_id,
            "SECRET_KEY": access.secret_key,
        },
    )


def _work(house: SandboxHouse, url: str, *, until: Callable[[], bool]) -> None:
    """Let a worker work in a thread until something holds."""
    services = WorkerServices(sessions=house.sessions, providers=house, clock=house.clock)
    stop = threading.Event()
    with ThreadPoolExecutor(1) as threads:
        working = threads.submit(run_worker, url, services, concurrency=2, stop=stop, timing=HASTY)
        try:
            wait_until(until)
        finally:
            stop.set()
        working.result()


def _has_twins(pending: Sequence[Mapping[str, object]]) -> bool:
    texts = [json.dumps(row) for row in pending]
    return len(set(texts)) < len(texts)
