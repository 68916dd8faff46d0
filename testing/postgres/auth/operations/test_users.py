"""Users, and how often they may guess."""

from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import pytest
from sqlalchemy.orm import Session

from payymo.domain.enums import Role
from payymo.domain.errors import DuplicateError, NotFoundError, TooManyRequestsError
from payymo.postgres.auth.operations.tenants import create_tenant, get_tenant
from payymo.postgres.auth.operations.users import (
    create_membership,
    create_user,
    find_membership,
    finish_login,
    get_user,
    start_login,
)

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
EMAIL = "ada@example.com"


@pytest.fixture
def user_id(session: Session) -> UUID:
    return create_user(session, email=EMAIL, password_hash="hash")


def test_an_address_is_taken_once(session: Session, user_id: UUID) -> None:
    with pytest.raises(DuplicateError, match="registered already"):
        create_user(session, email=EMAIL, password_hash="other")

    assert get_user(session, user_id).password_hash == "hash"


def test_who_is_absent_is_not_found(session: Session) -> None:
    with pytest.raises(NotFoundError):
        get_user(session, uuid4())
    with pytest.raises(NotFoundError):
        get_tenant(session, uuid4())


def test_the_lock_doubles_up_to_an_hour(session: Session, user_id: UUID) -> None:
    now = NOW
    minutes = []
    for _ in range(13):
        user = start_login(session, email=EMAIL, now=now)
        assert user is not None
        if user.locked_until is None:
            minutes.append(0.0)
        else:
            minutes.append((user.locked_until - now).total_seconds() / 60)
            now = user.locked_until

    assert minutes == [0, 0, 0, 0, 1, 2, 4, 8, 16, 32, 60, 60, 60]


def test_nobody_is_let_in_while_locked(session: Session, user_id: UUID) -> None:
    for _ in range(5):
        start_login(session, email=EMAIL, now=NOW)

    with pytest.raises(TooManyRequestsError) as refusal:
        start_login(session, email=EMAIL, now=NOW + timedelta(seconds=59))

    assert refusal.value.retry_at == NOW + timedelta(minutes=1)


def test_the_right_password_clears_the_count(session: Session, user_id: UUID) -> None:
    for _ in range(5):
        start_login(session, email=EMAIL, now=NOW)
    finish_login(session, user_id)
    session.expire_all()

    user = start_login(session, email=EMAIL, now=NOW)

    assert user is not None
    assert (user.failed_login_count, user.locked_until) == (1, None)


def test_an_unknown_address_is_nobody(session: Session) -> None:
    assert start_login(session, email="eve@example.com", now=NOW) is None


def test_without_a_tenant_the_one_joined_first_counts(session: Session, user_id: UUID) -> None:
    first = create_tenant(session, name="First", currency="EUR")
    second = create_tenant(session, name="Second", currency="SEK")
    create_membership(session, first.id, user_id, role=Role.VIEWER)
    create_membership(session, second.id, user_id, role=Role.OWNER)

    joined_first = find_membership(session, user_id, tenant_id=None)
    wanted = find_membership(session, user_id, tenant_id=second.id)

    assert joined_first is not None
    assert wanted is not None
    assert (joined_first.member_of, joined_first.role) == (first.id, Role.VIEWER)
    assert wanted.role is Role.OWNER
    assert find_membership(session, user_id, tenant_id=uuid4()) is None
    assert get_tenant(session, second.id).currency == "SEK"
