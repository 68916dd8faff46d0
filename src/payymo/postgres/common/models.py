"""The standardised tables: provider-agnostic, and what the API reads."""

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
    SmallInteger,
    UniqueConstraint,
    false,
)
from sqlalchemy.orm import Mapped, mapped_column, relationship
from uuid_utils.compat import uuid7

from payymo.domain.enums import (
    AccessScope,
    AccountSelection,
    AccountStatus,
    AccountType,
    BalanceType,
    CallOutcome,
    CategorySource,
    ChangeKind,
    Completeness,
    ConnectionStatus,
    ConsentStatus,
    EventKind,
    EventSubject,
    FaultKind,
    IdentityTier,
    ProofReason,
    ProofStatus,
    Provider,
    RunStatus,
    SyncRemark,
    SyncTrigger,
    TransactionMatchStatus,
    TransactionStatus,
)
from payymo.postgres.categories.models import Category
from payymo.postgres.core import Base, Stamped, TenantRow, tenant_reference


class Faulted:
    """What went wrong with a row's subject, as it was judged.

    :ivar error_kind: Whose matter it is; absent for what was noted before that was judged.
    :ivar error_code: What went wrong, for programs.
    :ivar error_message: What happened and what to do, in a sentence.
    :ivar error_provider_code: The provider's own word for it, where given.
    :ivar error_http_status: The provider's HTTP status, where there was an answer.
    :ivar error_request_id: By what name the provider can find the request again, where given.
    """

    error_kind: Mapped[FaultKind | None]
    error_code: Mapped[str | None]
    error_message: Mapped[str | None]
    error_provider_code: Mapped[str | None]
    error_http_status: Mapped[int | None] = mapped_column(SmallInteger)
    error_request_id: Mapped[str | None]


class Institution(Stamped, Base):
    """A bank that a provider can connect: the same for every tenant.

    :ivar reference: The provider's id of the bank.
    """

    __tablename__ = "institutions"
    __table_args__ = (UniqueConstraint("provider", "reference"),)

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid7)
    provider: Mapped[Provider]
    reference: Mapped[str]
    name: Mapped[str]
    bic: Mapped[str | None]
    logo_url: Mapped[str | None]
    countries: Mapped[list[str]]
    history_days_max: Mapped[int]
    consent_days_max: Mapped[int]
    features: Mapped[list[str]]
    fetched_at: Mapped[datetime]


class InstitutionRefresh(Base):
    """When a provider was last asked for its banks.

    :ivar country: ISO 3166-1 alpha-2 code; blank for all countries in one answer.
    """

    __tablename__ = "institution_refreshes"

    provider: Mapped[Provider] = mapped_column(primary_key=True)
    country: Mapped[str] = mapped_column(primary_key=True)
    refreshed_at: Mapped[datetime]


class Connection(Stamped, Faulted, TenantRow):
    """A tenant's connection to a bank; consents come and go, it stays.

    :ivar name: What the tenant calls it: tells several logins at one bank apart.
    :ivar account_selection: Whether accounts are read at once, or offered first.
    :ivar expires_at: When the present consent ends.
    :ivar next_sync_at: When what is not read yet is asked for again.
    """

    __tablename__ = "connections"

    tenant_id: Mapped[UUID] = mapped_column(
        ForeignKey("tenants.id"), primary_key=True, sort_order=-2
    )
    provider: Mapped[Provider]
    institution_id: Mapped[UUID] = mapped_column(ForeignKey("institutions.id"))
    name: Mapped[str | None]
    account_selection: Mapped[AccountSelection] = mapped_column(
        default=AccountSelection.ALL, server_default=AccountSelection.ALL.value
    )
    status: Mapped[ConnectionStatus]
    expires_at: Mapped[datetime | None]
    last_synced_at: Mapped[datetime | None]
    next_sync_at: Mapped[datetime | None]
    created_by: Mapped[UUID | None]

    institution: Mapped[Institution] = relationship(lazy="joined", innerjoin=True)


