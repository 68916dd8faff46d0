"""Lines that pay no invoice, of the kinds that mislead."""

from collections.abc import Callable, Mapping, Sequence

from benchmarks.matching import phrases
from benchmarks.matching.bank import Message, Sender
from benchmarks.matching.names import Name, company, person
from benchmarks.matching.payments import Line, Till, processor_id, working_day
from benchmarks.matching.phrases import PHRASES
from benchmarks.matching.randomness import Choices
from benchmarks.matching.world import (
    COUNTRIES,
    PROCESSORS,
    Customer,
    Invoice,
    World,
    account,
    currency_of,
    price_in,
)

_BOOK_DAYS = 135
_SAME_COUNTRY = 0.7


class Bystanders:
    """Makes lines that belong to no invoice."""

    def __init__(
        self, till: Till, world: World, paid: Sequence[Line], past: Sequence[Invoice]
    ) -> None:
        """Take the payments and the confirmed past, because some lines look like one of them."""
        self._till = till
        self._source = till.source
        self._world = world
        self._past = past
        self._paid = [line for line in paid if line.case in {"exact", "combined"}]
        self._kinds = Choices(till.rates.negative_kinds)
        self._ways: Mapping[str, Callable[[], Line]] = {
            "stranger_same_amount": self._stranger_same_amount,
            "stranger": self._stranger,
            "prepayment": self._prepayment,
            "paid_ref": self._paid_number,
            "payout_batch": self._payout,
            "outgoing": self._outgoing,
            "duplicate": self._duplicate,
            "internal": self._internal,
            "misc_income": self._income,
            "refund": self._refund,
            "borrowed_number": self._borrowed_number,
        }

    def one(self) -> Line:
        """Return one more line."""
        kind = self._source.choose(self._kinds)
        line = self._ways[kind]()
        line.case = kind
        return line

    def _day(self) -> int:
        # Like the payments, most come in the later months of the book.
        share = self._source.random() ** 0.7
        return working_day(self._world.seller.today - _BOOK_DAYS + int(share * (_BOOK_DAYS + 30)))

    def _line(
        self,
        sender: Sender,
        text: str,
        amount: int,
        currency: str,
        *,
        booked: int | None = None,
        customer: Customer | None = None,
    ) -> Line:
        booked = self._day() if booked is None else booked
        entry = self._till.bank.deliver(sender, Message(text), booked)
        return Line(booked, amount, currency, entry, "", "neg", customer)

    def _anybody(self, country: str, name: Name | None = None) -> Sender:
        source, rates = self._source, self._till.rates
        if name is None:
            name = person(source, country) if source.chance(0.4) else company(source, country)
        return Sender(
            self._till.speller.spell(name, country),
            account(source, country) if source.chance(rates.iban_shown) else None,
            country,
            source.between(0, 99) if source.chance(rates.labelled) else -1,
            source.chance(rates.upper_case),
            not source.chance(rates.no_punctuation),
            not source.chance(rates.no_diacritics),
        )

    def _strange_text(self, country: str) -> str:
        source, words = self._source, PHRASES[country]
        match source.between(0, 6):
            case 0 | 1:
                return source.pick(phrases.STRANGERS)
            case 2:
                return f"{source.pick(words.order)} {source.digits(source.between(5, 10))}"
            case 3:
                return f"{source.pick(words.customer)} {source.digits(5)}"
            case 4:
                return f"{source.pick(words.recurring)} {source.pick(words.months)}"
            case 5:
                return f"{source.pick(words.invoice)} {source.digits(source.between(4, 7))}"
            case _:
                return source.pick(words.filler)

    def _stranger(self) -> Line:
        source = self._source
        country = source.pick(COUNTRIES)
        currency = currency_of(country)
        amount = price_in(round(10_00 + 90_00 * 40 ** source.random()), currency)
        return self._line(self._anybody(country), self._strange_text(country), amount, currency)

    def _stranger_same_amount(self) -> Line:
        source = self._source
        invoice = self._an_open_one()
        country = (
            invoice.customer.country if source.chance(_SAME_COUNTRY) else source.pick(COUNTRIES)
        )
        booked = working_day(max(invoice.due + round(source.normal(0, 9)), invoice.issued + 1))
        sender, text = self._anybody(country), self._strange_text(country)
        return self._line(sender, text, invoice.balance, invoice.customer.currency, booked=booked)

    def _prepayment(self) -> Line:
        source = self._source
        customer = source.pick(self._world.customers)
        words = PHRASES[customer.country]
        text = source.pick(words.prepaid)
        if source.chance(0.6):
            text += f" {source.pick(words.order)} {source.digits(source.between(6, 10))}"
        step = source.pick((1_00, 1_00, 10_00, 50_00, 100_00))
        amount = price_in(
            max(step, round(60_00 * 30 ** source.random() / step) * step), customer.pays_in
        )
        sender = self._till.sender(customer)
        return self._line(sender, text, amount, customer.pays_in, customer=customer)

    def _paid_number(self) -> Line:
        """Return a line of a customer that quotes what it paid long ago."""
        invoice = self._a_closed_one()
        customer = invoice.customer
        form, _is_damaged = self._till.writer.number(invoice, customer.quoting)
        words = PHRASES[customer.country]
        text = form if self._source.chance(0.5) else f"{self._source.pick(words.invoice)} {form}"
        sender = self._till.sender(customer)
        return self._line(sender, text, invoice.total, customer.currency, customer=customer)

    def _a_closed_one(self) -> Invoice:
        is_known = bool(self._past) and self._source.chance(self._till.rates.closed_known)
        invoices = self._past if is_known else self._world.closed
        return self._source.pick(invoices or self._world.open)

    def _an_open_one(self) -> Invoice:
        while (invoice := self._source.pick(self._world.open)).balance < 0:
            pass
        return invoice

    def _borrowed_number(self) -> Line:
        """Return a stranger's line whose own order has the number of an open invoice."""
        source = self._source
        invoice = self._an_open_one()
        country = invoice.customer.country
        text = f"{source.pick(PHRASES[country].order)} {invoice.number}"
        amount = price_in(round(15_00 * 120 ** source.random()), invoice.customer.pays_in)
        return self._line(self._anybody(country), text, amount, invoice.customer.pays_in)

    def _payout(self) -> Line:
        source = self._source
        processor = source.pick(tuple(PROCESSORS))
        country = source.pick(("DE", "GB", "NL", "FR", "BE", "IT", "SE"))
        currency = currency_of(country)
        sender = self._anybody(country)
        sender.name = source.pick(PROCESSORS[processor])
        if sender.iban:
            sender.iban = self._world.seller.processor_ibans[processor]
        amount = price_in(round(400_00 * 30 ** source.random()) + source.between(1, 99), currency)
        return self._line(sender, processor_id(source, processor), amount, currency)

    def _outgoing(self) -> Line:
        """Return money that we paid to somebody who numbers invoices as we do."""
        source = self._source
        invoice = self._an_open_one()
        country = invoice.customer.country
        digits = invoice.number[-4:]
        number = invoice.number[:-4] + (source.digits(4) if digits.isdigit() else digits)
        text = f"{source.pick(PHRASES[country].invoice)} {number}" if source.chance(0.6) else number
        amount = invoice.balance if source.chance(0.2) else round(20_00 * 80 ** source.random())
        return self._line(self._anybody(country), text, -amount, invoice.customer.pays_in)

    def _duplicate(self) -> Line:
        """Return a payment that comes twice, the first of which paid everything."""
        source = self._source
        first = source.pick(self._paid)
        booked = working_day(first.booked + source.between(1, 6))
        entry = first.entry
        return Line(booked, first.amount, first.currency, entry, "", "neg", first.customer)

    def _internal(self) -> Line:
        source, seller = self._source, self._world.seller
        country = source.pick(("DE", "GB", "NL", "FR", "BE", "NO", "SE"))
        sender = self._anybody(country)
        sender.name, sender.iban = seller.name, seller.ibans[country]
        amount = price_in(
            source.pick((500_00, 1_000_00, 2_500_00, 5_000_00, 10_000_00)), currency_of(country)
        )
        if source.chance(0.3):
            amount = -amount
        return self._line(sender, source.pick(phrases.TRANSFERS), amount, currency_of(country))

    def _income(self) -> Line:
        source = self._source
        country = source.pick(COUNTRIES)
        sender = self._anybody(country)
        sender.name = source.pick(phrases.OFFICES)
        text = f"{source.pick(phrases.TAXES)} {source.digits(source.between(7, 11))}"
        amount = round(5_00 * 300 ** source.random())
        return self._line(
            sender, text, price_in(amount, currency_of(country)), currency_of(country)
        )

    def _refund(self) -> Line:
        source = self._source
        invoice = self._a_closed_one()
        text = f"{source.pick(phrases.REFUNDS)} {invoice.number}"
        customer = invoice.customer
        sender = self._till.sender(customer)
        return self._line(sender, text, -invoice.total, customer.currency, customer=customer)
