"""The same with PostgreSQL, HTTP, replays that are applied and runs that are taken back."""

import random
from contextlib import suppress
from datetime import date, timedelta
from typing import ClassVar

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    rule,
    run_state_machine_as_test,
)
from sqlalchemy import event
from sqlalchemy.orm import Session, sessionmaker
from testing.factories import add_tenant
from testing.simulator.bank import Bank
from testing.simulator.judge import Judge
from testing.simulator.knobs import draw
from testing.simulator.real import FAULTS, RealHouse
from testing.simulator.truth import HOURS, Author

FIRST_DAY = date(2026, 1, 12)
HISTORY_DAYS = 25
QUIET_DAYS = 13
LAST_PULLS = (0, 1, 7, 1, 7)


class PowerCutError(Exception):
    """What nobody expects."""


class RealSchedule(RuleBasedStateMachine):
    """One account in PostgreSQL, and whatever the house or the world does next."""

    sessions: ClassVar[sessionmaker[Session]]

    @initialize(seed=st.integers(0, 2**20))
    def open(self, seed: int) -> None:
        chance = random.Random(seed)
        family, knobs = draw(chance)
        self.author = Author(chance, knobs)
        life = self.author.write(FIRST_DAY, HISTORY_DAYS)
        bank = Bank(str(seed), family, knobs, life)
        with self.sessions.begin() as session:
            tenant_id = add_tenant(session, f"Tenant {seed}")
        now = (life.first_day + HISTORY_DAYS) * HOURS + 5
        self.house = RealHouse(self.sessions, tenant_id, bank, Judge(life), now)
        self.house.sync()

    @rule(hours=st.integers(1, 60))
    def pass_time_and_sync(self, hours: int) -> None:
        house, life = self.house, self.house.bank.life
        today = house.moment // HOURS
        house.clock.now += timedelta(hours=hours)
        for day in range(today, house.moment // HOURS):
            movements = self.author.write_day(day, life.currency)
            life.movements += movements
            house.judge.learn(movements)
        house.bank.extend()
        house.rest_no_more()
        house.sync()

    @rule(fault=st.sampled_from(sorted(FAULTS)))
    def refuse(self, fault: str) -> None:
        self.house.fault = FAULTS[fault]
        self.house.sync()
        self.house.fault = None

    @rule(after=st.integers(1, 25))
    def cut_the_power(self, after: int) -> None:
        """Break off a sync at one of its statements: what is under way is rolled back."""
        left = after

        def cut(*_: object) -> None:
            nonlocal left
            left -= 1
            if left == 0:
                raise PowerCutError

        engine = self.sessions.kw["bind"].engine
        event.listen(engine, "before_cursor_execute", cut)
        try:
            with suppress(PowerCutError):
                self.house.sync()
        finally:
            event.remove(engine, "before_cursor_execute", cut)

    @rule(history_days=st.sampled_from([90, 730]))
    def renew(self, history_days: int) -> None:
        self.house.renew(history_days)

    @rule(which=st.integers(0, 1000))
    def edit(self, which: int) -> None:
        self.house.edit(which)

    @rule(apply=st.booleans())
    def replay(self, apply: bool) -> None:
        self.house.replay(apply=apply)

    @rule()
    def take_back(self) -> None:
        self.house.revert()

    @invariant()
    def is_true_so_far(self) -> None:
        if hasattr(self, "house"):
            assert self.house.judge.verdict.faults == []

    def teardown(self) -> None:
        """Let the days be quiet and the bank be good, and compare the whole."""
        if not hasattr(self, "house"):
            return
        house = self.house
        house.clock.now = house.clock.now.replace(hour=5) + timedelta(days=QUIET_DAYS)
        house.is_settled = True
        house.renew(730)
        for days in LAST_PULLS:
            house.clock.now += timedelta(days=days)
            house.rest_no_more()
            house.sync()
        house.finish()

        assert house.judge.verdict.faults == []
        assert list(house.replay(apply=False).findings) == []


@pytest.mark.timeout(600)
def test_the_ledger_is_true_after_any_schedule(sessions: sessionmaker[Session]) -> None:
    bound = type("BoundSchedule", (RealSchedule,), {"sessions": sessions})

    run_state_machine_as_test(
        bound,
        settings=settings(
            max_examples=4,
            stateful_step_count=10,
            deadline=None,
            phases=[Phase.explicit, Phase.reuse, Phase.generate],
            suppress_health_check=list(HealthCheck),
        ),
    )


@pytest.mark.timeout(600)
def test_a_replay_knows_what_was_taken_back_as_the_ledger_does(
    sessions: sessionmaker[Session],
) -> None:
    """Of equal purchases, rows of the run that was taken back tell which is which."""
    machine = type("BoundSchedule", (RealSchedule,), {"sessions": sessions})()
    machine.open(seed=101)
    machine.pass_time_and_sync(hours=48)
    machine.pass_time_and_sync(hours=33)
    machine.renew(history_days=90)
    machine.take_back()
    machine.cut_the_power(after=19)
    machine.renew(history_days=730)
    machine.pass_time_and_sync(hours=23)
    machine.pass_time_and_sync(hours=35)
    machine.cut_the_power(after=20)

    machine.teardown()
