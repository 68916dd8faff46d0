"""What a person says that a payment settles: every fault of it, each by its field."""

from collections import defaultdict
from collections.abc import Hashable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from uuid import UUID

from sqlalchemy import Row, select
from sqlalchemy.orm import Session

from payymo.domain.errors import InvalidInputError, NotFoundError, Problem, RuleError
from payymo.domain.money import exponent_of, format_amount
from payymo.domain.settlement import Settlement
from payymo.postgres.common.models import Transaction
from payymo.postgres.reconciliation.models import Customer, CustomerCredit, Invoice


def check_manual_lines(session: Session, payment: Transaction, settlement: Settlement) -> None:
    """See that a person's lines can be booked, as far as that can be told without a lock.

    :param session: Open session; the caller manages the transaction.
    :param payment: Payment whose money goes there.
    :param settlement: Where it goes; its fields are ``allocations``, ``adjustments``,
        ``credits_applied`` and ``credit``.
    :raises NotFoundError: If the tenant has no such invoice, credit or customer.
    :raises InvalidInputError: If something is named twice, or an amount is not one.
    :raises RuleError: ``currency_mismatch``; ``over_allocation`` or ``credit_exhausted`` if there
        is less than that.
    """
    check = _Check.of(session, payment, settlement)
    check.refuse_absent()
    check.refuse_malformed()
    check.refuse_other_currencies()
    check.refuse_too_much()


@dataclass(frozen=True, slots=True)
class _Line:
    """One line, wherever it was said.

    :ivar place: Its field.
    :ivar is_money: Whether the amount is taken from the payment.
    :ivar settled: What it settles of its invoice, in the invoice's currency, where that is said.
    """

    place: str
    key: Hashable
    amount: Decimal
    is_money: bool = False
    invoice_id: Hashable = None
    credit_id: Hashable = None
    settled: Decimal | None = None


