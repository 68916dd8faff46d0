"""Bank statements and open invoices written by hand, each a lesson: ``golden/*.toml``.

The expectations are a careful bookkeeper's, not the engine's. Each case runs through the engine as
shipped, from texts to allocations, in a book with invoices of others.
"""

import tomllib
from collections.abc import Iterator, Mapping
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from testing.domain.matching.builders import others

from payymo.domain.matching.engine import propose
from payymo.domain.matching.records import (
    ClosedInvoice,
    Confirmation,
    CustomerCredit,
    OpenInvoice,
    Payment,
    Proposal,
)

GOLDEN = Path(__file__).parent / "golden"
SURE = 0.95
LIKELY = 0.5
CASES_MIN = 120

RATES = {"EUR": Decimal(1), "GBP": Decimal("0.852"), "USD": Decimal("1.081")} | {
    "SEK": Decimal("11.24"),
    "NOK": Decimal("11.58"),
    "DKK": Decimal("7.459"),
    "CHF": Decimal("0.943"),
}


def cases() -> Iterator[Any]:
    for path in sorted(GOLDEN.glob("*.toml")):
        for case in tomllib.loads(path.read_text(encoding="utf-8"))["case"]:
            yield pytest.param(case, id=f"{path.stem}: {case['title']}")


def fields_of(text: str) -> tuple[list[str], Mapping[str, str]]:
    """Return the cells of a line: those in order, and those with a name."""
    plain: list[str] = []
    named: dict[str, str] = {}
    for cell in text.split(" |"):
        key, is_named, value = cell.strip().partition("=")
        if is_named and key in {"ref", "iban", "no", "id", "balance", "date", "e2e", "ordered"}:
            named[key] = value
        else:
            plain.append(cell.strip())
    return plain, named


def an_invoice(text: str) -> OpenInvoice:
    """Read ``NUMBER | CUSTOMER | AMOUNT CUR | issued``."""
    (number, customer, money, *issued), named = fields_of(text)
    amount, currency = money.split()
    issue_date = date.fromisoformat(issued[0]) if issued else date(2026, 2, 1)
    return OpenInvoice(
        id=number,
        number=number,
        customer_id=named.get("id", customer),
        customer_name=customer,
        customer_ibans=(named["iban"],) if "iban" in named else (),
        currency=currency,
        total=Decimal(amount),
        balance=Decimal(named.get("balance", amount)),
        issue_date=issue_date,
        due_date=issue_date + timedelta(days=30),
        structured_reference=named.get("ref"),
        customer_number=named.get("no"),
    )


def a_credit(text: str) -> CustomerCredit:
    """Read ``NUMBER | CUSTOMER | AMOUNT CUR``."""
    (number, customer, money), named = fields_of(text)
    amount, currency = money.split()
    return CustomerCredit(number, named.get("id", customer), currency, Decimal(amount), number)


def a_payment(place: int, text: str) -> Payment:
    """Read ``AMOUNT CUR | PAYER | TEXT``."""
    (money, payer, remittance), named = fields_of(text)
    amount, currency = money.split()
    ordered = named.get("ordered", "").split()
    return Payment(
        id=place,
        amount=Decimal(amount),
        currency=currency,
        booking_date=date.fromisoformat(named.get("date", "2026-02-20")),
        payer_name=payer or None,
        payer_iban=named.get("iban"),
        remittance=remittance or None,
        structured_reference=named.get("ref"),
        end_to_end_id=named.get("e2e"),
        instructed_amount=Decimal(ordered[0]) if ordered else None,
        instructed_currency=ordered[1] if ordered else None,
    )


def confirmations(text: str) -> list[Confirmation]:
    """Read ``PAYER | IBAN | CUSTOMER | x3``."""
    (payer, iban, customer, *times), _named = fields_of(text)
    booked = date(2025, 12, 1)
    return [
        Confirmation(
            customer_id=customer,
            payer_name=payer or None,
            payer_iban=iban or None,
            booking_date=booked,
            due_date=booked,
        )
    ] * (int(times[0].removeprefix("x")) if times else 1)


def complaint(wanted: str, proposal: Proposal | None) -> str | None:
    """Return what is wrong with a proposal; ``None`` if nothing is."""
    confidence = proposal.confidence if proposal else 0.0
    found = {str(each.invoice_id) for each in proposal.allocations} if proposal else set()
    kind, _, rest = wanted.partition(" ")
    numbers = set((rest if kind in {"sure", "ask"} else wanted).removesuffix(" tie").split(" + "))
    rules = {
        "none": confidence < LIKELY,
        "ask-or-none": confidence < SURE,
        "sure": found == numbers and confidence >= SURE,
        "ask": found == numbers and confidence < SURE,
    }
    is_tie = proposal is not None and proposal.is_tie
    holds = rules.get(kind, found == numbers and confidence >= LIKELY)
    if holds and (is_tie or not wanted.endswith(" tie")):
        return None
    return f"proposes {' + '.join(sorted(found)) or 'nothing'} at {confidence}"


@pytest.mark.parametrize("case", list(cases()))
def test_a_statement_is_read_as_a_bookkeeper_reads_it(case: Mapping[str, Any]) -> None:
    payments = [a_payment(place, text) for place, text in enumerate(case["payments"])]

    outcome = propose(
        payments,
        [*map(an_invoice, case["invoices"]), *others(80)],
        closed=[ClosedInvoice(number, None) for number in case.get("closed", ())],
        credits_open=[a_credit(text) for text in case.get("credits", ())],
        confirmations=[each for text in case.get("history", ()) for each in confirmations(text)],
        rates=RATES,
        confidence_min=0.05,
    )

    by_payment = {proposal.payment_id: proposal for proposal in outcome.proposals}
    complaints = [
        f"{text!r} {fault}, not {wanted!r}"
        for place, (text, wanted) in enumerate(zip(case["payments"], case["expect"], strict=True))
        if (fault := complaint(wanted, by_payment.get(place)))
    ]
    assert not complaints
    if "class" in case:
        assert by_payment[0].amount_class == case["class"]
    if "difference" in case:
        (difference,) = by_payment[0].differences
        assert f"{difference.kind} {difference.amount}" == case["difference"]
    if "deducted" in case:
        assert [each.credit_id for each in by_payment[0].credits] == case["deducted"]
    assert all(proposal.summary.endswith(".") for proposal in outcome.proposals)


def test_there_are_enough_lessons() -> None:
    titles = [case.values[0]["title"] for case in cases()]

    assert len(titles) >= CASES_MIN
    assert len(set(titles)) == len(titles)
