"""The common questions over HTTP."""

from collections.abc import Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from fastapi.testclient import TestClient
from testing.api.analytics.conftest import ACCOUNT, SAVINGS, a_month
from testing.marts import publish

from payymo.api.services import ApiServices

URL = "/api/v1/analytics"
CUSTOMER = UUID(int=5)


def a_day(tenant_id: UUID, day: int, balance: str | None, **values: object) -> Mapping[str, object]:
    return {
        "tenant_id": tenant_id,
        "account_id": ACCOUNT,
        "currency": "EUR",
        "balance_date": date(2026, 2, day),
        "proof_status": "proved",
        "closing_balance": balance and Decimal(balance),
        "is_estimated": False,
    } | values


def an_invoice(
    tenant_id: UUID, bucket: str, overdue: int | None, balance: str
) -> Mapping[str, object]:
    return {
        "tenant_id": tenant_id,
        "customer_id": CUSTOMER,
        "currency": "EUR",
        "balance": Decimal(balance),
        "days_overdue": overdue,
        "ageing_bucket": bucket,
    }


@pytest.fixture(autouse=True)
def warehouse(services: ApiServices, tenant_id: UUID, other_tenant_id: UUID) -> None:
    january, february = date(2026, 1, 1), date(2026, 2, 1)
    rows: dict[str, Sequence[Mapping[str, object]]] = {
        "fct_monthly_cash_flow": [
            a_month(tenant_id, february, "1.00", "3.50"),
            a_month(tenant_id, january, "100.00", "40.50"),
            a_month(tenant_id, january, "10.00", "0.00", account_id=SAVINGS),
            a_month(tenant_id, january, "5000", "0", currency="JPY"),
            a_month(other_tenant_id, january, "999999.99", "0.00"),
        ],
        "fct_daily_balances": [
            a_day(tenant_id, 2, "12.50", is_estimated=True),
            a_day(tenant_id, 1, None, proof_status="unknown"),
            a_day(tenant_id, 2, "7", account_id=SAVINGS),
            a_day(other_tenant_id, 2, "888888"),
        ],
        "fct_receivables_ageing": [
            an_invoice(tenant_id, "no_due_date", None, "5.00"),
            an_invoice(tenant_id, "over_90", 91, "1.00"),
            an_invoice(tenant_id, "over_90", 200, "2.00"),
            an_invoice(tenant_id, "not_due", 0, "4.00"),
            an_invoice(other_tenant_id, "1_to_30", 7, "777.00"),
        ],
    }
    publish(services.warehouse.folder, rows)


def data(client: TestClient, path: str, **parameters: str) -> Any:
    answer = client.get(f"{URL}/{path}", params=parameters)
    assert answer.status_code == 200, answer.text
    assert answer.json()["meta"]["freshness"]["as_of"] == "2026-03-02T08:00:00Z"
    return answer.json()["data"]


class TestCashFlow:
    def test_is_of_all_accounts_by_month_and_currency(self, viewer: TestClient) -> None:
        january, yen, february = data(viewer, "cash_flow")

        assert january == {
            "month_start_date": "2026-01-01",
            "currency": "EUR",
            "money_in": "110.00",
            "money_out": "40.50",
            "net_cash_flow": "69.50",
            "incoming_count": 4,
            "outgoing_count": 6,
        }
        assert (yen["currency"], yen["money_in"]) == ("JPY", "5000")
        assert february["net_cash_flow"] == "-2.50"

    def test_may_be_of_one_account_one_currency_and_a_period(self, client: TestClient) -> None:
        assert len(data(client, "cash_flow", currency="EUR")) == 2
        (savings,) = data(client, "cash_flow", account_id=str(SAVINGS))
        assert savings["money_in"] == "10.00"
        (later,) = data(client, "cash_flow", start_date="2026-01-02", end_date="2026-02-01")
        assert later["month_start_date"] == "2026-02-01"

    def test_is_refused_of_a_period_that_ends_before_it_begins(self, client: TestClient) -> None:
        period = {"start_date": "2026-02-01", "end_date": "2026-01-31"}

        answer = client.get(f"{URL}/cash_flow", params=period)

        assert answer.status_code == 400
        assert answer.json()["error"]["details"][0]["field"] == "end_date"


class TestBalances:
    def test_are_of_each_account_and_day(self, viewer: TestClient) -> None:
        first, main, savings = data(viewer, "balances")

        assert first["closing_balance"] is None
        assert main == {
            "balance_date": "2026-02-02",
            "account_id": str(ACCOUNT),
            "currency": "EUR",
            "closing_balance": "12.50",
            "is_estimated": True,
            "proof_status": "proved",
        }
        assert (savings["account_id"], savings["closing_balance"]) == (str(SAVINGS), "7.00")

    def test_may_be_of_one_account_and_a_period(self, client: TestClient) -> None:
        chosen = {"account_id": str(ACCOUNT), "start_date": "2026-02-02"}

        (day,) = data(client, "balances", **chosen)

        assert day["closing_balance"] == "12.50"


class TestReceivablesAgeing:
    def test_is_by_age_the_least_overdue_first(self, viewer: TestClient) -> None:
        assert data(viewer, "receivables_ageing") == [
            {"ageing_bucket": bucket, "currency": "EUR", "balance": total, "invoice_count": count}
            for bucket, total, count in (
                ("not_due", "4.00", 1),
                ("over_90", "3.00", 2),
                ("no_due_date", "5.00", 1),
            )
        ]

    def test_may_be_of_one_customer(self, client: TestClient) -> None:
        assert data(client, "receivables_ageing", customer_id=str(UUID(int=6))) == []


@pytest.mark.parametrize("path", ["cash_flow", "balances", "receivables_ageing"])
def test_another_tenant_sees_the_own_figures(
    client: TestClient, stranger: TestClient, path: str
) -> None:
    theirs = data(stranger, path)

    assert len(theirs) == 1
    assert theirs[0] not in data(client, path)
