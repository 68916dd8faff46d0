"""Each odd bank is odd in its own way, and on the days that follow."""

import json
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from testing.sandbox.conftest import Visitor

from payymo.sandbox.banks import BANKS
from payymo.sandbox.books.library import Library

type Rows = dict[str, dict[str, Any]]


def by_id(visitor: Visitor, account: str) -> Rows:
    return {row["internalTransactionId"]: row for row in visitor.booked(account)}


def account_of(visitor: Visitor, quirk: str) -> str:
    visitor.unlimited()
    [bank] = [bank for bank in BANKS.values() if quirk in bank.quirks]
    return visitor.account(bank.id)


def test_ids_are_missing(visitor: Visitor) -> None:
    rows = visitor.booked(account_of(visitor, "ids_missing"))

    assert rows
    assert all("transactionId" not in row for row in rows)
    assert all(row["internalTransactionId"] for row in rows)


def test_ids_are_reused_for_other_rows(visitor: Visitor) -> None:
    rows = visitor.booked(account_of(visitor, "ids_reused"))

    assert len({row["transactionId"] for row in rows}) <= 23 < len(rows)


def test_all_ids_are_new_on_every_pull_but_the_proprietary_code(visitor: Visitor) -> None:
    account = account_of(visitor, "ids_reissued")

    first, second = visitor.booked(account), visitor.booked(account)

    for name in ("transactionId", "internalTransactionId"):
        assert {row[name] for row in first}.isdisjoint(row[name] for row in second)
    code = "proprietaryBankTransactionCode"
    assert [row[code] for row in first] == [row[code] for row in second]


def test_internal_ids_are_new_on_every_pull(visitor: Visitor) -> None:
    account = account_of(visitor, "internal_ids_reissued")

    first, second = visitor.booked(account), visitor.booked(account)

    assert [row["transactionId"] for row in first] == [row["transactionId"] for row in second]
    ids = [{row["internalTransactionId"] for row in rows} for rows in (first, second)]
    assert ids[0].isdisjoint(ids[1])


def test_a_pending_row_books_later_with_another_text_and_date_and_the_same_amount(
    visitor: Visitor,
) -> None:
    account = account_of(visitor, "pending_rebooked")
    before = by_id(visitor, account)
    announced = [
        row["transactionAmount"]["amount"]
        for row in visitor.pending(account)
        if row["remittanceInformationUnstructured"] == "VORGEMERKTER UMSATZ"
    ]
    visitor.pass_days(2)

    booked = [row for key, row in by_id(visitor, account).items() if key not in before]

    assert announced
    assert set(announced) <= {row["transactionAmount"]["amount"] for row in booked}
    texts = {row["remittanceInformationUnstructured"] for row in booked}
    assert "VORGEMERKTER UMSATZ" not in texts


def test_some_rows_appear_days_after_their_booking_date(visitor: Visitor) -> None:
    account = account_of(visitor, "late_postings")
    late = set()
    for _ in range(10):
        before = by_id(visitor, account)
        yesterday = max(row["bookingDate"] for row in before.values())
        visitor.pass_days(1)
        new = {key: row for key, row in by_id(visitor, account).items() if key not in before}
        late |= {key for key, row in new.items() if row["bookingDate"] < yesterday}

    assert late


def test_some_rows_get_another_text_and_date_under_the_same_ids(visitor: Visitor) -> None:
    account = account_of(visitor, "restated_row")
    restated = []
    for _ in range(8):
        before = by_id(visitor, account)
        visitor.pass_days(1)
        after = by_id(visitor, account)
        restated += [
            (before[key], after[key]) for key in before.keys() & after.keys()
            if before[key] != after[key]
        ]  # fmt: skip

    assert restated
    for old, new in restated:
        assert new["transactionId"] == old["transactionId"]
        assert new["transactionAmount"] == old["transactionAmount"]
        assert new["remittanceInformationUnstructured"] == (
            f"{old['remittanceInformationUnstructured']} (corrected)"
        )


def test_some_rows_vanish_and_the_balance_with_them(visitor: Visitor) -> None:
    account = account_of(visitor, "removed_row")
    vanished = 0
    for _ in range(12):
        before, old = by_id(visitor, account), _balance(visitor, account)
        visitor.pass_days(1)
        after, new = by_id(visitor, account), _balance(visitor, account)
        oldest = min(row["bookingDate"] for row in after.values())
        gone = [
            row for key, row in before.items() if key not in after and row["bookingDate"] > oldest
        ]
        came = [row for key, row in after.items() if key not in before]
        vanished += len(gone)
        assert new - old == _sum(came) - _sum(gone)

    assert vanished


def test_pending_rows_are_other_ones_on_every_call(visitor: Visitor) -> None:
    account = account_of(visitor, "pending_replaced")

    first, second = visitor.pending(account), visitor.pending(account)

    assert [row["transactionAmount"] for row in first] == [
        row["transactionAmount"] for row in second
    ]
    assert {row["transactionId"] for row in first}.isdisjoint(
        row["transactionId"] for row in second
    )


def test_rows_without_any_date_are_skipped_once_a_period_is_asked_for(visitor: Visitor) -> None:
    account = account_of(visitor, "pending_replaced")
    assert visitor.pending(account)

    answer = visitor.get(f"/accounts/{account}/transactions/", params={"date_from": "2026-11-01"})

    assert answer.json()["transactions"]["pending"] == []
    assert answer.json()["transactions"]["booked"]


def test_every_row_knows_the_balance_after_it(library: Library, today: date) -> None:
    bank = BANKS["HAVENKAS_HAVKNL2X"]
    rows = library.statement(bank, "quirky", "main", today, 1)
    shown = [json.loads(row.json) for row in reversed(rows.rows)]
    after = [Decimal(row["balanceAfterTransaction"]["balanceAmount"]["amount"]) for row in shown]
    amounts = [Decimal(row["transactionAmount"]["amount"]) for row in shown]

    assert all(after[place] == after[place - 1] + amounts[place] for place in range(1, len(after)))
    assert after[-1] == Decimal(rows.balances[0]["balanceAmount"]["amount"])


def test_texts_and_dates_come_in_every_shape(visitor: Visitor) -> None:
    rows = visitor.booked(account_of(visitor, "text_shapes"))
    names = {name for row in rows for name in row}

    assert names >= {
        "additionalInformation",
        "remittanceInformationStructured",
        "remittanceInformationUnstructured",
        "remittanceInformationUnstructuredArray",
    }
    assert any("bookingDate" not in row for row in rows)
    assert any("valueDate" not in row for row in rows)


def test_a_late_row_can_be_asked_for_by_its_booking_date(visitor: Visitor) -> None:
    account = account_of(visitor, "late_postings")
    day = date(2026, 11, 15)
    before = len(visitor.booked(account, date_from=str(day), date_to=str(day + timedelta(days=5))))
    visitor.pass_days(6)

    after = len(visitor.booked(account, date_from=str(day), date_to=str(day + timedelta(days=5))))

    assert after > before


def _balance(visitor: Visitor, account: str) -> Decimal:
    [balance, *_] = visitor.get(f"/accounts/{account}/balances/").json()["balances"]
    return Decimal(balance["balanceAmount"]["amount"])


def _sum(rows: list[dict[str, Any]]) -> Decimal:
    return sum((Decimal(row["transactionAmount"]["amount"]) for row in rows), Decimal(0))
