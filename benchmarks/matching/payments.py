"""Payments of invoices: which, how much, when, and what the statement says of them."""

import math
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from benchmarks.matching.bank import Bank, Entry, Message, Sender
from benchmarks.matching.quoting import Quote, Writer
from benchmarks.matching.randomness import Choices, Source
from benchmarks.matching.rates import Rates
from benchmarks.matching.spelling import Speller
from benchmarks.matching.world import PROCESSORS, Customer, Invoice, Payer, Seller

_FEES = (2_50, 5_00, 7_50, 8_00, 10_00, 12_00, 12_50, 15_00, 20_00, 25_00)
_PROCESSOR_FEES = ((1.4, 20), (1.5, 25), (2.9, 30), (1.69, 0), (2.9, 25), (1.2, 10))
_ROUNDINGS = (1, 1, 1, 2, 3, 5)
_DISCOUNTS = (1.0, 2.0, 2.0, 2.5, 3.0, 3.0)
_OVERPAID_BY = (1_00, 5_00, 10_00, 20_00)
_OVERPAID_TO = (1.10, 1.20, 2.00)
_SPREAD, _SPREAD_DEVIATION, _SPREAD_MAX = -0.004, 0.004, 0.016
_COMBINED_MAX = 9

#: Who has one invoice cannot combine: the others do so more often than the share of all payments.
_ALL_TO_THOSE_WITH_SEVERAL = 1.5
_INSTALMENT_MIN = 50_00
_ENOUGH_TO_READ = 3


@dataclass(slots=True)
class Line:
    """One line of a statement, and what it really is; amounts in hundredths, days as ordinals.

    :ivar amount: Signed: credits are positive.
    :ivar allocations: Invoices with amounts in their own currency; empty where it pays none.
    :ivar is_open_to_siblings: Nothing tells equal open invoices of the customer apart.
    :ivar more: Further keys of the truth: writeoff, unapplied, part, invoice_currency.
    """

    booked: int
    amount: int
    currency: str
    entry: Entry
    case: str
    style: str
    customer: Customer | None = None
    allocations: list[tuple[Invoice, int]] = field(default_factory=list)
    signals: list[str] = field(default_factory=list)
    is_open_to_siblings: bool = False
    instructed: tuple[int, str] | None = None
    more: dict[str, str] = field(default_factory=dict)
    id: str = ""


class Till:
    """Everything that a payment needs to become a line of a statement."""

    def __init__(self, source: Source, rates: Rates, seller: Seller) -> None:
        self.source = source
        self.rates = rates
        self.seller = seller
        self.bank = Bank(source, rates)
        self.writer = Writer(source, rates)
        self.speller = Speller(source, rates)
        self.tells = Choices(rates.processor_tells)
        differing = {
            "processor": rates.processor,
            "fee_deducted": rates.bank_fee,
            "small_diff": rates.rounding,
            "discount": rates.discount,
            "overpay": rates.overpaid,
        }
        self.cases = Choices(differing | {"exact": 1 - sum(differing.values())})

    def sender(self, customer: Customer, payer: Payer | None = None) -> Sender:
        """Return a customer, or who pays for it, as a sender."""
        payer = payer or customer.payer
        if payer is not customer.payer:
            name = self.speller.spell(payer.name, customer.country)
        else:
            if customer.spelled is None or self.source.chance(self.rates.respelled):
                customer.spelled = self.speller.spell(payer.name, customer.country)
            name = customer.spelled
        return Sender(
            name,
            payer.iban if payer.shown else None,
            customer.country,
            customer.layout,
            customer.is_upper,
            customer.keeps_marks,
            customer.keeps_diacritics,
        )

    def day(self, customer: Customer, invoice: Invoice) -> int:
        """Return the day on which a customer's payment of an invoice is booked."""
        source = self.source
        mean, deviation = customer.lag
        lag = round(source.normal(mean, deviation))
        if source.chance(self.rates.stray):
            lag += source.between(20, 75)
        return working_day(max(invoice.due + lag, invoice.issued + 1) + source.between(0, 3))


