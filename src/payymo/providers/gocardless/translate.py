"""One row of a transactions answer in Payymo's words."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal, InvalidOperation
from typing import Any, Final, NamedTuple

import msgspec

from payymo.domain.banking import CurrencyExchange, PulledRow, TransactionRecord
from payymo.domain.enums import BalanceType
from payymo.domain.errors import InvalidInputError, ProviderResponseError
from payymo.domain.money import parse_amount
from payymo.providers.gocardless.balances import as_balance_type
from payymo.providers.gocardless.banks.quirks import BankQuirks
from payymo.providers.gocardless.banks.table import quirks_of
from payymo.providers.gocardless.ibans import as_iban
from payymo.providers.gocardless.texts.cleaning import (
    CLEANED_LENGTH_MAX,
    as_name,
    as_reference,
    as_text,
    clean,
)
from payymo.providers.gocardless.texts.labels import Parts, read_parts
from payymo.providers.gocardless.texts.payees import Named, name_in
from payymo.providers.gocardless.texts.references import find_reference

_LINE_COUNT_MAX: Final = 200
_CURRENCY_LENGTH: Final = 3
_NO_CURRENCY: Final = "XXX"
_DATE_LENGTH: Final = len("2025-01-31")
_RATE_LENGTH_MAX: Final = 40
_RATE_MIN: Final = Decimal("1e-12")
_RATE_MAX: Final = Decimal("1e9")
_YEARS: Final = range(1970, 2200)

_row = msgspec.json.Decoder(dict[str, Any], float_hook=Decimal)
_BILLED = re.compile(
    r"billingAmount: ?(?:(?P<before>[A-Z]{3}) ?)?(?P<amount>[-+]?\d{1,16}(?:[.,]\d{1,4})?)"
    r"(?: ?(?P<after>[A-Z]{3})\b)?"
)
_DAY_IN_TEXT = re.compile(
    r"(?<!\d)(?:(\d{4})-?(\d\d)-?(\d\d)|(\d{1,2})[./-](\d{1,2})[./-](\d{4}|\d\d))(?!\d)"
)
_KEY_VALUES = re.compile(r"(?:^|, ?)(narrative|atmPosName): ?(\[[^\]]*\]|[^,]*)")
_DAY_BEFORE_NAME = re.compile(r"\d{1,2}\.\d{1,2}\.?(?:\d{2,4})? (?=[^\W\d_])")
_PROSE = re.compile(r"[^\W\d_]{2} [^\W\d_]{2}")
_NOT_ALPHANUMERIC = re.compile(r"[\W_]+")

type Payload = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class _Side:
    """Who is on the other side, by the fields of the row.

    :ivar is_expected: Whether the field is that of the other side by the amount's sign.
    """

    name: str | None
    ultimate_name: str | None
    iban: str | None
    account: str | None
    is_expected: bool


@dataclass(frozen=True, slots=True)
class _Wording:
    """What the text of a row says.

    :ivar sent: The lines as sent.
    :ivar lines: The same, fit for cleaning: bounded and without blank ones.
    """

    sent: tuple[str, ...]
    lines: tuple[str, ...]
    parts: Parts


def translate(
    row: PulledRow,
    *,
    institution_reference: str | None,
    account_currency: str | None = None,
    today: date | None = None,
) -> TransactionRecord:
    """Return a pulled row in Payymo's words. Pure: asks nobody.

    :param row: The row, as received.
    :param institution_reference: GoCardless's id of the bank, whose habits are known by it.
    :param account_currency: The account's, for rows that do not name theirs.
    :param today: Present day: a pending row is not dated after it.
    :raises ProviderResponseError: If the row has no amount, or is no JSON object.
    """
    try:
        payload = _row.decode(row.payload)
    except (msgspec.DecodeError, ValueError, ArithmeticError, RecursionError) as error:
        raise ProviderResponseError("A transaction is not a JSON object.") from error
    return translate_payload(
        payload,
        is_booked=row.is_booked,
        quirks=quirks_of(institution_reference),
        account_currency=account_currency,
        today=today,
    )


def translate_payload(
    payload: Payload,
    *,
    is_booked: bool,
    quirks: BankQuirks,
    account_currency: str | None = None,
    today: date | None = None,
) -> TransactionRecord:
    """Return a decoded row in Payymo's words.

    :param payload: The row's fields; numbers that are not whole must be decimals.
    :param is_booked: Whether the bank lists it as booked.
    :param quirks: How the bank differs.
    :param account_currency: The account's, for rows that do not name theirs.
    :param today: Present day: a pending row is not dated after it.
    :raises ProviderResponseError: If the row has no amount, or only dates that are none.
    """
    wording = _wording(payload, quirks)
    amount, currency = _amount(payload, wording, quirks, account_currency, is_booked=is_booked)
    wording = _with_other(wording, amount)
    transaction_id = as_reference(payload.get("transactionId"))
    if is_booked and quirks.provisional_id and transaction_id:
        is_booked = quirks.provisional_id.match(transaction_id) is None
    side = _side(payload, amount, quirks)
    named = _named(wording, side, quirks, is_booked=is_booked)
    booking_date = _date(payload, "bookingDate") or _date(payload, "bookingDateTime")
    value_date = _date(payload, "valueDate") or _date(payload, "valueDateTime")
    if is_booked and booking_date is None and value_date is None:
        _refuse_unreadable_dates(payload)
    parts = wording.parts
    balance_after = _balance_after(payload, currency)
    return TransactionRecord(
        amount=amount,
        currency=currency,
        is_booked=is_booked,
        booking_date=booking_date,
        value_date=value_date,
        trusted_id=as_reference(payload.get(quirks.trusted_id)) if quirks.trusted_id else None,
        transaction_id=_transaction_id(transaction_id, quirks),
        internal_id=as_reference(payload.get("internalTransactionId")),
        entry_reference=as_reference(payload.get("entryReference")),
        end_to_end_id=as_reference(payload.get("endToEndId")) or parts.end_to_end_id,
        mandate_id=as_reference(payload.get("mandateId")) or parts.mandate_id,
        creditor_id=as_reference(payload.get("creditorId")) or parts.creditor_id,
        counterparty_name=side.name or side.ultimate_name or parts.name,
        counterparty_iban=side.iban or as_iban(parts.iban),
        counterparty_account=side.account,
        payee=_payee(side, named, quirks, parts),
        description=_description(wording, side, named, quirks),
        remittance="\n".join(wording.sent) or None,
        structured_reference=find_reference(
            _structured(payload), " ".join(wording.lines)[:CLEANED_LENGTH_MAX]
        ),
        purpose_code=as_reference(payload.get("purposeCode")),
        bank_transaction_code=as_reference(payload.get("bankTransactionCode")),
        proprietary_code=as_reference(payload.get("proprietaryBankTransactionCode")),
        merchant_category_code=as_reference(payload.get("merchantCategoryCode")),
        exchange=_exchange(payload.get("currencyExchange")),
        balance_after=balance_after.amount,
        balance_after_type=balance_after.balance_type,
        balance_after_currency=balance_after.currency,
        transaction_date=_transaction_date(
            payload, wording, named, quirks, is_booked=is_booked, today=today
        ),
    )


# Amount


def _amount(
    payload: Payload,
    wording: _Wording,
    quirks: BankQuirks,
    account_currency: str | None,
    *,
    is_booked: bool,
) -> tuple[Decimal, str]:
    amount, currency = _money(payload.get("transactionAmount"))
    if amount is None or currency is None:
        raise ProviderResponseError("A transaction has no amount with a currency.")
    if currency == _NO_CURRENCY:
        currency = _balance_currency(payload) or account_currency or currency
    if quirks.spending_is_positive:
        amount = -amount
    elif quirks.billed_currency and (billed := _billed(wording)):
        text, billed_currency = billed
        known = _currency(billed_currency) or account_currency or _balance_currency(payload)
        amount, currency = _as_billed(text, amount), known or quirks.billed_currency
    elif quirks.unsigned_purchase and not is_booked and amount > 0 and wording.lines:
        amount = -amount if wording.lines[0].startswith(quirks.unsigned_purchase) else amount
    return amount, currency


def _billed(wording: _Wording) -> tuple[str, str | None] | None:
    """Return the account's amount, and its currency where told, as the text has them."""
    found = _BILLED.match(wording.lines[0]) if wording.lines else None
    return found and (found["amount"], found["before"] or found["after"])