class BankConsent(Stamped, TenantRow):
    """One consent of a connection, asked for, granted, ended or replaced.

    :ivar reference: Our own unguessable name for it: what the callback brings back.
    :ivar provider_reference: The provider's id of it.
    :ivar detail: The provider's own word for how it stands, or what happened to it.
    :ivar error_code: Why it was not given, for programs.
    :ivar error_message: The same in a sentence.
    """

    __tablename__ = "consents"
    __table_args__ = (
        tenant_reference("connection_id", "connections", ondelete="CASCADE"),
        Index(None, "tenant_id", "connection_id"),
        UniqueConstraint("tenant_id", "reference"),
    )

    connection_id: Mapped[UUID]
    status: Mapped[ConsentStatus]
    reference: Mapped[str]
    provider_reference: Mapped[str]
    consent_url: Mapped[str]
    return_url: Mapped[str | None]
    history_days: Mapped[int]
    access_days: Mapped[int]
    granted_at: Mapped[datetime | None]
    expires_at: Mapped[datetime | None]
    detail: Mapped[str | None]
    error_code: Mapped[str | None]
    error_message: Mapped[str | None]


class Event(TenantRow):
    """Something that a tenant should hear of: messages and webhooks are made from it.

    :ivar subject_id: What it is about; it may be gone by now.
    :ivar payload: More about it; never a name or a number of an account.
    :ivar dedupe_key: What happened, in words that are the same for the same thing.
    """

    __tablename__ = "events"
    __table_args__ = (
        UniqueConstraint("tenant_id", "dedupe_key"),
        Index(None, "tenant_id", "occurred_at", "id"),
    )

    tenant_id: Mapped[UUID] = mapped_column(
        ForeignKey("tenants.id"), primary_key=True, sort_order=-2
    )
    kind: Mapped[EventKind]
    subject_kind: Mapped[EventSubject]
    subject_id: Mapped[UUID]
    occurred_at: Mapped[datetime]
    payload: Mapped[Mapping[str, Any]]
    dedupe_key: Mapped[str]


class Account(Stamped, Faulted, TenantRow):
    """A bank account.

    :ivar provider_reference: The provider's id of it under the present consent.
    :ivar name: What the tenant calls it: at first what the bank calls it.
    :ivar provider_name: What the bank calls it, where it does.
    :ivar is_offered: The tenant is asked whether it is read, or which one it was before; until
        then nothing of it is.
    :ivar synced_through: Last day up to which booked transactions are known.
    :ivar proof_status: Whether it adds up; absent until that was looked at.
    :ivar proof_reason: Why that cannot be said, where it cannot.
    :ivar proved_through: Last day that was proved.
    :ivar failure_count: Failures in a row; the account rests when there are too many.
    :ivar retry_at: The account is left alone until then.
    """

    __tablename__ = "accounts"
    __table_args__ = (
        tenant_reference("connection_id", "connections", ondelete="CASCADE"),
        tenant_reference("consent_id", "consents"),
        UniqueConstraint("tenant_id", "connection_id", "provider_reference"),
    )

    connection_id: Mapped[UUID]
    consent_id: Mapped[UUID]
    provider_reference: Mapped[str]
    resource_id: Mapped[str | None]
    iban: Mapped[str | None]
    bban: Mapped[str | None]
    bic: Mapped[str | None]
    masked_number: Mapped[str | None]
    name: Mapped[str]
    provider_name: Mapped[str | None]
    owner_name: Mapped[str | None]
    product: Mapped[str | None]
    currency: Mapped[str | None]
    account_type: Mapped[AccountType]
    status: Mapped[AccountStatus]
    is_sync_enabled: Mapped[bool] = mapped_column(default=True)
    is_offered: Mapped[bool] = mapped_column(default=False, server_default=false())
    details_fetched_at: Mapped[datetime | None]
    synced_through: Mapped[date | None]
    last_synced_at: Mapped[datetime | None]
    proof_status: Mapped[ProofStatus | None]
    proof_reason: Mapped[ProofReason | None]
    proved_through: Mapped[date | None]
    failure_count: Mapped[int] = mapped_column(default=0)
    retry_at: Mapped[datetime | None]

    connection: Mapped[Connection] = relationship(lazy="joined", innerjoin=True)


