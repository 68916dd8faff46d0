"""What transactions are for, as each tenant sees it."""

from decimal import Decimal
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, text, true
from sqlalchemy.orm import Mapped, mapped_column

from payymo.domain.enums import CategoryKind, Direction
from payymo.postgres.core import Stamped, TenantRow, tenant_reference


class Category(Stamped, TenantRow):
    """What transactions are for.

    :ivar key: Which of Payymo's own it is; absent for a tenant's.
    :ivar is_active: Whether it may be assigned; what has it keeps it either way.
    """

    __tablename__ = "categories"
    __table_args__ = (
        Index("uq_categories_tenant_id_name", "tenant_id", text("lower(name)"), unique=True),
        Index(
            "uq_categories_tenant_id_key",
            "tenant_id",
            "key",
            unique=True,
            postgresql_where="key IS NOT NULL",
        ),
    )

    tenant_id: Mapped[UUID] = mapped_column(
        ForeignKey("tenants.id"), primary_key=True, sort_order=-2
    )
    name: Mapped[str]
    kind: Mapped[CategoryKind]
    key: Mapped[str | None]
    is_active: Mapped[bool] = mapped_column(default=True, server_default=true())


class CategoryRule(Stamped, TenantRow):
    """Assigns a category to transactions of which all conditions hold that are given.

    :ivar position: Which rule it is, from 1: the first that matches decides.
    :ivar payees: Parts of the payee or the counterparty; any of them suffices.
    :ivar texts: Parts of the description or the remittance; any of them suffices.
    :ivar merchant_category_codes: ISO 18245 codes, or ranges of them (``3000-3350``).
    :ivar bank_transaction_codes: ISO 20022 codes, or their beginnings (``PMNT-CCRD``).
    :ivar currency: Of the transaction; needed for amounts.
    :ivar min_amount: Least amount, whatever its sign.
    :ivar max_amount: Greatest amount, whatever its sign.
    """

    __tablename__ = "category_rules"
    __table_args__ = (
        tenant_reference("category_id", "categories"),
        tenant_reference("account_id", "accounts", ondelete="CASCADE"),
        Index(None, "tenant_id", "position"),
        CheckConstraint(
            "currency IS NOT NULL OR (min_amount IS NULL AND max_amount IS NULL)",
            name="amount_has_currency",
        ),
    )

    category_id: Mapped[UUID]
    position: Mapped[int]
    name: Mapped[str]
    is_enabled: Mapped[bool] = mapped_column(default=True, server_default=true())
    payees: Mapped[list[str]] = mapped_column(server_default="{}")
    texts: Mapped[list[str]] = mapped_column(server_default="{}")
    merchant_category_codes: Mapped[list[str]] = mapped_column(server_default="{}")
    bank_transaction_codes: Mapped[list[str]] = mapped_column(server_default="{}")
    direction: Mapped[Direction | None]
    currency: Mapped[str | None]
    min_amount: Mapped[Decimal | None]
    max_amount: Mapped[Decimal | None]
    account_id: Mapped[UUID | None]
