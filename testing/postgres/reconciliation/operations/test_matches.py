"""Matches: what becomes of them, and what they do to payments and invoices."""

from collections.abc import Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from uuid import UUID, uuid4

import pytest
from sqlalchemy import select, text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session
from testing.factories import (
    add_account,
    add_customer,
    add_invoice,
    add_transaction,
    paying,
)

from payymo.domain.enums import (
    EvidenceKind,
    InvoiceStatus,
    MatchOrigin,
    MatchStatus,
    TransactionMatchStatus,
    TransactionStatus,
)
from payymo.domain.errors import InvalidInputError, NotFoundError, RuleError
from payymo.domain.matching.records import (
    Evidence,
    Proposal,
    ProposedAllocation,
    Rejection,
    RunnerUp,
)
from payymo.postgres.auth.models import AuditEntry
from payymo.postgres.common.models import Transaction
from payymo.postgres.reconciliation.models import Invoice, Match
from payymo.postgres.reconciliation.operations.allocations import list_allocations
from payymo.postgres.reconciliation.operations.decisions import (
    apply_matches,
    confirm_match,
    create_match,
    reject_match,
    reverse_match,
)
from payymo.postgres.reconciliation.operations.invoices import (
    get_invoice,
    update_invoice,
    void_invoice,
)
from payymo.postgres.reconciliation.operations.match_runs import start_match_run
from payymo.postgres.reconciliation.operations.matches import (
    MatchFilter,
    get_match,
    list_matches,
    list_rejections,
)
from payymo.postgres.reconciliation.operations.payments import (
    get_payment,
    list_explained_payments,
    list_payments_of,
    list_unexplained_payments,
)
from payymo.postgres.reconciliation.operations.proposals import record_proposals
from payymo.postgres.tenancy import enter_tenant

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
ACTOR = uuid4()


def a_proposal(
    payment: Transaction, lines: Sequence[tuple[Invoice, str]], *, confidence: float = 0.9
) -> Proposal:
    allocations = tuple(
        ProposedAllocation(invoice.id, Decimal(amount)) for invoice, amount in lines
    )
    return Proposal(
        payment_id=payment.id,
        allocations=allocations,
        confidence=confidence,
        evidence=(Evidence(EvidenceKind.AMOUNT_EXACT, lines[0][0].id, 7.125, "It is exact."),),
        runner_up=RunnerUp(allocations, 0.05),
        is_tie=False,
    )


def suggest(session: Session, tenant_id: UUID, *proposals: Proposal) -> list[UUID]:
    run = start_match_run(session, tenant_id, job_id=None, engine_version="1", now=NOW)
    ids = record_proposals(
        session,
        tenant_id,
        proposals,
        considered={proposal.payment_id for proposal in proposals},
        match_run_id=run.id,
        engine_version="1",
    )
    return [ids[proposal.payment_id] for proposal in proposals]  # type: ignore[index]  # all have one


def add_payment(session: Session, tenant_id: UUID, amount: str = "100.00") -> Transaction:
    account = add_account(session, tenant_id)
    return add_transaction(session, tenant_id, account, amount=Decimal(amount))


