"""Invoices, matches and what settles invoices.

A match is an opinion: one payment, one or more invoices, how sure and why. What follows from a
confirmed one are facts: allocations (money), adjustments (what no money comes for), customer
credits (money that is too much) and uses of credits. None is ever changed, only reversed. The
database itself keeps their sums and refuses more than there is: see
``migrations/sql/settlement_guard.sql``.
"""

from collections.abc import Mapping
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Computed,
    ForeignKey,
    Index,
    Numeric,
    UniqueConstraint,
)
from sqlalchemy.orm import Mapped, mapped_column, relationship

from payymo.domain.enums import (
    AdjustmentKind,
    CreditKind,
    CreditUseKind,
    InvoiceStatus,
    MatchOrigin,
    MatchScope,
    MatchStatus,
    RunStatus,
)
from payymo.postgres.core import Stamped, TenantRow, tenant_reference


class Customer(Stamped, TenantRow):
    """Whom a tenant invoices.

    :ivar number: The tenant's own number for the customer; unique.
    :ivar ibans: Accounts that the customer is known to pay from, normalised.
    """

    __tablename__ = "customers"
    __table_args__ = (UniqueConstraint("tenant_id", "number"),)

    tenant_id: Mapped[UUID] = mapped_column(
        ForeignKey("tenants.id"), primary_key=True, sort_order=-2
    )
    number: Mapped[str]
    name: Mapped[str]
    email: Mapped[str | None]
    country: Mapped[str | None]
    ibans: Mapped[list[str]] = mapped_column(default=list)


class InvoiceImport(TenantRow):
    """One file of invoices that was taken in whole.

    :ivar content_hash: SHA-256 of the file.
    """

    __tablename__ = "invoice_imports"

    tenant_id: Mapped[UUID] = mapped_column(
        ForeignKey("tenants.id"), primary_key=True, sort_order=-2
    )
    filename: Mapped[str | None]
    content_hash: Mapped[bytes]
    invoice_count: Mapped[int]
    customer_count: Mapped[int]
    created_by: Mapped[UUID | None]
    created_at: Mapped[datetime]


class Invoice(Stamped, TenantRow):
    """Money that a customer owes.

    :ivar total: What was invoiced, in ``currency``; greater than zero.
    :ivar allocated: What payments settle of it; kept by the database itself, as the next two.
    :ivar adjusted: What fees, discounts, write-offs and the like settle of it.
    :ivar credited: What the customer's credit settles of it.
    :ivar balance: What is left to pay.
    :ivar structured_reference: Creditor reference that was printed on it, normalised.
    """

    __tablename__ = "invoices"
    __table_args__ = (
        tenant_reference("customer_id", "customers"),
        tenant_reference("import_id", "invoice_imports"),
        UniqueConstraint("tenant_id", "number"),
        CheckConstraint("total > 0", name="total_positive"),
        CheckConstraint(
            "allocated >= 0 AND adjusted >= 0 AND credited >= 0 "
            "AND allocated + adjusted + credited <= total",
            name="settled_within_total",
        ),
        CheckConstraint(
            "voided_at IS NULL OR allocated + adjusted + credited = 0", name="void_is_unpaid"
        ),
        Index(None, "tenant_id", "customer_id"),
        Index(None, "tenant_id", "status", "due_date"),
    )

    customer_id: Mapped[UUID]
    import_id: Mapped[UUID | None]
    number: Mapped[str]
    currency: Mapped[str]
    total: Mapped[Decimal]
    allocated: Mapped[Decimal] = mapped_column(server_default="0", default=Decimal(0))
    adjusted: Mapped[Decimal] = mapped_column(server_default="0", default=Decimal(0))
    credited: Mapped[Decimal] = mapped_column(server_default="0", default=Decimal(0))
    balance: Mapped[Decimal] = mapped_column(
        Computed("total - allocated - adjusted - credited", persisted=True)
    )
    issue_date: Mapped[date]
    due_date: Mapped[date | None]
    structured_reference: Mapped[str | None]
    note: Mapped[str | None]
    voided_at: Mapped[datetime | None]
    status: Mapped[InvoiceStatus] = mapped_column(
        Computed(
            "CASE WHEN voided_at IS NOT NULL THEN 'void' "
            "WHEN allocated + adjusted + credited = 0 THEN 'open' "
            "WHEN allocated + adjusted + credited < total THEN 'partially_paid' "
            "WHEN allocated + credited = 0 THEN 'written_off' ELSE 'paid' END",
            persisted=True,
        )
    )

    customer: Mapped[Customer] = relationship(lazy="joined", innerjoin=True, viewonly=True)


