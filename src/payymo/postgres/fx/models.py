"""Exchange rates against the euro, whoever says so.

``fx_rates`` and ``fx_imports`` stand outside the tenants' walls: what the European Central Bank
publishes is the same for everybody. A transaction that works for a tenant can read them, and the
database refuses it to write them (migration 0020).
"""

from datetime import date, datetime
from decimal import Decimal
from typing import Final
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, Numeric, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column
from uuid_utils.compat import uuid7

from payymo.domain.enums import RateOrigin, RunStatus
from payymo.domain.exchange import RATE_PRECISION, RATE_SCALE
from payymo.postgres.core import Base, Stamped, TenantRow

_RATE: Final = Numeric(RATE_PRECISION, RATE_SCALE)


class FxRate(Stamped, Base):
    """A euro foreign exchange reference rate of the European Central Bank.

    :ivar currency: ISO 4217 code; never EUR. Currencies that the euro replaced are kept as well.
    :ivar rate: Units of the currency for one euro.
    """

    __tablename__ = "fx_rates"
    __table_args__ = (CheckConstraint("rate > 0", name="rate_positive"),)

    currency: Mapped[str] = mapped_column(primary_key=True)
    rate_date: Mapped[date] = mapped_column(primary_key=True)
    rate: Mapped[Decimal] = mapped_column(_RATE)


class FxRateOverride(Stamped, TenantRow):
    """A tenant's own rate of a currency for a day: it wins over the reference rate.

    :ivar rate: Units of the currency for one euro.
    :ivar note: Where it is from, in the words of who entered it.
    """

    __tablename__ = "fx_rate_overrides"
    __table_args__ = (
        UniqueConstraint("tenant_id", "currency", "rate_date"),
        CheckConstraint("rate > 0", name="rate_positive"),
        CheckConstraint("currency <> 'EUR'", name="not_euro"),
    )

    tenant_id: Mapped[UUID] = mapped_column(
        ForeignKey("tenants.id"), primary_key=True, sort_order=-2
    )
    currency: Mapped[str]
    rate_date: Mapped[date]
    rate: Mapped[Decimal] = mapped_column(_RATE)
    note: Mapped[str | None]
    created_by: Mapped[UUID | None]


class FxImport(Base):
    """One attempt to take reference rates in, and how it went.

    :ivar first_day: First day of the rates that were read, where any were.
    :ivar added_count: Rates that were new.
    :ivar changed_count: Rates that were known otherwise.
    :ivar error_message: What happened and what to do, in a sentence.
    """

    __tablename__ = "fx_imports"
    __table_args__ = (Index(None, "started_at"),)

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid7)
    origin: Mapped[RateOrigin]
    status: Mapped[RunStatus]
    started_at: Mapped[datetime]
    finished_at: Mapped[datetime]
    read_count: Mapped[int] = mapped_column(default=0)
    added_count: Mapped[int] = mapped_column(default=0)
    changed_count: Mapped[int] = mapped_column(default=0)
    first_day: Mapped[date | None]
    last_day: Mapped[date | None]
    error_code: Mapped[str | None]
    error_message: Mapped[str | None]
