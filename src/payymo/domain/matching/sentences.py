"""Reasons in words: one sentence for each answer that a person wants to read."""

from functools import cache

from payymo.domain.enums import AmountClass, EvidenceKind

#: Which groups of features are told together.
PART_OF = {
    "quote": "quote",
    "chance": "quote",
    "besides": "besides",
    "further": "quote",
    "part_said": "amount",
    "deducted": "amount",
    "amount": "amount",
    "otherwise": "otherwise",
    "price": "amount",
    "rarity": "amount",
    "sum_chance": "amount",
    "solutions": "amount",
    "foreign": "amount",
    "account": "account",
    "alias": "alias",
    "name": "name",
    "in_text": "in_text",
    "customer_number": "customer_number",
    "lag": "date",
    "habit": "date",
    "form": "prior",
    "age": "open",
    "open": "open",
    "crowd": "open",
    "rank": "rank",
    "agreement": "agreement",
    "words": "words",
    "processor": "processor",
    "repeat": "repeat",
    "remainder": "remainder",
    "refused": "refused",
    "competition": "competition",
}

PRIOR = "How often payments pay such an invoice at all, and what is not said."

OF_ONE_INVOICE = frozenset(
    (
        EvidenceKind.STRUCTURED_REFERENCE,
        EvidenceKind.INVOICE_NUMBER,
        EvidenceKind.INVOICE_NUMBER_DIGITS,
        EvidenceKind.END_TO_END_ID,
        EvidenceKind.AMOUNT_EXACT,
        EvidenceKind.AMOUNT_PART,
        EvidenceKind.AMOUNT_OVER,
        EvidenceKind.DATE,
    )
)
AGAINST = frozenset((EvidenceKind.CONTRADICTION, EvidenceKind.COMPETITION))

_QUOTES = {
    "structured": (
        EvidenceKind.STRUCTURED_REFERENCE,
        "The payment carries the reference that was issued with {}",
        "carries the reference issued with {}",
    ),
    "structured_text": (
        EvidenceKind.STRUCTURED_REFERENCE,
        "The text holds the reference that was issued with {}",
        "carries the reference issued with {}",
    ),
    "repaired": (
        EvidenceKind.STRUCTURED_REFERENCE,
        "The payment's reference fails its check digit, and is one slip away from that of {} alone",
        "carries the reference of {} with a slip that its check digit proves",
    ),
    "end_to_end": (
        EvidenceKind.END_TO_END_ID,
        "The end-to-end id is the invoice number {}",
        "its end-to-end id is {}",
    ),
    "number": (
        EvidenceKind.INVOICE_NUMBER,
        "The payment quotes the invoice number {}",
        "quotes {}",
    ),
    "plain": (EvidenceKind.INVOICE_NUMBER, "The payment quotes the invoice number {}", "quotes {}"),
    "digits": (
        EvidenceKind.INVOICE_NUMBER_DIGITS,
        "The payment quotes the digits of the invoice number {}",
        "quotes the digits of {}",
    ),
    "tail_long": (
        EvidenceKind.INVOICE_NUMBER_DIGITS,
        "The payment quotes the end of the invoice number {}",
        "quotes the end of {}",
    ),
    "tail_short": (
        EvidenceKind.INVOICE_NUMBER_DIGITS,
        "The payment quotes the end of the invoice number {}",
        "quotes the end of {}",
    ),
    "joined": (
        EvidenceKind.INVOICE_NUMBER_DIGITS,
        "Pieces of the text, put together, are the invoice number {}",
        "quotes {} in pieces",
    ),
    "date_like": (
        EvidenceKind.INVOICE_NUMBER_DIGITS,
        "The payment quotes the invoice number {}, or a date that looks like it",
        "quotes {}, or a date",
    ),
    "customer_like": (
        EvidenceKind.INVOICE_NUMBER_DIGITS,
        "The payment quotes the invoice number {}, or a customer number that looks like it",
        "quotes {}, or a customer number",
    ),
    "cut": (
        EvidenceKind.INVOICE_NUMBER_DIGITS,
        "The text is cut off within what may be the invoice number {}",
        "is cut off within {}",
    ),
    "typo": (
        EvidenceKind.INVOICE_NUMBER_DIGITS,
        "The text quotes a number that is one slip away from {}",
        "quotes a number one slip away from {}",
    ),
    "end": (
        EvidenceKind.INVOICE_NUMBER_DIGITS,
        "The payment quotes digits that the invoice number {} ends with",
        "quotes the end of {}",
    ),
}
_LISTS = {
    "list_all": ("The payment quotes each of these invoices.", "quotes all {} invoices"),
    "list_ends": (
        "The payment quotes the first invoice, and the ends of the others' numbers.",
        "quotes {} invoices, some by the ends of their numbers",
    ),
    "list_part": (
        "The payment quotes some of these invoices; the others make up the amount.",
        "quotes some of {} invoices",
    ),
    "list_cut": (
        "The payment quotes some of these invoices; then the text is cut off.",
        "quotes some of {} invoices, then is cut off",
    ),
    "list_vague": (
        "The payment quotes parts of these invoices' numbers.",
        "quotes parts of {} invoice numbers",
    ),
}


