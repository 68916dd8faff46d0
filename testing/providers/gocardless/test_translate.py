import json
from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from payymo.domain.banking import CurrencyExchange, PulledRow, TransactionRecord
from payymo.domain.enums import BalanceType
from payymo.domain.errors import ProviderResponseError
from payymo.providers.gocardless.translate import translate

GERMAN = "DE89370400440532013000"


def translated(**fields: Any) -> TransactionRecord:
    """Translate a row of which only what matters is given."""
    bank, today = fields.pop("bank", None), fields.pop("today", None)
    of_account = fields.pop("account_currency", None)
    is_booked = fields.pop("booked", True)
    payload = {
        "bookingDate": "2026-02-03",
        "transactionAmount": {"amount": "-12.50", "currency": "EUR"},
    } | fields
    row = PulledRow(json.dumps(payload).encode(), b"", is_booked=is_booked)
    return translate(row, institution_reference=bank, account_currency=of_account, today=today)


def money(amount: object, currency: object = "EUR") -> dict[str, object]:
    return {"amount": amount, "currency": currency}


class TestAmount:
    @pytest.mark.parametrize(
        ("text", "amount"),
        [("10", "10"), ("-3.5", "-3.5"), (" +1.250 ", "1.250"), ("-0,75", "-0.75"), (7, "7")],
    )
    def test_amounts_are_exact_however_they_are_written(self, text: object, amount: str) -> None:
        found = translated(transactionAmount=money(text))

        assert found.amount == Decimal(amount)
        assert str(found.amount) == amount

    def test_a_number_with_a_fraction_is_never_a_float(self) -> None:
        row = PulledRow(
            b'{"transactionAmount":{"amount":0.10000000000000001,"currency":"KWD"}}',
            b"",
            is_booked=True,
        )

        assert translate(row, institution_reference=None).amount == Decimal("0.10000000000000001")

    @pytest.mark.parametrize(
        "amount",
        [
            None,
            "12",
            {},
            money(None),
            money("NaN"),
            money("1e5"),
            money(""),
            money(True),
            money("1", None),
            money("1", "EURO"),
            money("1", "€€€"),
            money("9" * 30),
        ],
    )
    def test_a_row_without_an_amount_cannot_be_understood(self, amount: object) -> None:
        with pytest.raises(ProviderResponseError):
            translated(transactionAmount=amount)

    def test_a_row_without_a_currency_takes_that_of_its_balance(self) -> None:
        balance = {"balanceAmount": money("5.00", "sek"), "balanceType": "InterimBooked"}

        found = translated(transactionAmount=money("1", "XXX"), balanceAfterTransaction=balance)

        assert found.currency == "SEK"
        assert (found.balance_after, found.balance_after_type) == (
            Decimal("5.00"), BalanceType.INTERIM_BOOKED,
        )  # fmt: skip
        assert translated(transactionAmount=money("1", "XXX")).currency == "XXX"

    @pytest.mark.parametrize(("said", "kept"), [("usd", "USD"), ("XXX", "EUR"), (None, "EUR")])
    def test_a_running_balance_keeps_its_own_currency(self, said: str | None, kept: str) -> None:
        balance = {"balanceAmount": {"amount": "5.00", "currency": said}}

        found = translated(transactionAmount=money("1", "EUR"), balanceAfterTransaction=balance)

        assert (found.currency, found.balance_after_currency) == ("EUR", kept)

    def test_a_row_and_a_balance_without_a_currency_take_the_accounts(self) -> None:
        unknown = {"balanceAmount": money("5.00", "XXX"), "balanceType": "interimBooked"}

        alone = translated(transactionAmount=money("1", "XXX"), account_currency="KWD")
        both = translated(
            transactionAmount=money("1", "XXX"),
            balanceAfterTransaction=unknown,
            account_currency="KWD",
        )

        assert (alone.currency, both.currency) == ("KWD", "KWD")

    def test_a_row_in_another_currency_than_the_accounts_keeps_its_own(self) -> None:
        assert translated(transactionAmount=money("1", "PLN"), account_currency="EUR").currency == (
            "PLN"
        )

    @pytest.mark.parametrize(("text", "currency"), [("-1.234", "KWD"), ("500", "JPY")])
    def test_decimals_are_those_of_the_currency(self, text: str, currency: str) -> None:
        found = translated(transactionAmount=money(text, currency))

        assert (str(found.amount), found.currency) == (text, currency)

    @pytest.mark.parametrize("text", ["0", "0.00", "-0.00"])
    def test_a_row_of_nothing_is_kept_with_what_it_says(self, text: str) -> None:
        found = translated(
            transactionAmount=money(text), remittanceInformationUnstructured="Card blocked"
        )

        assert found.amount == 0
        assert found.description == "Card blocked"

    @pytest.mark.parametrize("bank", ["EUROCARD_SE_SKHSFI21", "CETELEM_CETMPTP1XXX"])
    def test_where_spending_is_positive_a_refund_is_money_in(self, bank: str) -> None:
        found = translated(
            bank=bank,
            transactionAmount=money("-9.00", "SEK"),
            creditorName="Me",
            debtorName="Boat Shop",
        )

        assert (found.amount, found.payee) == (Decimal("9.00"), "Boat Shop")

    @pytest.mark.parametrize("balance", [None, "5", {}, {"balanceAmount": {"amount": "x"}}])
    def test_a_balance_that_cannot_be_read_is_none(self, balance: object) -> None:
        assert translated(balanceAfterTransaction=balance).balance_after is None

    def test_a_card_issuer_that_counts_spending_as_positive_is_turned_round(self) -> None:
        found = translated(
            bank="EUROCARD_SE_SKHSFI21",
            transactionAmount=money("99.00", "SEK"),
            creditorName="Boat Shop",
            debtorName="Me",
        )

        assert (found.amount, found.payee) == (Decimal("-99.00"), "Boat Shop")

    @pytest.mark.parametrize(
        ("text", "amount"),
        [("billingAmount: 212.45", "-212.45"), ("billingAmount: +5,5", "5.5"), ("none", "-19.99")],
    )
    def test_the_accounts_amount_is_taken_from_the_text_where_only_it_has_it(
        self, text: str, amount: str
    ) -> None:
        found = translated(
            bank="ENTERCARD_SWEDNOKK",
            transactionAmount=money("-19.99"),
            remittanceInformationUnstructured=text,
        )

        assert found.amount == Decimal(amount)
        assert found.currency == ("EUR" if text == "none" else "SEK")

    def test_a_pending_purchase_without_a_sign_is_money_out(self) -> None:
        text = {"remittanceInformationUnstructured": "ΑΓΟΡΑ Taverna"}
        amount = money("20.00")

        pending = translated(bank="NBG_ETHNGRAA", booked=False, transactionAmount=amount, **text)
        booked = translated(bank="NBG_ETHNGRAA", transactionAmount=amount, **text)

        assert (pending.amount, pending.payee) == (Decimal("-20.00"), "Taverna")
        assert booked.amount == Decimal("20.00")


