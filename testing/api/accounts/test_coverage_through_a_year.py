"""A year of a bank with moods, played over HTTP: is what is shown as known what the bank gave?"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any, Final
from uuid import UUID

import httpx
import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session, sessionmaker
from testing.api.conftest import Enter, HandClock
from testing.sandbox_house import FIRST_DAY, Bond, SandboxHouse

from payymo.domain.enums import Role, SyncTrigger
from payymo.postgres.common.models import Account
from payymo.sandbox.books.library import Library
from payymo.sandbox.server import create_sandbox, running_sandbox
from payymo.sandbox.service import Sandbox

#: It has no habits of its own.
BANK: Final = "ALPENTAL_ALPTATW1"

OVERLAP, LOOK_BACK = timedelta(days=14), timedelta(days=90)


@dataclass(frozen=True)
class Answered:
    """One answer as it went over the wire.

    :ivar asked_from: First day asked for; ``None`` is all.
    """

    account: str
    asked_from: date | None
    moment: datetime


@dataclass
class Wire(httpx.BaseTransport):
    """The way to the bank, on which answers are cut, emptied, or taken from an old store.

    :ivar mood: ``"cut"``, ``"empty"``, ``"frozen"``, or nothing.
    :ivar first_day: Rows before it are left out when answers are cut.
    :ivar store: When a frozen provider last asked the bank.
    :ivar given: Names of the rows that were given of each account.
    """

    inner: httpx.BaseTransport
    mood: str = ""
    first_day: date = date.min
    store: datetime = FIRST_DAY
    given: dict[str, set[str]] = field(default_factory=dict)
    answers: list[Answered] = field(default_factory=list)

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        answer = self.inner.handle_request(request)
        *_, account, endpoint, _ = ["", "", *request.url.path.split("/")]
        if endpoint != "transactions" or answer.status_code != httpx.codes.OK:
            return answer
        body = json.loads(answer.read())
        answer.close()
        moment = datetime.fromisoformat(body["last_updated"])
        booked = [row for row in body["transactions"]["booked"] if self._lets_pass(row)]
        body["transactions"]["booked"] = booked
        if self.mood == "frozen":
            body["last_updated"] = self.store.isoformat()
        self.given.setdefault(account, set()).update(map(_name, booked))
        asked = request.url.params.get("date_from")
        asked_from = date.fromisoformat(asked) if asked else None
        self.answers.append(Answered(account, asked_from, moment))
        headers = [
            (name, value)
            for name, value in answer.headers.items()
            if name not in {"content-length", "content-encoding"}
        ]
        return httpx.Response(200, headers=headers, json=body)

    def close(self) -> None:
        self.inner.close()

    def _lets_pass(self, row: Mapping[str, Any]) -> bool:
        day = date.fromisoformat(row["bookingDate"])
        return {
            "cut": day >= self.first_day,
            "empty": False,
            "frozen": day <= self.store.date(),
        }.get(self.mood, True)


def _name(row: Mapping[str, Any]) -> str:
    return str(row["internalTransactionId"])


@dataclass
class Year:
    """The play: each step is checked against what the sandbox has and what went over the wire."""

    house: SandboxHouse
    wire: Wire
    bond: Bond
    enter: Enter
    clock: HandClock

    def accounts(self) -> list[Account]:
        """Return the accounts that are synced: one."""
        return [account for account in self.bond.accounts() if account.is_sync_enabled]

    def shown(self) -> Mapping[UUID, Any]:
        """Return what the API shows of each account's days."""
        self.clock.now = self.house.clock()
        viewer = self.enter(self.house.tenant_id, Role.VIEWER)
        return {
            account.id: viewer.get(f"/api/v1/accounts/{account.id}/coverage").json()["data"]
            for account in self.accounts()
        }

    def sync(self, trigger: SyncTrigger = SyncTrigger.SCHEDULE) -> None:
        """Sync, and check that it asked as was said, and that what is known was given."""
        planned = self.shown()
        before = len(self.wire.answers)
        self.bond.sync(trigger)
        accounts = {account.provider_reference: account.id for account in self.bond.accounts()}
        for answer in self.wire.answers[before:]:
            told = planned[accounts[answer.account]]
            if trigger is SyncTrigger.SCHEDULE:
                assert answer.asked_from == _day(told["next_from"])
            self._check_window(told, answer)
        self.check()

    def _check_window(self, told: Mapping[str, Any], answer: Answered) -> None:
        if answer.asked_from is None:
            assert not told["known"]
            return
        assert answer.asked_from <= date.fromisoformat(told["known"][-1]["last_day"]) - OVERLAP

    def rows(self, account: Account) -> list[Mapping[str, Any]]:
        """Return all booked rows that the bank has of an account."""
        house, today = self.house, self.house.clock().date()
        key = house.sandbox.state.accounts[account.provider_reference].key
        library: Library = house.sandbox.library
        statement = library.statement(self.bond.bank, self.bond.book, key, today, 0)
        return [json.loads(row.json) for row in statement.rows]

    def check(self) -> None:
        """Check that every row of a day that counts as known was given."""
        today = self.house.clock().date()
        given = set().union(*self.wire.given.values())
        shown = self.shown()
        for account in self.accounts():
            rows = self.rows(account)
            for days in shown[account.id]["known"]:
                assert days["last_day"] <= today.isoformat()
                lacking = [
                    row["bookingDate"]
                    for row in rows
                    if days["first_day"] <= row["bookingDate"] <= days["last_day"]
                    and row["bookingDate"] < today.isoformat()
                    and _name(row) not in given
                ]
                assert lacking == []

    def days(self, count: int, *, step: int = 1, mood: str = "") -> None:
        """Let days pass, with a sync in the morning of each, or of each week."""
        self.wire.mood = mood
        for _ in range(count):
            self.house.pass_days(step)
            self.sync()

    def holes(self) -> list[Any]:
        """Return the holes before today that can be reached."""
        yesterday = (self.house.clock().date() - timedelta(days=1)).isoformat()
        return [
            hole
            for shown in self.shown().values()
            for hole in shown["holes"]
            if hole["is_reachable"] and hole["first_day"] <= yesterday
        ]


