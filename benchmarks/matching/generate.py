"""``python -m benchmarks.matching.generate``: write a book of invoices and lines, with truth."""

import argparse
import gc
import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from pathlib import Path
from typing import Any

from benchmarks.matching import payments, tangled
from benchmarks.matching.negatives import Bystanders
from benchmarks.matching.payments import Line, Till, money
from benchmarks.matching.randomness import Source
from benchmarks.matching.rates import JITTER, PROFILES, Rates
from benchmarks.matching.world import Invoice, World, found

type Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Book:
    """A generated book, in the rows of its files.

    :ivar rates: The rates that it was made with: the profile's, moved a little by the seed.
    """

    invoices: list[Row]
    transactions: list[Row]
    history: list[Row]
    truth: list[Row]
    meta: Row
    rates: Rates


def generate(profile: str, *, seed: int, size: int, jitter: float = JITTER) -> Book:
    """Return a book of as many bank lines as open invoices.

    The same arguments give the same book, in every process and on every version of Python.

    :param profile: One of :data:`~benchmarks.matching.rates.PROFILES`.
    :param size: How many open invoices and how many bank lines; at least 10.
    :param jitter: By what factor at most each rate differs from its table, either way.
    :raises ValueError: The profile is unknown, or the size is too small.
    """
    if profile not in PROFILES:
        raise ValueError(f"There is no profile {profile!r}: choose {', '.join(PROFILES)}.")
    if size < _SIZE_MIN:
        raise ValueError(f"A book has at least {_SIZE_MIN} invoices, not {size}.")
    key = f"{profile}/{seed}"
    rates = PROFILES[profile].jittered(Source(key, "rates"), jitter)
    world = found(key, rates, size)
    past = _past(key, rates, world, size)
    lines = _lines(key, rates, world, size, past)
    lines.sort(key=lambda line: line.booked)
    for at, line in enumerate(lines, 1):
        line.id = f"T{at:07d}"
    return Book(
        invoices=[_invoice_row(invoice) for invoice in world.open],
        transactions=[_transaction_row(line) for line in lines],
        history=[_history_row(at, line) for at, line in enumerate(past, 1)],
        truth=list(_truth_rows(world.open, lines)),
        meta=_meta(profile, seed, world, lines, past),
        rates=rates,
    )


