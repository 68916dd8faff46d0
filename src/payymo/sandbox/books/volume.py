"""One account with as many transactions as are wanted, to measure with."""

from datetime import date, timedelta
from decimal import Decimal

from payymo.sandbox.books import names
from payymo.sandbox.books.dice import dice, digest
from payymo.sandbox.books.numbers import iban
from payymo.sandbox.books.records import CENT, HISTORY_DAYS, BookAccount, Row

_PAYERS = 997


def volume_accounts(name: str) -> tuple[BookAccount, ...]:
    """Return the only account of the book."""
    chance = dice(name, "volume")
    return (
        BookAccount(
            key="main",
            resource_id=digest(name, "volume", size=13).upper(),
            iban=iban("XX", chance),
            currency="EUR",
            owner=names.company("NL", chance),
            name="Collection account",
            product="Business account",
            cash_account_type="CACC",
            usage="ORGA",
            opening=Decimal(0),
        ),
    )


def volume_rows(name: str, count: int, today: date) -> tuple[list[Row], Decimal]:
    """Return exactly ``count`` rows over the 24 months that end today, oldest first.

    :param name: Seed and institution.
    :param count: How many; the same number on every span of as many days.
    :param today: Last day.
    :returns: The rows, and the sum of their amounts. A day's rows are the same on later days.
    """
    payers = [
        (names.company("NL", chance), iban("NL", chance))
        for chance in (dice(name, "payer", number) for number in range(_PAYERS))
    ]
    rows: list[Row] = []
    cents_total = 0
    for back in range(HISTORY_DAYS - 1, -1, -1):
        day = today - timedelta(days=back)
        ordinal = day.toordinal()
        chance = dice(name, "volume", ordinal)
        first, end = ordinal * count // HISTORY_DAYS, (ordinal + 1) * count // HISTORY_DAYS
        for number in range(end - first):
            cents = chance.randrange(500, 250_000)
            cents_total += cents
            payer, account = payers[chance.randrange(_PAYERS)]
            rows.append(Row(ordinal, ordinal, _row(day, number, cents, payer, account)))
    return rows, cents_total * CENT


def _row(day: date, number: int, cents: int, payer: str, account: str) -> bytes:
    """Return a row as JSON; written by hand, since there are so many (no name needs escapes)."""
    key = f"{day:%Y%m%d}{number:06d}"
    return (
        f'{{"transactionId":"{key}","bookingDate":"{day}","valueDate":"{day}",'
        f'"transactionAmount":{{"amount":"{cents // 100}.{cents % 100:02d}","currency":"EUR"}},'
        f'"debtorName":"{payer}","debtorAccount":{{"iban":"{account}"}},'
        f'"remittanceInformationUnstructured":"Order {key} customer {number * 7919 % 100_000}",'
        f'"endToEndId":"NOTPROVIDED","bankTransactionCode":"PMNT-RCDT-ESCT",'
        f'"internalTransactionId":"{int(key):032x}"}}'
    ).encode()
