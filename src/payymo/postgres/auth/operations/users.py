"""Users, what they may do where, and how often they may guess a password."""

from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from sqlalchemy import select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from payymo.domain.enums import Role
from payymo.domain.errors import DuplicateError, NotFoundError, TooManyRequestsError
from payymo.postgres.auth.models import Membership, User

#: Wrong passwords in a row that cost nothing but the last one.
FREE_GUESSES: Final = 4
LOCK_MIN: Final = timedelta(minutes=1)
LOCK_MAX: Final = timedelta(hours=1)


def create_user(session: Session, *, email: str, password_hash: str) -> UUID:
    """Add a user, and return the id.

    :param session: Open session; the caller manages the transaction.
    :param email: Address in lower case.
    :param password_hash: Argon2id hash.
    :raises DuplicateError: If somebody has the address already.
    """
    statement = (
        insert(User)
        .values(email=email, password_hash=password_hash)
        .on_conflict_do_nothing(index_elements=["email"])
        .returning(User.id)
    )
    user_id = session.scalars(statement).one_or_none()
    if user_id is None:
        raise DuplicateError("This e-mail address is registered already: sign in instead.")
    return user_id


def get_user(session: Session, user_id: UUID) -> User:
    """Return a user.

    :param session: Open session; the caller manages the transaction.
    :param user_id: User to return.
    :raises NotFoundError: If there is none.
    """
    user = session.get(User, user_id)
    if user is None:
        raise NotFoundError("There is no such user.")
    return user


def start_login(session: Session, *, email: str, now: datetime) -> User | None:
    """Return the user whose password is about to be checked.

    The attempt counts as failed until :func:`finish_login` says otherwise, so that guesses made
    at the same time count as well.

    :param session: Open session; the caller manages the transaction, and ends it before the
        password is checked.
    :param email: Address in lower case.
    :param now: Present moment.
    :returns: The user; ``None`` if nobody has the address.
    :raises TooManyRequestsError: If too many attempts failed.
    """
    statement = select(User).where(User.email == email).with_for_update()
    user = session.scalars(statement).one_or_none()
    if user is None:
        return None
    if user.locked_until is not None and user.locked_until > now:
        raise TooManyRequestsError(
            "Too many failed attempts to sign in: wait as long as Retry-After says.",
            retry_at=user.locked_until,
        )
    user.failed_login_count += 1
    user.locked_until = _lock_end(user.failed_login_count, now)
    session.flush()
    return user


def finish_login(session: Session, user_id: UUID) -> None:
    """Forget the failed attempts of a user whose password was right.

    :param session: Open session; the caller manages the transaction.
    :param user_id: User who signed in.
    """
    session.execute(
        update(User).where(User.id == user_id).values(failed_login_count=0, locked_until=None)
    )


def create_membership(session: Session, tenant_id: UUID, user_id: UUID, *, role: Role) -> None:
    """Make a user a member of a tenant.

    :param session: Open session; the caller manages the transaction.
    :param tenant_id: Tenant to join.
    :param user_id: User who joins.
    :param role: What the user may do there.
    """
    session.add(Membership(user_id=user_id, member_of=tenant_id, role=role))
    session.flush()


def find_membership(
    session: Session, user_id: UUID, *, tenant_id: UUID | None
) -> Membership | None:
    """Return where a user is a member.

    :param session: Open session; the caller manages the transaction.
    :param user_id: The user.
    :param tenant_id: Tenant wanted; ``None`` for the one joined first.
    :returns: The membership; ``None`` if there is none.
    """
    statement = select(Membership).where(Membership.user_id == user_id)
    if tenant_id is not None:
        statement = statement.where(Membership.member_of == tenant_id)
    first = statement.order_by(Membership.created_at, Membership.member_of).limit(1)
    return session.scalars(first).one_or_none()


def _lock_end(failed_count: int, now: datetime) -> datetime | None:
    """Return until when no further attempt is answered: each failure doubles the time."""
    excess = failed_count - FREE_GUESSES - 1
    if excess < 0:
        return None
    doublings = min(excess, int(LOCK_MAX / LOCK_MIN).bit_length())
    return now + min(LOCK_MIN * (1 << doublings), LOCK_MAX)
