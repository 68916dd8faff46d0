"""Accounts that several connections of a tenant reach: read through one of them, never twice."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final
from uuid import UUID

from sqlalchemy import func, or_, select, update
from sqlalchemy.orm import Session

from payymo.domain.consents import READABLE
from payymo.domain.enums import FaultKind, FaultReach
from payymo.domain.faults import Fault
from payymo.domain.ledger.accounts import KnownAccount, pair_doubles
from payymo.postgres.common.models import (
    Account,
    BankConsent,
    Connection,
    CoverageRow,
    SyncRun,
    SyncRunAccount,
    Transaction,
    TransactionChange,
)
from payymo.postgres.common.operations.accounts import (
    ALREADY_CONNECTED,
    NOT_IN_CONSENT,
    describe_account,
    list_connection_accounts,
    take_over,
)
from payymo.postgres.common.operations.faults import note_fault

_DOUBLE: Final = Fault(
    FaultKind.ACCOUNT,
    FaultReach.ACCOUNT,
    ALREADY_CONNECTED,
    "Another connection has this account already, and it is not read twice: adopt it with its "
    "history (`payymo connections doubles ID --adopt`), or leave it where it is (`--leave`).",
)


@dataclass(frozen=True, slots=True)
class Double:
    """An account of a connection that another connection has.

    :ivar account: The connection's own, of which nothing was read.
    :ivar holder: The other connection's, with the history.
    """

    account: Account
    holder: Account


def offer_doubles(session: Session, connection: Connection, account_ids: Sequence[UUID]) -> None:
    """Offer, rather than read, accounts of a connection that another one has.

    A second copy of an account's transactions would count its money twice. That holds also where
    the other connection has ended, and its history is kept.

    :param session: Open session; the caller manages the transaction.
    :param connection: Connection whose accounts were just recorded.
    :param account_ids: Those that are new to it.
    """
    fresh = [
        account
        for account in list_connection_accounts(session, connection.tenant_id, connection.id)
        if account.id in account_ids
    ]
    for double in _pair(session, connection, fresh):
        double.account.is_sync_enabled = False
        double.account.is_offered = True
        note_fault(double.account, _DOUBLE)
    session.flush()


def list_doubles(session: Session, connection: Connection) -> Sequence[Double]:
    """Return the accounts of a connection that another one has, answered for or not.

    :param session: Open session; the caller manages the transaction.
    :param connection: The connection.
    """
    return _pair(
        session,
        connection,
        [
            account
            for account in list_connection_accounts(session, connection.tenant_id, connection.id)
            if account.error_code == ALREADY_CONNECTED
        ],
    )


def count_open_doubles(
    session: Session, tenant_id: UUID, connection_ids: Sequence[UUID]
) -> Mapping[UUID, int]:
    """Return how many accounts wait for an answer because another connection has them.

    :param session: Open session; the caller manages the transaction.
    :param tenant_id: Tenant that owns them.
    :param connection_ids: Connections; one without any is left out.
    """
    rows = session.execute(
        select(Account.connection_id, func.count().label("open_count"))
        .where(
            Account.tenant_id == tenant_id,
            Account.connection_id.in_(connection_ids),
            Account.error_code == ALREADY_CONNECTED,
            Account.is_offered,
        )
        .group_by(Account.connection_id)
    )
    return {row.connection_id: row.open_count for row in rows}


def adopt_double(session: Session, account: Account, holder: Account) -> Account:
    """Let an account be read through another connection, with its history, and return it.

    :param session: Open session; the caller has locked both accounts.
    :param account: The account of the connection that is to read it.
    :param holder: The one with the history.
    """
    connection_id = account.connection_id
    take_over(session, holder, account)
    holder.connection_id = connection_id
    holder.is_sync_enabled = True
    holder.is_offered = False
    session.flush()
    session.refresh(holder)
    return holder


def leave_double(session: Session, account: Account) -> None:
    """Let an account be read where it is, and here not.

    :param session: Open session; the caller manages the transaction.
    :param account: The account that is not to be read.
    """
    account.is_offered = False
    account.is_sync_enabled = False
    session.flush()


def release_adopted(session: Session, tenant_id: UUID, connection_id: UUID) -> None:
    """Let what accounts of other connections owe to this one go with them, before it is deleted.

    The runs that read an account belong to its history: its rows as received hang on them.

    :param session: Open session; the caller manages the transaction.
    :param tenant_id: Tenant that owns them.
    :param connection_id: Connection that is about to go, whose own accounts are gone.
    """
    owns = (SyncRun.tenant_id == tenant_id) & (SyncRun.connection_id == connection_id)
    runs = select(SyncRun.id).where(owns)
    is_elsewhere = (Account.tenant_id == tenant_id) & (Account.connection_id != connection_id)
    read = select(SyncRunAccount.sync_run_id, Account.connection_id).where(
        is_elsewhere,
        SyncRunAccount.tenant_id == tenant_id,
        SyncRunAccount.account_id == Account.id,
        SyncRunAccount.sync_run_id.in_(runs),
    )
    added = select(Transaction.added_by, Account.connection_id).where(
        is_elsewhere,
        Transaction.tenant_id == tenant_id,
        Transaction.account_id == Account.id,
        Transaction.added_by.in_(runs),
    )
    changed = select(TransactionChange.sync_run_id, Account.connection_id).where(
        is_elsewhere,
        Transaction.tenant_id == tenant_id,
        Transaction.account_id == Account.id,
        TransactionChange.tenant_id == tenant_id,
        TransactionChange.transaction_id == Transaction.id,
        TransactionChange.sync_run_id.in_(runs),
    )
    owed = session.execute(read.union(added, changed)).all()
    for run_id, owner_id in dict.fromkeys((run, owner) for run, owner in owed):
        session.execute(
            update(SyncRun)
            .where(owns, SyncRun.id == run_id)
            .values(connection_id=owner_id)
            .execution_options(synchronize_session=False)
        )
    session.execute(
        update(CoverageRow)
        .where(
            is_elsewhere,
            CoverageRow.tenant_id == tenant_id,
            CoverageRow.account_id == Account.id,
            CoverageRow.consent_id.in_(
                select(BankConsent.id).where(
                    BankConsent.tenant_id == tenant_id, BankConsent.connection_id == connection_id
                )
            ),
        )
        .values(consent_id=Account.consent_id)
        .execution_options(synchronize_session=False)
    )


def _pair(
    session: Session, connection: Connection, accounts: Sequence[Account]
) -> Sequence[Double]:
    """Return those of a connection's accounts that another connection has."""
    if not accounts:
        return ()
    holders = session.scalars(
        select(Account)
        .join(Account.connection)
        .where(
            Account.tenant_id == connection.tenant_id,
            Account.connection_id != connection.id,
            Account.error_code.is_distinct_from(ALREADY_CONNECTED),
            or_(
                Account.last_synced_at.is_not(None),
                Account.is_sync_enabled
                & Account.error_code.is_distinct_from(NOT_IN_CONSENT)
                & Connection.status.in_(READABLE),
            ),
        )
        .order_by(Account.id)
    ).all()
    by_id = {holder.id: holder for holder in holders}
    known = [_describe_holder(holder, connection) for holder in holders]
    pairs = pair_doubles(known, [describe_account(account) for account in accounts])
    return [
        Double(account, by_id[pairs[account.provider_reference]])
        for account in accounts
        if account.provider_reference in pairs
    ]


def _describe_holder(holder: Account, connection: Connection) -> KnownAccount:
    """Return what tells which account it is: a bank's own ids mean nothing at another bank."""
    described = describe_account(holder)
    is_same_bank = holder.connection.institution_id == connection.institution_id
    return described if is_same_bank else replace(described, resource_id=None)