class MatchRun(TenantRow):
    """One matching of all unexplained payments with all open invoices.

    :ivar scope: How much it looked at.
    :ivar basis: Versions and settings on which its judgement rests; a later run that rests on
        others looks at everything.
    :ivar inputs: As what it left the books and their suggestions: a later one that finds them so
        has nothing to look at; absent where it did not look at all of them to the end.
    :ivar calibration_version: Version of the tenant's curve; absent for the shipped one.
    :ivar reversed_at: When what it applied was taken back.
    """

    __tablename__ = "match_runs"
    __table_args__ = (Index(None, "tenant_id", "started_at"),)

    tenant_id: Mapped[UUID] = mapped_column(
        ForeignKey("tenants.id"), primary_key=True, sort_order=-2
    )
    job_id: Mapped[UUID | None]
    status: Mapped[RunStatus]
    engine_version: Mapped[str]
    calibration_version: Mapped[int | None]
    scope: Mapped[MatchScope] = mapped_column(
        default=MatchScope.FULL, server_default=MatchScope.FULL.value
    )
    basis: Mapped[str | None]
    inputs: Mapped[str | None]
    payment_count: Mapped[int] = mapped_column(default=0)
    invoice_count: Mapped[int] = mapped_column(default=0)
    applied_count: Mapped[int] = mapped_column(default=0)
    suggested_count: Mapped[int] = mapped_column(default=0)
    unexplained_count: Mapped[int] = mapped_column(default=0)
    error_message: Mapped[str | None]
    started_at: Mapped[datetime]
    finished_at: Mapped[datetime | None]
    reversed_at: Mapped[datetime | None]
    reversed_by: Mapped[UUID | None]


class PaymentLook(TenantRow):
    """As what a payment was last looked at by a matching; ``id`` is the transaction's.

    :ivar fingerprint: Number of what spoke of it alone: see ``domain/matching/news.py``.
    :ivar is_suggested: Whether a match was suggested then, or applied.
    """

    __tablename__ = "payment_looks"
    __table_args__ = (tenant_reference("id", "transactions", ondelete="CASCADE"),)

    fingerprint: Mapped[int] = mapped_column(BigInteger)
    is_suggested: Mapped[bool]


class InvoiceLook(TenantRow):
    """As what an open invoice was last looked at by a matching; ``id`` is the invoice's."""

    __tablename__ = "invoice_looks"
    __table_args__ = (tenant_reference("id", "invoices", ondelete="CASCADE"),)

    fingerprint: Mapped[int] = mapped_column(BigInteger)


class Calibration(TenantRow):
    """What the engine's confidence is worth to a tenant, as its decisions say.

    :ivar version: Counts up from 1 for each tenant; the latest of an engine's version is used.
    :ivar engine_version: Version of the engine whose matches were decided on.
    :ivar decided_count: Decisions that it was learnt from.
    :ivar right_count: Matches among them that stand.
    :ivar is_adopted: Whether it differs from the shipped curve.
    :ivar ece_before: Expected calibration error of the shipped curve, 0 to 1.
    :ivar ece_after: The same of this one, on decisions that it was not learnt from.
    :ivar points: List of ``[seeming, true]`` under ``items``.
    """

    __tablename__ = "calibrations"
    __table_args__ = (UniqueConstraint("tenant_id", "version"),)

    tenant_id: Mapped[UUID] = mapped_column(
        ForeignKey("tenants.id"), primary_key=True, sort_order=-2
    )
    version: Mapped[int]
    engine_version: Mapped[str]
    decided_count: Mapped[int]
    right_count: Mapped[int]
    is_adopted: Mapped[bool]
    ece_before: Mapped[Decimal] = mapped_column(Numeric(5, 4))
    ece_after: Mapped[Decimal] = mapped_column(Numeric(5, 4))
    points: Mapped[Mapping[str, Any]]
    created_at: Mapped[datetime]


