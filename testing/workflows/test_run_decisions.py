"""A matching is taken back as a whole: then all money is exactly where it was before."""

from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import text
from sqlalchemy.orm import Session
from testing.factories import (
    add_account,
    add_customer,
    add_decisions,
    add_invoice,
    add_transaction,
    paying,
)

from payymo.domain.enums import CreditUseKind, MatchStatus
from payymo.domain.errors import NotFoundError, RuleError
from payymo.postgres.auth.models import AuditEntry
from payymo.postgres.reconciliation.models import CustomerCredit
from payymo.postgres.reconciliation.operations.credits import (
    CreditNoteValues,
    create_credit_note,
    list_credits,
    list_uses,
    use_credit,
)
from payymo.postgres.reconciliation.operations.decisions import (
    confirm_match,
    create_match,
    reverse_match,
)
from payymo.postgres.reconciliation.operations.match_runs import get_match_run
from payymo.postgres.reconciliation.operations.matches import MatchFilter, list_matches
from payymo.postgres.reconciliation.operations.policies import update_policy
from payymo.postgres.tenancy import enter_tenant
from payymo.workflows.reconcile import match_payments
from payymo.workflows.run_decisions import RunDecision, reapply_match_run, revert_match_run

NOW = datetime(2026, 3, 1, 9, 0, tzinfo=UTC)
LATER = NOW + timedelta(hours=1)
ACTOR = uuid4()

#: What counts of the money: sums as they are stored, and the lines that stand.
EFFECTIVE = (
    "SELECT number, allocated, adjusted, credited, balance, status FROM invoices ORDER BY number",
    "SELECT id, amount, allocated, match_status FROM transactions ORDER BY id",
    "SELECT id, kind, amount, used, balance FROM customer_credits WHERE reversed_at IS NULL"
    " ORDER BY id",
    "SELECT credit_id, kind, amount, invoice_id FROM credit_uses WHERE reversed_at IS NULL"
    " ORDER BY id",
    "SELECT invoice_id, kind, amount FROM adjustments WHERE reversed_at IS NULL ORDER BY id",
    "SELECT transaction_id, invoice_id, amount, settled FROM allocations WHERE reversed_at IS NULL"
    " ORDER BY id",
    "SELECT id, transaction_id FROM matches WHERE status = 'confirmed' ORDER BY id",
)


def effective(session: Session) -> Sequence[Sequence[Any]]:
    session.flush()
    return [session.execute(text(query)).all() for query in EFFECTIVE]


def _without_ids(state: Sequence[Sequence[Any]]) -> Sequence[Sequence[Any]]:
    """Return what counts of the money, but not which credit it is: what is done again is new.

    Nor what is suggested, which is for the next matching to say.
    """
    invoices, payments, credits_, uses, *rest = state
    return [
        invoices,
        [(*row[:3], row[3].replace("suggested", "unmatched")) for row in payments],
        sorted(tuple(row)[1:] for row in credits_),
        sorted(tuple(row)[1:] for row in uses),
        *(sorted(map(tuple, each)) for each in rest),
    ]


