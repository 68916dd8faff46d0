"""What settles invoices besides money, what customers have good, and how that is taken back."""

from datetime import UTC, date, datetime
from decimal import Decimal
from uuid import UUID, uuid4

import pytest
from sqlalchemy import select, text
from sqlalchemy.exc import DBAPIError, IntegrityError
from sqlalchemy.orm import Session
from testing.factories import add_account, add_customer, add_invoice, add_transaction, paying

from payymo.domain.enums import (
    AdjustmentKind,
    CreditKind,
    CreditUseKind,
    EventKind,
    InvoiceStatus,
    TransactionMatchStatus,
)
from payymo.domain.errors import DuplicateError, InvalidInputError, NotFoundError, RuleError
from payymo.domain.settlement import Adjusted, Applied, Credited, Paid, Settlement
from payymo.postgres.auth.models import AuditEntry
from payymo.postgres.common.operations.deletions import hide_transaction
from payymo.postgres.common.operations.events import list_events
from payymo.postgres.reconciliation.models import Customer, CustomerCredit, Match
from payymo.postgres.reconciliation.operations.adjustments import (
    create_adjustment,
    list_adjustments,
    reverse_adjustment,
)
from payymo.postgres.reconciliation.operations.credits import (
    CreditBalance,
    CreditFilter,
    CreditNoteValues,
    create_credit_note,
    get_credit,
    list_credit_balances,
    list_credits,
    list_open_credits,
    list_uses,
    reverse_credit_note,
    reverse_use,
    use_credit,
)
from payymo.postgres.reconciliation.operations.customers import delete_customer
from payymo.postgres.reconciliation.operations.decisions import (
    confirm_match,
    create_match,
    reverse_match,
)
from payymo.postgres.reconciliation.operations.invoices import (
    delete_invoice,
    get_invoice,
    update_invoice,
    void_invoice,
)
from payymo.postgres.reconciliation.operations.payments import get_payment, update_match_status
from payymo.postgres.tenancy import enter_tenant

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
ACTOR = uuid4()
EUR = "EUR"
NOTHING = Decimal(0)


class Books:
    """One customer of one tenant, an account, and what is done with them."""

    def __init__(self, session: Session, tenant_id: UUID) -> None:
        self.session = session
        self.tenant_id = tenant_id
        self.customer = add_customer(session, tenant_id)
        self.account = add_account(session, tenant_id)

    def invoice(
        self, total: str = "100.00", customer: Customer | None = None, **columns: str
    ) -> UUID:
        debtor = customer or self.customer
        return add_invoice(self.session, self.tenant_id, debtor, total=Decimal(total), **columns).id

    def payment(self, amount: str = "100.00", **columns: str) -> UUID:
        return add_transaction(
            self.session, self.tenant_id, self.account, amount=Decimal(amount), **columns
        ).id

    def match(self, payment: UUID, settlement: Settlement) -> Match:
        return create_match(
            self.session, self.tenant_id, payment, settlement, actor_id=ACTOR, now=NOW
        )

    def overpay(self, invoice: UUID, payment: str, over: str) -> Match:
        """Match a payment that pays an invoice and brings so much more."""
        paid = Decimal(payment) - Decimal(over)
        settlement = Settlement(
            (Paid(invoice, paid),),
            credited=Credited(self.customer.id, CreditKind.OVERPAYMENT, Decimal(over)),
        )
        return self.match(self.payment(payment), settlement)

    def reverse(self, match: Match) -> Match:
        return reverse_match(self.session, self.tenant_id, match.id, actor_id=ACTOR, now=NOW)

    def note(self, total: str, *, number: str = "CN-1", invoice_id: UUID | None = None) -> UUID:
        values = CreditNoteValues(
            self.customer.id, number, EUR, Decimal(total), date(2026, 2, 1), invoice_id
        )
        return create_credit_note(self.session, self.tenant_id, values, actor_id=ACTOR, now=NOW).id

    def apply(self, credit_id: UUID, invoice_id: UUID, amount: str) -> UUID:
        return use_credit(
            self.session,
            self.tenant_id,
            credit_id,
            kind=CreditUseKind.APPLIED,
            amount=Decimal(amount),
            invoice_id=invoice_id,
            actor_id=ACTOR,
            now=NOW,
        ).id

    def only_credit(self) -> CustomerCredit:
        (credit,) = list_credits(self.session, self.tenant_id).rows
        return credit

    def stands(self, invoice_id: UUID) -> tuple[InvoiceStatus, Decimal]:
        invoice = get_invoice(self.session, self.tenant_id, invoice_id)
        return invoice.status, invoice.balance

    def balance(self) -> Decimal:
        balances = list_credit_balances(self.session, self.tenant_id, self.customer.id)
        return balances[0].balance if balances else Decimal(0)

    def told(self, kind: EventKind) -> list[UUID]:
        events = list_events(self.session, self.tenant_id, kind=kind, page=1, per_page=100)
        return [event.subject_id for event in events.rows]