class TestRecordProposals:
    def test_a_proposal_becomes_a_suggestion_with_its_evidence(
        self, session: Session, tenant_id: UUID
    ) -> None:
        payment = add_payment(session, tenant_id)
        invoice = add_invoice(session, tenant_id)

        (match_id,) = suggest(session, tenant_id, a_proposal(payment, [(invoice, "100.00")]))

        match = get_match(session, tenant_id, match_id)
        assert match.status is MatchStatus.SUGGESTED
        assert match.origin is MatchOrigin.ENGINE
        assert match.confidence == Decimal("0.9000")
        assert [(line.invoice_id, line.amount) for line in match.lines] == [
            (invoice.id, Decimal("100.00"))
        ]
        assert match.evidence == {
            "items": [
                {
                    "kind": "amount_exact",
                    "invoice_id": str(invoice.id),
                    "weight": 7.12,
                    "text": "It is exact.",
                }
            ]
        }
        assert match.runner_up == {
            "confidence": 0.05,
            "lines": [{"invoice_id": str(invoice.id), "amount": "100.00"}],
        }
        payment = get_payment(session, tenant_id, payment.id)
        assert payment.match_status is TransactionMatchStatus.SUGGESTED
        assert payment.allocated == 0

    def test_the_same_proposal_again_changes_nothing(
        self, session: Session, tenant_id: UUID
    ) -> None:
        payment = add_payment(session, tenant_id)
        proposal = a_proposal(payment, [(add_invoice(session, tenant_id), "100.00")])

        first = suggest(session, tenant_id, proposal)
        again = suggest(session, tenant_id, proposal)

        assert first == again
        assert list_matches(session, tenant_id).total == 1

    def test_another_proposal_withdraws_the_first(self, session: Session, tenant_id: UUID) -> None:
        payment = add_payment(session, tenant_id)
        first, second = add_invoice(session, tenant_id), add_invoice(session, tenant_id)
        (old,) = suggest(session, tenant_id, a_proposal(payment, [(first, "100.00")]))

        (new,) = suggest(session, tenant_id, a_proposal(payment, [(second, "100.00")]))

        assert get_match(session, tenant_id, new).status is MatchStatus.SUGGESTED
        session.expire_all()
        assert get_match(session, tenant_id, old).status is MatchStatus.WITHDRAWN

    def test_a_payment_without_a_proposal_loses_its_suggestion(
        self, session: Session, tenant_id: UUID
    ) -> None:
        payment = add_payment(session, tenant_id)
        invoice = add_invoice(session, tenant_id)
        (old,) = suggest(session, tenant_id, a_proposal(payment, [(invoice, "100.00")]))
        run = start_match_run(session, tenant_id, job_id=None, engine_version="1", now=NOW)

        left = record_proposals(
            session,
            tenant_id,
            [],
            considered={payment.id},
            match_run_id=run.id,
            engine_version="1",
        )

        session.expire_all()
        assert left == {}
        assert get_match(session, tenant_id, old).status is MatchStatus.WITHDRAWN
        payment = get_payment(session, tenant_id, payment.id)
        assert payment.match_status is TransactionMatchStatus.UNMATCHED


