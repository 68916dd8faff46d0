"""A month of calls against banks that count them: what the planner is tried on.

The banks count on their own and know nothing of Payymo: what they refuse is refused by their own
books, and what they say comes as the headers that are seen on the wire.
"""

import heapq
from bisect import bisect_right
from collections import Counter, defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, time, timedelta
from itertools import count, pairwise
from operator import itemgetter
from random import Random
from uuid import UUID
from zoneinfo import ZoneInfo

from payymo.domain.banking import Quota
from payymo.domain.enums import AccessScope, CallOutcome, CallPurpose
from payymo.domain.quotas import (
    CALLS_A_DAY,
    Allowance,
    find_call_time,
    find_standing,
    purpose_of_repeat,
    reserve_call,
    settle_call,
)
from payymo.domain.syncing import are_details_due, stagger
from payymo.providers.gocardless.api.limits import read_quota, read_reset

#: Summer time ends in the middle of it, in Berlin and in London.
FIRST_DAY = datetime(2026, 10, 10, tzinfo=UTC)
DAY = timedelta(days=1)
TRANSACTIONS = AccessScope.TRANSACTIONS
#: An account that could be read for so long must have been.
_HOURS_ON_END = 5

type Key = tuple[int, AccessScope]


@dataclass
class Counting:
    """How a bank counts the successful calls of one account and scope.

    :ivar zone: Where its day begins; ``None`` counts the last 24 hours.
    :ivar telling: Share of its answers that say what is left.
    :ivar lie_at: The answer of that number says that everything is left.
    :ivar counted: When each call was counted, and whether it was ours and of use to us.
    """

    limit: int
    zone: ZoneInfo | None
    telling: float
    lie_at: int | None = None
    counted: list[tuple[datetime, str]] = field(default_factory=list)
    has_told: bool = False

    def inside(self, now: datetime) -> list[tuple[datetime, str]]:
        """Return the calls that count at a moment."""
        began = now - DAY
        if self.zone is not None:
            began = _midnight(now, self.zone) - timedelta(microseconds=1)
        first = bisect_right(self.counted, began, key=itemgetter(0))
        return self.counted[first:]

    def inside_at(self, now: datetime) -> list[tuple[datetime, str]]:
        """Return the calls that counted at a moment that is past."""
        return [one for one in self.inside(now) if one[0] <= now]

    def headers(self, now: datetime) -> dict[str, str]:
        """Return what an answer says is left."""
        inside = self.inside(now)
        if self.zone is not None:
            ends = _midnight(_midnight(now, self.zone) + timedelta(hours=30), self.zone)
        else:
            ends = (inside[0][0] if inside else now) + DAY
        remaining = max(0, self.limit - len(inside))
        if self.lie_at == len(self.counted):
            remaining = self.limit
        return {
            "http_x_ratelimit_account_success_limit": str(self.limit),
            "http_x_ratelimit_account_success_remaining": str(remaining),
            "http_x_ratelimit_account_success_reset": str(int((ends - now).total_seconds())),
        }


def _midnight(now: datetime, zone: ZoneInfo) -> datetime:
    return datetime.combine(now.astimezone(zone).date(), time.min, zone).astimezone(UTC)


@dataclass
class Watched:
    """What Payymo knows of one account and scope, and what really happened to it.

    :ivar heard: Moment up to which the bank told what it has counted.
    :ivar reads: When it was read successfully.
    :ivar wasted: When a call was, or may have been, used up without bringing anything.
    """

    allowance: Allowance = field(default_factory=Allowance)
    heard: datetime | None = None
    lied_to: bool = False
    reads: list[datetime] = field(default_factory=list)
    wasted: list[datetime] = field(default_factory=list)


@dataclass(frozen=True)
class Made:
    """A call that is made, and what is to become of it.

    :ivar heard: Up to which moment the bank had told what it counted when it was reserved.
    """

    number: int
    scope: AccessScope
    purpose: CallPurpose
    call_id: UUID
    fate: str
    tries: int
    heard: datetime | None

    @property
    def key(self) -> Key:
        return self.number, self.scope