def _as_billed(text: str, foreign: Decimal) -> Decimal:
    """Return the account's amount, with the sign of the foreign one where it has none."""
    amount = Decimal(text.replace(",", "."))
    return amount.copy_sign(foreign) if text[0].isdigit() else amount


def _money(value: object) -> tuple[Decimal | None, str | None]:
    """Return an amount and its currency, each where it can be read."""
    if not isinstance(value, dict):
        return None, None
    return _decimal(value.get("amount")), _currency(value.get("currency"))


def _decimal(value: object) -> Decimal | None:
    if isinstance(value, str):
        text = value.strip()
        if "," in text and "." not in text:
            text = text.replace(",", ".", 1)
    elif isinstance(value, int | Decimal) and not isinstance(value, bool):
        text = format(Decimal(value), "f")
    else:
        return None
    try:
        return parse_amount(text)
    except InvalidInputError:
        return None


def _currency(value: object) -> str | None:
    if not isinstance(value, str):
        return None
    code = value.strip().upper()
    return code if len(code) == _CURRENCY_LENGTH and code.isascii() and code.isalpha() else None


def _balance_currency(payload: Payload) -> str | None:
    balance = payload.get("balanceAfterTransaction")
    if not isinstance(balance, dict):
        return None
    _, currency = _money(balance.get("balanceAmount"))
    return None if currency == _NO_CURRENCY else currency


