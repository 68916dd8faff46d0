"""A command works for the tenant that is meant, and asks where several could be."""

from uuid import UUID

import pytest
from sqlalchemy.orm import Session, sessionmaker
from testing.factories import add_tenant

from payymo.cli.tenants import choose_tenant
from payymo.domain.errors import InvalidInputError, NotFoundError


def test_without_a_tenant_it_says_how_to_get_one(sessions: sessionmaker[Session]) -> None:
    with pytest.raises(NotFoundError, match="payymo up"):
        choose_tenant(sessions, None)


def test_the_only_one_need_not_be_named(sessions: sessionmaker[Session], tenant_id: UUID) -> None:
    assert choose_tenant(sessions, None) == tenant_id


def test_one_of_several_is_found_by_name_or_by_id(
    sessions: sessionmaker[Session], tenant_id: UUID, other_tenant_id: UUID
) -> None:
    assert choose_tenant(sessions, "Example Ltd") == tenant_id
    assert choose_tenant(sessions, str(other_tenant_id)) == other_tenant_id
    assert choose_tenant(sessions, str(other_tenant_id).upper()) == other_tenant_id


def test_an_unknown_one_is_not_found(sessions: sessionmaker[Session], tenant_id: UUID) -> None:
    with pytest.raises(NotFoundError, match="no such tenant"):
        choose_tenant(sessions, "Nobody")


def test_where_several_are_meant_they_are_named(
    sessions: sessionmaker[Session], tenant_id: UUID, other_tenant_id: UUID
) -> None:
    with sessions.begin() as session:
        namesake = add_tenant(session, "Example Ltd")

    with pytest.raises(InvalidInputError) as any_of_three:
        choose_tenant(sessions, None)
    with pytest.raises(InvalidInputError) as one_of_two:
        choose_tenant(sessions, "Example Ltd")

    for one in (tenant_id, other_tenant_id, namesake):
        assert str(one) in any_of_three.value.message
    assert str(namesake) in one_of_two.value.message
    assert str(other_tenant_id) not in one_of_two.value.message