class Book:
    """A tenant's books: two customers, one account, and a tenant that lets Payymo book."""

    def __init__(self, session: Session, tenant_id: UUID) -> None:
        self.session = session
        self.tenant_id = tenant_id
        self.account = add_account(session, tenant_id)
        self.customers = [
            add_customer(session, tenant_id, name=name)
            for name in ("Blue Whale Trading Ltd", "Green Heron Logistics Ltd")
        ]
        update_policy(session, tenant_id, actor_id=None, apply_differences=True, apply_credits=True)
        proven = add_decisions(session, tenant_id, self.account, [(0.98, True)] * 60)
        self.proven = {match.id for match in proven}

    def invoice(self, number: str, total: str, customer: int = 0) -> UUID:
        return add_invoice(
            self.session,
            self.tenant_id,
            self.customers[customer],
            number=number,
            total=Decimal(total),
        ).id

    def payment(self, amount: str, remittance: str, customer: int = 0) -> UUID:
        return add_transaction(
            self.session,
            self.tenant_id,
            self.account,
            amount=Decimal(amount),
            remittance=remittance,
            counterparty_name=self.customers[customer].name,
        ).id

    def note(self, total: str, customer: int = 0, number: str = "CN-1") -> UUID:
        values = CreditNoteValues(
            self.customers[customer].id, number, "EUR", Decimal(total), date(2026, 1, 20)
        )
        return create_credit_note(self.session, self.tenant_id, values, actor_id=ACTOR, now=NOW).id

    def run(self) -> UUID:
        return match_payments(self.session, self.tenant_id, now=NOW).match_run_id

    def revert(self, run: UUID, *, is_trial: bool = False) -> RunDecision:
        self.session.expire_all()
        return revert_match_run(
            self.session, self.tenant_id, run, is_trial=is_trial, actor_id=ACTOR, now=LATER
        )

    def redo(self, run: UUID, *, is_trial: bool = False) -> RunDecision:
        self.session.expire_all()
        return reapply_match_run(
            self.session,
            self.tenant_id,
            run,
            is_trial=is_trial,
            actor_id=ACTOR,
            now=LATER + timedelta(hours=1),
        )

    def decided(self) -> set[tuple[UUID, UUID | None, UUID | None]]:
        """Return the matches that stand, with the person or the run that decided on them."""
        self.session.expire_all()
        where = MatchFilter(status=MatchStatus.CONFIRMED)
        found = list_matches(self.session, self.tenant_id, where=where).rows
        return {
            (match.id, match.decided_by, match.applied_run_id)
            for match in found
            if match.id not in self.proven
        }

    def confirmed(self) -> list[UUID]:
        self.session.expire_all()
        where = MatchFilter(status=MatchStatus.CONFIRMED)
        found = list_matches(self.session, self.tenant_id, where=where).rows
        return [match.id for match in found if match.id not in self.proven]


@pytest.fixture
def book(session: Session, tenant_id: UUID) -> Book:
    return Book(session, tenant_id)


def test_what_it_applied_is_taken_back_and_not_applied_again(book: Book) -> None:
    book.invoice("INV-2026-0042", "119.00")
    book.invoice("INV-2026-0050", "50.00")
    book.payment("118.97", "INV-2026-0042")  # short by a rounding difference
    book.note("20.00")  # settles some of the other one, by policy
    before = effective(book.session)
    run = book.run()
    assert effective(book.session) != before

    tried = book.revert(run, is_trial=True)
    assert (tried.is_done, tried.match_count, tried.use_count) == (False, 1, 1)
    done = book.revert(run)

    assert (done.is_done, done.match_count, done.use_count) == (True, 1, 1)
    assert effective(book.session) == before
    found = get_match_run(book.session, book.tenant_id, run)
    assert (found.reversed_at, found.reversed_by) == (LATER, ACTOR)
    entries = book.session.query(AuditEntry).filter(
        AuditEntry.action == "reversed", AuditEntry.actor_id == ACTOR
    )
    assert sorted(entry.entity for entry in entries) == ["match_runs", "matches"]

    book.run()

    assert book.confirmed() == []
    assert effective(book.session)[4:6] == [[], []]


def test_what_people_decided_stands(book: Book) -> None:
    book.invoice("INV-2026-0042", "119.00")
    second = book.invoice("INV-2026-0050", "50.00")
    book.payment("119.00", "INV-2026-0042")
    run = book.run()
    (applied,) = book.confirmed()
    decided = create_match(
        book.session,
        book.tenant_id,
        book.payment("50.00", "something else"),
        paying((second, Decimal("50.00"))),
        actor_id=ACTOR,
        now=NOW,
    ).id
    reverse_match(book.session, book.tenant_id, applied, actor_id=ACTOR, now=NOW)
    confirm_match(book.session, book.tenant_id, applied, actor_id=ACTOR, now=NOW)
    before = effective(book.session)

    done = book.revert(run)

    assert done.match_count == 0
    assert effective(book.session) == before
    assert set(book.confirmed()) == {applied, decided}