def quote(answer: str, number: str, strange: str) -> tuple[EvidenceKind, str]:
    """Return what the payment quotes of an invoice, or instead of it."""
    level, _, shared = answer.partition("+")
    if level in _QUOTES:
        kind, text, _short = _QUOTES[level]
        more = "; others share it." if shared == "shared" else "."
        return kind, text.format(number) + more
    if level in _LISTS:
        return EvidenceKind.INVOICE_NUMBER, _LISTS[level][0]
    text = _OTHERWISE.get(level, "")
    return EvidenceKind.CONTRADICTION, text.format(strange) if text else ""


#: What is quoted instead of an invoice.
_OTHERWISE = {
    "other_plain": "The payment quotes another open invoice.",
    "other_exact": "The payment quotes another open invoice, and has just its amount.",
    "stray_end": "The payment quotes digits that end no open invoice of this customer.",
    "other_vague": "The payment holds digits of another open invoice.",
    "other_end": "The payment quotes the end of another open invoice's number.",
    "closed": "The payment quotes {}, which is paid or void.",
    "strange_old": "The payment quotes {}, older than any invoice that is open.",
    "strange_among": "The payment quotes {}, which is not an open invoice.",
    "closed_end": "The payment quotes the end of a paid invoice's number.",
    "cut_other": "The payment quotes the beginning of another number.",
    "strange_new": "The payment quotes {}, which is not an open invoice.",
}


def quote_in_short(answer: str, number: str, count: int) -> str:
    """Return what the payment quotes, in a few words."""
    level = answer.partition("+")[0]
    if level in _QUOTES:
        return _QUOTES[level][2].format(number)
    if level in _LISTS:
        return _LISTS[level][1].format(count)
    return "quotes no invoice" if level in {"silent", "stray"} else ""


BESIDES = {
    "vague": "The payment holds digits of another open invoice, too.",
    "plain": "The payment quotes another open invoice, too.",
    "strange": "The payment quotes a number, too, that is not an open invoice.",
    "closed": "The payment quotes an invoice, too, that is paid or void.",
    "cut": "The text is cut off within another number.",
    "slip": "An equal invoice of whoever seems to have paid has a number that is one slip away.",
}

OTHERWISE = {
    "less_fee": "The amount may as well be several of the customer's invoices, less a fee.",
    "topped": "What is paid too much is just what another invoice has open.",
    "twice": "Two equal invoices may as well be one that was paid twice over.",
    "more_abroad": "With an invoice more, or less, the amount is as near the mid rate.",
    "listed": "The amount is not exact, and something else is quoted, too.",
}

COMPETITION = {
    "wanted": "Another payment may be for the same invoice.",
    "contested": "Another payment is likely for the same invoice.",
    "claimed": "Another payment is nearly surely for the same invoice.",
    "taken": "Another payment is surely for the same invoice.",
}

