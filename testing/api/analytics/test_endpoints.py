"""Datasets over HTTP."""

import csv
import io
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import duckdb
import pytest
from fastapi.testclient import TestClient
from testing.api.analytics.conftest import THEIR_ACCOUNT, the_rows
from testing.api.conftest import HandClock
from testing.marts import described_marts, publish

from payymo.analytics.warehouse import BuildFailure, Warehouse
from payymo.api.services import ApiServices

URL = "/api/v1/analytics/datasets"
CASH_FLOW = f"{URL}/fct_monthly_cash_flow/rows"
TRANSACTIONS = f"{URL}/fct_transactions/rows"


def rows(client: TestClient, url: str, **parameters: str | int) -> list[dict[str, Any]]:
    answer = client.get(url, params=parameters)
    assert answer.status_code == 200, answer.text
    data: list[dict[str, Any]] = answer.json()["data"]
    return data


class TestBeforeTheFirstBuild:
    @pytest.mark.parametrize("path", [URL, f"{URL}/fct_transactions", CASH_FLOW])
    def test_it_is_said_what_to_do(self, client: TestClient, path: str) -> None:
        answer = client.get(path)

        assert answer.status_code == 409
        assert answer.json()["error"]["code"] == "warehouse_not_built"
        assert "payymo analytics build" in answer.json()["error"]["message"]


@pytest.mark.usefixtures("warehouse")
class TestCatalogue:
    def test_it_lists_every_mart_with_its_columns(self, viewer: TestClient) -> None:
        answer = viewer.get(URL, params={"per_page": 500}).json()

        assert {each["name"] for each in answer["data"]} == set(described_marts())
        assert answer["meta"]["total"] == len(described_marts())
        assert all(each["columns"] and each["grain"] for each in answer["data"])
        assert all(column["description"] for each in answer["data"] for column in each["columns"])

    def test_one_says_what_its_columns_are(self, viewer: TestClient) -> None:
        dataset = viewer.get(f"{URL}/fct_monthly_cash_flow").json()["data"]

        assert dataset["grain"] == ["account_id", "currency", "month_start_date"]
        assert dataset["is_shared"] is False
        columns = {column["name"]: column for column in dataset["columns"]}
        assert "tenant_id" not in columns
        assert columns["net_cash_flow"] == {
            "name": "net_cash_flow",
            "kind": "decimal",
            "data_type": "decimal(38,4)",
            "description": "Money in less money out.",
            "is_nullable": False,
            "is_groupable": False,
            "is_measure": True,
            "is_additive": True,
            "sum_within": None,
            "currency_column": "currency",
        }
        assert columns["currency"]["is_groupable"]
        assert not columns["currency"]["is_measure"]

    def test_an_unknown_one_is_not_found(self, client: TestClient) -> None:
        for name in ("nothing", "src_transactions", "stg_transactions", "sqlite_master"):
            assert client.get(f"{URL}/{name}").status_code == 404
            assert client.get(f"{URL}/{name}/rows").status_code == 404

    def test_a_page_is_cut(self, client: TestClient) -> None:
        answer = client.get(URL, params={"page": 2, "per_page": 1}).json()

        assert [each["name"] for each in answer["data"]] == [sorted(described_marts())[1]]

    def test_it_needs_credentials(self, anonymous: TestClient) -> None:
        assert anonymous.get(URL).status_code == 401
        assert anonymous.get(CASH_FLOW).status_code == 401


