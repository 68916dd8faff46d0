"""The verbs of coming in: register, sign in, stay in, leave."""

import hashlib
import secrets
from dataclasses import dataclass, field
from uuid import UUID

from sqlalchemy.orm import Session

from payymo.api.access_tokens import AccessTokens, Member
from payymo.api.auth.passwords import hash_password, is_right_password
from payymo.api.services import ApiServices
from payymo.domain.enums import Role
from payymo.domain.errors import InvalidCredentialsError, InvalidTokenError
from payymo.postgres.auth.operations.refresh_tokens import (
    create_refresh_token,
    revoke_token_family,
    revoke_user_tokens,
    use_refresh_token,
)
from payymo.postgres.auth.operations.tenants import create_tenant
from payymo.postgres.auth.operations.users import (
    create_membership,
    create_user,
    find_membership,
    finish_login,
    start_login,
)
from payymo.postgres.tenancy import enter_tenant, tenant_transaction

_TOKEN_BYTES = 32
_TENANT_DIGITS = 32


@dataclass(frozen=True, slots=True)
class Entry:
    """What lets somebody in.

    :ivar access_token: Sent with every request.
    :ivar refresh_token: Buys the next pair, once.
    """

    member: Member
    access_token: str = field(repr=False)
    refresh_token: str = field(repr=False)


def register(
    services: ApiServices, *, tenant_name: str, currency: str, email: str, password: str
) -> Entry:
    """Make a tenant with its owner, and let the owner in.

    :param services: The machines that the API was started with.
    :param tenant_name: What people call the tenant.
    :param currency: ISO 4217 code of its books.
    :param email: The owner's address in lower case.
    :param password: The owner's password.
    :raises DuplicateError: If somebody has the address already.
    """
    password_hash = hash_password(password)
    with services.sessions.begin() as session:
        user_id = create_user(session, email=email, password_hash=password_hash)
        tenant = create_tenant(session, name=tenant_name, currency=currency)
        enter_tenant(session, tenant.id)
        create_membership(session, tenant.id, user_id, role=Role.OWNER)
        return _let_in(services, session, Member(tenant.id, user_id, Role.OWNER))


def sign_in(services: ApiServices, *, email: str, password: str, tenant_id: UUID | None) -> Entry:
    """Let a user in who knows the password.

    :param services: The machines that the API was started with.
    :param email: Address in lower case.
    :param password: What was typed.
    :param tenant_id: Tenant to enter; ``None`` for the one joined first.
    :raises InvalidCredentialsError: If there is no such user, password or membership.
    :raises TooManyRequestsError: If too many attempts failed.
    """
    with services.sessions.begin() as session:
        user = start_login(session, email=email, now=services.clock())
    is_right = is_right_password(password, user.password_hash if user else None)
    if user is None or not is_right:
        raise _invalid_credentials()
    with services.sessions.begin() as session:
        finish_login(session, user.id)
        membership = find_membership(session, user.id, tenant_id=tenant_id)
        if membership is None:
            raise _invalid_credentials()
        enter_tenant(session, membership.member_of)
        member = Member(membership.member_of, user.id, membership.role)
        return _let_in(services, session, member)


def stay_in(services: ApiServices, *, refresh_token: str) -> Entry:
    """Exchange a refresh token for the next pair.

    :param services: The machines that the API was started with.
    :param refresh_token: A token that was handed out and not used yet.
    :raises InvalidTokenError: If it is not; one that comes a second time ends its whole family.
    :raises TokenExpiredError: If it was good once.
    """
    tenant_id = _tenant_of(refresh_token)
    now = services.clock()
    with tenant_transaction(services.sessions, tenant_id) as session:
        token = use_refresh_token(session, tenant_id, token_hash=_hash(refresh_token), now=now)
        if token is not None:
            membership = find_membership(session, token.user_id, tenant_id=tenant_id)
            if membership is not None:
                member = Member(tenant_id, token.user_id, membership.role)
                return _let_in(services, session, member, family_id=token.family_id)
    raise _invalid_token()


def leave(services: ApiServices, *, refresh_token: str) -> None:
    """End a refresh token and its family; one that means nothing has ended already.

    :param services: The machines that the API was started with.
    :param refresh_token: A token that was handed out.
    """
    try:
        tenant_id = _tenant_of(refresh_token)
    except InvalidTokenError:
        return
    with tenant_transaction(services.sessions, tenant_id) as session:
        revoke_token_family(
            session, tenant_id, token_hash=_hash(refresh_token), now=services.clock()
        )


def leave_everywhere(services: ApiServices, member: Member) -> None:
    """End all refresh tokens of a member.

    :param services: The machines that the API was started with.
    :param member: Who leaves.
    """
    with tenant_transaction(services.sessions, member.tenant_id) as session:
        revoke_user_tokens(session, member.tenant_id, member.user_id, now=services.clock())


def _let_in(
    services: ApiServices, session: Session, member: Member, *, family_id: UUID | None = None
) -> Entry:
    # The token names its tenant, so that row-level security can be entered before the lookup.
    refresh_token = f"{member.tenant_id.hex}.{secrets.token_urlsafe(_TOKEN_BYTES)}"
    create_refresh_token(
        session,
        member.tenant_id,
        member.user_id,
        token_hash=_hash(refresh_token),
        family_id=family_id,
        now=services.clock(),
    )
    access_token = AccessTokens(services.token_key, services.clock).issue(member)
    return Entry(member, access_token, refresh_token)


def _tenant_of(refresh_token: str) -> UUID:
    digits, dot, _ = refresh_token.partition(".")
    try:
        tenant_id = UUID(hex=digits)
    except ValueError:
        raise _invalid_token() from None
    if not dot or len(digits) != _TENANT_DIGITS:
        raise _invalid_token()
    return tenant_id


def _hash(refresh_token: str) -> bytes:
    return hashlib.sha256(refresh_token.encode()).digest()


def _invalid_credentials() -> InvalidCredentialsError:
    return InvalidCredentialsError("The e-mail address or the password is wrong.")


def _invalid_token() -> InvalidTokenError:
    return InvalidTokenError("The refresh token is not valid: sign in again.")
