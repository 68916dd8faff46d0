"""What the API says of a band of confidence."""

from typing import Annotated

from pydantic import Field

from payymo.api.envelopes import ResponseModel


class BandRead(ResponseModel):
    """The engine's matches of a range of confidence, and how right they turned out to be."""

    low: Annotated[float, Field(description="Confidence from which it reaches.", examples=[0.95])]
    high: Annotated[float, Field(description="Below which; 1 is in the last.", examples=[0.99])]
    waiting_count: Annotated[int, Field(description="Suggestions.")]
    applied_count: Annotated[
        int, Field(description="Matches that Payymo applied and nobody has looked at.")
    ]
    decided_count: Annotated[int, Field(description="Matches that people decided on.")]
    right_count: Annotated[
        int, Field(description="Those of them that they confirmed and that stand.")
    ]
