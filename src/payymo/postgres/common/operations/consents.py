"""Consents: what an account holder was asked for, and what became of it."""

from collections.abc import Collection, Mapping, Sequence
from datetime import date, datetime, timedelta
from uuid import UUID

from sqlalchemy import func, select, update
from sqlalchemy.dialects.postgresql import distinct_on
from sqlalchemy.orm import Session

from payymo.domain.banking import Authorisation, Consent
from payymo.domain.enums import ConsentStatus
from payymo.domain.errors import NotFoundError
from payymo.postgres.common.models import BankConsent


def create_consent(
    session: Session,
    tenant_id: UUID,
    connection_id: UUID,
    authorisation: Authorisation,
    *,
    reference: str,
    return_url: str | None,
    now: datetime,
) -> BankConsent:
    """Store a consent that was asked for, and return it.

    :param session: Open session; the caller manages the transaction.
    :param tenant_id: Tenant that owns the connection.
    :param connection_id: Connection that the consent is for.
    :param authorisation: What the provider answered.
    :param reference: Our own unguessable name for it.
    :param return_url: Where to send the account holder's browser in the end.
    :param now: When it was asked for (aware).
    """
    consent = BankConsent(
        tenant_id=tenant_id,
        connection_id=connection_id,
        status=ConsentStatus.PENDING,
        reference=reference,
        provider_reference=authorisation.consent_reference,
        consent_url=authorisation.url,
        return_url=return_url,
        history_days=authorisation.history_days,
        access_days=authorisation.access_days,
        created_at=now,
    )
    session.add(consent)
    session.flush()
    return consent


def get_consent_by_reference(session: Session, tenant_id: UUID, reference: str) -> BankConsent:
    """Return the consent that we gave this name.

    :param session: Open session; the caller manages the transaction.
    :param tenant_id: Tenant that must own it.
    :param reference: Our own name for it.
    :raises NotFoundError: If the tenant has no such consent.
    """
    consent = session.scalars(
        select(BankConsent).where(
            BankConsent.tenant_id == tenant_id, BankConsent.reference == reference
        )
    ).one_or_none()
    if consent is None:
        raise NotFoundError("There is no such consent: connect the bank again.")
    return consent


def get_consent(session: Session, tenant_id: UUID, consent_id: UUID) -> BankConsent:
    """Return one of the tenant's consents.

    :param session: Open session; the caller manages the transaction.
    :param tenant_id: Tenant that must own it.
    :param consent_id: Consent to return.
    :raises NotFoundError: If the tenant has no such consent.
    """
    consent = session.scalars(
        select(BankConsent).where(BankConsent.tenant_id == tenant_id, BankConsent.id == consent_id)
    ).one_or_none()
    if consent is None:
        raise NotFoundError("There is no such consent.")
    return consent


def lock_consent(session: Session, tenant_id: UUID, consent_id: UUID) -> BankConsent:
    """Return a consent as it stands now, and keep others from changing it.

    :param session: Open session; the lock lasts as long as its transaction.
    :param tenant_id: Tenant that must own it.
    :param consent_id: Consent to lock.
    :raises NotFoundError: If the tenant has no such consent.
    """
    consent = session.scalars(
        select(BankConsent)
        .where(BankConsent.tenant_id == tenant_id, BankConsent.id == consent_id)
        .with_for_update()
        .execution_options(populate_existing=True)
    ).one_or_none()
    if consent is None:
        raise NotFoundError("There is no such consent.")
    return consent


def list_consents(
    session: Session,
    tenant_id: UUID,
    *,
    connection_id: UUID | None = None,
    statuses: Sequence[ConsentStatus] = tuple(ConsentStatus),
    created_after: datetime | None = None,
) -> Sequence[BankConsent]:
    """Return the tenant's consents, oldest first.

    :param session: Open session; the caller manages the transaction.
    :param tenant_id: Tenant that owns them.
    :param connection_id: Only those of this connection.
    :param statuses: Only those that stand so.
    :param created_after: Only those asked for after this (aware).
    """
    statement = select(BankConsent).where(
        BankConsent.tenant_id == tenant_id, BankConsent.status.in_(statuses)
    )
    if connection_id is not None:
        statement = statement.where(BankConsent.connection_id == connection_id)
    if created_after is not None:
        statement = statement.where(BankConsent.created_at > created_after)
    return session.scalars(statement.order_by(BankConsent.id)).all()


