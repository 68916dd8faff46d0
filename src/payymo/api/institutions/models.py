"""What the API says of banks."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from pydantic import Field

from payymo.api.envelopes import ResponseModel
from payymo.domain.enums import Provider


class InstitutionRead(ResponseModel):
    """A bank that a provider can connect."""

    id: UUID
    provider: Provider
    reference: Annotated[
        str,
        Field(
            description="The provider's id of the bank; works wherever an id of a bank does.",
            examples=["SANDBOXFINANCE_SFIN0000"],
        ),
    ]
    name: Annotated[str, Field(examples=["Sandbox Finance"])]
    bic: Annotated[str | None, Field(examples=["SFIN0000"])]
    logo_url: Annotated[str | None, Field(examples=["https://example.com/logo.png"])]
    countries: Annotated[list[str], Field(examples=[["DE", "AT"]])]
    history_days_max: Annotated[
        int, Field(description="How far back its history can go, in days.", examples=[730])
    ]
    consent_days_max: Annotated[
        int, Field(description="How long one consent can last, in days.", examples=[90])
    ]
    fetched_at: Annotated[datetime, Field(description="When the provider last said so.")]
