import json
from datetime import timedelta

import httpx
import pytest
from testing.providers.gocardless.script import NOW, MemoryTokenStore, Script, Time, reply

from payymo.domain.banking import ProviderCredentials, TokenPair
from payymo.domain.errors import ProviderCredentialsError, ProviderResponseError
from payymo.providers.gocardless.api.client import GoCardlessClient

INVALID = {"summary": "Invalid token", "detail": "Token is invalid or expired"}


def tokens(*, access_seconds: int, refresh_seconds: int = 1_000_000) -> TokenPair:
    return TokenPair(
        access="access-0",
        access_expires_at=NOW + timedelta(seconds=access_seconds),
        refresh="refresh-0",
        refresh_expires_at=NOW + timedelta(seconds=refresh_seconds),
    )


def bearer(request: httpx.Request) -> str:
    return request.headers["Authorization"]


@pytest.fixture(autouse=True)
def institutions(script: Script) -> None:
    script.on("GET", "institutions/", reply(200, []))
    script.on("POST", "token/refresh/", reply(200, {"access": "access-2", "access_expires": 86400}))


def test_the_first_call_mints_tokens_and_later_calls_reuse_them(
    client: GoCardlessClient, script: Script, store: MemoryTokenStore
) -> None:
    client.list_institutions("SE")
    client.list_institutions("SE")

    assert script.body("POST", "token/new/") == {"secret_id": "an-id", "secret_key": "a-key"}
    assert len(script.sent("POST", "token/new/")) == 1
    assert {bearer(request) for request in script.sent("GET", "institutions/")} == {
        "Bearer access-1"
    }
    assert "Authorization" not in script.sent("POST", "token/new/")[0].headers
    assert store.tokens == TokenPair(
        "access-1", NOW + timedelta(days=1), "refresh-1", NOW + timedelta(days=30)
    )


def test_tokens_that_another_worker_minted_are_used(
    client: GoCardlessClient, script: Script, store: MemoryTokenStore
) -> None:
    store.tokens = tokens(access_seconds=3600)

    client.list_institutions("SE")

    assert script.sent("POST", "token/new/") == []
    assert bearer(script.requests[-1]) == "Bearer access-0"
    assert store.writes == 0


def test_an_access_token_near_its_end_is_refreshed_and_the_refresh_token_stays(
    client: GoCardlessClient, script: Script, store: MemoryTokenStore
) -> None:
    store.tokens = tokens(access_seconds=60)

    client.list_institutions("SE")

    assert script.body("POST", "token/refresh/") == {"refresh": "refresh-0"}
    assert bearer(script.requests[-1]) == "Bearer access-2"
    assert store.tokens.refresh == "refresh-0"
    assert store.tokens.refresh_expires_at == NOW + timedelta(seconds=1_000_000)


def test_a_refresh_token_near_its_end_is_replaced_by_minting(
    client: GoCardlessClient, script: Script, store: MemoryTokenStore
) -> None:
    store.tokens = tokens(access_seconds=60, refresh_seconds=60)

    client.list_institutions("SE")

    assert script.sent("POST", "token/refresh/") == []
    assert bearer(script.requests[-1]) == "Bearer access-1"


def test_a_refresh_token_that_is_refused_is_replaced_by_minting(
    client: GoCardlessClient, script: Script, store: MemoryTokenStore
) -> None:
    store.tokens = tokens(access_seconds=60)
    script.on("POST", "token/refresh/", reply(401, INVALID))

    client.list_institutions("SE")

    assert bearer(script.requests[-1]) == "Bearer access-1"


def test_a_call_whose_token_is_refused_mints_once_and_is_sent_once_more(
    client: GoCardlessClient, script: Script, store: MemoryTokenStore
) -> None:
    store.tokens = tokens(access_seconds=3600)
    script.on("GET", "institutions/", reply(401, INVALID), reply(200, []))

    assert client.list_institutions("SE") == []

    assert [bearer(request) for request in script.sent("GET", "institutions/")] == [
        "Bearer access-0",
        "Bearer access-1",
    ]
    assert len(script.sent("POST", "token/new/")) == 1


def test_a_token_that_another_worker_replaced_meanwhile_is_not_minted_again(
    client: GoCardlessClient, script: Script, store: MemoryTokenStore
) -> None:
    store.tokens = tokens(access_seconds=3600)

    def replaced(request: httpx.Request) -> httpx.Response:
        store.tokens = TokenPair(
            "access-9", NOW + timedelta(days=1), "refresh-9", NOW + timedelta(days=30)
        )
        return httpx.Response(401, content=json.dumps(INVALID).encode())

    script.on("GET", "institutions/", replaced, reply(200, []))

    client.list_institutions("SE")

    assert script.sent("POST", "token/new/") == []
    assert bearer(script.requests[-1]) == "Bearer access-9"


def test_fresh_tokens_that_are_refused_again_are_an_error(
    client: GoCardlessClient, script: Script
) -> None:
    script.on("GET", "institutions/", reply(401, INVALID))

    with pytest.raises(ProviderResponseError):
        client.list_institutions("SE")

    assert len(script.sent("GET", "institutions/")) == 2


@pytest.mark.parametrize(
    "body",
    [
        {"summary": "Authentication failed", "detail": "No active account found"},
        {"summary": "Invalid token", "detail": "x"},
    ],
)
def test_credentials_that_are_refused_are_the_operators_to_mend(
    client: GoCardlessClient, script: Script, body: dict[str, str]
) -> None:
    script.on("POST", "token/new/", reply(401, body))

    with pytest.raises(ProviderCredentialsError) as caught:
        client.list_institutions("SE")

    assert "a-key" not in str(caught.value)
    assert len(script.sent("POST", "token/new/")) == 1


@pytest.mark.parametrize(
    "answer",
    [
        {},
        {"access": "", "access_expires": 1, "refresh": "r", "refresh_expires": 1},
        {"access": "a\nb", "access_expires": 1, "refresh": "r", "refresh_expires": 1},
        {"access": "a", "access_expires": "soon", "refresh": "r", "refresh_expires": 1},
        {"access": "a", "access_expires": -1, "refresh": "r", "refresh_expires": 1},
        {"access": "a", "access_expires": 1, "refresh": None, "refresh_expires": 1},
    ],
)
def test_an_answer_without_usable_tokens_is_an_error(
    client: GoCardlessClient, script: Script, answer: dict[str, object]
) -> None:
    script.on("POST", "token/new/", reply(200, answer))

    with pytest.raises(ProviderResponseError):
        client.list_institutions("SE")


def test_the_store_is_not_asked_while_a_known_token_is_good(
    client: GoCardlessClient, script: Script, store: MemoryTokenStore, time: Time
) -> None:
    client.list_institutions("SE")
    store.tokens = None
    time.now += timedelta(hours=23)

    client.list_institutions("SE")

    assert len(script.sent("POST", "token/new/")) == 1


def test_secrets_do_not_show() -> None:
    pair = tokens(access_seconds=1)

    assert "access-0" not in repr(pair)
    assert "refresh-0" not in repr(pair)
    assert "key" not in repr(ProviderCredentials("id-value", "key-value")).replace("_key", "")
