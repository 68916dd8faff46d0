import socket
import time

import httpx
import pytest
from testing.sandbox.conftest import API, Visitor

from payymo.sandbox.server import Access, create_sandbox, running_sandbox


def test_an_unknown_path_is_not_found_in_the_services_words(visitor: Visitor) -> None:
    assert visitor.get("/nothing/").json() == {
        "summary": "Not found.",
        "detail": "Not found.",
        "status_code": 404,
    }
    assert visitor.web.get("/").status_code == 404


def test_a_wrong_method_is_told_so(visitor: Visitor) -> None:
    answer = visitor.call("PATCH", "/institutions/")

    assert (answer.status_code, answer.json()["summary"]) == (405, "Method Not Allowed")


def test_a_description_can_be_read_without_a_token(visitor: Visitor) -> None:
    answer = visitor.web.get(f"{API}/swagger.json")

    assert answer.status_code == 200
    assert f"{API}/institutions/" in answer.json()["paths"]


def test_answers_are_not_held_back_by_nagles_delay(visitor: Visitor) -> None:
    began = time.monotonic()
    for _ in range(20):
        visitor.get("/institutions/")

    assert time.monotonic() - began < 20 * 0.04


def test_the_secret_key_is_not_in_the_repr() -> None:
    assert "hush" not in repr(Access("http://127.0.0.1/api/v2", "id", "hush"))


def test_a_taken_port_is_an_error() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(OSError, match="in use"), running_sandbox(create_sandbox(), port=port):
            pass


@pytest.mark.parametrize(("host", "shown"), [("127.0.0.1", "127.0.0.1"), ("::1", "[::1]")])
def test_the_address_can_be_used_as_it_is(host: str, shown: str) -> None:
    with running_sandbox(create_sandbox(), host=host) as access:
        assert access.base_url.startswith(f"http://{shown}:")
        assert httpx.get(f"{access.base_url}/institutions/").status_code == 401


def test_a_running_sandbox_stops_with_its_block() -> None:
    with running_sandbox(create_sandbox()) as access:
        assert httpx.get(f"{access.base_url}/institutions/").status_code == 401

    with pytest.raises(httpx.ConnectError):
        httpx.get(f"{access.base_url}/institutions/")
