"""Books of invoices and payments as JSON Lines: from files to records, and proposals to a file.

The format is an open one, described in ``docs/matching_format.md``: no database is needed.
"""

from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec

from payymo.domain.errors import InvalidInputError, Problem
from payymo.domain.matching.records import (
    ClosedInvoice,
    Confirmation,
    CustomerCredit,
    OpenInvoice,
    Payment,
    Proposal,
    ProposedAllocation,
)
from payymo.domain.money import format_amount

#: Problems that are told one by one; a file with more is broken as a whole.
PROBLEMS_MAX = 20

#: One file holds no more lines than this.
LINES_MAX = 5_000_000


class InvoiceLine(msgspec.Struct, frozen=True):
    """One line of a file of invoices."""

    id: int | str
    number: str
    customer_id: int | str
    currency: str
    balance: Decimal
    issue_date: date
    total: Decimal | None = None
    due_date: date | None = None
    customer_name: str | None = None
    customer_ibans: tuple[str, ...] | None = None
    structured_ref: str | None = None


class TransactionLine(msgspec.Struct, frozen=True):
    """One line of a file of bank transactions; a credit is greater than zero."""

    id: int | str
    booking_date: date
    amount: Decimal
    currency: str
    debtor_name: str | None = None
    debtor_iban: str | None = None
    remittance: str | None = None
    structured_ref: str | None = None
    end_to_end_id: str | None = None
    instructed_amount: Decimal | None = None
    instructed_currency: str | None = None


class PastTransaction(msgspec.Struct, frozen=True):
    """The payment of a confirmed match."""

    booking_date: date
    debtor_name: str | None = None
    debtor_iban: str | None = None


class PastInvoice(msgspec.Struct, frozen=True):
    """The invoice of a confirmed match, which is paid since."""

    customer_id: int | str
    number: str
    structured_ref: str | None = None
    due_date: date | None = None


class HistoryLine(msgspec.Struct, frozen=True):
    """One line of a file of confirmed past matches."""

    transaction: PastTransaction
    invoice: PastInvoice


class Meta(msgspec.Struct, frozen=True):
    """What holds for a whole book.

    :ivar fx_per_eur: Mid rates: units of a currency for one euro.
    """

    fx_per_eur: dict[str, Decimal] = {}


@dataclass(frozen=True, slots=True)
class Book:
    """What a matching of files looks at.

    :ivar invoices: Invoices with something left to pay.
    :ivar closed: Invoices with nothing left to pay.
    :ivar credits_open: Credit notes with something left.
    :ivar confirmations: Matches of the past.
    :ivar rates: Mid rates, units of a currency for one euro, where they are known.
    :ivar payments: Money that came in.
    :ivar ignored_count: Transactions that brought no money: nothing to match.
    """

    invoices: Sequence[OpenInvoice]
    closed: Sequence[ClosedInvoice]
    credits_open: Sequence[CustomerCredit]
    confirmations: Sequence[Confirmation]
    rates: Mapping[str, Decimal]
    payments: Sequence[Payment]
    ignored_count: int


def read_book(
    invoices: Path, transactions: Path, history: Path | None = None, meta: Path | None = None
) -> Book:
    """Return the book that some files hold.

    :param invoices: JSON Lines of invoices.
    :param transactions: JSON Lines of bank transactions.
    :param history: JSON Lines of confirmed past matches, if there are any.
    :param meta: JSON with mid rates, if they are known.
    :raises InvalidInputError: If a file cannot be read or a line says no such thing; each faulty
        line is named.
    """
    invoice_lines = _read_lines(invoices, InvoiceLine, "invoices", _fault_of_invoice)
    transaction_lines = _read_lines(
        transactions, TransactionLine, "transactions", _fault_of_transaction
    )
    past = _read_lines(history, HistoryLine, "past matches", _no_fault) if history else []
    credits_ = [line for line in transaction_lines if line.amount > 0]
    unpaid = {line.number for line in invoice_lines if line.balance}
    once = _Once()
    return Book(
        invoices=[_open_invoice(line, once) for line in invoice_lines if line.balance > 0],
        closed=[
            *(
                ClosedInvoice(line.number, line.structured_ref, once[line.customer_id])
                for line in invoice_lines
                if not line.balance
            ),
            *(
                ClosedInvoice(
                    line.invoice.number, line.invoice.structured_ref, once[line.invoice.customer_id]
                )
                for line in past
                if line.invoice.number not in unpaid
            ),
        ],
        credits_open=[_credit(line) for line in invoice_lines if line.balance < 0],
        confirmations=[_confirmation(line, once) for line in past],
        rates=_read_meta(meta).fx_per_eur if meta else {},
        payments=[_payment(line, once) for line in credits_],
        ignored_count=len(transaction_lines) - len(credits_),
    )