_AMOUNTS = {
    AmountClass.ROUNDED: "rounded",
    AmountClass.DISCOUNT: "a discount for early payment",
    AmountClass.LATE_DISCOUNT: "a discount, taken too late",
    AmountClass.PROCESSOR_FEE: "what a payment processor keeps, to the cent",
    AmountClass.BANK_FEE: "a bank's fee",
    AmountClass.ROUNDED_UP: "rounded up",
    AmountClass.TIP: "a round sum on top",
    AmountClass.DOUBLE: "paid twice over",
    AmountClass.SURCHARGE: "a surcharge",
}
_SHARES = {
    AmountClass.INSTALMENT: "The amount is a usual part of {}: an instalment.",
    AmountClass.SHARE: "The amount is a round share of {}: an instalment.",
    AmountClass.PART: "The amount is part of what is open: {}.",
    AmountClass.FAR_OVER: "The amount is far more than what is open: {}.",
    AmountClass.SLIGHTLY_OVER: "The amount is a little more than what is open: {}.",
    AmountClass.INSTRUCTED: "What the payer ordered is exactly what is open: {}.",
    AmountClass.NEAR_MID_RATE: "The amount is near what is open at the mid rate: {}.",
    AmountClass.FAR_FROM_MID_RATE: "The amount is not far from what is open at the mid rate: {}.",
}


def amount(found: AmountClass, *, count: int, balance: str, difference: str, is_less: bool) -> str:
    """Return how the amount relates to what is open."""
    what = "what is open" if count == 1 else f"the sum of {count} open invoices"
    if found is AmountClass.EXACT:
        return f"The amount is exactly {what}: {balance}."
    if found in _SHARES:
        return _SHARES[found].format(balance)
    than = "less than" if is_less else "more than"
    return f"The amount is {difference} {than} {what}: {_AMOUNTS[found]}."


def netted(count: int, deducted: str) -> str:
    """Return that an amount is what is open, less credit that the customer has."""
    what = "what is open" if count == 1 else f"the sum of {count} open invoices"
    return f"The amount is exactly {what}, less {deducted} of credit that the customer has."


@cache
def amount_in_short(found: AmountClass, count: int) -> str:
    """Return how the amount relates to what is open, in a few words."""
    what = "its balance" if count == 1 else f"the sum of {count} balances"
    if found is AmountClass.EXACT:
        return f"amount equals {what}"
    words = {
        **{each: f"amount differs from {what}: {text}" for each, text in _AMOUNTS.items()},
        AmountClass.INSTALMENT: f"amount is an instalment of {what}",
        AmountClass.SHARE: f"amount is an instalment of {what}",
        AmountClass.PART: f"amount is part of {what}",
        AmountClass.FAR_OVER: f"amount is far above {what}",
        AmountClass.SLIGHTLY_OVER: f"amount is a little above {what}",
        AmountClass.INSTRUCTED: f"amount ordered equals {what}",
        AmountClass.NEAR_MID_RATE: f"amount is near {what} at the mid rate",
        AmountClass.FAR_FROM_MID_RATE: f"amount is roughly {what} at the mid rate",
    }
    return words[found]


SURE_ACCOUNTS = frozenset(("on_file", "seen_once", "seen_often"))


@cache
def account(answer: str, times: int) -> str:
    """Return what the payer's account says of the customer."""
    if answer == "on_file":
        return "Paid from an account on file for this customer."
    if answer in {"seen_once", "seen_often"}:
        return f"Paid from the account that paid this customer{_times(times)}."
    return {
        "shared_mostly": "Paid from an account that pays mostly for this customer.",
        "shared": "Paid from an account that pays for this customer, and for others.",
        "others": "Paid from an account that is known to pay for another customer.",
        "many": "Paid from an account that pays for many customers.",
    }.get(answer, "")


@cache
def alias(answer: str, times: int) -> str:
    """Return what the payer's very name said before."""
    if answer in {"seen_once", "seen_often"}:
        return f"Paid under a name that paid this customer{_times(times)}."
    return {
        "shared": "Paid under a name that pays for this customer, and for others.",
        "others": "Paid under a name that is known to pay for another customer.",
    }.get(answer, "")


