import csv
import io
import json

import pytest
from testing.sandbox.conftest import Visitor

from payymo.sandbox.control import INVOICE_COLUMNS


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "state"),
        ("POST", "clock"),
        ("POST", "faults"),
        ("DELETE", "faults"),
        ("POST", "limits"),
        ("POST", "company"),
        ("POST", "requisitions/x"),
        ("POST", "requisitions/x/expire"),
        ("GET", "books/business/truth"),
        ("GET", "books/business/invoices"),
        ("GET", "books/business/accounts"),
    ],
)
def test_nothing_is_open_without_the_secret_key(visitor: Visitor, method: str, path: str) -> None:
    for key in ("", "Bearer", "Bearer wrong", f"Bearer {visitor.tokens['access']}"):
        answer = visitor.web.request(
            method, f"/control/{path}", json={}, headers={"Authorization": key}
        )
        assert answer.status_code == 401


def test_the_state_shows_consents_and_no_secret(visitor: Visitor) -> None:
    linked = visitor.link(scenario="household")

    answer = visitor.control("GET", "state")

    body = answer.json()
    assert body["now"] == "2026-11-20T12:00:00.000000Z"
    assert body["seed"] == 7
    assert [item["id"] for item in body["requisitions"]] == [linked["id"]]
    assert len(body["accounts"]) == 3
    for secret in (visitor.state.secret_key, visitor.tokens["access"]):
        assert secret not in answer.text


def test_the_clock_is_set_and_moved_onwards(visitor: Visitor) -> None:
    answer = visitor.control("POST", "clock", {"set": "2027-03-01T08:00:00Z"})
    assert answer.json() == {"now": "2027-03-01T08:00:00.000000Z"}

    answer = visitor.control("POST", "clock", {"days": 1.5, "seconds": 30})
    assert answer.json() == {"now": "2027-03-02T20:00:30.000000Z"}


@pytest.mark.parametrize(
    ("path", "command"),
    [
        ("faults", {"kind": "bad_luck"}),
        ("faults", {"kind": "timeout", "times": 0}),
        ("clock", {"set": "tomorrow"}),
        ("clock", {"years": 1}),
        ("limits", {"accounts": "many"}),
        ("company", {"rich": True}),
    ],
)
def test_a_wrong_command_is_told_why(
    visitor: Visitor, path: str, command: dict[str, object]
) -> None:
    answer = visitor.control("POST", path, command)

    assert answer.status_code == 422
    assert answer.json()["summary"] == "Invalid command"


@pytest.mark.parametrize("status", ["CR", "ID", "GC", "UA", "SA", "GA", "RJ", "SU", "EX", "ER"])
def test_every_status_can_be_forced(visitor: Visitor, status: str) -> None:
    linked = visitor.link(scenario="household")

    answer = visitor.control("POST", f"requisitions/{linked['id']}", {"status": status})

    assert answer.json()["status"] == status
    assert visitor.get(f"/requisitions/{linked['id']}/").json()["status"] == status


@pytest.mark.parametrize(("status", "answered"), [("SU", 409), ("ER", 409), ("EX", 401)])
def test_a_broken_consent_gives_no_data(visitor: Visitor, status: str, answered: int) -> None:
    linked = visitor.link(scenario="household")
    visitor.control("POST", f"requisitions/{linked['id']}", {"status": status})

    answer = visitor.get(f"/accounts/{linked['accounts'][0]}/balances/")

    assert answer.status_code == answered


def test_linking_by_command_can_choose_book_and_accounts(visitor: Visitor) -> None:
    requisition = visitor.requisition()
    path = f"requisitions/{requisition['id']}"
    assert visitor.control("POST", path, {"status": "LN", "scenario": "x"}).status_code == 400

    command = {"status": "LN", "scenario": "household", "accounts": ["card"]}
    linked = visitor.control("POST", path, command).json()

    assert len(linked["accounts"]) == 1
    assert visitor.control("POST", "requisitions/unknown", {}).status_code == 404


def test_the_invoices_come_as_csv_and_as_json_lines(visitor: Visitor) -> None:
    text = visitor.control("GET", "books/business/invoices")
    lines = visitor.control("GET", "books/business/invoices?format=jsonl")

    rows = list(csv.DictReader(io.StringIO(text.text)))
    assert tuple(rows[0]) == INVOICE_COLUMNS
    assert rows == [json.loads(line) for line in lines.text.splitlines()]
    assert len(rows) == len({row["number"] for row in rows}) > 15_000
    assert min(row["issue_date"] for row in rows) >= "2024-11-20"
    assert max(row["issue_date"] for row in rows) <= "2026-11-20"


def test_the_truth_names_rows_that_the_bank_really_shows(visitor: Visitor) -> None:
    terms = {"max_historical_days": 730, "access_valid_for_days": 180}
    linked = visitor.link(terms=terms)
    shown = {}
    for account in linked["accounts"]:
        iban = visitor.get(f"/accounts/{account}/").json()["iban"]
        for row in visitor.booked(account):
            if not row["transactionAmount"]["amount"].startswith("-"):
                shown[iban, row["internalTransactionId"]] = row

    answer = visitor.control("GET", "books/business/truth")

    truths = [json.loads(line) for line in answer.text.splitlines()]
    known = {(item["account_iban"], item["internal_transaction_id"]) for item in truths}
    assert len(known) == len(truths)
    assert known == set(shown)


def test_the_arithmetic_of_a_book_is_told(visitor: Visitor) -> None:
    [main, sterling] = visitor.control("GET", "books/business/accounts").json()

    assert (main["currency"], sterling["currency"]) == ("EUR", "GBP")
    assert main["rows"] + sterling["rows"] >= 20_000
    query = "books/quirky/accounts?institution=HAVENKAS_HAVKNL2X"
    assert visitor.control("GET", query).json()[0]["rows"] > 1000


@pytest.mark.parametrize(
    "path", ["books/nothing/truth", "books/business/truth?institution=HAVENKAS_HAVKNL2X"]
)
def test_an_unknown_book_is_not_found(visitor: Visitor, path: str) -> None:
    assert visitor.control("GET", path).status_code == 404


def test_a_book_without_invoices_has_no_truth(visitor: Visitor) -> None:
    assert visitor.control("GET", "books/household/truth").text == ""
    assert visitor.control("GET", "books/volume/truth").text == ""
    assert len(visitor.control("GET", "books/volume/invoices").text.splitlines()) == 1
