"""An installation is built out of its settings, or says what is missing."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from uuid import UUID

import httpx
import pytest
from sqlalchemy import create_engine, text
from sqlalchemy.orm import Session, sessionmaker
from testing.fakes import FakeClock

from payymo.assembly import ConfiguredProviders, open_installation
from payymo.domain.banking import ProviderCredentials
from payymo.domain.enums import Provider
from payymo.domain.errors import ConfigurationError, OutageError
from payymo.postgres.auth.operations.credentials import record_credentials
from payymo.postgres.encryption import KEY_BYTES, KeyRing
from payymo.postgres.tenancy import tenant_transaction
from payymo.settings import load_settings

GOCARDLESS = Provider.GOCARDLESS
KEY_RING = KeyRing([bytes(KEY_BYTES)])
DATABASE_VARIABLE = "DATABASE_URL"

pytestmark = pytest.mark.usefixtures("bare_environment")


@dataclass
class Gate:
    """A provider's door, which remembers who came in."""

    secret_ids: list[str] = field(default_factory=list)

    def answer(self, request: httpx.Request) -> httpx.Response:
        if request.url.path.endswith("/token/new/"):
            self.secret_ids.append(json.loads(request.content)["secret_id"])
            return httpx.Response(
                200,
                json={
                    "access": "access",
                    "access_expires": 86_400,
                    "refresh": "refresh",
                    "refresh_expires": 2_592_000,
                },
            )
        return httpx.Response(200, json=[])


@pytest.fixture
def gate() -> Gate:
    return Gate()


@pytest.fixture
def http(gate: Gate) -> Iterator[httpx.Client]:
    with httpx.Client(transport=httpx.MockTransport(gate.answer)) as client:
        yield client


class TestConfiguredProviders:
    def build(self, sessions: sessionmaker[Session], http: httpx.Client) -> ConfiguredProviders:
        return ConfiguredProviders(load_settings(), sessions, KEY_RING, FakeClock(), http)

    @pytest.fixture
    def providers(
        self, sessions: sessionmaker[Session], http: httpx.Client, monkeypatch: pytest.MonkeyPatch
    ) -> ConfiguredProviders:
        """Providers of an installation that has credentials."""
        monkeypatch.setenv("GOCARDLESS_SECRET_ID", "installation")
        monkeypatch.setenv("GOCARDLESS_SECRET_KEY", "key")
        return self.build(sessions, http)

    def enter(self, sessions: sessionmaker[Session], tenant_id: UUID, secret_id: str) -> None:
        with tenant_transaction(sessions, tenant_id) as session:
            credentials = ProviderCredentials(secret_id, "key")
            record_credentials(session, tenant_id, GOCARDLESS, credentials, key_ring=KEY_RING)

    def test_a_tenants_own_credentials_win_over_the_installations(
        self,
        providers: ConfiguredProviders,
        sessions: sessionmaker[Session],
        tenant_id: UUID,
        other_tenant_id: UUID,
        gate: Gate,
    ) -> None:
        self.enter(sessions, tenant_id, "own")

        list(providers.provider_for(tenant_id, GOCARDLESS).list_institutions("GB"))
        list(providers.provider_for(other_tenant_id, GOCARDLESS).list_institutions("GB"))

        assert gate.secret_ids == ["own", "installation"]

    def test_credentials_that_were_changed_count_at_once(
        self, providers: ConfiguredProviders, sessions: sessionmaker[Session], tenant_id: UUID
    ) -> None:
        before = providers.provider_for(tenant_id, GOCARDLESS)
        assert providers.provider_for(tenant_id, GOCARDLESS) is before

        self.enter(sessions, tenant_id, "own")

        assert providers.provider_for(tenant_id, GOCARDLESS) is not before

    def test_without_any_credentials_it_says_where_they_go(
        self, sessions: sessionmaker[Session], http: httpx.Client, tenant_id: UUID, gate: Gate
    ) -> None:
        with pytest.raises(ConfigurationError, match="set GOCARDLESS_SECRET_ID and"):
            self.build(sessions, http).provider_for(tenant_id, GOCARDLESS)

        assert gate.secret_ids == []


class TestOpenInstallation:
    def test_a_database_that_was_set_up_is_ready(
        self, monkeypatch: pytest.MonkeyPatch, database: str
    ) -> None:
        monkeypatch.setenv(DATABASE_VARIABLE, database)

        with open_installation(load_settings()) as house:
            with house.sessions.begin() as session:
                assert session.scalar(text("SELECT current_user")) == "payymo_app"
            assert house.api_services(fallback_url="http://here").public_url == "http://here"
            assert house.worker_services().providers is house.providers
            assert house.engine.pool.checkedin() == 1  # type: ignore[attr-defined]  # a QueuePool
        assert house.engine.pool.checkedin() == 0  # type: ignore[attr-defined]  # a QueuePool
        assert repr(house.secrets.jwt_key) not in repr(house)

    def test_a_setting_says_where_browsers_reach_it(
        self, monkeypatch: pytest.MonkeyPatch, database: str
    ) -> None:
        monkeypatch.setenv(DATABASE_VARIABLE, database)
        monkeypatch.setenv("PAYYMO_PUBLIC_URL", "https://pay.example/")

        with open_installation(load_settings()) as house:
            services = house.api_services(fallback_url="http://here")

        assert services.public_url == "https://pay.example"

    def test_a_database_that_goes_away_in_the_middle_is_a_sentence(
        self, monkeypatch: pytest.MonkeyPatch, database: str
    ) -> None:
        monkeypatch.setenv(DATABASE_VARIABLE, database)
        cut_off = text(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )

        def work() -> None:
            with open_installation(load_settings()) as house, house.sessions.begin() as session:
                session.execute(text("SELECT 1"))
                owner = create_engine(database)
                with owner.begin() as connection:
                    connection.execute(cut_off)
                owner.dispose()
                session.execute(text("SELECT 1"))

        with pytest.raises(OutageError, match="went away"):
            work()
