"""The raw tables of GoCardless Bank Account Data: appended to, never changed."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ARRAY, ForeignKey, Index, SmallInteger, UniqueConstraint, Uuid, false
from sqlalchemy.dialects.postgresql import INT4MULTIRANGE, Range
from sqlalchemy.orm import Mapped, mapped_column

from payymo.domain.enums import AccessScope, IdentityTier
from payymo.postgres.core import Base, TenantRow, tenant_reference


class GcToken(Base):
    """The access token that all workers share, encrypted.

    :ivar credentials_hash: SHA-256 of address and secret id: whose token it is.
    """

    __tablename__ = "gc_tokens"

    credentials_hash: Mapped[bytes] = mapped_column(primary_key=True)
    access: Mapped[bytes]
    access_expires_at: Mapped[datetime]
    refresh: Mapped[bytes]
    refresh_expires_at: Mapped[datetime]


class GcInstitution(Base):
    """A bank as GoCardless describes it: the same for every tenant."""

    __tablename__ = "gc_institutions"

    reference: Mapped[str] = mapped_column(primary_key=True)
    content_hash: Mapped[bytes] = mapped_column(primary_key=True)
    payload: Mapped[Mapping[str, Any]]
    fetched_at: Mapped[datetime]


class GcAgreement(TenantRow):
    """An end user agreement, each time that it said something new."""

    __tablename__ = "gc_agreements"
    __table_args__ = (UniqueConstraint("tenant_id", "reference", "content_hash"),)

    tenant_id: Mapped[UUID] = mapped_column(
        ForeignKey("tenants.id"), primary_key=True, sort_order=-2
    )
    reference: Mapped[str]
    content_hash: Mapped[bytes]
    payload: Mapped[Mapping[str, Any]]
    fetched_at: Mapped[datetime]


class GcRequisitionLink(TenantRow):
    """A requisition, each time that it said something new."""

    __tablename__ = "gc_requisition_links"
    __table_args__ = (UniqueConstraint("tenant_id", "reference", "content_hash"),)

    tenant_id: Mapped[UUID] = mapped_column(
        ForeignKey("tenants.id"), primary_key=True, sort_order=-2
    )
    reference: Mapped[str]
    content_hash: Mapped[bytes]
    payload: Mapped[Mapping[str, Any]]
    fetched_at: Mapped[datetime]


class GcBankAccount(TenantRow):
    """An account's metadata and details, each time that they said something new."""

    __tablename__ = "gc_bank_accounts"
    __table_args__ = (UniqueConstraint("tenant_id", "reference", "content_hash"),)

    tenant_id: Mapped[UUID] = mapped_column(
        ForeignKey("tenants.id"), primary_key=True, sort_order=-2
    )
    reference: Mapped[str]
    content_hash: Mapped[bytes]
    payload: Mapped[Mapping[str, Any]]
    fetched_at: Mapped[datetime]


class GcFetch(TenantRow):
    """One successful answer about an account.

    :ivar since: First day asked for; absent when all was.
    :ivar row_count: Rows in the answer, whether new or known.
    :ivar last_updated: When GoCardless last asked the bank, as written.
    :ivar request_id: By what name GoCardless can find the request again, where told.
    :ivar positions: The raw rows that the answer consists of; absent for answers from before it
        was noted, and for other scopes than transactions.
    :ivar position_max: Position of the account's last raw row after the answer.
    :ivar is_overtaken: A later answer was entered before this one.
    :ivar balance_ids: The rows of ``balances`` that the answer said; only for that scope.
    """

    __tablename__ = "gc_fetches"
    __table_args__ = (
        tenant_reference("account_id", "accounts", ondelete="CASCADE"),
        tenant_reference("sync_run_id", "sync_runs", ondelete="CASCADE"),
        Index(None, "tenant_id", "account_id", "fetched_at"),
    )

    account_id: Mapped[UUID]
    sync_run_id: Mapped[UUID]
    scope: Mapped[AccessScope]
    fetched_at: Mapped[datetime]
    since: Mapped[date | None]
    until: Mapped[date | None]
    row_count: Mapped[int]
    last_updated: Mapped[str | None]
    request_id: Mapped[str | None]
    positions: Mapped[Sequence[Range[int]] | None] = mapped_column(INT4MULTIRANGE)
    position_max: Mapped[int | None]
    is_overtaken: Mapped[bool] = mapped_column(server_default=false(), default=False)
    balance_ids: Mapped[list[UUID] | None] = mapped_column(ARRAY(Uuid()))


class GcBalance(TenantRow):
    """A balance, each time that it said something new."""

    __tablename__ = "gc_balances"
    __table_args__ = (
        tenant_reference("account_id", "accounts", ondelete="CASCADE"),
        tenant_reference("fetch_id", "gc_fetches", ondelete="CASCADE"),
        UniqueConstraint("tenant_id", "account_id", "content_hash"),
    )

    account_id: Mapped[UUID]
    fetch_id: Mapped[UUID]
    content_hash: Mapped[bytes]
    payload: Mapped[Mapping[str, Any]]


class GcTransaction(TenantRow):
    """A transaction's payload, the first time that it was received so.

    :ivar content_hash: SHA-256 of the canonical JSON, taken before any cleaning.
    :ivar occurrence: Which of several equal payloads of one answer it is, from 1.
    :ivar position: Which raw row of its account it is, from 1 in the order of arrival.
    :ivar transaction_id: The standardised row that it speaks of; absent, like version and tier,
        while the payload cannot be understood.
    """

    __tablename__ = "gc_transactions"
    __table_args__ = (
        tenant_reference("account_id", "accounts", ondelete="CASCADE"),
        tenant_reference("fetch_id", "gc_fetches", ondelete="CASCADE"),
        Index(None, "tenant_id", "transaction_id"),
        UniqueConstraint("tenant_id", "account_id", "content_hash", "is_booked", "occurrence"),
    )

    account_id: Mapped[UUID]
    fetch_id: Mapped[UUID]
    transaction_id: Mapped[UUID | None]
    is_booked: Mapped[bool]
    content_hash: Mapped[bytes]
    occurrence: Mapped[int]
    position: Mapped[int]
    identity_version: Mapped[int | None] = mapped_column(SmallInteger)
    identity_tier: Mapped[IdentityTier | None]
    payload: Mapped[Mapping[str, Any]]