class _BalanceAfter(NamedTuple):
    """The balance that a row states after itself, where it does."""

    amount: Decimal | None = None
    balance_type: BalanceType | None = None
    currency: str | None = None


def _balance_after(payload: Payload, row_currency: str) -> _BalanceAfter:
    """Return the running balance; one that names no currency is in the row's."""
    balance = payload.get("balanceAfterTransaction")
    if not isinstance(balance, dict):
        return _BalanceAfter()
    amount, _ = _money(balance.get("balanceAmount"))
    if amount is None:
        return _BalanceAfter()
    currency = _balance_currency(payload) or row_currency
    return _BalanceAfter(amount, as_balance_type(balance.get("balanceType")), currency)


def _exchange(value: object) -> CurrencyExchange | None:
    """Return the first exchange: one object or a list of them, each field optional."""
    first = next((item for item in value if item), None) if isinstance(value, list) else value
    if not isinstance(first, dict):
        return None
    instructed, instructed_currency = _money(first.get("instructedAmount"))
    exchange = CurrencyExchange(
        source_currency=_currency(first.get("sourceCurrency")),
        target_currency=_currency(first.get("targetCurrency")),
        unit_currency=_currency(first.get("unitCurrency")),
        rate=_rate(first.get("exchangeRate")),
        instructed_amount=instructed,
        instructed_currency=instructed_currency,
        quotation_date=_date(first, "quotationDate"),
    )
    return None if exchange == _NO_EXCHANGE else exchange


_NO_EXCHANGE: Final = CurrencyExchange(None, None, None, None, None, None, None)


def _rate(value: object) -> Decimal | None:
    """Return a rate that money can be multiplied by; one that is out of all measure is none."""
    text = str(value).strip().replace(",", ".")
    if len(text) > _RATE_LENGTH_MAX or isinstance(value, bool):
        return None
    try:
        rate = Decimal(text)
    except InvalidOperation:
        return None
    return rate if rate.is_finite() and _RATE_MIN < rate < _RATE_MAX else None


# Dates


def _date(fields: Payload, name: str) -> date | None:
    """Return the calendar date as written: a time and its zone are not looked at."""
    value = fields.get(name)
    if not isinstance(value, str):
        return None
    text = value.strip()
    try:
        day = date.fromisoformat(text[:_DATE_LENGTH])
    except ValueError:
        return None
    return day if day.year in _YEARS and text[4:5] == "-" else None


def _refuse_unreadable_dates(payload: Payload) -> None:
    for name in ("bookingDate", "valueDate", "bookingDateTime", "valueDateTime"):
        if as_text(payload.get(name)) is not None:
            raise ProviderResponseError("A booked transaction's only date is not a date.")


