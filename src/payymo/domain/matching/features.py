"""What is known of an explanation, as a few answers out of fixed lists: each has its own weight.

A feature is a whole number: an answer's place among all answers of all groups. Explanations are
lists of such numbers, the score is the sum of their weights, and so each is evidence by itself.
"""

from collections.abc import Sequence
from itertools import product

from payymo.domain.enums import AmountClass
from payymo.domain.matching.payers import Account, Alias, InText, Name, Rank
from payymo.domain.matching.reading import Quote


class Group:
    """A question with the answers that it may have.

    :ivar name: What is asked.
    :ivar answers: Names of the answers, in order.
    :ivar base: The feature of the first answer.
    """

    __slots__ = ("_places", "answers", "base", "name")

    def __init__(self, name: str, answers: Sequence[str]) -> None:
        self.name = name
        self.answers = tuple(answers)
        self.base = sum(len(group.answers) for group in GROUPS)
        self._places = {answer: self.base + at for at, answer in enumerate(self.answers)}
        GROUPS.append(self)

    def __getitem__(self, answer: str) -> int:
        """Return the feature of a named answer."""
        return self._places[answer]


GROUPS: list[Group] = []


def _names(kind: type[Account | Alias | Name | InText | Rank | Quote]) -> list[str]:
    return [each.name.lower() for each in kind]


def _crossed(*lists: Sequence[str]) -> list[str]:
    return ["+".join(names) for names in product(*lists)]


#: How plainly something is quoted, how well the amount fits, how surely the payer is known.
QUOTED = ("issued", "number", "vague", "silent", "contradicted")
FITS = ("exact", "usual", "tight", "loose", "over", "odd")
KNOWN = ("surely", "likely", "perhaps", "unsaid", "stranger", "other")

FORM = Group(
    "form",
    (
        "single", "list2", "list3", "list4", "run2", "run3", "all2", "all3", "equal2", "equal3",
        "sum2", "sum3", "across2", "across3", "netted2", "netted3",
    ),
)  # fmt: skip
QUOTE = Group(
    "quote",
    (
        *_crossed(_names(Quote), ("alone", "shared")),
        *("list_all", "list_ends", "list_part", "list_vague"),
        *("silent", "stray", "stray_end", "other_vague", "other_end", "other_plain"),
        "other_exact",
        *("strange_old", "strange_among", "strange_new", "closed", "closed_end"),
        *("cut_fits", "cut_other", "list_cut"),
    ),
)
CHANCE = Group("chance", ("none", "small", "some", "much"))
FURTHER = Group("further", ("agrees", "differs"))
DEDUCTED = Group("deducted", ("quoted", "unsaid"))
PART_SAID = Group("part_said", ("fits", "full"))
BESIDES = Group("besides", ("nothing", "vague", "plain", "strange", "closed", "cut", "slip"))
AMOUNT = Group("amount", _crossed([each.value for each in AmountClass], ("one", "several")))
#: What else the amount may mean: see :mod:`.otherwise`.
OTHERWISE = Group("otherwise", ("less_fee", "topped", "twice", "more_abroad", "listed"))
PRICE = Group("price", ("some", "usual"))
RARITY = Group("rarity", ("unique", "rare", "seldom", "frequent", "common"))
SUM_CHANCE = Group("sum_chance", ("tiny", "small", "some", "much"))
SOLUTIONS = Group("solutions", ("one", "two", "several"))
ACCOUNT = Group("account", _names(Account))
ALIAS = Group("alias", _names(Alias))
NAME = Group("name", _names(Name))
IN_TEXT = Group("in_text", _names(InText))
CUSTOMER_NUMBER = Group("customer_number", ("none", "this", "other"))
RANK = Group("rank", _names(Rank))
LAG = Group(
    "lag",
    ("long_before", "before", "early", "on_time", "late", "later", "very_late", "ancient"),
)
HABIT = Group("habit", ("unknown", "near", "fair", "off", "far"))
AGE = Group("age", ("oldest", "second", "third", "young"))
OPEN = Group("open", ("one", "two", "few", "several", "many"))
CROWD = Group("crowd", ("one", "two", "few"))
WORDS = Group(
    "words",
    _crossed(("prepayment", "own", "misc", "order"), ("issued", "number", "vague", "unquoted")),
)
PROCESSOR = Group("processor", _crossed(FITS, ("quoted", "named", "bare")))
REPEAT = Group("repeat", ("quoted", "unquoted"))
REMAINDER = Group("remainder", ("quoted", "unquoted"))
FOREIGN = Group("foreign", QUOTED)
REFUSED = Group("refused", ("lately", "once"))
#: What it is worth that reference, amount and payer agree, beyond what each is worth alone.
AGREEMENT = Group("agreement", _crossed(QUOTED, FITS, KNOWN))
COMPETITION = Group(
    "competition", _crossed(("free", "wanted", "contested", "claimed", "taken"), ("quoted", "not"))
)