@pytest.fixture
def books(session: Session, tenant_id: UUID) -> Books:
    return Books(session, tenant_id)


class TestAMatchWithDifferences:
    def test_a_fee_and_an_overpayment_are_booked_and_taken_back(self, books: Books) -> None:
        short, full = books.invoice("100.00"), books.invoice("50.00")
        payment = books.payment("160.00")
        settlement = Settlement(
            (Paid(short, Decimal("97.50")), Paid(full, Decimal("50.00"))),
            adjusted=(Adjusted(short, AdjustmentKind.BANK_FEE, Decimal("2.50")),),
            credited=Credited(books.customer.id, CreditKind.OVERPAYMENT, Decimal("12.50")),
        )

        match = books.match(payment, settlement)

        assert books.stands(short) == books.stands(full) == (InvoiceStatus.PAID, NOTHING)
        assert books.balance() == Decimal("12.50")
        placed = get_payment(books.session, books.tenant_id, payment)
        assert placed.allocated == Decimal("160.00")
        assert placed.match_status is TransactionMatchStatus.MATCHED
        assert sorted(books.told(EventKind.INVOICE_PAID)) == sorted([short, full])

        books.reverse(match)

        assert books.stands(short) == (InvoiceStatus.OPEN, Decimal("100.00"))
        assert books.stands(full) == (InvoiceStatus.OPEN, Decimal("50.00"))
        assert books.balance() == 0
        placed = get_payment(books.session, books.tenant_id, payment)
        assert placed.allocated == 0
        assert placed.match_status is TransactionMatchStatus.UNMATCHED
        assert sorted(books.told(EventKind.INVOICE_REOPENED)) == sorted([short, full])

        confirm_match(books.session, books.tenant_id, match.id, actor_id=ACTOR, now=NOW)

        assert books.stands(short) == (InvoiceStatus.PAID, NOTHING)
        assert books.balance() == Decimal("12.50")
        assert len(books.told(EventKind.INVOICE_PAID)) == 4

    def test_money_in_advance_is_a_prepayment(self, books: Books) -> None:
        credited = Credited(books.customer.id, CreditKind.PREPAYMENT, Decimal("40.00"))

        match = books.match(books.payment("40.00"), Settlement((), credited=credited))

        assert match.lines == []
        credit = books.only_credit()
        assert (credit.kind, credit.balance) == (CreditKind.PREPAYMENT, Decimal("40.00"))
        assert credit.credited_on == date(2026, 2, 2)

    def test_an_invoice_in_another_currency_is_settled_with_what_is_said(
        self, books: Books
    ) -> None:
        invoice = books.invoice("110.00", currency="USD")
        payment = books.payment("100.00")
        paid = Paid(invoice, Decimal("100.00"), Decimal("109.00"))

        books.match(
            payment,
            Settlement(
                (paid,),
                adjusted=(Adjusted(invoice, AdjustmentKind.EXCHANGE_DIFFERENCE, Decimal("1.00")),),
            ),
        )

        assert books.stands(invoice) == (InvoiceStatus.PAID, NOTHING)
        assert get_payment(books.session, books.tenant_id, payment).allocated == Decimal("100.00")

    @pytest.mark.parametrize("settled", ["100.00", None])
    def test_what_is_settled_is_said_of_other_currencies_and_only_of_them(
        self, books: Books, settled: str | None
    ) -> None:
        invoice = books.invoice("100.00", currency="USD" if settled is None else "EUR")
        paid = Paid(invoice, Decimal("100.00"), None if settled is None else Decimal(settled))

        with pytest.raises(RuleError) as refusal:
            books.match(books.payment(), Settlement((paid,)))

        assert refusal.value.code == "currency_mismatch"
        assert [each.field for each in refusal.value.problems] == ["allocations.0.settled"]

    def test_every_fault_is_named_by_its_field(self, books: Books) -> None:
        invoice = books.invoice()
        fee = Adjusted(invoice, AdjustmentKind.BANK_FEE, Decimal("0.001"))
        credited = Credited(books.customer.id, CreditKind.OVERPAYMENT, Decimal(0))

        with pytest.raises(InvalidInputError) as refusal:
            books.match(
                books.payment(),
                Settlement(
                    (Paid(invoice, Decimal("1.00")),), adjusted=(fee, fee), credited=credited
                ),
            )

        assert [each.field for each in refusal.value.problems] == [
            "adjustments.0.amount",
            "adjustments.1.invoice_id",
            "adjustments.1.amount",
            "credit.amount",
        ]

    def test_what_there_is_not_is_named_by_its_field(self, books: Books) -> None:
        unknown = uuid4()

        with pytest.raises(NotFoundError) as refusal:
            books.match(
                books.payment(),
                Settlement(
                    (Paid(unknown, Decimal("1.00")),),
                    adjusted=(Adjusted(unknown, AdjustmentKind.DISCOUNT, Decimal("1.00")),),
                    applied=(Applied(unknown, unknown, Decimal("1.00")),),
                    credited=Credited(unknown, CreditKind.OVERPAYMENT, Decimal("1.00")),
                ),
            )

        assert [each.field for each in refusal.value.problems] == [
            "allocations.0.invoice_id",
            "adjustments.0.invoice_id",
            "credits_applied.0.invoice_id",
            "credits_applied.0.credit_id",
            "credit.customer_id",
        ]

    def test_more_than_there_is_is_named_by_its_field(self, books: Books) -> None:
        invoice = books.invoice("100.00")
        note = books.note("5.00")
        too_short = books.payment("90.00")

        with pytest.raises(RuleError) as over:
            books.match(
                too_short,
                Settlement(
                    (Paid(invoice, Decimal("90.00")),),
                    adjusted=(Adjusted(invoice, AdjustmentKind.BANK_FEE, Decimal("10.01")),),
                    credited=Credited(books.customer.id, CreditKind.OVERPAYMENT, Decimal("0.01")),
                ),
            )
        with pytest.raises(RuleError) as exhausted:
            books.match(
                too_short,
                Settlement(
                    (Paid(invoice, Decimal("90.00")),),
                    applied=(Applied(note, invoice, Decimal("5.01")),),
                ),
            )

        assert over.value.code == "over_allocation"
        assert [each.field for each in over.value.problems] == [
            "adjustments.0.amount",
            "allocations",
        ]
        assert exhausted.value.code == "credit_exhausted"
        assert books.stands(invoice) == (InvoiceStatus.OPEN, Decimal("100.00"))

    def test_a_credit_note_is_netted_in_a_payment(self, books: Books) -> None:
        invoice, note = books.invoice("100.00"), books.note("20.00")
        netted = Settlement(
            (Paid(invoice, Decimal("80.00")),),
            applied=(Applied(note, invoice, Decimal("20.00")),),
        )

        match = books.match(books.payment("80.00"), netted)

        assert books.stands(invoice) == (InvoiceStatus.PAID, NOTHING)
        assert books.balance() == 0
        (use, _) = list_uses(books.session, books.tenant_id, note)[0]
        with pytest.raises(RuleError) as refusal:
            reverse_use(books.session, books.tenant_id, note, use.id, actor_id=ACTOR, now=NOW)
        assert refusal.value.code == "line_of_match"

        books.reverse(match)

        assert books.balance() == Decimal("20.00")
        assert books.stands(invoice) == (InvoiceStatus.OPEN, Decimal("100.00"))