class TestDates:
    def test_dates_are_taken_as_written_whatever_their_zone(self) -> None:
        found = translated(
            bookingDate=None,
            bookingDateTime="2026-02-03T00:30:00+02:00",
            valueDate="2026-02-05",
        )

        assert (found.booking_date, found.value_date) == (date(2026, 2, 3), date(2026, 2, 5))
        assert found.transaction_date == date(2026, 2, 3)

    def test_a_date_wins_over_a_time_that_says_otherwise(self) -> None:
        found = translated(bookingDateTime="2026-01-30T00:00:00Z")

        assert found.booking_date == date(2026, 2, 3)

    def test_only_a_value_date_is_the_day(self) -> None:
        found = translated(bookingDate=None, valueDate="2026-02-05")

        assert (found.booking_date, found.transaction_date) == (None, date(2026, 2, 5))

    @pytest.mark.parametrize("text", ["not-a-date", "2026-02-30", "20260203", "9999-01-01"])
    def test_a_booked_row_whose_only_date_is_none_cannot_be_understood(self, text: str) -> None:
        with pytest.raises(ProviderResponseError):
            translated(bookingDate=text)

        assert translated(bookingDate=text, valueDate="2026-02-01").booking_date is None
        assert translated(bookingDate=text, booked=False).booking_date is None

    def test_booking_and_value_are_both_kept_and_booking_counts(self) -> None:
        found = translated(valueDate="2026-01-31")

        assert (found.booking_date, found.value_date) == (date(2026, 2, 3), date(2026, 1, 31))
        assert found.transaction_date == date(2026, 2, 3)

    @pytest.mark.parametrize(
        ("fields", "day"),
        [
            ({"bookingDate": None, "bookingDateTime": "2026-02-04T01:00:00+01:00"}, 4),
            ({"bookingDate": None, "valueDate": "2026-02-05"}, 5),
            ({"bookingDate": None, "valueDateTime": "2026-02-06T23:59:59-11:00"}, 6),
            ({"bookingDateTime": "2026-02-07T00:00:00Z", "valueDate": "2026-02-08"}, 3),
        ],
    )
    def test_the_first_date_that_is_there_counts(self, fields: dict[str, Any], day: int) -> None:
        assert translated(**fields).transaction_date == date(2026, 2, day)

    @pytest.mark.parametrize(
        "text",
        [
            "(..9876) 2026-13-45 10:00 Kohvik OU\\Tartu",
            "PIRKUMS 400000******0042 31.02.2026 12.50 EUR (1) KAFEJNICA",
            "PIRKUMS xxx",
        ],
    )
    def test_a_day_in_the_text_that_is_none_does_not_count(self, text: str) -> None:
        found = translated(bank="SWEDBANK_HABALV22", remittanceInformationUnstructured=text)

        assert found.transaction_date == date(2026, 2, 3)

    def test_a_row_without_any_date_is_kept(self) -> None:
        assert translated(bookingDate=None).transaction_date is None

    def test_some_banks_keep_the_day_of_the_purchase_as_value_date(self) -> None:
        days = {"bookingDate": "2026-02-05", "valueDate": "2026-02-03"}

        assert translated(bank="MBANK_RETAIL_BREXPLPW", **days).transaction_date == date(2026, 2, 3)
        assert translated(bank="OTHER_X", **days).transaction_date == date(2026, 2, 5)

    def test_a_booking_on_the_first_of_the_next_month_is_not_the_day(self) -> None:
        found = translated(bank="NORWEGIAN_NO_X", bookingDate="2026-03-01", valueDate="2026-02-11")

        assert found.booking_date == date(2026, 3, 1)
        assert found.transaction_date == date(2026, 2, 11)

    @pytest.mark.parametrize(
        ("booked", "day"), [(True, date(2026, 2, 1)), (False, date(2026, 2, 3))]
    )
    def test_the_day_in_the_text_of_a_booked_card_payment_counts(
        self, booked: bool, day: date
    ) -> None:
        found = translated(
            bank="LHV_LHVBEE22",
            booked=booked,
            remittanceInformationUnstructured="(..9876) 2026-02-01 10:00 Kohvik OU\\Tartu",
        )

        assert (found.transaction_date, found.payee) == (day, "Kohvik OU")

    @pytest.mark.parametrize(
        "text", ["Shop 31.02.2026 2026-02-01", "Shop 01.02.26", "Shop 1/2/2026", "Shop 20260201"]
    )
    def test_a_pending_row_without_a_date_takes_the_first_real_one_of_its_text(
        self, text: str
    ) -> None:
        found = translated(booked=False, bookingDate=None, remittanceInformationUnstructured=text)

        assert found.transaction_date == date(2026, 2, 1)
        assert found.booking_date is None

    def test_a_pending_row_is_not_dated_after_today_but_a_booked_one_stays(self) -> None:
        today = date(2026, 2, 1)

        assert translated(booked=False, today=today).transaction_date == today
        assert translated(booked=True, today=today).transaction_date == date(2026, 2, 3)


