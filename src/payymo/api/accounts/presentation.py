"""Accounts with the balances that the bank said last."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Final
from uuid import UUID

from sqlalchemy.orm import Session

from payymo.api.accounts.models import (
    AccountRead,
    BalanceRead,
    CoverageRead,
    CoverageSpanRead,
    Days,
    HoleRead,
    QuotaRead,
)
from payymo.api.faults import Fault
from payymo.domain.enums import AccessScope
from payymo.domain.ledger.coverage import assess
from payymo.domain.quotas import Standing
from payymo.postgres.common.models import Account, Balance
from payymo.postgres.common.operations.balances import latest_balances
from payymo.postgres.common.operations.consents import find_first_day
from payymo.postgres.common.operations.coverage import list_coverage
from payymo.postgres.common.operations.quotas import list_standings
from payymo.workflows.coverage import plan_window

#: Answers that are shown one by one; the days known are those of all.
_SPANS_SHOWN_MAX: Final = 100


def present_accounts(
    session: Session, tenant_id: UUID, accounts: Sequence[Account], *, now: datetime
) -> list[AccountRead]:
    """Return accounts as the API shows them.

    :param session: Open session; the caller manages the transaction.
    :param tenant_id: Tenant that owns them.
    :param accounts: Their rows.
    :param now: The time (aware).
    """
    references = {account.id: account.provider_reference for account in accounts}
    balances = latest_balances(session, tenant_id, list(references))
    standings = list_standings(session, tenant_id, references, now=now)
    return [
        _present(account, balances.get(account.id, ()), standings[account.id])
        for account in accounts
    ]


def _present(
    account: Account, balances: Sequence[Balance], standings: Mapping[AccessScope, Standing]
) -> AccountRead:
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
        error=Fault.of(account),
        is_sync_enabled=account.is_sync_enabled,
        is_offered=account.is_offered,
        synced_through=account.synced_through,
        last_synced_at=account.last_synced_at,
        retry_at=account.retry_at,
        balances=[BalanceRead.of(balance) for balance in balances],
        quotas=[QuotaRead.of(scope, standing) for scope, standing in standings.items()],
        created_at=account.created_at,
        updated_at=account.updated_at,
    )


def present_coverage(session: Session, account: Account, *, now: datetime) -> CoverageRead:
    """Return which days of an account are known.

    :param session: Open session; the caller manages the transaction.
    :param account: The account.
    :param now: The time (aware).
    """
    tenant_id = account.tenant_id
    spans = list_coverage(session, tenant_id, account.id)
    coverage = assess(spans, today=now.date())
    reachable_from = find_first_day(session, tenant_id, account.consent_id)
    return CoverageRead(
        known=[Days(first_day=one.first_day, last_day=one.last_day) for one in coverage.known],
        holes=[
            HoleRead(
                first_day=hole.first_day,
                last_day=hole.last_day,
                is_reachable=hole.last_day >= reachable_from,
            )
            for hole in coverage.holes
        ],
        not_given=[
            Days(first_day=one.first_day, last_day=one.last_day) for one in coverage.not_given
        ],
        reachable_from=reachable_from,
        next_from=plan_window(session, tenant_id, account, is_anew=False, now=now),
        spans=[
            CoverageSpanRead(
                first_day=span.days.first_day,
                last_day=span.days.last_day,
                completeness=span.completeness,
                asked_from=span.asked_from,
                learnt_at=span.learnt_at,
                consent_id=span.consent_id,
            )
            for span in reversed(spans[-_SPANS_SHOWN_MAX:])
        ],
    )
