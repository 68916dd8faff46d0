"""Amounts in another currency, by the rates that count for the tenant."""

from typing import Annotated

from fastapi import Query, Response

from payymo.api.dependencies import MemberDep, SessionDep
from payymo.api.envelopes import Item, item_response
from payymo.api.fields import AmountIn, CurrencyIn, DateIn
from payymo.api.fx_conversions.models import ConversionRead
from payymo.api.openapi import errors
from payymo.api.routing import resource_router
from payymo.workflows.rates import convert_amount

router = resource_router("/fx_conversions", tag="fx_conversions")


@router.get("", name="read", response_model=Item[ConversionRead], responses=errors(422))
def read(
    member: MemberDep,
    session: SessionDep,
    *,
    amount: Annotated[AmountIn, Query(description="Signed.", examples=["100.00"])],
    currency: Annotated[CurrencyIn, Query(description="What it is in.", examples=["USD"])],
    day: Annotated[DateIn, Query(alias="date", description="The day whose rates count.")],
    to: Annotated[
        CurrencyIn | None, Query(description="Left out: what the tenant reports in.")
    ] = None,
) -> Response:
    """Return what an amount is in another currency; without a rate there is no amount."""
    conversion = convert_amount(
        session, member.tenant_id, amount=amount, original_currency=currency, currency=to, day=day
    )
    return item_response(ConversionRead.of(conversion))
