"""A tenant's own rates, and the rates that hold for it."""

from collections.abc import Collection, Mapping, Sequence
from datetime import date, timedelta
from decimal import Decimal
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import (
    ColumnElement,
    Numeric,
    and_,
    exists,
    func,
    null,
    select,
    true,
    union_all,
)
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session, aliased
from uuid_utils.compat import uuid7

from payymo.domain.enums import RateSource
from payymo.domain.errors import NotFoundError
from payymo.domain.exchange import CARRY_DAYS_MAX, PIVOT, DayRate, choose_rate
from payymo.domain.money import format_number
from payymo.postgres.auth.operations.audit import record_audit
from payymo.postgres.core import Page
from payymo.postgres.fx.models import FxRate, FxRateOverride


class RateLine(NamedTuple):
    """What one euro is worth on a day, for a tenant.

    :ivar rate: Units of the currency for one euro, that count.
    :ivar reference_rate: What the European Central Bank published, where it did.
    :ivar note: Of the tenant's own rate, where it has one.
    """

    currency: str
    rate_date: date
    rate: Decimal
    source: RateSource
    reference_rate: Decimal | None
    note: str | None


def list_rates(
    session: Session,
    tenant_id: UUID,
    *,
    currency: str | None = None,
    start_date: date | None = None,
    end_date: date | None = None,
    source: RateSource | None = None,
    page: int,
    per_page: int,
) -> Page[RateLine]:
    """Return one page of the rates that count for a tenant, latest day first.

    :param session: Open session; the caller manages the transaction.
    :param tenant_id: Tenant whose own rates win.
    :param currency: Only of this currency.
    :param start_date: First day.
    :param end_date: Last day.
    :param source: Only those of this source.
    :param page: Page, from 1.
    :param per_page: Rows of a page.
    """
    own, published = aliased(FxRateOverride), aliased(FxRate)
    is_same_day = and_(own.currency == published.currency, own.rate_date == published.rate_date)
    is_mine = own.tenant_id == tenant_id
    with_reference = (
        select(
            published.currency,
            published.rate_date,
            func.coalesce(own.rate, published.rate).label("rate"),
            own.rate.is_not(None).label("is_own"),
            published.rate.label("reference_rate"),
            own.note,
        )
        .outerjoin(own, and_(is_same_day, is_mine))
        .where(*_limits(published, currency, start_date, end_date))
    )
    without_reference = select(
        own.currency,
        own.rate_date,
        own.rate,
        true().label("is_own"),
        null().cast(Numeric).label("reference_rate"),
        own.note,
    ).where(
        is_mine,
        ~exists().where(is_same_day),
        *_limits(own, currency, start_date, end_date),
    )
    every = union_all(with_reference, without_reference).subquery()
    statement = select(every)
    if source is not None:
        statement = statement.where(every.c.is_own == (source is RateSource.OVERRIDE))
    total = session.scalar(select(func.count()).select_from(statement.subquery()))
    rows = session.execute(
        statement.order_by(every.c.rate_date.desc(), every.c.currency)
        .offset((page - 1) * per_page)
        .limit(per_page)
    )
    lines = [
        RateLine(
            row.currency,
            row.rate_date,
            row.rate,
            RateSource.OVERRIDE if row.is_own else RateSource.ECB,
            row.reference_rate,
            row.note,
        )
        for row in rows
    ]
    return Page(rows=lines, total=total or 0)


def list_day_rates(
    session: Session, tenant_id: UUID, currencies: Collection[str], days: Collection[date]
) -> Sequence[DayRate]:
    """Return the rates of some currencies that hold on some days, for a tenant.

    A currency that has no rate on a day, nor shortly before it, is left out for that day.

    :param session: Open session; the caller manages the transaction.
    :param tenant_id: Tenant whose own rates win.
    :param currencies: ISO 4217 codes; the euro needs no rate.
    :param days: The days.
    """
    wanted = sorted(set(currencies) - {PIVOT})
    if not wanted or not days:
        return ()
    since, until = min(days) - timedelta(days=CARRY_DAYS_MAX), max(days)
    reference: dict[str, dict[date, Decimal]] = {}
    own: dict[str, dict[date, Decimal]] = {}
    published = select(FxRate.currency, FxRate.rate_date, FxRate.rate).where(
        FxRate.currency.in_(wanted), FxRate.rate_date.between(since, until)
    )
    overrides = select(
        FxRateOverride.currency, FxRateOverride.rate_date, FxRateOverride.rate
    ).where(
        FxRateOverride.tenant_id == tenant_id,
        FxRateOverride.currency.in_(wanted),
        FxRateOverride.rate_date.between(since, until),
    )
    for statement, found in ((published, reference), (overrides, own)):
        for currency, day, rate in session.execute(statement):
            found.setdefault(currency, {})[day] = rate
    chosen = (
        choose_rate(currency, day, reference.get(currency, {}), own.get(currency, {}))
        for day in sorted(set(days))
        for currency in wanted
    )
    return [rate for rate in chosen if rate is not None]


