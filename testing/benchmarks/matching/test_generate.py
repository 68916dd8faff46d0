"""Generated books are the same every time, true to themselves, and as noisy as their table says."""

import json
import subprocess
import sys
from collections import Counter, defaultdict
from collections.abc import Callable
from datetime import date
from decimal import Decimal
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from benchmarks.matching.generate import Book, generate, write
from benchmarks.matching.rates import PROFILES
from benchmarks.matching.references import kid_mod_11, viitenumero
from stdnum import iban, iso11649, luhn
from stdnum.be import ogm_vcs
from stdnum.ch import esr

ROOT = Path(__file__).resolve().parents[3]
SIZE = 3000
FILES = ("history.jsonl", "invoices.jsonl", "meta.json", "transactions.jsonl", "truth.jsonl")


@pytest.fixture(scope="module", params=PROFILES)
def book(request: pytest.FixtureRequest) -> Book:
    return generate(request.param, seed=5, size=SIZE)


def digest_of(folder: Path) -> str:
    content = b"".join((folder / name).read_bytes() for name in FILES)
    return sha256(content).hexdigest()


def test_the_same_seed_gives_the_same_book_in_another_process(tmp_path: Path) -> None:
    write(generate("tangled", seed=7, size=1000), tmp_path / "here")
    command = [
        sys.executable,
        "-m",
        "benchmarks.matching.generate",
        "--seed",
        "7",
        "--size",
        "1000",
    ]
    subprocess.run(
        [*command, "--profile", "tangled", "--out", str(tmp_path / "there")],
        check=True,
        cwd=ROOT,
        env={"PYTHONHASHSEED": "12345"},
        capture_output=True,
    )

    assert digest_of(tmp_path / "here") == digest_of(tmp_path / "there")


def test_another_seed_gives_another_book() -> None:
    assert (
        generate("mixed", seed=1, size=50).invoices != generate("mixed", seed=2, size=50).invoices
    )


def test_an_unknown_profile_is_named() -> None:
    with pytest.raises(ValueError, match="no profile 'easy': choose mixed, "):
        generate("easy", seed=1, size=100)


def test_a_book_of_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="at least 10 invoices, not 3"):
        generate("mixed", seed=1, size=3)


def test_a_book_has_the_size_that_was_asked_for(book: Book) -> None:
    assert len(book.invoices) == len(book.transactions) == len(book.truth) == SIZE
    assert [row["id"] for row in book.transactions] == [row["tx_id"] for row in book.truth]
    assert len({row["id"] for row in book.invoices}) == SIZE
    assert len({row["number"] for row in book.invoices}) == SIZE


INVOICE = {
    "id": int, "number": str, "customer_id": str, "customer_name": str, "customer_country": str,
    "customer_ibans": list, "currency": str, "total": str, "balance": str, "issue_date": str,
    "due_date": str, "structured_ref": str | None, "ref_scheme": str | None, "kind": str,
}  # fmt: skip
TRANSACTION = {
    "id": str, "booking_date": str, "value_date": str, "amount": str, "currency": str,
    "debtor_name": str | None, "debtor_iban": str | None, "remittance": str | None,
    "structured_ref": str | None, "end_to_end_id": str | None,
}  # fmt: skip
INSTRUCTED = {"instructed_amount": str, "instructed_currency": str}
TRUTH = {
    "tx_id": str, "case": str, "style": str, "allocations": list, "signals": list,
    "customer_id": str | None,
}  # fmt: skip
TRUTH_SOMETIMES = {
    "equivalents": dict, "writeoff": str, "unapplied": str, "part": str, "invoice_currency": str,
}  # fmt: skip
PAST_INVOICE = "id number customer_id customer_name balance currency issue_date due_date".split()


def fits(row: dict[str, Any], always: dict[str, Any], sometimes: dict[str, Any]) -> bool:
    known = always | {key: kind for key, kind in sometimes.items() if key in row}
    return row.keys() == known.keys() and all(
        isinstance(row[key], kind) for key, kind in known.items()
    )


def test_each_row_is_as_the_format_says(book: Book) -> None:
    assert all(fits(row, INVOICE, {}) for row in book.invoices)
    assert all(fits(row, TRANSACTION, INSTRUCTED) for row in book.transactions)
    assert all(fits(row, TRUTH, TRUTH_SOMETIMES) for row in book.truth)
    past = {key: INVOICE[key] for key in PAST_INVOICE}
    for row in book.history:
        assert row.keys() == {"transaction", "invoice"}
        assert fits(row["transaction"], TRANSACTION, INSTRUCTED)
        assert fits(row["invoice"], past, {})
    json.dumps(book.meta)


def test_amounts_and_days_are_written_as_the_format_says(book: Book) -> None:
    for row in book.invoices:
        total, balance = Decimal(row["total"]), Decimal(row["balance"])
        assert total.as_tuple().exponent == balance.as_tuple().exponent == -2
        assert 0 < abs(balance) <= abs(total)
        assert date.fromisoformat(row["issue_date"]) <= date.fromisoformat(row["due_date"])
    for row in book.transactions:
        assert Decimal(row["amount"]).as_tuple().exponent == -2
        assert Decimal(row["amount"]) != 0
        assert date.fromisoformat(row["booking_date"]).weekday() < 5


