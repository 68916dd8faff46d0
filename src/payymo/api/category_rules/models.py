"""What the API says of rules that assign categories."""

from datetime import date, datetime
from decimal import Decimal
from typing import Annotated, Any, Self, TypedDict
from uuid import UUID

from pydantic import ConfigDict, Field, with_config

from payymo.api.envelopes import RequestModel, ResponseModel
from payymo.api.fields import AmountIn, AmountOut, CurrencyIn, ShortText
from payymo.domain.categories.rules import CHOICES_MAX, RULES_MAX, Conditions
from payymo.domain.enums import CategorySource, Direction
from payymo.domain.money import format_amount
from payymo.postgres.categories.models import CategoryRule
from payymo.postgres.categories.operations.rules import conditions_of
from payymo.workflows.categorise import RuleSample, RuleTrial

Name = Annotated[ShortText, Field(examples=["Hosting"])]
Position = Annotated[
    int, Field(ge=1, le=RULES_MAX, description="Which rule it is: the first that matches decides.")
]
IsEnabled = Annotated[bool, Field(description="Whether it is tried.")]
Payees = Annotated[
    list[ShortText],
    Field(
        max_length=CHOICES_MAX,
        description="Parts of the payee's or counterparty's name, in any case, without regard to "
        "marks and punctuation; any of them suffices.",
        examples=[["Hetzner"]],
    ),
]
Texts = Annotated[
    list[ShortText],
    Field(
        max_length=CHOICES_MAX,
        description="Parts of the description or the text as sent; any of them suffices.",
        examples=[["server"]],
    ),
]
MerchantCodes = Annotated[
    list[ShortText],
    Field(
        max_length=CHOICES_MAX,
        description="ISO 18245 codes, or ranges of them; any suffices.",
        examples=[["7372", "5815-5818"]],
    ),
]
BankCodes = Annotated[
    list[ShortText],
    Field(
        max_length=CHOICES_MAX,
        description="ISO 20022 bank transaction codes, or their beginnings; any suffices.",
        examples=[["PMNT-CCRD"]],
    ),
]
Way = Annotated[Direction | None, Field(description="Money in or out.")]
Currency = Annotated[CurrencyIn | None, Field(description="Needed for amounts.", examples=["EUR"])]
Least = Annotated[AmountIn | None, Field(description="Least amount, whatever its sign.")]
Most = Annotated[AmountIn | None, Field(description="Greatest amount, whatever its sign.")]
AccountId = Annotated[UUID | None, Field(description="Only of this account.")]


class RuleConditions(RequestModel):
    """What must hold of a transaction: all that is given, of which there must be something."""

    payees: Payees = Field(default_factory=list)
    texts: Texts = Field(default_factory=list)
    merchant_category_codes: MerchantCodes = Field(default_factory=list)
    bank_transaction_codes: BankCodes = Field(default_factory=list)
    direction: Way = None
    currency: Currency = None
    min_amount: Least = None
    max_amount: Most = None
    account_id: AccountId = None

    def conditions(self) -> Conditions:
        """Return what must hold."""
        return Conditions(
            payees=tuple(self.payees),
            texts=tuple(self.texts),
            merchant_category_codes=tuple(self.merchant_category_codes),
            bank_transaction_codes=tuple(self.bank_transaction_codes),
            direction=self.direction,
            currency=self.currency,
            min_amount=self.min_amount,
            max_amount=self.max_amount,
            account_id=self.account_id,
        )


class RuleCreate(RuleConditions):
    """A new rule."""

    name: Name
    category_id: UUID
    position: Annotated[Position | None, Field(description="Left out: the last.")] = None
    is_enabled: IsEnabled = True


@with_config(ConfigDict(extra="forbid"))
class RuleUpdate(TypedDict, total=False):
    """What to change of a rule: what is left out stays, null takes a condition away."""

    name: Name
    category_id: UUID
    position: Position
    is_enabled: IsEnabled
    payees: Payees
    texts: Texts
    merchant_category_codes: MerchantCodes
    bank_transaction_codes: BankCodes
    direction: Way
    currency: Currency
    min_amount: Least
    max_amount: Most
    account_id: AccountId


class RuleTestCreate(RuleConditions):
    """A rule that is tried before it is written."""

    category_id: UUID
    position: Annotated[
        Position | None, Field(description="Left out: the last, or where rule_id stands.")
    ] = None
    rule_id: Annotated[UUID | None, Field(description="The rule that it would replace.")] = None


