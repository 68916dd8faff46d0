"""Accounts in Payymo's words."""

from collections.abc import Mapping
from typing import Any, Final

from payymo.domain.banking import AccountRecord, Quota
from payymo.domain.enums import AccountStatus, AccountType
from payymo.providers.gocardless.api.models import Account, Details
from payymo.providers.gocardless.ibans import as_iban
from payymo.providers.gocardless.texts.cleaning import as_name, as_reference

_CURRENCY_LENGTH: Final = 3

_STATUSES: Final[Mapping[str, AccountStatus]] = {
    "READY": AccountStatus.ACTIVE,
    "DISCOVERED": AccountStatus.UNAVAILABLE,
    "PROCESSING": AccountStatus.UNAVAILABLE,
    "EXPIRED": AccountStatus.UNAVAILABLE,
    "SUSPENDED": AccountStatus.SUSPENDED,
    "ERROR": AccountStatus.ERROR,
}

#: What the bank itself says of the account; it outranks GoCardless's "ready".
_BANK_STATUSES: Final[Mapping[str, AccountStatus]] = {
    "deleted": AccountStatus.INACTIVE,
    "blocked": AccountStatus.UNAVAILABLE,
}

_TYPES: Final[Mapping[str, AccountType]] = {
    "CACC": AccountType.CURRENT,
    "CARD": AccountType.CARD,
    "CASH": AccountType.CASH,
    "LOAN": AccountType.LOAN,
    "MGLD": AccountType.LOAN,
    "SVGS": AccountType.SAVINGS,
    "LLSV": AccountType.SAVINGS,
    "ONDP": AccountType.SAVINGS,
    "TRAN": AccountType.TRANSACTION,
}


def account_record(
    reference: str,
    account: Account,
    details: Details | None,
    *,
    quota: Quota | None,
    payload: Mapping[str, Any],
) -> AccountRecord:
    """Return an account from what GoCardless knows and, where asked, what the bank says.

    The bank's word wins: GoCardless's own fields are often empty, or hold a wallet's number
    where an IBAN should be.

    :param reference: GoCardless's id of the account.
    :param details: The bank's description; ``None`` where it was not asked for.
    :param quota: What is left of the details scope.
    :param payload: Both answers, as received.
    """
    told = details or Details()
    iban = as_iban(told.iban) or as_iban(account.iban)
    return AccountRecord(
        reference=reference,
        resource_id=as_reference(told.resource_id),
        iban=iban,
        bban=as_reference(told.bban) or as_reference(told.scan) or as_reference(account.bban),
        bic=as_reference(told.bic),
        masked_number=as_reference(told.masked_pan) or _not_an_iban(told.iban, account.iban),
        name=_first_name(told.name, account.name, told.display_name, told.product),
        owner_name=_first_name(told.owner_name, account.owner_name),
        product=as_name(told.product),
        currency=as_currency(told.currency),
        account_type=_TYPES.get((told.cash_account_type or "").upper(), AccountType.OTHER),
        status=_status(account, told),
        quota=quota,
        payload=payload,
    )


def as_currency(text: str | None) -> str | None:
    """Return a currency code; ``XXX``, which stands for none, is none."""
    code = (text or "").strip().upper()
    is_code = len(code) == _CURRENCY_LENGTH and code.isascii() and code.isalpha()
    return code if is_code and code != "XXX" else None


def _status(account: Account, details: Details) -> AccountStatus:
    by_bank = _BANK_STATUSES.get((details.status or "").lower())
    by_provider = _STATUSES.get((account.status or "").upper(), AccountStatus.UNAVAILABLE)
    return by_bank if by_bank and by_provider is AccountStatus.ACTIVE else by_provider


def _first_name(*values: str | None) -> str | None:
    return next((name for value in values if (name := as_name(value))), None)


def _not_an_iban(*values: str | None) -> str | None:
    """Return the number of a card or wallet that a bank gave for an IBAN."""
    numbers = (as_reference(value) for value in values)
    return next((number for number in numbers if number and not as_iban(number)), None)