def test_nothing_is_allocated_twice_or_beyond_what_is_there(book: Book) -> None:
    invoices = {row["id"]: row for row in book.invoices}
    allocated: Counter[int] = Counter()
    for transaction, truth in zip(book.transactions, book.truth, strict=True):
        amounts = {each["invoice_id"]: Decimal(each["amount"]) for each in truth["allocations"]}
        assert len(amounts) == len(truth["allocations"])
        for invoice_id, amount in amounts.items():
            allocated[invoice_id] += int(amount * 100)
        if amounts and "invoice_currency" not in truth:
            difference = Decimal(truth.get("writeoff", 0)) - Decimal(truth.get("unapplied", 0))
            assert sum(amounts.values()) == Decimal(transaction["amount"]) + difference
            assert {invoices[key]["currency"] for key in amounts} == {transaction["currency"]}
        if not amounts:
            assert truth["style"] == "neg"
    for invoice_id, cents in allocated.items():
        balance = int(Decimal(invoices[invoice_id]["balance"]) * 100)
        assert min(balance, 0) <= cents <= max(balance, 0)


def test_every_equivalent_is_really_equal_and_none_is_left_out(book: Book) -> None:
    invoices = {row["id"]: row for row in book.invoices}
    equal = defaultdict(set)
    for row in book.invoices:
        equal[row["customer_id"], row["currency"], row["balance"]].add(row["id"])
    for truth in book.truth:
        if not truth["allocations"]:
            continue
        says_nothing = truth["signals"][0] in {"ref_none", "ref_damaged", "ref_wrong"}
        for each in truth["allocations"]:
            row = invoices[each["invoice_id"]]
            siblings = equal[row["customer_id"], row["currency"], row["balance"]] - {row["id"]}
            named = set(truth.get("equivalents", {}).get(str(row["id"]), ()))
            assert named == (siblings if says_nothing else set())


def test_references_and_accounts_have_right_check_digits(book: Book) -> None:
    checks: dict[str, Callable[[str], bool]] = {
        "ISO11649": iso11649.is_valid,
        "BE_OGM": ogm_vcs.is_valid,
        "CH_QRR": esr.is_valid,
        "SE_OCR": luhn.is_valid,
        "DK_FIK": luhn.is_valid,
        "NO_KID": lambda each: luhn.is_valid(each) or kid_mod_11(each[:-1]) == each,
        "FI_VIITE": lambda each: viitenumero(each[:-1]) == each,
        "EE_VIITE": lambda each: viitenumero(each[:-1]) == each,
    }
    seen = set()
    for row in book.invoices:
        assert (row["structured_ref"] is None) == (row["ref_scheme"] is None)
        if row["ref_scheme"]:
            seen.add(row["ref_scheme"])
            assert checks[row["ref_scheme"]](row["structured_ref"]), row
        assert all(iban.is_valid(each, check_country=False) for each in row["customer_ibans"])
    references = [row["structured_ref"] for row in book.invoices if row["structured_ref"]]
    assert len(set(references)) == len(references)
    assert seen == checks.keys()
    for row in book.transactions:
        assert row["debtor_iban"] is None or iban.is_valid(row["debtor_iban"], check_country=False)


def share_of(book: Book, wanted: str) -> float:
    cases = [str(row["case"]) for row in book.truth if row["allocations"]]
    return sum(case.startswith(wanted) for case in cases) / len(cases)


def test_a_book_is_as_noisy_as_its_rates_say(book: Book) -> None:
    rates = book.rates
    negatives = sum(not row["allocations"] for row in book.truth) / SIZE
    assert negatives == pytest.approx(rates.negatives, abs=0.01)
    # Four standard deviations of a share of about 2,400 payments, at the most.
    near = 0.015
    assert share_of(book, "fx") == pytest.approx(rates.foreign, abs=0.02)  # whole customers
    assert share_of(book, "processor") == pytest.approx(rates.processor, abs=near)
    assert share_of(book, "discount") == pytest.approx(rates.discount, abs=near)
    assert share_of(book, "fee_deducted") == pytest.approx(rates.bank_fee, abs=near)
    assert share_of(book, "small_diff") == pytest.approx(rates.rounding, abs=near)
    assert share_of(book, "overpay") == pytest.approx(rates.overpaid, abs=near)
    assert share_of(book, "combined") == pytest.approx(rates.combined, abs=0.035)
    kinds = Counter(row["case"] for row in book.truth if not row["allocations"])
    for kind, weight in rates.negative_kinds.items():
        assert kinds[kind] / (negatives * SIZE) == pytest.approx(weight, abs=0.07), kind


def test_the_tangled_profile_has_what_the_others_leave_out() -> None:
    book = generate("tangled", seed=5, size=SIZE)
    for wanted in (
        "credit_netted", "group_paid", "stolen_reference", "factored", "several_customers",
    ):  # fmt: skip
        assert share_of(book, wanted) == pytest.approx(getattr(book.rates, wanted), abs=0.012)
    invoices = {row["id"]: row for row in book.invoices}
    for truth in book.truth:
        theirs = [invoices[each["invoice_id"]] for each in truth["allocations"]]
        customers = {row["customer_id"] for row in theirs}
        kinds = Counter(row["kind"] for row in theirs)
        if truth["case"] == "credit_netted":
            assert kinds["credit_note"] == 1
            assert len(customers) == 1
        elif truth["case"] in {"group_paid", "several_customers"}:
            assert len(customers) > 1
            assert truth["customer_id"] is None
        else:
            assert kinds["credit_note"] == 0


def test_rates_stay_near_their_table() -> None:
    for profile, table in PROFILES.items():
        moved = generate(profile, seed=11, size=10).rates
        assert table.negatives / 1.25 <= moved.negatives <= table.negatives * 1.25
        assert sum(moved.quoting.values()) == pytest.approx(1)
        assert generate(profile, seed=11, size=10, jitter=1.0).rates.typo == pytest.approx(
            table.typo
        )
