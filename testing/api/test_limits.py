"""Buckets of tokens."""

from hypothesis import given
from hypothesis import strategies as st

from payymo.api.limits import BUCKETS_MAX, Limit, RateLimiter


def test_a_bucket_fills_no_further_than_its_burst() -> None:
    limiter = RateLimiter(Limit(burst=3, per_second=1))
    limiter.take("a", now=0)

    assert [limiter.take("a", now=1000).allowed for _ in range(4)] == [True, True, True, False]


def test_a_clock_that_goes_back_takes_nothing() -> None:
    limiter = RateLimiter(Limit(burst=3, per_second=1))
    limiter.take("a", now=1000)

    assert limiter.take("a", now=0).remaining == 1


def test_the_seconds_are_those_until_the_next_request() -> None:
    limiter = RateLimiter(Limit(burst=1, per_second=0.1))
    limiter.take("a", now=0)

    refused = limiter.take("a", now=4)

    assert (refused.allowed, refused.seconds) == (False, 6)


def test_rested_askers_are_forgotten_first() -> None:
    limiter = RateLimiter(Limit(burst=2, per_second=1))
    limiter.take("busy", now=100)
    limiter.take("busy", now=100)
    for number in range(BUCKETS_MAX):
        limiter.take(str(number), now=50 if number < BUCKETS_MAX / 2 else 100)

    assert not limiter.take("busy", now=100).allowed


def test_however_many_there_are_memory_has_a_bound() -> None:
    limiter = RateLimiter(Limit(burst=2, per_second=0.001))

    for number in range(BUCKETS_MAX + BUCKETS_MAX // 2):
        limiter.take(str(number), now=0)

    assert len(limiter._buckets) <= BUCKETS_MAX


@given(
    st.lists(st.floats(min_value=0, max_value=10), max_size=60),
    st.integers(min_value=1, max_value=10),
    st.floats(min_value=0.1, max_value=5),
)
def test_no_more_are_allowed_than_burst_and_time_give(
    pauses: list[float], burst: int, per_second: float
) -> None:
    limiter = RateLimiter(Limit(burst=burst, per_second=per_second))
    now = allowed = 0.0
    for pause in pauses:
        now += pause
        allowed += limiter.take("a", now=now).allowed

    assert allowed <= burst + now * per_second + 1e-6
