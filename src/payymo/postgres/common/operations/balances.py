"""Balances of accounts, kept as a history of what the bank said."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime
from itertools import groupby
from uuid import UUID

from sqlalchemy import ARRAY, Uuid, any_, bindparam, func, select
from sqlalchemy.orm import Session

from payymo.domain.banking import BalanceRecord
from payymo.postgres.common.models import Balance
from payymo.postgres.core import Page


def list_balances(
    session: Session, tenant_id: UUID, account_id: UUID, *, page: int, per_page: int
) -> Page[Balance]:
    """Return an account's balances, the newest first.

    :param session: Open session; the caller manages the transaction.
    :param tenant_id: Tenant that owns the account.
    :param account_id: Account that they belong to.
    :param page: Page, from 1.
    :param per_page: Rows of a page.
    """
    condition = (Balance.tenant_id == tenant_id) & (Balance.account_id == account_id)
    total = session.execute(select(func.count()).select_from(Balance).where(condition))
    rows = session.scalars(
        select(Balance)
        .where(condition)
        .order_by(Balance.last_observed_at.desc(), Balance.observed_at.desc(), Balance.id.desc())
        .offset((page - 1) * per_page)
        .limit(per_page)
    )
    return Page(rows=rows.all(), total=total.scalar_one())


def latest_balances(
    session: Session, tenant_id: UUID, account_ids: Sequence[UUID]
) -> Mapping[UUID, Sequence[Balance]]:
    """Return what the bank last said of each account's balances.

    :param session: Open session; the caller manages the transaction.
    :param tenant_id: Tenant that owns the accounts.
    :param account_ids: Accounts that are meant.
    :returns: The balances of the last answer, for each account that has had one.
    """
    latest = (
        select(Balance.account_id, func.max(Balance.last_observed_at).label("observed_at"))
        .where(
            Balance.tenant_id == tenant_id,
            Balance.account_id == any_(bindparam("ids", list(account_ids), ARRAY(Uuid()))),
        )
        .group_by(Balance.account_id)
        .subquery()
    )
    rows = session.scalars(
        select(Balance)
        .join(
            latest,
            (Balance.account_id == latest.c.account_id)
            & (Balance.last_observed_at == latest.c.observed_at),
        )
        .where(Balance.tenant_id == tenant_id)
        .order_by(Balance.account_id, Balance.balance_type, Balance.currency, Balance.id)
    )
    return {key: list(balances) for key, balances in groupby(rows, lambda row: row.account_id)}


def record_balances(
    session: Session,
    tenant_id: UUID,
    account_id: UUID,
    records: Sequence[BalanceRecord],
    *,
    now: datetime,
) -> int:
    """Store what the bank says of an account's balances now.

    A balance that says the same as in the answer before is the same row, seen again.

    :param session: Open session; the caller manages the transaction.
    :param tenant_id: Tenant that owns the account.
    :param account_id: Account that they belong to.
    :param records: All balances of one answer.
    :param now: When it came (aware).
    :returns: How many say something new.
    """
    last_said = latest_balances(session, tenant_id, [account_id]).get(account_id, ())
    waiting: dict[tuple[object, ...], list[Balance]] = defaultdict(list)
    for balance in last_said:
        waiting[_content(balance)].append(balance)
    added = 0
    for record in records:
        if equals := waiting[_content(record)]:
            equals.pop().last_observed_at = now
            continue
        session.add(
            Balance(
                tenant_id=tenant_id,
                account_id=account_id,
                balance_type=record.balance_type,
                amount=record.amount,
                currency=record.currency,
                credit_limit_included=record.credit_limit_included,
                reference_date=record.reference_date,
                changed_at=record.changed_at,
                observed_at=now,
                last_observed_at=now,
            )
        )
        added += 1
    session.flush()
    return added


def _content(balance: Balance | BalanceRecord) -> tuple[object, ...]:
    return (
        balance.balance_type,
        balance.amount,
        balance.currency,
        balance.credit_limit_included,
        balance.reference_date,
        balance.changed_at,
    )
