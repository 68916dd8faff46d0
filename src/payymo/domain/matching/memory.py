"""What past matches teach: who pays for whom, and when."""

from collections import Counter, defaultdict
from collections.abc import Hashable, Iterable
from dataclasses import dataclass, field
from datetime import date

from payymo.domain.matching.normalise import compact, words_of_name
from payymo.domain.matching.records import Confirmation, Refusal

type CustomerId = Hashable

#: A refusal counts half after so many days.
REFUSAL_HALF_LIFE_DAYS = 45

_HABIT_PAYMENTS_MIN = 2


@dataclass(slots=True)
class Habit:
    """When a customer pays, in days after the due date.

    :ivar count: Payments that it was learnt from.
    """

    count: int = 0
    total: int = 0
    squares: int = 0

    def learn(self, lag: int) -> None:
        """Take one more payment into account."""
        self.count += 1
        self.total += lag
        self.squares += lag * lag

    def surprise(self, lag: int) -> float | None:
        """Return how many days a payment is off the habit; ``None`` where there is none."""
        if self.count < _HABIT_PAYMENTS_MIN:
            return None
        return abs(lag - self.total / self.count)


@dataclass(slots=True)
class PayerMemory:
    """Accounts and names of payers, with the customers for whom they paid, and how often.

    It belongs to one tenant. What is learnt first or last does not matter.
    """

    by_iban: dict[str, Counter[CustomerId]] = field(default_factory=lambda: defaultdict(Counter))
    by_name: dict[tuple[str, ...], Counter[CustomerId]] = field(
        default_factory=lambda: defaultdict(Counter)
    )
    habits: dict[CustomerId, Habit] = field(default_factory=lambda: defaultdict(Habit))
    refusals: dict[Hashable, list[tuple[CustomerId, date]]] = field(
        default_factory=lambda: defaultdict(list)
    )

    @classmethod
    def of(
        cls, confirmations: Iterable[Confirmation] = (), refusals: Iterable[Refusal] = ()
    ) -> "PayerMemory":
        """Return what some confirmations and refusals teach.

        :param confirmations: Matches of the past that are right.
        :param refusals: Payers whom a person did not take for a customer.
        """
        memory = cls()
        for confirmation in confirmations:
            memory.learn(confirmation)
        for refusal in refusals:
            memory.refuse(refusal)
        return memory

    def learn(self, confirmation: Confirmation) -> None:
        """Take one more confirmed match into account."""
        customer = confirmation.customer_id
        self.learn_payer(
            customer,
            compact(confirmation.payer_iban or ""),
            words_of_name(confirmation.payer_name) if confirmation.payer_name else (),
        )
        if confirmation.due_date is not None:
            lag = (confirmation.booking_date - confirmation.due_date).days
            self.habits[customer].learn(lag)

    def learn_payer(self, customer: CustomerId, iban: str, name: tuple[str, ...]) -> None:
        """Take into account that an account or a name paid for a customer."""
        if iban:
            self.by_iban[iban][customer] += 1
        if name:
            self.by_name[name][customer] += 1

    def add(self, other: "PayerMemory") -> None:
        """Take into account what another memory knows of accounts and names."""
        for iban, customers in other.by_iban.items():
            self.by_iban[iban].update(customers)
        for name, customers in other.by_name.items():
            self.by_name[name].update(customers)

    def refuse(self, refusal: Refusal) -> None:
        """Remember that a payer did not pay for a customer."""
        said = (refusal.customer_id, refusal.refused_on)
        if refusal.payer_iban:
            self.refusals[compact(refusal.payer_iban)].append(said)
        if refusal.payer_name:
            self.refusals[words_of_name(refusal.payer_name)].append(said)

    def refusal_weight(
        self, customer: CustomerId, iban: str, name: tuple[str, ...], on: date
    ) -> float:
        """Return how much refusals of the past still count against a payer: 1 is one of today."""
        said = [*self.refusals.get(iban, ()), *self.refusals.get(name, ())]
        return sum(
            float(0.5 ** (max((on - refused_on).days, 0) / REFUSAL_HALF_LIFE_DAYS))
            for refused, refused_on in said
            if refused == customer
        )
