"""What went wrong with a bank, as the API says it."""

from typing import Annotated, Self

from pydantic import Field

from payymo.api.envelopes import ResponseModel
from payymo.domain.enums import FaultKind
from payymo.postgres.common.models import Faulted


class Fault(ResponseModel):
    """What went wrong."""

    kind: Annotated[
        FaultKind | None,
        Field(
            description="Whose matter it is: `ours` is Payymo's or its operator's, `consent` the "
            "account holder's, `quota` and `bank` pass by themselves, `account` concerns that "
            "account alone, and `interrupted` is work that was cut short and taken up again.",
            examples=["bank"],
        ),
    ]
    code: Annotated[str, Field(description="For programs.", examples=["provider_unavailable"])]
    message: Annotated[
        str,
        Field(
            description="What happened and what to do, in a sentence.",
            examples=["The bank does not answer. Payymo tries again by itself."],
        ),
    ]
    provider_code: Annotated[
        str | None, Field(description="The provider's own word for it.", examples=["ServiceError"])
    ]
    http_status: Annotated[
        int | None, Field(description="The provider's HTTP status.", examples=[503])
    ]
    provider_request_id: Annotated[
        str | None,
        Field(
            description="By what name the provider's support can find the request.",
            examples=["912d33138a2171ec-LHR"],
        ),
    ]

    @classmethod
    def of(cls, row: Faulted) -> Self | None:
        """Present what went wrong, where anything did.

        :param row: A connection, an account, or a run or its part.
        """
        if row.error_code is None:
            return None
        return cls(
            kind=row.error_kind,
            code=row.error_code,
            message=row.error_message or row.error_code,
            provider_code=row.error_provider_code,
            http_status=row.error_http_status,
            provider_request_id=row.error_request_id,
        )
