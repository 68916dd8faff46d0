"""What identity looks at in a row, pulled or known, and what it says of it."""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from hashlib import sha256
from typing import Final
from uuid import UUID

from payymo.domain.banking import TransactionRecord
from payymo.domain.enums import IdentityTier
from payymo.domain.ledger.wording import normalise_text
from payymo.domain.money import AMOUNT_SCALE

_UNIT_SEPARATOR: Final = "\x1f"
_AMOUNT_UNIT: Final = Decimal(1).scaleb(-AMOUNT_SCALE)


@dataclass(frozen=True, slots=True)
class Sighting:
    """What tells one row from another: of a pulled row, or as a known row was last seen.

    :ivar amount: Signed.
    :ivar day: The row's day as the bank gives it; ``None`` where it gives none, or a pending one
        that lies ahead. A known row has one always: the day on which it was first seen, where the
        bank gave none.
    :ivar text: Counterparty and text as sent; see :func:`join_text`.
    :ivar fingerprint: Of amount, currency, day and text; see :func:`fingerprint`.
    :ivar content_hash: Of the payload; decides nothing but the order among equals.
    :ivar first_day: The first of the row's dates: a bank may choose rows by any of them; ``None``
        where it gives none.
    :ivar last_day: The last of them.
    """

    is_booked: bool
    amount: Decimal
    currency: str
    day: date | None
    trusted_id: str | None
    internal_id: str | None
    transaction_id: str | None
    text: str
    fingerprint: bytes
    content_hash: bytes
    first_day: date | None = None
    last_day: date | None = None


@dataclass(frozen=True, slots=True)
class KnownRow:
    """A row that we have.

    :ivar id: Payymo's own id of it.
    :ivar sighting: As it was last seen.
    :ivar is_closed: A pending row that left an earlier answer and may have been away only, or a
        booked one that was removed after two answers without it.
    :ivar is_missing: A booked row that an earlier answer should have held and lacked.
    """

    id: UUID
    sighting: Sighting
    is_closed: bool = False
    is_missing: bool = False


@dataclass(frozen=True, slots=True)
class Verdict:
    """Which known row a pulled row is.

    :ivar known_id: The known row; ``None`` for a new one.
    :ivar tier: By which evidence.
    """

    known_id: UUID | None
    tier: IdentityTier


type PayloadKey = tuple[bytes, bool]
"""Content hash of a payload, and whether the row is booked."""


def join_text(counterparty_name: str | None, remittance: str | None) -> str:
    """Return the text by which a row is told from others.

    :param counterparty_name: The other side, as the bank names it.
    :param remittance: The text as sent.
    """
    return f"{counterparty_name or ''}\n{remittance or ''}"


def observe(record: TransactionRecord, content_hash: bytes) -> Sighting:
    """Return what identity looks at in a translated row.

    :param record: The row.
    :param content_hash: Of the payload that it was translated from.
    """
    amount = record.amount.quantize(_AMOUNT_UNIT)
    text = join_text(record.counterparty_name, record.remittance)
    dates = (record.transaction_date, record.booking_date, record.value_date)
    days = [day for day in dates if day is not None]
    day = None if is_dated_ahead(record) else record.transaction_date
    return Sighting(
        is_booked=record.is_booked,
        amount=amount,
        currency=record.currency,
        day=day,
        trusted_id=record.trusted_id,
        internal_id=record.internal_id,
        transaction_id=record.transaction_id,
        text=text,
        fingerprint=fingerprint(amount, record.currency, day, text),
        content_hash=content_hash,
        first_day=min(days, default=None),
        last_day=max(days, default=None),
    )


def is_dated_ahead(record: TransactionRecord) -> bool:
    """Return whether a pending row's day is none of its own, but the present one before them.

    :param record: A translated row.
    """
    own = [day for day in (record.booking_date, record.value_date) if day is not None]
    return (
        not record.is_booked
        and record.transaction_date is not None
        and bool(own)
        and record.transaction_date < min(own)
    )


def fingerprint(amount: Decimal, currency: str, day: date | None, text: str) -> bytes:
    """Return SHA-256 of a row's content; equal for equal content, however it is written.

    :param amount: Signed; ``5``, ``5.0`` and ``5.00`` are the same.
    :param currency: ISO 4217 code.
    :param day: The row's day as the bank gives it.
    :param text: The row's text; see :func:`join_text`.
    """
    parts = (
        f"{amount:.4f}",
        currency,
        day.isoformat() if day else "",
        normalise_text(text),
    )
    return sha256(_UNIT_SEPARATOR.join(parts).encode()).digest()
