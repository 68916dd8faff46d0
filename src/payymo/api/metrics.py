"""What Prometheus may ask of the API."""

from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest

CONTENT_TYPE = "text/plain; version=1.0.0; charset=utf-8"


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
