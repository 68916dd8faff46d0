"""Is this account one that we have? Answered anew with each consent."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from payymo.domain.banking import AccountRecord
from payymo.domain.enums import AccountType


@dataclass(frozen=True, slots=True)
class KnownAccount:
    """What is remembered of an account, as far as it tells which one it is.

    :ivar name: What the bank calls it; a tenant's own name for it says nothing.
    """

    id: UUID
    reference: str
    resource_id: str | None
    iban: str | None
    masked_number: str | None
    currency: str | None
    account_type: AccountType
    name: str | None


#: What a record and a known account may have in common.
type _Sign = str | tuple[str | None, ...]
#: Reads a sign; nothing, or an empty text, says nothing.
type _Key = Callable[[KnownAccount | AccountRecord], _Sign | None]


def _by_reference(account: KnownAccount | AccountRecord) -> _Sign | None:
    return account.reference


def _by_resource_id(account: KnownAccount | AccountRecord) -> _Sign | None:
    return account.resource_id


def _by_iban(account: KnownAccount | AccountRecord) -> _Sign | None:
    return account.iban and (account.iban, account.currency)


def _by_iban_alone(account: KnownAccount | AccountRecord) -> _Sign | None:
    return account.iban


def _by_masked_number(account: KnownAccount | AccountRecord) -> _Sign | None:
    return account.masked_number and (account.masked_number, account.currency)


def _by_name(account: KnownAccount | AccountRecord) -> _Sign | None:
    return account.name and (account.currency, account.account_type, account.name)


#: From most to least telling.
_TIERS: Sequence[_Key] = (
    _by_reference,
    _by_resource_id,
    _by_iban,
    _by_iban_alone,
    _by_masked_number,
    _by_name,
)

#: What tells that two logins reach one account; names and masked numbers are too common.
_IDENTIFYING: Sequence[_Key] = (_by_reference, _by_resource_id, _by_iban, _by_iban_alone)


def pair_accounts(
    known: Sequence[KnownAccount], records: Sequence[AccountRecord]
) -> Mapping[str, UUID]:
    """Return which known account each record speaks of.

    Tier after tier: the provider's id, the bank's resource id, IBAN with currency, IBAN alone (one
    side may not know the currency), the masked number with currency, and the name with currency
    and type. Each account is claimed once. Where two accounts or two records look alike in a tier
    it decides nothing, for a wrong guess would mix two accounts' histories; nor are accounts one
    whose IBANs or currencies differ.

    :param known: Accounts that are remembered, of one connection.
    :param records: Accounts as the provider describes them now.
    :returns: Ids of known accounts by the records' provider ids; new accounts are left out.
    """
    return _pair(known, records, _TIERS)


def pair_doubles[Described: (KnownAccount, AccountRecord)](
    known: Sequence[KnownAccount], records: Sequence[Described]
) -> Mapping[str, UUID]:
    """Return which accounts of other logins each of one login's is, too.

    :param known: Accounts that are known through other logins.
    :param records: Accounts of the login that is looked at.
    :returns: Ids of known accounts by the provider's ids of the others.
    """
    return _pair(known, records, _IDENTIFYING)


def _pair[Described: (KnownAccount, AccountRecord)](
    known: Sequence[KnownAccount], records: Sequence[Described], tiers: Sequence[_Key]
) -> Mapping[str, UUID]:
    pairs: dict[str, UUID] = {}
    left = list(known)
    for tier in tiers:
        candidates = _unique(left, tier)
        unpaired = [record for record in records if record.reference not in pairs]
        for key, record in _unique(unpaired, tier).items():
            account = candidates.get(key)
            if account is not None and not _contradict(account, record):
                pairs[record.reference] = account.id
                left.remove(account)
    return pairs


def _unique[Account: (KnownAccount, AccountRecord)](
    accounts: Iterable[Account], tier: _Key
) -> Mapping[_Sign, Account]:
    groups: defaultdict[_Sign, list[Account]] = defaultdict(list)
    for account in accounts:
        key = tier(account)
        if key:
            groups[key].append(account)
    return {key: group[0] for key, group in groups.items() if len(group) == 1}


def _contradict(account: KnownAccount, record: KnownAccount | AccountRecord) -> bool:
    """Return whether the two cannot be one, although a sign weaker than the id says so."""
    return account.reference != record.reference and (
        _differ(account.iban, record.iban) or _differ(account.currency, record.currency)
    )


def _differ(one: str | None, other: str | None) -> bool:
    return one is not None and other is not None and one != other
