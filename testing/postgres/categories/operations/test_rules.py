"""Rules stand in an order without gaps, and each change of them is written down."""

from typing import Any
from uuid import UUID, uuid4

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select, text
from sqlalchemy.orm import Session, sessionmaker
from testing.factories import add_account, add_category

from payymo.domain.categories.rules import Conditions
from payymo.domain.enums import Direction
from payymo.domain.errors import InvalidInputError, NotFoundError, RuleError
from payymo.postgres.auth.models import AuditEntry
from payymo.postgres.categories.models import CategoryRule
from payymo.postgres.categories.operations import rules as module
from payymo.postgres.categories.operations.categories import update_category
from payymo.postgres.categories.operations.rules import (
    conditions_of,
    create_rule,
    delete_rule,
    get_rule,
    list_rules,
    load_categoriser,
    order_rules,
    update_rule,
)
from payymo.postgres.tenancy import enter_tenant, tenant_transaction


@pytest.fixture
def category_id(session: Session, tenant_id: UUID) -> UUID:
    return add_category(session, tenant_id).id


def create(
    session: Session, tenant_id: UUID, category_id: UUID, name: str, **more: Any
) -> CategoryRule:
    values: dict[str, Any] = {"conditions": Conditions(payees=(name,)), "actor_id": None}
    return create_rule(session, tenant_id, name=name, category_id=category_id, **values | more)


def order(session: Session, tenant_id: UUID) -> list[tuple[int, str]]:
    return [(rule.position, rule.name) for rule in list_rules(session, tenant_id)]


def test_a_new_one_is_the_last_unless_it_is_said_otherwise(
    session: Session, tenant_id: UUID, category_id: UUID
) -> None:
    for name, position in (("a", None), ("b", None), ("c", 1), ("d", 3), ("e", 99)):
        create(session, tenant_id, category_id, name, position=position)

    assert order(session, tenant_id) == [(1, "c"), (2, "a"), (3, "d"), (4, "b"), (5, "e")]


def test_conditions_come_back_as_they_were_given(
    session: Session, tenant_id: UUID, category_id: UUID
) -> None:
    given = Conditions(
        payees=("Shop", "Café"),
        texts=("book",),
        merchant_category_codes=("5942", "5812-5814"),
        bank_transaction_codes=("PMNT-CCRD",),
        direction=Direction.DEBIT,
        currency="EUR",
        account_id=add_account(session, tenant_id).id,
    )

    rule = create(session, tenant_id, category_id, "all", conditions=given)
    session.expire(rule)

    assert conditions_of(get_rule(session, tenant_id, rule.id)) == given


def test_what_cannot_be_is_refused(session: Session, tenant_id: UUID, category_id: UUID) -> None:
    with pytest.raises(InvalidInputError):
        create(session, tenant_id, category_id, "none", conditions=Conditions())
    with pytest.raises(NotFoundError, match="no such category"):
        create(session, tenant_id, uuid4(), "nowhere")

    assert order(session, tenant_id) == []


def test_there_are_so_many_and_no_more(
    session: Session, tenant_id: UUID, category_id: UUID, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "RULES_MAX", 1)
    create(session, tenant_id, category_id, "a")

    with pytest.raises(RuleError) as raised:
        create(session, tenant_id, category_id, "b")

    assert raised.value.code == "too_many_rules"


def test_each_change_is_written_down_and_the_same_again_is_none(
    session: Session, tenant_id: UUID, category_id: UUID
) -> None:
    rule = create(session, tenant_id, category_id, "a")
    for _ in range(2):
        update_rule(
            session,
            tenant_id,
            rule.id,
            name="A",
            category_id=category_id,
            conditions=Conditions(texts=("x",)),
            is_enabled=False,
            actor_id=None,
        )
    delete_rule(session, tenant_id, rule.id, actor_id=None)

    entries = session.scalars(
        select(AuditEntry).where(AuditEntry.entity == "category_rules").order_by(AuditEntry.id)
    ).all()
    assert [entry.action for entry in entries] == ["added", "changed", "deleted"]
    assert entries[1].before is not None
    assert entries[1].after is not None
    assert (entries[1].before["payees"], entries[1].after["payees"]) == (["a"], [])
    assert (entries[1].before["is_enabled"], entries[1].after["is_enabled"]) == (True, False)