class TestIdentity:
    def test_placeholders_are_no_ids(self) -> None:
        found = translated(
            transactionId=" ",
            internalTransactionId="NOTPROVIDED",
            entryReference="Not Provided",
            endToEndId="notprovided",
            mandateId="-",
            creditorId="N/A",
        )

        assert {
            found.transaction_id, found.internal_id, found.entry_reference,
            found.end_to_end_id, found.mandate_id, found.creditor_id, found.trusted_id,
        } == {None}  # fmt: skip

    def test_ids_and_codes_are_kept(self) -> None:
        found = translated(
            transactionId="t",
            internalTransactionId="i",
            entryReference="e",
            endToEndId="E2E-1",
            mandateId="M-1",
            creditorId="C-1",
            purposeCode="SALA",
            bankTransactionCode="PMNT-RCDT-ESCT",
            proprietaryBankTransactionCode="TRANSFER",
            merchantCategoryCode=5411,
        )

        assert (found.transaction_id, found.internal_id, found.entry_reference) == ("t", "i", "e")
        assert (found.end_to_end_id, found.mandate_id, found.creditor_id) == (
            "E2E-1", "M-1", "C-1",
        )  # fmt: skip
        assert (found.purpose_code, found.merchant_category_code) == ("SALA", "5411")
        assert (found.bank_transaction_code, found.proprietary_code) == (
            "PMNT-RCDT-ESCT", "TRANSFER",
        )  # fmt: skip

    def test_an_id_that_many_rows_share_is_replaced_by_one_that_is_unique(self) -> None:
        found = translated(
            bank="BELFIUS_GKCCBEBB", transactionId="same", internalTransactionId="own"
        )

        assert (found.trusted_id, found.transaction_id) == ("own", None)

    @pytest.mark.parametrize(
        ("given_id", "kept"),
        [("a" * 40, True), ("b" * 32, True), ("short", False), ("00DEBIT" + "1" * 33, False)],
    )
    def test_an_id_of_the_wrong_form_is_discarded(self, given_id: str, kept: bool) -> None:
        found = translated(bank="NATIONWIDE_NAIAGB21", transactionId=given_id)

        assert found.transaction_id == (given_id if kept else None)

    def test_a_provisional_row_counts_as_pending_though_listed_as_booked(self) -> None:
        assert not translated(bank="NORDEA_NDEADKKK", transactionId="P123").is_booked
        assert translated(bank="NORDEA_NDEADKKK", transactionId="H123").is_booked


