"""Rows as identity looks at them, and its verdicts by number."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from decimal import Decimal
from hashlib import sha256
from uuid import UUID

from payymo.domain.enums import IdentityTier
from payymo.domain.ledger.identity import pair_sightings
from payymo.domain.ledger.sightings import KnownRow, Sighting, fingerprint

MONDAY = date(2026, 2, 2)


def a_row(
    amount: str = "-10.00",
    day: date | None = MONDAY,
    text: str = "Office supplies",
    *,
    is_booked: bool = True,
    trusted_id: str | None = None,
    internal_id: str | None = None,
    transaction_id: str | None = None,
    currency: str = "EUR",
    payload: str = "",
) -> Sighting:
    parts = (amount, day, text, is_booked, trusted_id, internal_id, transaction_id, payload)
    return Sighting(
        is_booked=is_booked,
        amount=Decimal(amount),
        currency=currency,
        day=day,
        trusted_id=trusted_id,
        internal_id=internal_id,
        transaction_id=transaction_id,
        text=text,
        fingerprint=fingerprint(Decimal(amount), currency, day, text),
        content_hash=sha256(repr(parts).encode()).digest(),
    )


def known(
    number: int, row: Sighting, *, is_closed: bool = False, is_missing: bool = False
) -> KnownRow:
    return KnownRow(
        UUID(int=number),
        replace(row, day=row.day or MONDAY),
        is_closed=is_closed,
        is_missing=is_missing,
    )


def pair(
    pulled: Sequence[Sighting],
    known_rows: Sequence[KnownRow],
    seen: Sequence[int] = (),
    *,
    since: date | None = None,
    is_whole: bool = True,
) -> list[tuple[int | None, IdentityTier]]:
    verdicts = pair_sightings(
        pulled,
        known_rows,
        seen={UUID(int=number) for number in seen},
        since=since,
        is_whole=is_whole,
    )
    return [
        (verdict.known_id.int if verdict.known_id else None, verdict.tier) for verdict in verdicts
    ]
