"""Matching the payments of a tenant with its invoices, in the database."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import select, text
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session, sessionmaker
from testing.factories import (
    add_account,
    add_customer,
    add_decisions,
    add_invoice,
    add_tenant,
    add_transaction,
    paying,
)

from payymo.domain.enums import (
    InvoiceStatus,
    MatchScope,
    MatchStatus,
    RunStatus,
    TransactionMatchStatus,
)
from payymo.domain.errors import NotFoundError, RuleError, StoppedError
from payymo.domain.matching.engine import ENGINE_VERSION
from payymo.postgres.auth.operations.tenants import get_tenant
from payymo.postgres.common.models import Account, Transaction
from payymo.postgres.core import create_app_engine, create_sessions
from payymo.postgres.reconciliation.models import Allocation, Customer, Invoice, Match
from payymo.postgres.reconciliation.operations.decisions import (
    confirm_match,
    create_match,
    reject_match,
    reverse_match,
)
from payymo.postgres.reconciliation.operations.invoices import get_invoice
from payymo.postgres.reconciliation.operations.match_runs import (
    get_match_run,
    list_match_runs,
    lock_matching,
)
from payymo.postgres.reconciliation.operations.matches import MatchFilter, list_matches
from payymo.postgres.reconciliation.operations.payments import get_payment
from payymo.postgres.tenancy import enter_tenant, tenant_transaction
from payymo.workflows.reconcile import match_payments, reconcile

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


class Book:
    """A tenant's account and customer, with helpers to add invoices and payments."""

    def __init__(self, session: Session, tenant_id: Any) -> None:
        self.session = session
        self.tenant_id = tenant_id
        self.account: Account = add_account(session, tenant_id)
        self.customer: Customer = add_customer(
            session, tenant_id, number="C-1", name="Blue Whale Trading Ltd"
        )

    def invoice(self, number: str, total: str, **columns: Any) -> Invoice:
        customer = columns.pop("customer", self.customer)
        return add_invoice(
            self.session,
            self.tenant_id,
            customer,
            number=number,
            total=Decimal(total),
            **columns,
        )

    def payment(
        self, amount: str, remittance: str, *, name: str | None = "BLUE WHALE TRADING", **more: Any
    ) -> Transaction:
        return add_transaction(
            self.session,
            self.tenant_id,
            self.account,
            amount=Decimal(amount),
            remittance=remittance,
            counterparty_name=name,
            **more,
        )

    def prove(self) -> None:
        """Let people have confirmed so many sure matches that the threshold is proven."""
        add_decisions(self.session, self.tenant_id, self.account, [(0.98, True)] * 60)

    def matches(self, status: MatchStatus) -> list[Match]:
        self.session.expire_all()
        where = MatchFilter(status=status)
        return list(list_matches(self.session, self.tenant_id, where=where).rows)


@pytest.fixture
def book(session: Session, tenant_id: Any) -> Book:
    return Book(session, tenant_id)


def test_a_payment_that_quotes_its_invoice_is_applied(
    session: Session, tenant_id: Any, book: Book
) -> None:
    invoice = book.invoice("INV-2026-0042", "119.00")
    payment = book.payment("119.00", "Invoice INV-2026-0042 thank you")

    report = match_payments(session, tenant_id, now=NOW)

    assert (report.payment_count, report.invoice_count) == (1, 1)
    assert (report.applied_count, report.suggested_count, report.unexplained_count) == (1, 0, 0)
    assert get_invoice(session, tenant_id, invoice.id).status is InvoiceStatus.PAID
    paid = get_payment(session, tenant_id, payment.id)
    assert paid.match_status is TransactionMatchStatus.MATCHED
    (match,) = book.matches(MatchStatus.CONFIRMED)
    assert match.engine_version == ENGINE_VERSION
    kinds = {item["kind"] for item in match.evidence["items"]}
    assert {"invoice_number", "amount_exact", "payer_name"} <= kinds
    run = get_match_run(session, tenant_id, report.match_run_id)
    assert (run.status, run.applied_count, run.finished_at) == (RunStatus.SUCCEEDED, 1, NOW)


