"""How rows of transactions become answers: straight to bytes, as the list is asked for most."""

from collections.abc import Iterable
from decimal import Decimal
from typing import Final

import msgspec
from fastapi import Response

from payymo.api.envelopes import JSON
from payymo.api.transactions.models import RawVersionRead, TransactionRead
from payymo.domain.enums import Direction, ReviewReason, SplitsState
from payymo.domain.ledger.splits import judge_splits
from payymo.domain.money import format_amount
from payymo.postgres.common.operations.transactions import TransactionLine
from payymo.postgres.gocardless.operations.transactions import RawVersion

_ENCODER: Final = msgspec.json.Encoder()


def transaction_response(line: TransactionLine) -> Response:
    """Return the answer that holds one transaction."""
    body = b'{"data":%s}' % _ENCODER.encode(present_transaction(line))
    return Response(body, media_type=JSON)


def write_transactions(lines: Iterable[TransactionLine]) -> bytes:
    """Return a list of transactions as JSON."""
    return _ENCODER.encode([present_transaction(line) for line in lines])


def present_transaction(line: TransactionLine) -> TransactionRead:
    """Return a transaction as the API shows it."""
    splits_state, left = judge_splits(
        line.amount,
        line.currency,
        split_total=line.split_total,
        split_currency=line.split_currency,
    )
    reasons = []
    if splits_state is SplitsState.UNBALANCED:
        reasons.append(ReviewReason.SPLITS_UNBALANCED)
    if not min(line.amount, Decimal(0)) <= line.allocated <= max(line.amount, Decimal(0)):
        reasons.append(ReviewReason.OVER_ALLOCATED)
    return TransactionRead(
        id=line.id,
        transaction_id=line.provider_transaction_id,
        internal_id=line.internal_id,
        bank_id=line.institution_id,
        bank_name=line.institution_name,
        bank_connection_id=line.connection_id,
        account_id=line.account_id,
        account_name=line.account_name,
        amount=format_amount(line.amount, line.currency),
        currency=line.currency,
        direction=Direction.CREDIT if line.amount > 0 else Direction.DEBIT,
        description=line.description,
        reference=line.structured_reference or line.end_to_end_id,
        counterparty_name=line.counterparty_name,
        counterparty_iban=line.counterparty_iban,
        payee=line.payee,
        remittance=line.remittance,
        structured_reference=line.structured_reference,
        end_to_end_id=line.end_to_end_id,
        bank_transaction_code=line.bank_transaction_code,
        transaction_date=line.transaction_date,
        booking_date=line.booking_date,
        value_date=line.value_date,
        status=line.status,
        superseded_by=line.superseded_by,
        missing_since=line.missing_since,
        category=line.category,
        category_id=line.category_id,
        category_source=line.category_source,
        category_rule_id=line.category_rule_id,
        note=line.note,
        match_status=line.match_status,
        allocated=format_amount(line.allocated, line.currency),
        splits_state=splits_state,
        splits_difference=None if left is None else format_amount(left, line.currency),
        needs_review=bool(reasons),
        review_reasons=reasons,
        is_deleted=line.deleted_at is not None,
        deleted_at=line.deleted_at,
        deleted_by=line.deleted_by,
        created_at=line.created_at,
        updated_at=line.updated_at,
    )


def present_raw_version(version: RawVersion) -> RawVersionRead:
    """Return a raw version as the API shows it."""
    return RawVersionRead(
        payload=version.payload,
        is_booked=version.is_booked,
        fetched_at=version.fetched_at,
        identity_tier=version.identity_tier,
        identity_version=version.identity_version,
        content_hash=version.content_hash.hex(),
    )
