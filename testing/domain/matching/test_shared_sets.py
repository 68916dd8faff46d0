"""How well the engine does on generated books with truth, where they are at hand."""

import importlib.util
import json
import time
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from payymo.domain.matching.engine import propose
from payymo.domain.matching.records import OpenInvoice, Payment

PACK = Path(__file__).resolve().parents[3] / "../shared/matching"
OP = 0.5
AUTO = 0.95

pytestmark = pytest.mark.skipif(not PACK.is_dir(), reason="the reference books are not here")


def lines_of(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def an_open_invoice(row: dict[str, Any]) -> OpenInvoice:
    return OpenInvoice(
        id=row["id"],
        number=row["number"],
        customer_id=row["customer_id"],
        customer_name=row["customer_name"],
        customer_ibans=tuple(row["customer_ibans"]),
        currency=row["currency"],
        total=Decimal(row["total"]),
        balance=Decimal(row["balance"]),
        issue_date=date.fromisoformat(row["issue_date"]),
        due_date=date.fromisoformat(row["due_date"]),
        structured_reference=row["structured_ref"],
        customer_number=row["customer_id"],
    )


def a_bank_line(row: dict[str, Any]) -> Payment:
    return Payment(
        id=row["id"],
        amount=Decimal(row["amount"]),
        currency=row["currency"],
        booking_date=date.fromisoformat(row["booking_date"]),
        payer_name=row["debtor_name"],
        payer_iban=row["debtor_iban"],
        remittance=row["remittance"],
        structured_reference=row["structured_ref"],
        end_to_end_id=row["end_to_end_id"],
    )


def score(folder: Path, payments: list[Payment], invoices: list[OpenInvoice]) -> dict[str, Any]:
    """Return the figures of the pack's own scorer."""
    spec = importlib.util.spec_from_file_location("score", PACK / "score.py")
    assert spec is not None
    assert spec.loader is not None
    scorer = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(scorer)
    predictions = [
        {
            "tx_id": proposal.payment_id,
            "confidence": proposal.confidence,
            "allocations": [{"invoice_id": each.invoice_id} for each in proposal.allocations],
        }
        for proposal in propose(payments, invoices).proposals
    ]
    figures: dict[str, Any] = scorer.evaluate(
        lines_of(folder / "truth.jsonl"), predictions, OP, AUTO
    )
    return figures


@pytest.mark.parametrize(
    ("name", "f1", "coverage", "strangers", "ece"),
    [("mixed", 0.94, 0.82, 0.02, 0.02), ("saas", 0.91, 0.77, 0.04, 0.02)],
)
def test_the_engine_reaches_its_floor(
    name: str, f1: float, coverage: float, strangers: float, ece: float
) -> None:
    folder = PACK / "sets" / name
    invoices = [an_open_invoice(row) for row in lines_of(folder / "invoices.jsonl")]
    payments = [a_bank_line(row) for row in lines_of(folder / "transactions.jsonl")]

    start = time.process_time()
    figures = score(folder, payments, invoices)
    seconds = time.process_time() - start

    assert figures["f1_tol"] >= f1
    assert figures["auto_precision"] >= 0.998
    assert figures["auto_coverage"] >= coverage
    assert figures["negatives_proposed"] <= strangers
    assert figures["ece"] <= ece
    assert seconds < 10
