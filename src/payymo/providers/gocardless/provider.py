"""Bank data by GoCardless, in Payymo's words."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any, Final

from payymo.domain.banking import (
    AccountRecord,
    Authorisation,
    BalanceAnswer,
    Clock,
    Consent,
    InstitutionRecord,
    PulledRow,
    RawDocument,
    Statement,
    TransactionRecord,
)
from payymo.domain.enums import AccessScope, ConsentStatus
from payymo.domain.errors import (
    ProviderNotFoundError,
    ProviderRequestError,
    ProviderResponseError,
)
from payymo.providers.base import Permit
from payymo.providers.gocardless.accounts import account_record
from payymo.providers.gocardless.api.client import Answer, GoCardlessClient
from payymo.providers.gocardless.api.limits import read_quota
from payymo.providers.gocardless.api.models import (
    Account,
    Agreement,
    DetailsAnswer,
    Institution,
    Requisition,
    read,
)
from payymo.providers.gocardless.api.statement import read_statement
from payymo.providers.gocardless.balances import read_balance_records
from payymo.providers.gocardless.terms import DAYS_USUAL, Terms, narrow
from payymo.providers.gocardless.translate import translate

#: The test bank is in no country's list, so that it is asked for by name.
SANDBOX_INSTITUTION: Final = "SANDBOXFINANCE_SFIN0000"
SANDBOX_COUNTRY: Final = "XX"

_STATUSES: Final = {
    "LN": ConsentStatus.GRANTED,
    "RJ": ConsentStatus.REJECTED,
    "EX": ConsentStatus.EXPIRED,
    "SU": ConsentStatus.SUSPENDED,
    "ER": ConsentStatus.ERROR,
}


class GoCardlessProvider:
    """Bank data by GoCardless: see :class:`~payymo.providers.base.BankDataProvider`.

    :param client: Speaks to GoCardless for one company.
    :param clock: Tells the time (aware).
    """

    def __init__(self, client: GoCardlessClient, clock: Clock) -> None:
        self._client = client
        self._clock = clock

    def list_institutions(self, country: str | None) -> Iterator[InstitutionRecord]:
        """Yield the banks that can be connected.

        :param country: ISO 3166-1 alpha-2 code; ``XX`` for the test bank alone, ``None`` for all.
        """
        documents: list[dict[str, Any]] = []
        if country is None or country.upper() != SANDBOX_COUNTRY:
            documents = self._client.list_institutions(country)
        is_sandbox_wanted = country is None or country.upper() == SANDBOX_COUNTRY
        if is_sandbox_wanted and all(d.get("id") != SANDBOX_INSTITUTION for d in documents):
            documents += self._sandbox()
        return map(_institution_record, documents)

    def _sandbox(self) -> list[dict[str, Any]]:
        try:
            return [self._client.get_institution(SANDBOX_INSTITUTION)]
        except ProviderNotFoundError:
            return []

    def authorise(
        self,
        institution: InstitutionRecord,
        *,
        reference: str,
        return_url: str,
        history_days: int | None = None,
        access_days: int | None = None,
    ) -> Authorisation:
        """Ask for a page where the account holder can consent.

        Some banks refuse the history, the duration or the scopes that they declare; then less is
        asked for instead.

        :raises ProviderRequestError: If GoCardless refuses that, too.
        """
        terms = Terms(
            history_days=_within(history_days, institution.history_days_max),
            access_days=_within(access_days, institution.consent_days_max),
        )
        agreement, terms = self._agree(institution, terms)
        agreed = read(Agreement, agreement)
        requisition = self._client.create_requisition(
            institution_id=institution.reference,
            agreement_id=agreed.id,
            reference=reference,
            redirect=return_url,
        )
        asked = read(Requisition, requisition)
        if asked.link is None or not asked.link.startswith(("https://", "http://")):
            raise ProviderResponseError("GoCardless gave no address of a page for consent.")
        return Authorisation(
            consent_reference=asked.id,
            url=asked.link,
            history_days=agreed.max_historical_days or terms.history_days,
            access_days=agreed.access_valid_for_days or terms.access_days,
            documents=(
                RawDocument("agreement", agreed.id, agreement),
                RawDocument("requisition", asked.id, requisition),
            ),
        )

    def _agree(self, institution: InstitutionRecord, terms: Terms) -> tuple[dict[str, Any], Terms]:
        """Return an agreement and its terms: the widest that the bank does not refuse."""
        while True:
            try:
                agreement = self._client.create_agreement(
                    institution_id=institution.reference,
                    history_days=terms.history_days,
                    access_days=terms.access_days,
                    scopes=list(terms.scopes),
                )
            except ProviderRequestError as error:
                narrower = narrow(terms, error.problems)
                if narrower is None:
                    raise
                terms = narrower
            else:
                return agreement, terms

    def read_consent(self, consent_reference: str) -> Consent:
        """Return what GoCardless says of a consent, now.

        It marks a consent as expired only when a call on an account noticed, so that the end is
        reckoned from the agreement.
        """
        try:
            document = self._client.get_requisition(consent_reference)
        except ProviderNotFoundError:
            return Consent(ConsentStatus.REVOKED, (), None, None, "deleted", ())
        requisition = read(Requisition, document)
        documents = [RawDocument("requisition", requisition.id, document)]
        granted_at = expires_at = None
        if requisition.agreement is not None:
            agreement_document = self._find_agreement(requisition.agreement)
            if agreement_document is not None:
                agreement = read(Agreement, agreement_document)
                documents.append(RawDocument("agreement", agreement.id, agreement_document))
                granted_at = _aware(agreement.accepted)
                expires_at = _expiry(granted_at, agreement.access_valid_for_days)
        status = _STATUSES.get(requisition.status, ConsentStatus.PENDING)
        if status is ConsentStatus.GRANTED and expires_at and expires_at <= self._clock():
            status = ConsentStatus.EXPIRED
        return Consent(
            status=status,
            account_references=tuple(dict.fromkeys(requisition.accounts)),
            granted_at=granted_at,
            expires_at=expires_at,
            detail=requisition.status,
            documents=tuple(documents),
        )

    def _find_agreement(self, agreement_id: str) -> dict[str, Any] | None:
        try:
            return self._client.get_agreement(agreement_id)
        except ProviderNotFoundError:
            return None

    def revoke_consent(self, consent_reference: str) -> None:
        """End a consent; one that is gone already counts as ended."""
        try:
            self._client.delete_requisition(consent_reference)
        except ProviderNotFoundError:
            return

    def read_account(
        self, account_reference: str, *, with_details: bool, permit: Permit | None = None
    ) -> AccountRecord:
        """Return what is known of an account.

        :param with_details: Ask the bank too, which costs a call of the details scope.
        :param permit: Leave for that call.
        """
        metadata = self._client.get_account(account_reference)
        account = read(Account, metadata)
        if not with_details:
            return account_record(
                account_reference, account, None, quota=None, payload={"account": metadata}
            )
        answer = self._client.get_details(account_reference, permit=permit)
        with answer.being_read():
            document = answer.document()
            details = read(DetailsAnswer, document).account
        return account_record(
            account_reference,
            account,
            details,
            quota=read_quota(answer.headers, AccessScope.DETAILS, now=answer.received_at),
            payload={"account": metadata, "details": document["account"]},
        )

    def read_balances(
        self, account_reference: str, *, permit: Permit | None = None
    ) -> BalanceAnswer:
        """Return the account's balances, as reported.

        :param permit: Leave for the call.
        """
        answer = self._client.get_balances(account_reference, permit=permit)
        with answer.being_read():
            balances = tuple(read_balance_records(answer.document()))
        return BalanceAnswer(
            balances=balances,
            quota=read_quota(answer.headers, AccessScope.BALANCES, now=answer.received_at),
            request_id=answer.request_id,
        )

    def read_transactions(
        self,
        account_reference: str,
        *,
        since: date | None,
        until: date | None = None,
        permit: Permit | None = None,
    ) -> Statement:
        """Return the account's transactions, booked and pending, not yet understood.

        A day in the future is an error to GoCardless, and its future may begin before ours ends:
        the last day is only named where it is past.

        :param since: First day wanted; ``None`` is all that the consent allows.
        :param until: Last day wanted; ``None`` is today.
        :param permit: Leave for the call.
        """
        today = self._clock().date()
        answer = self._client.get_transactions(
            account_reference,
            date_from=None if since is None else min(since, today),
            date_to=until if until is not None and until < today else None,
            permit=permit,
        )
        return _statement(answer)

    def translate(
        self,
        row: PulledRow,
        *,
        institution_reference: str | None,
        account_currency: str | None = None,
    ) -> TransactionRecord:
        """Return a pulled row in Payymo's words.

        :raises ProviderResponseError: If the row cannot be understood.
        """
        return translate(
            row,
            institution_reference=institution_reference,
            account_currency=account_currency,
            today=self._clock().date(),
        )


def _statement(answer: Answer) -> Statement:
    with answer.being_read():
        rows, last_updated = read_statement(answer.body)
    return Statement(
        rows=rows,
        last_updated=last_updated,
        quota=read_quota(answer.headers, AccessScope.TRANSACTIONS, now=answer.received_at),
        request_id=answer.request_id,
    )


def _institution_record(document: dict[str, Any]) -> InstitutionRecord:
    institution = read(Institution, document)
    countries = dict.fromkeys(country.strip().upper() for country in institution.countries)
    return InstitutionRecord(
        reference=institution.id,
        name=institution.name,
        bic=institution.bic or None,
        logo_url=institution.logo or None,
        countries=tuple(countries),
        history_days_max=max(institution.transaction_total_days or DAYS_USUAL, 1),
        consent_days_max=max(institution.max_access_valid_for_days or DAYS_USUAL, 1),
        features=tuple(institution.supported_features),
        payload=document,
    )


def _within(wanted: int | None, most: int) -> int:
    return most if wanted is None else max(1, min(wanted, most))


def _aware(moment: datetime | None) -> datetime | None:
    """Return a moment with its zone; GoCardless means UTC where it names none."""
    if moment is None or moment.tzinfo is not None:
        return moment
    return moment.replace(tzinfo=UTC)


def _expiry(granted_at: datetime | None, days: int | None) -> datetime | None:
    return None if granted_at is None or days is None else granted_at + timedelta(days=days)