def test_a_run_says_how_long_it_took(
    sessions: sessionmaker[Session], session: Session, tenant_id: Any
) -> None:
    moments = iter((NOW, NOW + timedelta(seconds=7)))

    report = reconcile(sessions, tenant_id, clock=lambda: next(moments))

    run = get_match_run(session, tenant_id, report.match_run_id)
    assert (run.started_at, run.finished_at) == (NOW, NOW + timedelta(seconds=7))


def test_part_payments_and_several_invoices_in_one_payment_are_explained(
    session: Session, tenant_id: Any, book: Book
) -> None:
    book.prove()
    part = book.invoice("INV-2026-0042", "200.00")
    one, two = book.invoice("INV-2026-0050", "30.00"), book.invoice("INV-2026-0051", "45.50")
    book.payment("100.00", "first half of INV-2026-0042")
    book.payment("75.50", "INV-2026-0050, INV-2026-0051")

    report = match_payments(session, tenant_id, now=NOW)

    assert report.applied_count == 2
    assert get_invoice(session, tenant_id, part.id).balance == Decimal("100.00")
    assert get_invoice(session, tenant_id, one.id).status is InvoiceStatus.PAID
    assert get_invoice(session, tenant_id, two.id).status is InvoiceStatus.PAID


def test_running_again_changes_nothing(session: Session, tenant_id: Any, book: Book) -> None:
    book.invoice("INV-2026-0042", "119.00")
    book.invoice("INV-2026-0050", "20.00")
    book.invoice("INV-2026-0051", "20.00")
    book.payment("119.00", "INV-2026-0042")
    book.payment("20.00", "monthly")
    book.payment("33.33", "gift", name="A Stranger")

    def everything() -> list[Any]:
        session.expire_all()
        return [
            session.execute(
                select(Match.id, Match.status, Match.updated_at, Match.confidence)
            ).all(),
            session.execute(select(Allocation.id, Allocation.reversed_at)).all(),
            session.execute(select(Transaction.id, Transaction.match_status)).all(),
        ]

    first = match_payments(session, tenant_id, now=NOW)
    before = everything()
    again = match_payments(session, tenant_id, now=NOW)

    assert (first.applied_count, first.suggested_count, first.unexplained_count) == (1, 1, 1)
    assert (again.payment_count, again.applied_count) == (2, 0)
    assert (again.suggested_count, again.unexplained_count) == (1, 1)
    assert everything() == before
    assert list_match_runs(session, tenant_id).total == 2


def test_a_date_at_the_calendars_edge_leaves_the_others_their_matches(
    session: Session, tenant_id: Any, book: Book
) -> None:
    book.invoice("INV-2026-00414", "119.00")
    book.invoice("INV-2026-00999", "119.00", issue_date=date.min, due_date=date.max)
    book.payment("119.00", "INV-2026-00414")
    book.payment("77.00", "no such thing", booking_date=date.min, transaction_date=date.min)

    report = match_payments(session, tenant_id, now=NOW)

    assert (report.payment_count, report.applied_count) == (2, 1)


def test_a_tie_waits_for_a_person(session: Session, tenant_id: Any, book: Book) -> None:
    older = book.invoice("INV-2026-0050", "20.00")
    book.invoice("INV-2026-0051", "20.00", issue_date=date(2026, 1, 20))
    payment = book.payment("20.00", "monthly")

    report = match_payments(session, tenant_id, now=NOW)

    assert (report.applied_count, report.suggested_count) == (0, 1)
    (match,) = book.matches(MatchStatus.SUGGESTED)
    assert match.is_tie
    assert [line.invoice_id for line in match.lines] == [older.id]
    assert match.runner_up is not None
    waiting = get_payment(session, tenant_id, payment.id)
    assert waiting.match_status is TransactionMatchStatus.SUGGESTED


