"""Who seems to have paid: accounts, names, customer numbers, and what past matches say of them."""

from collections.abc import Hashable, Mapping
from enum import IntEnum

from payymo.domain.matching.index import InvoiceIndex
from payymo.domain.matching.memory import PayerMemory
from payymo.domain.matching.names import NameMatch
from payymo.domain.matching.normalise import words_for_names
from payymo.domain.matching.reading import Reading

#: More customers than this are no answer to the question who paid.
_CUSTOMERS_MAX = 12
_BITS_BEHIND_MAX = 9.0
_OFTEN = 2
_PURE_SHARE = 0.8
_MAJOR_SHARE = 0.4


class Account(IntEnum):
    """What the payer's account says of a customer."""

    ABSENT = 0
    UNKNOWN = 1
    ON_FILE = 2
    SEEN_ONCE = 3
    SEEN_OFTEN = 4
    SHARED_MOSTLY = 5
    SHARED = 6
    OTHERS = 7
    MANY = 8


class Alias(IntEnum):
    """What the payer's very name said of a customer before."""

    NEW = 0
    SEEN_ONCE = 1
    SEEN_OFTEN = 2
    SHARED = 3
    OTHERS = 4


class Name(IntEnum):
    """How like a customer's name the payer's is, and how far that tells it from all others."""

    ABSENT = 0
    PROCESSOR = 1
    STRANGER = 2
    OTHERS = 3
    SAME_RARE = 4
    SAME = 5
    SAME_COMMON = 6
    LIKE_RARE = 7
    LIKE = 8
    LIKE_COMMON = 9
    AKIN_RARE = 10
    AKIN = 11
    AKIN_COMMON = 12
    REMOTE_RARE = 13
    REMOTE = 14
    REMOTE_COMMON = 15


class InText(IntEnum):
    """How much of a customer's name stands in the text."""

    NOTHING = 0
    WHOLE_RARE = 1
    WHOLE = 2
    PART_RARE = 3
    PART = 4
    OTHERS = 5


class Rank(IntEnum):
    """How strongly the signals point to a customer, beside the others."""

    NOBODY = 0
    FIRST = 1
    LEVEL = 2
    BEHIND = 3
    FAR_BEHIND = 4


class Payer:
    """What speaks for one customer having paid.

    :ivar bits: A rough sum, to rank customers by.
    """

    __slots__ = ("account", "alias", "bits", "in_text", "is_numbered", "name", "rank")

    def __init__(self) -> None:
        self.account: int = Account.UNKNOWN
        self.alias: int = Alias.NEW
        self.name: int = Name.STRANGER
        self.in_text: int = InText.NOTHING
        self.is_numbered = False
        self.bits = 0.0
        self.rank: int = Rank.NOBODY


class Payers:
    """Who may have paid, by place in the index, and what holds for all others."""

    __slots__ = ("by_customer", "nobody")

    def __init__(self, by_customer: dict[int, Payer], nobody: Payer) -> None:
        self.by_customer = by_customer
        self.nobody = nobody

    def of(self, customer: int) -> Payer:
        """Return what the payment says of a customer."""
        return self.by_customer.get(customer, self.nobody)


def find_payers(index: InvoiceIndex, lessons: PayerMemory, reading: Reading) -> Payers:
    """Return the customers who may have made a payment.

    :param index: Open invoices and their customers.
    :param lessons: What the other payments of the same batch teach.
    :param reading: What the payment says.
    """
    found: dict[int, Payer] = {}
    nobody = Payer()
    _read_account(index, lessons, reading, found, nobody)
    _read_name(index, lessons, reading, found, nobody)
    if reading.words and not (len(found) == 1 and _is_plain(*found.values())):
        _read_text(index, reading, found, nobody)
    for customer in reading.customers:
        payer = found.setdefault(customer, Payer())
        payer.is_numbered = True
        payer.bits += 7.0
    for payer in found.values():
        _fill(payer, nobody)
    return Payers(_rank(index, found), nobody)