class TestCounterparty:
    def test_money_out_goes_to_the_creditor_and_money_in_comes_from_the_debtor(self) -> None:
        names = {"creditorName": "Shop", "debtorName": "Customer"}

        assert translated(**names).counterparty_name == "Shop"
        assert translated(**names, transactionAmount=money("5")).counterparty_name == "Customer"

    def test_a_valid_iban_is_normalised_and_anything_else_is_another_number(self) -> None:
        valid = translated(creditorAccount={"iban": "de89 3704 0044 0532 0130 00"})
        invalid = translated(creditorAccount={"iban": "DE00 1234", "bban": "77"})
        plain = translated(creditorAccount=GERMAN)

        assert (valid.counterparty_iban, valid.counterparty_account) == (GERMAN, None)
        assert (invalid.counterparty_iban, invalid.counterparty_account) == (None, "DE00 1234")
        assert plain.counterparty_iban == GERMAN

    @pytest.mark.parametrize("account", [None, "", [], 7, {"iban": "0"}, {"iban": ""}])
    def test_an_account_that_says_nothing_is_none(self, account: object) -> None:
        found = translated(creditorAccount=account)

        assert found.counterparty_iban is None
        assert found.counterparty_account in {None, "7"}

    def test_the_banks_own_account_is_not_the_other_sides(self) -> None:
        fields = {"creditorName": "Shop", "creditorAccount": {"iban": "DE96120300009005290904"}}

        assert translated(bank="DKB_BYLADEM1", **fields).counterparty_iban is None

    def test_the_ultimate_creditor_is_whom_a_person_names(self) -> None:
        found = translated(creditorName="Pay Service", ultimateCreditor="Book Shop")

        assert (found.counterparty_name, found.payee) == ("Pay Service", "Book Shop")

    @pytest.mark.parametrize("name", ["", "   ", "NOTPROVIDED", "12345", "-", None, 7, ["x"]])
    def test_a_name_that_names_nobody_gives_way_to_the_other_side(self, name: object) -> None:
        assert translated(creditorName=name, debtorName="Other").payee == "Other"

    def test_names_are_collapsed_and_their_entities_written_out(self) -> None:
        assert translated(creditorName="  Tools   &amp; Sons ").payee == "Tools & Sons"

    def test_a_card_payment_under_the_holders_own_name_is_named_by_its_text(self) -> None:
        found = translated(
            debtorName="MY OWN NAME",
            remittanceInformationUnstructured="Kortkøb 03.02 Bageren Aarhus",
        )

        assert found.payee == "Bageren Aarhus"

    def test_a_text_that_is_merely_left_over_does_not_replace_a_name(self) -> None:
        found = translated(debtorName="SOMEBODY", remittanceInformationUnstructured="Rent March")

        assert found.payee == "SOMEBODY"

    def test_names_that_are_always_the_holders_give_way_to_the_text(self) -> None:
        found = translated(
            bank="SABADELL_BSABESBB",
            creditorName="MY OWN NAME",
            remittanceInformationUnstructured="COMPRA TARJ. 4000XXXXXXXX1234 FRUTERIA",
        )

        assert found.payee == "FRUTERIA"

    def test_the_scheme_before_a_name_is_dropped_from_the_payee_only(self) -> None:
        found = translated(bank="ING_INGDDEFF", creditorName="VISA BAKERY")

        assert (found.payee, found.counterparty_name) == ("BAKERY", "VISA BAKERY")

    def test_placeholders_of_pending_rows_name_nobody(self) -> None:
        text = {"remittanceInformationUnstructured": "Terminal 77"}

        assert translated(bank="SSK_DUSSELDORF_DUSSDEDDXXX", booked=False, **text).payee is None
        assert translated(bank="SSK_DUSSELDORF_DUSSDEDDXXX", **text).payee == "Terminal 77"


