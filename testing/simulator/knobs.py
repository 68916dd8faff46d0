"""Every way in which a bank misbehaves, by name, with the number of what was seen.

A bank is a mixture: each knob that it turns has an intensity, which is the share of rows, days or
answers that it strikes. Some habits come only with a bank that Payymo knows by its institution id,
as no reader could tell them otherwise: they are a :class:`Family`.
"""

import random
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final


@dataclass(frozen=True)
class Knob:
    """One misbehaviour.

    :ivar quirk: Its number in the collection of what was seen at real banks.
    :ivar meaning: What the bank does.
    :ivar strongest: The largest intensity that a bank is drawn with.
    :ivar share: Of how many banks it is.
    """

    name: str
    quirk: str
    meaning: str
    strongest: float = 1.0
    share: float = 0.2


def _catalogue(*knobs: Knob) -> Mapping[str, Knob]:
    return {knob.name: knob for knob in knobs}


KNOBS: Final = _catalogue(
    # --- ids ---
    Knob("no_transaction_id", "1.1", "rows have no transactionId"),
    Knob("no_internal_id", "1.1", "rows have no internalTransactionId"),
    Knob("blank_transaction_id", "1.2", "transactionId is a blank"),
    Knob("placeholder_transaction_id", "1.2", "transactionId is NOTPROVIDED"),
    Knob("shared_transaction_id", "1.3", "many rows carry the transactionId 9998", 0.6),
    Knob("few_transaction_ids", "1.3", "ids come from a handful, again and again", 0.6, 0.1),
    Knob(
        "ids_of_content", "1.3", "the internal id comes of amount and text, so it recurs", 0.7, 0.1
    ),
    Knob("ids_of_account_only", "1.4", "each account counts its ids from the same start"),
    Knob("pending_ids_differ", "1.5", "ids change as a pending row books"),
    Knob(
        "volatile_internal_id",
        "1.6",
        "internalTransactionId carries the day of the pull",
        share=0.07,
    ),
    Knob("volatile_transaction_id", "1.6", "transactionId carries the day of the pull", share=0.07),
    Knob("moving_day", "1.6", "a booked row's bookingDate and internal id move later", 0.2),
    Knob("date_before_text", "1.6", "the text gets a date in front some days later", 0.4),
    Knob("words_added_later", "1.6", "the text gets a city some days later", 0.3),
    Knob("provisional_first", "1.7", "a provisional row gives way to the final one", 0.5, 0.1),
    Knob("twins", "1.8", "two purchases are equal in all that is told", 0.2),
    Knob("doubled", "1.9", "one payment is listed twice, and taken back later or not", 0.03),
    # --- pending ---
    Knob("ephemeral_pending", "2.1", "pending rows have other ids in each answer"),
    Knob("expired_pending", "2.1", "what is pending never books", 0.2),
    Knob("lingering_pending", "2.1", "a pending row stays for a day after it booked", 0.3),
    Knob("flickering_pending", "2.1", "a pending row is away for a day before it books", 0.2),
    Knob("undated_pending", "2.2", "pending rows have no date"),
    Knob("future_pending", "2.3", "pending rows have the last day on which they can book"),
    Knob("nameless_pending", "2.4", "the text of a pending row is a placeholder"),
    Knob("tips", "2.6", "the amount grows as it books", 0.3),
    Knob("moving_rates", "2.6", "a foreign amount books at another rate", 0.3),
    Knob("fuel_holds", "2.6", "one or a hundred is held until the price is known", 0.3),
    # --- days ---
    Knob("value_date_only", "3.1", "bookingDate is missing"),
    Knob("date_times_only", "3.1", "only the date-times are there"),
    Knob("other_date_time", "3.6", "bookingDateTime names another day than bookingDate", 0.6),
    Knob("zoned_stamps", "3.7", "date-times are midnight of some zone, as +01:00"),
    Knob("value_differs", "3.8", "valueDate is some days beside bookingDate", 0.3),
    Knob("window_by_value", "3.8", "date_from is held against valueDate"),
    Knob("back_dated", "3.9", "rows appear days after their date", 0.1, 0.4),
    # --- amounts ---
    Knob("foreign_rows", "4.3", "rows are in another currency than the account", 0.2),
    Knob("exchange_shapes", "4.4", "currencyExchange is an object, a list, or without a rate", 0.4),
    Knob("no_currency", "4.5", "the currency is XXX"),
    Knob("zero_rows", "4.6", "rows of no amount", 0.05),
    Knob(
        "odd_precision",
        "4.7",
        "amounts are written as -3.5, 5 or 5.000, not alike each day",
        share=0.07,
    ),
    # --- texts, as far as they tell rows apart ---
    Knob("listed_text", "5.8", "the string field holds a list"),
    Knob("shuffled_lines", "5.10", "the lines of a text change places", share=0.07),
    Knob("padded_names", "5.13", "names are padded with blanks", 0.6),
    # --- balances ---
    Knob("balance_after", "6.7", "each row has the balance after it, which changes with late rows"),
    # --- corrections ---
    Knob("withdrawn", "2.1", "the bank takes back what it had booked", 0.03, 0.3),
    Knob("corrected_amount", "1.10", "the bank corrects a booked amount under the same ids", 0.02),
    # --- consents and access ---
    Knob("refused_history", "7.2", "a consent for the long history is refused: 90 days it is"),
    Knob("long_history_once", "7.3", "only the first consent reaches back for years"),
    Knob("cut_history", "7.4", "answers begin later than asked, and do not say so", 0.15),
    Knob("new_account_ids", "7.5", "a renewal gives the account another id"),
    Knob("one_consent", "7.6", "while a new consent is asked for, the old one is dead"),
    Knob("ends_early", "7.7", "the consent is over before its time, seen at the next call", 0.5),
    Knob("silence", "7.7", "nobody renews for months", 0.5, 0.3),
    Knob("frozen_store", "7.13", "answers are of days ago, with a status of success", 0.1),
    Knob("throttled", "8.2", "429 instead of an answer", 0.1, 0.4),
    Knob("failing", "8.2", "5xx, a timeout, HTML or half an answer", 0.1, 0.4),
    Knob("empty_after_failure", "8.2", "right after a failure the answer is empty", 0.8),
    Knob("empty_now_and_then", "8.2", "an answer is empty out of the blue", 0.03, 0.2),
)