class TestCreditThatIsUsed:
    def test_its_match_is_reversed_only_after_its_use(self, books: Books) -> None:
        first = books.invoice("100.00")
        second = books.invoice("30.00", number="INV-2")
        match = books.overpay(first, "120.00", "20.00")
        credit = books.only_credit()
        use_id = books.apply(credit.id, second, "15.00")

        with pytest.raises(RuleError) as refusal:
            books.reverse(match)

        assert refusal.value.code == "credit_is_used"
        assert [each.message for each in refusal.value.problems] == [
            f"15.00 EUR of the credit settle invoice INV-2: reverse use {use_id} first."
        ]
        assert books.stands(first) == (InvoiceStatus.PAID, NOTHING)
        assert books.stands(second) == (InvoiceStatus.PARTIALLY_PAID, Decimal("15.00"))

        reverse_use(books.session, books.tenant_id, credit.id, use_id, actor_id=ACTOR, now=NOW)
        books.reverse(match)

        assert books.stands(second) == (InvoiceStatus.OPEN, Decimal("30.00"))
        assert books.stands(first) == (InvoiceStatus.OPEN, Decimal("100.00"))
        assert books.balance() == 0

    def test_a_use_by_another_match_is_reversed_with_that_match(self, books: Books) -> None:
        match = books.overpay(books.invoice("100.00"), "120.00", "20.00")
        later = books.invoice("50.00", number="INV-2")
        netted = Settlement(
            (Paid(later, Decimal("30.00")),),
            applied=(Applied(books.only_credit().id, later, Decimal("20.00")),),
        )
        other = books.match(books.payment("30.00"), netted)

        with pytest.raises(RuleError) as refusal:
            books.reverse(match)

        assert refusal.value.problems[0].message.endswith(f"reverse match {other.id} first.")

    def test_a_refund_is_an_outgoing_payment(self, books: Books) -> None:
        books.overpay(books.invoice("100.00"), "120.00", "20.00")
        credit = books.only_credit()
        out = books.payment("-20.00")

        def refund(transaction: UUID, amount: str) -> UUID:
            return use_credit(
                books.session,
                books.tenant_id,
                credit.id,
                kind=CreditUseKind.REFUNDED,
                amount=Decimal(amount),
                transaction_id=transaction,
                actor_id=ACTOR,
                now=NOW,
            ).id

        with pytest.raises(RuleError, match="went out"):
            refund(books.payment("20.00"), "20.00")
        with pytest.raises(RuleError, match="left of the outgoing payment"):
            refund(books.payment("-5.00"), "5.01")
        with pytest.raises(RuleError, match=r"Only 20\.00 EUR are left"):
            refund(out, "20.01")
        use_id = refund(out, "20.00")

        sent = get_payment(books.session, books.tenant_id, out)
        assert (sent.allocated, sent.match_status) == (
            Decimal("-20.00"),
            TransactionMatchStatus.MATCHED,
        )
        assert books.balance() == 0
        with pytest.raises(RuleError) as refusal:
            hide_transaction(books.session, books.tenant_id, out, actor_id=ACTOR, now=NOW)
        assert refusal.value.code == "transaction_is_allocated"

        reverse_use(books.session, books.tenant_id, credit.id, use_id, actor_id=ACTOR, now=NOW)

        sent = get_payment(books.session, books.tenant_id, out)
        assert (sent.allocated, sent.match_status) == (NOTHING, TransactionMatchStatus.UNMATCHED)
        assert books.balance() == Decimal("20.00")

    def test_small_credit_can_be_written_off(self, books: Books) -> None:
        books.overpay(books.invoice("100.00"), "100.01", "0.01")
        credit = books.only_credit()

        use_credit(
            books.session,
            books.tenant_id,
            credit.id,
            kind=CreditUseKind.WRITTEN_OFF,
            amount=Decimal("0.01"),
            reason="not worth a stamp",
            actor_id=ACTOR,
            now=NOW,
        )

        assert books.balance() == 0

    def test_it_settles_its_own_customers_invoices_only(self, books: Books) -> None:
        books.overpay(books.invoice("100.00"), "120.00", "20.00")
        strange = books.invoice("50.00", add_customer(books.session, books.tenant_id))
        dollars = books.invoice("50.00", currency="USD")
        credit = books.only_credit()

        for invoice, code in ((strange, "customer_mismatch"), (dollars, "currency_mismatch")):
            with pytest.raises(RuleError) as refusal:
                books.apply(credit.id, invoice, "10.00")
            assert refusal.value.code == code

    def test_it_settles_no_more_than_is_owed(self, books: Books) -> None:
        books.overpay(books.invoice("100.00"), "120.00", "20.00")
        small = books.invoice("5.00")

        with pytest.raises(RuleError) as refusal:
            books.apply(books.only_credit().id, small, "5.01")

        assert refusal.value.code == "over_allocation"
        assert [each.field for each in refusal.value.problems] == ["amount"]


