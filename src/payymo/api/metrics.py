"""What Prometheus may ask of the API."""

import logging
from collections import Counter as Tally
from collections.abc import Callable
from datetime import date, datetime, timedelta
from typing import Final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session, sessionmaker

from payymo.domain.enums import ProofStatus
from payymo.postgres.common.operations.call_counts import read_call_counts
from payymo.postgres.common.operations.proofs import summarise_proofs
from payymo.postgres.jobs.operations.tenants import list_tenant_ids
from payymo.postgres.tenancy import enter_tenant

CONTENT_TYPE = "text/plain; version=1.0.0; charset=utf-8"


#: What is proved changes with syncs: no need to look more often, however often one is asked.
PROOFS_KEPT: Final = timedelta(seconds=60)

_log = logging.getLogger(__name__)


class Metrics:
    """Counts and times the requests of one application, by route, never by address."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        self._requests = Counter(
            "payymo_http_requests",
            "Requests answered.",
            ("method", "route", "status"),
            registry=self._registry,
        )
        self._seconds = Histogram(
            "payymo_http_request_seconds",
            "Time to answer a request.",
            ("method", "route"),
            registry=self._registry,
        )

    def record(self, method: str, route: str, status: int, seconds: float) -> None:
        """Count one answered request."""
        self._requests.labels(method, route, str(status)).inc()
        self._seconds.labels(method, route).observe(seconds)

    def exposition(self) -> bytes:
        """Return everything counted, in Prometheus's text format."""
        return generate_latest(self._registry)


class ProofMetrics:
    """How many accounts add up: read from what was kept after each sync, and at most once a minute.

    :param sessions: Opener of transactions.
    :param clock: Tells the time (aware).
    """

    def __init__(self, sessions: sessionmaker[Session], clock: Callable[[], datetime]) -> None:
        self._sessions, self._clock = sessions, clock
        self._registry = CollectorRegistry()
        self._accounts = Gauge(
            "payymo_proof_accounts",
            "Accounts that are read, by whether they add up.",
            ("status",),
            registry=self._registry,
        )
        self._days = Gauge(
            "payymo_proof_age_days",
            "Days since the last proved day of the account of which that is longest ago.",
            registry=self._registry,
        )
        self._read_at: datetime | None = None

    def exposition(self) -> bytes:
        """Return it in Prometheus's text format; nothing while the database does not answer."""
        now = self._clock()
        if self._read_at is None or not timedelta(0) <= now - self._read_at < PROOFS_KEPT:
            try:
                self._read(now.date())
            except SQLAlchemyError:
                _log.warning("proofs could not be counted", exc_info=True)
                return b""
            self._read_at = now
        return generate_latest(self._registry)

    def _read(self, today: date) -> None:
        counts: Tally[ProofStatus] = Tally()
        oldest: date | None = None
        with self._sessions.begin() as session:
            for tenant_id in list_tenant_ids(session):
                enter_tenant(session, tenant_id)
                for totals in summarise_proofs(session, tenant_id):
                    counts[totals.status or ProofStatus.UNKNOWN] += totals.account_count
                    if totals.oldest_proved is not None:
                        oldest = min(oldest or totals.oldest_proved, totals.oldest_proved)
        for status in ProofStatus:
            self._accounts.labels(status.value).set(counts[status])
        self._days.set((today - oldest).days if oldest is not None else 0)


class CallMetrics:
    """What became of calls to providers, by whichever process.

    :param sessions: Opener of transactions.
    """

    def __init__(self, sessions: sessionmaker[Session]) -> None:
        self._sessions = sessions

    def exposition(self) -> bytes:
        """Return it in Prometheus's text format; nothing while the database does not answer."""
        registry = CollectorRegistry()
        counter = Counter(
            "payymo_provider_calls",
            "Calls about accounts that providers count, by what became of them; withheld ones "
            "were not made, because none was left for them.",
            ("provider", "scope", "outcome"),
            registry=registry,
        )
        try:
            with self._sessions.begin() as session:
                counts = read_call_counts(session)
        except SQLAlchemyError:
            _log.warning("calls could not be counted", exc_info=True)
            return b""
        for (provider, scope, outcome), count in counts.items():
            counter.labels(provider.value, scope.value, outcome.value).inc(count)
        return generate_latest(registry)