@dataclass
class Month:
    """A month of accounts, their banks, their users, and what goes wrong.

    :ivar fates: How many calls ended how.
    :ivar foreseeable: Refusals by a bank that its limit and our own calls explain.
    :ivar unforeseeable: Refusals that what others did explains, by the reason.
    :ivar turned_away: A person's first requests in a day that were not served.
    :ivar turned_away_lost: The same, where answers of that day were lost.
    :ivar served_first: First requests that were.
    """

    accounts: int
    days: int
    seed: int
    fates: Counter[str] = field(default_factory=Counter)
    foreseeable: list[tuple[Key, datetime, CallPurpose]] = field(default_factory=list)
    unforeseeable: Counter[str] = field(default_factory=Counter)
    turned_away: list[tuple[int, datetime]] = field(default_factory=list)
    turned_away_lost: list[tuple[int, datetime]] = field(default_factory=list)
    served_first: int = 0

    def __post_init__(self) -> None:
        self.dice = Random(self.seed)
        self.end = FIRST_DAY + self.days * DAY
        self.order = count()
        self.events: list[tuple[datetime, int, Callable[[datetime], None]]] = []
        self.banks: dict[Key, Counting] = {}
        self.watched: defaultdict[Key, Watched] = defaultdict(Watched)
        self.linked: dict[int, datetime] = {}
        self.outages: dict[int, list[tuple[datetime, datetime]]] = {}
        self.waiting: dict[int, datetime] = {}
        self.failures: Counter[int] = Counter()
        self.asked: dict[int, datetime] = {}
        self.limits: dict[int, int] = {}
        self.surprised: set[tuple[int, date]] = set()

    def run(self) -> None:
        """Let the month pass."""
        for number in range(self.accounts):
            self._settle_in(number)
        while self.events:
            now, _, happen = heapq.heappop(self.events)
            if now < self.end:
                happen(now)

    def at(self, moment: datetime, happen: Callable[[datetime], None]) -> None:
        heapq.heappush(self.events, (moment, next(self.order), happen))

    def _settle_in(self, number: int) -> None:
        """Decide on an account's bank, users, links and troubles."""
        dice = self.dice
        limit = dice.choices((4, 2, 1, 10), (70, 15, 10, 5))[0]
        self.limits[number] = limit
        zones = [ZoneInfo(name) for name in ("UTC", "Europe/Berlin", "Europe/London")]
        zone = None if number % 2 else dice.choice(zones)
        # A bank that never says anything has the usual limit, or it could not be known.
        telling = dice.choice((1.0, 1.0, 0.7)) if limit < 4 else dice.choice((1.0, 0.7, 0.0))
        lie_at = dice.randrange(1, 40) if number % 10 == 3 else None
        for scope in AccessScope:
            self.banks[number, scope] = Counting(limit, zone, telling, lie_at)
        is_late = dice.random() < 0.3
        start = FIRST_DAY + self._moment(dice.uniform(0, 20 if is_late else 0.9))
        self.linked[number] = start
        self.at(start, lambda now: self._sync(number, CallPurpose.AUTOMATIC, now))
        spread = stagger(UUID(int=dice.getrandbits(128)), timedelta(hours=1))
        for day in range(self.days):
            began = FIRST_DAY + day * DAY
            night = began + timedelta(hours=1) + spread + self._moment(dice.random() / 1000)
            self.at(night, lambda now: self._sync(number, CallPurpose.AUTOMATIC, now))
            is_eager = number % 3 == 0
            for _ in range(dice.randrange(11) if is_eager else dice.randrange(2)):
                press = began + self._moment(dice.random())
                if dice.random() < 0.1:  # just before midnight, or just after it
                    press = began + timedelta(seconds=dice.uniform(-90, 90))
                self.at(press, lambda now: self._press(number, now))
            if number % 20 == 7:
                for _ in range(dice.randrange(4)):
                    moment = began + self._moment(dice.random())
                    self.at(moment, lambda now: self._call_elsewhere(number, now))
        self.outages[number] = [
            (began, began + self._moment(dice.choice((0.02, 0.2, 1.5))))
            for began in (
                FIRST_DAY + self._moment(dice.uniform(0, self.days))
                for _ in range(dice.randrange(4))
            )
        ]

    @staticmethod
    def _moment(days: float) -> timedelta:
        return timedelta(seconds=round(days * 86400, 3))

    def _press(self, number: int, now: datetime) -> None:
        """Let a person ask for a refresh, as the API would answer it."""
        if now < self.linked[number]:
            return
        allowance = self.watched[number, TRANSACTIONS].allowance
        last = self.asked.get(number)
        is_first = last is None or now - last > DAY + timedelta(minutes=10)
        if not find_standing(allowance, now).left_for_people:
            inside = self.banks[number, TRANSACTIONS].inside_at(now)
            is_foreign = any(who == "elsewhere" for _, who in inside)
            is_unsaid = self.limits[number] < CALLS_A_DAY and now - self.linked[number] < DAY
            wasted = self.watched[number, TRANSACTIONS].wasted
            lost = sum(now - DAY - timedelta(minutes=10) < moment for moment in wasted)
            days = {now.date(), (now - timedelta(hours=1)).date()}
            is_foreign |= any((number, day) in self.surprised for day in days)
            if is_first and not is_foreign and not is_unsaid:
                turned = self.turned_away_lost if lost else self.turned_away
                turned.append((number, now))
            return
        self.served_first += is_first
        self.asked[number] = now
        self._sync(number, CallPurpose.PERSONAL, now)

    def _call_elsewhere(self, number: int, now: datetime) -> None:
        """Let the account be read by another client."""
        for scope in (TRANSACTIONS, AccessScope.BALANCES):
            bank = self.banks[number, scope]
            if len(bank.inside(now)) < bank.limit:
                bank.counted.append((now, "elsewhere"))

    def _sync(self, number: int, purpose: CallPurpose, now: datetime) -> None:
        if now < self.linked[number]:
            return
        if self.waiting.get(number, self.end) <= now:
            del self.waiting[number]
        self._ask(number, TRANSACTIONS, purpose, now)
        if number % 4 == 0:  # it is counted alike, and takes as long to play through
            self._ask(number, AccessScope.BALANCES, purpose, now + timedelta(seconds=2))
        details = self.watched[number, AccessScope.DETAILS]
        if are_details_due(max(details.reads, default=None), now):
            self._ask(number, AccessScope.DETAILS, purpose, now + timedelta(seconds=4))

    def _ask(
        self, number: int, scope: AccessScope, purpose: CallPurpose, now: datetime, tries: int = 1
    ) -> None:
        """Reserve a call, and make it; what is not allowed now comes later, once."""
        watched = self.watched[number, scope]
        call_id = UUID(int=self.dice.getrandbits(128))
        reserved = reserve_call(watched.allowance, call_id, purpose, now)
        if reserved is None:
            if scope is TRANSACTIONS:
                self._wait(number, watched.allowance, now)
            return
        watched.allowance = reserved
        is_down = any(began <= now < ended for began, ended in self.outages[number])
        fates = ("answer", "error", "lost", "late", "killed before", "killed after")
        fate = "error" if is_down else self.dice.choices(fates, (940, 30, 8, 8, 7, 7))[0]
        self.fates[fate] += 1
        made = Made(number, scope, purpose, call_id, fate, tries, watched.heard)
        self.at(now + self._seconds(0.05, 1), lambda then: self._arrive(made, then))

    def _seconds(self, least: float, most: float) -> timedelta:
        return timedelta(seconds=self.dice.uniform(least, most))

    def _arrive(self, made: Made, now: datetime) -> None:
        """Let a call reach the bank, or be lost on the way."""
        bank, watched = self.banks[made.key], self.watched[made.key]
        is_counted = made.fate in {"answer", "late", "killed after"}
        is_refused = is_counted and len(bank.inside(now)) >= bank.limit
        if is_refused:
            self._explain_refusal(made, now)
        elif is_counted:
            who = "person" if made.purpose is CallPurpose.PERSONAL else "schedule"
            bank.counted.append((now, who if made.fate == "answer" else "wasted"))
        if made.fate.startswith("killed"):
            watched.wasted.append(now)
            taken_over = now + timedelta(minutes=1)
            self.at(taken_over, lambda then: self._sync(made.number, CallPurpose.AUTOMATIC, then))
            return
        headers = bank.headers(now) if self.dice.random() < bank.telling else {}
        ended = self._refuse if is_refused and made.fate == "answer" else self._end
        self.at(now + self._seconds(0.05, 0.5), lambda then: ended(made, headers, now, then))

    def _refuse(
        self, made: Made, headers: dict[str, str], counted_at: datetime, now: datetime
    ) -> None:
        del counted_at  # it was not
        until = read_reset(headers, now=now)
        self._settle(made, CallOutcome.EXHAUSTED, now, until=until)
        if made.scope is TRANSACTIONS:
            self._wait(made.number, self.watched[made.key].allowance, now)

    def _end(
        self, made: Made, headers: dict[str, str], counted_at: datetime, now: datetime
    ) -> None:
        """Let a call come back, or be given up."""
        watched = self.watched[made.key]
        if made.fate == "error":
            self._settle(made, CallOutcome.FAILED, now)
            self._try_again(made, CallOutcome.FAILED, now)
        elif made.fate != "answer":
            watched.wasted.append(now)
            self._settle(made, CallOutcome.UNKNOWN, now)
            self._try_again(made, CallOutcome.UNKNOWN, now)
        else:
            self._read(made, headers, counted_at, now)

    def _read(
        self, made: Made, headers: dict[str, str], counted_at: datetime, now: datetime
    ) -> None:
        watched, bank = self.watched[made.key], self.banks[made.key]
        watched.reads.append(now)
        if headers:
            watched.heard, bank.has_told = counted_at, True
            told = int(headers["http_x_ratelimit_account_success_remaining"])
            watched.lied_to = told > bank.limit - len(bank.inside(counted_at))
        quota = read_quota(headers, made.scope, now=now)
        self._settle(made, CallOutcome.SUCCEEDED, now, quota=quota)
        if made.scope is TRANSACTIONS:
            self.failures[made.number] = 0

    def _settle(
        self,
        made: Made,
        outcome: CallOutcome,
        now: datetime,
        *,
        quota: Quota | None = None,
        until: datetime | None = None,
    ) -> None:
        watched = self.watched[made.key]
        watched.allowance = settle_call(
            watched.allowance, made.call_id, outcome, quota=quota, refused_until=until, now=now
        )

    def _try_again(self, made: Made, outcome: CallOutcome, now: datetime) -> None:
        """Repeat what failed: at once and by the same budget, then ever later."""
        number = made.number
        if made.tries < 3:
            again = purpose_of_repeat(made.purpose, outcome)
            self.at(
                now + timedelta(seconds=1),
                lambda then: self._ask(number, made.scope, again, then, made.tries + 1),
            )
        elif made.scope is TRANSACTIONS:
            self.failures[number] += 1
            rest = timedelta(minutes=15) * 4 ** min(self.failures[number] - 1, 2)
            self._come_back(number, now + rest)

    def _wait(self, number: int, allowance: Allowance, now: datetime) -> None:
        """Come back when there is a call again."""
        delay = timedelta(minutes=30) * self.dice.random()
        self._come_back(number, find_call_time(allowance, CallPurpose.AUTOMATIC, now, delay=delay))

    def _come_back(self, number: int, moment: datetime) -> None:
        """Queue one more sync, unless one waits that is no later."""
        if self.waiting.get(number, self.end) <= moment:
            return
        self.waiting[number] = moment

        def happen(now: datetime) -> None:
            if self.waiting.get(number) == now:
                self._sync(number, CallPurpose.AUTOMATIC, now)

        self.at(moment, happen)

    def _explain_refusal(self, made: Made, now: datetime) -> None:
        """Ask the bank's books whether a refusal could have been foreseen."""
        key = made.key
        watched, inside = self.watched[key], self.banks[key].inside(now)
        unheard = [
            moment
            for moment, who in inside
            if who == "elsewhere" and (made.heard is None or moment > made.heard)
        ]
        if unheard:
            self.unforeseeable["another client"] += 1
            self.surprised.add((key[0], now.date()))
        elif self.banks[key].inside(now)[0][0] <= now - DAY:
            self.unforeseeable["a day of 25 hours"] += 1
        elif self.banks[key].limit < CALLS_A_DAY and not self.banks[key].has_told:
            self.unforeseeable["a limit that was never told"] += 1
        elif watched.lied_to and any(who == "elsewhere" for _, who in inside):
            self.unforeseeable["a lie about another client"] += 1
        else:
            self.foreseeable.append((key, now, made.purpose))

    def details_gaps(self) -> list[timedelta]:
        """Return how far the readings of each account's details are apart."""
        each = [self.watched[number, AccessScope.DETAILS].reads for number in range(self.accounts)]
        return [later - sooner for reads in each for sooner, later in pairwise(reads)]

    def stale_days(self) -> tuple[list[tuple[int, datetime]], Counter[str]]:
        """Return the days on which an account was not read although it could be, and the others.

        Days count from the one after the account was linked. By the bank's own books: it could be
        read where for some hours on end the bank was up and had a call left, besides one for a
        person who had none, and besides those that we made and never heard of again.
        """
        stale: list[tuple[int, datetime]] = []
        excused: Counter[str] = Counter()
        for number in range(self.accounts):
            reads = {moment.date() for moment in self.watched[number, TRANSACTIONS].reads}
            for day in range(self.days - 1):
                began = FIRST_DAY + day * DAY
                if began.date() <= self.linked[number].date() or began.date() in reads:
                    continue
                reason = self._excuse(number, began)
                if reason is None:
                    stale.append((number, began))
                else:
                    excused[reason] += 1
        return stale, excused

    def _excuse(self, number: int, began: datetime) -> str | None:
        """Return why an account could not be read on a day; ``None`` if it could."""
        watched, bank = self.watched[number, TRANSACTIONS], self.banks[number, TRANSACTIONS]
        # Of a bank that never says anything, either way of counting may be true.
        unsaid = replace(bank, zone=None)
        reasons: Counter[str] = Counter()
        on_end = 0
        # What a refusal without a time or a limit taught stays for a week.
        back = range(9 if bank.telling == 0 else 2 if bank.telling < 1 else 0)
        is_surprised = any((number, (began - day * DAY).date()) in self.surprised for day in back)
        for step in range(24 * 4):
            now = began + step * timedelta(minutes=15)
            inside = (bank if bank.has_told else unsaid).inside_at(now)
            lost = sum(now - DAY < moment <= now for moment in watched.wasted)
            counted = [who for _, who in inside if who != "wasted"]
            kept = int(bank.limit > 1 and "person" not in counted)
            if any(first <= now < last for first, last in self.outages[number]):
                reasons["the bank was down"] += 1
            elif is_surprised:
                reasons["another client used it up"] += 1
            elif len(counted) + lost + kept < bank.limit:
                on_end += 1
                if on_end > _HOURS_ON_END * 4:
                    return None
                continue
            elif lost:
                reasons["answers were lost"] += 1
            elif "elsewhere" in counted:
                reasons["another client used it up"] += 1
            else:
                reasons["it was read less than a day before"] += 1
            on_end = 0
        return reasons.most_common(1)[0][0]
