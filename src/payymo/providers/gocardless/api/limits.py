"""What GoCardless's headers say is left of a quota."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Final

from payymo.domain.banking import Quota
from payymo.domain.enums import AccessScope

_PREFIX: Final = "http-"
_ACCOUNT: Final = "x-ratelimit-account-success-"
_COMPANY: Final = "x-ratelimit-"

#: A reset further away than this is a misreading, not a limit.
_RESET_SECONDS_MAX: Final = 366 * 24 * 3600


def read_quota(headers: Mapping[str, str], scope: AccessScope, *, now: datetime) -> Quota | None:
    """Return what is left for one account and scope.

    :param headers: Headers of the answer; names are compared without regard to case, ``_`` or
        ``-``, and an ``http_`` before them, because the wire and proxies differ.
    :param now: When the answer came (aware).
    :returns: The quota; ``None`` where the answer tells nothing, which is unknown and not zero.
    """
    told = _numbers(headers, _ACCOUNT)
    if not told:
        return None
    return Quota(
        scope=scope,
        limit=told.get("limit"),
        remaining=told.get("remaining"),
        resets_at=_moment(told.get("reset"), now),
    )


def read_reset(headers: Mapping[str, str], *, now: datetime) -> datetime | None:
    """Return when the limit that was reached ends.

    Of the company's limit and the account's, the one that has nothing left counts; where both
    or neither have, the later.

    :param headers: Headers of a 429 answer.
    :param now: When the answer came (aware).
    :returns: The moment (aware); ``None`` where the headers do not say.
    """
    limits = [_numbers(headers, _ACCOUNT), _numbers(headers, _COMPANY)]
    spent = [told for told in limits if told.get("remaining") == 0] or limits
    moments = [_moment(told.get("reset"), now) for told in spent]
    return max((moment for moment in moments if moment is not None), default=None)


def _numbers(headers: Mapping[str, str], family: str) -> dict[str, int]:
    told = {}
    for name, value in headers.items():
        plain = name.lower().replace("_", "-").removeprefix(_PREFIX)
        word = plain.removeprefix(family)
        if word in {"limit", "remaining", "reset"} and word != plain:
            text = value.strip()
            if text.isascii() and text.isdigit() and len(text) <= len(str(_RESET_SECONDS_MAX)):
                told[word] = int(text)
    return told


def _moment(seconds: int | None, now: datetime) -> datetime | None:
    if seconds is None or seconds > _RESET_SECONDS_MAX:
        return None
    return now + timedelta(seconds=seconds)