class TestFreshness:
    @pytest.mark.usefixtures("warehouse")
    def test_every_answer_carries_it(self, client: TestClient) -> None:
        dataset = client.get(f"{URL}/fct_transactions").json()["data"]
        listed = client.get(URL).json()["meta"]
        shown = client.get(CASH_FLOW).json()["meta"]

        assert dataset["freshness"] == listed["freshness"] == shown["freshness"]
        assert shown["freshness"]["as_of"] == "2026-03-02T08:00:00Z"
        assert shown["freshness"]["built_at"] == "2026-03-02T08:01:00Z"
        assert shown["freshness"]["is_stale"] is False
        assert shown["freshness"]["failure"] is None

    @pytest.mark.parametrize(("seconds", "is_stale"), [(0, False), (1, True)])
    def test_after_a_day_it_is_stale(
        self,
        client: TestClient,
        services: ApiServices,
        clock: HandClock,
        seconds: int,
        is_stale: bool,
    ) -> None:
        publish(services.warehouse.folder, {}, as_of=clock.now - timedelta(days=1, seconds=seconds))

        assert client.get(CASH_FLOW).json()["meta"]["freshness"]["is_stale"] is is_stale

    def test_a_later_build_that_failed_is_told_without_what_it_quotes(
        self, client: TestClient, warehouse: Warehouse, clock: HandClock
    ) -> None:
        problem = "Duplicate key: Their secret customer"
        warehouse.note_failure(BuildFailure(clock.now, "The warehouse was not built.", [problem]))

        told = client.get(CASH_FLOW).json()["meta"]["freshness"]["failure"]

        assert told == ("The build of 2026-03-02 09:00 UTC failed. The warehouse was not built.")

    def test_a_newer_build_is_read_at_once(
        self, client: TestClient, warehouse: Warehouse, tenant_id: UUID, other_tenant_id: UUID
    ) -> None:
        assert client.get(TRANSACTIONS).json()["meta"]["total"] == 3

        mine = the_rows(tenant_id, other_tenant_id)["fct_transactions"][:1]
        publish(warehouse.folder, {"fct_transactions": mine})

        assert client.get(TRANSACTIONS).json()["meta"]["total"] == 1


@pytest.mark.usefixtures("warehouse")
class TestRows:
    def test_amounts_are_text_and_moments_in_utc(self, client: TestClient) -> None:
        (first, *_, last) = rows(client, TRANSACTIONS)

        assert first["amount"] == "250.00"
        assert (last["amount"], last["currency"]) == ("1200", "JPY")
        assert first["transaction_date"] == "2026-02-01"
        assert first["created_at"] == "2026-02-01T09:30:00Z"
        assert first["transaction_id"] == "00000000-0000-0000-0000-000000000001"
        assert first["is_missing_at_bank"] is False
        assert first["category_name"] is None
        assert "tenant_id" not in first

    def test_an_amount_is_never_without_its_currency(self, client: TestClient) -> None:
        (first, *_) = rows(client, TRANSACTIONS, columns="amount,payee")

        assert first == {"amount": "250.00", "payee": "Müller & Söhne", "currency": "EUR"}

    @pytest.mark.parametrize(
        ("filters", "numbers"),
        [
            ({"currency": "EUR"}, [1, 2]),
            ({"currency.eq": "JPY"}, [3]),
            ({"currency.ne": "JPY"}, [1, 2]),
            ({"category_name.ne": "rent"}, [1, 3]),
            ({"amount.gt": "250"}, [3]),
            ({"amount.gte": "250.00"}, [1, 3]),
            ({"amount.lt": "-40.5"}, []),
            ({"amount.lte": "-40.50"}, [2]),
            ({"currency.in": "JPY,USD"}, [3]),
            ({"payee.contains": "müller"}, [1]),
            ({"payee.contains": "%"}, []),
            ({"category_name.is_null": "true"}, [1, 3]),
            ({"category_name.is_null": "false"}, [2]),
            ({"transaction_date.gte": "2026-02-02", "currency": "EUR"}, [2]),
            ({"created_at.lt": "2026-02-02T10:30:00+01:00"}, [1]),
            ({"created_at.lte": "2026-02-02T10:30:00+01:00"}, [1, 2]),
            ({"transaction_id": "00000000-0000-0000-0000-000000000003"}, [3]),
            ({"is_missing_at_bank": "false"}, [1, 2, 3]),
            ({"payee": "=HYPERLINK(1)"}, [2]),
        ],
    )
    def test_filters_choose_rows(
        self, client: TestClient, filters: dict[str, str], numbers: list[int]
    ) -> None:
        answer = client.get(TRANSACTIONS, params=filters)

        assert answer.status_code == 200, answer.text
        days = [int(row["transaction_date"][-2:]) for row in answer.json()["data"]]
        assert days == numbers
        assert answer.json()["meta"]["total"] == len(numbers)

    def test_they_are_sorted_and_cut_into_pages(self, client: TestClient) -> None:
        first = rows(client, TRANSACTIONS, sort="-amount", per_page=2)
        second = rows(client, TRANSACTIONS, sort="-amount", per_page=2, page=2)

        assert [row["amount"] for row in first + second] == ["1200", "250.00", "-40.50"]
        assert rows(client, TRANSACTIONS, page=3, per_page=2) == []

    def test_what_is_absent_comes_last_either_way(self, client: TestClient) -> None:
        for sort in ("category_name", "-category_name"):
            answer = rows(client, TRANSACTIONS, sort=sort, columns="category_name")
            assert [row["category_name"] for row in answer] == ["rent", None, None]

    def test_the_same_for_everybody_is_there_for_everybody(
        self, client: TestClient, stranger: TestClient
    ) -> None:
        for each in (client, stranger):
            assert len(rows(each, f"{URL}/dim_dates/rows")) == 28


