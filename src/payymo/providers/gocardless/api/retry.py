"""When a call is tried again, and how long to wait before."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from http import HTTPStatus
from random import SystemRandom
from time import monotonic, sleep
from typing import Final

import httpx

from payymo.domain.errors import ProviderError, ProviderQuotaError, ProviderUnavailableError
from payymo.providers.base import FAILURES_IN_A_ROW_MAX

_TRANSIENT: Final = frozenset(
    {HTTPStatus.BAD_GATEWAY, HTTPStatus.SERVICE_UNAVAILABLE, HTTPStatus.GATEWAY_TIMEOUT}
)


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """How patient a client is with calls that change nothing.

    :ivar attempt_count_max: Tries of one call, the first included.
    :ivar seconds_max: No further try begins after so long.
    :ivar wait_seconds: Longest wait before the second try; doubled for each that follows.
    :ivar quota_wait_seconds_max: A quota that ends within so long is waited for.
    :ivar sleep: Waits; tests pass their own.
    :ivar random: Number from 0 to 1, so that many workers do not return in step.
    :ivar elapsed: Steadily growing seconds.
    """

    attempt_count_max: int = FAILURES_IN_A_ROW_MAX
    seconds_max: float = 120.0
    wait_seconds: float = 1.0
    quota_wait_seconds_max: float = 3.0
    sleep: Callable[[float], None] = sleep
    random: Callable[[], float] = SystemRandom().random
    elapsed: Callable[[], float] = monotonic

    def wait_before(
        self, attempt: int, error: Exception, *, started: float, now: datetime
    ) -> float | None:
        """Return how many seconds to wait before trying again.

        Only what the platform or the line did is tried again: a failure that the bank reported
        (it has a ``type``) counts towards suspension, and the caller's fault stays one.

        :param attempt: Number of the try that failed, from 1.
        :param error: What it raised.
        :param started: When the call began, in :attr:`elapsed` seconds.
        :param now: Present moment (aware).
        :returns: Seconds; ``None`` where there should be no further try.
        """
        if attempt >= self.attempt_count_max:
            return None
        seconds = self._wait(attempt, error, now)
        if seconds is None or self.elapsed() - started + seconds > self.seconds_max:
            return None
        return seconds

    def _wait(self, attempt: int, error: Exception, now: datetime) -> float | None:
        backoff = self.wait_seconds * 2.0 ** (attempt - 1)
        jittered = backoff * (0.5 + 0.5 * self.random())
        if isinstance(error, httpx.TransportError):
            return jittered
        if not isinstance(error, ProviderError) or error.provider_code is not None:
            return None
        if isinstance(error, ProviderUnavailableError) and error.http_status in _TRANSIENT:
            return jittered
        if isinstance(error, ProviderQuotaError) and error.retry_at is not None:
            seconds = max((error.retry_at - now).total_seconds(), 0.0)
            return seconds + jittered if seconds <= self.quota_wait_seconds_max else None
        return None