@dataclass(frozen=True, slots=True)
class _Check:
    payment: Transaction
    settlement: Settlement
    lines: list[_Line]
    invoices: Mapping[Hashable, Row[UUID, str, str, Decimal]]
    credits: Mapping[Hashable, Row[UUID, str, Decimal]]
    has_customer: bool
    problems: list[Problem] = field(default_factory=list)

    @classmethod
    def of(cls, session: Session, payment: Transaction, settlement: Settlement) -> "_Check":
        """Return the lines with whatever they name that there is."""
        lines = _lines_of(settlement)
        tenant_id = payment.tenant_id
        invoices = session.execute(
            select(Invoice.id, Invoice.number, Invoice.currency, Invoice.balance).where(
                Invoice.tenant_id == tenant_id,
                Invoice.id.in_({line.invoice_id for line in lines if line.invoice_id is not None}),
            )
        )
        known = session.execute(
            select(CustomerCredit.id, CustomerCredit.currency, CustomerCredit.balance).where(
                CustomerCredit.tenant_id == tenant_id,
                CustomerCredit.id.in_(
                    {line.credit_id for line in lines if line.credit_id is not None}
                ),
            )
        )
        customer_id = settlement.credited.customer_id if settlement.credited else None
        has_customer = session.scalar(
            select(Customer.id).where(Customer.tenant_id == tenant_id, Customer.id == customer_id)
        )
        return cls(
            payment=payment,
            settlement=settlement,
            lines=lines,
            invoices={row.id: row for row in invoices},
            credits={row.id: row for row in known},
            has_customer=has_customer is not None,
        )

    def refuse_absent(self) -> None:
        """Raise if there is no such thing."""
        for line in self.lines:
            if line.invoice_id is not None and line.invoice_id not in self.invoices:
                self._complain(f"{line.place}.invoice_id", "There is no such invoice.")
            if line.credit_id is not None and line.credit_id not in self.credits:
                self._complain(f"{line.place}.credit_id", "There is no such credit.")
        if self.settlement.credited is not None and not self.has_customer:
            self._complain("credit.customer_id", "There is no such customer.")
        if self.problems:
            raise NotFoundError(self.problems[0].message, problems=self.problems)

    def refuse_malformed(self) -> None:
        """Raise if something is named twice, or an amount is not one of its currency."""
        seen = set()
        for line in self.lines:
            if line.key in seen:
                self._complain(f"{line.place}.invoice_id", "Name each invoice once.")
            seen.add(line.key)
            invoice = self.invoices.get(line.invoice_id)
            currency = (
                self.payment.currency if line.is_money or invoice is None else invoice.currency
            )
            self._check_amount(f"{line.place}.amount", line.amount, currency)
            if line.settled is not None and invoice is not None:
                self._check_amount(f"{line.place}.settled", line.settled, invoice.currency)
        if not self.settlement.paid and self.settlement.credited is None:
            sentence = "Name at least one invoice, or the customer whose credit the money becomes."
            self._complain("allocations", sentence)
        if self.problems:
            raise InvalidInputError("The match is not valid.", problems=self.problems)

    def refuse_other_currencies(self) -> None:
        """Raise unless what is settled in another currency, and only that, is said apart."""
        for line in self.lines:
            if not line.is_money or line.invoice_id is None:
                continue
            is_same = self.invoices[line.invoice_id].currency == self.payment.currency
            if is_same and line.settled is not None:
                self._complain(
                    f"{line.place}.settled", "Leave this out: the currencies are the same."
                )
            if not is_same and line.settled is None:
                self._complain(
                    f"{line.place}.settled",
                    "The invoice is in another currency than the payment: say what is settled "
                    "of it.",
                )
        self._refuse("currency_mismatch")

    def refuse_too_much(self) -> None:
        """Raise if more would be settled, placed or used than there is."""
        on_invoice: dict[Hashable, Decimal] = defaultdict(Decimal)
        of_credit: dict[Hashable, Decimal] = defaultdict(Decimal)
        of_payment = Decimal(0)
        for line in self.lines:
            if line.invoice_id is not None:
                invoice = self.invoices[line.invoice_id]
                before = on_invoice[line.invoice_id]
                on_invoice[line.invoice_id] += line.settled or line.amount
                if before <= invoice.balance < on_invoice[line.invoice_id]:
                    rest = format_amount(invoice.balance, invoice.currency)
                    self._complain(
                        f"{line.place}.amount",
                        f"Only {rest} {invoice.currency} are left to pay of invoice "
                        f"{invoice.number}.",
                    )
            if line.credit_id is not None:
                of_credit[line.credit_id] += line.amount
            if line.is_money:
                of_payment += line.amount
        left = self.payment.amount - self.payment.allocated
        if of_payment > left:
            money = f"{format_amount(left, self.payment.currency)} {self.payment.currency}"
            self._complain("allocations", f"Only {money} are left of the payment.")
        self._refuse("over_allocation")
        for credit_id, used in of_credit.items():
            credit = self.credits[credit_id]
            if used > credit.balance:
                rest = f"{format_amount(credit.balance, credit.currency)} {credit.currency}"
                self._complain("credits_applied", f"Only {rest} are left of the credit.")
        self._refuse("credit_exhausted")

    def _check_amount(self, place: str, amount: Decimal, currency: str) -> None:
        if amount <= 0:
            self._complain(place, "The amount must be greater than zero.")
        decimals = exponent_of(currency)
        if round(amount, decimals) != amount:
            self._complain(place, f"An amount in {currency} has at most {decimals} decimals.")

    def _complain(self, place: str, message: str) -> None:
        self.problems.append(Problem(place, message))

    def _refuse(self, code: str) -> None:
        if self.problems:
            raise RuleError(self.problems[0].message, code=code, problems=self.problems)


def _lines_of(settlement: Settlement) -> list[_Line]:
    lines = [
        _Line(
            f"allocations.{number}",
            ("allocation", paid.invoice_id),
            paid.amount,
            is_money=True,
            invoice_id=paid.invoice_id,
            settled=paid.settled,
        )
        for number, paid in enumerate(settlement.paid)
    ]
    lines += [
        _Line(
            f"adjustments.{number}",
            (adjusted.kind, adjusted.invoice_id),
            adjusted.amount,
            invoice_id=adjusted.invoice_id,
        )
        for number, adjusted in enumerate(settlement.adjusted)
    ]
    lines += [
        _Line(
            f"credits_applied.{number}",
            (applied.credit_id, applied.invoice_id),
            applied.amount,
            invoice_id=applied.invoice_id,
            credit_id=applied.credit_id,
        )
        for number, applied in enumerate(settlement.applied)
    ]
    if settlement.credited is not None:
        lines.append(_Line("credit", "credit", settlement.credited.amount, is_money=True))
    return lines
