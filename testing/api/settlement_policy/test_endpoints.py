from typing import Any

import pytest
from fastapi.testclient import TestClient

URL = "/api/v1/settlement_policy"
CAUTIOUS = {
    "rounding_max": "0.05",
    "bank_fee_max": "25",
    "bank_fee_share_max": "0.1",
    "processor_fee_share_max": "0.05",
    "discount_share_max": "0.03",
    "discount_days_max": 14,
    "exchange_share_max": "0.02",
    "credit_overpayments": True,
    "apply_differences": False,
    "apply_credits": False,
}


def test_it_is_cautious_until_somebody_chooses(viewer: TestClient) -> None:
    assert viewer.get(URL).json()["data"] == CAUTIOUS


def test_what_is_left_out_stays(client: TestClient, stranger: TestClient) -> None:
    first = client.patch(URL, json={"rounding_max": "0.10", "apply_credits": True})
    second = client.patch(URL, json={"discount_days_max": 10})

    wanted = CAUTIOUS | {"rounding_max": "0.1", "apply_credits": True}
    assert first.json()["data"] == wanted
    assert second.json()["data"] == client.get(URL).json()["data"]
    assert second.json()["data"] == wanted | {"discount_days_max": 10}
    assert stranger.get(URL).json()["data"] == CAUTIOUS


@pytest.mark.parametrize(
    "body",
    [
        {"rounding_max": "-0.01"},
        {"rounding_max": "0.00001"},
        {"discount_share_max": "1.01"},
        {"discount_days_max": 366},
        {"apply_credits": None},
        {"tip": "1.00"},
    ],
)
def test_what_is_no_limit_is_refused(client: TestClient, body: dict[str, Any]) -> None:
    answer = client.patch(URL, json=body)

    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "validation_error")
    assert client.get(URL).json()["data"] == CAUTIOUS


def test_it_is_for_those_who_set_the_tenant_up(member: TestClient, viewer: TestClient) -> None:
    for client in (member, viewer):
        assert client.patch(URL, json={"apply_credits": True}).status_code == 403
