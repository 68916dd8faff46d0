"""How often what happens: one table for each profile, each rate with its ground.

The ground of a rate is a letter: *S*, seen in statements and fixtures of banks and of open source;
*D*, derived from a published data set; *P*, plausible, and nobody has published a figure. Each book
moves all of them a little by its seed.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from types import MappingProxyType

from benchmarks.matching.randomness import Source

#: By what factor at most a book's rates differ from the table, either way.
JITTER = 1.25


def _of(**weights: float) -> Mapping[str, float]:
    return MappingProxyType(weights)


@dataclass(frozen=True, slots=True)
class Rates:
    """Shares from 0 to 1, and weights by name."""

    # --- what the bank does to a text
    #: British lines whose reference is cut at 18 signs. S: Bacs and Faster Payments.
    cut_at_18: float = 0.75
    #: British payers who quote the bare number so that it fits. S: advice of the Payments Council.
    shortened_to_fit: float = 0.85
    #: Lines whose text is cut at 35 signs instead of 140. S: MT940.
    cut_at_35: float = 0.06
    #: Payer names cut at 35 signs instead of 70 (British at 18). S: fixtures.
    name_cut_at_35: float = 0.35
    #: German and Swiss lines wrapped in cells of 27, with a blank where a cell ends. S: MT940.
    wrapped_in_cells: float = 0.5
    #: Lines with a line break inside a word elsewhere. S: fixtures.
    wrapped_anywhere: float = 0.05
    #: Lines whose payer's name stands only in the text. S: fixtures; shares P.
    name_in_text_gb: float = 0.24
    name_in_text_fr: float = 0.20
    #: Lines that name nobody. S.
    name_missing: float = 0.06
    #: Banks that show the payer's IBAN. P.
    iban_shown: float = 0.62
    #: What stands in the end-to-end id. S for NOTPROVIDED, shares P.
    end_to_end: Mapping[str, float] = _of(notprovided=0.52, absent=0.18, random=0.26, number=0.04)
    #: Capitals only; punctuation lost; diacritics folded. S; shares P.
    upper_case: float = 0.66
    no_punctuation: float = 0.55
    no_diacritics: float = 0.85
    #: Banks that put their own labels and numbers around a text. S; share P.
    labelled: float = 0.42

    # --- what payers quote
    #: A customer's way to quote a number. P, after many fixtures.
    quoting: Mapping[str, float] = _of(
        exact=0.53, cosmetic=0.16, partial=0.09, other=0.055, none=0.165
    )
    #: Payments that leave their customer's way. P.
    departs: float = 0.12
    #: Quoted numbers with a slip of the hand, and which. P.
    typo: float = 0.028
    typo_kinds: Mapping[str, float] = _of(
        substituted=0.50, swapped=0.25, dropped=0.15, doubled=0.10
    )
    #: Customers who use the structured reference that they get. S for the Nordic habit, else P.
    structured: Mapping[str, float] = _of(
        FI=0.90, EE=0.80, NO=0.85, CH=0.85, SE=0.80, BE=0.75, DK=0.70, DE=0.06, NL=0.06, FR=0.06,
        AT=0.10, IT=0.04, ES=0.04, PT=0.04, GB=0.0, IE=0.0,
    )  # fmt: skip
    #: Where the structured reference ends up. P.
    structured_place: Mapping[str, float] = _of(field=0.86, text=0.08, damaged=0.02, absent=0.04)
    #: How several numbers are quoted together. P, after fixtures ("22257 & 2386 & 2573", "+3").
    lists: Mapping[str, float] = _of(all=0.57, none=0.22, tails=0.16, count=0.05)

    # --- who pays
    #: P; that accounts carry 3.4 spellings on average, and up to 11, D (a vendor's sample file).
    payers: Mapping[str, float] = _of(own=0.80, person=0.08, affiliate=0.07, agent=0.05)
    affiliate_shares_word: float = 0.55
    legal_form_dropped: float = 0.30
    abbreviated: float = 0.17
    word_dropped: float = 0.08
    trading_as: float = 0.03
    name_typo: float = 0.03
    #: How a person's name is written. P, after fixtures.
    person_forms: Mapping[str, float] = _of(
        plain=0.50, surname_initial=0.22, titled=0.14, last_first=0.08, joint=0.06
    )
    #: Payments whose payer is spelled otherwise than the customer's last one. D, as above.
    respelled: float = 0.38
    #: Companies with one or two siblings of nearly the same name. P.
    siblings: float = 0.03
    #: Customers that are people. P.
    people: float = 0.22
    #: Customers whose account is on file, and how often it is an old one. P.
    iban_on_file: float = 0.30
    iban_outdated: float = 0.12

    # --- what is paid
    #: Customers with a subscription; the rest are billed once and again. P.
    subscribers: float = 0.32
    #: Subscribers with a second subscription at the same price. P.
    second_subscription: float = 0.12
    #: One-off invoices that were part-paid before. P.
    part_paid: float = 0.03
    #: Payments of several invoices, and those of them that arrive short by a fee. P.
    combined: float = 0.075
    combined_short: float = 0.07
    #: One-off invoices of 50 or more paid in two or three parts, and those that stop early. P.
    instalments: float = 0.044
    stops_early: float = 0.40
    #: Payments of one invoice: how the amount differs. P.
    bank_fee: float = 0.018
    rounding: float = 0.015
    discount: float = 0.020
    overpaid: float = 0.015
    processor: float = 0.035
    processor_net: float = 0.50
    #: What a processor tells of the payer. S for the bare id, shares P.
    processor_tells: Mapping[str, float] = _of(id=0.25, name=0.37, number=0.38)
    #: Customers who are billed in another currency than they pay in. P.
    foreign: float = 0.022
    instructed_known: float = 0.40

    # --- when
    #: A customer's habit. D: quantiles of settled minus due in a sample of receivables.
    lags: Mapping[str, float] = _of(early=0.36, on_time=0.35, late=0.25, very_late=0.04)
    stray: float = 0.02
    terms: Mapping[str, float] = _of(d30=0.55, d14=0.25, d60=0.10, d7=0.06, d0=0.04)

    # --- what belongs to no invoice
    #: Their share of all lines. P; chosen so that rules by amount alone or number alone suffer.
    negatives: float = 0.17
    negative_kinds: Mapping[str, float] = _of(
        stranger_same_amount=0.17, stranger=0.14, prepayment=0.13, paid_ref=0.13, payout_batch=0.11,
        outgoing=0.10, duplicate=0.06, internal=0.06, misc_income=0.06, refund=0.04,
    )  # fmt: skip

    # --- what is known of before
    #: Customers who came before the book begins, and confirmed payments, as a share of lines. P.
    known_before: float = 0.65
    history: float = 0.45
    #: Numbers paid long ago, quoted or sent back, whose payment is among the confirmed ones. P.
    closed_known: float = 0.88

    # --- what only the tangled profile has; all P, as shares of payments
    #: Less a credit note.
    credit_netted: float = 0.0
    #: By the parent of a group, for several of its companies.
    group_paid: float = 0.0
    #: That quote the open number of another customer.
    stolen_reference: float = 0.0
    #: By a factor, less what it keeps back.
    factored: float = 0.0
    #: By an agent, for several of its customers in one line.
    several_customers: float = 0.0

    def jittered(self, source: Source, factor: float = JITTER) -> "Rates":
        """Return rates each of which is up to a factor higher or lower."""

        def moved(value: float) -> float:
            return value * math.exp(source.within(-1, 1) * math.log(factor))

        changes: dict[str, object] = {}
        for field in fields(self):
            value = getattr(self, field.name)
            if isinstance(value, float):
                changes[field.name] = value if value in {0.0, 1.0} else min(moved(value), 0.97)
            elif field.name == "structured":  # shares of their own, not of one whole
                changes[field.name] = {key: min(moved(share), 0.97) for key, share in value.items()}
            else:
                weights = {key: moved(share) for key, share in value.items()}
                total = sum(weights.values())
                changes[field.name] = {key: share / total for key, share in weights.items()}
        return replace(self, **changes)  # type: ignore[arg-type] # each as its field was


MIXED = Rates()

#: Few prices, many equal amounts, and payers who quote less: most pay by standing order.
SUBSCRIPTION = replace(
    MIXED,
    subscribers=0.77,
    second_subscription=0.15,
    quoting=_of(exact=0.40, cosmetic=0.14, partial=0.10, other=0.06, none=0.30),
    combined=0.065,
    processor=0.055,
    people=0.30,
    payers=_of(own=0.86, person=0.06, affiliate=0.04, agent=0.04),
)

#: More of everything that goes wrong.
HARD = replace(
    MIXED,
    quoting=_of(exact=0.42, cosmetic=0.19, partial=0.13, other=0.07, none=0.19),
    departs=0.18,
    typo=0.055,
    payers=_of(own=0.70, person=0.11, affiliate=0.10, agent=0.09),
    siblings=0.09,
    name_missing=0.09,
    name_typo=0.05,
    iban_shown=0.52,
    iban_on_file=0.22,
    known_before=0.55,
    combined=0.10,
    bank_fee=0.027,
    processor=0.045,
    negatives=0.22,
    subscribers=0.38,
)

#: What the other profiles leave out: lines that are netted, assigned, for several, or misquoted.
TANGLED = replace(
    MIXED,
    siblings=0.12,
    combined=0.045,
    negatives=0.20,
    payers=_of(own=0.78, person=0.07, affiliate=0.07, agent=0.08),
    credit_netted=0.03,
    group_paid=0.03,
    stolen_reference=0.02,
    factored=0.03,
    several_customers=0.025,
    negative_kinds=MappingProxyType({**MIXED.negative_kinds, "borrowed_number": 0.06}),
)

PROFILES: Mapping[str, Rates] = MappingProxyType(
    {"mixed": MIXED, "subscription": SUBSCRIPTION, "hard": HARD, "tangled": TANGLED}
)