@pytest.mark.usefixtures("warehouse")
class TestGroups:
    def test_rows_are_put_together(self, client: TestClient) -> None:
        answer = rows(
            client,
            CASH_FLOW,
            group_by="month_start_date,currency",
            aggregates="net_cash_flow.sum,money_in.avg,account_id.count_distinct,count",
            sort="-month_start_date,currency",
        )

        # January: 100 - 40.50 + 10 = 69.50, and (100 + 10) / 2 = 55.
        assert answer == [
            {
                "month_start_date": "2026-02-01",
                "currency": "EUR",
                "net_cash_flow_sum": "-0.10",
                "money_in_avg": "0.10",
                "account_id_count_distinct": 1,
                "count": 1,
            },
            {
                "month_start_date": "2026-02-01",
                "currency": "JPY",
                "net_cash_flow_sum": "2000",
                "money_in_avg": "5000",
                "account_id_count_distinct": 1,
                "count": 1,
            },
            {
                "month_start_date": "2026-01-01",
                "currency": "EUR",
                "net_cash_flow_sum": "69.50",
                "money_in_avg": "55.00",
                "account_id_count_distinct": 2,
                "count": 2,
            },
        ]

    @pytest.mark.parametrize("function", ["sum", "avg", "min", "max"])
    def test_currencies_are_never_mixed(self, client: TestClient, function: str) -> None:
        for group in ({}, {"group_by": "month_start_date"}):
            answer = client.get(CASH_FLOW, params={"aggregates": f"money_in.{function}", **group})

            assert answer.status_code == 422
            assert answer.json()["error"]["code"] == "mixed_currencies"
            assert "add currency to group_by" in answer.json()["error"]["message"]

    @pytest.mark.parametrize("chosen", [{"currency": "EUR"}, {"currency.in": "EUR"}])
    def test_one_currency_that_is_chosen_is_shown(
        self, client: TestClient, chosen: dict[str, str]
    ) -> None:
        answer = client.get(CASH_FLOW, params={"aggregates": "money_in.sum", **chosen})

        assert answer.json()["data"] == [{"currency": "EUR", "money_in_sum": "110.10"}]

    @pytest.mark.parametrize("chosen", [{"currency.in": "EUR,JPY"}, {"currency.ne": "JPY"}])
    def test_a_filter_that_lets_several_through_does_not_do(
        self, client: TestClient, chosen: dict[str, str]
    ) -> None:
        answer = client.get(CASH_FLOW, params={"aggregates": "money_in.sum", **chosen})

        assert answer.status_code == 422

    def test_numbers_that_are_no_money_need_no_currency(self, client: TestClient) -> None:
        answer = rows(client, CASH_FLOW, aggregates="incoming_count.sum,outgoing_count.max,count")

        assert answer == [{"incoming_count_sum": 8, "outgoing_count_max": 3, "count": 4}]

    def test_a_group_alone_counts(self, client: TestClient) -> None:
        answer = rows(client, TRANSACTIONS, group_by="currency", sort="-count")

        assert answer == [{"currency": "EUR", "count": 2}, {"currency": "JPY", "count": 1}]

    def test_they_are_sorted_by_an_aggregate_as_it_was_asked_for(self, client: TestClient) -> None:
        answer = rows(
            client,
            TRANSACTIONS,
            group_by="currency",
            aggregates="amount.sum",
            sort="-amount.sum",
        )

        assert [row["amount_sum"] for row in answer] == ["1200", "209.50"]

    def test_they_are_cut_into_pages(self, client: TestClient) -> None:
        answer = client.get(TRANSACTIONS, params={"group_by": "currency", "per_page": 1})

        assert answer.json()["meta"]["total"] == 2
        assert answer.json()["data"] == [{"currency": "EUR", "count": 1 + 1}]

    @pytest.mark.parametrize(
        ("dataset", "column"),
        [
            ("fct_customer_payment_behaviour", "average_days_late"),
            ("fct_receivables_ageing", "days_overdue"),
        ],
    )
    def test_averages_and_ages_are_never_added_up(
        self, client: TestClient, dataset: str, column: str
    ) -> None:
        url = f"{URL}/{dataset}/rows"

        refusal = client.get(url, params={"aggregates": f"{column}.sum"})

        assert refusal.status_code == 422
        assert refusal.json()["error"]["code"] == "not_additive"
        assert client.get(url, params={"aggregates": f"{column}.max"}).status_code == 200
        described = client.get(f"{URL}/{dataset}").json()["data"]["columns"]
        assert [each["is_additive"] for each in described if each["name"] == column] == [False]

    def test_balances_are_added_up_within_a_day_alone(self, client: TestClient) -> None:
        url = f"{URL}/fct_daily_balances/rows"
        asked = {"aggregates": "closing_balance.sum", "currency": "EUR"}

        refusal = client.get(url, params=asked)

        assert refusal.status_code == 422
        assert refusal.json()["error"]["code"] == "not_additive"
        assert "add balance_date to group_by" in refusal.json()["error"]["message"]
        for chosen in ({"group_by": "balance_date"}, {"balance_date": "2026-02-01"}):
            assert client.get(url, params=asked | chosen).status_code == 200


