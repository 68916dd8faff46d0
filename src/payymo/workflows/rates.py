"""Take reference rates in: out of a file, or from where they are published."""

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Final
from uuid import UUID

from sqlalchemy.orm import Session, sessionmaker

from payymo.domain.banking import Clock
from payymo.domain.enums import RateOrigin
from payymo.domain.errors import (
    InvalidInputError,
    NotFoundError,
    PayymoError,
    ProviderError,
    RuleError,
)
from payymo.domain.exchange import (
    CARRY_DAYS_MAX,
    PIVOT,
    Conversion,
    DayRate,
    ReferenceRate,
    convert,
)
from payymo.domain.money import check_exponent
from payymo.postgres.auth.operations.tenants import get_tenant
from payymo.postgres.fx.models import FxImport
from payymo.postgres.fx.operations.overrides import list_day_rates
from payymo.postgres.fx.operations.rates import find_last_rate_day, record_import, record_rates
from payymo.providers.base import ReferenceRateSource
from payymo.providers.ecb.formats import read_rates

#: Rates are asked for from so long before the last known day, as corrections come late.
OVERLAP: Final = timedelta(days=30)

#: A file's last day may be tomorrow's where it was made east of here.
_AHEAD_MAX: Final = timedelta(days=1)


def import_rates(sessions: sessionmaker[Session], content: bytes, *, clock: Clock) -> FxImport:
    """Take the rates of a file in, all or none, and return what became of it.

    An attempt that fails is written down like one that succeeds, and then raised.

    :param sessions: Opener of transactions.
    :param content: The file, as the European Central Bank publishes it.
    :param clock: Tells the time (aware).
    :raises InvalidInputError: If the file cannot be right; its problems name each fault.
    """
    started_at = clock()
    try:
        rates = read_rates(content)
        _check_days(rates, started_at.date())
    except InvalidInputError as error:
        _record_failure(sessions, RateOrigin.FILE, error, started_at, clock)
        raise
    return _record(sessions, rates, RateOrigin.FILE, started_at, clock)


def update_rates(
    sessions: sessionmaker[Session], source: ReferenceRateSource, *, clock: Clock
) -> FxImport:
    """Ask for the rates that are not known yet, take them in, and return what became of it.

    That it failed is a value: it is written down, and says why and what to do.

    :param sessions: Opener of transactions.
    :param source: Publishes the rates.
    :param clock: Tells the time (aware).
    """
    started_at = clock()
    today = started_at.date()
    with sessions.begin() as session:
        last = find_last_rate_day(session)
    try:
        rates = source.read_rates(since=None if last is None else last - OVERLAP, today=today)
        _check_days(rates, today)
    except (ProviderError, InvalidInputError) as error:
        return _record_failure(sessions, RateOrigin.DOWNLOAD, error, started_at, clock)
    return _record(sessions, rates, RateOrigin.DOWNLOAD, started_at, clock)


def get_day_rate(session: Session, tenant_id: UUID, *, currency: str, day: date) -> DayRate:
    """Return the rate of a currency that holds on a day, for a tenant.

    :param session: Open session; the caller manages the transaction.
    :param tenant_id: Tenant whose own rates win.
    :param currency: ISO 4217 code in normal form; not the euro's.
    :param day: The day.
    :raises NotFoundError: If neither the day nor any of the seven before it has a rate.
    """
    rates = list_day_rates(session, tenant_id, {currency}, {day})
    if not rates:
        raise NotFoundError(_missing([currency], day))
    return rates[0]


def convert_amount(
    session: Session,
    tenant_id: UUID,
    *,
    amount: Decimal,
    original_currency: str,
    currency: str | None,
    day: date,
) -> Conversion:
    """Return what an amount is in another currency, by the rates that count for a tenant.

    :param session: Open session; the caller manages the transaction.
    :param tenant_id: Tenant whose own rates win.
    :param amount: Exact amount, of any sign.
    :param original_currency: Its ISO 4217 code in normal form.
    :param currency: ISO 4217 code of what it shall be in; ``None`` is what the tenant reports in.
    :param day: The day for which it is converted.
    :raises InvalidInputError: If the amount has more decimals than its currency.
    :raises RuleError: ``rate_missing`` if a rate is missing: there is never a guess.
    """
    exact = check_exponent(amount, original_currency)
    wanted = currency or get_tenant(session, tenant_id).currency
    rates = list_day_rates(session, tenant_id, {original_currency, wanted}, {day})
    conversion = convert(exact, original_currency, wanted, day, rates)
    if conversion is None:
        known = {rate.currency for rate in rates} | {PIVOT}
        missing = sorted({original_currency, wanted} - known)
        raise RuleError(_missing(missing, day), code="rate_missing")
    return conversion


def _missing(currencies: Sequence[str], day: date) -> str:
    return (
        f"There is no rate of {' and '.join(currencies)} for {day}, nor for the {CARRY_DAYS_MAX} "
        "days before it: run `payymo rates update`, or enter a rate of your own."
    )


def _check_days(rates: Sequence[ReferenceRate], today: date) -> None:
    latest = max(rate.day for rate in rates)
    if latest > today + _AHEAD_MAX:
        raise InvalidInputError(
            f"The rates reach to {latest}, which is yet to come: check the file, and this "
            "machine's clock."
        )


def _record(
    sessions: sessionmaker[Session],
    rates: Sequence[ReferenceRate],
    origin: RateOrigin,
    started_at: datetime,
    clock: Clock,
) -> FxImport:
    with sessions.begin() as session:
        recorded = record_rates(session, rates)
        return record_import(
            session,
            origin=origin,
            started_at=started_at,
            finished_at=clock(),
            rates=rates,
            recorded=recorded,
        )


def _record_failure(
    sessions: sessionmaker[Session],
    origin: RateOrigin,
    error: PayymoError,
    started_at: datetime,
    clock: Clock,
) -> FxImport:
    with sessions.begin() as session:
        return record_import(
            session, origin=origin, started_at=started_at, finished_at=clock(), error=error
        )
