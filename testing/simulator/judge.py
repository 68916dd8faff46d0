"""Compares a ledger with what really happened: after each answer, and at the end.

The judge knows which movement each row of an answer is of, by the payload and by how often it
occurs, and keeps that to itself. What nobody could tell from the answers is decided here, without
Payymo's rules: see :func:`could_be_one` (a ledger may take two rows for one) and
:func:`must_be_one` (a ledger must).
"""

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Final, NamedTuple, Protocol
from uuid import UUID

from testing.simulator.bank import Row, Told, View
from testing.simulator.truth import HOURS, Day, Life, Moment, Movement

type PayloadKey = tuple[bytes, bool]

_BOOKED_AFTER_MAX: Final = 10
_BOOKED_BEFORE_MAX: Final = 2
_MOVED_MAX: Final = 4
_RIVAL_DAYS: Final = 25
_CHANGE_MAX: Final = Decimal("0.20")
_HOLDS: Final = (Decimal(1), Decimal(100))
_SHORT_ID: Final = 5
_CONFIRMED_AFTER: Final = 13
_ROLES: Final = ("booked", "provisional", "pending")


class Held(NamedTuple):
    """A row of the ledger that holds a payload."""

    id: UUID
    is_live: bool


class Book(Protocol):
    """The ledger, as far as the judge looks at it."""

    def holders(self, key: PayloadKey) -> Sequence[Held]:
        """Return the rows that were last written from a payload."""


class Rewritten(NamedTuple):
    """A known row that an answer wrote anew."""

    row_id: UUID
    before: PayloadKey
    after: PayloadKey


class EndRow(NamedTuple):
    """A row as it stands in the end.

    :ivar is_booked: It is in the list of booked transactions.
    :ivar is_pending: It is in the list of pending ones.
    :ivar is_kept: The bank has it no more, and a person touched it: it is theirs to decide.
    """

    id: UUID
    key: PayloadKey
    amount: Decimal
    currency: str
    is_booked: bool
    is_pending: bool
    is_kept: bool


@dataclass(slots=True)
class Seen:
    """A movement's row as an answer last had it.

    :ivar first_told: Day of the answer that had it first, in whatever dress.
    """

    view: View
    key: PayloadKey
    pull: int
    rows: frozenset[UUID]
    first_told: Day


@dataclass(slots=True)
class Verdict:
    """What came of an account.

    :ivar faults: What is wrong, each in a sentence; none is good.
    :ivar counts: How often what happened.
    """

    faults: list[str] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)

    def fail(self, kind: str, sentence: str) -> None:
        """Note a fault."""
        self.counts[kind] += 1
        self.faults.append(f"{kind}: {sentence}")