def pay(till: Till, invoices: Sequence[Invoice]) -> list[list[Line]]:
    """Return payments of open invoices: each list stands or falls together."""
    by_customer: dict[str, list[Invoice]] = defaultdict(list)
    for invoice in invoices:
        if invoice.kind != "credit_note":
            by_customer[invoice.customer.id].append(invoice)
    plans: list[list[Line]] = []
    for theirs in by_customer.values():
        plans += _pay_all_of_one(till, theirs)
    return plans


def _pay_all_of_one(till: Till, invoices: list[Invoice]) -> Iterable[list[Line]]:
    source, rates = till.source, till.rates
    rest = list(invoices)
    while rest:
        if len(rest) > 1 and source.chance(rates.combined * _ALL_TO_THOSE_WITH_SEVERAL):
            count = min(2 + int(-1.3 * math.log(1 - source.random())), len(rest), _COMBINED_MAX)
            if source.chance(0.2):
                source.shuffle(rest)
            together, rest = rest[:count], sorted(rest[count:], key=_by_due)
            yield [combined(till, together)]
            continue
        invoice = rest.pop(0)
        is_large = invoice.kind == "one_off" and invoice.balance >= _INSTALMENT_MIN
        if is_large and source.chance(rates.instalments):
            yield instalments(till, invoice)
        else:
            yield [single(till, invoice)]


def _by_due(invoice: Invoice) -> tuple[int, int]:
    return invoice.due, invoice.id


def single(till: Till, invoice: Invoice) -> Line:
    """Return a payment of one invoice, exact or not."""
    source, customer = till.source, invoice.customer
    if customer.currency != customer.pays_in:
        return _foreign(till, invoice)
    balance, booked = invoice.balance, till.day(customer, invoice)
    case = source.choose(till.cases)
    if case == "processor":
        return _processed(till, invoice, booked)
    amount = balance
    if case == "fee_deducted":
        amount -= _fee(source, balance)
    elif case == "small_diff":
        amount = _rounded(source, balance)
    elif case == "discount":
        amount -= math.floor(balance * source.pick(_DISCOUNTS) / 100 + 0.5)
        booked = working_day(invoice.issued + source.between(3, 12))
    elif case == "overpay":
        amount = _too_much(source, balance)
    return _line(till, invoice, case, amount=amount, booked=booked)


