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
RENT = UUID(int=31)


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


def a_category(
    tenant_id: UUID, name: str, money_out: str, money_back: str = "0", **values: object
) -> Mapping[str, object]:
    went, came = Decimal(money_out), Decimal(money_back)
    return {
        "tenant_id": tenant_id,
        "account_id": ACCOUNT,
        "currency": "EUR",
        "month_start_date": date(2026, 1, 1),
        "spending_key": str(RENT),
        "category_id": RENT,
        "category_name": name,
        "category_kind": "expense",
        "is_transfer": False,
        "money_out": went,
        "money_back": came,
        "net_spending": went - came,
        "payment_count": 2,
        "refund_count": 1,
    } | values


UNCATEGORISED: dict[str, Any] = {
    "spending_key": "uncategorised",
    "category_id": None,
    "category_kind": None,
}


def a_day_to_come(
    tenant_id: UUID, day: int, balance: str, **values: object
) -> Mapping[str, object]:
    return {
        "tenant_id": tenant_id,
        "currency": "EUR",
        "forecast_date": date(2026, 3, day),
        "opening_balance": Decimal(100),
        "recurring_in": Decimal(0),
        "recurring_out": Decimal("12.5"),
        "receivables_in": Decimal(3),
        "other_in": Decimal("1.5"),
        "other_out": Decimal(2),
        "expected_in": Decimal("4.5"),
        "expected_out": Decimal("14.5"),
        "expected_balance": Decimal(balance),
        "balance_low": Decimal(balance) - 20,
        "balance_high": Decimal(balance) + 30,
        "band_basis": "back_test",
    } | values


def a_worth(tenant_id: UUID, day: int, worth: str | None) -> Mapping[str, object]:
    return {
        "tenant_id": tenant_id,
        "balance_date": date(2026, 2, day),
        "reporting_currency": "EUR",
        "account_count": 2,
        "oldest_balance_date": date(2026, 2, 1),
        "missing_rate_count": 1 if worth is None else 0,
        "assets": worth and Decimal(worth) + 5,
        "liabilities": worth and Decimal(5),
        "net_worth": worth and Decimal(worth),
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
        "fct_spending_by_category": [
            a_category(tenant_id, "Uncategorised", "7.00", **UNCATEGORISED),
            a_category(tenant_id, "Rent", "900.00", "50.00"),
            a_category(tenant_id, "Rent", "100.00", account_id=SAVINGS),
            a_category(
                tenant_id,
                "Savings",
                "5000.00",
                spending_key=str(UUID(int=32)),
                category_id=UUID(int=32),
                category_kind="transfer",
                is_transfer=True,
            ),
            a_category(tenant_id, "Rent", "1.00", month_start_date=february),
            a_category(other_tenant_id, "Their rent", "777777.00"),
        ],
        "fct_cash_forecast": [
            a_day_to_come(tenant_id, 4, "81.00"),
            a_day_to_come(tenant_id, 3, "90.50"),
            a_day_to_come(
                tenant_id,
                3,
                "90",
                currency="JPY",
                balance_low=None,
                balance_high=None,
                band_basis="none",
            ),
            a_day_to_come(other_tenant_id, 3, "555555"),
        ],
        "fct_net_worth": [
            a_worth(tenant_id, 2, None),
            a_worth(tenant_id, 1, "20.00"),
            a_worth(other_tenant_id, 1, "444444"),
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


class TestSpending:
    def test_is_by_month_and_category_without_transfers(self, viewer: TestClient) -> None:
        rent, unknown, later = data(viewer, "spending")

        assert rent == {
            "month_start_date": "2026-01-01",
            "currency": "EUR",
            "category_id": str(RENT),
            "category_name": "Rent",
            "category_kind": "expense",
            "money_out": "1000.00",
            "money_back": "50.00",
            "net_spending": "950.00",
            "payment_count": 4,
        }
        assert (unknown["category_name"], unknown["category_id"]) == ("Uncategorised", None)
        assert unknown["net_spending"] == "7.00"
        assert (later["month_start_date"], later["money_out"]) == ("2026-02-01", "1.00")

    def test_may_show_transfers_too(self, client: TestClient) -> None:
        first, *_ = data(client, "spending", with_transfers="true")

        assert (first["category_name"], first["category_kind"]) == ("Savings", "transfer")

    def test_may_be_of_one_account_and_a_period(self, client: TestClient) -> None:
        (savings,) = data(client, "spending", account_id=str(SAVINGS), end_date="2026-01-31")
        assert savings["money_out"] == "100.00"
        assert len(data(client, "spending", start_date="2026-01-02")) == 1


class TestForecast:
    def test_is_of_each_currency_and_day(self, viewer: TestClient) -> None:
        euros, yen, later = data(viewer, "forecast")

        assert euros == {
            "forecast_date": "2026-03-03",
            "currency": "EUR",
            "opening_balance": "100.00",
            "recurring_in": "0.00",
            "recurring_out": "12.50",
            "receivables_in": "3.00",
            "other_in": "1.50",
            "other_out": "2.00",
            "expected_in": "4.50",
            "expected_out": "14.50",
            "expected_balance": "90.50",
            "balance_low": "70.50",
            "balance_high": "120.50",
            "band_basis": "back_test",
        }
        assert (yen["currency"], yen["expected_balance"]) == ("JPY", "90")
        assert (yen["balance_low"], yen["balance_high"], yen["band_basis"]) == (None, None, "none")
        assert later["expected_balance"] == "81.00"

    def test_may_be_of_one_currency_up_to_a_day(self, client: TestClient) -> None:
        (day,) = data(client, "forecast", currency="EUR", end_date="2026-03-03")

        assert day["expected_balance"] == "90.50"


class TestNetWorth:
    def test_is_of_each_day(self, viewer: TestClient) -> None:
        known, unknown = data(viewer, "net_worth")

        assert known == {
            "balance_date": "2026-02-01",
            "reporting_currency": "EUR",
            "assets": "25.00",
            "liabilities": "5.00",
            "net_worth": "20.00",
            "account_count": 2,
            "oldest_balance_date": "2026-02-01",
            "missing_rate_count": 0,
        }
        assert (unknown["net_worth"], unknown["missing_rate_count"]) == (None, 1)

    def test_may_be_of_a_period(self, client: TestClient) -> None:
        (day,) = data(client, "net_worth", start_date="2026-02-02", end_date="2026-02-02")

        assert day["balance_date"] == "2026-02-02"
        answer = client.get(
            f"{URL}/net_worth", params={"start_date": "2026-02-02", "end_date": "2026-02-01"}
        )
        assert answer.status_code == 400


@pytest.mark.parametrize(
    "path",
    ["cash_flow", "balances", "receivables_ageing", "spending", "forecast", "net_worth"],
)
def test_another_tenant_sees_the_own_figures(
    client: TestClient, stranger: TestClient, path: str
) -> None:
    theirs = data(stranger, path)

    assert len(theirs) == 1
    assert theirs[0] not in data(client, path)