def agreement(quoted: int, fit: int, known: int) -> int:
    """Return the feature of what reference, amount and payer say together, by their places."""
    return AGREEMENT.base + (quoted * len(FITS) + fit) * len(KNOWN) + known


#: How many features there are.
FEATURE_COUNT = COMPETITION.base + len(COMPETITION.answers)


#: The place in ``FITS`` of each class of amounts.
FIT_OF = {
    AmountClass.EXACT: 0,
    AmountClass.ROUNDED: 2,
    AmountClass.DISCOUNT: 2,
    AmountClass.LATE_DISCOUNT: 3,
    AmountClass.PROCESSOR_FEE: 3,
    AmountClass.BANK_FEE: 3,
    AmountClass.INSTALMENT: 3,
    AmountClass.SHARE: 3,
    AmountClass.PART: 5,
    AmountClass.ROUNDED_UP: 4,
    AmountClass.TIP: 4,
    AmountClass.DOUBLE: 4,
    AmountClass.SURCHARGE: 4,
    AmountClass.SLIGHTLY_OVER: 4,
    AmountClass.FAR_OVER: 5,
    AmountClass.INSTRUCTED: 2,
    AmountClass.NEAR_MID_RATE: 2,
    AmountClass.FAR_FROM_MID_RATE: 3,
}
AMOUNT_PLACE = {each: place * 2 for place, each in enumerate(AmountClass)}

#: The place in ``QUOTED`` of each way to quote.
QUOTED_OF = (0, 0, 0, 0, 1, 1, 1, 2, 2, 2, 2, 2, 2, 2, 2)

_SURE_ACCOUNTS = {Account.ON_FILE, Account.SEEN_ONCE, Account.SEEN_OFTEN}
_SURE_ALIASES = {Alias.SEEN_ONCE, Alias.SEEN_OFTEN}
_SHARED_ACCOUNTS = {Account.SHARED, Account.OTHERS, Account.MANY}
_SURE_NAMES = {Name.SAME_RARE, Name.SAME, Name.LIKE_RARE}
_LIKELY_NAMES = {Name.SAME_COMMON, Name.LIKE, Name.AKIN_RARE, Name.LIKE_COMMON}
_PERHAPS_NAMES = {Name.AKIN, Name.AKIN_COMMON, Name.REMOTE_RARE, Name.REMOTE}


def known_place(account: int, alias: int, name: int, in_text: int, is_numbered: bool) -> int:
    """Return the place in ``KNOWN`` of what is known of a payer."""
    is_shared = account in _SHARED_ACCOUNTS
    if (
        account in _SURE_ACCOUNTS
        or name in _SURE_NAMES
        or (alias in _SURE_ALIASES and not is_shared)
    ):
        return 0
    if name in _LIKELY_NAMES or in_text in {InText.WHOLE_RARE, InText.WHOLE} or is_numbered:
        return 1
    if (
        name in _PERHAPS_NAMES
        or in_text not in {InText.NOTHING, InText.OTHERS}
        or account in {Account.SHARED_MOSTLY, Account.SHARED}
        or alias in {Alias.SHARED, *_SURE_ALIASES}
    ):
        return 2
    if (
        account == Account.OTHERS
        or alias == Alias.OTHERS
        or name == Name.OTHERS
        or in_text == InText.OTHERS
    ):
        return 5
    return 3 if name in {Name.ABSENT, Name.PROCESSOR} else 4
