"""The common questions, each at an address of its own: a fixed question to one dataset."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date
from typing import Annotated, Final
from uuid import UUID

from fastapi import Depends, Query, Response
from pydantic import Field

from payymo.analytics.parameters import read_question
from payymo.analytics.reading import open_reader
from payymo.api.access_tokens import Member
from payymo.api.analytics.models import FreshPageMeta
from payymo.api.analytics.presentation import fresh_page, write_rows
from payymo.api.dependencies import MemberDep, ServicesDep
from payymo.api.envelopes import ResponseModel
from payymo.api.fields import AmountOut, CurrencyIn, DateIn
from payymo.api.openapi import errors
from payymo.api.pagination import Paging, PagingDep
from payymo.api.routing import resource_router
from payymo.api.services import ApiServices
from payymo.domain.enums import BandBasis, CategoryKind, ProofStatus
from payymo.domain.errors import InvalidInputError, Problem

router = resource_router("/analytics", tag="analytics")


class CashFlowRead(ResponseModel):
    """Money in and out of a month, in one currency."""

    month_start_date: date
    currency: Annotated[str, Field(examples=["EUR"])]
    money_in: AmountOut
    money_out: Annotated[AmountOut, Field(description="Zero or more.")]
    net_cash_flow: Annotated[AmountOut, Field(description="Money in less money out.")]
    incoming_count: int
    outgoing_count: int


class BalanceDayRead(ResponseModel):
    """What an account held at the end of a day."""

    balance_date: date
    account_id: UUID
    currency: Annotated[str, Field(examples=["EUR"])]
    closing_balance: Annotated[
        AmountOut | None, Field(description="Null before the first day that is known.")
    ]
    is_estimated: Annotated[
        bool, Field(description="Reckoned from the last balance that the bank told, and the rows.")
    ]
    proof_status: Annotated[ProofStatus, Field(description="Whether the day adds up.")]


class AgeingRead(ResponseModel):
    """What invoices of one age come to, in one currency."""

    ageing_bucket: Annotated[
        str, Field(description="Days overdue in steps.", examples=["31_to_60"])
    ]
    currency: Annotated[str, Field(examples=["EUR"])]
    balance: Annotated[AmountOut, Field(description="What is left to pay.")]
    invoice_count: int


class SpendingRead(ResponseModel):
    """What was spent on a category in a month, in one currency."""

    month_start_date: date
    currency: Annotated[str, Field(examples=["EUR"])]
    category_id: Annotated[UUID | None, Field(description="Null where it is uncategorised.")]
    category_name: Annotated[str, Field(examples=["Groceries"])]
    category_kind: CategoryKind | None
    money_out: Annotated[AmountOut, Field(description="What payments took.")]
    money_back: Annotated[AmountOut, Field(description="What came back, such as refunds.")]
    net_spending: Annotated[AmountOut, Field(description="Money out less money back.")]
    payment_count: Annotated[
        int, Field(description="A payment that is divided counts in several categories.")
    ]


class ForecastDayRead(ResponseModel):
    """What the accounts of one currency should hold on a day to come."""

    forecast_date: date
    currency: Annotated[str, Field(examples=["EUR"])]
    opening_balance: Annotated[AmountOut, Field(description="What they held last.")]
    recurring_in: Annotated[AmountOut, Field(description="Recurring money in of the day.")]
    recurring_out: Annotated[AmountOut, Field(description="Zero or more.")]
    receivables_in: Annotated[
        AmountOut, Field(description="What open invoices should bring, by their customers' habits.")
    ]
    other_in: Annotated[
        AmountOut, Field(description="What mostly comes in besides on such a day of the week.")
    ]
    other_out: Annotated[AmountOut, Field(description="The same of money out; zero or more.")]
    expected_in: Annotated[AmountOut, Field(description="All that should come in on the day.")]
    expected_out: Annotated[AmountOut, Field(description="All that should go out; zero or more.")]
    expected_balance: Annotated[AmountOut, Field(description="At the end of the day.")]
    balance_low: Annotated[
        AmountOut | None,
        Field(description="Low end of the band that eight of ten such days lie in, if any."),
    ]
    balance_high: Annotated[AmountOut | None, Field(description="High end of the band.")]
    band_basis: Annotated[
        BandBasis,
        Field(description="What the band is as wide as: errors of earlier forecasts, else days."),
    ]


class NetWorthRead(ResponseModel):
    """What all accounts held on a day, in the currency that the tenant reports in."""

    balance_date: date
    reporting_currency: Annotated[str, Field(examples=["EUR"])]
    assets: Annotated[AmountOut | None, Field(description="Null where a rate is missing.")]
    liabilities: Annotated[AmountOut | None, Field(description="Zero or more.")]
    net_worth: Annotated[AmountOut | None, Field(description="Assets less liabilities.")]
    account_count: Annotated[int, Field(description="Accounts of which a balance is known.")]
    oldest_balance_date: Annotated[
        date, Field(description="Day of the oldest balance that was carried to this one.")
    ]
    missing_rate_count: Annotated[int, Field(description="Balances that no rate converts.")]


class CashFlowCollection(ResponseModel):
    """Months, the earliest first."""

    data: list[CashFlowRead]
    meta: FreshPageMeta


class BalanceCollection(ResponseModel):
    """Days of accounts, the earliest first."""

    data: list[BalanceDayRead]
    meta: FreshPageMeta


class AgeingCollection(ResponseModel):
    """Ages of invoices, the least overdue first."""

    data: list[AgeingRead]
    meta: FreshPageMeta


class SpendingCollection(ResponseModel):
    """Months and categories: the earliest first, and of each the most spent."""

    data: list[SpendingRead]
    meta: FreshPageMeta


class ForecastCollection(ResponseModel):
    """Days to come, the next first."""

    data: list[ForecastDayRead]
    meta: FreshPageMeta


class NetWorthCollection(ResponseModel):
    """Days, the earliest first."""

    data: list[NetWorthRead]
    meta: FreshPageMeta


@dataclass(frozen=True, slots=True)
class Report:
    """A question to a dataset whose parameters alone vary.

    :ivar day: Column that the period is of, where there is one.
    :ivar names: What each column of the answer is called.
    """

    dataset: str
    sort: str
    names: Mapping[str, str]
    day: str | None = None
    group_by: str | None = None
    aggregates: str | None = None
    columns: str | None = None


CASH_FLOW: Final = Report(
    dataset="fct_monthly_cash_flow",
    day="month_start_date",
    group_by="month_start_date,currency",
    aggregates="money_in.sum,money_out.sum,net_cash_flow.sum,incoming_count.sum,outgoing_count.sum",
    sort="month_start_date,currency",
    names={
        "month_start_date": "month_start_date",
        "currency": "currency",
        "money_in_sum": "money_in",
        "money_out_sum": "money_out",
        "net_cash_flow_sum": "net_cash_flow",
        "incoming_count_sum": "incoming_count",
        "outgoing_count_sum": "outgoing_count",
    },
)
BALANCES: Final = Report(
    dataset="fct_daily_balances",
    day="balance_date",
    columns="balance_date,account_id,currency,closing_balance,is_estimated,proof_status",
    sort="balance_date,account_id,currency",
    names={name: name for name in BalanceDayRead.model_fields},
)
AGEING: Final = Report(
    dataset="fct_receivables_ageing",
    group_by="ageing_bucket,currency",
    aggregates="balance.sum,count,days_overdue.min",
    sort="currency,days_overdue.min",
    names={
        "ageing_bucket": "ageing_bucket",
        "currency": "currency",
        "balance_sum": "balance",
        "count": "invoice_count",
    },
)

SPENDING: Final = Report(
    dataset="fct_spending_by_category",
    day="month_start_date",
    group_by="month_start_date,currency,spending_key,category_id,category_name,category_kind",
    aggregates="money_out.sum,money_back.sum,net_spending.sum,payment_count.sum",
    sort="month_start_date,currency,-net_spending.sum,spending_key",
    names={
        "month_start_date": "month_start_date",
        "currency": "currency",
        "category_id": "category_id",
        "category_name": "category_name",
        "category_kind": "category_kind",
        "money_out_sum": "money_out",
        "money_back_sum": "money_back",
        "net_spending_sum": "net_spending",
        "payment_count_sum": "payment_count",
    },
)
FORECAST: Final = Report(
    dataset="fct_cash_forecast",
    day="forecast_date",
    columns=",".join(ForecastDayRead.model_fields),
    sort="forecast_date,currency",
    names={name: name for name in ForecastDayRead.model_fields},
)
NET_WORTH: Final = Report(
    dataset="fct_net_worth",
    day="balance_date",
    columns=",".join(NetWorthRead.model_fields),
    sort="balance_date",
    names={name: name for name in NetWorthRead.model_fields},
)


@dataclass(frozen=True, slots=True)
class Choice:
    """Which rows a report is of.

    :ivar start_date: First day; open where absent.
    :ivar end_date: Last day; open where absent.
    :ivar equal: What columns must be, where that is said.
    """

    start_date: date | None
    end_date: date | None
    equal: Mapping[str, UUID | str | None]

    def filters(self, day: str | None) -> dict[str, str]:
        """Return what must hold of each row, as an address would say it.

        :param day: Column that the days are of.
        """
        filters = {name: str(value) for name, value in self.equal.items() if value is not None}
        if self.start_date is not None:
            filters[f"{day}.gte"] = self.start_date.isoformat()
        if self.end_date is not None:
            filters[f"{day}.lte"] = self.end_date.isoformat()
        return filters


CurrencyFilter = Annotated[CurrencyIn | None, Query(description="Only this.", examples=["EUR"])]


StartDate = Annotated[DateIn | None, Query(description="First day.", examples=["2026-01-01"])]
EndDate = Annotated[DateIn | None, Query(description="Last day.", examples=["2026-12-31"])]


async def get_days(
    start_date: StartDate = None,
    end_date: EndDate = None,
    account_id: Annotated[UUID | None, Query(description="Only this account's.")] = None,
    currency: CurrencyFilter = None,
) -> Choice:
    """Return which days of which accounts are asked for.

    :raises InvalidInputError: If the last day is before the first.
    """
    return _choose(start_date, end_date, {"account_id": account_id, "currency": currency})


def _choose(
    start_date: date | None, end_date: date | None, equal: Mapping[str, UUID | str | None]
) -> Choice:
    if start_date is not None and end_date is not None and end_date < start_date:
        problem = Problem("end_date", "This must not be before start_date.")
        raise InvalidInputError("The input is not valid.", problems=[problem])
    return Choice(start_date, end_date, equal)


DaysDep = Annotated[Choice, Depends(get_days)]


@router.get("/cash_flow", response_model=CashFlowCollection, responses=errors(409))
def read_cash_flow(
    member: MemberDep, services: ServicesDep, paging: PagingDep, days: DaysDep
) -> Response:
    """Return money in and out of all accounts, for each month that begins in the period."""
    return _answer(CASH_FLOW, days, member=member, services=services, paging=paging)


@router.get("/balances", response_model=BalanceCollection, responses=errors(409))
def read_balances(
    member: MemberDep, services: ServicesDep, paging: PagingDep, days: DaysDep
) -> Response:
    """Return what each account held at the end of each day."""
    return _answer(BALANCES, days, member=member, services=services, paging=paging)


@router.get("/receivables_ageing", response_model=AgeingCollection, responses=errors(409))
def read_ageing(
    member: MemberDep,
    services: ServicesDep,
    paging: PagingDep,
    customer_id: Annotated[UUID | None, Query(description="Only this customer's.")] = None,
    currency: CurrencyFilter = None,
) -> Response:
    """Return what invoices that are not settled come to, by how long they are overdue."""
    choice = Choice(None, None, {"customer_id": customer_id, "currency": currency})
    return _answer(AGEING, choice, member=member, services=services, paging=paging)


@router.get("/spending", response_model=SpendingCollection, responses=errors(409))
def read_spending(
    member: MemberDep,
    services: ServicesDep,
    paging: PagingDep,
    days: DaysDep,
    with_transfers: Annotated[
        bool, Query(description="Also what only moved between one's own accounts.")
    ] = False,
) -> Response:
    """Return what was spent on each category, for each month that begins in the period."""
    chosen = {"is_transfer": None if with_transfers else "false"}
    choice = replace(days, equal={**days.equal, **chosen})
    return _answer(SPENDING, choice, member=member, services=services, paging=paging)


@router.get("/forecast", response_model=ForecastCollection, responses=errors(409))
def read_forecast(
    member: MemberDep,
    services: ServicesDep,
    paging: PagingDep,
    end_date: EndDate = None,
    currency: CurrencyFilter = None,
) -> Response:
    """Return what all accounts should hold on each of the next 90 days, with a band."""
    choice = _choose(None, end_date, {"currency": currency})
    return _answer(FORECAST, choice, member=member, services=services, paging=paging)


@router.get("/net_worth", response_model=NetWorthCollection, responses=errors(409))
def read_net_worth(
    member: MemberDep,
    services: ServicesDep,
    paging: PagingDep,
    start_date: StartDate = None,
    end_date: EndDate = None,
) -> Response:
    """Return what all accounts held on each day, in the currency that the tenant reports in."""
    choice = _choose(start_date, end_date, {})
    return _answer(NET_WORTH, choice, member=member, services=services, paging=paging)


def _answer(
    report: Report, choice: Choice, *, member: Member, services: ApiServices, paging: Paging
) -> Response:
    with open_reader(services.warehouse, member.tenant_id, now=services.clock()) as reader:
        question = read_question(
            reader.catalogue.get(report.dataset),
            choice.filters(report.day),
            columns=report.columns,
            group_by=report.group_by,
            aggregates=report.aggregates,
            sort=report.sort,
        )
        rows, total = reader.page(question, page=paging.page, per_page=paging.per_page)
    named = [{report.names[name]: row[name] for name in report.names} for row in rows]
    return fresh_page(write_rows(named), reader.catalogue.freshness, total=total, paging=paging)
