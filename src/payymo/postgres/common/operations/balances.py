"""Balances of accounts, kept as a history of what the bank said."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime
from itertools import groupby
from uuid import UUID

from sqlalchemy import ARRAY, Uuid, any_, bindparam, func, select, update
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
    condition = (
        (Balance.tenant_id == tenant_id)
        & (Balance.account_id == account_id)
        & Balance.retracted_at.is_(None)
    )
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
            Balance.retracted_at.is_(None),
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
        .where(Balance.tenant_id == tenant_id, Balance.retracted_at.is_(None))
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
) -> Sequence[UUID]:
    """Store what the bank says of an account's balances now.

    A balance that says the same as in the answer before is the same row, seen again.

    :param session: Open session; the caller manages the transaction.
    :param tenant_id: Tenant that owns the account.
    :param account_id: Account that they belong to.
    :param records: All balances of one answer.
    :param now: When it came (aware).
    :returns: The rows that say so, whether new or seen again.
    """
    last_said = latest_balances(session, tenant_id, [account_id]).get(account_id, ())
    waiting: dict[tuple[object, ...], list[Balance]] = defaultdict(list)
    for balance in last_said:
        waiting[_content(balance)].append(balance)
    said: list[Balance] = []
    for record in records:
        if equals := waiting[_content(record)]:
            known = equals.pop()
            known.last_observed_at = now
            said.append(known)
            continue
        balance = Balance(
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
        session.add(balance)
        said.append(balance)
    session.flush()
    return [balance.id for balance in said]


def retake_balance(
    session: Session,
    tenant_id: UUID,
    balance_id: UUID,
    *,
    first_at: datetime | None,
    last_at: datetime | None,
    now: datetime,
) -> None:
    """Let a balance have been reported only when answers that count said it.

    :param session: Open session; the caller manages the transaction.
    :param tenant_id: Tenant that owns it.
    :param balance_id: The balance.
    :param first_at: When the first such answer came (aware); ``None`` if there is none.
    :param last_at: When the last one came.
    :param now: The time (aware).
    """
    values: dict[str, object] = {"retracted_at": now}
    if first_at is not None:
        values = {"retracted_at": None, "observed_at": first_at, "last_observed_at": last_at}
    session.execute(
        update(Balance)
        .where(Balance.tenant_id == tenant_id, Balance.id == balance_id)
        .values(values)
    )


def _content(balance: Balance | BalanceRecord) -> tuple[object, ...]:
    return (
        balance.balance_type,
        balance.amount,
        balance.currency,
        balance.credit_limit_included,
        balance.reference_date,
        balance.changed_at,
    )
