"""Bodies of a tenant's own credentials."""

from datetime import datetime
from typing import Annotated

from pydantic import AfterValidator, ConfigDict, Field, SecretStr

from payymo.api.envelopes import RequestModel, ResponseModel
from payymo.api.fields import refuse
from payymo.domain.enums import Provider

_SECRET_CHARACTERS_MAX = 1000


def _check_secret(given: SecretStr) -> SecretStr:
    text = given.get_secret_value()
    is_plain = text.isascii() and text.isprintable() and not any(sign.isspace() for sign in text)
    if not is_plain or not 1 <= len(text) <= _SECRET_CHARACTERS_MAX:
        raise refuse("This must be the text that the provider shows, without blanks.")
    return given


Secret = Annotated[SecretStr, AfterValidator(_check_secret)]


class CredentialsWrite(RequestModel):
    """What a provider gave a company to prove who it is."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "secret_id": "3fa85f64-5717-4562-b3fc-2c963f66afa6",
                    "secret_key": "the long text that is shown once",
                }
            ]
        }
    )

    secret_id: Secret
    secret_key: Secret


class CredentialsRead(ResponseModel):
    """That a tenant has credentials of its own; they are never shown again."""

    provider: Provider
    secret_id: Annotated[str, Field(description="Its last four characters.", examples=["…afa6"])]
    created_at: datetime
    updated_at: datetime
