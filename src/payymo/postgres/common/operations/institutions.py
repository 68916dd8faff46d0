"""Banks that can be connected."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import any_, func, literal, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session
from uuid_utils.compat import uuid7

from payymo.domain.banking import InstitutionRecord
from payymo.domain.enums import Provider
from payymo.domain.errors import NotFoundError
from payymo.postgres.common.models import Institution, InstitutionRefresh
from payymo.postgres.core import Page

#: Stands for "all countries in one answer".
ALL_COUNTRIES = ""


def list_institutions(
    session: Session,
    *,
    provider: Provider | None = None,
    country: str | None = None,
    q: str | None = None,
    page: int,
    per_page: int,
) -> Page[Institution]:
    """Return the banks that are known, by name.

    :param session: Open session; the caller manages the transaction.
    :param provider: Only banks of this provider.
    :param country: Only banks of this country (ISO 3166-1 alpha-2, any case).
    :param q: Part of the name or of the BIC, in any case.
    :param page: Page, from 1.
    :param per_page: Rows of a page.
    """
    statement = select(Institution)
    if provider is not None:
        statement = statement.where(Institution.provider == provider)
    if country is not None:
        statement = statement.where(literal(country.upper()) == any_(Institution.countries))
    if q:
        statement = statement.where(
            Institution.name.icontains(q, autoescape=True)
            | Institution.bic.icontains(q, autoescape=True)
        )
    total = session.scalar(select(func.count()).select_from(statement.subquery()))
    rows = session.scalars(
        statement.order_by(func.lower(Institution.name), Institution.id)
        .offset((page - 1) * per_page)
        .limit(per_page)
    )
    return Page(rows=rows.all(), total=total or 0)


def get_institution(session: Session, institution_id: UUID) -> Institution:
    """Return a bank.

    :param session: Open session; the caller manages the transaction.
    :param institution_id: Payymo's id of the bank.
    :raises NotFoundError: If there is no such bank.
    """
    institution = session.get(Institution, institution_id)
    if institution is None:
        raise NotFoundError("There is no such institution.")
    return institution


def find_institution(session: Session, provider: Provider, reference: str) -> Institution | None:
    """Return the bank that a provider calls so; ``None`` where it is not known.

    :param session: Open session; the caller manages the transaction.
    :param provider: Provider whose id it is.
    :param reference: The provider's id of the bank.
    """
    return session.scalars(
        select(Institution).where(
            Institution.provider == provider, Institution.reference == reference
        )
    ).one_or_none()


def record_institutions(
    session: Session, provider: Provider, records: Sequence[InstitutionRecord], *, now: datetime
) -> int:
    """Store what a provider says of banks: new ones are added, known ones brought up to date.

    :param session: Open session; the caller manages the transaction.
    :param provider: Who says so.
    :param records: The banks.
    :param now: When it was said (aware).
    :returns: How many banks were stored.
    """
    rows = {record.reference: _to_row(provider, record, now) for record in records}
    if not rows:
        return 0
    statement = insert(Institution)
    changed = {
        column: statement.excluded[column]
        for column in next(iter(rows.values()))
        if column not in {"id", "provider", "reference"}
    }
    session.execute(
        statement.on_conflict_do_update(
            index_elements=["provider", "reference"], set_={**changed, "updated_at": func.now()}
        ),
        [rows[reference] for reference in sorted(rows)],
    )
    return len(rows)


def record_refresh(
    session: Session, provider: Provider, country: str | None, *, now: datetime
) -> None:
    """Note that a provider was asked for its banks.

    :param session: Open session; the caller manages the transaction.
    :param provider: Who was asked.
    :param country: Country asked for; ``None`` for all.
    :param now: When (aware).
    """
    statement = insert(InstitutionRefresh).values(
        provider=provider, country=country or ALL_COUNTRIES, refreshed_at=now
    )
    session.execute(
        statement.on_conflict_do_update(
            index_elements=["provider", "country"],
            set_={"refreshed_at": statement.excluded.refreshed_at},
        )
    )


def find_last_refresh(session: Session, provider: Provider, country: str | None) -> datetime | None:
    """Return when a provider was last asked for a country's banks; ``None`` if never.

    :param session: Open session; the caller manages the transaction.
    :param provider: Who was asked.
    :param country: The country; having asked for all of them counts too.
    """
    return session.scalar(
        select(func.max(InstitutionRefresh.refreshed_at)).where(
            InstitutionRefresh.provider == provider,
            InstitutionRefresh.country.in_({ALL_COUNTRIES, country or ALL_COUNTRIES}),
        )
    )


def _to_row(provider: Provider, record: InstitutionRecord, now: datetime) -> dict[str, object]:
    return {
        "id": uuid7(),
        "provider": provider,
        "reference": record.reference,
        "name": record.name,
        "bic": record.bic,
        "logo_url": record.logo_url,
        "countries": list(record.countries),
        "history_days_max": record.history_days_max,
        "consent_days_max": record.consent_days_max,
        "features": list(record.features),
        "fetched_at": now,
    }
