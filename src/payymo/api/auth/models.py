"""Bodies of signing in."""

from datetime import datetime
from typing import Annotated, Final
from uuid import UUID

from pydantic import AfterValidator, ConfigDict, Field, SecretStr

from payymo.api.envelopes import RequestModel, ResponseModel
from payymo.api.fields import CurrencyIn, EmailIn, ShortText, refuse
from payymo.domain.enums import Role

PASSWORD_CHARACTERS_MIN: Final = 12
PASSWORD_CHARACTERS_MAX: Final = 256
_REFRESH_TOKEN_CHARACTERS_MAX: Final = 200


def _check_password(given: SecretStr) -> SecretStr:
    length = len(given.get_secret_value())
    if not PASSWORD_CHARACTERS_MIN <= length <= PASSWORD_CHARACTERS_MAX:
        raise refuse(
            f"A password must have {PASSWORD_CHARACTERS_MIN} to {PASSWORD_CHARACTERS_MAX} "
            "characters."
        )
    return given


Email = Annotated[EmailIn, AfterValidator(str.lower)]
RefreshTokenText = Annotated[SecretStr, Field(max_length=_REFRESH_TOKEN_CHARACTERS_MAX)]


class Registration(RequestModel):
    """A tenant to be made, with its owner."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "tenant_name": "Example Ltd",
                    "email": "ada@example.com",
                    "password": "twelve characters or more",
                    "currency": "EUR",
                }
            ]
        }
    )

    tenant_name: ShortText
    email: Email
    password: Annotated[SecretStr, AfterValidator(_check_password)]
    currency: CurrencyIn = "EUR"


class Credentials(RequestModel):
    """Who wants to come in."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"email": "ada@example.com", "password": "twelve characters or more"}]
        }
    )

    email: Email
    password: Annotated[SecretStr, Field(max_length=PASSWORD_CHARACTERS_MAX)]
    tenant_id: Annotated[
        UUID | None, Field(description="Tenant to enter; without it, the one joined first.")
    ] = None


class RefreshRequest(RequestModel):
    """A refresh token, for clients that keep no cookies."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"refresh_token": "01985c1e7d3a7c449d0e5f1b2a3c4d5e.Xb…"}]}
    )

    refresh_token: RefreshTokenText | None = None


class Tokens(ResponseModel):
    """What lets a member in."""

    access_token: Annotated[
        str, Field(description="Send it as Authorization: Bearer.", examples=["eyJhbGciOi…"])
    ]
    token_type: Annotated[str, Field(examples=["Bearer"])]
    expires_in: Annotated[int, Field(description="Seconds.", examples=[900])]
    refresh_token: Annotated[
        str | None,
        Field(
            description="Buys the next pair, once. Null where it came as a cookie: it stays one.",
            examples=["01985c1e7d3a7c449d0e5f1b2a3c4d5e.Xb…"],
        ),
    ]


class UserRead(ResponseModel):
    """A person who can sign in."""

    id: UUID
    email: Annotated[str, Field(examples=["ada@example.com"])]


class TenantRead(ResponseModel):
    """A business or a person whose data stands apart from all others'."""

    id: UUID
    name: Annotated[str, Field(examples=["Example Ltd"])]
    currency: Annotated[str, Field(examples=["EUR"])]
    created_at: datetime


class Identity(ResponseModel):
    """Who is signed in, where, and what may be done there."""

    user: UserRead
    tenant: TenantRead
    role: Role


class Registered(Identity, Tokens):
    """A new tenant, its owner, and what lets the owner in."""