class TestDecisions:
    def test_confirming_allocates_and_reversing_frees(
        self, session: Session, tenant_id: UUID
    ) -> None:
        payment = add_payment(session, tenant_id, "150.00")
        invoice = add_invoice(session, tenant_id)
        (match_id,) = suggest(session, tenant_id, a_proposal(payment, [(invoice, "100.00")]))

        confirmed = confirm_match(session, tenant_id, match_id, actor_id=ACTOR, now=NOW)

        assert (confirmed.status, confirmed.decided_by) == (MatchStatus.CONFIRMED, ACTOR)
        assert get_invoice(session, tenant_id, invoice.id).status is InvoiceStatus.PAID
        payment = get_payment(session, tenant_id, payment.id)
        assert payment.match_status is TransactionMatchStatus.PARTIALLY_MATCHED
        assert payment.allocated == Decimal("100.00")

        undone = reverse_match(session, tenant_id, match_id, actor_id=ACTOR, now=NOW)

        assert undone.status is MatchStatus.REVERSED
        assert get_invoice(session, tenant_id, invoice.id).status is InvoiceStatus.OPEN
        payment = get_payment(session, tenant_id, payment.id)
        assert payment.match_status is TransactionMatchStatus.UNMATCHED
        assert payment.allocated == 0
        (allocation,) = list_allocations(session, tenant_id, invoice_id=invoice.id)
        assert allocation.reversed_at == NOW

    def test_a_reversed_match_can_be_confirmed_again(
        self, session: Session, tenant_id: UUID
    ) -> None:
        payment = add_payment(session, tenant_id)
        invoice = add_invoice(session, tenant_id)
        proposal = a_proposal(payment, [(invoice, "100.00")])
        (match_id,) = suggest(session, tenant_id, proposal)
        confirm_match(session, tenant_id, match_id, actor_id=ACTOR, now=NOW)
        reverse_match(session, tenant_id, match_id, actor_id=ACTOR, now=NOW)
        (suggestion,) = suggest(session, tenant_id, proposal)

        redone = confirm_match(session, tenant_id, match_id, actor_id=ACTOR, now=NOW)

        assert redone.status is MatchStatus.CONFIRMED
        assert get_invoice(session, tenant_id, invoice.id).status is InvoiceStatus.PAID
        made = list_allocations(session, tenant_id, invoice_id=invoice.id)
        assert [allocation.reversed_at for allocation in made] == [NOW, None]
        session.expire_all()
        assert get_match(session, tenant_id, suggestion).status is MatchStatus.WITHDRAWN

    def test_a_reversed_match_can_be_suggested_again(
        self, session: Session, tenant_id: UUID
    ) -> None:
        payment = add_payment(session, tenant_id)
        proposal = a_proposal(payment, [(add_invoice(session, tenant_id), "100.00")])
        (first,) = suggest(session, tenant_id, proposal)
        confirm_match(session, tenant_id, first, actor_id=ACTOR, now=NOW)
        reverse_match(session, tenant_id, first, actor_id=ACTOR, now=NOW)

        (second,) = suggest(session, tenant_id, proposal)

        assert second != first
        assert list_rejections(session, tenant_id) == []

    def test_a_rejected_pair_is_remembered(self, session: Session, tenant_id: UUID) -> None:
        payment = add_payment(session, tenant_id)
        invoice = add_invoice(session, tenant_id)
        (match_id,) = suggest(session, tenant_id, a_proposal(payment, [(invoice, "100.00")]))

        reject_match(session, tenant_id, match_id, actor_id=ACTOR, now=NOW)

        assert list_rejections(session, tenant_id) == [Rejection(payment.id, invoice.id)]
        assert get_invoice(session, tenant_id, invoice.id).allocated == 0

    @pytest.mark.parametrize(
        ("history", "wanted"),
        [
            ([], "reverse"),
            (["confirm"], "confirm"),
            (["confirm"], "reject"),
            (["reject"], "confirm"),
            (["reject"], "reverse"),
            (["reject"], "reject"),
            (["confirm", "reverse"], "reject"),
            (["confirm", "reverse"], "reverse"),
        ],
    )
    def test_no_other_way_leads_from_one_status_to_another(
        self, session: Session, tenant_id: UUID, history: list[str], wanted: str
    ) -> None:
        decide = {"confirm": confirm_match, "reject": reject_match, "reverse": reverse_match}
        proposal = a_proposal(
            add_payment(session, tenant_id), [(add_invoice(session, tenant_id), "100.00")]
        )
        (match_id,) = suggest(session, tenant_id, proposal)
        for step in history:
            decide[step](session, tenant_id, match_id, actor_id=ACTOR, now=NOW)

        with pytest.raises(RuleError) as refusal:
            decide[wanted](session, tenant_id, match_id, actor_id=ACTOR, now=NOW)

        assert refusal.value.code == "match_transition"

    def test_confirming_what_is_paid_by_now_is_refused_and_writes_nothing(
        self, session: Session, tenant_id: UUID
    ) -> None:
        invoice = add_invoice(session, tenant_id)
        one, other = add_payment(session, tenant_id), add_payment(session, tenant_id)
        ids = suggest(
            session,
            tenant_id,
            a_proposal(one, [(invoice, "100.00")]),
            a_proposal(other, [(invoice, "100.00")]),
        )
        confirm_match(session, tenant_id, ids[0], actor_id=ACTOR, now=NOW)

        with pytest.raises(RuleError) as refusal:
            confirm_match(session, tenant_id, ids[1], actor_id=ACTOR, now=NOW)

        assert refusal.value.code == "over_allocation"
        assert get_match(session, tenant_id, ids[1]).status is MatchStatus.SUGGESTED
        assert list_allocations(session, tenant_id, transaction_id=other.id) == []
        assert get_invoice(session, tenant_id, invoice.id).allocated == Decimal("100.00")

    def test_a_void_invoice_cannot_be_paid(self, session: Session, tenant_id: UUID) -> None:
        invoice = add_invoice(session, tenant_id)
        payment = add_payment(session, tenant_id)
        (match_id,) = suggest(session, tenant_id, a_proposal(payment, [(invoice, "100.00")]))
        void_invoice(session, tenant_id, invoice.id, actor_id=ACTOR, now=NOW)

        with pytest.raises(RuleError) as refusal:
            confirm_match(session, tenant_id, match_id, actor_id=ACTOR, now=NOW)

        assert refusal.value.code == "invoice_is_void"

    def test_each_decision_is_written_down(self, session: Session, tenant_id: UUID) -> None:
        payment = add_payment(session, tenant_id)
        proposal = a_proposal(payment, [(add_invoice(session, tenant_id), "100.00")])
        (match_id,) = suggest(session, tenant_id, proposal)

        confirm_match(session, tenant_id, match_id, actor_id=ACTOR, now=NOW)
        reverse_match(session, tenant_id, match_id, actor_id=ACTOR, now=NOW)

        entries = session.scalars(
            select(AuditEntry).where(AuditEntry.entity_id == match_id).order_by(AuditEntry.id)
        ).all()
        assert [(entry.action, entry.actor_id, entry.before) for entry in entries] == [
            ("confirmed", ACTOR, {"status": "suggested"}),
            ("reversed", ACTOR, {"status": "confirmed"}),
        ]

    def test_many_are_applied_at_once_and_only_those_that_are_suggested(
        self, session: Session, tenant_id: UUID
    ) -> None:
        payments = [add_payment(session, tenant_id) for _ in range(3)]
        ids = suggest(
            session,
            tenant_id,
            *(a_proposal(at, [(add_invoice(session, tenant_id), "100.00")]) for at in payments),
        )
        reject_match(session, tenant_id, ids[2], actor_id=ACTOR, now=NOW)
        run = start_match_run(session, tenant_id, job_id=None, engine_version="1", now=NOW).id

        assert apply_matches(session, tenant_id, set(ids), match_run_id=run, now=NOW) == 2

        session.expire_all()
        assert [get_match(session, tenant_id, at).status for at in ids] == [
            MatchStatus.CONFIRMED,
            MatchStatus.CONFIRMED,
            MatchStatus.REJECTED,
        ]
        applied = get_match(session, tenant_id, ids[0])
        assert (applied.decided_by, applied.applied_run_id) == (None, run)
        assert apply_matches(session, tenant_id, set(), match_run_id=uuid4(), now=NOW) == 0