def _day(written: str | None) -> date | None:
    return None if written is None else date.fromisoformat(written)


@pytest.fixture
def year(
    sessions: sessionmaker[Session], tenant_id: UUID, enter: Enter, clock: HandClock
) -> Iterator[Year]:
    app = create_sandbox()
    with running_sandbox(app) as access:
        app.state.sandbox = Sandbox(
            Library(seed=11, volume_rows=600, customer_count=6),
            lambda: FIRST_DAY,
            secret_id=access.secret_id,
            secret_key=access.secret_key,
        )
        wire = Wire(httpx.HTTPTransport())
        with httpx.Client(timeout=30, transport=wire) as http:
            house = SandboxHouse(app, access, sessions, tenant_id, http)
            bond = house.connect(BANK)
            with house.read() as session:
                for account in session.scalars(select(Account).order_by(Account.id)).all()[1:]:
                    account.is_sync_enabled = False
            yield Year(house, wire, bond, enter, clock)


def _begin(year: Year) -> None:
    """The first history is cut, and comes with the next longer look."""
    wire = year.wire
    wire.mood, wire.first_day = "cut", FIRST_DAY.date() - timedelta(days=40)
    year.sync(SyncTrigger.FIRST)
    assert year.holes(), "history that is cut leaves a hole before it"
    year.days(6)
    assert year.holes()
    year.days(1)
    assert not year.holes(), "the weekly look back brought it"
    for account in year.accounts():
        # The consent would reach back to before the account had a row.
        oldest = min(date.fromisoformat(row["bookingDate"]) for row in year.rows(account))
        (not_given,) = year.shown()[account.id]["not_given"]
        assert not_given["last_day"] == (oldest - timedelta(days=1)).isoformat()


def _fail(year: Year) -> None:
    """The bank is away for days, once with answers that are cut when it is back."""
    house, wire = year.house, year.wire
    house.fault("service_error", endpoint="transactions")
    year.days(5)
    house.clear_faults()
    assert year.holes(), "an outage is one"
    year.days(2)
    assert not year.holes()

    house.fault("service_error", endpoint="transactions")
    year.days(20)
    house.clear_faults()
    wire.first_day = house.clock().date()
    year.days(2, mood="cut")
    assert year.holes(), "what was cut after an outage is one"
    year.days(8)
    assert not year.holes()


def _deceive(year: Year) -> None:
    """Old answers, and empty ones after an error."""
    house, wire = year.house, year.wire
    wire.store = house.clock()
    year.days(4, mood="frozen")
    frozen = wire.store.date().isoformat()
    known = [shown["known"][-1]["last_day"] for shown in year.shown().values()]
    assert max(known) == frozen, "an old store speaks of no later day"
    year.days(1)
    assert not year.holes()

    house.fault("service_error", endpoint="transactions")
    year.days(1)
    house.clear_faults()
    year.days(2, mood="empty")
    assert year.holes(), "nothing, after an error, is not known"
    year.days(1)
    assert not year.holes()


def _renew(year: Year) -> None:
    """Consents are renewed, once in time, once late, and once in time again."""
    house = year.house
    year.bond.renew()
    year.sync(SyncTrigger.RENEWAL)
    year.days(4, step=7)
    assert not year.holes()

    house.control(f"requisitions/{year.bond.consent_reference()}/expire", {})
    year.bond.sync()
    house.pass_days(25)
    year.bond.renew()
    year.sync(SyncTrigger.RENEWAL)
    year.days(10, step=14)
    assert not year.holes()
    year.bond.renew()
    year.sync(SyncTrigger.RENEWAL)
    year.days(10, step=14)
    assert not year.holes()


def test_what_counts_as_known_was_given_through_a_year_of_moods(year: Year) -> None:
    for part in (_begin, _fail, _deceive, _renew):
        part(year)

    assert year.house.clock() - FIRST_DAY > timedelta(days=365)
    asked = [
        answer.moment.date() - answer.asked_from
        for answer in year.wire.answers
        if answer.asked_from is not None
    ]
    assert len(set(asked)) > 2, "no window is always the same"