def _is_plain(payer: Payer) -> bool:
    """Return whether a payer's name is a customer's, so that the text need not be asked."""
    return payer.name == Name.SAME_RARE


def _read_text(
    index: InvoiceIndex, reading: Reading, found: dict[int, Payer], nobody: Payer
) -> None:
    """Note which customers the text names."""
    words = words_for_names(reading.words)
    if not words:
        return
    is_asked = reading.is_processor or not reading.name or nobody.name == Name.STRANGER
    for match in index.names.find_in_text(words):
        in_text = _in_text(index, match)
        if in_text == InText.WHOLE_RARE:
            nobody.in_text = InText.OTHERS
        if is_asked or match.customer in found or in_text == InText.WHOLE_RARE:
            payer = found.setdefault(match.customer, Payer())
            payer.in_text = in_text
            payer.bits += match.quality * match.bits


def _fill(payer: Payer, nobody: Payer) -> None:
    """Give a customer what the payment says of whoever no signal points to."""
    if payer.account == Account.UNKNOWN:
        payer.account = nobody.account
    if payer.alias == Alias.NEW:
        payer.alias = nobody.alias
    if payer.name == Name.STRANGER:
        payer.name = nobody.name
    if payer.in_text == InText.NOTHING:
        payer.in_text = nobody.in_text


def _rank(index: InvoiceIndex, found: dict[int, Payer]) -> dict[int, Payer]:
    """Return the few strongest, each with how far it is behind the first."""
    if not found:
        return found
    order = sorted(found, key=lambda at: (-found[at].bits, str(index.customers[at].id)))
    best = found[order[0]].bits
    second = found[order[1]].bits if len(order) > 1 else 0.0
    kept = {}
    for at in order[:_CUSTOMERS_MAX]:
        payer = found[at]
        behind = best - payer.bits
        if behind > _BITS_BEHIND_MAX:
            break
        if at == order[0]:
            payer.rank = Rank.FIRST if best - second >= 1 else Rank.LEVEL
        else:
            payer.rank = (
                Rank.LEVEL if behind < 1 else Rank.BEHIND if behind <= 4 else Rank.FAR_BEHIND  # noqa: PLR2004  # bits
            )
        kept[at] = payer
    return kept


# -------------------------------------------------------------------- accounts


def _counts(
    known: Mapping[Hashable, int] | None,
    lessons: Mapping[Hashable, int] | None,
    own_lesson: Hashable | None,
) -> dict[Hashable, int]:
    """Return how often a payer paid for each customer; a payment does not confirm itself."""
    if not lessons:
        return dict(known) if known else {}
    counts = dict(known or {})
    for customer, count in lessons.items():
        count_of_others = count - (customer == own_lesson)
        if count_of_others:
            counts[customer] = counts.get(customer, 0) + count_of_others
    return counts


def _own_lesson(index: InvoiceIndex, reading: Reading) -> Hashable | None:
    return None if reading.teaches is None else index.invoices[reading.teaches].customer_id


def _read_account(
    index: InvoiceIndex,
    lessons: PayerMemory,
    reading: Reading,
    found: dict[int, Payer],
    nobody: Payer,
) -> None:
    iban = reading.iban
    if not iban:
        nobody.account = Account.ABSENT
        return
    if reading.is_processor:
        nobody.account = Account.MANY
        return
    on_file = index.by_iban.get(iban, ())
    counts = _counts(
        index.memory.by_iban.get(iban),
        lessons.by_iban.get(iban),
        _own_lesson(index, reading),
    )
    total = sum(counts.values())
    if len(counts) > _CUSTOMERS_MAX:
        nobody.account = Account.MANY
    elif counts or on_file:
        nobody.account = Account.OTHERS if len(counts) + len(on_file) <= 2 else Account.MANY  # noqa: PLR2004  # a payer for three pays for more
    for at in on_file:
        payer = found.setdefault(at, Payer())
        payer.account = Account.ON_FILE if len(on_file) == 1 else Account.SHARED
        payer.bits += 10.0 if len(on_file) == 1 else 4.0
    for customer_id, count in counts.items():
        customer = index.customer_places.get(customer_id)
        if customer is not None:
            _note_account(found.setdefault(customer, Payer()), count, count / total)