def test_what_is_applied_settles_what_was_a_tie(
    session: Session, tenant_id: Any, book: Book
) -> None:
    """One of two equal invoices is quoted by another payment: the other one is left."""
    book.prove()
    book.invoice("INV-2026-0050", "20.00")
    left = book.invoice("INV-2026-0051", "20.00")
    book.payment("20.00", "monthly")
    book.payment("20.00", "INV-2026-0050")

    report = match_payments(session, tenant_id, now=NOW)

    assert report.applied_count == 2
    assert get_invoice(session, tenant_id, left.id).status is InvoiceStatus.PAID


@pytest.mark.parametrize("setting", ["off", "above"])
def test_the_tenant_says_what_may_be_applied(
    session: Session, tenant_id: Any, book: Book, setting: str
) -> None:
    tenant = get_tenant(session, tenant_id)
    if setting == "off":
        tenant.auto_apply = False
    else:
        tenant.auto_apply_threshold = Decimal("0.9999")
    session.flush()
    book.invoice("INV-2026-0042", "119.00")
    book.payment("119.00", "INV-2026-0042")

    report = match_payments(session, tenant_id, now=NOW)

    assert (report.applied_count, report.suggested_count) == (0, 1)


def test_a_rejected_pair_is_not_proposed_again(
    session: Session, tenant_id: Any, book: Book
) -> None:
    book.invoice("INV-2026-0050", "20.00")
    book.invoice("INV-2026-0051", "20.00", issue_date=date(2026, 1, 20))
    book.payment("20.00", "monthly")
    match_payments(session, tenant_id, now=NOW)
    (first,) = book.matches(MatchStatus.SUGGESTED)
    rejected = {line.invoice_id for line in first.lines}
    reject_match(session, tenant_id, first.id, actor_id=uuid4(), now=NOW)

    match_payments(session, tenant_id, now=NOW)

    for status in (MatchStatus.SUGGESTED, MatchStatus.CONFIRMED):
        for match in book.matches(status):
            assert rejected.isdisjoint(line.invoice_id for line in match.lines)


def test_a_reversed_match_is_proposed_again_from_what_is_known(
    session: Session, tenant_id: Any, book: Book
) -> None:
    book.invoice("INV-2026-0042", "119.00")
    book.payment("119.00", "INV-2026-0042")
    match_payments(session, tenant_id, now=NOW)
    (applied,) = book.matches(MatchStatus.CONFIRMED)
    get_tenant(session, tenant_id).auto_apply = False

    reverse_match(session, tenant_id, applied.id, actor_id=uuid4(), now=NOW)
    report = match_payments(session, tenant_id, now=NOW)

    assert report.suggested_count == 1


def test_a_payer_who_paid_before_is_known_by_account(
    session: Session, tenant_id: Any, book: Book
) -> None:
    book.prove()
    owner = {"name": "J Smith", "counterparty_iban": "GB82WEST12345698765432"}
    book.invoice("INV-2026-0042", "119.00")
    book.payment("119.00", "INV-2026-0042", **owner)
    match_payments(session, tenant_id, now=NOW)
    for match in book.matches(MatchStatus.SUGGESTED):
        confirm_match(session, tenant_id, match.id, actor_id=uuid4(), now=NOW)
    later = book.invoice("INV-2026-0077", "64.20", issue_date=date(2026, 2, 1))
    book.payment("64.20", "thanks", transaction_date=date(2026, 2, 20), **owner)

    match_payments(session, tenant_id, now=NOW)

    assert get_invoice(session, tenant_id, later.id).status is InvoiceStatus.PAID


def test_an_equal_payment_after_the_first_is_not_applied_to_another_invoice(
    session: Session, tenant_id: Any, book: Book
) -> None:
    book.invoice("INV-2026-0042", "119.00")
    book.payment("119.00", "INV-2026-0042")
    match_payments(session, tenant_id, now=NOW)
    book.invoice("INV-2026-0043", "119.00")
    book.payment("119.00", "INV-2026-0042", transaction_date=date(2026, 2, 4))

    report = match_payments(session, tenant_id, now=NOW)

    assert (report.applied_count, report.suggested_count) == (0, 0)


