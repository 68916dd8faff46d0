"""A client and a provider that talk to a scripted GoCardless."""

from collections.abc import Iterator

import httpx
import pytest
from testing.providers.gocardless.script import MemoryTokenStore, Script, Time, reply

from payymo.domain.banking import ProviderCredentials
from payymo.providers.gocardless.api.client import GoCardlessClient
from payymo.providers.gocardless.api.retry import RetryPolicy
from payymo.providers.gocardless.provider import GoCardlessProvider


@pytest.fixture
def time() -> Time:
    return Time()


@pytest.fixture
def script() -> Script:
    script = Script()
    script.on(
        "POST",
        "token/new/",
        reply(200, {"access": "access-1", "access_expires": 86400,
                    "refresh": "refresh-1", "refresh_expires": 2592000}),
    )  # fmt: skip
    return script


@pytest.fixture
def store() -> MemoryTokenStore:
    return MemoryTokenStore()


@pytest.fixture
def credentials() -> ProviderCredentials:
    return ProviderCredentials("an-id", "a-key")


@pytest.fixture
def retry(time: Time) -> RetryPolicy:
    return RetryPolicy(sleep=time.sleep, random=lambda: 1.0, elapsed=time.elapsed)


@pytest.fixture
def client(
    script: Script,
    store: MemoryTokenStore,
    credentials: ProviderCredentials,
    retry: RetryPolicy,
    time: Time,
) -> Iterator[GoCardlessClient]:
    with httpx.Client(transport=httpx.MockTransport(script.handle)) as http:
        yield GoCardlessClient(
            http,
            base_url="https://bank.test/api/v2/",
            credentials=credentials,
            store=store,
            clock=time,
            retry=retry,
        )


@pytest.fixture
def provider(client: GoCardlessClient, time: Time) -> GoCardlessProvider:
    return GoCardlessProvider(client, time)