class TestText:
    @pytest.mark.parametrize(
        ("fields", "remittance"),
        [
            ({"remittanceInformationUnstructured": "a  b\n c"}, "a  b\n c"),
            ({"remittanceInformationUnstructured": ["a", "", "b"]}, "a\nb"),
            ({"remittanceInformationUnstructuredArray": ["a", "b"]}, "a\nb"),
            (
                {
                    "remittanceInformationUnstructured": "one two",
                    "remittanceInformationUnstructuredArray": ["one", "two"],
                },
                "one\ntwo",
            ),
            (
                {
                    "remittanceInformationUnstructured": "one two three",
                    "remittanceInformationUnstructuredArray": ["one", "two"],
                },
                "one two three",
            ),
            (
                {
                    "remittanceInformationUnstructured": "text",
                    "remittanceInformationUnstructuredArray": [""],
                },
                "text",
            ),
            ({"remittanceInformationStructured": "s"}, "s"),
            ({"remittanceInformationStructured": {"reference": "77"}}, "77"),
            ({"remittanceInformationStructuredArray": ["s", {"reference": "t"}]}, "s\nt"),
            ({"additionalInformation": "more"}, "more"),
            (
                {"additionalInformation": "x: 1, narrative: ['Pay'], atmPosName: Shop"},
                "Shop\nPay",
            ),
            ({"proprietaryBankTransactionCode": "Round up"}, "Round up"),
            ({"proprietaryBankTransactionCode": "48//00"}, None),
            ({}, None),
        ],
    )
    def test_the_text_is_taken_from_the_first_field_that_has_one(
        self, fields: dict[str, object], remittance: str | None
    ) -> None:
        assert translated(**fields).remittance == remittance

    def test_the_description_is_what_the_payer_wrote(self) -> None:
        found = translated(
            creditorName="Firma",
            remittanceInformationUnstructured=(
                f"EREF+E-7 MREF+M-8 CRED+C-9 SVWZ+Rechnung  12 IBAN+{GERMAN} ABWA+Ein Anderer"
            ),
        )

        assert (found.description, found.payee) == ("Rechnung 12", "Ein Anderer")
        assert (found.end_to_end_id, found.mandate_id, found.creditor_id) == ("E-7", "M-8", "C-9")
        assert found.counterparty_iban == GERMAN

    def test_an_empty_reference_is_not_part_of_the_description(self) -> None:
        found = translated(remittanceInformationUnstructured="Corner Shop\nEndToEndID: NOTPROVIDED")

        assert (found.description, found.payee) == ("Corner Shop", "Corner Shop")
        assert found.remittance == "Corner Shop\nEndToEndID: NOTPROVIDED"

    def test_a_first_line_that_only_repeats_the_name_is_left_out(self) -> None:
        found = translated(
            creditorName="Corner Shop Ltd",
            remittanceInformationUnstructuredArray=["CORNER SHOP//LTD", "March"],
        )

        assert found.description == "March"

    def test_a_text_that_was_wrapped_within_its_keywords_is_made_whole(self) -> None:
        found = translated(
            bank="COMMERZBANK_X",
            creditorName="Verein",
            remittanceInformationUnstructuredArray=[
                "Verein", "Beitrag End-to-En", "d-Ref.: NOTPROVIDED", "Dauerauftrag",
            ],
        )  # fmt: skip

        assert found.description == "Beitrag, Dauerauftrag"

    def test_lines_that_are_things_of_their_own_are_joined_with_commas(self) -> None:
        found = translated(
            bank="ABNAMRO_ABNANL2A",
            remittanceInformationUnstructuredArray=["BEA, Betaalpas", "SumUp *Kaashuis,PAS001"],
        )

        assert found.description == "BEA, Betaalpas, SumUp *Kaashuis,PAS001"
        assert found.payee == "Kaashuis"

    def test_what_is_not_for_people_is_taken_out(self) -> None:
        found = translated(
            bank="BANKINTER_X", remittanceInformationUnstructured="/Txt/D|RECIBO AGUAS; SA"
        )

        assert (found.payee, found.description) == ("AGUAS SA", "RECIBO AGUAS SA")

    def test_a_long_text_is_kept_whole_and_cleaned_in_part(self) -> None:
        text = "word " * 2000

        found = translated(remittanceInformationUnstructured=text)

        assert found.remittance == text.strip()
        assert found.description is not None
        assert found.payee is not None
        assert (len(found.description) <= 1000, len(found.payee) <= 140) == (True, True)

    def test_characters_that_nobody_wrote_are_removed(self) -> None:
        found = translated(remittanceInformationUnstructured="a\x00b\u200bc\u202f\\U0001F600")

        assert found.remittance == "abc\u202f😀"

    def test_lines_in_no_fixed_order_are_searched_for_the_one_that_names(self) -> None:
        found = translated(
            bank="BOURSORAMA_X",
            remittanceInformationUnstructuredArray=["CADEAU", "CARTE 03/02/26 LIBRAIRIE 75 CB*12"],
        )

        assert found.payee == "LIBRAIRIE"

    def test_a_reference_is_found_in_its_field_and_in_the_text(self) -> None:
        field = translated(
            remittanceInformationUnstructured="Invoice",
            remittanceInformationStructured="RF18 5390 0754 7034",
        )
        text = translated(remittanceInformationUnstructured="Invoice +++090/9337/55493+++")

        assert field.structured_reference == "RF18539007547034"
        assert text.structured_reference == "090933755493"