def write(book: Book, folder: Path) -> None:
    """Write a book's files into a folder, which is made if need be."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in ("invoices", "transactions", "history", "truth"):
        rows: Iterable[Row] = getattr(book, name)
        with (folder / f"{name}.jsonl").open("w", encoding="utf-8", newline="\n") as file:
            file.writelines(f"{_in_json(row)}\n" for row in rows)
    text = json.dumps(book.meta, ensure_ascii=False, indent=1)
    (folder / "meta.json").write_text(f"{text}\n", encoding="utf-8")


_SIZE_MIN = 10
_in_json = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode


def _lines(key: str, rates: Rates, world: World, size: int, past: Sequence[Line]) -> list[Line]:
    till = Till(Source(key, "payments"), rates, world.seller)
    payable = round(size * (1 - rates.negatives))
    plans, rest = tangled.pay(till, world, payable)
    ordinary = payments.pay(till, rest)
    till.source.shuffle(ordinary)
    plans += ordinary
    lines: list[Line] = []
    for plan in plans:
        if len(lines) + len(plan) <= payable:
            lines += plan
    confirmed = [invoice for line in past for invoice, _amount in line.allocations]
    bystanders = Bystanders(
        Till(Source(key, "negatives"), rates, world.seller), world, list(lines), confirmed
    )
    lines += [bystanders.one() for _ in range(size - len(lines))]
    return lines


def _past(key: str, rates: Rates, world: World, size: int) -> list[Line]:
    """Return confirmed payments of before: one invoice each, in the order of their days."""
    till = Till(Source(key, "history"), rates, world.seller)
    chosen = list(world.closed)
    till.source.shuffle(chosen)
    lines = []
    for invoice in chosen[: round(size * rates.history)]:
        invoice.balance = invoice.total
        lines.append(payments.single(till, invoice))
    return sorted(lines, key=lambda line: line.booked)


@lru_cache(maxsize=8192)
def _iso(day: int) -> str:
    return date.fromordinal(day).isoformat()


def _invoice_row(invoice: Invoice) -> Row:
    customer = invoice.customer
    return {
        "id": invoice.id,
        "number": invoice.number,
        "customer_id": customer.id,
        "customer_name": customer.name.full,
        "customer_country": customer.country,
        "customer_ibans": list(customer.listed_ibans),
        "currency": customer.currency,
        "total": money(invoice.total),
        "balance": money(invoice.balance),
        "issue_date": _iso(invoice.issued),
        "due_date": _iso(invoice.due),
        "structured_ref": invoice.reference,
        "ref_scheme": invoice.scheme,
        "kind": invoice.kind,
    }


def _transaction_row(line: Line) -> Row:
    entry = line.entry
    row = {
        "id": line.id,
        "booking_date": _iso(line.booked),
        "value_date": _iso(line.booked),
        "amount": money(line.amount),
        "currency": line.currency,
        "debtor_name": entry.name,
        "debtor_iban": entry.iban,
        "remittance": entry.remittance,
        "structured_ref": entry.structured,
        "end_to_end_id": entry.end_to_end,
    }
    if line.instructed:
        row["instructed_amount"] = money(line.instructed[0])
        row["instructed_currency"] = line.instructed[1]
    return row


def _history_row(at: int, line: Line) -> Row:
    line.id = f"H{at:07d}"
    row = _invoice_row(line.allocations[0][0])
    kept = "id number customer_id customer_name balance currency issue_date due_date".split()
    return {"transaction": _transaction_row(line), "invoice": {key: row[key] for key in kept}}


def _truth_rows(invoices: Sequence[Invoice], lines: Sequence[Line]) -> Iterator[Row]:
    equal: Mapping[tuple[str, int], list[int]] = defaultdict(list)
    for invoice in invoices:
        equal[invoice.customer.id, invoice.balance].append(invoice.id)
    for line in lines:
        row: Row = {
            "tx_id": line.id,
            "case": line.case,
            "style": line.style,
            "allocations": [
                {"invoice_id": invoice.id, "amount": money(amount)}
                for invoice, amount in line.allocations
            ],
            "signals": line.signals,
            "customer_id": _customer_of(line),
            **line.more,
        }
        if line.is_open_to_siblings:
            siblings = {
                str(invoice.id): [
                    other
                    for other in equal[invoice.customer.id, invoice.balance]
                    if other != invoice.id
                ]
                for invoice, _amount in line.allocations
            }
            if any(siblings.values()):
                row["equivalents"] = {key: others for key, others in siblings.items() if others}
        yield row


def _customer_of(line: Line) -> str | None:
    """Return the one customer that a line concerns, if it is one."""
    paid = {invoice.customer.id for invoice, _amount in line.allocations}
    if len(paid) > 1 or line.customer is None:
        return None
    return line.customer.id


def _meta(
    profile: str, seed: int, world: World, lines: Sequence[Line], past: Sequence[Line]
) -> Row:
    return {
        "seed": seed,
        "profile": profile,
        "invoices": len(world.open),
        "transactions": len(lines),
        "history": len(past),
        "today": _iso(world.seller.today),
        "fx_per_eur": dict(world.seller.fx_per_eur),
        "cases": dict(Counter(line.case for line in lines).most_common()),
        "reference_signal": dict(
            Counter(line.signals[0] for line in lines if line.signals).most_common()
        ),
        "links": sum(len(line.allocations) for line in lines),
    }


def main() -> None:
    """Write one book."""
    parser = argparse.ArgumentParser(prog="benchmarks.matching.generate", description=__doc__)
    parser.add_argument("--profile", choices=tuple(PROFILES), default="mixed")
    parser.add_argument("--seed", type=int, default=1, help="the same seed, the same book")
    parser.add_argument("--size", type=int, default=2000, help="open invoices, and bank lines")
    parser.add_argument("--out", type=Path, required=True, help="the folder to write into")
    arguments = parser.parse_args()
    gc.disable()  # all that is made is kept to the end: looking for rubbish takes a third longer
    book = generate(arguments.profile, seed=arguments.seed, size=arguments.size)
    write(book, arguments.out)
    print(f"{len(book.invoices)} invoices, {len(book.transactions)} lines in {arguments.out}")


if __name__ == "__main__":
    main()