class TestCreateMatch:
    def test_a_person_can_pay_two_invoices_with_one_payment(
        self, session: Session, tenant_id: UUID
    ) -> None:
        payment = add_payment(session, tenant_id, "150.00")
        one, two = add_invoice(session, tenant_id), add_invoice(session, tenant_id)
        (suggestion,) = suggest(session, tenant_id, a_proposal(payment, [(one, "100.00")]))

        match = create_match(
            session,
            tenant_id,
            payment.id,
            paying((one.id, Decimal("100.00")), (two.id, Decimal("50.00"))),
            actor_id=ACTOR,
            now=NOW,
        )

        assert (match.status, match.origin) == (MatchStatus.CONFIRMED, MatchOrigin.MANUAL)
        assert match.confidence == 1
        assert get_invoice(session, tenant_id, two.id).status is InvoiceStatus.PARTIALLY_PAID
        payment = get_payment(session, tenant_id, payment.id)
        assert payment.match_status is TransactionMatchStatus.MATCHED
        session.expire_all()
        assert get_match(session, tenant_id, suggestion).status is MatchStatus.WITHDRAWN

    @pytest.mark.parametrize("amount", ["100.01", "60.00"])
    def test_more_than_the_invoice_or_the_payment_has_is_refused(
        self, session: Session, tenant_id: UUID, amount: str
    ) -> None:
        payment = add_payment(session, tenant_id, "200.00" if amount == "100.01" else "50.00")
        invoice = add_invoice(session, tenant_id)

        with pytest.raises(RuleError) as refusal:
            create_match(
                session,
                tenant_id,
                payment.id,
                paying((invoice.id, Decimal(amount))),
                actor_id=ACTOR,
                now=NOW,
            )

        assert refusal.value.code == "over_allocation"
        assert list_matches(session, tenant_id).total == 0

    def test_currencies_are_never_mixed(self, session: Session, tenant_id: UUID) -> None:
        payment = add_payment(session, tenant_id)
        invoice = add_invoice(session, tenant_id, currency="GBP")

        with pytest.raises(RuleError) as refusal:
            create_match(
                session,
                tenant_id,
                payment.id,
                paying((invoice.id, Decimal("100.00"))),
                actor_id=ACTOR,
                now=NOW,
            )

        assert refusal.value.code == "currency_mismatch"

    def test_only_booked_money_that_came_in_is_a_payment(
        self, session: Session, tenant_id: UUID
    ) -> None:
        account = add_account(session, tenant_id)
        outgoing = add_transaction(session, tenant_id, account, amount=Decimal("-100.00"))
        pending = add_transaction(session, tenant_id, account, status=TransactionStatus.PENDING)
        invoice = add_invoice(session, tenant_id)

        for transaction in (outgoing, pending):
            with pytest.raises(RuleError) as refusal:
                create_match(
                    session,
                    tenant_id,
                    transaction.id,
                    paying((invoice.id, Decimal("100.00"))),
                    actor_id=ACTOR,
                    now=NOW,
                )
            assert refusal.value.code == "not_a_payment"

    def test_every_fault_of_the_lines_is_named(self, session: Session, tenant_id: UUID) -> None:
        payment = add_payment(session, tenant_id)
        invoice = add_invoice(session, tenant_id)
        shares = [(invoice.id, Decimal("10.00")), (invoice.id, Decimal(0))]
        lines = paying(*shares)
        more = paying(*shares, (uuid4(), Decimal("10.00")))

        with pytest.raises(InvalidInputError) as refusal:
            create_match(session, tenant_id, payment.id, lines, actor_id=ACTOR, now=NOW)
        with pytest.raises(NotFoundError) as absent:
            create_match(session, tenant_id, payment.id, more, actor_id=ACTOR, now=NOW)
        with pytest.raises(InvalidInputError) as empty:
            create_match(session, tenant_id, payment.id, paying(), actor_id=ACTOR, now=NOW)

        assert [problem.field for problem in refusal.value.problems] == [
            "allocations.1.invoice_id",
            "allocations.1.amount",
        ]
        assert [problem.field for problem in absent.value.problems] == ["allocations.2.invoice_id"]
        assert [problem.field for problem in empty.value.problems] == ["allocations"]

    def test_an_unknown_payment_is_not_found(self, session: Session, tenant_id: UUID) -> None:
        with pytest.raises(NotFoundError):
            create_match(session, tenant_id, uuid4(), paying(), actor_id=ACTOR, now=NOW)


