"""What Prometheus may ask of the API."""

import logging
from collections import Counter as Tally
from collections.abc import Callable, Iterable, Iterator
from datetime import date, datetime, timedelta
from itertools import accumulate
from typing import Final

from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    Metric,
)
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session, sessionmaker

from payymo.analytics.warehouse import Warehouse
from payymo.domain.enums import MatchOrigin, MatchScope, MatchStatus, ProofStatus, RunStatus
from payymo.postgres.common.operations.call_counts import read_call_counts
from payymo.postgres.common.operations.proofs import summarise_proofs
from payymo.postgres.jobs.operations.tenants import list_tenant_ids
from payymo.postgres.reconciliation.operations.matching_totals import (
    SECONDS_EDGES,
    RunTotals,
    count_runs,
    summarise_matches,
    summarise_runs,
)
from payymo.postgres.tenancy import enter_tenant

CONTENT_TYPE = "text/plain; version=1.0.0; charset=utf-8"


#: What changes with syncs and match runs need not be read more often, however often one asks.
KEPT: Final = timedelta(seconds=60)

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


class KeptMetrics:
    """What is read from the database, for all tenants together, and at most once a minute.

    :param sessions: Opener of transactions.
    :param clock: Tells the time (aware).
    :param read: Reads it, in a transaction of no tenant yet, as of a day.
    """

    def __init__(
        self,
        sessions: sessionmaker[Session],
        clock: Callable[[], datetime],
        read: Callable[[Session, date], Iterable[Metric]],
    ) -> None:
        self._sessions, self._clock, self._read = sessions, clock, read
        self._read_at: datetime | None = None
        self._told = b""

    def exposition(self) -> bytes:
        """Return it in Prometheus's text format; nothing while the database does not answer."""
        now = self._clock()
        if self._read_at is None or not timedelta(0) <= now - self._read_at < KEPT:
            try:
                with self._sessions.begin() as session:
                    families = self._read(session, now.date())
            except SQLAlchemyError:
                _log.warning("figures could not be read", exc_info=True)
                return b""
            self._told = generate_latest(_Families(families))
            self._read_at = now
        return self._told


class _Families(CollectorRegistry):
    """Metrics as they were read, once."""

    def __init__(self, families: Iterable[Metric]) -> None:
        super().__init__()
        self._read = list(families)

    def collect(self) -> Iterator[Metric]:
        """Return them."""
        yield from self._read


def read_proofs(session: Session, today: date) -> Iterable[Metric]:
    """Return how many accounts add up: as was kept after each sync.

    :param session: Open session, of no tenant; the caller manages the transaction.
    :param today: Day from which ages are counted.
    """
    counts: Tally[ProofStatus] = Tally()
    oldest: date | None = None
    for tenant_id in list_tenant_ids(session):
        enter_tenant(session, tenant_id)
        for totals in summarise_proofs(session, tenant_id):
            counts[totals.status or ProofStatus.UNKNOWN] += totals.account_count
            if totals.oldest_proved is not None:
                oldest = min(oldest or totals.oldest_proved, totals.oldest_proved)
    accounts = GaugeMetricFamily(
        "payymo_proof_accounts",
        "Accounts that are read, by whether they add up.",
        labels=("status",),
    )
    for status in ProofStatus:
        accounts.add_metric((status.value,), counts[status])
    days = GaugeMetricFamily(
        "payymo_proof_age_days",
        "Days since the last proved day of the account of which that is longest ago.",
        value=(today - oldest).days if oldest is not None else 0,
    )
    return (accounts, days)


def read_matching(session: Session, _today: date) -> Iterable[Metric]:
    """Return how matching fares: what runs found, how long they took, and what became of it.

    :param session: Open session, of no tenant; the caller manages the transaction.
    """
    runs: dict[MatchScope, list[RunTotals]] = {scope: [] for scope in MatchScope}
    matches: Tally[tuple[MatchStatus, MatchOrigin, bool]] = Tally()
    ended: Tally[tuple[MatchScope, RunStatus]] = Tally()
    for tenant_id in list_tenant_ids(session):
        enter_tenant(session, tenant_id)
        for scope, totals in summarise_runs(session, tenant_id).items():
            runs[scope].append(totals)
        ended.update(count_runs(session, tenant_id))
        for status, origin, is_decided, count in summarise_matches(session, tenant_id):
            matches[status, origin, is_decided] += count

    seconds = HistogramMetricFamily(
        "payymo_match_run_seconds",
        "How long match runs took, by whether they looked at everything.",
        labels=("scope",),
    )
    payments = CounterMetricFamily(
        "payymo_match_payments",
        "Payments that match runs thought over, by what became of them: a payment counts "
        "with each run.",
        labels=("scope", "outcome"),
    )
    for scope, all_totals in runs.items():
        edges = [*map(str, SECONDS_EDGES), "+Inf"]
        counts = [sum(one.counts[at] for one in all_totals) for at in range(len(edges))]
        seconds.add_metric(
            (scope.value,),
            list(zip(edges, accumulate(counts), strict=True)),
            sum(one.seconds for one in all_totals),
        )
        for outcome in ("applied", "suggested", "unexplained"):
            total = sum(getattr(one, f"{outcome}_count") for one in all_totals)
            payments.add_metric((scope.value, outcome), total)

    run_counts = CounterMetricFamily(
        "payymo_match_runs",
        "Match runs, by whether they were to look at everything and how they ended.",
        labels=("scope", "status"),
    )
    for scope in MatchScope:
        for ending in (RunStatus.SUCCEEDED, RunStatus.FAILED):
            run_counts.add_metric((scope.value, ending.value), ended[scope, ending])

    standing = GaugeMetricFamily(
        "payymo_matches",
        "Matches, by how they stand, who proposed them and who decided on them last.",
        labels=("status", "origin", "decided_by"),
    )
    for (status, origin, is_decided), count in sorted(matches.items()):
        decided_by = "person" if is_decided else "payymo"
        standing.add_metric((status.value, origin.value, decided_by), count)
    queue = GaugeMetricFamily(
        "payymo_match_queue_length",
        "Suggestions that wait for a person.",
        value=sum(
            count for (status, *_), count in matches.items() if status is MatchStatus.SUGGESTED
        ),
    )
    return (seconds, payments, run_counts, standing, queue)


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


class WarehouseMetrics:
    """How old what the warehouse shows is, and whether its latest build failed.

    :param warehouse: Where the warehouse lies.
    :param clock: Tells the time (aware).
    """

    def __init__(self, warehouse: Warehouse, clock: Callable[[], datetime]) -> None:
        self._warehouse, self._clock = warehouse, clock

    def exposition(self) -> bytes:
        """Return it in Prometheus's text format; nothing before the first build or failure."""
        record, failure = self._warehouse.current(), self._warehouse.latest_failure()
        families: list[Metric] = []
        if record is not None:
            families.append(
                GaugeMetricFamily(
                    "payymo_warehouse_age_seconds",
                    "Time since the moment that the warehouse shows.",
                    value=(self._clock() - record.as_of).total_seconds(),
                )
            )
        if record is not None or failure is not None:
            families.append(
                GaugeMetricFamily(
                    "payymo_warehouse_build_failed",
                    "Whether the latest build of the warehouse failed: 1 if it did.",
                    value=failure is not None,
                )
            )
        return generate_latest(_Families(families))