class Match(Stamped, TenantRow):
    """An opinion on which invoices a payment pays.

    :ivar confidence: Probability, 0 to 1, that exactly these invoices were meant; 1 by hand.
    :ivar is_tie: Another explanation is as good, so a person has to choose.
    :ivar evidence: List of ``{kind, invoice_id, weight, text}`` under ``items``.
    :ivar engine_confidence: What the engine's own model said, before the tenant's decisions were
        taken into account; absent by hand.
    :ivar waits: Why it was not applied by itself: list of ``{reason, text}`` under ``items``.
    :ivar runner_up: The next best explanation.
    :ivar applied_run_id: The matching that applied it; absent where a person confirmed it.
    :ivar decided_by: Who confirmed, rejected or reversed it, or matched by hand what it got wrong;
        absent when Payymo applied or withdrew it.
    """

    __tablename__ = "matches"
    __table_args__ = (
        tenant_reference("transaction_id", "transactions", ondelete="CASCADE"),
        tenant_reference("match_run_id", "match_runs"),
        tenant_reference("applied_run_id", "match_runs"),
        Index(None, "tenant_id", "transaction_id"),
        Index(None, "tenant_id", "status", "confidence"),
        Index(None, "tenant_id", "match_run_id"),
        Index(None, "tenant_id", "applied_run_id"),
        Index(
            "ix_matches_decided",
            "tenant_id",
            "decided_at",
            postgresql_where="decided_by IS NOT NULL AND engine_confidence IS NOT NULL",
        ),
        Index(
            "uq_matches_one_suggestion",
            "tenant_id",
            "transaction_id",
            unique=True,
            postgresql_where="status = 'suggested'",
        ),
    )

    transaction_id: Mapped[UUID]
    match_run_id: Mapped[UUID | None]
    status: Mapped[MatchStatus]
    origin: Mapped[MatchOrigin]
    confidence: Mapped[Decimal] = mapped_column(Numeric(5, 4))
    engine_confidence: Mapped[Decimal | None] = mapped_column(Numeric(5, 4))
    is_tie: Mapped[bool] = mapped_column(default=False)
    evidence: Mapped[Mapping[str, Any]]
    runner_up: Mapped[Mapping[str, Any] | None]
    waits: Mapped[Mapping[str, Any] | None]
    engine_version: Mapped[str | None]
    applied_run_id: Mapped[UUID | None]
    decided_by: Mapped[UUID | None]
    decided_at: Mapped[datetime | None]

    lines: Mapped[list["MatchLine"]] = relationship(
        lazy="selectin", order_by="MatchLine.id", viewonly=True
    )
    differences: Mapped[list["MatchDifference"]] = relationship(
        lazy="selectin", order_by="MatchDifference.id", viewonly=True
    )


class MatchLine(TenantRow):
    """How much of the payment a match would give to one invoice.

    :ivar amount: In the payment's currency.
    :ivar settled: What that settles of an invoice in another currency, in the invoice's; absent
        in a common one.
    """

    __tablename__ = "match_lines"
    __table_args__ = (
        tenant_reference("match_id", "matches", ondelete="CASCADE"),
        tenant_reference("invoice_id", "invoices", ondelete="CASCADE"),
        UniqueConstraint("tenant_id", "match_id", "invoice_id"),
        CheckConstraint("amount > 0", name="amount_positive"),
        CheckConstraint("settled > 0", name="settled_positive"),
        Index(None, "tenant_id", "invoice_id"),
    )

    match_id: Mapped[UUID]
    invoice_id: Mapped[UUID]
    amount: Mapped[Decimal]
    settled: Mapped[Decimal | None]

    invoice: Mapped[Invoice] = relationship(lazy="joined", innerjoin=True, viewonly=True)


