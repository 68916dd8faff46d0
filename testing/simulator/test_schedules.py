"""After any schedule of pulls, faults, crashes, renewals, replays and edits, the ledger is true."""

import random
from collections import Counter
from copy import deepcopy
from datetime import date
from decimal import Decimal
from uuid import UUID

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from testing.simulator.bank import Bank, Row, Told, instant
from testing.simulator.chance import number
from testing.simulator.judge import Judge
from testing.simulator.knobs import draw
from testing.simulator.memory import MemoryHouse
from testing.simulator.truth import HOURS, Author, Life

from payymo.domain.enums import TransactionStatus
from payymo.domain.errors import ProviderResponseError
from payymo.providers.gocardless.api.statement import read_statement

FIRST_DAY = date(2024, 1, 22)
HISTORY_DAYS = 40
NIGHT = 5
QUIET_DAYS = 13
LAST_PULLS = (0, 1, 8, 9, 16)


class Schedule(RuleBasedStateMachine):
    """One account at one misbehaving bank, and whatever the house or the world does next."""

    @initialize(seed=st.integers(0, 2**20))
    def open(self, seed: int) -> None:
        chance = random.Random(seed)
        family, self.knobs = draw(chance)
        self.author = Author(chance, self.knobs)
        life = self.author.write(FIRST_DAY, HISTORY_DAYS)
        self.bank = Bank(str(seed), family, self.knobs, life)
        self.touched: set[UUID] = set()
        self.house = MemoryHouse(self.bank, Judge(life), touched=self.touched)
        self.moment = (life.first_day + HISTORY_DAYS) * HOURS + NIGHT
        self.entered: list[tuple[Told, date | None, int, frozenset[UUID]]] = []
        self.renew(90)

    @rule(hours=st.integers(1, 9 * HOURS))
    def pass_time(self, hours: int) -> None:
        life = self.bank.life
        today = self.moment // HOURS
        self.moment += hours
        for day in range(today, self.moment // HOURS):
            movements = self.author.write_day(day, life.currency)
            life.movements += movements
            self.house.judge.learn(movements)
        self.bank.extend()

    @rule(is_empty=st.sampled_from([False, False, False, False, True]))
    def pull(self, is_empty: bool) -> None:
        self.keep(self.house, is_empty=is_empty)

    def keep(self, house: MemoryHouse, **how: bool) -> None:
        """Pull, and keep the answer for a replay."""
        since = house.window(self.moment)
        before = house.pulls
        house.pull(self.moment, **how)
        if house.pulls > before:
            assert house.last is not None
            self.entered.append((house.last, since, self.moment, frozenset(self.touched)))

    @rule()
    def refuse(self) -> None:
        """The bank says 429 or 5xx, or nothing in time."""
        self.house.fail()

    @rule(share=st.floats(0, 0.99), is_page=st.booleans())
    def break_off(self, share: float, is_page: bool) -> None:
        """Half an answer, or a web page, is no answer."""
        body = self.bank.tell(self.moment, None).body
        broken = b"<html>" if is_page else body[: int(len(body) * share)]
        with pytest.raises(ProviderResponseError):
            read_statement(broken)
        self.house.fail()

    @rule()
    def crash(self) -> None:
        """All that an answer did is rolled back, wherever it was."""
        deepcopy(self.house).pull(self.moment)

    @rule(history_days=st.sampled_from([90, 730]))
    def renew(self, history_days: int) -> None:
        self.house.renew(self.moment, history_days=history_days, access_days=400)

    @precondition(lambda self: self.house.ledger.rows)
    @rule(which=st.integers(0, 10_000))
    def edit(self, which: int) -> None:
        """A person writes a note on a booked row: the bank alone removes it no more."""
        rows = [
            row.id
            for row in self.house.ledger.rows.values()
            if row.status is TransactionStatus.BOOKED
        ]
        if rows:
            self.touched.add(rows[which % len(rows)])

    @precondition(lambda self: self.entered)
    @rule()
    def replay(self) -> None:
        """All answers entered anew come to the very same ledger."""
        touched: set[UUID] = set()
        again = MemoryHouse(self.bank, Judge(self.bank.life), touched=touched)
        again.consent = self.house.consent
        for told, since, moment, were_touched in self.entered:
            touched |= were_touched
            again.enter(told, since, moment)

        assert again.ledger.rows == self.house.ledger.rows

    @invariant()
    def is_true_so_far(self) -> None:
        if hasattr(self, "house"):
            assert self.house.judge.verdict.faults == []

    def teardown(self) -> None:
        """Let the days be quiet and the bank be good, and compare the whole."""
        if not hasattr(self, "house"):
            return
        self.moment += QUIET_DAYS * HOURS
        self.moment -= self.moment % HOURS - NIGHT
        self.renew(730)
        for later in LAST_PULLS:
            self.house.pull(self.moment + later * HOURS, is_settled=True)
        self.house.finish(self.moment + LAST_PULLS[-1] * HOURS)
        assert self.house.judge.verdict.faults == []


def test_the_ledger_is_true_after_any_schedule() -> None:
    run_state_machine_as_test(
        Schedule,
        settings=settings(
            max_examples=40,
            stateful_step_count=25,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )


# --- order ---


def state(house: MemoryHouse) -> Counter[tuple[Decimal, str, str, object, bool, object]]:
    """Return a ledger without its ids, which come in the order of arrival."""
    return Counter(
        (
            row.record.amount,
            row.record.currency,
            row.status.value,
            row.day,
            row.missing_since is not None,
            row.key,
        )
        for row in house.ledger.rows.values()
    )


def shuffled(told: Told, turn: int) -> Told:
    """Return an answer with its rows in another order, as other pages would have them."""

    def place(row: Row) -> int:
        return number("order", turn, row.view.key, row.view.role)

    return Told(sorted(told.rows, key=place), told.last_updated, told.is_fair, told.since)


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**20))
def test_the_order_of_rows_and_of_pages_decides_nothing(seed: int) -> None:
    chance = random.Random(seed)
    family, knobs = draw(chance)
    life: Life = Author(chance, knobs).write(FIRST_DAY, 80)
    bank = Bank(str(seed), family, knobs, life)
    houses = [MemoryHouse(bank, Judge(life)) for _ in range(2)]
    for house in houses:
        house.renew((life.first_day + 40) * HOURS, history_days=90, access_days=90)

    for day in range(life.first_day + 40, life.first_day + 80, chance.choice((1, 2, 5))):
        moment = day * HOURS + NIGHT
        since = houses[0].window(moment)
        assert houses[1].window(moment) == since
        told = bank.tell(moment, since, reach=houses[0].consent.reach, pull=day)
        houses[0].enter(told, since, moment)
        houses[1].enter(shuffled(told, day), since, moment)

        assert state(houses[0]) == state(houses[1]), instant(moment)