def _times(times: int) -> str:
    return {0: " before", 1: " once", 2: " twice"}.get(times, f" {times} times")


def in_short(sentence: str) -> str:
    """Return a sentence as a part of another."""
    return sentence[:1].lower() + sentence[1:].removesuffix(".")


def name(answer: str, customer: str) -> tuple[EvidenceKind, str]:
    """Return how like the payer's name is to the customer's."""
    how = answer.partition("_")[0]
    if how in {"same", "like", "akin", "remote"}:
        text = {
            "same": f"The payer's name is {customer}",
            "like": f"The payer's name is like {customer}",
            "akin": f"The payer's name shares much with {customer}",
            "remote": f"The payer's name shares something with {customer}",
        }[how]
        many = "; others are called so, too." if answer.endswith("common") else "."
        return EvidenceKind.PAYER_NAME, text + many
    return EvidenceKind.CONTRADICTION, {
        "stranger": f"The payer is called otherwise than {customer}.",
        "others": f"The payer is called like another customer, not {customer}.",
    }.get(answer, "")


RANK = {
    "level": "The payer may as well be another customer.",
    "behind": "The payer seems to be another customer.",
    "far_behind": "The payer seems to be another customer.",
}


def in_text(answer: str, customer: str) -> tuple[EvidenceKind, str]:
    """Return whose name stands in the text."""
    if answer == "others":
        return EvidenceKind.CONTRADICTION, f"The text names another customer than {customer}."
    is_named = answer not in {"", "nothing"}
    return EvidenceKind.NAME_IN_TEXT, f"The text names {customer}." if is_named else ""


def customer_number(answer: str) -> tuple[EvidenceKind, str]:
    """Return whose customer number is quoted."""
    if answer == "this":
        return EvidenceKind.CUSTOMER_NUMBER, "The text quotes this customer's number."
    if answer == "other":
        return EvidenceKind.CONTRADICTION, "The text quotes another customer's number."
    return EvidenceKind.CUSTOMER_NUMBER, ""


@cache
def date(lag: str, habit: str) -> str:
    """Return when the payment came."""
    text = {
        "long_before": "The payment came before the invoice was issued",
        "before": "The payment came just before the invoice was issued",
        "early": "The payment came well before it was due",
        "on_time": "The payment came about when it was due",
        "late": "The payment came soon after it was due",
        "later": "The payment came weeks after it was due",
        "very_late": "The payment came late",
        "ancient": "The payment came very late",
    }.get(lag, "The payment came some time")
    return text + {
        "near": ", as this customer pays.",
        "fair": ", about as this customer pays.",
        "off": ", not as this customer pays.",
        "far": ", which is unlike this customer.",
    }.get(habit, ".")


@cache
def open_items(form: str, *, count: int, members: int, is_asked: bool, equal: int) -> str:
    """Return how the explanation stands among what the customer owes."""
    kind = form.rstrip("0123456789")
    if kind in _SETS:
        return _SETS[kind].format(members)
    if not is_asked:
        return ""
    if kind == "sum":
        return f"They are {members} of the customer's {count} open invoices."
    if count == 1:
        return "It is the customer's only open invoice."
    more = f", {equal} others just like it" if equal else ""
    return f"It is one of the customer's {count} open invoices{more}."


_SETS = {
    "netted": "Invoices and credit belong to the same customer.",
    "across": "They belong to several customers.",
    "all": "They are all {} open invoices of the customer.",
    "run": "They are the customer's oldest debts.",
    "equal": "They are the oldest of the customer's equal debts.",
}


@cache
def words(answer: str) -> str:
    """Return what the text says that payments of invoices seldom say."""
    return {
        "prepayment": "The text says that it is paid in advance.",
        "own": "The text sounds like a transfer between own accounts.",
        "misc": "The text sounds like money that no invoice asked for.",
        "order": "The text quotes an order or a contract.",
    }.get(answer.partition("+")[0], "")