class MatchDifference(TenantRow):
    """What a match would book besides the payment's money on invoices.

    One of three: an adjustment of an invoice, a customer's credit applied to an invoice, or money
    of the payment that becomes a customer's credit.

    :ivar amount: In the invoice's currency; what becomes credit, in the payment's.
    """

    __tablename__ = "match_differences"
    __table_args__ = (
        tenant_reference("match_id", "matches", ondelete="CASCADE"),
        tenant_reference("invoice_id", "invoices"),
        tenant_reference("credit_id", "customer_credits"),
        tenant_reference("customer_id", "customers"),
        CheckConstraint("amount > 0", name="amount_positive"),
        CheckConstraint(
            "num_nonnulls(adjustment, credit_id, credit_kind) = 1", name="one_of_three"
        ),
        CheckConstraint(
            "(invoice_id IS NULL) = (credit_kind IS NOT NULL) "
            "AND (customer_id IS NOT NULL) = (credit_kind IS NOT NULL)",
            name="has_its_subject",
        ),
        Index(None, "tenant_id", "match_id"),
        Index(None, "tenant_id", "invoice_id"),
    )

    match_id: Mapped[UUID]
    invoice_id: Mapped[UUID | None]
    adjustment: Mapped[AdjustmentKind | None]
    credit_id: Mapped[UUID | None]
    customer_id: Mapped[UUID | None]
    credit_kind: Mapped[CreditKind | None]
    amount: Mapped[Decimal]

    invoice: Mapped[Invoice | None] = relationship(lazy="joined", viewonly=True)
    credit: Mapped["CustomerCredit | None"] = relationship(lazy="joined", viewonly=True)


class Allocation(TenantRow):
    """Money of a payment that pays an invoice, since a match was confirmed.

    :ivar amount: In the payment's currency.
    :ivar settled: What that settles of an invoice in another currency, in the invoice's; absent
        in a common one.
    :ivar reversed_at: When it was undone; it counts no more, and is kept as history.
    """

    __tablename__ = "allocations"
    __table_args__ = (
        tenant_reference("match_id", "matches"),
        tenant_reference("transaction_id", "transactions"),
        tenant_reference("invoice_id", "invoices"),
        CheckConstraint("amount > 0", name="amount_positive"),
        CheckConstraint("settled > 0", name="settled_positive"),
        Index(None, "tenant_id", "match_id"),
        Index(None, "tenant_id", "transaction_id"),
        Index(None, "tenant_id", "invoice_id"),
    )

    match_id: Mapped[UUID]
    transaction_id: Mapped[UUID]
    invoice_id: Mapped[UUID]
    amount: Mapped[Decimal]
    settled: Mapped[Decimal | None]
    created_at: Mapped[datetime]
    reversed_at: Mapped[datetime | None]


class Adjustment(TenantRow):
    """What settles an invoice without money: a fee, a discount, a write-off.

    :ivar amount: In the invoice's currency.
    :ivar reason: Why, in a person's words.
    :ivar match_id: The match that brought it; absent when a person booked it alone.
    """

    __tablename__ = "adjustments"
    __table_args__ = (
        tenant_reference("invoice_id", "invoices"),
        tenant_reference("match_id", "matches"),
        CheckConstraint("amount > 0", name="amount_positive"),
        Index(None, "tenant_id", "invoice_id"),
        Index(None, "tenant_id", "match_id"),
    )

    invoice_id: Mapped[UUID]
    match_id: Mapped[UUID | None]
    kind: Mapped[AdjustmentKind]
    amount: Mapped[Decimal]
    reason: Mapped[str | None]
    created_by: Mapped[UUID | None]
    created_at: Mapped[datetime]
    reversed_by: Mapped[UUID | None]
    reversed_at: Mapped[datetime | None]


