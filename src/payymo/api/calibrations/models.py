"""What the API says of a tenant's own curves of confidence."""

from datetime import datetime
from typing import Annotated, Self
from uuid import UUID

from pydantic import Field

from payymo.api.envelopes import ResponseModel
from payymo.postgres.reconciliation.models import Calibration


class CurvePoint(ResponseModel):
    """What one confidence of the engine is worth."""

    engine_confidence: float
    confidence: float


class CalibrationRead(ResponseModel):
    """One version of a tenant's curve, and what it was learnt from."""

    id: UUID
    version: int
    engine_version: str
    decided_count: Annotated[int, Field(description="Decisions that it was learnt from.")]
    right_count: Annotated[int, Field(description="Matches among them that stand.")]
    is_adopted: Annotated[
        bool, Field(description="False where the shipped curve foretold decisions as well.")
    ]
    ece_before: Annotated[
        float, Field(description="Expected calibration error of the shipped curve, 0 to 1.")
    ]
    ece_after: Annotated[
        float,
        Field(description="The same of this one, on decisions that it was not learnt from."),
    ]
    points: list[CurvePoint]
    created_at: datetime

    @classmethod
    def of(cls, calibration: Calibration) -> Self:
        """Present a curve.

        :param calibration: Row.
        """
        return cls(
            id=calibration.id,
            version=calibration.version,
            engine_version=calibration.engine_version,
            decided_count=calibration.decided_count,
            right_count=calibration.right_count,
            is_adopted=calibration.is_adopted,
            ece_before=float(calibration.ece_before),
            ece_after=float(calibration.ece_after),
            points=[
                CurvePoint(engine_confidence=seeming, confidence=true)
                for seeming, true in calibration.points["items"]
            ],
            created_at=calibration.created_at,
        )
