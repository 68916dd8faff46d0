import json
from datetime import date

import pytest

from payymo.providers.gocardless.lines import translate_lines


def line(**fields: object) -> str:
    payload = {
        "bookingDate": "2026-02-03",
        "transactionAmount": {"amount": "-12.50", "currency": "EUR"},
        "creditorName": "Bakery",
        "currencyExchange": {"sourceCurrency": "USD", "exchangeRate": "1.1"},
    }
    return json.dumps({"institution_id": None, "booked": True, "payload": payload} | fields)


def test_each_line_becomes_one_line_in_order() -> None:
    answers = [json.loads(answer) for answer in translate_lines([line(), "nonsense", line()])]

    assert [min(answer) for answer in answers] == ["amount", "error", "amount"]


def test_a_record_is_written_with_amounts_and_dates_as_text() -> None:
    answer = json.loads(next(translate_lines([line() + "\n"])))

    assert answer["amount"] == "-12.50"
    assert answer["currency"] == "EUR"
    assert answer["status"] == "booked"
    assert answer["booking_date"] == answer["transaction_date"] == "2026-02-03"
    assert answer["value_date"] is None
    assert answer["payee"] == answer["counterparty_name"] == "Bakery"
    assert answer["exchange"]["rate"] == "1.1"
    assert {"description", "remittance", "structured_reference", "counterparty_iban"} <= set(answer)


@pytest.mark.parametrize(
    "bad",
    [
        "",
        "\n",
        "null",
        "[]",
        "{}",
        '{"payload": 7}',
        '{"payload": {}}',
        '{"payload": {"transactionAmount": {"amount": "x", "currency": "EUR"}}}',
        '{"payload": ' + "[" * 100_000,
        '{"booked": "yes", "payload": {}}',
        '{"payload": {"a": "\\ud800"}}',
        "x" * 5_000_000,
    ],
)
def test_a_bad_line_is_an_error_line_and_no_crash(bad: str) -> None:
    (answer,) = translate_lines([bad])

    assert json.loads(answer)["error"].endswith(".")


def test_a_lone_surrogate_in_a_line_is_an_error_line() -> None:
    (answer,) = translate_lines(['{"payload": {"a": "\ud800"}}'])

    assert "error" in json.loads(answer)


def test_lines_are_taken_one_at_a_time() -> None:
    def endless() -> object:
        while True:
            yield line()

    answers = translate_lines(endless())  # type: ignore[arg-type]  # a generator of texts

    assert json.loads(next(answers))["payee"] == "Bakery"


def test_a_pending_line_is_not_dated_after_today() -> None:
    (answer,) = translate_lines([line(booked=False)], today=date(2026, 2, 1))

    assert json.loads(answer)["status"] == "pending"
    assert json.loads(answer)["transaction_date"] == "2026-02-01"