class TestCreditNotes:
    def test_one_that_names_an_invoice_settles_it(self, books: Books) -> None:
        invoice = books.invoice("100.00")

        note = books.note("130.00", invoice_id=invoice)

        assert books.stands(invoice) == (InvoiceStatus.PAID, NOTHING)
        credit = get_credit(books.session, books.tenant_id, note)
        assert (credit.used, credit.balance) == (Decimal("100.00"), Decimal("30.00"))

    def test_one_that_names_none_is_credit(self, books: Books) -> None:
        note = books.note("30.00")

        assert list_credit_balances(books.session, books.tenant_id, books.customer.id) == [
            CreditBalance(EUR, Decimal("30.00"))
        ]
        assert [each.credit_id for each in list_open_credits(books.session, books.tenant_id)] == [
            note
        ]
        found = list_credits(
            books.session, books.tenant_id, where=CreditFilter(kind=CreditKind.OVERPAYMENT)
        )
        assert found.total == 0

    def test_its_number_is_unique_among_all_documents(self, books: Books) -> None:
        books.invoice(number="DOC-1")
        books.note("10.00", number="DOC-2")

        for number in ("DOC-1", "DOC-2"):
            with pytest.raises(DuplicateError):
                books.note("10.00", number=number)

    def test_it_is_taken_back_unless_it_is_used(self, books: Books) -> None:
        invoice = books.invoice("100.00", number="INV-1")
        note = books.note("30.00", invoice_id=invoice)
        (use, _) = list_uses(books.session, books.tenant_id, note)[0]

        def take_back() -> CustomerCredit:
            return reverse_credit_note(
                books.session, books.tenant_id, note, actor_id=ACTOR, now=NOW
            )

        with pytest.raises(RuleError) as refusal:
            take_back()
        assert refusal.value.code == "credit_is_used"
        assert "settle invoice INV-1" in refusal.value.problems[0].message

        reverse_use(books.session, books.tenant_id, note, use.id, actor_id=ACTOR, now=NOW)
        assert take_back().reversed_at == NOW
        assert take_back().reversed_at == NOW
        assert books.balance() == 0
        books.note("30.00")  # its number is free again

    def test_it_corrects_an_invoice_of_its_customer_that_stands(
        self, books: Books, session: Session, tenant_id: UUID
    ) -> None:
        strange = books.invoice("50.00", add_customer(session, tenant_id))
        dollars = books.invoice("50.00", currency="USD")
        void = books.invoice("50.00")
        void_invoice(session, tenant_id, void, actor_id=ACTOR, now=NOW)

        codes = []
        for invoice in (strange, dollars, void):
            with pytest.raises(RuleError) as refusal:
                books.note("10.00", invoice_id=invoice)
            codes.append(refusal.value.code)

        assert codes == ["customer_mismatch", "currency_mismatch", "invoice_is_void"]

    def test_a_payments_credit_is_not_taken_back_alone(self, books: Books) -> None:
        books.overpay(books.invoice("100.00"), "120.00", "20.00")

        with pytest.raises(RuleError) as refusal:
            reverse_credit_note(
                books.session, books.tenant_id, books.only_credit().id, actor_id=ACTOR, now=NOW
            )

        assert refusal.value.code == "line_of_match"


