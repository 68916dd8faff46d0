"""A matching that looks at what has changed finds what one that looks at everything would."""

import random
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import func, select, update
from sqlalchemy.orm import Session, sessionmaker
from testing.factories import (
    add_account,
    add_customer,
    add_decisions,
    add_invoice,
    add_transaction,
)

from payymo.domain.enums import CreditUseKind, JobKind, JobStatus, MatchScope, MatchStatus
from payymo.postgres.auth.operations.tenants import get_tenant
from payymo.postgres.common.models import Account, Transaction
from payymo.postgres.jobs.models import Job
from payymo.postgres.reconciliation.models import InvoiceLook, Match, MatchRun, PaymentLook
from payymo.postgres.reconciliation.operations.credits import (
    CreditNoteValues,
    create_credit_note,
    use_credit,
)
from payymo.postgres.reconciliation.operations.decisions import (
    confirm_match,
    reject_match,
    reverse_match,
)
from payymo.postgres.reconciliation.operations.matches import MatchFilter, list_matches
from payymo.postgres.reconciliation.operations.memory import list_confirmations
from payymo.postgres.reconciliation.operations.payments import list_unexplained_payments
from payymo.postgres.tenancy import enter_tenant
from payymo.workflows.reconcile import FULL_EVERY, MatchReport, match_payments, reconcile
from payymo.workflows.run_decisions import revert_match_run

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
NAMES = ("Blue Whale Trading", "Red Fox Media", "Green Heron Foods", "Silver Birch Homes")


@pytest.fixture
def account(session: Session, tenant_id: UUID) -> Account:
    """An account of a tenant for whom nothing is applied by itself."""
    get_tenant(session, tenant_id).auto_apply = False
    return add_account(session, tenant_id)


def match(session: Session, tenant_id: UUID, *, days: float = 0) -> MatchReport:
    return match_payments(session, tenant_id, now=NOW + timedelta(days=days), scope=MatchScope.NEWS)


def suggested(session: Session, tenant_id: UUID) -> dict[UUID, tuple[object, ...]]:
    """Return what is suggested for each payment."""
    session.expire_all()
    where = MatchFilter(status=MatchStatus.SUGGESTED)
    rows = list_matches(session, tenant_id, where=where, per_page=500).rows
    return {
        row.transaction_id: (
            row.is_tie,
            *sorted((str(line.invoice_id), line.amount) for line in row.lines),
        )
        for row in rows
    }


def scope_of(session: Session, report: MatchReport) -> MatchScope:
    session.expire_all()
    run = session.scalars(select(MatchRun).where(MatchRun.id == report.match_run_id)).one()
    return run.scope


class Arrivals:
    """A book that comes in piece by piece, in an order that a seed decides."""

    def __init__(self, session: Session, tenant_id: UUID, account: Account, seed: int) -> None:
        self.session, self.tenant_id, self.account = session, tenant_id, account
        self.dice = random.Random(seed)
        self.customers = [
            add_customer(session, tenant_id, number=f"C-{place}", name=f"{name} Ltd")
            for place, name in enumerate(NAMES)
        ]
        self.invoices = [
            (place, self.dice.randrange(len(NAMES)), Decimal(self.dice.choice((40, 40, 75, 119))))
            for place in range(14)
        ]
        self.steps = [
            *(("invoice", each) for each in self.invoices),
            *(("payment", each) for each in self.dice.sample(self.invoices, 11)),
        ]
        self.dice.shuffle(self.steps)

    def arrive(self, kind: str, piece: tuple[int, int, Decimal]) -> None:
        place, customer, amount = piece
        number = f"INV-2026-{4000 + place * 37}"
        if kind == "invoice":
            add_invoice(
                self.session,
                self.tenant_id,
                self.customers[customer],
                number=number,
                total=amount,
                issue_date=date(2026, 1, 1 + place),
                due_date=date(2026, 2, 1 + place),
            )
            return
        quotes = self.dice.random() < 0.5
        add_transaction(
            self.session,
            self.tenant_id,
            self.account,
            amount=amount,
            remittance=f"Invoice {number}" if quotes else "thank you",
            counterparty_name=NAMES[customer].upper() if self.dice.random() < 0.8 else None,
            booking_date=date(2026, 2, 3 + place),
            transaction_date=date(2026, 2, 3 + place),
        )