def _note_account(payer: Payer, count: int, share: float) -> None:
    """Note how often, and in what share of all cases, an account paid for a customer."""
    if share >= _PURE_SHARE:
        often = count >= _OFTEN
        account, bits = (Account.SEEN_OFTEN, 11.0) if often else (Account.SEEN_ONCE, 9.0)
    elif share >= _MAJOR_SHARE:
        account, bits = Account.SHARED_MOSTLY, 5.0
    else:
        account, bits = Account.SHARED, 3.0
    is_known = payer.account in {Account.ON_FILE, Account.SHARED}
    if payer.account != Account.ON_FILE or account == Account.SEEN_OFTEN:
        payer.account = account
    payer.bits += bits / 4 if is_known else bits


# ----------------------------------------------------------------------- names


def _read_name(
    index: InvoiceIndex,
    lessons: PayerMemory,
    reading: Reading,
    found: dict[int, Payer],
    nobody: Payer,
) -> None:
    name = reading.name
    if not name:
        nobody.name = Name.PROCESSOR if reading.is_processor else Name.ABSENT
        return
    if reading.is_processor:
        nobody.name = Name.PROCESSOR
        return
    counts = _counts(
        index.memory.by_name.get(name),
        lessons.by_name.get(name),
        _own_lesson(index, reading),
    )
    total = sum(counts.values())
    if counts:
        nobody.alias = Alias.OTHERS
    for customer_id, count in counts.items():
        at = index.customer_places.get(customer_id)
        if at is None:
            continue
        payer = found.setdefault(at, Payer())
        if count >= _PURE_SHARE * total:
            often = count >= _OFTEN
            payer.alias, bits = (Alias.SEEN_OFTEN, 8.0) if often else (Alias.SEEN_ONCE, 7.0)
        else:
            payer.alias, bits = Alias.SHARED, 3.0
        payer.bits += bits if payer.bits < 5 else bits / 4  # noqa: PLR2004  # the account said it
    matches = index.names.find(name)
    best = matches[0].quality * matches[0].bits if matches else 0.0
    nobody.name = Name.OTHERS if best > _LIKE_BITS else Name.STRANGER
    limit = index.names.bits_max
    for match in matches[:_CUSTOMERS_MAX]:
        payer = found.setdefault(match.customer, Payer())
        payer.name = _likeness(match, limit)
        bits = match.quality * min(match.bits, limit)
        payer.bits += bits if payer.alias == Alias.NEW else bits / 2


_LIKE_BITS = 4.0


def _likeness(match: NameMatch, limit: float) -> int:
    """Return how like a name is, and how far it tells a customer from all others."""
    quality, bits = match.quality, match.bits
    base = (
        Name.SAME_RARE
        if quality >= 0.995 and match.is_own  # noqa: PLR2004  # steps of likeness
        else Name.LIKE_RARE
        if quality >= 0.85 and match.is_own  # noqa: PLR2004  # steps of likeness
        else Name.AKIN_RARE
        if quality >= 0.7  # noqa: PLR2004  # steps of likeness
        else Name.REMOTE_RARE
    )
    missing = limit - bits
    return base + (0 if missing <= 1 else 1 if missing <= 4 else 2)  # noqa: PLR2004  # steps of likeness


def _in_text(index: InvoiceIndex, match: NameMatch) -> int:
    base = InText.WHOLE_RARE if match.quality >= 0.95 else InText.PART_RARE  # noqa: PLR2004  # steps of likeness
    return base + (match.bits < index.names.bits_max - 3)