def _transaction_date(
    payload: Payload,
    wording: _Wording,
    named: Named | None,
    quirks: BankQuirks,
    *,
    is_booked: bool,
    today: date | None,
) -> date | None:
    days = (_date(payload, name) for name in quirks.dates)
    day = next((day for day in days if day is not None), None)
    if is_booked and quirks.purchase_day_in_text and named and named.day:
        day = _day_in(named.day) or day
    if quirks.books_on_next_first and day and day.day == 1:
        value_date = _date(payload, "valueDate")
        day = value_date if value_date is not None and value_date < day else day
    if is_booked:
        return day
    if day is None:
        day = _day_in(" ".join(wording.lines))
    return today if day is not None and today is not None and day > today else day


def _day_in(text: str) -> date | None:
    """Return the first day that a text names, year first or day first."""
    for match in _DAY_IN_TEXT.finditer(text):
        year, month, day, first, second, last = match.groups()
        if year is None:
            year, month, day = f"20{last}"[-len("2025") :], second, first
        try:
            found = date(int(year), int(month), int(day))
        except ValueError:
            continue
        if found.year in _YEARS:
            return found
    return None


# Identity


def _transaction_id(transaction_id: str | None, quirks: BankQuirks) -> str | None:
    if transaction_id is None or quirks.transaction_id_is_shared:
        return None
    if quirks.transaction_id and not quirks.transaction_id.fullmatch(transaction_id):
        return None
    return transaction_id


# The other side


def _side(payload: Payload, amount: Decimal, quirks: BankQuirks) -> _Side:
    """Return the other side by sign; where its fields say nothing, the side that says something."""
    expected, opposite = ("creditor", "Creditor"), ("debtor", "Debtor")
    if amount > 0:
        expected, opposite = opposite, expected
    side = _side_of(payload, *expected, quirks, is_expected=True)
    if side.name or side.ultimate_name:
        return side
    other = _side_of(payload, *opposite, quirks, is_expected=False)
    if side.iban or side.account:
        return _Side(other.name, other.ultimate_name, side.iban, side.account, is_expected=False)
    return other if other.name or other.ultimate_name else side


def _side_of(
    payload: Payload, role: str, title: str, quirks: BankQuirks, *, is_expected: bool
) -> _Side:
    iban, account = _account(payload.get(f"{role}Account"))
    return _Side(
        name=as_name(payload.get(f"{role}Name")),
        ultimate_name=as_name(payload.get(f"ultimate{title}")),
        iban=None if iban in quirks.bank_ibans else iban,
        account=account,
        is_expected=is_expected,
    )


def _account(value: object) -> tuple[str | None, str | None]:
    """Return the IBAN and any other number of an account, which may be a plain text."""
    if value is None:
        return None, None
    fields = value if isinstance(value, dict) else {"iban": value}
    written = as_reference(fields.get("iban"))
    iban = as_iban(written)
    numbers = [None if iban else written]
    numbers += [as_reference(fields.get(name)) for name in ("bban", "maskedPan", "pan", "msisdn")]
    return iban, next((number for number in numbers if number and number.strip("0")), None)


# Text


def _wording(payload: Payload, quirks: BankQuirks) -> _Wording:
    sent = tuple(_lines_sent(payload))
    joined = "\n".join(sent)[:CLEANED_LENGTH_MAX]
    lines = tuple(" ".join(line.split()) for line in joined.splitlines() if line.strip())
    if quirks.clean_line:
        lines = tuple(line for line in map(quirks.clean_line, lines) if line)
    parts = read_parts(" ".join(lines))
    terminal = _terminal(payload)
    return _Wording(sent, lines, replace(parts, name=terminal) if terminal else parts)


def _with_other(wording: _Wording, amount: Decimal) -> _Wording:
    """Return a wording whose name is that of the other side by sign, or of the only one named."""
    parts = wording.parts
    if parts.name or not (parts.payer or parts.receiver):
        return wording
    expected, opposite = parts.receiver, parts.payer
    if amount > 0:
        expected, opposite = opposite, expected
    return replace(wording, parts=replace(parts, name=expected or opposite))


def _lines_sent(payload: Payload) -> Sequence[str]:
    """Return the text by the first field in the chain that has one.

    Where both the list and the plain text are there, the list is whole and the text may be cut;
    only a longer text wins over it. A code that is written in words is better than nothing.
    """
    plain = list(_texts(payload.get("remittanceInformationUnstructured")))
    listed = list(_texts(payload.get("remittanceInformationUnstructuredArray")))
    if plain or listed:
        text = plain if _length(plain) > _length(listed) else listed
        return [*text, *_told_by_keys(payload).values()]
    for name in (
        "remittanceInformationStructured",
        "remittanceInformationStructuredArray",
        "additionalInformation",
        "additionalInformationStructured",
    ):
        lines = list(_texts(payload.get(name)))
        if lines and name == "additionalInformation":
            return list(_told_by_keys(payload).values()) or lines
        if lines:
            return lines
    code = as_text(payload.get("proprietaryBankTransactionCode"))
    return (code,) if code and _PROSE.search(code) else ()