class Judge:
    """Follows one account from answer to answer."""

    def __init__(self, life: Life) -> None:
        """Begin before the first answer.

        :param life: What really happens.
        """
        self.verdict = Verdict()
        self._truth = {movement.key: movement for movement in life.movements}
        self._keys: dict[PayloadKey, set[int]] = {}
        self._seen: dict[tuple[int, str], Seen] = {}
        self._views: dict[tuple[int, PayloadKey], View] = {}
        self._by_money: dict[tuple[Decimal, str], set[tuple[int, str]]] = {}
        self._withdrawn: set[tuple[int, str]] = set()
        self._confirmed: dict[int, list[Moment]] = {}
        self._earlier: dict[tuple[int, str], Seen] = {}
        self._pull = 0

    def learn(self, movements: Iterable[Movement]) -> None:
        """Take note of what happened since."""
        self._truth |= {movement.key: movement for movement in movements}

    # --- after each answer ---

    def entered(
        self,
        told: Told,
        keys: Sequence[PayloadKey],
        book: Book,
        *,
        moment: Moment,
        rewritten: Iterable[Rewritten],
        removed: Collection[PayloadKey],
    ) -> None:
        """Look at what the ledger made of an answer.

        :param told: The answer.
        :param keys: The payload of each of its rows, in the same order.
        :param book: The ledger, with the answer entered.
        :param moment: When the answer came.
        :param rewritten: Known rows that it wrote anew.
        :param removed: Payloads of the rows that it removed.
        """
        self._pull += 1
        places = {(row.view.key, row.view.role) for row in told.rows}
        times: Counter[PayloadKey] = Counter(keys)
        changed: list[tuple[Row, PayloadKey]] = []
        for row, key in zip(told.rows, keys, strict=True):
            seen = self._seen.get((row.view.key, row.view.role))
            if seen is not None and seen.key == key:
                seen.pull, seen.view = self._pull, row.view
            else:
                changed.append((row, key))
                self._keys.setdefault(key, set()).add(row.view.key)
                self._views[row.view.key, key] = row.view
        before = {(row.view.key, row.view.role): self._last(row.view) for row, _ in changed}
        moves = [
            (was.view, row.view)
            for row, _ in changed
            if (was := before[row.view.key, row.view.role]) is not None
        ]
        for line in rewritten:
            self._judge_rewritten(line, told, places, moves)
        self._earlier = {
            place: seen
            for row, _ in changed
            for role in _ROLES
            if (seen := self._seen.get(place := (row.view.key, role))) is not None
        }
        self._note_changed(changed, times, book, moment // HOURS)
        for row, _ in changed:
            self._judge_id(row.view, before[row.view.key, row.view.role], told, places)
        for key in removed:
            self._judge_removed(key, moment)
        if told.is_fair:
            self._note_withdrawn(told, places, moment)

    def _last(self, view: View) -> Seen | None:
        """Return the row of the same movement that an answer last had."""
        roles = (
            [view.role]
            if (view.key, view.role) in self._seen
            else (["provisional", "pending"] if view.role == "booked" else ["pending"])
        )
        found = [seen for role in roles if (seen := self._seen.get((view.key, role)))]
        return max(found, key=lambda seen: seen.pull, default=None)

    def _note_changed(
        self,
        changed: Sequence[tuple[Row, PayloadKey]],
        times: Mapping[PayloadKey, int],
        book: Book,
        today: Day,
    ) -> None:
        counted: dict[PayloadKey, frozenset[UUID]] = {}
        for row, key in changed:
            if key not in counted:
                rows = frozenset(held.id for held in book.holders(key) if held.is_live)
                counted[key] = rows
                if len(rows) < times[key]:
                    self.verdict.fail(
                        "lost", f"{times[key]} rows of {row.view} are {len(rows)} in the ledger"
                    )
            view, place = row.view, (row.view.key, row.view.role)
            told_before = self._seen.get(place)
            first_told = told_before.first_told if told_before else today
            self._seen[place] = Seen(view, key, self._pull, counted[key], first_told)
            self._by_money.setdefault((abs(view.amount), view.currency), set()).add(place)
            if self._truth[view.key].withdrawn_at is not None:
                self._withdrawn.add(place)

    def _judge_rewritten(
        self,
        line: Rewritten,
        told: Told,
        present: Collection[tuple[int, str]],
        changed: Sequence[tuple[View, View]],
    ) -> None:
        """See that a row goes on as the movement that it was."""
        were, are = self._keys.get(line.before, set()), self._keys.get(line.after, set())
        if were & are:
            return
        news = [row.view for row in told.rows if row.view.key in are]
        olds = [self._views[key, line.before] for key in were]
        is_open = any(
            self._is_gone(old, line.before, present)
            and self._is_unseen(new)
            and could_be_one(old, new)
            for old in olds
            for new in news
        )
        if is_open:
            self.verdict.counts["undecidable"] += 1
        elif any(self._are_exchangeable(old, new, told) for old in olds for new in news):
            self.verdict.counts["twins exchanged"] += 1
        elif any(self._are_crossed(old, new, changed) for old in olds for new in news):
            self.verdict.counts["crossed"] += 1
        else:
            self.verdict.fail(
                "wrong merge",
                f"the row of {olds} became that of {news}",
            )

    def _are_exchangeable(self, old: View, new: View, told: Told) -> bool:
        """Return whether two rows were, or are now, equal in all that lasts but their ids."""
        last = self._last(new)
        if last is not None and are_exchangeable(old, last.view, new):
            return True
        if is_content_equal(old, new):
            return True
        present = [row.view for row in told.rows if row.view.key == old.key]
        if any(are_exchangeable(new, view, old) for view in present):
            return True
        # Of pending rows of one shop and price whose ids do not last, any may be what booked.
        is_told_by_ids = (last is not None and _is_told_by_ids(old, new, (last.view, new))) or any(
            _is_told_by_ids(old, new, (old, view)) for view in present
        )
        return not old.is_booked and could_be_one(old, new) and not is_told_by_ids

    def _are_crossed(self, old: View, new: View, changed: Sequence[tuple[View, View]]) -> bool:
        """Return whether two rows changed at once, and each can have become what the other did.

        The row of the one need not be the one itself: one of the same content will do, as of those
        any may be any. Where an id lasts by which the two can be told, nothing is open.

        :param changed: Movements that an answer told anew, as they were and as they are.
        """
        if not could_be_one(old, new):
            return False
        place = (new.key, new.role)
        truth = [(was, now) for was, now in changed if (now.key, now.role) == place]
        return any(
            is_content_equal(old, was)
            and now.is_booked == new.is_booked
            and now.key != new.key
            and (is_content_equal(now, new) or _could_swap(was, now, truth))
            and not any(_is_told_by_ids(old, new, each) for each in ((was, now), *truth))
            for was, now in changed
        )

    def _is_gone(self, view: View, key: PayloadKey, present: Collection[tuple[int, str]]) -> bool:
        """Return whether the bank has a row no more: withdrawn, pending no longer, or replaced."""
        seen = self._seen[view.key, view.role]
        if seen.key != key and not seen.view.is_booked:
            return True
        if (view.key, view.role) in present:
            return False
        if not view.is_booked:
            return True
        movement = self._truth[view.key]
        return movement.withdrawn_at is not None or view.role == "provisional"

    def _is_unseen(self, new: View) -> bool:
        """Return whether a row was in no answer before this one."""
        return (new.key, new.role) not in self._seen

    def _judge_id(
        self,
        view: View,
        before: Seen | None,
        told: Told,
        present: Collection[tuple[int, str]],
    ) -> None:
        """See that a movement keeps its row's id, where nothing else could be meant."""
        if before is None:
            return
        now = self._seen[view.key, view.role]
        is_kept = any(
            now.rows & seen.rows
            for role in _ROLES
            if (seen := self._earlier.get((view.key, role))) is not None
        )
        is_booking = view.is_booked and not before.view.is_booked
        if is_booking:
            self.verdict.counts["pending kept" if is_kept else "pending superseded"] += 1
        elif view.is_booked:
            self.verdict.counts["restated kept" if is_kept else "restated replaced"] += 1
        was = before.view
        is_beside = was.role != view.role and (was.key, was.role) in present
        if is_beside or (before.pull < self._pull - 1 and not view.is_booked):
            return
        if self._must_be_one(before, view, told):
            self.verdict.counts["certain pairs"] += 1
            if is_booking:
                self.verdict.counts["pending certain"] += 1
            if not is_kept:
                self.verdict.fail("id lost", f"{before.view} became {view} in another row")

    def _must_be_one(self, before: Seen, now: View, told: Told) -> bool:
        if self._has_rival(before.view, now):
            return False
        was = before.view
        if was.is_booked and now.is_booked:
            return must_be_restated(was, now) and _is_covered(was, told)
        if now.is_booked and before.pull < self._pull - 1:
            return False  # it was away between: closed, and open to more than one reading
        if was.day is None and now.is_booked:
            was = was._replace(day=before.first_told)
        return must_be_booked(was, now)

    def _has_rival(self, was: View, now: View) -> bool:
        """Return whether another movement of the same money, or text, was told of those days."""
        for money in {(abs(was.amount), was.currency), (abs(now.amount), now.currency)}:
            for key, role in self._by_money.get(money, ()):
                if key != now.key and _is_near(self._seen[key, role].view, now, _RIVAL_DAYS):
                    return True
        if was.amount == now.amount and was.text == now.text:
            return False
        return any(
            seen.view.text == now.text and _is_near(seen.view, now, _RIVAL_DAYS)
            for (key, _), seen in self._recent()
            if key != now.key
        )

    def _recent(self) -> Iterable[tuple[tuple[int, str], Seen]]:
        return self._seen.items()

    def _judge_removed(self, key: PayloadKey, moment: Moment) -> None:
        """See that what was removed is what the bank has no more."""
        movements = [self._truth[number] for number in self._keys.get(key, ())]
        live = [
            movement
            for movement in movements
            if movement.is_booked(moment) and self._holds(movement.key, key)
        ]
        if live and len(live) == len(movements):
            self.verdict.fail("wrongly removed", f"the bank has {live} still")

    def _holds(self, number: int, key: PayloadKey) -> bool:
        seen = self._seen.get((number, "booked"))
        return seen is not None and seen.key == key

    def _note_withdrawn(
        self, told: Told, present: Collection[tuple[int, str]], moment: Moment
    ) -> None:
        """Note that a full answer leaves a withdrawn row out, on a day of which it speaks."""
        oldest = min((row.view.day for row in told.rows if row.view.is_booked and row.view.day),
                     default=None)  # fmt: skip
        if oldest is None:
            return
        for key, role in self._withdrawn:
            movement = self._truth[key]
            if movement.withdrawn_at is None or role == "pending" or (key, role) in present:
                continue
            day = self._seen[key, role].view.day
            first = max(oldest, told.since or oldest)
            if movement.withdrawn_at <= moment and day is not None and day > first + _MOVED_MAX:
                self._confirmed.setdefault(key, []).append(moment)

    # --- in the end ---

    def finish(
        self, rows: Iterable[EndRow], *, moment: Moment, claims: Sequence[tuple[Day, Day, Moment]]
    ) -> Verdict:
        """Compare the whole ledger with what is true now, and return what came of it.

        :param rows: All rows of the ledger.
        :param moment: The present.
        :param claims: Days that the ledger holds for known: first, last, and since when.
        """
        expected, optional, owed = self._expect(moment, claims)
        held: Counter[PayloadKey] = Counter()
        views = {seen.key: seen.view for seen in self._seen.values()}
        for row in rows:
            if row.is_pending:
                self.verdict.fail("duplicate", f"{views.get(row.key)} is pending for ever")
            if not row.is_booked or row.is_kept:
                continue
            held[row.key] += 1
            owed[row.currency] -= row.amount
            view = views.get(row.key)
            if view is not None and (row.amount, row.currency) != (view.amount, view.currency):
                self.verdict.fail("amount", f"{view} is {row.amount} {row.currency}")
        for key in expected.keys() | held.keys():
            missing = expected[key] - held[key]
            if missing > 0:
                self.verdict.fail("lost", f"{missing} of {views.get(key)}")
            elif -missing > optional[key]:
                self.verdict.fail("duplicate", f"{-missing} of {views.get(key)}")
        if not optional and any(owed.values()):
            self.verdict.fail("amount", f"the ledger's sum differs by {dict(owed)}")
        self.verdict.counts["movements"] += len(self._truth)
        self.verdict.counts["ledger rows"] += held.total()
        return self.verdict

    def _expect(
        self, moment: Moment, claims: Sequence[tuple[Day, Day, Moment]]
    ) -> tuple[Counter[PayloadKey], Counter[PayloadKey], defaultdict[str, Decimal]]:
        """Return the payloads that the ledger must hold, those that it may, and the sums due."""
        expected: Counter[PayloadKey] = Counter()
        optional: Counter[PayloadKey] = Counter()
        owed: defaultdict[str, Decimal] = defaultdict(Decimal)
        for movement in self._truth.values():
            seen = self._seen.get((movement.key, "booked")) or self._seen.get(
                (movement.key, "provisional")
            )
            if not movement.is_booked(moment):
                if seen is not None and not self._is_confirmed(movement.key):
                    optional[seen.key] += 1
                    self.verdict.counts["withdrawn unseen"] += 1
            elif seen is not None:
                expected[seen.key] += 1
                owed[movement.currency] += movement.amount_at(moment)
            else:
                self._judge_unseen(movement.key, movement.day, movement.booked_at or 0, claims)
        return expected, optional, owed

    def _judge_unseen(
        self, key: int, day: Day, booked_at: Moment, claims: Sequence[tuple[Day, Day, Moment]]
    ) -> None:
        """See that a day of which a movement was never told is not held for known."""
        self.verdict.counts["never told"] += 1
        if any(first <= day <= last and booked_at <= learnt for first, last, learnt in claims):
            self.verdict.fail(
                "false claim", f"day {day} is held for known, and movement {key} was never told"
            )

    def _is_confirmed(self, key: int) -> bool:
        moments = self._confirmed.get(key, [])
        return bool(moments) and moments[-1] - moments[0] >= _CONFIRMED_AFTER


# --- what can be told, by anybody ---


def must_be_restated(was: View, now: View) -> bool:
    """Return whether two booked rows, with no rival, are one for every careful reader."""
    days = _days_apart(was, now)
    has_same_money = (was.amount, was.currency) == (now.amount, now.currency)
    ids = _shared_ids(was, now)
    if was.trusted_id and now.trusted_id and not ids[0]:
        return False
    if has_same_money and any(ids):
        return days <= _BOOKED_AFTER_MAX
    if not has_same_money:
        return was.currency == now.currency and days <= _MOVED_MAX and sum(ids) > 1
    is_only_more = set(was.form) <= set(now.form)
    return is_only_more and was.text == now.text != "" and days <= _MOVED_MAX


def must_be_booked(was: View, now: View) -> bool:
    """Return whether a pending row and a booked one, with no rival, are one for every reader."""
    has_same_content = was.text == now.text != "" and was.amount == now.amount
    if was.is_booked or was.currency != now.currency or not has_same_content:
        return False
    return _may_have_booked(was, now) if now.is_booked else was.day == now.day


def could_be_one(was: View, now: View) -> bool:
    """Return whether a row that is gone and one that is new look like one, to any reader.

    It is as narrow as the answers allow: the same money, the same words and near days for booked
    rows; for a pending one also a placeholder's text, or an amount that a tip or a rate explains.
    """
    if was.currency != now.currency:
        return False
    if was.is_booked:
        return now.is_booked and _could_be_restated(was, now)
    if now.is_booked and not _may_have_booked(was, now):
        return False
    if not was.text or not _is_text_alike(was, now):
        return not was.text and was.amount == now.amount
    change = abs(was.amount - now.amount)
    is_small = change <= max(abs(was.amount), abs(now.amount)) * _CHANGE_MAX
    return is_small or abs(was.amount) in _HOLDS


def _could_be_restated(was: View, now: View) -> bool:
    if was.trusted_id and now.trusted_id and was.day != now.day:
        return False
    is_near = _days_apart(was, now) <= _MOVED_MAX
    return is_near and was.amount == now.amount and _is_text_alike(was, now)


def are_exchangeable(one: View, other: View, now: View) -> bool:
    """Return whether of two rows of one answer, equal but for their ids, either can be a third.

    :param one: The row that a ledger took for the third.
    :param other: The row that it really was.
    :param now: The third, in an answer before or after, which has no id of the other's that the
        one lacks.
    """
    return is_content_equal(one, other) and not _is_told_by_ids(one, now, (other, now))


def is_content_equal(one: View, other: View) -> bool:
    """Return whether two rows are equal in all that is told but their ids."""
    return one == other._replace(
        key=one.key,
        role=one.role,
        trusted_id=one.trusted_id,
        internal_id=one.internal_id,
        transaction_id=one.transaction_id,
    )


def _shared_ids(was: View, now: View) -> list[bool]:
    """Return which ids two rows share: the trusted, the provider's, and the bank's."""
    return [
        one is not None and one == other and len(one) > _SHORT_ID
        for one, other in (
            (was.trusted_id, now.trusted_id),
            (was.internal_id, now.internal_id),
            (was.transaction_id, now.transaction_id),
        )
    ]


def _could_swap(was: View, now: View, truth: Sequence[tuple[View, View]]) -> bool:
    """Return whether a row that is told anew can have been another that is told anew as well."""
    return not is_content_equal(was, now) and any(could_be_one(other, now) for other, _ in truth)


def _is_told_by_ids(was: View, now: View, truth: tuple[View, View]) -> bool:
    """Return whether two rows that were taken for one share less ids than two that are.

    An id that all of them carry tells nothing.
    """
    return any(
        theirs and not ours
        for ours, theirs in zip(_shared_ids(was, now), _shared_ids(*truth), strict=True)
    )


def _is_text_alike(was: View, now: View) -> bool:
    """Return whether one text says all that the other says."""
    words, others = set(was.text.split()), set(now.text.split())
    return words <= others or others <= words


def _may_have_booked(was: View, now: View) -> bool:
    if was.day is None or now.day is None:
        return True
    return -_BOOKED_BEFORE_MAX <= now.day - was.day <= _BOOKED_AFTER_MAX


def _days_apart(was: View, now: View) -> int:
    if was.day is None or now.day is None:
        return 0
    return abs(now.day - was.day)


def _is_near(view: View, other: View, days: int) -> bool:
    return _days_apart(view, other) <= days


def _is_covered(was: View, told: Told) -> bool:
    """Return whether an answer that moves a row should hold its old day, well within."""
    if was.day is None:
        return True
    first = told.since or 0
    oldest = min(
        (row.view.day for row in told.rows if row.view.is_booked and row.view.day), default=was.day
    )
    return was.day > max(first, oldest) + _MOVED_MAX
