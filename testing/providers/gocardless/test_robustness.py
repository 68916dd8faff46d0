"""Whatever comes, a row is translated or refused, in a time that grows with its length alone."""

import json
import time
from collections.abc import Iterator
from datetime import date
from typing import Any, Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from payymo.domain.banking import PulledRow
from payymo.domain.errors import ProviderResponseError
from payymo.domain.ledger.balances import find_booked_balance
from payymo.providers.gocardless.balances import read_balance_records
from payymo.providers.gocardless.banks.table import BANKS, quirks_of
from payymo.providers.gocardless.lines import translate_lines
from payymo.providers.gocardless.translate import translate

TODAY: Final = date(2026, 3, 1)

#: One institution of each row of the table, and one of none.
INSTITUTIONS: Final = [
    None,
    *(f"{(*row.institutions, 'X_')[0]}{(*row.bics, 'X')[0]}" for row in BANKS),
]

#: What the patterns look for: the pieces of which a hostile text is made.
PIECES: Final = (
    "REF ", "PAGAMENTO ", "BONIFICO A VOSTRO FAVORE DA ", "FASTER PAYMENTS RECEIPT REF.", "CB a ",
    "Ord: ", "/DE ", "DE: ", "a: ", "PRESSO ", "DI EUR 1 ", "Bizum de a ", "concepto: ", "o/c ",
    "with reference ", "Sent money to ", "KARTENZAHLUNG 03.02. ", "12:34 ", "03.02.2026 ",
    "EUR 1,00 ", "X1234 ", "4000******0042 ", "nr ", "carta 1234 ", "PAS123,", "a*b ", "da *",
    "HAI INVIATO A b - ", "Terminal: ", "Beneficiar: a", "a, b ", "card no", "FPS, ", "To A",
    "1234 03FEB26 ", "POSC03FEB ", "billingAmount: 1 ", "narrative: [", "atmPosName: ", "1 2 3 ",
    "PIRKUMS 400000******0042 03.02.2026 1 EUR (1) ", "(..1234) 2026-02-03 10:11 ", "- ", "> ",
    "//", "\\", ")))", "SVWZ+", "EREF: ", "/NAME/", "/REMI/", "+++123/", "RF18 ", "KID 1", "&amp;",
    "NOTPROVIDED ", "\\U0001F600", "End-to-End-Ref.: ", "/Txt/D|", "VIR INST ", "DOP. VISA ",
    "CARTE 03/02 ", "ÉRINTŐ", "MITT. a ", "CREDITORE: ", "ABI-CAB ", ",", ";", "[", "\n", "\x00",
    "\ufeff", "é", "😀", " ", "1", "a", "(", ")", "SEPA ",
)  # fmt: skip

FIELDS: Final = st.sampled_from(
    """
    transactionAmount amount currency bookingDate bookingDateTime valueDate valueDateTime
    transactionId internalTransactionId entryReference endToEndId mandateId creditorId
    creditorName debtorName ultimateCreditor ultimateDebtor creditorAccount debtorAccount iban
    bban maskedPan pan msisdn remittanceInformationUnstructured
    remittanceInformationUnstructuredArray remittanceInformationStructured
    remittanceInformationStructuredArray additionalInformation additionalInformationStructured
    currencyExchange exchangeRate instructedAmount sourceCurrency unitCurrency quotationDate
    balanceAfterTransaction balanceAmount balanceType purposeCode bankTransactionCode
    proprietaryBankTransactionCode merchantCategoryCode reference
    """.split()
)
TEXTS: Final = st.text(st.characters(codec="utf-8"), max_size=40) | st.lists(
    st.sampled_from(PIECES), max_size=8
).map("".join)
VALUES: Final = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | TEXTS
    | st.sampled_from(["2026-02-03", "EUR", "XXX", "-1.00", "1e400", "DE89370400440532013000"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(FIELDS, inner, max_size=4),
    max_leaves=12,
)
ROWS: Final = st.dictionaries(FIELDS, VALUES, max_size=9)


@settings(max_examples=400, deadline=None)
@given(
    row=ROWS,
    has_amount=st.booleans(),
    bank=st.sampled_from(INSTITUTIONS),
    is_booked=st.booleans(),
    currency=st.sampled_from([None, "KWD"]),
)
def test_any_row_is_translated_or_refused(
    row: dict[str, Any], has_amount: bool, bank: str | None, is_booked: bool, currency: str | None
) -> None:
    if has_amount:
        row["transactionAmount"] = {"amount": "-1.005", "currency": "XXX"}
    pulled = PulledRow(json.dumps(row).encode(), b"", is_booked=is_booked)

    try:
        record = translate(
            pulled, institution_reference=bank, account_currency=currency, today=TODAY
        )
    except ProviderResponseError:
        return

    assert record.amount.is_finite()
    assert len(record.currency) == 3
    for text in (record.payee, record.description, record.remittance, record.counterparty_name):
        assert text is None or (text.strip() and "\x00" not in text)
        assert text is None or text.encode()
    assert record.is_booked <= is_booked


@settings(max_examples=200, deadline=None)
@given(line=ROWS.map(json.dumps) | st.text(max_size=60) | VALUES.map(json.dumps))
def test_any_line_has_one_answer(line: str) -> None:
    (answer,) = translate_lines([line], today=TODAY)

    assert isinstance(json.loads(answer), dict)


@settings(max_examples=200, deadline=None)
@given(balances=st.lists(VALUES | ROWS, max_size=3), bank=st.sampled_from(INSTITUTIONS))
def test_any_balances_are_read_or_refused(balances: list[Any], bank: str | None) -> None:
    try:
        records = list(read_balance_records({"balances": balances}))
    except ProviderResponseError:
        return

    find_booked_balance(records, rule=quirks_of(bank).balance_rule, currency="EUR")


def hostile_texts() -> Iterator[str]:
    yield from (piece * (50_000 // len(piece)) for piece in PIECES)
    for place, piece in enumerate(PIECES):
        other = PIECES[(place * 7 + 3) % len(PIECES)]
        yield (piece + other) * (50_000 // len(piece + other))


@pytest.mark.parametrize("start", range(4))
def test_hostile_texts_take_no_longer_than_others(start: int) -> None:
    """Fifty thousand characters cost milliseconds; what grows as their square costs minutes."""
    for place, text in enumerate(hostile_texts()):
        if place % 4 != start:
            continue
        bank = INSTITUTIONS[place % len(INSTITUTIONS)]
        fields = {
            "remittanceInformationUnstructured": text,
            "creditorName": text,
            "additionalInformation": text,
            "transactionAmount": {"amount": "5", "currency": "EUR"},
        }
        for row in (fields, {**fields, "creditorName": None}):
            pulled = PulledRow(json.dumps(row).encode(), b"", is_booked=True)
            began = time.process_time()

            translate(pulled, institution_reference=bank, today=TODAY)

            assert time.process_time() - began < 0.5, text[:40]