class AccountQuota(Stamped, TenantRow):
    """What is known of one account's calls of one scope; few enough to be read and written whole.

    :ivar provider_reference: The provider's id of the account that the calls were made under.
    :ivar allowance: An :class:`~payymo.domain.quotas.Allowance`.
    """

    __tablename__ = "account_quotas"
    __table_args__ = (
        tenant_reference("account_id", "accounts", ondelete="CASCADE"),
        UniqueConstraint("tenant_id", "account_id", "scope"),
    )

    account_id: Mapped[UUID]
    scope: Mapped[AccessScope]
    provider_reference: Mapped[str | None]
    allowance: Mapped[Mapping[str, Any]]


class CallCount(Base):
    """How many calls to a provider became what: the same for every tenant."""

    __tablename__ = "call_counts"

    provider: Mapped[Provider] = mapped_column(primary_key=True)
    scope: Mapped[AccessScope] = mapped_column(primary_key=True)
    outcome: Mapped[CallOutcome] = mapped_column(primary_key=True)
    calls: Mapped[int] = mapped_column(BigInteger)


class Balance(TenantRow):
    """A balance as reported; a changed one is a new row, so that history stays.

    :ivar observed_at: When it was first reported so.
    :ivar last_observed_at: When it was last reported so.
    :ivar retracted_at: When the only runs that brought it were taken back: the row counts no more.
    """

    __tablename__ = "balances"
    __table_args__ = (
        tenant_reference("account_id", "accounts", ondelete="CASCADE"),
        Index(None, "tenant_id", "account_id", "observed_at"),
    )

    account_id: Mapped[UUID]
    balance_type: Mapped[BalanceType]
    amount: Mapped[Decimal]
    currency: Mapped[str]
    credit_limit_included: Mapped[bool | None]
    reference_date: Mapped[date | None]
    changed_at: Mapped[str | None]
    observed_at: Mapped[datetime]
    last_observed_at: Mapped[datetime]
    retracted_at: Mapped[datetime | None]


class BalanceProof(TenantRow):
    """Whether one day of an account adds up; see :mod:`payymo.domain.ledger.proof`.

    :ivar booked: Sum of the day's booked rows.
    :ivar opening: Balance at its beginning, where proved or failed.
    :ivar closing: Balance at its end as the bank has it, where proved or failed.
    :ivar difference: What the bank has more than opening and rows come to, where failed and told.
    :ivar agreed_on: Last day before it on which bank and rows agreed, where failed.
    """

    __tablename__ = "balance_proofs"
    __table_args__ = (
        tenant_reference("account_id", "accounts", ondelete="CASCADE"),
        UniqueConstraint("tenant_id", "account_id", "day", "currency"),
    )

    account_id: Mapped[UUID]
    currency: Mapped[str]
    day: Mapped[date]
    status: Mapped[ProofStatus]
    reason: Mapped[ProofReason | None]
    row_count: Mapped[int]
    booked: Mapped[Decimal]
    opening: Mapped[Decimal | None]
    closing: Mapped[Decimal | None]
    difference: Mapped[Decimal | None]
    agreed_on: Mapped[date | None]
    told_at: Mapped[datetime]


