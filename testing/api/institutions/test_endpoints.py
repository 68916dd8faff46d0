"""Banks that can be connected."""

from uuid import UUID

import pytest
from fastapi.testclient import TestClient
from testing.api.bank_connections.conftest import BANK, ConsentingBank
from testing.api.conftest import Enter, HandClock
from testing.fakes import FakeDirectory

from payymo.api.services import ApiServices
from payymo.domain.errors import ProviderUnavailableError

PATH = "/api/v1/institutions"


@pytest.fixture
def bank(clock: HandClock) -> ConsentingBank:
    return ConsentingBank(clock=clock)


@pytest.fixture
def providers(bank: ConsentingBank) -> FakeDirectory:
    return FakeDirectory(bank)


def test_banks_are_listed_by_name(viewer: TestClient) -> None:
    answer = viewer.get(PATH, params={"country": "gb", "per_page": 1})

    assert answer.status_code == 200
    (bank,) = answer.json()["data"]
    assert bank["name"] == "Bank of Ada"
    assert bank["countries"] == ["GB", "XX"]
    assert bank["fetched_at"] == "2026-03-02T09:00:00Z"
    assert answer.json()["meta"] == {"total": 2, "page": 1, "per_page": 1, "total_pages": 2}


def test_banks_are_searched_by_name(client: TestClient) -> None:
    names = [row["name"] for row in client.get(PATH, params={"q": "SANDBOX"}).json()["data"]]

    assert names == ["Sandbox Finance"]
    assert client.get(PATH, params={"country": "SE"}).json()["data"] == []


def test_the_provider_is_asked_once_a_day(
    enter: Enter, services: ApiServices, bank: ConsentingBank, clock: HandClock, tenant_id: UUID
) -> None:
    for _ in range(2):
        assert enter(tenant_id).get(PATH, params={"country": "GB"}).status_code == 200
    clock.advance(hours=25)
    assert enter(tenant_id).get(PATH, params={"country": "GB"}).status_code == 200

    assert bank.countries == ["GB", "GB"]


def test_one_is_found_by_either_id(client: TestClient) -> None:
    by_reference = client.get(f"{PATH}/{BANK}")
    by_id = client.get(f"{PATH}/{by_reference.json()['data']['id']}")

    assert by_reference.status_code == 200
    assert by_reference.json() == by_id.json()


@pytest.mark.parametrize("name", ["NO_SUCH_BANK", "01985c1e-7d3a-7c44-9d0e-5f1b2a3c4d5e"])
def test_an_unknown_one_is_not_found(client: TestClient, name: str) -> None:
    answer = client.get(f"{PATH}/{name}")

    assert answer.status_code == 404
    assert answer.json()["error"]["code"] == "resource_not_found"


@pytest.mark.parametrize(
    ("query", "field"),
    [("country=GBR", "country"), ("q=", "q"), ("page=0", "page"), ("per_page=501", "per_page")],
)
def test_bad_input_is_refused(client: TestClient, query: str, field: str) -> None:
    answer = client.get(f"{PATH}?{query}")

    assert answer.status_code == 400
    assert answer.json()["error"]["details"][0]["field"] == field


def test_an_id_has_a_form(client: TestClient) -> None:
    assert client.get(f"{PATH}/a%20b").status_code == 400


def test_a_provider_that_is_down_is_not_an_empty_list(
    client: TestClient, bank: ConsentingBank
) -> None:
    bank.error = ProviderUnavailableError("The provider does not answer.")

    assert client.get(PATH).status_code == 503
