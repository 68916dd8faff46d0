"""What the engine's confidence is worth to each tenant: versions of its curve."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from payymo.domain.matching.recalibration import Curve, Recalibration
from payymo.postgres.core import Page
from payymo.postgres.reconciliation.models import Calibration


def find_calibration(
    session: Session, tenant_id: UUID, *, engine_version: str
) -> Calibration | None:
    """Return the latest curve for one version of the engine; ``None`` while there is none.

    :param session: Open session; the caller manages the transaction.
    :param tenant_id: Tenant whose decisions it was learnt from.
    :param engine_version: Version of the engine.
    """
    return session.scalars(
        select(Calibration)
        .where(Calibration.tenant_id == tenant_id, Calibration.engine_version == engine_version)
        .order_by(Calibration.version.desc())
        .limit(1)
    ).one_or_none()


def list_calibrations(
    session: Session, tenant_id: UUID, *, page: int = 1, per_page: int = 100
) -> Page[Calibration]:
    """Return the tenant's curves, the latest first.

    :param session: Open session; the caller manages the transaction.
    :param tenant_id: Tenant that owns them.
    :param page: Page, from 1.
    :param per_page: Rows of a page.
    """
    own = Calibration.tenant_id == tenant_id
    total = session.scalar(select(func.count()).select_from(Calibration).where(own))
    rows = session.scalars(
        select(Calibration)
        .where(own)
        .order_by(Calibration.version.desc())
        .offset((page - 1) * per_page)
        .limit(per_page)
    )
    return Page(rows=rows.all(), total=total or 0)


def record_calibration(
    session: Session,
    tenant_id: UUID,
    learnt: Recalibration,
    *,
    engine_version: str,
    now: datetime,
) -> Calibration:
    """Keep a new curve, and return it; the caller holds the lock of the tenant's matching.

    :param session: Open session; the caller manages the transaction.
    :param tenant_id: Tenant whose decisions it was learnt from.
    :param learnt: The curve, and how it was come by.
    :param engine_version: Version of the engine whose matches were decided on.
    :param now: Present time.
    """
    last = session.scalar(
        select(func.max(Calibration.version)).where(Calibration.tenant_id == tenant_id)
    )
    calibration = Calibration(
        tenant_id=tenant_id,
        version=(last or 0) + 1,
        engine_version=engine_version,
        decided_count=learnt.decided,
        right_count=learnt.right,
        is_adopted=learnt.is_adopted,
        ece_before=round(learnt.ece_before, 4),
        ece_after=round(learnt.ece_after, 4),
        points={"items": [list(point) for point in learnt.curve.points]},
        created_at=now,
    )
    session.add(calibration)
    session.flush()
    return calibration


def curve_of(calibration: Calibration | None) -> Curve:
    """Return the curve that a row holds; that of no row changes nothing.

    :param calibration: Row, or none.
    """
    if calibration is None:
        return Curve()
    return Curve(tuple((seeming, true) for seeming, true in calibration.points["items"]))