class CoverageRow(TenantRow):
    """The days of an account that one answer made known.

    :ivar asked_from: First day asked for; absent when all was, or where it is not remembered.
    :ivar sync_run_id: Run that asked; absent for what was known before it was noted.
    :ivar is_firm: What it lacks, the bank lacked; see
        :class:`payymo.domain.ledger.coverage.Claim`.
    :ivar retracted_at: When the run was taken back: the row counts no more.
    """

    __tablename__ = "coverage_spans"
    __table_args__ = (
        tenant_reference("account_id", "accounts", ondelete="CASCADE"),
        tenant_reference("consent_id", "consents", ondelete="CASCADE"),
        tenant_reference("sync_run_id", "sync_runs", ondelete="CASCADE"),
        Index(None, "tenant_id", "account_id", "learnt_at"),
    )

    account_id: Mapped[UUID]
    consent_id: Mapped[UUID]
    sync_run_id: Mapped[UUID | None]
    asked_from: Mapped[date | None]
    first_day: Mapped[date]
    last_day: Mapped[date]
    completeness: Mapped[Completeness]
    is_firm: Mapped[bool] = mapped_column(server_default=false())
    learnt_at: Mapped[datetime]
    retracted_at: Mapped[datetime | None]


class SyncRun(Faulted, TenantRow):
    """One attempt to bring a connection up to date.

    :ivar job_id: The background job that it ran in.
    :ivar reverts: The run that it took back.
    :ivar remark: Why it brought nothing, where nothing failed.
    """

    __tablename__ = "sync_runs"
    __table_args__ = (
        tenant_reference("reverts", "sync_runs", ondelete="CASCADE"),
        tenant_reference("connection_id", "connections", ondelete="CASCADE"),
        Index(None, "tenant_id", "connection_id", "started_at"),
    )

    connection_id: Mapped[UUID]
    job_id: Mapped[UUID | None]
    trigger: Mapped[SyncTrigger]
    reverts: Mapped[UUID | None]
    status: Mapped[RunStatus]
    started_at: Mapped[datetime]
    finished_at: Mapped[datetime | None]
    remark_code: Mapped[SyncRemark | None]
    remark: Mapped[str | None]

    accounts: Mapped[list["SyncRunAccount"]] = relationship(
        lazy="selectin", order_by="SyncRunAccount.id", viewonly=True
    )


class SyncRunAccount(Faulted, TenantRow):
    """What one sync run did for one account.

    :ivar since: First day asked for; absent when all history was.
    :ivar retry_at: When it is worth trying again, where something failed.
    :ivar remark: Why it brought nothing, where nothing failed.
    """

    __tablename__ = "sync_run_accounts"
    __table_args__ = (
        tenant_reference("sync_run_id", "sync_runs", ondelete="CASCADE"),
        tenant_reference("account_id", "accounts", ondelete="CASCADE"),
        Index(None, "tenant_id", "sync_run_id"),
        Index(None, "tenant_id", "account_id"),
    )

    sync_run_id: Mapped[UUID]
    account_id: Mapped[UUID]
    status: Mapped[RunStatus]
    since: Mapped[date | None]
    until: Mapped[date | None]
    pulled_count: Mapped[int] = mapped_column(default=0)
    added_count: Mapped[int] = mapped_column(default=0)
    updated_count: Mapped[int] = mapped_column(default=0)
    unchanged_count: Mapped[int] = mapped_column(default=0)
    superseded_count: Mapped[int] = mapped_column(default=0)
    retry_at: Mapped[datetime | None]
    remark_code: Mapped[SyncRemark | None]
    remark: Mapped[str | None]