def test_a_book_without_payments_is_matched_too(session: Session, tenant_id: Any) -> None:
    report = match_payments(session, tenant_id, now=NOW)

    assert (report.payment_count, report.invoice_count, report.unexplained_count) == (0, 0, 0)


def test_another_tenants_invoices_are_never_proposed(
    session: Session, tenant_id: Any, other_tenant_id: Any, book: Book
) -> None:
    book.payment("119.00", "INV-2026-0042")
    enter_tenant(session, other_tenant_id)
    add_invoice(session, other_tenant_id, number="INV-2026-0042", total=Decimal("119.00"))
    enter_tenant(session, tenant_id)

    report = match_payments(session, tenant_id, now=NOW)

    assert (report.invoice_count, report.unexplained_count) == (0, 1)
    with pytest.raises(NotFoundError):
        get_match_run(session, other_tenant_id, report.match_run_id)


def test_runs_of_one_tenant_wait_for_each_other(database: str) -> None:
    engine = create_app_engine(database)
    sessions = create_sessions(engine)
    with sessions.begin() as session:
        tenant_id, other = add_tenant(session), add_tenant(session, "Other Ltd")
    is_free = text("SELECT pg_try_advisory_xact_lock(hashtextextended(:name, 0))")

    with (
        tenant_transaction(sessions, tenant_id) as running,
        sessions.begin() as waiting,
    ):
        lock_matching(running, tenant_id)
        free = [
            waiting.scalar(is_free, {"name": f"payymo.matching.{tenant}"})
            for tenant in (tenant_id, other)
        ]
    with sessions.begin() as after:
        free_again = after.scalar(is_free, {"name": f"payymo.matching.{tenant_id}"})
    engine.dispose()

    assert (free, free_again) == ([False, True], True)


def test_it_tells_how_far_it_is_and_goes_on_when_it_looks_again(
    session: Session, tenant_id: Any, book: Book
) -> None:
    book.invoice("INV-2026-0042", "119.00")
    book.payment("119.00", "INV-2026-0042")
    book.payment("33.33", "gift", name="A Stranger")
    told: list[tuple[int, int]] = []

    match_payments(session, tenant_id, now=NOW, progress=lambda *far: told.append(far))

    # One of two payments is applied, so the other is looked at again; then no invoice is left.
    assert told == [(0, 0), (0, 2), (2, 2), (3, 3)]


class Enough(Exception):  # noqa: N818  # what a caller raises is its own affair
    """Somebody wants the matching to end."""


def test_what_the_progress_raises_ends_the_matching(
    session: Session, tenant_id: Any, book: Book
) -> None:
    book.invoice("INV-2026-0042", "119.00")
    book.payment("119.00", "INV-2026-0042")

    def stop(done: int, _total: int) -> None:
        if done:
            raise Enough

    with pytest.raises(Enough):
        match_payments(session, tenant_id, now=NOW, progress=stop)

    assert book.matches(MatchStatus.CONFIRMED) == []


