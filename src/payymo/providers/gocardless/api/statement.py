"""Transactions answers: large, so each row stays a slice of the body until it is taken out."""

import hashlib
from collections.abc import Iterator

import msgspec

from payymo.domain.banking import PulledRow
from payymo.domain.errors import ProviderResponseError


class _Lists(msgspec.Struct):
    booked: list[msgspec.Raw]
    pending: list[msgspec.Raw] | None = None


class _Envelope(msgspec.Struct):
    transactions: _Lists
    last_updated: str | None = None


_envelope = msgspec.json.Decoder(_Envelope)
_row = msgspec.json.Decoder(dict[str, object])
_canonical = msgspec.json.Encoder(order="sorted")


def read_statement(body: bytes | bytearray) -> tuple[tuple[PulledRow, ...], str | None]:
    """Return the rows of a transactions answer, booked before pending, in the bank's order.

    :param body: The answer, as received.
    :returns: The rows, and when GoCardless last asked the bank, as written, where told.
    :raises ProviderResponseError: If the answer is cut short, is not JSON, or has no ``booked``.
    """
    try:
        envelope = _envelope.decode(body)
        rows = (
            *_rows(envelope.transactions.booked, is_booked=True),
            *_rows(envelope.transactions.pending or [], is_booked=False),
        )
    except (msgspec.DecodeError, UnicodeDecodeError, ValueError, RecursionError) as error:
        raise ProviderResponseError(
            "GoCardless's list of transactions is cut short or not of the agreed shape."
        ) from error
    return rows, envelope.last_updated


def _rows(raws: list[msgspec.Raw], *, is_booked: bool) -> Iterator[PulledRow]:
    for raw in raws:
        payload = bytes(raw)
        yield PulledRow(payload=payload, content_hash=hash_row(payload), is_booked=is_booked)


def hash_row(payload: bytes) -> bytes:
    """Return the SHA-256 of a row's canonical JSON: keys sorted, no blanks.

    :param payload: JSON text of the row.
    :raises msgspec.DecodeError: If it is not a JSON object.
    """
    return hashlib.sha256(_canonical.encode(_row.decode(payload))).digest()