class Transaction(Stamped, TenantRow):
    """A bank transaction.

    :ivar amount: Signed: positive is money in.
    :ivar transaction_date: The day that people go by: the bank's preferred date, else the day on
        which it was first seen. Never absent, so that every row has a place in the list.
    :ivar provider_transaction_id: The bank's id; neither unique nor stable.
    :ivar fingerprint: SHA-256 of amount, currency, date and normalised text.
    :ivar occurrence: Which of several rows with one fingerprint this is, from 1.
    :ivar raw_id: The raw row that it was last written from.
    :ivar added_by: The sync run that added it; absent where that was before it was noted.
    :ivar identity_tier: By which evidence its latest row was recognised.
    :ivar missing_since: When the bank first left it out of an answer that should hold it.
    :ivar superseded_by: The booked row that took a closed pending row's place, where known.
    :ivar allocated: What of it has its place: on invoices or as a customer's credit, and of money
        out (less than zero) what refunds credit; kept by the database itself.
    :ivar deleted_at: When a person deleted it: it is shown and counted no more, and still
        recognised, so that no answer of the bank brings it back.
    :ivar category_id: What it is for; absent where nobody knows, or a person said that nothing is.
    :ivar category_source: Who said so. What a person said, no rule and no sync changes.
    :ivar category_rule_id: The rule that said so; absent once that is gone.
    :ivar categorised_at: When that was said.
    :ivar split_total: What the parts come to into which a person divided it; absent without any.
    :ivar split_currency: The currency that they are in.
    """

    __tablename__ = "transactions"
    __table_args__ = (
        tenant_reference("account_id", "accounts", ondelete="CASCADE"),
        tenant_reference("superseded_by", "transactions"),
        tenant_reference("added_by", "sync_runs"),
        tenant_reference("category_id", "categories"),
        tenant_reference(
            "category_rule_id", "category_rules", ondelete="SET NULL (category_rule_id)"
        ),
        # With the status, a page's total is counted without touching the table.
        Index(
            None,
            "tenant_id",
            "transaction_date",
            "id",
            postgresql_include=["status"],
            postgresql_where="deleted_at IS NULL",
        ),
        Index(
            "ix_transactions_deleted",
            "tenant_id",
            "transaction_date",
            "id",
            postgresql_where="deleted_at IS NOT NULL",
        ),
        Index(None, "tenant_id", "account_id", "transaction_date", "id"),
        Index(
            "ix_transactions_unexplained",
            "tenant_id",
            "currency",
            postgresql_where="status = 'booked' AND amount > allocated",
        ),
        Index(
            "ix_transactions_category",
            "tenant_id",
            "category_id",
            "transaction_date",
            "id",
            postgresql_where="category_id IS NOT NULL",
        ),
        Index(
            "ix_transactions_category_rule",
            "tenant_id",
            "category_rule_id",
            postgresql_where="category_rule_id IS NOT NULL",
        ),
        Index(
            "ix_transactions_category_chosen",
            "tenant_id",
            "categorised_at",
            postgresql_where="category_source = 'user'",
        ),
        CheckConstraint("deleted_at IS NULL OR allocated = 0", name="deleted_pays_nothing"),
        CheckConstraint(
            "category_rule_id IS NULL OR category_source = 'rule'", name="rule_is_the_source"
        ),
        CheckConstraint(
            "category_id IS NOT NULL OR category_source IN ('none', 'user')",
            name="source_has_category",
        ),
        CheckConstraint(
            "category_id IS NULL OR category_source <> 'none'", name="category_has_source"
        ),
    )

    account_id: Mapped[UUID]
    status: Mapped[TransactionStatus]
    amount: Mapped[Decimal]
    currency: Mapped[str]
    transaction_date: Mapped[date]
    booking_date: Mapped[date | None]
    value_date: Mapped[date | None]
    provider_transaction_id: Mapped[str | None]
    internal_id: Mapped[str | None]
    entry_reference: Mapped[str | None]
    trusted_id: Mapped[str | None]
    end_to_end_id: Mapped[str | None]
    mandate_id: Mapped[str | None]
    creditor_id: Mapped[str | None]
    counterparty_name: Mapped[str | None]
    counterparty_iban: Mapped[str | None]
    counterparty_account: Mapped[str | None]
    payee: Mapped[str | None]
    description: Mapped[str | None]
    remittance: Mapped[str | None]
    structured_reference: Mapped[str | None]
    purpose_code: Mapped[str | None]
    bank_transaction_code: Mapped[str | None]
    proprietary_code: Mapped[str | None]
    merchant_category_code: Mapped[str | None]
    exchange_rate: Mapped[Decimal | None] = mapped_column(Numeric(24, 12))
    instructed_amount: Mapped[Decimal | None]
    instructed_currency: Mapped[str | None]
    balance_after: Mapped[Decimal | None]
    balance_after_type: Mapped[BalanceType | None]
    balance_after_currency: Mapped[str | None]
    fingerprint: Mapped[bytes]
    occurrence: Mapped[int]
    raw_id: Mapped[UUID]
    added_by: Mapped[UUID | None]
    identity_version: Mapped[int] = mapped_column(SmallInteger)
    identity_tier: Mapped[IdentityTier]
    missing_since: Mapped[datetime | None]
    superseded_by: Mapped[UUID | None]
    category_id: Mapped[UUID | None]
    category_source: Mapped[CategorySource] = mapped_column(
        default=CategorySource.NONE, server_default=CategorySource.NONE.value
    )
    category_rule_id: Mapped[UUID | None]
    categorised_at: Mapped[datetime | None]
    note: Mapped[str | None]
    allocated: Mapped[Decimal] = mapped_column(server_default="0", default=Decimal(0))
    match_status: Mapped[TransactionMatchStatus] = mapped_column(
        default=TransactionMatchStatus.UNMATCHED,
        server_default=TransactionMatchStatus.UNMATCHED.value,
    )
    is_credit: Mapped[bool] = mapped_column(Computed("amount > 0", persisted=True))
    deleted_at: Mapped[datetime | None]
    deleted_by: Mapped[UUID | None]
    split_total: Mapped[Decimal | None]
    split_currency: Mapped[str | None]

    account: Mapped[Account] = relationship(viewonly=True)