@pytest.mark.usefixtures("warehouse")
class TestWhatIsWrong:
    @pytest.mark.parametrize(
        ("parameters", "said"),
        [
            ({"nothing": "1"}, "There is no such column"),
            ({"tenant_id": "1"}, "There is no such column"),
            ({"tenant_id.ne": "1"}, "There is no such column"),
            ({"amount.like": "1"}, "amount can be compared by: eq, ne, lt"),
            ({"payee.gt.x": "1"}, "There is no such column"),
            ({"is_missing_at_bank.gt": "true"}, "is_missing_at_bank can be compared by"),
            ({"amount.contains": "1"}, "amount can be compared by"),
            ({"amount": "1,5"}, "plain decimal number"),
            ({"amount": "NaN"}, "plain decimal number"),
            ({"transaction_date": "yesterday"}, "YYYY-MM-DD"),
            ({"transaction_date": "2026-02-30"}, "no such day"),
            ({"created_at": "soon"}, "ISO 8601"),
            ({"transaction_id": "1"}, "UUID"),
            ({"is_missing_at_bank": "yes"}, "true or false"),
            ({"category_name.is_null": "1"}, "true or false"),
            ({"currency.in": ",".join(["EUR"] * 101)}, "too many values"),
            ({"payee": "x" * 401}, "400 characters"),
            ({"columns": "amount,"}, "single commas"),
            ({"columns": "amount,amount"}, "Name each once"),
            ({"columns": "tenant_id"}, "There is no such column"),
            ({"columns": "amount", "group_by": "currency"}, "Leave this out"),
            ({"columns": ",".join(["amount"] * 51)}, "too many names"),
            ({"group_by": "amount"}, "Rows cannot be grouped by amount"),
            ({"aggregates": "amount"}, "Write count, or a column"),
            ({"aggregates": "amount.median"}, "Write count, or a column"),
            ({"aggregates": "payee.sum"}, "payee holds no numbers"),
            ({"aggregates": "nothing.sum"}, "There is no such column"),
            ({"sort": "nothing"}, "Sort by one of"),
            ({"sort": "amount,-amount"}, "Name each column once"),
            ({"sort": "amount", "group_by": "currency"}, "Sort by one of: currency, count."),
            ({"page": "0"}, "at least 1"),
            ({"format": "xlsx"}, "must be one of"),
            ({"format": "csv", "page": "2"}, "Leave this out: a file holds all rows."),
            ({"payee": "a\0b"}, "NUL"),
            ({f"payee.{n}": "1" for n in range(31)}, "too many filters"),
        ],
    )
    def test_it_is_said(self, client: TestClient, parameters: dict[str, str], said: str) -> None:
        answer = client.get(TRANSACTIONS, params=parameters)

        assert answer.status_code == 400
        assert any(said in each["message"] for each in answer.json()["error"]["details"])

    def test_a_filter_that_is_there_twice_is_refused(self, client: TestClient) -> None:
        answer = client.get(f"{TRANSACTIONS}?currency=EUR&currency=JPY")

        assert answer.status_code == 400
        assert "more than once" in answer.json()["error"]["details"][0]["message"]


