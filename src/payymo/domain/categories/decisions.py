"""Who has a say in what a transaction is for, in which order.

A person's word stands, whatever comes. Else the first rule that matches, else what people chose for
the payee before, else Payymo's own defaults.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from uuid import UUID

from payymo.domain.categories.defaults import find_topic, keys_of
from payymo.domain.categories.memory import PayeeKey, payee_key
from payymo.domain.categories.rules import Matcher, Subject
from payymo.domain.enums import CategorySource


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule that is enabled.

    :ivar id: Absent for one that is only tried.
    """

    id: UUID | None
    category_id: UUID
    matcher: Matcher


@dataclass(frozen=True, slots=True)
class Decision:
    """What a transaction is for, and who says so.

    :ivar rule_id: The rule, where one does.
    """

    category_id: UUID | None
    source: CategorySource
    rule_id: UUID | None = None


UNDECIDED = Decision(None, CategorySource.NONE)


@dataclass(frozen=True, slots=True)
class Categoriser:
    """All that decides on a tenant's transactions besides people.

    :ivar rules: In their order; those of categories that may be assigned.
    :ivar memory: Which category each payee's transactions have.
    :ivar defaults: The tenant's categories that Payymo brought along, by their keys.
    """

    rules: Sequence[Rule] = ()
    memory: Mapping[PayeeKey, UUID] = field(default_factory=dict)
    defaults: Mapping[str, UUID] = field(default_factory=dict)

    def find_rule(self, subject: Subject) -> Rule | None:
        """Return the first rule that matches a transaction, if any does.

        :param subject: The transaction.
        """
        for rule in self.rules:
            if rule.matcher.matches(subject):
                return rule
        return None

    def decide(self, subject: Subject) -> Decision:
        """Return what a transaction is for.

        :param subject: The transaction, on which no person has decided.
        """
        rule = self.find_rule(subject)
        if rule is not None:
            return Decision(rule.category_id, CategorySource.RULE, rule.id)
        if self.memory:
            key = payee_key(subject.payee or subject.counterparty_name, subject.direction)
            learned = None if key is None else self.memory.get(key)
            if learned is not None:
                return Decision(learned, CategorySource.LEARNED)
        if self.defaults:
            topic = find_topic(subject)
            for default in () if topic is None else keys_of(topic):
                if default in self.defaults:
                    return Decision(self.defaults[default], CategorySource.DEFAULT)
        return UNDECIDED