class TestAdjustments:
    def write_off(self, books: Books, invoice: UUID, amount: str) -> UUID:
        return create_adjustment(
            books.session,
            books.tenant_id,
            invoice,
            kind=AdjustmentKind.WRITE_OFF,
            amount=Decimal(amount),
            reason="insolvent",
            actor_id=ACTOR,
            now=NOW,
        ).id

    def test_what_nobody_paid_is_written_off_and_not_paid(self, books: Books) -> None:
        invoice = books.invoice("100.00")

        written_off = self.write_off(books, invoice, "100.00")

        assert books.stands(invoice) == (InvoiceStatus.WRITTEN_OFF, NOTHING)
        assert books.told(EventKind.INVOICE_PAID) == []
        entry = books.session.scalars(
            select(AuditEntry).where(AuditEntry.entity_id == written_off)
        ).one()
        assert (entry.action, entry.actor_id) == ("created", ACTOR)
        assert entry.after == {
            "invoice_id": str(invoice),
            "kind": "write_off",
            "amount": "100.00",
            "reason": "insolvent",
        }

        def reverse() -> datetime | None:
            return reverse_adjustment(
                books.session, books.tenant_id, invoice, written_off, actor_id=ACTOR, now=NOW
            ).reversed_at

        assert reverse() == NOW
        assert reverse() == NOW
        assert books.stands(invoice) == (InvoiceStatus.OPEN, Decimal("100.00"))
        assert books.told(EventKind.INVOICE_REOPENED) == [invoice]

    def test_the_rest_of_a_part_payment_is_written_off_and_it_is_paid(self, books: Books) -> None:
        invoice = books.invoice("100.00")
        books.match(books.payment("99.00"), paying((invoice, Decimal("99.00"))))

        self.write_off(books, invoice, "1.00")

        assert books.stands(invoice) == (InvoiceStatus.PAID, NOTHING)
        assert books.told(EventKind.INVOICE_PAID) == [invoice]

    def test_no_more_than_is_left_and_nothing_of_a_void_one(self, books: Books) -> None:
        invoice, void = books.invoice("100.00"), books.invoice("100.00")
        void_invoice(books.session, books.tenant_id, void, actor_id=ACTOR, now=NOW)

        with pytest.raises(RuleError, match=r"Only 100\.00 EUR are left") as over:
            self.write_off(books, invoice, "100.01")
        with pytest.raises(RuleError) as on_void:
            self.write_off(books, void, "1.00")
        with pytest.raises(InvalidInputError):
            self.write_off(books, invoice, "0.001")

        assert over.value.code == "over_allocation"
        assert on_void.value.code == "invoice_is_void"

    def test_one_of_a_match_goes_with_it(self, books: Books) -> None:
        invoice = books.invoice("100.00")
        books.match(
            books.payment("98.00"),
            Settlement(
                (Paid(invoice, Decimal("98.00")),),
                adjusted=(Adjusted(invoice, AdjustmentKind.DISCOUNT, Decimal("2.00")),),
            ),
        )
        (line,) = list_adjustments(books.session, books.tenant_id, invoice)

        with pytest.raises(RuleError) as refusal:
            reverse_adjustment(
                books.session, books.tenant_id, invoice, line.id, actor_id=ACTOR, now=NOW
            )

        assert refusal.value.code == "line_of_match"

    def test_an_invoice_keeps_its_amount_and_is_kept(self, books: Books) -> None:
        invoice = books.invoice("100.00")
        self.write_off(books, invoice, "1.00")
        session, tenant_id = books.session, books.tenant_id

        with pytest.raises(RuleError) as changed:
            update_invoice(session, tenant_id, invoice, actor_id=ACTOR, total=Decimal("90.00"))
        with pytest.raises(RuleError) as voided:
            void_invoice(session, tenant_id, invoice, actor_id=ACTOR, now=NOW)
        with pytest.raises(RuleError) as deleted:
            delete_invoice(session, tenant_id, invoice, actor_id=ACTOR)

        assert (changed.value.code, voided.value.code, deleted.value.code) == (
            "invoice_has_payments",
            "invoice_has_payments",
            "invoice_has_matches",
        )

    def test_a_customer_with_credit_is_kept(self, books: Books) -> None:
        books.note("10.00")

        with pytest.raises(RuleError) as refusal:
            delete_customer(books.session, books.tenant_id, books.customer.id, actor_id=ACTOR)

        assert refusal.value.code == "customer_has_invoices"