class TransactionSplit(Stamped, TenantRow):
    """A part of a transaction, as a person divided it.

    :ivar position: Which part it is, from 1.
    :ivar amount: Signed as the transaction's; a part of the other sign takes from the rest.
    """

    __tablename__ = "transaction_splits"
    __table_args__ = (
        tenant_reference("transaction_id", "transactions", ondelete="CASCADE"),
        tenant_reference("category_id", "categories"),
        Index(None, "tenant_id", "category_id"),
        UniqueConstraint("tenant_id", "transaction_id", "position"),
        CheckConstraint("amount <> 0", name="amount_not_zero"),
    )

    transaction_id: Mapped[UUID]
    position: Mapped[int] = mapped_column(SmallInteger)
    amount: Mapped[Decimal]
    currency: Mapped[str]
    category_id: Mapped[UUID | None]
    note: Mapped[str | None]

    category: Mapped[Category | None] = relationship(lazy="joined", viewonly=True)


class TransactionChange(TenantRow):
    """What a known transaction was before a sync run changed it: what an undo goes back to.

    :ivar kind: What the run did to it.
    :ivar raw_id: The raw row that it was written from before.
    """

    __tablename__ = "transaction_changes"
    __table_args__ = (
        tenant_reference("sync_run_id", "sync_runs", ondelete="CASCADE"),
        tenant_reference("transaction_id", "transactions", ondelete="CASCADE"),
        Index(None, "tenant_id", "sync_run_id"),
        Index(None, "tenant_id", "transaction_id"),
    )

    sync_run_id: Mapped[UUID]
    transaction_id: Mapped[UUID]
    kind: Mapped[ChangeKind]
    changed_at: Mapped[datetime]
    raw_id: Mapped[UUID]
    status: Mapped[TransactionStatus]
    transaction_date: Mapped[date]
    occurrence: Mapped[int]
    identity_version: Mapped[int] = mapped_column(SmallInteger)
    identity_tier: Mapped[IdentityTier]
    missing_since: Mapped[datetime | None]
    superseded_by: Mapped[UUID | None]