@pytest.mark.parametrize("seed", range(8))
def test_whatever_the_order_of_arrival_it_ends_as_one_full_run_would(
    session: Session, tenant_id: UUID, account: Account, seed: int
) -> None:
    book = Arrivals(session, tenant_id, account, seed)
    looked_at = in_all = 0
    for kind, piece in book.steps:
        book.arrive(kind, piece)
        if book.dice.random() < 0.6:
            looked_at += match(session, tenant_id).payment_count
            in_all += len(list_unexplained_payments(session, tenant_id))
    match(session, tenant_id)

    assert looked_at < in_all
    by_news = suggested(session, tenant_id)
    match_payments(session, tenant_id, now=NOW)

    assert by_news == suggested(session, tenant_id)
    assert by_news


class TestWhatIsDue:
    @pytest.fixture(autouse=True)
    def _book(self, session: Session, tenant_id: UUID, account: Account) -> None:
        """Six customers with a payment each that waits; all of it was looked at."""
        self.session, self.tenant_id, self.account = session, tenant_id, account
        self.customers = [
            add_customer(session, tenant_id, name=name)
            for name in (*NAMES, "Amber Lake Wines", "Violet Moon Music")
        ]
        self.invoices = [
            add_invoice(
                session,
                tenant_id,
                customer,
                number=f"INV-2026-{4000 + place * 37}",
                total=Decimal(100 + 31 * place),
            )
            for place, customer in enumerate(self.customers)
        ]
        self.payments = [
            self.pay(place, 100 + 31 * place, f"Invoice INV-2026-{4000 + place * 37}")
            for place in range(len(self.customers))
        ]
        assert match_payments(session, tenant_id, now=NOW).suggested_count == 6

    def pay(self, customer: int, amount: int, text: str) -> Transaction:
        return add_transaction(
            self.session,
            self.tenant_id,
            self.account,
            amount=Decimal(amount),
            remittance=text,
            counterparty_name=self.customers[customer].name,
        )

    def run(self, days: float = 0.1) -> MatchReport:
        return match(self.session, self.tenant_id, days=days)

    def waiting(self, place: int) -> Match:
        where = MatchFilter(status=MatchStatus.SUGGESTED, transaction_id=self.payments[place].id)
        [found] = list_matches(self.session, self.tenant_id, where=where).rows
        return found

    def test_without_news_nothing_is(self) -> None:
        report = self.run()

        assert (report.payment_count, report.invoice_count, report.suggested_count) == (0, 0, 0)
        assert scope_of(self.session, report) is MatchScope.NEWS

    def test_a_payment_is_whose_suggestion_went_with_its_run(self) -> None:
        before = suggested(self.session, self.tenant_id)
        run_id = self.session.scalars(select(MatchRun.id)).one()
        revert_match_run(
            self.session, self.tenant_id, run_id, is_trial=False, actor_id=uuid4(), now=NOW
        )
        assert suggested(self.session, self.tenant_id) == {}

        assert self.run().suggested_count == 6
        assert suggested(self.session, self.tenant_id) == before

    def test_a_payment_from_an_account_that_is_now_our_own_waits_no_more(self) -> None:
        iban = "DE89370400440532013000"
        self.session.execute(
            update(Transaction)
            .where(Transaction.id == self.payments[1].id)
            .values(counterparty_iban=iban)
        )
        assert self.run().suggested_count == 1

        add_account(self.session, self.tenant_id, iban=iban)

        report = self.run()
        assert (report.invoice_count, report.payment_count) == (6, 0)
        assert len(list_unexplained_payments(self.session, self.tenant_id)) == 5

    def test_a_new_payment_is(self) -> None:
        add_transaction(
            self.session,
            self.tenant_id,
            self.account,
            amount=Decimal(7),
            remittance="nothing that anybody owes",
            counterparty_name="A Stranger",
        )

        assert self.run().payment_count == 1
        assert self.run().payment_count == 0

    def test_a_payment_that_the_bank_restates_is(self) -> None:
        self.session.execute(
            update(Transaction)
            .where(Transaction.id == self.payments[2].id)
            .values(remittance="Invoice INV-2026-4074, thank you")
        )

        assert self.run().payment_count == 1

    def test_a_payment_is_whose_customer_gets_a_new_invoice(self) -> None:
        add_invoice(
            self.session, self.tenant_id, self.customers[3], number="NEW-1", total=Decimal(900)
        )

        assert self.run().payment_count == 1

    def test_a_payment_is_whose_customer_gets_or_uses_credit(self) -> None:
        told: dict[str, Any] = {"actor_id": uuid4(), "now": NOW}
        values = CreditNoteValues(
            self.customers[3].id, "CN-1", "EUR", Decimal(20), date(2026, 1, 20)
        )
        note = create_credit_note(self.session, self.tenant_id, values, **told)
        assert self.run().payment_count == 1
        assert self.run().payment_count == 0

        use_credit(
            self.session,
            self.tenant_id,
            note.id,
            kind=CreditUseKind.WRITTEN_OFF,
            amount=Decimal(5),
            **told,
        )

        assert self.run().payment_count == 1
        assert self.run().payment_count == 0

    def test_a_payment_is_whose_suggestion_was_rejected_or_reversed(self) -> None:
        decision: dict[str, Any] = {"actor_id": uuid4(), "now": NOW}
        reject_match(self.session, self.tenant_id, self.waiting(1).id, **decision)
        assert self.run().payment_count == 1

        confirmed = confirm_match(self.session, self.tenant_id, self.waiting(4).id, **decision)
        reverse_match(self.session, self.tenant_id, confirmed.id, **decision)
        before = suggested(self.session, self.tenant_id)
        report = self.run()

        assert (report.payment_count, report.suggested_count) == (1, 1)
        assert suggested(self.session, self.tenant_id).keys() - before.keys() == {
            self.payments[4].id
        }

    def test_a_payment_is_whose_payer_became_known(self) -> None:
        self.pay(5, 3, "thanks")
        assert self.run().payment_count >= 1
        decision: dict[str, Any] = {"actor_id": uuid4(), "now": NOW}
        confirm_match(self.session, self.tenant_id, self.waiting(5).id, **decision)

        assert list_confirmations(self.session, self.tenant_id)
        report = self.run()

        assert report.payment_count == 1

    def test_everything_is_after_a_day_and_when_a_setting_changes(self) -> None:
        soon = self.run(0.5)
        late = self.run(FULL_EVERY / timedelta(days=1))
        get_tenant(self.session, self.tenant_id).auto_apply_threshold = Decimal("0.97")
        changed = self.run(1)

        assert [scope_of(self.session, each) for each in (soon, late, changed)] == [
            MatchScope.NEWS,
            MatchScope.FULL,
            MatchScope.FULL,
        ]
        assert changed.payment_count == 6

    def test_everything_is_when_decisions_teach_a_new_curve(self) -> None:
        add_decisions(
            self.session,
            self.tenant_id,
            self.account,
            [(0.9, place % 5 > 0) for place in range(100)],
        )

        assert scope_of(self.session, self.run()) is MatchScope.FULL

    def test_another_tenants_looks_are_not_seen(self, other_tenant_id: UUID) -> None:
        enter_tenant(self.session, other_tenant_id)

        for table in (PaymentLook, InvoiceLook):
            count = self.session.scalar(select(func.count()).select_from(table))
            assert count == 0

    @pytest.mark.parametrize("asked_for", [True, False])
    def test_what_a_person_asks_for_is_done_in_full(
        self, sessions: sessionmaker[Session], asked_for: bool
    ) -> None:
        job = Job(
            tenant_id=self.tenant_id,
            kind=JobKind.MATCH,
            status=JobStatus.RUNNING,
            requested_by=uuid4() if asked_for else None,
        )
        self.session.add(job)
        self.session.commit()

        report = reconcile(sessions, self.tenant_id, clock=lambda: NOW, job_id=job.id)

        assert report.payment_count == (6 if asked_for else 0)