class RuleOrder(RequestModel):
    """All of the tenant's rules, in the order in which they are tried."""

    rule_ids: Annotated[list[UUID], Field(max_length=RULES_MAX)]


class RuleRead(ResponseModel):
    """A rule that assigns a category."""

    id: UUID
    name: Name
    category_id: UUID
    position: Position
    is_enabled: IsEnabled
    payees: list[str]
    texts: list[str]
    merchant_category_codes: list[str]
    bank_transaction_codes: list[str]
    direction: Direction | None
    currency: Annotated[str | None, Field(examples=["EUR"])]
    min_amount: AmountOut | None
    max_amount: AmountOut | None
    account_id: UUID | None
    created_at: datetime
    updated_at: datetime

    @classmethod
    def of(cls, rule: CategoryRule) -> Self:
        """Present a rule.

        :param rule: Row, with what the database filled in.
        """
        return cls(
            id=rule.id,
            name=rule.name,
            category_id=rule.category_id,
            position=rule.position,
            is_enabled=rule.is_enabled,
            payees=rule.payees,
            texts=rule.texts,
            merchant_category_codes=rule.merchant_category_codes,
            bank_transaction_codes=rule.bank_transaction_codes,
            direction=rule.direction,
            currency=rule.currency,
            min_amount=_amount(rule.min_amount, rule.currency),
            max_amount=_amount(rule.max_amount, rule.currency),
            account_id=rule.account_id,
            created_at=rule.created_at,
            updated_at=rule.updated_at,
        )


class RuleSampleRead(ResponseModel):
    """A transaction that a rule matches."""

    transaction_id: UUID
    transaction_date: date
    amount: AmountOut
    currency: Annotated[str, Field(examples=["EUR"])]
    payee: Annotated[str | None, Field(examples=["Example GmbH"])]
    description: Annotated[str | None, Field(examples=["Hosting 2026-02"])]
    category_id: Annotated[UUID | None, Field(description="What it has now.")]
    category_source: CategorySource
    is_changed: Annotated[bool, Field(description="Whether the rule would give it another.")]

    @classmethod
    def of(cls, sample: RuleSample) -> Self:
        """Present a transaction that a rule matches.

        :param sample: The transaction, and what is said of it.
        """
        subject = sample.judged.subject
        return cls(
            transaction_id=sample.judged.id,
            transaction_date=sample.judged.day,
            amount=format_amount(subject.amount, subject.currency),
            currency=subject.currency,
            payee=subject.payee or subject.counterparty_name,
            description=subject.description,
            category_id=sample.judged.said.category_id,
            category_source=sample.judged.said.source,
            is_changed=sample.is_changed,
        )


class RuleTestRead(ResponseModel):
    """What a rule would do to the transactions that are known."""

    transaction_count: Annotated[int, Field(description="Transactions that were looked at.")]
    matched_count: Annotated[int, Field(description="Those of which its conditions hold.")]
    changed_count: Annotated[int, Field(description="Those that would get another category.")]
    chosen_count: Annotated[
        int, Field(description="Those that match, and keep what a person chose.")
    ]
    earlier_count: Annotated[
        int, Field(description="Those that match, and that an earlier rule decides on.")
    ]
    samples: Annotated[
        list[RuleSampleRead],
        Field(description="Some that match: those that would change first, then the latest."),
    ]

    @classmethod
    def of(cls, trial: RuleTrial) -> Self:
        """Present a trial.

        :param trial: What the rule would do.
        """
        return cls(
            transaction_count=trial.transaction_count,
            matched_count=trial.matched_count,
            changed_count=trial.changed_count,
            chosen_count=trial.chosen_count,
            earlier_count=trial.earlier_count,
            samples=[RuleSampleRead.of(sample) for sample in trial.samples],
        )


def changed_conditions(rule: CategoryRule, body: RuleUpdate) -> Conditions:
    """Return a rule's conditions after a change.

    :param rule: The rule as it is.
    :param body: The change.
    """
    values: dict[str, Any] = {
        name: getattr(conditions_of(rule), name) for name in Conditions.__slots__
    }
    for name, value in body.items():
        if name in values:
            values[name] = tuple(value) if isinstance(value, list) else value
    return Conditions(**values)


def _amount(amount: Decimal | None, currency: str | None) -> str | None:
    return None if amount is None or currency is None else format_amount(amount, currency)
