"""Who may make the next of the few calls that a provider allows a day, and when.

Providers count successful calls for each account and scope, but not all alike: some from a fixed
moment on, some over the last 24 hours, some from the first call. Each call is therefore reserved
before it is made, and counted from then until it has left every such window. What the provider
says is left is believed over that count for as long as it is true of the same window; it never
gives back what is under way, nor what surely succeeded since that window began.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, time, timedelta
from typing import Final
from uuid import UUID

from payymo.domain.banking import Quota
from payymo.domain.enums import CallOutcome, CallPurpose, SyncTrigger

#: Calls a day where none is told: what PSD2 grants without the account holder being present.
CALLS_A_DAY: Final = 4
#: Calls of each account and scope that are left to a person who asks, until one did.
KEPT_FOR_PEOPLE: Final = 1

_DAY: Final = timedelta(hours=24)
#: A call of which nothing was heard again, as after a crash, was counted within so long.
_CALL_TIME_MAX: Final = timedelta(minutes=10)
#: Providers tell whole seconds until the reset, and cut off the rest.
_ROUNDING: Final = timedelta(seconds=1)
#: Two moments that are no further apart may be one, told with and without an answer's delay.
_NEARLY: Final = timedelta(minutes=2)
#: A refusal that ends sooner is the company's limit, and says nothing about the account's.
_ACCOUNT_PAUSE_MIN: Final = timedelta(hours=1)
#: For how long a limit is believed that nobody told, and a refusal taught.
_LEARNT_FOR: Final = timedelta(days=7)

_PERSONAL: Final = frozenset({SyncTrigger.REQUEST, SyncTrigger.RENEWAL})
_UNCOUNTED: Final = frozenset(CallOutcome) - {CallOutcome.SUCCEEDED, CallOutcome.UNKNOWN}


@dataclass(frozen=True, slots=True)
class Call:
    """A call that the provider has counted, or may have.

    :ivar made_at: When it was reserved, just before it was made (aware).
    :ivar ended_at: When its end was known (aware); ``None`` while it is under way.
    :ivar is_certain: Whether it surely succeeded.
    """

    id: UUID
    purpose: CallPurpose
    made_at: datetime
    ended_at: datetime | None = None
    is_certain: bool = False

    @property
    def over_at(self) -> datetime:
        """When the provider has counted it at the latest."""
        return self.ended_at or self.made_at + _CALL_TIME_MAX

    @property
    def counts_until(self) -> datetime:
        """When it has left every window of a day."""
        return self.over_at + _DAY


@dataclass(frozen=True, slots=True)
class Allowance:
    """What is known of one account's calls of one scope.

    :ivar calls: Those that any window may still hold.
    :ivar limit: Successful calls a day, as last told.
    :ivar remaining: How many the provider last said are left, by the count of its own window.
    :ivar resets_at: When that window ends (aware), where told.
    :ivar told_at: When the call was made that was told so (aware).
    :ivar told_by: That call.
    :ivar elsewhere: How many calls the provider counted then that were not ours.
    :ivar is_reset_whole: Whether all calls are given back at that moment, as some answer proved,
        rather than each after a day of its own.
    :ivar refused_until: The provider or the bank refuses this scope until then (aware).
    :ivar rests_until: What happens by itself does not ask before (aware), after a refusal without
        a time.
    :ivar limit_learnt: Calls a day that went well before a refusal, where no limit is told.
    :ivar learnt_until: That is believed until then (aware).
    """

    calls: tuple[Call, ...] = ()
    limit: int | None = None
    remaining: int | None = None
    resets_at: datetime | None = None
    told_at: datetime | None = None
    told_by: UUID | None = None
    elsewhere: int = 0
    is_reset_whole: bool = False
    refused_until: datetime | None = None
    rests_until: datetime | None = None
    limit_learnt: int | None = None
    learnt_until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Standing:
    """How many calls are used and left at a moment.

    :ivar limit: Successful calls a day.
    :ivar used: How many of them are taken, also by other clients where the provider told so.
    :ivar left_for_schedule: How many may be made by themselves.
    :ivar left_for_people: How many a person may ask for.
    :ivar resets_at: When a person has more of them (aware); ``None`` where nothing is used.
    """

    limit: int
    used: int
    left_for_schedule: int
    left_for_people: int
    resets_at: datetime | None


def purpose_of(trigger: SyncTrigger) -> CallPurpose:
    """Return for whom a sync makes its calls.

    :param trigger: Why it was started.
    """
    return CallPurpose.PERSONAL if trigger in _PERSONAL else CallPurpose.AUTOMATIC


def purpose_of_repeat(purpose: CallPurpose, outcome: CallOutcome) -> CallPurpose:
    """Return by what right a call is made again that failed.

    One that was not counted is repeated by the same right; one that may have been is paid from
    what is left beyond a person's call.

    :param purpose: For whom it was made.
    :param outcome: What became of it.
    """
    return purpose if outcome in _UNCOUNTED else CallPurpose.AUTOMATIC


def find_standing(allowance: Allowance, now: datetime) -> Standing:
    """Return how many calls are used and left.

    :param allowance: What is known.
    :param now: The time (aware).
    """
    standing = _weigh(allowance, now)
    more = (
        moment
        for moment in _changes(allowance, now)
        if _weigh(allowance, moment).left_for_people > standing.left_for_people
    )
    return replace(standing, resets_at=next(more, None))


def find_call_time(
    allowance: Allowance,
    purpose: CallPurpose,
    now: datetime,
    *,
    delay: timedelta = timedelta(),
) -> datetime:
    """Return when the next call may be made, as far as can be foreseen: now, or later (aware).

    :param allowance: What is known.
    :param purpose: For whom.
    :param now: The time (aware).
    :param delay: Added where it is a moment of the provider's, which many accounts share: a day
        after a call of our own they are spread as those were.
    """
    moments = (now, *_changes(allowance, now))
    found = next(moment for moment in moments if _left(_weigh(allowance, moment), purpose))
    own = (call.counts_until for call in allowance.calls)
    is_own = any(abs(moment - found) <= _NEARLY for moment in own)
    return found if is_own or found == now else found + delay


def reserve_call(
    allowance: Allowance, call_id: UUID, purpose: CallPurpose, now: datetime
) -> Allowance | None:
    """Return what is known once a call is taken that is about to be made; ``None`` if none is left.

    :param allowance: What is known.
    :param call_id: A new id for the call.
    :param purpose: For whom it is made.
    :param now: The time (aware).
    """
    if not _left(_weigh(allowance, now), purpose):
        return None
    kept = tuple(call for call in allowance.calls if call.counts_until > now)
    return replace(allowance, calls=(*kept, Call(call_id, purpose, now)))


def settle_call(
    allowance: Allowance,
    call_id: UUID,
    outcome: CallOutcome,
    *,
    quota: Quota | None = None,
    refused_until: datetime | None = None,
    now: datetime,
) -> Allowance:
    """Return what is known once the end of a reserved call is.

    :param allowance: What is known.
    :param call_id: The call.
    :param outcome: What became of it: one that failed or was refused was not counted.
    :param quota: What the provider said with its answer.
    :param refused_until: How long it is refused (aware), where told.
    :param now: The time (aware).
    """
    call = next((call for call in allowance.calls if call.id == call_id), None)
    others = tuple(
        other for other in allowance.calls if other.id != call_id and other.counts_until > now
    )
    settled = replace(allowance, calls=others)
    if call is not None and outcome not in _UNCOUNTED:
        is_certain = outcome is CallOutcome.SUCCEEDED
        ended = replace(call, ended_at=now, is_certain=is_certain)
        settled = replace(settled, calls=(*others, ended))
    if quota is not None:
        settled = _hear(settled, quota, call, now)
    if outcome is CallOutcome.EXHAUSTED:
        settled = _learn_from_refusal(settled, refused_until, now)
    elif outcome is CallOutcome.FORBIDDEN:
        settled = replace(settled, refused_until=refused_until)
    return settled


def _hear(allowance: Allowance, quota: Quota, call: Call | None, now: datetime) -> Allowance:
    """Believe what the provider says, unless it told a call that was made later."""
    if quota.limit is not None:
        allowance = replace(allowance, limit=quota.limit, limit_learnt=None, learnt_until=None)
    made_at = now if call is None else call.made_at
    is_older = allowance.told_at is not None and allowance.told_at > made_at
    if quota.remaining is None or is_older:
        return allowance
    return replace(
        allowance,
        elsewhere=_count_elsewhere(allowance, quota),
        is_reset_whole=allowance.is_reset_whole or _proves_whole_reset(allowance, quota, call),
        remaining=quota.remaining,
        resets_at=quota.resets_at,
        told_at=made_at,
        told_by=None if call is None else call.id,
    )


def _count_elsewhere(allowance: Allowance, quota: Quota) -> int:
    """Return how many calls of other clients are counted now and may be after the next reset.

    Where a call of our own was made a day before the reset, that one is given back then; else it
    is another's.
    """
    if quota.limit is None or quota.remaining is None or quota.resets_at is None:
        return 0
    began_at = quota.resets_at - _DAY
    own = [call for call in allowance.calls if call.over_at > began_at - _NEARLY]
    is_own_first = any(abs(call.over_at - began_at) <= _NEARLY for call in own)
    return max(0, quota.limit - quota.remaining - len(own) - (not is_own_first))


def _proves_whole_reset(allowance: Allowance, quota: Quota, call: Call | None) -> bool:
    """Return whether an answer cannot come of counting the last 24 hours.

    It cannot where fewer calls are used than we know of, or where all that are used are known and
    none of them was made a day before the reset. What contradicts itself proves nothing.
    """
    if call is None or quota.limit is None or quota.remaining is None or quota.resets_at is None:
        return False
    used = quota.limit - quota.remaining
    own = [each for each in allowance.calls if each.is_certain]
    began_at = quota.resets_at - _DAY
    inside = [each for each in own if each.over_at > began_at - _NEARLY]
    if used < len(inside):
        return False
    lately = [each for each in own if each.made_at > call.made_at - _DAY + _NEARLY]
    is_any_oldest = any(abs(each.made_at - began_at) <= _NEARLY for each in own)
    return used < len(lately) or (used == len(inside) and not is_any_oldest)


def _learn_from_refusal(
    allowance: Allowance, refused_until: datetime | None, now: datetime
) -> Allowance:
    """Wait as long as was told, else until the first known call leaves its window.

    Where no limit was ever told, as many calls as went well are taken for it. Both bind what
    happens by itself alone: a person may find out sooner that there are more.
    """
    own = [call.counts_until for call in allowance.calls]
    is_of_account = refused_until is None or refused_until - now > _ACCOUNT_PAUSE_MIN
    if is_of_account and own and allowance.limit is None:
        allowance = replace(allowance, limit_learnt=len(own), learnt_until=now + _LEARNT_FOR)
    return replace(
        allowance,
        refused_until=refused_until or now + _ACCOUNT_PAUSE_MIN,
        rests_until=None if refused_until else min(own, default=_next_day(now)),
        is_reset_whole=False,
    )


def _weigh(allowance: Allowance, now: datetime) -> Standing:
    """Return how many calls are used and left, without a look ahead."""
    calls = [call for call in allowance.calls if call.counts_until > now]
    limit = allowance.limit
    if limit is None:
        limit = max(CALLS_A_DAY, allowance.remaining or 0)
    limit = max(limit, 1)
    told_until = _told_until(allowance)
    began_at = _began_at(allowance, now)
    if began_at is not None:
        calls = [call for call in calls if call.over_at > began_at]
    if told_until is not None and told_until > now:
        used = _used_by_word(allowance, calls, limit)
    else:
        used = len(calls) + _count_strangers(allowance, now)
    left = max(0, limit - used)
    limit_for_schedule = limit
    if allowance.learnt_until is not None and allowance.learnt_until > now:
        limit_for_schedule = min(limit, allowance.limit_learnt or limit)
    is_kept = all(call.purpose is CallPurpose.AUTOMATIC for call in calls)
    kept = min(KEPT_FOR_PEOPLE, limit_for_schedule - 1) if is_kept else 0
    left_for_schedule = max(0, limit_for_schedule - used - kept)
    if allowance.refused_until is not None and allowance.refused_until > now:
        left = left_for_schedule = 0
    if allowance.rests_until is not None and allowance.rests_until > now:
        left_for_schedule = 0
    return Standing(limit, used, left_for_schedule, left, None)


def _began_at(allowance: Allowance, now: datetime) -> datetime | None:
    """Return when the provider's present window began at the earliest, where that is known."""
    if allowance.resets_at is None or allowance.told_at is None:
        return None
    if allowance.resets_at + _ROUNDING <= now:
        return allowance.resets_at if allowance.is_reset_whole else None
    # What was told is counted from when the answer was written, between the call and its end.
    teller = (call.ended_at for call in allowance.calls if call.id == allowance.told_by)
    heard_at = next(teller, None) or allowance.told_at
    return allowance.resets_at - _DAY - (heard_at - allowance.told_at) - _ROUNDING


