"""``/token/…``: secrets become tokens, refresh tokens become access tokens."""

import base64
import secrets
from datetime import timedelta
from typing import Annotated

from fastapi import APIRouter, Depends, Request
from starlette.responses import Response

from payymo.sandbox import errors
from payymo.sandbox.api.body import Problems, read_body, text_field
from payymo.sandbox.service import Sandbox, answer, visit

ACCESS_LIFETIME = timedelta(hours=24)
REFRESH_LIFETIME = timedelta(days=30)

router = APIRouter(prefix="/token")

NewDep = Annotated[Sandbox, Depends(visit("token_new", "token", anonymous=True))]
RefreshDep = Annotated[Sandbox, Depends(visit("token_refresh", "token", anonymous=True))]


@router.post("/new/")
async def create(request: Request, sandbox: NewDep) -> Response:
    """Give an access token and a refresh token for the secrets."""
    problems = Problems()
    fields = await read_body(request, ("secret_id", "secret_key"))
    secret_id = text_field(fields, "secret_id", problems, required=True)
    secret_key = text_field(fields, "secret_key", problems, required=True)
    problems.refuse()

    if not sandbox.is_customer(secret_id or "", secret_key or ""):
        raise errors.authentication_failed()
    access, refresh = _token(), _token()
    sandbox.issue(access, "access", ACCESS_LIFETIME)
    sandbox.issue(refresh, "refresh", REFRESH_LIFETIME)
    return answer(
        {
            "access": access,
            "access_expires": int(ACCESS_LIFETIME.total_seconds()),
            "refresh": refresh,
            "refresh_expires": int(REFRESH_LIFETIME.total_seconds()),
        }
    )


@router.post("/refresh/")
async def refresh(request: Request, sandbox: RefreshDep) -> Response:
    """Give a new access token, and nothing else, for a refresh token."""
    problems = Problems()
    fields = await read_body(request, ("refresh",))
    token = text_field(fields, "refresh", problems, required=True)
    problems.refuse()

    if not sandbox.holds(token or "", "refresh"):
        raise errors.invalid_token()
    access = _token()
    sandbox.issue(access, "access", ACCESS_LIFETIME)
    return answer({"access": access, "access_expires": int(ACCESS_LIFETIME.total_seconds())})


def _token() -> str:
    """Return a random text that looks like a JWT; nothing can be read from it."""
    head = base64.urlsafe_b64encode(b'{"typ":"JWT","alg":"HS256"}').rstrip(b"=").decode()
    return f"{head}.{secrets.token_urlsafe(120)}.{secrets.token_urlsafe(32)}"
