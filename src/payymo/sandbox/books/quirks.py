"""How entries become rows on the wire, and what some banks do to them."""

# ruff: noqa: PLR2004 - rates and lengths are facts of the model, said where they act

from collections.abc import Callable
from datetime import date
from decimal import Decimal
from typing import NamedTuple

from payymo.sandbox.books.dice import digest
from payymo.sandbox.books.records import BookAccount, Entry, Fields


class Sight(NamedTuple):
    """Who looks at an account, and when.

    :ivar name: Seed, institution, book and account: what ids are made from.
    :ivar pull: How many times this consent has read the account.
    """

    name: str
    account: BookAccount
    today: date
    pull: int


type Quirk = Callable[[Fields, Entry, Sight], Fields]

#: Quirks whose answers differ from call to call, so that nothing may be remembered.
VOLATILE = frozenset({"ids_reissued", "internal_ids_reissued", "pending_replaced"})

_REUSED_IDS = 23


def internal_id(name: str, key: str) -> str:
    """Return the service's own id of an entry, unique within its account only."""
    return digest(name, key)


def booked_fields(entry: Entry, sight: Sight, quirks: tuple[str, ...]) -> Fields:
    """Return a booked row as the bank answers it."""
    fields: Fields = {
        "transactionId": f"{entry.booked_on:%Y%m%d}{int(digest(sight.name, entry.key)[:10], 16)}",
        "bookingDate": entry.booked_on.isoformat(),
        "valueDate": entry.value_on.isoformat(),
        "transactionAmount": _money(entry.amount, sight.account.currency),
        **entry.fields,
        "internalTransactionId": internal_id(sight.name, entry.key),
    }
    for quirk in quirks:
        fields = _BOOKED.get(quirk, _as_is)(fields, entry, sight)
    return fields


def pending_fields(entry: Entry, sight: Sight, quirks: tuple[str, ...]) -> Fields:
    """Return a pending row as the bank answers it: no ids, and only a value date."""
    fields: Fields = {
        "valueDate": entry.value_on.isoformat(),
        "transactionAmount": _money(entry.amount, sight.account.currency),
        **entry.fields,
    }
    for quirk in quirks:
        fields = _PENDING.get(quirk, _as_is)(fields, entry, sight)
    return fields


def with_balance(fields: Fields, balance: Decimal, currency: str) -> Fields:
    """Return a row with the balance after it; some banks write its type with a capital."""
    after = {"balanceAmount": _money(balance, currency), "balanceType": "InterimBooked"}
    return fields | {"balanceAfterTransaction": after}


def _money(amount: Decimal, currency: str) -> Fields:
    return {"amount": f"{amount:f}", "currency": currency}


def _as_is(fields: Fields, _entry: Entry, _sight: Sight) -> Fields:
    return fields


def _ids_missing(fields: Fields, _entry: Entry, _sight: Sight) -> Fields:
    return {name: value for name, value in fields.items() if name != "transactionId"}


def _ids_reused(fields: Fields, entry: Entry, sight: Sight) -> Fields:
    number = int(digest(sight.name, entry.key)[:8], 16) % _REUSED_IDS
    return fields | {"transactionId": f"{9_900 + number}"}


def _ids_reissued(fields: Fields, entry: Entry, sight: Sight) -> Fields:
    name = (sight.name, entry.key, sight.today, sight.pull)
    return fields | {
        "transactionId": digest(*name, "transaction", size=8),
        "internalTransactionId": digest(*name),
        "proprietaryBankTransactionCode": f"ARK-{int(digest(sight.name, entry.key)[:9], 16)}",
    }


def _internal_ids_reissued(fields: Fields, entry: Entry, sight: Sight) -> Fields:
    return fields | {
        "internalTransactionId": digest(sight.name, entry.key, sight.today, sight.pull)
    }


def _text_shapes(fields: Fields, entry: Entry, _sight: Sight) -> Fields:
    """Write the text where and how other banks write it, and dates as they like."""
    text = fields["remittanceInformationUnstructured"]
    shape = entry.booked_on.toordinal() % 5
    rest = {
        name: value for name, value in fields.items() if name != "remittanceInformationUnstructured"
    }
    if shape == 0:
        return rest | {"remittanceInformationUnstructuredArray": [text[:6], text[6:]]}
    if shape == 1:
        return rest | {"additionalInformation": text}
    if shape == 2:
        del rest["valueDate"]
        return rest | {"remittanceInformationStructured": text}
    if shape == 3:
        del rest["bookingDate"]
        stamp = f"{fields['bookingDate']}T00:00:00+01:00"
        return rest | {"bookingDateTime": stamp, "remittanceInformationUnstructuredArray": [text]}
    return fields | {"endToEndId": "NOTPROVIDED", "remittanceInformationUnstructuredArray": [""]}


def _pending_rebooked(fields: Fields, entry: Entry, _sight: Sight) -> Fields:
    announced = entry.pending_from or entry.booked_on
    return {
        "valueDate": announced.isoformat(),
        "transactionAmount": fields["transactionAmount"],
        "remittanceInformationUnstructured": "VORGEMERKTER UMSATZ",
    }


def _pending_replaced(fields: Fields, entry: Entry, sight: Sight) -> Fields:
    """Write a pending row with an id and a text of this call alone, and no date at all."""
    return {
        "transactionId": f"P{digest(sight.name, entry.key, sight.pull, size=6)}",
        "transactionAmount": fields["transactionAmount"],
        "remittanceInformationUnstructured": f"PENDING {sight.pull:04d}",
    }


_BOOKED: dict[str, Quirk] = {
    "ids_missing": _ids_missing,
    "ids_reused": _ids_reused,
    "ids_reissued": _ids_reissued,
    "internal_ids_reissued": _internal_ids_reissued,
    "text_shapes": _text_shapes,
}
_PENDING: dict[str, Quirk] = {
    "pending_rebooked": _pending_rebooked,
    "pending_replaced": _pending_replaced,
}
