"""Payments for several customers, for less than a whole invoice, or with another's number."""

from collections import defaultdict
from collections.abc import Iterator, Sequence

from benchmarks.matching.bank import Message
from benchmarks.matching.names import Name, telling_word
from benchmarks.matching.payments import (
    Line,
    Till,
    quoted_line,
    single,
    working_day,
)
from benchmarks.matching.quoting import Quote
from benchmarks.matching.world import Customer, Invoice, Payer, World

_ADVANCED = (0.8, 0.85, 0.9)
_RETENTION_PAID = 0.6
_CUSTOMERS_MAX = 5
_TOGETHER_MAX = 3


def pay(till: Till, world: World, payable: int) -> tuple[list[list[Line]], list[Invoice]]:
    """Return the tangled payments that the rates ask for, and the invoices that they leave.

    :param payable: How many payments the book will have, which the rates are shares of.
    """
    rates = till.rates
    if not rates.credit_netted:
        return [], world.open
    desk = _Desk(till, world)
    plans: list[list[Line]] = []
    for share, make in (
        (rates.credit_netted, desk.netted),
        (rates.group_paid, desk.of_groups),
        (rates.several_customers, desk.of_several),
        (rates.factored, desk.factored),
        (rates.stolen_reference, desk.misquoted),
    ):
        wanted = round(share * payable)
        made = make()
        while wanted > 0 and (plan := next(made, None)) is not None:
            plans.append(plan)
            wanted -= len(plan)
    return plans, desk.rest()


