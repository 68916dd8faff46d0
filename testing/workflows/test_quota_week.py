"""A week against the sandbox with its limits on: its own books say how often it was asked."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import UUID

import httpx
import pytest
from sqlalchemy.orm import Session, sessionmaker
from testing.sandbox_house import FIRST_DAY, Bond, SandboxHouse

from payymo.domain.enums import SyncTrigger
from payymo.domain.errors import ProviderQuotaError
from payymo.sandbox.books.library import Library
from payymo.sandbox.server import create_sandbox, running_sandbox
from payymo.sandbox.service import Sandbox
from payymo.workflows.permits import check_refresh


@dataclass
class Week:
    """A bank's accounts, synced by the hour while things go wrong.

    :ivar refusals: Answers of the sandbox that a limit was reached.
    :ivar most: The most calls that it counted in one of its windows, by account and scope.
    :ivar reads: When all was read.
    :ivar served: How often a person who asked was served, and how often not.
    """

    house: SandboxHouse
    bond: Bond
    refusals: int = 0
    most: Counter[str] = field(default_factory=Counter)
    reads: list[datetime] = field(default_factory=list)
    served: Counter[bool] = field(default_factory=Counter)

    def hear(self, response: httpx.Response) -> None:
        self.refusals += response.status_code == httpx.codes.TOO_MANY_REQUESTS

    def run(self) -> None:
        self.house.http.event_hooks["response"].append(self.hear)
        self.sync(SyncTrigger.FIRST)
        for step in range(1, 7 * 6):
            self.house.pass_days(1 / 6)
            if step % 8 == 0:
                self.house.fault("html_body", endpoint="transactions", times=2)
            if step % 18 == 0:
                self.house.fault("truncated_body", endpoint="transactions", times=1)
            if step % 3 == 0:
                self.ask()
            elif step % 3 == 1:
                self.sync(SyncTrigger.SCHEDULE)

    def ask(self) -> None:
        """Let a person ask for a refresh, as the API would answer."""
        house = self.house
        try:
            with house.read() as session:
                check_refresh(session, house.tenant_id, self.bond.connection_id, now=house.clock())
        except ProviderQuotaError:
            self.served[False] += 1
        else:
            self.served[True] += 1
            self.sync(SyncTrigger.REQUEST)

    def sync(self, trigger: SyncTrigger) -> None:
        report = self.bond.sync(trigger)
        if report.pulled_count:
            self.reads.append(self.house.clock())
        for name, window in self.house.sandbox.state.windows.items():
            if "/" in name:  # those of accounts, not the company's
                self.most[name] = max(self.most[name], window.count)


@pytest.fixture
def house(sessions: sessionmaker[Session], tenant_id: UUID) -> Iterator[SandboxHouse]:
    app = create_sandbox()
    with running_sandbox(app) as access, httpx.Client(timeout=30) as http:
        app.state.sandbox = Sandbox(
            Library(seed=11, volume_rows=60, customer_count=2),
            lambda: FIRST_DAY,
            secret_id=access.secret_id,
            secret_key=access.secret_key,
        )
        yield SandboxHouse(app, access, sessions, tenant_id, http)


@pytest.mark.parametrize(("limit", "served_min"), [(4, 7), (2, 6)])
def test_in_a_week_of_faults_the_bank_refuses_nothing(
    house: SandboxHouse, limit: int, served_min: int
) -> None:
    house.control("limits", {"account_success": limit})
    week = Week(house, house.connect("HAVENKAS_HAVKNL2X"))
    week.run()

    assert week.refusals == 0
    assert max(week.most.values()) == limit
    gaps = [later - sooner for sooner, later in zip(week.reads, week.reads[1:], strict=False)]
    # It is looked at every four hours, and where two calls are allowed one is a person's.
    assert max(gaps) <= timedelta(hours=30 if limit == 4 else 40)
    assert week.served[True] >= served_min  # a person is served once a day at least
