"""A tenant's categories have names of their own, and none that is used goes away."""

from uuid import UUID, uuid4

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session
from testing.factories import NOW, add_account, add_category, add_transaction

from payymo.domain.categories.rules import Conditions
from payymo.domain.enums import CategoryKind, CategorySet
from payymo.domain.errors import DuplicateError, NotFoundError, RuleError
from payymo.postgres.auth.models import AuditEntry
from payymo.postgres.categories.models import Category
from payymo.postgres.categories.operations.categories import (
    add_category_set,
    create_category,
    delete_category,
    find_category,
    get_category,
    list_categories,
    name_category,
    update_category,
)
from payymo.postgres.categories.operations.rules import create_rule
from payymo.postgres.common.operations.categorisation import choose_category
from payymo.postgres.tenancy import enter_tenant

EXPENSE, INCOME = CategoryKind.EXPENSE, CategoryKind.INCOME


def create(session: Session, tenant_id: UUID, name: str) -> Category:
    return create_category(session, tenant_id, name=name, kind=EXPENSE, actor_id=None)


def names(session: Session, tenant_id: UUID) -> list[str]:
    return [category.name for category in list_categories(session, tenant_id)]


def test_they_are_listed_by_name_and_those_at_rest_apart(session: Session, tenant_id: UUID) -> None:
    for name in ("office", "Books", "Rent"):
        create(session, tenant_id, name)
    rent = find_category(session, tenant_id, "RENT")
    assert rent is not None
    update_category(session, tenant_id, rent.id, actor_id=None, is_active=False)

    assert names(session, tenant_id) == ["Books", "office", "Rent"]
    assert [each.name for each in list_categories(session, tenant_id, is_active=False)] == ["Rent"]


def test_a_name_is_there_once_in_any_case(session: Session, tenant_id: UUID) -> None:
    books, office = create(session, tenant_id, "Books"), create(session, tenant_id, "Office")

    with pytest.raises(DuplicateError):
        create(session, tenant_id, "BOOKS")
    with pytest.raises(DuplicateError):
        update_category(session, tenant_id, office.id, actor_id=None, name="books")
    same = name_category(session, tenant_id, "bOOks", kind=INCOME, actor_id=None)

    assert same.id == books.id
    assert names(session, tenant_id) == ["Books", "Office"]


def test_what_is_done_is_written_down(session: Session, tenant_id: UUID) -> None:
    actor_id = uuid4()
    books = create(session, tenant_id, "Books")
    for _ in range(2):
        update_category(session, tenant_id, books.id, actor_id=actor_id, name="Reading")
    delete_category(session, tenant_id, books.id, actor_id=actor_id)

    entries = session.scalars(select(AuditEntry).order_by(AuditEntry.id)).all()
    assert [(entry.action, entry.actor_id) for entry in entries] == [
        ("added", None),
        ("changed", actor_id),
        ("deleted", actor_id),
    ]
    assert (entries[1].before, entries[1].after) == ({"name": "Books"}, {"name": "Reading"})


class TestDelete:
    @pytest.fixture
    def books(self, session: Session, tenant_id: UUID) -> Category:
        return create(session, tenant_id, "Books")

    def test_one_that_a_transaction_has_stays(
        self, session: Session, tenant_id: UUID, books: Category
    ) -> None:
        row = add_transaction(session, tenant_id, add_account(session, tenant_id))
        choose_category(session, tenant_id, row.id, books.id, now=NOW)

        with pytest.raises(RuleError) as raised:
            delete_category(session, tenant_id, books.id, actor_id=None)

        assert raised.value.code == "category_is_used"
        assert names(session, tenant_id) == ["Books"]

    def test_one_that_a_rule_assigns_stays(
        self, session: Session, tenant_id: UUID, books: Category
    ) -> None:
        create_rule(
            session,
            tenant_id,
            name="Books",
            category_id=books.id,
            conditions=Conditions(payees=("Shop",)),
            actor_id=None,
        )

        with pytest.raises(RuleError, match="rules have this category"):
            delete_category(session, tenant_id, books.id, actor_id=None)

    def test_one_that_nothing_has_goes(
        self, session: Session, tenant_id: UUID, books: Category
    ) -> None:
        delete_category(session, tenant_id, books.id, actor_id=None)

        with pytest.raises(NotFoundError):
            get_category(session, tenant_id, books.id)


class TestSets:
    def test_what_is_lacking_is_added_and_again_changes_nothing(
        self, session: Session, tenant_id: UUID
    ) -> None:
        first = add_category_set(session, tenant_id, CategorySet.HOUSEHOLD, actor_id=None)
        again = add_category_set(session, tenant_id, CategorySet.HOUSEHOLD, actor_id=None)
        business = add_category_set(session, tenant_id, CategorySet.BUSINESS, actor_id=None)

        assert (len(first), len(again), len(business)) == (21, 0, 10)
        assert {"groceries", "transfer"} <= {category.key for category in first}
        assert "payroll" in {category.key for category in business}

    def test_a_tenants_own_of_that_name_becomes_it(self, session: Session, tenant_id: UUID) -> None:
        own = create_category(session, tenant_id, name="groceries", kind=INCOME, actor_id=None)

        added = add_category_set(session, tenant_id, CategorySet.HOUSEHOLD, actor_id=None)

        assert (own.key, own.name, own.kind) == ("groceries", "groceries", INCOME)
        assert len(added) == 20

    def test_one_that_was_renamed_is_not_added_again(
        self, session: Session, tenant_id: UUID
    ) -> None:
        add_category_set(session, tenant_id, CategorySet.HOUSEHOLD, actor_id=None)
        known = find_category(session, tenant_id, "Groceries")
        assert known is not None
        update_category(session, tenant_id, known.id, actor_id=None, name="Food")

        assert add_category_set(session, tenant_id, CategorySet.HOUSEHOLD, actor_id=None) == []


def test_another_tenant_has_its_own(
    session: Session, tenant_id: UUID, other_tenant_id: UUID
) -> None:
    books = create(session, tenant_id, "Books")
    enter_tenant(session, other_tenant_id)
    add_category(session, other_tenant_id, "Books")

    with pytest.raises(NotFoundError):
        get_category(session, other_tenant_id, books.id)
    with pytest.raises(NotFoundError):
        update_category(session, other_tenant_id, books.id, actor_id=None, name="Mine")
    with pytest.raises(NotFoundError):
        delete_category(session, other_tenant_id, books.id, actor_id=None)
    assert names(session, other_tenant_id) == ["Books"]
