"""Refresh tokens: each is used once, and only its hash is kept."""

from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from sqlalchemy import ColumnElement, select, update
from sqlalchemy.orm import Session
from uuid_utils.compat import uuid7

from payymo.domain.errors import TokenExpiredError
from payymo.postgres.auth.models import RefreshToken

REFRESH_TOKEN_LIFETIME: Final = timedelta(days=30)


def create_refresh_token(
    session: Session,
    tenant_id: UUID,
    user_id: UUID,
    *,
    token_hash: bytes,
    family_id: UUID | None,
    now: datetime,
) -> None:
    """Remember a token that was handed out.

    :param session: Open session; the caller manages the transaction.
    :param tenant_id: Tenant that it opens.
    :param user_id: Whom it lets in.
    :param token_hash: SHA-256 of the token.
    :param family_id: Family of the token that it succeeds; ``None`` founds a new one.
    :param now: Present moment.
    """
    token = RefreshToken(
        tenant_id=tenant_id,
        user_id=user_id,
        family_id=family_id or uuid7(),
        token_hash=token_hash,
        expires_at=now + REFRESH_TOKEN_LIFETIME,
    )
    session.add(token)
    session.flush()


def use_refresh_token(
    session: Session, tenant_id: UUID, *, token_hash: bytes, now: datetime
) -> RefreshToken | None:
    """Take a token for the only time that it may be used.

    :param session: Open session; the caller manages the transaction, which must be committed
        even where the answer is ``None``: a token that comes a second time was stolen from
        somebody, so its whole family ends.
    :param tenant_id: Tenant that it opens.
    :param token_hash: SHA-256 of the token.
    :param now: Present moment.
    :returns: The token; ``None`` if it is unknown, revoked or was used before.
    :raises TokenExpiredError: If it was good once.
    """
    statement = select(RefreshToken).where(
        RefreshToken.tenant_id == tenant_id, RefreshToken.token_hash == token_hash
    )
    token = session.scalars(statement.with_for_update()).one_or_none()
    if token is None or token.revoked_at is not None:
        return None
    if token.used_at is not None:
        _revoke(session, tenant_id, RefreshToken.family_id == token.family_id, now)
        return None
    if token.expires_at <= now:
        raise TokenExpiredError("The refresh token has expired: sign in again.")
    token.used_at = now
    session.flush()
    return token


def revoke_token_family(
    session: Session, tenant_id: UUID, *, token_hash: bytes, now: datetime
) -> None:
    """End a token and all that descend from the same login; an unknown one has ended already.

    :param session: Open session; the caller manages the transaction.
    :param tenant_id: Tenant that it opens.
    :param token_hash: SHA-256 of the token.
    :param now: Present moment.
    """
    family = (
        select(RefreshToken.family_id)
        .where(RefreshToken.tenant_id == tenant_id, RefreshToken.token_hash == token_hash)
        .scalar_subquery()
    )
    _revoke(session, tenant_id, RefreshToken.family_id == family, now)


def revoke_user_tokens(session: Session, tenant_id: UUID, user_id: UUID, *, now: datetime) -> None:
    """End all tokens of a user within a tenant.

    :param session: Open session; the caller manages the transaction.
    :param tenant_id: Tenant that they open.
    :param user_id: Whom they let in.
    :param now: Present moment.
    """
    _revoke(session, tenant_id, RefreshToken.user_id == user_id, now)


def _revoke(session: Session, tenant_id: UUID, which: ColumnElement[bool], now: datetime) -> None:
    session.execute(
        update(RefreshToken)
        .where(RefreshToken.tenant_id == tenant_id, which, RefreshToken.revoked_at.is_(None))
        .values(revoked_at=now)
    )
