"""The two layers of rate limits, and the headers that tell them apart.

The names of the headers are the service's own: lower case, with underscores.
"""

from datetime import datetime, timedelta

from payymo.sandbox.errors import RefusalError, rate_limited
from payymo.sandbox.state import Scope, State, Window

#: Company limit of each group of endpoints: calls, seconds, and the period's name in the answer.
COMPANY_LIMITS: dict[str, tuple[int, int, str]] = {
    "token_new": (100, 3600, "hour"),
    "token_refresh": (100, 60, "minute"),
    "institutions": (300, 60, "minute"),
    "agreements_read": (300, 60, "minute"),
    "agreements_write": (100, 60, "minute"),
    "agreements_accept": (100, 60, "minute"),
    "requisitions_read": (300, 60, "minute"),
    "requisitions_write": (100, 60, "minute"),
    "delete": (100, 60, "minute"),
    "accounts": (100, 60, "minute"),
}

#: Name of the limit of successful calls per account, scope and day, for overrides.
ACCOUNT_SUCCESS = "account_success"
ACCOUNT_SUCCESS_LIMIT = 4
DAY_SECONDS = 86400


def limit_names() -> list[str]:
    """Return the names of all limits that can be overridden."""
    return [*COMPANY_LIMITS, ACCOUNT_SUCCESS]


def count_company_call(state: State, group: str, now: datetime) -> dict[str, str]:
    """Count one call against the company's limit.

    :param state: Where calls are counted.
    :param group: One of :data:`COMPANY_LIMITS`.
    :param now: Present moment of the sandbox.
    :returns: Headers for the answer.
    :raises RefusalError: 429 with the same headers, if the limit is used up.
    """
    usual, seconds, period = COMPANY_LIMITS[group]
    limit = state.company.limits.get(group, usual)
    window = _window(state, group, now, seconds)
    reset = _seconds_left(window, now, seconds)
    headers = _headers("http_x_ratelimit", limit, limit - window.count - 1, reset)
    if window.count >= limit:
        raise _with_headers(rate_limited(limit, period, reset), headers)
    window.count += 1
    return headers


def check_account_calls(state: State, account_id: str, scope: Scope, now: datetime) -> None:
    """Refuse the call if the account's successful calls of the day are used up.

    :param state: Where successes are counted.
    :param account_id: Account that is read.
    :param scope: What is read; each scope has its own count.
    :param now: Present moment of the sandbox.
    :raises RefusalError: 429 with the account's headers.
    """
    limit, window = _account_window(state, account_id, scope, now)
    if window.count < limit:
        return
    reset = _seconds_left(window, now, DAY_SECONDS)
    headers = _headers("http_x_ratelimit_account_success", limit, 0, reset)
    raise _with_headers(rate_limited(limit, "day", reset), headers)


def count_account_success(
    state: State, account_id: str, scope: Scope, now: datetime
) -> dict[str, str]:
    """Count one successful call; the first one starts the 24 hours.

    :returns: Headers for the answer.
    """
    limit, window = _account_window(state, account_id, scope, now)
    window.count += 1
    reset = _seconds_left(window, now, DAY_SECONDS)
    return _headers("http_x_ratelimit_account_success", limit, limit - window.count, reset)


def _account_window(
    state: State, account_id: str, scope: Scope, now: datetime
) -> tuple[int, Window]:
    limit = state.company.limits.get(ACCOUNT_SUCCESS, ACCOUNT_SUCCESS_LIMIT)
    return limit, _window(state, f"{account_id}/{scope}", now, DAY_SECONDS)


def _window(state: State, name: str, now: datetime, seconds: int) -> Window:
    window = state.windows.get(name)
    if window is None or not timedelta(0) <= now - window.began < timedelta(seconds=seconds):
        window = Window(began=now, count=0)
        state.windows[name] = window
    return window


def _seconds_left(window: Window, now: datetime, seconds: int) -> int:
    return max(1, int(seconds - (now - window.began).total_seconds()))


def _headers(prefix: str, limit: int, remaining: int, reset: int) -> dict[str, str]:
    return {
        f"{prefix}_limit": str(limit),
        f"{prefix}_remaining": str(max(0, remaining)),
        f"{prefix}_reset": str(reset),
    }


def _with_headers(answer: RefusalError, headers: dict[str, str]) -> RefusalError:
    answer.headers.update(headers)
    return answer
