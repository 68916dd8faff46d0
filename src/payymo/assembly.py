"""Builds an installation out of its settings: what the front doors hand to the rooms below."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from threading import Lock
from uuid import UUID

import httpx
from sqlalchemy import Engine
from sqlalchemy.orm import Session, sessionmaker

from payymo.access import open_current_database, system_clock
from payymo.analytics.warehouse import Warehouse
from payymo.api.services import ApiServices
from payymo.domain.banking import Clock, ProviderCredentials
from payymo.domain.enums import Provider
from payymo.domain.errors import ConfigurationError
from payymo.jobs.app import PostgresJobQueue
from payymo.jobs.services import WorkerServices
from payymo.orchestration.services import OrchestrationServices
from payymo.postgres.auth.operations.credentials import find_credentials
from payymo.postgres.core import create_app_engine, create_sessions
from payymo.postgres.encryption import KeyRing
from payymo.postgres.gocardless.operations.tokens import PostgresTokenStore
from payymo.postgres.tenancy import tenant_transaction
from payymo.providers.base import BankDataProvider, ReferenceRateSource
from payymo.providers.ecb.client import EcbClient
from payymo.providers.registry import make_provider
from payymo.settings import Secrets, Settings, load_secrets
from payymo.workflows.warehouse import WarehouseBuilder

#: The provider's server and the bank behind it may be slow; each call sets its own read time.
_CONNECT_SECONDS = 10.0
_CONNECTIONS_MAX = 50


@dataclass(frozen=True, slots=True)
class Installation:
    """Everything that Payymo works with, ready to use.

    :ivar database_url: Address of the database, with the owner's login.
    """

    settings: Settings
    secrets: Secrets
    database_url: str = field(repr=False)
    engine: Engine
    sessions: sessionmaker[Session]
    key_ring: KeyRing
    providers: "ConfiguredProviders"
    rates: ReferenceRateSource
    queue: PostgresJobQueue
    clock: Clock

    def api_services(self, *, fallback_url: str) -> ApiServices:
        """Return what the API works with.

        :param fallback_url: Where browsers reach it, unless a setting says otherwise.
        """
        return ApiServices(
            sessions=self.sessions,
            providers=self.providers,
            queue=self.queue,
            token_key=self.secrets.jwt_key,
            key_ring=self.key_ring,
            clock=self.clock,
            public_url=self.settings.public_url or fallback_url,
            warehouse=Warehouse(self.settings.warehouse_dir),
        )

    def worker_services(self) -> WorkerServices:
        """Return what background jobs work with."""
        minutes = self.settings.warehouse_minutes
        return WorkerServices(
            sessions=self.sessions,
            providers=self.providers,
            queue=self.queue,
            clock=self.clock,
            rates=self.rates if self.settings.rates_update else None,
            builder=WarehouseBuilder(
                self.database_url, Warehouse(self.settings.warehouse_dir), self.clock
            ),
            build_pause=timedelta(minutes=minutes) if minutes else None,
        )

    def orchestration_services(self) -> OrchestrationServices:
        """Return what Dagster's assets and sensors work with."""
        return OrchestrationServices(
            database_url=self.database_url,
            sessions=self.sessions,
            queue=self.queue,
            key_ring=self.key_ring,
            clock=self.clock,
            warehouse_dir=self.settings.warehouse_dir,
        )


class ConfiguredProviders:
    """Finds a tenant's provider: with the tenant's own credentials, else the installation's.

    :param settings: Where the installation's credentials are.
    :param sessions: Opener of transactions.
    :param key_ring: Opens what is encrypted.
    :param clock: Tells the time (aware).
    :param http: Sends requests, for all tenants and threads.
    """

    def __init__(
        self,
        settings: Settings,
        sessions: sessionmaker[Session],
        key_ring: KeyRing,
        clock: Clock,
        http: httpx.Client,
    ) -> None:
        self._settings = settings
        self._sessions = sessions
        self._key_ring = key_ring
        self._clock = clock
        self._http = http
        self._made: dict[tuple[Provider, ProviderCredentials], BankDataProvider] = {}
        self._lock = Lock()

    def provider_for(self, tenant_id: UUID, provider: Provider) -> BankDataProvider:
        """Return a provider that acts for a tenant.

        :param tenant_id: For whom.
        :param provider: Which one.
        :raises ConfigurationError: If neither the tenant nor the installation has credentials.
        """
        credentials = self._credentials_of(tenant_id, provider)
        with self._lock:
            made = self._made.get((provider, credentials))
            if made is None:
                made = self._made[provider, credentials] = self._make(provider, credentials)
            return made

    def _credentials_of(self, tenant_id: UUID, provider: Provider) -> ProviderCredentials:
        with tenant_transaction(self._sessions, tenant_id) as session:
            own = find_credentials(session, tenant_id, provider, key_ring=self._key_ring)
        if own is not None:
            return own
        settings = self._settings
        if settings.gocardless_secret_id is None or settings.gocardless_secret_key is None:
            raise ConfigurationError(
                "There are no credentials for GoCardless: set GOCARDLESS_SECRET_ID and "
                "GOCARDLESS_SECRET_KEY, or enter the tenant's own."
            )
        return ProviderCredentials(
            settings.gocardless_secret_id.get_secret_value(),
            settings.gocardless_secret_key.get_secret_value(),
        )

    def _make(self, provider: Provider, credentials: ProviderCredentials) -> BankDataProvider:
        base_url = self._settings.gocardless_base_url
        store = PostgresTokenStore(
            self._sessions, self._key_ring, base_url=base_url, secret_id=credentials.secret_id
        )
        return make_provider(
            provider,
            base_url=base_url,
            credentials=credentials,
            store=store,
            clock=self._clock,
            http=self._http,
        )


#: Objects that come and stay before the garbage collector looks, youngest generation first.
_GARBAGE_THRESHOLDS = (50_000, 20, 100)


def collect_garbage_rarely() -> None:
    """Have this process look for garbage in cycles less often.

    A book of invoices or a page of rows makes many objects and next to no cycles: looking through
    them again and again took a third of a matching's time. For processes that serve or work.
    """
    gc.freeze()
    gc.set_threshold(*_GARBAGE_THRESHOLDS)


@contextmanager
def open_installation(settings: Settings) -> Iterator[Installation]:
    """Keep a whole installation ready within the block.

    :param settings: The installation's settings.
    :raises ConfigurationError: If something is not set up; the message says what to do.
    :raises OutageError: If the database goes away within the block.
    """
    secrets = load_secrets(settings)
    with open_current_database(settings) as url:
        engine = create_app_engine(url)
        try:
            sessions = create_sessions(engine)
            key_ring = KeyRing(secrets.encryption_keys)
            limits = httpx.Limits(max_connections=_CONNECTIONS_MAX)
            with httpx.Client(
                timeout=httpx.Timeout(_CONNECT_SECONDS), limits=limits, follow_redirects=False
            ) as http:
                yield Installation(
                    settings=settings,
                    secrets=secrets,
                    database_url=url,
                    engine=engine,
                    sessions=sessions,
                    key_ring=key_ring,
                    providers=ConfiguredProviders(settings, sessions, key_ring, system_clock, http),
                    rates=EcbClient(http, base_url=settings.ecb_base_url),
                    queue=PostgresJobQueue(),
                    clock=system_clock,
                )
        finally:
            engine.dispose()
