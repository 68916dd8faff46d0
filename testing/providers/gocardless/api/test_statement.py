import hashlib
import json
import random

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from payymo.domain.errors import ProviderResponseError
from payymo.providers.gocardless.api.statement import hash_row, read_statement


def body(**lists: object) -> bytes:
    return json.dumps({"transactions": lists, "last_updated": "2026-03-10T08:00:00Z"}).encode()


def test_rows_come_in_the_banks_order_booked_before_pending() -> None:
    rows, last_updated = read_statement(body(pending=[{"n": 3}], booked=[{"n": 1}, {"n": 2}]))

    assert [(json.loads(row.payload)["n"], row.is_booked) for row in rows] == [
        (1, True), (2, True), (3, False),
    ]  # fmt: skip
    assert last_updated == "2026-03-10T08:00:00Z"


def test_a_payload_is_exactly_what_was_received() -> None:
    text = b'{ "amount" : "1.50" ,\n "name":"\\u00e9" }'

    rows, _ = read_statement(b'{"transactions":{"booked":[' + text + b']},"other":1}')

    assert rows[0].payload == text
    canonical = '{"amount":"1.50","name":"é"}'.encode()
    assert rows[0].content_hash == hashlib.sha256(canonical).digest()


def test_pending_rows_may_be_missing_or_null() -> None:
    assert read_statement(b'{"transactions":{"booked":[]}}') == ((), None)
    assert read_statement(b'{"transactions":{"booked":[],"pending":null}}') == ((), None)


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"<html>maintenance</html>",
        b"[]",
        b"{}",
        b'{"transactions":[]}',
        b'{"transactions":{}}',
        b'{"transactions":{"pending":[]}}',
        b'{"transactions":{"booked":null}}',
        b'{"transactions":{"booked":[7]}}',
        b'{"transactions":{"booked":[null]}}',
        b'{"transactions":{"booked":["text"]}}',
        b'{"transactions":{"booked":[{"a":1}',
        b'{"transactions":{"booked":[{"a":"\xff"}]}}',
        b'{"transactions":{"booked":[{"a":"\\ud800"}]}}',
        b'{"transactions":{"booked":[' + b"[" * 5000,
    ],
)
def test_an_answer_that_is_cut_short_or_misshapen_is_an_error_and_never_an_empty_list(
    answer: bytes,
) -> None:
    with pytest.raises(ProviderResponseError):
        read_statement(answer)


def test_numbers_too_large_for_a_machine_are_hashed_all_the_same() -> None:
    first = hash_row(b'{"b":1,"a":123456789012345678901234567890}')
    second = hash_row(b'{"a":123456789012345678901234567890, "b":1}')

    assert first == second


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(st.characters(codec="utf-8")),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.text(st.characters(codec="utf-8")), inner, max_size=4)
    ),
    max_leaves=10,
)


def shuffled(value: object) -> object:
    if isinstance(value, dict):
        items = [(key, shuffled(item)) for key, item in value.items()]
        random.Random(7).shuffle(items)
        return dict(items)
    return [shuffled(item) for item in value] if isinstance(value, list) else value


@given(st.dictionaries(st.text(st.characters(codec="utf-8"), max_size=5), values, max_size=6))
def test_the_same_row_hashes_alike_whatever_the_order_of_its_fields(
    row: dict[str, object],
) -> None:
    plain = json.dumps(row).encode()
    other = json.dumps(shuffled(row), indent=1, ensure_ascii=False).encode()

    assert hash_row(plain) == hash_row(other)


def test_a_hundred_thousand_rows_take_seconds() -> None:
    row = {"transactionAmount": {"amount": "1.00", "currency": "EUR"}, "bookingDate": "2026-01-01"}
    answer = msgspec.json.encode({"transactions": {"booked": [row] * 100_000}})

    rows, _ = read_statement(answer)

    assert len(rows) == 100_000