class CustomerCredit(TenantRow):
    """What a tenant owes a customer: too much money, money in advance, or a credit note.

    :ivar used: What of it was applied, refunded or written off; kept by the database itself.
    :ivar balance: What is left of it; nothing once it is reversed.
    :ivar transaction_id: The payment that brought it; absent for a credit note.
    :ivar match_id: The match that says so.
    :ivar number: A credit note's own number.
    :ivar invoice_id: The invoice that a credit note corrects, where it names one.
    """

    __tablename__ = "customer_credits"
    __table_args__ = (
        tenant_reference("customer_id", "customers"),
        tenant_reference("transaction_id", "transactions"),
        tenant_reference("match_id", "matches"),
        tenant_reference("invoice_id", "invoices"),
        tenant_reference("import_id", "invoice_imports"),
        CheckConstraint("amount > 0", name="amount_positive"),
        CheckConstraint("used >= 0 AND used <= amount", name="used_within_amount"),
        CheckConstraint("reversed_at IS NULL OR used = 0", name="reversed_is_unused"),
        CheckConstraint(
            "(kind = 'credit_note') = (number IS NOT NULL) "
            "AND (kind = 'credit_note') = (transaction_id IS NULL) "
            "AND (transaction_id IS NULL) = (match_id IS NULL)",
            name="has_its_source",
        ),
        Index(
            "uq_customer_credits_number",
            "tenant_id",
            "number",
            unique=True,
            postgresql_where="reversed_at IS NULL",
        ),
        Index(None, "tenant_id", "customer_id"),
        Index(None, "tenant_id", "transaction_id"),
        Index(None, "tenant_id", "match_id"),
        Index(
            "ix_customer_credits_open", "tenant_id", "customer_id", postgresql_where="balance > 0"
        ),
    )

    customer_id: Mapped[UUID]
    kind: Mapped[CreditKind]
    currency: Mapped[str]
    amount: Mapped[Decimal]
    used: Mapped[Decimal] = mapped_column(server_default="0", default=Decimal(0))
    balance: Mapped[Decimal] = mapped_column(
        Computed("CASE WHEN reversed_at IS NULL THEN amount - used ELSE 0 END", persisted=True)
    )
    credited_on: Mapped[date]
    transaction_id: Mapped[UUID | None]
    match_id: Mapped[UUID | None]
    number: Mapped[str | None]
    invoice_id: Mapped[UUID | None]
    import_id: Mapped[UUID | None]
    note: Mapped[str | None]
    created_by: Mapped[UUID | None]
    created_at: Mapped[datetime]
    reversed_by: Mapped[UUID | None]
    reversed_at: Mapped[datetime | None]


class CreditUse(TenantRow):
    """What became of some of a customer's credit.

    :ivar invoice_id: The invoice that it settles, where it was applied.
    :ivar transaction_id: The outgoing payment that gave it back, where it was refunded.
    :ivar match_id: The match that applied it; absent when it was used alone.
    :ivar match_run_id: The matching that applied it by the tenant's policy.
    """

    __tablename__ = "credit_uses"
    __table_args__ = (
        tenant_reference("credit_id", "customer_credits"),
        tenant_reference("invoice_id", "invoices"),
        tenant_reference("transaction_id", "transactions"),
        tenant_reference("match_id", "matches"),
        tenant_reference("match_run_id", "match_runs"),
        CheckConstraint("amount > 0", name="amount_positive"),
        CheckConstraint(
            "(kind = 'applied') = (invoice_id IS NOT NULL) "
            "AND (kind = 'refunded') = (transaction_id IS NOT NULL)",
            name="has_its_target",
        ),
        Index(None, "tenant_id", "credit_id"),
        Index(None, "tenant_id", "invoice_id"),
        Index(None, "tenant_id", "transaction_id"),
        Index(None, "tenant_id", "match_id"),
        Index(None, "tenant_id", "match_run_id"),
    )

    credit_id: Mapped[UUID]
    kind: Mapped[CreditUseKind]
    amount: Mapped[Decimal]
    invoice_id: Mapped[UUID | None]
    transaction_id: Mapped[UUID | None]
    match_id: Mapped[UUID | None]
    match_run_id: Mapped[UUID | None]
    reason: Mapped[str | None]
    created_by: Mapped[UUID | None]
    created_at: Mapped[datetime]
    reversed_by: Mapped[UUID | None]
    reversed_at: Mapped[datetime | None]


class SettlementPolicyRow(Stamped, TenantRow):
    """How far a tenant lets differences be booked; see ``domain/settlement.py`` for each limit."""

    __tablename__ = "settlement_policies"
    __table_args__ = (UniqueConstraint("tenant_id"),)

    tenant_id: Mapped[UUID] = mapped_column(
        ForeignKey("tenants.id"), primary_key=True, sort_order=-2
    )
    rounding_max: Mapped[Decimal]
    bank_fee_max: Mapped[Decimal]
    bank_fee_share_max: Mapped[Decimal] = mapped_column(Numeric(5, 4))
    processor_fee_share_max: Mapped[Decimal] = mapped_column(Numeric(5, 4))
    discount_share_max: Mapped[Decimal] = mapped_column(Numeric(5, 4))
    discount_days_max: Mapped[int]
    exchange_share_max: Mapped[Decimal] = mapped_column(Numeric(5, 4))
    credit_overpayments: Mapped[bool]
    apply_differences: Mapped[bool]
    apply_credits: Mapped[bool]
