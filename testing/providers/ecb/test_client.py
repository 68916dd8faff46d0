"""The published files are asked for over real HTTP, and whatever comes back has a sentence."""

from collections.abc import Iterator
from datetime import date, timedelta
from http import HTTPStatus

import httpx
import pytest
from testing.providers.ecb.files import HISTORY, HISTORY_XML, zipped
from testing.providers.ecb.publishing import Publisher

from payymo.domain.errors import ProviderError, ProviderResponseError, ProviderUnavailableError
from payymo.providers.ecb import client as module
from payymo.providers.ecb.client import EcbClient

TODAY = date(2026, 3, 2)


@pytest.fixture
def http() -> Iterator[httpx.Client]:
    with httpx.Client() as http:
        yield http


@pytest.fixture
def client(http: httpx.Client, publisher: Publisher) -> EcbClient:
    return EcbClient(http, base_url=f"{publisher.url}/")


@pytest.mark.parametrize(
    ("since", "name", "count"),
    [
        (None, "eurofxref-hist.zip", 10),
        (TODAY - timedelta(days=80), "eurofxref-hist.zip", 10),
        (TODAY - timedelta(days=79), "eurofxref-hist-90d.xml", 3),
    ],
)
def test_the_shortest_file_that_surely_holds_it_is_asked_for(
    client: EcbClient, publisher: Publisher, since: date | None, name: str, count: int
) -> None:
    publisher.files = {
        "eurofxref-hist.zip": zipped(HISTORY),
        "eurofxref-hist-90d.xml": HISTORY_XML.encode(),
    }

    rates = client.read_rates(since=since, today=TODAY)

    assert publisher.asked == [name]
    assert len(rates) == count


@pytest.mark.parametrize(
    ("status", "family"),
    [
        (HTTPStatus.SERVICE_UNAVAILABLE, ProviderUnavailableError),
        (HTTPStatus.TOO_MANY_REQUESTS, ProviderUnavailableError),
        (HTTPStatus.FORBIDDEN, ProviderError),
        (HTTPStatus.FOUND, ProviderError),
        (HTTPStatus.NOT_FOUND, ProviderError),
    ],
)
def test_a_refusal_says_what_it_was(
    client: EcbClient, publisher: Publisher, status: HTTPStatus, family: type[ProviderError]
) -> None:
    publisher.status = status

    with pytest.raises(ProviderError, match=f"HTTP {status}") as raised:
        client.read_rates(since=None, today=TODAY)

    assert type(raised.value) is family
    assert raised.value.http_status == status


def test_an_answer_that_is_no_file_of_rates_is_no_empty_list(
    client: EcbClient, publisher: Publisher
) -> None:
    publisher.files = {"eurofxref-hist.zip": b"<html>Sign in to the hotel's network</html>"}

    with pytest.raises(ProviderResponseError, match="holds no rate at all"):
        client.read_rates(since=None, today=TODAY)


def test_an_answer_without_an_end_is_cut_off(
    client: EcbClient, publisher: Publisher, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "FILE_BYTES_MAX", 1000)
    publisher.files = {"eurofxref-hist.zip": bytes(100_000)}

    with pytest.raises(ProviderResponseError, match="too large"):
        client.read_rates(since=None, today=TODAY)


def test_a_machine_without_a_network_is_told_what_to_do(http: httpx.Client) -> None:
    nobody = EcbClient(http, base_url="http://127.0.0.1:1")

    with pytest.raises(ProviderUnavailableError, match="payymo rates import FILE"):
        nobody.read_rates(since=None, today=TODAY)


def test_a_bank_that_does_not_answer_in_time_is_unavailable() -> None:
    def wait(request: httpx.Request) -> httpx.Response:
        raise httpx.ReadTimeout("slow", request=request)

    with httpx.Client(transport=httpx.MockTransport(wait)) as slow:
        client = EcbClient(slow, base_url="https://ecb.test")
        with pytest.raises(ProviderUnavailableError, match="in time"):
            client.read_rates(since=None, today=TODAY)
