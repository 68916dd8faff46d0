import threading
from collections.abc import Iterator
from datetime import date
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import httpx
import pytest
from testing.providers.gocardless.script import MemoryTokenStore, Script, Time, reply

from payymo.domain.banking import ProviderCredentials
from payymo.domain.errors import (
    ProviderError,
    ProviderQuotaError,
    ProviderRequestError,
    ProviderResponseError,
    ProviderUnavailableError,
)
from payymo.providers.gocardless.api.client import GoCardlessClient
from payymo.providers.gocardless.api.retry import RetryPolicy

BALANCES = "accounts/acc/balances/"


class Leave:
    """Leave for one call, and for so many more."""

    def __init__(self, more: int) -> None:
        self.more = more
        self.asked: list[ProviderError] = []

    def renew(self, error: ProviderError) -> bool:
        self.asked.append(error)
        return len(self.asked) <= self.more


def test_every_path_ends_with_a_slash_and_only_known_fields_are_sent(
    client: GoCardlessClient, script: Script
) -> None:
    script.on("POST", "agreements/enduser/", reply(201, {"id": "agr"}))
    script.on("POST", "requisitions/", reply(201, {"id": "req"}))
    script.on("GET", "agreements/enduser/agr/", reply(200, {"id": "agr"}))
    script.on("DELETE", "agreements/enduser/agr/", reply(200, {}))

    client.create_agreement(
        institution_id="BANK", history_days=90, access_days=180, scopes=["balances"]
    )
    client.create_requisition(
        institution_id="BANK", agreement_id="agr", reference="ref", redirect="https://me.test/back"
    )
    client.get_agreement("agr")
    client.delete_agreement("agr")

    assert all(request.url.path.endswith("/") for request in script.requests)
    assert script.body("POST", "agreements/enduser/") == {
        "institution_id": "BANK",
        "max_historical_days": 90,
        "access_valid_for_days": 180,
        "access_scope": ["balances"],
    }
    assert script.body("POST", "requisitions/") == {
        "institution_id": "BANK",
        "agreement": "agr",
        "reference": "ref",
        "redirect": "https://me.test/back",
    }


def test_days_that_are_not_given_are_not_sent(client: GoCardlessClient, script: Script) -> None:
    script.on("GET", "accounts/acc/transactions/", reply(200, {}))

    client.get_transactions("acc", date_from=None, date_to=None)
    client.get_transactions("acc", date_from=date(2026, 1, 2), date_to=None)

    queries = [dict(request.url.params) for request in script.requests[-2:]]
    assert queries == [{}, {"date_from": "2026-01-02"}]


def test_a_reference_cannot_leave_its_place_in_the_path(
    client: GoCardlessClient, script: Script
) -> None:
    script.on("GET", "accounts/../requisitions//", reply(200, {}))

    client.get_account("../requisitions/")

    assert script.requests[-1].url.raw_path == b"/api/v2/accounts/..%2Frequisitions%2F/"


@pytest.mark.parametrize(
    "failure",
    [
        httpx.ConnectError("refused"),
        httpx.ReadTimeout("slow"),
        httpx.RemoteProtocolError("cut"),
        reply(502, b"<html>"),
        reply(503, b""),
        reply(504, {"detail": "upstream"}),
    ],
)
def test_what_the_line_or_the_platform_did_is_tried_again_with_growing_waits(
    client: GoCardlessClient, script: Script, time: Time, failure: Exception
) -> None:
    script.on("GET", BALANCES, failure, failure, reply(200, {"balances": []}))

    permit = Leave(2)
    assert client.get_balances("acc", permit=permit).document() == {"balances": []}

    assert time.slept == [1.0, 2.0]
    assert len(permit.asked) == 2


@pytest.mark.parametrize(
    ("failure", "is_unanswered"),
    [
        (httpx.ConnectError("refused"), False),
        (httpx.ConnectTimeout("slow"), False),
        (httpx.PoolTimeout("busy"), False),
        (httpx.ReadTimeout("slow"), True),
        (httpx.RemoteProtocolError("cut"), True),
        (reply(503, b""), False),
        (reply(504, b"<html>"), True),
        (reply(504, {"detail": "upstream"}), True),
    ],
)
def test_without_leave_a_counted_call_is_made_once_and_says_if_it_may_have_counted(
    client: GoCardlessClient, script: Script, failure: Exception, is_unanswered: bool
) -> None:
    script.on("GET", BALANCES, failure)

    with pytest.raises(ProviderUnavailableError) as caught:
        client.get_balances("acc")

    assert caught.value.is_unanswered is is_unanswered
    assert len(script.sent("GET", BALANCES)) == 1


def test_a_permit_that_is_not_renewed_ends_the_tries(
    client: GoCardlessClient, script: Script
) -> None:
    script.on("GET", BALANCES, httpx.ReadTimeout("slow"))

    with pytest.raises(ProviderUnavailableError):
        client.get_balances("acc", permit=Leave(1))

    assert len(script.sent("GET", BALANCES)) == 2


