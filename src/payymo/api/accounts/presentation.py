"""Accounts with the balances that the bank said last."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy.orm import Session

from payymo.api.accounts.models import AccountFault, AccountRead, BalanceRead
from payymo.postgres.common.models import Account, Balance
from payymo.postgres.common.operations.balances import latest_balances


def present_accounts(
    session: Session, tenant_id: UUID, accounts: Sequence[Account]
) -> list[AccountRead]:
    """Return accounts as the API shows them.

    :param session: Open session; the caller manages the transaction.
    :param tenant_id: Tenant that owns them.
    :param accounts: Their rows.
    """
    balances = latest_balances(session, tenant_id, [account.id for account in accounts])
    return [_present(account, balances.get(account.id, ())) for account in accounts]


def _present(account: Account, balances: Sequence[Balance]) -> AccountRead:
    fault = None
    if account.error_code is not None:
        message = account.error_message or account.error_code
        fault = AccountFault(code=account.error_code, message=message)
    return AccountRead(
        id=account.id,
        bank_connection_id=account.connection_id,
        bank_id=account.connection.institution_id,
        bank_name=account.connection.institution.name,
        name=account.name,
        owner_name=account.owner_name,
        product=account.product,
        account_type=account.account_type,
        currency=account.currency,
        iban=account.iban,
        bban=account.bban,
        bic=account.bic,
        masked_number=account.masked_number,
        status=account.status,
        error=fault,
        is_sync_enabled=account.is_sync_enabled,
        is_offered=account.is_offered,
        synced_through=account.synced_through,
        last_synced_at=account.last_synced_at,
        retry_at=account.retry_at,
        balances=[BalanceRead.of(balance) for balance in balances],
        created_at=account.created_at,
        updated_at=account.updated_at,
    )
