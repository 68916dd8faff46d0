"""Incoming bank transactions, as the matching engine reads them."""

from collections.abc import Collection, Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import ARRAY, Row, Select, Uuid, any_, case, exists, func, literal, select, update
from sqlalchemy.orm import Session

from payymo.domain.enums import MatchStatus, TransactionMatchStatus, TransactionStatus
from payymo.domain.errors import NotFoundError
from payymo.domain.matching.records import Payment
from payymo.postgres.common.models import Account, Transaction
from payymo.postgres.reconciliation.models import Match


def get_payment(session: Session, tenant_id: UUID, transaction_id: UUID) -> Transaction:
    """Return one of the tenant's bank transactions.

    :param session: Open session; the caller manages the transaction.
    :param tenant_id: Tenant that must own it.
    :param transaction_id: Transaction to return.
    :raises NotFoundError: If the tenant has no such transaction.
    """
    payment = session.scalars(
        select(Transaction)
        .where(Transaction.tenant_id == tenant_id, Transaction.id == transaction_id)
        .execution_options(populate_existing=True)
    ).one_or_none()
    if payment is None:
        raise NotFoundError("There is no such transaction.")
    return payment


def list_payments_of(
    session: Session, tenant_id: UUID, matches: Collection[Match]
) -> Mapping[UUID, Transaction]:
    """Return the transactions that some matches explain, by id.

    :param session: Open session; the caller manages the transaction.
    :param tenant_id: Tenant that owns them.
    :param matches: A page of matches.
    """
    ids = {match.transaction_id for match in matches}
    rows = session.scalars(
        select(Transaction)
        .where(
            Transaction.tenant_id == tenant_id,
            Transaction.id == any_(literal(list(ids), ARRAY(Uuid))),
        )
        .execution_options(populate_existing=True)
    )
    return {payment.id: payment for payment in rows}


def list_unexplained_payments(session: Session, tenant_id: UUID) -> Sequence[Payment]:
    """Return the booked money that came in and is not wholly explained.

    Transfers from the tenant's own accounts are left out: no customer paid them. So is what the
    bank lists no more (as long as it does not, that money may never have come), and what people
    deleted.

    :param session: Open session; the caller manages the transaction.
    :param tenant_id: Tenant that owns the accounts.
    """
    statement = _incoming(tenant_id).where(
        Transaction.amount > Transaction.allocated, Transaction.missing_since.is_(None)
    )
    return [_as_payment(row, row.amount - row.allocated) for row in session.execute(statement)]


def list_explained_payments(session: Session, tenant_id: UUID, *, since: date) -> Sequence[Payment]:
    """Return the booked money that came in and is wholly explained, with its whole amounts.

    :param session: Open session; the caller manages the transaction.
    :param tenant_id: Tenant that owns the accounts.
    :param since: First day to look at.
    """
    statement = _incoming(tenant_id).where(
        Transaction.amount == Transaction.allocated, Transaction.transaction_date >= since
    )
    return [_as_payment(row, row.amount) for row in session.execute(statement)]


def update_match_status(
    session: Session, tenant_id: UUID, transaction_ids: Collection[UUID]
) -> None:
    """Say anew how far some transactions are explained.

    :param session: Open session; the caller manages the transaction.
    :param tenant_id: Tenant that owns them.
    :param transaction_ids: Transactions whose allocations or suggestions have changed.
    """
    is_suggested = exists().where(
        Match.tenant_id == Transaction.tenant_id,
        Match.transaction_id == Transaction.id,
        Match.status == MatchStatus.SUGGESTED,
    )
    status = case(
        (
            (Transaction.allocated != 0)
            & (func.abs(Transaction.allocated) >= func.abs(Transaction.amount)),
            TransactionMatchStatus.MATCHED,
        ),
        (Transaction.allocated != 0, TransactionMatchStatus.PARTIALLY_MATCHED),
        (is_suggested, TransactionMatchStatus.SUGGESTED),
        else_=TransactionMatchStatus.UNMATCHED,
    )
    session.execute(
        update(Transaction)
        .where(
            Transaction.tenant_id == tenant_id,
            Transaction.id == any_(literal(list(transaction_ids), ARRAY(Uuid))),
            Transaction.match_status != status,
        )
        .values(match_status=status)
        .execution_options(synchronize_session=False)
    )


def _incoming(tenant_id: UUID) -> Select[*tuple[Any, ...]]:
    is_own_transfer = exists().where(
        Account.tenant_id == Transaction.tenant_id,
        Account.iban == Transaction.counterparty_iban,
    )
    return select(
        Transaction.id,
        Transaction.amount,
        Transaction.allocated,
        Transaction.currency,
        func.coalesce(Transaction.booking_date, Transaction.transaction_date).label("booked_on"),
        Transaction.counterparty_name,
        Transaction.counterparty_iban,
        func.coalesce(Transaction.remittance, Transaction.description).label("remittance"),
        Transaction.structured_reference,
        Transaction.end_to_end_id,
        Transaction.instructed_amount,
        Transaction.instructed_currency,
    ).where(
        Transaction.tenant_id == tenant_id,
        Transaction.status == TransactionStatus.BOOKED,
        Transaction.amount > 0,
        Transaction.deleted_at.is_(None),
        ~is_own_transfer,
    )


def _as_payment(row: Row[Any], amount: Decimal) -> Payment:
    return Payment(
        id=row.id,
        amount=amount,
        currency=row.currency,
        booking_date=row.booked_on,
        payer_name=row.counterparty_name,
        payer_iban=row.counterparty_iban,
        remittance=row.remittance,
        structured_reference=row.structured_reference,
        end_to_end_id=row.end_to_end_id,
        explained=row.amount - amount,
        **_instructed(row, amount),
    )


def _instructed(row: Row[Any], amount: Decimal) -> Mapping[str, Any]:
    """Return what the payer ordered, where that was another currency and all of it is meant.

    Banks sign it as they sign the amount, or not at all; some state it in the account's own
    currency, which says nothing more. Of a payment that is explained in part nobody knows which
    part of the order is left.
    """
    is_abroad = row.instructed_currency not in {None, row.currency}
    if not is_abroad or not row.instructed_amount or amount != row.amount:
        return {}
    return {
        "instructed_amount": abs(row.instructed_amount),
        "instructed_currency": row.instructed_currency,
    }