class _Once(dict[Any, Any]):
    """Values, each kept once: a large book names few customers, payers, days and currencies.

    Asked for a value, it gives the first that was equal to it.
    """

    def __missing__(self, value: Any) -> Any:
        self[value] = value
        return value


def _open_invoice(line: InvoiceLine, once: _Once) -> OpenInvoice:
    total = line.balance if line.total is None or line.total == line.balance else line.total
    return OpenInvoice(
        id=line.id,
        number=line.number,
        customer_id=once[line.customer_id],
        customer_name=once[line.customer_name or ""],
        customer_ibans=once[line.customer_ibans or ()],
        currency=once[line.currency],
        total=total,
        balance=line.balance,
        issue_date=once[line.issue_date],
        due_date=once[line.due_date],
        structured_reference=line.structured_ref,
        customer_number=once[str(line.customer_id)],
    )


def _credit(line: InvoiceLine) -> CustomerCredit:
    return CustomerCredit(
        id=line.id,
        customer_id=line.customer_id,
        currency=line.currency,
        balance=-line.balance,
        number=line.number,
    )


def _confirmation(line: HistoryLine, once: _Once) -> Confirmation:
    return Confirmation(
        customer_id=once[line.invoice.customer_id],
        payer_name=once[line.transaction.debtor_name],
        payer_iban=once[line.transaction.debtor_iban],
        booking_date=once[line.transaction.booking_date],
        due_date=once[line.invoice.due_date],
    )


def _payment(line: TransactionLine, once: _Once) -> Payment:
    return Payment(
        id=line.id,
        amount=line.amount,
        currency=once[line.currency],
        booking_date=once[line.booking_date],
        payer_name=once[line.debtor_name],
        payer_iban=once[line.debtor_iban],
        remittance=line.remittance,
        structured_reference=line.structured_ref,
        end_to_end_id=line.end_to_end_id,
        instructed_amount=line.instructed_amount,
        instructed_currency=line.instructed_currency,
    )


# ------------------------------------------------------------------- reading


