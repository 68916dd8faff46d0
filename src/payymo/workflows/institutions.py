"""The banks that can be connected: asked for once a day, and found by name."""

from datetime import timedelta
from typing import Final
from uuid import UUID

from sqlalchemy.orm import Session, sessionmaker

from payymo.domain.banking import Clock
from payymo.domain.enums import Provider
from payymo.domain.errors import NotFoundError
from payymo.postgres.common.models import Institution
from payymo.postgres.common.operations import institutions
from payymo.postgres.gocardless.operations import documents
from payymo.providers.base import ProviderDirectory

#: How long what a provider said of its banks is good.
INSTITUTIONS_AGE_MAX: Final = timedelta(days=1)


def refresh_institutions(
    sessions: sessionmaker[Session],
    providers: ProviderDirectory,
    *,
    tenant_id: UUID,
    provider: Provider,
    country: str | None,
    clock: Clock,
) -> int:
    """Ask a provider for its banks, and return how many it named.

    :param sessions: Opener of transactions.
    :param providers: Finds the provider to ask.
    :param tenant_id: Tenant on whose behalf.
    :param provider: Whose banks.
    :param country: ISO 3166-1 alpha-2 code; ``None`` for all.
    :param clock: Tells the time.
    :raises ProviderError: If the provider cannot be asked, or knows no such country.
    """
    records = list(providers.provider_for(tenant_id, provider).list_institutions(country))
    now = clock()
    with sessions.begin() as session:
        documents.record_institution_documents(session, records, now=now)
        count = institutions.record_institutions(session, provider, records, now=now)
        institutions.record_refresh(session, provider, country, now=now)
    return count


def ensure_institutions(
    sessions: sessionmaker[Session],
    providers: ProviderDirectory,
    *,
    tenant_id: UUID,
    provider: Provider,
    country: str | None,
    clock: Clock,
) -> None:
    """Ask a provider for its banks, unless that was done within the last day.

    :param sessions: Opener of transactions.
    :param providers: Finds the provider to ask.
    :param tenant_id: Tenant on whose behalf.
    :param provider: Whose banks.
    :param country: ISO 3166-1 alpha-2 code; ``None`` for all.
    :param clock: Tells the time.
    :raises ProviderError: If the provider cannot be asked, or knows no such country.
    """
    code = country.upper() if country is not None else None
    with sessions.begin() as session:
        refreshed_at = institutions.find_last_refresh(session, provider, code)
    if refreshed_at is None or clock() - refreshed_at > INSTITUTIONS_AGE_MAX:
        refresh_institutions(
            sessions, providers, tenant_id=tenant_id, provider=provider, country=code, clock=clock
        )


def find_bank(
    sessions: sessionmaker[Session],
    providers: ProviderDirectory,
    tenant_id: UUID,
    name: str,
    clock: Clock,
) -> Institution:
    """Return a bank, asking the provider for its banks if need be.

    :param sessions: Opener of transactions.
    :param providers: Finds the provider to ask.
    :param tenant_id: Tenant on whose behalf.
    :param name: Payymo's id of the bank, or the provider's.
    :param clock: Tells the time.
    :raises NotFoundError: If there is none of that id.
    :raises ProviderError: If the provider cannot be asked.
    """
    try:
        institution_id = UUID(name)
    except ValueError:
        institution_id = None
    with sessions.begin() as session:
        if institution_id is not None:
            return institutions.get_institution(session, institution_id)
        known = institutions.find_institution(session, Provider.GOCARDLESS, name)
    if known is None:
        ensure_institutions(
            sessions,
            providers,
            tenant_id=tenant_id,
            provider=Provider.GOCARDLESS,
            country=None,
            clock=clock,
        )
        with sessions.begin() as session:
            known = institutions.find_institution(session, Provider.GOCARDLESS, name)
    if known is None:
        raise NotFoundError("There is no such institution.")
    return known
