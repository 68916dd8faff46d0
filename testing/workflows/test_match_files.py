"""Matching two files, without a database."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from payymo.cli.app import app
from payymo.domain.errors import InvalidInputError
from payymo.workflows.match_files import FileMatchReport, match_files

INVOICE = {
    "id": 7,
    "number": "INV-2026-0731",
    "customer_id": "C1",
    "customer_name": "Blue Whale Ltd",
    "currency": "EUR",
    "total": "120.00",
    "balance": "120.00",
    "issue_date": "2026-02-01",
    "due_date": "2026-03-03",
}
PAYMENT = {
    "id": "T1",
    "booking_date": "2026-02-12",
    "amount": "120.00",
    "currency": "EUR",
    "debtor_name": "BLUE WHALE",
    "remittance": "Invoice INV-2026-0731",
    "structured_ref": None,
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write(tmp_path / "invoices.jsonl", INVOICE)
    write(tmp_path / "transactions.jsonl", PAYMENT)
    return tmp_path


def write(path: Path, *lines: Any) -> None:
    texts = [line if isinstance(line, str) else json.dumps(line) for line in lines]
    path.write_text("\n".join(texts) + "\n", encoding="utf-8")


def matched(folder: Path, **options: Any) -> FileMatchReport:
    return match_files(
        invoices=folder / "invoices.jsonl",
        transactions=folder / "transactions.jsonl",
        out=folder / "out.jsonl",
        progress=lambda _sentence: None,
        **options,
    )


def proposals(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / "out.jsonl").read_text().splitlines()]


def test_what_a_payment_quotes_is_proposed_with_its_reasons(folder: Path) -> None:
    report = matched(folder)

    (proposal,) = proposals(folder)
    assert proposal["tx_id"] == "T1"
    assert proposal["allocations"] == [{"invoice_id": 7, "amount": "120.00"}]
    assert proposal["confidence"] > 0.95
    assert any("INV-2026-0731" in item["text"] for item in proposal["evidence"])
    assert (report.payment_count, report.proposal_count, report.sure_count) == (1, 1, 1)


def test_money_that_went_out_and_invoices_that_are_paid_are_not_matched(folder: Path) -> None:
    write(folder / "transactions.jsonl", PAYMENT | {"amount": "-120.00"}, PAYMENT | {"id": "T2"})
    write(folder / "invoices.jsonl", INVOICE | {"balance": "0.00"})

    report = matched(folder)

    assert (report.payment_count, report.ignored_count, report.invoice_count) == (1, 1, 0)
    assert proposals(folder) == []


def test_a_credit_note_that_was_deducted_is_an_allocation_below_zero(folder: Path) -> None:
    amounts = {"total": "-20.00", "balance": "-20.00"}
    note = INVOICE | amounts | {"id": 8, "number": "CN-2026-0007", "kind": "credit_note"}
    write(folder / "invoices.jsonl", INVOICE, note)
    text = "INV-2026-0731 less CN-2026-0007"
    write(folder / "transactions.jsonl", PAYMENT | {"amount": "100.00", "remittance": text})

    report = matched(folder)

    (proposal,) = proposals(folder)
    assert report.invoice_count == 1
    assert proposal["allocations"] == [
        {"invoice_id": 7, "amount": "100.00"},
        {"invoice_id": 8, "amount": "-20.00"},
    ]
    assert any("less 20.00 EUR of credit" in item["text"] for item in proposal["evidence"])


def test_history_teaches_who_pays_for_whom_and_what_is_paid_already(folder: Path) -> None:
    stranger = PAYMENT | {"debtor_name": "S Kroll", "remittance": "thanks"}
    write(folder / "transactions.jsonl", stranger, stranger | {"id": "T2", "remittance": "INV-1"})
    past = {
        "transaction": stranger,
        "invoice": INVOICE | {"number": "INV-1", "due_date": "2025-12-01"},
    }
    write(folder / "history.jsonl", *[past] * 3)

    matched(folder)
    without = proposals(folder)
    matched(folder, history=folder / "history.jsonl")
    first, *others = proposals(folder)

    assert all(proposal["confidence"] < 0.5 for proposal in without)
    assert first["confidence"] > 0.5
    assert any("paid this customer 3 times" in item["text"] for item in first["evidence"])
    assert all(proposal["confidence"] < 0.5 for proposal in others)


def test_rates_let_another_currency_pay(folder: Path) -> None:
    write(folder / "transactions.jsonl", PAYMENT | {"currency": "CHF", "amount": "113.20"})
    (folder / "meta.json").write_text('{"fx_per_eur": {"EUR": 1.0, "CHF": 0.943}}')

    matched(folder)
    assert proposals(folder) == []

    matched(folder, meta=folder / "meta.json")
    (proposal,) = proposals(folder)
    assert proposal["amount_class"] == "near_mid_rate"
    assert proposal["allocations"] == [{"invoice_id": 7, "amount": "120.00", "paid": "113.20"}]


@pytest.mark.parametrize("text", ["[]", '{"fx_per_eur": {"EUR": 0}}', "{", '{"fx_per_eur": 1}'])
def test_a_file_of_rates_that_is_none_is_refused(folder: Path, text: str) -> None:
    (folder / "meta.json").write_text(text)

    with pytest.raises(InvalidInputError, match=r"meta\.json"):
        matched(folder, meta=folder / "meta.json")


def test_two_processes_find_what_one_finds(folder: Path) -> None:
    invoices = [
        INVOICE | {"id": place, "number": f"INV-2026-{place:04}", "customer_id": f"C{place % 7}"}
        for place in range(40)
    ]
    payments = [
        PAYMENT | {"id": f"T{place:02}", "remittance": f"INV-2026-{place:04}" if place % 3 else "x"}
        for place in range(40)
    ]
    write(folder / "invoices.jsonl", *invoices)
    write(folder / "transactions.jsonl", *payments)
    found = []
    for workers in ("1", "2"):
        out = folder / f"out{workers}.jsonl"
        files = ("invoices", "transactions")
        named = [each for file in files for each in (f"--{file}", str(folder / f"{file}.jsonl"))]
        command = [sys.executable, "-m", "payymo", "match", *named, "--out", str(out)]
        subprocess.run([*command, "--workers", workers], check=True, capture_output=True)
        found.append(out.read_bytes())

    assert found[0] == found[1]
    assert found[0].count(b"\n") > 20


@pytest.mark.parametrize(
    ("line", "fault"),
    [
        ('{"id": "T1"', "The line is not one JSON object: it may be cut off."),
        ('{"id": "T1"}', "Object missing required field booking_date."),
        (PAYMENT | {"amount": "NaN"}, "An amount must be a plain decimal number such as 12.50."),
        (PAYMENT | {"booking_date": "12.02.2026"}, "Invalid RFC3339 encoded date at booking_date."),
        (PAYMENT | {"id": "T0"}, "Line 1 has the same id: give each line an id of its own."),
    ],
)
def test_a_faulty_line_is_named_and_nothing_is_written(folder: Path, line: Any, fault: str) -> None:
    write(folder / "transactions.jsonl", PAYMENT | {"id": "T0"}, line)

    with pytest.raises(InvalidInputError, match="is not a file of transactions") as caught:
        matched(folder)

    (problem,) = caught.value.problems
    assert (problem.field, problem.message) == ("transactions.jsonl line 2", fault)
    assert not (folder / "out.jsonl").exists()


def test_a_file_that_is_not_utf_8_is_refused(folder: Path) -> None:
    (folder / "invoices.jsonl").write_bytes(b'{"id": "\xff"}\n')

    with pytest.raises(InvalidInputError) as caught:
        matched(folder)

    assert caught.value.problems


def test_a_file_that_is_not_there_is_named(folder: Path) -> None:
    (folder / "invoices.jsonl").unlink()

    with pytest.raises(InvalidInputError, match=r"invoices.jsonl cannot be read"):
        matched(folder)


def payymo(*arguments: object) -> Result:
    return CliRunner().invoke(app, [str(each) for each in arguments], prog_name="payymo")


def test_the_command_says_what_it_found(folder: Path) -> None:
    result = payymo(
        "match",
        "--invoices",
        folder / "invoices.jsonl",
        "--transactions",
        folder / "transactions.jsonl",
        "--out",
        folder / "out.jsonl",
    )

    assert result.exception is None, result.exception
    assert "1 payments, 1 open invoices: 1 proposals, 1 of them at 0.95 or more" in result.stdout


def test_the_command_asks_for_what_is_missing(folder: Path) -> None:
    result = payymo("match", "--invoices", folder / "invoices.jsonl")

    assert isinstance(result.exception, InvalidInputError)
    assert "--transactions" in str(result.exception)
