"""What stands in the way of lines is said in sentences, all of it at once."""

from datetime import UTC, date, datetime
from decimal import Decimal
from uuid import UUID

from sqlalchemy import update
from sqlalchemy.orm import Session
from testing.factories import add_account, add_customer, add_invoice, add_transaction

from payymo.domain.enums import AdjustmentKind, CreditKind, CreditUseKind, TransactionStatus
from payymo.postgres.common.models import Transaction
from payymo.postgres.reconciliation.models import Invoice
from payymo.postgres.reconciliation.operations.credits import CreditNoteValues, create_credit_note
from payymo.postgres.reconciliation.operations.obstacles import (
    NAMED_MAX,
    Obstacle,
    as_problems,
    find_obstacles,
)
from payymo.postgres.reconciliation.operations.settlements import (
    AdjustmentValues,
    AllocationValues,
    CreditUseValues,
    CreditValues,
    Lines,
)
from payymo.postgres.tenancy import enter_tenant

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
MATCH = UUID(int=1)


def test_what_fits_exactly_is_not_in_the_way(session: Session, tenant_id: UUID) -> None:
    customer = add_customer(session, tenant_id)
    invoice = add_invoice(session, tenant_id, customer, total=Decimal("100.00")).id
    payment = add_transaction(session, tenant_id, add_account(session, tenant_id)).id
    lines = Lines(
        allocations=[AllocationValues(MATCH, payment, invoice, Decimal("97.50"))],
        adjustments=[AdjustmentValues(invoice, AdjustmentKind.BANK_FEE, Decimal("2.50"))],
        credits=[
            CreditValues(
                customer.id,
                CreditKind.OVERPAYMENT,
                "EUR",
                Decimal("2.50"),
                date(2026, 2, 2),
                transaction_id=payment,
            )
        ],
    )

    assert find_obstacles(session, tenant_id, lines) == []
    assert find_obstacles(session, tenant_id, Lines()) == []


def test_what_several_lines_need_together_is_counted_together(
    session: Session, tenant_id: UUID
) -> None:
    customer = add_customer(session, tenant_id)
    invoice = add_invoice(session, tenant_id, customer, number="INV-1", total=Decimal("100.00")).id
    payment = add_transaction(session, tenant_id, add_account(session, tenant_id)).id
    note = create_credit_note(
        session,
        tenant_id,
        CreditNoteValues(customer.id, "CN-1", "EUR", Decimal("5.00"), date(2026, 2, 1)),
        actor_id=None,
        now=NOW,
    ).id
    use = CreditUseValues(note, CreditUseKind.APPLIED, Decimal("3.00"), invoice_id=invoice)
    lines = Lines(
        allocations=[AllocationValues(MATCH, payment, invoice, Decimal("60.00"))] * 2,
        uses=[use, use],
    )

    assert find_obstacles(session, tenant_id, lines) == [
        Obstacle(
            "over_allocation",
            f"Only 100.00 EUR are left of transaction {payment}: 120.00 EUR are needed.",
        ),
        Obstacle(
            "over_allocation",
            "Only 100.00 EUR are left to pay of invoice INV-1: 126.00 EUR are needed.",
        ),
        Obstacle(
            "credit_exhausted",
            "Only 5.00 EUR are left of credit note CN-1: 6.00 EUR are needed.",
        ),
    ]


def test_in_another_currency_it_is_what_is_settled(session: Session, tenant_id: UUID) -> None:
    invoice = add_invoice(
        session, tenant_id, number="INV-1", total=Decimal("110.00"), currency="USD"
    ).id
    payment = add_transaction(session, tenant_id, add_account(session, tenant_id)).id
    paid = AllocationValues(MATCH, payment, invoice, Decimal("100.00"), settled=Decimal("110.01"))

    (found,) = find_obstacles(session, tenant_id, Lines(allocations=[paid]))

    assert found.message == (
        "Only 110.00 USD are left to pay of invoice INV-1: 110.01 USD are needed."
    )


def test_what_is_gone_is_named_as_that(session: Session, tenant_id: UUID) -> None:
    account = add_account(session, tenant_id)
    invoice = add_invoice(session, tenant_id, number="INV-1").id
    deleted, unbooked = (add_transaction(session, tenant_id, account).id for _ in range(2))
    session.execute(update(Transaction).where(Transaction.id == deleted).values(deleted_at=NOW))
    session.execute(
        update(Transaction)
        .where(Transaction.id == unbooked)
        .values(status=TransactionStatus.SUPERSEDED)
    )
    session.execute(update(Invoice).where(Invoice.id == invoice).values(voided_at=NOW))
    lines = Lines(
        allocations=[
            AllocationValues(MATCH, payment, invoice, Decimal("1.00"))
            for payment in (deleted, unbooked)
        ]
    )

    assert find_obstacles(session, tenant_id, lines) == [
        Obstacle("transaction_is_deleted", f"Transaction {deleted} was deleted: restore it first."),
        Obstacle("over_allocation", f"Transaction {unbooked} is not booked any more."),
        Obstacle("invoice_is_void", "Invoice INV-1 is void."),
    ]


def test_many_are_counted_not_told() -> None:
    problems = as_problems([Obstacle("over_allocation", "Too little.")] * (NAMED_MAX + 3))

    assert len(problems) == NAMED_MAX + 1
    assert problems[-1].message == "3 more of the kind."


def test_another_tenants_are_not_seen(
    session: Session, tenant_id: UUID, other_tenant_id: UUID
) -> None:
    invoice = add_invoice(session, tenant_id).id
    session.flush()
    enter_tenant(session, other_tenant_id)
    lines = Lines(adjustments=[AdjustmentValues(invoice, AdjustmentKind.ROUNDING, Decimal(999))])

    assert find_obstacles(session, other_tenant_id, lines) == []