@dataclass(frozen=True)
class Family:
    """A bank that Payymo knows, with the habits that come with it.

    :ivar institution: GoCardless's id of such a bank.
    :ivar quirk: Numbers of what was seen at it.
    :ivar habits: Fields of :class:`testing.simulator.bank.Bank`'s rendering that differ.
    :ivar knobs: Knobs that are always on, with their intensity.
    :ivar never: Knobs that such a bank does not turn.
    """

    name: str
    institution: str
    quirk: str
    habits: frozenset[str] = frozenset()
    knobs: Mapping[str, float] = field(default_factory=dict)
    never: frozenset[str] = frozenset()


_NO_VALUE_GAMES: Final = frozenset({"value_differs", "value_date_only", "date_times_only"})

FAMILIES: Final = (
    Family("ordinary", "SIMULATED_BANK_SIMUGB2L", ""),
    Family(
        "one id for many",
        "BELFIUS_GKCCBEBB",
        "1.3",
        frozenset({"internal_id_trusted"}),
        {"shared_transaction_id": 0.8},
        frozenset({"no_internal_id", "volatile_internal_id", "moving_day", "ids_of_content"}),
    ),
    Family(
        "both ids change",
        "SPAREBANK_SR_BANK_SPRONO22",
        "1.6",
        frozenset({"proprietary_code_trusted"}),
        {"volatile_internal_id": 1.0, "volatile_transaction_id": 1.0},
    ),
    Family(
        "malformed pending ids",
        "NATIONWIDE_NAIAGB21",
        "1.5",
        frozenset({"long_ids"}),
        {"pending_ids_differ": 1.0, "future_pending": 1.0},
    ),
    Family(
        "provisional beside final",
        "NORDEA_NDEADKKK",
        "1.7",
        frozenset({"provisional_ids"}),
        {"provisional_first": 0.6},
        frozenset({"no_transaction_id", "blank_transaction_id", "placeholder_transaction_id"}),
    ),
    Family(
        "nobody is named yet",
        "STADTSPARKASSE_DUSSELDORF_DUSSDEDDXXX",
        "2.4",
        frozenset(),
        {"nameless_pending": 1.0},
    ),
    Family(
        "purchases without a sign",
        "NBG_ETHNGRAA",
        "2.5",
        frozenset({"unsigned_pending"}),
        {},
        frozenset({"nameless_pending"}),
    ),
    Family(
        "dates swapped", "MBANK_BREXPLPW", "3.2", frozenset({"swapped_dates"}),
        {"value_differs": 0.3}, frozenset({"value_date_only", "date_times_only"}),
    ),
    Family(
        "value is the purchase", "HYPE_HYEEIT22", "3.3", frozenset({"purchase_in_value"}),
        {}, _NO_VALUE_GAMES,
    ),
    Family(
        "first of the next month", "NORWEGIAN_NO_NORWNOK1", "3.4", frozenset({"next_month_first"}),
        {}, _NO_VALUE_GAMES | {"undated_pending", "window_by_value"},
    ),
    Family(
        "day in the text", "LHV_LHVBEE22", "3.5", frozenset({"day_in_text"}),
        {}, frozenset({"listed_text", "shuffled_lines", "date_before_text"}),
    ),
    Family("spending is positive", "SEB_KORT_BANK_AB_SKHSFI21", "4.1", frozenset({"positive"})),
    Family(
        "billed in the text", "ENTERCARD_SWEDEN", "4.2", frozenset({"billed_in_text"}),
        {}, frozenset({
            "foreign_rows", "no_currency", "listed_text", "shuffled_lines", "nameless_pending",
            "date_before_text", "zero_rows", "value_differs",
        }),
    ),
)  # fmt: skip

#: Knobs that strike only where another one does.
_NEEDS: Final = {"zoned_stamps": "other_date_time", "empty_after_failure": "failing"}

#: A bank turns so many knobs at most, besides those of its family.
_KNOBS_MAX: Final = 9


def draw(seed: random.Random) -> tuple[Family, dict[str, float]]:
    """Return a bank: one of the families, and a mixture of knobs with their intensities."""
    family = FAMILIES[0] if seed.random() < 0.5 else seed.choice(FAMILIES[1:])
    names = [
        name
        for name, knob in KNOBS.items()
        if name not in family.never and seed.random() < knob.share
    ]
    seed.shuffle(names)
    knobs = {
        name: KNOBS[name].strongest * seed.choice((0.2, 0.5, 1.0))
        for name in names[: seed.randint(0, _KNOBS_MAX)]
    }
    for name, needed in _NEEDS.items():
        if name in knobs and needed not in family.never:
            knobs.setdefault(needed, KNOBS[needed].strongest / 2)
    return family, knobs | dict(family.knobs)