class TestListMatches:
    def test_filters_and_pages(self, session: Session, tenant_id: UUID) -> None:
        invoices = [add_invoice(session, tenant_id) for _ in range(3)]
        payments = [add_payment(session, tenant_id) for _ in range(3)]
        ids = suggest(
            session,
            tenant_id,
            *(
                a_proposal(payment, [(invoice, "100.00")], confidence=confidence)
                for payment, invoice, confidence in zip(
                    payments, invoices, (0.5, 0.7, 0.9), strict=True
                )
            ),
        )
        confirm_match(session, tenant_id, ids[0], actor_id=ACTOR, now=NOW)

        def found(**conditions: object) -> set[UUID]:
            where = MatchFilter(**conditions)  # type: ignore[arg-type]  # of any type
            return {match.id for match in list_matches(session, tenant_id, where=where).rows}

        assert found() == set(ids)
        assert found(status=MatchStatus.CONFIRMED) == {ids[0]}
        assert found(min_confidence=Decimal("0.7")) == {ids[1], ids[2]}
        assert found(invoice_id=invoices[1].id) == {ids[1]}
        assert found(transaction_id=payments[2].id) == {ids[2]}
        page = list_matches(session, tenant_id, page=2, per_page=2)
        assert ([match.id for match in page.rows], page.total) == ([ids[0]], 3)
        assert set(list_payments_of(session, tenant_id, page.rows)) == {payments[0].id}


