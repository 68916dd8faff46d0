"""How often somebody may ask: buckets of tokens, filled again at a steady pace."""

import math
from dataclasses import dataclass
from threading import Lock

#: So many askers are remembered at most; those whose buckets are full again are forgotten first.
BUCKETS_MAX = 10_000


@dataclass(frozen=True, slots=True)
class Limit:
    """How many requests one asker may make.

    :ivar burst: At once, after a rest.
    :ivar per_second: Steadily.
    """

    burst: int
    per_second: float


@dataclass(frozen=True, slots=True)
class Allowance:
    """What is left to one asker after a request.

    :ivar allowed: Whether this request may be answered.
    :ivar remaining: Requests that may follow at once.
    :ivar seconds: Until the next request may be made, or, where some are left, until all may.
    """

    allowed: bool
    limit: int
    remaining: int
    seconds: int


class RateLimiter:
    """Counts the requests of many askers against one limit, within this process.

    :param limit: What each of them may do.
    """

    def __init__(self, limit: Limit) -> None:
        self._limit = limit
        self._lock = Lock()
        self._buckets: dict[str, tuple[float, float]] = {}

    def take(self, asker: str, *, now: float) -> Allowance:
        """Count one request.

        :param asker: Who asks.
        :param now: Present moment, in seconds.
        """
        with self._lock:
            tokens = self._tokens_of(asker, now)
            allowed = tokens >= 1
            if allowed:
                tokens -= 1
            if len(self._buckets) >= BUCKETS_MAX:
                self._forget_rested(now)
            self._buckets[asker] = (tokens, now)
        wanted = self._limit.burst if allowed else 1
        return Allowance(
            allowed=allowed,
            limit=self._limit.burst,
            remaining=int(tokens),
            seconds=max(1, math.ceil((wanted - tokens) / self._limit.per_second)),
        )

    def _tokens_of(self, asker: str, now: float) -> float:
        tokens, then = self._buckets.get(asker, (float(self._limit.burst), now))
        gained = max(0.0, now - then) * self._limit.per_second
        return min(float(self._limit.burst), tokens + gained)

    def _forget_rested(self, now: float) -> None:
        rested = [
            asker for asker in self._buckets if self._tokens_of(asker, now) >= self._limit.burst
        ]
        for asker in rested or list(self._buckets)[: BUCKETS_MAX // 10]:
            del self._buckets[asker]