class TestFailing:
    """A run that fails says so, and leaves nothing else."""

    def fail(
        self, book: Book, sessions: sessionmaker[Session], error: Exception, **more: Any
    ) -> None:
        """Let a run fail when all is written, and only its end is left to be noted."""
        moments = iter((NOW, error, NOW + timedelta(seconds=9)))

        def clock() -> datetime:
            moment = next(moments)
            if isinstance(moment, Exception):
                raise moment
            return moment

        with pytest.raises(type(error)):
            reconcile(sessions, book.tenant_id, clock=clock, **more)

    def test_it_is_recorded_and_nothing_of_it_is_kept(
        self, session: Session, sessions: sessionmaker[Session], tenant_id: Any, book: Book
    ) -> None:
        invoice = book.invoice("INV-2026-0042", "119.00")
        book.payment("119.00", "INV-2026-0042")

        self.fail(book, sessions, RuleError("The rule is broken.", code="over_limit"))

        (run,) = list_match_runs(session, tenant_id).rows
        assert (run.status, run.scope) == (RunStatus.FAILED, MatchScope.FULL)
        assert (run.started_at, run.finished_at) == (NOW, NOW + timedelta(seconds=9))
        assert run.error_message == "The rule is broken."
        assert run.applied_count == 0
        assert session.execute(select(Match.id)).all() == []
        assert session.execute(select(Allocation.id)).all() == []
        assert get_invoice(session, tenant_id, invoice.id).status is InvoiceStatus.OPEN

    @pytest.mark.parametrize(
        ("error", "told"),
        [
            (
                ValueError("Blue Whale pays with GB82WEST12345698765432"),
                "Something unexpected happened (ValueError): the log says where.",
            ),
            (
                OperationalError("SELECT 1", {"iban": "GB82WEST"}, Exception("no route to db-7")),
                "The database could not be reached.",
            ),
        ],
    )
    def test_it_repeats_no_words_of_what_was_raised(
        self, sessions: sessionmaker[Session], book: Book, error: Exception, told: str
    ) -> None:
        self.fail(book, sessions, error)

        (run,) = list_match_runs(book.session, book.tenant_id).rows
        assert run.error_message == told

    def test_the_next_run_does_what_it_did_not(
        self, session: Session, sessions: sessionmaker[Session], tenant_id: Any, book: Book
    ) -> None:
        book.invoice("INV-2026-0042", "119.00")
        book.payment("119.00", "INV-2026-0042")
        self.fail(book, sessions, ValueError())

        report = reconcile(sessions, tenant_id, clock=lambda: NOW + timedelta(minutes=1))

        assert report.applied_count == 1
        statuses = [run.status for run in list_match_runs(session, tenant_id).rows]
        assert statuses == [RunStatus.SUCCEEDED, RunStatus.FAILED]

    def test_one_that_is_stopped_has_not_failed(
        self, session: Session, sessions: sessionmaker[Session], tenant_id: Any, book: Book
    ) -> None:
        self.fail(book, sessions, StoppedError())

        assert list_match_runs(session, tenant_id).total == 0

    def test_one_that_cannot_be_recorded_still_says_why_it_failed(
        self, sessions: sessionmaker[Session], caplog: pytest.LogCaptureFixture
    ) -> None:
        with pytest.raises(NotFoundError, match="tenant"):
            reconcile(sessions, uuid4(), clock=lambda: NOW)

        assert "A failed matching could not be recorded" in caplog.text


class TestAPersonDecidesMeanwhile:
    @pytest.fixture
    def committed(self, database: str) -> Iterator[sessionmaker[Session]]:
        engine = create_app_engine(database)
        yield create_sessions(engine)
        engine.dispose()

    @pytest.fixture
    def tenant(self, committed: sessionmaker[Session]) -> UUID:
        with committed.begin() as session:
            return add_tenant(session)

    def test_the_decision_counts_and_the_matching_looks_again(
        self, committed: sessionmaker[Session], tenant: UUID
    ) -> None:
        with tenant_transaction(committed, tenant) as session:
            book = Book(session, tenant)
            quoted = book.invoice("INV-2026-0042", "119.00").id
            chosen = book.invoice("INV-2026-0050", "119.00").id
            payment = book.payment("119.00", "INV-2026-0042").id
        decided: list[UUID] = []

        def decide(done: int, _total: int) -> None:
            if done and not decided:
                with tenant_transaction(committed, tenant) as session:
                    shares = paying((chosen, Decimal("119.00")))
                    match = create_match(session, tenant, payment, shares, actor_id=None, now=NOW)
                    decided.append(match.id)

        report = reconcile(committed, tenant, clock=lambda: NOW, progress=decide)

        assert report.applied_count == 0
        with tenant_transaction(committed, tenant) as session:
            (match,) = list_matches(session, tenant).rows
            assert (match.id, match.status) == (decided[0], MatchStatus.CONFIRMED)
            assert get_invoice(session, tenant, quoted).status is InvoiceStatus.OPEN
            assert get_invoice(session, tenant, chosen).status is InvoiceStatus.PAID
            assert list_match_runs(session, tenant, page=1, per_page=10).total == 1