@pytest.mark.usefixtures("warehouse")
class TestFiles:
    def test_csv_holds_all_rows_and_no_formula(self, client: TestClient) -> None:
        answer = client.get(TRANSACTIONS, params={"format": "csv", "columns": "payee,amount"})

        assert answer.headers["Content-Type"] == "text/csv; charset=utf-8"
        assert 'filename="fct_transactions.csv"' in answer.headers["Content-Disposition"]
        assert answer.headers["Last-Modified"] == "Mon, 02 Mar 2026 08:00:00 GMT"
        assert answer.headers["Payymo-Stale"] == "false"
        assert list(csv.reader(io.StringIO(answer.text))) == [
            ["payee", "amount", "currency"],
            ["Müller & Söhne", "250.00", "EUR"],
            ["'=HYPERLINK(1)", "-40.50", "EUR"],
            ["Tokyo", "1200", "JPY"],
        ]

    def test_parquet_keeps_types(self, client: TestClient, tmp_path: Path) -> None:
        answer = client.get(TRANSACTIONS, params={"format": "parquet", "currency": "EUR"})
        file = tmp_path / "rows.parquet"
        file.write_bytes(answer.content)

        assert answer.headers["Content-Type"] == "application/vnd.apache.parquet"
        with duckdb.connect() as connection:
            read = connection.execute(
                "select sum(amount), typeof(any_value(amount)), typeof(any_value(created_at)), "
                f"count(*) from '{file}'"
            ).fetchall()
            names = connection.execute(f"select * from '{file}'").description or []
        assert read == [(209.5, "DECIMAL(20,4)", "TIMESTAMP WITH TIME ZONE", 2)]
        assert "tenant_id" not in [name for name, *_ in names]

    def test_another_tenant_gets_the_own_rows(self, stranger: TestClient) -> None:
        answer = stranger.get(TRANSACTIONS, params={"format": "csv", "columns": "payee"})

        assert answer.text.splitlines() == ["payee", "Their secret customer"]

    @pytest.mark.parametrize("row_format", ["csv", "parquet"])
    def test_a_file_without_end_is_refused(
        self, client: TestClient, monkeypatch: pytest.MonkeyPatch, row_format: str
    ) -> None:
        monkeypatch.setattr("payymo.analytics.writing.FILE_ROWS_MAX", 2)

        answer = client.get(TRANSACTIONS, params={"format": row_format})

        assert answer.status_code == 422
        assert "The answer has 3 rows" in answer.json()["error"]["message"]


@pytest.mark.usefixtures("warehouse")
class TestTenants:
    def test_each_sees_the_own_rows(self, client: TestClient, stranger: TestClient) -> None:
        mine, theirs = rows(client, CASH_FLOW), rows(stranger, CASH_FLOW)

        assert len(mine) == 4
        assert [row["money_in"] for row in theirs] == ["999999.99", "888.88"]

    def test_another_tenants_account_is_as_if_absent(self, client: TestClient) -> None:
        assert rows(client, CASH_FLOW, account_id=str(THEIR_ACCOUNT)) == []

    def test_one_without_rows_gets_none(self, enter: Any, services: ApiServices) -> None:
        nobody = enter(UUID(int=99))

        for name in described_marts():
            answer = rows(nobody, f"{URL}/{name}/rows")
            assert bool(answer) == (name == "dim_dates")
