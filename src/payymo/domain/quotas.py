"""How many of the few calls that a provider allows a day are for whom."""

from typing import Final

from payymo.domain.enums import SyncTrigger

#: Calls of each account and scope that are left to people who ask for a sync.
RESERVED_FOR_REQUESTS: Final = 1


def calls_kept_back(trigger: SyncTrigger, limit: int | None) -> int:
    """Return how many of the calls that remain must be left alone.

    What happens by itself leaves one to a person who wants to know now. Where the provider
    allows a single call a day, or does not say how many, nothing is kept: the daily sync is
    worth more than a call that may never be asked for.

    :param trigger: Why the bank is to be asked.
    :param limit: Successful calls a day, where told.
    """
    if trigger is not SyncTrigger.SCHEDULE or limit is None:
        return 0
    return max(0, min(RESERVED_FOR_REQUESTS, limit - 1))
