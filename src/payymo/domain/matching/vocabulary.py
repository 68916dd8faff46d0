"""Words by which a text says what it is about, in the languages of Europe, folded."""

from collections.abc import Sequence
from itertools import pairwise
from typing import Final

from payymo.domain.matching.normalise import PROCESSORS

PREPAYMENT_WORDS: Final = frozenset(
    """
    AANBETALING ABSCHLAG ABSCHLAGSZAHLUNG ACCONTO ACOMPTE ADVANCE AKONTO ANTICIPADO ANTICIPATION
    ANTICIPO ANZAHLUNG ARRHES AVANCE AVANS CAPARRA DEPOSIT DEPOSITO DEPOSITUM DOWNPAYMENT
    ENNAKKOMAKSU ENNAKKO KASIRAHA KAESIRAHA FORSKUDSBETALING FORSKUDDSBETALING FORSKOTTSBETALNING
    ETUKATEISMAKSU FORSKOTT FORSKUD FORSKUDD HANDPENNING HANDPENG PREPAID
    PREPAYMENT PROVISION RETAINER SENAL UPFRONT VOORSCHOT VOORUITBETALING VORAUS VORAUSZAHLUNG
    VORKASSE VORSCHUSS
    """.split()
)
_ON_ACCOUNT: Final = frozenset(
    (
        ("ON", "ACCOUNT"), ("A", "CONTO"), ("A", "KONTO"), ("A", "CUENTA"), ("POR", "CONTA"),
        ("IN", "ADVANCE"),
    )
)  # fmt: skip
OWN_WORDS: Final = frozenset(
    """
    SAVINGS TRANSFER OWN UMBUCHUNG UEBERTRAG UBERTRAG EIGENUBERTRAG INTERNAL OVERBOEKING SPAREN
    SPAARREKENING TREASURY SWEEP OVERFORING OVERFORSEL GIROCONTO EIGEN
    """.split()
)
MISC_WORDS: Final = frozenset(
    """
    INTEREST ZINSEN RENTE RENTA INTERETS INTERESSI TAX VAT STEUER FINANZAMT BELASTINGDIENST HMRC
    SKATTEVERKET SKAT SKATTEETATEN INSURANCE VERSICHERUNG ASSURANCE VERZEKERING CLAIM GRANT SUBSIDY
    FORDERUNG REFUND RETURNED REPAY REPAYMENT REMBOURSEMENT ERSTATTUNG RUCKZAHLUNG RUCKLASTSCHRIFT
    DONATION SPENDE DON RENT MIETE LOYER HUUR LOAN DARLEHEN SALARY DIVIDEND CASHBACK GIFT PRIVATE
    PRIVAT HOLIDAY URLAUB BIRTHDAY IRPF AGENCIA TRIBUTARIA URSSAF BIKE FAHRRAD FIETS CADEAU KADO
    GESCHENK PRESENT REGALO REGALI GAVE LAHJA SPESE RIMBORSO SPESEN EXPENSES FRAIS AUSLAGEN UTLEGG
    UTLAGG VACANCES VACANZE VACACIONES VAKANTIE SEMESTER SUBVENTION ZUSCHUSS BIDRAG GEHALT STIPEND
    PENSION UITKERING RESTITUTION RESTITUTIE TERUGBETALING TERUGGAVE AVOIR GUTSCHRIFTEN BONUS
    """.split()
)
ORDER_WORDS: Final = frozenset(
    "PO ORDER AUFTRAG BESTELLUNG BESTELLING COMMANDE ORDINE PEDIDO ORDRE CONTRACT VERTRAG QUOTE "
    "ANGEBOT OFFERTE DEVIS BATCH PAYOUT PID".split()
)

#: What a number may be said to be that is no invoice's, before it, beside the words for orders.
_ORDER_LABELS: Final = ORDER_WORDS | frozenset(
    """
    AFTALE BEST BESTNR BESTNUMMER CDE CONTRAT CONTRATO CONTRATTO ENCOMENDA KONTRAKT OFFERT OFFRE ORD
    ORDERNR ORDERNUMMER ORCAMENTO ORDENR ORDRENR PAKKUMINE POLICY PRESUPUESTO PREVENTIVO PROJECT
    PROJEKT PROJET PURCHASE QUOTATION REKV REKVNR REKVISITION TARJOUS TELLIMUS TILAUS TILBUD
    """.split()
)
_CUSTOMER_LABELS: Final = frozenset(
    """
    AC ACC ACCOUNT ASIAKAS ASIAKASNRO ASIAKASNUMERO CLIENT CLIENTE CUST CUSTOMER DEB DEBITEUR
    DEBITEURNR DEBITOR DEBITORNR KD KDN KDNR KLANT KLANTNR KLANTNUMMER KLIENDI KLIENT KN KUND KUNDE
    KUNDEN KUNDENNR KUNDENNUMMER KUNDENR KUNDENUMMER KUNDNR KUNDNUMMER MEMBER RELATIE RELATIENR
    """.split()
)
_NUMBER_LABELS: Final = frozenset(("N", "NO", "NR", "NUM", "NUMBER", "NUMERO", "NUMMER"))

#: Words for part of what is owed.
_PART_WORDS: Final = frozenset(
    """
    ABSCHLAGSZAHLUNG AFDRAG AVBETALNING AVDRAG DEELBETALING DELBETALING DELBETALNING ECHEANCE
    INSTALLMENT INSTALMENT OSAMAKSE OSAMAKSU PARCIAL PARTIAL PLAZO PRESTACAO RATA RATE RESTBETRAG
    TEILBETRAG TEILZAHLUNG TERMIJN
    """.split()
)
_OF_PART: Final = frozenset(
    (
        ("PART", "PAYMENT"), ("SOLDE", "PARTIEL"), ("ACOMPTE", "SUR"), ("ACCONTO", "SU"),
        ("DEL", "1"), ("ERA", "1"), ("1E", "DEEL"), ("1ST", "HALF"), ("2ND", "HALF"),
        ("BALANCE", "TO"),
    )
)  # fmt: skip

#: Words that are known as one when a bank has broken them.
WHOLE_WORDS: Final = (
    PROCESSORS | PREPAYMENT_WORDS | OWN_WORDS | MISC_WORDS | _PART_WORDS | _ORDER_LABELS
    | _CUSTOMER_LABELS
)  # fmt: skip


def says_prepaid(words: Sequence[str]) -> bool:
    """Return whether a text says that something is paid ahead, or on account."""
    return not PREPAYMENT_WORDS.isdisjoint(words) or not _ON_ACCOUNT.isdisjoint(pairwise(words))


def says_part(words: Sequence[str]) -> bool:
    """Return whether a text says that part of something is paid."""
    return not _PART_WORDS.isdisjoint(words) or not _OF_PART.isdisjoint(pairwise(words))


def is_of_customer(words: Sequence[str], at: int) -> bool:
    """Return whether the number at a place of a text is said to be a customer's."""
    return _label_of(words, at) in _CUSTOMER_LABELS


def is_of_order(words: Sequence[str], at: int) -> bool:
    """Return whether the number at a place of a text is said to be an order's, or the like."""
    return _label_of(words, at) in _ORDER_LABELS


def _label_of(words: Sequence[str], at: int) -> str:
    """Return what stands before a number, "no." left out."""
    if at and words[at - 1] in _NUMBER_LABELS and at > 1:
        return words[at - 2]
    return words[at - 1] if at else ""