def _texts(value: object) -> Iterator[str]:
    """Yield the texts of a field: a text, a list of texts, or objects that hold a reference."""
    if isinstance(value, list):
        for item in value[:_LINE_COUNT_MAX]:
            yield from _texts(item if not isinstance(item, list) else None)
    elif isinstance(value, dict):
        yield from _texts(as_text(value.get("reference")))
    elif (text := as_text(value)) is not None:
        yield from (line for line in text.splitlines() if line.strip())


def _length(lines: Sequence[str]) -> int:
    return sum(len("".join(line.split())) for line in lines)


def _told_by_keys(payload: Payload) -> dict[str, str]:
    """Return the parts for people of an ``additionalInformation`` that is keys and values."""
    text = payload.get("additionalInformation")
    if not isinstance(text, str) or ":" not in text:
        return {}
    found = dict(_KEY_VALUES.findall(text[:CLEANED_LENGTH_MAX]))
    parts = {key: found.get(key, "").strip("[] '\"") for key in ("atmPosName", "narrative")}
    return {key: part for key, part in parts.items() if part}


def _terminal(payload: Payload) -> str | None:
    return as_name(_told_by_keys(payload).get("atmPosName"))


def _structured(payload: Payload) -> str | None:
    """Return the first text of the fields for structured remittance."""
    for name in ("remittanceInformationStructured", "remittanceInformationStructuredArray"):
        for text in _texts(payload.get(name)):
            return text[:CLEANED_LENGTH_MAX]
    return None


def _named(wording: _Wording, side: _Side, quirks: BankQuirks, *, is_booked: bool) -> Named | None:
    """Return whom the text names, where that can matter."""
    is_known = side.is_expected and (side.name or side.ultimate_name)
    if is_known and not quirks.names_are_own and not quirks.purchase_day_in_text:
        return None
    if quirks.pending_names_nobody and not is_booked:
        return None
    parts = wording.parts
    if parts.text is None:
        return name_in(wording.lines, quirks.payee_forms) if wording.lines else None
    named = name_in((parts.head,), quirks.payee_forms) if parts.head else None
    return named if named and named.is_certain else name_in((parts.text,), quirks.payee_forms)


def _payee(side: _Side, named: Named | None, quirks: BankQuirks, parts: Parts) -> str | None:
    """Return what a person would call the other side.

    Its own name first. Where only the account holder's side is named, a text of known form
    names the other side better; a text that is merely left over does not.
    """
    name = parts.other_name or side.ultimate_name or side.name
    if name and name[0].isdigit():
        name = _DAY_BEFORE_NAME.sub("", name)
    if name and quirks.name_prefix:
        name = name.removeprefix(quirks.name_prefix).strip() or name
    if named is not None and (quirks.names_are_own or name is None):
        return parts.name or named.payee
    if named is not None and not side.is_expected and named.is_certain:
        return parts.name or named.payee
    return name or parts.name


def _description(
    wording: _Wording, side: _Side, named: Named | None, quirks: BankQuirks
) -> str | None:
    """Return the text without the bank's noise, and without a first line that is the name."""
    if named is not None and named.note:
        return named.note
    if wording.parts.text:
        return wording.parts.text
    lines = wording.lines
    if len(lines) > 1 and _repeats(lines[0], side.name, named):
        lines = lines[1:]
    cleaned = quirks.join_lines(lines) if quirks.join_lines else clean(" ".join(lines))
    return cleaned if any(map(str.isalnum, cleaned)) else None


def _repeats(line: str, name: str | None, named: Named | None) -> bool:
    """Return whether a line says nothing but whom the payment is with."""
    if named is not None and named.is_certain and line.endswith(named.payee):
        return True
    return name is not None and _letters(line) == _letters(name)


def _letters(text: str) -> str:
    return _NOT_ALPHANUMERIC.sub("", text).casefold()
