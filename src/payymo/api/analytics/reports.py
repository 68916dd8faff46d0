"""The common questions, each at an address of its own: a fixed question to one dataset."""

from collections.abc import Mapping
from dataclasses import dataclass
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
from payymo.domain.enums import ProofStatus
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


async def get_days(
    start_date: Annotated[
        DateIn | None, Query(description="First day.", examples=["2026-01-01"])
    ] = None,
    end_date: Annotated[
        DateIn | None, Query(description="Last day.", examples=["2026-12-31"])
    ] = None,
    account_id: Annotated[UUID | None, Query(description="Only this account's.")] = None,
    currency: CurrencyFilter = None,
) -> Choice:
    """Return which days of which accounts are asked for.

    :raises InvalidInputError: If the last day is before the first.
    """
    if start_date is not None and end_date is not None and end_date < start_date:
        problem = Problem("end_date", "This must not be before start_date.")
        raise InvalidInputError("The input is not valid.", problems=[problem])
    return Choice(start_date, end_date, {"account_id": account_id, "currency": currency})


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
