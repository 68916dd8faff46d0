"""Whatever people decide, and in whatever order: no money is spent twice."""

from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from functools import partial
from uuid import UUID

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    rule,
    run_state_machine_as_test,
)
from sqlalchemy import func, select
from sqlalchemy.orm import Session
from testing.factories import add_account, add_customer, add_invoice, add_transaction, paying

from payymo.domain.enums import InvoiceStatus, MatchStatus, TransactionMatchStatus
from payymo.domain.errors import RuleError
from payymo.domain.matching.records import Proposal, ProposedAllocation
from payymo.postgres.common.models import Transaction
from payymo.postgres.reconciliation.models import Allocation, Invoice, Match
from payymo.postgres.reconciliation.operations.decisions import (
    confirm_match,
    create_match,
    reject_match,
    reverse_match,
)
from payymo.postgres.reconciliation.operations.match_runs import start_match_run
from payymo.postgres.reconciliation.operations.matches import (
    MatchFilter,
    list_matches,
    list_rejections,
)
from payymo.postgres.reconciliation.operations.proposals import record_proposals

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
TOTALS = (Decimal("10.00"), Decimal("25.50"), Decimal("100.00"))
PAID = (Decimal("10.00"), Decimal("60.00"), Decimal("120.00"))

places = st.integers(0, 2)
amounts = st.integers(1, 13_000).map(lambda cents: Decimal(cents) / 100)
lines = st.dictionaries(places, amounts, min_size=1, max_size=3)


def refusal_of(action: Callable[[], object]) -> str | None:
    """Return the code of the rule that forbids an action; ``None`` if it was done."""
    try:
        action()
    except RuleError as error:
        return error.code
    return None


class Decisions(RuleBasedStateMachine):
    """People and the engine, deciding on three payments and three invoices."""

    def __init__(self, session: Session, tenant_id: UUID) -> None:
        super().__init__()
        self.session = session
        self.tenant_id = tenant_id
        self.savepoint = session.begin_nested()
        self.rejected: set[tuple[UUID, UUID]] = set()

    def teardown(self) -> None:
        self.savepoint.rollback()
        self.session.expunge_all()

    @initialize()
    def open_the_books(self) -> None:
        account = add_account(self.session, self.tenant_id)
        customer = add_customer(self.session, self.tenant_id)
        self.invoices = [
            add_invoice(self.session, self.tenant_id, customer, total=total).id for total in TOTALS
        ]
        self.payments = [
            add_transaction(self.session, self.tenant_id, account, amount=amount).id
            for amount in PAID
        ]
        run = start_match_run(
            self.session, self.tenant_id, job_id=None, engine_version="1", now=NOW
        )
        self.run_id = run.id

    def shares(self, wanted: dict[int, Decimal]) -> tuple[ProposedAllocation, ...]:
        return tuple(
            ProposedAllocation(self.invoices[place], amount) for place, amount in wanted.items()
        )

    def matches(self, status: MatchStatus) -> list[Match]:
        where = MatchFilter(status=status)
        return list(list_matches(self.session, self.tenant_id, where=where).rows)

    @rule(payment=places, wanted=lines)
    def propose(self, payment: int, wanted: dict[int, Decimal]) -> None:
        proposal = Proposal(
            payment_id=self.payments[payment],
            allocations=self.shares(wanted),
            confidence=0.5,
            evidence=(),
            runner_up=None,
            is_tie=False,
        )
        record_proposals(
            self.session,
            self.tenant_id,
            [proposal],
            considered={proposal.payment_id},
            match_run_id=self.run_id,
            engine_version="1",
        )

    @rule(payment=places, wanted=lines)
    def match_by_hand(self, payment: int, wanted: dict[int, Decimal]) -> None:
        fits = sum(wanted.values()) <= self.left_of_payment(payment) and all(
            amount <= self.left_of_invoice(place) for place, amount in wanted.items()
        )
        refusal = refusal_of(
            lambda: create_match(
                self.session,
                self.tenant_id,
                self.payments[payment],
                paying(*((self.invoices[place], amount) for place, amount in wanted.items())),
                actor_id=None,
                now=NOW,
            )
        )
        assert refusal == (None if fits else "over_allocation")

    @rule(place=places)
    def confirm(self, place: int) -> None:
        for match in self.matches(MatchStatus.SUGGESTED)[place : place + 1]:
            refusal = refusal_of(partial(self.decide, confirm_match, match.id))
            assert refusal in {None, "over_allocation"}

    def decide(self, decision: Callable[..., Match], match_id: UUID) -> None:
        decision(self.session, self.tenant_id, match_id, actor_id=None, now=NOW)

    @rule(place=places)
    def reject(self, place: int) -> None:
        for match in self.matches(MatchStatus.SUGGESTED)[place : place + 1]:
            self.rejected |= {(match.transaction_id, line.invoice_id) for line in match.lines}
            self.decide(reject_match, match.id)

    @rule(place=places)
    def reverse(self, place: int) -> None:
        for match in self.matches(MatchStatus.CONFIRMED)[place : place + 1]:
            self.decide(reverse_match, match.id)

    def standing(self, column: object, key: UUID) -> Decimal:
        total = self.session.scalar(
            select(func.coalesce(func.sum(Allocation.amount), 0)).where(
                Allocation.reversed_at.is_(None),
                column == key,  # type: ignore[arg-type]  # a column
            )
        )
        return Decimal(total or 0)

    def left_of_payment(self, place: int) -> Decimal:
        return PAID[place] - self.standing(Allocation.transaction_id, self.payments[place])

    def left_of_invoice(self, place: int) -> Decimal:
        return TOTALS[place] - self.standing(Allocation.invoice_id, self.invoices[place])

    @invariant()
    def nothing_is_spent_twice(self) -> None:
        for place in range(3):
            assert self.left_of_payment(place) >= 0
            assert self.left_of_invoice(place) >= 0

    @invariant()
    def rows_say_what_allocations_add_up_to(self) -> None:
        self.session.expire_all()
        for place in range(3):
            invoice = self.session.get_one(Invoice, (self.tenant_id, self.invoices[place]))
            payment = self.session.get_one(Transaction, (self.tenant_id, self.payments[place]))
            assert invoice.balance == self.left_of_invoice(place)
            assert payment.amount - payment.allocated == self.left_of_payment(place)
            assert (invoice.status is InvoiceStatus.PAID) == (invoice.balance == 0)
            is_matched = payment.match_status is TransactionMatchStatus.MATCHED
            assert is_matched == (payment.allocated == payment.amount)

    @invariant()
    def what_was_rejected_is_remembered(self) -> None:
        remembered = list_rejections(self.session, self.tenant_id)
        assert {(pair.payment_id, pair.invoice_id) for pair in remembered} == self.rejected

    @invariant()
    def only_confirmed_matches_hold_money(self) -> None:
        holders = set(
            self.session.scalars(
                select(Allocation.match_id).where(Allocation.reversed_at.is_(None))
            )
        )
        assert holders == {match.id for match in self.matches(MatchStatus.CONFIRMED)}


def test_decisions_in_any_order_spend_no_money_twice(session: Session, tenant_id: UUID) -> None:
    run_state_machine_as_test(
        lambda: Decisions(session, tenant_id),  # type: ignore[arg-type] # a factory will do
        settings=settings(
            max_examples=10,
            stateful_step_count=10,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