def record_consent_state(session: Session, consent: BankConsent, answer: Consent) -> None:
    """Store what the provider says of a consent.

    :param session: Open session; the caller manages the transaction.
    :param consent: Consent, locked.
    :param answer: What the provider says.
    """
    consent.status = answer.status
    consent.granted_at = answer.granted_at
    consent.expires_at = answer.expires_at
    consent.detail = answer.detail
    session.flush()


def record_refusal(
    session: Session, consent: BankConsent, *, error_code: str, error_message: str
) -> None:
    """Note why a consent was not given.

    :param session: Open session; the caller manages the transaction.
    :param consent: Consent, locked.
    :param error_code: Why, for programs.
    :param error_message: Why and what to do, in a sentence.
    """
    consent.error_code = error_code
    consent.error_message = error_message
    session.flush()


def list_latest_consents(
    session: Session, tenant_id: UUID, connection_ids: Sequence[UUID]
) -> Mapping[UUID, BankConsent]:
    """Return the consent that was last asked for, by connection.

    :param session: Open session; the caller manages the transaction.
    :param tenant_id: Tenant that owns them.
    :param connection_ids: Connections; one for which none was asked is left out.
    """
    rows = session.scalars(
        select(BankConsent)
        .where(BankConsent.tenant_id == tenant_id, BankConsent.connection_id.in_(connection_ids))
        .ext(distinct_on(BankConsent.connection_id))
        .order_by(BankConsent.connection_id, BankConsent.id.desc())
    )
    return {consent.connection_id: consent for consent in rows}


def close_consent(
    session: Session, consent: BankConsent, status: ConsentStatus, *, detail: str | None = None
) -> None:
    """End a consent on our side.

    :param session: Open session; the caller manages the transaction.
    :param consent: Consent to end.
    :param status: How it ended.
    :param detail: What is worth noting of it; ``None`` leaves what was noted.
    """
    consent.status = status
    consent.detail = detail or consent.detail
    session.flush()


def record_consent_detail(
    session: Session, tenant_id: UUID, consent_id: UUID, *, detail: str
) -> None:
    """Note something about a consent, for people who investigate.

    :param session: Open session; the caller manages the transaction.
    :param tenant_id: Tenant that owns it.
    :param consent_id: Consent to write to; one that is gone is left alone.
    :param detail: What to note, in a sentence.
    """
    session.execute(
        update(BankConsent)
        .where(BankConsent.tenant_id == tenant_id, BankConsent.id == consent_id)
        .values(detail=detail)
    )


def find_first_day(session: Session, tenant_id: UUID, consent_id: UUID) -> date:
    """Return the first day of history that a consent lets us read.

    :param session: Open session; the caller manages the transaction.
    :param tenant_id: Tenant that owns the consent.
    :param consent_id: Consent that is meant.
    """
    return list_first_days(session, tenant_id, [consent_id])[consent_id]


def list_first_days(
    session: Session, tenant_id: UUID, consent_ids: Collection[UUID]
) -> Mapping[UUID, date]:
    """Return the first day of history that each of some consents lets us read.

    :param session: Open session; the caller manages the transaction.
    :param tenant_id: Tenant that owns the consents.
    :param consent_ids: Consents that are meant.
    """
    found = session.execute(
        select(
            BankConsent.id,
            func.coalesce(BankConsent.granted_at, BankConsent.created_at),
            BankConsent.history_days,
        ).where(BankConsent.tenant_id == tenant_id, BankConsent.id.in_(consent_ids))
    )
    return {
        consent_id: begun.date() - timedelta(days=history_days)
        for consent_id, begun, history_days in found
    }