class TestTheDatabase:
    """Whoever writes, however: the guard itself."""

    @pytest.fixture
    def used(self, books: Books) -> CustomerCredit:
        """A credit of 20.00 EUR, 5.00 EUR of which settle an invoice."""
        books.overpay(books.invoice("100.00"), "120.00", "20.00")
        credit = books.only_credit()
        books.apply(credit.id, books.invoice("50.00"), "5.00")
        return credit

    @pytest.mark.parametrize(
        "statement",
        [
            "UPDATE credit_uses SET amount = 1",
            "UPDATE customer_credits SET amount = 100",
            "UPDATE allocations SET amount = 1",
            "UPDATE adjustments SET amount = 1",
            "DELETE FROM credit_uses",
            "DELETE FROM customer_credits",
            "DELETE FROM adjustments",
            "DELETE FROM match_differences",
        ],
    )
    def test_the_application_may_not_change_a_line(
        self, books: Books, used: CustomerCredit, statement: str
    ) -> None:
        with pytest.raises(DBAPIError, match="permission denied"), books.session.begin_nested():
            books.session.execute(text(statement))

    def test_a_reversed_line_stays_reversed(self, books: Books, used: CustomerCredit) -> None:
        session = books.session
        session.execute(text("UPDATE credit_uses SET reversed_at = now()"))
        assert books.balance() == Decimal("20.00")

        with pytest.raises(IntegrityError, match="reversed, never changed"), session.begin_nested():
            session.execute(text("UPDATE credit_uses SET reversed_at = NULL"))

    @pytest.mark.parametrize(
        ("amount", "constraint"),
        [("15.01", "used_within_amount"), ("15.00", None)],
    )
    def test_a_credit_is_used_no_further_than_it_goes(
        self, books: Books, used: CustomerCredit, amount: str, constraint: str | None
    ) -> None:
        insert = text(
            "INSERT INTO credit_uses (tenant_id, id, credit_id, kind, amount, created_at)"
            " VALUES (:tenant, :id, :credit, 'written_off', :amount, now())"
        )
        values = {
            "tenant": books.tenant_id,
            "id": uuid4(),
            "credit": used.id,
            "amount": Decimal(amount),
        }
        if constraint is None:
            books.session.execute(insert, values)
            assert books.balance() == 0
            return
        with pytest.raises(IntegrityError, match=constraint), books.session.begin_nested():
            books.session.execute(insert, values)

    def test_a_used_credit_is_not_reversed(self, books: Books, used: CustomerCredit) -> None:
        with (
            pytest.raises(IntegrityError, match="reversed_is_unused"),
            books.session.begin_nested(),
        ):
            books.session.execute(text("UPDATE customer_credits SET reversed_at = now()"))

    @pytest.mark.parametrize("over", ["0.00", "0.01"])
    def test_a_payment_brings_no_more_credit_than_it_has(self, books: Books, over: str) -> None:
        match = books.overpay(books.invoice("110.00"), "120.00", "10.00")
        insert = text(
            "INSERT INTO customer_credits (tenant_id, id, customer_id, kind, currency, amount,"
            " credited_on, transaction_id, match_id, created_at) VALUES (:tenant, :id, :customer,"
            " 'overpayment', 'EUR', :amount, '2026-02-02', :transaction, :match, now())"
        )
        session = books.session
        session.execute(text("UPDATE allocations SET reversed_at = now()"))  # frees 110.00 EUR
        update_match_status(session, books.tenant_id, [match.transaction_id])
        values = {
            "tenant": books.tenant_id,
            "id": uuid4(),
            "customer": books.customer.id,
            "amount": Decimal("110.00") + Decimal(over),
            "transaction": match.transaction_id,
            "match": match.id,
        }
        if over == "0.00":
            session.execute(insert, values)
            update_match_status(session, books.tenant_id, [match.transaction_id])
            placed = get_payment(session, books.tenant_id, match.transaction_id)
            assert placed.allocated == Decimal("120.00")
            return
        with pytest.raises(IntegrityError, match="than the payment"), session.begin_nested():
            session.execute(insert, values)


