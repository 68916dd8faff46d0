"""What every provider of bank data does."""

from collections.abc import Iterable, Sequence
from contextlib import AbstractContextManager
from datetime import date
from typing import Final, Protocol
from uuid import UUID

from payymo.domain.banking import (
    AccountRecord,
    Authorisation,
    BalanceAnswer,
    Consent,
    InstitutionRecord,
    PulledRow,
    Statement,
    TokenPair,
    TransactionRecord,
)
from payymo.domain.enums import Provider
from payymo.domain.errors import ProviderError
from payymo.domain.exchange import ReferenceRate

#: A call tries at most this often by itself, and never repeats a failure that the bank reported:
#: providers count those and suspend an account after about ten in a row, which only a new consent
#: undoes. How failures that remain are counted and spaced is in ``domain/faults.py``.
FAILURES_IN_A_ROW_MAX: Final = 3


class TokenStore(Protocol):
    """Where one company's tokens live, for all workers together.

    An implementation is made for one set of credentials. Tokens are secrets: they are stored
    encrypted and never logged.
    """

    def exclusive(self) -> AbstractContextManager[object]:
        """Return a lock, held while a token is read, judged and replaced.

        Whoever enters waits until nobody else is inside, in any process: so that many workers
        mint one token between them.
        """

    def read(self) -> TokenPair | None:
        """Return the tokens last written; ``None`` where there are none."""

    def write(self, tokens: TokenPair) -> None:
        """Replace the tokens, at once visible to every worker."""


class Permit(Protocol):
    """Leave to make one call that the provider counts."""

    def renew(self, error: ProviderError) -> bool:
        """Return whether the call may be made again that failed: it is another one.

        :param error: Why it failed.
        """


class BankDataProvider(Protocol):
    """Reads bank data, with consent.

    Implementations speak in domain records, keep no state between calls but an access token, and
    raise only :class:`~payymo.domain.errors.ProviderError` and its subclasses. No call is made
    with a database transaction open.

    Calls about an account are counted: each of them is made once, and again only with the leave of
    the permit that comes with it.
    """

    def list_institutions(self, country: str | None) -> Iterable[InstitutionRecord]:
        """Return the banks that can be connected.

        :param country: ISO 3166-1 alpha-2 code; ``None`` for all, with the provider's test bank.
        """

    def authorise(
        self,
        institution: InstitutionRecord,
        *,
        reference: str,
        return_url: str,
        history_days: int | None = None,
        access_days: int | None = None,
    ) -> Authorisation:
        """Ask the provider for a page where the account holder can consent.

        :param institution: Bank to connect.
        :param reference: Our own unguessable name for this attempt; comes back to ``return_url``.
        :param return_url: Where the account holder's browser returns.
        :param history_days: History to ask for; ``None`` is as much as the bank gives.
        :param access_days: Duration to ask for; ``None`` is as long as the bank gives.
        """

    def read_consent(self, consent_reference: str) -> Consent:
        """Return what the provider says of a consent, now."""

    def revoke_consent(self, consent_reference: str) -> None:
        """End a consent at the provider; one that is gone already counts as ended."""

    def read_account(
        self, account_reference: str, *, with_details: bool, permit: Permit | None = None
    ) -> AccountRecord:
        """Return what is known of an account.

        :param with_details: Ask the bank too, which costs a call of the details scope.
        :param permit: Leave for that call.
        """

    def read_balances(
        self, account_reference: str, *, permit: Permit | None = None
    ) -> BalanceAnswer:
        """Return the account's balances, as reported.

        :param permit: Leave for the call.
        """

    def read_transactions(
        self,
        account_reference: str,
        *,
        since: date | None,
        until: date | None = None,
        permit: Permit | None = None,
    ) -> Statement:
        """Return the account's transactions, booked and pending, not yet understood.

        :param since: First day wanted; ``None`` is all that the consent allows.
        :param until: Last day wanted; ``None`` is today.
        :param permit: Leave for the call.
        """

    def translate(
        self,
        row: PulledRow,
        *,
        institution_reference: str | None,
        account_currency: str | None = None,
    ) -> TransactionRecord:
        """Return a pulled row in Payymo's words. Pure: asks nobody.

        :param row: The row, as received.
        :param institution_reference: The provider's id of the bank.
        :param account_currency: The account's, for rows that do not name theirs.

        :raises ProviderResponseError: If the row cannot be understood.
        """


class ProviderDirectory(Protocol):
    """Finds the provider to ask on behalf of a tenant."""

    def provider_for(self, tenant_id: UUID, provider: Provider) -> BankDataProvider:
        """Return a provider that acts with the tenant's own credentials, else the installation's.

        :raises ConfigurationError: If neither has credentials.
        """


class ReferenceRateSource(Protocol):
    """Publishes what currencies are worth, for everybody."""

    def read_rates(self, *, since: date | None, today: date) -> Sequence[ReferenceRate]:
        """Return the rates from a day on, or from earlier.

        :param since: First day that is wanted; ``None`` is all history.
        :param today: The present day.
        :raises ProviderError: If they could not be had.
        """