def _used_by_word(allowance: Allowance, calls: list[Call], limit: int) -> int:
    """Return how many calls are used by the provider's word, and by those it cannot know of.

    Its word includes what had ended when the call was made that it was told with. It cannot give
    back what surely succeeded in the same window: then it is wrong, and our own count stands.
    """
    remaining, told_at = allowance.remaining or 0, allowance.told_at
    unheard = (
        call.id != allowance.told_by and (told_at is None or call.over_at > told_at)
        for call in calls
    )
    by_word = limit - remaining + sum(unheard)
    return by_word if by_word >= sum(call.is_certain for call in calls) else len(calls)


def _count_strangers(allowance: Allowance, now: datetime) -> int:
    """Return how many calls of other clients the last 24 hours may still hold."""
    if allowance.told_at is None or allowance.is_reset_whole:
        return 0
    return allowance.elsewhere if now < allowance.told_at + _CALL_TIME_MAX + _DAY else 0


def _told_until(allowance: Allowance) -> datetime | None:
    """Return until when the provider's last word is true; ``None`` where there is none."""
    if allowance.remaining is None or allowance.told_at is None:
        return None
    return (allowance.resets_at or allowance.told_at + _DAY) + _ROUNDING


def _changes(allowance: Allowance, now: datetime) -> Iterator[datetime]:
    """Yield the moments at which more calls may be left than before, in order."""
    moments = {call.counts_until for call in allowance.calls}
    told = (
        _told_until(allowance),
        allowance.refused_until,
        allowance.rests_until,
        allowance.learnt_until,
    )
    moments |= {moment for moment in told if moment is not None}
    if allowance.elsewhere and allowance.told_at is not None:
        moments.add(allowance.told_at + _CALL_TIME_MAX + _DAY)
    yield from sorted(moment for moment in moments if moment > now)


def _left(standing: Standing, purpose: CallPurpose) -> int:
    if purpose is CallPurpose.PERSONAL:
        return standing.left_for_people
    return standing.left_for_schedule


def _next_day(now: datetime) -> datetime:
    return datetime.combine(now.astimezone(UTC).date() + timedelta(days=1), time.min, UTC)