def combined(till: Till, invoices: Sequence[Invoice]) -> Line:
    """Return one payment of several invoices of a customer."""
    source, customer = till.source, invoices[0].customer
    total = sum(invoice.balance for invoice in invoices)
    middle = sorted(invoices, key=_by_due)[len(invoices) // 2]
    booked = max(till.day(customer, middle), working_day(max(each.issued for each in invoices) + 1))
    quote = till.writer.write(customer, invoices, booked)
    amount, case, more = total, "combined", {}
    if customer.currency != customer.pays_in:
        amount, case = _converted(till, total, customer), "combined_fx"
        more = {"invoice_currency": customer.currency}
    elif source.chance(till.rates.combined_short):
        fee = _fee(source, total)
        amount, case, more = total - fee, "combined_fee", {"writeoff": money(fee)}
    return quoted_line(
        till,
        customer,
        quote,
        till.sender(customer),
        booked=booked,
        amount=amount,
        case=case,
        allocations=[(invoice, invoice.balance) for invoice in invoices],
        more=more,
    )


def instalments(till: Till, invoice: Invoice) -> list[Line]:
    """Return payments of one invoice in two or three parts, perhaps not all of them."""
    source, customer, balance = till.source, invoice.customer, invoice.balance
    if customer.currency != customer.pays_in:
        return [_foreign(till, invoice)]
    way = source.between(0, 2)
    if way == 0:
        parts = [balance // 2, balance - balance // 2]
    elif way == 1:
        third = balance // 3
        parts = [third, third, balance - 2 * third]
    else:
        down = round(balance * source.pick((0.2, 0.25, 0.3, 0.4)))
        parts = [down, balance - down]
    count = len(parts) - 1 if source.chance(till.rates.stops_early) else len(parts)
    booked = till.day(customer, invoice)
    lines = []
    for at, part in enumerate(parts[:count]):
        line = _line(till, invoice, "instalment", amount=part, booked=booked, allocated=part)
        line.more = {"part": f"{at + 1}/{len(parts)}"}
        lines.append(line)
        booked = working_day(booked + source.between(26, 33))
    return lines


def _line(
    till: Till,
    invoice: Invoice,
    case: str,
    *,
    amount: int,
    booked: int,
    allocated: int | None = None,
) -> Line:
    customer, balance = invoice.customer, invoice.balance
    allocated = balance if allocated is None else allocated
    more = {}
    if amount > allocated and case == "overpay":
        more = {"unapplied": money(amount - allocated)}
    elif amount != allocated:
        more = {"writeoff": money(allocated - amount)}
    quote = till.writer.write(customer, [invoice], booked)
    return quoted_line(
        till,
        customer,
        quote,
        till.sender(customer),
        booked=booked,
        amount=amount,
        case=case,
        allocations=[(invoice, allocated)],
        more=more,
    )


def _foreign(till: Till, invoice: Invoice) -> Line:
    """Return a payment in another currency than the invoice's."""
    customer = invoice.customer
    booked = till.day(customer, invoice)
    quote = till.writer.write(customer, [invoice], booked)
    line = quoted_line(
        till,
        customer,
        quote,
        till.sender(customer),
        booked=booked,
        amount=_converted(till, invoice.balance, customer),
        case="fx",
        allocations=[(invoice, invoice.balance)],
        more={"invoice_currency": invoice.customer.currency},
    )
    if till.source.chance(till.rates.instructed_known):
        line.instructed = (invoice.balance, customer.currency)
    return line


def _processed(till: Till, invoice: Invoice, booked: int) -> Line:
    """Return a payment that a processor passes on, whole or net of its fee."""
    source, customer = till.source, invoice.customer
    processor = source.pick(tuple(PROCESSORS))
    sender = till.sender(customer)
    sender.name = source.pick(PROCESSORS[processor])
    shown = source.chance(till.rates.iban_shown)
    sender.iban = till.seller.processor_ibans[processor] if shown else None
    text = processor_id(source, processor)
    quote = Quote(Message(text), "none")
    match source.choose(till.tells):
        case "name":
            quote.message.text = f"{text} {till.speller.spell(customer.name, customer.country)}"
        case "number":
            form, is_damaged = till.writer.number(invoice, "exact")
            text = source.pick(
                (f"{text} {form}", f"{processor} {form}", f"{processor} TRANSFER {form}")
            )
            quote = Quote(
                Message(text), "typo" if is_damaged else "exact", [(invoice, form)], is_damaged
            )
    amount, case, more = invoice.balance, "processor_single", {}
    if source.chance(till.rates.processor_net):
        share, fixed = source.pick(_PROCESSOR_FEES)
        fee = min(math.floor(amount * share / 100 + 0.5) + fixed, amount // 2)
        amount, case, more = amount - fee, "processor_single_net", {"writeoff": money(fee)}
    return quoted_line(
        till,
        customer,
        quote,
        sender,
        booked=booked,
        amount=amount,
        case=case,
        allocations=[(invoice, invoice.balance)],
        more=more,
    )


def processor_id(source: Source, processor: str) -> str:
    """Return what a processor writes of itself and its transfer."""
    match source.between(0, 4):
        case 0:
            return f"{source.pick(('po_', 'pi_', 'ch_', 'tr_'))}{source.hexadecimal(12)}"
        case 1:
            return f"{processor} {source.digits(9)}"
        case 2:
            return f"{processor[:2]}-{source.hexadecimal(12)}"
        case 3:
            return f"{source.digits(10)}/{processor}"
        case _:
            return f"{processor} PAYOUT {source.hexadecimal(10).upper()}"


def quoted_line(
    till: Till,
    customer: Customer,
    quote: Quote,
    sender: Sender,
    *,
    booked: int,
    amount: int,
    case: str,
    allocations: list[tuple[Invoice, int]],
    more: dict[str, str],
) -> Line:
    """Return the line of a payment, with the signals that survived the bank."""
    entry = till.bank.deliver(sender, quote.message, booked)
    seen = compact(f"{entry.remittance or ''} {entry.structured or ''} {entry.end_to_end or ''}")
    signals = [_reference_signal(quote, seen, len(allocations))]
    if entry.iban and entry.iban in customer.listed_ibans:
        signals.append("iban_on_file")
    if entry.iban:
        signals.append("iban_shown")
    if _names_customer(customer, entry):
        signals.append("own_name")
    balance = sum(allocated for _invoice, allocated in allocations)
    if amount == balance and all(allocated == each.balance for each, allocated in allocations):
        signals.append("amount_exact")
    return Line(
        booked,
        amount,
        customer.pays_in,
        entry,
        case,
        quote.style,
        customer,
        allocations,
        signals,
        signals[0] in {"ref_none", "ref_damaged"},
        more=more,
    )


def _reference_signal(quote: Quote, seen: str, count: int) -> str:
    """Return how much of a quote is still to be read in a statement."""
    kept = [form for _invoice, form in quote.forms if compact(form) in seen]
    if quote.is_damaged and quote.forms:
        return "ref_damaged"
    if not kept:
        first = compact(quote.forms[0][1]) if quote.forms else ""
        is_cut = len(first) > _ENOUGH_TO_READ and first[:-1][: len(first) // 2 + 1] in seen
        return "ref_damaged" if is_cut else "ref_none"
    if len(kept) < count:
        return "ref_some"
    if quote.style.startswith("structured"):
        return "ref_structured"
    if quote.style == "partial" and compact(quote.forms[0][0].number) not in seen:
        return "ref_partial"
    is_tail = any(len(compact(form)) < len(compact(each.number)) for each, form in quote.forms)
    return "ref_some" if count > 1 and is_tail else "ref_exact"


def _names_customer(customer: Customer, entry: Entry) -> bool:
    """Return whether a line has the telling word of its customer's name."""
    name = customer.name
    word = compact((name.surname or name.words.split()[0]).split()[-1])
    seen = compact(f"{entry.name or ''} {entry.remittance or ''}")
    return word in seen or compact(name.words)[:9] in seen


def compact(text: str) -> str:
    """Return letters and digits alone, in capitals and without diacritics as far as they go."""
    text = text.upper()
    if not text.isascii():
        text = text.translate(_PLAIN)
    return "".join(filter(str.isalnum, text))


_PLAIN = str.maketrans("ÄÖÜÅØÉÈËÊÇÑÍÓÁÚÕÃ", "AOUAOEEEECNIOAUOA")


def working_day(day: int) -> int:
    """Return a day, or the Monday after it."""
    weekday = (day + 6) % 7
    return day + 7 - weekday if weekday > 4 else day  # noqa: PLR2004 - Saturday and Sunday


def money(amount: int) -> str:
    """Return hundredths as a decimal string."""
    sign, amount = ("-" if amount < 0 else ""), abs(amount)
    return f"{sign}{amount // 100}.{amount % 100:02d}"


def _converted(till: Till, amount: int, customer: Customer) -> int:
    rates, source = till.seller.fx_per_eur, till.source
    spread = source.normal(_SPREAD, _SPREAD_DEVIATION)
    spread = min(max(spread, -_SPREAD_MAX), _SPREAD_MAX)
    mid = rates[customer.pays_in] / rates[customer.currency]
    return max(round(amount * mid * (1 + spread)), 1)


def _fee(source: Source, balance: int) -> int:
    return source.pick([fee for fee in _FEES if fee < balance * 0.8] or [1])


def _rounded(source: Source, balance: int) -> int:
    if balance % 100 and source.chance(0.3):
        return max(balance - balance % 100, 1)
    return max(balance + source.pick(_ROUNDINGS) * source.pick((1, -1)), 1)


def _too_much(source: Source, balance: int) -> int:
    match source.between(0, 3):
        case 0 | 1:
            return balance + source.pick(_OVERPAID_BY)
        case 2:
            return (balance // 10_00 + 1) * 10_00
        case _:
            return round(balance * source.pick(_OVERPAID_TO))
