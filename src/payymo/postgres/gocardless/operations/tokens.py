"""Access tokens, encrypted, and shared by all workers."""

import hashlib
import logging
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import select, text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session, sessionmaker

from payymo.domain.banking import TokenPair
from payymo.domain.errors import ConfigurationError, ProviderUnavailableError
from payymo.postgres.encryption import KeyRing
from payymo.postgres.gocardless.models import GcToken

logger = logging.getLogger(__name__)

WAIT_SECONDS_MAX = 60

_LOCK_KEY_BYTES = 8


class PostgresTokenStore:
    """Keeps the tokens of one set of credentials.

    :param sessions: Opener of transactions.
    :param key_ring: Seals and opens them.
    :param base_url: Address of the provider's service.
    :param secret_id: Which credentials; not the secret key.
    :param wait_seconds_max: How long to wait for another worker who is asking for a token.
    """

    def __init__(
        self,
        sessions: sessionmaker[Session],
        key_ring: KeyRing,
        *,
        base_url: str,
        secret_id: str,
        wait_seconds_max: float = WAIT_SECONDS_MAX,
    ) -> None:
        self._sessions = sessions
        self._key_ring = key_ring
        self._wait_milliseconds_max = round(wait_seconds_max * 1000)
        self._credentials_hash = hashlib.sha256(f"{base_url}\0{secret_id}".encode()).digest()

    @contextmanager
    def exclusive(self) -> Iterator[None]:
        """Keep every other worker out of the block, in whatever process.

        The lock belongs to a connection, not to a transaction: none is open meanwhile.

        :raises ProviderUnavailableError: If another worker stays in for too long.
        """
        key = int.from_bytes(self._credentials_hash[:_LOCK_KEY_BYTES], signed=True)
        with self._sessions() as session:
            engine = session.get_bind().engine
        with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.execute(text(f"SET lock_timeout = {self._wait_milliseconds_max}"))
            try:
                connection.execute(text("SELECT pg_advisory_lock(:key)"), {"key": key})
            except OperationalError as error:
                raise ProviderUnavailableError(
                    "Another worker has been asking the provider for a token for too long: "
                    "try again later."
                ) from error
            finally:
                connection.execute(text("RESET lock_timeout"))
            try:
                yield
            finally:
                connection.execute(text("SELECT pg_advisory_unlock(:key)"), {"key": key})

    def read(self) -> TokenPair | None:
        """Return the tokens last written; ``None`` where there are none that can be opened."""
        with self._sessions.begin() as session:
            row = session.scalars(
                select(GcToken).where(GcToken.credentials_hash == self._credentials_hash)
            ).one_or_none()
        if row is None:
            return None
        try:
            return TokenPair(
                access=self._open("access", row.access),
                access_expires_at=row.access_expires_at,
                refresh=self._open("refresh", row.refresh),
                refresh_expires_at=row.refresh_expires_at,
            )
        except ConfigurationError:
            # Sealed with a key that is gone: nothing is lost, since new tokens can be had.
            logger.warning("Stored provider tokens cannot be opened: new ones are asked for")
            return None

    def write(self, tokens: TokenPair) -> None:
        """Replace the tokens, at once visible to every worker.

        :param tokens: The tokens.
        """
        values = {
            "access": self._seal("access", tokens.access),
            "access_expires_at": tokens.access_expires_at,
            "refresh": self._seal("refresh", tokens.refresh),
            "refresh_expires_at": tokens.refresh_expires_at,
        }
        statement = insert(GcToken).values(credentials_hash=self._credentials_hash, **values)
        with self._sessions.begin() as session:
            session.execute(
                statement.on_conflict_do_update(index_elements=["credentials_hash"], set_=values)
            )

    def _seal(self, column: str, token: str) -> bytes:
        return self._key_ring.encrypt(
            token, column=f"gc_tokens.{column}", owner=self._credentials_hash
        )

    def _open(self, column: str, sealed: bytes) -> str:
        return self._key_ring.decrypt(
            sealed, column=f"gc_tokens.{column}", owner=self._credentials_hash
        )
