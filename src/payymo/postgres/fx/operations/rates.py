"""Reference rates, taken in for everybody, and the imports that brought them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from itertools import batched
from typing import Final

from sqlalchemy import ARRAY, Date, Numeric, Text, bindparam, func, select, text
from sqlalchemy.orm import Session

from payymo.domain.enums import RateOrigin, RunStatus
from payymo.domain.errors import PayymoError
from payymo.domain.exchange import ReferenceRate
from payymo.postgres.core import Page
from payymo.postgres.fx.models import FxImport, FxRate

#: Rates that are written at a time; all of them are in one transaction.
_BATCH: Final = 20_000

#: A rate that is known stays untouched, so that a repeated import writes nothing.
_RECORD: Final = text(
    """
    INSERT INTO fx_rates AS known (currency, rate_date, rate)
    SELECT * FROM unnest(:currencies, :days, :rates)
    ON CONFLICT (currency, rate_date) DO UPDATE SET rate = excluded.rate, updated_at = now()
    WHERE known.rate <> excluded.rate
    RETURNING (xmax = 0)
    """
).bindparams(
    bindparam("currencies", type_=ARRAY(Text)),
    bindparam("days", type_=ARRAY(Date)),
    bindparam("rates", type_=ARRAY(Numeric)),
)


@dataclass(frozen=True, slots=True)
class RecordedRates:
    """What became of rates that were taken in.

    :ivar added_count: Those that were new.
    :ivar changed_count: Those that were known otherwise: the bank corrected them.
    """

    added_count: int
    changed_count: int


def record_rates(session: Session, rates: Sequence[ReferenceRate]) -> RecordedRates:
    """Take reference rates in: new ones are added, corrected ones changed, equal ones left.

    :param session: Open session that works for no tenant; the caller manages the transaction.
    :param rates: The rates; each currency at most once a day.
    """
    added = changed = 0
    for some in batched(rates, _BATCH):
        values = {
            "currencies": [rate.currency for rate in some],
            "days": [rate.day for rate in some],
            "rates": [rate.rate for rate in some],
        }
        for is_new in session.scalars(_RECORD, values):
            added += is_new
            changed += not is_new
    return RecordedRates(added, changed)


def record_import(
    session: Session,
    *,
    origin: RateOrigin,
    started_at: datetime,
    finished_at: datetime,
    rates: Sequence[ReferenceRate] = (),
    recorded: RecordedRates | None = None,
    error: PayymoError | None = None,
) -> FxImport:
    """Write down how an attempt to take rates in went, and return that.

    :param session: Open session that works for no tenant; the caller manages the transaction.
    :param origin: How they came.
    :param started_at: When it began (aware).
    :param finished_at: When it ended (aware).
    :param rates: What was read.
    :param recorded: What became of it.
    :param error: Why it failed, where it did.
    """
    days = [rate.day for rate in rates]
    attempt = FxImport(
        origin=origin,
        status=RunStatus.SUCCEEDED if error is None else RunStatus.FAILED,
        started_at=started_at,
        finished_at=finished_at,
        read_count=len(rates),
        added_count=0 if recorded is None else recorded.added_count,
        changed_count=0 if recorded is None else recorded.changed_count,
        first_day=min(days, default=None),
        last_day=max(days, default=None),
        error_code=None if error is None else error.code,
        error_message=None if error is None else error.message,
    )
    session.add(attempt)
    session.flush()
    return attempt


def list_imports(session: Session, *, page: int, per_page: int) -> Page[FxImport]:
    """Return one page of the attempts to take rates in, latest first.

    :param session: Open session; the caller manages the transaction.
    :param page: Page, from 1.
    :param per_page: Rows of a page.
    """
    total = session.scalar(select(func.count()).select_from(FxImport))
    rows = session.scalars(
        select(FxImport)
        .order_by(FxImport.started_at.desc(), FxImport.id.desc())
        .offset((page - 1) * per_page)
        .limit(per_page)
    )
    return Page(rows=rows.all(), total=total or 0)


def find_last_rate_day(session: Session) -> date | None:
    """Return the last day that has reference rates; ``None`` before the first import.

    :param session: Open session; the caller manages the transaction.
    """
    return session.scalar(select(func.max(FxRate.rate_date)))


def find_last_rates(session: Session) -> datetime | None:
    """Return when published rates last came that were new or corrected; ``None`` if never.

    :param session: Open session; the caller manages the transaction.
    """
    moment: datetime | None = session.scalar(
        select(func.max(FxImport.finished_at)).where(
            FxImport.added_count + FxImport.changed_count > 0
        )
    )
    return moment
