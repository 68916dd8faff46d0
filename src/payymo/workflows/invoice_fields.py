"""Single fields of a file of invoices: from what people write to what is stored."""

import re
from collections.abc import Sequence
from datetime import date
from decimal import Decimal

from stdnum import iban
from stdnum.exceptions import ValidationError

from payymo.domain.enums import DocumentKind
from payymo.domain.errors import InvalidInputError
from payymo.domain.money import check_currency, check_exponent, parse_amount

TEXT_LENGTH_MAX = 200
NOTE_LENGTH_MAX = 4_000

#: Longest number that is looked at: many more characters than any amount of money has.
_AMOUNT_LENGTH_MAX = 40

_ISO_DATE = re.compile(r"(\d{4})-(\d{2})-(\d{2})", re.ASCII)
_DOTTED_DATE = re.compile(r"(\d{1,2})\.(\d{1,2})\.(\d{4})", re.ASCII)
_EMAIL = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+")
_COUNTRY = re.compile(r"[A-Z]{2}")
_CONTROL_SIGNS = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")

_GROUPED = re.compile(r"\d{1,3}(?:([.,' \u2019\u00a0\u2009\u202f])\d{3})(?:\1\d{3})*", re.ASCII)
_IBAN_SEPARATORS = re.compile(r"[;,|\n]+")
_AMBIGUOUS = re.compile(r"-?\d{1,3},\d{3}", re.ASCII)


def read_kind(text: str) -> DocumentKind:
    """Return what a line is.

    :param text: ``invoice`` or ``credit note``, in any case, with a blank, a hyphen or an
        underscore.
    :raises InvalidInputError: If it is neither.
    """
    word = re.sub(r"[\s_-]+", "_", text.strip().lower())
    try:
        return DocumentKind(word)
    except ValueError:
        raise InvalidInputError("Write invoice or credit_note.") from None


def read_total(text: str, currency: str) -> Decimal:
    """Return the total of an invoice.

    :param text: ``1234.56``, or with a decimal comma and thousands separators where that can be
        read in one way only: ``1.234,56``, ``1 234,56``, ``12,5``.
    :param currency: ISO 4217 code in normal form.
    :returns: The amount with exactly its currency's decimals.
    :raises InvalidInputError: If it is no such amount, not positive, too large or too precise.
    """
    if len(text) > _AMOUNT_LENGTH_MAX:
        raise InvalidInputError("The total has too many digits to be money.")
    amount = parse_amount(_plain_number(text.strip()))
    if amount <= 0:
        raise InvalidInputError("The total must be greater than zero.")
    return check_exponent(amount, currency)


def _plain_number(text: str) -> str:
    """Return a number with a decimal point and without separators."""
    if _AMBIGUOUS.fullmatch(text):
        raise InvalidInputError(
            f"{text} can be read in two ways: write 1234.00 for thousands, 1.234 for decimals."
        )
    mark = _decimal_mark(text)
    whole, _, decimals = text.rpartition(mark) if mark else (text, "", "")
    if grouped := _GROUPED.fullmatch(whole):
        whole = whole.replace(grouped.group(1), "")
    return f"{whole}.{decimals}" if mark else whole


def _decimal_mark(text: str) -> str:
    """Return the sign before the decimals: the last separator, if it is there once."""
    last = max(text.rfind("."), text.rfind(","))
    mark = text[last] if last >= 0 else ""
    return mark if text.count(mark) == 1 else ""


def read_currency(text: str) -> str:
    """Return a currency code in its normal form.

    :raises InvalidInputError: If ISO 4217 knows no such currency.
    """
    return check_currency(text)


def read_date(text: str) -> date:
    """Return a day.

    :param text: ``2026-02-28``, or ``28.02.2026``.
    :raises InvalidInputError: If it is written otherwise, or there is no such day.
    """
    given = text.strip()
    if found := _ISO_DATE.fullmatch(given):
        year, month, day = map(int, found.groups())
    elif found := _DOTTED_DATE.fullmatch(given):
        day, month, year = map(int, found.groups())
    else:
        raise InvalidInputError("Write dates as year-month-day, such as 2026-02-28.")
    try:
        return date(year, month, day)
    except ValueError:
        raise InvalidInputError(f"There is no such day as {given}.") from None


def read_text(text: str, *, length_max: int = TEXT_LENGTH_MAX) -> str:
    """Return a text without blanks around it.

    :raises InvalidInputError: If it is too long, or holds signs that cannot be shown.
    """
    given = text.strip()
    if len(given) > length_max:
        raise InvalidInputError(f"The text is longer than {length_max} characters.")
    if _CONTROL_SIGNS.search(given):
        raise InvalidInputError("The text holds control characters: remove them.")
    return given


def read_email(text: str) -> str:
    """Return an e-mail address.

    :raises InvalidInputError: If it does not look like one.
    """
    given = read_text(text)
    if not _EMAIL.fullmatch(given):
        raise InvalidInputError("The e-mail address must look like accounts@example.com.")
    return given


def read_country(text: str) -> str:
    """Return an ISO 3166-1 alpha-2 code.

    :raises InvalidInputError: If it is not two letters.
    """
    given = text.strip().upper()
    if not _COUNTRY.fullmatch(given):
        raise InvalidInputError("Write the country as two letters, such as GB.")
    return given


def read_ibans(text: str) -> tuple[str, ...]:
    """Return account numbers in their normal form, each once.

    :param text: One or several IBANs between semicolons or blanks; blanks within them are fine.
    :raises InvalidInputError: If one of them is not valid.
    """
    found: list[str] = []
    for part in _IBAN_SEPARATORS.split(text):
        found += _ibans_of(part.split())
    return tuple(dict.fromkeys(found))


def _ibans_of(pieces: Sequence[str]) -> list[str]:
    """Return the IBANs that some pieces make up, whether or not each was cut by blanks."""
    if not pieces:
        return []
    if iban.is_valid("".join(pieces), check_country=False):
        return [iban.compact("".join(pieces))]
    try:
        return [iban.validate(piece, check_country=False) for piece in pieces]
    except ValidationError:
        raise InvalidInputError(
            "An IBAN is not valid: check it for a missing or swapped digit."
        ) from None
