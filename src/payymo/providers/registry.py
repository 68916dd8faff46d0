"""Which providers there are, and how each is made."""

from collections.abc import Callable, Collection, Mapping
from datetime import date
from typing import Final, Protocol

import httpx

from payymo.domain.banking import Clock, ProviderCredentials, PulledRow, TransactionRecord
from payymo.domain.enums import Provider
from payymo.domain.ledger.balances import BalanceRule
from payymo.providers.base import BankDataProvider, TokenStore
from payymo.providers.gocardless.api.client import GoCardlessClient
from payymo.providers.gocardless.banks import long_history
from payymo.providers.gocardless.banks.table import quirks_of
from payymo.providers.gocardless.provider import GoCardlessProvider
from payymo.providers.gocardless.translate import translate


class Translator(Protocol):
    """Puts a pulled row in Payymo's words, as of some day."""

    def __call__(
        self,
        row: PulledRow,
        *,
        institution_reference: str | None,
        account_currency: str | None,
        today: date | None,
    ) -> TransactionRecord:
        """Return the row; see :meth:`payymo.providers.base.BankDataProvider.translate`."""


class _Make(Protocol):
    def __call__(
        self,
        *,
        base_url: str,
        credentials: ProviderCredentials,
        store: TokenStore,
        clock: Clock,
        http: httpx.Client,
    ) -> BankDataProvider: ...


def make_provider(
    provider: Provider,
    *,
    base_url: str,
    credentials: ProviderCredentials,
    store: TokenStore,
    clock: Clock,
    http: httpx.Client,
) -> BankDataProvider:
    """Return a provider of bank data for one company.

    :param provider: Which one.
    :param base_url: Address of its API.
    :param credentials: The company's secrets.
    :param store: Where the company's tokens live, for all workers together.
    :param clock: Tells the time (aware).
    :param http: Sends requests; may be shared between providers and threads.
    """
    return _MAKERS[provider](
        base_url=base_url, credentials=credentials, store=store, clock=clock, http=http
    )


def _make_gocardless(
    *,
    base_url: str,
    credentials: ProviderCredentials,
    store: TokenStore,
    clock: Clock,
    http: httpx.Client,
) -> BankDataProvider:
    client = GoCardlessClient(
        http, base_url=base_url, credentials=credentials, store=store, clock=clock
    )
    return GoCardlessProvider(client, clock)


def find_translator(provider: Provider) -> Translator:
    """Return what puts a provider's rows in Payymo's words: pure, and without credentials.

    :param provider: Whose rows.
    """
    return _TRANSLATORS[provider]


def balance_rule_of(provider: Provider, institution_reference: str | None) -> BalanceRule:
    """Return how a bank's booked balance is found among those it reports. Asks nobody.

    :param provider: Who reports them.
    :param institution_reference: The provider's id of the bank; ``None`` counts as ordinary.
    """
    return _BALANCE_RULES[provider](institution_reference)


def gives_long_history_once(
    provider: Provider, institution_reference: str, features: Collection[str]
) -> bool:
    """Return whether a bank gives more than the usual days of history to one consent only.

    :param provider: Who connects the bank.
    :param institution_reference: The provider's id of the bank.
    :param features: What the bank supports, in the provider's words.
    """
    return _LONG_HISTORIES[provider](institution_reference, features)


def _gocardless_balance_rule(institution_reference: str | None) -> BalanceRule:
    return quirks_of(institution_reference).balance_rule


_MAKERS: Final[Mapping[Provider, _Make]] = {Provider.GOCARDLESS: _make_gocardless}
_TRANSLATORS: Final[Mapping[Provider, Translator]] = {Provider.GOCARDLESS: translate}
_BALANCE_RULES: Final[Mapping[Provider, Callable[[str | None], BalanceRule]]] = {
    Provider.GOCARDLESS: _gocardless_balance_rule
}
_LONG_HISTORIES: Final[Mapping[Provider, Callable[[str, Collection[str]], bool]]] = {
    Provider.GOCARDLESS: long_history.gives_long_history_once
}
