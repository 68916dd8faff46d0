"""Exchange rates against the euro: published ones, and the tenant's own, which win."""

from http import HTTPStatus
from typing import Annotated

from fastapi import Path, Query, Response
from pydantic import TypeAdapter

from payymo.api.dependencies import MemberDep, SessionDep, WriterDep
from payymo.api.envelopes import Collection, Item, item_response, page_response
from payymo.api.fields import DateIn
from payymo.api.fx_rates.models import (
    DayRateRead,
    OverriddenCurrencyIn,
    QuotedCurrencyIn,
    RateDateIn,
    RateRead,
    RateReplace,
)
from payymo.api.pagination import PagingDep
from payymo.api.routing import resource_router
from payymo.domain.enums import RateSource
from payymo.postgres.fx.operations.overrides import delete_override, list_rates, record_override
from payymo.workflows.rates import get_day_rate

router = resource_router("/fx_rates", tag="fx_rates")

_RATES = TypeAdapter(list[RateRead])

Currency = Annotated[QuotedCurrencyIn, Path(description="ISO 4217 code; not EUR.")]
OverriddenCurrency = Annotated[OverriddenCurrencyIn, Path(description="ISO 4217 code; not EUR.")]
Day = Annotated[DateIn, Path(alias="date", description="The day.")]
OverriddenDay = Annotated[RateDateIn, Path(alias="date", description="The day, 1999-01-04 on.")]


@router.get("", name="list", response_model=Collection[RateRead])
def list_all(
    member: MemberDep,
    session: SessionDep,
    paging: PagingDep,
    *,
    currency: Annotated[
        QuotedCurrencyIn | None, Query(description="Only of this currency.")
    ] = None,
    start_date: Annotated[DateIn | None, Query(description="First day.")] = None,
    end_date: Annotated[DateIn | None, Query(description="Last day.")] = None,
    source: Annotated[RateSource | None, Query(description="Only of this source.")] = None,
) -> Response:
    """Return the rates that count for the tenant, latest day first; nothing is carried forward."""
    page = list_rates(
        session,
        member.tenant_id,
        currency=currency,
        start_date=start_date,
        end_date=end_date,
        source=source,
        page=paging.page,
        per_page=paging.per_page,
    )
    rows = [RateRead.of(line) for line in page.rows]
    return page_response(_RATES, rows, total=page.total, paging=paging)


@router.get("/{currency}/{date}", response_model=Item[DayRateRead])
def read(currency: Currency, day: Day, member: MemberDep, session: SessionDep) -> Response:
    """Return the rate that holds on a day: its own, or the last of the seven days before it."""
    return item_response(
        DayRateRead.of(get_day_rate(session, member.tenant_id, currency=currency, day=day))
    )


@router.put("/{currency}/{date}", response_model=Item[DayRateRead])
def replace(
    currency: OverriddenCurrency,
    day: OverriddenDay,
    body: RateReplace,
    member: WriterDep,
    session: SessionDep,
) -> Response:
    """Let a rate of the tenant's own count for a day; the published one stays as it is."""
    record_override(
        session,
        member.tenant_id,
        currency=currency,
        day=day,
        rate=body.rate,
        note=body.note,
        actor_id=member.user_id,
    )
    return item_response(
        DayRateRead.of(get_day_rate(session, member.tenant_id, currency=currency, day=day))
    )


@router.delete("/{currency}/{date}", status_code=HTTPStatus.NO_CONTENT)
def delete(
    currency: OverriddenCurrency, day: OverriddenDay, member: WriterDep, session: SessionDep
) -> Response:
    """Remove a rate of the tenant's own: the published one counts again."""
    delete_override(session, member.tenant_id, currency=currency, day=day, actor_id=member.user_id)
    return Response(status_code=HTTPStatus.NO_CONTENT)