class TestTheDatabaseAlone:
    """Whoever writes past the operations meets the database's own guards."""

    def allocate(self, session: Session, match: Match, invoice_id: UUID, amount: str) -> None:
        session.execute(
            text(
                "INSERT INTO allocations (tenant_id, id, match_id, transaction_id, invoice_id,"
                " amount, created_at) VALUES (:tenant, gen_random_uuid(), :match, :payment,"
                " :invoice, :amount, now())"
            ),
            {
                "tenant": match.tenant_id,
                "match": match.id,
                "payment": match.transaction_id,
                "invoice": invoice_id,
                "amount": Decimal(amount),
            },
        )

    @pytest.mark.parametrize(
        ("paid", "total", "allocated"),
        [("100.00", "50.00", "50.01"), ("50.00", "100.00", "50.01")],
        ids=["more than the invoice", "more than the payment"],
    )
    def test_it_refuses_to_allocate_more_than_there_is(
        self, session: Session, tenant_id: UUID, paid: str, total: str, allocated: str
    ) -> None:
        invoice = add_invoice(session, tenant_id, total=Decimal(total))
        payment = add_payment(session, tenant_id, paid)
        (match_id,) = suggest(session, tenant_id, a_proposal(payment, [(invoice, "50.00")]))
        match = get_match(session, tenant_id, match_id)

        with pytest.raises(IntegrityError), session.begin_nested():
            self.allocate(session, match, invoice.id, allocated)
        with session.begin_nested() as attempt:
            self.allocate(session, match, invoice.id, "50.00")
            session.refresh(invoice)
            assert invoice.allocated == Decimal("50.00")
            attempt.rollback()  # a match that is not confirmed books nothing

    def test_a_total_below_what_is_paid_is_refused(self, session: Session, tenant_id: UUID) -> None:
        payment = add_payment(session, tenant_id)
        invoice = add_invoice(session, tenant_id)
        (match_id,) = suggest(session, tenant_id, a_proposal(payment, [(invoice, "100.00")]))
        confirm_match(session, tenant_id, match_id, actor_id=ACTOR, now=NOW)

        with pytest.raises(IntegrityError), session.begin_nested():
            session.execute(
                text("UPDATE invoices SET total = 99 WHERE id = :id"), {"id": invoice.id}
            )
        with pytest.raises(RuleError) as refusal:
            update_invoice(session, tenant_id, invoice.id, actor_id=ACTOR, total=Decimal("200.00"))
        assert refusal.value.code == "invoice_has_payments"


class TestTenants:
    def test_another_tenant_finds_nothing(
        self,
        session: Session,
        tenant_id: UUID,
        other_tenant_id: UUID,
    ) -> None:
        payment = add_payment(session, tenant_id)
        invoice = add_invoice(session, tenant_id)
        (match_id,) = suggest(session, tenant_id, a_proposal(payment, [(invoice, "100.00")]))
        payment_id, invoice_id = payment.id, invoice.id
        enter_tenant(session, other_tenant_id)
        session.expunge_all()

        assert list_matches(session, other_tenant_id).total == 0
        assert list_unexplained_payments(session, other_tenant_id) == []
        for decide in (confirm_match, reject_match, reverse_match):
            with pytest.raises(NotFoundError):
                decide(session, other_tenant_id, match_id, actor_id=ACTOR, now=NOW)
        with pytest.raises(NotFoundError):
            create_match(
                session,
                other_tenant_id,
                payment_id,
                paying((invoice_id, Decimal("1.00"))),
                actor_id=ACTOR,
                now=NOW,
            )


class TestPayments:
    def test_only_booked_incoming_money_with_something_left_is_unexplained(
        self, session: Session, tenant_id: UUID
    ) -> None:
        account = add_account(session, tenant_id, iban="DE89370400440532013000")
        part_paid = add_transaction(
            session,
            tenant_id,
            account,
            amount=Decimal("80.00"),
            booking_date=date(2026, 2, 3),
            counterparty_name="Payer Ltd",
            description="cleaned",
        )
        add_transaction(session, tenant_id, account, amount=Decimal("-5.00"))
        add_transaction(session, tenant_id, account, status=TransactionStatus.PENDING)
        add_transaction(session, tenant_id, account, counterparty_iban="DE89370400440532013000")
        explained = add_transaction(session, tenant_id, account, amount=Decimal("10.00"))
        customer = add_customer(session, tenant_id)
        for payment, amount in ((part_paid, "30.00"), (explained, "10.00")):
            invoice = add_invoice(session, tenant_id, customer)
            create_match(
                session,
                tenant_id,
                payment.id,
                paying((invoice.id, Decimal(amount))),
                actor_id=ACTOR,
                now=NOW,
            )

        (found,) = list_unexplained_payments(session, tenant_id)
        (past,) = list_explained_payments(session, tenant_id, since=date(2026, 2, 2))

        assert (found.id, found.amount, found.booking_date) == (
            part_paid.id,
            Decimal("50.00"),
            date(2026, 2, 3),
        )
        assert (found.payer_name, found.remittance) == ("Payer Ltd", "cleaned")
        assert (past.id, past.amount) == (explained.id, Decimal("10.00"))
        assert list_explained_payments(session, tenant_id, since=date(2026, 2, 3)) == []
