"""Refresh tokens: once each, and never after a theft."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from payymo.domain.errors import TokenExpiredError
from payymo.postgres.auth.models import RefreshToken
from payymo.postgres.auth.operations.refresh_tokens import (
    REFRESH_TOKEN_LIFETIME,
    create_refresh_token,
    revoke_token_family,
    revoke_user_tokens,
    use_refresh_token,
)
from payymo.postgres.auth.operations.users import create_user

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)


@pytest.fixture
def user_id(session: Session) -> UUID:
    return create_user(session, email="ada@example.com", password_hash="hash")


def add(
    session: Session, tenant_id: UUID, user_id: UUID, name: str, family_id: UUID | None = None
) -> RefreshToken:
    create_refresh_token(
        session, tenant_id, user_id, token_hash=name.encode(), family_id=family_id, now=NOW
    )
    return session.scalars(
        select(RefreshToken).where(RefreshToken.token_hash == name.encode())
    ).one()


def use(session: Session, tenant_id: UUID, name: str, now: datetime = NOW) -> bool:
    session.expire_all()
    return use_refresh_token(session, tenant_id, token_hash=name.encode(), now=now) is not None


def test_a_second_use_ends_the_family_and_no_other(
    session: Session, tenant_id: UUID, user_id: UUID
) -> None:
    first = add(session, tenant_id, user_id, "first")
    add(session, tenant_id, user_id, "second", first.family_id)
    add(session, tenant_id, user_id, "elsewhere")

    uses = [use(session, tenant_id, name) for name in ("first", "first", "second", "elsewhere")]

    assert uses == [True, False, False, True]


def test_a_token_lives_for_thirty_days(session: Session, tenant_id: UUID, user_id: UUID) -> None:
    add(session, tenant_id, user_id, "a")
    add(session, tenant_id, user_id, "b")
    end = NOW + REFRESH_TOKEN_LIFETIME

    assert timedelta(days=30) == REFRESH_TOKEN_LIFETIME
    assert use(session, tenant_id, "a", end - timedelta(seconds=1))
    with pytest.raises(TokenExpiredError):
        use(session, tenant_id, "b", end)


def test_another_tenant_cannot_use_it(
    session: Session, tenant_id: UUID, other_tenant_id: UUID, user_id: UUID
) -> None:
    add(session, tenant_id, user_id, "a")

    assert not use(session, other_tenant_id, "a")
    assert use(session, tenant_id, "a")


def test_revoking_reaches_what_it_says(session: Session, tenant_id: UUID, user_id: UUID) -> None:
    other = create_user(session, email="eve@example.com", password_hash="hash")
    first = add(session, tenant_id, user_id, "first")
    add(session, tenant_id, user_id, "second", first.family_id)
    add(session, tenant_id, user_id, "elsewhere")
    add(session, tenant_id, other, "other")

    revoke_token_family(session, tenant_id, token_hash=b"second", now=NOW)
    revoke_token_family(session, tenant_id, token_hash=b"unknown", now=NOW)
    assert not use(session, tenant_id, "first")

    revoke_user_tokens(session, tenant_id, user_id, now=NOW)
    assert not use(session, tenant_id, "elsewhere")
    assert use(session, tenant_id, "other")
