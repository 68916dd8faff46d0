"""Records of bank data: the only currency between providers and the database.

All are plain, frozen values. Dates are calendar dates as the bank wrote them, never converted
between time zones; timestamps are aware.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from payymo.domain.enums import AccessScope, AccountStatus, AccountType, BalanceType, ConsentStatus

#: Tells the time (aware). Front doors pass the process's own, ``access.system_clock``.
type Clock = Callable[[], datetime]


@dataclass(frozen=True, slots=True)
class InstitutionRecord:
    """A bank that a provider can connect.

    :ivar reference: The provider's id of the bank.
    :ivar countries: ISO 3166-1 alpha-2 codes, upper case, each once.
    :ivar history_days_max: How far back the bank's history can go, in days.
    :ivar consent_days_max: How long one consent can last, in days.
    :ivar features: The provider's own words for what the bank supports.
    :ivar payload: The provider's answer, as received.
    """

    reference: str
    name: str
    bic: str | None
    logo_url: str | None
    countries: tuple[str, ...]
    history_days_max: int
    consent_days_max: int
    features: tuple[str, ...]
    payload: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class RawDocument:
    """One answer of a provider about a thing other than a transaction, as received.

    :ivar kind: The provider's word for the thing (``agreement``, ``requisition``).
    :ivar reference: The provider's id of the thing.
    """

    kind: str
    reference: str
    payload: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Authorisation:
    """A page at which the account holder can consent.

    :ivar consent_reference: The provider's id of the consent that is asked for.
    :ivar url: Where to send the account holder's browser.
    :ivar history_days: How many days of history the consent covers.
    :ivar access_days: For how many days it lasts once granted.
    :ivar documents: The provider's answers, for the raw layer.
    """

    consent_reference: str
    url: str
    history_days: int
    access_days: int
    documents: tuple[RawDocument, ...]


@dataclass(frozen=True, slots=True)
class Consent:
    """What the provider says of a consent, now.

    :ivar status: ``PENDING`` for as long as the account holder is under way.
    :ivar account_references: The provider's ids of the accounts, once granted.
    :ivar granted_at: When the account holder consented, where known.
    :ivar expires_at: When access ends, where known.
    :ivar detail: The provider's own status word, for people who investigate.
    """

    status: ConsentStatus
    account_references: tuple[str, ...]
    granted_at: datetime | None
    expires_at: datetime | None
    detail: str
    documents: tuple[RawDocument, ...]


@dataclass(frozen=True, slots=True)
class Quota:
    """What the provider said is left for one account and scope.

    :ivar limit: Successful calls a day, where told.
    :ivar remaining: How many are left, where told; absent is unknown, never zero.
    :ivar resets_at: When the count starts anew (aware), where told.
    """

    scope: AccessScope
    limit: int | None
    remaining: int | None
    resets_at: datetime | None


@dataclass(frozen=True, slots=True)
class AccountRecord:
    """An account as the provider describes it.

    :ivar reference: The provider's id of the account: may change with each consent.
    :ivar resource_id: The bank's own id of the account, where given.
    :ivar iban: Normalised: upper case, without blanks; absent when not an IBAN.
    :ivar masked_number: Card or account number with parts hidden, where given.
    :ivar currency: ISO 4217 code; absent when the bank says none or ``XXX``.
    :ivar quota: What is left of the details scope, where details were fetched.
    """

    reference: str
    resource_id: str | None
    iban: str | None
    bban: str | None
    bic: str | None
    masked_number: str | None
    name: str | None
    owner_name: str | None
    product: str | None
    currency: str | None
    account_type: AccountType
    status: AccountStatus
    quota: Quota | None
    payload: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class BalanceRecord:
    """One balance as the bank reports it.

    :ivar reference_date: The day that it is true for, where given.
    :ivar changed_at: When the bank last changed it, as written, where given.
    """

    balance_type: BalanceType
    amount: Decimal
    currency: str
    credit_limit_included: bool | None
    reference_date: date | None
    changed_at: str | None
    payload: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class BalanceAnswer:
    """All balances of one account in one answer.

    :ivar request_id: By what name the provider can find the request again, where told.
    """

    balances: tuple[BalanceRecord, ...]
    quota: Quota | None
    request_id: str | None = None


@dataclass(frozen=True, slots=True)
class PulledRow:
    """One transaction of one answer, as received and not yet understood.

    :ivar payload: JSON text of the row (UTF-8), exactly as received.
    :ivar content_hash: SHA-256 of the row's canonical JSON (sorted keys, no blanks), taken
        before any cleaning: the same row hashes alike whatever the order of its fields.
    :ivar is_booked: Whether the bank lists it as booked rather than pending.
    """

    payload: bytes
    content_hash: bytes
    is_booked: bool


@dataclass(frozen=True, slots=True)
class Statement:
    """All transactions of one account in one answer, in the bank's order.

    :ivar rows: Booked and pending rows.
    :ivar last_updated: When the provider last asked the bank, as written, where given.
    :ivar quota: What is left of the transactions scope, where told.
    :ivar request_id: By what name the provider can find the request again, where told.
    """

    rows: tuple[PulledRow, ...]
    last_updated: str | None
    quota: Quota | None
    request_id: str | None = None


@dataclass(frozen=True, slots=True)
class CurrencyExchange:
    """How a foreign amount became the account's.

    :ivar rate: Units of ``target_currency`` for one ``source_currency``, as the bank states it.
    """

    source_currency: str | None
    target_currency: str | None
    unit_currency: str | None
    rate: Decimal | None
    instructed_amount: Decimal | None
    instructed_currency: str | None
    quotation_date: date | None


@dataclass(frozen=True, slots=True)
class TransactionRecord:
    """A bank transaction in Payymo's words.

    :ivar amount: Signed: positive is money in.
    :ivar is_booked: False for a pending row.
    :ivar trusted_id: The id that this bank is known to keep stable and unique, where it has one.
    :ivar transaction_id: The bank's id; absent when blank or a placeholder (``NOTPROVIDED``).
    :ivar internal_id: The provider's id; unique within one account at best.
    :ivar counterparty_name: The other side by sign, cleaned, as the bank names it.
    :ivar counterparty_iban: Normalised IBAN of the other side.
    :ivar payee: What a person would call the other side.
    :ivar description: The text, cleaned of the bank's noise.
    :ivar remittance: The text as sent, lines joined by line feeds.
    :ivar structured_reference: A creditor reference (ISO 11649, OGM, KID …), where one is given.
    :ivar bank_transaction_code: ISO 20022 domain-family-subfamily.
    :ivar balance_after: The account's balance after the row, as the row states it; it can be in
        another currency than the row.
    :ivar transaction_date: The day that the bank's users expect to see: the booking date, unless
        this bank is known to keep the day of the purchase elsewhere. A pending row is never
        dated after today.
    """

    amount: Decimal
    currency: str
    is_booked: bool
    booking_date: date | None
    value_date: date | None
    trusted_id: str | None
    transaction_id: str | None
    internal_id: str | None
    entry_reference: str | None
    end_to_end_id: str | None
    mandate_id: str | None
    creditor_id: str | None
    counterparty_name: str | None
    counterparty_iban: str | None
    counterparty_account: str | None
    payee: str | None
    description: str | None
    remittance: str | None
    structured_reference: str | None
    purpose_code: str | None
    bank_transaction_code: str | None
    proprietary_code: str | None
    merchant_category_code: str | None
    exchange: CurrencyExchange | None
    balance_after: Decimal | None
    balance_after_type: BalanceType | None
    balance_after_currency: str | None = None
    transaction_date: date | None = None


@dataclass(frozen=True, slots=True)
class TokenPair:
    """The tokens with which one company speaks to a provider; never shown.

    :ivar access: Sent with every call.
    :ivar access_expires_at: When it stops working (aware).
    :ivar refresh: Buys a new access token.
    :ivar refresh_expires_at: When that stops working (aware).
    """

    access: str = field(repr=False)
    access_expires_at: datetime
    refresh: str = field(repr=False)
    refresh_expires_at: datetime


@dataclass(frozen=True, slots=True)
class ProviderCredentials:
    """What a provider gave one company to prove who it is; the key is never shown."""

    secret_id: str = field(repr=False)
    secret_key: str = field(repr=False)
