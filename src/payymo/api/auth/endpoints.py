"""Registering, signing in and out, and who one is.

A refresh token travels as an HttpOnly cookie that only these addresses receive, or in bodies: a
token that came as a cookie is never shown to a script. Answers here are never kept for
``Idempotency-Key``, since they hold tokens.
"""

from http import HTTPStatus
from typing import Annotated, Final

from fastapi import Cookie, Request, Response

from payymo.api.access_tokens import ACCESS_TOKEN_LIFETIME, Member
from payymo.api.auth.entry import Entry, leave, leave_everywhere, register, sign_in, stay_in
from payymo.api.auth.models import (
    Credentials,
    Identity,
    RefreshRequest,
    Registered,
    Registration,
    TenantRead,
    Tokens,
    UserRead,
)
from payymo.api.context import get_context
from payymo.api.dependencies import MemberDep, ServicesDep
from payymo.api.envelopes import Item, item_response
from payymo.api.openapi import errors
from payymo.api.routing import API_PREFIX, PUBLIC, resource_router
from payymo.api.services import ApiServices
from payymo.domain.errors import AuthenticationError, InvalidTokenError
from payymo.postgres.auth.operations.refresh_tokens import REFRESH_TOKEN_LIFETIME
from payymo.postgres.auth.operations.tenants import get_tenant
from payymo.postgres.auth.operations.users import find_membership, get_user
from payymo.postgres.tenancy import tenant_transaction

COOKIE: Final = "payymo_refresh_token"
_COOKIE_PATH: Final = f"{API_PREFIX}/auth"

router = resource_router("/auth", tag="auth")

RefreshCookie = Annotated[str | None, Cookie(alias=COOKIE, include_in_schema=False)]


@router.post(
    "/register",
    status_code=HTTPStatus.CREATED,
    response_model=Item[Registered],
    responses=errors(409),
    openapi_extra=dict(PUBLIC),
)
def register_tenant(body: Registration, services: ServicesDep) -> Response:
    """Make a tenant with its owner, and sign the owner in."""
    entry = register(
        services,
        tenant_name=body.tenant_name,
        currency=body.currency,
        email=body.email,
        password=body.password.get_secret_value(),
    )
    identity = _identify(services, entry.member)
    registered = Registered(**dict(identity), **dict(_present(entry)))
    location = {"Location": f"{API_PREFIX}/auth/me"}
    response = item_response(registered, status=HTTPStatus.CREATED, headers=location)
    return _with_cookie(response, services, entry)


@router.post(
    "/login",
    response_model=Item[Tokens],
    responses=errors(401),
    openapi_extra=dict(PUBLIC),
)
def login(body: Credentials, services: ServicesDep) -> Response:
    """Sign in; repeated failures lock the user for a growing time (429)."""
    entry = sign_in(
        services,
        email=body.email,
        password=body.password.get_secret_value(),
        tenant_id=body.tenant_id,
    )
    return _with_cookie(item_response(_present(entry)), services, entry)


@router.post(
    "/refresh",
    response_model=Item[Tokens],
    responses=errors(401),
    openapi_extra=dict(PUBLIC),
)
def refresh(
    services: ServicesDep, body: RefreshRequest | None = None, cookie: RefreshCookie = None
) -> Response:
    """Exchange a refresh token for the next pair; one that comes twice ends its whole family."""
    given = _refresh_token_in(body)
    if given is not None:
        return item_response(_present(stay_in(services, refresh_token=given)))
    if cookie is None:
        raise AuthenticationError("Send the refresh token in the body or as the cookie.")
    entry = stay_in(services, refresh_token=cookie)
    hidden = _present(entry).model_copy(update={"refresh_token": None})
    return _with_cookie(item_response(hidden), services, entry)


@router.post(
    "/logout",
    status_code=HTTPStatus.NO_CONTENT,
    responses=errors(401),
    openapi_extra=dict(PUBLIC),
)
def logout(
    request: Request,
    services: ServicesDep,
    body: RefreshRequest | None = None,
    cookie: RefreshCookie = None,
) -> Response:
    """Sign out: end the refresh token and its family, or without one all of the member's."""
    given = _refresh_token_in(body) or cookie
    if given is not None:
        leave(services, refresh_token=given)
    else:
        leave_everywhere(services, get_context(request.scope).require_member())
    response = Response(status_code=HTTPStatus.NO_CONTENT)
    response.delete_cookie(COOKIE, path=_COOKIE_PATH)
    return response


@router.get("/me", response_model=Item[Identity])
def read_me(member: MemberDep, services: ServicesDep) -> Response:
    """Return who is signed in."""
    return item_response(_identify(services, member))


def _identify(services: ApiServices, member: Member) -> Identity:
    with tenant_transaction(services.sessions, member.tenant_id) as session:
        membership = find_membership(session, member.user_id, tenant_id=member.tenant_id)
        if membership is None:
            raise InvalidTokenError("You are no member of this tenant any more: sign in again.")
        return Identity(
            user=UserRead.model_validate(get_user(session, member.user_id)),
            tenant=TenantRead.model_validate(get_tenant(session, member.tenant_id)),
            role=membership.role,
        )


def _refresh_token_in(body: RefreshRequest | None) -> str | None:
    if body is None or body.refresh_token is None:
        return None
    return body.refresh_token.get_secret_value()


def _present(entry: Entry) -> Tokens:
    return Tokens(
        access_token=entry.access_token,
        token_type="Bearer",  # noqa: S106  # the scheme's name
        expires_in=int(ACCESS_TOKEN_LIFETIME.total_seconds()),
        refresh_token=entry.refresh_token,
    )


def _with_cookie(response: Response, services: ApiServices, entry: Entry) -> Response:
    response.set_cookie(
        COOKIE,
        entry.refresh_token,
        max_age=int(REFRESH_TOKEN_LIFETIME.total_seconds()),
        path=_COOKIE_PATH,
        secure=services.public_url.startswith("https:"),
        httponly=True,
        samesite="strict",
    )
    return response
