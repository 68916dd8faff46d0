from uuid import UUID

import pytest
from sqlalchemy.orm import Session, sessionmaker
from testing.fakes import a_payload
from testing.workflows.sync.house import House


@pytest.fixture
def house(sessions: sessionmaker[Session], tenant_id: UUID) -> House:
    return House(sessions, tenant_id, "a")


@pytest.fixture
def pair_house(sessions: sessionmaker[Session], tenant_id: UUID) -> House:
    house = House(sessions, tenant_id, "a", "b")
    house.bank.books["b"].booked = [a_payload("5.00", text="Interest")]
    return house