def record_override(
    session: Session,
    tenant_id: UUID,
    *,
    currency: str,
    day: date,
    rate: Decimal,
    note: str | None,
    actor_id: UUID | None,
) -> None:
    """Let a rate of the tenant's own count for a day; the same again changes nothing.

    :param session: Open session; the caller manages the transaction.
    :param tenant_id: Tenant for which it counts.
    :param currency: ISO 4217 code in normal form; not the euro's.
    :param day: The day.
    :param rate: Units of the currency for one euro.
    :param note: Where it is from.
    :param actor_id: User who says so; ``None`` on the operator's machine.
    """
    known = _find_override(session, tenant_id, currency, day)
    before = None if known is None else _plain(known)
    after = {
        "currency": currency,
        "date": day.isoformat(),
        "rate": format_number(rate),
        "note": note,
    }
    if known is not None and (known.rate, known.note) == (rate, note):
        return
    statement = insert(FxRateOverride).values(
        tenant_id=tenant_id,
        id=uuid7(),
        currency=currency,
        rate_date=day,
        rate=rate,
        note=note,
        created_by=actor_id,
    )
    override_id = session.scalars(
        statement.on_conflict_do_update(
            index_elements=["tenant_id", "currency", "rate_date"],
            set_={"rate": rate, "note": note, "updated_at": func.now()},
        ).returning(FxRateOverride.id)
    ).one()
    _audit(session, tenant_id, override_id, before=before, after=after, actor_id=actor_id)


def delete_override(
    session: Session, tenant_id: UUID, *, currency: str, day: date, actor_id: UUID | None
) -> None:
    """Let the reference rate of a day count again.

    :param session: Open session; the caller manages the transaction.
    :param tenant_id: Tenant whose own rate it was.
    :param currency: ISO 4217 code in normal form.
    :param day: The day.
    :param actor_id: User who does it; ``None`` on the operator's machine.
    :raises NotFoundError: If the tenant has no rate of its own for that day.
    """
    known = _find_override(session, tenant_id, currency, day)
    if known is None:
        raise NotFoundError("There is no rate of your own for this currency and day.")
    session.delete(known)
    session.flush()
    _audit(session, tenant_id, known.id, before=_plain(known), after=None, actor_id=actor_id)


def _find_override(
    session: Session, tenant_id: UUID, currency: str, day: date
) -> FxRateOverride | None:
    return session.scalars(
        select(FxRateOverride)
        .where(
            FxRateOverride.tenant_id == tenant_id,
            FxRateOverride.currency == currency,
            FxRateOverride.rate_date == day,
        )
        .with_for_update()
        .execution_options(populate_existing=True)
    ).one_or_none()


def _limits(
    rates: type[FxRate] | type[FxRateOverride],
    currency: str | None,
    start_date: date | None,
    end_date: date | None,
) -> list[ColumnElement[bool]]:
    limits = []
    if currency is not None:
        limits.append(rates.currency == currency)
    if start_date is not None:
        limits.append(rates.rate_date >= start_date)
    if end_date is not None:
        limits.append(rates.rate_date <= end_date)
    return limits


def _plain(override: FxRateOverride) -> dict[str, Any]:
    return {
        "currency": override.currency,
        "date": override.rate_date.isoformat(),
        "rate": format_number(override.rate),
        "note": override.note,
    }


def _audit(
    session: Session,
    tenant_id: UUID,
    override_id: UUID,
    *,
    before: Mapping[str, Any] | None,
    after: Mapping[str, Any] | None,
    actor_id: UUID | None,
) -> None:
    action = "deleted" if after is None else "added" if before is None else "changed"
    record_audit(
        session,
        tenant_id,
        actor_id=actor_id,
        action=action,
        entity="fx_rate_overrides",
        entity_id=override_id,
        before=before,
        after=after,
    )