def test_a_used_credit_stands_in_its_way_and_is_named(book: Book) -> None:
    update_policy(book.session, book.tenant_id, actor_id=None, apply_credits=False)
    book.invoice("INV-2026-0042", "119.00")
    payment = book.payment("119.00", "INV-2026-0042")
    run = book.run()
    (match,) = book.confirmed()
    # As if the run had booked an overpayment: what a match creates goes with the match.
    late = book.invoice("INV-2026-0051", "5.00")
    book.session.execute(
        text("UPDATE transactions SET amount = amount + 5 WHERE id = :id"), {"id": payment}
    )
    credit_id = uuid4()
    book.session.add(
        CustomerCredit(
            tenant_id=book.tenant_id,
            id=credit_id,
            customer_id=book.customers[0].id,
            kind="overpayment",
            currency="EUR",
            amount=Decimal(5),
            credited_on=date(2026, 2, 2),
            transaction_id=payment,
            match_id=match,
            created_at=NOW,
        )
    )
    book.session.flush()
    use = use_credit(
        book.session,
        book.tenant_id,
        credit_id,
        kind=CreditUseKind.APPLIED,
        amount=Decimal("5.00"),
        invoice_id=late,
        actor_id=ACTOR,
        now=NOW,
    )
    named = f"5.00 EUR of the credit settle invoice INV-2026-0051: reverse use {use.id} first."

    tried = book.revert(run, is_trial=True)
    with pytest.raises(RuleError) as refusal:
        book.revert(run)

    assert [blocker.message for blocker in tried.blockers] == [named]
    assert refusal.value.code == "match_run_not_revertible"
    assert [problem.message for problem in refusal.value.problems] == [named]
    assert book.confirmed() == [match]


def test_it_is_taken_back_once(book: Book) -> None:
    run = book.run()
    book.revert(run)

    with pytest.raises(RuleError) as refusal:
        book.revert(run)

    assert refusal.value.problems[0].message == "The matching was taken back already."


@pytest.mark.parametrize("decide", [revert_match_run, reapply_match_run])
def test_another_tenants_is_not_found(
    book: Book, session: Session, other_tenant_id: UUID, decide: Callable[..., RunDecision]
) -> None:
    run = book.run()
    enter_tenant(session, other_tenant_id)

    with pytest.raises(NotFoundError):
        decide(session, other_tenant_id, run, is_trial=True, actor_id=ACTOR, now=LATER)


