"""The ways in which a bank can differ, as values."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

from payymo.domain.ledger.balances import USUAL_BALANCE_RULE, BalanceRule

type IdField = Literal[
    "transactionId", "internalTransactionId", "entryReference", "proprietaryBankTransactionCode"
]
type DateField = Literal["bookingDate", "bookingDateTime", "valueDate", "valueDateTime"]
type CleanLine = Callable[[str], str]
type JoinLines = Callable[[Sequence[str]], str]

BOOKING_FIRST: tuple[DateField, ...] = (
    "bookingDate", "bookingDateTime", "valueDate", "valueDateTime",
)  # fmt: skip
VALUE_FIRST: tuple[DateField, ...] = (
    "valueDate", "valueDateTime", "bookingDate", "bookingDateTime",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class BankQuirks:
    """How one family of banks differs from what the API describes.

    :ivar family: What people call it.
    :ivar institutions: Starts of the institution ids that belong to the family.
    :ivar bics: Starts of the BICs, which end institution ids.
    :ivar trusted_id: Field that is unique and stays, also when a row is restated.
    :ivar transaction_id_is_shared: Different rows carry the same ``transactionId``.
    :ivar transaction_id: What a real ``transactionId`` looks like; others are discarded.
    :ivar provisional_id: Ids of rows in ``booked`` that will come again under another id.
    :ivar dates: Where the day that the bank's users expect is found, best first.
    :ivar books_on_next_first: ``bookingDate`` may be the first of the month after the purchase.
    :ivar purchase_day_in_text: The text of a booked card payment holds its true day.
    :ivar spending_is_positive: Signs are the wrong way round.
    :ivar unsigned_purchase: How a pending purchase begins whose amount has no minus sign.
    :ivar billed_currency: The account's amount stands in the text; in this currency, where
        neither the text nor the account says which.
    :ivar names_are_own: Creditor and debtor are the account holder; the text names the other.
    :ivar pending_names_nobody: Names and text of pending rows are placeholders.
    :ivar bank_ibans: Counterparty accounts that are the bank's own.
    :ivar name_prefix: What stands before every name of a card payment.
    :ivar payee_forms: Lines of which the whole form is known, from their start.
    :ivar clean_line: Takes out of each line of the text what is not for people.
    :ivar join_lines: Makes the description out of the lines of the text.
    :ivar balance_rule: Which of the reported balances is the booked one.
    """

    family: str
    institutions: tuple[str, ...] = ()
    bics: tuple[str, ...] = ()
    trusted_id: IdField | None = None
    transaction_id_is_shared: bool = False
    transaction_id: re.Pattern[str] | None = None
    provisional_id: re.Pattern[str] | None = None
    dates: tuple[DateField, ...] = BOOKING_FIRST
    books_on_next_first: bool = False
    purchase_day_in_text: bool = False
    spending_is_positive: bool = False
    unsigned_purchase: str | None = None
    billed_currency: str | None = None
    names_are_own: bool = False
    pending_names_nobody: bool = False
    bank_ibans: frozenset[str] = frozenset()
    name_prefix: str | None = None
    payee_forms: tuple[re.Pattern[str], ...] = ()
    clean_line: CleanLine | None = None
    join_lines: JoinLines | None = None
    balance_rule: BalanceRule = USUAL_BALANCE_RULE


#: A bank that does what the API describes.
ORDINARY = BankQuirks("ordinary")
