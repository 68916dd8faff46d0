"""Balances in Payymo's words."""

from collections.abc import Iterator, Mapping
from datetime import date
from typing import Any, Final

from payymo.domain.banking import BalanceRecord
from payymo.domain.enums import BalanceType
from payymo.domain.errors import InvalidInputError, ProviderResponseError
from payymo.domain.money import parse_amount
from payymo.providers.gocardless.api.models import Balance, read

_DATE_LENGTH: Final = len("2025-01-31")
_TYPES: Final[Mapping[str, BalanceType]] = {
    balance_type.replace("_", ""): balance_type for balance_type in BalanceType
}


def as_balance_type(value: object) -> BalanceType:
    """Return a balance's type; the wire does not agree with itself about capitals.

    :param value: GoCardless's word, such as ``interimBooked``.
    """
    if not isinstance(value, str):
        return BalanceType.OTHER
    return _TYPES.get(value.strip().lower(), BalanceType.OTHER)


def read_balance_records(document: Mapping[str, Any]) -> Iterator[BalanceRecord]:
    """Yield the balances of an answer, as reported.

    :param document: Answer of the balances endpoint.
    :raises ProviderResponseError: If it is not of the agreed shape.
    """
    balances = document.get("balances")
    if not isinstance(balances, list):
        raise ProviderResponseError("GoCardless's answer holds no list of balances.")
    for payload in balances:
        yield _record(read(Balance, payload), payload)


def _record(balance: Balance, payload: Mapping[str, Any]) -> BalanceRecord:
    try:
        amount = parse_amount(balance.amount.amount)
    except InvalidInputError as error:
        raise ProviderResponseError("GoCardless's balance has no readable amount.") from error
    return BalanceRecord(
        balance_type=as_balance_type(balance.balance_type),
        amount=amount,
        currency=balance.amount.currency.strip().upper(),
        credit_limit_included=balance.credit_limit_included,
        reference_date=_date(balance.reference_date),
        changed_at=balance.last_change,
        payload=payload,
    )


def _date(text: str | None) -> date | None:
    try:
        return date.fromisoformat(text[:_DATE_LENGTH]) if text else None
    except ValueError:
        return None