def test_three_failures_in_a_row_are_enough(client: GoCardlessClient, script: Script) -> None:
    script.on("GET", BALANCES, httpx.ConnectError("refused"))

    with pytest.raises(ProviderUnavailableError):
        client.get_balances("acc", permit=Leave(9))

    assert len(script.sent("GET", BALANCES)) == 3


@pytest.mark.parametrize(
    "answer",
    [
        reply(500, {"summary": "Couldn't update", "type": "UnknownRequestError"}),
        reply(503, {"summary": "Couldn't update", "type": "ServiceError"}),
        reply(500, {"detail": "platform"}),
        reply(400, {"summary": "Bad"}),
        reply(429, {"summary": "Rate limit exceeded", "detail": "try again in 80000 seconds"}),
        reply(409, {"status": "ERROR"}),
    ],
)
def test_what_the_bank_or_the_caller_did_is_never_tried_again(
    client: GoCardlessClient, script: Script, time: Time, answer: Exception
) -> None:
    script.on("GET", BALANCES, answer)

    with pytest.raises(Exception, match=r"\.$"):
        client.get_balances("acc", permit=Leave(9))

    assert len(script.sent("GET", BALANCES)) == 1
    assert time.slept == []


def test_a_limit_that_ends_at_once_is_waited_for(
    client: GoCardlessClient, script: Script, time: Time
) -> None:
    limit = {"summary": "Rate limit exceeded", "detail": "Please try again in 2 seconds"}
    script.on("GET", BALANCES, reply(429, limit), reply(200, {}))

    client.get_balances("acc", permit=Leave(9))

    assert time.slept == [3.0]


def test_the_limit_of_an_account_is_told_apart_from_failure(
    client: GoCardlessClient, script: Script
) -> None:
    script.on("GET", BALANCES, reply(429, {"summary": "x", "type": "RateLimitError"}))

    with pytest.raises(ProviderQuotaError):
        client.get_balances("acc")


def test_a_request_that_may_have_been_received_is_not_sent_twice(
    client: GoCardlessClient, script: Script
) -> None:
    script.on("POST", "requisitions/", httpx.ReadTimeout("slow"))

    with pytest.raises(ProviderUnavailableError):
        client.create_requisition(
            institution_id="BANK", agreement_id="agr", reference="ref", redirect="https://me.test"
        )

    assert len(script.sent("POST", "requisitions/")) == 1


def test_no_further_try_begins_when_the_time_is_over(
    client: GoCardlessClient, script: Script, time: Time
) -> None:
    def slow(request: httpx.Request) -> httpx.Response:
        time.sleep(119.5)
        raise httpx.ReadTimeout("slow", request=request)

    script.on("GET", BALANCES, slow)

    with pytest.raises(ProviderUnavailableError):
        client.get_balances("acc", permit=Leave(9))

    assert len(script.sent("GET", BALANCES)) == 1


@pytest.mark.parametrize("body", [b"", b"<html>", b'{"id": "cut', b"\xff", b"[]", b"7"])
def test_an_answer_that_is_not_the_agreed_object_is_an_error(
    client: GoCardlessClient, script: Script, body: bytes
) -> None:
    script.on("GET", "accounts/acc/", reply(200, body))

    with pytest.raises(ProviderResponseError):
        client.get_account("acc")


@pytest.mark.parametrize("body", [b"{}", b"[1]", b"null"])
def test_an_answer_that_is_not_the_agreed_list_is_an_error(
    client: GoCardlessClient, script: Script, body: bytes
) -> None:
    script.on("GET", "institutions/", reply(200, body))

    with pytest.raises(ProviderResponseError):
        client.list_institutions(None)


def test_a_redirect_is_not_followed_with_the_token(
    client: GoCardlessClient, script: Script
) -> None:
    script.on("GET", BALANCES, reply(302, {"a": 1}, {"Location": "https://evil.test/"}))

    with pytest.raises(ProviderRequestError):
        client.get_balances("acc")

    assert {request.url.host for request in script.requests} == {"bank.test"}


class _Handler(BaseHTTPRequestHandler):
    """Promises more than it sends, as a connection that breaks does."""

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        body = b'{"access": "a", "access_expires": 86400, "refresh": "r", "refresh_expires": 86400}'
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Length", "1000")
        self.end_headers()
        self.wfile.write(b'{"transactions": {"booked": [')

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  (its name in http)
        """Say nothing."""


@pytest.fixture
def broken_server() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), _Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def test_a_real_connection_that_breaks_is_an_error_and_never_an_empty_list(
    broken_server: str,
    store: MemoryTokenStore,
    credentials: ProviderCredentials,
    retry: RetryPolicy,
    time: Time,
) -> None:
    with httpx.Client() as http:
        client = GoCardlessClient(
            http,
            base_url=broken_server,
            credentials=credentials,
            store=store,
            clock=time,
            retry=retry,
        )

        with pytest.raises(ProviderUnavailableError):
            client.get_transactions("acc", date_from=None, date_to=None, permit=Leave(9))

    assert len(time.slept) == 2
