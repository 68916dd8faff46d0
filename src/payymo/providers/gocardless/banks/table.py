"""The banks that differ, and how. A bank that is not here is ordinary.

A row is added when a bank is seen to differ, with what was seen; a rule that holds for many
banks belongs in ``texts`` instead.
"""

import re
from functools import lru_cache
from typing import Final

from payymo.domain.enums import BalanceType
from payymo.domain.ledger.balances import BalanceRule, first_of
from payymo.providers.gocardless.banks.quirks import (
    ORDINARY,
    VALUE_FIRST,
    BankQuirks,
)
from payymo.providers.gocardless.banks.wording import (
    join_with_commas,
    join_wrapped,
    without_instructions,
)


def _form(text: str) -> re.Pattern[str]:
    return re.compile(text, re.IGNORECASE)


#: The first row that fits an institution counts.
BANKS: Final = (
    BankQuirks(  # the day of the purchase is valueDateTime; one thing per line
        family="ABN AMRO",
        bics=("ABNANL2A",),
        dates=("valueDateTime", "valueDate", "bookingDate", "bookingDateTime"),
        join_lines=join_with_commas,
    ),
    BankQuirks(  # one id for many rows; the account holder's name on card payments
        family="Abanca",
        institutions=("ABANCA_",),
        bics=("CAGLESMM",),
        trusted_id="internalTransactionId",
        transaction_id_is_shared=True,
        names_are_own=True,
    ),
    BankQuirks(family="Sabadell", bics=("BSABESBB",), names_are_own=True),
    BankQuirks(  # different rows share an id
        family="Belfius and Co-operative Bank",
        bics=("GKCCBEBB", "CPBKGB22"),
        trusted_id="internalTransactionId",
        transaction_id_is_shared=True,
    ),
    BankQuirks(
        family="Bankinter",
        institutions=("BANKINTER_",),
        bics=("BKBKESMM",),
        clean_line=without_instructions,
    ),
    BankQuirks(  # lines in no fixed order
        family="Boursorama",
        institutions=("BOURSORAMA_", "BOURSOBANK_"),
        bics=("BOUSFRPP",),
        payee_forms=(
            _form(
                r"(?:CARTE|AVOIR|RETRAIT DAB) \d\d/\d\d/\d\d (?P<payee>.+?)"
                r"(?: \d+)?(?: CB\*\S+)?$"
            ),
            _form(r"(?:VIR|PRLV)(?: INST| SEPA)* (?P<payee>.+)"),
        ),
    ),
    BankQuirks(  # the text is wrapped at 35 characters, also within keywords
        family="Commerzbank",
        institutions=("COMMERZBANK_",),
        bics=("COBADEFF",),
        join_lines=join_wrapped,
    ),
    BankQuirks(  # all card payments go to the bank's own account
        family="DKB",
        institutions=("DKB_",),
        bank_ibans=frozenset({"DE96120300009005290904"}),
    ),
    BankQuirks(  # foreign amount in the amount, account's amount in the text
        family="Entercard",
        institutions=("ENTERCARD_",),
        dates=VALUE_FIRST,
        billed_currency="SEK",
    ),
    BankQuirks(  # booking and value are swapped, or value is the day of the purchase
        family="mBank, Isybank and HYPE",
        bics=("BREXPLPW", "BREXCZPP", "ITBBITMM", "HYEEIT22"),
        dates=VALUE_FIRST,
    ),
    BankQuirks(  # a short word for the kind of payment, which elsewhere begins names
        family="HSBC UK",
        institutions=("HSBC_",),
        bics=("HBUKGB4B", "MIDLGB22"),
        payee_forms=(re.compile(r"(?:VIS|DD|CR|BP|SO|OBP|ATM|\){3}) (?P<payee>.+)"),),
    ),
    BankQuirks(  # value is the day of the purchase; rows state the interim balance after them
        family="ING PL",
        bics=("INGBPLPW",),
        dates=VALUE_FIRST,
        balance_rule=first_of(
            BalanceType.INTERIM_BOOKED, BalanceType.CLOSING_BOOKED, BalanceType.EXPECTED
        ),
    ),
    BankQuirks(  # card payments name the scheme before the shop
        family="ING DE",
        bics=("INGDDEFF",),
        name_prefix="VISA ",
    ),
    BankQuirks(  # the shop stands before the words for the kind of payment
        family="KBC and CBC",
        institutions=("KBC_", "CBC_"),
        bics=("KREDBEBB", "CREGBEBB"),
        payee_forms=(
            _form(
                r"(?P<payee>.+?) (?:Betaling|Paiement|Domiciliëring|Domiciliation|Overschrijving"
                r"|Transfert|Virement|Ordre permanent|Doorlopende)\b"
            ),
        ),
    ),
    BankQuirks(  # the day of a card payment stands in its text
        family="LHV and Swedbank in the Baltics",
        institutions=("LHV_", "SWEDBANK_HABA"),
        bics=("HABALV22", "HABAEE2X", "HABALT22"),
        purchase_day_in_text=True,
    ),
    BankQuirks(  # ids of pending rows are made up, and change
        family="Nationwide",
        institutions=("NATIONWIDE_",),
        bics=("NAIAGB21",),
        transaction_id=re.compile(r"(?!00(?:DEBIT|CREDIT))(?:.{32}|.{40})"),
    ),
    BankQuirks(
        family="National Bank of Greece",
        institutions=("NBG_",),
        bics=("ETHNGRAA",),
        unsigned_purchase="ΑΓΟΡΑ ",
    ),
    BankQuirks(  # P is a provisional row; it comes again as H
        family="Nordea DK",
        bics=("NDEADKKK",),
        provisional_id=re.compile(r"P\d"),
    ),
    BankQuirks(
        family="Norwegian",
        institutions=("NORWEGIAN_",),
        bics=("NORWNOK1",),
        books_on_next_first=True,
    ),
    BankQuirks(  # both ids change between pulls
        family="SpareBank 1 SR-Bank",
        institutions=("SPAREBANK_SR_BANK_",),
        trusted_id="proprietaryBankTransactionCode",
    ),
    BankQuirks(family="Sparkasse Düsseldorf", bics=("DUSSDEDD",), pending_names_nobody=True),
    BankQuirks(family="Cetelem", institutions=("CETELEM_",), spending_is_positive=True),
    BankQuirks(  # all brands of one issuer: debt is positive, without the newest rows
        family="SEB Kort",
        bics=("SKHSFI21",),
        spending_is_positive=True,
        balance_rule=BalanceRule((((BalanceType.EXPECTED, -1), (BalanceType.NON_INVOICED, 1)),)),
    ),
    BankQuirks(  # says only one balance, of a type that means nothing elsewhere
        family="American Express",
        institutions=("AMERICAN_EXPRESS_",),
        bics=("AESUDEF1",),
        balance_rule=first_of(BalanceType.INFORMATION),
    ),
)


@lru_cache(maxsize=4096)
def quirks_of(institution_id: str | None) -> BankQuirks:
    """Return how a bank differs.

    :param institution_id: GoCardless's id of the bank, which is a name and a BIC; ``None`` counts
        as ordinary.
    """
    if institution_id is None:
        return ORDINARY
    bic = institution_id.rpartition("_")[2]
    for quirks in BANKS:
        if institution_id.startswith(quirks.institutions) or bic.startswith(quirks.bics):
            return quirks
    return ORDINARY
