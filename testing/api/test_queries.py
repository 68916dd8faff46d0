from datetime import date
from typing import Annotated

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from pydantic import BaseModel, Field

from payymo.api.queries import query_parameters
from payymo.api.transactions.queries import AllTransactionQuery
from payymo.domain.enums import Direction


class Query(BaseModel):
    """Which things to list."""

    direction: Direction | None = None
    since: Annotated[date | None, Field(description="First day.", examples=["2026-01-01"])] = None


class TestParameters:
    def test_are_documented_whole(self) -> None:
        direction, since = query_parameters(Query)["parameters"]

        assert (direction["name"], direction["in"], direction["required"]) == (
            "direction",
            "query",
            False,
        )
        assert direction["schema"]["anyOf"][0]["enum"] == ["credit", "debit"]
        assert (since["name"], since["description"]) == ("since", "First day.")
        assert "$ref" not in str([direction, since])

    @pytest.mark.parametrize(
        ("path", "missing"),
        [
            ("/api/v1/transactions", set()),
            (
                "/api/v1/bank_connections/{connection_id}/transactions",
                {"bank_connection_id", "institution_id", "bank_id"},
            ),
            (
                "/api/v1/accounts/{account_id}/transactions",
                {"account_id", "bank_connection_id", "institution_id", "bank_id"},
            ),
        ],
    )
    def test_of_transactions_are_all_in_the_document(
        self, app: FastAPI, path: str, missing: set[str]
    ) -> None:
        parameters = app.openapi()["paths"][path]["get"]["parameters"]

        queries = {given["name"] for given in parameters if given["in"] == "query"}
        assert queries == set(AllTransactionQuery.model_fields) - missing

    def test_that_are_wrong_are_named(self, client: TestClient) -> None:
        answer = client.get(
            "/api/v1/transactions", params={"direction": "up", "currency": "ABC", "per_page": "x"}
        )

        assert {fault["field"] for fault in answer.json()["error"]["details"]} == {
            "direction",
            "currency",
            "per_page",
        }
