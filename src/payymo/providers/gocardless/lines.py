"""Rows without a database: JSON Lines in, JSON Lines out."""

from collections.abc import Iterable, Iterator
from dataclasses import fields
from datetime import date
from decimal import Decimal
from typing import Any, Final

import msgspec

from payymo.domain.banking import CurrencyExchange, TransactionRecord
from payymo.domain.enums import TransactionStatus
from payymo.domain.errors import PayymoError, ProviderResponseError
from payymo.providers.gocardless.accounts import as_currency
from payymo.providers.gocardless.banks.table import quirks_of
from payymo.providers.gocardless.translate import translate_payload

_LINE_LENGTH_MAX: Final = 4 * 1024 * 1024


class _Line(msgspec.Struct):
    payload: dict[str, Any]
    institution_id: str | None = None
    account: Any = None
    booked: bool = True


_line = msgspec.json.Decoder(_Line, float_hook=Decimal)
_encode = msgspec.json.Encoder().encode


def translate_lines(lines: Iterable[str], *, today: date | None = None) -> Iterator[str]:
    """Yield one line of JSON for each line of JSON, in order, as they come.

    A line is ``{"institution_id", "account"?, "booked", "payload": {…}}``; what comes back holds
    every field of the record, amounts as decimal text, or ``{"error": "…"}`` where the line
    cannot be understood. Blank lines are such lines, too, so that both sides can be counted.

    :param lines: Lines, with or without their ends.
    :param today: Present day: a pending row is not dated after it.
    """
    for line in lines:
        yield _encode(_answer(line, today)).decode()


def _answer(line: str, today: date | None) -> dict[str, Any]:
    try:
        if len(line) > _LINE_LENGTH_MAX:
            raise ProviderResponseError("The line is too long to be one transaction.")
        try:
            row = _line.decode(line.encode())
        except (msgspec.DecodeError, ValueError, ArithmeticError, RecursionError) as error:
            raise ProviderResponseError(
                'The line is not JSON such as {"institution_id": …, "booked": true, "payload": {}}.'
            ) from error
        record = translate_payload(
            row.payload,
            is_booked=row.booked,
            quirks=quirks_of(row.institution_id),
            account_currency=_account_currency(row.account),
            today=today,
        )
    except PayymoError as error:
        return {"error": error.message}
    return _as_json(record)


def _account_currency(account: object) -> str | None:
    currency = account.get("currency") if isinstance(account, dict) else None
    return as_currency(currency) if isinstance(currency, str) else None


def _as_json(record: TransactionRecord) -> dict[str, Any]:
    status = TransactionStatus.BOOKED if record.is_booked else TransactionStatus.PENDING
    return {"status": status} | {
        field.name: _value(getattr(record, field.name)) for field in fields(record)
    }


def _value(value: object) -> object:
    if isinstance(value, Decimal):
        return format(value, "f")
    if isinstance(value, CurrencyExchange):
        return {field.name: _value(getattr(value, field.name)) for field in fields(value)}
    return value