class TestOtherTenants:
    def test_see_and_touch_nothing(
        self, books: Books, session: Session, tenant_id: UUID, other_tenant_id: UUID
    ) -> None:
        invoice = books.invoice("100.00")
        note = books.note("10.00", invoice_id=invoice)
        (use, _) = list_uses(session, tenant_id, note)[0]
        payment = books.payment("100.00")
        enter_tenant(session, other_tenant_id)
        theirs = Books(session, other_tenant_id)
        their_note = theirs.note("10.00")

        assert list_credits(session, other_tenant_id).total == 1
        assert list_adjustments(session, other_tenant_id, invoice) == []
        for reach in (
            lambda: get_credit(session, other_tenant_id, note),
            lambda: theirs.apply(note, theirs.invoice(), "1.00"),
            lambda: theirs.apply(their_note, invoice, "1.00"),
            lambda: reverse_use(session, other_tenant_id, note, use.id, actor_id=ACTOR, now=NOW),
            lambda: theirs.match(
                theirs.payment(),
                Settlement(
                    (), credited=Credited(books.customer.id, CreditKind.PREPAYMENT, Decimal(1))
                ),
            ),
            lambda: use_credit(
                session,
                other_tenant_id,
                their_note,
                kind=CreditUseKind.REFUNDED,
                amount=Decimal(1),
                transaction_id=payment,
                actor_id=ACTOR,
                now=NOW,
            ),
            lambda: theirs.note("1.00", number="X", invoice_id=invoice),
        ):
            with pytest.raises(NotFoundError):
                reach()