def test_an_order_names_each_rule_once(
    session: Session, tenant_id: UUID, category_id: UUID
) -> None:
    a, b = (create(session, tenant_id, category_id, name).id for name in "ab")

    for wrong in ([], [a], [a, a], [a, b, b], [a, uuid4()]):
        with pytest.raises(InvalidInputError):
            order_rules(session, tenant_id, wrong, actor_id=None)
    assert order(session, tenant_id) == [(1, "a"), (2, "b")]

    order_rules(session, tenant_id, [b, a], actor_id=None)
    assert order(session, tenant_id) == [(1, "b"), (2, "a")]


def test_only_what_may_be_assigned_decides(
    session: Session, tenant_id: UUID, category_id: UUID
) -> None:
    resting = add_category(session, tenant_id, "Resting", key="groceries").id
    update_category(session, tenant_id, resting, actor_id=None, is_active=False)
    enabled = create(session, tenant_id, category_id, "a")
    create(session, tenant_id, category_id, "off", is_enabled=False)
    create(session, tenant_id, resting, "resting")
    memory = {("X", Direction.DEBIT): resting, ("Y", Direction.DEBIT): category_id}

    categoriser = load_categoriser(session, tenant_id, memory)

    assert [rule.id for rule in categoriser.rules] == [enabled.id]
    assert categoriser.memory == {("Y", Direction.DEBIT): category_id}
    assert categoriser.defaults == {}


def test_a_rule_goes_with_its_account(session: Session, tenant_id: UUID, category_id: UUID) -> None:
    account = add_account(session, tenant_id)
    bound = Conditions(payees=("x",), account_id=account.id)
    create(session, tenant_id, category_id, "bound", conditions=bound)
    create(session, tenant_id, category_id, "free")

    session.execute(text("DELETE FROM connections"))

    assert [name for _, name in order(session, tenant_id)] == ["free"]


def test_another_tenant_has_its_own(
    session: Session, tenant_id: UUID, other_tenant_id: UUID, category_id: UUID
) -> None:
    rule = create(session, tenant_id, category_id, "a")
    enter_tenant(session, other_tenant_id)

    assert list_rules(session, other_tenant_id) == []
    with pytest.raises(NotFoundError):
        get_rule(session, other_tenant_id, rule.id)
    with pytest.raises(NotFoundError):
        delete_rule(session, other_tenant_id, rule.id, actor_id=None)
    with pytest.raises(NotFoundError):
        create(session, other_tenant_id, category_id, "b")
    with pytest.raises(InvalidInputError):
        order_rules(session, other_tenant_id, [rule.id], actor_id=None)


@settings(
    max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    deeds=st.lists(
        st.tuples(st.sampled_from(["add", "move", "remove"]), st.integers(0, 5), st.integers(1, 7)),
        max_size=12,
    )
)
def test_whatever_is_done_the_order_is_as_a_list_would_have_it(
    sessions: sessionmaker[Session], tenant_id: UUID, deeds: list[tuple[str, int, int]]
) -> None:
    with tenant_transaction(sessions, tenant_id) as session:
        category_id = add_category(session, tenant_id, f"c{uuid4()}").id
        for rule in list_rules(session, tenant_id):
            delete_rule(session, tenant_id, rule.id, actor_id=None)
        expected: list[UUID] = []
        for deed, which, place in deeds:
            if deed == "add":
                rule = create(session, tenant_id, category_id, "a", position=place)
                expected.insert(place - 1, rule.id)
            elif expected and deed == "remove":
                gone = expected.pop(which % len(expected))
                delete_rule(session, tenant_id, gone, actor_id=None)
            elif expected:
                moved = expected.pop(which % len(expected))
                expected.insert(place - 1, moved)
                update_rule(
                    session,
                    tenant_id,
                    moved,
                    name="a",
                    category_id=category_id,
                    conditions=Conditions(payees=("a",)),
                    is_enabled=True,
                    position=place,
                    actor_id=None,
                )
            found = list_rules(session, tenant_id)
            assert [rule.id for rule in found] == expected
            assert [rule.position for rule in found] == list(range(1, len(found) + 1))
