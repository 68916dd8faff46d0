"""What the API was started with: every machine that an endpoint may reach."""

from dataclasses import dataclass, field
from typing import Final

from sqlalchemy.orm import Session, sessionmaker

from payymo.analytics.warehouse import Warehouse
from payymo.api.limits import Limit
from payymo.domain.banking import Clock
from payymo.postgres.encryption import KeyRing
from payymo.providers.base import ProviderDirectory
from payymo.workflows.queue import JobQueue

#: A runaway client is slowed down, a busy one is not.
MEMBER_LIMIT: Final = Limit(burst=20_000, per_second=200)
ADDRESS_LIMIT: Final = Limit(burst=2_000, per_second=50)
AUTH_LIMIT: Final = Limit(burst=300, per_second=5)


@dataclass(frozen=True, slots=True)
class ApiServices:
    """The machines behind the API; a test passes its own.

    :ivar sessions: Opener of transactions as the application's role.
    :ivar providers: Finds the provider to ask for a tenant.
    :ivar queue: Queues background jobs inside a transaction.
    :ivar token_key: Signs access tokens (HMAC-SHA-256); at least 32 bytes.
    :ivar key_ring: Encrypts the credentials that tenants enter.
    :ivar clock: Where time comes from.
    :ivar public_url: Address at which browsers reach this API, without a final slash.
    :ivar warehouse: Where reports are read from.
    :ivar member_limit: Requests of one member.
    :ivar address_limit: Requests without credentials, of one network address.
    :ivar auth_limit: Attempts to sign in or up, of one network address.
    """

    sessions: sessionmaker[Session]
    providers: ProviderDirectory
    queue: JobQueue
    token_key: bytes = field(repr=False)
    key_ring: KeyRing = field(repr=False)
    clock: Clock
    public_url: str
    warehouse: Warehouse
    member_limit: Limit = MEMBER_LIMIT
    address_limit: Limit = ADDRESS_LIMIT
    auth_limit: Limit = AUTH_LIMIT
