"""Bank accounts."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from types import MappingProxyType
from uuid import UUID

from sqlalchemy import Select, func, select, update
from sqlalchemy.orm import Session

from payymo.domain.banking import AccountRecord
from payymo.domain.enums import AccountStatus, AccountType, FaultKind, FaultReach
from payymo.domain.errors import NotFoundError, RuleError
from payymo.domain.faults import Fault
from payymo.domain.ledger.accounts import KnownAccount, pair_accounts
from payymo.postgres.common.models import Account
from payymo.postgres.common.operations.faults import fault_columns, note_fault
from payymo.postgres.core import Page

#: How many digits of an account number are shown where the bank gives the account no name.
DIGITS_SHOWN = 4

#: Why an account is not read that the present consent leaves out.
NOT_IN_CONSENT = "not_in_consent"

#: Why an account is offered that another connection reads.
ALREADY_CONNECTED = "already_connected"

_LEFT_OUT = Fault(
    FaultKind.CONSENT,
    FaultReach.ACCOUNT,
    NOT_IN_CONSENT,
    "The present consent does not include this account: renew the connection and choose it.",
)
#: What an account takes over from the one that it turns out to be.
_MOVED = (
    "provider_reference",
    "consent_id",
    "resource_id",
    "iban",
    "bban",
    "bic",
    "masked_number",
    "provider_name",
    "owner_name",
    "product",
    "currency",
    "details_fetched_at",
)


def list_accounts(
    session: Session,
    tenant_id: UUID,
    *,
    connection_id: UUID | None = None,
    page: int = 1,
    per_page: int = 100,
) -> Page[Account]:
    """Return the tenant's accounts, in the order in which they were found.

    :param session: Open session; the caller manages the transaction.
    :param tenant_id: Tenant that owns them.
    :param connection_id: Only those of this connection.
    :param page: Page, from 1.
    :param per_page: Rows of a page.
    """
    statement = select(Account).where(Account.tenant_id == tenant_id)
    if connection_id is not None:
        statement = statement.where(Account.connection_id == connection_id)
    total = session.scalar(
        select(func.count()).select_from(statement.with_only_columns(Account.id).subquery())
    )
    rows = session.scalars(
        statement.order_by(Account.id).offset((page - 1) * per_page).limit(per_page)
    )
    return Page(rows=rows.all(), total=total or 0)


def list_connection_accounts(
    session: Session, tenant_id: UUID, connection_id: UUID
) -> Sequence[Account]:
    """Return all accounts of a connection, in the order in which they were found.

    :param session: Open session; the caller manages the transaction.
    :param tenant_id: Tenant that owns them.
    :param connection_id: Connection that they belong to.
    """
    return session.scalars(
        select(Account)
        .where(Account.tenant_id == tenant_id, Account.connection_id == connection_id)
        .order_by(Account.id)
    ).all()


def get_account(session: Session, tenant_id: UUID, account_id: UUID) -> Account:
    """Return one of the tenant's accounts.

    :param session: Open session; the caller manages the transaction.
    :param tenant_id: Tenant that must own it.
    :param account_id: Account to return.
    :raises NotFoundError: If the tenant has no such account.
    """
    return _one(
        session, select(Account).where(Account.tenant_id == tenant_id, Account.id == account_id)
    )


def lock_account(session: Session, tenant_id: UUID, account_id: UUID) -> Account:
    """Return an account as it stands now, and keep others from changing it.

    :param session: Open session; the lock lasts as long as its transaction.
    :param tenant_id: Tenant that must own it.
    :param account_id: Account to lock.
    :raises NotFoundError: If the tenant has no such account.
    """
    return _one(
        session,
        select(Account)
        .where(Account.tenant_id == tenant_id, Account.id == account_id)
        .with_for_update(of=Account)
        .execution_options(populate_existing=True),
    )


def update_account(
    session: Session,
    tenant_id: UUID,
    account_id: UUID,
    *,
    name: str | None,
    is_sync_enabled: bool | None,
) -> Account:
    """Change what a tenant may change of an account, and return it.

    :param session: Open session; the caller manages the transaction.
    :param tenant_id: Tenant that must own it.
    :param account_id: Account to change.
    :param name: What to call it; ``None`` leaves it.
    :param is_sync_enabled: Whether it is synced; ``None`` leaves it.
    :raises NotFoundError: If the tenant has no such account.
    """
    account = get_account(session, tenant_id, account_id)
    if name is not None:
        account.name = name
    if is_sync_enabled is not None:
        account.is_sync_enabled = is_sync_enabled
        account.is_offered = False
        if account.error_code == ALREADY_CONNECTED:
            note_fault(account, None)
    session.flush()
    return account


def record_accounts(
    session: Session,
    tenant_id: UUID,
    connection_id: UUID,
    consent_id: UUID,
    records: Sequence[AccountRecord],
    *,
    details_fetched_at: Mapping[str, datetime] = MappingProxyType({}),
    are_new_offered: bool = False,
) -> Sequence[Account]:
    """Store the accounts that a consent opens: known ones are found again, others are added.

    A known account keeps its id, its history and the name that the tenant gave it.

    :param session: Open session; the caller manages the transaction.
    :param tenant_id: Tenant that owns the connection.
    :param connection_id: Connection that they belong to.
    :param consent_id: Consent that opens them.
    :param records: The accounts, as the provider describes them.
    :param details_fetched_at: When the bank told the details (aware), by the provider's ids of
        the accounts for which it did.
    :param are_new_offered: Whether the tenant is asked of new ones before anything of them is read.
    :returns: The accounts, in the order of the records.
    """
    known = list_connection_accounts(session, tenant_id, connection_id)
    by_id = {account.id: account for account in known}
    pairs = pair_accounts([describe_account(account) for account in known], records)
    accounts = []
    for record in records:
        account = by_id.get(pairs[record.reference]) if record.reference in pairs else None
        if account is None:
            account = Account(
                tenant_id=tenant_id,
                connection_id=connection_id,
                name=_display_name(record),
                account_type=record.account_type,
                is_sync_enabled=not are_new_offered,
                is_offered=are_new_offered,
            )
            session.add(account)
        _describe(account, record, consent_id)
        account.details_fetched_at = details_fetched_at.get(
            record.reference, account.details_fetched_at
        )
        accounts.append(account)
    session.flush()
    return accounts


def join_account(
    session: Session, tenant_id: UUID, account_id: UUID, *, predecessor_id: UUID
) -> Account:
    """Let an account that was offered be one that we had, and return that one.

    The provider's id moves to it; its own id, history, name and edits stay.

    :param session: Open session; the caller manages the transaction.
    :param tenant_id: Tenant that must own both.
    :param account_id: Account that was offered, of which nothing was read.
    :param predecessor_id: Account of the same connection that the present consent left out.
    :raises NotFoundError: If the tenant has no such accounts.
    :raises RuleError: If the two cannot be one account.
    """
    # Locked in one order, so that two who join at once wait for each other.
    locked = {
        one: lock_account(session, tenant_id, one) for one in sorted((account_id, predecessor_id))
    }
    account, predecessor = locked[account_id], locked[predecessor_id]
    _check_joinable(account, predecessor)
    take_over(session, predecessor, account)
    session.flush()
    return predecessor


def take_over(session: Session, account: Account, double: Account) -> None:
    """Let an account be read as another was to be, and remove that one.

    :param session: Open session; the caller manages the transaction.
    :param account: Account that stays, with its id, history, name and edits.
    :param double: Account of which nothing was read.
    """
    moved = {name: getattr(double, name) for name in _MOVED}
    session.delete(double)
    session.flush()  # frees the provider's id
    for name, value in moved.items():
        setattr(account, name, value if value is not None else getattr(account, name))
    account.status = AccountStatus.ACTIVE
    note_fault(account, None)
    account.failure_count = 0
    account.retry_at = None


def _check_joinable(account: Account, predecessor: Account) -> None:
    if not account.is_offered or account.last_synced_at is not None:
        raise RuleError(
            "The account is not one that waits for an answer: only an account that was offered "
            "and never read can become one that you had.",
            code="account_not_offered",
        )
    if account.connection_id != predecessor.connection_id:
        raise RuleError(
            "The two accounts belong to different connections: name one of the same connection.",
            code="accounts_differ",
        )
    if account.consent_id == predecessor.consent_id:
        raise RuleError(
            "The present consent opens both accounts, so they are two: name one that it left out.",
            code="accounts_differ",
        )
    if account.currency and predecessor.currency and account.currency != predecessor.currency:
        raise RuleError(
            "The two accounts have different currencies, so they are two.", code="accounts_differ"
        )


def close_left_out_accounts(
    session: Session, tenant_id: UUID, connection_id: UUID, consent_id: UUID
) -> Sequence[UUID]:
    """Mark the accounts of a connection that its present consent does not open.

    :param session: Open session; the caller manages the transaction.
    :param tenant_id: Tenant that owns the connection.
    :param connection_id: Connection that they belong to.
    :param consent_id: Present consent.
    :returns: Ids of those that the consent before it did open.
    """
    return session.scalars(
        update(Account)
        .where(
            Account.tenant_id == tenant_id,
            Account.connection_id == connection_id,
            Account.consent_id != consent_id,
            Account.error_code.is_distinct_from(NOT_IN_CONSENT),
        )
        .values(
            status=AccountStatus.UNAVAILABLE,
            **fault_columns(_LEFT_OUT),
        )
        .returning(Account.id)
    ).all()


def _one(session: Session, statement: Select[Account]) -> Account:
    account = session.scalars(statement).one_or_none()
    if account is None:
        raise NotFoundError("There is no such account.")
    return account


def describe_account(account: Account) -> KnownAccount:
    """Return what tells which account it is.

    :param account: The account.
    """
    return KnownAccount(
        id=account.id,
        reference=account.provider_reference,
        resource_id=account.resource_id,
        iban=account.iban,
        masked_number=account.masked_number,
        currency=account.currency,
        account_type=account.account_type,
        name=account.provider_name,
    )


def _describe(account: Account, record: AccountRecord, consent_id: UUID) -> None:
    """Write down what a record says; what it leaves open stays as it was known."""
    account.consent_id = consent_id
    account.provider_reference = record.reference
    if record.account_type is not AccountType.OTHER:
        account.account_type = record.account_type
    account.status = record.status
    note_fault(account, None)
    account.failure_count = 0
    account.retry_at = None
    account.resource_id = record.resource_id or account.resource_id
    account.iban = record.iban or account.iban
    account.bban = record.bban or account.bban
    account.bic = record.bic or account.bic
    account.masked_number = record.masked_number or account.masked_number
    account.provider_name = record.name or account.provider_name
    account.owner_name = record.owner_name or account.owner_name
    account.product = record.product or account.product
    account.currency = record.currency or account.currency


def _display_name(record: AccountRecord) -> str:
    number = record.iban or record.bban or record.masked_number
    words = record.name or record.product or f"{record.account_type.value.capitalize()} account"
    return f"{words} …{number[-DIGITS_SHOWN:]}" if number and not record.name else words