class TestExchange:
    def test_an_exchange_is_read_from_an_object(self) -> None:
        found = translated(
            currencyExchange={
                "sourceCurrency": "USD",
                "targetCurrency": "EUR",
                "unitCurrency": "USD",
                "exchangeRate": "1.0850",
                "instructedAmount": money("-13.56", "USD"),
                "quotationDate": "2026-02-02",
            }
        )

        assert found.exchange == CurrencyExchange(
            source_currency="USD",
            target_currency="EUR",
            unit_currency="USD",
            rate=Decimal("1.0850"),
            instructed_amount=Decimal("-13.56"),
            instructed_currency="USD",
            quotation_date=date(2026, 2, 2),
        )

    def test_an_exchange_is_read_from_a_list(self) -> None:
        found = translated(currencyExchange=[{"sourceCurrency": "USD", "exchangeRate": 2}])

        assert found.exchange is not None
        assert (found.exchange.source_currency, found.exchange.rate) == ("USD", Decimal(2))

    @pytest.mark.parametrize(
        "exchange",
        [
            None,
            [],
            [None],
            "x",
            {},
            {"exchangeRate": "x"},
            {"exchangeRate": "-1"},
            {"exchangeRate": "1e-999999999999"},
            {"exchangeRate": "1e12"},
            {"exchangeRate": "0." + "1" * 60},
        ],
    )
    def test_an_exchange_that_says_nothing_is_none(self, exchange: object) -> None:
        assert translated(currencyExchange=exchange).exchange is None


@pytest.mark.parametrize("payload", [b"", b"[]", b"7", b'{"a":', b"\xff", b'{"a":"\\ud800"}'])
def test_a_row_that_is_no_object_cannot_be_understood(payload: bytes) -> None:
    with pytest.raises(ProviderResponseError):
        translate(PulledRow(payload, b"", is_booked=True), institution_reference=None)