class TestDoingItAgain:
    def test_all_is_as_it_was_before_it_was_taken_back(self, book: Book) -> None:
        book.invoice("INV-2026-0042", "119.00")
        book.invoice("INV-2026-0050", "50.00", 1)
        book.payment("118.97", "INV-2026-0042")  # short by a rounding difference
        book.note("20.00", 1)  # settles some of the other one, by policy
        run = book.run()
        applied, before = book.decided(), effective(book.session)
        book.revert(run)
        book.run()  # which suggests the same pair: it was taken back

        tried = book.redo(run, is_trial=True)
        assert (tried.is_done, tried.match_count, tried.use_count) == (False, 1, 1)
        done = book.redo(run)

        assert (done.is_done, done.match_count, done.use_count) == (True, 1, 1)
        assert (book.decided(), _without_ids(effective(book.session))) == (
            applied,
            _without_ids(before),
        )
        found = get_match_run(book.session, book.tenant_id, run)
        assert (found.reversed_at, found.reversed_by) == (None, None)
        where = MatchFilter(status=MatchStatus.SUGGESTED)
        assert list_matches(book.session, book.tenant_id, where=where).total == 0
        entries = book.session.query(AuditEntry).filter(AuditEntry.actor_id == ACTOR)
        assert [(entry.action, entry.entity) for entry in entries.order_by(AuditEntry.id)][-2:] == [
            ("confirmed", "matches"),
            ("redone", "match_runs"),
        ]

        again = book.revert(run)
        assert (again.match_count, again.use_count) == (1, 1)

    def test_what_people_decided_since_is_left_alone(self, book: Book) -> None:
        book.invoice("INV-2026-0042", "119.00")
        book.invoice("INV-2026-0050", "50.00")
        for amount, quoted in (("119.00", "INV-2026-0042"), ("50.00", "INV-2026-0050")):
            book.payment(amount, quoted)
        run = book.run()
        first, second = book.confirmed()
        book.revert(run)
        confirm_match(book.session, book.tenant_id, first, actor_id=ACTOR, now=LATER)
        own = (first, ACTOR, None)

        done = book.redo(run)

        assert done.match_count == 1
        assert own in book.decided()
        assert (second, None, run) in book.decided()
        book.revert(run)
        assert book.decided() == {own}

    def test_money_that_went_elsewhere_stands_in_its_way_and_is_named(self, book: Book) -> None:
        paid = book.invoice("INV-2026-0042", "119.00")
        other = book.invoice("INV-2026-0051", "30.00")
        payment = book.payment("119.00", "INV-2026-0042")
        run = book.run()
        book.revert(run)
        create_match(
            book.session,
            book.tenant_id,
            payment,
            paying((other, Decimal("30.00")), (paid, Decimal("1.00"))),
            actor_id=ACTOR,
            now=LATER,
        )
        before = effective(book.session)
        named = [
            f"Only 88.00 EUR are left of transaction {payment}: 119.00 EUR are needed.",
            "Only 118.00 EUR are left to pay of invoice INV-2026-0042: 119.00 EUR are needed.",
        ]

        tried = book.redo(run, is_trial=True)
        with pytest.raises(RuleError) as refusal:
            book.redo(run)

        assert [blocker.message for blocker in tried.blockers] == named
        assert refusal.value.code == "match_run_not_redoable"
        assert [problem.message for problem in refusal.value.problems] == named
        assert effective(book.session) == before

    def test_only_what_was_taken_back_is_done_again(self, book: Book) -> None:
        run = book.run()

        with pytest.raises(RuleError) as refusal:
            book.redo(run)

        (problem,) = refusal.value.problems
        assert problem.message == "The matching was not taken back: there is nothing to do again."


customers = st.integers(0, 1)
amounts = st.sampled_from(["40.00", "60.00", "100.00"])
slips = st.sampled_from(["0.00", "-0.03", "-20.00", "7.00", "-40.00"])


@settings(
    max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    totals=st.lists(st.tuples(amounts, customers), min_size=1, max_size=4),
    paid=st.lists(st.tuples(st.integers(0, 3), slips), max_size=4),
    notes=st.lists(st.tuples(st.sampled_from(["20.00", "40.00"]), customers), max_size=2),
)
def test_afterwards_all_is_as_before(
    session: Session,
    tenant_id: UUID,
    totals: list[tuple[str, int]],
    paid: list[tuple[int, str]],
    notes: list[tuple[str, int]],
) -> None:
    with session.begin_nested() as attempt:
        book = Book(session, tenant_id)
        for number, (total, customer) in enumerate(totals):
            book.invoice(f"INV-2026-{4200 + number}", total, customer)
        for number, (total, customer) in enumerate(notes):
            book.note(total, customer, f"CN-{number}")
        for wanted, slip in paid:
            total, customer = totals[wanted % len(totals)]
            quoted = f"INV-2026-{4200 + wanted % len(totals)}"
            book.payment(str(Decimal(total) + Decimal(slip) or "1.00"), quoted, customer)
        manual = book.invoice("INV-2026-0001", "10.00")
        create_match(
            session,
            tenant_id,
            book.payment("10.00", "by hand"),
            paying((manual, Decimal("10.00"))),
            actor_id=ACTOR,
            now=NOW,
        )
        before = effective(session)

        run = book.run()
        applied, booked = book.decided(), _without_ids(effective(session))
        book.revert(run)

        assert effective(session) == before
        book.revert(book.run())
        assert effective(session) == before
        book.redo(run)
        assert (book.decided(), _without_ids(effective(session))) == (applied, booked)
        book.revert(run)
        assert effective(session) == before
        attempt.rollback()
    session.expunge_all()
    assert list_credits(session, tenant_id).total == 0
    assert list_uses(session, tenant_id, uuid4()) == []