def _read_lines[Line: msgspec.Struct](
    path: Path, kind: type[Line], noun: str, fault_of: Callable[[Line], str | None]
) -> list[Line]:
    """Return the lines of a file; blank ones are passed over.

    :raises InvalidInputError: If there is a fault: the first ones are named by their lines.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise InvalidInputError(f"{path} cannot be read: {error.strerror}.") from error
    decode = msgspec.json.Decoder(kind).decode
    lines: list[Line] = []
    seen: dict[Hashable, int] = {}
    problems: list[Problem] = []
    for number, text in enumerate(content.removeprefix(b"\xef\xbb\xbf").split(b"\n"), start=1):
        if not text or text.isspace():
            continue
        try:
            line = decode(text)
            fault = fault_of(line)
        except (msgspec.MsgspecError, UnicodeDecodeError) as error:
            line, fault = None, _sentence_of(error)
        if line is not None and not fault and (key := getattr(line, "id", None)) is not None:
            first = seen.setdefault(key, number)
            if first != number:
                fault = f"Line {first} has the same id: give each line an id of its own."
        if line is not None and not fault:
            lines.append(line)
        else:
            problems.append(Problem(f"{path.name} line {number}", fault or ""))
        if len(problems) == PROBLEMS_MAX or number > LINES_MAX:
            break
    if problems:
        raise InvalidInputError(
            f"{path} is not a file of {noun}: correct the lines named here and try again.",
            problems=problems,
        )
    return lines


def _read_meta(path: Path) -> Meta:
    try:
        meta = msgspec.json.decode(path.read_bytes(), type=Meta)
    except OSError as error:
        raise InvalidInputError(f"{path} cannot be read: {error.strerror}.") from error
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise InvalidInputError(f"{path} is not a file of rates: {_sentence_of(error)}") from error
    if not all(rate.is_finite() and rate > 0 for rate in meta.fx_per_eur.values()):
        raise InvalidInputError(f"{path} has a rate that is not greater than zero.")
    return meta


def _no_fault(_line: HistoryLine) -> None:
    return None


def _sentence_of(error: Exception) -> str:
    """Return what is wrong with a line, without repeating what stands in it."""
    if isinstance(error, UnicodeDecodeError):
        return "The line is not UTF-8."
    if isinstance(error, msgspec.ValidationError):
        said = str(error).replace("`", "").replace("$.", "").replace(" - at ", " at ")
        return f"{said}."
    return "The line is not one JSON object: it may be cut off."


def _fault_of_invoice(line: InvoiceLine) -> str | None:
    amounts = (line.balance,) if line.total is None else (line.balance, line.total)
    if not all(amount.is_finite() for amount in amounts):
        return "An amount must be a plain decimal number such as 12.50."
    return None


def _fault_of_transaction(line: TransactionLine) -> str | None:
    instructed = line.instructed_amount
    if not line.amount.is_finite() or (instructed is not None and not instructed.is_finite()):
        return "An amount must be a plain decimal number such as 12.50."
    return None


# ------------------------------------------------------------------- writing


def write_predictions(path: Path, lines: Iterable[bytes]) -> None:
    """Write predictions to a file, which appears whole or not at all.

    :param path: File to write.
    :param lines: What :func:`as_prediction` made of proposals.
    :raises InvalidInputError: If the file cannot be written.
    """
    unfinished = path.with_name(f".{path.name}.part")
    try:
        with unfinished.open("wb") as file:
            file.writelines(lines)
        unfinished.replace(path)
    except OSError as error:
        unfinished.unlink(missing_ok=True)
        raise InvalidInputError(f"{path} cannot be written: {error.strerror}.") from error


_encode = msgspec.json.Encoder().encode


def as_prediction(proposal: Proposal, currency: str) -> bytes:
    """Return a proposal as one line of JSON.

    :param proposal: What the engine says of a payment.
    :param currency: The payment's.
    """
    return _encode(_prediction(proposal, currency)) + b"\n"


def _prediction(proposal: Proposal, currency: str) -> Mapping[str, object]:
    runner_up = proposal.runner_up
    return {
        "tx_id": proposal.payment_id,
        "confidence": proposal.confidence,
        "allocations": [
            *_allocations(proposal.allocations, currency),
            *_deductions(proposal, currency),
        ],
        "is_tie": proposal.is_tie,
        "summary": proposal.summary,
        "margin": proposal.margin,
        "amount_class": proposal.amount_class,
        "differences": [
            {
                "kind": each.kind,
                "invoice_id": each.invoice_id,
                "amount": format_amount(each.amount, currency),
            }
            for each in proposal.differences
        ],
        "evidence": [
            {
                "kind": item.kind,
                "invoice_id": item.invoice_id,
                "bits": round(item.weight, 2),
                "text": item.text,
            }
            for item in proposal.evidence
        ],
        "runner_up": runner_up
        and {
            "confidence": runner_up.confidence,
            "allocations": _allocations(runner_up.allocations, currency),
        },
    }


def _deductions(proposal: Proposal, currency: str) -> Sequence[Mapping[str, object]]:
    """Return the credit notes of a proposal, as allocations below zero."""
    return [
        {"invoice_id": each.credit_id, "amount": format_amount(-each.amount, currency)}
        for each in proposal.credits
    ]


def _allocations(
    allocations: Iterable[ProposedAllocation], currency: str
) -> Sequence[Mapping[str, object]]:
    return [
        {"invoice_id": each.invoice_id, "amount": format_amount(each.amount, currency)}
        if each.settled is None
        else {
            "invoice_id": each.invoice_id,
            "amount": str(each.settled),
            "paid": format_amount(each.amount, currency),
        }
        for each in allocations
    ]
