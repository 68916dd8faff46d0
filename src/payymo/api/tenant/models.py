"""What the API says of a tenant and its settings."""

from datetime import datetime
from decimal import Decimal
from typing import Annotated, Self, TypedDict
from uuid import UUID

from pydantic import ConfigDict, Field, with_config

from payymo.api.envelopes import ResponseModel
from payymo.api.fields import CurrencyIn, ShortText
from payymo.domain.enums import GateDemand
from payymo.domain.matching.gate import DECISIONS_MIN, THRESHOLD_MAX, THRESHOLD_MIN
from payymo.postgres.auth.models import Tenant

_DECISIONS_MAX = 100_000

AutoApply = Annotated[
    bool, Field(description="Whether matches are applied by themselves, where the gate lets them.")
]
Demand = Annotated[
    GateDemand,
    Field(
        description="What a match needs besides. `issued_reference`: an exact amount, and each "
        "invoice quoted by its number or structured reference. `proven_precision`: that, or that "
        "the tenant's own decisions prove the threshold."
    ),
]


class TenantRead(ResponseModel):
    """A tenant and its settings."""

    id: UUID
    name: Annotated[str, Field(examples=["Example Ltd"])]
    currency: Annotated[
        str, Field(description="What it reports in; amounts stay in their own.", examples=["EUR"])
    ]
    auto_apply: AutoApply
    auto_apply_threshold: Annotated[
        float, Field(description="How sure a match must be, 0 to 1.", examples=[0.95])
    ]
    auto_apply_demand: Demand
    auto_apply_decisions_min: Annotated[
        int, Field(description="Decisions without which no precision is proven.", examples=[50])
    ]
    created_at: datetime
    updated_at: datetime

    @classmethod
    def of(cls, tenant: Tenant) -> Self:
        """Present a tenant.

        :param tenant: Row, with what the database filled in.
        """
        return cls(
            id=tenant.id,
            name=tenant.name,
            currency=tenant.currency,
            auto_apply=tenant.auto_apply,
            auto_apply_threshold=float(tenant.auto_apply_threshold),
            auto_apply_demand=tenant.auto_apply_demand,
            auto_apply_decisions_min=tenant.auto_apply_decisions_min,
            created_at=tenant.created_at,
            updated_at=tenant.updated_at,
        )


@with_config(ConfigDict(extra="forbid"))
class TenantUpdate(TypedDict, total=False):
    """What to change of a tenant: what is left out stays."""

    name: ShortText
    currency: Annotated[CurrencyIn, Field(description="What to report in.", examples=["EUR"])]
    auto_apply: AutoApply
    auto_apply_threshold: Annotated[
        Decimal, Field(ge=THRESHOLD_MIN, le=THRESHOLD_MAX, decimal_places=4, examples=[0.97])
    ]
    auto_apply_demand: Demand
    auto_apply_decisions_min: Annotated[int, Field(ge=DECISIONS_MIN, le=_DECISIONS_MAX)]