class _Desk:
    """Invoices that nobody has paid yet, and those who pay them in tangled ways."""

    def __init__(self, till: Till, world: World) -> None:
        self._till = till
        self._source = till.source
        self._world = world
        self._paid: set[int] = set()
        self._theirs: dict[str, list[Invoice]] = defaultdict(list)
        for invoice in world.open:
            if invoice.customer.currency == invoice.customer.pays_in:
                self._theirs[invoice.customer.id].append(invoice)

    def rest(self) -> list[Invoice]:
        """Return the invoices that are left."""
        return [invoice for invoice in self._world.open if invoice.id not in self._paid]

    def netted(self) -> Iterator[list[Line]]:
        """Yield payments of one to three invoices, less a credit note of the same customer."""
        source = self._source
        credits_ = [each for each in self._world.open if each.kind == "credit_note"]
        source.shuffle(credits_)
        for credit in credits_:
            customer = credit.customer
            together = self._unpaid(customer, source.between(1, _TOGETHER_MAX))
            total = sum(invoice.balance for invoice in together) + credit.balance
            if total <= 0 or customer.currency != customer.pays_in:
                continue
            yield [self._line(customer, [*together, credit], "credit_netted")]

    def of_groups(self) -> Iterator[list[Line]]:
        """Yield payments of a parent, for invoices of several companies of its group."""
        source = self._source
        groups = [
            each.group for each in self._world.customers if each.group and each is each.group[0]
        ]
        source.shuffle(groups)
        for group in groups:
            parent = group[0]
            name = Name(
                f"{telling_word(parent.name.words)} {source.pick(('Group', 'Holding', 'Finance'))}",
                parent.name.legal,
                is_person=False,
            )
            payer = Payer("parent", name, parent.own_iban, shown=source.chance(0.7))
            for _ in range(2):
                together = [
                    invoice
                    for customer in group
                    for invoice in self._unpaid(customer, source.between(1, 2))
                ]
                if len({invoice.customer.id for invoice in together}) > 1:
                    yield [self._line(parent, together, "group_paid", payer)]

    def of_several(self) -> Iterator[list[Line]]:
        """Yield payments of an agent, for invoices of several of its customers."""
        source = self._source
        served: dict[tuple[str, str], list[Customer]] = defaultdict(list)
        for customer in self._world.customers:
            if customer.payer.kind == "agent":
                served[customer.payer.iban, customer.pays_in].append(customer)
        rounds = [many for many in served.values() if len(many) > 1]
        for _ in range(len(self._world.open)):
            if not rounds:
                return
            many = source.pick(rounds)
            source.shuffle(many)
            together = [
                invoice
                for customer in many[: source.between(2, _CUSTOMERS_MAX)]
                for invoice in self._unpaid(customer, 1)
            ]
            if len(together) > 1:
                yield [self._line(together[0].customer, together, "several_customers", lists=True)]

    def factored(self) -> Iterator[list[Line]]:
        """Yield a factor's payments of single invoices: an advance, and perhaps the rest later."""
        source = self._source
        for invoice in self._shuffled():
            factor = source.pick(self._world.seller.factors)
            advance = round(invoice.balance * source.pick(_ADVANCED))
            parts = [advance, invoice.balance - advance]
            booked = working_day(invoice.issued + source.between(1, 8))
            self._paid.add(invoice.id)
            plan = []
            for at, part in enumerate(parts if source.chance(_RETENTION_PAID) else parts[:1]):
                form, is_damaged = self._till.writer.number(invoice, "exact")
                text = f"{source.pick(('', 'Debtor ', 'Deb. '))}{invoice.customer.number} {form}"
                quote = Quote(
                    Message(text, bare=form),
                    "typo" if is_damaged else "exact",
                    [(invoice, form)],
                    is_damaged,
                )
                plan.append(
                    quoted_line(
                        self._till,
                        invoice.customer,
                        quote,
                        self._till.sender(invoice.customer, factor),
                        booked=booked,
                        amount=part,
                        case="factored",
                        allocations=[(invoice, part)],
                        more={"part": f"{at + 1}/2"},
                    )
                )
                booked = working_day(max(booked, invoice.due) + source.between(5, 30))
            yield plan

    def misquoted(self) -> Iterator[list[Line]]:
        """Yield payments of known payers that quote the open number of another customer."""
        source = self._source
        for invoice in self._shuffled():
            other = source.pick(self._world.open)
            if other.customer is invoice.customer or other.balance == invoice.balance:
                continue
            line = single(self._till, invoice)
            is_known = not {"own_name", "iban_on_file"}.isdisjoint(line.signals)
            if line.case != "exact" or invoice.customer.payer.kind != "own" or not is_known:
                continue
            form, _is_damaged = self._till.writer.number(other, "exact")
            quote = Quote(Message(form, bare=form), "stolen", [(other, form)])
            line = quoted_line(
                self._till,
                invoice.customer,
                quote,
                self._till.sender(invoice.customer),
                booked=line.booked,
                amount=line.amount,
                case="stolen_reference",
                allocations=line.allocations,
                more={},
            )
            if {"own_name", "iban_on_file"}.isdisjoint(line.signals):
                continue
            if line.signals[0] != "ref_none":
                line.signals[0] = "ref_wrong"
            line.is_open_to_siblings = True
            self._paid.add(invoice.id)
            yield [line]

    def _shuffled(self) -> list[Invoice]:
        invoices = [
            invoice
            for many in self._theirs.values()
            for invoice in many
            if invoice.id not in self._paid and invoice.balance > 0
        ]
        self._source.shuffle(invoices)
        return invoices

    def _unpaid(self, customer: Customer, count: int) -> list[Invoice]:
        unpaid = [
            invoice
            for invoice in self._theirs[customer.id]
            if invoice.id not in self._paid and invoice.balance > 0
        ]
        return unpaid[:count]

    def _line(
        self,
        customer: Customer,
        together: Sequence[Invoice],
        case: str,
        payer: Payer | None = None,
        *,
        lists: bool = False,
    ) -> Line:
        """Return one payment of whole invoices, which count as paid from now on."""
        till = self._till
        self._paid.update(invoice.id for invoice in together)
        latest = max(invoice.issued for invoice in together)
        booked = max(till.day(customer, together[0]), working_day(latest + 1))
        write = till.writer.list_all if lists else till.writer.write
        return quoted_line(
            till,
            customer,
            write(customer, together, booked),
            till.sender(customer, payer),
            booked=booked,
            amount=sum(invoice.balance for invoice in together),
            case=case,
            allocations=[(invoice, invoice.balance) for invoice in together],
            more={},
        )
