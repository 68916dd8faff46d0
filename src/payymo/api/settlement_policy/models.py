"""What the API says of how far a tenant lets differences be booked."""

from decimal import Decimal
from typing import Annotated, Self, TypedDict

from pydantic import AfterValidator, ConfigDict, Field, with_config

from payymo.api.envelopes import ResponseModel
from payymo.api.fields import AmountIn, AmountOut, refuse
from payymo.domain.money import AMOUNT_SCALE, format_number
from payymo.domain.settlement import SettlementPolicy

DAYS_MAX = 365


def _check_limit(limit: Decimal) -> Decimal:
    if limit < 0:
        raise refuse("This must not be less than zero.")
    if round(limit, AMOUNT_SCALE) != limit:
        raise refuse(f"This has at most {AMOUNT_SCALE} decimals.")
    return limit


def _check_share(share: Decimal) -> Decimal:
    if not 0 <= share <= 1:
        raise refuse("A share is a number from 0 to 1: 0.03 is 3 %.")
    return _check_limit(share)


Limit = Annotated[
    AmountIn, AfterValidator(_check_limit), Field(description="In each invoice's own currency.")
]
Share = Annotated[
    AmountIn,
    AfterValidator(_check_share),
    Field(description="Of what is owed, from 0 to 1.", examples=["0.03"]),
]
Days = Annotated[int, Field(ge=0, le=DAYS_MAX, description="From an invoice's issue date.")]


class SettlementPolicyRead(ResponseModel):
    """How far differences are booked; what is beyond it stays to be paid."""

    rounding_max: Annotated[AmountOut, Field(description="Largest rounding difference.")]
    bank_fee_max: Annotated[AmountOut, Field(description="Largest bank fee.")]
    bank_fee_share_max: Annotated[AmountOut, Field(description="Its largest share.")]
    processor_fee_share_max: Annotated[
        AmountOut, Field(description="Largest share that a payment processor keeps.")
    ]
    discount_share_max: Annotated[AmountOut, Field(description="Largest share of a discount.")]
    discount_days_max: Annotated[int, Field(description="Days within which one is allowed.")]
    exchange_share_max: Annotated[
        AmountOut, Field(description="Largest share of an exchange difference.")
    ]
    credit_overpayments: Annotated[
        bool, Field(description="Whether what is too much becomes the customer's credit.")
    ]
    apply_differences: Annotated[
        bool, Field(description="Whether sure matches that book differences are applied alone.")
    ]
    apply_credits: Annotated[
        bool, Field(description="Whether credit settles the customer's next invoices alone.")
    ]

    @classmethod
    def of(cls, policy: SettlementPolicy) -> Self:
        """Present a policy.

        :param policy: The tenant's.
        """
        return cls(
            rounding_max=format_number(policy.rounding_max),
            bank_fee_max=format_number(policy.bank_fee_max),
            bank_fee_share_max=format_number(policy.bank_fee_share_max),
            processor_fee_share_max=format_number(policy.processor_fee_share_max),
            discount_share_max=format_number(policy.discount_share_max),
            discount_days_max=policy.discount_days_max,
            exchange_share_max=format_number(policy.exchange_share_max),
            credit_overpayments=policy.credit_overpayments,
            apply_differences=policy.apply_differences,
            apply_credits=policy.apply_credits,
        )


@with_config(ConfigDict(extra="forbid"))
class SettlementPolicyUpdate(TypedDict, total=False):
    """What to change of the policy: what is left out stays."""

    rounding_max: Limit
    bank_fee_max: Limit
    bank_fee_share_max: Share
    processor_fee_share_max: Share
    discount_share_max: Share
    discount_days_max: Days
    exchange_share_max: Share
    credit_overpayments: bool
    apply_differences: bool
    apply_credits: bool
